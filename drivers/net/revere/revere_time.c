/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The port's clock, and times of IEEE 1588 packets. The clock belongs to the device: all of this
 * but the time of arrival, which comes with a packet, is asked for by control messages.
 */

#include <errno.h>
#include <time.h>

#include "revere_net.h"

static int
time_request(struct revere_net *net, uint32_t operation, uint64_t value, struct rvr_rna_time *time)
{
	const struct rvr_rna_time request = {
		.operation = rvr_cpu_le32(operation),
		.time = rvr_cpu_le64(value),
	};

	return revere_net_request(net, RVR_RNA_CTL_TIME, &request, sizeof(request), time,
		sizeof(*time));
}

static void
to_timespec(uint64_t ns, struct timespec *when)
{
	when->tv_sec = (time_t)(ns / NS_PER_S);
	when->tv_nsec = (long)(ns % NS_PER_S);
}

static int
timesync_set(struct rte_eth_dev *dev, bool on)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = 0;
	uint16_t i;

	net->timesync = on;
	net->rx_timestamp_valid = false;
	for (i = 0; i < dev->data->nb_rx_queues && ret == 0; i++)
		if (dev->data->rx_queues[i] != NULL)
			ret = revere_net_rxq_change(dev->data->rx_queues[i], RVR_RNA_RXO_PTP,
				on ? RVR_RNA_RXO_PTP : 0);
	return ret;
}

int
revere_net_timesync_enable(struct rte_eth_dev *dev)
{
	uint16_t i;
	int ret = timesync_set(dev, true);

	if (ret < 0)
		return ret;
	/* Packets that are to be timed need descriptors that plain transmission doesn't write. */
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct revere_net_txq *txq = dev->data->tx_queues[i];

		if (txq != NULL)
			txq->fast_free = false;
	}
	dev->tx_pkt_burst = revere_net_tx_burst_offloads;
	if (dev->data->dev_started)
		rte_eth_fp_ops[dev->data->port_id].tx_pkt_burst = dev->tx_pkt_burst;
	return 0;
}

int
revere_net_timesync_disable(struct rte_eth_dev *dev)
{
	return timesync_set(dev, false);
}

void
revere_net_rx_ptp(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint64_t timestamp)
{
	struct revere_net *net = rxq->net;

	/* With times for all packets these come for others too. */
	if ((rxq->rxo & RVR_RNA_RXO_TIMESTAMP) &&
	    (m->packet_type & RTE_PTYPE_L2_MASK) != RTE_PTYPE_L2_ETHER_TIMESYNC)
		return;
	m->ol_flags |= RTE_MBUF_F_RX_IEEE1588_PTP | RTE_MBUF_F_RX_IEEE1588_TMST;
	m->timesync = 0;
	net->rx_timestamp = timestamp;
	net->rx_timestamp_valid = true;
}

int
revere_net_timesync_read_rx(struct rte_eth_dev *dev, struct timespec *when, uint32_t flags)
{
	struct revere_net *net = dev->data->dev_private;

	RTE_SET_USED(flags);
	if (!net->rx_timestamp_valid)
		return -EINVAL;
	net->rx_timestamp_valid = false;
	to_timespec(net->rx_timestamp, when);
	return 0;
}

int
revere_net_timesync_read_tx(struct rte_eth_dev *dev, struct timespec *when)
{
	struct rvr_rna_time time;
	int ret = time_request(dev->data->dev_private, RVR_RNA_TIME_GET_TX, 0, &time);

	if (ret < 0)
		return ret;
	if (rvr_le32_cpu(time.tx_valid) == 0)
		return -EINVAL;
	to_timespec(rvr_le64_cpu(time.tx_timestamp), when);
	return 0;
}

int
revere_net_timesync_adjust(struct rte_eth_dev *dev, int64_t delta)
{
	struct rvr_rna_time time;

	return time_request(dev->data->dev_private, RVR_RNA_TIME_ADD, (uint64_t)delta, &time);
}

int
revere_net_timesync_read(struct rte_eth_dev *dev, struct timespec *now)
{
	struct rvr_rna_time time;
	int ret = time_request(dev->data->dev_private, RVR_RNA_TIME_GET, 0, &time);

	if (ret == 0)
		to_timespec(rvr_le64_cpu(time.time), now);
	return ret;
}

int
revere_net_timesync_write(struct rte_eth_dev *dev, const struct timespec *now)
{
	uint64_t ns = (uint64_t)now->tv_sec * NS_PER_S + (uint64_t)now->tv_nsec;
	struct rvr_rna_time time;

	return time_request(dev->data->dev_private, RVR_RNA_TIME_SET, ns, &time);
}

int
revere_net_read_clock(struct rte_eth_dev *dev, uint64_t *clock)
{
	struct rvr_rna_time time;
	int ret = time_request(dev->data->dev_private, RVR_RNA_TIME_GET, 0, &time);

	if (ret == 0)
		*clock = rvr_le64_cpu(time.raw);
	return ret;
}
