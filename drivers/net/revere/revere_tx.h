/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What the transmit paths share: room, messages, descriptors.
 */

#ifndef REVERE_TX_H
#define REVERE_TX_H

#include "revere_net.h"

/** Looks at completions: moves txq->completed, never beyond what is out. */
void revere_net_tx_look(struct revere_net_txq *txq);
/** Frees mbufs of the oldest `count` descriptors, which came back. */
void revere_net_tx_free_range(struct revere_net_txq *txq, uint32_t count);
/** Frees segments, of any pools; an entry may be NULL. */
void revere_net_tx_free_each(struct rte_mbuf **mbufs, uint32_t count);
/** After a ring had no room: whether that is because of a wild index. */
void revere_net_tx_check_ring(struct revere_net_txq *txq);

/**
 * Drops packets ahead that the queue can never hold, and counts them: kept, they would stand
 * before all others for ever. Those with one of the flags @p wants take one descriptor more.
 * @return how many
 */
uint16_t revere_net_tx_drop_unfit(struct revere_net_txq *txq, struct rte_mbuf **pkts,
	uint16_t count, uint64_t wants);

/**
 * Frees what came back, now and then or if there is no room for `want` more: a look at completions
 * costs two cache lines of the device's core.
 */
static __rte_always_inline uint32_t
tx_free_descs(struct revere_net_txq *txq, uint32_t want)
{
	uint32_t busy = (uint32_t)(txq->head - txq->tail);

	if (txq->head >= txq->look_at || busy + want > txq->nb_desc) {
		txq->look_at = txq->head + txq->look_every;
		revere_net_tx_look(txq);
		revere_net_tx_free_range(txq, (uint32_t)(txq->completed - txq->tail));
		busy = (uint32_t)(txq->head - txq->tail);
	}
	return txq->nb_desc - busy;
}

static __rte_always_inline void
write_head(void *msg, uint16_t opcode, uint32_t count)
{
	struct rvr_rna_tx *head = msg;

	head->opcode = rvr_cpu_le16(opcode);
	head->count = rvr_cpu_le16((uint16_t)count);
	head->zero = 0;
	head->zero2 = 0;
}

static __rte_always_inline void
write_desc(revere_net_word *desc, const struct rte_mbuf *m, uint32_t flags)
{
	desc[0] = rvr_cpu_le64(rte_mbuf_data_iova(m));
	desc[1] = rvr_cpu_le64((uint64_t)m->data_len | (uint64_t)flags << 16);
}

/** A message that is being filled with packets of any number of segments. */
struct tx_writer {
	uint32_t msgs; /**< messages that are full */
	uint32_t room; /**< messages that there is room for */
	uint32_t fill; /**< descriptors of the open one */
	void *msg; /**< the open one, unless it is empty */
};

/** The next descriptor, and its entry in sw. */
static __rte_always_inline revere_net_word *
writer_desc(struct revere_net_txq *txq, struct tx_writer *writer, struct rte_mbuf *m)
{
	revere_net_word *descs;

	if (writer->fill == 0)
		writer->msg = revere_tx_slot(txq->ring, writer->msgs);
	descs = RTE_PTR_ADD(writer->msg, sizeof(struct rvr_rna_tx));
	txq->sw[txq->head++ & txq->mask] = m;
	return &descs[2 * writer->fill];
}

/** The open message gets no more. */
static __rte_always_inline void
writer_close(struct tx_writer *writer)
{
	write_head(writer->msg, RVR_RNA_OP_TX, writer->fill);
	writer->fill = 0;
	writer->msgs++;
}

/** A descriptor has been written. */
static __rte_always_inline void
writer_next(const struct revere_net_txq *txq, struct tx_writer *writer)
{
	if (++writer->fill == txq->max_descs)
		writer_close(writer);
}

static inline void
write_segments(struct revere_net_txq *txq, struct tx_writer *writer, struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		write_desc(writer_desc(txq, writer, m), m, m->next != NULL ? RVR_RNA_TX_MORE : 0);
		writer_next(txq, writer);
	}
}

/** Publishes what was written. */
static inline void
writer_end(struct revere_net_txq *txq, struct tx_writer *writer)
{
	if (writer->fill > 0)
		writer_close(writer);
	if (likely(writer->msgs > 0))
		revere_tx_publish(txq->ring, writer->msgs);
	else if (unlikely(writer->room == 0))
		revere_net_tx_check_ring(txq);
}

#endif /* REVERE_TX_H */
