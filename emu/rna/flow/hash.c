/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Hash functions of RSS actions that have their own. A function's tables are large and rules are
 * many, but few of them differ: rules with the same key share one.
 */

#include "flow.h"

static bool
hash_is(const struct flow_hash *hash, uint32_t types, const uint8_t *key)
{
	return (hash->rss.types & RVR_RNA_RSS_XOR) == (types & RVR_RNA_RSS_XOR) &&
	       memcmp(hash->rss.key, key, RNA_KEY_SIZE) == 0;
}

struct flow_hash *
flow_hash_get(struct flow_port *flow, uint32_t types, const uint8_t *key)
{
	struct flow_hash *hash = flow->hashes;

	while (hash != NULL && !hash_is(hash, types, key))
		hash = hash->next;
	if (hash == NULL) {
		if (flow->num_hashes == FLOW_HASHES_MAX)
			return NULL;
		hash = rna_zalloc(sizeof(*hash));
		if (hash == NULL)
			return NULL;
		rna_rss_set(&hash->rss, types & RVR_RNA_RSS_XOR, key);
		hash->next = flow->hashes;
		flow->hashes = hash;
		flow->num_hashes++;
	}
	hash->users++;
	return hash;
}

void
flow_hash_put(struct flow_port *flow, struct flow_hash *hash)
{
	struct flow_hash **at = &flow->hashes;

	if (--hash->users > 0)
		return;
	while (*at != hash)
		at = &(*at)->next;
	*at = hash->next;
	flow->num_hashes--;
	free(hash);
}
