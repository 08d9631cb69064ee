/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Regions: BAR0 (management page, intercepted, and AMI-SW pages, which clients map), BAR2 (MSI-X
 * table and PBA) and configuration space.
 */

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "rvr_msg.h"
#include "rvr_regs.h"
#include "vu.h"

/* The capability that says which part of BAR0 can be mapped. */
struct sparse_mmap {
	struct vfio_info_cap_header header;
	uint32_t nr_areas;
	uint32_t reserved;
	struct vfio_region_sparse_mmap_area area;
};

_Static_assert(sizeof(struct sparse_mmap) ==
	sizeof(struct vfio_region_info_cap_sparse_mmap) +
	sizeof(struct vfio_region_sparse_mmap_area), "sparse_mmap");
_Static_assert(REVERE_EMU_PAGES_OFFSET == RVR_AMI_SW_PAGE_OFFSET,
	"a region's file is mapped at the region's own offsets");

static uint64_t
region_size(const struct vu_device *dev, uint32_t index)
{
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return PCI_CONFIG_SIZE;
	return index < PCI_CONFIG_BARS ? dev->config.bar_size[index] : 0;
}

static void
sparse_fill(const struct vu_device *dev, struct vfio_region_info *info)
{
	struct sparse_mmap cap = {
		.header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
		.nr_areas = 1,
		.area = { .offset = RVR_AMI_SW_PAGE_OFFSET, .size = dev->pages_size },
	};

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = sizeof(*info);
	memcpy(info + 1, &cap, sizeof(cap));
}

/* Once the client is gone there is another file. */
static void
give_pages(struct vu_device *dev, struct vu_msg *msg, int fd)
{
	dev->pages_given = true;
	msg->reply_fd = fd;
}

/* The first request asks how long the answer is; capabilities and descriptor follow if they fit. */
int
vu_region_info(struct vu_device *dev, struct vu_msg *msg)
{
	struct vfio_region_info request, *info;
	uint32_t size = sizeof(*info);
	bool mappable, fits;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request) || request.index >= VU_NUM_REGIONS)
		return -EINVAL;
	mappable = request.index == RVR_PCI_BAR_REGS && dev->direct && dev->client_max_fds > 0 &&
		   dev->pages_size > 0;
	if (mappable)
		size += sizeof(struct sparse_mmap);
	fits = request.argsz >= size;
	info = vu_reply(msg, fits ? size : (uint32_t)sizeof(*info));
	info->argsz = size;
	info->index = request.index;
	info->size = region_size(dev, request.index);
	if (info->size > 0)
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (mappable) {
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		if (fits) {
			sparse_fill(dev, info);
			give_pages(dev, msg, dev->pages_fd);
		}
	}
	return 0;
}

int
vu_region_page(struct vu_device *dev, struct vu_msg *msg)
{
	struct rvr_vfio_user_page request, *reply;
	int fd;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request))
		return -EINVAL;
	if (!dev->direct || dev->client_max_fds == 0)
		return -ENOTSUP;
	fd = revere_emu_page_fd(dev->emu, dev->function, request.ami_sw_id);
	if (fd < 0)
		return fd;
	reply = vu_reply(msg, sizeof(*reply));
	reply->argsz = sizeof(*reply);
	reply->ami_sw_id = request.ami_sw_id;
	give_pages(dev, msg, fd);
	return 0;
}

int
vu_region_page_kept(struct vu_device *dev, struct vu_msg *msg)
{
	struct rvr_vfio_user_page_kept request, *reply;
	int fd = -1;

	memcpy(&request, msg->data, sizeof(request));
	if (request.argsz < sizeof(request) || request.key >= REVERE_EMU_PAGES_KEPT ||
		request.ami_sw_id > UINT16_MAX)
		return -EINVAL;
	if (!dev->direct || dev->client_max_fds == 0)
		return -ENOTSUP;
	if (request.flags == RVR_VFIO_USER_PAGE_DROP)
		revere_emu_page_drop(dev->emu, dev->function, request.key);
	else if (request.flags > RVR_VFIO_USER_PAGE_BIND)
		return -EINVAL;
	else
		fd = revere_emu_page_kept(dev->emu, dev->function, request.key,
			request.flags == 0 ? -1 : (int)request.ami_sw_id);
	if (fd < 0 && request.flags != RVR_VFIO_USER_PAGE_DROP)
		return fd;
	reply = vu_reply(msg, sizeof(*reply));
	reply->argsz = sizeof(*reply);
	reply->flags = request.flags;
	reply->key = request.key;
	reply->ami_sw_id = request.ami_sw_id;
	give_pages(dev, msg, fd);
	return 0;
}

/* ---- BAR0 ----------------------------------------------------------------------------------- */

/* Bytes of the largest access at @p offset that is aligned and no longer than @p left. */
static uint32_t
access_size(uint64_t offset, uint32_t left)
{
	uint32_t size = 8;

	while (size > left || offset % size != 0)
		size /= 2;
	return size;
}

/* Registers know 4 and 8 bytes; a part of a half is cut out of it. */
static uint64_t
mgt_read(struct vu_device *dev, uint32_t offset, uint32_t size)
{
	uint32_t shift = offset % 4 * 8;

	if (size >= 4)
		return revere_emu_mgt_read(dev->emu, dev->function, offset, size);
	return revere_emu_mgt_read(dev->emu, dev->function, offset - offset % 4, 4) >> shift;
}

static void
mgt_write(struct vu_device *dev, uint32_t offset, uint32_t size, uint64_t value)
{
	uint32_t shift = offset % 4 * 8, mask, half;

	if (size < 4) {
		mask = (size == 1 ? 0xffu : 0xffffu) << shift;
		offset -= offset % 4;
		half = (uint32_t)revere_emu_mgt_read(dev->emu, dev->function, offset, 4);
		value = (half & ~mask) | ((uint32_t)value << shift & mask);
		size = 4;
	}
	revere_emu_mgt_write(dev->emu, dev->function, offset, size, value);
}

/* One access each, as a load or store of a client that has the page mapped. */
static uint64_t
page_read(const uint8_t *at, uint32_t size)
{
	switch (size) {
	case 8:
		return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_SEQ_CST);
	case 4:
		return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_SEQ_CST);
	case 2:
		return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_SEQ_CST);
	default:
		return __atomic_load_n(at, __ATOMIC_SEQ_CST);
	}
}

static void
page_write(uint8_t *at, uint32_t size, uint64_t value)
{
	switch (size) {
	case 8:
		__atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_SEQ_CST);
		break;
	case 4:
		__atomic_store_n((uint32_t *)(void *)at, (uint32_t)value, __ATOMIC_SEQ_CST);
		break;
	case 2:
		__atomic_store_n((uint16_t *)(void *)at, (uint16_t)value, __ATOMIC_SEQ_CST);
		break;
	default:
		__atomic_store_n(at, (uint8_t)value, __ATOMIC_SEQ_CST);
		break;
	}
}

/* What is neither management page nor AMI-SW page fills BAR0 up to a power of two: zeroes. */
static uint64_t
regs_read(struct vu_device *dev, uint64_t offset, uint32_t size)
{
	if (offset < RVR_MGT_PAGE_SIZE)
		return mgt_read(dev, (uint32_t)offset, size);
	offset -= RVR_AMI_SW_PAGE_OFFSET;
	return offset < dev->pages_size ? page_read(dev->pages + offset, size) : 0;
}

static void
regs_write(struct vu_device *dev, uint64_t offset, uint32_t size, uint64_t value)
{
	if (offset < RVR_MGT_PAGE_SIZE) {
		mgt_write(dev, (uint32_t)offset, size, value);
		return;
	}
	offset -= RVR_AMI_SW_PAGE_OFFSET;
	if (offset < dev->pages_size)
		page_write(dev->pages + offset, size, value);
}

static void
bar_regs_read(struct vu_device *dev, uint64_t offset, uint8_t *data, uint32_t count)
{
	uint64_t value;
	uint32_t size;

	for (; count > 0; count -= size, offset += size, data += size) {
		size = access_size(offset, count);
		value = rvr_cpu_le64(regs_read(dev, offset, size));
		memcpy(data, &value, size);
	}
}

static void
bar_regs_write(struct vu_device *dev, uint64_t offset, const uint8_t *data, uint32_t count)
{
	uint64_t value;
	uint32_t size;

	for (; count > 0; count -= size, offset += size, data += size) {
		size = access_size(offset, count);
		value = 0;
		memcpy(&value, data, size);
		regs_write(dev, offset, size, rvr_le64_cpu(value));
	}
	revere_emu_kick(dev->emu);
}

/* ---- BAR2 ----------------------------------------------------------------------------------- */

/*
 * The MSI-X table is memory that nobody looks at: interrupts are eventfds, and the client, which
 * hands those out, has the table that counts. Nothing is ever pending here.
 */
void
vu_region_reset(struct vu_device *dev)
{
	uint32_t i;

	memset(dev->msix_table, 0, dev->msix_table_size);
	for (i = 0; i < dev->msix_table_size; i += PCI_MSIX_ENTRY_SIZE)
		dev->msix_table[i + PCI_MSIX_ENTRY_VECTOR_CTRL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static uint8_t
msix_writable(uint32_t offset)
{
	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return 0xfc;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		return PCI_MSIX_ENTRY_CTRL_MASKBIT;
	default:
		return offset % PCI_MSIX_ENTRY_SIZE < PCI_MSIX_ENTRY_VECTOR_CTRL ? 0xff : 0;
	}
}

static void
bar_msix_read(struct vu_device *dev, uint64_t offset, uint8_t *data, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		data[i] = offset + i < dev->msix_table_size ? dev->msix_table[offset + i] : 0;
}

static void
bar_msix_write(struct vu_device *dev, uint64_t offset, const uint8_t *data, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count && offset + i < dev->msix_table_size; i++)
		dev->msix_table[offset + i] = data[i] & msix_writable((uint32_t)offset + i);
}

/* ---- Messages ------------------------------------------------------------------------------- */

static int
access_check(const struct vu_device *dev, const struct vu_region_access *access)
{
	uint64_t size;

	if (access->region >= VU_NUM_REGIONS)
		return -EINVAL;
	size = region_size(dev, access->region);
	if (access->count > VU_MAX_XFER || access->offset > size ||
	    access->count > size - access->offset)
		return -EINVAL;
	return 0;
}

int
vu_region_read(struct vu_device *dev, struct vu_msg *msg)
{
	struct vu_region_access access;
	uint8_t *data;
	int ret;

	memcpy(&access, msg->data, sizeof(access));
	ret = access_check(dev, &access);
	if (ret < 0)
		return ret;
	data = vu_reply(msg, sizeof(access) + access.count);
	memcpy(data, &access, sizeof(access));
	data += sizeof(access);
	if (access.region == VFIO_PCI_CONFIG_REGION_INDEX)
		pci_config_read(&dev->config, (uint32_t)access.offset, data, access.count);
	else if (access.region == RVR_PCI_BAR_REGS)
		bar_regs_read(dev, access.offset, data, access.count);
	else if (access.region == RVR_PCI_BAR_MSIX)
		bar_msix_read(dev, access.offset, data, access.count);
	return 0;
}

/* A Function Level Reset ends in the MSI-X table too. */
static void
config_write(struct vu_device *dev, uint32_t offset, const uint8_t *data, uint32_t count)
{
	unsigned int resets = dev->config.resets;

	pci_config_write(&dev->config, offset, data, count);
	if (dev->config.resets != resets)
		vu_region_reset(dev);
}

int
vu_region_write(struct vu_device *dev, struct vu_msg *msg)
{
	const uint8_t *data = msg->data + sizeof(struct vu_region_access);
	struct vu_region_access access;
	int ret;

	memcpy(&access, msg->data, sizeof(access));
	ret = access_check(dev, &access);
	if (ret < 0)
		return ret;
	if (msg->size - sizeof(access) != access.count)
		return -EINVAL;
	if (access.region == VFIO_PCI_CONFIG_REGION_INDEX)
		config_write(dev, (uint32_t)access.offset, data, access.count);
	else if (access.region == RVR_PCI_BAR_REGS)
		bar_regs_write(dev, access.offset, data, access.count);
	else if (access.region == RVR_PCI_BAR_MSIX)
		bar_msix_write(dev, access.offset, data, access.count);
	memcpy(vu_reply(msg, sizeof(access)), &access, sizeof(access));
	return 0;
}
