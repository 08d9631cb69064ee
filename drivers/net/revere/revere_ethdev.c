/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The ethdev port: probe, configuration, start and stop.
 *
 *   probe -> configure -> queues set up -> start <-> stop -> close
 *
 * Contexts of queue pairs come with configure and go with the next one or with close; the
 * control channel lives from probe to close.
 */

#include <errno.h>
#include <inttypes.h>

#include <bus_vdev_driver.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_string_fns.h>

#include "revere_net.h"

#define ARG_TIMEOUT "control_timeout_ms"
#define ARG_MSG_SIZE "msg_size"
#define ARG_SLOTS "ring_slots"
#define ARG_LRO "lro_timeout_us"
#define ARG_RECOVER "recover_ms"
#define ARG_TX_INLINE "tx_inline"

#define TIMEOUT_MS 5000
#define LRO_US 32
#define RECOVER_MS 10000
#define MSG_SIZE (RVR_DW << RVR_PLAN_NET_LOG2_LENGTH) /* bytes */
#define RING_SLOTS 64

#define TX_OFFLOADS                                                                            \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE |                   \
		REVERE_NET_TX_OFFLOADS)
/* What queues may have of their own; scattering and LRO go by the port. */
#define RX_QUEUE_OFFLOADS                                                                      \
	(REVERE_NET_RX_OFFLOADS & ~(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO))

RTE_LOG_REGISTER(revere_net_logtype, pmd.net.revere, NOTICE)

/* ---- Information -------------------------------------------------------------------------- */

static void
default_ring(struct rte_eth_dev_portconf *conf)
{
	conf->burst_size = 32;
	conf->ring_size = REVERE_NET_DEFAULT_DESC;
	conf->nb_queues = 1;
}

int
revere_net_info_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct revere_net *net = dev->data->dev_private;

	info->max_rx_queues = net->limits.max_queues;
	info->max_tx_queues = net->limits.max_queues;
	info->min_rx_bufsize = net->limits.min_buffer;
	info->max_rx_pktlen = net->limits.max_frame;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = net->limits.max_frame - RTE_ETHER_HDR_LEN - REVERE_NET_VLAN_OVERHEAD;
	info->speed_capa = RTE_ETH_LINK_SPEED_100G;
	info->rx_offload_capa = REVERE_NET_RX_OFFLOADS;
	info->rx_queue_offload_capa = RX_QUEUE_OFFLOADS;
	info->max_lro_pkt_size = UINT16_MAX;
	revere_net_split_info(info);
	info->tx_offload_capa = TX_OFFLOADS;
	info->tx_queue_offload_capa = 0;
	info->reta_size = net->limits.reta_size;
	info->hash_key_size = (uint8_t)net->limits.rss_key_size;
	info->flow_type_rss_offloads = revere_net_rss_offloads(net);
#if REVERE_RSS_ALGORITHM
	info->rss_algo_capa = revere_net_rss_algorithms(net);
#endif
	info->rx_desc_lim.nb_max = (uint16_t)RTE_MIN(net->limits.max_buffers, UINT16_MAX / 2 + 1);
	info->rx_desc_lim.nb_min = REVERE_NET_MIN_DESC;
	info->rx_desc_lim.nb_align = 1;
	info->tx_desc_lim = info->rx_desc_lim;
	info->tx_desc_lim.nb_seg_max = net->limits.max_segments;
	info->tx_desc_lim.nb_mtu_seg_max = net->limits.max_segments;
	info->dev_capa = RTE_ETH_DEV_CAPA_RUNTIME_RX_QUEUE_SETUP |
			 RTE_ETH_DEV_CAPA_RUNTIME_TX_QUEUE_SETUP;
	info->err_handle_mode = net->recover.limit > 0 ? RTE_ETH_ERROR_HANDLE_MODE_PROACTIVE :
							 RTE_ETH_ERROR_HANDLE_MODE_PASSIVE;
	revere_net_steer_info(net, info->max_rx_queues, info);
	revere_net_repr_info(net, info);
	default_ring(&info->default_rxportconf);
	default_ring(&info->default_txportconf);
	return 0;
}

int
revere_net_fw_version_get(struct rte_eth_dev *dev, char *version, size_t size)
{
	const struct revere_net *net = dev->data->dev_private;
	size_t needed = strlen(net->limits.firmware) + 1;

	if (size < needed)
		return (int)needed;
	rte_strscpy(version, net->limits.firmware, size);
	return 0;
}

static int
net_priv_dump(struct rte_eth_dev *dev, FILE *file)
{
	const struct revere_net *net = dev->data->dev_private;
	uint16_t i;

	fprintf(file, "device %s, AHA %u, port %u, backend %s, firmware %s\n",
		revere_dev_name(net->dev), net->aha_id, net->port, net->limits.backend,
		net->limits.firmware);
	fprintf(file, "messages of %u bytes, rings of %u slots, %u queue pairs\n",
		RVR_DW << net->log2_msg_length, 1u << net->log2_slots, net->num_pairs);
	for (i = 0; i < net->num_pairs; i++)
		fprintf(file, "pair %u: AMI-SW %u, AMI-HW %u%s\n", i,
			revere_ami_sw_phy_id(net->pairs[i].ami_sw),
			revere_ami_hw_phy_id(net->pairs[i].ami_hw),
			revere_net_pair_failed(&net->pairs[i]) ? ", to be reset" : "");
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct revere_net_rxq *rxq = dev->data->rx_queues[i];

		if (rxq != NULL)
			fprintf(file, "Rx queue %u: %s, %u descriptors, used %" PRIu64 ", posted %"
				PRIu64 ", %u bytes a buffer\n", i,
				rxq->running ? "running" : "stopped", rxq->nb_desc, rxq->used,
				rxq->posted, rxq->room);
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct revere_net_txq *txq = dev->data->tx_queues[i];

		if (txq != NULL)
			fprintf(file, "Tx queue %u: %s, %u descriptors, freed %" PRIu64
				", completed %" PRIu64 ", sent %" PRIu64 "\n", i,
				txq->running ? "running" : "stopped", txq->nb_desc, txq->tail,
				txq->completed, txq->head);
	}
	return 0;
}

/* ---- Configuration ------------------------------------------------------------------------ */

static int
net_configure(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	bool rx_intr = dev->data->dev_conf.intr_conf.rxq != 0;
	int ret = revere_net_revive(net);

	if (ret == 0)
		ret = revere_net_rss_configure(dev);
	if (ret == 0)
		ret = revere_net_vmdq_configure(dev);
	if (ret < 0)
		return ret;
	/* A context has its interrupt from its creation on. */
	if (rx_intr != net->rx_intr)
		revere_net_pairs_resize(net, 0);
	net->rx_intr = rx_intr;
	ret = revere_net_pairs_resize(net,
		RTE_MAX(dev->data->nb_rx_queues, dev->data->nb_tx_queues));
	return ret < 0 ? ret : revere_net_rx_intr_init(dev);
}

eth_rx_burst_t
revere_net_rx_select(const struct rte_eth_dev_data *data)
{
	RTE_SET_USED(data);
	return revere_net_rx_burst;
}

/** Segments and offloads cost the transmit path a little: it is chosen by what was asked for. */
eth_tx_burst_t
revere_net_tx_select(const struct rte_eth_dev_data *data)
{
	const struct revere_net *net = data->dev_private;

	if ((data->dev_conf.txmode.offloads & REVERE_NET_TX_OFFLOADS) || net->timesync)
		return revere_net_tx_burst_offloads;
	if (net->tx_inline > 0)
		return revere_net_tx_burst_inline;
	return data->dev_conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS ?
		revere_net_tx_burst_segments : revere_net_tx_burst;
}

static void
select_bursts(struct rte_eth_dev *dev)
{
	dev->rx_pkt_burst = revere_net_rx_select(dev->data);
	dev->tx_pkt_burst = revere_net_tx_select(dev->data);
	dev->tx_pkt_prepare = revere_net_tx_prepare;
}

static int
net_start(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	int ret;

	select_bursts(dev);
	ret = revere_net_revive(net);
	if (ret == 0)
		ret = revere_net_settings_apply(dev);
	if (ret == 0)
		ret = revere_net_rss_apply(net);
	if (ret == 0)
		ret = revere_net_steer_apply(dev);
	if (ret == 0)
		ret = revere_net_queues_start(dev);
	if (ret < 0)
		return ret;
	ret = revere_net_port_flags(net, RVR_RNA_PORT_ENABLED, RVR_RNA_PORT_ENABLED);
	if (ret < 0) {
		revere_net_queues_stop(dev);
		return ret;
	}
	revere_net_link_update(dev, 0);
	revere_net_events_start(dev);
	revere_net_watch_start(dev);
	return 0;
}

static int
net_stop(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_eth_link link = { .link_duplex = RTE_ETH_LINK_FULL_DUPLEX };

	revere_net_watch_stop(dev);
	revere_net_events_stop(dev);
	revere_net_check_lost(net);
	/* A device that doesn't answer any more must not keep its user from closing the port. */
	revere_net_port_flags(net, RVR_RNA_PORT_ENABLED, 0);
	revere_net_queues_stop(dev);
	rte_eth_linkstatus_set(dev, &link);
	return 0;
}

static void
release_queues(struct rte_eth_dev *dev)
{
	uint16_t i;

	for (i = 0; i < dev->data->nb_rx_queues; i++)
		revere_net_rxq_release(dev, i);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		revere_net_txq_release(dev, i);
}

static int
net_close(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	revere_net_events_stop(dev);
	revere_net_check_lost(net);
	release_queues(dev);
	revere_net_rx_intr_fini(dev);
	revere_net_pairs_resize(net, 0);
	revere_net_flow_forget(net);
	revere_net_meters_forget(net);
	revere_net_request(net, RVR_RNA_CTL_PORT_RELEASE, NULL, 0, NULL, 0);
	revere_net_control_close(net);
	pthread_mutex_destroy(&net->control.lock);
	revere_net_recover_fini(net);
	revere_net_steer_fini(net);
	if (net->repr.made)
		revere_device_port_remove(net->device, net->port);
	revere_device_put(net->device);
	return 0;
}

/** The port as after probe, with new contexts; ethdev has stopped it. */
static int
net_reset(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	int ret;

	release_queues(dev);
	ret = revere_net_revive(net);
	if (ret < 0)
		return ret;
	revere_net_rx_intr_fini(dev);
	revere_net_pairs_resize(net, 0);
	revere_net_flow_forget(net);
	revere_net_meters_forget(net);
	revere_net_steer_fini(net);
	revere_net_control_close(net);
	ret = revere_net_control_open(net);
	if (ret == 0)
		ret = revere_net_request(net, RVR_RNA_CTL_PORT_RELEASE, NULL, 0, NULL, 0);
	return ret == 0 ? revere_net_steer_init(net) : ret;
}

static int
net_is_removed(struct rte_eth_dev *dev)
{
	return revere_net_gone(dev->data->dev_private);
}

static const struct eth_dev_ops net_ops = {
	.dev_configure = net_configure,
	.dev_start = net_start,
	.dev_stop = net_stop,
	.dev_close = net_close,
	.dev_reset = net_reset,
	.dev_infos_get = revere_net_info_get,
	.dev_supported_ptypes_get = revere_net_ptypes_get,
	.dev_ptypes_set = revere_net_ptypes_set,
	.buffer_split_supported_hdr_ptypes_get = revere_net_split_ptypes_get,
	.fw_version_get = revere_net_fw_version_get,
	.eth_dev_priv_dump = net_priv_dump,
	.dev_set_link_up = revere_net_link_up,
	.dev_set_link_down = revere_net_link_down,
	.link_update = revere_net_link_update,
	.promiscuous_enable = revere_net_promiscuous_enable,
	.promiscuous_disable = revere_net_promiscuous_disable,
	.allmulticast_enable = revere_net_allmulticast_enable,
	.allmulticast_disable = revere_net_allmulticast_disable,
	.mac_addr_set = revere_net_mac_set,
	.mac_addr_add = revere_net_mac_add,
	.mac_addr_remove = revere_net_mac_remove,
	.set_mc_addr_list = revere_net_multicast_set,
	.vlan_filter_set = revere_net_vlan_filter_set,
	.vlan_offload_set = revere_net_vlan_offload_set,
	.flow_ops_get = revere_net_flow_ops_get,
	.mtr_ops_get = revere_net_mtr_ops_get,
	.flow_ctrl_get = revere_net_pause_get,
	.flow_ctrl_set = revere_net_pause_set,
	.set_queue_rate_limit = revere_net_queue_rate_set,
	.tm_ops_get = revere_net_tm_ops_get,
	.get_reg = revere_net_regs_get,
	.eth_rx_descriptor_dump = revere_net_rx_desc_dump,
	.eth_tx_descriptor_dump = revere_net_tx_desc_dump,
	.get_monitor_addr = revere_net_monitor_addr_get,
	.is_removed = net_is_removed,
	.mtu_set = revere_net_mtu_set,
	.stats_get = revere_net_stats_get,
	.stats_reset = revere_net_stats_reset,
	.xstats_get = revere_net_xstats_get,
	.xstats_reset = revere_net_stats_reset,
	.xstats_get_names = revere_net_xstats_get_names,
	.xstats_get_by_id = revere_net_xstats_get_by_id,
	.xstats_get_names_by_id = revere_net_xstats_get_names_by_id,
	.rx_queue_setup = revere_net_op_rxq_setup,
	.rx_queue_release = revere_net_op_rxq_release,
	.rx_queue_start = revere_net_op_rxq_start,
	.rx_queue_stop = revere_net_op_rxq_stop,
	.rx_queue_intr_enable = revere_net_rxq_intr_enable,
	.rx_queue_intr_disable = revere_net_rxq_intr_disable,
	.tx_queue_setup = revere_net_op_txq_setup,
	.tx_queue_release = revere_net_op_txq_release,
	.tx_queue_start = revere_net_op_txq_start,
	.tx_queue_stop = revere_net_op_txq_stop,
	.tx_done_cleanup = revere_net_tx_done_cleanup,
	.rxq_info_get = revere_net_rxq_info,
	.txq_info_get = revere_net_txq_info,
	.rx_burst_mode_get = revere_net_rx_burst_mode,
	.tx_burst_mode_get = revere_net_tx_burst_mode,
	.vlan_strip_queue_set = revere_net_vlan_strip_queue_set,
	.timesync_enable = revere_net_timesync_enable,
	.timesync_disable = revere_net_timesync_disable,
	.timesync_read_rx_timestamp = revere_net_timesync_read_rx,
	.timesync_read_tx_timestamp = revere_net_timesync_read_tx,
	.timesync_adjust_time = revere_net_timesync_adjust,
	.timesync_read_time = revere_net_timesync_read,
	.timesync_write_time = revere_net_timesync_write,
	.read_clock = revere_net_read_clock,
	.rss_hash_update = revere_net_rss_hash_update,
	.rss_hash_conf_get = revere_net_rss_hash_get,
	.reta_update = revere_net_reta_update,
	.reta_query = revere_net_reta_query,
};

/* ---- Probe -------------------------------------------------------------------------------- */

/** A size as devarg that has to be a power of two; *log2 is set. */
static int
arg_log2(struct revere_net *net, const struct rte_kvargs *args, const char *key, uint64_t min,
	uint64_t max, uint64_t preset, uint8_t *log2)
{
	uint64_t value = RTE_MAX(RTE_MIN(preset, max), min);
	int ret = revere_arg_uint(args, key, min, max, &value);

	if (ret < 0)
		return ret;
	if (!rte_is_power_of_2((uint32_t)value)) {
		REVERE_NET_LOG(ERR, net, "%s=%" PRIu64 " is no power of two", key, value);
		return -EINVAL;
	}
	*log2 = (uint8_t)rte_log2_u32((uint32_t)value);
	return 0;
}

static int
net_args(struct revere_net *net, const struct rte_kvargs *args)
{
	const struct revere_dev_info *info = revere_dev_info(net->dev);
	uint64_t timeout_ms = TIMEOUT_MS, lro_us = LRO_US, recover_ms = RECOVER_MS;
	uint64_t tx_inline = 0;
	uint8_t log2_bytes = 0;
	int ret;

	ret = revere_arg_uint(args, ARG_TIMEOUT, 1, 60000, &timeout_ms);
	if (ret < 0)
		return ret;
	net->timeout = timeout_ms * rte_get_timer_hz() / MS_PER_S;
	ret = revere_arg_uint(args, ARG_LRO, 0, RVR_RNA_LRO_US_MAX, &lro_us);
	if (ret < 0)
		return ret;
	net->lro_us = (uint32_t)lro_us;
	ret = revere_arg_uint(args, ARG_RECOVER, 0, 600000, &recover_ms);
	if (ret < 0)
		return ret;
	net->recover.limit = recover_ms * rte_get_timer_hz() / MS_PER_S;
	ret = revere_arg_uint(args, ARG_TX_INLINE, 0, RVR_RNA_TX_INLINE_MAX, &tx_inline);
	if (ret < 0)
		return ret;
	net->tx_inline = (uint32_t)tx_inline;
	ret = arg_log2(net, args, ARG_MSG_SIZE, RVR_DW << info->min_log2_msg_length,
		RVR_DW << info->max_log2_msg_length, MSG_SIZE, &log2_bytes);
	if (ret < 0)
		return ret;
	net->log2_msg_length = (uint8_t)(log2_bytes - rte_log2_u32(RVR_DW));
	return arg_log2(net, args, ARG_SLOTS, 2, UINT64_C(1) << RTE_MAX(info->max_log2_size, 1),
		RING_SLOTS, &net->log2_slots);
}

/** Limits of the port, none of them believed beyond what the driver is made for. */
static int
net_limits(struct revere_net *net)
{
	struct revere_net_limits *limits = &net->limits;
	struct rvr_rna_port_info info;
	int ret = revere_net_port_info(net, &info);

	if (ret < 0)
		return ret;
	limits->max_queues = rvr_le16_cpu(info.max_queues);
	limits->max_buffers = rvr_le32_cpu(info.max_buffers);
	limits->max_frame = rvr_le16_cpu(info.max_frame);
	limits->min_buffer = rvr_le16_cpu(info.min_buffer);
	limits->reta_size = rvr_le16_cpu(info.reta_size);
	limits->rss_key_size = rvr_le16_cpu(info.rss_key_size);
	limits->rss_types = rvr_le32_cpu(info.rss_types);
	limits->speed = rvr_le32_cpu(info.speed);
	limits->max_segments = rvr_le16_cpu(info.max_segments);
	limits->max_inline = rvr_le16_cpu(info.max_inline);
	limits->ports = rvr_le16_cpu(info.ports);
	limits->kind = info.kind;
	memcpy(limits->backend, info.backend, sizeof(info.backend));
	memcpy(limits->firmware, info.firmware, sizeof(info.firmware));
	memcpy(net->mac.addr_bytes, info.mac, sizeof(info.mac));
	if (limits->max_queues == 0 || limits->max_buffers == 0 || limits->max_segments == 0 ||
		limits->max_frame < RTE_ETHER_MAX_LEN ||
		limits->reta_size > REVERE_NET_RETA_MAX ||
		limits->rss_key_size > REVERE_NET_KEY_MAX) {
		REVERE_NET_LOG(ERR, net,
			"port %u of the agent can't be used: %u queues, %u buffers, "
			"frames of %u bytes, %u table entries, keys of %u bytes",
			net->port, limits->max_queues, limits->max_buffers, limits->max_frame,
			limits->reta_size, limits->rss_key_size);
		return -ENOTSUP;
	}
	/* One AMI-SW is the control channel's. */
	limits->max_queues = RTE_MIN(RTE_MIN(limits->max_queues,
		revere_dev_info(net->dev)->ami_per_function - 1), RTE_MAX_QUEUES_PER_PORT);
	if (limits->max_queues == 0) {
		REVERE_NET_LOG(ERR, net,
			"contexts (AMI-SW) for queues: 0, the device has %u in all",
			revere_dev_info(net->dev)->ami_per_function);
		return -ENOSPC;
	}
	return 0;
}

/** Without another choice it is the port that the agent means for this Function. */
static int
net_own_port(struct revere_net *net, bool chosen)
{
	struct rvr_rna_port_info info;
	int ret;

	if (chosen)
		return 0;
	ret = revere_net_port_info(net, &info);
	if (ret == 0)
		net->port = rvr_le16_cpu(info.own);
	return ret;
}

int
revere_net_attach(struct revere_net *net, bool chosen)
{
	int ret = revere_net_control_open(net);

	if (ret < 0)
		return ret;
	ret = net_own_port(net, chosen);
	if (ret == 0)
		ret = revere_net_request(net, RVR_RNA_CTL_PORT_RELEASE, NULL, 0, NULL, 0);
	if (ret == 0)
		ret = net_limits(net);
	if (ret == 0)
		ret = revere_net_steer_init(net);
	if (ret < 0)
		revere_net_control_close(net);
	return ret;
}

/** Packets that a device doesn't take in messages, as older ones do none, go by address. */
static void
net_limit_inline(struct revere_net *net)
{
	if (net->tx_inline <= net->limits.max_inline)
		return;
	REVERE_NET_LOG(WARNING, net, ARG_TX_INLINE "=%u: the device takes packets of %u bytes in "
		"messages, longer ones go by address", net->tx_inline, net->limits.max_inline);
	net->tx_inline = net->limits.max_inline;
}

static int
net_init(struct rte_eth_dev *dev, const struct revere_probe *probe,
	const struct revere_net_repr *repr)
{
	struct revere_net *net = dev->data->dev_private;
	int ret;

	rte_strscpy(net->name, probe->name, sizeof(net->name));
	net->data = dev->data;
	net->dev = probe->dev;
	net->device = probe->device;
	net->port = probe->rna_port < 0 ? 0 : (uint16_t)probe->rna_port;
	net->ptypes = true;
	pthread_mutex_init(&net->control.lock, NULL);
	revere_net_recover_init(net);
	net->repr.domain = RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID;
	if (repr != NULL)
		net->repr = *repr;
	revere_net_rss_init(net);
	ret = net_args(net, probe->args);
	if (ret < 0)
		return ret;
	ret = revere_aha_find(probe->dev, RVR_AHA_RNA, 0);
	if (ret == -ENOENT)
		REVERE_NET_LOG(ERR, net, "device %s has no network agent",
			revere_dev_name(probe->dev));
	if (ret < 0)
		return ret == -ENOENT ? -ENODEV : ret;
	net->aha_id = (uint16_t)ret;
	ret = revere_net_attach(net, probe->rna_port >= 0);
	if (ret < 0)
		return ret;
	net_limit_inline(net);
	dev->data->mac_addrs = rte_calloc("revere_mac",
		1 + (size_t)rvr_le16_cpu(net->steer.info.macs), sizeof(*dev->data->mac_addrs), 0);
	if (dev->data->mac_addrs == NULL) {
		REVERE_NET_LOG(ERR, net, "no memory for MAC addresses");
		revere_net_control_close(net);
		return -ENOMEM;
	}
	rte_ether_addr_copy(&net->mac, &dev->data->mac_addrs[0]);
	return 0;
}

void
revere_net_queue_ops(struct rte_eth_dev *dev)
{
	dev->rx_queue_count = revere_net_rx_queue_count;
	dev->rx_descriptor_status = revere_net_rx_status;
	dev->tx_descriptor_status = revere_net_tx_status;
#if REVERE_TX_QUEUE_COUNT
	dev->tx_queue_count = revere_net_tx_queue_count;
#endif
}

int
revere_net_port_make(const struct revere_probe *probe, const struct revere_net_repr *repr)
{
	struct rte_eth_dev *dev;
	int ret;

	dev = rte_eth_dev_allocate(probe->name);
	if (dev == NULL)
		return -ENOMEM;
	dev->device = probe->rte_dev;
	dev->data->numa_node = probe->rte_dev->numa_node;
	dev->data->dev_private = rte_zmalloc_socket(probe->name, sizeof(struct revere_net),
		RTE_CACHE_LINE_SIZE, dev->data->numa_node);
	ret = dev->data->dev_private == NULL ? -ENOMEM : net_init(dev, probe, repr);
	if (ret < 0) {
		rte_eth_dev_release_port(dev);
		return ret;
	}
	dev->dev_ops = &net_ops;
	revere_net_queue_ops(dev);
	dev->data->dev_flags |= RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV;
	if (repr != NULL) {
		dev->data->dev_flags |= RTE_ETH_DEV_REPRESENTOR;
		dev->data->representor_id = repr->number;
		dev->data->backer_port_id = repr->backer;
	}
	select_bursts(dev);
	revere_net_secondary_init(dev->data->dev_private);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
net_remove(struct rte_device *rte_dev, const char *name)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(name);
	struct revere_net *net;

	revere_net_representors_close(rte_dev);
	/* Closed by its user already. */
	if (dev == NULL)
		return 0;
	net = dev->data->dev_private;
	if (net->repr.domain != RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		rte_eth_switch_domain_free(net->repr.domain);
	return rte_eth_dev_close(dev->data->port_id);
}

static int
net_probe(const struct revere_probe *probe)
{
	int ret = revere_net_port_make(probe, NULL);

	if (ret < 0)
		return ret;
	ret = revere_net_representors_make(rte_eth_dev_allocated(probe->name), probe);
	if (ret < 0) {
		/* Of what a failed probe() had, the reference is its caller's to give back. */
		revere_device_ref(probe->device);
		net_remove(probe->rte_dev, probe->name);
	}
	return ret;
}

/** The link goes down before the port does: who asks for neither event sees that at least. */
static void
net_gone(const char *name)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(name);
	struct rte_eth_link link = { .link_duplex = RTE_ETH_LINK_FULL_DUPLEX };

	if (dev == NULL)
		return;
	if (rte_eth_linkstatus_set(dev, &link) == 0 && dev->data->dev_conf.intr_conf.lsc != 0)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	if (dev->data->dev_conf.intr_conf.rmv != 0)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
}

/** The control channel's context, then one for each queue pair. */
static int
net_plan(const struct revere_dev_info *info, uint32_t count, uint32_t index,
	struct revere_plan *plan)
{
	uint8_t log2_length = rvr_plan_length(info->min_log2_msg_length, info->max_log2_msg_length,
		RVR_PLAN_NET_LOG2_LENGTH);

	plan->kind = RVR_AHA_RNA;
	plan->num_sessions = index == 0 ? revere_net_control_plan(info, plan->sessions) :
		revere_net_pair_plan(info, log2_length, plan->sessions);
	return index <= count;
}

static const char *const net_keys[] = { ARG_TIMEOUT, ARG_MSG_SIZE, ARG_SLOTS, ARG_LRO,
	ARG_RECOVER, ARG_TX_INLINE, REVERE_NET_ARG_REPRESENTOR, NULL };

static struct revere_class net_class = {
	.name = "net",
	.args = net_keys,
	.probe = net_probe,
	.remove = net_remove,
	.attach = revere_net_secondary_attach,
	.detach = revere_net_secondary_detach,
	.gone = net_gone,
	.plan = net_plan,
};
REVERE_REGISTER_CLASS(net_class)

bool
revere_net_is_ours(const struct rte_eth_dev *dev)
{
	return dev->dev_ops == &net_ops;
}

int
revere_net_target_open(const struct rte_eth_dev *dev, const char *devargs,
	struct revere_probe *target)
{
	const struct revere_net *net = dev->data->dev_private;

	return revere_target_open(dev->device, net->name, &net_class, devargs, target);
}

int
revere_net_target_take(const struct rte_eth_dev *dev, const struct revere_probe *target)
{
	return revere_target_take(dev->device, &net_class, target);
}

static int
net_vdev_probe(struct rte_vdev_device *vdev)
{
	return revere_vdev_probe(vdev, &net_class);
}

static int
net_vdev_remove(struct rte_vdev_device *vdev)
{
	return revere_vdev_remove(vdev, &net_class);
}

static struct rte_vdev_driver net_vdev_driver = {
	.probe = net_vdev_probe,
	.remove = net_vdev_remove,
	.dma_map = revere_vdev_dma_map,
	.dma_unmap = revere_vdev_dma_unmap,
};
RTE_PMD_REGISTER_VDEV(net_revere, net_vdev_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_revere,
	ARG_TIMEOUT "=<uint32> "
	ARG_MSG_SIZE "=<bytes> "
	ARG_SLOTS "=<uint32> "
	ARG_LRO "=<uint32> "
	ARG_RECOVER "=<uint32> "
	ARG_TX_INLINE "=<bytes> "
	REVERE_NET_ARG_REPRESENTOR "=<numbers>");
