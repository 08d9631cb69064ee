/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Requests that this project adds to the vfio-user protocol (P): what a process needs that shares
 * a Function's contexts out to others. As the protocol's own, in the byte order of the machine;
 * `argsz` is the size of the struct. A server that doesn't have them refuses them with ENOTSUP.
 */

#ifndef RVR_VFIO_USER_H
#define RVR_VFIO_USER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rvr_vfio_user_command {
	RVR_VFIO_USER_FIRST = 0x5200,
	RVR_VFIO_USER_DMA_MAP_PASID = 0x5200, /**< DMA_MAP for a PASID; a descriptor comes along */
	RVR_VFIO_USER_DMA_UNMAP_PASID = 0x5201, /**< DMA_UNMAP for a PASID */
	RVR_VFIO_USER_PAGE = 0x5202, /**< one AMI-SW page as a file of its own */
};

/** DMA_MAP_PASID: as DMA_MAP, in the address space of a PASID, which has nothing of itself. */
struct rvr_vfio_user_dma_map_pasid {
	uint32_t argsz;
	uint32_t flags;	 /**< as in DMA_MAP */
	uint64_t offset; /**< in the file */
	uint64_t addr;	 /**< IOVA */
	uint64_t size;
	uint32_t pasid;
	uint32_t zero;
};
_Static_assert(sizeof(struct rvr_vfio_user_dma_map_pasid) == 40, "wire");
_Static_assert(offsetof(struct rvr_vfio_user_dma_map_pasid, zero) == 36, "wire");

/** DMA_UNMAP_PASID: as DMA_UNMAP; the flag for everything concerns this PASID alone. */
struct rvr_vfio_user_dma_unmap_pasid {
	uint32_t argsz;
	uint32_t flags; /**< as in DMA_UNMAP */
	uint64_t addr;
	uint64_t size;
	uint32_t pasid;
	uint32_t zero;
};
_Static_assert(sizeof(struct rvr_vfio_user_dma_unmap_pasid) == 32, "wire");
_Static_assert(offsetof(struct rvr_vfio_user_dma_unmap_pasid, zero) == 28, "wire");

/**
 * PAGE: from now until the AMI-SW is unmapped its page isn't part of the region's file any more,
 * but a file of its own, which comes with the reply. Whoever has this file sees no other page;
 * and nothing any more once the AMI-SW was unmapped, since the next user's page is another file.
 */
struct rvr_vfio_user_page {
	uint32_t argsz;
	uint32_t ami_sw_id; /**< AMI_SW_ID of a mapped AMI-SW */
	uint64_t offset;    /**< reply: of the page in the file */
};
_Static_assert(sizeof(struct rvr_vfio_user_page) == 16, "wire");
_Static_assert(offsetof(struct rvr_vfio_user_page, offset) == 8, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_VFIO_USER_H */
