/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The raw device's life: probe, configure, start, stop, close.
 */

#include <errno.h>
#include <stdarg.h>

#include <bus_vdev_driver.h>
#include <rte_malloc.h>

#include "raw_revere.h"

RTE_LOG_REGISTER(raw_revere_logtype, pmd.raw.revere, NOTICE)

void
raw_log(uint32_t level, const char *format, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	rte_log(level, (uint32_t)raw_revere_logtype, "raw_revere: %s\n", line);
}

static int
raw_info_get(struct rte_rawdev *rawdev, rte_rawdev_obj_t dev_info, size_t size)
{
	const struct raw_dev *raw = raw_dev_of(rawdev);
	struct rte_pmd_revere_raw_info *out = dev_info;

	if (size != sizeof(*out)) {
		RAW_LOG(ERR, "%s: info_get with %zu bytes, struct rte_pmd_revere_raw_info has %zu",
			raw->name, size, sizeof(*out));
		return -EINVAL;
	}
	*out = (struct rte_pmd_revere_raw_info){
		.max_queues = raw_max_queues(raw),
		.min_msg_length = RVR_DW << raw->info->min_log2_msg_length,
		.max_msg_length = RVR_DW << raw->info->max_log2_msg_length,
		.max_ring_size = 1u << raw->info->max_log2_size,
		.num_aha = raw->info->num_aha,
		.arch_major = raw->info->arch_major,
		.arch_minor = raw->info->arch_minor,
		.iidr = raw->info->iidr,
		.config = raw->config,
	};
	return 0;
}

/** AHA_ID of the agent that is asked for, checked to be there; or a negative errno. */
static int
raw_find_agent(struct raw_dev *raw, const struct rte_pmd_revere_raw_config *config)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = config->aha_id };
	struct rvr_pf_probe_aha_rsp rsp;
	uint16_t kind = config->kind != 0 ? config->kind : RTE_PMD_REVERE_RAW_INVERSION;
	int ret;

	if (config->peer == RTE_PMD_REVERE_RAW_KIND) {
		ret = revere_aha_find(raw->dev, (enum rvr_aha_kind)kind, config->nth);
		if (ret == -ENOENT)
			RAW_LOG(ERR, "%s: no agent %u of kind 0x%x (%s) on this device", raw->name,
				config->nth, kind, revere_aha_kind_name(kind));
		return ret;
	}
	if (config->aha_id >= raw->info->num_aha) {
		RAW_LOG(ERR, "%s: AHA_ID %u is beyond the device's %u agents", raw->name,
			config->aha_id, raw->info->num_aha);
		return -ENOENT;
	}
	ret = revere_pf_probe_aha(raw->dev, &req, &rsp);
	if (ret == 0 && rsp.aha_iidr == 0) {
		RAW_LOG(ERR, "%s: there is no agent behind AHA_ID %u", raw->name, config->aha_id);
		ret = -ENOENT;
	}
	return ret == 0 ? config->aha_id : ret;
}

static int
raw_config_check(const struct raw_dev *raw, const struct rte_pmd_revere_raw_config *config,
		 size_t size)
{
	if (config == NULL || size != sizeof(*config)) {
		RAW_LOG(ERR, "%s: configure wants a struct rte_pmd_revere_raw_config of %zu bytes",
			raw->name, sizeof(*config));
		return -EINVAL;
	}
	if (config->nb_queues > raw_max_queues(raw)) {
		RAW_LOG(ERR, "%s: %u queues, the device's contexts have %u", raw->name,
			config->nb_queues, raw_max_queues(raw));
		return -EINVAL;
	}
	if (config->peer > RTE_PMD_REVERE_RAW_LOOPBACK) {
		RAW_LOG(ERR, "%s: unknown peer %d, 0 to %d are known", raw->name, config->peer,
			RTE_PMD_REVERE_RAW_LOOPBACK);
		return -EINVAL;
	}
	return 0;
}

static void
raw_unconfigure(struct raw_dev *raw)
{
	raw_queues_close(raw);
	rte_free(raw->queues);
	raw->queues = NULL;
	memset(&raw->config, 0, sizeof(raw->config));
}

static int
raw_configure(const struct rte_rawdev *rawdev, rte_rawdev_obj_t config, size_t size)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	const struct rte_pmd_revere_raw_config *want = config;
	struct raw_queue *queues;
	uint16_t nb_queues, i;
	int aha_id = 0, ret;

	ret = raw_config_check(raw, want, size);
	if (ret < 0)
		return ret;
	if (want->peer != RTE_PMD_REVERE_RAW_LOOPBACK)
		aha_id = raw_find_agent(raw, want);
	if (aha_id < 0)
		return aha_id;
	nb_queues = RTE_MAX(want->nb_queues, 1);
	queues = rte_zmalloc_socket(raw->name, nb_queues * sizeof(*queues), RTE_CACHE_LINE_SIZE,
				    raw->numa_node);
	if (queues == NULL) {
		RAW_LOG(ERR, "%s: no memory for %u queues", raw->name, nb_queues);
		return -ENOMEM;
	}
	for (i = 0; i < nb_queues; i++)
		queues[i].conf = raw->defaults;
	raw_unconfigure(raw);
	raw->queues = queues;
	raw->config = *want;
	raw->config.nb_queues = nb_queues;
	raw->aha_id = (uint16_t)aha_id;
	return 0;
}

static int
raw_start(struct rte_rawdev *rawdev)
{
	struct raw_dev *raw = raw_dev_of(rawdev);

	if (raw->config.nb_queues == 0) {
		RAW_LOG(ERR, "%s: start before configure", raw->name);
		return -EINVAL;
	}
	return raw_queues_open(raw);
}

static void
raw_stop(struct rte_rawdev *rawdev)
{
	raw_queues_close(raw_dev_of(rawdev));
}

static int
raw_close(struct rte_rawdev *rawdev)
{
	raw_unconfigure(raw_dev_of(rawdev));
	return 0;
}

/** Discards what is queued; a started device comes back with new sessions. */
static int
raw_reset(struct rte_rawdev *rawdev)
{
	struct raw_dev *raw = raw_dev_of(rawdev);

	if (raw->ami_sw == NULL)
		return 0;
	raw_queues_close(raw);
	return raw_queues_open(raw);
}

static const struct rte_rawdev_ops raw_ops = {
	.dev_info_get = raw_info_get,
	.dev_configure = raw_configure,
	.dev_start = raw_start,
	.dev_stop = raw_stop,
	.dev_close = raw_close,
	.dev_reset = raw_reset,
	.queue_def_conf = raw_queue_def_conf,
	.queue_setup = raw_queue_setup,
	.queue_release = raw_queue_release,
	.queue_count = raw_queue_count,
	.enqueue_bufs = raw_enqueue,
	.dequeue_bufs = raw_dequeue,
	.dump = raw_dump,
	.attr_get = raw_attr_get,
	.attr_set = raw_attr_set,
	.xstats_get = raw_xstats_get,
	.xstats_get_names = raw_xstats_get_names,
	.xstats_get_by_name = raw_xstats_get_by_name,
	.xstats_reset = raw_xstats_reset,
	.firmware_status_get = raw_firmware_status,
	.firmware_version_get = raw_firmware_version,
	.dev_selftest = raw_selftest,
};

static void
raw_init(struct raw_dev *raw, const struct revere_probe *probe)
{
	snprintf(raw->name, sizeof(raw->name), "%s", probe->name);
	raw->dev = probe->dev;
	raw->device = probe->device;
	raw->info = revere_dev_info(probe->dev);
	raw->numa_node = probe->rte_dev->numa_node;
	raw->defaults = (struct rte_pmd_revere_raw_queue_conf){
		.msg_length = RTE_MAX(RAW_DEFAULT_MSG_LENGTH,
				      RVR_DW << raw->info->min_log2_msg_length),
		.tx_size = RTE_MIN(RAW_DEFAULT_SIZE, 1 << raw->info->max_log2_size),
		.rx_size = RTE_MIN(RAW_DEFAULT_SIZE, 1 << raw->info->max_log2_size),
	};
}

static int
raw_probe(const struct revere_probe *probe)
{
	struct rte_rawdev *rawdev;

	if (strlen(probe->name) >= RTE_RAWDEV_NAME_MAX_LEN) {
		RAW_LOG(ERR, "%s: a raw device's name has at most %d characters", probe->name,
			RTE_RAWDEV_NAME_MAX_LEN - 1);
		return -ENAMETOOLONG;
	}
	rawdev = rte_rawdev_pmd_allocate(probe->name, sizeof(struct raw_dev),
					 probe->rte_dev->numa_node);
	if (rawdev == NULL) {
		RAW_LOG(ERR, "%s: no raw device is left, or the name is taken", probe->name);
		return -ENOMEM;
	}
	raw_init(raw_dev_of(rawdev), probe);
	rawdev->device = probe->rte_dev;
	rawdev->driver_name = "raw_revere";
	rawdev->dev_ops = &raw_ops;
	return 0;
}

static int
raw_remove(struct rte_device *rte_dev, const char *name)
{
	struct rte_rawdev *rawdev = rte_rawdev_pmd_get_named_dev(name);
	struct revere_device *device;
	int ret;

	if (rawdev == NULL || rawdev->device != rte_dev)
		return -ENODEV;
	device = raw_dev_of(rawdev)->device;
	if (rawdev->started)
		rte_rawdev_stop(rawdev->dev_id);
	ret = rte_rawdev_pmd_release(rawdev);
	if (ret == 0)
		revere_device_put(device);
	return ret;
}

static struct revere_class raw_class = {
	.name = "raw",
	.probe = raw_probe,
	.remove = raw_remove,
	.plan = raw_plan,
};

REVERE_REGISTER_CLASS(raw_class)

static int
raw_vdev_probe(struct rte_vdev_device *vdev)
{
	return revere_vdev_probe(vdev, &raw_class);
}

static int
raw_vdev_remove(struct rte_vdev_device *vdev)
{
	return revere_vdev_remove(vdev, &raw_class);
}

static struct rte_vdev_driver raw_revere_drv = {
	.probe = raw_vdev_probe,
	.remove = raw_vdev_remove,
	.dma_map = revere_vdev_dma_map,
	.dma_unmap = revere_vdev_dma_unmap,
};

RTE_PMD_REGISTER_VDEV(raw_revere, raw_revere_drv);
RTE_PMD_REGISTER_PARAM_STRING(raw_revere, "emu=<name>");
