/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The threshold between CPU and AMU: as a devarg, and at run time. Any thread may ask for a new
 * one; it is kept as one number in `asked`, and the thread that enqueues makes it true.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "revere_dma.h"

uint64_t
revere_dma_threshold_pack(enum rte_pmd_revere_dma_mode mode, uint32_t bytes)
{
	return (uint64_t)mode << 32 | bytes;
}

enum rte_pmd_revere_dma_mode
revere_dma_threshold_mode(uint64_t threshold)
{
	return (enum rte_pmd_revere_dma_mode)(threshold >> 32);
}

void
revere_dma_threshold_apply(struct revere_dma_vchan *vchan)
{
	uint64_t asked;

	/* Cleared first, so that what is asked for from now on isn't missed. */
	__atomic_store_n(&vchan->tuning, 0, __ATOMIC_SEQ_CST);
	asked = __atomic_load_n(&vchan->asked, __ATOMIC_SEQ_CST);
	vchan->tune = (struct revere_dma_auto){.asked = asked};
	if (vchan->state == REVERE_DMA_ON_CPU)
		return;
	vchan->redo = revere_dma_threshold_mode(asked) != RTE_PMD_REVERE_DMA_OFF;
	switch (revere_dma_threshold_mode(asked)) {
	case RTE_PMD_REVERE_DMA_OFF:
		vchan->split_below = 1;
		break;
	case RTE_PMD_REVERE_DMA_BYTES:
		vchan->split_below = RTE_MAX((uint32_t)asked, 1u);
		break;
	case RTE_PMD_REVERE_DMA_AUTO:
		revere_dma_auto_begin(vchan);
		__atomic_store_n(&vchan->tuning, 1, __ATOMIC_SEQ_CST);
		break;
	}
}

void
revere_dma_iova_differs(struct revere_dma_dev *dma)
{
	uint16_t i;

	if (!dma->va)
		return;
	REVERE_DMA_LOG(NOTICE, dma, "IOVA is not VA: the device does all copies, as with %s=off",
		       REVERE_DMA_ARG_THRESHOLD);
	dma->va = false;
	dma->threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_OFF, 0);
	for (i = 0; i < dma->nb_vchans; i++) {
		struct revere_dma_vchan *vchan = &dma->vchans[i];

		/* Thresholds follow with the next submit, but no job may wait for that. */
		__atomic_store_n(&vchan->va, false, __ATOMIC_RELAXED);
		__atomic_store_n(&vchan->asked, dma->threshold, __ATOMIC_SEQ_CST);
		__atomic_store_n(&vchan->tuning, 1, __ATOMIC_SEQ_CST);
	}
}

/* ---- Devarg --------------------------------------------------------------------------------- */

static int
refuse(const struct revere_dma_dev *dma, const char *text)
{
	REVERE_DMA_LOG(ERR, dma, "%s=%s: auto, off or a number from 0 to %u is needed",
		       REVERE_DMA_ARG_THRESHOLD, text, RTE_PMD_REVERE_DMA_THRESHOLD_MAX);
	return -EINVAL;
}

static int
parse(const char *text, const struct revere_dma_dev *dma, uint64_t *threshold)
{
	unsigned long long bytes;
	char *end;

	if (strcmp(text, "auto") == 0) {
		*threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_AUTO, 0);
		return 0;
	}
	if (strcmp(text, "off") == 0) {
		*threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_OFF, 0);
		return 0;
	}
	errno = 0;
	bytes = strtoull(text, &end, 0);
	/* strtoull() takes signs and spaces, too. */
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    bytes > RTE_PMD_REVERE_DMA_THRESHOLD_MAX)
		return refuse(dma, text);
	*threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_BYTES, (uint32_t)bytes);
	return 0;
}

int
revere_dma_threshold_parse(const struct rte_kvargs *args, struct revere_dma_dev *dma)
{
	bool given = rte_kvargs_count(args, REVERE_DMA_ARG_THRESHOLD) > 0;
	int ret;

	dma->va = rte_eal_iova_mode() == RTE_IOVA_VA;
	dma->threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_AUTO, 0);
	if (given) {
		ret = parse(rte_kvargs_get(args, REVERE_DMA_ARG_THRESHOLD), dma, &dma->threshold);
		if (ret < 0)
			return ret;
	}
	if (dma->va || revere_dma_threshold_mode(dma->threshold) == RTE_PMD_REVERE_DMA_OFF)
		return 0;
	REVERE_DMA_LOG(NOTICE, dma, "IOVA is not VA: the device does all copies, as with %s=off",
		       REVERE_DMA_ARG_THRESHOLD);
	dma->threshold = revere_dma_threshold_pack(RTE_PMD_REVERE_DMA_OFF, 0);
	return 0;
}

/* ---- At run time ---------------------------------------------------------------------------- */

int
revere_dma_vchan_find(int16_t dev_id, uint16_t vchan_id, struct revere_dma_vchan **vchan)
{
	struct revere_dma_dev *dma;
	struct rte_dma_info info;

	if (!rte_dma_is_valid(dev_id) || rte_dma_info_get(dev_id, &info) != 0)
		return -EINVAL;
	dma = rte_dma_fp_objs[dev_id].dev_private;
	if (!revere_dma_is_ours(dma))
		return -ENODEV;
	if (vchan_id >= dma->nb_vchans || dma->vchans[vchan_id].state == REVERE_DMA_UNSET) {
		REVERE_DMA_LOG(ERR, dma, "vchan %u: there is none, %u are configured", vchan_id,
			       dma->nb_vchans);
		return -EINVAL;
	}
	*vchan = &dma->vchans[vchan_id];
	return 0;
}

static int
threshold_check(const struct revere_dma_dev *dma, enum rte_pmd_revere_dma_mode mode, int64_t bytes)
{
	if ((unsigned int)mode > RTE_PMD_REVERE_DMA_AUTO) {
		REVERE_DMA_LOG(ERR, dma, "threshold: there is no mode %d", (int)mode);
		return -EINVAL;
	}
	if (mode == RTE_PMD_REVERE_DMA_BYTES &&
	    (bytes < 0 || bytes > (int64_t)RTE_PMD_REVERE_DMA_THRESHOLD_MAX)) {
		REVERE_DMA_LOG(ERR, dma, "threshold of %" PRId64 " bytes: 0 to %u are possible",
			       bytes, RTE_PMD_REVERE_DMA_THRESHOLD_MAX);
		return -EINVAL;
	}
	if (mode != RTE_PMD_REVERE_DMA_OFF && !dma->va) {
		REVERE_DMA_LOG(ERR, dma, "threshold: IOVA is not VA, only off is possible");
		return -ENOTSUP;
	}
	return 0;
}

int
rte_pmd_revere_dma_threshold_set(int16_t dev_id, uint16_t vchan_id,
				 enum rte_pmd_revere_dma_mode mode, int64_t bytes)
{
	struct revere_dma_vchan *vchan;
	int ret = revere_dma_vchan_find(dev_id, vchan_id, &vchan);

	if (ret == 0)
		ret = threshold_check(vchan->dma, mode, bytes);
	if (ret == 0 && mode == RTE_PMD_REVERE_DMA_AUTO)
		ret = revere_dma_auto_measure(vchan->dma, false);
	if (ret < 0)
		return ret;
	if (mode != RTE_PMD_REVERE_DMA_BYTES)
		bytes = 0;
	__atomic_store_n(&vchan->asked, revere_dma_threshold_pack(mode, (uint32_t)bytes),
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&vchan->tuning, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int
rte_pmd_revere_dma_threshold_get(int16_t dev_id, uint16_t vchan_id,
				 struct rte_pmd_revere_dma_threshold *threshold)
{
	struct revere_dma_vchan *vchan;
	uint64_t asked;
	int ret;

	if (threshold == NULL)
		return -EINVAL;
	ret = revere_dma_vchan_find(dev_id, vchan_id, &vchan);
	if (ret < 0)
		return ret;
	asked = __atomic_load_n(&vchan->asked, __ATOMIC_SEQ_CST);
	memset(threshold, 0, sizeof(*threshold));
	threshold->mode = revere_dma_threshold_mode(asked);
	if (threshold->mode == RTE_PMD_REVERE_DMA_AUTO)
		revere_dma_auto_tell(vchan, threshold);
	else
		threshold->bytes = (uint32_t)asked;
	if (vchan->state == REVERE_DMA_ON_CPU)
		threshold->bytes = UINT32_MAX;
	return 0;
}
