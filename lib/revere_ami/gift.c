/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* The PF's side of VFs: enabling them, and giving them contexts with their sessions. */

#include "ami_private.h"

struct revere_vf_gift {
	TAILQ_ENTRY(revere_vf_gift) next;
	struct revere_dev *dev;
	uint16_t vf;
	/* Ends for revere_asn_create(), which takes physical IDs from them; the VF drives them. */
	struct revere_ami_sw ami_sw;
	struct revere_ami_hw ami_hw;
	bool sw_mapped, hw_mapped;
	unsigned int num_asns;
	uint32_t asn_ids[];
};

int
revere_vf_enable(struct revere_dev *dev, uint16_t vf, bool enable)
{
	struct rvr_pf_f_enable_req on = { .f_owner = vf };
	struct rvr_pf_f_disable_req off = { .f_owner = vf };

	return enable ? revere_pf_f_enable(dev, &on, NULL) : revere_pf_f_disable(dev, &off, NULL);
}

/* Sends @p request for ids from @p start on, around, until one isn't assigned in the VF: the id. */
static int
map_free_id(struct revere_dev *dev, uint32_t start, uint32_t ids, uint16_t assigned,
	void (*encode)(uint8_t *request, uint32_t id, const void *arg), const void *arg,
	uint8_t *response)
{
	uint8_t request[RVR_MGT_MSG_SIZE];
	uint32_t id, i;
	int status;

	for (i = 0; i < ids; i++) {
		id = (start + i) % ids;
		encode(request, id, arg);
		status = ami_mgt_status(dev, request, response);
		if (status == 0)
			return (int)id;
		if (status != assigned)
			return status < 0 ? status :
				revere_status_errno(rvr_msg_opcode(request), (uint16_t)status);
	}
	return -ENOSPC;
}

struct map_arg {
	uint16_t vf, aha_id;
};

static void
encode_sw(uint8_t *request, uint32_t id, const void *arg)
{
	const struct map_arg *map = arg;
	struct rvr_pf_ami_sw_map_req req = {
		.any_phy_ami_sw = 1, .ami_sw_id = id, .f_owner = map->vf,
	};

	rvr_pf_ami_sw_map_req_encode(request, &req, RVR_STATUS_OK);
}

static void
encode_hw(uint8_t *request, uint32_t id, const void *arg)
{
	const struct map_arg *map = arg;
	struct rvr_pf_ami_hw_map_req req = {
		.any_phy_ami_hw = 1, .aha_id = map->aha_id, .ami_hw_id = id, .f_owner = map->vf,
	};

	rvr_pf_ami_hw_map_req_encode(request, &req, RVR_STATUS_OK);
}

static int
map_both(struct revere_vf_gift *gift, const struct map_arg *map)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_ami_sw_map_rsp sw;
	struct rvr_pf_ami_hw_map_rsp hw;
	const struct revere_vf_gift *last;
	uint32_t sw_start = 0, hw_start = 0;
	int ret;

	last = TAILQ_PREV(gift, gift_list, next);
	if (last != NULL && last->vf == map->vf) {
		sw_start = last->ami_sw.id + 1u;
		hw_start = last->ami_hw.id + 1u;
	}
	ret = map_free_id(gift->dev, sw_start, gift->dev->info.ami_per_function,
		RVR_ST_PF_AMI_SW_MAP_AMI_SW_ASSIGNED, encode_sw, map, response);
	if (ret < 0)
		return ret;
	rvr_pf_ami_sw_map_rsp_decode(response, &sw);
	gift->ami_sw.id = (uint16_t)ret;
	gift->ami_sw.phy_id = (uint16_t)sw.phy_ami_sw_id;
	gift->sw_mapped = true;
	ret = map_free_id(gift->dev, hw_start, AMI_HW_IDS,
		RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED, encode_hw, map, response);
	if (ret < 0)
		return ret;
	rvr_pf_ami_hw_map_rsp_decode(response, &hw);
	gift->ami_hw.id = (uint16_t)ret;
	gift->ami_hw.phy_id = (uint16_t)hw.phy_ami_hw_id;
	gift->ami_hw.aha_id = map->aha_id;
	gift->hw_mapped = true;
	return 0;
}

static int
connect_one(struct revere_vf_gift *gift, const struct revere_vf_session *session)
{
	const struct revere_asn_end sw = { .ami_sw = &gift->ami_sw, .ams = session->sw_ams };
	const struct revere_asn_end hw = { .ami_hw = &gift->ami_hw, .ams = session->hw_ams };
	const struct revere_asn_conf conf = {
		.log2_msg_length = session->log2_msg_length,
		.prio = session->prio,
	};
	int ret = session->to_agent ? revere_asn_create(gift->dev, &sw, &hw, &conf) :
		revere_asn_create(gift->dev, &hw, &sw, &conf);

	if (ret >= 0)
		gift->asn_ids[gift->num_asns++] = (uint32_t)ret;
	return RTE_MIN(ret, 0);
}

int
revere_vf_give(struct revere_dev *dev, uint16_t vf, uint16_t aha_id,
	const struct revere_vf_session *sessions, unsigned int num, struct revere_vf_gift **gift)
{
	const struct map_arg map = { .vf = vf, .aha_id = aha_id };
	struct revere_vf_gift *given;
	unsigned int i;
	int ret;

	if (dev->vf) {
		AMI_LOG(ERR, dev, "a VF can't give contexts to VF %u, the PF does", vf);
		return -ENOTSUP;
	}
	given = calloc(1, sizeof(*given) + num * sizeof(given->asn_ids[0]));
	if (given == NULL)
		return -ENOMEM;
	given->dev = dev;
	given->vf = vf;
	pthread_mutex_lock(&dev->lock);
	TAILQ_INSERT_TAIL(&dev->gifts, given, next);
	ret = map_both(given, &map);
	if (ret < 0)
		AMI_LOG(ERR, dev, "no contexts for VF %u with agent %u: %s", vf, aha_id,
			strerror(-ret));
	for (i = 0; i < num && ret == 0; i++)
		ret = connect_one(given, &sessions[i]);
	if (ret < 0)
		revere_vf_take(given);
	else
		*gift = given;
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

int
ami_gifts_map(struct revere_dev *dev)
{
	const struct revere_vf_gift *gift;
	int ret = 0;

	TAILQ_FOREACH(gift, &dev->gifts, next)
		if (ret == 0)
			ret = ami_gift_map(dev, gift->vf, &gift->ami_sw, &gift->ami_hw);
	return ret;
}

void
revere_vf_take(struct revere_vf_gift *gift)
{
	struct rvr_pf_ami_hw_unmap_req hw;
	struct rvr_pf_ami_sw_unmap_req sw;
	struct revere_dev *dev;
	unsigned int i;

	if (gift == NULL)
		return;
	dev = gift->dev;
	hw = (struct rvr_pf_ami_hw_unmap_req){
		.phy_ami_hw_id = gift->ami_hw.phy_id, .aha_id = gift->ami_hw.aha_id,
	};
	sw = (struct rvr_pf_ami_sw_unmap_req){ .phy_ami_sw_id = gift->ami_sw.phy_id };
	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < gift->num_asns; i++)
		revere_asn_destroy(dev, gift->asn_ids[i]);
	if (gift->hw_mapped && ami_mgt_usable(dev))
		revere_pf_ami_hw_unmap(dev, &hw, NULL);
	if (gift->sw_mapped && ami_mgt_usable(dev))
		revere_pf_ami_sw_unmap(dev, &sw, NULL);
	TAILQ_REMOVE(&dev->gifts, gift, next);
	free(gift);
	pthread_mutex_unlock(&dev->lock);
}
