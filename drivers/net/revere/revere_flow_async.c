/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow's templates and queues of operations. A template is a pattern or a list of actions with
 * holes, a table says which go together; a flow made of them is made as others are, without
 * waiting for the agent. An operation is done when the agent has answered its requests, which it
 * does in their order.
 */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "revere_flow.h"

#define QUEUES_MAX 64
#define QUEUE_SIZE_MAX REVERE_NET_POSTS_FAILED
#define PARTS_MAX 64 /* items or actions of a template */

struct rte_flow_pattern_template {
	unsigned int tables; /**< that use it */
	unsigned int count;
	struct rte_flow_item items[]; /**< and what they point to */
};

struct rte_flow_actions_template {
	unsigned int tables;
	unsigned int count;
	struct rte_flow_action *actions, *masks; /**< and what they point to */
};

struct rte_flow_template_table {
	struct rte_flow_attr attr;
	uint8_t num_patterns, num_actions;
	struct rte_flow_pattern_template *patterns[UINT8_MAX];
	struct rte_flow_actions_template *actions[UINT8_MAX];
};

/** An operation on its way. */
struct flow_op {
	void *user_data;
	struct revere_flow_posted posted;
};

struct flow_queue {
	uint32_t size, head, tail; /**< head: next one to come; tail: oldest one */
	struct flow_op *ops;
};

struct revere_flow_async {
	uint16_t count;
	struct flow_queue queue[QUEUES_MAX];
};

static int
refuse(struct rte_flow_error *error, int code, enum rte_flow_error_type type, const void *cause,
	const char *why)
{
	return rte_flow_error_set(error, code, type, cause, why);
}

static void *
no_memory(struct rte_flow_error *error)
{
	refuse(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "no memory for a template");
	return NULL;
}

/* ---- Queues ------------------------------------------------------------------------------- */

void
revere_flow_async_free(struct revere_flow_state *state)
{
	unsigned int i;

	for (i = 0; state->async != NULL && i < state->async->count; i++)
		free(state->async->queue[i].ops);
	free(state->async);
	state->async = NULL;
}

int
revere_flow_info(struct rte_eth_dev *dev, struct rte_flow_port_info *port,
	struct rte_flow_queue_info *queue, struct rte_flow_error *error)
{
	const struct revere_flow_state *state = revere_flow_get(dev->data->dev_private, error);

	if (state == NULL)
		return -rte_errno;
	memset(port, 0, sizeof(*port));
	port->max_nb_queues = QUEUES_MAX;
	port->max_nb_counters = state->info.counters;
	port->max_nb_aging_objects = state->info.rules;
	port->max_nb_meters = state->info.meters;
	memset(queue, 0, sizeof(*queue));
	queue->max_size = QUEUE_SIZE_MAX;
	return 0;
}

static int
configure_check(const struct revere_flow_state *state, const struct rte_flow_port_attr *attr,
	uint16_t count, const struct rte_flow_queue_attr *queues[], struct rte_flow_error *error)
{
	uint16_t i;

	if (count > QUEUES_MAX)
		return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"more than 64 queues of operations");
	if (attr->nb_counters > state->info.counters || attr->nb_meters > state->info.meters ||
	    attr->nb_aging_objects > state->info.rules || attr->nb_conn_tracks > 0)
		return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"more objects than the port can have");
	for (i = 0; i < count; i++)
		if (queues[i]->size == 0 || queues[i]->size > QUEUE_SIZE_MAX)
			return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				"a queue of operations has 1 to 1024 entries");
	return 0;
}

static struct revere_flow_async *
async_new(uint16_t count, const struct rte_flow_queue_attr *queues[])
{
	struct revere_flow_async *async = calloc(1, sizeof(*async));
	uint16_t i;

	for (i = 0; async != NULL && i < count; i++) {
		async->queue[i].size = queues[i]->size;
		async->queue[i].ops = calloc(queues[i]->size, sizeof(struct flow_op));
		async->count = i + 1;
		if (async->queue[i].ops == NULL)
			return async;
	}
	return async;
}

int
revere_flow_configure(struct rte_eth_dev *dev, const struct rte_flow_port_attr *attr,
	uint16_t count, const struct rte_flow_queue_attr *queues[], struct rte_flow_error *error)
{
	struct revere_flow_state *state = revere_flow_get(dev->data->dev_private, error);
	int ret;

	if (state == NULL)
		return -rte_errno;
	ret = configure_check(state, attr, count, queues, error);
	if (ret < 0)
		return ret;
	revere_flow_async_free(state);
	state->async = async_new(count, queues);
	if (state->async != NULL &&
	    (count == 0 || state->async->queue[state->async->count - 1].ops != NULL))
		return 0;
	revere_flow_async_free(state);
	return refuse(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
		"no memory for queues of operations");
}

static struct flow_queue *
queue_find(const struct rte_eth_dev *dev, uint32_t id, struct rte_flow_error *error)
{
	const struct revere_net *net = dev->data->dev_private;

	if (net->flow != NULL && net->flow->async != NULL && id < net->flow->async->count)
		return &net->flow->async->queue[id];
	refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
		"there is no such queue of operations");
	return NULL;
}

/* ---- Templates ---------------------------------------------------------------------------- */

/** Order and kind of items; masks are looked at with the values of a flow. */
static int
pattern_check(struct revere_net *net, const struct rte_flow_pattern_template_attr *attr,
	const struct rte_flow_item *items, unsigned int *count, struct rte_flow_error *error)
{
	const struct rte_flow_attr flow_attr = {
		.ingress = attr->ingress,
		.egress = attr->egress,
		.transfer = attr->transfer,
	};
	struct rte_flow_item bare[PARTS_MAX] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	struct revere_flow_pattern pattern;

	for (*count = 0; items[*count].type != RTE_FLOW_ITEM_TYPE_END; ++*count) {
		enum rte_flow_item_type type = items[*count].type;

		if (*count == PARTS_MAX - 1)
			return refuse(error, E2BIG, RTE_FLOW_ERROR_TYPE_ITEM_NUM, NULL,
				"more than 63 items");
		if (items[*count].last != NULL)
			return refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST,
				&items[*count], "a template has no ranges");
		/* A port is known with the flow. */
		if (type == RTE_FLOW_ITEM_TYPE_PORT_ID ||
		    type == RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR ||
		    type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT)
			type = RTE_FLOW_ITEM_TYPE_VOID;
		bare[*count] = (struct rte_flow_item){ .type = type };
		bare[*count + 1].type = RTE_FLOW_ITEM_TYPE_END;
	}
	return revere_flow_items(net, &flow_attr, bare, &pattern, error);
}

struct rte_flow_pattern_template *
revere_flow_pattern_new(struct rte_eth_dev *dev, const struct rte_flow_pattern_template_attr *attr,
	const struct rte_flow_item *items, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_flow_pattern_template *pattern;
	unsigned int count;
	int size;

	if (revere_flow_get(net, error) == NULL ||
	    pattern_check(net, attr, items, &count, error) < 0)
		return NULL;
	size = rte_flow_conv(RTE_FLOW_CONV_OP_PATTERN, NULL, 0, items, error);
	if (size < 0)
		return NULL;
	pattern = calloc(1, sizeof(*pattern) + (size_t)size);
	if (pattern == NULL)
		return no_memory(error);
	pattern->count = count;
	rte_flow_conv(RTE_FLOW_CONV_OP_PATTERN, pattern->items, (size_t)size, items, error);
	return pattern;
}

int
revere_flow_pattern_delete(struct rte_eth_dev *dev, struct rte_flow_pattern_template *pattern,
	struct rte_flow_error *error)
{
	RTE_SET_USED(dev);
	if (pattern->tables > 0)
		return refuse(error, EBUSY, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"a table uses the pattern template");
	free(pattern);
	return 0;
}

static struct rte_flow_action *
actions_copy(const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	int size = rte_flow_conv(RTE_FLOW_CONV_OP_ACTIONS, NULL, 0, actions, error);
	struct rte_flow_action *copy;

	if (size < 0)
		return NULL;
	copy = calloc(1, (size_t)size);
	if (copy == NULL)
		return no_memory(error);
	rte_flow_conv(RTE_FLOW_CONV_OP_ACTIONS, copy, (size_t)size, actions, error);
	return copy;
}

/** Bytes of an action's configuration; addresses are all bytes alike. */
struct conf {
	enum rte_flow_action_type type;
	uint8_t size;
	bool address;
};

#define CONF(type, name) { RTE_FLOW_ACTION_TYPE_##type, sizeof(struct rte_flow_action_##name), 0 }
#define ADDRESS(type, name)                                                                    \
	{ RTE_FLOW_ACTION_TYPE_##type, sizeof(struct rte_flow_action_##name), 1 }

static const struct conf *
conf_of(enum rte_flow_action_type type)
{
	static const struct conf confs[] = {
		CONF(QUEUE, queue), CONF(RSS, rss), CONF(JUMP, jump), CONF(MARK, mark),
		CONF(METER, meter), CONF(COUNT, count), CONF(AGE, age), CONF(SAMPLE, sample),
		CONF(PORT_ID, port_id), CONF(REPRESENTED_PORT, ethdev),
		CONF(PORT_REPRESENTOR, ethdev), CONF(SET_TP_SRC, set_tp),
		CONF(SET_TP_DST, set_tp), CONF(SET_TTL, set_ttl), CONF(SET_IPV4_DSCP, set_dscp),
		CONF(SET_IPV6_DSCP, set_dscp), CONF(OF_PUSH_VLAN, of_push_vlan),
		CONF(OF_SET_VLAN_VID, of_set_vlan_vid), CONF(OF_SET_VLAN_PCP, of_set_vlan_pcp),
		CONF(VXLAN_ENCAP, vxlan_encap), CONF(RAW_ENCAP, raw_encap),
		CONF(RAW_DECAP, raw_decap), ADDRESS(SET_MAC_SRC, set_mac),
		ADDRESS(SET_MAC_DST, set_mac), ADDRESS(SET_IPV4_SRC, set_ipv4),
		ADDRESS(SET_IPV4_DST, set_ipv4), ADDRESS(SET_IPV6_SRC, set_ipv6),
		ADDRESS(SET_IPV6_DST, set_ipv6),
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(confs); i++)
		if (confs[i].type == type)
			return &confs[i];
	return NULL;
}

/**
 * Whether a mask makes the template's value that of all flows: if it isn't all zeroes. A handle
 * has no zeroes to look at: it does.
 */
static bool
is_constant(const struct rte_flow_action *mask)
{
	const struct conf *conf = conf_of(mask->type);
	const uint8_t *bytes = mask->conf;
	unsigned int at;

	if (bytes == NULL || conf == NULL)
		return bytes != NULL;
	for (at = 0; at < conf->size; at++)
		if (bytes[at] != 0)
			return true;
	return false;
}

/** Whether a mask would make a part of an address constant, which can't be. */
static bool
is_partial(const struct rte_flow_action *mask)
{
	const struct conf *conf = conf_of(mask->type);
	const uint8_t *bytes = mask->conf;
	unsigned int at, ones = 0;

	if (bytes == NULL || conf == NULL || !conf->address)
		return false;
	for (at = 0; at < conf->size; at++) {
		if (bytes[at] != 0 && bytes[at] != UINT8_MAX)
			return true;
		ones += bytes[at] != 0;
	}
	return ones != 0 && ones != conf->size;
}

static int
actions_check(const struct rte_flow_action *actions, const struct rte_flow_action *masks,
	unsigned int *count, struct rte_flow_error *error)
{
	for (*count = 0; actions[*count].type != RTE_FLOW_ACTION_TYPE_END; ++*count) {
		if (*count == PARTS_MAX - 1)
			return refuse(error, E2BIG, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL,
				"more than 63 actions");
		if (masks[*count].type != actions[*count].type)
			return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, &masks[*count],
				"the mask is another action's");
		if (is_partial(&masks[*count]))
			return refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, &masks[*count],
				"a mask of some of the address's bits");
		if (is_constant(&masks[*count]) && actions[*count].conf == NULL)
			return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION,
				&actions[*count], "its mask says constant, but it has no value");
	}
	return 0;
}

struct rte_flow_actions_template *
revere_flow_actions_new(struct rte_eth_dev *dev, const struct rte_flow_actions_template_attr *attr,
	const struct rte_flow_action *actions, const struct rte_flow_action *masks,
	struct rte_flow_error *error)
{
	struct rte_flow_actions_template *template;
	unsigned int count;

	RTE_SET_USED(attr);
	if (revere_flow_get(dev->data->dev_private, error) == NULL ||
	    actions_check(actions, masks, &count, error) < 0)
		return NULL;
	template = calloc(1, sizeof(*template));
	if (template == NULL)
		return no_memory(error);
	template->count = count;
	template->actions = actions_copy(actions, error);
	template->masks = actions_copy(masks, error);
	if (template->actions != NULL && template->masks != NULL)
		return template;
	free(template->actions);
	free(template->masks);
	free(template);
	return NULL;
}

int
revere_flow_actions_delete(struct rte_eth_dev *dev, struct rte_flow_actions_template *actions,
	struct rte_flow_error *error)
{
	RTE_SET_USED(dev);
	if (actions->tables > 0)
		return refuse(error, EBUSY, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"a table uses the actions template");
	free(actions->actions);
	free(actions->masks);
	free(actions);
	return 0;
}

/* ---- Tables ------------------------------------------------------------------------------- */

struct rte_flow_template_table *
revere_flow_table_new(struct rte_eth_dev *dev, const struct rte_flow_template_table_attr *attr,
	struct rte_flow_pattern_template *patterns[], uint8_t num_patterns,
	struct rte_flow_actions_template *actions[], uint8_t num_actions,
	struct rte_flow_error *error)
{
	const struct revere_flow_state *state = revere_flow_get(dev->data->dev_private, error);
	struct rte_flow_template_table *table;
	uint32_t domain;
	unsigned int i;

	if (state == NULL || revere_flow_attr(state, &attr->flow_attr, &domain, error) < 0)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return no_memory(error);
	table->attr = attr->flow_attr;
	table->num_patterns = num_patterns;
	table->num_actions = num_actions;
	for (i = 0; i < num_patterns; i++) {
		table->patterns[i] = patterns[i];
		patterns[i]->tables++;
	}
	for (i = 0; i < num_actions; i++) {
		table->actions[i] = actions[i];
		actions[i]->tables++;
	}
	return table;
}

int
revere_flow_table_delete(struct rte_eth_dev *dev, struct rte_flow_template_table *table,
	struct rte_flow_error *error)
{
	unsigned int i;

	RTE_SET_USED(dev);
	RTE_SET_USED(error);
	for (i = 0; i < table->num_patterns; i++)
		table->patterns[i]->tables--;
	for (i = 0; i < table->num_actions; i++)
		table->actions[i]->tables--;
	free(table);
	return 0;
}

/** Masks are the template's, values the flow's. */
static int
items_fill(const struct rte_flow_pattern_template *pattern, const struct rte_flow_item *items,
	struct rte_flow_item *out, struct rte_flow_error *error)
{
	unsigned int i;

	for (i = 0; i < pattern->count; i++) {
		if (items[i].type != pattern->items[i].type)
			return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, &items[i],
				"the pattern template has another item here");
		out[i] = (struct rte_flow_item){
			.type = items[i].type,
			.spec = items[i].spec,
			.mask = items[i].spec == NULL ? NULL : pattern->items[i].mask,
		};
	}
	if (items[i].type != RTE_FLOW_ITEM_TYPE_END)
		return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, &items[i],
			"the pattern template ends before");
	out[i] = items[i];
	return 0;
}

/** Of what a mask makes constant: age alone has several parts. */
static void
age_fill(const struct rte_flow_action *constant, const struct rte_flow_action *mask,
	struct rte_flow_action *out, struct rte_flow_action_age *merged)
{
	const struct rte_flow_action_age *is = mask->conf, *fixed = constant->conf;
	const struct rte_flow_action_age *own = out->conf;

	*merged = *own;
	if (is->timeout != 0)
		merged->timeout = fixed->timeout;
	if (is->context != NULL)
		merged->context = fixed->context;
	out->conf = merged;
}

/** `age`: room for a configuration that is made of both. */
static int
actions_fill(const struct rte_flow_actions_template *template,
	const struct rte_flow_action *actions, struct rte_flow_action *out,
	struct rte_flow_action_age *age, struct rte_flow_error *error)
{
	unsigned int i;

	for (i = 0; i < template->count; i++) {
		const struct rte_flow_action *mask = &template->masks[i];

		if (actions[i].type != template->actions[i].type)
			return refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, &actions[i],
				"the actions template has another action here");
		out[i] = actions[i];
		if (!is_constant(mask))
			continue;
		if (mask->type == RTE_FLOW_ACTION_TYPE_AGE && actions[i].conf != NULL)
			age_fill(&template->actions[i], mask, &out[i], age);
		else
			out[i] = template->actions[i];
	}
	out[i] = (struct rte_flow_action){ .type = RTE_FLOW_ACTION_TYPE_END };
	return 0;
}

/* ---- Operations --------------------------------------------------------------------------- */

static int
queue_room(const struct flow_queue *queue, struct rte_flow_error *error)
{
	if (queue->head - queue->tail < queue->size)
		return 0;
	return refuse(error, EAGAIN, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
		"the queue of operations is full: pull results");
}

static void
queue_add(struct flow_queue *queue, void *user_data, const struct revere_flow_posted *posted)
{
	queue->ops[queue->head++ % queue->size] = (struct flow_op){ user_data, *posted };
}

struct rte_flow *
revere_flow_async_create(struct rte_eth_dev *dev, uint32_t queue_id,
	const struct rte_flow_op_attr *attr, struct rte_flow_template_table *table,
	const struct rte_flow_item *items, uint8_t pattern, const struct rte_flow_action *actions,
	uint8_t action, void *user_data, struct rte_flow_error *error)
{
	struct flow_queue *queue = queue_find(dev, queue_id, error);
	struct revere_net *net = dev->data->dev_private;
	struct rte_flow_action flow_actions[PARTS_MAX];
	struct rte_flow_item flow_items[PARTS_MAX];
	struct rte_flow_action_age age;
	struct rte_flow *flow = NULL;

	RTE_SET_USED(attr); /* to be sent at once is allowed */
	if (queue == NULL || queue_room(queue, error) < 0)
		return NULL;
	if (pattern >= table->num_patterns || action >= table->num_actions) {
		refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the table has no such template");
		return NULL;
	}
	if (items_fill(table->patterns[pattern], items, flow_items, error) < 0 ||
	    actions_fill(table->actions[action], actions, flow_actions, &age, error) < 0)
		return NULL;
	pthread_mutex_lock(&dev->data->flow_ops_mutex);
	flow = revere_flow_new(net, true, &table->attr, flow_items, flow_actions, error);
	if (flow != NULL)
		queue_add(queue, user_data, &net->flow->posted);
	pthread_mutex_unlock(&dev->data->flow_ops_mutex);
	return flow;
}

int
revere_flow_async_destroy(struct rte_eth_dev *dev, uint32_t queue_id,
	const struct rte_flow_op_attr *attr, struct rte_flow *flow, void *user_data,
	struct rte_flow_error *error)
{
	struct flow_queue *queue = queue_find(dev, queue_id, error);
	struct revere_net *net = dev->data->dev_private;

	RTE_SET_USED(attr);
	if (queue == NULL || queue_room(queue, error) < 0)
		return -rte_errno;
	pthread_mutex_lock(&dev->data->flow_ops_mutex);
	revere_flow_delete(net, true, flow);
	queue_add(queue, user_data, &net->flow->posted);
	pthread_mutex_unlock(&dev->data->flow_ops_mutex);
	return 0;
}

int
revere_flow_push(struct rte_eth_dev *dev, uint32_t queue_id, struct rte_flow_error *error)
{
	/* Operations are sent when they are made. */
	return queue_find(dev, queue_id, error) == NULL ? -rte_errno : 0;
}

static enum rte_flow_op_status
op_status(const struct revere_net *net, const struct flow_op *op)
{
	uint64_t number;

	for (number = op->posted.first; number < op->posted.end; number++)
		if (revere_net_post_failed(net, number))
			return RTE_FLOW_OP_ERROR;
	return RTE_FLOW_OP_SUCCESS;
}

int
revere_flow_pull(struct rte_eth_dev *dev, uint32_t queue_id, struct rte_flow_op_result *results,
	uint16_t room, struct rte_flow_error *error)
{
	struct flow_queue *queue = queue_find(dev, queue_id, error);
	struct revere_net *net = dev->data->dev_private;
	uint16_t count = 0;
	uint64_t done;

	if (queue == NULL)
		return -rte_errno;
	done = revere_net_posts_poll(net, false);
	for (; count < room && queue->tail != queue->head; count++, queue->tail++) {
		const struct flow_op *op = &queue->ops[queue->tail % queue->size];

		if (op->posted.end > done)
			break;
		results[count].status = op_status(net, op);
		results[count].user_data = op->user_data;
	}
	/* Who asks again and again may have the device's thread on this very CPU. */
	if (count == 0 && queue->tail != queue->head) {
		revere_net_kick(net);
		sched_yield();
	}
	return count;
}
