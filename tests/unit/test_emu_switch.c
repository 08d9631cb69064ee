/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The emulator's data path, inline: deterministic, for valgrind.
 */

#include "emu_switch_cases.h"

int
main(void)
{
	return emu_switch_cases(REVERE_EMU_INLINE, 1, "emu_switch");
}
