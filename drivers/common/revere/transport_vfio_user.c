/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transport to a device that another process serves over a vfio-user socket, such as revere-emu.
 * The management page is messages; AMI-SW pages are the server's memory, mapped here, so nothing
 * of the data path passes the socket.
 */

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "common_private.h"
#include "vfio_user.h"

#define ARG_SOCKET "socket"
#define INFO_SIZE 512 /* bytes of a region's description, capabilities included */
#define AREAS_MAX SHARE_AREAS_MAX

struct server {
	struct revere_transport transport;
	char name[DEVICE_NAME_MAX];
	struct vfio_user client;
	uint8_t *bar; /* address space for all of BAR0, of which areas are mapped */
	uint64_t bar_size;
	uint64_t bar_offset; /* of BAR0 in its file */
	int bar_fd;
	struct vfio_region_sparse_mmap_area areas[AREAS_MAX];
	unsigned int num_areas;
	struct hangup hangup; /* of the server */
};

static struct server *
server_of(struct revere_transport *transport)
{
	return container_of(transport, struct server, transport);
}

/* ---- Hooks of the library ------------------------------------------------------------------- */

/* Passes a request's result on; without its server the device is gone. */
static int
check_gone(struct server *server, int ret)
{
	if (ret == -ENODEV)
		device_gone(&server->transport);
	return ret;
}

static uint64_t
server_mgt_read64(struct revere_transport *transport, uint32_t offset)
{
	struct server *server = server_of(transport);
	uint64_t value = 0;
	int ret;

	ret = vfio_user_read(&server->client, RVR_PCI_BAR_REGS, offset, &value, sizeof(value));
	return check_gone(server, ret) < 0 ? UINT64_MAX : rvr_le64_cpu(value);
}

static void
server_mgt_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	struct server *server = server_of(transport);
	uint64_t wire = rvr_cpu_le64(value);

	check_gone(server, vfio_user_write(&server->client, RVR_PCI_BAR_REGS, offset, &wire,
		sizeof(wire)));
}

static volatile void *
server_ami_sw_page(struct revere_transport *transport, uint16_t ami_sw_id)
{
	uint64_t at = RVR_AMI_SW_PAGE_OFFSET + (uint64_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;
	struct server *server = server_of(transport);
	unsigned int i;

	for (i = 0; i < server->num_areas; i++)
		if (at >= server->areas[i].offset && at + RVR_AMI_SW_PAGE_SIZE <=
			server->areas[i].offset + server->areas[i].size)
			return server->bar + at;
	return NULL;
}

static int
server_dma_map(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	struct server *server = server_of(transport);
	int ret = memory_share_also(&server->client.memory, va, iova, size);

	if (ret == -ENOTSUP)
		COMMON_LOG(ERR, server->name, "%zu bytes at %p are in no file that could be shared "
			"with the device: use a memfd or hugepages", size, va);
	return check_gone(server, ret);
}

static int
server_dma_unmap(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	struct server *server = server_of(transport);

	RTE_SET_USED(va);
	return check_gone(server, vfio_user_dma_unmap(&server->client, iova, size));
}

static int
server_irq_set(struct revere_transport *transport, uint32_t vector, int eventfd)
{
	struct server *server = server_of(transport);

	if (transport->vectors == 0)
		return -ENOTSUP;
	if (vector >= transport->vectors)
		return -EINVAL;
	return check_gone(server, vfio_user_irq_set(&server->client, VFIO_PCI_MSIX_IRQ_INDEX,
		vector, eventfd));
}

/* What firmware and kernel do for a device on a bus: without it there is no DMA. */
static int
bus_master(struct server *server)
{
	uint16_t command;
	int ret;

	ret = vfio_user_read(&server->client, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command,
		sizeof(command));
	if (ret < 0)
		return ret;
	command |= rvr_cpu_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return vfio_user_write(&server->client, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
		&command, sizeof(command));
}

static int
server_reset(struct revere_transport *transport)
{
	struct server *server = server_of(transport);
	int ret = vfio_user_reset(&server->client);

	if (ret == 0)
		ret = bus_master(server);
	return check_gone(server, ret);
}

static const struct revere_transport_ops server_ops = {
	.name = "vfio-user",
	.mgt_read64 = server_mgt_read64,
	.mgt_write64 = server_mgt_write64,
	.ami_sw_page = server_ami_sw_page,
	.dma_map = server_dma_map,
	.dma_unmap = server_dma_unmap,
	.irq_set = server_irq_set,
	.reset = server_reset,
};

/* ---- What is behind the socket -------------------------------------------------------------- */

static int
identify(struct server *server)
{
	struct vfio_user_device_info info;
	uint16_t id[2] = { 0 };
	int ret;

	ret = vfio_user_device_info(&server->client, &info);
	if (ret == 0 && ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0 ||
		info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)) {
		COMMON_LOG(ERR, server->name, "the server has no PCI device, so no Revere device: "
			"give the path that revere-emu --socket has");
		return -ENODEV;
	}
	if (ret == 0)
		ret = vfio_user_read(&server->client, VFIO_PCI_CONFIG_REGION_INDEX, PCI_VENDOR_ID,
			id, sizeof(id));
	if (ret < 0) {
		COMMON_LOG(ERR, server->name, "the server doesn't tell what device it has: %s",
			strerror(-ret));
		return ret;
	}
	server->transport.vf = rvr_le16_cpu(id[1]) == RVR_PCI_DEVICE_ID_VF;
	if (rvr_le16_cpu(id[0]) == RVR_PCI_VENDOR_ID &&
		(server->transport.vf || rvr_le16_cpu(id[1]) == RVR_PCI_DEVICE_ID_PF))
		return 0;
	COMMON_LOG(ERR, server->name, "the server has PCI device %04x:%04x, which is no Revere "
		"device (%04x:%04x, %04x:%04x): give the path that revere-emu --socket or --vf "
		"has", rvr_le16_cpu(id[0]), rvr_le16_cpu(id[1]), RVR_PCI_VENDOR_ID,
		RVR_PCI_DEVICE_ID_PF, RVR_PCI_VENDOR_ID, RVR_PCI_DEVICE_ID_VF);
	return -ENODEV;
}

/* ---- AMI-SW pages --------------------------------------------------------------------------- */

/* The capability that lists which parts of a region can be mapped, or NULL. */
static const struct vfio_region_info_cap_sparse_mmap *
find_sparse(const struct vfio_region_info *info)
{
	const struct vfio_info_cap_header *header;
	uint32_t at = info->cap_offset, steps;
	uint32_t size = RTE_MIN(info->argsz, (uint32_t)INFO_SIZE);

	if ((info->flags & VFIO_REGION_INFO_FLAG_CAPS) == 0)
		return NULL;
	/* Bounded: a list that leads in a circle must not keep us. */
	for (steps = 0; steps < AREAS_MAX && at >= sizeof(*info) && at % 8 == 0 &&
		at + sizeof(struct vfio_region_info_cap_sparse_mmap) <= size; steps++) {
		header = RTE_PTR_ADD(info, at);
		if (header->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return (const void *)header;
		at = header->next;
	}
	return NULL;
}

static void
find_areas(struct server *server, const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse = find_sparse(info);
	uint32_t size = RTE_MIN(info->argsz, (uint32_t)INFO_SIZE);
	uint32_t i, room;

	if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
		return;
	if (sparse == NULL) {
		server->areas[0].offset = 0;
		server->areas[0].size = info->size;
		server->num_areas = 1;
		return;
	}
	room = (size - (uint32_t)RTE_PTR_DIFF(sparse->areas, info)) / sizeof(sparse->areas[0]);
	for (i = 0; i < sparse->nr_areas && i < room && i < AREAS_MAX; i++)
		server->areas[server->num_areas++] = sparse->areas[i];
}

static int
map_area(const struct server *server, unsigned int index, int fd, uint64_t file_offset)
{
	const struct vfio_region_sparse_mmap_area *area = &server->areas[index];
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	void *at = server->bar + area->offset;

	if (area->size == 0 || (area->offset & mask) != 0 || area->offset > server->bar_size ||
		area->size > server->bar_size - area->offset)
		return -EINVAL;
	if (mmap(at, area->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		    (off_t)(file_offset + area->offset)) == MAP_FAILED)
		return -errno;
	return 0;
}

static int
map_areas(struct server *server, const struct vfio_region_info *info, int fd)
{
	unsigned int i;
	int ret = 0;
	void *bar;

	find_areas(server, info);
	if (fd < 0 || server->num_areas == 0) {
		COMMON_LOG(ERR, server->name, "AMI-SW pages can't be mapped: serve the device with "
			"mode=threaded");
		return -ENOTSUP;
	}
	bar = mmap(share_place(info->size), info->size, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bar == MAP_FAILED)
		ret = -errno;
	else
		server->bar = bar;
	server->bar_size = info->size;
	for (i = 0; i < server->num_areas && ret == 0; i++)
		ret = map_area(server, i, fd, info->offset);
	if (ret < 0)
		COMMON_LOG(ERR, server->name, "AMI-SW pages can't be mapped: %s", strerror(-ret));
	return ret;
}

static int
map_pages(struct server *server)
{
	union {
		struct vfio_region_info info;
		uint64_t room[INFO_SIZE / sizeof(uint64_t)];
	} region;
	int ret = vfio_user_region_info(&server->client, RVR_PCI_BAR_REGS, &region.info,
		sizeof(region), &server->bar_fd);

	if (ret < 0 || region.info.size < RVR_AMI_SW_PAGE_OFFSET + RVR_AMI_SW_PAGE_STRIDE) {
		COMMON_LOG(ERR, server->name, "BAR0 of %" PRIu64 " bytes is too small for a Revere "
			"device", ret < 0 ? 0 : (uint64_t)region.info.size);
		ret = ret < 0 ? ret : -ENODEV;
	} else {
		server->bar_offset = region.info.offset;
		ret = map_areas(server, &region.info, server->bar_fd);
	}
	return ret;
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void
server_close(struct revere_transport *transport)
{
	struct server *server = server_of(transport);

	hangup_unwatch(&server->hangup);
	memory_unshare(&server->client.memory);
	vfio_user_close(&server->client);
	if (server->bar != NULL)
		munmap(server->bar, server->bar_size);
	if (server->bar_fd >= 0)
		close(server->bar_fd);
	free(server);
}

static int
server_share(struct revere_transport *transport, struct share_area *areas)
{
	struct server *server = server_of(transport);
	unsigned int i;

	for (i = 0; i < server->num_areas; i++)
		areas[i] = (struct share_area){
			.va = server->bar + server->areas[i].offset,
			.size = server->areas[i].size,
			.offset = server->bar_offset + server->areas[i].offset,
			.fd = server->bar_fd,
		};
	return (int)i;
}

static int
plug_in(struct server *server)
{
	int ret = identify(server);

	if (ret == 0)
		ret = map_pages(server);
	if (ret == 0)
		ret = memory_share(&server->client.memory);
	if (ret < 0)
		return ret;
	/* Without interrupts it works too. */
	if (vfio_user_irq_count(&server->client, VFIO_PCI_MSIX_IRQ_INDEX,
		    &server->transport.vectors) < 0)
		server->transport.vectors = 0;
	ret = bus_master(server);
	if (ret < 0) {
		COMMON_LOG(ERR, server->name, "Bus Master Enable can't be set: %s", strerror(-ret));
		return ret;
	}
	return hangup_watch(&server->hangup, server->name, server->client.fd, &server->transport);
}

static int
server_open(const char *name, const struct rte_kvargs *args, struct revere_transport **transport)
{
	const char *path = rte_kvargs_get(args, ARG_SOCKET);
	struct server *server = calloc(1, sizeof(*server));
	int ret;

	if (server == NULL)
		return -ENOMEM;
	snprintf(server->name, sizeof(server->name), "%s", name);
	server->hangup.epoll_fd = -1;
	server->bar_fd = -1;
	server->transport = (struct revere_transport){
		.ops = &server_ops,
		.numa_node = SOCKET_ID_ANY,
	};
	ret = vfio_user_connect(&server->client, server->name, path);
	if (ret < 0) {
		free(server);
		return ret;
	}
	ret = plug_in(server);
	if (ret < 0) {
		server_close(&server->transport);
		return ret;
	}
	*transport = &server->transport;
	return 0;
}

static bool
server_has_key(const char *key)
{
	return strcmp(key, ARG_SOCKET) == 0;
}

static void
server_list_keys(char *text, size_t size)
{
	snprintf(text, size, "%s", ARG_SOCKET);
}

/* A device in another process has its settings from there. */
static int
server_check(const char *name, const struct rte_kvargs *args, struct revere_transport *transport)
{
	RTE_SET_USED(args);
	if (!revere_transport_gone(transport))
		return 0;
	COMMON_LOG(ERR, name, "the device behind this socket is gone: detach all that use it, "
		"then attach again");
	return -ENODEV;
}

/* Another process sees what is shared with it, by its IOVA. */
static bool
server_sva(const struct revere_transport *transport)
{
	RTE_SET_USED(transport);
	return false;
}

static struct revere_reach *
server_reach(struct revere_transport *transport)
{
	return &server_of(transport)->client.reach;
}

const struct transport_kind transport_vfio_user = {
	.selector = ARG_SOCKET,
	.has_key = server_has_key,
	.list_keys = server_list_keys,
	.open = server_open,
	.check = server_check,
	.close = server_close,
	.sva = server_sva,
	.reach = server_reach,
	.share = server_share,
};
