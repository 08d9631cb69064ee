/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What the tests of librevere_ami share: EAL without hugepages, and an emulated device in inline
 * mode with a transport to it.
 */

#ifndef AMI_DEVICE_H
#define AMI_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "revere_ami.h"
#include "revere_emu.h"

struct ami_device {
	struct revere_transport transport;
	struct revere_emu *emu;
	unsigned int function; /* 0: the PF */
	uint8_t *pages;
	unsigned int resets;
};

/** Starts EAL; once a process. */
void ami_device_eal(void);

/** A device with @p settings ("key=value key=value"), plugged in. */
void ami_device_init(struct ami_device *device, const char *settings);
void ami_device_fini(struct ami_device *device);

/** A VF of a device, plugged in; it goes with the device. */
void ami_device_vf(struct ami_device *vf, const struct ami_device *pf, unsigned int function);

/** Bytes of EAL's heap in use, to find what was left behind. */
size_t ami_device_heap(void);

#endif /* AMI_DEVICE_H */
