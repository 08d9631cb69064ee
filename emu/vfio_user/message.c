/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Framing: requests out of a stream, with the descriptors that came along, and replies into it.
 * Never reads beyond the message at hand: descriptors belong to the bytes that they came with.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vu.h"

int
vu_stream_init(struct vu_stream *stream, int fd)
{
	memset(stream, 0, sizeof(*stream));
	stream->fd = fd;
	stream->out_fd = -1;
	stream->in = malloc(VU_MAX_DATA);
	stream->out = malloc(sizeof(struct vu_header) + VU_MAX_DATA);
	if (stream->in != NULL && stream->out != NULL)
		return 0;
	free(stream->in);
	free(stream->out);
	return -ENOMEM;
}

static void
fds_close(struct vu_stream *stream)
{
	while (stream->num_fds > 0)
		close(stream->fds[--stream->num_fds]);
}

void
vu_stream_fini(struct vu_stream *stream)
{
	fds_close(stream);
	close(stream->fd);
	free(stream->in);
	free(stream->out);
}

void
vu_stream_next(struct vu_stream *stream)
{
	fds_close(stream);
	stream->fds_lost = false;
	stream->received = 0;
	stream->out_size = 0;
	stream->out_sent = 0;
	stream->out_fd = -1;
}

/* Every descriptor that arrives is kept or closed, whatever else is wrong. */
static void
fds_collect(struct vu_stream *stream, struct msghdr *msg)
{
	unsigned int room = VU_MAX_FDS - stream->num_fds;
	unsigned int num = rvr_fds_take(msg, stream->fds + stream->num_fds, room);

	stream->fds_lost |= num > room;
	stream->num_fds += num < room ? num : room;
}

static ssize_t
receive_some(struct vu_stream *stream, void *to, size_t size)
{
	struct iovec iov = { .iov_base = to, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t ret;

	rvr_fds_expect(&msg, &room);
	do {
		ret = recvmsg(stream->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	fds_collect(stream, &msg);
	return ret > 0 ? ret : -ECONNRESET;
}

int
vu_stream_receive(struct vu_stream *stream)
{
	const uint32_t header_size = sizeof(stream->header);
	ssize_t ret;

	for (;;) {
		if (stream->received < header_size)
			ret = receive_some(stream, &stream->header_bytes[stream->received],
				header_size - stream->received);
		else if (vu_header_check(&stream->header) < 0 ||
			 stream->received == stream->header.size)
			return 1;
		else
			ret = receive_some(stream, stream->in + (stream->received - header_size),
				stream->header.size - stream->received);
		if (ret == -EAGAIN || ret == -EWOULDBLOCK)
			return 0;
		if (ret < 0)
			return (int)ret;
		stream->received += (uint32_t)ret;
	}
}

static ssize_t
send_some(struct vu_stream *stream)
{
	struct iovec iov = {
		.iov_base = stream->out + stream->out_sent,
		.iov_len = stream->out_size - stream->out_sent,
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t ret;

	/* The descriptor goes with the first byte. */
	if (stream->out_sent == 0)
		rvr_fds_put(&msg, &room, stream->out_fd);
	do {
		ret = sendmsg(stream->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

int
vu_stream_send(struct vu_stream *stream)
{
	ssize_t ret;

	while (stream->out_sent < stream->out_size) {
		ret = send_some(stream);
		if (ret == -EAGAIN || ret == -EWOULDBLOCK)
			return 0;
		if (ret < 0)
			return (int)ret;
		stream->out_sent += (uint32_t)ret;
	}
	return 1;
}
