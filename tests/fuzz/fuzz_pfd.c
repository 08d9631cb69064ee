/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Fuzzes what clients of revere-pfd can send: packets of several of them, from HELLO to management
 * commands, to the service with a model of a device that checks what reaches it. For libFuzzer;
 * replay.c runs single inputs with any compiler.
 *
 * An input is a sequence of packets, each
 *	u8 who: [1:0] client, [2] the packet is as it stands, else it gets a fitting header,
 *	        [3] the client leaves and another one comes, [4] the service dies within it, and
 *	        the next one finds the packet again, [5] it comes twice
 *	u8 [2:0] descriptors, [7:3] of how many calls of the device the service survives; and whose
 *	   doorbell rings after it
 *	u8 type, of the header
 *	u8 size of the payload, then the payload
 * The highest bit of its last byte says that the device isolates nothing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pfd.h"

#define CLIENTS 4
#define RECORD_HEADER 4
#define DEVICE_AMI_SW 3 /* fewer than clients may have: contexts are parked */
#define DEVICE_AMI_HW 2 /* of each agent */
#define DEVICE_AHAS 3
#define DEVICE_MAPS 8 /* of each PASID */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool ok)
{
	if (!ok)
		abort();
}

void
pfd_log(enum pfd_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

/* Time passes by being asked for. */
static uint64_t clock_us;

uint64_t
pfd_now_us(void)
{
	return clock_us += 1500;
}

/* ---- A device that has the IDs of its contexts in mind, nothing else ------------------------- */

struct map {
	uint64_t iova, size;
};

static struct {
	bool sw_used[DEVICE_AMI_SW], hw_used[DEVICE_AHAS][DEVICE_AMI_HW];
	uint32_t sw_phy[PFD_IDS], hw_phy[PFD_IDS]; /* + 1, 0 not mapped; with an AMI-HW's agent */
	uint32_t sw_pasid[PFD_IDS], hw_pasid[PFD_IDS];
	uint32_t hw_kept[PFD_IDS]; /* its agent + 1, 0 it isn't kept */
	bool asn[PFD_IDS];
	struct rvr_pf_asn_create_req ends[PFD_IDS];
	uint64_t pages[PFD_IDS][RVR_AMI_SW_PAGE_SIZE / sizeof(uint64_t)]; /* by the service's IDs */
	struct map maps[PFD_CLIENTS + 1][DEVICE_MAPS]; /* by PASID */
	uint32_t bound[PFD_IDS]; /* page of an AMI-SW + 1 */
} device;

static struct pfd pfd;
static struct pfd_backend backend; /* the model; an input says whether it isolates */

static uint16_t
map_ami_sw(const void *request)
{
	struct rvr_pf_ami_sw_map_req req;

	rvr_pf_ami_sw_map_req_decode(request, &req);
	need(req.f_owner == 0 && !req.any_phy_ami_sw);
	if (req.phy_ami_sw_id >= DEVICE_AMI_SW)
		return RVR_STATUS_OTHER;
	need(req.ami_sw_id < PFD_IDS);
	need(!device.sw_used[req.phy_ami_sw_id] && device.sw_phy[req.ami_sw_id] == 0);
	device.bound[req.ami_sw_id] = 0;
	device.sw_pasid[req.ami_sw_id] = 0;
	device.sw_used[req.phy_ami_sw_id] = true;
	device.sw_phy[req.ami_sw_id] = (uint32_t)req.phy_ami_sw_id + 1;
	return RVR_STATUS_OK;
}

/* Sessions are destroyed before a context is anybody else's. */
static void
no_session_at(uint64_t type, uint64_t aha_id, uint64_t phy_id)
{
	uint32_t id;

	for (id = 0; id < PFD_IDS; id++) {
		const struct rvr_pf_asn_create_req *ends = &device.ends[id];

		need(!device.asn[id] || ends->src_ami_type != type ||
			ends->src_phy_ami_id != phy_id ||
			(type == RVR_END_AMI_HW && ends->src_aha_id != aha_id));
		need(!device.asn[id] || ends->dst_ami_type != type ||
			ends->dst_phy_ami_id != phy_id ||
			(type == RVR_END_AMI_HW && ends->dst_aha_id != aha_id));
	}
}

static uint16_t
unmap_ami_sw(const void *request)
{
	uint64_t phy_id = rvr_msg_get(request, 0x04, 15, 0);
	uint32_t id;

	if (phy_id >= DEVICE_AMI_SW || !device.sw_used[phy_id])
		return RVR_STATUS_OTHER;
	no_session_at(RVR_END_AMI_SW, 0, phy_id);
	device.sw_used[phy_id] = false;
	for (id = 0; id < PFD_IDS; id++)
		if (device.sw_phy[id] == phy_id + 1)
			device.sw_phy[id] = 0;
	return RVR_STATUS_OK;
}

/* One agent of them all keeps contexts. */
static bool
keeps(uint64_t aha_id)
{
	return aha_id == 1;
}

static uint16_t
map_ami_hw(const void *request, void *response)
{
	struct rvr_pf_ami_hw_map_req req;

	rvr_pf_ami_hw_map_req_decode(request, &req);
	need(req.f_owner == 0 && !req.any_phy_ami_hw);
	if (req.aha_id >= DEVICE_AHAS || req.phy_ami_hw_id >= DEVICE_AMI_HW)
		return RVR_STATUS_OTHER;
	need(req.ami_hw_id < PFD_IDS);
	need(!device.hw_used[req.aha_id][req.phy_ami_hw_id] && device.hw_phy[req.ami_hw_id] == 0);
	if (keeps(req.aha_id) && rvr_msg_get(request, RVR_KEEP_MAP_OFFSET, 31, 0) == RVR_KEEP_MAGIC)
		rvr_msg_put(response, RVR_KEEP_MAPPED_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	/* What was kept goes on in the space that it had, which is its owner's. */
	need(device.hw_kept[req.ami_hw_id] == 0 ||
		(device.hw_kept[req.ami_hw_id] == req.aha_id + 1 &&
			device.hw_pasid[req.ami_hw_id] == pfd.state->ami_hw[req.ami_hw_id].owner));
	if (device.hw_kept[req.ami_hw_id] == 0)
		device.hw_pasid[req.ami_hw_id] = 0;
	device.hw_kept[req.ami_hw_id] = 0;
	device.hw_used[req.aha_id][req.phy_ami_hw_id] = true;
	device.hw_phy[req.ami_hw_id] = (uint32_t)(req.aha_id << 16 | req.phy_ami_hw_id) + 1;
	return RVR_STATUS_OK;
}

static uint16_t
drop_kept(uint64_t aha_id, uint64_t id)
{
	if (device.hw_kept[id] != aha_id + 1)
		return RVR_STATUS_OTHER;
	device.hw_kept[id] = 0;
	device.hw_pasid[id] = 0;
	return RVR_STATUS_OK;
}

static uint16_t unmap_ami_hw(const void *request);

static uint16_t
keep(const void *request)
{
	const uint64_t id = rvr_msg_get(request, RVR_KEEP_ID_OFFSET, 31, 0);
	const uint64_t phy_id = rvr_msg_get(request, 0x04, 15, 0);
	const uint64_t aha_id = rvr_msg_get(request, 0x04, 31, 16);
	uint8_t plain[RVR_MGT_MSG_SIZE];

	need(id < PFD_IDS && keeps(aha_id));
	if (rvr_msg_get(request, RVR_KEEP_ACTION_OFFSET, 7, 0) == RVR_KEEP_DROP)
		return drop_kept(aha_id, id);
	if (device.hw_phy[id] != (aha_id << 16 | phy_id) + 1)
		return RVR_STATUS_OTHER;
	memcpy(plain, request, sizeof(plain));
	rvr_msg_put(plain, RVR_KEEP_UNMAP_OFFSET, 31, 0, 0);
	device.hw_kept[id] = (uint32_t)aha_id + 1;
	return unmap_ami_hw(plain);
}

static uint16_t
unmap_ami_hw(const void *request)
{
	uint64_t phy_id = rvr_msg_get(request, 0x04, 15, 0);
	uint64_t aha_id = rvr_msg_get(request, 0x04, 31, 16);
	uint32_t id;

	if (rvr_msg_get(request, RVR_KEEP_UNMAP_OFFSET, 31, 0) == RVR_KEEP_MAGIC)
		return keep(request);

	if (aha_id >= DEVICE_AHAS || phy_id >= DEVICE_AMI_HW || !device.hw_used[aha_id][phy_id])
		return RVR_STATUS_OTHER;
	no_session_at(RVR_END_AMI_HW, aha_id, phy_id);
	device.hw_used[aha_id][phy_id] = false;
	for (id = 0; id < PFD_IDS; id++)
		if (device.hw_phy[id] == (aha_id << 16 | phy_id) + 1)
			device.hw_phy[id] = 0;
	return RVR_STATUS_OK;
}

/* Who has an AMI-SW of the device's. */
static uint16_t
owner_of(uint64_t ami_sw_id)
{
	uint32_t id = pfd.state->device_ami_sw[ami_sw_id % PFD_IDS];

	return id == 0 ? 0 : pfd.state->ami_sw[id - 1].owner;
}

/* A device that doesn't isolate has no PASIDs. */
static uint16_t
space_of(uint16_t owner)
{
	return backend.isolates ? owner : 0;
}

/* No context runs in another space than its owner's, or with another page. */
static uint16_t
context_command(uint16_t opcode, const void *request)
{
	uint64_t id = rvr_msg_get(request, 0x04, 15, 0);
	uint64_t pasid = rvr_msg_get(request, 0x08, 19, 0);
	bool enabled = rvr_msg_get(request, 0x08, 20, 20) != 0;

	switch (opcode) {
	case RVR_F_AMI_SW_CONFIGURE:
		need(enabled == backend.isolates && pasid == space_of(owner_of(id)));
		need(owner_of(id) != 0);
		device.sw_pasid[id] = (uint32_t)pasid;
		break;
	case RVR_F_AMI_HW_CONFIGURE:
		need(enabled == backend.isolates && pasid == space_of(pfd.state->ami_hw[id].owner));
		need(pfd.state->ami_hw[id].owner != 0);
		device.hw_pasid[id] = (uint32_t)pasid;
		break;
	case RVR_F_AMI_SW_RESET:
		device.sw_pasid[id] = 0;
		break;
	case RVR_F_AMI_HW_RESET:
		device.hw_pasid[id] = 0;
		break;
	case RVR_F_AMI_SW_ENABLE:
		need(device.sw_pasid[id] == space_of(owner_of(id)) && device.sw_phy[id] != 0);
		need(device.bound[id] == pfd.state->device_ami_sw[id]);
		break;
	case RVR_F_AMI_HW_ENABLE:
		need(device.hw_pasid[id] == space_of(pfd.state->ami_hw[id].owner));
		need(device.hw_phy[id] != 0);
		break;
	default:
		break;
	}
	return RVR_STATUS_OK;
}

/* Who has an end of a session; 0 nobody. */
static uint16_t
owner_of_end(uint64_t type, uint64_t aha_id, uint64_t phy_id)
{
	uint32_t id;

	if (type == RVR_END_AMI_SW)
		return phy_id < DEVICE_AMI_SW && device.sw_used[phy_id] ? owner_of(phy_id) : 0;
	for (id = 0; id < PFD_IDS; id++)
		if (device.hw_phy[id] == (aha_id << 16 | phy_id) + 1)
			return pfd.state->ami_hw[id].owner;
	return 0;
}

/* Both ends of a session are one client's. */
static void
ends_of_one(const struct rvr_pf_asn_create_req *ends)
{
	uint16_t owner = owner_of_end(ends->src_ami_type, ends->src_aha_id, ends->src_phy_ami_id);

	need(owner != 0);
	need(owner == owner_of_end(ends->dst_ami_type, ends->dst_aha_id, ends->dst_phy_ami_id));
}

static uint16_t
create(const void *request)
{
	struct rvr_pf_asn_create_req req;

	rvr_pf_asn_create_req_decode(request, &req);
	need(req.asn_id < PFD_IDS && req.prof_mask == 0);
	if (device.asn[req.asn_id])
		return RVR_ST_PF_ASN_CREATE_ASN_IN_USE;
	if (req.log2_msg_length < 3)
		return RVR_ST_PF_ASN_CREATE_LOG2_MSG_LENGTH_RANGE;
	ends_of_one(&req);
	device.ends[req.asn_id] = req;
	device.asn[req.asn_id] = true;
	return RVR_STATUS_OK;
}

/* SIGKILL: before the device has got a command, or after. */
static jmp_buf death;
static int calls_left = -1; /* two for each command; < 0: immortal */

static void
maybe_die(void)
{
	if (calls_left >= 0 && calls_left-- == 0)
		longjmp(death, 1);
}

void
pfd_stored(void)
{
	maybe_die();
}

static int
model_command(void *arg, const void *request, void *response)
{
	uint16_t opcode = rvr_msg_opcode(request), status = RVR_STATUS_OK;
	uint64_t id = rvr_msg_get(request, 0x04, 27, 0);

	(void)arg;
	maybe_die();
	memset(response, 0, RVR_MGT_MSG_SIZE);
	if (opcode == RVR_PF_AMI_SW_MAP)
		status = map_ami_sw(request);
	else if (opcode == RVR_PF_AMI_SW_UNMAP)
		status = unmap_ami_sw(request);
	else if (opcode == RVR_PF_AMI_HW_MAP)
		status = map_ami_hw(request, response);
	else if (opcode == RVR_PF_AMI_HW_UNMAP)
		status = unmap_ami_hw(request);
	else if (opcode == RVR_PF_ASN_CREATE)
		status = create(request);
	else if (opcode == RVR_PF_ASN_DESTROY)
		device.asn[id % PFD_IDS] = false;
	else if (opcode == RVR_PF_PROBE)
		rvr_msg_put(response, 0x04, 15, 0, DEVICE_AMI_SW);
	else if (opcode == RVR_PF_PROBE_AHA)
		rvr_msg_put(response, 0x08, 63, 0, rvr_msg_get(request, 0x04, 15, 0) <
			DEVICE_AHAS ? UINT64_C(0x100000) * (rvr_msg_get(request, 0x04, 15, 0) + 1) :
			0);
	else
		status = context_command(opcode, request);
	rvr_msg_put(response, 0, 15, 0, opcode);
	rvr_msg_put(response, 0, 31, 16, status);
	maybe_die();
	return 0;
}

static int
model_post(void *arg, const void *request)
{
	uint8_t response[RVR_MGT_MSG_SIZE];

	return model_command(arg, request, response);
}

static int
model_flush(void *arg)
{
	(void)arg;
	return 0;
}

static uint64_t
model_reg_read(void *arg, uint32_t offset)
{
	(void)arg;
	return offset;
}

static int
model_exceptions(void *arg)
{
	(void)arg;
	return 0;
}

static int
model_page(void *arg, uint32_t id, uint32_t ami_sw_id, int *fd, uint64_t *offset)
{
	(void)arg;
	(void)ami_sw_id;
	*fd = 1000;
	*offset = 0;
	need(id < PFD_IDS && pfd.state->ami_sw[id].owner != 0);
	return 0;
}

static int
model_page_bind(void *arg, uint32_t id, uint32_t ami_sw_id)
{
	(void)arg;
	need(id < PFD_IDS && ami_sw_id < PFD_IDS && device.sw_phy[ami_sw_id] != 0);
	device.bound[ami_sw_id] = id + 1;
	maybe_die();
	return 0;
}

static void
model_page_drop(void *arg, uint32_t id)
{
	(void)arg;
	need(id < PFD_IDS);
	memset(device.pages[id], 0, sizeof(device.pages[id]));
}

static volatile uint64_t *
model_page_words(void *arg, uint32_t id)
{
	(void)arg;
	need(id < PFD_IDS && backend.isolates);
	return device.pages[id];
}

/* A map that is just this one; of size 0: room for one. */
static struct map *
find_map(uint32_t pasid, uint64_t iova, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < DEVICE_MAPS; i++)
		if (device.maps[pasid][i].iova == iova && device.maps[pasid][i].size == size)
			return &device.maps[pasid][i];
	return NULL;
}

static struct pfd_mapped
mapped(uint32_t pasid)
{
	struct pfd_mapped sum = { .bytes = 0 };
	unsigned int i;

	for (i = 0; i < DEVICE_MAPS; i++) {
		sum.bytes += device.maps[pasid][i].size;
		sum.maps += device.maps[pasid][i].size != 0;
	}
	return sum;
}

static bool
overlaps(const struct map *map, uint64_t iova, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < DEVICE_MAPS; i++)
		if (map[i].size != 0 && map[i].iova <= iova + (size - 1) &&
			iova <= map[i].iova + (map[i].size - 1))
			return true;
	return false;
}

static int
model_dma_map(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	struct map *map;

	(void)arg;
	(void)offset;
	need(pasid >= 1 && pasid <= PFD_CLIENTS && size > 0 && iova + (size - 1) >= iova);
	need(fd >= 0);
	maybe_die();
	map = find_map(pasid, 0, 0);
	if (iova == 0 || map == NULL || overlaps(device.maps[pasid], iova, size))
		return -EEXIST;
	*map = (struct map){ iova, size };
	maybe_die();
	return 0;
}

static int
model_dma_unmap(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, struct pfd_mapped *left)
{
	(void)arg;
	need(pasid >= 1 && pasid <= PFD_CLIENTS && (size > 0 || iova == 0));
	maybe_die();
	if (size == 0)
		memset(device.maps[pasid], 0, sizeof(device.maps[pasid]));
	else if (find_map(pasid, iova, size) != NULL)
		*find_map(pasid, iova, size) = (struct map){ .size = 0 };
	maybe_die();
	*left = mapped(pasid);
	return 0;
}

static int
model_dma_mapped(void *arg, uint32_t pasid, struct pfd_mapped *left)
{
	(void)arg;
	need(pasid >= 1 && pasid <= PFD_CLIENTS);
	*left = mapped(pasid);
	return 0;
}

static int
model_irq_set(void *arg, uint32_t vector, int fd)
{
	(void)arg;
	(void)fd;
	need(vector > 0 && vector < PFD_DEVICE_VECTORS);
	return 0;
}

static int
model_irq_trigger(void *arg, uint32_t vector)
{
	return model_irq_set(arg, vector, -1);
}

static const struct pfd_backend model = {
	.isolates = true,
	.command = model_command,
	.post = model_post,
	.flush = model_flush,
	.reg_read = model_reg_read,
	.exceptions = model_exceptions,
	.page = model_page,
	.page_bind = model_page_bind,
	.page_drop = model_page_drop,
	.page_words = model_page_words,
	.dma_map = model_dma_map,
	.dma_unmap = model_dma_unmap,
	.dma_mapped = model_dma_mapped,
	.irq_set = model_irq_set,
	.irq_trigger = model_irq_trigger,
};

/* ---- Inputs --------------------------------------------------------------------------------- */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char error[256];

	(void)argc;
	(void)argv;
	pfd.state = malloc(sizeof(*pfd.state));
	need(pfd.state != NULL);
	pfd_state_init(pfd.state);
	backend = model;
	pfd.backend = &backend;
	pfd.vectors = 8;
	pfd.policy = pfd_policy_parse("total contexts=6\n"
		"allow user=1 contexts=3 vectors=4 agents=inversion:rna memory=1 "
			"trusted=yes\n"
		"allow user=* contexts=4 sessions=4 prio=7 trusted=yes\n", "policy", error,
		sizeof(error));
	need(pfd.policy != NULL);
	return 0;
}

static unsigned int
client_come(unsigned int number)
{
	const struct pfd_peer peer = { .uid = number / 2, .num_gids = 1 };
	char reason[RVR_PFD_REASON];
	int place = pfd_client_add(&pfd, &peer, reason);

	need(place >= 0);
	return (unsigned int)place;
}

static void
check_reply(const struct pfd_reply *reply)
{
	struct rvr_pfd_header header;

	need(reply->size >= sizeof(header) && reply->size <= RVR_PFD_MESSAGE_MAX);
	memcpy(&header, reply->data, sizeof(header));
	need(rvr_le32_cpu(header.size) == reply->size);
	need(header.error == 0 ||
		reply->size == sizeof(header) + sizeof(struct rvr_pfd_refused));
	need(header.error == 0 || reply->data[sizeof(header)] != '\0');
}

/* The next process: it knows nothing but the state. */
static void
reborn(void)
{
	calls_left = -1;
	pfd.num_pinned = 0;
	pfd_recover(&pfd);
}

/* A service that dies, and the next one, which finds the packet where it was. */
static void
serve_and_die(unsigned int place, const uint8_t *bytes, uint32_t size, const int *fds, uint8_t how)
{
	static struct pfd_reply reply;

	calls_left = how >> 3;
	if (setjmp(death) == 0 && !pfd_serve(&pfd, place, bytes, size, fds, how % 8, &reply))
		pfd_tick(&pfd);
	reborn();
}

/* A request that waits has its turn, or its refusal, before long. */
static void
serve(unsigned int place, const uint8_t *bytes, uint32_t size, const int *fds, unsigned int num,
	struct pfd_reply *reply)
{
	unsigned int ticks = 0;

	while (!pfd_serve(&pfd, place, bytes, size, fds, num, reply)) {
		need(pfd_waits(&pfd, place));
		while (pfd_waits(&pfd, place)) {
			need(ticks++ < 1000);
			pfd_tick(&pfd);
		}
	}
	need(!pfd_waits(&pfd, place));
}

/* What the service takes for somebody's is there, and nothing else is. */
static void
same_as_device(void)
{
	const struct pfd_state *state = pfd.state;
	uint32_t id;

	for (id = 0; id < PFD_IDS; id++) {
		const struct pfd_ami_sw *ami_sw = &state->ami_sw[id];
		const struct pfd_asn *asn = &state->asn[id];

		need(ami_sw->owner != 0 || !ami_sw->taken);
		need(!ami_sw->taken || (device.sw_phy[ami_sw->phy_id] == ami_sw->phy_id + 1u &&
			state->device_ami_sw[ami_sw->phy_id] == id + 1));
		need(state->ami_hw[id].taken == (device.hw_phy[id] != 0));
		need(state->ami_hw[id].kept == (device.hw_kept[id] != 0));
		need(state->ami_hw[id].owner != 0 || !state->ami_hw[id].taken);
		need(state->asn_owner[id] != 0 || asn->device == 0);
		need(asn->device == 0 || device.asn[asn->device - 1]);
		need(device.asn[id] == (state->device_asn[id] != 0));
		if (device.asn[id])
			ends_of_one(&device.ends[id]);
		need((device.sw_phy[id] != 0) == (state->device_ami_sw[id] != 0));
	}
	for (id = 0; id < PFD_CLIENTS; id++) {
		const struct pfd_usage *usage = &state->clients[id].usage;

		need(!state->clients[id].used || usage->memory == mapped(id + 1).bytes);
		need(!state->clients[id].used || usage->maps == mapped(id + 1).maps);
	}
	need(state->switching == 0 && state->pending.object == PFD_NONE);
	need(pfd_state_valid(state, sizeof(*state)));
}

/* An agent has something for a context. */
static void
call(uint16_t id)
{
	const struct rvr_e_pf_ami_hw_calls calls = { .ami_hw_id = id, .aha_id = 1 };
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_e_pf_ami_hw_calls_encode(msg, &calls, 0);
	pfd_called(&pfd, msg);
}

/*
 * A doorbell, or an agent's call, of any context; then the service looks, and may die of that. The
 * device has done all that it was told before, now and then.
 */
static void
doorbell(const uint8_t *record)
{
	const uint32_t sent = RVR_WRITE_INDEX_TX / sizeof(uint64_t);
	const uint32_t done = RVR_READ_INDEX_TX / sizeof(uint64_t);
	uint32_t i;

	if ((record[1] & 0x80) != 0)
		call(record[1] % 8);
	else
		device.pages[record[1] % 8][sent]++;
	for (i = 0; i < DEVICE_AMI_SW && record[1] % 3 == 0; i++)
		if (device.bound[i] != 0)
			device.pages[device.bound[i] - 1][done] =
				device.pages[device.bound[i] - 1][sent];
	calls_left = (record[0] & 16) != 0 ? record[1] >> 3 : -1;
	if (setjmp(death) == 0)
		pfd_tick(&pfd);
	reborn();
}

/* Who had the ID that a command names, and what its client had mapped. */
struct owners {
	uint16_t ami_sw, asn;
	struct map maps[DEVICE_MAPS];
};

static void
ids_owners(struct owners *owners, const uint8_t *bytes)
{
	const uint8_t *msg = bytes + sizeof(struct rvr_pfd_header);
	uint16_t opcode = rvr_msg_opcode(msg);
	uint64_t ami_sw = rvr_msg_get(msg, opcode == RVR_PF_AMI_SW_MAP ? 0x08 : 0x04, 15, 0);
	uint64_t asn = rvr_msg_get(msg, opcode == RVR_PF_ASN_CREATE ? 0x14 : 0x04, 27, 0);

	owners->ami_sw = ami_sw < PFD_IDS ? pfd.state->ami_sw[ami_sw].owner : 0;
	owners->asn = asn < PFD_IDS ? pfd.state->asn_owner[asn] : 0;
}

/* What was mapped stays, and a map over it is refused. */
static void
once_map(unsigned int place, const uint8_t *bytes, const struct owners *before, bool refused)
{
	struct rvr_pfd_dma dma;

	memcpy(&dma, bytes + sizeof(struct rvr_pfd_header), sizeof(dma));
	if (refused)
		need(memcmp(before->maps, device.maps[place + 1], sizeof(before->maps)) == 0);
	else
		need(!overlaps(before->maps, rvr_le64_cpu(dma.iova), rvr_le64_cpu(dma.size)));
}

/* However often a service has died within it, a request is answered as if it were the first. */
static void
once(unsigned int place, const uint8_t *bytes, const struct owners *before,
	const struct pfd_reply *reply)
{
	const uint8_t *msg = reply->data + sizeof(struct rvr_pfd_header);
	struct rvr_pfd_header header, sent;
	uint16_t status = rvr_msg_status(msg);

	memcpy(&header, reply->data, sizeof(header));
	memcpy(&sent, bytes, sizeof(sent));
	if (header.id == sent.id && rvr_le16_cpu(header.type) == RVR_PFD_DMA_MAP)
		once_map(place, bytes, before, header.error != 0);
	if (header.error != 0 || rvr_le16_cpu(header.type) != RVR_PFD_COMMAND ||
		header.id != sent.id)
		return;
	switch (rvr_msg_opcode(msg)) {
	case RVR_PF_AMI_SW_MAP:
		need(status != RVR_ST_PF_AMI_SW_MAP_AMI_SW_ASSIGNED || before->ami_sw != 0);
		break;
	case RVR_PF_AMI_SW_UNMAP:
		need((status == 0) == (before->ami_sw == place + 1));
		break;
	case RVR_PF_ASN_CREATE:
		need(status != RVR_ST_PF_ASN_CREATE_ASN_IN_USE || before->asn != 0);
		break;
	case RVR_PF_ASN_DESTROY:
		need((status == 0) == (before->asn == place + 1));
		break;
	default:
		break;
	}
}

static void
packet(unsigned int place, const uint8_t *record, const uint8_t *payload, uint32_t size)
{
	static uint32_t id;
	uint8_t bytes[sizeof(struct rvr_pfd_header) + UINT8_MAX];
	const struct rvr_pfd_header header = {
		.type = rvr_cpu_le16(record[2]),
		.size = rvr_cpu_le32((uint32_t)sizeof(header) + size),
		.id = rvr_cpu_le32(++id == 0 ? ++id : id),
	};
	const int fds[8] = { 5, 6, 7, 8, 9, 10, 11, 12 };
	struct pfd_reply reply;
	struct owners before;

	memset(bytes, 0, sizeof(bytes));
	if ((record[0] & 4) != 0) {
		memcpy(bytes, payload, size);
	} else {
		memcpy(bytes, &header, sizeof(header));
		memcpy(bytes + sizeof(header), payload, size);
		size += (uint32_t)sizeof(header);
	}
	memset(&reply, 0xff, sizeof(reply));
	ids_owners(&before, bytes);
	memcpy(before.maps, device.maps[place + 1], sizeof(before.maps));
	if ((record[0] & 16) != 0)
		serve_and_die(place, bytes, size, fds, record[1]);
	serve(place, bytes, size, fds, record[1] % 8, &reply);
	check_reply(&reply);
	if ((record[0] & 4) == 0)
		once(place, bytes, &before, &reply);
	/* Once more, as after a restart: the same answer. */
	if ((record[0] & 0x24) == 0x20)
		serve(place, bytes, size, fds, record[1] % 8, &reply);
	check_reply(&reply);
}

static void
nothing_left(void)
{
	const struct pfd_usage *usage = &pfd.state->usage;
	unsigned int i, j;

	need(usage->clients == 0 && usage->contexts == 0 && usage->agents_contexts == 0);
	need(usage->sessions == 0 && usage->vectors == 0 && usage->memory == 0);
	need(pfd.state->ami_sws == 0 && pfd.state->ami_hws == 0 && pfd.state->asns == 0);
	for (i = 0; i < DEVICE_AMI_SW; i++)
		need(!device.sw_used[i]);
	for (i = 0; i < PFD_IDS; i++)
		need(device.hw_kept[i] == 0);
	for (i = 0; i < DEVICE_AHAS; i++)
		for (j = 0; j < DEVICE_AMI_HW; j++)
			need(!device.hw_used[i][j]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rvr_pfd_hello hello = { .major = rvr_cpu_le16(RVR_PFD_MAJOR) };
	const uint8_t greet[RECORD_HEADER] = { 0, 0, RVR_PFD_HELLO, sizeof(hello) };
	unsigned int places[CLIENTS], i;
	uint8_t exception[RVR_MGT_MSG_SIZE] = { RVR_E_F_AMI_RING_FAULT };
	uint32_t len;

	backend.isolates = size == 0 || (data[size - 1] & 0x80) == 0;
	for (i = 0; i < CLIENTS; i++) {
		places[i] = client_come(i);
		packet(places[i], greet, (const uint8_t *)&hello, sizeof(hello));
	}
	while (size >= RECORD_HEADER) {
		len = data[3];
		if (len > size - RECORD_HEADER)
			len = (uint32_t)(size - RECORD_HEADER);
		i = data[0] % CLIENTS;
		if ((data[0] & 8) != 0) {
			pfd_client_remove(&pfd, places[i]);
			places[i] = client_come(i);
		}
		packet(places[i], data, data + RECORD_HEADER, len);
		exception[4] = data[1];
		pfd_exception(&pfd, exception);
		doorbell(data);
		same_as_device();
		data += RECORD_HEADER + len;
		size -= RECORD_HEADER + len;
	}
	for (i = 0; i < CLIENTS; i++)
		pfd_client_remove(&pfd, places[i]);
	nothing_left();
	return 0;
}
