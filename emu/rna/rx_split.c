/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Buffer split: a packet's headers go to a buffer of one kind, what they carry to another one.
 */

#include "rx.h"

/* ---- Where to cut ------------------------------------------------------------------------- */

/** Whether the code of a layer is one that a code asks for, which may be one for several. */
static bool
code_matches(uint32_t code, uint32_t wanted)
{
	static const struct {
		uint32_t any, plain, ext;
	} anys[] = {
		{ RVR_RNA_PTYPE_L3_IPV4_ANY, RVR_RNA_PTYPE_L3_IPV4, RVR_RNA_PTYPE_L3_IPV4_EXT },
		{ RVR_RNA_PTYPE_L3_IPV6_ANY, RVR_RNA_PTYPE_L3_IPV6, RVR_RNA_PTYPE_L3_IPV6_EXT },
	};
	unsigned int i;

	for (i = 0; i < sizeof(anys) / sizeof(anys[0]); i++)
		if (wanted == anys[i].any)
			return code == anys[i].plain || code == anys[i].ext;
	if (wanted == RVR_RNA_PTYPE_L2_ETHER)
		return code != 0;
	return wanted == 0 || code == wanted;
}

/** Whether a packet has all layers that a type names. */
static bool
ptype_matches(uint32_t ptype, uint32_t wanted)
{
	uint32_t mask = 0xf;

	for (; mask & RVR_RNA_PTYPE_MASK; mask <<= 4)
		if (!code_matches(ptype & mask, wanted & mask))
			return false;
	return true;
}

/** Bytes of an L4 header that is there as a whole up to the end of what the parser looked at. */
static uint32_t
l4_size(const uint8_t *data, const struct rna_level *level)
{
	switch (level->l4_type) {
	case RNA_L4_TCP:
		return (data[level->l4 + 12] >> 4) * 4u;
	case RNA_L4_SCTP:
		return 12;
	default:
		return 8;
	}
}

static uint32_t
behind_l2(const struct rna_level *level)
{
	return level->l2 + 14u + level->tags * 4u;
}

/** Offset behind the last layer that a type names, of a packet that has it. */
static uint32_t
behind(const uint8_t *data, const struct rna_parsed *parsed, uint32_t ptype)
{
	if (ptype & RVR_RNA_PTYPE_INNER_L4_MASK)
		return parsed->inner.l4 + l4_size(data, &parsed->inner);
	if (ptype & RVR_RNA_PTYPE_INNER_L3_MASK)
		return parsed->inner.l4;
	if (ptype & RVR_RNA_PTYPE_INNER_L2_MASK)
		return behind_l2(&parsed->inner);
	if (ptype & RVR_RNA_PTYPE_TUNNEL_MASK)
		return parsed->inner.flags & RNA_LEVEL_ETHER ? parsed->inner.l2 : parsed->inner.l3;
	if (ptype & RVR_RNA_PTYPE_L4_MASK)
		return parsed->outer.l4 + l4_size(data, &parsed->outer);
	if (ptype & RVR_RNA_PTYPE_L3_MASK)
		return parsed->outer.l4;
	return behind_l2(&parsed->outer);
}

uint32_t
rna_split_at(const struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed)
{
	uint32_t at = q->split.len;

	if (q->split.ptype != 0)
		at = ptype_matches(parsed->ptype, q->split.ptype) ?
			behind(data, parsed, q->split.ptype) : 0;
	if (at > q->split.buffer)
		at = q->split.buffer;
	return at < len ? at : len;
}

/* ---- Buffers ------------------------------------------------------------------------------ */

/** Fills the next buffer, or leaves it empty. false: it can't be written */
static bool
put_piece(struct rna_queue *q, const uint8_t *data, uint32_t bytes, uint64_t type, uint32_t len,
	uint32_t hash)
{
	const struct rna_buffer *buf = &q->bufs[q->filled & q->mask];

	if (bytes > 0 && buf->va == NULL) {
		if (dma_write(&q->hw->view, buf->iova, data, bytes) != 0)
			return false;
	} else if (bytes > 0) {
		rna_copy(buf->va, data, bytes);
	}
	rna_rx_desc_write(&q->descs[q->filled++ & q->mask], type, len, bytes, hash);
	return true;
}

/** A buffer that can't be written: it and the other one of its pair go back, the packet is lost. */
static void
split_fail(struct rna_queue *q, uint32_t end)
{
	for (; q->filled != end; q->filled++)
		rna_rx_desc_write(&q->descs[q->filled & q->mask],
			RNA_RX_TYPE(RVR_RNA_RX_ERROR), 0, 0, 0);
	q->stats.rx_errors++;
}

void
rna_rx_put_split(struct rna_queue *q, const uint8_t *data, uint32_t len, uint32_t at,
	uint64_t type, uint32_t hash)
{
	const uint64_t more = RNA_RX_TYPE(RVR_RNA_RX_MORE), ext = RNA_RX_TYPE(RVR_RNA_RX_EXT);
	uint32_t rest, pairs;

	/* The cut was made before tags, and LRO padding, were taken off. */
	if (at > len)
		at = len;
	rest = len - at;
	pairs = rest == 0 ? 1 : (rest + q->buffer_size - 1) / q->buffer_size;
	if (q->posted - q->filled < 2 * pairs && !rna_rx_starved(q, 2 * pairs)) {
		q->stats.rx_no_buffer++;
		return;
	}
	for (; pairs > 0; pairs--) {
		uint32_t end = q->filled + 2;
		uint32_t bytes = rest < q->buffer_size ? rest : q->buffer_size;

		/* The extension goes with the first piece that isn't empty. */
		if (!put_piece(q, data, at, (at > 0 ? type : type & ~ext) | more, len, hash) ||
			!put_piece(q, data + at, bytes,
				(at > 0 ? type & ~ext : type) | (pairs > 1 ? more : 0), len,
				hash)) {
			split_fail(q, end);
			return;
		}
		type &= ~ext;
		data += at + bytes;
		rest -= bytes;
		at = 0;
	}
	q->stats.rx_packets++;
	q->stats.rx_bytes += len;
}
