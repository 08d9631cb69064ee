/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Cases for dma/revere. Most of them enqueue random jobs on a device while a model on the CPU
 * does the same to a second copy of the memory: contents, order, indices and statuses have to
 * agree at any time, whatever faults the device was told to have.
 */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include <cmocka.h>

#include <bus_vdev_driver.h>
#include <rte_cycles.h>
#include <rte_dmadev.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <rte_malloc.h>

#include "dma_revere_cases.h"
#include "kernel.h"
#include "revere_dma.h"

#define ARENA 65536u /* bytes in each half */
#define JOBS 65536u  /* ring_idx values */
#define BURST 64
#define BLOCK 64u
#define BLOCKS (2 * ARENA / BLOCK)
#define PATIENCE_S 20 /* for what has to come */

#ifdef __SANITIZE_THREAD__
/* EAL's interrupt thread lets go of a file with a spinlock that TSan doesn't see. */
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return "race:^events_stop$\n";
}
#endif

static const char *device_args;
static unsigned int scale;
static uint64_t random_state = 0x5eed;
static uint64_t operations; /**< of all cases: jobs that were reported and found right */

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((random_state >> 33) % below);
}

/* ---- A channel and its model ------------------------------------------------------------- */

struct chan {
	int16_t dev;
	uint16_t vchan;
	uint16_t nb_desc;
	uint64_t head, tail; /**< jobs enqueued, jobs reported */
	uint8_t *memory;     /**< two halves of ARENA bytes, which the device works on */
	uint8_t *model;
	bool fails[JOBS];     /**< by ring_idx: the job must fail */
	bool failed[JOBS];    /**< by ring_idx: it did, when it was reported */
	bool unsure;	      /**< jobs may fail, and what they do isn't known: no contents */
	bool split;	      /**< CPU and device share the work: order is what fences say */
	uint32_t epoch;	      /**< fences enqueued */
	uint32_t wrote[BLOCKS], read[BLOCKS]; /**< epoch of the last access to a block */
	uint64_t bytes;	      /**< of jobs that are to succeed */
	uint64_t failures;    /**< reported */
	LIST_ENTRY(chan) next;
};

/** All that are open: what a case that failed has left. */
static LIST_HEAD(, chan) chans_open = LIST_HEAD_INITIALIZER(chans_open);

static struct revere_dma_vchan *
inside(const struct chan *chan)
{
	struct revere_dma_dev *dma = rte_dma_fp_objs[chan->dev].dev_private;

	return &dma->vchans[chan->vchan];
}

static int16_t
device_open(const char *args)
{
	char all[512];
	int dev;

	/* Cases that don't say otherwise are about the device. */
	snprintf(all, sizeof(all), "%s%s%s%s", device_args, args[0] == '\0' ? "" : ",", args,
		 strstr(args, "threshold=") == NULL ? ",threshold=off" : "");
	if (rte_vdev_init("dma_revere_test", all) != 0)
		return -1;
	dev = rte_dma_get_dev_id_by_name("dma_revere_test");
	assert_true(dev >= 0);
	return (int16_t)dev;
}

static void
device_close(void)
{
	assert_int_equal(rte_vdev_uninit("dma_revere_test"), 0);
	assert_int_equal(rte_dma_get_dev_id_by_name("dma_revere_test"), -EINVAL);
}

static void
vchans_setup(int16_t dev, uint16_t count, uint16_t nb_desc)
{
	const struct rte_dma_conf conf = {.nb_vchans = count};
	const struct rte_dma_vchan_conf vchan_conf = {
		.direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = nb_desc,
	};
	uint16_t i;

	assert_int_equal(rte_dma_configure(dev, &conf), 0);
	for (i = 0; i < count; i++)
		assert_int_equal(rte_dma_vchan_setup(dev, i, &vchan_conf), 0);
	assert_int_equal(rte_dma_start(dev), 0);
}

static void
chan_begin(struct chan *chan)
{
	uint32_t i;

	for (i = 0; i < 2 * ARENA; i++)
		chan->memory[i] = chan->model[i] = (uint8_t)rnd(256);
	chan->head = 0;
	chan->tail = 0;
	chan->failures = 0;
	chan->bytes = 0;
	chan->epoch++;
	memset(chan->fails, 0, sizeof(chan->fails));
}

static struct chan *
chan_new(int16_t dev, uint16_t vchan, uint16_t nb_desc)
{
	struct chan *chan = calloc(1, sizeof(*chan));

	assert_non_null(chan);
	LIST_INSERT_HEAD(&chans_open, chan, next);
	chan->dev = dev;
	chan->vchan = vchan;
	chan->nb_desc = nb_desc;
	chan->memory = rte_malloc(NULL, 2 * ARENA, 0);
	chan->model = malloc(2 * ARENA);
	assert_non_null(chan->memory);
	assert_non_null(chan->model);
	chan_begin(chan);
	return chan;
}

static void
chan_free(struct chan *chan)
{
	LIST_REMOVE(chan, next);
	rte_free(chan->memory);
	free(chan->model);
	free(chan);
}

/** A device with one vchan, started. */
static struct chan *
chan_open(const char *args, uint16_t nb_desc)
{
	int16_t dev = device_open(args);

	assert_true(dev >= 0);
	vchans_setup(dev, 1, nb_desc);
	return chan_new(dev, 0, nb_desc);
}

/** The same on a device that is taken for one in another process, which can change its rings. */
static struct chan *
chan_open_foreign(const char *args, uint16_t nb_desc)
{
	int16_t dev = device_open(args);
	struct revere_dma_dev *dma;

	assert_true(dev >= 0);
	dma = rte_dma_fp_objs[dev].dev_private;
	dma->sva = false;
	vchans_setup(dev, 1, nb_desc);
	return chan_new(dev, 0, nb_desc);
}

static void
chan_close(struct chan *chan)
{
	int16_t dev = chan->dev;

	chan_free(chan);
	assert_int_equal(rte_dma_stop(dev), 0);
	device_close();
}

static rte_iova_t
iova(const struct chan *chan, uint32_t at)
{
	return (rte_iova_t)(uintptr_t)(chan->memory + at);
}

/** Checks what enqueueing answered, and counts. */
static bool
enqueued(struct chan *chan, int ret, bool fails)
{
	if (chan->head - chan->tail == chan->nb_desc) {
		assert_int_equal(ret, -ENOSPC);
		return false;
	}
	assert_int_equal(ret, (uint16_t)chan->head);
	chan->fails[(uint16_t)chan->head] = fails;
	chan->head++;
	return true;
}

/** Whether a range was accessed since the last fence. */
static bool
touched(const struct chan *chan, const uint32_t *epochs, uint32_t at, uint32_t length)
{
	uint32_t block;

	for (block = at / BLOCK; block <= (at + length - 1) / BLOCK; block++) {
		if (epochs[block] == chan->epoch)
			return true;
	}
	return false;
}

static void
touch(struct chan *chan, uint32_t *epochs, uint32_t at, uint32_t length)
{
	uint32_t block;

	for (block = at / BLOCK; block <= (at + length - 1) / BLOCK; block++)
		epochs[block] = chan->epoch;
}

/** Flags of a job on these ranges: with a fence, if it depends on jobs since the last one. */
static uint64_t
fenced(const struct chan *chan, uint64_t flags, uint32_t src, uint32_t src_length, uint32_t dst,
       uint32_t length)
{
	if (!chan->split)
		return flags;
	if (touched(chan, chan->wrote, dst, length) || touched(chan, chan->read, dst, length) ||
	    (src_length > 0 && touched(chan, chan->wrote, src, src_length)))
		flags |= RTE_DMA_OP_FLAG_FENCE;
	return flags;
}

/** A job with these flags was accepted. */
static void
accepted(struct chan *chan, uint64_t flags, uint32_t src, uint32_t src_length, uint32_t dst,
	 uint32_t length)
{
	chan->bytes += length;
	if (!chan->split)
		return;
	if (flags & RTE_DMA_OP_FLAG_FENCE)
		chan->epoch++;
	touch(chan, chan->wrote, dst, length);
	if (src_length > 0)
		touch(chan, chan->read, src, src_length);
}

/** A place for @p length bytes in one half. */
static uint32_t
place(uint32_t half, uint32_t length)
{
	return half * ARENA + rnd(ARENA - length + 1);
}

static bool
copy_random(struct chan *chan, uint32_t max_length, uint64_t flags)
{
	uint32_t length = 1 + rnd(max_length), half = rnd(2);
	uint32_t src = place(half, length), dst = place(1 - half, length);

	flags = fenced(chan, flags, src, length, dst, length);
	if (!enqueued(chan,
		      rte_dma_copy(chan->dev, chan->vchan, iova(chan, src), iova(chan, dst),
				   length, flags),
		      false))
		return false;
	accepted(chan, flags, src, length, dst, length);
	memcpy(chan->model + dst, chan->model + src, length);
	return true;
}

/** A copy whose source or destination is no address. */
static bool
copy_bad(struct chan *chan, uint64_t flags)
{
	uint32_t length = 1 + rnd(100);
	bool src = rnd(2);

	if (!enqueued(chan,
		      rte_dma_copy(chan->dev, chan->vchan, src ? 0 : iova(chan, 0),
				   src ? iova(chan, ARENA) : 0, length, flags),
		      true))
		return false;
	if (flags & RTE_DMA_OP_FLAG_FENCE)
		chan->epoch++;
	touch(chan, chan->read, 0, length);
	return true;
}

static bool
fill_random(struct chan *chan, uint32_t max_length, uint64_t flags)
{
	uint32_t i, length = 1 + rnd(max_length), dst = place(rnd(2), length);
	uint64_t pattern = ((uint64_t)rnd(UINT32_MAX) << 32) | rnd(UINT32_MAX);

	flags = fenced(chan, flags, 0, 0, dst, length);
	if (!enqueued(chan,
		      rte_dma_fill(chan->dev, chan->vchan, pattern, iova(chan, dst), length, flags),
		      false))
		return false;
	accepted(chan, flags, 0, 0, dst, length);
	for (i = 0; i < length; i++)
		chan->model[dst + i] = ((const uint8_t *)&pattern)[i % 8];
	return true;
}

/** Cuts @p total bytes into up to @p max segments, one behind the other, in a random order. */
static uint16_t
sg_cut(const struct chan *chan, struct rte_dma_sge *sge, uint16_t max, uint32_t at, uint32_t total)
{
	uint16_t i, j, count = (uint16_t)(1 + rnd(RTE_MIN(max, total)));
	struct rte_dma_sge swap;
	uint32_t left = total, length;

	for (i = 0; i < count; i++) {
		length = i == count - 1 ? left : 1 + rnd(left - (count - 1 - i));
		sge[i].addr = iova(chan, at);
		sge[i].length = length;
		at += length;
		left -= length;
	}
	for (i = 0; i < count; i++) {
		j = (uint16_t)rnd(count);
		swap = sge[i];
		sge[i] = sge[j];
		sge[j] = swap;
	}
	return count;
}

static bool
sg_random(struct chan *chan, uint32_t max_length, uint16_t max_sges, bool bad, uint64_t flags)
{
	struct rte_dma_sge src[REVERE_DMA_MAX_SGES], dst[REVERE_DMA_MAX_SGES];
	uint32_t i, length = 1 + rnd(max_length), half = rnd(2);
	uint32_t from = place(half, length), to = place(1 - half, length);
	uint16_t nb_src = sg_cut(chan, src, max_sges, from, length);
	uint16_t nb_dst = sg_cut(chan, dst, max_sges, to, length);
	uint8_t *flat;
	int ret;

	flags = fenced(chan, flags, from, length, to, length);
	if (bad)
		src[rnd(nb_src)].addr = 0;
	ret = rte_dma_copy_sg(chan->dev, chan->vchan, src, dst, nb_src, nb_dst, flags);
	/* Long lists may need more than is left for jobs of one operation. */
	if (ret == -ENOSPC)
		return false;
	if (!enqueued(chan, ret, bad))
		return false;
	/* What a job that fails has copied isn't known. */
	if (bad) {
		chan->unsure = true;
		return true;
	}
	accepted(chan, flags, from, length, to, length);
	flat = malloc(length);
	assert_non_null(flat);
	for (i = 0, length = 0; i < nb_src; i++) {
		memcpy(flat + length, chan->model + (src[i].addr - iova(chan, 0)), src[i].length);
		length += src[i].length;
	}
	for (i = 0, length = 0; i < nb_dst; i++) {
		memcpy(chan->model + (dst[i].addr - iova(chan, 0)), flat + length, dst[i].length);
		length += dst[i].length;
	}
	free(flat);
	return true;
}

/** Checks one reported job. */
static void
job_check(struct chan *chan, enum rte_dma_status_code status)
{
	bool failed = status != RTE_DMA_STATUS_SUCCESSFUL;

	assert_true(chan->tail < chan->head);
	if (failed != chan->fails[(uint16_t)chan->tail] && (!failed || !chan->unsure)) {
		rte_dma_dump(chan->dev, stderr);
		fail_msg("job %u has status %d", (unsigned int)chan->tail, status);
	}
	chan->failed[(uint16_t)chan->tail] = failed;
	chan->failures += failed;
	chan->tail++;
	operations++;
}

static void
reap_status(struct chan *chan, uint16_t most)
{
	enum rte_dma_status_code status[BURST];
	uint16_t i, count, last = 0x5555;

	count = rte_dma_completed_status(chan->dev, chan->vchan, most, &last, status);
	assert_true(count <= most);
	for (i = 0; i < count; i++)
		job_check(chan, status[i]);
	assert_int_equal(last, (uint16_t)(chan->tail - 1));
}

/** Takes up to @p most jobs off the channel, one way or the other. */
static uint16_t
reap(struct chan *chan, uint16_t most)
{
	uint64_t before = chan->tail;
	bool has_error = true;
	uint16_t i, count, last = 0x5555;

	if (rnd(4) == 0) {
		reap_status(chan, most);
		return (uint16_t)(chan->tail - before);
	}
	count = rte_dma_completed(chan->dev, chan->vchan, most, &last, &has_error);
	assert_true(count <= most);
	for (i = 0; i < count; i++)
		job_check(chan, RTE_DMA_STATUS_SUCCESSFUL);
	assert_int_equal(last, (uint16_t)(chan->tail - 1));
	if (has_error) {
		/* Asked again it says the same, until the status is taken. */
		assert_true(count < most);
		assert_int_equal(rte_dma_completed(chan->dev, chan->vchan, most, &last,
						   &has_error), 0);
		assert_true(has_error);
		assert_int_equal(last, (uint16_t)(chan->tail - 1));
		before = chan->failures;
		reap_status(chan, 1);
		assert_int_equal(chan->failures, before + 1);
		count++;
	}
	return count;
}

/** Submits and waits for all jobs. */
static void
drain(struct chan *chan)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	enum rte_dma_vchan_status status;

	assert_int_equal(rte_dma_submit(chan->dev, chan->vchan), 0);
	while (chan->tail < chan->head) {
		if (reap(chan, BURST) == 0 && rte_get_timer_cycles() > end)
			fail_msg("%u of %u jobs left", (unsigned int)(chan->head - chan->tail),
				 (unsigned int)chan->head);
	}
	assert_int_equal(rte_dma_vchan_status(chan->dev, chan->vchan, &status), 0);
	assert_int_equal(status, RTE_DMA_VCHAN_IDLE);
	assert_int_equal(rte_dma_burst_capacity(chan->dev, chan->vchan), chan->nb_desc);
	chan->epoch++;
}

/** Compares memories of a channel at rest, and its statistics. */
static void
chan_verify(struct chan *chan)
{
	struct rte_dma_stats stats;

	if (!chan->unsure)
		assert_memory_equal(chan->memory, chan->model, 2 * ARENA);
	assert_int_equal(rte_dma_stats_get(chan->dev, chan->vchan, &stats), 0);
	assert_int_equal(stats.submitted, chan->head);
	assert_int_equal(stats.completed, chan->tail);
	assert_int_equal(stats.errors, chan->failures);
}

enum mix {
	MIX_COPY = 1,
	MIX_FILL = 2,
	MIX_SG = 4,
	MIX_BAD = 8, /* jobs that fail */
};

static bool
job_random(struct chan *chan, unsigned int mix, uint32_t max_length)
{
	uint64_t flags = (rnd(8) == 0 ? RTE_DMA_OP_FLAG_SUBMIT : 0) |
			 (rnd(8) == 0 ? RTE_DMA_OP_FLAG_FENCE : 0);

	if ((mix & MIX_BAD) && rnd(10) == 0)
		return copy_bad(chan, flags);
	if ((mix & MIX_SG) && rnd(3) == 0)
		return sg_random(chan, max_length, (uint16_t)(1 + rnd(REVERE_DMA_MAX_SGES)), false,
				 flags);
	if ((mix & MIX_FILL) && rnd(3) == 0)
		return fill_random(chan, max_length, flags);
	return copy_random(chan, max_length, flags);
}

/** @p jobs random jobs in bursts of random size, with submits and polls in between. */
static void
stress(struct chan *chan, unsigned int jobs, unsigned int mix, uint32_t max_length)
{
	uint64_t end = chan->head + jobs;
	uint16_t capacity;
	uint32_t burst;

	while (chan->head < end) {
		for (burst = rnd(2 * BURST); burst > 0; burst--) {
			capacity = rte_dma_burst_capacity(chan->dev, chan->vchan);
			assert_int_equal(capacity, chan->nb_desc - (chan->head - chan->tail));
			if (!job_random(chan, mix, max_length))
				break;
			assert_int_equal(rte_dma_burst_capacity(chan->dev, chan->vchan),
					 capacity - 1);
		}
		if (rnd(4) > 0)
			assert_int_equal(rte_dma_submit(chan->dev, chan->vchan), 0);
		if (rnd(3) > 0)
			reap(chan, (uint16_t)(1 + rnd(BURST)));
		if (rnd(100) == 0) {
			drain(chan);
			chan_verify(chan);
		}
	}
	drain(chan);
	chan_verify(chan);
}

/* ---- Devices that don't work ---------------------------------------------------------------- */

static int
reset_fails(struct revere_transport *transport)
{
	RTE_SET_USED(transport);
	return -EIO;
}

/** Commands aren't executed any more, and a reset doesn't help; or all is as it was. */
static void
device_break(const struct chan *chan, bool broken)
{
	static const struct revere_transport_ops *ops;
	static struct revere_transport_ops lame;
	static uint64_t cr;
	struct revere_dev *dev = inside(chan)->dma->dev;
	struct revere_transport *transport = revere_dev_transport(dev);

	if (broken) {
		cr = revere_dev_reg_read(dev, RVR_AMU_CR);
		ops = transport->ops;
		lame = *ops;
		lame.reset = reset_fails;
		transport->ops = &lame;
	} else {
		transport->ops = ops;
	}
	revere_dev_reg_write(dev, RVR_AMU_CR, broken ? 0 : cr);
}

/** The device is reset by somebody else. */
static void
device_reset(void)
{
	struct revere_device *device = revere_device_find("dma_revere_test");
	struct revere_transport *transport = revere_dev_transport(revere_device_dev(device));

	assert_int_equal(transport->ops->reset(transport), 0);
	revere_device_put(device);
}

/** After one more message there is no slot any more, and the ring is found to be broken. */
static void
ring_break(const struct chan *chan)
{
	struct revere_ring *tx = inside(chan)->tx;

	tx->seen = tx->own - tx->mask;
	tx->broken = true;
}

/** The device was reset, maybe with nothing in flight: then the next job meets that. */
static void
reset_meet(struct chan *chan)
{
	int ret = rte_dma_copy(chan->dev, chan->vchan, iova(chan, 0), iova(chan, ARENA), 8,
			       RTE_DMA_OP_FLAG_SUBMIT);

	if (ret != -EIO)
		enqueued(chan, ret, false);
	drain(chan);
}

/* ---- Cases ---------------------------------------------------------------------------------- */

static void
info_tells_the_truth(void **state)
{
	struct rte_dma_info info;
	int16_t dev = device_open("");

	(void)state;
	assert_true(dev >= 0);
	assert_int_equal(rte_dma_info_get(dev, &info), 0);
	assert_int_equal(info.dev_capa,
			 RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_SVA | RTE_DMA_CAPA_HANDLES_ERRORS |
				 RTE_DMA_CAPA_OPS_COPY | RTE_DMA_CAPA_OPS_COPY_SG |
				 RTE_DMA_CAPA_OPS_FILL);
	assert_int_equal(info.min_desc, REVERE_DMA_MIN_DESC);
	assert_int_equal(info.max_desc, REVERE_DMA_MAX_DESC);
	assert_int_equal(info.max_sges, REVERE_DMA_MAX_SGES);
	assert_int_equal(info.max_vchans, REVERE_DMA_MAX_VCHANS);
	device_close();
}

static void
jobs_of_all_kinds(void **state)
{
	static const uint16_t sizes[] = {32, 33, 100, 512, 1000, 4096, 32768};
	struct chan *chan;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		chan = chan_open("", sizes[i]);
		stress(chan, 5000 * scale, MIX_COPY, 4096);
		stress(chan, 5000 * scale, MIX_COPY | MIX_FILL | MIX_SG, 512);
		stress(chan, 5000 * scale, MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 200);
		chan_close(chan);
	}
}

/** Devices differ in the length of messages, rings, and in how they show indices. */
static void
devices_of_all_kinds(void **state)
{
	static const char *const kinds[] = {
		"ami_type=B",
		"max_log2_msg_length=3",
		"max_log2_msg_length=4,max_log2_size=9",
		"max_log2_msg_length=6",
		"min_log2_msg_length=5",
		"min_log2_msg_length=8",
		"num_ams=1,num_ami_sw=1",
	};
	struct chan *chan;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(kinds); i++) {
		chan = chan_open(kinds[i], 200);
		stress(chan, 5000 * scale, MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 300);
		chan_close(chan);
	}
}

static void
ring_idx_wraps(void **state)
{
	struct chan *chan = chan_open("", 1024);

	(void)state;
	stress(chan, 150000, MIX_COPY | MIX_BAD, 16);
	chan_close(chan);
}

/** Exactly nb_desc jobs fit, however they are submitted, and polls alone make no room. */
static void
full_ring_refuses(void **state)
{
	static const uint16_t sizes[] = {32, 33, 100, 1000, 4096, 32768};
	unsigned int i, round, submit_every;
	enum rte_dma_vchan_status status;
	struct chan *chan;

	(void)state;
	for (i = 0; i < RTE_DIM(sizes); i++) {
		chan = chan_open("", sizes[i]);
		for (round = 0; round < 6; round++) {
			submit_every = round % 3 == 0 ? 1 : round % 3 == 1 ? 7 : 100000;
			while (copy_random(chan, 64,
				chan->head % submit_every == 0 ? RTE_DMA_OP_FLAG_SUBMIT : 0))
				;
			assert_int_equal(chan->head - chan->tail, sizes[i]);
			assert_int_equal(rte_dma_vchan_status(chan->dev, 0, &status), 0);
			assert_int_equal(rte_dma_burst_capacity(chan->dev, 0), 0);
			assert_false(copy_random(chan, 64, 0));
			drain(chan);
			chan_verify(chan);
		}
		chan_close(chan);
	}
}

static void
failures_come_in_turn(void **state)
{
	static const unsigned int at[] = {0, 7, 14, 15, 40, 41, 42, 63};
	enum rte_dma_status_code status[BURST];
	unsigned int i, j, has_error_at;
	struct chan *chan = chan_open("", 512);
	uint16_t last;
	bool has_error;

	(void)state;
	for (i = 0; i < RTE_DIM(at); i++) {
		has_error_at = (uint16_t)(chan->head + at[i]);
		for (j = 0; j < BURST; j++)
			assert_true(j == at[i] ? copy_bad(chan, 0) : copy_random(chan, 64, 0));
		rte_dma_submit(chan->dev, 0);
		has_error = false;
		for (j = 0; !has_error;)
			j += rte_dma_completed(chan->dev, 0, BURST, &last, &has_error);
		assert_int_equal(j, at[i]);
		assert_int_equal(last, (uint16_t)(has_error_at - 1));
		while (inside(chan)->done != inside(chan)->submitted)
			revere_dma_poll(inside(chan));
		assert_int_equal(rte_dma_completed_status(chan->dev, 0, BURST, &last, status),
				 BURST - at[i]);
		assert_true(status[0] == RTE_DMA_STATUS_INVALID_SRC_ADDR ||
			    status[0] == RTE_DMA_STATUS_INVALID_DST_ADDR);
		for (j = 1; j < BURST - at[i]; j++)
			assert_int_equal(status[j], RTE_DMA_STATUS_SUCCESSFUL);
		chan->tail = chan->head;
		chan->failures++;
	}
	chan_verify(chan);
	chan_close(chan);
}

/** A job of several operations fails if one of them does, in whichever message that is. */
static void
scattered_jobs_fail_whole(void **state)
{
	struct chan *chan = chan_open("", 256);
	unsigned int i;

	(void)state;
	for (i = 0; i < 2000 * scale; i++) {
		if (rnd(3) == 0)
			sg_random(chan, 1000, REVERE_DMA_MAX_SGES, true, 0);
		else if (rnd(2) == 0)
			sg_random(chan, 1000, REVERE_DMA_MAX_SGES, false, 0);
		else
			copy_random(chan, 100, 0);
		/* Exactly those are to fail, though contents aren't known. */
		chan->unsure = false;
		if (rnd(10) == 0)
			rte_dma_submit(chan->dev, 0);
		while (chan->head - chan->tail > 100 || rnd(4) == 0)
			rte_dma_submit(chan->dev, 0), reap(chan, BURST);
	}
	drain(chan);
	chan->unsure = true;
	chan_verify(chan);
	assert_true(chan->failures > 0);
	chan_close(chan);
}

static void
bad_arguments_are_refused(void **state)
{
	struct chan *chan = chan_open("", 64);
	struct rte_dma_sge src[REVERE_DMA_MAX_SGES + 1], dst[REVERE_DMA_MAX_SGES + 1];
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(src); i++) {
		src[i] = (struct rte_dma_sge){.addr = iova(chan, i * 8), .length = 8};
		dst[i] = (struct rte_dma_sge){.addr = iova(chan, ARENA + i * 8), .length = 8};
	}
	assert_int_equal(
		rte_dma_copy(chan->dev, 0, iova(chan, 0), iova(chan, ARENA), 0, 0), -EINVAL);
	assert_int_equal(rte_dma_fill(chan->dev, 0, 1, dst[0].addr, 0, 0), -EINVAL);
	assert_int_equal(rte_dma_copy_sg(chan->dev, 0, src, dst, 0, 1, 0), -EINVAL);
	assert_int_equal(rte_dma_copy_sg(chan->dev, 0, src, dst, 1, 0, 0), -EINVAL);
	assert_int_equal(rte_dma_copy_sg(chan->dev, 0, src, dst, REVERE_DMA_MAX_SGES + 1,
					 REVERE_DMA_MAX_SGES + 1, 0), -EINVAL);
	assert_int_equal(rte_dma_copy_sg(chan->dev, 0, src, dst, 2, 1, 0), -EINVAL);
	dst[3].length = 0;
	assert_int_equal(rte_dma_copy_sg(chan->dev, 0, src, dst, 4, 4, 0), -EINVAL);
	assert_int_equal(rte_dma_burst_capacity(chan->dev, 0), 64);
	chan_verify(chan);
	chan_close(chan);
}

/** Answers that are damaged, late, missing: each job is reported, once, in order. */
static void
faulty_devices_hang_nobody(void **state)
{
	static const char *const faults[] = {
		"faults.answer_corrupt=3",
		"faults.answer_corrupt=1",
		"faults.answer_late_us=300",
		"faults.answer_lost=5,answer_timeout_ms=20",
		"faults.answer_lost=1,answer_timeout_ms=20",
		"faults.dma_fault=10",
		"faults.index_wild=40,answer_timeout_ms=20",
		("faults.answer_lost=7,faults.answer_corrupt=5,faults.answer_late_us=50,"
		 "faults.index_wild=100,faults.dma_fault=50,answer_timeout_ms=20"),
	};
	struct chan *chan;
	unsigned int i, seed;
	char args[256];

	(void)state;
	for (i = 0; i < RTE_DIM(faults); i++) {
		for (seed = 1; seed <= 2; seed++) {
			snprintf(args, sizeof(args), "%s,faults.seed=%u", faults[i], seed);
			chan = chan_open(args, 256);
			chan->unsure = true;
			stress(chan, 1000 * scale, MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 200);
			if (i != 2)
				assert_true(chan->failures > 0);
			chan_close(chan);
		}
	}
}

/** Writes an answer to what was answered long ago, as the device does. */
static void
stray_write(struct revere_dma_vchan *vchan, uint64_t *index)
{
	struct rvr_dma_batch_answer *answer = RTE_PTR_ADD(vchan->rx->base,
		(*index & vchan->rx->mask) << vchan->rx->msg_shift);

	memset(answer, 0, sizeof(*answer));
	answer->cookie = rvr_cpu_le64(revere_dma_cookie(vchan, vchan->answered - 1));
	__atomic_store_n(index, *index + 1, __ATOMIC_RELEASE);
}

/**
 * The answer to a job doesn't come; others do, at every so many polls.
 *
 * The driver looks at indices of the test instead of the device's, until it has reset these.
 */
static void
job_waits_among_strays(unsigned int polls)
{
	struct chan *chan = chan_open("answer_timeout_ms=20", 64);
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	struct revere_dma_vchan *vchan = inside(chan);
	struct revere_ring *rx = vchan->rx;
	struct revere_ring real;
	uint64_t index, own;
	unsigned int i;

	stress(chan, 100, MIX_COPY, 500);
	drain(chan);
	real = *rx;
	index = rx->seen;
	rx->seen_src = &index;
	rx->own_reg = &own;
	chan->unsure = true;
	assert_true(copy_random(chan, 64, RTE_DMA_OP_FLAG_SUBMIT));
	/* It is in the ring, so that it isn't in the way of strays. */
	while (revere_ring_device_index(&real) == index)
		assert_true(rte_get_timer_cycles() < end);
	for (i = 0; vchan->faults.recovers == 0; i++) {
		if (i % polls == 0)
			stray_write(vchan, &index);
		assert_int_equal(vchan->done, vchan->head - 1);
		revere_dma_poll(vchan);
		assert_true(rte_get_timer_cycles() < end);
	}
	rx->seen_src = real.seen_src;
	rx->own_reg = real.own_reg;
	assert_true(vchan->faults.stray > 0);
	drain(chan);
	assert_int_equal(chan->failures, 1);
	stress(chan, 100, MIX_COPY, 500);
	chan_close(chan);
}

static void
strays_are_no_answers(void **state)
{
	(void)state;
	job_waits_among_strays(1);
	job_waits_among_strays(2);
	job_waits_among_strays(255);
}

/** However many polls there were: what they are counted with is of no importance. */
static void
polls_put_nothing_off(void **state)
{
	struct chan *chan = chan_open("faults.answer_lost=1,answer_timeout_ms=20", 64);
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();

	(void)state;
	chan->unsure = true;
	assert_true(copy_random(chan, 64, RTE_DMA_OP_FLAG_SUBMIT));
	while (inside(chan)->faults.recovers == 0) {
		inside(chan)->idle_polls = 255;
		revere_dma_poll(inside(chan));
		assert_true(rte_get_timer_cycles() < end);
	}
	drain(chan);
	assert_int_equal(chan->failures, 1);
	chan_close(chan);
}

/** A device that takes nothing more, neither jobs nor commands. */
static void
dead_device_fails_all(void **state)
{
	struct chan *chan = chan_open("faults.answer_lost=1,answer_timeout_ms=20", 64);
	enum rte_dma_vchan_status status;

	(void)state;
	chan->unsure = true;
	while (copy_random(chan, 64, 0))
		;
	device_break(chan, true);
	rte_dma_submit(chan->dev, 0);
	while (chan->tail < chan->head)
		reap(chan, BURST);
	assert_int_equal(chan->failures, 64);
	assert_int_equal(rte_dma_copy(chan->dev, 0, iova(chan, 0), iova(chan, ARENA), 8, 0), -EIO);
	assert_int_equal(rte_dma_burst_capacity(chan->dev, 0), 0);
	assert_int_equal(rte_dma_vchan_status(chan->dev, 0, &status), 0);
	assert_int_equal(status, RTE_DMA_VCHAN_HALTED_ERROR);
	device_break(chan, false);
	chan_close(chan);
}

/** Log lines of our components that something makes. */
static unsigned int
lines_said(int (*what)(int16_t dev), int16_t dev, int expected)
{
	uint32_t level = rte_log_get_global_level();
	unsigned int lines = 0;
	size_t size = 0;
	char *text = NULL, *line;
	FILE *file = open_memstream(&text, &size), *before = rte_log_get_stream();

	assert_non_null(file);
	rte_log_set_global_level(RTE_LOG_INFO);
	rte_log_set_level(revere_dma_logtype, RTE_LOG_NOTICE);
	rte_openlog_stream(file);
	assert_int_equal(what(dev), expected);
	rte_openlog_stream(before);
	rte_log_set_global_level(level);
	rte_log_set_level(revere_dma_logtype, level);
	fclose(file);
	for (line = text; (line = strstr(line, "REVERE")) != NULL; line = strchr(line, '\n'))
		lines++;
	if (lines != 1)
		print_message("%s", text);
	free(text);
	return lines;
}

static int
device_start(int16_t dev)
{
	return rte_dma_start(dev);
}

static int
device_stop(int16_t dev)
{
	return rte_dma_stop(dev);
}

/** Commands that the device still hears of, and how it would hear of them. */
static unsigned int heard;
static void (*hear)(struct revere_transport *transport, uint32_t offset, uint64_t value);

static void
hear_so_many(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	if (offset == RVR_MGT_WRITE_INDEX_TX && heard-- == 0)
		heard = 0;
	else
		hear(transport, offset, value);
}

/** A device that takes no command: one line each time, and the next start looks after it. */
static void
stuck_devices_are_told_once(void **state)
{
	int16_t dev = device_open("command_timeout_ms=30");
	const struct revere_transport_ops *ops;
	static struct revere_transport_ops deaf;
	struct revere_transport *transport;
	unsigned int commands;

	(void)state;
	assert_true(dev >= 0);
	/* On a device with a thread 30 ms may be too short for any command. */
	if (strstr(device_args, "inline") == NULL) {
		device_close();
		skip();
	}
	transport = revere_dev_transport(
		((struct revere_dma_dev *)rte_dma_fp_objs[dev].dev_private)->dev);
	ops = transport->ops;
	deaf = *ops;
	hear = ops->mgt_write64;
	deaf.mgt_write64 = hear_so_many;
	vchans_setup(dev, 2, 64);
	assert_int_equal(rte_dma_stop(dev), 0);
	transport->ops = &deaf;
	heard = 1000;
	assert_int_equal(rte_dma_start(dev), 0);
	commands = 1000 - heard;
	heard = 1000;
	assert_int_equal(rte_dma_stop(dev), 0);
	assert_true(commands > 3);

	/* Once with nothing to undo, once when one of two vchans has been started. */
	heard = 0;
	assert_int_equal(lines_said(device_start, dev, -ETIMEDOUT), 1);
	heard = 1000;
	assert_int_equal(rte_dma_start(dev), 0);
	assert_int_equal(rte_dma_stop(dev), 0);
	heard = commands - 1;
	assert_int_equal(lines_said(device_start, dev, -ETIMEDOUT), 1);
	heard = 1000;
	assert_int_equal(rte_dma_start(dev), 0);
	assert_int_equal(rte_dma_stop(dev), 0);

	vchans_setup(dev, 1, 64);
	heard = 0;
	assert_int_equal(lines_said(device_stop, dev, 0), 1);
	heard = 1000;
	assert_int_equal(rte_dma_start(dev), 0);
	transport->ops = ops;
	chan_close(chan_new(dev, 0, 64));
}

static void
stop_with_jobs_in_flight(void **state)
{
	struct chan *chan = chan_open("faults.answer_late_us=500", 512);
	struct rte_dma_stats stats;
	unsigned int i, jobs;

	(void)state;
	for (i = 0; i < 50 * scale; i++) {
		for (jobs = rnd(600); jobs > 0; jobs--)
			copy_random(chan, 4096, rnd(20) == 0 ? RTE_DMA_OP_FLAG_SUBMIT : 0);
		if (rnd(2) == 0)
			rte_dma_submit(chan->dev, 0);
		if (rnd(2) == 0)
			reap(chan, 10);
		assert_int_equal(rte_dma_stop(chan->dev), 0);
		/* Nobody writes there any more. */
		chan_begin(chan);
		assert_int_equal(rte_dma_stats_get(chan->dev, 0, &stats), 0);
		assert_int_equal(stats.submitted, stats.completed);
		assert_int_equal(rte_dma_start(chan->dev), 0);
		assert_int_equal(rte_dma_stats_get(chan->dev, 0, &stats), 0);
		assert_int_equal(stats.submitted, 0);
		if (rnd(3) == 0)
			stress(chan, 100, MIX_COPY | MIX_BAD, 500);
	}
	chan_close(chan);
}

static void
vchans_stand_alone(void **state)
{
	struct chan *chans[REVERE_DMA_MAX_VCHANS];
	struct rte_dma_stats stats, sum = {0};
	int16_t dev = device_open("");
	unsigned int i, j;

	(void)state;
	assert_true(dev >= 0);
	vchans_setup(dev, RTE_DIM(chans), 128);
	for (i = 0; i < RTE_DIM(chans); i++)
		chans[i] = chan_new(dev, (uint16_t)i, 128);
	for (j = 0; j < 500 * scale; j++) {
		i = rnd(RTE_DIM(chans));
		job_random(chans[i], MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 500);
		if (rnd(10) == 0)
			stress(chans[i], 100, MIX_COPY | MIX_BAD, 500);
	}
	for (i = 0; i < RTE_DIM(chans); i++) {
		drain(chans[i]);
		chan_verify(chans[i]);
		sum.submitted += chans[i]->head;
		sum.errors += chans[i]->failures;
		chan_free(chans[i]);
	}
	assert_int_equal(rte_dma_stats_get(dev, RTE_DMA_ALL_VCHAN, &stats), 0);
	assert_int_equal(stats.submitted, sum.submitted);
	assert_int_equal(stats.completed, sum.submitted);
	assert_int_equal(stats.errors, sum.errors);
	assert_int_equal(rte_dma_stats_reset(dev, RTE_DMA_ALL_VCHAN), 0);
	assert_int_equal(rte_dma_stats_get(dev, RTE_DMA_ALL_VCHAN, &stats), 0);
	assert_int_equal(stats.submitted, 0);
	assert_int_equal(rte_dma_stop(dev), 0);
	device_close();
}

static size_t
heap_used(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

/** More often than the device has contexts, so that one that leaks would be missed. */
static void
reconfigure_leaks_nothing(void **state)
{
	int16_t dev = device_open("num_ami_sw=16");
	struct chan *chan;
	size_t used = 0;
	unsigned int i;

	(void)state;
	assert_true(dev >= 0);
	for (i = 0; i < 40 * scale; i++) {
		vchans_setup(dev, (uint16_t)(1 + i % REVERE_DMA_MAX_VCHANS),
			     (uint16_t)(32 + i * 7 % 1000));
		chan = chan_new(dev, 0, (uint16_t)(32 + i * 7 % 1000));
		if (rnd(2) == 0)
			stress(chan, 100, MIX_COPY, 500);
		chan_free(chan);
		assert_int_equal(rte_dma_stop(dev), 0);
		if (i == 2)
			vchans_setup(dev, 1, 32), rte_dma_stop(dev), used = heap_used();
	}
	vchans_setup(dev, 1, 32);
	assert_int_equal(rte_dma_stop(dev), 0);
	assert_int_equal(heap_used(), used);
	device_close();

	used = heap_used();
	for (i = 0; i < 20 * scale; i++) {
		dev = device_open("");
		assert_true(dev >= 0);
		vchans_setup(dev, 1, 512);
		/* Removing a started device is fine, too. */
		if (i % 2 == 0)
			rte_dma_stop(dev);
		device_close();
	}
	assert_int_equal(heap_used(), used);
}

static void
bad_setups_are_refused(void **state)
{
	static const char *const args[] = {
		"answer_timeout_ms=x",
		"answer_timeout_ms=-1",
		"answer_timeout_ms=99999999999",
		"no_such_key=1",
		"max_log2_msg_length=3,max_log2_size=6",
	};
	const struct rte_dma_conf conf = {.nb_vchans = 4};
	struct rte_dma_vchan_conf vchan_conf = {
		.direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = 64,
	};
	size_t used = heap_used();
	unsigned int i;
	int16_t dev;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++)
		assert_int_equal(device_open(args[i]), -1);
	assert_int_equal(heap_used(), used);

	/* Two contexts of four. */
	dev = device_open("num_ami_sw=2,num_ami_hw=16");
	assert_true(dev >= 0);
	assert_int_equal(rte_dma_configure(dev, &conf), -EINVAL);
	device_close();

	dev = device_open("");
	assert_true(dev >= 0);
	assert_int_equal(rte_dma_configure(dev, &conf), 0);
	assert_int_equal(rte_dma_vchan_setup(dev, 0, &vchan_conf), 0);
	assert_int_equal(rte_dma_start(dev), -EINVAL);
	device_close();
	assert_int_equal(heap_used(), used);
}

static void
dump_shows_each_vchan(void **state)
{
	struct chan *chan = chan_open("", 64);
	size_t size = 0;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	stress(chan, 100, MIX_COPY | MIX_BAD, 500);
	assert_int_equal(rte_dma_dump(chan->dev, file), 0);
	fclose(file);
	assert_non_null(strstr(text, "vchan 0: started, 64 descriptors"));
	free(text);
	chan_close(chan);
}

/* ---- CPU and device ------------------------------------------------------------------------- */

static struct chan *
split_open(const char *args, uint16_t nb_desc)
{
	struct chan *chan = chan_open(args, nb_desc);

	chan->split = true;
	return chan;
}

/** All bytes were somebody's; and every copy is counted once. */
static void
split_verify(struct chan *chan)
{
	struct revere_dma_counters count = revere_dma_counters(inside(chan));

	chan_verify(chan);
	/* Jobs that fail are counted, too. */
	if (chan->failures == 0)
		assert_int_equal(count.cpu_bytes + count.amu_bytes, chan->bytes);
	assert_true(count.cpu_copies + count.amu_copies >= chan->head);
}

/** Lengths around the threshold, all kinds of jobs, jobs that depend on others. */
static void
split_of_all_kinds(void **state)
{
	static const char *const thresholds[] = {"0", "1", "64", "100", "256", "1500", "4294967295",
						 "auto"};
	static const uint16_t sizes[] = {32, 100, 1024};
	struct chan *chan;
	unsigned int i, j;
	char args[64];

	(void)state;
	for (i = 0; i < RTE_DIM(thresholds); i++) {
		for (j = 0; j < RTE_DIM(sizes); j++) {
			snprintf(args, sizeof(args), "threshold=%s", thresholds[i]);
			chan = split_open(args, sizes[j]);
			stress(chan, 2000 * scale, MIX_COPY, 300);
			stress(chan, 1000 * scale, MIX_COPY, 4096);
			stress(chan, 2000 * scale, MIX_COPY | MIX_FILL | MIX_SG, 512);
			split_verify(chan);
			stress(chan, 2000 * scale, MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 200);
			split_verify(chan);
			chan_close(chan);
		}
	}
}

static void
split_goes_by_length(void **state)
{
	struct chan *chan = split_open("threshold=100", 64);
	struct revere_dma_counters count;
	unsigned int length;

	(void)state;
	for (length = 98; length < 103; length++)
		assert_true(enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 0),
			iova(chan, ARENA + length * 200), length, 0), false));
	/* Nothing is reported before it is submitted, whoever has done it. */
	assert_int_equal(reap(chan, BURST), 0);
	count = revere_dma_counters(inside(chan));
	assert_int_equal(count.cpu_copies, 2);
	assert_int_equal(count.cpu_bytes, 98 + 99);
	assert_int_equal(count.amu_copies, 3);
	assert_int_equal(count.amu_bytes, 100 + 101 + 102);
	drain(chan);
	assert_int_equal(rte_dma_stats_reset(chan->dev, 0), 0);
	count = revere_dma_counters(inside(chan));
	assert_int_equal(count.cpu_copies + count.amu_bytes, 0);
	chan_close(chan);
}

static void
split_ring_idx_wraps(void **state)
{
	struct chan *chan = split_open("threshold=16", 1024);

	(void)state;
	stress(chan, 150000 * scale, MIX_COPY | MIX_BAD, 32);
	split_verify(chan);
	chan_close(chan);
}

static void
split_changes_while_running(void **state)
{
	struct chan *chan = split_open("threshold=off", 256);
	unsigned int i;

	(void)state;
	for (i = 0; i < 300 * scale; i++) {
		assert_int_equal(rte_pmd_revere_dma_threshold_set(chan->dev, 0,
			(enum rte_pmd_revere_dma_mode)rnd(3), rnd(600)), 0);
		stress(chan, 1 + rnd(200), MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 512);
	}
	split_verify(chan);
	chan_close(chan);
}

#define APART 128u	/* jobs, each with a place of its own on both sides */
#define APART_ROOM 512u /* bytes of it */

/** Jobs that don't depend on others, but for fenced ones; compared when they are reported. */
struct apart {
	struct chan *chan;
	uint64_t first; /**< job */
	struct {
		uint8_t expect[APART_ROOM];
		bool follows; /**< it copies what the job before it has copied */
		bool sure;    /**< that it is as expected */
	} jobs[APART];
};

static uint32_t
apart_slot(uint64_t job)
{
	return (uint32_t)(job % APART);
}

static rte_iova_t
apart_dst(const struct chan *chan, uint64_t job)
{
	return iova(chan, ARENA + apart_slot(job) * APART_ROOM);
}

static int
apart_copy(struct apart *apart, uint8_t *expect, uint32_t length)
{
	struct chan *chan = apart->chan;
	uint32_t at = apart_slot(chan->head) * APART_ROOM;

	memcpy(expect, chan->memory + at, length);
	return rte_dma_copy(chan->dev, 0, iova(chan, at), apart_dst(chan, chan->head), length, 0);
}

static int
apart_follow(struct apart *apart, uint8_t *expect, uint32_t length)
{
	struct chan *chan = apart->chan;

	apart->jobs[apart_slot(chan->head)].follows = true;
	memcpy(expect, apart->jobs[apart_slot(chan->head - 1)].expect, length);
	return rte_dma_copy(chan->dev, 0, apart_dst(chan, chan->head - 1),
			    apart_dst(chan, chan->head), length, RTE_DMA_OP_FLAG_FENCE);
}

static int
apart_fill(struct apart *apart, uint8_t *expect, uint32_t length)
{
	struct chan *chan = apart->chan;
	uint64_t pattern = ((uint64_t)rnd(UINT32_MAX) << 32) | rnd(UINT32_MAX);
	uint32_t i;

	for (i = 0; i < length; i++)
		expect[i] = ((const uint8_t *)&pattern)[i % 8];
	return rte_dma_fill(chan->dev, 0, pattern, apart_dst(chan, chan->head), length, 0);
}

static int
apart_sg(struct apart *apart, uint8_t *expect, uint32_t length)
{
	struct rte_dma_sge src[REVERE_DMA_MAX_SGES], dst[REVERE_DMA_MAX_SGES];
	struct chan *chan = apart->chan;
	uint32_t at = apart_slot(chan->head) * APART_ROOM, i, used = 0;
	uint16_t nb_src = sg_cut(chan, src, REVERE_DMA_MAX_SGES, at, length);
	uint16_t nb_dst = sg_cut(chan, dst, REVERE_DMA_MAX_SGES, ARENA + at, length);
	uint8_t flat[APART_ROOM];

	for (i = 0; i < nb_src; used += src[i++].length)
		memcpy(flat + used, chan->memory + (src[i].addr - iova(chan, 0)), src[i].length);
	for (i = 0, used = 0; i < nb_dst; used += dst[i++].length)
		memcpy(expect + (dst[i].addr - apart_dst(chan, chan->head)), flat + used,
		       dst[i].length);
	return rte_dma_copy_sg(chan->dev, 0, src, dst, nb_src, nb_dst, 0);
}

static void
apart_enqueue(struct apart *apart)
{
	struct chan *chan = apart->chan;
	uint32_t i, slot = apart_slot(chan->head), length = 1 + rnd(500), kind = rnd(6);
	uint8_t *expect = apart->jobs[slot].expect;
	int ret;

	for (i = 0; i < APART_ROOM; i++)
		chan->memory[slot * APART_ROOM + i] = (uint8_t)rnd(256);
	memset(chan->memory + ARENA + slot * APART_ROOM, 0, APART_ROOM);
	memset(expect, 0, APART_ROOM);
	apart->jobs[slot].sure = true;
	apart->jobs[slot].follows = false;
	/* What comes before a fence can't be done again, so it may fail. */
	if (kind == 0 && chan->unsure && chan->head > apart->first)
		ret = apart_follow(apart, expect, length);
	else if (kind == 1)
		ret = apart_fill(apart, expect, length);
	else if (kind == 2)
		ret = apart_sg(apart, expect, length);
	else
		ret = apart_copy(apart, expect, length);
	/* Long lists may need more than is left for jobs of one operation. */
	if (kind != 2 || ret != -ENOSPC)
		assert_true(enqueued(chan, ret, false));
}

static void
apart_reap(struct apart *apart)
{
	struct chan *chan = apart->chan;
	uint64_t job = chan->tail;

	reap(chan, BURST);
	for (; job != chan->tail; job++) {
		uint32_t slot = apart_slot(job);
		bool *sure = &apart->jobs[slot].sure;

		if (chan->failed[(uint16_t)job] ||
		    (apart->jobs[slot].follows && !apart->jobs[apart_slot(job - 1)].sure))
			*sure = false;
		if (*sure)
			assert_memory_equal(apart->jobs[slot].expect,
					    chan->memory + ARENA + slot * APART_ROOM, APART_ROOM);
	}
}

static void
apart_run(struct chan *chan, unsigned int jobs)
{
	struct apart apart = {.chan = chan, .first = chan->head};
	uint64_t last = rte_get_timer_cycles();
	uint64_t end = chan->head + jobs, tail;
	unsigned int burst;

	while (chan->tail < end) {
		for (burst = rnd(40); burst > 0 && chan->head < end; burst--) {
			/* The place of the job before the oldest one may still be read. */
			if (chan->head - chan->tail < APART - 1)
				apart_enqueue(&apart);
		}
		assert_int_equal(rte_dma_submit(chan->dev, 0), 0);
		tail = chan->tail;
		apart_reap(&apart);
		if (chan->tail != tail || chan->tail == chan->head)
			last = rte_get_timer_cycles();
		assert_true(rte_get_timer_cycles() - last <
			    3 * PATIENCE_S * rte_get_timer_hz());
	}
}

/** Jobs are in flight when the device is reset; all complete. */
static void
apart_reset(struct chan *chan)
{
	struct apart apart = {.chan = chan, .first = chan->head};
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz();
	unsigned int burst;

	for (burst = 1 + rnd(40); burst > 0; burst--)
		apart_enqueue(&apart);
	assert_int_equal(rte_dma_submit(chan->dev, 0), 0);
	device_reset();
	while (chan->tail < chan->head) {
		apart_reap(&apart);
		if (rte_get_timer_cycles() > end) {
			rte_dma_dump(chan->dev, stderr);
			fail_msg("%u jobs left", (unsigned int)(chan->head - chan->tail));
		}
	}
}

/** Runs until the device has failed something that was done again: faults are a matter of luck. */
static void
apart_run_until_retry(struct chan *chan)
{
	uint64_t end = rte_get_timer_cycles() + 3 * PATIENCE_S * rte_get_timer_hz();

	while (inside(chan)->count.retries == 0) {
		assert_true(rte_get_timer_cycles() < end);
		apart_run(chan, 100);
	}
}

/** Whatever the device fails, the CPU does again: no job fails, and none is done wrong. */
static void
split_mends_faults(void **state)
{
	static const char *const faults[] = {
		"faults.answer_corrupt=3",
		"faults.answer_late_us=300",
		"faults.answer_lost=50,answer_timeout_ms=10",
		"faults.dma_fault=10",
		"faults.index_wild=100,answer_timeout_ms=10",
		("faults.answer_lost=70,faults.answer_corrupt=5,faults.answer_late_us=50,"
		 "faults.index_wild=200,faults.dma_fault=50,answer_timeout_ms=10"),
	};
	static const char *const thresholds[] = {"0", "200"};
	struct chan *chan;
	unsigned int i, j;
	char args[256];

	(void)state;
	need_kernel_copies();
	for (i = 0; i < RTE_DIM(faults); i++) {
		for (j = 0; j < RTE_DIM(thresholds); j++) {
			snprintf(args, sizeof(args), "%s,threshold=%s", faults[i], thresholds[j]);
			chan = chan_open(args, 128);
			apart_run(chan, 2000 * scale);
			/* Answers that are late are answers. */
			if (i != 1)
				apart_run_until_retry(chan);
			assert_int_equal(chan->failures, 0);
			/* With fences some jobs fail, but none is done wrong. */
			chan->unsure = true;
			apart_run(chan, 2000 * scale);
			chan_close(chan);
		}
	}
}

/** What is done again is what was asked for, whatever the device makes of its rings. */
static void
split_trusts_no_slot(void **state)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_S * rte_get_timer_hz(), seq;
	uint8_t *secret = malloc(ARENA);
	struct revere_dma_vchan *vchan;
	struct chan *chan;
	uint32_t i;

	(void)state;
	need_kernel_copies();
	assert_non_null(secret);
	memset(secret, 0x5e, ARENA);
	chan = chan_open_foreign("threshold=0,faults.dma_fault=1", 128);
	vchan = inside(chan);
	for (i = 0; i < 100; i++) {
		assert_true(enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 64 * i),
			iova(chan, ARENA + 64 * i), 64, 0), false));
		memcpy(chan->model + ARENA + 64 * i, chan->model + 64 * i, 64);
	}
	assert_int_equal(rte_dma_submit(chan->dev, 0), 0);
	while (revere_ring_device_index(vchan->rx) != vchan->rx->own + vchan->tx->own) {
		assert_true(rte_get_timer_cycles() < end);
		revere_ring_doorbell(vchan->tx);
	}
	for (seq = 0; seq < vchan->tx->own; seq++) {
		struct rvr_dma_op *ops = revere_dma_msg_slot(vchan, seq);

		for (i = 0; i < vchan->msgs[seq].count; i++)
			ops[i].src = rvr_cpu_le64((uintptr_t)secret);
	}
	drain(chan);
	assert_int_equal(vchan->count.retries, 100);
	chan_verify(chan);
	free(secret);
	chan_close(chan);
}

/** A list whose device breaks down while it is enqueued, with a piece that nobody can do. */
static void
split_marks_the_job_under_way(void **state)
{
	static const char *const args[] = {"threshold=0", "threshold=off"};
	struct rte_dma_sge src[REVERE_DMA_MAX_SGES], dst[REVERE_DMA_MAX_SGES];
	struct chan *chan;
	unsigned int i, j;
	int ret;

	(void)state;
	need_kernel_copies();
	for (j = 0; j < RTE_DIM(args); j++) {
		chan = chan_open(args[j], 64);
		chan->unsure = true;
		for (i = 0; i < REVERE_DMA_MAX_SGES; i++) {
			src[i] = (struct rte_dma_sge){.addr = iova(chan, i * 8), .length = 8};
			dst[i] = (struct rte_dma_sge){.addr = iova(chan, ARENA + i * 8),
						      .length = 8};
		}
		dst[0].length = 4;
		dst[i - 1].length = 12;
		src[0].addr = 64;
		copy_random(chan, 64, 0);
		ring_break(chan);
		ret = rte_dma_copy_sg(chan->dev, 0, src, dst, REVERE_DMA_MAX_SGES,
				      REVERE_DMA_MAX_SGES, 0);
		if (j == 0)
			enqueued(chan, ret, true);
		else
			assert_int_equal(ret, -EIO);
		drain(chan);
		assert_int_equal(chan->failures, 1);
		assert_int_equal(inside(chan)->faults.recovers, 1);
		/* Nothing of it is the next one's. */
		chan->unsure = false;
		for (i = 0; i < 100; i++)
			copy_random(chan, 64, 0);
		drain(chan);
		chan_close(chan);
	}
}

/** Memory at IOVAs that aren't its addresses: nothing is the CPU's any more, at once. */
static void
split_ends_with_other_iovas(void **state)
{
	const uint32_t half = 65536, length = 40;
	const rte_iova_t at = UINT64_C(0x123400000000);
	struct chan *chan = chan_open("threshold=1000", 64);
	struct rte_device *rte_dev = inside(chan)->dma->rte_dev;
	uint8_t *other = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rte_pmd_revere_dma_threshold threshold;
	unsigned int i, round;

	(void)state;
	assert_ptr_not_equal(other, MAP_FAILED);
	assert_int_equal(rte_extmem_register(other, 2 * half, NULL, 0, 4096), 0);
	assert_int_equal(rte_dev_dma_map(rte_dev, other, (uintptr_t)other, half), 0);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
	assert_int_equal(threshold.bytes, 1000);
	assert_true(copy_random(chan, 100, 0));
	assert_int_equal(rte_dev_dma_map(rte_dev, other + half, at, half), 0);
	for (round = 0; round < 2; round++) {
		memset(other + half, 0, half);
		for (i = 0; i < 20; i++)
			assert_true(enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 64 * i),
				at + 64 * i, length, 0), false));
		drain(chan);
		for (i = 0; i < 20; i++)
			assert_memory_equal(chan->memory + 64 * i, other + half + 64 * i, length);
		assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
		assert_int_equal(threshold.mode, RTE_PMD_REVERE_DMA_OFF);
		assert_int_equal(rte_pmd_revere_dma_threshold_set(chan->dev, 0,
			RTE_PMD_REVERE_DMA_BYTES, 7), -ENOTSUP);
		assert_int_equal(revere_dma_counters(inside(chan)).cpu_copies, round == 0);
		/* Nor are those of a vchan that is made anew. */
		assert_int_equal(rte_dma_stop(chan->dev), 0);
		vchans_setup(chan->dev, 1, 64);
		chan_begin(chan);
	}
	assert_int_equal(rte_dev_dma_unmap(rte_dev, other + half, at, half), 0);
	assert_int_equal(rte_dev_dma_unmap(rte_dev, other, (uintptr_t)other, half), 0);
	assert_int_equal(rte_extmem_unregister(other, 2 * half), 0);
	munmap(other, 2 * half);
	chan_close(chan);
}

/** Addresses that are nobody's fail, also if the CPU is asked to do it again. */
static void
split_reports_bad_addresses(void **state)
{
	static const rte_iova_t bad[] = {0, 64, 4096, UINT64_C(0x7ffffffff000)};
	struct chan *chan = split_open("threshold=0", 64);
	unsigned int i;

	(void)state;
	chan->unsure = true;
	for (i = 0; i < RTE_DIM(bad); i++) {
		assert_true(enqueued(chan, rte_dma_copy(chan->dev, 0, bad[i], iova(chan, 0), 32,
							0), true));
		assert_true(enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 0), bad[i], 32,
							0), true));
		assert_true(enqueued(chan, rte_dma_fill(chan->dev, 0, 1, bad[i], 32, 0), true));
	}
	drain(chan);
	assert_int_equal(chan->failures, 3 * RTE_DIM(bad));
	chan_close(chan);
}

/** What the process has and DPDK hasn't: reached where it is there, reported where it isn't. */
static void
reaches_other_memory(void **state)
{
	const uint32_t page = 4096, length = 3000;
	struct chan *chan;
	uint8_t *other = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rte_iova_t at = (uintptr_t)other;
	uint32_t i;

	(void)state;
	need_kernel_copies();
	chan = chan_open("threshold=off", 64);
	assert_ptr_not_equal(other, MAP_FAILED);
	assert_int_equal(mprotect(other + 2 * page, page, PROT_NONE), 0);
	assert_int_equal(mprotect(other + 3 * page, page, PROT_READ), 0);
	for (i = 0; i < length; i++)
		other[i] = (uint8_t)(i * 7);
	chan->unsure = true;
	/* Out of it, into it, within it: there, then not. */
	enqueued(chan, rte_dma_copy(chan->dev, 0, at, iova(chan, 0), length, 0), false);
	enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 0), at + page, length, 0), false);
	enqueued(chan, rte_dma_fill(chan->dev, 0, UINT64_MAX, at + 8000, 200, 0), true);
	enqueued(chan, rte_dma_copy(chan->dev, 0, at + 7000, iova(chan, 0), 1193, 0), true);
	enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 0), at + 8191, 2, 0), true);
	enqueued(chan, rte_dma_copy(chan->dev, 0, iova(chan, 0), at + 3 * page, 10, 0), true);
	enqueued(chan, rte_dma_copy(chan->dev, 0, at, at + 1, 100, 0), false);
	drain(chan);
	assert_int_equal(chan->failures, 4);
	for (i = 1; i < length; i++)
		assert_int_equal(other[page + i], (uint8_t)(i * 7));
	for (i = 0; i < 100; i++)
		assert_int_equal(other[1 + i], (uint8_t)(i * 7));
	munmap(other, 4 * page);
	chan_close(chan);
}

/** A device that takes nothing more: the CPU does what it didn't do, and all that comes. */
static void
split_survives_the_device(void **state)
{
	struct chan *chan;
	struct revere_dma_vchan *vchan;
	struct rte_pmd_revere_dma_threshold threshold;
	enum rte_dma_vchan_status status;

	(void)state;
	need_kernel_copies();
	chan = chan_open("threshold=100,faults.answer_lost=1,answer_timeout_ms=20", 128);
	vchan = inside(chan);
	device_break(chan, true);
	apart_run(chan, 1000);
	assert_int_equal(vchan->state, REVERE_DMA_ON_CPU);
	assert_int_equal(rte_dma_vchan_status(chan->dev, 0, &status), 0);
	assert_int_equal(status, RTE_DMA_VCHAN_IDLE);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
	assert_int_equal(threshold.bytes, UINT32_MAX);
	chan->split = true;
	chan_begin(chan);
	chan->head = chan->tail = vchan->tail;
	stress(chan, 1000, MIX_COPY | MIX_FILL | MIX_SG | MIX_BAD, 500);
	assert_true(chan->failures > 0);
	assert_int_equal(rte_pmd_revere_dma_threshold_set(chan->dev, 0, RTE_PMD_REVERE_DMA_BYTES,
							  7), 0);
	apart_run(chan, 1000);
	device_break(chan, false);
	chan_close(chan);
}

static void
split_refuses_bad_thresholds(void **state)
{
	static const char *const args[] = {
		"threshold=-1", "threshold=4294967296", "threshold=x", "threshold=12k",
		"threshold=", "threshold=AUTO", "threshold= 1", "threshold=1,threshold=2",
	};
	struct rte_pmd_revere_dma_threshold threshold;
	struct chan *chan;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++)
		assert_int_equal(device_open(args[i]), -1);

	chan = chan_open("threshold=123", 64);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
	assert_int_equal(threshold.mode, RTE_PMD_REVERE_DMA_BYTES);
	assert_int_equal(threshold.bytes, 123);
	for (i = 0; i < 5; i++) {
		static const struct {
			int16_t dev;
			uint16_t vchan;
			int mode;
			int64_t bytes;
		} bad[] = {
			{0, 0, RTE_PMD_REVERE_DMA_BYTES, -1},
			{0, 0, RTE_PMD_REVERE_DMA_BYTES, INT64_C(1) << 32},
			{0, 0, 3, 0},
			{0, 1, RTE_PMD_REVERE_DMA_OFF, 0},
			{9, 0, RTE_PMD_REVERE_DMA_OFF, 0},
		};

		assert_int_equal(rte_pmd_revere_dma_threshold_set((int16_t)(chan->dev +
			bad[i].dev), bad[i].vchan, (enum rte_pmd_revere_dma_mode)bad[i].mode,
			bad[i].bytes), -EINVAL);
	}
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 1, &threshold), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(-1, 0, &threshold), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, NULL), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
	assert_int_equal(threshold.bytes, 123);
	chan_close(chan);
}

/** `auto` finds something, and says out of what. */
static void
auto_decides(void **state)
{
	struct rte_pmd_revere_dma_threshold threshold;
	struct chan *chan = split_open("threshold=auto", 256);

	(void)state;
	stress(chan, 20000 * scale, MIX_COPY, 2000);
	split_verify(chan);
	assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
	assert_int_equal(threshold.mode, RTE_PMD_REVERE_DMA_AUTO);
	assert_true(threshold.decisions > 2);
	assert_true(threshold.launch_cycles > 1 && threshold.cpu_cycles >= 1);
	assert_true(threshold.cpu_cycles_byte > 0 && threshold.amu_cycles >= 1);
	chan_close(chan);
}

/** Lost answers hang nobody, and a device that loses some gets nothing. */
static void
auto_survives_lost_answers(void **state)
{
	static const char *const args[] = {
		"threshold=auto,faults.answer_lost=1,answer_timeout_ms=20",
		/* Messages of one copy each. */
		"threshold=auto,faults.answer_lost=50,answer_timeout_ms=20,max_log2_msg_length=3",
	};
	struct rte_pmd_revere_dma_threshold threshold;
	struct chan *chan;
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(args); i++) {
		chan = chan_open(args[i], 128);
		assert_int_equal(rte_pmd_revere_dma_threshold_get(chan->dev, 0, &threshold), 0);
		assert_int_equal(threshold.bytes, UINT32_MAX);
		apart_run(chan, 1000);
		assert_int_equal(chan->failures, 0);
		chan_close(chan);
	}
}

/** A sample is over with its burst, also if nothing came that can be timed. */
static void
auto_samples_end(void **state)
{
	struct chan *chan = split_open("threshold=auto", 256);
	uint32_t i, j, row = 0, samples = 0;

	(void)state;
	for (i = 0; i < 400; i++) {
		for (j = 0; j < BURST / 2; j++)
			sg_random(chan, 1000, 4, false, 0);
		drain(chan);
		row = inside(chan)->tune.sampling ? row + 1 : 0;
		samples += row > 0;
		assert_true(row < 2);
	}
	assert_true(samples > 0);
	split_verify(chan);
	chan_close(chan);
}

/** Bursts until so many looks at all ways have been taken. */
static void
auto_looks(struct chan *chan, uint32_t rounds)
{
	uint32_t bursts, i;

	for (bursts = 0; inside(chan)->tune.rounds < rounds; bursts++) {
		assert_true(bursts < 2000000);
		for (i = 0; i < BURST / 2; i++)
			copy_random(chan, 100, 0);
		drain(chan);
	}
}

/** What the looks of several rounds have shown isn't changed by a single one. */
static void
auto_is_not_misled(void **state)
{
	struct chan *chan = split_open("threshold=auto", 256);
	struct revere_dma_auto *tune = &inside(chan)->tune;
	enum rte_pmd_revere_dma_way best;
	unsigned int way, other;

	(void)state;
	auto_looks(chan, REVERE_DMA_ROUNDS);
	for (way = 0; way < REVERE_DMA_WAYS; way++)
		assert_true(tune->merits[way][0] > 0 && tune->merits[way][0] <= 1);
	best = tune->best;
	other = best == RTE_PMD_REVERE_DMA_WAY_CPU ? RTE_PMD_REVERE_DMA_WAY_SPLIT :
						    RTE_PMD_REVERE_DMA_WAY_CPU;
	for (way = 0; way < REVERE_DMA_ROUNDS; way++) {
		tune->merits[best][way] = 1;
		tune->merits[other][way] = 0.5;
	}
	tune->merits[best][REVERE_DMA_ROUNDS - 1] = 0.1;
	tune->merits[other][REVERE_DMA_ROUNDS - 1] = 1;
	tune->looks[best] = REVERE_DMA_ROUNDS;
	tune->looks[other] = REVERE_DMA_ROUNDS;
	auto_looks(chan, REVERE_DMA_ROUNDS + 1);
	assert_int_equal(tune->best, best);
	split_verify(chan);
	chan_close(chan);
}

/** A way that was bad when looked at first comes back when it is better. */
static void
auto_losers_come_back(void **state)
{
	struct chan *chan = split_open("threshold=auto", 256);
	struct revere_dma_auto *tune = &inside(chan)->tune;
	enum rte_pmd_revere_dma_way best;
	unsigned int way, look;
	uint32_t rounds;

	(void)state;
	auto_looks(chan, REVERE_DMA_ROUNDS);
	best = tune->best;
	for (way = 0; way < REVERE_DMA_WAYS; way++) {
		tune->looks[way] = REVERE_DMA_ROUNDS;
		for (look = 0; look < REVERE_DMA_ROUNDS; look++)
			tune->merits[way][look] = way == best ? 0.01 : 1;
	}
	for (rounds = tune->rounds; rounds < 40; rounds++) {
		/* The next round is due. */
		tune->budget = 1e299;
		tune->since = 1e299;
		auto_looks(chan, rounds + 1);
	}
	assert_true(tune->looks[best] >= 2 * REVERE_DMA_ROUNDS);
	for (look = 0; look < REVERE_DMA_ROUNDS; look++)
		assert_true(tune->merits[best][look] > 0.01);
	split_verify(chan);
	chan_close(chan);
}

/** Rounds of 16 bursts, with a pause after each. @return mean cycles of a burst for `auto` */
static double
rounds_run(struct chan *chan, uint32_t rounds, uint32_t pause_us)
{
	uint32_t i, j, k;

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < 16; j++) {
			for (k = 0; k < BURST / 2; k++)
				copy_random(chan, 200, 0);
			drain(chan);
		}
		rte_delay_us_sleep(pause_us);
	}
	return inside(chan)->tune.interval;
}

/** Who comes with work now and then isn't slow in between. */
static void
auto_forgives_pauses(void **state)
{
	struct chan *chan = split_open("threshold=auto", 256);
	double without = rounds_run(chan, 20, 0);
	bool forgiven = false;
	uint32_t i;

	(void)state;
	/* If pauses counted it is always some 40 times as much; a lost CPU counts a while. */
	for (i = 0; i < 5 && !forgiven; i++)
		forgiven = rounds_run(chan, 20, 6000) < 12 * without;
	assert_true(forgiven);
	split_verify(chan);
	chan_close(chan);
}

/* ---- Callbacks ------------------------------------------------------------------------------ */

#define PACKETS 64u
#define PACKET_ROOM 512u

/** A packet's lists: its bytes in pieces, source and destination cut differently. */
static uint16_t
packet_cut(const struct chan *chan, struct rte_dma_sge *sge, uint32_t at, uint32_t length)
{
	uint16_t count = 0;
	uint32_t part;

	for (; length > 0; length -= part, at += part) {
		part = count == 7 ? length : 1 + rnd(length);
		sge[count++] = (struct rte_dma_sge){.addr = iova(chan, at), .length = part};
	}
	return count;
}

static int
packets_transfer(struct chan *chan, uint64_t first, uint32_t count, uint32_t *lengths)
{
	struct rte_pmd_revere_dma_packet packets[BURST];
	struct rte_dma_sge sges[BURST][2][8];
	uint32_t i, at, length;

	for (i = 0; i < count; i++) {
		at = (uint32_t)((first + i) % PACKETS) * PACKET_ROOM;
		length = 1 + rnd(PACKET_ROOM);
		lengths[(first + i) % PACKETS] = length;
		memset(chan->memory + at, (int)(first + i), PACKET_ROOM);
		memset(chan->memory + ARENA + at, 0, PACKET_ROOM);
		packets[i] = (struct rte_pmd_revere_dma_packet){
			.src = sges[i][0],
			.dst = sges[i][1],
			.nb_src = packet_cut(chan, sges[i][0], at, length),
			.nb_dst = packet_cut(chan, sges[i][1], ARENA + at, length),
		};
	}
	return rte_pmd_revere_dma_transfer_data(chan->dev, 0, packets, (uint16_t)count);
}

static void
packets_move(struct chan *chan, uint64_t total)
{
	enum rte_dma_status_code status[BURST];
	uint64_t sent = 0, received = 0;
	uint32_t lengths[PACKETS];
	int i, ret;

	while (received < total) {
		ret = packets_transfer(chan, sent, rnd((uint32_t)(PACKETS - (sent - received)) + 1),
				       lengths);
		assert_true(ret >= 0 || ret == -ENOSPC);
		sent += ret > 0 ? (unsigned int)ret : 0;
		ret = rte_pmd_revere_dma_get_completed_copies(chan->dev, 0, status,
							      (uint16_t)(1 + rnd(BURST)));
		assert_true(ret >= 0 && received + (unsigned int)ret <= sent);
		for (i = 0; i < ret; i++, received++) {
			uint32_t at = (uint32_t)(received % PACKETS) * PACKET_ROOM;

			assert_int_equal(status[i], RTE_DMA_STATUS_SUCCESSFUL);
			assert_memory_equal(chan->memory + at, chan->memory + ARENA + at,
					    lengths[received % PACKETS]);
		}
		assert_int_equal(rte_pmd_revere_dma_channel_in_flight(chan->dev, 0),
				 sent - received);
	}
	while ((ret = rte_pmd_revere_dma_channel_in_flight(chan->dev, 0)) > 0)
		rte_pmd_revere_dma_get_completed_copies(chan->dev, 0, NULL, BURST);
	assert_int_equal(ret, 0);
}

static void
callbacks_move_packets(void **state)
{
	static const char *const args[] = {"threshold=off", "threshold=0", "threshold=100",
		"threshold=auto", "threshold=50,faults.dma_fault=10"};
	struct chan *chan;
	unsigned int i;

	(void)state;
	need_kernel_copies();
	for (i = 0; i < RTE_DIM(args); i++) {
		chan = chan_open(args[i], 256);
		assert_int_equal(rte_pmd_revere_dma_channel_register(chan->dev, 0, PACKETS), 0);
		packets_move(chan, 5000 * scale);
		assert_int_equal(rte_pmd_revere_dma_channel_unregister(chan->dev, 0), 0);
		chan_close(chan);
	}
}

/** A packet whose device breaks down in its middle completes as failed, the next ones don't. */
static void
callbacks_break_off(void **state)
{
	struct chan *chan = chan_open("threshold=off", 256);
	struct rte_dma_sge src[100], dst = {iova(chan, ARENA), sizeof(src) / sizeof(*src)};
	struct rte_pmd_revere_dma_packet packets[3] = {{src, &dst, RTE_DIM(src), 1}};
	enum rte_dma_status_code status[4];
	unsigned int i;
	int done = 0;

	(void)state;
	for (i = 0; i < RTE_DIM(src); i++)
		src[i] = (struct rte_dma_sge){iova(chan, i), 1};
	packets[1] = packets[2] = packets[0];
	assert_int_equal(rte_pmd_revere_dma_channel_register(chan->dev, 0, 16), 0);
	ring_break(chan);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(chan->dev, 0, packets, 3), 1);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(chan->dev, 0, packets, 2), 2);
	while (done < 3)
		done += rte_pmd_revere_dma_get_completed_copies(chan->dev, 0, status + done, 3);
	assert_int_equal(status[0], RTE_DMA_STATUS_BUS_ERROR);
	assert_int_equal(status[1], RTE_DMA_STATUS_SUCCESSFUL);
	assert_int_equal(status[2], RTE_DMA_STATUS_SUCCESSFUL);
	/* Broken before it began it isn't taken; nothing is left over. */
	ring_break(chan);
	inside(chan)->tx->seen--;
	assert_int_equal(rte_pmd_revere_dma_transfer_data(chan->dev, 0, packets, 3), -EIO);
	assert_int_equal(rte_pmd_revere_dma_channel_unregister(chan->dev, 0), 0);
	assert_int_equal(rte_pmd_revere_dma_channel_register(chan->dev, 0, 16), 0);
	assert_int_equal(rte_pmd_revere_dma_channel_unregister(chan->dev, 0), 0);
	chan_close(chan);
}

/** Two devices that are there whatever moves between them, and one that can't be moved to. */
static void
places_open(void)
{
	char args[256];

	snprintf(args, sizeof(args), "%s,emu=here", device_args);
	assert_int_equal(rte_vdev_init("dma_revere_here", args), 0);
	snprintf(args, sizeof(args), "%s,emu=there", device_args);
	assert_int_equal(rte_vdev_init("dma_revere_there", args), 0);
	snprintf(args, sizeof(args), "%s,emu=small,num_ami_sw=2", device_args);
	assert_int_equal(rte_vdev_init("dma_revere_small", args), 0);
}

static void
places_close(void)
{
	assert_int_equal(rte_vdev_uninit("dma_revere_small"), 0);
	assert_int_equal(rte_vdev_uninit("dma_revere_there"), 0);
	assert_int_equal(rte_vdev_uninit("dma_revere_here"), 0);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/** Moves, each with jobs in every state: queued, submitted, in flight, done, reported. */
static void
migrations_of(const char *args, bool split, bool foreign)
{
	const unsigned int moves = 250 * scale;
	uint64_t *times = calloc(moves, sizeof(*times));
	struct rte_pmd_revere_dma_migration report;
	struct revere_dma_dev *dma;
	struct chan *chans[2];
	unsigned int i, n;
	int16_t dev;

	assert_non_null(times);
	places_open();
	dev = device_open(args);
	assert_true(dev >= 0);
	dma = rte_dma_fp_objs[dev].dev_private;
	dma->sva = !foreign;
	vchans_setup(dev, 2, 256);
	for (n = 0; n < 2; n++) {
		chans[n] = chan_new(dev, (uint16_t)n, 256);
		chans[n]->split = split;
	}
	for (i = 0; i < moves; i++) {
		for (n = 0; n < 2; n++) {
			unsigned int jobs = rnd(2 * BURST);

			while (jobs-- > 0 &&
			       job_random(chans[n], MIX_COPY | MIX_FILL | MIX_SG, 2000))
				;
			if (rnd(2) == 0)
				assert_int_equal(rte_dma_submit(dev, (uint16_t)n), 0);
			reap(chans[n], (uint16_t)(1 + rnd(BURST)));
		}
		assert_int_equal(rte_pmd_revere_dma_migrate(dev, i % 2 == 0 ? "emu=there" :
			"emu=here", &report), 0);
		assert_true(report.state_bytes > 0);
		times[i] = report.downtime_ns;
	}
	for (n = 0; n < 2; n++) {
		drain(chans[n]);
		chan_verify(chans[n]);
		assert_int_equal(inside(chans[n])->faults.recovers, 0);
		chan_free(chans[n]);
	}
	qsort(times, moves, sizeof(*times), compare);
	i = moves / 2;
	print_message("%s: %u moves of 2 vchans, downtime median %.1f us, maximum %.1f us\n", args,
		      moves, (double)times[i] / 1000, (double)times[moves - 1] / 1000);
	free(times);
	assert_int_equal(rte_dma_stop(dev), 0);
	device_close();
	places_close();
}

static void
migrate_under_load(void **state)
{
	(void)state;
	migrations_of("emu=here", false, false);
}

static void
migrate_split(void **state)
{
	(void)state;
	migrations_of("emu=here,threshold=300", true, true);
}

/** Jobs that were lost fail, others don't; the device goes on, for all of its vchans. */
static void
resets_fail_jobs(void **state)
{
	int16_t dev = device_open("threshold=off");
	struct chan *chans[2];
	unsigned int i, n;

	(void)state;
	assert_true(dev >= 0);
	vchans_setup(dev, 2, 256);
	for (n = 0; n < 2; n++) {
		chans[n] = chan_new(dev, (uint16_t)n, 256);
		chans[n]->unsure = true;
	}
	for (i = 0; i < 10 * scale; i++) {
		for (n = 0; n < 2; n++) {
			stress(chans[n], 300, MIX_COPY | MIX_SG, 1000);
			while (rnd(60) > 0 && job_random(chans[n], MIX_COPY, 1000))
				;
			assert_int_equal(rte_dma_submit(dev, (uint16_t)n), 0);
		}
		device_reset();
		for (n = 0; n < 2; n++) {
			drain(chans[n]);
			reset_meet(chans[n]);
			stress(chans[n], 300, MIX_COPY | MIX_SG, 1000);
		}
		if (rnd(2) == 0)
			continue;
		/* With nothing to do; and the vchans are started anew. */
		device_reset();
		assert_int_equal(rte_dma_stop(dev), 0);
		assert_int_equal(rte_dma_start(dev), 0);
		for (n = 0; n < 2; n++)
			chan_begin(chans[n]);
	}
	for (n = 0; n < 2; n++) {
		assert_int_equal(inside(chans[n])->state, REVERE_DMA_STARTED);
		chan_free(chans[n]);
	}
	assert_int_equal(rte_dma_stop(dev), 0);
	device_close();
}

/** The CPU does again what was lost: no job fails, and none is done wrong. */
static void
resets_are_mended(void **state)
{
	struct chan *chan = chan_open("threshold=0", 128);
	unsigned int i;

	(void)state;
	for (i = 0; i < 20 * scale; i++) {
		apart_run(chan, rnd(200));
		apart_reset(chan);
		reset_meet(chan);
		apart_run(chan, 1 + rnd(200));
	}
	assert_int_equal(chan->failures, 0);
	assert_int_equal(inside(chan)->state, REVERE_DMA_STARTED);
	assert_true(inside(chan)->faults.recovers > 0);
	chan_close(chan);
}

/** What can't be done changes nothing. */
static void
migrate_refuses(void **state)
{
	static const struct {
		const char *devargs;
		int error;
	} wrong[] = {
		{NULL, -EINVAL},
		{"emu", -EINVAL},
		{"emu=there,threshold=5", -EINVAL},
		{"emu=there,num_ami_sw=3", -EBUSY},
		{"emu=here", -EEXIST},
		{"emu=small", -ENOSPC},
		{"emu=short,max_log2_msg_length=5", -ENOTSUP},
		{"emu=ringless,max_log2_size=4", -EINVAL},
	};
	struct chan *chan;
	unsigned int i;
	int16_t dev;

	(void)state;
	places_open();
	dev = device_open("emu=here");
	assert_true(dev >= 0);
	assert_int_equal(rte_pmd_revere_dma_migrate((int16_t)(dev + 1), "emu=there", NULL),
			 -EINVAL);
	vchans_setup(dev, 3, 256);
	chan = chan_new(dev, 2, 256);
	for (i = 0; i < RTE_DIM(wrong); i++) {
		stress(chan, 300, MIX_COPY | MIX_SG, 500);
		while (rnd(30) > 0 && job_random(chan, MIX_COPY, 500))
			;
		assert_int_equal(rte_pmd_revere_dma_migrate(dev, wrong[i].devargs, NULL),
				 wrong[i].error);
	}
	/* Stopped, too; and the vchans can be made anew there. */
	stress(chan, 300, MIX_COPY, 500);
	assert_int_equal(rte_dma_stop(dev), 0);
	assert_int_equal(rte_pmd_revere_dma_migrate(dev, "emu=there", NULL), 0);
	assert_int_equal(rte_dma_start(dev), 0);
	chan_begin(chan);
	stress(chan, 300, MIX_COPY, 500);
	chan_free(chan);
	assert_int_equal(rte_dma_stop(dev), 0);
	vchans_setup(dev, 1, 64);
	assert_int_equal(rte_dma_stop(dev), 0);
	device_close();
	places_close();
}

static void
callbacks_refuse(void **state)
{
	struct chan *chan = chan_open("threshold=0,faults.answer_late_us=2000", 64);
	struct rte_dma_sge sge[2] = {{iova(chan, 0), 64}, {iova(chan, ARENA), 64}}, empty = {0};
	struct rte_dma_sge shorter = {iova(chan, ARENA), 63};
	struct rte_pmd_revere_dma_packet good = {&sge[0], &sge[1], 1, 1}, bad = good;
	enum rte_dma_status_code status[4];
	int16_t dev = chan->dev;

	(void)state;
	/* Before they are registered, and where there is nothing. */
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &good, 1), -ENOENT);
	assert_int_equal(rte_pmd_revere_dma_get_completed_copies(dev, 0, NULL, 1), -ENOENT);
	assert_int_equal(rte_pmd_revere_dma_channel_unregister(dev, 0), -ENOENT);
	assert_int_equal(rte_pmd_revere_dma_channel_register(dev, 1, 64), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_channel_register((int16_t)(dev + 1), 0, 64), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_channel_register(dev, 0, 0), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_channel_register(dev, 0, 32769), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_channel_register(dev, 0, 2), 0);
	assert_int_equal(rte_pmd_revere_dma_channel_register(dev, 0, 2), -EBUSY);

	bad.nb_src = 0;
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &bad, 1), -EINVAL);
	bad.nb_src = RTE_PMD_REVERE_DMA_SEGMENTS_MAX + 1;
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &bad, 1), -EINVAL);
	bad = good;
	bad.dst = &shorter;
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &bad, 1), -EINVAL);
	bad.dst = &empty;
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &bad, 1), -EINVAL);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, NULL, 1), -EINVAL);

	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &good, 1), 1);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &good, 1), 1);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &good, 1), -ENOSPC);
	assert_int_equal(rte_pmd_revere_dma_channel_unregister(dev, 0), -EBUSY);
	/* A stop ends them. */
	assert_int_equal(rte_dma_stop(dev), 0);
	assert_int_equal(rte_pmd_revere_dma_transfer_data(dev, 0, &good, 1), -EIO);
	assert_int_equal(rte_pmd_revere_dma_get_completed_copies(dev, 0, status, 4), 2);
	assert_int_equal(status[1], RTE_DMA_STATUS_USER_ABORT);
	assert_int_equal(rte_pmd_revere_dma_channel_unregister(dev, 0), 0);
	assert_int_equal(rte_dma_start(dev), 0);
	chan_close(chan);
}

/** A case that failed would leave its device to the next one, and its memory to nobody. */
static int
device_drop(void **state)
{
	(void)state;
	rte_vdev_uninit("dma_revere_test");
	rte_vdev_uninit("dma_revere_small");
	rte_vdev_uninit("dma_revere_there");
	rte_vdev_uninit("dma_revere_here");
	while (!LIST_EMPTY(&chans_open))
		chan_free(LIST_FIRST(&chans_open));
	return 0;
}

#define CASE(name) cmocka_unit_test_teardown(name, device_drop)

int
dma_revere_cases_run(int argc, char **argv, const char *args)
{
	static const struct CMUnitTest tests[] = {
		CASE(info_tells_the_truth),
		CASE(bad_setups_are_refused),
		CASE(bad_arguments_are_refused),
		CASE(failures_come_in_turn),
		CASE(full_ring_refuses),
		CASE(jobs_of_all_kinds),
		CASE(devices_of_all_kinds),
		CASE(ring_idx_wraps),
		CASE(scattered_jobs_fail_whole),
		CASE(vchans_stand_alone),
		CASE(stop_with_jobs_in_flight),
		CASE(reconfigure_leaks_nothing),
		CASE(faulty_devices_hang_nobody),
		CASE(strays_are_no_answers),
		CASE(polls_put_nothing_off),
		CASE(dead_device_fails_all),
		CASE(stuck_devices_are_told_once),
		CASE(dump_shows_each_vchan),
		CASE(split_goes_by_length),
		CASE(split_of_all_kinds),
		CASE(split_ring_idx_wraps),
		CASE(split_changes_while_running),
		CASE(split_mends_faults),
		CASE(split_trusts_no_slot),
		CASE(split_marks_the_job_under_way),
		CASE(split_ends_with_other_iovas),
		CASE(split_reports_bad_addresses),
		CASE(reaches_other_memory),
		CASE(split_survives_the_device),
		CASE(split_refuses_bad_thresholds),
		CASE(auto_decides),
		CASE(auto_survives_lost_answers),
		CASE(auto_samples_end),
		CASE(auto_is_not_misled),
		CASE(auto_losers_come_back),
		CASE(auto_forgives_pauses),
		CASE(callbacks_move_packets),
		CASE(callbacks_refuse),
		CASE(callbacks_break_off),
		CASE(migrate_under_load),
		CASE(migrate_split),
		CASE(migrate_refuses),
		CASE(resets_fail_jobs),
		CASE(resets_are_mended),
	};
	/* EAL changes the order, so what is to be freed is kept apart. */
	static const char *const options[] = {
		"--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
	};
	char *strings[RTE_DIM(options) + 1], *eal_args[RTE_DIM(strings)];
	unsigned int i;
	int ret;

	device_args = args;
	scale = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	strings[0] = strdup(argv[0]);
	for (i = 0; i < RTE_DIM(options); i++)
		strings[i + 1] = strdup(options[i]);
	memcpy(eal_args, strings, sizeof(eal_args));
	/* Faults are provoked here; what the driver says about them is not of interest. */
	if (getenv("DMA_REVERE_LOG") == NULL) {
		rte_log_set_global_level(RTE_LOG_CRIT);
		rte_log_set_level(revere_dma_logtype, RTE_LOG_CRIT);
	}
	if (rte_eal_init(RTE_DIM(eal_args), eal_args) < 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	printf("%" PRIu64 " operations\n", operations);
	rte_eal_cleanup();
	for (i = 0; i < RTE_DIM(strings); i++)
		free(strings[i]);
	return ret;
}
