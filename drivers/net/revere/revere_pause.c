/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Flow control by pause frames: the adapter does it, this is its settings.
 */

#include <errno.h>

#include "revere_net.h"

int
revere_net_pause_get(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf)
{
	const struct revere_net *net = dev->data->dev_private;

	*conf = net->steer.pause;
	return 0;
}

int
revere_net_pause_apply(struct revere_net *net)
{
	const struct rte_eth_fc_conf *conf = &net->steer.pause;
	struct rvr_rna_pause set = { .time = rvr_cpu_le16(conf->pause_time) };
	uint16_t flags = 0;

	if (conf->mode == RTE_ETH_FC_RX_PAUSE || conf->mode == RTE_ETH_FC_FULL)
		flags |= RVR_RNA_PAUSE_RX;
	if (conf->mode == RTE_ETH_FC_TX_PAUSE || conf->mode == RTE_ETH_FC_FULL)
		flags |= RVR_RNA_PAUSE_TX;
	if (conf->mac_ctrl_frame_fwd)
		flags |= RVR_RNA_PAUSE_FORWARD;
	set.flags = rvr_cpu_le16(flags);
	if (rvr_le16_cpu(net->steer.info.macs) == 0)
		return flags == 0 ? 0 : -ENOTSUP;
	return revere_net_request(net, RVR_RNA_CTL_PAUSE_SET, &set, sizeof(set), NULL, 0);
}

int
revere_net_pause_set(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_eth_fc_conf old = net->steer.pause;
	int ret;

	if (conf->autoneg) {
		REVERE_NET_LOG(ERR, net, "flow control can't be negotiated with the other end");
		return -ENOTSUP;
	}
	net->steer.pause = *conf;
	ret = revere_net_pause_apply(net);
	if (ret < 0)
		net->steer.pause = old;
	return ret;
}
