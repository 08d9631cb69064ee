/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Executes a rule's list of actions, which rule.c has checked.
 */

#include "flow.h"

bool
flow_own(struct flow_packet *packet)
{
	struct rna_flow *flow;

	if (packet->own != NULL)
		return true;
	flow = packet->port->rna->flow;
	if (flow->scratch_used == FLOW_DEPTH_MAX * 2)
		return false;
	packet->room = flow->scratch + (size_t)flow->scratch_used++ * FLOW_SCRATCH_SIZE;
	packet->own = packet->room + FLOW_HEADROOM;
	memcpy(packet->own, packet->data, packet->len);
	packet->data = packet->own;
	return true;
}

/* ---- Where packets go --------------------------------------------------------------------- */

static void
to_rss(struct flow_packet *packet, const struct flow_rss *rss)
{
	struct rna_rss *how = rss->key_size != 0 ? &rss->hash->rss : packet->port->rss;
	uint32_t types = how->types, hash = 0;
	bool hashed;

	flow_key_refresh(packet);
	how->types = rss->types;
	hashed = rna_rss_hash(how, packet->data, &packet->parsed, &hash);
	how->types = types;
	flow_to_queue(packet, flow_rss_queues(rss)[hash % rss->count], hashed, hash);
}

static void
to_port(struct flow_packet *packet, uint32_t arg)
{
	struct rna_port *port = packet->port->rna->port[arg & (RNA_PORTS_MAX - 1)];

	if (port == NULL || packet->len < RNA_FRAME_MIN)
		packet->port->stats.tx_dropped++; /* it went meanwhile */
	else
		flow_to_port(packet, port, arg >> 16);
}

/* ---- What else is done -------------------------------------------------------------------- */

/** A copy of one packet of so many undergoes actions of its own. */
static void
sample(struct flow_packet *packet, struct flow_rule *rule, uint32_t ratio, const uint8_t *actions,
	uint32_t size)
{
	struct rna_flow *flow = packet->port->rna->flow;
	unsigned int used = flow->scratch_used;
	struct flow_packet copy = *packet;
	uint32_t group;

	if (++rule->sample_count < ratio)
		return;
	rule->sample_count = 0;
	copy.own = NULL;
	if (flow_execute(&copy, rule, actions, size, &group) == FLOW_FAILED)
		packet->port->stats.flow_failed++;
	flow->scratch_used = used;
}

static void
count(struct flow_packet *packet, const struct flow_rule *rule, uint32_t id)
{
	struct flow_counter *counter = &rule->owner->counters[id];

	counter->packets++;
	counter->bytes += packet->len;
}

static void
mark(struct flow_packet *packet, bool flag, uint32_t value)
{
	packet->flagged = true;
	if (flag)
		return;
	packet->marked = true;
	packet->mark = value;
	packet->key.marked = 1;
	packet->key.mark = rvr_cpu_le32(value);
}

/** One that says where the packet goes, or nothing of the kind: FLOW_NEXT. */
static enum flow_verdict
execute_last(struct flow_packet *packet, const struct rvr_rna_flow_action *action, uint32_t *group)
{
	const uint8_t *data = (const uint8_t *)(action + 1);

	switch (action->type) {
	case RVR_RNA_FLOW_DROP:
		return FLOW_DROPPED;
	case RVR_RNA_FLOW_QUEUE:
		flow_to_queue(packet, action->arg, false, 0);
		return FLOW_DONE;
	case RVR_RNA_FLOW_RSS:
		to_rss(packet, (const void *)data);
		return FLOW_DONE;
	case RVR_RNA_FLOW_PORT:
		to_port(packet, action->arg);
		return FLOW_DONE;
	case RVR_RNA_FLOW_JUMP:
		*group = action->arg;
		return FLOW_JUMPED;
	default:
		return FLOW_NEXT;
	}
}

/** One of the others; false: the packet is dropped, by a meter or as it can't be done. */
static bool
execute_one(struct flow_packet *packet, struct flow_rule *rule,
	const struct rvr_rna_flow_action *action)
{
	const uint8_t *data = (const uint8_t *)(action + 1);

	switch (action->type) {
	case RVR_RNA_FLOW_MARK:
	case RVR_RNA_FLOW_FLAG:
		mark(packet, action->type == RVR_RNA_FLOW_FLAG, action->arg);
		return true;
	case RVR_RNA_FLOW_COUNT:
	case RVR_RNA_FLOW_COUNT_ON:
		count(packet, rule, action->arg);
		return true;
	case RVR_RNA_FLOW_AGE:
		rule->last_hit = flow_now();
		rule->aged_told = false;
		return true;
	case RVR_RNA_FLOW_METER:
		return flow_meter_pass(&rule->owner->meters[action->arg], packet->len);
	case RVR_RNA_FLOW_SAMPLE:
		sample(packet, rule, action->arg, data, action->size - sizeof(*action));
		return true;
	default:
		return flow_edit(packet, action->type, action->arg, data);
	}
}

enum flow_verdict
flow_execute(struct flow_packet *packet, struct flow_rule *rule, const uint8_t *actions,
	uint32_t size, uint32_t *group)
{
	uint32_t at = 0;

	while (at < size) {
		const struct rvr_rna_flow_action *action = (const void *)(actions + at);
		enum flow_verdict verdict = execute_last(packet, action, group);

		if (verdict != FLOW_NEXT)
			return verdict;
		if (action->type > RVR_RNA_FLOW_PORT && !execute_one(packet, rule, action))
			return action->type == RVR_RNA_FLOW_METER ? FLOW_DROPPED : FLOW_FAILED;
		at += action->size;
	}
	return FLOW_NEXT;
}
