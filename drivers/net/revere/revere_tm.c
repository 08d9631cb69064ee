/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Traffic management (rte_tm): a root, which is the port, with the port's transmit queues below
 * it. Each may have a shaper; the root serves queues by strict priority, and by weights among
 * those of one priority. The device does it; a hierarchy is sent as a whole, with its commit.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_tm.h>
#include <rte_tm_driver.h>

#include "revere_net.h"

#define LEVELS 2
#define LEVEL_ROOT 0
#define LEVEL_QUEUE 1
#define MBPS_BYTES 125000 /* bytes a second */
#define RATE_LIMIT_BURST 20000 /* bytes, at the least, of rte_eth_set_queue_rate_limit() */
#define UPDATES (RTE_TM_UPDATE_NODE_PARENT_KEEP_LEVEL)

/* ---- To the device ------------------------------------------------------------------------ */

static struct rvr_rna_tm_shaper
shaper_of(const struct revere_net_tm_node *node)
{
	const struct revere_net_tm_profile *profile = node->profile;

	if (profile == NULL)
		return (struct rvr_rna_tm_shaper){ 0 };
	return (struct rvr_rna_tm_shaper){
		.rate = rvr_cpu_le64(profile->rate),
		.burst = rvr_cpu_le32(profile->burst),
		.overhead = rvr_cpu_le32(profile->overhead),
	};
}

/** Shaper of a queue that only has a rate limit. */
static struct rvr_rna_tm_shaper
shaper_of_rate(uint32_t mbps)
{
	uint64_t rate = (uint64_t)mbps * MBPS_BYTES;

	return (struct rvr_rna_tm_shaper){
		.rate = rvr_cpu_le64(rate),
		.burst = rvr_cpu_le32(RTE_MAX((uint32_t)(rate / MS_PER_S), RATE_LIMIT_BURST)),
	};
}

static int
port_send(struct revere_net *net)
{
	struct rvr_rna_tm_shaper set = shaper_of(&net->steer.tm.root);

	return revere_net_request(net, RVR_RNA_CTL_TM_PORT, &set, sizeof(set), NULL, 0);
}

static int
queue_send(struct revere_net *net, uint16_t id)
{
	const struct revere_net_tm *tm = &net->steer.tm;
	const struct revere_net_tm_node *node = &tm->queues[id];
	struct rvr_rna_tm_queue set = {
		.queue = rvr_cpu_le16(id),
		.weight = rvr_cpu_le32(1),
	};

	if (tm->committed && node->used) {
		set.prio = rvr_cpu_le16((uint16_t)node->priority);
		set.weight = rvr_cpu_le32(node->weight);
		set.shaper = shaper_of(node);
	}
	if (tm->rates[id] != 0)
		set.shaper = shaper_of_rate(tm->rates[id]);
	return revere_net_request(net, RVR_RNA_CTL_TM_QUEUE, &set, sizeof(set), NULL, 0);
}

int
revere_net_tm_apply(struct revere_net *net)
{
	struct revere_net_tm *tm = &net->steer.tm;
	uint16_t i;
	int ret = 0;

	if (tm->queues == NULL)
		return 0;
	for (i = 0; i < tm->num_queues && ret == 0; i++)
		if (tm->queues[i].used || tm->rates[i] != 0)
			ret = queue_send(net, i);
	return ret == 0 && tm->committed ? port_send(net) : ret;
}

/* ---- State -------------------------------------------------------------------------------- */

/** Room for all queues that the port may have, with the first use. */
static int
tm_alloc(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;

	if (tm->queues != NULL)
		return 0;
	if (rvr_le16_cpu(net->steer.info.tm_prios) == 0)
		return -ENOTSUP;
	tm->num_queues = net->limits.max_queues;
	tm->queues = calloc(tm->num_queues, sizeof(*tm->queues));
	tm->rates = calloc(tm->num_queues, sizeof(*tm->rates));
	if (tm->queues != NULL && tm->rates != NULL)
		return 0;
	revere_net_tm_fini(net);
	return -ENOMEM;
}

void
revere_net_tm_fini(struct revere_net *net)
{
	free(net->steer.tm.queues);
	free(net->steer.tm.rates);
	memset(&net->steer.tm, 0, sizeof(net->steer.tm));
}

static struct revere_net_tm *
tm_of(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	return &net->steer.tm;
}

static int
refuse(struct rte_tm_error *error, int code, enum rte_tm_error_type type, const char *message)
{
	return -rte_tm_error_set(error, code, type, NULL, message);
}

static struct revere_net_tm_profile *
profile_find(struct revere_net_tm *tm, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(tm->profiles); i++)
		if (tm->profiles[i].used && tm->profiles[i].id == id)
			return &tm->profiles[i];
	return NULL;
}

static struct revere_net_tm_node *
node_find(struct revere_net_tm *tm, uint32_t id)
{
	if (tm->queues == NULL)
		return NULL;
	if (id < tm->num_queues)
		return tm->queues[id].used ? &tm->queues[id] : NULL;
	return tm->root.used && tm->root.id == id ? &tm->root : NULL;
}

static unsigned int
queues_used(const struct revere_net_tm *tm)
{
	unsigned int i, count = 0;

	for (i = 0; i < tm->num_queues; i++)
		count += tm->queues[i].used;
	return count;
}

/* ---- Rate limit without a hierarchy ------------------------------------------------------- */

int
revere_net_queue_rate_set(struct rte_eth_dev *dev, uint16_t queue, uint32_t mbps)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;
	int ret = tm_alloc(dev);
	uint32_t old;

	if (ret < 0)
		return ret;
	old = tm->rates[queue];
	tm->rates[queue] = mbps;
	ret = queue_send(net, queue);
	if (ret < 0)
		tm->rates[queue] = old;
	return ret;
}

/* ---- Capabilities ------------------------------------------------------------------------- */

static int
tm_capabilities_get(struct rte_eth_dev *dev, struct rte_tm_capabilities *cap,
	struct rte_tm_error *error)
{
	const struct revere_net *net = dev->data->dev_private;
	const struct rvr_rna_steer_info *info = &net->steer.info;
	uint32_t queues = net->limits.max_queues;

	RTE_SET_USED(error);
	memset(cap, 0, sizeof(*cap));
	cap->n_nodes_max = queues + 1;
	cap->n_levels_max = LEVELS;
	cap->non_leaf_nodes_identical = 1;
	cap->leaf_nodes_identical = 1;
	cap->shaper_n_max = queues + 1;
	cap->shaper_private_n_max = queues + 1;
	cap->shaper_private_rate_min = rvr_le64_cpu(info->tm_rate_min);
	cap->shaper_private_rate_max = rvr_le64_cpu(info->tm_rate_max);
	cap->shaper_private_byte_mode_supported = 1;
	cap->shaper_pkt_length_adjust_max = UINT8_MAX;
	cap->sched_n_children_max = queues;
	cap->sched_sp_n_priorities_max = rvr_le16_cpu(info->tm_prios);
	cap->sched_wfq_n_children_per_group_max = queues;
	cap->sched_wfq_n_groups_max = rvr_le16_cpu(info->tm_prios);
	cap->sched_wfq_weight_max = rvr_le32_cpu(info->tm_weight);
	cap->sched_wfq_byte_mode_supported = 1;
	cap->dynamic_update_mask = UPDATES;
	return 0;
}

static int
tm_level_capabilities_get(struct rte_eth_dev *dev, uint32_t level,
	struct rte_tm_level_capabilities *cap, struct rte_tm_error *error)
{
	struct rte_tm_capabilities all;

	if (level >= LEVELS)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_LEVEL_ID, "levels are 0 and 1");
	tm_capabilities_get(dev, &all, error);
	memset(cap, 0, sizeof(*cap));
	cap->non_leaf_nodes_identical = 1;
	cap->leaf_nodes_identical = 1;
	if (level == LEVEL_ROOT) {
		cap->n_nodes_max = 1;
		cap->n_nodes_nonleaf_max = 1;
		cap->nonleaf.shaper_private_supported = 1;
		cap->nonleaf.shaper_private_rate_min = all.shaper_private_rate_min;
		cap->nonleaf.shaper_private_rate_max = all.shaper_private_rate_max;
		cap->nonleaf.shaper_private_byte_mode_supported = 1;
		cap->nonleaf.sched_n_children_max = all.sched_n_children_max;
		cap->nonleaf.sched_sp_n_priorities_max = all.sched_sp_n_priorities_max;
		cap->nonleaf.sched_wfq_n_children_per_group_max = all.sched_n_children_max;
		cap->nonleaf.sched_wfq_n_groups_max = all.sched_wfq_n_groups_max;
		cap->nonleaf.sched_wfq_weight_max = all.sched_wfq_weight_max;
		cap->nonleaf.sched_wfq_byte_mode_supported = 1;
		return 0;
	}
	cap->n_nodes_max = all.sched_n_children_max;
	cap->n_nodes_leaf_max = all.sched_n_children_max;
	cap->leaf.shaper_private_supported = 1;
	cap->leaf.shaper_private_rate_min = all.shaper_private_rate_min;
	cap->leaf.shaper_private_rate_max = all.shaper_private_rate_max;
	cap->leaf.shaper_private_byte_mode_supported = 1;
	return 0;
}

static int
tm_node_capabilities_get(struct rte_eth_dev *dev, uint32_t id, struct rte_tm_node_capabilities *cap,
	struct rte_tm_error *error)
{
	struct revere_net_tm *tm = tm_of(dev);
	const struct revere_net_tm_node *node = node_find(tm, id);
	struct rte_tm_capabilities all;

	if (node == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID, "no such node");
	tm_capabilities_get(dev, &all, error);
	memset(cap, 0, sizeof(*cap));
	cap->shaper_private_supported = 1;
	cap->shaper_private_rate_min = all.shaper_private_rate_min;
	cap->shaper_private_rate_max = all.shaper_private_rate_max;
	cap->shaper_private_byte_mode_supported = 1;
	if (node != &tm->root)
		return 0;
	cap->nonleaf.sched_n_children_max = all.sched_n_children_max;
	cap->nonleaf.sched_sp_n_priorities_max = all.sched_sp_n_priorities_max;
	cap->nonleaf.sched_wfq_n_children_per_group_max = all.sched_n_children_max;
	cap->nonleaf.sched_wfq_n_groups_max = all.sched_wfq_n_groups_max;
	cap->nonleaf.sched_wfq_weight_max = all.sched_wfq_weight_max;
	cap->nonleaf.sched_wfq_byte_mode_supported = 1;
	return 0;
}

/* ---- Shaper profiles ---------------------------------------------------------------------- */

/** Shapers have one rate, which rte_tm calls peak. */
static int
profile_check(const struct revere_net *net, const struct rte_tm_shaper_params *params,
	struct rte_tm_error *error)
{
	const struct rvr_rna_steer_info *info = &net->steer.info;

	if (params->committed.rate != 0 || params->committed.size != 0)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_COMMITTED_RATE,
			"shapers have one rate: the peak one");
	if (params->peak.rate < rvr_le64_cpu(info->tm_rate_min) ||
		params->peak.rate > rvr_le64_cpu(info->tm_rate_max))
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_PEAK_RATE,
			"rate is out of range");
	if (params->peak.size < rvr_le32_cpu(info->tm_burst_min) ||
		params->peak.size > rvr_le32_cpu(info->tm_burst_max))
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_PEAK_SIZE,
			"size of the bucket is out of range");
	if (params->pkt_length_adjust < 0 || params->pkt_length_adjust > UINT8_MAX)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_PKT_ADJUST_LEN,
			"adjustment is not within 0 to 255 bytes");
	if (params->packet_mode)
		return refuse(error, ENOTSUP, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_PACKET_MODE,
			"rates are in bytes");
	return 0;
}

static int
tm_profile_add(struct rte_eth_dev *dev, uint32_t id,
	const struct rte_tm_shaper_params *params, struct rte_tm_error *error)
{
	struct revere_net_tm *tm = tm_of(dev);
	unsigned int i;
	int ret = profile_check(dev->data->dev_private, params, error);

	if (ret < 0)
		return ret;
	if (profile_find(tm, id) != NULL)
		return refuse(error, EEXIST, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_ID,
			"the profile is there already");
	for (i = 0; i < RTE_DIM(tm->profiles); i++) {
		if (tm->profiles[i].used)
			continue;
		tm->profiles[i] = (struct revere_net_tm_profile){
			.id = id,
			.used = true,
			.rate = params->peak.rate,
			.burst = (uint32_t)params->peak.size,
			.overhead = (uint32_t)params->pkt_length_adjust,
		};
		return 0;
	}
	return refuse(error, ENOSPC, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_ID,
		"there are 64 profiles already");
}

static int
tm_profile_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_tm_error *error)
{
	struct revere_net_tm_profile *profile = profile_find(tm_of(dev), id);

	if (profile == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_ID,
			"no such profile");
	if (profile->users > 0)
		return refuse(error, EBUSY, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_ID,
			"nodes use the profile");
	profile->used = false;
	return 0;
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static int
weights_check(const struct revere_net *net, uint32_t priority, uint32_t weight,
	struct rte_tm_error *error)
{
	const struct rvr_rna_steer_info *info = &net->steer.info;

	if (priority >= rvr_le16_cpu(info->tm_prios))
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_PRIORITY,
			"priority is out of range");
	if (weight == 0 || weight > rvr_le32_cpu(info->tm_weight))
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_WEIGHT,
			"weight is out of range");
	return 0;
}

static int
params_check(struct revere_net_tm *tm, const struct rte_tm_node_params *params, bool leaf,
	struct rte_tm_error *error)
{
	if (params->shaper_profile_id != RTE_TM_SHAPER_PROFILE_ID_NONE &&
		profile_find(tm, params->shaper_profile_id) == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_PARAMS_SHAPER_PROFILE_ID,
			"no such profile");
	if (params->n_shared_shapers != 0)
		return refuse(error, ENOTSUP, RTE_TM_ERROR_TYPE_NODE_PARAMS_N_SHARED_SHAPERS,
			"there are no shared shapers");
	if (params->stats_mask != 0)
		return refuse(error, ENOTSUP, RTE_TM_ERROR_TYPE_NODE_PARAMS_STATS,
			"nodes have no counters, queues do");
	if (leaf && params->leaf.cman != RTE_TM_CMAN_TAIL_DROP)
		return refuse(error, ENOTSUP, RTE_TM_ERROR_TYPE_NODE_PARAMS_CMAN,
			"there is no congestion management");
	return 0;
}

static void
node_set_profile(struct revere_net_tm *tm, struct revere_net_tm_node *node, uint32_t profile_id)
{
	if (node->profile != NULL)
		node->profile->users--;
	node->profile = profile_find(tm, profile_id);
	if (node->profile != NULL)
		node->profile->users++;
}

/** Where a node belongs that is to be added; NULL: *ret says why not. */
static struct revere_net_tm_node *
node_place(struct rte_eth_dev *dev, uint32_t id, uint32_t parent, uint32_t level,
	struct rte_tm_error *error, int *ret)
{
	struct revere_net_tm *tm = tm_of(dev);
	bool root = parent == RTE_TM_NODE_ID_NULL;

	*ret = 0;
	if (level != RTE_TM_NODE_LEVEL_ID_ANY && level != (root ? LEVEL_ROOT : LEVEL_QUEUE))
		*ret = refuse(error, EINVAL, RTE_TM_ERROR_TYPE_LEVEL_ID,
			"the root is on level 0, queues are on level 1");
	else if (node_find(tm, id) != NULL)
		*ret = refuse(error, EEXIST, RTE_TM_ERROR_TYPE_NODE_ID,
			"the node is there already");
	else if (root && (tm->root.used || id < tm->num_queues))
		*ret = refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_PARENT_NODE_ID, tm->root.used ?
			"there is a root already" : "numbers of queues are those of leaves");
	else if (!root && (!tm->root.used || parent != tm->root.id))
		*ret = refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_PARENT_NODE_ID,
			"the parent of a queue is the root");
	else if (!root && id >= dev->data->nb_tx_queues)
		*ret = refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID,
			"a leaf has the number of a Tx queue");
	if (*ret < 0)
		return NULL;
	return root ? &tm->root : &tm->queues[id];
}

static int
tm_node_add(struct rte_eth_dev *dev, uint32_t id, uint32_t parent, uint32_t priority,
	uint32_t weight, uint32_t level, const struct rte_tm_node_params *params,
	struct rte_tm_error *error)
{
	struct revere_net_tm *tm = tm_of(dev);
	struct revere_net_tm_node *node;
	int ret = tm_alloc(dev);

	if (ret < 0)
		return refuse(error, -ret, RTE_TM_ERROR_TYPE_UNSPECIFIED,
			"no traffic management, or no memory for it");
	ret = weights_check(dev->data->dev_private, priority, weight, error);
	if (ret == 0)
		ret = params_check(tm, params, parent != RTE_TM_NODE_ID_NULL, error);
	if (ret < 0)
		return ret;
	node = node_place(dev, id, parent, level, error, &ret);
	if (node == NULL)
		return ret;
	*node = (struct revere_net_tm_node){
		.id = id,
		.priority = priority,
		.weight = weight,
		.used = true,
	};
	node_set_profile(tm, node, params->shaper_profile_id);
	return 0;
}

static int
tm_node_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_tm_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;
	struct revere_net_tm_node *node = node_find(tm, id);

	if (node == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID, "no such node");
	if (node == &tm->root && queues_used(tm) > 0)
		return refuse(error, EBUSY, RTE_TM_ERROR_TYPE_NODE_ID, "the root has queues");
	node_set_profile(tm, node, RTE_TM_SHAPER_PROFILE_ID_NONE);
	node->used = false;
	if (!tm->committed)
		return 0;
	return node == &tm->root ? port_send(net) : queue_send(net, (uint16_t)id);
}

static int
tm_node_type_get(struct rte_eth_dev *dev, uint32_t id, int *is_leaf, struct rte_tm_error *error)
{
	struct revere_net_tm *tm = tm_of(dev);
	const struct revere_net_tm_node *node = node_find(tm, id);

	if (node == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID, "no such node");
	*is_leaf = node != &tm->root;
	return 0;
}

static int
tm_commit(struct rte_eth_dev *dev, int clear_on_fail, struct rte_tm_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;
	int ret;

	if (!tm->root.used)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_UNSPECIFIED, "there is no root");
	tm->committed = true;
	ret = revere_net_tm_apply(net);
	if (ret == 0)
		return 0;
	tm->committed = false;
	if (clear_on_fail)
		revere_net_tm_fini(net);
	return refuse(error, -ret, RTE_TM_ERROR_TYPE_UNSPECIFIED,
		"the device refuses the hierarchy");
}

/* ---- Changes while packets flow ----------------------------------------------------------- */

/** Sends a node that has changed, if the device has the hierarchy. */
static int
node_changed(struct revere_net *net, const struct revere_net_tm_node *node,
	struct rte_tm_error *error)
{
	int ret = 0;

	if (net->steer.tm.committed)
		ret = node == &net->steer.tm.root ? port_send(net) :
						     queue_send(net, (uint16_t)node->id);
	return ret == 0 ? 0 : refuse(error, -ret, RTE_TM_ERROR_TYPE_UNSPECIFIED,
		"the device refuses it");
}

static int
tm_parent_update(struct rte_eth_dev *dev, uint32_t id, uint32_t parent, uint32_t priority,
	uint32_t weight, struct rte_tm_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;
	struct revere_net_tm_node *node = node_find(tm, id);
	int ret;

	if (node == NULL || node == &tm->root)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID, "no such queue's node");
	if (parent != tm->root.id)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_PARENT_NODE_ID,
			"the parent of a queue is the root");
	ret = weights_check(net, priority, weight, error);
	if (ret < 0)
		return ret;
	node->priority = priority;
	node->weight = weight;
	return node_changed(net, node, error);
}

static int
tm_shaper_update(struct rte_eth_dev *dev, uint32_t id, uint32_t profile_id,
	struct rte_tm_error *error)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_tm *tm = &net->steer.tm;
	struct revere_net_tm_node *node = node_find(tm, id);

	if (node == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_NODE_ID, "no such node");
	if (profile_id != RTE_TM_SHAPER_PROFILE_ID_NONE && profile_find(tm, profile_id) == NULL)
		return refuse(error, EINVAL, RTE_TM_ERROR_TYPE_SHAPER_PROFILE_ID,
			"no such profile");
	node_set_profile(tm, node, profile_id);
	return node_changed(net, node, error);
}

/* Some releases want pointers to what isn't const, which doesn't change what is passed. */
static const struct rte_tm_ops tm_ops = {
	.node_type_get = tm_node_type_get,
	.capabilities_get = tm_capabilities_get,
	.level_capabilities_get = tm_level_capabilities_get,
	.node_capabilities_get = tm_node_capabilities_get,
	.shaper_profile_add = (rte_tm_shaper_profile_add_t)tm_profile_add,
	.shaper_profile_delete = tm_profile_delete,
	.node_add = (rte_tm_node_add_t)tm_node_add,
	.node_delete = tm_node_delete,
	.hierarchy_commit = tm_commit,
	.node_parent_update = tm_parent_update,
	.node_shaper_update = tm_shaper_update,
};

int
revere_net_tm_ops_get(struct rte_eth_dev *dev, void *ops)
{
	const struct revere_net *net = dev->data->dev_private;

	if (rvr_le16_cpu(net->steer.info.tm_prios) == 0)
		return -ENOTSUP;
	*(const struct rte_tm_ops **)ops = &tm_ops;
	return 0;
}
