/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * The sessions between a context and an agent's that this project's drivers look for: who gives
 * contexts to a VF makes them, the VF's driver finds them (P).
 */

#ifndef RVR_PLAN_H
#define RVR_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "rvr_regs.h"
#include "rvr_rna.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RVR_PLAN_MAX (2 * RVR_AMS_MAX) /**< sessions of one context */

/** A session between an AMI-SW and an AMI-HW. */
struct revere_vf_session {
	bool to_agent;	/**< from the AMI-SW to the AMI-HW, else back */
	uint8_t sw_ams, hw_ams; /**< sockets */
	uint8_t log2_msg_length; /**< DW: what the VF's driver will ask for */
	uint8_t prio;
};

/** Sockets of AMI-SWs: of a port's control channel, a queue pair, a vchan. */
enum rvr_plan_socket {
	RVR_PLAN_CONTROL_TX = 0,
	RVR_PLAN_CONTROL_RX = 0,
	RVR_PLAN_EVENT_RX = 1,
	RVR_PLAN_NET_TX_PACKETS = 0,
	RVR_PLAN_NET_TX_BUFFERS = 1,
	RVR_PLAN_NET_RX_DONE = 0,
	RVR_PLAN_NET_RX_PACKETS = 1,
	RVR_PLAN_DMA = 0, /**< both ways, at both ends */
};

#define RVR_PLAN_CONTROL_PRIO 15 /**< before packets: few, and somebody waits */
#define RVR_PLAN_CONTROL_LOG2_LENGTH 5 /**< RVR_RNA_CONTROL_SIZE, in DW */
#define RVR_PLAN_CONTROL_LOG2_LENGTH_MAX 8 /**< of requests */
#define RVR_PLAN_NET_LOG2_LENGTH 5 /**< 15 packets or 31 empty buffers */
#define RVR_PLAN_DMA_LOG2_LENGTH 7 /**< a burst of 32 copies and some in one message */
#define RVR_PLAN_RAW_LOG2_LENGTH 3

/** A length that is wanted, as near as the device has it (log2 of DW). */
static inline uint8_t
rvr_plan_length(uint8_t min, uint8_t max, uint8_t wanted)
{
	return wanted < min ? min : wanted > max ? max : wanted;
}

/** Sessions of a port's control channel. @return how many */
static inline unsigned int
rvr_plan_net_control(uint8_t min, uint8_t max, struct revere_vf_session *sessions)
{
	const uint8_t prio = RVR_PLAN_CONTROL_PRIO;
	/* Requests as long as can be: lists of rules go with fewer of them. */
	const struct revere_vf_session plan[] = {
		{ true, RVR_PLAN_CONTROL_TX, RVR_RNA_RX_CONTROL,
			rvr_plan_length(0, max, RVR_PLAN_CONTROL_LOG2_LENGTH_MAX), prio },
		{ false, RVR_PLAN_CONTROL_RX, RVR_RNA_TX_CONTROL, RVR_PLAN_CONTROL_LOG2_LENGTH,
			prio },
		{ false, RVR_PLAN_EVENT_RX, RVR_RNA_TX_EVENTS, min, prio },
	};

	memcpy(sessions, plan, sizeof(plan));
	return sizeof(plan) / sizeof(plan[0]);
}

/** Sessions of a queue pair with messages of this length; completions are as short as can be. */
static inline unsigned int
rvr_plan_net_pair(uint8_t min, uint8_t log2_msg_length, struct revere_vf_session *sessions)
{
	const struct revere_vf_session plan[] = {
		{ true, RVR_PLAN_NET_TX_PACKETS, RVR_RNA_RX_PACKETS, log2_msg_length, 0 },
		/* Buffers before packets that need them. */
		{ true, RVR_PLAN_NET_TX_BUFFERS, RVR_RNA_RX_BUFFERS, log2_msg_length, 1 },
		{ false, RVR_PLAN_NET_RX_DONE, RVR_RNA_TX_DONE, min, 0 },
		{ false, RVR_PLAN_NET_RX_PACKETS, RVR_RNA_TX_PACKETS, log2_msg_length, 0 },
	};

	memcpy(sessions, plan, sizeof(plan));
	return sizeof(plan) / sizeof(plan[0]);
}

/** Sessions of a vchan. */
static inline unsigned int
rvr_plan_dma(uint8_t min, uint8_t max, struct revere_vf_session *sessions)
{
	sessions[0] = (struct revere_vf_session){ true, RVR_PLAN_DMA, RVR_PLAN_DMA,
		rvr_plan_length(min, max, RVR_PLAN_DMA_LOG2_LENGTH), 0 };
	sessions[1] = (struct revere_vf_session){ false, RVR_PLAN_DMA, RVR_PLAN_DMA, min, 0 };
	return 2;
}

/** Sessions of a raw device: all the sockets that queues may have. */
static inline unsigned int
rvr_plan_raw(uint8_t min, uint8_t num_ams, struct revere_vf_session *sessions)
{
	const uint8_t length = rvr_plan_length(min, UINT8_MAX, RVR_PLAN_RAW_LOG2_LENGTH);
	unsigned int num = 0;
	uint8_t ams;

	for (ams = 0; ams < num_ams; ams++) {
		sessions[num++] = (struct revere_vf_session){ true, ams, ams, length, 0 };
		sessions[num++] = (struct revere_vf_session){ false, ams, ams, length, 0 };
	}
	return num;
}

#ifdef __cplusplus
}
#endif

#endif /* RVR_PLAN_H */
