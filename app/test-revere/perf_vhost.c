/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command perf vhost: what vhost gets done, by its own copies or with a dmadev's help.
 *
 * Both ends are in this process: vhost, and a virtio-user port that is its guest. One lcore is
 * the guest for a while, which fills or empties the rings, and then the switch, whose time is
 * taken: from the first burst of 32 of a round until the last packet is complete. So a dmadev
 * that is behind costs time, and the guest's work does not.
 *
 * All who may copy take turns of some rounds each, in an order that changes, so that what else
 * the machine does hits all alike: two of them are compared turn by turn, and the median of these
 * ratios counts. All bytes of the last round are compared.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dmadev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_vhost.h>
#include <rte_vhost_async.h>

#include "perf.h"
#include "perf_vhost_end.h"
#include "test_revere.h"

#define BURST 32
#define ROUND_MAX 512
#define ROOM_SHORT 2048 /* of mbufs, with mergeable buffers */
#define ROOM_LONG 9600	/* without */
#define SAMPLES 8192
#define WAYS_MAX 8
#define TURNS_MAX 64
#define COLD_ROUNDS 3	/* of a turn, which find caches and rings cold */
#define COLD_TURNS 20	/* that long the turn before the first one is: thresholds are found */
#define LOST 8		/* times the median, and a round counts as interrupted */
#define NONE "none"	/* vhost itself copies */

struct options {
	const char *ways[WAYS_MAX], *pause;
	unsigned int num_ways;
	uint64_t sizes[PERF_LIST_MAX];
	unsigned int num_sizes;
	uint64_t ms, turns, packed, mergeable;
	bool enqueue, dequeue;
	const char *json;
};

/** One who may copy. */
struct way {
	const char *name;
	struct vhost_end *end;
	int16_t dma;	/**< negative: vhost copies itself */
	bool pauses;	/**< stopped while others have their turn */
	double rates[TURNS_MAX]; /**< packets per second */
};

struct bench {
	const struct options *options;
	struct rte_mempool *guest_pools[2]; /**< of these: a ring may keep most of what it sent */
	struct rte_mempool *host_pool;
	struct vhost_end ends[2]; /**< vhost copies; a dmadev does */
	struct way ways[WAYS_MAX];
	struct way *order[WAYS_MAX]; /**< of this turn */
	uint32_t room; /**< bytes of an mbuf */
	uint32_t size, round;
	struct rte_mbuf *packets[ROUND_MAX]; /**< the host's, to the guest */
	uint64_t cycles[SAMPLES]; /**< of the last rounds */
	uint64_t rounds, errors;
};

/** One round, and whether it went well. */
typedef bool (*round_fn)(struct bench *bench, const struct way *way, bool compare);

/* ---- Packets --------------------------------------------------------------------------------- */

/** Contents from any number on: packets are written and compared as fast as memory goes. */
static uint8_t pattern[256 + VHOST_LENGTH_MAX];

static void
pattern_make(void)
{
	uint32_t at;

	for (at = 0; at < sizeof(pattern); at++)
		pattern[at] = (uint8_t)(at * 5);
}

static const uint8_t *
packet_bytes(uint32_t number)
{
	return &pattern[(uint8_t)(number * 103)];
}

/** A packet in as many mbufs as it needs. */
static struct rte_mbuf *
packet_make(struct rte_mempool *pool, uint32_t room, uint32_t size, uint32_t number)
{
	struct rte_mbuf *head = NULL, *mbuf;
	uint32_t at = 0, part;

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
		memcpy(rte_pktmbuf_mtod(mbuf, void *), packet_bytes(number) + at, part);
		at += part;
		head->pkt_len = at;
	}
	return head;
}

static bool
packet_right(const struct rte_mbuf *mbuf, uint32_t size, uint32_t number)
{
	static uint8_t room[VHOST_LENGTH_MAX];
	const uint8_t *data = rte_pktmbuf_read(mbuf, 0, size, room);

	return mbuf->pkt_len == size && data != NULL &&
	       memcmp(data, packet_bytes(number), size) == 0;
}

/* ---- Guest ----------------------------------------------------------------------------------- */

/** Takes a round's packets off the guest's ring. */
static bool
guest_receive(struct bench *bench, uint16_t port, bool compare)
{
	uint64_t late = perf_end(VHOST_PATIENCE_MS);
	struct rte_mbuf *mbufs[BURST];
	uint32_t got = 0;
	uint16_t i, count;

	while (got < bench->round && rte_rdtsc() < late) {
		count = rte_eth_rx_burst(port, 0, mbufs, BURST);
		for (i = 0; i < count; i++, got++) {
			if (compare && !packet_right(mbufs[i], bench->size, got))
				bench->errors++;
		}
		rte_pktmbuf_free_bulk(mbufs, count);
	}
	return got == bench->round;
}

static bool
burst_make(struct bench *bench, struct rte_mempool *pool, uint32_t first, struct rte_mbuf **mbufs)
{
	uint32_t i;

	for (i = 0; i < BURST; i++) {
		mbufs[i] = packet_make(pool, bench->room, bench->size, first + i);
		if (mbufs[i] == NULL) {
			rte_pktmbuf_free_bulk(mbufs, i);
			return false;
		}
	}
	return true;
}

/** Puts a round's packets on the guest's ring: whole bursts. */
static bool
guest_send(struct bench *bench, const struct vhost_end *to)
{
	uint64_t late = perf_end(VHOST_PATIENCE_MS);
	struct rte_mbuf *mbufs[BURST];
	struct rte_mempool *pool = bench->guest_pools[to->async];
	uint32_t made = 0, sent = 0;

	while (sent < bench->round && rte_rdtsc() < late) {
		if (sent == made && !burst_make(bench, pool, made, mbufs))
			return false;
		made += sent == made ? BURST : 0;
		sent += rte_eth_tx_burst(to->port, 0, &mbufs[sent % BURST],
					 (uint16_t)(made - sent));
	}
	rte_pktmbuf_free_bulk(&mbufs[sent % BURST], made - sent);
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
round_enqueue(struct bench *bench, const struct way *way)
{
	uint64_t begin = rte_rdtsc_precise(), late = perf_end(VHOST_PATIENCE_MS);
	struct rte_mbuf *complete[BURST];
	uint32_t sent = 0, done = 0;
	int vid = way->end->vid;
	uint16_t most;

	while (done < bench->round && rte_rdtsc() < late) {
		most = (uint16_t)RTE_MIN(bench->round - sent, (uint32_t)BURST);
		if (way->dma < 0) {
			sent += rte_vhost_enqueue_burst(vid, VHOST_RXQ, &bench->packets[sent],
							most);
			done = sent;
			continue;
		}
		if (most > 0)
			sent += rte_vhost_submit_enqueue_burst(vid, VHOST_RXQ,
				&bench->packets[sent], most, way->dma, 0);
		done += rte_vhost_poll_enqueue_completed(vid, VHOST_RXQ, complete, BURST,
							 way->dma, 0);
	}
	round_end(bench, rte_rdtsc_precise() - begin);
	return done == bench->round;
}

/** Packets from the guest. */
static bool
round_dequeue(struct bench *bench, const struct way *way, struct rte_mbuf **mbufs)
{
	uint64_t begin = rte_rdtsc_precise(), late = perf_end(VHOST_PATIENCE_MS);
	int vid = way->end->vid, flying;
	uint32_t done = 0;

	while (done < bench->round && rte_rdtsc() < late)
		done += way->dma < 0 ?
			rte_vhost_dequeue_burst(vid, VHOST_TXQ, bench->host_pool, &mbufs[done],
						BURST) :
			rte_vhost_async_try_dequeue_burst(vid, VHOST_TXQ, bench->host_pool,
				&mbufs[done], BURST, &flying, way->dma, 0);
	round_end(bench, rte_rdtsc_precise() - begin);
	return done == bench->round;
}

static bool
enqueue_once(struct bench *bench, const struct way *way, bool compare)
{
	return round_enqueue(bench, way) && guest_receive(bench, way->end->port, compare);
}

static bool
dequeue_once(struct bench *bench, const struct way *way, bool compare)
{
	/* A burst may be one packet longer than what is left of the round, but isn't. */
	struct rte_mbuf *mbufs[ROUND_MAX + BURST];
	bool good = guest_send(bench, way->end) && round_dequeue(bench, way, mbufs);
	uint32_t i;

	for (i = 0; good && i < bench->round; i++) {
		if (compare && !packet_right(mbufs[i], bench->size, i))
			bench->errors++;
		rte_pktmbuf_free(mbufs[i]);
	}
	return good;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

static int
cycles_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/** Seconds of a round: the mean of those that nothing interrupted. */
static double
round_seconds(struct bench *bench)
{
	size_t i, count = RTE_MIN(bench->rounds, (uint64_t)SAMPLES);
	uint64_t sum = 0;

	qsort(bench->cycles, count, sizeof(bench->cycles[0]), cycles_compare);
	for (i = 0; i < count && bench->cycles[i] <= LOST * bench->cycles[count / 2]; i++)
		sum += bench->cycles[i];
	return perf_seconds(sum) / (double)i;
}

/** Runs rounds for a while. @return packets per second, negative: it failed */
static double
rounds_run(struct bench *bench, const struct way *way, round_fn once, uint64_t ms)
{
	bool good = true;
	uint64_t end;
	int i;

	for (i = 0; i < COLD_ROUNDS && good; i++)
		good = once(bench, way, false);
	bench->rounds = 0;
	end = perf_end(ms);
	do {
		good = good && once(bench, way, false);
	} while (good && rte_rdtsc() < end);
	if (!good || !once(bench, way, true) || bench->errors > 0)
		return -1;
	return bench->round / round_seconds(bench);
}

/** One way's turn, in which its dmadev runs. */
static double
turn_run(struct bench *bench, const struct way *way, round_fn once, uint64_t ms)
{
	double rate = -1;

	if (!way->pauses || rte_dma_start(way->dma) == 0)
		rate = rounds_run(bench, way, once, ms);
	if (way->pauses)
		rte_dma_stop(way->dma);
	return rate;
}

static int
rates_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(const double *values, uint64_t count)
{
	double sorted[TURNS_MAX];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), rates_compare);
	return sorted[count / 2];
}

/** How much faster than the first way. */
static double
ratio(const struct bench *bench, const struct way *way)
{
	double ratios[TURNS_MAX];
	uint64_t i;

	for (i = 0; i < bench->options->turns; i++)
		ratios[i] = way->rates[i] / bench->ways[0].rates[i];
	return median(ratios, bench->options->turns);
}

/** Rates of all turns, for JSON. */
static const char *
turns_text(const struct bench *bench, const struct way *way, char *text, size_t size)
{
	size_t length = 0;
	uint64_t i;

	for (i = 0; i < bench->options->turns && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%.4f",
					   i == 0 ? "" : ", ", way->rates[i] / 1e6);
	return text;
}

static void
report(const struct bench *bench, const struct way *way, const char *direction)
{
	const struct options *options = bench->options;
	double rate = median(way->rates, options->turns);
	char text[16 * TURNS_MAX];

	printf("%-7s %5u bytes  %-6s %-9s  %-14s %9.3f Mpps %8.1f cycles  x %.2f\n", direction,
	       bench->size, options->packed ? "packed" : "split",
	       options->mergeable ? "mergeable" : "single", way->name, rate / 1e6,
	       (double)rte_get_tsc_hz() / rate, ratio(bench, way));
	test_json_row("\"bench\": \"vhost\", \"direction\": \"%s\", \"size\": %u, \"packed\": %u, "
		      "\"mergeable\": %u, \"dma\": \"%s\", \"unit\": \"Mpps\", \"value\": %.4f, "
		      "\"turns\": [%s]",
		      direction, bench->size, (unsigned int)options->packed,
		      (unsigned int)options->mergeable, way->name, rate / 1e6,
		      turns_text(bench, way, text, sizeof(text)));
}

/** Who follows whom changes: a turn finds caches, and the engine, as the one before left them. */
static void
order_shuffle(struct bench *bench)
{
	unsigned int i, other;
	struct way *way;

	for (i = bench->options->num_ways - 1; i > 0; i--) {
		other = (unsigned int)rte_rand_max(i + 1);
		way = bench->order[i];
		bench->order[i] = bench->order[other];
		bench->order[other] = way;
	}
}

/** All ways in turn. */
static int
direction_run(struct bench *bench, const char *direction, round_fn once)
{
	const struct options *options = bench->options;
	uint64_t turn, i, ms;
	struct way *way;

	for (i = 0; i < options->num_ways; i++)
		bench->order[i] = &bench->ways[i];
	for (turn = 0; turn <= options->turns; turn++) {
		order_shuffle(bench);
		for (i = 0; i < options->num_ways; i++) {
			way = bench->order[i];
			ms = turn == 0 ? COLD_TURNS * options->ms : options->ms;
			/* The first one is overwritten. */
			way->rates[turn == 0 ? 0 : turn - 1] = turn_run(bench, way, once, ms);
			if (way->rates[turn == 0 ? 0 : turn - 1] >= 0)
				continue;
			fprintf(stderr, "%s of %u bytes, %s: %s\n", direction, bench->size,
				way->name, bench->errors > 0 ? "wrong contents" :
							       "packets are missing");
			return -EIO;
		}
	}
	for (i = 0; i < options->num_ways; i++)
		report(bench, &bench->ways[i], direction);
	return 0;
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
size_run(struct bench *bench)
{
	uint32_t mbufs = (bench->size + 12 + bench->room - 1) / bench->room;
	int ret = 0;

	/* So that a round has room in the ring, and beside virtio's own header for each packet. */
	bench->round = RTE_MIN(VHOST_RING / (mbufs + 1) / BURST * BURST, (uint32_t)ROUND_MAX);
	if (bench->options->enqueue) {
		ret = packets_make(bench);
		if (ret != 0) {
			fprintf(stderr, "no mbufs for packets of %u bytes\n", bench->size);
			return ret;
		}
		ret = direction_run(bench, "enqueue", enqueue_once);
		rte_pktmbuf_free_bulk(bench->packets, bench->round);
	}
	if (ret == 0 && bench->options->dequeue)
		ret = direction_run(bench, "dequeue", dequeue_once);
	return ret;
}

/* ---- Ways ------------------------------------------------------------------------------------ */

static int
dma_start(struct way *way)
{
	const struct rte_dma_conf conf = { .nb_vchans = 1 };
	const struct rte_dma_vchan_conf vchan = { .direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 4096 };
	int ret = rte_dma_get_dev_id_by_name(way->name);

	way->dma = (int16_t)ret;
	if (ret >= 0)
		ret = rte_dma_configure(way->dma, &conf);
	if (ret == 0)
		ret = rte_dma_vchan_setup(way->dma, 0, &vchan);
	if (ret == 0 && !way->pauses)
		ret = rte_dma_start(way->dma);
	if (ret == 0)
		ret = rte_vhost_async_dma_configure(way->dma, 0);
	if (ret != 0)
		fprintf(stderr, "--dma %s: can't be used by vhost: %s\n", way->name,
			strerror(ret < 0 ? -ret : EINVAL));
	return ret;
}

static int
way_start(struct bench *bench, struct way *way, const char *name)
{
	const struct vhost_kind kind = { bench->options->packed, bench->options->mergeable };
	const char *pause = bench->options->pause;
	bool async = strcmp(name, NONE) != 0;
	int ret = 0;

	*way = (struct way){ .name = name, .dma = -1, .end = &bench->ends[async],
		.pauses = pause != NULL && strcmp(pause, name) == 0 };
	if (async)
		ret = dma_start(way);
	if (ret == 0 && !way->end->there)
		ret = vhost_end_start(way->end, async, &kind, bench->guest_pools[async]);
	return ret;
}

static void
way_stop(const struct way *way)
{
	if (way->dma >= 0 && !way->pauses)
		rte_dma_stop(way->dma);
}

static struct rte_mempool *
pool_new(const char *name, uint32_t room)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, 6143, 128, 0,
		(uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);

	if (pool == NULL)
		fprintf(stderr, "no memory for mbufs: %s\n", rte_strerror(rte_errno));
	return pool;
}

/* ---- Command --------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("perf vhost: packets per second of vhost's core, to and from a virtio-user port\n"
	       "  --dma NAME       dmadev that copies, or none: vhost itself (default). Up to 8,\n"
	       "                   which take turns; ratios are to the first one\n"
	       "  --pause NAME     one of them is stopped while others have their turn\n"
	       "  --size LIST      bytes (default 64,128,256,512,1024,1518,4096,9000)\n"
	       "  --direction enqueue|dequeue  (default: both)\n"
	       "  --packed 0|1     packed ring (default 0)\n"
	       "  --mergeable 0|1  mergeable buffers, of 2048 bytes (default 1)\n"
	       "  --ms N           of a turn (default 20)\n"
	       "  --turns N        of each, per size and direction (default 9)\n"
	       "  --json FILE\n");
}

static int
direction_parse(struct options *o, const char *value)
{
	o->enqueue = strcmp(value, "enqueue") == 0;
	o->dequeue = strcmp(value, "dequeue") == 0;
	if (o->enqueue || o->dequeue)
		return 0;
	fprintf(stderr, "--direction %s: enqueue or dequeue is needed\n", value);
	return -EINVAL;
}

static int
way_add(struct options *o, const char *name)
{
	if (o->num_ways == WAYS_MAX) {
		fprintf(stderr, "--dma %s: at most %u take turns\n", name, WAYS_MAX);
		return -EINVAL;
	}
	o->ways[o->num_ways++] = name;
	return 0;
}

static int
option_parse(struct options *o, int option, const char *value)
{
	int n;

	switch (option) {
	case 'd':
		return way_add(o, value);
	case 'P':
		o->pause = value;
		return 0;
	case 'D':
		return direction_parse(o, value);
	case 't':
		return test_number("--turns", value, 1, TURNS_MAX, &o->turns);
	case 's':
		n = test_numbers("--size", value, 60, VHOST_LENGTH_MAX, o->sizes, PERF_LIST_MAX);
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
		{ "pause", required_argument, NULL, 'P' },
		{ "direction", required_argument, NULL, 'D' },
		{ "turns", required_argument, NULL, 't' },
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
		.mergeable = 1, .ms = 20, .turns = 9, .enqueue = true, .dequeue = true,
	};
	optind = 1;
	while (ret == 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
		ret = option_parse(options, option, optarg);
	if (ret == 0 && optind == argc)
		return options->num_ways == 0 ? way_add(options, NONE) : 0;
	usage();
	return -EINVAL;
}

static int
run(struct bench *bench)
{
	const struct options *options = bench->options;
	unsigned int i, started = 0;
	int ret = 0;

	while (ret == 0 && started < options->num_ways) {
		ret = way_start(bench, &bench->ways[started], options->ways[started]);
		started += ret == 0;
	}
	for (i = 0; ret == 0 && i < options->num_sizes; i++) {
		bench->size = (uint32_t)options->sizes[i];
		ret = size_run(bench);
	}
	vhost_end_stop(&bench->ends[0]);
	vhost_end_stop(&bench->ends[1]);
	while (started > 0)
		way_stop(&bench->ways[--started]);
	return ret;
}

int
cmd_perf_vhost(int argc, char **argv)
{
	static struct bench bench;
	struct options options;
	int ret;

	if (options_parse(&options, argc, argv) != 0)
		return EXIT_FAILURE;
	bench = (struct bench){ .options = &options };
	pattern_make();
	bench.room = options.mergeable ? ROOM_SHORT : ROOM_LONG;
	bench.guest_pools[0] = pool_new("guest0", bench.room);
	bench.guest_pools[1] = pool_new("guest1", bench.room);
	bench.host_pool = pool_new("host", bench.room);
	if (bench.guest_pools[0] == NULL || bench.guest_pools[1] == NULL ||
	    bench.host_pool == NULL || test_json_open(options.json) != 0)
		return EXIT_FAILURE;
	ret = run(&bench);
	test_json_close();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
