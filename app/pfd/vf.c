/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts, agents' contexts and sessions for VFs, as the policy says. A VF is enabled when all is
 * there. What is being given stands in the state before the device is told, so that the process
 * after this one takes it back.
 */

#include <string.h>

#include "pfd.h"

/* What a device has to give. */
struct store {
	struct pfd *pfd;
	unsigned int vf;
	uint8_t min_length, max_length, num_ams; /* of AMU_IDR */
	uint32_t num_asn, num_aha; /* of PF-PROBE */
};

/* ---- Counting ------------------------------------------------------------------------------- */

void
pfd_vfs_count(const struct pfd_state *state, struct pfd_usage *usage)
{
	const struct pfd_vf_context *context;
	unsigned int vf, i;

	for (vf = 0; vf < PFD_VFS; vf++) {
		for (i = 0; state->vfs[vf].used && i < state->vfs[vf].num; i++) {
			context = &state->vfs[vf].contexts[i];
			usage->contexts += context->sw_taken;
			usage->agents_contexts += context->hw_taken;
			usage->sessions += context->num_asns;
		}
	}
}

/* A name if one of the quotas of all is used up, else NULL. */
static const char *
used_up(const struct pfd *pfd, uint32_t sessions)
{
	const struct pfd_limits *total = pfd_policy_total(pfd->policy);
	const struct pfd_usage *used = &pfd->state->usage;

	if (used->contexts >= total->contexts)
		return "contexts";
	if (used->agents_contexts >= total->agents_contexts)
		return "contexts of agents";
	if (sessions > total->sessions || used->sessions > total->sessions - sessions)
		return "sessions";
	return NULL;
}

/* ---- Taking back ---------------------------------------------------------------------------- */

static void
context_take(struct pfd *pfd, struct pfd_vf_context *context)
{
	struct pfd_state *state = pfd->state;

	for (; context->num_asns > 0; context->num_asns--) {
		PFD_EXECUTE(pfd, pf_asn_destroy,
			.asn_id = context->asn_ids[context->num_asns - 1]);
		state->device_asn[context->asn_ids[context->num_asns - 1]] = 0;
		state->usage.sessions--;
	}
	if (context->hw_taken) {
		PFD_EXECUTE(pfd, pf_ami_hw_unmap, .phy_ami_hw_id = context->hw_phy_id,
			.aha_id = context->aha_id);
		PFD_EXECUTE(pfd, pf_ami_hw_reset, .phy_ami_hw_id = context->hw_phy_id,
			.aha_id = context->aha_id);
		state->phy_ami_hw[context->aha_id][context->hw_phy_id] = 0;
		state->usage.agents_contexts--;
	}
	if (context->sw_taken) {
		PFD_EXECUTE(pfd, pf_ami_sw_unmap, .phy_ami_sw_id = context->sw_phy_id);
		PFD_EXECUTE(pfd, pf_ami_sw_reset, .phy_ami_sw_id = context->sw_phy_id);
		state->phy_ami_sw[context->sw_phy_id] = 0;
		state->usage.contexts--;
	}
	memset(context, 0, sizeof(*context));
}

static void
vf_take(struct pfd *pfd, unsigned int number)
{
	struct pfd_vf *vf = &pfd->state->vfs[number];
	unsigned int i;

	vf->ready = false;
	PFD_EXECUTE(pfd, pf_f_disable, .f_owner = number);
	for (i = 0; i < vf->num && i < PFD_VF_CONTEXTS; i++)
		context_take(pfd, &vf->contexts[i]);
	PFD_EXECUTE(pfd, pf_f_trap_configure, .f_owner = number);
	memset(vf, 0, sizeof(*vf));
}

/* ---- Giving --------------------------------------------------------------------------------- */

/* The first agent of a kind: its AHA_ID, or a negative errno. */
static int
agent_find(const struct store *store, enum rvr_aha_kind kind)
{
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_probe_aha_req req;
	struct rvr_pf_probe_aha_rsp rsp;
	struct pfd *pfd = store->pfd;
	int ret;

	for (req.aha_id = 0; req.aha_id < store->num_aha; req.aha_id++) {
		rvr_pf_probe_aha_req_encode(request, &req, RVR_STATUS_OK);
		ret = pfd->backend->command(pfd->arg, request, response);
		if (ret < 0)
			return ret;
		rvr_pf_probe_aha_rsp_decode(response, &rsp);
		if (rvr_msg_status(response) == RVR_STATUS_OK &&
			rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT) == (uint64_t)kind)
			return (int)req.aha_id;
	}
	return -ENOENT;
}

/* Maps the first AMI-SW that is free. 0, a STATUS, or a negative errno */
static int
sw_map(const struct store *store, unsigned int id, struct pfd_vf_context *context)
{
	struct pfd_state *state = store->pfd->state;
	uint32_t phy_id;
	int ret;

	for (phy_id = 0; phy_id < PFD_IDS; phy_id++) {
		if (state->phy_ami_sw[phy_id])
			continue;
		context->sw_phy_id = (uint16_t)phy_id;
		__atomic_store_n(&context->sw_taken, true, __ATOMIC_SEQ_CST);
		ret = PFD_EXECUTE(store->pfd, pf_ami_sw_map, .phy_ami_sw_id = phy_id,
			.ami_sw_id = id, .f_owner = store->vf);
		context->sw_taken = ret == 0;
		state->phy_ami_sw[phy_id] = ret == 0;
		state->usage.contexts += ret == 0;
		if (ret != RVR_ST_PF_AMI_SW_MAP_PHY_AMI_SW_MAPPED)
			return ret;
	}
	return RVR_STATUS_OTHER;
}

static int
hw_map(const struct store *store, unsigned int id, struct pfd_vf_context *context)
{
	struct pfd_state *state = store->pfd->state;
	uint32_t phy_id;
	int ret;

	for (phy_id = 0; phy_id < PFD_IDS; phy_id++) {
		if (state->phy_ami_hw[context->aha_id][phy_id])
			continue;
		context->hw_phy_id = (uint16_t)phy_id;
		__atomic_store_n(&context->hw_taken, true, __ATOMIC_SEQ_CST);
		ret = PFD_EXECUTE(store->pfd, pf_ami_hw_map, .aha_id = context->aha_id,
			.phy_ami_hw_id = phy_id, .ami_hw_id = id, .f_owner = store->vf);
		context->hw_taken = ret == 0;
		state->phy_ami_hw[context->aha_id][phy_id] = ret == 0;
		state->usage.agents_contexts += ret == 0;
		if (ret != RVR_ST_PF_AMI_HW_MAP_PHY_AMI_HW_MAPPED)
			return ret;
	}
	return RVR_STATUS_OTHER;
}

static int
session_create(const struct store *store, const struct pfd_vf_context *context, uint32_t asn_id,
	const struct revere_vf_session *session)
{
	const struct pfd_vf_rule *rule = &store->pfd->state->vfs[store->vf].rule;
	struct rvr_pf_asn_create_req req = {
		.asn_id = asn_id,
		.prio = session->prio < rule->prio ? session->prio : rule->prio,
		.log2_msg_length = session->log2_msg_length,
	};
	uint8_t request[RVR_MGT_MSG_SIZE];

	if (session->to_agent) {
		req.src_phy_ami_id = context->sw_phy_id;
		req.src_ams = session->sw_ams;
		req.dst_ami_type = RVR_END_AMI_HW;
		req.dst_phy_ami_id = context->hw_phy_id;
		req.dst_aha_id = context->aha_id;
		req.dst_ams = session->hw_ams;
	} else {
		req.src_ami_type = RVR_END_AMI_HW;
		req.src_phy_ami_id = context->hw_phy_id;
		req.src_aha_id = context->aha_id;
		req.src_ams = session->hw_ams;
		req.dst_phy_ami_id = context->sw_phy_id;
		req.dst_ams = session->sw_ams;
	}
	rvr_pf_asn_create_req_encode(request, &req, RVR_STATUS_OK);
	return pfd_execute(store->pfd, request);
}

/* Connects sockets. Numbers from the last one down: clients begin with the first. */
static int
connect_all(const struct store *store, struct pfd_vf_context *context,
	const struct revere_vf_session *sessions, unsigned int num)
{
	struct pfd_state *state = store->pfd->state;
	uint32_t id = store->num_asn;
	int ret;

	while (context->num_asns < num) {
		if (id-- == 0)
			return RVR_STATUS_OTHER;
		if (state->device_asn[id] != 0)
			continue;
		context->asn_ids[context->num_asns] = id;
		state->device_asn[id] = 1;
		state->usage.sessions++;
		__atomic_store_n(&context->num_asns, context->num_asns + 1, __ATOMIC_SEQ_CST);
		ret = session_create(store, context, id, &sessions[context->num_asns - 1]);
		if (ret == 0)
			continue;
		context->num_asns--;
		state->device_asn[id] = 0;
		state->usage.sessions--;
		if (ret != RVR_ST_PF_ASN_CREATE_ASN_IN_USE)
			return ret;
	}
	return 0;
}

static int
context_give(const struct store *store, enum rvr_aha_kind kind,
	const struct revere_vf_session *sessions, unsigned int num)
{
	struct pfd_vf *vf = &store->pfd->state->vfs[store->vf];
	struct pfd_vf_context *context = &vf->contexts[vf->num];
	const char *quota = used_up(store->pfd, num);
	unsigned int id = vf->num;
	int ret = agent_find(store, kind);

	if (ret >= PFD_AHAS)
		ret = -ENOENT;
	if (quota != NULL)
		ret = -EDQUOT;
	if (ret < 0) {
		pfd_log(PFD_ERR, "VF %u: %s%s", store->vf, quota == NULL ?
			"the device has no agent of the kind that it's to have" :
			"quota: total of ", quota == NULL ? "" : quota);
		return ret;
	}
	context->aha_id = (uint16_t)ret;
	vf->num++;
	ret = sw_map(store, id, context);
	if (ret == 0)
		ret = hw_map(store, id, context);
	if (ret == 0)
		ret = connect_all(store, context, sessions, num);
	if (ret > 0)
		pfd_log(PFD_ERR, "VF %u: its context %u is refused by the device with status %d: "
			"it has too few VFs, contexts or sessions", store->vf, id, ret);
	return ret == 0 ? 0 : -EIO;
}

static int
contexts_give(const struct store *store, const struct pfd_vf_rule *rule)
{
	const uint8_t min = store->min_length, max = store->max_length;
	struct revere_vf_session sessions[RVR_PLAN_MAX];
	unsigned int i, num;
	int ret = 0;

	/* A port's control channel, then one for each queue pair. */
	for (i = 0; i <= rule->net && rule->net > 0 && ret == 0; i++) {
		num = i == 0 ? rvr_plan_net_control(min, max, sessions) : rvr_plan_net_pair(min,
			rvr_plan_length(min, max, RVR_PLAN_NET_LOG2_LENGTH), sessions);
		ret = context_give(store, RVR_AHA_RNA, sessions, num);
	}
	num = rvr_plan_dma(min, max, sessions);
	for (i = 0; i < rule->dma && ret == 0; i++)
		ret = context_give(store, RVR_AHA_DMA, sessions, num);
	num = rvr_plan_raw(min, store->num_ams, sessions);
	for (i = 0; i < rule->raw && ret == 0; i++)
		ret = context_give(store, RVR_AHA_INVERSION, sessions, num);
	return ret;
}

/* ---- Trapping ------------------------------------------------------------------------------- */

static int
trap_configure(struct pfd *pfd, unsigned int number, uint64_t set)
{
	const struct rvr_pf_f_trap_configure_req req = { .f_owner = number, .enable = 1 };
	uint8_t request[RVR_MGT_MSG_SIZE];

	rvr_pf_f_trap_configure_req_encode(request, &req, RVR_STATUS_OK);
	rvr_msg_put(request, RVR_TRAP_SET_OFFSET, 63, 0, set);
	rvr_msg_put(request, RVR_TRAP_SET_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
	return pfd_execute(pfd, request);
}

/* The VF's contexts stand still meanwhile, and go on. */
static int
vf_start(struct pfd *pfd, unsigned int number, uint64_t trap)
{
	struct pfd_vf *vf = &pfd->state->vfs[number];
	int ret = PFD_EXECUTE(pfd, pf_f_disable, .f_owner = number);

	if (ret == 0)
		ret = trap_configure(pfd, number, trap);
	if (ret == 0)
		ret = PFD_EXECUTE(pfd, pf_f_enable, .f_owner = number);
	if (ret > 0)
		pfd_log(PFD_ERR, "VF %u can't be enabled: status %d", number, ret);
	if (ret == 0)
		__atomic_store_n(&vf->ready, true, __ATOMIC_SEQ_CST);
	return ret == 0 ? 0 : -EIO;
}

/* ---- Policy --------------------------------------------------------------------------------- */

static int
store_open(struct store *store)
{
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct pfd *pfd = store->pfd;
	uint64_t idr = pfd->backend->reg_read(pfd->arg, RVR_AMU_IDR);
	uint64_t tx = rvr_get(idr, RVR_AMU_IDR_NUM_TX_AMS_M1) + 1;
	uint64_t rx = rvr_get(idr, RVR_AMU_IDR_NUM_RX_AMS_M1) + 1;
	struct rvr_pf_probe_rsp rsp;
	int ret;

	rvr_pf_probe_req_encode(request, NULL, RVR_STATUS_OK);
	ret = pfd->backend->command(pfd->arg, request, response);
	if (ret < 0)
		return ret;
	rvr_pf_probe_rsp_decode(response, &rsp);
	store->min_length = (uint8_t)rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH);
	store->max_length = (uint8_t)rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH);
	store->num_ams = (uint8_t)(tx < rx ? tx : rx);
	store->num_asn = rsp.max_asn < PFD_IDS ? (uint32_t)rsp.max_asn : PFD_IDS;
	store->num_aha = (uint32_t)rsp.num_aha;
	return 0;
}

static void
vf_give(struct pfd *pfd, unsigned int number, const struct pfd_vf_rule *rule)
{
	struct store store = { .pfd = pfd, .vf = number };
	struct pfd_vf *vf = &pfd->state->vfs[number];
	int ret;

	vf->rule = *rule;
	__atomic_store_n(&vf->used, true, __ATOMIC_SEQ_CST);
	/* Enabled by somebody before: it must not run on what it gets piece by piece. */
	ret = PFD_EXECUTE(pfd, pf_f_disable, .f_owner = number);
	if (ret > 0)
		pfd_log(PFD_ERR, "VF %u: the device has none of this number", number);
	if (ret == 0)
		ret = store_open(&store);
	if (ret == 0)
		ret = contexts_give(&store, rule);
	if (ret == 0)
		ret = vf_start(pfd, number, rule->trap);
	if (ret != 0)
		vf_take(pfd, number);
	else
		pfd_log(PFD_INFO, "VF %u has %u contexts", number, vf->num);
}

static bool
same_contexts(const struct pfd_vf_rule *a, const struct pfd_vf_rule *b)
{
	return a->net == b->net && a->dma == b->dma && a->raw == b->raw && a->prio == b->prio;
}

static void
vf_apply(struct pfd *pfd, unsigned int number)
{
	const struct pfd_vf_rule *rule = pfd_policy_vf(pfd->policy, number);
	struct pfd_vf *vf = &pfd->state->vfs[number];
	uint64_t trap = vf->rule.trap;
	struct pfd_vf_rule next;

	if (vf->used && (!vf->ready || rule == NULL || !same_contexts(rule, &vf->rule)))
		vf_take(pfd, number);
	if (rule != NULL && !vf->used) {
		vf_give(pfd, number, rule);
	} else if (rule != NULL) {
		next = *rule;
		next.trap = trap;
		vf->rule = next;
		/* Who dies before the device has the set leaves that to the next one. */
		if (rule->trap != trap && vf_start(pfd, number, rule->trap) < 0)
			vf_take(pfd, number);
		else
			vf->rule.trap = rule->trap;
	}
}

void
pfd_vfs_apply(struct pfd *pfd)
{
	unsigned int vf;

	for (vf = 1; vf < PFD_VFS; vf++)
		vf_apply(pfd, vf);
}
