/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Life of a queue pair: set up with an AMI-HW, started, stopped, released.
 */

#include "steer.h"

static void
queue_free_buffers(struct rna_queue *q)
{
	free(q->bufs);
	free(q->descs);
	free(q->infos);
	q->bufs = NULL;
	q->descs = NULL;
	q->infos = NULL;
	rna_lro_free(q);
	q->offloads = 0;
	memset(&q->offloads_set, 0, sizeof(q->offloads_set));
	memset(&q->split, 0, sizeof(q->split));
	q->buffers = 0;
	q->mask = 0;
	q->posted = 0;
	q->filled = 0;
	q->returned = 0;
	q->returned_total = 0;
}

static bool
queue_alloc_buffers(struct rna_queue *q, uint32_t buffers, uint32_t buffer_size)
{
	size_t size = 1;

	queue_free_buffers(q);
	q->buffer_size = buffer_size;
	q->sizes[0] = buffer_size;
	q->sizes[1] = buffer_size;
	if (buffers == 0)
		return true;
	while (size < buffers)
		size *= 2;
	q->bufs = rna_zalloc(size * sizeof(q->bufs[0]));
	q->descs = rna_zalloc(size * sizeof(q->descs[0]));
	if (q->bufs == NULL || q->descs == NULL) {
		queue_free_buffers(q);
		return false;
	}
	q->mask = (uint32_t)size - 1;
	q->buffers = buffers;
	return true;
}

/** The wire of a port is polled with its lowest queue. */
static void
port_find_poller(struct rna_port *port)
{
	unsigned int i;

	port->poller = NULL;
	for (i = 0; i < port->rna->max_queues && port->poller == NULL; i++)
		port->poller = port->queue[i];
	if (port->poller != NULL)
		aha_poll_soon(port->poller->hw);
}

static struct rna_queue *
queue_new(struct rna_port *port, struct ami_hw *hw, unsigned int id)
{
	struct rna_queue *q = rna_zalloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->gather = malloc(RNA_TAGS_SIZE + RNA_TX_MAX);
	if (q->gather == NULL) {
		free(q);
		return NULL;
	}
	q->port = port;
	q->hw = hw;
	q->id = (uint16_t)id;
	q->generation = hw->view.space->generation;
	q->stats = port->past[id];
	return q;
}

static void
queue_delete(struct rna_queue *q)
{
	queue_free_buffers(q);
	free(q->gather);
	free(q->segment);
	free(q);
}

unsigned int
rna_queue_setup(struct rna_port *port, struct ami_hw *hw, unsigned int id, uint32_t buffers,
	uint32_t buffer_size)
{
	struct rna_queue *q = port->queue[id];

	if (q != NULL) {
		if (q->hw != hw || q->rx_started)
			return RVR_RNA_BUSY;
		return queue_alloc_buffers(q, buffers, buffer_size) ? RVR_RNA_OK :
								      RVR_RNA_NO_MEMORY;
	}
	if (hw->priv != NULL)
		return RVR_RNA_BAD_AMI_HW;
	q = queue_new(port, hw, id);
	if (q == NULL)
		return RVR_RNA_NO_MEMORY;
	if (!queue_alloc_buffers(q, buffers, buffer_size)) {
		queue_delete(q);
		return RVR_RNA_NO_MEMORY;
	}
	port->queue[id] = q;
	port->num_queues++;
	hw->priv = q;
	port_find_poller(port);
	return RVR_RNA_OK;
}

static void
queue_clean(struct rna_queue *q)
{
	struct rna_queue **at = &q->port->rna->dirty;

	while (*at != NULL && *at != q)
		at = &(*at)->next_dirty;
	if (*at == q)
		*at = q->next_dirty;
	q->dirty = false;
}

void
rna_queue_release(struct rna_queue *q)
{
	struct rna_port *port = q->port;

	queue_clean(q);
	rna_tm_forget(port, q->id);
	port->past[q->id] = q->stats;
	port->queue[q->id] = NULL;
	port->num_queues--;
	q->hw->priv = NULL;
	port_find_poller(port);
	queue_delete(q);
	rna_port_refresh(port);
}

void
rna_queue_start(struct rna_queue *q, unsigned int direction)
{
	if (direction & RVR_RNA_DIR_RX)
		q->rx_started = true;
	if (direction & RVR_RNA_DIR_TX)
		q->tx_started = true;
	q->held &= ~direction;
	rna_port_refresh(q->port);
}

/** Publishes what has been committed: the driver must see it before the answer to its request. */
static void
queue_publish(struct rna_queue *q, unsigned int ams)
{
	if (q->hw->tx[ams] != NULL)
		asn_flush(q->hw->tx[ams]);
}

void
rna_queue_stop(struct rna_queue *q, unsigned int direction)
{
	if (direction & RVR_RNA_DIR_RX) {
		if (q->lro != NULL)
			rna_lro_flush(q);
		rna_rx_flush(q);
		queue_publish(q, RVR_RNA_TX_PACKETS);
		q->rx_started = false;
		q->posted = 0;
		q->filled = 0;
		q->returned = 0;
		q->returned_total = 0;
	}
	if (direction & RVR_RNA_DIR_TX) {
		rna_tx_flush(q);
		queue_publish(q, RVR_RNA_TX_DONE);
		q->tx_started = false;
		q->gather_segments = 0;
		q->tx_done = 0;
		q->tx_done_told = 0;
	}
	q->held &= ~direction;
	rna_port_refresh(q->port);
}
