/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The fast path of a vchan: enqueue, submit, complete. What happens once a message, or only when
 * something is wrong, is in functions that are not inlined.
 */

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_dmadev.h>
#include <rte_dmadev_pmd.h>

#include "revere_dma.h"

static __rte_always_inline struct revere_dma_vchan *
vchan_of(void *dev_private, uint16_t vchan)
{
	struct revere_dma_dev *dma = dev_private;

	return &dma->vchans[vchan];
}

/* ---- Messages ----------------------------------------------------------------------------- */

/** Completes the open message; it is published by revere_dma_publish(). */
static void
message_close(struct revere_dma_vchan *vchan)
{
	uint64_t seq = vchan->tx->own + vchan->closed;
	struct rvr_dma_op *slot = revere_dma_msg_slot(vchan, seq);
	struct rvr_dma_batch *batch = (struct rvr_dma_batch *)slot - 1;
	struct revere_dma_msg *msg = &vchan->msgs[seq & vchan->msgs_mask];
	uint32_t count = (uint32_t)(vchan->op - vchan->ops);

	batch->cookie = rvr_cpu_le64(revere_dma_cookie(vchan, seq));
	batch->count = rvr_cpu_le16(count);
	batch->zero = 0;
	batch->zero2 = 0;
	batch->zero3 = 0;
	batch->zero4 = 0;
	batch->form = rvr_cpu_le32(RVR_DMA_FORM_BATCH);
	if (unlikely(vchan->kept != NULL))
		memcpy(slot, vchan->ops, count * sizeof(*slot));

	msg->inner = vchan->inner;
	msg->bytes = vchan->amu_bytes;
	msg->count = count;
	vchan->msgs[(seq + 1) & vchan->msgs_mask].first = REVERE_DMA_NO_JOB;

	vchan->slack -= vchan->op_end - vchan->op;
	vchan->amu_ops += count;
	vchan->inner = 0;
	vchan->closed++;
	vchan->op = NULL;
	vchan->op_end = NULL;
}

/**
 * Asks the cache for the slot after the next one, to be written: the device read it last, and
 * to take each of its lines back costs more than all else that an enqueue does.
 */
static inline void
slot_prefetch(const struct revere_ring *tx, uint32_t ahead)
{
	uint8_t *line = revere_tx_slot(tx, ahead), *end = line + tx->msg_size;

	for (; line < end; line += RTE_CACHE_LINE_SIZE) {
#ifdef RTE_ARCH_X86_64
		/* What the compiler makes of __builtin_prefetch() asks for a shared line here. */
		asm volatile("prefetchw %0" : : "m"(*line));
#else
		__builtin_prefetch(line, 1);
#endif
	}
}

/** Begins a message in the next slot; slack says that there is one. NULL: device broken. */
static __rte_noinline struct rvr_dma_op *
message_open(struct revere_dma_vchan *vchan)
{
	struct revere_ring *tx = vchan->tx;
	uint64_t seq;

	if (vchan->op != NULL)
		message_close(vchan);
	if (vchan->head == vchan->submitted && revere_dma_tunes(vchan))
		revere_dma_auto_burst(vchan);
	/* The slot's last message was answered, but its index may not have been seen yet. */
	if (unlikely(tx->own + vchan->closed - tx->seen > tx->mask) &&
	    !revere_dma_slot_wait(vchan))
		return NULL;
	slot_prefetch(tx, vchan->closed + 1);
	seq = tx->own + vchan->closed;
	vchan->msgs[seq & vchan->msgs_mask].first = vchan->head;
	vchan->ops = revere_dma_msg_ops_of(vchan, seq);
	vchan->op = vchan->ops;
	vchan->op_end = vchan->ops + vchan->msg_ops;
	return vchan->op;
}

/** Notes when messages left, for their latency. */
static inline void
messages_stamp(struct revere_dma_vchan *vchan, uint64_t now)
{
	uint64_t seq = vchan->tx->own, end = seq + vchan->closed;

	for (; seq != end; seq++)
		vchan->msgs[seq & vchan->msgs_mask].born = now;
}

__rte_noinline void
revere_dma_publish(struct revere_dma_vchan *vchan)
{
	uint64_t now = rte_rdtsc();
	uint32_t closed, jobs;

	vchan->submitted = vchan->head;
	if (vchan->op != NULL) {
		/*
		 * A short message wastes room. With little of it left the message stays open
		 * until an answer comes, and takes more jobs meanwhile.
		 */
		vchan->deferred = vchan->slack < vchan->op_end - vchan->op;
		if (likely(!vchan->deferred))
			message_close(vchan);
	}
	closed = vchan->closed;
	if (closed > 0) {
		messages_stamp(vchan, now);
		vchan->closed = 0;
		revere_tx_publish(vchan->tx, closed);
	}
	jobs = (uint32_t)(vchan->head - vchan->tail);
	vchan->occupancy_max = RTE_MAX(vchan->occupancy_max, jobs);
	/* Jobs of the CPU have no answer that would do this. */
	revere_dma_done_update(vchan);
	if (revere_dma_tunes(vchan))
		revere_dma_auto_turn(vchan, now);
}

static __rte_always_inline void
op_write(struct rvr_dma_op *op, uint64_t src, uint64_t dst, uint32_t length,
	 enum rvr_dma_opcode opcode)
{
	op->src = rvr_cpu_le64(src);
	op->dst = rvr_cpu_le64(dst);
	op->len = rvr_cpu_le32(length);
	op->opcode = rvr_cpu_le16(opcode);
	op->zero = 0;
}

/* ---- Enqueue -------------------------------------------------------------------------------- */

/** What only some jobs ask for. */
static __rte_noinline int
job_flags(struct revere_dma_vchan *vchan, uint64_t job, uint64_t flags)
{
	if (flags & RTE_DMA_OP_FLAG_FENCE)
		vchan->fence = job;
	if (flags & RTE_DMA_OP_FLAG_SUBMIT)
		revere_dma_publish(vchan);
	return (uint16_t)job;
}

/** Counts a job whose operations have been written. @return its ring_idx */
static __rte_always_inline int
job_add(struct revere_dma_vchan *vchan, uint64_t flags)
{
	uint64_t job = vchan->head++;

	if (flags & (RTE_DMA_OP_FLAG_SUBMIT | RTE_DMA_OP_FLAG_FENCE))
		return job_flags(vchan, job, flags);
	return (uint16_t)job;
}

static __rte_always_inline int
enqueue_at(struct revere_dma_vchan *vchan, struct rvr_dma_op *op, uint64_t src, uint64_t dst,
	   uint32_t length, enum rvr_dma_opcode opcode, uint64_t flags)
{
	op_write(op, src, dst, length, opcode);
	vchan->op = op + 1;
	vchan->amu_bytes += length;
	return job_add(vchan, flags);
}

/** The job that begins a message, and those that are refused. */
__rte_noinline int
revere_dma_amu_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
		   enum rvr_dma_opcode opcode, uint64_t flags)
{
	struct rvr_dma_op *op = vchan->op;

	if (vchan->head >= vchan->limit)
		return revere_dma_no_room(vchan);
	if (op == vchan->op_end && vchan->state != REVERE_DMA_ON_CPU) {
		op = message_open(vchan);
		/* The device was broken, and may have been repaired. */
		if (op == NULL && revere_dma_redoes(vchan) && vchan->state == REVERE_DMA_STARTED)
			op = message_open(vchan);
		if (op == NULL && vchan->state != REVERE_DMA_ON_CPU)
			return -EIO;
	}
	if (vchan->state == REVERE_DMA_ON_CPU)
		return revere_dma_cpu_job(vchan, src, dst, length, opcode, flags);
	return enqueue_at(vchan, op, src, dst, length, opcode, flags);
}

/**
 * A job of one operation. RTE_DMA_OP_FLAG_FENCE asks of the agent what it does anyway: each
 * operation is complete before the next one starts.
 *
 * All calls in here are the last thing done, so the usual case saves and restores nothing.
 */
static __rte_always_inline int
enqueue(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
	enum rvr_dma_opcode opcode, uint64_t flags)
{
	struct rvr_dma_op *op = vchan->op;

	/* A length of 0 is below, too. */
	if (length < vchan->split_below)
		return revere_dma_cpu_job(vchan, src, dst, length, opcode, flags);
	if (unlikely(vchan->head >= vchan->limit || op == vchan->op_end))
		return revere_dma_amu_job(vchan, src, dst, length, opcode, flags);
	return enqueue_at(vchan, op, src, dst, length, opcode, flags);
}

static int
revere_dma_copy(void *dev_private, uint16_t vchan, rte_iova_t src, rte_iova_t dst, uint32_t length,
		uint64_t flags)
{
	return enqueue(vchan_of(dev_private, vchan), src, dst, length, RVR_DMA_COPY, flags);
}

static int
revere_dma_fill(void *dev_private, uint16_t vchan, uint64_t pattern, rte_iova_t dst,
		uint32_t length, uint64_t flags)
{
	return enqueue(vchan_of(dev_private, vchan), pattern, dst, length, RVR_DMA_FILL, flags);
}

/* The same for a device that may not reach the memory. */

static __rte_always_inline int
enqueue_checked(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
		enum rvr_dma_opcode opcode, uint64_t flags)
{
	if (length >= vchan->split_below && revere_dma_has_va(vchan) &&
	    unlikely(revere_dma_is_far(vchan, src, dst, length, opcode)))
		return revere_dma_far_job(vchan, src, dst, length, opcode, flags);
	return enqueue(vchan, src, dst, length, opcode, flags);
}

static int
revere_dma_copy_checked(void *dev_private, uint16_t vchan, rte_iova_t src, rte_iova_t dst,
			uint32_t length, uint64_t flags)
{
	return enqueue_checked(vchan_of(dev_private, vchan), src, dst, length, RVR_DMA_COPY,
			       flags);
}

static int
revere_dma_fill_checked(void *dev_private, uint16_t vchan, uint64_t pattern, rte_iova_t dst,
			uint32_t length, uint64_t flags)
{
	return enqueue_checked(vchan_of(dev_private, vchan), pattern, dst, length, RVR_DMA_FILL,
			       flags);
}

int
revere_dma_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length)
{
	if (unlikely(vchan->reach != NULL))
		return enqueue_checked(vchan, src, dst, length, RVR_DMA_COPY, 0);
	return enqueue(vchan, src, dst, length, RVR_DMA_COPY, 0);
}

/** Bytes of a scatter list; 0: it has an empty segment. */
static inline uint64_t
sg_length(const struct rte_dma_sge *sge, uint16_t count)
{
	uint64_t length = 0;
	uint16_t i;

	for (i = 0; i < count; i++) {
		if (unlikely(sge[i].length == 0))
			return 0;
		length += sge[i].length;
	}
	return length;
}

/**
 * Writes an operation of a scattered copy; `*last` is the one before in the open message, or -1.
 *
 * @return false: the device is broken
 */
static inline bool
sg_op_write(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length, int *last)
{
	struct rvr_dma_op *op = vchan->op;

	if (*last >= 0) {
		vchan->inner |= RTE_BIT64(*last);
		vchan->slack--;
	}
	if (op == vchan->op_end) {
		op = message_open(vchan);
		if (unlikely(op == NULL))
			return false;
	}
	op_write(op, src, dst, length, RVR_DMA_COPY);
	vchan->op = op + 1;
	vchan->amu_bytes += length;
	*last = (int)(op - vchan->ops);
	return true;
}

/** A piece of a scattered copy, by whoever is to do it. false: nobody can */
static inline bool
sg_piece(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
	 uint32_t cpu_below, int *last)
{
	if (length < cpu_below && revere_dma_cpu_piece(vchan, src, dst, length))
		return true;
	if (likely(vchan->state == REVERE_DMA_STARTED)) {
		if (likely(sg_op_write(vchan, src, dst, length, last)))
			return true;
		/* The operations before are done, or given up. */
		*last = -1;
		if (!revere_dma_redoes(vchan))
			return false;
		if (vchan->state == REVERE_DMA_STARTED)
			return sg_op_write(vchan, src, dst, length, last);
	}
	if (vchan->state == REVERE_DMA_ON_CPU && !revere_dma_cpu_piece(vchan, src, dst, length))
		revere_dma_job_fail(vchan, vchan->head, RTE_DMA_STATUS_ERROR_UNKNOWN);
	return vchan->state == REVERE_DMA_ON_CPU;
}

/**
 * Does or writes the pieces of a scattered copy of @p left bytes.
 *
 * @return the last operation in the open message, -1: none, all of it is done; or -EIO
 */
static inline int
sg_write(struct revere_dma_vchan *vchan, const struct rte_dma_sge *src,
	 const struct rte_dma_sge *dst, uint64_t left, uint32_t cpu_below)
{
	uint32_t src_at = 0, dst_at = 0, length;
	int last = -1;

	for (;;) {
		length = RTE_MIN(src->length - src_at, dst->length - dst_at);
		if (unlikely(!sg_piece(vchan, src->addr + src_at, dst->addr + dst_at, length,
				       cpu_below, &last)))
			return -EIO;
		left -= length;
		if (left == 0)
			return last;
		src_at += length;
		if (src_at == src->length) {
			src++;
			src_at = 0;
		}
		dst_at += length;
		if (dst_at == dst->length) {
			dst++;
			dst_at = 0;
		}
	}
}

/** Whether the device can't reach a segment. */
static __rte_noinline bool
sg_far(struct revere_dma_vchan *vchan, const struct rte_dma_sge *src,
       const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst)
{
	bool far = false;
	uint16_t i;

	for (i = 0; i < nb_src && !far; i++)
		far = revere_dma_is_far(vchan, 0, src[i].addr, src[i].length, RVR_DMA_FILL);
	for (i = 0; i < nb_dst && !far; i++)
		far = revere_dma_is_far(vchan, 0, dst[i].addr, dst[i].length, RVR_DMA_FILL);
	return far;
}

static __rte_always_inline int
enqueue_sg(struct revere_dma_vchan *vchan, const struct rte_dma_sge *src,
	   const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst, uint64_t flags,
	   bool checks_reach)
{
	uint32_t cpu_below;
	uint64_t length;
	int last;

	if (unlikely(nb_src == 0 || nb_src > REVERE_DMA_MAX_SGES || nb_dst == 0 ||
		     nb_dst > REVERE_DMA_MAX_SGES))
		return -EINVAL;
	length = sg_length(src, nb_src);
	if (unlikely(length == 0 || length != sg_length(dst, nb_dst)))
		return -EINVAL;
	if (unlikely(vchan->head >= vchan->limit))
		return revere_dma_no_room(vchan);
	/* nb_src + nb_dst - 1 operations at the most; one of them every job has. */
	if (unlikely(vchan->slack < nb_src + nb_dst - 2))
		return -ENOSPC;
	/* 1: no piece is that short. */
	cpu_below = vchan->split_below > 1 && revere_dma_cpu_may(vchan, flags) ?
		vchan->split_below : 1;
	if (unlikely(checks_reach && revere_dma_has_va(vchan) &&
		     sg_far(vchan, src, dst, nb_src, nb_dst))) {
		revere_dma_cpu_wait(vchan, flags);
		vchan->count.far++;
		cpu_below = UINT32_MAX;
	}
	last = sg_write(vchan, src, dst, length, cpu_below);
	if (last >= 0)
		return job_add(vchan, flags);
	if (last == -1)
		return revere_dma_cpu_job_add(vchan, flags);
	revere_dma_job_refused(vchan);
	return -EIO;
}

static int
revere_dma_copy_sg(void *dev_private, uint16_t vchan, const struct rte_dma_sge *src,
		   const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst, uint64_t flags)
{
	return enqueue_sg(vchan_of(dev_private, vchan), src, dst, nb_src, nb_dst, flags, false);
}

static int
revere_dma_copy_sg_checked(void *dev_private, uint16_t vchan, const struct rte_dma_sge *src,
			   const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst,
			   uint64_t flags)
{
	return enqueue_sg(vchan_of(dev_private, vchan), src, dst, nb_src, nb_dst, flags, true);
}

static int
revere_dma_submit(void *dev_private, uint16_t vchan_id)
{
	struct revere_dma_vchan *vchan = vchan_of(dev_private, vchan_id);

	if (likely(vchan->submitted != vchan->head))
		revere_dma_publish(vchan);
	return 0;
}

static uint16_t
revere_dma_burst_capacity(const void *dev_private, uint16_t vchan_id)
{
	const struct revere_dma_dev *dma = dev_private;
	const struct revere_dma_vchan *vchan = &dma->vchans[vchan_id];

	return vchan->limit > vchan->head ? (uint16_t)(vchan->limit - vchan->head) : 0;
}

/* ---- Complete ------------------------------------------------------------------------------- */

/** Takes one answer. Success of a whole message, the rule, costs the same for any count. */
static __rte_always_inline void
answer_take(struct revere_dma_vchan *vchan, const struct rvr_dma_batch_answer *answer,
	    uint64_t now)
{
	const struct revere_dma_msg *msg = &vchan->msgs[vchan->answered & vchan->msgs_mask];

	if (unlikely(answer->cookie != rvr_cpu_le64(revere_dma_cookie(vchan, vchan->answered)) ||
		     answer->failed != 0 || answer->count != rvr_cpu_le16(msg->count) ||
		     answer->form != rvr_cpu_le32(RVR_DMA_FORM_BATCH) ||
		     vchan->answered == vchan->tx->own)) {
		revere_dma_answer_odd(vchan, answer);
		return;
	}
	revere_dma_msg_done(vchan, now);
}

static __rte_always_inline void
poll(struct revere_dma_vchan *vchan)
{
	struct revere_ring *rx = vchan->rx;
	uint32_t ready;
	uint64_t now;

	if (unlikely(vchan->done == vchan->submitted))
		return;
	ready = revere_rx_ready(rx, vchan->taken + 1);
	if (ready <= vchan->taken) {
		revere_dma_idle(vchan);
		return;
	}
	now = rte_rdtsc();
	do {
		answer_take(vchan, revere_rx_msg(rx, vchan->taken), now);
	} while (++vchan->taken < ready);
	if (unlikely(vchan->taken >= vchan->give_back)) {
		revere_rx_release(rx, vchan->taken);
		vchan->taken = 0;
		/* A device that writes all the time may have answered nothing. */
		revere_dma_overdue(vchan);
	}
	if (unlikely(vchan->deferred))
		revere_dma_publish(vchan);
	/* What was asked for before may be gone: the device's cache reads ahead of it, too. */
	if (vchan->op == NULL && vchan->done == vchan->head)
		slot_prefetch(vchan->tx, 0);
	if (revere_dma_tunes(vchan))
		revere_dma_auto_answers(vchan, now);
}

void
revere_dma_poll(struct revere_dma_vchan *vchan)
{
	poll(vchan);
}

/** Jobs that can be reported, at the most @p wanted. */
static __rte_always_inline uint16_t
jobs_ready(struct revere_dma_vchan *vchan, uint16_t wanted)
{
	if (vchan->done - vchan->tail < wanted)
		poll(vchan);
	return (uint16_t)RTE_MIN(vchan->done - vchan->tail, (uint64_t)wanted);
}

/** Reports @p count jobs: their places are free again. */
static __rte_always_inline void
jobs_reap(struct revere_dma_vchan *vchan, uint16_t count, uint16_t *last_idx)
{
	vchan->tail += count;
	vchan->limit = vchan->tail + vchan->capacity;
	*last_idx = (uint16_t)(vchan->tail - 1);
	if (unlikely(vchan->tail == vchan->head && revere_dma_tunes(vchan)))
		revere_dma_auto_empty(vchan);
}

/** How many of the next @p count jobs come before the first one that failed. */
static __rte_noinline uint16_t
jobs_before_failed(const struct revere_dma_vchan *vchan, uint16_t count)
{
	uint16_t i;

	for (i = 0; i < count; i++) {
		if (vchan->status[(vchan->tail + i) & vchan->status_mask] != 0)
			break;
	}
	return i;
}

static uint16_t
revere_dma_completed(void *dev_private, uint16_t vchan_id, const uint16_t nb_cpls,
		     uint16_t *last_idx, bool *has_error)
{
	struct revere_dma_vchan *vchan = vchan_of(dev_private, vchan_id);
	uint16_t count = jobs_ready(vchan, nb_cpls);

	if (unlikely(vchan->failed_jobs > 0)) {
		uint16_t good = jobs_before_failed(vchan, count);

		*has_error = good < count;
		count = good;
	}
	jobs_reap(vchan, count, last_idx);
	return count;
}

/** Statuses of the next @p count jobs, some of which failed. */
static __rte_noinline void
statuses_take(struct revere_dma_vchan *vchan, uint16_t count, enum rte_dma_status_code *status)
{
	uint16_t i;

	for (i = 0; i < count; i++) {
		uint16_t *entry = &vchan->status[(vchan->tail + i) & vchan->status_mask];

		status[i] = (enum rte_dma_status_code)*entry;
		if (*entry != RTE_DMA_STATUS_SUCCESSFUL) {
			*entry = RTE_DMA_STATUS_SUCCESSFUL;
			vchan->failed_jobs--;
			vchan->errors++;
		}
	}
}

static uint16_t
revere_dma_completed_status(void *dev_private, uint16_t vchan_id, const uint16_t nb_cpls,
			    uint16_t *last_idx, enum rte_dma_status_code *status)
{
	struct revere_dma_vchan *vchan = vchan_of(dev_private, vchan_id);
	uint16_t i, count = jobs_ready(vchan, nb_cpls);

	if (unlikely(vchan->failed_jobs > 0)) {
		statuses_take(vchan, count, status);
	} else {
		for (i = 0; i < count; i++)
			status[i] = RTE_DMA_STATUS_SUCCESSFUL;
	}
	jobs_reap(vchan, count, last_idx);
	return count;
}

void
revere_dma_data_set(struct rte_dma_fp_object *fp_obj, bool checks_reach)
{
	fp_obj->copy = checks_reach ? revere_dma_copy_checked : revere_dma_copy;
	fp_obj->copy_sg = checks_reach ? revere_dma_copy_sg_checked : revere_dma_copy_sg;
	fp_obj->fill = checks_reach ? revere_dma_fill_checked : revere_dma_fill;
	fp_obj->submit = revere_dma_submit;
	fp_obj->completed = revere_dma_completed;
	fp_obj->completed_status = revere_dma_completed_status;
	fp_obj->burst_capacity = revere_dma_burst_capacity;
}
