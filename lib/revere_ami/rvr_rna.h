/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Messages of the network agent (RNA) of a Revere-AMU device, all project-defined (P), as
 * little-endian structs. Shared by drivers and by the emulator, as rvr_msg.h is.
 */

#ifndef RVR_RNA_H
#define RVR_RNA_H

#include "rvr_msg.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- RNA: the sockets of an AMI-HW (P) ---------------------------------------------------- */

/*
 * One AMI-HW serves one queue pair, or the control channel of a Function, or both. The numbers
 * are AMS IDs of the AMI-HW; the AMI-SW's end is the driver's choice.
 */
enum rvr_rna_ams {
	/* AMI-HW receives (software sends) */
	RVR_RNA_RX_PACKETS = 0, /**< rvr_rna_tx: packets to transmit */
	RVR_RNA_RX_BUFFERS = 1, /**< rvr_rna_buffers: empty buffers for received packets */
	RVR_RNA_RX_CONTROL = 2, /**< rvr_rna_control: requests */
	/* AMI-HW sends (software receives) */
	RVR_RNA_TX_DONE = 0,	/**< rvr_rna_tx_done: transmitted descriptors, by range */
	RVR_RNA_TX_PACKETS = 1, /**< rvr_rna_rx: received packets */
	RVR_RNA_TX_CONTROL = 2, /**< rvr_rna_control: answers */
	RVR_RNA_TX_EVENTS = 3,	/**< rvr_rna_event */
	RVR_RNA_AMS_NUM = 4,	/**< sockets of each direction that an RNA needs */
};

enum rvr_rna_opcode {
	RVR_RNA_OP_TX = 1,
	RVR_RNA_OP_TX_DONE = 2,
	RVR_RNA_OP_BUFFERS = 3,
	RVR_RNA_OP_RX = 4,
	RVR_RNA_OP_EVENT = 5,
	RVR_RNA_OP_TX_INLINE = 6, /**< as OP_TX; packets may be in it, if port_info says so */
};

/* ---- RNA: transmit ------------------------------------------------------------------------ */

/** Header of a transmit message; struct rvr_rna_tx_desc follow, 15 in 256 bytes. */
struct rvr_rna_tx {
	rvr_le16 opcode; /**< RVR_RNA_OP_TX, _INLINE */
	rvr_le16 count;	 /**< descriptors that follow */
	rvr_le32 zero;
	rvr_le64 zero2;
};
_Static_assert(sizeof(struct rvr_rna_tx) == 16, "wire");

/** A packet, or a piece of one. A packet's pieces may go on in the next message. */
struct rvr_rna_tx_desc {
	rvr_le64 addr;	/**< of the data */
	rvr_le16 len;	/**< bytes, 1.. */
	rvr_le16 flags; /**< RVR_RNA_TX_* */
	rvr_le32 meta;	/**< 0 */
};
_Static_assert(sizeof(struct rvr_rna_tx_desc) == 16, "wire");

#define RVR_RNA_TX_MORE 0x1u   /**< the packet goes on in the next descriptor */
#define RVR_RNA_TX_OFFLOAD 0x2u /**< this is a struct rvr_rna_tx_offload */
#define RVR_RNA_TX_INLINE 0x4u /**< addr is 0: data follows here, up to a multiple of 16 bytes */

/** Bytes of a packet with RVR_RNA_TX_INLINE, at most; what a device takes is in port_info. */
#define RVR_RNA_TX_INLINE_MAX 128

/** How many times 16 bytes a packet of so many bytes takes of a message: descriptor and data. */
#define RVR_RNA_TX_PIECES(len) (1u + ((uint32_t)(len) + 15u) / 16u)

/**
 * What is to be done with the packet whose first descriptor comes next, possibly in the next
 * message. It counts like a descriptor. Headers are where the lengths say: outer L2, outer L3, L2
 * (with tunnels: all from the outer L4 header to the inner L2 header), L3, L4.
 */
struct rvr_rna_tx_offload {
	rvr_le16 request;  /**< RVR_RNA_TXO_* */
	rvr_le16 vlan_tci; /**< of the tag to insert */
	rvr_le16 outer_vlan_tci; /**< of the tag to insert before that one */
	rvr_le16 mss;	   /**< bytes behind the headers of a segment; UFO: behind those of IP */
	uint8_t outer_l2_len; /**< bytes; 0 without tunnel */
	uint8_t l2_len;	      /**< bytes */
	rvr_le16 flags;	      /**< RVR_RNA_TX_OFFLOAD */
	uint8_t outer_l3_dw;  /**< words of 4 bytes; 0 without tunnel */
	uint8_t l3_dw;	      /**< words of 4 bytes */
	uint8_t l4_len;	      /**< bytes; with TSO alone */
	uint8_t zero;
};
_Static_assert(sizeof(struct rvr_rna_tx_offload) == 16, "wire");
_Static_assert(offsetof(struct rvr_rna_tx_offload, flags) ==
	       offsetof(struct rvr_rna_tx_desc, flags), "flags stand where a descriptor has them");

#define RVR_RNA_TXO_L3 0x0001u	      /**< IPv4 header checksum, of the inner packet of a tunnel */
#define RVR_RNA_TXO_L4_MASK 0x0006u   /**< L4 checksum, also of the inner packet: */
#define RVR_RNA_TXO_TCP 0x0002u	      /**< of TCP; the field's content doesn't matter */
#define RVR_RNA_TXO_UDP 0x0004u	      /**< of UDP */
#define RVR_RNA_TXO_SCTP 0x0006u      /**< of SCTP */
#define RVR_RNA_TXO_OUTER_L3 0x0008u  /**< outer IPv4 header checksum */
#define RVR_RNA_TXO_OUTER_UDP 0x0010u /**< outer UDP checksum */
#define RVR_RNA_TXO_TSO 0x0020u /**< cut TCP into segments; all checksums but outer UDP's are set */
#define RVR_RNA_TXO_UFO 0x0040u /**< cut UDP over IPv4 into IP fragments, mss rounded down to 8 */
#define RVR_RNA_TXO_VLAN 0x0080u       /**< insert a tag 0x8100 */
#define RVR_RNA_TXO_OUTER_VLAN 0x0100u /**< insert a tag 0x88a8 before all others */
#define RVR_RNA_TXO_TIMESTAMP 0x0200u  /**< keep the time of sending for RVR_RNA_CTL_TIME */
#define RVR_RNA_TXO_ALL 0x03ffu

/** Answer: every descriptor before @c done is the driver's again. */
struct rvr_rna_tx_done {
	rvr_le16 opcode; /**< RVR_RNA_OP_TX_DONE */
	rvr_le16 zero;
	rvr_le32 zero2;
	rvr_le64 done; /**< descriptors since the queue's start, free-running */
	uint8_t zero3[48];
};
_Static_assert(sizeof(struct rvr_rna_tx_done) == 64, "wire");

/* ---- RNA: receive ------------------------------------------------------------------------- */

/** Header of a message of empty buffers; rvr_le64 addresses follow, 31 in 256 bytes. */
struct rvr_rna_buffers {
	rvr_le16 opcode; /**< RVR_RNA_OP_BUFFERS */
	rvr_le16 count;	 /**< addresses that follow */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_buffers) == 8, "wire");

/** Header of a receive message; struct rvr_rna_rx_desc follow, 15 in 256 bytes. */
struct rvr_rna_rx {
	rvr_le16 opcode; /**< RVR_RNA_OP_RX */
	rvr_le16 count;	 /**< descriptors that follow */
	rvr_le32 zero;
	rvr_le64 first; /**< buffers since the queue's start before these, free-running */
};
_Static_assert(sizeof(struct rvr_rna_rx) == 16, "wire");

/** A filled buffer. Buffers are used in the order in which they were given. */
struct rvr_rna_rx_desc {
	rvr_le32 ptype;	   /**< RVR_RNA_PTYPE_* */
	rvr_le16 pkt_len;  /**< bytes of the whole packet */
	rvr_le16 flags;	   /**< RVR_RNA_RX_* */
	rvr_le16 seg_len;  /**< bytes in this buffer; 0 with RVR_RNA_RXO_SPLIT only */
	rvr_le16 vlan_tci; /**< valid with RVR_RNA_RX_VLAN */
	rvr_le32 hash;	   /**< valid with RVR_RNA_RX_HASH */
};
_Static_assert(sizeof(struct rvr_rna_rx_desc) == 16, "wire");

#define RVR_RNA_RX_MORE 0x01u /**< the packet goes on in the next buffer */
#define RVR_RNA_RX_HASH 0x02u /**< hash is valid */
#define RVR_RNA_RX_VLAN 0x04u /**< vlan_tci is valid */
#define RVR_RNA_RX_ERROR 0x08u /**< empty: its packet met a buffer that can't be written */
#define RVR_RNA_RX_EXT 0x10u /**< a struct rvr_rna_rx_ext follows, in this message; not if empty */
#define RVR_RNA_RX_MARK 0x20u /**< marked by a rule: with the number in EXT, if there is one */
#define RVR_RNA_RX_OUTER_VLAN 0x40u /**< outer_vlan_tci of EXT is valid */
#define RVR_RNA_RX_LRO 0x80u /**< made of several packets: lro_mss of EXT is valid */
#define RVR_RNA_RX_L3_GOOD 0x0100u /**< IPv4 header checksum, of the inner packet of a tunnel */
#define RVR_RNA_RX_L3_BAD 0x0200u
#define RVR_RNA_RX_L4_GOOD 0x0400u /**< checksum of TCP, UDP (or none there), SCTP; inner one */
#define RVR_RNA_RX_L4_BAD 0x0800u
#define RVR_RNA_RX_OUTER_L4_GOOD 0x1000u /**< of a tunnel's UDP */
#define RVR_RNA_RX_OUTER_L4_BAD 0x2000u
#define RVR_RNA_RX_OUTER_L3_BAD 0x4000u /**< of a tunnel's outer IPv4 header */
#define RVR_RNA_RX_TIMESTAMP 0x8000u /**< timestamp of EXT is valid */

/** More of a packet, after its first descriptor; it takes no buffer. */
struct rvr_rna_rx_ext {
	rvr_le32 mark; /**< valid with RVR_RNA_RX_MARK, unless RVR_RNA_MARK_NONE */
	rvr_le16 outer_vlan_tci;
	rvr_le16 lro_mss; /**< bytes of TCP's data in each of the packets but the last */
	rvr_le64 timestamp; /**< ns of the port's clock */
};
_Static_assert(sizeof(struct rvr_rna_rx_ext) == 16, "wire");

#define RVR_RNA_MARK_NONE 0xffffffffu /**< marked without a number */

/** ptype: what the parser found, a code of 4 bits for each layer; 0: nothing known. */
#define RVR_RNA_PTYPE_L2_ETHER 0x0000001u
#define RVR_RNA_PTYPE_L2_TIMESYNC 0x0000002u /**< IEEE 1588 (PTP) event in Ethernet */
#define RVR_RNA_PTYPE_L2_ARP 0x0000003u
#define RVR_RNA_PTYPE_L2_VLAN 0x0000006u
#define RVR_RNA_PTYPE_L2_QINQ 0x0000007u
#define RVR_RNA_PTYPE_L2_MPLS 0x000000au
#define RVR_RNA_PTYPE_L2_MASK 0x000000fu
#define RVR_RNA_PTYPE_L3_IPV4 0x0000010u
#define RVR_RNA_PTYPE_L3_IPV4_EXT 0x0000030u /**< with options */
#define RVR_RNA_PTYPE_L3_IPV6 0x0000040u
#define RVR_RNA_PTYPE_L3_IPV6_EXT 0x00000c0u /**< with extension headers */
#define RVR_RNA_PTYPE_L3_IPV4_ANY 0x0000090u /**< in split_ptype: either of IPv4 */
#define RVR_RNA_PTYPE_L3_IPV6_ANY 0x00000e0u
#define RVR_RNA_PTYPE_L3_MASK 0x00000f0u
#define RVR_RNA_PTYPE_L4_TCP 0x0000100u
#define RVR_RNA_PTYPE_L4_UDP 0x0000200u
#define RVR_RNA_PTYPE_L4_FRAG 0x0000300u /**< fragment, the first one too */
#define RVR_RNA_PTYPE_L4_SCTP 0x0000400u
#define RVR_RNA_PTYPE_L4_ICMP 0x0000500u /**< for IPv4 or IPv6 */
#define RVR_RNA_PTYPE_L4_IGMP 0x0000700u
#define RVR_RNA_PTYPE_L4_MASK 0x0000f00u
#define RVR_RNA_PTYPE_TUNNEL_IP 0x0001000u /**< IP in IP */
#define RVR_RNA_PTYPE_TUNNEL_GRE 0x0002000u
#define RVR_RNA_PTYPE_TUNNEL_VXLAN 0x0003000u
#define RVR_RNA_PTYPE_TUNNEL_GENEVE 0x0005000u
#define RVR_RNA_PTYPE_TUNNEL_MPLS_IN_GRE 0x000c000u
#define RVR_RNA_PTYPE_TUNNEL_MPLS_IN_UDP 0x000d000u
#define RVR_RNA_PTYPE_TUNNEL_MASK 0x000f000u
#define RVR_RNA_PTYPE_INNER_L2_ETHER 0x0010000u
#define RVR_RNA_PTYPE_INNER_L2_VLAN 0x0020000u
#define RVR_RNA_PTYPE_INNER_L2_QINQ 0x0030000u
#define RVR_RNA_PTYPE_INNER_L2_MASK 0x00f0000u
#define RVR_RNA_PTYPE_INNER_L3_IPV4 0x0100000u
#define RVR_RNA_PTYPE_INNER_L3_IPV4_EXT 0x0200000u
#define RVR_RNA_PTYPE_INNER_L3_IPV6 0x0300000u
#define RVR_RNA_PTYPE_INNER_L3_IPV6_EXT 0x0500000u
#define RVR_RNA_PTYPE_INNER_L3_MASK 0x0f00000u
#define RVR_RNA_PTYPE_INNER_L4_TCP 0x1000000u
#define RVR_RNA_PTYPE_INNER_L4_UDP 0x2000000u
#define RVR_RNA_PTYPE_INNER_L4_FRAG 0x3000000u
#define RVR_RNA_PTYPE_INNER_L4_SCTP 0x4000000u
#define RVR_RNA_PTYPE_INNER_L4_ICMP 0x5000000u
#define RVR_RNA_PTYPE_INNER_L4_MASK 0xf000000u
#define RVR_RNA_PTYPE_MASK 0xfffffffu /**< all layers */

/* ---- RNA: control ------------------------------------------------------------------------- */

/** Bytes of a control request and of its answer: 32 DW. */
#define RVR_RNA_CONTROL_SIZE 256

enum rvr_rna_control_opcode {
	RVR_RNA_CTL_PORT_INFO = 1, /**< answer: struct rvr_rna_port_info */
	RVR_RNA_CTL_PORT_SET = 2, /**< struct rvr_rna_port_set, atomic */
	RVR_RNA_CTL_QUEUE_SETUP = 3, /**< struct rvr_rna_queue_setup */
	RVR_RNA_CTL_QUEUE_START = 4, /**< struct rvr_rna_queue */
	RVR_RNA_CTL_QUEUE_STOP = 5, /**< struct rvr_rna_queue: answered when nothing is in flight */
	RVR_RNA_CTL_QUEUE_RELEASE = 6, /**< struct rvr_rna_queue: undoes QUEUE_SETUP */
	RVR_RNA_CTL_RSS_SET = 7, /**< struct rvr_rna_rss */
	RVR_RNA_CTL_RETA_SET = 8, /**< struct rvr_rna_reta */
	RVR_RNA_CTL_STATS_GET = 9, /**< answer: struct rvr_rna_stats */
	RVR_RNA_CTL_QUEUE_STATS_GET = 10, /**< struct rvr_rna_queue; answer: rvr_rna_queue_stats */
	RVR_RNA_CTL_STATS_RESET = 11,
	RVR_RNA_CTL_PORT_RELEASE = 12, /**< as new: queues released, settings and counters reset */
	RVR_RNA_CTL_QUEUE_STATS_RESET = 13, /**< struct rvr_rna_queue */
	RVR_RNA_CTL_RX_OFFLOADS = 14, /**< struct rvr_rna_rx_offloads: of a queue, until released */
	RVR_RNA_CTL_TIME = 15, /**< struct rvr_rna_time, done and answered */
};

enum rvr_rna_control_status {
	RVR_RNA_OK = 0,
	RVR_RNA_BAD_OPCODE = 1,
	RVR_RNA_BAD_PORT = 2,
	RVR_RNA_BAD_QUEUE = 3,
	RVR_RNA_BAD_VALUE = 4, /**< a value out of range; answer: offset of it in `detail` */
	RVR_RNA_BUSY = 5, /**< not in this state, or another control channel has the port */
	RVR_RNA_BAD_AMI_HW = 6, /**< absent, another Function's or in use */
	RVR_RNA_NO_MEMORY = 7,
};

/**
 * Header of a control request and its answer; the payload follows. The first channel that changes
 * something of a port has it, until PORT_RELEASE or until its AMI-HW is disabled.
 */
struct rvr_rna_control {
	rvr_le16 opcode; /**< enum rvr_rna_control_opcode, echoed */
	rvr_le16 status; /**< request: 0; answer: enum rvr_rna_control_status */
	rvr_le16 port;	 /**< port of the adapter, from 0 */
	rvr_le16 tag;	 /**< echoed */
	rvr_le32 detail; /**< answer with RVR_RNA_BAD_VALUE: byte offset of the value refused */
	rvr_le32 zero;
	uint8_t payload[RVR_RNA_CONTROL_SIZE - 16];
};
_Static_assert(sizeof(struct rvr_rna_control) == RVR_RNA_CONTROL_SIZE, "wire");

struct rvr_rna_port_info {
	rvr_le16 ports;		/**< ports of this adapter */
	rvr_le16 max_queues;	/**< queue pairs of a port */
	rvr_le32 max_buffers;	/**< empty buffers that a queue can hold */
	rvr_le16 max_frame;	/**< longest frame in bytes, Ethernet header with, CRC without */
	rvr_le16 min_buffer;	/**< smallest receive buffer, bytes */
	rvr_le16 reta_size;	/**< entries of the redirection table */
	rvr_le16 rss_key_size;	/**< bytes */
	rvr_le32 rss_types;	/**< RVR_RNA_RSS_* that can be hashed on */
	rvr_le32 speed;		/**< Mbit/s */
	rvr_le32 flags;		/**< RVR_RNA_PORT_* as they are now */
	uint8_t mac[6];		/**< permanent address */
	uint8_t kind;		/**< enum rvr_rna_port_kind */
	uint8_t number;		/**< of a virtual port, or of that which it represents */
	rvr_le16 max_segments;	/**< descriptors of one transmitted packet */
	rvr_le16 faces;		/**< virtual port, representor: port of the other; or NO_PORT */
	char backend[32];	/**< name of what stands behind the port, NUL-terminated */
	char firmware[32];	/**< version, NUL-terminated */
	rvr_le16 own;		/**< port that is meant for the asking Function */
	rvr_le16 max_inline;	/**< bytes of a packet in a transmit message; 0: none may be */
	uint8_t zero[4];
};
_Static_assert(sizeof(struct rvr_rna_port_info) == 112, "wire");

#define RVR_RNA_NO_PORT 0xffffu

/**
 * An uplink has a wire. A virtual port has the adapter's switch: what no transfer rule takes goes
 * to its representor, and the other way round. If there is virtual port N, VF N (from 0 on) may
 * use no other port.
 */
enum rvr_rna_port_kind {
	RVR_RNA_KIND_UPLINK = 0,
	RVR_RNA_KIND_VIRTUAL = 1,
	RVR_RNA_KIND_REPRESENTOR = 2,
};

#define RVR_RNA_PORT_LINK_UP 0x1u
#define RVR_RNA_PORT_PROMISC 0x2u
#define RVR_RNA_PORT_ALLMULTI 0x4u
#define RVR_RNA_PORT_ENABLED 0x8u /**< packets pass */
#define RVR_RNA_PORT_PTYPES 0x10u /**< received packets get a ptype, else 0 */

/** Sets what @c mask names (RVR_RNA_SET_*), all or nothing. */
struct rvr_rna_port_set {
	rvr_le32 mask;
	rvr_le32 flags; /**< RVR_RNA_PORT_*, those in the mask */
	rvr_le16 max_frame;
	uint8_t mac[6];
};
_Static_assert(sizeof(struct rvr_rna_port_set) == 16, "wire");

#define RVR_RNA_SET_PROMISC RVR_RNA_PORT_PROMISC
#define RVR_RNA_SET_ALLMULTI RVR_RNA_PORT_ALLMULTI
#define RVR_RNA_SET_ENABLED RVR_RNA_PORT_ENABLED
#define RVR_RNA_SET_PTYPES RVR_RNA_PORT_PTYPES
#define RVR_RNA_SET_LINK RVR_RNA_PORT_LINK_UP /**< administrative: the link may still be down */
#define RVR_RNA_SET_MAX_FRAME 0x100u
#define RVR_RNA_SET_MAC 0x200u

struct rvr_rna_queue {
	rvr_le16 queue;
	rvr_le16 direction; /**< RVR_RNA_DIR_* */
};
_Static_assert(sizeof(struct rvr_rna_queue) == 4, "wire");

/*
 * QUEUE_STOP forgets: buffers that the queue holds are the driver's again, and what is counted
 * since the queue's start (done, first) is 0. Messages still in the session belong to the time
 * after it; drivers wait until their rings are empty.
 */
#define RVR_RNA_DIR_RX 0x1u
#define RVR_RNA_DIR_TX 0x2u

/**
 * Gives a queue pair of the port an AMI-HW of the asking Function; again, with the same AMI-HW and
 * reception stopped: other buffers. The queue takes empty buffers from now on, also stopped.
 */
struct rvr_rna_queue_setup {
	rvr_le16 queue;
	rvr_le16 phy_ami_hw_id; /**< AMI_HW_ID, where contexts can be kept (RVR_KEEP_MAGIC) */
	rvr_le32 buffers; /**< that the queue may hold, ..max_buffers; 0: it doesn't receive */
	rvr_le32 buffer_size; /**< bytes of each receive buffer, min_buffer..65535 */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_queue_setup) == 16, "wire");

/** What a queue of a port does with packets that it receives; nothing until it is told. */
struct rvr_rna_rx_offloads {
	rvr_le16 queue;
	rvr_le16 lro_max; /**< bytes of a packet that is put together; 0: 65535 */
	rvr_le32 offloads; /**< RVR_RNA_RXO_* */
	rvr_le32 split_ptype; /**< RVR_RNA_PTYPE_*: cut behind the last of these headers; or 0 */
	rvr_le16 split_len; /**< cut behind so many bytes */
	rvr_le16 split_buffer; /**< bytes of each buffer for the first piece, 1.. */
	rvr_le32 lro_us; /**< microseconds that LRO may hold a segment back, 0..1000000 */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_rx_offloads) == 24, "wire");

#define RVR_RNA_LRO_US_MAX 1000000u

/*
 * With SPLIT buffers come in pairs, from the queue's start on: the first one for what is before
 * the cut, of split_buffer bytes, the second for the rest, of buffer_size bytes. A packet takes as
 * many pairs as it needs; of all but the first the first buffers stay empty, and so does that of a
 * packet that isn't of split_ptype (where L2_ETHER stands for any code of layer 2). An empty
 * buffer's descriptor has a seg_len of 0. SPLIT can't change while the queue holds buffers.
 */

#define RVR_RNA_RXO_CHECKSUM 0x01u  /**< tell the states of checksums */
#define RVR_RNA_RXO_VLAN 0x02u	    /**< take the (with two: outer) tag off, tell it */
#define RVR_RNA_RXO_QINQ 0x04u	    /**< of two tags take both off, tell them */
#define RVR_RNA_RXO_KEEP_CRC 0x08u  /**< 4 bytes of CRC follow the packet, and count */
#define RVR_RNA_RXO_LRO 0x10u	    /**< put segments of a TCP stream together */
#define RVR_RNA_RXO_TIMESTAMP 0x20u /**< tell the time of arrival of each packet */
#define RVR_RNA_RXO_PTP 0x40u	    /**< tell that of IEEE 1588 packets */
#define RVR_RNA_RXO_MARK 0x80u /**< tell the numbers of marks that rules set */
#define RVR_RNA_RXO_SPLIT 0x100u /**< cut packets in two, for buffers of two kinds */
#define RVR_RNA_RXO_ALL 0x1ffu

/** The port's clock, ns. Request: what to do; answer: the clock after that, and more. */
struct rvr_rna_time {
	rvr_le32 operation; /**< RVR_RNA_TIME_* */
	rvr_le32 tx_valid; /**< answer: 1 if there was a tx_timestamp not read before */
	rvr_le64 time; /**< to set, or to add (two's complement); answer: now */
	rvr_le64 raw; /**< answer: now by a clock that is never set */
	rvr_le64 tx_timestamp; /**< answer: of the last packet that was to be timed */
};
_Static_assert(sizeof(struct rvr_rna_time) == 32, "wire");

#define RVR_RNA_TIME_GET 0u
#define RVR_RNA_TIME_SET 1u
#define RVR_RNA_TIME_ADD 2u
#define RVR_RNA_TIME_GET_TX 3u /**< and take tx_timestamp */

/** Receive-side scaling: a hash over the types, Toeplitz or XOR, then the redirection table. */
struct rvr_rna_rss {
	rvr_le32 types; /**< RVR_RNA_RSS_*; without a kind: everything to queue 0, no hash */
	rvr_le32 key_size; /**< bytes, rss_key_size, or 0 to leave the key */
	uint8_t key[52];
};
_Static_assert(sizeof(struct rvr_rna_rss) == 60, "wire");

/* Kinds of packets that are hashed: addresses, and of those with a protocol its two ports. */
#define RVR_RNA_RSS_IPV4 0x01u /**< all of IPv4, fragments and other protocols too */
#define RVR_RNA_RSS_IPV4_TCP 0x02u
#define RVR_RNA_RSS_IPV4_UDP 0x04u
#define RVR_RNA_RSS_IPV6 0x08u
#define RVR_RNA_RSS_IPV6_TCP 0x10u
#define RVR_RNA_RSS_IPV6_UDP 0x20u
#define RVR_RNA_RSS_IPV4_SCTP 0x40u
#define RVR_RNA_RSS_IPV6_SCTP 0x80u
#define RVR_RNA_RSS_IPV4_FRAG 0x100u /**< fragments */
#define RVR_RNA_RSS_IPV6_FRAG 0x200u
#define RVR_RNA_RSS_IPV4_OTHER 0x400u /**< neither fragments nor one of the three protocols */
#define RVR_RNA_RSS_IPV6_OTHER 0x800u
#define RVR_RNA_RSS_L2 0x1000u /**< what is hashed by nothing else: Ethernet addresses and type */
#define RVR_RNA_RSS_KINDS 0x1fffu
/* How. */
#define RVR_RNA_RSS_L3_SRC 0x10000u /**< of addresses the source alone */
#define RVR_RNA_RSS_L3_DST 0x20000u
#define RVR_RNA_RSS_L4_SRC 0x40000u /**< of ports the source alone */
#define RVR_RNA_RSS_L4_DST 0x80000u
#define RVR_RNA_RSS_INNER 0x100000u /**< of the inner packet, where a tunnel carries one */
#define RVR_RNA_RSS_SYMMETRIC 0x200000u /**< source and destination replaced by their XOR */
#define RVR_RNA_RSS_SORTED 0x400000u /**< the smaller one of source and destination first */
#define RVR_RNA_RSS_XOR 0x800000u /**< no Toeplitz hash, but the XOR of the input's 4-byte words */

/** Entries of the redirection table; all or nothing. */
struct rvr_rna_reta {
	rvr_le16 first;
	rvr_le16 count; /**< 1..64 */
	rvr_le16 queue[64];
};
_Static_assert(sizeof(struct rvr_rna_reta) == 132, "wire");

struct rvr_rna_queue_stats {
	rvr_le64 rx_packets, rx_bytes;
	rvr_le64 rx_no_buffer; /**< packets dropped: the queue had no empty buffer */
	rvr_le64 tx_packets, tx_bytes;
	rvr_le64 tx_errors; /**< packets refused: malformed, too long, not readable */
	rvr_le64 rx_errors; /**< packets lost: a buffer was not writable */
};
_Static_assert(sizeof(struct rvr_rna_queue_stats) == 56, "wire");

/** Counters of a port: sums over its queues and what no queue saw. */
struct rvr_rna_stats {
	struct rvr_rna_queue_stats queues;
	rvr_le64 rx_filtered;  /**< packets for another address */
	rvr_le64 rx_oversize;  /**< longer than max_frame */
	rvr_le64 rx_undersize; /**< shorter than an Ethernet header */
	rvr_le64 rx_stopped;   /**< for a port or queue that was not running */
	rvr_le64 tx_dropped;   /**< the backend could not take them */
	rvr_le64 rx_multicast, rx_broadcast;
};
_Static_assert(sizeof(struct rvr_rna_stats) == 112, "wire");

/** Sent on RVR_RNA_TX_EVENTS, where that socket has a session, when a port's flags change. */
struct rvr_rna_event {
	rvr_le16 opcode; /**< RVR_RNA_OP_EVENT */
	rvr_le16 port;
	rvr_le32 flags; /**< RVR_RNA_PORT_* */
	uint8_t zero[56];
};
_Static_assert(sizeof(struct rvr_rna_event) == 64, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_RNA_H */
