/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Receive-side scaling: hash types, key and redirection table. What is set while the port is
 * stopped is kept here and sent at start.
 */

#include <errno.h>
#include <inttypes.h>

#include "revere_net.h"

static const struct {
	uint64_t hf;
	uint32_t type;
} rss_types[] = {
	{ RTE_ETH_RSS_IPV4, RVR_RNA_RSS_IPV4 },
	{ RTE_ETH_RSS_NONFRAG_IPV4_TCP, RVR_RNA_RSS_IPV4_TCP },
	{ RTE_ETH_RSS_NONFRAG_IPV4_UDP, RVR_RNA_RSS_IPV4_UDP },
	{ RTE_ETH_RSS_IPV6, RVR_RNA_RSS_IPV6 },
	{ RTE_ETH_RSS_IPV6_EX, RVR_RNA_RSS_IPV6 },
	{ RTE_ETH_RSS_NONFRAG_IPV6_TCP, RVR_RNA_RSS_IPV6_TCP },
	{ RTE_ETH_RSS_NONFRAG_IPV6_UDP, RVR_RNA_RSS_IPV6_UDP },
	{ RTE_ETH_RSS_NONFRAG_IPV4_SCTP, RVR_RNA_RSS_IPV4_SCTP },
	{ RTE_ETH_RSS_NONFRAG_IPV6_SCTP, RVR_RNA_RSS_IPV6_SCTP },
	{ RTE_ETH_RSS_FRAG_IPV4, RVR_RNA_RSS_IPV4_FRAG },
	{ RTE_ETH_RSS_FRAG_IPV6, RVR_RNA_RSS_IPV6_FRAG },
	{ RTE_ETH_RSS_NONFRAG_IPV4_OTHER, RVR_RNA_RSS_IPV4_OTHER },
	{ RTE_ETH_RSS_NONFRAG_IPV6_OTHER, RVR_RNA_RSS_IPV6_OTHER },
	{ RTE_ETH_RSS_ETH, RVR_RNA_RSS_L2 },
	{ RTE_ETH_RSS_L2_PAYLOAD, RVR_RNA_RSS_L2 },
	{ RTE_ETH_RSS_L3_SRC_ONLY, RVR_RNA_RSS_L3_SRC },
	{ RTE_ETH_RSS_L3_DST_ONLY, RVR_RNA_RSS_L3_DST },
	{ RTE_ETH_RSS_L4_SRC_ONLY, RVR_RNA_RSS_L4_SRC },
	{ RTE_ETH_RSS_L4_DST_ONLY, RVR_RNA_RSS_L4_DST },
	{ RTE_ETH_RSS_LEVEL_INNERMOST, RVR_RNA_RSS_INNER },
};

/** Entries of the table in one request. */
#define RETA_CHUNK RTE_DIM(((struct rvr_rna_reta *)NULL)->queue)

void
revere_net_rss_init(struct revere_net *net)
{
	/* Microsoft's published key, again from its start where a longer one is needed. */
	static const uint8_t key[] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43,
		0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
		0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01,
		0xfa,
	};
	unsigned int i;

	for (i = 0; i < sizeof(net->rss_key); i++)
		net->rss_key[i] = key[i % sizeof(key)];
}

uint64_t
revere_net_rss_offloads(const struct revere_net *net)
{
	uint64_t hf = 0;
	unsigned int i;

	for (i = 0; i < RTE_DIM(rss_types); i++)
		if (net->limits.rss_types & rss_types[i].type)
			hf |= rss_types[i].hf;
	/* Of the outer packet is what there is without asking. */
	return hf & RTE_ETH_RSS_LEVEL_INNERMOST ? hf | RTE_ETH_RSS_LEVEL_OUTERMOST : hf;
}

uint32_t
revere_net_rss_types(const struct revere_net *net, uint64_t hf)
{
	uint32_t types = 0;
	unsigned int i;

	for (i = 0; i < RTE_DIM(rss_types); i++)
		if (hf & rss_types[i].hf)
			types |= rss_types[i].type;
	types &= net->limits.rss_types;
	return types & RVR_RNA_RSS_KINDS ? types : 0;
}

int
revere_net_rss_function(const struct revere_net *net, enum rte_eth_hash_function function,
	uint32_t *types)
{
	static const struct {
		enum rte_eth_hash_function function;
		uint32_t type;
	} functions[] = {
		{ RTE_ETH_HASH_FUNCTION_DEFAULT, 0 },
		{ RTE_ETH_HASH_FUNCTION_TOEPLITZ, 0 },
		{ RTE_ETH_HASH_FUNCTION_SIMPLE_XOR, RVR_RNA_RSS_XOR },
		{ RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ, RVR_RNA_RSS_SYMMETRIC },
#if REVERE_RSS_ALGORITHM
		{ RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT, RVR_RNA_RSS_SORTED },
#endif
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(functions); i++) {
		if (functions[i].function != function)
			continue;
		*types = functions[i].type;
		return (*types & ~net->limits.rss_types) == 0 ? 0 : -ENOTSUP;
	}
	return -ENOTSUP;
}

#if REVERE_RSS_ALGORITHM
uint32_t
revere_net_rss_algorithms(const struct revere_net *net)
{
	uint32_t function, types, capability = 0;

	for (function = 0; function < RTE_ETH_HASH_FUNCTION_MAX; function++)
		if (revere_net_rss_function(net, function, &types) == 0)
			capability |= RTE_ETH_HASH_ALGO_TO_CAPA(function);
	return capability;
}

static int
algorithm_check(const struct revere_net *net, const struct rte_eth_rss_conf *conf)
{
	uint32_t types;

	if (revere_net_rss_function(net, conf->algorithm, &types) == 0)
		return 0;
	REVERE_NET_LOG(ERR, net, "RSS algorithm %u is not supported", conf->algorithm);
	return -EINVAL;
}

/** It has been checked. */
static void
algorithm_set(struct revere_net *net, const struct rte_eth_rss_conf *conf)
{
	revere_net_rss_function(net, conf->algorithm, &net->rss_algorithm);
}

static void
algorithm_get(const struct revere_net *net, struct rte_eth_rss_conf *conf)
{
	conf->algorithm = RTE_ETH_HASH_FUNCTION_TOEPLITZ;
	if (net->rss_algorithm == RVR_RNA_RSS_XOR)
		conf->algorithm = RTE_ETH_HASH_FUNCTION_SIMPLE_XOR;
	else if (net->rss_algorithm == RVR_RNA_RSS_SYMMETRIC)
		conf->algorithm = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ;
	else if (net->rss_algorithm == RVR_RNA_RSS_SORTED)
		conf->algorithm = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT;
}
#else
static int
algorithm_check(const struct revere_net *net, const struct rte_eth_rss_conf *conf)
{
	RTE_SET_USED(net);
	RTE_SET_USED(conf);
	return 0;
}

static void
algorithm_set(struct revere_net *net, const struct rte_eth_rss_conf *conf)
{
	RTE_SET_USED(net);
	RTE_SET_USED(conf);
}

static void
algorithm_get(const struct revere_net *net, struct rte_eth_rss_conf *conf)
{
	RTE_SET_USED(net);
	RTE_SET_USED(conf);
}
#endif

static int
rss_check(const struct revere_net *net, const struct rte_eth_rss_conf *conf)
{
	uint64_t unknown = conf->rss_hf & ~revere_net_rss_offloads(net);

	if (unknown != 0) {
		REVERE_NET_LOG(ERR, net,
			"RSS hash types 0x%" PRIx64 " are not supported, 0x%" PRIx64 " are",
			unknown, revere_net_rss_offloads(net));
		return -EINVAL;
	}
	if (RTE_ETH_RSS_LEVEL(conf->rss_hf) > 2) {
		REVERE_NET_LOG(ERR, net, "RSS level %u is not supported, 2 (innermost) is",
			(unsigned int)RTE_ETH_RSS_LEVEL(conf->rss_hf));
		return -EINVAL;
	}
	if (conf->rss_key != NULL && conf->rss_key_len != net->limits.rss_key_size) {
		REVERE_NET_LOG(ERR, net, "RSS key of %u bytes, %u are needed", conf->rss_key_len,
			net->limits.rss_key_size);
		return -EINVAL;
	}
	return algorithm_check(net, conf);
}

static int
rss_send(struct revere_net *net)
{
	uint32_t types = revere_net_rss_types(net, net->rss_hf);
	struct rvr_rna_rss rss = {
		.types = rvr_cpu_le32(types == 0 ? 0 : types | net->rss_algorithm),
		.key_size = rvr_cpu_le32(net->limits.rss_key_size),
	};

	memcpy(rss.key, net->rss_key, net->limits.rss_key_size);
	return revere_net_request(net, RVR_RNA_CTL_RSS_SET, &rss, sizeof(rss), NULL, 0);
}

static int
reta_send(struct revere_net *net)
{
	uint16_t first, i;
	int ret = 0;

	for (first = 0; first < net->limits.reta_size && ret == 0; first += RETA_CHUNK) {
		uint16_t count = (uint16_t)RTE_MIN(RETA_CHUNK,
			(size_t)(net->limits.reta_size - first));
		struct rvr_rna_reta reta = {
			.first = rvr_cpu_le16(first),
			.count = rvr_cpu_le16(count),
		};

		for (i = 0; i < count; i++)
			reta.queue[i] = rvr_cpu_le16(net->reta[first + i]);
		ret = revere_net_request(net, RVR_RNA_CTL_RETA_SET, &reta, sizeof(reta), NULL, 0);
	}
	return ret;
}

int
revere_net_rss_apply(struct revere_net *net)
{
	int ret = reta_send(net);

	return ret == 0 ? rss_send(net) : ret;
}

int
revere_net_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;
	const struct rte_eth_rss_conf *rss = &conf->rx_adv_conf.rss_conf;
	struct revere_net *net = dev->data->dev_private;
	uint16_t i;
	int ret;

	net->rss_hf = 0;
	for (i = 0; i < net->limits.reta_size; i++)
		net->reta[i] = dev->data->nb_rx_queues == 0 ? 0 : i % dev->data->nb_rx_queues;
	if (!(conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG))
		return 0;
	ret = rss_check(net, rss);
	if (ret < 0)
		return ret;
	net->rss_hf = rss->rss_hf;
	algorithm_set(net, rss);
	if (rss->rss_key != NULL)
		memcpy(net->rss_key, rss->rss_key, net->limits.rss_key_size);
	return 0;
}

int
revere_net_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = rss_check(net, conf);

	if (ret < 0)
		return ret;
	if (!(dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) && conf->rss_hf != 0) {
		REVERE_NET_LOG(ERR, net, "the port is not configured for RSS");
		return -EINVAL;
	}
	net->rss_hf = conf->rss_hf;
	algorithm_set(net, conf);
	if (conf->rss_key != NULL)
		memcpy(net->rss_key, conf->rss_key, net->limits.rss_key_size);
	return rss_send(net);
}

int
revere_net_rss_hash_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	const struct revere_net *net = dev->data->dev_private;

	conf->rss_hf = net->rss_hf;
	algorithm_get(net, conf);
	if (conf->rss_key != NULL && conf->rss_key_len >= net->limits.rss_key_size)
		memcpy(conf->rss_key, net->rss_key, net->limits.rss_key_size);
	conf->rss_key_len = (uint8_t)net->limits.rss_key_size;
	return 0;
}

static int
reta_check_size(const struct revere_net *net, uint16_t size)
{
	if (size == net->limits.reta_size)
		return 0;
	REVERE_NET_LOG(ERR, net, "redirection table of %u entries, the device's has %u", size,
		net->limits.reta_size);
	return -EINVAL;
}

int
revere_net_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf,
	uint16_t size)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = reta_check_size(net, size);
	uint16_t i, reta[REVERE_NET_RETA_MAX];

	if (ret < 0)
		return ret;
	memcpy(reta, net->reta, sizeof(reta));
	for (i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &conf[i / RTE_ETH_RETA_GROUP_SIZE];
		uint16_t at = i % RTE_ETH_RETA_GROUP_SIZE;

		if (!(group->mask & (UINT64_C(1) << at)))
			continue;
		if (group->reta[at] >= dev->data->nb_rx_queues) {
			REVERE_NET_LOG(ERR, net,
				"entry %u of the redirection table names queue %u, "
				"there are %u",
				i, group->reta[at], dev->data->nb_rx_queues);
			return -EINVAL;
		}
		reta[i] = group->reta[at];
	}
	memcpy(net->reta, reta, sizeof(reta));
	return reta_send(net);
}

int
revere_net_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf,
	uint16_t size)
{
	const struct revere_net *net = dev->data->dev_private;
	int ret = reta_check_size(net, size);
	uint16_t i;

	if (ret < 0)
		return ret;
	for (i = 0; i < size; i++)
		if (conf[i / RTE_ETH_RETA_GROUP_SIZE].mask &
		    (UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE)))
			conf[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
				net->reta[i];
	return 0;
}
