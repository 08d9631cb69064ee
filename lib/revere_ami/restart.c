/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * After a reset that nobody here asked for, or when commands get no responses: management, what a
 * PF maps and connects, and agents' contexts are made anew, with the ids that they had. Contexts of
 * software wait for who uses them.
 */

#include <stdatomic.h>

#include "ami_private.h"

#define VF_TIMEOUT_MS 1000

/*
 * Whether management isn't what it was set up to be: no responses come any more, a command was
 * waited for and not even taken, a reset has cleared the command ring's address, or a restart got
 * no further than management. Who sends a command at this moment will find out.
 */
static bool
management_is_lost(struct revere_dev *dev)
{
	uint64_t base;
	bool lost;

	if (pthread_mutex_trylock(&dev->lock) != 0)
		return false;
	base = dev_read(dev, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_COMMAND);
	/* Ones: it isn't there any more, which is another matter. */
	lost = base != UINT64_MAX && (dev->unfinished || dev->mgt.broken ||
				      base != dev->mgt.command.mem.iova || ami_mgt_stuck(dev));
	pthread_mutex_unlock(&dev->lock);
	return lost;
}

bool
revere_dev_is_lost(struct revere_dev *dev)
{
	if (!dev->enabled || revere_transport_gone(dev->transport))
		return false;
	/* Management of such a Function is the service's affair, its restart too. */
	if (dev->transport->ops->mgt_exec != NULL)
		return false;
	/* AMU_EN is the PF's. */
	if (!dev->vf && rvr_get(dev_read(dev, RVR_AMU_CR), RVR_AMU_CR_AMU_EN) == 0)
		return true;
	return management_is_lost(dev);
}

uint32_t
revere_dev_restarts(const struct revere_dev *dev)
{
	return atomic_load_explicit(&dev->restarts, memory_order_acquire);
}

/* ---- What a PF maps and connects ------------------------------------------------------------ */

static int
map_sw(struct revere_dev *dev, uint16_t phy_id, uint16_t id, uint16_t function)
{
	const struct rvr_pf_ami_sw_map_req req = {
		.phy_ami_sw_id = phy_id,
		.ami_sw_id = id,
		.f_owner = function,
	};

	return revere_pf_ami_sw_map(dev, &req, NULL);
}

static int
map_hw(struct revere_dev *dev, const struct revere_ami_hw *ami_hw, uint16_t function)
{
	const struct rvr_pf_ami_hw_map_req req = {
		.aha_id = ami_hw->aha_id,
		.phy_ami_hw_id = ami_hw->phy_id,
		.ami_hw_id = ami_hw->id,
		.f_owner = function,
	};

	return revere_pf_ami_hw_map(dev, &req, NULL);
}

int
ami_gift_map(struct revere_dev *dev, uint16_t vf, const struct revere_ami_sw *ami_sw,
	const struct revere_ami_hw *ami_hw)
{
	int ret = revere_vf_enable(dev, vf, true);

	if (ret == 0)
		ret = map_sw(dev, ami_sw->phy_id, ami_sw->id, vf);
	return ret == 0 ? map_hw(dev, ami_hw, vf) : ret;
}

static int
map_all(struct revere_dev *dev)
{
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	struct asn *asn;
	int ret = 0;

	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		if (ret == 0)
			ret = map_sw(dev, ami_sw->phy_id, ami_sw->id, 0);
	TAILQ_FOREACH(ami_hw, &dev->ami_hws, next)
		if (ret == 0)
			ret = map_hw(dev, ami_hw, 0);
	if (ret == 0)
		ret = ami_gifts_map(dev);
	TAILQ_FOREACH(asn, &dev->asns, next)
		if (ret == 0)
			ret = ami_asn_restore(dev, asn);
	return ret;
}

/* ---- The Function --------------------------------------------------------------------------- */

/* A VF takes commands when its PF has restarted, for which nobody shall have to wait long. */
static int
first_command(struct revere_dev *dev)
{
	uint32_t timeout_ms = dev->mgt.timeout_ms;
	int ret;

	if (dev->vf)
		dev->mgt.timeout_ms = RTE_MIN(timeout_ms, (uint32_t)VF_TIMEOUT_MS);
	ret = revere_f_probe(dev, NULL, NULL);
	dev->mgt.timeout_ms = timeout_ms;
	return ret;
}

static int
restart(struct revere_dev *dev)
{
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	int ret = dev->transport->ops->reset(dev->transport);

	if (ret < 0)
		return ret;
	/* Nothing of it runs now, whoever enables it again. */
	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		ami_sw->enabled = false;
	ret = ami_dev_enable(dev);
	if (ret == 0)
		ret = first_command(dev);
	if (ret == 0 && !dev->vf)
		ret = map_all(dev);
	TAILQ_FOREACH(ami_hw, &dev->ami_hws, next)
		if (ret == 0)
			ret = revere_ami_hw_reset(ami_hw);
	return ret;
}

int
revere_dev_restart(struct revere_dev *dev)
{
	int ret = 0;

	pthread_mutex_lock(&dev->exception_lock);
	pthread_mutex_lock(&dev->lock);
	/* Somebody else may have done it meanwhile. */
	if (revere_dev_is_lost(dev)) {
		AMI_LOG(WARNING, dev, "%s was reset, or executes no commands (ERROR_STATE %#x): it "
			"is restarted", dev->vf ? "the VF" : "the device", revere_error_state(dev));
		ret = restart(dev);
		dev->unfinished = ret != 0;
		if (ret == 0)
			atomic_fetch_add_explicit(&dev->restarts, 1, memory_order_release);
		else
			AMI_LOG(ERR, dev, "it can't be restarted: %s", strerror(-ret));
	}
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_unlock(&dev->exception_lock);
	return ret;
}
