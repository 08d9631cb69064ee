/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The callbacks: packets made of scatter lists instead of jobs. A packet's copies are jobs of one
 * operation each, for which burst_capacity is a promise; a packet is complete with its last job.
 */

#include <string.h>

#include <rte_malloc.h>

#include "revere_dma.h"

/** A packet in flight. */
struct packet {
	uint64_t end; /**< number of the job after its last one */
	enum rte_dma_status_code status;
};

struct revere_dma_channel {
	uint32_t head, tail; /**< packets transferred, packets reported */
	uint32_t mask;
	uint32_t max_packets;
	struct packet packets[];
};

static int
channel_find(int16_t dev_id, uint16_t vchan_id, struct revere_dma_vchan **vchan,
	     struct revere_dma_channel **channel)
{
	int ret = revere_dma_vchan_find(dev_id, vchan_id, vchan);

	if (ret < 0)
		return ret;
	*channel = (*vchan)->channel;
	return *channel == NULL ? -ENOENT : 0;
}

/* ---- Life ----------------------------------------------------------------------------------- */

int
rte_pmd_revere_dma_channel_register(int16_t dev_id, uint16_t vchan_id, uint16_t max_packets)
{
	uint32_t entries = rte_align32pow2(RTE_MAX(max_packets, 1u));
	struct revere_dma_channel *channel;
	struct revere_dma_vchan *vchan;
	int ret = revere_dma_vchan_find(dev_id, vchan_id, &vchan);

	if (ret < 0)
		return ret;
	if (max_packets == 0 || max_packets > REVERE_DMA_MAX_DESC) {
		REVERE_DMA_LOG(ERR, vchan->dma, "vchan %u: %u packets in flight: 1 to %u are "
			       "possible", vchan_id, max_packets, REVERE_DMA_MAX_DESC);
		return -EINVAL;
	}
	if (vchan->channel != NULL || vchan->head != vchan->tail) {
		REVERE_DMA_LOG(ERR, vchan->dma, "vchan %u: %s", vchan_id, vchan->channel != NULL ?
			       "callbacks are registered already" :
			       "callbacks can't be registered with jobs in flight");
		return -EBUSY;
	}
	channel = rte_zmalloc_socket("revere_dma_channel",
				     sizeof(*channel) + entries * sizeof(channel->packets[0]),
				     RTE_CACHE_LINE_SIZE, vchan->dma->numa_node);
	if (channel == NULL)
		return -ENOMEM;
	channel->mask = entries - 1;
	channel->max_packets = max_packets;
	vchan->channel = channel;
	return 0;
}

int
rte_pmd_revere_dma_channel_unregister(int16_t dev_id, uint16_t vchan_id)
{
	struct revere_dma_channel *channel;
	struct revere_dma_vchan *vchan;
	int ret = channel_find(dev_id, vchan_id, &vchan, &channel);

	if (ret < 0)
		return ret;
	if (channel->head != channel->tail) {
		REVERE_DMA_LOG(ERR, vchan->dma, "vchan %u: callbacks can't be unregistered with "
			       "%u packets in flight", vchan_id, channel->head - channel->tail);
		return -EBUSY;
	}
	revere_dma_channel_free(vchan);
	return 0;
}

void
revere_dma_channel_free(struct revere_dma_vchan *vchan)
{
	rte_free(vchan->channel);
	vchan->channel = NULL;
}

void
revere_dma_channel_abort(struct revere_dma_vchan *vchan)
{
	struct revere_dma_channel *channel = vchan->channel;
	struct packet *packet;
	uint32_t i;

	if (channel == NULL)
		return;
	for (i = channel->tail; i != channel->head; i++) {
		packet = &channel->packets[i & channel->mask];
		packet->end = 0;
		packet->status = RTE_DMA_STATUS_USER_ABORT;
	}
}

/* ---- Transfer ------------------------------------------------------------------------------- */

/** A walk over two scatter lists at once. */
struct walk {
	const struct rte_dma_sge *src, *dst;
	uint32_t src_at, dst_at;
};

/** Length of the next piece: what is contiguous on both sides. */
static inline uint32_t
walk_length(const struct walk *walk)
{
	return RTE_MIN(walk->src->length - walk->src_at, walk->dst->length - walk->dst_at);
}

static inline void
walk_on(struct walk *walk, uint32_t length)
{
	walk->src_at += length;
	if (walk->src_at == walk->src->length) {
		walk->src++;
		walk->src_at = 0;
	}
	walk->dst_at += length;
	if (walk->dst_at == walk->dst->length) {
		walk->dst++;
		walk->dst_at = 0;
	}
}

/** Bytes of a list, 0: it can't be. */
static inline uint64_t
list_length(const struct rte_dma_sge *sge, uint16_t count)
{
	uint64_t length = 0;
	uint16_t i;

	if (unlikely(sge == NULL || count == 0 || count > RTE_PMD_REVERE_DMA_SEGMENTS_MAX))
		return 0;
	for (i = 0; i < count; i++) {
		if (unlikely(sge[i].length == 0))
			return 0;
		length += sge[i].length;
	}
	return length;
}

/** Copies that a packet is made of. @p left: its bytes */
static inline uint32_t
pieces(const struct rte_pmd_revere_dma_packet *packet, uint64_t left)
{
	struct walk walk = {.src = packet->src, .dst = packet->dst};
	uint32_t length, count;

	for (count = 0; left > 0; count++) {
		length = walk_length(&walk);
		left -= length;
		if (left > 0)
			walk_on(&walk, length);
	}
	return count;
}

/** @return 0, or why the packet isn't taken; with -EIO some of its copies may be under way */
static int
packet_transfer(struct revere_dma_vchan *vchan, const struct rte_pmd_revere_dma_packet *packet)
{
	uint64_t left = list_length(packet->src, packet->nb_src);
	struct walk walk = {.src = packet->src, .dst = packet->dst};
	uint32_t length, count;

	if (unlikely(left == 0 || left != list_length(packet->dst, packet->nb_dst)))
		return -EINVAL;
	count = packet->nb_src == 1 && packet->nb_dst == 1 ? 1 : pieces(packet, left);
	if (unlikely(count > vchan->nb_desc))
		return -EINVAL;
	if (vchan->limit - vchan->head < count)
		return revere_dma_no_room(vchan);
	for (;;) {
		length = walk_length(&walk);
		if (unlikely(revere_dma_job(vchan, walk.src->addr + walk.src_at,
					    walk.dst->addr + walk.dst_at, length) < 0))
			return -EIO;
		left -= length;
		if (left == 0)
			return 0;
		walk_on(&walk, length);
	}
}

static inline void
packet_add(const struct revere_dma_vchan *vchan, struct revere_dma_channel *channel,
	   enum rte_dma_status_code status)
{
	struct packet *packet = &channel->packets[channel->head & channel->mask];

	packet->end = vchan->head;
	packet->status = status;
	channel->head++;
}

static int
packets_transfer(struct revere_dma_vchan *vchan, struct revere_dma_channel *channel,
		 const struct rte_pmd_revere_dma_packet *packets, uint16_t count)
{
	uint64_t begin = vchan->head;
	int ret = 0;
	uint16_t i;

	for (i = 0; i < count && ret == 0; i++) {
		if (channel->head - channel->tail == channel->max_packets)
			ret = -ENOSPC;
		if (ret == 0)
			ret = packet_transfer(vchan, &packets[i]);
		/* What has begun is in flight, and completes: a packet that broke off as failed. */
		if (ret < 0 && vchan->head == begin)
			break;
		packet_add(vchan, channel, ret < 0 ? RTE_DMA_STATUS_BUS_ERROR :
						     RTE_DMA_STATUS_SUCCESSFUL);
		begin = vchan->head;
	}
	if (vchan->submitted != vchan->head)
		revere_dma_publish(vchan);
	return i > 0 ? i : ret;
}

int
rte_pmd_revere_dma_transfer_data(int16_t dev_id, uint16_t vchan_id,
				 const struct rte_pmd_revere_dma_packet *packets, uint16_t count)
{
	struct revere_dma_channel *channel;
	struct revere_dma_vchan *vchan;
	int ret = channel_find(dev_id, vchan_id, &vchan, &channel);

	if (unlikely(ret < 0))
		return ret;
	if (unlikely(packets == NULL && count > 0))
		return -EINVAL;
	if (unlikely(vchan->state != REVERE_DMA_STARTED && vchan->state != REVERE_DMA_ON_CPU))
		return -EIO;
	return packets_transfer(vchan, channel, packets, count);
}

/* ---- Completion ----------------------------------------------------------------------------- */

/** Reports the jobs of the oldest packet. @return what became of them */
static inline enum rte_dma_status_code
packet_reap(struct revere_dma_vchan *vchan, const struct packet *packet)
{
	enum rte_dma_status_code status = packet->status;

	if (likely(vchan->failed_jobs == 0)) {
		vchan->tail = RTE_MAX(vchan->tail, packet->end);
		return status;
	}
	for (; vchan->tail < packet->end; vchan->tail++) {
		uint16_t *entry = &vchan->status[vchan->tail & vchan->status_mask];

		if (*entry == RTE_DMA_STATUS_SUCCESSFUL)
			continue;
		if (status == RTE_DMA_STATUS_SUCCESSFUL)
			status = (enum rte_dma_status_code)*entry;
		*entry = RTE_DMA_STATUS_SUCCESSFUL;
		vchan->failed_jobs--;
		vchan->errors++;
	}
	return status;
}

int
rte_pmd_revere_dma_get_completed_copies(int16_t dev_id, uint16_t vchan_id,
					enum rte_dma_status_code *status, uint16_t max_packets)
{
	enum rte_dma_status_code result;
	struct revere_dma_channel *channel;
	struct revere_dma_vchan *vchan;
	const struct packet *packet;
	int ret = channel_find(dev_id, vchan_id, &vchan, &channel);
	uint16_t count;

	if (unlikely(ret < 0))
		return ret;
	revere_dma_poll(vchan);
	for (count = 0; count < max_packets && channel->tail != channel->head; count++) {
		packet = &channel->packets[channel->tail & channel->mask];
		if (packet->end > vchan->done)
			break;
		result = packet_reap(vchan, packet);
		if (status != NULL)
			status[count] = result;
		channel->tail++;
	}
	vchan->limit = vchan->tail + vchan->capacity;
	if (unlikely(vchan->tail == vchan->head && revere_dma_tunes(vchan)))
		revere_dma_auto_empty(vchan);
	return count;
}

int
rte_pmd_revere_dma_channel_in_flight(int16_t dev_id, uint16_t vchan_id)
{
	struct revere_dma_channel *channel;
	struct revere_dma_vchan *vchan;
	int ret = channel_find(dev_id, vchan_id, &vchan, &channel);

	return ret < 0 ? ret : (int)(channel->head - channel->tail);
}
