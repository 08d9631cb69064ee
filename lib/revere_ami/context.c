/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* A context with what belongs to it: the sessions of an AMI-SW and the AMI-HWs at their ends. */

#include "ami_private.h"

bool
ami_point_is_sw(const struct asn_point *point, const struct revere_ami_sw *ami_sw)
{
	return point->type == RVR_END_AMI_SW && point->id == ami_sw->id;
}

static bool
point_is_hw(const struct asn_point *point, const struct revere_ami_hw *ami_hw)
{
	return point->type == RVR_END_AMI_HW && point->id == ami_hw->id;
}

bool
ami_asn_is_of(const struct asn *asn, const struct revere_ami_sw *ami_sw)
{
	return ami_point_is_sw(&asn->src, ami_sw) || ami_point_is_sw(&asn->dst, ami_sw);
}

bool
ami_asn_is_of_hw(const struct asn *asn, const struct revere_ami_hw *ami_hw)
{
	return point_is_hw(&asn->src, ami_hw) || point_is_hw(&asn->dst, ami_hw);
}

/* Whether a session joins both. */
static bool
connected(const struct revere_ami_sw *ami_sw, const struct revere_ami_hw *ami_hw)
{
	const struct asn *asn;

	TAILQ_FOREACH(asn, &ami_sw->dev->asns, next)
		if (ami_asn_is_of(asn, ami_sw) && ami_asn_is_of_hw(asn, ami_hw))
			return true;
	return false;
}

unsigned int
revere_context_agents(struct revere_ami_sw *ami_sw, struct revere_ami_hw **ami_hws,
	unsigned int max)
{
	struct revere_dev *dev = ami_sw->dev;
	struct revere_ami_hw *ami_hw;
	unsigned int num = 0;

	pthread_mutex_lock(&dev->lock);
	TAILQ_FOREACH(ami_hw, &dev->ami_hws, next) {
		if (!connected(ami_sw, ami_hw))
			continue;
		if (num < max)
			ami_hws[num] = ami_hw;
		num++;
	}
	pthread_mutex_unlock(&dev->lock);
	return num;
}

static bool
hw_has_sessions(const struct revere_ami_hw *ami_hw)
{
	const struct asn *asn;

	TAILQ_FOREACH(asn, &ami_hw->dev->asns, next)
		if (ami_asn_is_of_hw(asn, ami_hw))
			return true;
	return false;
}

void
ami_context_disconnect(struct revere_ami_sw *ami_sw)
{
	struct revere_ami_hw *ami_hws[2 * RVR_AMS_MAX];
	struct revere_dev *dev = ami_sw->dev;
	struct asn *asn, *next;
	unsigned int num, i;

	num = revere_context_agents(ami_sw, ami_hws, RTE_DIM(ami_hws));
	for (asn = TAILQ_FIRST(&dev->asns); asn != NULL; asn = next) {
		next = TAILQ_NEXT(asn, next);
		if (ami_asn_is_of(asn, ami_sw))
			revere_asn_destroy(dev, asn->id);
	}
	for (i = 0; i < RTE_MIN(num, RTE_DIM(ami_hws)); i++)
		if (!hw_has_sessions(ami_hws[i]))
			revere_ami_hw_destroy(ami_hws[i]);
}

void
revere_context_release(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev;

	if (ami_sw == NULL)
		return;
	dev = ami_sw->dev;
	pthread_mutex_lock(&dev->lock);
	ami_context_disconnect(ami_sw);
	revere_ami_sw_destroy(ami_sw);
	pthread_mutex_unlock(&dev->lock);
}
