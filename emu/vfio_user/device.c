/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The Function as vfio-user clients see it: who owns it, which part answers which request, and
 * what is left of a client when it goes: nothing.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vu.h"

void
vu_log(const struct vu_device *dev, enum revere_emu_log_level level, const char *format, ...)
{
	const struct revere_emu_config *config = revere_emu_config_get(dev->emu);
	char line[512];
	va_list args;
	int len;

	if (level > config->log_level)
		return;
	len = snprintf(line, sizeof(line), "vfio-user: function %u: ", dev->function);
	va_start(args, format);
	vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
	va_end(args);
	if (config->log != NULL)
		config->log(config->log_arg, level, line);
	else if (level <= REVERE_EMU_LOG_WARNING)
		fprintf(stderr, "%s\n", line);
}

void *
vu_reply(struct vu_msg *msg, uint32_t size)
{
	msg->reply_size = size;
	return memset(msg->reply, 0, size);
}

int
vu_take_fd(struct vu_msg *msg, unsigned int index)
{
	int fd = msg->fds[index];

	msg->fds[index] = -1;
	return fd;
}

static int
device_info(struct vu_device *dev, struct vu_msg *msg)
{
	struct vu_device_info *info;
	uint32_t argsz;

	(void)dev;
	memcpy(&argsz, msg->data, sizeof(argsz));
	if (argsz < sizeof(*info))
		return -EINVAL;
	info = vu_reply(msg, sizeof(*info));
	info->argsz = sizeof(*info);
	info->flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
	info->num_regions = VU_NUM_REGIONS;
	info->num_irqs = VU_NUM_IRQS;
	return 0;
}

static int
device_reset(struct vu_device *dev, struct vu_msg *msg)
{
	(void)msg;
	vu_log(dev, REVERE_EMU_LOG_DEBUG, "reset by the client");
	vu_region_reset(dev);
	return pci_config_flr(&dev->config);
}

/* As the kernel says of features that a device doesn't have; clients ask for migration so. */
static int
device_feature(struct vu_device *dev, struct vu_msg *msg)
{
	(void)dev;
	(void)msg;
	return -ENOTTY;
}

struct vu_request {
	const char *name;
	uint32_t min_size;    /* of the payload */
	unsigned int max_fds;
	int (*handle)(struct vu_device *dev, struct vu_msg *msg);
};

static const struct vu_request requests[] = {
	[VU_VERSION] = { "VERSION", sizeof(struct vu_version), 0, vu_version },
	[VU_DMA_MAP] = { "DMA_MAP", sizeof(struct vu_dma_map), 1, vu_dma_map },
	[VU_DMA_UNMAP] = { "DMA_UNMAP", sizeof(struct vu_dma_unmap), 0, vu_dma_unmap },
	[VU_DEVICE_GET_INFO] = { "DEVICE_GET_INFO", sizeof(struct vu_device_info), 0,
				 device_info },
	[VU_DEVICE_GET_REGION_INFO] = { "DEVICE_GET_REGION_INFO", sizeof(struct vfio_region_info),
					0, vu_region_info },
	[VU_DEVICE_GET_IRQ_INFO] = { "DEVICE_GET_IRQ_INFO", sizeof(struct vfio_irq_info), 0,
				     vu_irq_info },
	[VU_DEVICE_SET_IRQS] = { "DEVICE_SET_IRQS", sizeof(struct vfio_irq_set), VU_MAX_FDS,
				 vu_irq_set },
	[VU_REGION_READ] = { "REGION_READ", sizeof(struct vu_region_access), 0, vu_region_read },
	[VU_REGION_WRITE] = { "REGION_WRITE", sizeof(struct vu_region_access), 0,
			      vu_region_write },
	[VU_DEVICE_RESET] = { "DEVICE_RESET", 0, 0, device_reset },
	[VU_DEVICE_FEATURE] = { "DEVICE_FEATURE", 0, 0, device_feature },
};

static const struct vu_request own_requests[] = {
	[RVR_VFIO_USER_DMA_MAP_PASID - RVR_VFIO_USER_FIRST] = {
		"DMA_MAP_PASID", sizeof(struct rvr_vfio_user_dma_map_pasid), 1, vu_dma_map_pasid },
	[RVR_VFIO_USER_DMA_UNMAP_PASID - RVR_VFIO_USER_FIRST] = {
		"DMA_UNMAP_PASID", sizeof(struct rvr_vfio_user_dma_unmap_pasid), 0,
		vu_dma_unmap_pasid },
	[RVR_VFIO_USER_PAGE - RVR_VFIO_USER_FIRST] = {
		"PAGE", sizeof(struct rvr_vfio_user_page), 0, vu_region_page },
	[RVR_VFIO_USER_PAGE_KEPT - RVR_VFIO_USER_FIRST] = {
		"PAGE_KEPT", sizeof(struct rvr_vfio_user_page_kept), 0, vu_region_page_kept },
};

static const struct vu_request *
request_find(uint16_t command)
{
	if (command >= RVR_VFIO_USER_FIRST &&
	    command - RVR_VFIO_USER_FIRST < (int)(sizeof(own_requests) / sizeof(own_requests[0])))
		return &own_requests[command - RVR_VFIO_USER_FIRST];
	if (command >= sizeof(requests) / sizeof(requests[0]) || requests[command].handle == NULL)
		return NULL;
	return &requests[command];
}

/* The first client that negotiates has the Function; whoever doesn't begin so is dropped. */
static int
client_check(struct vu_device *dev, struct vu_client *client, const struct vu_msg *msg)
{
	if (client->owner)
		return msg->header.command == VU_VERSION ? -EINVAL : 0;
	if (msg->header.command != VU_VERSION)
		return -EPROTO;
	return dev->owner != NULL ? -EBUSY : 0;
}

static int
request_run(struct vu_device *dev, struct vu_client *client, struct vu_msg *msg)
{
	const struct vu_request *request = request_find(msg->header.command);
	int ret;

	ret = client_check(dev, client, msg);
	if (ret == 0 && request == NULL)
		ret = -ENOTSUP;
	else if (ret == 0 && (msg->size < request->min_size || msg->num_fds > request->max_fds))
		ret = -EINVAL;
	else if (ret == 0)
		ret = request->handle(dev, msg);
	if (ret < 0)
		vu_log(dev, client->owner ? REVERE_EMU_LOG_INFO : REVERE_EMU_LOG_WARNING,
			"request %u (%s), %u bytes, %u descriptors: %s", msg->header.command,
			request != NULL ? request->name : "unknown", msg->size, msg->num_fds,
			ret == -EBUSY && !client->owner ? "refused, another client has the device"
							: strerror(-ret));
	return ret;
}

int
vu_header_check(const struct vu_header *header)
{
	if ((header->flags & VU_F_TYPE_MASK) != VU_F_COMMAND)
		return -EPROTO;
	if (header->size < sizeof(*header))
		return -EINVAL;
	if (header->size > sizeof(*header) + VU_MAX_DATA)
		return -EMSGSIZE;
	return 0;
}

void
vu_reply_header(struct vu_header *header, uint32_t data_size, int error)
{
	header->size = sizeof(*header) + data_size;
	header->flags = VU_F_REPLY | (error != 0 ? VU_F_ERROR : 0);
	header->error = (uint32_t)error;
}

static void
close_fds(struct vu_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->num_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->num_fds = 0;
}

bool
vu_handle(struct vu_device *dev, struct vu_client *client, struct vu_msg *msg)
{
	bool wants_reply = (msg->header.flags & VU_F_NO_REPLY) == 0;
	int ret;

	msg->reply_size = 0;
	msg->reply_fd = -1;
	ret = request_run(dev, client, msg);
	close_fds(msg);
	if (ret < 0) {
		msg->reply_size = 0;
		msg->reply_fd = -1;
		/* Without a version there is nothing to talk about. */
		client->close = !client->owner;
	} else if (!client->owner) {
		client->owner = true;
		dev->owner = client;
		vu_log(dev, REVERE_EMU_LOG_NOTICE, "client connected");
	}
	vu_reply_header(&msg->header, msg->reply_size, -ret);
	return wants_reply;
}

/*
 * First what stops the device, then what it might still have used. BARs, commands and
 * everything else in configuration space return to reset values too.
 */
static void
device_clean(struct vu_device *dev)
{
	int ret = pci_config_flr(&dev->config);

	if (ret < 0)
		vu_log(dev, REVERE_EMU_LOG_ERR, "reset failed: %s", strerror(-ret));
	vu_irq_drop_all(dev);
	vu_dma_drop_all(dev);
	revere_emu_page_drop(dev->emu, dev->function, REVERE_EMU_PAGES_KEPT);
	if (dev->pages_given)
		revere_emu_pages_renew(dev->emu, dev->function);
	dev->pages_given = false;
	vu_region_reset(dev);
}

void
vu_client_gone(struct vu_device *dev, struct vu_client *client)
{
	if (!client->owner)
		return;
	device_clean(dev);
	client->owner = false;
	dev->owner = NULL;
	vu_log(dev, REVERE_EMU_LOG_NOTICE, "client gone, function reset");
}

int
vu_device_init(struct vu_device *dev, struct revere_emu *emu, unsigned int function)
{
	const struct revere_emu_config *config = revere_emu_config_get(emu);

	memset(dev, 0, sizeof(*dev));
	dev->emu = emu;
	dev->function = function;
	if (function > config->num_vf)
		return -EINVAL;
	dev->pages = revere_emu_pages(emu, function);
	dev->pages_fd = revere_emu_pages_fd(emu, function, &dev->pages_size);
	if (dev->pages == NULL || dev->pages_fd < 0)
		return -ENODEV;
	/* Without threads nobody would see a doorbell that is no message. */
	dev->direct = config->mode == REVERE_EMU_THREADED;
	dev->msix_table_size = config->msix_vectors * PCI_MSIX_ENTRY_SIZE;
	dev->msix_table = calloc(1, dev->msix_table_size);
	if (dev->msix_table == NULL)
		return -ENOMEM;
	if (vu_irq_init(dev) < 0) {
		free(dev->msix_table);
		return -ENOMEM;
	}
	vu_dma_init(dev);
	pci_config_init(&dev->config, emu, function);
	vu_region_reset(dev);
	return 0;
}

void
vu_device_fini(struct vu_device *dev)
{
	device_clean(dev);
	vu_dma_fini(dev);
	vu_irq_fini(dev);
	free(dev->msix_table);
}
