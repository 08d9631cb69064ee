/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Rules: lists of actions are checked as a whole, once, and then executed without a check.
 */

#include "flow.h"

/** A list that is being checked. */
struct check {
	struct flow_port *flow;
	uint32_t domain;
	uint32_t index; /**< of the action, in the outer list */
};

/* ---- One action --------------------------------------------------------------------------- */

/** By type: bytes of data (ANY: checked by hand), largest arg, domains where it is possible. */
#define ANY UINT16_MAX
#define INGRESS (1u << RVR_RNA_FLOW_INGRESS)
#define TRANSFER (1u << RVR_RNA_FLOW_TRANSFER)
#define EVERYWHERE 7u

static const struct {
	uint16_t data;
	uint8_t domains;
	bool last;
	uint32_t max;
} known[] = {
	[RVR_RNA_FLOW_DROP] = { 0, EVERYWHERE, true, 0 },
	[RVR_RNA_FLOW_QUEUE] = { 0, INGRESS, true, UINT16_MAX },
	[RVR_RNA_FLOW_RSS] = { ANY, INGRESS, true, 0 },
	[RVR_RNA_FLOW_JUMP] = { 0, EVERYWHERE, true, FLOW_GROUPS_MAX - 1 },
	[RVR_RNA_FLOW_PORT] = { 0, TRANSFER, true, UINT32_MAX },
	[RVR_RNA_FLOW_MARK] = { 0, EVERYWHERE, false, UINT32_MAX },
	[RVR_RNA_FLOW_FLAG] = { 0, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_COUNT] = { 0, EVERYWHERE, false, FLOW_COUNTERS_MAX - 1 },
	[RVR_RNA_FLOW_AGE] = { 0, EVERYWHERE, false, 1u << 24 },
	[RVR_RNA_FLOW_METER] = { 0, EVERYWHERE, false, FLOW_METERS_MAX - 1 },
	[RVR_RNA_FLOW_SAMPLE] = { ANY, EVERYWHERE, false, UINT32_MAX },
	[RVR_RNA_FLOW_VLAN_POP] = { 0, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_VLAN_PUSH] = { 0, EVERYWHERE, false, UINT16_MAX },
	[RVR_RNA_FLOW_VLAN_VID] = { 0, EVERYWHERE, false, 4095 },
	[RVR_RNA_FLOW_VLAN_PCP] = { 0, EVERYWHERE, false, 7 },
	[RVR_RNA_FLOW_ETH_SRC] = { 8, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_ETH_DST] = { 8, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_IPV4_SRC] = { 8, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_IPV4_DST] = { 8, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_IPV6_SRC] = { 16, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_IPV6_DST] = { 16, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_PORT_SRC] = { 0, EVERYWHERE, false, UINT16_MAX },
	[RVR_RNA_FLOW_PORT_DST] = { 0, EVERYWHERE, false, UINT16_MAX },
	[RVR_RNA_FLOW_TTL_SET] = { 0, EVERYWHERE, false, UINT8_MAX },
	[RVR_RNA_FLOW_TTL_DEC] = { 0, EVERYWHERE, false, 0 },
	[RVR_RNA_FLOW_DSCP] = { 0, EVERYWHERE, false, 63 },
	[RVR_RNA_FLOW_ENCAP] = { ANY, EVERYWHERE, false, FLOW_HEADROOM },
	[RVR_RNA_FLOW_DECAP] = { 0, EVERYWHERE, false, FLOW_HEADROOM },
	[RVR_RNA_FLOW_COUNT_ON] = { 0, EVERYWHERE, false, FLOW_COUNTERS_MAX - 1 },
};

static unsigned int check_list(struct check *check, uint8_t *actions, uint32_t size, bool nested);

/** Queues of an RSS action; the words become the CPU's. */
static unsigned int
check_rss(struct check *check, uint8_t *data, uint32_t size)
{
	const struct rvr_rna_flow_rss *wire = (const void *)data;
	struct flow_rss *rss = (void *)data;
	uint16_t *queues;
	uint32_t i;

	if (size < sizeof(*wire))
		return RVR_RNA_FLOW_BAD_ACTION;
	rss->types = rvr_le32_cpu(wire->types);
	rss->count = rvr_le16_cpu(wire->count);
	rss->key_size = rvr_le16_cpu(wire->key_size);
	if (rss->count == 0 || rss->count > RVR_RNA_FLOW_RSS_MAX ||
	    (rss->key_size != 0 && rss->key_size != RNA_KEY_SIZE) ||
	    size != sizeof(*wire) + ((rss->key_size + rss->count * 2u + 7) & ~7u))
		return RVR_RNA_FLOW_BAD_ACTION;
	if ((rss->types & ~RNA_RSS_TYPES) != 0 ||
	    ((rss->types & RVR_RNA_RSS_XOR) && rss->key_size == 0))
		return RVR_RNA_FLOW_BAD_ARGUMENT;
	queues = (uint16_t *)(void *)(data + sizeof(*wire) + rss->key_size);
	for (i = 0; i < rss->count; i++) {
		queues[i] = rvr_le16_cpu(queues[i]);
		if (queues[i] >= check->flow->port->rna->max_queues)
			return RVR_RNA_FLOW_BAD_ARGUMENT;
	}
	return RVR_RNA_FLOW_FINE;
}

/** What an action names must be there. */
static unsigned int
check_argument(const struct check *check, uint32_t type, uint32_t arg)
{
	const struct rna *rna = check->flow->port->rna;
	uint32_t where = arg >> 16, port = arg & 0xffff;
	bool fine = true;

	if (type == RVR_RNA_FLOW_QUEUE)
		fine = arg < rna->max_queues;
	else if (type == RVR_RNA_FLOW_PORT)
		fine = port < RNA_PORTS_MAX && rna->port[port] != NULL &&
		       (where == RVR_RNA_FLOW_WIRE || where == RVR_RNA_FLOW_HOST);
	else if (type == RVR_RNA_FLOW_METER)
		fine = check->flow->meters[arg].present;
	else if (type == RVR_RNA_FLOW_AGE || type == RVR_RNA_FLOW_SAMPLE)
		fine = arg != 0;
	return fine ? RVR_RNA_FLOW_FINE : RVR_RNA_FLOW_BAD_ARGUMENT;
}

static unsigned int
check_data(struct check *check, uint32_t type, uint32_t arg, uint8_t *data, uint32_t size,
	bool nested)
{
	if (type == RVR_RNA_FLOW_RSS)
		return check_rss(check, data, size);
	if (type == RVR_RNA_FLOW_SAMPLE)
		return nested ? RVR_RNA_FLOW_BAD_ACTION : check_list(check, data, size, true);
	if (type == RVR_RNA_FLOW_ENCAP && (arg == 0 || size != ((arg + 7) & ~7u)))
		return RVR_RNA_FLOW_BAD_ACTION;
	if (known[type].data != ANY && size != known[type].data)
		return RVR_RNA_FLOW_BAD_ACTION;
	return RVR_RNA_FLOW_FINE;
}

/** One action, of which `left` bytes are there at most; *last: nothing may follow. */
static unsigned int
check_action(struct check *check, uint8_t *at, uint32_t left, bool nested, bool *last)
{
	struct rvr_rna_flow_action *action = (void *)at;
	unsigned int cause;
	uint32_t type, size;

	if (left < sizeof(*action))
		return RVR_RNA_FLOW_BAD_ACTION;
	type = action->type = rvr_le16_cpu(action->type);
	size = action->size = rvr_le16_cpu(action->size);
	action->arg = rvr_le32_cpu(action->arg);
	if (size < sizeof(*action) || size > left || size % 8 != 0 || type == 0 ||
	    type >= sizeof(known) / sizeof(known[0]) ||
	    (known[type].domains & 1u << check->domain) == 0)
		return RVR_RNA_FLOW_BAD_ACTION;
	if (nested && (type == RVR_RNA_FLOW_JUMP || type == RVR_RNA_FLOW_AGE))
		return RVR_RNA_FLOW_BAD_ACTION;
	if (action->arg > known[type].max)
		return RVR_RNA_FLOW_BAD_ARGUMENT;
	*last = known[type].last;
	cause = check_data(check, type, action->arg, at + sizeof(*action),
		size - (uint32_t)sizeof(*action), nested);
	return cause != RVR_RNA_FLOW_FINE ? cause : check_argument(check, type, action->arg);
}

static unsigned int
check_list(struct check *check, uint8_t *actions, uint32_t size, bool nested)
{
	bool last = false;
	uint32_t at = 0;

	while (at < size) {
		unsigned int cause = last ? RVR_RNA_FLOW_BAD_ACTION :
			check_action(check, actions + at, size - at, nested, &last);

		if (cause != RVR_RNA_FLOW_FINE)
			return cause;
		at += ((const struct rvr_rna_flow_action *)(const void *)(actions + at))->size;
		check->index += !nested;
	}
	return RVR_RNA_FLOW_FINE;
}

/* ---- What rules have a part in ------------------------------------------------------------ */

/** A counter that isn't to go on begins with its first rule. */
static void
counter_use(struct flow_counter *counter, bool on, int by)
{
	if (by > 0 && counter->users == 0 && !on)
		memset(counter, 0, sizeof(*counter));
	counter->users += (uint32_t)by;
}

/** Gives back the hash functions that a list has. */
static void
list_hashes_put(struct flow_port *flow, uint8_t *actions, uint32_t size)
{
	uint32_t at = 0;

	while (at < size) {
		const struct rvr_rna_flow_action *action = (const void *)(actions + at);
		uint8_t *data = actions + at + sizeof(*action);
		struct flow_rss *rss = (void *)data;

		if (action->type == RVR_RNA_FLOW_SAMPLE)
			list_hashes_put(flow, data, action->size - (uint32_t)sizeof(*action));
		else if (action->type == RVR_RNA_FLOW_RSS && (rss->key_size & FLOW_RSS_HASHED))
			flow_hash_put(flow, rss->hash);
		at += action->size;
	}
}

/** Gets the hash functions of a checked list; false: there is no room for one. */
static bool
list_hashes_get(struct flow_port *flow, uint8_t *actions, uint32_t size)
{
	uint8_t key[RNA_KEY_SIZE];
	uint32_t at = 0;

	while (at < size) {
		const struct rvr_rna_flow_action *action = (const void *)(actions + at);
		uint8_t *data = actions + at + sizeof(*action);
		struct flow_rss *rss = (void *)data;

		if (action->type == RVR_RNA_FLOW_SAMPLE &&
			!list_hashes_get(flow, data, action->size - (uint32_t)sizeof(*action)))
			return false;
		if (action->type == RVR_RNA_FLOW_RSS && rss->key_size != 0) {
			memcpy(key, data + sizeof(struct rvr_rna_flow_rss), sizeof(key));
			rss->hash = flow_hash_get(flow, rss->types, key);
			if (rss->hash == NULL)
				return false;
			rss->key_size |= FLOW_RSS_HASHED;
		}
		at += action->size;
	}
	return true;
}

/** Adds `by` users to what the actions of a checked list name, nested ones too. */
static void
list_use(struct flow_port *flow, struct flow_rule *rule, const uint8_t *actions, uint32_t size,
	int by)
{
	uint32_t at = 0;

	while (at < size) {
		const struct rvr_rna_flow_action *action = (const void *)(actions + at);

		if (action->type == RVR_RNA_FLOW_COUNT || action->type == RVR_RNA_FLOW_COUNT_ON) {
			counter_use(&flow->counters[action->arg],
				action->type == RVR_RNA_FLOW_COUNT_ON, by);
		} else if (action->type == RVR_RNA_FLOW_METER) {
			flow->meters[action->arg].users += (uint32_t)by;
		} else if (action->type == RVR_RNA_FLOW_AGE) {
			rule->age = action->arg;
		} else if (action->type == RVR_RNA_FLOW_SAMPLE) {
			list_use(flow, rule, actions + at + sizeof(*action),
				action->size - (uint32_t)sizeof(*action), by);
		}
		at += action->size;
	}
}

/* ---- Rules -------------------------------------------------------------------------------- */

static uint32_t
matcher_domain(const struct flow_port *flow, const struct flow_matcher *matcher)
{
	const struct flow_domain *domain = matcher->group->domain;

	if (domain == &flow->domain[RVR_RNA_FLOW_INGRESS])
		return RVR_RNA_FLOW_INGRESS;
	if (domain == &flow->domain[RVR_RNA_FLOW_EGRESS])
		return RVR_RNA_FLOW_EGRESS;
	return RVR_RNA_FLOW_TRANSFER;
}

/** A rule with words and actions copied, not yet checked. NULL: no memory */
static struct flow_rule *
rule_new(struct flow_port *flow, uint32_t id, const struct flow_matcher *matcher,
	const uint8_t *body, uint32_t size)
{
	uint32_t i, words_size = matcher->num_words * (uint32_t)sizeof(uint64_t);
	struct flow_rule *rule = malloc(sizeof(*rule) + size);

	if (rule == NULL)
		return NULL;
	memset(rule, 0, sizeof(*rule));
	rule->id = id;
	rule->owner = flow;
	rule->words = (uint64_t *)(void *)(rule + 1);
	memcpy(rule->words, body, size);
	for (i = 0; i < matcher->num_words; i++)
		rule->words[i] &= matcher->mask[i];
	rule->actions = (uint8_t *)rule->words + words_size;
	rule->actions_size = size - words_size;
	return rule;
}

static unsigned int
rule_enter(struct flow_port *flow, struct flow_rule *rule, struct flow_matcher *matcher,
	uint32_t *action)
{
	struct check check = { .flow = flow, .domain = matcher_domain(flow, matcher) };
	unsigned int cause;

	cause = check_list(&check, rule->actions, rule->actions_size, false);
	*action = check.index;
	if (cause != RVR_RNA_FLOW_FINE)
		return cause;
	if (flow_matcher_find(matcher, rule->words) != NULL)
		return RVR_RNA_FLOW_EXISTS;
	if (!list_hashes_get(flow, rule->actions, rule->actions_size) ||
	    !flow_matcher_add(matcher, rule)) {
		list_hashes_put(flow, rule->actions, rule->actions_size);
		return RVR_RNA_FLOW_NO_ROOM;
	}
	list_use(flow, rule, rule->actions, rule->actions_size, 1);
	if (rule->age != 0)
		rule->last_hit = flow_now();
	return RVR_RNA_FLOW_FINE;
}

unsigned int
flow_rule_add(struct flow_port *flow, uint32_t id, uint32_t matcher_id, const uint8_t *body,
	uint32_t size, uint32_t *action)
{
	struct flow_matcher *matcher;
	struct flow_rule *rule;
	unsigned int cause;

	if (id >= FLOW_RULES_MAX || flow->rules[id] != NULL)
		return RVR_RNA_FLOW_BAD_RULE;
	if (matcher_id >= FLOW_MATCHERS_MAX || flow->matchers[matcher_id] == NULL)
		return RVR_RNA_FLOW_BAD_MATCHER;
	matcher = flow->matchers[matcher_id];
	if (size < matcher->num_words * sizeof(uint64_t) ||
	    size > matcher->num_words * sizeof(uint64_t) + FLOW_ACTIONS_SIZE)
		return RVR_RNA_FLOW_BAD_OP;
	rule = rule_new(flow, id, matcher, body, size);
	if (rule == NULL)
		return RVR_RNA_FLOW_NO_ROOM;
	cause = rule_enter(flow, rule, matcher, action);
	if (cause != RVR_RNA_FLOW_FINE) {
		free(rule);
		return cause;
	}
	flow->rules[id] = rule;
	flow->num_rules++;
	if (id >= flow->rules_end)
		flow->rules_end = id + 1;
	return RVR_RNA_FLOW_FINE;
}

unsigned int
flow_rule_del(struct flow_port *flow, uint32_t id)
{
	struct flow_rule *rule;

	if (id >= FLOW_RULES_MAX || flow->rules[id] == NULL)
		return RVR_RNA_FLOW_BAD_RULE;
	rule = flow->rules[id];
	flow->rules[id] = NULL;
	flow->num_rules--;
	list_use(flow, rule, rule->actions, rule->actions_size, -1);
	list_hashes_put(flow, rule->actions, rule->actions_size);
	flow_matcher_remove(rule->matcher, rule);
	free(rule);
	return RVR_RNA_FLOW_FINE;
}

/* ---- A port's part ------------------------------------------------------------------------ */

void
flow_port_flush(struct flow_port *flow)
{
	uint32_t i;

	for (i = 0; i < flow->rules_end; i++)
		if (flow->rules[i] != NULL)
			flow_rule_del(flow, i);
	for (i = 0; i < FLOW_MATCHERS_MAX; i++) {
		if (flow->matchers[i] != NULL)
			flow_matcher_delete(flow->matchers[i]);
		flow->matchers[i] = NULL;
	}
	memset(flow->meters, 0, FLOW_METERS_MAX * sizeof(flow->meters[0]));
	flow->rules_end = 0;
	flow->isolated = false;
}

static struct rna_flow *
rna_flow_get(struct rna *rna)
{
	if (rna->flow != NULL)
		return rna->flow;
	rna->flow = calloc(1, sizeof(*rna->flow));
	if (rna->flow == NULL)
		return NULL;
	rna->flow->scratch = malloc((size_t)FLOW_DEPTH_MAX * 2 * FLOW_SCRATCH_SIZE);
	if (rna->flow->scratch == NULL) {
		free(rna->flow);
		rna->flow = NULL;
	}
	return rna->flow;
}

void
rna_flow_fini(struct rna *rna)
{
	if (rna->flow == NULL)
		return;
	free(rna->flow->scratch);
	free(rna->flow);
	rna->flow = NULL;
}

static void
port_part_free(struct flow_port *flow)
{
	free(flow->matchers);
	free(flow->rules);
	free(flow->counters);
	free(flow->meters);
	free(flow);
}

struct flow_port *
flow_port_get(struct rna_port *port)
{
	struct flow_port *flow = port->flow;

	if (flow != NULL || rna_flow_get(port->rna) == NULL)
		return flow;
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return NULL;
	flow->port = port;
	flow->matchers = calloc(FLOW_MATCHERS_MAX, sizeof(flow->matchers[0]));
	flow->rules = calloc(FLOW_RULES_MAX, sizeof(flow->rules[0]));
	flow->counters = calloc(FLOW_COUNTERS_MAX, sizeof(flow->counters[0]));
	flow->meters = calloc(FLOW_METERS_MAX, sizeof(flow->meters[0]));
	if (flow->matchers == NULL || flow->rules == NULL || flow->counters == NULL ||
	    flow->meters == NULL) {
		port_part_free(flow);
		return NULL;
	}
	port->flow = flow;
	return flow;
}

void
rna_flow_port_free(struct rna_port *port)
{
	if (port->flow == NULL)
		return;
	flow_port_flush(port->flow);
	port_part_free(port->flow);
	port->flow = NULL;
}
