/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands of clients. Each is looked at, and goes to the device if it concerns what
 * its client has, or may have: IDs are the device's own, and so are the responses. Two fields are
 * never the client's: PASIDs, because each client has the one that its memory is mapped for, and
 * interrupt vectors, which have the device's numbers there and the client's here.
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

/* Executes a command of our own. Positive: its STATUS. */
static int
execute(struct pfd *pfd, const void *request)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	int ret = pfd->backend->command(pfd->arg, request, response);

	return ret < 0 ? ret : rvr_msg_status(response);
}

#define EXECUTE(pfd, command, ...)                                                             \
	__extension__({                                                                        \
		const struct rvr_##command##_req req_ = { __VA_ARGS__ };                       \
		uint8_t request_[RVR_MGT_MSG_SIZE];                                            \
											       \
		rvr_##command##_req_encode(request_, &req_, RVR_STATUS_OK);                    \
		execute(pfd, request_);                                                        \
	})

static void
pending_set(struct pfd *pfd, enum pfd_object object, bool taken, uint16_t id)
{
	pfd->state->pending.id = id;
	pfd->state->pending.taken = taken;
	__atomic_store_n(&pfd->state->pending.object, object, __ATOMIC_SEQ_CST);
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

static void
pending_end(struct pfd *pfd)
{
	__atomic_store_n(&pfd->state->pending.object, PFD_NONE, __ATOMIC_SEQ_CST);
}

/* ---- What is whose --------------------------------------------------------------------------- */

static uint32_t
pasid_of(uint16_t owner)
{
	return owner;
}

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

static bool
owns_phy_ami_sw(const struct mediation *m, uint64_t phy_id, uint16_t *id)
{
	const struct pfd_ami_sw *table = m->pfd->state->ami_sw;
	uint32_t i;

	for (i = 0; i < PFD_IDS; i++) {
		if (table[i].owner == m->owner && table[i].phy_id == phy_id) {
			*id = (uint16_t)i;
			return true;
		}
	}
	return false;
}

static bool
owns_phy_ami_hw(const struct mediation *m, uint64_t aha_id, uint64_t phy_id, uint16_t *id)
{
	const struct pfd_ami_hw *table = m->pfd->state->ami_hw;
	uint32_t i;

	for (i = 0; i < PFD_IDS; i++) {
		if (table[i].owner == m->owner && table[i].phy_id == phy_id &&
			table[i].aha_id == aha_id) {
			*id = (uint16_t)i;
			return true;
		}
	}
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
	EXECUTE(pfd, pf_asn_destroy, .asn_id = id);
	state->asn_owner[id] = 0;
	client_of(pfd, owner)->usage.sessions--;
	state->usage.sessions--;
}

void
pfd_drop_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	uint16_t owner = ami_hw->owner;

	if (owner == 0)
		return;
	EXECUTE(pfd, f_ami_hw_disable, .ami_hw_id = id);
	EXECUTE(pfd, f_ami_hw_reset, .ami_hw_id = id);
	if (ami_hw->taken) {
		EXECUTE(pfd, pf_ami_hw_unmap, .phy_ami_hw_id = ami_hw->phy_id,
			.aha_id = ami_hw->aha_id);
		pfd->state->phy_ami_hw[ami_hw->aha_id % PFD_AHAS][ami_hw->phy_id] = 0;
	}
	memset(ami_hw, 0, sizeof(*ami_hw));
	client_of(pfd, owner)->usage.agents_contexts--;
	pfd->state->usage.agents_contexts--;
}

void
pfd_drop_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	uint16_t owner = ami_sw->owner;

	if (owner == 0)
		return;
	EXECUTE(pfd, f_ami_sw_disable, .ami_sw_id = id);
	EXECUTE(pfd, f_ami_sw_reset, .ami_sw_id = id);
	if (ami_sw->taken) {
		EXECUTE(pfd, pf_ami_sw_unmap, .phy_ami_sw_id = ami_sw->phy_id);
		pfd->state->phy_ami_sw[ami_sw->phy_id] = 0;
	}
	memset(ami_sw, 0, sizeof(*ami_sw));
	client_of(pfd, owner)->usage.contexts--;
	pfd->state->usage.contexts--;
}

void
pfd_drop_all(struct pfd *pfd, unsigned int place)
{
	const struct pfd_usage *usage = &pfd->state->clients[place].usage;
	struct pfd_state *state = pfd->state;
	uint16_t owner = (uint16_t)(place + 1);
	uint32_t id;

	/* First everything stands still. */
	for (id = 0; id < PFD_IDS && usage->contexts > 0; id++)
		if (state->ami_sw[id].owner == owner)
			EXECUTE(pfd, f_ami_sw_disable, .ami_sw_id = id);
	for (id = 0; id < PFD_IDS && usage->sessions > 0; id++)
		if (state->asn_owner[id] == owner)
			pfd_drop_asn(pfd, (uint16_t)id);
	for (id = 0; id < PFD_IDS && usage->agents_contexts > 0; id++)
		if (state->ami_hw[id].owner == owner)
			pfd_drop_ami_hw(pfd, (uint16_t)id);
	for (id = 0; id < PFD_IDS && usage->contexts > 0; id++)
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
	if (rsp.max_asn > PFD_IDS)
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

	req->ami_sw_id = id;
	req->pasid = pasid_of(m->owner);
	req->pasid_enabled = 1;
	rvr_f_ami_sw_configure_req_encode(request, req, RVR_STATUS_OK);
	ret = forward(m, request);
	if (ret == 0 && rvr_msg_status(m->response) == RVR_STATUS_OK)
		m->pfd->state->ami_sw[id].configured = true;
	return ret;
}

/* What is left of another client is cleared, before this one sees it. */
static int
clean_ami_sw(const struct mediation *m, uint64_t id)
{
	struct rvr_f_ami_sw_configure_req req = { .ami_sw_id = id };
	int ret = EXECUTE(m->pfd, f_ami_sw_disable, .ami_sw_id = id);

	if (ret == 0)
		ret = EXECUTE(m->pfd, f_ami_sw_reset, .ami_sw_id = id);
	return ret == 0 ? configure_ami_sw(m, id, &req) : -EIO;
}

/* Maps any physical AMI-SW: STATUS, or a negative errno. */
static int
map_phy_ami_sw(const struct mediation *m, uint16_t id)
{
	struct pfd_state *state = m->pfd->state;
	struct pfd_ami_sw *ami_sw = &state->ami_sw[id];
	uint32_t phy_id;
	int ret;

	for (phy_id = 0; phy_id < PFD_IDS; phy_id++) {
		if (state->phy_ami_sw[phy_id])
			continue;
		ami_sw->phy_id = (uint16_t)phy_id;
		__atomic_store_n(&ami_sw->taken, true, __ATOMIC_SEQ_CST);
		ret = EXECUTE(m->pfd, pf_ami_sw_map, .phy_ami_sw_id = phy_id, .ami_sw_id = id);
		ami_sw->taken = ret == 0;
		state->phy_ami_sw[phy_id] = ret == 0;
		if (ret != RVR_ST_PF_AMI_SW_MAP_PHY_AMI_SW_MAPPED)
			return ret;
	}
	return RVR_STATUS_OTHER;
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
	state->ami_sw[id] = (struct pfd_ami_sw){ .owner = m->owner };
	m->client->usage.contexts++;
	state->usage.contexts++;
	ret = map_phy_ami_sw(m, id);
	if (ret == 0 && clean_ami_sw(m, id) == 0) {
		rsp.phy_ami_sw_id = state->ami_sw[id].phy_id;
		rvr_pf_ami_sw_map_rsp_encode(m->response, &rsp, RVR_STATUS_OK);
	} else {
		pfd_drop_ami_sw(m->pfd, id);
		if (ret >= 0)
			answer(m, ret > 0 ? (uint16_t)ret : RVR_STATUS_OTHER);
	}
	pending_end(m->pfd);
	return ret < 0 ? ret : 0;
}

static int
pf_ami_sw_unmap(const struct mediation *m)
{
	struct rvr_pf_ami_sw_unmap_req req;
	uint16_t id;

	rvr_pf_ami_sw_unmap_req_decode(m->request, &req);
	if (!owns_phy_ami_sw(m, req.phy_ami_sw_id, &id))
		return refuse(m, "AMI-SW with physical ID %u isn't this client's",
			(unsigned int)req.phy_ami_sw_id);
	pending_begin(m, PFD_AMI_SW, true, id);
	pfd_drop_ami_sw(m->pfd, id);
	pending_end(m->pfd);
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
	int ret = forward(m, m->request);

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
	m->pfd->state->ami_sw[rvr_msg_get(m->request, 0x04, 15, 0)].configured = false;
	return forward(m, m->request);
}

static int
f_ami_sw_enable(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	struct rvr_f_ami_sw_configure_req req = { .ami_sw_id = id };
	int ret = 0;

	if (!m->pfd->state->ami_sw[id].configured)
		ret = configure_ami_sw(m, id, &req);
	if (ret == 0 && !m->pfd->state->ami_sw[id].configured)
		return answer(m, RVR_STATUS_OTHER);
	return ret < 0 ? ret : forward(m, m->request);
}

static int
plain(const struct mediation *m)
{
	return forward(m, m->request);
}

/* ---- AMI-HW ---------------------------------------------------------------------------------- */

static int
configure_ami_hw(const struct mediation *m, uint64_t id)
{
	const struct rvr_f_ami_hw_configure_req req = {
		.ami_hw_id = id,
		.pasid = pasid_of(m->owner),
		.pasid_enabled = 1,
	};
	uint8_t request[RVR_MGT_MSG_SIZE];
	int ret;

	rvr_f_ami_hw_configure_req_encode(request, &req, RVR_STATUS_OK);
	ret = forward(m, request);
	if (ret == 0 && rvr_msg_status(m->response) == RVR_STATUS_OK)
		m->pfd->state->ami_hw[id].configured = true;
	return ret;
}

static int
clean_ami_hw(const struct mediation *m, uint64_t id)
{
	int ret = EXECUTE(m->pfd, f_ami_hw_disable, .ami_hw_id = id);

	if (ret == 0)
		ret = EXECUTE(m->pfd, f_ami_hw_reset, .ami_hw_id = id);
	return ret == 0 ? configure_ami_hw(m, id) : -EIO;
}

/* 1 may have, 0 may not, or a negative errno. */
static int
agent_allowed(const struct mediation *m, uint64_t aha_id)
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
	return rvr_msg_status(response) == RVR_STATUS_OK && rsp.aha_iidr != 0 &&
		kind_allowed(m, rsp.aha_iidr);
}

static int
map_phy_ami_hw(const struct mediation *m, uint16_t id)
{
	struct pfd_state *state = m->pfd->state;
	struct pfd_ami_hw *ami_hw = &state->ami_hw[id];
	uint32_t phy_id;
	int ret;

	for (phy_id = 0; phy_id < PFD_IDS; phy_id++) {
		if (state->phy_ami_hw[ami_hw->aha_id][phy_id])
			continue;
		ami_hw->phy_id = (uint16_t)phy_id;
		__atomic_store_n(&ami_hw->taken, true, __ATOMIC_SEQ_CST);
		ret = EXECUTE(m->pfd, pf_ami_hw_map, .aha_id = ami_hw->aha_id,
			.phy_ami_hw_id = phy_id, .ami_hw_id = id);
		ami_hw->taken = ret == 0;
		state->phy_ami_hw[ami_hw->aha_id][phy_id] = ret == 0;
		if (ret != RVR_ST_PF_AMI_HW_MAP_PHY_AMI_HW_MAPPED)
			return ret;
	}
	return RVR_STATUS_OTHER;
}

static int
map_ami_hw(const struct mediation *m, uint16_t id, uint16_t aha_id)
{
	struct pfd_state *state = m->pfd->state;
	struct rvr_pf_ami_hw_map_rsp rsp;
	int ret;

	pending_begin(m, PFD_AMI_HW, false, id);
	state->ami_hw[id] = (struct pfd_ami_hw){ .owner = m->owner, .aha_id = aha_id };
	m->client->usage.agents_contexts++;
	state->usage.agents_contexts++;
	ret = map_phy_ami_hw(m, id);
	if (ret == 0 && clean_ami_hw(m, id) == 0) {
		rsp.phy_ami_hw_id = state->ami_hw[id].phy_id;
		rvr_pf_ami_hw_map_rsp_encode(m->response, &rsp, RVR_STATUS_OK);
	} else {
		pfd_drop_ami_hw(m->pfd, id);
		if (ret >= 0)
			answer(m, ret > 0 ? (uint16_t)ret : RVR_STATUS_OTHER);
	}
	pending_end(m->pfd);
	return ret < 0 ? ret : 0;
}

static int
pf_ami_hw_map(const struct mediation *m)
{
	struct pfd_usage used = pfd_usage_of(m->pfd, m->client->peer.uid);
	struct pfd_state *state = m->pfd->state;
	struct rvr_pf_ami_hw_map_req req;
	int ret;

	rvr_pf_ami_hw_map_req_decode(m->request, &req);
	if (req.f_owner != 0 || !req.any_phy_ami_hw || req.ami_hw_id >= PFD_IDS)
		return refuse(m, "AMI-HWs are mapped into the PF, with ANY_PHY_AMI_HW");
	ret = agent_allowed(m, req.aha_id);
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
	return map_ami_hw(m, (uint16_t)req.ami_hw_id, (uint16_t)req.aha_id);
}

static int
pf_ami_hw_unmap(const struct mediation *m)
{
	struct rvr_pf_ami_hw_unmap_req req;
	uint16_t id;

	rvr_pf_ami_hw_unmap_req_decode(m->request, &req);
	if (!owns_phy_ami_hw(m, req.aha_id, req.phy_ami_hw_id, &id))
		return refuse(m, "AMI-HW with physical ID %u of agent %u isn't this client's",
			(unsigned int)req.phy_ami_hw_id, (unsigned int)req.aha_id);
	pending_begin(m, PFD_AMI_HW, true, id);
	pfd_drop_ami_hw(m->pfd, id);
	pending_end(m->pfd);
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
	m->pfd->state->ami_hw[rvr_msg_get(m->request, 0x04, 15, 0)].configured = false;
	return forward(m, m->request);
}

static int
f_ami_hw_enable(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 15, 0);
	int ret = 0;

	if (!m->pfd->state->ami_hw[id].configured)
		ret = configure_ami_hw(m, id);
	if (ret == 0 && !m->pfd->state->ami_hw[id].configured)
		return answer(m, RVR_STATUS_OTHER);
	return ret < 0 ? ret : forward(m, m->request);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static bool
own_end(const struct mediation *m, uint64_t type, uint64_t aha_id, uint64_t phy_id)
{
	uint16_t id;

	return type == RVR_END_AMI_SW ? owns_phy_ami_sw(m, phy_id, &id) :
		owns_phy_ami_hw(m, aha_id, phy_id, &id);
}

static int
check_session(const struct mediation *m, const struct rvr_pf_asn_create_req *req)
{
	struct pfd_usage used = pfd_usage_of(m->pfd, m->client->peer.uid);

	if (!own_end(m, req->src_ami_type, req->src_aha_id, req->src_phy_ami_id) ||
		!own_end(m, req->dst_ami_type, req->dst_aha_id, req->dst_phy_ami_id)) {
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

static int
pf_asn_create(const struct mediation *m)
{
	struct pfd_state *state = m->pfd->state;
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
	pending_begin(m, PFD_ASN, false, (uint16_t)req.asn_id);
	state->asn_owner[req.asn_id] = m->owner;
	m->client->usage.sessions++;
	state->usage.sessions++;
	ret = forward(m, m->request);
	if (ret < 0 || rvr_msg_status(m->response) != RVR_STATUS_OK) {
		state->asn_owner[req.asn_id] = 0;
		m->client->usage.sessions--;
		state->usage.sessions--;
	}
	pending_end(m->pfd);
	return ret;
}

static int
pf_asn_destroy(const struct mediation *m)
{
	uint64_t id = rvr_msg_get(m->request, 0x04, 27, 0);

	if (id >= PFD_IDS || m->pfd->state->asn_owner[id] != m->owner)
		return refuse(m, "session %u isn't this client's", (unsigned int)id);
	pending_begin(m, PFD_ASN, true, (uint16_t)id);
	pfd_drop_asn(m->pfd, (uint16_t)id);
	pending_end(m->pfd);
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
	[RVR_F_AMI_SW_DISABLE] = { OF_AMI_SW, plain },
	[RVR_F_AMS_RING_CONFIGURE] = { OF_AMI_SW, plain },
	[RVR_F_AMS_RING_SAVE] = { OF_AMI_SW, plain },
	[RVR_PF_AMI_HW_MAP] = { OF_NOTHING, pf_ami_hw_map },
	[RVR_PF_AMI_HW_UNMAP] = { OF_NOTHING, pf_ami_hw_unmap },
	[RVR_F_AMI_HW_CONFIGURE] = { OF_AMI_HW, f_ami_hw_configure },
	[RVR_F_AMI_HW_SAVE] = { OF_AMI_HW, f_ami_hw_save },
	[RVR_F_AMI_HW_RESET] = { OF_AMI_HW, f_ami_hw_reset },
	[RVR_F_AMI_HW_ENABLE] = { OF_AMI_HW, f_ami_hw_enable },
	[RVR_F_AMI_HW_DISABLE] = { OF_AMI_HW, plain },
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
		.limits = pfd_policy_find(pfd->policy, &pfd->state->clients[place].peer),
		.owner = (uint16_t)(place + 1),
		.request_id = request_id,
		.request = request,
		.response = response,
		.reason = reason,
	};
	uint16_t opcode = rvr_msg_opcode(request);
	uint64_t id = rvr_msg_get(request, 0x04, 15, 0);

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
	return rules[opcode].run(&m);
}
