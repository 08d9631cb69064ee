/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Time, for the commands that measure.
 */

#ifndef PERF_H
#define PERF_H

#include <stdint.h>

#include <rte_cycles.h>

#define PERF_LIST_MAX 32 /**< values of a list option */

/** Cycle count at which a measurement of @p ms ends. */
static inline uint64_t
perf_end(uint64_t ms)
{
	return rte_rdtsc() + rte_get_tsc_hz() / 1000 * ms;
}

static inline double
perf_seconds(uint64_t cycles)
{
	return (double)cycles / (double)rte_get_tsc_hz();
}

#endif /* PERF_H */
