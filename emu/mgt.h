/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Management processor of the device: what regs.c, mgt.c and the commands' files share.
 *
 * Unless said otherwise functions here are called with mgt_lock held.
 */

#ifndef MGT_H
#define MGT_H

#include "aha.h"
#include "amu.h"

#define MGT_REGS_SIZE 0x2000u /**< bytes of the management page that hold registers */
#define MGT_AMI_SW_MAX 4096   /**< AMI-SWs of a device */
#define MGT_AMI_HW_MAX 4096   /**< AMI-HWs of an agent */
#define MGT_AMI_HW_IDS 65536  /**< AMI_HW_IDs of a Function: whatever fits the field (P) */
#define MGT_PASID_WIDTH 20
#define MGT_HELD_MAX 64 /**< responses that can be held back, of a Function */
/** Largest LOG2_HW_CRED_SIZE that an AMI-HW accepts (P). */
#define MGT_LOG2_HW_CRED_MAX 12

/* ---- Bitmaps of what is free or has faulted, by physical ID ------------------------------ */

#define MGT_WORDS(bits) (((bits) + 63) / 64)

/** The device's own state. */
struct mgt {
	pthread_mutex_t turn; /**< held by who is next to have mgt_lock */
	uint64_t ami_sw_free[MGT_WORDS(MGT_AMI_SW_MAX)];
	uint64_t ami_hw_free[REVERE_EMU_AGENTS_MAX][MGT_WORDS(MGT_AMI_HW_MAX)];
	_Atomic uint64_t faulted[MGT_WORDS(MGT_AMI_SW_MAX)]; /**< AMI-SWs with fault_pending */
	uint64_t commands; /**< executed, for faults.command_stuck */
	uint64_t random;   /**< state of the generator for injected faults */
	_Atomic bool fault_new; /**< `faulted` has gained a bit since mgt_pump_locked() */
	_Atomic bool calls; /**< some context that is kept has AMI_HW_CALLS */
	bool ready;	   /**< some Function has `ready` */
	bool wake;	   /**< a command has given workers something to do */
	bool trap_untold;  /**< some Function has MGT_TRAP_UNTOLD */
};

/** A response that is held back. */
struct mgt_held {
	uint64_t due; /**< ns */
	uint8_t msg[RVR_MGT_MSG_SIZE];
};

/** A trapped command, which its Function's others wait for. */
enum mgt_trap {
	MGT_TRAP_NONE,
	MGT_TRAP_UNTOLD, /**< the PF isn't told yet, or not any more */
	MGT_TRAP_TOLD,	 /**< waits for PF-F-TRAP-RESP */
};

/** A Function's own state. */
struct mgt_function {
	bool ready;		/**< commands may have become executable */
	enum mgt_trap trap;	/**< whether a trapped command waits for the PF */
	uint16_t trap_number;	/**< its number, or that of the last one */
	uint64_t trap_set;	/**< by OPCODE: commands that are trapped, if any are */
	uint8_t trapped[RVR_MGT_MSG_SIZE]; /**< the command */
	uint64_t rx_seen;	/**< DIGEST AND NOT MASK when last looked at; trace_lock */
	uint64_t tx_seen;	/**< the same of the command ring */
	struct dma_view trace_view; /**< trace_lock */
	unsigned int held_first, held_count;
	struct mgt_held held[MGT_HELD_MAX];
};

/* ---- Registers: regs.c ------------------------------------------------------------------- */

static inline uint64_t
mgt_reg(const struct amu_function *function, uint32_t offset)
{
	return __atomic_load_n(&function->regs[offset / 8], __ATOMIC_SEQ_CST);
}

static inline void
mgt_reg_set(struct amu_function *function, uint32_t offset, uint64_t value)
{
	__atomic_store_n(&function->regs[offset / 8], value, __ATOMIC_SEQ_CST);
}

/** All registers to their reset values. */
void regs_reset(struct amu_function *function);
/** A row of the table of registers, NULL after the last; for dumps. No lock needed. */
const struct rvr_reg *regs_row(unsigned int index);

/* ---- Rings: mgt.c ------------------------------------------------------------------------ */

int mgt_init(struct amu *amu, char *error, size_t error_size);
void mgt_fini(struct amu *amu);

/** mgt_unlock() does what workers left for mgt_pump() meanwhile. */
void mgt_lock(struct amu *amu);
void mgt_unlock(struct amu *amu);
/** mgt_pump() for those who hold mgt_lock. */
void mgt_pump_locked(struct amu *amu);

/** Commands of a Function may have become executable; mgt_run_ready() executes them. */
void mgt_ready(struct amu_function *function);
void mgt_run_ready(struct amu *amu);

/** Digests again after indices, masks, thresholds changed; raises the interrupts due. */
void mgt_digests(struct amu_function *function);
/** Writes all indices and digests to the Type B table, where there is one. */
void mgt_typeb(struct amu_function *function);
/** AMU_EN 0->1 and reset: indices, held responses and digests are zero. */
void mgt_rings_reset(struct amu_function *function);

/** Room for a message: 0, -EAGAIN the ring is full, -EFAULT it can't be used. */
int mgt_exception_room(struct amu_function *function);
int mgt_response_room(struct amu_function *function);

/** Sends a response, or what injected faults leave of it. */
void mgt_response(struct amu_function *function, uint8_t *msg);
/** Executes a command that the Function may use, and sends the response: there is room for it. */
void mgt_execute(struct amu_function *function, const uint8_t *msg);

/* ---- Commands that the PF decides on: trap.c ----------------------------------------------- */

/** Whether a Function's commands with this OPCODE are trapped. */
bool trap_wanted(const struct amu_function *function, uint16_t opcode);
/** Hands a VF's command to the PF; false: its exception ring has no room now. */
bool trap_begin(struct amu_function *function, const uint8_t *cmd);
/** Tells the PF of a command again that it forgot, as soon as it can be. */
void trap_again(struct amu_function *function);
/** The PF has forgotten the commands that it was told of: AMU_EN 0->1. */
void trap_forgotten(struct amu *amu);
/** The PF may be told now of what it isn't yet. */
void trap_retry(struct amu *amu);
/** PF-F-TRAP-RESP for a VF. */
int trap_answer(struct amu_function *function, const uint8_t *cmd);

/* ---- Commands ---------------------------------------------------------------------------- */

/**
 * Executes a command.
 *
 * @param cmd  the command, a private copy of 64 bytes
 * @param rsp  response: 64 bytes, zeroed but for OPCODE; the caller sets STATUS
 * @return STATUS; when not 0 the caller clears the other fields
 */
typedef uint16_t (*mgt_cmd_fn)(struct amu_function *function, const void *cmd, void *rsp);

#define MGT_CMD_DECLARE_(CMD, cmd, opcode, text)                                                   \
	uint16_t cmd_##cmd(struct amu_function *function, const void *cmd, void *rsp);
RVR_COMMANDS(MGT_CMD_DECLARE_)

/** Name of a command, NULL if there is none of this opcode. */
const char *mgt_cmd_name(uint16_t opcode);

/* ---- cmd_*.c for each other and for device.c --------------------------------------------- */

/** F-GET-AMI-MAP for page `page` of the list of sessions. @return its status */
uint16_t cmd_session_map(struct amu_function *function, uint64_t base, uint64_t page);

/** AMI-SW of a Function by its AMI_SW_ID, NULL if none is mapped there. */
struct ami_sw *cmd_ami_sw(const struct amu_function *function, uint64_t ami_sw_id);
/** AMI-HW of a Function by its AMI_HW_ID, NULL if none is mapped there. */
struct ami_hw *cmd_ami_hw(const struct amu_function *function, uint64_t ami_hw_id);
/** Agent by AHA_ID, NULL if none is there. */
struct aha *cmd_aha(const struct amu *amu, uint64_t aha_id);
/** AMI-HW by agent and physical ID, NULL if there is none. */
struct ami_hw *cmd_phy_ami_hw(const struct amu *amu, uint64_t aha_id, uint64_t phy_ami_hw_id);

/* Within a pause: stops it, if it runs; resets it; takes the mapping away. */
void cmd_ami_sw_stop(struct ami_sw *ami);
void cmd_ami_sw_reset(struct ami_sw *ami);
void cmd_ami_sw_unmap(struct ami_sw *ami);
/** Calls `change` for each AMI-HW of a Function. */
void cmd_ami_hws(struct amu_function *function, void (*change)(struct ami_hw *hw));
/** Starts or stops an AMI-HW, after `enabled` of its Function. */
void cmd_ami_hw_follow(struct ami_hw *hw);
void cmd_ami_hw_reset(struct ami_hw *hw);
void cmd_ami_hw_unmap(struct ami_hw *hw);

/* keep.c: contexts that are kept; all but the last within a pause. */
/** The context of an AMI-HW that is being mapped can be kept. 0, -ENOMEM */
int keep_prepare(struct ami_hw *hw);
/** ... not any more, as it is being unmapped. */
void keep_not(struct ami_hw *hw);
/** A context leaves its AMI-HW, and gets another one. */
int keep_begin(struct ami_hw *hw);
int keep_end(struct ami_hw *kept, struct ami_hw *hw);
/** It is no more. */
void keep_drop(struct ami_hw *kept);
/** Exceptions for what aha_call() has left. */
void keep_tell(struct amu *amu);

/** Within a pause: starts or stops the AMIs of a Function whose `enabled` changed. */
void cmd_function_amis(struct amu_function *function);
/** Within a pause: disconnects and frees a session. */
void cmd_asn_free(struct asn *asn);
/** Within a pause: whether sessions are profiled or traced, after AMU_CR changed. */
void cmd_asn_observe_all(struct amu *amu);

/** Lowest ID that is set in a bitmap, -1 if none is. */
int mgt_bit_first(const uint64_t *map, unsigned int words);
static inline void
mgt_bit_set(uint64_t *map, unsigned int id, bool value)
{
	uint64_t bit = UINT64_C(1) << (id % 64);

	map[id / 64] = value ? map[id / 64] | bit : map[id / 64] & ~bit;
}

/* ---- device.c ---------------------------------------------------------------------------- */

/** Memory of a Function's AMI-SW pages, made at first use; NULL if there is no memory. */
uint8_t *function_pages(struct amu_function *function);
/** Zeroes a Function's AMI-SW page. */
void function_page_clear(struct amu_function *function, unsigned int ami_sw_id);

#endif /* MGT_H */
