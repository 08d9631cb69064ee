/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Queues of a raw device: pairs of sockets of one context, and the sessions behind them.
 */

#include <errno.h>

#include "raw_revere.h"

/** Whether @p value is a power of two in [min, max]; one error line if not. */
static bool
raw_pow2_check(const struct raw_dev *raw, uint16_t queue_id, const char *what, uint32_t value,
	       uint32_t min, uint32_t max)
{
	if (rte_is_power_of_2(value) && value >= min && value <= max)
		return true;
	RAW_LOG(ERR, "%s: queue %u: %s %u is not a power of two from %u to %u", raw->name,
		queue_id, what, value, min, max);
	return false;
}

int
raw_queue_check(const struct raw_dev *raw, uint16_t queue_id,
		const struct rte_pmd_revere_raw_queue_conf *conf)
{
	uint32_t max_size = 1u << raw->info->max_log2_size;

	if (!raw_pow2_check(raw, queue_id, "message length", conf->msg_length,
			    RVR_DW << raw->info->min_log2_msg_length,
			    RVR_DW << raw->info->max_log2_msg_length) ||
	    !raw_pow2_check(raw, queue_id, "TX ring size", conf->tx_size, 1, max_size) ||
	    !raw_pow2_check(raw, queue_id, "RX ring size", conf->rx_size, 1, max_size))
		return -EINVAL;
	if (conf->prio > 15) {
		RAW_LOG(ERR, "%s: queue %u: priority %u, 0 to 15 are possible", raw->name, queue_id,
			conf->prio);
		return -EINVAL;
	}
	return 0;
}

/** The queue, if it is configured and the user's struct has the right size; else NULL. */
static struct raw_queue *
raw_queue_get(const struct raw_dev *raw, uint16_t queue_id, size_t size)
{
	if (size != sizeof(struct rte_pmd_revere_raw_queue_conf)) {
		RAW_LOG(ERR, "%s: queue %u: a conf of %zu bytes, "
			"struct rte_pmd_revere_raw_queue_conf has %zu", raw->name, queue_id, size,
			sizeof(struct rte_pmd_revere_raw_queue_conf));
		return NULL;
	}
	if (queue_id >= raw->config.nb_queues) {
		RAW_LOG(ERR, "%s: queue %u, but %u are configured", raw->name, queue_id,
			raw->config.nb_queues);
		return NULL;
	}
	return &raw->queues[queue_id];
}

int
raw_queue_def_conf(struct rte_rawdev *rawdev, uint16_t queue_id, rte_rawdev_obj_t conf, size_t size)
{
	struct raw_queue *queue = raw_queue_get(raw_dev_of(rawdev), queue_id, size);

	if (queue == NULL || conf == NULL)
		return -EINVAL;
	*(struct rte_pmd_revere_raw_queue_conf *)conf = queue->conf;
	return 0;
}

int
raw_queue_setup(struct rte_rawdev *rawdev, uint16_t queue_id, rte_rawdev_obj_t conf, size_t size)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	struct raw_queue *queue = raw_queue_get(raw, queue_id, size);
	struct rte_pmd_revere_raw_queue_conf want;
	int ret;

	if (queue == NULL || conf == NULL)
		return -EINVAL;
	if (raw->ami_sw != NULL) {
		RAW_LOG(ERR, "%s: queue %u: stop the device before setting a queue up", raw->name,
			queue_id);
		return -EBUSY;
	}
	want = *(struct rte_pmd_revere_raw_queue_conf *)conf;
	if (want.msg_length == 0)
		want.msg_length = raw->defaults.msg_length;
	if (want.tx_size == 0)
		want.tx_size = raw->defaults.tx_size;
	if (want.rx_size == 0)
		want.rx_size = raw->defaults.rx_size;
	ret = raw_queue_check(raw, queue_id, &want);
	if (ret == 0)
		queue->conf = want;
	return ret;
}

/** Back to the defaults: sockets, rings and sessions exist only between start and stop. */
int
raw_queue_release(struct rte_rawdev *rawdev, uint16_t queue_id)
{
	struct raw_dev *raw = raw_dev_of(rawdev);

	if (queue_id >= raw->config.nb_queues)
		return -EINVAL;
	if (raw->ami_sw != NULL) {
		RAW_LOG(ERR, "%s: queue %u: stop the device before releasing a queue", raw->name,
			queue_id);
		return -EBUSY;
	}
	raw->queues[queue_id].conf = raw->defaults;
	return 0;
}

uint16_t
raw_queue_count(struct rte_rawdev *rawdev)
{
	return raw_dev_of(rawdev)->config.nb_queues;
}

/* ---- Start and stop ------------------------------------------------------------------------ */

static int
raw_ring_setup(struct raw_dev *raw, uint16_t queue_id, enum rvr_ams_type type)
{
	const struct rte_pmd_revere_raw_queue_conf *conf = &raw->queues[queue_id].conf;
	struct revere_ring_conf ring = {
		.ams = (uint8_t)queue_id,
		.type = type,
		.log2_size = (uint8_t)rte_log2_u32(type == RVR_AMS_TX ? conf->tx_size :
									conf->rx_size),
		.log2_msg_length = (uint8_t)rte_log2_u32(conf->msg_length / RVR_DW),
		.rx_mode = type == RVR_AMS_RX && conf->overwrite ? RVR_RX_OVERWRITE :
								   RVR_RX_BACK_PRESSURE,
	};

	return revere_ami_sw_ring_setup(raw->ami_sw, &ring);
}

static int
raw_session(struct raw_dev *raw, uint16_t queue_id, bool from_software, bool to_software)
{
	const struct rte_pmd_revere_raw_queue_conf *conf = &raw->queues[queue_id].conf;
	struct revere_asn_end src = { .ams = (uint8_t)queue_id };
	struct revere_asn_end dst = { .ams = (uint8_t)queue_id };
	struct revere_asn_conf asn = {
		.log2_msg_length = (uint8_t)rte_log2_u32(conf->msg_length / RVR_DW),
		.prio = conf->prio,
	};

	if (from_software)
		src.ami_sw = raw->ami_sw;
	else
		src.ami_hw = raw->ami_hw;
	if (to_software)
		dst.ami_sw = raw->ami_sw;
	else
		dst.ami_hw = raw->ami_hw;
	return revere_asn_create(raw->dev, &src, &dst, &asn);
}

static int
raw_queue_open(struct raw_dev *raw, uint16_t queue_id)
{
	struct raw_queue *queue = &raw->queues[queue_id];
	int ret;

	ret = raw_ring_setup(raw, queue_id, RVR_AMS_TX);
	if (ret == 0)
		ret = raw_ring_setup(raw, queue_id, RVR_AMS_RX);
	if (ret != 0)
		return ret;
	queue->tx_asn = raw_session(raw, queue_id, true, raw->ami_hw == NULL);
	if (queue->tx_asn < 0 || raw->ami_hw == NULL)
		return RTE_MIN(queue->tx_asn, 0);
	queue->rx_asn = raw_session(raw, queue_id, false, true);
	return RTE_MIN(queue->rx_asn, 0);
}

/** Data-path pointers, once the context is enabled; counters begin anew. */
static void
raw_queue_run(struct raw_dev *raw, uint16_t queue_id)
{
	struct raw_queue *queue = &raw->queues[queue_id];
	uint8_t ams = (uint8_t)queue_id;

	queue->tx = (struct raw_tx){
		.ring = revere_ami_sw_ring(raw->ami_sw, RVR_AMS_TX, ams),
	};
	queue->rx = (struct raw_rx){
		.ring = revere_ami_sw_ring(raw->ami_sw, RVR_AMS_RX, ams),
	};
}

static int
raw_contexts_open(struct raw_dev *raw)
{
	struct revere_ami_sw_conf conf = {
		.numa_node = raw->numa_node,
		.agent_known = raw->config.peer != RTE_PMD_REVERE_RAW_LOOPBACK,
		.agent = { raw->aha_id, 0 },
	};
	int ret;

	ret = revere_ami_sw_create(raw->dev, &conf, &raw->ami_sw);
	if (ret == 0 && raw->config.peer != RTE_PMD_REVERE_RAW_LOOPBACK)
		ret = revere_ami_hw_create(raw->dev, raw->aha_id, &raw->ami_hw);
	return ret;
}

/** Contexts of the inversion agent, with all the sockets that queues may have. */
int
raw_plan(const struct revere_dev_info *info, uint32_t count, uint32_t index,
	 struct revere_plan *plan)
{
	plan->kind = RVR_AHA_INVERSION;
	plan->num_sessions = rvr_plan_raw(info->min_log2_msg_length,
		RTE_MIN(info->num_tx_ams, info->num_rx_ams), plan->sessions);
	return index < count;
}

int
raw_queues_open(struct raw_dev *raw)
{
	uint16_t i;
	int ret;

	for (i = 0; i < raw->config.nb_queues; i++)
		raw->queues[i].tx_asn = raw->queues[i].rx_asn = -1;
	ret = raw_contexts_open(raw);
	for (i = 0; ret == 0 && i < raw->config.nb_queues; i++)
		ret = raw_queue_open(raw, i);
	if (ret == 0)
		ret = revere_ami_sw_enable(raw->ami_sw);
	if (ret != 0) {
		raw_queues_close(raw);
		return ret;
	}
	for (i = 0; i < raw->config.nb_queues; i++)
		raw_queue_run(raw, i);
	return 0;
}

static void
raw_session_close(struct raw_dev *raw, int *asn)
{
	if (*asn >= 0)
		revere_asn_destroy(raw->dev, (uint32_t)*asn);
	*asn = -1;
}

void
raw_queues_close(struct raw_dev *raw)
{
	uint16_t i;

	for (i = 0; i < raw->config.nb_queues; i++) {
		raw->queues[i].tx.ring = NULL;
		raw->queues[i].rx.ring = NULL;
	}
	if (raw->ami_sw == NULL)
		return;
	revere_ami_sw_disable(raw->ami_sw);
	for (i = 0; i < raw->config.nb_queues; i++) {
		raw_session_close(raw, &raw->queues[i].tx_asn);
		raw_session_close(raw, &raw->queues[i].rx_asn);
	}
	if (raw->ami_hw != NULL)
		revere_ami_hw_destroy(raw->ami_hw);
	revere_ami_sw_destroy(raw->ami_sw);
	raw->ami_hw = NULL;
	raw->ami_sw = NULL;
}
