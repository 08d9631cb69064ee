/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* The library against the emulated device in inline mode. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "ami_device.h"
#include "ami_private.h"

#define LOG2_LENGTH 3 /* 8 DW */
#define MSG 64u
#define SLOTS 16u

struct fixture {
	struct ami_device device;
	struct revere_dev *dev;
	size_t heap;
};

/* An AMI-SW with one ring each way and sessions to and from an inversion agent. */
struct channel {
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	struct revere_ring *tx, *rx;
	int asn_tx, asn_rx;
};

/* What all tests run with; they are run for each. */
static const char *base_settings = "";

/* ---- Helpers -------------------------------------------------------------------------------- */

static void
plug(struct fixture *f, const char *settings)
{
	char all[256];

	snprintf(all, sizeof(all), "%s %s", base_settings, settings);
	ami_device_init(&f->device, all);
	f->heap = ami_device_heap();
}

static void
open_with(struct fixture *f, const char *settings, const struct revere_dev_conf *conf)
{
	plug(f, settings);
	assert_int_equal(revere_dev_open("test", &f->device.transport, conf, &f->dev), 0);
}

static void
unplug(struct fixture *f)
{
	revere_dev_close(f->dev);
	assert_int_equal(ami_device_heap(), f->heap);
	ami_device_fini(&f->device);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct revere_ring_conf
ring_conf(enum rvr_ams_type type, uint8_t ams)
{
	return (struct revere_ring_conf){
		.ams = ams,
		.type = type,
		.log2_size = 4,
		.log2_msg_length = LOG2_LENGTH,
	};
}

static int
ring_setup(struct revere_ami_sw *ami_sw, enum rvr_ams_type type, uint8_t ams)
{
	const struct revere_ring_conf conf = ring_conf(type, ams);

	return revere_ami_sw_ring_setup(ami_sw, &conf);
}

static void
channel_init(struct revere_dev *dev, struct channel *channel)
{
	const struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end sw, hw;
	int aha = revere_aha_find(dev, RVR_AHA_INVERSION, 0);

	assert_int_equal(aha, 0);
	assert_int_equal(revere_ami_sw_create(dev, NULL, &channel->ami_sw), 0);
	assert_int_equal(revere_ami_hw_create(dev, (uint16_t)aha, &channel->ami_hw), 0);
	assert_int_equal(ring_setup(channel->ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(ring_setup(channel->ami_sw, RVR_AMS_RX, 0), 0);
	sw = (struct revere_asn_end){ .ami_sw = channel->ami_sw };
	hw = (struct revere_asn_end){ .ami_hw = channel->ami_hw };
	channel->asn_tx = revere_asn_create(dev, &sw, &hw, &conf);
	channel->asn_rx = revere_asn_create(dev, &hw, &sw, &conf);
	assert_true(channel->asn_tx >= 0 && channel->asn_rx >= 0);
	assert_int_equal(revere_ami_sw_enable(channel->ami_sw), 0);
	channel->tx = revere_ami_sw_ring(channel->ami_sw, RVR_AMS_TX, 0);
	channel->rx = revere_ami_sw_ring(channel->ami_sw, RVR_AMS_RX, 0);
	assert_non_null(channel->tx);
	assert_non_null(channel->rx);
}

static void
channel_fini(struct revere_dev *dev, struct channel *channel)
{
	assert_int_equal(revere_asn_destroy(dev, (uint32_t)channel->asn_tx), 0);
	assert_int_equal(revere_asn_destroy(dev, (uint32_t)channel->asn_rx), 0);
	revere_ami_hw_destroy(channel->ami_hw);
	revere_ami_sw_destroy(channel->ami_sw);
}

/* Sends messages and expects them inverted. */
static void
channel_check(struct channel *channel, unsigned int count)
{
	uint8_t out[MSG], in[MSG];
	unsigned int i, b;

	for (i = 0; i < count; i++) {
		memset(out, (int)(i & 0xff), sizeof(out));
		assert_int_equal(revere_tx_push(channel->tx, out, 1), 1);
		assert_int_equal(revere_rx_pop(channel->rx, in, 1), 1);
		for (b = 0; b < MSG; b++)
			assert_int_equal(in[b], ~i & 0xff);
	}
}

/* ---- Bring-up ------------------------------------------------------------------------------- */

static void
test_open(void **state)
{
	const struct revere_dev_info *info;
	struct fixture f;

	(void)state;
	open_with(&f, "num_ami_sw=20 num_ams=5 max_log2_size=10 max_log2_msg_length=6", NULL);
	info = revere_dev_info(f.dev);
	assert_int_equal(info->arch_major, 3);
	assert_int_equal(info->max_ami_sw, 20);
	assert_int_equal(info->ami_per_function, 20);
	assert_int_equal(info->num_tx_ams, 5);
	assert_int_equal(info->num_rx_ams, 5);
	assert_int_equal(info->max_log2_size, 10);
	assert_int_equal(info->min_log2_msg_length, 3);
	assert_int_equal(info->max_log2_msg_length, 6);
	assert_int_equal(info->ami_type, strstr(base_settings, "ami_type=B") != NULL ?
		RVR_AMI_TYPE_B : RVR_AMI_TYPE_A1);
	assert_string_equal(revere_dev_name(f.dev), "test");
	assert_ptr_equal(revere_dev_transport(f.dev), &f.device.transport);
	unplug(&f);
}

static void
test_other_revision(void **state)
{
	struct fixture f;

	(void)state;
	plug(&f, "arch_major=2");
	assert_int_equal(revere_dev_open("test", &f.device.transport, NULL, &f.dev), -ENOTSUP);
	f.dev = NULL;
	unplug(&f);
}

static void
test_second_bring_up(void **state)
{
	struct channel channel;
	struct fixture f;
	unsigned int i;

	(void)state;
	plug(&f, "num_ami_sw=1 num_ami_hw=16");
	for (i = 0; i < 3; i++) {
		assert_int_equal(revere_dev_open("test", &f.device.transport, NULL, &f.dev), 0);
		channel_init(f.dev, &channel);
		channel_check(&channel, 3);
		/* Nothing is given back but by the end. */
		revere_dev_close(f.dev);
		assert_int_equal(ami_device_heap(), f.heap);
	}
	assert_int_equal(f.device.resets, 0);
	f.dev = NULL;
	unplug(&f);
}

static void
test_one_slot(void **state)
{
	const struct revere_dev_conf conf = { .one_slot = true };
	struct channel channel;
	struct fixture f;

	(void)state;
	open_with(&f, "", &conf);
	channel_init(f.dev, &channel);
	channel_check(&channel, 10);
	channel_fini(f.dev, &channel);
	unplug(&f);
}

static void
test_agents(void **state)
{
	struct fixture f;
	uint64_t iidr;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_aha_find(f.dev, RVR_AHA_INVERSION, 0), 0);
	assert_int_equal(revere_aha_find(f.dev, RVR_AHA_RNA, 0), 1);
	assert_int_equal(revere_aha_find(f.dev, RVR_AHA_DMA, 0), 3);
	assert_int_equal(revere_aha_find(f.dev, RVR_AHA_DMA, 1), -ENOENT);
	assert_int_equal(revere_aha_find(f.dev, (enum rvr_aha_kind)0x123, 0), -ENOENT);
	assert_int_equal(revere_aha_iidr(f.dev, 0, &iidr), 0);
	assert_int_equal(rvr_get(iidr, RVR_AMU_IIDR_PRODUCT), RVR_AHA_INVERSION);
	assert_int_equal(revere_aha_iidr(f.dev, UINT16_MAX, &iidr), -EINVAL);
	unplug(&f);
}

/* ---- Contexts and sessions ------------------------------------------------------------------ */

static void
test_inversion(void **state)
{
	struct channel channel;
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	channel_init(f.dev, &channel);
	channel_check(&channel, 100);
	channel_fini(f.dev, &channel);
	unplug(&f);
}

/* From a socket of an AMI-SW to another of the same. */
static void
test_loopback(void **state)
{
	const struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	uint8_t out[MSG * SLOTS], in[MSG * SLOTS];
	struct revere_asn_end src = { .ams = 1 }, dst = { .ams = 2 };
	struct revere_ami_sw *ami_sw;
	struct revere_ring *tx, *rx;
	struct fixture f;
	unsigned int i;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	src.ami_sw = ami_sw;
	dst.ami_sw = ami_sw;
	/* The session first, as the model allows. */
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 1), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_RX, 2), 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	tx = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 1);
	rx = revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 2);
	assert_null(revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 1));
	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	for (i = 0; i < 10; i++) {
		assert_int_equal(revere_tx_push(tx, out, SLOTS), SLOTS);
		assert_int_equal(revere_rx_pop(rx, in, SLOTS), SLOTS);
		assert_memory_equal(in, out, sizeof(out));
	}
	/* Full: what doesn't fit waits in the sender's ring. */
	assert_int_equal(revere_tx_push(tx, out, SLOTS), SLOTS);
	assert_int_equal(revere_ami_sw_digest(ami_sw, RVR_AMS_RX), 1 << 2);
	assert_int_equal(revere_tx_push(tx, out, SLOTS), SLOTS);
	assert_int_equal(revere_tx_push(tx, out, 1), 0);
	assert_int_equal(revere_rx_pop(rx, in, 1), 1);
	assert_int_equal(revere_tx_push(tx, out, 2), 1);
	unplug(&f);
}

static void
test_limits(void **state)
{
	struct revere_ring_conf conf = ring_conf(RVR_AMS_TX, 0);
	struct revere_ami_sw *ami_sw, *another;
	struct fixture f;

	(void)state;
	open_with(&f, "num_ami_sw=1 num_ams=2 max_log2_size=8 max_log2_msg_length=5", NULL);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &another), -ENOSPC);
	conf.ams = 2;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -ERANGE);
	conf.ams = 1;
	conf.log2_size = 9;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -ERANGE);
	conf.log2_size = 8;
	conf.log2_msg_length = 2;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -ERANGE);
	conf.log2_msg_length = 6;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -ERANGE);
	conf.log2_msg_length = 5;
	conf.threshold = 9;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -ERANGE);
	conf.threshold = 8;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), 0);
	/* Another ring for the same socket; none while enabled. */
	conf.log2_size = 2;
	conf.threshold = 0;
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), 0);
	assert_int_equal(revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 1)->mask, 3);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), -EBUSY);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	assert_int_equal(revere_ami_sw_ring_setup(ami_sw, &conf), 0);
	/* What was given back can be had again. */
	revere_ami_sw_destroy(ami_sw);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	unplug(&f);
}

static void
test_ami_hw_limits(void **state)
{
	struct revere_ami_hw *ami_hw[16], *another;
	struct fixture f;
	unsigned int i;

	(void)state;
	open_with(&f, "num_ami_hw=16", NULL);
	for (i = 0; i < RTE_DIM(ami_hw); i++)
		assert_int_equal(revere_ami_hw_create(f.dev, 0, &ami_hw[i]), 0);
	assert_int_equal(revere_ami_hw_create(f.dev, 0, &another), -ENOSPC);
	/* Other agents have their own. */
	assert_int_equal(revere_ami_hw_create(f.dev, 3, &another), 0);
	assert_int_equal(revere_ami_hw_aha_id(another), 3);
	assert_int_equal(revere_ami_hw_reset(another), 0);
	revere_ami_hw_destroy(ami_hw[7]);
	assert_int_equal(revere_ami_hw_create(f.dev, 0, &ami_hw[7]), 0);
	assert_int_equal(revere_ami_hw_phy_id(ami_hw[7]), 7);
	unplug(&f);
}

static void
test_bad_sessions(void **state)
{
	struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end src = { .ams = 0 }, dst = { .ams = 0 };
	struct revere_ami_sw *ami_sw;
	struct fixture f;
	int asn;

	(void)state;
	open_with(&f, "num_ams=4", NULL);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), -EINVAL);
	src.ami_sw = ami_sw;
	dst.ami_sw = ami_sw;
	src.ams = 4;
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), -ERANGE);
	src.ams = 3;
	conf.log2_msg_length = 9;
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), -ERANGE);
	conf.log2_msg_length = 8;
	asn = revere_asn_create(f.dev, &src, &dst, &conf);
	assert_int_equal(asn, 0);
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), -EBUSY);
	assert_int_equal(revere_asn_destroy(f.dev, 1), -ENOENT);
	assert_int_equal(revere_asn_destroy(f.dev, UINT32_MAX), -ENOENT);
	assert_int_equal(revere_asn_destroy(f.dev, 0), 0);
	assert_int_equal(revere_asn_destroy(f.dev, 0), -ENOENT);
	assert_int_equal(revere_asn_create(f.dev, &src, &dst, &conf), 0);
	unplug(&f);
}

/* Somebody else took an id of ours: the next one is used. */
static void
test_taken_ids(void **state)
{
	struct rvr_pf_ami_sw_map_req map = { .any_phy_ami_sw = 1, .ami_sw_id = 0 };
	struct revere_ami_sw *ami_sw;
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_pf_ami_sw_map(f.dev, &map, NULL), 0);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(revere_ami_sw_id(ami_sw), 1);
	unplug(&f);
}

/* ---- Faults of rings ------------------------------------------------------------------------ */

struct seen {
	unsigned int count;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct revere_dev *dev;
};

static void
see(void *arg, const void *msg)
{
	struct seen *seen = arg;

	seen->count++;
	memcpy(seen->msg, msg, sizeof(seen->msg));
	/* Commands may be sent from here. */
	assert_int_equal(revere_f_probe(seen->dev, NULL, NULL), 0);
}

/* More faults than the exception ring has room for: each is told all the same. */
static void
test_faults_lost(void **state)
{
	const struct revere_dev_conf conf = { .one_slot = true };
	struct channel channels[3];
	struct seen seen = { 0 };
	struct fixture f;
	unsigned int i;

	(void)state;
	open_with(&f, "", &conf);
	seen.dev = f.dev;
	assert_int_equal(revere_exception_register(f.dev, see, &seen), 0);
	for (i = 0; i < RTE_DIM(channels); i++)
		channel_init(f.dev, &channels[i]);
	for (i = 0; i < 2; i++) {
		channels[i].tx->own += 100;
		revere_ring_doorbell(channels[i].tx);
	}
	assert_int_equal(revere_error_state(f.dev), RVR_ERROR_STATE_EXCEPTION_FULL);
	/* The first one is told twice. */
	assert_int_equal(revere_exception_poll(f.dev), 3);
	assert_int_equal(seen.count, 3);
	assert_int_equal(revere_error_state(f.dev), RVR_ERROR_STATE_NONE);
	assert_int_equal(revere_exception_poll(f.dev), 0);
	channel_check(&channels[2], 5);
	assert_int_equal(revere_ami_sw_reset(channels[1].ami_sw), 0);
	assert_int_equal(revere_ami_sw_enable(channels[1].ami_sw), 0);
	channel_check(&channels[1], 5);
	assert_int_equal(revere_exception_unregister(f.dev, see, &seen), 0);
	for (i = 0; i < RTE_DIM(channels); i++)
		channel_fini(f.dev, &channels[i]);
	unplug(&f);
}

static void
test_ring_fault(void **state)
{
	struct rvr_e_f_ami_ring_fault fault;
	struct seen seen = { 0 };
	struct channel channel;
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	seen.dev = f.dev;
	assert_int_equal(revere_exception_register(f.dev, see, &seen), 0);
	channel_init(f.dev, &channel);
	channel_check(&channel, 5);
	assert_int_equal(revere_exception_poll(f.dev), 0);
	/* An index that jumps is software's error. */
	channel.tx->own += 100;
	revere_ring_doorbell(channel.tx);
	assert_int_equal(revere_exception_poll(f.dev), 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(rvr_msg_opcode(seen.msg), RVR_E_F_AMI_RING_FAULT);
	rvr_e_f_ami_ring_fault_decode(seen.msg, &fault);
	assert_int_equal(fault.ami_id, revere_ami_sw_id(channel.ami_sw));
	assert_int_equal(revere_exception_unregister(f.dev, see, &seen), 0);
	assert_int_equal(revere_exception_unregister(f.dev, see, &seen), -ENOENT);
	/* The way back. */
	assert_int_equal(revere_ami_sw_reset(channel.ami_sw), 0);
	assert_int_equal(revere_ami_sw_enable(channel.ami_sw), 0);
	channel_check(&channel, 40);
	channel_fini(f.dev, &channel);
	unplug(&f);
}

/* The device writes impossible indices: the ring says so and nothing else happens. */
static void
test_wild_index(void **state)
{
	uint8_t msgs[MSG * SLOTS] = { 0 };
	struct channel channel;
	struct fixture f;
	unsigned int i;

	(void)state;
	open_with(&f, "faults.index_wild=3 faults.seed=7", NULL);
	channel_init(f.dev, &channel);
	for (i = 0; i < 1000 && !channel.rx->broken; i++) {
		revere_tx_push(channel.tx, msgs, 1);
		assert_in_range(revere_rx_pop(channel.rx, msgs, SLOTS), 0, SLOTS);
	}
	assert_true(channel.rx->broken);
	unplug(&f);
}

/* ---- Interrupts ----------------------------------------------------------------------------- */

static uint64_t
drain(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void
test_interrupts(void **state)
{
	int data = eventfd(0, EFD_NONBLOCK), mgt = eventfd(0, EFD_NONBLOCK);
	struct revere_ami_sw_conf conf = { .numa_node = -1, .rx_irq = true, .rx_vector = 5 };
	const struct revere_asn_conf asn = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end end = { .ams = 0 };
	struct revere_ami_sw *ami_sw;
	struct revere_ring *tx, *rx;
	uint8_t msg[MSG] = { 0 };
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(f.device.transport.ops->irq_set(&f.device.transport, 5, data), 0);
	assert_int_equal(f.device.transport.ops->irq_set(&f.device.transport, 0, mgt), 0);
	revere_dev_irq_enable(f.dev, 0, true);
	assert_int_equal(revere_ami_sw_create(f.dev, &conf, &ami_sw), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_RX, 0), 0);
	end.ami_sw = ami_sw;
	assert_true(revere_asn_create(f.dev, &end, &end, &asn) >= 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	tx = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 0);
	rx = revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 0);
	drain(data);
	assert_int_equal(revere_tx_push(tx, msg, 1), 1);
	assert_int_not_equal(drain(data), 0);
	assert_int_equal(revere_rx_pop(rx, msg, 1), 1);
	/* Masked: told when unmasked. */
	revere_ami_sw_irq_mask(ami_sw, RVR_AMS_RX, 0, false);
	assert_int_equal(revere_tx_push(tx, msg, 1), 1);
	assert_int_equal(drain(data), 0);
	revere_ami_sw_irq_mask(ami_sw, RVR_AMS_RX, 0, true);
	assert_int_not_equal(drain(data), 0);
	/* Exceptions have the management's vector. */
	drain(mgt);
	tx->own += 100;
	revere_ring_doorbell(tx);
	assert_int_not_equal(drain(mgt), 0);
	assert_int_equal(revere_exception_poll(f.dev), 1);
	f.device.transport.ops->irq_set(&f.device.transport, 5, -1);
	f.device.transport.ops->irq_set(&f.device.transport, 0, -1);
	unplug(&f);
	close(data);
	close(mgt);
}

/* ---- Save and restore ----------------------------------------------------------------------- */

static void
test_save_restore(void **state)
{
	const struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end end = { .ams = 0 };
	struct revere_ami_sw_state saved;
	struct revere_ring *tx, *rx;
	uint8_t msg[MSG], copy[MSG * SLOTS], in[MSG];
	struct revere_ami_sw *ami_sw;
	struct fixture f;
	unsigned int i;
	int asn;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_RX, 0), 0);
	end.ami_sw = ami_sw;
	asn = revere_asn_create(f.dev, &end, &end, &conf);
	assert_int_equal(asn, 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	tx = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 0);
	rx = revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 0);
	/* 3 are taken, 16 wait in the RX ring, 5 in the TX ring. */
	for (i = 0; i < 3 + SLOTS + 5; i++) {
		memset(msg, (int)i, sizeof(msg));
		assert_int_equal(revere_tx_push(tx, msg, 1), 1);
		if (i < 3)
			assert_int_equal(revere_rx_pop(rx, in, 1), 1);
	}
	assert_int_equal(revere_ami_sw_save(ami_sw, &saved), -EBUSY);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	assert_int_equal(revere_ami_sw_save(ami_sw, &saved), 0);
	assert_int_equal(saved.tx[0].write, 24);
	assert_int_equal(saved.tx[0].read, 19);
	assert_int_equal(saved.rx[0].write, 19);
	assert_int_equal(saved.rx[0].read, 3);
	assert_false(saved.rx[1].configured);
	/* Another uses the context meanwhile. */
	memcpy(copy, rx->base, sizeof(copy));
	assert_int_equal(revere_ami_sw_reset(ami_sw), 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	assert_int_equal(revere_rx_pop(rx, in, 1), 0);
	assert_int_equal(revere_ami_sw_restore(ami_sw, &saved), -EBUSY);
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	assert_memory_equal(copy, rx->base, sizeof(copy));
	assert_int_equal(revere_ami_sw_restore(ami_sw, &saved), 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	for (i = 3; i < 3 + SLOTS + 5; i++) {
		memset(msg, (int)i, sizeof(msg));
		assert_int_equal(revere_rx_pop(rx, in, 1), 1);
		assert_memory_equal(in, msg, sizeof(msg));
	}
	assert_int_equal(revere_rx_pop(rx, in, 1), 0);
	/* Other rings than the saved ones. */
	assert_int_equal(revere_ami_sw_disable(ami_sw), 0);
	saved.rx[0].ring.log2_size = 7;
	assert_int_equal(revere_ami_sw_restore(ami_sw, &saved), -EINVAL);
	unplug(&f);
}

/* ---- Address spaces of PASIDs --------------------------------------------------------------- */

/* A context that sends to itself. */
static struct revere_ami_sw *
loop_init(struct revere_dev *dev, const struct revere_ami_sw_conf *conf)
{
	const struct revere_asn_conf asn = { .log2_msg_length = LOG2_LENGTH };
	struct revere_asn_end end = { .ams = 0 };
	struct revere_ami_sw *ami_sw;

	assert_int_equal(revere_ami_sw_create(dev, conf, &ami_sw), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_RX, 0), 0);
	end.ami_sw = ami_sw;
	assert_true(revere_asn_create(dev, &end, &end, &asn) >= 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	return ami_sw;
}

static unsigned int
loop_move(struct revere_ami_sw *ami_sw, uint8_t value)
{
	uint8_t out[MSG], in[MSG];

	memset(out, value, sizeof(out));
	if (revere_tx_push(revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 0), out, 1) != 1 ||
		revere_rx_pop(revere_ami_sw_ring(ami_sw, RVR_AMS_RX, 0), in, 1) != 1)
		return 0;
	assert_memory_equal(in, out, sizeof(in));
	return 1;
}

static void
test_pasid(void **state)
{
	struct revere_ami_sw_conf conf = { .numa_node = -1, .pasid_enabled = true, .pasid = 5 };
	struct revere_ami_hw_conf hw_conf = { .pasid_enabled = true, .pasid = 6 };
	const struct revere_transport_ops *ops;
	struct revere_transport_ops without;
	struct revere_ami_sw *five, *six;
	struct revere_ami_hw *ami_hw;
	struct revere_ring *tx;
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	five = loop_init(f.dev, &conf);
	conf.pasid = 6;
	six = loop_init(f.dev, &conf);
	assert_int_equal(loop_move(five, 1), 1);
	assert_int_equal(loop_move(six, 2), 1);
	assert_int_equal(revere_ami_hw_create(f.dev, 0, &ami_hw), 0);
	assert_int_equal(revere_ami_hw_configure(ami_hw, &hw_conf), 0);
	assert_int_equal(revere_ami_hw_reset(ami_hw), 0);
	/* What is taken out of one space is gone there, and nowhere else. */
	tx = revere_ami_sw_ring(five, RVR_AMS_TX, 0);
	assert_int_equal(revere_dma_unmap(f.dev, 6, tx->base, (uintptr_t)tx->base, 64), -ENOENT);
	assert_int_equal(loop_move(five, 3), 1);
	assert_int_equal(revere_dma_unmap(f.dev, 5, tx->base, (uintptr_t)tx->base, 64), 0);
	assert_int_equal(loop_move(five, 4), 0);
	assert_int_equal(loop_move(six, 5), 1);
	assert_int_equal(revere_exception_poll(f.dev), 1);
	assert_int_equal(revere_dma_map(f.dev, 5, tx->base, (uintptr_t)tx->base, 64), 0);
	assert_int_equal(revere_dma_map(f.dev, 5, tx->base, (uintptr_t)tx->base, 64), -EEXIST);
	assert_int_equal(revere_ami_sw_reset(five), 0);
	assert_int_equal(revere_ami_sw_enable(five), 0);
	assert_int_equal(loop_move(five, 6), 1);
	/* PASIDs that can't be. */
	conf.pasid = 1 << 20;
	assert_int_equal(revere_ami_sw_create(f.dev, &conf, &five), -ERANGE);
	hw_conf.pasid = 1 << 20;
	assert_int_equal(revere_ami_hw_configure(ami_hw, &hw_conf), -ERANGE);
	ops = f.device.transport.ops;
	without = *ops;
	without.dma_map_pasid = NULL;
	f.device.transport.ops = &without;
	conf.pasid = 1;
	assert_int_equal(revere_ami_sw_create(f.dev, &conf, &five), -ENOTSUP);
	f.device.transport.ops = ops;
	unplug(&f);
}

/* ---- Virtual Functions ---------------------------------------------------------------------- */

static const struct revere_vf_session vf_sessions[] = {
	{ .to_agent = true, .log2_msg_length = LOG2_LENGTH },
	{ .to_agent = false, .log2_msg_length = LOG2_LENGTH },
};

static struct revere_vf_gift *
give(struct revere_dev *dev, uint16_t vf, enum rvr_aha_kind kind)
{
	int aha_id = revere_aha_find(dev, kind, 0);
	struct revere_vf_gift *gift = NULL;

	assert_true(aha_id >= 0);
	assert_int_equal(revere_vf_give(dev, vf, (uint16_t)aha_id, vf_sessions,
		RTE_DIM(vf_sessions), &gift), 0);
	return gift;
}

static void
see_vf_reset(void *arg, const void *msg)
{
	struct rvr_e_pf_vf_reset fields;

	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_VF_RESET);
	rvr_e_pf_vf_reset_decode(msg, &fields);
	*(uint64_t *)arg = fields.source;
}

static void
test_vf(void **state)
{
	const struct revere_dev_conf vf_conf = { .vf = true };
	struct revere_ami_sw_conf conf = {
		.numa_node = -1,
		.agent_known = true,
		.agent = { 3, 0 },
	};
	struct revere_asn_conf asn = { .log2_msg_length = LOG2_LENGTH + 1 };
	struct revere_asn_end sw = { 0 }, hw = { 0 };
	struct revere_vf_gift *gift, *none = NULL;
	struct revere_ami_hw *ami_hw;
	struct channel channel[2];
	struct ami_device device;
	struct revere_dev *vf;
	struct fixture f;
	uint64_t source = 0;

	(void)state;
	open_with(&f, "num_vf=2 num_ami_sw=8", NULL);
	ami_device_vf(&device, &f.device, 1);
	assert_int_equal(revere_vf_enable(f.dev, 3, true), -EINVAL);
	assert_int_equal(revere_vf_give(f.dev, 3, 0, vf_sessions, 2, &none), -EINVAL);
	assert_int_equal(revere_vf_enable(f.dev, 1, true), 0);
	assert_int_equal(revere_dev_open("vf", &device.transport, &vf_conf, &vf), 0);
	/* It has nothing before it is given something. */
	assert_int_equal(revere_aha_find(vf, RVR_AHA_INVERSION, 0), -ENOENT);
	assert_int_equal(revere_ami_sw_create(vf, NULL, &channel[0].ami_sw), -ENOSPC);
	assert_int_equal(revere_vf_give(vf, 1, 0, vf_sessions, 2, &none), -ENOTSUP);
	gift = give(f.dev, 1, RVR_AHA_INVERSION);
	give(f.dev, 1, RVR_AHA_INVERSION);
	give(f.dev, 1, RVR_AHA_DMA);
	give(f.dev, 2, RVR_AHA_RNA);
	assert_int_equal(revere_aha_find(vf, RVR_AHA_INVERSION, 0), 0);
	assert_int_equal(revere_aha_find(vf, RVR_AHA_INVERSION, 1), -ENOENT);
	assert_int_equal(revere_aha_find(vf, RVR_AHA_DMA, 0), 3);
	assert_int_equal(revere_aha_find(vf, RVR_AHA_RNA, 0), -ENOENT);
	/* Contexts of an agent, in any order. */
	assert_int_equal(revere_ami_sw_create(vf, &conf, &sw.ami_sw), 0);
	assert_int_equal(revere_ami_sw_id(sw.ami_sw), 2);
	channel_init(vf, &channel[0]);
	channel_init(vf, &channel[1]);
	channel_check(&channel[0], 40);
	channel_check(&channel[1], 40);
	assert_int_equal(revere_ami_hw_create(vf, 0, &ami_hw), -ENOSPC);
	assert_int_equal(revere_ami_hw_create(vf, 1, &ami_hw), -ENOSPC);
	assert_int_equal(revere_ami_hw_create(vf, 3, &hw.ami_hw), 0);
	assert_int_equal(revere_asn_create(vf, &sw, &hw, &asn), -ERANGE);
	asn.log2_msg_length = LOG2_LENGTH;
	sw.ams = 1;
	assert_int_equal(revere_asn_create(vf, &sw, &hw, &asn), -ENOENT);
	sw.ams = 0;
	assert_true(revere_asn_create(vf, &sw, &hw, &asn) >= 0);
	assert_int_equal(revere_asn_create(vf, &sw, &hw, &asn), -ENOENT);
	/* A disabled VF stands still, and goes on. */
	assert_int_equal(revere_vf_enable(f.dev, 1, false), 0);
	assert_int_equal(loop_move(channel[0].ami_sw, 0), 0);
	assert_int_equal(revere_vf_enable(f.dev, 1, true), 0);
	revere_emu_kick(f.device.emu);
	assert_int_equal(revere_rx_ready(channel[0].rx, 1), 1);
	/* What is given back is there for the next. */
	channel_fini(vf, &channel[1]);
	channel_init(vf, &channel[1]);
	channel_check(&channel[1], 3);
	/* FLR: the PF is told, what was given stays given. */
	revere_exception_register(f.dev, see_vf_reset, &source);
	device.transport.ops->reset(&device.transport);
	assert_int_equal(revere_exception_poll(f.dev), 1);
	assert_int_equal(source, 1);
	revere_dev_close(vf);
	assert_int_equal(revere_dev_open("vf", &device.transport, &vf_conf, &vf), 0);
	channel_init(vf, &channel[0]);
	channel_check(&channel[0], 3);
	/* The PF takes it away in the middle. */
	revere_vf_take(gift);
	assert_int_equal(revere_ami_sw_disable(channel[0].ami_sw), -ENOENT);
	revere_dev_close(vf);
	unplug(&f);
}

/** A VF that is restarted before its PF has given it all isn't taken for one that works. */
static void
test_vf_restart(void **state)
{
	const struct revere_dev_conf vf_conf = { .vf = true };
	struct revere_vf_gift *gift;
	struct revere_ami_hw *ami_hw;
	struct ami_device device;
	struct revere_dev *vf;
	struct fixture f;

	(void)state;
	open_with(&f, "num_vf=1 num_ami_sw=8", NULL);
	ami_device_vf(&device, &f.device, 1);
	assert_int_equal(revere_vf_enable(f.dev, 1, true), 0);
	gift = give(f.dev, 1, RVR_AHA_INVERSION);
	assert_int_equal(revere_dev_open("vf", &device.transport, &vf_conf, &vf), 0);
	assert_int_equal(revere_ami_hw_create(vf, 0, &ami_hw), 0);
	assert_false(revere_dev_is_lost(vf));
	revere_vf_take(gift);
	device.transport.ops->reset(&device.transport);
	assert_int_equal(revere_vf_enable(f.dev, 1, true), 0);
	assert_true(revere_dev_is_lost(vf));
	assert_true(revere_dev_restart(vf) < 0);
	assert_true(revere_dev_is_lost(vf));
	assert_int_equal(revere_dev_restarts(vf), 0);
	give(f.dev, 1, RVR_AHA_INVERSION);
	assert_int_equal(revere_dev_restart(vf), 0);
	assert_false(revere_dev_is_lost(vf));
	assert_int_equal(revere_dev_restarts(vf), 1);
	revere_dev_close(vf);
	unplug(&f);
}

/* ---- Management that goes wrong ------------------------------------------------------------- */

static void
test_unknown_command(void **state)
{
	uint8_t request[RVR_MGT_MSG_SIZE] = { 99 }, response[RVR_MGT_MSG_SIZE];
	struct fixture f;
	double start;

	(void)state;
	open_with(&f, "", NULL);
	start = seconds();
	assert_int_equal(revere_mgt_exec(f.dev, request, response), -EIO);
	/* ERROR_STATE told, not the time. */
	assert_true(seconds() - start < 0.5);
	assert_int_equal(revere_error_state(f.dev), RVR_ERROR_STATE_INVALID_COMMAND);
	/* A state that is known already doesn't fail others. */
	assert_int_equal(revere_f_probe(f.dev, NULL, NULL), 0);
	revere_error_clear(f.dev);
	assert_int_equal(revere_error_state(f.dev), 0);
	assert_int_equal(revere_mgt_exec(f.dev, request, response), -EIO);
	assert_int_equal(revere_f_probe(f.dev, NULL, NULL), 0);
	unplug(&f);
}

static void
test_status(void **state)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 0xffff };
	struct rvr_f_ami_sw_enable_req enable = { .ami_sw_id = 3 };
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, NULL), -EINVAL);
	assert_int_equal(revere_f_ami_sw_enable(f.dev, &enable, NULL), -ENOENT);
	assert_string_equal(revere_command_name(16), "PF-ASN-CREATE");
	assert_string_equal(revere_command_name(5), "?");
	assert_string_equal(revere_status_text(16, 3), "AMS already connected to an ASN");
	assert_string_equal(revere_status_text(16, 0), "success");
	assert_string_equal(revere_status_text(16, 4), "unknown status");
	assert_int_equal(revere_status_errno(16, 3), -EBUSY);
	assert_int_equal(revere_status_errno(1, 77), -EINVAL);
	unplug(&f);
}

/* The device stops taking commands: one timeout, then quick refusals, and a clean end. */
static void
test_stuck(void **state)
{
	struct revere_ami_sw *ami_sw;
	struct fixture f;
	double start;

	(void)state;
	open_with(&f, "faults.command_stuck=9", &(struct revere_dev_conf){ .timeout_ms = 30 });
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	start = seconds();
	assert_int_equal(revere_ami_sw_disable(ami_sw), -ETIMEDOUT);
	assert_true(seconds() - start >= 0.03);
	assert_int_equal(revere_ami_sw_disable(ami_sw), -ETIMEDOUT);
	start = seconds();
	assert_int_equal(revere_ami_sw_disable(ami_sw), -EIO);
	revere_ami_sw_destroy(ami_sw);
	assert_true(seconds() - start < 0.03);
	/* Memory that the device may write to is kept until it is stopped. */
	assert_true(ami_device_heap() > f.heap + SLOTS * MSG);
	revere_dev_close(f.dev);
	assert_int_equal(f.device.resets, 1);
	f.dev = NULL;
	unplug(&f);
}

static void
test_dead(void **state)
{
	struct fixture f;

	(void)state;
	plug(&f, "faults.command_stuck=1");
	assert_int_equal(revere_dev_open("test", &f.device.transport,
		&(struct revere_dev_conf){ .timeout_ms = 20 }, &f.dev), -ETIMEDOUT);
	f.dev = NULL;
	unplug(&f);
}

/* An answer that comes too late isn't taken for that of the next command. */
static void
test_late(void **state)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 0 };
	struct rvr_pf_probe_aha_rsp rsp;
	struct fixture f;

	(void)state;
	open_with(&f, "faults.response_late_us=200000", NULL);
	f.dev->mgt.timeout_ms = 5;
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, &rsp), -ETIMEDOUT);
	f.dev->mgt.timeout_ms = 1000;
	req.aha_id = 3;
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, &rsp), 0);
	assert_int_equal(rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT), RVR_AHA_DMA);
	/* Given up for good, and then all comes: the device is of use again. */
	f.dev->mgt.timeout_ms = 2;
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, &rsp), -ETIMEDOUT);
	while (!f.dev->mgt.broken)
		assert_true(revere_pf_probe_aha(f.dev, &req, &rsp) < 0);
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, &rsp), -EIO);
	usleep(400000);
	revere_emu_kick(f.device.emu);
	f.dev->mgt.timeout_ms = 1000;
	req.aha_id = 1;
	assert_int_equal(revere_pf_probe_aha(f.dev, &req, &rsp), 0);
	assert_int_equal(rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT), RVR_AHA_RNA);
	unplug(&f);
}

/* Answers get lost now and then: commands fail, but never with another's answer. */
static void
test_lost(void **state)
{
	struct rvr_pf_probe_aha_req req;
	struct rvr_pf_probe_aha_rsp rsp;
	unsigned int i, good = 0;
	struct fixture f;
	int ret;

	(void)state;
	open_with(&f, "faults.response_lost=4 faults.seed=5",
		&(struct revere_dev_conf){ .timeout_ms = 5 });
	for (i = 0; i < 100; i++) {
		req.aha_id = i % 2 * 3;
		ret = revere_pf_probe_aha(f.dev, &req, &rsp);
		assert_true(ret == 0 || ret == -ETIMEDOUT || ret == -EIO);
		if (ret != 0)
			continue;
		good++;
		assert_int_equal(rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT),
			req.aha_id == 3 ? RVR_AHA_DMA : RVR_AHA_INVERSION);
	}
	assert_true(good > 20);
	unplug(&f);
}

static void
test_wrong_opcode(void **state)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 3 };
	struct rvr_pf_probe_aha_rsp rsp;
	unsigned int i, good = 0, bad = 0;
	struct fixture f;
	int ret;

	(void)state;
	open_with(&f, "faults.response_wrong_op=4 faults.seed=5",
		&(struct revere_dev_conf){ .timeout_ms = 5 });
	for (i = 0; i < 100; i++) {
		ret = revere_pf_probe_aha(f.dev, &req, &rsp);
		bad += ret == -EIO;
		good += ret == 0;
		if (ret == 0)
			assert_int_equal(rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT), RVR_AHA_DMA);
	}
	assert_true(good > 20);
	assert_true(bad > 5);
	unplug(&f);
}

static void
test_wrong_opcode_at_open(void **state)
{
	struct fixture f;

	(void)state;
	plug(&f, "faults.response_wrong_op=1");
	assert_int_equal(revere_dev_open("test", &f.device.transport, NULL, &f.dev), -EIO);
	f.dev = NULL;
	unplug(&f);
}

/* ---- A transport that gives nonsense -------------------------------------------------------- */

struct nonsense {
	struct revere_transport transport;
	uint64_t regs[RVR_MGT_PAGE_SIZE / 8];
	uint64_t index; /* of the device's management indices */
	bool gone;
};

static uint64_t
nonsense_read64(struct revere_transport *transport, uint32_t offset)
{
	struct nonsense *n = container_of(transport, struct nonsense, transport);

	if (n->gone)
		return UINT64_MAX;
	if (offset == RVR_MGT_READ_INDEX_TX || (offset & ~0x18u) == RVR_MGT_WRITE_INDEX_RX)
		return n->index;
	return n->regs[offset / 8];
}

static void
nonsense_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	container_of(transport, struct nonsense, transport)->regs[offset / 8] = value;
}

static int
nonsense_reset(struct revere_transport *transport)
{
	(void)transport;
	return -ENOTSUP;
}

static const struct revere_transport_ops nonsense_ops = {
	.mgt_read64 = nonsense_read64,
	.mgt_write64 = nonsense_write64,
	.reset = nonsense_reset,
};

static void
test_nonsense(void **state)
{
	static const uint64_t indices[] = { 17, 1000, UINT64_C(1) << 32, UINT64_MAX,
		UINT64_MAX - 16 };
	static struct nonsense n;
	const struct revere_dev_conf conf = { .timeout_ms = 20 };
	struct revere_dev *dev;
	size_t heap, i;

	(void)state;
	n.gone = false;
	n.regs[RVR_AMU_AIDR / 8] = 0;
	n.regs[RVR_AMU_IDR / 8] = 0;
	n.transport = (struct revere_transport){ .ops = &nonsense_ops, .numa_node = -1 };
	heap = ami_device_heap();
	assert_int_equal(revere_dev_open("nonsense", &n.transport, &conf, &dev), -ENOTSUP);
	n.regs[RVR_AMU_AIDR / 8] = 0x30;
	/* No message length that could be. */
	assert_int_equal(revere_dev_open("nonsense", &n.transport, &conf, &dev), -ENOTSUP);
	n.regs[RVR_AMU_IDR / 8] = rvr_prep(RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH, 3) |
		rvr_prep(RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH, 8) |
		rvr_prep(RVR_AMU_IDR_MAX_LOG2_SIZE, 31);
	for (i = 0; i < RTE_DIM(indices); i++) {
		n.index = indices[i];
		assert_int_equal(revere_dev_open("nonsense", &n.transport, &conf, &dev), -EIO);
		assert_int_equal(ami_device_heap(), heap);
	}
	n.index = 0;
	assert_int_equal(revere_dev_open("nonsense", &n.transport, &conf, &dev), -ETIMEDOUT);
	n.gone = true;
	assert_int_equal(revere_dev_open("nonsense", &n.transport, &conf, &dev), -ENODEV);
	assert_int_equal(ami_device_heap(), heap);
}

/* ---- Trace, dump, numbers ------------------------------------------------------------------- */

static void
test_trace(void **state)
{
	struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH,
		.trace_ctl = RVR_TRACE_CTL_MESSAGES };
	struct revere_asn_end end = { .ams = 0 };
	struct revere_ami_sw *ami_sw;
	struct rvr_trace traces[8];
	uint8_t msg[MSG] = { 0 };
	struct revere_ring *tx;
	struct fixture f;

	(void)state;
	open_with(&f, "", NULL);
	assert_int_equal(revere_trace_poll(f.dev, traces, 8), -ENOTSUP);
	unplug(&f);
	open_with(&f, "", &(struct revere_dev_conf){ .trace_log2_size = 3 });
	assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sw), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_TX, 0), 0);
	assert_int_equal(ring_setup(ami_sw, RVR_AMS_RX, 0), 0);
	end.ami_sw = ami_sw;
	assert_int_equal(revere_asn_create(f.dev, &end, &end, &conf), 0);
	assert_int_equal(revere_ami_sw_enable(ami_sw), 0);
	tx = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, 0);
	assert_int_equal(revere_tx_push(tx, msg, 1), 1);
	assert_int_equal(revere_tx_push(tx, msg, 1), 1);
	assert_int_equal(revere_trace_poll(f.dev, traces, 8), 2);
	assert_int_equal(traces[0].opcode, RVR_TRACE_OPCODE);
	assert_int_equal(traces[1].index, traces[0].index + 1);
	assert_int_equal(traces[1].length, 8);
	assert_int_equal(revere_trace_poll(f.dev, traces, 8), 0);
	unplug(&f);
}

static void
test_dump(void **state)
{
	struct channel channel;
	struct fixture f;
	char *text = NULL;
	size_t size;
	FILE *file;

	(void)state;
	open_with(&f, "", NULL);
	channel_init(f.dev, &channel);
	file = open_memstream(&text, &size);
	assert_int_equal(revere_dev_dump(f.dev, file), 0);
	fclose(file);
	assert_non_null(strstr(text, "AMU_IDR"));
	assert_non_null(strstr(text, "inversion"));
	assert_non_null(strstr(text, "16 slots of 64 bytes"));
	assert_non_null(strstr(text, "-> AMI-HW 0 of agent 0 socket 0"));
	free(text);
	unplug(&f);
}

static void
test_many(void **state)
{
	const struct revere_asn_conf conf = { .log2_msg_length = LOG2_LENGTH };
	static struct revere_ami_sw *ami_sws[4095];
	struct revere_asn_end end = { .ams = 0 };
	struct fixture f;
	double start;
	size_t i;

	(void)state;
	open_with(&f, "num_ami_sw=4096", NULL);
	start = seconds();
	for (i = 0; i < RTE_DIM(ami_sws); i++) {
		assert_int_equal(revere_ami_sw_create(f.dev, NULL, &ami_sws[i]), 0);
		assert_int_equal(ring_setup(ami_sws[i], RVR_AMS_TX, 0), 0);
		assert_int_equal(ring_setup(ami_sws[i], RVR_AMS_RX, 0), 0);
		end.ami_sw = ami_sws[i];
		assert_true(revere_asn_create(f.dev, &end, &end, &conf) >= 0);
		assert_int_equal(revere_ami_sw_enable(ami_sws[i]), 0);
	}
	print_message("%zu contexts in %.2f s\n", i, seconds() - start);
	start = seconds();
	revere_dev_close(f.dev);
	print_message("closed in %.2f s\n", seconds() - start);
	f.dev = NULL;
	unplug(&f);
}

static int
run(const char *name, const char *settings)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_other_revision),
		cmocka_unit_test(test_second_bring_up),
		cmocka_unit_test(test_one_slot),
		cmocka_unit_test(test_agents),
		cmocka_unit_test(test_inversion),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ami_hw_limits),
		cmocka_unit_test(test_bad_sessions),
		cmocka_unit_test(test_taken_ids),
		cmocka_unit_test(test_ring_fault),
		cmocka_unit_test(test_faults_lost),
		cmocka_unit_test(test_wild_index),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_save_restore),
		cmocka_unit_test(test_pasid),
		cmocka_unit_test(test_vf),
		cmocka_unit_test(test_vf_restart),
		cmocka_unit_test(test_unknown_command),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_wrong_opcode),
		cmocka_unit_test(test_wrong_opcode_at_open),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_many),
	};

	base_settings = settings;
	return _cmocka_run_group_tests(name, tests, RTE_DIM(tests), NULL, NULL);
}

int
main(void)
{
	int failed;

	ami_device_eal();
	failed = run("type_a1", "ami_type=A1");
	failed += run("type_b", "ami_type=B");
	return failed;
}
