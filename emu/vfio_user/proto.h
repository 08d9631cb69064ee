/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Messages of the vfio-user protocol, version 0.1, as they lie on the wire: in the byte order of
 * the machine, which both ends share. What the protocol took over from the kernel's VFIO is in
 * <linux/vfio.h>.
 */

#ifndef VU_PROTO_H
#define VU_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

#define VU_MAJOR 0
#define VU_MINOR 1

enum vu_command {
	VU_VERSION = 1,
	VU_DMA_MAP = 2,
	VU_DMA_UNMAP = 3,
	VU_DEVICE_GET_INFO = 4,
	VU_DEVICE_GET_REGION_INFO = 5,
	VU_DEVICE_GET_REGION_IO_FDS = 6,
	VU_DEVICE_GET_IRQ_INFO = 7,
	VU_DEVICE_SET_IRQS = 8,
	VU_REGION_READ = 9,
	VU_REGION_WRITE = 10,
	VU_DEVICE_RESET = 13,
	VU_DEVICE_FEATURE = 16,
};

#define VU_F_TYPE_MASK 0xfu
#define VU_F_COMMAND 0x0u
#define VU_F_REPLY 0x1u
#define VU_F_NO_REPLY 0x10u /**< the sender wants none */
#define VU_F_ERROR 0x20u    /**< of a reply: `error` says what went wrong */

/** Before every message. */
struct vu_header {
	uint16_t id; /**< chosen by the sender, echoed in the reply */
	uint16_t command;
	uint32_t size; /**< bytes, this header included */
	uint32_t flags;
	uint32_t error; /**< errno */
};

/** VERSION, both ways; then JSON text with its terminating 0. */
struct vu_version {
	uint16_t major;
	uint16_t minor;
};

struct vu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

#define VU_DMA_F_READ 0x1u
#define VU_DMA_F_WRITE 0x2u
#define VU_DMA_F_MMAP 0x4u /**< a file descriptor comes along, map it */

struct vu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /**< in the file */
	uint64_t addr;	 /**< IOVA */
	uint64_t size;
};

#define VU_DMA_UNMAP_F_DIRTY_BITMAP 0x1u
#define VU_DMA_UNMAP_F_ALL 0x2u

struct vu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t addr;
	uint64_t size;
};

/** REGION_READ, REGION_WRITE and their replies; then data, if any. */
struct vu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

_Static_assert(sizeof(struct vu_header) == 16 && offsetof(struct vu_header, error) == 12,
	"vu_header");
_Static_assert(sizeof(struct vu_version) == 4 && offsetof(struct vu_version, minor) == 2,
	"vu_version");
_Static_assert(sizeof(struct vu_device_info) == 16 &&
	offsetof(struct vu_device_info, num_irqs) == 12, "vu_device_info");
_Static_assert(sizeof(struct vu_dma_map) == 32 && offsetof(struct vu_dma_map, size) == 24,
	"vu_dma_map");
_Static_assert(sizeof(struct vu_dma_unmap) == 24 && offsetof(struct vu_dma_unmap, size) == 16,
	"vu_dma_unmap");
_Static_assert(sizeof(struct vu_region_access) == 16 &&
	offsetof(struct vu_region_access, count) == 12, "vu_region_access");
/* Of the kernel's structs the protocol uses these parts. */
_Static_assert(sizeof(struct vfio_region_info) == 32 &&
	offsetof(struct vfio_region_info, offset) == 24, "vfio_region_info");
_Static_assert(sizeof(struct vfio_irq_set) == 20, "vfio_irq_set");

#endif /* VU_PROTO_H */
