/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Meters: token buckets. Tokens are bytes, or packets, in 1/2^16; color-blind.
 */

#include <time.h>

#include "flow.h"

#define TOKEN_SHIFT 16
#define TOKENS_LEAST 256 /* that are added at once: rounding costs less than 1/256 */
#define TOKENS_MOST (UINT64_C(1) << 62)
#define NS_PER_S UINT64_C(1000000000)

__extension__ typedef unsigned __int128 wide;

uint64_t
flow_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t
tokens_of(uint64_t rate, uint64_t ns)
{
	wide tokens = (wide)rate * ns * (1u << TOKEN_SHIFT) / NS_PER_S;

	return tokens < TOKENS_MOST ? (uint64_t)tokens : TOKENS_MOST;
}

/** A bucket may hold less than it did when these tokens came. */

static uint64_t
fill(uint64_t tokens, uint64_t more, uint64_t most, uint64_t *over)
{
	most <<= TOKEN_SHIFT;
	*over = 0;
	if (tokens > most)
		tokens = most;
	if (more >= most - tokens) {
		*over = more - (most - tokens);
		return most;
	}
	return tokens + more;
}

void
flow_meter_full(struct flow_meter *meter)
{
	meter->committed = meter->cbs << TOKEN_SHIFT;
	meter->excess = meter->ebs << TOKEN_SHIFT;
	meter->time = flow_now();
}

/** The rate that decides how long it takes until there is something to add. */
static uint64_t
slower_rate(const struct flow_meter *meter)
{
	if (meter->pir == 0 || (meter->cir != 0 && meter->cir < meter->pir))
		return meter->cir;
	return meter->pir;
}

void
flow_meter_fill(struct flow_meter *meter)
{
	uint64_t now = flow_now(), passed = now - meter->time, over, unused;

	/* A short time waits for more, else packets that come fast round a low rate to 0. */
	if (tokens_of(slower_rate(meter), passed) < TOKENS_LEAST)
		passed = 0;
	else
		meter->time = now;
	meter->committed = fill(meter->committed, tokens_of(meter->cir, passed), meter->cbs,
		&over);
	if (meter->pir != 0)
		over = tokens_of(meter->pir, passed);
	meter->excess = fill(meter->excess, over, meter->ebs, &unused);
}

/** 0 green, 1 yellow, 2 red. Two rates: the peak bucket decides about red, and both pay green. */
static unsigned int
meter_color(struct flow_meter *meter, uint64_t cost)
{
	if (meter->pir != 0) {
		if (meter->excess < cost)
			return 2;
		meter->excess -= cost;
		if (meter->committed < cost)
			return 1;
		meter->committed -= cost;
		return 0;
	}
	if (meter->committed >= cost) {
		meter->committed -= cost;
		return 0;
	}
	if (meter->excess < cost)
		return 2;
	meter->excess -= cost;
	return 1;
}

static bool
meter_drops(const struct flow_meter *meter, unsigned int color)
{
	if (color == 0)
		return meter->flags & RVR_RNA_FLOW_METER_DROP_GREEN;
	if (color == 1)
		return meter->flags & RVR_RNA_FLOW_METER_DROP_YELLOW;
	return (meter->flags & RVR_RNA_FLOW_METER_PASS_RED) == 0;
}

bool
flow_meter_pass(struct flow_meter *meter, uint32_t len)
{
	uint64_t cost = meter->flags & RVR_RNA_FLOW_METER_PACKETS ? 1 : len;
	unsigned int color;

	if (meter->flags & RVR_RNA_FLOW_METER_OFF)
		return true;
	flow_meter_fill(meter);
	color = meter_color(meter, cost << TOKEN_SHIFT);
	meter->color[color].packets++;
	meter->color[color].bytes += len;
	if (!meter_drops(meter, color))
		return true;
	meter->dropped.packets++;
	meter->dropped.bytes += len;
	return false;
}
