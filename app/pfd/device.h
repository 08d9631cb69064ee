/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * The Physical Function: rings and commands (device.c), over registers, memory and interrupts that
 * are reached in one of two ways (device_user.c, device_vfio.c).
 */

#ifndef DEVICE_H
#define DEVICE_H

#include "pfd.h"

#define DEVICE_TIMEOUT_S 10
#define DEVICE_RINGS_IOVA UINT64_C(0x100000)
#define DEVICE_RINGS_SIZE 0x10000u

/* How a device is reached. Functions give 0 or a negative errno; -ENODEV: it is gone. */
struct device_ops {
	const struct pfd_backend *backend; /* but for commands, registers and exceptions */
	size_t notes; /* bytes of its own behind the rings, in their file */
	/* UINT64_MAX: it can't be read */
	uint64_t (*read64)(struct pfd_device *device, uint32_t offset);
	int (*write64)(struct pfd_device *device, uint32_t offset, uint64_t value);
	/* Lets the device have the rings, at their IOVA. */
	int (*rings_share)(struct pfd_device *device);
	/* Rings and notes are there, new ones or a process' before: says how many vectors. */
	int (*start)(struct pfd_device *device);
	/* Whoever watches gone_fd sees it. */
	void (*lose)(struct pfd_device *device);
	void (*close)(struct pfd_device *device);
};

struct pfd_device {
	const struct device_ops *ops;
	struct pfd_backend backend; /* the whole of it */
	int kept[PFD_KEPT_MAX]; /* -1 none */
	int gone_fd, event_fd;
	uint32_t gone_events; /* of epoll */
	bool lost;
	uint8_t *rings, *notes;
	uint64_t command, response, exception; /* our indices */
	uint64_t acknowledged; /* response, as the device knows it */
	unsigned int log2_commands;
	uint32_t vectors;
};

/* Makes one. NULL: a line of the log says why. */
struct pfd_device *device_user_open(const char *path);
struct pfd_device *device_user_adopt(const int kept[PFD_KEPT_MAX]);
struct pfd_device *device_vfio_open(const char *address, const char *vf_token);
struct pfd_device *device_vfio_adopt(const int kept[PFD_KEPT_MAX]);
/* Whether it is a PCI address: DOMAIN:BUS:DEV.FN */
bool device_is_address(const char *name);

/* For those who have made one. */
void device_init(struct pfd_device *device, const struct device_ops *ops);
void device_lose(struct pfd_device *device);

#endif /* DEVICE_H */
