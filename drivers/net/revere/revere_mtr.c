/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_mtr: meters, for the METER action of flows. A profile and a policy are this driver's, a
 * meter is the agent's: its number is its place in the list.
 */

#include <errno.h>
#include <stdlib.h>

#include "revere_flow.h"

#define METERS_MAX 4096u

struct profile {
	LIST_ENTRY(profile) next;
	uint32_t id, users;
	struct rte_mtr_meter_profile values;
};

struct policy {
	LIST_ENTRY(policy) next;
	uint32_t id, users;
	bool drop[RTE_COLORS];
};

struct meter {
	bool used, enabled;
	uint32_t id;
	struct profile *profile;
	struct policy *policy;
};

struct revere_mtr_state {
	LIST_HEAD(, profile) profiles;
	LIST_HEAD(, policy) policies;
	struct meter meters[METERS_MAX];
};

static struct revere_mtr_state *
state_get(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	if (net->mtr == NULL)
		net->mtr = calloc(1, sizeof(*net->mtr));
	return net->mtr;
}

static int
no_memory(struct rte_mtr_error *error)
{
	return -rte_mtr_error_set(error, ENOMEM, RTE_MTR_ERROR_TYPE_UNSPECIFIED, NULL,
		"no memory for meters");
}

static int
refuse(struct rte_mtr_error *error, int code, enum rte_mtr_error_type type, const char *why)
{
	return -rte_mtr_error_set(error, code, type, NULL, why);
}

static struct profile *
profile_find(const struct revere_mtr_state *state, uint32_t id)
{
	struct profile *profile;

	LIST_FOREACH(profile, &state->profiles, next)
		if (profile->id == id)
			return profile;
	return NULL;
}

static struct policy *
policy_find(const struct revere_mtr_state *state, uint32_t id)
{
	struct policy *policy;

	LIST_FOREACH(policy, &state->policies, next)
		if (policy->id == id)
			return policy;
	return NULL;
}

static struct meter *
meter_find(struct revere_mtr_state *state, uint32_t id)
{
	uint32_t i;

	for (i = 0; state != NULL && i < METERS_MAX; i++)
		if (state->meters[i].used && state->meters[i].id == id)
			return &state->meters[i];
	return NULL;
}

int
revere_net_meter_find(const struct revere_net *net, uint32_t meter_id)
{
	const struct meter *meter = meter_find(net->mtr, meter_id);

	return meter == NULL ? -ENOENT : (int)(meter - net->mtr->meters);
}

void
revere_net_meters_forget(struct revere_net *net)
{
	struct profile *profile;
	struct policy *policy;

	if (net->mtr == NULL)
		return;
	while ((profile = LIST_FIRST(&net->mtr->profiles)) != NULL) {
		LIST_REMOVE(profile, next);
		free(profile);
	}
	while ((policy = LIST_FIRST(&net->mtr->policies)) != NULL) {
		LIST_REMOVE(policy, next);
		free(policy);
	}
	free(net->mtr);
	net->mtr = NULL;
}

/* ---- Capabilities ------------------------------------------------------------------------- */

static int
mtr_capabilities(struct rte_eth_dev *dev, struct rte_mtr_capabilities *cap,
	struct rte_mtr_error *error)
{
	RTE_SET_USED(dev);
	RTE_SET_USED(error);
	memset(cap, 0, sizeof(*cap));
	cap->n_max = METERS_MAX;
	cap->n_shared_max = METERS_MAX;
	cap->identical = 1;
	cap->shared_identical = 1;
	cap->shared_n_flows_per_mtr_max = UINT32_MAX;
	cap->meter_srtcm_rfc2697_n_max = METERS_MAX;
	cap->meter_trtcm_rfc2698_n_max = METERS_MAX;
	cap->meter_rate_max = UINT64_C(1) << 36;
	cap->meter_policy_n_max = METERS_MAX;
	cap->srtcm_rfc2697_byte_mode_supported = 1;
	cap->srtcm_rfc2697_packet_mode_supported = 1;
	cap->trtcm_rfc2698_byte_mode_supported = 1;
	cap->trtcm_rfc2698_packet_mode_supported = 1;
	cap->stats_mask = RTE_MTR_STATS_N_PKTS_GREEN | RTE_MTR_STATS_N_PKTS_YELLOW |
			  RTE_MTR_STATS_N_PKTS_RED | RTE_MTR_STATS_N_PKTS_DROPPED |
			  RTE_MTR_STATS_N_BYTES_GREEN | RTE_MTR_STATS_N_BYTES_YELLOW |
			  RTE_MTR_STATS_N_BYTES_RED | RTE_MTR_STATS_N_BYTES_DROPPED;
	return 0;
}

/* ---- Profiles and policies ---------------------------------------------------------------- */

static int
profile_check(const struct rte_mtr_meter_profile *values, struct rte_mtr_error *error)
{
	uint64_t cir, pir = 1;

	if (values->alg == RTE_MTR_SRTCM_RFC2697) {
		cir = values->srtcm_rfc2697.cir;
	} else if (values->alg == RTE_MTR_TRTCM_RFC2698) {
		cir = values->trtcm_rfc2698.cir;
		pir = values->trtcm_rfc2698.pir;
	} else {
		return refuse(error, ENOTSUP, RTE_MTR_ERROR_TYPE_METER_PROFILE,
			"the algorithms are srTCM (RFC 2697) and trTCM (RFC 2698)");
	}
	if (cir == 0 || pir == 0 || cir > UINT64_C(1) << 36 || pir > UINT64_C(1) << 36)
		return refuse(error, EINVAL, RTE_MTR_ERROR_TYPE_METER_PROFILE,
			"rates are 1 to 2^36 a second");
	return 0;
}

static int
profile_add(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_meter_profile *values,
	struct rte_mtr_error *error)
{
	struct revere_mtr_state *state = state_get(dev);
	struct profile *profile;
	int ret;

	if (state == NULL)
		return no_memory(error);
	if (profile_find(state, id) != NULL)
		return refuse(error, EEXIST, RTE_MTR_ERROR_TYPE_METER_PROFILE_ID,
			"there is a profile with this number");
	ret = profile_check(values, error);
	if (ret < 0)
		return ret;
	profile = calloc(1, sizeof(*profile));
	if (profile == NULL)
		return no_memory(error);
	profile->id = id;
	profile->values = *values;
	LIST_INSERT_HEAD(&state->profiles, profile, next);
	return 0;
}

static int
profile_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct revere_mtr_state *state = state_get(dev);
	struct profile *profile = state == NULL ? NULL : profile_find(state, id);

	if (profile == NULL)
		return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_METER_PROFILE_ID,
			"there is no profile with this number");
	if (profile->users > 0)
		return refuse(error, EBUSY, RTE_MTR_ERROR_TYPE_METER_PROFILE_ID,
			"a meter uses the profile");
	LIST_REMOVE(profile, next);
	free(profile);
	return 0;
}

/** A color's packets are dropped, or go on. */
static int
policy_color(const struct rte_flow_action *actions, bool *drop, struct rte_mtr_error *error)
{
	*drop = false;
	for (; actions != NULL && actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
		if (actions->type == RTE_FLOW_ACTION_TYPE_DROP)
			*drop = true;
		else if (actions->type != RTE_FLOW_ACTION_TYPE_VOID &&
			 actions->type != RTE_FLOW_ACTION_TYPE_PASSTHRU)
			return refuse(error, ENOTSUP, RTE_MTR_ERROR_TYPE_METER_POLICY,
				"the action of a color is drop, or none");
	}
	return 0;
}

static int
policy_validate(struct rte_eth_dev *dev, struct rte_mtr_meter_policy_params *params,
	struct rte_mtr_error *error)
{
	unsigned int color;
	int ret = 0;
	bool drop;

	RTE_SET_USED(dev);
	for (color = 0; color < RTE_COLORS && ret == 0; color++)
		ret = policy_color(params->actions[color], &drop, error);
	return ret;
}

static int
policy_add(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_meter_policy_params *params,
	struct rte_mtr_error *error)
{
	struct revere_mtr_state *state = state_get(dev);
	struct policy *policy;
	unsigned int color;
	int ret;

	if (state == NULL)
		return no_memory(error);
	if (policy_find(state, id) != NULL)
		return refuse(error, EEXIST, RTE_MTR_ERROR_TYPE_METER_POLICY_ID,
			"there is a policy with this number");
	ret = policy_validate(dev, params, error);
	if (ret < 0)
		return ret;
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return no_memory(error);
	policy->id = id;
	for (color = 0; color < RTE_COLORS; color++)
		policy_color(params->actions[color], &policy->drop[color], error);
	LIST_INSERT_HEAD(&state->policies, policy, next);
	return 0;
}

static int
policy_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct revere_mtr_state *state = state_get(dev);
	struct policy *policy = state == NULL ? NULL : policy_find(state, id);

	if (policy == NULL)
		return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_METER_POLICY_ID,
			"there is no policy with this number");
	if (policy->users > 0)
		return refuse(error, EBUSY, RTE_MTR_ERROR_TYPE_METER_POLICY_ID,
			"a meter uses the policy");
	LIST_REMOVE(policy, next);
	free(policy);
	return 0;
}

/* ---- Meters ------------------------------------------------------------------------------- */

static uint32_t
meter_flags(const struct meter *meter)
{
	const bool *drop = meter->policy->drop;

	return (meter->profile->values.packet_mode ? RVR_RNA_FLOW_METER_PACKETS : 0) |
	       (drop[RTE_COLOR_GREEN] ? RVR_RNA_FLOW_METER_DROP_GREEN : 0) |
	       (drop[RTE_COLOR_YELLOW] ? RVR_RNA_FLOW_METER_DROP_YELLOW : 0) |
	       (drop[RTE_COLOR_RED] ? 0 : RVR_RNA_FLOW_METER_PASS_RED) |
	       (meter->enabled ? 0 : RVR_RNA_FLOW_METER_OFF);
}

/** Gives the meter at @p at these values; they are the driver's too only if the agent agrees. */
static int
meter_set(struct revere_net *net, struct meter *at, const struct meter *meter, uint32_t flags,
	struct rte_mtr_error *error)
{
	const struct rte_mtr_meter_profile *values = &meter->profile->values;
	bool two = values->alg == RTE_MTR_TRTCM_RFC2698;
	struct rvr_rna_flow_meter request = {
		.id = rvr_cpu_le32((uint32_t)(at - net->mtr->meters)),
		.flags = rvr_cpu_le32(meter_flags(meter) | flags),
		.cir = rvr_cpu_le64(two ? values->trtcm_rfc2698.cir : values->srtcm_rfc2697.cir),
		.cbs = rvr_cpu_le64(two ? values->trtcm_rfc2698.cbs : values->srtcm_rfc2697.cbs),
		.pir = rvr_cpu_le64(two ? values->trtcm_rfc2698.pir : 0),
		.ebs = rvr_cpu_le64(two ? values->trtcm_rfc2698.pbs : values->srtcm_rfc2697.ebs),
	};
	int ret = revere_net_request(net, RVR_RNA_CTL_FLOW_METER_SET, &request, sizeof(request),
		NULL, 0);

	if (ret < 0)
		return refuse(error, -ret, RTE_MTR_ERROR_TYPE_MTR_PARAMS,
			"the adapter refuses the meter");
	*at = *meter;
	return 0;
}

static int
meter_create(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_params *params, int shared,
	struct rte_mtr_error *error)
{
	struct revere_mtr_state *state = state_get(dev);
	struct meter meter = { .used = true, .enabled = params->meter_enable, .id = id };
	uint32_t i = 0;
	int ret;

	RTE_SET_USED(shared);
	if (state == NULL)
		return no_memory(error);
	if (meter_find(state, id) != NULL)
		return refuse(error, EEXIST, RTE_MTR_ERROR_TYPE_MTR_ID,
			"there is a meter with this number");
	while (i < METERS_MAX && state->meters[i].used)
		i++;
	if (i == METERS_MAX)
		return refuse(error, ENOSPC, RTE_MTR_ERROR_TYPE_MTR_ID, "there are 4096 meters");
	meter.profile = profile_find(state, params->meter_profile_id);
	meter.policy = policy_find(state, params->meter_policy_id);
	if (meter.profile == NULL)
		return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_METER_PROFILE_ID,
			"there is no profile with this number");
	if (meter.policy == NULL)
		return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_METER_POLICY_ID,
			"there is no policy with this number");
	ret = meter_set(dev->data->dev_private, &state->meters[i], &meter, 0, error);
	if (ret < 0)
		return ret;
	meter.profile->users++;
	meter.policy->users++;
	return 0;
}

static int
no_meter(struct rte_mtr_error *error)
{
	return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_MTR_ID,
		"there is no meter with this number");
}

static int
meter_destroy(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct meter *meter = meter_find(net->mtr, id);
	struct rvr_rna_flow_meter request = { 0 };
	int ret;

	if (meter == NULL)
		return no_meter(error);
	request.id = rvr_cpu_le32((uint32_t)(meter - net->mtr->meters));
	ret = revere_net_request_quiet(net, RVR_RNA_CTL_FLOW_METER_SET, &request, sizeof(request),
		NULL, 0);
	if (ret < 0)
		return refuse(error, -ret, RTE_MTR_ERROR_TYPE_MTR_ID, "a flow uses the meter");
	meter->used = false;
	meter->profile->users--;
	meter->policy->users--;
	return 0;
}

static int
meter_turn(struct rte_eth_dev *dev, uint32_t id, bool on, struct rte_mtr_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct meter *meter = meter_find(net->mtr, id), changed;

	if (meter == NULL)
		return no_meter(error);
	changed = *meter;
	changed.enabled = on;
	return meter_set(net, meter, &changed, RVR_RNA_FLOW_METER_KEEP, error);
}

static int
meter_enable(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	return meter_turn(dev, id, true, error);
}

static int
meter_disable(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	return meter_turn(dev, id, false, error);
}

static int
meter_profile_update(struct rte_eth_dev *dev, uint32_t id, uint32_t profile_id,
	struct rte_mtr_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct meter *meter = meter_find(net->mtr, id), changed;
	struct profile *before;
	int ret;

	if (meter == NULL)
		return no_meter(error);
	before = meter->profile;
	changed = *meter;
	changed.profile = profile_find(net->mtr, profile_id);
	if (changed.profile == NULL)
		return refuse(error, ENOENT, RTE_MTR_ERROR_TYPE_METER_PROFILE_ID,
			"there is no profile with this number");
	ret = meter_set(net, meter, &changed, RVR_RNA_FLOW_METER_KEEP, error);
	if (ret < 0)
		return ret;
	before->users--;
	changed.profile->users++;
	return 0;
}

static int
meter_stats(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_stats *stats, uint64_t *mask,
	int clear, struct rte_mtr_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct meter *meter = meter_find(net->mtr, id);
	struct rvr_rna_flow_query request = {
		.flags = rvr_cpu_le32(clear ? RVR_RNA_FLOW_QUERY_RESET : 0),
	};
	struct rvr_rna_flow_colors colors;
	struct rte_mtr_capabilities cap;
	unsigned int i;
	int ret;

	if (meter == NULL)
		return no_meter(error);
	request.id = rvr_cpu_le32((uint32_t)(meter - net->mtr->meters));
	ret = revere_net_request(net, RVR_RNA_CTL_FLOW_METER_GET, &request, sizeof(request),
		&colors, sizeof(colors));
	if (ret < 0)
		return refuse(error, -ret, RTE_MTR_ERROR_TYPE_MTR_ID, "the adapter has no counts");
	for (i = 0; i < RTE_COLORS; i++) {
		stats->n_pkts[i] = rvr_le64_cpu(colors.packets[i]);
		stats->n_bytes[i] = rvr_le64_cpu(colors.bytes[i]);
	}
	stats->n_pkts_dropped = rvr_le64_cpu(colors.dropped_packets);
	stats->n_bytes_dropped = rvr_le64_cpu(colors.dropped_bytes);
	mtr_capabilities(dev, &cap, error);
	if (mask != NULL)
		*mask = cap.stats_mask;
	return 0;
}

static const struct rte_mtr_ops mtr_ops = {
	.capabilities_get = mtr_capabilities,
	.meter_profile_add = profile_add,
	.meter_profile_delete = profile_delete,
	.meter_policy_validate = policy_validate,
	.meter_policy_add = policy_add,
	.meter_policy_delete = policy_delete,
	.create = meter_create,
	.destroy = meter_destroy,
	.meter_enable = meter_enable,
	.meter_disable = meter_disable,
	.meter_profile_update = meter_profile_update,
	.stats_read = meter_stats,
};

int
revere_net_mtr_ops_get(struct rte_eth_dev *dev, void *ops)
{
	RTE_SET_USED(dev);
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return -ENOTSUP;
	*(const struct rte_mtr_ops **)ops = &mtr_ops;
	return 0;
}
