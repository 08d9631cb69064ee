/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * VMDq: pools of queues, to which packets go by address and VLAN.
 */

#include "rx.h"
#include "steer.h"

/** Pools of the destination address. */
static uint64_t
pools_of_address(const struct rna_port *port, const uint8_t *data)
{
	const struct rna_steer *steer = port->steer;
	const struct rna_vmdq *vmdq = &steer->vmdq;
	const uint64_t all = UINT64_MAX >> (64 - vmdq->pools);
	uint64_t mac = rna_mac_number(data), pools = 0;

	if ((data[0] & 1) == 0) {
		if (memcmp(data, port->mac, 6) == 0)
			pools = steer->own_pools;
		rna_address_find(&steer->unicast, mac, &pools);
		return pools & all;
	}
	if (mac == UINT64_C(0xffffffffffff))
		return vmdq->accept & RVR_RNA_POOL_BROADCAST ? all : 0;
	return vmdq->accept & RVR_RNA_POOL_MULTICAST ? all : 0;
}

/** Pools that take a VLAN. */
static uint64_t
pools_of_vlan(const struct rna_vmdq *vmdq, int vlan)
{
	if (!vmdq->vlans)
		return UINT64_MAX;
	if (vlan < 0)
		return vmdq->accept & RVR_RNA_POOL_UNTAGGED ? UINT64_MAX : 0;
	return vmdq->vlan_pools[vlan];
}

static uint64_t
pools_find(const struct rna_port *port, const uint8_t *data, uint32_t len)
{
	return pools_of_address(port, data) &
	       pools_of_vlan(&port->steer->vmdq, rna_outer_vlan(data, len));
}

uint64_t
rna_vmdq_pools(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	const struct rna_vmdq *vmdq = &port->steer->vmdq;
	uint64_t pools = pools_find(port, data, len);

	if (pools != 0)
		return pools;
	if (vmdq->default_pool < vmdq->pools)
		return UINT64_C(1) << vmdq->default_pool;
	port->steer->stats.rx_no_pool++;
	return 0;
}

bool
rna_vmdq_loopback(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	const struct rna_vmdq *vmdq = &port->steer->vmdq;

	if (vmdq->pools == 0 || !(vmdq->accept & RVR_RNA_POOL_LOOPBACK) || (data[0] & 1) != 0 ||
		pools_find(port, data, len) == 0)
		return false;
	port->steer->stats.tx_loopback++;
	rna_deliver_slow(port, data, len);
	return true;
}
