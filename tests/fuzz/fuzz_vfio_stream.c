/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Fuzzes the framing of vfio-user: what comes out of streams that are cut anywhere, with
 * descriptors at any byte, lengths that lie, and ends that come at any time. Clients write to
 * socket pairs that the server adopts; a model of theirs cuts what was sent into requests. Each of
 * them has one answer, in order, whatever other clients do; nobody is dropped without a reason, and
 * nothing is left of those who are gone. For libFuzzer; replay.c runs single inputs with any
 * compiler.
 *
 * An input is a sequence of steps, each
 *	u8 who: [3:0] client, which connects if it isn't; [4] an act instead of bytes; [5] the
 *	   server has no turn after it
 *	u8 bytes: [3:0] how many descriptors, [5:4] their kind; act: which, see enum act
 *	u8 how many bytes, which follow; act: what it needs
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio_user/vu.h"
#include "vfio_user_device.h"

#define CLIENTS 12 /* more than the server has room for */
#define STEP_HEADER 3
#define INPUT_MAX 8192
#define REQUESTS_MAX (INPUT_MAX / 16 + 1)
#define FDS_MAX 15
#define ZEROES 4096
#define TURNS_MAX 100000

enum act { ACT_HANG_UP, ACT_SHUT_WRITE, ACT_SHUT_READ, ACT_ZEROES, ACT_READ, ACTS };

struct answer {
	uint16_t id;
	uint16_t command;
};

/** A client and its model. */
struct client {
	int fd; /**< -1: none */
	bool shut; /**< the client itself has ended it in one direction */
	bool evicted; /**< others have come since, it may have had to make room */
	bool silent; /**< a request asked for no answer: why the server drops it isn't told */
	/* What was sent. */
	union {
		struct vu_header header;
		uint8_t bytes[sizeof(struct vu_header)];
	} request;
	uint32_t sent; /**< of the request that isn't whole */
	unsigned int fds;
	bool refused; /**< nothing is read any more */
	struct answer expected[REQUESTS_MAX];
	unsigned int num_expected;
	/* What came back. */
	union {
		struct vu_header header;
		uint8_t bytes[sizeof(struct vu_header)];
	} reply;
	uint32_t received; /**< of the answer that isn't whole */
	unsigned int num_received;
	uint32_t error; /**< of the last answer */
};

static struct fuzz_device device;
static struct revere_emu_vfio_user *server;
static struct client clients[CLIENTS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_device_init(&device);
	server = revere_emu_vfio_user_create(device.emu, 0, NULL, NULL, 0);
	fuzz_need(server != NULL);
	return 0;
}

static void
serve(void)
{
	struct pollfd poll_fd = { .fd = revere_emu_vfio_user_fd(server), .events = POLLIN };
	unsigned int turns = 0;

	while (poll(&poll_fd, 1, 0) > 0) {
		fuzz_need(revere_emu_vfio_user_process(server) == 0);
		/* It doesn't run in circles. */
		fuzz_need(turns++ < TURNS_MAX);
	}
}

/* ---- What was sent ------------------------------------------------------------------------ */

static bool
header_is_good(const struct vu_header *header)
{
	return (header->flags & VU_F_TYPE_MASK) == VU_F_COMMAND &&
	       header->size >= sizeof(*header) && header->size <= sizeof(*header) + VU_MAX_DATA;
}

static void
answer_expect(struct client *client)
{
	fuzz_need(client->num_expected < REQUESTS_MAX);
	client->expected[client->num_expected++] = (struct answer){
		client->request.header.id, client->request.header.command };
}

/* The header is there, and what it announces. */
static void
request_end(struct client *client)
{
	client->refused = client->fds > VU_MAX_FDS || !header_is_good(&client->request.header);
	if (client->refused || (client->request.header.flags & VU_F_NO_REPLY) == 0)
		answer_expect(client);
	else
		client->silent = true;
	client->sent = 0;
	client->fds = 0;
}

static void
requests_model(struct client *client, const uint8_t *data, size_t size)
{
	const uint32_t head = sizeof(client->request);
	size_t part;

	while (size > 0 && !client->refused) {
		if (client->sent < head) {
			client->request.bytes[client->sent++] = *data;
			part = 1;
		} else {
			part = client->request.header.size - client->sent;
			part = part < size ? part : size;
			client->sent += (uint32_t)part;
		}
		data += part;
		size -= part;
		if (client->sent >= head && (client->sent == client->request.header.size ||
				!header_is_good(&client->request.header)))
			request_end(client);
	}
}

/* ---- What comes back ---------------------------------------------------------------------- */

static void
reply_header_check(struct client *client)
{
	const struct vu_header *header = &client->reply.header;
	const struct answer *answer = &client->expected[client->num_received];

	fuzz_need(client->num_received < client->num_expected);
	fuzz_need(header->id == answer->id && header->command == answer->command);
	fuzz_need((header->flags & VU_F_TYPE_MASK) == VU_F_REPLY);
	fuzz_need((header->flags & VU_F_ERROR) == (header->error != 0 ? VU_F_ERROR : 0));
	fuzz_need(header->size >= sizeof(*header));
	fuzz_need(header->size <= (header->error != 0 ? sizeof(*header) :
		sizeof(*header) + VU_MAX_DATA));
	client->error = header->error;
}

static void
replies_check(struct client *client, const uint8_t *data, size_t size)
{
	const uint32_t head = sizeof(client->reply);
	size_t part;

	while (size > 0) {
		if (client->received < head) {
			client->reply.bytes[client->received++] = *data;
			part = 1;
			if (client->received == head)
				reply_header_check(client);
		} else {
			part = client->reply.header.size - client->received;
			part = part < size ? part : size;
			client->received += (uint32_t)part;
		}
		data += part;
		size -= part;
		if (client->received >= head && client->received == client->reply.header.size) {
			client->num_received++;
			client->received = 0;
		}
	}
}

static void
client_end(struct client *client)
{
	close(client->fd);
	client->fd = -1;
}

/* The server has ended it: there was a reason. */
static void
client_dropped(struct client *client)
{
	fuzz_need(client->shut || client->evicted || client->silent || client->refused ||
		client->error != 0);
	client_end(client);
}

/* Reads what is there; false: there is nothing. */
static bool
client_read(struct client *client)
{
	static uint8_t data[65536];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t got;
	int fd = -1;

	rvr_fds_expect(&msg, &room);
	got = recvmsg(client->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (got <= 0) {
		if (!client->shut || got < 0)
			client_dropped(client);
		return false;
	}
	if (rvr_fds_take(&msg, &fd, 1) > 0 && fd >= 0)
		close(fd);
	replies_check(client, data, (size_t)got);
	return true;
}

/* Reads until nothing more comes. */
static void
client_drain(struct client *client)
{
	serve();
	while (client->fd >= 0 && client_read(client))
		serve();
}

/* ---- Steps -------------------------------------------------------------------------------- */

static void
client_connect(struct client *client)
{
	int fds[2];
	unsigned int i;

	for (i = 0; i < CLIENTS; i++)
		clients[i].evicted = true;
	memset(client, 0, sizeof(*client));
	fuzz_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	fuzz_need(revere_emu_vfio_user_adopt(server, fds[1]) == 0);
	client->fd = fds[0];
}

static void
fds_put(struct msghdr *msg, void *control, unsigned int num, int fd)
{
	struct cmsghdr *header = control;
	unsigned int i;

	if (num == 0)
		return;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(num * sizeof(int));
	for (i = 0; i < num; i++)
		memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(fd));
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(num * sizeof(int));
}

/* Sends some bytes; 0: the socket is full, or the client is gone. */
static size_t
send_some(struct client *client, const uint8_t *data, size_t size, unsigned int num_fds, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	_Alignas(8) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	fds_put(&msg, control, num_fds, fd);
	sent = sendmsg(client->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0) {
		client->fds += num_fds;
		requests_model(client, data, (size_t)sent);
		return (size_t)sent;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK && client->shut)
		client_end(client);
	return 0;
}

static void
client_send(struct client *client, const uint8_t *data, size_t size, unsigned int num_fds, int fd)
{
	size_t sent;

	while (size > 0 && client->fd >= 0) {
		sent = send_some(client, data, size, num_fds, fd);
		if (sent == 0) {
			/* Who reads its answers gets on, or is told why not. */
			client_drain(client);
			if (client->fd < 0)
				return;
			sent = send_some(client, data, size, num_fds, fd);
			fuzz_need(sent > 0 || client->fd < 0 || client->shut);
			if (sent == 0)
				return;
		}
		data += sent;
		size -= sent;
		num_fds = 0;
	}
}

static void
client_act(struct client *client, enum act act, uint8_t count)
{
	static const uint8_t zeroes[ZEROES];

	switch (act) {
	case ACT_HANG_UP:
		client_end(client);
		break;
	case ACT_SHUT_WRITE:
	case ACT_SHUT_READ:
		client->shut = true;
		shutdown(client->fd, act == ACT_SHUT_WRITE ? SHUT_WR : SHUT_RD);
		break;
	case ACT_ZEROES:
		for (; count > 0; count--)
			client_send(client, zeroes, sizeof(zeroes), 0, -1);
		break;
	case ACT_READ:
	default:
		client_drain(client);
		break;
	}
}

static void
step(const uint8_t *head, const uint8_t *payload, size_t size)
{
	struct client *client = &clients[(head[0] & 0xf) % CLIENTS];

	if (client->fd < 0)
		client_connect(client);
	if (head[0] & 0x10)
		client_act(client, (enum act)(head[1] % ACTS), head[2]);
	else
		client_send(client, payload, size, head[1] & 0xf, device.fds[head[1] >> 4 & 3]);
	if ((head[0] & 0x20) == 0)
		serve();
}

/* Everything that was asked is answered, unless the connection has ended before. */
static void
finish(void)
{
	unsigned int i;

	for (i = 0; i < CLIENTS; i++) {
		if (clients[i].fd < 0)
			continue;
		client_drain(&clients[i]);
		fuzz_need(clients[i].fd < 0 || clients[i].shut ||
			(clients[i].received == 0 && !clients[i].refused &&
				clients[i].num_received == clients[i].num_expected));
	}
	for (i = 0; i < CLIENTS; i++)
		if (clients[i].fd >= 0)
			client_end(&clients[i]);
	serve();
	fuzz_need(!revere_emu_vfio_user_connected(server) && fuzz_reaches_nothing(&device));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = fuzz_free_fd(&device);
	unsigned int i;
	size_t len;

	if (size > INPUT_MAX)
		return 0;
	for (i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	while (size >= STEP_HEADER) {
		len = data[0] & 0x10 ? 0 : data[2];
		if (len > size - STEP_HEADER)
			len = size - STEP_HEADER;
		step(data, data + STEP_HEADER, len);
		data += STEP_HEADER + len;
		size -= STEP_HEADER + len;
	}
	finish();
	fuzz_need(fuzz_free_fd(&device) == before);
	memset(device.memory, 0, FUZZ_MEMORY);
	return 0;
}
