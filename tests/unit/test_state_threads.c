/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Contexts saved, restored and moved while the devices' threads work on them. */

#include "state_cases.h"

int
main(int argc, char **argv)
{
	return state_cases_run(argc, argv, "mode=threaded", 200);
}
