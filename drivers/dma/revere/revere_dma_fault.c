/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What a vchan does about jobs that failed, answers that can't be, answers that don't come and
 * rings that broke. Jobs concerned fail, with a status, in their turn; no user waits for good.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_pause.h>

#include "revere_dma.h"

#define IDLE_POLLS_PER_LOOK 256	/* polls in vain between two looks at the clock */
#define LOOKS_PER_S 1000 /* at registers of a device that doesn't answer */
#define SLOT_WAIT_TRIES 100000	/* looks at READ_INDEX_TX before the device counts as broken */

/** The one place where the agent's statuses become DPDK's. */
static enum rte_dma_status_code
status_of(unsigned int status)
{
	switch (status) {
	case RVR_DMA_SRC_FAULT:
		return RTE_DMA_STATUS_INVALID_SRC_ADDR;
	case RVR_DMA_DST_FAULT:
		return RTE_DMA_STATUS_INVALID_DST_ADDR;
	case RVR_DMA_BAD_LENGTH:
		return RTE_DMA_STATUS_INVALID_LENGTH;
	case RVR_DMA_BAD_OP:
		return RTE_DMA_STATUS_INVALID_OPCODE;
	default:
		return RTE_DMA_STATUS_ERROR_UNKNOWN;
	}
}

void
revere_dma_job_fail(struct revere_dma_vchan *vchan, uint64_t job, enum rte_dma_status_code status)
{
	uint16_t *entry = &vchan->status[job & vchan->status_mask];

	if (*entry != RTE_DMA_STATUS_SUCCESSFUL)
		return;
	*entry = (uint16_t)status;
	vchan->failed_jobs++;
}

void
revere_dma_job_refused(struct revere_dma_vchan *vchan)
{
	uint16_t *entry = &vchan->status[vchan->head & vchan->status_mask];

	if (*entry == RTE_DMA_STATUS_SUCCESSFUL)
		return;
	*entry = RTE_DMA_STATUS_SUCCESSFUL;
	vchan->failed_jobs--;
}

/**
 * An operation that the device failed, or may not have done: it is done again by the CPU, or its
 * job fails. Again is too late if a later job is fenced: it may have used what wasn't there, or
 * changed the source. The job that is being enqueued goes on if others are done again, else it is
 * refused.
 */
static void
op_failed(struct revere_dma_vchan *vchan, uint64_t job, const struct rvr_dma_op *op,
	  enum rte_dma_status_code status)
{
	bool redoes = revere_dma_redoes(vchan);

	if (redoes && vchan->fence <= job && revere_dma_cpu_again(op))
		vchan->count.retries++;
	else if (job < vchan->head || redoes)
		revere_dma_job_fail(vchan, job, status);
}

/** Which of a message's operations failed, and how. */
struct failures {
	uint64_t failed;	 /**< bit n: operation n */
	const uint8_t *statuses; /**< of the operations, NULL: all have this one: */
	enum rte_dma_status_code status;
};

/** Does something about the failures of message @p seq with @p count operations. */
static void
ops_failed(struct revere_dma_vchan *vchan, uint64_t seq, uint32_t count, uint64_t inner,
	   const struct failures *failures)
{
	const struct rvr_dma_op *ops = revere_dma_msg_ops_of(vchan, seq);
	uint64_t job = vchan->msgs[seq & vchan->msgs_mask].first;
	enum rte_dma_status_code status = failures->status;
	uint32_t i;

	for (i = 0; i < count; i++) {
		while (revere_dma_is_cpus(vchan, job))
			job++;
		if (failures->statuses != NULL)
			status = status_of(failures->statuses[i / 2] >> (i % 2 * 4) & 0xf);
		if (failures->failed & RTE_BIT64(i))
			op_failed(vchan, job, &ops[i], status);
		if ((inner & RTE_BIT64(i)) == 0)
			job++;
	}
}

/**
 * Completes the oldest message in flight with failures.
 *
 * @param failed    bit n: operation n failed
 * @param statuses  of the operations, NULL: ERROR_UNKNOWN
 */
static void
message_fail(struct revere_dma_vchan *vchan, uint64_t failed, const uint8_t *statuses)
{
	const struct revere_dma_msg *msg = &vchan->msgs[vchan->answered & vchan->msgs_mask];
	struct failures failures = {failed, statuses, RTE_DMA_STATUS_ERROR_UNKNOWN};

	ops_failed(vchan, vchan->answered, msg->count, msg->inner, &failures);
	revere_dma_msg_done(vchan, rte_rdtsc());
}

/**
 * Takes an answer that isn't the success of the whole oldest message. It may have changed under
 * the eyes of the one who found that out, and may change now: only a copy is looked at.
 */
void
revere_dma_answer_odd(struct revere_dma_vchan *vchan, const void *odd)
{
	uint64_t seq, ahead, in_flight = vchan->tx->own - vchan->answered;
	struct rvr_dma_batch_answer answer;
	const struct revere_dma_msg *msg;

	memcpy(&answer, odd, sizeof(answer));
	seq = revere_dma_cookie_seq(vchan, rvr_le64_cpu(answer.cookie));
	ahead = seq - vchan->answered;

	if (in_flight == 0 || seq < vchan->answered) {
		vchan->faults.stray++;
		return;
	}
	if (ahead >= in_flight) {
		/* No cookie of ours. Answers keep their order, so it is the oldest one's. */
		vchan->faults.corrupt++;
		message_fail(vchan, UINT64_MAX, NULL);
		return;
	}
	for (; ahead > 0; ahead--) {
		vchan->faults.lost++;
		message_fail(vchan, UINT64_MAX, NULL);
	}
	msg = &vchan->msgs[vchan->answered & vchan->msgs_mask];
	if (rvr_le16_cpu(answer.count) != msg->count ||
	    rvr_le32_cpu(answer.form) != RVR_DMA_FORM_BATCH) {
		vchan->faults.corrupt++;
		message_fail(vchan, UINT64_MAX, NULL);
		return;
	}
	message_fail(vchan, rvr_le64_cpu(answer.failed), answer.status);
}

/** Ends all messages that aren't answered, those included that were only begun. */
static void
messages_fail(struct revere_dma_vchan *vchan)
{
	const struct failures all = {UINT64_MAX, NULL, RTE_DMA_STATUS_BUS_ERROR};
	uint64_t seq, end = vchan->tx->own + vchan->closed;
	const struct revere_dma_msg *msg;

	for (seq = vchan->answered; seq != end; seq++) {
		msg = &vchan->msgs[seq & vchan->msgs_mask];
		ops_failed(vchan, seq, msg->count, msg->inner, &all);
	}
	if (vchan->op != NULL)
		ops_failed(vchan, end, (uint32_t)(vchan->op - vchan->ops), vchan->inner, &all);
	vchan->done = vchan->head;
	vchan->submitted = vchan->head;
}

/** The device is of no use any more. */
static void
device_lost(struct revere_dma_vchan *vchan, int error)
{
	bool redoes = revere_dma_redoes(vchan);

	REVERE_DMA_LOG(ERR, vchan->dma, "vchan %u: cannot reset the context: %s; until the device "
		       "is stopped and started %s", vchan->id, strerror(-error),
		       redoes ? "the CPU does all copies" : "nothing is accepted");
	/* Should it come back to life, it finds no job there. */
	memset(vchan->tx->base, 0, (size_t)vchan->tx->msg_size * (vchan->tx->mask + 1));
	if (redoes) {
		vchan->state = REVERE_DMA_ON_CPU;
		vchan->split_below = UINT32_MAX;
	} else {
		vchan->state = REVERE_DMA_DEAD;
		vchan->capacity = 0;
		vchan->limit = vchan->tail;
	}
}

/**
 * Gives up what is in flight and begins again with empty rings. The device is quiesced before a
 * job is done again or reported as failed, so its buffers can be used again.
 */
static void
recover(struct revere_dma_vchan *vchan, const char *why)
{
	int ret;

	REVERE_DMA_LOG(WARNING, vchan->dma,
		       "vchan %u: %s; %" PRIu64 " jobs %s, resetting the context", vchan->id, why,
		       vchan->head - vchan->done,
		       revere_dma_redoes(vchan) ? "are done again" : "fail");
	vchan->faults.recovers++;
	ret = revere_dma_vchan_revive(vchan);
	if (ret == 0)
		ret = revere_dma_vchan_quiesce(vchan);
	messages_fail(vchan);
	ret = revere_dma_vchan_resume(vchan, ret);
	if (ret < 0)
		device_lost(vchan, ret);
}

/** Looks now and then whether the device was reset; what another vchan did about it counts. */
static bool
device_was_reset(struct revere_dma_vchan *vchan)
{
	struct revere_dev *dev = vchan->dma->dev;
	uint64_t now = rte_get_timer_cycles();

	if (unlikely(revere_dev_restarts(dev) != vchan->restarts))
		return true;
	/* Reading a register of a device in another process takes long. */
	if (likely(now < vchan->look_at))
		return false;
	vchan->look_at = now + rte_get_timer_hz() / LOOKS_PER_S;
	return revere_dev_is_lost(dev);
}

/** Whether a message was answered since the last look; what comes besides is no answer. */
static bool
has_moved(struct revere_dma_vchan *vchan)
{
	if (vchan->awaited == vchan->answered)
		return false;
	vchan->awaited = vchan->answered;
	vchan->deadline = 0;
	return true;
}

void
revere_dma_overdue(struct revere_dma_vchan *vchan)
{
	uint64_t now;

	if (has_moved(vchan) || vchan->dma->timeout == 0)
		return;
	now = rte_get_timer_cycles();
	if (vchan->deadline == 0)
		vchan->deadline = now + vchan->dma->timeout;
	else if (now > vchan->deadline)
		recover(vchan, "no answer in time");
}

/** Nothing has come although jobs are in flight. */
void
revere_dma_idle(struct revere_dma_vchan *vchan)
{
	if (vchan->taken > 0) {
		revere_rx_release(vchan->rx, vchan->taken);
		vchan->taken = 0;
	}
	if (unlikely(vchan->rx->broken || vchan->tx->broken)) {
		recover(vchan, "the device wrote an index that can't be");
		return;
	}
	if (has_moved(vchan))
		vchan->idle_polls = 0;
	if (likely(++vchan->idle_polls % IDLE_POLLS_PER_LOOK != 0))
		return;
	/* A secondary process doesn't see that, it gives up in the end. */
	if (rte_eal_process_type() == RTE_PROC_PRIMARY) {
		if (unlikely(revere_transport_gone(revere_dev_transport(vchan->dma->dev)))) {
			recover(vchan, "the device is gone");
			return;
		}
		if (unlikely(device_was_reset(vchan))) {
			recover(vchan, "the device was reset");
			return;
		}
	}
	/* A device without a thread of its own works only when it is called. */
	revere_ring_doorbell(vchan->tx);
	revere_dma_overdue(vchan);
}

/**
 * Waits until the device has taken the message in the next slot. As it answered that message,
 * it has, and its index is on the way.
 *
 * @return false: it never came, the vchan was reset
 */
bool
revere_dma_slot_wait(struct revere_dma_vchan *vchan)
{
	struct revere_ring *tx = vchan->tx;
	unsigned int i;

	for (i = 0; i < SLOT_WAIT_TRIES && !tx->broken; i++) {
		revere_tx_refresh(tx);
		if (tx->own + vchan->closed - tx->seen <= tx->mask)
			return true;
		rte_pause();
	}
	recover(vchan, "a message that was answered was never taken from the ring");
	return false;
}
