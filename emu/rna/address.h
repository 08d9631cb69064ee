/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Sets of Ethernet addresses: looking one up costs the same however many there are.
 */

#ifndef RNA_ADDRESS_H
#define RNA_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RNA_ADDRESS_SLOTS 1024 /**< a power of two over twice the addresses */

/** Open addressing; an address of 0 is an empty slot. */
struct rna_addresses {
	unsigned int count;
	struct {
		uint64_t mac;
		uint64_t pools;
	} slot[RNA_ADDRESS_SLOTS];
};

static inline uint64_t
rna_mac_number(const uint8_t *mac)
{
	uint64_t number = 0;

	memcpy(&number, mac, 6);
	return number;
}

static inline unsigned int
rna_address_slot(const struct rna_addresses *set, uint64_t mac)
{
	unsigned int at = (unsigned int)((mac * UINT64_C(0x9e3779b97f4a7c15)) >> 54);

	while (set->slot[at].mac != 0 && set->slot[at].mac != mac)
		at = (at + 1) % RNA_ADDRESS_SLOTS;
	return at;
}

/** Whether an address is there; adds its pools to *pools, unless that is NULL. */
static inline bool
rna_address_find(const struct rna_addresses *set, uint64_t mac, uint64_t *pools)
{
	unsigned int at;

	if (set->count == 0)
		return false;
	at = rna_address_slot(set, mac);
	if (set->slot[at].mac == 0)
		return false;
	if (pools != NULL)
		*pools |= set->slot[at].pools;
	return true;
}

/** Adds an address, or pools to one; who calls it sees to it that half of the slots stay empty. */
static inline void
rna_address_add(struct rna_addresses *set, uint64_t mac, uint64_t pools)
{
	unsigned int at = rna_address_slot(set, mac);

	set->count += set->slot[at].mac == 0;
	set->slot[at].mac = mac;
	set->slot[at].pools |= pools;
}

#endif /* RNA_ADDRESS_H */
