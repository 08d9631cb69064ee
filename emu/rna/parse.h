/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Packet parser: which layers a packet has and where they start. It reads nothing but the packet
 * and knows nothing of ports.
 *
 * A packet has an outer level and, where a tunnel carries a packet, an inner one:
 *
 *   Ethernet, tags, MPLS labels | IP, extensions | L4 | tunnel header | the same again
 *
 * A tunnel within the inner level isn't opened. Each header that is reported is there as a whole,
 * within what the IP header before it carries: nothing is taken from padding.
 */

#ifndef RNA_PARSE_H
#define RNA_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto.h"
#include "rvr_rna.h"

enum rna_l3 { RNA_L3_NONE, RNA_L3_IPV4, RNA_L3_IPV6, RNA_L3_ARP };

enum rna_l4 {
	RNA_L4_NONE,
	RNA_L4_TCP,
	RNA_L4_UDP,
	RNA_L4_SCTP,
	RNA_L4_ICMP,
	RNA_L4_ICMP6,
	RNA_L4_IGMP,
};

enum rna_tunnel {
	RNA_TUNNEL_NONE,
	RNA_TUNNEL_VXLAN,
	RNA_TUNNEL_GENEVE,
	RNA_TUNNEL_GRE,
	RNA_TUNNEL_IP, /**< IP in IP: there is no tunnel header */
	RNA_TUNNEL_MPLS, /**< MPLS in UDP: no tunnel header either, the labels are inner.mpls */
};

/* Of a level. */
#define RNA_LEVEL_ETHER 0x01u	 /**< there is an Ethernet header, at l2 */
#define RNA_LEVEL_MPLS 0x02u	 /**< there are MPLS labels, from mpls on */
#define RNA_LEVEL_OPTIONS 0x04u	 /**< IPv4 options or IPv6 extension headers */
#define RNA_LEVEL_FRAGMENT 0x08u /**< any fragment; l4_type is RNA_L4_NONE then */
#define RNA_LEVEL_FIRST 0x10u	 /**< of the fragments the first: what proto names is at l4; alone:
				      IPv6's only one */
#define RNA_LEVEL_CUT 0x20u	 /**< the IP header tells a length that can't be */
#define RNA_LEVEL_SHORT 0x40u	 /**< a header that is named isn't there as a whole, or is none */
#define RNA_LEVEL_LOOP 0x80u	 /**< more extension headers than anybody follows */
#define RNA_LEVEL_WRONG (RNA_LEVEL_CUT | RNA_LEVEL_SHORT | RNA_LEVEL_LOOP)

/** Offsets are from the packet's first byte. */
struct rna_level {
	uint16_t l2;	/**< Ethernet header; its tags are 4 bytes each from l2 + 12 on */
	uint16_t mpls;	/**< first label */
	uint16_t l3;	/**< IP or ARP header: l3_type */
	uint16_t l4;	/**< behind IP header and extensions; a header where l4_type names one */
	uint16_t end;	/**< of what IP carries, by its length; the packet's end without IP */
	uint16_t ethertype; /**< behind tags; what the labels carry isn't shown here */
	uint8_t tags;	/**< VLAN tags, ..2 */
	uint8_t labels;
	uint8_t l3_type; /**< enum rna_l3 */
	uint8_t l4_type; /**< enum rna_l4 */
	uint8_t proto;	/**< IP protocol behind extensions; valid with IP */
	uint8_t flags;	/**< RNA_LEVEL_* */
};

struct rna_parsed {
	uint32_t ptype; /**< RVR_RNA_PTYPE_* */
	uint16_t tunnel; /**< tunnel header, between outer.l4 and the inner level */
	uint8_t tunnel_type; /**< enum rna_tunnel: with any but NONE there is an inner level */
	struct rna_level outer;
	struct rna_level inner; /**< zeroes without a tunnel */
};

/** Parses a packet of any content and length, up to 65535 bytes. */
void rna_parse(const uint8_t *data, uint32_t len, struct rna_parsed *parsed);
/** The same without the short ways of packets that most are: what these have to tell. */
void rna_parse_any(const uint8_t *data, uint32_t len, struct rna_parsed *parsed);

/** Packet's words are big-endian, at any address. */
static inline uint16_t
rna_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t
rna_be32(const uint8_t *at)
{
	return (uint32_t)rna_be16(at) << 16 | rna_be16(at + 2);
}

static inline void
rna_put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void
rna_put_be32(uint8_t *at, uint32_t value)
{
	rna_put_be16(at, value >> 16);
	rna_put_be16(at + 2, value);
}

#define RNA_PLAIN_L3 14 /**< offsets of a plain packet's headers */
#define RNA_PLAIN_L4 34

/** Destination ports of UDP that carry packets. */
static inline bool
rna_udp_port_opens(uint16_t port)
{
	return port == UDP_PORT_VXLAN || port == UDP_PORT_GENEVE || port == UDP_PORT_MPLS;
}

/**
 * Whether a packet begins as most do: TCP or UDP on IPv4, without tags, options or fragments, its
 * headers there and its length right.
 * @return PROTO_TCP, PROTO_UDP; 0: it is another one
 */
static inline uint8_t
rna_parse_begin(const uint8_t *data, uint32_t len)
{
	const uint8_t *ip = data + RNA_PLAIN_L3;
	uint32_t total;
	uint8_t proto;

	if (len < RNA_PLAIN_L4 + 8 || rna_be16(data + 12) != ETHERTYPE_IPV4 || ip[0] != 0x45 ||
		(rna_be16(ip + 6) & 0x3fff) != 0)
		return 0;
	total = rna_be16(ip + 2);
	proto = ip[9];
	if (total < 20 + 8 || total > len - RNA_PLAIN_L3)
		return 0;
	return proto == PROTO_UDP || (proto == PROTO_TCP && total >= 20 + 20) ? proto : 0;
}

/**
 * Whether a packet is what most are, at a third of a parser's cost: as rna_parse_begin(), and no
 * tunnel.
 */
static inline uint8_t
rna_parse_plain(const uint8_t *data, uint32_t len)
{
	uint8_t proto = rna_parse_begin(data, len);

	if (proto == PROTO_UDP && rna_udp_port_opens(rna_be16(data + RNA_PLAIN_L4 + 2)))
		return 0;
	return proto;
}

/** Packet type of what rna_parse_plain() found. */
static inline uint32_t
rna_ptype_plain(uint8_t proto)
{
	return RVR_RNA_PTYPE_L2_ETHER | RVR_RNA_PTYPE_L3_IPV4 |
	       (proto == PROTO_TCP ? RVR_RNA_PTYPE_L4_TCP : RVR_RNA_PTYPE_L4_UDP);
}

static inline bool
rna_level_is_ip(const struct rna_level *level)
{
	return level->l3_type == RNA_L3_IPV4 || level->l3_type == RNA_L3_IPV6;
}

#endif /* RNA_PARSE_H */
