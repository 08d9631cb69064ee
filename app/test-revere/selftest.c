/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command selftest: the raw driver through rawdev's functions: limits, what it refuses, attributes,
 * counters, and the self-test of its own.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_rawdev.h>

#include "rte_pmd_revere_raw.h"
#include "test_revere.h"

static unsigned int failures;

static void
check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

static int
configure(uint16_t id, struct rte_pmd_revere_raw_config config)
{
	struct rte_rawdev_info info = { .dev_private = &config };

	return rte_rawdev_configure(id, &info, sizeof(config));
}

static int
queue_setup(uint16_t id, uint16_t queue, struct rte_pmd_revere_raw_queue_conf conf)
{
	return rte_rawdev_queue_setup(id, queue, &conf, sizeof(conf));
}

/** What must be refused, each with one error line of the driver's. */
static void
check_refusals(uint16_t id, const struct rte_pmd_revere_raw_info *limits)
{
	struct rte_pmd_revere_raw_config config = { .nb_queues = 1 };
	uint64_t value;

	config.nb_queues = limits->max_queues + 1;
	check(configure(id, config) == -EINVAL, "too many queues");
	check(configure(id, (struct rte_pmd_revere_raw_config){ .kind = 0xeee }) == -ENOENT,
	      "an agent of a kind that isn't there");
	config = (struct rte_pmd_revere_raw_config){
		.peer = RTE_PMD_REVERE_RAW_AHA, .aha_id = limits->num_aha,
	};
	check(configure(id, config) == -ENOENT, "an AHA_ID that isn't there");
	check(rte_rawdev_start(id) != 0, "start before configure");
	check(configure(id, (struct rte_pmd_revere_raw_config){ .nb_queues = 1 }) == 0,
	      "one queue to the inversion agent");
	check(queue_setup(id, 0, (struct rte_pmd_revere_raw_queue_conf){
		      .msg_length = limits->max_msg_length * 2 }) == -EINVAL, "longer messages");
	check(queue_setup(id, 0, (struct rte_pmd_revere_raw_queue_conf){ .tx_size = 3 }) == -EINVAL,
	      "a ring of 3");
	check(queue_setup(id, 0, (struct rte_pmd_revere_raw_queue_conf){
		      .rx_size = limits->max_ring_size * 2 }) == -EINVAL, "a larger ring");
	check(queue_setup(id, 0, (struct rte_pmd_revere_raw_queue_conf){ .prio = 16 }) == -EINVAL,
	      "priority 16");
	check(queue_setup(id, 1, (struct rte_pmd_revere_raw_queue_conf){ .prio = 0 }) == -EINVAL,
	      "a queue that isn't configured");
	check(rte_rawdev_get_attr(id, "nonsense", &value) == -ENOENT, "an unknown attribute");
	check(rte_rawdev_set_attr(id, "max_queues", 1) == -EPERM, "writing a limit");
	check(rte_rawdev_get_attr(id, "ami_sw_id", &value) == -ENODEV,
	      "an attribute that needs a started device");
}

static void
check_attributes(uint16_t id)
{
	const char *name;
	uint64_t value, before;
	bool writable, good = true;
	unsigned int i;

	for (i = 0; (name = rte_pmd_revere_raw_attr_name(i, &writable)) != NULL; i++) {
		good &= rte_rawdev_get_attr(id, name, &value) == 0;
		if (writable)
			good &= rte_rawdev_set_attr(id, name, value) == 0;
	}
	check(good && i > 0, "every attribute of a started device");
	rte_rawdev_get_attr(id, "msg_length", &before);
	check(rte_rawdev_set_attr(id, "msg_length", before * 2) == 0 &&
	      rte_rawdev_get_attr(id, "msg_length", &value) == 0 && value == before * 2,
	      "setting the message length");
	rte_rawdev_set_attr(id, "msg_length", before);
}

static uint64_t
counter(uint16_t id, const char *name)
{
	return rte_rawdev_xstats_by_name_get(id, name, NULL);
}

/** Messages through the loopback, in one bulk, and their counters. */
static void
check_bulk(uint16_t id)
{
	struct rte_rawdev_buf buf[8], *bufs[8];
	uint8_t data[8][64];
	unsigned int i;
	int got = 0, n, tries;

	for (i = 0; i < RTE_DIM(bufs); i++) {
		memset(data[i], (int)i, sizeof(data[i]));
		buf[i].buf_addr = data[i];
		bufs[i] = &buf[i];
	}
	n = rte_rawdev_enqueue_buffers(id, bufs, RTE_DIM(bufs), RTE_PMD_REVERE_RAW_QUEUE(0));
	check(n == 4, "a ring of 4 takes 4 messages of 8");
	for (tries = 0; got < 4 && tries < 10000000; tries++) {
		n = rte_rawdev_dequeue_buffers(id, &bufs[got], (unsigned int)(4 - got),
					       RTE_PMD_REVERE_RAW_QUEUE(0));
		got += RTE_MAX(n, 0);
	}
	check(got == 4 && data[3][0] == 3, "and gives them back");
	check(counter(id, "q0_tx_messages") == 4 && counter(id, "q0_rx_messages") == 4 &&
	      counter(id, "q0_tx_full") == 1, "counters");
	check(rte_rawdev_xstats_reset(id, NULL, 0) == 0 && counter(id, "q0_tx_messages") == 0,
	      "counters reset");
	check(rte_rawdev_enqueue_buffers(id, bufs, 1, RTE_PMD_REVERE_RAW_QUEUE(1)) == -EINVAL,
	      "a queue that isn't there");
}

static void
check_started(uint16_t id)
{
	struct rte_pmd_revere_raw_queue_conf queue = { .tx_size = 4, .rx_size = 8,
						       .msg_length = 64 };
	struct rte_pmd_revere_raw_config config = { .peer = RTE_PMD_REVERE_RAW_LOOPBACK };
	struct rte_pmd_revere_raw_version version;
	struct rte_pmd_revere_raw_status status;

	check(configure(id, config) == 0 && queue_setup(id, 0, queue) == 0 &&
	      rte_rawdev_start(id) == 0, "a loopback starts");
	check(queue_setup(id, 0, queue) == -EBUSY, "queue setup while started");
	check_attributes(id);
	check_bulk(id);
	check(rte_rawdev_reset(id) == 0, "reset");
	check_bulk(id);
	check(rte_rawdev_firmware_version_get(id, &version) == 0 && version.arch_major == 3,
	      "version");
	check(rte_rawdev_firmware_status_get(id, &status) == 0 && status.error_state == 0 &&
	      status.broken_queues == 0, "status");
	rte_rawdev_stop(id);
	check(rte_rawdev_start(id) == 0, "start again");
	rte_rawdev_stop(id);
}

int
cmd_selftest(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "raw_revere0";
	struct rte_pmd_revere_raw_info limits;
	struct rte_rawdev_info info = { .dev_private = &limits };
	uint16_t id = rte_rawdev_get_dev_id(name);

	if (argc > 2 || name[0] == '-') {
		printf("selftest [NAME]\n  Tests the raw driver on the raw device NAME.\n");
		return EXIT_FAILURE;
	}
	if (rte_rawdev_info_get(id, &info, sizeof(limits)) != 0) {
		fprintf(stderr, "selftest %s: no such raw device\n", name);
		return EXIT_FAILURE;
	}
	check_refusals(id, &limits);
	check_started(id);
	check(rte_rawdev_selftest(id) == 0, "the driver's self-test");
	check(rte_rawdev_selftest(id) == 0, "and again");
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
