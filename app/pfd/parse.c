/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Packets of clients: what each must look like before anything else looks at it. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "pfd.h"

#define PAYLOAD(member) sizeof(((struct pfd_request *)NULL)->member)

struct shape {
	const char *name;
	uint32_t payload;
	unsigned int min_fds, max_fds;
};

static const struct shape shapes[] = {
	[RVR_PFD_HELLO] = { "HELLO", PAYLOAD(hello), 0, 0 },
	[RVR_PFD_REG_READ] = { "REG_READ", PAYLOAD(reg), 0, 0 },
	[RVR_PFD_REG_WRITE] = { "REG_WRITE", PAYLOAD(reg), 0, 0 },
	[RVR_PFD_COMMAND] = { "COMMAND", PAYLOAD(mgt), 0, 0 },
	[RVR_PFD_EXCEPTION] = { "EXCEPTION", 0, 0, 0 },
	[RVR_PFD_PAGE] = { "PAGE", PAYLOAD(page), 0, 0 },
	[RVR_PFD_DMA_MAP] = { "DMA_MAP", PAYLOAD(dma), 1, 1 },
	[RVR_PFD_DMA_UNMAP] = { "DMA_UNMAP", PAYLOAD(dma), 0, 0 },
	[RVR_PFD_IRQ_SET] = { "IRQ_SET", PAYLOAD(irq), 0, 1 },
	[RVR_PFD_RESET] = { "RESET", 0, 0, 0 },
};

int
pfd_wrong(char reason[RVR_PFD_REASON], int ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, RVR_PFD_REASON, format, args);
	va_end(args);
	return ret;
}

static int
check_shape(const struct rvr_pfd_header *header, size_t size, unsigned int num_fds,
	char reason[RVR_PFD_REASON])
{
	uint32_t type = rvr_le16_cpu(header->type), stated = rvr_le32_cpu(header->size);
	const struct shape *shape;

	if (type >= sizeof(shapes) / sizeof(shapes[0]) || shapes[type].name == NULL)
		return pfd_wrong(reason, -ENOTSUP, "there is no request %u", type);
	shape = &shapes[type];
	if (stated != size)
		return pfd_wrong(reason, -EMSGSIZE, "%s of %zu bytes says that it has %u",
			shape->name, size, stated);
	if (size != sizeof(*header) + shape->payload)
		return pfd_wrong(reason, -EMSGSIZE, "%s of %zu bytes, it has %zu",
			shape->name, size, sizeof(*header) + shape->payload);
	if (num_fds < shape->min_fds || num_fds > shape->max_fds)
		return pfd_wrong(reason, -EINVAL, "%s with %u descriptors, %u to %u are possible",
			shape->name, num_fds, shape->min_fds, shape->max_fds);
	if (header->zero != 0 || header->error != 0 || header->id == 0)
		return pfd_wrong(reason, -EINVAL,
			"%s with id %u, zero %u, error %u: the latter are 0, id isn't",
			shape->name, rvr_le32_cpu(header->id), rvr_le16_cpu(header->zero),
			rvr_le32_cpu(header->error));
	return 0;
}

static int
check_range(const struct rvr_pfd_dma *dma, bool map, char reason[RVR_PFD_REASON])
{
	uint64_t iova = rvr_le64_cpu(dma->iova), size = rvr_le64_cpu(dma->size);
	uint64_t offset = rvr_le64_cpu(dma->offset);

	if (size == 0 || iova + (size - 1) < iova || offset + (size - 1) < offset)
		return pfd_wrong(reason, -EINVAL, "%#" PRIx64 " bytes at IOVA %#" PRIx64
			", offset %#" PRIx64 " wrap or are none", size, iova, offset);
	if (!map && offset != 0)
		return pfd_wrong(reason, -EINVAL, "DMA_UNMAP with offset %#" PRIx64 ", it is 0",
			offset);
	return 0;
}

static int
check_values(const struct pfd_request *request, char reason[RVR_PFD_REASON])
{
	uint32_t zero = 0;

	switch (request->type) {
	case RVR_PFD_HELLO:
		zero = request->hello.zero;
		break;
	case RVR_PFD_REG_READ:
	case RVR_PFD_REG_WRITE:
		zero = request->reg.zero;
		if (rvr_le32_cpu(request->reg.offset) > RVR_MGT_PAGE_SIZE - sizeof(uint64_t) ||
			rvr_le32_cpu(request->reg.offset) % sizeof(uint64_t) != 0)
			return pfd_wrong(reason, -EINVAL, "no register at %#x",
				rvr_le32_cpu(request->reg.offset));
		break;
	case RVR_PFD_PAGE:
		zero = request->page.zero;
		break;
	case RVR_PFD_DMA_MAP:
	case RVR_PFD_DMA_UNMAP:
		return check_range(&request->dma, request->type == RVR_PFD_DMA_MAP, reason);
	case RVR_PFD_IRQ_SET:
		zero = request->irq.zero;
		break;
	default:
		break;
	}
	return zero == 0 ? 0 : pfd_wrong(reason, -EINVAL, "%s with %#x in zero",
		shapes[request->type].name, zero);
}

int
pfd_request_parse(const void *packet, size_t size, const int *fds, unsigned int num_fds,
	struct pfd_request *request, char reason[RVR_PFD_REASON])
{
	struct rvr_pfd_header header;
	int ret;

	memset(request, 0, sizeof(*request));
	request->fd = -1;
	if (size < sizeof(header))
		return pfd_wrong(reason, -EMSGSIZE, "%zu bytes, a request's header has %zu", size,
			sizeof(header));
	memcpy(&header, packet, sizeof(header));
	request->id = rvr_le32_cpu(header.id);
	request->type = (enum rvr_pfd_type)rvr_le16_cpu(header.type);
	ret = check_shape(&header, size, num_fds, reason);
	if (ret < 0)
		return ret;
	/* The members of the union begin where it does. */
	memcpy((uint8_t *)request + offsetof(struct pfd_request, hello),
		(const uint8_t *)packet + sizeof(header), size - sizeof(header));
	if (num_fds > 0)
		request->fd = fds[0];
	return check_values(request, reason);
}
