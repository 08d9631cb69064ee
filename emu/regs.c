/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management page of a Function: reads and writes of its registers, as RVR_MGT_REGS has them,
 * and what a write sets going.
 */

#include "mgt.h"

static const struct rvr_reg regs_table[] = {RVR_MGT_REGS(RVR_REG_ROW_)};

#define REGS_ROWS (sizeof(regs_table) / sizeof(regs_table[0]))

static const struct rvr_reg *
regs_find(uint32_t offset)
{
	const struct rvr_reg *row;
	uint32_t at;

	for (row = regs_table; row < regs_table + REGS_ROWS; row++) {
		if (offset < row->offset)
			return NULL;
		at = offset - row->offset;
		if (at == 0 || (row->stride != 0 && at % row->stride == 0 &&
				at / row->stride < row->count))
			return row;
	}
	return NULL;
}

const struct rvr_reg *
regs_row(unsigned int index)
{
	return index < REGS_ROWS ? &regs_table[index] : NULL;
}

static uint64_t
regs_idr(const struct revere_emu_config *config)
{
	return rvr_prep(RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH, config->min_log2_msg_length) |
	       rvr_prep(RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH, config->max_log2_msg_length) |
	       rvr_prep(RVR_AMU_IDR_MAX_LOG2_SIZE, config->max_log2_size) |
	       rvr_prep(RVR_AMU_IDR_ASN_PROF, config->asn_prof) |
	       rvr_prep(RVR_AMU_IDR_TRACING, config->tracing) |
	       rvr_prep(RVR_AMU_IDR_AMI_TYPE, config->ami_type) |
	       rvr_prep(RVR_AMU_IDR_NUM_RX_AMS_M1, config->num_ams - 1) |
	       rvr_prep(RVR_AMU_IDR_NUM_TX_AMS_M1, config->num_ams - 1);
}

void
regs_reset(struct amu_function *function)
{
	const struct revere_emu_config *config = &function->amu->config;
	const struct rvr_reg *row;
	unsigned int i;

	for (row = regs_table; row < regs_table + REGS_ROWS; row++) {
		for (i = 0; i < row->count; i++)
			mgt_reg_set(function, row->offset + i * row->stride, row->reset);
	}
	mgt_reg_set(function, RVR_AMU_IDR, regs_idr(config));
	mgt_reg_set(function, RVR_AMU_AIDR,
		    rvr_prep(RVR_AMU_AIDR_ARCH_MAJOR_REV, config->arch_major));
	/* Implementer 0: the emulator. Product 1 tells this device from others of ours. */
	mgt_reg_set(function, RVR_AMU_IIDR, rvr_prep(RVR_AMU_IIDR_PRODUCT, 1));
}

/* Bits of a register that this Function can write. */
static uint64_t
regs_writable(const struct amu_function *function, const struct rvr_reg *row)
{
	const struct revere_emu_config *config = &function->amu->config;
	uint64_t mask = row->writable;

	if (row->offset != RVR_AMU_CR)
		return mask;
	if (function->id != 0)
		mask = rvr_set(rvr_set(mask, RVR_AMU_CR_AMU_EN, 0), RVR_AMU_CR_VF_TRACE_EN, 0);
	if (!config->asn_prof)
		mask = rvr_set(mask, RVR_AMU_CR_ASN_PROF_EN, 0);
	if (!config->tracing)
		mask = rvr_set(rvr_set(mask, RVR_AMU_CR_TRACE_EN, 0), RVR_AMU_CR_VF_TRACE_EN, 0);
	return mask;
}

static void
regs_cr_written(struct amu_function *function, uint64_t old, uint64_t value)
{
	struct amu *amu = function->amu;
	bool was = rvr_get(old, RVR_AMU_CR_AMU_EN), is = rvr_get(value, RVR_AMU_CR_AMU_EN);
	uint64_t enables = rvr_prep(RVR_AMU_CR_AMU_EN, 1);
	unsigned int i;

	if (old == value)
		return;
	amu_pause(amu);
	if (!was && is) {
		mgt_reg_set(function, RVR_AMU_SR, 0);
		mgt_rings_reset(function);
		trap_forgotten(amu);
	}
	if (was != is)
		amu->running = is;
	if (((old ^ value) & ~enables) != 0)
		cmd_asn_observe_all(amu);
	amu_resume(amu);
	if (!is || was)
		return;
	for (i = 0; i < amu->num_functions; i++)
		mgt_ready(&amu->functions[i]);
	amu->mgt->wake = true;
}

/* AMU_SR: software can but clear it; a fault that has gone lets commands run again. */
static void
regs_sr_written(struct amu_function *function, uint64_t value)
{
	if (value != 0)
		return;
	mgt_reg_set(function, RVR_AMU_SR, 0);
	mgt_ready(function);
}

static void
regs_rx_index_written(struct amu_function *function, unsigned int ring)
{
	struct amu *amu = function->amu;
	unsigned int i;

	mgt_digests(function);
	mgt_ready(function);
	/* Trapped commands wait for room in the PF's exception ring, traced sessions in theirs. */
	if (ring == RVR_MGT_RX_EXCEPTION && function->id == 0) {
		for (i = 1; i < amu->num_functions; i++)
			mgt_ready(&amu->functions[i]);
	}
	if (ring == RVR_MGT_RX_TRACE)
		amu->mgt->wake = true;
}

static void
regs_store(struct amu_function *function, uint32_t offset, uint64_t value)
{
	/* Workers write the trace ring, whose registers must not change under their hands. */
	pthread_mutex_lock(&function->trace_lock);
	mgt_reg_set(function, offset, value);
	pthread_mutex_unlock(&function->trace_lock);
}

/* An interrupt enable: what is pending already is raised when it gets set. */
static void
regs_irq_ctrl_written(struct amu_function *function, uint64_t *seen, uint64_t old, uint64_t value)
{
	pthread_mutex_lock(&function->trace_lock);
	if (old == 0 && value != 0)
		*seen = 0;
	pthread_mutex_unlock(&function->trace_lock);
	mgt_digests(function);
}

static void
regs_written(struct amu_function *function, const struct rvr_reg *row, uint32_t offset,
	     uint64_t old, uint64_t value)
{
	switch (row->offset) {
	case RVR_AMU_CR:
		regs_cr_written(function, old, value);
		break;
	case RVR_MGT_RX_IRQ_CTRL:
		regs_irq_ctrl_written(function, &function->mgt->rx_seen, old, value);
		break;
	case RVR_MGT_TX_IRQ_CTRL:
		regs_irq_ctrl_written(function, &function->mgt->tx_seen, old, value);
		break;
	case RVR_MGT_TYPEB_BASE:
		mgt_typeb(function);
		break;
	case RVR_MSK_BASE_PTR:
	case RVR_MSK_CTRL:
	case RVR_MGT_TX_DIGEST_MASK:
	case RVR_MGT_RX_DIGEST_MASK:
		mgt_digests(function);
		break;
	case RVR_MGT_WRITE_INDEX_TX:
		mgt_digests(function);
		mgt_ready(function);
		break;
	case RVR_MGT_READ_INDEX_RX:
		regs_rx_index_written(function, (offset - row->offset) / row->stride);
		break;
	default:
		break;
	}
}

/* A 32-bit access changes its half of the register. */
static uint64_t
regs_combine(uint64_t old, uint32_t offset, unsigned int size, uint64_t value)
{
	unsigned int shift = offset % 8 * 8;

	if (size == 8)
		return value;
	return (old & ~((uint64_t)UINT32_MAX << shift)) | ((uint64_t)(uint32_t)value << shift);
}

static void
regs_write(struct amu_function *function, uint32_t offset, unsigned int size, uint64_t value)
{
	const struct rvr_reg *row = regs_find(offset & ~7u);
	uint64_t mask, old;

	if (row == NULL)
		return;
	old = mgt_reg(function, offset & ~7u);
	value = regs_combine(old, offset, size, value);
	if (row->offset == RVR_AMU_SR) {
		regs_sr_written(function, value);
		return;
	}
	mask = regs_writable(function, row);
	if (mask == 0)
		return;
	value = (old & ~mask) | (value & mask);
	regs_store(function, offset & ~7u, value);
	regs_written(function, row, offset & ~7u, old, value);
}

/* The Function, if an access to its management page is one that the bus can make. */
static struct amu_function *
regs_function(struct revere_emu *emu, unsigned int function, uint32_t offset, unsigned int size)
{
	struct amu *amu = &emu->amu;

	if (function >= amu->num_functions || (size != 4 && size != 8) || offset % size != 0 ||
	    offset >= MGT_REGS_SIZE) {
		amu_log(amu, REVERE_EMU_LOG_DEBUG,
			"access to no register: function %u, offset 0x%x, %u bytes", function,
			offset, size);
		return NULL;
	}
	return &amu->functions[function];
}

uint64_t
revere_emu_mgt_read(struct revere_emu *emu, unsigned int function, uint32_t offset,
		    unsigned int size)
{
	struct amu_function *f = regs_function(emu, function, offset, size);
	uint64_t value;

	if (f == NULL)
		return 0;
	/* Who polls for a response that is held back must find it when its time has come. */
	if (atomic_load(&emu->amu.mgt_pending))
		mgt_pump(&emu->amu);
	value = mgt_reg(f, offset & ~7u);
	return size == 8 ? value : (uint32_t)(value >> (offset % 8 * 8));
}

void
revere_emu_mgt_write(struct revere_emu *emu, unsigned int function, uint32_t offset,
		     unsigned int size, uint64_t value)
{
	struct amu_function *f = regs_function(emu, function, offset, size);
	struct amu *amu = &emu->amu;
	bool wake;

	if (f == NULL)
		return;
	mgt_lock(amu);
	regs_write(f, offset, size, value);
	mgt_run_ready(amu);
	wake = amu->mgt->wake;
	amu->mgt->wake = false;
	mgt_unlock(amu);
	if (wake)
		amu_wake(amu);
}
