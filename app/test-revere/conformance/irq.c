/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Digests and interrupts. Spurious interrupts are legal, lost ones are not; tests of "none" look
 * only where nothing at all happens that could raise one.
 */

#include <string.h>
#include <unistd.h>

#include "conf.h"

#define VECTOR 3
#define ROUNDS 3 /* of what raises no interrupt */

/** Waits until a digest has a value. */
static void
digest_wait(struct client *c, const struct client_ami *ami, enum rvr_ams_type type, uint64_t want)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);

	while (client_digest(ami, type) != want && client_turn(c, &timer))
		;
	client_equal(c, type == RVR_AMS_TX ? "TX_DIGEST" : "RX_DIGEST", client_digest(ami, type),
		     want);
}

/** A loopback whose rings have 2^3 slots and a threshold, with interrupts. */
static struct client_path
path_with(struct client *c, unsigned int threshold, bool tx_irq, bool rx_irq)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	client_ami_disable(c, path.ami);
	path.ami->conf.tx_irq_enable = tx_irq;
	path.ami->conf.rx_irq_enable = rx_irq;
	path.ami->conf.tx_vector = VECTOR;
	path.ami->conf.rx_vector = VECTOR;
	client_equal(c, "F-AMI-SW-CONFIGURE STATUS",
		     client_f_ami_sw_configure(c, &path.ami->conf, NULL), 0);
	path.tx->threshold = path.rx->threshold = (uint8_t)threshold;
	client_ring_configure(c, path.tx);
	client_ring_configure(c, path.rx);
	return path;
}

static void
rx_digest(struct client *c)
{
	struct client_path path = path_with(c, 1, false, false);

	client_ami_enable(c, path.ami);
	client_push(c, path.tx, 1);
	client_index_wait(c, path.rx, 1);
	client_settle(c);
	client_equal(c, "RX_DIGEST below the threshold", client_digest(path.ami, RVR_AMS_RX), 0);
	client_push(c, path.tx, 1);
	digest_wait(c, path.ami, RVR_AMS_RX, 1);
	/* Without a doorbell: the device notices by polling. */
	client_pop_all(c, path.rx, 1, 0);
	digest_wait(c, path.ami, RVR_AMS_RX, 0);
	client_push(c, path.tx, 5);
	digest_wait(c, path.ami, RVR_AMS_RX, 1);
}

static void
tx_digest(struct client *c)
{
	struct client_path path = path_with(c, 2, false, false);

	client_ami_enable(c, path.ami);
	digest_wait(c, path.ami, RVR_AMS_TX, 1);
	/* The receiver's ring is full, then 5 of 8 slots are taken: 3 are free. */
	client_push(c, path.tx, 8);
	client_index_wait(c, path.rx, 8);
	client_index_wait(c, path.tx, 8);
	client_push(c, path.tx, 5);
	digest_wait(c, path.ami, RVR_AMS_TX, 0);
	client_pop_all(c, path.rx, 13, 0);
	digest_wait(c, path.ami, RVR_AMS_TX, 1);
}

/** The bit is the socket's. */
static void
digest_bits(struct client *c)
{
	unsigned int i, n = RTE_MIN(c->lim.num_tx, c->lim.num_rx);
	struct client_ami *ami = client_ami_new(c);
	uint64_t want = 0;

	for (i = 0; i < n; i++) {
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 1, c->lim.min_log2_len);
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 1, c->lim.min_log2_len);
		client_asn_new(c, client_end_sw(ami, i), client_end_sw(ami, i),
			       c->lim.min_log2_len);
	}
	client_ami_enable(c, ami);
	for (i = 0; i < n; i += 2) {
		client_push(c, &ami->tx[i], 1);
		want |= UINT64_C(1) << i;
		digest_wait(c, ami, RVR_AMS_RX, want);
	}
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void
need_irq(struct client *c, int fd, const char *when)
{
	if (client_irq_count(c, fd, c->timeout_ms) == 0)
		client_fail(c, "no interrupt %s within %u ms", when, c->timeout_ms);
}

/**
 * A vdev's interrupts are never late, so none may come. Those of a PCI device, known by the colons
 * of its address, may in a guest, even ones of a test before: there one is forgiven in each test,
 * and so this is asked ROUNDS times, each after what mustn't raise one.
 */
static void
no_irq(struct client *c, int fd, const char *when)
{
	bool forgiven;

	client_settle(c);
	if (client_irq_count(c, fd, 0) == 0)
		return;
	forgiven = strchr(c->name, ':') != NULL && c->late_irqs++ == 0;
	if (!forgiven)
		client_fail(c, "an interrupt %s", when);
}

static void
rx_irq(struct client *c)
{
	struct client_path path = path_with(c, 0, false, true);
	int fd = client_irq(c, VECTOR);
	unsigned int i;

	client_ami_enable(c, path.ami);
	for (i = 0; i < ROUNDS; i++)
		no_irq(c, fd, "without a message");
	for (i = 0; i < 20; i++) {
		client_push(c, path.tx, 1);
		need_irq(c, fd, "for a message");
		client_pop_all(c, path.rx, 1, 0);
	}
	client_irq_close(c, VECTOR, fd);
}

/** The threshold is 4 messages. */
static void
rx_irq_threshold(struct client *c)
{
	struct client_path path = path_with(c, 2, false, true);
	int fd = client_irq(c, VECTOR);
	unsigned int i;

	client_ami_enable(c, path.ami);
	for (i = 0; i < ROUNDS; i++) {
		client_push(c, path.tx, 3);
		client_index_wait(c, path.rx, i * 4 + 3);
		no_irq(c, fd, "below the threshold");
		client_push(c, path.tx, 1);
		need_irq(c, fd, "at the threshold");
		client_pop_all(c, path.rx, 4, 0);
	}
	client_push(c, path.tx, 8);
	need_irq(c, fd, "across the threshold");
	client_irq_close(c, VECTOR, fd);
}

static void
rx_irq_disabled(struct client *c)
{
	struct client_path path = path_with(c, 0, false, false);
	int fd = client_irq(c, VECTOR);
	unsigned int i;

	client_ami_enable(c, path.ami);
	for (i = 0; i < ROUNDS; i++) {
		client_exchange(c, path.tx, path.rx, 20, 0);
		no_irq(c, fd, "with RX_IRQ_ENABLE = 0");
	}
	client_irq_close(c, VECTOR, fd);
}

/** Unmasking a set bit raises one too. */
static void
rx_irq_mask(struct client *c)
{
	struct client_path path = path_with(c, 0, false, true);
	int fd = client_irq(c, VECTOR);
	unsigned int i;

	client_page_write(c, path.ami, RVR_RX_DIGEST_MASK, 1);
	client_ami_enable(c, path.ami);
	for (i = 0; i < 5; i++) {
		client_push(c, path.tx, 1);
		digest_wait(c, path.ami, RVR_AMS_RX, 1);
		no_irq(c, fd, "while masked");
		client_page_write(c, path.ami, RVR_RX_DIGEST_MASK, 0);
		need_irq(c, fd, "after unmasking");
		client_page_write(c, path.ami, RVR_RX_DIGEST_MASK, 1);
		client_pop_all(c, path.rx, 1, 0);
		client_settle(c);
		client_irq_count(c, fd, 0);
	}
	client_irq_close(c, VECTOR, fd);
}

/** Room comes back in a full TX ring. */
static void
tx_irq(struct client *c)
{
	struct client_path path = path_with(c, 2, true, false);
	int fd = client_irq(c, VECTOR);

	client_ami_enable(c, path.ami);
	client_push(c, path.tx, 8);
	client_index_wait(c, path.tx, 8);
	client_push(c, path.tx, 8);
	digest_wait(c, path.ami, RVR_AMS_TX, 0);
	client_settle(c);
	client_irq_count(c, fd, 0);
	client_pop_all(c, path.rx, 16, 0);
	need_irq(c, fd, "when the TX ring has room");
	client_irq_close(c, VECTOR, fd);
}

/**
 * Sleeping reader: writes READ_INDEX, fences, reads WRITE_INDEX again, and only then sleeps. One
 * lost interrupt stops this for good.
 */
static void
rx_irq_sleep(struct client *c)
{
	struct client_path path = path_with(c, 0, false, true);
	int fd = client_irq(c, VECTOR);
	unsigned int got = 0, sent = 0;

	client_ami_enable(c, path.ami);
	while (got < 2000) {
		sent += client_push(c, path.tx, RTE_MIN(1 + got % 3, 2000 - sent));
		got += client_pop(c, path.rx, 8, 0);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (got < sent && client_device_index(path.rx) == path.rx->own)
			need_irq(c, fd, "for a reader that sleeps");
	}
	client_irq_close(c, VECTOR, fd);
}

static void
two_vectors(struct client *c)
{
	struct client_path one = path_with(c, 0, false, true);
	struct client_path two = path_with(c, 0, false, true);
	int fd = client_irq(c, VECTOR), fd2 = client_irq(c, VECTOR + 1);
	unsigned int i;

	two.ami->conf.rx_vector = VECTOR + 1;
	client_equal(c, "F-AMI-SW-CONFIGURE STATUS",
		     client_f_ami_sw_configure(c, &two.ami->conf, NULL), 0);
	/* A vector that is added may signal those that are there. */
	client_irq_count(c, fd, 0);
	client_ami_enable(c, one.ami);
	client_ami_enable(c, two.ami);
	for (i = 0; i < ROUNDS; i++) {
		client_push(c, two.tx, 1);
		need_irq(c, fd2, "on the second AMI-SW's vector");
		no_irq(c, fd, "on the first AMI-SW's vector");
		client_pop_all(c, two.rx, 1, 0);
	}
	client_push(c, one.tx, 1);
	need_irq(c, fd, "on the first AMI-SW's vector");
	client_irq_close(c, VECTOR, fd);
	client_irq_close(c, VECTOR + 1, fd2);
}

/** A vector that the Function doesn't have. */
static void
invalid_vector(struct client *c)
{
	struct rvr_e_f_ami_ring_invalid_vector exception;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	struct client_path path;

	if (c->transport->vectors == 0)
		client_skip(c, "the transport has no interrupts");
	if (c->transport->vectors >= RVR_VECTORS)
		client_skip(c, "every vector is valid");
	path = path_with(c, 0, false, true);
	path.ami->conf.rx_vector = RVR_VECTORS - 1;
	if (client_f_ami_sw_configure(c, &path.ami->conf, NULL) != 0)
		return;
	client_ami_enable(c, path.ami);
	client_push(c, path.tx, 1);
	if (!client_take(c, RVR_MGT_RX_EXCEPTION, msg, c->timeout_ms))
		client_fail(c, "no E-F-AMI-RING-INVALID-VECTOR");
	client_equal(c, "OPCODE", rvr_msg_opcode(msg), RVR_E_F_AMI_RING_INVALID_VECTOR);
	rvr_e_f_ami_ring_invalid_vector_decode(msg, &exception);
	client_equal(c, "AMI_ID", exception.ami_id, path.ami->id);
	client_equal(c, "VECTOR_TYPE", exception.vector_type, RVR_AMS_RX);
}

/* ---- Management ---------------------------------------------------------------------------- */

static void
send_probe(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_probe_req_encode(msg, NULL, 0);
	client_send(c, msg);
}

static void
response_irq(struct client *c)
{
	int fd = client_irq(c, VECTOR);
	uint8_t msg[RVR_MGT_MSG_SIZE];
	unsigned int i;

	client_reg_write(c, RVR_MGT_RX_VECTOR, VECTOR);
	client_reg_write(c, RVR_MGT_RX_IRQ_CTRL, 1);
	for (i = 0; i < 5; i++) {
		send_probe(c);
		need_irq(c, fd, "for a response");
		client_take(c, RVR_MGT_RX_RESPONSE, msg, c->timeout_ms);
	}
	client_reg_write(c, RVR_MGT_RX_IRQ_CTRL, 0);
	client_settle(c);
	client_irq_count(c, fd, 0);
	for (i = 0; i < ROUNDS; i++) {
		client_f_probe(c, NULL, NULL);
		no_irq(c, fd, "for a response with MGT_RX_IRQ_CTRL.Enable = 0");
	}
	client_irq_close(c, VECTOR, fd);
}

static void
response_irq_mask(struct client *c)
{
	int fd = client_irq(c, VECTOR);
	uint8_t msg[RVR_MGT_MSG_SIZE];
	unsigned int i;

	client_reg_write(c, RVR_MGT_RX_VECTOR, VECTOR);
	client_reg_write(c, RVR_MGT_RX_DIGEST_MASK, 1);
	client_reg_write(c, RVR_MGT_RX_IRQ_CTRL, 1);
	for (i = 0; i < ROUNDS; i++) {
		send_probe(c);
		no_irq(c, fd, "for a response that is masked");
		client_reg_write(c, RVR_MGT_RX_DIGEST_MASK, 0);
		need_irq(c, fd, "after unmasking");
		client_reg_write(c, RVR_MGT_RX_DIGEST_MASK, 1);
		client_take(c, RVR_MGT_RX_RESPONSE, msg, c->timeout_ms);
	}
	client_irq_close(c, VECTOR, fd);
}

static void
exception_irq(struct client *c)
{
	struct client_path path = client_loopback(c, 2, 2, c->lim.min_log2_len);
	int fd = client_irq(c, VECTOR);

	client_reg_write(c, RVR_MGT_RX_VECTOR, VECTOR);
	client_reg_write(c, RVR_MGT_RX_IRQ_CTRL, 1);
	client_settle(c);
	client_irq_count(c, fd, 0);
	client_own_write(c, path.tx, 100);
	need_irq(c, fd, "for an exception");
	client_ring_fault(c, path.ami, 0);
	client_irq_close(c, VECTOR, fd);
}

static void
error_irq(struct client *c)
{
	int fd = client_irq(c, VECTOR);
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 };

	client_reg_write(c, RVR_ERR_IRQ_CTRL,
			 rvr_prep(RVR_ERR_IRQ_CTRL_ENABLE, 1) |
				 rvr_prep(RVR_ERR_IRQ_CTRL_VECTOR, VECTOR));
	client_send(c, msg);
	need_irq(c, fd, "for an unknown opcode");
	client_equal(c, "ERROR_STATE", client_error_state(c), RVR_ERROR_STATE_INVALID_COMMAND);
	client_irq_close(c, VECTOR, fd);
}

static const struct conf_test tests[] = {
	{ .name = "RX digest and its threshold", .run = rx_digest },
	{ .name = "TX digest and its threshold", .run = tx_digest },
	{ .name = "a digest bit for each socket", .run = digest_bits },
	{ .name = "RX interrupt", .run = rx_irq },
	{ .name = "RX interrupt at the threshold", .run = rx_irq_threshold },
	{ .name = "no RX interrupt unless enabled", .run = rx_irq_disabled },
	{ .name = "RX interrupt masked and unmasked", .run = rx_irq_mask },
	{ .name = "TX interrupt", .run = tx_irq },
	{ .name = "a sleeping reader loses no interrupt", .run = rx_irq_sleep },
	{ .name = "each AMI-SW its vector", .run = two_vectors },
	{ .name = "a vector that isn't there", .run = invalid_vector },
	{ .name = "response interrupt", .run = response_irq },
	{ .name = "response interrupt masked and unmasked", .run = response_irq_mask },
	{ .name = "exception interrupt", .run = exception_irq },
	{ .name = "error interrupt", .run = error_irq },
};

CONF_TOPIC(irq, "digests and interrupts");
