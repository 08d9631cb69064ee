/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Packet parser. Packets come from anywhere: each header is looked at only if it is there as a
 * whole, and every walk ends.
 */

#include <string.h>

#include "parse.h"
#include "proto.h"

#define VLAN_TAGS_MAX 2
#define MPLS_LABELS_MAX 8
#define IPV6_EXTENSIONS_MAX 8

/** Where the parser is; `at` never exceeds `len`, which IP's own length makes shorter. */
struct walk {
	const uint8_t *data;
	uint32_t len;
	uint32_t at;
	struct rna_level *level;
};

static inline bool
walk_has(const struct walk *walk, uint32_t bytes)
{
	return walk->len - walk->at >= bytes;
}

static inline const uint8_t *
walk_here(const struct walk *walk)
{
	return walk->data + walk->at;
}

/* ---- Layers ------------------------------------------------------------------------------- */

static const struct {
	uint8_t header;
	uint8_t type;
} l4_known[256] = {
	[PROTO_TCP] = { 20, RNA_L4_TCP },
	[PROTO_UDP] = { 8, RNA_L4_UDP },
	[PROTO_SCTP] = { 12, RNA_L4_SCTP },
	[PROTO_ICMP] = { 8, RNA_L4_ICMP },
	[PROTO_ICMP6] = { 8, RNA_L4_ICMP6 },
	[PROTO_IGMP] = { 8, RNA_L4_IGMP },
};

static void
parse_l4(struct walk *walk, uint8_t proto)
{
	struct rna_level *level = walk->level;

	level->proto = proto;
	level->l4 = (uint16_t)walk->at;
	if (level->flags & RNA_LEVEL_FRAGMENT)
		return;
	if (walk_has(walk, l4_known[proto].header))
		level->l4_type = l4_known[proto].type;
	else
		level->flags |= RNA_LEVEL_SHORT;
}

/**
 * The end of what an IP header of some size carries by its own length. What is behind it is
 * padding, in which no header is.
 */
static void
set_end(struct walk *walk, uint32_t header, uint32_t bytes)
{
	if (bytes >= header && walk_has(walk, bytes))
		walk->len = walk->at + bytes;
	else
		walk->level->flags |= RNA_LEVEL_CUT;
	walk->level->end = (uint16_t)walk->len;
}

/** Flags of a fragment with an offset (in 8 bytes) and more to come, or not. */
static uint8_t
fragment_flags(uint32_t offset, bool more)
{
	if (offset != 0)
		return RNA_LEVEL_FRAGMENT;
	return more ? RNA_LEVEL_FRAGMENT | RNA_LEVEL_FIRST : 0;
}

static void
parse_ipv4(struct walk *walk)
{
	const uint8_t *ip = walk_here(walk);
	uint32_t header, total, fragment;

	if (!walk_has(walk, 20)) {
		walk->level->flags |= RNA_LEVEL_SHORT;
		return;
	}
	header = (ip[0] & 0xf) * 4u;
	total = rna_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || !walk_has(walk, header)) {
		walk->level->flags |= RNA_LEVEL_SHORT;
		return;
	}
	walk->level->l3 = (uint16_t)walk->at;
	walk->level->l3_type = RNA_L3_IPV4;
	if (header > 20)
		walk->level->flags |= RNA_LEVEL_OPTIONS;
	fragment = rna_be16(ip + 6);
	walk->level->flags |= fragment_flags(fragment & 0x1fff, fragment & 0x2000);
	set_end(walk, header, total);
	walk->at += header;
	parse_l4(walk, ip[9]);
}

static bool
is_extension(uint8_t proto)
{
	return proto == PROTO_HOP_BY_HOP || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
	       proto == PROTO_AUTH || proto == PROTO_DEST_OPTIONS;
}

/** Bytes of the extension header that comes, of which 8 are there. */
static uint32_t
extension_size(const uint8_t *extension, uint8_t proto)
{
	if (proto == PROTO_FRAGMENT)
		return 8;
	return proto == PROTO_AUTH ? (extension[1] + 2u) * 4 : (extension[1] + 1u) * 8;
}

/** @return false: the headers don't end in the packet, or there are too many */
static bool
parse_extensions(struct walk *walk, uint8_t *proto)
{
	unsigned int i;

	for (i = 0; is_extension(*proto); i++) {
		const uint8_t *extension = walk_here(walk);
		uint32_t fragment, size;

		if (i == IPV6_EXTENSIONS_MAX) {
			walk->level->flags |= RNA_LEVEL_LOOP;
			return false;
		}
		size = walk_has(walk, 8) ? extension_size(extension, *proto) : 8;
		if (!walk_has(walk, size)) {
			walk->level->flags |= RNA_LEVEL_SHORT;
			return false;
		}
		if (*proto == PROTO_FRAGMENT) {
			fragment = rna_be16(extension + 2);
			walk->level->flags |= fragment >> 3 == 0 ? RNA_LEVEL_FIRST : 0;
			walk->level->flags |= fragment_flags(fragment >> 3, fragment & 1);
		}
		walk->at += size;
		*proto = extension[0];
		/* What follows in a later fragment is no header. */
		if ((walk->level->flags & (RNA_LEVEL_FRAGMENT | RNA_LEVEL_FIRST)) ==
			RNA_LEVEL_FRAGMENT)
			break;
	}
	return true;
}

static void
parse_ipv6(struct walk *walk)
{
	const uint8_t *ip = walk_here(walk);
	struct rna_level *level = walk->level;
	uint8_t proto;

	if (!walk_has(walk, 40) || ip[0] >> 4 != 6) {
		level->flags |= RNA_LEVEL_SHORT;
		return;
	}
	level->l3 = (uint16_t)walk->at;
	level->l3_type = RNA_L3_IPV6;
	set_end(walk, 40, 40u + rna_be16(ip + 4));
	proto = ip[6];
	if (is_extension(proto))
		level->flags |= RNA_LEVEL_OPTIONS;
	walk->at += 40;
	if (parse_extensions(walk, &proto))
		parse_l4(walk, proto);
	else
		level->proto = PROTO_NONE;
}

static void
parse_ip(struct walk *walk)
{
	uint8_t version = walk_has(walk, 1) ? *walk_here(walk) >> 4 : 0;

	if (version == 4)
		parse_ipv4(walk);
	else if (version == 6)
		parse_ipv6(walk);
}

static void
parse_mpls(struct walk *walk)
{
	struct rna_level *level = walk->level;
	bool bottom = false;

	while (!bottom && walk_has(walk, 4) && level->labels < MPLS_LABELS_MAX) {
		if (level->labels++ == 0)
			level->mpls = (uint16_t)walk->at;
		bottom = walk_here(walk)[2] & 1;
		walk->at += 4;
	}
	if (level->labels > 0)
		level->flags |= RNA_LEVEL_MPLS;
	if (bottom)
		parse_ip(walk);
}

/** What an Ethernet type names. */
static void
parse_l3(struct walk *walk, uint16_t type)
{
	walk->level->ethertype = type;
	if (type == ETHERTYPE_IPV4) {
		parse_ipv4(walk);
	} else if (type == ETHERTYPE_IPV6) {
		parse_ipv6(walk);
	} else if (type == ETHERTYPE_MPLS || type == ETHERTYPE_MPLS_MULTICAST) {
		parse_mpls(walk);
	} else if (type == ETHERTYPE_ARP && walk_has(walk, 28)) {
		walk->level->l3 = (uint16_t)walk->at;
		walk->level->l3_type = RNA_L3_ARP;
	} else if (type == ETHERTYPE_ARP || (is_vlan(type) && !walk_has(walk, 4))) {
		walk->level->flags |= RNA_LEVEL_SHORT;
	}
}

static void
parse_ethernet(struct walk *walk)
{
	struct rna_level *level = walk->level;
	uint16_t type;

	if (!walk_has(walk, 14)) {
		level->flags |= RNA_LEVEL_SHORT;
		return;
	}
	level->l2 = (uint16_t)walk->at;
	level->flags |= RNA_LEVEL_ETHER;
	type = rna_be16(walk_here(walk) + 12);
	walk->at += 14;
	while (is_vlan(type) && level->tags < VLAN_TAGS_MAX && walk_has(walk, 4)) {
		type = rna_be16(walk_here(walk) + 2);
		walk->at += 4;
		level->tags++;
	}
	parse_l3(walk, type);
}

/* ---- Tunnels ------------------------------------------------------------------------------ */

static void
tunnel_opens(struct rna_parsed *parsed, struct walk *walk, uint8_t type, uint32_t header)
{
	parsed->tunnel_type = type;
	parsed->tunnel = (uint16_t)walk->at;
	parsed->inner.end = (uint16_t)walk->len;
	walk->at += header;
	walk->level = &parsed->inner;
}

/** What a Geneve or GRE header's protocol names. */
static void
parse_payload(struct walk *walk, uint16_t type)
{
	if (type == ETHERTYPE_BRIDGED)
		parse_ethernet(walk);
	else
		parse_l3(walk, type);
}

static void
parse_vxlan(struct rna_parsed *parsed, struct walk *walk)
{
	if (!walk_has(walk, 8) || !(walk_here(walk)[0] & VXLAN_HAS_VNI))
		return;
	tunnel_opens(parsed, walk, RNA_TUNNEL_VXLAN, 8);
	parse_ethernet(walk);
}

static void
parse_geneve(struct rna_parsed *parsed, struct walk *walk)
{
	const uint8_t *geneve = walk_here(walk);
	uint32_t header;

	if (!walk_has(walk, 8) || geneve[0] >> 6 != 0)
		return;
	header = 8 + (geneve[0] & 0x3f) * 4u;
	if (!walk_has(walk, header))
		return;
	tunnel_opens(parsed, walk, RNA_TUNNEL_GENEVE, header);
	parse_payload(walk, rna_be16(geneve + 2));
}

static void
parse_gre(struct rna_parsed *parsed, struct walk *walk)
{
	const uint8_t *gre = walk_here(walk);
	uint32_t header = 4;

	/* Version 0 without routing. */
	if (!walk_has(walk, 4) || (gre[0] & 0x40) != 0 || (gre[1] & 0x7) != 0)
		return;
	header += (gre[0] & GRE_HAS_CHECKSUM ? 4 : 0) + (gre[0] & GRE_HAS_KEY ? 4 : 0) +
		  (gre[0] & GRE_HAS_SEQUENCE ? 4 : 0);
	if (!walk_has(walk, header))
		return;
	tunnel_opens(parsed, walk, RNA_TUNNEL_GRE, header);
	parse_payload(walk, rna_be16(gre + 2));
}

static void
parse_udp_tunnel(struct rna_parsed *parsed, struct walk *walk)
{
	uint16_t port = rna_be16(walk_here(walk) + 2);

	walk->at += 8;
	if (port == UDP_PORT_VXLAN) {
		parse_vxlan(parsed, walk);
	} else if (port == UDP_PORT_GENEVE) {
		parse_geneve(parsed, walk);
	} else if (port == UDP_PORT_MPLS && walk_has(walk, 4)) {
		tunnel_opens(parsed, walk, RNA_TUNNEL_MPLS, 0);
		parse_mpls(walk);
	}
}

static void
parse_tunnel(struct rna_parsed *parsed, struct walk *walk)
{
	const struct rna_level *outer = &parsed->outer;

	if (!rna_level_is_ip(outer) || outer->l4 == 0 || (outer->flags & RNA_LEVEL_FRAGMENT))
		return;
	walk->at = outer->l4;
	if (outer->l4_type == RNA_L4_UDP) {
		parse_udp_tunnel(parsed, walk);
	} else if (outer->proto == PROTO_GRE) {
		parse_gre(parsed, walk);
	} else if (outer->proto == PROTO_IPIP || outer->proto == PROTO_IPV6) {
		tunnel_opens(parsed, walk, RNA_TUNNEL_IP, 0);
		parse_l3(walk, outer->proto == PROTO_IPIP ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	}
}

/* ---- Packet type -------------------------------------------------------------------------- */

/** Codes of the outer level at [0], of the inner one at [1]; second index: of l3 with options. */
static const uint32_t ptype_tags[2][VLAN_TAGS_MAX + 1] = {
	{ RVR_RNA_PTYPE_L2_ETHER, RVR_RNA_PTYPE_L2_VLAN, RVR_RNA_PTYPE_L2_QINQ },
	{ RVR_RNA_PTYPE_INNER_L2_ETHER, RVR_RNA_PTYPE_INNER_L2_VLAN,
		RVR_RNA_PTYPE_INNER_L2_QINQ },
};
static const uint32_t ptype_l3[2][2][RNA_L3_ARP + 1] = {
	{ { [RNA_L3_IPV4] = RVR_RNA_PTYPE_L3_IPV4, [RNA_L3_IPV6] = RVR_RNA_PTYPE_L3_IPV6 },
		{ [RNA_L3_IPV4] = RVR_RNA_PTYPE_L3_IPV4_EXT,
			[RNA_L3_IPV6] = RVR_RNA_PTYPE_L3_IPV6_EXT } },
	{ { [RNA_L3_IPV4] = RVR_RNA_PTYPE_INNER_L3_IPV4,
		  [RNA_L3_IPV6] = RVR_RNA_PTYPE_INNER_L3_IPV6 },
		{ [RNA_L3_IPV4] = RVR_RNA_PTYPE_INNER_L3_IPV4_EXT,
			[RNA_L3_IPV6] = RVR_RNA_PTYPE_INNER_L3_IPV6_EXT } },
};
static const uint32_t ptype_l4[2][RNA_L4_IGMP + 1] = {
	{ [RNA_L4_TCP] = RVR_RNA_PTYPE_L4_TCP, [RNA_L4_UDP] = RVR_RNA_PTYPE_L4_UDP,
		[RNA_L4_SCTP] = RVR_RNA_PTYPE_L4_SCTP, [RNA_L4_ICMP] = RVR_RNA_PTYPE_L4_ICMP,
		[RNA_L4_ICMP6] = RVR_RNA_PTYPE_L4_ICMP, [RNA_L4_IGMP] = RVR_RNA_PTYPE_L4_IGMP },
	{ [RNA_L4_TCP] = RVR_RNA_PTYPE_INNER_L4_TCP, [RNA_L4_UDP] = RVR_RNA_PTYPE_INNER_L4_UDP,
		[RNA_L4_SCTP] = RVR_RNA_PTYPE_INNER_L4_SCTP,
		[RNA_L4_ICMP] = RVR_RNA_PTYPE_INNER_L4_ICMP,
		[RNA_L4_ICMP6] = RVR_RNA_PTYPE_INNER_L4_ICMP },
};
static const uint32_t ptype_fragment[2] = { RVR_RNA_PTYPE_L4_FRAG, RVR_RNA_PTYPE_INNER_L4_FRAG };

static uint32_t
level_ptype(const struct rna_level *level, unsigned int inner)
{
	uint32_t ptype = level->flags & RNA_LEVEL_ETHER ? ptype_tags[inner][level->tags] : 0;

	ptype |= ptype_l3[inner][(level->flags & RNA_LEVEL_OPTIONS) != 0][level->l3_type];
	if (level->flags & RNA_LEVEL_FRAGMENT)
		return ptype | ptype_fragment[inner];
	return ptype | ptype_l4[inner][level->l4_type];
}

/** Layer 2 codes that tell more than tags: only of packets without tags. */
static uint32_t
outer_l2(const struct rna_level *outer, uint32_t ptype)
{
	uint32_t l2 = 0;

	if (outer->tags != 0)
		return ptype;
	if (outer->l3_type == RNA_L3_ARP)
		l2 = RVR_RNA_PTYPE_L2_ARP;
	else if (outer->flags & RNA_LEVEL_MPLS)
		l2 = RVR_RNA_PTYPE_L2_MPLS;
	else if (outer->ethertype == ETHERTYPE_PTP)
		l2 = RVR_RNA_PTYPE_L2_TIMESYNC;
	return l2 == 0 ? ptype : (ptype & ~RVR_RNA_PTYPE_L2_MASK) | l2;
}

static uint32_t
tunnel_ptype(const struct rna_parsed *parsed)
{
	static const uint32_t codes[] = {
		[RNA_TUNNEL_VXLAN] = RVR_RNA_PTYPE_TUNNEL_VXLAN,
		[RNA_TUNNEL_GENEVE] = RVR_RNA_PTYPE_TUNNEL_GENEVE,
		[RNA_TUNNEL_GRE] = RVR_RNA_PTYPE_TUNNEL_GRE,
		[RNA_TUNNEL_IP] = RVR_RNA_PTYPE_TUNNEL_IP,
		[RNA_TUNNEL_MPLS] = RVR_RNA_PTYPE_TUNNEL_MPLS_IN_UDP,
	};

	if (parsed->tunnel_type == RNA_TUNNEL_GRE && (parsed->inner.flags & RNA_LEVEL_MPLS))
		return RVR_RNA_PTYPE_TUNNEL_MPLS_IN_GRE;
	return codes[parsed->tunnel_type];
}

/* ---- Short ways --------------------------------------------------------------------------- */

/** Where VXLAN's inner packet begins if the outer one is plain. */
#define VXLAN_PLAIN (RNA_PLAIN_L4 + 8u + 8u)

/**
 * The level of a packet that rna_parse_begin() took, from `at` on. Its length is read once more,
 * and may be another one by now.
 */
static inline struct rna_level
plain_level(const uint8_t *data, uint32_t at, uint32_t len, uint8_t proto)
{
	uint32_t end = at + RNA_PLAIN_L3 + (uint32_t)rna_be16(data + at + RNA_PLAIN_L3 + 2);

	return (struct rna_level){
		.l2 = (uint16_t)at,
		.l3 = (uint16_t)(at + RNA_PLAIN_L3),
		.l4 = (uint16_t)(at + RNA_PLAIN_L4),
		.end = (uint16_t)(end < len ? end : len),
		.ethertype = ETHERTYPE_IPV4,
		.l3_type = RNA_L3_IPV4,
		.l4_type = l4_known[proto].type,
		.proto = proto,
		.flags = RNA_LEVEL_ETHER,
	};
}

/** A plain packet in VXLAN in a plain one. false: it is none */
static inline bool
parse_vxlan_plain(const uint8_t *data, uint32_t len, struct rna_parsed *parsed)
{
	uint32_t end = RNA_PLAIN_L3 + (uint32_t)rna_be16(data + RNA_PLAIN_L3 + 2);
	uint8_t proto;

	if (end < len)
		len = end;
	if (len < VXLAN_PLAIN || rna_be16(data + RNA_PLAIN_L4 + 2) != UDP_PORT_VXLAN ||
	    !(data[RNA_PLAIN_L4 + 8] & VXLAN_HAS_VNI))
		return false;
	proto = rna_parse_begin(data + VXLAN_PLAIN, len - VXLAN_PLAIN);
	if (proto == 0)
		return false;
	parsed->ptype = rna_ptype_plain(PROTO_UDP) | RVR_RNA_PTYPE_TUNNEL_VXLAN |
			RVR_RNA_PTYPE_INNER_L2_ETHER | RVR_RNA_PTYPE_INNER_L3_IPV4 |
			(proto == PROTO_TCP ? RVR_RNA_PTYPE_INNER_L4_TCP :
					      RVR_RNA_PTYPE_INNER_L4_UDP);
	parsed->tunnel = RNA_PLAIN_L4 + 8;
	parsed->tunnel_type = RNA_TUNNEL_VXLAN;
	parsed->outer = plain_level(data, 0, len, PROTO_UDP);
	parsed->inner = plain_level(data, VXLAN_PLAIN, len, proto);
	return true;
}

/* ---- All of it ---------------------------------------------------------------------------- */

/** Apart from rna_parse(), whose short ways need none of these registers. */
void
rna_parse_any(const uint8_t *data, uint32_t len, struct rna_parsed *parsed)
{
	struct walk walk = { .data = data, .len = len, .level = &parsed->outer };

	memset(parsed, 0, sizeof(*parsed));
	parsed->outer.end = (uint16_t)len;
	parse_ethernet(&walk);
	parsed->ptype = outer_l2(&parsed->outer, level_ptype(&parsed->outer, 0));
	parse_tunnel(parsed, &walk);
	if (parsed->tunnel_type != RNA_TUNNEL_NONE)
		parsed->ptype |= tunnel_ptype(parsed) | level_ptype(&parsed->inner, 1);
}

void
rna_parse(const uint8_t *data, uint32_t len, struct rna_parsed *parsed)
{
	uint8_t proto;

	if (len > UINT16_MAX)
		len = UINT16_MAX;
	proto = rna_parse_begin(data, len);
	if (proto == PROTO_UDP && rna_udp_port_opens(rna_be16(data + RNA_PLAIN_L4 + 2))) {
		if (!parse_vxlan_plain(data, len, parsed))
			rna_parse_any(data, len, parsed);
	} else if (proto != 0) {
		*parsed = (struct rna_parsed){
			.ptype = rna_ptype_plain(proto),
			.outer = plain_level(data, 0, len, proto),
		};
	} else {
		rna_parse_any(data, len, parsed);
	}
}
