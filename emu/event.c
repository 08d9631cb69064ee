/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Signals eventfds that others own. write() to one whose counter is full waits until its owner
 * reads, unless it is non-blocking, which the owner decides and may change at any moment: an
 * owner could stop the device's threads. The kernel's own signals never wait, and a request of
 * Linux' asynchronous I/O can ask for one (resfd).
 */

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event.h"

#define EVENTS 128 /* requests between looks at their completions, which say nothing */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static aio_context_t context; /* 0: this kernel has none for us */

static void
context_make(void)
{
	if (syscall(SYS_io_setup, EVENTS, &context) < 0)
		context = 0;
}

static void
completions_drop(void)
{
	struct io_event events[EVENTS];
	struct timespec now = { 0, 0 };

	syscall(SYS_io_getevents, context, 0L, (long)EVENTS, events, &now);
}

/*
 * An eventfd is ready to be read, or to be written, or both: a poll of it for either is complete at
 * once, and completion is what signals it.
 */
static int
signal_by_aio(int fd)
{
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = POLLIN | POLLOUT | POLLERR,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *requests[] = { &request };
	long ret = syscall(SYS_io_submit, context, 1L, requests);

	if (ret < 0 && errno == EAGAIN) {
		completions_drop();
		ret = syscall(SYS_io_submit, context, 1L, requests);
	}
	return ret == 1 ? 0 : -errno;
}

/* Without asynchronous I/O: as near as it gets. */
static int
signal_by_write(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return -EAGAIN;
	return eventfd_write(fd, 1) == 0 ? 0 : -errno;
}

int
event_signal(int fd)
{
	int ret = -ENOSYS;

	pthread_once(&once, context_make);
	if (context != 0) {
		pthread_mutex_lock(&lock);
		ret = signal_by_aio(fd);
		pthread_mutex_unlock(&lock);
	}
	return ret == 0 ? 0 : signal_by_write(fd);
}
