/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command processes: one dmadev in two processes. The primary starts it with two vchans and
 * copies on the first until its standard input ends; a secondary copies on the other meanwhile.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
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

/** A batch of copies, and whether all bytes arrived. */
static int
copy_batch(int16_t id, uint16_t vchan, uint8_t *from, uint8_t pattern)
{
	uint8_t *to = from + BATCH * SIZE;
	rte_iova_t iova = rte_malloc_virt2iova(from);
	uint64_t end = rte_get_timer_cycles() + TIMEOUT_S * rte_get_timer_hz();
	unsigned int i, done = 0;
	uint16_t last;
	bool error = false;

	memset(from, pattern, BATCH * SIZE);
	memset(to, ~pattern, BATCH * SIZE);
	for (i = 0; i < BATCH; i++)
		if (rte_dma_copy(id, vchan, iova + i * SIZE, iova + (BATCH + i) * SIZE, SIZE,
			    0) < 0)
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
	uint8_t *memory = rte_malloc("processes", (size_t)2 * BATCH * SIZE, 2 * BATCH * SIZE);
	int ret = memory == NULL ? -ENOMEM : 0;

	for (*rounds = 0; ret == 0 && (primary ? !stdin_ended() : *rounds < ROUNDS); ++*rounds)
		ret = copy_batch(id, primary ? 0 : 1, memory, (uint8_t)(*rounds * 7 + primary));
	rte_free(memory);
	return ret;
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
	if (primary)
		rte_dma_stop(id);
	printf("%s: %" PRIu64 " batches of %d copies: %s\n", primary ? "primary" : "secondary",
		rounds, BATCH, ret == 0 ? "passed" : strerror(-ret));
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
