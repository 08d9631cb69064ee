/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transport to contexts of a device that revere-pfd has. Its protocol is in rvr_pfd.h: requests go
 * one at a time, and each waits for its reply, also over a restart of revere-pfd. AMI-SW pages are
 * mapped, and memory is shared by descriptor, so nothing of the data path passes the socket.
 */

#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common_private.h"
#include "rvr_fds.h"
#include "rvr_pfd.h"

#define ARG_PFD "pfd"
#define TIMEOUT_S 30 /* a service that is started again takes some of it */
#define AMI_SW_IDS 0x10000u

struct service {
	struct revere_transport transport;
	char name[DEVICE_NAME_MAX];
	int fd;
	pthread_mutex_t lock;
	uint32_t id; /* of the last request */
	bool lost;
	size_t page_size;
	uint8_t *pages; /* address space for a page of each AMI_SW_ID */
	struct revere_reach reach;
	struct memory_target memory;
	struct hangup hangup;
};

/* What a request carries and what its reply brings. */
struct exchange {
	enum rvr_pfd_type type;
	const void *out;
	uint32_t out_size;
	int out_fd; /* -1 none */
	void *in;
	uint32_t in_size;
	int in_fd; /* of the reply, which is the caller's then; -1 none */
};

static struct service *
service_of(struct revere_transport *transport)
{
	return container_of(transport, struct service, transport);
}

/* ---- Packets -------------------------------------------------------------------------------- */

/* @return bytes of the packet, 0: the other side has hung up */
static ssize_t
receive_packet(int fd, void *data, size_t room, int *passed)
{
	struct iovec iov = { .iov_base = data, .iov_len = room };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds fds;
	ssize_t got;

	*passed = -1;
	rvr_fds_expect(&msg, &fds);
	do {
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	/* Who hung up without reading all may have said why: the error comes once, and first. */
	if (got < 0 && errno == ECONNRESET)
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (got > 0)
		rvr_fds_take(&msg, passed, 1);
	return got < 0 ? -errno : got;
}

static int
read_refusal(struct service *service, const uint8_t *packet, uint32_t error, enum rvr_pfd_type type)
{
	struct rvr_pfd_refused refused;

	memcpy(&refused, packet + sizeof(struct rvr_pfd_header), sizeof(refused));
	refused.reason[sizeof(refused.reason) - 1] = '\0';
	COMMON_LOG(ERR, service->name, "revere-pfd refuses request %d: %s", type, refused.reason);
	return error == 0 || error > INT16_MAX ? -EIO : -(int)error;
}

/* The reply to the last request: -EAGAIN it is another's; *refused is the service's errno. */
static int
receive_reply(struct service *service, struct exchange *exchange, int *refused)
{
	uint8_t packet[RVR_PFD_MESSAGE_MAX] = { 0 };
	struct rvr_pfd_header header;
	ssize_t got = receive_packet(service->fd, packet, sizeof(packet), &exchange->in_fd);
	uint32_t id;

	if (got <= 0)
		return got == 0 ? -ECONNRESET : got == -EAGAIN ? -ETIMEDOUT : (int)got;
	memcpy(&header, packet, sizeof(header));
	id = rvr_le32_cpu(header.id);
	if ((size_t)got < sizeof(header) || rvr_le32_cpu(header.size) != (uint32_t)got)
		return -EPROTO;
	/* 0: a connection that isn't wanted at all */
	if (id != 0 && id != service->id) {
		if (exchange->in_fd >= 0)
			close(exchange->in_fd);
		return -EAGAIN;
	}
	*refused = 0;
	if (header.error != 0) {
		*refused = read_refusal(service, packet, rvr_le32_cpu(header.error),
			exchange->type);
		return 0;
	}
	if (rvr_le16_cpu(header.type) != exchange->type ||
		(size_t)got != sizeof(header) + exchange->in_size)
		return -EPROTO;
	if (exchange->in_size > 0)
		memcpy(exchange->in, packet + sizeof(header), exchange->in_size);
	return 0;
}

static int
exchange_locked(struct service *service, struct exchange *exchange, int *refused)
{
	uint8_t packet[RVR_PFD_MESSAGE_MAX];
	struct rvr_pfd_header header;
	int ret;

	service->id = service->id == UINT32_MAX ? 1 : service->id + 1;
	header = (struct rvr_pfd_header){
		.type = rvr_cpu_le16((uint16_t)exchange->type),
		.size = rvr_cpu_le32((uint32_t)sizeof(header) + exchange->out_size),
		.id = rvr_cpu_le32(service->id),
	};
	memcpy(packet, &header, sizeof(header));
	if (exchange->out_size > 0)
		memcpy(packet + sizeof(header), exchange->out, exchange->out_size);
	if (rvr_fds_send(service->fd, packet, sizeof(header) + exchange->out_size,
		    exchange->out_fd) < 0 && errno != EPIPE)
		return -errno;
	/* Who hangs up may have said why before. */
	do {
		ret = receive_reply(service, exchange, refused);
	} while (ret == -EAGAIN);
	return ret;
}

/* 0; the service's errno; -ENODEV the connection is over, when the device counts as gone. */
static int
exchange(struct service *service, struct exchange *exchange)
{
	int ret = -ENODEV, refused = 0;

	exchange->in_fd = -1;
	pthread_mutex_lock(&service->lock);
	if (!service->lost) {
		ret = exchange_locked(service, exchange, &refused);
		if (ret < 0) {
			COMMON_LOG(INFO, service->name, "revere-pfd: request %d: %s",
				exchange->type, strerror(-ret));
			service->lost = true;
			shutdown(service->fd, SHUT_RDWR);
			device_gone(&service->transport);
			ret = -ENODEV;
		}
	}
	pthread_mutex_unlock(&service->lock);
	if (ret == 0)
		ret = refused;
	if (ret < 0 && exchange->in_fd >= 0) {
		close(exchange->in_fd);
		exchange->in_fd = -1;
	}
	return ret;
}

static int
request(struct service *service, enum rvr_pfd_type type, const void *out, uint32_t out_size,
	int out_fd, void *in, uint32_t in_size)
{
	struct exchange both = {
		.type = type,
		.out = out,
		.out_size = out_size,
		.out_fd = out_fd,
		.in = in,
		.in_size = in_size,
	};
	int ret = exchange(service, &both);

	if (both.in_fd >= 0)
		close(both.in_fd);
	return ret;
}

/* ---- Hooks of the library ------------------------------------------------------------------- */

static uint64_t
pfd_mgt_read64(struct revere_transport *transport, uint32_t offset)
{
	struct rvr_pfd_reg reg = { .offset = rvr_cpu_le32(offset) };

	if (request(service_of(transport), RVR_PFD_REG_READ, &reg, sizeof(reg), -1, &reg,
		    sizeof(reg)) < 0)
		return UINT64_MAX;
	return rvr_le64_cpu(reg.value);
}

static void
pfd_mgt_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	const struct rvr_pfd_reg reg = {
		.offset = rvr_cpu_le32(offset),
		.value = rvr_cpu_le64(value),
	};

	request(service_of(transport), RVR_PFD_REG_WRITE, &reg, sizeof(reg), -1, NULL, 0);
}

static int
pfd_mgt_exec(struct revere_transport *transport, const void *command, void *response)
{
	struct service *service = service_of(transport);
	struct rvr_pfd_response answer;
	int ret = request(service, RVR_PFD_COMMAND, command, RVR_MGT_MSG_SIZE, -1, &answer,
		sizeof(answer));

	if (ret < 0)
		return ret;
	answer.reason[sizeof(answer.reason) - 1] = '\0';
	if (answer.reason[0] != '\0')
		COMMON_LOG(ERR, service->name, "revere-pfd refuses %s: %s",
			revere_command_name(rvr_msg_opcode(command)), answer.reason);
	memcpy(response, answer.msg, sizeof(answer.msg));
	return 0;
}

static int
pfd_mgt_exception(struct revere_transport *transport, void *msg)
{
	struct rvr_pfd_mgt mgt;
	int ret = request(service_of(transport), RVR_PFD_EXCEPTION, NULL, 0, -1, &mgt,
		sizeof(mgt));

	if (ret < 0)
		return ret;
	memcpy(msg, mgt.msg, sizeof(mgt.msg));
	return rvr_msg_opcode(mgt.msg) != 0;
}

/* A page is another file each time that its AMI-SW is mapped, at the same address. */
static volatile void *
pfd_ami_sw_page(struct revere_transport *transport, uint16_t ami_sw_id)
{
	struct service *service = service_of(transport);
	struct rvr_pfd_page page = { .ami_sw_id = rvr_cpu_le32(ami_sw_id) };
	struct exchange both = {
		.type = RVR_PFD_PAGE,
		.out = &page,
		.out_size = sizeof(page),
		.out_fd = -1,
		.in = &page,
		.in_size = sizeof(page),
	};
	void *at = MAP_FAILED;

	if (exchange(service, &both) < 0)
		return NULL;
	if (both.in_fd >= 0)
		at = mmap(service->pages + ami_sw_id * service->page_size, service->page_size,
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, both.in_fd,
			(off_t)rvr_le64_cpu(page.offset));
	if (at == MAP_FAILED)
		COMMON_LOG(ERR, service->name, "page of AMI-SW %u can't be mapped: %s", ami_sw_id,
			both.in_fd < 0 ? "it came without a file" : strerror(errno));
	if (both.in_fd >= 0)
		close(both.in_fd);
	return at == MAP_FAILED ? NULL : at;
}

static int
pfd_dma_map(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	struct service *service = service_of(transport);
	int ret = memory_share_also(&service->memory, va, iova, size);

	if (ret == -ENOTSUP)
		COMMON_LOG(ERR, service->name, "%zu bytes at %p are in no file that could be "
			"shared with the device: use a memfd or hugepages", size, va);
	return ret;
}

static int
target_map(struct memory_target *target, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	struct service *service = container_of(target, struct service, memory);
	const struct rvr_pfd_dma dma = {
		.iova = rvr_cpu_le64(iova),
		.size = rvr_cpu_le64(size),
		.offset = rvr_cpu_le64(offset),
	};
	int ret = request(service, RVR_PFD_DMA_MAP, &dma, sizeof(dma), fd, NULL, 0);

	if (ret == 0)
		reach_add(&service->reach, iova, size);
	return ret;
}

static int
target_unmap(struct memory_target *target, uint64_t iova, uint64_t size)
{
	struct service *service = container_of(target, struct service, memory);
	const struct rvr_pfd_dma dma = {
		.iova = rvr_cpu_le64(iova),
		.size = rvr_cpu_le64(size),
	};

	reach_remove(&service->reach, iova, size);
	return request(service, RVR_PFD_DMA_UNMAP, &dma, sizeof(dma), -1, NULL, 0);
}

static int
pfd_dma_unmap(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	RTE_SET_USED(va);
	return target_unmap(&service_of(transport)->memory, iova, size);
}

static int
pfd_irq_set(struct revere_transport *transport, uint32_t vector, int eventfd)
{
	const struct rvr_pfd_irq irq = { .vector = rvr_cpu_le32(vector) };

	if (transport->vectors == 0)
		return -ENOTSUP;
	if (vector >= transport->vectors)
		return -EINVAL;
	return request(service_of(transport), RVR_PFD_IRQ_SET, &irq, sizeof(irq), eventfd, NULL, 0);
}

static int
pfd_reset(struct revere_transport *transport)
{
	return request(service_of(transport), RVR_PFD_RESET, NULL, 0, -1, NULL, 0);
}

static const struct revere_transport_ops pfd_ops = {
	.name = "revere-pfd",
	.mgt_read64 = pfd_mgt_read64,
	.mgt_write64 = pfd_mgt_write64,
	.mgt_exec = pfd_mgt_exec,
	.mgt_exception = pfd_mgt_exception,
	.ami_sw_page = pfd_ami_sw_page,
	.dma_map = pfd_dma_map,
	.dma_unmap = pfd_dma_unmap,
	.irq_set = pfd_irq_set,
	.reset = pfd_reset,
};

/* ---- Life ----------------------------------------------------------------------------------- */

static int
open_socket(const char *name, const char *path)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		COMMON_LOG(ERR, name, ARG_PFD "=%s: longer than %zu characters, use a shorter "
			"path", path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	COMMON_LOG(ERR, name, ARG_PFD "=%s: can't connect: %s: give the path that revere-pfd "
		"--socket has, and start it", path, strerror(error));
	close(fd);
	return -error;
}

static int
greet(struct service *service)
{
	const struct rvr_pfd_hello hello = {
		.major = rvr_cpu_le16(RVR_PFD_MAJOR),
		.minor = rvr_cpu_le16(RVR_PFD_MINOR),
	};
	struct rvr_pfd_welcome welcome;
	int ret = request(service, RVR_PFD_HELLO, &hello, sizeof(hello), -1, &welcome,
		sizeof(welcome));

	if (ret == -ENODEV)
		COMMON_LOG(ERR, service->name, "revere-pfd closed the connection");
	if (ret < 0)
		return ret;
	service->transport.vectors = RTE_MIN(rvr_le32_cpu(welcome.vectors),
		(uint32_t)DEVICE_VECTORS);
	COMMON_LOG(INFO, service->name, "revere-pfd allows %u contexts, %u sessions, %u vectors",
		rvr_le32_cpu(welcome.contexts), rvr_le32_cpu(welcome.sessions),
		service->transport.vectors);
	return 0;
}

static void
pfd_close(struct revere_transport *transport)
{
	struct service *service = service_of(transport);

	hangup_unwatch(&service->hangup);
	memory_unshare(&service->memory);
	close(service->fd);
	if (service->pages != MAP_FAILED)
		munmap(service->pages, AMI_SW_IDS * service->page_size);
	pthread_mutex_destroy(&service->lock);
	reach_fini(&service->reach);
	free(service);
}

static int
plug_in(struct service *service)
{
	int ret;

	service->pages = mmap(NULL, AMI_SW_IDS * service->page_size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (service->pages == MAP_FAILED)
		return -errno;
	ret = greet(service);
	if (ret == 0)
		ret = memory_share(&service->memory);
	if (ret < 0)
		return ret;
	return hangup_watch(&service->hangup, service->name, service->fd, &service->transport);
}

static int
pfd_open(const char *name, const struct rte_kvargs *args, struct revere_transport **transport)
{
	const char *path = rte_kvargs_get(args, ARG_PFD);
	struct service *service = calloc(1, sizeof(*service));
	int ret;

	if (service == NULL)
		return -ENOMEM;
	snprintf(service->name, sizeof(service->name), "%s", name);
	service->fd = open_socket(name, path);
	if (service->fd < 0) {
		ret = service->fd;
		free(service);
		return ret;
	}
	service->page_size = (size_t)sysconf(_SC_PAGESIZE);
	service->pages = MAP_FAILED;
	service->hangup.epoll_fd = -1;
	service->memory = (struct memory_target){ service->name, target_map, target_unmap };
	pthread_mutex_init(&service->lock, NULL);
	reach_init(&service->reach);
	service->transport = (struct revere_transport){
		.ops = &pfd_ops,
		.numa_node = SOCKET_ID_ANY,
	};
	ret = plug_in(service);
	if (ret < 0) {
		pfd_close(&service->transport);
		return ret;
	}
	*transport = &service->transport;
	return 0;
}

static bool
pfd_has_key(const char *key)
{
	return strcmp(key, ARG_PFD) == 0;
}

static void
pfd_list_keys(char *text, size_t size)
{
	snprintf(text, size, "%s", ARG_PFD);
}

static int
pfd_check(const char *name, const struct rte_kvargs *args, struct revere_transport *transport)
{
	RTE_SET_USED(args);
	if (!revere_transport_gone(transport))
		return 0;
	COMMON_LOG(ERR, name, "the device behind revere-pfd is gone: detach all that use it, then "
		"attach again");
	return -ENODEV;
}

static bool
pfd_sva(const struct revere_transport *transport)
{
	RTE_SET_USED(transport);
	return false;
}

static struct revere_reach *
pfd_reach(struct revere_transport *transport)
{
	return &service_of(transport)->reach;
}

/* Pages come and go with contexts: a secondary process would not learn it. */
static int
pfd_share(struct revere_transport *transport, struct share_area *areas)
{
	RTE_SET_USED(areas);
	COMMON_LOG(ERR, service_of(transport)->name, "secondary processes can't use contexts of "
		"revere-pfd: give them connections of their own");
	return -ENOTSUP;
}

const struct transport_kind transport_pfd = {
	.selector = ARG_PFD,
	.has_key = pfd_has_key,
	.list_keys = pfd_list_keys,
	.open = pfd_open,
	.check = pfd_check,
	.close = pfd_close,
	.sva = pfd_sva,
	.reach = pfd_reach,
	.share = pfd_share,
};
