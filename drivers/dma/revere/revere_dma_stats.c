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

static struct revere_dma_counters
counters_raw(const struct revere_dma_vchan *vchan)
{
	struct revere_dma_counters count = vchan->count;

	count.amu_copies = vchan->amu_ops;
	if (vchan->op != NULL)
		count.amu_copies += (uint64_t)(vchan->op - vchan->ops);
	count.amu_bytes = vchan->amu_bytes;
	return count;
}

struct revere_dma_counters
revere_dma_counters(const struct revere_dma_vchan *vchan)
{
	struct revere_dma_counters count = counters_raw(vchan);
	const struct revere_dma_counters *base = &vchan->base_count;

	count.cpu_copies -= base->cpu_copies;
	count.cpu_bytes -= base->cpu_bytes;
	count.amu_copies -= base->amu_copies;
	count.amu_bytes -= base->amu_bytes;
	count.retries -= base->retries;
	count.far -= base->far;
	return count;
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
		if (vchan_id != i && vchan_id != RTE_DMA_ALL_VCHAN)
			continue;
		dma->vchans[i].base = stats_raw(&dma->vchans[i]);
		dma->vchans[i].base_count = counters_raw(&dma->vchans[i]);
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

const char *
revere_dma_state_name(enum revere_dma_state state)
{
	switch (state) {
	case REVERE_DMA_UNSET:
		return "not set up";
	case REVERE_DMA_STOPPED:
		return "stopped";
	case REVERE_DMA_STARTED:
		return "started";
	case REVERE_DMA_ON_CPU:
		return "on the CPU";
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

static const char *
mode_name(enum rte_pmd_revere_dma_mode mode)
{
	switch (mode) {
	case RTE_PMD_REVERE_DMA_OFF:
		return "off";
	case RTE_PMD_REVERE_DMA_BYTES:
		return "fixed";
	case RTE_PMD_REVERE_DMA_AUTO:
		return "auto";
	}
	return "?";
}

const char *
revere_dma_way_name(enum rte_pmd_revere_dma_way way)
{
	switch (way) {
	case RTE_PMD_REVERE_DMA_WAY_SPLIT:
		return "split";
	case RTE_PMD_REVERE_DMA_WAY_AMU:
		return "amu";
	case RTE_PMD_REVERE_DMA_WAY_CPU:
		return "cpu";
	}
	return "?";
}

static void
split_dump(const struct revere_dma_vchan *vchan, FILE *file)
{
	struct revere_dma_counters count = revere_dma_counters(vchan);
	enum rte_pmd_revere_dma_mode mode = revere_dma_threshold_mode(vchan->asked);
	struct rte_pmd_revere_dma_threshold threshold;

	fprintf(file, "    threshold: %s, copies below %u bytes by the CPU\n", mode_name(mode),
		vchan->split_below);
	if (mode == RTE_PMD_REVERE_DMA_AUTO) {
		revere_dma_auto_tell(vchan, &threshold);
		fprintf(file,
			"    auto: way %s, %u bytes for an idle device; cycles of a copy: "
			"launch %.1f, CPU %.1f + %.4f a byte, device %.1f + %.4f a byte; "
			"decided %" PRIu64 " times, overloaded %" PRIu64 " times\n",
			revere_dma_way_name(threshold.way), threshold.idle_bytes,
			threshold.launch_cycles, threshold.cpu_cycles,
			threshold.cpu_cycles_byte, threshold.amu_cycles, threshold.amu_cycles_byte,
			threshold.decisions, threshold.overloads);
	}
	if (mode == RTE_PMD_REVERE_DMA_AUTO)
		fprintf(file,
			"    bytes a cycle: split %.2f, amu %.2f, cpu %.2f in the last of %u "
			"rounds\n",
			vchan->tune.score[0], vchan->tune.score[1], vchan->tune.score[2],
			vchan->tune.rounds);
	fprintf(file,
		"    copies: CPU %" PRIu64 " (%" PRIu64 " bytes), device %" PRIu64 " (%" PRIu64
		" bytes), done again %" PRIu64 ", out of the device's reach %" PRIu64 "\n",
		count.cpu_copies, count.cpu_bytes, count.amu_copies, count.amu_bytes,
		count.retries, count.far);
}

static void
latency_dump(const struct revere_dma_vchan *vchan, FILE *file)
{
	double ns = 1e9 / (double)rte_get_tsc_hz();
	uint32_t i;

	fprintf(file, "    messages by latency:");
	for (i = 0; i < REVERE_DMA_LATENCIES - 1; i++) {
		if (vchan->latency[i] > 0)
			fprintf(file, " < %.0f ns: %" PRIu64,
				(double)(UINT64_C(2) << (REVERE_DMA_LATENCY_MIN + i)) * ns,
				vchan->latency[i]);
	}
	if (vchan->latency[i] > 0)
		fprintf(file, " longer: %" PRIu64, vchan->latency[i]);
	fprintf(file, "\n    jobs in the ring: %" PRIu64 ", at most %u\n",
		vchan->head - vchan->tail, vchan->occupancy_max);
}

static void
vchan_dump(const struct revere_dma_vchan *vchan, FILE *file)
{
	fprintf(file, "  vchan %u: %s", vchan->id, revere_dma_state_name(vchan->state));
	if (vchan->state == REVERE_DMA_UNSET) {
		fprintf(file, "\n");
		return;
	}
	fprintf(file,
		", %u descriptors, AMI-SW %u (physical %u), AMI-HW %u\n",
		vchan->nb_desc, revere_ami_sw_id(vchan->ami_sw),
		revere_ami_sw_phy_id(vchan->ami_sw), revere_ami_hw_phy_id(vchan->ami_hw));
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
	split_dump(vchan, file);
	latency_dump(vchan, file);
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
