/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow: what flows did: counters, age, and a dump.
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_alarm.h>

#include "revere_flow.h"

#define AGE_LOOK_US 1000000

/* ---- Queries ------------------------------------------------------------------------------ */

int
revere_flow_query_count(struct revere_net *net, uint32_t counter,
	struct rte_flow_query_count *count, struct rte_flow_error *error)
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

/** Age of one of a flow's rules. */
static int
rule_age(struct revere_net *net, const struct rte_flow *flow, uint32_t index,
	struct rvr_rna_flow_counts *counts)
{
	struct rvr_rna_flow_query request = {
		.id = rvr_cpu_le32(flow->rules[index].rule),
		.flags = rvr_cpu_le32(RVR_RNA_FLOW_QUERY_AGE),
	};

	return revere_net_request(net, RVR_RNA_CTL_FLOW_QUERY, &request, sizeof(request), counts,
		sizeof(*counts));
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
		if (rule_age(net, flow, i, &counts) < 0)
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

int
revere_flow_query(struct rte_eth_dev *dev, struct rte_flow *flow,
	const struct rte_flow_action *actions, void *data, struct rte_flow_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = 0;

	for (; actions->type != RTE_FLOW_ACTION_TYPE_END && ret == 0; actions++) {
		if (actions->type == RTE_FLOW_ACTION_TYPE_COUNT)
			ret = revere_flow_query_count(net, flow->counter, data, error);
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

int
revere_flow_dump(struct rte_eth_dev *dev, struct rte_flow *one, FILE *file,
	struct rte_flow_error *error)
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

/**
 * Whether all rules of a flow have aged; the last of them to do so is told of after the others.
 * What was young when it was looked at last most probably still is: there may be many rules.
 */
static bool
flow_has_aged(struct revere_net *net, struct rte_flow *flow)
{
	struct rvr_rna_flow_counts counts;
	uint32_t i;

	for (i = 0; flow->count > 1 && i < flow->count; i++) {
		uint32_t index = (flow->young + i) % flow->count;

		if (rule_age(net, flow, index, &counts) < 0)
			return false;
		if (!rvr_le32_cpu(counts.aged)) {
			flow->young = index;
			return false;
		}
	}
	return true;
}

/** A rule has aged, and its flow if all of its rules have. */
static void
aged_note(struct revere_net *net, uint32_t rule)
{
	struct revere_flow_state *state = net->flow;
	struct rte_flow *flow = rule < state->info.rules ? state->flows[rule] : NULL;

	if (flow == NULL || flow->aged || !flow_has_aged(net, flow))
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
			aged_note(net, rvr_le32_cpu(aged.rule[i]));
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

static void age_look(void *arg);

/** EAL's locks of alarms are unknown to checkers of threads: this hands ports back. */
static unsigned int age_looks;

/** One alarm is set, not two. */
static void
age_arm(struct revere_net *net)
{
	if (__atomic_exchange_n(&net->age_armed, true, __ATOMIC_SEQ_CST))
		return;
	if (rte_eal_alarm_set(AGE_LOOK_US, age_look, net) < 0)
		__atomic_store_n(&net->age_armed, false, __ATOMIC_SEQ_CST);
}

/**
 * Flows that aged are announced once; who listens takes them by get_aged_flows(). Looks end by
 * themselves when nothing ages any more: flows are destroyed under ethdev's lock, for which the
 * application's callback may wait, so that nobody may wait there for the alarm.
 */
static void
age_look(void *arg)
{
	struct revere_net *net = arg;
	struct rte_eth_dev *dev;

	if (!__atomic_load_n(&net->age_armed, __ATOMIC_SEQ_CST))
		return;
	dev = &rte_eth_devices[net->data->port_id];
	if (age_news(net)) {
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_FLOW_AGED, NULL);
		/* The application may have closed the port when it was told. */
		if (dev->state != RTE_ETH_DEV_ATTACHED || dev->data->dev_private != net)
			return;
	}
	__atomic_store_n(&net->age_armed, false, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&net->aging, __ATOMIC_SEQ_CST) > 0)
		age_arm(net);
	__atomic_fetch_add(&age_looks, 1, __ATOMIC_RELEASE);
}

void
revere_flow_age_stop(struct revere_net *net)
{
	rte_eal_alarm_cancel(age_look, net);
	(void)__atomic_load_n(&age_looks, __ATOMIC_ACQUIRE);
	__atomic_store_n(&net->age_armed, false, __ATOMIC_SEQ_CST);
}

void
revere_flow_age_begin(struct revere_net *net)
{
	__atomic_fetch_add(&net->aging, 1, __ATOMIC_SEQ_CST);
	age_arm(net);
}

void
revere_flow_age_end(struct revere_net *net)
{
	__atomic_fetch_sub(&net->aging, 1, __ATOMIC_SEQ_CST);
}

int
revere_flow_aged(struct rte_eth_dev *dev, void **contexts, uint32_t room,
	struct rte_flow_error *error)
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
