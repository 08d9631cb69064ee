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

#include <string.h>
#include <sys/socket.h>
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

#endif /* RVR_FDS_H */
