/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Closing what others have sent, or may have: it can take as long as they like, as of a socket that
 * lingers, or a file whose file system is a process. So each is closed by a thread of its own, also
 * connections, as there may be descriptors in what was not received.
 *
 * What a descriptor is has to be told without asking its file system.
 */

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pfd.h"
#include "rvr_fds.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

#define STACK (PTHREAD_STACK_MIN + 0x4000)

bool
pfd_is_memory(int fd)
{
	/* That there are seals, or could be, is memory's alone: memfd, tmpfs, hugetlbfs. */
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static void *
run(void *arg)
{
	struct pfd_aside *aside = arg;
	unsigned int i;
	uint8_t byte;

	/* The kernel closes what comes with the packet, too. */
	if (aside->take)
		recv(aside->conn, &byte, sizeof(byte), MSG_DONTWAIT);
	for (i = 0; i < aside->num; i++)
		close(aside->fds[i]);
	close(aside->conn);
	if (aside->pipe >= 0 &&
		write(aside->pipe, &aside->done, sizeof(aside->done)) != sizeof(aside->done))
		pfd_log(PFD_ERR, "a thread can't say that it is done: %s", strerror(errno));
	free(aside);
	return NULL;
}

void
pfd_aside(const struct pfd_aside *what)
{
	struct pfd_aside *aside = malloc(sizeof(*aside)), own = *what;
	pthread_attr_t attr;
	pthread_t thread;
	int ret = ENOMEM;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	if (aside != NULL) {
		*aside = own;
		ret = pthread_create(&thread, &attr, run, aside);
	}
	pthread_attr_destroy(&attr);
	if (ret == 0)
		return;
	free(aside);
	/* It stays open: that is the lesser evil. */
	pfd_log(PFD_ERR, "no thread to close descriptors: %s", strerror(ret));
	if (own.pipe >= 0 && write(own.pipe, &own.done, sizeof(own.done)) < 0)
		pfd_log(PFD_ERR, "%s", strerror(errno));
}
