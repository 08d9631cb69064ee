/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Which worker serves which AMI: AMIs that sessions join are one worker's, so that the data path
 * needs no locks. All within a pause.
 *
 * Groups only grow together while sessions join AMIs; an AMI that nothing uses any more leaves
 * its group. So a group may stay larger than need be until its AMIs are free, which costs
 * balance, not correctness, and makes each change cheap with thousands of contexts.
 */

#include <stdlib.h>

#include "worker.h"

TAILQ_HEAD(node_list, amu_node);

/** AMIs of one worker that belong together. */
struct amu_group {
	struct amu_worker *worker;
	struct node_list nodes;
	unsigned int num;
};

/** AMI-HWs whose agent wants them together, by aha_ops.affinity. */
struct affinity {
	const void *value;
	struct amu_node *node; /**< one of them, or NULL */
};

struct amu_partition {
	struct affinity *affinities;
	unsigned int num;
};

int
partition_init(struct amu *amu)
{
	amu->partition = calloc(1, sizeof(*amu->partition));
	return amu->partition == NULL ? -1 : 0;
}

/** Frees what AMIs still enabled at the end hold. */
static void
node_drop(struct amu_node *node)
{
	struct amu_group *group = node->group;

	if (group == NULL)
		return;
	node->group = NULL;
	TAILQ_REMOVE(&group->nodes, node, link);
	if (--group->num == 0)
		free(group);
}

void
partition_fini(struct amu *amu)
{
	if (amu->partition == NULL)
		return;
	for (unsigned int n = 0; amu->ami_sw != NULL && n < amu->config.num_ami_sw; n++)
		node_drop(&amu->ami_sw[n].node);
	for (unsigned int a = 0; amu->aha != NULL && a < amu->num_aha; a++)
		for (unsigned int n = 0; amu->aha[a] != NULL && n < amu->config.num_ami_hw; n++)
			node_drop(&amu->aha[a]->ami_hw[n].node);
	free(amu->partition->affinities);
	free(amu->partition);
	amu->partition = NULL;
}

struct amu_worker *
partition_worker(const struct amu_node *node)
{
	return node->group->worker;
}

/** The worker with the fewest AMIs. */
static struct amu_worker *
partition_idlest(struct amu *amu)
{
	struct amu_worker *best = &amu->workers[0];

	for (unsigned int n = 1; n < amu->num_workers; n++)
		if (amu->workers[n].load < best->load)
			best = &amu->workers[n];
	return best;
}

/** An AMI and its sessions move to another worker. */
static void
node_move(struct amu_node *node, struct amu_worker *from, struct amu_worker *to)
{
	unsigned int num_ams = to->amu->config.num_ams;

	from->load--;
	to->load++;
	if (from == to)
		return;
	if (node->ami_sw != NULL)
		ami_sw_move(node->ami_sw, from, to);
	else
		ami_hw_move(node->ami_hw, from, to);
	for (unsigned int n = 0; n < num_ams; n++) {
		struct asn *tx = node->ami_sw != NULL ? node->ami_sw->tx[n].asn :
							node->ami_hw->tx[n];
		struct asn *rx = node->ami_sw != NULL ? node->ami_sw->rx[n].asn :
							node->ami_hw->rx[n];

		if (tx != NULL)
			asn_move(tx, to);
		if (rx != NULL)
			asn_move(rx, to);
	}
}

static void
group_merge(struct amu_group *into, struct amu_group *from)
{
	struct amu_node *node;

	while ((node = TAILQ_FIRST(&from->nodes)) != NULL) {
		node_move(node, from->worker, into->worker);
		TAILQ_REMOVE(&from->nodes, node, link);
		node->group = into;
		TAILQ_INSERT_TAIL(&into->nodes, node, link);
		into->num++;
	}
	free(from);
}

static void
node_merge(struct amu_node *a, struct amu_node *b)
{
	if (a->group == b->group)
		return;
	if (a->group->num >= b->group->num)
		group_merge(a->group, b->group);
	else
		group_merge(b->group, a->group);
}

/** The AMI-HWs of equal affinity come together. */
static void
partition_affinity(struct amu *amu, struct amu_node *node)
{
	struct amu_partition *partition = amu->partition;
	const struct aha_ops *ops;
	struct affinity *grown;
	const void *value;
	unsigned int n;

	if (node->ami_hw == NULL || amu->num_workers == 1)
		return;
	ops = node->ami_hw->aha->ops;
	value = ops->affinity != NULL ? ops->affinity(node->ami_hw) : NULL;
	if (value == NULL)
		return;
	for (n = 0; n < partition->num && partition->affinities[n].value != value; n++)
		;
	if (n == partition->num) {
		grown = realloc(partition->affinities, (n + 1) * sizeof(*grown));
		if (grown == NULL)
			return;
		partition->affinities = grown;
		partition->num++;
		grown[n].value = value;
		grown[n].node = node;
	} else if (partition->affinities[n].node == NULL) {
		partition->affinities[n].node = node;
	} else {
		node_merge(partition->affinities[n].node, node);
	}
}

struct amu_worker *
partition_use(struct amu *amu, struct amu_node *node)
{
	if (node->group == NULL) {
		node->group = calloc(1, sizeof(*node->group));
		if (node->group == NULL)
			return NULL;
		TAILQ_INIT(&node->group->nodes);
		TAILQ_INSERT_TAIL(&node->group->nodes, node, link);
		node->group->num = 1;
		node->group->worker = partition_idlest(amu);
		node->group->worker->load++;
		partition_affinity(amu, node);
	}
	node->uses++;
	return node->group->worker;
}

void
partition_unuse(struct amu *amu, struct amu_node *node)
{
	struct amu_partition *partition = amu->partition;

	if (--node->uses > 0)
		return;
	for (unsigned int n = 0; node->ami_hw != NULL && n < partition->num; n++)
		if (partition->affinities[n].node == node)
			partition->affinities[n].node = NULL;
	node->group->worker->load--;
	node_drop(node);
}

static struct amu_node *
asn_src_node(const struct asn *asn)
{
	return asn->src_ams != NULL ? &asn->src_ams->ami_sw->node : &asn->src_hw->node;
}

static struct amu_node *
asn_dst_node(const struct asn *asn)
{
	return asn->dst_ams != NULL ? &asn->dst_ams->ami_sw->node : &asn->dst_hw->node;
}

struct amu_worker *
partition_join(struct amu *amu, struct asn *asn)
{
	struct amu_node *src = asn_src_node(asn), *dst = asn_dst_node(asn);

	if (partition_use(amu, src) == NULL)
		return NULL;
	if (partition_use(amu, dst) == NULL) {
		partition_unuse(amu, src);
		return NULL;
	}
	node_merge(src, dst);
	return src->group->worker;
}

void
partition_leave(struct amu *amu, struct asn *asn)
{
	partition_unuse(amu, asn_src_node(asn));
	partition_unuse(amu, asn_dst_node(asn));
}
