/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What a Virtual Function may do, seen from both sides: it needs VF 1 as a device of its own
 * (option --vf).
 */

#include "conf.h"

#define RACES 200

/** VF 1 enabled and brought up, nothing mapped. */
static struct client *
vf_start(struct client *c)
{
	static const struct client_mgt rings = { 2, 2, 4, -1 };
	struct client *vf = c->vf;

	if (vf == NULL)
		client_skip(c, "no --vf NAME");
	client_reset(vf);
	client_mgt_rings(vf, &rings);
	MUST(c, pf_f_enable, .f_owner = 1);
	client_equal(c, "F-PROBE STATUS of VF 1", client_f_probe(vf, NULL, NULL), 0);
	return vf;
}

/** Waits for an exception of the PF, past those of resets that tests begin with. */
static void
exception_take(struct client *c, uint16_t opcode, uint8_t *msg)
{
	do {
		if (!client_take(c, RVR_MGT_RX_EXCEPTION, msg, c->timeout_ms))
			client_fail(c, "no exception %u", opcode);
	} while (rvr_msg_opcode(msg) != opcode);
}

static void
only_the_pf(struct client *c)
{
	static const uint16_t opcodes[] = {
		RVR_PF_PROBE, RVR_PF_F_ENABLE, RVR_PF_F_DISABLE, RVR_PF_AMI_SW_MAP,
		RVR_PF_AMI_SW_UNMAP, RVR_PF_AMI_SW_CONFIGURE, RVR_PF_AMI_SW_SAVE,
		RVR_PF_AMI_SW_RESET, RVR_PF_ASN_CREATE, RVR_PF_ASN_DESTROY,
		RVR_PF_AMS_RING_CONFIGURE, RVR_PF_AMS_RING_SAVE, RVR_PF_AMI_HW_MAP,
		RVR_PF_AMI_HW_UNMAP, RVR_PF_AMI_HW_CONFIGURE, RVR_PF_AMI_HW_SAVE,
		RVR_PF_AMI_HW_RESET, RVR_PF_PROBE_AHA, RVR_PF_F_TRAP_CONFIGURE,
		RVR_PF_F_TRAP_RESP,
	};
	struct client *vf = vf_start(c);
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 };
	unsigned int i;

	for (i = 0; i < RTE_DIM(opcodes); i++) {
		memset(msg, 0, sizeof(msg));
		rvr_msg_put(msg, 0, 15, 0, opcodes[i]);
		client_send(vf, msg);
		client_error_wait(vf, RVR_ERROR_STATE_INVALID_COMMAND);
		/* Consumed without a response, and the next runs. */
		client_equal(c, "F-PROBE STATUS", client_f_probe(vf, NULL, NULL), 0);
		client_reg_write(vf, RVR_AMU_SR, 0);
	}
	client_equal(c, "the PF's ERROR_STATE", client_error_state(c), 0);
}

static void
registers(struct client *c)
{
	struct client *vf = vf_start(c);
	uint64_t control;

	client_reg_write(vf, RVR_AMU_CR, UINT64_MAX);
	control = client_reg(vf, RVR_AMU_CR);
	client_equal(c, "AMU_CR.AMU_EN of a VF", rvr_get(control, RVR_AMU_CR_AMU_EN), 0);
	client_equal(c, "AMU_CR.VF_TRACE_EN of a VF", rvr_get(control, RVR_AMU_CR_VF_TRACE_EN), 0);
	client_equal(c, "F-PROBE STATUS", client_f_probe(vf, NULL, NULL), 0);
}

static void
only_its_own(struct client *c)
{
	struct client *vf = vf_start(c);
	struct rvr_ami_map_header *map;
	uint64_t iova;

	client_ami_new(c);
	MUST(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = 3, .f_owner = 1);
	map = client_alloc(vf, 1 << 16, 4096, &iova);
	MUST(vf, f_get_ami_map, .ami_map_base = iova);
	client_equal(c, "AMIs of VF 1", rvr_le32_cpu(map->count), 1);
	MUST(vf, f_ami_sw_save, .ami_sw_id = 3);
	client_equal(c, "SAVE of the PF's", STATUS(vf, f_ami_sw_save, .ami_sw_id = 0), 1);
	client_equal(c, "ENABLE of the PF's", STATUS(vf, f_ami_sw_enable, .ami_sw_id = 0), 1);
	client_equal(c, "ENABLE of an AMI-HW", STATUS(vf, f_ami_hw_enable, .ami_hw_id = 0), 1);
	client_equal(c, "ring of the PF's", STATUS(vf, f_ams_ring_configure, .ami_sw_id = 0), 1);
}

static void
disabled_waits(struct client *c)
{
	struct client *vf = vf_start(c);
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 };

	MUST(c, pf_f_disable, .f_owner = 1);
	rvr_msg_put(msg, 0, 15, 0, RVR_F_PROBE);
	client_send(vf, msg);
	client_settle(vf);
	if (client_take(vf, RVR_MGT_RX_RESPONSE, msg, 10))
		client_fail(c, "a disabled VF's command was executed");
	MUST(c, pf_f_enable, .f_owner = 1);
	if (!client_take(vf, RVR_MGT_RX_RESPONSE, msg, vf->timeout_ms))
		client_fail(c, "no response after PF-F-ENABLE");
	client_equal(c, "STATUS", rvr_msg_status(msg), 0);
}

static void
reset_is_told(struct client *c)
{
	struct client *vf = vf_start(c);
	struct rvr_e_pf_vf_reset reset;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	exception_take(c, RVR_E_PF_VF_RESET, msg);
	rvr_e_pf_vf_reset_decode(msg, &reset);
	client_equal(c, "SOURCE", reset.source, 1);
	client_no_exception(c);
	MUST(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = 0, .f_owner = 1);
	MUST(vf, f_ami_sw_enable, .ami_sw_id = 0);
	vf = vf_start(c);
	exception_take(c, RVR_E_PF_VF_RESET, msg);
	/* Disabled, not unmapped. */
	MUST(vf, f_ami_sw_configure, .ami_sw_id = 0);
}

/** A command of VF 1 that the PF answers: STATUS of PF-F-TRAP-RESP. */
static uint16_t
trapped(struct client *c)
{
	struct client *vf = vf_start(c);
	const struct rvr_f_ami_sw_save_req req = { .ami_sw_id = 7 };
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 }, response[RVR_MGT_MSG_SIZE] = { 0 };
	uint16_t status;

	MUST(c, pf_f_disable, .f_owner = 1);
	MUST(c, pf_f_trap_configure, .f_owner = 1, .enable = 1);
	MUST(c, pf_f_enable, .f_owner = 1);
	rvr_f_ami_sw_save_req_encode(msg, &req, 0);
	client_send(vf, msg);
	exception_take(c, RVR_E_PF_TRAPPED_CMD, msg);
	client_equal(c, "F_SOURCE_ID", rvr_msg_status(msg), 1);
	client_equal(c, "TRAPPED_OPCODE", rvr_msg_get(msg, 4, 15, 0), RVR_F_AMI_SW_SAVE);
	client_equal(c, "AMI_SW_ID of the command", rvr_msg_get(msg, 8, 15, 0), 7);
	if (client_take(vf, RVR_MGT_RX_RESPONSE, response, 10))
		client_fail(c, "a trapped command has a response before PF-F-TRAP-RESP");
	/* A status of the mediator's own. */
	memset(msg, 0, sizeof(msg));
	rvr_msg_put(msg, 0, 15, 0, RVR_PF_F_TRAP_RESP);
	rvr_msg_put(msg, 0, 31, 16, 1);
	rvr_msg_put(msg, 4, 15, 0, RVR_F_AMI_SW_SAVE);
	rvr_msg_put(msg, 4, 31, 16, 1);
	status = client_exec(c, msg, response);
	if (!client_take(vf, RVR_MGT_RX_RESPONSE, response, vf->timeout_ms))
		client_fail(c, "PF-F-TRAP-RESP is not delivered");
	client_equal(c, "OPCODE delivered", rvr_msg_opcode(response), RVR_F_AMI_SW_SAVE);
	client_equal(c, "STATUS delivered", rvr_msg_status(response), 1);
	return status;
}

/** The PF takes AMI-SWs away and gives them while the VF uses them: never another answer. */
static void
map_races(struct client *c)
{
	struct client *vf = vf_start(c);
	const struct rvr_f_ami_sw_enable_req req = { .ami_sw_id = 0 };
	struct rvr_pf_ami_sw_map_rsp map;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	unsigned int i, k;

	for (i = 0; i < RACES; i++) {
		client_equal(c, "PF-AMI-SW-MAP STATUS", client_pf_ami_sw_map(c,
			&(const struct rvr_pf_ami_sw_map_req){ .any_phy_ami_sw = 1, .f_owner = 1 },
			&map), 0);
		for (k = 0; k < 3; k++) {
			rvr_f_ami_sw_enable_req_encode(msg, &req, 0);
			client_send(vf, msg);
		}
		MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = map.phy_ami_sw_id);
		for (k = 0; k < 3; k++) {
			if (!client_take(vf, RVR_MGT_RX_RESPONSE, msg, vf->timeout_ms))
				client_fail(c, "no response in round %u", i);
			if (rvr_msg_status(msg) > 1)
				client_fail(c, "STATUS %u", rvr_msg_status(msg));
		}
		client_equal(c, "ENABLE of what is unmapped",
			STATUS(vf, f_ami_sw_enable, .ami_sw_id = 0), 1);
	}
}

static const struct conf_test tests[] = {
	{ .name = "commands of the PF are invalid", .run = only_the_pf },
	{ .name = "AMU_EN and VF_TRACE_EN are RES0", .run = registers },
	{ .name = "AMIs of others aren't there", .run = only_its_own },
	{ .name = "commands of a disabled VF wait", .run = disabled_waits },
	{ .name = "the PF is told of FLR", .run = reset_is_told },
	{ .name = "mapped and unmapped while in use", .run = map_races },
	CONF_STATUS(PF_F_TRAP_RESP, 0, "delivered to VF 1", trapped),
};

CONF_TOPIC(vf, "VF");
