/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Secondary processes. Devices belong to the primary, which drives their management and has
 * their transports; a secondary process uses queues that the primary has set up. All that such a
 * queue needs is memory of DPDK, which each process sees at the same addresses, and AMI-SW pages.
 * These a secondary gets from the primary as file descriptors, and maps where the primary has
 * them. (EAL does the same with BARs of PCI devices.)
 */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "common_private.h"

#define MP_NAME "revere_share"
#define TIMEOUT_S 5
#define CLASS_MAX 8

/*
 * Where pages are mapped, if there is room: far from where the kernel puts what doesn't care, so
 * that secondaries find the same place free.
 */
#define PLACE UINT64_C(0x1d0000000000)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct share_request {
	char name[DEVICE_NAME_MAX];
	char class[CLASS_MAX];
};

struct share_reply {
	int32_t ret;
	uint32_t num;
	struct {
		uint64_t va, size, offset;
	} areas[SHARE_AREAS_MAX];
};

_Static_assert(sizeof(struct share_request) <= RTE_MP_MAX_PARAM_LEN, "share_request");
_Static_assert(sizeof(struct share_reply) <= RTE_MP_MAX_PARAM_LEN, "share_reply");
_Static_assert(SHARE_AREAS_MAX <= RTE_MP_MAX_FD_NUM, "share_reply");

bool
secondary(void)
{
	return rte_eal_process_type() != RTE_PROC_PRIMARY;
}

/* ---- The primary's side --------------------------------------------------------------------- */

void *
share_place(size_t size)
{
	static uint64_t next = PLACE;
	const size_t page = RVR_AMI_SW_PAGE_STRIDE;

	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return (void *)(uintptr_t)__atomic_fetch_add(&next, RTE_ALIGN_CEIL(size, page),
		__ATOMIC_RELAXED);
}

static int
share(const struct share_request *request, struct share_area *areas)
{
	struct revere_device *device;
	int ret = -ENODEV;

	if (strnlen(request->name, sizeof(request->name)) == sizeof(request->name) ||
		strnlen(request->class, sizeof(request->class)) == sizeof(request->class))
		return -EINVAL;
	device_lock();
	device = attached_as(request->name, request->class);
	if (device != NULL && device->kind->share == NULL)
		ret = 0;
	else if (device != NULL)
		ret = device->kind->share(device->transport, areas);
	device_unlock();
	return ret;
}

static int
share_handle(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = { .len_param = sizeof(struct share_reply) };
	struct share_reply *reply = (struct share_reply *)out.param;
	struct share_area areas[SHARE_AREAS_MAX];
	struct share_request request;
	int i;

	if (msg->len_param != sizeof(request))
		return -1;
	memcpy(&request, msg->param, sizeof(request));
	snprintf(out.name, sizeof(out.name), "%s", MP_NAME);
	reply->ret = share(&request, areas);
	for (i = 0; i < reply->ret; i++) {
		reply->areas[i].va = (uintptr_t)areas[i].va;
		reply->areas[i].size = areas[i].size;
		reply->areas[i].offset = areas[i].offset;
		out.fds[i] = areas[i].fd;
	}
	reply->num = (uint32_t)i;
	out.num_fds = i;
	return rte_mp_reply(&out, peer);
}

void
share_start(void)
{
	/* Without shared configuration (--in-memory) there are no secondaries to ask. */
	if (!secondary() && rte_mp_action_register(MP_NAME, share_handle) < 0 &&
		rte_errno != EEXIST && rte_errno != ENOTSUP)
		COMMON_LOG(WARNING, "secondary processes", "will find no device: %s",
			rte_strerror(rte_errno));
}

/* ---- The secondary's side ------------------------------------------------------------------- */

/* Pages mapped here; several DPDK devices may use those of one Revere device. */
struct shared_area {
	TAILQ_ENTRY(shared_area) next;
	uint64_t va, size;
};

static TAILQ_HEAD(, shared_area) shared = TAILQ_HEAD_INITIALIZER(shared);

/* What this process uses: of a PCI device one class and not another. */
struct use {
	TAILQ_ENTRY(use) next;
	const struct rte_device *rte_dev;
	const struct revere_class *class;
};

static TAILQ_HEAD(, use) uses = TAILQ_HEAD_INITIALIZER(uses);

static int
share_ask(const char *name, const char *class, struct share_reply *reply,
	int fds[SHARE_AREAS_MAX])
{
	const struct timespec timeout = { .tv_sec = TIMEOUT_S };
	struct rte_mp_msg msg = { .len_param = sizeof(struct share_request) };
	struct share_request *request = (struct share_request *)msg.param;
	struct rte_mp_reply replies;
	int ret = -EIO;

	snprintf(msg.name, sizeof(msg.name), "%s", MP_NAME);
	snprintf(request->name, sizeof(request->name), "%s", name);
	snprintf(request->class, sizeof(request->class), "%s", class);
	if (rte_mp_request_sync(&msg, &replies, &timeout) < 0)
		return -rte_errno;
	if (replies.nb_received == 1 && replies.msgs[0].len_param == sizeof(*reply)) {
		memcpy(reply, replies.msgs[0].param, sizeof(*reply));
		memcpy(fds, replies.msgs[0].fds, SHARE_AREAS_MAX * sizeof(*fds));
		ret = reply->ret < 0 ? reply->ret : 0;
		if (ret == 0 && (reply->num > SHARE_AREAS_MAX ||
			(int)reply->num != replies.msgs[0].num_fds))
			ret = -EIO;
	}
	free(replies.msgs);
	return ret;
}

/*
 * Pages stay mapped for good: a place that another thread still looks at must not become
 * another's memory. A device that was attached anew is at another place.
 */
static int
area_map(uint64_t va, uint64_t size, int fd, uint64_t offset)
{
	struct shared_area *area;
	void *at;

	TAILQ_FOREACH(area, &shared, next)
		if (area->va == va && area->size == size)
			return 0;
	area = calloc(1, sizeof(*area));
	if (area == NULL)
		return -ENOMEM;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	at = mmap((void *)(uintptr_t)va, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED_NOREPLACE, fd, (off_t)offset);
	if (at == MAP_FAILED || (uintptr_t)at != va) {
		/* Kernels that don't know the flag take the address as a wish. */
		if (at != MAP_FAILED)
			munmap(at, size);
		free(area);
		return -EEXIST;
	}
	area->va = va;
	area->size = size;
	TAILQ_INSERT_TAIL(&shared, area, next);
	return 0;
}

static int
areas_map(const char *name, const struct share_reply *reply, const int *fds)
{
	int ret = 0;
	uint32_t i;

	device_lock();
	for (i = 0; i < reply->num; i++) {
		if (ret == 0)
			ret = area_map(reply->areas[i].va, reply->areas[i].size, fds[i],
				reply->areas[i].offset);
		if (ret == -EEXIST)
			COMMON_LOG(ERR, name, "the primary has AMI-SW pages at %#" PRIx64 ", where "
				"this process has something else: start it again",
				reply->areas[i].va);
		close(fds[i]);
	}
	device_unlock();
	return ret;
}

static int
use_begin(const char *name, struct rte_device *rte_dev, const struct revere_class *class)
{
	struct use *use = calloc(1, sizeof(*use));
	int ret = use == NULL ? -ENOMEM : class->attach(name, rte_dev);

	if (ret < 0) {
		free(use);
		return ret;
	}
	use->rte_dev = rte_dev;
	use->class = class;
	device_lock();
	TAILQ_INSERT_TAIL(&uses, use, next);
	device_unlock();
	return 0;
}

static struct use *
use_end(const struct rte_device *rte_dev, const struct revere_class *class)
{
	struct use *use;

	device_lock();
	TAILQ_FOREACH(use, &uses, next)
		if (use->rte_dev == rte_dev && use->class == class)
			break;
	if (use != NULL)
		TAILQ_REMOVE(&uses, use, next);
	device_unlock();
	return use;
}

int
secondary_attach(const char *name, struct rte_device *rte_dev, struct revere_class *class)
{
	struct share_reply reply = { .num = 0 };
	int fds[SHARE_AREAS_MAX];
	int ret;

	if (class->attach == NULL) {
		COMMON_LOG(ERR, name, "devices of class %s are the primary process' alone",
			class->name);
		return -ENOTSUP;
	}
	ret = share_ask(name, class->name, &reply, fds);
	if (ret == 0)
		ret = areas_map(name, &reply, fds);
	else if (ret == -ENOTSUP)
		COMMON_LOG(ERR, name, "can't be used by secondary processes: a device without "
			"threads (mode=inline) is called, not shared");
	else if (ret != -ENODEV)
		COMMON_LOG(ERR, name, "the primary process doesn't share its device of class %s: "
			"%s", class->name, strerror(-ret));
	return ret < 0 ? ret : use_begin(name, rte_dev, class);
}

int
secondary_detach(const char *name, const struct rte_device *rte_dev,
	const struct revere_class *class)
{
	struct use *use = use_end(rte_dev, class);

	if (use == NULL)
		return 0;
	free(use);
	return class->detach(name);
}
