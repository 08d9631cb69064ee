/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A dmadev moves to another device, with jobs in flight. Contexts of its vchans are saved, restored
 * on the other device and go on there; this driver's own state, whose numbers are those of the
 * rings' indices, stays. As long as no context runs on the new device all can be undone.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "revere_dma.h"

/** A vchan on its way: its context on the other device, and what was saved of the old one. */
struct move {
	struct revere_dma_vchan *vchan;
	struct revere_ami_sw *ami_sw;
	struct rvr_dma_op *kept; /**< NULL: not needed */
	bool runs; /**< and shall run again */
};

struct migration {
	struct revere_dma_dev *dma;
	struct revere_probe target;
	uint16_t aha_id;
	struct move moves[REVERE_DMA_MAX_VCHANS];
	unsigned int count;
	size_t bytes; /**< of all states */
	uint64_t downtime; /**< ns */
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- Before and after ----------------------------------------------------------------------- */

/** Contexts on the other device, bare. */
static int
contexts_create(struct migration *migration)
{
	struct revere_dma_dev *dma = migration->dma;
	struct revere_ami_sw_conf conf = {
		.numa_node = dma->numa_node,
		.agent_known = true,
		.agent = { migration->aha_id, REVERE_DMA_AMS },
	};
	int ret = 0;
	uint16_t i;

	for (i = 0; i < dma->nb_vchans && ret == 0; i++) {
		struct revere_dma_vchan *vchan = &dma->vchans[i];
		struct move *move = &migration->moves[migration->count];

		if (vchan->state == REVERE_DMA_UNSET)
			continue;
		if (vchan->state == REVERE_DMA_ON_CPU || vchan->state == REVERE_DMA_DEAD ||
		    vchan->tx->broken || vchan->rx->broken) {
			REVERE_DMA_LOG(ERR, dma, "vchan %u can't be moved: its context is lost", i);
			return -EIO;
		}
		ret = revere_ami_sw_create(migration->target.dev, &conf, &move->ami_sw);
		if (ret < 0)
			break;
		move->vchan = vchan;
		move->runs = vchan->state == REVERE_DMA_STARTED;
		migration->count++;
		if (vchan->kept != NULL || migration->target.iova_as_va)
			continue;
		move->kept = revere_dma_vchan_kept(vchan);
		ret = move->kept == NULL ? -ENOMEM : 0;
	}
	return ret;
}

static void
contexts_release(struct migration *migration)
{
	unsigned int i;

	for (i = 0; i < migration->count; i++) {
		revere_context_release(migration->moves[i].ami_sw);
		rte_free(migration->moves[i].kept);
	}
}

/* ---- Moving --------------------------------------------------------------------------------- */

static int
context_move(struct migration *migration, struct move *move)
{
	int size = revere_context_save(move->vchan->ami_sw, NULL, 0), ret;
	void *state;

	if (size < 0)
		return size;
	state = rte_malloc("revere_dma_state", (size_t)size, 0);
	if (state == NULL)
		return -ENOMEM;
	ret = revere_context_save(move->vchan->ami_sw, state, (size_t)size);
	if (ret >= 0)
		ret = revere_context_restore(move->ami_sw, state, (size_t)size);
	migration->bytes += (size_t)size;
	rte_free(state);
	return ret;
}

/** Number of the message after the last one, which may be open. */
static uint64_t
messages_end(const struct revere_dma_vchan *vchan)
{
	return vchan->tx->own + vchan->closed + (vchan->op != NULL);
}

/** Slots of the request ring that nobody but this driver knows of: complete and open messages. */
static void
unpublished_move(const struct revere_dma_vchan *vchan, const struct revere_ring *to)
{
	const struct revere_ring *from = vchan->tx;
	uint64_t at, end = messages_end(vchan);

	for (at = from->own; at != end; at++) {
		size_t offset = (size_t)(at & from->mask) << from->msg_shift;

		memcpy(to->base + offset, from->base + offset, from->msg_size);
	}
}

/** A device that can change slots follows one that can't: operations are kept from now on. */
static void
keep(struct revere_dma_vchan *vchan, struct move *move)
{
	uint64_t at, end = messages_end(vchan);

	if (move->kept == NULL)
		return;
	for (at = vchan->answered; at != end; at++)
		memcpy(move->kept + (at & vchan->tx->mask) * vchan->msg_ops,
		       revere_dma_msg_slot(vchan, at), sizeof(*move->kept) * vchan->msg_ops);
	vchan->kept = move->kept;
	move->kept = NULL;
}

/** The open message goes on in its new place. */
static void
message_reopen(struct revere_dma_vchan *vchan)
{
	ptrdiff_t used = vchan->op - vchan->ops, room = vchan->op_end - vchan->ops;

	if (vchan->op == NULL)
		return;
	vchan->ops = revere_dma_msg_ops_of(vchan, messages_end(vchan) - 1);
	vchan->op = vchan->ops + used;
	vchan->op_end = vchan->ops + room;
}

/** The vchan takes its new context and gives up the old one, which is released later. */
static void
vchan_switch(struct migration *migration, struct move *move)
{
	struct revere_dma_vchan *vchan = move->vchan;
	struct revere_ring *tx = revere_ami_sw_ring(move->ami_sw, RVR_AMS_TX, REVERE_DMA_AMS);
	struct revere_ami_sw *old = vchan->ami_sw;

	unpublished_move(vchan, tx);
	keep(vchan, move);
	vchan->ami_sw = move->ami_sw;
	move->ami_sw = old;
	revere_context_agents(vchan->ami_sw, &vchan->ami_hw, 1);
	vchan->tx = tx;
	vchan->rx = revere_ami_sw_ring(vchan->ami_sw, RVR_AMS_RX, REVERE_DMA_AMS);
	vchan->reach = migration->dma->reach;
	vchan->reach_seen = 0;
	memset(&vchan->src_range, 0, sizeof(vchan->src_range));
	memset(&vchan->dst_range, 0, sizeof(vchan->dst_range));
	vchan->deadline = 0;
	message_reopen(vchan);
}

/** Old contexts go on: nothing has happened. */
static void
moves_undo(struct migration *migration, unsigned int disabled)
{
	unsigned int i;

	for (i = 0; i < disabled; i++)
		if (migration->moves[i].runs)
			revere_ami_sw_enable(migration->moves[i].vchan->ami_sw);
}

/** All contexts stop, are saved and restored. */
static int
contexts_move(struct migration *migration)
{
	unsigned int i, disabled;
	int ret = 0;

	for (disabled = 0; disabled < migration->count && ret == 0; disabled++)
		ret = revere_ami_sw_disable(migration->moves[disabled].vchan->ami_sw);
	for (i = 0; i < migration->count && ret == 0; i++)
		ret = context_move(migration, &migration->moves[i]);
	if (ret < 0)
		moves_undo(migration, disabled);
	return ret;
}

/** From now on there is no way back; a context that can't be enabled is reset by its user. */
static void
contexts_go_on(struct migration *migration)
{
	unsigned int i;

	for (i = 0; i < migration->count; i++) {
		struct move *move = &migration->moves[i];

		vchan_switch(migration, move);
		if (move->runs && revere_ami_sw_enable(move->vchan->ami_sw) == 0)
			revere_ring_doorbell(move->vchan->tx);
	}
}

/** The driver's view of its device. */
static void
device_switch(struct migration *migration)
{
	const struct revere_probe *target = &migration->target;
	struct revere_dma_dev *dma = migration->dma;

	dma->dev = target->dev;
	dma->device = target->device;
	dma->aha_id = migration->aha_id;
	dma->sva = target->iova_as_va && rte_eal_iova_mode() == RTE_IOVA_VA;
	dma->reach = revere_device_reach(target->device);
	if (revere_device_iova_differs(target->device))
		revere_dma_iova_differs(dma);
}

static int
migrate(struct migration *migration)
{
	struct revere_device *old = migration->dma->device;
	int ret = contexts_create(migration);
	const uint64_t start = now_ns();

	if (ret == 0)
		ret = contexts_move(migration);
	if (ret == 0)
		ret = revere_dma_target_take(migration->dma, &migration->target);
	if (ret < 0) {
		contexts_release(migration);
		return ret;
	}
	device_switch(migration);
	contexts_go_on(migration);
	migration->downtime = now_ns() - start;
	/* Now these are the old ones. */
	contexts_release(migration);
	revere_device_put(old);
	return 0;
}

/** The agent, and what the driver needs of the device. */
static int
target_check(struct migration *migration)
{
	const struct revere_dev_info *info = revere_dev_info(migration->target.dev);
	const struct revere_dma_dev *dma = migration->dma;
	int ret = revere_aha_find(migration->target.dev, RVR_AHA_DMA, 0);

	if (ret < 0) {
		REVERE_DMA_LOG(ERR, dma, "device %s has no DMA agent",
			       revere_dev_name(migration->target.dev));
		return -ENODEV;
	}
	migration->aha_id = (uint16_t)ret;
	if (revere_dma_request_log2_length(info) == dma->request_log2_length &&
	    info->min_log2_msg_length == dma->answer_log2_length)
		return 0;
	REVERE_DMA_LOG(ERR, dma, "device %s has messages of other lengths: requests of 2^%u DW, "
		       "answers of 2^%u", revere_dev_name(migration->target.dev),
		       revere_dma_request_log2_length(info), info->min_log2_msg_length);
	return -ENOTSUP;
}

int
rte_pmd_revere_dma_migrate(int16_t dev_id, const char *devargs,
			   struct rte_pmd_revere_dma_migration *report)
{
	struct migration migration = {0};
	struct revere_dma_dev *dma;
	int ret;

	if (!rte_dma_is_valid(dev_id) || devargs == NULL)
		return -EINVAL;
	if (!revere_dma_is_ours(rte_dma_fp_objs[dev_id].dev_private))
		return -ENODEV;
	dma = rte_dma_fp_objs[dev_id].dev_private;
	migration.dma = dma;
	ret = revere_dma_target_open(dma, devargs, &migration.target);
	if (ret < 0)
		return ret;
	ret = target_check(&migration);
	if (ret == 0)
		ret = migrate(&migration);
	if (ret < 0) {
		REVERE_DMA_LOG(ERR, dma, "it stays where it is, a move to %s failed: %s", devargs,
			       strerror(-ret));
		revere_target_close(&migration.target);
		return ret;
	}
	revere_dma_data_set(&rte_dma_fp_objs[dev_id], dma->reach != NULL);
	if (report != NULL)
		*report = (struct rte_pmd_revere_dma_migration){
			.downtime_ns = migration.downtime,
			.state_bytes = migration.bytes,
		};
	return 0;
}
