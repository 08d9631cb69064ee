/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Whether a packet is for a port: addresses and VLANs.
 */

#include "steer.h"

/* ---- Life --------------------------------------------------------------------------------- */

struct rna_steer *
rna_steer_new(unsigned int queues)
{
	struct rna_steer *steer = rna_zalloc(sizeof(*steer));

	if (steer == NULL)
		return NULL;
	steer->tm.queue = calloc(queues, sizeof(steer->tm.queue[0]));
	if (steer->tm.queue != NULL)
		return steer;
	free(steer);
	return NULL;
}

void
rna_steer_free(struct rna_steer *steer)
{
	if (steer == NULL)
		return;
	free(steer->tm.queue);
	free(steer);
}

void
rna_steer_reset(struct rna_port *port)
{
	struct rna_tm_queue *queue = port->steer->tm.queue;
	unsigned int i;

	memset(port->steer, 0, sizeof(*port->steer));
	memset(queue, 0, port->rna->max_queues * sizeof(queue[0]));
	for (i = 0; i < port->rna->max_queues; i++)
		queue[i].weight = 1;
	port->steer->tm.queue = queue;
	port->gated = false;
}

/* ---- Packets ------------------------------------------------------------------------------ */

static bool
vlan_passes(const struct rna_steer *steer, int vlan)
{
	return vlan <= 0 || (steer->vlan_bits[vlan / 8] >> (vlan % 8) & 1) != 0;
}

/** Whether the port wants a packet of this destination; counts what is no unicast. */
static bool
address_passes(struct rna_port *port, const uint8_t *data)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if ((data[0] & 1) == 0)
		return port->promisc || memcmp(data, port->mac, 6) == 0 ||
		       rna_address_find(&port->steer->unicast, rna_mac_number(data), NULL);
	if (memcmp(data, broadcast, 6) == 0) {
		port->stats.rx_broadcast++;
		return true;
	}
	if (!port->promisc && !port->allmulti &&
		!rna_address_find(&port->steer->multicast, rna_mac_number(data), NULL))
		return false;
	port->stats.rx_multicast++;
	return true;
}

bool
rna_steer_accept(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_steer *steer = port->steer;

	if (amu_unlikely(steer->pause & RVR_RNA_PAUSE_RX) && rna_pause_received(port, data, len))
		return false;
	if (steer->vlan_filter && !vlan_passes(steer, rna_outer_vlan(data, len))) {
		steer->stats.rx_vlan_filtered++;
		return false;
	}
	if (address_passes(port, data))
		return true;
	port->stats.rx_filtered++;
	return false;
}
