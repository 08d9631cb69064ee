/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow: life of flows. Flows with the same mask share a matcher of the agent; the driver picks
 * the numbers of matchers, rules and counters, so that a flow is made by one message.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_random.h>

#include "revere_flow.h"

#define AGE_LOOK_US 1000000
#define PRINT_BUCKETS (1u << 17)
#define BURST_US 200 /* between changes of a burst */

/* ---- Numbers ------------------------------------------------------------------------------ */

bool
revere_flow_id_get(struct revere_flow_ids *ids, uint32_t *id)
{
	if (ids->free_count > 0) {
		*id = ids->free[--ids->free_count];
		return true;
	}
	if (ids->next == ids->max)
		return false;
	*id = ids->next++;
	return true;
}

void
revere_flow_id_put(struct revere_flow_ids *ids, uint32_t id)
{
	ids->free[ids->free_count++] = id;
}

static bool
ids_init(struct revere_flow_ids *ids, uint32_t max)
{
	ids->max = max;
	ids->free = calloc(max, sizeof(ids->free[0]));
	return ids->free != NULL;
}

/* ---- State -------------------------------------------------------------------------------- */

static int
info_get(struct revere_net *net, struct rvr_rna_flow_info *info)
{
	struct rvr_rna_flow_info in;
	int ret = revere_net_request(net, RVR_RNA_CTL_FLOW_INFO, NULL, 0, &in, sizeof(in));

	if (ret < 0)
		return ret;
	info->matchers = RTE_MIN(rvr_le32_cpu(in.matchers), UINT32_C(1) << 16);
	info->rules = RTE_MIN(rvr_le32_cpu(in.rules), UINT32_C(1) << 24);
	info->counters = RTE_MIN(rvr_le32_cpu(in.counters), UINT32_C(1) << 24);
	info->meters = RTE_MIN(rvr_le32_cpu(in.meters), UINT32_C(1) << 16);
	info->groups = rvr_le32_cpu(in.groups);
	info->actions_size = rvr_le32_cpu(in.actions_size);
	info->transfer = rvr_le32_cpu(in.transfer);
	return 0;
}

static void
state_free(struct revere_flow_state *state)
{
	revere_flow_async_free(state);
	free(state->prints);
	free(state->print_bucket);
	free(state->rule_ids.free);
	free(state->counter_ids.free);
	free(state->matchers);
	free(state->flows);
	free(state);
}

static struct revere_flow_state *
state_new(const struct rvr_rna_flow_info *info)
{
	struct revere_flow_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	state->info = *info;
	TAILQ_INIT(&state->list);
	TAILQ_INIT(&state->aged);
	LIST_INIT(&state->handles);
	state->matchers = calloc(info->matchers, sizeof(state->matchers[0]));
	state->flows = calloc(info->rules, sizeof(state->flows[0]));
	state->prints = calloc(info->rules, sizeof(state->prints[0]));
	state->print_bucket = calloc(PRINT_BUCKETS, sizeof(state->print_bucket[0]));
	state->seed = rte_rand();
	if (ids_init(&state->rule_ids, info->rules) &&
	    ids_init(&state->counter_ids, info->counters) && state->matchers != NULL &&
	    state->flows != NULL && state->prints != NULL && state->print_bucket != NULL)
		return state;
	state_free(state);
	return NULL;
}

struct revere_flow_state *
revere_flow_get(struct revere_net *net, struct rte_flow_error *error)
{
	struct rvr_rna_flow_info info;

	if (net->flow != NULL)
		return net->flow;
	if (info_get(net, &info) < 0) {
		rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the network agent has no rules");
		return NULL;
	}
	net->flow = state_new(&info);
	if (net->flow == NULL)
		rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"no memory for flows");
	return net->flow;
}

/** The other port of the same adapter, NULL: it isn't one. */
static struct revere_net *
adapter_port(const struct revere_net *net, uint32_t port_id)
{
	const struct rte_eth_dev *dev;
	struct revere_net *other;

	if (port_id >= RTE_MAX_ETHPORTS || !rte_eth_dev_is_valid_port((uint16_t)port_id))
		return NULL;
	dev = &rte_eth_devices[port_id];
	if (dev->dev_ops != rte_eth_devices[net->data->port_id].dev_ops)
		return NULL;
	other = dev->data->dev_private;
	return other->dev == net->dev ? other : NULL;
}

int
revere_flow_port(const struct revere_net *net, uint32_t port_id)
{
	const struct revere_net *other = adapter_port(net, port_id);

	return other == NULL ? -ENODEV : other->port;
}

int
revere_flow_represented(const struct revere_net *net, uint32_t port_id, uint8_t *side)
{
	struct revere_net *other = adapter_port(net, port_id);

	return other == NULL ? -ENODEV : revere_net_represented(other, side);
}

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
	uint32_t at = state->print_bucket[print % PRINT_BUCKETS];

	while (at != 0 && state->prints[at - 1].value != print)
		at = state->prints[at - 1].next;
	return at != 0;
}

static void
print_add(struct revere_flow_state *state, uint32_t rule, uint64_t print)
{
	uint32_t *bucket = &state->print_bucket[print % PRINT_BUCKETS];

	state->prints[rule] = (struct revere_flow_print){ print, *bucket, true };
	*bucket = rule + 1;
}

static void
print_remove(struct revere_flow_state *state, uint32_t rule)
{
	struct revere_flow_print *print = &state->prints[rule];
	uint32_t *at = &state->print_bucket[print->value % PRINT_BUCKETS];

	while (print->used && *at != rule + 1)
		at = &state->prints[*at - 1].next;
	if (print->used)
		*at = print->next;
	print->used = false;
}

static void
change_begin(struct revere_flow_state *state, bool quick)
{
	state->burst = quick || rte_get_timer_cycles() - state->last_change <
		rte_get_timer_hz() * BURST_US / US_PER_S;
	state->posted = (struct revere_flow_posted){ 0, 0 };
}

static void
change_end(struct revere_flow_state *state)
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

static uint32_t
pattern_rules(const struct revere_flow_pattern *pattern)
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

/* ---- Flows -------------------------------------------------------------------------------- */

/** A translated flow. */
struct translated {
	uint32_t domain;
	const struct rte_flow_attr *attr;
	struct revere_flow_pattern pattern;
	struct revere_flow_actions actions;
	uint32_t rules;
};

int
revere_flow_attr(const struct revere_flow_state *state, const struct rte_flow_attr *attr,
	uint32_t *domain, struct rte_flow_error *error)
{
	if (attr->group >= state->info.groups)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, attr,
			"the group is too high");
	if (attr->ingress && attr->egress)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_EGRESS, attr,
			"a flow is for one direction");
	if (!attr->ingress && !attr->egress && !attr->transfer)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, attr,
			"ingress, egress or transfer is needed");
	if (attr->transfer && !state->info.transfer)
		return rte_flow_error_set(error, EPERM, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr,
			"transfer rules are the PF's");
	*domain = attr->transfer ? RVR_RNA_FLOW_TRANSFER :
		  attr->egress	 ? RVR_RNA_FLOW_EGRESS :
				   RVR_RNA_FLOW_INGRESS;
	return 0;
}

static int
translate(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, const struct rte_flow_action *actions,
	struct translated *out, struct rte_flow_error *error)
{
	struct revere_flow_state *state = revere_flow_get(net, error);
	int ret;

	if (state == NULL)
		return -rte_errno;
	out->attr = attr;
	ret = revere_flow_attr(state, attr, &out->domain, error);
	if (ret == 0)
		ret = revere_flow_items(net, attr, items, &out->pattern, error);
	if (ret == 0)
		ret = revere_flow_actions(net, attr, actions, &out->actions, error);
	if (ret < 0)
		return ret;
	out->rules = pattern_rules(&out->pattern);
	if (out->rules > REVERE_FLOW_RULES_MAX)
		return rte_flow_error_set(error, E2BIG, RTE_FLOW_ERROR_TYPE_ITEM_LAST, NULL,
			"the ranges take more than 256 rules");
	return 0;
}

static int
flow_validate(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct translated translated;

	return translate(dev->data->dev_private, attr, items, actions, &translated, error);
}

static void age_look(void *arg);

static void
flow_forget(struct revere_net *net, struct rte_flow *flow)
{
	struct revere_flow_state *state = net->flow;
	uint32_t i;

	for (i = 0; i < flow->count; i++)
		state->flows[flow->rules[i].rule] = NULL;
	if (flow->aged)
		TAILQ_REMOVE(&state->aged, flow, next_aged);
	if (flow->age && --state->aging == 0)
		rte_eal_alarm_cancel(age_look, net);
	TAILQ_REMOVE(&state->list, flow, next);
	if (flow->own_counter)
		revere_flow_id_put(&state->counter_ids, flow->counter);
	free(flow);
}

/** Takes back the rules of a flow; its counter and the flow itself stay. */
static void
flow_rules_del(struct revere_net *net, struct rte_flow *flow)
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
flow_rule_add(struct revere_net *net, struct rte_flow *flow, const struct translated *translated,
	struct rte_flow_error *error)
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

static int
flow_counter_get(struct revere_flow_state *state, struct rte_flow *flow,
	struct revere_flow_actions *actions, struct rte_flow_error *error)
{
	flow->counter = actions->counter;
	if (!actions->own_counter)
		return 0;
	if (!revere_flow_id_get(&state->counter_ids, &flow->counter))
		return rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"the port has as many counters as it can");
	flow->own_counter = true;
	revere_flow_actions_count(actions, flow->counter);
	return 0;
}

/** From the first flow on that marks packets the queues tell of marks; others cost nothing. */
static int
marks_enable(struct revere_net *net, struct rte_flow_error *error)
{
	uint16_t i;
	int ret = 0;

	if (net->marks)
		return 0;
	for (i = 0; i < net->data->nb_rx_queues && ret == 0; i++)
		if (net->data->rx_queues[i] != NULL)
			ret = revere_net_rxq_change(net->data->rx_queues[i], RVR_RNA_RXO_MARK,
				RVR_RNA_RXO_MARK);
	if (ret < 0)
		return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"the queues can't tell of marks");
	net->marks = true;
	return 0;
}

static int
flow_make(struct revere_net *net, struct rte_flow *flow, struct translated *translated,
	struct rte_flow_error *error)
{
	struct revere_flow_state *state = net->flow;
	int ret = flow_counter_get(state, flow, &translated->actions, error);
	uint32_t i;

	for (i = 0; i < translated->rules && ret == 0; i++)
		ret = flow_rule_add(net, flow, translated, error);
	if (ret == 0)
		return 0;
	flow_rules_del(net, flow);
	if (flow->own_counter)
		revere_flow_id_put(&state->counter_ids, flow->counter);
	return ret;
}

struct rte_flow *
revere_flow_new(struct revere_net *net, bool quick, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct translated translated;
	struct rte_flow *flow;
	int ret;

	if (translate(net, attr, items, actions, &translated, error) < 0)
		return NULL;
	if (translated.actions.marks && marks_enable(net, error) < 0)
		return NULL;
	flow = calloc(1, sizeof(*flow) + translated.rules * sizeof(flow->rules[0]));
	if (flow == NULL) {
		rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_HANDLE, NULL,
			"no memory for a flow");
		return NULL;
	}
	change_begin(net->flow, quick);
	ret = flow_make(net, flow, &translated, error);
	change_end(net->flow);
	if (ret < 0) {
		free(flow);
		return NULL;
	}
	flow->age = translated.actions.age;
	flow->age_context = translated.actions.age_context;
	if (flow->age && net->flow->aging++ == 0)
		rte_eal_alarm_set(AGE_LOOK_US, age_look, net);
	TAILQ_INSERT_TAIL(&net->flow->list, flow, next);
	return flow;
}

static struct rte_flow *
flow_create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	return revere_flow_new(dev->data->dev_private, false, attr, items, actions, error);
}

void
revere_flow_delete(struct revere_net *net, bool quick, struct rte_flow *flow)
{
	change_begin(net->flow, quick);
	flow_rules_del(net, flow);
	change_end(net->flow);
	flow_forget(net, flow);
}

static int
flow_destroy(struct rte_eth_dev *dev, struct rte_flow *flow, struct rte_flow_error *error)
{
	RTE_SET_USED(error);
	revere_flow_delete(dev->data->dev_private, false, flow);
	return 0;
}

static int
flow_flush(struct rte_eth_dev *dev, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_flow *flow;

	RTE_SET_USED(error);
	if (net->flow == NULL)
		return 0;
	while ((flow = TAILQ_FIRST(&net->flow->list)) != NULL)
		revere_flow_delete(net, true, flow);
	revere_net_posts_poll(net, true);
	return 0;
}

static int
flow_isolate(struct rte_eth_dev *dev, int on, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct rvr_rna_flow_id request = { .id = rvr_cpu_le32(on != 0) };
	int ret;

	if (revere_flow_get(net, error) == NULL)
		return -rte_errno;
	ret = revere_net_request(net, RVR_RNA_CTL_FLOW_ISOLATE, &request, sizeof(request), NULL, 0);
	if (ret < 0)
		return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the adapter refuses isolation");
	net->flow->isolated = on;
	return 0;
}

void
revere_net_flow_forget(struct revere_net *net)
{
	struct rte_flow_action_handle *handle;
	struct rte_flow *flow;

	if (net->flow == NULL)
		return;
	rte_eal_alarm_cancel(age_look, net);
	while ((flow = TAILQ_FIRST(&net->flow->list)) != NULL)
		flow_forget(net, flow);
	while ((handle = LIST_FIRST(&net->flow->handles)) != NULL) {
		LIST_REMOVE(handle, next);
		free(handle);
	}
	state_free(net->flow);
	net->flow = NULL;
	net->marks = false;
}

/* ---- Queries ------------------------------------------------------------------------------ */

static int
query_count(struct revere_net *net, uint32_t counter, struct rte_flow_query_count *count,
	struct rte_flow_error *error)
{
	struct rvr_rna_flow_query request = {
		.id = rvr_cpu_le32(counter),
		.flags = rvr_cpu_le32(count->reset ? RVR_RNA_FLOW_QUERY_RESET : 0),
	};
	struct rvr_rna_flow_counts counts;
	int ret;

	if (counter == REVERE_FLOW_NONE)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"the flow has no COUNT action");
	ret = revere_net_request(net, RVR_RNA_CTL_FLOW_QUERY, &request, sizeof(request), &counts,
		sizeof(counts));
	if (ret < 0)
		return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"the adapter doesn't tell the counter");
	count->hits_set = 1;
	count->bytes_set = 1;
	count->hits = rvr_le64_cpu(counts.packets);
	count->bytes = rvr_le64_cpu(counts.bytes);
	return 0;
}

/** The youngest of the flow's rules. */
static int
query_age(struct revere_net *net, const struct rte_flow *flow, struct rte_flow_query_age *age,
	struct rte_flow_error *error)
{
	struct rvr_rna_flow_counts counts;
	uint32_t i, idle = UINT32_MAX;
	bool aged = true;

	if (!flow->age)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
			"the flow has no AGE action");
	for (i = 0; i < flow->count; i++) {
		struct rvr_rna_flow_query request = {
			.id = rvr_cpu_le32(flow->rules[i].rule),
			.flags = rvr_cpu_le32(RVR_RNA_FLOW_QUERY_AGE),
		};

		if (revere_net_request(net, RVR_RNA_CTL_FLOW_QUERY, &request, sizeof(request),
			    &counts, sizeof(counts)) < 0)
			return rte_flow_error_set(error, EIO, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
				"the adapter doesn't tell the age");
		idle = RTE_MIN(idle, rvr_le32_cpu(counts.idle));
		aged &= rvr_le32_cpu(counts.aged);
	}
	age->aged = aged;
	age->sec_since_last_hit_valid = 1;
	age->sec_since_last_hit = idle & 0xffffff;
	return 0;
}

static int
flow_query(struct rte_eth_dev *dev, struct rte_flow *flow, const struct rte_flow_action *actions,
	void *data, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = 0;

	for (; actions->type != RTE_FLOW_ACTION_TYPE_END && ret == 0; actions++) {
		if (actions->type == RTE_FLOW_ACTION_TYPE_COUNT)
			ret = query_count(net, flow->counter, data, error);
		else if (actions->type == RTE_FLOW_ACTION_TYPE_AGE)
			ret = query_age(net, flow, data, error);
		else if (actions->type != RTE_FLOW_ACTION_TYPE_VOID)
			ret = rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION,
				actions, "only COUNT and AGE can be queried");
	}
	return ret;
}

static void
flow_dump_one(const struct rte_flow *flow, FILE *file)
{
	uint32_t i;

	fprintf(file, "flow %p:", (const void *)flow);
	for (i = 0; i < flow->count; i++)
		fprintf(file, " rule %u of matcher %u", flow->rules[i].rule,
			flow->rules[i].matcher);
	if (flow->counter != REVERE_FLOW_NONE)
		fprintf(file, ", counter %u", flow->counter);
	fprintf(file, "%s\n", flow->aged ? ", aged" : "");
}

static int
flow_dump(struct rte_eth_dev *dev, struct rte_flow *one, FILE *file, struct rte_flow_error *error)
{
	static const char *const domains[] = { "ingress", "egress", "transfer" };
	const struct revere_net *net = dev->data->dev_private;
	const struct revere_flow_state *state = net->flow;
	const struct rte_flow *flow;
	uint32_t i;

	RTE_SET_USED(error);
	if (one != NULL)
		flow_dump_one(one, file);
	if (one != NULL || state == NULL)
		return 0;
	for (i = 0; i < state->matchers_end; i++)
		if (state->matchers[i].users > 0)
			fprintf(file, "matcher %u: %s, group %u, priority %u, %u rules\n", i,
				domains[state->matchers[i].domain], state->matchers[i].group,
				state->matchers[i].priority, state->matchers[i].users);
	TAILQ_FOREACH(flow, &state->list, next)
		flow_dump_one(flow, file);
	return 0;
}

/* ---- Age ---------------------------------------------------------------------------------- */

/** A flow has aged when its last rule has; one that saw packets since isn't any more. */
static void
aged_note(struct revere_flow_state *state, uint32_t rule)
{
	struct rte_flow *flow = rule < state->info.rules ? state->flows[rule] : NULL;

	if (flow == NULL || flow->aged)
		return;
	flow->aged = true;
	TAILQ_INSERT_TAIL(&state->aged, flow, next_aged);
}

/** Asks the agent which rules have aged. */
static void
aged_collect(struct revere_net *net)
{
	struct rvr_rna_flow_aged aged = { 0 };
	uint32_t i, count, next = 0;

	do {
		struct rvr_rna_flow_id request = { .id = rvr_cpu_le32(next) };

		if (revere_net_request_quiet(net, RVR_RNA_CTL_FLOW_AGED, &request,
			    sizeof(request), &aged, sizeof(aged)) < 0)
			return;
		count = RTE_MIN(rvr_le32_cpu(aged.count), (uint32_t)RTE_DIM(aged.rule));
		for (i = 0; i < count; i++)
			aged_note(net->flow, rvr_le32_cpu(aged.rule[i]));
		if (rvr_le32_cpu(aged.next) <= next)
			return;
		next = rvr_le32_cpu(aged.next);
	} while (true);
}

/** Whether flows aged of which nobody was told; ethdev's lock is who-ever's that changes flows. */
static bool
age_news(struct revere_net *net)
{
	bool news = false;

	if (pthread_mutex_trylock(&net->data->flow_ops_mutex) != 0)
		return false;
	if (net->flow != NULL && TAILQ_EMPTY(&net->flow->aged)) {
		aged_collect(net);
		news = !TAILQ_EMPTY(&net->flow->aged);
	}
	pthread_mutex_unlock(&net->data->flow_ops_mutex);
	return news;
}

/** Flows that aged are announced once; who listens takes them by get_aged_flows(). */
static void
age_look(void *arg)
{
	struct revere_net *net = arg;

	if (age_news(net))
		rte_eth_dev_callback_process(&rte_eth_devices[net->data->port_id],
			RTE_ETH_EVENT_FLOW_AGED, NULL);
	rte_eal_alarm_set(AGE_LOOK_US, age_look, net);
}

static int
flow_aged(struct rte_eth_dev *dev, void **contexts, uint32_t room, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_flow_state *state = net->flow;
	struct rte_flow *flow;
	uint32_t count = 0;

	RTE_SET_USED(error);
	if (state == NULL)
		return 0;
	aged_collect(net);
	if (room == 0) {
		TAILQ_FOREACH(flow, &state->aged, next_aged)
			count++;
		return (int)count;
	}
	while (count < room && (flow = TAILQ_FIRST(&state->aged)) != NULL) {
		contexts[count++] = flow->age_context != NULL ? flow->age_context : flow;
		TAILQ_REMOVE(&state->aged, flow, next_aged);
		flow->aged = false;
	}
	return (int)count;
}

/* ---- Shared actions ----------------------------------------------------------------------- */

static struct rte_flow_action_handle *
handle_create(struct rte_eth_dev *dev, const struct rte_flow_indir_action_conf *conf,
	const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_flow_state *state = revere_flow_get(net, error);
	struct rte_flow_action_handle *handle;

	RTE_SET_USED(conf);
	if (state == NULL)
		return NULL;
	if (action->type != RTE_FLOW_ACTION_TYPE_COUNT) {
		rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"only COUNT can be shared");
		return NULL;
	}
	handle = calloc(1, sizeof(*handle));
	if (handle == NULL || !revere_flow_id_get(&state->counter_ids, &handle->counter)) {
		free(handle);
		rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"the port has as many counters as it can");
		return NULL;
	}
	LIST_INSERT_HEAD(&state->handles, handle, next);
	return handle;
}

static int
handle_destroy(struct rte_eth_dev *dev, struct rte_flow_action_handle *handle,
	struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	const struct rte_flow *flow;

	TAILQ_FOREACH(flow, &net->flow->list, next)
		if (flow->counter == handle->counter)
			return rte_flow_error_set(error, EBUSY, RTE_FLOW_ERROR_TYPE_ACTION, NULL,
				"a flow uses the shared action");
	revere_flow_id_put(&net->flow->counter_ids, handle->counter);
	LIST_REMOVE(handle, next);
	free(handle);
	return 0;
}

static int
handle_query(struct rte_eth_dev *dev, const struct rte_flow_action_handle *handle, void *data,
	struct rte_flow_error *error)
{
	return query_count(dev->data->dev_private, handle->counter, data, error);
}

/* ---- Ops ---------------------------------------------------------------------------------- */

/** Transfer rules of a representor are made by the port that it came with. */
static int
flow_proxy(struct rte_eth_dev *dev, uint16_t *port_id, struct rte_flow_error *error)
{
	const struct rte_eth_dev_data *data = dev->data;

	RTE_SET_USED(error);
	*port_id = data->dev_flags & RTE_ETH_DEV_REPRESENTOR ? data->backer_port_id :
							       data->port_id;
	return 0;
}

static const struct rte_flow_ops flow_ops = {
	.validate = flow_validate,
	.create = flow_create,
	.destroy = flow_destroy,
	.flush = flow_flush,
	.query = flow_query,
	.isolate = flow_isolate,
	.dev_dump = flow_dump,
	.get_aged_flows = flow_aged,
	.pick_transfer_proxy = flow_proxy,
	.info_get = revere_flow_info,
	.configure = revere_flow_configure,
	.pattern_template_create = revere_flow_pattern_new,
	.pattern_template_destroy = revere_flow_pattern_delete,
	.actions_template_create = revere_flow_actions_new,
	.actions_template_destroy = revere_flow_actions_delete,
	.template_table_create = revere_flow_table_new,
	.template_table_destroy = revere_flow_table_delete,
#if !REVERE_FLOW_FP_OPS
	.async_create = revere_flow_async_create,
	.async_destroy = revere_flow_async_destroy,
	.push = revere_flow_push,
	.pull = revere_flow_pull,
#endif
	.action_handle_create = handle_create,
	.action_handle_destroy = handle_destroy,
	.action_handle_query = handle_query,
};

#if REVERE_FLOW_FP_OPS
static const struct rte_flow_fp_ops flow_fp_ops = {
	.async_create = revere_flow_async_create,
	.async_destroy = revere_flow_async_destroy,
	.push = revere_flow_push,
	.pull = revere_flow_pull,
};
#endif

int
revere_net_flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops)
{
	/* Flows are this process's memory. */
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return -ENOTSUP;
#if REVERE_FLOW_FP_OPS
	dev->flow_fp_ops = &flow_fp_ops;
#else
	RTE_SET_USED(dev);
#endif
	*ops = &flow_ops;
	return 0;
}
