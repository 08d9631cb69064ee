/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Self-test of a raw device through rawdev's own functions: the inversion agent and a loopback
 * session, at every message length, more messages than a ring holds. Needs a stopped device and
 * leaves it unconfigured.
 */

#include <errno.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "raw_revere.h"

#define TEST_BURST 16
#define TEST_RING 32
#define TEST_MESSAGES 100 /* wraps the ring three times */
#define TEST_TIMEOUT_S 2

/** A run over one queue. */
struct selftest {
	uint16_t dev_id;
	uint16_t queue;
	uint32_t msg_length;
	bool inverted; /**< answers come inverted */
	uint8_t *data; /**< 2 * TEST_BURST messages: out, in */
	struct rte_rawdev_buf buf[2 * TEST_BURST];
	struct rte_rawdev_buf *out[TEST_BURST], *in[TEST_BURST];
	uint32_t sent, received;
};

/** Byte @p at of message @p number; differs between queues too. */
static uint8_t
test_byte(const struct selftest *test, uint32_t number, uint32_t at)
{
	return (uint8_t)(number * 37 + at * 11 + (at >> 8) + test->queue * 101);
}

static int
test_send(struct selftest *test)
{
	uint32_t n = RTE_MIN(TEST_BURST, TEST_MESSAGES - test->sent);
	uint32_t i, at;
	int ret;

	for (i = 0; i < n; i++)
		for (at = 0; at < test->msg_length; at++)
			((uint8_t *)test->out[i]->buf_addr)[at] =
				test_byte(test, test->sent + i, at);
	ret = rte_rawdev_enqueue_buffers(test->dev_id, test->out, n,
					 RTE_PMD_REVERE_RAW_QUEUE(test->queue));
	if (ret > 0)
		test->sent += (uint32_t)ret;
	return RTE_MIN(ret, 0);
}

static int
test_verify(const struct selftest *test, const uint8_t *msg, uint32_t number)
{
	uint8_t flip = test->inverted ? 0xff : 0;
	uint32_t at;

	for (at = 0; at < test->msg_length; at++) {
		if (msg[at] == (test_byte(test, number, at) ^ flip))
			continue;
		RAW_LOG(ERR, "selftest: queue %u, message %u of %u bytes: byte %u is 0x%02x",
			test->queue, number, test->msg_length, at, msg[at]);
		return -EBADMSG;
	}
	return 0;
}

static int
test_receive(struct selftest *test)
{
	int i, n, ret = 0;

	n = rte_rawdev_dequeue_buffers(test->dev_id, test->in, TEST_BURST,
				       RTE_PMD_REVERE_RAW_QUEUE(test->queue));
	for (i = 0; i < n && ret == 0; i++)
		ret = test_verify(test, test->in[i]->buf_addr, test->received++);
	return n < 0 ? n : ret;
}

/** Sends and receives TEST_MESSAGES on one queue. */
static int
test_exchange(struct selftest *test)
{
	uint64_t end = rte_get_timer_cycles() + TEST_TIMEOUT_S * rte_get_timer_hz();
	uint32_t before;
	int ret = 0;

	test->sent = test->received = 0;
	while (ret == 0 && test->received < TEST_MESSAGES) {
		before = test->received;
		ret = test_send(test);
		if (ret == 0)
			ret = test_receive(test);
		if (test->received > before)
			end = rte_get_timer_cycles() + TEST_TIMEOUT_S * rte_get_timer_hz();
		else if (ret == 0 && rte_get_timer_cycles() > end)
			ret = -ETIMEDOUT;
	}
	if (ret != 0)
		RAW_LOG(ERR, "selftest: queue %u, %u bytes, %s: %u sent, %u received: %s",
			test->queue, test->msg_length, test->inverted ? "inversion" : "loopback",
			test->sent, test->received, rte_strerror(-ret));
	return ret;
}

static int
test_setup(struct selftest *test, uint16_t nb_queues)
{
	struct rte_pmd_revere_raw_config config = {
		.peer = test->inverted ? RTE_PMD_REVERE_RAW_KIND : RTE_PMD_REVERE_RAW_LOOPBACK,
		.kind = RTE_PMD_REVERE_RAW_INVERSION,
		.nb_queues = nb_queues,
	};
	struct rte_pmd_revere_raw_queue_conf queue = {
		.msg_length = test->msg_length,
		.tx_size = TEST_RING,
		.rx_size = TEST_RING,
	};
	struct rte_rawdev_info info = { .dev_private = &config };
	uint16_t i;
	int ret;

	ret = rte_rawdev_configure(test->dev_id, &info, sizeof(config));
	for (i = 0; ret == 0 && i < nb_queues; i++)
		ret = rte_rawdev_queue_setup(test->dev_id, i, &queue, sizeof(queue));
	if (ret == 0)
		ret = rte_rawdev_start(test->dev_id);
	return ret;
}

/** All queues at one message length against one peer. */
static int
test_length(struct selftest *test, uint16_t nb_queues)
{
	int ret = test_setup(test, nb_queues);

	for (test->queue = 0; ret == 0 && test->queue < nb_queues; test->queue++)
		ret = test_exchange(test);
	rte_rawdev_stop(test->dev_id);
	return ret;
}

static void
test_buffers(struct selftest *test, uint32_t msg_length)
{
	uint32_t i;

	for (i = 0; i < TEST_BURST; i++) {
		test->out[i] = &test->buf[i];
		test->in[i] = &test->buf[TEST_BURST + i];
		test->out[i]->buf_addr = test->data + (size_t)i * msg_length;
		test->in[i]->buf_addr = test->data + (size_t)(TEST_BURST + i) * msg_length;
	}
}

static int
test_all(struct selftest *test, const struct raw_dev *raw)
{
	uint16_t nb_queues = RTE_MIN(2, raw_max_queues(raw));
	unsigned int peer, log2;
	int ret = 0;

	for (peer = 0; peer < 2; peer++) {
		test->inverted = peer == 0;
		for (log2 = raw->info->min_log2_msg_length;
		     ret == 0 && log2 <= raw->info->max_log2_msg_length; log2++) {
			test->msg_length = RVR_DW << log2;
			test_buffers(test, test->msg_length);
			ret = test_length(test, nb_queues);
		}
	}
	return ret;
}

int
raw_selftest(uint16_t dev_id)
{
	struct rte_rawdev *rawdev = &rte_rawdevs[dev_id];
	struct raw_dev *raw = raw_dev_of(rawdev);
	struct selftest test = { .dev_id = dev_id };
	int ret;

	if (rawdev->started) {
		RAW_LOG(ERR, "%s: stop the device before its self-test", raw->name);
		return -EBUSY;
	}
	test.data = rte_malloc("raw_selftest",
			       (size_t)2 * TEST_BURST * (RVR_DW << raw->info->max_log2_msg_length),
			       RTE_CACHE_LINE_SIZE);
	if (test.data == NULL) {
		RAW_LOG(ERR, "%s: no memory for the self-test's messages", raw->name);
		return -ENOMEM;
	}
	ret = test_all(&test, raw);
	rte_free(test.data);
	rte_rawdev_close(dev_id);
	return ret;
}
