/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command traffic: packets with sequence numbers and checksums, between the ports of two
 * processes or from a port back to itself, through whatever lies between: a vhost switch.
 *
 * One sends, and has at most a window of packets under way; the other one gives each packet
 * back. Both check that none is missing, out of order or changed. One of them may vanish and
 * come back: after a while without answers the sender begins again with a new epoch, and what
 * was under way in the last one is not missed. A packet lost in an epoch is always found out:
 * the next one that arrives has a wrong number, and if there is none the sender's patience ends.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "perf.h"
#include "test_revere.h"

#define RING 256
#define BURST 32
#define LENGTH_MAX 9600
#define ETHER_TYPE 0x88b5 /* for local experiments */
#define HELLO_MS 20 /* each one without an answer waits for twice as long */
#define HELLO_MS_MAX 1280
#define IDLE_US 20
#define BREATH ((size_t)96 << 20) /* more than DPDK has left of what it began with */

/** What a packet is for. */
enum kind { KIND_HELLO = 1, KIND_DATA = 2 };

/** Begin of each packet; in the CPU's byte order, as both ends are on this machine. */
struct head {
	struct rte_ether_hdr ether;
	uint16_t kind;
	uint32_t length; /**< of the packet; switches may append something */
	uint32_t epoch;
	uint32_t sum; /**< of what follows the head, and of number, epoch and length */
	uint64_t number;
} __attribute__((packed, aligned(2)));

struct options {
	struct rte_ether_addr peer;
	uint64_t packets, window, patience_ms, restarts, breathe_ms;
	uint64_t sizes[PERF_LIST_MAX];
	unsigned int num_sizes;
	bool echo, has_peer;
	const char *json;
};

/** This end. */
struct end {
	const struct options *options;
	uint16_t port;
	struct rte_mempool *pool;
	struct rte_ether_addr own;
	uint32_t epoch;
	uint64_t sent, back;  /**< sender: of this epoch */
	uint64_t next;	      /**< echo: number that has to come */
	uint64_t done, bytes; /**< of all epochs, found right */
	uint64_t abandoned;   /**< sender: were under way at the end of an epoch */
	uint64_t wrong;	      /**< missing, out of order or changed */
	uint64_t heard;	      /**< TSC when the peer was last heard, 0: not yet */
	uint64_t hello;	      /**< TSC of the last hello */
	uint64_t hello_ms;    /**< from that one to the next */
	void *breath;	      /**< memory that comes and goes */
	uint64_t breathed;    /**< TSC when it did so last */
};

static volatile sig_atomic_t quit;

static void
on_signal(int sign)
{
	(void)sign;
	quit = 1;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static uint32_t
sum_of(const struct head *head, const uint8_t *data, uint32_t length)
{
	uint64_t word, sum = head->number * 31 + head->epoch * 7 + head->length;
	uint32_t at;

	for (at = 0; at + sizeof(word) <= length; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	}
	for (; at < length; at++)
		sum = (sum ^ data[at]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(sum >> 32);
}

static void
fill(uint8_t *data, uint32_t length, uint64_t seed)
{
	uint32_t at;

	for (at = 0; at < length; at++) {
		if (at % 8 == 0)
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		data[at] = (uint8_t)(seed >> (at % 8 * 8));
	}
}

/** As long as the first segments hold it: the pool's are long enough for all sizes. */
static struct rte_mbuf *
packet_make(const struct end *end, enum kind kind, uint64_t number)
{
	const struct options *options = end->options;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(end->pool);
	uint32_t length = kind == KIND_HELLO ? 64 :
		(uint32_t)options->sizes[number % options->num_sizes];
	struct head *head;

	if (mbuf == NULL)
		return NULL;
	head = (void *)rte_pktmbuf_append(mbuf, (uint16_t)length);
	if (head == NULL) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	head->ether.dst_addr = options->peer;
	head->ether.src_addr = end->own;
	head->ether.ether_type = rte_cpu_to_be_16(ETHER_TYPE);
	head->kind = (uint16_t)kind;
	head->length = length;
	head->epoch = end->epoch;
	head->number = number;
	fill((uint8_t *)(head + 1), length - (uint32_t)sizeof(*head), number ^ end->epoch);
	head->sum = sum_of(head, (uint8_t *)(head + 1), length - (uint32_t)sizeof(*head));
	return mbuf;
}

/** The packet in one piece, NULL: none of ours. */
static const struct head *
packet_read(const struct rte_mbuf *mbuf, uint8_t *room)
{
	const struct head *head;

	if (mbuf->pkt_len < sizeof(*head) || mbuf->pkt_len > LENGTH_MAX)
		return NULL;
	head = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, room);
	return head->ether.ether_type == rte_cpu_to_be_16(ETHER_TYPE) ? head : NULL;
}

static bool
packet_right(const struct head *head, const struct rte_mbuf *mbuf)
{
	return head->length >= sizeof(*head) && head->length <= mbuf->pkt_len &&
	       head->sum == sum_of(head, (const uint8_t *)(head + 1),
				   head->length - (uint32_t)sizeof(*head));
}

/** Whether it is the packet that has to come; says what is wrong with it. */
static bool
packet_check(struct end *end, const struct head *head, const struct rte_mbuf *mbuf, uint64_t next)
{
	bool right = packet_right(head, mbuf);

	if (right && head->number == next) {
		end->done++;
		end->bytes += head->length;
		return true;
	}
	end->wrong++;
	fprintf(stderr, "epoch %u: packet %" PRIu64 " of %u bytes%s, %" PRIu64 " is due\n",
		head->epoch, head->number, mbuf->pkt_len, right ? "" : " with a wrong checksum",
		next);
	return false;
}

static void
hello_send(struct end *end)
{
	struct rte_mbuf *mbuf = packet_make(end, KIND_HELLO, 0);

	if (mbuf != NULL && rte_eth_tx_burst(end->port, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

/**
 * Tells the peer, which wasn't heard yet, and what lies between that this end is there. Few will
 * do: if the peer or the switch doesn't run for seconds, they gather in rings that have to hold
 * a window of packets, and a switch drops what a ring doesn't hold.
 */
static void
hello(struct end *end)
{
	uint64_t now = rte_rdtsc();

	if (now - end->hello < rte_get_tsc_hz() / MS_PER_S * end->hello_ms)
		return;
	end->hello = now;
	end->hello_ms = RTE_MIN(RTE_MAX(end->hello_ms * 2, (uint64_t)HELLO_MS),
				(uint64_t)HELLO_MS_MAX);
	hello_send(end);
}

/* ---- The end that sends ---------------------------------------------------------------------- */

static void
answer_take(struct end *end, const struct rte_mbuf *mbuf)
{
	static uint8_t room[LENGTH_MAX];
	const struct head *head = packet_read(mbuf, room);

	if (head == NULL)
		return;
	if (head->kind == KIND_HELLO) {
		/* To a peer that is alive, but was not yet known on its way, all is lost. */
		if (end->heard == 0)
			end->heard = rte_rdtsc();
		return;
	}
	/* Late ones of an epoch that was given up. */
	if (head->epoch != end->epoch)
		return;
	if (packet_check(end, head, mbuf, end->back))
		end->back++;
	end->heard = rte_rdtsc();
}

static uint16_t
answers_take(struct end *end)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t i, count = rte_eth_rx_burst(end->port, 0, mbufs, BURST);

	for (i = 0; i < count; i++)
		answer_take(end, mbufs[i]);
	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/** Sends what the window has room for. */
static uint16_t
window_fill(struct end *end)
{
	const struct options *options = end->options;
	uint64_t under_way = end->sent - end->back;
	uint64_t left = options->packets - RTE_MIN(end->done + under_way, options->packets);
	uint64_t room = RTE_MIN(options->window - under_way, left);
	uint16_t most = (uint16_t)RTE_MIN(room, (uint64_t)BURST);
	struct rte_mbuf *mbufs[BURST];
	uint16_t count, sent;

	for (count = 0; count < most; count++) {
		mbufs[count] = packet_make(end, KIND_DATA, end->sent + count);
		if (mbufs[count] == NULL)
			break;
	}
	sent = rte_eth_tx_burst(end->port, 0, mbufs, count);
	rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
	end->sent += sent;
	return sent;
}

/** Begins again. @return whether that is allowed */
static bool
epoch_next(struct end *end)
{
	uint64_t under_way = end->sent - end->back;

	if (end->epoch >= end->options->restarts) {
		fprintf(stderr, "no answer in %" PRIu64 " ms, %" PRIu64 " packets under way\n",
			end->options->patience_ms, under_way);
		end->wrong++;
		return false;
	}
	end->abandoned += under_way;
	end->epoch++;
	end->sent = 0;
	end->back = 0;
	end->heard = 0;
	end->hello_ms = 0;
	return true;
}

/**
 * Memory comes or goes in the middle of traffic, of which vhost is told: its queues stop for
 * that, and a switch may drop what it has of them. So what is under way is given up.
 */
static bool
breathe(struct end *end)
{
	uint64_t now = rte_rdtsc();

	if (now - end->breathed < rte_get_tsc_hz() / MS_PER_S * end->options->breathe_ms ||
	    end->sent - end->back < end->options->window / 2)
		return true;
	end->breathed = now;
	if (end->breath != NULL) {
		rte_free(end->breath);
		end->breath = NULL;
	} else {
		end->breath = rte_malloc(NULL, BREATH, 0);
		if (end->breath == NULL)
			fprintf(stderr, "no memory to breathe\n");
	}
	return epoch_next(end);
}

static void
send_all(struct end *end)
{
	uint64_t patience = rte_get_tsc_hz() / MS_PER_S * end->options->patience_ms;
	uint64_t began = rte_rdtsc();
	uint16_t work;

	while (!quit && end->wrong == 0 && end->done < end->options->packets) {
		work = answers_take(end);
		if (end->heard == 0)
			hello(end);
		else
			work += window_fill(end);
		if (end->options->breathe_ms > 0 && !breathe(end))
			return;
		if (end->heard != 0 && rte_rdtsc() - end->heard > patience) {
			if (!epoch_next(end))
				return;
			began = rte_rdtsc();
		}
		if (end->heard == 0 && end->options->restarts == 0 &&
		    rte_rdtsc() - began > patience) {
			epoch_next(end);
			return;
		}
		if (work == 0)
			rte_delay_us_sleep(IDLE_US);
	}
}

/* ---- The end that gives back ----------------------------------------------------------------- */

/** @return whether the packet goes back */
static bool
packet_take(struct end *end, struct rte_mbuf *mbuf)
{
	static uint8_t room[LENGTH_MAX];
	const struct head *head = packet_read(mbuf, room);
	struct rte_ether_hdr *ether;

	if (head == NULL)
		return false;
	if (head->kind != KIND_DATA) {
		hello_send(end);
		return false;
	}
	/* In the middle of an epoch that another process has begun, or long after it. */
	if (head->epoch != end->epoch || (end->heard == 0 && head->number != 0)) {
		if (head->number != 0)
			return false;
		end->epoch = head->epoch;
		end->next = 0;
	}
	end->heard = rte_rdtsc();
	if (packet_check(end, head, mbuf, end->next))
		end->next++;
	ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	ether->dst_addr = ether->src_addr;
	ether->src_addr = end->own;
	return true;
}

static void
give_back(struct end *end, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t sent = 0;

	while (sent < count && !quit) {
		sent += rte_eth_tx_burst(end->port, 0, mbufs + sent, count - sent);
		if (sent < count)
			rte_delay_us_sleep(IDLE_US);
	}
	rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
}

static void
echo_all(struct end *end)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t i, count, good;

	while (!quit) {
		count = rte_eth_rx_burst(end->port, 0, mbufs, BURST);
		for (i = 0, good = 0; i < count; i++) {
			if (packet_take(end, mbufs[i]))
				mbufs[good++] = mbufs[i];
			else
				rte_pktmbuf_free(mbufs[i]);
		}
		give_back(end, mbufs, good);
		if (count > 0)
			continue;
		if (end->heard == 0)
			hello(end);
		rte_delay_us_sleep(IDLE_US);
	}
}

/* ---- Port ------------------------------------------------------------------------------------ */

static uint32_t
size_max(const struct options *options)
{
	uint32_t most = 64;
	unsigned int i;

	for (i = 0; i < options->num_sizes; i++)
		most = RTE_MAX(most, (uint32_t)options->sizes[i]);
	return most;
}

static int
port_start(struct end *end)
{
	uint32_t most = size_max(end->options);
	struct rte_eth_conf conf = {
		.rxmode = { .mtu = RTE_MAX(most, 1514u) - RTE_ETHER_HDR_LEN },
	};
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(end->port, &info);

	end->pool = rte_pktmbuf_pool_create("traffic", 4095, 64, 0,
		(uint16_t)(RTE_MAX(most, 2048u) + 128 + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	if (ret == 0 && end->pool == NULL)
		ret = -rte_errno;
	if (ret == 0)
		ret = rte_eth_dev_configure(end->port, 1, 1, &conf);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(end->port, 0, RING, SOCKET_ID_ANY, NULL, end->pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(end->port, 0, RING, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(end->port);
	if (ret == 0)
		ret = rte_eth_macaddr_get(end->port, &end->own);
	if (ret != 0)
		fprintf(stderr, "port %u can't be started: %s\n", end->port, strerror(-ret));
	return ret;
}

/* ---- Command --------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("traffic: packets with numbers and checksums from port 0 to a peer and back\n"
	       "  --peer MAC       of the other end's port; that of port 0 itself: it comes back\n"
	       "  --echo           be the other end, until SIGTERM\n"
	       "  --packets N      there and back (default 100000)\n"
	       "  --size LIST      bytes without CRC, in turn (default 64,128,256,512,1024,1514)\n"
	       "  --window N       packets under way (default 64)\n"
	       "  --patience MS    without an answer until packets count as lost (default 30000)\n"
	       "  --restarts N     how often the other end may vanish (default 0)\n"
	       "  --breathe MS     memory comes and goes under traffic, each time a restart\n"
	       "  --json FILE\n");
}

static int
option_parse(struct options *o, int option, const char *value)
{
	int n;

	switch (option) {
	case 'e':
		o->echo = true;
		return 0;
	case 'p':
		o->has_peer = true;
		if (rte_ether_unformat_addr(value, &o->peer) == 0)
			return 0;
		fprintf(stderr, "--peer %s: no MAC address\n", value);
		return -EINVAL;
	case 'n':
		return test_number("--packets", value, 1, UINT64_MAX / 2, &o->packets);
	case 's':
		n = test_numbers("--size", value, 64, LENGTH_MAX - 128, o->sizes, PERF_LIST_MAX);
		o->num_sizes = n < 0 ? 0 : (unsigned int)n;
		return n < 0 ? n : 0;
	case 'w':
		return test_number("--window", value, 1, 1024, &o->window);
	case 't':
		return test_number("--patience", value, 1, 3600000, &o->patience_ms);
	case 'r':
		return test_number("--restarts", value, 0, 1000000, &o->restarts);
	case 'b':
		return test_number("--breathe", value, 1, 3600000, &o->breathe_ms);
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
		{ "echo", no_argument, NULL, 'e' },
		{ "peer", required_argument, NULL, 'p' },
		{ "packets", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },
		{ "window", required_argument, NULL, 'w' },
		{ "patience", required_argument, NULL, 't' },
		{ "restarts", required_argument, NULL, 'r' },
		{ "breathe", required_argument, NULL, 'b' },
		{ "json", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int option, ret = 0;

	*options = (struct options){
		.packets = 100000, .window = 64, .patience_ms = 30000,
		.sizes = { 64, 128, 256, 512, 1024, 1514 }, .num_sizes = 6,
	};
	optind = 1;
	while (ret == 0 && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
		ret = option_parse(options, option, optarg);
	if (ret == 0 && optind == argc && options->has_peer)
		return 0;
	usage();
	return -EINVAL;
}

static int
report(const struct end *end, double seconds)
{
	bool good = end->wrong == 0 &&
		    (end->options->echo || end->done >= end->options->packets);

	printf("%s: %" PRIu64 " packets, %" PRIu64 " bytes, %.0f packets/s, %u epochs, %" PRIu64
	       " abandoned, %" PRIu64 " wrong: %s\n", end->options->echo ? "echo" : "traffic",
	       end->done, end->bytes, (double)end->done / seconds, end->epoch + 1, end->abandoned,
	       end->wrong, good ? "passed" : "FAILED");
	test_json_row("\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.3f, "
		      "\"epochs\": %u, \"abandoned\": %" PRIu64 ", \"wrong\": %" PRIu64,
		      end->done, end->bytes, seconds, end->epoch + 1, end->abandoned, end->wrong);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
cmd_traffic(int argc, char **argv)
{
	struct options options;
	struct end end = { .options = &options };
	uint64_t begin;
	int ret;

	if (options_parse(&options, argc, argv) != 0 || test_json_open(options.json) != 0)
		return EXIT_FAILURE;
	if (rte_eth_dev_count_avail() == 0) {
		fprintf(stderr, "traffic: there is no port\n");
		return EXIT_FAILURE;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (port_start(&end) != 0)
		return EXIT_FAILURE;
	printf("ready\n");
	fflush(stdout);
	begin = rte_rdtsc();
	if (options.echo)
		echo_all(&end);
	else
		send_all(&end);
	ret = report(&end, perf_seconds(rte_rdtsc() - begin));
	test_json_close();
	rte_free(end.breath);
	rte_eth_dev_stop(end.port);
	rte_eth_dev_close(end.port);
	return ret;
}
