/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A packet's way through the domains:
 *
 *   wire -> TRANSFER (origin wire) -> INGRESS -> filters, RSS, queue
 *   host -> EGRESS -> TRANSFER (origin host) -> wire
 */

#include "../rx.h"
#include "flow.h"

/** Groups of a domain from 0 on, which there is. */
static enum flow_verdict
domain_walk(struct flow_packet *packet, const struct flow_domain *domain)
{
	const struct flow_group *group = domain->root;
	unsigned int jumps;

	for (jumps = 0; group != NULL && jumps < FLOW_JUMPS_MAX; jumps++) {
		enum flow_verdict verdict;
		struct flow_rule *rule;
		uint32_t id;

		flow_key_refresh(packet);
		rule = flow_lookup(group, &packet->key);
		if (rule == NULL)
			return FLOW_NEXT;
		verdict = flow_execute(packet, rule, rule->actions, rule->actions_size, &id);
		if (verdict == FLOW_DONE)
			return FLOW_DONE;
		if (packet->len < RNA_FRAME_MIN && verdict != FLOW_DROPPED)
			return FLOW_FAILED;
		if (verdict != FLOW_JUMPED)
			return verdict;
		group = flow_group_find(domain, id);
	}
	return group == NULL ? FLOW_NEXT : FLOW_FAILED;
}

static inline enum flow_verdict
domain_run(struct flow_packet *packet, const struct flow_domain *domain)
{
	return domain->root == NULL ? FLOW_NEXT : domain_walk(packet, domain);
}

static inline void
count_lost(struct rna_port *port, enum flow_verdict verdict)
{
	port->stats.flow_dropped += verdict == FLOW_DROPPED;
	port->stats.flow_failed += verdict == FLOW_FAILED;
}

/* ---- To the host -------------------------------------------------------------------------- */

/* Rules may have made a packet longer than what the port takes, or too short, since it came. */

static void
packet_mark(const struct flow_packet *packet, struct rna_rx_mark *mark)
{
	mark->kind = packet->marked ? RNA_RX_MARKED : packet->flagged ? RNA_RX_FLAGGED :
						 RNA_RX_UNMARKED;
	mark->value = packet->mark;
}

void
flow_to_queue(struct flow_packet *packet, uint32_t queue, bool hashed, uint32_t hash)
{
	struct rna_rx_mark mark;

	if (!rna_rx_length(packet->port, packet->len))
		return;
	packet_mark(packet, &mark);
	rna_deliver_queue(packet->port, packet->data, packet->len, queue, hashed, hash,
		&mark);
}

static void
to_default(const struct flow_packet *packet, const struct rna_rx_mark *mark)
{
	if (rna_rx_length(packet->port, packet->len))
		rna_deliver_default(packet->port, packet->data, packet->len, mark);
}

static void
to_host(struct flow_packet *packet)
{
	struct rna_port *port = packet->port;
	enum flow_verdict verdict = domain_run(packet, &port->flow->domain[RVR_RNA_FLOW_INGRESS]);
	struct rna_rx_mark mark;

	if (verdict == FLOW_NEXT && port->flow->isolated)
		verdict = FLOW_DROPPED;
	if (verdict == FLOW_NEXT) {
		packet_mark(packet, &mark);
		to_default(packet, &mark);
	}
	count_lost(port, verdict);
}

/* ---- To a port ---------------------------------------------------------------------------- */

void
flow_to_port(struct flow_packet *packet, struct rna_port *port, uint32_t where)
{
	struct flow_packet on = *packet;

	if (where == RVR_RNA_FLOW_WIRE) {
		if (!rna_port_send(port, packet->data, packet->len))
			port->stats.tx_dropped++;
		return;
	}
	if (!rna_rx_length(port, packet->len))
		return;
	on.port = port;
	on.origin = RVR_RNA_FLOW_WIRE;
	on.stale = true;
	if (port->flow != NULL)
		to_host(&on);
	else
		to_default(&on, NULL);
}

/* ---- From wire and host ------------------------------------------------------------------- */

/** Begins with a packet; false: it has been through too many pipelines: a loop. */
static bool
flow_begin(struct flow_packet *packet, struct rna_port *port, const uint8_t *data, uint32_t len,
	uint8_t origin)
{
	struct rna_flow *flow = port->rna->flow;

	if (flow->depth == FLOW_DEPTH_MAX) {
		port->stats.flow_failed++;
		return false;
	}
	flow->depth++;
	packet->port = port;
	packet->data = data;
	packet->own = NULL;
	packet->len = len;
	packet->marked = false;
	packet->flagged = false;
	packet->mark = 0;
	packet->stale = true;
	packet->origin = origin;
	return true;
}

void
rna_flow_receive(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_flow *flow = port->rna->flow;
	unsigned int used = flow->scratch_used;
	enum flow_verdict verdict = FLOW_NEXT;
	struct flow_packet packet;

	if (!flow_begin(&packet, port, data, len, RVR_RNA_FLOW_WIRE))
		return;
	/* Between virtual port and representor the packet has been through it already. */
	if (rna_port_kind(port) == RVR_RNA_KIND_UPLINK)
		verdict = domain_run(&packet, &flow->transfer);
	if (verdict == FLOW_NEXT) {
		if (port->flow != NULL)
			to_host(&packet);
		else
			to_default(&packet, NULL);
	}
	count_lost(port, verdict);
	flow->scratch_used = used;
	flow->depth--;
}

bool
rna_flow_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_flow *flow = port->rna->flow;
	unsigned int used = flow->scratch_used;
	enum flow_verdict verdict = FLOW_NEXT;
	struct flow_packet packet;
	bool sent = true;

	if (!flow_begin(&packet, port, data, len, RVR_RNA_FLOW_HOST))
		return true;
	if (port->flow != NULL)
		verdict = domain_run(&packet, &port->flow->domain[RVR_RNA_FLOW_EGRESS]);
	if (verdict == FLOW_NEXT)
		verdict = domain_run(&packet, &flow->transfer);
	if (verdict == FLOW_NEXT)
		sent = rna_port_send(port, packet.data, packet.len);
	count_lost(port, verdict);
	flow->scratch_used = used;
	flow->depth--;
	return sent;
}

void
rna_flow_paths(const struct rna_port *port, bool *receive, bool *send)
{
	const struct flow_port *flow = port->flow;
	bool transfer = port->rna->flow != NULL && port->rna->flow->transfer.root != NULL;

	*receive = transfer && rna_port_kind(port) == RVR_RNA_KIND_UPLINK;
	*send = transfer;
	if (flow == NULL)
		return;
	*receive |= flow->domain[RVR_RNA_FLOW_INGRESS].root != NULL || flow->isolated;
	*send |= flow->domain[RVR_RNA_FLOW_EGRESS].root != NULL;
}
