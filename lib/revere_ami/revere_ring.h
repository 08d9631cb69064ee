/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Rings of an AMI-SW: pushing and popping messages, the data path of every Revere driver.
 *
 * A ring has one producer and one consumer, of which software is one; none of these functions
 * may run twice at a time on one ring. Indices run freely over 64 bits. The device's index is
 * read only when the last value seen doesn't do, so a burst costs at most one read of it, and
 * one doorbell. What the device writes is bounded before it is believed: an index that can't be
 * right sets revere_ring::broken and looks like an empty (RX) or full (TX) ring.
 *
 * Specification: "Rings (AMS: one socket, one ring)".
 */

#ifndef REVERE_RING_H
#define REVERE_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_io.h>

#include "revere_transport.h"
#include "rvr_msg.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One ring, TX (software pushes) or RX (software pops). Made by revere_ami_sw_ring_setup(). */
struct revere_ring {
	uint8_t *base;		    /**< slot 0 */
	uint32_t mask;		    /**< slots - 1 */
	uint32_t msg_size;	    /**< bytes of a slot, a power of two */
	uint64_t own;		    /**< software's index: WRITE_INDEX_TX or READ_INDEX_RX */
	uint64_t seen;		    /**< the device's index as last read */
	volatile uint64_t *own_reg; /**< register of own */
	const volatile uint64_t *seen_src; /**< register (Type A) or Type B table of seen */
	struct revere_transport *kick;	   /**< whose kick() to call, NULL: none */
	uint64_t lost;	 /**< RX, overwriting mode: messages that were overwritten unread */
	uint8_t msg_shift;   /**< log2 of msg_size */
	bool overwriting; /**< RX_MODE 1 */
	bool broken;	 /**< the device wrote an index that can't be: reset the AMI-SW */
	uint8_t ams;	 /**< AMS_ID */
} __rte_cache_aligned;

/** Reads the device's index; what it publishes may be read after. */
static inline uint64_t
revere_ring_device_index(const struct revere_ring *ring)
{
	/* Acquire is for a device in memory, the I/O barrier for one behind a bus. */
	uint64_t index = rvr_le64_cpu(__atomic_load_n(ring->seen_src, __ATOMIC_ACQUIRE));

	rte_io_rmb();
	return index;
}

/** Writes software's index, after all accesses to the slots that it hands over. */
static inline void
revere_ring_doorbell(struct revere_ring *ring)
{
	rte_io_wmb();
	__atomic_store_n(ring->own_reg, rvr_cpu_le64(ring->own), __ATOMIC_RELEASE);
	if (ring->kick != NULL)
		ring->kick->ops->kick(ring->kick);
}

/* ---- TX ------------------------------------------------------------------------------------- */

/** The slow half of revere_tx_room(). */
static inline uint32_t
revere_tx_refresh(struct revere_ring *ring)
{
	uint64_t read = revere_ring_device_index(ring);

	/* Unsigned: catches what is ahead of us as well as what is a ring behind. */
	if (unlikely(ring->own - read > (uint64_t)ring->mask + 1)) {
		ring->broken = true;
		return 0;
	}
	ring->seen = read;
	return ring->mask + 1 - (uint32_t)(ring->own - read);
}

/**
 * Free slots, exact only when fewer than @p want were known free.
 *
 * @return slots that can be written, possibly fewer than @p want
 */
static inline uint32_t
revere_tx_room(struct revere_ring *ring, uint32_t want)
{
	uint32_t room = ring->mask + 1 - (uint32_t)(ring->own - ring->seen);

	return likely(room >= want) ? room : revere_tx_refresh(ring);
}

/** Slot @p ahead messages from the next; below what revere_tx_room() answered. */
static inline void *
revere_tx_slot(const struct revere_ring *ring, uint32_t ahead)
{
	uint32_t slot = ((uint32_t)ring->own + ahead) & ring->mask;

	return ring->base + ((size_t)slot << ring->msg_shift);
}

/** Publishes the next @p count slots and rings the doorbell. */
static inline void
revere_tx_publish(struct revere_ring *ring, uint32_t count)
{
	ring->own += count;
	revere_ring_doorbell(ring);
}

/**
 * Copies messages into the ring, one doorbell for all.
 *
 * @param msgs   @p count messages of ring->msg_size bytes, one behind the other
 * @return how many had room
 */
static inline uint32_t
revere_tx_push(struct revere_ring *ring, const void *msgs, uint32_t count)
{
	uint32_t i, n = RTE_MIN(revere_tx_room(ring, count), count);

	for (i = 0; i < n; i++)
		memcpy(revere_tx_slot(ring, i), RTE_PTR_ADD(msgs, (size_t)i * ring->msg_size),
		       ring->msg_size);
	if (n > 0)
		revere_tx_publish(ring, n);
	return n;
}

/* ---- RX ------------------------------------------------------------------------------------- */

/** The slow half of revere_rx_ready(). */
static inline uint32_t
revere_rx_refresh(struct revere_ring *ring)
{
	uint64_t write = revere_ring_device_index(ring);
	uint64_t ready = write - ring->own;
	/* What was told to be ready may be in use: it can't be taken back. */
	bool back = (int64_t)(write - ring->seen) < 0;

	if (unlikely(ready > (uint64_t)ring->mask + 1 || back)) {
		if (!ring->overwriting || (int64_t)ready < 0 || back) {
			ring->broken = true;
			return 0;
		}
		ring->lost += ready - (ring->mask + 1);
		ring->own = write - (ring->mask + 1);
		ready = ring->mask + 1;
	}
	ring->seen = write;
	return (uint32_t)ready;
}

/**
 * Messages that wait; looks at the device's index only if fewer than @p want were known.
 *
 * In overwriting mode a message may be overwritten while it is read: copy it, then check with
 * revere_rx_intact().
 */
static inline uint32_t
revere_rx_ready(struct revere_ring *ring, uint32_t want)
{
	uint32_t ready = (uint32_t)(ring->seen - ring->own);

	return likely(ready >= want) ? ready : revere_rx_refresh(ring);
}

/** Message @p ahead from the next; below what revere_rx_ready() answered. */
static inline const void *
revere_rx_msg(const struct revere_ring *ring, uint32_t ahead)
{
	uint32_t slot = ((uint32_t)ring->own + ahead) & ring->mask;

	return ring->base + ((size_t)slot << ring->msg_shift);
}

/** Gives the next @p count slots back to the device. */
static inline void
revere_rx_release(struct revere_ring *ring, uint32_t count)
{
	ring->own += count;
	revere_ring_doorbell(ring);
}

/**
 * Overwriting mode: whether the next message, just copied, was whole.
 *
 * Exactly a ring behind counts as whole, or a full ring at rest could never be read. A device
 * that is writing that slot at this moment, and has not published it, can't be told from one at
 * rest: messages that must not be torn carry a check of their own.
 */
static inline bool
revere_rx_intact(struct revere_ring *ring)
{
	return revere_ring_device_index(ring) - ring->own <= (uint64_t)ring->mask + 1;
}

/**
 * Overwriting mode: copies the next message that is whole out of the ring. The device isn't told:
 * revere_ring_doorbell() does that after the last of a burst, if there was one.
 *
 * @return false: there is none, @p msg holds anything
 */
bool revere_rx_take(struct revere_ring *ring, void *msg);

/**
 * Copies messages out of the ring, one doorbell for all.
 *
 * @param msgs  room for @p count messages of ring->msg_size bytes, one behind the other
 * @return how many there were
 */
uint32_t revere_rx_pop(struct revere_ring *ring, void *msgs, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif /* REVERE_RING_H */
