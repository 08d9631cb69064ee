/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts come to the device and leave it, as often as it takes, and their clients notice time
 * only. Configuration stands in the state, as clients have made it; messages are in clients'
 * memory; indices and masks are in the AMI-SW page, a file that stays when the AMI-SW is unmapped
 * and is the page of the next one. What agents know beyond that they have to keep themselves
 * (RVR_KEEP_MAGIC), without an AMI-HW; contexts of others are never parked.
 *
 * A process that dies within pfd_park() or pfd_restore() leaves `switching`, and the next one parks
 * the context: all steps can be done again.
 */

#include <string.h>

#include "pfd.h"

int
pfd_execute(struct pfd *pfd, const void *request)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	int ret = pfd->backend->command(pfd->arg, request, response);

	return ret < 0 ? ret : rvr_msg_status(response);
}

uint16_t
pfd_pasid_of(const struct pfd *pfd, uint16_t owner)
{
	return pfd->backend->isolates ? owner : 0;
}

/* ---- What belongs together ------------------------------------------------------------------- */

bool
pfd_asn_ends_at(const struct pfd *pfd, uint32_t id, uint64_t type, uint16_t end)
{
	const struct rvr_pf_asn_create_req *create = &pfd->state->asn[id].create;

	return (create->src_ami_type == type && create->src_phy_ami_id == end) ||
		(create->dst_ami_type == type && create->dst_phy_ami_id == end);
}

bool
pfd_asn_is_of(const struct pfd *pfd, uint32_t id, uint16_t ami_sw_id, int *ami_hw_id)
{
	const struct rvr_pf_asn_create_req *create = &pfd->state->asn[id].create;
	bool src = create->src_ami_type == RVR_END_AMI_SW && create->src_phy_ami_id == ami_sw_id;
	bool dst = create->dst_ami_type == RVR_END_AMI_SW && create->dst_phy_ami_id == ami_sw_id;

	*ami_hw_id = -1;
	if (src && create->dst_ami_type == RVR_END_AMI_HW)
		*ami_hw_id = (int)create->dst_phy_ami_id;
	else if (dst && create->src_ami_type == RVR_END_AMI_HW)
		*ami_hw_id = (int)create->src_phy_ami_id;
	return src || dst;
}

bool
pfd_ami_hw_joined(const struct pfd *pfd, uint16_t id, int *ami_sw_id)
{
	const struct pfd_state *state = pfd->state;
	uint16_t owner = state->ami_hw[id].owner;
	bool joined = false;
	uint32_t i;

	*ami_sw_id = -1;
	for (i = 0; i < state->asns; i++) {
		const struct rvr_pf_asn_create_req *create = &state->asn[i].create;
		bool src, dst;

		if (state->asn_owner[i] != owner)
			continue;
		src = create->src_ami_type == RVR_END_AMI_HW && create->src_phy_ami_id == id;
		dst = create->dst_ami_type == RVR_END_AMI_HW && create->dst_phy_ami_id == id;
		joined = joined || src || dst;
		if (src && create->dst_ami_type == RVR_END_AMI_SW)
			*ami_sw_id = (int)create->dst_phy_ami_id;
		else if (dst && create->src_ami_type == RVR_END_AMI_SW)
			*ami_sw_id = (int)create->src_phy_ami_id;
	}
	return joined;
}

/* Whether an AMI-HW is of no use but to this AMI-SW, and can be parked. */
static bool
is_part(const struct pfd *pfd, int ami_hw_id, uint16_t ami_sw_id)
{
	const struct pfd_state *state = pfd->state;
	uint16_t owner = state->ami_sw[ami_sw_id].owner;
	uint32_t i;
	int other;

	if (ami_hw_id < 0 || (!state->ami_hw[ami_hw_id].plain && !state->ami_hw[ami_hw_id].keeps))
		return false;
	for (i = 0; i < state->asns; i++) {
		if (state->asn_owner[i] == owner &&
			pfd_asn_ends_at(pfd, i, RVR_END_AMI_HW, (uint16_t)ami_hw_id) &&
			!pfd_asn_is_of(pfd, i, ami_sw_id, &other))
			return false;
	}
	return true;
}

bool
pfd_pinned(const struct pfd *pfd, bool ami_hw, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < pfd->num_pinned; i++)
		if (pfd->pinned[i].ami_hw == ami_hw && pfd->pinned[i].id == id)
			return true;
	return false;
}

bool
pfd_can_park(const struct pfd *pfd, uint16_t id)
{
	const struct pfd_state *state = pfd->state;
	uint32_t i;
	int hw;

	if (!state->ami_sw[id].taken || pfd_pinned(pfd, false, id))
		return false;
	for (i = 0; i < state->asns; i++) {
		if (state->asn_owner[i] != state->ami_sw[id].owner ||
			!pfd_asn_is_of(pfd, i, id, &hw))
			continue;
		if (!is_part(pfd, hw, id) || pfd_pinned(pfd, true, (uint32_t)hw))
			return false;
	}
	return true;
}

/* ---- Coming ---------------------------------------------------------------------------------- */

/* How many AMI-SWs the device has. */
static uint32_t
phy_ami_sws(struct pfd *pfd)
{
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_probe_rsp rsp;

	if (pfd->state->phy_ami_sws != 0)
		return pfd->state->phy_ami_sws;
	memset(request, 0, sizeof(request));
	rvr_msg_put(request, 0, 15, 0, RVR_PF_PROBE);
	if (pfd->backend->command(pfd->arg, request, response) < 0)
		return 0;
	rvr_pf_probe_rsp_decode(response, &rsp);
	pfd->state->phy_ami_sws = rsp.max_ami_sw < PFD_IDS ? (uint32_t)rsp.max_ami_sw : PFD_IDS - 1;
	return pfd->state->phy_ami_sws;
}

bool
pfd_ami_sw_free(struct pfd *pfd)
{
	uint32_t phy_id, num = phy_ami_sws(pfd);

	for (phy_id = 0; phy_id < num; phy_id++)
		if (!pfd->state->phy_ami_sw[phy_id])
			return true;
	return false;
}

/* As a rule that is what the device says of an ID that it doesn't have. */
static int
none_left(struct pfd *pfd, int aha_id)
{
	pfd->lacks = true;
	pfd->lacking = aha_id;
	return RVR_STATUS_OTHER;
}

/* Maps any physical AMI-SW, reset. */
static int
map_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	struct pfd_ami_sw *ami_sw = &state->ami_sw[id];
	uint32_t phy_id, num = phy_ami_sws(pfd);
	int ret;

	pfd->lacks = false;
	for (phy_id = 0; phy_id < num; phy_id++) {
		if (state->phy_ami_sw[phy_id])
			continue;
		/* What is left of another client is cleared; it fails if a VF has it. */
		PFD_EXECUTE(pfd, pf_ami_sw_reset, .phy_ami_sw_id = phy_id);
		ami_sw->phy_id = (uint16_t)phy_id;
		__atomic_store_n(&ami_sw->taken, true, __ATOMIC_SEQ_CST);
		ret = PFD_EXECUTE(pfd, pf_ami_sw_map, .phy_ami_sw_id = phy_id,
			.ami_sw_id = phy_id);
		ami_sw->taken = ret == 0;
		state->phy_ami_sw[phy_id] = ret == 0;
		state->device_ami_sw[phy_id] = ret == 0 ? (uint16_t)(id + 1) : 0;
		if (ret != RVR_ST_PF_AMI_SW_MAP_PHY_AMI_SW_MAPPED)
			return ret == RVR_STATUS_OTHER ? none_left(pfd, -1) : ret;
	}
	return none_left(pfd, -1);
}

static int
configure_rings(struct pfd *pfd, uint16_t id)
{
	const struct pfd_conf *conf = &pfd->state->conf[id];
	unsigned int type, ams;
	int ret = 0;

	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		for (ams = 0; ams < RVR_AMS_MAX && ret == 0; ams++) {
			const struct pfd_ring *ring = &conf->rings[type][ams];

			if (!ring->used)
				continue;
			ret = PFD_EXECUTE(pfd, f_ams_ring_configure,
				.ami_sw_id = pfd->state->ami_sw[id].phy_id, .ams_id = ams,
				.ams_type = type, .rx_mode = ring->rx_mode,
				.log2_size = ring->log2_size, .threshold = ring->threshold,
				.ring_base = ring->base);
		}
	return ret;
}

int
pfd_attach_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct rvr_f_ami_sw_configure_req configure = pfd->state->conf[id].configure;
	uint8_t request[RVR_MGT_MSG_SIZE];
	int ret = map_ami_sw(pfd, id);

	if (ret != 0)
		return ret;
	ami_sw->since = pfd_now_us() / 1000;
	ami_sw->wanted = 0;
	ret = pfd->backend->page_bind(pfd->arg, id, ami_sw->phy_id);
	configure.ami_sw_id = ami_sw->phy_id;
	configure.pasid = pfd_pasid_of(pfd, ami_sw->owner);
	configure.pasid_enabled = pfd->backend->isolates;
	rvr_f_ami_sw_configure_req_encode(request, &configure, RVR_STATUS_OK);
	if (ret == 0)
		ret = pfd_execute(pfd, request);
	if (ret == 0) {
		ami_sw->configured = true;
		ret = configure_rings(pfd, id);
	}
	return ret;
}

/* At its physical ID; tells whether its agent can keep it. */
static int
execute_map_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	const struct rvr_pf_ami_hw_map_req req = { .aha_id = ami_hw->aha_id,
		.phy_ami_hw_id = ami_hw->phy_id, .ami_hw_id = id };
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	int ret;

	rvr_pf_ami_hw_map_req_encode(request, &req, RVR_STATUS_OK);
	rvr_msg_put(request, RVR_KEEP_MAP_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	ret = pfd->backend->command(pfd->arg, request, response);
	if (ret < 0)
		return ret;
	ret = rvr_msg_status(response);
	if (ret == 0)
		ami_hw->keeps = rvr_msg_get(response, RVR_KEEP_MAPPED_OFFSET, 31, 0) ==
			RVR_KEEP_MAGIC;
	return ret;
}

static int
map_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	struct pfd_ami_hw *ami_hw = &state->ami_hw[id];
	uint32_t phy_id;
	int ret;

	pfd->lacks = false;
	for (phy_id = 0; phy_id < PFD_IDS; phy_id++) {
		if (state->phy_ami_hw[ami_hw->aha_id][phy_id])
			continue;
		ami_hw->phy_id = (uint16_t)phy_id;
		__atomic_store_n(&ami_hw->taken, true, __ATOMIC_SEQ_CST);
		ret = execute_map_ami_hw(pfd, id);
		ami_hw->taken = ret == 0;
		state->phy_ami_hw[ami_hw->aha_id][phy_id] = ret == 0;
		if (ret != RVR_ST_PF_AMI_HW_MAP_PHY_AMI_HW_MAPPED)
			return ret == RVR_STATUS_OTHER ? none_left(pfd, ami_hw->aha_id) : ret;
	}
	return none_left(pfd, ami_hw->aha_id);
}

int
pfd_attach_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	int ret = map_ami_hw(pfd, id);

	/* The device goes on with what it has kept. */
	if (ret == 0 && ami_hw->kept) {
		ami_hw->kept = false;
		return 0;
	}
	if (ret == 0)
		ret = PFD_EXECUTE(pfd, f_ami_hw_disable, .ami_hw_id = id);
	if (ret == 0)
		ret = PFD_EXECUTE(pfd, f_ami_hw_reset, .ami_hw_id = id);
	if (ret == 0)
		ret = PFD_EXECUTE(pfd, f_ami_hw_configure, .ami_hw_id = id,
			.pasid = pfd_pasid_of(pfd, ami_hw->owner),
			.pasid_enabled = pfd->backend->isolates);
	if (ret != 0)
		return ret;
	ami_hw->configured = true;
	return ami_hw->enabled ? PFD_EXECUTE(pfd, f_ami_hw_enable, .ami_hw_id = id) : 0;
}

/* The device's number of an end that is known by ours. */
static uint64_t
device_end(const struct pfd *pfd, uint64_t type, uint64_t id)
{
	return type == RVR_END_AMI_SW ? pfd->state->ami_sw[id].phy_id :
		pfd->state->ami_hw[id].phy_id;
}

int
pfd_attach_asn(struct pfd *pfd, uint16_t id)
{
	struct pfd_asn *asn = &pfd->state->asn[id];
	struct rvr_pf_asn_create_req create = asn->create;
	uint8_t request[RVR_MGT_MSG_SIZE];
	uint32_t number;
	int ret;

	create.src_phy_ami_id = device_end(pfd, create.src_ami_type, create.src_phy_ami_id);
	create.dst_phy_ami_id = device_end(pfd, create.dst_ami_type, create.dst_phy_ami_id);
	for (number = 0; number < PFD_IDS - 1; number++) {
		if (pfd->state->device_asn[number])
			continue;
		create.asn_id = number;
		rvr_pf_asn_create_req_encode(request, &create, RVR_STATUS_OK);
		__atomic_store_n(&asn->device, (uint16_t)(number + 1), __ATOMIC_SEQ_CST);
		ret = pfd_execute(pfd, request);
		if (ret != 0)
			asn->device = 0;
		pfd->state->device_asn[number] = ret == 0;
		if (ret != RVR_ST_PF_ASN_CREATE_ASN_IN_USE)
			return ret;
	}
	return RVR_STATUS_OTHER;
}

/* AMI-HWs and sessions of an AMI-SW that is there. */
static int
attach_parts(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	int ret = 0, hw;
	uint32_t i;

	for (i = 0; i < state->asns && ret == 0; i++) {
		if (state->asn_owner[i] != state->ami_sw[id].owner ||
			!pfd_asn_is_of(pfd, i, id, &hw))
			continue;
		if (hw >= 0 && !state->ami_hw[hw].taken)
			ret = pfd_attach_ami_hw(pfd, (uint16_t)hw);
		if (ret == 0 && state->asn[i].device == 0)
			ret = pfd_attach_asn(pfd, (uint16_t)i);
	}
	return ret;
}

int
pfd_restore(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	struct pfd_ami_sw *ami_sw = &state->ami_sw[id];
	int ret;

	__atomic_store_n(&state->switching, id + 1u, __ATOMIC_SEQ_CST);
	ret = pfd_attach_ami_sw(pfd, id);
	if (ret == 0)
		ret = attach_parts(pfd, id);
	if (ret == 0 && ami_sw->enabled && !ami_sw->faulted)
		ret = PFD_EXECUTE(pfd, f_ami_sw_enable, .ami_sw_id = ami_sw->phy_id);
	if (ret != 0)
		pfd_park(pfd, id);
	__atomic_store_n(&state->switching, 0, __ATOMIC_SEQ_CST);
	return ret;
}

/* ---- Leaving --------------------------------------------------------------------------------- */

void
pfd_detach_asn(struct pfd *pfd, uint16_t id)
{
	struct pfd_asn *asn = &pfd->state->asn[id];

	if (asn->device == 0)
		return;
	PFD_EXECUTE(pfd, pf_asn_destroy, .asn_id = asn->device - 1u);
	pfd->state->device_asn[asn->device - 1] = 0;
	asn->device = 0;
}

/* Of a context that its agent keeps, or is to keep. */
static void
keep_encode(const struct pfd *pfd, uint16_t id, enum rvr_keep_action action, uint8_t *request)
{
	const struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	const struct rvr_pf_ami_hw_unmap_req req = { .phy_ami_hw_id = ami_hw->phy_id,
		.aha_id = ami_hw->aha_id };

	rvr_pf_ami_hw_unmap_req_encode(request, &req, RVR_STATUS_OK);
	rvr_msg_put(request, RVR_KEEP_UNMAP_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	rvr_msg_put(request, RVR_KEEP_ID_OFFSET, 15, 0, id);
	rvr_msg_put(request, RVR_KEEP_ACTION_OFFSET, 7, 0, action);
}

static void
ami_hw_left(struct pfd *pfd, struct pfd_ami_hw *ami_hw)
{
	pfd->state->phy_ami_hw[ami_hw->aha_id % PFD_AHAS][ami_hw->phy_id] = 0;
	ami_hw->taken = false;
}

void
pfd_park_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	uint8_t request[RVR_MGT_MSG_SIZE];

	if (!ami_hw->keeps) {
		pfd_detach_ami_hw(pfd, id);
		return;
	}
	if (!ami_hw->taken)
		return;
	__atomic_store_n(&ami_hw->kept, true, __ATOMIC_SEQ_CST);
	keep_encode(pfd, id, RVR_KEEP, request);
	/* It may be done already, by a process that died of it. */
	pfd_execute(pfd, request);
	ami_hw_left(pfd, ami_hw);
}

static void
drop_kept(struct pfd *pfd, uint16_t id)
{
	uint8_t request[RVR_MGT_MSG_SIZE];

	keep_encode(pfd, id, RVR_KEEP_DROP, request);
	pfd_execute(pfd, request);
	pfd->state->ami_hw[id].kept = false;
}

void
pfd_detach_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];

	if (ami_hw->kept)
		drop_kept(pfd, id);
	if (!ami_hw->taken)
		return;
	PFD_EXECUTE(pfd, f_ami_hw_disable, .ami_hw_id = id);
	PFD_EXECUTE(pfd, f_ami_hw_reset, .ami_hw_id = id);
	PFD_EXECUTE(pfd, pf_ami_hw_unmap, .phy_ami_hw_id = ami_hw->phy_id,
		.aha_id = ami_hw->aha_id);
	ami_hw_left(pfd, ami_hw);
}

void
pfd_detach_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];

	if (!ami_sw->taken)
		return;
	PFD_EXECUTE(pfd, f_ami_sw_disable, .ami_sw_id = ami_sw->phy_id);
	/* What the device has said of contexts so far is about those that have their IDs now. */
	pfd_exceptions(pfd);
	PFD_EXECUTE(pfd, pf_ami_sw_unmap, .phy_ami_sw_id = ami_sw->phy_id);
	pfd->state->phy_ami_sw[ami_sw->phy_id] = 0;
	pfd->state->device_ami_sw[ami_sw->phy_id] = 0;
	ami_sw->taken = false;
}

#define POST(pfd, command, ...)                                                                \
	do {                                                                                   \
		const struct rvr_##command##_req req_ = { __VA_ARGS__ };                       \
		uint8_t request_[RVR_MGT_MSG_SIZE];                                            \
											       \
		rvr_##command##_req_encode(request_, &req_, RVR_STATUS_OK);                    \
		(pfd)->backend->post((pfd)->arg, request_);                                    \
	} while (0)

static bool
attached_ami_sw(const struct pfd_state *state, uint32_t id, uint16_t owner)
{
	return state->ami_sw[id].owner == owner && state->ami_sw[id].taken;
}

static bool
kept_ami_hw(const struct pfd_state *state, uint32_t id, uint16_t owner)
{
	return state->ami_hw[id].owner == owner && state->ami_hw[id].kept;
}

static bool
attached_ami_hw(const struct pfd_state *state, uint32_t id, uint16_t owner)
{
	return state->ami_hw[id].owner == owner && state->ami_hw[id].taken;
}

static bool
attached_asn(const struct pfd_state *state, uint32_t id, uint16_t owner)
{
	return state->asn_owner[id] == owner && state->asn[id].device != 0;
}

/* Commands of a detach, but for what exceptions have to be taken before. */
static void
post_detach(struct pfd *pfd, uint16_t owner)
{
	const struct pfd_state *state = pfd->state;
	uint8_t request[RVR_MGT_MSG_SIZE];
	uint32_t id;

	/* First everything stands still. */
	for (id = 0; id < state->ami_sws; id++)
		if (attached_ami_sw(state, id, owner))
			POST(pfd, f_ami_sw_disable, .ami_sw_id = state->ami_sw[id].phy_id);
	for (id = 0; id < state->asns; id++)
		if (attached_asn(state, id, owner))
			POST(pfd, pf_asn_destroy, .asn_id = state->asn[id].device - 1u);
	for (id = 0; id < state->ami_hws; id++) {
		if (kept_ami_hw(state, id, owner)) {
			keep_encode(pfd, (uint16_t)id, RVR_KEEP_DROP, request);
			pfd->backend->post(pfd->arg, request);
		}
		if (!attached_ami_hw(state, id, owner))
			continue;
		POST(pfd, f_ami_hw_disable, .ami_hw_id = id);
		POST(pfd, f_ami_hw_reset, .ami_hw_id = id);
		POST(pfd, pf_ami_hw_unmap, .phy_ami_hw_id = state->ami_hw[id].phy_id,
			.aha_id = state->ami_hw[id].aha_id);
	}
}

/* The device has forgotten all: until then a process that dies must not have. */
static void
note_detached(struct pfd *pfd, uint16_t owner)
{
	struct pfd_state *state = pfd->state;
	uint32_t id;

	for (id = 0; id < state->asns; id++)
		if (attached_asn(state, id, owner)) {
			state->device_asn[state->asn[id].device - 1] = 0;
			state->asn[id].device = 0;
		}
	for (id = 0; id < state->ami_hws; id++) {
		if (kept_ami_hw(state, id, owner))
			state->ami_hw[id].kept = false;
		if (attached_ami_hw(state, id, owner))
			ami_hw_left(pfd, &state->ami_hw[id]);
	}
	for (id = 0; id < state->ami_sws; id++) {
		struct pfd_ami_sw *ami_sw = &state->ami_sw[id];

		if (attached_ami_sw(state, id, owner)) {
			state->phy_ami_sw[ami_sw->phy_id] = 0;
			state->device_ami_sw[ami_sw->phy_id] = 0;
			ami_sw->taken = false;
		}
	}
}

void
pfd_detach_all(struct pfd *pfd, uint16_t owner)
{
	uint32_t id;

	post_detach(pfd, owner);
	pfd->backend->flush(pfd->arg);
	pfd_exceptions(pfd);
	for (id = 0; id < pfd->state->ami_sws; id++)
		if (attached_ami_sw(pfd->state, id, owner))
			POST(pfd, pf_ami_sw_unmap, .phy_ami_sw_id = pfd->state->ami_sw[id].phy_id);
	pfd->backend->flush(pfd->arg);
	note_detached(pfd, owner);
}

void
pfd_park(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	struct pfd_ami_sw *ami_sw = &state->ami_sw[id];
	uint32_t i;
	int hw;

	__atomic_store_n(&state->switching, id + 1u, __ATOMIC_SEQ_CST);
	if (ami_sw->taken)
		PFD_EXECUTE(pfd, f_ami_sw_disable, .ami_sw_id = ami_sw->phy_id);
	for (i = 0; i < state->asns; i++)
		if (state->asn_owner[i] == ami_sw->owner && pfd_asn_is_of(pfd, i, id, &hw))
			pfd_detach_asn(pfd, (uint16_t)i);
	for (i = 0; i < state->asns; i++)
		if (state->asn_owner[i] == ami_sw->owner && pfd_asn_is_of(pfd, i, id, &hw) &&
			hw >= 0)
			pfd_park_ami_hw(pfd, (uint16_t)hw);
	pfd_detach_ami_sw(pfd, id);
	ami_sw->since = pfd_now_us() / 1000;
	ami_sw->wanted = 0;
	__atomic_store_n(&state->switching, 0, __ATOMIC_SEQ_CST);
}

void
pfd_called(struct pfd *pfd, const void *msg)
{
	struct rvr_e_pf_ami_hw_calls calls;
	int sw;

	rvr_e_pf_ami_hw_calls_decode(msg, &calls);
	/* Of those that have an AMI-HW again the agent has no need to call any more. */
	if (calls.f_owner == 0 && calls.ami_hw_id < pfd->state->ami_hws &&
		pfd->state->ami_hw[calls.ami_hw_id].kept &&
		pfd_ami_hw_joined(pfd, (uint16_t)calls.ami_hw_id, &sw) && sw >= 0)
		pfd->state->ami_sw[sw].called = true;
}
