/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow: the agent's rules that a flow consists of. Rules with the same mask share a matcher of
 * the agent, so it finds them in one step; a range takes as many rules as it has blocks that a mask
 * can describe.
 */

#include <errno.h>

#include <rte_cycles.h>

#include "revere_flow.h"

#define BURST_US 200 /* between changes of a burst */

/* ---- Matchers ----------------------------------------------------------------------------- */

static bool
matcher_is(const struct revere_flow_matcher *matcher, uint32_t domain,
	const struct rte_flow_attr *attr, const struct rvr_rna_flow_key *mask)
{
	return matcher->users > 0 && matcher->domain == domain && matcher->group == attr->group &&
	       matcher->priority == attr->priority &&
	       memcmp(&matcher->mask, mask, sizeof(*mask)) == 0;
}

static int
matcher_make(struct revere_net *net, uint32_t id, uint32_t domain,
	const struct rte_flow_attr *attr, const struct rvr_rna_flow_key *mask)
{
	struct revere_flow_matcher *matcher = &net->flow->matchers[id];
	struct rvr_rna_flow_matcher request = {
		.id = rvr_cpu_le32(id),
		.domain = rvr_cpu_le32(domain),
		.group = rvr_cpu_le32(attr->group),
		.priority = rvr_cpu_le32(attr->priority),
		.mask = *mask,
	};
	int ret;

	ret = revere_net_request_quiet(net, RVR_RNA_CTL_FLOW_MATCHER_ADD, &request,
		sizeof(request), NULL, 0);
	if (ret < 0)
		return ret;
	matcher->users = 1;
	matcher->domain = domain;
	matcher->group = attr->group;
	matcher->priority = attr->priority;
	matcher->mask = *mask;
	net->flow->matchers_end = RTE_MAX(net->flow->matchers_end, id + 1);
	return 0;
}

/** One more user of a matcher, which is made if it isn't there. */
static int
matcher_get(struct revere_net *net, uint32_t domain, const struct rte_flow_attr *attr,
	const struct rvr_rna_flow_key *mask, uint32_t *id)
{
	struct revere_flow_state *state = net->flow;
	uint32_t i, unused = state->matchers_end;

	*id = state->matcher_last;
	if (matcher_is(&state->matchers[*id], domain, attr, mask)) {
		state->matchers[*id].users++;
		return 0;
	}
	for (i = 0; i < state->matchers_end; i++) {
		if (matcher_is(&state->matchers[i], domain, attr, mask)) {
			state->matchers[i].users++;
			state->matcher_last = *id = i;
			return 0;
		}
		if (state->matchers[i].users == 0)
			unused = i;
	}
	if (unused == state->info.matchers)
		return -ENOSPC;
	state->matcher_last = *id = unused;
	return matcher_make(net, unused, domain, attr, mask);
}

static void
matcher_put(struct revere_net *net, uint32_t id)
{
	struct rvr_rna_flow_id request = { .id = rvr_cpu_le32(id) };

	if (--net->flow->matchers[id].users == 0)
		revere_net_request(net, RVR_RNA_CTL_FLOW_MATCHER_DEL, &request, sizeof(request),
			NULL, 0);
}

/* ---- Bursts ------------------------------------------------------------------------------- */

/*
 * Who makes one flow waits until the agent has it. In a burst of them nobody waits: the driver has
 * checked all that the agent may refuse, but for a rule with the same values. Rules with the same
 * print may be such, and are waited for.
 */

static uint64_t
print_make(const struct revere_flow_state *state, uint32_t matcher,
	const struct rvr_rna_flow_key *mask, const struct rvr_rna_flow_key *value)
{
	uint64_t masks[RVR_RNA_FLOW_WORDS], values[RVR_RNA_FLOW_WORDS], print;
	uint32_t i;

	memcpy(masks, mask, sizeof(masks));
	memcpy(values, value, sizeof(values));
	print = state->seed ^ matcher;
	for (i = 0; i < RVR_RNA_FLOW_WORDS; i++) {
		print = (print ^ (masks[i] & values[i])) * UINT64_C(0x9e3779b97f4a7c15);
		print ^= print >> 32;
	}
	return print;
}

static bool
print_known(const struct revere_flow_state *state, uint64_t print)
{
	uint32_t at = state->print_bucket[print % REVERE_FLOW_PRINT_BUCKETS];

	while (at != 0 && state->prints[at - 1].value != print)
		at = state->prints[at - 1].next;
	return at != 0;
}

static void
print_add(struct revere_flow_state *state, uint32_t rule, uint64_t print)
{
	uint32_t *bucket = &state->print_bucket[print % REVERE_FLOW_PRINT_BUCKETS];

	state->prints[rule] = (struct revere_flow_print){ print, *bucket, true };
	*bucket = rule + 1;
}

static void
print_remove(struct revere_flow_state *state, uint32_t rule)
{
	struct revere_flow_print *print = &state->prints[rule];
	uint32_t *at = &state->print_bucket[print->value % REVERE_FLOW_PRINT_BUCKETS];

	while (print->used && *at != rule + 1)
		at = &state->prints[*at - 1].next;
	if (print->used)
		*at = print->next;
	print->used = false;
}

void
revere_flow_change_begin(struct revere_flow_state *state, bool quick)
{
	state->burst = quick || rte_get_timer_cycles() - state->last_change <
		rte_get_timer_hz() * BURST_US / US_PER_S;
	state->posted = (struct revere_flow_posted){ 0, 0 };
}

void
revere_flow_change_end(struct revere_flow_state *state)
{
	state->last_change = rte_get_timer_cycles();
}

/* ---- Rules of the agent ------------------------------------------------------------------- */

static int
rules_post(struct revere_net *net, const void *request, size_t size)
{
	struct revere_flow_posted *posted = &net->flow->posted;
	uint64_t number;
	int ret = revere_net_post(net, RVR_RNA_CTL_FLOW_RULES, request, size, &number);

	if (ret < 0)
		return ret;
	if (posted->end == 0)
		posted->first = number;
	posted->end = number + 1;
	return 0;
}

/** done: NULL if nobody waits for what becomes of it */
static int
rules_send(struct revere_net *net, const void *ops, uint32_t size, struct rvr_rna_flow_done *done)
{
	struct {
		struct rvr_rna_flow_rules head;
		uint8_t ops[REVERE_NET_MESSAGE_MAX];
	} request = {
		.head.count = rvr_cpu_le16(1),
		.head.size = rvr_cpu_le16((uint16_t)size),
	};

	memcpy(request.ops, ops, size);
	if (done == NULL)
		return rules_post(net, &request, sizeof(request.head) + size);
	return revere_net_request_quiet(net, RVR_RNA_CTL_FLOW_RULES, &request,
		sizeof(request.head) + size, done, sizeof(*done));
}

/** Appends those words of the value that the mask names. */
static uint32_t
words_put(uint8_t *to, const struct rvr_rna_flow_key *mask, const struct rvr_rna_flow_key *value)
{
	uint64_t masks[RVR_RNA_FLOW_WORDS], values[RVR_RNA_FLOW_WORDS];
	uint32_t i, size = 0;

	memcpy(masks, mask, sizeof(masks));
	memcpy(values, value, sizeof(values));
	for (i = 0; i < RVR_RNA_FLOW_WORDS; i++) {
		if (masks[i] == 0)
			continue;
		memcpy(to + size, &values[i], sizeof(values[i]));
		size += sizeof(values[i]);
	}
	return size;
}

static int
rule_add(struct revere_net *net, uint32_t rule, uint32_t matcher,
	const struct rvr_rna_flow_key *mask, const struct rvr_rna_flow_key *value,
	const struct revere_flow_actions *actions, struct rvr_rna_flow_done *done)
{
	struct {
		struct rvr_rna_flow_op op;
		uint8_t body[sizeof(struct rvr_rna_flow_key) + REVERE_FLOW_ACTIONS_SIZE];
	} add;
	uint32_t size = words_put(add.body, mask, value);

	memcpy(add.body + size, actions->list, actions->size);
	size += (uint32_t)sizeof(add.op) + actions->size;
	add.op = (struct rvr_rna_flow_op){
		.op = rvr_cpu_le16(RVR_RNA_FLOW_ADD),
		.size = rvr_cpu_le16((uint16_t)size),
		.rule = rvr_cpu_le32(rule),
		.matcher = rvr_cpu_le32(matcher),
	};
	return rules_send(net, &add, size, done);
}

static int
rule_del(struct revere_net *net, uint32_t rule)
{
	const struct rvr_rna_flow_op del = {
		.op = rvr_cpu_le16(RVR_RNA_FLOW_DEL),
		.size = rvr_cpu_le16(sizeof(del)),
		.rule = rvr_cpu_le32(rule),
	};
	struct rvr_rna_flow_done done = { 0 };

	print_remove(net->flow, rule);
	return rules_send(net, &del, sizeof(del), net->flow->burst ? NULL : &done);
}

/** What the agent refused, as the application knows it. */
static int
refused(const struct revere_flow_actions *actions, const struct rvr_rna_flow_done *done, int ret,
	struct rte_flow_error *error)
{
	uint32_t index = rvr_le32_cpu(done->action);
	const struct rte_flow_action *action = index < actions->count ? actions->origin[index] :
									NULL;

	switch (rvr_le16_cpu(done->cause)) {
	case RVR_RNA_FLOW_EXISTS:
		return rte_flow_error_set(error, EEXIST, RTE_FLOW_ERROR_TYPE_ITEM, NULL,
			"there is a flow with this pattern and priority");
	case RVR_RNA_FLOW_NO_ROOM:
		return rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_HANDLE, NULL,
			"the adapter has no room left");
	case RVR_RNA_FLOW_BAD_ACTION:
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"the adapter can't do this action here");
	case RVR_RNA_FLOW_BAD_ARGUMENT:
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, action,
			"the adapter refuses a value of this action");
	default:
		return rte_flow_error_set(error, ret == 0 ? EIO : -ret,
			RTE_FLOW_ERROR_TYPE_HANDLE, NULL, "the adapter refuses the rule");
	}
}

/* ---- Ranges ------------------------------------------------------------------------------- */

/** Largest block of values from `first` on that one mask describes. @return its size */
static uint64_t
range_block(const struct revere_flow_range *range, uint64_t first)
{
	uint64_t size = 1, left = (uint64_t)range->last - first + 1;

	while ((first & (size * 2 - 1)) == 0 && size * 2 <= left &&
		size * 2 <= UINT64_C(1) << range->size * 8)
		size *= 2;
	return size;
}

static unsigned int
range_blocks(const struct revere_flow_range *range)
{
	uint64_t at = range->first;
	unsigned int count = 0;

	for (; at <= range->last; count++)
		at += range_block(range, at);
	return count;
}

static void
put_number(uint8_t *to, unsigned int size, uint64_t value)
{
	for (; size > 0; size--, value >>= 8)
		to[size - 1] = (uint8_t)value;
}

/** Mask and value of block `n` of a range. */
static void
range_set(const struct revere_flow_range *range, unsigned int n, struct rvr_rna_flow_key *mask,
	struct rvr_rna_flow_key *value)
{
	uint64_t at = range->first, size = range_block(range, at);

	for (; n > 0; n--) {
		at += size;
		size = range_block(range, at);
	}
	put_number((uint8_t *)mask + range->offset, range->size, ~(size - 1));
	put_number((uint8_t *)value + range->offset, range->size, at);
}

uint32_t
revere_flow_pattern_rules(const struct revere_flow_pattern *pattern)
{
	uint32_t count = 1;
	unsigned int i;

	for (i = 0; i < pattern->ranges && count <= REVERE_FLOW_RULES_MAX; i++)
		count *= range_blocks(&pattern->range[i]);
	return count;
}

/** The nth combination of blocks of all ranges. */
static void
pattern_rule(const struct revere_flow_pattern *pattern, uint32_t n, struct rvr_rna_flow_key *mask,
	struct rvr_rna_flow_key *value)
{
	unsigned int i;

	*mask = pattern->mask;
	*value = pattern->value;
	for (i = 0; i < pattern->ranges; i++) {
		unsigned int blocks = range_blocks(&pattern->range[i]);

		range_set(&pattern->range[i], n % blocks, mask, value);
		n /= blocks;
	}
}

/* ---- Rules of a flow ---------------------------------------------------------------------- */

void
revere_flow_rules_del(struct revere_net *net, struct rte_flow *flow)
{
	struct revere_flow_state *state = net->flow;

	for (; flow->count > 0; flow->count--) {
		uint32_t rule = flow->rules[flow->count - 1].rule;

		rule_del(net, rule);
		state->flows[rule] = NULL;
		revere_flow_id_put(&state->rule_ids, rule);
		matcher_put(net, flow->rules[flow->count - 1].matcher);
	}
}

/** The next rule of a flow that is being made. */
static int
rule_make(struct revere_net *net, struct rte_flow *flow,
	const struct revere_flow_translated *translated, struct rte_flow_error *error)
{
	struct revere_flow_state *state = net->flow;
	struct rvr_rna_flow_done done = { 0 };
	struct rvr_rna_flow_key mask, value;
	uint32_t rule, matcher;
	uint64_t print;
	int ret;

	pattern_rule(&translated->pattern, flow->count, &mask, &value);
	if (!revere_flow_id_get(&state->rule_ids, &rule))
		return rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_HANDLE, NULL,
			"the port has as many rules as it can");
	ret = matcher_get(net, translated->domain, translated->attr, &mask, &matcher);
	if (ret < 0) {
		revere_flow_id_put(&state->rule_ids, rule);
		return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_ITEM_MASK, NULL,
			"the port has as many kinds of masks as it can");
	}
	print = print_make(state, matcher, &mask, &value);
	ret = rule_add(net, rule, matcher, &mask, &value, &translated->actions,
		state->burst && !print_known(state, print) ? NULL : &done);
	if (ret < 0) {
		matcher_put(net, matcher);
		revere_flow_id_put(&state->rule_ids, rule);
		return refused(&translated->actions, &done, ret, error);
	}
	print_add(state, rule, print);
	flow->rules[flow->count].rule = rule;
	flow->rules[flow->count++].matcher = matcher;
	state->flows[rule] = flow;
	return 0;
}

int
revere_flow_rules_add(struct revere_net *net, struct rte_flow *flow,
	const struct revere_flow_translated *translated, struct rte_flow_error *error)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < translated->rules && ret == 0; i++)
		ret = rule_make(net, flow, translated, error);
	if (ret < 0)
		revere_flow_rules_del(net, flow);
	return ret;
}
