/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Control messages about rules. The payload is a copy: the sender can't change it meanwhile.
 */

#include "flow.h"

/** A request that is being executed. */
struct request {
	struct rna_port *port;
	struct flow_port *flow;
	const uint8_t *in;
	uint32_t size;
	uint8_t *out;
	uint32_t *detail;
	bool pf;
};

#define BAD_VALUE(request, type, field)                                                        \
	(*(request)->detail = offsetof(struct rvr_rna_control, payload) + offsetof(type, field), \
		RVR_RNA_BAD_VALUE)

static uint32_t
request_id(const struct request *request)
{
	struct rvr_rna_flow_id id;

	memcpy(&id, request->in, sizeof(id));
	return rvr_le32_cpu(id.id);
}

/** Ports whose rules came or went don't look into packets any more, or begin to. */
static void
refresh(const struct request *request)
{
	struct rna *rna = request->port->rna;
	unsigned int i;

	for (i = 0; i < rna->num_ports; i++)
		if (rna->port[i] != NULL)
			rna_port_refresh(rna->port[i]);
}

static unsigned int
flow_info(struct request *request)
{
	const struct rvr_rna_flow_info info = {
		.matchers = rvr_cpu_le32(FLOW_MATCHERS_MAX),
		.rules = rvr_cpu_le32(FLOW_RULES_MAX),
		.counters = rvr_cpu_le32(FLOW_COUNTERS_MAX),
		.meters = rvr_cpu_le32(FLOW_METERS_MAX),
		.groups = rvr_cpu_le32(FLOW_GROUPS_MAX),
		.actions_size = rvr_cpu_le32(FLOW_ACTIONS_SIZE),
		.transfer = rvr_cpu_le32(request->pf),
		.port = rvr_cpu_le32(request->port->id),
	};

	memcpy(request->out, &info, sizeof(info));
	return RVR_RNA_OK;
}

/* ---- Matchers ----------------------------------------------------------------------------- */

static unsigned int
flow_matcher_make(struct request *request)
{
	struct flow_port *flow = request->flow;
	struct rvr_rna_flow_matcher in;
	struct flow_domain *domain;
	uint32_t id, kind, group;

	memcpy(&in, request->in, sizeof(in));
	id = rvr_le32_cpu(in.id);
	kind = rvr_le32_cpu(in.domain);
	group = rvr_le32_cpu(in.group);
	if (id >= FLOW_MATCHERS_MAX || flow->matchers[id] != NULL)
		return BAD_VALUE(request, struct rvr_rna_flow_matcher, id);
	if (kind > RVR_RNA_FLOW_TRANSFER || (kind == RVR_RNA_FLOW_TRANSFER && !request->pf))
		return BAD_VALUE(request, struct rvr_rna_flow_matcher, domain);
	if (group >= FLOW_GROUPS_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_matcher, group);
	domain = kind == RVR_RNA_FLOW_TRANSFER ? &request->port->rna->flow->transfer :
						 &flow->domain[kind];
	flow->matchers[id] = flow_matcher_new(domain, group, rvr_le32_cpu(in.priority), &in.mask);
	if (flow->matchers[id] == NULL)
		return RVR_RNA_NO_MEMORY;
	refresh(request);
	return RVR_RNA_OK;
}

static unsigned int
flow_matcher_drop(struct request *request)
{
	uint32_t id = request_id(request);

	if (id >= FLOW_MATCHERS_MAX || request->flow->matchers[id] == NULL)
		return BAD_VALUE(request, struct rvr_rna_flow_id, id);
	if (request->flow->matchers[id]->rules > 0)
		return RVR_RNA_BUSY;
	flow_matcher_delete(request->flow->matchers[id]);
	request->flow->matchers[id] = NULL;
	refresh(request);
	return RVR_RNA_OK;
}

/* ---- Rules -------------------------------------------------------------------------------- */

/** One operation of which `left` bytes are there; *size: how long it is. */
static unsigned int
rule_op(struct flow_port *flow, const uint8_t *at, uint32_t left, uint32_t *size, uint32_t *action)
{
	struct rvr_rna_flow_op op;
	uint32_t rule, kind;

	if (left < sizeof(op))
		return RVR_RNA_FLOW_BAD_OP;
	memcpy(&op, at, sizeof(op));
	*size = rvr_le16_cpu(op.size);
	kind = rvr_le16_cpu(op.op);
	rule = rvr_le32_cpu(op.rule);
	if (*size < sizeof(op) || *size > left || *size % 8 != 0)
		return RVR_RNA_FLOW_BAD_OP;
	if (kind == RVR_RNA_FLOW_DEL)
		return flow_rule_del(flow, rule);
	if (kind != RVR_RNA_FLOW_ADD)
		return RVR_RNA_FLOW_BAD_OP;
	return flow_rule_add(flow, rule, rvr_le32_cpu(op.matcher), at + sizeof(op),
		*size - (uint32_t)sizeof(op), action);
}

static unsigned int
flow_rules(struct request *request)
{
	unsigned int cause = RVR_RNA_FLOW_FINE;
	struct rvr_rna_flow_done answer;
	struct rvr_rna_flow_rules head;
	uint32_t i, at = sizeof(head), size = 0, action = 0, count, end;

	memcpy(&head, request->in, sizeof(head));
	count = rvr_le16_cpu(head.count);
	end = at + rvr_le16_cpu(head.size);
	if (end > request->size)
		return BAD_VALUE(request, struct rvr_rna_flow_rules, size);
	for (i = 0; i < count; i++) {
		cause = rule_op(request->flow, request->in + at, end - at, &size, &action);
		if (cause != RVR_RNA_FLOW_FINE)
			break;
		at += size;
	}
	answer.done = rvr_cpu_le16(i);
	answer.cause = rvr_cpu_le16(cause);
	answer.action = rvr_cpu_le32(action);
	memcpy(request->out, &answer, sizeof(answer));
	if (cause == RVR_RNA_FLOW_NO_ROOM)
		return RVR_RNA_NO_MEMORY;
	*request->detail = (uint32_t)offsetof(struct rvr_rna_control, payload) + at;
	return cause == RVR_RNA_FLOW_FINE ? RVR_RNA_OK : RVR_RNA_BAD_VALUE;
}

static unsigned int
flow_flush(struct request *request)
{
	flow_port_flush(request->flow);
	refresh(request);
	return RVR_RNA_OK;
}

static unsigned int
flow_isolate(struct request *request)
{
	uint32_t on = request_id(request);

	if (on > 1)
		return BAD_VALUE(request, struct rvr_rna_flow_id, id);
	request->flow->isolated = on;
	refresh(request);
	return RVR_RNA_OK;
}

/* ---- Counters and age --------------------------------------------------------------------- */

static uint32_t
idle_seconds(const struct flow_rule *rule)
{
	return (uint32_t)((flow_now() - rule->last_hit) / UINT64_C(1000000000));
}

static unsigned int
query_age(struct request *request, uint32_t id)
{
	struct rvr_rna_flow_counts counts = { 0 };
	const struct flow_rule *rule;

	if (id >= FLOW_RULES_MAX || request->flow->rules[id] == NULL ||
	    request->flow->rules[id]->age == 0)
		return BAD_VALUE(request, struct rvr_rna_flow_query, id);
	rule = request->flow->rules[id];
	counts.idle = rvr_cpu_le32(idle_seconds(rule));
	counts.aged = rvr_cpu_le32(idle_seconds(rule) >= rule->age);
	memcpy(request->out, &counts, sizeof(counts));
	return RVR_RNA_OK;
}

static unsigned int
flow_query(struct request *request)
{
	struct rvr_rna_flow_counts counts = { 0 };
	struct rvr_rna_flow_query query;
	struct flow_counter *counter;
	uint32_t id, flags;

	memcpy(&query, request->in, sizeof(query));
	id = rvr_le32_cpu(query.id);
	flags = rvr_le32_cpu(query.flags);
	if (flags & ~(RVR_RNA_FLOW_QUERY_RESET | RVR_RNA_FLOW_QUERY_AGE))
		return BAD_VALUE(request, struct rvr_rna_flow_query, flags);
	if (flags & RVR_RNA_FLOW_QUERY_AGE)
		return query_age(request, id);
	if (id >= FLOW_COUNTERS_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_query, id);
	counter = &request->flow->counters[id];
	counts.packets = rvr_cpu_le64(counter->packets);
	counts.bytes = rvr_cpu_le64(counter->bytes);
	memcpy(request->out, &counts, sizeof(counts));
	if (flags & RVR_RNA_FLOW_QUERY_RESET) {
		counter->packets = 0;
		counter->bytes = 0;
	}
	return RVR_RNA_OK;
}

#define AGED_LOOKS_MAX 4096 /* rules that one request looks at: packets wait meanwhile */

static unsigned int
flow_aged(struct request *request)
{
	struct rvr_rna_flow_aged aged = { 0 };
	struct flow_port *flow = request->flow;
	uint32_t id = request_id(request), count = 0, end;

	if (id > FLOW_RULES_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_id, id);
	end = id + AGED_LOOKS_MAX < flow->rules_end ? id + AGED_LOOKS_MAX : flow->rules_end;
	for (; id < end && count < sizeof(aged.rule) / sizeof(aged.rule[0]); id++) {
		struct flow_rule *rule = flow->rules[id];

		if (rule == NULL || rule->age == 0 || rule->aged_told ||
		    idle_seconds(rule) < rule->age)
			continue;
		rule->aged_told = true;
		aged.rule[count++] = rvr_cpu_le32(id);
	}
	aged.count = rvr_cpu_le32(count);
	aged.next = rvr_cpu_le32(id < flow->rules_end ? id : 0);
	memcpy(request->out, &aged, sizeof(aged));
	return RVR_RNA_OK;
}

/* ---- Meters ------------------------------------------------------------------------------- */

#define METER_BURST_MAX (UINT64_C(1) << 40)

static unsigned int
meter_delete(struct request *request, struct flow_meter *meter)
{
	if (!meter->present)
		return BAD_VALUE(request, struct rvr_rna_flow_meter, id);
	if (meter->users > 0)
		return RVR_RNA_BUSY;
	memset(meter, 0, sizeof(*meter));
	return RVR_RNA_OK;
}

static void
meter_counts_reset(struct flow_meter *meter)
{
	memset(meter->color, 0, sizeof(meter->color));
	memset(&meter->dropped, 0, sizeof(meter->dropped));
}

/** Counts and tokens of a meter that stays; tokens of another unit aren't any. */
static void
meter_change(struct flow_meter *meter, const struct rvr_rna_flow_meter *in, uint32_t flags)
{
	const bool keep = meter->present && (flags & RVR_RNA_FLOW_METER_KEEP) != 0;
	const bool same = ((meter->flags ^ flags) & RVR_RNA_FLOW_METER_PACKETS) == 0;

	if (keep)
		flow_meter_fill(meter);
	else
		meter_counts_reset(meter);
	meter->present = true;
	meter->flags = flags;
	meter->cir = rvr_le64_cpu(in->cir);
	meter->cbs = rvr_le64_cpu(in->cbs);
	meter->pir = rvr_le64_cpu(in->pir);
	meter->ebs = rvr_le64_cpu(in->ebs);
	if (keep && same)
		flow_meter_fill(meter);
	else
		flow_meter_full(meter);
}

static unsigned int
flow_meter_set(struct request *request)
{
	struct rvr_rna_flow_meter in;
	struct flow_meter *meter;
	uint32_t id, flags;

	memcpy(&in, request->in, sizeof(in));
	id = rvr_le32_cpu(in.id);
	flags = rvr_le32_cpu(in.flags);
	if (id >= FLOW_METERS_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_meter, id);
	if (flags >= RVR_RNA_FLOW_METER_KEEP * 2)
		return BAD_VALUE(request, struct rvr_rna_flow_meter, flags);
	if (rvr_le64_cpu(in.cbs) > METER_BURST_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_meter, cbs);
	if (rvr_le64_cpu(in.ebs) > METER_BURST_MAX)
		return BAD_VALUE(request, struct rvr_rna_flow_meter, ebs);
	meter = &request->flow->meters[id];
	if ((in.cir | in.cbs | in.pir | in.ebs | in.flags) == 0)
		return meter_delete(request, meter);
	meter_change(meter, &in, flags);
	return RVR_RNA_OK;
}

static unsigned int
flow_meter_get(struct request *request)
{
	struct rvr_rna_flow_colors colors = { 0 };
	struct rvr_rna_flow_query query;
	struct flow_meter *meter;
	uint32_t id, flags, i;

	memcpy(&query, request->in, sizeof(query));
	id = rvr_le32_cpu(query.id);
	flags = rvr_le32_cpu(query.flags);
	if (id >= FLOW_METERS_MAX || !request->flow->meters[id].present)
		return BAD_VALUE(request, struct rvr_rna_flow_query, id);
	if (flags & ~RVR_RNA_FLOW_QUERY_RESET)
		return BAD_VALUE(request, struct rvr_rna_flow_query, flags);
	meter = &request->flow->meters[id];
	for (i = 0; i < 3; i++) {
		colors.packets[i] = rvr_cpu_le64(meter->color[i].packets);
		colors.bytes[i] = rvr_cpu_le64(meter->color[i].bytes);
	}
	colors.dropped_packets = rvr_cpu_le64(meter->dropped.packets);
	colors.dropped_bytes = rvr_cpu_le64(meter->dropped.bytes);
	memcpy(request->out, &colors, sizeof(colors));
	if (flags & RVR_RNA_FLOW_QUERY_RESET)
		meter_counts_reset(meter);
	return RVR_RNA_OK;
}

/* ---- Requests ----------------------------------------------------------------------------- */

#define FIRST RVR_RNA_CTL_FLOW_FIRST

static const struct {
	unsigned int (*execute)(struct request *request);
	bool changes;
} controls[] = {
	[0] = { flow_info, false }, /* FIRST */
	[RVR_RNA_CTL_FLOW_MATCHER_ADD - FIRST] = { flow_matcher_make, true },
	[RVR_RNA_CTL_FLOW_MATCHER_DEL - FIRST] = { flow_matcher_drop, true },
	[RVR_RNA_CTL_FLOW_RULES - FIRST] = { flow_rules, true },
	[RVR_RNA_CTL_FLOW_QUERY - FIRST] = { flow_query, true },
	[RVR_RNA_CTL_FLOW_AGED - FIRST] = { flow_aged, true },
	[RVR_RNA_CTL_FLOW_METER_SET - FIRST] = { flow_meter_set, true },
	[RVR_RNA_CTL_FLOW_METER_GET - FIRST] = { flow_meter_get, true },
	[RVR_RNA_CTL_FLOW_FLUSH - FIRST] = { flow_flush, true },
	[RVR_RNA_CTL_FLOW_ISOLATE - FIRST] = { flow_isolate, true },
};

bool
rna_flow_knows(unsigned int opcode)
{
	return opcode >= FIRST && opcode - FIRST < sizeof(controls) / sizeof(controls[0]);
}

bool
rna_flow_changes(unsigned int opcode)
{
	return controls[opcode - FIRST].changes;
}

unsigned int
rna_flow_control(struct rna_port *port, unsigned int opcode, bool pf, const uint8_t *in,
	uint32_t size, uint8_t *out, uint32_t *detail)
{
	struct request request = {
		.port = port,
		.flow = flow_port_get(port),
		.in = in,
		.size = size,
		.out = out,
		.detail = detail,
		.pf = pf,
	};

	if (request.flow == NULL)
		return RVR_RNA_NO_MEMORY;
	return controls[opcode - FIRST].execute(&request);
}
