/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Settings of a device: what device.c needs of them beyond the public header.
 */

#ifndef CONFIG_H
#define CONFIG_H

#include <stdio.h>
#include <strings.h>

#include "amu.h"

#define CONFIG_AMI_MAX 4096
#define CONFIG_AMI_HW_MIN 16
#define CONFIG_ASN_MAX (1u << 20)

/** 0, or -EINVAL and a sentence about what is out of range. */
int config_check(const struct revere_emu_config *config, char *error, size_t error_size);

/** Gives values to those settings that are 0 for automatic. */
void config_resolve(struct revere_emu_config *config);

/** AHA_IDs of the device, up to the last one with an agent. */
unsigned int config_num_aha(const struct revere_emu_config *config);

/** One line a setting, as revere_emu_config_set() takes them. */
void config_dump(const struct revere_emu_config *config, FILE *out);

#endif /* CONFIG_H */
