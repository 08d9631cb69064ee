/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Packets with checksums to be set that arrive at a port of the same device: most packets with
 * transmit offloads, in one go. What is rarer goes by offload.c and rx_offload.c.
 */

#include "checksum.h"
#include "rx.h"

/* Requests, and offloads of the queue, which do nothing more to packets that are taken here. */
#define SUMS_REQUESTS (RVR_RNA_TXO_L3 | RVR_RNA_TXO_L4_MASK)
#define SUMS_OFFLOADS                                                                          \
	(RVR_RNA_RXO_CHECKSUM | RVR_RNA_RXO_VLAN | RVR_RNA_RXO_QINQ | RVR_RNA_RXO_MARK)

/** Kind of L4 whose checksum is asked for; RNA_L4_SCTP isn't one for this file. */
static const uint8_t requested_l4[] = { RNA_L4_NONE, RNA_L4_TCP, RNA_L4_UDP, RNA_L4_SCTP };

/** Whether the request names the headers that are there, all of them whole. */
static inline bool
sums_fit(const struct rna_tx_offload *offload, const uint8_t *data,
	const struct rna_parsed *parsed)
{
	const struct rna_level *level = &parsed->outer;
	uint8_t l4 = requested_l4[(offload->request & RVR_RNA_TXO_L4_MASK) >> 1];
	uint32_t len;

	/* The length was read again after it was found right, and may be another one by then. */
	if (level->end < level->l4)
		return false;
	len = (uint32_t)level->end - level->l4;
	if ((offload->request & ~SUMS_REQUESTS) != 0 || offload->outer_l4 != 0 ||
		parsed->tunnel_type != RNA_TUNNEL_NONE || level->tags != 0 ||
		(level->flags & (RNA_LEVEL_WRONG | RNA_LEVEL_FRAGMENT)) != 0 ||
		level->l3 != offload->l3 || level->l4 != offload->l4)
		return false;
	if ((offload->request & RVR_RNA_TXO_L3) && level->l3_type != RNA_L3_IPV4)
		return false;
	switch (l4) {
	case RNA_L4_NONE:
		return true;
	case RNA_L4_TCP:
		return level->l4_type == l4 && len >= 20;
	case RNA_L4_UDP:
		/* Who verifies goes by UDP's own length. */
		return level->l4_type == l4 && len >= 8 && rna_be16(data + level->l4 + 4) == len;
	default:
		return false;
	}
}

/** States of checksums, of which those that are set needn't be looked at. */
static inline uint32_t
sums_states(const uint8_t *data, const struct rna_level *level, uint32_t request)
{
	return (request & RVR_RNA_TXO_L3 ? RVR_RNA_RX_L3_GOOD : rna_verify_l3(data, level)) |
	       (request & RVR_RNA_TXO_L4_MASK ? RVR_RNA_RX_L4_GOOD : rna_verify_l4(data, level));
}

/** Sets in `to` the checksums of the packet that was copied there from `data`. */
static inline void
sums_set(uint8_t *to, const uint8_t *data, const struct rna_level *level, uint32_t request)
{
	uint32_t l3 = level->l3, l4 = level->l4;

	/* Of the original, as loads can't pass the copy's stores yet. */
	if (request & RVR_RNA_TXO_L3)
		rna_put_be16(to + l3 + 10, rna_checksum_ipv4_of(data + l3, l4 - l3));
	if (request & RVR_RNA_TXO_L4_MASK)
		rna_put_be16(to + l4 + rna_checksum_l4_at(level->proto),
			rna_checksum_l4_of(data + l3, data + l4, level->end - l4, level->proto));
}

bool
rna_deliver_sums(struct rna_port *port, const uint8_t *data, uint32_t len,
	const struct rna_tx_offload *offload)
{
	struct rna_parsed parsed;
	struct rna_buffer *buf;
	struct rna_queue *q;
	uint32_t hash;
	uint64_t type;

	if (!port->parses_all || len > port->rx_max || (data[0] & 1) != 0)
		return false;
	rna_parse(data, len, &parsed);
	if (!sums_fit(offload, data, &parsed))
		return false;
	q = rna_rx_choose(port, data, &parsed, &type, &hash);
	if (q == NULL || !q->rx_started || (q->offloads & ~SUMS_OFFLOADS) != 0)
		return false;
	if (!q->dirty)
		rna_rx_touch(q);
	if (q->filled == q->posted && !rna_rx_starved(q, 1))
		return false;
	buf = &q->bufs[q->filled & q->mask];
	if (len > q->buffer_size || buf->va == NULL)
		return false;
	rna_copy(buf->va, data, len);
	sums_set(buf->va, data, &parsed.outer, offload->request);
	if (q->offloads & RVR_RNA_RXO_CHECKSUM)
		type |= RNA_RX_TYPE(sums_states(data, &parsed.outer, offload->request));
	rna_rx_desc_write(&q->descs[q->filled & q->mask], type, len, len, hash);
	q->filled++;
	q->stats.rx_packets++;
	q->stats.rx_bytes += len;
	return true;
}
