/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management page and management rings of the emulated device: access rules of the registers,
 * commands and responses, exceptions, ERROR_STATE, digests and interrupts, Type B table,
 * mediation, reset, injected faults.
 */

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "emu_mgt.h"

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
setup_b(void **state)
{
	struct revere_emu_config config;
	struct mc *m = malloc(sizeof(*m));

	mc_config(&config);
	config.ami_type = RVR_AMI_TYPE_B;
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

static void
put_probe(struct mc *m, unsigned int f)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_probe_req_encode(msg, NULL, 0);
	mc_put(m, f, msg);
}

/* Sends a command that gets no response. */
static void
send_raw(struct mc *m, unsigned int f, uint16_t opcode)
{
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	rvr_msg_put(msg, 0, 15, 0, opcode);
	mc_put(m, f, msg);
	mc_doorbell(m, f);
}

/* ---- Registers --------------------------------------------------------------------------- */

static void
test_identification(void **state)
{
	struct mc *m = *state;
	uint64_t idr = mc_get(m, 0, RVR_AMU_IDR);

	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH), 3);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH), 8);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_SIZE), 8);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_NUM_RX_AMS_M1), 3);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_NUM_TX_AMS_M1), 3);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_ASN_PROF), 1);
	assert_int_equal(rvr_get(idr, RVR_AMU_IDR_TRACING), 1);
	assert_int_equal(rvr_get(mc_get(m, 0, RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV), 3);
	assert_int_equal(mc_get(m, 3, RVR_AMU_IDR), idr);
	for (uint32_t at = 0; at < 0x18; at += 8) {
		uint64_t value = mc_get(m, 0, at);

		mc_set(m, 0, at, ~value);
		assert_int_equal(mc_get(m, 0, at), value);
	}
}

/* Every writable register of the table keeps its writable bits and no others. */
static void
test_masks(void **state)
{
	static const struct rvr_reg rows[] = {RVR_MGT_REGS(RVR_REG_ROW_)};
	struct mc *m = *state;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].offset < RVR_MGT_RX_VECTOR)
			continue;
		for (unsigned int k = 0; k < rows[i].count; k++) {
			uint32_t at = rows[i].offset + k * rows[i].stride;
			uint64_t before = mc_get(m, 1, at);

			mc_set(m, 1, at, UINT64_MAX);
			assert_int_equal(mc_get(m, 1, at),
					 (before & ~rows[i].writable) | rows[i].writable);
			mc_set(m, 1, at, 0);
			assert_int_equal(mc_get(m, 1, at), before & ~rows[i].writable);
		}
	}
	assert_int_equal(mc_get(m, 1, RVR_MSK_CTRL), 0x60);
}

static void
test_cr_in_vf(void **state)
{
	struct mc *m = *state;

	mc_set(m, 1, RVR_AMU_CR, UINT64_MAX);
	assert_int_equal(mc_get(m, 1, RVR_AMU_CR), 0x60000);
	mc_set(m, 0, RVR_AMU_CR, UINT64_MAX);
	assert_int_equal(mc_get(m, 0, RVR_AMU_CR), 0x60003);
}

static void
test_no_register(void **state)
{
	static const uint32_t none[] = {0xa0,	0xf8,	0x1010, 0x1410, 0x1608,
					0x1c18, 0x1e18, 0x1ff8, 0x2000, 0xfff8, 0xfffffff8};
	struct mc *m = *state;

	for (unsigned int i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		mc_set(m, 0, none[i], UINT64_MAX);
		assert_int_equal(mc_get(m, 0, none[i]), 0);
	}
	/* No access that a bus makes: unaligned, other sizes, other Functions. */
	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR + 4, 8), 0);
	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR + 2, 4), 0);
	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR, 2), 0);
	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR, 0), 0);
	assert_int_equal(revere_emu_mgt_read(m->emu, 4, RVR_AMU_IDR, 8), 0);
	revere_emu_mgt_write(m->emu, 4, RVR_AMU_CR, 8, 1);
	revere_emu_mgt_write(m->emu, 0, RVR_AMU_CR, 1, 0);
	assert_int_equal(mc_get(m, 0, RVR_AMU_CR), 1);
}

static void
test_halves(void **state)
{
	struct mc *m = *state;
	uint64_t idr = mc_get(m, 0, RVR_AMU_IDR);

	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR, 4), (uint32_t)idr);
	assert_int_equal(revere_emu_mgt_read(m->emu, 0, RVR_AMU_IDR + 4, 4), idr >> 32);
	revere_emu_mgt_write(m->emu, 1, RVR_MSK_BASE_PTR, 4, 0x12345678ffffffff);
	assert_int_equal(mc_get(m, 1, RVR_MSK_BASE_PTR), 0xfffffff8);
	revere_emu_mgt_write(m->emu, 1, RVR_MSK_BASE_PTR + 4, 4, 0xabcd);
	assert_int_equal(mc_get(m, 1, RVR_MSK_BASE_PTR), 0xabcdfffffff8);
	/* A doorbell in halves: either order of halves executes the command once. */
	put_probe(m, 0);
	revere_emu_mgt_write(m->emu, 0, RVR_MGT_WRITE_INDEX_TX + 4, 4, 0);
	assert_null(mc_peek(m, 0, RVR_MGT_RX_RESPONSE));
	revere_emu_mgt_write(m->emu, 0, RVR_MGT_WRITE_INDEX_TX, 4, 1);
	revere_emu_mgt_write(m->emu, 0, RVR_MGT_WRITE_INDEX_TX + 4, 4, 0);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1);
	revere_emu_mgt_write(m->emu, 0, RVR_MGT_READ_INDEX_RX, 4, 1);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_RX), 1);
	/* ERROR_STATE: the half without the field doesn't clear it. */
	m->f[0].read[0] = 1;
	send_raw(m, 0, 5);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
	revere_emu_mgt_write(m->emu, 0, RVR_AMU_SR + 4, 4, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
	revere_emu_mgt_write(m->emu, 0, RVR_AMU_SR, 4, 0);
	assert_int_equal(mc_error(m, 0), 0);
}

/* ---- Commands and responses -------------------------------------------------------------- */

static void
test_ring_sizes(void **state)
{
	struct mc *m = *state;

	for (unsigned int log2_size = 0; log2_size <= 8; log2_size++) {
		mc_set(m, 0, RVR_AMU_CR, 0);
		mc_bring_up(m, 0, log2_size);
		/* Round the ring more than twice, one by one. */
		for (unsigned int i = 0; i < (2u << log2_size) + 3; i++)
			mc_probe(m, 0);
		/* And as many at once as it holds. */
		for (unsigned int i = 0; i < 1u << log2_size; i++)
			put_probe(m, 0);
		mc_doorbell(m, 0);
		assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1u << log2_size);
		assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), m->f[0].write);
		assert_int_equal(mc_error(m, 0), 0);
	}
}

/* Smaller response ring: commands stall, and go on with each response that is taken. */
static void
test_response_full(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	mc_set(m, 0, RVR_MSK_CTRL + 0x10 * RVR_MSK_RESPONSE, 0);
	for (unsigned int i = 0; i < 5; i++) {
		MC_REQ(pf_probe_aha, msg, .aha_id = i);
		mc_put(m, 0, msg);
	}
	mc_doorbell(m, 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), i + 1);
		assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1);
		memcpy(msg, m->mem + RVR_MSK_RESPONSE * MC_RING, sizeof(msg));
		assert_int_equal(rvr_msg_status(msg), i < 4 ? 0 : 1);
		mc_set(m, 0, RVR_MGT_READ_INDEX_RX, ++m->f[0].read[0]);
	}
	assert_int_equal(mc_error(m, 0), 0);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 0);
}

static void
test_invalid_commands(void **state)
{
	static const uint16_t invalid[] = {0, 5, 22, 28, 41, 42, 0x8001, 0xffff};
	struct mc *m = *state;

	for (unsigned int i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		send_raw(m, 0, invalid[i]);
		assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
		assert_null(mc_peek(m, 0, RVR_MGT_RX_RESPONSE));
		assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), m->f[0].write);
		/* Later commands run. */
		mc_probe(m, 0);
		mc_set(m, 0, RVR_AMU_SR, 1);
		assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
		mc_set(m, 0, RVR_AMU_SR, 0);
		assert_int_equal(mc_error(m, 0), 0);
	}
}

static void
test_pf_only(void **state)
{
#define ROW(CMD, cmd, opcode, text) {opcode, text},
	static const struct {
		uint16_t opcode;
		const char *name;
	} commands[] = {RVR_COMMANDS(ROW)};
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	mc_bring_up(m, 1, 2);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		bool pf = strncmp(commands[i].name, "PF-", 3) == 0;

		mc_set(m, 1, RVR_AMU_SR, 0);
		send_raw(m, 1, commands[i].opcode);
		assert_int_equal(mc_error(m, 1), pf ? RVR_ERROR_STATE_INVALID_COMMAND : 0);
		assert_int_equal(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg), !pf);
		assert_int_equal(mc_get(m, 1, RVR_MGT_READ_INDEX_TX), m->f[1].write);
	}
	assert_int_equal(mc_error(m, 0), 0);
}

/* Command rings that can't be: nothing outside them is touched, nothing consumed, all mendable. */
static void
test_command_faults(void **state)
{
	struct mc *m = *state;
	uint64_t write;

	mc_probe(m, 0);
	put_probe(m, 0);
	write = m->f[0].write;
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, write + 16);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_COMMAND_FAULT);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 1);
	mc_set(m, 0, RVR_AMU_SR, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_COMMAND_FAULT);
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, 0);
	mc_set(m, 0, RVR_MSK_BASE_PTR, MC_IOVA + MC_SIZE);
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, write);
	mc_set(m, 0, RVR_MSK_BASE_PTR, UINT64_MAX - 0x40);
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, write);
	mc_set(m, 0, RVR_MSK_CTRL, 9);
	mc_set(m, 0, RVR_MSK_BASE_PTR, mc_ring_iova(0, 0));
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, write);
	mc_set(m, 0, RVR_MSK_CTRL, 31);
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, write);
	assert_null(mc_peek(m, 0, RVR_MGT_RX_RESPONSE));
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 1);
	mc_set(m, 0, RVR_MSK_CTRL, 4);
	mc_set(m, 0, RVR_AMU_SR, 0);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1);
	assert_int_equal(mc_error(m, 0), 0);
}

static void
test_response_faults(void **state)
{
	struct mc *m = *state;
	uint32_t base = RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_RESPONSE;

	mc_set(m, 0, base, 0x1000);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_RESPONSE_FAULT);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 0);
	mc_set(m, 0, base, mc_ring_iova(0, RVR_MSK_RESPONSE));
	/* Software that reads ahead of the device. */
	mc_set(m, 0, RVR_MGT_READ_INDEX_RX, 1);
	mc_set(m, 0, RVR_AMU_SR, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_RESPONSE_FAULT);
	assert_int_equal(mc_get(m, 0, RVR_MGT_WRITE_INDEX_RX), 0);
	mc_set(m, 0, RVR_MGT_READ_INDEX_RX, 0);
	mc_set(m, 0, RVR_AMU_SR, 0);
	assert_int_equal(mc_error(m, 0), 0);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1);
}

/* A ring over two mappings that lie apart here: slots in pieces are whole for software. */
static void
test_ring_in_pieces(void **state)
{
	struct mc *m = *state;
	uint64_t iova = MC_IOVA + 2 * MC_SIZE;
	uint8_t *pieces = calloc(2, 0x1000);
	uint8_t msg[RVR_MGT_MSG_SIZE];

	/* Half of slot 0 at the end of the second piece, the rest at the start of the first. */
	assert_int_equal(revere_emu_dma_map(m->emu, 0, iova, pieces + 0x1000, 0x1000, 3), 0);
	assert_int_equal(revere_emu_dma_map(m->emu, 0, iova + 0x1000, pieces, 0x1000, 3), 0);
	for (unsigned int k = RVR_MSK_COMMAND; k <= RVR_MSK_RESPONSE; k++) {
		mc_set(m, 0, RVR_MSK_CTRL + 0x10 * k, 0);
		mc_set(m, 0, RVR_MSK_BASE_PTR + 0x10 * k, iova + 0x1000 - 32);
	}
	MC_REQ(pf_probe_aha, msg, .aha_id = 3);
	memcpy(pieces + 0x2000 - 32, msg, 32);
	memcpy(pieces, msg + 32, 32);
	mc_set(m, 0, RVR_MGT_WRITE_INDEX_TX, 1);
	assert_int_equal(mc_get(m, 0, RVR_MGT_WRITE_INDEX_RX), 1);
	memcpy(msg, pieces + 0x2000 - 32, 32);
	assert_int_equal(rvr_msg_opcode(msg), RVR_PF_PROBE_AHA);
	assert_int_equal(rvr_msg_get(msg, 8, 31, 20), RVR_AHA_DMA);
	assert_int_equal(revere_emu_dma_unmap(m->emu, 0, iova, 0x2000), 0x2000);
	free(pieces);
}

/* ---- AMU_EN and Bus Master Enable -------------------------------------------------------- */

static void
test_amu_en(void **state)
{
	struct mc *m = *state;

	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 1);
	send_raw(m, 0, 5);
	mc_set(m, 0, RVR_AMU_CR, 0);
	/* Stopped: what is written waits, indices stay. */
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 2);
	assert_null(mc_peek(m, 0, RVR_MGT_RX_RESPONSE));
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
	mc_bring_up(m, 0, 4);
	assert_int_equal(mc_error(m, 0), 0);
	for (uint32_t at = 0; at < 3 * 8; at += 8) {
		assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_RX + at), 0);
		assert_int_equal(mc_get(m, 0, RVR_MGT_WRITE_INDEX_RX + at), 0);
	}
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_WRITE_INDEX_TX), 0);
	/* Mappings have lasted. */
	assert_int_equal(MC(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 2), 2);
}

static void
test_bus_master(void **state)
{
	struct mc *m = *state;

	revere_emu_bus_master(m->emu, 0, false);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_null(mc_peek(m, 0, RVR_MGT_RX_RESPONSE));
	assert_int_equal(mc_error(m, 0), 0);
	revere_emu_bus_master(m->emu, 0, true);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_RESPONSE), 1);
	assert_int_equal(mc_error(m, 0), 0);
}

static void
test_unmapped_at_once(void **state)
{
	struct mc *m = *state;
	uint8_t before[RVR_MGT_MSG_SIZE];

	mc_probe(m, 0);
	memcpy(before, mc_slot(m, 0, RVR_MSK_RESPONSE, 1), sizeof(before));
	assert_int_equal(revere_emu_dma_unmap(m->emu, 0, MC_IOVA, MC_SIZE), MC_SIZE);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_RESPONSE_FAULT);
	assert_memory_equal(mc_slot(m, 0, RVR_MSK_RESPONSE, 1), before, sizeof(before));
	/* Readable memory alone isn't enough for a response. */
	assert_int_equal(revere_emu_dma_map(m->emu, 0, MC_IOVA, m->mem, MC_SIZE,
					    REVERE_EMU_PROT_READ), 0);
	mc_set(m, 0, RVR_AMU_SR, 0);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_RESPONSE_FAULT);
	assert_memory_equal(mc_slot(m, 0, RVR_MSK_RESPONSE, 1), before, sizeof(before));
}

/* ---- Exceptions -------------------------------------------------------------------------- */

/* Has the PF get an exception: FLR of VF 1. */
static void
raise_exception(struct mc *m)
{
	assert_int_equal(revere_emu_reset(m->emu, 1), 0);
}

static void
test_exceptions(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct rvr_e_pf_vf_reset exc;

	for (unsigned int i = 0; i < 40; i++) {
		raise_exception(m);
		assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
		assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_VF_RESET);
		rvr_e_pf_vf_reset_decode(msg, &exc);
		assert_int_equal(exc.source, 1);
	}
	assert_int_equal(mc_error(m, 0), 0);
	for (unsigned int i = 0; i < 16; i++)
		raise_exception(m);
	assert_int_equal(mc_error(m, 0), 0);
	raise_exception(m);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_EXCEPTION_FULL);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_EXCEPTION), 16);
	/* The first error stays. */
	send_raw(m, 0, 5);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_EXCEPTION_FULL);
	/* Room again: what comes is posted. */
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	raise_exception(m);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_EXCEPTION), 16);
}

static void
test_exception_faults(void **state)
{
	struct mc *m = *state;
	uint32_t base = RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION;

	mc_set(m, 0, base, 0x1000);
	raise_exception(m);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_EXCEPTION_FAULT);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_EXCEPTION), 0);
	mc_set(m, 0, RVR_AMU_SR, 0);
	mc_set(m, 0, base, mc_ring_iova(0, RVR_MSK_EXCEPTION));
	mc_set(m, 0, RVR_MGT_READ_INDEX_RX + 8, 1);
	raise_exception(m);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_EXCEPTION_FAULT);
	mc_set(m, 0, RVR_AMU_SR, 0);
	mc_set(m, 0, RVR_MGT_READ_INDEX_RX + 8, 0);
	/* Without AMU_EN it is lost, and no error. */
	mc_set(m, 0, RVR_AMU_CR, 0);
	raise_exception(m);
	assert_int_equal(mc_error(m, 0), 0);
}

/* ---- Digests and interrupts -------------------------------------------------------------- */

static uint64_t
irqs(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

static int
irq_open(struct mc *m, unsigned int f, unsigned int vector)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	assert_true(fd >= 0);
	assert_int_equal(revere_emu_irq_set(m->emu, f, vector, fd), 0);
	return fd;
}

static void
test_rx_digest(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	int fd = irq_open(m, 0, 3);

	mc_set(m, 0, RVR_MGT_RX_VECTOR, 3);
	mc_set(m, 0, RVR_MGT_RX_IRQ_CTRL, 1);
	/* Threshold 2 on the response ring. */
	mc_set(m, 0, RVR_MSK_CTRL + 0x10, rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, 4) |
						  rvr_prep(RVR_MSK_CTRL_THRESHOLD, 1));
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_RX_DIGEST), 0);
	assert_int_equal(irqs(fd), 0);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_RX_DIGEST), 1);
	assert_int_equal(irqs(fd), 1);
	raise_exception(m);
	assert_int_equal(mc_get(m, 0, RVR_MGT_RX_DIGEST), 3);
	assert_int_equal(irqs(fd), 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(mc_get(m, 0, RVR_MGT_RX_DIGEST), 2);
	/* Masked: nothing; unmasked: at once. */
	mc_set(m, 0, RVR_MGT_RX_DIGEST_MASK, 1);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_RX_DIGEST), 3);
	assert_int_equal(irqs(fd), 0);
	mc_set(m, 0, RVR_MGT_RX_DIGEST_MASK, 0);
	assert_int_equal(irqs(fd), 1);
	/* Switched off and on with something pending: at once. */
	mc_set(m, 0, RVR_MGT_RX_IRQ_CTRL, 0);
	assert_int_equal(irqs(fd), 0);
	mc_set(m, 0, RVR_MGT_RX_IRQ_CTRL, 1);
	assert_int_equal(irqs(fd), 1);
	close(fd);
	revere_emu_irq_set(m->emu, 0, 3, -1);
}

static void
test_tx_digest(void **state)
{
	struct mc *m = *state;
	int fd = irq_open(m, 0, 5);

	mc_set(m, 0, RVR_MGT_TX_VECTOR, 5);
	assert_int_equal(mc_get(m, 0, RVR_MGT_TX_DIGEST), 1);
	/* One response slot, sixteen commands: fifteen have to wait for it. */
	mc_set(m, 0, RVR_MSK_CTRL + 0x10, 0);
	mc_set(m, 0, RVR_MSK_CTRL, rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, 4) |
					   rvr_prep(RVR_MSK_CTRL_THRESHOLD, 1));
	mc_set(m, 0, RVR_MGT_TX_IRQ_CTRL, 1);
	assert_int_equal(irqs(fd), 1);
	for (unsigned int i = 0; i < 16; i++)
		put_probe(m, 0);
	mc_doorbell(m, 0);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 1);
	assert_int_equal(mc_get(m, 0, RVR_MGT_TX_DIGEST), 0);
	assert_int_equal(irqs(fd), 0);
	mc_set(m, 0, RVR_MGT_READ_INDEX_RX, 1);
	assert_int_equal(mc_get(m, 0, RVR_MGT_READ_INDEX_TX), 2);
	assert_int_equal(mc_get(m, 0, RVR_MGT_TX_DIGEST), 1);
	assert_int_equal(irqs(fd), 1);
	close(fd);
	revere_emu_irq_set(m->emu, 0, 5, -1);
}

static void
test_error_irq(void **state)
{
	struct mc *m = *state;
	int fd = irq_open(m, 0, 15);

	mc_set(m, 0, RVR_ERR_IRQ_CTRL, rvr_prep(RVR_ERR_IRQ_CTRL_VECTOR, 15));
	send_raw(m, 0, 5);
	assert_int_equal(irqs(fd), 0);
	mc_set(m, 0, RVR_AMU_SR, 0);
	mc_set(m, 0, RVR_ERR_IRQ_CTRL,
	       rvr_prep(RVR_ERR_IRQ_CTRL_ENABLE, 1) | rvr_prep(RVR_ERR_IRQ_CTRL_VECTOR, 15));
	send_raw(m, 0, 5);
	assert_int_equal(irqs(fd), 1);
	send_raw(m, 0, 5);
	assert_int_equal(irqs(fd), 0);
	/* A vector that isn't there is nothing to fall over. */
	mc_set(m, 0, RVR_AMU_SR, 0);
	mc_set(m, 0, RVR_ERR_IRQ_CTRL, 0x800000007fffffff);
	send_raw(m, 0, 5);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_INVALID_COMMAND);
	close(fd);
	revere_emu_irq_set(m->emu, 0, 15, -1);
}

/* ---- Type B ------------------------------------------------------------------------------ */

static uint64_t
word(const struct mc *m, uint32_t at)
{
	rvr_le64 value;

	memcpy(&value, m->mem + MC_FREE + at, sizeof(value));
	return rvr_le64_cpu(value);
}

static void
test_typeb(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	mc_probe(m, 0);
	mc_set(m, 0, RVR_MGT_TYPEB_BASE, MC_IOVA + MC_FREE);
	assert_int_equal(word(m, RVR_READ_INDEX_TX), 1);
	assert_int_equal(word(m, RVR_WRITE_INDEX_RX), 1);
	assert_int_equal(word(m, RVR_TX_DIGEST), 1);
	assert_int_equal(word(m, RVR_RX_DIGEST), 0);
	put_probe(m, 0);
	mc_doorbell(m, 0);
	raise_exception(m);
	assert_int_equal(word(m, RVR_READ_INDEX_TX), 2);
	assert_int_equal(word(m, RVR_WRITE_INDEX_RX), 2);
	assert_int_equal(word(m, RVR_WRITE_INDEX_RX + 8), 1);
	assert_int_equal(word(m, RVR_RX_DIGEST), 3);
	assert_true(mc_take(m, 0, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(word(m, RVR_RX_DIGEST), 2);
	mc_set(m, 0, RVR_AMU_CR, 0);
	mc_set(m, 0, RVR_AMU_CR, 1);
	assert_int_equal(word(m, RVR_WRITE_INDEX_RX), 0);
	/* No memory there: an error, and commands still run. */
	mc_rings(m, 0, 4);
	mc_set(m, 0, RVR_MGT_TYPEB_BASE, 0x1000);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_MGT_TYPEB_FAULT);
	mc_probe(m, 0);
}

static void
test_typeb_not_a(void **state)
{
	struct mc *m = *state;

	mc_set(m, 0, RVR_MGT_TYPEB_BASE, MC_IOVA + MC_FREE);
	mc_probe(m, 0);
	assert_int_equal(word(m, RVR_READ_INDEX_TX), 0);
	assert_int_equal(mc_error(m, 0), 0);
}

/* ---- VFs: enabling, mediation, reset ----------------------------------------------------- */

static void
test_vf_enable(void **state)
{
	struct mc *m = *state;

	mc_bring_up(m, 1, 2);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_null(mc_peek(m, 1, RVR_MGT_RX_RESPONSE));
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	assert_int_equal(mc_waiting(m, 1, RVR_MGT_RX_RESPONSE), 1);
	MC_OK(m, 0, pf_f_disable, .f_owner = 1);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_int_equal(mc_waiting(m, 1, RVR_MGT_RX_RESPONSE), 1);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	assert_int_equal(mc_waiting(m, 1, RVR_MGT_RX_RESPONSE), 2);
	/* The PF's AMU_EN stops VFs, and leaves their indices. */
	mc_set(m, 0, RVR_AMU_CR, 0);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_int_equal(mc_waiting(m, 1, RVR_MGT_RX_RESPONSE), 2);
	mc_set(m, 0, RVR_AMU_CR, 1);
	assert_int_equal(mc_waiting(m, 1, RVR_MGT_RX_RESPONSE), 3);
}

static void
trap_vf1(struct mc *m)
{
	mc_bring_up(m, 1, 2);
	MC_OK(m, 0, pf_f_trap_configure, .f_owner = 1, .enable = 1);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
}

/* The response of a mediator: a message from its OPCODE on, at 0x4. */
static uint16_t
trap_respond(struct mc *m, unsigned int f, const uint8_t rsp[RVR_MGT_MSG_SIZE])
{
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	rvr_msg_put(msg, 0, 15, 0, RVR_PF_F_TRAP_RESP);
	rvr_msg_put(msg, 0, 31, 16, f);
	memcpy(msg + 4, rsp, sizeof(msg) - 4);
	return mc_command(m, 0, msg);
}

static void
test_trap(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE];
	const struct rvr_f_ami_sw_save_rsp save = {.pasid = 0x12345, .rx_vector = 7,
						   .typeb_tbl_base = 0xabc000};
	struct rvr_f_ami_sw_configure_req req;
	struct rvr_f_ami_sw_save_rsp got;
	struct rvr_pf_f_disable_rsp disabled;

	trap_vf1(m);
	assert_int_equal(trap_respond(m, 1, (uint8_t[RVR_MGT_MSG_SIZE]){0}), 1);
	MC_REQ(f_ami_sw_configure, msg, .ami_sw_id = 5, .pasid = 9, .typeb_tbl_base = 0x7000);
	mc_put(m, 1, msg);
	MC_REQ(f_ami_sw_save, msg, .ami_sw_id = 6);
	mc_put(m, 1, msg);
	mc_doorbell(m, 1);
	/* One at a time. */
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_EXCEPTION), 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	assert_int_equal(rvr_msg_opcode(exc), RVR_E_PF_TRAPPED_CMD);
	assert_int_equal(rvr_msg_status(exc), 1);
	assert_int_equal(rvr_msg_get(exc, 4, 15, 0), RVR_F_AMI_SW_CONFIGURE);
	memcpy(msg, exc + 4, sizeof(msg) - 4);
	rvr_f_ami_sw_configure_req_decode(msg, &req);
	assert_int_equal(req.ami_sw_id, 5);
	assert_int_equal(req.pasid, 9);
	assert_int_equal(req.typeb_tbl_base, 0x7000);
	assert_null(mc_peek(m, 1, RVR_MGT_RX_RESPONSE));
	rvr_f_ami_sw_configure_rsp_encode(msg, NULL, 2);
	assert_int_equal(trap_respond(m, 1, msg), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_F_AMI_SW_CONFIGURE);
	assert_int_equal(rvr_msg_status(msg), 2);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	assert_int_equal(rvr_msg_get(exc, 4, 15, 0), RVR_F_AMI_SW_SAVE);
	rvr_f_ami_sw_save_rsp_encode(msg, &save, 0);
	assert_int_equal(trap_respond(m, 1, msg), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	rvr_f_ami_sw_save_rsp_decode(msg, &got);
	assert_memory_equal(&got, &save, sizeof(got));
	/* No command waits for an answer any more; no such Function; the PF itself. */
	assert_int_equal(trap_respond(m, 1, msg), 1);
	assert_int_equal(trap_respond(m, 9, msg), 1);
	assert_int_equal(trap_respond(m, 0, msg), 1);
	MC_RSP(m, 0, pf_f_disable, &disabled, .f_owner = 1);
	assert_int_equal(disabled.trap_config, 1);
	MC_OK(m, 0, pf_f_trap_configure, .f_owner = 1);
	MC_RSP(m, 0, pf_f_disable, &disabled, .f_owner = 1);
	assert_int_equal(disabled.trap_config, 0);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	mc_probe(m, 1);
}

/* Trapped commands wait for room in the PF's exception ring; none is lost. */
static void
test_trap_exceptions_full(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	trap_vf1(m);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(revere_emu_reset(m->emu, 2), 0);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_int_equal(mc_get(m, 1, RVR_MGT_READ_INDEX_TX), 0);
	assert_int_equal(mc_error(m, 0), 0);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(mc_get(m, 1, RVR_MGT_READ_INDEX_TX), 1);
	for (unsigned int i = 0; i < 16; i++)
		assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_TRAPPED_CMD);
}

/* PF-F-TRAP-RESP with the extension, for the command of an exception. */
static uint16_t
trap_act(struct mc *m, unsigned int f, const uint8_t exc[RVR_MGT_MSG_SIZE],
	 enum rvr_trap_action action)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	memcpy(msg, exc, sizeof(msg));
	rvr_msg_put(msg, 0, 15, 0, RVR_PF_F_TRAP_RESP);
	rvr_msg_put(msg, 0, 31, 16, f);
	rvr_msg_put(msg, 4, 31, 16, 0);
	rvr_msg_put(msg, RVR_TRAP_RESP_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
	rvr_msg_put(msg, RVR_TRAP_RESP_ACTION_OFFSET, 15, 0,
		    rvr_msg_get(exc, RVR_TRAP_NUMBER_OFFSET, 31, 16));
	rvr_msg_put(msg, RVR_TRAP_RESP_ACTION_OFFSET, 31, 16, action);
	return mc_command(m, 0, msg);
}

/* The device executes what was trapped, into the VF's memory too. */
static void
test_trap_execute(void **state)
{
	const uint64_t at = MC_IOVA + MC_SIZE - 4096;
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE];

	trap_vf1(m);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 2, .f_owner = 1);
	MC_REQ(f_get_ami_map, msg, .ami_map_base = at);
	mc_put(m, 1, msg);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	assert_int_not_equal(rvr_msg_get(exc, RVR_TRAP_NUMBER_OFFSET, 31, 16), 0);
	assert_int_equal(m->mem[MC_SIZE - 4096], 0);
	assert_int_equal(trap_act(m, 1, exc, 77), 1);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_F_GET_AMI_MAP);
	assert_int_equal(rvr_msg_status(msg), 0);
	assert_int_equal(m->mem[MC_SIZE - 4096], 1);
	/* Once. */
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE), 1);
	assert_null(mc_peek(m, 1, RVR_MGT_RX_RESPONSE));
}

/* The PF alters a command: its fields, not what it is. */
static void
test_trap_execute_this(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE];
	struct rvr_f_ami_sw_save_rsp save;

	trap_vf1(m);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 3, .ami_sw_id = 2, .f_owner = 1);
	MC_REQ(f_ami_sw_configure, msg, .ami_sw_id = 2, .rx_vector = 9, .rx_irq_enable = 1);
	mc_put(m, 1, msg);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	rvr_msg_put(exc, 4, 15, 0, RVR_PF_AMI_SW_UNMAP);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE_THIS), 1);
	rvr_msg_put(exc, 4, 15, 0, RVR_F_AMI_SW_CONFIGURE);
	rvr_msg_put(exc, 4 + 0x10, 31, 31, 0);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE_THIS), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_status(msg), 0);
	MC_REQ(f_ami_sw_save, msg, .ami_sw_id = 2);
	mc_put(m, 1, msg);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	rvr_f_ami_sw_save_rsp_decode(msg, &save);
	assert_int_equal(save.rx_vector, 9);
	assert_int_equal(save.rx_irq_enable, 0);
}

/* An answer to a command of before a reset isn't that to the first one after it. */
static void
test_trap_reset(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE], next[RVR_MGT_MSG_SIZE];

	trap_vf1(m);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	assert_int_equal(revere_emu_reset(m->emu, 1), 0);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_VF_RESET);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_RESPOND), 1);
	mc_bring_up(m, 1, 2);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, next));
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_RESPOND), 1);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE), 1);
	assert_null(mc_peek(m, 1, RVR_MGT_RX_RESPONSE));
	assert_int_equal(trap_act(m, 1, next, RVR_TRAP_EXECUTE), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_status(msg), 0);
}

/* A PF that starts anew is told again of what waits; its exception ring may come late. */
static void
test_trap_pf_restart(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE], exc[RVR_MGT_MSG_SIZE];

	trap_vf1(m);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, exc));
	mc_set(m, 0, RVR_AMU_CR, 0);
	mc_set(m, 0, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION, 0);
	mc_set(m, 0, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1));
	mc_rings(m, 0, 4);
	assert_int_equal(mc_error(m, 0), 0);
	mc_probe(m, 0);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_TRAPPED_CMD);
	assert_int_equal(trap_act(m, 1, exc, RVR_TRAP_EXECUTE), 1);
	assert_int_equal(trap_act(m, 1, msg, RVR_TRAP_EXECUTE), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_F_PROBE);
}

static void
trap_set_request(uint8_t msg[RVR_MGT_MSG_SIZE], uint64_t set)
{
	MC_REQ(pf_f_trap_configure, msg, .f_owner = 1, .enable = 1);
	rvr_msg_put(msg, RVR_TRAP_SET_OFFSET, 63, 0, set);
	rvr_msg_put(msg, RVR_TRAP_SET_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
}

/* Commands that aren't in the set are executed. */
static void
test_trap_set(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	mc_bring_up(m, 1, 2);
	trap_set_request(msg, UINT64_C(1) << RVR_F_AMI_SW_SAVE);
	assert_int_equal(mc_command(m, 0, msg), 0);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	mc_probe(m, 1);
	MC_REQ(f_ami_sw_save, msg, .ami_sw_id = 2);
	mc_put(m, 1, msg);
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(trap_act(m, 1, msg, RVR_TRAP_EXECUTE), 0);
	assert_true(mc_take(m, 1, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_status(msg), RVR_ST_F_AMI_SW_SAVE_AMI_SW_INVALID);
	/* Another set, while the VF stands still. */
	trap_set_request(msg, 0);
	assert_int_equal(mc_command(m, 0, msg), 2);
	MC_OK(m, 0, pf_f_disable, .f_owner = 1);
	trap_set_request(msg, 0);
	assert_int_equal(mc_command(m, 0, msg), 0);
	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	assert_int_equal(MC(m, 1, f_ami_sw_save, .ami_sw_id = 2), 1);
}

/* An exception ring that can't be used is an error of the PF's, and not the end of a command. */
static void
test_trap_ring_fault(void **state)
{
	struct mc *m = *state;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	trap_vf1(m);
	mc_set(m, 0, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION, 0);
	put_probe(m, 1);
	mc_doorbell(m, 1);
	assert_int_equal(mc_error(m, 0), RVR_ERROR_STATE_EXCEPTION_FAULT);
	mc_set(m, 0, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION,
	       mc_ring_iova(0, RVR_MSK_EXCEPTION));
	mc_doorbell(m, 1);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_TRAPPED_CMD);
}

static void
test_trap_invalid(void **state)
{
	struct mc *m = *state;

	trap_vf1(m);
	send_raw(m, 1, RVR_PF_PROBE);
	assert_int_equal(mc_error(m, 1), RVR_ERROR_STATE_INVALID_COMMAND);
	assert_int_equal(mc_waiting(m, 0, RVR_MGT_RX_EXCEPTION), 0);
}

static void
test_vf_reset(void **state)
{
	struct mc *m = *state;
	struct rvr_f_ami_sw_save_rsp save;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	mc_bring_up(m, 2, 2);
	MC_OK(m, 0, pf_f_enable, .f_owner = 2);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 6, .ami_sw_id = 1, .f_owner = 2);
	MC_OK(m, 2, f_ami_sw_configure, .ami_sw_id = 1, .pasid = 77);
	MC_OK(m, 2, f_ami_sw_enable, .ami_sw_id = 1);
	send_raw(m, 2, 5);
	assert_int_equal(revere_emu_reset(m->emu, 2), 0);
	assert_true(mc_take(m, 0, RVR_MGT_RX_EXCEPTION, msg));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_VF_RESET);
	assert_int_equal(rvr_msg_get(msg, 4, 15, 0), 2);
	assert_int_equal(mc_error(m, 2), 0);
	assert_int_equal(mc_get(m, 2, RVR_MSK_BASE_PTR), 0);
	assert_int_equal(mc_get(m, 2, RVR_MGT_READ_INDEX_TX), 0);
	/* Bus mastering is off, the AMI is mapped still, disabled and as new. */
	mc_rings(m, 2, 2);
	put_probe(m, 2);
	mc_doorbell(m, 2);
	assert_null(mc_peek(m, 2, RVR_MGT_RX_RESPONSE));
	revere_emu_bus_master(m->emu, 2, true);
	assert_true(mc_take(m, 2, RVR_MGT_RX_RESPONSE, msg));
	MC_RSP(m, 2, f_ami_sw_save, &save, .ami_sw_id = 1);
	assert_int_equal(save.pasid, 0);
	MC_OK(m, 2, f_ami_sw_configure, .ami_sw_id = 1);
}

static void
test_pf_reset(void **state)
{
	struct mc *m = *state;

	MC_OK(m, 0, pf_f_enable, .f_owner = 1);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 1, .ami_sw_id = 1, .f_owner = 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 2, .ami_hw_id = 4, .f_owner = 1);
	MC_OK(m, 0, pf_asn_create, .asn_id = 5, .src_phy_ami_id = 1, .dst_phy_ami_id = 2,
	      .dst_ami_type = RVR_END_AMI_HW, .dst_aha_id = 3, .log2_msg_length = 3);
	assert_int_equal(revere_emu_reset(m->emu, 0), 0);
	assert_int_equal(mc_get(m, 0, RVR_AMU_CR), 0);
	mc_bring_up(m, 0, 4);
	/* As after power-up, with 16 slots in all rings. */
	assert_int_equal(MC(m, 0, pf_f_trap_configure, .f_owner = 1), 0);
	MC_OK(m, 0, pf_ami_sw_map, .phy_ami_sw_id = 1, .ami_sw_id = 1, .f_owner = 1);
	MC_OK(m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 2, .ami_hw_id = 4, .f_owner = 1);
	MC_OK(m, 0, pf_asn_create, .asn_id = 5, .src_phy_ami_id = 1, .dst_phy_ami_id = 2,
	      .dst_ami_type = RVR_END_AMI_HW, .dst_aha_id = 3, .log2_msg_length = 3);
}

/* ---- Injected faults --------------------------------------------------------------------- */

static void
open_faulty(struct mc *m, const char *key, const char *value)
{
	struct revere_emu_config config;

	mc_config(&config);
	assert_int_equal(revere_emu_config_set(&config, key, value, NULL, 0), 0);
	mc_open(m, &config);
}

static void
test_response_late(void **state)
{
	struct timespec ms = {.tv_nsec = 25000000};
	struct mc m;

	(void)state;
	open_faulty(&m, "faults.response_late_us", "20000");
	put_probe(&m, 0);
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	assert_int_equal(mc_get(&m, 0, RVR_MGT_READ_INDEX_TX), 2);
	assert_int_equal(mc_waiting(&m, 0, RVR_MGT_RX_RESPONSE), 0);
	nanosleep(&ms, NULL);
	assert_int_equal(mc_waiting(&m, 0, RVR_MGT_RX_RESPONSE), 2);
	/* Held back when the AMU goes off and on: gone with the indices. */
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	mc_set(&m, 0, RVR_AMU_CR, 0);
	mc_bring_up(&m, 0, 0);
	nanosleep(&ms, NULL);
	assert_int_equal(mc_waiting(&m, 0, RVR_MGT_RX_RESPONSE), 0);
	/* One slot: the response that is held back has it. */
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	assert_int_equal(mc_get(&m, 0, RVR_MGT_READ_INDEX_TX), 1);
	mc_close(&m);
}

static void
test_response_lost(void **state)
{
	unsigned int lost;
	struct mc m;

	(void)state;
	open_faulty(&m, "faults.response_lost", "4");
	mc_rings(&m, 0, 8);
	for (unsigned int i = 0; i < 200; i++)
		put_probe(&m, 0);
	mc_doorbell(&m, 0);
	assert_int_equal(mc_get(&m, 0, RVR_MGT_READ_INDEX_TX), 200);
	lost = 200 - (unsigned int)mc_waiting(&m, 0, RVR_MGT_RX_RESPONSE);
	assert_in_range(lost, 20, 90);
	mc_close(&m);
}

static void
test_response_wrong(void **state)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct mc m;

	(void)state;
	open_faulty(&m, "faults.response_wrong_op", "1");
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	assert_true(mc_take(&m, 0, RVR_MGT_RX_RESPONSE, msg));
	assert_int_not_equal(rvr_msg_opcode(msg), RVR_F_PROBE);
	mc_close(&m);
}

static void
test_command_stuck(void **state)
{
	struct mc m;

	(void)state;
	open_faulty(&m, "faults.command_stuck", "3");
	mc_probe(&m, 0);
	mc_probe(&m, 0);
	put_probe(&m, 0);
	mc_doorbell(&m, 0);
	assert_int_equal(mc_get(&m, 0, RVR_MGT_READ_INDEX_TX), 2);
	assert_null(mc_peek(&m, 0, RVR_MGT_RX_RESPONSE));
	mc_close(&m);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_identification),
		TEST(test_masks),
		TEST(test_cr_in_vf),
		TEST(test_no_register),
		TEST(test_halves),
		TEST(test_ring_sizes),
		TEST(test_response_full),
		TEST(test_invalid_commands),
		TEST(test_pf_only),
		TEST(test_command_faults),
		TEST(test_response_faults),
		TEST(test_ring_in_pieces),
		TEST(test_amu_en),
		TEST(test_bus_master),
		TEST(test_unmapped_at_once),
		TEST(test_exceptions),
		TEST(test_exception_faults),
		TEST(test_rx_digest),
		TEST(test_tx_digest),
		TEST(test_error_irq),
		cmocka_unit_test_setup_teardown(test_typeb, setup_b, teardown),
		TEST(test_typeb_not_a),
		TEST(test_vf_enable),
		TEST(test_trap),
		TEST(test_trap_exceptions_full),
		TEST(test_trap_execute),
		TEST(test_trap_execute_this),
		TEST(test_trap_reset),
		TEST(test_trap_pf_restart),
		TEST(test_trap_set),
		TEST(test_trap_ring_fault),
		TEST(test_trap_invalid),
		TEST(test_vf_reset),
		TEST(test_pf_reset),
		cmocka_unit_test(test_response_late),
		cmocka_unit_test(test_response_lost),
		cmocka_unit_test(test_response_wrong),
		cmocka_unit_test(test_command_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
