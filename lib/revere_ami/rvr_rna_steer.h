/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Control messages of the network agent (RNA) that say which packets a port takes, to which of its
 * queues they go, and how fast they leave: address tables, VLANs, pools (VMDq), flow control and
 * traffic management. They are payloads of struct rvr_rna_control, as those of rvr_rna.h; each is
 * done as a whole or not at all.
 */

#ifndef RVR_RNA_STEER_H
#define RVR_RNA_STEER_H

#include "rvr_rna.h"

#ifdef __cplusplus
extern "C" {
#endif

enum rvr_rna_steer_opcode {
	RVR_RNA_CTL_STEER_INFO = 32, /**< answer: struct rvr_rna_steer_info */
	RVR_RNA_CTL_MAC_SET = 33, /**< struct rvr_rna_mac */
	RVR_RNA_CTL_MULTICAST_SET = 34, /**< struct rvr_rna_multicast */
	RVR_RNA_CTL_VLAN_SET = 35, /**< struct rvr_rna_vlans */
	RVR_RNA_CTL_VMDQ_SET = 36, /**< struct rvr_rna_vmdq */
	RVR_RNA_CTL_VMDQ_VLAN = 37, /**< struct rvr_rna_vmdq_vlan */
	RVR_RNA_CTL_PAUSE_SET = 38, /**< struct rvr_rna_pause */
	RVR_RNA_CTL_TM_PORT = 39, /**< struct rvr_rna_tm_shaper, of the port; queue is 0 */
	RVR_RNA_CTL_TM_QUEUE = 40, /**< struct rvr_rna_tm_queue */
	RVR_RNA_CTL_STEER_STATS = 41, /**< answer: struct rvr_rna_steer_stats */
};

/** What the port's tables hold. */
struct rvr_rna_steer_info {
	rvr_le16 macs;	    /**< entries of the address table beside the port's own address */
	rvr_le16 multicast; /**< addresses of the multicast list */
	rvr_le16 pools;	    /**< of VMDq, up to 64; 0: there are none */
	rvr_le16 tm_prios;  /**< priorities of transmit queues, 0 the first; 0: no shaping */
	rvr_le32 tm_weight; /**< highest weight of a transmit queue */
	rvr_le32 zero;
	rvr_le64 tm_rate_min; /**< slowest and fastest rate of a shaper, bytes a second */
	rvr_le64 tm_rate_max;
	rvr_le32 tm_burst_min; /**< smallest and largest burst of a shaper, bytes */
	rvr_le32 tm_burst_max;
};
_Static_assert(sizeof(struct rvr_rna_steer_info) == 40, "wire");

/**
 * One entry of the address table: unicast packets to an address there are received, as those to
 * the port's own. Entry 0 is the port's own address, of which only the pools are set here.
 */
struct rvr_rna_mac {
	rvr_le16 index; /**< 0..macs */
	uint8_t mac[6]; /**< unicast, all zeroes: the entry is empty */
	rvr_le64 pools; /**< bit N: pool N gets its packets; without VMDq ignored */
};
_Static_assert(sizeof(struct rvr_rna_mac) == 16, "wire");

#define RVR_RNA_MULTICAST_CHUNK 36

/**
 * Multicast addresses that are received. A list comes in pieces, in order; it takes the place of
 * the old one with its last piece, that is when @c first + @c count is @c total.
 */
struct rvr_rna_multicast {
	rvr_le16 total; /**< addresses of the list; 0: none */
	rvr_le16 first; /**< of them that is the first one here */
	rvr_le16 count; /**< here, ..36 */
	rvr_le16 zero;
	uint8_t mac[RVR_RNA_MULTICAST_CHUNK][6];
};
_Static_assert(sizeof(struct rvr_rna_multicast) == 224, "wire");

#define RVR_RNA_VLANS_CHUNK 1024

/**
 * VLANs that pass the filter. With the filter on, packets whose outermost tag (0x8100 or 0x88a8)
 * names another VLAN than these are dropped, of promiscuous ports too; packets without a tag and
 * those of VLAN 0 (priority tags) pass.
 */
struct rvr_rna_vlans {
	rvr_le16 enable; /**< 1: the filter is on; 0: off */
	rvr_le16 first;	 /**< VLAN of the first bit here: 0, 1024, 2048 or 3072 */
	rvr_le32 zero;
	uint8_t bits[RVR_RNA_VLANS_CHUNK / 8]; /**< VLAN first + i: bit i % 8 of byte i / 8 */
};
_Static_assert(sizeof(struct rvr_rna_vlans) == 136, "wire");

/**
 * Pools of queues for virtual machines. Pool N has the queues from first_queue + N * queues on. A
 * packet goes to the pools of its address (entries of the address table), as far as they take its
 * VLAN (struct rvr_rna_vmdq_vlan); multicast and broadcast packets go to each pool that accepts
 * them. What no pool takes goes to the default pool, or is dropped. Sets anew: no VLAN is given to
 * a pool after it.
 */
struct rvr_rna_vmdq {
	rvr_le16 pools;	       /**< 0: off */
	rvr_le16 first_queue;
	rvr_le16 queues;       /**< of a pool: RSS spreads its packets over them, if it is on */
	rvr_le16 default_pool; /**< or RVR_RNA_NO_POOL */
	rvr_le32 accept;       /**< RVR_RNA_POOL_* */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_vmdq) == 16, "wire");

#define RVR_RNA_NO_POOL 0xffffu
#define RVR_RNA_POOL_UNTAGGED 0x1u /**< where VLANs are given to pools: packets without a tag */
#define RVR_RNA_POOL_BROADCAST 0x2u
#define RVR_RNA_POOL_MULTICAST 0x4u
#define RVR_RNA_POOL_LOOPBACK 0x8u /**< what queues send to a pool's address stays in the port */

/** Gives a VLAN to pools. Once some VLAN is given, pools get packets of their VLANs only. */
struct rvr_rna_vmdq_vlan {
	rvr_le16 vlan; /**< 0..4095 */
	uint8_t zero[6];
	rvr_le64 pools; /**< bit N: pool N takes the VLAN's packets */
};
_Static_assert(sizeof(struct rvr_rna_vmdq_vlan) == 16, "wire");

/**
 * Flow control by pause frames (IEEE 802.3x). A port that honours them sends nothing for the time
 * that a frame tells, and doesn't give these frames to its queues, unless it forwards them.
 */
struct rvr_rna_pause {
	rvr_le16 flags; /**< RVR_RNA_PAUSE_* */
	rvr_le16 time;	/**< of frames that are sent, in 512 bit times */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_pause) == 8, "wire");

#define RVR_RNA_PAUSE_RX 0x1u /**< received pause frames are honoured */
#define RVR_RNA_PAUSE_TX 0x2u /**< a queue without empty buffers sends one, then drops */
#define RVR_RNA_PAUSE_FORWARD 0x4u /**< queues get pause frames as any other packet */

/** A token bucket: what leaves is at most burst + rate * time, and the last message's rest. */
struct rvr_rna_tm_shaper {
	rvr_le64 rate;	/**< bytes a second, of frames without CRC, preamble and gap; 0: no limit */
	rvr_le32 burst; /**< bytes */
	rvr_le32 overhead; /**< bytes that are counted beside each frame's, 0..255 */
};
_Static_assert(sizeof(struct rvr_rna_tm_shaper) == 16, "wire");

/**
 * How a transmit queue shares its port. Where the port's shaper leaves less than queues have to
 * send, queues of a higher priority go first, and those of one priority share by their weights.
 */
struct rvr_rna_tm_queue {
	rvr_le16 queue;
	rvr_le16 prio;	 /**< 0..tm_prios - 1, 0 is the first */
	rvr_le32 weight; /**< 1..tm_weight */
	struct rvr_rna_tm_shaper shaper; /**< of the queue */
};
_Static_assert(sizeof(struct rvr_rna_tm_queue) == 24, "wire");

/** Counters of a port beside those of STATS_GET; reset with them. */
struct rvr_rna_steer_stats {
	rvr_le64 rx_vlan_filtered; /**< packets of a VLAN that doesn't pass */
	rvr_le64 rx_no_pool;	   /**< packets that no pool takes */
	rvr_le64 rx_pause;	   /**< pause frames that were honoured */
	rvr_le64 tx_pause;	   /**< pause frames that were sent */
	rvr_le64 tx_loopback;	   /**< packets that stayed in the port, from queue to pool */
	rvr_le64 wire_truncated; /**< records of the backend that end too early; it stops there */
	rvr_le64 wire_bad_length; /**< records whose lengths can't be */
	rvr_le64 wire_errors;	 /**< reads and writes of the backend that failed */
	/* Of packets that a port parsed, for packet types, RSS or offloads; they are received. */
	rvr_le64 rx_short_header; /**< a header that is named isn't there as a whole, or is none */
	rvr_le64 rx_bad_length;	 /**< IP says a length that can't be */
	rvr_le64 rx_extensions;	 /**< more than 8 extension headers */
	rvr_le64 flow_dropped; /**< packets that rules, meters or isolation drop */
	rvr_le64 flow_failed; /**< ... as actions can't be done: TTL, length, a loop of jumps */
};
_Static_assert(sizeof(struct rvr_rna_steer_stats) == 104, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_RNA_STEER_H */
