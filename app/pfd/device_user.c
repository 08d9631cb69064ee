/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The Physical Function that a vfio-user server has, such as revere-emu.
 *
 * A process that dies leaves the connection to the next. So messages are small enough to be sent
 * and received whole or not at all; replies that the last process was waiting for are told by their
 * number.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "device.h"
#include "rvr_fds.h"
#include "rvr_regs.h"
#include "rvr_vfio_user.h"

#define MESSAGE_MAX 512

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

struct user {
	struct pfd_device device;
	int fd;
	uint16_t id; /* of the next request */
	volatile uint64_t *pages[PFD_IDS]; /* that were looked at */
};

static struct user *
user_of(struct pfd_device *device)
{
	return (struct user *)device;
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
receive_reply(const struct user *user, const struct vu_header *sent, void *reply,
	size_t room, int *passed)
{
	uint8_t message[MESSAGE_MAX];
	struct vu_header header;
	ssize_t got;
	int fd;

	do {
		got = receive_message(user->fd, message, sizeof(message), &fd);
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

/* A request; of the reply the first @p room bytes. -ENODEV: there is no server any more. */
static int
ask(struct user *user, uint16_t command, const void *data, size_t size, int pass,
	void *reply, size_t room, int *passed)
{
	const struct vu_header header = {
		.id = user->id++,
		.command = command,
		.size = (uint32_t)(sizeof(header) + size),
	};
	uint8_t message[MESSAGE_MAX];
	int ret = -ENODEV;

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), data, size);
	if (!user->device.lost &&
		rvr_fds_send(user->fd, message, header.size, pass) == (ssize_t)header.size)
		ret = 0;
	if (ret == 0)
		ret = receive_reply(user, &header, reply, room, passed);
	if (ret == -ENODEV && !user->device.lost) {
		pfd_log(PFD_ERR, "the device's server has gone, or doesn't answer");
		device_lose(&user->device);
	}
	return ret;
}

static uint64_t
user_read64(struct pfd_device *device, uint32_t offset)
{
	struct vu_access access = { offset, RVR_PCI_BAR_REGS, sizeof(uint64_t), 0 };

	if (ask(user_of(device), REGION_READ, &access, ACCESS_HEAD, -1, &access, sizeof(access),
		    NULL) < 0)
		return UINT64_MAX;
	return rvr_le64_cpu(access.value);
}

static int
user_write64(struct pfd_device *device, uint32_t offset, uint64_t value)
{
	const struct vu_access access = { offset, RVR_PCI_BAR_REGS, sizeof(uint64_t),
		rvr_cpu_le64(value) };

	return ask(user_of(device), REGION_WRITE, &access, sizeof(access), -1, NULL, 0, NULL);
}

static int
irq_request(struct user *user, uint32_t flags, uint32_t vector, int fd)
{
	struct {
		uint32_t argsz, flags, index, start, count;
	} set = { sizeof(set), flags | VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX,
		vector, 1 };

	return ask(user, SET_IRQS, &set, sizeof(set), fd, NULL, 0, NULL);
}

/* ---- Backend -------------------------------------------------------------------------------- */

static int
page_kept(struct user *user, uint32_t flags, uint32_t id, uint32_t ami_sw_id, int *fd)
{
	struct rvr_vfio_user_page_kept page = { .argsz = sizeof(page), .flags = flags, .key = id,
		.ami_sw_id = ami_sw_id };
	int ret = ask(user, RVR_VFIO_USER_PAGE_KEPT, &page, sizeof(page), -1, &page, sizeof(page),
		fd);

	return ret == 0 && *fd < 0 && flags != RVR_VFIO_USER_PAGE_DROP ? -EPROTO : ret;
}

static int
user_page(void *arg, uint32_t id, uint32_t ami_sw_id, int *fd, uint64_t *offset)
{
	(void)ami_sw_id;
	*offset = 0;
	return page_kept(arg, 0, id, 0, fd);
}

static int
user_page_bind(void *arg, uint32_t id, uint32_t ami_sw_id)
{
	int fd, ret = page_kept(arg, RVR_VFIO_USER_PAGE_BIND, id, ami_sw_id, &fd);

	if (ret == 0)
		close(fd);
	return ret;
}

static void
page_unmap(struct user *user, uint32_t id)
{
	if (user->pages[id] != NULL)
		munmap((void *)(uintptr_t)user->pages[id], RVR_AMI_SW_PAGE_SIZE);
	user->pages[id] = NULL;
}

static void
user_page_drop(void *arg, uint32_t id)
{
	struct user *user = arg;
	int fd;

	page_unmap(user, id);
	page_kept(user, RVR_VFIO_USER_PAGE_DROP, id, 0, &fd);
}

static volatile uint64_t *
user_page_words(void *arg, uint32_t id)
{
	struct user *user = arg;
	void *at;
	int fd;

	if (user->pages[id] != NULL)
		return user->pages[id];
	if (page_kept(user, 0, id, 0, &fd) < 0)
		return NULL;
	at = mmap(NULL, RVR_AMI_SW_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		user->pages[id] = at;
	return user->pages[id];
}

static int
user_dma_map(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, int fd, uint64_t offset)
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
unmap_request(void *arg, uint32_t pasid, uint32_t flags, uint64_t iova, uint64_t size,
	struct pfd_mapped *left)
{
	struct rvr_vfio_user_dma_unmap_pasid unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
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
user_dma_unmap(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, struct pfd_mapped *left)
{
	return unmap_request(arg, pasid, size == 0 ? UNMAP_ALL : 0, iova, size, left);
}

/* Of nothing. */
static int
user_dma_mapped(void *arg, uint32_t pasid, struct pfd_mapped *mapped)
{
	return unmap_request(arg, pasid, 0, 0, 0, mapped);
}

static int
user_irq_set(void *arg, uint32_t vector, int fd)
{
	return irq_request(arg, VFIO_IRQ_SET_DATA_EVENTFD, vector, fd);
}

static int
user_irq_trigger(void *arg, uint32_t vector)
{
	return irq_request(arg, VFIO_IRQ_SET_DATA_NONE, vector, -1);
}

static const struct pfd_backend backend = {
	.isolates = true,
	.page = user_page,
	.page_bind = user_page_bind,
	.page_drop = user_page_drop,
	.page_words = user_page_words,
	.dma_map = user_dma_map,
	.dma_unmap = user_dma_unmap,
	.dma_mapped = user_dma_mapped,
	.irq_set = user_irq_set,
	.irq_trigger = user_irq_trigger,
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
negotiate(struct user *user)
{
	static const struct {
		uint16_t major, minor;
		char json[64];
	} version = { 0, 1, "{\"capabilities\":{\"max_msg_fds\":8}}" };
	uint16_t theirs[2] = { UINT16_MAX, 0 };
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, id[2];
	struct vu_access access = { PCI_VENDOR_ID, VFIO_PCI_CONFIG_REGION_INDEX, sizeof(id), 0 };
	size_t size = offsetof(__typeof__(version), json) + strlen(version.json) + 1;
	int ret = ask(user, VERSION, &version, size, -1, theirs, sizeof(theirs), NULL);

	if (ret < 0 || theirs[0] != 0) {
		pfd_log(PFD_ERR, "the device's server %s", ret == -EBUSY ? "serves another "
			"process" : "doesn't speak vfio-user 0.1");
		return ret < 0 ? ret : -EPROTONOSUPPORT;
	}
	ret = ask(user, REGION_READ, &access, ACCESS_HEAD, -1, &access,
		ACCESS_HEAD + sizeof(id), NULL);
	memcpy(id, &access.value, sizeof(id));
	if (ret < 0 || id[0] != RVR_PCI_VENDOR_ID || id[1] != RVR_PCI_DEVICE_ID_PF) {
		pfd_log(PFD_ERR, "the server has no Physical Function of a Revere device");
		return -ENODEV;
	}
	access = (struct vu_access){ PCI_COMMAND, VFIO_PCI_CONFIG_REGION_INDEX, sizeof(command),
		0 };
	memcpy(&access.value, &command, sizeof(command));
	return ask(user, REGION_WRITE, &access, ACCESS_HEAD + sizeof(command), -1, NULL, 0,
		NULL);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static int
user_rings_share(struct pfd_device *device)
{
	const struct vu_dma_map map = { sizeof(map), DMA_READ_WRITE, 0, DEVICE_RINGS_IOVA,
		DEVICE_RINGS_SIZE };

	return ask(user_of(device), DMA_MAP, &map, sizeof(map), device->kept[PFD_KEPT_RINGS], NULL,
		0, NULL);
}

static int
user_start(struct pfd_device *device)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int ret = ask(user_of(device), GET_IRQ_INFO, &info, sizeof(info), -1, &info, sizeof(info),
		NULL);

	device->vectors = info.count;
	return ret;
}

static void
user_lose(struct pfd_device *device)
{
	shutdown(user_of(device)->fd, SHUT_RDWR);
}

static void
user_close(struct pfd_device *device)
{
	uint32_t id;

	for (id = 0; id < PFD_IDS; id++)
		page_unmap(user_of(device), id);
}

static const struct device_ops user_ops = {
	.backend = &backend,
	.read64 = user_read64,
	.write64 = user_write64,
	.rings_share = user_rings_share,
	.start = user_start,
	.lose = user_lose,
	.close = user_close,
};

static struct user *
user_make(int fd)
{
	const struct timeval timeout = { .tv_sec = DEVICE_TIMEOUT_S };
	struct user *user = calloc(1, sizeof(*user));

	if (user == NULL)
		return NULL;
	device_init(&user->device, &user_ops);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	user->fd = fd;
	user->device.kept[PFD_KEPT_DEVICE] = fd;
	user->device.gone_fd = fd;
	user->device.gone_events = EPOLLRDHUP;
	/* Other numbers than those of a process before. */
	user->id = (uint16_t)(getpid() * 257 + (int)(pfd_now_us() / 1000));
	return user;
}

struct pfd_device *
device_user_open(const char *path)
{
	int fd = connect_to(path), ret;
	struct user *user;

	if (fd < 0)
		return NULL;
	user = user_make(fd);
	if (user == NULL) {
		close(fd);
		return NULL;
	}
	ret = negotiate(user);
	if (ret == 0)
		return &user->device;
	pfd_log(PFD_ERR, "device %s: %s", path, strerror(-ret));
	pfd_device_close(&user->device);
	return NULL;
}

struct pfd_device *
device_user_adopt(const int kept[PFD_KEPT_MAX])
{
	struct user *user = user_make(kept[PFD_KEPT_DEVICE]);

	return user == NULL ? NULL : &user->device;
}
