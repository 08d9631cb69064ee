/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Offloads of reception: what queues that asked for them do with a packet before it goes to a
 * buffer, and descriptors with extensions.
 */

#include "checksum.h"
#include "proto.h"
#include "rx.h"

#define EXT_OFFLOADS                                                                           \
	(RVR_RNA_RXO_QINQ | RVR_RNA_RXO_LRO | RVR_RNA_RXO_TIMESTAMP | RVR_RNA_RXO_PTP |        \
		RVR_RNA_RXO_MARK)
#define RX_EXT_FLAGS                                                                           \
	(RVR_RNA_RX_MARK | RVR_RNA_RX_OUTER_VLAN | RVR_RNA_RX_LRO | RVR_RNA_RX_TIMESTAMP)
#define RX_DESC_SIZE sizeof(struct rvr_rna_rx_desc)

static bool
split_changes(const struct rna_queue *q, const struct rvr_rna_rx_offloads *set, uint32_t offloads)
{
	uint32_t buffer = offloads & RVR_RNA_RXO_SPLIT ? rvr_le16_cpu(set->split_buffer) : 0;

	return buffer != q->split.buffer || rvr_le32_cpu(set->split_ptype) != q->split.ptype ||
	       rvr_le16_cpu(set->split_len) != q->split.len;
}

static void
split_set(struct rna_queue *q, const struct rvr_rna_rx_offloads *set, uint32_t offloads)
{
	q->split.ptype = rvr_le32_cpu(set->split_ptype);
	q->split.len = rvr_le16_cpu(set->split_len);
	q->split.buffer = offloads & RVR_RNA_RXO_SPLIT ? rvr_le16_cpu(set->split_buffer) : 0;
	q->sizes[0] = q->split.buffer != 0 ? q->split.buffer : q->buffer_size;
}

bool
rna_rx_offloads_valid(const struct rvr_rna_rx_offloads *set)
{
	uint32_t offloads = rvr_le32_cpu(set->offloads);

	return (offloads & ~RVR_RNA_RXO_ALL) == 0 &&
	       (!(offloads & RVR_RNA_RXO_SPLIT) || rvr_le16_cpu(set->split_buffer) != 0) &&
	       rvr_le32_cpu(set->lro_us) <= RVR_RNA_LRO_US_MAX;
}

unsigned int
rna_rx_offloads_set(struct rna_queue *q, const struct rvr_rna_rx_offloads *set)
{
	uint32_t offloads = rvr_le32_cpu(set->offloads);

	if (q->buffers == 0 || (q->posted != 0 && split_changes(q, set, offloads)))
		return RVR_RNA_BUSY;
	if ((offloads & EXT_OFFLOADS) && q->infos == NULL) {
		q->infos = rna_zalloc(((size_t)q->mask + 1) * sizeof(q->infos[0]));
		if (q->infos == NULL)
			return RVR_RNA_NO_MEMORY;
	}
	if (q->lro != NULL)
		rna_lro_flush(q);
	if ((offloads & RVR_RNA_RXO_LRO) &&
	    !rna_lro_set(q, rvr_le16_cpu(set->lro_max), rvr_le32_cpu(set->lro_us)))
		return RVR_RNA_NO_MEMORY;
	split_set(q, set, offloads);
	q->offloads = offloads;
	q->offloads_set = *set;
	rna_port_refresh(q->port);
	return RVR_RNA_OK;
}

/* ---- Packets ------------------------------------------------------------------------------ */

static uint16_t
tag_tci(const uint8_t *data, unsigned int tag)
{
	return rna_be16(data + 14 + tag * 4);
}

/** Takes `tags` tags off: the packet is in the scratch memory then. */
static const uint8_t *
strip_tags(struct rna_queue *q, const uint8_t *data, uint32_t *len, unsigned int tags)
{
	uint8_t *to = q->port->rna->scratch;

	*len -= tags * 4;
	memcpy(to, data, 12);
	memcpy(to + 12, data + 12 + (size_t)tags * 4, *len - 12);
	return to;
}

static const uint8_t *
rx_strip(struct rna_queue *q, const uint8_t *data, uint32_t *len, const struct rna_parsed *parsed,
	struct rna_rx_info *info)
{
	unsigned int tags = parsed->outer.tags;

	if (tags == 2 && (q->offloads & RVR_RNA_RXO_QINQ)) {
		info->type |= RNA_RX_TYPE(RVR_RNA_RX_VLAN | RVR_RNA_RX_OUTER_VLAN);
		info->outer_vlan_tci = tag_tci(data, 0);
		info->vlan_tci = tag_tci(data, 1);
		return strip_tags(q, data, len, 2);
	}
	if (tags == 0 || !(q->offloads & RVR_RNA_RXO_VLAN))
		return data;
	info->type |= RNA_RX_TYPE(RVR_RNA_RX_VLAN);
	info->vlan_tci = tag_tci(data, 0);
	return strip_tags(q, data, len, 1);
}

static const uint8_t *
rx_append_crc(struct rna_queue *q, const uint8_t *data, uint32_t *len)
{
	uint8_t *to = q->port->rna->scratch;
	uint32_t crc = rna_crc_ethernet(data, *len);
	unsigned int i;

	if (data != to)
		memcpy(to, data, *len);
	for (i = 0; i < 4; i++)
		to[*len + i] = (uint8_t)(crc >> 8 * i);
	*len += 4;
	return to;
}

static bool
is_ptp(const uint8_t *data, const struct rna_parsed *parsed)
{
	const struct rna_level *level = &parsed->outer;

	return level->ethertype == ETHERTYPE_PTP ||
	       (level->l4_type == RNA_L4_UDP &&
		       rna_be16(data + level->l4 + 2) == UDP_PORT_PTP_EVENT);
}

static void
rx_timestamp(const struct rna_queue *q, const uint8_t *data, const struct rna_parsed *parsed,
	struct rna_rx_info *info)
{
	if (!(q->offloads & RVR_RNA_RXO_TIMESTAMP) &&
	    !((q->offloads & RVR_RNA_RXO_PTP) && is_ptp(data, parsed)))
		return;
	info->type |= RNA_RX_TYPE(RVR_RNA_RX_TIMESTAMP);
	info->timestamp = rna_time(q->port);
}

void
rna_rx_offload(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed, struct rna_rx_info *info)
{
	const uint32_t whole = len;
	uint32_t sums = 0, stripped, split;

	if (q->offloads & (RVR_RNA_RXO_CHECKSUM | RVR_RNA_RXO_LRO))
		sums = rna_verify(data, parsed);
	if (q->offloads & RVR_RNA_RXO_CHECKSUM)
		info->type |= RNA_RX_TYPE(sums);
	rx_timestamp(q, data, parsed, info);
	split = q->offloads & RVR_RNA_RXO_SPLIT ? rna_split_at(q, data, len, parsed) : 0;
	data = rx_strip(q, data, &len, parsed, info);
	stripped = whole - len;
	if (q->split.ptype != 0 && split > stripped)
		split -= stripped;
	info->split = (uint16_t)split;
	if ((q->offloads & RVR_RNA_RXO_LRO) &&
	    rna_lro_receive(q, data, len, parsed, stripped, sums, info))
		return;
	if (q->offloads & RVR_RNA_RXO_KEEP_CRC)
		data = rx_append_crc(q, data, &len);
	rna_rx_put_info(q, data, len, info);
}

void
rna_rx_put_info(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_rx_info *info)
{
	uint64_t type = info->type;
	uint32_t at;

	if (!q->dirty)
		rna_rx_touch(q);
	at = q->filled;
	if (q->infos != NULL && (type & RNA_RX_TYPE(RX_EXT_FLAGS)) != 0)
		type |= RNA_RX_TYPE(RVR_RNA_RX_EXT);
	if (q->offloads & RVR_RNA_RXO_SPLIT) {
		rna_rx_put_split(q, data, len, info->split, type, info->hash);
		at += info->split == 0;
	} else {
		rna_rx_put(q, data, len, type, info->hash);
	}
	if (q->filled - at - 1 >= q->buffers) /* nothing was put */
		return;
	q->descs[at & q->mask].vlan_tci = rvr_cpu_le16(info->vlan_tci);
	if (type & RNA_RX_TYPE(RVR_RNA_RX_EXT))
		q->infos[at & q->mask] = *info;
}

/* ---- Descriptors -------------------------------------------------------------------------- */

/** Writes a descriptor and what extends it. @return records, 0: there is no room for them */
static uint32_t
desc_pack(const struct rna_queue *q, uint32_t index, uint8_t *to, uint32_t room)
{
	const struct rvr_rna_rx_desc *desc = &q->descs[index & q->mask];
	const struct rna_rx_info *info = &q->infos[index & q->mask];
	struct rvr_rna_rx_ext ext;

	memcpy(to, desc, RX_DESC_SIZE);
	if (!(rvr_le16_cpu(desc->flags) & RVR_RNA_RX_EXT))
		return 1;
	if (room < 2)
		return 0;
	ext.mark = rvr_cpu_le32(info->mark);
	ext.outer_vlan_tci = rvr_cpu_le16(info->outer_vlan_tci);
	ext.lro_mss = rvr_cpu_le16(info->lro_mss);
	ext.timestamp = rvr_cpu_le64(info->timestamp);
	memcpy(to + RX_DESC_SIZE, &ext, sizeof(ext));
	return 2;
}

/** Fills one message. */
static void
message_pack(struct rna_queue *q, uint8_t *msg, uint32_t max)
{
	struct rvr_rna_rx head = {
		.opcode = rvr_cpu_le16(RVR_RNA_OP_RX),
		.first = rvr_cpu_le64(q->returned_total),
	};
	uint32_t count = 0, records = 1;

	while (q->returned != q->filled && count < max && records > 0) {
		records = desc_pack(q, q->returned, msg + sizeof(head) + count * RX_DESC_SIZE,
			max - count);
		count += records;
		q->returned += records > 0;
		q->returned_total += records > 0;
	}
	head.count = rvr_cpu_le16(count);
	memcpy(msg, &head, sizeof(head));
}

void
rna_rx_flush_ext(struct rna_queue *q)
{
	struct asn *asn = q->hw->tx[RVR_RNA_TX_PACKETS];
	uint32_t max = (asn->msg_bytes - sizeof(struct rvr_rna_rx)) / RX_DESC_SIZE;

	if (q->lro != NULL)
		rna_lro_expire(q);
	while (q->returned != q->filled) {
		uint8_t *msg = asn_slot(asn);

		if (msg == NULL)
			return;
		message_pack(q, msg, max);
		asn_commit(asn);
	}
}
