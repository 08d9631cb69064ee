/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of the emulated device: what its parts know of each other.
 *
 * Who may touch what: the management lock (`mgt_lock`) protects mappings, configuration and
 * management rings; workers read all that without a lock, because it changes only between
 * amu_pause() and amu_resume(), when no worker is in a turn. What a worker owns (indices of
 * rings, sessions, agents' queues) nobody else touches outside a pause.
 */

#ifndef AMU_H
#define AMU_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "revere_emu.h"
#include "rvr_msg.h"
#include "rvr_regs.h"

#define AMU_CACHE_LINE 64
#define AMU_ALIGNED __attribute__((aligned(AMU_CACHE_LINE)))
#define amu_likely(x) __builtin_expect(!!(x), 1)
#define amu_unlikely(x) __builtin_expect(!!(x), 0)

struct amu;
struct amu_function;
struct amu_worker;
struct ami_sw;
struct ami_hw;
struct aha;
struct asn;
struct mgt;
struct mgt_function;

/* ---- Memory: dma.c ----------------------------------------------------------------------- */

/** Mapped memory: IOVAs [iova, iova + size) are at va. */
struct dma_region {
	uint64_t iova;
	uint64_t size;
	uint8_t *va;
	uint32_t prot;
};

#define DMA_TLB_SIZE 64

/** Of what lies between regions of a space with SVA: it may or may not be there, see guard.h. */
#define DMA_PROT_UNSURE UINT32_C(0x100)

/**
 * One address space: of a Function, or of a PASID within it. Regions are sorted and merged where
 * IOVA and VA both go on. They change only in a pause, which also bumps `generation`.
 */
struct dma_space {
	struct dma_region *regions;
	unsigned int num_regions;
	unsigned int max_regions;
	unsigned int generation; /**< never the same twice, nor in two spaces */
	bool sva;	 /**< what no region covers is looked for in this process */
	bool bus_master; /**< as the Function's Bus Master Enable: clear, nothing translates */
};

/** A user's view of a space: remembers the last translations, so it has one thread at a time. */
struct dma_view {
	struct dma_space *space;
	unsigned int generation;
	struct dma_region last; /**< last hit, by value: one comparison on the fast path */
	struct dma_region tlb[DMA_TLB_SIZE]; /**< by iova bits 21.. */
};

/** Adds and takes away memory, as revere_emu_dma_map() and _unmap(); within a pause. */
int dma_space_map(struct dma_space *space, uint64_t iova, void *va, uint64_t size, uint32_t prot);
/** @return bytes that were mapped there */
uint64_t dma_space_unmap(struct dma_space *space, uint64_t iova, uint64_t size);
/** Whether memory of the process that isn't mapped is reached too; within a pause. */
void dma_space_sva(struct dma_space *space, bool enable);
/** What views remember is void: bus_master changed; within a pause. */
void dma_space_changed(struct dma_space *space);
void dma_space_fini(struct dma_space *space);

void dma_view_init(struct dma_view *view, struct dma_space *space);

/** The slow path of dma_translate(): TLB, then binary search. */
void *dma_translate_miss(struct dma_view *view, uint64_t iova, uint64_t size, uint32_t prot);

/**
 * Address of [iova, iova + size) for access `prot`, or NULL if it isn't mapped as a whole, not
 * contiguous here, or not allowed.
 */
static inline void *
dma_translate(struct dma_view *view, uint64_t iova, uint64_t size, uint32_t prot)
{
	uint64_t offset = iova - view->last.iova;

	if (amu_likely(offset < view->last.size && size <= view->last.size - offset &&
		       (view->last.prot & prot) == prot &&
		       view->generation == view->space->generation))
		return view->last.va + offset;
	return dma_translate_miss(view, iova, size, prot);
}

/**
 * Where `size` bytes at `iova` are if they are no region's, but this process' for all that is
 * known: for guard_copy() alone. NULL: not so. The view then remembers that nothing else is there,
 * as a region of DMA_PROT_UNSURE.
 */
void *dma_translate_unsure(struct dma_view *view, uint64_t iova, uint64_t size);

/**
 * Copies out of or into the space, whatever its pieces: across regions, SVA, partly mapped.
 * @return 0 or -EFAULT; then a part may have been copied
 */
int dma_read(struct dma_view *view, void *to, uint64_t iova, uint64_t size);
int dma_write(struct dma_view *view, uint64_t iova, const void *from, uint64_t size);

/** Whether regions cover the range with access `prot`, in however many pieces. */
bool dma_covered(const struct dma_space *space, uint64_t iova, uint64_t size, uint32_t prot);

/* ---- Address spaces of PASIDs: pasid.c; within a pause --------------------------------------- */

struct pasid_space;

/**
 * The address space of an AMI, in use until pasid_space_put(): of its PASID if that is enabled,
 * else the Function's own. NULL: no memory.
 */
struct dma_space *pasid_space_get(struct amu_function *function, bool enabled, uint32_t pasid);
void pasid_space_put(struct amu_function *function, struct dma_space *space);

/** As dma_space_map() and dma_space_unmap(); what uses the space looks anew. */
int pasid_map(struct amu_function *function, uint32_t pasid, uint64_t iova, void *va,
	      uint64_t size, uint32_t prot);
uint64_t pasid_unmap(struct amu_function *function, uint32_t pasid, uint64_t iova, uint64_t size);

/** The Function's Bus Master Enable has changed. */
void pasid_bus_master(struct amu_function *function);
void pasid_fini(struct amu_function *function);

/* ---- Which worker serves what: partition.c ------------------------------------------------- */

struct amu_group;

/** An AMI as the workers share them out: AMIs that sessions join are one worker's. */
struct amu_node {
	struct amu_group *group; /**< NULL while no session ends here and it isn't enabled */
	TAILQ_ENTRY(amu_node) link;
	struct ami_sw *ami_sw; /**< one of the two */
	struct ami_hw *ami_hw;
	unsigned int uses; /**< sessions that end here, and 1 while enabled */
};

/* ---- Rings of an AMI-SW ------------------------------------------------------------------- */

/** One socket (AMS) of an AMI-SW and its ring. */
struct ams {
	/* First what moving a message needs: a cache line, if the array is aligned. */
	uint8_t *base; /**< ring if it can be used and is contiguous here, else NULL: ask slowly */
	_Atomic uint64_t *read_index;  /**< in the AMI-SW page */
	_Atomic uint64_t *write_index; /**< in the AMI-SW page */
	uint64_t read;	     /**< TX: the device's own; RX: software's as last seen */
	uint64_t write;	     /**< RX: the device's own; TX: software's as last seen */
	struct asn *asn;     /**< session, or NULL */
	uint32_t mask;	     /**< slots - 1 */
	uint32_t slot_bytes; /**< of the session's message length */
	uint8_t slot_shift;  /**< log2 of slot_bytes */
	bool digest;	     /**< the ring's bit in the digest */
	bool irq;	     /**< the AMI's interrupt for this direction is on */
	bool running;	     /**< the AMI is enabled and the ring configured */

	/* Configuration: *-AMS-RING-CONFIGURE. */
	uint8_t log2_size;
	uint8_t threshold; /**< log2 */
	uint8_t rx_mode;
	bool configured;
	uint64_t ring_base;
	bool tx;	 /**< software sends */
	uint8_t id;
	bool faulted;	 /**< the ring can't be used until RESET; nothing touches it */
	struct ami_sw *ami_sw;

	/* Resolved when the session starts and again after each change of the memory map. */
	void **slots;	  /**< not contiguous: address of each slot, NULL for one in pieces */
	uint8_t *staging; /**< then: room for one slot */
	_Atomic uint64_t *typeb_index; /**< the device's index in the Type B table, or NULL */
	uint32_t watch;	  /**< place in the worker's watch list, see worker.h */
};

/** An AMI-SW. */
struct ami_sw {
	uint16_t phy_id;
	uint16_t id;	  /**< AMI_SW_ID in its Function, while mapped */
	bool mapped;
	bool enable;  /**< ENABLE bit: what software asked for; cleared by a fault */
	bool faulted; /**< raised E-F-AMI-RING-FAULT: not to be enabled before RESET */
	struct amu_function *function; /**< owner, while mapped */
	struct amu *amu;

	/* *-AMI-SW-CONFIGURE. */
	uint32_t pasid;
	bool pasid_enabled;
	bool tx_irq_enable, rx_irq_enable;
	uint16_t tx_vector, rx_vector;
	uint64_t typeb_tbl_base;

	/** `enable` of a mapped AMI whose Function is enabled: it runs. A worker clears it. */
	_Atomic bool enabled;
	struct dma_view view; /**< of the context's address space; the worker's while enabled */
	uint8_t *page;	      /**< AMI-SW page, while mapped */
	uint8_t *typeb;	      /**< Type B table while enabled, else NULL */
	struct ams *tx;	      /**< num_ams */
	struct ams *rx;	      /**< num_ams */
	uint64_t tx_digest, rx_digest;
	uint64_t tx_digest_seen, rx_digest_seen; /**< DIGEST AND NOT MASK when last looked at */
	uint32_t mask_watch[2];			 /**< RX, TX: of the masks, see worker.h */
	bool active;				 /**< joined the switch */
	bool halted;				 /**< a ring is at fault, until RESET */
	uint8_t halted_ams;
	struct ami_sw *next_halted;
	_Atomic uint64_t fault_pending; /**< bit 63: something is pending; [5:0] AMS (see mgt.c) */
	struct amu_node node;
};

/* ---- Agents: aha.h holds their interface --------------------------------------------------- */

/** Whether the agent has something to send for a context that is kept. */
enum ami_hw_call { AMI_HW_QUIET, AMI_HW_CALLS, AMI_HW_CALLED /**< the PF knows */ };

/** An AMI-HW, or the context of one that is kept without (keep.c). */
struct ami_hw {
	uint16_t phy_id; /**< within its agent */
	uint16_t id;	 /**< AMI_HW_ID in its Function, while mapped */
	bool mapped;
	bool enable;  /**< ENABLE bit */
	bool enabled; /**< `enable` of a mapped AMI whose Function is enabled: it runs */
	struct amu_function *function;
	struct aha *aha;

	uint32_t pasid;
	bool pasid_enabled;
	uint8_t log2_hw_cred_size;

	struct dma_view view;	 /**< of the context's address space, for the agent's accesses */
	struct asn **tx;	 /**< num_ams: session that leaves from TX AMS n, or NULL */
	struct asn **rx;	 /**< num_ams: session that ends at RX AMS n, or NULL */
	void *priv;		 /**< the agent's own state for this AMI-HW */

	/* Contexts that are kept: keep.c. */
	bool keeps;		 /**< mapped so that its context can be kept */
	bool kept;		 /**< it is: it has no sessions, phy_id means nothing */
	_Atomic uint8_t call;	 /**< kept: enum ami_hw_call */
	struct ami_hw *spare;	 /**< one that keeps: what its context is kept in */
	struct ami_hw *next_kept;

	bool joined;		 /**< joined the switch */
	bool active;		 /**< joined, and the Function is a bus master */
	bool touched;		 /**< did something in this turn */
	bool poll_listed;	 /**< to be polled at all */
	bool poll_hot;		 /**< polled each turn */
	uint32_t poll_place;	 /**< in the worker's list of hot or cold ones */
	uint32_t poll_idle;	 /**< polls without effect */
	struct ami_hw *next_touched;
	struct amu_node node;
};

/* ---- Sessions ------------------------------------------------------------------------------ */

struct asn_prof {
	_Atomic uint64_t counter[RVR_PROF_COUNTERS];
	uint64_t stalled_since; /**< ns, 0 not stalled */
};

enum asn_kind { ASN_RING_TO_RING, ASN_RING_TO_HW, ASN_HW_TO_RING, ASN_HW_TO_HW };

/** What an agent has sent to another one, which hasn't taken it yet. */
struct hw_queue {
	uint8_t *slots;
	uint64_t read, write;
	uint32_t mask;
};

/** A session: one way, ordered. */
struct asn {
	/* First what moving a message needs. */
	/* Ends: an AMI-SW's socket, or an AMI-HW and the number of its socket. */
	struct ams *src_ams, *dst_ams;
	struct ami_hw *src_hw, *dst_hw;
	struct amu_worker *worker;
	uint32_t msg_bytes;
	uint32_t pending;    /**< slots committed and not yet published */
	uint32_t idle_turns; /**< turns without effect */
	uint8_t kind;	     /**< enum asn_kind */
	bool ready;	     /**< both ends run: messages move */
	bool observed; /**< profiled, traced or injected: the slow way */
	bool dirty;    /**< in the worker's list of what is to be published */
	bool hot;      /**< polled each turn */
	bool stalled;  /**< there are messages, but they can't move */

	TAILQ_ENTRY(asn) link; /**< hot list */
	struct asn *next_dirty;
	struct asn *answer;    /**< where answers leave, see aha_answer_session() */
	uint64_t answer_epoch; /**< of `answer` */
	uint64_t index;	       /**< messages moved since creation */
	struct hw_queue queue; /**< ASN_HW_TO_HW alone */
	uint64_t late_since;   /**< ns: commit of the oldest answer that is injected to be late */
	bool profiled; /**< PROF_MASK and AMU_CR ask for it; set in a pause, as is `traced` */
	bool traced;   /**< TRACE_CTL and AMU_CR ask for it: to the ring of MON_OWNER */
	bool injected; /**< answers meet injected faults */
	bool trace_posted; /**< the next message's trace message is out */

	uint32_t id;
	bool in_use;
	struct amu *amu;
	struct asn_prof prof;
	struct rvr_pf_asn_create_req attr; /**< as created */
};

/* ---- Functions ------------------------------------------------------------------------------ */

struct amu_function {
	struct amu *amu;
	uint16_t id; /**< 0 the PF */
	bool enabled; /**< the PF always */
	bool trapped; /**< PF-F-TRAP-CONFIGURE */
	bool bus_master;
	uint32_t resets;
	uint64_t *regs; /**< registers of the management page, by offset / 8: mgt_reg() */
	int pages_fd;
	uint8_t *pages;
	uint64_t pages_size;
	int *page_fd; /**< by AMI_SW_ID: file of a page that isn't in pages_fd's, or -1 */
	int *kept_fd; /**< by number: file of a page that is kept, or -1; NULL: there is none */
	struct ami_sw **ami_sw; /**< by AMI_SW_ID, NULL where none is mapped */
	struct ami_hw **ami_hw; /**< by AMI_HW_ID */
	struct dma_space space; /**< without PASID */
	struct pasid_space **pasids; /**< spaces with PASID, sorted by it */
	unsigned int num_pasids;
	struct dma_view view;	/**< the management processor's */
	int *irq_fd;		/**< msix_vectors, -1 where not connected */
	pthread_mutex_t irq_lock;
	pthread_mutex_t trace_lock;
	struct mgt_function *mgt; /**< mgt.c's own state: held-back responses, trace ring */
};

/** The device. */
struct amu {
	char name[REVERE_EMU_NAME_MAX];
	struct revere_emu_config config;
	struct amu_function *functions; /**< 1 + num_vf */
	unsigned int num_functions;
	struct ami_sw *ami_sw; /**< by physical ID */
	struct aha **aha;      /**< by AHA_ID, NULL where no agent is */
	unsigned int num_aha;
	struct asn **asn; /**< by ASN_ID, NULL where not in use */
	bool running;	  /**< AMU_EN: the switch moves messages */
	pthread_mutex_t mgt_lock;
	_Atomic bool mgt_pending; /**< a worker has left something for mgt_pump() */
	struct mgt *mgt;	  /**< mgt.c's own state: what is free, what faulted */
	struct amu_worker *workers;
	unsigned int num_workers;
	unsigned int pause_depth;	 /**< under mgt_lock */
	struct amu_partition *partition; /**< who serves what */
	/** Counts changes that aha_answer_session() depends on; a ring at fault is one. */
	_Atomic uint64_t answer_epoch;
};

/** struct revere_emu of the public header is this. */
struct revere_emu {
	struct amu amu;
};

/* ---- device.c -------------------------------------------------------------------------------- */

void amu_log(const struct amu *amu, enum revere_emu_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t amu_now_ns(void); /**< monotonic */

/* ---- mgt.c: management rings ------------------------------------------------------------- */

/**
 * For workers, at the end of a turn when mgt_pending is set: posts exceptions of faulted AMIs
 * and responses whose time has come. Doesn't wait for mgt_lock; executes no command.
 */
void mgt_pump(struct amu *amu);

/**
 * A worker's report that AMS `ams_id` of an AMI-SW is unusable. The caller has set it not to run
 * any more; the exception follows by mgt_pump(). Lock-free.
 */
void mgt_ring_fault(struct ami_sw *ami, unsigned int ams_id);

/** Posts an exception (64 bytes) to a Function; mgt_lock held. */
void mgt_exception(struct amu_function *function, const void *msg);

/** Sets ERROR_STATE if there is none yet and raises the error interrupt. */
void mgt_error(struct amu_function *function, enum rvr_error_state state);

/** Writes to the trace ring; false: full in back-pressure mode, try again. From any thread. */
bool mgt_trace(struct amu_function *function, const struct rvr_trace *trace);

/* ---- ami.c: AMI life; called by management commands, within a pause ------------------------- */

/*
 * Memory of an AMI beside what device.c allocates (tx[], rx[] with tx, id, ami_sw set; page while
 * mapped). At create and destroy of the device.
 */
int ami_sw_init(struct ami_sw *ami);
void ami_sw_fini(struct ami_sw *ami);
int ami_hw_init(struct ami_hw *hw);
void ami_hw_fini(struct ami_hw *hw);

/**
 * Resolves rings, loads indices from the page, sets digests, joins the switch.
 * @return 0; -EFAULT a ring is not mapped or its indices are wild: reported by mgt_ring_fault(),
 * the AMI doesn't run; other: no memory and the like
 */
int ami_sw_enable(struct ami_sw *ami);
/** Takes a running or faulted AMI out of the switch; nothing to do for others. */
void ami_sw_disable(struct ami_sw *ami);
void ami_sw_reset(struct ami_sw *ami);
int ami_hw_enable(struct ami_hw *hw);
/** The agent forgets the AMI-HW. */
void ami_hw_disable(struct ami_hw *hw);
/** It stands still with its Function, and goes on with ami_hw_enable(). */
void ami_hw_stop(struct ami_hw *hw);
void ami_hw_reset(struct ami_hw *hw);
/**
 * After any change of `space`, or of Bus Master Enable (`space` NULL: all spaces of the Function):
 * what is enabled there looks anew.
 */
void ami_remap(struct amu_function *function, const struct dma_space *space);

/* ---- switch.c: sessions; within a pause ------------------------------------------------------ */

/*
 * The caller has set amu, src_*, dst_*, attr, msg_bytes, and the ends' own pointers to the
 * session (ams->asn, hw->tx[], hw->rx[]); it clears those after asn_disconnect() and frees asn.
 */
void asn_connect(struct asn *asn);    /**< joins the switch */
void asn_disconnect(struct asn *asn); /**< leaves the switch */
/** After `profiled` or `traced` or the state of an end changed; sets `observed` and `ready`. */
void asn_refresh(struct asn *asn);

/* ---- irq.c ------------------------------------------------------------------------------- */

void irq_raise(struct amu_function *function, unsigned int vector);
/** Digest bit of ring `ams` again, after its indices moved; raises what is due. */
void digest_update(struct ams *ams);
/** All digests of an AMI after software may have moved indices or masks; raises what is due. */
void digest_poll(struct ami_sw *ami);

/* ---- worker.c ---------------------------------------------------------------------------- */

int amu_workers_start(struct amu *amu, char *error, size_t error_size);
void amu_workers_stop(struct amu *amu); /**< the threads end */
void amu_workers_free(struct amu *amu); /**< their memory: when no session and no AMI is left */
/** No worker is in a turn between these two; mgt_lock is held by the caller. They nest. */
void amu_pause(struct amu *amu);
void amu_resume(struct amu *amu);
void amu_wake(struct amu *amu); /**< ends naps */

#endif /* AMU_H */
