/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Rings: sizes, wrap, empty, full, 64-bit indices, modes.
 */

#include <inttypes.h>

#include "conf.h"

/** Rings of 2^arg slots, more than two times round. */
static void
size(struct client *c)
{
	struct client_path path;

	if (c->arg > c->lim.max_log2_size)
		client_skip(c, "MAX_LOG2_SIZE is %u", c->lim.max_log2_size);
	path = client_loopback(c, c->arg, c->arg, c->lim.min_log2_len);
	client_exchange(c, path.tx, path.rx, (5u << c->arg) / 2 + 3, 0);
	client_ring_guards(c, path.tx);
	client_ring_guards(c, path.rx);
	client_no_exception(c);
}

static void
empty(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	client_settle(c);
	client_equal(c, "WRITE_INDEX_RX0", client_device_index(path.rx), 0);
	/* A doorbell that says nothing new. */
	client_own_write(c, path.tx, 0);
	client_own_write(c, path.rx, 0);
	client_settle(c);
	client_equal(c, "WRITE_INDEX_RX0", client_device_index(path.rx), 0);
	client_no_exception(c);
}

static void
unequal(struct client *c)
{
	struct client_path path = client_loopback(c, 6, 1, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 500, 0);
	client_ring_guards(c, path.rx);
}

/** A full RX ring stalls the session and so the sender; nothing is dropped. */
static void
back_pressure(struct client *c)
{
	struct client_path path = client_loopback(c, 4, 2, c->lim.min_log2_len);
	unsigned int i;

	client_push(c, path.tx, 16);
	client_index_wait(c, path.rx, 4);
	client_settle(c);
	client_equal(c, "WRITE_INDEX_RX0 of a full ring", client_device_index(path.rx), 4);
	for (i = 0; i < 12; i++) {
		client_pop_all(c, path.rx, 1, 0);
		client_index_wait(c, path.rx, 5 + i);
	}
	client_pop_all(c, path.rx, 4, 0);
	client_index_wait(c, path.tx, 16);
	client_no_exception(c);
}

/** The same through an agent: what it holds goes on once there is room. */
static void
back_pressure_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 2, c->lim.min_log2_len);
	struct client_timer timer = client_timer(c, 200);
	unsigned int sent = 0;

	while (client_turn(c, &timer))
		sent += client_push(c, path.tx, 4);
	if (sent < 4)
		client_fail(c, "the TX ring took %u messages, it has 4 slots", sent);
	client_equal(c, "WRITE_INDEX_RX0 of a full ring", client_device_index(path.rx), 4);
	client_pop_all(c, path.rx, sent, path.flip);
	client_exchange(c, path.tx, path.rx, 40, path.flip);
}

static void
overwriting_ring(struct client *c, struct client_path *path)
{
	client_ami_disable(c, path->ami);
	path->rx->rx_mode = RVR_RX_OVERWRITE;
	client_ring_configure(c, path->rx);
	client_ami_enable(c, path->ami);
}

/** RX_MODE 1: the oldest is overwritten, the reader sees how many it lost. */
static void
overwriting(struct client *c)
{
	struct client_path path = client_loopback(c, 4, 2, c->lim.min_log2_len);

	overwriting_ring(c, &path);
	client_push_all(c, path.tx, 11);
	client_index_wait(c, path.tx, 11);
	client_index_wait(c, path.rx, 11);
	path.rx->own = path.rx->count = 7;
	client_pop_all(c, path.rx, 4, 0);
	client_ring_guards(c, path.rx);
	/* And as with any ring when the reader keeps up. */
	client_exchange(c, path.tx, path.rx, 1, 0);
	client_no_exception(c);
}

static void
overwriting_many(struct client *c)
{
	struct client_path path = client_loopback(c, 4, 3, c->lim.min_log2_len);

	overwriting_ring(c, &path);
	client_push_all(c, path.tx, 1000);
	client_index_wait(c, path.rx, 1000);
	path.rx->own = path.rx->count = 992;
	client_pop_all(c, path.rx, 8, 0);
	client_ring_guards(c, path.rx);
}

/** Both indices of both rings start at `start`. */
static void
start_at(struct client *c, struct client_path *path, uint64_t start)
{
	client_ami_disable(c, path->ami);
	client_index_restore(c, path->tx, start, start);
	client_index_restore(c, path->rx, start, start);
	client_ami_enable(c, path->ami);
	client_exchange(c, path->tx, path->rx, 50, path->flip);
	client_equal(c, "WRITE_INDEX_RX0", client_device_index(path->rx), start + 50);
	client_index_wait(c, path->tx, start + 50);
	client_ring_guards(c, path->tx);
	client_ring_guards(c, path->rx);
	client_no_exception(c);
}

static void
indices_2_32(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 2, c->lim.min_log2_len);

	start_at(c, &path, (UINT64_C(1) << 32) - 5);
}

static void
indices_2_64(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 2, c->lim.min_log2_len);

	start_at(c, &path, UINT64_MAX - 4);
}

static void
indices_2_32_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	start_at(c, &path, (UINT64_C(1) << 32) - 5);
}

static void
indices_2_64_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	start_at(c, &path, UINT64_MAX - 4);
}

/** Different ends of the range in the two rings. */
static void
indices_differ(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	client_ami_disable(c, path.ami);
	client_index_restore(c, path.tx, UINT64_MAX - 2, UINT64_MAX - 2);
	client_index_restore(c, path.rx, 12345678901, 12345678901);
	client_ami_enable(c, path.ami);
	client_exchange(c, path.tx, path.rx, 50, 0);
}

/** Without a session messages wait. */
static void
no_session(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, 0, 3, c->lim.min_log2_len);
	struct client_ring *rx = client_ring_new(c, ami, RVR_AMS_RX, 0, 3, c->lim.min_log2_len);

	client_ami_enable(c, ami);
	client_push(c, tx, 5);
	client_settle(c);
	client_equal(c, "READ_INDEX_TX0", client_device_index(tx), 0);
	client_asn_new(c, client_end_sw(ami, 0), client_end_sw(ami, 0), c->lim.min_log2_len);
	client_pop_all(c, rx, 5, 0);
	client_no_exception(c);
}

/** Slots that READ_INDEX has passed are software's again at once. */
static void
slot_reuse(struct client *c)
{
	struct client_path path = client_inversion(c, 0, c->lim.min_log2_len);
	unsigned int i;

	for (i = 0; i < 200; i++) {
		client_push_all(c, path.tx, 1);
		client_index_wait(c, path.tx, path.tx->own);
		memset(path.tx->slots, 0x77, path.tx->bytes);
		client_pop_all(c, path.rx, 1, path.flip);
	}
}

#define SIZE(n) { .name = "2^" #n " slots", .run = size, .arg = (n) }

static const struct conf_test tests[] = {
	SIZE(0), SIZE(1), SIZE(2), SIZE(5), SIZE(10), SIZE(16),
	{ .name = "rings of unequal size", .run = unequal },
	{ .name = "empty rings", .run = empty },
	{ .name = "back-pressure", .run = back_pressure },
	{ .name = "back-pressure through an agent", .run = back_pressure_agent },
	{ .name = "overwriting mode", .run = overwriting },
	{ .name = "overwriting mode, 1000 messages", .run = overwriting_many },
	{ .name = "indices across 2^32", .run = indices_2_32 },
	{ .name = "indices across 2^64", .run = indices_2_64 },
	{ .name = "indices across 2^32, through an agent", .run = indices_2_32_agent },
	{ .name = "indices across 2^64, through an agent", .run = indices_2_64_agent },
	{ .name = "indices of TX and RX far apart", .run = indices_differ },
	{ .name = "without a session messages wait", .run = no_session },
	{ .name = "the device owns a copy once READ_INDEX moved", .run = slot_reuse },
};

CONF_TOPIC(ring, "rings");
