/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Cases for net/revere. Ports loop back what they send, or face each other; each case ends with
 * the pool of mbufs full again.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bus_vdev_driver.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_flow.h>
#include <rte_ip.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mtr.h>
#include <rte_power_intrinsics.h>
#include <rte_thash.h>
#include <rte_udp.h>

#include "net_revere_cases.h"
#include "revere_net.h"
#include "rte_pmd_revere_net.h"
#include "rvr_plan.h"
#include "rvr_rna_state.h"

#define POOL_SIZE 4095u
#define ROOM 2048 /* bytes of a buffer */
#define BIG_ROOM 9700
#define FRAME_MAX 9600
#define PATIENCE_S 20 /* for what has to come */
#define SILENCE_MS 20 /* for what must not come */

static const char *device_args;
static unsigned int scale;
static struct rte_mempool *pool, *big_pool;
static uint32_t random_state = 0x5eed;

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

/* ---- Ports ---------------------------------------------------------------------------------- */

/** How a port is set up; zero is the default. */
struct setup {
	uint16_t rx_queues, tx_queues; /**< 1 */
	uint16_t rx_desc, tx_desc;     /**< 256 */
	uint16_t rx_free_thresh;
	uint16_t mtu;
	uint64_t rss_hf;
	uint64_t rx_offloads, tx_offloads;
	struct rte_mempool *pool;
	bool deferred;
	bool filter; /**< not promiscuous */
	const struct rte_eth_vmdq_rx_conf *vmdq;
};

/** Name of a vdev; arguments are appended to the device's. @return port or negative errno */
static int
port_add(const char *name, const char *args)
{
	char text[256];
	uint16_t port;
	int ret;

	snprintf(text, sizeof(text), "%s%s%s", device_args, *args != '\0' ? "," : "", args);
	ret = rte_vdev_init(name, text);
	if (ret < 0)
		return ret;
	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	return port;
}

static int
port_setup(uint16_t port, const struct setup *setup)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_rxconf rxconf = {
		.rx_deferred_start = setup->deferred,
		.rx_free_thresh = setup->rx_free_thresh,
	};
	struct rte_eth_txconf txconf = { .tx_deferred_start = setup->deferred };
	uint16_t i, rx = setup->rx_queues ? setup->rx_queues : 1;
	uint16_t tx = setup->tx_queues ? setup->tx_queues : 1;
	int ret;

	conf.rxmode.mtu = setup->mtu;
	conf.rxmode.offloads = setup->rx_offloads;
	conf.txmode.offloads = setup->tx_offloads;
	if (setup->rss_hf != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = setup->rss_hf;
	}
	if (setup->vmdq != NULL) {
		conf.rxmode.mq_mode |= RTE_ETH_MQ_RX_VMDQ_FLAG;
		conf.rx_adv_conf.vmdq_rx_conf = *setup->vmdq;
	}
	rxconf.offloads = conf.rxmode.offloads;
	txconf.offloads = conf.txmode.offloads;
	ret = rte_eth_dev_configure(port, rx, tx, &conf);
	for (i = 0; i < rx && ret == 0; i++)
		ret = rte_eth_rx_queue_setup(port, i, setup->rx_desc ? setup->rx_desc : 256,
			SOCKET_ID_ANY, &rxconf, setup->pool ? setup->pool : pool);
	for (i = 0; i < tx && ret == 0; i++)
		ret = rte_eth_tx_queue_setup(port, i, setup->tx_desc ? setup->tx_desc : 256,
			SOCKET_ID_ANY, &txconf);
	if (ret == 0 && !setup->filter)
		ret = rte_eth_promiscuous_enable(port);
	return ret;
}

static uint16_t
port_up(const char *name, const char *args, const struct setup *setup)
{
	int port = port_add(name, args);

	assert_true(port >= 0);
	assert_int_equal(port_setup((uint16_t)port, setup), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
	return (uint16_t)port;
}

static void
pools_are_full(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	assert_int_equal(rte_mempool_in_use_count(big_pool), 0);
}

static void
port_down(uint16_t port)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	assert_int_equal(rte_eth_dev_get_name_by_port(port, name), 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_close(port), 0);
	rte_vdev_uninit(name);
}

static const struct setup plain = { 0 };

/* ---- Packets -------------------------------------------------------------------------------- */

static uint8_t
content(uint32_t seed, uint32_t at)
{
	return (uint8_t)(seed * 7 + at * 13 + (at >> 8));
}

/** A packet of so many bytes in segments of at most @p seg; the destination is unicast. */
static struct rte_mbuf *
packet_make(struct rte_mempool *from, uint32_t seed, uint32_t len, uint32_t seg)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	uint32_t at = 0, i;

	while (at < len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(from);
		uint32_t n = RTE_MIN(len - at, seg);
		uint8_t *data;

		assert_non_null(m);
		data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)n);
		assert_non_null(data);
		for (i = 0; i < n; i++)
			data[i] = at + i == 0 ? 2 : content(seed, at + i);
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += n;
		}
		last = m;
		at += n;
	}
	return head;
}

static void
packet_check(const struct rte_mbuf *m, uint32_t seed, uint32_t len)
{
	uint32_t at = 0, segs = 0, i;
	const struct rte_mbuf *s;

	assert_int_equal(m->pkt_len, len);
	for (s = m; s != NULL; s = s->next, segs++) {
		const uint8_t *data = rte_pktmbuf_mtod(s, const uint8_t *);

		assert_int_equal(rte_mbuf_refcnt_read(s), 1);
		for (i = 0; i < s->data_len; i++, at++)
			if (data[i] != (at == 0 ? 2 : content(seed, at)))
				fail_msg("byte %u of %u is %u", at, len, data[i]);
	}
	assert_int_equal(at, len);
	assert_int_equal(segs, m->nb_segs);
}

static void
send_all(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	uint16_t sent = 0;

	while (sent < count) {
		sent += rte_eth_tx_burst(port, queue, pkts + sent, count - sent);
		assert_true(rte_get_timer_cycles() < end);
	}
}

/** Receives exactly so many. */
static void
receive_all(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t count)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	uint16_t received = 0;

	while (received < count) {
		received += rte_eth_rx_burst(port, queue, pkts + received, count - received);
		assert_true(rte_get_timer_cycles() < end);
	}
}

/** Nothing more comes. */
static void
receive_none(uint16_t port, uint16_t queue)
{
	uint64_t end = rte_get_timer_cycles() + SILENCE_MS * rte_get_timer_hz() / 1000;
	struct rte_mbuf *m;

	do {
		assert_int_equal(rte_eth_rx_burst(port, queue, &m, 1), 0);
	} while (rte_get_timer_cycles() < end);
}

/** Sends one packet and takes it back, whatever it is received in. */
static void
round_trip(uint16_t port, uint32_t len, uint32_t seg)
{
	struct rte_mbuf *m = packet_make(seg > ROOM ? big_pool : pool, len, len, seg);

	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	packet_check(m, len, len);
	rte_pktmbuf_free(m);
}

/** Many packets of random lengths, several at a time. */
static void
traffic(uint16_t port, uint16_t queue, unsigned int bursts, uint32_t len_max, bool segments)
{
	struct rte_mbuf *out[32], *in[32];
	uint32_t seeds[32], lens[32];
	uint16_t i, count;

	for (; bursts > 0; bursts--) {
		count = (uint16_t)(1 + rnd(32));
		for (i = 0; i < count; i++) {
			seeds[i] = rnd(1 << 20);
			lens[i] = 14 + rnd(len_max - 13);
			out[i] = packet_make(pool, seeds[i], lens[i],
				segments ? RTE_MAX(1 + rnd(ROOM), (lens[i] + 29) / 30) : ROOM);
		}
		send_all(port, queue, out, count);
		receive_all(port, queue, in, count);
		for (i = 0; i < count; i++) {
			packet_check(in[i], seeds[i], lens[i]);
			rte_pktmbuf_free(in[i]);
		}
	}
}

static uint64_t
xstat(uint16_t port, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(port, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
	return value;
}

/** Counters follow packets, which may be on their way. */
static void
xstat_becomes(uint16_t port, const char *name, uint64_t value)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();

	while (xstat(port, name) != value)
		if (rte_get_timer_cycles() > end)
			fail_msg("%s is %" PRIu64 ", not %" PRIu64, name, xstat(port, name), value);
}

/* ---- Contents ------------------------------------------------------------------------------- */

static void
all_lengths_come_back(void **state)
{
	static const struct setup setup = {
		.mtu = FRAME_MAX - 22,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	uint32_t len;

	(void)state;
	for (len = 14; len <= 300; len++)
		round_trip(port, len, ROOM);
	for (len = 301; len <= FRAME_MAX; len += 1 + rnd(60)) {
		round_trip(port, len, BIG_ROOM);
		round_trip(port, len, len / 60 + 1 + rnd(200));
	}
	for (len = ROOM - 2; len <= ROOM + 2; len++)
		round_trip(port, len, ROOM);
	for (len = FRAME_MAX - 2; len <= FRAME_MAX; len++)
		round_trip(port, len, ROOM);
	round_trip(port, 64 + 14, 2); /* 39 segments */
	traffic(port, 0, 100 * scale, FRAME_MAX, true);
	port_down(port);
	pools_are_full();
}

static void
whole_packets_come_back(void **state)
{
	static const struct setup setups[] = {
		{ .tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE },
		{ .rx_desc = 1, .tx_desc = 1 },
		{ .rx_desc = 3, .tx_desc = 5 },
		{ .rx_desc = 33, .tx_desc = 47, .mtu = 9000 },
		{ .rx_desc = 511, .tx_desc = 1000 },
		{ .rx_desc = 257, .tx_desc = 31,
			.tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE },
	};
	static const char *const args[] = {
		"backend=loop", "backend=loop,msg_size=64", "backend=loop,msg_size=2048",
		"backend=loop,ring_slots=2", "backend=loop,ami_type=B",
	};
	unsigned int i, j;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++)
		for (j = 0; j < RTE_DIM(setups); j++) {
			uint16_t port = port_up("net_revere_test", args[i], &setups[j]);
			unsigned int n;

			if (setups[j].rx_desc == 0 || setups[j].rx_desc > 64)
				traffic(port, 0, 50 * scale, 1514, false);
			else
				for (n = 0; n < 200; n++)
					round_trip(port, 14 + rnd(1500), ROOM);
			port_down(port);
			pools_are_full();
		}
}

/** However late buffers are to be posted, there are enough for the longest frame. */
static void
buffers_are_posted_in_time(void **state)
{
	static const struct setup setup = {
		.rx_desc = 8,
		.rx_free_thresh = 7,
		.mtu = FRAME_MAX - 22,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_eth_rxq_info info;
	unsigned int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		round_trip(port, FRAME_MAX, ROOM);
		round_trip(port, 14 + rnd(FRAME_MAX - 14), ROOM);
	}
	assert_int_equal(rte_eth_rx_queue_info_get(port, 0, &info), 0);
	assert_int_equal(info.conf.rx_free_thresh, 8 - (FRAME_MAX + ROOM - 1) / ROOM);
	port_down(port);
	pools_are_full();
}

/** Packets that travel in messages, and their neighbours that don't, in any mixture. */
static void
short_packets_travel_in_messages(void **state)
{
	static const char *const args[] = {
		"backend=loop,tx_inline=14", "backend=loop,tx_inline=60,ring_slots=2",
		"backend=loop,tx_inline=128", "backend=loop,tx_inline=128,msg_size=64",
		"backend=loop,tx_inline=128,msg_size=2048", "backend=loop,tx_inline=100,ami_type=B",
	};
	static const struct setup setups[] = {
		{ .tx_offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE },
		{ .rx_desc = 64, .tx_desc = 1 },
		{ .tx_desc = 45, .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS },
		{ .tx_offloads = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM }, /* all go by address */
	};
	struct rte_eth_burst_mode mode;
	unsigned int i, j;
	uint32_t len;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++)
		for (j = 0; j < RTE_DIM(setups); j++) {
			uint16_t port = port_up("net_revere_test", args[i], &setups[j]);
			bool segments = setups[j].tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

			assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
			assert_int_equal(strstr(mode.info, "inline") != NULL,
				!(setups[j].tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM));
			for (len = 14; len <= RVR_RNA_TX_INLINE_MAX + 1; len++)
				round_trip(port, len, segments && len % 3 == 0 ? 13 : ROOM);
			if (setups[j].tx_desc != 1) {
				traffic(port, 0, 50 * scale, 200, segments);
				traffic(port, 0, 20 * scale, 64, false);
			}
			assert_int_equal(xstat(port, "tx_refused"), 0);
			port_down(port);
			pools_are_full();
		}
}

/** Packets of more segments than the queue has descriptors don't stand before the others. */
static void
packets_that_never_fit_are_dropped(void **state)
{
	static const struct {
		const char *args;
		uint64_t offloads;
		uint64_t flags; /**< of the packet: it takes one descriptor more */
		unsigned int segs;
	} cases[] = {
		{ "backend=loop", 0, 0, 9 },
		{ "backend=loop,tx_inline=60,ring_slots=2,msg_size=64", 0, 0, 9 },
		{ "backend=loop", RTE_ETH_TX_OFFLOAD_VLAN_INSERT, RTE_MBUF_F_TX_VLAN, 8 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(cases); i++) {
		struct setup setup = { .tx_desc = 8,
			.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | cases[i].offloads };
		uint16_t port = port_up("net_revere_test", cases[i].args, &setup);
		struct rte_mbuf *out[5], *in[2];
		struct rte_eth_stats stats;

		out[0] = packet_make(pool, 1, 100, 100);
		out[1] = packet_make(pool, 2, 20 * cases[i].segs, 20);
		out[2] = packet_make(pool, 3, 20 * cases[i].segs, 20);
		out[3] = packet_make(pool, 4, 100, 13); /* as many as there are */
		out[4] = packet_make(pool, 5, 20 * cases[i].segs, 20);
		out[1]->ol_flags |= cases[i].flags;
		out[2]->ol_flags |= cases[i].flags;
		out[4]->ol_flags |= cases[i].flags;
		assert_int_equal(rte_eth_tx_prepare(port, 0, out, 5), 1);
		send_all(port, 0, out, 5);
		receive_all(port, 0, in, 2);
		packet_check(in[0], 1, 100);
		packet_check(in[1], 4, 100);
		rte_pktmbuf_free(in[0]);
		rte_pktmbuf_free(in[1]);
		assert_int_equal(xstat(port, "tx_refused"), 3);
		assert_int_equal(xstat(port, "tx_q0_refused"), 3);
		assert_int_equal(rte_eth_stats_get(port, &stats), 0);
		assert_int_equal(stats.oerrors, 3);
		assert_int_equal(stats.opackets, 2);
		assert_int_equal(rte_eth_stats_reset(port), 0);
		assert_int_equal(xstat(port, "tx_refused"), 0);
		port_down(port);
		pools_are_full();
	}
}

/** What travels in a message is free as soon as it is sent, whatever the device does then. */
static void
mbufs_in_messages_are_free(void **state)
{
	static const struct setup setup = { .tx_desc = 512 };
	struct rte_mbuf *pkts[90]; /* more than are freed in one go */
	uint16_t port = port_up("net_revere_test", "backend=null,tx_inline=64", &setup);
	struct rte_mbuf *kept;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(pkts); i++)
		pkts[i] = packet_make(i % 2 ? pool : big_pool, i, 14 + i % 51, ROOM);
	kept = pkts[7];
	rte_mbuf_refcnt_update(kept, 1);
	assert_int_equal(rte_eth_tx_burst(port, 0, pkts, RTE_DIM(pkts)), RTE_DIM(pkts));
	assert_int_equal(rte_mempool_in_use_count(big_pool), 0);
	assert_int_equal(rte_mbuf_refcnt_read(kept), 1);
	packet_check(kept, 7, 14 + 7);
	/* Those of the Rx queue are out still. */
	assert_int_equal(rte_mempool_in_use_count(pool), 256 + 1);
	rte_pktmbuf_free(kept);
	xstat_becomes(port, "tx_good_packets", RTE_DIM(pkts));
	port_down(port);
	pools_are_full();
}

static void
set_flag(void *addr, void *arg)
{
	(void)addr;
	*(bool *)arg = true;
}

static void
external_buffers(void **state)
{
	struct rte_mbuf_ext_shared_info *info;
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	uint16_t size = 4096;
	uint8_t *buffer = rte_malloc(NULL, size, 64);
	bool freed = false;
	unsigned int i;

	(void)state;
	info = rte_pktmbuf_ext_shinfo_init_helper(buffer, &size, set_flag, &freed);
	for (i = 0; i < 1000; i++) {
		struct rte_mbuf *in, *m = rte_pktmbuf_alloc(pool);
		uint32_t n;

		rte_pktmbuf_attach_extbuf(m, buffer, rte_malloc_virt2iova(buffer), size, info);
		rte_mbuf_ext_refcnt_update(info, 1);
		for (n = 0; n < 1000; n++)
			buffer[n] = n == 0 ? 2 : content(i, n);
		m->data_off = 0;
		rte_pktmbuf_append(m, 1000);
		send_all(port, 0, &m, 1);
		receive_all(port, 0, &in, 1);
		packet_check(in, i, 1000);
		rte_pktmbuf_free(in);
	}
	port_down(port);
	assert_int_equal(rte_mbuf_ext_refcnt_read(info), 1);
	assert_false(freed);
	rte_free(buffer);
	pools_are_full();
}

static void
pinned_buffers(void **state)
{
	size_t size = 64 * ROOM;
	uint8_t *memory = rte_malloc(NULL, size, RTE_CACHE_LINE_SIZE);
	struct rte_pktmbuf_extmem mem = {
		.buf_ptr = memory,
		.buf_iova = rte_malloc_virt2iova(memory),
		.buf_len = size,
		.elt_size = ROOM,
	};
	struct setup setup = { .rx_desc = 32 };
	uint16_t port;

	(void)state;
	setup.pool = rte_pktmbuf_pool_create_extbuf("pinned", 63, 0, 0, ROOM, SOCKET_ID_ANY, &mem,
		1);
	assert_non_null(setup.pool);
	port = port_up("net_revere_test", "backend=loop", &setup);
	for (int i = 0; i < 300; i++) {
		struct rte_mbuf *m = packet_make(pool, 1, 700, ROOM);

		send_all(port, 0, &m, 1);
		receive_all(port, 0, &m, 1);
		packet_check(m, 1, 700);
		assert_true(RTE_MBUF_HAS_EXTBUF(m));
		rte_pktmbuf_free(m);
	}
	port_down(port);
	assert_int_equal(rte_mempool_avail_count(setup.pool), 63);
	rte_mempool_free(setup.pool);
	rte_free(memory);
	pools_are_full();
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void
starts_and_stops(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 1000; i++) {
		struct rte_mbuf *pkts[32];
		uint16_t sent;

		/* Some packets are on their way each time. */
		for (n = 0; n < RTE_DIM(pkts); n++)
			pkts[n] = packet_make(pool, n, 60 + n, ROOM);
		sent = rte_eth_tx_burst(port, 0, pkts, RTE_DIM(pkts));
		rte_pktmbuf_free_bulk(pkts + sent, RTE_DIM(pkts) - sent);
		n = rte_eth_rx_burst(port, 0, pkts, (uint16_t)rnd(32));
		rte_pktmbuf_free_bulk(pkts, n);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		pools_are_full();
		assert_int_equal(rte_eth_dev_start(port), 0);
	}
	traffic(port, 0, 10, 1514, false);
	port_down(port);
	pools_are_full();
}

static void
attach_and_detach(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		uint16_t port = port_up("net_revere_test", "backend=loop", &plain);

		traffic(port, 0, 2, 1514, false);
		port_down(port);
		pools_are_full();
	}
}

static void
queues_start_alone(void **state)
{
	static const struct setup setup = { .rx_queues = 2, .tx_queues = 3, .deferred = true };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_eth_rxq_info rxq;
	struct rte_mbuf *m;
	unsigned int i;

	(void)state;
	assert_int_equal(rte_eth_rx_queue_info_get(port, 0, &rxq), 0);
	assert_int_equal(rxq.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	m = packet_make(pool, 1, 60, ROOM);
	assert_int_equal(rte_eth_tx_burst(port, 2, &m, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 2), 0);
	send_all(port, 2, &m, 1);
	xstat_becomes(port, "rx_stopped", 1);
	for (i = 0; i < 20; i++) {
		assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
		m = packet_make(pool, i, 60, ROOM);
		send_all(port, 2, &m, 1);
		receive_all(port, 0, &m, 1);
		packet_check(m, i, 60);
		rte_pktmbuf_free(m);
		assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
		assert_int_equal(rte_eth_dev_tx_queue_stop(port, 2), 0);
		/* Another size at run time, as the queue is stopped. */
		assert_int_equal(rte_eth_rx_queue_setup(port, 0, (uint16_t)(16 + i),
			SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(port, 2), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(port, 0), 0);
		assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	}
	assert_int_equal(rte_eth_dev_stop(port), 0);
	pools_are_full();
	assert_int_equal(port_setup(port, &plain), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	traffic(port, 0, 5, 1514, false);
	port_down(port);
	pools_are_full();
}

static void
small_pools_suffice(void **state)
{
	struct setup setup = { .rx_desc = 64 };
	struct rte_mbuf *m;
	uint16_t port;
	unsigned int i;

	(void)state;
	setup.pool = rte_pktmbuf_pool_create("small", 31, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM,
		SOCKET_ID_ANY);
	assert_non_null(setup.pool);
	assert_int_equal(port_add("net_revere_test", "backend=loop"), 0);
	port = 0;
	assert_int_equal(port_setup(port, &setup), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	for (i = 0; i < 500; i++)
		round_trip(port, 100, ROOM);
	assert_true(xstat(port, "rx_no_mbuf") > 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	/* Without any mbuf there is nothing to start with. */
	for (i = 0; i < 31; i++)
		assert_int_equal(rte_mempool_get(setup.pool, (void **)&m), 0);
	assert_int_equal(rte_eth_dev_start(port), -ENOMEM);
	rte_eth_dev_close(port);
	rte_vdev_uninit("net_revere_test");
	rte_mempool_free(setup.pool);
	pools_are_full();
}

/* ---- Settings ------------------------------------------------------------------------------- */

static void
info_tells_the_truth(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop,num_ami_sw=16", &plain);
	struct rte_eth_burst_mode mode;
	struct rte_eth_dev_info info;
	struct rte_eth_txq_info txq;
	struct rte_eth_link link;
	uint32_t ptypes[64];
	char version[64], *text = NULL;
	size_t size;
	FILE *file;

	(void)state;
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.max_rx_queues, 15);
	assert_int_equal(info.max_rx_pktlen, FRAME_MAX);
	assert_int_equal(rte_eth_dev_fw_version_get(port, version, sizeof(version)), 0);
	assert_true(rte_eth_dev_fw_version_get(port, version, 2) > 2);
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	assert_int_equal(rte_eth_dev_get_supported_ptypes(port, RTE_PTYPE_ALL_MASK, ptypes, 64),
		34);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_int_equal(rte_eth_tx_queue_info_get(port, 0, &txq), 0);
	assert_int_equal(txq.nb_desc, 256);
	file = open_memstream(&text, &size);
	assert_int_equal(rte_eth_dev_priv_dump(port, file), 0);
	fclose(file);
	assert_non_null(strstr(text, "Rx queue 0: running, 256 descriptors"));
	free(text);
	port_down(port);
}

static void
descriptors_have_status(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_mbuf *pkts[20];
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(pkts); i++)
		pkts[i] = packet_make(pool, i, 100, ROOM);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 0), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 256), -EINVAL);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 0), RTE_ETH_TX_DESC_DONE);
	send_all(port, 0, pkts, RTE_DIM(pkts));
	while (rte_eth_rx_queue_count(port, 0) != RTE_DIM(pkts))
		assert_true(rte_get_timer_cycles() < end);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 19), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 20), RTE_ETH_RX_DESC_AVAIL);
	receive_all(port, 0, pkts, 7);
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 13);
	rte_pktmbuf_free_bulk(pkts, 7);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 5), 5);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 0), 15);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 255), RTE_ETH_TX_DESC_DONE);
	receive_all(port, 0, pkts, 13);
	rte_pktmbuf_free_bulk(pkts, 13);
	receive_none(port, 0);
	port_down(port);
	pools_are_full();
}

/** Sends one packet in bursts until no more fits. @return how many went */
static unsigned int
send_until_full(uint16_t port, struct rte_mbuf *m)
{
	struct rte_mbuf *pkts[32];
	unsigned int i, sent = 0, now;

	for (i = 0; i < RTE_DIM(pkts); i++)
		pkts[i] = m;
	do {
		rte_mbuf_refcnt_update(m, RTE_DIM(pkts));
		now = rte_eth_tx_burst(port, 0, pkts, RTE_DIM(pkts));
		rte_mbuf_refcnt_update(m, (int16_t)now - (int16_t)RTE_DIM(pkts));
		sent += now;
	} while (now > 0);
	return sent;
}

/** A wire that takes nothing pushes back when all descriptors are in use, not before. */
static void
descriptors_fit(void **state)
{
	static const uint16_t counts[] = { 100, 512, 1000, 2048, 4096, 512 };
	unsigned int i, sent;
	int port;

	(void)state;
	/* In a doorbell the device waits for what may leave soon: this would take long. */
	if (strstr(device_args, "mode=inline") != NULL)
		skip();
	port = port_add("net_revere_test", "backend=null");
	assert_true(port >= 0);
	for (i = 0; i < RTE_DIM(counts); i++) {
		const struct setup setup = { .tx_desc = counts[i] };
		struct rte_mbuf *m = packet_make(pool, 1, 1000, ROOM);
		uint16_t id = (uint16_t)port;

		assert_int_equal(port_setup(id, &setup), 0);
		assert_int_equal(rte_eth_dev_start(id), 0);
		/* 125 packets a second, and 20 at once */
		assert_int_equal(rte_eth_set_queue_rate_limit(id, 0, 1), 0);
		sent = send_until_full(id, m);
		assert_in_range(sent, counts[i], counts[i] + 32 + PATIENCE_S * 125);
		assert_int_equal(rte_eth_tx_descriptor_status(id, 0, counts[i] - 1),
			RTE_ETH_TX_DESC_FULL);
		assert_int_equal(rte_eth_set_queue_rate_limit(id, 0, 0), 0);
		assert_int_equal(rte_eth_dev_stop(id), 0);
		rte_pktmbuf_free(m);
	}
	port_down((uint16_t)port);
	pools_are_full();
}

/** ... and so it is where each message has room for but three packets that travel in it. */
static void
descriptors_of_short_packets_fit(void **state)
{
	static const struct setup setup = { .tx_desc = 4096 };
	struct rte_mbuf *m;
	int port;

	(void)state;
	if (strstr(device_args, "mode=inline") != NULL)
		skip();
	m = packet_make(pool, 1, 60, ROOM);
	port = port_add("net_revere_test", "backend=null,tx_inline=64");
	assert_true(port >= 0);
	assert_int_equal(port_setup((uint16_t)port, &setup), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
	/* 2083 packets a second, and 333 at once: a ring of 64 messages would be full before. */
	assert_int_equal(rte_eth_set_queue_rate_limit((uint16_t)port, 0, 1), 0);
	assert_true(send_until_full((uint16_t)port, m) >= setup.tx_desc);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	assert_int_equal(rte_eth_set_queue_rate_limit((uint16_t)port, 0, 0), 0);
	rte_pktmbuf_free(m);
	port_down((uint16_t)port);
	pools_are_full();
}

static void
counters_count(void **state)
{
	static const struct setup setup = { .rx_queues = 2, .tx_queues = 2 };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_eth_stats stats;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++)
		round_trip(port, 100, ROOM);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ipackets, 10);
	assert_int_equal(stats.ibytes, 1000);
	assert_int_equal(stats.opackets, 10);
	assert_int_equal(stats.obytes, 1000);
	assert_int_equal(stats.ierrors + stats.oerrors + stats.imissed, 0);
	assert_int_equal(xstat(port, "rx_q0_packets"), 10);
	assert_int_equal(xstat(port, "rx_q1_packets"), 0);
	assert_int_equal(xstat(port, "tx_q0_bytes"), 1000);
	assert_int_equal(rte_eth_xstats_reset(port), 0);
	assert_int_equal(xstat(port, "rx_good_packets"), 0);
	assert_int_equal(xstat(port, "tx_q0_bytes"), 0);
	round_trip(port, 64, ROOM);
	assert_int_equal(rte_eth_stats_reset(port), 0);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ipackets, 0);
	port_down(port);
}

/** A full queue drops and says so, what it holds is intact. */
static void
slow_reader_misses_packets(void **state)
{
	static const struct setup setup = { .rx_desc = 40, .tx_desc = 64 };
	uint16_t port = port_up("net_revere_test", "backend=loop,ring_slots=2", &setup);
	struct rte_mbuf *m;
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		m = packet_make(pool, i, 500, ROOM);
		send_all(port, 0, &m, 1);
		xstat_becomes(port, "tx_good_packets", i + 1);
	}
	xstat_becomes(port, "rx_no_buffer", 60);
	for (i = 0; i < 40; i++) {
		receive_all(port, 0, &m, 1);
		packet_check(m, i, 500);
		rte_pktmbuf_free(m);
	}
	receive_none(port, 0);
	round_trip(port, 90, ROOM);
	port_down(port);
	pools_are_full();
}

static void
port_in_state(uint16_t port, bool up)
{
	struct rte_eth_link link;

	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_status, up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN);
}

/** A packet to an address. */
static void
send_to(uint16_t port, const char *mac)
{
	struct rte_mbuf *m = packet_make(pool, 1, 60, ROOM);
	struct rte_ether_addr addr;

	assert_int_equal(rte_ether_unformat_addr(mac, &addr), 0);
	rte_ether_addr_copy(&addr, rte_pktmbuf_mtod(m, struct rte_ether_addr *));
	send_all(port, 0, &m, 1);
}

static void
receive_one(uint16_t port)
{
	struct rte_mbuf *m;

	receive_all(port, 0, &m, 1);
	rte_pktmbuf_free(m);
}

static void
filters_work(void **state)
{
	static const struct setup setup = { .filter = true };
	uint16_t a = port_up("net_revere_a", "pair=filters,mac=02:00:00:00:00:0a", &setup);
	struct rte_ether_addr mac;
	uint16_t b;

	(void)state;
	port_in_state(a, false);
	b = port_up("net_revere_b", "pair=filters,mac=02:00:00:00:00:0b", &setup);
	port_in_state(a, true);
	port_in_state(b, true);
	assert_int_equal(rte_eth_macaddr_get(b, &mac), 0);
	assert_int_equal(mac.addr_bytes[5], 0x0b);

	send_to(a, "02:00:00:00:00:0b");
	receive_one(b);
	send_to(a, "ff:ff:ff:ff:ff:ff");
	receive_one(b);
	send_to(a, "02:00:00:00:00:0c");
	send_to(a, "01:00:5e:00:00:01");
	receive_none(b, 0);
	assert_int_equal(xstat(b, "rx_filtered"), 2);
	assert_int_equal(rte_eth_allmulticast_enable(b), 0);
	send_to(a, "01:00:5e:00:00:01");
	receive_one(b);
	assert_int_equal(xstat(b, "rx_multicast_packets"), 1);
	mac.addr_bytes[5] = 0x0c;
	assert_int_equal(rte_eth_dev_default_mac_addr_set(b, &mac), 0);
	send_to(a, "02:00:00:00:00:0c");
	receive_one(b);
	send_to(a, "02:00:00:00:00:0b");
	receive_none(b, 0);
	assert_int_equal(rte_eth_promiscuous_enable(b), 0);
	send_to(a, "02:00:00:00:00:0b");
	receive_one(b);

	assert_int_equal(rte_eth_dev_set_link_down(b), 0);
	port_in_state(a, false);
	send_to(a, "02:00:00:00:00:0c");
	xstat_becomes(a, "tx_dropped", 1);
	assert_int_equal(rte_eth_dev_set_link_up(b), 0);
	port_in_state(a, true);
	port_down(b);
	port_in_state(a, false);
	port_down(a);
	pools_are_full();
}

/* ---- Pools ---------------------------------------------------------------------------------- */

#define POOLS 8
#define POOL_VLAN(pool) ((uint16_t)(100 + (pool)))

/** A packet of UDP to a pool's address, tagged unless vlan is 0. */
static void
send_to_pool(uint16_t port, uint8_t mac, uint16_t vlan, uint16_t flow)
{
	struct rte_mbuf *m = packet_make(pool, 1, 100, ROOM);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;

	memset(data, mac == UINT8_MAX ? UINT8_MAX : 0, 6);
	if (mac != UINT8_MAX)
		data[0] = 2;
	data[5] = mac;
	data += 12;
	if (vlan != 0) {
		memcpy(data, (uint8_t[]){ 0x81, 0x00, (uint8_t)(vlan >> 8), (uint8_t)vlan }, 4);
		data += 4;
	}
	memcpy(data, (uint8_t[]){ 0x08, 0x00 }, 2);
	ip = (void *)(data + 2);
	memset(ip, 0, sizeof(*ip) + sizeof(*udp));
	ip->version_ihl = 0x45;
	ip->next_proto_id = IPPROTO_UDP;
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + sizeof(*udp));
	ip->dst_addr = rte_cpu_to_be_32(flow * 2654435761u);
	udp = (void *)(ip + 1);
	udp->src_port = rte_cpu_to_be_16(flow);
	send_all(port, 0, &m, 1);
}

static void
pool_macs_add(uint16_t port)
{
	struct rte_ether_addr mac = { .addr_bytes = { 2 } };
	unsigned int i;

	for (i = 0; i < POOLS; i++) {
		mac.addr_bytes[5] = (uint8_t)(0x10 + i);
		assert_int_equal(rte_eth_dev_mac_addr_add(port, &mac, i), 0);
	}
}

static void
receive_from(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *m;

	receive_all(port, queue, &m, 1);
	rte_pktmbuf_free(m);
}

static struct rte_eth_vmdq_rx_conf
pools_conf(void)
{
	struct rte_eth_vmdq_rx_conf conf = {
		.nb_queue_pools = RTE_ETH_8_POOLS,
		.nb_pool_maps = POOLS,
		.rx_mode = RTE_ETH_VMDQ_ACCEPT_BROADCAST,
	};
	unsigned int i;

	for (i = 0; i < POOLS; i++) {
		conf.pool_map[i].vlan_id = POOL_VLAN(i);
		conf.pool_map[i].pools = UINT64_C(1) << i;
	}
	return conf;
}

static void
pools_get_their_packets(void **state)
{
	struct rte_eth_vmdq_rx_conf conf = pools_conf();
	const struct setup setup = { .rx_queues = POOLS, .filter = true, .vmdq = &conf };
	uint16_t port, i;

	(void)state;
	conf.pool_map[0].pools |= 2; /* pools 0 and 1 */
	port = port_up("net_revere_test", "backend=loop", &setup);
	pool_macs_add(port);
	for (i = 0; i < POOLS; i++) {
		send_to_pool(port, (uint8_t)(0x10 + i), POOL_VLAN(i), 1);
		receive_from(port, i);
	}
	send_to_pool(port, 0x11, POOL_VLAN(0), 1);
	receive_from(port, 1);
	/* A VLAN's broadcast goes to all its pools. */
	send_to_pool(port, UINT8_MAX, POOL_VLAN(0), 1);
	receive_from(port, 0);
	receive_from(port, 1);
	/* Another pool's VLAN, no VLAN, nobody's VLAN. */
	send_to_pool(port, 0x12, POOL_VLAN(3), 1);
	send_to_pool(port, 0x12, 0, 1);
	send_to_pool(port, 0x12, 4000, 1);
	xstat_becomes(port, "rx_no_pool", 3);
	for (i = 0; i < POOLS; i++)
		receive_none(port, i);
	port_down(port);
	pools_are_full();
}

static void
pools_have_a_default(void **state)
{
	const struct rte_eth_vmdq_rx_conf conf = {
		.nb_queue_pools = RTE_ETH_8_POOLS,
		.enable_default_pool = 1,
		.default_pool = 5,
		.enable_loop_back = 1,
	};
	const struct setup setup = { .rx_queues = POOLS, .vmdq = &conf };
	uint16_t port = port_up("net_revere_test", "backend=null", &setup);

	(void)state;
	pool_macs_add(port);
	/* Pools reach each other within the adapter, others are beyond the wire. */
	send_to_pool(port, 0x13, 0, 1);
	receive_from(port, 3);
	send_to_pool(port, 0x44, 0, 1);
	xstat_becomes(port, "tx_loopback_packets", 1);
	receive_none(port, 5);
	port_down(port);
	port = port_up("net_revere_test", "backend=loop", &setup);
	send_to_pool(port, 0x44, 0, 1);
	receive_from(port, 5);
	port_down(port);
	pools_are_full();
}

/** Each pool's packets are spread over its queues, and no other ones. */
static void
pools_spread_flows(void **state)
{
	struct rte_eth_vmdq_rx_conf conf = pools_conf();
	const struct setup setup = { .rx_queues = 2 * POOLS, .rx_desc = 64, .filter = true,
		.vmdq = &conf, .rss_hf = RTE_ETH_RSS_IPV4 };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	unsigned int got[2] = { 0 }, flows = 64, i;
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();

	(void)state;
	pool_macs_add(port);
	for (i = 0; i < flows; i++)
		send_to_pool(port, 0x13, POOL_VLAN(3), (uint16_t)i);
	while (got[0] + got[1] < flows && rte_get_timer_cycles() < end)
		for (i = 0; i < 2; i++) {
			struct rte_mbuf *m;

			while (rte_eth_rx_burst(port, (uint16_t)(6 + i), &m, 1) == 1) {
				rte_pktmbuf_free(m);
				got[i]++;
			}
		}
	assert_int_equal(got[0] + got[1], flows);
	assert_in_range(got[0], flows / 4, flows * 3 / 4);
	port_down(port);
	pools_are_full();
}

static void
bad_pools_are_refused(void **state)
{
	struct rte_eth_vmdq_rx_conf conf = pools_conf();
	const struct setup setup = { .rx_queues = POOLS, .vmdq = &conf };
	const struct setup few = { .rx_queues = POOLS - 1, .vmdq = &conf };
	int port = port_add("net_revere_test", "backend=loop");

	(void)state;
	assert_true(port >= 0);
	assert_int_equal(port_setup((uint16_t)port, &few), -EINVAL);
	conf.nb_queue_pools = 0;
	assert_int_equal(port_setup((uint16_t)port, &setup), -EINVAL);
	conf.nb_queue_pools = 1000;
	assert_int_equal(port_setup((uint16_t)port, &setup), -EINVAL);
	conf = pools_conf();
	conf.enable_default_pool = 1;
	conf.default_pool = POOLS;
	assert_int_equal(port_setup((uint16_t)port, &setup), -EINVAL);
	assert_int_equal(rte_eth_dev_close((uint16_t)port), 0);
	rte_vdev_uninit("net_revere_test");
}

/* ---- Insides -------------------------------------------------------------------------------- */

static uint64_t
monitored(const struct rte_power_monitor_cond *condition)
{
	return __atomic_load_n((volatile uint64_t *)condition->addr, __ATOMIC_RELAXED);
}

/** Registers, descriptors, the word to watch while a core sleeps. */
static void
insides_are_shown(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_dev_reg_info regs = { 0 };
	struct rte_power_monitor_cond condition;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(rte_eth_dev_get_reg_info(port, &regs), 0);
	assert_true(regs.length > 10 && regs.width == 8);
	regs.data = calloc(regs.length, regs.width);
	assert_non_null(regs.data);
	assert_int_equal(rte_eth_dev_get_reg_info(port, &regs), 0);
	assert_int_equal(((uint64_t *)regs.data)[2], regs.version);
	free(regs.data);

	assert_int_equal(rte_eth_get_monitor_addr(port, 0, &condition), 0);
	assert_int_equal(condition.fn(monitored(&condition), condition.opaque), 0);
	send_to(port, "02:00:00:00:00:0c");
	while (condition.fn(monitored(&condition), condition.opaque) == 0)
		rte_delay_us(10);

	assert_int_equal(rte_eth_rx_descriptor_dump(port, 0, 0, 3, file), 0);
	assert_int_equal(rte_eth_tx_descriptor_dump(port, 0, 0, 3, file), 0);
	assert_int_equal(rte_eth_rx_descriptor_dump(port, 0, UINT16_MAX, 3, file), -EINVAL);
	assert_int_equal(rte_eth_dev_priv_dump(port, file), 0);
	assert_true(ftell(file) > 400);
	fclose(file);
	assert_int_equal(rte_eth_dev_is_removed(port), 0);
	receive_one(port);
	port_down(port);
	pools_are_full();
}

static void
mtu_limits_frames(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_mbuf *m = packet_make(pool, 1, 1523, ROOM);

	(void)state;
	round_trip(port, 1522, ROOM);
	send_all(port, 0, &m, 1);
	xstat_becomes(port, "rx_oversize", 1);
	assert_int_equal(rte_eth_dev_set_mtu(port, 9578), 0);
	round_trip(port, 9600, BIG_ROOM);
	assert_int_equal(rte_eth_dev_set_mtu(port, 9579), -EINVAL);
	assert_int_equal(rte_eth_dev_set_mtu(port, 67), -EINVAL);
	assert_int_equal(rte_eth_dev_set_mtu(port, 68), 0);
	m = packet_make(pool, 1, 91, ROOM);
	send_all(port, 0, &m, 1);
	xstat_becomes(port, "rx_oversize", 2);
	round_trip(port, 90, ROOM);
	port_down(port);
	pools_are_full();
}

/** Sends packets of several buffers and waits until they are in the queue. */
static void
scattered_wait(uint16_t port, uint32_t len, uint16_t count)
{
	uint64_t before = xstat(port, "rx_q0_packets");
	uint16_t i;

	for (i = 0; i < count; i++) {
		struct rte_mbuf *m = packet_make(big_pool, i, len, BIG_ROOM);

		send_all(port, 0, &m, 1);
	}
	xstat_becomes(port, "rx_q0_packets", before + count);
}

/** A shorter MTU doesn't make wrong what came before it. */
static void
mtu_shrinks_under_load(void **state)
{
	static const uint16_t mtus[] = { 1500, 9000 };
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_mbuf *got[20];
	unsigned int round;
	uint16_t i;

	(void)state;
	for (round = 0; round < 2; round++) {
		assert_int_equal(rte_eth_dev_set_mtu(port, mtus[1]), 0);
		scattered_wait(port, 5000, 20);
		assert_int_equal(rte_eth_dev_set_mtu(port, mtus[0]), 0);
		receive_all(port, 0, got, 20);
		for (i = 0; i < 20; i++) {
			packet_check(got[i], i, 5000);
			rte_pktmbuf_free(got[i]);
		}
		round_trip(port, 1522, ROOM);
	}
	assert_int_equal(xstat(port, "device_errors"), 0);
	port_down(port);
	pools_are_full();
}

/** A frame that fits its buffer doesn't with its CRC. */
static void
checksums_of_frames_have_room(void **state)
{
	static const struct setup setup = {
		.mtu = ROOM - 22,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_KEEP_CRC,
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_mbuf *m;
	uint32_t len;

	(void)state;
	for (len = ROOM - 6; len <= ROOM; len++) {
		m = packet_make(pool, len, len, ROOM);
		send_all(port, 0, &m, 1);
		receive_all(port, 0, &m, 1);
		assert_int_equal(m->pkt_len, len + 4);
		assert_int_equal(m->nb_segs, len + 4 > ROOM ? 2 : 1);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(xstat(port, "device_errors"), 0);
	port_down(port);
	pools_are_full();
}

static void
bad_packets_are_refused(void **state)
{
	static const struct setup setup = { .tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_mbuf *pkts[4];

	(void)state;
	pkts[0] = packet_make(pool, 1, 13, ROOM);
	pkts[1] = packet_make(big_pool, 1, FRAME_MAX + 1, BIG_ROOM);
	pkts[2] = packet_make(pool, 1, 65, 1);
	pkts[3] = packet_make(pool, 1, 60, ROOM);
	assert_int_equal(rte_eth_tx_prepare(port, 0, pkts, 1), 0);
	assert_int_equal(rte_eth_tx_prepare(port, 0, pkts + 1, 1), 0);
	assert_int_equal(rte_eth_tx_prepare(port, 0, pkts + 2, 1), 0);
	assert_int_equal(rte_eth_tx_prepare(port, 0, pkts + 3, 1), 1);
	/* Sent nevertheless, they harm nobody. */
	send_all(port, 0, pkts, 4);
	receive_all(port, 0, pkts, 1);
	packet_check(pkts[0], 1, 60);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(xstat(port, "tx_refused"), 3);
	port_down(port);
	pools_are_full();
}

/* ---- Clocks --------------------------------------------------------------------------------- */

static uint64_t
ns_of(const struct timespec *when)
{
	return (uint64_t)when->tv_sec * 1000000000u + (uint64_t)when->tv_nsec;
}

/** A packet of IEEE 1588 in Ethernet, or one that isn't. */
static struct rte_mbuf *
timed_packet(bool ptp)
{
	struct rte_mbuf *m = packet_make(pool, 1, 80, ROOM);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	data[12] = 0x88;
	data[13] = ptp ? 0xf7 : 0xb5;
	m->ol_flags |= ptp ? RTE_MBUF_F_TX_IEEE1588_TMST : 0;
	return m;
}

/** Clocks can be read, set and moved; packets of IEEE 1588 are timed by them, others not. */
static void
clocks_time_packets(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct timespec set = { .tv_sec = 5000000 }, now, rx, tx;
	struct rte_mbuf *m;
	uint64_t first, second;

	(void)state;
	assert_int_equal(rte_eth_read_clock(port, &first), 0);
	rte_delay_us(10);
	assert_int_equal(rte_eth_read_clock(port, &second), 0);
	assert_true(second - first >= 10000);
	assert_int_equal(rte_eth_timesync_enable(port), 0);
	assert_int_equal(rte_eth_timesync_write_time(port, &set), 0);
	assert_int_equal(rte_eth_timesync_adjust_time(port, -1000000000), 0);
	assert_int_equal(rte_eth_timesync_read_time(port, &now), 0);
	assert_in_range(ns_of(&now), ns_of(&set) - 1000000000, ns_of(&set) + 60000000000);
	assert_int_equal(rte_eth_timesync_read_rx_timestamp(port, &rx, 0), -EINVAL);
	assert_int_equal(rte_eth_timesync_read_tx_timestamp(port, &tx), -EINVAL);

	m = timed_packet(false);
	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_IEEE1588_TMST, 0);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_timesync_read_rx_timestamp(port, &rx, 0), -EINVAL);

	m = timed_packet(true);
	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	assert_true(m->ol_flags & RTE_MBUF_F_RX_IEEE1588_PTP);
	assert_true(m->ol_flags & RTE_MBUF_F_RX_IEEE1588_TMST);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_timesync_read_rx_timestamp(port, &rx, 0), 0);
	assert_int_equal(rte_eth_timesync_read_tx_timestamp(port, &tx), 0);
	assert_in_range(ns_of(&rx), ns_of(&now), ns_of(&now) + 60000000000);
	assert_in_range(ns_of(&tx), ns_of(&now), ns_of(&now) + 60000000000);
	assert_int_equal(rte_eth_timesync_read_tx_timestamp(port, &tx), -EINVAL);
	assert_int_equal(rte_eth_timesync_disable(port), 0);
	port_down(port);
	pools_are_full();
}

/* ---- Preparation ---------------------------------------------------------------------------- */

struct preparation {
	uint64_t flags;
	uint16_t outer_l2, outer_l3, l2, l3, l4, mss;
	uint32_t len;
	int error; /**< of rte_errno; 0: it can be done */
};

#define TCP4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM)
#define TSO4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)
#define VXLAN4 (RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4)

static const struct preparation preparations[] = {
	{ .len = 60 },
	{ .flags = TCP4, .l2 = 14, .l3 = 20, .len = 100 },
	{ .flags = TCP4, .l2 = 14, .l3 = 20, .len = 30, .error = EINVAL },
	{ .flags = TCP4, .l2 = 14, .l3 = 18, .len = 100, .error = EINVAL },
	{ .flags = TCP4, .l2 = 14, .l3 = 21, .len = 100, .error = EINVAL },
	{ .flags = TCP4, .l2 = 3, .l3 = 20, .len = 100, .error = EINVAL },
	{ .flags = TSO4, .l2 = 14, .l3 = 20, .l4 = 20, .mss = 1000, .len = 1500 },
	{ .flags = TSO4, .l2 = 14, .l3 = 20, .l4 = 12, .mss = 1000, .len = 1500,
		.error = EINVAL },
	{ .flags = TSO4, .l2 = 14, .l3 = 20, .l4 = 20, .mss = 7, .len = 1500, .error = EINVAL },
	{ .flags = TSO4, .l2 = 14, .l3 = 20, .l4 = 20, .mss = 9600, .len = 1500,
		.error = EINVAL },
	{ .flags = TSO4 | VXLAN4, .outer_l2 = 14, .outer_l3 = 20, .l2 = 30, .l3 = 20, .l4 = 20,
		.mss = 1000, .len = 1500 },
	{ .flags = RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_IPV6, .l2 = 14, .l3 = 40, .l4 = 8,
		.mss = 1000, .len = 1500, .error = ENOTSUP },
	{ .flags = RTE_MBUF_F_TX_MACSEC, .len = 100, .error = ENOTSUP },
	{ .len = 13, .error = EINVAL },
	{ .len = 9600 },
	{ .flags = RTE_MBUF_F_TX_VLAN, .len = 9597, .error = EINVAL },
};

/** What can't be done is refused before it is sent, with the reason. */
static void
preparation_refuses(void **state)
{
	const struct setup setup = { .tx_offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(preparations); i++) {
		const struct preparation *p = &preparations[i];
		struct rte_mbuf *m = packet_make(big_pool, 1, p->len, BIG_ROOM);
		uint16_t done;

		m->ol_flags |= p->flags;
		m->outer_l2_len = p->outer_l2;
		m->outer_l3_len = p->outer_l3;
		m->l2_len = p->l2;
		m->l3_len = p->l3;
		m->l4_len = p->l4;
		m->tso_segsz = p->mss;
		rte_errno = 0;
		done = rte_eth_tx_prepare(port, 0, &m, 1);
		if (done != (p->error == 0) || (p->error != 0 && rte_errno != p->error))
			fail_msg("case %u: %u, errno %d", i, done, rte_errno);
		rte_pktmbuf_free(m);
	}
	port_down(port);
	pools_are_full();
}

/* ---- Fragmentation -------------------------------------------------------------------------- */

#define DATAGRAM 3001u /* bytes of a UDP payload */
#define HEADERS (14u + 20u)

/** A UDP datagram over IPv4 that is to be cut into fragments of so many bytes. */
static struct rte_mbuf *
datagram_make(uint16_t mss)
{
	struct rte_mbuf *m = packet_make(big_pool, 5, HEADERS + 8 + DATAGRAM, BIG_ROOM);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(void *)(ip + 1);

	data[12] = 0x08;
	data[13] = 0x00;
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16(20 + 8 + DATAGRAM);
	ip->packet_id = rte_cpu_to_be_16(77);
	ip->time_to_live = 9;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(0x0a000001);
	ip->dst_addr = rte_cpu_to_be_32(0x0a000002);
	udp->dgram_len = rte_cpu_to_be_16(8 + DATAGRAM);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_SEG;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 8;
	m->tso_segsz = mss;
	return m;
}

/** UDP over IPv4 leaves as fragments, whose sum is the datagram with a right checksum. */
static void
datagrams_are_cut(void **state)
{
	const struct setup setup = { .tx_offloads = RTE_ETH_TX_OFFLOAD_UDP_TSO };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_mbuf *m = datagram_make(1003), *parts[4];
	uint8_t whole[20 + 8 + DATAGRAM] __rte_aligned(4);
	struct rte_ipv4_hdr *ip;
	uint32_t i, at = 0;

	(void)state;
	assert_int_equal(rte_eth_tx_prepare(port, 0, &m, 1), 1);
	send_all(port, 0, &m, 1);
	receive_all(port, 0, parts, RTE_DIM(parts));
	for (i = 0; i < RTE_DIM(parts); i++) {
		uint32_t bytes = parts[i]->pkt_len - HEADERS;
		bool last = i == RTE_DIM(parts) - 1;

		ip = rte_pktmbuf_mtod_offset(parts[i], struct rte_ipv4_hdr *, 14);
		assert_int_equal(bytes, last ? 8 + DATAGRAM - 3000 : 1000);
		assert_int_equal(rte_be_to_cpu_16(ip->fragment_offset),
			at / 8 | (last ? 0 : 0x2000));
		assert_int_equal(rte_be_to_cpu_16(ip->total_length), 20 + bytes);
		assert_int_equal(rte_be_to_cpu_16(ip->packet_id), 77);
		assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
		memcpy(whole + 20 + at, ip + 1, bytes);
		at += bytes;
		if (i == 0)
			memcpy(whole, ip, 20);
		rte_pktmbuf_free(parts[i]);
	}
	assert_int_equal(at, 8 + DATAGRAM);
	ip = (struct rte_ipv4_hdr *)(void *)whole;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + at));
	assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, ip + 1), 0);
	for (i = 0; i < DATAGRAM; i++)
		assert_int_equal(whole[28 + i], content(5, HEADERS + 8 + i));
	receive_none(port, 0);
	port_down(port);
	pools_are_full();
}

/* ---- Pieces and streams --------------------------------------------------------------------- */

#define FIRST_PIECE 100

/** Sets a port up whose packets go to mbufs of two pools. */
static int
split_setup(uint16_t port, struct rte_mempool *second, uint16_t length)
{
	struct rte_eth_conf conf = {
		.rxmode.offloads = RTE_ETH_RX_OFFLOAD_BUFFER_SPLIT,
		.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
	};
	union rte_eth_rxseg segments[2] = {
		{ .split = { .mp = pool, .length = length, .offset = 16 } },
		{ .split = { .mp = second, .length = 600, .offset = 32 } },
	};
	struct rte_eth_rxconf rxconf = {
		.offloads = conf.rxmode.offloads,
		.rx_seg = segments,
		.rx_nseg = RTE_DIM(segments),
	};
	int ret = rte_eth_dev_configure(port, 1, 1, &conf);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port, 0, 31, SOCKET_ID_ANY, &rxconf, NULL);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL);
	return ret == 0 ? rte_eth_promiscuous_enable(port) : ret;
}

/** Packets shorter than the first piece, longer, and longer than a buffer of the second. */
static void
pieces_go_apart(void **state)
{
	static const uint32_t lens[] = { 14, 99, 100, 101, 115, 300, 1500 };
	struct rte_mempool *small = rte_pktmbuf_pool_create("small", 255, 0, 0, 32 + 600,
		SOCKET_ID_ANY);
	int port = port_add("net_revere_test", "backend=loop");
	unsigned int i, round;

	(void)state;
	assert_true(port == 0 && small != NULL);
	assert_int_equal(split_setup(0, small, 0), -EINVAL);
	assert_int_equal(split_setup(0, small, FIRST_PIECE), 0);
	assert_int_equal(rte_eth_dev_start(0), 0);
	for (round = 0; round < 20; round++)
		for (i = 0; i < RTE_DIM(lens); i++) {
			struct rte_mbuf *m = packet_make(pool, i, lens[i], ROOM);
			uint32_t first = RTE_MIN(lens[i], (uint32_t)FIRST_PIECE);

			send_all(0, 0, &m, 1);
			receive_all(0, 0, &m, 1);
			packet_check(m, i, lens[i]);
			assert_int_equal(m->data_len, first);
			assert_ptr_equal(m->pool, pool);
			assert_int_equal(m->data_off, RTE_PKTMBUF_HEADROOM + 16);
			assert_int_equal(m->nb_segs, 1 + (lens[i] - first + 599) / 600);
			if (m->next != NULL) {
				assert_ptr_equal(m->next->pool, small);
				assert_int_equal(m->next->data_off, 32);
			}
			rte_pktmbuf_free(m);
		}
	assert_int_equal(rte_eth_dev_rx_queue_stop(0, 0), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(0, 0), 0);
	port_down(0);
	assert_int_equal(rte_mempool_in_use_count(small), 0);
	rte_mempool_free(small);
	pools_are_full();
}

#define SEGMENT 700u
#define SEGMENTS 12u

/** A segment of a TCP stream over IPv4; the device sets its checksums. */
static struct rte_mbuf *
segment_make(uint32_t number)
{
	struct rte_mbuf *m = packet_make(pool, 9, HEADERS + 20 + SEGMENT, ROOM);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *ip = data + 14, *tcp = ip + 20;
	uint32_t sequence = rte_cpu_to_be_32(1000 + number * SEGMENT);

	memset(data + 12, 0, 2 + 20 + 20);
	data[12] = 0x08;
	ip[0] = 0x45;
	ip[2] = (20 + 20 + SEGMENT) >> 8;
	ip[3] = (20 + 20 + SEGMENT) & 0xff;
	ip[8] = 9;
	ip[9] = IPPROTO_TCP;
	ip[15] = 1;
	memcpy(tcp + 4, &sequence, sizeof(sequence));
	tcp[12] = 5 << 4;
	tcp[13] = 0x10;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
	return m;
}

/** Data of a stream is whole, in packets that are fewer if they came in one turn. */
static void
streams_are_joined(void **state)
{
	const struct setup setup = {
		.rx_offloads = RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_CHECKSUM,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_mbuf *pkts[SEGMENTS], *m;
	uint32_t i, bytes = 0;

	(void)state;
	for (i = 0; i < SEGMENTS; i++)
		pkts[i] = segment_make(i);
	send_all(port, 0, pkts, SEGMENTS);
	while (bytes < SEGMENTS * SEGMENT) {
		uint32_t got;

		receive_all(port, 0, &m, 1);
		got = m->pkt_len - HEADERS - 20;
		assert_int_equal(got % SEGMENT, 0);
		assert_true(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD);
		if (got > SEGMENT) {
			assert_true(m->ol_flags & RTE_MBUF_F_RX_LRO);
			assert_int_equal(m->tso_segsz, SEGMENT);
		}
		bytes += got;
		rte_pktmbuf_free(m);
	}
	assert_int_equal(bytes, SEGMENTS * SEGMENT);
	receive_none(port, 0);
	port_down(port);
	pools_are_full();
}

/* ---- Checksums ------------------------------------------------------------------------------ */

/** Kinds of packets that are sent for each kind of request, by bits of a number. */
#define SUMS_V6 0x01u
#define SUMS_TCP 0x02u
#define SUMS_OPTIONS 0x04u /* of IPv4 */
#define SUMS_TAG 0x08u
#define SUMS_FRAGMENT 0x10u /* of IPv4 */
#define SUMS_PADDED 0x20u
#define SUMS_SHORT 0x40u /* UDP is shorter than IP says */
#define SUMS_KINDS 0x80u

/** IP without checksum, from `ip` on. @return bytes */
static uint32_t
sums_ip(uint8_t *ip, unsigned int kind, uint32_t bytes)
{
	uint8_t proto = kind & SUMS_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t size = kind & SUMS_V6 ? 40 : kind & SUMS_OPTIONS ? 28 : 20;

	memset(ip, 0, size);
	if (kind & SUMS_V6) {
		ip[0] = 0x60;
		ip[4] = (uint8_t)(bytes >> 8);
		ip[5] = (uint8_t)bytes;
		ip[6] = proto;
		ip[23] = 1;
		ip[39] = 2;
		return size;
	}
	ip[0] = (uint8_t)(0x40 | size / 4);
	ip[2] = (uint8_t)((size + bytes) >> 8);
	ip[3] = (uint8_t)(size + bytes);
	ip[6] = kind & SUMS_FRAGMENT ? 0x20 : 0;
	ip[8] = 64;
	ip[9] = proto;
	ip[10] = (uint8_t)rnd(256);
	memset(&ip[12], 10, 8);
	memset(&ip[20], 1, size - 20);
	return size;
}

/** A packet of some kind with `bytes` of L4 for this port, and a request to the device. */
static struct rte_mbuf *
sums_packet(const struct rte_ether_addr *mac, unsigned int kind, uint32_t bytes, uint64_t request)
{
	struct rte_mbuf *m = packet_make(pool, kind, 14 + 4 + 40 + bytes + 6, ROOM);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t at = 14, l3, said = bytes - (kind & SUMS_SHORT ? 1 : 0);

	memcpy(data, mac, 6);
	data[6] = 2;
	if (kind & SUMS_TAG) {
		memcpy(data + 12, (uint8_t[]){ 0x81, 0x00, 0x00, 0x05 }, 4);
		at += 4;
	}
	data[at - 2] = kind & SUMS_V6 ? 0x86 : 0x08;
	data[at - 1] = kind & SUMS_V6 ? 0xdd : 0x00;
	l3 = sums_ip(data + at, kind, bytes);
	if (kind & SUMS_TCP)
		data[at + l3 + 12] = 5 << 4;
	else
		memcpy(data + at + l3 + 4, (uint8_t[]){ (uint8_t)(said >> 8), (uint8_t)said }, 2);
	m->l2_len = at;
	m->l3_len = l3;
	m->ol_flags |= request | (kind & SUMS_V6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	m->data_len = (uint16_t)(at + l3 + bytes + (kind & SUMS_PADDED ? 6 : 0));
	m->pkt_len = m->data_len;
	return m;
}

/** Bytes and fields are the same. */
static void
sums_same(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	assert_int_equal(a->pkt_len, b->pkt_len);
	assert_memory_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *), a->data_len);
	assert_int_equal(a->ol_flags, b->ol_flags);
	assert_int_equal(a->packet_type, b->packet_type);
	assert_int_equal(a->hash.rss, b->hash.rss);
}

/** What was asked for is there, by DPDK's own arithmetic, and is told. */
static void
sums_right(const struct rte_mbuf *m, unsigned int kind, uint64_t request)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const void *)(data + (kind & SUMS_TAG ? 18 : 14));
	const uint8_t *l4 = (const uint8_t *)(ip + 1);

	if (kind & (SUMS_V6 | SUMS_OPTIONS | SUMS_FRAGMENT | SUMS_SHORT))
		return;
	if (request & RTE_MBUF_F_TX_IP_CKSUM) {
		assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
		assert_true(m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD);
	}
	if (request & RTE_MBUF_F_TX_L4_MASK) {
		assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, l4), 0);
		assert_true(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	}
}

/** By the short way and by the long one, which a port takes that looks at addresses. */
static void
sums_both_ways(uint16_t port, unsigned int kind, uint32_t bytes, uint64_t request)
{
	uint32_t state = random_state;
	struct rte_ether_addr mac;
	struct rte_mbuf *m[2];
	unsigned int i;

	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	for (i = 0; i < 2; i++) {
		random_state = state;
		m[i] = sums_packet(&mac, kind, bytes, request);
		assert_int_equal(i == 0 ? rte_eth_promiscuous_enable(port) :
					  rte_eth_promiscuous_disable(port), 0);
		send_all(port, 0, &m[i], 1);
		receive_all(port, 0, &m[i], 1);
	}
	sums_same(m[0], m[1]);
	sums_right(m[0], kind, request);
	rte_pktmbuf_free(m[0]);
	rte_pktmbuf_free(m[1]);
}

static void
checksums_are_set(void **state)
{
	const struct setup setup = {
		.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_RSS_HASH,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			       RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
		.rss_hf = RTE_ETH_RSS_IP,
	};
	static const uint32_t lengths[] = { 20, 21, 27, 128, 191, 1400 };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	unsigned int kind, i;

	(void)state;
	for (kind = 0; kind < SUMS_KINDS; kind++) {
		uint64_t ip = kind & SUMS_V6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM;
		uint64_t l4 = kind & SUMS_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;

		for (i = 0; i < RTE_DIM(lengths); i++) {
			sums_both_ways(port, kind, lengths[i], ip | l4);
			sums_both_ways(port, kind, lengths[i], l4);
			sums_both_ways(port, kind, lengths[i], ip);
		}
	}
	port_down(port);
	pools_are_full();
}

/* ---- Reset ---------------------------------------------------------------------------------- */

static struct revere_net *
net_of(uint16_t port)
{
	return rte_eth_devices[port].data->dev_private;
}

/** After a reset the port is as after probe, and works again with any configuration. */
static void
resets_recover(void **state)
{
	const struct setup two = { .rx_queues = 2, .tx_queues = 2, .filter = true };
	uint16_t port = port_up("net_revere_test", "backend=loop", &two);
	struct rte_eth_fc_conf pause = { .mode = RTE_ETH_FC_FULL };
	struct rte_mbuf *pkts[16];
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		pause.mode = RTE_ETH_FC_FULL;
		assert_int_equal(rte_eth_dev_flow_ctrl_set(port, &pause), 0);
		assert_int_equal(rte_eth_set_queue_rate_limit(port, 0, 1000), 0);
		/* Packets are wherever they are. */
		for (i = 0; i < RTE_DIM(pkts); i++)
			pkts[i] = packet_make(pool, i, 100, ROOM);
		send_all(port, 0, pkts, RTE_DIM(pkts));
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_reset(port), 0);
		assert_int_equal(port_setup(port, &plain), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_int_equal(rte_eth_dev_flow_ctrl_get(port, &pause), 0);
		assert_int_equal(pause.mode, RTE_ETH_FC_NONE);
		assert_null(net_of(port)->steer.tm.rates);
		assert_int_equal(xstat(port, "tx_refused"), 0);
		round_trip(port, 300, ROOM);
	}
	port_down(port);
	pools_are_full();
}

/* ---- RSS ------------------------------------------------------------------------------------ */

#define FLOWS 256

/** A UDP packet of a flow. */
static struct rte_mbuf *
flow_packet(uint32_t flow)
{
	struct rte_mbuf *m = packet_make(pool, flow, 64, ROOM);
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(0x0a000001 + flow);
	ip->dst_addr = rte_cpu_to_be_32(0x0a010001);
	udp->src_port = rte_cpu_to_be_16((uint16_t)(1000 + flow * 7));
	udp->dst_port = rte_cpu_to_be_16(4000);
	return m;
}

static uint32_t
flow_hash(const struct rte_mbuf *m, const uint8_t *key)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint32_t input[3] = {
		rte_be_to_cpu_32(ip->src_addr), rte_be_to_cpu_32(ip->dst_addr),
		(uint32_t)rte_be_to_cpu_16(udp->src_port) << 16 | rte_be_to_cpu_16(udp->dst_port),
	};

	return rte_softrss(input, 3, key);
}

/** Sends all flows; each has to come to the queue that table and hash say. */
static void
flows_go_where_they_belong(uint16_t port, uint16_t queues, const uint16_t *reta,
	uint16_t reta_size, const uint8_t *key)
{
	unsigned int seen[8] = { 0 }, total = 0, flow, q;
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	struct rte_mbuf *m;

	for (flow = 0; flow < FLOWS; flow++) {
		m = flow_packet(flow);
		send_all(port, (uint16_t)(flow % queues), &m, 1);
	}
	while (total < FLOWS) {
		assert_true(rte_get_timer_cycles() < end);
		for (q = 0; q < queues; q++) {
			uint32_t hash;

			if (rte_eth_rx_burst(port, (uint16_t)q, &m, 1) == 0)
				continue;
			hash = flow_hash(m, key);
			assert_true(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH);
			assert_int_equal(m->hash.rss, hash);
			assert_int_equal(reta[hash % reta_size], q);
			assert_int_equal(m->packet_type,
				RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP);
			rte_pktmbuf_free(m);
			seen[q]++;
			total++;
		}
	}
	for (q = 0; q < queues; q++)
		assert_in_range(seen[q], FLOWS / queues / 2, FLOWS);
}

static void
rss_spreads_flows(void **state)
{
	static const struct setup setup = {
		.rx_queues = 4,
		.tx_queues = 4,
		.rss_hf = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH,
	};
	uint16_t i, reta[128], port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_eth_rss_reta_entry64 table[2] = { 0 };
	uint8_t key[40];
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = sizeof(key) };
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port, &conf), 0);
	assert_int_equal(conf.rss_hf, setup.rss_hf);
	for (i = 0; i < 128; i++)
		reta[i] = i % 4;
	flows_go_where_they_belong(port, 4, reta, 128, key);

	for (i = 0; i < (uint16_t)sizeof(key); i++)
		key[i] = (uint8_t)rnd(256);
	assert_int_equal(rte_eth_dev_rss_hash_update(port, &conf), 0);
	flows_go_where_they_belong(port, 4, reta, 128, key);

	table[0].mask = 0xf0;
	table[1].mask = UINT64_MAX;
	for (i = 0; i < 128; i++) {
		table[i / 64].reta[i % 64] = (uint16_t)rnd(4);
		if (table[i / 64].mask & (UINT64_C(1) << (i % 64)))
			reta[i] = table[i / 64].reta[i % 64];
	}
	assert_int_equal(rte_eth_dev_rss_reta_update(port, table, 128), 0);
	flows_go_where_they_belong(port, 4, reta, 128, key);
	table[0].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_query(port, table, 128), 0);
	for (i = 0; i < 128; i++)
		assert_int_equal(table[i / 64].reta[i % 64], reta[i]);

	/* What has no address goes to queue 0, without a hash. */
	m = packet_make(pool, 5, 60, ROOM);
	send_all(port, 3, &m, 1);
	receive_all(port, 0, &m, 1);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH, 0);
	rte_pktmbuf_free(m);

	conf.rss_key_len = 39;
	assert_int_equal(rte_eth_dev_rss_hash_update(port, &conf), -EINVAL);
	table[1].reta[3] = 4;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, table, 128), -EINVAL);
	assert_true(rte_eth_dev_rss_reta_update(port, table, 64) < 0);
	port_down(port);
	pools_are_full();
}

/** Hash of a packet that is sent round, with these types. */
static uint32_t
hash_with(uint16_t port, uint64_t hf, uint32_t words[3])
{
	uint8_t key[40];
	struct rte_eth_rss_conf conf = { .rss_hf = hf };
	struct rte_mbuf *m = flow_packet(77);
	uint32_t hash;

	assert_int_equal(rte_eth_dev_rss_hash_update(port, &conf), 0);
	conf = (struct rte_eth_rss_conf){ .rss_key = key, .rss_key_len = sizeof(key) };
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port, &conf), 0);
	assert_int_equal(conf.rss_hf, hf);
	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	assert_true(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH);
	hash = m->hash.rss;
	rte_pktmbuf_free(m);
	return hash ^ rte_softrss(words, 3, key);
}

/** What is left out of the hash counts as zeroes. */
static void
rss_of_one_side(void **state)
{
	static const struct setup setup = {
		.rss_hf = RTE_ETH_RSS_IPV4,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH,
	};
	static const uint64_t udp = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	const uint32_t src = 0x0a000001 + 77, dst = 0x0a010001;
	const uint32_t sport = (1000 + 77 * 7) << 16, dport = 4000;
	uint64_t level = RTE_ETH_RSS_LEVEL_MASK;
	struct rte_eth_rss_conf conf = { .rss_hf = udp | level };

	(void)state;
	assert_int_equal(hash_with(port, udp, (uint32_t[]){ src, dst, sport | dport }), 0);
	assert_int_equal(hash_with(port, udp | RTE_ETH_RSS_L3_SRC_ONLY,
		(uint32_t[]){ src, 0, sport | dport }), 0);
	assert_int_equal(hash_with(port, udp | RTE_ETH_RSS_L3_DST_ONLY,
		(uint32_t[]){ 0, dst, sport | dport }), 0);
	assert_int_equal(hash_with(port, udp | RTE_ETH_RSS_L4_SRC_ONLY,
		(uint32_t[]){ src, dst, sport }), 0);
	assert_int_equal(hash_with(port, udp | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY,
		(uint32_t[]){ src, 0, dport }), 0);
	assert_int_equal(hash_with(port, udp | RTE_ETH_RSS_LEVEL_INNERMOST,
		(uint32_t[]){ src, dst, sport | dport }), 0);
	assert_int_equal(rte_eth_dev_rss_hash_update(port, &conf), -EINVAL);
	port_down(port);
	pools_are_full();
}

/* ---- What goes wrong ------------------------------------------------------------------------ */

static void
bad_arguments_are_refused(void **state)
{
	static const char *const args[] = {
		"msg_size=300", "msg_size=32", "msg_size=4096", "ring_slots=3", "ring_slots=1",
		"ring_slots=131072", "control_timeout_ms=0", "control_timeout_ms=x", "nonsense=1",
		"lro_timeout_us=1000001", "tx_inline=129", "tx_inline=-1", "backend=nonsense",
		"num_ami_sw=1", "max_log2_msg_length=4", "num_ams=3",
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++)
		if (port_add("net_revere_test", args[i]) >= 0)
			fail_msg("%s is accepted", args[i]);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void
bad_setups_are_refused(void **state)
{
	struct setup setup = { .rx_queues = 64, .tx_queues = 64 };
	struct rte_mempool *tiny;
	int ret, port = port_add("net_revere_test", "backend=loop");

	(void)state;
	assert_int_equal(port, 0);
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	setup = (struct setup){ .rss_hf = RTE_ETH_RSS_VXLAN };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	setup = (struct setup){ .rx_offloads = RTE_ETH_RX_OFFLOAD_MACSEC_STRIP };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	setup = (struct setup){ .rx_desc = 32769 };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	setup = (struct setup){ .rx_free_thresh = 256 };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	setup = (struct setup){ .rx_desc = 128, .rx_free_thresh = 1024 };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	tiny = rte_pktmbuf_pool_create("tiny", 31, 0, 0, RTE_PKTMBUF_HEADROOM + 63,
		SOCKET_ID_ANY);
	assert_non_null(tiny);
	setup = (struct setup){ .pool = tiny };
	assert_int_equal(port_setup(0, &setup), -EINVAL);
	assert_int_equal(port_setup(0, &plain), 0);
	assert_int_equal(rte_eth_dev_start(0), 0);
	round_trip(0, 64, ROOM);
	port_down(0);
	rte_mempool_free(tiny);

	/* Contexts that somebody else has. */
	port = port_add("net_revere_a", "emu=scarce,num_ami_sw=5");
	assert_int_equal(port, 0);
	ret = port_add("net_revere_b", "emu=scarce");
	assert_int_equal(ret, 1);
	setup = (struct setup){ .rx_queues = 2, .tx_queues = 1 };
	assert_int_equal(port_setup(0, &setup), 0);
	assert_int_equal(port_setup(1, &setup), -ENOSPC);
	assert_int_equal(port_setup(1, &plain), 0);
	assert_int_equal(rte_eth_dev_start(1), 0);
	round_trip(1, 64, ROOM);
	port_down(1);
	rte_eth_dev_close(0);
	rte_vdev_uninit("net_revere_a");
	pools_are_full();
}

/** Drives a port whose device misbehaves; anything may be lost, nothing may be harmed. */
static void
torment(uint16_t port, unsigned int bursts)
{
	struct rte_mbuf *out[32], *in[32];
	uint16_t i, n, sent;

	for (; bursts > 0; bursts--) {
		for (i = 0; i < (uint16_t)RTE_DIM(out); i++)
			out[i] = packet_make(pool, i, 14 + rnd(3000), 1 + rnd(ROOM));
		sent = rte_eth_tx_burst(port, 0, out, RTE_DIM(out));
		rte_pktmbuf_free_bulk(out + sent, RTE_DIM(out) - sent);
		n = rte_eth_rx_burst(port, 0, in, RTE_DIM(in));
		for (i = 0; i < n; i++) {
			uint32_t bytes = 0;
			const struct rte_mbuf *m;

			for (m = in[i]; m != NULL; m = m->next) {
				assert_true(m->data_len <= m->buf_len - m->data_off);
				bytes += m->data_len;
			}
			assert_int_equal(bytes, in[i]->pkt_len);
		}
		rte_pktmbuf_free_bulk(in, n);
	}
}

static void
hostile_devices_harm_nobody(void **state)
{
	static const char *const faults[] = {
		"faults.answer_corrupt=3", "faults.answer_corrupt=50", "faults.answer_lost=5",
		"faults.index_wild=20", "faults.dma_fault=3",
		"faults.answer_corrupt=20,faults.answer_lost=20,faults.index_wild=100",
	};
	static const struct setup setup = {
		.mtu = 4000,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
	};
	unsigned int i, n, started = 0;

	(void)state;
	for (i = 0; i < RTE_DIM(faults); i++)
		for (n = 0; n < 8 * scale; n++) {
			/* A device's thread that waits for a CPU needs longer, for a start. */
			unsigned int wait = started > 0 ? 5 : 5 * (1 + i * 8 + n);
			char args[160];
			int port;

			snprintf(args, sizeof(args), "control_timeout_ms=%u,faults.seed=%u,%s",
				wait, i * 100 + n + 1, faults[i]);
			port = port_add("net_revere_test", args);
			if (port < 0)
				continue;
			if ((n % 4 == 3 ? split_setup((uint16_t)port, pool, FIRST_PIECE) :
					  port_setup((uint16_t)port, &setup)) == 0 &&
			    rte_eth_dev_start((uint16_t)port) == 0) {
				started++;
				torment((uint16_t)port, 30);
				rte_eth_dev_stop((uint16_t)port);
			}
			rte_eth_dev_close((uint16_t)port);
			rte_vdev_uninit("net_revere_test");
			pools_are_full();
		}
	assert_true(started > 0);
}

/** An mbuf that stayed empty is the pool's again: what a device says about it is refused. */
static void
empty_pieces_have_no_extension(void **state)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	struct rvr_rna_rx_desc *desc;
	struct revere_net_rxq *rxq;
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(port_add("net_revere_test", "backend=loop"), 0);
	assert_int_equal(split_setup(0, pool, FIRST_PIECE), 0);
	assert_int_equal(rte_eth_dev_start(0), 0);
	rxq = rte_eth_devices[0].data->rx_queues[0];
	m = packet_make(pool, 1, FIRST_PIECE + 100, ROOM);
	send_all(0, 0, &m, 1);
	while (rte_eth_rx_queue_count(0, 0) != 2)
		assert_true(rte_get_timer_cycles() < end);
	/* As if the first piece were empty, and what is the second's descriptor its extension. */
	desc = RTE_PTR_ADD(revere_rx_msg(rxq->ring, 0), sizeof(struct rvr_rna_rx));
	desc->seg_len = 0;
	desc->flags |= rvr_cpu_le16(RVR_RNA_RX_EXT);
	assert_int_equal(rte_eth_rx_burst(0, 0, &m, 1), 0);
	assert_int_equal(rxq->stats.device_errors, 1);
	port_down(0);
	pools_are_full();
}

/* ---- Moving to another device ---------------------------------------------------------------- */

/** Packets on their way through a port that loops them back, numbered. */
struct stream {
	uint16_t port, queues;
	uint32_t sent, received;
	uint32_t most; /**< on their way */
	uint32_t last[2]; /**< number that came last, plus 1, by queue */
};

static uint32_t
stream_length(uint32_t number)
{
	return 14 + number * 37 % 4000;
}

/** A packet with its number behind the headers of a flow. */
static struct rte_mbuf *
numbered_flow(uint32_t number)
{
	struct rte_mbuf *m = flow_packet(number % FLOWS);

	memcpy(rte_pktmbuf_append(m, sizeof(number)), &number, sizeof(number));
	return m;
}

static void
stream_send(struct stream *stream, unsigned int count)
{
	for (; count > 0 && stream->sent - stream->received < stream->most; count--) {
		uint32_t number = stream->sent, len = stream_length(number);
		struct rte_mbuf *m = stream->queues > 1 ? numbered_flow(number) :
			packet_make(pool, number, len, RTE_MAX(len / 20, 200u));

		/* All by one queue: what comes by one must be in order, too. */
		if (rte_eth_tx_burst(stream->port, 0, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			return;
		}
		stream->sent++;
	}
}

static void
stream_check(struct stream *stream, uint16_t queue, struct rte_mbuf *m)
{
	uint32_t number = stream->received;

	if (stream->queues > 1) {
		memcpy(&number, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len -
			sizeof(number)), sizeof(number));
		assert_in_range(number, stream->last[queue], stream->sent - 1);
		stream->last[queue] = number + 1;
	} else {
		packet_check(m, number, stream_length(number));
	}
	stream->received++;
	rte_pktmbuf_free(m);
}

static void
stream_receive(struct stream *stream, uint16_t most)
{
	struct rte_mbuf *pkts[32];
	uint16_t i, n, queue;

	for (queue = 0; queue < stream->queues; queue++) {
		n = rte_eth_rx_burst(stream->port, queue, pkts, RTE_MIN(most, RTE_DIM(pkts)));
		for (i = 0; i < n; i++)
			stream_check(stream, queue, pkts[i]);
	}
}

static void
places_open(void)
{
	assert_true(port_add("net_revere_a", "emu=here,backend=null") >= 0);
	assert_true(port_add("net_revere_b", "emu=there,backend=null") >= 0);
}

static void
place_close(const char *name)
{
	uint16_t port;

	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	assert_int_equal(rte_eth_dev_close(port), 0);
	assert_int_equal(rte_vdev_uninit(name), 0);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void
moves_of(const char *what, struct stream *stream, unsigned int moves)
{
	uint64_t *times = calloc(moves, sizeof(*times));
	uint64_t end;
	struct rte_pmd_revere_net_migration report;
	unsigned int i;

	assert_non_null(times);
	for (i = 0; i < moves; i++) {
		stream_send(stream, rnd(stream->most));
		stream_receive(stream, (uint16_t)(1 + rnd(16)));
		stream_send(stream, rnd(stream->most / 2));
		assert_int_equal(rte_pmd_revere_net_migrate(stream->port, i % 2 == 0 ?
			"emu=there,backend=loop" : "emu=here,backend=loop", &report), 0);
		assert_true(report.state_bytes > 0);
		times[i] = report.downtime_ns;
	}
	end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	while (stream->received < stream->sent && rte_get_timer_cycles() < end)
		stream_receive(stream, 32);
	assert_int_equal(stream->received, stream->sent);
	qsort(times, moves, sizeof(*times), compare);
	i = moves / 2;
	print_message("%s: %u moves with %u packets, downtime median %.1f us, maximum %.1f us\n",
		what, moves, stream->sent, (double)times[i] / 1000,
		(double)times[moves - 1] / 1000);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	/*
	 * Both devices' threads and we may have one CPU: nobody keeps it for the millisecond until
	 * a worker naps. Not the median, as the machine may be busy; valgrind runs this without
	 * threads.
	 */
	assert_true(times[moves / 10] < 1000000 || strstr(device_args, "threaded") == NULL);
#endif
	free(times);
}

/** Nothing of a port's packets, settings and counters is lost, doubled or reordered. */
static void
ports_move_under_load(void **state)
{
	const struct setup setup = {
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.mtu = 4096,
	};
	struct stream stream = { .queues = 1, .most = 100 };
	struct rte_eth_stats stats;

	(void)state;
	places_open();
	stream.port = port_up("net_revere_test", "emu=here,backend=loop", &setup);
	moves_of("segments", &stream, 250 * scale);
	receive_none(stream.port, 0);
	assert_int_equal(rte_eth_stats_get(stream.port, &stats), 0);
	assert_int_equal(stats.ipackets, stream.received);
	assert_int_equal(stats.opackets, stream.sent);
	assert_int_equal(stats.imissed + stats.ierrors + stats.oerrors, 0);
	assert_true(rte_eth_promiscuous_get(stream.port) == 1);
	/* It is a port like any other one. */
	assert_int_equal(rte_eth_dev_stop(stream.port), 0);
	assert_int_equal(rte_pmd_revere_net_migrate(stream.port, "emu=there,backend=loop", NULL),
		0);
	assert_int_equal(rte_eth_dev_start(stream.port), 0);
	traffic(stream.port, 0, 20, 1500, false);
	port_down(stream.port);
	place_close("net_revere_b");
	place_close("net_revere_a");
	pools_are_full();
}

/** Packets that are in messages move with them, to a device that takes such ones. */
static void
short_packets_move(void **state)
{
	const struct setup setup = {
		.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.mtu = 4096,
	};
	struct stream stream = { .queues = 1, .most = 100 };
	struct revere_net *net;

	(void)state;
	places_open();
	stream.port = port_up("net_revere_test", "emu=here,backend=loop,tx_inline=128", &setup);
	net = rte_eth_devices[stream.port].data->dev_private;
	moves_of("short packets in messages", &stream, 40);
	net->tx_inline = RVR_RNA_TX_INLINE_MAX + 1;
	assert_int_equal(rte_pmd_revere_net_migrate(stream.port, "emu=there,backend=loop", NULL),
		-ENOTSUP);
	net->tx_inline = RVR_RNA_TX_INLINE_MAX;
	traffic(stream.port, 0, 20, 200, true);
	port_down(stream.port);
	place_close("net_revere_b");
	place_close("net_revere_a");
	pools_are_full();
}

static void
queues_move_together(void **state)
{
	const struct setup setup = {
		.rx_queues = 2,
		.tx_queues = 2,
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP,
		.rx_offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_CHECKSUM |
			RTE_ETH_RX_OFFLOAD_TIMESTAMP,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
	};
	struct stream stream = { .queues = 2, .most = 150 };

	(void)state;
	places_open();
	stream.port = port_up("net_revere_test", "emu=here,backend=loop", &setup);
	moves_of("two queues, offloads", &stream, 100 * scale);
	assert_true(stream.last[0] > 0 && stream.last[1] > 0);
	port_down(stream.port);
	place_close("net_revere_b");
	place_close("net_revere_a");
	pools_are_full();
}

/** What filters a port has it has there, too. */
static void
filters_move(void **state)
{
	const struct setup filtered = { .filter = true };
	struct rte_ether_addr more = { { 2, 0, 0, 0, 0, 7 } }, group = { { 1, 0, 0x5e, 0, 0, 9 } };
	struct rte_ether_addr own;
	struct rte_mbuf *m;
	uint16_t port;
	int i;

	(void)state;
	places_open();
	port = port_up("net_revere_test", "emu=here,backend=loop", &filtered);
	assert_int_equal(rte_eth_macaddr_get(port, &own), 0);
	assert_int_equal(rte_eth_dev_mac_addr_add(port, &more, 0), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, &group, 1), 0);
	for (i = 0; i < 3; i++) {
		const struct rte_ether_addr *to[] = { &own, &more, &group };
		unsigned int n;

		for (n = 0; n < RTE_DIM(to); n++) {
			m = packet_make(pool, n, 100, ROOM);
			memcpy(rte_pktmbuf_mtod(m, uint8_t *), to[n], sizeof(*to[n]));
			send_all(port, 0, &m, 1);
			receive_all(port, 0, &m, 1);
			rte_pktmbuf_free(m);
		}
		m = packet_make(pool, 5, 100, ROOM);
		send_all(port, 0, &m, 1);
		receive_none(port, 0);
		assert_int_equal(rte_pmd_revere_net_migrate(port, i % 2 == 0 ?
			"emu=there,backend=loop" : "emu=here,backend=loop", NULL), 0);
	}
	port_down(port);
	place_close("net_revere_b");
	place_close("net_revere_a");
	pools_are_full();
}

/** The agent's state of queue 0, in memory that it can read. @return bytes */
static uint32_t
queue_save(struct revere_net *net, void *state, uint32_t room)
{
	const struct rvr_rna_queue_state to = {
		.size = rvr_cpu_le32(room),
		.addr = rvr_cpu_le64((uintptr_t)state),
	};
	struct rvr_rna_queue_saved saved;

	assert_int_equal(revere_net_request(net, RVR_RNA_CTL_QUEUE_SAVE, &to, sizeof(to), &saved,
		sizeof(saved)), 0);
	return rvr_le32_cpu(saved.size);
}

/** Whatever a state says, it makes a queue or is refused, and harms nobody. */
static void
forged_states(void **state)
{
	const uint32_t room = 65536;
	const struct setup setup = { .rx_offloads = RTE_ETH_RX_OFFLOAD_TIMESTAMP };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct revere_net *net = rte_eth_devices[port].data->dev_private;
	struct rvr_rna_queue_state from = { .queue = rvr_cpu_le16(1) };
	const struct rvr_rna_queue queue = { .queue = rvr_cpu_le16(1) };
	const struct rvr_rna_queue own = {
		.direction = rvr_cpu_le16(RVR_RNA_DIR_RX | RVR_RNA_DIR_TX),
	};
	uint8_t *bytes = rte_malloc(NULL, room, 0), *good = malloc(room);
	unsigned int i, n, taken = 0;
	struct revere_ami_hw *ami_hw;
	struct rte_mbuf *pkts[16];
	uint32_t size;

	(void)state;
	assert_non_null(bytes);
	assert_non_null(good);
	traffic(port, 0, 20, 1500, false);
	size = queue_save(net, bytes, room);
	assert_in_range(size, sizeof(struct rvr_rna_state), room);
	assert_int_equal(queue_save(net, bytes, size - 8), size);
	memcpy(good, bytes, size);
	assert_int_equal(revere_ami_hw_create(net->dev, net->aha_id, &ami_hw), 0);
	from.phy_ami_hw_id = rvr_cpu_le16(revere_ami_hw_phy_id(ami_hw));
	from.addr = rvr_cpu_le64((uintptr_t)bytes);
	for (i = 0; i < 2000 * scale; i++) {
		bool whole = i % 50 == 0;

		memcpy(bytes, good, size);
		for (n = whole ? 0 : 1 + rnd(3); n > 0; n--)
			bytes[rnd(rnd(4) > 0 ? sizeof(struct rvr_rna_state) : size)] =
				(uint8_t)rnd(256);
		from.size = rvr_cpu_le32(whole || rnd(4) > 0 ? size : rnd(size));
		if (revere_net_request_quiet(net, RVR_RNA_CTL_QUEUE_RESTORE, &from, sizeof(from),
			    NULL, 0) == 0) {
			taken++;
			assert_int_equal(revere_net_request(net, RVR_RNA_CTL_QUEUE_RELEASE,
				&queue, sizeof(queue), NULL, 0), 0);
		} else {
			assert_false(whole);
		}
	}
	assert_true(taken > 2000 * scale / 50 && taken < 2000 * scale);
	revere_ami_hw_destroy(ami_hw);
	/* The queue that was saved goes on where it stopped. */
	assert_int_equal(revere_net_request(net, RVR_RNA_CTL_QUEUE_START, &own, sizeof(own), NULL,
		0), 0);
	traffic(port, 0, 20, 1500, false);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, RTE_DIM(pkts)), 0);
	free(good);
	rte_free(bytes);
	port_down(port);
	pools_are_full();
}

/** A move that can't be changes nothing. */
static void
moves_are_refused(void **state)
{
	static const struct {
		const char *devargs;
		int error;
	} wrong[] = {
		{ NULL, -EINVAL },
		{ "emu", -EINVAL },
		{ "emu=there,msg_size=128", -EINVAL },
		{ "emu=there,backend=none", -EINVAL },
		{ "emu=there,num_ami_sw=3", -EBUSY },
		{ "emu=here", -EEXIST },
		{ "emu=small,num_ami_sw=2", -ENOTSUP },
		{ "emu=ringless,max_log2_size=5", -EINVAL },
		{ "emu=short,max_log2_msg_length=4", -ENOTSUP },
	};
	struct stream stream = { .queues = 1, .most = 100 };
	unsigned int i;
	uint64_t end;

	(void)state;
	places_open();
	stream.port = port_up("net_revere_test", "emu=here,backend=loop",
		&(struct setup){ .rx_queues = 1, .tx_queues = 2,
			.tx_offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
			.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER, .mtu = 4096 });
	assert_int_equal(rte_pmd_revere_net_migrate(99, "emu=there", NULL), -EINVAL);
	for (i = 0; i < RTE_DIM(wrong); i++) {
		stream_send(&stream, 60);
		stream_receive(&stream, 20);
		if (rte_pmd_revere_net_migrate(stream.port, wrong[i].devargs, NULL) !=
			wrong[i].error)
			fail_msg("%s", wrong[i].devargs);
	}
	end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	while (stream.received < stream.sent && rte_get_timer_cycles() < end)
		stream_receive(&stream, 32);
	assert_int_equal(stream.received, stream.sent);
	port_down(stream.port);
	place_close("net_revere_b");
	place_close("net_revere_a");
	pools_are_full();
}

/* ---- Recovery ------------------------------------------------------------------------------- */

static unsigned int events[RTE_ETH_EVENT_MAX]; /**< since events_count() */
static int busy; /**< what a request gave while the port recovered */

static unsigned int
events_seen(enum rte_eth_event_type event)
{
	return __atomic_load_n(&events[event], __ATOMIC_ACQUIRE);
}

static int
event_seen(uint16_t port, enum rte_eth_event_type event, void *arg, void *ret)
{
	(void)arg;
	(void)ret;
	if (event == RTE_ETH_EVENT_ERR_RECOVERING)
		__atomic_store_n(&busy, rte_eth_dev_set_link_up(port), __ATOMIC_RELEASE);
	__atomic_fetch_add(&events[event], 1, __ATOMIC_ACQ_REL);
	return 0;
}

/** Begins or ends the count of a port's events. */
static void
events_count(uint16_t port, bool on)
{
	static const enum rte_eth_event_type types[] = {
		RTE_ETH_EVENT_ERR_RECOVERING, RTE_ETH_EVENT_RECOVERY_SUCCESS,
		RTE_ETH_EVENT_RECOVERY_FAILED, RTE_ETH_EVENT_INTR_RESET,
	};
	unsigned int i;

	if (on)
		memset(events, 0, sizeof(events));
	for (i = 0; i < RTE_DIM(types); i++)
		assert_int_equal(on ?
			rte_eth_dev_callback_register(port, types[i], event_seen, NULL) :
			rte_eth_dev_callback_unregister(port, types[i], event_seen, NULL), 0);
}

/** The device is reset by somebody else. */
static void
device_reset(uint16_t port)
{
	struct revere_transport *transport = revere_dev_transport(net_of(port)->dev);

	assert_int_equal(transport->ops->reset(transport), 0);
}

/** Packets are anywhere, and may be lost, until an event has come so often. */
static void
load_until(uint16_t port, uint16_t queues, enum rte_eth_event_type event, unsigned int count)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	struct rte_mbuf *pkts[16];
	uint16_t i, n, queue;

	do {
		for (queue = 0; queue < queues; queue++) {
			for (i = 0; i < (uint16_t)RTE_DIM(pkts); i++)
				pkts[i] = flow_packet(rnd(FLOWS));
			n = rte_eth_tx_burst(port, queue, pkts, RTE_DIM(pkts));
			rte_pktmbuf_free_bulk(pkts + n, RTE_DIM(pkts) - n);
			n = rte_eth_rx_burst(port, queue, pkts, RTE_DIM(pkts));
			rte_pktmbuf_free_bulk(pkts, n);
		}
		assert_true(rte_get_timer_cycles() < end);
	} while (events_seen(event) < count);
}

/** Takes what is on its way. */
static void
load_end(uint16_t port, uint16_t queues)
{
	uint64_t end = rte_get_timer_cycles() + SILENCE_MS * rte_get_timer_hz() / 1000;
	struct rte_mbuf *m;
	uint16_t queue;

	while (rte_get_timer_cycles() < end)
		for (queue = 0; queue < queues; queue++)
			if (rte_eth_rx_burst(port, queue, &m, 1) == 1) {
				rte_pktmbuf_free(m);
				end = rte_get_timer_cycles() +
					SILENCE_MS * rte_get_timer_hz() / 1000;
			}
}

/** A packet to an address comes to a queue, or to none. */
static void
comes_to(uint16_t port, const struct rte_ether_addr *mac, uint16_t type, int queue)
{
	struct rte_mbuf *m = packet_make(pool, 3, 100, ROOM);
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	eth->dst_addr = *mac;
	eth->ether_type = rte_cpu_to_be_16(type);
	send_all(port, 0, &m, 1);
	if (queue < 0) {
		receive_none(port, 0);
		receive_none(port, 1);
		return;
	}
	receive_all(port, (uint16_t)queue, &m, 1);
	rte_pktmbuf_free(m);
}

#define TYPE_PLAIN 0x88b5
#define TYPE_FLOW 0x88b6

/** A rule of a group for what arrives with an Ethernet type. */
static void
flow_make_in(uint16_t port, uint32_t group, uint16_t type, const struct rte_flow_action *actions)
{
	const struct rte_flow_attr attr = { .ingress = 1, .group = group };
	const struct rte_flow_item_eth spec = {
		.hdr.ether_type = rte_cpu_to_be_16(type),
	}, mask = { .hdr.ether_type = RTE_BE16(0xffff) };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH, .spec = &spec, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	struct rte_flow_error error;

	assert_non_null(rte_flow_create(port, &attr, items, actions, &error));
}

static void
flow_make(uint16_t port, uint16_t type, const struct rte_flow_action *actions)
{
	flow_make_in(port, 0, type, actions);
}

/** A port with settings of many kinds. */
static uint16_t
settings_make(const char *args, struct rte_ether_addr macs[3])
{
	static const struct setup setup = {
		.rx_queues = 2,
		.tx_queues = 2,
		.mtu = 1700,
		.filter = true,
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP,
	};
	const struct rte_flow_action_queue queue = { .index = 1 };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	uint16_t port = port_up("net_revere_test", args, &setup);

	assert_int_equal(rte_eth_macaddr_get(port, &macs[0]), 0);
	macs[1] = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 7 } };
	macs[2] = (struct rte_ether_addr){ { 1, 0, 0x5e, 0, 0, 9 } };
	assert_int_equal(rte_eth_dev_mac_addr_add(port, &macs[1], 0), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, &macs[2], 1), 0);
	flow_make(port, TYPE_FLOW, actions);
	return port;
}

static void
settings_hold(uint16_t port, const struct rte_ether_addr macs[3])
{
	const struct rte_ether_addr other = { { 2, 0, 0, 0, 0, 99 } };
	struct rte_mbuf *m;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		comes_to(port, &macs[i], TYPE_PLAIN, 0);
		comes_to(port, &macs[i], TYPE_FLOW, 1);
	}
	comes_to(port, &other, TYPE_PLAIN, -1);
	m = packet_make(pool, 4, 1700, ROOM);
	rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr = macs[0];
	send_all(port, 1, &m, 1);
	receive_all(port, 0, &m, 1);
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *
packet_of_type(uint16_t type, uint32_t len)
{
	struct rte_mbuf *m = packet_make(pool, 5, len, ROOM);

	rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type = rte_cpu_to_be_16(type);
	return m;
}

/** What rules make too long or too short for the port is dropped, by a queue or by default. */
static void
rules_keep_to_the_mtu(void **state)
{
	static const struct setup setup = { .mtu = ROOM - 22 };
	static const struct rte_flow_action_queue queue;
	static const struct rte_flow_action_of_push_vlan push = {
		.ethertype = RTE_BE16(RTE_ETHER_TYPE_VLAN),
	};
	static const struct rte_flow_action_raw_decap decap = { .size = 50 };
	const struct rte_flow_action actions[3][3] = {
		{ { .type = RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN, .conf = &push },
			{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
			{ .type = RTE_FLOW_ACTION_TYPE_END } },
		{ { .type = RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN, .conf = &push },
			{ .type = RTE_FLOW_ACTION_TYPE_PASSTHRU },
			{ .type = RTE_FLOW_ACTION_TYPE_END } },
		{ { .type = RTE_FLOW_ACTION_TYPE_RAW_DECAP, .conf = &decap },
			{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
			{ .type = RTE_FLOW_ACTION_TYPE_END } },
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	struct rte_mbuf *m;
	uint16_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		flow_make(port, TYPE_FLOW + i, actions[i]);
	for (i = 0; i < 2; i++) {
		m = packet_of_type(TYPE_FLOW + i, ROOM - 3);
		send_all(port, 0, &m, 1);
		xstat_becomes(port, "rx_oversize", i + 1);
		m = packet_of_type(TYPE_FLOW + i, ROOM - 4);
		send_all(port, 0, &m, 1);
		receive_all(port, 0, &m, 1);
		assert_int_equal(m->pkt_len, ROOM);
		rte_pktmbuf_free(m);
	}
	m = packet_of_type(TYPE_FLOW + 2, 63);
	send_all(port, 0, &m, 1);
	xstat_becomes(port, "rx_undersize", 1);
	m = packet_of_type(TYPE_FLOW + 2, 64);
	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	assert_int_equal(m->pkt_len, 14);
	rte_pktmbuf_free(m);
	assert_int_equal(xstat(port, "device_errors"), 0);
	port_down(port);
	pools_are_full();
}

/** What rules drop is counted, and apart from it what can't be done. */
static void
rules_count_what_they_drop(void **state)
{
	static const struct rte_flow_action_raw_decap decap = { .size = 50 };
	static const struct rte_flow_action_jump jump = { .group = 1 };
	const struct rte_flow_action drop[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_DROP }, { .type = RTE_FLOW_ACTION_TYPE_END },
	};
	const struct rte_flow_action shorten[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_RAW_DECAP, .conf = &decap },
		{ .type = RTE_FLOW_ACTION_TYPE_PASSTHRU }, { .type = RTE_FLOW_ACTION_TYPE_END },
	};
	const struct rte_flow_action circle[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_JUMP, .conf = &jump },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_flow_error error;
	struct rte_mbuf *m;
	uint16_t i;

	(void)state;
	flow_make(port, TYPE_FLOW, drop);
	flow_make(port, TYPE_FLOW + 1, shorten);
	flow_make(port, TYPE_FLOW + 2, circle);
	flow_make_in(port, 1, TYPE_FLOW + 2, circle);
	for (i = 0; i < 3; i++) {
		m = packet_of_type(TYPE_FLOW + i, 63);
		send_all(port, 0, &m, 1);
		xstat_becomes(port, "flow_dropped", 1);
		xstat_becomes(port, "flow_failed", i);
	}
	round_trip(port, 63, ROOM);
	assert_int_equal(rte_flow_isolate(port, 1, &error), 0);
	m = packet_of_type(TYPE_PLAIN, 63);
	send_all(port, 0, &m, 1);
	xstat_becomes(port, "flow_dropped", 2);
	assert_int_equal(rte_flow_isolate(port, 0, &error), 0);
	assert_int_equal(xstat(port, "flow_failed"), 2);
	assert_int_equal(xstat(port, "rx_q0_packets"), 1);
	assert_int_equal(rte_eth_xstats_reset(port), 0);
	assert_int_equal(xstat(port, "flow_dropped") + xstat(port, "flow_failed"), 0);
	port_down(port);
	pools_are_full();
}

/** What the callback of aged flows did, and waits for. */
static struct {
	bool entered, destroyed, left, in_time;
} age;

static bool
age_wait(const bool *what)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();

	while (!__atomic_load_n(what, __ATOMIC_ACQUIRE) && rte_get_timer_cycles() < end)
		rte_delay_us_sleep(1000);
	return __atomic_load_n(what, __ATOMIC_ACQUIRE);
}

/** As applications do it, but after flows have been destroyed. */
static int
age_told(uint16_t port, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct rte_flow_error error;

	(void)event;
	(void)arg;
	(void)ret;
	__atomic_store_n(&age.entered, true, __ATOMIC_RELEASE);
	age.in_time = age_wait(&age.destroyed);
	if (age.in_time) /* who destroys holds a lock that this takes */
		rte_flow_get_aged_flows(port, NULL, 0, &error);
	__atomic_store_n(&age.left, true, __ATOMIC_RELEASE);
	return 0;
}

/** A flow that ages after a second. */
static struct rte_flow *
aging_flow(uint16_t port, const struct rte_flow_item *items, void *context)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_action_queue queue = { .index = 0 };
	const struct rte_flow_action_age conf = { .timeout = 1, .context = context };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_AGE, .conf = &conf },
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_error error;
	struct rte_flow *flow = rte_flow_create(port, &attr, items, actions, &error);

	assert_non_null(flow);
	return flow;
}

/** A flow of two rules, of which flow_packet() meets one. */
static struct rte_flow *
ranged_flow(uint16_t port, void *context)
{
	const struct rte_flow_item_udp from = { .hdr.dst_port = RTE_BE16(4000) };
	const struct rte_flow_item_udp to = { .hdr.dst_port = RTE_BE16(4004) };
	const struct rte_flow_item_udp mask = { .hdr.dst_port = RTE_BE16(0xffff) };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV4 },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &from, .last = &to, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};

	return aging_flow(port, items, context);
}

static struct rte_flow *
idle_flow(uint16_t port, void *context)
{
	const struct rte_flow_item_eth spec = {
		.hdr.ether_type = RTE_BE16(TYPE_FLOW),
	}, mask = { .hdr.ether_type = RTE_BE16(0xffff) };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH, .spec = &spec, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};

	return aging_flow(port, items, context);
}

/** Takes aged flows. @return whether a context is among them */
static bool
aged_take(uint16_t port, const void *context, bool *other)
{
	struct rte_flow_error error;
	void *contexts[4];
	bool found = false;
	int i, count = rte_flow_get_aged_flows(port, contexts, 4, &error);

	assert_true(count >= 0);
	for (i = 0; i < count; i++) {
		found |= contexts[i] == context;
		*other |= contexts[i] != context;
	}
	return found;
}

/** A packet that meets a flow. @return timer cycles before it */
static uint64_t
flow_meet(uint16_t port)
{
	uint64_t before = rte_get_timer_cycles();
	struct rte_mbuf *m = flow_packet(1);

	send_all(port, 0, &m, 1);
	receive_all(port, 0, &m, 1);
	rte_pktmbuf_free(m);
	return before;
}

/** Flows age when all of their rules do, and can be destroyed while the application is told. */
static void
flows_age(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	uint64_t met = rte_get_timer_cycles(), end = met + PATIENCE_S * rte_get_timer_hz();
	bool found = false, busy_aged = false, late = false;
	struct rte_flow *busy_flow, *idle;
	struct rte_flow_error error;
	int contexts[2];

	(void)state;
	memset(&age, 0, sizeof(age));
	assert_int_equal(rte_eth_dev_callback_register(port, RTE_ETH_EVENT_FLOW_AGED, age_told,
		NULL), 0);
	busy_flow = ranged_flow(port, &contexts[0]);
	idle = idle_flow(port, &contexts[1]);
	while (!found) {
		uint64_t before = flow_meet(port);

		/* Without a CPU for a second, the busy one may well have aged. */
		late |= rte_get_timer_cycles() - met >= rte_get_timer_hz();
		met = before;
		assert_true(met < end);
		rte_delay_us_sleep(1000);
		/* Until the application is told flows are left to the alarm. */
		if (__atomic_load_n(&age.entered, __ATOMIC_ACQUIRE))
			found = aged_take(port, &contexts[1], &busy_aged);
	}
	aged_take(port, &contexts[1], &busy_aged);
	late |= rte_get_timer_cycles() - met >= rte_get_timer_hz();
	assert_true(!busy_aged || late);
	assert_int_equal(rte_flow_destroy(port, idle, &error), 0);
	assert_int_equal(rte_flow_destroy(port, busy_flow, &error), 0);
	__atomic_store_n(&age.destroyed, true, __ATOMIC_RELEASE);
	assert_true(age_wait(&age.left));
	assert_true(age.in_time);
	assert_int_equal(rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_FLOW_AGED, age_told,
		NULL), 0);
	port_down(port);
	pools_are_full();
}

/** A meter keeps what it has where the agent refuses what it was to have. */
static void
meters_change_by_consent(void **state)
{
	static const struct rte_flow_action drop[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_DROP }, { .type = RTE_FLOW_ACTION_TYPE_END },
	};
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	struct rte_mtr_meter_policy_params policy = { .actions = { [RTE_COLOR_RED] = drop } };
	struct rte_mtr_meter_profile good = { .alg = RTE_MTR_SRTCM_RFC2697,
		.srtcm_rfc2697 = { .cir = 1, .cbs = 2000 } }, bad = good;
	struct rte_mtr_params params = { .meter_profile_id = 2, .meter_policy_id = 1 };
	struct rte_mtr_error error;

	(void)state;
	bad.srtcm_rfc2697.cbs = UINT64_MAX;
	assert_int_equal(rte_mtr_meter_profile_add(port, 1, &good, &error), 0);
	assert_int_equal(rte_mtr_meter_profile_add(port, 2, &bad, &error), 0);
	assert_int_equal(rte_mtr_meter_policy_add(port, 1, &policy, &error), 0);
	assert_true(rte_mtr_create(port, 7, &params, 0, &error) < 0);
	params.meter_profile_id = 1;
	assert_int_equal(rte_mtr_create(port, 7, &params, 0, &error), 0);

	assert_true(rte_mtr_meter_profile_update(port, 7, 2, &error) < 0);
	assert_int_equal(rte_mtr_meter_enable(port, 7, &error), 0);
	assert_int_equal(rte_mtr_meter_profile_delete(port, 2, &error), 0);
	assert_int_equal(rte_mtr_meter_profile_delete(port, 1, &error), -EBUSY);
	assert_int_equal(rte_mtr_destroy(port, 7, &error), 0);
	assert_int_equal(rte_mtr_meter_profile_delete(port, 1, &error), 0);
	assert_int_equal(rte_mtr_meter_policy_delete(port, 1, &error), 0);
	port_down(port);
}

/** Whatever packets do, the port comes back as it was, and counters go on. */
static void
lost_devices_are_restarted(void **state)
{
	struct rte_eth_stats before, after;
	struct rte_ether_addr macs[3];
	struct rte_eth_dev_info info;
	uint64_t packets;
	uint16_t port;
	unsigned int i;

	(void)state;
	port = settings_make("backend=loop", macs);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.err_handle_mode, RTE_ETH_ERROR_HANDLE_MODE_PROACTIVE);
	settings_hold(port, macs);
	events_count(port, true);
	for (i = 1; i <= 3 * scale; i++) {
		load_end(port, 2);
		assert_int_equal(rte_eth_stats_get(port, &before), 0);
		packets = xstat(port, "rx_q1_packets");
		device_reset(port);
		while (events_seen(RTE_ETH_EVENT_RECOVERY_SUCCESS) < 2 * i - 1)
			rte_delay_us_sleep(1000);
		assert_int_equal(rte_eth_stats_get(port, &after), 0);
		assert_int_equal(after.ipackets, before.ipackets);
		assert_int_equal(after.opackets, before.opackets);
		assert_int_equal(xstat(port, "rx_q1_packets"), packets);
		settings_hold(port, macs);
		/* Under load. */
		device_reset(port);
		load_until(port, 2, RTE_ETH_EVENT_RECOVERY_SUCCESS, 2 * i);
		load_end(port, 2);
		settings_hold(port, macs);
	}
	assert_int_equal(__atomic_load_n(&busy, __ATOMIC_ACQUIRE), -EBUSY);
	assert_true(xstat(port, "recoveries") >= 6 * scale);
	assert_int_equal(events_seen(RTE_ETH_EVENT_ERR_RECOVERING), 6 * scale);
	assert_int_equal(events_seen(RTE_ETH_EVENT_RECOVERY_FAILED), 0);
	/* While it is lost, and with nobody looking. */
	device_reset(port);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	device_reset(port);
	assert_int_equal(rte_eth_dev_start(port), 0);
	settings_hold(port, macs);
	events_count(port, false);
	device_reset(port);
	port_down(port);
	pools_are_full();
}

/** An index of software that can't be: the device stops the context. */
static void
pair_break(uint16_t port, uint16_t id)
{
	struct revere_net *net = net_of(port);
	const struct revere_net_rxq *rxq = rte_eth_devices[port].data->rx_queues[id];

	__atomic_store_n(rxq->bufs->own_reg,
		rvr_cpu_le64(rxq->bufs->own + 100 * ((uint64_t)rxq->bufs->mask + 1)),
		__ATOMIC_RELEASE);
	revere_net_kick(net);
}

/** One pair's context fails and comes back, another one's packets don't notice. */
static void
failed_pairs_are_mended(void **state)
{
	static const struct setup setup = { .rx_queues = 2, .tx_queues = 2 };
	uint16_t port = port_up("net_revere_test", "backend=loop", &setup);
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	unsigned int i;

	(void)state;
	events_count(port, true);
	for (i = 1; i <= 3 * scale; i++) {
		/* All is received by queue 0, whose contexts are fine. */
		pair_break(port, 1);
		while (events_seen(RTE_ETH_EVENT_RECOVERY_SUCCESS) < i) {
			traffic(port, 0, 1, 1500, false);
			assert_true(rte_get_timer_cycles() < end);
		}
		traffic(port, 0, 10, 1500, false);
		send_all(port, 1, (struct rte_mbuf *[]){ packet_make(pool, 1, 60, ROOM) }, 1);
		receive_one(port);
	}
	assert_int_equal(events_seen(RTE_ETH_EVENT_RECOVERY_FAILED), 0);
	events_count(port, false);
	port_down(port);
	pools_are_full();
}

/** Packets that were delivered before a context failed, or the device was reset, are received. */
static void
delivered_are_kept(void)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	struct rte_mbuf *pkts[20];
	unsigned int round, i;
	uint16_t had;

	events_count(port, true);
	for (round = 1; round <= 4; round++) {
		for (i = 0; i < RTE_DIM(pkts); i++)
			pkts[i] = packet_make(pool, i, 100u + i, ROOM);
		send_all(port, 0, pkts, RTE_DIM(pkts));
		while (rte_eth_rx_queue_count(port, 0) < (int)RTE_DIM(pkts))
			assert_true(rte_get_timer_cycles() < end);
		/* Some of the first message's, or none. */
		had = round / 2 % 2 * 7;
		receive_all(port, 0, pkts, had);
		if (round % 2 == 0)
			device_reset(port);
		else
			pair_break(port, 0);
		while (events_seen(RTE_ETH_EVENT_RECOVERY_SUCCESS) < round) {
			assert_true(rte_get_timer_cycles() < end);
			rte_delay_us_sleep(1000);
		}
		receive_all(port, 0, &pkts[had], (uint16_t)(RTE_DIM(pkts) - had));
		for (i = 0; i < RTE_DIM(pkts); i++) {
			packet_check(pkts[i], i, 100u + i);
			rte_pktmbuf_free(pkts[i]);
		}
		traffic(port, 0, 10, 1500, false);
		receive_none(port, 0);
	}
	assert_int_equal(events_seen(RTE_ETH_EVENT_RECOVERY_FAILED), 0);
	events_count(port, false);
	port_down(port);
	pools_are_full();
}

/* Not all on one port: more than a few recoveries in a row wait for one another. */
static void
delivered_packets_are_kept(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < scale; i++)
		delivered_are_kept();
}

/** Software and device disagree on the control channel's index, as after a reset of the PF. */
static void
channel_break(uint16_t port)
{
	struct revere_net_control *control = &net_of(port)->control;
	struct revere_ring *ring = revere_ami_sw_ring(control->ami_sw, RVR_AMS_RX,
		RVR_PLAN_CONTROL_RX);

	pthread_mutex_lock(&control->lock);
	ring->own += 3;
	ring->seen += 3;
	pthread_mutex_unlock(&control->lock);
}

/** A control channel that is out of step is set up anew, and packets don't notice. */
static void
channels_are_mended(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop", &plain);
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	unsigned int i;

	(void)state;
	events_count(port, true);
	for (i = 1; i <= 3 * scale; i++) {
		channel_break(port);
		assert_int_equal(rte_eth_dev_set_link_up(port), -EIO);
		while (events_seen(RTE_ETH_EVENT_RECOVERY_SUCCESS) < i) {
			traffic(port, 0, 1, 1500, false);
			assert_true(rte_get_timer_cycles() < end);
		}
		assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		traffic(port, 0, 10, 1500, false);
	}
	assert_int_equal(events_seen(RTE_ETH_EVENT_ERR_RECOVERING), 3 * scale);
	events_count(port, false);
	port_down(port);
	pools_are_full();
}

/** The device has met the index of pair_break(), which the next burst would put right. */
static void
pair_fails(uint16_t port, uint16_t id)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();

	pair_break(port, id);
	while (!revere_net_pair_failed(&net_of(port)->pairs[id])) {
		assert_true(rte_get_timer_cycles() < end);
		rte_delay_us_sleep(100);
	}
}

/** With recover_ms=0 the application does it. */
static void
lost_ports_are_reset(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop,recover_ms=0", &plain);
	struct rte_eth_dev_info info;
	unsigned int i;

	(void)state;
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.err_handle_mode, RTE_ETH_ERROR_HANDLE_MODE_PASSIVE);
	events_count(port, true);
	for (i = 1; i <= 3; i++) {
		if (i == 2)
			pair_fails(port, 0);
		else
			device_reset(port);
		load_until(port, 1, RTE_ETH_EVENT_INTR_RESET, i);
		assert_int_equal(rte_eth_dev_reset(port), 0);
		assert_int_equal(port_setup(port, &plain), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		traffic(port, 0, 10, 1500, false);
	}
	assert_int_equal(events_seen(RTE_ETH_EVENT_ERR_RECOVERING), 0);
	events_count(port, false);
	port_down(port);
	pools_are_full();
}

static int
reset_fails(struct revere_transport *transport)
{
	(void)transport;
	return -EIO;
}

/** Lets resets fail, or work again. */
static void
resets_work(uint16_t port, bool work)
{
	static const struct revere_transport_ops *ops;
	static struct revere_transport_ops lame;
	struct revere_net *net = net_of(port);
	struct revere_transport *transport = revere_dev_transport(net->dev);

	pthread_mutex_lock(&net->recover.lock);
	if (!work) {
		ops = transport->ops;
		lame = *ops;
		lame.reset = reset_fails;
	}
	transport->ops = work ? ops : &lame;
	pthread_mutex_unlock(&net->recover.lock);
}

/** A device that is beyond help is told of; a reset of the port may work later. */
static void
recoveries_fail(void **state)
{
	uint16_t port = port_up("net_revere_test", "backend=loop,recover_ms=150", &plain);
	struct rte_eth_stats stats;
	struct rte_mbuf *m;

	(void)state;
	events_count(port, true);
	device_reset(port);
	resets_work(port, false);
	load_until(port, 1, RTE_ETH_EVENT_RECOVERY_FAILED, 1);
	assert_int_equal(events_seen(RTE_ETH_EVENT_ERR_RECOVERING), 1);
	assert_int_equal(rte_eth_stats_get(port, &stats), -EIO);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
	resets_work(port, true);
	assert_int_equal(rte_eth_dev_reset(port), 0);
	assert_int_equal(port_setup(port, &plain), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	traffic(port, 0, 10, 1500, false);
	assert_int_equal(events_seen(RTE_ETH_EVENT_RECOVERY_SUCCESS), 0);
	events_count(port, false);
	port_down(port);
	pools_are_full();
}

/* ---- All ------------------------------------------------------------------------------------ */

/** A case that failed leaves its device to the next one otherwise. */
static int
device_drop(void **state)
{
	uint16_t port;

	(void)state;
	RTE_ETH_FOREACH_DEV(port) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_vdev_uninit("net_revere_test");
	rte_vdev_uninit("net_revere_a");
	rte_vdev_uninit("net_revere_b");
	return 0;
}

#define CASE(name) cmocka_unit_test_teardown(name, device_drop)

static int
run_cases(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(info_tells_the_truth),
		CASE(all_lengths_come_back),
		CASE(whole_packets_come_back),
		CASE(buffers_are_posted_in_time),
		CASE(short_packets_travel_in_messages),
		CASE(packets_that_never_fit_are_dropped),
		CASE(mbufs_in_messages_are_free),
		CASE(external_buffers),
		CASE(pinned_buffers),
		CASE(starts_and_stops),
		CASE(attach_and_detach),
		CASE(queues_start_alone),
		CASE(small_pools_suffice),
		CASE(descriptors_have_status),
		CASE(descriptors_fit),
		CASE(descriptors_of_short_packets_fit),
		CASE(counters_count),
		CASE(slow_reader_misses_packets),
		CASE(filters_work),
		CASE(pools_get_their_packets),
		CASE(pools_have_a_default),
		CASE(pools_spread_flows),
		CASE(bad_pools_are_refused),
		CASE(insides_are_shown),
		CASE(clocks_time_packets),
		CASE(preparation_refuses),
		CASE(datagrams_are_cut),
		CASE(pieces_go_apart),
		CASE(streams_are_joined),
		CASE(checksums_are_set),
		CASE(resets_recover),
		CASE(mtu_limits_frames),
		CASE(mtu_shrinks_under_load),
		CASE(checksums_of_frames_have_room),
		CASE(rules_keep_to_the_mtu),
		CASE(rules_count_what_they_drop),
		CASE(flows_age),
		CASE(meters_change_by_consent),
		CASE(bad_packets_are_refused),
		CASE(rss_spreads_flows),
		CASE(rss_of_one_side),
		CASE(bad_arguments_are_refused),
		CASE(bad_setups_are_refused),
		CASE(ports_move_under_load),
		CASE(short_packets_move),
		CASE(queues_move_together),
		CASE(filters_move),
		CASE(moves_are_refused),
		CASE(forged_states),
		CASE(hostile_devices_harm_nobody),
		CASE(empty_pieces_have_no_extension),
		CASE(lost_devices_are_restarted),
		CASE(failed_pairs_are_mended),
		CASE(delivered_packets_are_kept),
		CASE(lost_ports_are_reset),
		CASE(recoveries_fail),
		CASE(channels_are_mended),
	};

	pool = rte_pktmbuf_pool_create("packets", POOL_SIZE, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM,
		SOCKET_ID_ANY);
	big_pool = rte_pktmbuf_pool_create("big", 63, 0, 0, BIG_ROOM + RTE_PKTMBUF_HEADROOM,
		SOCKET_ID_ANY);
	if (pool == NULL || big_pool == NULL)
		return 1;
	/* A pattern of names: these cases alone. */
	if (getenv("NET_REVERE_CASES") != NULL)
		cmocka_set_test_filter(getenv("NET_REVERE_CASES"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
net_revere_cases_run(const char *program, const char *args, unsigned int how_much)
{
	/* EAL changes the order, so what is to be freed is kept apart. */
	static const char *const options[] = {
		"--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
	};
	char *strings[RTE_DIM(options) + 1], *eal_args[RTE_DIM(strings)];
	unsigned int i;
	int ret;

	device_args = args;
	scale = how_much;
	strings[0] = strdup(program);
	for (i = 0; i < RTE_DIM(options); i++)
		strings[i + 1] = strdup(options[i]);
	memcpy(eal_args, strings, sizeof(eal_args));
	/* Faults are provoked here; what is said about them is not of interest. */
	if (getenv("NET_REVERE_LOG") == NULL) {
		rte_log_set_global_level(RTE_LOG_CRIT);
		rte_log_set_level((uint32_t)revere_net_logtype, RTE_LOG_CRIT);
	}
	if (rte_eal_init(RTE_DIM(eal_args), eal_args) < 0)
		return 1;
	ret = run_cases();
	rte_eal_cleanup();
	for (i = 0; i < RTE_DIM(strings); i++)
		free(strings[i]);
	return ret;
}
