/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Packet parser: types of the layers and where they start. Packets come from anywhere: each
 * header is looked at only if it is there as a whole, and every walk ends.
 */

#include "rna.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_HOP_BY_HOP 0
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_AUTH 51
#define PROTO_ICMP6 58
#define PROTO_DEST_OPTIONS 60
#define PROTO_SCTP 132

#define VLAN_TAGS_MAX 2
#define IPV6_EXTENSIONS_MAX 8

static inline uint16_t
be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/** Type of a layer 4 whose header is there, with its ports; else none. */
static void
parse_l4(uint32_t len, uint32_t proto, uint32_t at, struct rna_parsed *parsed)
{
	static const struct {
		uint8_t proto;
		uint8_t header;
		uint16_t type;
	} known[] = {
		{ PROTO_TCP, 20, RVR_RNA_PTYPE_L4_TCP },
		{ PROTO_UDP, 8, RVR_RNA_PTYPE_L4_UDP },
		{ PROTO_SCTP, 12, RVR_RNA_PTYPE_L4_SCTP },
		{ PROTO_ICMP, 8, RVR_RNA_PTYPE_L4_ICMP },
		{ PROTO_ICMP6, 8, RVR_RNA_PTYPE_L4_ICMP },
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].proto != proto)
			continue;
		if (len - at < known[i].header)
			return;
		parsed->ptype |= known[i].type;
		parsed->l4 = (uint16_t)at;
		return;
	}
}

static void
parse_ipv4(const uint8_t *data, uint32_t len, uint32_t at, struct rna_parsed *parsed)
{
	uint32_t header;
	uint8_t first;

	if (len - at < 20)
		return;
	first = data[at];
	header = (first & 0xf) * 4u;
	if (first >> 4 != 4 || header < 20 || len - at < header)
		return;
	parsed->l3 = (uint16_t)at;
	parsed->ptype |= header == 20 ? RVR_RNA_PTYPE_L3_IPV4 : RVR_RNA_PTYPE_L3_IPV4_EXT;
	if ((be16(data + at + 6) & 0x3fff) != 0) {
		parsed->ptype |= RVR_RNA_PTYPE_L4_FRAG;
		return;
	}
	parse_l4(len, data[at + 9], at + header, parsed);
}

static bool
is_extension(uint8_t proto)
{
	return proto == PROTO_HOP_BY_HOP || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
	       proto == PROTO_AUTH || proto == PROTO_DEST_OPTIONS;
}

static void
parse_ipv6(const uint8_t *data, uint32_t len, uint32_t at, struct rna_parsed *parsed)
{
	unsigned int i;
	uint8_t proto;

	if (len - at < 40 || data[at] >> 4 != 6)
		return;
	parsed->l3 = (uint16_t)at;
	proto = data[at + 6];
	parsed->ptype |= is_extension(proto) ? RVR_RNA_PTYPE_L3_IPV6_EXT : RVR_RNA_PTYPE_L3_IPV6;
	at += 40;
	for (i = 0; is_extension(proto); i++) {
		uint32_t header;

		if (i == IPV6_EXTENSIONS_MAX || len - at < 8)
			return;
		if (proto == PROTO_FRAGMENT) {
			if ((be16(data + at + 2) & 0xfff9) != 0) {
				parsed->ptype |= RVR_RNA_PTYPE_L4_FRAG;
				return;
			}
			header = 8;
		} else if (proto == PROTO_AUTH) {
			header = (data[at + 1] + 2u) * 4;
		} else {
			header = (data[at + 1] + 1u) * 8;
		}
		proto = data[at];
		if (len - at < header)
			return;
		at += header;
	}
	parse_l4(len, proto, at, parsed);
}

void
rna_parse(const uint8_t *data, uint32_t len, struct rna_parsed *parsed)
{
	uint32_t at = 14;
	unsigned int tags;
	uint16_t type;

	parsed->ptype = 0;
	parsed->l3 = 0;
	parsed->l4 = 0;
	if (len < at)
		return;
	type = be16(data + 12);
	for (tags = 0; type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ; tags++) {
		if (tags == VLAN_TAGS_MAX || len - at < 4)
			break;
		type = be16(data + at + 2);
		at += 4;
	}
	if (type == ETHERTYPE_ARP)
		parsed->ptype = RVR_RNA_PTYPE_L2_ARP;
	else
		parsed->ptype = tags > 0 ? RVR_RNA_PTYPE_L2_VLAN : RVR_RNA_PTYPE_L2_ETHER;
	if (type == ETHERTYPE_IPV4)
		parse_ipv4(data, len, at, parsed);
	else if (type == ETHERTYPE_IPV6)
		parse_ipv6(data, len, at, parsed);
}
