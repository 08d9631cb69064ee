/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands on AMI-HWs, the agents' ends of sessions. They live as AMI-SWs do.
 */

#include "mgt.h"

/* ---- Finding and changing state ---------------------------------------------------------- */

struct aha *
cmd_aha(const struct amu *amu, uint64_t aha_id)
{
	return aha_id < amu->num_aha ? amu->aha[aha_id] : NULL;
}

struct ami_hw *
cmd_phy_ami_hw(const struct amu *amu, uint64_t aha_id, uint64_t phy_ami_hw_id)
{
	struct aha *aha = cmd_aha(amu, aha_id);

	return aha != NULL && phy_ami_hw_id < amu->config.num_ami_hw ? &aha->ami_hw[phy_ami_hw_id] :
								       NULL;
}

struct ami_hw *
cmd_ami_hw(const struct amu_function *function, uint64_t ami_hw_id)
{
	return ami_hw_id < MGT_AMI_HW_IDS ? function->ami_hw[ami_hw_id] : NULL;
}

void
cmd_ami_hws(struct amu_function *function, void (*change)(struct ami_hw *hw))
{
	struct amu *amu = function->amu;
	struct ami_hw *hw, *next;
	unsigned int a, i;

	/* By agents: there are far fewer AMI-HWs than IDs that a Function can give them. */
	for (a = 0; a < amu->num_aha; a++) {
		for (i = 0; amu->aha[a] != NULL && i < amu->config.num_ami_hw; i++) {
			if (amu->aha[a]->ami_hw[i].function == function)
				change(&amu->aha[a]->ami_hw[i]);
		}
		for (hw = amu->aha[a] != NULL ? amu->aha[a]->kept : NULL; hw != NULL; hw = next) {
			next = hw->next_kept;
			if (hw->function == function)
				change(hw);
		}
	}
}

void
cmd_ami_hw_reset(struct ami_hw *hw)
{
	ami_hw_reset(hw);
	hw->enable = false;
	hw->pasid = 0;
	hw->pasid_enabled = false;
}

void
cmd_ami_hw_unmap(struct ami_hw *hw)
{
	if (hw->kept) {
		keep_drop(hw);
		return;
	}
	ami_hw_disable(hw);
	keep_not(hw);
	hw->enable = false;
	hw->function->ami_hw[hw->id] = NULL;
	hw->function = NULL;
	hw->mapped = false;
	mgt_bit_set(hw->aha->amu->mgt->ami_hw_free[hw->aha->id], hw->phy_id, true);
}

/* An AMI-HW whose ENABLE bit is set starts. */
static int
ami_hw_start(struct ami_hw *hw)
{
	struct amu *amu = hw->aha->amu;
	int ret;

	if (hw->enabled || !hw->enable || !hw->mapped || !hw->function->enabled)
		return 0;
	amu_pause(amu);
	ret = ami_hw_enable(hw);
	amu_resume(amu);
	if (ret != 0)
		hw->enable = false;
	amu->mgt->wake = true;
	return ret;
}

void
cmd_ami_hw_follow(struct ami_hw *hw)
{
	if (hw->function->enabled)
		ami_hw_start(hw);
	else
		ami_hw_stop(hw);
}

static void
ami_hw_quiet(struct ami_hw *hw, void (*change)(struct ami_hw *hw))
{
	amu_pause(hw->aha->amu);
	change(hw);
	amu_resume(hw->aha->amu);
}

/* ---- MAP and UNMAP ----------------------------------------------------------------------- */

static uint16_t
ami_hw_map(struct amu_function *owner, struct ami_hw *hw, uint16_t ami_hw_id)
{
	hw->function = owner;
	hw->id = ami_hw_id;
	hw->mapped = true;
	dma_view_init(&hw->view, &owner->space);
	owner->ami_hw[ami_hw_id] = hw;
	mgt_bit_set(owner->amu->mgt->ami_hw_free[hw->aha->id], hw->phy_id, false);
	if (ami_hw_start(hw) == 0)
		return RVR_STATUS_OK;
	cmd_ami_hw_unmap(hw);
	return RVR_STATUS_OTHER;
}

/* Physical ID that a MAP asks for, -1 if none is free. */
static int64_t
ami_hw_pick(const struct aha *aha, const struct rvr_pf_ami_hw_map_req *req)
{
	if (!req->any_phy_ami_hw)
		return (int64_t)req->phy_ami_hw_id;
	return mgt_bit_first(aha->amu->mgt->ami_hw_free[aha->id], MGT_WORDS(MGT_AMI_HW_MAX));
}

/* A context that was kept goes on. */
static uint16_t
ami_hw_map_kept(struct ami_hw *kept, struct ami_hw *hw)
{
	struct amu *amu = hw->aha->amu;
	int ret;

	amu_pause(amu);
	ret = keep_end(kept, hw);
	amu_resume(amu);
	amu->mgt->wake = true;
	return ret == 0 ? RVR_STATUS_OK : RVR_STATUS_OTHER;
}

/* With the extension: *rsp says that there is one. */
static uint16_t
ami_hw_map_keeping(struct amu_function *owner, struct ami_hw *hw, uint16_t ami_hw_id, void *rsp)
{
	struct ami_hw *kept = owner->ami_hw[ami_hw_id];

	if (kept != NULL && (!kept->kept || kept->aha != hw->aha))
		return RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED;
	rvr_msg_put(rsp, RVR_KEEP_MAPPED_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	if (kept != NULL)
		return ami_hw_map_kept(kept, hw);
	return keep_prepare(hw) == 0 ? ami_hw_map(owner, hw, ami_hw_id) : RVR_STATUS_OTHER;
}

uint16_t
cmd_pf_ami_hw_map(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_ami_hw_map_req req;
	struct rvr_pf_ami_hw_map_rsp fields;
	struct amu_function *owner;
	struct ami_hw *hw;
	struct aha *aha;

	rvr_pf_ami_hw_map_req_decode(cmd, &req);
	if (req.f_owner >= amu->num_functions)
		return RVR_ST_PF_AMI_HW_MAP_F_OWNER_INVALID;
	owner = &amu->functions[req.f_owner];
	aha = cmd_aha(amu, req.aha_id);
	/* -1 becomes an ID beyond all. */
	hw = aha != NULL ? cmd_phy_ami_hw(amu, req.aha_id, (uint64_t)ami_hw_pick(aha, &req)) : NULL;
	if (hw == NULL)
		return RVR_STATUS_OTHER;
	if (hw->mapped)
		return RVR_ST_PF_AMI_HW_MAP_PHY_AMI_HW_MAPPED;
	fields.phy_ami_hw_id = hw->phy_id;
	rvr_pf_ami_hw_map_rsp_encode(rsp, &fields, 0);
	if (rvr_msg_get(cmd, RVR_KEEP_MAP_OFFSET, 31, 0) == RVR_KEEP_MAGIC &&
	    aha->ops->move != NULL)
		return ami_hw_map_keeping(owner, hw, (uint16_t)req.ami_hw_id, rsp);
	if (cmd_ami_hw(owner, req.ami_hw_id) != NULL)
		return RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED;
	return ami_hw_map(owner, hw, (uint16_t)req.ami_hw_id);
}

/* PF-AMI-HW-UNMAP with the extension. */
static uint16_t
ami_hw_keep(struct amu *amu, const struct rvr_pf_ami_hw_unmap_req *req, const void *cmd)
{
	uint64_t action = rvr_msg_get(cmd, RVR_KEEP_ACTION_OFFSET, 7, 0);
	uint64_t f_owner = rvr_msg_get(cmd, RVR_KEEP_ID_OFFSET, 31, 16);
	struct ami_hw *hw = f_owner >= amu->num_functions ? NULL :
		cmd_ami_hw(&amu->functions[f_owner], rvr_msg_get(cmd, RVR_KEEP_ID_OFFSET, 15, 0));
	int ret = 0;

	if (hw == NULL || !hw->keeps || hw->aha->id != req->aha_id || action > RVR_KEEP_DROP ||
	    hw->kept != (action == RVR_KEEP_DROP) ||
	    (action == RVR_KEEP && hw->phy_id != req->phy_ami_hw_id))
		return RVR_STATUS_OTHER;
	amu_pause(amu);
	if (action == RVR_KEEP)
		ret = keep_begin(hw);
	else
		keep_drop(hw);
	amu_resume(amu);
	amu->mgt->wake = true;
	return ret == 0 ? RVR_STATUS_OK : RVR_STATUS_OTHER;
}

uint16_t
cmd_pf_ami_hw_unmap(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_hw_unmap_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_pf_ami_hw_unmap_req_decode(cmd, &req);
	if (rvr_msg_get(cmd, RVR_KEEP_UNMAP_OFFSET, 31, 0) == RVR_KEEP_MAGIC)
		return ami_hw_keep(function->amu, &req, cmd);
	hw = cmd_phy_ami_hw(function->amu, req.aha_id, req.phy_ami_hw_id);
	if (hw == NULL || !hw->mapped)
		return RVR_STATUS_OTHER;
	ami_hw_quiet(hw, cmd_ami_hw_unmap);
	return RVR_STATUS_OK;
}

/* ---- CONFIGURE and SAVE ------------------------------------------------------------------ */

uint16_t
cmd_pf_ami_hw_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_hw_configure_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_pf_ami_hw_configure_req_decode(cmd, &req);
	hw = cmd_phy_ami_hw(function->amu, req.aha_id, req.phy_ami_hw_id);
	if (hw == NULL)
		return RVR_STATUS_OTHER;
	if (req.log2_hw_cred_size > MGT_LOG2_HW_CRED_MAX)
		return RVR_ST_PF_AMI_HW_CONFIGURE_LOG2_HW_CRED_SIZE_INVALID;
	if (hw->mapped)
		return RVR_ST_PF_AMI_HW_CONFIGURE_PHY_AMI_HW_MAPPED;
	hw->pasid = (uint32_t)req.pasid;
	hw->pasid_enabled = req.pasid_enabled;
	hw->log2_hw_cred_size = (uint8_t)req.log2_hw_cred_size;
	hw->enable = req.enable;
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_hw_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_hw_configure_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_f_ami_hw_configure_req_decode(cmd, &req);
	hw = cmd_ami_hw(function, req.ami_hw_id);
	if (hw == NULL)
		return RVR_ST_F_AMI_HW_CONFIGURE_AMI_HW_NOT_MAPPED;
	if (hw->enable)
		return RVR_ST_F_AMI_HW_CONFIGURE_AMI_HW_NOT_DISABLED;
	hw->pasid = (uint32_t)req.pasid;
	hw->pasid_enabled = req.pasid_enabled;
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_ami_hw_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_hw_save_req req;
	struct rvr_pf_ami_hw_save_rsp fields;
	struct ami_hw *hw;

	rvr_pf_ami_hw_save_req_decode(cmd, &req);
	hw = cmd_phy_ami_hw(function->amu, req.aha_id, req.phy_ami_hw_id);
	if (hw == NULL)
		return RVR_ST_PF_AMI_HW_SAVE_PHY_AMI_HW_INVALID;
	if (hw->mapped && hw->function->enabled)
		return RVR_ST_PF_AMI_HW_SAVE_F_ENABLED;
	fields.pasid = hw->pasid;
	fields.pasid_enabled = hw->pasid_enabled;
	fields.log2_hw_cred_size = hw->log2_hw_cred_size;
	fields.enable = hw->enable;
	rvr_pf_ami_hw_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_hw_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_hw_save_req req;
	struct rvr_f_ami_hw_save_rsp fields;
	struct ami_hw *hw;

	rvr_f_ami_hw_save_req_decode(cmd, &req);
	hw = cmd_ami_hw(function, req.ami_hw_id);
	if (hw == NULL)
		return RVR_ST_F_AMI_HW_SAVE_AMI_HW_INVALID;
	fields.pasid = hw->pasid;
	fields.pasid_enabled = hw->pasid_enabled;
	rvr_f_ami_hw_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

/* ---- RESET, ENABLE, DISABLE -------------------------------------------------------------- */

uint16_t
cmd_pf_ami_hw_reset(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_hw_reset_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_pf_ami_hw_reset_req_decode(cmd, &req);
	hw = cmd_phy_ami_hw(function->amu, req.aha_id, req.phy_ami_hw_id);
	if (hw == NULL)
		return RVR_STATUS_OTHER;
	if (hw->mapped)
		return RVR_ST_PF_AMI_HW_RESET_AMI_HW_MAPPED;
	ami_hw_quiet(hw, cmd_ami_hw_reset);
	/* The PF's alone: a Function's own RESET leaves it. */
	hw->log2_hw_cred_size = 0;
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_hw_reset(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_hw_reset_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_f_ami_hw_reset_req_decode(cmd, &req);
	hw = cmd_ami_hw(function, req.ami_hw_id);
	if (hw == NULL)
		return RVR_ST_F_AMI_HW_RESET_AMI_HW_INVALID;
	ami_hw_quiet(hw, cmd_ami_hw_reset);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_hw_enable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_hw_enable_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_f_ami_hw_enable_req_decode(cmd, &req);
	hw = cmd_ami_hw(function, req.ami_hw_id);
	if (hw == NULL)
		return RVR_ST_F_AMI_HW_ENABLE_AMI_HW_NOT_MAPPED;
	hw->enable = true;
	return ami_hw_start(hw) == 0 ? RVR_STATUS_OK : RVR_STATUS_OTHER;
}

uint16_t
cmd_f_ami_hw_disable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_hw_disable_req req;
	struct ami_hw *hw;

	(void)rsp;
	rvr_f_ami_hw_disable_req_decode(cmd, &req);
	hw = cmd_ami_hw(function, req.ami_hw_id);
	if (hw == NULL)
		return RVR_ST_F_AMI_HW_DISABLE_AMI_HW_NOT_MAPPED;
	hw->enable = false;
	if (hw->enabled)
		ami_hw_quiet(hw, ami_hw_disable);
	return RVR_STATUS_OK;
}
