/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The RNA agent, message by message: what it answers, what it refuses, what it survives. No
 * driver: a driver wouldn't send most of this.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../emu/rna/rna.h"
#include "emu_client.h"

#define MEMORY (16u << 20)
#define MSG 256u	/* bytes of control and data messages */
#define LOG2_SLOTS 4
#define AHA_RNA 1
#define RANDOM_MESSAGES 20000

/** A port with one queue pair: AMI-SW and AMI-HW 0 carry everything. */
struct rna_client {
	struct ec c;
	unsigned int port;
	struct ec_ring tx, bufs, control; /* TX */
	struct ec_ring done, rx, answers, events;
	uint16_t tag;
};

static uint32_t random_state = 0x5eed;

static uint32_t
rnd(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void
ring_and_session(struct rna_client *r, struct ec_ring *ring, unsigned int ams, bool tx,
	unsigned int hw_ams, uint32_t bytes)
{
	static unsigned int asn;
	struct ec_end sw = EC_SW(0, ams), hw = EC_HW(AHA_RNA, 0, hw_ams);

	*ring = ec_ring(&r->c, 0, ams, tx, LOG2_SLOTS, bytes, 0);
	ec_session(&r->c, asn++ % 64, tx ? sw : hw, tx ? hw : sw, bytes, 0);
}

static void
client_open(struct rna_client *r, const char *backend)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct revere_emu_config config;
	char error[256] = "";
	int port;

	memset(r, 0, sizeof(*r));
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	ec_open(&r->c, &config, MEMORY);
	port = revere_emu_port_add(r->c.emu, backend, mac, error, sizeof(error));
	EC_CHECK(port >= 0, "%s", error);
	r->port = (unsigned int)port;
	ec_sw_map(&r->c, 0);
	EC_OK(&r->c, pf_ami_hw_map, .aha_id = AHA_RNA, .phy_ami_hw_id = 0, .ami_hw_id = 0);
	EC_OK(&r->c, f_ami_hw_enable, .ami_hw_id = 0);
	ring_and_session(r, &r->tx, 0, true, RVR_RNA_RX_PACKETS, MSG);
	ring_and_session(r, &r->bufs, 1, true, RVR_RNA_RX_BUFFERS, MSG);
	ring_and_session(r, &r->control, 2, true, RVR_RNA_RX_CONTROL, MSG);
	ring_and_session(r, &r->done, 0, false, RVR_RNA_TX_DONE, 64);
	ring_and_session(r, &r->rx, 1, false, RVR_RNA_TX_PACKETS, MSG);
	ring_and_session(r, &r->answers, 2, false, RVR_RNA_TX_CONTROL, MSG);
	ring_and_session(r, &r->events, 3, false, RVR_RNA_TX_EVENTS, 64);
	ec_sw_enable(&r->c, 0);
}

/* ---- Control -------------------------------------------------------------------------------- */

static uint16_t
request_port(struct rna_client *r, unsigned int port, uint16_t opcode, const void *payload,
	size_t size, struct rvr_rna_control *answer)
{
	struct rvr_rna_control request = { .opcode = opcode, .port = (uint16_t)port,
		.tag = ++r->tag };
	struct rvr_rna_control *got;

	if (size > 0)
		memcpy(request.payload, payload, size);
	memcpy(ec_slot(&r->control, r->control.index), &request, sizeof(request));
	r->control.index++;
	ec_doorbell(&r->control);
	got = (struct rvr_rna_control *)(void *)ec_receive(&r->answers, EC_TIMEOUT_NS);
	assert_non_null(got);
	*answer = *got;
	ec_taken(&r->answers);
	assert_int_equal(answer->opcode, opcode);
	assert_int_equal(answer->tag, r->tag);
	assert_int_equal(answer->port, port);
	return answer->status;
}

static uint16_t
request(struct rna_client *r, uint16_t opcode, const void *payload, size_t size)
{
	struct rvr_rna_control answer;

	return request_port(r, r->port, opcode, payload, size, &answer);
}

/** A request with its payload: REQUEST(r, QUEUE_START, rvr_rna_queue, .queue = 1) */
#define REQUEST(r, opcode, type, ...)                                                          \
	__extension__({                                                                        \
		struct type fields = { __VA_ARGS__ };                                          \
		request(r, RVR_RNA_CTL_##opcode, &fields, sizeof(fields));                     \
	})

static struct rvr_rna_stats
stats(struct rna_client *r)
{
	struct rvr_rna_control answer;
	struct rvr_rna_stats counters;

	assert_int_equal(request_port(r, r->port, RVR_RNA_CTL_STATS_GET, NULL, 0, &answer),
		RVR_RNA_OK);
	memcpy(&counters, answer.payload, sizeof(counters));
	return counters;
}

/** The queue that was set up starts, and its port, promiscuous. */
static void
queue_go(struct rna_client *r)
{
	uint32_t mask = RVR_RNA_SET_ENABLED | RVR_RNA_SET_PROMISC | RVR_RNA_SET_MAX_FRAME;

	assert_int_equal(REQUEST(r, QUEUE_START, rvr_rna_queue, .direction = 3), RVR_RNA_OK);
	assert_int_equal(REQUEST(r, PORT_SET, rvr_rna_port_set, .mask = mask,
		.flags = mask & ~RVR_RNA_SET_MAX_FRAME, .max_frame = 9600), RVR_RNA_OK);
}

/** The port runs with one queue of so many buffers. */
static void
queue_up(struct rna_client *r, uint32_t buffers, uint32_t buffer_size)
{
	assert_int_equal(REQUEST(r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = buffers,
		.buffer_size = buffer_size), RVR_RNA_OK);
	queue_go(r);
}

static void
requests_are_checked(void **state)
{
	struct rvr_rna_control answer;
	struct rna_client r;
	uint16_t i;

	(void)state;
	client_open(&r, "loop");
	assert_int_equal(request(&r, 0, NULL, 0), RVR_RNA_BAD_OPCODE);
	for (i = 90; i < 1000; i += 17)
		assert_int_equal(request(&r, i, NULL, 0), RVR_RNA_BAD_OPCODE);
	assert_int_equal(request(&r, 0xffff, NULL, 0), RVR_RNA_BAD_OPCODE);
	for (i = 1; i < 14; i++)
		assert_int_equal(request_port(&r, 1 + i * 5000u % 65535, i, NULL, 0, &answer),
			RVR_RNA_BAD_PORT);

	assert_int_equal(REQUEST(&r, PORT_SET, rvr_rna_port_set, .mask = 0x80000000),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, PORT_SET, rvr_rna_port_set, .mask = 2, .flags = 4),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, PORT_SET, rvr_rna_port_set, .mask = RVR_RNA_SET_MAX_FRAME,
		.max_frame = 9601), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, PORT_SET, rvr_rna_port_set, .mask = RVR_RNA_SET_MAC,
		.mac = { 1 }), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, PORT_SET, rvr_rna_port_set, .mask = RVR_RNA_SET_MAC),
		RVR_RNA_BAD_VALUE);

	assert_int_equal(REQUEST(&r, QUEUE_START, rvr_rna_queue, .direction = 1),
		RVR_RNA_BAD_QUEUE);
	assert_int_equal(REQUEST(&r, QUEUE_STOP, rvr_rna_queue, .queue = 0xffff, .direction = 1),
		RVR_RNA_BAD_QUEUE);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .queue = 63),
		RVR_RNA_BAD_QUEUE);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .phy_ami_hw_id = 5),
		RVR_RNA_BAD_AMI_HW);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .phy_ami_hw_id = 0xffff),
		RVR_RNA_BAD_AMI_HW);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 16385,
		.buffer_size = 2048), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 16,
		.buffer_size = 63), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 16,
		.buffer_size = 65536), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 0), RVR_RNA_OK);
	assert_int_equal(REQUEST(&r, QUEUE_START, rvr_rna_queue, .direction = 1),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, QUEUE_START, rvr_rna_queue, .direction = 4),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, QUEUE_START, rvr_rna_queue, .direction = 2), RVR_RNA_OK);
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .queue = 1),
		RVR_RNA_BAD_AMI_HW);

	assert_int_equal(REQUEST(&r, RSS_SET, rvr_rna_rss, .types = 0x80000000), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RSS_SET, rvr_rna_rss, .key_size = 52), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RETA_SET, rvr_rna_reta, .count = 0), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RETA_SET, rvr_rna_reta, .count = 65), RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RETA_SET, rvr_rna_reta, .first = 100, .count = 29),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RETA_SET, rvr_rna_reta, .first = 128, .count = 1),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(REQUEST(&r, RETA_SET, rvr_rna_reta, .count = 2, .queue = { 0, 63 }),
		RVR_RNA_BAD_VALUE);
	assert_int_equal(request(&r, RVR_RNA_CTL_PORT_RELEASE, NULL, 0), RVR_RNA_OK);
	assert_int_equal(REQUEST(&r, QUEUE_STOP, rvr_rna_queue, .direction = 1),
		RVR_RNA_BAD_QUEUE);
	ec_close(&r.c);
}

/** A value that is refused is named, and what stood beside it has no effect. */
static void
refused_requests_change_nothing(void **state)
{
	const struct rvr_rna_port_set set = {
		.mask = RVR_RNA_SET_PROMISC | RVR_RNA_SET_MAX_FRAME,
		.flags = RVR_RNA_PORT_PROMISC,
		.max_frame = 20,
	};
	struct rvr_rna_control answer;
	struct rvr_rna_port_info info;
	struct rna_client r;

	(void)state;
	client_open(&r, "loop");
	assert_int_equal(request_port(&r, r.port, RVR_RNA_CTL_PORT_SET, &set, sizeof(set),
		&answer), RVR_RNA_BAD_VALUE);
	assert_int_equal(answer.detail, 16 + offsetof(struct rvr_rna_port_set, max_frame));
	assert_int_equal(request_port(&r, r.port, RVR_RNA_CTL_PORT_INFO, NULL, 0, &answer),
		RVR_RNA_OK);
	memcpy(&info, answer.payload, sizeof(info));
	assert_int_equal(info.flags, RVR_RNA_PORT_LINK_UP | RVR_RNA_PORT_PTYPES);
	assert_int_equal(info.ports, 1);
	assert_int_equal(info.mac[5], 1);
	assert_string_equal(info.backend, "loop");
	ec_close(&r.c);
}

/* ---- Packets -------------------------------------------------------------------------------- */

static void
push(struct ec_ring *ring)
{
	assert_true(ec_room(ring));
	ring->index++;
	ec_doorbell(ring);
	ec_kick(ring->c);
}

static void
send_descs(struct rna_client *r, uint16_t count, const struct rvr_rna_tx_desc *descs)
{
	struct rvr_rna_tx head = { .opcode = RVR_RNA_OP_TX, .count = count };
	uint8_t *slot = ec_slot(&r->tx, r->tx.index);

	memcpy(slot, &head, sizeof(head));
	memcpy(slot + sizeof(head), descs, (count > 15 ? 15 : count) * sizeof(*descs));
	push(&r->tx);
}

static void
send_buffers(struct rna_client *r, uint16_t count, const uint64_t *addrs)
{
	struct rvr_rna_buffers head = { .opcode = RVR_RNA_OP_BUFFERS, .count = count };
	uint8_t *slot = ec_slot(&r->bufs, r->bufs.index);

	memcpy(slot, &head, sizeof(head));
	memcpy(slot + sizeof(head), addrs, (count > 31 ? 31 : count) * sizeof(*addrs));
	push(&r->bufs);
}

/** The next receive message has these descriptors; its slot is given back. */
static void
expect_packets(struct rna_client *r, uint16_t count, struct rvr_rna_rx_desc *descs)
{
	uint8_t *msg = ec_receive(&r->rx, EC_TIMEOUT_NS);
	struct rvr_rna_rx head;

	assert_non_null(msg);
	memcpy(&head, msg, sizeof(head));
	assert_int_equal(head.opcode, RVR_RNA_OP_RX);
	assert_int_equal(head.count, count);
	memcpy(descs, msg + sizeof(head), count * sizeof(*descs));
	ec_taken(&r->rx);
}

static uint64_t
last_done(struct rna_client *r)
{
	uint64_t done = 0;

	while (ec_waiting(&r->done) > 0) {
		struct rvr_rna_tx_done msg;

		memcpy(&msg, ec_slot(&r->done, r->done.index), sizeof(msg));
		done = msg.done;
		ec_taken(&r->done);
	}
	return done;
}

static void
malformed_messages_are_counted(void **state)
{
	struct rvr_rna_rx_desc got[15];
	struct rna_client r;
	uint64_t data, bufs[40];
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 64, 2048);
	data = ec_iova(&r.c, ec_alloc(&r.c, 16384, 64));
	for (i = 0; i < 40; i++)
		bufs[i] = ec_iova(&r.c, ec_alloc(&r.c, 2048, 64));
	const struct rvr_rna_tx_desc good[15] = { { .addr = data, .len = 60 } };
	const struct rvr_rna_tx_desc bad[][3] = {
		{ { .addr = data, .len = 13 } },
		{ { .addr = data, .len = 0 } },
		{ { .addr = data, .len = 9601 } },
		{ { .addr = data, .len = 60, .flags = 4 } },
		{ { .addr = 0, .len = 60 } },
		{ { .addr = UINT64_MAX - 5, .len = 60 } },
		{ { .addr = EC_IOVA + MEMORY - 59, .len = 60 } },
	};
	const struct rvr_rna_tx_desc bad3[][3] = {
		{ { .addr = data, .len = 60, .flags = 1 }, { .addr = data, .len = 0, .flags = 1 },
			{ .addr = data, .len = 60 } },
		{ { .addr = data, .len = 5000, .flags = 1 },
			{ .addr = data, .len = 4600, .flags = 1 }, { .addr = data, .len = 1 } },
		{ { .addr = data, .len = 5, .flags = 1 }, { .addr = data, .len = 5, .flags = 1 },
			{ .addr = data, .len = 3 } },
		{ { .addr = data, .len = 50, .flags = 1 }, { .addr = 1, .len = 50, .flags = 1 },
			{ .addr = data, .len = 50 } },
	};

	send_buffers(&r, 31, bufs);
	send_descs(&r, 0, good);
	send_descs(&r, 16, good);
	ec_slot(&r.tx, r.tx.index)[0] = 99;
	push(&r.tx);
	assert_int_equal(stats(&r).queues.tx_errors, 3);
	assert_int_equal(last_done(&r), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		send_descs(&r, 1, bad[i]);
	assert_int_equal(stats(&r).queues.tx_errors, 10);
	for (i = 0; i < sizeof(bad3) / sizeof(bad3[0]); i++)
		send_descs(&r, 3, bad3[i]);
	assert_int_equal(stats(&r).queues.tx_errors, 14);
	assert_int_equal(last_done(&r), 7 + 12);
	assert_int_equal(ec_waiting(&r.rx), 0);

	/* None of them is in the way of the next packet. */
	send_descs(&r, 1, good);
	expect_packets(&r, 1, got);
	assert_int_equal(got[0].pkt_len, 60);

	send_buffers(&r, 0, bufs);
	send_buffers(&r, 32, bufs);
	ec_slot(&r.bufs, r.bufs.index)[0] = 99;
	push(&r.bufs);
	assert_int_equal(stats(&r).queues.rx_errors, 3);
	ec_close(&r.c);
}

#define CONTENT 0x04 /* of packets; as a descriptor, it has RVR_RNA_TX_INLINE and is too long */

/** A message of one packet that stands behind its descriptor, and says so with these fields. */
static void
send_inline(struct rna_client *r, uint16_t count, struct rvr_rna_tx_desc desc)
{
	struct rvr_rna_tx head = { .opcode = RVR_RNA_OP_TX_INLINE, .count = count };
	uint8_t *slot = ec_slot(&r->tx, r->tx.index);

	memset(slot, 0, MSG);
	memcpy(slot, &head, sizeof(head));
	memcpy(slot + sizeof(head), &desc, sizeof(desc));
	memset(slot + sizeof(head) + sizeof(desc), CONTENT, MSG - sizeof(head) - sizeof(desc));
	push(&r->tx);
}

/** Only as much of a message is a packet as is there, and no more than was offered. */
static void
packets_in_messages_are_bounded(void **state)
{
	static const struct {
		uint16_t count, len, flags, errors;
	} bad[] = {
		{ 0, 60, RVR_RNA_TX_INLINE, 1 }, { 16, 60, RVR_RNA_TX_INLINE, 1 },
		{ 1, 13, RVR_RNA_TX_INLINE, 1 }, { 1, 0, RVR_RNA_TX_INLINE, 1 },
		{ 1, RVR_RNA_TX_INLINE_MAX + 1, RVR_RNA_TX_INLINE, 1 },
		{ 1, 224, RVR_RNA_TX_INLINE, 1 }, { 1, 225, RVR_RNA_TX_INLINE, 1 },
		{ 1, 65535, RVR_RNA_TX_INLINE, 1 },
		{ 3, 65521, RVR_RNA_TX_INLINE, 3 }, /* nothing is known of the other two */
		{ 1, 60, RVR_RNA_TX_INLINE | RVR_RNA_TX_MORE, 1 },
		{ 1, 60, RVR_RNA_TX_INLINE | RVR_RNA_TX_OFFLOAD, 1 },
		{ 1, 60, RVR_RNA_TX_INLINE | 8, 1 },
	};
	struct rvr_rna_rx_desc got[15];
	uint64_t errors = 0, done = 0, data, buf;
	struct rna_client r;
	unsigned int i;
	uint8_t *mem;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 64, 2048);
	data = ec_iova(&r.c, ec_alloc(&r.c, 2048, 64));
	mem = ec_alloc(&r.c, 2048, 64);
	buf = ec_iova(&r.c, mem);
	const struct rvr_rna_tx_desc begun = { .addr = data, .len = 60, .flags = RVR_RNA_TX_MORE };

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		send_inline(&r, bad[i].count, (struct rvr_rna_tx_desc){ .len = bad[i].len,
			.flags = bad[i].flags });
		errors += bad[i].errors;
		done += bad[i].count > 0 && bad[i].count < 16 ? bad[i].count : 0;
		assert_int_equal(stats(&r).queues.tx_errors, errors);
	}
	/* The second one is cut off by the message's end. */
	send_inline(&r, 2, (struct rvr_rna_tx_desc){ .len = RVR_RNA_TX_INLINE_MAX,
		.flags = RVR_RNA_TX_INLINE });
	assert_int_equal(stats(&r).queues.tx_errors, ++errors);
	assert_int_equal(stats(&r).queues.tx_packets, 1);
	/* Within a packet of pieces: neither goes. */
	send_descs(&r, 1, &begun);
	send_inline(&r, 1, (struct rvr_rna_tx_desc){ .len = 60, .flags = RVR_RNA_TX_INLINE });
	assert_int_equal(stats(&r).queues.tx_errors, errors + 1);
	assert_int_equal(last_done(&r), done + 4);
	assert_int_equal(ec_waiting(&r.rx), 0);

	send_buffers(&r, 1, &buf);
	send_inline(&r, 1, (struct rvr_rna_tx_desc){ .len = RVR_RNA_TX_INLINE_MAX,
		.flags = RVR_RNA_TX_INLINE });
	expect_packets(&r, 1, got);
	assert_int_equal(got[0].pkt_len, RVR_RNA_TX_INLINE_MAX);
	for (i = 0; i < RVR_RNA_TX_INLINE_MAX; i++)
		assert_int_equal(mem[i], CONTENT);
	ec_close(&r.c);
}

/** A tag is taken off before a packet is cut; what is left may end before the cut. */
static void
stripped_packets_are_cut(void **state)
{
	static const uint8_t tag[6] = { 0x81, 0x00, 0x00, 0x05, 0x88, 0xb5 };
	const uint32_t cut = 64, len_max = 72;
	struct rvr_rna_rx_desc got[15];
	struct rna_client r;
	uint8_t *packet, *piece[2];
	uint64_t bufs[2];
	uint16_t len, i;

	(void)state;
	client_open(&r, "loop");
	assert_int_equal(REQUEST(&r, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 128,
		.buffer_size = 256), RVR_RNA_OK);
	assert_int_equal(REQUEST(&r, RX_OFFLOADS, rvr_rna_rx_offloads,
		.offloads = RVR_RNA_RXO_SPLIT | RVR_RNA_RXO_VLAN, .split_len = (uint16_t)cut,
		.split_buffer = 128), RVR_RNA_OK);
	queue_go(&r);
	packet = ec_alloc(&r.c, 256, 64);
	for (i = 0; i < len_max; i++)
		packet[i] = (uint8_t)(i * 2);
	memcpy(packet + 12, tag, sizeof(tag));
	for (i = 0; i < 2; i++) {
		piece[i] = ec_alloc(&r.c, 256, 64);
		bufs[i] = ec_iova(&r.c, piece[i]);
	}
	for (len = 18; len <= len_max; len++) {
		const struct rvr_rna_tx_desc desc = { .addr = ec_iova(&r.c, packet), .len = len };
		uint32_t left = len - 4, first = left < cut ? left : cut;

		send_buffers(&r, 2, bufs);
		send_descs(&r, 1, &desc);
		expect_packets(&r, 2, got);
		assert_int_equal(got[0].flags, RVR_RNA_RX_MORE | RVR_RNA_RX_VLAN);
		assert_int_equal(got[0].vlan_tci, 5);
		assert_int_equal(got[0].pkt_len, left);
		assert_int_equal(got[0].seg_len, first);
		assert_int_equal(got[1].seg_len, left - first);
		assert_memory_equal(piece[0], packet, 12);
		assert_memory_equal(piece[0] + 12, packet + 16, first - 12);
		assert_memory_equal(piece[1], packet + 4 + first, left - first);
	}
	assert_int_equal(stats(&r).queues.rx_packets, len_max - 17);
	assert_int_equal(stats(&r).queues.rx_no_buffer, 0);
	ec_close(&r.c);
}

static void
unwritable_buffers_come_back(void **state)
{
	struct rvr_rna_rx_desc got[15];
	struct rvr_rna_tx_desc desc = { .len = 150 };
	struct rna_client r;
	uint64_t bufs[6];
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 16, 64);
	desc.addr = ec_iova(&r.c, ec_alloc(&r.c, 4096, 64));
	for (i = 0; i < 6; i++)
		bufs[i] = ec_iova(&r.c, ec_alloc(&r.c, 64, 64));
	bufs[1] = 0x10;
	send_buffers(&r, 6, bufs);
	send_descs(&r, 1, &desc);
	send_descs(&r, 1, &desc);
	expect_packets(&r, 2, got);
	assert_int_equal(got[0].flags, RVR_RNA_RX_ERROR);
	assert_int_equal(got[1].flags, RVR_RNA_RX_ERROR);
	expect_packets(&r, 3, got);
	assert_int_equal(got[0].flags, RVR_RNA_RX_MORE);
	assert_int_equal(got[1].flags, RVR_RNA_RX_MORE);
	assert_int_equal(got[2].flags, 0);
	assert_int_equal(got[2].seg_len, 22);
	/* The one that is left is too short for a third. */
	send_descs(&r, 1, &desc);
	assert_int_equal(stats(&r).queues.rx_no_buffer, 1);
	assert_int_equal(stats(&r).queues.rx_errors, 1);
	ec_close(&r.c);
}

/** Buffers beyond what the queue may hold wait in the session, and come when there is room. */
static void
buffers_are_bounded(void **state)
{
	struct rvr_rna_rx_desc got[15];
	struct rvr_rna_tx_desc descs[15];
	struct rna_client r;
	uint64_t bufs[31];
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 40, 2048);
	for (i = 0; i < 31; i++)
		bufs[i] = ec_iova(&r.c, ec_alloc(&r.c, 2048, 64));
	for (i = 0; i < 15; i++)
		descs[i] = (struct rvr_rna_tx_desc){ .addr = bufs[0], .len = 64 };
	send_buffers(&r, 20, bufs);
	send_buffers(&r, 20, bufs);
	send_buffers(&r, 1, bufs);
	assert_int_equal(r.bufs.index - atomic_load(r.bufs.read), 1);
	send_descs(&r, 15, descs);
	expect_packets(&r, 15, got);
	ec_kick(&r.c);
	assert_int_equal(r.bufs.index - atomic_load(r.bufs.read), 0);
	ec_close(&r.c);
}

static void
unmapped_memory_is_not_touched(void **state)
{
	struct rvr_rna_tx_desc desc = { .len = 60 };
	struct rvr_rna_rx_desc got[15];
	uint64_t buf = UINT64_C(0x7000000000);
	struct rna_client r;
	uint8_t *memory;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 16, 2048);
	desc.addr = ec_iova(&r.c, ec_alloc(&r.c, 64, 64));
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(revere_emu_dma_map(r.c.emu, 0, buf, memory, 4096, 3), 0);
	send_buffers(&r, 1, &buf);
	send_buffers(&r, 1, &buf);
	send_descs(&r, 1, &desc);
	expect_packets(&r, 1, got);
	assert_int_equal(got[0].pkt_len, 60);
	/* The agent has found the second buffer already; it must not use what it knows. */
	assert_int_equal(revere_emu_dma_unmap(r.c.emu, 0, buf, 4096), 4096);
	munmap(memory, 4096);
	send_descs(&r, 1, &desc);
	expect_packets(&r, 1, got);
	assert_int_equal(got[0].flags, RVR_RNA_RX_ERROR);
	ec_close(&r.c);
}

static void
null_swallows_packets(void **state)
{
	struct rvr_rna_tx_desc desc = { .len = 60 };
	struct rna_client r;

	(void)state;
	client_open(&r, "null");
	queue_up(&r, 16, 2048);
	desc.addr = ec_iova(&r.c, ec_alloc(&r.c, 64, 64));
	send_descs(&r, 1, &desc);
	assert_int_equal(last_done(&r), 1);
	assert_int_equal(stats(&r).queues.tx_packets, 1);
	assert_int_equal(ec_waiting(&r.rx), 0);
	ec_close(&r.c);
}

static void
reset_forgets(void **state)
{
	struct rvr_rna_tx_desc desc = { .len = 60, .flags = RVR_RNA_TX_MORE };
	struct rna_client r;
	uint64_t buf;
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	desc.addr = ec_iova(&r.c, ec_alloc(&r.c, 64, 64));
	buf = ec_iova(&r.c, ec_alloc(&r.c, 2048, 64));
	for (i = 0; i < 20; i++) {
		queue_up(&r, 16, 2048);
		send_buffers(&r, 1, &buf);
		send_descs(&r, 1, &desc);
		last_done(&r);
		EC_OK(&r.c, f_ami_hw_reset, .ami_hw_id = 0);
		EC_OK(&r.c, f_ami_hw_enable, .ami_hw_id = 0);
		assert_int_equal(REQUEST(&r, QUEUE_STOP, rvr_rna_queue, .direction = 1),
			RVR_RNA_BAD_QUEUE);
	}
	ec_close(&r.c);
}

static void
pairs_have_a_link(void **state)
{
	struct rvr_rna_event event;
	struct rna_client r;
	char error[128];
	int second;

	(void)state;
	client_open(&r, "pair=cable");
	queue_up(&r, 16, 2048);
	second = revere_emu_port_add(r.c.emu, "pair=cable", NULL, error, sizeof(error));
	assert_true(second > 0);
	assert_int_equal(revere_emu_port_add(r.c.emu, "pair=cable", NULL, error, sizeof(error)),
		-EEXIST);
	assert_non_null(ec_receive(&r.events, EC_TIMEOUT_NS));
	memcpy(&event, ec_slot(&r.events, r.events.index), sizeof(event));
	ec_taken(&r.events);
	assert_true(event.flags & RVR_RNA_PORT_LINK_UP);
	assert_int_equal(revere_emu_port_remove(r.c.emu, (unsigned int)second), 0);
	assert_non_null(ec_receive(&r.events, EC_TIMEOUT_NS));
	memcpy(&event, ec_slot(&r.events, r.events.index), sizeof(event));
	ec_taken(&r.events);
	assert_false(event.flags & RVR_RNA_PORT_LINK_UP);
	ec_close(&r.c);
}

static void
bad_backends_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "loops", "loop=x", "null=", "pair", "pair=", "tap", "tap=",
		"tap=a-name-that-is-too-long", "pair=a-name-that-is-longer-than-what-fits-here",
	};
	struct rna_client r;
	char error[200];
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		assert_true(revere_emu_port_add(r.c.emu, bad[i], NULL, error, sizeof(error)) < 0);
		assert_true(error[0] != '\0');
	}
	for (i = 1; i < RNA_PORTS_MAX; i++)
		assert_int_equal(revere_emu_port_add(r.c.emu, "loop", NULL, error, sizeof(error)),
			i);
	assert_int_equal(revere_emu_port_add(r.c.emu, "loop", NULL, error, sizeof(error)),
		-ENOSPC);
	ec_close(&r.c);
}

/* ---- Noise ---------------------------------------------------------------------------------- */

/** Words that come close to what is meant more often than random ones. */
static void
noise(struct rna_client *r, uint8_t *msg, uint32_t bytes, uint16_t opcode)
{
	uint32_t at;

	for (at = 0; at < bytes; at += 8) {
		uint64_t word =
			(uint64_t)rnd(1 << 24) << 40 ^ (uint64_t)rnd(1 << 24) << 20 ^ rnd(1 << 24);

		if (rnd(2))
			word = EC_IOVA + rnd(MEMORY + 4096);
		if (rnd(3) == 0)
			word = rnd(256) | (uint64_t)rnd(8) << 16;
		memcpy(msg + at, &word, sizeof(word));
	}
	if (rnd(8) > 0) {
		uint16_t count = (uint16_t)rnd(20);

		memcpy(msg, &opcode, sizeof(opcode));
		memcpy(msg + 2, &count, sizeof(count));
	}
	(void)r;
}

static void
take_all(struct ec_ring *ring)
{
	ring->index += ec_waiting(ring);
	ec_release(ring);
}

static void
noise_harms_nobody(void **state)
{
	struct rna_client r;
	unsigned int i;

	(void)state;
	client_open(&r, "loop");
	queue_up(&r, 100, 256);
	for (i = 0; i < RANDOM_MESSAGES; i++) {
		struct ec_ring *rings[] = { &r.tx, &r.bufs, &r.control };
		struct ec_ring *ring = rings[rnd(16) == 0 ? 2 : rnd(2)];
		uint16_t opcode = ring == &r.bufs ? RVR_RNA_OP_BUFFERS :
				  rnd(2) ? RVR_RNA_OP_TX : RVR_RNA_OP_TX_INLINE;

		if (ring == &r.control)
			opcode = (uint16_t)(1 + rnd(16));
		if (ec_room(ring)) {
			noise(&r, ec_slot(ring, ring->index), MSG, opcode);
			if (ring == &r.control) {
				memset(ec_slot(ring, ring->index) + 2, 0, 4); /* a port */
			}
			push(ring);
		}
		take_all(&r.done);
		take_all(&r.rx);
		take_all(&r.answers);
		take_all(&r.events);
		if (i % 1000 == 0) {
			r.tag = 0;
			request(&r, RVR_RNA_CTL_PORT_RELEASE, NULL, 0);
			queue_up(&r, 100, 256);
		}
	}
	ec_close(&r.c);
}

static void
parser_stays_inside(void **state)
{
	static const uint8_t types[][2] = {
		{ 0x08, 0x00 }, { 0x86, 0xdd }, { 0x81, 0x00 }, { 0x88, 0xa8 }, { 0x08, 0x06 },
	};
	static const uint8_t next[] = { 0, 1, 6, 17, 43, 44, 51, 58, 60, 132 };
	struct rna_rss *rss = malloc(sizeof(*rss));
	unsigned int i;

	(void)state;
	rna_rss_init(rss);
	rss->types = 0x3f;
	for (i = 0; i < 200000; i++) {
		uint32_t n, len = rnd(120), hash;
		uint8_t *data = malloc(len + 1); /* its end is what sanitizers watch */
		struct rna_parsed parsed;

		for (n = 0; n < len; n++)
			data[n] = rnd(3) ? next[rnd(sizeof(next))] : (uint8_t)rnd(256);
		for (n = 12; n + 2 <= len && n < 24; n += 4)
			memcpy(data + n, types[rnd(5)], 2);
		if (len > 18) {
			data[14] = rnd(2) ? 0x45 : 0x60;
			data[18] = data[14];
		}
		rna_parse(data, len, &parsed);
		if (parsed.ptype & RVR_RNA_PTYPE_L3_MASK)
			assert_true(parsed.outer.l3 + 20 <= (int)len);
		rna_rss_hash(rss, data, &parsed, &hash);
		free(data);
	}
	free(rss);
}

/** A packet of which IP says where it ends; what is behind it is padding. */
struct padded {
	uint8_t data[120];
	uint32_t len;
};

static void
padded_ipv4(struct padded *packet, uint32_t total, uint8_t proto)
{
	static const uint8_t head[11] = { 0x08, 0x00, 0x45, [10] = 64 };

	memset(packet->data, 0xee, sizeof(packet->data));
	memcpy(packet->data + 12, head, sizeof(head));
	packet->data[17] = (uint8_t)total;
	packet->data[23] = proto;
	packet->len = 60;
}

/** What the short and the long parser say, which is the same. */
static struct rna_parsed
padded_parse(const struct padded *packet)
{
	struct rna_parsed parsed, any;

	rna_parse(packet->data, packet->len, &parsed);
	rna_parse_any(packet->data, packet->len, &any);
	assert_int_equal(parsed.ptype, any.ptype);
	assert_memory_equal(&parsed.outer, &any.outer, sizeof(any.outer));
	assert_memory_equal(&parsed.inner, &any.inner, sizeof(any.inner));
	return parsed;
}

/** No header is found in padding, and so no port is matched or hashed there. */
static void
padding_is_no_header(void **state)
{
	static const struct {
		uint8_t proto, l4, size;
	} l4s[] = { { 6, RNA_L4_TCP, 20 }, { 17, RNA_L4_UDP, 8 }, { 132, RNA_L4_SCTP, 12 } };
	static const uint8_t ipv6[9] = { 0x86, 0xdd, 0x60, [7] = 7, [8] = 60 };
	static const uint8_t inner[12] = { 0x08, 0x00, 0x45, [5] = 28, [10] = 64, [11] = 17 };
	struct rna_parsed parsed;
	struct padded packet;
	uint32_t i, total;

	(void)state;
	for (i = 0; i < sizeof(l4s) / sizeof(l4s[0]); i++)
		for (total = 20; total <= 46; total++) {
			bool there = total >= 20u + l4s[i].size;

			padded_ipv4(&packet, total, l4s[i].proto);
			parsed = padded_parse(&packet);
			assert_int_equal(parsed.outer.end, 14 + total);
			assert_int_equal(parsed.outer.l4_type, there ? l4s[i].l4 : RNA_L4_NONE);
			assert_int_equal((parsed.outer.flags & RNA_LEVEL_SHORT) != 0, !there);
		}
	/* IPv6, where a header of options is in what is padding as well. */
	memset(packet.data, 0, sizeof(packet.data));
	memcpy(packet.data + 12, ipv6, sizeof(ipv6));
	packet.len = 90;
	parsed = padded_parse(&packet);
	assert_int_equal(parsed.outer.end, 54 + 7);
	assert_true(parsed.outer.flags & RNA_LEVEL_SHORT);
	/* VXLAN, whose inner packet ends before its own headers do. */
	for (total = 20; total <= 20 + 8 + 8 + 14 + 28; total++) {
		padded_ipv4(&packet, total, 17);
		packet.len = sizeof(packet.data);
		rna_put_be16(packet.data + 36, 4789);
		packet.data[42] = 8;
		memcpy(packet.data + 62, inner, sizeof(inner));
		parsed = padded_parse(&packet);
		assert_int_equal(parsed.inner.l4_type,
			total == 20 + 8 + 8 + 14 + 28 ? RNA_L4_UDP : RNA_L4_NONE);
	}
}

/* ---- Hashes --------------------------------------------------------------------------------- */

static uint32_t
hash_of(const struct rna_rss *rss, const uint8_t *frame, uint32_t len)
{
	struct rna_parsed parsed;
	uint32_t hash = 0;

	rna_parse(frame, len, &parsed);
	assert_true(rna_rss_hash(rss, frame, &parsed, &hash));
	return hash;
}

/** With a symmetric function both directions of a flow have one hash, else they don't. */
static void
hashes_are_symmetric(void **state)
{
	static const uint32_t how[] = { 0, RVR_RNA_RSS_SYMMETRIC, RVR_RNA_RSS_SORTED };
	struct rna_rss *rss = malloc(sizeof(*rss));
	unsigned int i, round, k;

	(void)state;
	assert_non_null(rss);
	rna_rss_init(rss);
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		for (round = 0; round < 50; round++) {
			uint8_t there[60] = { [12] = 0x08, [14] = 0x45, [17] = 46, [23] = 17 };
			uint8_t back[60];

			for (k = 26; k < 38; k++)
				there[k] = (uint8_t)rnd(256);
			there[36] = 0; /* no port of a tunnel */
			there[34] = 0;
			memcpy(back, there, sizeof(back));
			memcpy(back + 26, there + 30, 4);
			memcpy(back + 30, there + 26, 4);
			memcpy(back + 34, there + 36, 2);
			memcpy(back + 36, there + 34, 2);
			rss->types = RVR_RNA_RSS_IPV4_UDP | how[i];
			if (how[i] != 0)
				assert_int_equal(hash_of(rss, there, 60), hash_of(rss, back, 60));
			else
				assert_int_not_equal(hash_of(rss, there, 60),
					hash_of(rss, back, 60));
		}
	free(rss);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_symmetric),
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(refused_requests_change_nothing),
		cmocka_unit_test(malformed_messages_are_counted),
		cmocka_unit_test(packets_in_messages_are_bounded),
		cmocka_unit_test(stripped_packets_are_cut),
		cmocka_unit_test(unwritable_buffers_come_back),
		cmocka_unit_test(buffers_are_bounded),
		cmocka_unit_test(unmapped_memory_is_not_touched),
		cmocka_unit_test(null_swallows_packets),
		cmocka_unit_test(reset_forgets),
		cmocka_unit_test(pairs_have_a_link),
		cmocka_unit_test(bad_backends_are_refused),
		cmocka_unit_test(noise_harms_nobody),
		cmocka_unit_test(parser_stays_inside),
		cmocka_unit_test(padding_is_no_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
