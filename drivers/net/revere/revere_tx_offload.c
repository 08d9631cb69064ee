/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transmitting with offloads: a descriptor before those of a packet that wants something. The
 * device computes pseudo headers and lengths itself, so that packets are never touched here.
 */

#include "revere_tx.h"

/* A request's bits in the wire's descriptor, and their places in its words. */
#define TXO_VLAN_SHIFT 16
#define TXO_OUTER_VLAN_SHIFT 32
#define TXO_MSS_SHIFT 48
#define TXO_L2_SHIFT 8
#define TXO_OUTER_L3_SHIFT 32
#define TXO_L3_SHIFT 40
#define TXO_L4_SHIFT 48

#define TX_L4_SHIFT 52 /* of RTE_MBUF_F_TX_L4_MASK */
#define TX_OUTER                                                                               \
	(RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IP_CKSUM |                            \
		RTE_MBUF_F_TX_OUTER_UDP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4 |                     \
		RTE_MBUF_F_TX_OUTER_IPV6)
/* What makes a descriptor of offloads. */
#define TX_WANTS                                                                               \
	(RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_OUTER_IP_CKSUM |       \
		RTE_MBUF_F_TX_OUTER_UDP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | \
		RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_QINQ | RTE_MBUF_F_TX_IEEE1588_TMST)
/* ... of which these are what nearly all want. */
#define TX_CHECKSUMS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)
/* What a packet is harms nobody. */
#define TX_KNOWN                                                                               \
	(TX_WANTS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 |       \
		RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK)
#define TX_NOT_OFFERED (RTE_MBUF_F_TX_OFFLOAD_MASK & ~TX_KNOWN)
#define TX_SEGMENTS (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

/** RVR_RNA_TXO_* of mbuf flags for one level's checksums. */
static inline uint64_t
request_of_checksums(uint64_t flags)
{
	/* TCP, SCTP, UDP are 1, 2, 3 of DPDK's, and 1, 3, 2 of the wire's */
	uint64_t l4 = (flags & RTE_MBUF_F_TX_L4_MASK) >> TX_L4_SHIFT;

	RTE_BUILD_BUG_ON(RVR_RNA_TXO_TCP != 1 << 1 || RVR_RNA_TXO_SCTP != 3 << 1 ||
			 RVR_RNA_TXO_UDP != 2 << 1);
	return (l4 ^ l4 >> 1) << 1 | (flags & RTE_MBUF_F_TX_IP_CKSUM ? RVR_RNA_TXO_L3 : 0);
}

/** RVR_RNA_TXO_* of mbuf flags. */
static inline uint64_t
request_of(uint64_t flags)
{
	uint64_t request = request_of_checksums(flags);

	RTE_BUILD_BUG_ON(RTE_MBUF_F_TX_L4_MASK != UINT64_C(3) << TX_L4_SHIFT);
	RTE_BUILD_BUG_ON(RTE_MBUF_F_TX_TCP_CKSUM != UINT64_C(1) << TX_L4_SHIFT);
	RTE_BUILD_BUG_ON(RTE_MBUF_F_TX_SCTP_CKSUM != UINT64_C(2) << TX_L4_SHIFT);
	if (likely((flags & TX_WANTS & ~TX_CHECKSUMS) == 0))
		return request;
	if (flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM)
		request |= RVR_RNA_TXO_OUTER_L3;
	if (flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM)
		request |= RVR_RNA_TXO_OUTER_UDP;
	if (flags & RTE_MBUF_F_TX_TCP_SEG)
		request = (request & ~(uint64_t)RVR_RNA_TXO_L4_MASK) | RVR_RNA_TXO_TSO |
			  RVR_RNA_TXO_TCP;
	else if (flags & RTE_MBUF_F_TX_UDP_SEG)
		request = (request & ~(uint64_t)RVR_RNA_TXO_L4_MASK) | RVR_RNA_TXO_UFO |
			  RVR_RNA_TXO_UDP;
	if (flags & (RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_QINQ))
		request |= RVR_RNA_TXO_VLAN;
	if (flags & RTE_MBUF_F_TX_QINQ)
		request |= RVR_RNA_TXO_OUTER_VLAN;
	if (flags & RTE_MBUF_F_TX_IEEE1588_TMST)
		request |= RVR_RNA_TXO_TIMESTAMP;
	return request;
}

static inline void
write_offload(revere_net_word *desc, const struct rte_mbuf *m)
{
	uint64_t second = (uint64_t)m->l2_len << TXO_L2_SHIFT | RVR_RNA_TX_OFFLOAD << 16 |
			  (uint64_t)(m->l3_len / 4) << TXO_L3_SHIFT |
			  (uint64_t)m->l4_len << TXO_L4_SHIFT;

	if (m->ol_flags & TX_OUTER)
		second |= m->outer_l2_len | (uint64_t)(m->outer_l3_len / 4) << TXO_OUTER_L3_SHIFT;
	desc[0] = rvr_cpu_le64(request_of(m->ol_flags) |
		(uint64_t)m->vlan_tci << TXO_VLAN_SHIFT |
		(uint64_t)m->vlan_tci_outer << TXO_OUTER_VLAN_SHIFT |
		(uint64_t)m->tso_segsz << TXO_MSS_SHIFT);
	desc[1] = rvr_cpu_le64(second);
}

/**
 * A packet of one segment and what it wants. Both go into one message, as the device takes them
 * together then.
 */
static __rte_always_inline void
write_pair(struct revere_net_txq *txq, struct tx_writer *writer, struct rte_mbuf *m)
{
	revere_net_word *desc;

	if (unlikely(writer->fill + 1 == txq->max_descs))
		writer_close(writer);
	desc = writer_desc(txq, writer, NULL);
	writer->fill++;
	write_offload(desc, m);
	txq->sw[txq->head++ & txq->mask] = m;
	write_desc(desc + 2, m, 0);
	writer_next(txq, writer);
}

static __rte_always_inline uint16_t
tx_burst_offloads(struct revere_net_txq *txq, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_ring *ring = txq->ring;
	struct tx_writer writer = { 0 };
	uint32_t free, descs;
	uint16_t sent;

	/* One packet at least can go, or completions are looked at. */
	free = tx_free_descs(txq, 2u * count + txq->max_segs);
	writer.room = revere_tx_room(ring, ring->mask + 1);
	/* The last descriptor of a message may stay unused. */
	descs = RTE_MIN(free, writer.room * (txq->max_descs - 1u));
	for (sent = 0; sent < count; sent++) {
		struct rte_mbuf *m = pkts[sent];
		uint32_t wants = (m->ol_flags & TX_WANTS) != 0;

		if (m->nb_segs + wants > descs)
			break;
		descs -= m->nb_segs + wants;
		if (likely(wants && m->nb_segs == 1)) {
			write_pair(txq, &writer, m);
			continue;
		}
		if (wants) {
			write_offload(writer_desc(txq, &writer, NULL), m);
			writer_next(txq, &writer);
		}
		write_segments(txq, &writer, m);
	}
	writer_end(txq, &writer);
	return sent;
}

uint16_t
revere_net_tx_burst_offloads(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	struct revere_net_txq *txq = tx_queue;
	uint16_t sent;

	if (unlikely(!revere_net_enter(&txq->busy, &txq->running)))
		return 0;
	sent = tx_burst_offloads(txq, pkts, count);
	if (unlikely(sent == 0))
		sent = revere_net_tx_drop_unfit(txq, pkts, count, TX_WANTS);
	revere_net_leave(&txq->busy);
	return sent;
}

/* ---- Preparation -------------------------------------------------------------------------- */

/** Bytes of headers up to L4, and with it. */
static uint32_t
headers_of(const struct rte_mbuf *m)
{
	uint32_t outer = m->ol_flags & TX_OUTER ? (uint32_t)m->outer_l2_len + m->outer_l3_len : 0;

	return outer + m->l2_len + m->l3_len + m->l4_len;
}

static int
check_segments(const struct revere_net_txq *txq, const struct rte_mbuf *m)
{
	uint32_t headers = headers_of(m);

	if (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) {
		if ((m->ol_flags & RTE_MBUF_F_TX_IPV6) || (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
			return ENOTSUP;
		headers -= m->l4_len;
	} else if (m->l4_len < 20) {
		return EINVAL;
	}
	return m->tso_segsz < 8 || m->pkt_len > UINT16_MAX ||
		headers + m->tso_segsz > txq->net->limits.max_frame ? EINVAL : 0;
}

/** @return 0 or a positive errno */
static int
check_packet(const struct revere_net_txq *txq, const struct rte_mbuf *m)
{
	uint64_t ip = RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | TX_SEGMENTS;
	uint32_t tags = m->ol_flags & RTE_MBUF_F_TX_QINQ ? 8 :
			m->ol_flags & RTE_MBUF_F_TX_VLAN ? 4 : 0;
	bool wants = m->ol_flags & TX_WANTS;

	if (m->ol_flags & TX_NOT_OFFERED)
		return ENOTSUP;
	if (m->nb_segs > txq->max_segs || m->nb_segs + (uint32_t)wants > txq->nb_desc ||
		m->pkt_len < RTE_ETHER_HDR_LEN)
		return EINVAL;
	if ((m->ol_flags & (ip | TX_OUTER)) && headers_of(m) - m->l4_len > m->pkt_len)
		return EINVAL;
	if ((m->ol_flags & ip) && (m->l3_len < 20 || m->l3_len % 4 != 0 ||
		    (!(m->ol_flags & TX_OUTER) && m->l2_len < RTE_ETHER_HDR_LEN)))
		return EINVAL;
	if (m->ol_flags & TX_SEGMENTS)
		return check_segments(txq, m);
	return m->pkt_len + tags > txq->net->limits.max_frame ? EINVAL : 0;
}

uint16_t
revere_net_tx_prepare(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	const struct revere_net_txq *txq = tx_queue;
	uint16_t i;

	for (i = 0; i < count; i++) {
		int ret = check_packet(txq, pkts[i]);

		if (ret != 0) {
			rte_errno = ret;
			break;
		}
	}
	return i;
}
