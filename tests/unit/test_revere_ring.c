/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Rings alone: the test plays the device. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "revere_ring.h"

#define SIZE 8u
#define MSG 64u

/* Guards on both sides show accesses outside. */
struct fixture {
	uint8_t before[MSG * SIZE];
	uint8_t slots[MSG * SIZE];
	uint8_t after[MSG * SIZE];
	volatile uint64_t own_reg, device_reg;
	struct revere_ring ring;
	unsigned int kicks;
	struct revere_transport transport;
};

static void
count_kick(struct revere_transport *transport)
{
	container_of(transport, struct fixture, transport)->kicks++;
}

static const struct revere_transport_ops ops = { .kick = count_kick };

static void
fixture_init(struct fixture *fixture, uint64_t index)
{
	memset(fixture, 0, sizeof(*fixture));
	memset(fixture->before, 0xaa, sizeof(fixture->before));
	memset(fixture->after, 0xaa, sizeof(fixture->after));
	fixture->transport.ops = &ops;
	fixture->own_reg = index;
	fixture->device_reg = index;
	fixture->ring = (struct revere_ring){
		.base = fixture->slots,
		.mask = SIZE - 1,
		.msg_size = MSG,
		.msg_shift = 6,
		.own = index,
		.seen = index,
		.own_reg = &fixture->own_reg,
		.seen_src = &fixture->device_reg,
		.kick = &fixture->transport,
	};
}

static void
check_guards(const struct fixture *fixture)
{
	unsigned int i;

	for (i = 0; i < MSG * SIZE; i++) {
		assert_int_equal(fixture->before[i], 0xaa);
		assert_int_equal(fixture->after[i], 0xaa);
	}
}

/* Message number @p number, all its bytes. */
static void
fill(uint8_t *msg, uint64_t number)
{
	memset(msg, (int)(number & 0xff), MSG);
}

static void
check(const uint8_t *msg, uint64_t number)
{
	unsigned int i;

	for (i = 0; i < MSG; i++)
		assert_int_equal(msg[i], number & 0xff);
}

static void
test_tx(void **state)
{
	uint8_t msgs[MSG * (SIZE + 1)];
	struct fixture fixture;
	unsigned int i;

	(void)state;
	fixture_init(&fixture, 0);
	for (i = 0; i <= SIZE; i++)
		fill(msgs + i * MSG, i);
	assert_int_equal(revere_tx_push(&fixture.ring, msgs, 3), 3);
	assert_int_equal(fixture.own_reg, 3);
	assert_int_equal(fixture.kicks, 1);
	/* Only what has room, and one doorbell for all. */
	assert_int_equal(revere_tx_push(&fixture.ring, msgs + 3 * MSG, SIZE + 1 - 3), SIZE - 3);
	assert_int_equal(fixture.own_reg, SIZE);
	assert_int_equal(fixture.kicks, 2);
	assert_int_equal(revere_tx_push(&fixture.ring, msgs, 1), 0);
	assert_int_equal(fixture.kicks, 2);
	for (i = 0; i < SIZE; i++)
		check(fixture.slots + i * MSG, i);
	fixture.device_reg = 2;
	assert_int_equal(revere_tx_room(&fixture.ring, 1), 2);
	assert_false(fixture.ring.broken);
	check_guards(&fixture);
}

/* The device's index is read only when what was seen doesn't do. */
static void
test_tx_lazy(void **state)
{
	struct fixture fixture;
	uint8_t msg[MSG] = { 0 };

	(void)state;
	fixture_init(&fixture, 0);
	revere_tx_push(&fixture.ring, msg, 1);
	fixture.device_reg = 1;
	assert_int_equal(revere_tx_room(&fixture.ring, 4), SIZE - 1);
	assert_int_equal(fixture.ring.seen, 0);
	assert_int_equal(revere_tx_room(&fixture.ring, SIZE), SIZE);
	assert_int_equal(fixture.ring.seen, 1);
}

static void
test_rx(void **state)
{
	uint8_t msgs[MSG * SIZE];
	struct fixture fixture;
	unsigned int i;

	(void)state;
	fixture_init(&fixture, 0);
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, SIZE), 0);
	assert_int_equal(fixture.kicks, 0);
	for (i = 0; i < 5; i++)
		fill(fixture.slots + i * MSG, i);
	fixture.device_reg = 5;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, 2), 2);
	assert_int_equal(fixture.own_reg, 2);
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs + 2 * MSG, SIZE - 2), 3);
	assert_int_equal(fixture.own_reg, 5);
	assert_int_equal(fixture.kicks, 2);
	for (i = 0; i < 5; i++)
		check(msgs + i * MSG, i);
	check_guards(&fixture);
}

/* Indices run over 2^64 in the midst of a burst. */
static void
test_wrap(void **state)
{
	uint64_t start = UINT64_MAX - 2, i;
	uint8_t msgs[MSG * SIZE];
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, start);
	for (i = 0; i < SIZE; i++)
		fill(msgs + i * MSG, start + i);
	assert_int_equal(revere_tx_push(&fixture.ring, msgs, SIZE), SIZE);
	assert_int_equal(fixture.own_reg, start + SIZE);
	assert_int_equal(revere_tx_room(&fixture.ring, 1), 0);
	fixture.device_reg = start + SIZE;
	assert_int_equal(revere_tx_room(&fixture.ring, 1), SIZE);
	assert_false(fixture.ring.broken);

	fixture_init(&fixture, start);
	for (i = 0; i < SIZE; i++)
		fill(fixture.slots + ((start + i) % SIZE) * MSG, start + i);
	fixture.device_reg = start + SIZE;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, SIZE), SIZE);
	for (i = 0; i < SIZE; i++)
		check(msgs + i * MSG, start + i);
	assert_int_equal(fixture.own_reg, start + SIZE);
	assert_false(fixture.ring.broken);
	check_guards(&fixture);
}

static const uint64_t wild[] = { 1, SIZE + 1, 1000, UINT32_MAX, UINT64_C(1) << 32,
	UINT64_C(1) << 63, UINT64_MAX - SIZE };

/* Wherever a hostile TX read index points, nothing outside the ring is touched. */
static void
test_tx_wild(void **state)
{
	uint8_t msgs[MSG * SIZE * 2] = { 0 };
	struct fixture fixture;
	size_t i;

	(void)state;
	for (i = 0; i < RTE_DIM(wild); i++) {
		fixture_init(&fixture, 100);
		revere_tx_push(&fixture.ring, msgs, SIZE);
		/* Ahead of what was published, or more than a ring behind. */
		fixture.device_reg = 100 + SIZE + wild[i];
		assert_int_equal(revere_tx_push(&fixture.ring, msgs, SIZE * 2), 0);
		assert_true(fixture.ring.broken);
		check_guards(&fixture);
	}
}

static void
test_rx_wild(void **state)
{
	uint8_t msgs[MSG * SIZE * 2];
	struct fixture fixture;
	size_t i;

	(void)state;
	for (i = 1; i < RTE_DIM(wild); i++) {
		fixture_init(&fixture, 100);
		fixture.device_reg = 100 + wild[i];
		assert_int_equal(revere_rx_pop(&fixture.ring, msgs, SIZE * 2), 0);
		assert_true(fixture.ring.broken);
		assert_int_equal(fixture.own_reg, 100);
	}
}

/* An index that goes back is refused, also if it is still ahead of the own one. */
static void
test_rx_back(void **state)
{
	uint8_t msgs[MSG * SIZE];
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, 100);
	fixture.device_reg = 104;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, 4), 4);
	fixture.device_reg = 102;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, 1), 0);
	assert_true(fixture.ring.broken);

	fixture_init(&fixture, 100);
	fixture.device_reg = 104;
	assert_int_equal(revere_rx_ready(&fixture.ring, SIZE), 4);
	fixture.device_reg = 102;
	assert_int_equal(revere_rx_ready(&fixture.ring, SIZE), 0);
	assert_true(fixture.ring.broken);
}

static void
test_overwriting(void **state)
{
	uint8_t msgs[MSG * SIZE * 2];
	struct fixture fixture;
	uint64_t i;

	(void)state;
	fixture_init(&fixture, 0);
	fixture.ring.overwriting = true;
	for (i = 0; i < SIZE + 5; i++)
		fill(fixture.slots + (i % SIZE) * MSG, i);
	fixture.device_reg = SIZE + 5;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, SIZE * 2), SIZE);
	assert_int_equal(fixture.ring.lost, 5);
	for (i = 0; i < SIZE; i++)
		check(msgs + i * MSG, i + 5);
	assert_int_equal(fixture.own_reg, SIZE + 5);
	assert_int_equal(fixture.kicks, 1);
	assert_false(fixture.ring.broken);
	/* To places of their own: the doorbell is its user's, who rings it once. */
	fixture.device_reg += 2;
	for (i = SIZE + 5; i < SIZE + 7; i++) {
		fill(fixture.slots + (i % SIZE) * MSG, i);
		assert_true(revere_rx_take(&fixture.ring, msgs));
		check(msgs, i);
	}
	assert_false(revere_rx_take(&fixture.ring, msgs));
	assert_int_equal(fixture.own_reg, SIZE + 5);
	assert_int_equal(fixture.kicks, 1);
	/* Back is wild here, too. */
	fixture.device_reg = SIZE;
	assert_int_equal(revere_rx_pop(&fixture.ring, msgs, 1), 0);
	assert_true(fixture.ring.broken);
}

/* A message that is overwritten while it is read doesn't count. */
static void
test_overwritten_meanwhile(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, 0);
	fixture.ring.overwriting = true;
	fixture.device_reg = SIZE;
	assert_int_equal(revere_rx_ready(&fixture.ring, 1), SIZE);
	assert_true(revere_rx_intact(&fixture.ring));
	fixture.device_reg = SIZE + 1;
	assert_false(revere_rx_intact(&fixture.ring));
	assert_int_equal(revere_rx_refresh(&fixture.ring), SIZE);
	assert_int_equal(fixture.ring.lost, 1);
	assert_int_equal(fixture.ring.own, 1);
}

static void
test_one_slot(void **state)
{
	uint8_t msg[MSG];
	struct fixture fixture;
	uint64_t i;

	(void)state;
	fixture_init(&fixture, 0);
	fixture.ring.mask = 0;
	for (i = 0; i < 100; i++) {
		fill(msg, i);
		assert_int_equal(revere_tx_push(&fixture.ring, msg, 1), 1);
		assert_int_equal(revere_tx_push(&fixture.ring, msg, 1), 0);
		check(fixture.slots, i);
		fixture.device_reg = i + 1;
	}
	assert_false(fixture.ring.broken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx),
		cmocka_unit_test(test_tx_lazy),
		cmocka_unit_test(test_rx),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_tx_wild),
		cmocka_unit_test(test_rx_wild),
		cmocka_unit_test(test_rx_back),
		cmocka_unit_test(test_overwriting),
		cmocka_unit_test(test_overwritten_meanwhile),
		cmocka_unit_test(test_one_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
