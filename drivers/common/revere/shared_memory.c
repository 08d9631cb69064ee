/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Shares memory with a device in another process, by file descriptor: what DPDK has when the
 * device appears, and what comes and goes later. Callbacks run while EAL holds the lock of its
 * memory map; nothing here may allocate from EAL, or take that lock again.
 *
 * EAL knows the files of most of its memory. For the rest (external memory) the kernel's list of
 * this process' mappings tells the file, if the memory is shared and in one.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "common_private.h"

#define CALLBACK_NAME "revere_shared"

/* ---- Mappings of this process --------------------------------------------------------------- */

/* A mapping of a file, the last one that was looked for. */
struct mapping {
	uintptr_t start, end; /* 0, 0: none */
	uint64_t offset;      /* in the file */
	int fd;		      /* owned */
};

struct maps_line {
	uintptr_t start, end;
	char perms[5];
	uint64_t offset, inode;
	unsigned int major, minor;
};

/* The line of /proc/self/maps that has an address; false if there is none with a shared file. */
static bool
find_line(uintptr_t at, struct maps_line *line)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	char text[512];

	if (maps == NULL)
		return false;
	while (!found && fgets(text, sizeof(text), maps) != NULL)
		found = sscanf(text, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %x:%x %" SCNu64,
				&line->start, &line->end, line->perms, &line->offset,
				&line->major, &line->minor, &line->inode) == 7 &&
			at >= line->start && at < line->end;
	fclose(maps);
	return found && line->inode != 0 && line->perms[3] == 's';
}

static bool
is_file_of(int fd, const struct maps_line *line)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == line->inode &&
		major(st.st_dev) == line->major && minor(st.st_dev) == line->minor &&
		(fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* Of the descriptors that are open here, one for the mapping's file: a duplicate, or -1. */
static int
find_open_fd(const struct maps_line *line)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd, found = -1;

	if (folder == NULL)
		return -1;
	while (found < 0 && (entry = readdir(folder)) != NULL) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != dirfd(folder) && is_file_of(fd, line))
			found = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	closedir(folder);
	return found;
}

/* Who closed the file after mapping it needs a privilege to open it again. */
static int
open_mapping(const struct maps_line *line)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%" PRIxPTR "-%" PRIxPTR, line->start,
		line->end);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void
mapping_drop(struct mapping *mapping)
{
	if (mapping->end != 0)
		close(mapping->fd);
	*mapping = (struct mapping){ 0 };
}

/* Looks the mapping up that has this address. */
static bool
mapping_find(struct mapping *mapping, uintptr_t at)
{
	struct maps_line line;
	int fd;

	if (at >= mapping->start && at < mapping->end)
		return true;
	mapping_drop(mapping);
	if (!find_line(at, &line))
		return false;
	fd = find_open_fd(&line);
	if (fd < 0)
		fd = open_mapping(&line);
	if (fd < 0)
		return false;
	*mapping = (struct mapping){ line.start, line.end, line.offset, fd };
	return true;
}

/* ---- Ranges --------------------------------------------------------------------------------- */

/* Memory that is contiguous for us, for the device, and in its file. */
struct range {
	uintptr_t va;
	uint64_t iova;
	uint64_t size; /* 0: none */
	uint64_t offset;
	int fd;
};

/* A walk over memory that puts neighbours together. */
struct walk {
	struct memory_target *target;
	struct mapping mapping;
	struct range range;
	uint64_t left_out; /* bytes that are in no file */
};

static int
range_flush(struct walk *walk)
{
	const struct range range = walk->range;

	walk->range.size = 0;
	if (range.size == 0)
		return 0;
	return walk->target->map(walk->target, range.iova, range.size, range.fd, range.offset);
}

static int
range_add(struct walk *walk, const struct range *next)
{
	struct range *range = &walk->range;
	int ret;

	if (range->size > 0 && next->fd == range->fd && next->va == range->va + range->size &&
		next->iova == range->iova + range->size &&
		next->offset == range->offset + range->size) {
		range->size += next->size;
		return 0;
	}
	ret = range_flush(walk);
	*range = *next;
	return ret;
}

/* Where memory of any origin lies in files, piece by piece. */
static int
add_mapped(struct walk *walk, uintptr_t va, uint64_t iova, size_t size)
{
	struct mapping *mapping = &walk->mapping;
	struct range next;
	int ret = 0;

	while (size > 0 && ret == 0) {
		if (va < mapping->start || va >= mapping->end) {
			/* It has the descriptor of a file that is closed next. */
			ret = range_flush(walk);
			if (ret < 0)
				break;
			if (!mapping_find(mapping, va)) {
				walk->left_out += size;
				break;
			}
		}
		next = (struct range){
			.va = va,
			.iova = iova,
			.size = RTE_MIN(size, mapping->end - va),
			.offset = mapping->offset + (va - mapping->start),
			.fd = mapping->fd,
		};
		ret = range_add(walk, &next);
		va += next.size;
		iova += next.size;
		size -= next.size;
	}
	return ret;
}

static int
add_segment(struct walk *walk, const struct rte_memseg *segment)
{
	struct range next = {
		.va = (uintptr_t)segment->addr,
		.iova = segment->iova,
		.size = segment->len,
	};
	size_t offset;

	/* External memory may have no IOVA until its user maps it. */
	if (segment->iova == RTE_BAD_IOVA)
		return 0;
	next.fd = rte_memseg_get_fd_thread_unsafe(segment);
	if (next.fd < 0 || rte_memseg_get_fd_offset_thread_unsafe(segment, &offset) < 0)
		return add_mapped(walk, next.va, next.iova, next.size);
	next.offset = offset;
	return range_add(walk, &next);
}

/* Segments from @p va on; what is there of them. */
static int
add_segments(struct walk *walk, void *va, size_t size)
{
	const struct rte_memseg *segment;
	size_t at;
	int ret = 0;

	for (at = 0; at < size && ret == 0; at += segment->len) {
		segment = rte_mem_virt2memseg(RTE_PTR_ADD(va, at), NULL);
		if (segment == NULL || segment->len == 0)
			break;
		ret = add_segment(walk, segment);
	}
	return ret;
}

static int
walk_end(struct walk *walk, int ret)
{
	if (ret == 0)
		ret = range_flush(walk);
	mapping_drop(&walk->mapping);
	return ret;
}

/* ---- Events --------------------------------------------------------------------------------- */

static void
unmap_segments(struct memory_target *target, void *va, size_t size)
{
	const struct rte_memseg *segment;
	size_t at;

	if (rte_eal_iova_mode() == RTE_IOVA_VA) {
		target->unmap(target, (uintptr_t)va, size);
		return;
	}
	for (at = 0; at < size; at += segment->len) {
		segment = rte_mem_virt2memseg(RTE_PTR_ADD(va, at), NULL);
		if (segment == NULL || segment->len == 0)
			break;
		if (segment->iova != RTE_BAD_IOVA)
			target->unmap(target, segment->iova, segment->len);
	}
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t size, void *arg)
{
	struct memory_target *target = arg;
	struct walk walk = { .target = target };
	void *va = RTE_PTR_ADD(addr, 0);
	int ret;

	if (type == RTE_MEM_EVENT_FREE) {
		unmap_segments(target, va, size);
		return;
	}
	ret = walk_end(&walk, add_segments(&walk, va, size));
	/* A device that is gone needs no memory. */
	if (ret < 0 && ret != -ENODEV)
		COMMON_LOG(ERR, target->name, "device can't reach new memory of %zu bytes: %s",
			size, strerror(-ret));
	else if (walk.left_out > 0)
		COMMON_LOG(WARNING, target->name, "device can't reach %" PRIu64 " bytes of new "
			"memory at %p: they are in no file that could be shared with it, such as "
			"a memfd", walk.left_out, addr);
}

/* ---- At start ------------------------------------------------------------------------------- */

static int
map_chunk(const struct rte_memseg_list *list, const struct rte_memseg *segment, size_t size,
	void *arg)
{
	struct walk *walk = arg;
	uint64_t left_out = walk->left_out;
	int ret = add_segments(walk, segment->addr, size);

	if (ret < 0 || walk->left_out == left_out)
		return ret;
	if (!list->external) {
		COMMON_LOG(ERR, walk->target->name, "DPDK's memory is in no file that the device's "
			"process could share: use hugepages, or without them a kernel that has "
			"memfd_create()");
		return -ENOTSUP;
	}
	COMMON_LOG(WARNING, walk->target->name, "device can't reach external memory of %zu bytes "
		"at %p: it is in no file that could be shared with it, such as a memfd", size,
		segment->addr);
	return 0;
}

int
memory_share(struct memory_target *target)
{
	struct walk walk = { .target = target };
	int ret;

	/* One lock around both, or memory could come in between unseen. */
	rte_mcfg_mem_read_lock();
	ret = walk_end(&walk, rte_memseg_contig_walk_thread_unsafe(map_chunk, &walk));
	/* Memory that never changes (--no-huge, --legacy-mem) has no events. */
	if (ret == 0 && rte_mem_event_callback_register(CALLBACK_NAME, memory_event, target) < 0 &&
		rte_errno != ENOTSUP)
		ret = -rte_errno;
	rte_mcfg_mem_read_unlock();
	if (ret < 0 && ret != -ENOTSUP)
		COMMON_LOG(ERR, target->name, "device can't reach DPDK's memory: %s",
			strerror(-ret));
	return ret;
}

void
memory_unshare(struct memory_target *target)
{
	rte_mem_event_callback_unregister(CALLBACK_NAME, target);
}

int
memory_share_also(struct memory_target *target, void *va, uint64_t iova, size_t size)
{
	struct walk walk = { .target = target };
	int ret = walk_end(&walk, add_mapped(&walk, (uintptr_t)va, iova, size));

	return ret == 0 && walk.left_out > 0 ? -ENOTSUP : ret;
}
