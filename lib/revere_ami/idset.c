/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Sets of ids (AMI_SW_ID, AMI_HW_ID, ASN_ID) from which the lowest free one is taken. */


#include "ami_private.h"

int
ami_idset_init(struct ami_idset *set, uint32_t size)
{
	set->used = calloc((size_t)size / 64 + 1, sizeof(*set->used));
	if (set->used == NULL)
		return -ENOMEM;
	set->size = size;
	set->lowest = 0;
	return 0;
}

void
ami_idset_fini(struct ami_idset *set)
{
	free(set->used);
	*set = (struct ami_idset){ 0 };
}

int
ami_idset_get(struct ami_idset *set, uint32_t *id)
{
	uint32_t word, found;

	for (word = set->lowest / 64; word * 64 < set->size; word++) {
		if (set->used[word] == UINT64_MAX)
			continue;
		found = word * 64 + (uint32_t)__builtin_ctzll(~set->used[word]);
		if (found >= set->size)
			break;
		set->used[word] |= UINT64_C(1) << (found % 64);
		set->lowest = found + 1;
		*id = found;
		return 0;
	}
	set->lowest = set->size;
	return -ENOSPC;
}

void
ami_idset_put(struct ami_idset *set, uint32_t id)
{
	set->used[id / 64] &= ~(UINT64_C(1) << (id % 64));
	if (id < set->lowest)
		set->lowest = id;
}
