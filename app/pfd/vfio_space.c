/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Memory of clients in the one address space of a Function on vfio-pci. The kernel keeps pages of
 * what is mapped, however the process ends that has mapped them, so a file is mapped here just as
 * long as that takes. Whose they are is in the notes: no two of them overlap, so unmapping what is
 * noted never concerns another client.
 */

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "vfio_space.h"

#define PAGE UINT64_C(0x1000)
#define LARGEST_PAGE (UINT64_C(1) << 30)

/* ---- The kernel ------------------------------------------------------------------------------ */

static void
ranges_read(struct space *space, const uint8_t *info, uint32_t offset, size_t size)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;

	while (offset != 0 && offset + sizeof(cap) <= size) {
		memcpy(&cap, info + offset, sizeof(cap));
		if (cap.header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
			cap.nr_iovas <= SPACE_RANGES &&
			offset + sizeof(cap) + cap.nr_iovas * sizeof(space->ranges[0]) <= size) {
			space->num_ranges = cap.nr_iovas;
			memcpy(space->ranges, info + offset + sizeof(cap),
				cap.nr_iovas * sizeof(space->ranges[0]));
		}
		offset = cap.header.next;
	}
}

void
space_open(struct space *space, int container)
{
	_Alignas(8) uint8_t buffer[4096] = { 0 };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(buffer) };

	*space = (struct space){ .container = container };
	memcpy(buffer, &info, sizeof(info));
	if (ioctl(container, VFIO_IOMMU_GET_INFO, buffer) < 0)
		return;
	memcpy(&info, buffer, sizeof(info));
	if ((info.flags & VFIO_IOMMU_INFO_CAPS) != 0)
		ranges_read(space, buffer, info.cap_offset, sizeof(buffer));
}

int
space_map_own(const struct space *space, void *at, uint64_t iova, uint64_t size)
{
	const struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at,
		.iova = iova,
		.size = size,
	};

	return ioctl(space->container, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

/* Fine also if nothing is mapped there. */
static int
unmap_range(const struct space *space, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(space->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0 ? -errno : 0;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

static uint64_t
last_of(const struct space_map *map)
{
	return map->iova + (map->size - 1);
}

/* Room for one more than @p left others; NULL: there is none. */
static struct space_map *
room(struct space *space, uint32_t left)
{
	struct space_map *found = NULL, *map;

	for (map = space->notes->maps; map <= &space->notes->maps[SPACE_MAPS]; map++) {
		if (map->size != 0)
			continue;
		found = map;
		if (left-- == 0)
			return found;
	}
	return NULL;
}

/* Its size is what makes it one. */
static void
note(struct space_map *map, const struct space_map *what)
{
	map->iova = what->iova;
	map->step = what->step;
	map->owner = what->owner;
	__atomic_store_n(&map->size, what->size, __ATOMIC_SEQ_CST);
}

static bool
overlaps(const struct space_map *map, uint64_t iova, uint64_t last)
{
	return map->size != 0 && iova <= last_of(map) && map->iova <= last;
}

static bool
is_taken(const struct space *space, uint64_t iova, uint64_t size)
{
	const struct space_map rings = { .iova = DEVICE_RINGS_IOVA, .size = DEVICE_RINGS_SIZE };
	const uint64_t last = iova + (size - 1);
	bool taken = overlaps(&rings, iova, last);
	uint32_t i;

	for (i = 0; i <= SPACE_MAPS && !taken; i++)
		taken = overlaps(&space->notes->maps[i], iova, last);
	return taken;
}

static bool
is_reached(const struct space *space, uint64_t iova, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < space->num_ranges; i++)
		if (iova >= space->ranges[i].start && iova + (size - 1) <= space->ranges[i].end)
			return true;
	return space->num_ranges == 0;
}

/* ---- Mapping --------------------------------------------------------------------------------- */

/* Bytes of a file's pages. */
static uint64_t
page_of(int fd)
{
	struct stat st;
	uint64_t page;

	if (fstat(fd, &st) < 0)
		return PAGE;
	page = (uint64_t)st.st_blksize;
	return page < PAGE || page > LARGEST_PAGE || (page & (page - 1)) != 0 ? PAGE : page;
}

static int
map_pieces(const struct space *space, const struct space_map *map, uint8_t *at)
{
	uint64_t done;
	int ret = 0;

	for (done = 0; done < map->size && ret == 0; done += map->step)
		ret = space_map_own(space, at + done, map->iova + done, map->step);
	return ret;
}

/* Notes it first, so that it's taken back whatever happens. */
static int
map_noted(struct space *space, struct space_map *map, const struct space_map *what, void *at)
{
	int ret;

	note(map, what);
	ret = map_pieces(space, map, at);
	if (ret < 0) {
		unmap_range(space, map->iova, map->size);
		__atomic_store_n(&map->size, 0, __ATOMIC_SEQ_CST);
	}
	return ret;
}

int
space_map(struct space *space, uint32_t owner, uint64_t iova, uint64_t size, int fd,
	uint64_t offset)
{
	const uint64_t page = page_of(fd), bytes = (size + page - 1) & ~(page - 1);
	const bool large = page > PAGE && ((iova | size | offset) & (page - 1)) == 0;
	const struct space_map what = { .iova = iova, .size = size, .owner = owner,
		.step = large ? page : size };
	struct space_map *map;
	void *at;
	int ret;

	if (((iova | size | offset) & (PAGE - 1)) != 0 || size == 0 || bytes < size)
		return -EINVAL;
	if (!is_reached(space, iova, size))
		return -ERANGE;
	if (is_taken(space, iova, size))
		return -EEXIST;
	map = room(space, 1);
	if (map == NULL)
		return -ENOSPC;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (at == MAP_FAILED)
		return -errno;
	ret = map_noted(space, map, &what, at);
	munmap(at, bytes);
	return ret;
}

/* Unmaps what of a map is from one address to another, which are within it. */
static int
cut(struct space *space, struct space_map *map, uint64_t from, uint64_t last)
{
	struct space_map rest = *map, *second = NULL;
	int ret;

	if ((from - map->iova) % map->step != 0 || (last - map->iova + 1) % map->step != 0)
		return -EINVAL;
	if (last != last_of(map)) {
		second = room(space, 0);
		if (second == NULL)
			return -ENOSPC;
	}
	ret = unmap_range(space, from, last - from + 1);
	if (ret < 0)
		return ret;
	rest.iova = last + 1;
	rest.size = last_of(map) - last;
	if (second != NULL)
		note(second, &rest);
	__atomic_store_n(&map->size, from - map->iova, __ATOMIC_SEQ_CST);
	return 0;
}

struct pfd_mapped
space_mapped(const struct space *space, uint32_t owner)
{
	struct pfd_mapped sum = { .bytes = 0 };
	const struct space_map *map;

	for (map = space->notes->maps; map <= &space->notes->maps[SPACE_MAPS]; map++) {
		if (map->size == 0 || map->owner != owner)
			continue;
		sum.bytes += map->size;
		sum.maps++;
	}
	return sum;
}

int
space_unmap(struct space *space, uint32_t owner, uint64_t iova, uint64_t size,
	struct pfd_mapped *left)
{
	uint64_t last = size == 0 ? UINT64_MAX : iova + (size - 1);
	struct space_map *map;
	int ret = 0, now;

	for (map = space->notes->maps; map <= &space->notes->maps[SPACE_MAPS]; map++) {
		if (map->owner != owner || !overlaps(map, iova, last))
			continue;
		now = cut(space, map, iova > map->iova ? iova : map->iova,
			last < last_of(map) ? last : last_of(map));
		ret = now < 0 ? now : ret;
	}
	*left = space_mapped(space, owner);
	return ret;
}
