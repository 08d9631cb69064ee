/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A client as somebody would write it who has the programming model (ALP 03) and nothing of ours:
 * offsets, opcodes and fields are numbers out of its tables, and neither rvr_regs.h nor rvr_msg.h
 * is included. What is wrong there, or in the emulator's reading of it, shows here. Of the
 * emulator it uses the slot: register access, memory, Bus Master Enable.
 */

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "emu_client_cases.h"

#define MEM_SIZE (8u << 20)
#define MEM_IOVA UINT64_C(0x7000000000)
#define RING_LOG2 3
#define RING_SLOTS (1u << RING_LOG2)
#define TIMEOUT_S 20

/** How a run accesses the device and which device it is. */
struct variant {
	enum revere_emu_mode mode;
	bool halves; /**< registers as two 32-bit halves */
	unsigned int ami_type;
};

/** A Function's management rings, of one slot each. */
struct mgt {
	unsigned int function;
	uint8_t *command, *response, *exception;
	uint64_t commands, exceptions; /**< indices */
};

struct client {
	struct variant variant;
	struct revere_emu *emu;
	uint8_t *mem;
	size_t used;
	uint8_t *pages;
	struct mgt pf;
};

/** A ring of AMI-SW `ami` of the PF. */
struct ring {
	struct client *c;
	uint8_t *typeb; /**< table of the AMI-SW, NULL with Type A */
	unsigned int ami, ams;
	bool tx;
	uint8_t *slots;
	uint32_t bytes;
	uint64_t index;
};

/* ---- Machine: little-endian words, memory, registers --------------------------------------- */

static void
put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void
put64(uint8_t *at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

static uint32_t
get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t
get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/** Memory, aligned to 4 KiB, cleared. */
static uint8_t *
alloc(struct client *c, size_t size)
{
	uint8_t *at = c->mem + c->used;

	c->used += (size + 4095) & ~(size_t)4095;
	assert_true(c->used <= MEM_SIZE);
	memset(at, 0, size);
	return at;
}

static uint64_t
iova(const struct client *c, const void *at)
{
	return MEM_IOVA + (uint64_t)((const uint8_t *)at - c->mem);
}

static uint64_t
reg_read(struct client *c, unsigned int function, uint32_t offset)
{
	if (!c->variant.halves)
		return revere_emu_mgt_read(c->emu, function, offset, 8);
	return revere_emu_mgt_read(c->emu, function, offset, 4) |
	       revere_emu_mgt_read(c->emu, function, offset + 4, 4) << 32;
}

static void
reg_write(struct client *c, unsigned int function, uint32_t offset, uint64_t value)
{
	if (!c->variant.halves) {
		revere_emu_mgt_write(c->emu, function, offset, 8, value);
		return;
	}
	/* The low half last: it rings the doorbell with the value complete. */
	revere_emu_mgt_write(c->emu, function, offset + 4, 4, value >> 32);
	revere_emu_mgt_write(c->emu, function, offset, 4, (uint32_t)value);
}

static uint8_t *
page_word(const struct client *c, unsigned int ami, uint32_t offset)
{
	return c->pages + (size_t)ami * 0x10000 + offset;
}

static void
page_write(struct client *c, unsigned int ami, uint32_t offset, uint64_t value)
{
	uint8_t *word = page_word(c, ami, offset);

	if (c->variant.halves) {
		atomic_store_explicit((_Atomic uint32_t *)(void *)(word + 4),
				      (uint32_t)(value >> 32), memory_order_release);
		atomic_store_explicit((_Atomic uint32_t *)(void *)word, (uint32_t)value,
				      memory_order_release);
	} else {
		atomic_store_explicit((_Atomic uint64_t *)(void *)word, value,
				      memory_order_release);
	}
	if (c->variant.mode == REVERE_EMU_INLINE)
		revere_emu_kick(c->emu);
}

static time_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/** Lets the device work; fails the test when it takes forever. */
static void
wait(struct client *c, time_t since)
{
	if (c->variant.mode == REVERE_EMU_INLINE)
		revere_emu_kick(c->emu);
	else
		sched_yield();
	assert_true(now() - since < TIMEOUT_S);
}

/* ---- Management: rings of one slot, as clients have them ----------------------------------- */

static void
mgt_open(struct client *c, struct mgt *mgt, unsigned int function)
{
	*mgt = (struct mgt){ .function = function };
	mgt->command = alloc(c, 64);
	mgt->response = alloc(c, 64);
	mgt->exception = alloc(c, 64);
	reg_write(c, function, 0x60, iova(c, mgt->command));
	reg_write(c, function, 0x68, 0);
	reg_write(c, function, 0x70, iova(c, mgt->response));
	reg_write(c, function, 0x78, 0);
	reg_write(c, function, 0x80, iova(c, mgt->exception));
	reg_write(c, function, 0x88, 0);
}

static void
command_send(struct client *c, struct mgt *mgt, const uint8_t *msg)
{
	memcpy(mgt->command, msg, 64);
	atomic_thread_fence(memory_order_release);
	reg_write(c, mgt->function, 0x1600, ++mgt->commands);
}

/** @return STATUS; the response is in `msg` */
static uint16_t
response_take(struct client *c, struct mgt *mgt, uint8_t *msg, uint16_t opcode)
{
	time_t since = now();

	while (reg_read(c, mgt->function, 0x1e00) != mgt->commands)
		wait(c, since);
	atomic_thread_fence(memory_order_acquire);
	memcpy(msg, mgt->response, 64);
	reg_write(c, mgt->function, 0x1c00, mgt->commands);
	assert_int_equal(get32(msg) & 0xffff, opcode);
	assert_int_equal(reg_read(c, mgt->function, 0x1400), mgt->commands);
	return (uint16_t)(get32(msg) >> 16);
}

static uint16_t
exec_on(struct client *c, struct mgt *mgt, uint16_t opcode, uint8_t *msg)
{
	put32(msg, opcode);
	command_send(c, mgt, msg);
	return response_take(c, mgt, msg, opcode);
}

static uint16_t
exec(struct client *c, uint16_t opcode, uint8_t *msg)
{
	return exec_on(c, &c->pf, opcode, msg);
}

/** A command whose request is one word at 0x4. */
static uint16_t
exec1(struct client *c, uint16_t opcode, uint32_t word4)
{
	uint8_t msg[64] = { 0 };

	put32(msg + 4, word4);
	return exec(c, opcode, msg);
}

static void
exception_take(struct client *c, struct mgt *mgt, uint8_t *msg, uint16_t opcode)
{
	time_t since = now();

	while (reg_read(c, mgt->function, 0x1e08) == mgt->exceptions)
		wait(c, since);
	atomic_thread_fence(memory_order_acquire);
	memcpy(msg, mgt->exception, 64);
	reg_write(c, mgt->function, 0x1c08, ++mgt->exceptions);
	assert_int_equal(get32(msg) & 0xffff, opcode);
}

/* ---- Bring-up ------------------------------------------------------------------------------ */

static void
slot_open(struct client *c, const struct variant *variant)
{
	struct revere_emu_config config;
	char error[256] = "";

	*c = (struct client){ .variant = *variant };
	revere_emu_config_init(&config);
	config.mode = variant->mode;
	config.ami_type = variant->ami_type;
	config.num_vf = 2;
	c->emu = revere_emu_create("client", &config, error, sizeof(error));
	assert_non_null(c->emu);
	c->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(c->mem != MAP_FAILED);
	c->pages = revere_emu_pages(c->emu, 0);
	assert_non_null(c->pages);
	for (unsigned int function = 0; function < 2; function++) {
		assert_int_equal(revere_emu_dma_map(c->emu, function, MEM_IOVA, c->mem, MEM_SIZE,
						    3), 0);
		revere_emu_bus_master(c->emu, function, true);
	}
}

static void
slot_close(struct client *c)
{
	revere_emu_destroy(c->emu);
	munmap(c->mem, MEM_SIZE);
}

static void
bring_up(struct client *c)
{
	uint8_t msg[64] = { 0 };
	uint32_t agents;

	assert_int_equal(reg_read(c, 0, 0x08) >> 4 & 0xf, 3);
	assert_int_equal(reg_read(c, 0, 0x00) >> 12 & 0x1f, c->variant.ami_type);
	assert_int_equal(reg_read(c, 0, 0x00) >> 28 & 0xf, 3);
	reg_write(c, 0, 0x18, 1);
	mgt_open(c, &c->pf, 0);
	assert_int_equal(exec(c, 1, msg), 0);
	assert_true((get32(msg + 0x4) & 0xffff) > 0);
	assert_true((get32(msg + 0x8) & 0x1fffff) > 0);
	agents = get32(msg + 0xc) & 0xffff;
	assert_true(agents >= 4);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(exec(c, 37, msg), 0);
	assert_int_equal(get64(msg + 8) >> 20 & 0xfff, 1); /* AHA 0: inversion */
	memset(msg, 0, sizeof(msg));
	put32(msg + 4, 3);
	assert_int_equal(exec(c, 37, msg), 0);
	assert_int_equal(get64(msg + 8) >> 20 & 0xfff, 4); /* AHA 3: DMA */
	assert_int_equal(exec1(c, 37, agents), 1);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(exec(c, 2, msg), 0);
}

/** PF-AMI-SW-MAP of any. @return physical ID */
static uint32_t
ami_sw_map(struct client *c, uint32_t id)
{
	uint8_t msg[64] = { 0 };

	put32(msg + 4, 1u << 16);
	put32(msg + 8, id);
	assert_int_equal(exec(c, 6, msg), 0);
	return get32(msg + 4) & 0xffff;
}

/** PF-AMI-HW-MAP of any of an agent. @return physical ID */
static uint32_t
ami_hw_map(struct client *c, uint32_t aha, uint32_t id)
{
	uint8_t msg[64] = { 0 };

	put32(msg + 4, aha);
	put32(msg + 8, 1u << 16);
	put32(msg + 12, id);
	assert_int_equal(exec(c, 23, msg), 0);
	return get32(msg + 4) & 0xffff;
}

static void
ami_hw_start(struct client *c, uint32_t id)
{
	assert_int_equal(exec1(c, 34, id), 0);
	assert_int_equal(exec1(c, 32, id), 0);
	assert_int_equal(exec1(c, 33, id), 0);
}

/** An end of a session: AMI-HW of an agent, or with aha = SW an AMI-SW. */
struct end {
	uint32_t aha, phy, ams;
};
#define SW UINT32_MAX

/** PF-ASN-CREATE */
static void
asn_create(struct client *c, uint32_t id, struct end src, struct end dst, uint32_t log2_len)
{
	uint8_t msg[64] = { 0 };

	put32(msg + 0x4, (dst.aha != SW ? 1u << 4 : 0) | (src.aha != SW ? 1u << 5 : 0));
	put32(msg + 0x8, src.phy | (src.aha != SW ? src.aha << 16 : 0));
	put32(msg + 0xc, dst.phy | (dst.aha != SW ? dst.aha << 16 : 0));
	put32(msg + 0x10, dst.ams | src.ams << 6);
	put32(msg + 0x14, id);
	put32(msg + 0x38, log2_len << 10);
	assert_int_equal(exec(c, 16, msg), 0);
}

/** F-AMI-SW-DISABLE, -RESET, -CONFIGURE. @return Type B table or NULL */
static uint8_t *
ami_sw_configure(struct client *c, uint32_t id)
{
	uint8_t *typeb = c->variant.ami_type == 2 ? alloc(c, 4096) : NULL;
	uint8_t msg[64] = { 0 };

	assert_int_equal(exec1(c, 15, id), 0);
	assert_int_equal(exec1(c, 13, id), 0);
	put32(msg + 4, id);
	if (typeb != NULL)
		put64(msg + 0x18, iova(c, typeb));
	assert_int_equal(exec(c, 11, msg), 0);
	return typeb;
}

/** F-AMS-RING-CONFIGURE */
static struct ring
ring_open(struct client *c, uint32_t ami, uint8_t *typeb, uint32_t ams, bool tx, uint32_t log2_len)
{
	struct ring ring = {
		.c = c, .typeb = typeb, .ami = ami, .ams = ams, .tx = tx, .bytes = 8u << log2_len,
	};
	uint8_t msg[64] = { 0 };

	ring.slots = alloc(c, (size_t)ring.bytes * RING_SLOTS);
	put32(msg + 0x4, ami);
	put32(msg + 0x8, ams | (tx ? 1u << 6 : 0));
	put32(msg + 0xc, RING_LOG2 << 1);
	put64(msg + 0x10, iova(c, ring.slots));
	assert_int_equal(exec(c, 20, msg), 0);
	return ring;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/** Index of the device. */
static uint64_t
device_index(const struct ring *ring)
{
	uint32_t offset = (ring->tx ? 0x400 : 0xe00) + 8 * ring->ams;
	uint8_t *word = ring->typeb != NULL ? ring->typeb + offset :
					      page_word(ring->c, ring->ami, offset);

	return atomic_load_explicit((_Atomic uint64_t *)(void *)word, memory_order_acquire);
}

static void
send(struct ring *tx, const uint8_t *msg)
{
	time_t since = now();

	while (tx->index - device_index(tx) == RING_SLOTS)
		wait(tx->c, since);
	memcpy(tx->slots + tx->index % RING_SLOTS * tx->bytes, msg, tx->bytes);
	page_write(tx->c, tx->ami, 0x600 + 8 * tx->ams, ++tx->index);
}

static void
receive(struct ring *rx, uint8_t *msg)
{
	time_t since = now();

	while (device_index(rx) == rx->index)
		wait(rx->c, since);
	memcpy(msg, rx->slots + rx->index % RING_SLOTS * rx->bytes, rx->bytes);
	page_write(rx->c, rx->ami, 0xc00 + 8 * rx->ams, ++rx->index);
}

/** Sends and receives `count` messages, up to a ring full at a time. */
static void
exchange(struct ring *tx, struct ring *rx, unsigned int count, uint8_t flip)
{
	uint8_t out[2048], in[2048];
	unsigned int sent = 0, got = 0;

	while (got < count) {
		while (sent < count && sent - got < RING_SLOTS) {
			for (uint32_t i = 0; i < tx->bytes; i++)
				out[i] = (uint8_t)(sent * 17 + i);
			send(tx, out);
			sent++;
		}
		receive(rx, in);
		for (uint32_t i = 0; i < rx->bytes; i++)
			assert_int_equal(in[i], (uint8_t)(got * 17 + i) ^ flip);
		got++;
	}
}

/* ---- Cases --------------------------------------------------------------------------------- */

/** The flow of existing clients, then teardown in reverse, then all again. */
static void
inversion(struct client *c, uint32_t log2_len)
{
	struct ring tx, rx;
	uint8_t *typeb;
	uint32_t sw, hw;

	bring_up(c);
	sw = ami_sw_map(c, 0);
	hw = ami_hw_map(c, 0, 0);
	asn_create(c, 5, (struct end){ SW, sw, 0 }, (struct end){ 0, hw, 0 }, log2_len);
	asn_create(c, 6, (struct end){ 0, hw, 0 }, (struct end){ SW, sw, 0 }, log2_len);
	typeb = ami_sw_configure(c, 0);
	tx = ring_open(c, 0, typeb, 0, true, log2_len);
	rx = ring_open(c, 0, typeb, 0, false, log2_len);
	assert_int_equal(exec1(c, 14, 0), 0);
	ami_hw_start(c, 0);
	exchange(&tx, &rx, 50, 0xff);
	assert_int_equal(exec1(c, 15, 0), 0);
	assert_int_equal(exec1(c, 34, 0), 0);
	assert_int_equal(exec1(c, 17, 6), 0);
	assert_int_equal(exec1(c, 17, 5), 0);
	assert_int_equal(exec1(c, 24, hw), 0);
	assert_int_equal(exec1(c, 7, sw), 0);
	reg_write(c, 0, 0x18, 0);
	assert_int_equal(reg_read(c, 0, 0x20) & 0xffff, 0);
}

static void
test_inversion(void **state)
{
	struct client c;

	slot_open(&c, *state);
	for (uint32_t log2_len = 3; log2_len <= 8; log2_len++)
		inversion(&c, log2_len);
	slot_close(&c);
}

static void
test_loopback(void **state)
{
	struct ring tx, rx;
	struct client c;
	uint8_t *typeb;
	uint32_t sw;

	slot_open(&c, *state);
	bring_up(&c);
	sw = ami_sw_map(&c, 3);
	asn_create(&c, 0, (struct end){ SW, sw, 1 }, (struct end){ SW, sw, 2 }, 4);
	typeb = ami_sw_configure(&c, 3);
	tx = ring_open(&c, 3, typeb, 1, true, 4);
	rx = ring_open(&c, 3, typeb, 2, false, 4);
	assert_int_equal(exec1(&c, 14, 3), 0);
	exchange(&tx, &rx, 100, 0);
	slot_close(&c);
}

/** One copy by the DMA agent's first form. @return status in the answer */
static uint32_t
dma(struct ring *tx, struct ring *rx, uint64_t src, uint64_t dst, uint32_t len, uint32_t invert)
{
	uint8_t request[64] = { 0 }, answer[64];
	uint32_t status;

	put64(request, 0x1234567890abcdef);
	put64(request + 8, src);
	put64(request + 16, dst);
	put32(request + 24, len);
	put32(request + 32, invert);
	send(tx, request);
	receive(rx, answer);
	status = get32(answer + 28);
	put32(answer + 28, 0);
	assert_memory_equal(request, answer, 36);
	return status;
}

/** One AMI-HW takes the requests, another one answers. */
static void
test_dma(void **state)
{
	uint32_t sw, hw0, hw1;
	struct ring tx, rx;
	struct client c;
	uint8_t *typeb, *src, *dst;

	slot_open(&c, *state);
	bring_up(&c);
	sw = ami_sw_map(&c, 0);
	hw0 = ami_hw_map(&c, 3, 0);
	hw1 = ami_hw_map(&c, 3, 1);
	asn_create(&c, 1, (struct end){ SW, sw, 0 }, (struct end){ 3, hw1, 0 }, 3);
	asn_create(&c, 2, (struct end){ 3, hw0, 0 }, (struct end){ SW, sw, 0 }, 3);
	typeb = ami_sw_configure(&c, 0);
	tx = ring_open(&c, 0, typeb, 0, true, 3);
	rx = ring_open(&c, 0, typeb, 0, false, 3);
	assert_int_equal(exec1(&c, 14, 0), 0);
	ami_hw_start(&c, 0);
	ami_hw_start(&c, 1);
	src = alloc(&c, 10000);
	dst = alloc(&c, 10000);
	for (unsigned int i = 0; i < 10000; i++)
		src[i] = (uint8_t)(i * 7);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(dma(&tx, &rx, iova(&c, src) + i, iova(&c, dst), 9000, 0), 0);
	assert_memory_equal(dst, src + 19, 9000);
	assert_int_equal(dma(&tx, &rx, iova(&c, src), iova(&c, dst), 10, 1), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(dst[i], (uint8_t)~src[i]);
	assert_int_equal(dst[10], src[29]);
	assert_int_equal(dma(&tx, &rx, UINT64_C(1) << 60, iova(&c, dst), 8, 0), 1);
	assert_int_equal(dma(&tx, &rx, iova(&c, src), UINT64_C(1) << 60, 8, 0), 2);
	slot_close(&c);
}

/** E-F-AMI-RING-FAULT, then back by RESET, CONFIGURE, RING-CONFIGURE, ENABLE. */
static void
test_ring_fault(void **state)
{
	uint8_t msg[64], *typeb;
	struct ring tx, rx;
	struct client c;
	uint32_t sw;

	slot_open(&c, *state);
	bring_up(&c);
	sw = ami_sw_map(&c, 2);
	asn_create(&c, 0, (struct end){ SW, sw, 0 }, (struct end){ SW, sw, 0 }, 3);
	for (int round = 0; round < 3; round++) {
		typeb = ami_sw_configure(&c, 2);
		tx = ring_open(&c, 2, typeb, 0, true, 3);
		rx = ring_open(&c, 2, typeb, 0, false, 3);
		assert_int_equal(exec1(&c, 14, 2), 0);
		exchange(&tx, &rx, 20, 0);
		page_write(&c, 2, 0x600, 20 + RING_SLOTS + 1);
		exception_take(&c, &c.pf, msg, 4);
		assert_int_equal(get32(msg + 4) & 0xffff, 2);
		assert_int_equal(get32(msg + 4) >> 16 & 0x3f, 0);
	}
	slot_close(&c);
}

/** An opcode that isn't there: ERROR_STATE 7, no response, later commands run. */
static void
test_unknown_opcode(void **state)
{
	uint8_t msg[64] = { 0 };
	time_t since = now();
	struct client c;

	slot_open(&c, *state);
	bring_up(&c);
	put32(msg, 99);
	command_send(&c, &c.pf, msg);
	while ((reg_read(&c, 0, 0x20) & 0xffff) != 7)
		wait(&c, since);
	assert_int_equal(reg_read(&c, 0, 0x1400), c.pf.commands);
	assert_int_equal(reg_read(&c, 0, 0x1e00), c.pf.commands - 1);
	reg_write(&c, 0, 0x20, 0);
	/* The response index is one behind the command index from here on. */
	put32(msg, 2);
	command_send(&c, &c.pf, msg);
	while (reg_read(&c, 0, 0x1e00) != c.pf.commands - 1)
		wait(&c, since);
	assert_int_equal(get32(c.pf.response) & 0xffff, 2);
	slot_close(&c);
}

/**
 * Mediation: a trapped VF's command reaches the PF, whose answer is the VF's response. The payload
 * is the command, or the response, from its byte 4 on.
 */
static void
test_trapped_vf(void **state)
{
	uint8_t msg[64] = { 0 };
	struct client c;
	struct mgt vf;

	slot_open(&c, *state);
	bring_up(&c);
	assert_int_equal(exec1(&c, 38, 1 | 1u << 16), 0);
	assert_int_equal(exec1(&c, 3, 1), 0);
	mgt_open(&c, &vf, 1);
	for (int round = 0; round < 5; round++) {
		memset(msg, 0, sizeof(msg));
		put32(msg, 12);
		put32(msg + 4, 7);
		put64(msg + 8, 0x1122334455667788);
		command_send(&c, &vf, msg);
		exception_take(&c, &c.pf, msg, 6);
		assert_int_equal(get32(msg) >> 16, 1);
		assert_int_equal(get32(msg + 4) & 0xffff, 12);
		assert_int_equal(get32(msg + 8), 7);
		assert_int_equal(get64(msg + 12), 0x1122334455667788);
		memset(msg, 0, sizeof(msg));
		put32(msg + 4, 12 | 1u << 16);
		put32(msg + 8, 0x1234);
		put64(msg + 12, 0x8877665544332211);
		put32(msg, 39 | 1u << 16);
		command_send(&c, &c.pf, msg);
		assert_int_equal(response_take(&c, &c.pf, msg, 39), 0);
		assert_int_equal(response_take(&c, &vf, msg, 12), 1);
		assert_int_equal(get32(msg + 4), 0x1234);
		assert_int_equal(get64(msg + 8), 0x8877665544332211);
	}
	slot_close(&c);
}

/** A VF's own commands; PF-* are refused; its reset is told. */
static void
test_vf(void **state)
{
	uint8_t msg[64] = { 0 };
	time_t since = now();
	struct client c;
	struct mgt vf;

	slot_open(&c, *state);
	bring_up(&c);
	put32(msg + 4, 1u << 16);
	put32(msg + 8, 0 | 1u << 16);
	assert_int_equal(exec(&c, 6, msg), 0);
	assert_int_equal(exec1(&c, 3, 1), 0);
	mgt_open(&c, &vf, 1);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(exec_on(&c, &vf, 2, msg), 0);
	memset(msg, 0, sizeof(msg));
	assert_int_equal(exec_on(&c, &vf, 14, msg), 0);
	memset(msg, 0, sizeof(msg));
	put32(msg + 4, 1);
	assert_int_equal(exec_on(&c, &vf, 14, msg), 1);
	put32(msg, 1); /* PF-PROBE */
	command_send(&c, &vf, msg);
	while ((reg_read(&c, 1, 0x20) & 0xffff) != 7)
		wait(&c, since);
	assert_int_equal(reg_read(&c, 0, 0x20) & 0xffff, 0);
	assert_int_equal(revere_emu_reset(c.emu, 1), 0);
	exception_take(&c, &c.pf, msg, 2);
	assert_int_equal(get32(msg + 4) & 0xffff, 1);
	slot_close(&c);
}

/** With Bus Master Enable clear commands and doorbells wait. */
static void
test_bus_master(void **state)
{
	uint8_t msg[64] = { 0 };
	struct client c;

	slot_open(&c, *state);
	bring_up(&c);
	revere_emu_bus_master(c.emu, 0, false);
	put32(msg, 2);
	command_send(&c, &c.pf, msg);
	for (int i = 0; i < 100; i++)
		wait(&c, now());
	assert_int_equal(reg_read(&c, 0, 0x1e00), c.pf.commands - 1);
	revere_emu_bus_master(c.emu, 0, true);
	assert_int_equal(response_take(&c, &c.pf, msg, 2), 0);
	slot_close(&c);
}

/* ---- All cases in all variants ------------------------------------------------------------- */

static int
variant_run(const struct variant *variant, const char *name)
{
	void *state = (void *)(uintptr_t)variant;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_inversion, state),
		cmocka_unit_test_prestate(test_loopback, state),
		cmocka_unit_test_prestate(test_dma, state),
		cmocka_unit_test_prestate(test_ring_fault, state),
		cmocka_unit_test_prestate(test_unknown_opcode, state),
		cmocka_unit_test_prestate(test_trapped_vf, state),
		cmocka_unit_test_prestate(test_vf, state),
		cmocka_unit_test_prestate(test_bus_master, state),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int
client_cases_run(enum revere_emu_mode mode)
{
	const struct variant words_a = { mode, false, 0 }, halves_a = { mode, true, 0 };
	const struct variant words_b = { mode, false, 2 }, halves_b = { mode, true, 2 };
	int failed = 0;

	failed += variant_run(&words_a, "Type A1, 64-bit accesses");
	failed += variant_run(&halves_a, "Type A1, 32-bit accesses");
	failed += variant_run(&words_b, "Type B, 64-bit accesses");
	failed += variant_run(&halves_b, "Type B, 32-bit accesses");
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
