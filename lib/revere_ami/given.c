/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What a VF was given: it maps nothing and connects nothing, its PF does. The device lists the
 * sessions that end at the VF's AMIs; contexts, agents and sessions are found there.
 */

#include <rte_memory.h>

#include "ami_private.h"

/* ASN_ID has 21 bits in PF-PROBE: what is beyond is no list but a device gone wild. */
#define GIVEN_MAX (UINT32_C(1) << 21)
/*
 * A device that doesn't know of the list writes the map of AMIs instead: room for the longest,
 * with every AMI_HW_ID that there can be.
 */
#define AMI_MAP_SIZE(info)                                                                     \
	(sizeof(struct rvr_ami_map_header) +                                                   \
	 sizeof(struct rvr_ami_map_entry) * ((info)->ami_per_function + AMI_HW_IDS))

/* ---- Reading the list ----------------------------------------------------------------------- */

static struct given_end
given_end(const struct rvr_session_map_end *end)
{
	return (struct given_end){
		.id = rvr_le16_cpu(end->id),
		.aha_id = rvr_le16_cpu(end->aha_id),
		.kind = rvr_le16_cpu(end->kind),
		.phy_id = rvr_le16_cpu(end->phy_id),
		.ams = end->ams,
	};
}

/* One page, appended. @return entries, or a negative errno */
static int
read_page(struct revere_dev *dev, const struct ami_mem *mem, uint32_t page)
{
	struct rvr_f_get_ami_map_req req = { .ami_map_base = mem->iova };
	const struct rvr_session_map_header *header = mem->va;
	const struct rvr_session_map_entry *entry = RTE_PTR_ADD(mem->va, sizeof(*header));
	uint8_t request[RVR_MGT_MSG_SIZE];
	struct given *grown;
	uint32_t count, i;
	int ret;

	rvr_f_get_ami_map_req_encode(request, &req, RVR_STATUS_OK);
	rvr_msg_put(request, RVR_SESSION_MAP_MAGIC_OFFSET, 31, 0, RVR_SESSION_MAP_MAGIC);
	rvr_msg_put(request, RVR_SESSION_MAP_PAGE_OFFSET, 31, 0, page);
	ret = revere_mgt_exec(dev, request, request);
	if (ret < 0)
		return ret;
	count = rvr_le32_cpu(header->count);
	if (rvr_msg_status(request) != RVR_STATUS_OK ||
		rvr_le32_cpu(header->magic) != RVR_SESSION_MAP_MAGIC ||
		count > RVR_SESSION_MAP_ENTRIES)
		return -ENOTSUP;
	grown = realloc(dev->given, (dev->num_given + count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	dev->given = grown;
	for (i = 0; i < count; i++)
		dev->given[dev->num_given++] = (struct given){
			.asn_id = rvr_le32_cpu(entry[i].asn_id),
			.log2_msg_length = entry[i].log2_msg_length,
			.prio = entry[i].prio,
			.src = given_end(&entry[i].src),
			.dst = given_end(&entry[i].dst),
		};
	return (int)count;
}

/* The list as it is now: a PF may give at any time. */
static int
given_read(struct revere_dev *dev)
{
	struct ami_mem mem;
	uint32_t page;
	int ret;

	ret = ami_mem_alloc(&mem, AMI_MAP_SIZE(&dev->info), RVR_SESSION_MAP_SIZE, SOCKET_ID_ANY);
	if (ret < 0)
		return ret;
	dev->num_given = 0;
	for (page = 0; dev->num_given < GIVEN_MAX; page++) {
		ret = read_page(dev, &mem, page);
		if (ret < (int)RVR_SESSION_MAP_ENTRIES)
			break;
	}
	/* A device that didn't answer may still write. */
	if (dev->mgt.dirty)
		ami_dev_limbo(dev, &mem);
	ami_mem_free(&mem);
	if (ret < 0)
		AMI_LOG(ERR, dev, "the device doesn't tell which sessions this VF was given: %s",
			strerror(-ret));
	return ret < 0 ? ret : 0;
}

void
ami_given_fini(struct revere_dev *dev)
{
	free(dev->given);
}

/* ---- Looking things up ---------------------------------------------------------------------- */

static bool
is_agent(const struct given_end *end)
{
	return end->aha_id != RVR_AMI_MAP_AMI_SW && end->id != RVR_SESSION_MAP_FOREIGN;
}

static bool
is_software(const struct given_end *end)
{
	return end->aha_id == RVR_AMI_MAP_AMI_SW && end->id != RVR_SESSION_MAP_FOREIGN;
}

/* The agent's end of a session and the other one, NULL: none is an agent's of the VF. */
static const struct given_end *
agent_end(const struct given *given, const struct given_end **other)
{
	*other = is_agent(&given->src) ? &given->dst : &given->src;
	if (is_agent(&given->src))
		return &given->src;
	return is_agent(&given->dst) ? &given->dst : NULL;
}

int
ami_given_aha(struct revere_dev *dev, unsigned int kind, unsigned int nth)
{
	const struct given_end *agent, *other;
	uint32_t i, next = 0;
	int found = given_read(dev);

	if (found < 0)
		return found;
	/* By AHA_ID, each once. */
	for (;; nth--) {
		found = -ENOENT;
		for (i = 0; i < dev->num_given; i++) {
			agent = agent_end(&dev->given[i], &other);
			if (agent != NULL && agent->kind == kind && agent->aha_id >= next &&
				(found < 0 || agent->aha_id < found))
				found = agent->aha_id;
		}
		if (found < 0 || nth == 0)
			return found;
		next = (uint32_t)found + 1;
	}
}

unsigned int
ami_given_kind(struct revere_dev *dev, uint16_t aha_id)
{
	const struct given_end *agent, *other;
	uint32_t i;

	if (given_read(dev) < 0)
		return RVR_AHA_NONE;
	for (i = 0; i < dev->num_given; i++) {
		agent = agent_end(&dev->given[i], &other);
		if (agent != NULL && agent->aha_id == aha_id)
			return agent->kind;
	}
	return RVR_AHA_NONE;
}

bool
ami_given_connected(struct revere_dev *dev, uint16_t ami_sw_id,
	const struct revere_agent_socket *agent)
{
	const struct given *given;
	uint32_t i;

	for (i = 0; i < dev->num_given; i++) {
		given = &dev->given[i];
		if (is_software(&given->src) && given->src.id == ami_sw_id &&
			is_agent(&given->dst) && given->dst.aha_id == agent->aha_id &&
			given->dst.ams == agent->ams)
			return true;
	}
	return false;
}

int
ami_given_refresh(struct revere_dev *dev)
{
	return given_read(dev);
}

static bool
ami_hw_used(struct revere_dev *dev, uint16_t id)
{
	struct revere_ami_hw *ami_hw;

	TAILQ_FOREACH(ami_hw, &dev->ami_hws, next)
		if (ami_hw->id == id)
			return true;
	return false;
}

static bool
ami_sw_used(struct revere_dev *dev, const struct given_end *end)
{
	struct revere_ami_sw *ami_sw;

	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		if (is_software(end) && ami_sw->id == end->id)
			return true;
	return false;
}

int
ami_given_ami_hw(struct revere_dev *dev, uint16_t aha_id, struct given_end *end)
{
	const struct given_end *agent, *other, *found = NULL;
	int ret = given_read(dev);
	uint32_t i;

	for (i = 0; ret == 0 && i < dev->num_given; i++) {
		agent = agent_end(&dev->given[i], &other);
		if (agent == NULL || agent->aha_id != aha_id || ami_hw_used(dev, agent->id))
			continue;
		/* Rather that which a context in use is connected with. */
		if (found == NULL || ami_sw_used(dev, other))
			found = agent;
		if (ami_sw_used(dev, other))
			break;
	}
	if (ret == 0 && found != NULL)
		*end = *found;
	return ret == 0 && found == NULL ? -ENOSPC : ret;
}

static bool
end_is(const struct given_end *given, const struct revere_asn_end *end)
{
	if (given->ams != end->ams)
		return false;
	if (end->ami_sw != NULL)
		return is_software(given) && given->id == end->ami_sw->id;
	return is_agent(given) && given->id == end->ami_hw->id;
}

static bool
asn_used(struct revere_dev *dev, uint32_t id)
{
	struct asn *asn;

	TAILQ_FOREACH(asn, &dev->asns, next)
		if (asn->id == id)
			return true;
	return false;
}

int
ami_given_asn(struct revere_dev *dev, const struct revere_asn_end *src,
	const struct revere_asn_end *dst, const struct revere_asn_conf *conf, uint32_t *id)
{
	const struct given *given;
	uint32_t i;
	int ret = given_read(dev);

	for (i = 0; ret == 0 && i < dev->num_given; i++) {
		given = &dev->given[i];
		if (!end_is(&given->src, src) || !end_is(&given->dst, dst) ||
			asn_used(dev, given->asn_id))
			continue;
		if (given->log2_msg_length == conf->log2_msg_length) {
			*id = given->asn_id;
			return 0;
		}
		AMI_LOG(ERR, dev, "session %u that the PF made has messages of 2^%u DW, 2^%u are "
			"needed", given->asn_id, given->log2_msg_length, conf->log2_msg_length);
		return -ERANGE;
	}
	if (ret == 0)
		AMI_LOG(ERR, dev, "the PF has given this VF no session from %s %u socket %u to %s "
			"%u socket %u", src->ami_sw != NULL ? "AMI-SW" : "AMI-HW",
			src->ami_sw != NULL ? src->ami_sw->id : src->ami_hw->id, src->ams,
			dst->ami_sw != NULL ? "AMI-SW" : "AMI-HW",
			dst->ami_sw != NULL ? dst->ami_sw->id : dst->ami_hw->id, dst->ams);
	return ret < 0 ? ret : -ENOENT;
}
