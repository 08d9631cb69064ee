/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Contexts of agents (AMI-HW): mapped, enabled, reset, and given back. */


#include "ami_private.h"

/* One AMI_HW_ID: 0, -EEXIST it is somebody else's, or another errno. */
static int
map_id(struct revere_ami_hw *ami_hw)
{
	struct rvr_pf_ami_hw_map_req req = {
		.aha_id = ami_hw->aha_id,
		.any_phy_ami_hw = 1,
		.ami_hw_id = ami_hw->id,
	};
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_ami_hw_map_rsp rsp;
	int status, ret;

	rvr_pf_ami_hw_map_req_encode(request, &req, RVR_STATUS_OK);
	status = ami_mgt_status(ami_hw->dev, request, response);
	if (status < 0)
		return status;
	ret = revere_status_errno(RVR_PF_AMI_HW_MAP, (uint16_t)status);
	if (ret < 0 && ret != -EEXIST && ret != -ENOSPC)
		AMI_LOG(ERR, ami_hw->dev, "AMI-HW %u of agent %u can't be mapped: %s", ami_hw->id,
			ami_hw->aha_id, revere_status_text(RVR_PF_AMI_HW_MAP, (uint16_t)status));
	if (ret < 0)
		return ret;
	rvr_pf_ami_hw_map_rsp_decode(response, &rsp);
	ami_hw->phy_id = (uint16_t)rsp.phy_ami_hw_id;
	return 0;
}

/* Takes the lowest id that works; one that is somebody else's stays taken. */
static int
take_id(struct revere_ami_hw *ami_hw)
{
	struct revere_dev *dev = ami_hw->dev;
	uint32_t id;
	int ret;

	for (;;) {
		ret = ami_idset_get(&dev->ami_hw_ids, &id);
		if (ret < 0)
			return ret;
		ami_hw->id = (uint16_t)id;
		ret = map_id(ami_hw);
		if (ret == 0)
			return 0;
		if (ret == -EEXIST)
			continue;
		ami_idset_put(&dev->ami_hw_ids, id);
		return ret;
	}
}

/* One that the PF has mapped. */
static int
take_given(struct revere_ami_hw *ami_hw)
{
	struct given_end end = { 0 };
	int ret = ami_given_ami_hw(ami_hw->dev, ami_hw->aha_id, &end);

	ami_hw->id = end.id;
	ami_hw->phy_id = end.phy_id;
	return ret;
}

/* Logs one line if it fails; what commands failed by has been logged. */
static int
map(struct revere_ami_hw *ami_hw)
{
	struct revere_dev *dev = ami_hw->dev;
	int ret;

	ret = dev->vf ? take_given(ami_hw) : take_id(ami_hw);
	if (ret == -ENOSPC)
		AMI_LOG(ERR, dev, "no AMI-HW of agent %u is left%s", ami_hw->aha_id,
			dev->vf ? " of those that the PF has given" : "");
	return ret;
}

static void
unmap(struct revere_ami_hw *ami_hw)
{
	struct rvr_pf_ami_hw_unmap_req req = {
		.phy_ami_hw_id = ami_hw->phy_id,
		.aha_id = ami_hw->aha_id,
	};

	if (ami_hw->dev->vf)
		return;
	if (ami_mgt_usable(ami_hw->dev))
		revere_pf_ami_hw_unmap(ami_hw->dev, &req, NULL);
	ami_idset_put(&ami_hw->dev->ami_hw_ids, ami_hw->id);
}

static int
disable_and_reset(struct revere_ami_hw *ami_hw)
{
	struct rvr_f_ami_hw_disable_req disable = { .ami_hw_id = ami_hw->id };
	struct rvr_f_ami_hw_reset_req reset = { .ami_hw_id = ami_hw->id };
	int ret = revere_f_ami_hw_disable(ami_hw->dev, &disable, NULL);

	return ret < 0 ? ret : revere_f_ami_hw_reset(ami_hw->dev, &reset, NULL);
}

static int
configure(struct revere_ami_hw *ami_hw)
{
	struct rvr_f_ami_hw_configure_req req = {
		.ami_hw_id = ami_hw->id,
		.pasid = ami_hw->conf.pasid,
		.pasid_enabled = ami_hw->conf.pasid_enabled,
	};

	/* Reset has done it already for one without. */
	return req.pasid_enabled ? revere_f_ami_hw_configure(ami_hw->dev, &req, NULL) : 0;
}

static int
restart(struct revere_ami_hw *ami_hw)
{
	struct rvr_f_ami_hw_enable_req enable = { .ami_hw_id = ami_hw->id };
	int ret = disable_and_reset(ami_hw);

	if (ret == 0)
		ret = configure(ami_hw);
	return ret < 0 ? ret : revere_f_ami_hw_enable(ami_hw->dev, &enable, NULL);
}

int
revere_ami_hw_create(struct revere_dev *dev, uint16_t aha_id, struct revere_ami_hw **ami_hw)
{
	struct revere_ami_hw *created = calloc(1, sizeof(*created));
	int ret;

	if (created == NULL)
		return -ENOMEM;
	created->dev = dev;
	created->aha_id = aha_id;
	pthread_mutex_lock(&dev->lock);
	ret = map(created);
	if (ret == 0) {
		ret = restart(created);
		if (ret < 0)
			unmap(created);
	}
	if (ret == 0) {
		TAILQ_INSERT_TAIL(&dev->ami_hws, created, next);
		*ami_hw = created;
	} else {
		free(created);
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

void
revere_ami_hw_destroy(struct revere_ami_hw *ami_hw)
{
	struct revere_dev *dev;

	if (ami_hw == NULL)
		return;
	dev = ami_hw->dev;
	pthread_mutex_lock(&dev->lock);
	if (ami_mgt_usable(dev))
		disable_and_reset(ami_hw);
	unmap(ami_hw);
	TAILQ_REMOVE(&dev->ami_hws, ami_hw, next);
	free(ami_hw);
	pthread_mutex_unlock(&dev->lock);
}

int
revere_ami_hw_configure(struct revere_ami_hw *ami_hw, const struct revere_ami_hw_conf *conf)
{
	int ret = 0;

	if (conf->pasid_enabled)
		ret = ami_dev_pasid_check(ami_hw->dev, "AMI-HW", conf->pasid);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&ami_hw->dev->lock);
	ami_hw->conf = *conf;
	ret = restart(ami_hw);
	pthread_mutex_unlock(&ami_hw->dev->lock);
	return ret;
}

int
revere_ami_hw_reset(struct revere_ami_hw *ami_hw)
{
	int ret;

	pthread_mutex_lock(&ami_hw->dev->lock);
	ret = restart(ami_hw);
	pthread_mutex_unlock(&ami_hw->dev->lock);
	return ret;
}

uint16_t
revere_ami_hw_phy_id(const struct revere_ami_hw *ami_hw)
{
	return ami_hw->phy_id;
}

uint16_t
revere_ami_hw_aha_id(const struct revere_ami_hw *ami_hw)
{
	return ami_hw->aha_id;
}

uint16_t
revere_ami_hw_id(const struct revere_ami_hw *ami_hw)
{
	return ami_hw->id;
}
