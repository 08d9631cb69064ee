/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Memory that the device reaches: address spaces, and views that translate IOVAs quickly.
 */

#include <errno.h>
#include <stdlib.h>

#include "amu.h"
#include "guard.h"

#define DMA_TLB_SHIFT 21

/* ---- Spaces -------------------------------------------------------------------------------- */

void
dma_space_sva(struct dma_space *space, bool enable)
{
	if (enable && !space->sva)
		guard_get();
	else if (!enable && space->sva)
		guard_put();
	space->sva = enable;
	dma_space_changed(space);
}

void
dma_space_fini(struct dma_space *space)
{
	if (space->sva)
		guard_put();
	free(space->regions);
	memset(space, 0, sizeof(*space));
}

void
dma_space_changed(struct dma_space *space)
{
	static _Atomic unsigned int last;

	/* An AMI may change its space: what was remembered of one is void in each other. */
	space->generation = atomic_fetch_add(&last, 1) + 1;
}

/** Last address of a region: its end may be 2^64. */
static uint64_t
region_last(const struct dma_region *region)
{
	return region->iova + (region->size - 1);
}

/** Index of the first region that ends at or after `iova`; num_regions if there is none. */
static unsigned int
space_find(const struct dma_space *space, uint64_t iova)
{
	unsigned int low = 0, high = space->num_regions;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (region_last(&space->regions[middle]) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
space_insert(struct dma_space *space, unsigned int at, const struct dma_region *region)
{
	if (space->num_regions == space->max_regions) {
		unsigned int max = space->max_regions == 0 ? 16 : space->max_regions * 2;
		struct dma_region *regions = realloc(space->regions, max * sizeof(*regions));

		if (regions == NULL)
			return -ENOMEM;
		space->regions = regions;
		space->max_regions = max;
	}
	memmove(&space->regions[at + 1], &space->regions[at],
		(space->num_regions - at) * sizeof(*region));
	space->regions[at] = *region;
	space->num_regions++;
	return 0;
}

static void
space_remove(struct dma_space *space, unsigned int at, unsigned int count)
{
	memmove(&space->regions[at], &space->regions[at + count],
		(space->num_regions - at - count) * sizeof(space->regions[0]));
	space->num_regions -= count;
}

/** Whether `b` goes on where `a` ends, here and there, so that one region can stand for both. */
static bool
region_joins(const struct dma_region *a, const struct dma_region *b)
{
	return a->prot == b->prot && region_last(a) + 1 == b->iova && a->va + a->size == b->va;
}

int
dma_space_map(struct dma_space *space, uint64_t iova, void *va, uint64_t size, uint32_t prot)
{
	struct dma_region region = { .iova = iova, .size = size, .va = va, .prot = prot };
	unsigned int at;

	if (size == 0 || iova + (size - 1) < iova)
		return -EINVAL;
	at = space_find(space, iova);
	if (at < space->num_regions && space->regions[at].iova <= region_last(&region))
		return -EEXIST;
	if (at > 0 && region_joins(&space->regions[at - 1], &region)) {
		space->regions[at - 1].size += size;
		at--;
	} else if (space_insert(space, at, &region) != 0) {
		return -ENOMEM;
	}
	if (at + 1 < space->num_regions &&
	    region_joins(&space->regions[at], &space->regions[at + 1])) {
		space->regions[at].size += space->regions[at + 1].size;
		space_remove(space, at + 1, 1);
	}
	dma_space_changed(space);
	return 0;
}

/** Cuts [iova, last] out of the middle of a region: what is behind becomes one of its own. */
static void
space_split(struct dma_space *space, unsigned int at, uint64_t iova, uint64_t last)
{
	struct dma_region *region = &space->regions[at];
	struct dma_region behind = {
		.iova = last + 1,
		.size = region_last(region) - last,
		.va = region->va + (last + 1 - region->iova),
		.prot = region->prot,
	};

	region->size = iova - region->iova;
	/*
	 * Without memory for one more region what is behind goes too: the device loses sight of
	 * memory, which is a fault it reports; keeping the hole mapped would be worse.
	 */
	(void)space_insert(space, at + 1, &behind);
}

uint64_t
dma_space_unmap(struct dma_space *space, uint64_t iova, uint64_t size)
{
	uint64_t last = iova + (size - 1), removed = 0;
	unsigned int at;

	if (size == 0)
		return 0;
	if (last < iova)
		last = UINT64_MAX;
	at = space_find(space, iova);
	while (at < space->num_regions && space->regions[at].iova <= last) {
		struct dma_region *region = &space->regions[at];
		uint64_t region_end = region_last(region);

		if (region->iova >= iova && region_end <= last) {
			removed += region->size;
			space_remove(space, at, 1);
		} else if (region->iova >= iova) {
			uint64_t cut = last + 1 - region->iova;

			removed += cut;
			region->iova += cut;
			region->va += cut;
			region->size -= cut;
			break;
		} else if (region_end <= last) {
			removed += region_end - iova + 1;
			region->size = iova - region->iova;
			at++;
		} else {
			removed += size;
			space_split(space, at, iova, last);
			break;
		}
	}
	dma_space_changed(space);
	return removed;
}

bool
dma_covered(const struct dma_space *space, uint64_t iova, uint64_t size, uint32_t prot)
{
	unsigned int at = space_find(space, iova);

	while (size > 0) {
		const struct dma_region *region = &space->regions[at];
		uint64_t here;

		if (at == space->num_regions || region->iova > iova ||
		    (region->prot & prot) != prot)
			return false;
		here = region->size - (iova - region->iova);
		if (here >= size)
			return true;
		size -= here;
		iova += here;
		at++;
	}
	return true;
}

/* ---- Views --------------------------------------------------------------------------------- */

static void
view_forget(struct dma_view *view)
{
	memset(&view->last, 0, sizeof(view->last));
	memset(view->tlb, 0, sizeof(view->tlb));
	view->generation = view->space->generation;
}

void
dma_view_init(struct dma_view *view, struct dma_space *space)
{
	view->space = space;
	view_forget(view);
}

void *
dma_translate_miss(struct dma_view *view, uint64_t iova, uint64_t size, uint32_t prot)
{
	struct dma_region *entry = &view->tlb[(iova >> DMA_TLB_SHIFT) % DMA_TLB_SIZE];
	struct dma_space *space = view->space;
	uint64_t offset;
	unsigned int at;

	if (view->generation != space->generation)
		view_forget(view);
	if (!space->bus_master)
		return NULL;
	offset = iova - entry->iova;
	if (offset >= entry->size) {
		at = space_find(space, iova);
		if (at == space->num_regions || space->regions[at].iova > iova)
			return NULL;
		*entry = space->regions[at];
		offset = iova - entry->iova;
	}
	if (size > entry->size - offset || (entry->prot & prot) != prot)
		return NULL;
	view->last = *entry;
	return entry->va + offset;
}

/** What is between the regions around an address that none of them has. */
static struct dma_region
space_hole(const struct dma_space *space, unsigned int behind)
{
	uint64_t first = behind == 0 ? 0 : region_last(&space->regions[behind - 1]) + 1;
	uint64_t end = behind == space->num_regions ? UINT64_MAX : space->regions[behind].iova;

	return (struct dma_region){
		.iova = first,
		.size = end - first,
		.va = (uint8_t *)(uintptr_t)first,
		.prot = DMA_PROT_UNSURE,
	};
}

void *
dma_translate_unsure(struct dma_view *view, uint64_t iova, uint64_t size)
{
	struct dma_region *entry = &view->tlb[(iova >> DMA_TLB_SHIFT) % DMA_TLB_SIZE];
	const struct dma_space *space = view->space;
	unsigned int at;

	if (view->generation != space->generation)
		view_forget(view);
	if (!space->bus_master || !space->sva)
		return NULL;
	if (iova - entry->iova >= entry->size) {
		at = space_find(space, iova);
		if (at < space->num_regions && space->regions[at].iova <= iova)
			return NULL;
		*entry = space_hole(space, at);
	}
	if (entry->prot != DMA_PROT_UNSURE || iova - entry->iova >= entry->size ||
	    size > entry->size - (iova - entry->iova))
		return NULL;
	view->last = *entry;
	return entry->va + (iova - entry->iova);
}

/** Copies between this process' memory, which may be absent, and `local`. */
static int
sva_copy(void *local, uint64_t va, uint64_t size, bool write)
{
	void *there = (void *)(uintptr_t)va;

	return write ? guard_copy_any(there, local, size, true) :
		       guard_copy_any(local, there, size, false);
}

/** dma_read() and dma_write(): piece by piece. */
static int
view_copy(struct dma_view *view, uint8_t *local, uint64_t iova, uint64_t size, bool write)
{
	const struct dma_space *space = view->space;
	uint32_t prot = write ? REVERE_EMU_PROT_WRITE : REVERE_EMU_PROT_READ;

	if (!space->bus_master || (size > 0 && iova + (size - 1) < iova))
		return -EFAULT;
	while (size > 0) {
		unsigned int at = space_find(space, iova);
		const struct dma_region *region = &space->regions[at];
		bool mapped = at < space->num_regions && region->iova <= iova;
		uint64_t here = size;

		if (mapped && region->size - (iova - region->iova) < here)
			here = region->size - (iova - region->iova);
		else if (!mapped && at < space->num_regions && region->iova - iova < here)
			here = region->iova - iova;
		if (!mapped) {
			if (!space->sva || sva_copy(local, iova, here, write) != 0)
				return -EFAULT;
		} else if ((region->prot & prot) != prot) {
			return -EFAULT;
		} else if (write) {
			memcpy(region->va + (iova - region->iova), local, here);
		} else {
			memcpy(local, region->va + (iova - region->iova), here);
		}
		local += here;
		iova += here;
		size -= here;
	}
	return 0;
}

int
dma_read(struct dma_view *view, void *to, uint64_t iova, uint64_t size)
{
	void *from = dma_translate(view, iova, size, REVERE_EMU_PROT_READ);

	if (amu_unlikely(from == NULL))
		return view_copy(view, to, iova, size, false);
	memcpy(to, from, size);
	return 0;
}

int
dma_write(struct dma_view *view, uint64_t iova, const void *from, uint64_t size)
{
	void *to = dma_translate(view, iova, size, REVERE_EMU_PROT_WRITE);
	union {
		const void *from;
		uint8_t *local; /* view_copy() doesn't write to it in this direction */
	} cast = { .from = from };

	if (amu_unlikely(to == NULL))
		return view_copy(view, cast.local, iova, size, true);
	memcpy(to, from, size);
	return 0;
}
