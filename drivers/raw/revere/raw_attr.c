/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What can be asked of a raw device: attributes, counters, state as text.
 */

#include <errno.h>
#include <inttypes.h>

#include "raw_revere.h"

/* ---- Attributes ---------------------------------------------------------------------------- */

/*
 * X(name, value, whether it needs a started device); `raw` and `info` are at hand. Attributes
 * that can be set are the defaults of queues that are not set up yet, see raw_attr_target().
 */
#define RAW_ATTRS(X)                                                                           \
	X(msg_length, raw->defaults.msg_length, false)                                         \
	X(tx_size, raw->defaults.tx_size, false)                                               \
	X(rx_size, raw->defaults.rx_size, false)                                               \
	X(prio, raw->defaults.prio, false)                                                     \
	X(overwrite, raw->defaults.overwrite, false)                                           \
	X(min_msg_length, RVR_DW << info->min_log2_msg_length, false)                          \
	X(max_msg_length, RVR_DW << info->max_log2_msg_length, false)                          \
	X(max_ring_size, 1u << info->max_log2_size, false)                                     \
	X(max_queues, raw_max_queues(raw), false)                                              \
	X(nb_queues, raw->config.nb_queues, false)                                             \
	X(arch_major, info->arch_major, false)                                                 \
	X(arch_minor, info->arch_minor, false)                                                 \
	X(iidr, info->iidr, false)                                                             \
	X(ami_type, info->ami_type, false)                                                     \
	X(max_ami_sw, info->max_ami_sw, false)                                                 \
	X(ami_per_function, info->ami_per_function, false)                                     \
	X(max_asn, info->max_asn, false)                                                       \
	X(num_aha, info->num_aha, false)                                                       \
	X(aha_id, raw->aha_id, false)                                                          \
	X(error_state, revere_error_state(raw->dev), false)                                    \
	X(ami_sw_id, revere_ami_sw_id(raw->ami_sw), true)                                      \
	X(phy_ami_sw_id, revere_ami_sw_phy_id(raw->ami_sw), true)                              \
	X(phy_ami_hw_id, raw->ami_hw == NULL ? 0xffff : revere_ami_hw_phy_id(raw->ami_hw), true) \
	X(tx_digest, revere_ami_sw_digest(raw->ami_sw, RVR_AMS_TX), true)                      \
	X(rx_digest, revere_ami_sw_digest(raw->ami_sw, RVR_AMS_RX), true)

#define RAW_ATTR_ID_(name, value, started) RAW_ATTR_##name,
enum raw_attr { RAW_ATTRS(RAW_ATTR_ID_) RAW_ATTR_NUM };

#define RAW_ATTR_NAME_(name, value, started) #name,
static const char *const raw_attr_names[] = { RAW_ATTRS(RAW_ATTR_NAME_) };

#define RAW_ATTR_STARTED_(name, value, started) started,
static const bool raw_attr_started[] = { RAW_ATTRS(RAW_ATTR_STARTED_) };

const char *
rte_pmd_revere_raw_attr_name(unsigned int index, bool *writable)
{
	if (index >= RAW_ATTR_NUM)
		return NULL;
	if (writable != NULL)
		*writable = index <= RAW_ATTR_overwrite;
	return raw_attr_names[index];
}

static unsigned int
raw_attr_find(const struct raw_dev *raw, const char *name)
{
	unsigned int i;

	for (i = 0; i < RAW_ATTR_NUM; i++)
		if (name != NULL && strcmp(name, raw_attr_names[i]) == 0)
			return i;
	RAW_LOG(ERR, "%s: no attribute '%s', see rte_pmd_revere_raw_attr_name()", raw->name,
		name == NULL ? "(null)" : name);
	return RAW_ATTR_NUM;
}

#define RAW_ATTR_CASE_(name, value, started)                                                   \
	case RAW_ATTR_##name:                                                                  \
		return (value);

static uint64_t
raw_attr_value(struct raw_dev *raw, unsigned int attr)
{
	const struct revere_dev_info *info = raw->info;

	switch (attr) {
		RAW_ATTRS(RAW_ATTR_CASE_)
	default:
		return 0;
	}
}

int
raw_attr_get(struct rte_rawdev *rawdev, const char *name, uint64_t *value)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	unsigned int attr = raw_attr_find(raw, name);

	if (attr == RAW_ATTR_NUM)
		return -ENOENT;
	if (value == NULL)
		return -EINVAL;
	if (raw_attr_started[attr] && raw->ami_sw == NULL) {
		RAW_LOG(ERR, "%s: attribute '%s' needs a started device", raw->name, name);
		return -ENODEV;
	}
	*value = raw_attr_value(raw, attr);
	return 0;
}

static void
raw_attr_put(struct rte_pmd_revere_raw_queue_conf *conf, unsigned int attr, uint64_t value)
{
	switch (attr) {
	case RAW_ATTR_msg_length:
		conf->msg_length = (uint32_t)value;
		break;
	case RAW_ATTR_tx_size:
		conf->tx_size = (uint32_t)value;
		break;
	case RAW_ATTR_rx_size:
		conf->rx_size = (uint32_t)value;
		break;
	case RAW_ATTR_prio:
		conf->prio = (uint8_t)RTE_MIN(value, (uint64_t)UINT8_MAX);
		break;
	default:
		conf->overwrite = value != 0;
	}
}

/** Sets a default of queues configured from now on. */
int
raw_attr_set(struct rte_rawdev *rawdev, const char *name, const uint64_t value)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	unsigned int attr = raw_attr_find(raw, name);
	struct rte_pmd_revere_raw_queue_conf want = raw->defaults;
	int ret;

	if (attr == RAW_ATTR_NUM)
		return -ENOENT;
	if (attr > RAW_ATTR_overwrite) {
		RAW_LOG(ERR, "%s: attribute '%s' can't be set", raw->name, name);
		return -EPERM;
	}
	if (value > UINT32_MAX) {
		RAW_LOG(ERR, "%s: attribute '%s': %" PRIu64 " is out of range", raw->name, name,
			value);
		return -EINVAL;
	}
	raw_attr_put(&want, attr, value);
	ret = raw_queue_check(raw, 0, &want);
	if (ret == 0)
		raw->defaults = want;
	return ret;
}

/* ---- Counters ------------------------------------------------------------------------------ */

/* Counters of a queue; the id of one is queue * RAW_XSTATS + its number. */
enum raw_xstat { RAW_TX_MESSAGES, RAW_TX_FULL, RAW_RX_MESSAGES, RAW_RX_EMPTY, RAW_RX_LOST,
		 RAW_XSTATS };

static const char *const raw_xstat_names[RAW_XSTATS] = {
	[RAW_TX_MESSAGES] = "tx_messages", [RAW_TX_FULL] = "tx_full",
	[RAW_RX_MESSAGES] = "rx_messages", [RAW_RX_EMPTY] = "rx_empty",
	[RAW_RX_LOST] = "rx_lost",
};

static unsigned int
raw_xstats_count(const struct raw_dev *raw)
{
	return raw->config.nb_queues * RAW_XSTATS;
}

static uint64_t
raw_xstat(const struct raw_dev *raw, unsigned int id)
{
	const struct raw_queue *queue = &raw->queues[id / RAW_XSTATS];

	switch (id % RAW_XSTATS) {
	case RAW_TX_MESSAGES:
		return queue->tx.messages;
	case RAW_TX_FULL:
		return queue->tx.full;
	case RAW_RX_MESSAGES:
		return queue->rx.messages;
	case RAW_RX_EMPTY:
		return queue->rx.empty;
	default:
		return queue->rx.ring == NULL ? 0 : queue->rx.ring->lost;
	}
}

static void
raw_xstat_clear(struct raw_dev *raw, unsigned int id)
{
	struct raw_queue *queue = &raw->queues[id / RAW_XSTATS];

	switch (id % RAW_XSTATS) {
	case RAW_TX_MESSAGES:
		queue->tx.messages = 0;
		break;
	case RAW_TX_FULL:
		queue->tx.full = 0;
		break;
	case RAW_RX_MESSAGES:
		queue->rx.messages = 0;
		break;
	case RAW_RX_EMPTY:
		queue->rx.empty = 0;
		break;
	default:
		if (queue->rx.ring != NULL)
			queue->rx.ring->lost = 0;
	}
}

static void
raw_xstat_name(unsigned int id, char *name)
{
	snprintf(name, RTE_RAW_DEV_XSTATS_NAME_SIZE, "q%u_%s", id / RAW_XSTATS,
		 raw_xstat_names[id % RAW_XSTATS]);
}

int
raw_xstats_get(const struct rte_rawdev *rawdev, const unsigned int ids[], uint64_t values[],
	       unsigned int n)
{
	const struct raw_dev *raw = raw_dev_of(rawdev);
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (ids[i] >= raw_xstats_count(raw))
			break;
		values[i] = raw_xstat(raw, ids[i]);
	}
	return (int)i;
}

int
raw_xstats_get_names(const struct rte_rawdev *rawdev, struct rte_rawdev_xstats_name *names,
		     unsigned int size)
{
	unsigned int i, count = raw_xstats_count(raw_dev_of(rawdev));

	if (names != NULL && size >= count)
		for (i = 0; i < count; i++)
			raw_xstat_name(i, names[i].name);
	return (int)count;
}

uint64_t
raw_xstats_get_by_name(const struct rte_rawdev *rawdev, const char *name, unsigned int *id)
{
	const struct raw_dev *raw = raw_dev_of(rawdev);
	char have[RTE_RAW_DEV_XSTATS_NAME_SIZE];
	unsigned int i;

	for (i = 0; i < raw_xstats_count(raw); i++) {
		raw_xstat_name(i, have);
		if (strcmp(name, have) == 0) {
			if (id != NULL)
				*id = i;
			return raw_xstat(raw, i);
		}
	}
	if (id != NULL)
		*id = UINT32_MAX;
	return UINT64_MAX;
}

/** No ids: all of them. */
int
raw_xstats_reset(struct rte_rawdev *rawdev, const uint32_t ids[], uint32_t nb_ids)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	uint32_t i, id, n = ids == NULL ? raw_xstats_count(raw) : nb_ids;

	for (i = 0; i < n; i++) {
		id = ids == NULL ? i : ids[i];
		if (id >= raw_xstats_count(raw))
			return -EINVAL;
		raw_xstat_clear(raw, id);
	}
	return 0;
}

/* ---- State --------------------------------------------------------------------------------- */

static void
raw_dump_ring(FILE *file, const char *what, const struct revere_ring *ring)
{
	if (ring == NULL)
		return;
	fprintf(file, "    %s: %u messages of %u bytes, own index %" PRIu64 ", device's %" PRIu64
		"%s\n", what, ring->mask + 1, ring->msg_size, ring->own,
		revere_ring_device_index(ring), ring->broken ? ", broken" : "");
}

static void
raw_dump_queue(FILE *file, const struct raw_dev *raw, uint16_t queue_id)
{
	const struct raw_queue *queue = &raw->queues[queue_id];

	fprintf(file, "  queue %u: message length %u, TX %u, RX %u, priority %u%s\n", queue_id,
		queue->conf.msg_length, queue->conf.tx_size, queue->conf.rx_size, queue->conf.prio,
		queue->conf.overwrite ? ", overwriting" : "");
	raw_dump_ring(file, "TX", queue->tx.ring);
	raw_dump_ring(file, "RX", queue->rx.ring);
	fprintf(file, "    sent %" PRIu64 ", received %" PRIu64 "\n", queue->tx.messages,
		queue->rx.messages);
}

int
raw_dump(struct rte_rawdev *rawdev, FILE *file)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	uint16_t i;

	fprintf(file, "%s: %s", raw->name, raw->ami_sw == NULL ? "stopped" : "started");
	if (raw->config.nb_queues == 0)
		fprintf(file, ", not configured\n");
	else if (raw->config.peer == RTE_PMD_REVERE_RAW_LOOPBACK)
		fprintf(file, ", loopback\n");
	else
		fprintf(file, ", agent %u\n", raw->aha_id);
	for (i = 0; i < raw->config.nb_queues; i++)
		raw_dump_queue(file, raw, i);
	return revere_dev_dump(raw->dev, file);
}

int
raw_firmware_status(struct rte_rawdev *rawdev, rte_rawdev_obj_t status)
{
	struct raw_dev *raw = raw_dev_of(rawdev);
	struct rte_pmd_revere_raw_status *out = status;
	const struct raw_queue *queue;
	uint16_t i;

	if (out == NULL)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->error_state = revere_error_state(raw->dev);
	snprintf(out->text, sizeof(out->text), "%s", revere_error_state_text(out->error_state));
	for (i = 0; i < raw->config.nb_queues; i++) {
		queue = &raw->queues[i];
		if ((queue->tx.ring != NULL && queue->tx.ring->broken) ||
		    (queue->rx.ring != NULL && queue->rx.ring->broken))
			out->broken_queues++;
	}
	return 0;
}

int
raw_firmware_version(struct rte_rawdev *rawdev, rte_rawdev_obj_t version)
{
	const struct revere_dev_info *info = raw_dev_of(rawdev)->info;
	struct rte_pmd_revere_raw_version *out = version;

	if (out == NULL)
		return -EINVAL;
	*out = (struct rte_pmd_revere_raw_version){
		.arch_major = info->arch_major,
		.arch_minor = info->arch_minor,
		.product = (uint16_t)rvr_get(info->iidr, RVR_AMU_IIDR_PRODUCT),
		.variant = (uint8_t)rvr_get(info->iidr, RVR_AMU_IIDR_VARIANT),
		.revision = (uint8_t)rvr_get(info->iidr, RVR_AMU_IIDR_REVISION),
		.implementer = (uint16_t)rvr_get(info->iidr, RVR_AMU_IIDR_IMPLEMENTER),
	};
	return 0;
}
