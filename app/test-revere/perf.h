/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * For the commands that measure.
 */

#ifndef PERF_H
#define PERF_H

#include <stdbool.h>
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

/** A batch of copies of one length, one behind the other. */
struct perf_launch {
	int16_t dev; /**< a dmadev with nothing in flight on vchan 0 */
	uint64_t src, dst;
	uint32_t size, batch;
};

#define PERF_LAUNCH_PARTS 3 /**< enqueue, submit, completed */

/**
 * Cycles of a copy for who has it done, by parts.
 * @return false: the device didn't do any in time
 */
bool perf_launch_run(const struct perf_launch *launch, double cost[PERF_LAUNCH_PARTS]);

#endif /* PERF_H */
