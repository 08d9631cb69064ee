/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The Physical Function that a vfio-user server has, such as revere-emu: requests, and management
 * commands by rings in a file of ours.
 *
 * A process that dies leaves the connection and the rings to the next. So messages are small
 * enough to be sent and received whole or not at all; replies that the last process was waiting
 * for are told by their number, and commands by the device's indices.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "pfd.h"
#include "rvr_fds.h"
#include "rvr_regs.h"
#include "rvr_vfio_user.h"

#define TIMEOUT_S 10
#define MESSAGE_MAX 512
#define COMMAND_LOG2 6 /* at most; of responses too */
#define EXCEPTION_LOG2 8
#define RINGS_IOVA UINT64_C(0x100000)
#define RINGS_SIZE 0x10000u
#define COMMAND_AT 0x0u
#define RESPONSE_AT 0x1000u
#define EXCEPTION_AT 0x4000u

_Static_assert(COMMAND_AT + (RVR_MGT_MSG_SIZE << COMMAND_LOG2) <= RESPONSE_AT, "rings");
_Static_assert(RESPONSE_AT + (RVR_MGT_MSG_SIZE << COMMAND_LOG2) <= EXCEPTION_AT, "rings");
_Static_assert(EXCEPTION_AT + (RVR_MGT_MSG_SIZE << EXCEPTION_LOG2) <= RINGS_SIZE, "rings");

/* ---- vfio-user ------------------------------------------------------------------------------- */

enum { VERSION = 1, DMA_MAP = 2, GET_IRQ_INFO = 7, SET_IRQS = 8, REGION_READ = 9,
	REGION_WRITE = 10 };

#define F_TYPE_MASK 0xfu
#define F_REPLY 0x1u
#define F_ERROR 0x20u
#define DMA_READ_WRITE 0x3u
#define UNMAP_ALL 0x2u

struct vu_header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct vu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, addr, size;
};

struct vu_access {
	uint64_t offset;
	uint32_t region, count;
	uint64_t value;
};

#define ACCESS_HEAD offsetof(struct vu_access, value)

struct pfd_device {
	int fd;
	uint16_t id; /* of the next request */
	bool lost;
	int rings_fd, event_fd;
	uint8_t *rings;
	uint64_t command, response, exception; /* our indices */
	uint64_t acknowledged; /* response, as the device knows it */
	unsigned int log2_commands;
	uint32_t vectors;
	volatile uint64_t *pages[PFD_IDS]; /* that were looked at */
};

static int
send_message(int fd, const void *data, size_t size, int pass)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	ssize_t sent;

	rvr_fds_put(&msg, &room, pass);
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)size ? 0 : -ENODEV;
}

/* One message, all at once. @return its bytes */
static ssize_t
receive_message(int fd, void *data, size_t room, int *passed)
{
	struct iovec iov = { .iov_base = data };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct vu_header header;
	union rvr_fds fds;
	ssize_t got;

	do {
		got = recv(fd, &header, sizeof(header), MSG_PEEK | MSG_WAITALL);
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(header) || header.size < sizeof(header) || header.size > room)
		return -ENODEV;
	iov.iov_len = header.size;
	rvr_fds_expect(&msg, &fds);
	do {
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	} while (got < 0 && errno == EINTR);
	*passed = -1;
	if (got > 0)
		rvr_fds_take(&msg, passed, 1);
	return got == (ssize_t)header.size ? got : -ENODEV;
}

/* The reply to a request of ours; what the last process has asked for is skipped. */
static int
receive_reply(const struct pfd_device *device, const struct vu_header *sent, void *reply,
	size_t room, int *passed)
{
	uint8_t message[MESSAGE_MAX];
	struct vu_header header;
	ssize_t got;
	int fd;

	do {
		got = receive_message(device->fd, message, sizeof(message), &fd);
		if (got < 0)
			return (int)got;
		memcpy(&header, message, sizeof(header));
		if (fd >= 0 && (header.id != sent->id || passed == NULL))
			close(fd);
	} while (header.id != sent->id);
	if ((header.flags & F_TYPE_MASK) != F_REPLY || header.command != sent->command)
		return -ENODEV;
	if (passed != NULL)
		*passed = fd;
	if ((header.flags & F_ERROR) != 0)
		return header.error == 0 || header.error > INT16_MAX ? -EIO : -(int)header.error;
	if ((size_t)got - sizeof(header) < room)
		return -EPROTO;
	if (room > 0)
		memcpy(reply, message + sizeof(header), room);
	return 0;
}

/* Whoever watches the connection sees its end. */
static void
lose(struct pfd_device *device)
{
	device->lost = true;
	shutdown(device->fd, SHUT_RDWR);
}

/* A request; of the reply the first @p room bytes. -ENODEV: there is no server any more. */
static int
ask(struct pfd_device *device, uint16_t command, const void *data, size_t size, int pass,
	void *reply, size_t room, int *passed)
{
	const struct vu_header header = {
		.id = device->id++,
		.command = command,
		.size = (uint32_t)(sizeof(header) + size),
	};
	uint8_t message[MESSAGE_MAX];
	int ret = -ENODEV;

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), data, size);
	if (!device->lost)
		ret = send_message(device->fd, message, header.size, pass);
	if (ret == 0)
		ret = receive_reply(device, &header, reply, room, passed);
	if (ret == -ENODEV && !device->lost) {
		pfd_log(PFD_ERR, "the device's server has gone, or doesn't answer");
		lose(device);
	}
	return ret;
}

static uint64_t
read64(struct pfd_device *device, uint32_t offset)
{
	struct vu_access access = { offset, RVR_PCI_BAR_REGS, sizeof(uint64_t), 0 };

	if (ask(device, REGION_READ, &access, ACCESS_HEAD, -1, &access, sizeof(access), NULL) < 0)
		return UINT64_MAX;
	return rvr_le64_cpu(access.value);
}

static int
write64(struct pfd_device *device, uint32_t offset, uint64_t value)
{
	const struct vu_access access = { offset, RVR_PCI_BAR_REGS, sizeof(uint64_t),
		rvr_cpu_le64(value) };

	return ask(device, REGION_WRITE, &access, sizeof(access), -1, NULL, 0, NULL);
}

static int
irq_request(struct pfd_device *device, uint32_t flags, uint32_t vector, int fd)
{
	struct {
		uint32_t argsz, flags, index, start, count;
	} set = { sizeof(set), flags | VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX,
		vector, 1 };

	return ask(device, SET_IRQS, &set, sizeof(set), fd, NULL, 0, NULL);
}

/* ---- Management commands -------------------------------------------------------------------- */

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint8_t *
slot(const struct pfd_device *device, uint32_t ring, uint64_t index, unsigned int log2_size)
{
	uint64_t mask = (UINT64_C(1) << log2_size) - 1;

	return device->rings + ring + (index & mask) * RVR_MGT_MSG_SIZE;
}

/* Waits for a register of the device's index to be as it will be. */
static int
wait_index(struct pfd_device *device, uint32_t offset, uint64_t wanted)
{
	uint64_t deadline = now_ms() + TIMEOUT_S * 1000;
	struct timespec pause = { 0, 20000 };
	uint64_t value;

	for (;;) {
		value = read64(device, offset);
		if (device->lost)
			return -ENODEV;
		if (value == wanted)
			return 0;
		if (now_ms() > deadline)
			break;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
	pfd_log(PFD_ERR, "the device's index at %#x is %" PRIu64 " and not %" PRIu64, offset,
		value, wanted);
	lose(device);
	return -ENODEV;
}

/* All that was posted is done: each command has one response. */
static int
device_flush(void *arg)
{
	struct pfd_device *device = arg;
	const uint64_t size = UINT64_C(1) << device->log2_commands;
	int ret;

	if (device->response == device->command)
		return 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ret = write64(device, RVR_MGT_WRITE_INDEX_TX, device->command);
	if (ret == 0)
		ret = wait_index(device, RVR_MGT_WRITE_INDEX_RX, device->command);
	if (ret < 0)
		return ret;
	device->response = device->command;
	/* Room for as many responses as commands is enough. */
	if (device->response - device->acknowledged < size / 2)
		return 0;
	device->acknowledged = device->response;
	return write64(device, RVR_MGT_READ_INDEX_RX, device->response);
}

/* A register costs a message to the server and one back: commands share these. */
static int
device_post(void *arg, const void *request)
{
	struct pfd_device *device = arg;
	int ret = 0;

	if (device->command - device->acknowledged == UINT64_C(1) << device->log2_commands)
		ret = device_flush(device);
	if (ret < 0)
		return ret;
	memcpy(slot(device, COMMAND_AT, device->command, device->log2_commands), request,
		RVR_MGT_MSG_SIZE);
	device->command++;
	return 0;
}

static int
device_command(void *arg, const void *request, void *response)
{
	struct pfd_device *device = arg;
	int ret = device_post(device, request);

	if (ret == 0)
		ret = device_flush(device);
	if (ret == 0)
		memcpy(response, slot(device, RESPONSE_AT, device->response - 1,
			device->log2_commands), RVR_MGT_MSG_SIZE);
	return ret;
}

static int
device_exceptions(void *arg)
{
	struct pfd_device *device = arg;
	uint64_t written = read64(device, RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (device->lost || written - device->exception > UINT64_C(1) << EXCEPTION_LOG2)
		return 0;
	return (int)(written - device->exception);
}

static void
device_exception(void *arg, void *msg)
{
	const struct pfd_device *device = arg;

	memcpy(msg, slot(device, EXCEPTION_AT, device->exception, EXCEPTION_LOG2),
		RVR_MGT_MSG_SIZE);
}

static void
device_exception_done(void *arg)
{
	struct pfd_device *device = arg;

	device->exception++;
	write64(device, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION, device->exception);
}

void
pfd_device_again(struct pfd_device *device)
{
	if (device_exceptions(device) > 0)
		eventfd_write(device->event_fd, 1);
}

/* ---- Backend -------------------------------------------------------------------------------- */

static uint64_t
device_reg_read(void *arg, uint32_t offset)
{
	return read64(arg, offset);
}

static int
page_kept(struct pfd_device *device, uint32_t flags, uint32_t id, uint32_t ami_sw_id, int *fd)
{
	struct rvr_vfio_user_page_kept page = { .argsz = sizeof(page), .flags = flags, .key = id,
		.ami_sw_id = ami_sw_id };
	int ret = ask(device, RVR_VFIO_USER_PAGE_KEPT, &page, sizeof(page), -1, &page, sizeof(page),
		fd);

	return ret == 0 && *fd < 0 && flags != RVR_VFIO_USER_PAGE_DROP ? -EPROTO : ret;
}

static int
device_page(void *arg, uint32_t id, int *fd, uint64_t *offset)
{
	*offset = 0;
	return page_kept(arg, 0, id, 0, fd);
}

static int
device_page_bind(void *arg, uint32_t id, uint32_t ami_sw_id)
{
	int fd, ret = page_kept(arg, RVR_VFIO_USER_PAGE_BIND, id, ami_sw_id, &fd);

	if (ret == 0)
		close(fd);
	return ret;
}

static void
page_unmap(struct pfd_device *device, uint32_t id)
{
	if (device->pages[id] != NULL)
		munmap((void *)(uintptr_t)device->pages[id], RVR_AMI_SW_PAGE_SIZE);
	device->pages[id] = NULL;
}

static void
device_page_drop(void *arg, uint32_t id)
{
	struct pfd_device *device = arg;
	int fd;

	page_unmap(device, id);
	page_kept(device, RVR_VFIO_USER_PAGE_DROP, id, 0, &fd);
}

static volatile uint64_t *
device_page_words(void *arg, uint32_t id)
{
	struct pfd_device *device = arg;
	void *at;
	int fd;

	if (device->pages[id] != NULL)
		return device->pages[id];
	if (page_kept(device, 0, id, 0, &fd) < 0)
		return NULL;
	at = mmap(NULL, RVR_AMI_SW_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		device->pages[id] = at;
	return device->pages[id];
}

static int
device_dma_map(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	const struct rvr_vfio_user_dma_map_pasid map = {
		.argsz = sizeof(map),
		.flags = DMA_READ_WRITE,
		.offset = offset,
		.addr = iova,
		.size = size,
		.pasid = pasid,
	};

	/* The server maps a file once for all: who may read it only must not write to it there. */
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return -EACCES;
	return ask(arg, RVR_VFIO_USER_DMA_MAP_PASID, &map, sizeof(map), fd, NULL, 0, NULL);
}

static int
device_dma_unmap(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, struct pfd_mapped *left)
{
	struct rvr_vfio_user_dma_unmap_pasid unmap = {
		.argsz = sizeof(unmap),
		.flags = size == 0 ? UNMAP_ALL : 0,
		.addr = iova,
		.size = size,
		.pasid = pasid,
	};

	int ret = ask(arg, RVR_VFIO_USER_DMA_UNMAP_PASID, &unmap, sizeof(unmap), -1, &unmap,
		sizeof(unmap), NULL);

	*left = (struct pfd_mapped){ .bytes = unmap.size, .maps = unmap.maps };
	return ret;
}

static int
device_irq_set(void *arg, uint32_t vector, int fd)
{
	return irq_request(arg, VFIO_IRQ_SET_DATA_EVENTFD, vector, fd);
}

static int
device_irq_trigger(void *arg, uint32_t vector)
{
	return irq_request(arg, VFIO_IRQ_SET_DATA_NONE, vector, -1);
}

const struct pfd_backend pfd_device_backend = {
	.command = device_command,
	.post = device_post,
	.flush = device_flush,
	.reg_read = device_reg_read,
	.exceptions = device_exceptions,
	.exception = device_exception,
	.exception_done = device_exception_done,
	.page = device_page,
	.page_bind = device_page_bind,
	.page_drop = device_page_drop,
	.page_words = device_page_words,
	.dma_map = device_dma_map,
	.dma_unmap = device_dma_unmap,
	.irq_set = device_irq_set,
	.irq_trigger = device_irq_trigger,
};

/* ---- Bring-up ------------------------------------------------------------------------------- */

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, ret;

	if (strlen(path) >= sizeof(address.sun_path)) {
		pfd_log(PFD_ERR, "device %s: longer than %zu characters", path,
			sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	ret = -errno;
	pfd_log(PFD_ERR, "device %s: can't connect: %s: give the path that revere-emu --socket "
		"has", path, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

static int
negotiate(struct pfd_device *device)
{
	static const struct {
		uint16_t major, minor;
		char json[64];
	} version = { 0, 1, "{\"capabilities\":{\"max_msg_fds\":8}}" };
	uint16_t theirs[2] = { UINT16_MAX, 0 };
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, id[2];
	struct vu_access access = { PCI_VENDOR_ID, VFIO_PCI_CONFIG_REGION_INDEX, sizeof(id), 0 };
	size_t size = offsetof(__typeof__(version), json) + strlen(version.json) + 1;
	int ret = ask(device, VERSION, &version, size, -1, theirs, sizeof(theirs), NULL);

	if (ret < 0 || theirs[0] != 0) {
		pfd_log(PFD_ERR, "the device's server %s", ret == -EBUSY ? "serves another "
			"process" : "doesn't speak vfio-user 0.1");
		return ret < 0 ? ret : -EPROTONOSUPPORT;
	}
	ret = ask(device, REGION_READ, &access, ACCESS_HEAD, -1, &access,
		ACCESS_HEAD + sizeof(id), NULL);
	memcpy(id, &access.value, sizeof(id));
	if (ret < 0 || id[0] != RVR_PCI_VENDOR_ID || id[1] != RVR_PCI_DEVICE_ID_PF) {
		pfd_log(PFD_ERR, "the server has no Physical Function of a Revere device");
		return -ENODEV;
	}
	access = (struct vu_access){ PCI_COMMAND, VFIO_PCI_CONFIG_REGION_INDEX, sizeof(command),
		0 };
	memcpy(&access.value, &command, sizeof(command));
	return ask(device, REGION_WRITE, &access, ACCESS_HEAD + sizeof(command), -1, NULL, 0,
		NULL);
}

static int
rings_map(struct pfd_device *device)
{
	device->rings = mmap(NULL, RINGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		device->rings_fd, 0);
	return device->rings == MAP_FAILED ? -errno : 0;
}

static int
rings_make(struct pfd_device *device)
{
	const struct vu_dma_map map = { sizeof(map), DMA_READ_WRITE, 0, RINGS_IOVA, RINGS_SIZE };
	int ret;

	device->rings_fd = memfd_create("revere-pfd-rings", MFD_CLOEXEC);
	if (device->rings_fd < 0 || ftruncate(device->rings_fd, RINGS_SIZE) < 0)
		return -errno;
	ret = rings_map(device);
	return ret < 0 ? ret : ask(device, DMA_MAP, &map, sizeof(map), device->rings_fd, NULL, 0,
		NULL);
}

/* The 0 to 1 edge of AMU_EN zeroes management indices. */
static int
bring_up(struct pfd_device *device)
{
	uint64_t most = rvr_get(read64(device, RVR_AMU_IDR), RVR_AMU_IDR_MAX_LOG2_SIZE);
	const uint64_t log2 = most < COMMAND_LOG2 ? most : COMMAND_LOG2;
	const struct {
		uint32_t offset;
		uint64_t value;
	} writes[] = {
		{ RVR_AMU_CR, 0 },
		{ RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1) },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_COMMAND, RINGS_IOVA + COMMAND_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_COMMAND, log2 },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_RESPONSE, RINGS_IOVA + RESPONSE_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_RESPONSE, log2 },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION, RINGS_IOVA + EXCEPTION_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_EXCEPTION, EXCEPTION_LOG2 },
		{ RVR_MGT_RX_VECTOR, 0 },
		{ RVR_MGT_RX_DIGEST_MASK,
			UINT64_C(1) << RVR_MGT_RX_RESPONSE | UINT64_C(1) << RVR_MGT_RX_TRACE },
		{ RVR_MGT_RX_IRQ_CTRL, 1 },
	};
	size_t i;
	int ret = 0;

	if (rvr_get(read64(device, RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV) != RVR_ARCH_MAJOR) {
		pfd_log(PFD_ERR, "the device's architecture revision isn't %d", RVR_ARCH_MAJOR);
		return -ENOTSUP;
	}
	device->log2_commands = (unsigned int)log2;
	for (i = 0; i < sizeof(writes) / sizeof(writes[0]) && ret == 0; i++)
		ret = write64(device, writes[i].offset, writes[i].value);
	return ret;
}

/* Interrupts of our own, and how many there are. */
static int
events_start(struct pfd_device *device)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int ret = ask(device, GET_IRQ_INFO, &info, sizeof(info), -1, &info, sizeof(info), NULL);

	if (ret < 0)
		return ret;
	device->vectors = info.count;
	device->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (device->event_fd < 0)
		return -errno;
	return device_irq_set(device, 0, device->event_fd);
}

static struct pfd_device *
device_make(int fd)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct pfd_device *device = calloc(1, sizeof(*device));

	if (device == NULL)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	device->fd = fd;
	device->rings_fd = -1;
	device->event_fd = -1;
	device->rings = MAP_FAILED;
	/* Other numbers than those of a process before. */
	device->id = (uint16_t)(getpid() * 257 + (int)now_ms());
	return device;
}

struct pfd_device *
pfd_device_open(const char *path)
{
	struct pfd_device *device;
	int fd = connect_to(path), ret;

	if (fd < 0)
		return NULL;
	device = device_make(fd);
	if (device == NULL) {
		close(fd);
		return NULL;
	}
	ret = negotiate(device);
	if (ret == 0)
		ret = rings_make(device);
	if (ret == 0)
		ret = bring_up(device);
	if (ret == 0)
		ret = events_start(device);
	if (ret == 0)
		return device;
	pfd_log(PFD_ERR, "device %s: %s", path, strerror(-ret));
	pfd_device_close(device);
	return NULL;
}

/* A command on its way is done before its response is of no interest to anyone. */
static int
catch_up(struct pfd_device *device)
{
	int ret;

	device->command = read64(device, RVR_MGT_WRITE_INDEX_TX);
	device->log2_commands = (unsigned int)rvr_get(read64(device,
		RVR_MSK_CTRL + 0x10 * RVR_MSK_COMMAND), RVR_MSK_CTRL_LOG2_SIZE);
	if (device->lost)
		return -ENODEV;
	ret = wait_index(device, RVR_MGT_READ_INDEX_TX, device->command);
	/* Each command has one response: as many as commands. */
	if (ret == 0)
		ret = wait_index(device, RVR_MGT_WRITE_INDEX_RX, device->command);
	device->response = device->command;
	device->acknowledged = device->command;
	if (ret == 0)
		ret = write64(device, RVR_MGT_READ_INDEX_RX, device->response);
	device->exception = read64(device, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION);
	return ret;
}

struct pfd_device *
pfd_device_adopt(int fd, int rings_fd)
{
	struct pfd_device *device = device_make(fd);
	int ret;

	if (device == NULL)
		return NULL;
	device->rings_fd = rings_fd;
	ret = rings_map(device);
	if (ret == 0)
		ret = catch_up(device);
	if (ret == 0)
		ret = events_start(device);
	if (ret == 0)
		return device;
	pfd_log(PFD_ERR, "the device that was kept is of no use: %s", strerror(-ret));
	pfd_device_close(device);
	return NULL;
}

void
pfd_device_close(struct pfd_device *device)
{
	uint32_t id;

	if (device == NULL)
		return;
	for (id = 0; id < PFD_IDS; id++)
		page_unmap(device, id);
	close(device->fd);
	if (device->rings != MAP_FAILED)
		munmap(device->rings, RINGS_SIZE);
	if (device->rings_fd >= 0)
		close(device->rings_fd);
	if (device->event_fd >= 0)
		close(device->event_fd);
	free(device);
}

int
pfd_device_fd(const struct pfd_device *device)
{
	return device->fd;
}

int
pfd_device_rings_fd(const struct pfd_device *device)
{
	return device->rings_fd;
}

int
pfd_device_event_fd(const struct pfd_device *device)
{
	return device->event_fd;
}

uint32_t
pfd_device_vectors(const struct pfd_device *device)
{
	return device->vectors;
}
