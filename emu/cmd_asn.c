/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands on sessions (ASNs): creating and destroying, profiling and tracing them.
 *
 * Sessions connect physical AMIs, whether these are mapped, configured or running (P). Profiling
 * is on while PROF_MASK names a counter and ASN_PROF_EN is set in AMU_CR of MON_OWNER; tracing
 * while TRACE_CTL asks for it and TRACE_EN is set there, for a VF also VF_TRACE_EN in the PF (P).
 * Counter k stands at PROF_TBL_BASE + 8 * k, whichever others the mask names (P).
 */

#include <errno.h>
#include <stdlib.h>

#include "mgt.h"

/* ---- Observing --------------------------------------------------------------------------- */

/* Within a pause. */
static void
asn_observe(struct asn *asn)
{
	const struct amu *amu = asn->amu;
	uint64_t pf = mgt_reg(&amu->functions[0], RVR_AMU_CR);
	uint64_t owner = mgt_reg(&amu->functions[asn->attr.mon_owner], RVR_AMU_CR);

	asn->profiled = asn->attr.prof_mask != 0 && rvr_get(owner, RVR_AMU_CR_ASN_PROF_EN);
	asn->traced = (asn->attr.trace_ctl & RVR_TRACE_CTL_MESSAGES) != 0 &&
		      rvr_get(owner, RVR_AMU_CR_TRACE_EN) &&
		      (asn->attr.mon_owner == 0 || rvr_get(pf, RVR_AMU_CR_VF_TRACE_EN));
}

void
cmd_asn_observe_all(struct amu *amu)
{
	uint32_t i;

	for (i = 0; i < amu->config.num_asn; i++) {
		if (amu->asn[i] == NULL)
			continue;
		asn_observe(amu->asn[i]);
		asn_refresh(amu->asn[i]);
	}
}

/* ---- Ends -------------------------------------------------------------------------------- */

static struct ams *
end_ams(struct amu *amu, uint64_t type, uint64_t phy_id, uint64_t ams, bool tx)
{
	struct ami_sw *ami;

	if (type != RVR_END_AMI_SW || phy_id >= amu->config.num_ami_sw ||
	    ams >= amu->config.num_ams)
		return NULL;
	ami = &amu->ami_sw[phy_id];
	return tx ? &ami->tx[ams] : &ami->rx[ams];
}

static struct ami_hw *
end_hw(struct amu *amu, uint64_t type, uint64_t aha_id, uint64_t phy_id, uint64_t ams)
{
	if (type != RVR_END_AMI_HW || ams >= amu->config.num_ams)
		return NULL;
	return cmd_phy_ami_hw(amu, aha_id, phy_id);
}

/* Finds both ends; false: one doesn't exist. */
static bool
asn_ends(struct amu *amu, struct asn *asn)
{
	const struct rvr_pf_asn_create_req *req = &asn->attr;

	asn->src_ams = end_ams(amu, req->src_ami_type, req->src_phy_ami_id, req->src_ams, true);
	asn->dst_ams = end_ams(amu, req->dst_ami_type, req->dst_phy_ami_id, req->dst_ams, false);
	asn->src_hw = end_hw(amu, req->src_ami_type, req->src_aha_id, req->src_phy_ami_id,
			     req->src_ams);
	asn->dst_hw = end_hw(amu, req->dst_ami_type, req->dst_aha_id, req->dst_phy_ami_id,
			     req->dst_ams);
	return (asn->src_ams != NULL || asn->src_hw != NULL) &&
	       (asn->dst_ams != NULL || asn->dst_hw != NULL);
}

/* Where the ends keep the session. */
static struct asn **
asn_at_src(const struct asn *asn)
{
	return asn->src_ams != NULL ? &asn->src_ams->asn : &asn->src_hw->tx[asn->attr.src_ams];
}

static struct asn **
asn_at_dst(const struct asn *asn)
{
	return asn->dst_ams != NULL ? &asn->dst_ams->asn : &asn->dst_hw->rx[asn->attr.dst_ams];
}

/* ---- CREATE and DESTROY ------------------------------------------------------------------ */

/* Whether the message format (MFO) is one there is, and fits the message. */
static bool
asn_format_valid(const struct rvr_pf_asn_create_req *req)
{
	return req->mfo == 0 ||
	       (req->mfo == 1 && 1 + req->mf_ob_buf_num <= UINT64_C(1) << req->log2_msg_length);
}

static uint16_t
asn_check(struct amu *amu, struct asn *asn)
{
	const struct rvr_pf_asn_create_req *req = &asn->attr;

	if (req->asn_id >= amu->config.num_asn || req->mon_owner >= amu->num_functions)
		return RVR_STATUS_OTHER;
	if (amu->asn[req->asn_id] != NULL)
		return RVR_ST_PF_ASN_CREATE_ASN_IN_USE;
	if (req->log2_msg_length < amu->config.min_log2_msg_length ||
	    req->log2_msg_length > amu->config.max_log2_msg_length)
		return RVR_ST_PF_ASN_CREATE_LOG2_MSG_LENGTH_RANGE;
	if (!asn_format_valid(req) || !asn_ends(amu, asn))
		return RVR_STATUS_OTHER;
	if (*asn_at_src(asn) != NULL || *asn_at_dst(asn) != NULL)
		return RVR_ST_PF_ASN_CREATE_AMS_CONNECTED;
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_asn_create(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct asn *asn = calloc(1, sizeof(*asn));
	uint16_t status;

	(void)rsp;
	if (asn == NULL)
		return RVR_STATUS_OTHER;
	rvr_pf_asn_create_req_decode(cmd, &asn->attr);
	status = asn_check(amu, asn);
	if (status != RVR_STATUS_OK) {
		free(asn);
		return status;
	}
	asn->amu = amu;
	asn->id = (uint32_t)asn->attr.asn_id;
	asn->in_use = true;
	asn->msg_bytes = (uint32_t)RVR_DW << asn->attr.log2_msg_length;
	asn_observe(asn);
	amu_pause(amu);
	amu->asn[asn->id] = asn;
	*asn_at_src(asn) = asn;
	*asn_at_dst(asn) = asn;
	asn_connect(asn);
	amu_resume(amu);
	amu->mgt->wake = true;
	return RVR_STATUS_OK;
}

void
cmd_asn_free(struct asn *asn)
{
	asn_disconnect(asn);
	*asn_at_src(asn) = NULL;
	*asn_at_dst(asn) = NULL;
	asn->amu->asn[asn->id] = NULL;
	free(asn);
}

uint16_t
cmd_pf_asn_destroy(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_asn_destroy_req req;
	struct rvr_pf_asn_create_req attr;

	rvr_pf_asn_destroy_req_decode(cmd, &req);
	if (req.asn_id >= amu->config.num_asn || amu->asn[req.asn_id] == NULL)
		return RVR_ST_PF_ASN_DESTROY_ASN_ABSENT;
	attr = amu->asn[req.asn_id]->attr;
	amu_pause(amu);
	cmd_asn_free(amu->asn[req.asn_id]);
	amu_resume(amu);

	const struct rvr_pf_asn_destroy_rsp fields = {
		.prio = attr.prio,
		.dst_ami_type = attr.dst_ami_type,
		.src_ami_type = attr.src_ami_type,
		.mon_owner = attr.mon_owner,
		.src_phy_ami_id = attr.src_phy_ami_id,
		.src_aha_id = attr.src_aha_id,
		.dst_phy_ami_id = attr.dst_phy_ami_id,
		.dst_aha_id = attr.dst_aha_id,
		.dst_ams = attr.dst_ams,
		.src_ams = attr.src_ams,
		.stash_enable = attr.stash_enable,
		.prof_ctl = attr.prof_ctl,
		.trace_ctl = attr.trace_ctl,
		.stash_ctl = attr.stash_ctl,
		.prof_mask = attr.prof_mask,
		.prof_tbl_base = attr.prof_tbl_base,
		.stash_dest = attr.stash_dest,
		.mfo = attr.mfo,
		.mf_ob_buf_num = attr.mf_ob_buf_num,
		.log2_msg_length = attr.log2_msg_length,
	};
	rvr_pf_asn_destroy_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

/* ---- Profiling and tracing --------------------------------------------------------------- */

/* A socket as PROF and TRACE commands name it. */
struct ams_name {
	uint64_t ami_id, ami_type, ams_id, ams_type;
};

/*
 * The session of a Function's socket. The statuses are the same ones in both commands:
 * 1 Invalid AMI_ID, 2 Invalid AMS_ID (or without a session), 3 not the monitoring owner.
 */
static uint16_t
asn_of_ams(const struct amu_function *function, const struct ams_name *name, struct asn **asn)
{
	bool tx = name->ams_type == RVR_AMS_TX;
	struct ami_sw *ami = NULL;
	struct ami_hw *hw = NULL;

	if (name->ami_type == RVR_END_AMI_SW)
		ami = cmd_ami_sw(function, name->ami_id);
	else
		hw = cmd_ami_hw(function, name->ami_id);
	if (ami == NULL && hw == NULL)
		return RVR_ST_F_AMS_PROF_CONFIGURE_AMI_INVALID;
	if (name->ams_id >= function->amu->config.num_ams)
		return RVR_ST_F_AMS_PROF_CONFIGURE_AMS_INVALID;
	if (ami != NULL)
		*asn = tx ? ami->tx[name->ams_id].asn : ami->rx[name->ams_id].asn;
	else
		*asn = tx ? hw->tx[name->ams_id] : hw->rx[name->ams_id];
	if (*asn == NULL)
		return RVR_ST_F_AMS_PROF_CONFIGURE_AMS_INVALID;
	if ((*asn)->attr.mon_owner != function->id)
		return RVR_ST_F_AMS_PROF_CONFIGURE_NOT_MON_OWNER;
	return RVR_STATUS_OK;
}

_Static_assert((int)RVR_ST_F_AMS_PROF_CONFIGURE_AMI_INVALID ==
			       (int)RVR_ST_F_AMS_TRACE_CONFIGURE_AMI_INVALID &&
		       (int)RVR_ST_F_AMS_PROF_CONFIGURE_AMS_INVALID ==
			       (int)RVR_ST_F_AMS_TRACE_CONFIGURE_AMS_INVALID &&
		       (int)RVR_ST_F_AMS_PROF_CONFIGURE_NOT_MON_OWNER ==
			       (int)RVR_ST_F_AMS_TRACE_CONFIGURE_NOT_MON_OWNER,
	       "both commands have the same statuses");

uint16_t
cmd_f_ams_prof_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ams_prof_configure_req req;
	struct asn *asn = NULL;
	uint16_t status;

	(void)rsp;
	rvr_f_ams_prof_configure_req_decode(cmd, &req);
	const struct ams_name name = {req.ami_id, req.ami_type, req.ams_id, req.ams_type};
	status = asn_of_ams(function, &name, &asn);
	if (status == RVR_STATUS_OK && !function->amu->config.asn_prof)
		status = RVR_STATUS_OTHER;
	if (status != RVR_STATUS_OK)
		return status;
	amu_pause(function->amu);
	asn->attr.prof_mask = req.prof_mask;
	asn->attr.prof_tbl_base = req.prof_tbl_base;
	asn->attr.prof_ctl = req.prof_ctl;
	asn_observe(asn);
	asn_refresh(asn);
	amu_resume(function->amu);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ams_trace_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ams_trace_configure_req req;
	struct asn *asn = NULL;
	uint16_t status;

	(void)rsp;
	rvr_f_ams_trace_configure_req_decode(cmd, &req);
	const struct ams_name name = {req.ami_id, req.ami_type, req.ams_id, req.ams_type};
	status = asn_of_ams(function, &name, &asn);
	if (status == RVR_STATUS_OK && !function->amu->config.tracing)
		status = RVR_STATUS_OTHER;
	if (status != RVR_STATUS_OK)
		return status;
	amu_pause(function->amu);
	asn->attr.trace_ctl = req.trace_ctl;
	asn_observe(asn);
	asn_refresh(asn);
	amu_resume(function->amu);
	return RVR_STATUS_OK;
}

/* Tells MON_OWNER that a counter has used its highest bit; told by the session's sending end. */
static void
asn_overflow(struct amu_function *function, const struct asn *asn, unsigned int counter)
{
	const struct ami_sw *ami = asn->src_ams != NULL ? asn->src_ams->ami_sw : NULL;
	const struct amu_function *owner = ami != NULL ? ami->function : asn->src_hw->function;
	const struct rvr_e_f_counter_overflow fields = {
		.ami_id = ami != NULL ? ami->id : asn->src_hw->id,
		.f_owner = owner != NULL ? owner->id : 0,
		.ams_id = asn->attr.src_ams,
		.ami_type = asn->attr.src_ami_type,
		.ams_type = RVR_AMS_TX,
		.counter_id = counter,
	};
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_e_f_counter_overflow_encode(msg, &fields, 0);
	mgt_exception(function, msg);
}

/* Writes a session's counters to its table. */
static int
asn_flush_table(struct amu_function *function, struct asn *asn)
{
	uint64_t value;
	rvr_le64 word;
	unsigned int i;

	for (i = 0; i < RVR_PROF_COUNTERS; i++) {
		if ((asn->attr.prof_mask >> i & 1) == 0)
			continue;
		value = atomic_load(&asn->prof.counter[i]);
		word = rvr_cpu_le64(value);
		if (dma_write(&function->view, asn->attr.prof_tbl_base + i * sizeof(word), &word,
			      sizeof(word)) != 0)
			return -EFAULT;
		if (value >> 63 != 0)
			asn_overflow(function, asn, i);
	}
	return 0;
}

uint16_t
cmd_f_prof_table_flush(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	uint16_t status = RVR_STATUS_OK;
	struct asn *asn;
	uint32_t i;

	(void)cmd;
	(void)rsp;
	if (!amu->config.asn_prof)
		return RVR_ST_F_PROF_TABLE_FLUSH_FAILURE;
	for (i = 0; i < amu->config.num_asn; i++) {
		asn = amu->asn[i];
		if (asn == NULL || asn->attr.mon_owner != function->id)
			continue;
		if (asn_flush_table(function, asn) != 0) {
			mgt_error(function, RVR_ERROR_STATE_PROF_TBL_FAULT);
			status = RVR_ST_F_PROF_TABLE_FLUSH_FAILURE;
		}
	}
	return status;
}
