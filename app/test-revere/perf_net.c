/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command perf net: packets per second of Ethernet ports whose backend gives back what is sent.
 *
 * A tight loop of this program's own on one lcore: what a queue gives is sent on it again, so a
 * fixed number of packets goes round. The first ones are made here, and each packet's bytes are
 * compared at the end.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "perf.h"
#include "test_revere.h"

#define RING 1024
#define BURST_MAX 512

struct options {
	const char *ports[PERF_LIST_MAX];
	unsigned int num_ports;
	uint64_t sizes[PERF_LIST_MAX], bursts[PERF_LIST_MAX], queues[PERF_LIST_MAX];
	unsigned int num_sizes, num_bursts, num_queues;
	uint64_t ms, packets;
	const char *json;
};

/** A measurement. */
struct trip {
	uint16_t port, queues;
	uint16_t burst;
	uint32_t size; /**< bytes of a packet without CRC */
	struct rte_mempool *pool;
	uint64_t packets, bytes, lost;
};

/* ---- Packets ------------------------------------------------------------------------------- */

static uint8_t
packet_byte(uint32_t number, uint32_t at)
{
	return (uint8_t)(number + at * 5);
}

/** A UDP datagram on IPv4 without checksums; number and pattern from byte 42 on. */
static struct rte_mbuf *
packet_make(const struct trip *trip, uint32_t number)
{
	uint16_t total = rte_cpu_to_be_16((uint16_t)(trip->size - 14));
	uint16_t datagram = rte_cpu_to_be_16((uint16_t)(trip->size - 34));
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(trip->pool);
	struct rte_ether_hdr *eth;
	uint8_t *data;
	uint32_t at;

	if (mbuf == NULL)
		return NULL;
	data = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)trip->size);
	if (data == NULL) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	memset(data, 0, RTE_MIN(trip->size, 42u));
	eth = (void *)data;
	rte_eth_macaddr_get(trip->port, &eth->dst_addr);
	eth->src_addr = eth->dst_addr;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	data[14] = 0x45;
	memcpy(data + 16, &total, sizeof(total));
	data[22] = 64;
	data[23] = 17;
	memcpy(data + 38, &datagram, sizeof(datagram));
	/* Addresses and ports that RSS spreads. */
	memcpy(data + 26, &number, sizeof(number));
	for (at = 42; at < trip->size; at++)
		data[at] = packet_byte(number, at);
	return mbuf;
}

static bool
packet_right(const struct trip *trip, const struct rte_mbuf *mbuf)
{
	const uint8_t *data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint32_t number, at;

	if (mbuf->pkt_len != trip->size || mbuf->data_len != trip->size)
		return false;
	memcpy(&number, data + 26, sizeof(number));
	for (at = 42; at < trip->size; at++)
		if (data[at] != packet_byte(number, at))
			return false;
	return true;
}

/** Sends all, waiting up to a second for room; frees the rest. @return how many are lost */
static inline uint16_t
send_all(const struct trip *trip, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(trip->port, queue, mbufs, n);
	uint64_t end;

	if (likely(sent == n))
		return 0;
	end = perf_end(1000);
	while (sent < n && rte_rdtsc() < end)
		sent += rte_eth_tx_burst(trip->port, queue, mbufs + sent, n - sent);
	if (sent < n)
		rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	return n - sent;
}

/** Sends the packets that then go round. */
static int
packets_start(const struct trip *trip, uint32_t count)
{
	struct rte_mbuf *mbufs[32];
	uint32_t i, made = 0;
	uint16_t n;

	while (made < count) {
		n = (uint16_t)RTE_MIN(count - made, RTE_DIM(mbufs));
		for (i = 0; i < n; i++) {
			mbufs[i] = packet_make(trip, (made + i) * 2654435761u);
			if (mbufs[i] == NULL) {
				rte_pktmbuf_free_bulk(mbufs, i);
				return -ENOMEM;
			}
		}
		if (send_all(trip, (uint16_t)(made / RTE_DIM(mbufs) % trip->queues), mbufs, n) > 0)
			return -ETIMEDOUT;
		made += n;
	}
	return 0;
}

/** Takes the packets out again. @return how many came back unharmed */
static uint32_t
packets_end(const struct trip *trip, uint32_t count)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	uint64_t end = perf_end(500);
	uint32_t right = 0, seen = 0;
	uint16_t queue, i, n;

	while (seen < count && rte_rdtsc() < end) {
		for (queue = 0; queue < trip->queues; queue++) {
			n = rte_eth_rx_burst(trip->port, queue, mbufs, 64);
			for (i = 0; i < n; i++) {
				right += packet_right(trip, mbufs[i]);
				rte_pktmbuf_free(mbufs[i]);
			}
			seen += n;
		}
	}
	return right;
}

/* ---- The loop ------------------------------------------------------------------------------ */

static inline void
loop_queue(struct trip *trip, uint16_t queue)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	uint16_t n;

	n = rte_eth_rx_burst(trip->port, queue, mbufs, trip->burst);
	if (n == 0)
		return;
	trip->packets += n;
	trip->lost += send_all(trip, queue, mbufs, n);
}

static double
loop(struct trip *trip, uint64_t ms)
{
	uint64_t start, end, now;
	uint16_t queue;
	int i;

	/* The first packets find their way, and caches are warmed. */
	end = perf_end(20);
	while (rte_rdtsc() < end)
		for (queue = 0; queue < trip->queues; queue++)
			loop_queue(trip, queue);
	trip->packets = 0;
	start = rte_rdtsc();
	end = perf_end(ms);
	do {
		for (i = 0; i < 16; i++)
			for (queue = 0; queue < trip->queues; queue++)
				loop_queue(trip, queue);
		now = rte_rdtsc();
	} while (now < end);
	return (double)trip->packets / perf_seconds(now - start);
}

/* ---- Ports --------------------------------------------------------------------------------- */

static int
queues_setup(const struct trip *trip)
{
	uint16_t rx = RING, tx = RING, queue;
	int ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(trip->port, &rx, &tx);
	for (queue = 0; ret == 0 && queue < trip->queues; queue++) {
		ret = rte_eth_rx_queue_setup(trip->port, queue, rx, SOCKET_ID_ANY, NULL,
					     trip->pool);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(trip->port, queue, tx, SOCKET_ID_ANY, NULL);
	}
	return ret;
}

static void
port_conf(const struct trip *trip, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	if (trip->size > RTE_ETHER_MAX_LEN - RTE_ETHER_CRC_LEN)
		conf->rxmode.mtu = trip->size - RTE_ETHER_HDR_LEN;
	if ((info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) != 0)
		conf->txmode.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	if (trip->queues == 1)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) &
					    info->flow_type_rss_offloads;
}

static int
port_start(const struct trip *trip)
{
	struct rte_eth_conf conf = { .rxmode = { .mq_mode = RTE_ETH_MQ_RX_NONE } };
	struct rte_eth_dev_info info;
	int ret;

	ret = rte_eth_dev_info_get(trip->port, &info);
	if (ret != 0)
		return ret;
	port_conf(trip, &info, &conf);
	ret = rte_eth_dev_configure(trip->port, trip->queues, trip->queues, &conf);
	if (ret == 0)
		ret = queues_setup(trip);
	if (ret == 0)
		ret = rte_eth_dev_start(trip->port);
	if (ret == 0)
		rte_eth_promiscuous_enable(trip->port);
	return ret;
}

static struct rte_mempool *
pool_make(const struct trip *trip)
{
	uint32_t room = RTE_MAX(trip->size + RTE_PKTMBUF_HEADROOM,
				(uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
	struct rte_mempool *pool;

	if (room > UINT16_MAX)
		return NULL;
	pool = rte_pktmbuf_pool_create("perf_net", 4u * RING * trip->queues + 4096, 256, 0,
				       (uint16_t)room, SOCKET_ID_ANY);
	return pool;
}

static void
report(const struct trip *trip, const char *name, double rate)
{
	/* On a wire: preamble, gap and CRC too. */
	double gbps = rate * (double)(trip->size + 24) * 8 / 1e9;

	printf("%-20s %6u %6u %6u %12.3f %12.3f %10" PRIu64 "\n", name, trip->queues, trip->size,
	       trip->burst, rate / 1e6, gbps, trip->lost);
	fflush(stdout);
	test_json_row("\"bench\": \"net-loop\", \"port\": \"%s\", \"queues\": %u, \"size\": %u, "
		      "\"burst\": %u, \"unit\": \"Mpps\", \"value\": %.4f, \"lost\": %" PRIu64,
		      name, trip->queues, trip->size, trip->burst, rate / 1e6, trip->lost);
}

/** One measurement on a started port. */
static int
trip_run(struct trip *trip, const char *name, const struct options *options)
{
	uint32_t right, count = (uint32_t)options->packets;
	double rate;
	int ret;

	ret = packets_start(trip, count);
	if (ret != 0) {
		fprintf(stderr, "%s: the first packets can't be sent: %s\n", name, strerror(-ret));
		return ret;
	}
	rate = loop(trip, options->ms);
	right = packets_end(trip, count - (uint32_t)RTE_MIN(trip->lost, count));
	if (trip->packets == 0 || right + trip->lost < count) {
		fprintf(stderr, "%s: size %u: of %u packets %u came back as they were, "
			"%" PRIu64 " lost\n", name, trip->size, count, right, trip->lost);
		return -EIO;
	}
	report(trip, name, rate);
	return 0;
}

static int
port_run(struct trip *trip, const char *name, const struct options *options)
{
	unsigned int b;
	int ret;

	trip->pool = pool_make(trip);
	if (trip->pool == NULL) {
		fprintf(stderr, "%s: no mbufs for packets of %u bytes\n", name, trip->size);
		return -ENOMEM;
	}
	ret = port_start(trip);
	if (ret != 0)
		fprintf(stderr, "%s: can't be started with %u queues for %u bytes: %s\n", name,
			trip->queues, trip->size, strerror(-ret));
	for (b = 0; ret == 0 && b < options->num_bursts; b++) {
		trip->burst = (uint16_t)options->bursts[b];
		trip->lost = 0;
		ret = trip_run(trip, name, options);
	}
	rte_eth_dev_stop(trip->port);
	rte_mempool_free(trip->pool);
	return ret;
}

static int
run(const struct options *options)
{
	struct trip trip = { .port = 0 };
	unsigned int p, q, s;
	int ret = 0;

	printf("%-20s %6s %6s %6s %12s %12s %10s\n", "port", "queues", "size", "burst", "Mpps",
	       "Gbps", "lost");
	for (p = 0; p < options->num_ports; p++) {
		if (rte_eth_dev_get_port_by_name(options->ports[p], &trip.port) != 0) {
			fprintf(stderr, "--port %s: no such port\n", options->ports[p]);
			return -ENODEV;
		}
		for (q = 0; q < options->num_queues; q++) {
			for (s = 0; s < options->num_sizes; s++) {
				trip.queues = (uint16_t)options->queues[q];
				trip.size = (uint32_t)options->sizes[s];
				if (port_run(&trip, options->ports[p], options) != 0)
					ret = -EIO;
			}
		}
	}
	return ret;
}

/* ---- Options ------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("perf net [--port NAME]... [--size N,N..] [--burst N,N..] [--queues N,N..]\n"
	       "         [--ms N] [--packets N] [--json FILE]\n"
	       "  Packets per second through ports that loop. Without --port all ports.\n"
	       "  --size     bytes of a packet without CRC, from 60; 64,1500\n"
	       "  --burst    packets of one call; 32\n"
	       "  --queues   queue pairs, served in turn by one lcore; 1\n"
	       "  --packets  packets that go round; 256\n"
	       "  --ms       milliseconds of each measurement; 500\n");
}

static int
list(const char *option, uint64_t min, uint64_t max, uint64_t *values, unsigned int *count)
{
	int n = test_numbers(option, optarg, min, max, values, PERF_LIST_MAX);

	*count = n < 0 ? 0 : (unsigned int)n;
	return n < 0 ? -1 : 0;
}

static int
option_take(struct options *options, int option)
{
	switch (option) {
	case 'p':
		if (options->num_ports == PERF_LIST_MAX)
			return -1;
		options->ports[options->num_ports++] = optarg;
		return 0;
	case 's':
		return list("--size", 60, 9600, options->sizes, &options->num_sizes);
	case 'b':
		return list("--burst", 1, BURST_MAX, options->bursts, &options->num_bursts);
	case 'q':
		return list("--queues", 1, 1024, options->queues, &options->num_queues);
	case 'm':
		return test_number("--ms", optarg, 1, 600000, &options->ms);
	case 'n':
		return test_number("--packets", optarg, 1, RING / 2, &options->packets);
	case 'j':
		options->json = optarg;
		return 0;
	default:
		return -1;
	}
}

static int
parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "burst", required_argument, NULL, 'b' },
		{ "queues", required_argument, NULL, 'q' },
		{ "ms", required_argument, NULL, 'm' },
		{ "packets", required_argument, NULL, 'n' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
		if (option_take(options, option) != 0)
			return -1;
	return optind == argc ? 0 : -1;
}

static void
all_ports(struct options *options)
{
	static char names[PERF_LIST_MAX][RTE_ETH_NAME_MAX_LEN];
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port) {
		if (options->num_ports == PERF_LIST_MAX ||
		    rte_eth_dev_get_name_by_port(port, names[options->num_ports]) != 0)
			continue;
		options->ports[options->num_ports] = names[options->num_ports];
		options->num_ports++;
	}
}

int
cmd_perf_net(int argc, char **argv)
{
	struct options options = {
		.sizes = { 64, 1500 },
		.num_sizes = 2,
		.bursts = { 32 },
		.num_bursts = 1,
		.queues = { 1 },
		.num_queues = 1,
		.ms = 500,
		.packets = 256,
	};
	int ret;

	if (parse(argc, argv, &options) != 0) {
		usage();
		return EXIT_FAILURE;
	}
	if (options.num_ports == 0)
		all_ports(&options);
	if (options.num_ports == 0) {
		fprintf(stderr, "perf net: no port; try --vdev=net_revere0\n");
		return EXIT_FAILURE;
	}
	if (test_json_open(options.json) != 0)
		return EXIT_FAILURE;
	ret = run(&options);
	test_json_close();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
