/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands on AMI-SWs and their rings.
 *
 * An AMI-SW keeps its configuration over MAP and UNMAP, so that PF-*-CONFIGURE can prepare and
 * PF-*-SAVE can keep what a Function sees later or saw before. RESET clears it. UNMAP clears
 * ENABLE, and the AMI-SW page; MAP doesn't clear the page, so that indices can be restored before
 * an AMI that is configured with ENABLE is mapped and runs at once (P).
 */

#include <errno.h>

#include "mgt.h"

/* ---- Finding and changing state ---------------------------------------------------------- */

struct ami_sw *
cmd_ami_sw(const struct amu_function *function, uint64_t ami_sw_id)
{
	return ami_sw_id < function->amu->config.num_ami_sw ? function->ami_sw[ami_sw_id] : NULL;
}

static struct ami_sw *
phy_ami_sw(const struct amu *amu, uint64_t phy_ami_sw_id)
{
	return phy_ami_sw_id < amu->config.num_ami_sw ? &amu->ami_sw[phy_ami_sw_id] : NULL;
}

static struct ams *
ami_sw_ams(const struct ami_sw *ami, uint64_t ams_id, uint64_t ams_type)
{
	if (ams_id >= ami->amu->config.num_ams)
		return NULL;
	return ams_type == RVR_AMS_TX ? &ami->tx[ams_id] : &ami->rx[ams_id];
}

void
cmd_ami_sw_stop(struct ami_sw *ami)
{
	ami_sw_disable(ami);
	/* A fault that a worker met before is told to the owner of that time. */
	mgt_pump_locked(ami->amu);
}

void
cmd_ami_sw_reset(struct ami_sw *ami)
{
	cmd_ami_sw_stop(ami);
	ami_sw_reset(ami);
	ami->enable = false;
	ami->faulted = false;
}

/* An AMI whose ENABLE bit is set starts; within a pause. */
static int
ami_sw_start(struct ami_sw *ami)
{
	int ret;

	if (ami->enabled || !ami->enable || !ami->mapped || !ami->function->enabled)
		return 0;
	ret = ami_sw_enable(ami);
	ami->amu->mgt->wake = true;
	if (ret == 0)
		return 0;
	ami->enable = false;
	/* A bad ring is told by an exception; the command itself did what it does. */
	return ret == -EFAULT ? 0 : ret;
}

void
cmd_ami_sw_unmap(struct ami_sw *ami)
{
	cmd_ami_sw_stop(ami);
	ami->enable = false;
	function_page_clear(ami->function, ami->id);
	ami->function->ami_sw[ami->id] = NULL;
	ami->function = NULL;
	ami->page = NULL;
	ami->mapped = false;
	mgt_bit_set(ami->amu->mgt->ami_sw_free, ami->phy_id, true);
}

/* Starts or stops the AMI-SWs of a Function, after its `enabled`. */
static void
function_ami_sws(struct amu_function *function)
{
	struct ami_sw *ami;
	unsigned int i;

	for (i = 0; i < function->amu->config.num_ami_sw; i++) {
		ami = function->ami_sw[i];
		if (ami == NULL || !ami->enable)
			continue;
		if (function->enabled)
			ami_sw_start(ami);
		else
			cmd_ami_sw_stop(ami);
	}
}

void
cmd_function_amis(struct amu_function *function)
{
	function_ami_sws(function);
	cmd_ami_hws(function, cmd_ami_hw_follow);
	function->amu->mgt->wake = true;
}

/* ---- MAP and UNMAP ----------------------------------------------------------------------- */

static uint16_t
ami_sw_map(struct amu_function *owner, struct ami_sw *ami, uint16_t ami_sw_id)
{
	struct amu *amu = owner->amu;
	uint8_t *pages = function_pages(owner);
	int ret = 0;

	if (pages == NULL)
		return RVR_STATUS_OTHER;
	ami->function = owner;
	ami->id = ami_sw_id;
	ami->page = pages + (size_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;
	ami->mapped = true;
	dma_view_init(&ami->view, &owner->space);
	owner->ami_sw[ami_sw_id] = ami;
	mgt_bit_set(amu->mgt->ami_sw_free, ami->phy_id, false);
	if (!ami->enable)
		return RVR_STATUS_OK;
	amu_pause(amu);
	ret = ami_sw_start(ami);
	if (ret != 0)
		cmd_ami_sw_unmap(ami);
	amu_resume(amu);
	return ret == 0 ? RVR_STATUS_OK : RVR_STATUS_OTHER;
}

uint16_t
cmd_pf_ami_sw_map(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_ami_sw_map_req req;
	struct rvr_pf_ami_sw_map_rsp fields;
	struct amu_function *owner;
	struct ami_sw *ami;
	int phy_id;

	rvr_pf_ami_sw_map_req_decode(cmd, &req);
	if (req.f_owner >= amu->num_functions)
		return RVR_ST_PF_AMI_SW_MAP_F_OWNER_INVALID;
	phy_id = req.any_phy_ami_sw ?
			 mgt_bit_first(amu->mgt->ami_sw_free, MGT_WORDS(MGT_AMI_SW_MAX)) :
			 (int)req.phy_ami_sw_id;
	ami = phy_id < 0 ? NULL : phy_ami_sw(amu, (uint64_t)phy_id);
	if (ami == NULL || req.ami_sw_id >= amu->config.num_ami_sw)
		return RVR_STATUS_OTHER;
	if (ami->mapped)
		return RVR_ST_PF_AMI_SW_MAP_PHY_AMI_SW_MAPPED;
	owner = &amu->functions[req.f_owner];
	if (cmd_ami_sw(owner, req.ami_sw_id) != NULL)
		return RVR_ST_PF_AMI_SW_MAP_AMI_SW_ASSIGNED;
	fields.phy_ami_sw_id = ami->phy_id;
	rvr_pf_ami_sw_map_rsp_encode(rsp, &fields, 0);
	return ami_sw_map(owner, ami, (uint16_t)req.ami_sw_id);
}

uint16_t
cmd_pf_ami_sw_unmap(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_sw_unmap_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_pf_ami_sw_unmap_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	if (ami == NULL || !ami->mapped)
		return RVR_STATUS_OTHER;
	amu_pause(function->amu);
	cmd_ami_sw_unmap(ami);
	amu_resume(function->amu);
	return RVR_STATUS_OK;
}

/* ---- CONFIGURE and SAVE ------------------------------------------------------------------ */

/* PF- and F- forms have the same fields, in structs of their own. */
#define AMI_SW_CONFIGURE(ami, req)                                                                 \
	do {                                                                                       \
		(ami)->pasid = (uint32_t)(req).pasid;                                              \
		(ami)->pasid_enabled = (req).pasid_enabled;                                        \
		(ami)->tx_vector = (uint16_t)(req).tx_vector;                                      \
		(ami)->tx_irq_enable = (req).tx_irq_enable;                                        \
		(ami)->rx_vector = (uint16_t)(req).rx_vector;                                      \
		(ami)->rx_irq_enable = (req).rx_irq_enable;                                        \
		(ami)->typeb_tbl_base = (req).typeb_tbl_base;                                      \
	} while (0)

#define AMI_SW_SAVE(ami)                                                                           \
	.pasid = (ami)->pasid, .pasid_enabled = (ami)->pasid_enabled,                              \
	.tx_vector = (ami)->tx_vector, .tx_irq_enable = (ami)->tx_irq_enable,                      \
	.rx_vector = (ami)->rx_vector, .rx_irq_enable = (ami)->rx_irq_enable,                      \
	.typeb_tbl_base = (ami)->typeb_tbl_base

uint16_t
cmd_pf_ami_sw_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_sw_configure_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_pf_ami_sw_configure_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	if (ami == NULL)
		return RVR_STATUS_OTHER;
	if (ami->mapped)
		return RVR_ST_PF_AMI_SW_CONFIGURE_AMI_SW_MAPPED;
	if (req.enable && ami->faulted)
		return RVR_STATUS_OTHER;
	AMI_SW_CONFIGURE(ami, req);
	ami->enable = req.enable;
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_sw_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_sw_configure_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_f_ami_sw_configure_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMI_SW_CONFIGURE_AMI_SW_NOT_MAPPED;
	if (ami->enable)
		return RVR_ST_F_AMI_SW_CONFIGURE_AMI_SW_NOT_DISABLED;
	AMI_SW_CONFIGURE(ami, req);
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_ami_sw_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_sw_save_req req;
	struct ami_sw *ami;

	rvr_pf_ami_sw_save_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	if (ami == NULL)
		return RVR_ST_PF_AMI_SW_SAVE_PHY_AMI_SW_INVALID;
	if (ami->mapped && ami->function->enabled)
		return RVR_ST_PF_AMI_SW_SAVE_F_ENABLED;

	const struct rvr_pf_ami_sw_save_rsp fields = {
		AMI_SW_SAVE(ami),
		.enable = ami->enable,
		.mapped = ami->mapped,
		.ami_sw_id = ami->mapped ? ami->id : 0,
		.f_owner = ami->mapped ? ami->function->id : 0,
	};
	rvr_pf_ami_sw_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_sw_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_sw_save_req req;
	struct ami_sw *ami;

	rvr_f_ami_sw_save_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMI_SW_SAVE_AMI_SW_INVALID;

	const struct rvr_f_ami_sw_save_rsp fields = {AMI_SW_SAVE(ami)};
	rvr_f_ami_sw_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

/* ---- RESET, ENABLE, DISABLE -------------------------------------------------------------- */

/* What doesn't run needs no pause: no worker looks at it. */
static void
ami_sw_quiet(struct ami_sw *ami, void (*change)(struct ami_sw *ami))
{
	amu_pause(ami->amu);
	change(ami);
	amu_resume(ami->amu);
}

uint16_t
cmd_pf_ami_sw_reset(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ami_sw_reset_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_pf_ami_sw_reset_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	if (ami == NULL)
		return RVR_STATUS_OTHER;
	if (ami->mapped)
		return RVR_ST_PF_AMI_SW_RESET_AMI_SW_MAPPED;
	ami_sw_quiet(ami, cmd_ami_sw_reset);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_sw_reset(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_sw_reset_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_f_ami_sw_reset_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMI_SW_RESET_AMI_SW_INVALID;
	ami_sw_quiet(ami, cmd_ami_sw_reset);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ami_sw_enable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_sw_enable_req req;
	struct ami_sw *ami;
	int ret;

	(void)rsp;
	rvr_f_ami_sw_enable_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMI_SW_ENABLE_AMI_SW_NOT_MAPPED;
	if (ami->faulted)
		return RVR_STATUS_OTHER;
	if (ami->enable)
		return RVR_STATUS_OK;
	ami->enable = true;
	amu_pause(function->amu);
	ret = ami_sw_start(ami);
	amu_resume(function->amu);
	return ret == 0 ? RVR_STATUS_OK : RVR_STATUS_OTHER;
}

uint16_t
cmd_f_ami_sw_disable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ami_sw_disable_req req;
	struct ami_sw *ami;

	(void)rsp;
	rvr_f_ami_sw_disable_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMI_SW_DISABLE_AMI_SW_NOT_MAPPED;
	if (ami->enable || ami->faulted)
		ami_sw_quiet(ami, cmd_ami_sw_stop);
	ami->enable = false;
	return RVR_STATUS_OK;
}

/* ---- Rings ------------------------------------------------------------------------------- */

static void
ams_configure(struct ams *ams, uint64_t base, uint64_t log2_size, uint64_t threshold,
	      uint64_t rx_mode)
{
	ams->ring_base = base;
	ams->log2_size = (uint8_t)log2_size;
	ams->threshold = (uint8_t)threshold;
	ams->rx_mode = (uint8_t)rx_mode;
	ams->configured = true;
}

uint16_t
cmd_pf_ams_ring_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ams_ring_configure_req req;
	struct ami_sw *ami;
	struct ams *ams;

	(void)rsp;
	rvr_pf_ams_ring_configure_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	ams = ami != NULL ? ami_sw_ams(ami, req.ams_id, req.ams_type) : NULL;
	if (ami != NULL && ami->mapped)
		return RVR_ST_PF_AMS_RING_CONFIGURE_AMI_SW_MAPPED;
	if (ams == NULL)
		return RVR_STATUS_OTHER;
	if (req.log2_size > function->amu->config.max_log2_size)
		return RVR_ST_PF_AMS_RING_CONFIGURE_LOG2_SIZE_RANGE;
	ams_configure(ams, req.ring_base, req.log2_size, req.threshold, req.rx_mode);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ams_ring_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ams_ring_configure_req req;
	struct ami_sw *ami;
	struct ams *ams;

	(void)rsp;
	rvr_f_ams_ring_configure_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMS_RING_CONFIGURE_AMI_SW_NOT_MAPPED;
	if (req.log2_size > function->amu->config.max_log2_size)
		return RVR_ST_F_AMS_RING_CONFIGURE_LOG2_SIZE_RANGE;
	if (ami->enable)
		return RVR_ST_F_AMS_RING_CONFIGURE_AMI_SW_NOT_DISABLED;
	ams = ami_sw_ams(ami, req.ams_id, req.ams_type);
	if (ams == NULL)
		return RVR_STATUS_OTHER;
	ams_configure(ams, req.ring_base, req.log2_size, req.threshold, req.rx_mode);
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_ams_ring_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_ams_ring_save_req req;
	struct ami_sw *ami;
	struct ams *ams;

	rvr_pf_ams_ring_save_req_decode(cmd, &req);
	ami = phy_ami_sw(function->amu, req.phy_ami_sw_id);
	ams = ami != NULL ? ami_sw_ams(ami, req.ams_id, req.ams_type) : NULL;
	if (ams == NULL)
		return RVR_STATUS_OTHER;
	if (ami->mapped && ami->function->enabled)
		return RVR_ST_PF_AMS_RING_SAVE_F_ENABLED;

	const struct rvr_pf_ams_ring_save_rsp fields = {
		.rx_mode = ams->rx_mode,
		.log2_size = ams->log2_size,
		.threshold = ams->threshold,
		.ring_base = ams->ring_base,
	};
	rvr_pf_ams_ring_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_ams_ring_save(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_f_ams_ring_save_req req;
	struct ami_sw *ami;
	struct ams *ams;

	rvr_f_ams_ring_save_req_decode(cmd, &req);
	ami = cmd_ami_sw(function, req.ami_sw_id);
	if (ami == NULL)
		return RVR_ST_F_AMS_RING_SAVE_AMI_SW_INVALID;
	ams = ami_sw_ams(ami, req.ams_id, req.ams_type);
	if (ams == NULL)
		return RVR_ST_F_AMS_RING_SAVE_AMS_INVALID;

	const struct rvr_f_ams_ring_save_rsp fields = {
		.rx_mode = ams->rx_mode,
		.log2_size = ams->log2_size,
		.threshold = ams->threshold,
		.ring_base = ams->ring_base,
	};
	rvr_f_ams_ring_save_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}
