/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Receiving a packet, the part that each packet takes: for rx.c, and inlined where packets come
 * from (tx.c).
 */

#ifndef RNA_RX_H
#define RNA_RX_H

#include "copy.h"
#include "rna.h"

/** A packet that doesn't fit one buffer, or whose buffer isn't contiguous here. */
void rna_rx_scatter(struct rna_queue *q, const uint8_t *data, uint32_t len, uint64_t type,
	uint32_t hash);
/** Everything but the shortest way of rna_deliver(). */
void rna_deliver_slow(struct rna_port *port, const uint8_t *data, uint32_t len);
/**
 * Receives a packet of which checksums are still to be set, by setting them where it arrives: no
 * copy in between, one parser for both sides, and what was just set needs no verification.
 *
 * @return false: it isn't one of those that this is for, and nothing happened
 */
bool rna_deliver_sums(struct rna_port *port, const uint8_t *data, uint32_t len,
	const struct rna_tx_offload *offload);
/** Whether a length is one that the port receives now; counts it if not. */
bool rna_rx_length(struct rna_port *port, uint32_t len);
/** By filters, pools and RSS, past all rules. mark: NULL for none */
void rna_deliver_default(struct rna_port *port, const uint8_t *data, uint32_t len,
	const struct rna_rx_mark *mark);
/** To a queue that a rule chose. mark: NULL for none */
void rna_deliver_queue(struct rna_port *port, const uint8_t *data, uint32_t len,
	unsigned int queue, bool hashed, uint32_t hash, const struct rna_rx_mark *mark);
/**
 * A queue has fewer than `wanted` empty buffers: takes what the driver has posted meanwhile, which
 * counts from the doorbell on, not from the session's turn. @return whether there are enough now
 */
bool rna_rx_starved(struct rna_queue *q, uint32_t wanted);
/** A queue's first packet in a turn. */
void rna_rx_touch(struct rna_queue *q);

/** Flags of a descriptor, as part of the `type` of which ptype is the rest. */
#define RNA_RX_TYPE(flags) ((uint64_t)(flags) << 48)

/** `type`: ptype and RNA_RX_TYPE(). Two stores: the compiler would make six of fields. */
static inline void
rna_rx_desc_write(struct rvr_rna_rx_desc *desc, uint64_t type, uint32_t len, uint32_t seg_len,
	uint32_t hash)
{
	typedef uint64_t __attribute__((may_alias)) word;
	word *words = (word *)(void *)desc;

	_Static_assert(offsetof(struct rvr_rna_rx_desc, pkt_len) == 4, "first word");
	_Static_assert(offsetof(struct rvr_rna_rx_desc, flags) == 6, "first word");
	_Static_assert(offsetof(struct rvr_rna_rx_desc, hash) == 12, "second word");
	words[0] = rvr_cpu_le64(type | (uint64_t)len << 32);
	words[1] = rvr_cpu_le64(seg_len | (uint64_t)hash << 32);
}

/** The queue that RSS names for a parsed packet; adds to *type what goes with it. */
static inline struct rna_queue *
rna_rx_choose(const struct rna_port *port, const uint8_t *data, const struct rna_parsed *parsed,
	uint64_t *type, uint32_t *hash)
{
	const struct rna_rss *rss = port->rss;

	*type = port->ptypes ? parsed->ptype : 0;
	*hash = 0;
	if (rss->types == 0 || !rna_rss_hash(rss, data, parsed, hash))
		return port->queue[0];
	*type |= RNA_RX_TYPE(RVR_RNA_RX_HASH);
	return port->queue[rss->reta[*hash % RNA_RETA_SIZE]];
}

/** Puts a packet into a running queue's next buffer. */
static inline void
rna_rx_put(struct rna_queue *q, const uint8_t *data, uint32_t len, uint64_t type, uint32_t hash)
{
	uint32_t at = q->filled;
	const struct rna_buffer *buf;

	if (amu_unlikely(!q->dirty))
		rna_rx_touch(q);
	if (amu_unlikely(at == q->posted) && !rna_rx_starved(q, 1)) {
		q->stats.rx_no_buffer++;
		return;
	}
	buf = &q->bufs[at & q->mask];
	if (amu_unlikely(len > q->buffer_size || buf->va == NULL)) {
		rna_rx_scatter(q, data, len, type, hash);
		return;
	}
	rna_copy(buf->va, data, len);
	rna_rx_desc_write(&q->descs[at & q->mask], type, len, len, hash);
	q->filled = at + 1;
	q->stats.rx_packets++;
	q->stats.rx_bytes += len;
}

/** A packet arrives at a port; `len` is at least RNA_FRAME_MIN. */
static inline void
rna_deliver(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_queue *q = port->only;

	if (amu_likely(q != NULL && len <= port->rx_max && (data[0] & 1) == 0))
		rna_rx_put(q, data, len, 0, 0);
	else
		rna_deliver_slow(port, data, len);
}

#endif /* RNA_RX_H */
