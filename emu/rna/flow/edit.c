/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Actions that change a packet. Checksums follow by the difference (RFC 1624), so a checksum that
 * was wrong stays wrong by as much. SCTP's CRC isn't that easy: it is made anew.
 */

#include "../checksum.h"
#include "flow.h"

#define IPV4_CHECKSUM 10
#define VLAN_TYPE 12
#define VLAN_TCI 14

/* ---- Checksums ---------------------------------------------------------------------------- */

static uint32_t
fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static uint32_t
sum_bytes(const uint8_t *data, uint32_t len)
{
	uint32_t i, sum = 0;

	for (i = 0; i + 1 < len; i += 2)
		sum += rna_be16(data + i);
	return sum;
}

/** A checksum after words that add up to `before` became words that add up to `after`. */
static void
checksum_update(uint8_t *checksum, uint32_t before, uint32_t after)
{
	uint32_t sum = (uint16_t)~rna_be16(checksum) + (0xffff - fold(before)) + fold(after);

	rna_put_be16(checksum, (uint16_t)~fold(sum));
}

/** Where the L4 header is, also of a first fragment; 0: there is none. */
static uint32_t
l4_offset(const struct flow_packet *packet)
{
	const struct rna_level *outer = &packet->parsed.outer;

	if (outer->l4_type != RNA_L4_NONE || (outer->flags & RNA_LEVEL_FIRST))
		return outer->l4;
	return 0;
}

/** The checksum of the packet's L4 header; NULL: none, or UDP's 0, which means none. */
static uint8_t *
l4_checksum(struct flow_packet *packet)
{
	const struct rvr_rna_flow_level *outer = &packet->key.outer;
	uint32_t at = l4_offset(packet);

	if (at == 0)
		return NULL;
	if (outer->proto == PROTO_TCP && packet->len >= at + 18)
		return packet->own + at + 16;
	if (outer->proto == PROTO_UDP && packet->len >= at + 8 &&
	    rna_be16(packet->own + at + 6) != 0)
		return packet->own + at + 6;
	if (outer->proto == PROTO_ICMP6 && (outer->l3 & RVR_RNA_FLOW_L3_IPV6) &&
	    packet->len >= at + 4)
		return packet->own + at + 2;
	return NULL;
}

/** L4's after a change; UDP's must not become 0. */
static void
l4_update(struct flow_packet *packet, uint32_t before, uint32_t after)
{
	uint8_t *checksum = l4_checksum(packet);

	if (checksum == NULL)
		return;
	checksum_update(checksum, before, after);
	if (packet->key.outer.proto == PROTO_UDP && rna_be16(checksum) == 0)
		rna_put_be16(checksum, 0xffff);
}

static uint32_t
crc32c(const uint8_t *data, uint32_t len)
{
	uint32_t crc = UINT32_MAX, i, bit;

	for (i = 0; i < len; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void
sctp_update(struct flow_packet *packet)
{
	uint8_t *sctp = packet->own + packet->parsed.outer.l4;
	uint32_t end = packet->parsed.outer.end, crc;

	if (end < packet->parsed.outer.l4 + 12u)
		return;
	memset(sctp + 8, 0, 4);
	crc = rvr_cpu_le32(crc32c(sctp, end - packet->parsed.outer.l4));
	memcpy(sctp + 8, &crc, 4);
}

/* ---- Ethernet and VLAN -------------------------------------------------------------------- */

static bool
set_mac(struct flow_packet *packet, uint32_t at, const uint8_t *mac)
{
	memcpy(packet->own + at, mac, 6);
	return true;
}

static bool
vlan_pop(struct flow_packet *packet)
{
	if ((packet->key.outer.l3 & RVR_RNA_FLOW_L3_VLAN) == 0)
		return true;
	memmove(packet->own + 4, packet->own, 12);
	packet->own += 4;
	packet->data = packet->own;
	packet->len -= 4;
	packet->stale = true;
	return true;
}

static bool
vlan_push(struct flow_packet *packet, uint32_t type)
{
	if (packet->own - packet->room < 4 || packet->len + 4 > RNA_FRAME_MAX)
		return false;
	packet->own -= 4;
	memmove(packet->own, packet->own + 4, 12);
	rna_put_be16(packet->own + VLAN_TYPE, type);
	rna_put_be16(packet->own + VLAN_TCI, 0);
	packet->data = packet->own;
	packet->len += 4;
	packet->stale = true;
	return true;
}

static bool
vlan_set(struct flow_packet *packet, uint32_t keep, uint32_t value)
{
	uint8_t *tci = packet->own + VLAN_TCI;

	if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_VLAN)
		rna_put_be16(tci, (rna_be16(tci) & keep) | value);
	return true;
}

/* ---- IP ----------------------------------------------------------------------------------- */

/** Replaces bytes of an IPv4 header, an even number at an even place; L4 sums addresses too. */
static void
ipv4_set(struct flow_packet *packet, uint32_t at, const uint8_t *bytes, uint32_t len, bool l4)
{
	uint8_t *ip = packet->own + packet->parsed.outer.l3;
	uint32_t before = sum_bytes(ip + at, len), after = sum_bytes(bytes, len);

	memcpy(ip + at, bytes, len);
	checksum_update(ip + IPV4_CHECKSUM, before, after);
	if (l4)
		l4_update(packet, before, after);
}

static bool
set_ipv4(struct flow_packet *packet, uint32_t at, const uint8_t *address)
{
	if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV4)
		ipv4_set(packet, at, address, 4, true);
	return true;
}

static bool
set_ipv6(struct flow_packet *packet, uint32_t at, const uint8_t *address)
{
	uint8_t *field = packet->own + packet->parsed.outer.l3 + at;

	if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV6) {
		l4_update(packet, sum_bytes(field, 16), sum_bytes(address, 16));
		memcpy(field, address, 16);
	}
	return true;
}

static bool
set_ttl(struct flow_packet *packet, uint32_t ttl)
{
	uint8_t *ip = packet->own + packet->parsed.outer.l3;
	uint8_t word[2] = { (uint8_t)ttl, ip[9] };

	if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV4)
		ipv4_set(packet, 8, word, 2, false);
	else if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV6)
		ip[7] = (uint8_t)ttl;
	return true;
}

static bool
dec_ttl(struct flow_packet *packet)
{
	const uint8_t *ip = packet->own + packet->parsed.outer.l3;
	uint32_t ttl;

	if ((packet->key.outer.l3 & (RVR_RNA_FLOW_L3_IPV4 | RVR_RNA_FLOW_L3_IPV6)) == 0)
		return true;
	ttl = packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV4 ? ip[8] : ip[7];
	return ttl > 1 && set_ttl(packet, ttl - 1);
}

static bool
set_dscp(struct flow_packet *packet, uint32_t dscp)
{
	uint8_t *ip = packet->own + packet->parsed.outer.l3;
	uint8_t word[2] = { ip[0], (uint8_t)(dscp << 2 | (ip[1] & 3)) };

	if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV4)
		ipv4_set(packet, 0, word, 2, false);
	else if (packet->key.outer.l3 & RVR_RNA_FLOW_L3_IPV6)
		rna_put_be16(ip, (rna_be16(ip) & 0xf03f) | dscp << 6);
	return true;
}

/** at: 0 source, 2 destination */
static bool
set_port(struct flow_packet *packet, uint32_t at, uint32_t port)
{
	const uint8_t with_ports = RVR_RNA_FLOW_L4_TCP | RVR_RNA_FLOW_L4_UDP |
				   RVR_RNA_FLOW_L4_SCTP;
	uint8_t *field = packet->own + packet->parsed.outer.l4 + at;

	if ((packet->key.outer.l4 & with_ports) == 0)
		return true;
	l4_update(packet, rna_be16(field), port);
	rna_put_be16(field, port);
	if (packet->key.outer.l4 == RVR_RNA_FLOW_L4_SCTP)
		sctp_update(packet);
	return true;
}

/* ---- Tunnels ------------------------------------------------------------------------------ */

/** A source port that keeps the packets of a flow together. */
static uint32_t
entropy_port(const struct flow_packet *packet)
{
	const struct rvr_rna_flow_level *outer = &packet->key.outer;
	uint32_t other = outer->proto ^ (uint32_t)(outer->eth_src[5] ^ outer->eth_dst[5]) << 8;
	uint64_t words[4], ports = rna_be32(outer->src_port), hash = other;
	unsigned int i;

	_Static_assert(offsetof(struct rvr_rna_flow_level, dst_port) ==
		       offsetof(struct rvr_rna_flow_level, src_port) + 2, "one word");
	memcpy(&words[0], outer->ip_src, 16);
	memcpy(&words[2], outer->ip_dst, 16);
	for (i = 0; i < 4; i++)
		hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ ports) * UINT64_C(0x9e3779b97f4a7c15);
	return 0xc000 | (uint32_t)(hash >> 50);
}

static void
encap_udp(struct flow_packet *packet, uint8_t *udp, uint32_t left, uint32_t entropy)
{
	rna_put_be16(udp + 4, packet->len - (uint32_t)(udp - packet->own));
	rna_put_be16(udp + 6, 0);
	if (left >= 8 && rna_be16(udp) == 0)
		rna_put_be16(udp, entropy);
}

/** Sets lengths and checksums of `len` bytes of headers that were put in front. */
static void
encap_finish(struct flow_packet *packet, uint32_t len, uint32_t entropy)
{
	uint32_t at = 12, ip_len, header;
	uint8_t *ip;

	while (at + 6 <= len && is_vlan(rna_be16(packet->own + at)))
		at += 4;
	ip = packet->own + at + 2;
	ip_len = packet->len - at - 2;
	if (at + 22 <= len && rna_be16(packet->own + at) == ETHERTYPE_IPV4) {
		header = (ip[0] & 0xfu) * 4;
		rna_put_be16(ip + 2, ip_len);
		if (header < 20 || at + 2 + header > len) {
			rna_put_be16(ip + IPV4_CHECKSUM, 0);
			return;
		}
		rna_checksum_ipv4(ip, header);
		if (ip[9] == PROTO_UDP && at + 2 + header + 8 <= len)
			encap_udp(packet, ip + header, len - at - 2 - header, entropy);
	} else if (at + 42 <= len && rna_be16(packet->own + at) == ETHERTYPE_IPV6) {
		rna_put_be16(ip + 4, ip_len - 40);
		if (ip[6] == PROTO_UDP && at + 50 <= len)
			encap_udp(packet, ip + 40, len - at - 42, entropy);
	}
}

static bool
encap(struct flow_packet *packet, uint32_t len, const uint8_t *headers)
{
	uint32_t entropy = entropy_port(packet);

	if ((size_t)(packet->own - packet->room) < len || packet->len + len > RNA_FRAME_MAX)
		return false;
	packet->own -= len;
	packet->data = packet->own;
	packet->len += len;
	memcpy(packet->own, headers, len);
	encap_finish(packet, len, entropy);
	packet->stale = true;
	return true;
}

/** A packet too short for what is to be taken off is dropped. */
static bool
decap(struct flow_packet *packet, uint32_t len)
{
	if (len == 0 && (packet->parsed.inner.flags & RNA_LEVEL_ETHER))
		len = packet->parsed.inner.l2;
	if (len == 0)
		return true; /* no tunnel with Ethernet inside */
	if (len >= packet->len)
		return false;
	/* That takes no copy: what is left of the packet stays where it is. */
	if (packet->own != NULL)
		packet->own += len;
	packet->data += len;
	packet->len -= len;
	packet->stale = true;
	return true;
}

/* ---- All of them -------------------------------------------------------------------------- */

static bool
edit(struct flow_packet *packet, uint32_t type, uint32_t arg, const uint8_t *data)
{
	switch (type) {
	case RVR_RNA_FLOW_VLAN_POP:
		return vlan_pop(packet);
	case RVR_RNA_FLOW_VLAN_PUSH:
		return vlan_push(packet, arg);
	case RVR_RNA_FLOW_VLAN_VID:
		return vlan_set(packet, 0xf000, arg);
	case RVR_RNA_FLOW_VLAN_PCP:
		return vlan_set(packet, 0x1fff, arg << 13);
	case RVR_RNA_FLOW_ETH_SRC:
		return set_mac(packet, 6, data);
	case RVR_RNA_FLOW_ETH_DST:
		return set_mac(packet, 0, data);
	case RVR_RNA_FLOW_IPV4_SRC:
		return set_ipv4(packet, 12, data);
	case RVR_RNA_FLOW_IPV4_DST:
		return set_ipv4(packet, 16, data);
	case RVR_RNA_FLOW_IPV6_SRC:
		return set_ipv6(packet, 8, data);
	case RVR_RNA_FLOW_IPV6_DST:
		return set_ipv6(packet, 24, data);
	case RVR_RNA_FLOW_PORT_SRC:
		return set_port(packet, 0, arg);
	case RVR_RNA_FLOW_PORT_DST:
		return set_port(packet, 2, arg);
	case RVR_RNA_FLOW_TTL_SET:
		return set_ttl(packet, arg);
	case RVR_RNA_FLOW_TTL_DEC:
		return dec_ttl(packet);
	case RVR_RNA_FLOW_DSCP:
		return set_dscp(packet, arg);
	case RVR_RNA_FLOW_ENCAP:
		return encap(packet, arg, data);
	default:
		return decap(packet, arg);
	}
}

bool
flow_edit(struct flow_packet *packet, uint32_t type, uint32_t arg, const uint8_t *data)
{
	/* Raw decapsulation and encapsulation follow each other: there is no Ethernet between. */
	if (packet->len >= RNA_FRAME_MIN)
		flow_key_refresh(packet);
	else if (type != RVR_RNA_FLOW_ENCAP)
		return false;
	if (type != RVR_RNA_FLOW_DECAP && !flow_own(packet))
		return false;
	if (!edit(packet, type, arg, data))
		return false;
	/* What was set is seen by rules of later groups, and by later actions. */
	packet->stale = true;
	return true;
}
