/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Cases for contexts as bytes. Contexts under load move to and fro between two devices; what
 * goes through them is numbered, so that nothing can be lost, doubled or reordered unseen.
 */

#include <rte_malloc.h>
#include <rte_memory.h>

#include "ami_device.h"
#include "ami_private.h"
#include "rvr_state.h"
#include "state_cases.h"

#define LOG2_LENGTH 3
#define MSG 64u
#define LOG2_SLOTS 5
#define SLOTS (1u << LOG2_SLOTS)
#define BLOCK 256u
#define STATE_MAX 65536u
#define PATIENCE_S 20
#define MUTATIONS 5000u

static const char *device_settings;
static unsigned int migrations;
static uint32_t random_state = 0x5eed;

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- Devices -------------------------------------------------------------------------------- */

struct machine {
	struct ami_device device;
	struct revere_dev *dev;
	size_t heap;
};

static void
machine_init(struct machine *machine, const char *settings)
{
	char all[256];

	snprintf(all, sizeof(all), "%s %s", device_settings, settings);
	ami_device_init(&machine->device, all);
	machine->heap = ami_device_heap();
	assert_int_equal(revere_dev_open("state", &machine->device.transport, NULL,
		&machine->dev), 0);
}

static void
machine_fini(struct machine *machine)
{
	revere_dev_close(machine->dev);
	ami_device_fini(&machine->device);
}

/* ---- Contexts ------------------------------------------------------------------------------- */

static void
ring_setup(struct revere_ami_sw *ami_sw, enum rvr_ams_type type, uint8_t ams)
{
	const struct revere_ring_conf conf = {
		.ams = ams,
		.type = type,
		.log2_size = LOG2_SLOTS,
		.log2_msg_length = LOG2_LENGTH,
	};

	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), 0);
}

static struct revere_ami_sw *
bare(struct revere_dev *dev)
{
	struct revere_ami_sw *ami_sw;

	assert_int_equal(revere_ami_sw_create(dev, NULL, &ami_sw), 0);
	return ami_sw;
}

/* A context of an agent, or (kind 0) with a session from itself to itself. */
static struct revere_ami_sw *
context_create(struct revere_dev *dev, enum rvr_aha_kind kind)
{
	const struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH, .prio = 5 };
	struct revere_asn_end sw = { 0 }, hw = { 0 };

	sw.ami_sw = bare(dev);
	ring_setup(sw.ami_sw, RVR_AMS_TX, 0);
	ring_setup(sw.ami_sw, RVR_AMS_RX, 0);
	if (kind == RVR_AHA_NONE) {
		assert_true(revere_asn_create(dev, &sw, &sw, &conf) >= 0);
	} else {
		assert_int_equal(revere_ami_hw_create(dev, (uint16_t)revere_aha_find(dev, kind, 0),
			&hw.ami_hw), 0);
		assert_true(revere_asn_create(dev, &sw, &hw, &conf) >= 0);
		assert_true(revere_asn_create(dev, &hw, &sw, &conf) >= 0);
	}
	assert_int_equal(revere_ami_sw_enable(sw.ami_sw), 0);
	return sw.ami_sw;
}

static struct revere_ring *
tx_of(struct revere_ami_sw *ami_sw)
{
	return revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 0);
}

static struct revere_ring *
rx_of(struct revere_ami_sw *ami_sw)
{
	return revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 0);
}

/* ---- Load ----------------------------------------------------------------------------------- */

/* What goes through a context, numbered. */
struct load {
	enum rvr_aha_kind kind;
	uint64_t sent, received;
	uint8_t *memory; /* DMA: SLOTS * 4 blocks to read, as many to write */
};

#define BLOCKS (SLOTS * 4)

static uint8_t *
block_of(const struct load *load, uint64_t number, bool destination)
{
	return load->memory + (number % BLOCKS + (destination ? BLOCKS : 0)) * (size_t)BLOCK;
}

static void
load_init(struct load *load, enum rvr_aha_kind kind)
{
	*load = (struct load){ .kind = kind };
	load->memory = rte_zmalloc(NULL, 2 * BLOCKS * (size_t)BLOCK, 0);
	assert_non_null(load->memory);
}

static void
message_fill(const struct load *load, uint8_t *msg)
{
	struct rvr_dma_first copy = { 0 };
	uint64_t number = load->sent;

	memset(msg, 0, MSG);
	if (load->kind != RVR_AHA_DMA) {
		memcpy(msg, &number, sizeof(number));
		return;
	}
	memset(block_of(load, number, false), (int)(number * 13 + 1) & 0xff, BLOCK);
	copy.src = rvr_cpu_le64(rte_mem_virt2iova(block_of(load, number, false)));
	copy.dst = rvr_cpu_le64(rte_mem_virt2iova(block_of(load, number, true)));
	copy.len = rvr_cpu_le32(BLOCK);
	/* Ignored, and given back. */
	copy.of_buf_stash_ctl = rvr_cpu_le64(number);
	memcpy(msg, &copy, sizeof(copy));
}

/* The answer is that of the next number, and what it tells of has been done once. */
static void
message_check(const struct load *load, const uint8_t *msg)
{
	uint64_t number = load->received, got;
	struct rvr_dma_first copy;
	uint8_t *block;
	unsigned int i;

	memcpy(&got, msg, sizeof(got));
	if (load->kind == RVR_AHA_INVERSION)
		got = ~got;
	assert_int_equal(got, number);
	if (load->kind != RVR_AHA_DMA)
		return;
	memcpy(&copy, msg, sizeof(copy));
	assert_int_equal(rvr_le32_cpu(copy.rsvd0), RVR_DMA_OK);
	block = block_of(load, number, true);
	for (i = 0; i < BLOCK; i++)
		assert_int_equal(block[i], (uint8_t)(number * 13 + 1));
	/* A copy that is done again would be seen when the block is used again, or in the end. */
	memset(block, 0, BLOCK);
	memset(block_of(load, number, false), 0xee, BLOCK);
}

static void
send_some(struct load *load, struct revere_ami_sw *ami_sw, unsigned int most)
{
	uint8_t msg[MSG];

	/* As many as there are blocks, at most. */
	for (; most > 0 && load->sent - load->received < BLOCKS; most--) {
		if (revere_tx_room(tx_of(ami_sw), 1) == 0)
			return;
		message_fill(load, msg);
		assert_int_equal(revere_tx_push(tx_of(ami_sw), msg, 1), 1);
		load->sent++;
	}
}

static unsigned int
receive_some(struct load *load, struct revere_ami_sw *ami_sw, unsigned int most)
{
	uint8_t msg[MSG];
	unsigned int n;

	for (n = 0; n < most && revere_rx_pop(rx_of(ami_sw), msg, 1) == 1; n++) {
		message_check(load, msg);
		load->received++;
	}
	return n;
}

/* Full load until @p count messages have come. */
static void
run(struct load *load, struct revere_ami_sw *ami_sw, unsigned int count)
{
	uint64_t end = now_ns() + PATIENCE_S * UINT64_C(1000000000), goal = load->received + count;

	while (load->received < goal && now_ns() < end) {
		send_some(load, ami_sw, rnd(2 * SLOTS));
		receive_some(load, ami_sw, 1 + rnd(4));
	}
	assert_true(load->received >= goal);
}

/* All that was sent comes, and nothing else. */
static void
drain(struct load *load, struct revere_ami_sw *ami_sw)
{
	uint64_t end = now_ns() + PATIENCE_S * UINT64_C(1000000000);
	unsigned int i;

	while (load->received < load->sent && now_ns() < end)
		receive_some(load, ami_sw, SLOTS);
	assert_int_equal(load->received, load->sent);
	assert_int_equal(receive_some(load, ami_sw, 1), 0);
	for (i = 0; load->kind == RVR_AHA_DMA && i < BLOCKS * BLOCK; i++)
		assert_int_equal(load->memory[BLOCKS * BLOCK + i], 0);
}

/* ---- Migrations ----------------------------------------------------------------------------- */

static uint8_t state_bytes[STATE_MAX];

/* To another device; how long the context stood still. */
static uint64_t
migrate(struct revere_ami_sw **ami_sw, struct revere_dev *to)
{
	struct revere_ami_sw *target = bare(to);
	uint64_t start = now_ns();
	int size;

	assert_int_equal(revere_ami_sw_disable(*ami_sw), 0);
	size = revere_context_save(*ami_sw, state_bytes, sizeof(state_bytes));
	assert_in_range(size, sizeof(struct rvr_state_header), sizeof(state_bytes));
	assert_int_equal(revere_context_restore(target, state_bytes, (size_t)size), 0);
	assert_int_equal(revere_ami_sw_enable(target), 0);
	start = now_ns() - start;
	revere_context_release(*ami_sw);
	*ami_sw = target;
	return start;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void
migrations_of(const char *name, enum rvr_aha_kind kind)
{
	uint64_t *times = calloc(migrations, sizeof(*times));
	struct machine machines[2];
	struct revere_ami_sw *ami_sw;
	struct load load;
	size_t heap;
	unsigned int i;

	assert_non_null(times);
	machine_init(&machines[0], "");
	machine_init(&machines[1], "");
	heap = ami_device_heap();
	load_init(&load, kind);
	ami_sw = context_create(machines[0].dev, kind);
	for (i = 0; i < migrations; i++) {
		run(&load, ami_sw, rnd(SLOTS));
		send_some(&load, ami_sw, rnd(2 * SLOTS));
		times[i] = migrate(&ami_sw, machines[(i + 1) % 2].dev);
	}
	drain(&load, ami_sw);
	assert_true(load.sent >= migrations);
	revere_context_release(ami_sw);
	rte_free(load.memory);
	assert_int_equal(ami_device_heap(), heap);
	assert_true(TAILQ_EMPTY(&machines[0].dev->ami_hws) && TAILQ_EMPTY(&machines[1].dev->asns));
	qsort(times, migrations, sizeof(*times), compare);
	i = migrations / 2;
	print_message("%s: %u migrations with %llu messages, downtime median %.1f us, maximum "
		"%.1f us\n", name, migrations, (unsigned long long)load.sent,
		(double)times[i] / 1000, (double)times[migrations - 1] / 1000);
	free(times);
	machine_fini(&machines[1]);
	machine_fini(&machines[0]);
}

static void
migrate_dma(void **state)
{
	(void)state;
	migrations_of("DMA agent", RVR_AHA_DMA);
}

static void
migrate_inversion(void **state)
{
	(void)state;
	migrations_of("inversion agent", RVR_AHA_INVERSION);
}

static void
migrate_loopback(void **state)
{
	(void)state;
	migrations_of("loopback session", RVR_AHA_NONE);
}

/* ---- States --------------------------------------------------------------------------------- */

/* A saved context with messages on both sides. @return size */
static size_t
sample(struct revere_dev *dev, struct load *load)
{
	struct revere_ami_sw *ami_sw = context_create(dev, RVR_AHA_INVERSION);
	uint64_t end = now_ns() + PATIENCE_S * UINT64_C(1000000000);
	int size;

	load_init(load, RVR_AHA_INVERSION);
	/* More than the RX ring takes: the rest waits on the other side. */
	while (load->sent < SLOTS + 9 && now_ns() < end)
		send_some(load, ami_sw, SLOTS + 9 - (unsigned int)load->sent);
	assert_int_equal(load->sent, SLOTS + 9);
	revere_ami_sw_irq_mask(ami_sw, RVR_AMS_RX, 0, false);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	size = revere_context_save(ami_sw, NULL, 0);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, sizeof(state_bytes)), size);
	revere_context_release(ami_sw);
	return (size_t)size;
}

static void
checksum(size_t size)
{
	struct rvr_state_header *header = (struct rvr_state_header *)state_bytes;

	header->checksum = rvr_cpu_le64(rvr_state_checksum(state_bytes, size));
}

/* What was refused left nothing behind. */
static void
refused(struct revere_ami_sw *target, size_t size, int error)
{
	struct revere_dev *dev = target->dev;
	size_t heap = ami_device_heap();

	assert_int_equal(revere_context_restore(target, state_bytes, size), error);
	assert_int_equal(ami_device_heap(), heap);
	assert_true(TAILQ_EMPTY(&dev->ami_hws) && TAILQ_EMPTY(&dev->asns));
}

static void
damaged_states(void **state)
{
	struct rvr_state_header *header = (struct rvr_state_header *)state_bytes;
	struct revere_ami_sw *target;
	struct machine machine;
	struct load load;
	size_t size, i;

	(void)state;
	machine_init(&machine, "");
	size = sample(machine.dev, &load);
	target = bare(machine.dev);
	/* Any byte that is another one, any end that is missing. */
	for (i = 0; i < size; i++) {
		uint8_t good = state_bytes[i];

		state_bytes[i] ^= (uint8_t)(1 + rnd(255));
		assert_true(revere_context_restore(target, state_bytes, size) < 0);
		state_bytes[i] = good;
	}
	for (i = 0; i < size; i += 1 + rnd(32))
		refused(target, i, -EINVAL);
	refused(target, size + 8, -EINVAL);
	header->version = rvr_cpu_le16(RVR_STATE_VERSION + 1);
	checksum(size);
	refused(target, size, -ENOTSUP);
	header->version = rvr_cpu_le16(RVR_STATE_VERSION);
	header->agents = rvr_cpu_le16(UINT16_MAX);
	checksum(size);
	refused(target, size, -EINVAL);
	/* And then the good one, with all that it has. */
	header->agents = rvr_cpu_le16(1);
	checksum(size);
	assert_int_equal(revere_context_restore(target, state_bytes, size), 0);
	assert_int_equal(target->masks[RVR_AMS_RX], 1);
	assert_int_equal(revere_ami_sw_enable(target), 0);
	drain(&load, target);
	revere_context_release(target);
	rte_free(load.memory);
	machine_fini(&machine);
}

/* Whatever a state says, with a checksum that is right: it is refused, or makes a context. */
static void
forged_states(void **state)
{
	static uint8_t good[STATE_MAX];
	unsigned int i, n, accepted = 0;
	struct machine machine;
	struct load load;
	size_t size, heap;

	(void)state;
	machine_init(&machine, "num_ami_sw=4");
	size = sample(machine.dev, &load);
	rte_free(load.memory);
	memcpy(good, state_bytes, size);
	heap = ami_device_heap();
	for (i = 0; i < MUTATIONS; i++) {
		struct revere_ami_sw *target = bare(machine.dev);
		/* Mostly where something is said, not in messages. */
		size_t where = rnd(2) ? RTE_MIN(size, 200u) : size;

		memcpy(state_bytes, good, size);
		for (n = 1 + rnd(3); n > 0; n--)
			state_bytes[rnd((uint32_t)where)] = (uint8_t)rnd(256);
		checksum(size);
		if (revere_context_restore(target, state_bytes, size) == 0) {
			accepted++;
			revere_ami_sw_enable(target);
		}
		revere_context_release(target);
		assert_true(TAILQ_EMPTY(&machine.dev->ami_hws));
		assert_int_equal(ami_device_heap(), heap);
	}
	/* Messages, priorities, masks and the like may be anything. */
	assert_in_range(accepted, 1, MUTATIONS - 1);
	machine_fini(&machine);
}

/* Save in every state of a context; restore on what isn't free. */
static void
wrong_moments(void **state)
{
	struct revere_ami_sw *ami_sw, *other;
	struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end src = { .ams = 1 }, dst = { .ams = 1 };
	struct machine machine;
	struct load load;
	size_t size;

	(void)state;
	machine_init(&machine, "");
	/* Without rings, with one, enabled. */
	ami_sw = bare(machine.dev);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, STATE_MAX),
		sizeof(struct rvr_state_header));
	other = bare(machine.dev);
	assert_int_equal(revere_context_restore(other, state_bytes,
		sizeof(struct rvr_state_header)), 0);
	ring_setup(ami_sw, RVR_AMS_RX, 0);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, 1), sizeof(struct
		rvr_state_header) + sizeof(struct rvr_state_ring));
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, STATE_MAX), -EBUSY);
	size = sample(machine.dev, &load);
	rte_free(load.memory);
	/* Enabled, with a ring, with a session. */
	assert_int_equal(revere_context_restore(ami_sw, state_bytes, size), -EBUSY);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	assert_int_equal(revere_context_restore(ami_sw, state_bytes, size), -EBUSY);
	src.ami_sw = ami_sw;
	dst.ami_sw = other;
	assert_true(revere_asn_create(machine.dev, &src, &dst, &conf) >= 0);
	assert_int_equal(revere_context_restore(other, state_bytes, size), -EBUSY);
	/* A session with another context can't go with it. */
	assert_int_equal(revere_context_save(ami_sw, state_bytes, STATE_MAX), -ENOTSUP);
	revere_context_release(other);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, STATE_MAX), sizeof(struct
		rvr_state_header) + sizeof(struct rvr_state_ring));
	revere_context_release(ami_sw);
	/* An agent with state of its own. */
	ami_sw = context_create(machine.dev, RVR_AHA_RNA);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	assert_int_equal(revere_context_save(ami_sw, state_bytes, STATE_MAX), -ENOTSUP);
	revere_context_release(ami_sw);
	machine_fini(&machine);
}

/* Devices that have less. */
static void
other_devices(void **state)
{
	static const struct {
		const char *settings;
		int error;
	} others[] = {
		{ "max_log2_size=4", -EINVAL },
		{ "min_log2_msg_length=4", -EINVAL },
		{ "num_ami_sw=16 num_asn=1", -ENOSPC },
		{ "ami_type=B", 0 },
		{ "num_ams=64 ami_type=A2", 0 },
	};
	struct machine machine, other;
	struct revere_ami_sw *target;
	struct load load;
	size_t size;
	unsigned int i;

	(void)state;
	machine_init(&machine, "");
	for (i = 0; i < RTE_DIM(others); i++) {
		size = sample(machine.dev, &load);
		machine_init(&other, others[i].settings);
		target = bare(other.dev);
		if (others[i].error != 0) {
			refused(target, size, others[i].error);
			/* It is as good as new. */
			assert_int_equal(revere_context_save(target, NULL, 0),
				sizeof(struct rvr_state_header));
			assert_int_equal(revere_ami_sw_enable(target), 0);
		} else {
			assert_int_equal(revere_context_restore(target, state_bytes, size), 0);
			assert_int_equal(revere_ami_sw_enable(target), 0);
			drain(&load, target);
		}
		revere_context_release(target);
		rte_free(load.memory);
		machine_fini(&other);
	}
	machine_fini(&machine);
}

/* From the PF of a device to a VF of another one, which has its contexts from its own PF. */
static void
to_a_vf(void **state)
{
	static const struct revere_vf_session sessions[] = {
		{ .to_agent = true, .log2_msg_length = LOG2_LENGTH },
		{ .to_agent = false, .log2_msg_length = LOG2_LENGTH },
	};
	struct revere_vf_gift *gift;
	struct machine from, to;
	struct ami_device function;
	struct revere_ami_sw *ami_sw;
	struct revere_dev *vf;
	struct load load;
	unsigned int i;

	(void)state;
	machine_init(&from, "");
	machine_init(&to, "num_vf=1");
	ami_device_vf(&function, &to.device, 1);
	assert_int_equal(revere_vf_enable(to.dev, 1, true), 0);
	assert_int_equal(revere_vf_give(to.dev, 1, (uint16_t)revere_aha_find(to.dev, RVR_AHA_DMA,
		0), sessions, RTE_DIM(sessions), &gift), 0);
	assert_int_equal(revere_dev_open("vf", &function.transport,
		&(struct revere_dev_conf){ .vf = true }, &vf), 0);
	load_init(&load, RVR_AHA_DMA);
	ami_sw = context_create(from.dev, RVR_AHA_DMA);
	for (i = 0; i < 20; i++) {
		send_some(&load, ami_sw, rnd(2 * SLOTS));
		migrate(&ami_sw, i % 2 == 0 ? vf : from.dev);
		run(&load, ami_sw, rnd(SLOTS));
	}
	drain(&load, ami_sw);
	revere_context_release(ami_sw);
	rte_free(load.memory);
	revere_dev_close(vf);
	machine_fini(&to);
	machine_fini(&from);
}

int
state_cases_run(int argc, char **argv, const char *settings, unsigned int count)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(migrate_dma),
		cmocka_unit_test(migrate_inversion),
		cmocka_unit_test(migrate_loopback),
		cmocka_unit_test(damaged_states),
		cmocka_unit_test(forged_states),
		cmocka_unit_test(wrong_moments),
		cmocka_unit_test(other_devices),
		cmocka_unit_test(to_a_vf),
	};

	device_settings = settings;
	migrations = argc > 1 ? (unsigned int)atoi(argv[1]) : count;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	ami_device_eal();
	if (getenv("STATE_LOG") == NULL)
		rte_log_set_level((uint32_t)revere_ami_logtype, RTE_LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
