/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts of the network agent that are kept without an AMI-HW: they lose nothing, call when they
 * have something to send, and go on at another one.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../emu/rna/rna.h"
#include "emu_client.h"

#define MEMORY (8u << 20)
#define MSG 256u
#define LOG2_SLOTS 4
#define AHA_RNA 1
#define AHA_DMA 3
#define LEN 60u
#define ID(context) (10u + (context)) /* AMI_HW_ID of a context, which is its AMI-SW's ID */
#define SESSIONS 4

enum { CONTROL, QUEUE_0, QUEUE_1, CONTEXTS };

/* Sessions of a context: ring of its AMI-SW, socket of the AMI-HW. */
struct way {
	bool tx;
	unsigned int ams, hw_ams;
	uint32_t bytes;
};

static const struct way control_ways[] = {
	{ true, 0, RVR_RNA_RX_CONTROL, MSG },
	{ false, 0, RVR_RNA_TX_CONTROL, MSG },
	{ false, 1, RVR_RNA_TX_EVENTS, 64 },
};
static const struct way queue_ways[] = {
	{ true, 0, RVR_RNA_RX_PACKETS, MSG },
	{ true, 1, RVR_RNA_RX_BUFFERS, MSG },
	{ false, 0, RVR_RNA_TX_PACKETS, MSG },
	{ false, 1, RVR_RNA_TX_DONE, 64 },
};

struct context {
	const struct way *ways;
	unsigned int num, phy;
	struct ec_ring rings[SESSIONS];
};

struct client {
	struct ec c;
	struct context contexts[CONTEXTS];
	unsigned int ports[2];
	uint16_t tag;
	uint8_t *data;
};

/* ---- Contexts ------------------------------------------------------------------------------- */

/* PF-AMI-HW-MAP with the extension; *keeps: whether the device has it. */
static uint16_t
map(struct client *client, unsigned int aha, unsigned int phy, unsigned int id, bool *keeps)
{
	const struct rvr_pf_ami_hw_map_req req = { .aha_id = aha, .phy_ami_hw_id = phy,
		.ami_hw_id = id };
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};
	uint16_t status;

	rvr_pf_ami_hw_map_req_encode(msg, &req, 0);
	rvr_msg_put(msg, RVR_KEEP_MAP_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	status = ec_command(&client->c, msg);
	*keeps = rvr_msg_get(msg, RVR_KEEP_MAPPED_OFFSET, 31, 0) == RVR_KEEP_MAGIC;
	return status;
}

/* PF-AMI-HW-UNMAP with the extension. */
static uint16_t
keep(struct client *client, unsigned int phy, unsigned int id, enum rvr_keep_action action)
{
	const struct rvr_pf_ami_hw_unmap_req req = { .aha_id = AHA_RNA, .phy_ami_hw_id = phy };
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	rvr_pf_ami_hw_unmap_req_encode(msg, &req, 0);
	rvr_msg_put(msg, RVR_KEEP_UNMAP_OFFSET, 31, 0, RVR_KEEP_MAGIC);
	rvr_msg_put(msg, RVR_KEEP_ID_OFFSET, 15, 0, id);
	rvr_msg_put(msg, RVR_KEEP_ACTION_OFFSET, 7, 0, action);
	return ec_command(&client->c, msg);
}

static void
connect_to(struct client *client, unsigned int number)
{
	struct context *context = &client->contexts[number];
	unsigned int i;

	for (i = 0; i < context->num; i++) {
		const struct way *way = &context->ways[i];
		struct ec_end sw = EC_SW(number, way->ams);
		struct ec_end hw = EC_HW(AHA_RNA, context->phy, way->hw_ams);

		ec_session(&client->c, number * SESSIONS + i, way->tx ? sw : hw,
			way->tx ? hw : sw, way->bytes, 0);
	}
}

static void
context_open(struct client *client, unsigned int number, const struct way *ways, unsigned int num)
{
	struct context *context = &client->contexts[number];
	unsigned int i;
	bool keeps;

	*context = (struct context){ .ways = ways, .num = num, .phy = number };
	ec_sw_map(&client->c, number);
	for (i = 0; i < num; i++)
		context->rings[i] = ec_ring(&client->c, number, ways[i].ams, ways[i].tx,
			LOG2_SLOTS, ways[i].bytes, 0);
	assert_int_equal(map(client, AHA_RNA, number, ID(number), &keeps), 0);
	assert_true(keeps);
	EC_OK(&client->c, f_ami_hw_enable, .ami_hw_id = ID(number));
	connect_to(client, number);
	ec_sw_enable(&client->c, number);
}

/* As who parks a context: its AMI-SW stands still, it has no sessions. */
static void
park(struct client *client, unsigned int number)
{
	struct context *context = &client->contexts[number];
	unsigned int i;

	EC_OK(&client->c, f_ami_sw_disable, .ami_sw_id = number);
	for (i = 0; i < context->num; i++)
		EC_OK(&client->c, pf_asn_destroy, .asn_id = number * SESSIONS + i);
	assert_int_equal(keep(client, context->phy, ID(number), RVR_KEEP), 0);
	ec_kick(&client->c);
}

static void
bring_back(struct client *client, unsigned int number, unsigned int phy)
{
	bool keeps;

	client->contexts[number].phy = phy;
	assert_int_equal(map(client, AHA_RNA, phy, ID(number), &keeps), 0);
	assert_true(keeps);
	connect_to(client, number);
	ec_sw_enable(&client->c, number);
	ec_kick(&client->c);
}

/* The next exception, a call for this context; and there is just one. */
static void
expect_call(struct client *client, unsigned int number)
{
	struct rvr_e_pf_ami_hw_calls calls;
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	assert_true(ec_exception(&client->c, msg, EC_TIMEOUT_NS));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_PF_AMI_HW_CALLS);
	rvr_e_pf_ami_hw_calls_decode(msg, &calls);
	assert_int_equal(calls.ami_hw_id, ID(number));
	assert_int_equal(calls.f_owner, 0);
	assert_int_equal(calls.aha_id, AHA_RNA);
	assert_false(ec_exception(&client->c, msg, 1000));
}

static void
expect_quiet(struct client *client)
{
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	ec_kick(&client->c);
	assert_false(ec_exception(&client->c, msg, 1000));
}

/* ---- Requests and packets ------------------------------------------------------------------- */

static uint16_t
request(struct client *client, unsigned int port, uint16_t opcode, const void *payload,
	size_t size, struct rvr_rna_control *answer)
{
	struct rvr_rna_control request = { .opcode = opcode, .port = (uint16_t)port,
		.tag = ++client->tag };
	struct ec_ring *tx = &client->contexts[CONTROL].rings[0];
	struct ec_ring *rx = &client->contexts[CONTROL].rings[1];
	uint8_t *got;

	memcpy(request.payload, payload, size);
	memcpy(ec_slot(tx, tx->index++), &request, sizeof(request));
	ec_doorbell(tx);
	got = ec_receive(rx, EC_TIMEOUT_NS);
	assert_non_null(got);
	memcpy(answer, got, sizeof(*answer));
	ec_taken(rx);
	assert_int_equal(answer->tag, client->tag);
	return answer->status;
}

#define REQUEST(client, port, opcode, type, ...)                                               \
	__extension__({                                                                        \
		struct type fields = { __VA_ARGS__ };                                          \
		struct rvr_rna_control answer_;                                                \
		request(client, port, RVR_RNA_CTL_##opcode, &fields, sizeof(fields), &answer_);  \
	})

static struct rvr_rna_queue_stats
queue_stats(struct client *client, unsigned int port)
{
	const struct rvr_rna_queue which = { .queue = 0 };
	struct rvr_rna_queue_stats stats;
	struct rvr_rna_control answer;

	assert_int_equal(request(client, port, RVR_RNA_CTL_QUEUE_STATS_GET, &which, sizeof(which),
		&answer), RVR_RNA_OK);
	memcpy(&stats, answer.payload, sizeof(stats));
	return stats;
}

static void
send_packet(struct client *client, unsigned int number, uint8_t mark)
{
	const struct rvr_rna_tx head = { .opcode = RVR_RNA_OP_TX, .count = 1 };
	struct ec_ring *tx = &client->contexts[number].rings[0];
	struct rvr_rna_tx_desc desc = { .len = LEN };
	uint8_t *data = ec_alloc(&client->c, 64, 64);

	memset(data, mark, LEN);
	data[0] = 2;
	desc.addr = ec_iova(&client->c, data);
	memcpy(ec_slot(tx, tx->index), &head, sizeof(head));
	memcpy(ec_slot(tx, tx->index++) + sizeof(head), &desc, sizeof(desc));
	ec_doorbell(tx);
	ec_kick(&client->c);
}

static void
send_buffers(struct client *client, unsigned int number, uint16_t count)
{
	const struct rvr_rna_buffers head = { .opcode = RVR_RNA_OP_BUFFERS, .count = count };
	struct ec_ring *tx = &client->contexts[number].rings[1];
	uint8_t *slot = ec_slot(tx, tx->index++);
	uint16_t i;

	client->data = ec_alloc(&client->c, count * 2048u, 64);
	memcpy(slot, &head, sizeof(head));
	for (i = 0; i < count; i++) {
		uint64_t iova = ec_iova(&client->c, client->data + i * 2048u);

		memcpy(slot + sizeof(head) + i * sizeof(iova), &iova, sizeof(iova));
	}
	ec_doorbell(tx);
	ec_kick(&client->c);
}

/* So many packets in the next messages, the first being packet `first` since the start. */
static void
expect_packets(struct client *client, unsigned int number, uint64_t first, unsigned int count)
{
	struct ec_ring *rx = &client->contexts[number].rings[2];
	struct rvr_rna_rx head;
	uint8_t *msg;

	while (count > 0) {
		msg = ec_receive(rx, EC_TIMEOUT_NS);
		assert_non_null(msg);
		memcpy(&head, msg, sizeof(head));
		assert_int_equal(head.opcode, RVR_RNA_OP_RX);
		assert_int_equal(head.first, first);
		assert_in_range(head.count, 1, count);
		first += head.count;
		count -= head.count;
		ec_taken(rx);
	}
	assert_int_equal(ec_waiting(rx), 0);
}

static void
queue_up(struct client *client, unsigned int port, unsigned int number)
{
	const uint32_t mask = RVR_RNA_SET_ENABLED | RVR_RNA_SET_PROMISC;

	assert_int_equal(REQUEST(client, port, QUEUE_SETUP, rvr_rna_queue_setup, .buffers = 8,
		.phy_ami_hw_id = (uint16_t)ID(number), .buffer_size = 2048), RVR_RNA_OK);
	assert_int_equal(REQUEST(client, port, QUEUE_START, rvr_rna_queue, .direction = 3),
		RVR_RNA_OK);
	assert_int_equal(REQUEST(client, port, PORT_SET, rvr_rna_port_set, .mask = mask,
		.flags = mask), RVR_RNA_OK);
}

static void
client_open(struct client *client)
{
	struct revere_emu_config config;
	char error[256] = "";
	unsigned int i;

	memset(client, 0, sizeof(*client));
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	ec_open(&client->c, &config, MEMORY);
	for (i = 0; i < 2; i++)
		client->ports[i] = (unsigned int)revere_emu_port_add(client->c.emu, "pair=cable",
			NULL, error, sizeof(error));
	context_open(client, CONTROL, control_ways, 3);
	context_open(client, QUEUE_0, queue_ways, 4);
	context_open(client, QUEUE_1, queue_ways, 4);
	queue_up(client, client->ports[0], QUEUE_0);
	queue_up(client, client->ports[1], QUEUE_1);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void
packets_wait_and_call(void **state)
{
	struct client client;
	unsigned int i;

	(void)state;
	client_open(&client);
	send_buffers(&client, QUEUE_1, 8);
	send_packet(&client, QUEUE_0, 1);
	expect_packets(&client, QUEUE_1, 0, 1);
	park(&client, QUEUE_1);
	expect_quiet(&client);
	for (i = 0; i < 3; i++)
		send_packet(&client, QUEUE_0, (uint8_t)(2 + i));
	expect_call(&client, QUEUE_1);
	assert_int_equal(queue_stats(&client, client.ports[1]).rx_packets, 4);
	/* Its AMI-HW is anybody's, and it goes on at another one. */
	EC_OK(&client.c, pf_ami_hw_map, .aha_id = AHA_RNA, .phy_ami_hw_id = QUEUE_1,
		.ami_hw_id = 5);
	bring_back(&client, QUEUE_1, 7);
	expect_packets(&client, QUEUE_1, 1, 3);
	for (i = 0; i < 4; i++)
		assert_int_equal(client.data[i * 2048 + 20], 1 + i);
	send_packet(&client, QUEUE_0, 5);
	expect_packets(&client, QUEUE_1, 4, 1);
	/* No more buffers than there were. */
	park(&client, QUEUE_1);
	for (i = 0; i < 5; i++)
		send_packet(&client, QUEUE_0, (uint8_t)(6 + i));
	expect_call(&client, QUEUE_1);
	assert_int_equal(queue_stats(&client, client.ports[1]).rx_no_buffer, 2);
	bring_back(&client, QUEUE_1, 8);
	expect_packets(&client, QUEUE_1, 5, 3);
	ec_close(&client.c);
}

/** What had no room in the ring is a reason to call, too. */
static void
full_rings_call(void **state)
{
	struct client client;
	unsigned int i;

	(void)state;
	client_open(&client);
	for (i = 0; i < 2; i++) {
		send_buffers(&client, QUEUE_1, 8);
		while (ec_waiting(&client.contexts[QUEUE_1].rings[2]) < 8 * (i + 1))
			send_packet(&client, QUEUE_0, 1);
	}
	send_buffers(&client, QUEUE_1, 3);
	for (i = 0; i < 3; i++)
		send_packet(&client, QUEUE_0, 2);
	park(&client, QUEUE_1);
	expect_call(&client, QUEUE_1);
	bring_back(&client, QUEUE_1, 2);
	assert_int_equal(ec_waiting(&client.contexts[QUEUE_1].rings[2]), 16);
	/* Again, as nothing has changed. */
	park(&client, QUEUE_1);
	expect_call(&client, QUEUE_1);
	bring_back(&client, QUEUE_1, 2);
	for (i = 0; i < 16; i++)
		ec_taken(&client.contexts[QUEUE_1].rings[2]);
	expect_packets(&client, QUEUE_1, 16, 3);
	ec_close(&client.c);
}

/** Requests reach queues that are kept; they go on as these have changed them. */
static void
requests_reach_them(void **state)
{
	struct client client;

	(void)state;
	client_open(&client);
	/* By the ID in the Function, not the physical one. */
	assert_int_equal(REQUEST(&client, client.ports[0], QUEUE_SETUP, rvr_rna_queue_setup,
		.queue = 1, .phy_ami_hw_id = QUEUE_1), RVR_RNA_BAD_AMI_HW);
	park(&client, QUEUE_1);
	assert_int_equal(REQUEST(&client, client.ports[1], QUEUE_STOP, rvr_rna_queue,
		.direction = 3), RVR_RNA_OK);
	queue_up(&client, client.ports[1], QUEUE_1);
	bring_back(&client, QUEUE_1, 9);
	send_buffers(&client, QUEUE_1, 8);
	send_packet(&client, QUEUE_0, 1);
	expect_packets(&client, QUEUE_1, 0, 1);
	park(&client, QUEUE_1);
	assert_int_equal(REQUEST(&client, client.ports[1], QUEUE_RELEASE, rvr_rna_queue, 0),
		RVR_RNA_OK);
	send_packet(&client, QUEUE_0, 1);
	expect_quiet(&client);
	EC_OK(&client.c, f_ami_hw_reset, .ami_hw_id = ID(QUEUE_1));
	bring_back(&client, QUEUE_1, 9);
	ec_close(&client.c);
}

static void
events_wait_and_call(void **state)
{
	struct rvr_rna_event event;
	struct client client;
	uint8_t *msg;

	(void)state;
	client_open(&client);
	park(&client, CONTROL);
	expect_quiet(&client);
	assert_int_equal(revere_emu_port_remove(client.c.emu, client.ports[1]), 0);
	expect_call(&client, CONTROL);
	bring_back(&client, CONTROL, 4);
	msg = ec_receive(&client.contexts[CONTROL].rings[2], EC_TIMEOUT_NS);
	assert_non_null(msg);
	memcpy(&event, msg, sizeof(event));
	assert_int_equal(event.port, client.ports[0]);
	assert_false(event.flags & RVR_RNA_PORT_LINK_UP);
	/* The port is the channel's still. */
	assert_int_equal(REQUEST(&client, client.ports[0], PORT_SET, rvr_rna_port_set, 0),
		RVR_RNA_OK);
	ec_close(&client.c);
}

/** A call that has no room in the exception ring comes later. */
static void
calls_wait_for_room(void **state)
{
	struct client client;
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};
	unsigned int i;

	(void)state;
	client_open(&client);
	send_buffers(&client, QUEUE_1, 8);
	for (i = 0; i < 1u << EC_MSK_LOG2; i++) {
		park(&client, CONTROL);
		/* A link that changes twice is one event. */
		assert_int_equal(revere_emu_port_remove(client.c.emu, client.ports[1]), 0);
		ec_kick(&client.c);
		bring_back(&client, CONTROL, CONTROL);
		client.ports[1] = (unsigned int)revere_emu_port_add(client.c.emu, "pair=cable",
			NULL, (char[64]){ 0 }, 64);
		ec_kick(&client.c);
		while (ec_waiting(&client.contexts[CONTROL].rings[2]) > 0)
			ec_taken(&client.contexts[CONTROL].rings[2]);
	}
	park(&client, CONTROL);
	assert_int_equal(revere_emu_port_remove(client.c.emu, client.ports[1]), 0);
	ec_kick(&client.c);
	for (i = 0; i < 1u << EC_MSK_LOG2; i++)
		assert_true(ec_exception(&client.c, msg, EC_TIMEOUT_NS));
	expect_call(&client, CONTROL);
	assert_int_equal(ec_mgt_read(&client.c, RVR_AMU_SR), RVR_ERROR_STATE_NONE);
	ec_close(&client.c);
}

static void
commands_are_checked(void **state)
{
	struct client client;
	bool keeps;
	int null;

	(void)state;
	client_open(&client);
	/* Agents whose contexts are in rings don't keep them. */
	assert_int_equal(map(&client, AHA_DMA, 0, 30, &keeps), 0);
	assert_false(keeps);
	assert_int_equal(keep(&client, 0, 30, RVR_KEEP), RVR_STATUS_OTHER);
	EC_OK(&client.c, pf_ami_hw_map, .aha_id = AHA_RNA, .phy_ami_hw_id = 5, .ami_hw_id = 31);
	assert_int_equal(keep(&client, 5, 31, RVR_KEEP), RVR_STATUS_OTHER);
	/* The wrong ID, the wrong action, twice. */
	assert_int_equal(keep(&client, 5, ID(QUEUE_1), RVR_KEEP), RVR_STATUS_OTHER);
	assert_int_equal(keep(&client, QUEUE_1, ID(QUEUE_0), RVR_KEEP), RVR_STATUS_OTHER);
	assert_int_equal(keep(&client, QUEUE_1, ID(QUEUE_1), RVR_KEEP_DROP), RVR_STATUS_OTHER);
	assert_int_equal(keep(&client, QUEUE_1, ID(QUEUE_1), 2), RVR_STATUS_OTHER);
	park(&client, QUEUE_1);
	assert_int_equal(keep(&client, QUEUE_1, ID(QUEUE_1), RVR_KEEP), RVR_STATUS_OTHER);
	/* It has its ID still. */
	assert_int_equal(EC(&client.c, pf_ami_hw_map, .aha_id = AHA_RNA, .phy_ami_hw_id = 6,
		.ami_hw_id = ID(QUEUE_1)), RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED);
	assert_int_equal(map(&client, AHA_DMA, 1, ID(QUEUE_1), &keeps),
		RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED);
	assert_int_equal(map(&client, AHA_RNA, 5, ID(QUEUE_1), &keeps),
		RVR_ST_PF_AMI_HW_MAP_PHY_AMI_HW_MAPPED);
	assert_int_equal(map(&client, AHA_RNA, 6, ID(QUEUE_0), &keeps),
		RVR_ST_PF_AMI_HW_MAP_AMI_HW_ASSIGNED);
	/* Gone: so is its queue, and the ID is free. */
	assert_int_equal(keep(&client, 0, ID(QUEUE_1), RVR_KEEP_DROP), 0);
	assert_int_equal(keep(&client, 0, ID(QUEUE_1), RVR_KEEP_DROP), RVR_STATUS_OTHER);
	assert_int_equal(REQUEST(&client, client.ports[1], QUEUE_STOP, rvr_rna_queue,
		.direction = 1), RVR_RNA_BAD_QUEUE);
	EC_OK(&client.c, pf_ami_hw_map, .aha_id = AHA_RNA, .phy_ami_hw_id = 6,
		.ami_hw_id = ID(QUEUE_1));
	/* One that is kept at the end goes with the device. */
	park(&client, QUEUE_0);
	null = open("/dev/null", O_WRONLY);
	assert_int_equal(revere_emu_dump(client.c.emu, null), 0);
	close(null);
	ec_close(&client.c);
}

static void
resets_forget_them(void **state)
{
	struct client client;

	(void)state;
	client_open(&client);
	park(&client, QUEUE_0);
	park(&client, QUEUE_1);
	park(&client, CONTROL);
	assert_int_equal(revere_emu_reset(client.c.emu, 0), 0);
	revere_emu_kick(client.c.emu);
	ec_close(&client.c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_wait_and_call),
		cmocka_unit_test(full_rings_call),
		cmocka_unit_test(requests_reach_them),
		cmocka_unit_test(events_wait_and_call),
		cmocka_unit_test(calls_wait_for_room),
		cmocka_unit_test(commands_are_checked),
		cmocka_unit_test(resets_forget_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
