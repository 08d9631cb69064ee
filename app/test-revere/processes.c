/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command processes: one dmadev in two processes. The primary starts it with two vchans and
 * copies on the first until its standard input ends; a secondary copies on the other meanwhile,
 * now and then to and from memory of its own, at an address where the primary has other memory.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "test_revere.h"

#define RING 256
#define BATCH 32
#define SIZE 512
#define ROUNDS 1000 /* of a secondary */
#define TIMEOUT_S 10
#define PRIVATE_AT UINT64_C(0x2d0000000000)
#define PRIVATE_EVERY 10 /* rounds */
#define PRIMARYS 0xa5 /* what the primary has there */

static int
device_start(int16_t id)
{
	const struct rte_dma_conf conf = { .nb_vchans = 2 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = RING };
	int ret = rte_dma_configure(id, &conf);

	if (ret == 0)
		ret = rte_dma_vchan_setup(id, 0, &vchan);
	if (ret == 0)
		ret = rte_dma_vchan_setup(id, 1, &vchan);
	return ret == 0 ? rte_dma_start(id) : ret;
}

static uint64_t iova_shift; /* from addresses of DPDK's memory to IOVAs */

/** Memory that no other process has, at the same address in all of them; NULL: there is none. */
static uint8_t *
private_memory(void)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	uint8_t *memory = mmap((void *)(uintptr_t)PRIVATE_AT, BATCH * SIZE,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Addresses are only a wish, but one that nobody else has. */
	if (memory == MAP_FAILED || (uintptr_t)memory != PRIVATE_AT || iova_shift != 0)
		return NULL;
	memset(memory, PRIMARYS, BATCH * SIZE);
	return memory;
}

static bool
private_untouched(const uint8_t *memory)
{
	unsigned int i;

	for (i = 0; memory != NULL && i < BATCH * SIZE; i++)
		if (memory[i] != PRIMARYS)
			return false;
	return true;
}

/** A batch of copies, and whether all bytes arrived. */
static int
copy_batch(int16_t id, uint16_t vchan, uint8_t *from, uint8_t *to, uint8_t pattern)
{
	rte_iova_t src = (uintptr_t)from + iova_shift, dst = (uintptr_t)to + iova_shift;
	uint64_t end = rte_get_timer_cycles() + TIMEOUT_S * rte_get_timer_hz();
	unsigned int i, done = 0;
	uint16_t last;
	bool error = false;

	memset(from, pattern, BATCH * SIZE);
	memset(to, ~pattern, BATCH * SIZE);
	for (i = 0; i < BATCH; i++)
		if (rte_dma_copy(id, vchan, src + i * SIZE, dst + i * SIZE, SIZE, 0) < 0)
			return -ENOSPC;
	rte_dma_submit(id, vchan);
	while (done < BATCH && !error && rte_get_timer_cycles() < end) {
		done += rte_dma_completed(id, vchan, BATCH, &last, &error);
		rte_pause();
	}
	if (error || done < BATCH)
		return error ? -EIO : -ETIMEDOUT;
	return memcmp(from, to, BATCH * SIZE) == 0 ? 0 : -EBADMSG;
}

static bool
stdin_ended(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&input, 1, 0) != 0;
}

static int
copy_all(int16_t id, bool primary, uint64_t *rounds)
{
	uint8_t *from = rte_malloc("processes", (size_t)2 * BATCH * SIZE, 2 * BATCH * SIZE);
	uint8_t *to = from + BATCH * SIZE, *private, pattern;
	int ret = from == NULL ? -ENOMEM : 0;

	iova_shift = rte_malloc_virt2iova(from) - (uintptr_t)from;
	private = private_memory();
	for (*rounds = 0; ret == 0 && (primary ? !stdin_ended() : *rounds < ROUNDS); ++*rounds) {
		pattern = (uint8_t)(*rounds * 7 + primary);
		ret = copy_batch(id, primary ? 0 : 1, from, to, pattern);
		if (primary || private == NULL || *rounds % PRIVATE_EVERY != 0)
			continue;
		if (ret == 0)
			ret = copy_batch(id, 1, from, private, pattern);
		if (ret == 0)
			ret = copy_batch(id, 1, private, to, (uint8_t)(pattern + 1));
	}
	rte_free(from);
	return ret != 0 || !primary || private_untouched(private) ? ret : -EFAULT;
}

int
cmd_processes(int argc, char **argv)
{
	bool primary = rte_eal_process_type() == RTE_PROC_PRIMARY;
	int16_t id = rte_dma_next_dev(0);
	uint64_t rounds = 0;
	int ret = 0;

	(void)argv;
	if (argc > 1 || id < 0) {
		printf("processes: one dmadev in two processes: run it with --proc-type=primary "
			"and a dma_revere,\n"
			"then with --proc-type=secondary and the same --file-prefix\n");
		return EXIT_FAILURE;
	}
	if (primary)
		ret = device_start(id);
	if (ret == 0) {
		printf("ready\n");
		fflush(stdout);
		ret = copy_all(id, primary, &rounds);
	}
	if (primary) {
		rte_dma_stop(id);
		rte_dma_dump(id, stdout);
	}
	printf("%s: %" PRIu64 " batches of %d copies: %s\n", primary ? "primary" : "secondary",
		rounds, BATCH, ret == 0 ? "passed" : strerror(-ret));
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
