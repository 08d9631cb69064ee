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

static inline uint32_t
fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16); /* 18 bits */
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/** Adds with the carry coming round: a sum of 8-byte words is one of 2-byte words, too. */
static inline uint64_t
add_round(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

#if defined(__x86_64__)
#define SUM_WIDE 128 /* bytes from which on it is worth its start and end */

typedef uint64_t v4u64 __attribute__((vector_size(32), aligned(1), may_alias));

/** Adds `len` bytes, a multiple of 64: halves of words, as vectors know no carry. */
static __attribute__((target("avx2"))) uint64_t
sum_wide(const uint8_t *data, uint32_t len)
{
	const v4u64 low = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	v4u64 a = { 0 }, b = { 0 }, sum;

	for (; len != 0; len -= 64, data += 64) {
		v4u64 first = *(const v4u64 *)data, second = *(const v4u64 *)(data + 32);

		a += (first & low) + (first >> 32);
		b += (second & low) + (second >> 32);
	}
	sum = a + b;
	return sum[0] + sum[1] + sum[2] + sum[3];
}

static inline bool
sum_is_wide(uint32_t len)
{
	return len >= SUM_WIDE && __builtin_cpu_supports("avx2");
}
#else
/** Without a wider way nothing is ever given to it. */
static inline uint64_t
sum_wide(const uint8_t *data, uint32_t len)
{
	(void)data;
	return len;
}

static inline bool
sum_is_wide(uint32_t len)
{
	(void)len;
	return false;
}
#endif

/** What is left: fewer than 8 bytes, followed by zeroes. `whole`: of how many they are the end */
static inline uint64_t
sum_rest(const uint8_t *data, uint32_t len, uint32_t whole)
{
	uint8_t rest[8] = { 0 };
	uint64_t word;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (whole >= 8) {
		memcpy(&word, data + len - 8, 8);
		return len == 0 ? 0 : word >> (64 - 8 * len);
	}
#endif
	(void)whole;
	memcpy(rest, data, len);
	memcpy(&word, rest, 8);
	return word;
}

/** Sum in the machine's order: the sum of swapped words is the swapped sum. */
static inline uint64_t
sum_words(const uint8_t *data, uint32_t len)
{
	uint32_t whole = len, wide = len & ~63u;
	uint64_t sum = 0, word;

	if (sum_is_wide(len)) {
		sum = sum_wide(data, wide);
		data += wide;
		len -= wide;
	}
	for (; len >= 8; len -= 8, data += 8) {
		memcpy(&word, data, 8);
		sum = add_round(sum, word);
	}
	return add_round(sum, sum_rest(data, len, whole));
}

/** A sum of sum_words(), in the packet's order. */
static inline uint32_t
sum_order(uint64_t sum)
{
	uint32_t folded = fold(sum);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	folded = __builtin_bswap16((uint16_t)folded);
#endif
	return folded;
}

uint32_t
rna_sum(const uint8_t *data, uint32_t len, uint32_t sum)
{
	return fold((uint64_t)sum_order(sum_words(data, len)) + sum);
}

uint32_t
rna_sum_pseudo(const uint8_t *ip, bool v4, uint8_t proto, uint32_t len)
{
	uint64_t word = 0;

	if (!v4)
		return rna_sum(ip + 8, 32, fold((uint64_t)proto + len));
	memcpy(&word, ip + 12, 8);
	return fold((uint64_t)sum_order(word) + proto + len);
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

/** Sum of an IPv4 header, which nearly always has no options. */
static inline uint32_t
sum_ipv4(const uint8_t *ip, uint32_t size)
{
	uint64_t words[2];
	uint32_t last;

	if (size != 20)
		return sum_order(sum_words(ip, size));
	memcpy(words, ip, 16);
	memcpy(&last, ip + 16, 4);
	return sum_order((words[0] & UINT32_MAX) + (words[0] >> 32) + (words[1] & UINT32_MAX) +
			 (words[1] >> 32) + last);
}

/* ---- Setting ------------------------------------------------------------------------------ */

/** Checksum of bytes in which the field itself is to be taken as 0. */
static inline uint16_t
checksum_without(uint32_t sum, const uint8_t *field)
{
	return (uint16_t)~fold((uint64_t)sum + (uint16_t)~rna_be16(field));
}

uint16_t
rna_checksum_ipv4_of(const uint8_t *ip, uint32_t size)
{
	return checksum_without(sum_ipv4(ip, size), ip + 10);
}

void
rna_checksum_ipv4(uint8_t *ip, uint32_t size)
{
	rna_put_be16(ip + 10, rna_checksum_ipv4_of(ip, size));
}

uint16_t
rna_checksum_l4_of(const uint8_t *ip, const uint8_t *l4, uint32_t len, uint8_t proto)
{
	/* The host may change a header after it was looked at: what can't be IPv6 isn't. */
	bool v4 = ip[0] >> 4 == 4 || l4 - ip < 40;
	uint32_t sum = sum_order(sum_words(l4, len)) + rna_sum_pseudo(ip, v4, proto, len);
	uint16_t checksum = checksum_without(sum, l4 + rna_checksum_l4_at(proto));

	/* 0 would mean that there is none; 0xffff is the same number. */
	return proto == PROTO_UDP && checksum == 0 ? UINT16_MAX : checksum;
}

void
rna_checksum_l4(const uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto)
{
	rna_put_be16(l4 + rna_checksum_l4_at(proto), rna_checksum_l4_of(ip, l4, len, proto));
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
	return state_of(sum_ipv4(ip, (uint32_t)level->l4 - level->l3) == 0xffff);
}

static uint32_t
sum_with_pseudo(const uint8_t *data, const struct rna_level *level, uint32_t len, uint8_t proto)
{
	bool v4 = level->l3_type == RNA_L3_IPV4;

	return rna_sum(data + level->l4, len, rna_sum_pseudo(data + level->l3, v4, proto, len));
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
	return state_of(sum_with_pseudo(data, level, said, PROTO_UDP) == 0xffff);
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
		return state_of(sum_with_pseudo(data, level, len, PROTO_TCP) == 0xffff);
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

static const uint32_t l3_states[] = { 0, RVR_RNA_RX_L3_GOOD, RVR_RNA_RX_L3_BAD };
static const uint32_t l4_states[] = { 0, RVR_RNA_RX_L4_GOOD, RVR_RNA_RX_L4_BAD };

uint32_t
rna_verify_l3(const uint8_t *data, const struct rna_level *level)
{
	return l3_states[verify_l3(data, level)];
}

uint32_t
rna_verify_l4(const uint8_t *data, const struct rna_level *level)
{
	return l4_states[verify_l4(data, level, false)];
}

uint32_t
rna_verify(const uint8_t *data, const struct rna_parsed *parsed)
{
	static const uint32_t outer_l4[] = { 0, RVR_RNA_RX_OUTER_L4_GOOD,
		RVR_RNA_RX_OUTER_L4_BAD };
	const struct rna_level *outer = &parsed->outer, *inner = &parsed->inner;

	if (parsed->tunnel_type == RNA_TUNNEL_NONE)
		return rna_verify_l3(data, outer) | rna_verify_l4(data, outer);
	return (verify_l3(data, outer) == BAD ? RVR_RNA_RX_OUTER_L3_BAD : 0) |
	       outer_l4[verify_l4(data, outer, true)] | rna_verify_l3(data, inner) |
	       rna_verify_l4(data, inner);
}
