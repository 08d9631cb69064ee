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
	RVR_VFIO_USER_PAGE_KEPT = 0x5203, /**< a page that outlives its AMI-SW's mapping */
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

/**
 * DMA_UNMAP_PASID: as DMA_UNMAP; the flag for everything concerns this PASID alone. With flags,
 * addr and size 0 nothing is taken away, and the reply says what is mapped.
 */
struct rvr_vfio_user_dma_unmap_pasid {
	uint32_t argsz;
	uint32_t flags; /**< as in DMA_UNMAP */
	uint64_t addr;
	uint64_t size;	/**< reply: bytes that the PASID has mapped still */
	uint32_t pasid;
	uint32_t maps;	/**< request: 0; reply: maps that it has still, and parts of maps */
};
_Static_assert(sizeof(struct rvr_vfio_user_dma_unmap_pasid) == 32, "wire");
_Static_assert(offsetof(struct rvr_vfio_user_dma_unmap_pasid, maps) == 28, "wire");

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

/** What PAGE_KEPT does besides giving the page's file. */
enum rvr_vfio_user_page_kept_flag {
	RVR_VFIO_USER_PAGE_BIND = 1, /**< it becomes the page of an AMI-SW until that is unmapped */
	RVR_VFIO_USER_PAGE_DROP = 2, /**< it is forgotten; no file comes with the reply */
};

/**
 * PAGE_KEPT: a page in a file of its own that is there, under a number of the client's, until it
 * is dropped or the client goes; with zeroes when it is named first. Bound to an AMI-SW that is
 * mapped and disabled it is that one's page, with what it holds, indices for one. So a context
 * can be unmapped and go on later on another AMI-SW, and whoever has its page notices time only.
 */
struct rvr_vfio_user_page_kept {
	uint32_t argsz;
	uint32_t flags;	    /**< enum rvr_vfio_user_page_kept_flag */
	uint32_t key;	    /**< up to 65535 */
	uint32_t ami_sw_id; /**< BIND: AMI_SW_ID */
	uint64_t offset;    /**< reply: of the page in the file */
};
_Static_assert(sizeof(struct rvr_vfio_user_page_kept) == 24, "wire");
_Static_assert(offsetof(struct rvr_vfio_user_page_kept, offset) == 16, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_VFIO_USER_H */
