/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The RNA agent as the AMU sees it: messages come in, AMI-HWs come and go.
 */

#include <errno.h>
#include <stdlib.h>

#include "steer.h"

static int
rna_init(struct aha *aha)
{
	unsigned int num_ami_hw = aha->amu->config.num_ami_hw;
	struct rna *rna;

	/* One AMI-HW at least is a control channel. */
	if (aha->amu->config.num_ams < RVR_RNA_AMS_NUM || num_ami_hw < 2)
		amu_log(aha->amu, REVERE_EMU_LOG_NOTICE,
			"rna: %u sockets an AMI are not enough for it, it takes %d",
			aha->amu->config.num_ams, RVR_RNA_AMS_NUM);
	rna = calloc(1, sizeof(*rna));
	if (rna == NULL)
		return -ENOMEM;
	rna->aha = aha;
	rna->max_queues = num_ami_hw - 1 < RNA_QUEUES_MAX ? num_ami_hw - 1 : RNA_QUEUES_MAX;
	aha->priv = rna;
	return 0;
}

static void
rna_fini(struct aha *aha)
{
	struct rna *rna = aha->priv;
	unsigned int i;

	if (rna == NULL)
		return;
	for (i = 0; i < RNA_PORTS_MAX; i++)
		if (rna->port[i] != NULL)
			rna_port_remove(aha, i);
	rna_flow_fini(rna);
	free(rna);
	aha->priv = NULL;
}

static uint32_t
rna_receive(struct ami_hw *hw, unsigned int ams, struct asn *asn, const uint8_t *msgs,
	uint32_t count)
{
	struct rna_queue *q = hw->priv;

	if (ams == RVR_RNA_RX_CONTROL)
		return rna_control_receive(hw, asn, msgs, count);
	if (q == NULL)
		return count; /* no queue: nobody's messages */
	if (ams == RVR_RNA_RX_PACKETS)
		return rna_tx_receive(q, asn, msgs, count);
	if (ams == RVR_RNA_RX_BUFFERS)
		return rna_buffers_receive(q, asn, msgs, count);
	return count;
}

static void
rna_send_dirty(struct rna *rna)
{
	struct rna_queue *q = rna->dirty;

	rna->dirty = NULL;
	for (; q != NULL; q = q->next_dirty) {
		rna_rx_flush(q);
		rna_tx_flush(q);
		q->dirty = false;
		q->starved = false;
		if (amu_unlikely(q->lro != NULL) && rna_lro_holds(q))
			aha_poll_soon(q->hw);
	}
}

/** What had no room at the end of its turn, or was held back by LRO. true: there is more to do. */
static bool
rna_poll_queue(struct rna_queue *q)
{
	uint32_t returned = q->returned;
	uint64_t told = q->tx_done_told;

	if (amu_unlikely(q->lro != NULL) && rna_lro_holds(q)) {
		rna_rx_flush(q);
		return true;
	}
	if (returned == q->filled && told == q->tx_done)
		return false;
	rna_rx_flush(q);
	rna_tx_flush(q);
	return returned != q->returned || told != q->tx_done_told;
}

static bool
rna_poll(struct ami_hw *hw)
{
	struct rna *rna = hw->aha->priv;
	struct rna_queue *q = hw->priv;
	bool busy = false;

	if (amu_unlikely(rna->events_pending))
		busy = rna_events_send(rna);
	if (q == NULL)
		return busy;
	busy |= rna_poll_queue(q);
	if (q->port->poller != q)
		return busy;
	if (amu_unlikely(q->port->gated))
		busy |= rna_tm_poll(q->port);
	if (amu_unlikely(q->port->steer->pause & RVR_RNA_PAUSE_TX))
		rna_pause_send(q->port);
	if (q->port->backend->poll != NULL)
		busy |= q->port->backend->poll(q->port);
	return busy;
}

static void
rna_flush(struct ami_hw *hw)
{
	struct rna *rna = hw->aha->priv;

	if (amu_unlikely(rna->events_pending))
		rna_events_send(rna);
	rna_send_dirty(rna);
}

/** Forgets an AMI-HW: its queue, and its hold of ports. */
static void
rna_forget(struct ami_hw *hw)
{
	struct rna *rna = hw->aha->priv;
	unsigned int i;

	if (hw->priv != NULL)
		rna_queue_release(hw->priv);
	for (i = 0; i < rna->num_ports; i++) {
		struct rna_port *port = rna->port[i];

		if (port != NULL && port->owner == hw) {
			port->owner = NULL;
			port->event_pending = false;
		}
	}
}

/** Nothing is received into memory of a Function that is off; what came before waits. */
static void
rna_stop(struct ami_hw *hw)
{
	struct rna_queue *q = hw->priv;

	if (q == NULL || !q->rx_started)
		return;
	q->rx_stopped = true;
	q->rx_started = false;
	rna_port_refresh(q->port);
}

static int
rna_go_on(struct ami_hw *hw)
{
	struct rna_queue *q = hw->priv;

	if (q == NULL || !q->rx_stopped)
		return 0;
	q->rx_stopped = false;
	q->rx_started = true;
	rna_port_refresh(q->port);
	return 0;
}

static void
rna_move(struct ami_hw *from, struct ami_hw *to)
{
	struct rna *rna = from->aha->priv;
	struct rna_queue *q = from->priv;
	unsigned int i;

	from->priv = NULL;
	to->priv = q;
	if (q != NULL)
		q->hw = to;
	for (i = 0; i < rna->num_ports; i++) {
		struct rna_port *port = rna->port[i];

		if (port == NULL || port->owner != from)
			continue;
		port->owner = to;
		rna->events_pending |= port->event_pending;
	}
}

/** Any port may face any other one, by RSS any queue another one's: one worker has them all. */
static const void *
rna_affinity(struct ami_hw *hw)
{
	return hw->aha;
}

const struct aha_ops aha_rna_ops = {
	.name = "rna",
	.kind = RVR_AHA_RNA,
	.init = rna_init,
	.fini = rna_fini,
	.receive = rna_receive,
	.poll = rna_poll,
	.flush = rna_flush,
	.enable = rna_go_on,
	.disable = rna_forget,
	.stop = rna_stop,
	.reset = rna_forget,
	.move = rna_move,
	.affinity = rna_affinity,
};
