/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command rx-intr: an application that sleeps until packets come. One lcore sends bursts, with
 * pauses, through a port whose backend gives them back; the main lcore sleeps in
 * rte_epoll_wait() on the Rx queues, takes what has come, and tells how often it woke and what it
 * cost. Every packet has to come, and none may be found by a sleep that ended in vain. The sender
 * keeps less under way than an Rx queue holds: a sleeper that doesn't get the CPU for a while, on
 * a machine that has more to do, loses nothing to a full queue.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_random.h>

#include "test_revere.h"

#define RING 1024
#define BURST 32
#define SIZE 64
#define QUEUES_MAX 16
#define ROOM_US 200 /* pauses of a sender that is far ahead */
#define SLEEP_MS 2000 /* far beyond the longest pause: who sleeps so long was forgotten */

struct options {
	const char *port;
	uint64_t packets, pause_us, queues, idle_ms;
};

struct test {
	struct options options;
	uint16_t port, queues;
	struct rte_mempool *pool;
	uint64_t received, strange, wake_ups, empty, forgotten;
	uint8_t *seen; /**< by number of packet */
	uint64_t sent;
	uint64_t taken; /**< packets that came, for the sender */
	bool stop;
};

/* ---- Sender -------------------------------------------------------------------------------- */

/** An IPv4/UDP frame whose destination address is its number. */
static struct rte_mbuf *
packet_make(const struct test *test, uint32_t number)
{
	static const uint8_t head[] = { 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17 };
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(test->pool);
	uint8_t *data;

	if (mbuf == NULL)
		return NULL;
	data = (uint8_t *)rte_pktmbuf_append(mbuf, SIZE);
	memset(data, 0, SIZE);
	rte_eth_macaddr_get(test->port, (struct rte_ether_addr *)data);
	memcpy(data + 12, head, sizeof(head));
	memcpy(data + 30, &number, sizeof(number));
	return mbuf;
}

static void
send_burst(struct test *test, uint16_t count)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t made = 0, sent = 0;

	while (made < count) {
		mbufs[made] = packet_make(test, (uint32_t)test->sent + made);
		if (mbufs[made] == NULL)
			break;
		made++;
	}
	while (sent < made && !__atomic_load_n(&test->stop, __ATOMIC_RELAXED))
		sent += rte_eth_tx_burst(test->port, 0, mbufs + sent, made - sent);
	rte_pktmbuf_free_bulk(mbufs + sent, made - sent);
	__atomic_store_n(&test->sent, test->sent + sent, __ATOMIC_RELEASE);
}

/** Whether so many more may be under way. */
static bool
has_room(const struct test *test, uint64_t more)
{
	return test->sent + more - __atomic_load_n(&test->taken, __ATOMIC_ACQUIRE) <= RING / 2;
}

/** Bursts of all sizes; pauses of all lengths, none now and then. */
static int
sender(void *arg)
{
	struct test *test = arg;
	uint64_t left;

	while (!__atomic_load_n(&test->stop, __ATOMIC_RELAXED)) {
		left = test->options.packets - test->sent;
		if (left == 0)
			break;
		if (!has_room(test, BURST)) {
			usleep(ROOM_US);
			continue;
		}
		send_burst(test, (uint16_t)RTE_MIN(left, 1 + rte_rand_max(BURST)));
		if (rte_rand_max(4) != 0)
			usleep((useconds_t)rte_rand_max(test->options.pause_us + 1));
	}
	return 0;
}

/* ---- Sleeper ------------------------------------------------------------------------------- */

static void
packet_take(struct test *test, struct rte_mbuf *mbuf)
{
	uint32_t number;

	memcpy(&number, rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 30), sizeof(number));
	if (mbuf->pkt_len != SIZE || number >= test->options.packets || test->seen[number] != 0) {
		test->strange++;
	} else {
		test->seen[number] = 1;
		test->received++;
	}
	rte_pktmbuf_free(mbuf);
}

/** Takes all that has come. @return packets */
static uint64_t
drain(struct test *test, uint16_t queue)
{
	struct rte_mbuf *mbufs[BURST];
	uint64_t taken = 0;
	uint16_t i, n;

	do {
		n = rte_eth_rx_burst(test->port, queue, mbufs, BURST);
		for (i = 0; i < n; i++)
			packet_take(test, mbufs[i]);
		taken += n;
	} while (n > 0);
	__atomic_fetch_add(&test->taken, taken, __ATOMIC_RELEASE);
	return taken;
}

static int
all_queues(const struct test *test, int (*fn)(uint16_t port, uint16_t queue))
{
	uint16_t queue;
	int ret = 0;

	for (queue = 0; queue < test->queues && ret == 0; queue++)
		ret = fn(test->port, queue);
	return ret;
}

/** Sleeps once; takes what the queues have that woke us. */
static int
sleep_once(struct test *test)
{
	struct rte_epoll_event events[QUEUES_MAX];
	uint64_t taken = 0;
	uint16_t queue;
	int i, n;

	n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, events, test->queues, SLEEP_MS);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		queue = (uint16_t)(uintptr_t)events[i].epdata.data;
		rte_eth_dev_rx_intr_disable(test->port, queue);
		taken += drain(test, queue);
		rte_eth_dev_rx_intr_enable(test->port, queue);
	}
	test->wake_ups += n > 0;
	test->empty += n > 0 && taken == 0;
	/* Nobody woke us: is there something all the same? */
	for (queue = 0; n == 0 && queue < test->queues; queue++)
		test->forgotten += drain(test, queue);
	return 0;
}

static int
queues_listen(struct test *test)
{
	uint16_t queue;
	int ret = 0;

	for (queue = 0; queue < test->queues && ret == 0; queue++)
		ret = rte_eth_dev_rx_intr_ctl_q(test->port, queue, RTE_EPOLL_PER_THREAD,
			RTE_INTR_EVENT_ADD, (void *)(uintptr_t)queue);
	if (ret == 0)
		ret = all_queues(test, rte_eth_dev_rx_intr_enable);
	if (ret < 0)
		fprintf(stderr, "%s: no Rx interrupts: %s\n", test->options.port,
			rte_strerror(-ret));
	return ret;
}

static uint64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/** Sleeps where nothing comes, and tells what the whole process needed for that. */
static void
idle(const struct test *test)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t end = start + test->options.idle_ms * 1000, now = start;
	struct rte_epoll_event event;
	unsigned int wake_ups = 0;

	for (; now < end; now = clock_us(CLOCK_MONOTONIC))
		wake_ups += rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1,
			(int)((end - now) / 1000) + 1) > 0;
	printf("idle: %u wake-ups, CPU time of the process %.1f ms of %.1f ms\n", wake_ups,
		(double)(clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1000,
		(double)(now - start) / 1000);
}

static int
sleeper(struct test *test)
{
	unsigned int vain = 0;
	uint64_t before;
	uint16_t queue;
	int ret = 0;

	/* Two long sleeps in a row with nothing: what is missing is lost. */
	while (ret == 0 && vain < 2 && test->received + test->strange < test->options.packets) {
		before = test->received + test->strange;
		ret = sleep_once(test);
		vain = test->received + test->strange == before ? vain + 1 : 0;
	}
	all_queues(test, rte_eth_dev_rx_intr_disable);
	for (queue = 0; queue < test->queues; queue++)
		rte_eth_dev_rx_intr_ctl_q(test->port, queue, RTE_EPOLL_PER_THREAD,
			RTE_INTR_EVENT_DEL, (void *)(uintptr_t)queue);
	return ret;
}

/* ---- Port ---------------------------------------------------------------------------------- */

static int
port_start(const struct test *test)
{
	struct rte_eth_conf conf = { .intr_conf = { .rxq = 1 } };
	uint16_t queue;
	int ret;

	if (test->queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	}
	ret = rte_eth_dev_configure(test->port, test->queues, 1, &conf);
	for (queue = 0; queue < test->queues && ret == 0; queue++)
		ret = rte_eth_rx_queue_setup(test->port, queue, RING, SOCKET_ID_ANY, NULL,
			test->pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(test->port, 0, RING, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_promiscuous_enable(test->port);
	if (ret == 0)
		ret = rte_eth_dev_start(test->port);
	if (ret < 0)
		fprintf(stderr, "%s: the port can't be started: %s\n", test->options.port,
			rte_strerror(-ret));
	return ret;
}

static void
report(const struct test *test, uint64_t cpu_us, uint64_t us)
{
	struct rte_eth_stats stats;

	if (rte_eth_stats_get(test->port, &stats) == 0 && stats.imissed + stats.ierrors > 0)
		printf("the port missed %" PRIu64 " packets for want of buffers, and %" PRIu64
			" had errors\n", stats.imissed, stats.ierrors);
	printf("%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " strange, %" PRIu64
		" forgotten\n", test->sent, test->received, test->strange, test->forgotten);
	printf("%" PRIu64 " wake-ups, %" PRIu64 " of them for nothing; CPU time %.1f ms of %.1f "
		"ms (%.1f %%)\n", test->wake_ups, test->empty, (double)cpu_us / 1000,
		(double)us / 1000, 100.0 * (double)cpu_us / (double)RTE_MAX(us, 1u));
}

static int
run(struct test *test)
{
	unsigned int lcore = rte_get_next_lcore(-1, 1, 0);
	uint64_t cpu, start;
	int ret = port_start(test);

	if (ret < 0)
		return ret;
	ret = queues_listen(test);
	if (ret < 0)
		return ret;
	if (test->options.idle_ms > 0)
		idle(test);
	cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
	start = clock_us(CLOCK_MONOTONIC);
	rte_eal_remote_launch(sender, test, lcore);
	ret = sleeper(test);
	cpu = clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu;
	start = clock_us(CLOCK_MONOTONIC) - start;
	__atomic_store_n(&test->stop, true, __ATOMIC_RELAXED);
	rte_eal_wait_lcore(lcore);
	report(test, cpu, start);
	rte_eth_dev_stop(test->port);
	if (ret == 0 && (test->received != test->options.packets || test->strange > 0 ||
		test->forgotten > 0))
		ret = -EIO;
	return ret;
}

/* ---- Command ------------------------------------------------------------------------------- */

static int
prepare(struct test *test)
{
	int ret = 0;

	if (rte_lcore_count() < 2) {
		fprintf(stderr, "rx-intr needs two lcores, one sleeps: -l 0,1\n");
		return -EINVAL;
	}
	if (test->options.port != NULL)
		ret = rte_eth_dev_get_port_by_name(test->options.port, &test->port);
	else
		test->port = (uint16_t)rte_eth_find_next(0);
	if (ret < 0 || !rte_eth_dev_is_valid_port(test->port)) {
		fprintf(stderr, "rx-intr: no such port; try --vdev=net_revere0\n");
		return -ENODEV;
	}
	test->queues = (uint16_t)test->options.queues;
	test->seen = calloc(test->options.packets, 1);
	test->pool = rte_pktmbuf_pool_create("rx_intr", RING * (test->queues + 3u), 0, 0,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (test->seen != NULL && test->pool != NULL)
		return 0;
	fprintf(stderr, "rx-intr: no memory for %u mbufs\n", RING * (test->queues + 3u));
	return -ENOMEM;
}

static void
usage(void)
{
	fprintf(stderr,
		"rx-intr [--port NAME] [--packets N] [--pause MICROSECONDS] [--queues N] "
		"[--idle MILLISECONDS]\n");
}

static int
parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "packets", required_argument, NULL, 'n' },
		{ "pause", required_argument, NULL, 'u' },
		{ "queues", required_argument, NULL, 'q' },
		{ "idle", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	int option, ret = 0;

	while (ret == 0 && (option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'p')
			options->port = optarg;
		else if (option == 'n')
			ret = test_number("--packets", optarg, 1, UINT32_MAX, &options->packets);
		else if (option == 'u')
			ret = test_number("--pause", optarg, 0, 1000000, &options->pause_us);
		else if (option == 'q')
			ret = test_number("--queues", optarg, 1, QUEUES_MAX, &options->queues);
		else if (option == 'i')
			ret = test_number("--idle", optarg, 0, 60000, &options->idle_ms);
		else
			ret = -EINVAL;
	}
	return ret == 0 && optind == argc ? 0 : -EINVAL;
}

int
cmd_rx_intr(int argc, char **argv)
{
	struct test test = { .options = { .packets = 20000, .pause_us = 1000, .queues = 1 } };
	int ret;

	if (parse(argc, argv, &test.options) != 0) {
		usage();
		return EXIT_FAILURE;
	}
	ret = prepare(&test);
	if (ret == 0)
		ret = run(&test);
	rte_mempool_free(test.pool);
	free(test.seen);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
