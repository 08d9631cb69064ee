/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Receive-side scaling by table. The hashes that there are, Toeplitz's and the XOR of words, are
 * linear: the hash of an input is the XOR of the hashes of its bytes, each with zeroes around it.
 */

#include "rna.h"

/** Microsoft's published key: what drivers expect as the default. */
static const uint8_t default_key[RNA_KEY_SIZE] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/** 32 bits of the key from a bit on. */
static uint32_t
key_window(const uint8_t *key, unsigned int bit)
{
	unsigned int i, at = bit / 8;
	uint64_t word = 0;

	for (i = 0; i < 5; i++)
		word = word << 8 | (at + i < RNA_KEY_SIZE ? key[at + i] : 0);
	return (uint32_t)(word >> (8 - bit % 8));
}

/** Hashes of one bit each: `window` of the bits of a byte of the input, the first one first. */
static void
windows(const struct rna_rss *rss, unsigned int byte, uint32_t *window)
{
	unsigned int bit;

	for (bit = 0; bit < 8; bit++)
		window[bit] = rss->types & RVR_RNA_RSS_XOR ?
			0x80000000u >> (byte % 4 * 8 + bit) : key_window(rss->key, byte * 8 + bit);
}

static void
table_fill(struct rna_rss *rss)
{
	unsigned int byte, value, bit;

	for (byte = 0; byte < RNA_RSS_INPUT_MAX; byte++) {
		uint32_t window[8];

		windows(rss, byte, window);
		for (value = 0; value < 256; value++) {
			uint32_t hash = 0;

			for (bit = 0; bit < 8; bit++)
				if (value & (0x80u >> bit))
					hash ^= window[bit];
			rss->table[byte][value] = hash;
		}
	}
}

void
rna_rss_set(struct rna_rss *rss, uint32_t types, const uint8_t *key)
{
	bool other = (rss->types ^ types) & RVR_RNA_RSS_XOR;

	rss->types = types;
	if (key != NULL)
		memcpy(rss->key, key, RNA_KEY_SIZE);
	if (key != NULL || other)
		table_fill(rss);
}

void
rna_rss_init(struct rna_rss *rss)
{
	memset(rss->reta, 0, sizeof(rss->reta));
	rss->types = 0;
	rna_rss_set(rss, 0, default_key);
}

/** Kinds that are hashed by addresses, and those by ports too, of IPv4 and of IPv6. */
static const struct {
	uint32_t all, fragment, other;
	uint32_t l4[RNA_L4_IGMP + 1];
} rss_kinds[2] = {
	{ RVR_RNA_RSS_IPV4, RVR_RNA_RSS_IPV4_FRAG, RVR_RNA_RSS_IPV4_OTHER,
		{ [RNA_L4_TCP] = RVR_RNA_RSS_IPV4_TCP, [RNA_L4_UDP] = RVR_RNA_RSS_IPV4_UDP,
			[RNA_L4_SCTP] = RVR_RNA_RSS_IPV4_SCTP } },
	{ RVR_RNA_RSS_IPV6, RVR_RNA_RSS_IPV6_FRAG, RVR_RNA_RSS_IPV6_OTHER,
		{ [RNA_L4_TCP] = RVR_RNA_RSS_IPV6_TCP, [RNA_L4_UDP] = RVR_RNA_RSS_IPV6_UDP,
			[RNA_L4_SCTP] = RVR_RNA_RSS_IPV6_SCTP } },
};

/** Kinds that apply to a packet of IP: of its addresses, and of its ports too. */
static inline void
rss_kinds_of(const struct rna_level *level, uint32_t *l3, uint32_t *l4)
{
	unsigned int v6 = level->l3_type == RNA_L3_IPV6;

	*l3 = rss_kinds[v6].all;
	*l4 = rss_kinds[v6].l4[level->l4_type];
	if (level->flags & RNA_LEVEL_FRAGMENT)
		*l3 |= rss_kinds[v6].fragment;
	else if (*l4 == 0)
		*l3 |= rss_kinds[v6].other;
}

#define PAIR_FIRST 1u
#define PAIR_SECOND 2u

/** Two values of `len` bytes as an input from byte `at` on. `which`: PAIR_*, 0 is both */
static uint32_t
hash_pair(const struct rna_rss *rss, unsigned int at, const uint8_t *data, unsigned int len,
	unsigned int which)
{
	const uint8_t *first = data, *second = data + len;
	uint32_t hash = 0;
	unsigned int i;

	if (which == PAIR_FIRST)
		return rna_rss_hash_bytes(rss, at, first, len);
	if (which == PAIR_SECOND)
		return rna_rss_hash_bytes(rss, at + len, second, len);
	if (rss->types & RVR_RNA_RSS_SYMMETRIC) {
		for (i = 0; i < len; i++)
			hash ^= rss->table[at + i][first[i] ^ second[i]] ^
				rss->table[at + len + i][first[i] ^ second[i]];
		return hash;
	}
	if ((rss->types & RVR_RNA_RSS_SORTED) && memcmp(first, second, len) > 0) {
		first = second;
		second = data;
	}
	return rna_rss_hash_bytes(rss, at, first, len) ^
	       rna_rss_hash_bytes(rss, at + len, second, len);
}

static unsigned int
pair_which(uint32_t types, uint32_t first, uint32_t second)
{
	return (types & first ? PAIR_FIRST : 0) | (types & second ? PAIR_SECOND : 0);
}

/** hash_ip() with anything that RNA_RSS_HOW names. */
static uint32_t
hash_ip_how(const struct rna_rss *rss, const uint8_t *addresses, unsigned int len,
	const uint8_t *ports)
{
	uint32_t hash = hash_pair(rss, 0, addresses, len,
		pair_which(rss->types, RVR_RNA_RSS_L3_SRC, RVR_RNA_RSS_L3_DST));

	if (ports == NULL)
		return hash;
	return hash ^ hash_pair(rss, 2 * len, ports, 2,
		pair_which(rss->types, RVR_RNA_RSS_L4_SRC, RVR_RNA_RSS_L4_DST));
}

/** `len` bytes of each address; ports may be NULL. */
static inline uint32_t
hash_ip(const struct rna_rss *rss, const uint8_t *addresses, unsigned int len,
	const uint8_t *ports)
{
	uint32_t hash;

	if (rss->types & RNA_RSS_HOW)
		return hash_ip_how(rss, addresses, len, ports);
	hash = rna_rss_hash_bytes(rss, 0, addresses, 2 * len);
	return ports == NULL ? hash : hash ^ rna_rss_hash_bytes(rss, 2 * len, ports, 4);
}

static bool
hash_l2(const struct rna_rss *rss, const uint8_t *data, const struct rna_level *level,
	uint32_t *hash)
{
	uint8_t type[2];

	if (!(rss->types & RVR_RNA_RSS_L2) || !(level->flags & RNA_LEVEL_ETHER))
		return false;
	rna_put_be16(type, level->ethertype);
	*hash = hash_pair(rss, 0, data + level->l2, 6, 0) ^ rna_rss_hash_bytes(rss, 12, type, 2);
	return true;
}

bool
rna_rss_hash(const struct rna_rss *rss, const uint8_t *data, const struct rna_parsed *parsed,
	uint32_t *hash)
{
	const struct rna_level *level = &parsed->outer;
	const uint8_t *ports;
	uint32_t l3, l4;

	if ((rss->types & RVR_RNA_RSS_INNER) && rna_level_is_ip(&parsed->inner))
		level = &parsed->inner;
	if (!rna_level_is_ip(level))
		return hash_l2(rss, data, level, hash);
	rss_kinds_of(level, &l3, &l4);
	if ((rss->types & (l3 | l4)) == 0)
		return hash_l2(rss, data, level, hash);
	ports = rss->types & l4 ? data + level->l4 : NULL;
	if (level->l3_type == RNA_L3_IPV4)
		*hash = hash_ip(rss, data + level->l3 + 12, 4, ports);
	else
		*hash = hash_ip(rss, data + level->l3 + 8, 16, ports);
	return true;
}
