/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * VMDq: pools of receive queues, one for each virtual machine. Pools start with queue 0. Without
 * RSS a pool's packets go to its first queue, and pools lie as far apart as the port's information
 * says; with RSS all queues that are configured are shared out among the pools.
 */

#include <errno.h>
#include <inttypes.h>

#include "revere_net.h"

/** Most pools: a power of two, as enum rte_eth_nb_pools has them. */
static uint16_t
pools_max(const struct revere_net *net, uint16_t queues)
{
	uint16_t pools = RTE_MIN(rvr_le16_cpu(net->steer.info.pools), queues);

	return pools == 0 ? 0 : (uint16_t)rte_align32prevpow2(RTE_MIN(pools, RTE_ETH_64_POOLS));
}

void
revere_net_vmdq_info(const struct revere_net *net, uint16_t queues, struct rte_eth_dev_info *info)
{
	uint16_t pools = pools_max(net, queues);

	info->max_vmdq_pools = pools;
	if (pools > 0)
		info->vmdq_queue_num = (uint16_t)(queues / pools * pools);
}

static bool
vmdq_is_on(const struct rte_eth_dev *dev)
{
	return dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_VMDQ_FLAG;
}

/** Queues of each pool; 0: there are not enough. */
static uint16_t
queues_of_pool(const struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;
	unsigned int pools = conf->rx_adv_conf.vmdq_rx_conf.nb_queue_pools;
	uint16_t share = (uint16_t)(dev->data->nb_rx_queues / pools);
	struct rte_eth_dev_info info;

	if (conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG)
		return share;
	if (rte_eth_dev_info_get(dev->data->port_id, &info) != 0 || info.max_vmdq_pools == 0)
		return 0;
	return RTE_MIN(share, info.vmdq_queue_num / info.max_vmdq_pools);
}

int
revere_net_vmdq_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;
	const struct rte_eth_vmdq_rx_conf *vmdq = &conf->rx_adv_conf.vmdq_rx_conf;
	struct revere_net *net = dev->data->dev_private;
	unsigned int most = rvr_le16_cpu(net->steer.info.pools);

	if (!vmdq_is_on(dev))
		return 0;
	if (conf->rxmode.mq_mode & RTE_ETH_MQ_RX_DCB_FLAG) {
		REVERE_NET_LOG(ERR, net, "multi-queue mode 0x%x: there is no DCB",
			conf->rxmode.mq_mode);
		return -ENOTSUP;
	}
	if (vmdq->nb_queue_pools == 0 || (unsigned int)vmdq->nb_queue_pools > most) {
		REVERE_NET_LOG(ERR, net, "%u VMDq pools, 1 to %u are possible",
			vmdq->nb_queue_pools, most);
		return -EINVAL;
	}
	if (queues_of_pool(dev) == 0) {
		REVERE_NET_LOG(ERR, net, "%u Rx queues for %u VMDq pools: too few",
			dev->data->nb_rx_queues, vmdq->nb_queue_pools);
		return -EINVAL;
	}
	if (vmdq->enable_default_pool && vmdq->default_pool >= vmdq->nb_queue_pools) {
		REVERE_NET_LOG(ERR, net, "default pool %u, there are %u", vmdq->default_pool,
			vmdq->nb_queue_pools);
		return -EINVAL;
	}
	return 0;
}

static uint32_t
accept_flags(const struct rte_eth_vmdq_rx_conf *conf)
{
	uint32_t flags = 0;

	if (conf->rx_mode & RTE_ETH_VMDQ_ACCEPT_UNTAG)
		flags |= RVR_RNA_POOL_UNTAGGED;
	if (conf->rx_mode & RTE_ETH_VMDQ_ACCEPT_BROADCAST)
		flags |= RVR_RNA_POOL_BROADCAST;
	if (conf->rx_mode & (RTE_ETH_VMDQ_ACCEPT_MULTICAST | RTE_ETH_VMDQ_ACCEPT_HASH_MC))
		flags |= RVR_RNA_POOL_MULTICAST;
	if (conf->enable_loop_back)
		flags |= RVR_RNA_POOL_LOOPBACK;
	return flags;
}

/** VLANs of pools; entries of one VLAN add up. */
static int
vlans_send(struct revere_net *net, const struct rte_eth_vmdq_rx_conf *conf)
{
	unsigned int i, k, count = RTE_MIN(conf->nb_pool_maps, RTE_ETH_VMDQ_MAX_VLAN_FILTERS);
	int ret = 0;

	for (i = 0; i < count && ret == 0; i++) {
		struct rvr_rna_vmdq_vlan set = {
			.vlan = rvr_cpu_le16(conf->pool_map[i].vlan_id),
		};
		uint64_t pools = 0;

		for (k = 0; k < count; k++)
			if (conf->pool_map[k].vlan_id == conf->pool_map[i].vlan_id)
				pools |= conf->pool_map[k].pools;
		set.pools = rvr_cpu_le64(pools);
		ret = revere_net_request(net, RVR_RNA_CTL_VMDQ_VLAN, &set, sizeof(set), NULL, 0);
	}
	return ret;
}

int
revere_net_vmdq_apply(struct rte_eth_dev *dev)
{
	const struct rte_eth_vmdq_rx_conf *conf = &dev->data->dev_conf.rx_adv_conf.vmdq_rx_conf;
	struct revere_net *net = dev->data->dev_private;
	struct rvr_rna_vmdq set = { 0 };
	int ret;

	if (rvr_le16_cpu(net->steer.info.pools) == 0)
		return 0;
	if (vmdq_is_on(dev)) {
		set.pools = rvr_cpu_le16((uint16_t)conf->nb_queue_pools);
		set.queues = rvr_cpu_le16(queues_of_pool(dev));
		set.default_pool = rvr_cpu_le16(conf->enable_default_pool ? conf->default_pool :
									    RVR_RNA_NO_POOL);
		set.accept = rvr_cpu_le32(accept_flags(conf));
	}
	ret = revere_net_request(net, RVR_RNA_CTL_VMDQ_SET, &set, sizeof(set), NULL, 0);
	return ret == 0 && vmdq_is_on(dev) ? vlans_send(net, conf) : ret;
}
