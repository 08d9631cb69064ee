/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* net/revere on a device with a worker thread: packets come when they come. */

#include <stdlib.h>

#include "net_revere_cases.h"

int
main(int argc, char **argv)
{
	return net_revere_cases_run(argv[0], "mode=threaded", argc > 1 ? atoi(argv[1]) : 1);
}
