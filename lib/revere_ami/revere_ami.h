/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * The Revere programming model: devices, contexts (AMI-SW), agents' contexts (AMI-HW), sessions
 * (ASN) and management commands.
 *
 * Functions return 0 or a negative errno unless said otherwise: -ETIMEDOUT the device doesn't
 * answer, -EIO it is broken (wrong answer, ERROR_STATE), -ENODEV it is gone, and what
 * revere_status_errno() gives for the status of a refused command. Each failure leaves one log
 * line that says what was attempted, with which value. Control-path functions of one device may
 * be called from several threads; data-path functions (revere_ring.h) from one at a time.
 */

#ifndef REVERE_AMI_H
#define REVERE_AMI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "revere_ring.h"
#include "revere_transport.h"
#include "rvr_msg.h"
#include "rvr_plan.h"
#include "rvr_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define REVERE_NAME_MAX 64

/* ---- Device --------------------------------------------------------------------------------- */

/** What a device is, out of its identification registers, PF-PROBE and F-PROBE. */
struct revere_dev_info {
	uint8_t arch_major, arch_minor;	 /**< AMU_AIDR */
	uint64_t iidr;			 /**< AMU_IIDR */
	enum rvr_ami_type ami_type;	 /**< how indices are read */
	uint8_t min_log2_msg_length;	 /**< DW */
	uint8_t max_log2_msg_length;	 /**< DW */
	uint8_t max_log2_size;		 /**< slots */
	uint8_t num_tx_ams, num_rx_ams;	 /**< sockets of an AMI */
	bool asn_prof, tracing;
	uint16_t ami_per_function;	 /**< AMI-SW pages of this Function */
	uint16_t max_ami_sw;		 /**< AMI-SWs of the device (PF) */
	uint32_t max_asn;		 /**< sessions of the device (PF) */
	uint16_t num_aha;		 /**< agents (PF) */
	uint32_t asn_prof_counters;
	bool pasid_supported;
	uint8_t pasid_width;
};

/** A brought-up Function. */
struct revere_dev;

/** How to bring a device up; zeroed fields take the default. */
struct revere_dev_conf {
	uint32_t mgt_log2_size;	      /**< slots of the command and response rings; 4 */
	uint32_t exception_log2_size; /**< slots; 6 */
	uint32_t trace_log2_size;     /**< slots; 0: no trace ring */
	uint32_t timeout_ms;	      /**< for a management response; 5000 */
	bool vf;		      /**< a Virtual Function: PF-* commands are not used */
	bool one_slot;		      /**< management rings of one slot, whatever is above */
};

/**
 * Brings a Function up: checks AMU_AIDR, sets AMU_EN, sets management rings up, probes.
 *
 * @param name       for log lines, at most REVERE_NAME_MAX - 1 characters
 * @param transport  stays the caller's, must outlive the device
 * @param conf       NULL for defaults
 * @return 0; -ENOTSUP another architecture version; -ENOMEM; -ETIMEDOUT; -EIO
 */
int revere_dev_open(const char *name, struct revere_transport *transport,
		    const struct revere_dev_conf *conf, struct revere_dev **dev);

/** Teardown: whatever is still mapped or connected is released, AMU_CR = 0. NULL is allowed. */
void revere_dev_close(struct revere_dev *dev);

const struct revere_dev_info *revere_dev_info(const struct revere_dev *dev);
const char *revere_dev_name(const struct revere_dev *dev);
struct revere_transport *revere_dev_transport(const struct revere_dev *dev);

/** 64-bit management register at @p offset (RVR_* of rvr_regs.h), and writing one. */
uint64_t revere_dev_reg_read(struct revere_dev *dev, uint32_t offset);
void revere_dev_reg_write(struct revere_dev *dev, uint32_t offset, uint64_t value);

/**
 * Has exceptions and errors raise interrupt @p vector, or stops that. What listens there calls
 * revere_exception_poll() and looks at revere_error_state().
 */
void revere_dev_irq_enable(struct revere_dev *dev, uint32_t vector, bool enable);

/**
 * Lets contexts with a PASID reach memory: each PASID is an address space of its own, without the
 * memory that the Function reaches. Rings and tables of contexts the library maps itself.
 *
 * @param iova  from which address on the contexts see it
 * @return 0; -ENOTSUP device or transport have no PASIDs; -ERANGE the device has none so high;
 *         -EEXIST overlaps what is mapped for this PASID
 */
int revere_dma_map(struct revere_dev *dev, uint32_t pasid, void *va, uint64_t iova, size_t size);

/** Takes it away: when it returns the device is done with it. -ENOENT nothing is mapped there */
int revere_dma_unmap(struct revere_dev *dev, uint32_t pasid, void *va, uint64_t iova,
		     size_t size);

/** Writes registers, fields, agents, contexts and sessions as text. */
int revere_dev_dump(struct revere_dev *dev, FILE *file);

/* ---- Management ----------------------------------------------------------------------------- */

/**
 * Sends one management command and waits for its response.
 *
 * @param request   64 bytes, as rvr_<command>_req_encode() makes them
 * @param response  64 bytes
 * @return 0 also when the response's STATUS is not 0; -ETIMEDOUT; -EIO another OPCODE came, or
 *         ERROR_STATE was set
 */
int revere_mgt_exec(struct revere_dev *dev, const void *request, void *response);

/** Text of a status of a command, as published; never NULL. */
const char *revere_status_text(uint16_t opcode, uint16_t status);

/** A command's status as negative errno: the one place where that is decided. */
int revere_status_errno(uint16_t opcode, uint16_t status);

/** Published name of a command, "?" if there is none. */
const char *revere_command_name(uint16_t opcode);

/*
 * One function a command: int revere_<command>(dev, const struct rvr_<command>_req *,
 * struct rvr_<command>_rsp *). Either may be NULL where it has no fields (response: where it
 * isn't wanted). STATUS becomes an errno, with one log line.
 */
#define REVERE_COMMAND_PROTO_(CMD, cmd, opcode, text)                                          \
	int revere_##cmd(struct revere_dev *dev, const struct rvr_##cmd##_req *req,            \
			 struct rvr_##cmd##_rsp *rsp);
RVR_COMMANDS(REVERE_COMMAND_PROTO_)

/** Receives an exception: 64 bytes, see RVR_EXCEPTIONS. */
typedef void (*revere_exception_fn)(void *arg, const void *msg);

/**
 * Has exceptions handed to @p fn, from revere_exception_poll(); several functions may be
 * registered. They may send commands and unregister themselves. -ENOMEM, -ENOENT
 */
int revere_exception_register(struct revere_dev *dev, revere_exception_fn fn, void *arg);
int revere_exception_unregister(struct revere_dev *dev, revere_exception_fn fn, void *arg);

/**
 * Takes exceptions off their ring, logs each and hands it to those registered. If the ring was full
 * (ERROR_STATE 6, which is cleared then), so that some are lost, E-F-AMI-RING-FAULT of each context
 * that is at fault is handed on, maybe once more.
 * @return how many
 */
int revere_exception_poll(struct revere_dev *dev);

/** Takes up to @p count trace messages. @return how many, -ENOTSUP without a trace ring */
int revere_trace_poll(struct revere_dev *dev, struct rvr_trace *msgs, unsigned int count);

/** ERROR_STATE, 0 none; writing 0 to it. */
uint16_t revere_error_state(struct revere_dev *dev);
void revere_error_clear(struct revere_dev *dev);
const char *revere_error_state_text(uint16_t state);

/**
 * Whether the Function was reset behind its driver's back (by its PF, by another user of the
 * device) or gives no responses to commands any more. Reads registers.
 */
bool revere_dev_is_lost(struct revere_dev *dev);

/**
 * The way back: resets a Function that is lost, brings it up again, and (PF) maps and connects
 * again, with the same ids, all that was, also what VFs were given. AMI-HWs are as new. AMI-SWs are
 * unconfigured until revere_ami_sw_reset(), which who uses one calls before it is enabled again;
 * software's indices stay as they are till then. Does nothing if the Function isn't lost.
 *
 * @return 0; -ETIMEDOUT it doesn't answer (a VF: its PF has not enabled it again); else what failed
 */
int revere_dev_restart(struct revere_dev *dev);

/** How often that was done: a context that was set up before it has changed is lost. */
uint32_t revere_dev_restarts(const struct revere_dev *dev);

/* ---- Agents --------------------------------------------------------------------------------- */

/** AHA_IIDR of an agent, 0 if there is none with this AHA_ID. -EINVAL beyond num_aha */
int revere_aha_iidr(struct revere_dev *dev, uint16_t aha_id, uint64_t *iidr);

/**
 * Finds the @p nth agent (from 0) of a kind by AHA_IIDR.
 * @return AHA_ID, or -ENOENT
 */
int revere_aha_find(struct revere_dev *dev, enum rvr_aha_kind kind, unsigned int nth);
const char *revere_aha_kind_name(unsigned int kind);

/* ---- AMI-SW: a context ---------------------------------------------------------------------- */

struct revere_ami_sw;

/** An RX socket of the AMI-HWs of an agent. */
struct revere_agent_socket {
	uint16_t aha_id;
	uint8_t ams;
};

struct revere_ami_sw_conf {
	int numa_node;		/**< for rings, SOCKET_ID_ANY */
	bool tx_irq, rx_irq;	/**< raise interrupts */
	uint16_t tx_vector, rx_vector;
	bool pasid_enabled; /**< DMA in the address space of the PASID, see revere_dma_map() */
	uint32_t pasid;
	/** On a VF: take a context with a session to this socket; else the first that was given. */
	bool agent_known;
	struct revere_agent_socket agent;
	bool optional; /**< if none is left that isn't worth a message */
};

/**
 * Maps any free AMI-SW into this Function and configures it; a VF takes one that its PF mapped.
 * @return 0; -ENOSPC no AMI-SW is left
 */
int revere_ami_sw_create(struct revere_dev *dev, const struct revere_ami_sw_conf *conf,
			 struct revere_ami_sw **ami_sw);

/** Disables, resets, unmaps; its rings are freed. Disconnect its sessions first. */
void revere_ami_sw_destroy(struct revere_ami_sw *ami_sw);

uint16_t revere_ami_sw_id(const struct revere_ami_sw *ami_sw);
uint16_t revere_ami_sw_phy_id(const struct revere_ami_sw *ami_sw);

struct revere_ring_conf {
	uint8_t ams;	       /**< AMS_ID, below num_tx_ams or num_rx_ams */
	enum rvr_ams_type type; /**< RVR_AMS_RX, RVR_AMS_TX */
	uint8_t log2_size;     /**< slots, up to max_log2_size */
	uint8_t log2_msg_length; /**< DW: that of the session which the socket gets */
	uint8_t threshold;     /**< log2 of the digest's threshold */
	enum rvr_rx_mode rx_mode;
};

/**
 * Gives a socket of a disabled AMI-SW a ring (memory from DPDK), instead of the one that it may
 * have. @return 0; -ERANGE beyond the device's limits; -ENOMEM; -EBUSY the AMI-SW is enabled
 */
int revere_ami_sw_ring_setup(struct revere_ami_sw *ami_sw, const struct revere_ring_conf *conf);

/** The ring of a socket, for revere_ring.h; NULL if it has none. Valid until destroy. */
struct revere_ring *revere_ami_sw_ring(struct revere_ami_sw *ami_sw, enum rvr_ams_type type,
				       uint8_t ams);

int revere_ami_sw_enable(struct revere_ami_sw *ami_sw);

/** Quiesces: when it returns the device is done with all memory of this context. */
int revere_ami_sw_disable(struct revere_ami_sw *ami_sw);

/**
 * Disables, discards what is queued, zeroes indices, configures context and rings again; the
 * way back from a broken ring. Sessions stay. Leaves the context disabled.
 */
int revere_ami_sw_reset(struct revere_ami_sw *ami_sw);

/** Digests: bit n for socket n. @p type as in struct revere_ring_conf */
uint64_t revere_ami_sw_digest(struct revere_ami_sw *ami_sw, enum rvr_ams_type type);

/** Unmasks (true) or masks interrupts of one socket. */
void revere_ami_sw_irq_mask(struct revere_ami_sw *ami_sw, enum rvr_ams_type type, uint8_t ams,
			    bool unmask);

/** State of a socket. */
struct revere_ami_sw_socket_state {
	bool configured; /**< it has a ring */
	struct rvr_f_ams_ring_save_rsp ring;
	uint64_t read, write; /**< indices */
};

/** State of a context that SAVE commands and indices give, in software's words. */
struct revere_ami_sw_state {
	struct rvr_f_ami_sw_save_rsp ami_sw;
	struct revere_ami_sw_socket_state tx[RVR_AMS_MAX], rx[RVR_AMS_MAX];
};

/** Saves a disabled context; -EBUSY it is enabled. */
int revere_ami_sw_save(struct revere_ami_sw *ami_sw, struct revere_ami_sw_state *state);

/**
 * Restores into a disabled context whose rings have the same sizes; leaves it disabled. What
 * waits in rings is found in the context's own memory: where that is another, copy it first.
 * -EINVAL other rings; -EBUSY enabled
 */
int revere_ami_sw_restore(struct revere_ami_sw *ami_sw, const struct revere_ami_sw_state *state);

/* ---- AMI-HW: an agent's context ------------------------------------------------------------- */

struct revere_ami_hw;

struct revere_ami_hw_conf {
	bool pasid_enabled; /**< the agent's DMA is in the address space of the PASID */
	uint32_t pasid;
};

/**
 * Maps any free AMI-HW of an agent into this Function and enables it; a VF takes one that its PF
 * mapped, rather one with sessions to a context in use. -ENOSPC none is left
 */
int revere_ami_hw_create(struct revere_dev *dev, uint16_t aha_id, struct revere_ami_hw **ami_hw);
void revere_ami_hw_destroy(struct revere_ami_hw *ami_hw);

/** Quiesces, configures and enables it again. -ENOTSUP, -ERANGE as revere_dma_map() */
int revere_ami_hw_configure(struct revere_ami_hw *ami_hw, const struct revere_ami_hw_conf *conf);
uint16_t revere_ami_hw_id(const struct revere_ami_hw *ami_hw);
uint16_t revere_ami_hw_phy_id(const struct revere_ami_hw *ami_hw);
uint16_t revere_ami_hw_aha_id(const struct revere_ami_hw *ami_hw);
int revere_ami_hw_reset(struct revere_ami_hw *ami_hw);

/* ---- ASN: a session ------------------------------------------------------------------------- */

/** One end of a session: an AMI-SW or (the other NULL) an AMI-HW, and the socket there. */
struct revere_asn_end {
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	uint8_t ams;
};

/** Attributes beyond the ends; zeroed is fine but for log2_msg_length. */
struct revere_asn_conf {
	uint8_t log2_msg_length; /**< DW */
	uint8_t prio;		 /**< 0..15, 15 first */
	uint8_t mfo;
	uint8_t mf_ob_buf_num;
	uint16_t mon_owner;
	uint64_t prof_mask, prof_tbl_base;
	uint16_t prof_ctl, trace_ctl;
	bool stash_enable;
	uint64_t stash_ctl;
	uint32_t stash_dest;
};

/**
 * Connects @p src's TX socket to @p dst's RX socket, with any free ASN_ID. A VF connects nothing:
 * it finds the session that its PF made.
 * @return ASN_ID (>= 0), or a negative errno; VF: -ENOENT the PF made none, -ERANGE one with
 *         another length of messages
 */
int revere_asn_create(struct revere_dev *dev, const struct revere_asn_end *src,
		      const struct revere_asn_end *dst, const struct revere_asn_conf *conf);
int revere_asn_destroy(struct revere_dev *dev, uint32_t asn_id);

/* ---- A context with all that belongs to it --------------------------------------------------- */

/**
 * AMI-HWs that sessions of an AMI-SW end at, in no particular order.
 * @return how many there are; at most @p max are stored
 */
unsigned int revere_context_agents(struct revere_ami_sw *ami_sw, struct revere_ami_hw **ami_hws,
				   unsigned int max);

/** Destroys an AMI-SW, its sessions, and AMI-HWs that have none but these. NULL is allowed. */
void revere_context_release(struct revere_ami_sw *ami_sw);

/**
 * The way to an agent that knows more of a context than its rings hold: by the control channel,
 * which is the caller's. Such is the network agent, see rvr_rna_state.h.
 */
struct revere_agent_state {
	/**
	 * Has the agent write its state of an AMI-HW to @p iova, memory of the Function.
	 * @return bytes that it takes, a multiple of 8, beyond @p size: it wasn't written; or a
	 *         negative errno
	 */
	int (*save)(void *arg, struct revere_ami_hw *ami_hw, uint64_t iova, size_t size);
	/** Has the agent take the @p size bytes at @p iova as its state of an AMI-HW. */
	int (*restore)(void *arg, struct revere_ami_hw *ami_hw, uint64_t iova, size_t size);
	void *arg;
};

/**
 * Saves a disabled AMI-SW with its rings, what waits in them, its sessions and the AMI-HWs at their
 * ends, in the format of rvr_state.h. The context stays as it is: enable it, or release it.
 *
 * @param agent  for agents with state of their own; NULL: there are none
 * @param state  where to; with a size of 0 it may be NULL
 * @return bytes that it takes, beyond @p size: it wasn't written; -EBUSY enabled; -ENOTSUP a
 *         session with another context, or an agent with state of its own (RNA) and no @p agent;
 *         what @p agent says
 */
int revere_context_save_agent(struct revere_ami_sw *ami_sw, const struct revere_agent_state *agent,
			      void *state, size_t size);
int revere_context_save(struct revere_ami_sw *ami_sw, void *state, size_t size);

/**
 * Restores on an AMI-SW as revere_ami_sw_create() makes it, of this or another Function, device or
 * process: makes AMI-HWs of the same kinds of agents, sessions, and rings with what waited in them.
 * Leaves it disabled. Buffers that messages refer to must be mapped for it at the same
 * addresses. Its own PASID stays. If it fails nothing has changed.
 *
 * @param agent  as of revere_context_save_agent(), but of the place where the context is to be
 * @return 0; -EINVAL no such state, or damaged; -ENOTSUP of a newer version, or it has an agent's
 *         own state and there is no @p agent; -EBUSY the AMI-SW is in use; -ENOENT no such agent
 *         here; -ENOSPC, -ENOMEM no more contexts, memory; what @p agent says
 */
int revere_context_restore_agent(struct revere_ami_sw *ami_sw,
				 const struct revere_agent_state *agent, const void *state,
				 size_t size);
int revere_context_restore(struct revere_ami_sw *ami_sw, const void *state, size_t size);

/* ---- Virtual Functions, from the PF ---------------------------------------------------------- */

/** Enables a VF (PF-F-ENABLE) or stops all that it has (PF-F-DISABLE). -EINVAL no such VF */
int revere_vf_enable(struct revere_dev *dev, uint16_t vf, bool enable);

/** What a VF was given: an AMI-SW, an AMI-HW and their sessions. */
struct revere_vf_gift;

/**
 * Maps an AMI-SW and an AMI-HW of an agent into a VF and connects them. The VF finds them by
 * revere_aha_find(), revere_ami_sw_create(), revere_ami_hw_create() and revere_asn_create(), at
 * any time.
 * @return 0; -ENOSPC contexts or sessions are used up; -EINVAL no such VF; -ENOTSUP on a VF
 */
int revere_vf_give(struct revere_dev *dev, uint16_t vf, uint16_t aha_id,
		   const struct revere_vf_session *sessions, unsigned int num,
		   struct revere_vf_gift **gift);

/** Takes it back, whatever the VF does with it at the moment. NULL is allowed. */
void revere_vf_take(struct revere_vf_gift *gift);

#ifdef __cplusplus
}
#endif

#endif /* REVERE_AMI_H */
