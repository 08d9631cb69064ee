/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Checksums of packets: Internet checksum, CRC32c of SCTP, CRC of Ethernet.
 */

#ifndef RNA_CHECKSUM_H
#define RNA_CHECKSUM_H

#include "parse.h"

/** One's complement sum of bytes as big-endian words, folded to 16 bits, added to @p sum. */
uint32_t rna_sum(const uint8_t *data, uint32_t len, uint32_t sum);
/** What to add to the sum of an L4 header and its payload: addresses, protocol, length. */
uint32_t rna_sum_pseudo(const uint8_t *ip, bool v4, uint8_t proto, uint32_t len);
/** Sets the checksum of an IPv4 header of @p size bytes. */
void rna_checksum_ipv4(uint8_t *ip, uint32_t size);
/** What rna_checksum_ipv4() sets, without setting it. */
uint16_t rna_checksum_ipv4_of(const uint8_t *ip, uint32_t size);
/** What rna_checksum_l4() sets, without setting it. */
uint16_t rna_checksum_l4_of(const uint8_t *ip, const uint8_t *l4, uint32_t len, uint8_t proto);
/** Sets that of @p len bytes of UDP or TCP. */
void rna_checksum_l4(const uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto);
/** CRC32c, as SCTP has it, of a packet whose checksum field is taken as 0. */
uint32_t rna_crc_sctp(const uint8_t *sctp, uint32_t len);
/** Frame check sequence of an Ethernet frame. */
uint32_t rna_crc_ethernet(const uint8_t *data, uint32_t len);
/** Offset of the checksum in a header of TCP or UDP. */
static inline uint32_t
rna_checksum_l4_at(uint8_t proto)
{
	return proto == PROTO_TCP ? 16 : 6;
}

/** States of a packet's checksums, RVR_RNA_RX_{L3,L4,OUTER}_*. */
uint32_t rna_verify(const uint8_t *data, const struct rna_parsed *parsed);
/** State of the checksum of a level that isn't behind or before another one. */
uint32_t rna_verify_l3(const uint8_t *data, const struct rna_level *level);
uint32_t rna_verify_l4(const uint8_t *data, const struct rna_level *level);

#endif /* RNA_CHECKSUM_H */
