/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Wire formats of the RNA's match/action pipeline (P): flow key, matchers, rules, actions,
 * counters, meters. Requests and answers are struct rvr_rna_control with these opcodes; the
 * session that carries requests may be longer than 256 bytes, and FLOW_RULES then fills it.
 *
 * A packet is parsed into a flow key. A *matcher* is a domain, a group, a priority and a mask over
 * the key; a *rule* is a matcher, the values of the words of the key that its mask names, and a
 * list of actions. A packet enters group 0 of a domain; in a group the rule that matches with the
 * lowest priority number is executed. Rules of one matcher are found in one step however many they
 * are. The driver picks the numbers of its port's matchers, rules, counters and meters.
 *
 * Domains: INGRESS, packets for the port's host; EGRESS, packets that the host sends; TRANSFER,
 * one for all ports of the adapter: packets that come by a port's wire before INGRESS, and packets
 * of a host after EGRESS. Without a rule that says where it goes a packet goes on as if there were
 * no rules.
 */

#ifndef RVR_RNA_FLOW_H
#define RVR_RNA_FLOW_H

#include "rvr_rna.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Largest control request, bytes: the longest message there is. */
#define RVR_RNA_FLOW_MESSAGE_MAX 2048

/* ---- Flow key ----------------------------------------------------------------------------- */

/** Headers up to a tunnel's, or behind one. Numbers of two bytes and more as in the packet. */
struct rvr_rna_flow_level {
	uint8_t eth_dst[6];
	uint8_t eth_src[6];
	uint8_t eth_type[2]; /**< behind the VLAN tags */
	uint8_t l3;	     /**< RVR_RNA_FLOW_L3_*: headers that are there */
	uint8_t l4;	     /**< RVR_RNA_FLOW_L4_*, RVR_RNA_FLOW_L2_* */
	uint8_t vlan_tci[2]; /**< of the outer, or only, tag */
	uint8_t vlan2_tci[2]; /**< of the second tag */
	uint8_t src_port[2]; /**< TCP, UDP, SCTP; ICMP: type and code */
	uint8_t dst_port[2]; /**< TCP, UDP, SCTP; ICMP echo: identifier */
	uint8_t ip_src[16];  /**< IPv4: the first 4 bytes */
	uint8_t ip_dst[16];
	uint8_t proto;	     /**< IPv4 protocol; IPv6: behind the extension headers */
	uint8_t tos;	     /**< IPv4 type of service, IPv6 traffic class */
	uint8_t ttl;	     /**< or hop limit */
	uint8_t tcp_flags;
	uint8_t label[4];    /**< IPv6: flow label; IPv4: flags and fragment offset, 2 bytes */
};
_Static_assert(sizeof(struct rvr_rna_flow_level) == 64, "wire");
_Static_assert(offsetof(struct rvr_rna_flow_level, label) == 60, "wire");

#define RVR_RNA_FLOW_L3_ETH 0x01u
#define RVR_RNA_FLOW_L3_VLAN 0x02u /**< one tag at least */
#define RVR_RNA_FLOW_L3_QINQ 0x04u /**< two tags */
#define RVR_RNA_FLOW_L3_IPV4 0x08u
#define RVR_RNA_FLOW_L3_IPV6 0x10u
#define RVR_RNA_FLOW_L3_FRAG 0x20u /**< IPv4: a fragment; IPv6: has a fragment header */
#define RVR_RNA_FLOW_L3_EXT 0x40u  /**< IPv4 options or IPv6 extension headers */
#define RVR_RNA_FLOW_L4_TCP 0x01u
#define RVR_RNA_FLOW_L4_UDP 0x02u
#define RVR_RNA_FLOW_L4_SCTP 0x04u
#define RVR_RNA_FLOW_L4_ICMP 0x08u
#define RVR_RNA_FLOW_L4_ICMP6 0x10u
#define RVR_RNA_FLOW_L2_AD 0x40u  /**< the outer tag's type is 802.1ad's, 0x88a8 */
#define RVR_RNA_FLOW_L2_AD2 0x80u /**< the second tag's */

/** What is matched on. Fields of what a packet doesn't have are 0. */
struct rvr_rna_flow_key {
	rvr_le16 port;	       /**< of the adapter, where the packet came in */
	uint8_t tunnel;	       /**< enum rvr_rna_flow_tunnel */
	uint8_t tunnel_flags;  /**< first byte of the tunnel's header */
	uint8_t tunnel_id[4];  /**< VXLAN, Geneve: VNI and 0; GRE: key; MPLS: the first label */
	uint8_t tunnel_proto[2]; /**< Geneve, GRE: Ethertype of what is inside */
	uint8_t origin;	       /**< RVR_RNA_FLOW_WIRE or RVR_RNA_FLOW_HOST */
	uint8_t marked;	       /**< 1: mark was set */
	rvr_le32 mark;	       /**< by a rule of an earlier group */
	struct rvr_rna_flow_level outer;
	struct rvr_rna_flow_level inner; /**< behind the tunnel's header */
};
_Static_assert(sizeof(struct rvr_rna_flow_key) == 144, "wire");
_Static_assert(offsetof(struct rvr_rna_flow_key, inner) == 80, "wire");

#define RVR_RNA_FLOW_WORDS 18 /**< 8-byte words of the key */
#define RVR_RNA_FLOW_WIRE 1u  /**< came by the wire; to the wire */
#define RVR_RNA_FLOW_HOST 2u  /**< sent by the port's host; to the host */

enum rvr_rna_flow_tunnel {
	RVR_RNA_FLOW_NO_TUNNEL = 0,
	RVR_RNA_FLOW_VXLAN = 1,	 /**< UDP port 4789 */
	RVR_RNA_FLOW_GENEVE = 2, /**< UDP port 6081 */
	RVR_RNA_FLOW_GRE = 3,
	RVR_RNA_FLOW_MPLS = 4, /**< behind Ethernet or in UDP, port 6635 */
	RVR_RNA_FLOW_IPIP = 5, /**< IP in IP */
};

/* ---- Requests ----------------------------------------------------------------------------- */

#define RVR_RNA_CTL_FLOW_FIRST 64

/** Continues enum rvr_rna_control_opcode. */
enum rvr_rna_flow_opcode {
	RVR_RNA_CTL_FLOW_INFO = 64,	   /**< answer: struct rvr_rna_flow_info */
	RVR_RNA_CTL_FLOW_MATCHER_ADD = 65, /**< struct rvr_rna_flow_matcher */
	RVR_RNA_CTL_FLOW_MATCHER_DEL = 66, /**< struct rvr_rna_flow_id; it has no rules any more */
	RVR_RNA_CTL_FLOW_RULES = 67, /**< struct rvr_rna_flow_rules; answer: rvr_rna_flow_done */
	RVR_RNA_CTL_FLOW_QUERY = 68, /**< struct rvr_rna_flow_query; answer: rvr_rna_flow_counts */
	RVR_RNA_CTL_FLOW_AGED = 69, /**< struct rvr_rna_flow_id: first rule; rvr_rna_flow_aged */
	RVR_RNA_CTL_FLOW_METER_SET = 70, /**< struct rvr_rna_flow_meter */
	RVR_RNA_CTL_FLOW_METER_GET = 71, /**< rvr_rna_flow_query; answer: rvr_rna_flow_colors */
	RVR_RNA_CTL_FLOW_FLUSH = 72, /**< the port's rules, matchers, counters and meters go */
	RVR_RNA_CTL_FLOW_ISOLATE = 73, /**< struct rvr_rna_flow_id: 1: other packets are dropped */
};

/** Limits of a port. Numbers that the driver picks are below them. */
struct rvr_rna_flow_info {
	rvr_le32 matchers;
	rvr_le32 rules;
	rvr_le32 counters;
	rvr_le32 meters;
	rvr_le32 groups;
	rvr_le32 actions_size; /**< longest list of actions, bytes */
	rvr_le32 transfer;     /**< 1: this channel may add transfer rules: it is the PF's */
	rvr_le32 port;	       /**< the port's own number */
};
_Static_assert(sizeof(struct rvr_rna_flow_info) == 32, "wire");

struct rvr_rna_flow_id {
	rvr_le32 id;
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_flow_id) == 8, "wire");

enum rvr_rna_flow_domain {
	RVR_RNA_FLOW_INGRESS = 0,
	RVR_RNA_FLOW_EGRESS = 1,
	RVR_RNA_FLOW_TRANSFER = 2,
};

struct rvr_rna_flow_matcher {
	rvr_le32 id;
	rvr_le32 domain;   /**< enum rvr_rna_flow_domain */
	rvr_le32 group;
	rvr_le32 priority; /**< 0 is looked at first */
	struct rvr_rna_flow_key mask;
};
_Static_assert(sizeof(struct rvr_rna_flow_matcher) == 160, "wire");

/**
 * Operations on rules, done in order, each as a whole and while packets flow. The first that is
 * refused ends the request.
 */
struct rvr_rna_flow_rules {
	rvr_le16 count; /**< struct rvr_rna_flow_op that follow */
	rvr_le16 size;	/**< bytes of them all */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_flow_rules) == 8, "wire");

#define RVR_RNA_FLOW_ADD 1u
#define RVR_RNA_FLOW_DEL 2u

/**
 * One operation. ADD: the values of those words of the key in which the matcher's mask isn't 0
 * follow, in their order, then the actions.
 */
struct rvr_rna_flow_op {
	rvr_le16 op;   /**< RVR_RNA_FLOW_ADD or RVR_RNA_FLOW_DEL */
	rvr_le16 size; /**< bytes, with what follows, a multiple of 8 */
	rvr_le32 rule;
	rvr_le32 matcher; /**< ADD */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_rna_flow_op) == 16, "wire");

/** Answer to FLOW_RULES, valid with every status. */
struct rvr_rna_flow_done {
	rvr_le16 done;	/**< operations that were done: all, or those before the refused one */
	rvr_le16 cause; /**< enum rvr_rna_flow_cause of the refused one */
	rvr_le32 action; /**< with RVR_RNA_FLOW_BAD_ACTION and after: its index in the list */
};
_Static_assert(sizeof(struct rvr_rna_flow_done) == 8, "wire");

/** Why an operation was refused; the status is RVR_RNA_BAD_VALUE or RVR_RNA_NO_MEMORY. */
enum rvr_rna_flow_cause {
	RVR_RNA_FLOW_FINE = 0,
	RVR_RNA_FLOW_BAD_OP = 1,      /**< malformed */
	RVR_RNA_FLOW_BAD_RULE = 2,    /**< the number is too high, in use, or isn't a rule's */
	RVR_RNA_FLOW_BAD_MATCHER = 3, /**< there is none with this number */
	RVR_RNA_FLOW_EXISTS = 4,      /**< the matcher has a rule with the same values */
	RVR_RNA_FLOW_NO_ROOM = 5,
	RVR_RNA_FLOW_BAD_ACTION = 6,  /**< unknown, malformed or not in this domain */
	RVR_RNA_FLOW_BAD_ARGUMENT = 7, /**< a queue, port, meter or counter that isn't there */
};

/* ---- Actions ------------------------------------------------------------------------------ */

/** One action; data may follow. They are executed in the order of the list. */
struct rvr_rna_flow_action {
	rvr_le16 type; /**< enum rvr_rna_flow_action_type */
	rvr_le16 size; /**< bytes, with data, a multiple of 8 */
	rvr_le32 arg;
};
_Static_assert(sizeof(struct rvr_rna_flow_action) == 8, "wire");

/** Where it says "last" the list ends with it: the packet goes there, or nowhere. */
enum rvr_rna_flow_action_type {
	RVR_RNA_FLOW_DROP = 1,	/**< last */
	RVR_RNA_FLOW_QUEUE = 2, /**< last; INGRESS; arg: queue of the port */
	RVR_RNA_FLOW_RSS = 3,	/**< last; INGRESS; data: struct rvr_rna_flow_rss */
	RVR_RNA_FLOW_JUMP = 4,	/**< last; arg: group */
	RVR_RNA_FLOW_PORT = 5,	/**< last; TRANSFER; arg: port, RVR_RNA_FLOW_WIRE/HOST << 16 */
	RVR_RNA_FLOW_MARK = 6,	/**< arg: mark that the host gets */
	RVR_RNA_FLOW_FLAG = 7,	/**< the host gets a flag */
	RVR_RNA_FLOW_COUNT = 8, /**< arg: counter; begins anew when no other rule has it */
	RVR_RNA_FLOW_AGE = 9,	/**< arg: seconds without a packet after which the rule is aged */
	RVR_RNA_FLOW_METER = 10, /**< arg: meter; what is red is dropped */
	RVR_RNA_FLOW_SAMPLE = 11, /**< arg: one packet of so many; data: what a copy undergoes */
	RVR_RNA_FLOW_VLAN_POP = 12,
	RVR_RNA_FLOW_VLAN_PUSH = 13, /**< arg: Ethertype; TCI 0 */
	RVR_RNA_FLOW_VLAN_VID = 14,  /**< arg: VLAN ID of the outer tag */
	RVR_RNA_FLOW_VLAN_PCP = 15,  /**< arg: priority of the outer tag */
	RVR_RNA_FLOW_ETH_SRC = 16,   /**< data: address and 2 bytes 0 */
	RVR_RNA_FLOW_ETH_DST = 17,
	RVR_RNA_FLOW_IPV4_SRC = 18, /**< data: address and 4 bytes 0 */
	RVR_RNA_FLOW_IPV4_DST = 19,
	RVR_RNA_FLOW_IPV6_SRC = 20, /**< data: address */
	RVR_RNA_FLOW_IPV6_DST = 21,
	RVR_RNA_FLOW_PORT_SRC = 22, /**< arg: TCP, UDP or SCTP port */
	RVR_RNA_FLOW_PORT_DST = 23,
	RVR_RNA_FLOW_TTL_SET = 24, /**< arg */
	RVR_RNA_FLOW_TTL_DEC = 25, /**< a packet whose time is over is dropped */
	RVR_RNA_FLOW_DSCP = 26,	   /**< arg: 0..63, of IPv4 or IPv6 */
	RVR_RNA_FLOW_ENCAP = 27,   /**< arg: bytes; data: headers to put in front, padded */
	RVR_RNA_FLOW_DECAP = 28, /**< arg: bytes to take from the front; 0: to the inner Ethernet */
	RVR_RNA_FLOW_COUNT_ON = 29, /**< arg: counter; it goes on from what it has */
};

/*
 * ENCAP sets lengths and the IPv4 checksum of the headers it puts in front (Ethernet, VLAN, IPv4
 * or IPv6, UDP), UDP's checksum to 0, and a UDP source port that is 0 to a hash of the packet.
 * Checksums of IPv4, TCP and UDP follow what other actions change; of SCTP too.
 */

struct rvr_rna_flow_rss {
	rvr_le32 types; /**< RVR_RNA_RSS_*; packets of none of them: the first queue */
	rvr_le16 count; /**< of queues, 1..128 */
	rvr_le16 key_size; /**< rss_key_size: a key follows; 0: as the port hashes */
	/* the key and rvr_le16 queues, padded as a whole, follow; RVR_RNA_RSS_XOR needs a key */
};
_Static_assert(sizeof(struct rvr_rna_flow_rss) == 8, "wire");
#define RVR_RNA_FLOW_RSS_MAX 128

/* ---- Counters, age, meters ---------------------------------------------------------------- */

struct rvr_rna_flow_query {
	rvr_le32 id;	/**< counter, or meter; with RVR_RNA_FLOW_QUERY_AGE: rule */
	rvr_le32 flags; /**< RVR_RNA_FLOW_QUERY_* */
};
_Static_assert(sizeof(struct rvr_rna_flow_query) == 8, "wire");
#define RVR_RNA_FLOW_QUERY_RESET 1u /**< counts begin anew; a meter's tokens stay */
#define RVR_RNA_FLOW_QUERY_AGE 2u   /**< of a rule with RVR_RNA_FLOW_AGE */

struct rvr_rna_flow_counts {
	rvr_le64 packets, bytes;
	rvr_le32 idle; /**< seconds since the last packet */
	rvr_le32 aged; /**< 1: longer than its limit */
};
_Static_assert(sizeof(struct rvr_rna_flow_counts) == 24, "wire");

/** Rules that have aged since they were last told of. */
struct rvr_rna_flow_aged {
	rvr_le32 count;
	rvr_le32 next; /**< rule to go on with, 0: that was all */
	rvr_le32 rule[56];
};
_Static_assert(sizeof(struct rvr_rna_flow_aged) == 232, "wire");

/**
 * A meter: two token buckets, as RFC 2697 (one rate) and RFC 2698 (two rates) say. It is made with
 * the first request; with all 0 it goes, if no rule has it.
 */
struct rvr_rna_flow_meter {
	rvr_le32 id;
	rvr_le32 flags; /**< RVR_RNA_FLOW_METER_* */
	rvr_le64 cir;	/**< bytes or packets a second */
	rvr_le64 cbs;	/**< bytes or packets */
	rvr_le64 pir;	/**< two rates: peak rate; one rate: 0 */
	rvr_le64 ebs;	/**< peak or excess burst */
};
_Static_assert(sizeof(struct rvr_rna_flow_meter) == 40, "wire");
#define RVR_RNA_FLOW_METER_PACKETS 1u	  /**< counts packets, not bytes */
#define RVR_RNA_FLOW_METER_DROP_YELLOW 2u /**< beside red */
#define RVR_RNA_FLOW_METER_PASS_RED 4u
#define RVR_RNA_FLOW_METER_DROP_GREEN 8u
#define RVR_RNA_FLOW_METER_OFF 16u	  /**< everything passes uncounted */
#define RVR_RNA_FLOW_METER_KEEP 32u	  /**< counts stay, and tokens that the burst allows */

struct rvr_rna_flow_colors {
	rvr_le64 packets[3], bytes[3]; /**< green, yellow, red */
	rvr_le64 dropped_packets, dropped_bytes;
};
_Static_assert(sizeof(struct rvr_rna_flow_colors) == 64, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_RNA_FLOW_H */
