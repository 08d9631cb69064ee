/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * A vhost socket and the virtio-user port that is its guest, both in this process.
 */

#ifndef PERF_VHOST_END_H
#define PERF_VHOST_END_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define VHOST_RING 1024
#define VHOST_RXQ 0 /* vhost's names: the queue to the guest */
#define VHOST_TXQ 1
#define VHOST_LENGTH_MAX 9216
#define VHOST_PATIENCE_MS 20000

/** What the guest's queues are like. */
struct vhost_kind {
	bool packed, mergeable;
};

struct vhost_end {
	bool async;	    /**< a dmadev copies */
	char path[64];
	char name[32];	    /**< of the port */
	int vid;	    /**< negative: the guest isn't there */
	uint16_t port;
	bool there;
};

/**
 * Starts both sides, and waits until they know each other.
 * @param pool mbufs that the guest receives in
 * @return 0 or a negative errno, after a message
 */
int vhost_end_start(struct vhost_end *end, bool async, const struct vhost_kind *kind,
		    struct rte_mempool *pool);
/** With nothing under way. */
void vhost_end_stop(struct vhost_end *end);

#endif /* PERF_VHOST_END_H */
