/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands of clients. Each is looked at, and goes to the device if it concerns what
 * its client has, or may have. Some fields are never the client's: PASIDs, because each client has
 * the one that its memory is mapped for; interrupt vectors, which have the device's numbers there
 * and the client's here; IDs of AMI-SWs and sessions and all physical ones, as a context may be
 * another one of the device's by now. What a command is about comes to the device first.
 */

#include <stdarg.h>
#include <string.h>

#include "pfd.h"

/* A command on its way. */
struct mediation {
	struct pfd *pfd;
	struct pfd_client *client;
	const struct pfd_limits *limits; /* of its user */
	uint16_t owner; /* place + 1 */
	uint32_t request_id;
	const uint8_t *request;
	uint8_t *response;
	char *reason;
};

/* ---- Answers that the device doesn't give ---------------------------------------------------- */

static int
answer(const struct mediation *m, uint16_t status)
{
	memset(m->response, 0, RVR_MGT_MSG_SIZE);
	rvr_msg_put(m->response, 0, 15, 0, rvr_msg_opcode(m->request));
	rvr_msg_put(m->response, 0, 31, 16, status);
	return 0;
}

__attribute__((format(printf, 2, 3))) static int
refuse(const struct mediation *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(m->reason, RVR_PFD_REASON, format, args);
	va_end(args);
	return answer(m, RVR_STATUS_OTHER);
}

static int
forward(const struct mediation *m, const void *request)
{
	return m->pfd->backend->command(m->pfd->arg, request, m->response);
}

/* To the context as the device knows it. */
static int
forward_ami_sw(const struct mediation *m, uint64_t id, const void *request)
{
	uint8_t copy[RVR_MGT_MSG_SIZE];

	memcpy(copy, request, sizeof(copy));
	rvr_msg_put(copy, 0x04, 15, 0, m->pfd->state->ami_sw[id].phy_id);
	return forward(m, copy);
}

static bool
done(const struct mediation *m, int ret)
{
	return ret == 0 && rvr_msg_status(m->response) == RVR_STATUS_OK;
}

static void
pending_set(struct pfd *pfd, enum pfd_object object, bool taken, uint16_t id)
{
	pfd->state->pending.id = id;
	pfd->state->pending.taken = taken;
	__atomic_store_n(&pfd->state->pending.object, object, __ATOMIC_SEQ_CST);
	pfd_stored();
}

static void
pending_begin(const struct mediation *m, enum pfd_object object, bool taken, uint16_t id)
{
	struct pfd_state *state = m->pfd->state;

	state->pending.client = m->owner;
	state->pending.request = m->request_id;
	state->pending.opcode = rvr_msg_opcode(m->request);
	pending_set(m->pfd, object, taken, id);
}

/* IDs are looked through up to the highest one in use: before an ID is, it is below the mark. */
static void
mark_raise(uint32_t *mark, uint16_t id)
{
	if (*mark <= id)
		__atomic_store_n(mark, id + 1u, __ATOMIC_SEQ_CST);
}

/* ---- What is whose --------------------------------------------------------------------------- */

static struct pfd_client *
client_of(struct pfd *pfd, uint16_t owner)
{
	return &pfd->state->clients[owner - 1];
}

static struct pfd_ami_sw *
own_ami_sw(const struct mediation *m, uint64_t id)
{
	struct pfd_ami_sw *ami_sw = &m->pfd->state->ami_sw[id % PFD_IDS];

	return id < PFD_IDS && ami_sw->owner == m->owner ? ami_sw : NULL;
}

static struct pfd_ami_hw *
own_ami_hw(const struct mediation *m, uint64_t id)
{
	struct pfd_ami_hw *ami_hw = &m->pfd->state->ami_hw[id % PFD_IDS];

	return id < PFD_IDS && ami_hw->owner == m->owner ? ami_hw : NULL;
}

/*
 * The client's AMI-HW that it names so. Messages to agents that know more than rings name physical
 * IDs, too: of these it knows the device's, unless the agent goes by AMI_HW_ID, as those do that
 * keep contexts. All others have ours.
 */
static int
find_ami_hw(const struct mediation *m, uint64_t aha_id, uint64_t phy_id)
{
	const struct pfd_state *state = m->pfd->state;
	const struct pfd_ami_hw *ami_hw = own_ami_hw(m, phy_id);
	uint32_t i;

	if (ami_hw != NULL && (ami_hw->plain || ami_hw->keeps) && ami_hw->aha_id == aha_id)
		return (int)phy_id;
	for (i = 0; i < state->ami_hws; i++) {
		ami_hw = &state->ami_hw[i];
		if (ami_hw->owner == m->owner && !ami_hw->plain && !ami_hw->keeps &&
			ami_hw->aha_id == aha_id && ami_hw->phy_id == phy_id)
			return (int)i;
	}
	return -1;
}

/* Whether the device has what the command is about; if not *ret is what is to be said. */
static bool
have(const struct mediation *m, const struct pfd_need *needs, uint32_t num, int *ret)
{
	*ret = pfd_have(m->pfd, m->owner, needs, num);
	if (*ret == -EBUSY)
		*ret = refuse(m, "it is parked, and nobody gives way: all that the device has is "
			"used by contexts that can't be parked");
	else if (*ret > 0)
		*ret = refuse(m, "it is parked, and the device doesn't take it back: status %d",
			*ret);
	else
		return *ret == 0;
	return false;
}

/* ---- Taking back ----------------------------------------------------------------------------- */

void
pfd_drop_asn(struct pfd *pfd, uint16_t id)
{
	struct pfd_state *state = pfd->state;
	uint16_t owner = state->asn_owner[id];

	if (owner == 0)
		return;
	pfd_detach_asn(pfd, id);
	state->asn_owner[id] = 0;
	client_of(pfd, owner)->usage.sessions--;
	state->usage.sessions--;
	pfd_state_trim(state);
}

/* Sessions go with the contexts that they end at: the next client to have one gets no messages. */
static void
drop_asns_of(struct pfd *pfd, uint16_t owner, uint64_t type, uint16_t id)
{
	const struct pfd_usage *usage = &client_of(pfd, owner)->usage;
	struct pfd_state *state = pfd->state;
	uint32_t i;

	for (i = 0; i < state->asns && usage->sessions > 0; i++)
		if (state->asn_owner[i] == owner && pfd_asn_ends_at(pfd, i, type, id))
			pfd_drop_asn(pfd, (uint16_t)i);
}

void
pfd_drop_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	uint16_t owner = ami_hw->owner;

	if (owner == 0)
		return;
	drop_asns_of(pfd, owner, RVR_END_AMI_HW, id);
	pfd_detach_ami_hw(pfd, id);
	memset(ami_hw, 0, sizeof(*ami_hw));
	client_of(pfd, owner)->usage.agents_contexts--;
	pfd->state->usage.agents_contexts--;
	pfd_state_trim(pfd->state);
}

void
pfd_drop_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	uint16_t owner = ami_sw->owner;

	if (owner == 0)
		return;
	drop_asns_of(pfd, owner, RVR_END_AMI_SW, id);
	pfd_detach_ami_sw(pfd, id);
	pfd->backend->page_drop(pfd->arg, id);
	memset(ami_sw, 0, sizeof(*ami_sw));
	client_of(pfd, owner)->usage.contexts--;
	pfd->state->usage.contexts--;
	pfd_state_trim(pfd->state);
}

void
pfd_drop_all(struct pfd *pfd, unsigned int place)
{
	const struct pfd_usage *usage = &pfd->state->clients[place].usage;
	struct pfd_state *state = pfd->state;
	uint16_t owner = (uint16_t)(place + 1);
	uint32_t id;

	if (usage->contexts + usage->agents_contexts + usage->sessions > 0)
		pfd_detach_all(pfd, owner);
	for (id = 0; id < state->asns && usage->sessions > 0; id++)
		if (state->asn_owner[id] == owner)
			pfd_drop_asn(pfd, (uint16_t)id);
	for (id = 0; id < state->ami_hws && usage->agents_contexts > 0; id++)
		if (state->ami_hw[id].owner == owner)
			pfd_drop_ami_hw(pfd, (uint16_t)id);
	for (id = 0; id < state->ami_sws && usage->contexts > 0; id++)
		if (state->ami_sw[id].owner == owner)
			pfd_drop_ami_sw(pfd, (uint16_t)id);
}

/* ---- The device as a client sees it --------------------------------------------------------- */

static int
f_probe(const struct mediation *m)
{
	struct rvr_f_probe_rsp rsp;
	int ret = forward(m, m->request);

	if (ret < 0)
		return ret;
	rvr_f_probe_rsp_decode(m->response, &rsp);
	rsp.asn_prof_n_counters = 0;
	rsp.pasid_supported = 0;
	rsp.pasid_width = 0;
	/* IDs are ours, and there may be more of them than the device has contexts. */
	rsp.ami_per_f_m1 = PFD_IDS - 1;
	rvr_f_probe_rsp_encode(m->response, &rsp, rvr_msg_status(m->response));
	return 0;
}

static int
pf_probe(const struct mediation *m)
{
	struct rvr_pf_probe_rsp rsp;
	int ret = forward(m, m->request);

	if (ret < 0)
		return ret;
	rvr_pf_probe_rsp_decode(m->response, &rsp);
	rsp.max_asn = PFD_IDS;
	if (rsp.num_aha > PFD_AHAS)
		rsp.num_aha = PFD_AHAS;
	rvr_pf_probe_rsp_encode(m->response, &rsp, rvr_msg_status(m->response));
	return 0;
}

static bool
kind_allowed(const struct mediation *m, uint64_t iidr)
{
	uint64_t kind = rvr_get(iidr, RVR_AMU_IIDR_PRODUCT);

	return kind < 64 ? (m->limits->kinds >> kind & 1) != 0 : m->limits->kinds == UINT64_MAX;
}

/* Agents that a user may not have are not there. */
static int
pf_probe_aha(const struct mediation *m)
{
	struct rvr_pf_probe_aha_rsp rsp;
	int ret = forward(m, m->request);

	if (ret < 0 || rvr_msg_status(m->response) != RVR_STATUS_OK)
		return ret;
	rvr_pf_probe_aha_rsp_decode(m->response, &rsp);
	if (kind_allowed(m, rsp.aha_iidr))
		return 0;
	rsp.aha_iidr = 0;
	rvr_pf_probe_aha_rsp_encode(m->response, &rsp, RVR_STATUS_OK);
	return 0;
}

/* ---- AMI-SW ---------------------------------------------------------------------------------- */

/* 0, or why not: refused already. */
static bool
beyond(const struct mediation *m, const char *what, uint32_t used, uint32_t most, uint32_t all,
	uint32_t total)
{
	if (used < most && all < total)
		return false;
	if (used >= most)
		refuse(m, "quota: user %u has %u %s, the policy allows %u",
			(unsigned int)m->client->peer.uid, used, what, most);
	else
		refuse(m, "quota: all users have %u %s, the policy allows %u", all, what, total);
	return true;
}

/* Configuration with the client's PASID and our numbers of vectors. */
static int
configure_ami_sw(const struct mediation *m, uint64_t id, struct rvr_f_ami_sw_configure_req *req)
{
	uint8_t request[RVR_MGT_MSG_SIZE];
	int ret;

	req->pasid = pfd_pasid_of(m->pfd, m->owner);
	req->pasid_enabled = req->pasid != 0;
	rvr_f_ami_sw_configure_req_encode(request, req, RVR_STATUS_OK);
	ret = forward_ami_sw(m, id, request);
	if (!done(m, ret))
		return ret;
	m->pfd->state->ami_sw[id].configured = true;
	m->pfd->state->conf[id].configure = *req;
	return ret;
}

/* Why there is no room to be made, for messages. */
static const char *
none_parked(const struct mediation *m)
{
	return m->pfd->backend->isolates ? " that could be parked" :
		", and on vfio-pci none is parked";
}

static int
pf_ami_sw_map(const struct mediation *m)
{
	struct pfd_usage used = pfd_usage_of(m->pfd, m->client->peer.uid);
	struct pfd_state *state = m->pfd->state;
	struct rvr_pf_ami_sw_map_req req;
	struct rvr_pf_ami_sw_map_rsp rsp;
	uint16_t id;
	int ret;

	rvr_pf_ami_sw_map_req_decode(m->request, &req);
	id = (uint16_t)req.ami_sw_id;
	if (req.f_owner != 0 || !req.any_phy_ami_sw || req.ami_sw_id >= PFD_IDS)
		return refuse(m, "AMI-SWs are mapped into the PF, with ANY_PHY_AMI_SW");
	if (state->ami_sw[id].owner != 0)
		return answer(m, RVR_ST_PF_AMI_SW_MAP_AMI_SW_ASSIGNED);
	if (beyond(m, "contexts", used.contexts, m->limits->contexts, state->usage.contexts,
		    pfd_policy_total(m->pfd->policy)->contexts))
		return 0;
	pending_begin(m, PFD_AMI_SW, false, id);
	mark_raise(&state->ami_sws, id);
	memset(&state->conf[id], 0, sizeof(state->conf[id]));
	state->ami_sw[id] = (struct pfd_ami_sw){ .owner = m->owner };
	m->client->usage.contexts++;
	state->usage.contexts++;
	do {
		ret = pfd_attach_ami_sw(m->pfd, id);
	} while (ret > 0 && m->pfd->lacks && pfd_make_room(m->pfd, m->owner, -1));
	if (ret == 0) {
		rsp.phy_ami_sw_id = id;
		rvr_pf_ami_sw_map_rsp_encode(m->response, &rsp, RVR_STATUS_OK);
	} else {
		pfd_drop_ami_sw(m->pfd, id);
		if (ret > 0 && m->pfd->lacks)
			refuse(m, "the device has no AMI-SW left%s", none_parked(m));
		else if (ret >= 0)
			answer(m, ret > 0 ? (uint16_t)ret : RVR_STATUS_OTHER);
	}
	return ret < 0 ? ret : 0;
}

static int
pf_ami_sw_unmap(const struct mediation *m)
{
	struct rvr_pf_ami_sw_unmap_req req;
	uint16_t id;

	rvr_pf_ami_sw_unmap_req_decode(m->request, &req);
	if (own_ami_sw(m, req.phy_ami_sw_id) == NULL)
		return refuse(m, "AMI-SW with physical ID %u isn't this client's",
			(unsigned int)req.phy_ami_sw_id);
	id = (uint16_t)req.phy_ami_sw_id;
	pending_begin(m, PFD_AMI_SW, true, id);
	pfd_drop_ami_sw(m->pfd, id);
	return answer(m, RVR_STATUS_OK);
}

static uint64_t
client_vector(const struct mediation *m, uint64_t vector)
{
	uint64_t i;

	for (i = 0; i < PFD_VECTORS; i++)
		if (m->client->vectors[i] == vector && vector != 0)
			return i;
	return 0;
}

static int
f_ami_sw_configure(const struct mediation *m)
{
	struct rvr_f_ami_sw_configure_req req;
	unsigned int place = m->owner - 1u;
	int tx = 0, rx = 0;

	rvr_f_ami_sw_configure_req_decode(m->request, &req);
	if (req.pasid_enabled)
		return refuse(m, "PASIDs are revere-pfd's, which gives each client one");
	if (req.tx_irq_enable)
		tx = pfd_vector_get(m->pfd, place, (uint32_t)req.tx_vector, m->reason);
	if (req.rx_irq_enable && tx >= 0)
		rx = pfd_vector_get(m->pfd, place, (uint32_t)req.rx_vector, m->reason);
	if (tx < 0 || rx < 0)
		return answer(m, RVR_STATUS_OTHER);
	req.tx_vector = (uint64_t)tx;
	req.rx_vector = (uint64_t)rx;
	return configure_ami_sw(m, req.ami_sw_id, &req);
}

static int
f_ami_sw_save(const struct mediation *m)
{
	struct rvr_f_ami_sw_save_rsp rsp;
	int ret = forward_ami_sw(m, rvr_msg_get(m->request, 0x04, 15, 0), m->request);

	if (ret < 0)
		return ret;
	rvr_f_ami_sw_save_rsp_decode(m->response, &rsp);
	rsp.pasid = 0;
	rsp.pasid_enabled = 0;
	rsp.tx_vector = client_vector(m, rsp.tx_vector);
	rsp.rx_vector = client_vector(m, rsp.rx_vector);
	rvr_f_ami_sw_save_rsp_encode(m->response, &rsp, rvr_msg_status(m->response));
	return 0;
}

/* RESET forgets the PASID: no context starts without. */
static int
f_ami_sw_reset(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	struct pfd_ami_sw *ami_sw = &m->pfd->state->ami_sw[id];
	int ret;

	ami_sw->configured = false;
	ret = forward_ami_sw(m, id, m->request);
	if (!done(m, ret))
		return ret;
	memset(&m->pfd->state->conf[id], 0, sizeof(m->pfd->state->conf[id]));
	ami_sw->tx_used = 0;
	ami_sw->rx_used = 0;
	ami_sw->enabled = false;
	ami_sw->faulted = false;
	ami_sw->untold = false;
	return ret;
}

static int
f_ami_sw_enable(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	struct pfd_ami_sw *ami_sw = &m->pfd->state->ami_sw[id];
	struct rvr_f_ami_sw_configure_req req = m->pfd->state->conf[id].configure;
	int ret = 0;

	/* As the device says, which may be another one by now. */
	if (ami_sw->faulted)
		return answer(m, RVR_STATUS_OTHER);
	if (!ami_sw->configured)
		ret = configure_ami_sw(m, id, &req);
	if (ret == 0 && !ami_sw->configured)
		return answer(m, RVR_STATUS_OTHER);
	if (ret == 0)
		ret = forward_ami_sw(m, id, m->request);
	if (done(m, ret))
		ami_sw->enabled = true;
	return ret;
}

static int
f_ami_sw_disable(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	int ret = forward_ami_sw(m, id, m->request);

	if (done(m, ret))
		m->pfd->state->ami_sw[id].enabled = false;
	return ret;
}

static int
f_ams_ring_configure(const struct mediation *m)
{
	struct rvr_f_ams_ring_configure_req req;
	struct pfd_ami_sw *ami_sw;
	int ret;

	rvr_f_ams_ring_configure_req_decode(m->request, &req);
	ami_sw = &m->pfd->state->ami_sw[req.ami_sw_id];
	ret = forward_ami_sw(m, req.ami_sw_id, m->request);
	if (!done(m, ret))
		return ret;
	m->pfd->state->conf[req.ami_sw_id].rings[req.ams_type][req.ams_id] = (struct pfd_ring){
		.base = req.ring_base,
		.log2_size = (uint8_t)req.log2_size,
		.threshold = (uint8_t)req.threshold,
		.rx_mode = (uint8_t)req.rx_mode,
		.used = true,
	};
	*(req.ams_type == RVR_AMS_TX ? &ami_sw->tx_used : &ami_sw->rx_used) |=
		UINT64_C(1) << req.ams_id;
	return ret;
}

static int
f_ams_ring_save(const struct mediation *m)
{
	return forward_ami_sw(m, rvr_msg_get(m->request, 0x04, 15, 0), m->request);
}

/* ---- AMI-HW ---------------------------------------------------------------------------------- */

static int
configure_ami_hw(const struct mediation *m, uint64_t id)
{
	const uint16_t pasid = pfd_pasid_of(m->pfd, m->owner);
	const struct rvr_f_ami_hw_configure_req req = {
		.ami_hw_id = id,
		.pasid = pasid,
		.pasid_enabled = pasid != 0,
	};
	uint8_t request[RVR_MGT_MSG_SIZE];
	int ret;

	rvr_f_ami_hw_configure_req_encode(request, &req, RVR_STATUS_OK);
	ret = forward(m, request);
	if (ret == 0 && rvr_msg_status(m->response) == RVR_STATUS_OK)
		m->pfd->state->ami_hw[id].configured = true;
	return ret;
}

/* What an agent is; 0 there is none that the client may have, or a negative errno. */
static int
agent_of(const struct mediation *m, uint64_t aha_id, uint64_t *iidr)
{
	const struct rvr_pf_probe_aha_req req = { .aha_id = aha_id };
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_probe_aha_rsp rsp;
	int ret;

	if (aha_id >= PFD_AHAS)
		return 0;
	rvr_pf_probe_aha_req_encode(request, &req, RVR_STATUS_OK);
	ret = m->pfd->backend->command(m->pfd->arg, request, response);
	if (ret < 0)
		return ret;
	rvr_pf_probe_aha_rsp_decode(response, &rsp);
	*iidr = rsp.aha_iidr;
	return rvr_msg_status(response) == RVR_STATUS_OK && rsp.aha_iidr != 0 &&
		kind_allowed(m, rsp.aha_iidr);
}

/* Whether all that an agent knows of a context is in rings. */
static bool
is_plain(uint64_t iidr)
{
	uint64_t kind = rvr_get(iidr, RVR_AMU_IIDR_PRODUCT);

	return kind == RVR_AHA_INVERSION || kind == RVR_AHA_DMA;
}

static int
map_ami_hw(const struct mediation *m, uint16_t id, uint16_t aha_id, bool plain)
{
	struct pfd_state *state = m->pfd->state;
	struct rvr_pf_ami_hw_map_rsp rsp;
	int ret;

	pending_begin(m, PFD_AMI_HW, false, id);
	mark_raise(&state->ami_hws, id);
	state->ami_hw[id] = (struct pfd_ami_hw){ .owner = m->owner, .aha_id = aha_id,
		.plain = plain };
	m->client->usage.agents_contexts++;
	state->usage.agents_contexts++;
	do {
		ret = pfd_attach_ami_hw(m->pfd, id);
	} while (ret > 0 && m->pfd->lacks && pfd_make_room(m->pfd, m->owner, aha_id));
	if (ret == 0) {
		rsp.phy_ami_hw_id = plain || state->ami_hw[id].keeps ? id :
			state->ami_hw[id].phy_id;
		rvr_pf_ami_hw_map_rsp_encode(m->response, &rsp, RVR_STATUS_OK);
	} else {
		pfd_drop_ami_hw(m->pfd, id);
		if (ret > 0 && m->pfd->lacks)
			refuse(m, "agent %u has no AMI-HW left%s", aha_id, none_parked(m));
		else if (ret >= 0)
			answer(m, ret > 0 ? (uint16_t)ret : RVR_STATUS_OTHER);
	}
	return ret < 0 ? ret : 0;
}

static int
pf_ami_hw_map(const struct mediation *m)
{
	struct pfd_usage used = pfd_usage_of(m->pfd, m->client->peer.uid);
	struct pfd_state *state = m->pfd->state;
	struct rvr_pf_ami_hw_map_req req;
	uint64_t iidr = 0;
	int ret;

	rvr_pf_ami_hw_map_req_decode(m->request, &req);
	if (req.f_owner != 0 || !req.any_phy_ami_hw || req.ami_hw_id >= PFD_IDS)
		return refuse(m, "AMI-HWs are mapped into the PF, with ANY_PHY_AMI_HW");
	ret = agent_of(m, req.aha_id, &iidr);
	if (ret < 0)
		return ret;
	if (ret == 0)
		return refuse(m, "agent %u: there is none that the policy lets user %u have",
			(unsigned int)req.aha_id, (unsigned int)m->client->peer.uid);
	if (state->ami_hw[req.ami_hw_id].owner != 0)
		return answer(m, RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED);
	if (beyond(m, "contexts of agents", used.agents_contexts, m->limits->agents_contexts,
		    state->usage.agents_contexts,
		    pfd_policy_total(m->pfd->policy)->agents_contexts))
		return 0;
	return map_ami_hw(m, (uint16_t)req.ami_hw_id, (uint16_t)req.aha_id, is_plain(iidr));
}

static int
pf_ami_hw_unmap(const struct mediation *m)
{
	struct rvr_pf_ami_hw_unmap_req req;
	int id;

	rvr_pf_ami_hw_unmap_req_decode(m->request, &req);
	id = find_ami_hw(m, req.aha_id, req.phy_ami_hw_id);
	if (id < 0)
		return refuse(m, "AMI-HW with physical ID %u of agent %u isn't this client's",
			(unsigned int)req.phy_ami_hw_id, (unsigned int)req.aha_id);
	pending_begin(m, PFD_AMI_HW, true, (uint16_t)id);
	pfd_drop_ami_hw(m->pfd, (uint16_t)id);
	return answer(m, RVR_STATUS_OK);
}

static int
f_ami_hw_configure(const struct mediation *m)
{
	struct rvr_f_ami_hw_configure_req req;

	rvr_f_ami_hw_configure_req_decode(m->request, &req);
	if (req.pasid_enabled)
		return refuse(m, "PASIDs are revere-pfd's, which gives each client one");
	return configure_ami_hw(m, req.ami_hw_id);
}

static int
f_ami_hw_save(const struct mediation *m)
{
	const struct rvr_f_ami_hw_save_rsp none = { .pasid = 0 };
	int ret = forward(m, m->request);

	if (ret == 0)
		rvr_f_ami_hw_save_rsp_encode(m->response, &none, rvr_msg_status(m->response));
	return ret;
}

static int
f_ami_hw_reset(const struct mediation *m)
{
	struct pfd_ami_hw *ami_hw = own_ami_hw(m, rvr_msg_get(m->request, 0x04, 15, 0));
	int ret;

	ami_hw->configured = false;
	ret = forward(m, m->request);
	if (done(m, ret))
		ami_hw->enabled = false;
	return ret;
}

static int
f_ami_hw_enable(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	struct pfd_ami_hw *ami_hw = own_ami_hw(m, id);
	int ret = 0;

	if (!ami_hw->configured)
		ret = configure_ami_hw(m, id);
	if (ret == 0 && !ami_hw->configured)
		return answer(m, RVR_STATUS_OTHER);
	if (ret == 0)
		ret = forward(m, m->request);
	if (done(m, ret))
		ami_hw->enabled = true;
	return ret;
}

static int
f_ami_hw_disable(const struct mediation *m)
{
	int ret = forward(m, m->request);

	if (done(m, ret))
		own_ami_hw(m, rvr_msg_get(m->request, 0x04, 15, 0))->enabled = false;
	return ret;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

/* An end by our ID; false: it isn't the client's. */
static bool
own_end(const struct mediation *m, uint64_t type, uint64_t aha_id, uint64_t *id)
{
	int found;

	if (type == RVR_END_AMI_SW)
		return own_ami_sw(m, *id) != NULL;
	found = find_ami_hw(m, aha_id, *id);
	if (found >= 0)
		*id = (uint64_t)found;
	return found >= 0;
}

static int
check_session(const struct mediation *m, struct rvr_pf_asn_create_req *req)
{
	struct pfd_usage used = pfd_usage_of(m->pfd, m->client->peer.uid);

	if (!own_end(m, req->src_ami_type, req->src_aha_id, &req->src_phy_ami_id) ||
		!own_end(m, req->dst_ami_type, req->dst_aha_id, &req->dst_phy_ami_id)) {
		refuse(m, "a session's end isn't this client's");
		return -EPERM;
	}
	if (req->prio > m->limits->prio) {
		refuse(m, "priority %u, the policy allows user %u up to %u",
			(unsigned int)req->prio, (unsigned int)m->client->peer.uid,
			m->limits->prio);
		return -EPERM;
	}
	if (req->mon_owner != 0 || req->prof_mask != 0 || req->prof_ctl != 0 ||
		req->trace_ctl != 0 || req->stash_enable) {
		refuse(m, "sessions of clients are not profiled, traced or stashed");
		return -EPERM;
	}
	return beyond(m, "sessions", used.sessions, m->limits->sessions,
		m->pfd->state->usage.sessions, pfd_policy_total(m->pfd->policy)->sessions) ?
		-EPERM : 0;
}

/* Both ends have to be on the device. */
static struct pfd_need
need_end(const struct mediation *m, uint64_t type, uint64_t id)
{
	return type == RVR_END_AMI_SW ? (struct pfd_need){ .id = (uint16_t)id } :
		pfd_need_ami_hw(m->pfd, (uint16_t)id);
}

static int
create_session(const struct mediation *m, const struct rvr_pf_asn_create_req *req)
{
	struct pfd_state *state = m->pfd->state;
	uint16_t id = (uint16_t)req->asn_id;
	int ret;

	pending_begin(m, PFD_ASN, false, id);
	mark_raise(&state->asns, id);
	state->asn[id] = (struct pfd_asn){ .create = *req };
	state->asn_owner[id] = m->owner;
	m->client->usage.sessions++;
	state->usage.sessions++;
	ret = pfd_attach_asn(m->pfd, id);
	if (ret != 0)
		pfd_drop_asn(m->pfd, id);
	return ret < 0 ? ret : answer(m, (uint16_t)ret);
}

static int
pf_asn_create(const struct mediation *m)
{
	struct pfd_state *state = m->pfd->state;
	struct pfd_need needs[PFD_NEEDS];
	struct rvr_pf_asn_create_req req;
	int ret;

	rvr_pf_asn_create_req_decode(m->request, &req);
	if (req.asn_id < PFD_IDS && state->asn_owner[req.asn_id] != 0)
		return answer(m, RVR_ST_PF_ASN_CREATE_ASN_IN_USE);
	if (check_session(m, &req) < 0)
		return 0;
	if (req.asn_id >= PFD_IDS)
		return refuse(m, "session %u, there are 0 to %u", (unsigned int)req.asn_id,
			PFD_IDS - 1);
	needs[0] = need_end(m, req.src_ami_type, req.src_phy_ami_id);
	needs[1] = need_end(m, req.dst_ami_type, req.dst_phy_ami_id);
	return have(m, needs, PFD_NEEDS, &ret) ? create_session(m, &req) : ret;
}

static int
pf_asn_destroy(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 27, 0);

	if (id >= PFD_IDS || m->pfd->state->asn_owner[id] != m->owner)
		return refuse(m, "session %u isn't this client's", (unsigned int)id);
	pending_begin(m, PFD_ASN, true, (uint16_t)id);
	pfd_drop_asn(m->pfd, (uint16_t)id);
	return answer(m, RVR_STATUS_OK);
}

/* ---- Commands ------------------------------------------------------------------------------- */

/* Whose ID stands at byte 4 of the request. */
enum subject { OF_NOTHING, OF_AMI_SW, OF_AMI_HW };

struct rule {
	enum subject subject;
	int (*run)(const struct mediation *m);
};

static const struct rule rules[] = {
	[RVR_PF_PROBE] = { OF_NOTHING, pf_probe },
	[RVR_F_PROBE] = { OF_NOTHING, f_probe },
	[RVR_PF_PROBE_AHA] = { OF_NOTHING, pf_probe_aha },
	[RVR_PF_AMI_SW_MAP] = { OF_NOTHING, pf_ami_sw_map },
	[RVR_PF_AMI_SW_UNMAP] = { OF_NOTHING, pf_ami_sw_unmap },
	[RVR_F_AMI_SW_CONFIGURE] = { OF_AMI_SW, f_ami_sw_configure },
	[RVR_F_AMI_SW_SAVE] = { OF_AMI_SW, f_ami_sw_save },
	[RVR_F_AMI_SW_RESET] = { OF_AMI_SW, f_ami_sw_reset },
	[RVR_F_AMI_SW_ENABLE] = { OF_AMI_SW, f_ami_sw_enable },
	[RVR_F_AMI_SW_DISABLE] = { OF_AMI_SW, f_ami_sw_disable },
	[RVR_F_AMS_RING_CONFIGURE] = { OF_AMI_SW, f_ams_ring_configure },
	[RVR_F_AMS_RING_SAVE] = { OF_AMI_SW, f_ams_ring_save },
	[RVR_PF_AMI_HW_MAP] = { OF_NOTHING, pf_ami_hw_map },
	[RVR_PF_AMI_HW_UNMAP] = { OF_NOTHING, pf_ami_hw_unmap },
	[RVR_F_AMI_HW_CONFIGURE] = { OF_AMI_HW, f_ami_hw_configure },
	[RVR_F_AMI_HW_SAVE] = { OF_AMI_HW, f_ami_hw_save },
	[RVR_F_AMI_HW_RESET] = { OF_AMI_HW, f_ami_hw_reset },
	[RVR_F_AMI_HW_ENABLE] = { OF_AMI_HW, f_ami_hw_enable },
	[RVR_F_AMI_HW_DISABLE] = { OF_AMI_HW, f_ami_hw_disable },
	[RVR_PF_ASN_CREATE] = { OF_NOTHING, pf_asn_create },
	[RVR_PF_ASN_DESTROY] = { OF_NOTHING, pf_asn_destroy },
};

int
pfd_mediate(struct pfd *pfd, unsigned int place, uint32_t request_id, const void *request,
	void *response, char reason[RVR_PFD_REASON])
{
	const struct mediation m = {
		.pfd = pfd,
		.client = &pfd->state->clients[place],
		.limits = pfd_limits_of(pfd, &pfd->state->clients[place].peer),
		.owner = (uint16_t)(place + 1),
		.request_id = request_id,
		.request = request,
		.response = response,
		.reason = reason,
	};
	uint16_t opcode = rvr_msg_opcode(request);
	uint64_t id = rvr_msg_get(request, 0x04, 15, 0);
	struct pfd_need need = { .id = 0 };
	int ret = 0;

	if (opcode >= sizeof(rules) / sizeof(rules[0]) || rules[opcode].run == NULL)
		return refuse(&m, "command %u is not for clients of revere-pfd", opcode);
	/* The policy was changed; what the client has it may still give back. */
	if (m.limits == NULL && opcode != RVR_PF_AMI_SW_UNMAP && opcode != RVR_PF_AMI_HW_UNMAP &&
		opcode != RVR_PF_ASN_DESTROY)
		return refuse(&m, "the policy lets user %u have nothing",
			(unsigned int)m.client->peer.uid);
	if (rules[opcode].subject == OF_AMI_SW && own_ami_sw(&m, id) == NULL)
		return refuse(&m, "AMI-SW %u isn't this client's", (unsigned int)id);
	if (rules[opcode].subject == OF_AMI_HW && own_ami_hw(&m, id) == NULL)
		return refuse(&m, "AMI-HW %u isn't this client's", (unsigned int)id);
	if (rules[opcode].subject == OF_AMI_SW)
		need = (struct pfd_need){ .id = (uint16_t)id };
	else if (rules[opcode].subject == OF_AMI_HW)
		need = pfd_need_ami_hw(pfd, (uint16_t)id);
	if (rules[opcode].subject != OF_NOTHING && !have(&m, &need, 1, &ret))
		return ret;
	return rules[opcode].run(&m);
}
