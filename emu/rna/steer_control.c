/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Requests of rvr_rna_steer.h: each is checked as a whole before anything changes.
 */

#include "steer.h"

/** Refuses the value of a field of the payload. */
#define BAD_VALUE(detail, type, field)                                                         \
	(*(detail) = (uint32_t)(offsetof(struct rvr_rna_control, payload) +                    \
			offsetof(type, field)),                                                \
		RVR_RNA_BAD_VALUE)

typedef unsigned int (*steer_fn)(struct rna_port *port, const uint8_t *in, uint8_t *out,
	uint32_t *detail);

/* ---- Information -------------------------------------------------------------------------- */

static unsigned int
steer_info(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	unsigned int queues = port->rna->max_queues;
	const struct rvr_rna_steer_info info = {
		.macs = rvr_cpu_le16(RNA_MACS_MAX),
		.multicast = rvr_cpu_le16(RNA_MULTICAST_MAX),
		.pools = rvr_cpu_le16(queues < RNA_POOLS_MAX ? queues : RNA_POOLS_MAX),
		.tm_prios = rvr_cpu_le16(RNA_TM_PRIOS),
		.tm_weight = rvr_cpu_le32(RNA_TM_WEIGHT_MAX),
		.tm_rate_min = rvr_cpu_le64(RNA_TM_RATE_MIN),
		.tm_rate_max = rvr_cpu_le64(RNA_TM_RATE_MAX),
		.tm_burst_min = rvr_cpu_le32(RNA_TM_BURST_MIN),
		.tm_burst_max = rvr_cpu_le32(RNA_TM_BURST_MAX),
	};

	(void)in;
	(void)detail;
	memcpy(out, &info, sizeof(info));
	return RVR_RNA_OK;
}

static unsigned int
steer_stats(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	const struct rna_steer *steer = port->steer;
	const struct rvr_rna_steer_stats stats = {
		.rx_vlan_filtered = rvr_cpu_le64(steer->stats.rx_vlan_filtered),
		.rx_no_pool = rvr_cpu_le64(steer->stats.rx_no_pool),
		.rx_pause = rvr_cpu_le64(steer->stats.rx_pause),
		.tx_pause = rvr_cpu_le64(steer->stats.tx_pause),
		.tx_loopback = rvr_cpu_le64(steer->stats.tx_loopback),
		.wire_truncated = rvr_cpu_le64(steer->stats.wire_truncated),
		.wire_bad_length = rvr_cpu_le64(steer->stats.wire_bad_length),
		.wire_errors = rvr_cpu_le64(steer->stats.wire_errors),
		.rx_short_header = rvr_cpu_le64(steer->stats.rx_short_header),
		.rx_bad_length = rvr_cpu_le64(steer->stats.rx_bad_length),
		.rx_extensions = rvr_cpu_le64(steer->stats.rx_extensions),
		.flow_dropped = rvr_cpu_le64(port->stats.flow_dropped),
		.flow_failed = rvr_cpu_le64(port->stats.flow_failed),
	};

	(void)in;
	(void)detail;
	memcpy(out, &stats, sizeof(stats));
	return RVR_RNA_OK;
}

/* ---- Addresses and VLANs ------------------------------------------------------------------ */

static void
unicast_rebuild(struct rna_steer *steer)
{
	unsigned int i;

	memset(&steer->unicast, 0, sizeof(steer->unicast));
	for (i = 0; i < RNA_MACS_MAX; i++)
		if (steer->macs[i].mac != 0)
			rna_address_add(&steer->unicast, steer->macs[i].mac,
				steer->macs[i].pools);
}

static unsigned int
mac_set(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_steer *steer = port->steer;
	struct rvr_rna_mac set;
	unsigned int index;

	(void)out;
	memcpy(&set, in, sizeof(set));
	index = rvr_le16_cpu(set.index);
	if (index > RNA_MACS_MAX)
		return BAD_VALUE(detail, struct rvr_rna_mac, index);
	if ((set.mac[0] & 1) != 0)
		return BAD_VALUE(detail, struct rvr_rna_mac, mac);
	if (index == 0) {
		steer->own_pools = rvr_le64_cpu(set.pools);
		return RVR_RNA_OK;
	}
	steer->macs[index - 1].mac = rna_mac_number(set.mac);
	steer->macs[index - 1].pools = rvr_le64_cpu(set.pools);
	unicast_rebuild(steer);
	return RVR_RNA_OK;
}

static unsigned int
multicast_check(const struct rna_steer *steer, const struct rvr_rna_multicast *set,
	uint32_t *detail)
{
	unsigned int total = rvr_le16_cpu(set->total), first = rvr_le16_cpu(set->first);
	unsigned int i, count = rvr_le16_cpu(set->count);

	if (total > RNA_MULTICAST_MAX)
		return BAD_VALUE(detail, struct rvr_rna_multicast, total);
	if (first != 0 && first != steer->num_coming)
		return BAD_VALUE(detail, struct rvr_rna_multicast, first);
	if (count > RVR_RNA_MULTICAST_CHUNK || first + count > total || (count == 0 && total != 0))
		return BAD_VALUE(detail, struct rvr_rna_multicast, count);
	for (i = 0; i < count; i++)
		if ((set->mac[i][0] & 1) == 0)
			return BAD_VALUE(detail, struct rvr_rna_multicast, mac[i]);
	return RVR_RNA_OK;
}

static unsigned int
multicast_set(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_steer *steer = port->steer;
	struct rvr_rna_multicast set;
	unsigned int i, first, count, status;

	(void)out;
	memcpy(&set, in, sizeof(set));
	status = multicast_check(steer, &set, detail);
	if (status != RVR_RNA_OK)
		return status;
	first = rvr_le16_cpu(set.first);
	count = rvr_le16_cpu(set.count);
	for (i = 0; i < count; i++)
		steer->coming[first + i] = rna_mac_number(set.mac[i]);
	steer->num_coming = first + count;
	if (steer->num_coming < rvr_le16_cpu(set.total))
		return RVR_RNA_OK;
	memset(&steer->multicast, 0, sizeof(steer->multicast));
	for (i = 0; i < steer->num_coming; i++)
		rna_address_add(&steer->multicast, steer->coming[i], 0);
	steer->num_coming = 0;
	return RVR_RNA_OK;
}

static unsigned int
vlan_set(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rvr_rna_vlans set;
	unsigned int first;

	(void)out;
	memcpy(&set, in, sizeof(set));
	first = rvr_le16_cpu(set.first);
	if (rvr_le16_cpu(set.enable) > 1)
		return BAD_VALUE(detail, struct rvr_rna_vlans, enable);
	if (first >= RNA_VLANS || first % RVR_RNA_VLANS_CHUNK != 0)
		return BAD_VALUE(detail, struct rvr_rna_vlans, first);
	memcpy(port->steer->vlan_bits + first / 8, set.bits, sizeof(set.bits));
	port->steer->vlan_filter = rvr_le16_cpu(set.enable) != 0;
	rna_port_refresh(port);
	return RVR_RNA_OK;
}

/* ---- Pools -------------------------------------------------------------------------------- */

static unsigned int
vmdq_check(const struct rna_port *port, const struct rvr_rna_vmdq *set, uint32_t *detail)
{
	unsigned int pools = rvr_le16_cpu(set->pools), queues = rvr_le16_cpu(set->queues);
	unsigned int first = rvr_le16_cpu(set->first_queue);
	unsigned int preset = rvr_le16_cpu(set->default_pool);

	if (pools == 0)
		return RVR_RNA_OK;
	if (pools > RNA_POOLS_MAX)
		return BAD_VALUE(detail, struct rvr_rna_vmdq, pools);
	if (first >= port->rna->max_queues)
		return BAD_VALUE(detail, struct rvr_rna_vmdq, first_queue);
	if (queues == 0 || first + pools * queues > port->rna->max_queues)
		return BAD_VALUE(detail, struct rvr_rna_vmdq, queues);
	if (preset >= pools && preset != RVR_RNA_NO_POOL)
		return BAD_VALUE(detail, struct rvr_rna_vmdq, default_pool);
	if (rvr_le32_cpu(set->accept) & ~(RVR_RNA_POOL_UNTAGGED | RVR_RNA_POOL_BROADCAST |
		    RVR_RNA_POOL_MULTICAST | RVR_RNA_POOL_LOOPBACK))
		return BAD_VALUE(detail, struct rvr_rna_vmdq, accept);
	return RVR_RNA_OK;
}

static unsigned int
vmdq_set(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_vmdq *vmdq = &port->steer->vmdq;
	struct rvr_rna_vmdq set;
	unsigned int status;

	(void)out;
	memcpy(&set, in, sizeof(set));
	status = vmdq_check(port, &set, detail);
	if (status != RVR_RNA_OK)
		return status;
	memset(vmdq, 0, sizeof(*vmdq));
	vmdq->pools = rvr_le16_cpu(set.pools);
	vmdq->first_queue = rvr_le16_cpu(set.first_queue);
	vmdq->queues = rvr_le16_cpu(set.queues);
	vmdq->default_pool = rvr_le16_cpu(set.default_pool);
	vmdq->accept = rvr_le32_cpu(set.accept);
	rna_port_refresh(port);
	return RVR_RNA_OK;
}

static unsigned int
vmdq_vlan(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_vmdq *vmdq = &port->steer->vmdq;
	struct rvr_rna_vmdq_vlan set;

	(void)out;
	memcpy(&set, in, sizeof(set));
	if (vmdq->pools == 0)
		return RVR_RNA_BUSY;
	if (rvr_le16_cpu(set.vlan) >= RNA_VLANS)
		return BAD_VALUE(detail, struct rvr_rna_vmdq_vlan, vlan);
	vmdq->vlan_pools[rvr_le16_cpu(set.vlan)] = rvr_le64_cpu(set.pools);
	vmdq->vlans = true;
	return RVR_RNA_OK;
}

/* ---- Flow control ------------------------------------------------------------------------- */

static unsigned int
pause_set(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_steer *steer = port->steer;
	struct rvr_rna_pause set;

	(void)out;
	memcpy(&set, in, sizeof(set));
	if (rvr_le16_cpu(set.flags) &
		~(RVR_RNA_PAUSE_RX | RVR_RNA_PAUSE_TX | RVR_RNA_PAUSE_FORWARD))
		return BAD_VALUE(detail, struct rvr_rna_pause, flags);
	steer->pause = rvr_le16_cpu(set.flags);
	steer->pause_time = rvr_le16_cpu(set.time);
	if (!(steer->pause & RVR_RNA_PAUSE_RX))
		steer->tm.paused_until = 0;
	rna_tm_update(port);
	rna_port_refresh(port);
	return RVR_RNA_OK;
}

/* ---- Traffic management ------------------------------------------------------------------- */

/** Offset of what is refused of a shaper within it, or -1. */
static int
shaper_check(const struct rvr_rna_tm_shaper *shaper)
{
	uint64_t rate = rvr_le64_cpu(shaper->rate);
	uint32_t burst = rvr_le32_cpu(shaper->burst);

	if (rate == 0)
		return -1;
	if (rate < RNA_TM_RATE_MIN || rate > RNA_TM_RATE_MAX)
		return offsetof(struct rvr_rna_tm_shaper, rate);
	if (burst < RNA_TM_BURST_MIN || burst > RNA_TM_BURST_MAX)
		return offsetof(struct rvr_rna_tm_shaper, burst);
	if (rvr_le32_cpu(shaper->overhead) > UINT8_MAX)
		return offsetof(struct rvr_rna_tm_shaper, overhead);
	return -1;
}

static void
bucket_set(struct rna_bucket *bucket, const struct rvr_rna_tm_shaper *shaper)
{
	bucket->rate = (double)rvr_le64_cpu(shaper->rate) / 1e9;
	bucket->burst = rvr_le32_cpu(shaper->burst);
	bucket->overhead = rvr_le32_cpu(shaper->overhead);
	bucket->tokens = bucket->burst;
	bucket->when = amu_now_ns();
}

static unsigned int
tm_port(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rvr_rna_tm_shaper set;
	int refused;

	(void)out;
	memcpy(&set, in, sizeof(set));
	refused = shaper_check(&set);
	if (refused >= 0) {
		*detail = (uint32_t)offsetof(struct rvr_rna_control, payload) + (uint32_t)refused;
		return RVR_RNA_BAD_VALUE;
	}
	bucket_set(&port->steer->tm.bucket, &set);
	rna_tm_update(port);
	return RVR_RNA_OK;
}

static unsigned int
tm_queue(struct rna_port *port, const uint8_t *in, uint8_t *out, uint32_t *detail)
{
	struct rna_tm_queue *tq;
	struct rvr_rna_tm_queue set;
	unsigned int status;
	uint32_t weight;
	int refused;

	(void)out;
	memcpy(&set, in, sizeof(set));
	weight = rvr_le32_cpu(set.weight);
	if (rvr_le16_cpu(set.queue) >= port->rna->max_queues)
		return RVR_RNA_BAD_QUEUE;
	if (rvr_le16_cpu(set.prio) >= RNA_TM_PRIOS)
		return BAD_VALUE(detail, struct rvr_rna_tm_queue, prio);
	if (weight == 0 || weight > RNA_TM_WEIGHT_MAX)
		return BAD_VALUE(detail, struct rvr_rna_tm_queue, weight);
	refused = shaper_check(&set.shaper);
	if (refused >= 0) {
		status = BAD_VALUE(detail, struct rvr_rna_tm_queue, shaper);
		*detail += (uint32_t)refused;
		return status;
	}
	tq = &port->steer->tm.queue[rvr_le16_cpu(set.queue)];
	tq->prio = rvr_le16_cpu(set.prio);
	tq->weight = weight;
	bucket_set(&tq->bucket, &set.shaper);
	rna_tm_update(port);
	return RVR_RNA_OK;
}

/* ---- All ---------------------------------------------------------------------------------- */

static const steer_fn steer_fns[] = {
	[0] = steer_info,
	[RVR_RNA_CTL_MAC_SET - RVR_RNA_CTL_STEER_INFO] = mac_set,
	[RVR_RNA_CTL_MULTICAST_SET - RVR_RNA_CTL_STEER_INFO] = multicast_set,
	[RVR_RNA_CTL_VLAN_SET - RVR_RNA_CTL_STEER_INFO] = vlan_set,
	[RVR_RNA_CTL_VMDQ_SET - RVR_RNA_CTL_STEER_INFO] = vmdq_set,
	[RVR_RNA_CTL_VMDQ_VLAN - RVR_RNA_CTL_STEER_INFO] = vmdq_vlan,
	[RVR_RNA_CTL_PAUSE_SET - RVR_RNA_CTL_STEER_INFO] = pause_set,
	[RVR_RNA_CTL_TM_PORT - RVR_RNA_CTL_STEER_INFO] = tm_port,
	[RVR_RNA_CTL_TM_QUEUE - RVR_RNA_CTL_STEER_INFO] = tm_queue,
	[RVR_RNA_CTL_STEER_STATS - RVR_RNA_CTL_STEER_INFO] = steer_stats,
};

bool
rna_steer_knows(unsigned int opcode)
{
	return opcode >= RVR_RNA_CTL_STEER_INFO &&
	       opcode - RVR_RNA_CTL_STEER_INFO < sizeof(steer_fns) / sizeof(steer_fns[0]);
}

bool
rna_steer_changes(unsigned int opcode)
{
	return opcode != RVR_RNA_CTL_STEER_INFO && opcode != RVR_RNA_CTL_STEER_STATS;
}

unsigned int
rna_steer_control(struct rna_port *port, unsigned int opcode, const uint8_t *in, uint8_t *out,
	uint32_t *detail)
{
	return steer_fns[opcode - RVR_RNA_CTL_STEER_INFO](port, in, out, detail);
}
