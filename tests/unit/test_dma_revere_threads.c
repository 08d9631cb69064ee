/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* dma/revere on a device with a worker thread: answers come when they come. */

#include "dma_revere_cases.h"

int
main(int argc, char **argv)
{
	return dma_revere_cases_run(argc, argv, "mode=threaded");
}
