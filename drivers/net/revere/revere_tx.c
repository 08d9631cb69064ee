/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transmitting: the fast path. Descriptors are written straight into the ring's slots; mbufs are
 * freed when enough of them have come back, so that a burst seldom looks at completions.
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_mempool.h>

#include "revere_tx.h"

void
revere_net_tx_fault(struct revere_net_txq *txq, const char *what, uint64_t value)
{
	struct revere_net *net = txq->net;

	txq->stats.device_errors++;
	__atomic_store_n(&txq->running, false, __ATOMIC_RELAXED);
	revere_net_pair_set_failed(&net->pairs[txq->id], true);
	net->data->tx_queue_state[txq->id] = RTE_ETH_QUEUE_STATE_STOPPED;
	REVERE_NET_LOG(ERR, net, "Tx queue %u stopped: the device wrote %s %" PRIu64
		"; it is to be reset", txq->id, what, value);
}

/* ---- Completions -------------------------------------------------------------------------- */

void
revere_net_tx_look(struct revere_net_txq *txq)
{
	uint32_t ready = revere_rx_refresh(txq->done);
	const struct rvr_rna_tx_done *msg;
	uint64_t done;
	uint16_t opcode;

	if (ready == 0) {
		if (unlikely(txq->done->broken))
			revere_net_tx_fault(txq, "an index of its ring of completions, beyond",
				txq->done->own);
		return;
	}
	/* Counts are cumulative: the last one says all. */
	msg = revere_rx_msg(txq->done, ready - 1);
	opcode = rvr_le16_cpu(*(const volatile rvr_le16 *)&msg->opcode);
	done = rvr_le64_cpu(*(const volatile rvr_le64 *)&msg->done);
	revere_rx_release(txq->done, ready);
	if (unlikely(opcode != RVR_RNA_OP_TX_DONE ||
		    done - txq->completed > txq->head - txq->completed))
		revere_net_tx_fault(txq, "completions up to descriptor", done);
	else
		txq->completed = done;
}

/** Frees whole packets of one segment, all of one pool. */
static inline void
free_fast(struct rte_mbuf **mbufs, uint32_t count)
{
	rte_mempool_put_bulk(mbufs[0]->pool, (void **)mbufs, count);
}

#define FREE_AT_ONCE 64

/* Those in a row that are of one pool go back to it at once. */
void
revere_net_tx_free_each(struct rte_mbuf **mbufs, uint32_t count)
{
	struct rte_mbuf *same[FREE_AT_ONCE];
	uint32_t i, n = 0;

	for (i = 0; i < count; i++) {
		struct rte_mbuf *m = mbufs[i] == NULL ? NULL : rte_pktmbuf_prefree_seg(mbufs[i]);

		if (m == NULL)
			continue;
		if (unlikely(n == FREE_AT_ONCE || (n > 0 && m->pool != same[0]->pool))) {
			free_fast(same, n);
			n = 0;
		}
		same[n++] = m;
	}
	if (n > 0)
		free_fast(same, n);
}

void
revere_net_tx_free_range(struct revere_net_txq *txq, uint32_t count)
{
	while (count > 0) {
		uint32_t at = (uint32_t)txq->tail & txq->mask;
		uint32_t n = RTE_MIN(count, txq->mask + 1 - at);

		if (txq->fast_free)
			free_fast(&txq->sw[at], n);
		else
			revere_net_tx_free_each(&txq->sw[at], n);
		txq->tail += n;
		count -= n;
	}
}

/** Whether a descriptor is a packet's last one; one of offloads has no mbuf. */
static bool
is_last(const struct rte_mbuf *m)
{
	return m != NULL && m->next == NULL;
}

uint32_t
revere_net_tx_reclaim(struct revere_net_txq *txq, uint32_t max_packets)
{
	uint32_t i, count, packets = 0;

	revere_net_tx_look(txq);
	count = (uint32_t)(txq->completed - txq->tail);
	for (i = 0; i < count && packets < max_packets; i++)
		packets += is_last(txq->sw[(txq->tail + i) & txq->mask]);
	revere_net_tx_free_range(txq, i);
	return packets;
}

int
revere_net_tx_done_cleanup(void *tx_queue, uint32_t free_cnt)
{
	struct revere_net_txq *txq = tx_queue;
	uint32_t packets;

	if (!revere_net_enter(&txq->busy, &txq->running))
		return 0;
	packets = revere_net_tx_reclaim(txq, free_cnt == 0 ? UINT32_MAX : free_cnt);
	revere_net_leave(&txq->busy);
	return (int)packets;
}

/* ---- Bursts ------------------------------------------------------------------------------- */

/** One message of packets of one segment each. */
static __rte_always_inline void
write_packets(struct revere_net_txq *txq, void *msg, struct rte_mbuf **pkts, uint32_t count)
{
	revere_net_word *desc = RTE_PTR_ADD(msg, sizeof(struct rvr_rna_tx));
	uint32_t i, at = (uint32_t)txq->head;

	for (i = 0; i < count; i++) {
		txq->sw[(at + i) & txq->mask] = pkts[i];
		write_desc(&desc[2 * i], pkts[i], 0);
	}
	write_head(msg, RVR_RNA_OP_TX, count);
	txq->head += count;
}

void
revere_net_tx_check_ring(struct revere_net_txq *txq)
{
	if (txq->ring->broken)
		revere_net_tx_fault(txq, "an index of its ring of packets, beyond",
			txq->ring->own);
}

/** Descriptors of a packet that can go once all others have. */
static uint32_t
tx_capacity(const struct revere_net_txq *txq)
{
	/* The last descriptor of a message may stay unused. */
	return RTE_MIN(txq->nb_desc, (txq->ring->mask + 1) * (txq->max_descs - 1));
}

uint16_t
revere_net_tx_drop_unfit(struct revere_net_txq *txq, struct rte_mbuf **pkts, uint16_t count,
	uint64_t wants)
{
	uint32_t capacity = tx_capacity(txq);
	uint16_t i;

	for (i = 0; i < count; i++) {
		uint32_t descs = pkts[i]->nb_segs + ((pkts[i]->ol_flags & wants) != 0);

		if (descs <= capacity)
			break;
		if (txq->stats.tx_unfit++ == 0)
			REVERE_NET_LOG(WARNING, txq->net, "Tx queue %u dropped a packet of %u "
				"descriptors, which never fits %u; tx_refused counts such: give "
				"the queue more, or call rte_eth_tx_prepare() first",
				txq->id, descs, capacity);
		rte_pktmbuf_free(pkts[i]);
	}
	return i;
}

static __rte_always_inline uint16_t
tx_burst(struct revere_net_txq *txq, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_ring *ring = txq->ring;
	uint32_t sent = 0, msgs = 0, free, room;

	free = tx_free_descs(txq, count);
	count = (uint16_t)RTE_MIN((uint32_t)count, free);
	room = revere_tx_room(ring, (count >> txq->descs_shift) + 1u);
	for (; sent < count && msgs < room; msgs++) {
		uint32_t n = RTE_MIN(count - sent, txq->max_descs);

		write_packets(txq, revere_tx_slot(ring, msgs), &pkts[sent], n);
		sent += n;
	}
	if (likely(msgs > 0)) {
		revere_tx_publish(ring, msgs);
		revere_net_prefetch_slots(ring, REVERE_NET_LINES_AHEAD);
	} else if (unlikely(room == 0)) {
		revere_net_tx_check_ring(txq);
	}
	return (uint16_t)sent;
}

uint16_t
revere_net_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_net_txq *txq = tx_queue;

	if (unlikely(!revere_net_enter(&txq->busy, &txq->running)))
		return 0;
	count = tx_burst(txq, pkts, count);
	revere_net_leave(&txq->busy);
	return count;
}

static __rte_always_inline uint16_t
tx_burst_segments(struct revere_net_txq *txq, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_ring *ring = txq->ring;
	struct tx_writer writer = { 0 };
	uint32_t free, descs;
	uint16_t sent;

	/* One packet at least can go, or completions are looked at. */
	free = tx_free_descs(txq, (uint32_t)count + txq->max_segs);
	writer.room = revere_tx_room(ring, ring->mask + 1);
	descs = RTE_MIN(free, writer.room * txq->max_descs);
	for (sent = 0; sent < count && pkts[sent]->nb_segs <= descs; sent++) {
		descs -= pkts[sent]->nb_segs;
		write_segments(txq, &writer, pkts[sent]);
	}
	writer_end(txq, &writer);
	return sent;
}

uint16_t
revere_net_tx_burst_segments(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_net_txq *txq = tx_queue;
	uint16_t sent;

	if (unlikely(!revere_net_enter(&txq->busy, &txq->running)))
		return 0;
	sent = tx_burst_segments(txq, pkts, count);
	if (unlikely(sent == 0))
		sent = revere_net_tx_drop_unfit(txq, pkts, count, 0);
	revere_net_leave(&txq->busy);
	return sent;
}

/** Descriptors that can be given now, in bursts of whole messages. */
static uint32_t
tx_room(struct revere_net_txq *txq)
{
	uint32_t free = tx_free_descs(txq, txq->nb_desc);

	return RTE_MIN(free, revere_tx_room(txq->ring, txq->ring->mask + 1) * txq->msg_packets);
}

int
revere_net_tx_status(void *tx_queue, uint16_t offset)
{
	struct revere_net_txq *txq = tx_queue;
	uint32_t room;

	if (offset >= txq->nb_desc)
		return -EINVAL;
	if (!revere_net_enter(&txq->busy, &txq->running))
		return RTE_ETH_TX_DESC_UNAVAIL;
	room = tx_room(txq);
	revere_net_leave(&txq->busy);
	/* Free ones come first; after them, round the ring, those that are out. */
	return offset < room ? RTE_ETH_TX_DESC_DONE : RTE_ETH_TX_DESC_FULL;
}

#if REVERE_TX_QUEUE_COUNT
int
revere_net_tx_queue_count(void *tx_queue)
{
	struct revere_net_txq *txq = tx_queue;
	int used;

	if (!revere_net_enter(&txq->busy, &txq->running))
		return 0;
	used = (int)(txq->nb_desc - tx_free_descs(txq, txq->nb_desc));
	revere_net_leave(&txq->busy);
	return used;
}
#endif
