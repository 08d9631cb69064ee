/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands about the device, its Functions, trapping, agents and the AMI map: each status.
 */

#include "conf.h"

/* ---- Probes -------------------------------------------------------------------------------- */

static uint16_t
pf_probe(struct client *c)
{
	struct rvr_pf_probe_rsp rsp;
	uint16_t status = client_pf_probe(c, NULL, &rsp);

	if (rsp.max_ami_sw == 0 || rsp.max_asn == 0 || rsp.num_aha == 0)
		client_fail(c, "MAX_AMI_SW %u, MAX_ASN %u, NUM_AHA %u",
			    (unsigned int)rsp.max_ami_sw, (unsigned int)rsp.max_asn,
			    (unsigned int)rsp.num_aha);
	return status;
}

static uint16_t
f_probe(struct client *c)
{
	struct rvr_f_probe_rsp rsp;
	uint16_t status = client_f_probe(c, NULL, &rsp);

	if (c->lim.asn_prof && rsp.asn_prof_n_counters == 0)
		client_fail(c, "AMU_IDR.ASN_PROF is set and there are no counters");
	if (!rsp.pasid_supported)
		client_equal(c, "PASID_WIDTH without PASID", rsp.pasid_width, 0);
	else if (rsp.pasid_width > 20)
		client_fail(c, "PASID_WIDTH is %u", (unsigned int)rsp.pasid_width);
	return status;
}

static uint16_t
aha_each(struct client *c)
{
	unsigned int id;

	for (id = 0; id < c->lim.num_aha; id++)
		MUST(c, pf_probe_aha, .aha_id = id);
	return 0;
}

static uint16_t
aha_beyond(struct client *c)
{
	return STATUS(c, pf_probe_aha, .aha_id = c->lim.num_aha);
}

static uint16_t
aha_last_id(struct client *c)
{
	return STATUS(c, pf_probe_aha, .aha_id = 0xffff);
}

/* ---- Functions ----------------------------------------------------------------------------- */

static uint16_t
f_enable(struct client *c)
{
	conf_need_vf(c);
	return STATUS(c, pf_f_enable, .f_owner = 1);
}

static uint16_t
f_enable_twice(struct client *c)
{
	conf_need_vf(c);
	MUST(c, pf_f_enable, .f_owner = 1);
	return STATUS(c, pf_f_enable, .f_owner = 1);
}

static uint16_t
f_enable_invalid(struct client *c)
{
	return STATUS(c, pf_f_enable, .f_owner = CLIENT_NO_FUNCTION);
}

static uint16_t
f_disable_trap(struct client *c, uint64_t enable)
{
	struct rvr_pf_f_disable_req req = { .f_owner = 1 };
	struct rvr_pf_f_disable_rsp rsp;
	uint16_t status;

	conf_need_vf(c);
	MUST(c, pf_f_trap_configure, .f_owner = 1, .enable = enable);
	MUST(c, pf_f_enable, .f_owner = 1);
	status = client_pf_f_disable(c, &req, &rsp);
	client_equal(c, "TRAP_CONFIG", rsp.trap_config, enable);
	return status;
}

static uint16_t
f_disable_trapped(struct client *c)
{
	return f_disable_trap(c, 1);
}

static uint16_t
f_disable_untrapped(struct client *c)
{
	return f_disable_trap(c, 0);
}

static uint16_t
f_disable_invalid(struct client *c)
{
	return STATUS(c, pf_f_disable, .f_owner = CLIENT_NO_FUNCTION);
}

static uint16_t
trap_configure(struct client *c)
{
	conf_need_vf(c);
	return STATUS(c, pf_f_trap_configure, .f_owner = 1, .enable = 1);
}

static uint16_t
trap_configure_invalid(struct client *c)
{
	return STATUS(c, pf_f_trap_configure, .f_owner = CLIENT_NO_FUNCTION, .enable = 1);
}

static uint16_t
trap_configure_enabled(struct client *c)
{
	conf_need_vf(c);
	MUST(c, pf_f_enable, .f_owner = 1);
	return STATUS(c, pf_f_trap_configure, .f_owner = 1, .enable = 1);
}

static uint16_t
trap_resp_no_function(struct client *c)
{
	return STATUS(c, pf_f_trap_resp, .f_target = CLIENT_NO_FUNCTION,
		      .resp_opcode = RVR_F_PROBE);
}

static uint16_t
trap_resp_not_trapped(struct client *c)
{
	conf_need_vf(c);
	return STATUS(c, pf_f_trap_resp, .f_target = 1, .resp_opcode = RVR_F_PROBE);
}

/* ---- F-GET-AMI-MAP, F-PROF-TABLE-FLUSH ----------------------------------------------------- */

static const struct rvr_ami_map_entry *
map_find(const struct rvr_ami_map_header *map, uint16_t aha_id, uint16_t id)
{
	const struct rvr_ami_map_entry *entry = (const void *)(map + 1);
	uint32_t i;

	for (i = 0; i < rvr_le32_cpu(map->count); i++)
		if (rvr_le16_cpu(entry[i].aha_id) == aha_id && rvr_le16_cpu(entry[i].id) == id)
			return &entry[i];
	return NULL;
}

static uint16_t
ami_map(struct client *c)
{
	struct client_ami *first = client_ami_new(c), *second = client_ami_new(c);
	struct client_hw hw = client_hw_new(c, 0);
	const struct rvr_ami_map_entry *entry;
	struct rvr_ami_map_header *map;
	uint64_t iova;
	uint16_t status;

	client_ami_enable(c, second);
	map = client_alloc(c, 1 << 16, 4096, &iova);
	memset(map, 0xff, 1 << 16);
	status = STATUS(c, f_get_ami_map, .ami_map_base = iova);
	client_equal(c, "count of AMIs", rvr_le32_cpu(map->count), 3);
	client_equal(c, "word behind the count", rvr_le32_cpu(map->zero), 0);
	entry = map_find(map, RVR_AMI_MAP_AMI_SW, first->id);
	if (entry == NULL)
		client_fail(c, "the first AMI-SW is not in the map");
	client_equal(c, "first AMI-SW's physical ID", rvr_le16_cpu(entry->phy_id), first->phy);
	client_equal(c, "first AMI-SW's flags", rvr_le16_cpu(entry->flags), RVR_AMI_MAP_MAPPED);
	entry = map_find(map, RVR_AMI_MAP_AMI_SW, second->id);
	if (entry == NULL)
		client_fail(c, "the second AMI-SW is not in the map");
	client_equal(c, "second AMI-SW's flags", rvr_le16_cpu(entry->flags),
		     RVR_AMI_MAP_MAPPED | RVR_AMI_MAP_ENABLED);
	entry = map_find(map, hw.aha_id, hw.id);
	if (entry == NULL)
		client_fail(c, "the AMI-HW is not in the map");
	client_equal(c, "AMI-HW's physical ID", rvr_le16_cpu(entry->phy_id), hw.phy);
	return status;
}

static uint16_t
ami_map_empty(struct client *c)
{
	struct rvr_ami_map_header *map;
	uint64_t iova;
	uint16_t status;

	map = client_alloc(c, 4096, 4096, &iova);
	memset(map, 0xff, 4096);
	status = STATUS(c, f_get_ami_map, .ami_map_base = iova);
	client_equal(c, "count of AMIs", rvr_le32_cpu(map->count), 0);
	return status;
}

static uint16_t
ami_map_fault(struct client *c)
{
	client_ami_new(c);
	return STATUS(c, f_get_ami_map, .ami_map_base = CLIENT_BAD_IOVA);
}

static uint16_t
prof_flush(struct client *c)
{
	if (!c->lim.asn_prof)
		client_skip(c, "the device doesn't profile");
	return client_f_prof_table_flush(c, NULL, NULL);
}

static uint16_t
prof_flush_fault(struct client *c)
{
	struct client_path path;
	uint16_t status;

	if (!c->lim.asn_prof)
		client_skip(c, "the device doesn't profile");
	client_reg_write(c, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_ASN_PROF_EN, 1) | 1);
	path = client_loopback(c, 2, 2, c->lim.min_log2_len);
	MUST(c, f_ams_prof_configure, .ami_id = path.ami->id, .ami_type = RVR_END_AMI_SW,
	     .ams_type = RVR_AMS_TX, .prof_mask = 1, .prof_tbl_base = CLIENT_BAD_IOVA,
	     .prof_ctl = 1);
	client_exchange(c, path.tx, path.rx, 3, 0);
	status = client_f_prof_table_flush(c, NULL, NULL);
	client_equal(c, "ERROR_STATE", client_error_state(c), RVR_ERROR_STATE_PROF_TBL_FAULT);
	return status;
}

#define T CONF_STATUS

static const struct conf_test tests[] = {
	T(PF_PROBE, 0, "limits", pf_probe),
	T(F_PROBE, 0, "limits", f_probe),
	T(PF_PROBE_AHA, 0, "all below NUM_AHA", aha_each),
	T(PF_PROBE_AHA, 1, "NUM_AHA", aha_beyond),
	T(PF_PROBE_AHA, 1, "0xffff", aha_last_id),
	T(PF_F_ENABLE, 0, "VF 1", f_enable),
	T(PF_F_ENABLE, 0, "VF 1, enabled already", f_enable_twice),
	T(PF_F_ENABLE, 1, "F_OWNER is invalid", f_enable_invalid),
	T(PF_F_DISABLE, 0, "VF 1, trapped", f_disable_trapped),
	T(PF_F_DISABLE, 0, "VF 1, not trapped", f_disable_untrapped),
	T(PF_F_DISABLE, 1, "F_OWNER is invalid", f_disable_invalid),
	T(PF_F_TRAP_CONFIGURE, 0, "VF 1", trap_configure),
	T(PF_F_TRAP_CONFIGURE, 1, "F_OWNER is invalid", trap_configure_invalid),
	T(PF_F_TRAP_CONFIGURE, 2, "F_OWNER is enabled", trap_configure_enabled),
	T(PF_F_TRAP_RESP, 1, "no such Function", trap_resp_no_function),
	T(PF_F_TRAP_RESP, 1, "Function that has not sent a command", trap_resp_not_trapped),
	T(F_GET_AMI_MAP, 0, "two AMI-SWs, one AMI-HW", ami_map),
	T(F_GET_AMI_MAP, 0, "no AMIs", ami_map_empty),
	T(F_GET_AMI_MAP, 1, "buffer is not mapped", ami_map_fault),
	T(F_PROF_TABLE_FLUSH, 0, "nothing is profiled", prof_flush),
	T(F_PROF_TABLE_FLUSH, 1, "table is not mapped", prof_flush_fault),
};

CONF_TOPIC(cmd_function, "functions");
