/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Checksums of packets, and whether those of a received one are right.
 */

#include <pthread.h>
#include <string.h>

#include "checksum.h"
#include "proto.h"

/* ---- Internet checksum -------------------------------------------------------------------- */

static uint32_t
fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

uint32_t
rna_sum(const uint8_t *data, uint32_t len, uint32_t sum)
{
	uint64_t words = 0;
	uint8_t rest[8] = { 0 };
	uint64_t word;
	uint32_t folded;

	/* The sum of swapped words is the swapped sum: the machine's order does. */
	for (; len >= 8; len -= 8, data += 8) {
		memcpy(&word, data, 8);
		words += (word & UINT32_MAX) + (word >> 32);
	}
	memcpy(rest, data, len);
	memcpy(&word, rest, 8);
	words += (word & UINT32_MAX) + (word >> 32);
	folded = fold(words);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	folded = __builtin_bswap16((uint16_t)folded);
#endif
	return fold((uint64_t)folded + sum);
}

uint32_t
rna_sum_pseudo(const uint8_t *ip, uint8_t proto, uint32_t len)
{
	bool v4 = ip[0] >> 4 == 4;

	return rna_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, fold((uint64_t)proto + len));
}

/* ---- CRC ---------------------------------------------------------------------------------- */

static uint32_t crc32c_table[256], crc32_table[256];

static void
crc_table_init(uint32_t *table, uint32_t polynomial)
{
	uint32_t i, bit;

	for (i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
		table[i] = crc;
	}
}

static void
crc_init(void)
{
	crc_table_init(crc32c_table, 0x82f63b78);
	crc_table_init(crc32_table, 0xedb88320);
}

static uint32_t
crc_update(const uint32_t *table, uint32_t crc, const uint8_t *data, uint32_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t i;

	pthread_once(&once, crc_init);
	for (i = 0; i < len; i++)
		crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
	return crc;
}

uint32_t
rna_crc_sctp(const uint8_t *sctp, uint32_t len)
{
	static const uint8_t none[4];
	uint32_t crc = crc_update(crc32c_table, UINT32_MAX, sctp, 8);

	crc = crc_update(crc32c_table, crc, none, sizeof(none));
	return ~crc_update(crc32c_table, crc, sctp + 12, len - 12);
}

uint32_t
rna_crc_ethernet(const uint8_t *data, uint32_t len)
{
	return ~crc_update(crc32_table, UINT32_MAX, data, len);
}

/* ---- Setting ------------------------------------------------------------------------------ */

void
rna_checksum_ipv4(uint8_t *ip, uint32_t size)
{
	rna_put_be16(ip + 10, 0);
	rna_put_be16(ip + 10, ~rna_sum(ip, size, 0) & 0xffff);
}

void
rna_checksum_l4(const uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto)
{
	uint8_t *field = l4 + (proto == PROTO_TCP ? 16 : 6);
	uint32_t sum;

	rna_put_be16(field, 0);
	sum = rna_sum(l4, len, rna_sum_pseudo(ip, proto, len));
	/* 0 would mean that there is none; 0xffff is the same number. */
	if (proto == PROTO_UDP && sum == 0xffff)
		sum = 0;
	rna_put_be16(field, ~sum & 0xffff);
}

/* ---- Verification ------------------------------------------------------------------------- */

enum state { UNKNOWN, GOOD, BAD };

static enum state
state_of(bool good)
{
	return good ? GOOD : BAD;
}

static enum state
verify_l3(const uint8_t *data, const struct rna_level *level)
{
	const uint8_t *ip = data + level->l3;

	if (level->l3_type != RNA_L3_IPV4)
		return UNKNOWN;
	return state_of(rna_sum(ip, (ip[0] & 0xf) * 4u, 0) == 0xffff);
}

/** A UDP checksum may be left out in IPv4, and in IPv6 by tunnels. */
static enum state
verify_udp(const uint8_t *data, const struct rna_level *level, uint32_t len, bool tunnel)
{
	const uint8_t *udp = data + level->l4;
	uint32_t said = rna_be16(udp + 4);

	if (rna_be16(udp + 6) == 0) {
		if (level->l3_type == RNA_L3_IPV4)
			return GOOD;
		return tunnel ? UNKNOWN : BAD;
	}
	if (said < 8 || said > len)
		return BAD;
	return state_of(rna_sum(udp, said, rna_sum_pseudo(data + level->l3, PROTO_UDP, said)) ==
		0xffff);
}

static enum state
verify_l4(const uint8_t *data, const struct rna_level *level, bool tunnel)
{
	const uint8_t *l4 = data + level->l4;
	uint32_t len = level->end > level->l4 ? (uint32_t)(level->end - level->l4) : 0;

	switch (level->l4_type) {
	case RNA_L4_TCP:
		if ((level->flags & RNA_LEVEL_CUT) || len < 20)
			return BAD;
		return state_of(rna_sum(l4, len, rna_sum_pseudo(data + level->l3, PROTO_TCP,
			len)) == 0xffff);
	case RNA_L4_UDP:
		if ((level->flags & RNA_LEVEL_CUT) || len < 8)
			return BAD;
		return verify_udp(data, level, len, tunnel);
	case RNA_L4_SCTP:
		if ((level->flags & RNA_LEVEL_CUT) || len < 12)
			return BAD;
		return state_of(rna_crc_sctp(l4, len) == (l4[8] | l4[9] << 8 | l4[10] << 16 |
			(uint32_t)l4[11] << 24));
	default:
		return UNKNOWN;
	}
}

uint32_t
rna_verify(const uint8_t *data, const struct rna_parsed *parsed)
{
	static const uint32_t l3[] = { 0, RVR_RNA_RX_L3_GOOD, RVR_RNA_RX_L3_BAD };
	static const uint32_t l4[] = { 0, RVR_RNA_RX_L4_GOOD, RVR_RNA_RX_L4_BAD };
	static const uint32_t outer_l4[] = { 0, RVR_RNA_RX_OUTER_L4_GOOD,
		RVR_RNA_RX_OUTER_L4_BAD };
	const struct rna_level *outer = &parsed->outer, *inner = &parsed->inner;

	if (parsed->tunnel_type == RNA_TUNNEL_NONE)
		return l3[verify_l3(data, outer)] | l4[verify_l4(data, outer, false)];
	return (verify_l3(data, outer) == BAD ? RVR_RNA_RX_OUTER_L3_BAD : 0) |
	       outer_l4[verify_l4(data, outer, true)] | l3[verify_l3(data, inner)] |
	       l4[verify_l4(data, inner, false)];
}
