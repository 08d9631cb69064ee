/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Sockets of the vfio-user server: the path, the connections, and the loop that serves them
 * without ever waiting for one of them.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vu.h"

#define MAX_CONNS 8	/* the client and those that are being refused, at least 2 */
#define MAX_EVENTS 16
#define CONN_BURST 64	/* requests of one connection in a row */

struct conn {
	struct revere_emu_vfio_user *server;
	struct vu_client client;
	struct vu_stream stream;
	uint32_t events; /* that epoll waits for */
	uint64_t number; /* in order of arrival */
};

struct revere_emu_vfio_user {
	struct vu_device dev;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none */
	dev_t path_dev;
	ino_t path_ino;
	int listen_fd;
	int epoll_fd;
	uint64_t arrivals;
	struct conn *conns[MAX_CONNS];
};

/* ---- Connections ------------------------------------------------------------------------ */

static void
conn_drop(struct conn *conn)
{
	struct revere_emu_vfio_user *server = conn->server;
	unsigned int i;

	for (i = 0; i < MAX_CONNS; i++)
		if (server->conns[i] == conn)
			server->conns[i] = NULL;
	/* The client may wait for the end of the connection, which is to mean a clean device. */
	vu_client_gone(&server->dev, &conn->client);
	vu_stream_fini(&conn->stream);
	free(conn);
}

static int
conn_wait(struct conn *conn, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (conn->events == events)
		return 0;
	if (epoll_ctl(conn->server->epoll_fd, conn->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		    conn->stream.fd, &event) < 0)
		return -errno;
	conn->events = events;
	return 0;
}

/* A free place; who has waited longest without a word makes room. */
static struct conn **
conn_slot(struct revere_emu_vfio_user *server)
{
	struct conn **oldest = NULL, **slot;

	for (slot = server->conns; slot < server->conns + MAX_CONNS; slot++) {
		if (*slot == NULL)
			return slot;
		if (!(*slot)->client.owner &&
		    (oldest == NULL || (*slot)->number < (*oldest)->number))
			oldest = slot;
	}
	return oldest;
}

static int
conn_new(struct revere_emu_vfio_user *server, int fd)
{
	struct conn **slot = conn_slot(server), *conn;
	int ret;

	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return -ENOMEM;
	conn->server = server;
	conn->number = server->arrivals++;
	ret = vu_stream_init(&conn->stream, fd);
	if (ret < 0) {
		free(conn);
		return ret;
	}
	ret = conn_wait(conn, EPOLLIN);
	if (ret < 0) {
		conn->stream.fd = -1; /* stays the caller's */
		vu_stream_fini(&conn->stream);
		free(conn);
		return ret;
	}
	if (*slot != NULL)
		conn_drop(*slot);
	*slot = conn;
	return 0;
}

/* A request that can't be read to its end: told so, and nothing can follow it. */
static void
conn_refuse(struct conn *conn, int error)
{
	vu_log(&conn->server->dev, REVERE_EMU_LOG_WARNING,
		"malformed message (request %u, %u bytes, flags %#x%s), connection closed",
		conn->stream.header.command, conn->stream.header.size, conn->stream.header.flags,
		conn->stream.fds_lost ? ", too many descriptors" : "");
	vu_reply_header(&conn->stream.header, 0, error);
	memcpy(conn->stream.out, &conn->stream.header, sizeof(conn->stream.header));
	conn->stream.out_size = sizeof(conn->stream.header);
	conn->client.close = true;
}

static void
conn_request(struct conn *conn)
{
	struct vu_stream *stream = &conn->stream;
	struct vu_msg msg = {
		.header = stream->header,
		.data = stream->in,
		.size = stream->header.size - (uint32_t)sizeof(stream->header),
		.num_fds = stream->num_fds,
		.reply = stream->out + sizeof(stream->header),
	};
	int ret = vu_header_check(&stream->header);

	if (ret == 0 && stream->fds_lost)
		ret = -EINVAL;
	if (ret < 0) {
		conn_refuse(conn, -ret);
		return;
	}
	memcpy(msg.fds, stream->fds, sizeof(msg.fds));
	stream->num_fds = 0;
	if (!vu_handle(&conn->server->dev, &conn->client, &msg))
		return;
	memcpy(stream->out, &msg.header, sizeof(msg.header));
	stream->out_size = msg.header.size;
	stream->out_fd = msg.reply_fd;
}

/* Requests and replies, until the socket has nothing or takes nothing. < 0: drop it. */
static int
conn_run(struct conn *conn)
{
	unsigned int i;
	int ret;

	for (i = 0; i < CONN_BURST; i++) {
		ret = vu_stream_send(&conn->stream);
		if (ret == 0)
			return conn_wait(conn, EPOLLOUT);
		if (ret < 0)
			return ret;
		if (conn->client.close)
			return -ECONNABORTED;
		if (conn->stream.out_size > 0)
			vu_stream_next(&conn->stream);
		ret = vu_stream_receive(&conn->stream);
		if (ret == 0)
			return conn_wait(conn, EPOLLIN);
		if (ret < 0)
			return ret;
		conn_request(conn);
		if (conn->stream.out_size == 0)
			vu_stream_next(&conn->stream);
	}
	/* Others' turn. A reply may wait: EPOLLOUT comes at once. */
	return conn_wait(conn, conn->stream.out_size > 0 ? EPOLLOUT : EPOLLIN);
}

static void
accept_all(struct revere_emu_vfio_user *server)
{
	int fd, ret;

	for (;;) {
		fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		ret = conn_new(server, fd);
		if (ret < 0) {
			vu_log(&server->dev, REVERE_EMU_LOG_WARNING, "connection refused: %s",
				strerror(-ret));
			close(fd);
		}
	}
}

int
revere_emu_vfio_user_process(struct revere_emu_vfio_user *server)
{
	struct epoll_event events[MAX_EVENTS];
	bool newcomers = false;
	int num, i;

	num = epoll_wait(server->epoll_fd, events, MAX_EVENTS, 0);
	if (num < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < num; i++) {
		struct conn *conn = events[i].data.ptr;

		/* Last, because newcomers can end connections which have events here. */
		if (conn == NULL)
			newcomers = true;
		else if (conn_run(conn) < 0)
			conn_drop(conn);
	}
	if (newcomers)
		accept_all(server);
	return 0;
}

int
revere_emu_vfio_user_adopt(struct revere_emu_vfio_user *server, int fd)
{
	return conn_new(server, fd);
}

/* ---- The path ----------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static int
fail(char *error, size_t error_size, int ret, const char *format, ...)
{
	va_list args;

	if (error != NULL && error_size > 0) {
		va_start(args, format);
		vsnprintf(error, error_size, format, args);
		va_end(args);
	}
	return ret;
}

/* Whether someone serves at the path: -EADDRINUSE. A socket without a server is removed. */
static int
path_probe(const struct sockaddr_un *address)
{
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	close(fd);
	if (ret == 0 || ret == -EAGAIN)
		return -EADDRINUSE;
	if (ret == -ECONNREFUSED)
		return unlink(address->sun_path) == 0 ? 0 : -errno;
	return ret;
}

static int
path_free(const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno; /* of a missing folder bind() tells */
	return S_ISSOCK(st.st_mode) ? path_probe(address) : -ENOTSOCK;
}

static int
path_bind(struct revere_emu_vfio_user *server, const struct sockaddr_un *address)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct stat st;

	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;
	if (bind(server->listen_fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	if (lstat(address->sun_path, &st) == 0) {
		memcpy(server->path, address->sun_path, sizeof(server->path));
		server->path_dev = st.st_dev;
		server->path_ino = st.st_ino;
	}
	if (listen(server->listen_fd, SOMAXCONN) < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0)
		return -errno;
	return 0;
}

static const char *
path_advice(int ret)
{
	switch (ret) {
	case -EADDRINUSE:
		return "another process serves there: stop it or choose another path";
	case -ENOTSOCK:
		return "something that is no socket is there: remove it or choose another path";
	case -ENOENT:
		return "no such folder: create it or choose another path";
	case -ENOTDIR:
		return "a part of the path is no folder: choose another path";
	case -EACCES:
	case -EPERM:
		return "no permission: change the folder's or choose another path";
	default:
		return strerror(-ret);
	}
}

static int
path_listen(struct revere_emu_vfio_user *server, const char *path, char *error, size_t error_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int ret;

	if (len == 0 || len >= sizeof(address.sun_path))
		return fail(error, error_size, len == 0 ? -EINVAL : -ENAMETOOLONG,
			"socket path '%s' has %zu bytes, a UNIX socket's can have 1 to %zu: "
			"choose another", path, len, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, len);
	ret = path_free(&address);
	if (ret == 0)
		ret = path_bind(server, &address);
	if (ret < 0)
		return fail(error, error_size, ret, "can't serve on socket %s: %s", path,
			path_advice(ret));
	return 0;
}

/* Only what was made here: another server may have the path by now. */
static void
path_remove(struct revere_emu_vfio_user *server)
{
	struct stat st;

	if (server->path[0] != '\0' && lstat(server->path, &st) == 0 &&
	    st.st_dev == server->path_dev && st.st_ino == server->path_ino)
		unlink(server->path);
}

/* ---- The server ---------------------------------------------------------------------------- */

static int
server_init(struct revere_emu_vfio_user *server, struct revere_emu *emu, unsigned int function,
	char *error, size_t error_size)
{
	int ret;

	server->listen_fd = -1;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0)
		return fail(error, error_size, -errno, "can't make an epoll: %s", strerror(errno));
	ret = vu_device_init(&server->dev, emu, function);
	if (ret == 0)
		return 0;
	close(server->epoll_fd);
	if (ret == -EINVAL)
		return fail(error, error_size, ret, "the device has no function %u, only 0 to %u: "
			"raise num_vf or serve another", function,
			revere_emu_config_get(emu)->num_vf);
	return fail(error, error_size, ret, "can't serve function %u: %s", function,
		strerror(-ret));
}

struct revere_emu_vfio_user *
revere_emu_vfio_user_create(struct revere_emu *emu, unsigned int function, const char *path,
	char *error, size_t error_size)
{
	struct revere_emu_vfio_user *server = calloc(1, sizeof(*server));
	int ret;

	if (server == NULL) {
		fail(error, error_size, 0, "no memory for a server");
		errno = ENOMEM;
		return NULL;
	}
	ret = server_init(server, emu, function, error, error_size);
	if (ret < 0) {
		free(server);
		errno = -ret;
		return NULL;
	}
	if (path != NULL)
		ret = path_listen(server, path, error, error_size);
	if (ret < 0) {
		revere_emu_vfio_user_destroy(server);
		errno = -ret;
		return NULL;
	}
	return server;
}

void
revere_emu_vfio_user_destroy(struct revere_emu_vfio_user *server)
{
	unsigned int i;

	if (server == NULL)
		return;
	path_remove(server);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	for (i = 0; i < MAX_CONNS; i++)
		if (server->conns[i] != NULL)
			conn_drop(server->conns[i]);
	vu_device_fini(&server->dev);
	close(server->epoll_fd);
	free(server);
}

int
revere_emu_vfio_user_fd(const struct revere_emu_vfio_user *server)
{
	return server->epoll_fd;
}

bool
revere_emu_vfio_user_connected(const struct revere_emu_vfio_user *server)
{
	return server->dev.owner != NULL;
}

int
revere_emu_vfio_user_request_release(struct revere_emu_vfio_user *server)
{
	return server->dev.owner == NULL ? -ENOTCONN : vu_irq_request(&server->dev);
}

int
revere_emu_vfio_user_dump(const struct revere_emu_vfio_user *server, int fd)
{
	const struct vu_device *dev = &server->dev;
	uint64_t bytes = 0, reachable = 0;
	unsigned int i, vectors = 0;

	for (i = 0; i < dev->dma.own.num; i++) {
		bytes += dev->dma.own.ranges[i].size;
		reachable += dev->dma.own.ranges[i].file != NULL ? dev->dma.own.ranges[i].size : 0;
	}
	for (i = 0; i < dev->irqs.num_msix; i++)
		vectors += dev->irqs.msix[i] >= 0;
	if (dprintf(fd,
		    "vfio-user function %u: socket %s, %s, bus master %s\n"
		    "  %u DMA maps, %llu bytes, %llu of them reachable, in %u files\n"
		    "  maps for %u PASIDs\n"
		    "  %u of %u interrupt vectors connected\n",
		    dev->function, server->path[0] != '\0' ? server->path : "none",
		    dev->owner != NULL ? "client connected" : "no client",
		    dev->config.bus_master ? "on" : "off", dev->dma.own.num,
		    (unsigned long long)bytes, (unsigned long long)reachable, dev->dma.num_files,
		    dev->dma.num_pasids, vectors, dev->irqs.num_msix) < 0)
		return -errno;
	return 0;
}
