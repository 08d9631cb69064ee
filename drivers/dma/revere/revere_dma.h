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
 * number. Answers come in the order of requests, one a message.
 *
 * Copies shorter than a threshold are done by the CPU, at once, and take a job number but no
 * room in a message. As each message knows its first job, one number (done) still describes all
 * completions, in the order of ring_idx, whoever does the copies: all jobs before the first one
 * of the oldest message that is not answered.
 */

#ifndef REVERE_DMA_H
#define REVERE_DMA_H

#include <errno.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_dmadev_pmd.h>
#include <rte_log.h>

#include "revere_common.h"
#include "rte_pmd_revere_dma.h"

#define REVERE_DMA_MIN_DESC 32
#define REVERE_DMA_MAX_DESC 32768 /* users (vhost) keep tables of this many in 16 bits */
/* Segments on a side. More than 45 and dpdk-test makes lists with empty segments. */
#define REVERE_DMA_MAX_SGES 32
/* An agent has at least so many AMI-HWs; how many more, nothing tells. */
#define REVERE_DMA_MAX_VCHANS 16
/* ID of the vchan that measures, and of its ring. */
#define REVERE_DMA_SPARE UINT16_MAX
#define REVERE_DMA_SPARE_DESC 128
#define REVERE_DMA_TIMEOUT_MS 10000 /* default of devarg answer_timeout_ms */
#define REVERE_DMA_ARG_THRESHOLD "threshold"
#define REVERE_DMA_AMS RVR_PLAN_DMA /* the socket used at both ends of both sessions */

extern int revere_dma_logtype;
extern bool revere_dma_secondary; /**< this process uses devices of the primary's */
#define REVERE_DMA_LOG(level, dma, ...)                                                        \
	rte_log(RTE_LOG_##level, revere_dma_logtype,                                           \
		RTE_FMT("DMA_REVERE: %s: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", (dma)->name,      \
			RTE_FMT_TAIL(__VA_ARGS__, )))

/** What a message holds, until it is answered. */
struct revere_dma_msg {
	uint64_t first; /**< job of its first operation; REVERE_DMA_NO_JOB: not opened yet */
	uint64_t inner; /**< bit n: operation n is not the last one of its job */
	uint64_t bytes; /**< what was given to the device when it was closed */
	uint64_t born;	/**< TSC when it was published */
	uint32_t count; /**< operations */
};

#define REVERE_DMA_NO_JOB UINT64_MAX

/** Latencies by their power of two in TSC cycles: below 2^9, 2^10, ...; the last has the rest. */
#define REVERE_DMA_LATENCY_MIN 8
#define REVERE_DMA_LATENCIES 24

/** What was done by whom, since start. Copies are operations: a scattered job has several. */
struct revere_dma_counters {
	uint64_t cpu_copies;
	uint64_t cpu_bytes;
	uint64_t amu_copies;
	uint64_t amu_bytes;
	uint64_t retries;   /**< copies that the device failed, done again by the CPU */
	uint64_t far;	    /**< copies that the device can't reach, done by the CPU */
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
	REVERE_DMA_ON_CPU, /**< started, but the device is beyond recovery: the CPU does all */
	REVERE_DMA_DEAD,   /**< the same, and the CPU may not: nothing is accepted */
};

/** Costs in TSC cycles, as measured: of an operation, and of each of its bytes. */
struct revere_dma_cost {
	double op;
	double byte;
};

/** What the choice between CPU and AMU is made of; measured once a device. */
struct revere_dma_model {
	bool tried;
	bool measured;		       /**< with success */
	struct revere_dma_cost cpu;    /**< a copy by the CPU */
	struct revere_dma_cost launch; /**< what the CPU spends on a copy by the AMU */
	double launch_burst;	       /**< and once a burst, beside */
	struct revere_dma_cost engine; /**< a copy by the AMU, under load */
};

#define REVERE_DMA_WAYS 3u /* enum rte_pmd_revere_dma_way */
#define REVERE_DMA_ROUNDS 5u /* looks at each of them that count */

/** `auto` of a vchan: what it has seen, and what it made of that. */
struct revere_dma_auto {
	double cpu_scale;   /**< real cost of the CPU's copies against the model's */
	double engine_scale; /**< real cost of the AMU's copies against the model's */
	uint64_t busy_since; /**< TSC from which on the AMU is busy, 0: it is not */
	uint64_t answered_ops, answered_bytes; /**< when answers came last */
	double burst;	    /**< jobs of the AMU in a burst, mean */
	double interval;    /**< cycles from burst to burst while there is work, mean */
	uint64_t begun;	    /**< TSC of the first job of the burst, 0: there is none yet */
	uint64_t empty;	    /**< TSC from which on nothing was in the ring, 0: something is */
	double rest;	    /**< cycles from there to the next burst that aren't a pause, mean */
	uint64_t last;	    /**< TSC of the last submit */
	uint64_t sent;	    /**< operations that had been closed then */
	uint64_t asked;	    /**< the threshold that is in force */
	uint64_t decisions; /**< how often the threshold was worked out */
	uint64_t overloads; /**< how often the AMU had too much to do */
	uint32_t threshold; /**< for an AMU with nothing to do */
	uint32_t turns;	    /**< submits of this part of the period */
	uint32_t exploring; /**< ways that are still to be looked at in this round */
	uint32_t rounds;    /**< looks at all ways with this load */
	double cost, since; /**< cycles that the last one took, and that went by since */
	double learnt;	    /**< cycles since a new load was looked at freely */
	double budget;	    /**< cycles that looks may take now; 1e300: as many as they want */
	enum rte_pmd_revere_dma_way way, best;
	double length;	    /**< mean bytes of a job after they were looked at last */
	double pace;	    /**< bytes a cycle then, 0: not known yet */
	uint32_t odd;	    /**< periods in a row in which both were others */
	double score[REVERE_DMA_WAYS]; /**< bytes a cycle that each gets done, 0: not looked at */
	uint32_t looks[REVERE_DMA_WAYS]; /**< at each of them with this load, */
	/** and of the last ones what it got done as a part of what the round's best one did. */
	double merits[REVERE_DMA_WAYS][REVERE_DMA_ROUNDS];
	uint64_t bytes;	    /**< copied before this period */
	uint64_t jobs;	    /**< before this period */
	double cycles;	    /**< of this period */
	bool looking;	    /**< at one way after the other */
	bool settled;	    /**< this period is measured */
	bool overloaded;    /**< for now the CPU does all */
	bool no_room;	    /**< the ring was nearly full at the last submit */
	bool sampling;	    /**< the next copy is the CPU's, with a look at the clock */
};

/** A virtual channel. All of it belongs to the thread that enqueues and polls. */
struct revere_dma_vchan {
	/* Enqueueing. */
	struct rvr_dma_op *op;	   /**< where the next operation goes; NULL: no open message */
	struct rvr_dma_op *op_end; /**< end of the open message's room */
	uint64_t amu_bytes;	   /**< bytes of operations in messages */
	uint64_t head;		   /**< number of the next job */
	uint64_t limit;		   /**< head can't reach beyond */
	struct revere_ring *tx;
	uint64_t submitted;   /**< jobs below are to be done */
	uint32_t closed;      /**< messages that are complete, but not published */
	uint32_t split_below; /**< shorter copies are the CPU's; at least 1 */

	/* Completing. */
	uint64_t tail __rte_cache_aligned; /**< jobs reported to the user */
	uint64_t done;			   /**< jobs completed */
	uint64_t answered;		   /**< messages answered */
	struct revere_ring *rx;
	uint32_t taken;	      /**< answers read, slots not yet given back */
	uint32_t give_back;   /**< how many to give back at once */
	uint32_t failed_jobs; /**< jobs with an entry in status */
	uint32_t capacity;    /**< nb_desc while jobs are accepted, else 0 */
	uint32_t idle_polls;  /**< polls in vain, about since the last answer; wraps */
	uint32_t msg_ops;     /**< operations that a message can hold */

	/* Both, once a message. */
	struct revere_dma_msg *msgs __rte_cache_aligned; /**< by sequence number */
	uint64_t msgs_mask;				 /**< entries - 1, twice the slots */
	uint64_t salt;					 /**< of the cookies of this start */
	/**
	 * Operations for which there is room in the request ring, minus jobs that aren't in
	 * flight (free, or completed and soon to be free); never negative. It says whether a
	 * message may be sent that isn't full, or a job have more than one operation, without
	 * breaking the promise of burst_capacity: room wasted must not be missed by a later copy.
	 * A job of the CPU adds 1 until it has completed.
	 */
	int64_t slack;
	uint64_t inner;		/**< of the open message, see struct revere_dma_msg */
	struct rvr_dma_op *ops; /**< first operation of the open message */
	struct rvr_dma_op *kept; /**< operations by slot, see revere_dma_msg_ops_of() */
	uint64_t amu_ops;	/**< operations in closed messages */
	uint32_t tuning;	/**< submit has more to do: see revere_dma_auto.c */
	bool deferred; /**< jobs were submitted that are in the open message, for want of slack */
	bool redo;     /**< what the device fails is done again by the CPU, if it may */
	bool va;       /**< addresses of jobs are ours; see revere_dma_iova_differs() */

	/* The CPU's copies. */
	uint64_t *by_cpu __rte_cache_aligned; /**< by job: its number + 1 if it was the CPU's */
	/* A device in another process: its memory, and where the last addresses were found. */
	struct revere_reach *reach; /**< NULL: the device reaches everything */
	uint32_t reach_seen;	    /**< generation of: */
	struct revere_range src_range, dst_range;
	uint64_t fence;	       /**< the last fenced job that the AMU got */
	uint64_t answered_ops; /**< of amu_ops, those that are complete */
	uint64_t answered_bytes;
	uint32_t occupancy_max; /**< most jobs in the ring at a submit */
	struct revere_dma_counters count; /**< without those that are counted above */
	uint64_t latency[REVERE_DMA_LATENCIES];
	struct revere_dma_auto tune;

	/* Seldom. */
	uint16_t *status __rte_cache_aligned; /**< enum rte_dma_status_code by job, if it failed */
	uint32_t status_mask;
	enum revere_dma_state state;
	uint16_t nb_desc; /**< as the user asked */
	uint16_t id;
	uint64_t asked;	  /**< threshold that was asked for, see revere_dma_threshold.c */
	uint64_t awaited;  /**< of answered, when last looked at */
	uint64_t deadline; /**< timer cycles: that must have moved by then; 0: not set yet */
	uint64_t look_at;  /**< timer cycles: when to look next whether the device was reset */
	uint32_t restarts; /**< of the device, when the context was set up */
	uint64_t errors;   /**< failed jobs reported */
	struct rte_dma_stats base; /**< what stats_reset() took as zero */
	struct revere_dma_counters base_count;
	struct revere_dma_faults faults;
	struct revere_dma_dev *dma;
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	struct revere_dma_channel *channel; /**< the callbacks', NULL: not registered */
	bool connected; /**< sessions join the two */
} __rte_cache_aligned;

/** A dmadev. */
struct revere_dma_dev {
	TAILQ_ENTRY(revere_dma_dev) next;
	struct revere_dma_vchan vchans[REVERE_DMA_MAX_VCHANS];
	struct revere_device *device; /**< reference, given back at close */
	struct rte_device *rte_dev;
	struct revere_reach *reach;   /**< what it can reach, NULL: no need to ask */
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
	bool va; /**< IOVA is VA for all memory: the CPU can do the AMU's work */
	bool started;
	uint64_t threshold; /**< of vchans when they are set up, see revere_dma_threshold.c */
	struct revere_dma_model model;
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

/** First job of the oldest message that isn't answered, REVERE_DMA_NO_JOB: there is none. */
static inline uint64_t
revere_dma_oldest(const struct revere_dma_vchan *vchan)
{
	return vchan->msgs[vchan->answered & vchan->msgs_mask].first;
}

/** Brings `done` up to date. */
static inline void
revere_dma_done_update(struct revere_dma_vchan *vchan)
{
	uint64_t done = RTE_MIN(revere_dma_oldest(vchan), vchan->submitted);

	vchan->slack -= (int64_t)(done - vchan->done);
	vchan->done = done;
}

/** Completes the oldest message in flight: its jobs, and its room. @p now: TSC */
static inline void
revere_dma_msg_done(struct revere_dma_vchan *vchan, uint64_t now)
{
	const struct revere_dma_msg *msg = &vchan->msgs[vchan->answered & vchan->msgs_mask];
	uint32_t log2 = 63 - (uint32_t)__builtin_clzll((now - msg->born) | 1);

	log2 = RTE_MAX(log2, (uint32_t)REVERE_DMA_LATENCY_MIN) - REVERE_DMA_LATENCY_MIN;
	vchan->latency[RTE_MIN(log2, REVERE_DMA_LATENCIES - 1u)]++;
	vchan->answered_ops += msg->count;
	vchan->answered_bytes = msg->bytes;
	vchan->slack += vchan->msg_ops;
	vchan->answered++;
	revere_dma_done_update(vchan);
}

/** Operations of message @p seq, in its slot. */
static inline struct rvr_dma_op *
revere_dma_msg_slot(const struct revere_dma_vchan *vchan, uint64_t seq)
{
	const struct revere_ring *tx = vchan->tx;
	size_t offset = (size_t)(seq & tx->mask) << tx->msg_shift;

	return RTE_PTR_ADD(tx->base, offset + sizeof(struct rvr_dma_batch));
}

/**
 * Operations of message @p seq, where they are written and stay until it is answered: in its slot.
 * But a device that isn't in this process can change slots; then they are in memory of our own, and
 * the slot gets a copy of them. So what is done again is what was asked for.
 */
static inline struct rvr_dma_op *
revere_dma_msg_ops_of(const struct revere_dma_vchan *vchan, uint64_t seq)
{
	if (likely(vchan->kept == NULL))
		return revere_dma_msg_slot(vchan, seq);
	return vchan->kept + (seq & vchan->tx->mask) * vchan->msg_ops;
}

static inline bool
revere_dma_is_cpus(const struct revere_dma_vchan *vchan, uint64_t job)
{
	return vchan->by_cpu[job & vchan->status_mask] == job + 1;
}

/** Whether a submit has more to do; any thread may ask for it. */
static inline bool
revere_dma_tunes(const struct revere_dma_vchan *vchan)
{
	return __atomic_load_n(&vchan->tuning, __ATOMIC_RELAXED) != 0;
}

/** Whether the CPU can use addresses of jobs; any thread may have put an end to that. */
static inline bool
revere_dma_has_va(const struct revere_dma_vchan *vchan)
{
	return __atomic_load_n(&vchan->va, __ATOMIC_RELAXED);
}

/** Whether the CPU is to do again what the device fails. */
static inline bool
revere_dma_redoes(const struct revere_dma_vchan *vchan)
{
	return vchan->redo && revere_dma_has_va(vchan);
}

static inline int
revere_dma_no_room(const struct revere_dma_vchan *vchan)
{
	return vchan->state == REVERE_DMA_DEAD ? -EIO : -ENOSPC;
}

/* revere_dma_data.c: what struct rte_dma_fp_object points to */
void revere_dma_data_set(struct rte_dma_fp_object *fp_obj, bool checks_reach);
/** Takes answers that are there, and publishes what was put off. */
void revere_dma_poll(struct revere_dma_vchan *vchan);
/** Hands over all that was queued, with one doorbell. */
void revere_dma_publish(struct revere_dma_vchan *vchan);
/** A copy. @return ring_idx or a negative errno */
int revere_dma_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst, uint32_t length);
/** A job for the AMU, whatever its length. @return ring_idx or a negative errno */
int revere_dma_amu_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst,
		       uint32_t length, enum rvr_dma_opcode opcode, uint64_t flags);

/* revere_dma_cpu.c */
int revere_dma_cpu_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst,
		       uint32_t length, enum rvr_dma_opcode opcode, uint64_t flags);
/** Whether the CPU may do a job now, as far as fences go. */
bool revere_dma_cpu_may(const struct revere_dma_vchan *vchan, uint64_t flags);
/** A piece of a scattered copy. false: no addresses, the AMU has to say so */
bool revere_dma_cpu_piece(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst,
			  uint32_t length);
/** Counts a job that is the CPU's and done. @return its ring_idx */
int revere_dma_cpu_job_add(struct revere_dma_vchan *vchan, uint64_t flags);
/** Whether the device can't reach an address of a job, though it isn't 0. */
bool revere_dma_is_far(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst,
		       uint32_t length, enum rvr_dma_opcode opcode);
/** A job that the device can't do. */
int revere_dma_far_job(struct revere_dma_vchan *vchan, uint64_t src, uint64_t dst,
		       uint32_t length, enum rvr_dma_opcode opcode, uint64_t flags);
/** Waits until the CPU may do a job with these flags. */
void revere_dma_cpu_wait(struct revere_dma_vchan *vchan, uint64_t flags);
/** Does an operation that the device failed. Addresses that aren't there do no harm. */
bool revere_dma_cpu_again(const struct rvr_dma_op *op);

/* revere_dma_vchan.c */
/** Length of requests, as long as is useful. */
static inline uint8_t
revere_dma_request_log2_length(const struct revere_dev_info *info)
{
	return rvr_plan_length(info->min_log2_msg_length, info->max_log2_msg_length,
			       RVR_PLAN_DMA_LOG2_LENGTH);
}
int revere_dma_plan(const struct revere_dev_info *info, uint32_t count, uint32_t index,
		    struct revere_plan *plan);
int revere_dma_vchan_create(struct revere_dma_vchan *vchan, struct revere_dma_dev *dma,
			    uint16_t id, uint16_t nb_desc);
void revere_dma_vchan_destroy(struct revere_dma_vchan *vchan);
/** Room for operations that are kept, see revere_dma_msg_ops_of(); NULL: no memory. */
struct rvr_dma_op *revere_dma_vchan_kept(const struct revere_dma_vchan *vchan);
int revere_dma_vchan_start(struct revere_dma_vchan *vchan);
void revere_dma_vchan_stop(struct revere_dma_vchan *vchan);
/** The driver's part of a stop: jobs are forgotten. */
void revere_dma_vchan_halt(struct revere_dma_vchan *vchan);
/** Stops the device's work on the vchan: its rings, and what the jobs refer to. */
int revere_dma_vchan_quiesce(struct revere_dma_vchan *vchan);
/** A device that was reset, or doesn't take commands any more, is restarted. */
int revere_dma_vchan_revive(struct revere_dma_vchan *vchan);
/** After a quiesce, and with its result: the rings begin at 0 again, jobs go on. */
int revere_dma_vchan_resume(struct revere_dma_vchan *vchan, int quiesced);

/* revere_dma_fault.c */
void revere_dma_answer_odd(struct revere_dma_vchan *vchan, const void *answer);
void revere_dma_idle(struct revere_dma_vchan *vchan);
/** Looks whether the oldest message has waited too long for its answer: that ends the wait. */
void revere_dma_overdue(struct revere_dma_vchan *vchan);
bool revere_dma_slot_wait(struct revere_dma_vchan *vchan);
/** Marks a job as failed; its first failure counts. It is reported when its turn comes. */
void revere_dma_job_fail(struct revere_dma_vchan *vchan, uint64_t job,
			 enum rte_dma_status_code status);
/** The job that was being enqueued won't be: its number is the next one's. */
void revere_dma_job_refused(struct revere_dma_vchan *vchan);

/* revere_dma_threshold.c */
/** A threshold as one number. */
uint64_t revere_dma_threshold_pack(enum rte_pmd_revere_dma_mode mode, uint32_t bytes);
enum rte_pmd_revere_dma_mode revere_dma_threshold_mode(uint64_t threshold);
int revere_dma_threshold_parse(const struct rte_kvargs *args, struct revere_dma_dev *dma);
/** A vchan of ours that is set up. @return 0, -EINVAL or -ENODEV, as the public API */
int revere_dma_vchan_find(int16_t dev_id, uint16_t vchan_id, struct revere_dma_vchan **vchan);
/** Makes what was asked for what is done; the thread that enqueues calls it. */
void revere_dma_threshold_apply(struct revere_dma_vchan *vchan);
/** Not all IOVAs are VAs any more: from now on the CPU does no job. Any thread may call it. */
void revere_dma_iova_differs(struct revere_dma_dev *dma);

/* revere_dma_auto.c */
/**
 * Measures the device, once, on a vchan of its own; @p again: once more if that didn't work, while
 * no vchan runs. @return 0, or why that vchan can't be made
 */
int revere_dma_auto_measure(struct revere_dma_dev *dma, bool again);
void revere_dma_auto_begin(struct revere_dma_vchan *vchan);
/** A submit of a vchan whose `tuning` is set. */
void revere_dma_auto_turn(struct revere_dma_vchan *vchan, uint64_t now);
/** Answers came, on such a vchan. */
void revere_dma_auto_answers(struct revere_dma_vchan *vchan, uint64_t now);
void revere_dma_auto_tell(const struct revere_dma_vchan *vchan,
			  struct rte_pmd_revere_dma_threshold *threshold);
/** The first job of a burst, on such a vchan. */
void revere_dma_auto_burst(struct revere_dma_vchan *vchan);
/** All jobs have been reported, on such a vchan. */
void revere_dma_auto_empty(struct revere_dma_vchan *vchan);
/** How long the CPU took for a copy. */
void revere_dma_auto_sample(struct revere_dma_vchan *vchan, uint32_t length, uint64_t cycles);

/* revere_dmadev.c */
/** Whether a dmadev's private data is of this driver. */
bool revere_dma_is_ours(const void *dev_private);
/** revere_target_open() and _take() for a dmadev. */
int revere_dma_target_open(const struct revere_dma_dev *dma, const char *devargs,
			   struct revere_probe *target);
int revere_dma_target_take(const struct revere_dma_dev *dma, const struct revere_probe *target);

/* revere_dma_channel.c */
struct revere_dma_channel;
void revere_dma_channel_free(struct revere_dma_vchan *vchan);
/** The vchan stops: packets in flight complete as aborted. */
void revere_dma_channel_abort(struct revere_dma_vchan *vchan);

/* revere_dma_stats.c */
int revere_dma_stats_get(const struct rte_dma_dev *dev, uint16_t vchan,
			 struct rte_dma_stats *stats, uint32_t stats_sz);
int revere_dma_stats_reset(struct rte_dma_dev *dev, uint16_t vchan);
int revere_dma_vchan_status(const struct rte_dma_dev *dev, uint16_t vchan,
			    enum rte_dma_vchan_status *status);
int revere_dma_dump(const struct rte_dma_dev *dev, FILE *file);
struct revere_dma_counters revere_dma_counters(const struct revere_dma_vchan *vchan);
const char *revere_dma_way_name(enum rte_pmd_revere_dma_way way);
const char *revere_dma_state_name(enum revere_dma_state state);

#endif /* REVERE_DMA_H */
