/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Packets that the device has delivered and nobody has received yet, when their queue's contexts
 * have to be reset: their messages are taken out of the ring, and put into it again as its first
 * ones. Of buffers the device counts from 0 then; these stand before that.
 *
 * Only what is known to be published is taken: up to the device's index where the context has
 * failed alone, and as it was seen last after a reset of the device, which zeroes indices.
 */

#include <stdlib.h>

#include "revere_net.h"

#define DESC_SIZE sizeof(struct rvr_rna_rx_desc)

/** Descriptors of a message that is copied, or what is left of the open one. */
struct piece {
	const struct rvr_rna_rx_desc *desc;
	uint32_t count;
};

/** Buffers that a message is about; 0: a packet goes on behind it, or there are too many. */
static uint32_t
piece_buffers(const struct piece *piece, uint64_t most)
{
	uint32_t i, buffers = 0;
	uint16_t flags = 0;

	for (i = 0; i < piece->count; i++, buffers++) {
		flags = rvr_le16_cpu(piece->desc[i].flags);
		i += (flags & RVR_RNA_RX_EXT) != 0;
	}
	return (flags & RVR_RNA_RX_MORE) != 0 || i > piece->count || buffers > most ? 0 : buffers;
}

/** The next message, which isn't believed more than in a burst. */
static bool
piece_open(const struct revere_net_rxq *rxq, const void *msg, uint64_t first, struct piece *piece)
{
	const struct rvr_rna_rx *head = msg;

	piece->desc = RTE_PTR_ADD(msg, sizeof(*head));
	piece->count = rvr_le16_cpu(head->count);
	return rvr_le16_cpu(head->opcode) == RVR_RNA_OP_RX && piece->count - 1 < rxq->max_descs &&
	       rvr_le64_cpu(head->first) == first;
}

static void
piece_copy(struct revere_net_unread *unread, const struct revere_net_rxq *rxq,
	const struct piece *piece, uint32_t buffers)
{
	uint8_t *to = unread->messages + (size_t)unread->num_messages * rxq->ring->msg_size;
	const struct rvr_rna_rx head = {
		.opcode = rvr_cpu_le16(RVR_RNA_OP_RX),
		.count = rvr_cpu_le16((uint16_t)piece->count),
		.first = rvr_cpu_le64(unread->num),
	};

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), piece->desc, piece->count * DESC_SIZE);
	unread->num_messages++;
	unread->num += buffers;
}

static void
messages_copy(struct revere_net_unread *unread, const struct revere_net_rxq *rxq, uint32_t ready)
{
	const uint64_t outstanding = rxq->posted - rxq->used;
	uint32_t i, buffers;

	for (i = 0; i < ready; i++) {
		struct piece piece = { rxq->desc, rxq->left };

		if ((i > 0 || rxq->left == 0) && !piece_open(rxq, revere_rx_msg(rxq->ring, i),
				rxq->used + unread->num, &piece))
			return;
		buffers = piece_buffers(&piece, outstanding - unread->num);
		if (buffers == 0)
			return;
		piece_copy(unread, rxq, &piece, buffers);
	}
}

/** Its mbufs aren't the queue's any more. */
static void
mbufs_take(struct revere_net_unread *unread, struct revere_net_rxq *rxq)
{
	uint32_t i;

	for (i = 0; i < unread->num; i++)
		unread->mbufs[i] = rxq->sw[(rxq->used + i) & rxq->mask];
	rxq->used += unread->num;
	rxq->left = 0;
	rxq->have = 0;
}

void
revere_net_unread_take(struct revere_net_rxq *rxq, bool fresh, struct revere_net_unread *unread)
{
	const struct revere_net *net = rxq->net;
	struct revere_ring *ring = rxq->ring;
	uint32_t ready;

	*unread = (struct revere_net_unread){ .num = 0 };
	/* A queue that was stopped for what it has met, in the middle of a packet, or of a pair. */
	if (net->data->rx_queue_state[rxq->id] != RTE_ETH_QUEUE_STATE_STARTED ||
		ring == NULL || ring->broken || rxq->first != NULL || rxq->split != NULL)
		return;
	if (!fresh && revere_ami_sw_disable(net->pairs[rxq->id].ami_sw) == 0)
		revere_rx_refresh(ring);
	ready = ring->broken ? 0 : (uint32_t)(ring->seen - ring->own);
	if (ready == 0)
		return;
	unread->messages = malloc((size_t)ready * ring->msg_size);
	unread->mbufs = malloc((rxq->mask + 1) * sizeof(*unread->mbufs));
	if (unread->messages == NULL || unread->mbufs == NULL)
		return;
	messages_copy(unread, rxq, ready);
	mbufs_take(unread, rxq);
}

void
revere_net_unread_put(struct revere_net_rxq *rxq, struct revere_net_unread *unread)
{
	struct revere_ring *ring =
		revere_ami_sw_ring(rxq->net->pairs[rxq->id].ami_sw, RVR_AMS_RX,
			REVERE_NET_RX_PACKETS);
	uint32_t i;

	for (i = 0; i < unread->num_messages; i++) {
		struct rvr_rna_rx *head = RTE_PTR_ADD(ring->base, (size_t)i << ring->msg_shift);

		memcpy(head, unread->messages + (size_t)i * ring->msg_size, ring->msg_size);
		head->first = rvr_cpu_le64(rvr_le64_cpu(head->first) - unread->num);
	}
	rxq->used = 0 - (uint64_t)unread->num;
	for (i = 0; i < unread->num; i++)
		rxq->sw[(rxq->used + i) & rxq->mask] = unread->mbufs[i];
	unread->num = 0;
}

void
revere_net_unread_end(struct revere_net_unread *unread)
{
	/* Those that weren't put: the device can't be reset. */
	while (unread->num > 0)
		rte_mbuf_raw_free(unread->mbufs[--unread->num]);
	free(unread->messages);
	free(unread->mbufs);
}
