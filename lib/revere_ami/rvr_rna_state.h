/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What the network agent (RNA) knows of a queue pair beyond its rings, and the requests that save
 * and restore it; all project-defined (P). With struct rvr_state_header's state of its context it
 * is the whole queue pair.
 */

#ifndef RVR_RNA_STATE_H
#define RVR_RNA_STATE_H

#include "rvr_rna.h"

#ifdef __cplusplus
extern "C" {
#endif

enum rvr_rna_state_opcode {
	/**
	 * struct rvr_rna_queue_state; answer: rvr_rna_queue_saved. Stops the queue where it is
	 * and forgets nothing: QUEUE_START goes on. The AMI-SW that it works for is disabled
	 * before, else what comes meanwhile is lost.
	 */
	RVR_RNA_CTL_QUEUE_SAVE = 48,
	/** struct rvr_rna_queue_state: sets up a queue that isn't, as one of any port was */
	RVR_RNA_CTL_QUEUE_RESTORE = 49,
};

struct rvr_rna_queue_state {
	rvr_le16 queue;
	rvr_le16 phy_ami_hw_id; /**< RESTORE: of the queue, as in QUEUE_SETUP */
	rvr_le32 size; /**< bytes at addr: room, or those of the state */
	rvr_le64 addr; /**< in the address space of the control channel */
};
_Static_assert(sizeof(struct rvr_rna_queue_state) == 16, "wire");

struct rvr_rna_queue_saved {
	rvr_le32 size; /**< bytes of the state; beyond the room: nothing was written */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_queue_saved) == 8, "wire");

#define RVR_RNA_STATE_VERSION 2 /**< agents refuse other ones */

/**
 * State of a queue pair. Behind it, in this order:
 * `waiting` descriptors of filled buffers that weren't sent yet, struct rvr_rna_rx_desc, with
 * RVR_RNA_STATE_EXT each followed by a struct rvr_rna_rx_ext, valid or not;
 * `empty` addresses of empty buffers, in the order of their use, rvr_le64;
 * `gathered` bytes of the packet that is being sent, and zeroes up to a multiple of 8.
 */
struct rvr_rna_state {
	rvr_le16 version; /**< RVR_RNA_STATE_VERSION */
	rvr_le16 zero;
	rvr_le32 flags; /**< RVR_RNA_STATE_* */
	rvr_le32 buffers; /**< as in QUEUE_SETUP */
	rvr_le32 buffer_size;
	struct rvr_rna_rx_offloads offloads; /**< as they were set last; queue doesn't matter */
	rvr_le32 first;	  /**< number of the first buffer of these, whose parity SPLIT needs */
	rvr_le32 waiting;
	rvr_le32 empty;
	rvr_le32 gathered;
	rvr_le32 segments; /**< descriptors of that packet; 0: there is none */
	rvr_le32 zero2;
	struct rvr_rna_tx_offload offload; /**< what is to be done with it; request may be 0 */
	rvr_le64 received; /**< buffers since the queue's start, without these: rvr_rna_rx.first */
	rvr_le64 done;	   /**< descriptors since the queue's start: rvr_rna_tx_done.done */
	rvr_le64 told;	   /**< of which the driver knows */
	struct rvr_rna_queue_stats stats;
};
_Static_assert(sizeof(struct rvr_rna_state) == 160, "format");
_Static_assert(offsetof(struct rvr_rna_state, first) == 40, "format");
_Static_assert(offsetof(struct rvr_rna_state, received) == 80, "format");

#define RVR_RNA_STATE_RX 0x1u	   /**< reception was started */
#define RVR_RNA_STATE_TX 0x2u	   /**< transmission was started */
#define RVR_RNA_STATE_EXT 0x4u	   /**< waiting descriptors have extensions */
#define RVR_RNA_STATE_REFUSED 0x8u /**< the packet that is being sent is malformed */

#ifdef __cplusplus
}
#endif

#endif /* RVR_RNA_STATE_H */
