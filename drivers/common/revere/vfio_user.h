/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A client of the vfio-user protocol, version 0.1: its messages as they lie on the wire, in the
 * byte order of the machine, which both ends share, and requests for them. What the protocol took
 * over from the kernel's VFIO is in <linux/vfio.h>. Of Revere nothing is known here.
 */

#ifndef VFIO_USER_H
#define VFIO_USER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

#include "common_private.h"

/* ---- On the wire ---------------------------------------------------------------------------- */

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 1

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DEVICE_RESET = 13,
};

#define VFIO_USER_F_TYPE_MASK 0xfu
#define VFIO_USER_F_REPLY 0x1u
#define VFIO_USER_F_ERROR 0x20u /* of a reply: `error` says what went wrong */

/* Before every message. */
struct vfio_user_header {
	uint16_t id; /* chosen by the sender, echoed in the reply */
	uint16_t command;
	uint32_t size; /* bytes, this header included */
	uint32_t flags;
	uint32_t error; /* errno */
};

/* VERSION, both ways; then JSON text with its terminating 0. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
};

struct vfio_user_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

#define VFIO_USER_DMA_READ 0x1u
#define VFIO_USER_DMA_WRITE 0x2u

struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the file */
	uint64_t addr;	 /* IOVA */
	uint64_t size;
};

struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t addr;
	uint64_t size;
};

/* REGION_READ, REGION_WRITE and their replies; then data, if any. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

_Static_assert(sizeof(struct vfio_user_header) == 16 &&
	offsetof(struct vfio_user_header, error) == 12, "vfio_user_header");
_Static_assert(sizeof(struct vfio_user_version) == 4 &&
	offsetof(struct vfio_user_version, minor) == 2, "vfio_user_version");
_Static_assert(sizeof(struct vfio_user_device_info) == 16 &&
	offsetof(struct vfio_user_device_info, num_irqs) == 12, "vfio_user_device_info");
_Static_assert(sizeof(struct vfio_user_dma_map) == 32 &&
	offsetof(struct vfio_user_dma_map, size) == 24, "vfio_user_dma_map");
_Static_assert(sizeof(struct vfio_user_dma_unmap) == 24 &&
	offsetof(struct vfio_user_dma_unmap, size) == 16, "vfio_user_dma_unmap");
_Static_assert(sizeof(struct vfio_user_region_access) == 16 &&
	offsetof(struct vfio_user_region_access, count) == 12, "vfio_user_region_access");
_Static_assert(sizeof(struct vfio_region_info) == 32 &&
	offsetof(struct vfio_region_info, offset) == 24, "vfio_region_info");
_Static_assert(sizeof(struct vfio_irq_info) == 16 &&
	offsetof(struct vfio_irq_info, count) == 12, "vfio_irq_info");
_Static_assert(sizeof(struct vfio_irq_set) == 20, "vfio_irq_set");

/* ---- Requests ------------------------------------------------------------------------------- */

/* A connection. Requests may come from any thread and go one at a time. */
struct vfio_user {
	const char *name; /* for log lines */
	int fd;		  /* -1: none */
	pthread_mutex_t lock;
	uint16_t id;	  /* of the next request */
	bool lost;	  /* nothing can be said any more */
	struct revere_reach reach; /* memory that was mapped */
	struct memory_target memory; /* maps and unmaps here, for shared_memory.c */
};

/* Connects and negotiates the version. One log line if that fails. */
int vfio_user_connect(struct vfio_user *client, const char *name, const char *path);
void vfio_user_close(struct vfio_user *client);

/*
 * The requests: 0 or a negative errno, without a log line. What the server refuses has its errno;
 * -ENODEV: the connection is over, because the server has gone, didn't answer in time, or broke
 * the protocol.
 */
int vfio_user_device_info(struct vfio_user *client, struct vfio_user_device_info *info);
/*
 * Fills @p info and, as far as @p size lasts, the capabilities behind it; *fd is the region's
 * file, which becomes the caller's, or -1.
 */
int vfio_user_region_info(struct vfio_user *client, uint32_t region,
	struct vfio_region_info *info, size_t size, int *fd);
int vfio_user_irq_count(struct vfio_user *client, uint32_t index, uint32_t *count);
/* Connects one interrupt to an eventfd, -1 disconnects. */
int vfio_user_irq_set(struct vfio_user *client, uint32_t index, uint32_t vector, int eventfd);
int vfio_user_read(struct vfio_user *client, uint32_t region, uint64_t offset, void *data,
	uint32_t size);
int vfio_user_write(struct vfio_user *client, uint32_t region, uint64_t offset,
	const void *data, uint32_t size);
int vfio_user_dma_map(struct vfio_user *client, uint64_t iova, uint64_t size, int fd,
	uint64_t offset);
int vfio_user_dma_unmap(struct vfio_user *client, uint64_t iova, uint64_t size);
int vfio_user_reset(struct vfio_user *client);

#endif /* VFIO_USER_H */
