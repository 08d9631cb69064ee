/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Match/action tables by themselves: many rules, priorities, and random rules against a list that
 * is searched from front to back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../../emu/rna/flow/flow.h"

#define MANY 65536u
#define SHAPES 12
#define RANDOM_RULES 400
#define RANDOM_STEPS 20000

static uint64_t random_state = 0x5eed;

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** A rule that a test enters by itself. */
struct entry {
	struct flow_rule rule;
	uint64_t words[RVR_RNA_FLOW_WORDS];
	struct rvr_rna_flow_key mask, value;
	uint32_t priority, order;
	struct flow_matcher *matcher;
	bool present;
};

static void
entry_words(struct entry *entry)
{
	uint64_t mask[RVR_RNA_FLOW_WORDS], value[RVR_RNA_FLOW_WORDS];
	unsigned int i, n = 0;

	memcpy(mask, &entry->mask, sizeof(mask));
	memcpy(value, &entry->value, sizeof(value));
	for (i = 0; i < RVR_RNA_FLOW_WORDS; i++)
		if (mask[i] != 0)
			entry->words[n++] = value[i] & mask[i];
	entry->rule.words = entry->words;
}

static void
set_address(struct rvr_rna_flow_key *key, uint32_t address)
{
	memcpy(key->outer.ip_dst, &address, sizeof(address));
}

/* ---- Many rules ---------------------------------------------------------------------------- */

static void
test_many(void **state)
{
	struct entry *entries = calloc(MANY, sizeof(*entries));
	struct rvr_rna_flow_key mask = { 0 }, key = { 0 };
	struct flow_domain domain = { 0 };
	struct flow_matcher *matcher;
	uint64_t slowest = 0, start;
	uint32_t i;

	(void)state;
	assert_non_null(entries);
	set_address(&mask, UINT32_MAX);
	matcher = flow_matcher_new(&domain, 0, 0, &mask);
	assert_non_null(matcher);
	for (i = 0; i < MANY; i++) {
		entries[i].mask = mask;
		set_address(&entries[i].value, i * 2654435761u);
		entry_words(&entries[i]);
		start = now_ns();
		assert_true(flow_matcher_add(matcher, &entries[i].rule));
		if (now_ns() - start > slowest)
			slowest = now_ns() - start;
	}
	print_message("slowest of %u additions: %u ns\n", MANY, (unsigned int)slowest);
	for (i = 0; i < MANY; i++) {
		set_address(&key, i * 2654435761u);
		assert_ptr_equal(flow_lookup(domain.root, &key), &entries[i].rule);
	}
	set_address(&key, MANY * 2654435761u);
	assert_null(flow_lookup(domain.root, &key));
	for (i = 0; i < MANY; i++)
		flow_matcher_remove(matcher, &entries[i].rule);
	set_address(&key, 0);
	assert_null(flow_lookup(domain.root, &key));
	assert_int_equal(matcher->rules, 0);
	flow_matcher_delete(matcher);
	assert_null(domain.root);
	assert_null(domain.groups);
	free(entries);
}

/* ---- Against a list ------------------------------------------------------------------------ */

static bool
entry_matches(const struct entry *entry, const struct rvr_rna_flow_key *key)
{
	const uint8_t *mask = (const uint8_t *)&entry->mask, *packet = (const uint8_t *)key;
	const uint8_t *value = (const uint8_t *)&entry->value;
	size_t i;

	for (i = 0; i < sizeof(*key); i++)
		if ((packet[i] & mask[i]) != (value[i] & mask[i]))
			return false;
	return true;
}

/** Priority, then the age of the shape, as the tables have it. */
static const struct flow_rule *
list_find(const struct entry *entries, const struct rvr_rna_flow_key *key)
{
	const struct entry *best = NULL;
	unsigned int i;

	for (i = 0; i < RANDOM_RULES; i++) {
		const struct entry *entry = &entries[i];

		if (!entry->present || !entry_matches(entry, key))
			continue;
		if (best == NULL || entry->priority < best->priority ||
		    (entry->priority == best->priority && entry->order < best->order))
			best = entry;
	}
	return best == NULL ? NULL : &best->rule;
}

/** Few values, so that much matches. */
static void
random_key(struct rvr_rna_flow_key *key)
{
	memset(key, 0, sizeof(*key));
	key->outer.ip_src[0] = (uint8_t)rnd(4);
	key->outer.ip_dst[3] = (uint8_t)rnd(4);
	key->outer.proto = (uint8_t)rnd(3);
	key->inner.dst_port[1] = (uint8_t)rnd(4);
	key->tunnel_id[2] = (uint8_t)rnd(3);
}

static void
random_mask(struct rvr_rna_flow_key *mask)
{
	static const uint8_t masks[] = { 0, 1, 2, 0xff };

	memset(mask, 0, sizeof(*mask));
	mask->outer.ip_src[0] = masks[rnd(4)];
	mask->outer.ip_dst[3] = masks[rnd(4)];
	mask->outer.proto = masks[rnd(4)];
	mask->inner.dst_port[1] = masks[rnd(4)];
	mask->tunnel_id[2] = masks[rnd(4)];
}

static void
toggle(struct entry *entry)
{
	if (entry->present) {
		flow_matcher_remove(entry->matcher, &entry->rule);
		entry->present = false;
		return;
	}
	random_key(&entry->value);
	entry_words(entry);
	if (flow_matcher_find(entry->matcher, entry->words) != NULL)
		return;
	assert_true(flow_matcher_add(entry->matcher, &entry->rule));
	entry->present = true;
}

static void
test_random(void **state)
{
	struct entry *entries = calloc(RANDOM_RULES, sizeof(*entries));
	struct flow_matcher *matchers[SHAPES];
	struct flow_domain domain = { 0 };
	struct rvr_rna_flow_key masks[SHAPES], key;
	unsigned int i, hits = 0;

	(void)state;
	assert_non_null(entries);
	for (i = 0; i < SHAPES; i++) {
		random_mask(&masks[i]);
		matchers[i] = flow_matcher_new(&domain, 0, i * 7 % 5, &masks[i]);
		assert_non_null(matchers[i]);
	}
	for (i = 0; i < RANDOM_RULES; i++) {
		unsigned int shape = rnd(SHAPES);

		entries[i].mask = masks[shape];
		entries[i].matcher = matchers[shape];
		entries[i].priority = shape * 7 % 5;
		entries[i].order = shape;
	}
	for (i = 0; i < RANDOM_STEPS; i++) {
		const struct flow_rule *expected;

		toggle(&entries[rnd(RANDOM_RULES)]);
		random_key(&key);
		expected = list_find(entries, &key);
		assert_ptr_equal(flow_lookup(domain.root, &key), expected);
		hits += expected != NULL;
	}
	assert_in_range(hits, RANDOM_STEPS / 10, RANDOM_STEPS);
	for (i = 0; i < RANDOM_RULES; i++)
		if (entries[i].present)
			toggle(&entries[i]);
	for (i = 0; i < SHAPES; i++)
		flow_matcher_delete(matchers[i]);
	free(entries);
}

/** A matcher without a mask takes everything. */
static void
test_all(void **state)
{
	struct rvr_rna_flow_key mask = { 0 }, key;
	struct flow_domain domain = { 0 };
	struct flow_matcher *matcher = flow_matcher_new(&domain, 3, 0, &mask);
	struct entry entry = { 0 }, again = { 0 };

	(void)state;
	assert_non_null(matcher);
	assert_null(domain.root);
	entry_words(&entry);
	entry_words(&again);
	assert_true(flow_matcher_add(matcher, &entry.rule));
	assert_ptr_equal(flow_matcher_find(matcher, again.words), &entry.rule);
	random_key(&key);
	assert_ptr_equal(flow_lookup(flow_group_find(&domain, 3), &key), &entry.rule);
	flow_matcher_remove(matcher, &entry.rule);
	flow_matcher_delete(matcher);
	assert_null(flow_group_find(&domain, 3));
}

/* ---- Meters -------------------------------------------------------------------------------- */

/** One rate: committed burst green, excess burst yellow, then red. */
static void
test_meter_one_rate(void **state)
{
	struct flow_meter meter = { .cir = 1, .cbs = 1000, .ebs = 500 };
	unsigned int i, passed = 0;

	(void)state;
	flow_meter_full(&meter);
	for (i = 0; i < 20; i++)
		passed += flow_meter_pass(&meter, 100);
	assert_int_equal(passed, 15);
	assert_int_equal(meter.color[0].packets, 10);
	assert_int_equal(meter.color[1].packets, 5);
	assert_int_equal(meter.color[2].bytes, 500);
	assert_int_equal(meter.dropped.packets, 5);
}

/** Two rates, in packets; yellow is dropped. */
static void
test_meter_two_rates(void **state)
{
	struct flow_meter meter = { .cir = 1, .cbs = 4, .pir = 2, .ebs = 6,
		.flags = RVR_RNA_FLOW_METER_PACKETS | RVR_RNA_FLOW_METER_DROP_YELLOW };
	unsigned int i, passed = 0;

	(void)state;
	flow_meter_full(&meter);
	for (i = 0; i < 10; i++)
		passed += flow_meter_pass(&meter, 1500);
	assert_int_equal(passed, 4);
	assert_int_equal(meter.color[1].packets, 2);
	assert_int_equal(meter.color[2].packets, 4);
}

/** Nothing passes for a lack of time, however old the machine is, and nothing wraps. */
static void
test_meter_long_ago(void **state)
{
	struct flow_meter meter = { .cir = UINT64_C(1) << 36, .cbs = 1000 };

	(void)state;
	meter.time = flow_now() - UINT64_C(1000000000) * (1u << 12);
	flow_meter_fill(&meter);
	assert_int_equal(meter.committed, UINT64_C(1000) << 16);
}

/** Packets that come faster than a low rate has parts of tokens don't take the time away. */
static void
test_meter_low_rate(void **state)
{
	struct flow_meter meter = { .cir = 1000, .cbs = 1, .flags = RVR_RNA_FLOW_METER_PACKETS };
	unsigned int passed = 0;
	uint64_t start;

	(void)state;
	flow_meter_full(&meter);
	start = flow_now();
	do
		passed += flow_meter_pass(&meter, 64);
	while (passed < 4 && flow_now() - start < UINT64_C(10000000000));
	assert_int_equal(passed, 4);
}

/* ---- Requests ------------------------------------------------------------------------------ */

/** A port by itself. */
struct alone {
	struct rna *rna;
	struct rna_port port;
};

static void
alone_init(struct alone *alone)
{
	memset(alone, 0, sizeof(*alone));
	alone->rna = calloc(1, sizeof(*alone->rna));
	assert_non_null(alone->rna);
	alone->rna->max_queues = 1;
	alone->port.rna = alone->rna;
	assert_non_null(flow_port_get(&alone->port));
}

static void
alone_fini(struct alone *alone)
{
	rna_flow_port_free(&alone->port);
	rna_flow_fini(alone->rna);
	free(alone->rna);
}

static unsigned int
control(struct alone *alone, unsigned int opcode, const void *in, size_t size, void *out)
{
	uint8_t answer[256];
	uint32_t detail = 0;
	unsigned int status = rna_flow_control(&alone->port, opcode, true, in, (uint32_t)size,
		out == NULL ? answer : out, &detail);

	return status;
}

static void
meter_set(struct alone *alone, uint32_t flags, uint64_t burst)
{
	const struct rvr_rna_flow_meter meter = {
		.id = rvr_cpu_le32(3),
		.flags = rvr_cpu_le32(flags),
		.cir = rvr_cpu_le64(1),
		.cbs = rvr_cpu_le64(burst),
	};

	assert_int_equal(control(alone, RVR_RNA_CTL_FLOW_METER_SET, &meter, sizeof(meter), NULL),
		RVR_RNA_OK);
}

static unsigned int
meter_passes(struct alone *alone, uint32_t len)
{
	unsigned int passed = 0;

	while (flow_meter_pass(&alone->port.flow->meters[3], len))
		passed++;
	return passed;
}

/** Who reads and clears the counts again and again lets no packet more pass. */
static void
test_meter_clear(void **state)
{
	const struct rvr_rna_flow_query query = {
		.id = rvr_cpu_le32(3),
		.flags = rvr_cpu_le32(RVR_RNA_FLOW_QUERY_RESET),
	};
	struct rvr_rna_flow_colors colors;
	unsigned int i;
	struct alone alone;

	(void)state;
	alone_init(&alone);
	meter_set(&alone, 0, 1000000);
	assert_int_equal(meter_passes(&alone, 100000), 10);
	meter_set(&alone, RVR_RNA_FLOW_METER_KEEP, 1000000);
	for (i = 0; i < 2; i++) {
		assert_int_equal(control(&alone, RVR_RNA_CTL_FLOW_METER_GET, &query, sizeof(query),
					 &colors),
			RVR_RNA_OK);
		assert_int_equal(rvr_le64_cpu(colors.packets[0]), i == 0 ? 10 : 0);
		assert_int_equal(rvr_le64_cpu(colors.dropped_packets), i == 0);
	}
	assert_int_equal(meter_passes(&alone, 100000), 0);
	meter_set(&alone, 0, 1000000);
	assert_int_equal(meter_passes(&alone, 100000), 10);
	alone_fini(&alone);
}

/** Of a larger burst no token stays, and bytes don't become packets. */
static void
test_meter_change(void **state)
{
	struct alone alone;

	(void)state;
	alone_init(&alone);
	meter_set(&alone, 0, UINT64_C(1) << 40);
	meter_set(&alone, RVR_RNA_FLOW_METER_KEEP, 1000000);
	assert_int_equal(meter_passes(&alone, 100000), 10);
	meter_set(&alone, 0, 1000000);
	meter_set(&alone, RVR_RNA_FLOW_METER_KEEP | RVR_RNA_FLOW_METER_PACKETS, 500000);
	assert_in_range(meter_passes(&alone, 64), 500000, 500100);
	meter_set(&alone, RVR_RNA_FLOW_METER_KEEP, 1000000);
	assert_int_equal(meter_passes(&alone, 100000), 10);
	alone_fini(&alone);
}

/** A rule without a mask that has one action. */
static void
rule_with(struct alone *alone, uint32_t id, uint16_t action, uint32_t arg)
{
	const struct {
		struct rvr_rna_flow_rules head;
		struct rvr_rna_flow_op op;
		struct rvr_rna_flow_action action;
	} add = {
		.head = { .count = rvr_cpu_le16(1),
			.size = rvr_cpu_le16(sizeof(add.op) + sizeof(add.action)) },
		.op = { .op = rvr_cpu_le16(RVR_RNA_FLOW_ADD),
			.size = rvr_cpu_le16(sizeof(add.op) + sizeof(add.action)),
			.rule = rvr_cpu_le32(id) },
		.action = { .type = rvr_cpu_le16(action),
			.size = rvr_cpu_le16(sizeof(add.action)),
			.arg = rvr_cpu_le32(arg) },
	};

	assert_int_equal(control(alone, RVR_RNA_CTL_FLOW_RULES, &add, sizeof(add), NULL),
		RVR_RNA_OK);
}

static void
hit(struct alone *alone, uint32_t id)
{
	struct flow_rule *rule = alone->port.flow->rules[id];
	struct flow_packet packet = { .port = &alone->port, .len = 100 };
	uint32_t group;

	flow_execute(&packet, rule, rule->actions, rule->actions_size, &group);
}

static uint64_t
hits(struct alone *alone, uint32_t counter, uint32_t flags)
{
	const struct rvr_rna_flow_query query = {
		.id = rvr_cpu_le32(counter),
		.flags = rvr_cpu_le32(flags),
	};
	struct rvr_rna_flow_counts counts;

	assert_int_equal(control(alone, RVR_RNA_CTL_FLOW_QUERY, &query, sizeof(query), &counts),
		RVR_RNA_OK);
	return rvr_le64_cpu(counts.packets);
}

/** COUNT's counter is its rules'; COUNT_ON's is the driver's: rules come and go. */
static void
test_count_on(void **state)
{
	const struct rvr_rna_flow_matcher matcher = { .id = 0 };
	struct alone alone;

	(void)state;
	alone_init(&alone);
	assert_int_equal(control(&alone, RVR_RNA_CTL_FLOW_MATCHER_ADD, &matcher, sizeof(matcher),
				 NULL),
		RVR_RNA_OK);
	rule_with(&alone, 1, RVR_RNA_FLOW_COUNT, 7);
	hit(&alone, 1);
	flow_rule_del(alone.port.flow, 1);
	assert_int_equal(hits(&alone, 7, RVR_RNA_FLOW_QUERY_RESET), 1);
	rule_with(&alone, 1, RVR_RNA_FLOW_COUNT_ON, 7);
	hit(&alone, 1);
	hit(&alone, 1);
	flow_rule_del(alone.port.flow, 1);
	rule_with(&alone, 2, RVR_RNA_FLOW_COUNT_ON, 7);
	hit(&alone, 2);
	assert_int_equal(hits(&alone, 7, 0), 3);
	flow_rule_del(alone.port.flow, 2);
	rule_with(&alone, 3, RVR_RNA_FLOW_COUNT, 7);
	assert_int_equal(hits(&alone, 7, 0), 0);
	alone_fini(&alone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_meter_one_rate),
		cmocka_unit_test(test_meter_two_rates),
		cmocka_unit_test(test_meter_long_ago),
		cmocka_unit_test(test_meter_low_rate),
		cmocka_unit_test(test_meter_clear),
		cmocka_unit_test(test_meter_change),
		cmocka_unit_test(test_count_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
