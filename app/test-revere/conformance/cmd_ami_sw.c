/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands about AMI-SWs: each status.
 */

#include "conf.h"

/* ---- PF-AMI-SW-MAP, -UNMAP ----------------------------------------------------------------- */

static uint16_t
map_given(struct client *c)
{
	struct rvr_pf_ami_sw_map_req req = { .phy_ami_sw_id = c->lim.max_ami_sw - 1 };
	struct rvr_pf_ami_sw_map_rsp rsp;
	uint16_t status = client_pf_ami_sw_map(c, &req, &rsp);

	client_equal(c, "PHY_AMI_SW_ID", rsp.phy_ami_sw_id, req.phy_ami_sw_id);
	return status;
}

/** ANY_PHY_AMI_SW: as many as there are, each another one. */
static uint16_t
map_any(struct client *c)
{
	unsigned int i, n = RTE_MIN(c->lim.max_ami_sw, c->lim.ami_per_f);
	uint8_t *seen = client_alloc(c, 65536, 64, NULL);
	struct rvr_pf_ami_sw_map_req req = { .any_phy_ami_sw = 1 };
	struct rvr_pf_ami_sw_map_rsp rsp;

	for (i = 0; i < n; i++) {
		req.ami_sw_id = i;
		client_equal(c, "STATUS", client_pf_ami_sw_map(c, &req, &rsp), 0);
		if (rsp.phy_ami_sw_id >= c->lim.max_ami_sw || seen[rsp.phy_ami_sw_id]++)
			client_fail(c, "PHY_AMI_SW_ID %u given again or out of range",
				    (unsigned int)rsp.phy_ami_sw_id);
	}
	return 0;
}

/** A VF has one, so the PF has IDs left when the AMI-SWs are used up. */
static uint16_t
map_any_none_left(struct client *c)
{
	unsigned int i;

	conf_need_vf(c);
	MUST(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .f_owner = 1);
	if (c->lim.ami_per_f < c->lim.max_ami_sw)
		client_skip(c, "a Function has %u AMI_SW_IDs, the device %u AMI-SWs",
			    c->lim.ami_per_f, c->lim.max_ami_sw);
	for (i = 0; i < c->lim.max_ami_sw - 1; i++)
		MUST(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = i);
	return STATUS(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = i);
}

static uint16_t
map_vf(struct client *c)
{
	conf_need_vf(c);
	return STATUS(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .f_owner = 1);
}

static uint16_t
map_no_function(struct client *c)
{
	return STATUS(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .f_owner = CLIENT_NO_FUNCTION);
}

static uint16_t
map_phy_mapped(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 0);
	return STATUS(c, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 1);
}

static uint16_t
map_id_assigned(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 0);
	return STATUS(c, pf_ami_sw_map, .phy_ami_sw_id = 1, .ami_sw_id = 0);
}

static uint16_t
map_phy_beyond(struct client *c)
{
	return STATUS(c, pf_ami_sw_map, .phy_ami_sw_id = c->lim.max_ami_sw);
}

static uint16_t
map_id_beyond(struct client *c)
{
	if (c->lim.ami_per_f > 0xffff)
		client_skip(c, "every AMI_SW_ID is in range");
	return STATUS(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = c->lim.ami_per_f);
}

static uint16_t
unmap(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);

	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = ami->phy);
	client_equal(c, "STATUS of F-AMI-SW-ENABLE after it",
		     STATUS(c, f_ami_sw_enable, .ami_sw_id = ami->id), 1);
	/* Both IDs are free again. */
	return STATUS(c, pf_ami_sw_map, .phy_ami_sw_id = ami->phy, .ami_sw_id = ami->id);
}

static uint16_t
unmap_unmapped(struct client *c)
{
	return STATUS(c, pf_ami_sw_unmap, .phy_ami_sw_id = 0);
}

static uint16_t
unmap_beyond(struct client *c)
{
	return STATUS(c, pf_ami_sw_unmap, .phy_ami_sw_id = c->lim.max_ami_sw);
}

/* ---- PF-AMI-SW-CONFIGURE, -SAVE, -RESET ---------------------------------------------------- */

static uint16_t
pf_configure(struct client *c)
{
	return STATUS(c, pf_ami_sw_configure, .phy_ami_sw_id = 0, .tx_vector = 1, .rx_vector = 2);
}

static uint16_t
pf_configure_mapped(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0);
	return STATUS(c, pf_ami_sw_configure, .phy_ami_sw_id = 0);
}

static uint16_t
pf_configure_beyond(struct client *c)
{
	return STATUS(c, pf_ami_sw_configure, .phy_ami_sw_id = c->lim.max_ami_sw);
}

/** What PF-AMI-SW-CONFIGURE wrote. */
static uint16_t
pf_save(struct client *c)
{
	struct rvr_pf_ami_sw_save_req req = { .phy_ami_sw_id = 0 };
	struct rvr_pf_ami_sw_save_rsp rsp;
	uint16_t status;

	MUST(c, pf_ami_sw_configure, .phy_ami_sw_id = 0, .tx_vector = 1, .tx_irq_enable = 1,
	     .rx_vector = 2, .rx_irq_enable = 1, .typeb_tbl_base = 0x123456789000);
	status = client_pf_ami_sw_save(c, &req, &rsp);
	client_equal(c, "TX_VECTOR", rsp.tx_vector, 1);
	client_equal(c, "TX_IRQ_ENABLE", rsp.tx_irq_enable, 1);
	client_equal(c, "RX_VECTOR", rsp.rx_vector, 2);
	client_equal(c, "RX_IRQ_ENABLE", rsp.rx_irq_enable, 1);
	client_equal(c, "ENABLE", rsp.enable, 0);
	client_equal(c, "MAPPED", rsp.mapped, 0);
	client_equal(c, "TYPEB_TBL_BASE", rsp.typeb_tbl_base, 0x123456789000);
	return status;
}

/** An AMI-SW of a disabled VF. */
static uint16_t
pf_save_vf(struct client *c)
{
	struct rvr_pf_ami_sw_save_req req = { .phy_ami_sw_id = 3 };
	struct rvr_pf_ami_sw_save_rsp rsp;
	uint16_t status;

	conf_need_vf(c);
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 2, .f_owner = 1);
	status = client_pf_ami_sw_save(c, &req, &rsp);
	client_equal(c, "MAPPED", rsp.mapped, 1);
	client_equal(c, "AMI_SW_ID", rsp.ami_sw_id, 2);
	client_equal(c, "F_OWNER", rsp.f_owner, 1);
	return status;
}

static uint16_t
pf_save_invalid(struct client *c)
{
	return STATUS(c, pf_ami_sw_save, .phy_ami_sw_id = c->lim.max_ami_sw);
}

/** (P) The PF counts as enabled. */
static uint16_t
pf_save_own(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0);
	return STATUS(c, pf_ami_sw_save, .phy_ami_sw_id = 0);
}

static uint16_t
pf_save_vf_enabled(struct client *c)
{
	conf_need_vf(c);
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0, .f_owner = 1);
	MUST(c, pf_f_enable, .f_owner = 1);
	return STATUS(c, pf_ami_sw_save, .phy_ami_sw_id = 0);
}

static uint16_t
pf_reset(struct client *c)
{
	struct rvr_pf_ami_sw_save_req req = { .phy_ami_sw_id = 0 };
	struct rvr_pf_ami_sw_save_rsp rsp;
	uint16_t status;

	MUST(c, pf_ami_sw_configure, .phy_ami_sw_id = 0, .enable = 1);
	status = STATUS(c, pf_ami_sw_reset, .phy_ami_sw_id = 0);
	client_equal(c, "STATUS of PF-AMI-SW-SAVE", client_pf_ami_sw_save(c, &req, &rsp), 0);
	client_equal(c, "ENABLE after it", rsp.enable, 0);
	return status;
}

static uint16_t
pf_reset_mapped(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0);
	return STATUS(c, pf_ami_sw_reset, .phy_ami_sw_id = 0);
}

static uint16_t
pf_reset_beyond(struct client *c)
{
	return STATUS(c, pf_ami_sw_reset, .phy_ami_sw_id = c->lim.max_ami_sw);
}

/* ---- F-AMI-SW-* ---------------------------------------------------------------------------- */

static uint16_t
configure(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);

	return client_f_ami_sw_configure(c, &ami->conf, NULL);
}

static uint16_t
configure_unmapped(struct client *c)
{
	return STATUS(c, f_ami_sw_configure, .ami_sw_id = 0);
}

static uint16_t
configure_beyond(struct client *c)
{
	return STATUS(c, f_ami_sw_configure, .ami_sw_id = 0xffff);
}

static uint16_t
configure_enabled(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);

	client_ami_enable(c, ami);
	return client_f_ami_sw_configure(c, &ami->conf, NULL);
}

static uint16_t
save(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = ami->id };
	struct rvr_f_ami_sw_save_rsp rsp;
	uint16_t status;

	ami->conf.tx_vector = 3;
	ami->conf.rx_vector = 4;
	ami->conf.tx_irq_enable = 1;
	ami->conf.rx_irq_enable = 1;
	client_equal(c, "STATUS of F-AMI-SW-CONFIGURE",
		     client_f_ami_sw_configure(c, &ami->conf, NULL), 0);
	status = client_f_ami_sw_save(c, &req, &rsp);
	client_equal(c, "TX_VECTOR", rsp.tx_vector, 3);
	client_equal(c, "TX_IRQ_ENABLE", rsp.tx_irq_enable, 1);
	client_equal(c, "RX_VECTOR", rsp.rx_vector, 4);
	client_equal(c, "RX_IRQ_ENABLE", rsp.rx_irq_enable, 1);
	client_equal(c, "PASID_ENABLED", rsp.pasid_enabled, 0);
	client_equal(c, "TYPEB_TBL_BASE", rsp.typeb_tbl_base, ami->conf.typeb_tbl_base);
	return status;
}

static uint16_t
save_invalid(struct client *c)
{
	return STATUS(c, f_ami_sw_save, .ami_sw_id = 0);
}

static uint16_t
reset(struct client *c)
{
	return STATUS(c, f_ami_sw_reset, .ami_sw_id = client_ami_map(c)->id);
}

/** (P) disables it first */
static uint16_t
reset_enabled(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);

	client_ami_enable(c, ami);
	MUST(c, f_ami_sw_reset, .ami_sw_id = ami->id);
	return client_f_ami_sw_configure(c, &ami->conf, NULL);
}

static uint16_t
reset_invalid(struct client *c)
{
	return STATUS(c, f_ami_sw_reset, .ami_sw_id = 0);
}

static uint16_t
enable(struct client *c)
{
	return STATUS(c, f_ami_sw_enable, .ami_sw_id = client_ami_new(c)->id);
}

static uint16_t
enable_unmapped(struct client *c)
{
	return STATUS(c, f_ami_sw_enable, .ami_sw_id = 0);
}

static uint16_t
disable(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);

	client_ami_enable(c, ami);
	MUST(c, f_ami_sw_disable, .ami_sw_id = ami->id);
	MUST(c, f_ami_sw_disable, .ami_sw_id = ami->id);
	return client_f_ami_sw_configure(c, &ami->conf, NULL);
}

static uint16_t
disable_unmapped(struct client *c)
{
	return STATUS(c, f_ami_sw_disable, .ami_sw_id = 0);
}

/** A refused command changes nothing. */
static void
refused_changes_nothing(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 20, 0);
	client_equal(c, "STATUS of F-AMI-SW-CONFIGURE",
		     STATUS(c, f_ami_sw_configure, .ami_sw_id = path.ami->id), 2);
	client_equal(c, "STATUS of PF-AMI-SW-CONFIGURE",
		     STATUS(c, pf_ami_sw_configure, .phy_ami_sw_id = path.ami->phy), 1);
	client_equal(c, "STATUS of PF-AMI-SW-RESET",
		     STATUS(c, pf_ami_sw_reset, .phy_ami_sw_id = path.ami->phy), 1);
	client_equal(c, "STATUS of PF-AMI-SW-MAP",
		     STATUS(c, pf_ami_sw_map, .phy_ami_sw_id = path.ami->phy, .ami_sw_id = 5), 2);
	client_exchange(c, path.tx, path.rx, 20, 0);
}

#define T CONF_STATUS
#define T2 CONF_STATUS2

static const struct conf_test tests[] = {
	T(PF_AMI_SW_MAP, 0, "a physical ID", map_given),
	T(PF_AMI_SW_MAP, 0, "any, as many as there are", map_any),
	T(PF_AMI_SW_MAP, 0, "for VF 1", map_vf),
	T2(PF_AMI_SW_MAP, RVR_STATUS_OTHER, 2, "any, none is left", map_any_none_left),
	T(PF_AMI_SW_MAP, 1, "F_OWNER is invalid", map_no_function),
	T(PF_AMI_SW_MAP, 2, "PHY_AMI_SW_ID already mapped", map_phy_mapped),
	T(PF_AMI_SW_MAP, 3, "AMI_SW_ID already assigned in F_OWNER", map_id_assigned),
	T2(PF_AMI_SW_MAP, 2, RVR_STATUS_OTHER, "PHY_AMI_SW_ID out of range", map_phy_beyond),
	T2(PF_AMI_SW_MAP, 3, RVR_STATUS_OTHER, "AMI_SW_ID out of range", map_id_beyond),
	T(PF_AMI_SW_UNMAP, 0, "mapped", unmap),
	T(PF_AMI_SW_UNMAP, RVR_STATUS_OTHER, "not mapped", unmap_unmapped),
	T(PF_AMI_SW_UNMAP, RVR_STATUS_OTHER, "PHY_AMI_SW_ID out of range", unmap_beyond),
	T(PF_AMI_SW_CONFIGURE, 0, "not mapped", pf_configure),
	T(PF_AMI_SW_CONFIGURE, 1, "AMI-SW is mapped", pf_configure_mapped),
	T2(PF_AMI_SW_CONFIGURE, RVR_STATUS_OTHER, 1, "PHY_AMI_SW_ID out of range",
	   pf_configure_beyond),
	T(PF_AMI_SW_SAVE, 0, "what was configured", pf_save),
	T(PF_AMI_SW_SAVE, 0, "of a disabled VF", pf_save_vf),
	T(PF_AMI_SW_SAVE, 1, "Invalid PHY_AMI_SW_ID", pf_save_invalid),
	T(PF_AMI_SW_SAVE, 2, "owned by the PF", pf_save_own),
	T(PF_AMI_SW_SAVE, 2, "owned by an enabled VF", pf_save_vf_enabled),
	T(PF_AMI_SW_RESET, 0, "not mapped", pf_reset),
	T(PF_AMI_SW_RESET, 1, "AMI-SW is mapped", pf_reset_mapped),
	T2(PF_AMI_SW_RESET, RVR_STATUS_OTHER, 1, "PHY_AMI_SW_ID out of range", pf_reset_beyond),
	T(F_AMI_SW_CONFIGURE, 0, "disabled", configure),
	T(F_AMI_SW_CONFIGURE, 1, "AMI_SW_ID is not mapped in Function", configure_unmapped),
	T(F_AMI_SW_CONFIGURE, 1, "AMI_SW_ID out of range", configure_beyond),
	T(F_AMI_SW_CONFIGURE, 2, "AMI-SW is not disabled", configure_enabled),
	T(F_AMI_SW_SAVE, 0, "what was configured", save),
	T(F_AMI_SW_SAVE, 1, "invalid AMI_SW_ID", save_invalid),
	T(F_AMI_SW_RESET, 0, "disabled", reset),
	T(F_AMI_SW_RESET, 0, "enabled: disables it first", reset_enabled),
	T(F_AMI_SW_RESET, 1, "Invalid AMI_SW_ID", reset_invalid),
	T(F_AMI_SW_ENABLE, 0, "configured", enable),
	T(F_AMI_SW_ENABLE, 1, "AMI-SW is not mapped in Function", enable_unmapped),
	T(F_AMI_SW_DISABLE, 0, "enabled, and again", disable),
	T(F_AMI_SW_DISABLE, 1, "AMI-SW is not mapped in Function", disable_unmapped),
	{ .name = "refused commands change nothing", .run = refused_changes_nothing },
};

CONF_TOPIC(cmd_ami_sw, "AMI-SW commands");
