/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Errors of one AMI-SW: index jumps, rings that aren't mapped; what others see of them: nothing.
 */

#include <inttypes.h>

#include "conf.h"

/** The AMI-SW is disabled: *-CONFIGURE would be refused if not. */
static void
check_disabled(struct client *c, struct client_ami *ami)
{
	client_equal(c, "STATUS of F-AMI-SW-CONFIGURE after the fault",
		     client_f_ami_sw_configure(c, &ami->conf, NULL), 0);
}

/** The way back: RESET, CONFIGURE, RING-CONFIGURE, ENABLE. */
static void
recover(struct client *c, struct client_path *path)
{
	client_ami_configure(c, path->ami);
	client_ring_configure(c, path->tx);
	client_ring_configure(c, path->rx);
	path->tx->own = path->rx->own = 0;
	path->rx->count = path->tx->count;
	client_ami_enable(c, path->ami);
	client_exchange(c, path->tx, path->rx, 30, path->flip);
	client_no_exception(c);
}

static void
check_fault(struct client *c, struct client_path *path)
{
	client_ring_fault(c, path->ami, 0);
	client_no_exception(c);
	check_disabled(c, path->ami);
	client_ring_guards(c, path->tx);
	client_ring_guards(c, path->rx);
	recover(c, path);
}

/** WRITE_INDEX_TX0 = READ_INDEX_TX0 + jump */
static void
tx_jump_by(struct client *c, uint64_t jump)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 13, 0);
	client_own_write(c, path.tx, client_device_index(path.tx) + jump);
	check_fault(c, &path);
}

static void
tx_one_too_many(struct client *c)
{
	tx_jump_by(c, 9);
}

static void
tx_back(struct client *c)
{
	tx_jump_by(c, UINT64_MAX);
}

static void
tx_far(struct client *c)
{
	tx_jump_by(c, UINT64_C(1) << 63);
}

static void
tx_low_half_same(struct client *c)
{
	tx_jump_by(c, UINT64_C(1) << 32);
}

static void
tx_jump_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 13, path.flip);
	client_own_write(c, path.tx, path.tx->own + 100);
	check_fault(c, &path);
}

/**
 * READ_INDEX_RX0 = WRITE_INDEX_RX0 + jump. The device notices by polling, or at the latest when a
 * message is due.
 */
static void
rx_jump(struct client *c, struct client_path *path, uint64_t jump)
{
	client_exchange(c, path->tx, path->rx, 13, path->flip);
	client_own_write(c, path->rx, client_device_index(path->rx) + jump);
	client_settle(c);
	client_push(c, path->tx, 1);
	check_fault(c, path);
}

static void
rx_ahead(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	rx_jump(c, &path, 1);
}

static void
rx_far(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	rx_jump(c, &path, UINT64_C(1) << 40);
}

static void
rx_ahead_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	rx_jump(c, &path, 1);
}

static void
unmapped(struct client *c, struct client_path *path, struct client_ring *ring, uint64_t iova)
{
	uint64_t good = ring->iova;

	client_ami_disable(c, path->ami);
	ring->iova = iova;
	client_ring_configure(c, ring);
	MUST(c, f_ami_sw_enable, .ami_sw_id = path->ami->id);
	client_own_write(c, path->tx, 1);
	client_ring_fault(c, path->ami, 0);
	check_disabled(c, path->ami);
	ring->iova = good;
	recover(c, path);
}

static void
tx_unmapped(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	unmapped(c, &path, path.tx, CLIENT_BAD_IOVA);
}

static void
rx_unmapped(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	unmapped(c, &path, path.rx, CLIENT_BAD_IOVA);
}

static void
rx_unmapped_agent(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	unmapped(c, &path, path.rx, CLIENT_BAD_IOVA);
}

static void
wraps_address_space(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	unmapped(c, &path, path.tx, UINT64_MAX - 7);
}

/** The socket's number in the exception. */
static void
last_socket(struct client *c)
{
	uint8_t last = (uint8_t)(c->lim.num_tx - 1);
	struct client_ami *ami = client_ami_new(c);
	struct client_ring *tx = client_ring_new(c, ami, RVR_AMS_TX, last, 2, c->lim.min_log2_len);

	client_ring_new(c, ami, RVR_AMS_RX, 0, 2, c->lim.min_log2_len);
	client_asn_new(c, client_end_sw(ami, last), client_end_sw(ami, 0), c->lim.min_log2_len);
	client_ami_enable(c, ami);
	client_own_write(c, tx, 1000);
	client_ring_fault(c, ami, last);
	check_disabled(c, ami);
}

/* ---- Isolation ----------------------------------------------------------------------------- */

/** Others go on through a fault, a reset and a new life of one. */
static void
others_go_on(struct client *c)
{
	struct client_path bad = client_inversion(c, 3, c->lim.min_log2_len);
	struct client_path good[4];
	unsigned int i, round;

	for (i = 0; i < RTE_DIM(good); i++)
		good[i] = i % 2 ? client_inversion(c, 3, c->lim.min_log2_len) :
				  client_loopback(c, 3, 3, c->lim.min_log2_len);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < RTE_DIM(good); i++)
			client_push(c, good[i].tx, 7);
		client_own_write(c, bad.tx, client_device_index(bad.tx) + 50);
		for (i = 0; i < RTE_DIM(good); i++)
			client_pop_all(c, good[i].rx, 7, good[i].flip);
		client_ring_fault(c, bad.ami, 0);
		recover(c, &bad);
	}
	client_equal(c, "ERROR_STATE", client_error_state(c), 0);
}

/** A receiver that doesn't read stalls its own senders alone. */
static void
stalled_reader(struct client *c)
{
	struct client_path stalled = client_inversion(c, 2, c->lim.min_log2_len);
	struct client_path other = client_inversion(c, 2, c->lim.min_log2_len);
	struct client_timer timer = client_timer(c, 50);

	while (client_turn(c, &timer))
		client_push(c, stalled.tx, 4);
	client_exchange(c, other.tx, other.rx, 200, other.flip);
	client_pop_all(c, stalled.rx, (unsigned int)stalled.tx->count, stalled.flip);
}

/** A full socket doesn't stall the other sockets of its AMI-SW. */
static void
stalled_socket(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 1, c->lim.min_log2_len);
	struct client_ring *tx, *rx;

	client_ami_disable(c, path.ami);
	tx = client_ring_new(c, path.ami, RVR_AMS_TX, 1, 3, c->lim.min_log2_len);
	rx = client_ring_new(c, path.ami, RVR_AMS_RX, 1, 3, c->lim.min_log2_len);
	client_asn_new(c, client_end_sw(path.ami, 1), client_end_sw(path.ami, 1),
		       c->lim.min_log2_len);
	client_ami_enable(c, path.ami);
	client_push(c, path.tx, 8);
	client_exchange(c, tx, rx, 200, 0);
	client_pop_all(c, path.rx, 8, 0);
}

/** DISABLE and RESET of one: others lose nothing. */
static void
reset_of_another(struct client *c)
{
	struct client_path one = client_inversion(c, 3, c->lim.min_log2_len);
	struct client_path other = client_inversion(c, 3, c->lim.min_log2_len);
	unsigned int round;

	for (round = 0; round < 50; round++) {
		client_push(c, other.tx, 5);
		client_push(c, one.tx, 8);
		recover(c, &one);
		client_pop_all(c, other.rx, 5, other.flip);
	}
}

static const struct conf_test tests[] = {
	{ .name = "TX index one beyond a full ring", .run = tx_one_too_many },
	{ .name = "TX index goes back", .run = tx_back },
	{ .name = "TX index jumps by 2^63", .run = tx_far },
	{ .name = "TX index jumps by 2^32", .run = tx_low_half_same },
	{ .name = "TX index jumps, agent", .run = tx_jump_agent },
	{ .name = "RX read index one ahead", .run = rx_ahead },
	{ .name = "RX read index far ahead", .run = rx_far },
	{ .name = "RX read index one ahead, agent", .run = rx_ahead_agent },
	{ .name = "TX ring is not mapped", .run = tx_unmapped },
	{ .name = "RX ring is not mapped", .run = rx_unmapped },
	{ .name = "RX ring is not mapped, agent", .run = rx_unmapped_agent },
	{ .name = "TX ring wraps round the address space", .run = wraps_address_space },
	{ .name = "AMS_ID of the exception", .run = last_socket },
	{ .name = "a fault leaves others alone", .run = others_go_on },
	{ .name = "a stalled reader leaves others alone", .run = stalled_reader },
	{ .name = "a full socket leaves other sockets alone", .run = stalled_socket },
	{ .name = "a reset leaves others alone", .run = reset_of_another },
};

CONF_TOPIC(fault, "faults");
