/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Clocks of ports.
 */

#include <time.h>

#include "rna.h"

uint64_t
rna_time_raw(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
rna_time(const struct rna_port *port)
{
	return rna_time_raw() + port->clock_offset;
}
