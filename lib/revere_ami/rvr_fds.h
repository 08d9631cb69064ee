/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Descriptors that go along with a message on a UNIX socket: for all who speak vfio-user or the
 * protocol of revere-pfd.
 */

#ifndef RVR_FDS_H
#define RVR_FDS_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/** Descriptors with a message; more than any request has. */
#define RVR_FDS_MAX 8

/** Where sendmsg() and recvmsg() have them. */
union rvr_fds {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(RVR_FDS_MAX * sizeof(int))];
};

/** Has a descriptor go along; nothing if it is negative. */
static inline void
rvr_fds_put(struct msghdr *msg, union rvr_fds *room, int fd)
{
	if (fd < 0)
		return;
	memset(room, 0, sizeof(*room));
	room->header.cmsg_level = SOL_SOCKET;
	room->header.cmsg_type = SCM_RIGHTS;
	room->header.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&room->header), &fd, sizeof(fd));
	msg->msg_control = room->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(fd));
}

/**
 * Sends a message, whole or not at all: a packet, or a small one on a stream.
 *
 * @param pass  a descriptor that goes along, or negative
 * @return bytes, or -1 with errno
 */
static inline ssize_t
rvr_fds_send(int fd, const void *data, size_t size, int pass)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t sent;

	rvr_fds_put(&msg, &room, pass);
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

/** Before recvmsg(): makes room for what may come. */
static inline void
rvr_fds_expect(struct msghdr *msg, union rvr_fds *room)
{
	msg->msg_control = room->bytes;
	msg->msg_controllen = sizeof(room->bytes);
}

/**
 * After recvmsg() has succeeded: takes the descriptors that came.
 *
 * @param fds  room for @p max of them; what comes beyond is closed
 * @return how many came; more than @p max, too, if the kernel has dropped some
 */
static inline unsigned int
rvr_fds_take(struct msghdr *msg, int *fds, unsigned int max)
{
	struct cmsghdr *header;
	unsigned int num = 0;
	size_t i, count;
	int fd;

	for (header = CMSG_FIRSTHDR(msg); header != NULL; header = CMSG_NXTHDR(msg, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < count; i++, num++) {
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			if (num < max)
				fds[num] = fd;
			else
				close(fd);
		}
	}
	return num <= max && (msg->msg_flags & MSG_CTRUNC) != 0 ? max + 1 : num;
}

/**
 * Whether a descriptor that came from elsewhere is an eventfd: a write to another kind of file
 * could block who signals.
 *
 * @return 1 it is, 0 it is not, or negative errno: there is no /proc to ask
 */
static inline int
rvr_fds_is_eventfd(int fd)
{
	static const char name[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(name)];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target));
	if (len < 0)
		return -errno;
	return len == sizeof(name) - 1 && memcmp(target, name, sizeof(name) - 1) == 0;
}

#endif /* RVR_FDS_H */
