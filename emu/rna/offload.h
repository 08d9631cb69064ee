/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What a transmitted packet undergoes: tags, checksums, segmentation. It touches nothing but the
 * packet and knows nothing of queues.
 */

#ifndef RNA_OFFLOAD_H
#define RNA_OFFLOAD_H

#include "parse.h"

#define RNA_TAGS_SIZE 8	     /**< bytes of two tags */
#define RNA_TX_MAX 65535     /**< bytes of a packet before segmentation */
#define RNA_HEADERS_MAX 1024 /**< bytes of headers that are repeated in segments */

/** struct rvr_rna_tx_offload, decoded. */
struct rna_tx_offload {
	uint32_t request; /**< RVR_RNA_TXO_*; 0: none */
	uint16_t vlan_tci, outer_vlan_tci;
	uint16_t mss;
	uint16_t outer_l3; /**< offsets of headers; outer ones with tunnels only */
	uint16_t outer_l4;
	uint16_t l3, l4;
	uint16_t payload; /**< behind L4 */
};

/** Takes each packet that results. */
typedef void rna_tx_emit_fn(void *arg, const uint8_t *data, uint32_t len);

void rna_tx_offload_decode(struct rna_tx_offload *offload,
	const struct rvr_rna_tx_offload *wire);
/**
 * Does what is asked for and emits the packets.
 *
 * @param data     the packet, which is changed; RNA_TAGS_SIZE bytes before it are free
 * @param segment  room for a packet of @p max bytes, not used without segmentation
 * @param max      longest packet to be emitted
 * @return false, and nothing was emitted: the request doesn't fit the packet
 */
bool rna_tx_offload(const struct rna_tx_offload *offload, uint8_t *data, uint32_t len,
	uint8_t *segment, uint32_t max, rna_tx_emit_fn *emit, void *arg);

#endif /* RNA_OFFLOAD_H */
