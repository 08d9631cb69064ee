/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management rings: order, wrap, full rings, errors, faults, AMU_EN.
 */

#include <inttypes.h>

#include "conf.h"

static const uint8_t zero_msg[RVR_MGT_MSG_SIZE];

static void
send_opcode(struct client *c, uint16_t opcode)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	memcpy(msg, zero_msg, sizeof(msg));
	rvr_msg_put(msg, 0, 15, 0, opcode);
	client_send(c, msg);
}

static void
restart(struct client *c, int command, int response)
{
	struct client_mgt mgt = { command, response, 4, -1 };

	client_reset(c);
	client_start(c, &mgt);
}

static void
one_slot(struct client *c)
{
	int i;

	for (i = 0; i < 300; i++)
		client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/** Commands one by one through rings of 2^arg slots. */
static void
wrap(struct client *c)
{
	int i;

	restart(c, (int)c->arg, (int)c->arg);
	for (i = 0; i < 5 << c->arg; i++)
		client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/** The n-th command of a mixed sequence; its response carries n. */
static void
mixed_send(struct client *c, unsigned int n)
{
	static const uint16_t opcodes[] = { RVR_PF_PROBE, RVR_F_PROBE, RVR_F_AMI_SW_ENABLE };

	send_opcode(c, opcodes[n % RTE_DIM(opcodes)]);
}

static void
mixed_take(struct client *c, unsigned int n)
{
	static const uint16_t opcodes[] = { RVR_PF_PROBE, RVR_F_PROBE, RVR_F_AMI_SW_ENABLE };
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (!client_take(c, RVR_MGT_RX_RESPONSE, msg, c->timeout_ms))
		client_fail(c, "no response to command %u", n);
	client_equal(c, "OPCODE", rvr_msg_opcode(msg), opcodes[n % RTE_DIM(opcodes)]);
	/* No AMI-SW is mapped. */
	client_equal(c, "STATUS", rvr_msg_status(msg), n % RTE_DIM(opcodes) == 2 ? 1 : 0);
}

static void
order(struct client *c)
{
	unsigned int n, round;

	restart(c, 4, 4);
	for (round = 0; round < 20; round++) {
		for (n = 0; n < 16; n++)
			mixed_send(c, round * 16 + n);
		for (n = 0; n < 16; n++)
			mixed_take(c, round * 16 + n);
	}
}

/** Commands stall, and none is lost. */
static void
response_full(struct client *c)
{
	unsigned int n;

	restart(c, 4, (int)c->arg);
	for (n = 0; n < 16; n++)
		mixed_send(c, n);
	client_settle(c);
	client_equal(c, "MGT_WRITE_INDEX_RX0 beyond READ_INDEX",
		     client_reg(c, RVR_MGT_WRITE_INDEX_RX) - c->msk[RVR_MSK_RESPONSE].own,
		     1u << c->arg);
	client_equal(c, "ERROR_STATE", client_error_state(c), RVR_ERROR_STATE_NONE);
	for (n = 0; n < 16; n++)
		mixed_take(c, n);
	client_equal(c, "MGT_READ_INDEX_TX0", client_reg(c, RVR_MGT_READ_INDEX_TX),
		     c->msk[RVR_MSK_COMMAND].own);
}

/** ERROR_STATE 7, consumed, no response; later commands run. */
static void
unknown_opcode(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	send_opcode(c, (uint16_t)c->arg);
	client_error_wait(c, RVR_ERROR_STATE_INVALID_COMMAND);
	client_equal(c, "MGT_READ_INDEX_TX0", client_reg(c, RVR_MGT_READ_INDEX_TX),
		     c->msk[RVR_MSK_COMMAND].own);
	if (client_take(c, RVR_MGT_RX_RESPONSE, msg, 10))
		client_fail(c, "there is a response, OPCODE %u", rvr_msg_opcode(msg));
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
	client_equal(c, "ERROR_STATE", client_error_state(c), RVR_ERROR_STATE_INVALID_COMMAND);
	client_reg_write(c, RVR_AMU_SR, 0);
	client_equal(c, "ERROR_STATE, cleared", client_error_state(c), RVR_ERROR_STATE_NONE);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/** The way of a client that knows the request alone: STATUS of the command is not looked at. */
static void
request_status_ignored(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_probe_req_encode(msg, NULL, 0xabcd);
	client_equal(c, "F-PROBE STATUS", client_exec(c, msg, NULL), 0);
}

/* ---- Exceptions and errors ----------------------------------------------------------------- */

/** Makes one exception: a context whose TX index jumps. */
static struct client_ami *
make_fault(struct client *c)
{
	struct client_path path = client_loopback(c, 2, 2, c->lim.min_log2_len);

	client_own_write(c, path.tx, 100);
	return path.ami;
}

static void
exception_full(struct client *c)
{
	struct client_mgt mgt = { 0, 0, 0, -1 };
	struct client_ami *first;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	client_reset(c);
	client_start(c, &mgt);
	first = make_fault(c);
	client_settle(c);
	client_equal(c, "ERROR_STATE after one exception", client_error_state(c), 0);
	make_fault(c);
	client_error_wait(c, RVR_ERROR_STATE_EXCEPTION_FULL);
	client_ring_fault(c, first, 0);
	client_settle(c);
	if (client_take(c, RVR_MGT_RX_EXCEPTION, msg, 0))
		client_fail(c, "the exception beyond the ring's size is not lost");
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
	/* The ring works again. */
	client_ring_fault(c, make_fault(c), 0);
}

static void
exception_wrap(struct client *c)
{
	struct client_mgt mgt = { 0, 0, 1, -1 };
	unsigned int i;

	client_reset(c);
	client_start(c, &mgt);
	for (i = 0; i < 7; i++)
		client_ring_fault(c, make_fault(c), 0);
	client_no_exception(c);
	client_equal(c, "ERROR_STATE", client_error_state(c), 0);
}

static void
error_first_kept(struct client *c)
{
	struct client_mgt mgt = { 0, 0, 0, -1 };

	client_reset(c);
	client_start(c, &mgt);
	make_fault(c);
	client_settle(c);
	make_fault(c);
	client_error_wait(c, RVR_ERROR_STATE_EXCEPTION_FULL);
	send_opcode(c, 0xffff);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
	client_equal(c, "ERROR_STATE", client_error_state(c), RVR_ERROR_STATE_EXCEPTION_FULL);
}

static void
error_enable_clears(struct client *c)
{
	send_opcode(c, 0xffff);
	client_error_wait(c, RVR_ERROR_STATE_INVALID_COMMAND);
	client_reg_write(c, RVR_AMU_CR, 0);
	client_equal(c, "ERROR_STATE after 1->0", client_error_state(c),
		     RVR_ERROR_STATE_INVALID_COMMAND);
	client_reg_write(c, RVR_AMU_CR, 1);
	client_equal(c, "ERROR_STATE after 0->1", client_error_state(c), 0);
}

static void
error_reset_clears(struct client *c)
{
	send_opcode(c, 0xffff);
	client_error_wait(c, RVR_ERROR_STATE_INVALID_COMMAND);
	client_reset(c);
	client_equal(c, "ERROR_STATE", client_error_state(c), 0);
}

/** A management ring where no memory is: its own ERROR_STATE, and reset brings the device back. */
static void
ring_unmapped(struct client *c)
{
	static const enum rvr_error_state states[] = {
		RVR_ERROR_STATE_COMMAND_FAULT, RVR_ERROR_STATE_RESPONSE_FAULT,
		RVR_ERROR_STATE_EXCEPTION_FAULT,
	};

	client_reg_write(c, RVR_MSK_BASE_PTR + 0x10 * c->arg, CLIENT_BAD_IOVA);
	if (c->arg == RVR_MSK_EXCEPTION)
		make_fault(c);
	else
		send_opcode(c, RVR_F_PROBE);
	client_error_wait(c, states[c->arg]);
	client_reset(c);
	client_start(c, NULL);
}

static void
typeb_unmapped(struct client *c)
{
	if (c->lim.ami_type != RVR_AMI_TYPE_B)
		client_skip(c, "the device is of Type A");
	client_reg_write(c, RVR_MGT_TYPEB_BASE, CLIENT_BAD_IOVA & ~UINT64_C(0xfff));
	send_opcode(c, RVR_F_PROBE);
	client_error_wait(c, RVR_ERROR_STATE_MGT_TYPEB_FAULT);
}

/** Nothing is specified but that a reset helps. */
static void
index_wild(struct client *c)
{
	client_reg_write(c, RVR_MGT_WRITE_INDEX_TX, 0x123456789abcdef0);
	client_settle(c);
	client_reset(c);
	client_start(c, NULL);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/* ---- AMU_EN -------------------------------------------------------------------------------- */

static void
disabled_commands(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	client_reg_write(c, RVR_AMU_CR, 0);
	send_opcode(c, RVR_F_PROBE);
	if (client_take(c, RVR_MGT_RX_RESPONSE, msg, 10))
		client_fail(c, "a command was executed with AMU_EN = 0");
}

static void
enable_zeroes(struct client *c)
{
	struct client_mgt mgt = { 2, 2, 2, -1 };
	unsigned int k;

	make_fault(c);
	client_settle(c);
	client_reg_write(c, RVR_AMU_CR, 0);
	client_reg_write(c, RVR_AMU_CR, 1);
	client_equal(c, "MGT_READ_INDEX_TX0", client_reg(c, RVR_MGT_READ_INDEX_TX), 0);
	client_equal(c, "MGT_WRITE_INDEX_TX0", client_reg(c, RVR_MGT_WRITE_INDEX_TX), 0);
	for (k = 0; k < RVR_MGT_RX_NUM; k++) {
		client_equal(c, "MGT_READ_INDEX_RX", client_reg(c, RVR_MGT_READ_INDEX_RX + 8 * k),
			     0);
		client_equal(c, "MGT_WRITE_INDEX_RX", client_reg(c, RVR_MGT_WRITE_INDEX_RX + 8 * k),
			     0);
	}
	client_mgt_rings(c, &mgt);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/** Data stops, nothing is lost, contexts and sessions stay. */
static void
disabled_data(struct client *c)
{
	struct client_path path = client_inversion(c, 4, c->lim.min_log2_len);
	struct client_mgt mgt = { 0, 0, 4, -1 };
	uint64_t before;

	client_exchange(c, path.tx, path.rx, 5, path.flip);
	client_reg_write(c, RVR_AMU_CR, 0);
	before = client_device_index(path.rx);
	client_push(c, path.tx, 10);
	client_settle(c);
	client_equal(c, "WRITE_INDEX_RX0 with AMU_EN = 0", client_device_index(path.rx), before);
	client_reg_write(c, RVR_AMU_CR, 1);
	client_pop_all(c, path.rx, 10, path.flip);
	client_mgt_rings(c, &mgt);
	client_equal(c, "F-AMI-SW-CONFIGURE STATUS",
		     client_f_ami_sw_configure(c, &path.ami->conf, NULL), 2);
	client_exchange(c, path.tx, path.rx, 100, path.flip);
}

static void
digests(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct client_timer timer;

	send_opcode(c, RVR_F_PROBE);
	timer = client_timer(c, c->timeout_ms);
	while (client_reg(c, RVR_MGT_RX_DIGEST) == 0 && client_turn(c, &timer))
		;
	client_equal(c, "MGT_RX_DIGEST with a response", client_reg(c, RVR_MGT_RX_DIGEST), 1);
	client_take(c, RVR_MGT_RX_RESPONSE, msg, c->timeout_ms);
	client_equal(c, "MGT_RX_DIGEST", client_reg(c, RVR_MGT_RX_DIGEST), 0);
	client_equal(c, "MGT_TX_DIGEST with room", client_reg(c, RVR_MGT_TX_DIGEST), 1);
	make_fault(c);
	timer = client_timer(c, c->timeout_ms);
	while (client_reg(c, RVR_MGT_RX_DIGEST) == 0 && client_turn(c, &timer))
		;
	client_equal(c, "MGT_RX_DIGEST with an exception", client_reg(c, RVR_MGT_RX_DIGEST), 2);
}

#define UNKNOWN(op) { .name = "opcode " #op " is unknown", .run = unknown_opcode, .arg = (op) }

static const struct conf_test tests[] = {
	{ .name = "rings of one slot", .run = one_slot },
	{ .name = "rings of 2 slots wrap", .run = wrap, .arg = 1 },
	{ .name = "rings of 16 slots wrap", .run = wrap, .arg = 4 },
	{ .name = "rings of 1024 slots wrap", .run = wrap, .arg = 10 },
	{ .name = "responses come in the order of commands", .run = order },
	{ .name = "response ring of one slot is full", .run = response_full, .arg = 0 },
	{ .name = "response ring of 4 slots is full", .run = response_full, .arg = 2 },
	{ .name = "bits 31:16 of a command are ignored", .run = request_status_ignored },
	UNKNOWN(0), UNKNOWN(5), UNKNOWN(22), UNKNOWN(28), UNKNOWN(41), UNKNOWN(0x8001),
	UNKNOWN(0xffff),
	{ .name = "exception ring is full", .run = exception_full },
	{ .name = "exception ring wraps", .run = exception_wrap },
	{ .name = "ERROR_STATE keeps the first error", .run = error_first_kept },
	{ .name = "AMU_EN 0->1 clears ERROR_STATE", .run = error_enable_clears },
	{ .name = "Function Level Reset clears ERROR_STATE", .run = error_reset_clears },
	{ .name = "command ring is not mapped", .run = ring_unmapped, .arg = RVR_MSK_COMMAND },
	{ .name = "response ring is not mapped", .run = ring_unmapped, .arg = RVR_MSK_RESPONSE },
	{ .name = "exception ring is not mapped", .run = ring_unmapped, .arg = RVR_MSK_EXCEPTION },
	{ .name = "MGT_TYPEB_BASE is not mapped", .run = typeb_unmapped },
	{ .name = "a wild command index is survived", .run = index_wild },
	{ .name = "AMU_EN = 0 stops commands", .run = disabled_commands },
	{ .name = "AMU_EN 0->1 zeroes the indices", .run = enable_zeroes },
	{ .name = "AMU_EN = 0 stops data, loses nothing", .run = disabled_data },
	{ .name = "digests", .run = digests },
};

CONF_TOPIC(management, "management rings");
