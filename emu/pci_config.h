/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * PCI configuration space of one Function of the device.
 *
 * Stands on the public header alone: what software writes here ends in revere_emu_bus_master()
 * and revere_emu_reset(). One thread at a time per Function.
 */

#ifndef PCI_CONFIG_H
#define PCI_CONFIG_H

#include "revere_emu.h"

#define PCI_CONFIG_SIZE 4096 /**< bytes: PCI Express extended configuration space */
#define PCI_CONFIG_BARS 6

/* BAR2: MSI-X table and PBA, at the same place whatever the number of vectors (P). */
#define PCI_CONFIG_BAR_MSIX_SIZE 0x10000u
#define PCI_CONFIG_MSIX_TABLE 0x0000u
#define PCI_CONFIG_MSIX_PBA 0x8000u

/** What software sees at 0x34 and 0x100, in order of appearance (P). */
enum pci_config_layout {
	PCI_CONFIG_PM = 0x40,
	PCI_CONFIG_EXP = 0x50,
	PCI_CONFIG_MSIX = 0x90,
	PCI_CONFIG_ATS = 0x100,
	PCI_CONFIG_PASID = 0x110,
	PCI_CONFIG_ARI = 0x120,
	PCI_CONFIG_SRIOV = 0x130,
	PCI_CONFIG_SIOV = 0x170,
};

/** Configuration space of a Function: bytes, and which of their bits software can change. */
struct pci_config {
	struct revere_emu *emu;
	unsigned int function;
	bool bus_master; /**< as last told to the device */
	uint32_t device_resets; /**< of revere_emu_resets(), as far as seen here */
	unsigned int resets; /**< Function Level Resets so far */
	uint64_t bar_size[PCI_CONFIG_BARS]; /**< 0: no such BAR, or upper half of a 64-bit one */
	uint8_t value[PCI_CONFIG_SIZE];
	uint8_t reset[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	uint8_t clear[PCI_CONFIG_SIZE]; /**< bits that writing 1 clears */
};

/** Lays out the space of @p function out of the device's configuration. */
void pci_config_init(struct pci_config *config, struct revere_emu *emu, unsigned int function);

/** Function Level Reset: the space returns to its reset values, the Function is reset. */
int pci_config_flr(struct pci_config *config);

/** Copies out; the range lies within PCI_CONFIG_SIZE. */
void pci_config_read(struct pci_config *config, uint32_t offset, void *data, uint32_t size);

/** Writes, as far as bits are writable, then acts on what changed. */
void pci_config_write(struct pci_config *config, uint32_t offset, const void *data, uint32_t size);

#endif /* PCI_CONFIG_H */
