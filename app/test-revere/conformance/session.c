/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Sessions: between any two AMIs, in order, created at any time, priorities.
 */

#include <inttypes.h>

#include "conf.h"

/** Messages of 2^arg DW. */
static void
length(struct client *c)
{
	struct client_path path;

	if (c->arg < c->lim.min_log2_len || c->arg > c->lim.max_log2_len)
		client_skip(c, "lengths are 2^%u to 2^%u DW", c->lim.min_log2_len,
			    c->lim.max_log2_len);
	path = client_loopback(c, 4, 3, c->arg);
	client_exchange(c, path.tx, path.rx, 50, 0);
	client_ring_guards(c, path.rx);
}

/** From every TX socket of one AMI-SW to every RX socket of it. */
static void
all_sockets(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	unsigned int i, n = RTE_MIN(c->lim.num_tx, c->lim.num_rx);

	for (i = 0; i < n; i++) {
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 2, c->lim.min_log2_len);
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 2, c->lim.min_log2_len);
	}
	for (i = 0; i < n; i++)
		client_asn_new(c, client_end_sw(ami, i), client_end_sw(ami, n - 1 - i),
			       c->lim.min_log2_len);
	client_ami_enable(c, ami);
	for (i = 0; i < n; i++)
		client_push(c, &ami->tx[i], i % 4 + 1);
	for (i = 0; i < n; i++)
		client_pop_all(c, &ami->rx[n - 1 - i], i % 4 + 1, 0);
}

static void
two_ami(struct client *c)
{
	struct client_ami *a = client_ami_new(c), *b = client_ami_new(c);
	unsigned int len = c->lim.min_log2_len;

	client_ring_new(c, a, RVR_AMS_TX, 0, 3, len);
	client_ring_new(c, a, RVR_AMS_RX, 0, 3, len);
	client_ring_new(c, b, RVR_AMS_TX, 0, 3, len);
	client_ring_new(c, b, RVR_AMS_RX, 0, 3, len);
	client_asn_new(c, client_end_sw(a, 0), client_end_sw(b, 0), len);
	client_asn_new(c, client_end_sw(b, 0), client_end_sw(a, 0), len);
	client_ami_enable(c, a);
	client_push(c, &a->tx[0], 3);
	client_settle(c);
	client_ami_enable(c, b);
	client_pop_all(c, &b->rx[0], 3, 0);
	client_exchange(c, &a->tx[0], &b->rx[0], 100, 0);
	client_exchange(c, &b->tx[0], &a->rx[0], 100, 0);
}

/** Sessions come first, the AMI-SW is configured then. */
static void
created_before(struct client *c)
{
	struct client_hw hw = client_hw_new(c, client_aha(c, RVR_AHA_INVERSION));
	struct client_ami *ami = client_ami_map(c);
	unsigned int len = c->lim.min_log2_len;
	struct client_ring *tx, *rx;

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&hw, 0), len);
	client_asn_new(c, client_end_hw(&hw, 0), client_end_sw(ami, 0), len);
	client_ami_configure(c, ami);
	tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 3, len);
	rx = client_ring_new(c, ami, RVR_AMS_RX, 0, 3, len);
	client_ami_enable(c, ami);
	client_exchange(c, tx, rx, 50, 0xff);
}

static void
created_while_enabled(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	unsigned int round;

	for (round = 0; round < 10; round++) {
		client_exchange(c, path.tx, path.rx, 10, 0);
		MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
		path.asn[0] = client_asn_new(c, client_end_sw(path.ami, 0),
					     client_end_sw(path.ami, 0), c->lim.min_log2_len);
	}
}

/** What a destroyed session has not taken waits for the next one. */
static void
destroyed_with_messages(struct client *c)
{
	struct client_path path = client_loopback(c, 4, 1, c->lim.min_log2_len);
	uint64_t taken;

	client_push(c, path.tx, 16);
	client_index_wait(c, path.rx, 2);
	client_settle(c);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	client_pop_all(c, path.rx, 2, 0);
	client_settle(c);
	taken = client_device_index(path.tx);
	/* What the device owned a copy of went with the session. */
	path.rx->count = taken;
	client_asn_new(c, client_end_sw(path.ami, 0), client_end_sw(path.ami, 0),
		       c->lim.min_log2_len);
	client_pop_all(c, path.rx, (unsigned int)(16 - taken), 0);
}

/** Destroyed and created again with messages of another length: slots change with it. */
static void
length_changes(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.max_log2_len);
	unsigned int len = c->lim.min_log2_len;

	client_exchange(c, path.tx, path.rx, 16, 0);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	client_asn_new(c, client_end_sw(path.ami, 0), client_end_sw(path.ami, 0), len);
	path.tx->bytes = path.rx->bytes = RVR_DW << len;
	path.tx->log2_len = path.rx->log2_len = (uint8_t)len;
	client_exchange(c, path.tx, path.rx, 50, 0);
}

/* ---- Agents as ends ------------------------------------------------------------------------ */

/** One AMI-HW receives and another one, which has the session, answers. */
static void
answer_by_another(struct client *c)
{
	uint16_t aha = client_aha(c, RVR_AHA_INVERSION);
	struct client_hw answers = client_hw_new(c, aha), receives = client_hw_new(c, aha);
	struct client_ami *ami = client_ami_new(c);
	unsigned int len = c->lim.min_log2_len;
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 3, len);
	struct client_ring *rx = client_ring_new(c, ami, RVR_AMS_RX, 1, 3, len);

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&receives, 2), len);
	client_asn_new(c, client_end_hw(&answers, 2), client_end_sw(ami, 1), len);
	client_ami_enable(c, ami);
	client_exchange(c, tx, rx, 100, 0xff);
}

/** Without a way back requests wait; nothing is lost. */
static void
answer_waits(struct client *c)
{
	struct client_hw hw = client_hw_new(c, client_aha(c, RVR_AHA_INVERSION));
	struct client_ami *ami = client_ami_new(c);
	unsigned int len = c->lim.min_log2_len;
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 2, len);
	struct client_ring *rx = client_ring_new(c, ami, RVR_AMS_RX, 0, 2, len);

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&hw, 0), len);
	client_ami_enable(c, ami);
	client_push(c, tx, 4);
	client_settle(c);
	client_asn_new(c, client_end_hw(&hw, 0), client_end_sw(ami, 0), len);
	client_pop_all(c, rx, 4, 0xff);
}

/** Agent to agent: inverted twice. */
static void
chain(struct client *c)
{
	uint16_t aha = client_aha(c, RVR_AHA_INVERSION);
	struct client_hw first = client_hw_new(c, aha), second = client_hw_new(c, aha);
	struct client_ami *ami = client_ami_new(c);
	unsigned int len = c->lim.min_log2_len;
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 3, len);
	struct client_ring *rx = client_ring_new(c, ami, RVR_AMS_RX, 0, 2, len);

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&first, 0), len);
	client_asn_new(c, client_end_hw(&first, 0), client_end_hw(&second, 1), len);
	client_asn_new(c, client_end_hw(&second, 1), client_end_sw(ami, 0), len);
	client_ami_enable(c, ami);
	client_exchange(c, tx, rx, 200, 0);
}

/** The answer's session has messages of another length: cut, or padded with zeroes. */
static void
answer_length(struct client *c, unsigned int out_len, unsigned int back_len)
{
	struct client_hw hw = client_hw_new(c, client_aha(c, RVR_AHA_INVERSION));
	struct client_ami *ami = client_ami_new(c);
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 2, out_len);
	struct client_ring *rx = client_ring_new(c, ami, RVR_AMS_RX, 0, 2, back_len);
	uint8_t *request = client_alloc(c, tx->bytes, 64, NULL);
	uint8_t *answer = client_alloc(c, rx->bytes, 64, NULL);
	uint32_t at;
	int round;

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&hw, 0), out_len);
	client_asn_new(c, client_end_hw(&hw, 0), client_end_sw(ami, 0), back_len);
	client_ami_enable(c, ami);
	memset(request, 0x3c, tx->bytes);
	for (round = 0; round < 10; round++) {
		client_call(c, tx, rx, request, answer);
		for (at = 0; at < rx->bytes; at++)
			client_equal(c, "byte of the answer", answer[at],
				     at < tx->bytes ? 0xc3 : 0);
		memset(rx->slots, 0x55, (size_t)rx->bytes * rx->size);
	}
}

static void
answer_cut(struct client *c)
{
	answer_length(c, c->lim.max_log2_len, c->lim.min_log2_len);
}

static void
answer_padded(struct client *c)
{
	answer_length(c, c->lim.min_log2_len, c->lim.max_log2_len);
}

/* ---- Fairness ------------------------------------------------------------------------------ */

#define FAIR_PATHS 8u

/** Keeps all paths busy for @p ms, or until each has moved @p enough messages. */
static void
fair_run(struct client *c, struct client_path *path, unsigned int n, unsigned int ms,
	 uint64_t enough, uint64_t *least, uint64_t *most)
{
	struct client_timer timer = client_timer(c, ms);
	unsigned int i;

	do {
		*least = UINT64_MAX;
		*most = 0;
		for (i = 0; i < n; i++) {
			client_push(c, path[i].tx, 8);
			client_pop(c, path[i].rx, 8, 0);
			*least = RTE_MIN(*least, path[i].rx->count);
			*most = RTE_MAX(*most, path[i].rx->count);
		}
	} while (*least < enough && client_turn(c, &timer));
}

/** Equal priorities of one AMI-SW share what the device can do. */
static void
fair(struct client *c)
{
	unsigned int i, n = RTE_MIN(RTE_MIN(c->lim.num_tx, c->lim.num_rx), FAIR_PATHS);
	struct client_ami *ami = client_ami_new(c);
	struct client_path path[FAIR_PATHS];
	uint64_t least, most;

	for (i = 0; i < n; i++) {
		path[i].tx = client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 3,
					     c->lim.min_log2_len);
		path[i].rx = client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 3,
					     c->lim.min_log2_len);
		client_asn_new(c, client_end_sw(ami, i), client_end_sw(ami, i),
			       c->lim.min_log2_len);
	}
	client_ami_enable(c, ami);
	fair_run(c, path, n, 200, UINT64_MAX, &least, &most);
	if (least * 2 < most)
		client_fail(c, "one session moved %" PRIu64 " messages, another %" PRIu64, most,
			    least);
}

/** Sessions of several AMI-SWs may be different engines' of the device: none starves. */
static void
fair_contexts(struct client *c)
{
	struct client_path path[FAIR_PATHS];
	uint64_t least, most;
	unsigned int i;

	for (i = 0; i < FAIR_PATHS; i++)
		path[i] = client_loopback(c, 3, 3, c->lim.min_log2_len);
	fair_run(c, path, FAIR_PATHS, c->timeout_ms, 1000, &least, &most);
	if (least < 1000)
		client_fail(c, "one session moved %" PRIu64 " messages, another %" PRIu64, most,
			    least);
}

/** A busy session of priority 15 doesn't stop one of priority 0 for good once it pauses. */
static void
priorities_pass(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	unsigned int i, n = RTE_MIN(RTE_MIN(c->lim.num_tx, c->lim.num_rx), 16u);
	struct rvr_pf_asn_create_req req;

	for (i = 0; i < n; i++) {
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 4, c->lim.min_log2_len);
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 4, c->lim.min_log2_len);
		req = client_asn_req(c, client_end_sw(ami, i), client_end_sw(ami, i),
				     c->lim.min_log2_len);
		req.prio = 15 - i * 15 / n;
		client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	}
	client_ami_enable(c, ami);
	for (i = 0; i < n; i++)
		client_push(c, &ami->tx[i], 16);
	for (i = 0; i < n; i++)
		client_pop_all(c, &ami->rx[i], 16, 0);
}

#define LENGTH(log2, dw)                                                                       \
	{ .name = "loopback, messages of " #dw " DW", .run = length, .arg = (log2) }

static const struct conf_test tests[] = {
	LENGTH(3, 8), LENGTH(4, 16), LENGTH(5, 32), LENGTH(6, 64), LENGTH(7, 128), LENGTH(8, 256),
	{ .name = "between all sockets of one AMI-SW", .run = all_sockets },
	{ .name = "between two AMI-SWs", .run = two_ami },
	{ .name = "created before the AMI-SW is configured", .run = created_before },
	{ .name = "created while the AMI-SW is enabled", .run = created_while_enabled },
	{ .name = "destroyed with messages waiting", .run = destroyed_with_messages },
	{ .name = "created again with another message length", .run = length_changes },
	{ .name = "another AMI-HW of the agent answers", .run = answer_by_another },
	{ .name = "requests wait for a way back", .run = answer_waits },
	{ .name = "agent to agent", .run = chain },
	{ .name = "a shorter answer is cut", .run = answer_cut },
	{ .name = "a longer answer is padded with zeroes", .run = answer_padded },
	{ .name = "equal priorities share fairly", .run = fair },
	{ .name = "no AMI-SW starves beside busy ones", .run = fair_contexts },
	{ .name = "all priorities get through", .run = priorities_pass },
};

CONF_TOPIC(session, "sessions");
