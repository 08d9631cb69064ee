/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* MSI-X vectors of a device on vfio-pci: which eventfd the kernel signals for which. */

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "common_private.h"
#include "pci_irqs.h"

void
pci_irqs_init(struct pci_irqs *irqs, const char *name, int vfio_fd)
{
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};
	unsigned int i;

	irqs->name = name;
	irqs->vfio_fd = vfio_fd;
	irqs->enabled = 0;
	irqs->most = 0;
	if (ioctl(vfio_fd, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0)
		irqs->most = RTE_MIN(info.count, (uint32_t)PCI_VECTORS_MAX);
	for (i = 0; i < PCI_VECTORS_MAX; i++)
		irqs->eventfds[i] = -1;
}

/*
 * VFIO_DEVICE_SET_IRQS for vectors from @p start on; no vectors: all are taken away. If there are
 * too few the kernel says how many it could have set up, and has set up none.
 */
static int
set_irqs(struct pci_irqs *irqs, uint32_t start, const int *fds, uint32_t count)
{
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(*fds);
	struct vfio_irq_set *set = calloc(1, size);
	int ret;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		(count == 0 ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD);
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	set->start = start;
	set->count = count;
	if (count > 0)
		memcpy(set->data, fds, count * sizeof(*fds));
	ret = ioctl(irqs->vfio_fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret < 0)
		ret = -errno;
	free(set);
	if (ret <= 0)
		return ret;
	irqs->most = RTE_MIN(irqs->most, (uint32_t)ret);
	return -ENOSPC;
}

/* What came while there were no vectors is lost: whoever waits looks for himself. */
static void
wake_all(const struct pci_irqs *irqs, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (irqs->eventfds[i] >= 0)
			eventfd_write(irqs->eventfds[i], 1);
}

/* Older kernels can't add vectors while there are some: all are set up anew. */
static int
grow(struct pci_irqs *irqs, uint32_t count)
{
	uint32_t had = irqs->enabled;
	int ret, again;

	if (had > 0)
		set_irqs(irqs, 0, NULL, 0);
	ret = set_irqs(irqs, 0, irqs->eventfds, count);
	irqs->enabled = ret == 0 ? count : 0;
	if (ret < 0 && had > 0) {
		again = set_irqs(irqs, 0, irqs->eventfds, had);
		irqs->enabled = again == 0 ? had : 0;
		if (again < 0)
			COMMON_LOG(ERR, irqs->name, "the %u vectors that worked can't be set up "
				"again: %s; detach the device and attach it", had,
				strerror(-again));
	}
	wake_all(irqs, RTE_MIN(had, irqs->enabled));
	return ret;
}

int
pci_irqs_set(struct pci_irqs *irqs, uint32_t vector, int eventfd)
{
	int ret = 0;

	if (irqs->most == 0)
		return -ENOTSUP;
	if (vector >= RTE_MAX(irqs->most, irqs->enabled))
		return -EINVAL;
	irqs->eventfds[vector] = eventfd;
	if (vector < irqs->enabled)
		ret = set_irqs(irqs, vector, &eventfd, 1);
	else if (eventfd >= 0)
		ret = grow(irqs, vector + 1);
	if (ret < 0)
		irqs->eventfds[vector] = -1;
	return ret;
}

void
pci_irqs_fini(struct pci_irqs *irqs)
{
	if (irqs->enabled > 0)
		set_irqs(irqs, 0, NULL, 0);
	irqs->enabled = 0;
}
