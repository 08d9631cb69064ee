/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transmit side of a queue: descriptors become packets on the port's wire.
 */

#include "rx.h"
#include "steer.h"

#define TX_AHEAD 6 /* packets whose memory is prefetched */
#define TX_DESC_SIZE sizeof(struct rvr_rna_tx_desc)

/** Counters of one call, kept in registers. */
struct tx_sum {
	uint64_t packets;
	uint64_t bytes;
};

/** A whole packet leaves; its length has been checked. */
static inline void
tx_send(struct rna_port *port, const uint8_t *data, uint32_t len, struct tx_sum *sum)
{
	if (port->to != NULL)
		rna_deliver(port->to, data, len);
	else if (!rna_port_send_slow(port, data, len))
		return;
	sum->packets++;
	sum->bytes += len;
}

/** Adds a piece to the packet that is being gathered; false: the packet is refused. */
static bool
gather_piece(struct rna_queue *q, uint64_t iova, uint32_t len)
{
	uint32_t offload = q->offload.request != 0;
	uint32_t most = offload ? RNA_TX_MAX : RNA_FRAME_MAX;
	uint8_t *gather = q->gather + RNA_TAGS_SIZE;

	if (len == 0 || len > most - q->gather_len ||
		q->gather_segments > RNA_SEGMENTS_MAX + offload)
		return false;
	if (dma_read(&q->hw->view, gather + q->gather_len, iova, len) != 0)
		return false;
	q->gather_len += len;
	return true;
}

/** Where packets go that offloads make. */
struct tx_out {
	struct rna_port *port;
	struct tx_sum *sum;
};

static void
tx_emit(void *arg, const uint8_t *data, uint32_t len)
{
	const struct tx_out *out = arg;

	tx_send(out->port, data, len, out->sum);
}

/** A packet with offloads is whole. */
static bool
tx_offloaded(struct rna_queue *q, struct tx_sum *sum)
{
	struct tx_out out = { q->port, sum };

	if (!rna_tx_offload(&q->offload, q->gather + RNA_TAGS_SIZE, q->gather_len, q->segment,
		    RNA_FRAME_MAX, tx_emit, &out))
		return false;
	if (q->offload.request & RVR_RNA_TXO_TIMESTAMP) {
		q->port->tx_timestamp = rna_time(q->port);
		q->port->tx_timestamp_valid = true;
	}
	return true;
}

static inline void
tx_offload_load(const uint8_t *desc, struct rna_tx_offload *offload)
{
	uint64_t words[2] = { rna_load64(desc), rna_load64(desc + 8) };
	struct rvr_rna_tx_offload wire;

	words[0] = rvr_cpu_le64(words[0]);
	words[1] = rvr_cpu_le64(words[1]);
	memcpy(&wire, words, sizeof(wire));
	rna_tx_offload_decode(offload, &wire);
}

/** What is to be done with the packet that comes next. */
static void
tx_offload_desc(struct rna_queue *q, const uint8_t *desc, uint32_t flags)
{
	if (q->segment == NULL)
		q->segment = malloc(RNA_TAGS_SIZE + RNA_FRAME_MAX);
	/* In the middle of a packet it makes that one bad. */
	q->tx_bad = q->gather_segments != 0 || flags != RVR_RNA_TX_OFFLOAD || q->segment == NULL;
	if (q->gather_segments++ == 0)
		q->gather_len = 0;
	tx_offload_load(desc, &q->offload);
	if (q->offload.request & ~RVR_RNA_TXO_ALL)
		q->tx_bad = true;
}

/**
 * A descriptor of offloads and that of the whole packet, which stays on the device and wants but
 * checksums. false: nothing happened, it is for tx_desc()
 */
static inline bool
tx_sums(struct rna_queue *q, const uint8_t *desc, struct tx_sum *sum)
{
	uint64_t iova = rna_load64(desc + TX_DESC_SIZE);
	uint32_t word = (uint32_t)rna_load64(desc + TX_DESC_SIZE + 8); /* flags and length */
	struct rna_tx_offload offload;
	const uint8_t *data;

	if (((uint32_t)rna_load64(desc + 8) >> 16) != RVR_RNA_TX_OFFLOAD ||
		q->gather_segments != 0 || word < RNA_FRAME_MIN || word > RNA_FRAME_MAX)
		return false;
	data = dma_translate(&q->hw->view, iova, word, REVERE_EMU_PROT_READ);
	if (data == NULL)
		return false;
	tx_offload_load(desc, &offload);
	if (!rna_deliver_sums(q->port->to, data, word, &offload))
		return false;
	sum->packets++;
	sum->bytes += word;
	return true;
}

/** Its last piece has come: a packet leaves, or is refused. */
static void
tx_gathered(struct rna_queue *q, struct tx_sum *sum)
{
	bool fine = !q->tx_bad && q->gather_len >= RNA_FRAME_MIN;

	q->gather_segments = 0;
	if (fine && q->offload.request == 0)
		tx_send(q->port, q->gather + RNA_TAGS_SIZE, q->gather_len, sum);
	else if (!fine || !tx_offloaded(q, sum))
		q->stats.tx_errors++;
}

/** A descriptor of a packet in pieces, or one whose data isn't contiguous here. */
static void
tx_piece(struct rna_queue *q, uint64_t iova, uint32_t len, uint32_t flags, struct tx_sum *sum)
{
	if (q->gather_segments++ == 0) {
		q->gather_len = 0;
		q->tx_bad = false;
		q->offload.request = 0;
	}
	if ((flags & ~RVR_RNA_TX_MORE) != 0)
		q->tx_bad = true;
	if (!q->tx_bad)
		q->tx_bad = !gather_piece(q, iova, len);
	if (!(flags & RVR_RNA_TX_MORE))
		tx_gathered(q, sum);
}

/** One descriptor, whatever it is. */
static void
tx_desc(struct rna_queue *q, const uint8_t *desc, struct tx_sum *sum)
{
	uint64_t iova = rna_load64(desc);
	uint64_t word = rna_load64(desc + 8);
	uint32_t len = word & 0xffff, flags = (word >> 16) & 0xffff;
	const uint8_t *data;

	if (flags == 0 && q->gather_segments == 0 && len >= RNA_FRAME_MIN &&
	    len <= RNA_FRAME_MAX) {
		data = dma_translate(&q->hw->view, iova, len, REVERE_EMU_PROT_READ);
		if (data != NULL) {
			tx_send(q->port, data, len, sum);
			return;
		}
	}
	if (flags & RVR_RNA_TX_OFFLOAD)
		tx_offload_desc(q, desc, flags);
	else
		tx_piece(q, iova, len, flags, sum);
}

/**
 * Where packets may go without a look at each of them: to one queue that gets everything. NULL:
 * to none.
 */
static struct rna_queue *
tx_plain_queue(const struct rna_queue *q)
{
	const struct dma_view *view = &q->hw->view;

	if (q->port->to == NULL || q->gather_segments != 0 ||
	    (view->last.prot & REVERE_EMU_PROT_READ) == 0 ||
	    view->generation != view->space->generation)
		return NULL;
	return q->port->to->only;
}

/**
 * Sends descriptors as long as each is one whole unicast packet from the memory that was last
 * translated, for which there is a buffer that it fits: what nearly all are, with all that this
 * takes in registers. @return how many; the next one is for tx_desc()
 */
static uint32_t
tx_plain(struct rna_queue *q, struct rna_queue *to, const uint8_t *desc, uint32_t count,
	struct tx_sum *sum)
{
	const struct dma_region last = q->hw->view.last;
	const uint64_t end = last.size > RNA_FRAME_MAX ? last.size - RNA_FRAME_MAX : 0;
	const uint32_t most = q->port->to->rx_max < to->buffer_size ? q->port->to->rx_max :
								       to->buffer_size;
	const uint32_t posted = to->posted, mask = to->mask;
	const struct rna_buffer *bufs = to->bufs;
	struct rvr_rna_rx_desc *descs = to->descs;
	uint32_t filled = to->filled, i;
	uint64_t bytes = 0;

	if (!to->dirty)
		rna_rx_touch(to);
	for (i = 0; i < count && filled != posted; i++, filled++, desc += TX_DESC_SIZE) {
		uint64_t at = rna_load64(desc) - last.iova;
		uint32_t word = (uint32_t)rna_load64(desc + 8); /* flags, which are 0, and length */
		uint8_t *buf = bufs[filled & mask].va;
		const uint8_t *data = last.va + at;

		/* What the packets some way ahead need; an address that is wrong does nothing. */
		rna_prefetch_write(bufs[(filled + TX_AHEAD) & mask].va);
		if (i + TX_AHEAD < count)
			__builtin_prefetch((const void *)((uintptr_t)last.va - last.iova +
				rna_load64(desc + TX_AHEAD * TX_DESC_SIZE)));
		if (amu_unlikely(at >= end ||
			    word - RNA_FRAME_MIN > RNA_FRAME_MAX - RNA_FRAME_MIN || word > most ||
			    buf == NULL || (data[0] & 1) != 0))
			break;
		rna_copy(buf, data, word);
		rna_rx_desc_write(&descs[filled & mask], 0, word, word, 0);
		bytes += word;
	}
	to->filled = filled;
	to->stats.rx_packets += i;
	to->stats.rx_bytes += bytes;
	sum->packets += i;
	sum->bytes += bytes;
	return i;
}

/** What a packet some way ahead needs; an address that is wrong, or none, does nothing. */
static inline void
tx_prefetch(const struct rna_queue *q, const uint8_t *descs, uint32_t i, uint32_t count)
{
	const struct dma_region *last = &q->hw->view.last;

	if (i < count)
		__builtin_prefetch((const void *)((uintptr_t)last->va - last->iova +
			rna_load64(descs + i * TX_DESC_SIZE)));
}

/** A packet that stands behind its descriptor, where it is read in place. */
static void
tx_inline(struct rna_queue *q, const uint8_t *data, uint32_t len, uint32_t flags,
	struct tx_sum *sum)
{
	/* In the middle of a packet it makes an end of that one, too. */
	if (flags != RVR_RNA_TX_INLINE || q->gather_segments != 0 || len < RNA_FRAME_MIN ||
	    len > RVR_RNA_TX_INLINE_MAX) {
		q->gather_segments = 0;
		q->stats.tx_errors++;
		return;
	}
	tx_send(q->port, data, len, sum);
}

/**
 * `count` descriptors, with packets behind some, in `max` pieces of 16 bytes. Behind one that
 * claims more than there is nothing is known any more, and all the rest is refused.
 */
static void
tx_mixed(struct rna_queue *q, const uint8_t *msg, uint32_t count, uint32_t max, struct tx_sum *sum)
{
	uint32_t i, at = 0;

	for (i = 0; i < count && at < max; i++) {
		const uint8_t *desc = msg + at * TX_DESC_SIZE;
		uint32_t word = (uint32_t)rna_load64(desc + 8); /* flags and length */
		uint32_t len = word & 0xffff, flags = word >> 16, pieces = 1;

		if (flags & RVR_RNA_TX_INLINE) {
			pieces = RVR_RNA_TX_PIECES(len);
			if (pieces > max - at)
				break;
			tx_inline(q, desc + TX_DESC_SIZE, len, flags, sum);
		} else {
			tx_desc(q, desc, sum);
		}
		at += pieces;
	}
	if (i < count) {
		q->stats.tx_errors += count - i;
		q->tx_bad = true; /* the packet that goes on behind this */
	}
}

/** A message that isn't of the plain kind: it carries packets, or is malformed. */
static void
tx_other_message(struct rna_queue *q, const uint8_t *msg, uint64_t head, uint32_t max,
	struct tx_sum *sum)
{
	uint32_t count = (head >> 16) & 0xffff;

	if ((head & 0xffff) != RVR_RNA_OP_TX_INLINE || count == 0 || count > max) {
		q->stats.tx_errors++;
	} else if (!q->tx_started) {
		q->port->stats.tx_dropped += count;
	} else {
		tx_mixed(q, msg + sizeof(struct rvr_rna_tx), count, max, sum);
		q->tx_done += count;
	}
}

static inline void
tx_message(struct rna_queue *q, const uint8_t *msg, uint32_t max, struct tx_sum *sum)
{
	uint64_t head = rna_load64(msg);
	uint32_t i, count = (head >> 16) & 0xffff;

	if (amu_unlikely((head & 0xffff) != RVR_RNA_OP_TX || count == 0 || count > max)) {
		tx_other_message(q, msg, head, max, sum);
		return;
	}
	if (amu_unlikely(!q->tx_started)) {
		q->port->stats.tx_dropped += count;
		return;
	}
	msg += sizeof(struct rvr_rna_tx);
	for (i = 0; i < count; i++) {
		struct rna_queue *to = tx_plain_queue(q);

		if (amu_likely(to != NULL)) {
			i += tx_plain(q, to, msg + i * TX_DESC_SIZE, count - i, sum);
			if (amu_likely(i == count))
				break;
		}
		tx_prefetch(q, msg, i + TX_AHEAD, count);
		if (q->port->to != NULL && i + 1 < count && tx_sums(q, msg + i * TX_DESC_SIZE, sum))
			i++;
		else
			tx_desc(q, msg + i * TX_DESC_SIZE, sum);
	}
	q->tx_done += count;
}

uint32_t
rna_tx_receive(struct rna_queue *q, struct asn *asn, const uint8_t *msgs, uint32_t count)
{
	uint32_t max = (asn->msg_bytes - sizeof(struct rvr_rna_tx)) /
		       sizeof(struct rvr_rna_tx_desc);
	struct tx_sum sum = { 0 };
	bool gated = q->port->gated;
	uint32_t i;

	if (amu_unlikely(gated))
		count = rna_tm_take(q);
	rna_prefetch_message(msgs);
	for (i = 0; i < count; i++, msgs += asn->msg_bytes) {
		if (i + 1 < count)
			rna_prefetch_message(msgs + asn->msg_bytes);
		tx_message(q, msgs, max, &sum);
	}
	q->stats.tx_packets += sum.packets;
	q->stats.tx_bytes += sum.bytes;
	if (amu_unlikely(gated) && count > 0)
		rna_tm_sent(q, sum.packets, sum.bytes);
	if (q->tx_done != q->tx_done_told)
		rna_queue_dirty(q);
	return count;
}

void
rna_tx_flush(struct rna_queue *q)
{
	struct asn *asn = q->hw->tx[RVR_RNA_TX_DONE];
	struct rvr_rna_tx_done *msg;

	if (q->tx_done == q->tx_done_told)
		return;
	if (asn == NULL) {
		aha_call(q->hw);
		return;
	}
	msg = asn_slot(asn);
	if (msg == NULL)
		return;
	msg->opcode = rvr_cpu_le16(RVR_RNA_OP_TX_DONE);
	msg->zero = 0;
	msg->zero2 = 0;
	msg->done = rvr_cpu_le64(q->tx_done);
	asn_commit(asn);
	q->tx_done_told = q->tx_done;
}
