/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A wish for IOVA as VA: emulated devices then reach all memory of the process. A vdev driver
 * could say so by RTE_VDEV_DRV_NEED_IOVA_AS_VA, but where EAL decides for PA after all (it was
 * told to, or vdevs are attached later) that flag keeps the vdev away, which works with either.
 * Hence a bus without devices, which EAL asks for its wish just so.
 */

#include <rte_devargs.h>

#include "common_private.h"
#include "revere_compat.h"

static int
no_scan(void)
{
	return 0;
}

static REVERE_BUS_PROBE(no_probe)
{
	return 0;
}

static REVERE_BUS_FIND_DEVICE(no_find_device)
{
	return NULL;
}

static bool
is_ours(const struct rte_devargs *devargs)
{
	const struct revere_class *class;
	char prefix[32];

	for (class = class_first(); class != NULL; class = class->next) {
		snprintf(prefix, sizeof(prefix), "%s_revere", class->name);
		if (strncmp(devargs->name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static enum rte_iova_mode
wanted_mode(void)
{
	struct rte_devargs *devargs;

	RTE_EAL_DEVARGS_FOREACH("vdev", devargs) {
		if (is_ours(devargs))
			return RTE_IOVA_VA;
	}
	return RTE_IOVA_DC;
}

static struct rte_bus revere_bus = {
	.scan = no_scan,
	.probe = no_probe,
	.find_device = no_find_device,
	.get_iommu_class = wanted_mode,
};
RTE_REGISTER_BUS(revere, revere_bus)
