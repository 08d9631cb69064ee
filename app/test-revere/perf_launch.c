/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What it costs to have copies done: cycles of the core that enqueues, submits and takes the
 * completions of a batch, without the time between, in which it could do something else. The clock
 * stands still from the submit until the completions are there: then they are taken at once, or
 * the round doesn't count. The median of all rounds does, without what looking at the clock costs.
 */

#include <stdlib.h>

#include <rte_dmadev.h>

#include "perf.h"

#define ROUNDS 2001
#define PATIENCE_MS 2000
#define WAIT_US 20
#define BYTES_PER_US 4096 /* of an engine that isn't too slow */

/** Waits for what has been loaded, but not until stores have left the core: nobody has to. */
static inline uint64_t
clock_now(void)
{
#ifdef RTE_ARCH_X86_64
	uint64_t now;

	asm volatile("lfence" : : : "memory");
	now = rte_rdtsc();
	asm volatile("lfence" : : : "memory");
	return now;
#else
	return rte_rdtsc_precise();
#endif
}

static int
cycles_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t
cycles_median(uint64_t *cycles, unsigned int count)
{
	qsort(cycles, count, sizeof(*cycles), cycles_compare);
	return cycles[count / 2];
}

/** What looking at the clock costs, with nothing between. */
static uint64_t
clock_cycles(uint64_t *cycles)
{
	unsigned int i;
	uint64_t begin;

	for (i = 0; i < ROUNDS; i++) {
		begin = clock_now();
		cycles[i] = clock_now() - begin;
	}
	return cycles_median(cycles, ROUNDS);
}

/** Takes what didn't come in time. */
static void
late_take(const struct perf_launch *launch, uint32_t left)
{
	uint64_t end = perf_end(PATIENCE_MS);
	bool error = false;
	uint16_t last;

	while (left > 0 && !error && rte_rdtsc() < end)
		left -= rte_dma_completed(launch->dev, 0, (uint16_t)left, &last, &error);
}

/** One batch. @return whether it counts */
static bool
round_run(const struct perf_launch *launch, uint64_t parts[PERF_LAUNCH_PARTS])
{
	uint64_t begin, enqueued, submitted;
	uint16_t last, done;
	bool error = false;
	uint32_t i, sent;

	begin = clock_now();
	for (i = 0; i < launch->batch; i++) {
		if (rte_dma_copy(launch->dev, 0, launch->src + (uint64_t)i * launch->size,
				 launch->dst + (uint64_t)i * launch->size, launch->size, 0) < 0)
			break;
	}
	sent = i;
	enqueued = clock_now();
	rte_dma_submit(launch->dev, 0);
	submitted = clock_now();
	parts[0] = enqueued - begin;
	parts[1] = submitted - enqueued;
	rte_delay_us_block(WAIT_US + sent * launch->size / BYTES_PER_US);
	begin = clock_now();
	done = rte_dma_completed(launch->dev, 0, (uint16_t)sent, &last, &error);
	parts[2] = clock_now() - begin;
	late_take(launch, sent - done);
	return sent == launch->batch && done == sent;
}

static int
rounds_run(const struct perf_launch *launch, uint64_t *cycles[PERF_LAUNCH_PARTS])
{
	uint64_t parts[PERF_LAUNCH_PARTS], end = perf_end(PATIENCE_MS);
	unsigned int part, count = 0;

	while (count < ROUNDS && rte_rdtsc() < end) {
		if (!round_run(launch, parts))
			continue;
		for (part = 0; part < PERF_LAUNCH_PARTS; part++)
			cycles[part][count] = parts[part];
		count++;
	}
	return (int)count;
}

bool
perf_launch_run(const struct perf_launch *launch, double cost[PERF_LAUNCH_PARTS])
{
	static uint64_t room[PERF_LAUNCH_PARTS][ROUNDS];
	uint64_t clock, median, *cycles[PERF_LAUNCH_PARTS];
	unsigned int part;
	int count;

	clock = clock_cycles(room[0]);
	for (part = 0; part < PERF_LAUNCH_PARTS; part++)
		cycles[part] = room[part];
	count = rounds_run(launch, cycles);
	for (part = 0; part < PERF_LAUNCH_PARTS && count > 0; part++) {
		median = cycles_median(room[part], (unsigned int)count);
		cost[part] = (double)(median - RTE_MIN(clock, median)) / launch->batch;
	}
	return count > 0;
}
