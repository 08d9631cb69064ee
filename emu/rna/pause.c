/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Flow control by pause frames (IEEE 802.3x): those that come hold transmission back, those that
 * leave tell the other end that a queue had no buffer.
 */

#include "steer.h"

#define PAUSE_LEN 60 /* bytes of a frame, CRC without */
#define PAUSE_OPCODE 1
#define PAUSE_QUANTUM_BITS 512
#define PAUSE_BITS_PER_NS 100	 /* of the port's speed */
#define PAUSE_EVERY_NS 100000 /* between frames that are sent */

static const uint8_t pause_head[] = {
	0x01, 0x80, 0xc2, 0x00, 0x00, 0x01, /* destination */
};
static const uint8_t pause_type[] = { 0x88, 0x08, 0x00, PAUSE_OPCODE };

bool
rna_pause_received(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_tm *tm = &port->steer->tm;
	uint64_t quanta;

	if (len < 18 || memcmp(data, pause_head, sizeof(pause_head)) != 0 ||
		memcmp(data + 12, pause_type, sizeof(pause_type)) != 0)
		return false;
	quanta = (uint64_t)data[16] << 8 | data[17];
	port->steer->stats.rx_pause++;
	tm->paused_until = quanta == 0 ? 0 :
		amu_now_ns() + quanta * PAUSE_QUANTUM_BITS / PAUSE_BITS_PER_NS;
	rna_tm_update(port);
	return !(port->steer->pause & RVR_RNA_PAUSE_FORWARD);
}

static uint64_t
no_buffer(const struct rna_port *port)
{
	uint64_t sum = port->gone.rx_no_buffer;
	unsigned int i;

	for (i = 0; i < port->rna->max_queues; i++)
		sum += rna_queue_stats_of(port, i)->rx_no_buffer;
	return sum;
}

void
rna_pause_send(struct rna_port *port)
{
	struct rna_steer *steer = port->steer;
	uint64_t dropped = no_buffer(port), now = amu_now_ns();
	uint8_t frame[PAUSE_LEN] = { 0 };

	if (dropped == steer->pause_no_buffer || now - steer->pause_sent < PAUSE_EVERY_NS)
		return;
	steer->pause_no_buffer = dropped;
	steer->pause_sent = now;
	memcpy(frame, pause_head, sizeof(pause_head));
	memcpy(frame + 6, port->mac, 6);
	memcpy(frame + 12, pause_type, sizeof(pause_type));
	frame[16] = (uint8_t)(steer->pause_time >> 8);
	frame[17] = (uint8_t)steer->pause_time;
	if (rna_port_send(port, frame, sizeof(frame)))
		steer->stats.tx_pause++;
}
