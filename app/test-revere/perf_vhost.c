/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command perf vhost: what vhost gets done, by its own copies or with a dmadev's help.
 *
 * Both ends are in this process: vhost, and a virtio-user port that is its guest. One lcore is
 * the guest for a while, which fills or empties the rings, and then the switch, whose time is
 * taken: from the first burst of 32 of a round until the last packet is complete. So a dmadev
 * that is behind costs time, and the guest's work does not. The median of all rounds is what
 * counts, so that a thread that loses its CPU now and then changes little. All bytes of the last
 * round are compared.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <bus_vdev_driver.h>
#include <rte_bus_vdev.h>
#include <rte_dmadev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>
#include <rte_vhost_async.h>

#include "perf.h"
#include "test_revere.h"

#define RING 1024
#define BURST 32
#define ROUND_MAX 512
#define RXQ 0 /* vhost's names: the queue to the guest */
#define TXQ 1
#define ROOM_SHORT 2048 /* of mbufs, with mergeable buffers */
#define ROOM_LONG 9600	/* without */
#define LENGTH_MAX 9216
#define PATIENCE_MS 20000
#define SAMPLES 8192
#define GUEST "net_virtio_user_perf"

struct options {
	const char *dma;
	uint64_t sizes[PERF_LIST_MAX];
	unsigned int num_sizes;
	uint64_t ms, packed, mergeable;
	const char *json;
};

/** Both ends. */
struct bench {
	const struct options *options;
	char path[64];
	struct rte_mempool *guest_pool, *host_pool;
	int16_t dma;  /**< negative: vhost copies itself */
	int vid;      /**< negative: the guest isn't there */
	uint16_t port;
	uint32_t room; /**< bytes of an mbuf */
	uint32_t size, round;
	struct rte_mbuf *packets[ROUND_MAX]; /**< the host's, to the guest */
	uint64_t cycles[SAMPLES]; /**< of the last rounds */
	uint64_t rounds, errors;
};

/** There is one at a time: vhost's callbacks have no argument for it. */
static struct bench *current;

/* ---- Packets --------------------------------------------------------------------------------- */

static uint8_t
packet_byte(uint32_t number, uint32_t at)
{
	return (uint8_t)(number * 3 + at * 5);
}

/** A packet in as many mbufs as it needs. */
static struct rte_mbuf *
packet_make(struct rte_mempool *pool, uint32_t room, uint32_t size, uint32_t number)
{
	struct rte_mbuf *head = NULL, *mbuf;
	uint32_t at = 0, i, part;

	while (at < size) {
		mbuf = rte_pktmbuf_alloc(pool);
		if (mbuf == NULL || (head != NULL && rte_pktmbuf_chain(head, mbuf) != 0)) {
			rte_pktmbuf_free(mbuf);
			rte_pktmbuf_free(head);
			return NULL;
		}
		head = head == NULL ? mbuf : head;
		part = RTE_MIN(size - at, room);
		mbuf->data_len = (uint16_t)part;
		for (i = 0; i < part; i++)
			rte_pktmbuf_mtod(mbuf, uint8_t *)[i] = packet_byte(number, at + i);
		at += part;
		head->pkt_len = at;
	}
	return head;
}

static bool
packet_right(const struct rte_mbuf *mbuf, uint32_t size, uint32_t number)
{
	static uint8_t room[LENGTH_MAX];
	const uint8_t *data = rte_pktmbuf_read(mbuf, 0, size, room);
	uint32_t at;

	if (mbuf->pkt_len != size || data == NULL)
		return false;
	for (at = 0; at < size; at++) {
		if (data[at] != packet_byte(number, at))
			return false;
	}
	return true;
}

/* ---- vhost ----------------------------------------------------------------------------------- */

static int
device_new(int vid)
{
	if (current->dma >= 0 && (rte_vhost_async_channel_register(vid, RXQ) != 0 ||
				  rte_vhost_async_channel_register(vid, TXQ) != 0))
		return -1;
	__atomic_store_n(&current->vid, vid, __ATOMIC_SEQ_CST);
	return 0;
}

/** Nothing is under way: the guest leaves after the last round. */
static void
device_destroy(int vid)
{
	if (current->dma >= 0) {
		rte_vhost_async_channel_unregister_thread_unsafe(vid, RXQ);
		rte_vhost_async_channel_unregister_thread_unsafe(vid, TXQ);
	}
	__atomic_store_n(&current->vid, -1, __ATOMIC_SEQ_CST);
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = device_new,
	.destroy_device = device_destroy,
};

static int
vhost_start(struct bench *bench)
{
	int ret;

	snprintf(bench->path, sizeof(bench->path), "/tmp/perf-vhost.%d", getpid());
	unlink(bench->path);
	ret = rte_vhost_driver_register(bench->path,
					bench->dma >= 0 ? RTE_VHOST_USER_ASYNC_COPY : 0);
	if (ret == 0)
		ret = rte_vhost_driver_callback_register(bench->path, &device_ops);
	if (ret == 0)
		ret = rte_vhost_driver_start(bench->path);
	if (ret != 0)
		fprintf(stderr, "%s: vhost can't be started\n", bench->path);
	return ret;
}

static int
dma_start(struct bench *bench)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 4096 };
	int ret;

	bench->dma = -1;
	if (bench->options->dma == NULL)
		return 0;
	ret = rte_dma_get_dev_id_by_name(bench->options->dma);
	bench->dma = (int16_t)ret;
	if (ret >= 0)
		ret = rte_dma_configure(bench->dma, &conf);
	if (ret == 0)
		ret = rte_dma_vchan_setup(bench->dma, 0, &vchan);
	if (ret == 0)
		ret = rte_dma_start(bench->dma);
	if (ret == 0)
		ret = rte_vhost_async_dma_configure(bench->dma, 0);
	if (ret != 0)
		fprintf(stderr, "--dma %s: can't be used by vhost: %s\n", bench->options->dma,
			strerror(ret < 0 ? -ret : EINVAL));
	return ret;
}

/* ---- Guest ----------------------------------------------------------------------------------- */

static struct rte_mempool *
pool_new(const char *name, uint32_t room)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, 6143, 128, 0,
		(uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);

	if (pool == NULL)
		fprintf(stderr, "no memory for mbufs: %s\n", rte_strerror(rte_errno));
	return pool;
}

static int
guest_plug(struct bench *bench)
{
	char args[256];

	snprintf(args, sizeof(args), "path=%s,queue_size=%u,packed_vq=%u,mrg_rxbuf=%u",
		 bench->path, RING, (unsigned int)bench->options->packed,
		 (unsigned int)bench->options->mergeable);
	if (rte_vdev_init(GUEST, args) != 0 ||
	    rte_eth_dev_get_port_by_name(GUEST, &bench->port) != 0) {
		fprintf(stderr, "no virtio-user port: run with --single-file-segments\n");
		return -ENODEV;
	}
	return 0;
}

static int
guest_start(struct bench *bench)
{
	const struct rte_eth_conf conf = {
		.rxmode = {
			.mtu = LENGTH_MAX,
			.offloads = bench->options->mergeable ? RTE_ETH_RX_OFFLOAD_SCATTER : 0,
		},
	};
	uint64_t end;
	int ret = guest_plug(bench);

	if (ret == 0)
		ret = rte_eth_dev_configure(bench->port, 1, 1, &conf);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(bench->port, 0, RING, SOCKET_ID_ANY, NULL,
					     bench->guest_pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(bench->port, 0, RING, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(bench->port);
	end = perf_end(PATIENCE_MS);
	while (ret == 0 && __atomic_load_n(&bench->vid, __ATOMIC_SEQ_CST) < 0) {
		rte_delay_us_sleep(1000);
		if (rte_rdtsc() > end)
			ret = -ETIMEDOUT;
	}
	if (ret != 0)
		fprintf(stderr, "the guest can't be started: %s\n", strerror(-ret));
	return ret;
}

/** Takes a round's packets off the guest's ring. */
static bool
guest_receive(struct bench *bench, bool compare)
{
	uint64_t end = perf_end(PATIENCE_MS);
	struct rte_mbuf *mbufs[BURST];
	uint32_t got = 0;
	uint16_t i, count;

	while (got < bench->round && rte_rdtsc() < end) {
		count = rte_eth_rx_burst(bench->port, 0, mbufs, BURST);
		for (i = 0; i < count; i++, got++) {
			if (compare && !packet_right(mbufs[i], bench->size, got))
				bench->errors++;
		}
		rte_pktmbuf_free_bulk(mbufs, count);
	}
	return got == bench->round;
}

/** Puts a round's packets on the guest's ring. */
static bool
guest_send(struct bench *bench)
{
	uint64_t end = perf_end(PATIENCE_MS);
	struct rte_mbuf *mbuf = NULL;
	uint32_t sent = 0;

	while (sent < bench->round && rte_rdtsc() < end) {
		if (mbuf == NULL)
			mbuf = packet_make(bench->guest_pool, bench->room, bench->size, sent);
		if (mbuf == NULL || rte_eth_tx_burst(bench->port, 0, &mbuf, 1) == 0)
			continue;
		mbuf = NULL;
		sent++;
	}
	rte_pktmbuf_free(mbuf);
	return sent == bench->round;
}

/* ---- Rounds: what is measured ---------------------------------------------------------------- */

static void
round_end(struct bench *bench, uint64_t cycles)
{
	bench->cycles[bench->rounds++ % SAMPLES] = cycles;
}

/** Packets to the guest, from the first burst to the last completion. */
static bool
round_enqueue(struct bench *bench)
{
	uint64_t begin = rte_rdtsc_precise(), end = begin + rte_get_tsc_hz() * PATIENCE_MS / 1000;
	struct rte_mbuf *complete[BURST];
	uint32_t sent = 0, done = 0;
	uint16_t most;

	while (done < bench->round && rte_rdtsc() < end) {
		most = (uint16_t)RTE_MIN(bench->round - sent, (uint32_t)BURST);
		if (bench->dma < 0) {
			sent += rte_vhost_enqueue_burst(bench->vid, RXQ, &bench->packets[sent],
							most);
			done = sent;
			continue;
		}
		if (most > 0)
			sent += rte_vhost_submit_enqueue_burst(bench->vid, RXQ,
				&bench->packets[sent], most, bench->dma, 0);
		done += rte_vhost_poll_enqueue_completed(bench->vid, RXQ, complete, BURST,
							 bench->dma, 0);
	}
	round_end(bench, rte_rdtsc_precise() - begin);
	return done == bench->round;
}

/** Packets from the guest. */
static bool
round_dequeue(struct bench *bench, struct rte_mbuf **mbufs)
{
	uint64_t begin = rte_rdtsc_precise(), end = begin + rte_get_tsc_hz() * PATIENCE_MS / 1000;
	uint32_t done = 0;
	int flying;

	while (done < bench->round && rte_rdtsc() < end)
		done += bench->dma < 0 ?
			rte_vhost_dequeue_burst(bench->vid, TXQ, bench->host_pool, &mbufs[done],
						BURST) :
			rte_vhost_async_try_dequeue_burst(bench->vid, TXQ, bench->host_pool,
				&mbufs[done], BURST, &flying, bench->dma, 0);
	round_end(bench, rte_rdtsc_precise() - begin);
	return done == bench->round;
}

static bool
enqueue_once(struct bench *bench, bool compare)
{
	return round_enqueue(bench) && guest_receive(bench, compare);
}

static bool
dequeue_once(struct bench *bench, bool compare)
{
	/* A burst may be one packet longer than what is left of the round, but isn't. */
	struct rte_mbuf *mbufs[ROUND_MAX + BURST];
	bool good = guest_send(bench) && round_dequeue(bench, mbufs);
	uint32_t i;

	for (i = 0; good && i < bench->round; i++) {
		if (compare && !packet_right(mbufs[i], bench->size, i))
			bench->errors++;
		rte_pktmbuf_free(mbufs[i]);
	}
	return good;
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static int
packets_make(struct bench *bench)
{
	uint32_t i;

	for (i = 0; i < bench->round; i++) {
		bench->packets[i] = packet_make(bench->host_pool, bench->room, bench->size, i);
		if (bench->packets[i] == NULL) {
			rte_pktmbuf_free_bulk(bench->packets, i);
			return -ENOMEM;
		}
	}
	return 0;
}

static int
cycles_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/** Of a round, in the middle of all. */
static double
median_seconds(struct bench *bench)
{
	size_t count = RTE_MIN(bench->rounds, (uint64_t)SAMPLES);

	qsort(bench->cycles, count, sizeof(bench->cycles[0]), cycles_compare);
	return perf_seconds(bench->cycles[count / 2]);
}

/** Runs rounds for a while. @return packets per second, negative: it failed */
static double
measure(struct bench *bench, bool (*once)(struct bench *, bool))
{
	uint64_t end;
	bool good = true;
	int i;

	/* The first rounds find caches, rings and a threshold's decision cold. */
	for (i = 0; i < 20 && good; i++)
		good = once(bench, false);
	bench->rounds = 0;
	end = perf_end(bench->options->ms);
	do {
		good = good && once(bench, false);
	} while (good && rte_rdtsc() < end);
	if (!good || !once(bench, true) || bench->errors > 0)
		return -1;
	return bench->round / median_seconds(bench);
}

static int
report(const struct bench *bench, const char *direction, double rate)
{
	const struct options *options = bench->options;
	const char *dma = options->dma == NULL ? "none" : options->dma;

	if (rate < 0) {
		fprintf(stderr, "%s of %u bytes: %s\n", direction, bench->size,
			bench->errors > 0 ? "wrong contents" : "packets are missing");
		return -EIO;
	}
	printf("%-7s %5u bytes  %-6s %-9s  %-14s %9.3f Mpps %8.1f cycles\n", direction, bench->size,
	       options->packed ? "packed" : "split", options->mergeable ? "mergeable" : "single",
	       dma, rate / 1e6, (double)rte_get_tsc_hz() / rate);
	test_json_row("\"bench\": \"vhost\", \"direction\": \"%s\", \"size\": %u, \"packed\": %u, "
		      "\"mergeable\": %u, \"dma\": \"%s\", \"unit\": \"Mpps\", \"value\": %.4f",
		      direction, bench->size, (unsigned int)options->packed,
		      (unsigned int)options->mergeable, dma, rate / 1e6);
	return 0;
}

static int
size_run(struct bench *bench)
{
	uint32_t mbufs = (bench->size + 12 + bench->room - 1) / bench->room;
	double rate;
	int ret;

	/* So that a round has room in the ring, and beside virtio's own header for each packet. */
	bench->round = RTE_MIN(RING / (mbufs + 1) / BURST * BURST, (uint32_t)ROUND_MAX);
	ret = packets_make(bench);
	if (ret != 0) {
		fprintf(stderr, "no mbufs for packets of %u bytes\n", bench->size);
		return ret;
	}
	rate = measure(bench, enqueue_once);
	ret = report(bench, "enqueue", rate);
	rte_pktmbuf_free_bulk(bench->packets, bench->round);
	if (ret == 0)
		ret = report(bench, "dequeue", measure(bench, dequeue_once));
	return ret;
}

/* ---- Command --------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("perf vhost: packets per second of vhost's core, to and from a virtio-user port\n"
	       "  --dma NAME       dmadev that copies (default: vhost copies itself)\n"
	       "  --size LIST      bytes (default 64,128,256,512,1024,1518,4096,9000)\n"
	       "  --packed 0|1     packed ring (default 0)\n"
	       "  --mergeable 0|1  mergeable buffers, of 2048 bytes (default 1)\n"
	       "  --ms N           per size and direction (default 200)\n"
	       "  --json FILE\n");
}

static int
option_parse(struct options *o, int option, const char *value)
{
	int n;

	switch (option) {
	case 'd':
		o->dma = value;
		return 0;
	case 's':
		n = test_numbers("--size", value, 60, LENGTH_MAX, o->sizes, PERF_LIST_MAX);
		o->num_sizes = n < 0 ? 0 : (unsigned int)n;
		return n < 0 ? n : 0;
	case 'p':
		return test_number("--packed", value, 0, 1, &o->packed);
	case 'g':
		return test_number("--mergeable", value, 0, 1, &o->mergeable);
	case 'm':
		return test_number("--ms", value, 1, 60000, &o->ms);
	case 'j':
		o->json = value;
		return 0;
	}
	return -EINVAL;
}

static int
options_parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "dma", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ "packed", required_argument, NULL, 'p' },
		{ "mergeable", required_argument, NULL, 'g' },
		{ "ms", required_argument, NULL, 'm' },
		{ "json", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int option, ret = 0;

	*options = (struct options){
		.sizes = { 64, 128, 256, 512, 1024, 1518, 4096, 9000 }, .num_sizes = 8,
		.mergeable = 1, .ms = 200,
	};
	optind = 1;
	while (ret == 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
		ret = option_parse(options, option, optarg);
	if (ret == 0 && optind == argc)
		return 0;
	usage();
	return -EINVAL;
}

static void
stop(struct bench *bench)
{
	rte_vdev_uninit(GUEST);
	rte_vhost_driver_unregister(bench->path);
	unlink(bench->path);
	if (bench->dma >= 0)
		rte_dma_stop(bench->dma);
}

int
cmd_perf_vhost(int argc, char **argv)
{
	struct options options;
	static struct bench bench;
	unsigned int i;
	int ret;

	if (options_parse(&options, argc, argv) != 0)
		return EXIT_FAILURE;
	bench = (struct bench){ .options = &options, .vid = -1 };
	current = &bench;
	bench.room = options.mergeable ? ROOM_SHORT : ROOM_LONG;
	bench.guest_pool = pool_new("guest", bench.room);
	bench.host_pool = pool_new("host", bench.room);
	if (bench.guest_pool == NULL || bench.host_pool == NULL || dma_start(&bench) != 0 ||
	    vhost_start(&bench) != 0)
		return EXIT_FAILURE;
	ret = guest_start(&bench);
	if (ret == 0)
		ret = test_json_open(options.json);
	for (i = 0; ret == 0 && i < options.num_sizes; i++) {
		bench.size = (uint32_t)options.sizes[i];
		ret = size_run(&bench);
	}
	test_json_close();
	stop(&bench);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
