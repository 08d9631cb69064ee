/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The state: how it begins, and whether what a process before this one left can be one. All that
 * is an index, or a count of what is looked through, is within its table then.
 */

#include <string.h>

#include "pfd.h"

void
pfd_state_init(struct pfd_state *state)
{
	memset(state, 0, sizeof(*state));
	state->magic = PFD_STATE_MAGIC;
	state->version = PFD_STATE_VERSION;
	state->size = sizeof(*state);
}

/* Also of types that have no greater numbers, as tables have other sizes in fuzzers. */
static bool
below(uint32_t number, uint32_t limit)
{
	return number < limit;
}

static bool
header_valid(const struct pfd_state *state)
{
	return state->ami_sws <= PFD_IDS && state->ami_hws <= PFD_IDS && state->asns <= PFD_IDS &&
		state->phy_ami_sws <= PFD_IDS && state->switching <= PFD_IDS &&
		state->switching_ami_hw <= PFD_IDS &&
		below(state->pending.id, PFD_IDS) && state->pending.client <= PFD_CLIENTS &&
		(unsigned int)state->pending.object < PFD_OBJECTS &&
		(state->pending.object == PFD_NONE || state->pending.client != 0);
}

static bool
end_valid(uint64_t type, uint64_t id)
{
	return (type == RVR_END_AMI_SW || type == RVR_END_AMI_HW) && id < PFD_IDS;
}

static bool
ami_sw_valid(const struct pfd_ami_sw *ami_sw)
{
	return ami_sw->owner <= PFD_CLIENTS && below(ami_sw->phy_id, PFD_IDS);
}

static bool
ami_hw_valid(const struct pfd_ami_hw *ami_hw)
{
	return ami_hw->owner <= PFD_CLIENTS && below(ami_hw->phy_id, PFD_IDS) &&
		ami_hw->aha_id < PFD_AHAS;
}

static bool
asn_valid(const struct pfd_state *state, uint32_t id)
{
	const struct rvr_pf_asn_create_req *create = &state->asn[id].create;

	return state->asn_owner[id] <= PFD_CLIENTS &&
		below(state->asn[id].device, PFD_IDS) &&
		end_valid(create->src_ami_type, create->src_phy_ami_id) &&
		end_valid(create->dst_ami_type, create->dst_phy_ami_id);
}

/* Beyond the counts of IDs there is nothing, and nobody looks. */
static bool
ids_valid(const struct pfd_state *state)
{
	uint32_t i;

	for (i = 0; i < state->ami_sws; i++)
		if (!ami_sw_valid(&state->ami_sw[i]))
			return false;
	for (i = 0; i < state->ami_hws; i++)
		if (!ami_hw_valid(&state->ami_hw[i]))
			return false;
	for (i = 0; i < state->asns; i++)
		if (!asn_valid(state, i))
			return false;
	for (i = 0; i < PFD_IDS; i++)
		if (!below(state->device_ami_sw[i], PFD_IDS + 1))
			return false;
	for (i = 0; i < PFD_DEVICE_VECTORS; i++)
		if (state->vector_owner[i] > PFD_CLIENTS)
			return false;
	return true;
}

static bool
client_valid(const struct pfd_client *client)
{
	unsigned int i;

	for (i = 0; i < PFD_VECTORS; i++)
		if (client->vectors[i] >= PFD_DEVICE_VECTORS)
			return false;
	for (i = 0; i < PFD_NEEDS; i++)
		if (!below(client->asked.needs[i].id, PFD_IDS))
			return false;
	return client->asked.num <= PFD_NEEDS && client->peer.num_gids <= PFD_GROUPS &&
		client->reply_size <= RVR_PFD_MESSAGE_MAX &&
		(!client->reply_page || client->reply_ami_sw_id < PFD_IDS);
}

static bool
vf_valid(const struct pfd_vf *vf)
{
	unsigned int i;

	for (i = 0; i < PFD_VF_CONTEXTS; i++) {
		const struct pfd_vf_context *context = &vf->contexts[i];
		unsigned int n;

		if (context->aha_id >= PFD_AHAS || !below(context->sw_phy_id, PFD_IDS) ||
			!below(context->hw_phy_id, PFD_IDS) || context->num_asns > RVR_PLAN_MAX)
			return false;
		for (n = 0; n < context->num_asns; n++)
			if (context->asn_ids[n] >= PFD_IDS)
				return false;
	}
	return vf->num <= PFD_VF_CONTEXTS;
}

bool
pfd_state_valid(const struct pfd_state *state, size_t size)
{
	uint32_t i;

	if (size != sizeof(*state) || state->magic != PFD_STATE_MAGIC ||
		state->version != PFD_STATE_VERSION || state->size != sizeof(*state) ||
		!header_valid(state) || !ids_valid(state))
		return false;
	for (i = 0; i < PFD_CLIENTS; i++)
		if (!client_valid(&state->clients[i]))
			return false;
	for (i = 0; i < PFD_VFS; i++)
		if (state->vfs[i].used && !vf_valid(&state->vfs[i]))
			return false;
	return true;
}

void
pfd_state_trim(struct pfd_state *state)
{
	while (state->ami_sws > 0 && state->ami_sw[state->ami_sws - 1].owner == 0)
		state->ami_sws--;
	while (state->ami_hws > 0 && state->ami_hw[state->ami_hws - 1].owner == 0)
		state->ami_hws--;
	while (state->asns > 0 && state->asn_owner[state->asns - 1] == 0)
		state->asns--;
}
