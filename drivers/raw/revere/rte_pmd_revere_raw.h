/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Revere raw device: messages of any agent, untouched.
 *
 * A raw_revere device is one context (AMI-SW) of a Revere-AMU device. Its queues are pairs of
 * sockets: TX socket n sends to receive socket n of the agent's context (AMI-HW), RX socket n
 * takes what comes from transmit socket n there; on a loopback TX socket n sends to RX socket n
 * of the same context. Usage:
 *
 * 1. rte_rawdev_info_get() with a struct rte_pmd_revere_raw_info: the device's limits;
 * 2. rte_rawdev_configure() with a struct rte_pmd_revere_raw_config: the peer, how many queues;
 * 3. rte_rawdev_queue_setup() with a struct rte_pmd_revere_raw_queue_conf for each queue (a
 *    queue that is not set up gets what rte_rawdev_queue_conf_get() answers);
 * 4. rte_rawdev_start(), then rte_rawdev_enqueue_buffers() and rte_rawdev_dequeue_buffers().
 *
 * A buffer's buf_addr points to one message of exactly the queue's message length, which is
 * copied; its context argument is RTE_PMD_REVERE_RAW_QUEUE(queue). Enqueueing and dequeueing on
 * one queue may run in two threads at once, two enqueues (or two dequeues) may not.
 *
 * Attributes (rte_rawdev_get_attr(), rte_rawdev_set_attr()): rte_pmd_revere_raw_attr_name()
 * lists them.
 */

#ifndef RTE_PMD_REVERE_RAW_H
#define RTE_PMD_REVERE_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_rawdev.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Names a queue in the context argument of enqueue and dequeue. */
#define RTE_PMD_REVERE_RAW_QUEUE(queue) ((rte_rawdev_obj_t)(uintptr_t)(queue))

/** What the queues' sessions end at. */
enum rte_pmd_revere_raw_peer {
	RTE_PMD_REVERE_RAW_KIND,     /**< agent of a kind, see @c kind and @c nth */
	RTE_PMD_REVERE_RAW_AHA,	     /**< agent of an AHA_ID, see @c aha_id */
	RTE_PMD_REVERE_RAW_LOOPBACK, /**< no agent: software to software */
};

/** Kinds of agents that this driver knows by name; others can be given as a number. */
enum rte_pmd_revere_raw_kind {
	RTE_PMD_REVERE_RAW_INVERSION = 0x001, /**< answers each message with every bit inverted */
	RTE_PMD_REVERE_RAW_RNA = 0x002,	      /**< network adapter */
	RTE_PMD_REVERE_RAW_CRYPTO = 0x003,
	RTE_PMD_REVERE_RAW_DMA = 0x004, /**< memory-to-memory copies */
};

/** For rte_rawdev_configure(); zeroed it opens one queue to the first inversion agent. */
struct rte_pmd_revere_raw_config {
	enum rte_pmd_revere_raw_peer peer;
	uint16_t kind;	    /**< product field of AHA_IIDR, 0 means inversion */
	uint16_t nth;	    /**< which agent of that kind, from 0 */
	uint16_t aha_id;    /**< for RTE_PMD_REVERE_RAW_AHA */
	uint16_t nb_queues; /**< 1..max_queues, 0 means 1 */
};

/** For rte_rawdev_queue_setup(); a zeroed field takes the default. */
struct rte_pmd_revere_raw_queue_conf {
	uint32_t msg_length; /**< bytes, a power of two, min_msg_length..max_msg_length */
	uint32_t tx_size;    /**< messages in the TX ring, a power of two up to max_ring_size */
	uint32_t rx_size;    /**< messages in the RX ring, likewise */
	uint8_t prio;	     /**< of both sessions, 0..15; 15 is served first */
	bool overwrite; /**< a full RX ring loses its oldest message instead of stalling the peer */
};

/** From rte_rawdev_info_get(): what the device can do and what is configured. */
struct rte_pmd_revere_raw_info {
	uint16_t max_queues;	 /**< socket pairs of a context */
	uint32_t min_msg_length; /**< bytes */
	uint32_t max_msg_length; /**< bytes */
	uint32_t max_ring_size;	 /**< messages */
	uint16_t num_aha;	 /**< AHA_IDs are below, 0 if a Virtual Function can't know */
	uint8_t arch_major, arch_minor; /**< AMU_AIDR */
	uint64_t iidr;			/**< AMU_IIDR */
	struct rte_pmd_revere_raw_config config; /**< as configured; nb_queues 0: not yet */
};

/** From rte_rawdev_firmware_version_get(). */
struct rte_pmd_revere_raw_version {
	uint8_t arch_major, arch_minor; /**< architecture that the device implements */
	uint16_t product;		/**< AMU_IIDR, by field */
	uint8_t variant, revision;
	uint16_t implementer; /**< JEP106 code, 0 for the emulator */
};

/** From rte_rawdev_firmware_status_get(). */
struct rte_pmd_revere_raw_status {
	uint16_t error_state; /**< AMU_SR.ERROR_STATE, 0 none */
	uint16_t broken_queues; /**< queues whose ring the device has left in an impossible state */
	char text[64]; /**< error_state in words */
};

/**
 * Name of an attribute.
 *
 * @param index     from 0
 * @param writable  set to whether rte_rawdev_set_attr() takes it; may be NULL
 * @return its name, or NULL if there are no more
 */
const char *rte_pmd_revere_raw_attr_name(unsigned int index, bool *writable);

#ifdef __cplusplus
}
#endif

#endif /* RTE_PMD_REVERE_RAW_H */
