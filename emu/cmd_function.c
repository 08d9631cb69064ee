/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands on the device and its Functions: what there is, enabling VFs, mediating
 * their commands, the map of a Function's AMIs.
 *
 * VFs are disabled after the PF's reset. A disabled VF's AMIs stand still, keep their ENABLE bit
 * and go on when it is enabled; its commands wait. PF-F-ENABLE of the PF does nothing, as it is
 * enabled always; PF-F-DISABLE of the PF is refused: F_OWNER is invalid (P).
 */

#include "mgt.h"

/* ---- What there is ----------------------------------------------------------------------- */

uint16_t
cmd_pf_probe(struct amu_function *function, const void *cmd, void *rsp)
{
	const struct amu *amu = function->amu;
	const struct rvr_pf_probe_rsp fields = {
		.max_ami_sw = amu->config.num_ami_sw,
		.max_asn = amu->config.num_asn,
		.num_aha = amu->num_aha,
	};

	(void)cmd;
	rvr_pf_probe_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

uint16_t
cmd_f_probe(struct amu_function *function, const void *cmd, void *rsp)
{
	const struct revere_emu_config *config = &function->amu->config;
	const struct rvr_f_probe_rsp fields = {
		.asn_prof_n_counters = config->asn_prof ? RVR_PROF_COUNTERS : 0,
		.ami_per_f_m1 = config->num_ami_sw - 1,
		.pasid_width = MGT_PASID_WIDTH,
		.pasid_supported = 1,
	};

	(void)cmd;
	rvr_f_probe_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_probe_aha(struct amu_function *function, const void *cmd, void *rsp)
{
	struct rvr_pf_probe_aha_req req;
	struct rvr_pf_probe_aha_rsp fields = {0};
	struct aha *aha;

	rvr_pf_probe_aha_req_decode(cmd, &req);
	if (req.aha_id >= function->amu->num_aha)
		return RVR_ST_PF_PROBE_AHA_AHA_INVALID;
	aha = cmd_aha(function->amu, req.aha_id);
	if (aha != NULL)
		fields.aha_iidr = rvr_prep(RVR_AMU_IIDR_PRODUCT, aha->ops->kind);
	rvr_pf_probe_aha_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

/* ---- Enabling Functions ------------------------------------------------------------------ */

uint16_t
cmd_pf_f_enable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_f_enable_req req;
	struct amu_function *owner;

	(void)rsp;
	rvr_pf_f_enable_req_decode(cmd, &req);
	if (req.f_owner >= amu->num_functions)
		return RVR_ST_PF_F_ENABLE_F_OWNER_INVALID;
	owner = &amu->functions[req.f_owner];
	if (owner->enabled)
		return RVR_STATUS_OK;
	amu_pause(amu);
	owner->enabled = true;
	cmd_function_amis(owner);
	amu_resume(amu);
	mgt_digests(owner);
	mgt_ready(owner);
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_f_disable(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_f_disable_req req;
	struct rvr_pf_f_disable_rsp fields;
	struct amu_function *owner;

	rvr_pf_f_disable_req_decode(cmd, &req);
	if (req.f_owner == 0 || req.f_owner >= amu->num_functions)
		return RVR_ST_PF_F_DISABLE_F_OWNER_INVALID;
	owner = &amu->functions[req.f_owner];
	if (owner->enabled) {
		amu_pause(amu);
		owner->enabled = false;
		cmd_function_amis(owner);
		amu_resume(amu);
	}
	fields.trap_config = owner->trapped;
	rvr_pf_f_disable_rsp_encode(rsp, &fields, 0);
	return RVR_STATUS_OK;
}

/* ---- Mediation --------------------------------------------------------------------------- */

uint16_t
cmd_pf_f_trap_configure(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	bool of_set = rvr_msg_get(cmd, RVR_TRAP_SET_MAGIC_OFFSET, 31, 0) == RVR_TRAP_MAGIC;
	struct rvr_pf_f_trap_configure_req req;
	struct amu_function *owner;

	(void)rsp;
	rvr_pf_f_trap_configure_req_decode(cmd, &req);
	if (req.f_owner >= amu->num_functions)
		return RVR_ST_PF_F_TRAP_CONFIGURE_F_OWNER_INVALID;
	owner = &amu->functions[req.f_owner];
	if (owner->enabled)
		return RVR_ST_PF_F_TRAP_CONFIGURE_F_OWNER_ENABLED;
	owner->trapped = req.enable;
	owner->mgt->trap_set = of_set ? rvr_msg_get(cmd, RVR_TRAP_SET_OFFSET, 63, 0) : UINT64_MAX;
	return RVR_STATUS_OK;
}

uint16_t
cmd_pf_f_trap_resp(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_pf_f_trap_resp_req req;

	(void)rsp;
	rvr_pf_f_trap_resp_req_decode(cmd, &req);
	if (req.f_target == 0 || req.f_target >= amu->num_functions)
		return RVR_ST_PF_F_TRAP_RESP_NOT_DELIVERED;
	if (trap_answer(&amu->functions[req.f_target], cmd) != 0)
		return RVR_ST_PF_F_TRAP_RESP_NOT_DELIVERED;
	return RVR_STATUS_OK;
}

/* ---- Map of a Function's AMIs ------------------------------------------------------------ */

/* Writes the map piece by piece; counts entries even if there is nowhere to write. */
struct ami_map {
	struct dma_view *view;
	uint64_t iova;
	uint32_t count;
	unsigned int used; /* of entries */
	int error;
	struct rvr_ami_map_entry entries[64];
};

static void
ami_map_flush(struct ami_map *map)
{
	size_t size = map->used * sizeof(map->entries[0]);

	if (map->used == 0 || map->error != 0)
		return;
	map->error = dma_write(map->view, map->iova, map->entries, size);
	map->iova += size;
	map->used = 0;
}

static void
ami_map_add(struct ami_map *map, uint16_t id, uint16_t phy_id, uint16_t aha_id, bool enabled)
{
	struct rvr_ami_map_entry *entry;

	if (map->used == sizeof(map->entries) / sizeof(map->entries[0]))
		ami_map_flush(map);
	if (map->error != 0)
		return;
	entry = &map->entries[map->used++];
	entry->id = rvr_cpu_le16(id);
	entry->phy_id = rvr_cpu_le16(phy_id);
	entry->aha_id = rvr_cpu_le16(aha_id);
	entry->flags = rvr_cpu_le16(RVR_AMI_MAP_MAPPED | (enabled ? RVR_AMI_MAP_ENABLED : 0));
	map->count++;
}

uint16_t
cmd_f_get_ami_map(struct amu_function *function, const void *cmd, void *rsp)
{
	struct amu *amu = function->amu;
	struct rvr_ami_map_header header = {0};
	struct rvr_f_get_ami_map_req req;
	struct ami_map map = {.view = &function->view};
	unsigned int i, a;

	(void)rsp;
	rvr_f_get_ami_map_req_decode(cmd, &req);
	if (rvr_msg_get(cmd, RVR_SESSION_MAP_MAGIC_OFFSET, 31, 0) == RVR_SESSION_MAP_MAGIC)
		return cmd_session_map(function, req.ami_map_base,
			rvr_msg_get(cmd, RVR_SESSION_MAP_PAGE_OFFSET, 31, 0));
	map.iova = req.ami_map_base + sizeof(header);
	for (i = 0; i < amu->config.num_ami_sw; i++) {
		const struct ami_sw *ami = function->ami_sw[i];

		if (ami != NULL)
			ami_map_add(&map, ami->id, ami->phy_id, RVR_AMI_MAP_AMI_SW, ami->enable);
	}
	for (a = 0; a < amu->num_aha; a++) {
		for (i = 0; amu->aha[a] != NULL && i < amu->config.num_ami_hw; i++) {
			const struct ami_hw *hw = &amu->aha[a]->ami_hw[i];

			if (hw->function == function)
				ami_map_add(&map, hw->id, hw->phy_id, (uint16_t)a, hw->enable);
		}
	}
	ami_map_flush(&map);
	header.count = rvr_cpu_le32(map.count);
	if (map.error != 0 ||
	    dma_write(&function->view, req.ami_map_base, &header, sizeof(header)) != 0)
		return RVR_ST_F_GET_AMI_MAP_MAP_BUFFER_FAULT;
	return RVR_STATUS_OK;
}
