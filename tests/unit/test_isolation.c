/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A PF and 64 VFs with 512 contexts: each moves numbered messages of its own pattern while VFs are
 * reset, stopped, closed in the middle, and given other contexts. No pattern may appear
 * elsewhere, and who isn't concerned loses nothing. test_isolation SECONDS runs for so long.
 */

#include <rte_cycles.h>

#include "ami_device.h"
#include "ami_private.h"

#define VFS 64u
#define CONTEXTS 8u /* of each VF; one of them is taken and given again */
#define LOG2_LENGTH 3
#define MSG 64u
#define BURST 8u
#define TURNS 3000u

struct context {
	struct revere_vf_gift *gift;
	struct revere_ami_sw *ami_sw;
	uint64_t sent, received;
};

struct vf {
	struct ami_device device;
	struct revere_dev *dev;
	struct context context[CONTEXTS];
	unsigned int number;
};

static unsigned int run_seconds;
static struct vf vfs[VFS];
static uint32_t random_state = 0x5eed;

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void
give(struct revere_dev *pf, const struct vf *vf, struct context *context)
{
	static const struct revere_vf_session sessions[] = {
		{ .to_agent = true, .log2_msg_length = LOG2_LENGTH },
		{ .to_agent = false, .log2_msg_length = LOG2_LENGTH },
	};

	assert_int_equal(revere_vf_give(pf, (uint16_t)vf->number, 0, sessions,
		RTE_DIM(sessions), &context->gift), 0);
}

static void
context_open(struct revere_dev *dev, struct context *context)
{
	const struct revere_ami_sw_conf conf = { .numa_node = -1, .agent_known = true };
	const struct revere_asn_conf asn = { .log2_msg_length = LOG2_LENGTH };
	struct revere_ring_conf ring = { .log2_size = 4, .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end sw = { 0 }, hw = { 0 };

	assert_int_equal(revere_ami_sw_create(dev, &conf, &context->ami_sw), 0);
	assert_int_equal(revere_ami_hw_create(dev, 0, &hw.ami_hw), 0);
	ring.type = RVR_AMS_TX;
	assert_int_equal(revere_ami_sw_ring_setup(context->ami_sw, &ring), 0);
	ring.type = RVR_AMS_RX;
	assert_int_equal(revere_ami_sw_ring_setup(context->ami_sw, &ring), 0);
	sw.ami_sw = context->ami_sw;
	assert_true(revere_asn_create(dev, &sw, &hw, &asn) >= 0);
	assert_true(revere_asn_create(dev, &hw, &sw, &asn) >= 0);
	assert_int_equal(revere_ami_sw_enable(context->ami_sw), 0);
	context->sent = context->received = 0;
}

static void
vf_open(struct vf *vf)
{
	const struct revere_dev_conf conf = { .vf = true };
	unsigned int i;

	assert_int_equal(revere_dev_open("vf", &vf->device.transport, &conf, &vf->dev), 0);
	for (i = 0; i < CONTEXTS; i++)
		context_open(vf->dev, &vf->context[i]);
}

/* Pattern of a message: whose it is, and its number. */
static void
pattern(const struct vf *vf, unsigned int context, uint64_t number, uint64_t words[MSG / 8])
{
	unsigned int i;

	words[0] = number;
	for (i = 1; i < MSG / 8; i++)
		words[i] = (uint64_t)vf->number << 56 | (uint64_t)context << 48 |
			(number * 8 + i);
}

static void
context_receive(struct vf *vf, unsigned int number)
{
	struct context *context = &vf->context[number];
	uint64_t want[MSG / 8], got[MSG / 8];
	struct revere_ring *rx = revere_ami_sw_ring(context->ami_sw, RVR_AMS_RX, 0);
	unsigned int i;

	while (revere_rx_pop(rx, got, 1) == 1) {
		pattern(vf, number, context->received++, want);
		for (i = 0; i < MSG / 8; i++)
			assert_true(got[i] == ~want[i]);
	}
}

static void
context_send(struct vf *vf, unsigned int number)
{
	struct context *context = &vf->context[number];
	struct revere_ring *tx = revere_ami_sw_ring(context->ami_sw, RVR_AMS_TX, 0);
	unsigned int n = rnd(BURST);
	uint64_t words[MSG / 8];

	for (; n > 0 && context->sent - context->received < 24; n--) {
		pattern(vf, number, context->sent, words);
		if (revere_tx_push(tx, words, 1) != 1)
			return;
		context->sent++;
	}
}

/* FLR, in the middle of it all; then who uses the VF begins anew. */
static void
vf_reset(struct vf *vf)
{
	vf->device.transport.ops->reset(&vf->device.transport);
	revere_dev_close(vf->dev);
	vf_open(vf);
}

static void
vf_replace(struct revere_dev *pf, struct vf *vf)
{
	struct context *context = &vf->context[rnd(CONTEXTS)];

	/* Taken while it moves messages. */
	context_send(vf, (unsigned int)(context - vf->context));
	revere_vf_take(context->gift);
	revere_dev_close(vf->dev);
	give(pf, vf, context);
	vf_open(vf);
}

static void
disturb(struct revere_dev *pf, struct vf *vf)
{
	switch (rnd(4)) {
	case 0:
		vf_reset(vf);
		break;
	case 1:
		vf_replace(pf, vf);
		break;
	case 2:
		assert_int_equal(revere_ami_sw_reset(vf->context[0].ami_sw), 0);
		assert_int_equal(revere_ami_sw_enable(vf->context[0].ami_sw), 0);
		vf->context[0].sent = vf->context[0].received = 0;
		break;
	default:
		/* It stands still, and loses nothing. */
		assert_int_equal(revere_vf_enable(pf, (uint16_t)vf->number, false), 0);
		context_send(vf, 1);
		context_receive(vf, 1);
		assert_int_equal(revere_vf_enable(pf, (uint16_t)vf->number, true), 0);
	}
}

static void
isolation(void **state)
{
	uint64_t hz = rte_get_timer_hz(), start = rte_get_timer_cycles(), messages = 0;
	struct ami_device device;
	struct revere_dev *pf;
	unsigned int i, k, turn;

	(void)state;
	ami_device_init(&device, "num_vf=64 num_ami_sw=520 num_ami_hw=520");
	assert_int_equal(revere_dev_open("pf", &device.transport, NULL, &pf), 0);
	for (i = 0; i < VFS; i++) {
		vfs[i].number = i + 1;
		ami_device_vf(&vfs[i].device, &device, i + 1);
		assert_int_equal(revere_vf_enable(pf, (uint16_t)(i + 1), true), 0);
		for (k = 0; k < CONTEXTS; k++)
			give(pf, &vfs[i], &vfs[i].context[k]);
		vf_open(&vfs[i]);
	}
	for (turn = 0; turn < TURNS || rte_get_timer_cycles() - start < hz * run_seconds; turn++) {
		struct vf *vf = &vfs[rnd(VFS)];

		for (k = 0; k < CONTEXTS; k++) {
			context_send(vf, k);
			context_receive(vf, k);
		}
		if (turn % 16 == 0)
			disturb(pf, &vfs[rnd(VFS)]);
		revere_exception_poll(pf);
	}
	revere_emu_kick(device.emu);
	for (i = 0; i < VFS; i++)
		for (k = 0; k < CONTEXTS; k++) {
			context_receive(&vfs[i], k);
			assert_int_equal(vfs[i].context[k].received, vfs[i].context[k].sent);
			messages += vfs[i].context[k].sent;
		}
	print_message("%u turns, %llu messages since the last resets\n", turn,
		(unsigned long long)messages);
	for (i = 0; i < VFS; i++)
		revere_dev_close(vfs[i].dev);
	revere_dev_close(pf);
	ami_device_fini(&device);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(isolation) };

	run_seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	ami_device_eal();
	rte_log_set_level((uint32_t)revere_ami_logtype, RTE_LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
