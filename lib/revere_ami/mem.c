/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Memory that the device reaches. From the heap, because thousands of contexts would use up the
 * few memzones that there are; memzones only where the heap's memory is not contiguous for the
 * device, which happens with IOVA as PA.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include "ami_private.h"

static bool
iova_contiguous(const void *va, size_t size)
{
	const struct rte_memseg *segment;
	rte_iova_t iova = rte_malloc_virt2iova(va);
	size_t page, offset;

	if (iova == RTE_BAD_IOVA)
		return false;
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return true;
	segment = rte_mem_virt2memseg(va, NULL);
	if (segment == NULL)
		return false;
	page = segment->hugepage_sz;
	for (offset = page - ((uintptr_t)va & (page - 1)); offset < size; offset += page)
		if (rte_malloc_virt2iova(RTE_PTR_ADD(va, offset)) != iova + offset)
			return false;
	return true;
}

static void *
heap_alloc(size_t size, size_t align, int node)
{
	void *va = rte_zmalloc_socket("revere", size, align, node);

	return va != NULL ? va : rte_zmalloc_socket("revere", size, align, SOCKET_ID_ANY);
}

static const struct rte_memzone *
zone_alloc(size_t size, size_t align, int node)
{
	static atomic_uint serial;
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *zone;

	snprintf(name, sizeof(name), "revere_%u", atomic_fetch_add(&serial, 1));
	zone = rte_memzone_reserve_aligned(name, size, node, RTE_MEMZONE_IOVA_CONTIG,
		(unsigned int)align);
	if (zone == NULL)
		zone = rte_memzone_reserve_aligned(name, size, SOCKET_ID_ANY,
			RTE_MEMZONE_IOVA_CONTIG, (unsigned int)align);
	if (zone != NULL)
		memset(zone->addr, 0, size);
	return zone;
}

int
ami_mem_alloc(struct ami_mem *mem, size_t size, size_t align, int node)
{
	*mem = (struct ami_mem){ .size = size };
	mem->va = heap_alloc(size, align, node);
	if (mem->va != NULL && iova_contiguous(mem->va, size)) {
		mem->iova = rte_malloc_virt2iova(mem->va);
		return 0;
	}
	rte_free(mem->va);
	mem->va = NULL;
	mem->zone = zone_alloc(size, align, node);
	if (mem->zone == NULL)
		return -ENOMEM;
	if (mem->zone->iova == RTE_BAD_IOVA) {
		rte_memzone_free(mem->zone);
		mem->zone = NULL;
		return -ENOMEM;
	}
	mem->va = mem->zone->addr;
	mem->iova = mem->zone->iova;
	return 0;
}

int
ami_mem_alloc_pasid(struct ami_mem *mem, struct revere_dev *dev, uint32_t pasid, size_t size,
	int node)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int ret;

	/* Whole pages: what else is in one isn't the context's to see. */
	ret = ami_mem_alloc(mem, RTE_ALIGN_CEIL(size, page), page, node);
	if (ret < 0)
		return ret;
	ret = revere_dma_map(dev, pasid, mem->va, mem->iova, mem->size);
	if (ret < 0) {
		ami_mem_free(mem);
		return ret;
	}
	mem->dev = dev;
	mem->pasid = pasid;
	return 0;
}

void
ami_mem_free(struct ami_mem *mem)
{
	if (mem->va != NULL && mem->dev != NULL)
		revere_dma_unmap(mem->dev, mem->pasid, mem->va, mem->iova, mem->size);
	if (mem->zone != NULL)
		rte_memzone_free(mem->zone);
	else
		rte_free(mem->va);
	*mem = (struct ami_mem){ 0 };
}
