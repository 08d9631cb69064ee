/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands about AMI-HWs: each status.
 */

#include "conf.h"

/* ---- PF-AMI-HW-MAP, -UNMAP ----------------------------------------------------------------- */

static uint16_t
map_given(struct client *c)
{
	struct rvr_pf_ami_hw_map_req req = { .phy_ami_hw_id = 15 };
	struct rvr_pf_ami_hw_map_rsp rsp;
	uint16_t status = client_pf_ami_hw_map(c, &req, &rsp);

	client_equal(c, "PHY_AMI_HW_ID", rsp.phy_ami_hw_id, 15);
	return status;
}

static uint16_t
map_any(struct client *c)
{
	struct rvr_pf_ami_hw_map_req req = { .any_phy_ami_hw = 1 };
	struct rvr_pf_ami_hw_map_rsp rsp;
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		req.ami_hw_id = i;
		client_equal(c, "STATUS", client_pf_ami_hw_map(c, &req, &rsp), 0);
		if (rsp.phy_ami_hw_id < 64 && (seen & (UINT64_C(1) << rsp.phy_ami_hw_id)) != 0)
			client_fail(c, "PHY_AMI_HW_ID %u was given before",
				    (unsigned int)rsp.phy_ami_hw_id);
		seen |= UINT64_C(1) << (rsp.phy_ami_hw_id & 63);
	}
	return 0;
}

static uint16_t
map_no_function(struct client *c)
{
	return STATUS(c, pf_ami_hw_map, .any_phy_ami_hw = 1, .f_owner = CLIENT_NO_FUNCTION);
}

static uint16_t
map_phy_mapped(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .ami_hw_id = 0);
	return STATUS(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .ami_hw_id = 1);
}

static uint16_t
map_id_assigned(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .ami_hw_id = 0);
	return STATUS(c, pf_ami_hw_map, .phy_ami_hw_id = 1, .ami_hw_id = 0);
}

static uint16_t
map_aha_beyond(struct client *c)
{
	return STATUS(c, pf_ami_hw_map, .aha_id = c->lim.num_aha, .any_phy_ami_hw = 1);
}

static uint16_t
map_phy_beyond(struct client *c)
{
	return STATUS(c, pf_ami_hw_map, .phy_ami_hw_id = 0xffff);
}

static uint16_t
unmap(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .ami_hw_id = 0);
	MUST(c, pf_ami_hw_unmap, .phy_ami_hw_id = 0);
	client_equal(c, "STATUS of F-AMI-HW-ENABLE after it",
		     STATUS(c, f_ami_hw_enable, .ami_hw_id = 0), 1);
	return STATUS(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .ami_hw_id = 0);
}

static uint16_t
unmap_unmapped(struct client *c)
{
	return STATUS(c, pf_ami_hw_unmap, .phy_ami_hw_id = 0);
}

static uint16_t
unmap_aha_beyond(struct client *c)
{
	return STATUS(c, pf_ami_hw_unmap, .aha_id = c->lim.num_aha);
}

/* ---- PF-AMI-HW-CONFIGURE, -SAVE, -RESET ---------------------------------------------------- */

static uint16_t
pf_configure(struct client *c)
{
	return STATUS(c, pf_ami_hw_configure, .phy_ami_hw_id = 0);
}

/** (P) which sizes are valid: the largest that the field can hold is one that may be refused. */
static uint16_t
pf_configure_credit(struct client *c)
{
	uint16_t status = STATUS(c, pf_ami_hw_configure, .log2_hw_cred_size = 15);

	if (status == 0)
		client_skip(c, "every LOG2_HW_CRED_SIZE is valid here");
	return status;
}

static uint16_t
pf_configure_mapped(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, pf_ami_hw_configure, .phy_ami_hw_id = 0);
}

static uint16_t
pf_configure_beyond(struct client *c)
{
	return STATUS(c, pf_ami_hw_configure, .phy_ami_hw_id = 0xffff);
}

static uint16_t
pf_save(struct client *c)
{
	struct rvr_pf_ami_hw_save_req req = { .phy_ami_hw_id = 0 };
	struct rvr_pf_ami_hw_save_rsp rsp;
	uint16_t status;

	MUST(c, pf_ami_hw_configure, .phy_ami_hw_id = 0, .log2_hw_cred_size = 3);
	status = client_pf_ami_hw_save(c, &req, &rsp);
	client_equal(c, "LOG2_HW_CRED_SIZE", rsp.log2_hw_cred_size, 3);
	client_equal(c, "ENABLE", rsp.enable, 0);
	client_equal(c, "PASID_ENABLED", rsp.pasid_enabled, 0);
	return status;
}

static uint16_t
pf_save_invalid(struct client *c)
{
	return STATUS(c, pf_ami_hw_save, .phy_ami_hw_id = 0xffff);
}

static uint16_t
pf_save_own(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, pf_ami_hw_save, .phy_ami_hw_id = 0);
}

static uint16_t
pf_save_vf_enabled(struct client *c)
{
	conf_need_vf(c);
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0, .f_owner = 1);
	MUST(c, pf_f_enable, .f_owner = 1);
	return STATUS(c, pf_ami_hw_save, .phy_ami_hw_id = 0);
}

static uint16_t
pf_reset(struct client *c)
{
	return STATUS(c, pf_ami_hw_reset, .phy_ami_hw_id = 0);
}

static uint16_t
pf_reset_mapped(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, pf_ami_hw_reset, .phy_ami_hw_id = 0);
}

/* ---- F-AMI-HW-* ---------------------------------------------------------------------------- */

static uint16_t
configure(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, f_ami_hw_configure, .ami_hw_id = 0);
}

static uint16_t
configure_unmapped(struct client *c)
{
	return STATUS(c, f_ami_hw_configure, .ami_hw_id = 0);
}

static uint16_t
configure_enabled(struct client *c)
{
	return STATUS(c, f_ami_hw_configure, .ami_hw_id = client_hw_new(c, 0).id);
}

static uint16_t
save(struct client *c)
{
	struct rvr_f_ami_hw_save_req req = { .ami_hw_id = 7 };
	struct rvr_f_ami_hw_save_rsp rsp;
	uint16_t status;

	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 2, .ami_hw_id = 7);
	MUST(c, f_ami_hw_configure, .ami_hw_id = 7);
	status = client_f_ami_hw_save(c, &req, &rsp);
	client_equal(c, "PASID_ENABLED", rsp.pasid_enabled, 0);
	return status;
}

static uint16_t
save_unmapped(struct client *c)
{
	return STATUS(c, f_ami_hw_save, .ami_hw_id = 0);
}

static uint16_t
reset(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, f_ami_hw_reset, .ami_hw_id = 0);
}

/** (P) disables it first */
static uint16_t
reset_enabled(struct client *c)
{
	struct client_hw hw = client_hw_new(c, 0);

	MUST(c, f_ami_hw_reset, .ami_hw_id = hw.id);
	return STATUS(c, f_ami_hw_configure, .ami_hw_id = hw.id);
}

static uint16_t
reset_unmapped(struct client *c)
{
	return STATUS(c, f_ami_hw_reset, .ami_hw_id = 0);
}

static uint16_t
enable(struct client *c)
{
	MUST(c, pf_ami_hw_map, .phy_ami_hw_id = 0);
	return STATUS(c, f_ami_hw_enable, .ami_hw_id = 0);
}

static uint16_t
enable_unmapped(struct client *c)
{
	return STATUS(c, f_ami_hw_enable, .ami_hw_id = 0);
}

static uint16_t
disable(struct client *c)
{
	struct client_hw hw = client_hw_new(c, 0);

	MUST(c, f_ami_hw_disable, .ami_hw_id = hw.id);
	MUST(c, f_ami_hw_disable, .ami_hw_id = hw.id);
	return STATUS(c, f_ami_hw_configure, .ami_hw_id = hw.id);
}

static uint16_t
disable_unmapped(struct client *c)
{
	return STATUS(c, f_ami_hw_disable, .ami_hw_id = 0);
}

#define T CONF_STATUS
#define T2 CONF_STATUS2

static const struct conf_test tests[] = {
	T(PF_AMI_HW_MAP, 0, "physical ID 15", map_given),
	T(PF_AMI_HW_MAP, 0, "any, 16 times", map_any),
	T(PF_AMI_HW_MAP, 1, "F_OWNER is invalid", map_no_function),
	T(PF_AMI_HW_MAP, 2, "PHY_AMI_HW_ID in AHA_ID already mapped", map_phy_mapped),
	T(PF_AMI_HW_MAP, 3, "AMI_HW_ID already assigned in F_OWNER", map_id_assigned),
	T2(PF_AMI_HW_MAP, RVR_STATUS_OTHER, 2, "AHA_ID out of range", map_aha_beyond),
	T2(PF_AMI_HW_MAP, 2, RVR_STATUS_OTHER, "PHY_AMI_HW_ID out of range", map_phy_beyond),
	T(PF_AMI_HW_UNMAP, 0, "mapped", unmap),
	T(PF_AMI_HW_UNMAP, RVR_STATUS_OTHER, "not mapped", unmap_unmapped),
	T(PF_AMI_HW_UNMAP, RVR_STATUS_OTHER, "AHA_ID out of range", unmap_aha_beyond),
	T(PF_AMI_HW_CONFIGURE, 0, "not mapped", pf_configure),
	T(PF_AMI_HW_CONFIGURE, 1, "Invalid LOG2_HW_CRED_SIZE value", pf_configure_credit),
	T(PF_AMI_HW_CONFIGURE, 2, "PHY_AMI_HW_ID within AHA_ID is mapped", pf_configure_mapped),
	T2(PF_AMI_HW_CONFIGURE, RVR_STATUS_OTHER, 2, "PHY_AMI_HW_ID out of range",
	   pf_configure_beyond),
	T(PF_AMI_HW_SAVE, 0, "what was configured", pf_save),
	T(PF_AMI_HW_SAVE, 1, "Invalid PHY_AMI_HW_ID", pf_save_invalid),
	T(PF_AMI_HW_SAVE, 2, "owned by the PF", pf_save_own),
	T(PF_AMI_HW_SAVE, 2, "owned by an enabled VF", pf_save_vf_enabled),
	T(PF_AMI_HW_RESET, 0, "not mapped", pf_reset),
	T(PF_AMI_HW_RESET, 1, "AMI-HW is mapped", pf_reset_mapped),
	T(F_AMI_HW_CONFIGURE, 0, "disabled", configure),
	T(F_AMI_HW_CONFIGURE, 1, "AMI-HW is not mapped in Function", configure_unmapped),
	T(F_AMI_HW_CONFIGURE, 2, "AMI-HW is not disabled", configure_enabled),
	T(F_AMI_HW_SAVE, 0, "what was configured", save),
	T(F_AMI_HW_SAVE, 1, "Invalid AMI_HW_ID", save_unmapped),
	T(F_AMI_HW_RESET, 0, "disabled", reset),
	T(F_AMI_HW_RESET, 0, "enabled: disables it first", reset_enabled),
	T(F_AMI_HW_RESET, 1, "Invalid AMI_HW_ID", reset_unmapped),
	T(F_AMI_HW_ENABLE, 0, "mapped", enable),
	T(F_AMI_HW_ENABLE, 1, "AMI-HW is not mapped in Function", enable_unmapped),
	T(F_AMI_HW_DISABLE, 0, "enabled, and again", disable),
	T(F_AMI_HW_DISABLE, 1, "AMI-HW is not mapped in Function", disable_unmapped),
};

CONF_TOPIC(cmd_ami_hw, "AMI-HW commands");
