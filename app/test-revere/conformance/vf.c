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

/** VF 1 enabled, with these commands trapped; 0: all, as published. */
static struct client *
trap_start(struct client *c, uint64_t set)
{
	const struct rvr_pf_f_trap_configure_req req = { .f_owner = 1, .enable = 1 };
	struct client *vf = vf_start(c);
	uint8_t msg[RVR_MGT_MSG_SIZE];

	MUST(c, pf_f_disable, .f_owner = 1);
	rvr_pf_f_trap_configure_req_encode(msg, &req, 0);
	if (set != 0) {
		rvr_msg_put(msg, RVR_TRAP_SET_OFFSET, 63, 0, set);
		rvr_msg_put(msg, RVR_TRAP_SET_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
	}
	client_equal(c, "PF-F-TRAP-CONFIGURE STATUS", client_exec(c, msg, msg), 0);
	MUST(c, pf_f_enable, .f_owner = 1);
	return vf;
}

/** VF 1 sends F-GET-AMI-MAP: the exception of it. */
static void
trap_map(struct client *c, struct client *vf, uint64_t iova, uint8_t *exc)
{
	const struct rvr_f_get_ami_map_req req = { .ami_map_base = iova };
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_get_ami_map_req_encode(msg, &req, 0);
	client_send(vf, msg);
	exception_take(c, RVR_E_PF_TRAPPED_CMD, exc);
	client_equal(c, "TRAPPED_OPCODE", rvr_msg_get(exc, 4, 15, 0), RVR_F_GET_AMI_MAP);
	if (rvr_msg_get(exc, RVR_TRAP_NUMBER_OFFSET, 31, 16) == 0)
		client_skip(c, "the device executes no trapped commands");
}

/** PF-F-TRAP-RESP: the device does @p action with the command of an exception. */
static uint16_t
trap_act(struct client *c, const uint8_t *exc, enum rvr_trap_action action)
{
	uint8_t msg[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];

	memcpy(msg, exc, sizeof(msg));
	rvr_msg_put(msg, 0, 15, 0, RVR_PF_F_TRAP_RESP);
	rvr_msg_put(msg, 4, 31, 16, 0);
	rvr_msg_put(msg, RVR_TRAP_RESP_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
	rvr_msg_put(msg, RVR_TRAP_RESP_ACTION_OFFSET, 31, 0, (uint64_t)action << 16 |
		rvr_msg_get(exc, RVR_TRAP_NUMBER_OFFSET, 31, 16));
	return client_exec(c, msg, response);
}

static void
trap_response(struct client *c, struct client *vf, uint16_t opcode, uint16_t status)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (!client_take(vf, RVR_MGT_RX_RESPONSE, msg, vf->timeout_ms))
		client_fail(c, "no response of command %u", opcode);
	client_equal(c, "OPCODE", rvr_msg_opcode(msg), opcode);
	client_equal(c, "STATUS", rvr_msg_status(msg), status);
}

/** The device executes a trapped command that has it write to the VF's memory. */
static void
trap_execute(struct client *c)
{
	struct client *vf = trap_start(c, 0);
	struct rvr_ami_map_header *map;
	uint8_t exc[RVR_MGT_MSG_SIZE];
	uint64_t iova;

	MUST(c, pf_ami_sw_map, .any_phy_ami_sw = 1, .ami_sw_id = 3, .f_owner = 1);
	map = client_alloc(vf, 1 << 16, 4096, &iova);
	trap_map(c, vf, iova, exc);
	client_equal(c, "AMIs before the answer", rvr_le32_cpu(map->count), 0);
	client_equal(c, "unknown action", trap_act(c, exc, 99), 1);
	client_equal(c, "execute", trap_act(c, exc, RVR_TRAP_EXECUTE), 0);
	trap_response(c, vf, RVR_F_GET_AMI_MAP, 0);
	client_equal(c, "AMIs of VF 1", rvr_le32_cpu(map->count), 1);
	client_equal(c, "execute again", trap_act(c, exc, RVR_TRAP_EXECUTE), 1);
}

/** The PF alters a command: its fields, never its OPCODE. */
static void
trap_alter(struct client *c)
{
	struct client *vf = trap_start(c, 0);
	uint8_t exc[RVR_MGT_MSG_SIZE];
	uint64_t iova;

	client_alloc(vf, 1 << 16, 4096, &iova);
	trap_map(c, vf, iova, exc);
	rvr_msg_put(exc, 4, 15, 0, RVR_F_PROBE);
	client_equal(c, "another OPCODE", trap_act(c, exc, RVR_TRAP_EXECUTE_THIS), 1);
	rvr_msg_put(exc, 4, 15, 0, RVR_F_GET_AMI_MAP);
	rvr_msg_put(exc, 4 + 8, 63, 12, UINT64_C(0x7ffffffff000));
	client_equal(c, "altered", trap_act(c, exc, RVR_TRAP_EXECUTE_THIS), 0);
	trap_response(c, vf, RVR_F_GET_AMI_MAP, RVR_ST_F_GET_AMI_MAP_MAP_BUFFER_FAULT);
}

/** An answer that comes after the VF's reset isn't that to its next command. */
static void
trap_reset(struct client *c)
{
	static const struct client_mgt rings = { 2, 2, 4, -1 };
	struct client *vf = trap_start(c, 0);
	uint8_t old[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE];
	uint64_t iova;

	client_alloc(vf, 1 << 16, 4096, &iova);
	trap_map(c, vf, iova, old);
	client_reset(vf);
	client_mgt_rings(vf, &rings);
	exception_take(c, RVR_E_PF_VF_RESET, exc);
	client_equal(c, "answer after the reset", trap_act(c, old, RVR_TRAP_EXECUTE), 1);
	trap_map(c, vf, iova, exc);
	client_equal(c, "late answer", trap_act(c, old, RVR_TRAP_RESPOND), 1);
	client_equal(c, "execute", trap_act(c, exc, RVR_TRAP_EXECUTE), 0);
	trap_response(c, vf, RVR_F_GET_AMI_MAP, 0);
}

/** Commands that aren't to be trapped are executed at once. */
static void
trap_set(struct client *c)
{
	struct client *vf = trap_start(c, UINT64_C(1) << RVR_F_GET_AMI_MAP);
	uint8_t exc[RVR_MGT_MSG_SIZE] = { 0 };
	uint64_t iova;

	/* A device that doesn't know of sets traps all: that one has no numbers either. */
	rvr_msg_put(exc, 0, 15, 0, RVR_F_PROBE);
	client_send(vf, exc);
	if (!client_take(vf, RVR_MGT_RX_RESPONSE, exc, vf->timeout_ms))
		client_skip(c, "the device knows no sets of trapped commands");
	client_alloc(vf, 1 << 16, 4096, &iova);
	trap_map(c, vf, iova, exc);
	client_equal(c, "execute", trap_act(c, exc, RVR_TRAP_EXECUTE), 0);
	trap_response(c, vf, RVR_F_GET_AMI_MAP, 0);
}

/** Many commands at once: each is told and answered in turn. */
static void
trap_flood(struct client *c)
{
	struct client *vf = trap_start(c, 0);
	uint8_t exc[RVR_MGT_MSG_SIZE], msg[RVR_MGT_MSG_SIZE];
	unsigned int i, k;

	for (i = 0; i < RACES; i++) {
		memset(msg, 0, sizeof(msg));
		rvr_msg_put(msg, 0, 15, 0, RVR_F_PROBE);
		for (k = 0; k < 4; k++)
			client_send(vf, msg);
		for (k = 0; k < 4; k++) {
			exception_take(c, RVR_E_PF_TRAPPED_CMD, exc);
			client_no_exception(c);
			if (rvr_msg_get(exc, RVR_TRAP_NUMBER_OFFSET, 31, 16) == 0)
				client_skip(c, "the device executes no trapped commands");
			client_equal(c, "execute", trap_act(c, exc, RVR_TRAP_EXECUTE), 0);
			trap_response(c, vf, RVR_F_PROBE, 0);
		}
	}
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

/** Expects what PF-AMI-SW-SAVE says of VF 1's AMI-SW, which has TX_VECTOR 3. */
static void
pf_saves(struct client *c, uint16_t phy, bool enable)
{
	struct rvr_pf_ami_sw_save_req req = { .phy_ami_sw_id = phy };
	struct rvr_pf_ami_sw_save_rsp rsp;

	client_equal(c, "PF-AMI-SW-SAVE STATUS", client_pf_ami_sw_save(c, &req, &rsp), 0);
	client_equal(c, "TX_VECTOR", rsp.tx_vector, 3);
	client_equal(c, "MAPPED", rsp.mapped, 1);
	client_equal(c, "F_OWNER", rsp.f_owner, 1);
	client_equal(c, "ENABLE", rsp.enable, enable);
}

/** The PF saves an AMI-SW of a VF in each state while the VF is disabled, and then only. */
static void
saved_by_the_pf(struct client *c)
{
	struct client *vf = vf_start(c);
	struct rvr_pf_ami_sw_map_rsp map;
	struct client_ami *ami;

	client_equal(c, "PF-AMI-SW-MAP STATUS", client_pf_ami_sw_map(c,
		&(const struct rvr_pf_ami_sw_map_req){ .any_phy_ami_sw = 1, .f_owner = 1 },
		&map), 0);
	MUST(vf, f_ami_sw_configure, .ami_sw_id = 0, .tx_vector = 3);
	client_equal(c, "PF-AMI-SW-SAVE of an enabled VF's",
		     STATUS(c, pf_ami_sw_save, .phy_ami_sw_id = map.phy_ami_sw_id), 2);
	MUST(c, pf_f_disable, .f_owner = 1);
	pf_saves(c, map.phy_ami_sw_id, false);
	MUST(c, pf_f_enable, .f_owner = 1);
	MUST(vf, f_ami_sw_enable, .ami_sw_id = 0);
	MUST(c, pf_f_disable, .f_owner = 1);
	pf_saves(c, map.phy_ami_sw_id, true);
	MUST(c, pf_f_enable, .f_owner = 1);
	MUST(vf, f_ami_sw_disable, .ami_sw_id = 0);
	MUST(c, pf_f_disable, .f_owner = 1);
	pf_saves(c, map.phy_ami_sw_id, false);
	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = map.phy_ami_sw_id);
	ami = client_ami_map(c);
	client_equal(c, "PF-AMI-SW-SAVE of the PF's own",
		     STATUS(c, pf_ami_sw_save, .phy_ami_sw_id = ami->phy), 2);
}

static const struct conf_test tests[] = {
	{ .name = "commands of the PF are invalid", .run = only_the_pf },
	{ .name = "AMU_EN and VF_TRACE_EN are RES0", .run = registers },
	{ .name = "AMIs of others aren't there", .run = only_its_own },
	{ .name = "commands of a disabled VF wait", .run = disabled_waits },
	{ .name = "the PF is told of FLR", .run = reset_is_told },
	{ .name = "mapped and unmapped while in use", .run = map_races },
	{ .name = "AMI-SWs saved by the PF in every state", .run = saved_by_the_pf },
	CONF_STATUS(PF_F_TRAP_RESP, 0, "delivered to VF 1", trapped),
	{ .name = "trap: the device executes a command", .run = trap_execute },
	{ .name = "trap: the PF alters a command", .run = trap_alter },
	{ .name = "trap: reset while a command waits", .run = trap_reset },
	{ .name = "trap: a set of commands", .run = trap_set },
	{ .name = "trap: many commands", .run = trap_flood },
};

CONF_TOPIC(vf, "VF");
