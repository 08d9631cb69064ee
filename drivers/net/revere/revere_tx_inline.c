/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transmitting with short packets inside of messages: the device needn't read their buffers, and
 * these are free at once. Their descriptors take part in completions as all others do.
 */

#include <rte_memcpy.h>

#include "revere_tx.h"

#define COPIED_MAX 64 /* mbufs that are freed in one go */

/** A message that is being filled, and mbufs that nobody needs any more. */
struct inline_writer {
	uint32_t msgs;	/**< messages that are full */
	uint32_t room;	/**< messages that there is room for */
	uint32_t fill;	/**< pieces of the open one: descriptors, and data behind them */
	uint32_t descs; /**< descriptors of the open one */
	void *msg;	/**< the open one, unless it is empty */
	uint32_t copied;
	struct rte_mbuf *mbufs[COPIED_MAX];
};

uint32_t
revere_net_tx_inline_max(const struct revere_net *net)
{
	uint32_t room = (RVR_DW << net->log2_msg_length) - (uint32_t)sizeof(struct rvr_rna_tx) -
			(uint32_t)sizeof(struct rvr_rna_tx_desc);

	if (net->data->dev_conf.txmode.offloads & REVERE_NET_TX_OFFLOADS)
		return 0;
	return RTE_MIN(net->tx_inline, room);
}

/** The open message gets no more. One where all packets are elsewhere is of the plain kind. */
static inline void
message_close(struct inline_writer *writer)
{
	write_head(writer->msg, writer->fill == writer->descs ? RVR_RNA_OP_TX :
							       RVR_RNA_OP_TX_INLINE,
		writer->descs);
	writer->fill = 0;
	writer->descs = 0;
	writer->msgs++;
}

/** Whether so many pieces fit into one message, which is one that is open or has room. */
static inline bool
message_fits(const struct revere_net_txq *txq, const struct inline_writer *writer, uint32_t pieces)
{
	bool opens = writer->fill == 0 || writer->fill + pieces > txq->max_descs;

	return !opens || writer->msgs + (writer->fill > 0) < writer->room;
}

/** A descriptor with its entry in sw; the rest of the pieces lies behind it. */
static inline revere_net_word *
message_take(struct revere_net_txq *txq, struct inline_writer *writer, struct rte_mbuf *m,
	uint32_t pieces)
{
	revere_net_word *desc;

	if (writer->fill + pieces > txq->max_descs)
		message_close(writer);
	if (writer->fill == 0)
		writer->msg = revere_tx_slot(txq->ring, writer->msgs);
	desc = RTE_PTR_ADD(writer->msg, sizeof(struct rvr_rna_tx));
	desc += 2 * writer->fill;
	writer->fill += pieces;
	writer->descs++;
	txq->sw[txq->head++ & txq->mask] = m;
	return desc;
}

static inline void
copied_free(struct inline_writer *writer)
{
	revere_net_tx_free_each(writer->mbufs, writer->copied);
	writer->copied = 0;
}

/** A short packet. @return false: there is no room */
static inline bool
write_inline(struct revere_net_txq *txq, struct inline_writer *writer, struct rte_mbuf *m)
{
	uint32_t pieces = RVR_RNA_TX_PIECES(m->data_len);
	revere_net_word *desc;

	if (!message_fits(txq, writer, pieces))
		return false;
	desc = message_take(txq, writer, NULL, pieces);
	desc[0] = 0;
	desc[1] = rvr_cpu_le64((uint64_t)m->data_len | (uint64_t)RVR_RNA_TX_INLINE << 16);
	rte_memcpy(&desc[2], rte_pktmbuf_mtod(m, const void *), m->data_len);
	if (writer->copied == COPIED_MAX)
		copied_free(writer);
	writer->mbufs[writer->copied++] = m;
	return true;
}

/** A packet by its addresses. @return false: there is no room for all of it */
static inline bool
write_addresses(struct revere_net_txq *txq, struct inline_writer *writer, struct rte_mbuf *m)
{
	if (m->nb_segs > (writer->room - writer->msgs) * txq->max_descs - writer->fill)
		return false;
	for (; m != NULL; m = m->next)
		write_desc(message_take(txq, writer, m, 1), m,
			m->next != NULL ? RVR_RNA_TX_MORE : 0);
	return true;
}

static inline void
inline_end(struct revere_net_txq *txq, struct inline_writer *writer)
{
	if (writer->copied > 0)
		copied_free(writer);
	if (writer->fill > 0)
		message_close(writer);
	if (likely(writer->msgs > 0))
		revere_tx_publish(txq->ring, writer->msgs);
	else if (unlikely(writer->room == 0))
		revere_net_tx_check_ring(txq);
}

static uint16_t
tx_burst_inline(struct revere_net_txq *txq, struct rte_mbuf **pkts, uint16_t count)
{
	struct inline_writer writer;
	uint32_t descs;
	uint16_t sent;

	writer.msgs = 0;
	writer.fill = 0;
	writer.descs = 0;
	writer.copied = 0;
	/* One packet at least can go, or completions are looked at. */
	descs = tx_free_descs(txq, (uint32_t)count + txq->max_segs);
	writer.room = revere_tx_room(txq->ring, txq->ring->mask + 1);
	for (sent = 0; sent < count && pkts[sent]->nb_segs <= descs; sent++) {
		struct rte_mbuf *m = pkts[sent];
		bool is_short = m->nb_segs == 1 && m->data_len <= txq->inline_max;

		descs -= m->nb_segs;
		if (!(is_short ? write_inline(txq, &writer, m) : write_addresses(txq, &writer, m)))
			break;
	}
	inline_end(txq, &writer);
	return sent;
}

uint16_t
revere_net_tx_burst_inline(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_net_txq *txq = tx_queue;
	uint16_t sent;

	if (unlikely(!revere_net_enter(&txq->busy, &txq->running)))
		return 0;
	sent = tx_burst_inline(txq, pkts, count);
	if (unlikely(sent == 0))
		sent = revere_net_tx_drop_unfit(txq, pkts, count, 0);
	revere_net_leave(&txq->busy);
	return sent;
}
