/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Data path of a raw device: messages into and out of rings, one doorbell a call.
 */

#include <errno.h>

#include "raw_revere.h"

int
raw_enqueue(struct rte_rawdev *rawdev, struct rte_rawdev_buf **buffers, unsigned int count,
	    rte_rawdev_obj_t context)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	uintptr_t queue_id = (uintptr_t)context;
	struct revere_ring *ring;
	struct raw_tx *tx;
	uint32_t i, n;

	if (unlikely(queue_id >= raw->config.nb_queues))
		return -EINVAL;
	tx = &raw->queues[queue_id].tx;
	ring = tx->ring;
	if (unlikely(ring == NULL))
		return -ENODEV;
	n = RTE_MIN(revere_tx_room(ring, count), count);
	for (i = 0; i < n; i++)
		memcpy(revere_tx_slot(ring, i), buffers[i]->buf_addr, ring->msg_size);
	if (n > 0)
		revere_tx_publish(ring, n);
	tx->messages += n;
	if (unlikely(n < count)) {
		tx->full++;
		if (ring->broken)
			return -EIO;
	}
	return (int)n;
}

/** Overwriting mode: any message may vanish while it is copied. */
static uint32_t
raw_dequeue_lossy(struct revere_ring *ring, struct rte_rawdev_buf **buffers, uint32_t count)
{
	uint32_t n = 0;

	while (n < count && revere_rx_take(ring, buffers[n]->buf_addr))
		n++;
	if (n > 0)
		revere_ring_doorbell(ring);
	return n;
}

static uint32_t
raw_dequeue_bulk(struct revere_ring *ring, struct rte_rawdev_buf **buffers, uint32_t count)
{
	uint32_t i, n = RTE_MIN(revere_rx_ready(ring, count), count);

	for (i = 0; i < n; i++)
		memcpy(buffers[i]->buf_addr, revere_rx_msg(ring, i), ring->msg_size);
	if (n > 0)
		revere_rx_release(ring, n);
	return n;
}

int
raw_dequeue(struct rte_rawdev *rawdev, struct rte_rawdev_buf **buffers, unsigned int count,
	    rte_rawdev_obj_t context)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	uintptr_t queue_id = (uintptr_t)context;
	struct revere_ring *ring;
	struct raw_rx *rx;
	uint32_t n;

	if (unlikely(queue_id >= raw->config.nb_queues))
		return -EINVAL;
	rx = &raw->queues[queue_id].rx;
	ring = rx->ring;
	if (unlikely(ring == NULL))
		return -ENODEV;
	if (unlikely(ring->overwriting))
		n = raw_dequeue_lossy(ring, buffers, count);
	else
		n = raw_dequeue_bulk(ring, buffers, count);
	rx->messages += n;
	if (n == 0) {
		rx->empty++;
		if (unlikely(ring->broken))
			return -EIO;
	}
	return (int)n;
}
