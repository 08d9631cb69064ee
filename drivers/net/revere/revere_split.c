/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Buffer split: packets in two pieces, each in mbufs of a pool of its own. Buffers are given in
 * pairs; those that a packet leaves empty come back with it.
 */

#include <errno.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include "revere_net.h"

#define SEGMENTS 2

/* ---- What there is ------------------------------------------------------------------------ */

void
revere_net_split_info(struct rte_eth_dev_info *info)
{
	info->rx_seg_capa.multi_pools = 1;
	info->rx_seg_capa.offset_allowed = 1;
	info->rx_seg_capa.max_nseg = SEGMENTS;
}

#define V4 (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4_EXT_UNKNOWN)
#define V6 (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT_UNKNOWN)

static_assert(RVR_RNA_PTYPE_L3_IPV4_ANY == RTE_PTYPE_L3_IPV4_EXT_UNKNOWN, "any IPv4");
static_assert(RVR_RNA_PTYPE_L3_IPV6_ANY == RTE_PTYPE_L3_IPV6_EXT_UNKNOWN, "any IPv6");

REVERE_NET_PTYPES_GET(revere_net_split_ptypes_get)
{
	static const uint32_t ptypes[] = {
		RTE_PTYPE_L2_ETHER,
		V4,
		V4 | RTE_PTYPE_L4_TCP,
		V4 | RTE_PTYPE_L4_UDP,
		V4 | RTE_PTYPE_L4_SCTP,
		V6,
		V6 | RTE_PTYPE_L4_TCP,
		V6 | RTE_PTYPE_L4_UDP,
		V6 | RTE_PTYPE_L4_SCTP,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_SCTP,
		RTE_PTYPE_TUNNEL_VXLAN,
		RTE_PTYPE_TUNNEL_GENEVE,
		RTE_PTYPE_TUNNEL_GRE,
		RTE_PTYPE_UNKNOWN,
	};

	RTE_SET_USED(dev);
	return REVERE_NET_PTYPES(ptypes);
}

/* ---- Set-up ------------------------------------------------------------------------------- */

static int
segment_setup(const struct revere_net_rxq *rxq, struct revere_net_split *split, unsigned int kind,
	const struct rte_eth_rxseg_split *segment)
{
	uint32_t room = rte_pktmbuf_data_room_size(segment->mp);
	uint32_t before = (kind == 0 ? RTE_PKTMBUF_HEADROOM : 0) + (uint32_t)segment->offset;

	if (room < before + RTE_MAX(segment->length, rxq->net->limits.min_buffer)) {
		REVERE_NET_LOG(ERR, rxq->net, "Rx queue %u, segment %u: mbufs of pool %s have room "
			"for %u bytes, headroom with them; at least %u are needed", rxq->id, kind,
			segment->mp->name, room,
			before + RTE_MAX(segment->length, rxq->net->limits.min_buffer));
		return -EINVAL;
	}
	split->pool[kind] = segment->mp;
	split->data_off[kind] = (uint16_t)before;
	split->room[kind] = (uint16_t)RTE_MIN(room - before, (uint32_t)UINT16_MAX);
	if (rte_pktmbuf_priv_flags(segment->mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)
		split->flags[kind] = RTE_MBUF_F_EXTERNAL;
	return 0;
}

static int
segments_check(const struct revere_net_rxq *rxq, const struct rte_eth_rxconf *conf)
{
	const struct rte_eth_rxseg_split *segment = &conf->rx_seg[0].split;

	if (conf->rx_nseg != SEGMENTS || rxq->nb_desc < SEGMENTS) {
		REVERE_NET_LOG(ERR, rxq->net, "Rx queue %u: split into %u segments with %u "
			"descriptors, it takes %u and at least as many descriptors", rxq->id,
			conf->rx_nseg, rxq->nb_desc, SEGMENTS);
		return -EINVAL;
	}
	if (segment->length == 0 && segment->proto_hdr == 0) {
		REVERE_NET_LOG(ERR, rxq->net,
			"Rx queue %u: the first segment has neither a length nor a header",
			rxq->id);
		return -EINVAL;
	}
	return 0;
}

int
revere_net_split_setup(struct revere_net_rxq *rxq, const struct rte_eth_rxconf *conf)
{
	int ret = segments_check(rxq, conf);
	unsigned int i;

	if (ret < 0)
		return ret;
	rxq->split = rte_zmalloc("revere_split", sizeof(*rxq->split), 0);
	if (rxq->split == NULL)
		return -ENOMEM;
	for (i = 0; i < SEGMENTS && ret == 0; i++)
		ret = segment_setup(rxq, rxq->split, i, &conf->rx_seg[i].split);
	if (ret < 0)
		return ret;
	rxq->split->ptype = conf->rx_seg[0].split.proto_hdr;
	rxq->split->len = conf->rx_seg[0].split.length;
	rxq->nb_desc &= ~1u;
	rxq->pool = rxq->split->pool[1];
	rxq->room = rxq->split->room[1];
	return 0;
}

/* ---- Packets ------------------------------------------------------------------------------ */

uint32_t
revere_net_split_get(struct revere_net_rxq *rxq, struct rte_mbuf **mbufs, revere_net_word *addrs,
	uint32_t count)
{
	const struct revere_net_split *split = rxq->split;
	uint32_t i;

	count &= ~1u;
	for (i = 0; i < count; i++) {
		mbufs[i] = rte_mbuf_raw_alloc(split->pool[i & 1]);
		if (mbufs[i] == NULL) {
			rxq->stats.rx_no_mbuf++;
			break;
		}
		addrs[i] = rvr_cpu_le64(rte_mbuf_data_iova_default(mbufs[i]) -
			RTE_PKTMBUF_HEADROOM + split->data_off[i & 1]);
	}
	/* Without its other half a buffer is of no use. */
	if (i & 1)
		rte_mbuf_raw_free(mbufs[--i]);
	return i;
}

bool
revere_net_split_check(const struct revere_net_rxq *rxq, uint32_t flags, uint32_t pkt_len,
	uint32_t seg_len)
{
	uint32_t kind = rxq->used & 1, got = rxq->have + seg_len;
	bool more = flags & RVR_RNA_RX_MORE;

	if (seg_len > rxq->split->room[kind] || got > pkt_len || (kind == 0 && !more))
		return false;
	if (rxq->first != NULL && rxq->first->pkt_len != pkt_len)
		return false;
	/* The mbuf of an empty piece is gone before an extension is looked at. */
	if (seg_len == 0 && (flags & RVR_RNA_RX_EXT))
		return false;
	return more || (got == pkt_len && got > 0);
}
