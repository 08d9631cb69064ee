/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What fuzz targets of vfio-user share: a device in inline mode, and descriptors for its clients.
 */

#ifndef VFIO_USER_DEVICE_H
#define VFIO_USER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "amu.h"

#define FUZZ_MEMORY 0x8000

/** Kinds of descriptors: memory, an eventfd, memory that can't be written to, /dev/null. */
enum fuzz_fd { FUZZ_FD_MEMORY, FUZZ_FD_EVENT, FUZZ_FD_READ_ONLY, FUZZ_FD_NULL, FUZZ_FDS };

struct fuzz_device {
	struct revere_emu *emu;
	int fds[FUZZ_FDS];
	uint8_t *memory; /**< FUZZ_MEMORY, of the first descriptor */
};

/** What doesn't hold ends the process. */
void fuzz_need(bool ok);

void fuzz_device_init(struct fuzz_device *device);

/** The device reaches nothing: neither without PASID nor with one. */
bool fuzz_reaches_nothing(const struct fuzz_device *device);

/** The lowest free descriptor: tells whether any was left open. */
int fuzz_free_fd(const struct fuzz_device *device);

#endif /* VFIO_USER_DEVICE_H */
