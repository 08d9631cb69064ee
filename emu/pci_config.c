/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * PCI configuration space as a table: one row a register, with its reset value, the bits that
 * software can write, those that writing 1 clears, and what happens after a write.
 */

#include <string.h>

#include <linux/pci_regs.h>

#include "pci_config.h"
#include "rvr_regs.h"

/* DVSEC of Scalable IOV (specification 7.8). */
#define SIOV_DVSEC_VENDOR 0x8086
#define SIOV_DVSEC_ID 5
#define SIOV_DVSEC_LENGTH 0x18
/* Contexts are 64 KiB apart, so every page size up to that isolates them: 4, 8 .. 64 KiB. */
#define SIOV_PAGE_SIZES 0x1f

/* VFs are routed as the PF's next function numbers, hence ARI for more than seven. */
#define SRIOV_FIRST_VF 1
#define SRIOV_STRIDE 1
#define SRIOV_PAGE_SIZES 0x553 /* those that the SR-IOV specification asks for */

#define PASID_WIDTH_MAX 20
#define EXT_CAP(id, version, next) ((id) | (version) << 16 | (uint32_t)(next) << 20)

/* Registers that the specifications have and <linux/pci_regs.h> doesn't name. */
#define EXP_TYPE_ENDPOINT (PCI_EXP_TYPE_ENDPOINT << 4)
#define EXP_LINK (PCI_EXP_LNKSTA_CLS_16_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT)
#define EXP_LINK_SPEEDS 0x1e /* 2.5, 5, 8, 16 GT/s */
#define EXP_DEVCAP2_TIMEOUT_DISABLE 0x10
#define EXP_DEVCAP2_ONE_TLP_PREFIX (1u << 22)
#define ATS_PAGE_ALIGNED 0x20

#define PM_CAP 3 /* version; D1, D2 and PME are not supported */
#define EXP_DEVCTL_RESET                                                                       \
	(PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B)

enum pci_hook { HOOK_NONE, HOOK_COMMAND, HOOK_POWER, HOOK_DEVICE_CONTROL };

/* A register; those that exist in the PF alone carry `pf`. */
struct pci_reg {
	uint16_t offset;
	uint8_t size;
	bool pf;
	uint32_t reset;
	uint32_t writable;
	uint32_t clear; /* writing 1 clears */
	enum pci_hook hook;
};

#define AT(capability, reg) (PCI_CONFIG_##capability + (reg))

/* What depends on the device's configuration is 0 here and set by pci_config_init(). */
static const struct pci_reg pci_regs[] = {
	{ PCI_VENDOR_ID, 2, .reset = RVR_PCI_VENDOR_ID },
	{ PCI_COMMAND, 2, .hook = HOOK_COMMAND,
	  .writable = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		      PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, .reset = PCI_STATUS_CAP_LIST, .clear = 0xf900 },
	{ PCI_CLASS_REVISION, 4, .reset = RVR_PCI_CLASS << 8 },
	{ PCI_CACHE_LINE_SIZE, 1, .writable = 0xff },
	{ PCI_SUBSYSTEM_VENDOR_ID, 2, .reset = RVR_PCI_VENDOR_ID },
	{ PCI_CAPABILITY_LIST, 1, .reset = PCI_CONFIG_PM },
	{ PCI_INTERRUPT_LINE, 1, .writable = 0xff },

	/* Power management: D0 and D3hot, which keeps all state (a reset is FLR's job). */
	{ AT(PM, PCI_CAP_LIST_ID), 2, .reset = PCI_CAP_ID_PM | PCI_CONFIG_EXP << 8 },
	{ AT(PM, PCI_PM_PMC), 2, .reset = PM_CAP },
	{ AT(PM, PCI_PM_CTRL), 2, .reset = PCI_PM_CTRL_NO_SOFT_RESET, .hook = HOOK_POWER,
	  .writable = PCI_PM_CTRL_STATE_MASK },

	{ AT(EXP, PCI_CAP_LIST_ID), 2, .reset = PCI_CAP_ID_EXP | PCI_CONFIG_MSIX << 8 },
	{ AT(EXP, PCI_EXP_FLAGS), 2, .reset = 2 | EXP_TYPE_ENDPOINT },
	{ AT(EXP, PCI_EXP_DEVCAP), 4, .reset = 1 | PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER |
					       PCI_EXP_DEVCAP_FLR },
	{ AT(EXP, PCI_EXP_DEVCTL), 2, .reset = EXP_DEVCTL_RESET, .writable = 0xffff,
	  .hook = HOOK_DEVICE_CONTROL },
	{ AT(EXP, PCI_EXP_DEVSTA), 2, .clear = 0xf },
	{ AT(EXP, PCI_EXP_LNKCAP), 4, .reset = EXP_LINK },
	{ AT(EXP, PCI_EXP_LNKCTL), 2, .writable = PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC |
						   PCI_EXP_LNKCTL_ES },
	{ AT(EXP, PCI_EXP_LNKSTA), 2, .reset = EXP_LINK },
	{ AT(EXP, PCI_EXP_DEVCAP2), 4, .reset = EXP_DEVCAP2_TIMEOUT_DISABLE |
						PCI_EXP_DEVCAP2_EE_PREFIX |
						EXP_DEVCAP2_ONE_TLP_PREFIX },
	{ AT(EXP, PCI_EXP_DEVCTL2), 2, .writable = 0x1f },
	{ AT(EXP, PCI_EXP_LNKCAP2), 4, .reset = EXP_LINK_SPEEDS },
	{ AT(EXP, PCI_EXP_LNKCTL2), 2, .reset = 4, .writable = 0xf },

	{ AT(MSIX, PCI_CAP_LIST_ID), 2, .reset = PCI_CAP_ID_MSIX },
	{ AT(MSIX, PCI_MSIX_FLAGS), 2,
	  .writable = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ AT(MSIX, PCI_MSIX_TABLE), 4, .reset = PCI_CONFIG_MSIX_TABLE | RVR_PCI_BAR_MSIX },
	{ AT(MSIX, PCI_MSIX_PBA), 4, .reset = PCI_CONFIG_MSIX_PBA | RVR_PCI_BAR_MSIX },

	{ AT(ATS, 0), 4, .reset = EXT_CAP(PCI_EXT_CAP_ID_ATS, 1, PCI_CONFIG_PASID) },
	{ AT(ATS, PCI_ATS_CAP), 2, .reset = ATS_PAGE_ALIGNED },
	{ AT(ATS, PCI_ATS_CTRL), 2, .writable = PCI_ATS_CTRL_ENABLE | 0x1f },

	{ AT(PASID, 0), 4, .reset = EXT_CAP(PCI_EXT_CAP_ID_PASID, 1, PCI_CONFIG_ARI) },
	{ AT(PASID, PCI_PASID_CAP), 2, .reset = PASID_WIDTH_MAX << 8 },
	{ AT(PASID, PCI_PASID_CTRL), 2, .writable = PCI_PASID_CTRL_ENABLE },

	{ AT(ARI, 0), 4, .pf = true,
	  .reset = EXT_CAP(PCI_EXT_CAP_ID_ARI, 1, PCI_CONFIG_SRIOV) },

	{ AT(SRIOV, 0), 4, .pf = true,
	  .reset = EXT_CAP(PCI_EXT_CAP_ID_SRIOV, 1, PCI_CONFIG_SIOV) },
	{ AT(SRIOV, PCI_SRIOV_CAP), 4, .pf = true, .reset = 0x2 /* keeps ARI across resets */ },
	{ AT(SRIOV, PCI_SRIOV_CTRL), 2, .pf = true,
	  .writable = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE | PCI_SRIOV_CTRL_ARI },
	{ AT(SRIOV, PCI_SRIOV_NUM_VF), 2, .pf = true, .writable = 0xffff },
	{ AT(SRIOV, PCI_SRIOV_VF_OFFSET), 2, .pf = true, .reset = SRIOV_FIRST_VF },
	{ AT(SRIOV, PCI_SRIOV_VF_STRIDE), 2, .pf = true, .reset = SRIOV_STRIDE },
	{ AT(SRIOV, PCI_SRIOV_VF_DID), 2, .pf = true, .reset = RVR_PCI_DEVICE_ID_VF },
	{ AT(SRIOV, PCI_SRIOV_SUP_PGSIZE), 4, .pf = true, .reset = SRIOV_PAGE_SIZES },
	{ AT(SRIOV, PCI_SRIOV_SYS_PGSIZE), 4, .pf = true, .reset = 1,
	  .writable = SRIOV_PAGE_SIZES },

	{ AT(SIOV, 0), 4, .pf = true, .reset = EXT_CAP(PCI_EXT_CAP_ID_DVSEC, 1, 0) },
	{ AT(SIOV, PCI_DVSEC_HEADER1), 4, .pf = true,
	  .reset = SIOV_DVSEC_VENDOR | (uint32_t)SIOV_DVSEC_LENGTH << 20 },
	{ AT(SIOV, PCI_DVSEC_HEADER2), 2, .pf = true, .reset = SIOV_DVSEC_ID },
	/* 0xa, the function that this one depends on: itself, 0. 0xb, flags: none. */
	{ AT(SIOV, 0xa), 2, .pf = true },
	{ AT(SIOV, 0xc), 4, .pf = true, .reset = SIOV_PAGE_SIZES },
	{ AT(SIOV, 0x10), 4, .pf = true, .reset = 1, .writable = SIOV_PAGE_SIZES },
	/* 0x14, capabilities: no Interrupt Message Storage. */
	{ AT(SIOV, 0x14), 4, .pf = true },
};

static uint32_t
get_le(const uint8_t *at, unsigned int size)
{
	uint32_t value = 0;

	while (size-- > 0)
		value = value << 8 | at[size];
	return value;
}

static void
put_le(uint8_t *at, unsigned int size, uint32_t value)
{
	for (; size-- > 0; value >>= 8)
		*at++ = (uint8_t)value;
}

static void
reg_add(struct pci_config *config, const struct pci_reg *reg)
{
	put_le(&config->reset[reg->offset], reg->size, reg->reset);
	put_le(&config->writable[reg->offset], reg->size, reg->writable);
	put_le(&config->clear[reg->offset], reg->size, reg->clear);
}

static void
reg_set(struct pci_config *config, uint32_t offset, unsigned int size, uint32_t value)
{
	put_le(&config->reset[offset], size, value);
}

static uint32_t
reg_get(const struct pci_config *config, uint32_t offset, unsigned int size)
{
	return get_le(&config->value[offset], size);
}

/* A BAR is sized by writing ones: only address bits above its size take them. */
static void
bar_add(struct pci_config *config, uint32_t offset, uint64_t size, uint32_t type)
{
	uint64_t mask = ~(size - 1);

	reg_add(config, &(struct pci_reg){ (uint16_t)offset, 4, .reset = type,
		.writable = (uint32_t)mask });
	if (type & PCI_BASE_ADDRESS_MEM_TYPE_64)
		reg_add(config, &(struct pci_reg){ (uint16_t)(offset + 4), 4,
			.writable = (uint32_t)(mask >> 32) });
}

/* BARs are powers of two: the management page and what a Function has of AMI-SW pages. */
static uint64_t
bar_regs_size(struct revere_emu *emu, unsigned int function)
{
	uint64_t pages = 0, size = RVR_MGT_PAGE_SIZE;

	revere_emu_pages_fd(emu, function, &pages);
	while (size < RVR_AMI_SW_PAGE_OFFSET + pages)
		size <<= 1;
	return size;
}

static void
bars_add(struct pci_config *config)
{
	const uint32_t regs_type = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
	uint64_t size = bar_regs_size(config->emu, config->function);

	config->bar_size[RVR_PCI_BAR_REGS] = size;
	config->bar_size[RVR_PCI_BAR_MSIX] = PCI_CONFIG_BAR_MSIX_SIZE;
	bar_add(config, PCI_BASE_ADDRESS_0 + 4 * RVR_PCI_BAR_REGS, size, regs_type);
	bar_add(config, PCI_BASE_ADDRESS_0 + 4 * RVR_PCI_BAR_MSIX, PCI_CONFIG_BAR_MSIX_SIZE, 0);
	if (config->function != 0)
		return;
	/* A VF's pages may be fewer; with the PF's size they fit for sure. */
	bar_add(config, AT(SRIOV, PCI_SRIOV_BAR + 4 * RVR_PCI_BAR_REGS), size, regs_type);
	bar_add(config, AT(SRIOV, PCI_SRIOV_BAR + 4 * RVR_PCI_BAR_MSIX),
		PCI_CONFIG_BAR_MSIX_SIZE, 0);
}

static void
pci_config_to_reset(struct pci_config *config)
{
	memcpy(config->value, config->reset, sizeof(config->value));
	config->bus_master = false;
}

void
pci_config_init(struct pci_config *config, struct revere_emu *emu, unsigned int function)
{
	const struct revere_emu_config *device = revere_emu_config_get(emu);
	uint16_t id = function == 0 ? RVR_PCI_DEVICE_ID_PF : RVR_PCI_DEVICE_ID_VF;
	size_t i;

	*config = (struct pci_config){
		.emu = emu,
		.function = function,
		.device_resets = revere_emu_resets(emu, function),
	};
	for (i = 0; i < sizeof(pci_regs) / sizeof(pci_regs[0]); i++)
		if (function == 0 || !pci_regs[i].pf)
			reg_add(config, &pci_regs[i]);
	reg_set(config, PCI_DEVICE_ID, 2, id);
	reg_set(config, PCI_SUBSYSTEM_ID, 2, id);
	reg_set(config, AT(MSIX, PCI_MSIX_FLAGS), 2, device->msix_vectors - 1);
	bars_add(config);
	if (function == 0) {
		reg_set(config, AT(SRIOV, PCI_SRIOV_INITIAL_VF), 2, device->num_vf);
		reg_set(config, AT(SRIOV, PCI_SRIOV_TOTAL_VF), 2, device->num_vf);
	} else {
		/* The list ends before what only the PF has. */
		reg_set(config, AT(PASID, 0), 4, EXT_CAP(PCI_EXT_CAP_ID_PASID, 1, 0));
	}
	pci_config_to_reset(config);
}

/*
 * A VF's configuration space is reset with the PF, by who knows nothing of it, maybe in another
 * server: the device tells.
 */
static void
reset_notice(struct pci_config *config)
{
	uint32_t resets = revere_emu_resets(config->emu, config->function);

	if (resets == config->device_resets)
		return;
	config->device_resets = resets;
	pci_config_to_reset(config);
}

/* DMA needs Bus Master Enable and full power. */
static void
bus_master_update(struct pci_config *config)
{
	bool power = (reg_get(config, AT(PM, PCI_PM_CTRL), 2) & PCI_PM_CTRL_STATE_MASK) == 0;
	bool enable = power && reg_get(config, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;

	if (enable == config->bus_master)
		return;
	config->bus_master = enable;
	revere_emu_bus_master(config->emu, config->function, enable);
}

/* A write of a state that isn't supported is dropped. */
static void
power_update(struct pci_config *config, uint32_t old)
{
	const uint32_t d3hot = 3;
	uint32_t now = reg_get(config, AT(PM, PCI_PM_CTRL), 2);

	if ((now & PCI_PM_CTRL_STATE_MASK) != 0 && (now & PCI_PM_CTRL_STATE_MASK) != d3hot)
		put_le(&config->value[AT(PM, PCI_PM_CTRL)], 2, old);
	bus_master_update(config);
}

int
pci_config_flr(struct pci_config *config)
{
	int ret;

	revere_emu_bus_master(config->emu, config->function, false);
	pci_config_to_reset(config);
	config->resets++;
	ret = revere_emu_reset(config->emu, config->function);
	config->device_resets = revere_emu_resets(config->emu, config->function);
	return ret;
}

static void
run_hook(struct pci_config *config, enum pci_hook hook, uint32_t old)
{
	switch (hook) {
	case HOOK_NONE:
		break;
	case HOOK_COMMAND:
		bus_master_update(config);
		break;
	case HOOK_POWER:
		power_update(config, old);
		break;
	case HOOK_DEVICE_CONTROL:
		if (reg_get(config, AT(EXP, PCI_EXP_DEVCTL), 2) & PCI_EXP_DEVCTL_BCR_FLR)
			pci_config_flr(config);
		break;
	}
}

void
pci_config_read(struct pci_config *config, uint32_t offset, void *data, uint32_t size)
{
	reset_notice(config);
	memcpy(data, &config->value[offset], size);
}

void
pci_config_write(struct pci_config *config, uint32_t offset, const void *data, uint32_t size)
{
	const uint8_t *from = data;
	uint8_t old[PCI_CONFIG_SIZE];
	uint32_t i;
	size_t r;

	reset_notice(config);
	memcpy(old, config->value, sizeof(old));
	for (i = offset; i < offset + size; i++, from++) {
		config->value[i] &= ~(config->writable[i] | (*from & config->clear[i]));
		config->value[i] |= *from & config->writable[i];
	}
	for (r = 0; r < sizeof(pci_regs) / sizeof(pci_regs[0]); r++) {
		const struct pci_reg *reg = &pci_regs[r];

		if (reg->hook != HOOK_NONE && offset < (uint32_t)reg->offset + reg->size &&
		    reg->offset < offset + size)
			run_hook(config, reg->hook, get_le(&old[reg->offset], reg->size));
	}
}
