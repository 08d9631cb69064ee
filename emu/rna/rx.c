/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Receive side of a queue: empty buffers come, packets fill them, descriptors leave.
 */

#include "rx.h"
#include "steer.h"

#define RX_LINES_AHEAD 12 /* three messages of 15 packets */
#define RX_BUFFERS_AHEAD 4 /* buffers of a queue whose memory is prefetched */

/* ---- Empty buffers ------------------------------------------------------------------------ */

static uint8_t *
buffer_find(struct rna_queue *q, uint32_t at, uint64_t iova)
{
	return dma_translate(&q->hw->view, iova, q->sizes[at & 1], REVERE_EMU_PROT_WRITE);
}

static inline void
buffer_take(struct rna_queue *q, uint32_t at, uint64_t iova)
{
	struct rna_buffer *buf = &q->bufs[at & q->mask];

	buf->iova = iova;
	buf->va = buffer_find(q, at, iova);
}

void
rna_rx_remap(struct rna_queue *q)
{
	uint32_t i;

	q->generation = q->hw->view.space->generation;
	for (i = q->filled; i != q->posted; i++) {
		struct rna_buffer *buf = &q->bufs[i & q->mask];

		buf->va = buffer_find(q, i, buf->iova);
	}
}

static inline void
buffers_check(struct rna_queue *q)
{
	if (amu_unlikely(q->generation != q->hw->view.space->generation))
		rna_rx_remap(q);
}

/** One message. false: its buffers are more than the queue can take now. */
static bool
buffers_message(struct rna_queue *q, const uint8_t *msg, uint32_t max)
{
	uint64_t head = rna_load64(msg);
	uint32_t i, count = (head >> 16) & 0xffff;

	if (amu_unlikely((head & 0xffff) != RVR_RNA_OP_BUFFERS || count == 0 || count > max ||
		    count > q->buffers)) {
		q->stats.rx_errors++;
		return true;
	}
	if (amu_unlikely(q->posted - q->returned + count > q->buffers))
		return false;
	msg += sizeof(struct rvr_rna_buffers);
	for (i = 0; i < count; i++)
		buffer_take(q, q->posted + i, rna_load64(msg + i * sizeof(rvr_le64)));
	q->posted += count;
	return true;
}

uint32_t
rna_buffers_receive(struct rna_queue *q, struct asn *asn, const uint8_t *msgs, uint32_t count)
{
	uint32_t max = (asn->msg_bytes - sizeof(struct rvr_rna_buffers)) / sizeof(rvr_le64);
	uint32_t i;

	buffers_check(q);
	rna_prefetch_message(msgs);
	for (i = 0; i < count; i++) {
		if (i + 1 < count)
			rna_prefetch_message(msgs + asn->msg_bytes);
		if (!buffers_message(q, msgs, max))
			break;
		msgs += asn->msg_bytes;
	}
	return i;
}

/* ---- Packets ------------------------------------------------------------------------------ */

void
rna_rx_touch(struct rna_queue *q)
{
	/* The memory map changes between turns only. */
	buffers_check(q);
	rna_queue_dirty(q);
}

bool
rna_rx_starved(struct rna_queue *q, uint32_t wanted)
{
	struct asn *asn = q->hw->rx[RVR_RNA_RX_BUFFERS];

	while (!q->starved && q->posted - q->filled < wanted)
		q->starved = asn == NULL || !asn_pull(asn);
	return q->posted - q->filled >= wanted;
}

/** Buffers from q->filled to `end`, exclusive, go back empty: their packet is lost. */
static void
rx_fail(struct rna_queue *q, uint32_t end)
{
	for (; q->filled != end; q->filled++)
		rna_rx_desc_write(&q->descs[q->filled & q->mask],
			RNA_RX_TYPE(RVR_RNA_RX_ERROR), 0, 0, 0);
	q->stats.rx_errors++;
}

static bool
buffer_write(struct rna_queue *q, const struct rna_buffer *buf, const uint8_t *data, uint32_t len)
{
	if (amu_unlikely(buf->va == NULL))
		return dma_write(&q->hw->view, buf->iova, data, len) == 0;
	rna_copy(buf->va, data, len);
	return true;
}

void
rna_rx_scatter(struct rna_queue *q, const uint8_t *data, uint32_t len, uint64_t type, uint32_t hash)
{
	uint32_t at = q->filled, left = len;

	if ((uint64_t)(q->posted - at) * q->buffer_size < len &&
	    !rna_rx_starved(q, (len + q->buffer_size - 1) / q->buffer_size)) {
		q->stats.rx_no_buffer++;
		return;
	}
	while (left > 0) {
		uint32_t seg = left < q->buffer_size ? left : q->buffer_size;
		uint64_t more = seg < left ? RNA_RX_TYPE(RVR_RNA_RX_MORE) : 0;

		if (!buffer_write(q, &q->bufs[at & q->mask], data, seg)) {
			rx_fail(q, at + 1);
			return;
		}
		rna_rx_desc_write(&q->descs[at & q->mask], type | more, len, seg, hash);
		type &= ~RNA_RX_TYPE(RVR_RNA_RX_EXT); /* the first one alone has it */
		data += seg;
		left -= seg;
		at++;
	}
	q->filled = at;
	q->stats.rx_packets++;
	q->stats.rx_bytes += len;
}

bool
rna_rx_length(struct rna_port *port, uint32_t len)
{
	if (port->rx_max == 0)
		port->stats.rx_stopped++;
	else if (len < RNA_FRAME_MIN)
		port->stats.rx_undersize++;
	else if (len > port->rx_max)
		port->stats.rx_oversize++;
	else
		return true;
	return false;
}

/** A packet whose headers contradict it: it is received, and counted. */
static __attribute__((noinline)) void
count_wrong(struct rna_port *port, unsigned int flags)
{
	struct rna_steer *steer = port->steer;

	steer->stats.rx_bad_length += (flags & RNA_LEVEL_CUT) != 0;
	steer->stats.rx_short_header += (flags & RNA_LEVEL_SHORT) != 0;
	steer->stats.rx_extensions += (flags & RNA_LEVEL_LOOP) != 0;
}

/** Parses a packet that is received. */
static inline void
rx_parse(struct rna_port *port, const uint8_t *data, uint32_t len, struct rna_parsed *parsed)
{
	unsigned int flags;

	rna_parse(data, len, parsed);
	flags = (unsigned int)parsed->outer.flags | parsed->inner.flags;
	if (amu_unlikely((flags & RNA_LEVEL_WRONG) != 0))
		count_wrong(port, flags);
}

/** A packet on its way to queues. */
struct rx_packet {
	const uint8_t *data;
	uint32_t len;
	struct rna_parsed parsed; /**< if something of the port needs it */
	struct rna_rx_info info;
};

static void
rx_queue(struct rna_port *port, unsigned int id, const struct rx_packet *packet)
{
	struct rna_queue *q = port->queue[id];
	struct rna_rx_info info;

	if (amu_unlikely(q == NULL || !q->rx_started)) {
		port->stats.rx_stopped++;
	} else if (q->offloads != 0) {
		info = packet->info;
		rna_rx_offload(q, packet->data, packet->len, &packet->parsed, &info);
	} else {
		rna_rx_put(q, packet->data, packet->len, packet->info.type, packet->info.hash);
	}
}

/** A queue of each pool that takes the packet gets it. */
static void
rx_pools(struct rna_port *port, const struct rx_packet *packet)
{
	uint64_t pools = rna_vmdq_pools(port, packet->data, packet->len);

	for (; pools != 0; pools &= pools - 1) {
		unsigned int pool = (unsigned int)__builtin_ctzll(pools);

		rx_queue(port, rna_vmdq_queue(&port->steer->vmdq, pool, packet->info.hash),
			packet);
	}
}

static inline bool
is_marked(const struct rna_rx_mark *mark)
{
	return mark != NULL && mark->kind != RNA_RX_UNMARKED;
}

/** What goes with a packet that a rule marked. */
static void
info_mark(struct rna_rx_info *info, const struct rna_rx_mark *mark)
{
	if (!is_marked(mark))
		return;
	info->type |= RNA_RX_TYPE(RVR_RNA_RX_MARK);
	info->mark = mark->kind == RNA_RX_MARKED ? mark->value : RVR_RNA_MARK_NONE;
}

void
rna_deliver_queue(struct rna_port *port, const uint8_t *data, uint32_t len, unsigned int queue,
	bool hashed, uint32_t hash, const struct rna_rx_mark *mark)
{
	const struct rna_queue *q = port->queue[queue];
	struct rx_packet packet;

	if (!port->ptypes && !port->rx_offloads && !is_marked(mark) && q != NULL &&
	    q->rx_started) {
		rna_rx_put(port->queue[queue], data, len,
			hashed ? RNA_RX_TYPE(RVR_RNA_RX_HASH) : 0, hash);
		return;
	}
	packet.data = data;
	packet.len = len;
	packet.info = (struct rna_rx_info){ .hash = hash };
	/* rna_parse() zeroes what it doesn't find; without it nobody looks. */
	if (port->ptypes || port->rx_offloads)
		rx_parse(port, data, len, &packet.parsed);
	packet.info.type = (port->ptypes ? packet.parsed.ptype : 0) |
			   (hashed ? RNA_RX_TYPE(RVR_RNA_RX_HASH) : 0);
	info_mark(&packet.info, mark);
	rx_queue(port, queue, &packet);
}

/** A packet for a running queue with offloads. */
static void
deliver_offload(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed, uint64_t type, uint32_t hash)
{
	struct rna_rx_info info = { .type = type, .hash = hash };

	rna_rx_offload(q, data, len, parsed, &info);
}

/** A unicast packet of a port that takes all of these, by parser and RSS alone. */
static __attribute__((noinline)) void
deliver_parsed(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_parsed parsed;
	struct rna_queue *q;
	uint32_t hash;
	uint64_t type;

	rx_parse(port, data, len, &parsed);
	q = rna_rx_choose(port, data, &parsed, &type, &hash);
	if (amu_unlikely(q == NULL || !q->rx_started))
		port->stats.rx_stopped++;
	else if (q->offloads != 0)
		deliver_offload(q, data, len, &parsed, type, hash);
	else
		rna_rx_put(q, data, len, type, hash);
}

/** The same for what most packets are, on a port without offloads: type and hash are at hand. */
static inline void
deliver_plain(struct rna_port *port, const uint8_t *data, uint32_t len, uint8_t proto)
{
	const struct rna_rss *rss = port->rss;
	uint64_t type = port->ptypes ? rna_ptype_plain(proto) : 0;
	struct rna_queue *q;
	uint32_t hash = 0;
	uint16_t id = 0;

	if (rss->types != 0 && rna_rss_hash_plain(rss, data, proto, &hash)) {
		type |= RNA_RX_TYPE(RVR_RNA_RX_HASH);
		id = rss->reta[hash % RNA_RETA_SIZE];
	}
	q = port->queue[id];
	if (amu_unlikely(q == NULL || !q->rx_started)) {
		port->stats.rx_stopped++;
		return;
	}
	rna_prefetch_write(q->bufs[(q->filled + RX_BUFFERS_AHEAD) & q->mask].va);
	rna_rx_put(q, data, len, type, hash);
}

static inline void
deliver_unicast(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	uint8_t proto = 0;

	if (!port->rx_offloads && (port->rss->types & RNA_RSS_HOW) == 0)
		proto = rna_parse_plain(data, len);
	if (amu_likely(proto != 0))
		deliver_plain(port, data, len, proto);
	else
		deliver_parsed(port, data, len);
}

void
rna_deliver_slow(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	if (amu_likely(port->parses_all && len >= RNA_FRAME_MIN && len <= port->rx_max &&
		    (data[0] & 1) == 0)) {
		deliver_unicast(port, data, len);
		return;
	}
	if (!rna_rx_length(port, len))
		return;
	if (port->flow_rx)
		rna_flow_receive(port, data, len);
	else
		rna_deliver_default(port, data, len, NULL);
}

void
rna_deliver_default(struct rna_port *port, const uint8_t *data, uint32_t len,
	const struct rna_rx_mark *mark)
{
	struct rx_packet packet;
	uint16_t id = 0;

	if (!rna_steer_accept(port, data, len))
		return;
	packet.data = data;
	packet.len = len;
	packet.info = (struct rna_rx_info){ 0 };
	/* rna_parse() zeroes what it doesn't find; without it nobody looks. */
	if (port->ptypes || port->rx_offloads || port->rss->types != 0)
		rx_parse(port, data, len, &packet.parsed);
	packet.info.type = port->ptypes ? packet.parsed.ptype : 0;
	info_mark(&packet.info, mark);
	if (port->rss->types != 0 &&
	    rna_rss_hash(port->rss, data, &packet.parsed, &packet.info.hash)) {
		packet.info.type |= RNA_RX_TYPE(RVR_RNA_RX_HASH);
		id = port->rss->reta[packet.info.hash % RNA_RETA_SIZE];
	}
	if (port->steer->vmdq.pools != 0)
		rx_pools(port, &packet);
	else
		rx_queue(port, id, &packet);
}

/* ---- Descriptors -------------------------------------------------------------------------- */

/** Copies `count` descriptors that wait, from the oldest on, into a message. */
static void
descs_pack(const struct rna_queue *q, uint8_t *to, uint32_t count)
{
	uint32_t at = q->returned & q->mask;
	uint32_t first = q->mask + 1 - at;

	if (amu_likely(count <= first)) {
		memcpy(to, &q->descs[at], count * sizeof(q->descs[0]));
		return;
	}
	memcpy(to, &q->descs[at], first * sizeof(q->descs[0]));
	memcpy(to + first * sizeof(q->descs[0]), q->descs, (count - first) * sizeof(q->descs[0]));
}

/**
 * Takes ownership of the lines of messages that will be written in the next turn: software has
 * read them long ago, and getting them back from its core takes as long as some packets.
 */
static void
slots_prefetch(struct asn *asn)
{
	const uint8_t *slot = asn_slot(asn);
	unsigned int line;

	for (line = 0; slot != NULL && line < RX_LINES_AHEAD; line++)
		rna_prefetch_write(slot + (size_t)line * AMU_CACHE_LINE);
}

/** There is no session: packets wait, and bring it back if the context is kept. */
static void
rx_call(struct rna_queue *q)
{
	if (q->lro != NULL)
		rna_lro_expire(q);
	if (q->returned != q->filled)
		aha_call(q->hw);
}

void
rna_rx_flush(struct rna_queue *q)
{
	struct asn *asn = q->hw->tx[RVR_RNA_TX_PACKETS];
	uint32_t max;

	if (asn == NULL) {
		rx_call(q);
		return;
	}
	if (q->infos != NULL) {
		rna_rx_flush_ext(q);
		return;
	}
	max = (asn->msg_bytes - sizeof(struct rvr_rna_rx)) / sizeof(struct rvr_rna_rx_desc);
	while (q->returned != q->filled) {
		uint32_t left = q->filled - q->returned;
		uint32_t count = left < max ? left : max;
		uint8_t *msg = asn_slot(asn);
		struct rvr_rna_rx head = {
			.opcode = rvr_cpu_le16(RVR_RNA_OP_RX),
			.count = rvr_cpu_le16(count),
			.first = rvr_cpu_le64(q->returned_total),
		};

		if (msg == NULL)
			break;
		memcpy(msg, &head, sizeof(head));
		descs_pack(q, msg + sizeof(head), count);
		asn_commit(asn);
		q->returned += count;
		q->returned_total += count;
	}
	slots_prefetch(asn);
}
