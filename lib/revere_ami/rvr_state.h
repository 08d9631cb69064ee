/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Format of a saved context: what revere_context_save() writes and revere_context_restore() reads.
 *
 * A header, then agents, sessions and rings as the header counts them; after each agent what it
 * knows beyond its rings, in a format of its own (RNA: struct rvr_rna_state), after each ring the
 * messages that wait in it, oldest first. All little-endian, without gaps; the size is a multiple
 * of 8. No address is in it but those of buffers in messages and agents' states: a state means the
 * same in another process and on another device.
 */

#ifndef RVR_STATE_H
#define RVR_STATE_H

#include "rvr_msg.h"

#define RVR_STATE_MAGIC UINT64_C(0x4554415453525652) /**< "RVRSTATE" */
#define RVR_STATE_VERSION 2 /**< readers refuse newer ones, and know older ones */

struct rvr_state_header {
	rvr_le64 magic;
	rvr_le16 version;
	rvr_le16 agents;   /**< AMI-HWs */
	rvr_le16 sessions;
	rvr_le16 rings;
	rvr_le32 size;	   /**< bytes of all */
	rvr_le32 flags;	   /**< RVR_STATE_TX_IRQ, RVR_STATE_RX_IRQ */
	rvr_le16 tx_vector;
	rvr_le16 rx_vector;
	rvr_le32 zero;
	rvr_le64 tx_mask;  /**< TX_DIGEST_MASK */
	rvr_le64 rx_mask;  /**< RX_DIGEST_MASK */
	rvr_le64 checksum; /**< of all, this field counting as 0: see rvr_state_checksum() */
};
_Static_assert(sizeof(struct rvr_state_header) == 56, "format");
_Static_assert(offsetof(struct rvr_state_header, checksum) == 48, "format");

#define RVR_STATE_TX_IRQ 0x1u
#define RVR_STATE_RX_IRQ 0x2u

struct rvr_state_agent {
	rvr_le16 kind;	/**< enum rvr_aha_kind */
	rvr_le16 flags; /**< RVR_STATE_PASID */
	rvr_le32 pasid;
	rvr_le32 size;	/**< bytes of the agent's own state that follow, a multiple of 8 */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_state_agent) == 16, "format");
_Static_assert(offsetof(struct rvr_state_agent, size) == 8, "format");

#define RVR_STATE_AGENT_SIZE_V1 8 /**< version 1 ends a struct rvr_state_agent before size */

#define RVR_STATE_PASID 0x1u

struct rvr_state_session {
	uint8_t src;	 /**< number of an agent from 0, RVR_STATE_SOFTWARE: the AMI-SW */
	uint8_t src_ams;
	uint8_t dst;	 /**< as src */
	uint8_t dst_ams;
	uint8_t prio;
	uint8_t log2_msg_length; /**< DW */
	uint8_t mfo;
	uint8_t mf_ob_buf_num;
	rvr_le64 stash_ctl;
	rvr_le32 stash_dest;
	rvr_le32 flags; /**< RVR_STATE_STASH */
};
_Static_assert(sizeof(struct rvr_state_session) == 24, "format");
_Static_assert(offsetof(struct rvr_state_session, flags) == 20, "format");

#define RVR_STATE_SOFTWARE 0xffu
#define RVR_STATE_STASH 0x1u

struct rvr_state_ring {
	uint8_t type; /**< enum rvr_ams_type */
	uint8_t ams;
	uint8_t log2_size;
	uint8_t log2_msg_length; /**< DW */
	uint8_t threshold;
	uint8_t rx_mode; /**< enum rvr_rx_mode */
	uint8_t zero[2];
	rvr_le64 read;	/**< index; the messages behind are from here on, or the last that fit */
	rvr_le64 write;
};
_Static_assert(sizeof(struct rvr_state_ring) == 24, "format");
_Static_assert(offsetof(struct rvr_state_ring, write) == 16, "format");

/** FNV-1a over doublewords: any one of them that changes changes it. */
static inline uint64_t
rvr_state_checksum(const void *state, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)state;
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;
	size_t at;

	for (at = 0; at + sizeof(word) <= size; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		if (at == offsetof(struct rvr_state_header, checksum))
			word = 0;
		sum = (sum ^ rvr_le64_cpu(word)) * UINT64_C(0x100000001b3);
	}
	return sum;
}

#endif /* RVR_STATE_H */
