/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Cases for the data path of the emulator: order, wrap-around, back-pressure, overwriting,
 * priorities, digests, interrupts, faults and their isolation, memory that comes and goes, the
 * inversion agent and the DMA agent. All through registers and rings.
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "emu_client.h"
#include "emu_switch_cases.h"
#include "kernel.h"

#define MEMORY ((size_t)64 << 20)
#define WAIT_NS UINT64_C(20000000000)
#define QUIET_NS UINT64_C(3000000) /* after so long without a message there is none */
#define INVERSION 0
#define DMA 3

static struct revere_emu_config config;

static void
device_open(struct ec *c)
{
	ec_open(c, &config, MEMORY);
}

static int
setup(void **state)
{
	struct ec *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	device_open(c);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	ec_close(*state);
	free(*state);
	return 0;
}

/** Another device in place of the test's, with `config` as it is now. */
static void
reopen(struct ec *c)
{
	ec_close(c);
	device_open(c);
}

static void
defaults(enum revere_emu_mode mode, unsigned int workers)
{
	revere_emu_config_init(&config);
	config.mode = mode;
	config.workers = workers;
}

static void
assert_message(const uint8_t *msg, uint64_t value, uint32_t bytes, bool inverted)
{
	assert_non_null(msg);
	for (uint32_t at = 0; at < bytes; at += RVR_DW) {
		uint64_t dw;

		memcpy(&dw, msg + at, sizeof(dw));
		assert_int_equal(inverted ? ~dw : dw, value + at);
	}
}

/** Sends `count` messages and takes them off the other ring, in order. */
static void
stream(struct ec_ring *tx, struct ec_ring *rx, unsigned int count, bool inverted)
{
	uint32_t bytes = tx->bytes < rx->bytes ? tx->bytes : rx->bytes;
	unsigned int sent = 0, got = 0;
	uint64_t end = ec_now() + WAIT_NS;

	while (got < count) {
		while (sent < count && ec_room(tx) && sent - got < 300)
			assert_true(ec_send(tx, (uint64_t)sent++ << 32));
		ec_kick(tx->c);
		while (ec_waiting(rx) > 0) {
			assert_message(ec_slot(rx, rx->index), (uint64_t)got++ << 32, bytes,
				       inverted);
			ec_taken(rx);
		}
		assert_true(ec_now() < end);
	}
}

/** One AMI-SW whose TX socket 0 leads to its own RX socket 0. */
static void
loopback(struct ec *c, unsigned int ami, unsigned int log2_size, uint32_t bytes, uint64_t start,
	 struct ec_ring *tx, struct ec_ring *rx)
{
	ec_sw_map(c, ami);
	ec_session(c, ami, EC_SW(ami, 0), EC_SW(ami, 0), bytes, 0);
	*tx = ec_ring(c, ami, 0, true, log2_size, bytes, start);
	*rx = ec_ring(c, ami, 0, false, log2_size, bytes, start);
	ec_sw_enable(c, ami);
}

/** An AMI-SW and an agent's AMI-HW, with sessions there and back. */
static void
agent_pair(struct ec *c, unsigned int ami, unsigned int aha, unsigned int log2_size,
	   uint32_t tx_bytes, uint32_t rx_bytes, struct ec_ring *tx, struct ec_ring *rx)
{
	ec_sw_map(c, ami);
	ec_hw_up(c, aha, ami, ami);
	ec_session(c, 100 + 2 * ami, EC_SW(ami, 0), EC_HW(aha, ami, 0), tx_bytes, 0);
	ec_session(c, 101 + 2 * ami, EC_HW(aha, ami, 0), EC_SW(ami, 0), rx_bytes, 0);
	*tx = ec_ring(c, ami, 0, true, log2_size, tx_bytes, 0);
	*rx = ec_ring(c, ami, 0, false, log2_size, rx_bytes, 0);
	ec_sw_enable(c, ami);
}

/** Waits until a word of an AMI-SW page has a value. */
static void
assert_word(struct ec *c, unsigned int ami, uint32_t offset, uint64_t value)
{
	uint64_t end = ec_now() + WAIT_NS;

	while (atomic_load(ec_word(c, ami, offset)) != value && ec_now() < end)
		ec_kick(c);
	assert_int_equal(atomic_load(ec_word(c, ami, offset)), value);
}

static void
assert_ring_fault(struct ec *c, unsigned int ami, unsigned int ams)
{
	struct rvr_e_f_ami_ring_fault fault;
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 };

	assert_true(ec_exception(c, msg, WAIT_NS));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	rvr_e_f_ami_ring_fault_decode(msg, &fault);
	assert_int_equal(fault.ami_id, ami);
	assert_int_equal(fault.ams_id, ams);
}

static void
settle(struct ec *c, uint64_t ns)
{
	uint64_t end = ec_now() + ns;

	do {
		ec_kick(c);
	} while (ec_now() < end);
}

/* ---- Rings ------------------------------------------------------------------------------- */

static void
test_message_lengths(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;
	unsigned int ami = 0;

	for (uint32_t bytes = 64; bytes <= 2048; bytes *= 2, ami++) {
		loopback(c, ami, 4, bytes, 0, &tx, &rx);
		stream(&tx, &rx, 100, false);
		ami++;
		agent_pair(c, ami, INVERSION, 4, bytes, bytes, &tx, &rx);
		stream(&tx, &rx, 100, true);
	}
}

static void
test_ring_sizes(void **state)
{
	static const unsigned int sizes[] = { 0, 1, 3, 8, 13, 16 };
	struct ec *c = *state;
	struct ec_ring tx, rx;

	for (unsigned int n = 0; n < 6; n++) {
		loopback(c, n, sizes[n], 64, 0, &tx, &rx);
		stream(&tx, &rx, 500, false);
	}
}

static void
test_index_wrap(void **state)
{
	static const uint64_t starts[] = { UINT64_MAX - 20, UINT32_MAX - UINT64_C(20),
					   INT64_MAX - UINT64_C(20) };
	struct ec *c = *state;
	struct ec_ring tx, rx;

	for (unsigned int n = 0; n < 3; n++) {
		loopback(c, n, 3, 128, starts[n], &tx, &rx);
		stream(&tx, &rx, 100, false);
		assert_int_equal(atomic_load(rx.write), starts[n] + 100);
	}
}

static void
test_back_pressure(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	loopback(c, 0, 3, 64, 0, &tx, &rx);
	for (unsigned int n = 0; n < 16; n++)
		assert_true(ec_send(&tx, n));
	settle(c, QUIET_NS);
	assert_int_equal(ec_waiting(&rx), 8);
	assert_int_equal(atomic_load(tx.read), 8); /* the sender's ring is full now */
	for (unsigned int n = 0; n < 16; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), n, 64, false);
		ec_taken(&rx);
	}
	assert_null(ec_receive(&rx, QUIET_NS));
	/* The same with an agent between. */
	agent_pair(c, 1, INVERSION, 3, 64, 64, &tx, &rx);
	for (unsigned int n = 0; n < 16; n++)
		assert_true(ec_send(&tx, n));
	settle(c, QUIET_NS);
	assert_int_equal(ec_waiting(&rx), 8);
	for (unsigned int n = 0; n < 16; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), n, 64, true);
		ec_taken(&rx);
	}
}

static void
test_overwriting(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	ec_sw_map(c, 0);
	ec_session(c, 0, EC_SW(0, 0), EC_SW(0, 0), 64, 0);
	tx = ec_ring(c, 0, 0, true, 3, 64, 0);
	rx = ec_ring(c, 0, 0, false, 2, 64, 0);
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 0, .ams_type = RVR_AMS_RX,
	      .log2_size = 2, .rx_mode = RVR_RX_OVERWRITE, .ring_base = ec_iova(c, rx.base));
	ec_sw_enable(c, 0);
	for (unsigned int n = 0; n < 100; n++)
		assert_true(ec_send(&tx, (uint64_t)n << 32));
	assert_word(c, 0, RVR_WRITE_INDEX_RX, 100);
	/* The reader knows by the indices that it lost 96. */
	rx.index = 96;
	for (unsigned int n = 96; n < 100; n++) {
		assert_message(ec_slot(&rx, n), (uint64_t)n << 32, 64, false);
		ec_taken(&rx);
	}
}

static void
test_pieces(void **state)
{
	struct ec *c = *state;
	const uint64_t iova = UINT64_C(0x100000000000);
	uint8_t *memory = ec_alloc(c, 16 * 4096, 4096), *ring;
	struct ec_ring tx, rx;

	/* Pages in reverse order, and a base such that slots lie across their borders. */
	for (unsigned int n = 0; n < 16; n++)
		assert_int_equal(revere_emu_dma_map(c->emu, 0, iova + n * 4096,
						    memory + (15 - n) * 4096, 4096, 3), 0);
	ec_sw_map(c, 0);
	ec_session(c, 0, EC_SW(0, 0), EC_SW(0, 0), 128, 0);
	ec_session(c, 1, EC_SW(0, 1), EC_SW(0, 1), 128, 0);
	tx = ec_ring(c, 0, 0, true, 6, 128, 0);
	rx = ec_ring(c, 0, 1, false, 6, 128, 0);
	/* Contiguous to pieces on socket 0, pieces to contiguous on socket 1. */
	for (unsigned int n = 0; n < 2; n++)
		EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = n, .ams_type = n,
		      .log2_size = 6, .ring_base = iova + 0x1008 + n * 0x4000);
	ec_sw_enable(c, 0);
	for (unsigned int n = 0; n < 64; n++)
		assert_true(ec_send(&tx, (uint64_t)n << 32));
	assert_word(c, 0, RVR_WRITE_INDEX_RX, 64);
	for (unsigned int at = 0; at < 64 * 128; at += 8) {
		uint64_t offset = 0x1008 + at;
		uint64_t dw;

		ring = memory + (15 - offset / 4096) * 4096 + offset % 4096;
		memcpy(&dw, ring, 8);
		assert_int_equal(dw, ((uint64_t)(at / 128) << 32) + at % 128);
		offset += 0x4000;
		memcpy(memory + (15 - offset / 4096) * 4096 + offset % 4096, &dw, 8);
	}
	atomic_store(ec_word(c, 0, RVR_WRITE_INDEX_TX + 8), 64);
	for (unsigned int n = 0; n < 64; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), (uint64_t)n << 32, 128, false);
		ec_taken(&rx);
	}
}

static void
test_sva_rings(void **state)
{
	struct ec *c = *state;
	uint8_t *own = aligned_alloc(64, 4096);
	struct ec_ring tx, rx;

	need_kernel_copies();
	assert_non_null(own);
	memset(own, 0, 4096); /* valgrind doesn't know what writes to it */
	assert_int_equal(revere_emu_sva(c->emu, 0, true), 0);
	ec_sw_map(c, 0);
	ec_session(c, 0, EC_SW(0, 0), EC_SW(0, 0), 64, 0);
	tx = ec_ring(c, 0, 0, true, 4, 64, 0);
	rx = ec_ring_at(c, 0, 0, false, 4, 64, own);
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 0, .ams_type = RVR_AMS_RX,
	      .log2_size = 4, .ring_base = (uint64_t)(uintptr_t)own);
	ec_sw_enable(c, 0);
	stream(&tx, &rx, 100, false);
	free(own);
}

/* ---- Several sessions -------------------------------------------------------------------- */

static void
test_chain(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	/* Software, three AMI-HWs of the inversion agent in a row, software. */
	ec_sw_map(c, 0);
	for (unsigned int n = 0; n < 3; n++)
		ec_hw_up(c, INVERSION, n, n);
	ec_session(c, 0, EC_SW(0, 0), EC_HW(INVERSION, 0, 2), 256, 0);
	ec_session(c, 1, EC_HW(INVERSION, 0, 2), EC_HW(INVERSION, 1, 1), 256, 3);
	ec_session(c, 2, EC_HW(INVERSION, 1, 1), EC_HW(INVERSION, 2, 0), 256, 15);
	ec_session(c, 3, EC_HW(INVERSION, 2, 0), EC_SW(0, 7), 256, 0);
	tx = ec_ring(c, 0, 0, true, 8, 256, 0);
	rx = ec_ring(c, 0, 7, false, 2, 256, 0);
	ec_sw_enable(c, 0);
	stream(&tx, &rx, 1000, true);
}

static void
test_answer_by_another(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	/* AMI-HW 1 receives, AMI-HW 0 has the session back, of another length. */
	ec_sw_map(c, 0);
	ec_hw_up(c, INVERSION, 0, 0);
	ec_hw_up(c, INVERSION, 1, 1);
	ec_session(c, 0, EC_SW(0, 0), EC_HW(INVERSION, 1, 0), 64, 0);
	tx = ec_ring(c, 0, 0, true, 3, 64, 0);
	rx = ec_ring(c, 0, 5, false, 3, 128, 0);
	ec_sw_enable(c, 0);
	assert_true(ec_send(&tx, 1));
	assert_null(ec_receive(&rx, QUIET_NS)); /* no way back: the request waits */
	ec_session(c, 1, EC_HW(INVERSION, 0, 3), EC_SW(0, 5), 128, 0);
	assert_message(ec_receive(&rx, WAIT_NS), 1, 64, true);
	for (unsigned int n = 64; n < 128; n++)
		assert_int_equal(ec_slot(&rx, 0)[n], 0);
	ec_taken(&rx);
	stream(&tx, &rx, 50, true);
	/* It goes away again, and comes back. */
	EC_OK(c, pf_asn_destroy, .asn_id = 1);
	assert_true(ec_send(&tx, 2));
	assert_null(ec_receive(&rx, QUIET_NS));
	ec_session(c, 2, EC_HW(INVERSION, 1, 0), EC_SW(0, 5), 128, 0);
	assert_message(ec_receive(&rx, WAIT_NS), 2, 64, true);
}

#define RACE 512u /* messages of each of two rings that are full at once */

/**
 * Two AMI-SWs send to the DMA agent at once. Each message of the second one copies its number to
 * `count`; each one of the first copies `count` to a log: so the log shows who was when served.
 */
static void
race(struct ec *c, unsigned int first_prio, unsigned int second_prio, uint64_t *log)
{
	uint64_t *numbers = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);
	uint64_t *count = (uint64_t *)(void *)ec_alloc(c, 64, 64);
	struct ec_ring tx[2], rx[2];

	for (unsigned int k = 0; k < 2; k++) {
		ec_sw_map(c, k);
		ec_hw_up(c, DMA, k, k);
		ec_session(c, 2 * k, EC_SW(k, 0), EC_HW(DMA, k, 0), 64,
			   k == 0 ? first_prio : second_prio);
		ec_session(c, 2 * k + 1, EC_HW(DMA, k, 0), EC_SW(k, 0), 64, 0);
		tx[k] = ec_ring(c, k, 0, true, 9, 64, 0);
		rx[k] = ec_ring(c, k, 0, false, 9, 64, 0);
		ec_sw_enable(c, k);
		/* One message each, so that both sessions are hot when the race begins. */
		ec_send(&tx[k], 0);
		assert_non_null(ec_receive(&rx[k], WAIT_NS));
		ec_taken(&rx[k]);
	}
	for (uint64_t n = 0; n < RACE; n++) {
		struct rvr_dma_first first = { .src = ec_iova(c, count),
					       .dst = ec_iova(c, &log[n]), .len = 8 };
		struct rvr_dma_first second = { .src = ec_iova(c, &numbers[n]),
						.dst = ec_iova(c, count), .len = 8 };

		numbers[n] = n + 1;
		memcpy(ec_slot(&tx[0], tx[0].index++), &first, sizeof(first));
		memcpy(ec_slot(&tx[1], tx[1].index++), &second, sizeof(second));
	}
	ec_doorbell(&tx[0]);
	ec_doorbell(&tx[1]);
	ec_kick(c);
	assert_int_equal(ec_waiting(&rx[0]), RACE);
	assert_int_equal(ec_waiting(&rx[1]), RACE);
}

static void
test_priorities(void **state)
{
	struct ec *c = *state;
	uint64_t *log = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);

	if (!c->is_inline)
		skip(); /* two doorbells at one time: only where the device waits for them */
	race(c, 3, 4, log);
	for (unsigned int n = 0; n < RACE; n++)
		assert_int_equal(log[n], RACE);
	reopen(c);
	log = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);
	race(c, 15, 14, log);
	for (unsigned int n = 0; n < RACE; n++)
		assert_int_equal(log[n], 0);
}

static void
test_fairness(void **state)
{
	struct ec *c = *state;
	uint64_t *log = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);

	if (!c->is_inline)
		skip();
	race(c, 7, 7, log);
	/* Neither is ahead by more than one turn's share. */
	for (unsigned int n = 0; n < RACE; n++)
		assert_in_range(log[n] + 256, n, n + 512);
	assert_in_range(log[RACE - 1], 1, RACE);
}

/* ---- Overload ---------------------------------------------------------------------------- */

#define RIVALS 7u
#define UNMAPPED UINT64_C(0x7f0000000000)
#define TURN 256u /* messages of 64 bytes that a session may move in one turn */

/** What rivals' messages are like; every other one tells how far they are, unless all fail. */
enum rival { RIVAL_WORKS, RIVAL_FAULTS, RIVAL_MALFORMED, RIVAL_LARGE, RIVAL_FULL, RIVAL_WILD };

static const char *const rival_names[] = {
	[RIVAL_WORKS] = "works",	 [RIVAL_FAULTS] = "faults",
	[RIVAL_MALFORMED] = "malformed", [RIVAL_LARGE] = "large",
	[RIVAL_FULL] = "full",		 [RIVAL_WILD] = "wild",
};

/** A message that takes the agent as much time as it can, or that it can do nothing with. */
static void
rival_message(struct ec *c, enum rival kind, uint8_t *slot, uint64_t n, uint8_t *scratch)
{
	struct rvr_dma_first first = { .src = ec_iova(c, scratch), .dst = ec_iova(c, scratch),
				       .len = 8 };
	static const uint32_t forms[] = { 0xffffffff, 2, RVR_DMA_FORM_BATCH };

	memset(slot, 0xff, 64); /* of a batch: more operations than fit in */
	switch (kind) {
	case RIVAL_FAULTS:
		if (n % 4 == 0)
			first.src = UNMAPPED;
		else
			first.dst = UNMAPPED;
		break;
	case RIVAL_MALFORMED:
		memcpy(slot + offsetof(struct rvr_dma_first, rsvd0), &forms[n / 2 % 3], 4);
		return;
	case RIVAL_LARGE:
		first.len = 1 << 16;
		break;
	default:
		break;
	}
	memcpy(slot, &first, sizeof(first));
}

struct contest {
	struct ec_ring tx[1 + RIVALS], rx[1 + RIVALS]; /* 0: who is not to notice the others */
	uint64_t *numbers, *counts, *log;
	uint8_t *scratch;
};

static void
contest_connect(struct ec *c, struct contest *contest, enum rival kind, unsigned int prio,
		unsigned int rival_prio)
{
	/* Rivals first: they are before it in each turn. */
	for (unsigned int k = RIVALS + 1; k-- > 0;) {
		unsigned int rx_log2 = k > 0 && kind == RIVAL_FULL ? 3 : 9;

		ec_sw_map(c, k);
		ec_hw_up(c, DMA, k, k);
		ec_session(c, 2 * k, EC_SW(k, 0), EC_HW(DMA, k, 0), 64,
			   k == 0 ? prio : rival_prio);
		ec_session(c, 2 * k + 1, EC_HW(DMA, k, 0), EC_SW(k, 0), 64, 0);
		contest->tx[k] = ec_ring(c, k, 0, true, 9, 64, 0);
		contest->rx[k] = ec_ring(c, k, 0, false, rx_log2, 64, 0);
		ec_sw_enable(c, k);
		/* One message each, so that all sessions are hot when it begins. */
		ec_send(&contest->tx[k], 0);
		assert_non_null(ec_receive(&contest->rx[k], WAIT_NS));
		ec_taken(&contest->rx[k]);
	}
}

/** All have as many messages as their rings hold; the first one's log shows others' counts. */
static void
contest_run(struct ec *c, struct contest *contest, enum rival kind)
{
	for (uint64_t n = 0; n < RACE; n++) {
		struct rvr_dma_first first = {
			.src = ec_iova(c, &contest->counts[n % RIVALS]),
			.dst = ec_iova(c, &contest->log[n]),
			.len = 8,
		};

		contest->numbers[n] = n + 1;
		memcpy(ec_slot(&contest->tx[0], contest->tx[0].index++), &first, sizeof(first));
		for (unsigned int k = 1; k <= RIVALS; k++) {
			uint8_t *slot = ec_slot(&contest->tx[k], contest->tx[k].index++);

			first.src = ec_iova(c, &contest->numbers[n]);
			first.dst = ec_iova(c, &contest->counts[k - 1]);
			if (n % 2 == 0)
				rival_message(c, kind, slot, n, contest->scratch);
			else
				memcpy(slot, &first, sizeof(first));
		}
	}
	for (unsigned int k = 1; k <= RIVALS; k++) {
		contest->tx[k].index += kind == RIVAL_WILD ? 1 << 20 : 0;
		ec_doorbell(&contest->tx[k]);
	}
	ec_doorbell(&contest->tx[0]);
	ec_kick(c);
	assert_int_equal(ec_waiting(&contest->rx[0]), RACE);
	for (unsigned int k = 1; k <= RIVALS; k++)
		assert_int_equal(ec_waiting(&contest->rx[k]), kind == RIVAL_WILD ? 0 :
				 kind == RIVAL_FULL ? 8 : RACE);
}

/** @return the log of who is not to notice: how far each rival was at each of its messages */
static const uint64_t *
contest(struct ec *c, enum rival kind, unsigned int prio, unsigned int rival_prio)
{
	struct contest contest;

	reopen(c);
	contest.numbers = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);
	contest.counts = (uint64_t *)(void *)ec_alloc(c, RIVALS * 8, 64);
	contest.log = (uint64_t *)(void *)ec_alloc(c, RACE * 8, 64);
	contest.scratch = ec_alloc(c, 1 << 16, 64);
	contest_connect(c, &contest, kind, prio, rival_prio);
	contest_run(c, &contest, kind);
	return contest.log;
}

/** Of equals none takes another's share, whatever it does: in messages, not in time. */
static void
test_overload_fair(void **state)
{
	struct ec *c = *state;

	if (!c->is_inline)
		skip(); /* all doorbells at one time: only where the device waits for them */
	for (enum rival kind = RIVAL_WORKS; kind <= RIVAL_WILD; kind++) {
		const uint64_t *log = contest(c, kind, 7, 7);

		for (unsigned int n = 0; n < RACE; n++)
			if (log[n] > n + TURN)
				fail_msg("%s: message %u came after %u of another's",
					 rival_names[kind], n, (unsigned int)log[n]);
	}
}

/** Who has priority has it over any number of others, and over what they do wrong. */
static void
test_overload_prio(void **state)
{
	struct ec *c = *state;

	if (!c->is_inline)
		skip();
	for (enum rival kind = RIVAL_WORKS; kind <= RIVAL_WILD; kind++) {
		const uint64_t *log = contest(c, kind, 8, 7);

		for (unsigned int n = 0; n < RACE; n++)
			if (log[n] != 0)
				fail_msg("%s: message %u came after %u of a lower priority's",
					 rival_names[kind], n, (unsigned int)log[n]);
		/* And others over it, as long as they have something that moves. */
		log = contest(c, kind, 7, 8);
		for (unsigned int n = 0; n < RACE && kind < RIVAL_FULL; n++)
			if (log[n] + 1 < RACE)
				fail_msg("%s: message %u came after %u of a higher priority's",
					 rival_names[kind], n, (unsigned int)log[n]);
	}
}

static void
test_many_sessions(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx[8][4], rx[8][4];
	unsigned int sent[8][4] = { { 0 } }, got[8][4] = { { 0 } }, left = 32;

	/* Every AMI-SW's sockets lead to the next AMI-SW. */
	for (unsigned int a = 0; a < 8; a++)
		ec_sw_map(c, a);
	for (unsigned int a = 0; a < 8; a++) {
		for (unsigned int s = 0; s < 4; s++) {
			ec_session(c, 4 * a + s, EC_SW(a, s), EC_SW((a + 1) % 8, s), 64, s);
			tx[a][s] = ec_ring(c, a, s, true, 3 + s, 64, a);
			rx[a][s] = ec_ring(c, a, s, false, 3, 64, s);
		}
	}
	for (unsigned int a = 0; a < 8; a++)
		ec_sw_enable(c, a);
	while (left > 0) {
		for (unsigned int a = 0; a < 8; a++) {
			for (unsigned int s = 0; s < 4; s++) {
				struct ec_ring *to = &rx[(a + 1) % 8][s];

				while (sent[a][s] < 500 && ec_room(&tx[a][s]))
					ec_send(&tx[a][s], (uint64_t)sent[a][s]++ << 32 | a << 16);
				while (ec_waiting(to) > 0) {
					assert_message(ec_slot(to, to->index),
						       (uint64_t)got[a][s] << 32 | a << 16, 64,
						       false);
					ec_taken(to);
					left -= ++got[a][s] == 500;
				}
			}
		}
		ec_kick(c);
	}
}

/* ---- Digests and interrupts -------------------------------------------------------------- */

static void
test_digests(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	ec_sw_map(c, 0);
	ec_session(c, 0, EC_SW(0, 2), EC_SW(0, 3), 64, 0);
	tx = ec_ring(c, 0, 2, true, 3, 64, 0);
	rx = ec_ring(c, 0, 3, false, 3, 64, 0);
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 3, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .threshold = 1, .ring_base = ec_iova(c, rx.base));
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 2, .ams_type = RVR_AMS_TX,
	      .log2_size = 3, .threshold = 2, .ring_base = ec_iova(c, tx.base));
	ec_sw_enable(c, 0);
	assert_word(c, 0, RVR_TX_DIGEST, 4);
	assert_word(c, 0, RVR_RX_DIGEST, 0);
	assert_true(ec_send(&tx, 0));
	assert_word(c, 0, RVR_WRITE_INDEX_RX + 24, 1);
	settle(c, QUIET_NS);
	assert_word(c, 0, RVR_RX_DIGEST, 0); /* one message is below 2^1 */
	assert_true(ec_send(&tx, 1));
	assert_word(c, 0, RVR_RX_DIGEST, 8);
	rx.index = 1;
	ec_release(&rx);
	assert_word(c, 0, RVR_RX_DIGEST, 0);
	/* 7 fit in, 5 stay in the sender's ring: 3 free slots are below 2^2. */
	for (unsigned int n = 0; n < 12; n++)
		assert_true(ec_send(&tx, n));
	assert_word(c, 0, RVR_RX_DIGEST, 8);
	assert_word(c, 0, RVR_TX_DIGEST, 0);
	rx.index = 8;
	ec_release(&rx);
	assert_word(c, 0, RVR_TX_DIGEST, 4);
}

static uint64_t
event_count(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

static void
assert_event(struct ec *c, int fd)
{
	uint64_t end = ec_now() + WAIT_NS, count;

	while ((count = event_count(fd)) == 0 && ec_now() < end)
		ec_kick(c);
	assert_true(count > 0);
}

static void
test_interrupts(void **state)
{
	struct ec *c = *state;
	int fd = eventfd(0, EFD_NONBLOCK);
	struct ec_ring tx, rx;

	assert_int_equal(revere_emu_irq_set(c->emu, 0, 5, fd), 0);
	ec_sw_map(c, 0);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = 0, .rx_irq_enable = 1, .rx_vector = 5);
	ec_session(c, 0, EC_SW(0, 0), EC_SW(0, 0), 64, 0);
	tx = ec_ring(c, 0, 0, true, 3, 64, 0);
	rx = ec_ring(c, 0, 0, false, 3, 64, 0);
	ec_sw_enable(c, 0);
	settle(c, QUIET_NS);
	assert_int_equal(event_count(fd), 0);
	assert_true(ec_send(&tx, 0));
	assert_event(c, fd);
	/* Taken, and the next one comes before polling has noticed: still an interrupt. */
	for (unsigned int n = 0; n < 50; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), n, 64, false);
		ec_taken(&rx);
		assert_true(ec_send(&tx, n + 1));
		assert_event(c, fd);
	}
	/* Masked: none. Unmasked with a message waiting: one. */
	assert_non_null(ec_receive(&rx, WAIT_NS));
	ec_taken(&rx);
	assert_word(c, 0, RVR_RX_DIGEST, 0);
	event_count(fd);
	atomic_store(ec_word(c, 0, RVR_RX_DIGEST_MASK), 1);
	assert_true(ec_send(&tx, 7));
	assert_non_null(ec_receive(&rx, WAIT_NS));
	settle(c, QUIET_NS);
	assert_int_equal(event_count(fd), 0);
	atomic_store(ec_word(c, 0, RVR_RX_DIGEST_MASK), 0);
	assert_event(c, fd);
	assert_int_equal(revere_emu_irq_set(c->emu, 0, 5, -1), 0);
	close(fd);
}

struct sender {
	struct ec_ring tx;
	unsigned int count;
};

static void *
sender_main(void *arg)
{
	struct sender *sender = arg;

	for (unsigned int n = 0; n < sender->count; n++) {
		EC_CHECK(ec_send(&sender->tx, n), "no room for message %u", n);
		ec_kick(sender->tx.c);
		if (n % 3 == 0)
			for (volatile unsigned int spin = 0; spin < n % 400; spin++)
				;
	}
	return NULL;
}

/** A reader that sleeps on its eventfd after the specification's protocol never sleeps for ever. */
static void
test_no_lost_wakeup(void **state)
{
	struct ec *c = *state;
	struct sender sender = { .count = config.mode == REVERE_EMU_INLINE ? 2000 : 20000 };
	int fd = eventfd(0, 0);
	unsigned int got = 0;
	struct ec_ring rx;
	pthread_t thread;

	assert_int_equal(revere_emu_irq_set(c->emu, 0, 1, fd), 0);
	ec_sw_map(c, 0);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = 0, .rx_irq_enable = 1, .rx_vector = 1);
	ec_session(c, 0, EC_SW(0, 0), EC_SW(0, 0), 64, 0);
	sender.tx = ec_ring(c, 0, 0, true, 4, 64, 0);
	rx = ec_ring(c, 0, 0, false, 4, 64, 0);
	ec_sw_enable(c, 0);
	assert_int_equal(pthread_create(&thread, NULL, sender_main, &sender), 0);
	alarm(100); /* a lost wake-up ends the program here */
	while (got < sender.count) {
		uint64_t count = 0;

		while (ec_waiting(&rx) > 0) {
			assert_message(ec_slot(&rx, rx.index), got++, 64, false);
			rx.index++;
		}
		ec_release(&rx);
		if (c->is_inline)
			ec_kick(c); /* room has come: nobody else tells the device */
		/* A read-modify-write is a full fence, which ThreadSanitizer understands. */
		atomic_fetch_add(rx.read, 0);
		if (ec_waiting(&rx) == 0 && got < sender.count)
			assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	}
	alarm(0);
	pthread_join(thread, NULL);
	assert_int_equal(revere_emu_irq_set(c->emu, 0, 1, -1), 0);
	close(fd);
}

/* ---- Faults ------------------------------------------------------------------------------ */

static void
test_index_jumps(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx, good_tx, good_rx;

	loopback(c, 9, 4, 64, 0, &good_tx, &good_rx);
	loopback(c, 0, 3, 64, 0, &tx, &rx);
	stream(&tx, &rx, 20, false);
	tx.index += 9; /* more than the ring has */
	ec_doorbell(&tx);
	assert_ring_fault(c, 0, 0);
	stream(&good_tx, &good_rx, 100, false);
	assert_int_equal(ec_waiting(&rx), 0);
	/* Not before RESET. */
	assert_int_not_equal(EC(c, f_ami_sw_enable, .ami_sw_id = 0), 0);
	EC_OK(c, f_ami_sw_reset, .ami_sw_id = 0);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = 0);
	tx = ec_ring(c, 0, 0, true, 3, 64, 0);
	rx = ec_ring(c, 0, 0, false, 3, 64, 0);
	ec_sw_enable(c, 0);
	stream(&tx, &rx, 20, false);
	/* Software claims to have read what wasn't there. */
	rx.index += 1;
	ec_release(&rx);
	assert_ring_fault(c, 0, 0);
	stream(&good_tx, &good_rx, 100, false);
}

/** Whatever stands in the page: the AMI-SW stops or not, and nobody else notices. */
static void
test_wild_page(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx, good_tx, good_rx;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	unsigned int seed = 3;

	loopback(c, 9, 4, 64, 0, &good_tx, &good_rx);
	agent_pair(c, 0, INVERSION, 3, 64, 64, &tx, &rx);
	for (unsigned int n = 0; n < 200; n++) {
		EC_OK(c, f_ami_sw_reset, .ami_sw_id = 0);
		EC_OK(c, f_ami_sw_configure, .ami_sw_id = 0, .rx_irq_enable = n % 2);
		tx.index = rx.index = 0;
		for (unsigned int k = 0; k < 2; k++)
			EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_type = k,
			      .log2_size = 3, .rx_mode = n / 2 % 2,
			      .ring_base = ec_iova(c, k == RVR_AMS_TX ? tx.base : rx.base));
		/* Before ENABLE in one half of the rounds, after it in the other. */
		if (n % 4 < 2)
			EC(c, f_ami_sw_enable, .ami_sw_id = 0);
		for (unsigned int at = 0; at < 0x1000; at += 8) {
			uint64_t value = (uint64_t)rand_r(&seed) >> rand_r(&seed) % 32;

			if (rand_r(&seed) % 4 == 0)
				value = ~value;
			atomic_store(ec_word(c, 0, at), value);
		}
		EC(c, f_ami_sw_enable, .ami_sw_id = 0);
		stream(&good_tx, &good_rx, 20, false);
		while (ec_exception(c, msg, 0))
			assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	}
}

static void
test_ring_not_mapped(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx, good_tx, good_rx;

	loopback(c, 9, 4, 64, 0, &good_tx, &good_rx);
	ec_sw_map(c, 0);
	ec_session(c, 0, EC_SW(0, 1), EC_SW(0, 1), 64, 0);
	tx = ec_ring(c, 0, 1, true, 3, 64, 0);
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = 0, .ams_id = 1, .ams_type = RVR_AMS_RX,
	      .log2_size = 3, .ring_base = EC_IOVA + MEMORY - 256);
	ec_sw_enable(c, 0);
	assert_true(ec_send(&tx, 0));
	assert_ring_fault(c, 0, 1);
	stream(&good_tx, &good_rx, 100, false);
	/* The same with memory that goes away in use. */
	loopback(c, 1, 3, 64, 0, &tx, &rx);
	stream(&tx, &rx, 20, false);
	assert_int_equal(revere_emu_dma_unmap(c->emu, 0, ec_iova(c, rx.base), 64), 64);
	assert_true(ec_send(&tx, 0));
	assert_ring_fault(c, 1, 0);
	stream(&good_tx, &good_rx, 100, false);
}

static void
test_bus_master(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	agent_pair(c, 0, INVERSION, 3, 64, 64, &tx, &rx);
	stream(&tx, &rx, 20, true);
	revere_emu_bus_master(c->emu, 0, false);
	for (unsigned int n = 0; n < 5; n++)
		assert_true(ec_send(&tx, n));
	settle(c, QUIET_NS);
	assert_int_equal(ec_waiting(&rx), 0);
	revere_emu_bus_master(c->emu, 0, true);
	for (unsigned int n = 0; n < 5; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), n, 64, true);
		ec_taken(&rx);
	}
	/* AMU_EN the same. */
	ec_mgt_write(c, RVR_AMU_CR, 0);
	assert_true(ec_send(&tx, 9));
	settle(c, QUIET_NS);
	assert_int_equal(ec_waiting(&rx), 0);
	ec_mgt_write(c, RVR_AMU_CR, 1);
	assert_message(ec_receive(&rx, WAIT_NS), 9, 64, true);
}

static void *
remapper_main(void *arg)
{
	struct ec *c = arg;
	uint8_t *spare = c->mem + c->size - 65536;

	for (unsigned int n = 0; n < 300; n++) {
		EC_CHECK(revere_emu_dma_map(c->emu, 0, 0x1000, spare, 65536, 3) == 0, "map");
		EC_CHECK(revere_emu_dma_unmap(c->emu, 0, 0x2000, 0x1000) == 0x1000, "part");
		EC_CHECK(revere_emu_dma_unmap(c->emu, 0, 0, 0x20000) == 0xf000, "rest");
	}
	return NULL;
}

static void
test_map_under_traffic(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;
	pthread_t thread;

	agent_pair(c, 0, INVERSION, 4, 128, 128, &tx, &rx);
	assert_int_equal(pthread_create(&thread, NULL, remapper_main, c), 0);
	stream(&tx, &rx, 5000, true);
	pthread_join(thread, NULL);
	stream(&tx, &rx, 50, true);
}

static void
test_disable_and_restore(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;

	loopback(c, 0, 3, 64, 0, &tx, &rx);
	stream(&tx, &rx, 5, false);
	EC_OK(c, f_ami_sw_disable, .ami_sw_id = 0);
	assert_true(ec_send(&tx, 5));
	settle(c, QUIET_NS);
	assert_int_equal(ec_waiting(&rx), 0);
	ec_sw_enable(c, 0); /* goes on from the indices in the page */
	assert_message(ec_receive(&rx, WAIT_NS), 5, 64, false);
	ec_taken(&rx);
	EC_OK(c, f_ami_sw_reset, .ami_sw_id = 0);
	assert_int_equal(atomic_load(tx.read), 0);
	assert_int_equal(atomic_load(rx.write), 0);
	assert_word(c, 0, RVR_TX_DIGEST, 0);
}

static void
test_typeb(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;
	uint8_t *table;
	uint64_t word;

	config.ami_type = RVR_AMI_TYPE_B;
	reopen(c);
	config.ami_type = RVR_AMI_TYPE_A1;
	table = ec_alloc(c, 4096, 4096);
	ec_sw_map(c, 0);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = 0, .typeb_tbl_base = ec_iova(c, table));
	ec_session(c, 0, EC_SW(0, 1), EC_SW(0, 2), 64, 0);
	tx = ec_ring(c, 0, 1, true, 3, 64, 0);
	rx = ec_ring(c, 0, 2, false, 3, 64, 0);
	ec_sw_enable(c, 0);
	stream(&tx, &rx, 20, false);
	assert_int_equal(atomic_load((_Atomic uint64_t *)(void *)(table + 0xe10)), 20);
	assert_int_equal(atomic_load((_Atomic uint64_t *)(void *)(table + 0x408)), 20);
	assert_word(c, 0, RVR_RX_DIGEST, 0);
	word = atomic_load((_Atomic uint64_t *)(void *)(table + 0x000));
	assert_int_equal(word, 2);
	/* A table that isn't there sets ERROR_STATE. */
	ec_sw_map(c, 1);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = 1, .typeb_tbl_base = 0x1000);
	ec_sw_enable(c, 1);
	assert_int_equal(ec_mgt_read(c, RVR_AMU_SR), RVR_ERROR_STATE_AMI_SW_TYPEB_FAULT);
}

/* ---- Observed sessions ------------------------------------------------------------------- */

static void
test_profiling(void **state)
{
	struct ec *c = *state;
	uint64_t *table = (uint64_t *)(void *)ec_alloc(c, 64, 64);
	struct ec_ring tx, rx;

	agent_pair(c, 0, INVERSION, 3, 128, 128, &tx, &rx);
	ec_mgt_write(c, RVR_AMU_CR, 1 | rvr_prep(RVR_AMU_CR_ASN_PROF_EN, 1));
	EC_OK(c, f_ams_prof_configure, .ami_id = 0, .ams_id = 0, .ams_type = RVR_AMS_TX,
	      .prof_mask = 0xf, .prof_tbl_base = ec_iova(c, table));
	stream(&tx, &rx, 100, true);
	EC_OK(c, f_prof_table_flush, );
	assert_int_equal(table[RVR_PROF_MESSAGES], 100);
	assert_int_equal(table[RVR_PROF_DW], 1600);
	for (unsigned int n = 0; n < 12; n++)
		assert_true(ec_send(&tx, n));
	settle(c, QUIET_NS);
	for (unsigned int n = 0; n < 12; n++) {
		assert_message(ec_receive(&rx, WAIT_NS), n, 128, true);
		ec_taken(&rx);
	}
	EC_OK(c, f_prof_table_flush, );
	assert_int_equal(table[RVR_PROF_MESSAGES], 112);
	assert_true(table[RVR_PROF_STALLS] > 0);
	assert_true(table[RVR_PROF_STALL_NS] > 0);
}

static void
test_tracing(void **state)
{
	struct ec *c = *state;
	struct ec_ring tx, rx;
	uint8_t *ring;

	ring = ec_mgt_ring(c, RVR_MSK_TRACE);
	loopback(c, 0, 3, 128, 0, &tx, &rx);
	stream(&tx, &rx, 5, false);
	ec_mgt_write(c, RVR_AMU_CR, 1 | rvr_prep(RVR_AMU_CR_TRACE_EN, 1));
	EC_OK(c, f_ams_trace_configure, .ami_id = 0, .ams_id = 0, .ams_type = RVR_AMS_TX,
	      .trace_ctl = RVR_TRACE_CTL_MESSAGES);
	stream(&tx, &rx, 16, false);
	assert_int_equal(ec_mgt_read(c, RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_TRACE), 16);
	for (unsigned int n = 0; n < 16; n++) {
		struct rvr_trace trace;

		memcpy(&trace, ring + n * sizeof(trace), sizeof(trace));
		assert_int_equal(trace.asn_id, 0);
		assert_int_equal(trace.index, 5 + n);
		assert_int_equal(trace.length, 16);
	}
	/* The trace ring is full, and back-pressure holds the message until it isn't. */
	assert_true(ec_send(&tx, 1));
	assert_null(ec_receive(&rx, QUIET_NS));
	ec_mgt_write(c, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_TRACE, 16);
	assert_message(ec_receive(&rx, WAIT_NS), 1, 128, false);
}

static void
test_injected_faults(void **state)
{
	struct ec *c = *state;
	unsigned int got = 0;
	struct ec_ring tx, rx;
	uint64_t start;

	config.faults.answer_lost = 3;
	config.faults.answer_late_us = 5000;
	config.faults.seed = 1;
	reopen(c);
	memset(&config.faults, 0, sizeof(config.faults));
	agent_pair(c, 0, INVERSION, 8, 64, 64, &tx, &rx);
	start = ec_now();
	for (unsigned int n = 0; n < 200; n++)
		assert_true(ec_send(&tx, (uint64_t)n << 32));
	assert_non_null(ec_receive(&rx, WAIT_NS));
	assert_true(ec_now() - start >= 5000000);
	while (ec_receive(&rx, 50000000) != NULL) {
		ec_taken(&rx);
		got++;
	}
	assert_in_range(got, 90, 170);
}

/* ---- DMA agent --------------------------------------------------------------------------- */

static void
test_dma_first_form(void **state)
{
	static const uint32_t lengths[] = { 1, 15, 16, 17, 64, 127, 128, 129, 4096, 100000 };
	struct ec *c = *state;
	struct rvr_dma_first req, answer;
	uint8_t *src = ec_alloc(c, 100000, 64), *dst = ec_alloc(c, 100001, 64);
	struct ec_ring tx, rx;

	agent_pair(c, 0, DMA, 3, 64, 128, &tx, &rx);
	for (unsigned int n = 0; n < 100000; n++)
		src[n] = (uint8_t)(n * 31 + n / 256);
	for (unsigned int n = 0; n < 20; n++) {
		uint32_t len = lengths[n / 2];

		memset(&req, 0, sizeof(req));
		req.src = rvr_cpu_le64(ec_iova(c, src));
		req.dst = rvr_cpu_le64(ec_iova(c, dst));
		req.len = rvr_cpu_le32(len);
		req.invert = rvr_cpu_le32(n % 2);
		memset(dst, 0x77, 100001);
		memcpy(ec_slot(&tx, tx.index++), &req, sizeof(req));
		ec_doorbell(&tx);
		assert_non_null(ec_receive(&rx, WAIT_NS));
		memcpy(&answer, ec_slot(&rx, rx.index), sizeof(answer));
		ec_taken(&rx);
		assert_memory_equal(&answer, &req, sizeof(answer));
		for (uint32_t at = 0; at < len; at++)
			assert_int_equal(dst[at], n % 2 ? (uint8_t)~src[at] : src[at]);
		assert_int_equal(dst[len], 0x77);
	}
}

static uint32_t
dma_first_status(struct ec_ring *tx, struct ec_ring *rx, uint64_t src, uint64_t dst, uint32_t len)
{
	struct rvr_dma_first req = { .src = rvr_cpu_le64(src), .dst = rvr_cpu_le64(dst),
				     .len = rvr_cpu_le32(len) };

	memcpy(ec_slot(tx, tx->index++), &req, sizeof(req));
	ec_doorbell(tx);
	assert_non_null(ec_receive(rx, WAIT_NS));
	memcpy(&req, ec_slot(rx, rx->index), sizeof(req));
	ec_taken(rx);
	return rvr_le32_cpu(req.rsvd0);
}

static void
test_dma_faults(void **state)
{
	struct ec *c = *state;
	uint64_t good = ec_iova(c, ec_alloc(c, 4096, 64));
	struct ec_ring tx, rx;

	agent_pair(c, 0, DMA, 3, 64, 64, &tx, &rx);
	assert_int_equal(dma_first_status(&tx, &rx, 0x1000, good, 64), RVR_DMA_SRC_FAULT);
	assert_int_equal(dma_first_status(&tx, &rx, good, 0x1000, 64), RVR_DMA_DST_FAULT);
	assert_int_equal(dma_first_status(&tx, &rx, good, good + 64, 0), RVR_DMA_BAD_LENGTH);
	assert_int_equal(dma_first_status(&tx, &rx, UINT64_MAX - 3, good, 64), RVR_DMA_SRC_FAULT);
	assert_int_equal(dma_first_status(&tx, &rx, EC_IOVA + MEMORY - 8, good, 64),
			 RVR_DMA_SRC_FAULT);
	assert_int_equal(dma_first_status(&tx, &rx, good, good + 64, 64), RVR_DMA_OK);
	assert_int_equal(dma_first_status(&tx, &rx, good, good + 13, 100), RVR_DMA_OK);
	assert_int_equal(revere_emu_sva(c->emu, 0, true), 0);
	assert_int_equal(dma_first_status(&tx, &rx, 0x1000, good, 64), RVR_DMA_SRC_FAULT);
}

/** Sends a batch; the answer comes back. */
static void
dma_batch(struct ec_ring *tx, struct ec_ring *rx, uint16_t count, const struct rvr_dma_op *ops,
	  unsigned int num_ops, struct rvr_dma_batch_answer *answer)
{
	struct rvr_dma_batch head = { .cookie = 0x1234, .count = rvr_cpu_le16(count),
				      .form = rvr_cpu_le32(RVR_DMA_FORM_BATCH) };
	uint8_t *slot = ec_slot(tx, tx->index++);

	memcpy(slot, &head, sizeof(head));
	memcpy(slot + sizeof(head), ops, num_ops * sizeof(*ops));
	ec_doorbell(tx);
	assert_non_null(ec_receive(rx, WAIT_NS));
	memcpy(answer, ec_slot(rx, rx->index), sizeof(*answer));
	ec_taken(rx);
	assert_int_equal(answer->cookie, 0x1234);
	assert_int_equal(rvr_le32_cpu(answer->form), RVR_DMA_FORM_BATCH);
}

static void
test_dma_batch(void **state)
{
	struct ec *c = *state;
	uint8_t *memory = ec_alloc(c, 8192, 64);
	uint64_t iova = ec_iova(c, memory);
	const struct rvr_dma_op ops[9] = {
		{ .src = iova, .dst = iova + 1024, .len = 512 },
		{ .src = iova + 1024, .dst = iova + 2048, .len = 512 }, /* the first's result */
		{ .src = iova, .dst = iova + 3072, .len = 77, .opcode = RVR_DMA_COPY_INVERTED },
		{ .src = UINT64_C(0x0807060504030201), .dst = iova + 4097, .len = 21,
		  .opcode = RVR_DMA_FILL },
		{ .src = 16, .dst = iova + 5000, .len = 8 },
		{ .src = iova, .dst = 16, .len = 8 },
		{ .src = iova, .dst = iova + 5000, .len = 0 },
		{ .src = iova, .dst = iova + 5000, .len = 8, .opcode = 99 },
		{ .src = iova, .dst = iova + 6000, .len = 8 },
	};
	struct rvr_dma_batch_answer answer;
	struct ec_ring tx, rx;

	agent_pair(c, 0, DMA, 2, 256, 128, &tx, &rx);
	for (unsigned int n = 0; n < 1024; n++)
		memory[n] = (uint8_t)(n * 13);
	dma_batch(&tx, &rx, 9, ops, 9, &answer);
	assert_int_equal(rvr_le16_cpu(answer.count), 9);
	assert_int_equal(rvr_le64_cpu(answer.failed), 0xf0);
	assert_int_equal(answer.status[2], RVR_DMA_SRC_FAULT | RVR_DMA_DST_FAULT << 4);
	assert_int_equal(answer.status[3], RVR_DMA_BAD_LENGTH | RVR_DMA_BAD_OP << 4);
	assert_memory_equal(memory, memory + 2048, 512);
	assert_memory_equal(memory, memory + 6000, 8);
	for (unsigned int n = 0; n < 77; n++)
		assert_int_equal(memory[3072 + n], (uint8_t)~memory[n]);
	for (unsigned int n = 0; n < 21; n++)
		assert_int_equal(memory[4097 + n], 1 + n % 8);
	assert_int_equal(memory[4097 + 21], 0);
	/* Counts that the message can't hold. */
	dma_batch(&tx, &rx, 0, ops, 9, &answer);
	assert_int_equal(answer.count, 0);
	dma_batch(&tx, &rx, 10, ops, 9, &answer);
	assert_int_equal(answer.count, 0);
	dma_batch(&tx, &rx, 65535, ops, 9, &answer);
	assert_int_equal(answer.count, 0);
}

int
emu_switch_cases(enum revere_emu_mode mode, unsigned int workers, const char *name)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_message_lengths), CASE(test_ring_sizes), CASE(test_index_wrap),
		CASE(test_back_pressure), CASE(test_overwriting), CASE(test_pieces),
		CASE(test_sva_rings), CASE(test_chain), CASE(test_answer_by_another),
		CASE(test_priorities), CASE(test_fairness), CASE(test_overload_fair),
		CASE(test_overload_prio), CASE(test_many_sessions),
		CASE(test_digests),
		CASE(test_interrupts), CASE(test_no_lost_wakeup), CASE(test_index_jumps),
		CASE(test_wild_page), CASE(test_tracing),
		CASE(test_ring_not_mapped), CASE(test_bus_master), CASE(test_map_under_traffic),
		CASE(test_disable_and_restore), CASE(test_typeb), CASE(test_profiling),
		CASE(test_injected_faults), CASE(test_dma_first_form), CASE(test_dma_faults),
		CASE(test_dma_batch),
	};

	defaults(mode, workers);
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
