/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow: what a port knows of its flows. The driver picks the numbers of matchers, rules and
 * counters, so that a flow is made by one message.
 */

#include <stdlib.h>

#include <rte_random.h>

#include "revere_flow.h"

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

void
revere_flow_state_free(struct revere_flow_state *state)
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
	state->print_bucket = calloc(REVERE_FLOW_PRINT_BUCKETS, sizeof(state->print_bucket[0]));
	state->seed = rte_rand();
	if (ids_init(&state->rule_ids, info->rules) &&
	    ids_init(&state->counter_ids, info->counters) && state->matchers != NULL &&
	    state->flows != NULL && state->prints != NULL && state->print_bucket != NULL)
		return state;
	revere_flow_state_free(state);
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
