/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Life of a vchan: its context, rings and sessions. Made by vchan_setup, enabled from start to
 * stop, released by the next vchan_setup, configure or close.
 *
 *   UNSET --create--> STOPPED --start--> STARTED --(device beyond recovery)--> DEAD
 *     ^                 | ^                 |                                   |
 *     +-----destroy-----+ +------stop-------+----------------stop---------------+
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "revere_dma.h"

/** Connects a socket of the AMI-SW with one of the AMI-HW. */
static int
session_create(struct revere_dma_vchan *vchan, bool request)
{
	struct revere_dma_dev *dma = vchan->dma;
	struct revere_asn_end software = {.ami_sw = vchan->ami_sw, .ams = REVERE_DMA_AMS};
	struct revere_asn_end agent = {.ami_hw = vchan->ami_hw, .ams = REVERE_DMA_AMS};
	struct revere_asn_conf conf = {
		.log2_msg_length =
			request ? dma->request_log2_length : dma->answer_log2_length,
	};

	return revere_asn_create(dma->dev, request ? &software : &agent,
				 request ? &agent : &software, &conf);
}

static int
sessions_create(struct revere_dma_vchan *vchan)
{
	int ret = session_create(vchan, true);

	vchan->connected = ret >= 0;
	if (ret >= 0)
		ret = session_create(vchan, false);
	return RTE_MIN(ret, 0);
}

int
revere_dma_plan(const struct revere_dev_info *info, uint32_t count, uint32_t index,
		struct revere_plan *plan)
{
	plan->kind = RVR_AHA_DMA;
	plan->num_sessions = rvr_plan_dma(info->min_log2_msg_length, info->max_log2_msg_length,
		plan->sessions);
	return index < count;
}

/** Rings of the AMI-SW: requests, and twice as many answers, so that slots can wait a little. */
static int
rings_create(struct revere_dma_vchan *vchan, uint32_t slots)
{
	uint8_t max_log2_size = revere_dev_info(vchan->dma->dev)->max_log2_size;
	uint8_t log2_size = (uint8_t)RTE_MIN(rte_log2_u32(slots), (uint32_t)max_log2_size);
	struct revere_ring_conf conf = {
		.ams = REVERE_DMA_AMS,
		.type = RVR_AMS_TX,
		.log2_size = log2_size,
		.log2_msg_length = vchan->dma->request_log2_length,
	};
	int ret;

	ret = revere_ami_sw_ring_setup(vchan->ami_sw, &conf);
	if (ret < 0)
		return ret;
	conf.type = RVR_AMS_RX;
	conf.log2_size = (uint8_t)RTE_MIN(log2_size + 1, max_log2_size);
	conf.log2_msg_length = vchan->dma->answer_log2_length;
	conf.rx_mode = RVR_RX_BACK_PRESSURE;
	ret = revere_ami_sw_ring_setup(vchan->ami_sw, &conf);
	if (ret < 0)
		return ret;

	vchan->tx = revere_ami_sw_ring(vchan->ami_sw, RVR_AMS_TX, REVERE_DMA_AMS);
	vchan->rx = revere_ami_sw_ring(vchan->ami_sw, RVR_AMS_RX, REVERE_DMA_AMS);
	vchan->give_back = RTE_MAX((vchan->tx->mask + 1) / 2, 1u);
	return 0;
}

struct rvr_dma_op *
revere_dma_vchan_kept(const struct revere_dma_vchan *vchan)
{
	size_t ops = (size_t)(vchan->tx->mask + 1) * vchan->msg_ops;

	return rte_zmalloc_socket("revere_dma_kept", sizeof(struct rvr_dma_op) * ops,
				  RTE_CACHE_LINE_SIZE, vchan->dma->numa_node);
}

/** Tables beside the rings. */
static int
tables_create(struct revere_dma_vchan *vchan)
{
	uint32_t jobs = rte_align32pow2(vchan->nb_desc);
	int socket = vchan->dma->numa_node;

	/* The first one that isn't open has an entry, too. */
	vchan->msgs_mask = 2 * (uint64_t)vchan->tx->mask + 1;
	vchan->msgs = rte_zmalloc_socket("revere_dma_msgs",
					 sizeof(*vchan->msgs) * (vchan->msgs_mask + 1),
					 RTE_CACHE_LINE_SIZE, socket);
	vchan->by_cpu = rte_zmalloc_socket("revere_dma_by_cpu", sizeof(*vchan->by_cpu) * jobs,
					   RTE_CACHE_LINE_SIZE, socket);
	vchan->status = rte_zmalloc_socket("revere_dma_status", sizeof(*vchan->status) * jobs,
					   RTE_CACHE_LINE_SIZE, socket);
	vchan->status_mask = jobs - 1;
	if (vchan->msgs != NULL && vchan->by_cpu != NULL && vchan->status != NULL) {
		if (vchan->dma->sva)
			return 0;
		vchan->kept = revere_dma_vchan_kept(vchan);
		if (vchan->kept != NULL)
			return 0;
	}
	REVERE_DMA_LOG(ERR, vchan->dma, "vchan %u: no memory for tables of %u descriptors",
		       vchan->id, vchan->nb_desc);
	return -ENOMEM;
}

/** What fails has a line in the log when this returns. */
static int
context_create(struct revere_dma_vchan *vchan)
{
	struct revere_dma_dev *dma = vchan->dma;
	struct revere_ami_sw_conf conf = {
		.numa_node = dma->numa_node,
		.agent_known = true,
		.agent = { dma->aha_id, REVERE_DMA_AMS },
		.optional = vchan->id == REVERE_DMA_SPARE,
	};
	int ret;

	ret = revere_ami_sw_create(dma->dev, &conf, &vchan->ami_sw);
	if (ret < 0)
		return ret;
	ret = revere_ami_hw_create(dma->dev, dma->aha_id, &vchan->ami_hw);
	if (ret < 0)
		return ret;
	ret = rings_create(vchan, revere_dma_ring_slots(vchan->nb_desc, vchan->msg_ops));
	if (ret < 0)
		return ret;
	ret = sessions_create(vchan);
	if (ret < 0)
		return ret;
	return tables_create(vchan);
}

int
revere_dma_vchan_create(struct revere_dma_vchan *vchan, struct revere_dma_dev *dma, uint16_t id,
			uint16_t nb_desc)
{
	int ret;

	revere_dma_vchan_destroy(vchan);
	memset(vchan, 0, sizeof(*vchan));
	vchan->dma = dma;
	vchan->id = id;
	vchan->nb_desc = nb_desc;
	vchan->msg_ops = revere_dma_msg_ops(dma->request_log2_length);
	vchan->asked = dma->threshold;
	vchan->reach = dma->reach;
	vchan->va = dma->va;
	vchan->state = REVERE_DMA_STOPPED;

	ret = context_create(vchan);
	if (ret < 0)
		revere_dma_vchan_destroy(vchan);
	return ret;
}

void
revere_dma_vchan_destroy(struct revere_dma_vchan *vchan)
{
	if (vchan->state == REVERE_DMA_UNSET)
		return;
	if (vchan->ami_hw != NULL && !vchan->connected)
		revere_ami_hw_destroy(vchan->ami_hw);
	revere_context_release(vchan->ami_sw);
	revere_dma_channel_free(vchan);
	rte_free(vchan->kept);
	rte_free(vchan->msgs);
	rte_free(vchan->by_cpu);
	rte_free(vchan->status);
	memset(vchan, 0, sizeof(*vchan));
}

/** Forgets all messages; there are none in the rings, and no job is in flight. */
static void
messages_forget(struct revere_dma_vchan *vchan)
{
	uint64_t room = (uint64_t)(vchan->tx->mask + 1) * vchan->msg_ops;

	vchan->op = NULL;
	vchan->op_end = NULL;
	vchan->ops = NULL;
	vchan->inner = 0;
	vchan->closed = 0;
	vchan->deferred = false;
	vchan->answered = vchan->tx->own;
	vchan->answered_ops = vchan->amu_ops;
	vchan->answered_bytes = vchan->amu_bytes;
	vchan->msgs[vchan->answered & vchan->msgs_mask].first = REVERE_DMA_NO_JOB;
	vchan->taken = 0;
	vchan->idle_polls = 0;
	vchan->awaited = vchan->answered;
	vchan->deadline = 0;
	vchan->slack = (int64_t)room - vchan->nb_desc;
	/* Answers of before the reset can't pass for those of after it. */
	vchan->salt = rte_rand();
}

/** Forgets all jobs. @p capacity: how many are accepted from now on */
static void
jobs_forget(struct revere_dma_vchan *vchan, uint32_t capacity)
{
	vchan->head = 0;
	vchan->submitted = 0;
	vchan->done = 0;
	vchan->tail = 0;
	vchan->failed_jobs = 0;
	vchan->errors = 0;
	vchan->fence = 0;
	vchan->amu_ops = 0;
	vchan->amu_bytes = 0;
	vchan->occupancy_max = 0;
	vchan->capacity = capacity;
	vchan->limit = capacity;
	memset(vchan->status, 0, sizeof(*vchan->status) * (vchan->status_mask + 1));
	memset(vchan->by_cpu, 0, sizeof(*vchan->by_cpu) * (vchan->status_mask + 1));
	memset(vchan->latency, 0, sizeof(vchan->latency));
	memset(&vchan->count, 0, sizeof(vchan->count));
	memset(&vchan->base_count, 0, sizeof(vchan->base_count));
	memset(&vchan->base, 0, sizeof(vchan->base));
	memset(&vchan->faults, 0, sizeof(vchan->faults));
}

/**
 * When it succeeds the device is done with the rings and, as the agent's side is stopped too,
 * with what the jobs refer to.
 */
int
revere_dma_vchan_quiesce(struct revere_dma_vchan *vchan)
{
	int ret, hw_ret;

	/* Contexts are the primary process'. */
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return -ENOTSUP;
	ret = revere_ami_sw_disable(vchan->ami_sw);
	/* One that takes no commands would be waited for once more. */
	if (ret < 0 && revere_dev_is_lost(vchan->dma->dev))
		return ret;
	hw_ret = revere_ami_hw_reset(vchan->ami_hw);
	return ret < 0 ? ret : hw_ret;
}

int
revere_dma_vchan_revive(struct revere_dma_vchan *vchan)
{
	struct revere_dev *dev = vchan->dma->dev;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return -ENOTSUP;
	return revere_dev_is_lost(dev) ? revere_dev_restart(dev) : 0;
}

static int
context_enable(struct revere_dma_vchan *vchan)
{
	/* Should the device be restarted between the two, it is found out. */
	uint32_t restarts = revere_dev_restarts(vchan->dma->dev);
	int ret = revere_ami_sw_reset(vchan->ami_sw);

	if (ret == 0)
		ret = revere_ami_sw_enable(vchan->ami_sw);
	vchan->restarts = restarts;
	return ret;
}

/** What fails has a line in the log when this returns. */
int
revere_dma_vchan_start(struct revere_dma_vchan *vchan)
{
	int ret;

	/* That was told when it was found out, which may be long ago. */
	if (revere_transport_gone(revere_dev_transport(vchan->dma->dev))) {
		REVERE_DMA_LOG(ERR, vchan->dma, "cannot start: the device is gone");
		return -ENODEV;
	}
	ret = revere_dma_vchan_revive(vchan);
	if (ret == 0)
		ret = context_enable(vchan);
	if (ret < 0)
		return ret;
	jobs_forget(vchan, vchan->nb_desc);
	messages_forget(vchan);
	vchan->state = REVERE_DMA_STARTED;
	revere_dma_threshold_apply(vchan);
	return 0;
}

void
revere_dma_vchan_halt(struct revere_dma_vchan *vchan)
{
	revere_dma_channel_abort(vchan);
	/* Whatever the device says: no job is known, none is accepted. Counters stay readable. */
	vchan->capacity = 0;
	vchan->limit = vchan->tail;
	vchan->head = vchan->tail;
	vchan->done = vchan->tail;
	vchan->submitted = vchan->tail;
	vchan->state = REVERE_DMA_STOPPED;
}

/** What fails has a line in the log when this returns. */
void
revere_dma_vchan_stop(struct revere_dma_vchan *vchan)
{
	if (revere_dma_vchan_revive(vchan) == 0)
		revere_dma_vchan_quiesce(vchan);
	revere_dma_vchan_halt(vchan);
}

int
revere_dma_vchan_resume(struct revere_dma_vchan *vchan, int quiesced)
{
	int ret = quiesced < 0 ? quiesced : context_enable(vchan);

	messages_forget(vchan);
	return ret;
}
