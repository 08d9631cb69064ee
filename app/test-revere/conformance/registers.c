/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Registers: identification, reset values, which bits can be written.
 */

#include <inttypes.h>

#include "conf.h"

static const struct rvr_reg mgt_regs[] = { RVR_MGT_REGS(RVR_REG_ROW_) };

/** MSK_CTRL's length field is read-only with a value; all others read as 0. */
static uint64_t
read_only_bits(const struct rvr_reg *reg)
{
	return reg->reset & ~reg->writable;
}

static void
identification(struct client *c)
{
	uint64_t idr = client_reg(c, RVR_AMU_IDR);

	client_equal(c, "ArchMajorRev",
		     rvr_get(client_reg(c, RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV), 3);
	client_equal(c, "AMU_IDR[63:32]", idr >> 32, 0);
	if (rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH) < 3)
		client_fail(c, "MIN_LOG2_MSG_LENGTH below 3");
	if (rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH) <
	    rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH))
		client_fail(c, "MAX_LOG2_MSG_LENGTH below MIN_LOG2_MSG_LENGTH");
	if (rvr_get(idr, RVR_AMU_IDR_AMI_TYPE) > RVR_AMI_TYPE_B)
		client_fail(c, "AMI_TYPE is %" PRIu64, rvr_get(idr, RVR_AMU_IDR_AMI_TYPE));
}

static void
reset_values(struct client *c)
{
	const struct rvr_reg *reg;
	unsigned int r, i;

	for (r = 0; r < RTE_DIM(mgt_regs); r++) {
		reg = &mgt_regs[r];
		/* Identification, and digests, which show rings of one free slot. */
		if (reg->access == RVR_RO)
			continue;
		for (i = 0; i < reg->count; i++)
			client_equal(c, reg->name,
				     client_reg(c, reg->offset + i * reg->stride), reg->reset);
	}
}

static void
write_all(struct client *c, const struct rvr_reg *reg, unsigned int i, uint64_t value)
{
	uint32_t offset = reg->offset + i * reg->stride;

	client_reg_write(c, offset, value);
	client_equal(c, reg->name, client_reg(c, offset),
		     (value & reg->writable) | read_only_bits(reg));
}

static void
writable_bits(struct client *c)
{
	const struct rvr_reg *reg;
	unsigned int r, i;

	for (r = 0; r < RTE_DIM(mgt_regs); r++) {
		reg = &mgt_regs[r];
		if (reg->access != RVR_RW || reg->offset == RVR_AMU_CR)
			continue;
		for (i = 0; i < reg->count; i++) {
			write_all(c, reg, i, UINT64_MAX);
			write_all(c, reg, i, 0x5555555555555555);
			write_all(c, reg, i, 0);
		}
	}
}

static void
read_only(struct client *c)
{
	const struct rvr_reg *reg;
	uint64_t before;
	unsigned int r, i;

	for (r = 0; r < RTE_DIM(mgt_regs); r++) {
		reg = &mgt_regs[r];
		for (i = 0; i < reg->count; i++) {
			uint32_t offset = reg->offset + i * reg->stride;

			if (reg->access != RVR_RO && reg->access != RVR_IDX_DEV)
				break;
			before = client_reg(c, offset);
			client_reg_write(c, offset, ~before);
			client_equal(c, reg->name, client_reg(c, offset), before);
		}
	}
}

static void
control_bits(struct client *c)
{
	uint64_t all = rvr_prep(RVR_AMU_CR_ASN_PROF_EN, 1) | rvr_prep(RVR_AMU_CR_TRACE_EN, 1) |
		       rvr_prep(RVR_AMU_CR_VF_TRACE_EN, 1) | rvr_prep(RVR_AMU_CR_AMU_EN, 1);
	uint64_t value;

	client_reg_write(c, RVR_AMU_CR, UINT64_MAX);
	value = client_reg(c, RVR_AMU_CR);
	client_equal(c, "AMU_CR, reserved bits", value & ~all, 0);
	client_equal(c, "AMU_EN", rvr_get(value, RVR_AMU_CR_AMU_EN), 1);
	client_reg_write(c, RVR_AMU_CR, 0);
	client_equal(c, "AMU_CR", client_reg(c, RVR_AMU_CR), 0);
}

static void
function_reset(struct client *c)
{
	client_reg_write(c, RVR_MGT_RX_VECTOR, 5);
	client_reg_write(c, RVR_ERR_IRQ_CTRL, 7);
	client_start(c, NULL);
	client_reset(c);
	reset_values(c);
}

static void
ami_sw_masks(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);

	client_equal(c, "TX_DIGEST_MASK", client_page(ami, RVR_TX_DIGEST_MASK), 0);
	client_equal(c, "RX_DIGEST_MASK", client_page(ami, RVR_RX_DIGEST_MASK), 0);
	client_page_write(c, ami, RVR_TX_DIGEST_MASK, 0x0123456789abcdef);
	client_page_write(c, ami, RVR_RX_DIGEST_MASK, 0xfedcba9876543210);
	client_settle(c);
	client_equal(c, "TX_DIGEST_MASK", client_page(ami, RVR_TX_DIGEST_MASK), 0x0123456789abcdef);
	client_equal(c, "RX_DIGEST_MASK", client_page(ami, RVR_RX_DIGEST_MASK), 0xfedcba9876543210);
}

static void
ami_sw_pages(struct client *c)
{
	unsigned int last = RTE_MIN(c->lim.ami_per_f, 0xffffu) - 1;

	if (c->transport->ops->ami_sw_page(c->transport, (uint16_t)last) == NULL)
		client_fail(c, "no AMI-SW page %u, F-PROBE says %u AMIs", last, c->lim.ami_per_f);
}

static const struct conf_test tests[] = {
	{ .name = "identification", .run = identification, .raw = true },
	{ .name = "values after reset", .run = reset_values, .raw = true },
	{ .name = "bits that can be written", .run = writable_bits, .raw = true },
	{ .name = "what the device owns can't be written", .run = read_only, .raw = true },
	{ .name = "AMU_CR", .run = control_bits, .raw = true },
	{ .name = "Function Level Reset", .run = function_reset, .raw = true },
	{ .name = "digest masks of an AMI-SW", .run = ami_sw_masks },
	{ .name = "a page for each AMI-SW", .run = ami_sw_pages },
};

CONF_TOPIC(registers, "registers");
