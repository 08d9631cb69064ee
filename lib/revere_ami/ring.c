/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* What of rings is too long to be inline: popping copies, for rings that may be overwritten. */

#include "revere_ring.h"

bool
revere_rx_take(struct revere_ring *ring, void *msg)
{
	bool intact = false;

	/* The device overwrites the oldest message: only a copy of one that was whole counts. */
	while (!intact && revere_rx_ready(ring, 1) > 0) {
		memcpy(msg, revere_rx_msg(ring, 0), ring->msg_size);
		rte_io_rmb();
		intact = revere_rx_intact(ring);
		if (!intact && revere_rx_refresh(ring) == 0)
			break;
	}
	ring->own += intact;
	return intact;
}

static uint32_t
pop_overwriting(struct revere_ring *ring, void *msgs, uint32_t count)
{
	uint32_t n = 0;

	while (n < count && revere_rx_take(ring, RTE_PTR_ADD(msgs, (size_t)n * ring->msg_size)))
		n++;
	if (n > 0)
		revere_ring_doorbell(ring);
	return n;
}

uint32_t
revere_rx_pop(struct revere_ring *ring, void *msgs, uint32_t count)
{
	uint32_t i, n;

	if (ring->overwriting)
		return pop_overwriting(ring, msgs, count);
	n = RTE_MIN(revere_rx_ready(ring, count), count);
	for (i = 0; i < n; i++)
		memcpy(RTE_PTR_ADD(msgs, (size_t)i * ring->msg_size), revere_rx_msg(ring, i),
			ring->msg_size);
	if (n > 0)
		revere_rx_release(ring, n);
	return n;
}
