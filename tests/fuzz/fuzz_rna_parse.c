/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Fuzz target: packets of any content through the RNA's parser, checksums, transmit offloads, flow
 * keys and the actions that change packets.
 *
 * The first 16 bytes of the input are a descriptor of offloads, and four actions (u8 type, u8 0,
 * u16 argument) too; the rest is the packet. It lies in memory of exactly its size, so that a
 * sanitizer sees each byte that is read beyond it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rna/checksum.h"
#include "rna/flow/flow.h"
#include "rna/offload.h"

#define FRAME_MAX 2048
#define DESC_SIZE sizeof(struct rvr_rna_tx_offload)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t emitted;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
check(bool condition)
{
	if (!condition)
		abort();
}

static void
check_level(const struct rna_level *level, uint32_t len)
{
	static const uint8_t l3[] = { 0, 20, 40, 28 };
	static const uint8_t l4[] = { 0, 20, 8, 12, 8, 8, 8 };

	check(level->end <= len);
	check(!(level->flags & RNA_LEVEL_ETHER) || level->l2 + 14 + level->tags * 4u <= len);
	check(level->mpls + level->labels * 4u <= len);
	check(level->l3_type == RNA_L3_NONE || level->l3 + l3[level->l3_type] <= (int)len);
	check(level->l4_type == RNA_L4_NONE || level->l4 + l4[level->l4_type] <= (int)len);
}

/** Short ways of the parser tell what the long one does. */
static void
check_same(const struct rna_parsed *parsed, const uint8_t *data, uint32_t len)
{
	struct rna_parsed any;

	rna_parse_any(data, len, &any);
	check(parsed->ptype == any.ptype && parsed->tunnel == any.tunnel &&
	      parsed->tunnel_type == any.tunnel_type);
	check(memcmp(&parsed->outer, &any.outer, sizeof(any.outer)) == 0);
	check(memcmp(&parsed->inner, &any.inner, sizeof(any.inner)) == 0);
}

static void
take(void *arg, const uint8_t *data, uint32_t len)
{
	struct rna_parsed parsed;

	(void)arg;
	check(len <= FRAME_MAX);
	/* Reads all of it. */
	emitted += rna_sum(data, len, 0);
	rna_parse(data, len, &parsed);
	check_same(&parsed, data, len);
}

static void
segment(const uint8_t *desc, const uint8_t *packet, uint32_t len)
{
	static uint8_t out[RNA_TAGS_SIZE + FRAME_MAX];
	struct rvr_rna_tx_offload wire;
	struct rna_tx_offload offload;
	uint8_t *copy = malloc(RNA_TAGS_SIZE + len);

	if (copy == NULL)
		return;
	memcpy(copy + RNA_TAGS_SIZE, packet, len);
	memcpy(&wire, desc, sizeof(wire));
	rna_tx_offload_decode(&offload, &wire);
	/* Tiny segments are slow, and nothing else. */
	if (offload.mss < 16)
		offload.mss += 16;
	rna_tx_offload(&offload, copy + RNA_TAGS_SIZE, len, out, FRAME_MAX, take, NULL);
	free(copy);
}

/* An action as a rule may have it. Addresses and headers are bytes of the packet. */
static bool
change(struct flow_packet *packet, const uint8_t *action, const uint8_t *bytes)
{
	uint32_t span = RVR_RNA_FLOW_DECAP - RVR_RNA_FLOW_VLAN_POP + 1;
	uint32_t type = RVR_RNA_FLOW_VLAN_POP + action[0] % span;
	uint32_t arg = action[2] | (uint32_t)action[3] << 8;

	switch (type) {
	case RVR_RNA_FLOW_VLAN_VID:
		arg %= 4096;
		break;
	case RVR_RNA_FLOW_VLAN_PCP:
		arg %= 8;
		break;
	case RVR_RNA_FLOW_TTL_SET:
		arg %= 256;
		break;
	case RVR_RNA_FLOW_DSCP:
		arg %= 64;
		break;
	case RVR_RNA_FLOW_ENCAP:
		arg = arg % FLOW_HEADROOM + 1;
		break;
	case RVR_RNA_FLOW_DECAP:
		arg %= FLOW_HEADROOM + 1;
		break;
	default:
		break;
	}
	return flow_edit(packet, type, arg, bytes);
}

static void
edit(const uint8_t *desc, const uint8_t *data, uint32_t len)
{
	static uint8_t bytes[FLOW_HEADROOM + 8];
	static struct rna_port port;
	struct rna_parsed parsed;
	struct flow_packet packet = {
		.port = &port,
		.room = malloc(FLOW_HEADROOM + len),
		.len = len,
	};
	uint32_t i;

	if (packet.room == NULL)
		return;
	packet.own = packet.room + FLOW_HEADROOM;
	packet.data = packet.own;
	memcpy(packet.own, data, len);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data, len < sizeof(bytes) ? len : sizeof(bytes));
	flow_key(&packet);
	for (i = 0; i < DESC_SIZE; i += 4)
		if (!change(&packet, desc + i, bytes))
			break;
	check(packet.own >= packet.room && packet.len <= RNA_FRAME_MAX &&
	      packet.own + packet.len <= packet.room + FLOW_HEADROOM + len);
	rna_parse(packet.data, packet.len, &parsed);
	emitted += rna_sum(packet.data, packet.len, 0);
	free(packet.room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rna_parsed parsed;
	uint8_t *packet;
	uint32_t len;

	if (size < DESC_SIZE + 14 || size > FRAME_MAX)
		return 0;
	len = (uint32_t)(size - DESC_SIZE);
	packet = malloc(len);
	if (packet == NULL)
		return 0;
	memcpy(packet, data + DESC_SIZE, len);
	rna_parse(packet, len, &parsed);
	check_level(&parsed.outer, len);
	check_level(&parsed.inner, len);
	check(parsed.tunnel <= len);
	check_same(&parsed, packet, len);
	emitted += rna_verify(packet, &parsed);
	free(packet);
	segment(data, data + DESC_SIZE, len);
	edit(data, data + DESC_SIZE, len);
	return 0;
}
