/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transport to an emulated device in this process. Of the emulator it knows revere_emu.h. The
 * PF's transport owns the device, a VF's has a reference to the PF.
 */

#include <stdio.h>

#include <revere_emu.h>
#include <rte_eal.h>

#include "common_private.h"

RTE_LOG_REGISTER(revere_emu_logtype, lib.revere_emu, NOTICE)

struct local {
	struct revere_transport transport;
	struct local_space space;
	struct revere_device *pf; /* of a VF; else NULL */
	uint8_t *pages;
	uint64_t pages_size;
	uint32_t num_pages;
	bool sva;
};

static struct local *
local_of(struct revere_transport *transport)
{
	return container_of(transport, struct local, transport);
}

/* The first two arguments of most calls of the emulator. */
#define AT(transport) local_of(transport)->space.emu, local_of(transport)->space.function

/* ---- Hooks of the library ------------------------------------------------------------------- */

static uint64_t
local_mgt_read64(struct revere_transport *transport, uint32_t offset)
{
	return revere_emu_mgt_read(AT(transport), offset, 8);
}

static void
local_mgt_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	revere_emu_mgt_write(AT(transport), offset, 8, value);
}

static volatile void *
local_ami_sw_page(struct revere_transport *transport, uint16_t ami_sw_id)
{
	struct local *local = local_of(transport);

	if (ami_sw_id >= local->num_pages)
		return NULL;
	return local->pages + (size_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;
}

static int
local_dma_map(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	return revere_emu_dma_map(AT(transport), iova, va, size,
		REVERE_EMU_PROT_READ | REVERE_EMU_PROT_WRITE);
}

static int
local_dma_unmap(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	RTE_SET_USED(va);
	return revere_emu_dma_unmap(AT(transport), iova, size) > 0 ? 0 : -ENOENT;
}

static int
local_dma_map_pasid(struct revere_transport *transport, uint32_t pasid, void *va, uint64_t iova,
	size_t size)
{
	return revere_emu_dma_map_pasid(AT(transport), pasid, iova, va, size,
		REVERE_EMU_PROT_READ | REVERE_EMU_PROT_WRITE);
}

static int
local_dma_unmap_pasid(struct revere_transport *transport, uint32_t pasid, void *va, uint64_t iova,
	size_t size)
{
	RTE_SET_USED(va);
	return revere_emu_dma_unmap_pasid(AT(transport), pasid, iova, size) > 0 ?
		0 : -ENOENT;
}

static int
local_irq_set(struct revere_transport *transport, uint32_t vector, int eventfd)
{
	return revere_emu_irq_set(AT(transport), vector, eventfd);
}

static int
local_reset(struct revere_transport *transport)
{
	struct local *local = local_of(transport);
	int ret = revere_emu_reset(local->space.emu, local->space.function);

	/* A reset clears it. */
	if (ret == 0)
		revere_emu_bus_master(local->space.emu, local->space.function, true);
	return ret;
}

static void
local_kick(struct revere_transport *transport)
{
	revere_emu_kick(local_of(transport)->space.emu);
}

/* The device's threads see stores by themselves; without threads it has to be called. */
static const struct revere_transport_ops threaded_ops = {
	.name = "local",
	.mgt_read64 = local_mgt_read64,
	.mgt_write64 = local_mgt_write64,
	.ami_sw_page = local_ami_sw_page,
	.dma_map = local_dma_map,
	.dma_unmap = local_dma_unmap,
	.dma_map_pasid = local_dma_map_pasid,
	.dma_unmap_pasid = local_dma_unmap_pasid,
	.irq_set = local_irq_set,
	.reset = local_reset,
};

static const struct revere_transport_ops inline_ops = {
	.name = "local, inline",
	.mgt_read64 = local_mgt_read64,
	.mgt_write64 = local_mgt_write64,
	.ami_sw_page = local_ami_sw_page,
	.dma_map = local_dma_map,
	.dma_unmap = local_dma_unmap,
	.dma_map_pasid = local_dma_map_pasid,
	.dma_unmap_pasid = local_dma_unmap_pasid,
	.irq_set = local_irq_set,
	.reset = local_reset,
	.kick = local_kick,
};

/* ---- Settings ------------------------------------------------------------------------------- */

static bool
local_has_key(const char *key)
{
	struct revere_emu_config config;

	if (strcmp(key, "emu") == 0 || strcmp(key, ARG_VF) == 0)
		return true;
	revere_emu_config_init(&config);
	return revere_emu_config_set(&config, key, "", NULL, 0) != -ENOENT;
}

/* The emulator names all its keys when it doesn't know one. */
static void
local_list_keys(char *text, size_t size)
{
	static const char before[] = "there are ";
	struct revere_emu_config config;
	char sentence[640] = "";
	const char *list;

	revere_emu_config_init(&config);
	revere_emu_config_set(&config, "", "", sentence, sizeof(sentence));
	list = strstr(sentence, before);
	snprintf(text, size, "emu, " ARG_VF ", %s",
		list == NULL ? sentence : list + strlen(before));
}

/* Applies what of @p args are settings of the emulator. */
static int
settings_apply(const char *name, const struct rte_kvargs *args, struct revere_emu_config *config)
{
	const struct rte_kvargs_pair *pair;
	char error[256] = "";
	unsigned int i;
	int ret;

	for (i = 0; i < args->count; i++) {
		pair = &args->pairs[i];
		ret = revere_emu_config_set(config, pair->key, pair->value, error, sizeof(error));
		if (ret == 0 || ret == -ENOENT)
			continue;
		COMMON_LOG(ERR, name, "%s", error);
		return ret;
	}
	return 0;
}

static int
local_check(const char *name, const struct rte_kvargs *args, struct revere_transport *transport)
{
	const struct revere_emu_config *config =
		revere_emu_config_get(local_of(transport)->space.emu);
	const struct rte_kvargs_pair *pair;
	struct revere_emu_config wanted;
	char error[256] = "";
	unsigned int i;
	int ret;

	for (i = 0; i < args->count; i++) {
		pair = &args->pairs[i];
		memcpy(&wanted, config, sizeof(wanted));
		ret = revere_emu_config_set(&wanted, pair->key, pair->value, error, sizeof(error));
		if (ret == -ENOENT || (ret == 0 && memcmp(&wanted, config, sizeof(wanted)) == 0))
			continue;
		if (ret < 0) {
			COMMON_LOG(ERR, name, "%s", error);
			return ret;
		}
		COMMON_LOG(ERR, name, "%s=%s: the emulated device is there already with another "
			"setting, which only the vdev that creates it gives", pair->key,
			pair->value);
		return -EBUSY;
	}
	return 0;
}

/* ---- Life ----------------------------------------------------------------------------------- */

/* The emulator's levels are syslog's, DPDK's begin one higher. */
static void
log_line(void *arg, enum revere_emu_log_level level, const char *line)
{
	RTE_SET_USED(arg);
	rte_log((uint32_t)level + 1, (uint32_t)revere_emu_logtype, "REVERE_EMU: %s\n", line);
}

static int
emu_create(const char *name, const struct rte_kvargs *args, struct revere_emu **emu)
{
	struct revere_emu_config config;
	char error[256] = "";
	int ret;

	revere_emu_config_init(&config);
	ret = settings_apply(name, args, &config);
	if (ret == 0)
		ret = local_cpus_choose(name, &config);
	if (ret < 0)
		return ret;
	config.log = log_line;
	config.pages_place = share_place;
	*emu = revere_emu_create(name, &config, error, sizeof(error));
	if (*emu != NULL)
		return 0;
	ret = -errno;
	COMMON_LOG(ERR, name, "no emulated device: %s",
		error[0] == '\0' ? strerror(-ret) : error);
	return ret;
}

/* The device goes on without this VF, which must not reach the memory of this process then. */
static void
vf_unplug(struct local *local)
{
	const struct local_space *space = &local->space;

	revere_emu_reset(space->emu, space->function);
	revere_emu_sva(space->emu, space->function, false);
	revere_emu_dma_unmap(space->emu, space->function, 0, UINT64_MAX);
	revere_device_put(local->pf);
}

static void
local_close(struct revere_transport *transport)
{
	struct local *local = local_of(transport);

	local_memory_unmap(&local->space);
	if (local->pf != NULL)
		vf_unplug(local);
	else
		revere_emu_destroy(local->space.emu);
	free(local);
}

static int
pages_find(const char *name, struct local *local)
{
	const struct local_space *space = &local->space;

	local->pages = revere_emu_pages(space->emu, space->function);
	if (local->pages == NULL ||
		revere_emu_pages_fd(space->emu, space->function, &local->pages_size) < 0) {
		COMMON_LOG(ERR, name, "no memory for AMI-SW pages");
		return -ENOMEM;
	}
	local->num_pages = (uint32_t)(local->pages_size / RVR_AMI_SW_PAGE_STRIDE);
	return 0;
}

static int
local_share(struct revere_transport *transport, struct share_area *areas)
{
	struct local *local = local_of(transport);

	if (transport->ops->kick != NULL)
		return -ENOTSUP;
	areas[0] = (struct share_area){
		.va = local->pages,
		.size = local->pages_size,
		.offset = REVERE_EMU_PAGES_OFFSET,
		.fd = revere_emu_pages_fd(local->space.emu, local->space.function, NULL),
	};
	return 1;
}

/* Plugs the device in: what firmware and kernel do for one on a bus. */
static int
plug_in(const char *name, struct local *local)
{
	const struct revere_emu_config *config = revere_emu_config_get(local->space.emu);
	int ret;

	local->transport = (struct revere_transport){
		.ops = config->mode == REVERE_EMU_INLINE ? &inline_ops : &threaded_ops,
		.numa_node = SOCKET_ID_ANY,
		.vf = local->pf != NULL,
		.vectors = config->msix_vectors,
	};
	ret = pages_find(name, local);
	if (ret == 0)
		ret = local_memory_map(name, &local->space);
	if (ret < 0)
		return ret;
	/* What is not DPDK's memory is reached only where addresses are the same. */
	local->sva = rte_eal_iova_mode() == RTE_IOVA_VA &&
		revere_emu_sva(local->space.emu, local->space.function, true) == 0;
	revere_emu_bus_master(local->space.emu, local->space.function, true);
	return 0;
}

/* VF @p function of a device that is there: "emu/NAME/vfN" of "emu/NAME". */
static int
vf_find(const char *name, const struct rte_kvargs *args, uint64_t function, struct local *local)
{
	char pf[DEVICE_NAME_MAX];
	unsigned int num_vf;
	int ret;

	snprintf(pf, sizeof(pf), "%.*s", (int)(strrchr(name, '/') - name), name);
	local->pf = device_find(pf);
	if (local->pf == NULL || local->pf->dev == NULL) {
		COMMON_LOG(ERR, name, "a VF of a device whose PF isn't there: a vdev with the same "
			"emu= and without " ARG_VF "= has to come before");
		return -ENODEV;
	}
	ret = local_check(name, args, local->pf->transport);
	if (ret < 0)
		return ret;
	local->space = (struct local_space){
		.emu = local_of(local->pf->transport)->space.emu,
		.function = (unsigned int)function,
	};
	num_vf = revere_emu_config_get(local->space.emu)->num_vf;
	if (function > num_vf) {
		COMMON_LOG(ERR, name, ARG_VF "=%" PRIu64 ": the device has %u VFs, by num_vf of "
			"the vdev that creates it", function, num_vf);
		return -EINVAL;
	}
	device_get(local->pf);
	return 0;
}

static int
local_open(const char *name, const struct rte_kvargs *args, struct revere_transport **transport)
{
	struct local *local = calloc(1, sizeof(*local));
	uint64_t vf = 0;
	int ret;

	if (local == NULL)
		return -ENOMEM;
	ret = revere_arg_uint(args, ARG_VF, 1, UINT8_MAX, &vf);
	if (ret == 0)
		ret = vf != 0 ? vf_find(name, args, vf, local) :
			emu_create(name, args, &local->space.emu);
	if (ret < 0) {
		free(local);
		return ret;
	}
	ret = plug_in(name, local);
	if (ret < 0) {
		local_close(&local->transport);
		return ret;
	}
	*transport = &local->transport;
	return 0;
}

static bool
local_sva(const struct revere_transport *transport)
{
	return container_of(transport, const struct local, transport)->sva;
}

/* ---- Ports ---------------------------------------------------------------------------------- */

static int
local_port_add(const char *name, struct revere_transport *transport, const char *backend,
	const uint8_t *mac)
{
	char error[256] = "";
	int ret;

	ret = revere_emu_port_add(local_of(transport)->space.emu, backend, mac, error,
		sizeof(error));
	if (ret < 0)
		COMMON_LOG(ERR, name, "no port with backend %s: %s", backend, error);
	return ret;
}

static void
local_port_remove(struct revere_transport *transport, unsigned int port)
{
	revere_emu_port_remove(local_of(transport)->space.emu, port);
}

const struct transport_kind transport_local = {
	.has_key = local_has_key,
	.list_keys = local_list_keys,
	.open = local_open,
	.check = local_check,
	.close = local_close,
	.sva = local_sva,
	.port_add = local_port_add,
	.port_remove = local_port_remove,
	.share = local_share,
};
