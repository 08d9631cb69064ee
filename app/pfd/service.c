/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What clients ask for, one request at a time, and what becomes of the rest of them.
 *
 * A process that dies within a request leaves the packet in its socket, and finds it there again.
 * So what a request makes or takes away stands in the state as pending before the device is told,
 * and is undone or finished by pfd_recover(); and a request that was answered is known by its id.
 */

#include <inttypes.h>
#include <string.h>

#include "pfd.h"

static struct pfd_client *
client_at(struct pfd *pfd, unsigned int place)
{
	return &pfd->state->clients[place];
}

struct pfd_usage
pfd_usage_of(const struct pfd *pfd, uid_t uid)
{
	struct pfd_usage sum = { 0 };
	const struct pfd_client *client;
	unsigned int i;

	for (i = 0; i < PFD_CLIENTS; i++) {
		client = &pfd->state->clients[i];
		if (!client->used || client->peer.uid != uid)
			continue;
		sum.clients++;
		sum.contexts += client->usage.contexts;
		sum.agents_contexts += client->usage.agents_contexts;
		sum.sessions += client->usage.sessions;
		sum.vectors += client->usage.vectors;
		sum.memory += client->usage.memory;
		sum.maps += client->usage.maps;
	}
	return sum;
}

const struct pfd_limits *
pfd_limits_of(const struct pfd *pfd, const struct pfd_peer *peer)
{
	const struct pfd_limits *limits = pfd_policy_find(pfd->policy, peer);

	return limits == NULL || limits->trusted || pfd->backend->isolates ? limits : NULL;
}

/* ---- Clients -------------------------------------------------------------------------------- */

static int
check_peer(const struct pfd *pfd, const struct pfd_peer *peer, char reason[RVR_PFD_REASON])
{
	const struct pfd_limits *limits = pfd_policy_find(pfd->policy, peer);
	unsigned int uid = (unsigned int)peer->uid;

	if (limits == NULL)
		return pfd_wrong(reason, -EACCES, "the policy lets user %u have nothing", uid);
	if (pfd_limits_of(pfd, peer) == NULL)
		return pfd_wrong(reason, -EACCES, "the policy doesn't trust user %u (trusted=yes): "
			"vfio-pci isolates no contexts; or use a VF", uid);
	if (pfd_usage_of(pfd, peer->uid).clients >= limits->clients)
		return pfd_wrong(reason, -EUSERS, "quota: user %u has %u connections, the policy "
			"allows %u", uid, pfd_usage_of(pfd, peer->uid).clients, limits->clients);
	if (pfd->state->usage.clients >= pfd_policy_total(pfd->policy)->clients)
		return pfd_wrong(reason, -EUSERS, "quota: all users have %u connections, that many "
			"are allowed", pfd->state->usage.clients);
	return 0;
}

int
pfd_client_add(struct pfd *pfd, const struct pfd_peer *peer, char reason[RVR_PFD_REASON])
{
	struct pfd_client *client;
	unsigned int place;
	int ret = check_peer(pfd, peer, reason);

	if (ret < 0)
		return ret;
	for (place = 0; place < PFD_CLIENTS && client_at(pfd, place)->used; place++)
		;
	if (place == PFD_CLIENTS)
		return pfd_wrong(reason, -EUSERS, "%u connections, no more are possible", place);
	client = client_at(pfd, place);
	memset(client, 0, sizeof(*client));
	client->peer = *peer;
	client->serial = ++pfd->state->serial;
	client->used = true;
	pfd->state->usage.clients++;
	return (int)place;
}

static void
drop_vectors(struct pfd *pfd, unsigned int place)
{
	struct pfd_client *client = client_at(pfd, place);
	unsigned int i;

	for (i = 1; i < PFD_DEVICE_VECTORS; i++) {
		if (pfd->state->vector_owner[i] != place + 1)
			continue;
		pfd->backend->irq_set(pfd->arg, i, -1);
		pfd->state->vector_owner[i] = 0;
		pfd->state->usage.vectors--;
	}
	memset(client->vectors, 0, sizeof(client->vectors));
}

static void
mapped_set(struct pfd *pfd, struct pfd_client *client, struct pfd_mapped mapped)
{
	struct pfd_usage *all = &pfd->state->usage;

	all->memory += mapped.bytes - client->usage.memory;
	all->maps += mapped.maps - client->usage.maps;
	client->usage.memory = mapped.bytes;
	client->usage.maps = mapped.maps;
}

/* What a client has mapped then the device says, who may have named more than it had. */
static int
unmap(struct pfd *pfd, unsigned int place, uint64_t iova, uint64_t size)
{
	struct pfd_mapped left;
	int ret = pfd->backend->dma_unmap(pfd->arg, place + 1, iova, size, &left);

	if (ret == 0)
		mapped_set(pfd, client_at(pfd, place), left);
	return ret;
}

/*
 * A map that a process was about to make is taken away again, if it was made: the range may be one
 * that the client had before, for which the device refuses the map.
 */
static void
undo_map(struct pfd *pfd)
{
	const struct pfd_mapped *before = &pfd->state->pending.before;
	unsigned int place = pfd->state->pending.client - 1u;
	struct pfd_mapped now;

	if (pfd->backend->dma_mapped(pfd->arg, place + 1, &now) < 0)
		return;
	mapped_set(pfd, client_at(pfd, place), now);
	if (now.maps != before->maps || now.bytes != before->bytes)
		unmap(pfd, place, pfd->state->pending.iova, pfd->state->pending.size);
}

void
pfd_client_remove(struct pfd *pfd, unsigned int place)
{
	struct pfd_client *client = client_at(pfd, place);

	if (!client->used)
		return;
	pfd_drop_all(pfd, place);
	unmap(pfd, place, 0, 0);
	drop_vectors(pfd, place);
	mapped_set(pfd, client, (struct pfd_mapped){ .bytes = 0 });
	pfd->state->usage.clients--;
	client->used = false;
}

/* What was to be taken away is gone: the request, if it comes again, gets this for an answer. */
static void
recover_answer(struct pfd *pfd)
{
	struct pfd_client *client = client_at(pfd, pfd->state->pending.client - 1u);
	struct rvr_pfd_header header = {
		.type = rvr_cpu_le16(RVR_PFD_COMMAND),
		.size = rvr_cpu_le32(sizeof(header) + sizeof(struct rvr_pfd_response)),
		.id = rvr_cpu_le32(pfd->state->pending.request),
	};
	struct rvr_pfd_response response = { .reason = "" };

	rvr_msg_put(response.msg, 0, 15, 0, pfd->state->pending.opcode);
	memcpy(client->reply, &header, sizeof(header));
	memcpy(client->reply + sizeof(header), &response, sizeof(response));
	client->reply_size = sizeof(header) + sizeof(response);
	client->reply_page = false;
	client->last_id = pfd->state->pending.request;
}

/* Counts are sums: whatever the last process was about to change, they are right again. */
static void
recount(struct pfd_state *state)
{
	struct pfd_usage all = { .memory = 0 };
	struct pfd_client *client;
	unsigned int i;

	for (i = 0; i < PFD_CLIENTS; i++) {
		client = &state->clients[i];
		client->usage = (struct pfd_usage){ .memory = client->usage.memory,
			.maps = client->usage.maps };
		all.clients += client->used;
		all.memory += client->used ? client->usage.memory : 0;
		all.maps += client->used ? client->usage.maps : 0;
	}
	for (i = 0; i < state->ami_sws; i++)
		if (state->ami_sw[i].owner != 0) {
			state->clients[state->ami_sw[i].owner - 1].usage.contexts++;
			all.contexts++;
		}
	for (i = 0; i < state->ami_hws; i++)
		if (state->ami_hw[i].owner != 0) {
			state->clients[state->ami_hw[i].owner - 1].usage.agents_contexts++;
			all.agents_contexts++;
		}
	for (i = 0; i < state->asns; i++)
		if (state->asn_owner[i] != 0) {
			state->clients[state->asn_owner[i] - 1].usage.sessions++;
			all.sessions++;
		}
	for (i = 0; i < PFD_DEVICE_VECTORS; i++) {
		if (state->vector_owner[i] == 0)
			continue;
		state->clients[state->vector_owner[i] - 1].usage.vectors++;
		all.vectors++;
	}
	pfd_vfs_count(state, &all);
	state->usage = all;
}

/* Then it is done, and its client has that for an answer. */
static bool
was_answered(const struct pfd_state *state)
{
	return state->pending.request != 0 && state->pending.request ==
		state->clients[state->pending.client - 1].last_id;
}

void
pfd_recover(struct pfd *pfd)
{
	struct pfd_state *state = pfd->state;

	recount(state);
	if (state->switching != 0)
		pfd_park(pfd, (uint16_t)(state->switching - 1));
	if (state->switching_ami_hw != 0)
		pfd_park_ami_hw(pfd, (uint16_t)(state->switching_ami_hw - 1));
	state->switching_ami_hw = 0;
	if (state->pending.object != PFD_NONE && was_answered(state))
		state->pending.object = PFD_NONE;
	switch (state->pending.object) {
	case PFD_AMI_SW:
		pfd_drop_ami_sw(pfd, state->pending.id);
		break;
	case PFD_AMI_HW:
		pfd_drop_ami_hw(pfd, state->pending.id);
		break;
	case PFD_ASN:
		pfd_drop_asn(pfd, state->pending.id);
		break;
	case PFD_MAP:
		undo_map(pfd);
		break;
	case PFD_NONE:
		return;
	}
	pfd_state_trim(state);
	if (state->pending.taken)
		recover_answer(pfd);
	state->pending.object = PFD_NONE;
}

/* ---- Interrupts and exceptions --------------------------------------------------------------- */

int
pfd_vector_get(struct pfd *pfd, unsigned int place, uint32_t vector, char reason[RVR_PFD_REASON])
{
	struct pfd_client *client = client_at(pfd, place);
	const struct pfd_limits *limits = pfd_limits_of(pfd, &client->peer);
	uint32_t own;

	if (vector >= PFD_VECTORS)
		return pfd_wrong(reason, -EINVAL, "vector %u, there are 0 to %d", vector,
			PFD_VECTORS - 1);
	if (client->vectors[vector] != 0)
		return client->vectors[vector];
	if (limits == NULL || pfd_usage_of(pfd, client->peer.uid).vectors >= limits->vectors ||
		pfd->state->usage.vectors >= pfd_policy_total(pfd->policy)->vectors)
		return pfd_wrong(reason, -EDQUOT, "quota: user %u has %u vectors, all have %u, the "
			"policy allows no more", (unsigned int)client->peer.uid,
			pfd_usage_of(pfd, client->peer.uid).vectors, pfd->state->usage.vectors);
	/* The device's 0 is our own. */
	for (own = 1; own < pfd->vectors && own < PFD_DEVICE_VECTORS; own++) {
		if (pfd->state->vector_owner[own] != 0)
			continue;
		pfd->state->vector_owner[own] = (uint16_t)(place + 1);
		client->vectors[vector] = (uint16_t)own;
		client->usage.vectors++;
		pfd->state->usage.vectors++;
		return (int)own;
	}
	return pfd_wrong(reason, -ENOSPC, "the device has %u vectors, all are in use",
		pfd->vectors);
}

static int
serve_irq(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	char reason[RVR_PFD_REASON])
{
	int own = pfd_vector_get(pfd, place, rvr_le32_cpu(request->irq.vector), reason);

	if (own < 0)
		return own;
	own = pfd->backend->irq_set(pfd->arg, (uint32_t)own, request->fd);
	return own < 0 ? pfd_wrong(reason, own, "the device refuses this eventfd: %s",
		strerror(-own)) : 0;
}

/* The context that an exception is about, by our ID + 1; 0 none. */
static uint32_t
exception_subject(const struct pfd *pfd, const void *msg)
{
	uint64_t id = rvr_msg_get(msg, 0x04, 15, 0);

	switch (rvr_msg_opcode(msg)) {
	case RVR_E_F_AMI_RING_FAULT:
	case RVR_E_F_AMI_RING_INVALID_VECTOR:
		return id < PFD_IDS ? pfd->state->device_ami_sw[id] : 0;
	default:
		return 0;
	}
}

/* Its contexts stay as they were given; its driver, or the next one, sets them up. */
static void
vf_was_reset(struct pfd *pfd, uint64_t vf)
{
	pfd_log(PFD_INFO, "VF %u was reset", (unsigned int)vf);
	if (vf < PFD_VFS)
		pfd->state->vfs[vf].resets++;
}

void
pfd_exception(struct pfd *pfd, const void *msg)
{
	uint32_t subject = exception_subject(pfd, msg);
	uint8_t own[RVR_MGT_MSG_SIZE];

	if (rvr_msg_opcode(msg) == RVR_E_PF_VF_RESET)
		vf_was_reset(pfd, rvr_msg_get(msg, 0x04, 15, 0));
	if (subject == 0)
		return;
	memcpy(own, msg, sizeof(own));
	rvr_msg_put(own, 0x04, 15, 0, subject - 1);
	if (rvr_msg_opcode(msg) == RVR_E_F_AMI_RING_FAULT)
		pfd->state->ami_sw[subject - 1].faulted = true;
	pfd_tell(pfd, pfd->state->ami_sw[subject - 1].owner, own);
}

/* That an AMI-SW is enabled CONFIGURE tells, by being refused; to others it does no harm. */
static bool
was_stopped(struct pfd *pfd, uint16_t id)
{
	const struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct rvr_f_ami_sw_configure_req req = pfd->state->conf[id].configure;
	uint8_t request[RVR_MGT_MSG_SIZE];

	if (ami_sw->owner == 0 || !ami_sw->taken || !ami_sw->enabled || ami_sw->faulted)
		return false;
	req.ami_sw_id = ami_sw->phy_id;
	req.pasid = pfd_pasid_of(pfd, ami_sw->owner);
	req.pasid_enabled = req.pasid != 0;
	rvr_f_ami_sw_configure_req_encode(request, &req, RVR_STATUS_OK);
	return pfd_execute(pfd, request) == RVR_STATUS_OK;
}

/*
 * A full ring loses what comes: of VFs' resets and wrong vectors nothing else tells, contexts that
 * are at fault are disabled. Commands of VFs wait for room in it. Only the first error is told: it
 * may hide this one.
 */
static void
make_up_for_lost(struct pfd *pfd)
{
	struct rvr_e_f_ami_ring_fault fault = { .ami_id = 0 };
	uint64_t state = rvr_get(pfd->backend->reg_read(pfd->arg, RVR_AMU_SR),
		RVR_AMU_SR_ERROR_STATE);
	uint8_t msg[RVR_MGT_MSG_SIZE];
	unsigned int faults = 0;
	uint32_t id;

	/* First: what is lost from now on is noticed again. */
	if (state == RVR_ERROR_STATE_NONE ||
		pfd->backend->reg_write(pfd->arg, RVR_AMU_SR, 0) < 0)
		return;
	for (id = 0; id < pfd->state->ami_sws; id++) {
		if (!was_stopped(pfd, (uint16_t)id))
			continue;
		fault.ami_id = pfd->state->ami_sw[id].phy_id;
		rvr_e_f_ami_ring_fault_encode(msg, &fault, RVR_STATUS_OK);
		pfd_exception(pfd, msg);
		faults++;
	}
	pfd_log(pfd->lost ? PFD_INFO : PFD_WARNING, "ERROR_STATE of the device was %u%s: %u "
		"contexts are at fault that weren't told of", (unsigned int)state, state ==
		RVR_ERROR_STATE_EXCEPTION_FULL ? ", exceptions are lost" : "", faults);
	pfd->lost = true;
}

static void
take_exceptions(struct pfd *pfd, int num)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	for (; num > 0; num--) {
		pfd->backend->exception(pfd->arg, msg);
		/* These wait for a process after this one, until they are answered or noted. */
		if (rvr_msg_opcode(msg) == RVR_E_PF_TRAPPED_CMD && pfd_trapped(pfd, msg) < 0)
			return;
		if (rvr_msg_opcode(msg) == RVR_E_PF_AMI_HW_CALLS)
			pfd_called(pfd, msg);
		pfd->backend->exception_done(pfd->arg);
		if (rvr_msg_opcode(msg) != RVR_E_PF_TRAPPED_CMD)
			pfd_exception(pfd, msg);
	}
}

void
pfd_exceptions(struct pfd *pfd)
{
	int num = pfd->backend->exceptions(pfd->arg);

	if (num == 0)
		return;
	take_exceptions(pfd, num);
	make_up_for_lost(pfd);
}

void
pfd_tell(struct pfd *pfd, uint16_t owner, const void *msg)
{
	struct pfd_ami_sw *ami_sw;
	struct pfd_client *client;

	if (owner == 0)
		return;
	client = client_at(pfd, owner - 1u);
	/* Who doesn't take them loses the later ones, but for faults: one waits at each context. */
	if (client->exceptions_written - client->exceptions_read < PFD_EXCEPTIONS) {
		memcpy(client->exceptions[client->exceptions_written % PFD_EXCEPTIONS], msg,
			RVR_MGT_MSG_SIZE);
		client->exceptions_written++;
	} else if (rvr_msg_opcode(msg) == RVR_E_F_AMI_RING_FAULT) {
		ami_sw = &pfd->state->ami_sw[rvr_msg_get(msg, 0x04, 15, 0) % PFD_IDS];
		ami_sw->untold_ams = (uint8_t)rvr_msg_get(msg, 0x04, 21, 16);
		ami_sw->untold = true;
	}
	if (client->exception_irq && client->exception_vector < PFD_VECTORS &&
		client->vectors[client->exception_vector] != 0)
		pfd->backend->irq_trigger(pfd->arg, client->vectors[client->exception_vector]);
}

/* A fault that there was no room for, of any of a client's contexts; NULL there is none. */
static struct pfd_ami_sw *
untold(struct pfd *pfd, unsigned int place, uint32_t *id)
{
	struct pfd_state *state = pfd->state;

	for (*id = 0; *id < state->ami_sws; ++*id)
		if (state->ami_sw[*id].untold && state->ami_sw[*id].owner == place + 1)
			return &state->ami_sw[*id];
	return NULL;
}

/* The oldest one. It is the next one, too, until its answer is kept. */
static void
serve_exception(struct pfd *pfd, unsigned int place, struct rvr_pfd_mgt *reply)
{
	const struct pfd_client *client = client_at(pfd, place);
	struct rvr_e_f_ami_ring_fault fault = { .ami_id = 0 };
	const struct pfd_ami_sw *ami_sw;
	uint32_t id;

	memset(reply, 0, sizeof(*reply));
	if (client->exceptions_read != client->exceptions_written) {
		memcpy(reply->msg, client->exceptions[client->exceptions_read % PFD_EXCEPTIONS],
			sizeof(reply->msg));
		return;
	}
	ami_sw = untold(pfd, place, &id);
	if (ami_sw == NULL)
		return;
	fault.ami_id = id;
	fault.ams_id = ami_sw->untold_ams;
	rvr_e_f_ami_ring_fault_encode(reply->msg, &fault, RVR_STATUS_OK);
}

static void
exception_taken(struct pfd *pfd, struct pfd_client *client, const void *msg)
{
	if (client->exceptions_read != client->exceptions_written)
		client->exceptions_read++;
	else if (rvr_msg_opcode(msg) == RVR_E_F_AMI_RING_FAULT)
		pfd->state->ami_sw[rvr_msg_get(msg, 0x04, 15, 0) % PFD_IDS].untold = false;
}

/* ---- Registers ------------------------------------------------------------------------------- */

/* Identification is the device's, the rest is nobody's but ours. */
static uint64_t
reg_read(struct pfd *pfd, uint32_t offset)
{
	uint64_t value;

	switch (offset) {
	case RVR_AMU_IDR:
		value = pfd->backend->reg_read(pfd->arg, offset);
		return value == UINT64_MAX ? value :
			value & ~(rvr_prep(RVR_AMU_IDR_ASN_PROF, 1) |
				rvr_prep(RVR_AMU_IDR_TRACING, 1));
	case RVR_AMU_AIDR:
	case RVR_AMU_IIDR:
		return pfd->backend->reg_read(pfd->arg, offset);
	default:
		return 0;
	}
}

static void
reg_write(struct pfd_client *client, uint32_t offset, uint64_t value)
{
	if (offset == RVR_MGT_RX_VECTOR)
		client->exception_vector = value < PFD_VECTORS ? (uint16_t)value : PFD_VECTORS;
	else if (offset == RVR_MGT_RX_IRQ_CTRL)
		client->exception_irq = (value & 1) != 0;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static int
beyond_memory(const struct pfd *pfd, const struct pfd_client *client, uint64_t size,
	char reason[RVR_PFD_REASON])
{
	const struct pfd_limits *limits = pfd_limits_of(pfd, &client->peer);
	const struct pfd_limits *total = pfd_policy_total(pfd->policy);
	const struct pfd_usage used = pfd_usage_of(pfd, client->peer.uid);
	const struct pfd_usage *all = &pfd->state->usage;
	unsigned int uid = (unsigned int)client->peer.uid;

	if (limits == NULL || size > limits->memory || used.memory > limits->memory - size ||
		size > total->memory || all->memory > total->memory - size)
		return pfd_wrong(reason, -EDQUOT, "quota: user %u has %" PRIu64 " MiB mapped, %"
			PRIu64 " more are beyond the policy", uid, used.memory >> 20, size >> 20);
	if (used.maps >= limits->maps || all->maps >= total->maps)
		return pfd_wrong(reason, -EDQUOT, "quota: user %u has %u maps, all have %u, the "
			"policy allows no more", uid, used.maps, all->maps);
	return 0;
}

/* Where all clients have one address space they have to have addresses of their own. */
static const char *
why_unmapped(const struct pfd *pfd, int error)
{
	if (!pfd->backend->isolates && error == EEXIST)
		return "some is there already, see EAL's --base-virtaddr";
	if (!pfd->backend->isolates && error == ERANGE)
		return "the IOMMU doesn't reach it, see EAL's --base-virtaddr";
	return strerror(error);
}

static int
serve_map(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	char reason[RVR_PFD_REASON])
{
	struct pfd_client *client = client_at(pfd, place);
	uint64_t iova = rvr_le64_cpu(request->dma.iova), size = rvr_le64_cpu(request->dma.size);
	int ret = beyond_memory(pfd, client, size, reason);

	if (ret < 0)
		return ret;
	pfd->state->pending.client = (uint16_t)(place + 1);
	pfd->state->pending.iova = iova;
	pfd->state->pending.size = size;
	pfd->state->pending.before = (struct pfd_mapped){ .bytes = client->usage.memory,
		.maps = client->usage.maps };
	pfd->state->pending.taken = false;
	pfd->state->pending.request = request->id;
	__atomic_store_n(&pfd->state->pending.object, PFD_MAP, __ATOMIC_SEQ_CST);
	pfd_stored();
	ret = pfd->backend->dma_map(pfd->arg, place + 1, iova, size, request->fd,
		rvr_le64_cpu(request->dma.offset));
	if (ret == 0)
		mapped_set(pfd, client, (struct pfd_mapped){
			.bytes = client->usage.memory + size, .maps = client->usage.maps + 1 });
	return ret < 0 ? pfd_wrong(reason, ret, "%" PRIu64 " bytes at IOVA %#" PRIx64
		" can't be mapped: %s", size, iova, why_unmapped(pfd, -ret)) : 0;
}

static int
serve_unmap(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	char reason[RVR_PFD_REASON])
{
	uint64_t iova = rvr_le64_cpu(request->dma.iova);
	int ret = unmap(pfd, place, iova, rvr_le64_cpu(request->dma.size));

	return ret < 0 ? pfd_wrong(reason, ret, "IOVA %#" PRIx64 " can't be unmapped: %s", iova,
		strerror(-ret)) : 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void *
reply_make(struct pfd_reply *reply, const struct pfd_request *request, uint32_t size)
{
	const struct rvr_pfd_header header = {
		.type = rvr_cpu_le16((uint16_t)request->type),
		.size = rvr_cpu_le32((uint32_t)sizeof(header) + size),
		.id = rvr_cpu_le32(request->id),
	};

	memset(reply->data, 0, sizeof(reply->data));
	memcpy(reply->data, &header, sizeof(header));
	reply->size = (uint32_t)sizeof(header) + size;
	reply->fd = -1;
	return reply->data + sizeof(header);
}

void
pfd_refuse(struct pfd_reply *reply, unsigned int type, uint32_t id, int error, const char *reason)
{
	const struct pfd_request request = { .type = (enum rvr_pfd_type)type, .id = id };
	struct rvr_pfd_refused *refused = reply_make(reply, &request, sizeof(*refused));
	rvr_le32 wire = rvr_cpu_le32((uint32_t)error);

	memcpy(reply->data + offsetof(struct rvr_pfd_header, error), &wire, sizeof(wire));
	snprintf(refused->reason, sizeof(refused->reason), "%s", reason);
}

static int
serve_hello(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	struct pfd_reply *reply, char reason[RVR_PFD_REASON])
{
	struct pfd_client *client = client_at(pfd, place);
	const struct pfd_limits *limits = pfd_limits_of(pfd, &client->peer);
	struct rvr_pfd_welcome *welcome;

	/* Until one was answered it comes again if a process dies within it. */
	if (client->greeted && client->last_id != 0)
		return pfd_wrong(reason, -EPROTO, "HELLO is a connection's first request alone");
	if (rvr_le16_cpu(request->hello.major) != RVR_PFD_MAJOR)
		return pfd_wrong(reason, -EPROTONOSUPPORT, "version %u of the protocol, this is %d",
			rvr_le16_cpu(request->hello.major), RVR_PFD_MAJOR);
	if (limits == NULL)
		return pfd_wrong(reason, -EACCES, "the policy lets user %u have nothing",
			(unsigned int)client->peer.uid);
	client->greeted = true;
	welcome = reply_make(reply, request, sizeof(*welcome));
	welcome->major = rvr_cpu_le16(RVR_PFD_MAJOR);
	welcome->minor = rvr_cpu_le16(RVR_PFD_MINOR);
	welcome->vectors = rvr_cpu_le32(limits->vectors < PFD_VECTORS ? limits->vectors :
		PFD_VECTORS);
	welcome->contexts = rvr_cpu_le32(limits->contexts);
	welcome->sessions = rvr_cpu_le32(limits->sessions);
	return 0;
}

static int
serve_page(struct pfd *pfd, unsigned int place, uint32_t id, struct pfd_reply *reply,
	const struct pfd_request *request, char reason[RVR_PFD_REASON])
{
	struct rvr_pfd_page *page;
	uint64_t offset;
	int ret, fd;

	if (id >= PFD_IDS || pfd->state->ami_sw[id].owner != place + 1)
		return pfd_wrong(reason, -EPERM, "AMI-SW %u isn't this client's", id);
	ret = pfd->backend->page(pfd->arg, id, pfd->state->ami_sw[id].phy_id, &fd, &offset);
	if (ret < 0)
		return pfd_wrong(reason, ret, "page of AMI-SW %u: %s", id, strerror(-ret));
	page = reply_make(reply, request, sizeof(*page));
	page->ami_sw_id = rvr_cpu_le32(id);
	page->offset = rvr_cpu_le64(offset);
	reply->fd = fd;
	return 0;
}

static int
serve_command(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	struct pfd_reply *reply, char reason[RVR_PFD_REASON])
{
	struct rvr_pfd_response *response = reply_make(reply, request, sizeof(*response));
	int ret = pfd_mediate(pfd, place, request->id, request->mgt.msg, response->msg,
		response->reason);

	if (ret < 0 && ret != PFD_WAITS)
		return pfd_wrong(reason, ret, "the device doesn't answer: %s", strerror(-ret));
	return ret;
}

static int
serve(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	struct pfd_reply *reply, char reason[RVR_PFD_REASON])
{
	struct pfd_client *client = client_at(pfd, place);
	struct rvr_pfd_reg *reg;

	if (!client->greeted && request->type != RVR_PFD_HELLO)
		return pfd_wrong(reason, -EPROTO, "a connection's first request is HELLO");
	switch (request->type) {
	case RVR_PFD_HELLO:
		return serve_hello(pfd, place, request, reply, reason);
	case RVR_PFD_REG_READ:
		reg = reply_make(reply, request, sizeof(*reg));
		reg->offset = request->reg.offset;
		reg->value = rvr_cpu_le64(reg_read(pfd, rvr_le32_cpu(reg->offset)));
		return 0;
	case RVR_PFD_COMMAND:
		return serve_command(pfd, place, request, reply, reason);
	case RVR_PFD_EXCEPTION:
		serve_exception(pfd, place, reply_make(reply, request, sizeof(struct rvr_pfd_mgt)));
		return 0;
	case RVR_PFD_PAGE:
		return serve_page(pfd, place, rvr_le32_cpu(request->page.ami_sw_id), reply,
			request, reason);
	default:
		break;
	}
	/* The reply is a header. */
	reply_make(reply, request, 0);
	switch (request->type) {
	case RVR_PFD_REG_WRITE:
		reg_write(client, rvr_le32_cpu(request->reg.offset),
			rvr_le64_cpu(request->reg.value));
		return 0;
	case RVR_PFD_DMA_MAP:
		return serve_map(pfd, place, request, reason);
	case RVR_PFD_DMA_UNMAP:
		return serve_unmap(pfd, place, request, reason);
	case RVR_PFD_IRQ_SET:
		return serve_irq(pfd, place, request, reason);
	default:
		pfd_drop_all(pfd, place);
		return 0;
	}
}

/* The last request once more: the reply that it got, whose descriptor is got anew. */
static bool
answered(struct pfd *pfd, unsigned int place, const struct pfd_request *request,
	struct pfd_reply *reply)
{
	struct pfd_client *client = client_at(pfd, place);
	uint32_t id = client->reply_ami_sw_id;
	uint64_t offset;

	if (request->id == 0 || request->id != client->last_id)
		return false;
	memcpy(reply->data, client->reply, sizeof(reply->data));
	reply->size = client->reply_size;
	reply->fd = -1;
	if (client->reply_page && pfd->backend->page(pfd->arg, id, pfd->state->ami_sw[id].phy_id,
		    &reply->fd, &offset) < 0)
		reply->fd = -1;
	return true;
}

static void
remember(struct pfd_client *client, const struct pfd_request *request,
	const struct pfd_reply *reply)
{
	/* In this order: a reply isn't taken for that of another request. */
	__atomic_store_n(&client->last_id, 0, __ATOMIC_SEQ_CST);
	pfd_stored();
	memcpy(client->reply, reply->data, sizeof(client->reply));
	client->reply_size = reply->size;
	client->reply_page = reply->fd >= 0;
	client->reply_ami_sw_id = rvr_le32_cpu(request->page.ami_sw_id);
	pfd_stored();
	__atomic_store_n(&client->last_id, request->id, __ATOMIC_SEQ_CST);
	pfd_stored();
}

bool
pfd_serve(struct pfd *pfd, unsigned int place, const void *packet, size_t size, const int *fds,
	unsigned int num_fds, struct pfd_reply *reply)
{
	struct pfd_client *client = client_at(pfd, place);
	char reason[RVR_PFD_REASON] = "";
	struct pfd_request request;
	int ret;

	ret = pfd_request_parse(packet, size, fds, num_fds, &request, reason);
	if (ret == 0 && answered(pfd, place, &request, reply))
		return true;
	if (ret == 0)
		ret = serve(pfd, place, &request, reply, reason);
	if (ret == PFD_WAITS)
		return false;
	client->asked.num = 0;
	if (ret < 0) {
		pfd_refuse(reply, request.type, request.id, -ret, reason);
		pfd_log(PFD_INFO, "client %u (process %d): request %u: %s", place,
			(int)client->peer.pid, (unsigned int)request.type, reason);
	}
	pfd_stored();
	remember(client, &request, reply);
	__atomic_store_n(&pfd->state->pending.object, PFD_NONE, __ATOMIC_SEQ_CST);
	pfd_stored();
	if (ret == 0 && request.type == RVR_PFD_EXCEPTION)
		exception_taken(pfd, client, reply->data + sizeof(struct rvr_pfd_header));
	return true;
}
