/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Sessions (ASN) between sockets of contexts. */


#include "ami_private.h"

static int
check_end(struct revere_dev *dev, const struct revere_asn_end *end, enum rvr_ams_type type)
{
	const char *what = type == RVR_AMS_TX ? "source" : "destination";
	unsigned int num = dev_num_ams(dev, type);

	if ((end->ami_sw == NULL) == (end->ami_hw == NULL)) {
		AMI_LOG(ERR, dev, "a session's %s is an AMI-SW or an AMI-HW, one of them", what);
		return -EINVAL;
	}
	if (end->ams >= num) {
		AMI_LOG(ERR, dev, "session's %s: no socket %u, the device has %u", what, end->ams,
			num);
		return -ERANGE;
	}
	return 0;
}

static int
check(struct revere_dev *dev, const struct revere_asn_end *src, const struct revere_asn_end *dst,
	const struct revere_asn_conf *conf)
{
	const struct revere_dev_info *info = &dev->info;
	int ret = check_end(dev, src, RVR_AMS_TX);

	if (ret == 0)
		ret = check_end(dev, dst, RVR_AMS_RX);
	if (ret == 0 && (conf->log2_msg_length < info->min_log2_msg_length ||
		conf->log2_msg_length > info->max_log2_msg_length)) {
		AMI_LOG(ERR, dev, "session for messages of 2^%u DW, 2^%u to 2^%u are possible",
			conf->log2_msg_length, info->min_log2_msg_length,
			info->max_log2_msg_length);
		ret = -ERANGE;
	}
	return ret;
}

static struct asn_point
point(const struct revere_asn_end *end)
{
	if (end->ami_sw != NULL)
		return (struct asn_point){
			.type = RVR_END_AMI_SW,
			.ams = end->ams,
			.id = revere_ami_sw_id(end->ami_sw),
			.phy_id = revere_ami_sw_phy_id(end->ami_sw),
		};
	return (struct asn_point){
		.type = RVR_END_AMI_HW,
		.ams = end->ams,
		.id = revere_ami_hw_id(end->ami_hw),
		.phy_id = revere_ami_hw_phy_id(end->ami_hw),
		.aha_id = revere_ami_hw_aha_id(end->ami_hw),
	};
}

static int
send_create(struct revere_dev *dev, const struct asn *asn, const struct revere_asn_conf *conf)
{
	struct rvr_pf_asn_create_req req = {
		.prio = conf->prio,
		.dst_ami_type = asn->dst.type,
		.src_ami_type = asn->src.type,
		.mon_owner = conf->mon_owner,
		.src_phy_ami_id = asn->src.phy_id,
		.src_aha_id = asn->src.aha_id,
		.dst_phy_ami_id = asn->dst.phy_id,
		.dst_aha_id = asn->dst.aha_id,
		.dst_ams = asn->dst.ams,
		.src_ams = asn->src.ams,
		.stash_enable = conf->stash_enable,
		.asn_id = asn->id,
		.stash_ctl = conf->stash_ctl,
		.prof_mask = conf->prof_mask,
		.prof_tbl_base = conf->prof_tbl_base,
		.prof_ctl = conf->prof_ctl,
		.trace_ctl = conf->trace_ctl,
		.stash_dest = conf->stash_dest,
		.mfo = conf->mfo,
		.mf_ob_buf_num = conf->mf_ob_buf_num,
		.log2_msg_length = conf->log2_msg_length,
	};
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];

	rvr_pf_asn_create_req_encode(request, &req, RVR_STATUS_OK);
	return ami_mgt_status(dev, request, response);
}

int
ami_asn_restore(struct revere_dev *dev, const struct asn *asn)
{
	int ret = send_create(dev, asn, &asn->conf);

	if (ret <= 0)
		return ret;
	AMI_LOG(ERR, dev, "session %u can't be made again: %s", asn->id,
		revere_status_text(RVR_PF_ASN_CREATE, (uint16_t)ret));
	return revere_status_errno(RVR_PF_ASN_CREATE, (uint16_t)ret);
}

/* Takes the lowest id that works; one that is somebody else's stays taken. */
static int
connect_ends(struct revere_dev *dev, struct asn *asn, const struct revere_asn_conf *conf)
{
	int ret;

	do {
		ret = ami_idset_get(&dev->asn_ids, &asn->id);
		if (ret < 0) {
			AMI_LOG(ERR, dev, "no session is left, the device has %u",
				dev->info.max_asn);
			return ret;
		}
		ret = send_create(dev, asn, conf);
	} while (ret == RVR_ST_PF_ASN_CREATE_ASN_IN_USE);
	if (ret == 0)
		return 0;
	ami_idset_put(&dev->asn_ids, asn->id);
	if (ret < 0)
		return ret;
	AMI_LOG(ERR, dev, "PF-ASN-CREATE of %s %u socket %u to %s %u socket %u was refused: %s "
		"(status %d)",
		asn->src.type == RVR_END_AMI_SW ? "AMI-SW" : "AMI-HW", asn->src.phy_id,
		asn->src.ams, asn->dst.type == RVR_END_AMI_SW ? "AMI-SW" : "AMI-HW",
		asn->dst.phy_id, asn->dst.ams,
		revere_status_text(RVR_PF_ASN_CREATE, (uint16_t)ret), ret);
	return revere_status_errno(RVR_PF_ASN_CREATE, (uint16_t)ret);
}

int
revere_asn_create(struct revere_dev *dev, const struct revere_asn_end *src,
	const struct revere_asn_end *dst, const struct revere_asn_conf *conf)
{
	struct asn *asn;
	int ret = check(dev, src, dst, conf);

	if (ret < 0)
		return ret;
	asn = calloc(1, sizeof(*asn));
	if (asn == NULL)
		return -ENOMEM;
	asn->src = point(src);
	asn->dst = point(dst);
	asn->conf = *conf;
	pthread_mutex_lock(&dev->lock);
	ret = dev->vf ? ami_given_asn(dev, src, dst, conf, &asn->id) :
		connect_ends(dev, asn, conf);
	if (ret == 0) {
		TAILQ_INSERT_TAIL(&dev->asns, asn, next);
		if (!dev->vf)
			dev->asn_by_id[asn->id] = asn;
		ret = (int)asn->id;
	} else {
		free(asn);
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static struct asn *
asn_find(struct revere_dev *dev, uint32_t asn_id)
{
	struct asn *asn;

	if (!dev->vf)
		return asn_id < dev->info.max_asn ? dev->asn_by_id[asn_id] : NULL;
	TAILQ_FOREACH(asn, &dev->asns, next)
		if (asn->id == asn_id)
			break;
	return asn;
}

/* The device's and the PF's part; a VF leaves a session as it found it. */
static int
disconnect(struct revere_dev *dev, uint32_t asn_id)
{
	struct rvr_pf_asn_destroy_req req = { .asn_id = asn_id };

	if (dev->vf)
		return 0;
	dev->asn_by_id[asn_id] = NULL;
	ami_idset_put(&dev->asn_ids, asn_id);
	return ami_mgt_usable(dev) ? revere_pf_asn_destroy(dev, &req, NULL) : -EIO;
}

int
revere_asn_destroy(struct revere_dev *dev, uint32_t asn_id)
{
	struct asn *asn;
	int ret = -ENOENT;

	pthread_mutex_lock(&dev->lock);
	asn = asn_find(dev, asn_id);
	if (asn == NULL) {
		AMI_LOG(ERR, dev, "no session %u to destroy", asn_id);
	} else {
		ret = disconnect(dev, asn_id);
		TAILQ_REMOVE(&dev->asns, asn, next);
		free(asn);
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}
