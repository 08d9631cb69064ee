/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Statistics, status and dump of a dmadev. The counters are the job numbers of the fast path,
 * less what they were at the last reset.
 */

#include <inttypes.h>

#include "revere_dma.h"

static struct rte_dma_stats
stats_raw(const struct revere_dma_vchan *vchan)
{
	struct rte_dma_stats stats = {
		.submitted = vchan->submitted,
		.completed = vchan->tail,
		.errors = vchan->errors,
	};

	return stats;
}

int
revere_dma_stats_get(const struct rte_dma_dev *dev, uint16_t vchan_id, struct rte_dma_stats *stats,
		     uint32_t stats_sz)
{
	const struct revere_dma_dev *dma = dev->data->dev_private;
	uint16_t i;

	RTE_SET_USED(stats_sz);
	for (i = 0; i < dma->nb_vchans; i++) {
		const struct revere_dma_vchan *vchan = &dma->vchans[i];
		struct rte_dma_stats raw = stats_raw(vchan);

		if (vchan_id != i && vchan_id != RTE_DMA_ALL_VCHAN)
			continue;
		stats->submitted += raw.submitted - vchan->base.submitted;
		stats->completed += raw.completed - vchan->base.completed;
		stats->errors += raw.errors - vchan->base.errors;
	}
	return 0;
}

int
revere_dma_stats_reset(struct rte_dma_dev *dev, uint16_t vchan_id)
{
	struct revere_dma_dev *dma = dev->data->dev_private;
	uint16_t i;

	for (i = 0; i < dma->nb_vchans; i++) {
		if (vchan_id == i || vchan_id == RTE_DMA_ALL_VCHAN)
			dma->vchans[i].base = stats_raw(&dma->vchans[i]);
	}
	return 0;
}

/** Idle means that all submitted jobs have completed; it belongs to the thread that polls. */
int
revere_dma_vchan_status(const struct rte_dma_dev *dev, uint16_t vchan_id,
			enum rte_dma_vchan_status *status)
{
	struct revere_dma_dev *dma = dev->data->dev_private;
	struct revere_dma_vchan *vchan = &dma->vchans[vchan_id];

	revere_dma_poll(vchan);
	if (vchan->state == REVERE_DMA_DEAD)
		*status = RTE_DMA_VCHAN_HALTED_ERROR;
	else if (vchan->done != vchan->submitted)
		*status = RTE_DMA_VCHAN_ACTIVE;
	else
		*status = RTE_DMA_VCHAN_IDLE;
	return 0;
}

static const char *
state_name(enum revere_dma_state state)
{
	switch (state) {
	case REVERE_DMA_UNSET:
		return "not set up";
	case REVERE_DMA_STOPPED:
		return "stopped";
	case REVERE_DMA_STARTED:
		return "started";
	case REVERE_DMA_DEAD:
		return "dead";
	}
	return "?";
}

static void
ring_dump(const struct revere_ring *ring, const char *name, FILE *file)
{
	fprintf(file,
		"    %s ring: %u slots of %u bytes, software's index %" PRIu64
		", device's index seen %" PRIu64 "%s\n",
		name, ring->mask + 1, ring->msg_size, ring->own, ring->seen,
		ring->broken ? ", broken" : "");
}

static void
vchan_dump(const struct revere_dma_vchan *vchan, FILE *file)
{
	fprintf(file, "  vchan %u: %s", vchan->id, state_name(vchan->state));
	if (vchan->state == REVERE_DMA_UNSET) {
		fprintf(file, "\n");
		return;
	}
	fprintf(file,
		", %u descriptors, AMI-SW %u (physical %u), AMI-HW %u, sessions %d and %d\n",
		vchan->nb_desc, revere_ami_sw_id(vchan->ami_sw),
		revere_ami_sw_phy_id(vchan->ami_sw), revere_ami_hw_phy_id(vchan->ami_hw),
		vchan->request_asn, vchan->answer_asn);
	ring_dump(vchan->tx, "request", file);
	ring_dump(vchan->rx, "answer", file);
	fprintf(file,
		"    jobs: head %" PRIu64 ", submitted %" PRIu64 ", done %" PRIu64 ", tail %" PRIu64
		", failed %" PRIu64 "\n",
		vchan->head, vchan->submitted, vchan->done, vchan->tail,
		vchan->errors + vchan->failed_jobs);
	fprintf(file,
		"    messages: %u operations each, answered %" PRIu64
		", closed %u, slack %" PRId64 "%s\n",
		vchan->msg_ops, vchan->answered, vchan->closed, vchan->slack,
		vchan->deferred ? ", deferred" : "");
	fprintf(file,
		"    faults: corrupt answers %" PRIu64 ", lost %" PRIu64 ", stray %" PRIu64
		", resets %" PRIu64 "\n",
		vchan->faults.corrupt, vchan->faults.lost, vchan->faults.stray,
		vchan->faults.recovers);
}

int
revere_dma_dump(const struct rte_dma_dev *dev, FILE *file)
{
	const struct revere_dma_dev *dma = dev->data->dev_private;
	uint16_t i;

	fprintf(file, "  device %s, DMA agent %u, requests of %u bytes, %s\n",
		revere_dev_name(dma->dev), dma->aha_id, RVR_DW << dma->request_log2_length,
		dma->sva ? "shared virtual addresses" : "no shared virtual addresses");
	for (i = 0; i < dma->nb_vchans; i++)
		vchan_dump(&dma->vchans[i], file);
	return 0;
}
