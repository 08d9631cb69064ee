/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * From a packet to its flow key: fields of the headers that the parser found.
 */

#include "../proto.h"
#include "flow.h"

static void
key_ethernet(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	const uint8_t *ethernet = data + level->l2;

	if ((level->flags & RNA_LEVEL_ETHER) == 0)
		return;
	key->l3 |= RVR_RNA_FLOW_L3_ETH;
	memcpy(key->eth_dst, ethernet, sizeof(key->eth_dst));
	memcpy(key->eth_src, ethernet + 6, sizeof(key->eth_src));
	if (level->tags > 0) {
		key->l3 |= RVR_RNA_FLOW_L3_VLAN;
		key->l4 |= rna_be16(ethernet + 12) == ETHERTYPE_QINQ ? RVR_RNA_FLOW_L2_AD : 0;
		memcpy(key->vlan_tci, ethernet + 14, 2);
	}
	if (level->tags > 1) {
		key->l3 |= RVR_RNA_FLOW_L3_QINQ;
		key->l4 |= rna_be16(ethernet + 16) == ETHERTYPE_QINQ ? RVR_RNA_FLOW_L2_AD2 : 0;
		memcpy(key->vlan2_tci, ethernet + 18, 2);
	}
}

static void
key_ipv4(struct rvr_rna_flow_level *key, const uint8_t *ip)
{
	key->l3 |= RVR_RNA_FLOW_L3_IPV4;
	key->tos = ip[1];
	key->ttl = ip[8];
	memcpy(key->label, ip + 6, 2);
	memcpy(key->ip_src, ip + 12, 4);
	memcpy(key->ip_dst, ip + 16, 4);
}

static void
key_ipv6(struct rvr_rna_flow_level *key, const uint8_t *ip)
{
	key->l3 |= RVR_RNA_FLOW_L3_IPV6;
	key->tos = (uint8_t)(rna_be16(ip) >> 4);
	key->ttl = ip[7];
	key->label[1] = ip[1] & 0xf;
	memcpy(key->label + 2, ip + 2, 2);
	memcpy(key->ip_src, ip + 8, 16);
	memcpy(key->ip_dst, ip + 24, 16);
}

static void
key_ip(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	if (!rna_level_is_ip(level))
		return;
	if (level->l3_type == RNA_L3_IPV4)
		key_ipv4(key, data + level->l3);
	else
		key_ipv6(key, data + level->l3);
	key->proto = level->proto;
	if (level->flags & RNA_LEVEL_OPTIONS)
		key->l3 |= RVR_RNA_FLOW_L3_EXT;
	if (level->flags & (RNA_LEVEL_FRAGMENT | RNA_LEVEL_FIRST))
		key->l3 |= RVR_RNA_FLOW_L3_FRAG;
}

static void
key_l4(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	static const uint8_t bits[] = {
		[RNA_L4_TCP] = RVR_RNA_FLOW_L4_TCP,
		[RNA_L4_UDP] = RVR_RNA_FLOW_L4_UDP,
		[RNA_L4_SCTP] = RVR_RNA_FLOW_L4_SCTP,
		[RNA_L4_ICMP] = RVR_RNA_FLOW_L4_ICMP,
		[RNA_L4_ICMP6] = RVR_RNA_FLOW_L4_ICMP6,
		[RNA_L4_IGMP] = 0,
	};
	const uint8_t *l4 = data + level->l4;

	if (level->l4_type == RNA_L4_NONE || bits[level->l4_type] == 0)
		return;
	key->l4 |= bits[level->l4_type];
	memcpy(key->src_port, l4, 2);
	if (level->l4_type == RNA_L4_ICMP)
		memcpy(key->dst_port, l4 + 4, 2);
	else if (level->l4_type != RNA_L4_ICMP6)
		memcpy(key->dst_port, l4 + 2, 2);
	if (level->l4_type == RNA_L4_TCP)
		key->tcp_flags = l4[13];
}

static void
key_type(struct rvr_rna_flow_level *key, uint16_t type)
{
	key->eth_type[0] = (uint8_t)(type >> 8);
	key->eth_type[1] = (uint8_t)type;
}

/** The same for what most packets are: Ethernet without tags, IPv4 without options, TCP or UDP. */
static inline void
key_plain(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	const uint8_t *ip = data + level->l3, *l4 = data + level->l4;

	_Static_assert(offsetof(struct rvr_rna_flow_level, l3) == 14, "Ethernet as it stands");
	memcpy(key, data + level->l2, offsetof(struct rvr_rna_flow_level, l3));
	key->l3 = RVR_RNA_FLOW_L3_ETH | RVR_RNA_FLOW_L3_IPV4;
	memcpy(key->src_port, l4, 2);
	memcpy(key->dst_port, l4 + 2, 2);
	memcpy(key->ip_src, ip + 12, 4);
	memcpy(key->ip_dst, ip + 16, 4);
	key->proto = level->proto;
	key->tos = ip[1];
	key->ttl = ip[8];
	memcpy(key->label, ip + 6, 2);
	key->l4 = RVR_RNA_FLOW_L4_UDP;
	if (level->l4_type == RNA_L4_TCP) {
		key->l4 = RVR_RNA_FLOW_L4_TCP;
		key->tcp_flags = l4[13];
	}
}

static void
key_any(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	key_ethernet(key, level, data);
	key_type(key, level->ethertype);
	key_ip(key, level, data);
	key_l4(key, level, data);
}

static inline void
key_level(struct rvr_rna_flow_level *key, const struct rna_level *level, const uint8_t *data)
{
	if (level->flags == RNA_LEVEL_ETHER && level->tags == 0 &&
	    level->l3_type == RNA_L3_IPV4 &&
	    (level->l4_type == RNA_L4_TCP || level->l4_type == RNA_L4_UDP))
		key_plain(key, level, data);
	else
		key_any(key, level, data);
}

/** Fields of the header that opens the inner level. */
static void
key_tunnel(struct rvr_rna_flow_key *key, const struct rna_parsed *parsed, const uint8_t *data)
{
	static const uint8_t tunnels[] = {
		[RNA_TUNNEL_NONE] = RVR_RNA_FLOW_NO_TUNNEL,
		[RNA_TUNNEL_VXLAN] = RVR_RNA_FLOW_VXLAN,
		[RNA_TUNNEL_GENEVE] = RVR_RNA_FLOW_GENEVE,
		[RNA_TUNNEL_GRE] = RVR_RNA_FLOW_GRE,
		[RNA_TUNNEL_IP] = RVR_RNA_FLOW_IPIP,
		[RNA_TUNNEL_MPLS] = RVR_RNA_FLOW_MPLS,
	};
	const uint8_t *header = data + parsed->tunnel;

	key->tunnel = tunnels[parsed->tunnel_type];
	switch (parsed->tunnel_type) {
	case RNA_TUNNEL_VXLAN:
	case RNA_TUNNEL_GENEVE:
		memcpy(key->tunnel_id, header + 4, 3);
		break;
	case RNA_TUNNEL_GRE:
		if (header[0] & GRE_HAS_KEY)
			memcpy(key->tunnel_id, header + (header[0] & GRE_HAS_CHECKSUM ? 8 : 4), 4);
		break;
	case RNA_TUNNEL_MPLS:
		if (parsed->inner.flags & RNA_LEVEL_MPLS)
			memcpy(key->tunnel_id, data + parsed->inner.mpls, 4);
		return;
	default:
		return;
	}
	key->tunnel_flags = header[0];
	if (parsed->tunnel_type != RNA_TUNNEL_VXLAN)
		memcpy(key->tunnel_proto, header + 2, 2);
}

/** Labels behind the outer Ethernet header: what they carry is the inner level. */
static void
key_labels(struct rvr_rna_flow_key *key, const struct rna_parsed *parsed, const uint8_t *data)
{
	key->tunnel = RVR_RNA_FLOW_MPLS;
	memcpy(key->tunnel_id, data + parsed->outer.mpls, 4);
	key_ip(&key->inner, &parsed->outer, data);
	key_l4(&key->inner, &parsed->outer, data);
}

void
flow_key(struct flow_packet *packet)
{
	struct rna_parsed *parsed = &packet->parsed;
	struct rvr_rna_flow_key *key = &packet->key;
	const uint8_t *data = packet->data;

	memset(key, 0, sizeof(*key));
	rna_parse(data, packet->len, parsed);
	packet->stale = false;
	key->port = rvr_cpu_le16(packet->port->id);
	key->origin = packet->origin;
	key->marked = packet->marked;
	key->mark = rvr_cpu_le32(packet->mark);
	if (parsed->outer.flags & RNA_LEVEL_MPLS) {
		key_ethernet(&key->outer, &parsed->outer, data);
		key_type(&key->outer, parsed->outer.ethertype);
		key_labels(key, parsed, data);
		return;
	}
	key_level(&key->outer, &parsed->outer, data);
	if (parsed->tunnel_type == RNA_TUNNEL_NONE)
		return;
	key_tunnel(key, parsed, data);
	key_level(&key->inner, &parsed->inner, data);
}

void
flow_key_refresh(struct flow_packet *packet)
{
	if (packet->stale)
		flow_key(packet);
}
