/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Interrupts: MSI-X vectors are eventfds that the client gives; the device signals them without
 * the server. Masking is the client's, which keeps the MSI-X table.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event.h"
#include "rvr_fds.h"
#include "vu.h"

int
vu_irq_init(struct vu_device *dev)
{
	struct vu_irqs *irqs = &dev->irqs;
	unsigned int i;

	irqs->num_msix = revere_emu_config_get(dev->emu)->msix_vectors;
	irqs->msix = malloc(irqs->num_msix * sizeof(*irqs->msix));
	if (irqs->msix == NULL)
		return -ENOMEM;
	for (i = 0; i < irqs->num_msix; i++)
		irqs->msix[i] = -1;
	irqs->req = -1;
	return 0;
}

void
vu_irq_fini(struct vu_device *dev)
{
	free(dev->irqs.msix);
}

static unsigned int
irq_count(const struct vu_device *dev, uint32_t index)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return dev->irqs.num_msix;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

static int *
irq_slot(struct vu_device *dev, uint32_t index, uint32_t vector)
{
	return index == VFIO_PCI_REQ_IRQ_INDEX ? &dev->irqs.req : &dev->irqs.msix[vector];
}

/*
 * Takes over @p fd, -1 none. The device lets go of the old one before it is closed; from one
 * eventfd to another there is no moment without, so no interrupt gets lost.
 */
static int
irq_connect(struct vu_device *dev, uint32_t index, uint32_t vector, int fd)
{
	int *slot = irq_slot(dev, index, vector);
	int ret;

	if (*slot < 0 && fd < 0)
		return 0;
	if (index == VFIO_PCI_MSIX_IRQ_INDEX) {
		ret = revere_emu_irq_set(dev->emu, dev->function, vector, fd);
		if (ret < 0 && fd >= 0) {
			close(fd);
			return ret;
		}
	}
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
	return 0;
}

void
vu_irq_drop_all(struct vu_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->irqs.num_msix; i++)
		irq_connect(dev, VFIO_PCI_MSIX_IRQ_INDEX, i, -1);
	irq_connect(dev, VFIO_PCI_REQ_IRQ_INDEX, 0, -1);
}

static void
irq_signal(int fd)
{
	/* Full means that the client has far more to count than it looks at. */
	if (fd >= 0)
		(void)event_signal(fd);
}

int
vu_irq_request(struct vu_device *dev)
{
	if (dev->irqs.req < 0)
		return -ENOTSUP;
	irq_signal(dev->irqs.req);
	return 0;
}

int
vu_irq_info(struct vu_device *dev, struct vu_msg *msg)
{
	struct vfio_irq_info request, *info;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request) || request.index >= VU_NUM_IRQS)
		return -EINVAL;
	info = vu_reply(msg, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = request.index;
	info->count = irq_count(dev, request.index);
	info->flags = info->count > 0 ? VFIO_IRQ_INFO_EVENTFD : 0;
	return 0;
}

static int
irqs_assign(struct vu_device *dev, const struct vfio_irq_set *set, struct vu_msg *msg)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < set->count; i++)
		if (msg->num_fds > 0 && rvr_fds_is_eventfd(msg->fds[i]) == 0)
			return -EINVAL;
	for (i = 0; i < set->count && ret == 0; i++)
		ret = irq_connect(dev, set->index, set->start + i,
			msg->num_fds > 0 ? vu_take_fd(msg, i) : -1);
	return ret;
}

/* A client's test of its own wires: as if the device had raised them. */
static int
irqs_trigger(struct vu_device *dev, const struct vfio_irq_set *set, const struct vu_msg *msg)
{
	const uint8_t *bools = msg->data + sizeof(*set);
	bool all = (set->flags & VFIO_IRQ_SET_DATA_NONE) != 0;
	uint32_t i;

	if (!all && msg->size - sizeof(*set) < set->count)
		return -EINVAL;
	for (i = 0; i < set->count; i++)
		if (all || bools[i] != 0)
			irq_signal(*irq_slot(dev, set->index, set->start + i));
	return 0;
}

static int
irqs_disable(struct vu_device *dev, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < irq_count(dev, index); i++)
		irq_connect(dev, index, i, -1);
	return 0;
}

/* Exactly one kind of data, nothing but triggers: there is no mask that the client lacks. */
static int
set_check(const struct vu_device *dev, const struct vfio_irq_set *set, unsigned int num_fds)
{
	uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	unsigned int count = irq_count(dev, set->index);

	if (set->argsz < sizeof(*set) || set->index >= VU_NUM_IRQS)
		return -EINVAL;
	if (set->flags != (data | VFIO_IRQ_SET_ACTION_TRIGGER) || data == 0 ||
	    (data & (data - 1)) != 0)
		return -EINVAL;
	if (set->start > count || set->count > count - set->start)
		return -EINVAL;
	if (set->count == 0 && (set->start != 0 || data != VFIO_IRQ_SET_DATA_NONE))
		return -EINVAL;
	if (num_fds != 0 && (data != VFIO_IRQ_SET_DATA_EVENTFD || num_fds != set->count))
		return -EINVAL;
	return 0;
}

int
vu_irq_set(struct vu_device *dev, struct vu_msg *msg)
{
	struct vfio_irq_set set;
	int ret;

	memcpy(&set, msg->data, sizeof(set));
	ret = set_check(dev, &set, msg->num_fds);
	if (ret < 0)
		return ret;
	if (set.count == 0)
		return irqs_disable(dev, set.index);
	if ((set.flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0)
		return irqs_assign(dev, &set, msg);
	return irqs_trigger(dev, &set, msg);
}
