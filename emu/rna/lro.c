/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Large receive offload: segments of a TCP stream that come soon after one another become one
 * packet. Only segments that say nothing but "here is more data" are put together, with all headers
 * alike but for what a longer packet changes; so that whoever cuts the packet again gets what came.
 *
 * A packet leaves with PSH, with a segment shorter than its first, when it is as long as it may be,
 * before anything of its stream that can't be put to it, when another stream needs its entry, and
 * when its first segment has been held for the time that the driver allows. Without threads nobody
 * would look at the time: there, and with a time of 0, it leaves with the turn.
 */

#include "checksum.h"
#include "proto.h"
#include "rx.h"

#define LRO_FLOWS 16
#define LRO_MAX 65535 /* bytes of a packet */

#define TCP_OFFSET 12 /* bytes from a TCP header's start */
#define TCP_FLAGS 13
#define TCP_PSH 0x08
#define TCP_ACK 0x10

/** A stream of which something is held back. */
struct lro_flow {
	uint32_t len;	/**< bytes of data[]; 0: the entry is free */
	uint32_t end;	/**< of data[] without padding */
	uint32_t next;	/**< sequence number that goes on */
	uint32_t packets;
	uint64_t until; /**< ns: when it leaves at the latest */
	uint16_t l3, l4, payload; /**< offsets */
	uint16_t mss;	/**< bytes of the first packet's payload */
	struct rna_rx_info info;
	uint8_t data[LRO_MAX];
};

struct rna_lro {
	uint32_t max;
	unsigned int held; /**< entries in use */
	uint64_t hold_ns; /**< 0: to the turn's end */
	struct lro_flow flow[LRO_FLOWS];
};

/** A segment that may be put to others. */
struct lro_segment {
	const uint8_t *data;
	uint32_t len, end;
	uint16_t l3, l4, payload;
	const struct rna_rx_info *info;
};

/* ---- Life --------------------------------------------------------------------------------- */

bool
rna_lro_set(struct rna_queue *q, uint32_t max, uint32_t microseconds)
{
	bool threads = q->hw->aha->amu->config.mode == REVERE_EMU_THREADED;
	unsigned int i;

	/* Memory that is never written costs nothing. */
	if (q->lro == NULL)
		q->lro = malloc(sizeof(*q->lro));
	if (q->lro == NULL)
		return false;
	q->lro->max = max == 0 ? LRO_MAX : max;
	q->lro->held = 0;
	q->lro->hold_ns = threads ? UINT64_C(1000) * microseconds : 0;
	for (i = 0; i < LRO_FLOWS; i++)
		q->lro->flow[i].len = 0;
	return true;
}

void
rna_lro_free(struct rna_queue *q)
{
	free(q->lro);
	q->lro = NULL;
}

/* ---- Packets leave ------------------------------------------------------------------------ */

/** Headers of several packets' data. */
static void
flow_finish(struct lro_flow *flow)
{
	uint8_t *ip = flow->data + flow->l3, *tcp = flow->data + flow->l4;

	if (ip[0] >> 4 == 4) {
		rna_put_be16(ip + 2, flow->len - flow->l3);
		rna_checksum_ipv4(ip, (uint32_t)(flow->l4 - flow->l3));
	} else {
		rna_put_be16(ip + 4, flow->len - flow->l4);
	}
	rna_checksum_l4(ip, tcp, flow->len - flow->l4, PROTO_TCP);
	flow->info.type |= RNA_RX_TYPE(RVR_RNA_RX_LRO);
	flow->info.lro_mss = flow->mss;
}

static void
flow_flush(struct rna_queue *q, struct lro_flow *flow)
{
	if (flow->len == 0)
		return;
	if (flow->packets > 1)
		flow_finish(flow);
	rna_rx_put_info(q, flow->data, flow->len, &flow->info);
	flow->len = 0;
	q->lro->held--;
}

void
rna_lro_flush(struct rna_queue *q)
{
	unsigned int i;

	for (i = 0; i < LRO_FLOWS && q->lro->held > 0; i++)
		flow_flush(q, &q->lro->flow[i]);
}

void
rna_lro_expire(struct rna_queue *q)
{
	uint64_t now;
	unsigned int i;

	if (q->lro->held == 0)
		return;
	now = q->lro->hold_ns > 0 ? amu_now_ns() : UINT64_MAX;
	for (i = 0; i < LRO_FLOWS; i++)
		if (q->lro->flow[i].until <= now)
			flow_flush(q, &q->lro->flow[i]);
}

bool
rna_lro_holds(const struct rna_queue *q)
{
	return q->lro->held > 0;
}

/* ---- Packets come ------------------------------------------------------------------------- */

/** Whether two packets are of one connection, by their headers up to the TCP ports. */
static bool
same_connection(const struct lro_flow *flow, const struct lro_segment *segment)
{
	const uint8_t *a = flow->data, *b = segment->data;
	uint32_t l3 = flow->l3, addresses = a[l3] >> 4 == 4 ? 12 : 8;

	return l3 == segment->l3 && flow->l4 == segment->l4 && memcmp(a, b, l3) == 0 &&
	       a[l3] == b[l3] &&
	       memcmp(a + l3 + addresses, b + l3 + addresses, flow->l4 - l3 - addresses + 4) == 0;
}

/** Whether all that has to be alike is. */
static bool
same_headers(const struct lro_flow *flow, const struct lro_segment *segment)
{
	const uint8_t *a = flow->data + flow->l3, *b = segment->data + segment->l3;
	const uint8_t *ta = flow->data + flow->l4, *tb = segment->data + segment->l4;

	/* IPv4: type of service, fragments, TTL; IPv6: class and flow label, hop limit. */
	if (a[0] >> 4 == 4 ? a[1] != b[1] || memcmp(a + 6, b + 6, 4) != 0 :
			     memcmp(a, b, 4) != 0 || memcmp(a + 6, b + 6, 2) != 0)
		return false;
	return flow->payload == segment->payload && flow->info.type == segment->info->type &&
	       flow->info.vlan_tci == segment->info->vlan_tci &&
	       flow->info.outer_vlan_tci == segment->info->outer_vlan_tci &&
	       flow->info.mark == segment->info->mark &&
	       memcmp(ta + 20, tb + 20, (size_t)(flow->payload - flow->l4 - 20)) == 0;
}

static bool
goes_on(const struct rna_lro *lro, const struct lro_flow *flow, const struct lro_segment *segment)
{
	uint32_t bytes = segment->end - segment->payload;

	return rna_be32(segment->data + segment->l4 + 4) == flow->next && bytes <= flow->mss &&
	       flow->end + bytes <= lro->max && same_headers(flow, segment);
}

static void
flow_begin(struct rna_lro *lro, struct lro_flow *flow, const struct lro_segment *segment)
{
	lro->held++;
	flow->until = lro->hold_ns > 0 ? amu_now_ns() + lro->hold_ns : 0;
	memcpy(flow->data, segment->data, segment->len);
	flow->len = segment->len;
	flow->end = segment->end;
	flow->l3 = segment->l3;
	flow->l4 = segment->l4;
	flow->payload = segment->payload;
	flow->mss = (uint16_t)(segment->end - segment->payload);
	flow->next = rna_be32(segment->data + segment->l4 + 4) + flow->mss;
	flow->packets = 1;
	flow->info = *segment->info;
}

static void
flow_append(struct lro_flow *flow, const struct lro_segment *segment)
{
	uint8_t *to = flow->data + flow->l4;
	const uint8_t *from = segment->data + segment->l4;
	uint32_t bytes = segment->end - segment->payload;

	memcpy(flow->data + flow->end, segment->data + segment->payload, bytes);
	flow->end += bytes;
	flow->len = flow->end;
	flow->next += bytes;
	flow->packets++;
	memcpy(to + 8, from + 8, 4); /* acknowledgement */
	memcpy(to + 14, from + 14, 2); /* window */
	to[TCP_FLAGS] |= from[TCP_FLAGS];
}

/** Whether a packet of TCP, `stripped` bytes of tags taken off, may be put to others. */
static bool
segment_of(const struct rna_parsed *parsed, uint32_t stripped, uint32_t sums,
	struct lro_segment *segment)
{
	const struct rna_level *level = &parsed->outer;
	const uint8_t *tcp;
	uint32_t header;

	segment->l3 = (uint16_t)(level->l3 - stripped);
	segment->l4 = (uint16_t)(level->l4 - stripped);
	segment->end = level->end - stripped;
	if ((level->flags & (RNA_LEVEL_OPTIONS | RNA_LEVEL_CUT)) || !(sums & RVR_RNA_RX_L4_GOOD) ||
		(sums & RVR_RNA_RX_L3_BAD))
		return false;
	tcp = segment->data + segment->l4;
	/* Loaded once: the host may write to what it sends. */
	header = (__atomic_load_n(&tcp[TCP_OFFSET], __ATOMIC_RELAXED) >> 4) * 4u;
	segment->payload = (uint16_t)(segment->l4 + header);
	return header >= 20 && segment->payload < segment->end &&
	       (tcp[TCP_FLAGS] | TCP_PSH) == (TCP_ACK | TCP_PSH);
}

static struct lro_flow *
flow_find(struct rna_lro *lro, const struct lro_segment *segment)
{
	unsigned int i;

	for (i = 0; i < LRO_FLOWS; i++)
		if (lro->flow[i].len != 0 && same_connection(&lro->flow[i], segment))
			return &lro->flow[i];
	return NULL;
}

/** An entry for a new stream; the oldest one leaves if there is none. */
static struct lro_flow *
flow_new(struct rna_queue *q)
{
	struct lro_flow *flow = &q->lro->flow[0];
	unsigned int i;

	for (i = 0; i < LRO_FLOWS; i++) {
		if (q->lro->flow[i].len == 0)
			return &q->lro->flow[i];
		if (q->lro->flow[i].until < flow->until)
			flow = &q->lro->flow[i];
	}
	flow_flush(q, flow);
	return flow;
}

bool
rna_lro_receive(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed, uint32_t stripped, uint32_t sums,
	const struct rna_rx_info *info)
{
	struct lro_segment segment = { .data = data, .len = len, .info = info };
	struct lro_flow *flow;
	bool fits;

	if (parsed->outer.l4_type != RNA_L4_TCP || parsed->tunnel_type != RNA_TUNNEL_NONE)
		return false;
	fits = segment_of(parsed, stripped, sums, &segment);
	flow = flow_find(q->lro, &segment);
	if (flow != NULL && fits && goes_on(q->lro, flow, &segment)) {
		flow_append(flow, &segment);
	} else {
		/* What came before leaves before. */
		if (flow != NULL)
			flow_flush(q, flow);
		if (!fits)
			return false;
		if (flow == NULL)
			flow = flow_new(q);
		flow_begin(q->lro, flow, &segment);
		if (!q->dirty)
			rna_rx_touch(q);
	}
	if (segment.end - segment.payload < flow->mss || flow->end + flow->mss > q->lro->max ||
	    (data[segment.l4 + TCP_FLAGS] & TCP_PSH))
		flow_flush(q, flow);
	return true;
}
