/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Drivers of all classes on Virtual Functions: they use what the PF has given, and nothing else. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bus_vdev_driver.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rawdev.h>

#include "revere_common.h"
#include "rte_pmd_revere_raw.h"

#define POOL_SIZE 1023u
#define POLLS 1000 /* of a device that does all in its doorbell */
#define SIZE 4096u
#define BURST 16u
#define LENGTH 64u

/* Of the drivers; naming them links them in. */
extern int revere_net_logtype, revere_dma_logtype, raw_revere_logtype;

static struct rte_mempool *pool;

static size_t
heap(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

static void
plug(const char *name, const char *args)
{
	if (rte_vdev_init(name, args) != 0)
		fail_msg("no %s with %s", name, args);
}

/* A port is stopped first. */
static void
unplug(const char *name)
{
	uint16_t port;

	if (rte_eth_dev_get_port_by_name(name, &port) == 0)
		rte_eth_dev_stop(port);
	assert_int_equal(rte_vdev_uninit(name), 0);
}

/* ---- Network -------------------------------------------------------------------------------- */

static uint16_t
net_start(const char *name, uint16_t queues)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t port, i;

	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	assert_int_equal(rte_eth_dev_configure(port, queues, queues, &conf), 0);
	for (i = 0; i < queues; i++) {
		assert_int_equal(rte_eth_rx_queue_setup(port, i, 64, SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port, i, 64, SOCKET_ID_ANY, NULL), 0);
	}
	assert_int_equal(rte_eth_promiscuous_enable(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	return port;
}

/* Packets out of queue @p queue come in again by queue 0, unchanged and in order. */
static void
net_loop(uint16_t port, uint16_t queue, uint8_t pattern)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int i, got = 0, polls;
	uint16_t n, k;

	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, mbufs, BURST), 0);
	for (i = 0; i < BURST; i++) {
		uint8_t *data = (uint8_t *)rte_pktmbuf_append(mbufs[i], LENGTH);

		memset(data, pattern, LENGTH);
		data[20] = (uint8_t)i;
	}
	assert_int_equal(rte_eth_tx_burst(port, queue, mbufs, BURST), BURST);
	for (polls = 0; got < BURST && polls < POLLS; polls++) {
		n = rte_eth_rx_burst(port, 0, mbufs, BURST);
		for (k = 0; k < n; k++, got++) {
			const uint8_t *data = rte_pktmbuf_mtod(mbufs[k], const uint8_t *);

			assert_int_equal(rte_pktmbuf_pkt_len(mbufs[k]), LENGTH);
			assert_int_equal(data[20], got);
			assert_int_equal(data[40], pattern);
			rte_pktmbuf_free(mbufs[k]);
		}
	}
	assert_int_equal(got, BURST);
}

/* ---- DMA ------------------------------------------------------------------------------------ */

static int
dma_setup(const char *name, uint16_t vchans)
{
	const struct rte_dma_conf conf = { .nb_vchans = vchans };
	const struct rte_dma_vchan_conf vchan = {
		.direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 64,
	};
	int dev = rte_dma_get_dev_id_by_name(name), ret;
	uint16_t i;

	assert_true(dev >= 0);
	ret = rte_dma_configure((int16_t)dev, &conf);
	for (i = 0; i < vchans && ret == 0; i++)
		ret = rte_dma_vchan_setup((int16_t)dev, i, &vchan);
	return ret == 0 ? rte_dma_start((int16_t)dev) : ret;
}

static void
dma_copy(const char *name, uint16_t vchan, uint8_t pattern)
{
	int16_t dev = (int16_t)rte_dma_get_dev_id_by_name(name);
	uint8_t *memory = rte_zmalloc(NULL, 2 * SIZE, 0);
	bool error = false;
	uint16_t last;
	unsigned int polls;

	assert_non_null(memory);
	memset(memory, pattern, SIZE);
	assert_true(rte_dma_copy(dev, vchan, rte_mem_virt2iova(memory),
		rte_mem_virt2iova(memory + SIZE), SIZE, RTE_DMA_OP_FLAG_SUBMIT) >= 0);
	for (polls = 0; polls < POLLS; polls++)
		if (rte_dma_completed(dev, vchan, 1, &last, &error) == 1)
			break;
	assert_true(polls < POLLS);
	assert_false(error);
	assert_memory_equal(memory, memory + SIZE, SIZE);
	rte_free(memory);
}

/* ---- Raw ------------------------------------------------------------------------------------ */

/* That was started last. Names aren't found any more when a device before it has gone. */
static uint16_t raw_id;

static int
raw_start(const char *name, enum rte_pmd_revere_raw_peer peer)
{
	struct rte_pmd_revere_raw_config config = { .peer = peer, .nb_queues = 2 };
	struct rte_rawdev_info info = { .dev_private = &config };
	uint16_t id = rte_rawdev_get_dev_id(name);
	int ret = rte_rawdev_configure(id, &info, sizeof(config));

	raw_id = id;
	return ret == 0 ? rte_rawdev_start(id) : ret;
}

static void
raw_invert(uint16_t queue, uint8_t pattern)
{
	uint8_t data[LENGTH], back[LENGTH];
	struct rte_rawdev_buf out = { .buf_addr = data }, in = { .buf_addr = back };
	struct rte_rawdev_buf *outs = &out, *ins = &in;
	unsigned int polls;

	memset(data, pattern, sizeof(data));
	assert_int_equal(rte_rawdev_enqueue_buffers(raw_id, &outs, 1,
		RTE_PMD_REVERE_RAW_QUEUE(queue)), 1);
	for (polls = 0; polls < POLLS; polls++)
		if (rte_rawdev_dequeue_buffers(raw_id, &ins, 1,
			RTE_PMD_REVERE_RAW_QUEUE(queue)) == 1)
			break;
	assert_true(polls < POLLS);
	memset(data, (uint8_t)~pattern, sizeof(data));
	assert_memory_equal(data, back, sizeof(data));
}

/* ---- Cases ---------------------------------------------------------------------------------- */

static void
all_classes(void **state)
{
	size_t before;
	uint16_t port;

	(void)state;
	/* Libraries have tables of their own from the first device on. */
	plug("net_revere0", "mode=inline");
	net_start("net_revere0", 1);
	unplug("net_revere0");
	plug("dma_revere0", "mode=inline");
	unplug("dma_revere0");
	before = heap();
	plug("raw_revere0", "emu=v,mode=inline,num_vf=3,num_ami_sw=16,"
		"give=1:net:2+1:dma:2+2:raw:1+2:dma:1");
	plug("net_revere1", "emu=v,vf=1");
	plug("dma_revere1", "emu=v,vf=1");
	plug("dma_revere2", "emu=v,vf=2");
	plug("raw_revere2", "emu=v,vf=2");
	port = net_start("net_revere1", 2);
	assert_int_equal(dma_setup("dma_revere1", 2), 0);
	assert_int_equal(dma_setup("dma_revere2", 1), 0);
	/* The PF has the rest of the contexts. */
	assert_int_equal(raw_start("raw_revere0", RTE_PMD_REVERE_RAW_LOOPBACK), 0);
	assert_int_equal(raw_start("raw_revere2", RTE_PMD_REVERE_RAW_KIND), 0);
	net_loop(port, 0, 0x11);
	net_loop(port, 1, 0x22);
	dma_copy("dma_revere1", 0, 0x33);
	dma_copy("dma_revere1", 1, 0x44);
	dma_copy("dma_revere2", 0, 0x55);
	raw_invert(0, 0x66);
	raw_invert(1, 0x77);
	/* Started again, or gone and back: what was given is there still. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	net_loop(port, 1, 0x12);
	unplug("dma_revere1");
	dma_copy("dma_revere2", 0, 0x56);
	plug("dma_revere1", "emu=v,vf=1");
	assert_int_equal(dma_setup("dma_revere1", 2), 0);
	dma_copy("dma_revere1", 1, 0x45);
	/* The device lives on while a VF is used. */
	unplug("raw_revere0");
	net_loop(port, 0, 0x13);
	unplug("net_revere1");
	unplug("dma_revere1");
	dma_copy("dma_revere2", 0, 0x57);
	raw_invert(0, 0x67);
	unplug("raw_revere2");
	unplug("dma_revere2");
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	assert_int_equal(heap(), before);
}

/* A VF whose user has gone is reset, and stands open for the next. */
static void
one_after_the_other(void **state)
{
	unsigned int i;

	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=1,give=1:net:1+1:dma:1");
	for (i = 0; i < 20; i++) {
		plug("net_revere1", "emu=v,vf=1");
		net_loop(net_start("net_revere1", 1), 0, (uint8_t)i);
		plug("dma_revere1", "emu=v,vf=1");
		assert_int_equal(dma_setup("dma_revere1", 1), 0);
		dma_copy("dma_revere1", 0, (uint8_t)i);
		unplug("net_revere1");
		unplug("dma_revere1");
	}
	unplug("raw_revere0");
}

/* The device of a vdev. */
static struct revere_dev *
device_of(const char *user)
{
	struct revere_device *device = revere_device_find(user);
	struct revere_dev *dev;

	assert_non_null(device);
	dev = revere_device_dev(device);
	revere_device_put(device);
	return dev;
}

/* A VF that the PF stops for a while goes on as it was, its port and queues too. */
static void
disabled_for_a_while(void **state)
{
	struct rte_mbuf *mbuf, *got[2];
	unsigned int polls, num = 0;
	struct revere_dev *pf;
	uint16_t port, i;

	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=1,give=1:net:2");
	plug("net_revere1", "emu=v,vf=1");
	port = net_start("net_revere1", 2);
	pf = device_of("raw_revere0");
	net_loop(port, 0, 0x71);
	assert_int_equal(revere_vf_enable(pf, 1, false), 0);
	assert_int_equal(revere_vf_enable(pf, 1, true), 0);
	net_loop(port, 0, 0x72);
	net_loop(port, 1, 0x73);
	/* What is sent meanwhile waits; without threads the next doorbell is what has it go on. */
	assert_int_equal(revere_vf_enable(pf, 1, false), 0);
	for (i = 0; i < 2; i++) {
		mbuf = rte_pktmbuf_alloc(pool);
		assert_non_null(mbuf);
		memset(rte_pktmbuf_append(mbuf, LENGTH), 0x74 + i, LENGTH);
		assert_int_equal(rte_eth_tx_burst(port, 0, &mbuf, 1), 1);
		if (i == 0)
			assert_int_equal(revere_vf_enable(pf, 1, true), 0);
	}
	for (polls = 0; polls < POLLS && num < 2; polls++)
		num += rte_eth_rx_burst(port, 0, got + num, (uint16_t)(2 - num));
	assert_int_equal(num, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(*rte_pktmbuf_mtod(got[i], uint8_t *), 0x74 + i);
		rte_pktmbuf_free(got[i]);
	}
	unplug("net_revere1");
	unplug("raw_revere0");
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

/* Two ports on one VF have a control channel each, if they were given so. */
static void
two_ports(void **state)
{
	uint16_t first, second;

	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=1,give=1:net:1+1:net:1");
	plug("net_revere1", "emu=v,vf=1");
	plug("net_revere2", "emu=v,vf=1");
	assert_int_not_equal(rte_vdev_init("net_revere3", "emu=v,vf=1"), 0);
	first = net_start("net_revere1", 1);
	second = net_start("net_revere2", 1);
	net_loop(first, 0, 0x21);
	net_loop(second, 0, 0x31);
	unplug("net_revere1");
	net_loop(second, 0, 0x32);
	unplug("net_revere2");
	unplug("raw_revere0");
}

static void
no_more_than_given(void **state)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t port;

	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=2,give=1:net:1+1:dma:1+1:raw:1");
	plug("net_revere1", "emu=v,vf=1");
	plug("dma_revere1", "emu=v,vf=1");
	plug("raw_revere1", "emu=v,vf=1");
	assert_int_equal(rte_eth_dev_get_port_by_name("net_revere1", &port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -ENOSPC);
	net_loop(net_start("net_revere1", 1), 0, 0x41);
	assert_int_equal(dma_setup("dma_revere1", 2), -ENOSPC);
	assert_int_equal(dma_setup("dma_revere1", 1), 0);
	dma_copy("dma_revere1", 0, 0x42);
	/* No session of a VF's own, nor an agent that it wasn't told of. */
	assert_int_equal(raw_start("raw_revere1", RTE_PMD_REVERE_RAW_LOOPBACK), -ENOENT);
	assert_int_equal(raw_start("raw_revere1", RTE_PMD_REVERE_RAW_AHA), -ENOENT);
	assert_int_equal(raw_start("raw_revere1", RTE_PMD_REVERE_RAW_KIND), 0);
	raw_invert(1, 0x43);
	/* The other VF has nothing, and isn't even enabled. */
	assert_int_not_equal(rte_vdev_init("dma_revere2", "emu=v,vf=2"), 0);
	unplug("raw_revere1");
	unplug("dma_revere1");
	unplug("net_revere1");
	unplug("raw_revere0");
}

/* 256 sessions: the list of them has several pages. */
static void
many_sessions(void **state)
{
	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=1,num_ams=64,give=1:raw:2");
	plug("raw_revere1", "emu=v,vf=1");
	plug("raw_revere2", "emu=v,vf=1");
	assert_int_equal(raw_start("raw_revere1", RTE_PMD_REVERE_RAW_KIND), 0);
	raw_invert(0, 0x51);
	assert_int_equal(raw_start("raw_revere2", RTE_PMD_REVERE_RAW_KIND), 0);
	raw_invert(1, 0x52);
	unplug("raw_revere2");
	unplug("raw_revere1");
	unplug("raw_revere0");
}

/* Messages of another length than those of the PF's sessions. */
static void
lengths_must_match(void **state)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t port;

	(void)state;
	plug("raw_revere0", "emu=v,mode=inline,num_vf=1,give=1:net:1");
	plug("net_revere1", "emu=v,vf=1,msg_size=512");
	assert_int_equal(rte_eth_dev_get_port_by_name("net_revere1", &port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), -ERANGE);
	unplug("net_revere1");
	unplug("raw_revere0");
}

static void
refused(const char *name, const char *args)
{
	int ret = rte_vdev_init(name, args);

	if (ret == 0)
		fail_msg("%s with %s was accepted", name, args);
}

static void
bad_arguments(void **state)
{
	static const char *const gifts[] = {
		"1", "1:net", "1:net:", "1:net:0", "0:net:1", "256:net:1", "1:nets:1", "1:net:1x",
		"1:net:-1", "x:net:1", ":net:1", "1::1", "1:net:1:2", "3:net:1", "1:net:17",
		"1:dma:1+", "1:dma:65536", "1:dma:99999999999999999999",
	};
	size_t before = heap();
	char args[128];
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(gifts); i++) {
		snprintf(args, sizeof(args), "emu=v,mode=inline,num_vf=2,num_ami_sw=16,give=%s",
			gifts[i]);
		refused("raw_revere0", args);
		assert_int_equal(heap(), before);
	}
	refused("raw_revere1", "vf=1,mode=inline");
	refused("raw_revere1", "emu=v,vf=1,mode=inline");
	plug("raw_revere0", "emu=v,mode=inline,num_vf=2,num_ami_sw=16,give=1:dma:1");
	refused("raw_revere1", "emu=v,vf=3");
	refused("raw_revere1", "emu=v,vf=0");
	refused("raw_revere1", "emu=v,vf=x");
	refused("raw_revere1", "emu=v,vf=1,num_ami_sw=17");
	refused("dma_revere1", "emu=v,vf=1,give=2:dma:1");
	refused("raw_revere1", "emu=v,give=1:dma:16");
	/* What was left is there for the next. */
	plug("raw_revere1", "emu=v,give=1:dma:14");
	plug("dma_revere1", "emu=v,vf=1");
	assert_int_equal(dma_setup("dma_revere1", 15), 0);
	dma_copy("dma_revere1", 14, 0x61);
	unplug("dma_revere1");
	unplug("raw_revere1");
	unplug("raw_revere0");
	assert_int_equal(heap(), before);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_classes),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(disabled_for_a_while),
		cmocka_unit_test(two_ports),
		cmocka_unit_test(no_more_than_given),
		cmocka_unit_test(many_sessions),
		cmocka_unit_test(lengths_must_match),
		cmocka_unit_test(bad_arguments),
	};
	/* EAL changes the order, so what is to be freed is kept apart. */
	static const char *const options[] = {
		"--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
	};
	char *strings[RTE_DIM(options) + 1], *eal_args[RTE_DIM(strings)];
	unsigned int i;
	int ret;

	strings[0] = strdup(argv[0]);
	for (i = 0; i < RTE_DIM(options); i++)
		strings[i + 1] = strdup(options[i]);
	memcpy(eal_args, strings, sizeof(eal_args));
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	if (rte_eal_init(RTE_DIM(eal_args), eal_args) < 0)
		return 1;
	if (getenv("VF_LOG") == NULL)
		rte_log_set_global_level(RTE_LOG_CRIT);
	rte_log_set_level((uint32_t)revere_net_logtype, rte_log_get_level(revere_dma_logtype));
	rte_log_set_level((uint32_t)raw_revere_logtype, rte_log_get_level(revere_dma_logtype));
	pool = rte_pktmbuf_pool_create("vf", POOL_SIZE, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM,
		SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rte_eal_cleanup();
	for (i = 0; i < RTE_DIM(strings); i++)
		free(strings[i]);
	return ret;
}
