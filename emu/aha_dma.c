/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The DMA agent (AHA 3): copies memory to memory, one copy or a batch of operations a message.
 *
 * A batch is gone through twice: first all addresses are translated and their memory is asked of
 * the cache, then the operations are done in order. So operations wait for memory together, not
 * one after the other.
 */

#include <errno.h>
#include <stdlib.h>

#include "aha.h"
#include "guard.h"

/* After so many bytes the rest waits for the next turn, so that others have theirs. */
#define DMA_BYTES_MAX (UINT64_C(1) << 20)
#define DMA_BOUNCE 4096u /* multiple of the pattern's 8 bytes */

/** An AMI-HW's own: source and destination each keep their last translation. */
struct dma_hw {
	struct dma_view dst;
	bool unguarded; /**< that guard_copy() can't be used was said */
};

/** An operation, read once from the message, with its addresses here. */
struct dma_job {
	const uint8_t *from; /**< NULL: not in one piece, or a fault */
	uint8_t *to;
	uint64_t src, dst;
	uint32_t len;
	uint16_t opcode;
	bool unsure; /**< one of the addresses may not be there: for guard_copy() alone */
};

typedef uint8_t dma_vec __attribute__((vector_size(16)));

static inline dma_vec
vec_load(const uint8_t *from)
{
	dma_vec vec;

	memcpy(&vec, from, sizeof(vec));
	return vec;
}

static inline void
vec_store(uint8_t *to, dma_vec vec)
{
	memcpy(to, &vec, sizeof(vec));
}

/* ---- Work ------------------------------------------------------------------------------------ */

/** 16 to 128 bytes; all is loaded before anything is stored, so they may overlap. */
static inline void
copy_short(uint8_t *to, const uint8_t *from, uint32_t len)
{
	dma_vec first = vec_load(from), last = vec_load(from + len - 16);

	if (len > 32) {
		dma_vec b = vec_load(from + 16), y = vec_load(from + len - 32);

		if (len > 64) {
			dma_vec c = vec_load(from + 32), d = vec_load(from + 48);
			dma_vec w = vec_load(from + len - 64), x = vec_load(from + len - 48);

			vec_store(to + 32, c);
			vec_store(to + 48, d);
			vec_store(to + len - 64, w);
			vec_store(to + len - 48, x);
		}
		vec_store(to + 16, b);
		vec_store(to + len - 32, y);
	}
	vec_store(to, first);
	vec_store(to + len - 16, last);
}

static inline void
copy_bytes(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (amu_likely(len >= 16 && len <= 128))
		copy_short(to, from, len);
	else
		memmove(to, from, len);
}

static void
copy_inverted(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (to <= from || to >= from + len) {
		for (uint32_t n = 0; n < len; n++)
			to[n] = (uint8_t)~from[n];
	} else {
		for (uint32_t n = len; n-- > 0;)
			to[n] = (uint8_t)~from[n];
	}
}

/** @param src  the pattern, as it lies in the message */
static void
fill(uint8_t *to, uint64_t src, uint32_t len)
{
	uint32_t at;

	for (at = 0; at + 8 <= len; at += 8)
		memcpy(to + at, &src, 8);
	memcpy(to + at, &src, len - at);
}

static inline void
job_work(uint16_t opcode, uint8_t *to, const uint8_t *from, uint64_t pattern, uint32_t len)
{
	if (amu_likely(opcode == RVR_DMA_COPY))
		copy_bytes(to, from, len);
	else if (opcode == RVR_DMA_COPY_INVERTED)
		copy_inverted(to, from, len);
	else
		fill(to, pattern, len);
}

/** An operation on memory in several pieces, or that isn't there: by way of a buffer. */
static enum rvr_dma_status
job_slow(struct ami_hw *hw, const struct dma_job *job)
{
	struct dma_hw *own = hw->priv;
	uint8_t in[DMA_BOUNCE], out[DMA_BOUNCE];
	uint32_t done = 0;

	while (done < job->len) {
		uint32_t len = job->len - done < DMA_BOUNCE ? job->len - done : DMA_BOUNCE;

		if (job->opcode != RVR_DMA_FILL &&
		    (job->src + done < job->src ||
		     dma_read(&hw->view, in, job->src + done, len) != 0))
			return RVR_DMA_SRC_FAULT;
		job_work(job->opcode, out, in, job->src, len);
		if (job->dst + done < job->dst ||
		    dma_write(&own->dst, job->dst + done, out, len) != 0)
			return RVR_DMA_DST_FAULT;
		done += len;
	}
	return RVR_DMA_OK;
}

/** A copy of memory that may not be there. */
static enum rvr_dma_status
job_guarded(struct ami_hw *hw, const struct dma_job *job)
{
	uintptr_t to = (uintptr_t)job->to, from = (uintptr_t)job->from;
	enum guard_result result;

	if (amu_unlikely(to - from < job->len || from - to < job->len))
		return job_slow(hw, job);
	result = guard_copy(job->to, job->from, job->len);
	if (amu_likely(result == GUARD_OK))
		return RVR_DMA_OK;
	return result == GUARD_SRC_FAULT ? RVR_DMA_SRC_FAULT : RVR_DMA_DST_FAULT;
}

static inline enum rvr_dma_status
job_do(struct ami_hw *hw, const struct dma_job *job)
{
	if (amu_unlikely(job->opcode > RVR_DMA_FILL))
		return RVR_DMA_BAD_OP;
	if (amu_unlikely(job->len == 0))
		return RVR_DMA_BAD_LENGTH;
	if (amu_unlikely(hw->aha->amu->config.faults.dma_fault != 0) &&
	    amu_chance(aha_worker(hw), hw->aha->amu->config.faults.dma_fault))
		return RVR_DMA_SRC_FAULT;
	if (amu_unlikely(job->to == NULL || (job->from == NULL && job->opcode != RVR_DMA_FILL)))
		return job_slow(hw, job);
	if (amu_unlikely(job->unsure))
		return job->opcode == RVR_DMA_COPY ? job_guarded(hw, job) : job_slow(hw, job);
	job_work(job->opcode, job->to, job->from, job->src, job->len);
	return RVR_DMA_OK;
}

/** Whether memory that may not be there can be copied directly now. */
static bool
may_guard(struct ami_hw *hw)
{
	struct dma_hw *own = hw->priv;

	if (!hw->view.space->sva)
		return false;
	if (amu_likely(guard_usable()))
		return true;
	if (!own->unguarded)
		amu_log(hw->aha->amu, REVERE_EMU_LOG_INFO,
			"memory that isn't mapped for the device is copied by the kernel, slowly: "
			"SIGSEGV or SIGBUS are someone else's");
	own->unguarded = true;
	return false;
}

/** An address that isn't mapped: as memory that may or may not be there, if that can be tried. */
static uint8_t *
job_unsure(struct ami_hw *hw, struct dma_job *job, struct dma_view *view, uint64_t iova)
{
	uint8_t *va = NULL;

	if (may_guard(hw))
		va = dma_translate_unsure(view, iova, job->len);
	job->unsure |= va != NULL;
	return va;
}

/** Translates a job's addresses and asks for the memory. */
static inline void
job_prepare(struct ami_hw *hw, struct dma_job *job)
{
	struct dma_hw *own = hw->priv;

	job->from = NULL;
	job->unsure = false;
	if (amu_likely(job->opcode != RVR_DMA_FILL)) {
		job->from = dma_translate(&hw->view, job->src, job->len, REVERE_EMU_PROT_READ);
		if (amu_unlikely(job->from == NULL))
			job->from = job_unsure(hw, job, &hw->view, job->src);
		if (amu_likely(job->from != NULL)) {
			__builtin_prefetch(job->from);
			__builtin_prefetch(job->from + (job->len - 1));
		}
	}
	job->to = dma_translate(&own->dst, job->dst, job->len, REVERE_EMU_PROT_WRITE);
	if (amu_unlikely(job->to == NULL))
		job->to = job_unsure(hw, job, &own->dst, job->dst);
	if (amu_likely(job->to != NULL)) {
		__builtin_prefetch(job->to, 1);
		__builtin_prefetch(job->to + (job->len - 1), 1);
	}
}

/* ---- First form ------------------------------------------------------------------------------ */

static uint64_t
do_first(struct ami_hw *hw, const uint8_t *msg, uint8_t *slot, uint32_t slot_bytes)
{
	struct rvr_dma_first req;
	struct dma_job job;

	memcpy(&req, msg, sizeof(req));
	job.src = rvr_le64_cpu(req.src);
	job.dst = rvr_le64_cpu(req.dst);
	job.len = rvr_le32_cpu(req.len);
	job.opcode = req.invert != 0 ? RVR_DMA_COPY_INVERTED : RVR_DMA_COPY;
	if (job.len > 0)
		job_prepare(hw, &job);
	req.rsvd0 = rvr_cpu_le32((uint32_t)job_do(hw, &job));
	memcpy(slot, &req, sizeof(req));
	memset(slot + sizeof(req), 0, slot_bytes - sizeof(req));
	return job.len;
}

/** A form that this agent doesn't know: the answer says so where the status stands. */
static void
do_unknown(const uint8_t *msg, uint8_t *slot, uint32_t slot_bytes)
{
	struct rvr_dma_first req;

	memcpy(&req, msg, sizeof(req));
	req.rsvd0 = rvr_cpu_le32(RVR_DMA_BAD_OP);
	memcpy(slot, &req, sizeof(req));
	memset(slot + sizeof(req), 0, slot_bytes - sizeof(req));
}

/* ---- Batch form ------------------------------------------------------------------------------ */

/** What a view's last translation allows without asking it again; size 0: nothing. */
struct window {
	uint64_t iova, size;
	uint8_t *va;
	bool unsure;
};

static inline struct window
window_of(struct ami_hw *hw, const struct dma_view *view, uint32_t prot)
{
	bool unsure = view->last.prot == DMA_PROT_UNSURE;
	bool valid = view->generation == view->space->generation &&
		     ((view->last.prot & prot) == prot || (unsure && may_guard(hw)));

	return (struct window){
		.iova = view->last.iova,
		.size = valid ? view->last.size : 0,
		.va = view->last.va,
		.unsure = unsure,
	};
}

static inline bool
window_has(const struct window *window, uint64_t iova, uint32_t len)
{
	uint64_t offset = iova - window->iova;

	return offset < window->size && len <= window->size - offset;
}

static inline uint64_t
load64(const uint8_t *at)
{
	rvr_le64 value;

	memcpy(&value, at, sizeof(value));
	return rvr_le64_cpu(value);
}

/**
 * Prepares an operation if it is a copy within both windows, which most are.
 *
 * @return whether it was; then it can't fail, or is `unsure` and complete
 */
static inline bool
plain_prepare(struct dma_job *job, const uint8_t *op, const struct window *src,
	      const struct window *dst)
{
	uint64_t from = load64(op + offsetof(struct rvr_dma_op, src));
	uint64_t to = load64(op + offsetof(struct rvr_dma_op, dst));
	/* RVR_DMA_COPY is 0: len, opcode and zero in one comparison. */
	uint64_t len = load64(op + offsetof(struct rvr_dma_op, len));

	if (amu_unlikely(len - 1 >= UINT32_MAX || !window_has(src, from, (uint32_t)len) ||
			 !window_has(dst, to, (uint32_t)len)))
		return false;
	job->from = src->va + (from - src->iova);
	job->to = dst->va + (to - dst->iova);
	job->len = (uint32_t)len;
	job->unsure = src->unsure | dst->unsure;
	if (job->unsure) {
		job->opcode = RVR_DMA_COPY;
		job->src = from;
		job->dst = to;
	}
	__builtin_prefetch(job->from);
	__builtin_prefetch(job->from + (len - 1));
	__builtin_prefetch(job->to, 1);
	__builtin_prefetch(job->to + (len - 1), 1);
	return true;
}

static __attribute__((noinline)) void
odd_prepare(struct ami_hw *hw, struct dma_job *job, const uint8_t *msg)
{
	struct rvr_dma_op op;

	memcpy(&op, msg, sizeof(op));
	job->opcode = rvr_le16_cpu(op.opcode);
	/* A pattern keeps the order of bytes that it has in the message. */
	job->src = job->opcode == RVR_DMA_FILL ? op.src : rvr_le64_cpu(op.src);
	job->dst = rvr_le64_cpu(op.dst);
	job->len = rvr_le32_cpu(op.len);
	if (amu_likely(job->len > 0))
		job_prepare(hw, job);
}

/** Prepares all operations. @return those, a bit each, that are more than plain copies */
static uint64_t
prepare_ops(struct ami_hw *hw, struct dma_job *jobs, const uint8_t *ops, uint32_t count)
{
	const struct dma_hw *own = hw->priv;
	struct window src = window_of(hw, &hw->view, REVERE_EMU_PROT_READ);
	struct window dst = window_of(hw, &own->dst, REVERE_EMU_PROT_WRITE);
	bool faults = hw->aha->amu->config.faults.dma_fault != 0;
	uint64_t odd = 0;

	if (amu_unlikely(faults))
		src.size = 0;
	for (uint32_t n = 0; n < count; n++) {
		const uint8_t *msg = ops + n * sizeof(struct rvr_dma_op);

		if (amu_likely(plain_prepare(&jobs[n], msg, &src, &dst))) {
			odd |= (uint64_t)jobs[n].unsure << n;
			continue;
		}
		odd_prepare(hw, &jobs[n], msg);
		odd |= UINT64_C(1) << n;
		if (faults)
			continue;
		src = window_of(hw, &hw->view, REVERE_EMU_PROT_READ);
		dst = window_of(hw, &own->dst, REVERE_EMU_PROT_WRITE);
	}
	return odd;
}

/** Does the operations; statuses of those that fail go to the answer. */
static uint64_t
do_ops(struct ami_hw *hw, const uint8_t *ops, uint32_t count, struct rvr_dma_batch_answer *answer)
{
	struct dma_job jobs[RVR_DMA_BATCH_MAX];
	uint64_t odd = prepare_ops(hw, jobs, ops, count);
	uint64_t bytes = 0, failed = 0;

	for (uint32_t n = 0; n < count; n++) {
		const struct dma_job *job = &jobs[n];
		enum rvr_dma_status status;

		bytes += job->len;
		if (amu_likely((odd >> n & 1) == 0)) {
			copy_bytes(job->to, job->from, job->len);
			continue;
		}
		status = job_do(hw, job);
		if (amu_unlikely(status != RVR_DMA_OK)) {
			failed |= UINT64_C(1) << n;
			answer->status[n / 2] |= (uint8_t)((unsigned int)status << (n % 2 * 4));
		}
	}
	answer->failed = rvr_cpu_le64(failed);
	return bytes;
}

static uint64_t
do_batch(struct ami_hw *hw, const uint8_t *msg, uint32_t msg_bytes, uint8_t *slot,
	 uint32_t slot_bytes)
{
	uint32_t room = (msg_bytes - (uint32_t)sizeof(struct rvr_dma_batch)) /
			(uint32_t)sizeof(struct rvr_dma_op);
	struct rvr_dma_batch_answer answer = { .form = rvr_cpu_le32(RVR_DMA_FORM_BATCH) };
	struct rvr_dma_batch req;
	uint64_t bytes = 0;
	uint32_t count;

	memcpy(&req, msg, sizeof(req));
	answer.cookie = req.cookie;
	count = rvr_le16_cpu(req.count);
	if (amu_likely(count > 0 && count <= room && count <= RVR_DMA_BATCH_MAX)) {
		answer.count = req.count;
		bytes = do_ops(hw, msg + sizeof(req), count, &answer);
	}
	memcpy(slot, &answer, sizeof(answer));
	if (slot_bytes > sizeof(answer))
		memset(slot + sizeof(answer), 0, slot_bytes - sizeof(answer));
	return bytes;
}

/* ---- The agent ------------------------------------------------------------------------------- */

static uint32_t
dma_receive(struct ami_hw *hw, unsigned int ams, struct asn *asn, const uint8_t *msgs,
	    uint32_t count)
{
	struct asn *answer = aha_answer_session(hw, ams, asn);
	uint64_t bytes = 0;
	uint32_t n;

	if (answer == NULL)
		return 0;
	for (n = 0; n < count && bytes < DMA_BYTES_MAX; n++) {
		const uint8_t *msg = msgs + (size_t)n * asn->msg_bytes;
		uint8_t *slot = asn_slot(answer);
		rvr_le32 form;

		if (slot == NULL)
			break;
		memcpy(&form, msg + offsetof(struct rvr_dma_first, rsvd0), sizeof(form));
		if (amu_likely(form == rvr_cpu_le32(RVR_DMA_FORM_BATCH)))
			bytes += do_batch(hw, msg, asn->msg_bytes, slot, answer->msg_bytes);
		else if (form == 0)
			bytes += do_first(hw, msg, slot, answer->msg_bytes);
		else
			do_unknown(msg, slot, answer->msg_bytes);
		asn_commit(answer);
	}
	return n;
}

static int
dma_enable(struct ami_hw *hw)
{
	struct dma_hw *own = hw->priv;

	if (own == NULL)
		own = calloc(1, sizeof(*own));
	if (own == NULL)
		return -ENOMEM;
	dma_view_init(&own->dst, hw->view.space);
	hw->priv = own;
	return 0;
}

static void
dma_reset(struct ami_hw *hw)
{
	free(hw->priv);
	hw->priv = NULL;
}

static void
dma_fini(struct aha *aha)
{
	for (unsigned int n = 0; aha->ami_hw != NULL && n < aha->amu->config.num_ami_hw; n++)
		dma_reset(&aha->ami_hw[n]);
}

const struct aha_ops aha_dma_ops = {
	.name = "DMA",
	.kind = RVR_AHA_DMA,
	.fini = dma_fini,
	.receive = dma_receive,
	.enable = dma_enable,
	.reset = dma_reset,
};
