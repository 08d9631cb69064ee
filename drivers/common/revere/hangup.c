/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* The end of the connection to the process that has a device, told by EAL's interrupt thread. */

#include <sys/epoll.h>
#include <unistd.h>

#include "common_private.h"

static void
hung_up(void *arg)
{
	struct hangup *hangup = arg;

	/* Told once; what stays readable would be told again and again. */
	epoll_ctl(hangup->epoll_fd, EPOLL_CTL_DEL, hangup->fd, NULL);
	COMMON_LOG(ERR, hangup->name,
		"the device is gone: its server closed the connection; detach "
		"the device, and attach it again when the server is back");
	device_gone(hangup->transport);
}

/*
 * EAL's interrupt thread can only wait for data, of which each reply would be some: so it waits
 * for an epoll instance, which waits for the end of the connection alone.
 */
int
hangup_watch(struct hangup *hangup, const char *name, int fd, struct revere_transport *transport)
{
	struct epoll_event event = { .events = EPOLLRDHUP };
	int ret = -ENOMEM;

	hangup->name = name;
	hangup->transport = transport;
	hangup->fd = fd;
	hangup->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (hangup->epoll_fd < 0 ||
		epoll_ctl(hangup->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		ret = -errno;
	else
		hangup->intr = intr_make(hangup->epoll_fd);
	if (hangup->intr != NULL) {
		ret = rte_intr_callback_register(hangup->intr, hung_up, hangup);
		if (ret == 0)
			return 0;
		rte_intr_instance_free(hangup->intr);
		hangup->intr = NULL;
	}
	COMMON_LOG(ERR, name, "nothing would tell when the server dies: %s", strerror(-ret));
	return ret;
}

void
hangup_unwatch(struct hangup *hangup)
{
	if (hangup->intr != NULL) {
		rte_intr_callback_unregister_sync(hangup->intr, hung_up, hangup);
		rte_intr_instance_free(hangup->intr);
		hangup->intr = NULL;
	}
	if (hangup->epoll_fd >= 0)
		close(hangup->epoll_fd);
	hangup->epoll_fd = -1;
}
