/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Lets an emulated device reach DPDK's memory: what is there when the device appears, and what
 * comes and goes later. Callbacks run while EAL holds the lock of its memory map; nothing here
 * may allocate from EAL, or walk with the lock taken again.
 */

#include <revere_emu.h>
#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "common_private.h"

#define CALLBACK_NAME "revere_local"

/* What is done with a range that is contiguous in both address spaces. */
typedef int (*range_fn)(const struct local_space *space, uint64_t iova, void *va, uint64_t size);

static int
range_map(const struct local_space *space, uint64_t iova, void *va, uint64_t size)
{
	return revere_emu_dma_map(space->emu, space->function, iova, va, size,
		REVERE_EMU_PROT_READ | REVERE_EMU_PROT_WRITE);
}

static int
range_unmap(const struct local_space *space, uint64_t iova, void *va, uint64_t size)
{
	RTE_SET_USED(va);
	revere_emu_dma_unmap(space->emu, space->function, iova, size);
	return 0;
}

/* IOVA as PA: page by page, neighbours together. */
static int
foreach_physical_range(const struct local_space *space, void *va, size_t size, range_fn fn)
{
	const struct rte_memseg *segment;
	uint64_t iova = RTE_BAD_IOVA;
	size_t offset, run = 0;
	int ret = 0;

	for (offset = 0; offset < size && ret == 0; offset += segment->len) {
		segment = rte_mem_virt2memseg(RTE_PTR_ADD(va, offset), NULL);
		if (segment == NULL || segment->len == 0)
			break;
		if (run > 0 && segment->iova != RTE_BAD_IOVA && segment->iova == iova + run) {
			run += segment->len;
			continue;
		}
		if (run > 0)
			ret = fn(space, iova, RTE_PTR_ADD(va, offset - run), run);
		iova = segment->iova;
		/* External memory may have no IOVA until its user maps it. */
		run = iova == RTE_BAD_IOVA ? 0 : segment->len;
	}
	if (run > 0 && ret == 0)
		ret = fn(space, iova, RTE_PTR_ADD(va, offset - run), run);
	return ret;
}

static int
foreach_range(const struct local_space *space, void *va, size_t size, range_fn fn)
{
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return fn(space, (uintptr_t)va, va, size);
	return foreach_physical_range(space, va, size, fn);
}

static int
map_chunk(const struct rte_memseg_list *list, const struct rte_memseg *segment, size_t size,
	void *arg)
{
	RTE_SET_USED(list);
	return foreach_range(arg, segment->addr, size, range_map);
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t size, void *arg)
{
	void *va = RTE_PTR_ADD(addr, 0);
	int ret;

	if (type == RTE_MEM_EVENT_FREE) {
		foreach_range(arg, va, size, range_unmap);
		return;
	}
	ret = foreach_range(arg, va, size, range_map);
	if (ret < 0)
		COMMON_LOG(ERR, "memory", "device can't reach new memory of %zu bytes: %s", size,
			strerror(-ret));
}

int
local_memory_map(const char *name, struct local_space *space)
{
	int ret;

	/* One lock around both, or memory could come in between unseen. */
	rte_mcfg_mem_read_lock();
	ret = rte_memseg_contig_walk_thread_unsafe(map_chunk, space);
	/* Memory that never changes (--no-huge, --legacy-mem) has no events. */
	if (ret == 0 && rte_mem_event_callback_register(CALLBACK_NAME, memory_event, space) < 0 &&
		rte_errno != ENOTSUP)
		ret = -rte_errno;
	rte_mcfg_mem_read_unlock();
	if (ret == 0)
		return 0;
	COMMON_LOG(ERR, name, "device can't reach DPDK's memory: %s", strerror(-ret));
	return ret;
}

void
local_memory_unmap(struct local_space *space)
{
	rte_mem_event_callback_unregister(CALLBACK_NAME, space);
}
