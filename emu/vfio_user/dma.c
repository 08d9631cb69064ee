/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The client's memory. A file is mapped here once, as a whole; each DMA map in it is an offset.
 * A guest with an IOMMU maps and unmaps single pages all the time, which so costs no mmap(). What
 * PASIDs have is others' memory, of whom nobody is to cost more address space than is counted: of
 * their files what a DMA map names is mapped, no more.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "vu.h"

/* ---- Files that shrink under us ---------------------------------------------------------- */

#define GUARDS 65536u /* Linux lets a process have no more mappings than that */

/* A mapped file, for the signal handler. base 0: free. Shared by all servers of the process. */
static struct guard {
	_Atomic uintptr_t base;
	_Atomic uint64_t length;
	_Atomic uint64_t page_size;
	_Atomic bool hit; /* some of it isn't the file any more */
} guards[GUARDS];

/* Functions that are served in this process. */
static _Atomic unsigned int functions;

static uint64_t
file_page_size(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
guard_add(void *base, uint64_t length, uint64_t page_size)
{
	static _Atomic unsigned int hint; /* free ones are rather behind the last taken */
	unsigned int first = atomic_load(&hint), n;
	uintptr_t none;
	int i;

	for (n = 0; n < GUARDS; n++) {
		i = (int)((first + n) % GUARDS);
		none = 0;
		/* 1 is no address: taken, but covers nothing until the rest is filled in */
		if (!atomic_compare_exchange_strong(&guards[i].base, &none, 1))
			continue;
		atomic_store(&guards[i].length, length);
		atomic_store(&guards[i].page_size, page_size);
		atomic_store(&guards[i].hit, false);
		atomic_store(&guards[i].base, (uintptr_t)base);
		atomic_store(&hint, (unsigned int)i + 1);
		return i;
	}
	return -1;
}

static void
guard_remove(int guard)
{
	atomic_store(&guards[guard].length, 0);
	atomic_store(&guards[guard].base, 0);
}

bool
revere_emu_vfio_user_sigbus(void *address)
{
	uintptr_t at = (uintptr_t)address, base, page;
	uint64_t size;
	int i;

	for (i = 0; i < (int)GUARDS; i++) {
		base = atomic_load(&guards[i].base);
		if (base <= 1 || at < base || at - base >= atomic_load(&guards[i].length))
			continue;
		size = atomic_load(&guards[i].page_size);
		page = at - (at - base) % size;
		atomic_store(&guards[i].hit, true);
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		return mmap((void *)page, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
	}
	return false;
}

/* ---- Files -------------------------------------------------------------------------------- */

static void
file_free(struct vu_dma *dma, struct vu_file *file)
{
	TAILQ_REMOVE(&dma->files, file, link);
	dma->num_files--;
	guard_remove(file->guard);
	munmap(file->base, file->length);
	free(file);
}

/* Files without a DMA map stay for a while: a guest's IOMMU often maps the same memory next. */
static void
files_trim(struct vu_dma *dma, unsigned int max_idle)
{
	struct vu_file *file, *next;
	unsigned int idle = 0;

	TAILQ_FOREACH(file, &dma->files, link)
		idle += file->refs == 0;
	for (file = TAILQ_FIRST(&dma->files); file != NULL && idle > max_idle; file = next) {
		next = TAILQ_NEXT(file, link);
		if (file->refs == 0) {
			file_free(dma, file);
			idle--;
		}
	}
}

static void
file_put(struct vu_dma *dma, struct vu_file *file)
{
	if (file == NULL || --file->refs > 0)
		return;
	TAILQ_REMOVE(&dma->files, file, link);
	TAILQ_INSERT_TAIL(&dma->files, file, link);
}

/* Mapped already, enough of it, writable if need be, and still nothing but the file. */
static struct vu_file *
file_find(struct vu_dma *dma, const struct stat *st, uint64_t start, uint64_t end, bool writable)
{
	struct vu_file *file;

	TAILQ_FOREACH(file, &dma->files, link)
		if (file->dev == st->st_dev && file->ino == st->st_ino && file->start <= start &&
		    file->start + file->length >= end &&
		    (file->writable || !writable) && !atomic_load(&guards[file->guard].hit))
			return file;
	return NULL;
}

/*
 * Where to map a file, if there is room: what has neighbouring IOVAs gets neighbouring addresses,
 * so that the device sees one region where DPDK has a file for each huge page. The client knows
 * its IOVAs; where they are here is a matter of chance.
 */
static void *
wanted_address(uint64_t iova)
{
	static _Atomic uint64_t base;
	uint64_t none = 0, chance = 0;

	if (atomic_load(&base) == 0) {
		if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
			chance = (uint64_t)getpid();
		atomic_compare_exchange_strong(&base, &none,
			UINT64_C(1) << 45 | (chance & 0xff) << 36);
	}
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return (void *)(uintptr_t)(atomic_load(&base) + (iova & ((UINT64_C(1) << 44) - 1)));
}

static int
file_map(struct vu_file *file, int fd, bool need_write, uint64_t iova)
{
	void *wanted = wanted_address(iova);
	const int flags = MAP_SHARED | MAP_NORESERVE;
	void *base;

	file->writable = true;
	base = mmap(wanted, file->length, PROT_READ | PROT_WRITE, flags, fd,
		(off_t)file->start);
	if (base == MAP_FAILED && errno == EACCES && !need_write) {
		file->writable = false;
		base = mmap(wanted, file->length, PROT_READ, flags, fd, (off_t)file->start);
	}
	if (base == MAP_FAILED)
		return -errno;
	/* The client's memory is neither ours to dump nor our children's. */
	madvise(base, file->length, MADV_DONTDUMP);
	madvise(base, file->length, MADV_DONTFORK);
	file->base = base;
	file->guard = guard_add(base, file->length, file_page_size(fd));
	if (file->guard >= 0)
		return 0;
	munmap(base, file->length);
	return -ENOSPC;
}

/* Files that a Function may have, so that none takes them all from the others. */
static unsigned int
files_share(void)
{
	unsigned int share = GUARDS / atomic_load(&functions);

	return share < VU_MAX_FILES ? share : VU_MAX_FILES;
}

/* Once a client. */
static void
note_full(struct vu_device *dev)
{
	if (dev->dma.noted_full)
		return;
	dev->dma.noted_full = true;
	vu_log(dev, REVERE_EMU_LOG_WARNING, "DMA maps are in %u files already, and there may be "
		"%u: give DPDK --single-file-segments, or larger huge pages", dev->dma.num_files,
		files_share());
}

/* The pages of a file that bytes of it are on. */
static void
file_cut(struct vu_file *file, int fd, uint64_t offset, uint64_t size)
{
	uint64_t page = file_page_size(fd), pages;

	file->start = offset - offset % page;
	pages = (offset + size - file->start - 1) / page + 1;
	if (pages * page < file->length - file->start)
		file->length = pages * page;
	else
		file->length -= file->start;
}

static int
file_new(struct vu_device *dev, const struct stat *st, int fd, const struct vu_dma_map *map,
	bool whole, struct vu_file **result)
{
	struct vu_dma *dma = &dev->dma;
	struct vu_file *file;
	int ret;

	if (dma->num_files >= files_share()) {
		note_full(dev);
		return -ENOSPC;
	}
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return -ENOMEM;
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	file->length = (uint64_t)st->st_size;
	if (!whole)
		file_cut(file, fd, map->offset, map->size);
	ret = file_map(file, fd, (map->flags & VU_DMA_F_WRITE) != 0,
		map->addr - (map->offset - file->start));
	if (ret < 0) {
		free(file);
		return ret;
	}
	TAILQ_INSERT_TAIL(&dma->files, file, link);
	dma->num_files++;
	*result = file;
	return 0;
}

/* The file behind a descriptor with one reference more. */
static int
file_get(struct vu_device *dev, int fd, const struct vu_dma_map *map, bool whole,
	struct vu_file **result)
{
	bool writable = (map->flags & VU_DMA_F_WRITE) != 0;
	uint64_t offset = map->offset, size = map->size;
	struct vu_file *file;
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	/* Memory behind the end of a file would be a SIGBUS. */
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -EINVAL;
	file = file_find(&dev->dma, &st, offset, offset + size, writable);
	if (file == NULL) {
		ret = file_new(dev, &st, fd, map, whole, &file);
		if (ret < 0)
			return ret;
	}
	file->refs++;
	*result = file;
	return 0;
}

/* ---- Ranges ------------------------------------------------------------------------------- */

/* Index of the first range that ends behind @p iova. */
static unsigned int
range_find(const struct vu_dma_space *space, uint64_t iova)
{
	unsigned int low = 0, high = space->num, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (space->ranges[middle].iova + (space->ranges[middle].size - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
ranges_reserve(struct vu_dma_space *space, unsigned int more)
{
	unsigned int max = space->max == 0 ? 64 : space->max;
	struct vu_dma_range *ranges;

	while (max < space->num + more)
		max *= 2;
	if (max == space->max)
		return 0;
	ranges = realloc(space->ranges, max * sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	space->ranges = ranges;
	space->max = max;
	return 0;
}

static void
range_insert(struct vu_dma_space *space, unsigned int at, struct vu_dma_range range)
{
	memmove(&space->ranges[at + 1], &space->ranges[at], (space->num - at) * sizeof(range));
	space->ranges[at] = range;
	space->num++;
}

static void
ranges_remove(struct vu_dma *dma, struct vu_dma_space *space, unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		file_put(dma, space->ranges[i].file);
	memmove(&space->ranges[from], &space->ranges[to],
		(space->num - to) * sizeof(*space->ranges));
	space->num -= to - from;
}

/* Bytes [first, last] leave the list; the device has lost them already. Has room for one more. */
static void
ranges_cut(struct vu_dma *dma, struct vu_dma_space *space, uint64_t first, uint64_t last)
{
	unsigned int from = range_find(space, first), to;
	struct vu_dma_range *range, tail;
	uint64_t end;

	range = &space->ranges[from];
	if (from < space->num && range->iova < first) {
		end = range->iova + (range->size - 1);
		range->size = first - range->iova;
		from++;
		if (end > last) {
			tail = *range;
			tail.iova = last + 1;
			tail.size = end - last;
			if (tail.file != NULL)
				tail.file->refs++;
			range_insert(space, from, tail);
			return;
		}
	}
	for (to = from; to < space->num; to++) {
		range = &space->ranges[to];
		if (range->iova > last)
			break;
		end = range->iova + (range->size - 1);
		if (end > last) {
			range->iova = last + 1;
			range->size = end - last;
			break;
		}
	}
	ranges_remove(dma, space, from, to);
}

static void
device_unmap_size(struct vu_device *dev, const struct vu_dma_space *space, uint64_t iova,
	uint64_t size)
{
	if (space->has_pasid)
		revere_emu_dma_unmap_pasid(dev->emu, dev->function, space->pasid, iova, size);
	else
		revere_emu_dma_unmap(dev->emu, dev->function, iova, size);
}

/* Bytes [first, last]; all addresses are one more than a size can say. */
static void
device_unmap(struct vu_device *dev, const struct vu_dma_space *space, uint64_t first,
	uint64_t last)
{
	if (last - first == UINT64_MAX)
		device_unmap_size(dev, space, first++, 1);
	device_unmap_size(dev, space, first, last - first + 1);
}

/* Takes [first, last] away from the device, then from the list. */
static int
unmap(struct vu_device *dev, struct vu_dma_space *space, uint64_t first, uint64_t last)
{
	struct vu_dma *dma = &dev->dma;
	unsigned int from = range_find(space, first), to;
	uint64_t end;

	if (from == space->num || space->ranges[from].iova > last)
		return 0;
	if (ranges_reserve(space, 1) < 0)
		return -ENOMEM;
	to = range_find(space, last);
	if (to == space->num || space->ranges[to].iova > last)
		to--;
	end = space->ranges[to].iova + (space->ranges[to].size - 1);
	if (first < space->ranges[from].iova)
		first = space->ranges[from].iova;
	if (last > end)
		last = end;
	device_unmap(dev, space, first, last);
	ranges_cut(dma, space, first, last);
	files_trim(dma, VU_MAX_IDLE_FILES);
	return 0;
}

/* ---- Messages ----------------------------------------------------------------------------- */

static int
map_check(const struct vu_dma_space *space, const struct vu_dma_map *map, unsigned int num_fds)
{
	unsigned int next;

	if (map->argsz < sizeof(*map) || map->size == 0 || map->addr + (map->size - 1) < map->addr)
		return -EINVAL;
	if ((map->flags & ~(VU_DMA_F_READ | VU_DMA_F_WRITE | VU_DMA_F_MMAP)) != 0 ||
	    (map->flags & (VU_DMA_F_READ | VU_DMA_F_WRITE)) == 0)
		return -EINVAL;
	if ((map->flags & VU_DMA_F_MMAP) != 0 && num_fds == 0)
		return -EINVAL;
	next = range_find(space, map->addr);
	if (next < space->num && space->ranges[next].iova <= map->addr + (map->size - 1))
		return -EEXIST;
	return space->num < VU_MAX_DMA_MAPS ? 0 : -ENOSPC;
}

static uint32_t
map_prot(const struct vu_dma_map *map)
{
	return (map->flags & VU_DMA_F_READ ? REVERE_EMU_PROT_READ : 0) |
	       (map->flags & VU_DMA_F_WRITE ? REVERE_EMU_PROT_WRITE : 0);
}

static int
device_map(struct vu_device *dev, const struct vu_dma_space *space, const struct vu_dma_map *map,
	void *va)
{
	if (space->has_pasid)
		return revere_emu_dma_map_pasid(dev->emu, dev->function, space->pasid, map->addr,
			va, map->size, map_prot(map));
	return revere_emu_dma_map(dev->emu, dev->function, map->addr, va, map->size,
		map_prot(map));
}

static int
map_file(struct vu_device *dev, const struct vu_dma_space *space, const struct vu_dma_map *map,
	int fd, struct vu_file **result)
{
	struct vu_file *file = NULL;
	int ret;

	ret = file_get(dev, fd, map, !space->has_pasid, &file);
	if (ret < 0 || file == NULL)
		return ret;
	ret = device_map(dev, space, map, file->base + (map->offset - file->start));
	if (ret < 0)
		file_put(&dev->dma, file);
	else
		*result = file;
	return ret;
}

/*
 * ROMs and registers of other devices come without a file too, but are small, or can't be written:
 * a guest's memory that isn't shared can be told from them. Once a client.
 */
static void
note_unshared(struct vu_device *dev, const struct vu_dma_map *map)
{
	const uint32_t memory = VU_DMA_F_READ | VU_DMA_F_WRITE;

	if (dev->dma.noted_unshared || map->size < VU_MEMORY_MIN || (map->flags & memory) != memory)
		return;
	dev->dma.noted_unshared = true;
	vu_log(dev, REVERE_EMU_LOG_WARNING, "%llu bytes at IOVA %#llx come without a file: the "
		"device can't reach them. If they are a guest's memory, give QEMU -object "
		"memory-backend-memfd,id=ram,size=...,share=on -machine memory-backend=ram",
		(unsigned long long)map->size, (unsigned long long)map->addr);
}

static int
map(struct vu_device *dev, struct vu_dma_space *space, const struct vu_dma_map *map,
	struct vu_msg *msg)
{
	struct vu_file *file = NULL;
	int ret = map_check(space, map, msg->num_fds);

	if (ret == 0)
		ret = ranges_reserve(space, 1);
	if (ret == 0 && msg->num_fds == 1)
		ret = map_file(dev, space, map, msg->fds[0], &file);
	if (ret < 0) {
		files_trim(&dev->dma, VU_MAX_IDLE_FILES);
		return ret;
	}
	range_insert(space, range_find(space, map->addr),
		(struct vu_dma_range){ map->addr, map->size, file });
	return 0;
}

/*
 * Memory that comes without a descriptor could be reached by asking the client for each byte,
 * which this device doesn't: such a map is accepted, because clients list ROMs and other
 * devices' BARs so, and DMA to it is a fault as for memory that isn't mapped.
 */
int
vu_dma_map(struct vu_device *dev, struct vu_msg *msg)
{
	struct vu_dma_map request;
	int ret;

	memcpy(&request, msg->data, sizeof(request));
	ret = map(dev, &dev->dma.own, &request, msg);
	if (ret == 0 && msg->num_fds == 0)
		note_unshared(dev, &request);
	return ret;
}

static int
unmap_request(struct vu_device *dev, struct vu_dma_space *space, uint32_t flags, uint64_t addr,
	uint64_t size)
{
	if ((flags & VU_DMA_UNMAP_F_DIRTY_BITMAP) != 0)
		return -ENOTSUP;
	if (flags == VU_DMA_UNMAP_F_ALL && addr == 0 && size == 0)
		return unmap(dev, space, 0, UINT64_MAX);
	if (flags == 0 && size != 0 && addr + (size - 1) >= addr)
		return unmap(dev, space, addr, addr + (size - 1));
	return -EINVAL;
}

int
vu_dma_unmap(struct vu_device *dev, struct vu_msg *msg)
{
	struct vu_dma_unmap request;
	int ret;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request))
		return -EINVAL;
	ret = unmap_request(dev, &dev->dma.own, request.flags, request.addr, request.size);
	if (ret == 0)
		memcpy(vu_reply(msg, sizeof(request)), &request, sizeof(request));
	return ret;
}

/* ---- Address spaces of PASIDs ------------------------------------------------------------- */

static struct vu_dma_space *
pasid_find(struct vu_dma *dma, uint32_t pasid)
{
	struct vu_dma_space *space;

	TAILQ_FOREACH(space, &dma->pasids, link)
		if (space->pasid == pasid)
			break;
	return space;
}

static struct vu_dma_space *
pasid_add(struct vu_dma *dma, uint32_t pasid)
{
	struct vu_dma_space *space;

	if (dma->num_pasids == VU_MAX_PASIDS)
		return NULL;
	space = calloc(1, sizeof(*space));
	if (space == NULL)
		return NULL;
	space->has_pasid = true;
	space->pasid = pasid;
	TAILQ_INSERT_HEAD(&dma->pasids, space, link);
	dma->num_pasids++;
	return space;
}

static void
pasid_drop_unused(struct vu_dma *dma, struct vu_dma_space *space)
{
	if (space->num > 0)
		return;
	TAILQ_REMOVE(&dma->pasids, space, link);
	dma->num_pasids--;
	free(space->ranges);
	free(space);
}

int
vu_dma_map_pasid(struct vu_device *dev, struct vu_msg *msg)
{
	struct rvr_vfio_user_dma_map_pasid request;
	struct vu_dma_space *space;
	struct vu_dma_map plain;
	int ret;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request) || request.zero != 0 || msg->num_fds != 1)
		return -EINVAL;
	space = pasid_find(&dev->dma, request.pasid);
	if (space == NULL)
		space = pasid_add(&dev->dma, request.pasid);
	if (space == NULL)
		return -ENOMEM;
	plain = (struct vu_dma_map){
		.argsz = sizeof(plain),
		.flags = request.flags,
		.offset = request.offset,
		.addr = request.addr,
		.size = request.size,
	};
	ret = map(dev, space, &plain, msg);
	pasid_drop_unused(&dev->dma, space);
	return ret;
}

int
vu_dma_unmap_pasid(struct vu_device *dev, struct vu_msg *msg)
{
	struct rvr_vfio_user_dma_unmap_pasid request;
	struct vu_dma_space none = { .has_pasid = true }, *space;
	unsigned int i;
	int ret;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request) || request.maps != 0)
		return -EINVAL;
	space = pasid_find(&dev->dma, request.pasid);
	/* Nothing mapped is no error, but a request that makes no sense is. */
	if (space == NULL)
		space = &none;
	/* Who takes nothing away asks what there is. */
	ret = request.flags == 0 && request.addr == 0 && request.size == 0 ? 0 :
		unmap_request(dev, space, request.flags, request.addr, request.size);
	request.maps = space->num;
	request.size = 0;
	for (i = 0; i < space->num; i++)
		request.size += space->ranges[i].size;
	if (space != &none)
		pasid_drop_unused(&dev->dma, space);
	if (ret == 0)
		memcpy(vu_reply(msg, sizeof(request)), &request, sizeof(request));
	return ret;
}

/* ---- Life --------------------------------------------------------------------------------- */

void
vu_dma_init(struct vu_device *dev)
{
	TAILQ_INIT(&dev->dma.files);
	TAILQ_INIT(&dev->dma.pasids);
	atomic_fetch_add(&functions, 1);
}

void
vu_dma_fini(struct vu_device *dev)
{
	vu_dma_drop_all(dev);
	atomic_fetch_sub(&functions, 1);
}

static void
space_drop(struct vu_device *dev, struct vu_dma_space *space)
{
	struct vu_dma_range *first, *last;

	if (space->num > 0) {
		first = &space->ranges[0];
		last = &space->ranges[space->num - 1];
		device_unmap(dev, space, first->iova, last->iova + (last->size - 1));
		ranges_remove(&dev->dma, space, 0, space->num);
	}
}

void
vu_dma_drop_all(struct vu_device *dev)
{
	struct vu_dma *dma = &dev->dma;
	struct vu_dma_space *space;

	while ((space = TAILQ_FIRST(&dma->pasids)) != NULL) {
		space_drop(dev, space);
		pasid_drop_unused(dma, space);
	}
	space_drop(dev, &dma->own);
	files_trim(dma, 0);
	free(dma->own.ranges);
	dma->noted_unshared = false;
	dma->noted_full = false;
	dma->own.ranges = NULL;
	dma->own.max = 0;
}
