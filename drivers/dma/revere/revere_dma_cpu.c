/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What the CPU does of a vchan's work: jobs below the threshold, at once, and again what the
 * device has failed. Only where IOVA is VA, so that addresses of jobs are ours.
 *
 * Jobs may overtake each other unless a fence stands between them. So the CPU does a job while
 * the AMU still works on earlier ones, but not if the job is fenced, or comes after a fenced one
 * whose predecessors aren't complete: then the AMU, which keeps the order, gets it.
 */

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_memcpy.h>
#include <rte_memory.h>

#include "revere_dma.h"

#define FILL_CHUNK 4096u /* a multiple of the pattern's 8 bytes */

bool
revere_dma_cpu_may(const struct revere_dma_vchan *vchan, uint64_t flags)
{
	uint64_t oldest = revere_dma_oldest(vchan);

	if (likely(oldest == REVERE_DMA_NO_JOB))
		return true;
	return (flags & RTE_DMA_OP_FLAG_FENCE) == 0 && oldest >= vchan->fence;
}

static inline void
fill(uint8_t *to, uint64_t pattern, uint32_t length)
{
	uint32_t at;

	for (at = 0; at + sizeof(pattern) <= length; at += sizeof(pattern))
		memcpy(to + at, &pattern, sizeof(pattern));
	memcpy(to + at, &pattern, length - at);
}

/** Does an operation; addresses are those of this process. */
static __rte_always_inline void
work(uint64_t src, uint64_t dst, uint32_t length, enum rvr_dma_opcode opcode)
{
	uint8_t *to = (uint8_t *)(uintptr_t)dst;

	if (likely(opcode == RVR_DMA_COPY))
		rte_memcpy(to, (const void *)(uintptr_t)src, length);
	else
		fill(to, src, length);
}

static inline bool
has_addresses(uint64_t src, uint64_t dst, enum rvr_dma_opcode opcode)
{
	return dst != 0 && (src != 0 || opcode == RVR_DMA_FILL);
}

static inline void
count_copy(struct revere_dma_vchan *vchan, uint32_t length)
{
	vchan->count.cpu_copies++;
	vchan->count.cpu_bytes += length;
}

int
revere_dma_cpu_job_add(struct revere_dma_vchan *vchan, uint64_t flags)
{
	uint64_t job = vchan->head++;

	vchan->by_cpu[job & vchan->status_mask] = job + 1;
	vchan->slack++;
	if (flags & RTE_DMA_OP_FLAG_SUBMIT)
		revere_dma_publish(vchan);
	return (uint16_t)job;
}

/** A job that the CPU isn't to do: the AMU's, if there is still one. */
static __rte_noinline int
not_for_cpu(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
	    enum rvr_dma_opcode opcode, uint64_t flags)
{
	enum rte_dma_status_code status = RTE_DMA_STATUS_INVALID_DST_ADDR;

	if (vchan->state != REVERE_DMA_ON_CPU)
		return revere_dma_amu_job(vchan, src, dst, length, opcode, flags);
	if (has_addresses(src, dst, opcode))
		status = RTE_DMA_STATUS_ERROR_UNKNOWN;
	else if (dst != 0)
		status = RTE_DMA_STATUS_INVALID_SRC_ADDR;
	revere_dma_job_fail(vchan, vchan->head, status);
	return revere_dma_cpu_job_add(vchan, flags);
}

/** A job that tells what the CPU's copies really cost. */
static __rte_noinline void
work_timed(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
	   enum rvr_dma_opcode opcode)
{
	uint64_t begin = rte_rdtsc_precise(), end;

	work(src, dst, length, opcode);
	end = rte_rdtsc_precise();
	revere_dma_auto_sample(vchan, length, end - begin);
}

int
revere_dma_cpu_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
		   enum rvr_dma_opcode opcode, uint64_t flags)
{
	if (unlikely(length == 0))
		return -EINVAL;
	if (unlikely(vchan->head >= vchan->limit))
		return revere_dma_no_room(vchan);
	if (unlikely(!has_addresses(src, dst, opcode) || !revere_dma_has_va(vchan) ||
		     !revere_dma_cpu_may(vchan, flags)))
		return not_for_cpu(vchan, src, dst, length, opcode, flags);
	if (unlikely(vchan->head == vchan->submitted && revere_dma_tunes(vchan)))
		revere_dma_auto_burst(vchan);
	if (unlikely(vchan->tune.sampling))
		work_timed(vchan, src, dst, length, opcode);
	else
		work(src, dst, length, opcode);
	count_copy(vchan, length);
	return revere_dma_cpu_job_add(vchan, flags);
}

bool
revere_dma_cpu_piece(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length)
{
	if (!has_addresses(src, dst, RVR_DMA_COPY) || !revere_dma_has_va(vchan))
		return false;
	work(src, dst, length, RVR_DMA_COPY);
	count_copy(vchan, length);
	return true;
}

/* ---- What the device can't reach ------------------------------------------------------------ */

static inline bool
range_has(const struct revere_range *range, uint64_t at, uint32_t length)
{
	uint64_t offset = at - range->start;

	return offset < range->size && length <= range->size - offset;
}

/** @p last: where the address before was found */
static inline bool
reaches(struct revere_dma_vchan *vchan, struct revere_range *last, uint64_t at, uint32_t length)
{
	if (likely(range_has(last, at, length)))
		return true;
	*last = revere_reach_find(vchan->reach, at);
	return range_has(last, at, length);
}

/** Whether memory is DPDK's, which all of its processes see at the same addresses. */
static bool
is_shared(uint64_t at, uint32_t length)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list((void *)(uintptr_t)at);

	return list != NULL && length <= list->len - (at - (uintptr_t)list->base_va);
}

/**
 * What a device of the primary process takes for what is at the same address there. What the
 * device reaches is in memory of the primary's own; more than DPDK has it can't be.
 */
static bool
is_private(uint64_t src, uint64_t dst, uint32_t length, enum rvr_dma_opcode opcode)
{
	return !is_shared(dst, length) || (opcode == RVR_DMA_COPY && !is_shared(src, length));
}

bool
revere_dma_is_far(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
		  enum rvr_dma_opcode opcode)
{
	uint32_t generation;

	if (unlikely(!has_addresses(src, dst, opcode)))
		return false;
	if (unlikely(revere_dma_secondary))
		return is_private(src, dst, length, opcode);
	generation = __atomic_load_n(&vchan->reach->generation, __ATOMIC_ACQUIRE);
	if (unlikely(generation != vchan->reach_seen)) {
		vchan->reach_seen = generation;
		vchan->src_range.size = 0;
		vchan->dst_range.size = 0;
	}
	return !reaches(vchan, &vchan->dst_range, dst, length) ||
	       (opcode == RVR_DMA_COPY && !reaches(vchan, &vchan->src_range, src, length));
}

void
revere_dma_cpu_wait(struct revere_dma_vchan *vchan, uint64_t flags)
{
	while (!revere_dma_cpu_may(vchan, flags)) {
		/* Jobs behind the doorbell would never be done. */
		if (vchan->submitted != vchan->head)
			revere_dma_publish(vchan);
		revere_dma_poll(vchan);
	}
}

int
revere_dma_far_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length,
		   enum rvr_dma_opcode opcode, uint64_t flags)
{
	if (length == 0)
		return -EINVAL;
	if (vchan->head >= vchan->limit)
		return revere_dma_no_room(vchan);
	revere_dma_cpu_wait(vchan, flags);
	vchan->count.far++;
	return revere_dma_cpu_job(vchan, src, dst, length, opcode, flags);
}

/* ---- What the device has failed ------------------------------------------------------------- */

/** A copy by the kernel, which tells if there is no memory where there should be. */
static bool
copy_safely(uint64_t src, uint64_t dst, uint32_t length)
{
	struct iovec from, to;
	uint32_t at = 0;
	ssize_t done;

	while (at < length) {
		from.iov_base = (void *)(uintptr_t)(src + at);
		to.iov_base = (void *)(uintptr_t)(dst + at);
		from.iov_len = to.iov_len = length - at;
		done = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
		if (done <= 0)
			return false;
		at += (uint32_t)done;
	}
	return true;
}

static bool
fill_safely(uint64_t pattern, uint64_t dst, uint32_t length)
{
	uint8_t chunk[FILL_CHUNK];
	uint32_t at, part;

	fill(chunk, pattern, sizeof(chunk));
	for (at = 0; at < length; at += part) {
		part = RTE_MIN(length - at, FILL_CHUNK);
		if (!copy_safely((uintptr_t)chunk, dst + at, part))
			return false;
	}
	return true;
}

bool
revere_dma_cpu_again(const struct rvr_dma_op *op)
{
	uint64_t dst = rvr_le64_cpu(op->dst);
	uint32_t length = rvr_le32_cpu(op->len);

	switch (rvr_le16_cpu(op->opcode)) {
	case RVR_DMA_COPY:
		return copy_safely(rvr_le64_cpu(op->src), dst, length);
	case RVR_DMA_FILL:
		return fill_safely(rvr_le64_cpu(op->src), dst, length);
	default:
		return false;
	}
}
