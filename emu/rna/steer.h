/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Which packets a port takes, to which pools they go, and how fast packets leave: settings and
 * state of rvr_rna_steer.h, for steer.c, vmdq.c, tm.c and who asks them.
 */

#ifndef RNA_STEER_H
#define RNA_STEER_H

#include "address.h"
#include "rna.h"
#include "rvr_rna_steer.h"

#define RNA_MACS_MAX 256	/**< beside the port's own address */
#define RNA_MULTICAST_MAX 256
#define RNA_VLANS 4096
#define RNA_POOLS_MAX 64
#define RNA_TM_PRIOS 8
#define RNA_TM_WEIGHT_MAX 1024
#define RNA_TM_RATE_MIN 1000u		   /**< bytes a second */
#define RNA_TM_RATE_MAX UINT64_C(125000000000)
#define RNA_TM_BURST_MIN 64u
#define RNA_TM_BURST_MAX (64u << 20)

/** A token bucket; a message may leave while there is a token, so that tokens may be owed. */
struct rna_bucket {
	double rate;   /**< bytes a ns; 0: no limit */
	double tokens; /**< bytes */
	double burst;
	uint32_t overhead;
	uint64_t when; /**< of tokens, ns */
};

/** Transmission of a queue; by the queue's number, as it outlives the queue. */
struct rna_tm_queue {
	struct rna_bucket bucket;
	double served; /**< bytes by weight: the queue with the least is next of its priority */
	uint32_t weight;
	uint16_t prio;
	bool waiting;  /**< messages wait in its session */
	bool granted;  /**< its next message may go */
};

/** Transmission of a port. */
struct rna_tm {
	struct rna_bucket bucket;
	double served;	       /**< what the queue had that went last */
	unsigned int waiting;  /**< queues that wait */
	bool shaped;	       /**< some queue or the port has a rate */
	uint64_t paused_until; /**< ns; 0: not paused */
	struct rna_tm_queue *queue; /**< max_queues */
};

struct rna_vmdq {
	unsigned int pools; /**< 0: off */
	unsigned int first_queue;
	unsigned int queues;
	unsigned int default_pool;
	uint32_t accept;
	bool vlans; /**< some VLAN is given to pools */
	uint64_t vlan_pools[RNA_VLANS];
};

struct rna_steer {
	bool vlan_filter;
	struct rna_addresses unicast;
	struct rna_addresses multicast;
	uint8_t vlan_bits[RNA_VLANS / 8];
	struct rna_vmdq vmdq;
	struct rna_tm tm;
	uint32_t pause; /**< RVR_RNA_PAUSE_* */
	uint16_t pause_time;
	uint64_t pause_sent;	  /**< when, ns */
	uint64_t pause_no_buffer; /**< packets that were dropped for want of buffers by then */
	struct {
		uint64_t rx_vlan_filtered, rx_no_pool, rx_pause, tx_pause, tx_loopback;
		uint64_t wire_truncated, wire_bad_length, wire_errors;
		uint64_t rx_short_header, rx_bad_length, rx_extensions;
	} stats;

	/* What the tables are made of. */
	uint64_t own_pools; /**< of the port's own address */
	struct {
		uint64_t mac; /**< 0: empty */
		uint64_t pools;
	} macs[RNA_MACS_MAX];
	uint64_t coming[RNA_MULTICAST_MAX]; /**< of a list that isn't whole yet */
	unsigned int num_coming;
};

/** VLAN of a packet's outermost tag; negative: it has none. */
static inline int
rna_outer_vlan(const uint8_t *data, uint32_t len)
{
	if (len < 18 || !((data[12] == 0x81 && data[13] == 0x00) ||
				(data[12] == 0x88 && data[13] == 0xa8)))
		return -1;
	return (data[14] & 0xf) << 8 | data[15];
}

/* ---- steer.c ------------------------------------------------------------------------------ */

struct rna_steer *rna_steer_new(unsigned int queues);
void rna_steer_free(struct rna_steer *steer);
/** All tables empty, no pools, no shapers. */
void rna_steer_reset(struct rna_port *port);
/** Whether a packet is for the port; counts why not. */
bool rna_steer_accept(struct rna_port *port, const uint8_t *data, uint32_t len);

/* ---- vmdq.c ------------------------------------------------------------------------------- */

/** Pools of a packet, as bits; 0: none takes it, which is counted. */
uint64_t rna_vmdq_pools(struct rna_port *port, const uint8_t *data, uint32_t len);
/** A pool's queue for a packet of this RSS hash. */
static inline unsigned int
rna_vmdq_queue(const struct rna_vmdq *vmdq, unsigned int pool, uint32_t hash)
{
	return vmdq->first_queue + pool * vmdq->queues +
	       (vmdq->queues > 1 ? hash % vmdq->queues : 0);
}
/** Keeps a packet that a queue of the port sends to one of its pools; false: it is to leave. */
bool rna_vmdq_loopback(struct rna_port *port, const uint8_t *data, uint32_t len);

/* ---- tm.c --------------------------------------------------------------------------------- */

/** Whether transmission goes by grants now; after changes of settings. */
void rna_tm_update(struct rna_port *port);
/** Messages of a queue whose port is gated: how many may be taken now, 0 or 1. */
uint32_t rna_tm_take(struct rna_queue *q);
/** So many packets and bytes left by a grant. */
void rna_tm_sent(struct rna_queue *q, uint64_t packets, uint64_t bytes);
/** Lets queues that wait send, in their order, as far as shapers allow. true: some wait */
bool rna_tm_poll(struct rna_port *port);
/** A queue that stops waits for nothing. */
void rna_tm_forget(struct rna_port *port, unsigned int queue);

/* ---- pause.c ------------------------------------------------------------------------------ */

/** Takes a pause frame for the port itself; false: it is a packet as any other. */
bool rna_pause_received(struct rna_port *port, const uint8_t *data, uint32_t len);
/** Now and then: tells the other end if packets found no buffer. */
void rna_pause_send(struct rna_port *port);

/* ---- steer_control.c ---------------------------------------------------------------------- */

/** Whether a control request is one of rvr_rna_steer.h, and whether that changes the port. */
bool rna_steer_knows(unsigned int opcode);
bool rna_steer_changes(unsigned int opcode);
/**
 * Executes one. `out` is the answer's payload, zeroed.
 * @return rvr_rna_control_status; with RVR_RNA_BAD_VALUE *detail is the offset of what is refused
 */
unsigned int rna_steer_control(struct rna_port *port, unsigned int opcode, const uint8_t *in,
	uint8_t *out, uint32_t *detail);

#endif /* RNA_STEER_H */
