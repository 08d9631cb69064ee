/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Receive-side scaling: Toeplitz hash by table. The hash is linear, so the hash of an input is the
 * XOR of the hashes of its bytes, each with zeroes around it.
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

void
rna_rss_set_key(struct rna_rss *rss, const uint8_t *key)
{
	unsigned int byte, value, bit;

	memcpy(rss->key, key, RNA_KEY_SIZE);
	for (byte = 0; byte < RNA_RSS_INPUT_MAX; byte++) {
		uint32_t window[8];

		for (bit = 0; bit < 8; bit++)
			window[bit] = key_window(key, byte * 8 + bit);
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
rna_rss_init(struct rna_rss *rss)
{
	memset(rss->reta, 0, sizeof(rss->reta));
	rss->types = 0;
	rna_rss_set_key(rss, default_key);
}

static inline uint32_t
hash_bytes(const struct rna_rss *rss, unsigned int at, const uint8_t *data, unsigned int len)
{
	uint32_t hash = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		hash ^= rss->table[at + i][data[i]];
	return hash;
}

/** RSS types that apply to a packet: of its addresses, and of its ports too. */
static void
rss_types(const struct rna_level *level, uint32_t *l3, uint32_t *l4)
{
	bool v4 = level->l3_type == RNA_L3_IPV4;

	*l3 = 0;
	*l4 = 0;
	if (!rna_level_is_ip(level))
		return;
	*l3 = v4 ? RVR_RNA_RSS_IPV4 : RVR_RNA_RSS_IPV6;
	if (level->l4_type == RNA_L4_TCP)
		*l4 = v4 ? RVR_RNA_RSS_IPV4_TCP : RVR_RNA_RSS_IPV6_TCP;
	else if (level->l4_type == RNA_L4_UDP)
		*l4 = v4 ? RVR_RNA_RSS_IPV4_UDP : RVR_RNA_RSS_IPV6_UDP;
}

bool
rna_rss_hash(const struct rna_rss *rss, const uint8_t *data, const struct rna_parsed *parsed,
	uint32_t *hash)
{
	const struct rna_level *level = &parsed->outer;
	uint32_t l3, l4;

	rss_types(level, &l3, &l4);
	if ((rss->types & (l3 | l4)) == 0)
		return false;
	if (l3 == RVR_RNA_RSS_IPV4) {
		*hash = hash_bytes(rss, 0, data + level->l3 + 12, 8);
		if (rss->types & l4)
			*hash ^= hash_bytes(rss, 8, data + level->l4, 4);
	} else {
		*hash = hash_bytes(rss, 0, data + level->l3 + 8, 32);
		if (rss->types & l4)
			*hash ^= hash_bytes(rss, 32, data + level->l4, 4);
	}
	return true;
}
