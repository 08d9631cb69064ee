/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Address spaces of PASIDs. A Function has one for each PASID that memory is mapped for, or that
 * an enabled AMI has; it is made at first use and goes with its last mapping and user. An AMI
 * with PASID_ENABLED knows this space alone: what it lacks is a fault, wherever else it may be.
 *
 * All of it runs within a pause, or without workers.
 */

#include <errno.h>
#include <stdlib.h>

#include "amu.h"

struct pasid_space {
	struct dma_space space; /* first: views know nothing else */
	uint32_t pasid;
	unsigned int users; /* enabled AMIs */
};

/* Place of the first PASID that isn't below `pasid`. */
static unsigned int
pasid_place(const struct amu_function *function, uint32_t pasid)
{
	unsigned int low = 0, high = function->num_pasids;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (function->pasids[middle]->pasid < pasid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pasid_space *
pasid_find(const struct amu_function *function, uint32_t pasid)
{
	unsigned int at = pasid_place(function, pasid);

	if (at == function->num_pasids || function->pasids[at]->pasid != pasid)
		return NULL;
	return function->pasids[at];
}

static struct pasid_space *
pasid_add(struct amu_function *function, uint32_t pasid)
{
	unsigned int at = pasid_place(function, pasid);
	struct pasid_space **grown, *new;

	grown = realloc(function->pasids,
		(function->num_pasids + 1) * sizeof(struct pasid_space *));
	if (grown == NULL)
		return NULL;
	function->pasids = grown;
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return NULL;
	new->pasid = pasid;
	new->space.bus_master = function->bus_master;
	dma_space_changed(&new->space);
	memmove(&grown[at + 1], &grown[at],
		(function->num_pasids - at) * sizeof(struct pasid_space *));
	grown[at] = new;
	function->num_pasids++;
	return new;
}

static void
pasid_drop_unused(struct amu_function *function, struct pasid_space *old)
{
	unsigned int at = pasid_place(function, old->pasid);

	if (old->users > 0 || old->space.num_regions > 0)
		return;
	function->num_pasids--;
	memmove(&function->pasids[at], &function->pasids[at + 1],
		(function->num_pasids - at) * sizeof(struct pasid_space *));
	dma_space_fini(&old->space);
	free(old);
}

struct dma_space *
pasid_space_get(struct amu_function *function, bool enabled, uint32_t pasid)
{
	struct pasid_space *found;

	if (!enabled)
		return &function->space;
	found = pasid_find(function, pasid);
	if (found == NULL)
		found = pasid_add(function, pasid);
	if (found == NULL)
		return NULL;
	found->users++;
	return &found->space;
}

void
pasid_space_put(struct amu_function *function, struct dma_space *space)
{
	struct pasid_space *old = (struct pasid_space *)(void *)space;

	if (space == &function->space)
		return;
	old->users--;
	pasid_drop_unused(function, old);
}

int
pasid_map(struct amu_function *function, uint32_t pasid, uint64_t iova, void *va, uint64_t size,
	uint32_t prot)
{
	struct pasid_space *to = pasid_find(function, pasid);
	int ret;

	if (to == NULL)
		to = pasid_add(function, pasid);
	if (to == NULL)
		return -ENOMEM;
	ret = dma_space_map(&to->space, iova, va, size, prot);
	ami_remap(function, &to->space);
	pasid_drop_unused(function, to);
	return ret;
}

uint64_t
pasid_unmap(struct amu_function *function, uint32_t pasid, uint64_t iova, uint64_t size)
{
	struct pasid_space *from = pasid_find(function, pasid);
	uint64_t unmapped;

	if (from == NULL)
		return 0;
	unmapped = dma_space_unmap(&from->space, iova, size);
	ami_remap(function, &from->space);
	pasid_drop_unused(function, from);
	return unmapped;
}

void
pasid_bus_master(struct amu_function *function)
{
	unsigned int n;

	for (n = 0; n < function->num_pasids; n++) {
		function->pasids[n]->space.bus_master = function->bus_master;
		dma_space_changed(&function->pasids[n]->space);
	}
}

void
pasid_fini(struct amu_function *function)
{
	unsigned int n;

	for (n = 0; n < function->num_pasids; n++) {
		dma_space_fini(&function->pasids[n]->space);
		free(function->pasids[n]);
	}
	free(function->pasids);
}
