/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What the parts of the data path know of a worker: switch.c, worker.c, ami.c, irq.c,
 * partition.c. Nobody else includes it.
 *
 * A worker has short lists of what is hot and looks at each entry in each turn, and long ones of
 * what is cold, from which it looks at some. Cold doorbells, and other words of AMI-SW pages that
 * software may change, stand in the watch list: the word's address and its value when last looked
 * at, so that an idle context costs one comparison.
 */

#ifndef WORKER_H
#define WORKER_H

#include "aha.h"
#include "amu.h"

#define WATCH_NONE UINT32_MAX
#define ASN_PRIOS 16

enum watch_kind {
	WATCH_TX,   /**< WRITE_INDEX_TXn; owner: ams */
	WATCH_RX,   /**< READ_INDEX_RXn; owner: ams */
	WATCH_MASK, /**< a DIGEST_MASK, where interrupts are on; owner: ami_sw, tx in `direction` */
};

/** A word of an AMI-SW page whose change is to be noticed. */
struct watch {
	_Atomic uint64_t *word;
	uint64_t seen;
	void *owner;
	uint8_t kind;	   /**< enum watch_kind */
	uint8_t direction; /**< enum rvr_ams_type */
};

struct watch_list {
	struct watch *entries;
	uint32_t num, max;
	uint32_t next; /**< where the next slice starts */
};

struct hw_list {
	struct ami_hw **entries;
	uint32_t num, max;
	uint32_t next;
};

TAILQ_HEAD(asn_list, asn);

struct AMU_ALIGNED amu_worker {
	struct amu *amu;
	unsigned int id;

	/* Taken while in a turn, and by amu_pause(). */
	_Atomic int lock;
	_Atomic int pause_wanted;

	struct asn_list hot[ASN_PRIOS];
	uint32_t hot_prios; /**< bit n: hot[n] isn't empty */
	struct asn *dirty;  /**< to be published at the end of the turn */
	struct ami_hw *touched;
	struct ami_sw *halted; /**< rings at fault: to be taken out at the end of the turn */
	struct hw_list polled; /**< hot AMI-HWs with aha_ops.poll */
	struct hw_list unpolled; /**< cold ones */
	struct watch_list watches;
	unsigned int load; /**< AMIs that it serves: for an even partition */
	uint64_t random;

	/* Pace of the slices of the cold lists. */
	uint32_t turns;	    /**< since the last slice */
	uint32_t slice_due; /**< turns between slices */
	uint64_t slice_end; /**< ns: end of the last one */
	uint32_t unseen;    /**< cold entries not looked at since something moved */
	uint32_t in_vain;   /**< turns since something moved */
	uint32_t patience;  /**< such turns that still count as busy */

	pthread_t thread;
	bool started;
	_Atomic bool stop;
	_Atomic int nap; /**< futex: changes when the worker is to wake up */
	_Atomic bool napping;
};

/* ---- worker.c ---------------------------------------------------------------------------- */

/** Adds to the watch list; ams->watch or ami->mask_watch is the place. -ENOMEM: not watched. */
int watch_add(struct amu_worker *worker, enum watch_kind kind, enum rvr_ams_type direction,
	      void *owner, _Atomic uint64_t *word);
void watch_remove(struct amu_worker *worker, uint32_t *place);

int hw_list_add(struct amu_worker *worker, struct ami_hw *hw, bool hot);
void hw_list_remove(struct amu_worker *worker, struct ami_hw *hw);

/* ---- partition.c ------------------------------------------------------------------------- */

int partition_init(struct amu *amu);
void partition_fini(struct amu *amu);
/** An AMI comes into use, by being enabled: its worker. */
struct amu_worker *partition_use(struct amu *amu, struct amu_node *node);
void partition_unuse(struct amu *amu, struct amu_node *node);
/** A session joins two AMIs: its worker, from now on that of both. */
struct amu_worker *partition_join(struct amu *amu, struct asn *asn);
void partition_leave(struct amu *amu, struct asn *asn);
/** Worker of an AMI in use. */
struct amu_worker *partition_worker(const struct amu_node *node);

/* ---- switch.c ---------------------------------------------------------------------------- */

/** Sessions of a worker that are hot, in order of priority. true: something moved. */
bool switch_turn(struct amu_worker *worker);
/** End of a turn: agents finish, what they committed is published, faults are reported. */
bool switch_turn_end(struct amu_worker *worker);
/** Takes AMI-SWs whose rings are at fault out of the lists and reports them. */
void switch_report(struct amu_worker *worker);
/** A doorbell of a cold ring has changed: true if something moved. */
bool switch_tx_changed(struct ams *ams, struct watch *watch, uint64_t value);
/** Software has moved a READ_INDEX. */
void switch_rx_changed(struct ams *ams, uint64_t value);

void asn_heat(struct asn *asn);
void asn_cool(struct asn *asn);
/** A session's lists move to another worker. */
void asn_move(struct asn *asn, struct amu_worker *worker);

static inline void
hw_touch(struct amu_worker *worker, struct ami_hw *hw)
{
	if (hw->touched)
		return;
	hw->touched = true;
	hw->next_touched = worker->touched;
	worker->touched = hw;
}

/* ---- ami.c ------------------------------------------------------------------------------- */

enum ring_state {
	RING_OK,
	RING_WAIT, /**< not now: not enabled, no bus master, no session */
	RING_FAULT,
};

/** Finds the memory of a ring, if that isn't known. */
enum ring_state ring_resolve(struct ams *ams);
/** Forgets what ring_resolve() found. */
void ring_forget(struct ams *ams);
/** The ring is at fault: its AMI stops now, its lists follow at the end of the turn. */
void ring_fault(struct ams *ams);
/** Address of the slot of an index; NULL: in pieces, use ams->staging. */
static inline uint8_t *
ring_slot(const struct ams *ams, uint64_t index)
{
	if (amu_likely(ams->base != NULL))
		return ams->base + ((index & ams->mask) << ams->slot_shift);
	return ams->slots[index & ams->mask];
}
uint64_t ring_slot_iova(const struct ams *ams, uint64_t index);
/** Takes an AMI out of the switch's lists. */
void ami_sw_leave(struct ami_sw *ami);
/** The AMI moves to another worker. */
void ami_sw_move(struct ami_sw *ami, struct amu_worker *from, struct amu_worker *to);
void ami_hw_move(struct ami_hw *hw, struct amu_worker *from, struct amu_worker *to);

/* ---- irq.c ------------------------------------------------------------------------------- */

/** Digest of a ring after the device has published `count` messages (or free slots). */
void digest_published(struct ams *ams, uint64_t count);
/** A DIGEST_MASK has changed. */
void digest_masked(struct ami_sw *ami, enum rvr_ams_type direction);

/** A full fence, in a form that ThreadSanitizer knows too. */
static inline void
amu_fence(void)
{
#if defined(__SANITIZE_THREAD__)
	static _Atomic int fence;

	atomic_fetch_add(&fence, 1);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif /* WORKER_H */
