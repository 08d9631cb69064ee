/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow: life of flows, and of actions that they share.
 */

#include <errno.h>
#include <stdlib.h>

#include "revere_flow.h"

/* ---- Flows -------------------------------------------------------------------------------- */

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
	struct revere_flow_translated *out, struct rte_flow_error *error)
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
		ret = revere_flow_actions(net, attr, &out->pattern, actions, &out->actions, error);
	if (ret < 0)
		return ret;
	out->rules = revere_flow_pattern_rules(&out->pattern);
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
	struct revere_flow_translated translated;

	return translate(dev->data->dev_private, attr, items, actions, &translated, error);
}

static void
flow_forget(struct revere_net *net, struct rte_flow *flow)
{
	struct revere_flow_state *state = net->flow;
	uint32_t i;

	for (i = 0; i < flow->count; i++)
		state->flows[flow->rules[i].rule] = NULL;
	if (flow->aged)
		TAILQ_REMOVE(&state->aged, flow, next_aged);
	if (flow->age)
		revere_flow_age_end(net);
	TAILQ_REMOVE(&state->list, flow, next);
	if (flow->own_counter)
		revere_flow_id_put(&state->counter_ids, flow->counter);
	if (flow->handle != NULL)
		flow->handle->users--;
	free(flow);
}

static int
flow_counter_get(struct revere_flow_state *state, struct rte_flow *flow,
	struct revere_flow_actions *actions, struct rte_flow_error *error)
{
	flow->counter = actions->handle != NULL ? actions->handle->counter : REVERE_FLOW_NONE;
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
flow_make(struct revere_net *net, struct rte_flow *flow, struct revere_flow_translated *translated,
	struct rte_flow_error *error)
{
	struct revere_flow_state *state = net->flow;
	int ret = flow_counter_get(state, flow, &translated->actions, error);

	if (ret < 0)
		return ret;
	ret = revere_flow_rules_add(net, flow, translated, error);
	if (ret < 0 && flow->own_counter)
		revere_flow_id_put(&state->counter_ids, flow->counter);
	return ret;
}

struct rte_flow *
revere_flow_new(struct revere_net *net, bool quick, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct revere_flow_translated translated;
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
	revere_flow_change_begin(net->flow, quick);
	ret = flow_make(net, flow, &translated, error);
	revere_flow_change_end(net->flow);
	if (ret < 0) {
		free(flow);
		return NULL;
	}
	flow->handle = translated.actions.handle;
	if (flow->handle != NULL)
		flow->handle->users++;
	flow->age = translated.actions.age;
	flow->age_context = translated.actions.age_context;
	if (flow->age)
		revere_flow_age_begin(net);
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
	revere_flow_change_begin(net->flow, quick);
	revere_flow_rules_del(net, flow);
	revere_flow_change_end(net->flow);
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
	revere_flow_age_stop(net);
	while ((flow = TAILQ_FIRST(&net->flow->list)) != NULL)
		flow_forget(net, flow);
	while ((handle = LIST_FIRST(&net->flow->handles)) != NULL) {
		LIST_REMOVE(handle, next);
		free(handle);
	}
	revere_flow_state_free(net->flow);
	net->flow = NULL;
	net->marks = false;
}

/* ---- Shared actions ----------------------------------------------------------------------- */

/** A number's counter has what was counted when it was another's. */
static int
counter_reset(struct revere_net *net, uint32_t counter, struct rte_flow_error *error)
{
	struct rte_flow_query_count count = { .reset = 1 };

	return revere_flow_query_count(net, counter, &count, error);
}

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
	if (counter_reset(net, handle->counter, error) < 0) {
		revere_flow_id_put(&state->counter_ids, handle->counter);
		free(handle);
		return NULL;
	}
	handle->net = net;
	LIST_INSERT_HEAD(&state->handles, handle, next);
	return handle;
}

static int
handle_destroy(struct rte_eth_dev *dev, struct rte_flow_action_handle *handle,
	struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;

	if (handle->users > 0)
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
	return revere_flow_query_count(dev->data->dev_private, handle->counter, data, error);
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
	.query = revere_flow_query,
	.isolate = flow_isolate,
	.dev_dump = revere_flow_dump,
	.get_aged_flows = revere_flow_aged,
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
