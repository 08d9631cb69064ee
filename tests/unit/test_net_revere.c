/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* net/revere on a device without threads: deterministic, also run under valgrind. */

#include <stdlib.h>

#include "net_revere_cases.h"

int
main(int argc, char **argv)
{
	/* Argument 1: how much of each case, for a long run. */
	return net_revere_cases_run(argv[0], "mode=inline", argc > 1 ? atoi(argv[1]) : 1);
}
