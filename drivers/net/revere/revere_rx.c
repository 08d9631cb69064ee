/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Receiving: the fast path, and what it falls back to.
 *
 * A descriptor is laid out like an mbuf's packet_type .. hash, so that a packet costs two loads
 * and four stores. Nothing that the device writes is believed: how many descriptors a message has
 * is bounded by the message and by what was posted, lengths by the buffer. Descriptors that are
 * anything but one whole packet are left to rx_careful().
 */

#include <inttypes.h>

#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "revere_net.h"

#define RX_FLAGS_SHIFT 48 /* of a descriptor's first word */
#define RX_LEN_SHIFT 32
#define RX_TYPE_LEN_MASK (RVR_RNA_PTYPE_MASK | (uint64_t)UINT16_MAX << RX_LEN_SHIFT)
#define RX_CHECKSUM_SHIFT 8 /* of flags */
#define RX_MSG_LINES 4 /* cache lines of a message of 256 bytes */

/* Flags of a packet that rx_whole() takes as it is. */
#define RX_PLAIN (RVR_RNA_RX_HASH | RVR_RNA_RX_VLAN)
/* ... and as it is, but for states of checksums. */
#define RX_CHECKED (RX_PLAIN | 0x7fu << RX_CHECKSUM_SHIFT)
/* Of the word above ptype: length, which stays, and flags. */
#define RX_MASK(flags) (~((uint32_t)(flags) << 16))

/** Word of a descriptor or of a header, loaded once. */
static inline uint64_t
load_word(const void *at)
{
	return rvr_le64_cpu(__atomic_load_n((const revere_net_word *)at, __ATOMIC_RELAXED));
}

void
revere_net_rx_fault(struct revere_net_rxq *rxq, const char *what, uint64_t value)
{
	struct revere_net *net = rxq->net;

	rxq->stats.device_errors++;
	__atomic_store_n(&rxq->running, false, __ATOMIC_RELAXED);
	rxq->left = 0;
	revere_net_pair_set_failed(&net->pairs[rxq->id], true);
	net->data->rx_queue_state[rxq->id] = RTE_ETH_QUEUE_STATE_STOPPED;
	REVERE_NET_LOG(ERR, net, "Rx queue %u stopped: the device wrote %s %" PRIu64
		"; it is to be reset", rxq->id, what, value);
}

/* ---- Empty buffers ------------------------------------------------------------------------ */

/** Takes mbufs from the pool; fewer if it hasn't got as many. @return how many */
static inline uint32_t
get_mbufs(struct revere_net_rxq *rxq, struct rte_mbuf **mbufs, uint32_t count)
{
	if (likely(rte_mempool_get_bulk(rxq->pool, (void **)mbufs, count) == 0))
		return count;
	rxq->stats.rx_no_mbuf += count;
	do {
		count /= 2;
	} while (count > 0 && rte_mempool_get_bulk(rxq->pool, (void **)mbufs, count) < 0);
	return count;
}

/** Fills one message. @return buffers posted, 0 if the pool has none */
static uint32_t
post_message(struct revere_net_rxq *rxq, void *msg, uint32_t want)
{
	struct rvr_rna_buffers *head = msg;
	revere_net_word *addrs = RTE_PTR_ADD(msg, sizeof(*head));
	uint32_t at = (uint32_t)rxq->posted & rxq->mask;
	struct rte_mbuf **sw = &rxq->sw[at];
	uint32_t i, count = RTE_MIN(RTE_MIN(want, rxq->max_addrs), rxq->mask + 1 - at);

	if (unlikely(rxq->split != NULL)) {
		count = revere_net_split_get(rxq, sw, addrs, count);
	} else {
		count = get_mbufs(rxq, sw, count);
		for (i = 0; i < count; i++)
			addrs[i] = rvr_cpu_le64(rte_mbuf_data_iova_default(sw[i]));
	}
	if (unlikely(count == 0))
		return 0;
	head->opcode = rvr_cpu_le16(RVR_RNA_OP_BUFFERS);
	head->count = rvr_cpu_le16((uint16_t)count);
	head->zero = 0;
	rxq->posted += count;
	return count;
}

void
revere_net_rx_post(struct revere_net_rxq *rxq, uint32_t min)
{
	uint32_t want = rxq->nb_desc - (uint32_t)(rxq->posted - rxq->used);
	uint32_t msgs = 0;

	while (want >= min && want > 0 && revere_tx_room(rxq->bufs, msgs + 1) > msgs) {
		uint32_t count = post_message(rxq, revere_tx_slot(rxq->bufs, msgs), want);

		if (count == 0)
			break;
		want -= count;
		msgs++;
	}
	if (msgs > 0) {
		revere_tx_publish(rxq->bufs, msgs);
		revere_net_prefetch_slots(rxq->bufs, RX_MSG_LINES);
	}
	if (unlikely(rxq->bufs->broken))
		revere_net_rx_fault(rxq, "an index of its ring of empty buffers, beyond",
			rxq->bufs->seen);
}

/* ---- Packets ------------------------------------------------------------------------------ */

/** What fresh mbufs get, apart from a queue so that stores to them don't make it uncertain. */
struct rx_fill {
	uint64_t rearm;
	const uint64_t *ol_flags;
};

static __rte_always_inline struct rx_fill
fill_of(const struct revere_net_rxq *rxq)
{
	return (struct rx_fill){ rxq->rearm, rxq->ol_flags };
}

/** mbuf flags of the states of checksums. */
static __rte_always_inline uint64_t
checksum_flags(uint64_t first)
{
	return revere_net_rx_checksum_flags[(first >> (RX_FLAGS_SHIFT + RX_CHECKSUM_SHIFT)) &
		(RTE_DIM(revere_net_rx_checksum_flags) - 1)];
}

/** Fields of an mbuf that a descriptor doesn't give, and those that it does. */
static __rte_always_inline void
fill_mbuf(struct rte_mbuf *m, const struct rx_fill *fill, uint64_t first, uint64_t second,
	bool checked)
{
	revere_net_word *words = RTE_PTR_ADD(m, offsetof(struct rte_mbuf, data_off));

	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, ol_flags) !=
			 offsetof(struct rte_mbuf, data_off) + 8);
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, packet_type) !=
			 offsetof(struct rte_mbuf, data_off) + 16);
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, data_len) !=
			 offsetof(struct rte_mbuf, data_off) + 24);
	RTE_BUILD_BUG_ON(offsetof(struct rte_mbuf, hash.rss) !=
			 offsetof(struct rte_mbuf, data_off) + 28);
	words[0] = fill->rearm;
	words[1] = fill->ol_flags[(first >> RX_FLAGS_SHIFT) & 7] |
		   (checked ? checksum_flags(first) : 0);
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	words[2] = first & RX_TYPE_LEN_MASK;
	words[3] = second;
#else
	m->packet_type = first & RVR_RNA_PTYPE_MASK;
	m->pkt_len = (uint16_t)(first >> RX_LEN_SHIFT);
	m->data_len = (uint16_t)second;
	m->vlan_tci = (uint16_t)(second >> 16);
	m->hash.rss = second >> 32;
#endif
}

/**
 * Receives descriptors as if each were a whole packet, with states of checksums or without.
 * @return whether they were; if not, nothing is received
 */
static __rte_always_inline bool
rx_whole(struct revere_net_rxq *rxq, struct rte_mbuf **pkts, uint32_t count, bool checked)
{
	const uint32_t bits = checked ? RX_MASK(RX_CHECKED) : RX_MASK(RX_PLAIN);
	const struct rx_fill fill = fill_of(rxq);
	const struct rvr_rna_rx_desc *desc = rxq->desc;
	struct rte_mbuf **sw = rxq->sw;
	uint32_t at = (uint32_t)rxq->used;
	uint32_t mask = rxq->mask, room = rxq->room, i;
	uint32_t wrong = 0;

	for (i = 0; i < count; i++) {
		struct rte_mbuf *m = sw[(at + i) & mask];
		uint64_t first = load_word(&desc[i]);
		uint64_t second = load_word(RTE_PTR_ADD(&desc[i], 8));
		uint32_t len = (uint16_t)second;

		wrong |= (((uint32_t)(first >> RX_LEN_SHIFT) & bits) ^ len) | (len - 1 >= room);
		fill_mbuf(m, &fill, first, second, checked);
		pkts[i] = m;
	}
	if (unlikely(wrong != 0))
		return false;
	rxq->used = rxq->used + count;
	return true;
}

/** Frees a packet of which some buffers have come. */
static void
drop_partial(struct revere_net_rxq *rxq)
{
	rte_pktmbuf_free(rxq->first);
	rxq->first = NULL;
	rxq->last = NULL;
}

/** A buffer that the agent could not write: it comes back empty, its packet is lost. */
static void
rx_error_desc(struct revere_net_rxq *rxq, struct rte_mbuf *m)
{
	if (rxq->first != NULL)
		drop_partial(rxq);
	rte_mbuf_raw_free(m);
}

/** Adds a buffer to the packet that is coming in. @return the packet, if it is whole now */
static struct rte_mbuf *
rx_append(struct revere_net_rxq *rxq, struct rte_mbuf *m, bool more)
{
	struct rte_mbuf *head = rxq->first;

	if (head == NULL) {
		head = m;
		rxq->first = m;
	} else {
		rxq->last->next = m;
		head->nb_segs++;
	}
	rxq->last = m;
	if (more)
		return NULL;
	rxq->first = NULL;
	rxq->last = NULL;
	return head;
}

/**
 * A buffer of a split that stayed empty comes back. @return the packet, if it ends with that
 */
static struct rte_mbuf *
rx_empty(struct revere_net_rxq *rxq, struct rte_mbuf *m, bool more)
{
	struct rte_mbuf *head = rxq->first;

	rte_mbuf_raw_free(m);
	if (more)
		return NULL;
	rxq->first = NULL;
	rxq->last = NULL;
	return head;
}

/** What only a split has to do with an mbuf that fill_mbuf() filled. */
static void
rx_fill_split(const struct revere_net_rxq *rxq, struct rte_mbuf *m)
{
	uint32_t kind = rxq->used & 1;

	m->data_off = rxq->split->data_off[kind];
	m->ol_flags = (m->ol_flags & ~RTE_MBUF_F_EXTERNAL) | rxq->split->flags[kind];
}

/** Whether a descriptor can be; `have` bytes of its packet came before. */
static bool
desc_check(const struct revere_net_rxq *rxq, uint32_t flags, uint32_t pkt_len, uint32_t seg_len,
	uint32_t have)
{
	bool more = flags & RVR_RNA_RX_MORE;

	if (rxq->split != NULL)
		return revere_net_split_check(rxq, flags, pkt_len, seg_len);
	if (seg_len == 0 || seg_len > rxq->room || have + seg_len > pkt_len)
		return false;
	if (rxq->first == NULL ? more && !rxq->scatter : rxq->first->pkt_len != pkt_len)
		return false;
	return more == (have + seg_len < pkt_len);
}

/** A descriptor that can't be stops the queue. */
static __rte_noinline bool
rx_bad_desc(struct revere_net_rxq *rxq, uint64_t second)
{
	revere_net_rx_fault(rxq, "a receive descriptor with a segment of bytes",
		(uint16_t)second);
	return false;
}

/** Takes an extension from the message. @return false: there is none, the queue is stopped */
static bool
rx_take_ext(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint32_t flags)
{
	if (rxq->left == 0)
		return rx_bad_desc(rxq, flags);
	revere_net_rx_extend(rxq, m, flags, (const struct rvr_rna_rx_ext *)rxq->desc);
	rxq->desc++;
	rxq->left--;
	return true;
}

/**
 * Takes a descriptor from the message, whatever it is, and its extension.
 * @return false: it can't be, the queue is stopped; else *whole is a packet or NULL
 */
static bool
rx_one(struct revere_net_rxq *rxq, struct rte_mbuf **whole)
{
	const struct rx_fill fill = fill_of(rxq);
	struct rte_mbuf *m = rxq->sw[rxq->used & rxq->mask];
	uint64_t first = load_word(rxq->desc);
	uint64_t second = load_word(RTE_PTR_ADD(rxq->desc, 8));
	uint32_t flags = (first >> RX_FLAGS_SHIFT) & UINT16_MAX;

	*whole = NULL;
	if (rxq->used == rxq->posted)
		return rx_bad_desc(rxq, second);
	if (flags & RVR_RNA_RX_ERROR) {
		rx_error_desc(rxq, m);
	} else if (!desc_check(rxq, flags, (uint16_t)(first >> RX_LEN_SHIFT), (uint16_t)second,
			   rxq->have)) {
		return rx_bad_desc(rxq, second);
	}
	if (!(flags & RVR_RNA_RX_ERROR)) {
		fill_mbuf(m, &fill, first, second, true);
		if (rxq->split != NULL)
			rx_fill_split(rxq, m);
	}
	rxq->used++;
	rxq->desc++;
	rxq->left--;
	if (flags & RVR_RNA_RX_ERROR) {
		rxq->have = 0;
		return true;
	}
	rxq->have += m->data_len;
	*whole = m->data_len == 0 ? rx_empty(rxq, m, flags & RVR_RNA_RX_MORE) :
				    rx_append(rxq, m, flags & RVR_RNA_RX_MORE);
	if (*whole != NULL)
		rxq->have = 0;
	return !(flags & RVR_RNA_RX_EXT) || rx_take_ext(rxq, m, flags);
}

/**
 * Receives up to so many descriptors one by one: packets of several buffers, with offloads, lost
 * ones, and what can't be, which stops the queue. @return packets
 */
static __rte_noinline uint16_t
rx_careful(struct revere_net_rxq *rxq, struct rte_mbuf **pkts, uint32_t count)
{
	uint16_t received = 0;
	uint32_t i;

	for (i = 0; i < count && rxq->left > 0; i++) {
		bool good = rx_one(rxq, &pkts[received]);

		/* A packet may be whole and what follows it wrong. */
		received += pkts[received] != NULL;
		if (!good)
			break;
	}
	return received;
}

/** Receives descriptors of one message as whole packets, if its queue has such. */
static __rte_always_inline bool
rx_whole_packets(struct revere_net_rxq *rxq, struct rte_mbuf **pkts, uint32_t count)
{
	if (unlikely(rxq->first != NULL || count > rxq->posted - rxq->used))
		return false;
	if (likely(rxq->descs == REVERE_NET_RX_PLAIN))
		return rx_whole(rxq, pkts, count, false);
	return rxq->descs == REVERE_NET_RX_CHECKED && rx_whole(rxq, pkts, count, true);
}

/** Looks at a message's header. @return false: it can't be, the queue is stopped */
static __rte_always_inline bool
rx_open(struct revere_net_rxq *rxq, const void *msg)
{
	uint64_t head = load_word(msg);
	uint32_t count = (head >> 16) & UINT16_MAX;

	if (unlikely((head & UINT16_MAX) != RVR_RNA_OP_RX || count - 1 >= rxq->max_descs ||
		    load_word(RTE_PTR_ADD(msg, 8)) != rxq->used)) {
		revere_net_rx_fault(rxq, "a receive message with opcode and count", head);
		return false;
	}
	rxq->desc = RTE_PTR_ADD(msg, sizeof(struct rvr_rna_rx));
	rxq->left = count;
	return true;
}

/** The lines of a message are another core's: all are asked for at once. */
static __rte_always_inline void
prefetch_message(const struct revere_ring *ring, uint32_t ahead)
{
	const uint8_t *msg = revere_rx_msg(ring, ahead);
	unsigned int line;

	for (line = 0; line < RX_MSG_LINES; line++)
		rte_prefetch0(msg + line * RTE_CACHE_LINE_SIZE);
}

static __rte_always_inline uint16_t
rx_burst(struct revere_net_rxq *rxq, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_ring *ring = rxq->ring;
	uint32_t ready, taken = 0;
	uint16_t received = 0;

	ready = revere_rx_ready(ring, (count >> rxq->descs_shift) + 1u);
	if (ready > 0)
		prefetch_message(ring, 0);
	while (received < count) {
		uint32_t n;

		if (rxq->left == 0) {
			if (taken == ready || !rx_open(rxq, revere_rx_msg(ring, taken)))
				break;
			if (taken + 1 < ready)
				prefetch_message(ring, taken + 1);
		}
		n = RTE_MIN(rxq->left, (uint32_t)(count - received));
		if (likely(rx_whole_packets(rxq, &pkts[received], n))) {
			received += n;
			rxq->desc += n;
			rxq->left -= n;
		} else {
			received += rx_careful(rxq, &pkts[received], n);
		}
		if (unlikely(!__atomic_load_n(&rxq->running, __ATOMIC_RELAXED)))
			break;
		taken += rxq->left == 0;
	}
	if (taken > 0)
		revere_rx_release(ring, taken);
	if (unlikely(ring->broken))
		revere_net_rx_fault(rxq, "an index of its ring of packets, beyond", ring->own);
	else if (rxq->nb_desc - (uint32_t)(rxq->posted - rxq->used) >= rxq->refill_thresh)
		revere_net_rx_post(rxq, rxq->refill_thresh);
	return received;
}

uint16_t
revere_net_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_net_rxq *rxq = rx_queue;

	if (unlikely(!revere_net_enter(&rxq->busy, &rxq->running)))
		return 0;
	count = rx_burst(rxq, pkts, count);
	revere_net_leave(&rxq->busy);
	return count;
}

/* ---- Status ------------------------------------------------------------------------------- */

static uint32_t
rx_count(struct revere_net_rxq *rxq)
{
	uint32_t i, count = rxq->left, outstanding = (uint32_t)(rxq->posted - rxq->used);
	uint32_t ready;

	ready = revere_rx_ready(rxq->ring, UINT32_MAX);
	for (i = rxq->left > 0; i < ready; i++) {
		uint64_t head = load_word(revere_rx_msg(rxq->ring, i));

		count += RTE_MIN((uint32_t)(head >> 16) & UINT16_MAX, rxq->max_descs);
	}
	return RTE_MIN(count, outstanding);
}

revere_queue_count_t
revere_net_rx_queue_count(void *rx_queue)
{
	struct revere_net_rxq *rxq = rx_queue;
	uint32_t count;

	if (!revere_net_enter(&rxq->busy, &rxq->running))
		return 0;
	count = rx_count(rxq);
	revere_net_leave(&rxq->busy);
	return (revere_queue_count_t)count;
}

static int
rx_status(struct revere_net_rxq *rxq, uint16_t offset)
{
	if (offset < rx_count(rxq))
		return RTE_ETH_RX_DESC_DONE;
	return offset < rxq->posted - rxq->used ? RTE_ETH_RX_DESC_AVAIL :
						   RTE_ETH_RX_DESC_UNAVAIL;
}

int
revere_net_rx_status(void *rx_queue, uint16_t offset)
{
	struct revere_net_rxq *rxq = rx_queue;
	int status;

	if (offset >= rxq->nb_desc)
		return -EINVAL;
	if (!revere_net_enter(&rxq->busy, &rxq->running))
		return RTE_ETH_RX_DESC_UNAVAIL;
	status = rx_status(rxq, offset);
	revere_net_leave(&rxq->busy);
	return status;
}
