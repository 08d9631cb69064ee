/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands about rings of AMI-SWs: each status.
 */

#include "conf.h"

static uint16_t
ring_of(struct client *c, uint64_t ami_sw_id, uint64_t ams_id, uint64_t log2_size)
{
	return STATUS(c, f_ams_ring_configure, .ami_sw_id = ami_sw_id, .ams_id = ams_id,
		      .ams_type = RVR_AMS_TX, .log2_size = log2_size);
}

static uint16_t
f_configure_all(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	unsigned int ams;

	for (ams = 0; ams < c->lim.num_tx; ams++)
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)ams, 1, c->lim.min_log2_len);
	for (ams = 0; ams < c->lim.num_rx; ams++)
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)ams, 1, c->lim.min_log2_len);
	return 0;
}

static uint16_t
f_configure_largest(struct client *c)
{
	return ring_of(c, client_ami_new(c)->id, 0, c->lim.max_log2_size);
}

static uint16_t
f_configure_unmapped(struct client *c)
{
	return ring_of(c, 0, 0, 0);
}

static uint16_t
f_configure_size(struct client *c)
{
	return ring_of(c, client_ami_new(c)->id, 0, c->lim.max_log2_size + 1);
}

static uint16_t
f_configure_size_31(struct client *c)
{
	return ring_of(c, client_ami_new(c)->id, 0, 31);
}

static uint16_t
f_configure_enabled(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);

	client_ami_enable(c, ami);
	return ring_of(c, ami->id, 0, 0);
}

static uint16_t
f_configure_ams(struct client *c)
{
	if (c->lim.num_tx == RVR_AMS_MAX)
		client_skip(c, "every AMS_ID is in range");
	return ring_of(c, client_ami_new(c)->id, c->lim.num_tx, 0);
}

/** Each field at its own place in request and response. */
static uint16_t
f_save_type(struct client *c, enum rvr_ams_type type, uint64_t ams)
{
	struct client_ami *ami = client_ami_new(c);
	struct rvr_f_ams_ring_save_req req = {
		.ami_sw_id = ami->id, .ams_id = ams, .ams_type = type,
	};
	struct rvr_f_ams_ring_save_rsp rsp;
	uint16_t status;

	MUST(c, f_ams_ring_configure, .ami_sw_id = ami->id, .ams_id = ams, .ams_type = type,
	     .rx_mode = type == RVR_AMS_RX, .log2_size = 5, .threshold = 3,
	     .ring_base = 0x123456789ab8);
	status = client_f_ams_ring_save(c, &req, &rsp);
	client_equal(c, "RX_MODE", rsp.rx_mode, type == RVR_AMS_RX);
	client_equal(c, "LOG2_SIZE", rsp.log2_size, 5);
	client_equal(c, "THRESHOLD", rsp.threshold, 3);
	client_equal(c, "RING_BASE", rsp.ring_base, 0x123456789ab8);
	return status;
}

static uint16_t
f_save_rx(struct client *c)
{
	return f_save_type(c, RVR_AMS_RX, c->lim.num_rx - 1);
}

static uint16_t
f_save_tx(struct client *c)
{
	return f_save_type(c, RVR_AMS_TX, 0);
}

static uint16_t
f_save_unmapped(struct client *c)
{
	return STATUS(c, f_ams_ring_save, .ami_sw_id = 0);
}

static uint16_t
f_save_ams(struct client *c)
{
	if (c->lim.num_rx == RVR_AMS_MAX)
		client_skip(c, "every AMS_ID is in range");
	return STATUS(c, f_ams_ring_save, .ami_sw_id = client_ami_new(c)->id,
		      .ams_id = c->lim.num_rx);
}

static uint16_t
pf_configure(struct client *c)
{
	return STATUS(c, pf_ams_ring_configure, .phy_ami_sw_id = 0, .log2_size = 2);
}

static uint16_t
pf_configure_mapped(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0);
	return STATUS(c, pf_ams_ring_configure, .phy_ami_sw_id = 0);
}

static uint16_t
pf_configure_size(struct client *c)
{
	return STATUS(c, pf_ams_ring_configure, .phy_ami_sw_id = 0,
		      .log2_size = c->lim.max_log2_size + 1);
}

static uint16_t
pf_configure_beyond(struct client *c)
{
	return STATUS(c, pf_ams_ring_configure, .phy_ami_sw_id = c->lim.max_ami_sw);
}

static uint16_t
pf_save(struct client *c)
{
	struct rvr_pf_ams_ring_save_req req = { .phy_ami_sw_id = 0, .ams_type = RVR_AMS_RX };
	struct rvr_pf_ams_ring_save_rsp rsp;
	uint16_t status;

	MUST(c, pf_ams_ring_configure, .phy_ami_sw_id = 0, .ams_type = RVR_AMS_RX, .rx_mode = 1,
	     .log2_size = 6, .threshold = 2, .ring_base = 0xabcdef0123458);
	status = client_pf_ams_ring_save(c, &req, &rsp);
	client_equal(c, "RX_MODE", rsp.rx_mode, 1);
	client_equal(c, "LOG2_SIZE", rsp.log2_size, 6);
	client_equal(c, "THRESHOLD", rsp.threshold, 2);
	client_equal(c, "RING_BASE", rsp.ring_base, 0xabcdef0123458);
	return status;
}

static uint16_t
pf_save_own(struct client *c)
{
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 0);
	return STATUS(c, pf_ams_ring_save, .phy_ami_sw_id = 0);
}

static uint16_t
pf_save_beyond(struct client *c)
{
	return STATUS(c, pf_ams_ring_save, .phy_ami_sw_id = c->lim.max_ami_sw);
}

#define T CONF_STATUS
#define T2 CONF_STATUS2

static const struct conf_test tests[] = {
	T(F_AMS_RING_CONFIGURE, 0, "every socket", f_configure_all),
	T(F_AMS_RING_CONFIGURE, 0, "2^MAX_LOG2_SIZE slots", f_configure_largest),
	T(F_AMS_RING_CONFIGURE, 1, "AMI-SW is not mapped in Function", f_configure_unmapped),
	T(F_AMS_RING_CONFIGURE, 2, "2^(MAX_LOG2_SIZE + 1) slots", f_configure_size),
	T(F_AMS_RING_CONFIGURE, 2, "2^31 slots", f_configure_size_31),
	T(F_AMS_RING_CONFIGURE, 3, "AMI-SW is not disabled", f_configure_enabled),
	T(F_AMS_RING_CONFIGURE, RVR_STATUS_OTHER, "AMS_ID out of range", f_configure_ams),
	T(F_AMS_RING_SAVE, 0, "what was configured, RX", f_save_rx),
	T(F_AMS_RING_SAVE, 0, "what was configured, TX", f_save_tx),
	T(F_AMS_RING_SAVE, 1, "Invalid AMI_SW_ID", f_save_unmapped),
	T(F_AMS_RING_SAVE, 2, "Invalid AMS_ID", f_save_ams),
	T(PF_AMS_RING_CONFIGURE, 0, "not mapped", pf_configure),
	T(PF_AMS_RING_CONFIGURE, 1, "AMI-SW is mapped", pf_configure_mapped),
	T(PF_AMS_RING_CONFIGURE, 2, "LOG2_SIZE out of range", pf_configure_size),
	T2(PF_AMS_RING_CONFIGURE, RVR_STATUS_OTHER, 1, "PHY_AMI_SW_ID out of range",
	   pf_configure_beyond),
	T(PF_AMS_RING_SAVE, 0, "what was configured", pf_save),
	T(PF_AMS_RING_SAVE, 1, "owned by the PF", pf_save_own),
	T2(PF_AMS_RING_SAVE, RVR_STATUS_OTHER, 1, "PHY_AMI_SW_ID out of range", pf_save_beyond),
};

CONF_TOPIC(cmd_ring, "ring commands");
