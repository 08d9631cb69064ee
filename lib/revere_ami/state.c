/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Contexts as bytes: saved, checked, and restored on another one. rvr_state.h has the format. */

#include "ami_private.h"
#include "rvr_state.h"

#define AGENT_STATE_GUESS 32768 /* bytes of an agent's own state, as a rule */

/* ---- Saving --------------------------------------------------------------------------------- */

/* Bytes so far; what doesn't fit is counted only. */
struct writer {
	uint8_t *to;
	size_t room, used;
};

static void
put(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->used + size <= writer->room)
		memcpy(writer->to + writer->used, bytes, size);
	writer->used += size;
}

/* An AMI-SW with the AMI-HWs that its sessions end at. */
struct parts {
	struct revere_ami_sw *ami_sw;
	const struct revere_agent_state *agent;
	struct revere_ami_hw *ami_hws[2 * RVR_AMS_MAX];
	const uint8_t *states[2 * RVR_AMS_MAX]; /* of AMI-HWs, as they are restored */
	uint32_t state_sizes[2 * RVR_AMS_MAX];
	unsigned int num;
};

/* Where in the list of agents an end is; RVR_STATE_SOFTWARE: it's the AMI-SW; -1: neither. */
static int
part_number(const struct parts *parts, const struct asn_point *point)
{
	unsigned int i;

	if (ami_point_is_sw(point, parts->ami_sw))
		return RVR_STATE_SOFTWARE;
	for (i = 0; point->type == RVR_END_AMI_HW && i < parts->num; i++)
		if (parts->ami_hws[i]->id == point->id)
			return (int)i;
	return -1;
}

/* Whether all that an agent knows lies in rings. */
static bool
agent_is_plain(unsigned int kind)
{
	return kind == RVR_AHA_INVERSION || kind == RVR_AHA_DMA;
}

/* The kind of an AMI-HW's agent, if it can be saved. */
static int
agent_kind(const struct parts *parts, const struct revere_ami_hw *ami_hw)
{
	uint64_t iidr = 0;
	int ret = revere_aha_iidr(ami_hw->dev, ami_hw->aha_id, &iidr);
	unsigned int kind = (unsigned int)rvr_get(iidr, RVR_AMU_IIDR_PRODUCT);

	if (ret < 0)
		return ret;
	if (agent_is_plain(kind) || (kind == RVR_AHA_RNA && parts->agent != NULL))
		return (int)kind;
	AMI_LOG(ERR, ami_hw->dev, "AMI-HW %u: agents of kind %#x (%s) keep state, and nobody is "
		"there who could ask for it", ami_hw->id, kind, revere_aha_kind_name(kind));
	return -ENOTSUP;
}

/* An agent's state, into memory that it can write. @return bytes, or a negative errno */
static int
agent_state_get(const struct parts *parts, struct revere_ami_hw *ami_hw, struct ami_mem *mem)
{
	const struct revere_agent_state *agent = parts->agent;
	int numa_node = parts->ami_sw->conf.numa_node, size;
	size_t room = AGENT_STATE_GUESS;
	unsigned int tries;

	for (tries = 0; tries < 2; tries++) {
		size = ami_mem_alloc(mem, room, RTE_CACHE_LINE_SIZE, numa_node);
		if (size < 0)
			return size;
		size = agent->save(agent->arg, ami_hw, mem->iova, room);
		if (size < 0 || ((size_t)size <= room && size % RVR_DW == 0))
			return size;
		room = RTE_ALIGN_CEIL((size_t)size, RVR_DW);
		ami_mem_free(mem);
	}
	AMI_LOG(ERR, ami_hw->dev, "AMI-HW %u: the agent says that its state has %d bytes",
		ami_hw->id, size);
	return -EIO;
}

static int
save_agent(struct writer *writer, const struct parts *parts, struct revere_ami_hw *ami_hw)
{
	const struct revere_ami_hw_conf *conf = &ami_hw->conf;
	struct rvr_state_agent agent = {
		.flags = rvr_cpu_le16(conf->pasid_enabled ? RVR_STATE_PASID : 0),
		.pasid = rvr_cpu_le32(conf->pasid_enabled ? conf->pasid : 0),
	};
	int kind = agent_kind(parts, ami_hw), size = 0;
	struct ami_mem mem = { 0 };

	if (kind >= 0 && !agent_is_plain((unsigned int)kind))
		size = agent_state_get(parts, ami_hw, &mem);
	if (kind < 0 || size < 0) {
		ami_mem_free(&mem);
		return RTE_MIN(kind, size);
	}
	agent.kind = rvr_cpu_le16((uint16_t)kind);
	agent.size = rvr_cpu_le32((uint32_t)size);
	put(writer, &agent, sizeof(agent));
	if (size > 0)
		put(writer, mem.va, (size_t)size);
	ami_mem_free(&mem);
	return 0;
}

static int
save_agents(struct writer *writer, const struct parts *parts)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < parts->num && ret == 0; i++)
		ret = save_agent(writer, parts, parts->ami_hws[i]);
	return ret;
}

/* Whether any of the parts is an end of a session. */
static bool
touches(const struct parts *parts, const struct asn *asn)
{
	return part_number(parts, &asn->src) >= 0 || part_number(parts, &asn->dst) >= 0;
}

/* @return how many, or a negative errno */
static int
save_sessions(struct writer *writer, const struct parts *parts)
{
	const struct revere_dev *dev = parts->ami_sw->dev;
	const struct asn *asn;
	int num = 0;

	TAILQ_FOREACH(asn, &dev->asns, next) {
		int src = part_number(parts, &asn->src), dst = part_number(parts, &asn->dst);
		const struct revere_asn_conf *conf = &asn->conf;
		const struct rvr_state_session session = {
			.src = (uint8_t)src,
			.src_ams = asn->src.ams,
			.dst = (uint8_t)dst,
			.dst_ams = asn->dst.ams,
			.prio = conf->prio,
			.log2_msg_length = conf->log2_msg_length,
			.mfo = conf->mfo,
			.mf_ob_buf_num = conf->mf_ob_buf_num,
			.stash_ctl = rvr_cpu_le64(conf->stash_ctl),
			.stash_dest = rvr_cpu_le32(conf->stash_dest),
			.flags = rvr_cpu_le32(conf->stash_enable ? RVR_STATE_STASH : 0),
		};

		if (!touches(parts, asn))
			continue;
		if (src < 0 || dst < 0) {
			AMI_LOG(ERR, dev, "AMI-SW %u can't be saved: session %u joins it, or an "
				"AMI-HW of it, to another context", parts->ami_sw->id, asn->id);
			return -ENOTSUP;
		}
		put(writer, &session, sizeof(session));
		num++;
	}
	return num;
}

/* Messages of a ring that its state has. */
static uint32_t
waiting(uint64_t read, uint64_t write, uint8_t log2_size)
{
	return (uint32_t)RTE_MIN(write - read, UINT64_C(1) << log2_size);
}

static void
save_ring(struct writer *writer, const struct socket *socket,
	const struct revere_ami_sw_socket_state *saved)
{
	const struct revere_ring *ring = &socket->ring;
	const struct rvr_state_ring out = {
		.type = (uint8_t)socket->conf.type,
		.ams = socket->conf.ams,
		.log2_size = socket->conf.log2_size,
		.log2_msg_length = socket->conf.log2_msg_length,
		.threshold = socket->conf.threshold,
		.rx_mode = (uint8_t)socket->conf.rx_mode,
		.read = rvr_cpu_le64(saved->read),
		.write = rvr_cpu_le64(saved->write),
	};
	uint64_t at = saved->write - waiting(saved->read, saved->write, socket->conf.log2_size);

	put(writer, &out, sizeof(out));
	for (; at != saved->write; at++)
		put(writer, RTE_PTR_ADD(ring->base, (at & ring->mask) << ring->msg_shift),
			ring->msg_size);
}

/* @return how many */
static int
save_rings(struct writer *writer, const struct revere_ami_sw *ami_sw,
	const struct revere_ami_sw_state *state)
{
	unsigned int type, ams;
	int num = 0;

	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		for (ams = 0; ams < dev_num_ams(ami_sw->dev, type); ams++) {
			const struct socket *socket = ami_sw->sockets[type][ams];

			if (socket == NULL)
				continue;
			save_ring(writer, socket,
				type == RVR_AMS_TX ? &state->tx[ams] : &state->rx[ams]);
			num++;
		}
	return num;
}

static int
save(struct parts *parts, const struct revere_ami_sw_state *state, struct writer *writer)
{
	struct revere_ami_sw *ami_sw = parts->ami_sw;
	struct rvr_state_header header = {
		.magic = rvr_cpu_le64(RVR_STATE_MAGIC),
		.version = rvr_cpu_le16(RVR_STATE_VERSION),
		.flags = rvr_cpu_le32((ami_sw->conf.tx_irq ? RVR_STATE_TX_IRQ : 0) |
			(ami_sw->conf.rx_irq ? RVR_STATE_RX_IRQ : 0)),
		.tx_vector = rvr_cpu_le16(ami_sw->conf.tx_vector),
		.rx_vector = rvr_cpu_le16(ami_sw->conf.rx_vector),
		.tx_mask = rvr_cpu_le64(ami_sw->masks[RVR_AMS_TX]),
		.rx_mask = rvr_cpu_le64(ami_sw->masks[RVR_AMS_RX]),
	};
	int ret;

	parts->num = revere_context_agents(ami_sw, parts->ami_hws, RTE_DIM(parts->ami_hws));
	header.agents = rvr_cpu_le16((uint16_t)parts->num);
	put(writer, &header, sizeof(header));
	ret = save_agents(writer, parts);
	if (ret == 0)
		ret = save_sessions(writer, parts);
	if (ret < 0)
		return ret;
	header.sessions = rvr_cpu_le16((uint16_t)ret);
	header.rings = rvr_cpu_le16((uint16_t)save_rings(writer, ami_sw, state));
	header.size = rvr_cpu_le32((uint32_t)writer->used);
	if (writer->used <= INT32_MAX && writer->used <= writer->room) {
		memcpy(writer->to, &header, sizeof(header));
		header.checksum = rvr_cpu_le64(rvr_state_checksum(writer->to, writer->used));
		memcpy(writer->to, &header, sizeof(header));
	}
	return writer->used <= INT32_MAX ? (int)writer->used : -EFBIG;
}

int
revere_context_save_agent(struct revere_ami_sw *ami_sw, const struct revere_agent_state *agent,
	void *state, size_t size)
{
	struct writer writer = { .to = state, .room = state == NULL ? 0 : size };
	struct parts parts = { .ami_sw = ami_sw, .agent = agent };
	struct revere_ami_sw_state saved;
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = revere_ami_sw_save(ami_sw, &saved);
	if (ret == 0)
		ret = save(&parts, &saved, &writer);
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

int
revere_context_save(struct revere_ami_sw *ami_sw, void *state, size_t size)
{
	return revere_context_save_agent(ami_sw, NULL, state, size);
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* A state that was read; what it points to may lie anywhere, hence copies. */
struct reader {
	struct revere_ami_sw *ami_sw;
	const uint8_t *at;
	size_t left;
	struct rvr_state_header header;
	unsigned int agents, sessions, rings;
};

static bool
take(struct reader *reader, void *to, size_t size)
{
	if (reader->left < size)
		return false;
	memcpy(to, reader->at, size);
	reader->at += size;
	reader->left -= size;
	return true;
}

static bool
skip(struct reader *reader, size_t size)
{
	if (reader->left < size)
		return false;
	reader->at += size;
	reader->left -= size;
	return true;
}

static int
malformed(const struct reader *reader, const char *what)
{
	AMI_LOG(ERR, reader->ami_sw->dev, "AMI-SW %u: no state to restore: %s",
		reader->ami_sw->id, what);
	return -EINVAL;
}

/* The header, and that all of it arrived as it was written. */
static int
read_header(struct reader *reader)
{
	const uint8_t *state = reader->at;
	size_t size = reader->left;
	struct rvr_state_header *header = &reader->header;

	if (!take(reader, header, sizeof(*header)) ||
		rvr_le64_cpu(header->magic) != RVR_STATE_MAGIC)
		return malformed(reader, "it doesn't begin as one");
	if (rvr_le16_cpu(header->version) == 0 ||
		rvr_le16_cpu(header->version) > RVR_STATE_VERSION) {
		AMI_LOG(ERR, reader->ami_sw->dev, "AMI-SW %u: the state to restore has version %u, "
			"up to %u is known", reader->ami_sw->id, rvr_le16_cpu(header->version),
			RVR_STATE_VERSION);
		return -ENOTSUP;
	}
	if (rvr_le32_cpu(header->size) != size || size % RVR_DW != 0)
		return malformed(reader, "it was cut, or something was added");
	if (rvr_le64_cpu(header->checksum) != rvr_state_checksum(state, size))
		return malformed(reader, "its checksum is wrong");
	reader->agents = rvr_le16_cpu(header->agents);
	reader->sessions = rvr_le16_cpu(header->sessions);
	reader->rings = rvr_le16_cpu(header->rings);
	return 0;
}

/* The next agent, and where its own state is. */
static int
read_agent(struct reader *reader, struct rvr_state_agent *agent, const uint8_t **state)
{
	bool old = rvr_le16_cpu(reader->header.version) == 1;
	size_t size;

	memset(agent, 0, sizeof(*agent));
	if (!take(reader, agent, old ? RVR_STATE_AGENT_SIZE_V1 : sizeof(*agent)))
		return malformed(reader, "an agent is missing");
	size = rvr_le32_cpu(agent->size);
	*state = reader->at;
	if (size % RVR_DW != 0 || !skip(reader, size))
		return malformed(reader, "an agent's state is missing");
	return 0;
}

/* The next ring, and where its messages are. */
static int
read_ring(struct reader *reader, struct rvr_state_ring *ring, const uint8_t **messages)
{
	const struct revere_dev *dev = reader->ami_sw->dev;
	uint64_t read, write;
	bool overwriting;

	if (!take(reader, ring, sizeof(*ring)))
		return malformed(reader, "a ring is missing");
	read = rvr_le64_cpu(ring->read);
	write = rvr_le64_cpu(ring->write);
	overwriting = ring->type == RVR_AMS_RX && ring->rx_mode == RVR_RX_OVERWRITE;
	if (ring->type > RVR_AMS_TX || ring->rx_mode > RVR_RX_OVERWRITE ||
		ring->ams >= dev_num_ams(dev, ring->type) ||
		ring->log2_size > dev->info.max_log2_size ||
		ring->log2_msg_length < dev->info.min_log2_msg_length ||
		ring->log2_msg_length > dev->info.max_log2_msg_length || write < read ||
		(!overwriting && write - read > UINT64_C(1) << ring->log2_size))
		return malformed(reader, "it has a ring that can't be on this device");
	*messages = reader->at;
	if (!skip(reader, (size_t)waiting(read, write, ring->log2_size) *
		(RVR_DW << ring->log2_msg_length)))
		return malformed(reader, "messages are missing");
	return 0;
}

/* Reads all of it once before anything is done. */
static int
check_state(struct reader reader)
{
	struct rvr_state_agent agent;
	struct rvr_state_ring ring;
	const uint8_t *bytes;
	unsigned int i;
	int ret = 0;

	if (reader.agents > 2 * RVR_AMS_MAX || reader.sessions > 2 * RVR_AMS_MAX ||
		reader.rings > 2 * RVR_AMS_MAX)
		return malformed(&reader, "it has more of something than a context can have");
	for (i = 0; i < reader.agents && ret == 0; i++)
		ret = read_agent(&reader, &agent, &bytes);
	if (ret == 0 && !skip(&reader, reader.sessions * sizeof(struct rvr_state_session)))
		return malformed(&reader, "sessions are missing");
	for (i = 0; i < reader.rings && ret == 0; i++)
		ret = read_ring(&reader, &ring, &bytes);
	if (ret == 0 && reader.left != 0)
		ret = malformed(&reader, "there is more than it tells of");
	return ret;
}

static int
check_target(const struct revere_ami_sw *ami_sw)
{
	bool used = ami_sw->enabled;
	const struct asn *asn;
	unsigned int type, ams;

	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		for (ams = 0; ams < dev_num_ams(ami_sw->dev, type); ams++)
			used |= ami_sw->sockets[type][ams] != NULL;
	TAILQ_FOREACH(asn, &ami_sw->dev->asns, next)
		used |= ami_asn_is_of(asn, ami_sw);
	if (!used)
		return 0;
	AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u is in use, nothing can be restored on it: it has "
		"rings or sessions", ami_sw->id);
	return -EBUSY;
}

/* ---- Restoring ------------------------------------------------------------------------------ */

/* Whether an agent's own state can be given to it. */
static int
check_agent(const struct parts *parts, const struct rvr_state_agent *agent)
{
	const struct revere_ami_sw *ami_sw = parts->ami_sw;
	unsigned int kind = rvr_le16_cpu(agent->kind);

	if (agent->size == 0 && agent_is_plain(kind))
		return 0;
	if (agent->size != 0 && kind == RVR_AHA_RNA && parts->agent != NULL)
		return 0;
	AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: the state to restore has %u bytes of an agent of "
		"kind %#x (%s), %s", ami_sw->id, rvr_le32_cpu(agent->size), kind,
		revere_aha_kind_name(kind), parts->agent == NULL ?
		"and nobody is there who could hand them over" : "which can't be");
	return parts->agent == NULL ? -ENOTSUP : -EINVAL;
}

static int
restore_agent(struct parts *parts, const struct rvr_state_agent *agent)
{
	const struct revere_ami_hw_conf conf = { true, rvr_le32_cpu(agent->pasid) };
	struct revere_ami_hw **ami_hw = &parts->ami_hws[parts->num];
	struct revere_dev *dev = parts->ami_sw->dev;
	int aha_id = revere_aha_find(dev, (enum rvr_aha_kind)rvr_le16_cpu(agent->kind), 0);
	int ret;

	if (aha_id < 0) {
		AMI_LOG(ERR, dev, "AMI-SW %u: the state to restore has an agent of kind %#x, "
			"which isn't here", parts->ami_sw->id, rvr_le16_cpu(agent->kind));
		return aha_id;
	}
	ret = check_agent(parts, agent);
	if (ret == 0)
		ret = revere_ami_hw_create(dev, (uint16_t)aha_id, ami_hw);
	if (ret < 0)
		return ret;
	parts->num++;
	return rvr_le16_cpu(agent->flags) & RVR_STATE_PASID ?
		revere_ami_hw_configure(*ami_hw, &conf) : 0;
}

/* The AMI-HWs; those that no session joins yet are to be destroyed if something fails. */
static int
restore_agents(struct reader *reader, struct parts *parts)
{
	struct rvr_state_agent agent;
	int ret = 0;
	unsigned int i;

	for (i = 0; i < reader->agents && ret == 0; i++) {
		ret = read_agent(reader, &agent, &parts->states[i]);
		parts->state_sizes[i] = rvr_le32_cpu(agent.size);
		if (ret == 0)
			ret = restore_agent(parts, &agent);
	}
	return ret;
}

/* What agents know beyond rings, when all else is there. */
static int
restore_agent_states(const struct parts *parts)
{
	const struct revere_agent_state *agent = parts->agent;
	struct ami_mem mem;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < parts->num && ret == 0; i++) {
		if (parts->state_sizes[i] == 0)
			continue;
		ret = ami_mem_alloc(&mem, parts->state_sizes[i], RTE_CACHE_LINE_SIZE,
			parts->ami_sw->conf.numa_node);
		if (ret < 0)
			break;
		memcpy(mem.va, parts->states[i], parts->state_sizes[i]);
		ret = agent->restore(agent->arg, parts->ami_hws[i], mem.iova,
			parts->state_sizes[i]);
		ami_mem_free(&mem);
	}
	return ret;
}

static struct revere_asn_end
end_of(const struct parts *parts, uint8_t number, uint8_t ams)
{
	struct revere_asn_end end = { .ams = ams };

	if (number == RVR_STATE_SOFTWARE)
		end.ami_sw = parts->ami_sw;
	else if (number < parts->num)
		end.ami_hw = parts->ami_hws[number];
	return end;
}

static int
restore_sessions(struct reader *reader, const struct parts *parts)
{
	struct rvr_state_session session;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < reader->sessions && ret >= 0; i++) {
		struct revere_asn_end src, dst;
		struct revere_asn_conf conf;

		take(reader, &session, sizeof(session));
		conf = (struct revere_asn_conf){
			.prio = session.prio,
			.log2_msg_length = session.log2_msg_length,
			.mfo = session.mfo,
			.mf_ob_buf_num = session.mf_ob_buf_num,
			.stash_ctl = rvr_le64_cpu(session.stash_ctl),
			.stash_dest = rvr_le32_cpu(session.stash_dest),
			.stash_enable = rvr_le32_cpu(session.flags) & RVR_STATE_STASH,
		};
		src = end_of(parts, session.src, session.src_ams);
		dst = end_of(parts, session.dst, session.dst_ams);
		ret = revere_asn_create(parts->ami_sw->dev, &src, &dst, &conf);
	}
	return RTE_MIN(ret, 0);
}

static int
restore_rings(struct reader *reader, struct revere_ami_sw_state *state)
{
	struct rvr_state_ring ring;
	const uint8_t *messages;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < reader->rings && ret == 0; i++) {
		struct revere_ami_sw_socket_state *socket;
		struct revere_ring_conf conf;

		ret = read_ring(reader, &ring, &messages);
		if (ret < 0)
			break;
		if (reader->ami_sw->sockets[ring.type][ring.ams] != NULL)
			return malformed(reader, "a socket has two rings");
		conf = (struct revere_ring_conf){
			.ams = ring.ams,
			.type = (enum rvr_ams_type)ring.type,
			.log2_size = ring.log2_size,
			.log2_msg_length = ring.log2_msg_length,
			.threshold = ring.threshold,
			.rx_mode = (enum rvr_rx_mode)ring.rx_mode,
		};
		socket = ring.type == RVR_AMS_TX ? &state->tx[ring.ams] : &state->rx[ring.ams];
		*socket = (struct revere_ami_sw_socket_state){
			.configured = true,
			.ring = { .rx_mode = ring.rx_mode, .log2_size = ring.log2_size,
				.threshold = ring.threshold },
			.read = rvr_le64_cpu(ring.read),
			.write = rvr_le64_cpu(ring.write),
		};
		ret = revere_ami_sw_ring_setup(reader->ami_sw, &conf);
	}
	return ret;
}

/* What waits in rings, once their memory and indices are there. */
static void
restore_messages(struct reader reader)
{
	struct rvr_state_ring saved;
	const uint8_t *messages;
	unsigned int i;

	for (i = 0; i < reader.rings && read_ring(&reader, &saved, &messages) == 0; i++) {
		const struct revere_ring *ring =
			&reader.ami_sw->sockets[saved.type][saved.ams]->ring;
		uint64_t write = rvr_le64_cpu(saved.write);
		uint64_t at = write - waiting(rvr_le64_cpu(saved.read), write, saved.log2_size);

		for (; at != write; at++, messages += ring->msg_size)
			memcpy(RTE_PTR_ADD(ring->base, (at & ring->mask) << ring->msg_shift),
				messages, ring->msg_size);
	}
}

static void
state_of_header(const struct rvr_state_header *header, struct rvr_f_ami_sw_save_rsp *conf)
{
	uint32_t flags = rvr_le32_cpu(header->flags);

	conf->tx_irq_enable = (flags & RVR_STATE_TX_IRQ) != 0;
	conf->rx_irq_enable = (flags & RVR_STATE_RX_IRQ) != 0;
	conf->tx_vector = rvr_le16_cpu(header->tx_vector);
	conf->rx_vector = rvr_le16_cpu(header->rx_vector);
}

/* The reader is behind the header, and what it reads was checked. */
static int
restore(struct reader *reader, struct parts *parts)
{
	struct revere_ami_sw *ami_sw = reader->ami_sw;
	struct revere_ami_sw_state state = { 0 };
	struct reader rings;
	int ret = restore_agents(reader, parts);

	if (ret == 0)
		ret = restore_sessions(reader, parts);
	if (ret < 0)
		return ret;
	rings = *reader;
	ret = restore_rings(reader, &state);
	if (ret < 0)
		return ret;
	state_of_header(&reader->header, &state.ami_sw);
	ret = revere_ami_sw_restore(ami_sw, &state);
	if (ret < 0)
		return ret;
	restore_messages(rings);
	ami_sw_masks_set(ami_sw, rvr_le64_cpu(reader->header.tx_mask),
		rvr_le64_cpu(reader->header.rx_mask));
	return restore_agent_states(parts);
}

/* To what it was before: without agents, sessions and rings. */
static void
undo(struct revere_ami_sw *ami_sw, const struct parts *parts,
	const struct revere_ami_sw_conf *conf)
{
	struct revere_ami_hw *ami_hw, *next;
	unsigned int i;

	ami_context_disconnect(ami_sw);
	/* Those that no session had joined yet. */
	for (ami_hw = TAILQ_FIRST(&ami_sw->dev->ami_hws); ami_hw != NULL; ami_hw = next) {
		next = TAILQ_NEXT(ami_hw, next);
		for (i = 0; i < parts->num; i++)
			if (ami_hw == parts->ami_hws[i]) {
				revere_ami_hw_destroy(ami_hw);
				break;
			}
	}
	ami_sw->conf = *conf;
	ami_sw_rings_drop(ami_sw);
}

int
revere_context_restore_agent(struct revere_ami_sw *ami_sw,
	const struct revere_agent_state *agent, const void *state, size_t size)
{
	struct reader reader = { .ami_sw = ami_sw, .at = state, .left = size };
	const struct revere_ami_sw_conf conf = ami_sw->conf;
	struct parts parts = { .ami_sw = ami_sw, .agent = agent };
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = read_header(&reader);
	if (ret == 0)
		ret = check_state(reader);
	if (ret == 0)
		ret = check_target(ami_sw);
	if (ret == 0) {
		ret = restore(&reader, &parts);
		if (ret < 0)
			undo(ami_sw, &parts, &conf);
	}
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

int
revere_context_restore(struct revere_ami_sw *ami_sw, const void *state, size_t size)
{
	return revere_context_restore_agent(ami_sw, NULL, state, size);
}
