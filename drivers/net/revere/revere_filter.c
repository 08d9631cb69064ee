/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Filters: addresses beside the port's own, multicast list, VLANs. ethdev remembers addresses and
 * VLANs; addresses it gives again at each start, VLANs are sent from here.
 */

#include <errno.h>
#include <stdlib.h>

#include "revere_net.h"

/* ---- What there is ------------------------------------------------------------------------ */

int
revere_net_steer_init(struct revere_net *net)
{
	struct rvr_rna_steer_info *info = &net->steer.info;
	int ret = revere_net_request(net, RVR_RNA_CTL_STEER_INFO, NULL, 0, info, sizeof(*info));

	net->steer.pause.mode = RTE_ETH_FC_NONE;
	net->steer.pause.pause_time = UINT16_MAX;
	/* An adapter without tables receives for its own address, and shapes nothing. */
	return ret == -ENOTSUP ? 0 : ret;
}

void
revere_net_steer_fini(struct revere_net *net)
{
	revere_net_tm_fini(net);
	free(net->steer.multicast);
	net->steer.multicast = NULL;
	net->steer.num_multicast = 0;
}

void
revere_net_steer_info(const struct revere_net *net, uint16_t queues, struct rte_eth_dev_info *info)
{
	info->max_mac_addrs = 1u + rvr_le16_cpu(net->steer.info.macs);
	if (rvr_le16_cpu(net->steer.info.macs) > 0)
		info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	revere_net_vmdq_info(net, queues, info);
}

/* ---- Addresses ---------------------------------------------------------------------------- */

static int
mac_send(struct revere_net *net, const uint8_t *mac, uint32_t index, uint64_t pools)
{
	struct rvr_rna_mac set = {
		.index = rvr_cpu_le16((uint16_t)index),
		.pools = rvr_cpu_le64(pools),
	};

	memcpy(set.mac, mac, sizeof(set.mac));
	return revere_net_request(net, RVR_RNA_CTL_MAC_SET, &set, sizeof(set), NULL, 0);
}

int
revere_net_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index,
	uint32_t pool)
{
	struct revere_net *net = dev->data->dev_private;

	if (rte_is_multicast_ether_addr(mac)) {
		REVERE_NET_LOG(ERR, net, "multicast address " RTE_ETHER_ADDR_PRT_FMT
			" among unicast ones: it belongs into the multicast list",
			RTE_ETHER_ADDR_BYTES(mac));
		return -EINVAL;
	}
	return mac_send(net, mac->addr_bytes, index,
		dev->data->mac_pool_sel[index] | UINT64_C(1) << pool);
}

void
revere_net_mac_remove(struct rte_eth_dev *dev, uint32_t index)
{
	static const uint8_t none[RTE_ETHER_ADDR_LEN];

	mac_send(dev->data->dev_private, none, index, 0);
}

/** Remembers the multicast list, which ethdev doesn't. */
static int
multicast_keep(struct revere_net_steer *steer, const struct rte_ether_addr *macs, uint32_t count)
{
	struct rte_ether_addr *kept = NULL;

	if (count > 0 && macs == steer->multicast)
		return 0;
	if (count > 0) {
		kept = calloc(count, sizeof(*kept));
		if (kept == NULL)
			return -ENOMEM;
		memcpy(kept, macs, count * sizeof(*kept));
	}
	free(steer->multicast);
	steer->multicast = kept;
	steer->num_multicast = count;
	return 0;
}

int
revere_net_multicast_set(struct rte_eth_dev *dev, struct rte_ether_addr *macs, uint32_t count)
{
	struct revere_net *net = dev->data->dev_private;
	uint32_t first = 0, most = rvr_le16_cpu(net->steer.info.multicast);
	int ret;

	if (count > most) {
		REVERE_NET_LOG(ERR, net, "%u multicast addresses, the device takes %u", count,
			most);
		return -ENOSPC;
	}
	do {
		struct rvr_rna_multicast set = {
			.total = rvr_cpu_le16((uint16_t)count),
			.first = rvr_cpu_le16((uint16_t)first),
		};
		uint32_t n = RTE_MIN(count - first, (uint32_t)RVR_RNA_MULTICAST_CHUNK);

		set.count = rvr_cpu_le16((uint16_t)n);
		if (n > 0)
			memcpy(set.mac, &macs[first], n * sizeof(set.mac[0]));
		ret = revere_net_request(net, RVR_RNA_CTL_MULTICAST_SET, &set, sizeof(set), NULL,
			0);
		first += n;
	} while (ret == 0 && first < count);
	return ret == 0 ? multicast_keep(&net->steer, macs, count) : ret;
}

/* ---- VLANs -------------------------------------------------------------------------------- */

static bool
vlan_filter_is_on(const struct rte_eth_dev *dev)
{
	return dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
}

/** Sends the piece of VLANs in which one is; `vlan` gets another state than ethdev remembers. */
static int
vlans_send(struct rte_eth_dev *dev, uint16_t vlan, bool on)
{
	const struct rte_vlan_filter_conf *conf = &dev->data->vlan_filter_conf;
	uint16_t i, first = RTE_ALIGN_FLOOR(vlan, (uint16_t)RVR_RNA_VLANS_CHUNK);
	struct rvr_rna_vlans set = {
		.enable = rvr_cpu_le16(vlan_filter_is_on(dev)),
		.first = rvr_cpu_le16(first),
	};

	for (i = 0; i < RVR_RNA_VLANS_CHUNK; i++) {
		uint16_t id = first + i;
		bool passes = conf->ids[id / 64] >> (id % 64) & 1;

		if (id == vlan ? on : passes)
			set.bits[i / 8] |= (uint8_t)(1u << (i % 8));
	}
	return revere_net_request(dev->data->dev_private, RVR_RNA_CTL_VLAN_SET, &set, sizeof(set),
		NULL, 0);
}

static bool
vlan_is_set(const struct rte_eth_dev *dev, uint16_t vlan)
{
	return dev->data->vlan_filter_conf.ids[vlan / 64] >> (vlan % 64) & 1;
}

int
revere_net_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on)
{
	struct revere_net *net = dev->data->dev_private;

	net->steer.vlan_sent = true;
	return vlans_send(dev, vlan, on != 0);
}

int
revere_net_vlan_filter_apply(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	uint16_t vlan;
	int ret = 0;

	if (!vlan_filter_is_on(dev) && !net->steer.vlan_sent)
		return 0;
	net->steer.vlan_sent = true;
	for (vlan = 0; vlan <= RTE_ETHER_MAX_VLAN_ID && ret == 0; vlan += RVR_RNA_VLANS_CHUNK)
		ret = vlans_send(dev, vlan, vlan_is_set(dev, vlan));
	return ret;
}

int
revere_net_vlan_offload_set(struct rte_eth_dev *dev, int mask)
{
	int ret = mask & RTE_ETH_VLAN_FILTER_MASK ? revere_net_vlan_filter_apply(dev) : 0;

	return ret == 0 ? revere_net_vlan_strip_set(dev, mask) : ret;
}

/* ---- Start -------------------------------------------------------------------------------- */

int
revere_net_steer_apply(struct rte_eth_dev *dev)
{
	int ret = revere_net_vlan_filter_apply(dev);

	if (ret == 0)
		ret = revere_net_vmdq_apply(dev);
	if (ret == 0)
		ret = revere_net_pause_apply(dev->data->dev_private);
	return ret == 0 ? revere_net_tm_apply(dev->data->dev_private) : ret;
}
