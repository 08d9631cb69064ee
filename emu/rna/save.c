/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A queue pair as bytes: what it knows beyond its rings is written to the driver's memory, and
 * makes a queue of another port, or of another device, that goes on where this one stopped.
 */

#include "rx.h"
#include "rvr_rna_state.h"

#define DESC_SIZE sizeof(struct rvr_rna_rx_desc)
#define EXT_SIZE sizeof(struct rvr_rna_rx_ext)
#define SEGMENTS_MOST (RNA_SEGMENTS_MAX + 2u) /* of a packet; one with so many is refused */

_Static_assert(sizeof(struct rna_queue_stats) == sizeof(struct rvr_rna_queue_stats), "counters");

/* ---- Sizes -------------------------------------------------------------------------------- */

static size_t
waiting_size(uint32_t flags)
{
	return flags & RVR_RNA_STATE_EXT ? DESC_SIZE + EXT_SIZE : DESC_SIZE;
}

static size_t
state_size(uint32_t flags, uint32_t waiting, uint32_t empty, uint32_t gathered)
{
	return sizeof(struct rvr_rna_state) + waiting * waiting_size(flags) +
	       empty * sizeof(rvr_le64) + (((size_t)gathered + 7) & ~(size_t)7);
}

/* ---- Saving ------------------------------------------------------------------------------- */

/** Stops it, with nothing held back for a better moment. */
static void
queue_hold(struct rna_queue *q)
{
	if (q->lro != NULL)
		rna_lro_flush(q);
	q->held |= (q->rx_started ? RVR_RNA_DIR_RX : 0) | (q->tx_started ? RVR_RNA_DIR_TX : 0);
	q->rx_started = false;
	q->tx_started = false;
	rna_port_refresh(q->port);
}

static uint32_t
state_flags(const struct rna_queue *q)
{
	return (q->held & RVR_RNA_DIR_RX ? RVR_RNA_STATE_RX : 0) |
	       (q->held & RVR_RNA_DIR_TX ? RVR_RNA_STATE_TX : 0) |
	       (q->infos != NULL ? RVR_RNA_STATE_EXT : 0) |
	       (q->gather_segments > 0 && q->tx_bad ? RVR_RNA_STATE_REFUSED : 0);
}

static void
offload_encode(const struct rna_tx_offload *offload, struct rvr_rna_tx_offload *wire)
{
	wire->request = rvr_cpu_le16(offload->request);
	wire->vlan_tci = rvr_cpu_le16(offload->vlan_tci);
	wire->outer_vlan_tci = rvr_cpu_le16(offload->outer_vlan_tci);
	wire->mss = rvr_cpu_le16(offload->mss);
	wire->outer_l2_len = (uint8_t)offload->outer_l3;
	wire->outer_l3_dw = (uint8_t)((offload->outer_l4 - offload->outer_l3) / 4);
	wire->l2_len = (uint8_t)(offload->l3 - offload->outer_l4);
	wire->l3_dw = (uint8_t)((offload->l4 - offload->l3) / 4);
	wire->l4_len = (uint8_t)(offload->payload - offload->l4);
	wire->flags = rvr_cpu_le16(RVR_RNA_TX_OFFLOAD);
}

static void
state_fill(const struct rna_queue *q, struct rvr_rna_state *state)
{
	memset(state, 0, sizeof(*state));
	state->version = rvr_cpu_le16(RVR_RNA_STATE_VERSION);
	state->flags = rvr_cpu_le32(state_flags(q));
	state->buffers = rvr_cpu_le32(q->buffers);
	state->buffer_size = rvr_cpu_le32(q->buffer_size);
	state->offloads = q->offloads_set;
	state->first = rvr_cpu_le32(q->returned);
	state->waiting = rvr_cpu_le32(q->filled - q->returned);
	state->empty = rvr_cpu_le32(q->posted - q->filled);
	state->received = rvr_cpu_le64(q->returned_total);
	state->done = rvr_cpu_le64(q->tx_done);
	state->told = rvr_cpu_le64(q->tx_done_told);
	rna_queue_stats_get(q, &state->stats);
	if (q->gather_segments == 0)
		return;
	state->gathered = rvr_cpu_le32(q->gather_len);
	state->segments = rvr_cpu_le32(q->gather_segments < SEGMENTS_MOST ? q->gather_segments :
									SEGMENTS_MOST);
	if (q->offload.request != 0)
		offload_encode(&q->offload, &state->offload);
}

static void
ext_fill(const struct rna_rx_info *info, uint8_t *to)
{
	const struct rvr_rna_rx_ext ext = {
		.mark = rvr_cpu_le32(info->mark),
		.outer_vlan_tci = rvr_cpu_le16(info->outer_vlan_tci),
		.lro_mss = rvr_cpu_le16(info->lro_mss),
		.timestamp = rvr_cpu_le64(info->timestamp),
	};

	memcpy(to, &ext, sizeof(ext));
}

/** What follows a struct rvr_rna_state. */
static void
lists_fill(const struct rna_queue *q, uint8_t *to)
{
	uint32_t i;

	for (i = q->returned; i != q->filled; i++) {
		memcpy(to, &q->descs[i & q->mask], DESC_SIZE);
		to += DESC_SIZE;
		if (q->infos == NULL)
			continue;
		ext_fill(&q->infos[i & q->mask], to);
		to += EXT_SIZE;
	}
	for (; i != q->posted; i++, to += sizeof(rvr_le64)) {
		rvr_le64 iova = rvr_cpu_le64(q->bufs[i & q->mask].iova);

		memcpy(to, &iova, sizeof(iova));
	}
	if (q->gather_segments > 0)
		memcpy(to, q->gather + RNA_TAGS_SIZE, q->gather_len);
}

unsigned int
rna_queue_save(struct rna_queue *q, struct dma_view *view, const struct rvr_rna_queue_state *to,
	uint32_t *size)
{
	struct rvr_rna_state state;
	uint8_t *bytes;
	int ret;

	queue_hold(q);
	state_fill(q, &state);
	*size = (uint32_t)state_size(rvr_le32_cpu(state.flags), q->filled - q->returned,
		q->posted - q->filled, rvr_le32_cpu(state.gathered));
	if (*size > rvr_le32_cpu(to->size))
		return RVR_RNA_OK;
	bytes = rna_zalloc(*size);
	if (bytes == NULL)
		return RVR_RNA_NO_MEMORY;
	memcpy(bytes, &state, sizeof(state));
	lists_fill(q, bytes + sizeof(state));
	ret = dma_write(view, rvr_le64_cpu(to->addr), bytes, *size);
	free(bytes);
	return ret == 0 ? RVR_RNA_OK : RVR_RNA_BAD_VALUE;
}

/* ---- Restoring ---------------------------------------------------------------------------- */

/** A state that was read, in the CPU's byte order as far as it is needed often. */
struct saved {
	struct rvr_rna_state state;
	uint32_t flags, buffers, buffer_size, first, waiting, empty, gathered, segments;
	const uint8_t *lists;
};

static void
saved_read(struct saved *saved, const uint8_t *bytes)
{
	const struct rvr_rna_state *state = &saved->state;

	memcpy(&saved->state, bytes, sizeof(saved->state));
	saved->flags = rvr_le32_cpu(state->flags);
	saved->buffers = rvr_le32_cpu(state->buffers);
	saved->buffer_size = rvr_le32_cpu(state->buffer_size);
	saved->first = rvr_le32_cpu(state->first);
	saved->waiting = rvr_le32_cpu(state->waiting);
	saved->empty = rvr_le32_cpu(state->empty);
	saved->gathered = rvr_le32_cpu(state->gathered);
	saved->segments = rvr_le32_cpu(state->segments);
	saved->lists = bytes + sizeof(saved->state);
}

/** Whether a queue can be like that; nothing of a state is believed. */
static bool
saved_check(const struct saved *saved, uint32_t size)
{
	const struct rvr_rna_state *state = &saved->state;

	return rvr_le16_cpu(state->version) == RVR_RNA_STATE_VERSION &&
	       saved->buffers <= RNA_BUFFERS_MAX &&
	       (saved->buffers == 0 || (saved->buffer_size >= RNA_BUFFER_MIN &&
					       saved->buffer_size <= UINT16_MAX)) &&
	       saved->waiting <= saved->buffers &&
	       saved->empty <= saved->buffers - saved->waiting &&
	       (saved->buffers > 0 || !(saved->flags & (RVR_RNA_STATE_RX | RVR_RNA_STATE_EXT))) &&
	       saved->segments <= SEGMENTS_MOST &&
	       saved->gathered <= (saved->segments > 0 ? RNA_TX_MAX : 0) &&
	       rvr_le64_cpu(state->told) <= rvr_le64_cpu(state->done) &&
	       size == state_size(saved->flags, saved->waiting, saved->empty, saved->gathered);
}

/** Offloads, and room for extensions of descriptors. enum rvr_rna_control_status */
static unsigned int
offloads_restore(struct rna_queue *q, const struct saved *saved)
{
	const struct rvr_rna_rx_offloads *set = &saved->state.offloads;
	unsigned int status = RVR_RNA_OK;

	if (saved->flags & RVR_RNA_STATE_EXT) {
		q->infos = rna_zalloc(((size_t)q->mask + 1) * sizeof(q->infos[0]));
		if (q->infos == NULL)
			return RVR_RNA_NO_MEMORY;
	}
	if (rvr_le32_cpu(set->offloads) == 0)
		return RVR_RNA_OK;
	if (q->buffers == 0 || !rna_rx_offloads_valid(set))
		status = RVR_RNA_BAD_VALUE;
	return status != RVR_RNA_OK ? status : rna_rx_offloads_set(q, set);
}

static const uint8_t *
waiting_restore(struct rna_queue *q, const struct saved *saved, const uint8_t *from)
{
	struct rvr_rna_rx_ext ext;
	uint32_t i;

	for (i = q->returned; i != q->filled; i++) {
		memcpy(&q->descs[i & q->mask], from, DESC_SIZE);
		from += DESC_SIZE;
		if (!(saved->flags & RVR_RNA_STATE_EXT))
			continue;
		memcpy(&ext, from, sizeof(ext));
		from += sizeof(ext);
		q->infos[i & q->mask] = (struct rna_rx_info){
			.mark = rvr_le32_cpu(ext.mark),
			.outer_vlan_tci = rvr_le16_cpu(ext.outer_vlan_tci),
			.lro_mss = rvr_le16_cpu(ext.lro_mss),
			.timestamp = rvr_le64_cpu(ext.timestamp),
		};
	}
	return from;
}

static void
buffers_restore(struct rna_queue *q, const struct saved *saved)
{
	const uint8_t *from = saved->lists;
	rvr_le64 iova;
	uint32_t i;

	q->returned = saved->first;
	q->filled = q->returned + saved->waiting;
	q->posted = q->filled + saved->empty;
	q->returned_total = rvr_le64_cpu(saved->state.received);
	from = waiting_restore(q, saved, from);
	for (i = q->filled; i != q->posted; i++, from += sizeof(iova)) {
		memcpy(&iova, from, sizeof(iova));
		q->bufs[i & q->mask].iova = rvr_le64_cpu(iova);
	}
	if (q->buffers > 0)
		rna_rx_remap(q);
	memcpy(q->gather + RNA_TAGS_SIZE, from, saved->gathered);
}

/** false: no memory */
static bool
transmission_restore(struct rna_queue *q, const struct saved *saved)
{
	const struct rvr_rna_state *state = &saved->state;

	q->tx_done = rvr_le64_cpu(state->done);
	q->tx_done_told = rvr_le64_cpu(state->told);
	q->gather_len = saved->gathered;
	q->gather_segments = saved->segments;
	q->tx_bad = saved->flags & RVR_RNA_STATE_REFUSED;
	rna_tx_offload_decode(&q->offload, &state->offload);
	if (q->offload.request & ~RVR_RNA_TXO_ALL)
		q->tx_bad = true;
	if (q->offload.request != 0)
		q->segment = malloc(RNA_TAGS_SIZE + RNA_FRAME_MAX);
	return q->offload.request == 0 || q->segment != NULL;
}

static unsigned int
queue_restore(struct rna_queue *q, const struct saved *saved)
{
	unsigned int status = offloads_restore(q, saved);

	if (status != RVR_RNA_OK)
		return status;
	buffers_restore(q, saved);
	if (!transmission_restore(q, saved))
		return RVR_RNA_NO_MEMORY;
	rna_queue_stats_set(q, &saved->state.stats);
	rna_queue_start(q, (saved->flags & RVR_RNA_STATE_RX ? RVR_RNA_DIR_RX : 0) |
		(saved->flags & RVR_RNA_STATE_TX ? RVR_RNA_DIR_TX : 0));
	rna_queue_dirty(q);
	aha_poll_soon(q->hw);
	return RVR_RNA_OK;
}

static unsigned int
state_restore(struct rna_port *port, struct ami_hw *hw, unsigned int id, const struct saved *saved)
{
	unsigned int status;

	status = rna_queue_setup(port, hw, id, saved->buffers, saved->buffer_size);
	if (status != RVR_RNA_OK)
		return status;
	status = queue_restore(port->queue[id], saved);
	if (status != RVR_RNA_OK) {
		/* Its counters are the other queue's still. */
		memset(&port->queue[id]->stats, 0, sizeof(port->queue[id]->stats));
		rna_queue_release(port->queue[id]);
	}
	return status;
}

unsigned int
rna_queue_restore(struct rna_port *port, struct ami_hw *hw, struct dma_view *view,
	const struct rvr_rna_queue_state *from)
{
	uint32_t size = rvr_le32_cpu(from->size);
	unsigned int id = rvr_le16_cpu(from->queue), status = RVR_RNA_BAD_VALUE;
	struct saved saved;
	uint8_t *bytes;

	if (port->queue[id] != NULL)
		return RVR_RNA_BUSY;
	if (size < sizeof(saved.state) || size > state_size(RVR_RNA_STATE_EXT, RNA_BUFFERS_MAX,
			RNA_BUFFERS_MAX, RNA_TX_MAX))
		return RVR_RNA_BAD_VALUE;
	/* A copy: what is checked is what is used. */
	bytes = rna_zalloc(size);
	if (bytes == NULL)
		return RVR_RNA_NO_MEMORY;
	if (dma_read(view, bytes, rvr_le64_cpu(from->addr), size) == 0) {
		saved_read(&saved, bytes);
		if (saved_check(&saved, size))
			status = state_restore(port, hw, id, &saved);
	}
	free(bytes);
	return status;
}
