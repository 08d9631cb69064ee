/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Digests and interrupts of AMI-SWs.
 *
 * A ring's level is what its digest bit is about: messages of an RX ring, free slots of a TX
 * ring. Only the device raises a level, so bits are set where it publishes an index; bits fall
 * when polling finds that software has moved its index.
 */

#include "event.h"
#include "worker.h"

void
irq_raise(struct amu_function *function, unsigned int vector)
{
	if (vector >= function->amu->config.msix_vectors)
		return;
	pthread_mutex_lock(&function->irq_lock);
	if (function->irq_fd[vector] >= 0 && event_signal(function->irq_fd[vector]) < 0)
		amu_log(function->amu, REVERE_EMU_LOG_DEBUG,
			"function %u: the eventfd of vector %u takes no more", function->id,
			vector);
	pthread_mutex_unlock(&function->irq_lock);
}

/** Level of a ring, with software's index as it is now. */
static int64_t
ring_level(const struct ams *ams)
{
	if (ams->tx)
		return (int64_t)ams->mask + 1 -
		       (int64_t)(atomic_load_explicit(ams->write_index, memory_order_acquire) -
				 ams->read);
	return (int64_t)(ams->write -
			 atomic_load_explicit(ams->read_index, memory_order_acquire));
}

static _Atomic uint64_t *
page_word(const struct ami_sw *ami, uint32_t offset)
{
	return (_Atomic uint64_t *)(void *)(ami->page + offset);
}

/** Sets or clears a ring's bit of the digest, for software too. */
static void
digest_set(struct ams *ams, bool on)
{
	struct ami_sw *ami = ams->ami_sw;
	uint64_t *digest = ams->tx ? &ami->tx_digest : &ami->rx_digest;
	uint32_t offset = ams->tx ? RVR_TX_DIGEST : RVR_RX_DIGEST;
	uint64_t bit = UINT64_C(1) << ams->id;

	if (ams->digest == on)
		return;
	ams->digest = on;
	*digest = on ? *digest | bit : *digest & ~bit;
	atomic_store_explicit(page_word(ami, offset), *digest, memory_order_release);
	if (ami->typeb != NULL)
		atomic_store_explicit((_Atomic uint64_t *)(void *)(ami->typeb + offset), *digest,
				      memory_order_release);
}

/**
 * Interrupt for a ring whose bit is up to date: when DIGEST AND NOT MASK has gained its bit, or
 * when `crossed` says that the level has come from below the threshold.
 */
static void
digest_irq(struct ams *ams, bool crossed)
{
	struct ami_sw *ami = ams->ami_sw;
	uint64_t *seen = ams->tx ? &ami->tx_digest_seen : &ami->rx_digest_seen;
	uint32_t mask_offset = ams->tx ? RVR_TX_DIGEST_MASK : RVR_RX_DIGEST_MASK;
	uint64_t bit = UINT64_C(1) << ams->id;
	uint64_t mask = atomic_load_explicit(page_word(ami, mask_offset), memory_order_acquire);
	bool was = (*seen & bit) != 0;
	bool is = ams->digest && (mask & bit) == 0;

	*seen = is ? *seen | bit : *seen & ~bit;
	if (is && (crossed || !was))
		irq_raise(ami->function, ams->tx ? ami->tx_vector : ami->rx_vector);
}

void
digest_published(struct ams *ams, uint64_t count)
{
	int64_t threshold = INT64_C(1) << ams->threshold;
	int64_t level;

	/*
	 * Software that is about to sleep writes its index, fences and reads ours; we have
	 * written ours, fence and read its: one of the two sees the other.
	 */
	if (ams->irq)
		amu_fence();
	level = ring_level(ams);
	digest_set(ams, level >= threshold);
	if (ams->irq)
		digest_irq(ams, level >= threshold && level - (int64_t)count < threshold);
}

void
digest_update(struct ams *ams)
{
	digest_published(ams, 0);
}

void
digest_masked(struct ami_sw *ami, enum rvr_ams_type direction)
{
	struct ams *rings = direction == RVR_AMS_TX ? ami->tx : ami->rx;

	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++)
		if (rings[n].running)
			digest_update(&rings[n]);
}

void
digest_poll(struct ami_sw *ami)
{
	digest_masked(ami, RVR_AMS_RX);
	digest_masked(ami, RVR_AMS_TX);
}
