/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of the raw driver: its state and what its files offer each other.
 */

#ifndef RAW_REVERE_H
#define RAW_REVERE_H

#include <rte_log.h>
#include <rte_rawdev.h>
#include <rte_rawdev_pmd.h>

#include "revere_common.h"
#include "rte_pmd_revere_raw.h"

/** One log line; what it says starts with the device's name. */
#define RAW_LOG(level, ...) raw_log(RTE_LOG_##level, __VA_ARGS__)

/* A function and no macro around rte_log(), whose checks of formats differ between releases. */
void raw_log(uint32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define RAW_DEFAULT_MSG_LENGTH 64
#define RAW_DEFAULT_SIZE 256

/** What the enqueueing thread touches. */
struct raw_tx {
	struct revere_ring *ring; /**< NULL: not started */
	uint64_t messages;
	uint64_t full; /**< enqueues that were cut short */
} __rte_cache_aligned;

/** What the dequeueing thread touches. */
struct raw_rx {
	struct revere_ring *ring; /**< NULL: not started */
	uint64_t messages;
	uint64_t empty; /**< dequeues that found nothing */
} __rte_cache_aligned;

struct raw_queue {
	struct raw_tx tx;
	struct raw_rx rx;
	struct rte_pmd_revere_raw_queue_conf conf;
	int tx_asn, rx_asn; /**< ASN_ID, -1 none */
} __rte_cache_aligned;

/** One raw device: dev_private of its rte_rawdev. */
struct raw_dev {
	char name[RTE_RAWDEV_NAME_MAX_LEN];
	struct revere_dev *dev;
	struct revere_device *device;
	const struct revere_dev_info *info;
	int numa_node;

	struct rte_pmd_revere_raw_config config; /**< nb_queues 0: not configured */
	struct rte_pmd_revere_raw_queue_conf defaults;
	uint16_t aha_id;
	struct raw_queue *queues; /**< config.nb_queues */

	/* While started. */
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw; /**< NULL on a loopback */
};

static inline struct raw_dev *
raw_dev_of(const struct rte_rawdev *rawdev)
{
	return rawdev->dev_private;
}

static inline uint16_t
raw_max_queues(const struct raw_dev *raw)
{
	return RTE_MIN(raw->info->num_tx_ams, raw->info->num_rx_ams);
}

/* raw_queue.c: queues and the sessions behind them */
int raw_queue_check(const struct raw_dev *raw, uint16_t queue_id,
		    const struct rte_pmd_revere_raw_queue_conf *conf);
int raw_queue_def_conf(struct rte_rawdev *rawdev, uint16_t queue_id, rte_rawdev_obj_t conf,
		       size_t size);
int raw_queue_setup(struct rte_rawdev *rawdev, uint16_t queue_id, rte_rawdev_obj_t conf,
		    size_t size);
int raw_queue_release(struct rte_rawdev *rawdev, uint16_t queue_id);
uint16_t raw_queue_count(struct rte_rawdev *rawdev);
/** Context, rings and sessions of a configured device; on failure nothing is left. */
int raw_queues_open(struct raw_dev *raw);
int raw_plan(const struct revere_dev_info *info, uint32_t count, uint32_t index,
	     struct revere_plan *plan);
void raw_queues_close(struct raw_dev *raw);

/* raw_rxtx.c: the data path */
int raw_enqueue(struct rte_rawdev *rawdev, struct rte_rawdev_buf **buffers, unsigned int count,
		rte_rawdev_obj_t context);
int raw_dequeue(struct rte_rawdev *rawdev, struct rte_rawdev_buf **buffers, unsigned int count,
		rte_rawdev_obj_t context);

/* raw_attr.c: attributes, counters, state as text */
int raw_attr_get(struct rte_rawdev *rawdev, const char *name, uint64_t *value);
int raw_attr_set(struct rte_rawdev *rawdev, const char *name, const uint64_t value);
int raw_xstats_get(const struct rte_rawdev *rawdev, const unsigned int ids[], uint64_t values[],
		   unsigned int n);
int raw_xstats_get_names(const struct rte_rawdev *rawdev, struct rte_rawdev_xstats_name *names,
			 unsigned int size);
uint64_t raw_xstats_get_by_name(const struct rte_rawdev *rawdev, const char *name,
				unsigned int *id);
int raw_xstats_reset(struct rte_rawdev *rawdev, const uint32_t ids[], uint32_t nb_ids);
int raw_dump(struct rte_rawdev *rawdev, FILE *file);
int raw_firmware_status(struct rte_rawdev *rawdev, rte_rawdev_obj_t status);
int raw_firmware_version(struct rte_rawdev *rawdev, rte_rawdev_obj_t version);

/* raw_selftest.c */
int raw_selftest(uint16_t dev_id);

#endif /* RAW_REVERE_H */
