/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * dpdk-revere-mover: an example of a back end that takes DMA as callbacks. It moves packets from
 * its own memory into that of another process, with transfer_data and get_completed_copies of
 * rte_pmd_revere_dma.h.
 *
 *	dpdk-revere-mover EAL's-ARGUMENTS --vdev=dma_revere0 -- [--packets N] [--dev NAME]
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "mover.h"
#include "rte_pmd_revere_dma.h"

#define BURST 32u
#define RING 1024
#define PATIENCE_S 60

struct options {
	const char *dev;
	uint64_t packets;
};

/** Packets before they are moved; a place is used again when its packet has arrived. */
struct source {
	struct mover_head heads[MOVER_PLACES];
	uint8_t bodies[MOVER_PLACES][MOVER_BODY_MAX];
};

struct mover {
	int16_t dev;
	struct source *source;
	struct mover_shared *shared;
	uint64_t sent, arrived, total;
	pid_t receiver;
};

/* ---- Moving ---------------------------------------------------------------------------------- */

static void
packet_make(struct source *source, uint64_t number)
{
	struct mover_head *head = &source->heads[number % MOVER_PLACES];
	uint8_t *body = source->bodies[number % MOVER_PLACES];
	uint32_t i;

	head->number = number;
	head->length = 1 + (uint32_t)(number * 2654435761u % MOVER_BODY_MAX);
	for (i = 0; i < head->length; i++)
		body[i] = (uint8_t)(number * 7 + i);
	head->sum = mover_sum(body, head->length);
}

static void
list_make(struct rte_dma_sge *sge, struct mover_head *head, uint8_t *body, uint32_t length)
{
	sge[0].addr = (rte_iova_t)(uintptr_t)head;
	sge[0].length = sizeof(*head);
	sge[1].addr = (rte_iova_t)(uintptr_t)body;
	sge[1].length = length;
}

/** Starts the copies of as many packets as there are places for. @return how many, or -errno */
static int
packets_send(struct mover *mover)
{
	struct rte_pmd_revere_dma_packet packets[BURST];
	struct rte_dma_sge lists[BURST][2][2];
	uint64_t places = __atomic_load_n(&mover->shared->free, __ATOMIC_ACQUIRE);
	uint64_t number, end = RTE_MIN(RTE_MIN(places, mover->sent + BURST), mover->total);
	uint16_t count = 0;
	int ret;

	for (number = mover->sent; number < end; number++, count++) {
		uint32_t at = number % MOVER_PLACES;

		packet_make(mover->source, number);
		list_make(lists[count][0], &mover->source->heads[at], mover->source->bodies[at],
			  mover->source->heads[at].length);
		list_make(lists[count][1], &mover->shared->heads[at], mover->shared->bodies[at],
			  mover->source->heads[at].length);
		packets[count] = (struct rte_pmd_revere_dma_packet){
			.src = lists[count][0], .nb_src = 2, .dst = lists[count][1], .nb_dst = 2,
		};
	}
	if (count == 0)
		return 0;
	ret = rte_pmd_revere_dma_transfer_data(mover->dev, 0, packets, count);
	if (ret > 0)
		mover->sent += (unsigned int)ret;
	return ret == -ENOSPC ? 0 : ret;
}

/** Tells the receiver of packets that are complete; they are, in order. */
static int
packets_complete(struct mover *mover)
{
	enum rte_dma_status_code status[BURST];
	int i, count = rte_pmd_revere_dma_get_completed_copies(mover->dev, 0, status, BURST);

	for (i = 0; i < count; i++) {
		if (status[i] != RTE_DMA_STATUS_SUCCESSFUL) {
			fprintf(stderr, "packet %" PRIu64 " can't be moved: status %d\n",
				mover->arrived, status[i]);
			return -EIO;
		}
		mover->arrived++;
	}
	__atomic_store_n(&mover->shared->used, mover->arrived, __ATOMIC_RELEASE);
	return count;
}

/** Moves all packets. */
static int
packets_move(struct mover *mover)
{
	uint64_t patience = PATIENCE_S * rte_get_timer_hz(), last = rte_get_timer_cycles();
	int sent, complete;

	while (mover->arrived < mover->total) {
		sent = packets_send(mover);
		if (sent < 0)
			return sent;
		complete = packets_complete(mover);
		if (complete < 0)
			return complete;
		if (sent + complete > 0) {
			last = rte_get_timer_cycles();
			continue;
		}
		if (rte_get_timer_cycles() - last > patience ||
		    waitpid(mover->receiver, NULL, WNOHANG) != 0)
			return -ETIMEDOUT;
		rte_pause();
	}
	return 0;
}

/** Whatever happened: nobody writes to the other process' memory after this. */
static void
packets_end(struct mover *mover)
{
	while (rte_pmd_revere_dma_channel_in_flight(mover->dev, 0) > 0)
		rte_pmd_revere_dma_get_completed_copies(mover->dev, 0, NULL, BURST);
	rte_pmd_revere_dma_channel_unregister(mover->dev, 0);
	rte_dma_stop(mover->dev);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int
device_start(struct mover *mover, const char *name)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = RING };
	int ret = name == NULL ? rte_dma_next_dev(0) : rte_dma_get_dev_id_by_name(name);

	if (ret < 0 || rte_eal_iova_mode() != RTE_IOVA_VA) {
		fprintf(stderr, "%s\n", ret < 0 ? "there is no such dmadev: --vdev=dma_revere0" :
			"addresses of the other process' memory need --iova-mode=va");
		return -ENODEV;
	}
	mover->dev = (int16_t)ret;
	ret = rte_dma_configure(mover->dev, &conf);
	if (ret == 0)
		ret = rte_dma_vchan_setup(mover->dev, 0, &vchan);
	if (ret == 0)
		ret = rte_dma_start(mover->dev);
	if (ret == 0)
		ret = rte_pmd_revere_dma_channel_register(mover->dev, 0, MOVER_PLACES);
	if (ret != 0)
		fprintf(stderr, "the dmadev can't be used: %s\n", strerror(-ret));
	return ret;
}

/** @return exit code */
static int
mover_run(struct mover *mover, const struct options *options)
{
	uint64_t begin;
	int ret;

	mover->total = options->packets;
	__atomic_store_n(&mover->shared->total, mover->total, __ATOMIC_RELEASE);
	mover->source = rte_zmalloc("mover", sizeof(*mover->source), RTE_CACHE_LINE_SIZE);
	if (mover->source == NULL || device_start(mover, options->dev) != 0)
		return EXIT_FAILURE;
	begin = rte_get_timer_cycles();
	ret = packets_move(mover);
	printf("%" PRIu64 " packets moved, %.0f a second: %s\n", mover->arrived,
	       (double)mover->arrived * (double)rte_get_timer_hz() /
		       (double)(rte_get_timer_cycles() - begin),
	       ret == 0 ? "all" : strerror(-ret));
	packets_end(mover);
	rte_free(mover->source);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
options_parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "packets", required_argument, NULL, 'n' },
		{ "dev", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	char *end = NULL;
	int option;

	*options = (struct options){ .packets = 100000 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'd')
			options->dev = optarg;
		else if (option == 'n')
			options->packets = strtoull(optarg, &end, 10);
		else
			optind = argc + 1;
	}
	if (optind == argc && options->packets > 0 && (end == NULL || *end == '\0'))
		return 0;
	fprintf(stderr, "dpdk-revere-mover EAL's arguments -- [--packets N] [--dev NAME]\n");
	return -EINVAL;
}

/** Ends the receiver, and says whether it has got all. */
static bool
receiver_end(struct mover *mover, bool good)
{
	int status = 0;

	__atomic_store_n(&mover->shared->failed, !good, __ATOMIC_RELEASE);
	if (waitpid(mover->receiver, &status, 0) != mover->receiver)
		return false;
	printf("receiver: %s\n", status == 0 ? "got all, in order and unharmed" : "failed");
	return status == 0;
}

int
main(int argc, char **argv)
{
	struct mover mover = { 0 };
	struct options options;
	int ret, eal;

	mover.shared = mmap(NULL, sizeof(*mover.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mover.shared == MAP_FAILED)
		return EXIT_FAILURE;
	/* Before EAL: the other process has nothing of DPDK. */
	mover.receiver = fork();
	if (mover.receiver < 0)
		return EXIT_FAILURE;
	if (mover.receiver == 0)
		_exit(receiver_run(mover.shared));
	eal = rte_eal_init(argc, argv);
	ret = eal < 0 || options_parse(&options, argc - eal, argv + eal) != 0 ? EXIT_FAILURE :
		mover_run(&mover, &options);
	if (!receiver_end(&mover, ret == EXIT_SUCCESS))
		ret = EXIT_FAILURE;
	if (eal >= 0)
		rte_eal_cleanup();
	return ret;
}
