/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Exceptions and errors of a device, told by interrupt 0 and handled in EAL's interrupt thread.
 * A transport without interrupts does without: then exceptions wait for revere_exception_poll().
 */

#include <sys/eventfd.h>
#include <unistd.h>

#include "common_private.h"

#define EVENTS_VECTOR 0

static void
handle_events(void *arg)
{
	struct revere_device *device = arg;
	uint64_t count;
	uint16_t state;

	if (read(rte_intr_fd_get(device->intr), &count, sizeof(count)) != sizeof(count))
		return;
	revere_exception_poll(device->dev);
	state = revere_error_state(device->dev);
	if (state != RVR_ERROR_STATE_NONE)
		COMMON_LOG(WARNING, device->name, "ERROR_STATE is %#x: %s", state,
			revere_error_state_text(state));
}

struct rte_intr_handle *
intr_make(int fd)
{
	struct rte_intr_handle *intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	if (intr == NULL)
		return NULL;
	if (rte_intr_fd_set(intr, fd) == 0 && rte_intr_type_set(intr, RTE_INTR_HANDLE_EXT) == 0)
		return intr;
	rte_intr_instance_free(intr);
	return NULL;
}

static int
start(struct revere_device *device, int fd)
{
	int ret;

	device->intr = intr_make(fd);
	if (device->intr == NULL)
		return -ENOMEM;
	ret = rte_intr_callback_register(device->intr, handle_events, device);
	if (ret == 0) {
		ret = device->transport->ops->irq_set(device->transport, EVENTS_VECTOR, fd);
		if (ret == 0)
			return 0;
		rte_intr_callback_unregister_sync(device->intr, handle_events, device);
	}
	rte_intr_instance_free(device->intr);
	device->intr = NULL;
	return ret;
}

void
events_start(struct revere_device *device)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int ret;

	ret = fd < 0 ? -errno : start(device, fd);
	if (ret == 0) {
		revere_dev_irq_enable(device->dev, EVENTS_VECTOR, true);
		return;
	}
	COMMON_LOG(INFO, device->name, "no interrupts for exceptions: %s", strerror(-ret));
	if (fd >= 0)
		close(fd);
}

void
events_stop(struct revere_device *device)
{
	int fd;

	if (device->intr == NULL)
		return;
	revere_dev_irq_enable(device->dev, EVENTS_VECTOR, false);
	device->transport->ops->irq_set(device->transport, EVENTS_VECTOR, -1);
	fd = rte_intr_fd_get(device->intr);
	rte_intr_callback_unregister_sync(device->intr, handle_events, device);
	rte_intr_instance_free(device->intr);
	device->intr = NULL;
	close(fd);
}
