/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Counters of ports and queues.
 */

#include "steer.h"

void
rna_queue_stats_add(struct rna_queue_stats *sum, const struct rna_queue_stats *more)
{
	sum->rx_packets += more->rx_packets;
	sum->rx_bytes += more->rx_bytes;
	sum->rx_no_buffer += more->rx_no_buffer;
	sum->tx_packets += more->tx_packets;
	sum->tx_bytes += more->tx_bytes;
	sum->tx_errors += more->tx_errors;
	sum->rx_errors += more->rx_errors;
}

static void
queue_stats_encode(const struct rna_queue_stats *from, struct rvr_rna_queue_stats *to)
{
	to->rx_packets = rvr_cpu_le64(from->rx_packets);
	to->rx_bytes = rvr_cpu_le64(from->rx_bytes);
	to->rx_no_buffer = rvr_cpu_le64(from->rx_no_buffer);
	to->tx_packets = rvr_cpu_le64(from->tx_packets);
	to->tx_bytes = rvr_cpu_le64(from->tx_bytes);
	to->tx_errors = rvr_cpu_le64(from->tx_errors);
	to->rx_errors = rvr_cpu_le64(from->rx_errors);
}

void
rna_queue_stats_get(const struct rna_queue *q, struct rvr_rna_queue_stats *stats)
{
	queue_stats_encode(&q->stats, stats);
}

void
rna_queue_stats_set(struct rna_queue *q, const struct rvr_rna_queue_stats *stats)
{
	q->stats.rx_packets = rvr_le64_cpu(stats->rx_packets);
	q->stats.rx_bytes = rvr_le64_cpu(stats->rx_bytes);
	q->stats.rx_no_buffer = rvr_le64_cpu(stats->rx_no_buffer);
	q->stats.tx_packets = rvr_le64_cpu(stats->tx_packets);
	q->stats.tx_bytes = rvr_le64_cpu(stats->tx_bytes);
	q->stats.tx_errors = rvr_le64_cpu(stats->tx_errors);
	q->stats.rx_errors = rvr_le64_cpu(stats->rx_errors);
}

const struct rna_queue_stats *
rna_queue_stats_of(const struct rna_port *port, unsigned int id)
{
	return port->queue[id] != NULL ? &port->queue[id]->stats : &port->past[id];
}

void
rna_stats_get(const struct rna_port *port, struct rvr_rna_stats *stats)
{
	struct rna_queue_stats sum = port->gone;
	unsigned int i;

	for (i = 0; i < port->rna->max_queues; i++)
		rna_queue_stats_add(&sum, rna_queue_stats_of(port, i));
	queue_stats_encode(&sum, &stats->queues);
	stats->rx_filtered = rvr_cpu_le64(port->stats.rx_filtered);
	stats->rx_oversize = rvr_cpu_le64(port->stats.rx_oversize);
	stats->rx_undersize = rvr_cpu_le64(port->stats.rx_undersize);
	stats->rx_stopped = rvr_cpu_le64(port->stats.rx_stopped);
	stats->tx_dropped = rvr_cpu_le64(port->stats.tx_dropped);
	stats->rx_multicast = rvr_cpu_le64(port->stats.rx_multicast);
	stats->rx_broadcast = rvr_cpu_le64(port->stats.rx_broadcast);
}

void
rna_stats_reset(struct rna_port *port)
{
	unsigned int i;

	memset(&port->stats, 0, sizeof(port->stats));
	memset(&port->steer->stats, 0, sizeof(port->steer->stats));
	port->steer->pause_no_buffer = 0;
	memset(&port->gone, 0, sizeof(port->gone));
	memset(port->past, 0, port->rna->max_queues * sizeof(port->past[0]));
	for (i = 0; i < port->rna->max_queues; i++)
		if (port->queue[i] != NULL)
			memset(&port->queue[i]->stats, 0, sizeof(port->queue[i]->stats));
}
