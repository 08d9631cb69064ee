/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Counters. The agent counts packets, as a network adapter does; the driver adds what only it
 * sees.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "revere_net.h"

/* ---- Basic -------------------------------------------------------------------------------- */

/** What the driver counted, summed over queues. */
static struct revere_net_sw_stats
sw_stats(const struct revere_net *net)
{
	struct revere_net_sw_stats sum = {
		.recoveries = __atomic_load_n(&net->recover.recoveries, __ATOMIC_RELAXED),
	};
	uint16_t i;

	for (i = 0; i < net->data->nb_rx_queues; i++) {
		const struct revere_net_rxq *rxq = net->data->rx_queues[i];

		if (rxq == NULL)
			continue;
		sum.device_errors += rxq->stats.device_errors;
		sum.rx_no_mbuf += rxq->stats.rx_no_mbuf;
	}
	for (i = 0; i < net->data->nb_tx_queues; i++) {
		const struct revere_net_txq *txq = net->data->tx_queues[i];

		if (txq == NULL)
			continue;
		sum.device_errors += txq->stats.device_errors;
		sum.tx_unfit += txq->stats.tx_unfit;
	}
	return sum;
}

/** Refused packets are the agent's, and those that the driver couldn't give it. */
static void
add_unfit(rvr_le64 *tx_errors, uint64_t unfit)
{
	*tx_errors = rvr_cpu_le64(rvr_le64_cpu(*tx_errors) + unfit);
}

static int
port_stats(struct revere_net *net, const struct revere_net_sw_stats *sw,
	struct rvr_rna_stats *stats)
{
	int ret = revere_net_request(net, RVR_RNA_CTL_STATS_GET, NULL, 0, stats, sizeof(*stats));

	if (ret == 0)
		add_unfit(&stats->queues.tx_errors, sw->tx_unfit);
	return ret;
}

/** An adapter that doesn't know these counters has counted nothing. */
static int
steer_stats(struct revere_net *net, struct rvr_rna_steer_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (rvr_le16_cpu(net->steer.info.macs) == 0)
		return 0;
	return revere_net_request(net, RVR_RNA_CTL_STEER_STATS, NULL, 0, stats, sizeof(*stats));
}

/** Queues that the agent doesn't know have counted nothing. */
static int
queue_stats(struct revere_net *net, uint16_t id, struct rvr_rna_queue_stats *stats)
{
	const struct revere_net_txq *txq =
		id < net->data->nb_tx_queues ? net->data->tx_queues[id] : NULL;
	const struct rvr_rna_queue queue = { .queue = rvr_cpu_le16(id) };
	int ret;

	memset(stats, 0, sizeof(*stats));
	if (id >= net->num_pairs || !net->pairs[id].announced)
		return 0;
	ret = revere_net_request(net, RVR_RNA_CTL_QUEUE_STATS_GET, &queue, sizeof(queue), stats,
		sizeof(*stats));
	if (ret == 0 && txq != NULL)
		add_unfit(&stats->tx_errors, txq->stats.tx_unfit);
	return ret;
}

static int
fill_queue_counters(struct revere_net *net, revere_net_queue_counters *counters)
{
	uint16_t i, count = RTE_MIN(net->num_pairs, RTE_ETHDEV_QUEUE_STAT_CNTRS);
	struct rvr_rna_queue_stats stats;
	int ret;

	for (i = 0; i < count; i++) {
		ret = queue_stats(net, i, &stats);
		if (ret < 0)
			return ret;
		counters->q_ipackets[i] = rvr_le64_cpu(stats.rx_packets);
		counters->q_ibytes[i] = rvr_le64_cpu(stats.rx_bytes);
		counters->q_opackets[i] = rvr_le64_cpu(stats.tx_packets);
		counters->q_obytes[i] = rvr_le64_cpu(stats.tx_bytes);
		counters->q_errors[i] = rvr_le64_cpu(stats.rx_errors) +
					rvr_le64_cpu(stats.rx_no_buffer);
	}
	return 0;
}

REVERE_NET_STATS_GET(revere_net_stats_get)
{
	struct revere_net *net = dev->data->dev_private;
	revere_net_queue_counters *counters = REVERE_NET_QUEUE_COUNTERS(stats);
	struct revere_net_sw_stats sw = sw_stats(net);
	struct rvr_rna_stats hw;
	int ret;

	ret = port_stats(net, &sw, &hw);
	if (ret < 0)
		return ret;
	stats->ipackets = rvr_le64_cpu(hw.queues.rx_packets);
	stats->ibytes = rvr_le64_cpu(hw.queues.rx_bytes);
	stats->opackets = rvr_le64_cpu(hw.queues.tx_packets);
	stats->obytes = rvr_le64_cpu(hw.queues.tx_bytes);
	stats->imissed = rvr_le64_cpu(hw.queues.rx_no_buffer);
	stats->ierrors = rvr_le64_cpu(hw.queues.rx_errors) + rvr_le64_cpu(hw.rx_oversize) +
			 rvr_le64_cpu(hw.rx_undersize) + sw.device_errors;
	stats->oerrors = rvr_le64_cpu(hw.queues.tx_errors) + rvr_le64_cpu(hw.tx_dropped);
	stats->rx_nombuf = sw.rx_no_mbuf;
	return counters == NULL ? 0 : fill_queue_counters(net, counters);
}

int
revere_net_stats_reset(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	uint16_t i;

	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct revere_net_rxq *rxq = dev->data->rx_queues[i];

		if (rxq != NULL)
			memset(&rxq->stats, 0, sizeof(rxq->stats));
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct revere_net_txq *txq = dev->data->tx_queues[i];

		if (txq != NULL)
			memset(&txq->stats, 0, sizeof(txq->stats));
	}
	__atomic_store_n(&net->recover.recoveries, 0, __ATOMIC_RELAXED);
	return revere_net_request(net, RVR_RNA_CTL_STATS_RESET, NULL, 0, NULL, 0);
}

/* ---- Extended ----------------------------------------------------------------------------- */

struct counter {
	const char *name;
	uint16_t offset;
};

/** Of struct rvr_rna_stats. */
static const struct counter port_counters[] = {
	{ "rx_no_buffer", offsetof(struct rvr_rna_stats, queues.rx_no_buffer) },
	{ "rx_unwritable", offsetof(struct rvr_rna_stats, queues.rx_errors) },
	{ "rx_filtered", offsetof(struct rvr_rna_stats, rx_filtered) },
	{ "rx_oversize", offsetof(struct rvr_rna_stats, rx_oversize) },
	{ "rx_undersize", offsetof(struct rvr_rna_stats, rx_undersize) },
	{ "rx_stopped", offsetof(struct rvr_rna_stats, rx_stopped) },
	{ "rx_multicast_packets", offsetof(struct rvr_rna_stats, rx_multicast) },
	{ "rx_broadcast_packets", offsetof(struct rvr_rna_stats, rx_broadcast) },
	{ "tx_refused", offsetof(struct rvr_rna_stats, queues.tx_errors) },
	{ "tx_dropped", offsetof(struct rvr_rna_stats, tx_dropped) },
};

/** Of struct rvr_rna_steer_stats. */
static const struct counter steer_counters[] = {
	{ "rx_vlan_filtered", offsetof(struct rvr_rna_steer_stats, rx_vlan_filtered) },
	{ "rx_no_pool", offsetof(struct rvr_rna_steer_stats, rx_no_pool) },
	{ "rx_pause_frames", offsetof(struct rvr_rna_steer_stats, rx_pause) },
	{ "tx_pause_frames", offsetof(struct rvr_rna_steer_stats, tx_pause) },
	{ "tx_loopback_packets", offsetof(struct rvr_rna_steer_stats, tx_loopback) },
	{ "wire_truncated", offsetof(struct rvr_rna_steer_stats, wire_truncated) },
	{ "wire_bad_length", offsetof(struct rvr_rna_steer_stats, wire_bad_length) },
	{ "wire_errors", offsetof(struct rvr_rna_steer_stats, wire_errors) },
	{ "rx_short_header", offsetof(struct rvr_rna_steer_stats, rx_short_header) },
	{ "rx_bad_length", offsetof(struct rvr_rna_steer_stats, rx_bad_length) },
	{ "rx_extensions", offsetof(struct rvr_rna_steer_stats, rx_extensions) },
	{ "flow_dropped", offsetof(struct rvr_rna_steer_stats, flow_dropped) },
	{ "flow_failed", offsetof(struct rvr_rna_steer_stats, flow_failed) },
};

/** Of struct revere_net_sw_stats. */
static const struct counter sw_counters[] = {
	{ "device_errors", offsetof(struct revere_net_sw_stats, device_errors) },
	{ "rx_no_mbuf", offsetof(struct revere_net_sw_stats, rx_no_mbuf) },
	{ "recoveries", offsetof(struct revere_net_sw_stats, recoveries) },
};

/** Of struct rvr_rna_queue_stats: of Rx queues, of Tx queues. */
static const struct counter rxq_counters[] = {
	{ "packets", offsetof(struct rvr_rna_queue_stats, rx_packets) },
	{ "bytes", offsetof(struct rvr_rna_queue_stats, rx_bytes) },
	{ "no_buffer", offsetof(struct rvr_rna_queue_stats, rx_no_buffer) },
	{ "unwritable", offsetof(struct rvr_rna_queue_stats, rx_errors) },
};
static const struct counter txq_counters[] = {
	{ "packets", offsetof(struct rvr_rna_queue_stats, tx_packets) },
	{ "bytes", offsetof(struct rvr_rna_queue_stats, tx_bytes) },
	{ "refused", offsetof(struct rvr_rna_queue_stats, tx_errors) },
};

static unsigned int
xstats_count(const struct rte_eth_dev *dev)
{
	return RTE_DIM(port_counters) + RTE_DIM(steer_counters) + RTE_DIM(sw_counters) +
	       dev->data->nb_rx_queues * (unsigned int)RTE_DIM(rxq_counters) +
	       dev->data->nb_tx_queues * (unsigned int)RTE_DIM(txq_counters);
}

/** Copies counters out of a struct of little-endian ones. */
static uint64_t *
xstats_copy(const struct counter *counters, unsigned int count, const void *from, uint64_t *to)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		*to++ = rvr_le64_cpu(*(const rvr_le64 *)RTE_PTR_ADD(from, counters[i].offset));
	return to;
}

/** All values, in the order of names. */
static int
xstats_values(struct rte_eth_dev *dev, uint64_t *values)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_sw_stats sw = sw_stats(net);
	struct rvr_rna_queue_stats queue;
	struct rvr_rna_steer_stats steer;
	struct rvr_rna_stats port;
	unsigned int i;
	int ret;

	ret = port_stats(net, &sw, &port);
	if (ret < 0)
		return ret;
	values = xstats_copy(port_counters, RTE_DIM(port_counters), &port, values);
	ret = steer_stats(net, &steer);
	if (ret < 0)
		return ret;
	values = xstats_copy(steer_counters, RTE_DIM(steer_counters), &steer, values);
	*values++ = sw.device_errors;
	*values++ = sw.rx_no_mbuf;
	*values++ = sw.recoveries;
	for (i = 0; i < dev->data->nb_rx_queues && ret == 0; i++) {
		ret = queue_stats(net, (uint16_t)i, &queue);
		values = xstats_copy(rxq_counters, RTE_DIM(rxq_counters), &queue, values);
	}
	for (i = 0; i < dev->data->nb_tx_queues && ret == 0; i++) {
		ret = queue_stats(net, (uint16_t)i, &queue);
		values = xstats_copy(txq_counters, RTE_DIM(txq_counters), &queue, values);
	}
	return ret;
}

static struct rte_eth_xstat_name *
names_copy(const struct counter *counters, unsigned int count, struct rte_eth_xstat_name *to)
{
	unsigned int i;

	for (i = 0; i < count; i++, to++)
		snprintf(to->name, sizeof(to->name), "%s", counters[i].name);
	return to;
}

static struct rte_eth_xstat_name *
queue_names_copy(const struct counter *counters, unsigned int count, const char *direction,
	unsigned int id, struct rte_eth_xstat_name *to)
{
	unsigned int i;

	for (i = 0; i < count; i++, to++)
		snprintf(to->name, sizeof(to->name), "%s_q%u_%s", direction, id, counters[i].name);
	return to;
}

static void
xstats_names(const struct rte_eth_dev *dev, struct rte_eth_xstat_name *names)
{
	unsigned int i;

	names = names_copy(port_counters, RTE_DIM(port_counters), names);
	names = names_copy(steer_counters, RTE_DIM(steer_counters), names);
	names = names_copy(sw_counters, RTE_DIM(sw_counters), names);
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		names = queue_names_copy(rxq_counters, RTE_DIM(rxq_counters), "rx", i, names);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		names = queue_names_copy(txq_counters, RTE_DIM(txq_counters), "tx", i, names);
}

int
revere_net_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n)
{
	unsigned int i, count = xstats_count(dev);
	uint64_t *values;
	int ret;

	if (n < count || stats == NULL)
		return (int)count;
	values = calloc(count, sizeof(*values));
	if (values == NULL)
		return -ENOMEM;
	ret = xstats_values(dev, values);
	for (i = 0; i < count && ret == 0; i++) {
		stats[i].id = i;
		stats[i].value = values[i];
	}
	free(values);
	return ret == 0 ? (int)count : ret;
}

int
revere_net_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
	unsigned int n)
{
	unsigned int count = xstats_count(dev);

	if (names != NULL && n >= count)
		xstats_names(dev, names);
	return (int)count;
}

int
revere_net_xstats_get_by_id(struct rte_eth_dev *dev, const uint64_t *ids, uint64_t *values,
	unsigned int n)
{
	unsigned int i, count = xstats_count(dev);
	uint64_t *all;
	int ret;

	if (ids == NULL && (values == NULL || n < count))
		return (int)count;
	all = calloc(count, sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	ret = xstats_values(dev, all);
	for (i = 0; i < (ids == NULL ? count : n) && ret == 0; i++) {
		uint64_t id = ids == NULL ? i : ids[i];

		if (id >= count)
			ret = -EINVAL;
		else
			values[i] = all[id];
	}
	free(all);
	return ret == 0 ? (int)i : ret;
}

int
revere_net_xstats_get_names_by_id(struct rte_eth_dev *dev, const uint64_t *ids,
	struct rte_eth_xstat_name *names, unsigned int n)
{
	unsigned int i, count = xstats_count(dev);
	struct rte_eth_xstat_name *all;
	int ret = 0;

	if (ids == NULL)
		return revere_net_xstats_get_names(dev, names, n);
	all = calloc(count, sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	xstats_names(dev, all);
	for (i = 0; i < n && ret == 0; i++) {
		if (ids[i] >= count)
			ret = -EINVAL;
		else
			names[i] = all[ids[i]];
	}
	free(all);
	return ret == 0 ? (int)n : ret;
}
