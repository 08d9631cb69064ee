/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What a device can reach that has to be told of all memory: ranges of IOVAs, sorted, neighbours
 * put together. They are few, as memory of one kind lies in one place; they change seldom, in any
 * thread, also while EAL holds the lock of its memory map.
 */

#include "common_private.h"

#define RANGES_STEP 64u

void
reach_init(struct revere_reach *reach)
{
	*reach = (struct revere_reach){ 0 };
	pthread_mutex_init(&reach->lock, NULL);
}

void
reach_fini(struct revere_reach *reach)
{
	pthread_mutex_destroy(&reach->lock);
	free(reach->ranges);
	reach->ranges = NULL;
	reach->count = 0;
}

/* Index of the first range that ends behind @p iova. */
static uint32_t
first_behind(const struct revere_reach *reach, uint64_t iova)
{
	uint32_t at = 0;

	while (at < reach->count && reach->ranges[at].start + reach->ranges[at].size <= iova)
		at++;
	return at;
}

/* Makes room for one more. */
static bool
grow(struct revere_reach *reach)
{
	struct revere_range *ranges;

	if (reach->count % RANGES_STEP != 0)
		return true;
	ranges = realloc(reach->ranges, (reach->count + RANGES_STEP) * sizeof(*ranges));
	if (ranges == NULL)
		return false;
	reach->ranges = ranges;
	return true;
}

static void
insert(struct revere_reach *reach, uint32_t at, uint64_t start, uint64_t size)
{
	/* Memory that isn't known is only copied by somebody else. */
	if (size == 0 || !grow(reach))
		return;
	memmove(&reach->ranges[at + 1], &reach->ranges[at],
		(reach->count - at) * sizeof(reach->ranges[0]));
	reach->ranges[at] = (struct revere_range){ start, size };
	reach->count++;
}

static void
delete(struct revere_reach *reach, uint32_t at)
{
	reach->count--;
	memmove(&reach->ranges[at], &reach->ranges[at + 1],
		(reach->count - at) * sizeof(reach->ranges[0]));
}

/* Takes a range out, wherever it overlaps others. */
static void
cut(struct revere_reach *reach, uint64_t start, uint64_t size)
{
	uint32_t at = first_behind(reach, start);
	struct revere_range old;

	size = RTE_MIN(size, UINT64_MAX - start);
	while (at < reach->count && reach->ranges[at].start < start + size) {
		old = reach->ranges[at];
		delete(reach, at);
		if (old.start + old.size > start + size)
			insert(reach, at, start + size, old.start + old.size - (start + size));
		if (old.start < start)
			insert(reach, at++, old.start, start - old.start);
		if (old.start + old.size > start + size)
			break;
	}
}

void
reach_add(struct revere_reach *reach, uint64_t start, uint64_t size)
{
	uint32_t at;

	pthread_mutex_lock(&reach->lock);
	cut(reach, start, size);
	at = first_behind(reach, start);
	if (at > 0 && reach->ranges[at - 1].start + reach->ranges[at - 1].size == start) {
		at--;
		start = reach->ranges[at].start;
		size += reach->ranges[at].size;
		delete(reach, at);
	}
	if (at < reach->count && reach->ranges[at].start == start + size) {
		size += reach->ranges[at].size;
		delete(reach, at);
	}
	insert(reach, at, start, size);
	__atomic_add_fetch(&reach->generation, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&reach->lock);
}

void
reach_remove(struct revere_reach *reach, uint64_t start, uint64_t size)
{
	pthread_mutex_lock(&reach->lock);
	cut(reach, start, size);
	__atomic_add_fetch(&reach->generation, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&reach->lock);
}

struct revere_range
revere_reach_find(struct revere_reach *reach, uint64_t iova)
{
	struct revere_range range = { 0 };
	uint32_t at;

	pthread_mutex_lock(&reach->lock);
	at = first_behind(reach, iova);
	if (at < reach->count && reach->ranges[at].start <= iova)
		range = reach->ranges[at];
	pthread_mutex_unlock(&reach->lock);
	return range;
}

struct revere_reach *
revere_device_reach(const struct revere_device *device)
{
	return device->kind == NULL || device->kind->reach == NULL ? NULL :
		device->kind->reach(device->transport);
}
