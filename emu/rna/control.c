/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Control messages: each is checked as a whole before anything changes, and answered.
 */

#include <stdio.h>

#include "rvr_rna_flow.h"
#include "steer.h"

/** A request that is being executed: a copy of the message, which the sender may change. */
struct request {
	struct rna *rna;
	struct ami_hw *hw;    /**< control channel that it came by */
	struct rna_port *port;
	const uint8_t *in;
	uint32_t in_size; /**< bytes of the payload that there are */
	uint8_t *out;	 /**< payload of the answer, zeroed */
	uint32_t detail; /**< offset of a refused value */
};

/** Refuses the value of a field of the payload. */
#define BAD_VALUE(request, type, field)                                                        \
	((request)->detail = offsetof(struct rvr_rna_control, payload) + offsetof(type, field), \
		RVR_RNA_BAD_VALUE)

/* ---- Port --------------------------------------------------------------------------------- */

static unsigned int
ctl_port_info(struct request *request)
{
	const struct rna_port *port = request->port;
	struct rvr_rna_port_info info = {
		.max_queues = rvr_cpu_le16(request->rna->max_queues),
		.max_buffers = rvr_cpu_le32(RNA_BUFFERS_MAX),
		.max_frame = rvr_cpu_le16(RNA_FRAME_MAX),
		.min_buffer = rvr_cpu_le16(RNA_BUFFER_MIN),
		.reta_size = rvr_cpu_le16(RNA_RETA_SIZE),
		.rss_key_size = rvr_cpu_le16(RNA_KEY_SIZE),
		.rss_types = rvr_cpu_le32(RNA_RSS_TYPES),
		.speed = rvr_cpu_le32(100000),
		.flags = rvr_cpu_le32(rna_port_flags(port)),
		.max_segments = rvr_cpu_le16(RNA_SEGMENTS_MAX),
		.max_inline = rvr_cpu_le16(RVR_RNA_TX_INLINE_MAX),
		.firmware = RNA_FIRMWARE,
	};
	const struct rna_port *faces = port->backend->kind == RVR_RNA_KIND_UPLINK ? NULL :
										    port->wire;
	unsigned int i, ports = 0;
	bool only;

	for (i = 0; i < request->rna->num_ports; i++)
		ports += request->rna->port[i] != NULL;
	info.ports = rvr_cpu_le16(ports);
	info.kind = (uint8_t)rna_port_kind(port);
	info.number = (uint8_t)port->virtual_number;
	info.faces = rvr_cpu_le16(faces != NULL ? faces->id : RVR_RNA_NO_PORT);
	info.own = rvr_cpu_le16(
		rna_port_of_function(request->rna, request->hw->function->id, &only));
	memcpy(info.mac, port->mac_permanent, sizeof(info.mac));
	snprintf(info.backend, sizeof(info.backend), "%s", port->backend_name);
	memcpy(request->out, &info, sizeof(info));
	return RVR_RNA_OK;
}

static unsigned int
port_set_check(struct request *request, const struct rvr_rna_port_set *set)
{
	static const uint8_t none[6];
	uint32_t mask = rvr_le32_cpu(set->mask);
	uint32_t flags = RVR_RNA_SET_PROMISC | RVR_RNA_SET_ALLMULTI | RVR_RNA_SET_ENABLED |
			 RVR_RNA_SET_LINK | RVR_RNA_SET_PTYPES;
	uint16_t max_frame = rvr_le16_cpu(set->max_frame);

	if (mask & ~(flags | RVR_RNA_SET_MAX_FRAME | RVR_RNA_SET_MAC))
		return BAD_VALUE(request, struct rvr_rna_port_set, mask);
	if (rvr_le32_cpu(set->flags) & ~(mask & flags))
		return BAD_VALUE(request, struct rvr_rna_port_set, flags);
	if ((mask & RVR_RNA_SET_MAX_FRAME) &&
	    (max_frame < RNA_BUFFER_MIN || max_frame > RNA_FRAME_MAX))
		return BAD_VALUE(request, struct rvr_rna_port_set, max_frame);
	if ((mask & RVR_RNA_SET_MAC) &&
	    ((set->mac[0] & 1) != 0 || memcmp(set->mac, none, sizeof(none)) == 0))
		return BAD_VALUE(request, struct rvr_rna_port_set, mac);
	return RVR_RNA_OK;
}

static unsigned int
ctl_port_set(struct request *request)
{
	struct rna_port *port = request->port;
	struct rvr_rna_port_set set;
	uint32_t mask, flags;
	unsigned int status;

	memcpy(&set, request->in, sizeof(set));
	status = port_set_check(request, &set);
	if (status != RVR_RNA_OK)
		return status;
	mask = rvr_le32_cpu(set.mask);
	flags = rvr_le32_cpu(set.flags);
	if (mask & RVR_RNA_SET_PROMISC)
		port->promisc = flags & RVR_RNA_PORT_PROMISC;
	if (mask & RVR_RNA_SET_ALLMULTI)
		port->allmulti = flags & RVR_RNA_PORT_ALLMULTI;
	if (mask & RVR_RNA_SET_ENABLED)
		port->enabled = flags & RVR_RNA_PORT_ENABLED;
	if (mask & RVR_RNA_SET_PTYPES)
		port->ptypes = flags & RVR_RNA_PORT_PTYPES;
	if (mask & RVR_RNA_SET_LINK)
		port->admin_up = flags & RVR_RNA_PORT_LINK_UP;
	if (mask & RVR_RNA_SET_MAX_FRAME)
		port->max_frame = rvr_le16_cpu(set.max_frame);
	if (mask & RVR_RNA_SET_MAC)
		memcpy(port->mac, set.mac, sizeof(port->mac));
	rna_port_refresh(port);
	return RVR_RNA_OK;
}

static unsigned int
ctl_port_release(struct request *request)
{
	rna_port_reset(request->port);
	return RVR_RNA_OK;
}

/* ---- Queues ------------------------------------------------------------------------------- */

/* Contexts of different PASIDs are different users', who have nothing in common. */
static bool
same_space(const struct ami_hw *one, const struct ami_hw *other)
{
	if (!one->pasid_enabled || !other->pasid_enabled)
		return one->pasid_enabled == other->pasid_enabled;
	return one->pasid == other->pasid;
}

/** By physical ID, or by AMI_HW_ID where contexts can be kept. */
static struct ami_hw *
ami_hw_named(const struct request *request, uint16_t id)
{
	const struct aha *aha = request->rna->aha;
	struct ami_hw *hw;

	if (!request->hw->keeps)
		return id < aha->amu->config.num_ami_hw ? &aha->ami_hw[id] : NULL;
	hw = request->hw->function->ami_hw[id];
	return hw != NULL && hw->aha == aha && hw->keeps ? hw : NULL;
}

/** An AMI-HW that a queue may have, NULL: it isn't there, or somebody else's. */
static struct ami_hw *
ami_hw_find(const struct request *request, uint16_t id)
{
	struct ami_hw *hw = ami_hw_named(request, id);

	return hw != NULL && hw->mapped && hw->enabled &&
		hw->function == request->hw->function && same_space(hw, request->hw) ? hw : NULL;
}

static unsigned int
ctl_queue_setup(struct request *request)
{
	struct rvr_rna_queue_setup setup;
	uint32_t id, buffers, buffer_size;
	struct ami_hw *hw;

	memcpy(&setup, request->in, sizeof(setup));
	id = rvr_le16_cpu(setup.queue);
	buffers = rvr_le32_cpu(setup.buffers);
	buffer_size = rvr_le32_cpu(setup.buffer_size);
	if (id >= request->rna->max_queues)
		return RVR_RNA_BAD_QUEUE;
	hw = ami_hw_find(request, rvr_le16_cpu(setup.phy_ami_hw_id));
	if (hw == NULL)
		return RVR_RNA_BAD_AMI_HW;
	if (buffers > RNA_BUFFERS_MAX)
		return BAD_VALUE(request, struct rvr_rna_queue_setup, buffers);
	if (buffers > 0 && (buffer_size < RNA_BUFFER_MIN || buffer_size > UINT16_MAX))
		return BAD_VALUE(request, struct rvr_rna_queue_setup, buffer_size);
	return rna_queue_setup(request->port, hw, id, buffers, buffer_size);
}

/** The queue that a request names and its directions; NULL: *status says why. */
static struct rna_queue *
queue_find(struct request *request, unsigned int *direction, unsigned int *status)
{
	struct rvr_rna_queue which;
	uint16_t id;

	memcpy(&which, request->in, sizeof(which));
	id = rvr_le16_cpu(which.queue);
	*direction = rvr_le16_cpu(which.direction);
	*status = RVR_RNA_BAD_QUEUE;
	if (id >= request->rna->max_queues)
		return NULL;
	return request->port->queue[id];
}

static bool
direction_is_valid(unsigned int direction)
{
	return direction != 0 && (direction & ~(RVR_RNA_DIR_RX | RVR_RNA_DIR_TX)) == 0;
}

static unsigned int
ctl_queue_start(struct request *request)
{
	unsigned int direction, status;
	struct rna_queue *q = queue_find(request, &direction, &status);

	if (q == NULL)
		return status;
	if (!direction_is_valid(direction) ||
	    ((direction & RVR_RNA_DIR_RX) && q->buffers == 0))
		return BAD_VALUE(request, struct rvr_rna_queue, direction);
	rna_queue_start(q, direction);
	return RVR_RNA_OK;
}

static unsigned int
ctl_queue_stop(struct request *request)
{
	unsigned int direction, status;
	struct rna_queue *q = queue_find(request, &direction, &status);

	if (q == NULL)
		return status;
	if (!direction_is_valid(direction))
		return BAD_VALUE(request, struct rvr_rna_queue, direction);
	rna_queue_stop(q, direction);
	return RVR_RNA_OK;
}

static unsigned int
ctl_queue_release(struct request *request)
{
	unsigned int direction, status;
	struct rna_queue *q = queue_find(request, &direction, &status);

	if (q == NULL)
		return status;
	rna_queue_release(q);
	return RVR_RNA_OK;
}

static unsigned int
ctl_rx_offloads(struct request *request)
{
	struct rvr_rna_rx_offloads set;
	struct rna_queue *q = NULL;

	memcpy(&set, request->in, sizeof(set));
	if (rvr_le16_cpu(set.queue) < request->rna->max_queues)
		q = request->port->queue[rvr_le16_cpu(set.queue)];
	if (q == NULL)
		return RVR_RNA_BAD_QUEUE;
	if (rvr_le32_cpu(set.offloads) & ~RVR_RNA_RXO_ALL)
		return BAD_VALUE(request, struct rvr_rna_rx_offloads, offloads);
	if ((rvr_le32_cpu(set.offloads) & RVR_RNA_RXO_SPLIT) &&
	    rvr_le16_cpu(set.split_buffer) == 0)
		return BAD_VALUE(request, struct rvr_rna_rx_offloads, split_buffer);
	if (rvr_le32_cpu(set.lro_us) > RVR_RNA_LRO_US_MAX)
		return BAD_VALUE(request, struct rvr_rna_rx_offloads, lro_us);
	return rna_rx_offloads_set(q, &set);
}

/* ---- Saving and restoring ----------------------------------------------------------------- */

static unsigned int
ctl_queue_save(struct request *request)
{
	struct rvr_rna_queue_saved saved = { 0 };
	struct rvr_rna_queue_state to;
	struct rna_queue *q = NULL;
	unsigned int status;
	uint32_t size = 0;

	memcpy(&to, request->in, sizeof(to));
	if (rvr_le16_cpu(to.queue) < request->rna->max_queues)
		q = request->port->queue[rvr_le16_cpu(to.queue)];
	if (q == NULL)
		return RVR_RNA_BAD_QUEUE;
	status = rna_queue_save(q, &request->hw->view, &to, &size);
	saved.size = rvr_cpu_le32(size);
	memcpy(request->out, &saved, sizeof(saved));
	return status == RVR_RNA_BAD_VALUE ? BAD_VALUE(request, struct rvr_rna_queue_state, addr) :
					     status;
}

static unsigned int
ctl_queue_restore(struct request *request)
{
	struct rvr_rna_queue_state from;
	struct ami_hw *hw;
	unsigned int status;

	memcpy(&from, request->in, sizeof(from));
	if (rvr_le16_cpu(from.queue) >= request->rna->max_queues)
		return RVR_RNA_BAD_QUEUE;
	hw = ami_hw_find(request, rvr_le16_cpu(from.phy_ami_hw_id));
	if (hw == NULL)
		return RVR_RNA_BAD_AMI_HW;
	status = rna_queue_restore(request->port, hw, &request->hw->view, &from);
	return status == RVR_RNA_BAD_VALUE ? BAD_VALUE(request, struct rvr_rna_queue_state, addr) :
					     status;
}

/* ---- Time --------------------------------------------------------------------------------- */

static unsigned int
ctl_time(struct request *request)
{
	struct rna_port *port = request->port;
	struct rvr_rna_time time;
	uint32_t operation;
	uint64_t raw;

	memcpy(&time, request->in, sizeof(time));
	operation = rvr_le32_cpu(time.operation);
	if (operation > RVR_RNA_TIME_GET_TX)
		return BAD_VALUE(request, struct rvr_rna_time, operation);
	raw = rna_time_raw();
	if (operation == RVR_RNA_TIME_SET)
		port->clock_offset = rvr_le64_cpu(time.time) - raw;
	else if (operation == RVR_RNA_TIME_ADD)
		port->clock_offset += rvr_le64_cpu(time.time);
	time.raw = rvr_cpu_le64(raw);
	time.time = rvr_cpu_le64(raw + port->clock_offset);
	time.tx_valid = 0;
	time.tx_timestamp = 0;
	if (operation == RVR_RNA_TIME_GET_TX && port->tx_timestamp_valid) {
		time.tx_valid = rvr_cpu_le32(1);
		time.tx_timestamp = rvr_cpu_le64(port->tx_timestamp);
		port->tx_timestamp_valid = false;
	}
	memcpy(request->out, &time, sizeof(time));
	return RVR_RNA_OK;
}

/* ---- RSS ---------------------------------------------------------------------------------- */

static unsigned int
ctl_rss_set(struct request *request)
{
	struct rvr_rna_rss rss;
	uint32_t types, key_size;

	memcpy(&rss, request->in, sizeof(rss));
	types = rvr_le32_cpu(rss.types);
	key_size = rvr_le32_cpu(rss.key_size);
	if (types & ~RNA_RSS_TYPES)
		return BAD_VALUE(request, struct rvr_rna_rss, types);
	if (key_size != 0 && key_size != RNA_KEY_SIZE)
		return BAD_VALUE(request, struct rvr_rna_rss, key_size);
	rna_rss_set(request->port->rss, types, key_size != 0 ? rss.key : NULL);
	rna_port_refresh(request->port);
	return RVR_RNA_OK;
}

static unsigned int
ctl_reta_set(struct request *request)
{
	struct rvr_rna_reta reta;
	uint32_t i, first, count;

	memcpy(&reta, request->in, sizeof(reta));
	first = rvr_le16_cpu(reta.first);
	count = rvr_le16_cpu(reta.count);
	if (first >= RNA_RETA_SIZE)
		return BAD_VALUE(request, struct rvr_rna_reta, first);
	if (count == 0 || count > sizeof(reta.queue) / sizeof(reta.queue[0]) ||
	    first + count > RNA_RETA_SIZE)
		return BAD_VALUE(request, struct rvr_rna_reta, count);
	for (i = 0; i < count; i++)
		if (rvr_le16_cpu(reta.queue[i]) >= request->rna->max_queues)
			return BAD_VALUE(request, struct rvr_rna_reta, queue[i]);
	for (i = 0; i < count; i++)
		request->port->rss->reta[first + i] = rvr_le16_cpu(reta.queue[i]);
	return RVR_RNA_OK;
}

/* ---- Counters ----------------------------------------------------------------------------- */

static unsigned int
ctl_stats_get(struct request *request)
{
	struct rvr_rna_stats stats;

	rna_stats_get(request->port, &stats);
	memcpy(request->out, &stats, sizeof(stats));
	return RVR_RNA_OK;
}

static unsigned int
ctl_queue_stats_get(struct request *request)
{
	unsigned int direction, status;
	struct rna_queue *q = queue_find(request, &direction, &status);
	struct rvr_rna_queue_stats stats;

	if (q == NULL)
		return status;
	rna_queue_stats_get(q, &stats);
	memcpy(request->out, &stats, sizeof(stats));
	return RVR_RNA_OK;
}

static unsigned int
ctl_stats_reset(struct request *request)
{
	rna_stats_reset(request->port);
	return RVR_RNA_OK;
}

static unsigned int
ctl_queue_stats_reset(struct request *request)
{
	unsigned int direction, status;
	struct rna_queue *q = queue_find(request, &direction, &status);

	if (q == NULL)
		return status;
	rna_queue_stats_add(&request->port->gone, &q->stats);
	memset(&q->stats, 0, sizeof(q->stats));
	return RVR_RNA_OK;
}

/* ---- Requests and answers ----------------------------------------------------------------- */

static const struct {
	unsigned int (*execute)(struct request *request);
	bool changes; /**< only the channel that has the port may do it */
} controls[] = {
	[RVR_RNA_CTL_PORT_INFO] = { ctl_port_info, false },
	[RVR_RNA_CTL_PORT_SET] = { ctl_port_set, true },
	[RVR_RNA_CTL_QUEUE_SETUP] = { ctl_queue_setup, true },
	[RVR_RNA_CTL_QUEUE_START] = { ctl_queue_start, true },
	[RVR_RNA_CTL_QUEUE_STOP] = { ctl_queue_stop, true },
	[RVR_RNA_CTL_QUEUE_RELEASE] = { ctl_queue_release, true },
	[RVR_RNA_CTL_RSS_SET] = { ctl_rss_set, true },
	[RVR_RNA_CTL_RETA_SET] = { ctl_reta_set, true },
	[RVR_RNA_CTL_STATS_GET] = { ctl_stats_get, false },
	[RVR_RNA_CTL_QUEUE_STATS_GET] = { ctl_queue_stats_get, false },
	[RVR_RNA_CTL_STATS_RESET] = { ctl_stats_reset, true },
	[RVR_RNA_CTL_PORT_RELEASE] = { ctl_port_release, true },
	[RVR_RNA_CTL_QUEUE_STATS_RESET] = { ctl_queue_stats_reset, true },
	[RVR_RNA_CTL_RX_OFFLOADS] = { ctl_rx_offloads, true },
	[RVR_RNA_CTL_TIME] = { ctl_time, true },
	[RVR_RNA_CTL_QUEUE_SAVE] = { ctl_queue_save, true },
	[RVR_RNA_CTL_QUEUE_RESTORE] = { ctl_queue_restore, true },
};

/** Whether a request needs the port to be the channel's. */
static bool
request_changes(unsigned int opcode)
{
	if (rna_steer_knows(opcode))
		return rna_steer_changes(opcode);
	return rna_flow_knows(opcode) ? rna_flow_changes(opcode) : controls[opcode].changes;
}

static unsigned int
control_execute(struct request *request, unsigned int opcode, unsigned int port)
{
	bool steers = rna_steer_knows(opcode), flows = rna_flow_knows(opcode), only;
	unsigned int own;

	if (!steers && !flows && (opcode >= sizeof(controls) / sizeof(controls[0]) ||
			       controls[opcode].execute == NULL))
		return RVR_RNA_BAD_OPCODE;
	if (port >= RNA_PORTS_MAX || request->rna->port[port] == NULL)
		return RVR_RNA_BAD_PORT;
	own = rna_port_of_function(request->rna, request->hw->function->id, &only);
	request->port = request->rna->port[port];
	if (request_changes(opcode)) {
		if (only && port != own)
			return RVR_RNA_BAD_PORT;
		if (request->port->owner != NULL && request->port->owner != request->hw)
			return RVR_RNA_BUSY;
		request->port->owner = request->hw;
	}
	if (steers)
		return rna_steer_control(request->port, opcode, request->in, request->out,
			&request->detail);
	if (flows)
		return rna_flow_control(request->port, opcode,
			request->hw->function->id == 0 && !request->hw->pasid_enabled,
			request->in, request->in_size, request->out, &request->detail);
	return controls[opcode].execute(request);
}

static void
control_message(struct ami_hw *hw, const struct rvr_rna_control *in, uint32_t size,
	struct rvr_rna_control *out)
{
	struct request request = {
		.rna = hw->aha->priv,
		.hw = hw,
		.in = in->payload,
		.in_size = size - (uint32_t)offsetof(struct rvr_rna_control, payload),
		.out = out->payload,
	};
	unsigned int status;

	out->opcode = in->opcode;
	out->port = in->port;
	out->tag = in->tag;
	status = control_execute(&request, rvr_le16_cpu(in->opcode), rvr_le16_cpu(in->port));
	out->status = rvr_cpu_le16(status);
	out->detail = rvr_cpu_le32(request.detail);
}

/** Messages may be longer than a struct rvr_rna_control: some requests are lists. */
union message {
	struct rvr_rna_control control;
	uint8_t bytes[RVR_RNA_FLOW_MESSAGE_MAX];
	uint64_t aligned;
};

uint32_t
rna_control_receive(struct ami_hw *hw, struct asn *asn, const uint8_t *msgs, uint32_t count)
{
	struct asn *answers = hw->tx[RVR_RNA_TX_CONTROL];
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct rvr_rna_control out = { 0 };
		union message in;
		uint32_t size = asn->msg_bytes < sizeof(in) ? asn->msg_bytes : sizeof(in);
		uint8_t *slot = answers == NULL ? NULL : asn_slot(answers);

		if (slot == NULL)
			break;
		memcpy(&in, msgs + (size_t)i * asn->msg_bytes, size);
		if (size < sizeof(in.control))
			memset(in.bytes + size, 0, sizeof(in.control) - size);
		control_message(hw, &in.control,
			size < sizeof(in.control) ? (uint32_t)sizeof(in.control) : size, &out);
		memset(slot, 0, answers->msg_bytes);
		memcpy(slot, &out,
			answers->msg_bytes < sizeof(out) ? answers->msg_bytes : sizeof(out));
		asn_commit(answers);
	}
	return i;
}
