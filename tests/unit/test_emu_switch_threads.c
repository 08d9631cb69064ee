/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The emulator's data path with one worker thread and with several, for ThreadSanitizer.
 */

#include "emu_switch_cases.h"

int
main(void)
{
	return emu_switch_cases(REVERE_EMU_THREADED, 1, "emu_switch, 1 worker") +
	       emu_switch_cases(REVERE_EMU_THREADED, 3, "emu_switch, 3 workers");
}
