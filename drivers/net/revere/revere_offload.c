/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Offloads of reception: what the device is asked to do, and what it says of packets.
 */

#include <rte_mbuf_dyn.h>

#include "revere_net.h"

#define RX_CHECKSUMS                                                                           \
	(RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCTP_CKSUM |                         \
		RTE_ETH_RX_OFFLOAD_OUTER_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM)

uint64_t revere_net_rx_checksum_flags[128];

/* ---- Packets ------------------------------------------------------------------------------ */

static uint64_t
checksum_flags(uint32_t flags)
{
	uint64_t result = 0;

	if (flags & RVR_RNA_RX_L3_GOOD)
		result |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	else if (flags & RVR_RNA_RX_L3_BAD)
		result |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	if (flags & RVR_RNA_RX_L4_GOOD)
		result |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	else if (flags & RVR_RNA_RX_L4_BAD)
		result |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	if (flags & RVR_RNA_RX_OUTER_L4_GOOD)
		result |= RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD;
	else if (flags & RVR_RNA_RX_OUTER_L4_BAD)
		result |= RTE_MBUF_F_RX_OUTER_L4_CKSUM_BAD;
	if (flags & RVR_RNA_RX_OUTER_L3_BAD)
		result |= RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD;
	return result;
}

RTE_INIT(revere_net_rx_checksum_init)
{
	uint32_t i;

	for (i = 0; i < RTE_DIM(revere_net_rx_checksum_flags); i++)
		revere_net_rx_checksum_flags[i] = checksum_flags(i << 8);
}

static void
rx_timestamp(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint64_t timestamp)
{
	if (rxq->rxo & RVR_RNA_RXO_TIMESTAMP) {
		*RTE_MBUF_DYNFIELD(m, rxq->timestamp_offset, rte_mbuf_timestamp_t *) = timestamp;
		m->ol_flags |= rxq->timestamp_flag;
	}
	if (rxq->rxo & RVR_RNA_RXO_PTP)
		revere_net_rx_ptp(rxq, m, timestamp);
}

void
revere_net_rx_extend(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint32_t flags,
	const struct rvr_rna_rx_ext *ext)
{
	if (flags & RVR_RNA_RX_MARK) {
		uint32_t mark = rvr_le32_cpu(ext->mark);

		m->ol_flags |= RTE_MBUF_F_RX_FDIR;
		if (mark != RVR_RNA_MARK_NONE)
			m->ol_flags |= RTE_MBUF_F_RX_FDIR_ID;
		m->hash.fdir.hi = mark;
	}
	if (flags & RVR_RNA_RX_OUTER_VLAN) {
		m->ol_flags |= RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED;
		m->vlan_tci_outer = rvr_le16_cpu(ext->outer_vlan_tci);
	}
	if (flags & RVR_RNA_RX_LRO) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = rvr_le16_cpu(ext->lro_mss);
	}
	if (flags & RVR_RNA_RX_TIMESTAMP)
		rx_timestamp(rxq, m, rvr_le64_cpu(ext->timestamp));
}

/* ---- Settings ----------------------------------------------------------------------------- */

static int
timestamp_register(struct revere_net_rxq *rxq)
{
	if (rte_mbuf_dyn_rx_timestamp_register(&rxq->timestamp_offset,
		    &rxq->timestamp_flag) == 0)
		return 0;
	REVERE_NET_LOG(ERR, rxq->net, "mbufs have no room for a time of arrival: %s",
		rte_strerror(rte_errno));
	return -rte_errno;
}

static uint8_t
descs_of(uint32_t rxo)
{
	if (rxo == 0)
		return REVERE_NET_RX_PLAIN;
	return rxo & ~(RVR_RNA_RXO_CHECKSUM | RVR_RNA_RXO_VLAN) ? REVERE_NET_RX_ANY :
								   REVERE_NET_RX_CHECKED;
}

static void
rxq_set_rxo(struct revere_net_rxq *rxq, uint32_t rxo)
{
	rxq->rxo = rxo;
	rxq->descs = descs_of(rxo);
}

int
revere_net_rxq_offloads(struct revere_net_rxq *rxq, uint64_t offloads)
{
	uint32_t rxo = (rxq->net->timesync ? RVR_RNA_RXO_PTP : 0) |
		       (rxq->net->marks ? RVR_RNA_RXO_MARK : 0);
	int ret = 0;

	if (offloads & RX_CHECKSUMS)
		rxo |= RVR_RNA_RXO_CHECKSUM;
	if (offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP)
		rxo |= RVR_RNA_RXO_VLAN;
	if (offloads & RTE_ETH_RX_OFFLOAD_QINQ_STRIP)
		rxo |= RVR_RNA_RXO_QINQ;
	if (offloads & RTE_ETH_RX_OFFLOAD_KEEP_CRC)
		rxo |= RVR_RNA_RXO_KEEP_CRC;
	if (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO)
		rxo |= RVR_RNA_RXO_LRO;
	if (rxq->split != NULL)
		rxo |= RVR_RNA_RXO_SPLIT;
	if ((rxo & RVR_RNA_RXO_LRO) && (rxo & RVR_RNA_RXO_KEEP_CRC)) {
		REVERE_NET_LOG(ERR, rxq->net, "packets that LRO has put together have no CRC: "
			"use one of TCP_LRO and KEEP_CRC");
		return -EINVAL;
	}
	if (offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) {
		rxo |= RVR_RNA_RXO_TIMESTAMP;
		ret = timestamp_register(rxq);
	}
	rxq_set_rxo(rxq, rxo);
	return ret;
}

static int
rxo_send(const struct revere_net_rxq *rxq, uint32_t rxo)
{
	const struct revere_net_split *split = rxq->split;
	struct rvr_rna_rx_offloads set = {
		.queue = rvr_cpu_le16(rxq->id),
		.lro_max = rvr_cpu_le16((uint16_t)rxq->lro_max),
		.offloads = rvr_cpu_le32(rxo),
		.lro_us = rvr_cpu_le32(rxq->net->lro_us),
	};

	if (split != NULL) {
		set.split_ptype = rvr_cpu_le32(split->ptype);
		set.split_len = rvr_cpu_le16(split->len);
		set.split_buffer = rvr_cpu_le16(split->room[0]);
	}
	return revere_net_request(rxq->net, RVR_RNA_CTL_RX_OFFLOADS, &set, sizeof(set), NULL, 0);
}

int
revere_net_rxq_offloads_send(struct revere_net_rxq *rxq)
{
	return rxq->rxo == 0 ? 0 : rxo_send(rxq, rxq->rxo);
}

int
revere_net_rxq_change(struct revere_net_rxq *rxq, uint32_t mask, uint32_t on)
{
	uint32_t rxo = (rxq->rxo & ~mask) | on;
	bool known = rxq->net->data->rx_queue_state[rxq->id] == RTE_ETH_QUEUE_STATE_STARTED;
	int ret = 0;

	if (rxo == rxq->rxo)
		return 0;
	/* Before the device says more, the queue is to expect it; afterwards, until it is empty. */
	rxq->rxo |= on;
	rxq->descs = RTE_MAX(rxq->descs, descs_of(rxo));
	if (known)
		ret = rxo_send(rxq, rxo);
	if (ret == 0)
		rxq->rxo = rxo;
	return ret;
}

int
revere_net_vlan_strip_set(struct rte_eth_dev *dev, int mask)
{
	uint64_t offloads = dev->data->dev_conf.rxmode.offloads;
	uint32_t changed = 0, on = 0;
	int ret = 0;
	uint16_t i;

	if (mask & RTE_ETH_VLAN_STRIP_MASK) {
		changed |= RVR_RNA_RXO_VLAN;
		on |= offloads & RTE_ETH_RX_OFFLOAD_VLAN_STRIP ? RVR_RNA_RXO_VLAN : 0;
	}
	if (mask & RTE_ETH_QINQ_STRIP_MASK) {
		changed |= RVR_RNA_RXO_QINQ;
		on |= offloads & RTE_ETH_RX_OFFLOAD_QINQ_STRIP ? RVR_RNA_RXO_QINQ : 0;
	}
	for (i = 0; i < dev->data->nb_rx_queues && ret == 0; i++)
		if (dev->data->rx_queues[i] != NULL)
			ret = revere_net_rxq_change(dev->data->rx_queues[i], changed, on);
	return ret;
}

void
revere_net_vlan_strip_queue_set(struct rte_eth_dev *dev, uint16_t id, int on)
{
	revere_net_rxq_change(dev->data->rx_queues[id], RVR_RNA_RXO_VLAN,
		on ? RVR_RNA_RXO_VLAN : 0);
}
