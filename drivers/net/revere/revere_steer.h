/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Which packets a port takes, to which queues they go, and how fast they leave: state of
 * revere_filter.c, revere_vmdq.c, revere_pause.c and revere_tm.c, part of struct revere_net.
 */

#ifndef REVERE_STEER_H
#define REVERE_STEER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_dev_info.h>
#include <rte_ethdev.h>

#include "rvr_rna_steer.h"

struct rte_eth_dev;
struct rte_power_monitor_cond;
struct revere_net;

#define REVERE_NET_TM_PROFILES 64

/** A shaper profile of rte_tm. */
struct revere_net_tm_profile {
	uint32_t id;
	unsigned int users; /**< nodes */
	bool used;
	uint64_t rate;	  /**< bytes a second */
	uint32_t burst;	  /**< bytes */
	uint32_t overhead; /**< bytes a packet */
};

/** A node of rte_tm's hierarchy: the port's, or a queue's. */
struct revere_net_tm_node {
	uint32_t id;
	uint32_t priority, weight;
	struct revere_net_tm_profile *profile; /**< NULL: no shaper */
	bool used;
};

struct revere_net_tm {
	struct revere_net_tm_profile profiles[REVERE_NET_TM_PROFILES];
	struct revere_net_tm_node root;
	struct revere_net_tm_node *queues; /**< num_queues, by queue; NULL: nothing was set yet */
	uint32_t *rates; /**< of rte_eth_set_queue_rate_limit(), Mbit/s, by queue */
	uint16_t num_queues;
	bool committed; /**< the device has the hierarchy, or gets it at start */
};

struct revere_net_steer {
	struct rvr_rna_steer_info info; /**< as the device says it; zeroes: unknown to it */
	bool vlan_sent; /**< the device has VLANs of an earlier start */
	struct rte_ether_addr *multicast; /**< list, as it was set last */
	uint32_t num_multicast;
	struct rte_eth_fc_conf pause;
	struct revere_net_tm tm;
};

/* ---- revere_filter.c ---------------------------------------------------------------------- */

/** Asks what the device's tables hold. */
int revere_net_steer_init(struct revere_net *net);
void revere_net_steer_fini(struct revere_net *net);
/** Adds what there is to the port's information; `queues` is the most that it may have. */
void revere_net_steer_info(const struct revere_net *net, uint16_t queues,
	struct rte_eth_dev_info *info);
/** Sends what was set, before the port is enabled. */
int revere_net_steer_apply(struct rte_eth_dev *dev);
int revere_net_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index,
	uint32_t pool);
void revere_net_mac_remove(struct rte_eth_dev *dev, uint32_t index);
int revere_net_multicast_set(struct rte_eth_dev *dev, struct rte_ether_addr *macs, uint32_t count);
int revere_net_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan, int on);
/** Sends whether the VLAN filter is on, and its VLANs. */
int revere_net_vlan_filter_apply(struct rte_eth_dev *dev);

int revere_net_vlan_offload_set(struct rte_eth_dev *dev, int mask);

/* ---- revere_vmdq.c ------------------------------------------------------------------------ */

void revere_net_vmdq_info(const struct revere_net *net, uint16_t queues,
	struct rte_eth_dev_info *info);
int revere_net_vmdq_configure(struct rte_eth_dev *dev);
int revere_net_vmdq_apply(struct rte_eth_dev *dev);

/* ---- revere_pause.c ----------------------------------------------------------------------- */

int revere_net_pause_get(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf);
int revere_net_pause_set(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf);
int revere_net_pause_apply(struct revere_net *net);

/* ---- revere_tm.c -------------------------------------------------------------------------- */

int revere_net_tm_ops_get(struct rte_eth_dev *dev, void *ops);
int revere_net_queue_rate_set(struct rte_eth_dev *dev, uint16_t queue, uint32_t mbps);
int revere_net_tm_apply(struct revere_net *net);
void revere_net_tm_fini(struct revere_net *net);

/* ---- revere_dump.c ------------------------------------------------------------------------ */

int revere_net_regs_get(struct rte_eth_dev *dev, struct rte_dev_reg_info *info);
int revere_net_rx_desc_dump(const struct rte_eth_dev *dev, uint16_t id, uint16_t offset,
	uint16_t count, FILE *file);
int revere_net_tx_desc_dump(const struct rte_eth_dev *dev, uint16_t id, uint16_t offset,
	uint16_t count, FILE *file);

#endif /* REVERE_STEER_H */
