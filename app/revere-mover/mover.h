/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What the two processes share: memory with a ring of places for packets, as a guest and its
 * back end have it.
 *
 * The receiver owns the places. It announces free ones by `free`, the mover says by `used` how
 * many packets have arrived; both run freely. A place has two pieces, for the head and for the
 * rest of a packet, so that scatter lists have something to do.
 */

#ifndef MOVER_H
#define MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOVER_PLACES 256u /* a power of two */
#define MOVER_BODY_MAX 2000u

/** First piece of a packet. */
struct mover_head {
	uint64_t number;
	uint32_t length; /**< of the body, at least 1 */
	uint32_t sum;	 /**< of the body */
};

struct mover_shared {
	_Alignas(64) uint64_t used; /**< packets that have arrived; the mover's */
	uint64_t total;		    /**< packets that will come, 0: not known yet */
	bool failed;		    /**< no more will come */
	_Alignas(64) uint64_t free; /**< packets for which there were places so far; receiver's */
	_Alignas(64) struct mover_head heads[MOVER_PLACES];
	uint8_t bodies[MOVER_PLACES][MOVER_BODY_MAX];
};

/** Of a body. */
static inline uint32_t
mover_sum(const uint8_t *body, uint32_t length)
{
	uint32_t i, sum = length;

	for (i = 0; i < length; i++)
		sum = sum * 31 + body[i];
	return sum;
}

/** The other process: takes packets and checks them. @return its exit code */
int receiver_run(struct mover_shared *shared);

#endif /* MOVER_H */
