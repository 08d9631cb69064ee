/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Interface between the AMU and its agents (AHAs): the software form of the pin-level layer.
 *
 * An agent takes messages in aha_ops.receive() and answers with asn_slot() and asn_commit().
 * All calls on one AMI-HW come from one thread. Messages lie in the sender's memory, which may
 * change at any time: read each field once into a local, then check, then use.
 */

#ifndef AHA_H
#define AHA_H

#include "amu.h"

struct aha_ops {
	const char *name;
	enum rvr_aha_kind kind;
	int (*init)(struct aha *aha);
	void (*fini)(struct aha *aha);
	/**
	 * Takes up to `count` messages of asn->msg_bytes that lie one behind the other.
	 * @return how many were taken; fewer means "not now" (no room for the answer): the switch
	 * asks again in a later turn
	 */
	uint32_t (*receive)(struct ami_hw *hw, unsigned int ams, struct asn *asn,
			    const uint8_t *msgs, uint32_t count);
	/** Agent's own work on an enabled AMI-HW, once a turn (NULL: none). true: did something. */
	bool (*poll)(struct ami_hw *hw);
	/** End of a turn in which receive() or poll() of this AMI-HW did something; may be NULL. */
	void (*flush)(struct ami_hw *hw);
	/**
	 * State of an AMI-HW, within a pause; may be NULL. disable() is its user's or the PF's
	 * will; stop() only has it stand still, with nothing touched in its address space, until
	 * enable(). Both may come for one that is neither running nor known.
	 */
	int (*enable)(struct ami_hw *hw);
	void (*disable)(struct ami_hw *hw);
	void (*stop)(struct ami_hw *hw);
	void (*reset)(struct ami_hw *hw);
	/**
	 * An AMI-HW's context is that of another one from now on, both of the same address space;
	 * within a pause. NULL: contexts of this agent can't be kept.
	 */
	void (*move)(struct ami_hw *from, struct ami_hw *to);
	/**
	 * AMI-HWs that share state must be served by one worker: two AMI-HWs with the same
	 * non-NULL value are. NULL op: each for itself.
	 */
	const void *(*affinity)(struct ami_hw *hw);
};

struct aha {
	const struct aha_ops *ops;
	uint16_t id; /**< AHA_ID */
	struct amu *amu;
	struct ami_hw *ami_hw; /**< num_ami_hw, by physical ID */
	struct ami_hw *kept;   /**< contexts that are kept, by next_kept */
	void *priv;
};

extern const struct aha_ops aha_inversion_ops;
extern const struct aha_ops aha_dma_ops;
extern const struct aha_ops aha_rna_ops;

/** The slow path of asn_slot(). */
void *asn_slot_slow(struct asn *asn);

/**
 * Where the session's next message goes (asn->msg_bytes bytes), or NULL if there is no room now.
 * Asking again without asn_commit() gives the same slot. It stays valid until the end of the turn.
 */
static inline void *
asn_slot(struct asn *asn)
{
	struct ams *ams = asn->dst_ams;

	if (amu_likely(ams != NULL && ams->base != NULL && !asn->observed &&
		       ams->write - ams->read <= ams->mask))
		return ams->base + ((ams->write & ams->mask) << ams->slot_shift);
	return asn_slot_slow(asn);
}

/** The slow path of asn_commit(). */
void asn_commit_slow(struct asn *asn);

/** Enters the session in the worker's list of what the end of the turn publishes. */
void asn_mark_dirty(struct asn *asn);

/** Hands over the slot that asn_slot() gave; the receiver sees it at asn_flush(). */
static inline void
asn_commit(struct asn *asn)
{
	if (amu_unlikely(asn->dst_ams == NULL || asn->dst_ams->base == NULL || asn->observed)) {
		asn_commit_slow(asn);
		return;
	}
	asn->dst_ams->write++;
	asn->pending++;
	if (amu_unlikely(!asn->dirty))
		asn_mark_dirty(asn);
}

/**
 * Publishes what was committed: index, Type B table, digest, interrupt. The switch does it at the
 * end of each turn; agents call it earlier where latency matters.
 */
void asn_flush(struct asn *asn);

/**
 * The session by which the answer to a message of session `in`, received on `ams` of `hw`, leaves
 * (specification, "Where an answer leaves"); NULL: none now, the request waits.
 */
struct asn *aha_answer_session(struct ami_hw *hw, unsigned int ams, struct asn *in);

/**
 * Takes what waits in a session that ends at the agent now, by receive(), instead of in its turn:
 * for agents that can't go on without it. Of the calling worker's sessions only, and not of the
 * one whose receive() is running. @return whether something came
 */
bool asn_pull(struct asn *asn);

/**
 * poll() of this AMI-HW is due soon: for agents in whom one AMI-HW's work makes work for another
 * one of the same worker. Cheap. An AMI-HW whose receive() took something is polled without it;
 * one that had nothing to do for long is polled now and then only.
 */
void aha_poll_soon(struct ami_hw *hw);

/**
 * There is something to send and no session to send it by: if the context is kept the PF is told,
 * once. Of no effect for others. Cheap.
 */
void aha_call(struct ami_hw *hw);

/** Worker of an AMI-HW that is enabled. */
struct amu_worker *aha_worker(const struct ami_hw *hw);

/** Random numbers for injected faults: true once in `n` calls, never with n = 0. */
bool amu_chance(struct amu_worker *worker, uint32_t n);

/* RNA: rna/ ---------------------------------------------------------------------------------- */

int rna_port_add(struct aha *aha, const char *backend, const uint8_t mac[6], char *error,
		 size_t error_size);
int rna_port_remove(struct aha *aha, unsigned int port);

#endif /* AHA_H */
