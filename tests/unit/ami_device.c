/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* See ami_device.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "ami_device.h"

void
ami_device_eal(void)
{
	static char args[][24] = { "test", "--no-huge", "--no-pci", "--no-shconf", "-m", "256",
		"--no-telemetry", "-l", "0" };
	char *argv[RTE_DIM(args) + 1] = { NULL };
	unsigned int i;

	for (i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0) {
		fprintf(stderr, "EAL can't start\n");
		exit(1);
	}
}

static struct ami_device *
device_of(struct revere_transport *transport)
{
	return container_of(transport, struct ami_device, transport);
}

static uint64_t
mgt_read64(struct revere_transport *transport, uint32_t offset)
{
	struct ami_device *device = device_of(transport);

	return revere_emu_mgt_read(device->emu, device->function, offset, 8);
}

static void
mgt_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	struct ami_device *device = device_of(transport);

	revere_emu_mgt_write(device->emu, device->function, offset, 8, value);
}

static volatile void *
ami_sw_page(struct revere_transport *transport, uint16_t ami_sw_id)
{
	return device_of(transport)->pages + (size_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;
}

static int
dma_map_pasid(struct revere_transport *transport, uint32_t pasid, void *va, uint64_t iova,
	size_t size)
{
	struct ami_device *device = device_of(transport);

	return revere_emu_dma_map_pasid(device->emu, device->function, pasid, iova, va, size, 3);
}

static int
dma_unmap_pasid(struct revere_transport *transport, uint32_t pasid, void *va, uint64_t iova,
	size_t size)
{
	struct ami_device *device = device_of(transport);

	(void)va;
	return revere_emu_dma_unmap_pasid(device->emu, device->function, pasid, iova, size) > 0 ?
		0 : -ENOENT;
}

static int
irq_set(struct revere_transport *transport, uint32_t vector, int eventfd)
{
	struct ami_device *device = device_of(transport);

	return revere_emu_irq_set(device->emu, device->function, vector, eventfd);
}

static int
reset(struct revere_transport *transport)
{
	struct ami_device *device = device_of(transport);

	device->resets++;
	revere_emu_reset(device->emu, device->function);
	revere_emu_bus_master(device->emu, device->function, true);
	return 0;
}

static void
kick(struct revere_transport *transport)
{
	revere_emu_kick(device_of(transport)->emu);
}

static const struct revere_transport_ops ops = {
	.name = "test",
	.mgt_read64 = mgt_read64,
	.mgt_write64 = mgt_write64,
	.ami_sw_page = ami_sw_page,
	.dma_map_pasid = dma_map_pasid,
	.dma_unmap_pasid = dma_unmap_pasid,
	.irq_set = irq_set,
	.reset = reset,
	.kick = kick,
};

/* Without hugepages memory is never added: there are no events to wait for. */
static int
map_chunk(const struct rte_memseg_list *list, const struct rte_memseg *segment, size_t size,
	void *arg)
{
	struct ami_device *device = arg;

	(void)list;
	return revere_emu_dma_map(device->emu, device->function, segment->addr_64, segment->addr,
		size, REVERE_EMU_PROT_READ | REVERE_EMU_PROT_WRITE);
}

/* Memory and bus of the Function. */
static void
plug_in(struct ami_device *device)
{
	device->pages = revere_emu_pages(device->emu, device->function);
	assert_non_null(device->pages);
	assert_int_equal(rte_memseg_contig_walk(map_chunk, device), 0);
	revere_emu_bus_master(device->emu, device->function, true);
	device->transport = (struct revere_transport){
		.ops = &ops,
		.numa_node = -1,
		.vectors = revere_emu_config_get(device->emu)->msix_vectors,
	};
}

void
ami_device_init(struct ami_device *device, const char *settings)
{
	struct revere_emu_config config;
	char error[256] = "", text[256];
	char *key, *value, *rest = text;

	memset(device, 0, sizeof(*device));
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	snprintf(text, sizeof(text), "%s", settings);
	while ((key = strtok_r(rest, " ", &rest)) != NULL) {
		value = strchr(key, '=');
		*value++ = '\0';
		if (revere_emu_config_set(&config, key, value, error, sizeof(error)) < 0)
			fail_msg("%s", error);
	}
	device->emu = revere_emu_create("test", &config, error, sizeof(error));
	if (device->emu == NULL)
		fail_msg("%s", error);
	plug_in(device);
}

void
ami_device_vf(struct ami_device *vf, const struct ami_device *pf, unsigned int function)
{
	memset(vf, 0, sizeof(*vf));
	vf->emu = pf->emu;
	vf->function = function;
	plug_in(vf);
}

void
ami_device_fini(struct ami_device *device)
{
	revere_emu_destroy(device->emu);
}

size_t
ami_device_heap(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}
