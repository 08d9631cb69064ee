/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Settings of a port: filters, addresses, frame length, link, packet types.
 */

#include <errno.h>

#include <rte_ethdev.h>

#include "revere_net.h"

/* ---- Filters ------------------------------------------------------------------------------ */

static int
set_flag(struct rte_eth_dev *dev, uint32_t flag, bool on)
{
	return revere_net_port_flags(dev->data->dev_private, flag, on ? flag : 0);
}

int
revere_net_promiscuous_enable(struct rte_eth_dev *dev)
{
	return set_flag(dev, RVR_RNA_PORT_PROMISC, true);
}

int
revere_net_promiscuous_disable(struct rte_eth_dev *dev)
{
	return set_flag(dev, RVR_RNA_PORT_PROMISC, false);
}

int
revere_net_allmulticast_enable(struct rte_eth_dev *dev)
{
	return set_flag(dev, RVR_RNA_PORT_ALLMULTI, true);
}

int
revere_net_allmulticast_disable(struct rte_eth_dev *dev)
{
	return set_flag(dev, RVR_RNA_PORT_ALLMULTI, false);
}

int
revere_net_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct rvr_rna_port_set set = { .mask = rvr_cpu_le32(RVR_RNA_SET_MAC) };

	memcpy(set.mac, mac->addr_bytes, sizeof(set.mac));
	return revere_net_port_set(dev->data->dev_private, &set);
}

/* ---- Frame length ------------------------------------------------------------------------- */

static uint16_t
frame_of_mtu(uint16_t mtu)
{
	return (uint16_t)(mtu + RTE_ETHER_HDR_LEN + REVERE_NET_VLAN_OVERHEAD);
}

/**
 * Queues whose buffers are shorter than a frame receive scattered, and once they do until they are
 * set up anew: longer frames may wait in their rings, or in a state that is moved.
 */
static void
update_scatter(struct rte_eth_dev *dev, uint16_t frame)
{
	bool wanted = dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER;
	uint16_t i;

	dev->data->scattered_rx = wanted;
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct revere_net_rxq *rxq = dev->data->rx_queues[i];
		uint32_t longest;

		if (rxq == NULL)
			continue;
		longest = frame + (rxq->rxo & RVR_RNA_RXO_KEEP_CRC ? RTE_ETHER_CRC_LEN : 0u);
		if (wanted || RTE_MAX(longest, rxq->lro_max) > rxq->room)
			rxq->scatter = true;
		dev->data->scattered_rx |= rxq->scatter;
	}
}

int
revere_net_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	uint16_t frame = frame_of_mtu(mtu);
	struct rvr_rna_port_set set = {
		.mask = rvr_cpu_le32(RVR_RNA_SET_MAX_FRAME),
		.max_frame = rvr_cpu_le16(frame),
	};
	struct revere_net *net = dev->data->dev_private;

	if (mtu + RTE_ETHER_HDR_LEN + REVERE_NET_VLAN_OVERHEAD > net->limits.max_frame) {
		REVERE_NET_LOG(ERR, net, "MTU %u is beyond %u", mtu,
			net->limits.max_frame - RTE_ETHER_HDR_LEN - REVERE_NET_VLAN_OVERHEAD);
		return -EINVAL;
	}
	update_scatter(dev, frame);
	return revere_net_port_set(net, &set);
}

int
revere_net_settings_apply(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	uint16_t frame = frame_of_mtu(dev->data->mtu);
	struct rvr_rna_port_set set = {
		.mask = rvr_cpu_le32(RVR_RNA_SET_PROMISC | RVR_RNA_SET_ALLMULTI |
			RVR_RNA_SET_ENABLED | RVR_RNA_SET_PTYPES | RVR_RNA_SET_LINK |
			RVR_RNA_SET_MAX_FRAME | RVR_RNA_SET_MAC),
		.max_frame = rvr_cpu_le16(frame),
	};
	uint32_t flags = 0;

	if (dev->data->promiscuous)
		flags |= RVR_RNA_PORT_PROMISC;
	if (dev->data->all_multicast)
		flags |= RVR_RNA_PORT_ALLMULTI;
	if (net->ptypes)
		flags |= RVR_RNA_PORT_PTYPES;
	if (!net->link_set_down)
		flags |= RVR_RNA_PORT_LINK_UP;
	set.flags = rvr_cpu_le32(flags);
	memcpy(set.mac, dev->data->mac_addrs[0].addr_bytes, sizeof(set.mac));
	update_scatter(dev, frame);
	return revere_net_port_set(net, &set);
}

/** Settings that ethdev sends at each start. */
static int
addresses_apply(struct rte_eth_dev *dev)
{
	const struct rte_eth_dev_data *data = dev->data;
	struct revere_net *net = data->dev_private;
	uint32_t i, macs = 1u + rvr_le16_cpu(net->steer.info.macs);
	int ret = 0;

	for (i = 1; i < macs && ret == 0; i++)
		if (!rte_is_zero_ether_addr(&data->mac_addrs[i]))
			ret = revere_net_mac_add(dev, &data->mac_addrs[i], i,
				data->mac_pool_sel[i] == 0 ? 0 :
				(uint32_t)__builtin_ctzll(data->mac_pool_sel[i]));
	if (ret == 0 && net->steer.num_multicast > 0)
		ret = revere_net_multicast_set(dev, net->steer.multicast,
			net->steer.num_multicast);
	return ret;
}

int
revere_net_settings_restore(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = revere_net_settings_apply(dev);

	if (ret == 0)
		ret = revere_net_rss_apply(net);
	if (ret == 0)
		ret = revere_net_steer_apply(dev);
	return ret == 0 ? addresses_apply(dev) : ret;
}

/* ---- Link --------------------------------------------------------------------------------- */

int
revere_net_link_update(struct rte_eth_dev *dev, int wait)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_eth_link link = {
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_speed = net->limits.speed,
	};
	/* Of a port that is started: DPDK's word for that comes too late for the start itself. */
	const uint32_t up = RVR_RNA_PORT_ENABLED | RVR_RNA_PORT_LINK_UP;
	struct rvr_rna_port_info info;

	RTE_SET_USED(wait);
	if (revere_net_port_info(net, &info) == 0 &&
	    (rvr_le32_cpu(info.flags) & up) == up)
		link.link_status = RTE_ETH_LINK_UP;
	return rte_eth_linkstatus_set(dev, &link);
}

/** With link events wanted, ethdev doesn't ask for the link: it is to be told. */
static int
set_link(struct rte_eth_dev *dev, bool up)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = set_flag(dev, RVR_RNA_PORT_LINK_UP, up);

	if (ret < 0)
		return ret;
	net->link_set_down = !up;
	revere_net_link_update(dev, 0);
	return 0;
}

int
revere_net_link_up(struct rte_eth_dev *dev)
{
	return set_link(dev, true);
}

int
revere_net_link_down(struct rte_eth_dev *dev)
{
	return set_link(dev, false);
}

/* ---- Packet types ------------------------------------------------------------------------- */

/* The fast path hands codes of the wire on as they are. */
#define PTYPE_SAME(wire, mbuf) \
	static_assert(RVR_RNA_PTYPE_##wire == RTE_PTYPE_##mbuf, "packet type " #mbuf)
PTYPE_SAME(L2_ETHER, L2_ETHER);
PTYPE_SAME(L2_TIMESYNC, L2_ETHER_TIMESYNC);
PTYPE_SAME(L2_ARP, L2_ETHER_ARP);
PTYPE_SAME(L2_VLAN, L2_ETHER_VLAN);
PTYPE_SAME(L2_QINQ, L2_ETHER_QINQ);
PTYPE_SAME(L2_MPLS, L2_ETHER_MPLS);
PTYPE_SAME(L3_IPV4, L3_IPV4);
PTYPE_SAME(L3_IPV4_EXT, L3_IPV4_EXT);
PTYPE_SAME(L3_IPV6, L3_IPV6);
PTYPE_SAME(L3_IPV6_EXT, L3_IPV6_EXT);
PTYPE_SAME(L4_TCP, L4_TCP);
PTYPE_SAME(L4_UDP, L4_UDP);
PTYPE_SAME(L4_FRAG, L4_FRAG);
PTYPE_SAME(L4_SCTP, L4_SCTP);
PTYPE_SAME(L4_ICMP, L4_ICMP);
PTYPE_SAME(L4_IGMP, L4_IGMP);
PTYPE_SAME(TUNNEL_IP, TUNNEL_IP);
PTYPE_SAME(TUNNEL_GRE, TUNNEL_GRE);
PTYPE_SAME(TUNNEL_VXLAN, TUNNEL_VXLAN);
PTYPE_SAME(TUNNEL_GENEVE, TUNNEL_GENEVE);
PTYPE_SAME(TUNNEL_MPLS_IN_GRE, TUNNEL_MPLS_IN_GRE);
PTYPE_SAME(TUNNEL_MPLS_IN_UDP, TUNNEL_MPLS_IN_UDP);
PTYPE_SAME(INNER_L2_ETHER, INNER_L2_ETHER);
PTYPE_SAME(INNER_L2_VLAN, INNER_L2_ETHER_VLAN);
PTYPE_SAME(INNER_L2_QINQ, INNER_L2_ETHER_QINQ);
PTYPE_SAME(INNER_L3_IPV4, INNER_L3_IPV4);
PTYPE_SAME(INNER_L3_IPV4_EXT, INNER_L3_IPV4_EXT);
PTYPE_SAME(INNER_L3_IPV6, INNER_L3_IPV6);
PTYPE_SAME(INNER_L3_IPV6_EXT, INNER_L3_IPV6_EXT);
PTYPE_SAME(INNER_L4_TCP, INNER_L4_TCP);
PTYPE_SAME(INNER_L4_UDP, INNER_L4_UDP);
PTYPE_SAME(INNER_L4_FRAG, INNER_L4_FRAG);
PTYPE_SAME(INNER_L4_SCTP, INNER_L4_SCTP);
PTYPE_SAME(INNER_L4_ICMP, INNER_L4_ICMP);

REVERE_NET_PTYPES_GET(revere_net_ptypes_get)
{
	static const uint32_t ptypes[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L2_ETHER_TIMESYNC,
		RTE_PTYPE_L2_ETHER_ARP,
		RTE_PTYPE_L2_ETHER_VLAN,
		RTE_PTYPE_L2_ETHER_QINQ,
		RTE_PTYPE_L2_ETHER_MPLS,
		RTE_PTYPE_L3_IPV4,
		RTE_PTYPE_L3_IPV4_EXT,
		RTE_PTYPE_L3_IPV6,
		RTE_PTYPE_L3_IPV6_EXT,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_FRAG,
		RTE_PTYPE_L4_SCTP,
		RTE_PTYPE_L4_ICMP,
		RTE_PTYPE_L4_IGMP,
		RTE_PTYPE_TUNNEL_IP,
		RTE_PTYPE_TUNNEL_GRE,
		RTE_PTYPE_TUNNEL_VXLAN,
		RTE_PTYPE_TUNNEL_GENEVE,
		RTE_PTYPE_TUNNEL_MPLS_IN_GRE,
		RTE_PTYPE_TUNNEL_MPLS_IN_UDP,
		RTE_PTYPE_INNER_L2_ETHER,
		RTE_PTYPE_INNER_L2_ETHER_VLAN,
		RTE_PTYPE_INNER_L2_ETHER_QINQ,
		RTE_PTYPE_INNER_L3_IPV4,
		RTE_PTYPE_INNER_L3_IPV4_EXT,
		RTE_PTYPE_INNER_L3_IPV6,
		RTE_PTYPE_INNER_L3_IPV6_EXT,
		RTE_PTYPE_INNER_L4_TCP,
		RTE_PTYPE_INNER_L4_UDP,
		RTE_PTYPE_INNER_L4_FRAG,
		RTE_PTYPE_INNER_L4_SCTP,
		RTE_PTYPE_INNER_L4_ICMP,
		RTE_PTYPE_UNKNOWN,
	};

	RTE_SET_USED(dev);
	return REVERE_NET_PTYPES(ptypes);
}

int
revere_net_ptypes_set(struct rte_eth_dev *dev, uint32_t mask)
{
	struct revere_net *net = dev->data->dev_private;
	bool ptypes = mask != 0;
	int ret;

	ret = set_flag(dev, RVR_RNA_PORT_PTYPES, ptypes);
	if (ret == 0)
		net->ptypes = ptypes;
	return ret;
}
