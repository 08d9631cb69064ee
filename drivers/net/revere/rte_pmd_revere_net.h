/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Revere network driver: what a net_revere has beyond ethdev.
 *
 * - Moves of a port to another device, with packets in all of its queues.
 */

#ifndef RTE_PMD_REVERE_NET_H
#define RTE_PMD_REVERE_NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a move went. */
struct rte_pmd_revere_net_migration {
	uint64_t downtime_ns; /**< from the first queue pair's stop to the last one's start */
	uint64_t state_bytes; /**< what was saved of all queue pairs */
};

/**
 * Moves a port to a port of another device, started or stopped. What the port's queues hold
 * (packets to be sent, empty buffers, received packets) and their counters go with them, nothing of
 * it is lost, doubled or reordered; addresses, filters, RSS and shaping are set there as they are
 * here.
 * Packets that come by the old wire meanwhile are lost, as on any adapter whose link ends. Counters
 * that belong to no queue begin anew.
 *
 * No other function of the port may be called meanwhile, nor may a secondary process use it.
 *
 * @param devargs  which device, in words of a net_revere vdev's devargs: emu=NAME or socket=PATH
 *   with their settings, and the wire of the port there (backend, iface, ..., port); what isn't
 *   there is made. mbufs have to be within its reach
 * @param report   NULL, or how it went
 * @return 0; -EINVAL no such port, or devargs that are refused; -ENODEV not a net_revere, or
 *   @p devargs name a device without network agent; -EEXIST it is there already; -EBUSY it has, or
 *   had, flow rules or meters; -ENOTSUP Rx interrupts, representors, or the device has less of
 *   something that this port was promised; -ENOSPC it has no contexts left; -EIO a queue pair has
 *   failed, start it again first; else what failed. Then nothing has changed
 */
int rte_pmd_revere_net_migrate(uint16_t port_id, const char *devargs,
			       struct rte_pmd_revere_net_migration *report);

#ifdef __cplusplus
}
#endif

#endif /* RTE_PMD_REVERE_NET_H */
