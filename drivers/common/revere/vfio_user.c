/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A client of vfio-user: connection, and requests with their replies. A server that dies closes
 * the socket, which ends every wait; one that is stuck is given up after a while.
 */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common_private.h"
#include "rvr_fds.h"
#include "vfio_user.h"

#define TIMEOUT_S 5
#define DATA_MAX 512 /* bytes of the payload of any request and reply here */

static const char capabilities[] =
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}";

/* One end's half of an exchange. */
struct payload {
	uint8_t data[DATA_MAX];
	uint32_t size; /* of data; of a reply: room on the way in */
	int fd;	       /* that goes along, -1 none */
};

/* ---- Stream --------------------------------------------------------------------------------- */

static int
send_all(int fd, const void *data, size_t size, int pass)
{
	struct iovec iov = { .iov_base = RTE_PTR_ADD(data, 0), .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t sent;

	rvr_fds_put(&msg, &room, pass);
	while (iov.iov_len > 0) {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		iov.iov_base = RTE_PTR_ADD(iov.iov_base, sent);
		iov.iov_len -= (size_t)sent;
		/* It went with the first byte. */
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

/* *passed: the first descriptor that came, if it has none yet; -1 none. */
static int
receive_all(int fd, void *data, size_t size, int *passed)
{
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t got;

	while (iov.iov_len > 0) {
		rvr_fds_expect(&msg, &room);
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ECONNRESET;
		rvr_fds_take(&msg, passed, *passed < 0 ? 1 : 0);
		iov.iov_base = RTE_PTR_ADD(iov.iov_base, got);
		iov.iov_len -= (size_t)got;
	}
	return 0;
}

/* ---- Exchange ------------------------------------------------------------------------------- */

/* Receives the reply to the request in @p sent; *refused is the server's errno. */
static int
receive_reply(struct vfio_user *client, const struct vfio_user_header *sent,
	struct payload *reply, int *refused)
{
	struct vfio_user_header header;
	int ret = receive_all(client->fd, &header, sizeof(header), &reply->fd);

	if (ret < 0)
		return ret;
	if ((header.flags & VFIO_USER_F_TYPE_MASK) != VFIO_USER_F_REPLY ||
		header.id != sent->id || header.command != sent->command ||
		header.size < sizeof(header) || header.size - sizeof(header) > reply->size)
		return -EPROTO;
	reply->size = header.size - (uint32_t)sizeof(header);
	ret = receive_all(client->fd, reply->data, reply->size, &reply->fd);
	if (ret < 0)
		return ret;
	*refused = 0;
	if ((header.flags & VFIO_USER_F_ERROR) != 0)
		*refused = header.error == 0 || header.error > INT16_MAX ? EIO : (int)header.error;
	return 0;
}

/* A request and its reply; with -ETIMEDOUT, -EPROTO and others the stream is of no use any more. */
static int
exchange_locked(struct vfio_user *client, enum vfio_user_command command,
	const struct payload *request, struct payload *reply, int *refused)
{
	const struct vfio_user_header header = {
		.id = client->id++,
		.command = (uint16_t)command,
		.size = (uint32_t)sizeof(header) + request->size,
	};
	uint8_t message[sizeof(header) + DATA_MAX];
	int ret;

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), request->data, request->size);
	ret = send_all(client->fd, message, header.size, request->fd);
	if (ret == 0)
		ret = receive_reply(client, &header, reply, refused);
	return ret == -EAGAIN ? -ETIMEDOUT : ret;
}

/* What a stream that ended so is to the user of a device that was there. */
static const char *
lost_text(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "the server doesn't answer any more";
	case EPROTO:
		return "the server sent what is no reply";
	default:
		return "the server has gone";
	}
}

/*
 * Any @p request and @p reply may be the same. 0; the server's errno, negative; -ENODEV once the
 * connection is over, when the other side is told so.
 */
static int
exchange(struct vfio_user *client, enum vfio_user_command command,
	const struct payload *request, struct payload *reply)
{
	int ret = -ENODEV, refused = 0;

	reply->fd = -1;
	pthread_mutex_lock(&client->lock);
	if (!client->lost) {
		ret = exchange_locked(client, command, request, reply, &refused);
		if (ret < 0) {
			COMMON_LOG(INFO, client->name, "vfio-user request %d: %s: %s", command,
				lost_text(-ret), strerror(-ret));
			client->lost = true;
			/* Wakes who waits for the end of the connection, here as well as there. */
			shutdown(client->fd, SHUT_RDWR);
			ret = -ENODEV;
		}
	}
	pthread_mutex_unlock(&client->lock);
	if (ret == 0)
		ret = -refused;
	if (ret < 0 && reply->fd >= 0) {
		close(reply->fd);
		reply->fd = -1;
	}
	return ret;
}

/* A request of @p size bytes whose reply is of the same form and at least as long. */
static int
exchange_struct(struct vfio_user *client, enum vfio_user_command command, void *data,
	uint32_t size)
{
	struct payload request = { .size = size, .fd = -1 };
	struct payload reply = { .size = DATA_MAX };
	int ret;

	memcpy(request.data, data, size);
	ret = exchange(client, command, &request, &reply);
	if (ret < 0)
		return ret;
	if (reply.fd >= 0)
		close(reply.fd);
	if (reply.size < size)
		return -EPROTO;
	memcpy(data, reply.data, size);
	return 0;
}

/* ---- Connection ----------------------------------------------------------------------------- */

static int
check_path(const char *name, const char *path)
{
	struct sockaddr_un address;
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path)) {
		COMMON_LOG(ERR, name, "socket=%s: longer than %zu characters, use a shorter path",
			path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	if (stat(path, &st) < 0) {
		int error = errno;

		COMMON_LOG(ERR, name, "socket=%s: %s: start revere-emu --socket %s, or give the "
			"path of one that runs", path, strerror(error), path);
		return -error;
	}
	if (!S_ISSOCK(st.st_mode)) {
		COMMON_LOG(ERR, name, "socket=%s: is no socket, give the path that revere-emu "
			"--socket has", path);
		return -ENOTSOCK;
	}
	return 0;
}

static const char *
connect_hint(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "nobody serves it any more, start revere-emu again";
	case EACCES:
		return "write permission on the socket is needed";
	case EPROTOTYPE:
		return "no stream socket, so no vfio-user server's";
	default:
		return "is a vfio-user server behind it?";
	}
}

static int
open_socket(const char *name, const char *path)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0) {
		error = errno;
		COMMON_LOG(ERR, name, "socket=%s: no socket: %s", path, strerror(error));
		return -error;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	COMMON_LOG(ERR, name, "socket=%s: can't connect: %s: %s", path, strerror(error),
		connect_hint(error));
	close(fd);
	return -error;
}

static int
negotiate(struct vfio_user *client, const char *path)
{
	struct vfio_user_version version = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	struct payload request = { .size = sizeof(version) + sizeof(capabilities), .fd = -1 };
	struct payload reply = { .size = DATA_MAX };
	int ret;

	memcpy(request.data, &version, sizeof(version));
	memcpy(request.data + sizeof(version), capabilities, sizeof(capabilities));
	ret = exchange(client, VFIO_USER_VERSION, &request, &reply);
	if (ret == 0 && reply.fd >= 0)
		close(reply.fd);
	if (ret == -EBUSY) {
		COMMON_LOG(ERR, client->name, "socket=%s: another process uses this device, and it "
			"serves one: give this one a revere-emu of its own", path);
		return ret;
	}
	if (ret < 0 || reply.size < sizeof(version)) {
		COMMON_LOG(ERR, client->name, "socket=%s: the server doesn't speak vfio-user: give "
			"the path that revere-emu --socket has", path);
		return ret == 0 || ret == -ENODEV ? -EPROTO : ret;
	}
	memcpy(&version, reply.data, sizeof(version));
	if (version.major == VFIO_USER_MAJOR)
		return 0;
	COMMON_LOG(ERR, client->name, "socket=%s: the server speaks vfio-user %u.%u, this is "
		"%u.%u: update the older one", path, version.major, version.minor,
		VFIO_USER_MAJOR, VFIO_USER_MINOR);
	return -EPROTONOSUPPORT;
}

static int
target_map(struct memory_target *target, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	return vfio_user_dma_map(container_of(target, struct vfio_user, memory), iova, size, fd,
		offset);
}

static int
target_unmap(struct memory_target *target, uint64_t iova, uint64_t size)
{
	return vfio_user_dma_unmap(container_of(target, struct vfio_user, memory), iova, size);
}

int
vfio_user_connect(struct vfio_user *client, const char *name, const char *path)
{
	int ret = check_path(name, path);

	if (ret < 0)
		return ret;
	*client = (struct vfio_user){
		.name = name,
		.memory = { name, target_map, target_unmap },
	};
	client->fd = open_socket(name, path);
	if (client->fd < 0)
		return client->fd;
	pthread_mutex_init(&client->lock, NULL);
	reach_init(&client->reach);
	ret = negotiate(client, path);
	if (ret < 0)
		vfio_user_close(client);
	return ret;
}

void
vfio_user_close(struct vfio_user *client)
{
	close(client->fd);
	client->fd = -1;
	pthread_mutex_destroy(&client->lock);
	reach_fini(&client->reach);
}

/* ---- Device, regions, interrupts ------------------------------------------------------------ */

int
vfio_user_device_info(struct vfio_user *client, struct vfio_user_device_info *info)
{
	*info = (struct vfio_user_device_info){ .argsz = sizeof(*info) };
	return exchange_struct(client, VFIO_USER_DEVICE_GET_INFO, info, sizeof(*info));
}

int
vfio_user_region_info(struct vfio_user *client, uint32_t region,
	struct vfio_region_info *info, size_t size, int *fd)
{
	struct payload request = { .size = sizeof(*info), .fd = -1 };
	struct payload reply = { .size = DATA_MAX };
	int ret;

	size = RTE_MIN(size, (size_t)DATA_MAX);
	memset(info, 0, size);
	info->argsz = (uint32_t)size;
	info->index = region;
	memcpy(request.data, info, sizeof(*info));
	ret = exchange(client, VFIO_USER_DEVICE_GET_REGION_INFO, &request, &reply);
	if (ret < 0)
		return ret;
	*fd = reply.fd;
	memcpy(info, reply.data, RTE_MIN((size_t)reply.size, size));
	if (reply.size >= sizeof(*info) && reply.size <= size)
		return 0;
	if (reply.fd >= 0)
		close(reply.fd);
	*fd = -1;
	return -EPROTO;
}

int
vfio_user_irq_count(struct vfio_user *client, uint32_t index, uint32_t *count)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	int ret = exchange_struct(client, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info));

	*count = ret == 0 ? info.count : 0;
	return ret;
}

int
vfio_user_irq_set(struct vfio_user *client, uint32_t index, uint32_t vector, int eventfd)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.start = vector,
		.count = 1,
	};
	struct payload request = { .size = sizeof(set), .fd = eventfd };
	struct payload reply = { .size = DATA_MAX };

	memcpy(request.data, &set, sizeof(set));
	return exchange(client, VFIO_USER_DEVICE_SET_IRQS, &request, &reply);
}

int
vfio_user_read(struct vfio_user *client, uint32_t region, uint64_t offset, void *data,
	uint32_t size)
{
	const struct vfio_user_region_access access = { offset, region, size };
	struct payload request = { .size = sizeof(access), .fd = -1 };
	struct payload reply = { .size = DATA_MAX };
	int ret;

	memcpy(request.data, &access, sizeof(access));
	ret = exchange(client, VFIO_USER_REGION_READ, &request, &reply);
	if (ret == 0 && reply.size != sizeof(access) + size)
		ret = -EPROTO;
	if (ret == 0)
		memcpy(data, reply.data + sizeof(access), size);
	return ret;
}

int
vfio_user_write(struct vfio_user *client, uint32_t region, uint64_t offset,
	const void *data, uint32_t size)
{
	const struct vfio_user_region_access access = { offset, region, size };
	struct payload request = { .size = (uint32_t)sizeof(access) + size, .fd = -1 };
	struct payload reply = { .size = DATA_MAX };

	if (request.size > DATA_MAX)
		return -EMSGSIZE;
	memcpy(request.data, &access, sizeof(access));
	memcpy(request.data + sizeof(access), data, size);
	return exchange(client, VFIO_USER_REGION_WRITE, &request, &reply);
}

/* ---- Memory, reset -------------------------------------------------------------------------- */

int
vfio_user_dma_map(struct vfio_user *client, uint64_t iova, uint64_t size, int fd,
	uint64_t offset)
{
	const struct vfio_user_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE,
		.offset = offset,
		.addr = iova,
		.size = size,
	};
	struct payload request = { .size = sizeof(map), .fd = fd };
	struct payload reply = { .size = DATA_MAX };
	int ret;

	memcpy(request.data, &map, sizeof(map));
	ret = exchange(client, VFIO_USER_DMA_MAP, &request, &reply);
	if (ret == 0)
		reach_add(&client->reach, iova, size);
	return ret;
}

int
vfio_user_dma_unmap(struct vfio_user *client, uint64_t iova, uint64_t size)
{
	struct vfio_user_dma_unmap unmap = { .argsz = sizeof(unmap), .addr = iova, .size = size };

	reach_remove(&client->reach, iova, size);
	return exchange_struct(client, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));
}

int
vfio_user_reset(struct vfio_user *client)
{
	struct payload request = { .fd = -1 };
	struct payload reply = { .size = DATA_MAX };

	return exchange(client, VFIO_USER_DEVICE_RESET, &request, &reply);
}
