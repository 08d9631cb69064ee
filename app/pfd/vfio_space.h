/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * The address space that the IOMMU has for a Function on vfio-pci: one for all clients, so the
 * service notes what is whose.
 */

#ifndef VFIO_SPACE_H
#define VFIO_SPACE_H

#include <linux/vfio.h>

#include "pfd.h"

#define SPACE_MAPS 16384u /* a policy allows no more */
#define SPACE_RANGES 32u

/* Memory that is mapped; noted before it is, and until it isn't any more. */
struct space_map {
	uint64_t iova;
	uint64_t size; /* 0: this is none */
	uint64_t step; /* it is in pieces of that size, which can be unmapped one by one */
	uint32_t owner;
};

/* In memory that outlives the process; one more than there can be, to cut one in two. */
struct space_notes {
	struct space_map maps[SPACE_MAPS + 1];
};

struct space {
	int container;
	struct space_notes *notes;
	unsigned int num_ranges; /* that the IOMMU reaches; 0: not known */
	struct vfio_iova_range ranges[SPACE_RANGES];
};

/* Asks the kernel for ranges. */
void space_open(struct space *space, int container);
/* Maps memory of our own for the device, which isn't noted. */
int space_map_own(const struct space *space, void *at, uint64_t iova, uint64_t size);

/*
 * Maps a file's pages, which stay until they are unmapped. -EEXIST: there is memory already;
 * -ERANGE: the IOMMU doesn't reach so far.
 */
int space_map(struct space *space, uint32_t owner, uint64_t iova, uint64_t size, int fd,
	uint64_t offset);
/* What an owner has. */
struct pfd_mapped space_mapped(const struct space *space, uint32_t owner);
/* What an owner has of a range; 0, 0: all. Tells what is left. */
int space_unmap(struct space *space, uint32_t owner, uint64_t iova, uint64_t size,
	struct pfd_mapped *left);

#endif /* VFIO_SPACE_H */
