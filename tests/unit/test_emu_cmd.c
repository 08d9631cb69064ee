/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands of the emulated device: each with every status of the specification, and
 * what the specification says about their effects as far as software sees them.
 */

#include <stdio.h>
#include <time.h>

#include "emu_mgt.h"

#define OTHER RVR_STATUS_OTHER

static int
setup(void **state)
{
	struct revere_emu_config config;
	struct mc *m = malloc(sizeof(*m));

	mc_config(&config);
	mc_open(m, &config);
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	mc_close(*state);
	free(*state);
	return 0;
}

/* Brings VF `f` up with eight slots in its rings. */
static void
vf_up(struct mc *m, unsigned int f)
{
	mc_bring_up(m, f, 3);
	MC_OK(m, 0, pf_f_enable, .f_owner = f);
}

static unsigned int
exceptions(struct mc *m, unsigned int f)
{
	return (unsigned int)mc_waiting(m, f, RVR_MGT_RX_EXCEPTION);
}

/* A register of an AMI-SW page. */
static _Atomic uint64_t *
page_reg(struct mc *m, unsigned int f, unsigned int ami_sw_id, uint32_t offset)
{
	uint8_t *pages = revere_emu_pages(m->emu, f);

	assert_non_null(pages);
	return (_Atomic uint64_t *)(void *)(pages + ami_sw_id * 0x10000u + offset);
}

/* ---- What there is ----------------------------------------------------------------------- */

static void
test_probe(void **state)
{
	struct rvr_pf_probe_aha_rsp aha;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct rvr_pf_probe_rsp pf;
	struct rvr_f_probe_rsp probe;
	struct mc *m = *state;

	rvr_pf_probe_req_encode(msg, NULL, 0);
	assert_int_equal(mc_command(m, 0, msg), 0);
	rvr_pf_probe_rsp_decode(msg, &pf);
	assert_int_equal(pf.max_ami_sw, 8);
	assert_int_equal(pf.max_asn, 32);
	assert_int_equal(pf.num_aha, 4);
	rvr_f_probe_req_encode(msg, NULL, 0);
	assert_int_equal(mc_command(m, 0, msg), 0);
	rvr_f_probe_rsp_decode(msg, &probe);
	assert_int_equal(probe.ami_per_f_m1, 7);
	assert_int_equal(probe.pasid_supported, 1);
	assert_int_equal(probe.pasid_width, 20);
	assert_int_equal(probe.asn_prof_n_counters, RVR_PROF_COUNTERS);
	MC_RSP(m, 0, pf_probe_aha, &aha, .aha_id = 0);
	assert_int_equal(aha.aha_iidr, 0x00100000);
	MC_RSP(m, 0, pf_probe_aha, &aha, .aha_id = 1);
	assert_int_equal(aha.aha_iidr, 0x00200000);
	MC_RSP(m, 0, pf_probe_aha, &aha, .aha_id = 2);
	assert_int_equal(aha.aha_iidr, 0);
	MC_RSP(m, 0, pf_probe_aha, &aha, .aha_id = 3);
	assert_int_equal(aha.aha_iidr, 0x00400000);
	assert_int_equal(MC(m, 0, pf_probe_aha, .aha_id = 4), 1);
	assert_int_equal(MC(m, 0, pf_probe_aha, .aha_id = 0xffff), 1);
}

static void
test_functions(void **state)
{
	struct mc *m = *state;

	MC_OK(m, 0, pf_f_enable, .f_owner = 0);
	assert_int_equal(MC(m, 0, pf_f_enable, .f_owner = 4), 1);
	assert_int_equal(MC(m, 0, pf_f_enable, .f_owner = 0xffff), 1);
	assert_int_equal(MC(m, 0, pf_f_disable, .f_owner = 0), 1);
	assert_int_equal(MC(m, 0, pf_f_disable, .f_owner = 4), 1);
	MC_OK(m, 0, pf_f_disable, .f_owner = 1);
	MC_OK(m, 0, pf_f_trap_configure, .f_owner = 3, .enable = 1);
	MC_OK(m, 0, pf_f_enable, .f_owner = 3);
	MC_OK(m, 0, pf_f_enable, .f_owner = 3);
	assert_int_equal(MC(m, 0, pf_f_trap_configure, .f_owner = 3), 2);
	assert_int_equal(MC(m, 0, pf_f_trap_configure, .f_owner = 0), 2);
	assert_int_equal(MC(m, 0, pf_f_trap_configure, .f_owner = 4), 1);
	assert_int_equal(MC(m, 0, pf_f_trap_resp, .f_target = 3), 1);
}

/* ---- AMI-SW: mapping --------------------------------------------------------------------- */

static void
test_sw_map(void **state)
{
	struct rvr_pf_ami_sw_map_rsp rsp;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_ami_sw_map, .f_owner = 4), 1);
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 8), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 0xffff), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .ami_sw_id = 8), OTHER);
	MC_RSP(m, 0, pf_ami_sw_map, &rsp, .phy_ami_sw_id = 5, .ami_sw_id = 7);
	assert_int_equal(rsp.phy_ami_sw_id, 5);
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 5, .ami_sw_id = 6), 2);
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 4, .ami_sw_id = 7), 3);
	/* Another Function has IDs of its own. */
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 4, .ami_sw_id = 7, .f_owner = 1);
	/* Any: the others, until none is left. */
	for (unsigned int i = 0; i < 6; i++) {
		MC_RSP(m, 0, pf_ami_sw_map, &rsp, .any_phy_ami_sw = 1, .phy_ami_sw_id = 5,
		       .ami_sw_id = i);
		assert_int_equal(rsp.phy_ami_sw_id, i < 4 ? i : i + 2);
	}
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = 6), OTHER);
	MC_OK(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 3);
	assert_int_equal(MC(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 3), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 8), OTHER);
	MC_RSP(m, 0, pf_ami_sw_map, &rsp, .any_phy_ami_sw = 1, .ami_sw_id = 3, .f_owner = 2);
	assert_int_equal(rsp.phy_ami_sw_id, 3);
}

/* ---- AMI-SW: configuring, saving, life --------------------------------------------------- */

static void
test_sw_configure(void **state)
{
	struct rvr_f_ami_sw_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, f_ami_sw_configure, .ami_sw_id = 2), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_configure, .ami_sw_id = 8), 1);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 2, .ami_sw_id = 2);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 2, .pasid = 0xfffff, .pasid_enabled = 1,
	      .tx_vector = 3, .tx_irq_enable = 1, .rx_vector = 4, .rx_irq_enable = 1,
	      .typeb_tbl_base = 0xfffffffffffff000);
	MC_RSP(m, 0, f_ami_sw_save, &save, .ami_sw_id = 2);
	assert_int_equal(save.pasid, 0xfffff);
	assert_int_equal(save.pasid_enabled, 1);
	assert_int_equal(save.tx_vector, 3);
	assert_int_equal(save.tx_irq_enable, 1);
	assert_int_equal(save.rx_vector, 4);
	assert_int_equal(save.rx_irq_enable, 1);
	assert_int_equal(save.typeb_tbl_base, 0xfffffffffffff000);
	assert_int_equal(MC(m, 0, f_ami_sw_save, .ami_sw_id = 3), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_save, .ami_sw_id = 0xffff), 1);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 2);
	assert_int_equal(MC(m, 0, f_ami_sw_configure, .ami_sw_id = 2), 2);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 2);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 2, .pasid = 1);
	MC_RSP(m, 0, f_ami_sw_save, &save, .ami_sw_id = 2);
	assert_int_equal(save.pasid, 1);
	assert_int_equal(save.tx_irq_enable, 0);
}

static void
test_sw_life(void **state)
{
	struct rvr_f_ami_sw_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, f_ami_sw_reset, .ami_sw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_enable, .ami_sw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_disable, .ami_sw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_reset, .ami_sw_id = 8), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_enable, .ami_sw_id = 8), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_disable, .ami_sw_id = 8), 1);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 1);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 1);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 1, .pasid = 5);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 1);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 1);
	/* RESET of an enabled AMI disables it, clears it, zeroes its indices, keeps the mapping. */
	*page_reg(m, 0, 1, RVR_WRITE_INDEX_TX + 16) = 9;
	MC_OK(m, 0, f_ami_sw_reset, .ami_sw_id = 1);
	assert_int_equal(*page_reg(m, 0, 1, RVR_WRITE_INDEX_TX + 16), 0);
	MC_RSP(m, 0, f_ami_sw_save, &save, .ami_sw_id = 1);
	assert_int_equal(save.pasid, 0);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 1);
	/* UNMAP of an enabled AMI disables it. */
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 1);
	MC_OK(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 0);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 2);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 2);
}

/* PF-* commands on physical IDs: the PF's own are "enabled", a VF's are the PF's while disabled. */
static void
test_sw_pf_configure(void **state)
{
	struct rvr_pf_ami_sw_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_ami_sw_configure, .phy_ami_sw_id = 8), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_sw_reset, .phy_ami_sw_id = 8), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_sw_save, .phy_ami_sw_id = 8), 1);
	MC_OK(m, 0, pf_ami_sw_configure, .phy_ami_sw_id = 4, .pasid = 11, .enable = 1,
	      .rx_vector = 2, .typeb_tbl_base = 0x5000);
	MC_RSP(m, 0, pf_ami_sw_save, &save, .phy_ami_sw_id = 4);
	assert_int_equal(save.mapped, 0);
	assert_int_equal(save.enable, 1);
	assert_int_equal(save.pasid, 11);
	assert_int_equal(save.rx_vector, 2);
	assert_int_equal(save.typeb_tbl_base, 0x5000);
	/* Mapped, it runs at once in an enabled Function, and later in a disabled one. */
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 4, .ami_sw_id = 3, .f_owner = 2);
	assert_int_equal(MC(m, 0, pf_ami_sw_configure, .phy_ami_sw_id = 4), 1);
	assert_int_equal(MC(m, 0, pf_ami_sw_reset, .phy_ami_sw_id = 4), 1);
	MC_RSP(m, 0, pf_ami_sw_save, &save, .phy_ami_sw_id = 4);
	assert_int_equal(save.mapped, 1);
	assert_int_equal(save.enable, 1);
	assert_int_equal(save.ami_sw_id, 3);
	assert_int_equal(save.f_owner, 2);
	vf_up(m, 2);
	assert_int_equal(MC(m, 0, pf_ami_sw_save, .phy_ami_sw_id = 4), 2);
	assert_int_equal(MC(m, 2, f_ami_sw_configure, .ami_sw_id = 3), 2);
	MC_OK(m, 0, pf_f_disable, .f_owner = 2);
	MC_RSP(m, 0, pf_ami_sw_save, &save, .phy_ami_sw_id = 4);
	assert_int_equal(save.enable, 1);
	MC_OK(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 4);
	MC_RSP(m, 0, pf_ami_sw_save, &save, .phy_ami_sw_id = 4);
	assert_int_equal(save.enable, 0);
	assert_int_equal(save.pasid, 11);
	MC_OK(m, 0, pf_ami_sw_reset, .phy_ami_sw_id = 4);
	MC_RSP(m, 0, pf_ami_sw_save, &save, .phy_ami_sw_id = 4);
	assert_int_equal(save.pasid, 0);
	/* The PF's own. */
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 4, .ami_sw_id = 0);
	assert_int_equal(MC(m, 0, pf_ami_sw_save, .phy_ami_sw_id = 4), 2);
}

static void
test_sw_vectors(void **state)
{
	struct rvr_e_f_ami_ring_invalid_vector exc;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc *m = *state;

	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 5);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 5, .rx_vector = 15, .rx_irq_enable = 1,
	      .tx_vector = 16);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 5);
	assert_int_equal(exceptions(m, 0), 0);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 5);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 5, .rx_vector = 15, .rx_irq_enable = 1,
	      .tx_vector = 16, .tx_irq_enable = 1);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 5);
	assert_int_equal(exceptions(m, 0), 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_INVALID_VECTOR);
	rvr_e_f_ami_ring_invalid_vector_decode(msg, &exc);
	assert_int_equal(exc.ami_id, 5);
	assert_int_equal(exc.vector_type, 1);
}

/* ---- Rings ------------------------------------------------------------------------------- */

static void
test_rings(void **state)
{
	struct rvr_f_ams_ring_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, f_ams_ring_configure, .ami_sw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ams_ring_save, .ami_sw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ams_ring_save, .ami_sw_id = 0xffff), 1);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 6, .ami_sw_id = 1);
	assert_int_equal(MC(m, 0, f_ams_ring_configure, .ami_sw_id = 1, .log2_size = 9), 2);
	assert_int_equal(MC(m, 0, f_ams_ring_configure, .ami_sw_id = 1, .ams_id = 4), OTHER);
	assert_int_equal(MC(m, 0, f_ams_ring_save, .ami_sw_id = 1, .ams_id = 4), 2);
	assert_int_equal(MC(m, 0, f_ams_ring_save, .ami_sw_id = 1, .ams_id = 63), 2);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 1, .ams_id = 3, .ams_type = RVR_AMS_TX,
	      .log2_size = 8, .threshold = 15, .ring_base = 0xfffffffffffffff8);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 1, .ams_id = 3, .ams_type = RVR_AMS_RX,
	      .rx_mode = 1, .log2_size = 2, .threshold = 1, .ring_base = 0x1008);
	MC_RSP(m, 0, f_ams_ring_save, &save, .ami_sw_id = 1, .ams_id = 3, .ams_type = RVR_AMS_TX);
	assert_int_equal(save.log2_size, 8);
	assert_int_equal(save.threshold, 15);
	assert_int_equal(save.rx_mode, 0);
	assert_int_equal(save.ring_base, 0xfffffffffffffff8);
	MC_RSP(m, 0, f_ams_ring_save, &save, .ami_sw_id = 1, .ams_id = 3, .ams_type = RVR_AMS_RX);
	assert_int_equal(save.log2_size, 2);
	assert_int_equal(save.threshold, 1);
	assert_int_equal(save.rx_mode, 1);
	assert_int_equal(save.ring_base, 0x1008);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 1);
	assert_int_equal(MC(m, 0, f_ams_ring_configure, .ami_sw_id = 1), 3);
	MC_RSP(m, 0, f_ams_ring_save, &save, .ami_sw_id = 1, .ams_id = 0);
	assert_int_equal(save.ring_base, 0);
	MC_OK(m, 0, f_ami_sw_reset, .ami_sw_id = 1);
	MC_RSP(m, 0, f_ams_ring_save, &save, .ami_sw_id = 1, .ams_id = 3);
	assert_int_equal(save.ring_base, 0);
}

static void
test_pf_rings(void **state)
{
	struct rvr_pf_ams_ring_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 8), OTHER);
	assert_int_equal(MC(m, 0, pf_ams_ring_save, .phy_ami_sw_id = 8), OTHER);
	assert_int_equal(MC(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 1, .ams_id = 4), OTHER);
	assert_int_equal(MC(m, 0, pf_ams_ring_save, .phy_ami_sw_id = 1, .ams_id = 4), OTHER);
	assert_int_equal(MC(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 1, .log2_size = 31), 2);
	MC_OK(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 1, .ams_id = 2, .log2_size = 5,
	      .rx_mode = 1, .threshold = 3, .ring_base = 0x8000000000000000);
	MC_RSP(m, 0, pf_ams_ring_save, &save, .phy_ami_sw_id = 1, .ams_id = 2);
	assert_int_equal(save.log2_size, 5);
	assert_int_equal(save.rx_mode, 1);
	assert_int_equal(save.threshold, 3);
	assert_int_equal(save.ring_base, 0x8000000000000000);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 1, .ami_sw_id = 0, .f_owner = 1);
	assert_int_equal(MC(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 1), 1);
	MC_RSP(m, 0, pf_ams_ring_save, &save, .phy_ami_sw_id = 1, .ams_id = 2);
	assert_int_equal(save.log2_size, 5);
	vf_up(m, 1);
	assert_int_equal(MC(m, 0, pf_ams_ring_save, .phy_ami_sw_id = 1, .ams_id = 2), 1);
}

/* ---- AMI-HW ------------------------------------------------------------------------------ */

static void
test_hw_map(void **state)
{
	struct rvr_pf_ami_hw_map_rsp rsp;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 3, .f_owner = 4), 1);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 2), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 4), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 0x10003), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 16), OTHER);
	MC_RSP(m, 0, pf_ami_hw_map, &rsp, .aha_id = 3, .phy_ami_hw_id = 15, .ami_hw_id = 0xffff);
	assert_int_equal(rsp.phy_ami_hw_id, 15);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 15), 2);
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 3, .ami_hw_id = 0xffff), 3);
	/* The same physical ID in another agent; the same ID in another Function. */
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 0, .phy_ami_hw_id = 15, .ami_hw_id = 0xffff,
	      .f_owner = 1);
	for (unsigned int i = 0; i < 15; i++) {
		MC_RSP(m, 0, pf_ami_hw_map, &rsp, .aha_id = 3, .any_phy_ami_hw = 1,
		       .phy_ami_hw_id = 0xffff, .ami_hw_id = i);
		assert_int_equal(rsp.phy_ami_hw_id, i);
	}
	assert_int_equal(MC(m, 0, pf_ami_hw_map, .aha_id = 3, .any_phy_ami_hw = 1, .ami_hw_id = 99),
			 OTHER);
	MC_OK(m, 0, pf_ami_hw_unmap, .aha_id = 3, .phy_ami_hw_id = 9);
	assert_int_equal(MC(m, 0, pf_ami_hw_unmap, .aha_id = 3, .phy_ami_hw_id = 9), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_unmap, .aha_id = 2, .phy_ami_hw_id = 9), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_unmap, .aha_id = 3, .phy_ami_hw_id = 16), OTHER);
	MC_RSP(m, 0, pf_ami_hw_map, &rsp, .aha_id = 3, .any_phy_ami_hw = 1, .ami_hw_id = 9);
	assert_int_equal(rsp.phy_ami_hw_id, 9);
}

static void
test_hw_life(void **state)
{
	struct rvr_f_ami_hw_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, f_ami_hw_configure, .ami_hw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_hw_save, .ami_hw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_hw_reset, .ami_hw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_hw_enable, .ami_hw_id = 1), 1);
	assert_int_equal(MC(m, 0, f_ami_hw_disable, .ami_hw_id = 1), 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 4, .ami_hw_id = 1);
	MC_OK(m, 0, f_ami_hw_disable, .ami_hw_id = 1);
	MC_OK(m, 0, f_ami_hw_configure, .ami_hw_id = 1, .pasid = 0xabcde, .pasid_enabled = 1);
	MC_RSP(m, 0, f_ami_hw_save, &save, .ami_hw_id = 1);
	assert_int_equal(save.pasid, 0xabcde);
	assert_int_equal(save.pasid_enabled, 1);
	MC_OK(m, 0, f_ami_hw_enable, .ami_hw_id = 1);
	MC_OK(m, 0, f_ami_hw_enable, .ami_hw_id = 1);
	assert_int_equal(MC(m, 0, f_ami_hw_configure, .ami_hw_id = 1), 2);
	MC_OK(m, 0, f_ami_hw_reset, .ami_hw_id = 1);
	MC_RSP(m, 0, f_ami_hw_save, &save, .ami_hw_id = 1);
	assert_int_equal(save.pasid, 0);
	MC_OK(m, 0, f_ami_hw_configure, .ami_hw_id = 1);
	MC_OK(m, 0, f_ami_hw_enable, .ami_hw_id = 1);
	MC_OK(m, 0, pf_ami_hw_unmap, .aha_id = 3, .phy_ami_hw_id = 4);
	assert_int_equal(MC(m, 0, f_ami_hw_disable, .ami_hw_id = 1), 1);
}

static void
test_hw_pf_configure(void **state)
{
	struct rvr_pf_ami_hw_save_rsp save;
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_ami_hw_configure, .aha_id = 2), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_configure, .aha_id = 3, .phy_ami_hw_id = 16), OTHER);
	assert_int_equal(MC(m, 0, pf_ami_hw_configure, .aha_id = 3, .log2_hw_cred_size = 13), 1);
	assert_int_equal(MC(m, 0, pf_ami_hw_save, .aha_id = 2), 1);
	assert_int_equal(MC(m, 0, pf_ami_hw_save, .aha_id = 3, .phy_ami_hw_id = 16), 1);
	assert_int_equal(MC(m, 0, pf_ami_hw_reset, .aha_id = 2), OTHER);
	MC_OK(m, 0, pf_ami_hw_configure, .aha_id = 3, .phy_ami_hw_id = 7, .log2_hw_cred_size = 12,
	      .pasid = 3, .enable = 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 7, .ami_hw_id = 2, .f_owner = 3);
	assert_int_equal(MC(m, 0, pf_ami_hw_configure, .aha_id = 3, .phy_ami_hw_id = 7), 2);
	assert_int_equal(MC(m, 0, pf_ami_hw_reset, .aha_id = 3, .phy_ami_hw_id = 7), 1);
	MC_RSP(m, 0, pf_ami_hw_save, &save, .aha_id = 3, .phy_ami_hw_id = 7);
	assert_int_equal(save.log2_hw_cred_size, 12);
	assert_int_equal(save.pasid, 3);
	assert_int_equal(save.enable, 1);
	vf_up(m, 3);
	assert_int_equal(MC(m, 0, pf_ami_hw_save, .aha_id = 3, .phy_ami_hw_id = 7), 2);
	assert_int_equal(MC(m, 3, f_ami_hw_configure, .ami_hw_id = 2), 2);
	MC_OK(m, 3, f_ami_hw_reset, .ami_hw_id = 2);
	MC_OK(m, 0, pf_ami_hw_unmap, .aha_id = 3, .phy_ami_hw_id = 7);
	MC_RSP(m, 0, pf_ami_hw_save, &save, .aha_id = 3, .phy_ami_hw_id = 7);
	assert_int_equal(save.enable, 0);
	assert_int_equal(save.log2_hw_cred_size, 12);
	MC_OK(m, 0, pf_ami_hw_reset, .aha_id = 3, .phy_ami_hw_id = 7);
	MC_RSP(m, 0, pf_ami_hw_save, &save, .aha_id = 3, .phy_ami_hw_id = 7);
	assert_int_equal(save.log2_hw_cred_size, 0);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 7, .ami_hw_id = 2);
	assert_int_equal(MC(m, 0, pf_ami_hw_save, .aha_id = 3, .phy_ami_hw_id = 7), 2);
}

/* ---- Sessions ---------------------------------------------------------------------------- */

static void
test_asn_create(void **state)
{
	struct mc *m = *state;

#define CREATE(...) MC(m, 0, pf_asn_create, __VA_ARGS__)
	/* Software to software, no AMI mapped or configured. */
	assert_int_equal(CREATE(.asn_id = 0, .src_phy_ami_id = 7, .src_ams = 3, .dst_phy_ami_id = 7,
				.dst_ams = 3, .log2_msg_length = 8, .mon_owner = 3), 0);
	assert_int_equal(CREATE(.asn_id = 0, .log2_msg_length = 3), 1);
	assert_int_equal(CREATE(.asn_id = 32, .log2_msg_length = 3), OTHER);
	assert_int_equal(CREATE(.asn_id = 0xfffffff, .log2_msg_length = 3), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 2), 2);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 9), 2);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .mon_owner = 4), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .src_phy_ami_id = 8), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_phy_ami_id = 8), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .src_ams = 4), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_ams = 4), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_ami_type = 1,
				.dst_aha_id = 2), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .src_ami_type = 1,
				.src_aha_id = 4), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_ami_type = 1,
				.dst_aha_id = 3, .dst_phy_ami_id = 16), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_ami_type = 1,
				.dst_aha_id = 3, .dst_ams = 4), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .mfo = 2), OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .mfo = 1, .mf_ob_buf_num = 8),
			 OTHER);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .src_phy_ami_id = 7,
				.src_ams = 3), 3);
	assert_int_equal(CREATE(.asn_id = 1, .log2_msg_length = 3, .dst_phy_ami_id = 7,
				.dst_ams = 3), 3);
	/* Agent to agent, to its other socket, and back. */
	assert_int_equal(CREATE(.asn_id = 31, .log2_msg_length = 3, .src_ami_type = 1,
				.src_aha_id = 0, .src_phy_ami_id = 15, .dst_ami_type = 1,
				.dst_aha_id = 3, .dst_phy_ami_id = 15, .dst_ams = 3), 0);
	assert_int_equal(CREATE(.asn_id = 30, .log2_msg_length = 3, .src_ami_type = 1,
				.src_aha_id = 0, .src_phy_ami_id = 15), 3);
	assert_int_equal(CREATE(.asn_id = 30, .log2_msg_length = 3, .dst_ami_type = 1,
				.dst_aha_id = 3, .dst_phy_ami_id = 15, .dst_ams = 3), 3);
	assert_int_equal(CREATE(.asn_id = 30, .log2_msg_length = 3, .mfo = 1, .mf_ob_buf_num = 7),
			 0);
}

static void
test_asn_destroy(void **state)
{
	const struct rvr_pf_asn_create_req req = {
		.prio = 15, .src_ami_type = 1, .mon_owner = 2, .src_phy_ami_id = 3, .src_aha_id = 3,
		.dst_phy_ami_id = 5, .dst_aha_id = 0xabcd, .dst_ams = 1, .src_ams = 2,
		.stash_enable = 1, .asn_id = 17, .stash_ctl = 0x123456789abcdef0,
		.prof_mask = 0xf00000000000000f, .prof_tbl_base = 0xfff8, .prof_ctl = 0x1234,
		.trace_ctl = 0x5678, .stash_dest = 0x9abcdef0, .mfo = 1, .mf_ob_buf_num = 7,
		.log2_msg_length = 4,
	};
	struct rvr_pf_asn_destroy_rsp rsp;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc *m = *state;

	assert_int_equal(MC(m, 0, pf_asn_destroy, .asn_id = 17), 1);
	assert_int_equal(MC(m, 0, pf_asn_destroy, .asn_id = 32), 1);
	rvr_pf_asn_create_req_encode(msg, &req, 0);
	assert_int_equal(mc_command(m, 0, msg), 0);
	MC_RSP(m, 0, pf_asn_destroy, &rsp, .asn_id = 17);
#define SAME(field) assert_int_equal(rsp.field, req.field)
	SAME(prio);
	SAME(dst_ami_type);
	SAME(src_ami_type);
	SAME(mon_owner);
	SAME(src_phy_ami_id);
	SAME(src_aha_id);
	SAME(dst_phy_ami_id);
	SAME(dst_aha_id);
	SAME(dst_ams);
	SAME(src_ams);
	SAME(stash_enable);
	SAME(prof_ctl);
	SAME(trace_ctl);
	SAME(stash_ctl);
	SAME(prof_mask);
	SAME(prof_tbl_base);
	SAME(stash_dest);
	SAME(mfo);
	SAME(mf_ob_buf_num);
	SAME(log2_msg_length);
	assert_int_equal(MC(m, 0, pf_asn_destroy, .asn_id = 17), 1);
	rvr_pf_asn_create_req_encode(msg, &req, 0);
	assert_int_equal(mc_command(m, 0, msg), 0);
}

/* ---- Messages through the device: loopback, profiling, tracing, faults ------------------- */

/* A loopback session from TX 0 to RX 1 of AMI-SW 0 of the PF; rings of 8 slots of 64 bytes. */
static void
loopback(struct mc *m)
{
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 2, .ami_sw_id = 0);
	MC_OK(m, 0, pf_asn_create, .asn_id = 4, .src_phy_ami_id = 2, .dst_phy_ami_id = 2,
	      .dst_ams = 1, .log2_msg_length = 3);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 0, .ams_type = RVR_AMS_TX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 1, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE + 0x1000);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 0);
}

/* Sends messages through it and takes them. */
static void
loopback_send(struct mc *m, unsigned int count)
{
	_Atomic uint64_t *tx = page_reg(m, 0, 0, RVR_WRITE_INDEX_TX);
	_Atomic uint64_t *rx = page_reg(m, 0, 0, RVR_READ_INDEX_RX + 8);

	for (unsigned int i = 0; i < count; i++) {
		*tx += 1;
		revere_emu_kick(m->emu);
		assert_int_equal(*page_reg(m, 0, 0, RVR_WRITE_INDEX_RX + 8), *rx + 1);
		*rx += 1;
	}
}

static uint64_t
counter(struct mc *m, unsigned int k)
{
	rvr_le64 value;

	memcpy(&value, m->mem + MC_FREE + 0x2000 + 8 * k, sizeof(value));
	return rvr_le64_cpu(value);
}

static uint16_t
flush(struct mc *m, unsigned int f)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_prof_table_flush_req_encode(msg, NULL, 0);
	return mc_command(m, f, msg);
}

static void
test_prof(void **state)
{
	struct mc *m = *state;
	uint64_t table = MC_IOVA + MC_FREE + 0x2000;

	assert_int_equal(flush(m, 0), 0);
	loopback(m);
#define PROF(f, ...) MC(m, f, f_ams_prof_configure, __VA_ARGS__)
	assert_int_equal(PROF(0, .ami_id = 3, .ams_type = RVR_AMS_TX), 1);
	assert_int_equal(PROF(0, .ami_id = 8, .ams_type = RVR_AMS_TX), 1);
	assert_int_equal(PROF(0, .ami_id = 0, .ami_type = 1, .ams_type = RVR_AMS_TX), 1);
	assert_int_equal(PROF(0, .ami_id = 0, .ams_id = 4, .ams_type = RVR_AMS_TX), 2);
	assert_int_equal(PROF(0, .ami_id = 0, .ams_id = 0, .ams_type = RVR_AMS_RX), 2);
	memset(m->mem + MC_FREE + 0x2000, 0xee, 64);
	assert_int_equal(PROF(0, .ami_id = 0, .ams_id = 1, .ams_type = RVR_AMS_RX, .prof_mask = 3,
			      .prof_tbl_base = table), 0);
	loopback_send(m, 3);
	assert_int_equal(flush(m, 0), 0);
	assert_int_equal(counter(m, RVR_PROF_MESSAGES), 0);
	mc_set(m, 0, RVR_AMU_CR,
	       rvr_prep(RVR_AMU_CR_ASN_PROF_EN, 1) | rvr_prep(RVR_AMU_CR_AMU_EN, 1));
	loopback_send(m, 5);
	assert_int_equal(flush(m, 0), 0);
	assert_int_equal(counter(m, RVR_PROF_MESSAGES), 5);
	assert_int_equal(counter(m, RVR_PROF_DW), 40);
	assert_int_equal(counter(m, RVR_PROF_STALLS), 0xeeeeeeeeeeeeeeee);
	/* A table that isn't there. */
	assert_int_equal(PROF(0, .ami_id = 0, .ams_id = 0, .ams_type = RVR_AMS_TX, .prof_mask = 1,
			      .prof_tbl_base = 0x1000), 0);
	assert_int_equal(flush(m, 0), 1);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_PROF_TBL_FAULT);
}

/* A session of a VF's AMI that the PF monitors isn't the VF's to observe. */
static void
test_mon_owner(void **state)
{
	struct mc *m = *state;

	vf_up(m, 1);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 0, .f_owner = 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 0, .phy_ami_hw_id = 3, .ami_hw_id = 9, .f_owner = 1);
	MC_OK(m, 0, pf_asn_create, .asn_id = 1, .src_phy_ami_id = 3, .dst_ami_type = 1,
	      .dst_phy_ami_id = 3, .log2_msg_length = 3);
	MC_OK(m, 0, pf_asn_create, .asn_id = 2, .src_phy_ami_id = 3, .src_ami_type = 1,
	      .dst_phy_ami_id = 3, .log2_msg_length = 3, .mon_owner = 1);
	assert_int_equal(MC(m, 1, f_ams_prof_configure, .ami_id = 0, .ams_type = RVR_AMS_TX), 3);
	assert_int_equal(MC(m, 1, f_ams_trace_configure, .ami_id = 0, .ams_type = RVR_AMS_TX), 3);
	assert_int_equal(MC(m, 1, f_ams_prof_configure, .ami_id = 9, .ami_type = 1), 3);
	MC_OK(m, 1, f_ams_prof_configure, .ami_id = 0, .ams_type = RVR_AMS_RX);
	MC_OK(m, 1, f_ams_prof_configure, .ami_id = 9, .ami_type = 1, .ams_type = RVR_AMS_TX);
	MC_OK(m, 1, f_ams_trace_configure, .ami_id = 0, .ams_type = RVR_AMS_RX, .trace_ctl = 1);
}

static void
test_trace(void **state)
{
	struct rvr_trace trace;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc *m = *state;
	uint64_t on = rvr_prep(RVR_AMU_CR_TRACE_EN, 1) | rvr_prep(RVR_AMU_CR_AMU_EN, 1);

	loopback(m);
#define TRACE(...) MC(m, 0, f_ams_trace_configure, __VA_ARGS__)
	assert_int_equal(TRACE(.ami_id = 3, .ams_type = RVR_AMS_TX), 1);
	assert_int_equal(TRACE(.ami_id = 0, .ams_id = 4, .ams_type = RVR_AMS_TX), 2);
	assert_int_equal(TRACE(.ami_id = 0, .ams_id = 1, .ams_type = RVR_AMS_TX), 2);
	assert_int_equal(TRACE(.ami_id = 0, .ams_type = RVR_AMS_TX, .trace_ctl = 1), 0);
	loopback_send(m, 2);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_TRACE), 0);
	mc_set(m, 0, RVR_AMU_CR, on);
	loopback_send(m, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(mc_take(m, 0, RVR_MGT_RX_TRACE, msg));
		memcpy(&trace, msg, sizeof(trace));
		assert_int_equal(rvr_le16_cpu(trace.opcode), RVR_TRACE_OPCODE);
		assert_int_equal(rvr_le32_cpu(trace.asn_id), 4);
		assert_int_equal(rvr_le32_cpu(trace.length), 8);
		assert_int_equal(rvr_le64_cpu(trace.index), 2 + i);
	}
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_TRACE), 0);
	/* Off again, by the command. */
	assert_int_equal(TRACE(.ami_id = 0, .ams_type = RVR_AMS_TX), 0);
	loopback_send(m, 1);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_TRACE), 0);
}

/* A full trace ring: in mode 0 the session waits for room, in mode 1 the oldest is overwritten. */
static void
test_trace_modes(void **state)
{
	struct mc *m = *state;
	_Atomic uint64_t *tx;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	loopback(m);
	MC_OK(m, 0, f_ams_trace_configure, .ami_id = 0, .ams_type = RVR_AMS_TX, .trace_ctl = 1);
	mc_set(m, 0, RVR_MSK_CTRL + 0x10 * RVR_MSK_TRACE, 1);
	mc_set(m, 0, RVR_AMU_CR, 0x20001);
	loopback_send(m, 2);
	tx = page_reg(m, 0, 0, RVR_WRITE_INDEX_TX);
	*tx += 1;
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 0, 0, RVR_READ_INDEX_TX), 2);
	assert_int_equal(*page_reg(m, 0, 0, RVR_WRITE_INDEX_RX + 8), 2);
	assert_true(mc_take(m, 0, RVR_MGT_RX_TRACE, msg));
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 0, 0, RVR_READ_INDEX_TX), 3);
	*page_reg(m, 0, 0, RVR_READ_INDEX_RX + 8) = 3;
	mc_set(m, 0, RVR_MGT_TRACE_RX_CTRL, RVR_RX_OVERWRITE);
	loopback_send(m, 6);
	assert_int_equal(mc_get(m, 0, RVR_MGT_WRITE_INDEX_RX + 16), 9);
	assert_int_equal(mc_error(m, 0), 0);
	/* No ring there: messages go on, and the error tells. */
	mc_set(m, 0, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_TRACE, 0x1000);
	loopback_send(m, 1);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_TRACE_FAULT);
}

/* An index that jumps: exception, this AMI alone stops, RESET is the way back. */
static void
test_ring_fault(void **state)
{
	struct rvr_e_f_ami_ring_fault exc;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc *m = *state;

	loopback(m);
	loopback_send(m, 1);
	*page_reg(m, 0, 0, RVR_WRITE_INDEX_TX) = 100;
	revere_emu_kick(m->emu);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	rvr_e_f_ami_ring_fault_decode(msg, &exc);
	assert_int_equal(exc.ami_id, 0);
	assert_int_equal(exc.ams_id, 0);
	assert_int_equal(exceptions(m, 0), 0);
	assert_int_equal(MC(m, 0, f_ami_sw_enable, .ami_sw_id = 0), OTHER);
	MC_OK(m, 0, f_ami_sw_configure, .ami_sw_id = 0);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 0);
	assert_int_equal(MC(m, 0, f_ami_sw_enable, .ami_sw_id = 0), OTHER);
	MC_OK(m, 0, f_ami_sw_reset, .ami_sw_id = 0);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 0, .ams_type = RVR_AMS_TX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 1, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE + 0x1000);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 0);
	loopback_send(m, 20);
	assert_int_equal(exceptions(m, 0), 0);
}

/* A ring without memory behind it: ENABLE succeeds, the exception follows. */
static void
test_ring_unmapped(void **state)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc *m = *state;

	loopback(m);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 0);
	MC_OK(m, 0, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 1, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .ring_base = 0x1000);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 0);
	*page_reg(m, 0, 0, RVR_WRITE_INDEX_TX) = 1;
	revere_emu_kick(m->emu);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	assert_int_equal(rvr_msg_get(msg, 4, 21, 16), 1);
	assert_int_equal(MC(m, 0, f_ami_sw_enable, .ami_sw_id = 0), OTHER);
	MC_OK(m, 0, f_ami_sw_reset, .ami_sw_id = 0);
	MC_OK(m, 0, f_ami_sw_enable, .ami_sw_id = 0);
}

/* ---- Map of AMIs ------------------------------------------------------------------------- */

static void
test_ami_map(void **state)
{
	struct rvr_ami_map_header header;
	struct rvr_ami_map_entry entry[3];
	const uint8_t *map;
	struct mc *m = *state;

	MC_OK(m, 0, f_get_ami_map, .ami_map_base = MC_IOVA + MC_FREE);
	map = m->mem + MC_FREE;
	memcpy(&header, map, sizeof(header));
	assert_int_equal(rvr_le32_cpu(header.count), 0);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 6, .ami_sw_id = 2);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 7, .ami_sw_id = 2, .f_owner = 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 5, .ami_hw_id = 1000);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 0, .phy_ami_hw_id = 4, .ami_hw_id = 7);
	MC_OK(m, 0, f_ami_hw_enable, .ami_hw_id = 7);
	MC_OK(m, 0, f_get_ami_map, .ami_map_base = MC_IOVA + MC_FREE);
	memcpy(&header, map, sizeof(header));
	memcpy(entry, map + sizeof(header), sizeof(entry));
	assert_int_equal(rvr_le32_cpu(header.count), 3);
	assert_int_equal(rvr_le16_cpu(entry[0].id), 2);
	assert_int_equal(rvr_le16_cpu(entry[0].phy_id), 6);
	assert_int_equal(rvr_le16_cpu(entry[0].aha_id), RVR_AMI_MAP_AMI_SW);
	assert_int_equal(rvr_le16_cpu(entry[0].flags), RVR_AMI_MAP_MAPPED);
	assert_int_equal(rvr_le16_cpu(entry[1].id), 7);
	assert_int_equal(rvr_le16_cpu(entry[1].phy_id), 4);
	assert_int_equal(rvr_le16_cpu(entry[1].aha_id), 0);
	assert_int_equal(rvr_le16_cpu(entry[1].flags), RVR_AMI_MAP_MAPPED | RVR_AMI_MAP_ENABLED);
	assert_int_equal(rvr_le16_cpu(entry[2].id), 1000);
	assert_int_equal(rvr_le16_cpu(entry[2].aha_id), 3);
	assert_int_equal(MC(m, 0, f_get_ami_map, .ami_map_base = 0x1000), 1);
	assert_int_equal(MC(m, 0, f_get_ami_map, .ami_map_base = UINT64_MAX), 1);
}

/* ---- Save and restore -------------------------------------------------------------------- */

/* An AMI moves to another physical one of another Function, indices and all, and goes on. */
static void
test_restore(void **state)
{
	struct mc *m = *state;

	loopback(m);
	loopback_send(m, 5);
	MC_OK(m, 0, f_ami_sw_disable, .ami_sw_id = 0);
	MC_OK(m, 0, pf_asn_destroy, .asn_id = 4);
	MC_OK(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 2);
	MC_OK(m, 0, pf_ami_sw_reset, .phy_ami_sw_id = 3);
	MC_OK(m, 0, pf_ami_sw_configure, .phy_ami_sw_id = 3, .enable = 1);
	MC_OK(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 3, .ams_id = 0, .ams_type = RVR_AMS_TX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE);
	MC_OK(m, 0, pf_ams_ring_configure, .phy_ami_sw_id = 3, .ams_id = 1, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .ring_base = MC_IOVA + MC_FREE + 0x1000);
	MC_OK(m, 0, pf_asn_create, .asn_id = 5, .src_phy_ami_id = 3, .dst_phy_ami_id = 3,
	      .dst_ams = 1, .log2_msg_length = 3);
	*page_reg(m, 1, 4, RVR_READ_INDEX_TX) = 5;
	*page_reg(m, 1, 4, RVR_WRITE_INDEX_TX) = 6;
	*page_reg(m, 1, 4, RVR_READ_INDEX_RX + 8) = 5;
	*page_reg(m, 1, 4, RVR_WRITE_INDEX_RX + 8) = 5;
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 4, .f_owner = 1);
	m->mem[MC_FREE + 5 * 64] = 0x77;
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 1, 4, RVR_WRITE_INDEX_RX + 8), 5);
	mc_bring_up(m, 1, 3);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 1, 4, RVR_READ_INDEX_TX), 6);
	assert_int_equal(*page_reg(m, 1, 4, RVR_WRITE_INDEX_RX + 8), 6);
	assert_int_equal(m->mem[MC_FREE + 0x1000 + 5 * 64], 0x77);
	assert_int_equal(exceptions(m, 0), 0);
	assert_int_equal(exceptions(m, 1), 0);
	/* Disabled, its Function stands still; enabled, it goes on where it was. */
	MC_OK(m, 0, pf_f_disable, .f_owner = 1);
	*page_reg(m, 1, 4, RVR_WRITE_INDEX_TX) = 7;
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 1, 4, RVR_READ_INDEX_TX), 6);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	revere_emu_kick(m->emu);
	assert_int_equal(*page_reg(m, 1, 4, RVR_WRITE_INDEX_RX + 8), 7);
}

/* ---- Features that a device lacks, and how long it takes --------------------------------- */

static void
test_no_features(void **state)
{
	struct revere_emu_config config;
	struct rvr_f_probe_rsp probe;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc m;

	(void)state;
	mc_config(&config);
	config.asn_prof = false;
	config.tracing = false;
	config.num_vf = 0;
	mc_open(&m, &config);
	rvr_f_probe_req_encode(msg, NULL, 0);
	assert_int_equal(mc_command(&m, 0, msg), 0);
	rvr_f_probe_rsp_decode(msg, &probe);
	assert_int_equal(probe.asn_prof_n_counters, 0);
	mc_set(&m, 0, RVR_AMU_CR, UINT64_MAX);
	assert_int_equal(mc_get(&m, 0, RVR_AMU_CR), 1);
	loopback(&m);
	assert_int_equal(MC(&m, 0, f_ams_prof_configure, .ams_type = RVR_AMS_TX), OTHER);
	assert_int_equal(MC(&m, 0, f_ams_trace_configure, .ams_type = RVR_AMS_TX), OTHER);
	assert_int_equal(flush(&m, 0), 1);
	assert_int_equal(MC(&m, 0, pf_f_enable, .f_owner = 1), 1);
	mc_close(&m);
}

/* All contexts of a large device: no command may cost more the more of them there are. */
static void
test_scale(void **state)
{
	struct revere_emu_config config;
	struct timespec start, end;
	struct mc m;

	(void)state;
	mc_config(&config);
	config.num_ami_sw = 4096;
	config.num_asn = 8192;
	config.num_vf = 0;
	mc_open(&m, &config);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned int i = 0; i < 4096; i++) {
		MC_OK(&m, 0, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = i);
		MC_OK(&m, 0, pf_ami_hw_map, .aha_id = 0, .any_phy_ami_hw = 1, .ami_hw_id = i);
		MC_OK(&m, 0, pf_asn_create, .asn_id = 2 * i, .src_phy_ami_id = i,
		      .dst_ami_type = 1, .dst_phy_ami_id = i, .log2_msg_length = 3);
		MC_OK(&m, 0, pf_asn_create, .asn_id = 2 * i + 1, .src_phy_ami_id = i,
		      .src_ami_type = 1, .dst_phy_ami_id = i, .log2_msg_length = 3);
		MC_OK(&m, 0, f_ami_sw_reset, .ami_sw_id = i);
		MC_OK(&m, 0, f_ami_sw_configure, .ami_sw_id = i);
		MC_OK(&m, 0, f_ams_ring_configure, .ami_sw_id = i, .ams_type = RVR_AMS_TX,
		      .ring_base = MC_IOVA + MC_FREE);
		MC_OK(&m, 0, f_ams_ring_configure, .ami_sw_id = i, .ams_type = RVR_AMS_RX,
		      .ring_base = MC_IOVA + MC_FREE);
		MC_OK(&m, 0, f_ami_sw_enable, .ami_sw_id = i);
		MC_OK(&m, 0, f_ami_hw_enable, .ami_hw_id = i);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("4096 contexts: %lld us\n",
		      (long long)(end.tv_sec - start.tv_sec) * 1000000 +
			      (end.tv_nsec - start.tv_nsec) / 1000);
	for (unsigned int i = 0; i < 4096; i++) {
		MC_OK(&m, 0, pf_asn_destroy, .asn_id = 2 * i);
		MC_OK(&m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = i);
		MC_OK(&m, 0, pf_ami_hw_unmap, .aha_id = 0, .phy_ami_hw_id = i);
	}
	mc_close(&m);
}

/* ---- Whatever software may write --------------------------------------------------------- */

static uint64_t
draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A word as fields have them: mostly small, else anything. */
static uint64_t
draw_word(uint64_t *seed)
{
	uint64_t kind = draw(seed) % 8;

	if (kind < 5)
		return draw(seed) & 0x000700030007;
	return kind < 7 ? MC_IOVA + (draw(seed) & 0x1ffff8) : draw(seed);
}

static void
random_command(struct mc *m, uint64_t *seed)
{
	unsigned int f = draw(seed) % 4 == 0 ? 1 + draw(seed) % 3 : 0;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	uint64_t word;

	for (unsigned int at = 0; at < sizeof(msg); at += sizeof(word)) {
		word = draw_word(seed);
		memcpy(msg + at, &word, sizeof(word));
	}
	rvr_msg_put(msg, 0, 15, 0, draw(seed) % 43);
	mc_put(m, f, msg);
	mc_doorbell(m, f);
	for (unsigned int rx = 0; rx < RVR_MGT_RX_NUM; rx++) {
		while (mc_take(m, f, rx, msg))
			;
	}
}

/* One in some is a register, an AMI-SW page's index, a reset. */
static void
random_other(struct mc *m, uint64_t *seed)
{
	unsigned int f = draw(seed) % 4, at = draw(seed) % 0x400 * 8;

	switch (draw(seed) % 64) {
	case 0:
		revere_emu_reset(m->emu, f);
		break;
	case 1:
		mc_set(m, f, draw(seed) % 0x400 * 8, draw_word(seed));
		break;
	case 2:
		mc_set(m, f, RVR_MSK_BASE_PTR + at % 0x40, draw_word(seed));
		break;
	case 3:
		revere_emu_bus_master(m->emu, f, draw(seed) % 2);
		break;
	default:
		*page_reg(m, f, draw(seed) % 8, at % 0x1000) = draw_word(seed) & 0xffff;
		revere_emu_kick(m->emu);
		return;
	}
	/* Rings may be anywhere now: anew. */
	mc_set(m, 0, RVR_AMU_CR, 0);
	for (f = 0; f < MC_FUNCTIONS; f++) {
		revere_emu_reset(m->emu, f == 0 ? 1 : f);
		mc_bring_up(m, f, 4);
	}
}

/* Nothing that software writes makes the device touch what isn't its: for the sanitizers. */
static void
test_random(void **state)
{
	uint64_t seed = 88172645463325252;
	struct mc *m = *state;

	for (unsigned int f = 1; f < MC_FUNCTIONS; f++)
		mc_bring_up(m, f, 4);
	for (unsigned int i = 0; i < 40000; i++) {
		random_command(m, &seed);
		if (i % 8 == 0)
			random_other(m, &seed);
	}
	assert_int_equal(revere_emu_reset(m->emu, 0), 0);
	mc_bring_up(m, 0, 4);
	mc_probe(m, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_probe),
		TEST(test_functions),
		TEST(test_sw_map),
		TEST(test_sw_configure),
		TEST(test_sw_life),
		TEST(test_sw_pf_configure),
		TEST(test_sw_vectors),
		TEST(test_rings),
		TEST(test_pf_rings),
		TEST(test_hw_map),
		TEST(test_hw_life),
		TEST(test_hw_pf_configure),
		TEST(test_asn_create),
		TEST(test_asn_destroy),
		TEST(test_prof),
		TEST(test_mon_owner),
		TEST(test_trace),
		TEST(test_trace_modes),
		TEST(test_ring_fault),
		TEST(test_ring_unmapped),
		TEST(test_ami_map),
		TEST(test_restore),
		TEST(test_random),
		cmocka_unit_test(test_no_features),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
