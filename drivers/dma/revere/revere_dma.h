/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * State of a dmadev on Revere's DMA agent, shared by the files of this driver.
 *
 * A vchan is one AMI-SW and one AMI-HW of the DMA agent with two sessions: requests go out on
 * TX socket 0, answers come in on RX socket 0. Jobs (what the user enqueues) become operations
 * of the agent's batch form, written straight into the slot of the message that is being filled:
 *
 *   jobs       tail          done            submitted      head        limit = tail + nb_desc
 *   ------------|-------------|------------------|------------|------------|----------------
 *     reaped       completed        in flight       only queued    free
 *
 *   messages        answered              tx->own      tx->own + closed
 *   -------------------|---------------------|------------------|-------|-----------------
 *       answered            with the device       not published   open      free
 *
 * Job counts and message sequence numbers run freely over 64 bits and begin at 0 with each
 * start; a ring_idx is the low 16 bits of a job's number, a slot the low bits of a sequence
 * number. Answers come in the order of requests, one a message, so one number (done) describes
 * all completions, whoever does the copies.
 */

#ifndef REVERE_DMA_H
#define REVERE_DMA_H

#include <rte_common.h>
#include <rte_dmadev_pmd.h>
#include <rte_log.h>

#include "revere_common.h"

#define REVERE_DMA_MIN_DESC 32
#define REVERE_DMA_MAX_DESC 32768 /* users (vhost) keep tables of this many in 16 bits */
/* Segments on a side. More than 45 and dpdk-test makes lists with empty segments. */
#define REVERE_DMA_MAX_SGES 32
/* An agent has at least so many AMI-HWs; how many more, nothing tells. */
#define REVERE_DMA_MAX_VCHANS 16
/* Requests of 1 KiB if the device has them: a burst of 32 copies and some in one message. */
#define REVERE_DMA_LOG2_MSG_LENGTH 7
#define REVERE_DMA_TIMEOUT_MS 10000 /* default of devarg answer_timeout_ms */
#define REVERE_DMA_AMS 0	    /* the socket used at both ends of both sessions */

extern int revere_dma_logtype;
#define REVERE_DMA_LOG(level, dma, ...)                                                        \
	rte_log(RTE_LOG_##level, revere_dma_logtype,                                           \
		RTE_FMT("DMA_REVERE: %s: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", (dma)->name,      \
			RTE_FMT_TAIL(__VA_ARGS__, )))

/** What a message that was closed holds, until it is answered. */
struct revere_dma_msg {
	uint64_t end;	/**< jobs whose last operation is in this message or an earlier one */
	uint64_t inner; /**< bit n: operation n is not the last one of its job */
	uint32_t count; /**< operations */
};

/** What went wrong since start, beyond jobs that failed. */
struct revere_dma_faults {
	uint64_t corrupt;  /**< answers that can't be */
	uint64_t lost;	   /**< answers that never came, though later ones did */
	uint64_t stray;	   /**< answers to nothing that is in flight */
	uint64_t recovers; /**< the context was reset under way */
};

enum revere_dma_state {
	REVERE_DMA_UNSET,   /**< no context */
	REVERE_DMA_STOPPED, /**< context and rings are there, disabled */
	REVERE_DMA_STARTED,
	REVERE_DMA_DEAD, /**< started, but the device is beyond recovery: nothing is accepted */
};

/** A virtual channel. All of it belongs to the thread that enqueues and polls. */
struct revere_dma_vchan {
	/* Enqueueing. */
	struct rvr_dma_op *op;	   /**< where the next operation goes; NULL: no open message */
	struct rvr_dma_op *op_end; /**< end of the open message's room */
	struct rvr_dma_op *ops;	   /**< first operation of the open message */
	uint64_t head;		   /**< number of the next job */
	uint64_t limit;		   /**< head can't reach beyond */
	struct revere_ring *tx;
	uint64_t submitted; /**< jobs below are to be done */
	uint32_t closed;    /**< messages that are complete, but not published */
	uint32_t msg_ops;   /**< operations that a message can hold */

	/* Completing. */
	uint64_t tail __rte_cache_aligned; /**< jobs reported to the user */
	uint64_t done;			   /**< jobs completed */
	uint64_t answered;		   /**< messages answered */
	struct revere_ring *rx;
	uint32_t taken;	      /**< answers read, slots not yet given back */
	uint32_t give_back;   /**< how many to give back at once */
	uint32_t failed_jobs; /**< jobs with an entry in status */
	uint32_t capacity;    /**< nb_desc while jobs are accepted, else 0 */
	uint32_t idle_polls;  /**< polls in vain since the last answer */

	/* Both, once a message. */
	struct revere_dma_msg *msgs __rte_cache_aligned; /**< by sequence number */
	uint64_t salt;					 /**< of the cookies of this start */
	/**
	 * Operations for which there is room in the request ring, minus jobs that aren't in
	 * flight (free, or completed and soon to be free); never negative. It says whether a
	 * message may be sent that isn't full, or a job have more than one operation, without
	 * breaking the promise of burst_capacity: room wasted must not be missed by a later copy.
	 */
	int64_t slack;
	uint64_t inner; /**< of the open message, see struct revere_dma_msg */
	bool deferred;	/**< jobs were submitted that are in the open message, for want of slack */

	/* Seldom. */
	uint16_t *status __rte_cache_aligned; /**< enum rte_dma_status_code by job, if it failed */
	uint32_t status_mask;
	enum revere_dma_state state;
	uint16_t nb_desc; /**< as the user asked */
	uint16_t id;
	uint64_t deadline; /**< timer cycles: the next answer must be there by then */
	uint64_t errors;   /**< failed jobs reported */
	struct rte_dma_stats base; /**< what stats_reset() took as zero */
	struct revere_dma_faults faults;
	struct revere_dma_dev *dma;
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	int request_asn, answer_asn; /**< ASN_ID, negative: none */
} __rte_cache_aligned;

/** A dmadev. */
struct revere_dma_dev {
	struct revere_dma_vchan vchans[REVERE_DMA_MAX_VCHANS];
	struct revere_device *device; /**< reference, given back at close */
	struct revere_dev *dev;
	char name[REVERE_NAME_MAX];
	int numa_node;
	uint16_t aha_id;
	uint16_t max_vchans;
	uint16_t max_desc;
	uint16_t nb_vchans;
	uint8_t request_log2_length; /**< DW */
	uint8_t answer_log2_length;  /**< DW */
	bool sva;
	bool started;
	uint64_t timeout; /**< timer cycles without an answer before recovery, 0 never */
};

/** Operations that a message of 2^@p log2_length DW can hold. */
static inline uint32_t
revere_dma_msg_ops(uint8_t log2_length)
{
	size_t room = ((size_t)RVR_DW << log2_length) - sizeof(struct rvr_dma_batch);

	return (uint32_t)RTE_MIN(room / sizeof(struct rvr_dma_op), (size_t)RVR_DMA_BATCH_MAX);
}

/** Slots that a ring of @p nb_desc jobs should have; see revere_dma_vchan::slack. */
static inline uint32_t
revere_dma_ring_slots(uint32_t nb_desc, uint32_t msg_ops)
{
	/* Twice what full messages need, so that short ones are put off only under load. */
	return rte_align32pow2((2 * nb_desc + 2 * REVERE_DMA_MAX_SGES) / msg_ops + 2);
}

#define REVERE_DMA_COOKIE_STEP UINT64_C(0x9e3779b97f4a7c15)
#define REVERE_DMA_COOKIE_UNSTEP UINT64_C(0xf1de83e19937733d)
_Static_assert(REVERE_DMA_COOKIE_STEP * REVERE_DMA_COOKIE_UNSTEP == 1, "inverse modulo 2^64");

/** Cookie of message @p seq: spread, so that a damaged one doesn't look like a neighbour's. */
static inline uint64_t
revere_dma_cookie(const struct revere_dma_vchan *vchan, uint64_t seq)
{
	return (seq * REVERE_DMA_COOKIE_STEP) ^ vchan->salt;
}

/** Sequence number of a cookie, any number if it is none of ours. */
static inline uint64_t
revere_dma_cookie_seq(const struct revere_dma_vchan *vchan, uint64_t cookie)
{
	return (cookie ^ vchan->salt) * REVERE_DMA_COOKIE_UNSTEP;
}

/** Completes the oldest message in flight: its jobs, and its room. */
static inline void
revere_dma_msg_done(struct revere_dma_vchan *vchan, const struct revere_dma_msg *msg)
{
	vchan->slack += (int64_t)vchan->msg_ops - (int64_t)(msg->end - vchan->done);
	vchan->done = msg->end;
	vchan->answered++;
}

/* revere_dma_data.c: what struct rte_dma_fp_object points to */
void revere_dma_data_set(struct rte_dma_fp_object *fp_obj);
/** Takes answers that are there, and publishes what was put off. */
void revere_dma_poll(struct revere_dma_vchan *vchan);

/* revere_dma_vchan.c */
int revere_dma_vchan_create(struct revere_dma_dev *dma, uint16_t id, uint16_t nb_desc);
void revere_dma_vchan_destroy(struct revere_dma_vchan *vchan);
int revere_dma_vchan_start(struct revere_dma_vchan *vchan);
int revere_dma_vchan_stop(struct revere_dma_vchan *vchan);
/** Disables, discards what is in flight, enables: the rings begin at 0 again, jobs go on. */
int revere_dma_vchan_reset(struct revere_dma_vchan *vchan);

/* revere_dma_fault.c */
void revere_dma_answer_odd(struct revere_dma_vchan *vchan, const void *answer);
void revere_dma_idle(struct revere_dma_vchan *vchan);
bool revere_dma_slot_wait(struct revere_dma_vchan *vchan);

/* revere_dma_stats.c */
int revere_dma_stats_get(const struct rte_dma_dev *dev, uint16_t vchan,
			 struct rte_dma_stats *stats, uint32_t stats_sz);
int revere_dma_stats_reset(struct rte_dma_dev *dev, uint16_t vchan);
int revere_dma_vchan_status(const struct rte_dma_dev *dev, uint16_t vchan,
			    enum rte_dma_vchan_status *status);
int revere_dma_dump(const struct rte_dma_dev *dev, FILE *file);

#endif /* REVERE_DMA_H */
