/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The dmadev: probe and control path. Its vchans are in revere_dma_vchan.c, the fast path is in
 * revere_dma_data.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <bus_vdev_driver.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_string_fns.h>

#include "revere_dma.h"

#define ARG_TIMEOUT "answer_timeout_ms"
#define ARG_THRESHOLD REVERE_DMA_ARG_THRESHOLD

RTE_LOG_REGISTER(revere_dma_logtype, pmd.dma.revere, NOTICE)
bool revere_dma_secondary;

static TAILQ_HEAD(, revere_dma_dev) dmas = TAILQ_HEAD_INITIALIZER(dmas);

bool
revere_dma_is_ours(const void *dev_private)
{
	const struct revere_dma_dev *dma;

	TAILQ_FOREACH(dma, &dmas, next) {
		if (dma == dev_private)
			return true;
	}
	return false;
}

static int
dma_info_get(const struct rte_dma_dev *dev, struct rte_dma_info *info, uint32_t info_sz)
{
	const struct revere_dma_dev *dma = dev->data->dev_private;

	RTE_SET_USED(info_sz);
	info->dev_capa = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_OPS_COPY |
			 RTE_DMA_CAPA_OPS_COPY_SG | RTE_DMA_CAPA_OPS_FILL |
			 RTE_DMA_CAPA_HANDLES_ERRORS;
	/* The addresses are the primary's. */
	if (dma->sva && !revere_dma_secondary)
		info->dev_capa |= RTE_DMA_CAPA_SVA;
	info->max_vchans = dma->max_vchans;
	info->min_desc = REVERE_DMA_MIN_DESC;
	info->max_desc = dma->max_desc;
	info->max_sges = REVERE_DMA_MAX_SGES;
	return 0;
}

static void
vchans_destroy(struct revere_dma_dev *dma)
{
	uint16_t i;

	for (i = 0; i < REVERE_DMA_MAX_VCHANS; i++)
		revere_dma_vchan_destroy(&dma->vchans[i]);
	dma->nb_vchans = 0;
}

static int
dma_configure(struct rte_dma_dev *dev, const struct rte_dma_conf *conf, uint32_t conf_sz)
{
	struct revere_dma_dev *dma = dev->data->dev_private;

	RTE_SET_USED(conf_sz);
	vchans_destroy(dma);
	dma->nb_vchans = conf->nb_vchans;
	return 0;
}

static int
dma_vchan_setup(struct rte_dma_dev *dev, uint16_t vchan, const struct rte_dma_vchan_conf *conf,
		uint32_t conf_sz)
{
	struct revere_dma_dev *dma = dev->data->dev_private;
	int ret = 0;

	RTE_SET_USED(conf_sz);
	/* Now, before the last context is taken. */
	revere_dma_vchan_destroy(&dma->vchans[vchan]);
	if (revere_dma_threshold_mode(dma->threshold) == RTE_PMD_REVERE_DMA_AUTO)
		ret = revere_dma_auto_measure(dma, true);
	if (ret < 0)
		REVERE_DMA_LOG(WARNING, dma, "cannot measure copies: %s; with %s=auto the CPU does "
			       "all of them", strerror(-ret), ARG_THRESHOLD);
	return revere_dma_vchan_create(&dma->vchans[vchan], dma, vchan, conf->nb_desc);
}

/** The first @p count vchans won't start after all; none has had a job. */
static void
start_undo(struct revere_dma_dev *dma, uint16_t count)
{
	uint16_t i;

	for (i = 0; i < count; i++) {
		/* A device that takes no commands isn't told, the next start restarts it. */
		if (revere_dev_is_lost(dma->dev))
			revere_dma_vchan_halt(&dma->vchans[i]);
		else
			revere_dma_vchan_stop(&dma->vchans[i]);
	}
}

static int
dma_start(struct rte_dma_dev *dev)
{
	struct revere_dma_dev *dma = dev->data->dev_private;
	uint16_t i;
	int ret;

	for (i = 0; i < dma->nb_vchans; i++) {
		if (dma->vchans[i].state == REVERE_DMA_UNSET) {
			REVERE_DMA_LOG(ERR, dma, "cannot start: vchan %u of %u is not set up", i,
				       dma->nb_vchans);
			return -EINVAL;
		}
	}
	for (i = 0; i < dma->nb_vchans; i++) {
		ret = revere_dma_vchan_start(&dma->vchans[i]);
		if (ret < 0) {
			start_undo(dma, i);
			return ret;
		}
	}
	dma->started = true;
	return 0;
}

static int
dma_stop(struct rte_dma_dev *dev)
{
	struct revere_dma_dev *dma = dev->data->dev_private;
	uint16_t i;

	/* A device that doesn't answer any more must not keep its user from closing it. */
	for (i = 0; i < dma->nb_vchans; i++)
		revere_dma_vchan_stop(&dma->vchans[i]);
	dma->started = false;
	return 0;
}

static int
dma_close(struct rte_dma_dev *dev)
{
	struct revere_dma_dev *dma = dev->data->dev_private;

	vchans_destroy(dma);
	TAILQ_REMOVE(&dmas, dma, next);
	revere_device_put(dma->device);
	return 0;
}

static const struct rte_dma_dev_ops dma_ops = {
	.dev_info_get = dma_info_get,
	.dev_configure = dma_configure,
	.dev_start = dma_start,
	.dev_stop = dma_stop,
	.dev_close = dma_close,
	.vchan_setup = dma_vchan_setup,
	.vchan_status = revere_dma_vchan_status,
	.stats_get = revere_dma_stats_get,
	.stats_reset = revere_dma_stats_reset,
	.dev_dump = revere_dma_dump,
};

/** What this device can do, out of its identification. */
static int
limits_find(struct revere_dma_dev *dma)
{
	const struct revere_dev_info *info = revere_dev_info(dma->dev);
	uint32_t slots = UINT32_C(1) << info->max_log2_size;
	uint32_t msg_ops;
	uint64_t jobs;

	dma->request_log2_length = revere_dma_request_log2_length(info);
	dma->answer_log2_length = info->min_log2_msg_length;
	msg_ops = revere_dma_msg_ops(dma->request_log2_length);

	/* Half of what full messages hold, see revere_dma_ring_slots(). */
	jobs = slots < 3 ? 0 : (uint64_t)(slots - 2) * msg_ops / 2;
	jobs = jobs < REVERE_DMA_MAX_SGES ? 0 : jobs - REVERE_DMA_MAX_SGES;
	dma->max_desc = (uint16_t)RTE_MIN(jobs, (uint64_t)REVERE_DMA_MAX_DESC);
	if (dma->max_desc < REVERE_DMA_MIN_DESC) {
		REVERE_DMA_LOG(ERR, dma,
			       "rings of the device hold 2^%u messages, too few for %u descriptors",
			       info->max_log2_size, REVERE_DMA_MIN_DESC);
		return -ENOTSUP;
	}
	dma->max_vchans = (uint16_t)RTE_MIN(info->ami_per_function, REVERE_DMA_MAX_VCHANS);
	return 0;
}

static int
dma_init(struct revere_dma_dev *dma, const struct revere_probe *probe)
{
	uint64_t timeout_ms = REVERE_DMA_TIMEOUT_MS;
	int ret;

	dma->dev = probe->dev;
	dma->device = probe->device;
	dma->rte_dev = probe->rte_dev;
	dma->numa_node = probe->rte_dev->numa_node;
	dma->sva = probe->iova_as_va && rte_eal_iova_mode() == RTE_IOVA_VA;
	rte_strscpy(dma->name, probe->name, sizeof(dma->name));

	ret = revere_arg_uint(probe->args, ARG_TIMEOUT, 0, UINT32_MAX, &timeout_ms);
	if (ret < 0)
		return ret;
	dma->reach = revere_device_reach(probe->device);
	dma->timeout = timeout_ms * rte_get_timer_hz() / MS_PER_S;
	ret = revere_dma_threshold_parse(probe->args, dma);
	if (ret < 0)
		return ret;

	ret = revere_aha_find(probe->dev, RVR_AHA_DMA, 0);
	if (ret == -ENOENT)
		REVERE_DMA_LOG(ERR, dma, "device %s has no DMA agent",
			       revere_dev_name(probe->dev));
	if (ret < 0)
		return ret == -ENOENT ? -ENODEV : ret;
	dma->aha_id = (uint16_t)ret;
	if (revere_device_iova_differs(probe->device))
		revere_dma_iova_differs(dma);
	return limits_find(dma);
}

static void
dma_ready(struct rte_dma_dev *dev, struct rte_device *rte_dev, const struct rte_dma_dev_ops *ops)
{
	dev->device = rte_dev;
	dev->dev_ops = ops;
	dev->fp_obj->dev_private = dev->data->dev_private;
	revere_dma_data_set(dev->fp_obj, revere_dma_secondary ||
			    ((struct revere_dma_dev *)dev->data->dev_private)->reach != NULL);
	dev->state = RTE_DMA_DEV_READY;
}

static int
dma_probe(const struct revere_probe *probe)
{
	struct rte_dma_dev *dev;
	int ret;

	dev = rte_dma_pmd_allocate(probe->name, probe->rte_dev->numa_node,
				   sizeof(struct revere_dma_dev));
	if (dev == NULL)
		return -ENOMEM;
	ret = dma_init(dev->data->dev_private, probe);
	if (ret < 0) {
		rte_dma_pmd_release(probe->name);
		return ret;
	}
	TAILQ_INSERT_TAIL(&dmas, (struct revere_dma_dev *)dev->data->dev_private, next);
	dma_ready(dev, probe->rte_dev, &dma_ops);
	return 0;
}

/* ---- Secondary processes ------------------------------------------------------------------ */

static int
refuse(const struct rte_dma_dev *dev, const char *what)
{
	REVERE_DMA_LOG(ERR, (const struct revere_dma_dev *)dev->data->dev_private,
		       "only the primary process can %s", what);
	return -ENOTSUP;
}

static int
refuse_configure(struct rte_dma_dev *dev, const struct rte_dma_conf *conf, uint32_t conf_sz)
{
	RTE_SET_USED(conf);
	RTE_SET_USED(conf_sz);
	return refuse(dev, "configure the device");
}

static int
refuse_vchan_setup(struct rte_dma_dev *dev, uint16_t vchan, const struct rte_dma_vchan_conf *conf,
		   uint32_t conf_sz)
{
	RTE_SET_USED(vchan);
	RTE_SET_USED(conf);
	RTE_SET_USED(conf_sz);
	return refuse(dev, "set up vchans");
}

static int
refuse_start(struct rte_dma_dev *dev)
{
	return refuse(dev, "start the device");
}

static int
refuse_stop(struct rte_dma_dev *dev)
{
	return refuse(dev, "stop the device");
}

/** What needs contexts is the primary's alone. */
static const struct rte_dma_dev_ops secondary_ops = {
	.dev_info_get = dma_info_get,
	.dev_configure = refuse_configure,
	.dev_start = refuse_start,
	.dev_stop = refuse_stop,
	.vchan_setup = refuse_vchan_setup,
	.vchan_status = revere_dma_vchan_status,
	.stats_get = revere_dma_stats_get,
	.stats_reset = revere_dma_stats_reset,
};

/** A device of the primary that this process uses. */
struct attachment {
	TAILQ_ENTRY(attachment) next;
	struct rte_dma_dev *dev;
};

static TAILQ_HEAD(, attachment) attachments = TAILQ_HEAD_INITIALIZER(attachments);

static int
dma_attach(const char *name, struct rte_device *rte_dev)
{
	struct attachment *attachment = calloc(1, sizeof(*attachment));
	struct rte_dma_dev *dev = NULL;

	if (attachment != NULL)
		dev = rte_dma_pmd_allocate(name, rte_dev->numa_node,
					   sizeof(struct revere_dma_dev));
	if (dev == NULL) {
		free(attachment);
		return -ENODEV;
	}
	revere_dma_secondary = true;
	dma_ready(dev, rte_dev, &secondary_ops);
	attachment->dev = dev;
	TAILQ_INSERT_TAIL(&attachments, attachment, next);
	return 0;
}

static int
dma_detach(const char *name)
{
	struct attachment *attachment;

	TAILQ_FOREACH(attachment, &attachments, next)
		if (strcmp(attachment->dev->data->dev_name, name) == 0)
			break;
	if (attachment == NULL)
		return 0;
	/* The library would close a device that is ready, but this one is the primary's. */
	attachment->dev->state = RTE_DMA_DEV_REGISTERED;
	TAILQ_REMOVE(&attachments, attachment, next);
	free(attachment);
	return rte_dma_pmd_release(name);
}

static int
dma_remove(struct rte_device *rte_dev, const char *name)
{
	int dev_id = rte_dma_get_dev_id_by_name(name);
	const struct revere_dma_dev *dma;

	RTE_SET_USED(rte_dev);
	/* Closed by its user already. */
	if (dev_id < 0)
		return 0;
	dma = rte_dma_fp_objs[dev_id].dev_private;
	if (dma->started)
		rte_dma_stop((int16_t)dev_id);
	return rte_dma_pmd_release(name);
}

static void
dma_iova_differs(const char *name)
{
	int dev_id = rte_dma_get_dev_id_by_name(name);

	if (dev_id >= 0)
		revere_dma_iova_differs(rte_dma_fp_objs[dev_id].dev_private);
}

static const char *const dma_args[] = {ARG_TIMEOUT, ARG_THRESHOLD, NULL};

static struct revere_class dma_class = {
	.name = "dma",
	.args = dma_args,
	.probe = dma_probe,
	.remove = dma_remove,
	.attach = dma_attach,
	.detach = dma_detach,
	.iova_differs = dma_iova_differs,
	.plan = revere_dma_plan,
};
REVERE_REGISTER_CLASS(dma_class)

int
revere_dma_target_open(const struct revere_dma_dev *dma, const char *devargs,
		       struct revere_probe *target)
{
	return revere_target_open(dma->rte_dev, dma->name, &dma_class, devargs, target);
}

int
revere_dma_target_take(const struct revere_dma_dev *dma, const struct revere_probe *target)
{
	return revere_target_take(dma->rte_dev, &dma_class, target);
}

static int
dma_vdev_probe(struct rte_vdev_device *vdev)
{
	return revere_vdev_probe(vdev, &dma_class);
}

static int
dma_vdev_remove(struct rte_vdev_device *vdev)
{
	return revere_vdev_remove(vdev, &dma_class);
}

static struct rte_vdev_driver dma_vdev_driver = {
	.probe = dma_vdev_probe,
	.remove = dma_vdev_remove,
	.dma_map = revere_vdev_dma_map,
	.dma_unmap = revere_vdev_dma_unmap,
};
RTE_PMD_REGISTER_VDEV(dma_revere, dma_vdev_driver);
RTE_PMD_REGISTER_PARAM_STRING(dma_revere, ARG_TIMEOUT "=<uint32> " ARG_THRESHOLD
			      "=<auto|off|uint32>");
