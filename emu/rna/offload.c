/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Transmit offloads. Where headers are is what the request says; it is believed only as far as it
 * stays in the packet and fits what stands there.
 */

#include <string.h>

#include "checksum.h"
#include "offload.h"
#include "proto.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80
#define IP_MORE 0x2000

/** A packet in the making. */
struct work {
	const struct rna_tx_offload *offload;
	uint8_t *segment;
	uint32_t max;
	rna_tx_emit_fn *emit;
	void *arg;
};

void
rna_tx_offload_decode(struct rna_tx_offload *offload, const struct rvr_rna_tx_offload *wire)
{
	offload->request = rvr_le16_cpu(wire->request);
	offload->vlan_tci = rvr_le16_cpu(wire->vlan_tci);
	offload->outer_vlan_tci = rvr_le16_cpu(wire->outer_vlan_tci);
	offload->mss = rvr_le16_cpu(wire->mss);
	offload->outer_l3 = wire->outer_l2_len;
	offload->outer_l4 = (uint16_t)(offload->outer_l3 + wire->outer_l3_dw * 4u);
	offload->l3 = (uint16_t)(offload->outer_l4 + wire->l2_len);
	offload->l4 = (uint16_t)(offload->l3 + wire->l3_dw * 4u);
	offload->payload = (uint16_t)(offload->l4 + wire->l4_len);
}

/* ---- Checks ------------------------------------------------------------------------------- */

/** Whether an IP header of a version that is known lies between two offsets. */
static bool
ip_fits(const uint8_t *data, uint32_t len, uint32_t l3, uint32_t l4)
{
	uint32_t size = l4 - l3;

	if (l3 < 14 || l4 > len)
		return false;
	if (size >= 40 && data[l3] >> 4 == 6)
		return true;
	return size >= 20 && data[l3] >> 4 == 4 && (data[l3] & 0xf) * 4u == size;
}

static bool
is_v4(const uint8_t *data, uint32_t l3)
{
	return data[l3] >> 4 == 4;
}

/** Bytes of the header that a kind of L4 has at least. */
static uint32_t
l4_header(uint32_t request)
{
	switch (request & RVR_RNA_TXO_L4_MASK) {
	case RVR_RNA_TXO_TCP:
		return 20;
	case RVR_RNA_TXO_UDP:
		return 8;
	case RVR_RNA_TXO_SCTP:
		return 12;
	default:
		return 0;
	}
}

/** Bytes of the tags that are asked for. */
static uint32_t
tags_size(uint32_t request)
{
	return (request & RVR_RNA_TXO_VLAN ? 4 : 0) + (request & RVR_RNA_TXO_OUTER_VLAN ? 4 : 0);
}

static bool
segmentation_fits(const struct rna_tx_offload *offload, const uint8_t *data, uint32_t len,
	uint32_t max)
{
	uint32_t l4 = offload->request & RVR_RNA_TXO_L4_MASK;
	uint32_t headers = offload->payload;

	if ((offload->request & RVR_RNA_TXO_TSO) && (offload->request & RVR_RNA_TXO_UFO))
		return false;
	if (offload->request & RVR_RNA_TXO_UFO) {
		if (l4 != RVR_RNA_TXO_UDP || !is_v4(data, offload->l3) || offload->mss < 8)
			return false;
		headers = offload->l4;
	} else if (l4 != RVR_RNA_TXO_TCP || offload->mss == 0 ||
		   offload->payload - offload->l4 < 20) {
		return false;
	}
	return headers <= RNA_HEADERS_MAX && headers <= len &&
	       headers + offload->mss + tags_size(offload->request) <= max;
}

static bool
offload_fits(const struct rna_tx_offload *offload, const uint8_t *data, uint32_t len, uint32_t max)
{
	uint32_t request = offload->request;
	bool segments = request & (RVR_RNA_TXO_TSO | RVR_RNA_TXO_UFO);
	bool inner = request & (RVR_RNA_TXO_L3 | RVR_RNA_TXO_L4_MASK) || segments;

	if (inner && !ip_fits(data, len, offload->l3, offload->l4))
		return false;
	if ((request & RVR_RNA_TXO_L3) && !is_v4(data, offload->l3))
		return false;
	if (len - (inner ? offload->l4 : 0) < l4_header(request))
		return false;
	if (request & (RVR_RNA_TXO_OUTER_L3 | RVR_RNA_TXO_OUTER_UDP)) {
		if (!ip_fits(data, len, offload->outer_l3, offload->outer_l4))
			return false;
		if ((request & RVR_RNA_TXO_OUTER_L3) && !is_v4(data, offload->outer_l3))
			return false;
		if ((request & RVR_RNA_TXO_OUTER_UDP) && len - offload->outer_l4 < 8)
			return false;
	}
	if (segments)
		return segmentation_fits(offload, data, len, max);
	return len + tags_size(request) <= max;
}

/* ---- Checksums ---------------------------------------------------------------------------- */

/** End of an IP packet by its header; padding may follow. */
static uint32_t
ip_end(const uint8_t *data, uint32_t len, uint32_t l3)
{
	uint32_t end = l3 + (is_v4(data, l3) ? rna_be16(data + l3 + 2) :
					       40u + rna_be16(data + l3 + 4));

	return end < len ? end : len;
}

static void
checksum_internet(uint8_t *data, uint32_t l3, uint32_t l4, uint32_t end, uint8_t proto)
{
	rna_checksum_l4(data + l3, data + l4, end - l4, proto);
}

static void
checksum_sctp(uint8_t *sctp, uint32_t len)
{
	uint32_t crc = rna_crc_sctp(sctp, len);
	unsigned int i;

	for (i = 0; i < 4; i++)
		sctp[8 + i] = (uint8_t)(crc >> 8 * i);
}

static void
checksum_l4(const struct rna_tx_offload *offload, uint8_t *data, uint32_t len)
{
	uint32_t end;

	/* Without it nothing is known of l3: it needn't be within the packet. */
	if ((offload->request & RVR_RNA_TXO_L4_MASK) == 0)
		return;
	end = ip_end(data, len, offload->l3);
	/* What is too short for its own header stays as it is. */
	if (end < offload->l4 + l4_header(offload->request))
		return;
	switch (offload->request & RVR_RNA_TXO_L4_MASK) {
	case RVR_RNA_TXO_TCP:
		checksum_internet(data, offload->l3, offload->l4, end, PROTO_TCP);
		break;
	case RVR_RNA_TXO_UDP:
		checksum_internet(data, offload->l3, offload->l4, end, PROTO_UDP);
		break;
	case RVR_RNA_TXO_SCTP:
		checksum_sctp(data + offload->l4, end - offload->l4);
		break;
	default:
		break;
	}
}

/** The inner ones first: outer UDP covers them. */
static void
checksums(const struct rna_tx_offload *offload, uint8_t *data, uint32_t len)
{
	uint32_t end;

	checksum_l4(offload, data, len);
	if (offload->request & RVR_RNA_TXO_L3)
		rna_checksum_ipv4(data + offload->l3, offload->l4 - offload->l3);
	if (offload->request & RVR_RNA_TXO_OUTER_UDP) {
		end = ip_end(data, len, offload->outer_l3);
		if (end >= offload->outer_l4 + 8u)
			checksum_internet(data, offload->outer_l3, offload->outer_l4, end,
				PROTO_UDP);
	}
	if (offload->request & RVR_RNA_TXO_OUTER_L3)
		rna_checksum_ipv4(data + offload->outer_l3, offload->outer_l4 - offload->outer_l3);
}

/* ---- Tags --------------------------------------------------------------------------------- */

static uint8_t *
insert_tag(uint8_t *data, uint16_t type, uint16_t tci)
{
	memmove(data - 4, data, 12);
	data -= 4;
	rna_put_be16(data + 12, type);
	rna_put_be16(data + 14, tci);
	return data;
}

/** A packet that is finished but for its tags; there is room for them before it. */
static void
emit(const struct work *work, uint8_t *data, uint32_t len)
{
	uint32_t request = work->offload->request;
	uint8_t *start = data;

	if (request & RVR_RNA_TXO_VLAN)
		start = insert_tag(start, ETHERTYPE_VLAN, work->offload->vlan_tci);
	if (request & RVR_RNA_TXO_OUTER_VLAN)
		start = insert_tag(start, ETHERTYPE_QINQ, work->offload->outer_vlan_tci);
	work->emit(work->arg, start, len + (uint32_t)(data - start));
}

/* ---- Segmentation ------------------------------------------------------------------------- */

/** Sets the length of an IP header, and for the n-th segment its identification. */
static void
segment_ip(uint8_t *data, uint32_t len, uint32_t l3, uint32_t l4, uint32_t n)
{
	uint8_t *ip = data + l3;

	if (ip[0] >> 4 == 6) {
		rna_put_be16(ip + 4, len - l3 - 40);
		return;
	}
	rna_put_be16(ip + 2, len - l3);
	rna_put_be16(ip + 4, rna_be16(ip + 4) + n);
	rna_checksum_ipv4(ip, l4 - l3);
}

/** Outer headers of the n-th segment: a UDP checksum that was there stays right. */
static void
segment_outer(const struct rna_tx_offload *offload, uint8_t *data, uint32_t len, uint32_t n)
{
	uint8_t proto;

	if (!ip_fits(data, len, offload->outer_l3, offload->outer_l4))
		return;
	segment_ip(data, len, offload->outer_l3, offload->outer_l4, n);
	proto = is_v4(data, offload->outer_l3) ? data[offload->outer_l3 + 9] :
						 data[offload->outer_l3 + 6];
	if (proto != PROTO_UDP || len - offload->outer_l4 < 8)
		return;
	rna_put_be16(data + offload->outer_l4 + 4, len - offload->outer_l4);
	if ((offload->request & RVR_RNA_TXO_OUTER_UDP) ||
	    rna_be16(data + offload->outer_l4 + 6) != 0)
		checksum_internet(data, offload->outer_l3, offload->outer_l4, len, PROTO_UDP);
}

static void
segment_tcp(const struct work *work, const uint8_t *data, uint32_t len)
{
	const struct rna_tx_offload *offload = work->offload;
	uint8_t *segment = work->segment + RNA_TAGS_SIZE;
	uint32_t headers = offload->payload, at = headers, n = 0;
	uint32_t sequence = rna_be32(data + offload->l4 + 4);

	do {
		uint32_t left = len - at;
		uint32_t bytes = left < offload->mss ? left : offload->mss;
		uint8_t *tcp = segment + offload->l4;

		memcpy(segment, data, headers);
		memcpy(segment + headers, data + at, bytes);
		rna_put_be32(tcp + 4, sequence + at - headers);
		if (bytes < left)
			tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
		if (n > 0)
			tcp[13] &= (uint8_t)~TCP_CWR;
		segment_ip(segment, headers + bytes, offload->l3, offload->l4, n);
		checksum_internet(segment, offload->l3, offload->l4, headers + bytes, PROTO_TCP);
		if (offload->outer_l4 > offload->outer_l3)
			segment_outer(offload, segment, headers + bytes, n);
		emit(work, segment, headers + bytes);
		at += bytes;
		n++;
	} while (at < len);
}

/** UDP over IPv4: fragments of a datagram, the checksum covers it as a whole. */
static void
fragment_udp(const struct work *work, uint8_t *data, uint32_t len)
{
	const struct rna_tx_offload *offload = work->offload;
	uint8_t *segment = work->segment + RNA_TAGS_SIZE;
	uint32_t headers = offload->l4, at = headers, most = offload->mss & ~7u, n = 0;

	rna_put_be16(data + offload->l3 + 2, len - offload->l3);
	checksum_l4(offload, data, len);
	do {
		uint32_t left = len - at;
		uint32_t bytes = left < most ? left : most;

		memcpy(segment, data, headers);
		memcpy(segment + headers, data + at, bytes);
		rna_put_be16(segment + offload->l3 + 6,
			(at - headers) / 8 | (bytes < left ? IP_MORE : 0));
		segment_ip(segment, headers + bytes, offload->l3, offload->l4, 0);
		if (offload->outer_l4 > offload->outer_l3)
			segment_outer(offload, segment, headers + bytes, n);
		emit(work, segment, headers + bytes);
		at += bytes;
		n++;
	} while (at < len);
}

bool
rna_tx_offload(const struct rna_tx_offload *offload, uint8_t *data, uint32_t len,
	uint8_t *segment, uint32_t max, rna_tx_emit_fn *emit_fn, void *arg)
{
	const struct work work = { offload, segment, max, emit_fn, arg };

	if (!offload_fits(offload, data, len, max))
		return false;
	if (offload->request & RVR_RNA_TXO_TSO) {
		segment_tcp(&work, data, len);
	} else if (offload->request & RVR_RNA_TXO_UFO) {
		fragment_udp(&work, data, len);
	} else {
		checksums(offload, data, len);
		emit(&work, data, len);
	}
	return true;
}
