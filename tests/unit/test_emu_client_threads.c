/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* A client written from the programming model alone: the device has a thread. */

#include "emu_client_cases.h"

int
main(void)
{
	return client_cases_run(REVERE_EMU_THREADED);
}
