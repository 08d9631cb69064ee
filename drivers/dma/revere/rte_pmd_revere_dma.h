/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Revere DMA driver: what a dma_revere has beyond dmadev.
 *
 * - The threshold between the CPU and the AMU: copies shorter than it are done by the CPU, at
 *   once, others by the device; completions come in the order of ring_idx whoever does them.
 * - A pair of callbacks for back ends that take DMA as callbacks: transfer_data and
 *   get_completed_copies, over arrays of scatter lists. A packet is complete when all of its
 *   copies are, and packets complete in the order in which they were transferred.
 * - Moves of a dmadev to another device, with jobs in flight.
 *
 * Addresses are IOVAs as in dmadev. The CPU takes part only where IOVA is VA.
 *
 * All of it is for the primary process: in secondaries these functions give -ENODEV.
 */

#ifndef RTE_PMD_REVERE_DMA_H
#define RTE_PMD_REVERE_DMA_H

#include <stdint.h>

#include <rte_dmadev.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Threshold ------------------------------------------------------------------------------ */

/** How copies are divided between the CPU and the AMU. */
enum rte_pmd_revere_dma_mode {
	/** The AMU does everything, and what it fails is reported as failed. */
	RTE_PMD_REVERE_DMA_OFF,
	/** Copies shorter than a number of bytes are the CPU's; 0: none. */
	RTE_PMD_REVERE_DMA_BYTES,
	/** The driver measures both and finds the number, also under changing load. */
	RTE_PMD_REVERE_DMA_AUTO,
};

/** The largest threshold: the length of the longest copy that dmadev knows. */
#define RTE_PMD_REVERE_DMA_THRESHOLD_MAX UINT32_MAX

/**
 * Sets the threshold of a vchan: at once if the dmadev is stopped, with the next submit if it is
 * started. May be called by any thread.
 *
 * @param dev_id  of a dma_revere
 * @param vchan   that was set up
 * @param bytes   for RTE_PMD_REVERE_DMA_BYTES, 0 to RTE_PMD_REVERE_DMA_THRESHOLD_MAX; else unused
 * @return 0; -EINVAL no such dmadev, vchan or mode, or @p bytes out of range; -ENODEV it isn't a
 *   dma_revere; -ENOTSUP IOVA is not VA, so that only OFF is possible; for AUTO on a started
 *   device that was never measured also what making a vchan for that answers: -ENOSPC no context
 *   is left (stop and start it)
 */
int rte_pmd_revere_dma_threshold_set(int16_t dev_id, uint16_t vchan,
				     enum rte_pmd_revere_dma_mode mode, int64_t bytes);

/** How AUTO divides copies. */
enum rte_pmd_revere_dma_way {
	RTE_PMD_REVERE_DMA_WAY_SPLIT, /**< by length, but the CPU helps an AMU that is behind */
	RTE_PMD_REVERE_DMA_WAY_AMU,   /**< the AMU does everything */
	RTE_PMD_REVERE_DMA_WAY_CPU,   /**< the CPU does everything */
};

/** What divides copies of a vchan now, and out of what `auto` made it. */
struct rte_pmd_revere_dma_threshold {
	enum rte_pmd_revere_dma_mode mode;
	/** Bytes; copies that are shorter are the CPU's. UINT32_MAX: all are. */
	uint32_t bytes;
	/** AUTO: the way that gets most done at present. */
	enum rte_pmd_revere_dma_way way;
	/** AUTO: bytes as long as the AMU hasn't got too much to do. */
	uint32_t idle_bytes;
	/** AUTO: what the CPU spends on a copy that the AMU does, in TSC cycles. */
	double launch_cycles;
	/** AUTO: what the CPU spends on a copy of its own: cycles, and cycles a byte. */
	double cpu_cycles, cpu_cycles_byte;
	/** AUTO: what the AMU needs for a copy: cycles, and cycles a byte. */
	double amu_cycles, amu_cycles_byte;
	/** AUTO: how often bytes were worked out, and how often the AMU had too much to do. */
	uint64_t decisions, overloads;
};

/**
 * Reads the threshold of a vchan. May be called by any thread.
 *
 * @return 0; -EINVAL no such dmadev or vchan, or @p threshold is NULL; -ENODEV not a dma_revere
 */
int rte_pmd_revere_dma_threshold_get(int16_t dev_id, uint16_t vchan,
				     struct rte_pmd_revere_dma_threshold *threshold);

/* ---- Migration ------------------------------------------------------------------------------ */

/** How a move went. */
struct rte_pmd_revere_dma_migration {
	uint64_t downtime_ns; /**< from the first context's stop to the last one's start */
	uint64_t state_bytes; /**< what was saved of all contexts */
};

/**
 * Moves a dmadev to another device, started or stopped, whatever its jobs are: queued, submitted,
 * in flight or completed ones are what they were, none is lost, done twice or reordered; counters,
 * ring_idx and thresholds go on. No other function of the dmadev may be called meanwhile, nor may
 * a secondary process use it.
 *
 * @param devargs  which device, in words of a dma_revere vdev's devargs: emu=NAME, socket=PATH
 *   with their settings; made if it isn't there. What jobs refer to has to be within its reach
 * @param report   NULL, or how it went
 * @return 0; -EINVAL no such dmadev, or devargs that are refused; -ENODEV not a dma_revere, or
 *   @p devargs name a device without DMA agent; -EEXIST it is there already; -ENOTSUP messages of
 *   the device have other lengths; -ENOSPC it has no contexts left; -EIO a vchan's context is
 *   lost; else what failed. Then nothing has changed
 */
int rte_pmd_revere_dma_migrate(int16_t dev_id, const char *devargs,
			       struct rte_pmd_revere_dma_migration *report);

/* ---- Callbacks ------------------------------------------------------------------------------ */

/** A packet: what lies at @c src goes to @c dst; both have as many bytes. */
struct rte_pmd_revere_dma_packet {
	const struct rte_dma_sge *src, *dst;
	uint16_t nb_src, nb_dst; /**< segments, 1 to RTE_PMD_REVERE_DMA_SEGMENTS_MAX */
};

#define RTE_PMD_REVERE_DMA_SEGMENTS_MAX 256

/**
 * Makes the callbacks of a vchan usable: takes memory for packets in flight. The vchan's jobs
 * belong to the callbacks from now on, until rte_pmd_revere_dma_channel_unregister(); dmadev's
 * own functions for copies and completions must not be used on it meanwhile.
 *
 * @param max_packets  in flight at a time, 1 to 32768; a power of two makes the best use
 * @return 0; -EINVAL no such dmadev or vchan, or @p max_packets out of range; -ENODEV not a
 *   dma_revere; -EBUSY it is registered, or has jobs in flight; -ENOMEM
 */
int rte_pmd_revere_dma_channel_register(int16_t dev_id, uint16_t vchan, uint16_t max_packets);

/**
 * Gives the vchan back to dmadev's functions.
 *
 * @return 0; -EINVAL no such dmadev or vchan; -ENODEV not a dma_revere; -ENOENT it isn't
 *   registered; -EBUSY packets are in flight: call rte_pmd_revere_dma_get_completed_copies()
 *   until all are back
 */
int rte_pmd_revere_dma_channel_unregister(int16_t dev_id, uint16_t vchan);

/**
 * Starts the copies of packets, with one submit. Packets are taken whole and in order; one that
 * is refused ends the burst. One whose device breaks down in its middle is taken, too, ends the
 * burst, and completes with an error. Scatter lists may be reused when this returns, memory that
 * they name when the packet is complete. One thread at a time.
 *
 * @param packets  @p count of them
 * @return how many were taken; fewer than @p count: no room now, or the next one is refused. If
 *   none was taken a negative errno says why: -ENOSPC no room now; -EINVAL no such dmadev or
 *   vchan, or the first packet's lists are empty, too long, have an empty segment, or differ in
 *   length; -ENODEV not a dma_revere; -ENOENT the vchan isn't registered; -EIO it isn't started,
 *   or its device doesn't work any more
 */
int rte_pmd_revere_dma_transfer_data(int16_t dev_id, uint16_t vchan,
				     const struct rte_pmd_revere_dma_packet *packets,
				     uint16_t count);

/**
 * Packets that are complete, in the order in which they were transferred. One thread at a time,
 * the one that transfers.
 *
 * @param status  room for @p max_packets, what became of each: the status of its first copy that
 *   failed, or RTE_DMA_STATUS_SUCCESSFUL. May be NULL
 * @return how many; -EINVAL no such dmadev or vchan; -ENODEV not a dma_revere; -ENOENT the vchan
 *   isn't registered
 */
int rte_pmd_revere_dma_get_completed_copies(int16_t dev_id, uint16_t vchan,
					    enum rte_dma_status_code *status,
					    uint16_t max_packets);

/** Packets that were transferred and not yet reported; errors as above. */
int rte_pmd_revere_dma_channel_in_flight(int16_t dev_id, uint16_t vchan);

#ifdef __cplusplus
}
#endif

#endif /* RTE_PMD_REVERE_DMA_H */
