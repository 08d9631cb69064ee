/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What the emulator's data path costs, without DPDK: messages through the switch, copies by the
 * DMA agent, and what idle contexts cost a busy one.
 *
 * Most rows run the device inline and time the device alone; software's side isn't counted. The
 * rows "threads" have a worker on another core and count both.
 */

#include <inttypes.h>

#include "../unit/emu_client.h"

#define MEMORY ((size_t)256 << 20)
#define ROUND_NS UINT64_C(300000000)
#define DMA_AHA 3
#define INVERSION_AHA 0

static void
bench_open(struct ec *c, enum revere_emu_mode mode, unsigned int contexts)
{
	struct revere_emu_config config;

	revere_emu_config_init(&config);
	config.mode = mode;
	config.num_ami_sw = contexts;
	config.num_ami_hw = contexts < 16 ? 16 : contexts;
	config.num_asn = 4 * contexts;
	ec_open(c, &config, MEMORY);
}

/** An AMI-SW with a session to an agent's AMI-HW and one back, on sockets 0. */
static void
pair_open(struct ec *c, unsigned int id, unsigned int aha, unsigned int log2_size,
	  uint32_t tx_bytes, uint32_t rx_bytes, struct ec_ring *tx, struct ec_ring *rx)
{
	ec_sw_map(c, id);
	ec_hw_up(c, aha, id, id);
	ec_session(c, 2 * id, EC_SW(id, 0), EC_HW(aha, id, 0), tx_bytes, 0);
	ec_session(c, 2 * id + 1, EC_HW(aha, id, 0), EC_SW(id, 0), rx_bytes, 0);
	*tx = ec_ring(c, id, 0, true, log2_size, tx_bytes, 0);
	*rx = ec_ring(c, id, 0, false, log2_size, rx_bytes, 0);
	ec_sw_enable(c, id);
}

/** Messages per second of the device's time, `batch` at a time. */
static double
device_rate(struct ec_ring *tx, struct ec_ring *rx, unsigned int batch)
{
	uint64_t device = 0, messages = 0, start = ec_now();

	while (ec_now() - start < ROUND_NS) {
		uint64_t begin;

		tx->index += batch;
		ec_doorbell(tx);
		begin = ec_now();
		revere_emu_kick(tx->c->emu);
		device += ec_now() - begin;
		EC_CHECK(ec_waiting(rx) == batch, "%" PRIu64 " answers", ec_waiting(rx));
		rx->index += batch;
		ec_release(rx);
		messages += batch;
	}
	return (double)messages * 1e9 / (double)device;
}

/** The same with a worker beside: as fast as both go. */
static double
pair_rate(struct ec_ring *tx, struct ec_ring *rx, uint64_t ns)
{
	uint64_t messages = 0, start = ec_now(), now;

	do {
		uint64_t waiting = ec_waiting(rx);
		uint64_t room = tx->mask + 1 -
				(tx->index -
				 atomic_load_explicit(tx->read, memory_order_acquire));

		if (room >= 16) {
			/* Software writes each message's first line. */
			for (unsigned int n = 0; n < 16; n++)
				memset(ec_slot(tx, tx->index + n), (int)n, 32);
			tx->index += 16;
			ec_doorbell(tx);
		}
		if (waiting > 0) {
			rx->index += waiting;
			ec_release(rx);
			messages += waiting;
		}
		now = ec_now();
	} while (now - start < ns);
	return (double)messages * 1e9 / (double)(now - start);
}

static void
drain(struct ec_ring *tx, struct ec_ring *rx)
{
	while (rx->index != tx->index) {
		rx->index += ec_waiting(rx);
		ec_release(rx);
		ec_kick(rx->c);
	}
}

static void
bench_switch(uint32_t bytes)
{
	struct ec_ring tx, rx;
	struct ec c;

	bench_open(&c, REVERE_EMU_INLINE, 16);
	pair_open(&c, 0, INVERSION_AHA, 10, bytes, bytes, &tx, &rx);
	printf("%-32s %8.2f M/s\n", bytes == 64 ? "inversion 64 B" : "inversion 256 B",
	       device_rate(&tx, &rx, 32) / 1e6);
	ec_close(&c);
	bench_open(&c, REVERE_EMU_INLINE, 16);
	ec_sw_map(&c, 0);
	ec_session(&c, 0, EC_SW(0, 0), EC_SW(0, 0), bytes, 0);
	tx = ec_ring(&c, 0, 0, true, 10, bytes, 0);
	rx = ec_ring(&c, 0, 0, false, 10, bytes, 0);
	ec_sw_enable(&c, 0);
	printf("%-32s %8.2f M/s\n", bytes == 64 ? "loopback 64 B" : "loopback 256 B",
	       device_rate(&tx, &rx, 32) / 1e6);
	printf("%-32s %8.2f M/s\n", "  one message a doorbell", device_rate(&tx, &rx, 1) / 1e6);
	ec_close(&c);
}

static void
bench_threads(void)
{
	struct ec_ring tx, rx;
	struct ec c;

	bench_open(&c, REVERE_EMU_THREADED, 16);
	pair_open(&c, 0, INVERSION_AHA, 10, 256, 64, &tx, &rx);
	printf("%-32s %8.2f M/s\n", "inversion 256 B, threads",
		pair_rate(&tx, &rx, 500000000) / 1e6);
	drain(&tx, &rx);
	ec_close(&c);
}

/** Fills a message with a batch of copies between random slots of two areas. */
static void
dma_message(struct ec *c, uint8_t *msg, const uint8_t *src, uint8_t *dst, unsigned int count,
	    uint32_t len, size_t slots, unsigned int *seed)
{
	struct rvr_dma_batch head = { .count = rvr_cpu_le16((uint16_t)count),
				      .form = rvr_cpu_le32(RVR_DMA_FORM_BATCH) };

	memcpy(msg, &head, sizeof(head));
	for (unsigned int n = 0; n < count; n++) {
		size_t from = (size_t)rand_r(seed) % slots, to = (size_t)rand_r(seed) % slots;
		struct rvr_dma_op op = {
			.src = rvr_cpu_le64(ec_iova(c, src + from * len)),
			.dst = rvr_cpu_le64(ec_iova(c, dst + to * len)),
			.len = rvr_cpu_le32(len),
		};

		memcpy(msg + sizeof(head) + n * sizeof(op), &op, sizeof(op));
	}
}

/** The CPU's own memcpy, over the same kind of addresses; copies per second. */
static double
memcpy_rate(const uint8_t *src, uint8_t *dst, uint32_t len, size_t slots)
{
	uint64_t copies = 0, start = ec_now(), now;
	unsigned int seed = 1;
	static uint32_t at[2][32768];

	for (unsigned int n = 0; n < 32768; n++) {
		at[0][n] = (uint32_t)((size_t)rand_r(&seed) % slots);
		at[1][n] = (uint32_t)((size_t)rand_r(&seed) % slots);
	}
	do {
		for (unsigned int n = 0; n < 32768; n++)
			memcpy(dst + (size_t)at[0][n] * len, src + (size_t)at[1][n] * len, len);
		copies += 32768;
		now = ec_now();
	} while (now - start < ROUND_NS);
	return (double)copies * 1e9 / (double)(now - start);
}

static void
bench_dma(uint32_t len, size_t area)
{
	struct ec_ring tx, rx;
	unsigned int seed = 1;
	uint8_t *src, *dst;
	double rate, cpu;
	struct ec c;

	bench_open(&c, REVERE_EMU_INLINE, 16);
	src = ec_alloc(&c, area, 4096);
	dst = ec_alloc(&c, area, 4096);
	pair_open(&c, 0, DMA_AHA, 10, 1024, 64, &tx, &rx);
	for (unsigned int n = 0; n <= tx.mask; n++)
		dma_message(&c, ec_slot(&tx, n), src, dst, 32, len, area / len, &seed);
	rate = device_rate(&tx, &rx, 8) * 32;
	cpu = memcpy_rate(src, dst, len, area / len);
	printf("DMA %6u B in %3zu MiB %14.2f M/s  memcpy %8.2f M/s  %5.2f\n", len, area >> 20,
	       rate / 1e6, cpu / 1e6, rate / cpu);
	ec_close(&c);
}

/** Messages that a session has moved, from the device's dump. */
static uint64_t
session_messages(const struct ec *c, unsigned int asn)
{
	char *text = NULL, want[32], *line;
	uint64_t messages = 0;
	FILE *file = tmpfile();
	size_t size = 0;

	EC_CHECK(file != NULL, "no temporary file");
	EC_CHECK(revere_emu_dump(c->emu, fileno(file)) == 0, "dump");
	rewind(file);
	snprintf(want, sizeof(want), "ASN %u:", asn);
	while (getline(&text, &size, file) > 0) {
		line = strstr(text, "priority");
		if (strncmp(text, want, strlen(want)) == 0 && line != NULL)
			EC_CHECK(sscanf(line, "priority %*u, %" SCNu64, &messages) == 1, "%s",
				 text);
	}
	free(text);
	fclose(file);
	return messages;
}

static uint64_t
cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#define COLD_TRIES 31u

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/** Median time in microseconds until contexts that were idle get an answer. */
static double
cold_latency(struct ec_ring *tx, struct ec_ring *rx)
{
	double us[COLD_TRIES];

	for (unsigned int n = 0; n < COLD_TRIES; n++) {
		uint64_t start = ec_now();

		ec_send(&tx[n], 0);
		EC_CHECK(ec_receive(&rx[n], EC_TIMEOUT_NS) != NULL, "context %u is silent", n);
		us[n] = (double)(ec_now() - start) / 1e3;
	}
	qsort(us, COLD_TRIES, sizeof(us[0]), by_value);
	return us[COLD_TRIES / 2];
}

/**
 * Messages per second of a worker's CPU time, with messages that go round between two AMI-HWs of
 * the inversion agent for ever: so the worker is busy whatever else the machine does.
 */
static double
busy_rate(unsigned int idle, double *made, double *cold)
{
	struct ec_ring cold_tx[COLD_TRIES], cold_rx[COLD_TRIES], tx;
	const unsigned int other = 1;
	uint64_t start, messages;
	struct ec c;

	bench_open(&c, REVERE_EMU_THREADED, idle + 1);
	start = ec_now();
	for (unsigned int n = 1; n <= idle; n++)
		pair_open(&c, n, DMA_AHA, 6, 64, 64, &cold_tx[n % COLD_TRIES],
			  &cold_rx[n % COLD_TRIES]);
	*made = (double)(ec_now() - start) / 1e9;
	ec_sw_map(&c, 0);
	ec_hw_up(&c, INVERSION_AHA, 0, idle + 1);
	ec_hw_up(&c, INVERSION_AHA, other, idle + 2);
	/* The messages wait at the second AMI-HW until it has a session back to the first. */
	ec_session(&c, 0, EC_SW(0, 0), EC_HW(INVERSION_AHA, 0, 0), 256, 0);
	ec_session(&c, 1, EC_HW(INVERSION_AHA, 0, 0), EC_HW(INVERSION_AHA, other, 0), 256, 0);
	tx = ec_ring(&c, 0, 0, true, 6, 256, 0);
	ec_sw_enable(&c, 0);
	for (unsigned int n = 0; n < 32; n++)
		ec_send(&tx, n);
	while (ec_room(&tx) && atomic_load(tx.read) != tx.index)
		ec_kick(&c);
	EC_OK(&c, pf_asn_destroy, .asn_id = 0);
	ec_session(&c, 0, EC_HW(INVERSION_AHA, other, 0), EC_HW(INVERSION_AHA, 0, 0), 256, 0);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	messages = session_messages(&c, 1);
	start = cpu_now();
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	start = cpu_now() - start;
	messages = session_messages(&c, 1) - messages;
	if (idle >= COLD_TRIES)
		*cold = cold_latency(cold_tx, cold_rx);
	ec_close(&c);
	return (double)messages * 1e9 / (double)start;
}

/** A busy context alone and among idle ones: median of paired rounds. */
static void
bench_idle(unsigned int idle)
{
	double ratio[9], made, cold = 0;

	for (unsigned int n = 0; n < 9; n++) {
		double alone = busy_rate(0, &made, &cold);
		double among = busy_rate(idle, &made, &cold);

		ratio[n] = among / alone;
		printf("alone %.2f M/s, among %u idle contexts %.2f M/s; made in %.3f s, one of "
		       "them answered after %.0f us\n",
		       alone / 1e6, idle, among / 1e6, made, cold);
	}
	qsort(ratio, 9, sizeof(ratio[0]), by_value);
	printf("busy among %u idle contexts: %.3f of its rate alone (%.3f to %.3f)\n", idle,
	       ratio[4], ratio[1], ratio[7]);
}

int
main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	if (strstr("switch", only) != NULL) {
		bench_switch(64);
		bench_switch(256);
		bench_threads();
	}
	if (strstr("dma", only) != NULL) {
		bench_dma(64, (size_t)1 << 20);
		bench_dma(64, (size_t)64 << 20);
		bench_dma(1024, (size_t)1 << 20);
		bench_dma(1024, (size_t)64 << 20);
		bench_dma(16384, (size_t)1 << 20);
		bench_dma(16384, (size_t)64 << 20);
		bench_dma(65536, (size_t)64 << 20);
	}
	if (strstr("idle", only) != NULL)
		bench_idle(4095);
	return 0;
}
