/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Save and restore: a context goes on elsewhere, with all that waited in its rings.
 */

#include "conf.h"

/** State of an AMI-SW with one ring in each direction. */
struct state {
	struct rvr_f_ami_sw_save_rsp ami;
	struct rvr_f_ams_ring_save_rsp tx, rx;
	uint64_t tx_read, tx_write, rx_read, rx_write;
};

static void
save_ring(struct client *c, const struct client_ring *ring, struct rvr_f_ams_ring_save_rsp *rsp)
{
	struct rvr_f_ams_ring_save_req req = {
		.ami_sw_id = ring->ami->id, .ams_id = ring->ams, .ams_type = ring->type,
	};

	client_equal(c, "F-AMS-RING-SAVE STATUS", client_f_ams_ring_save(c, &req, rsp), 0);
}

static void
save(struct client *c, const struct client_path *path, struct state *state)
{
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = path->ami->id };

	client_ami_disable(c, path->ami);
	client_equal(c, "F-AMI-SW-SAVE STATUS", client_f_ami_sw_save(c, &req, &state->ami), 0);
	save_ring(c, path->tx, &state->tx);
	save_ring(c, path->rx, &state->rx);
	state->tx_read = client_page(path->ami, RVR_READ_INDEX_TX);
	state->tx_write = client_page(path->ami, RVR_WRITE_INDEX_TX);
	state->rx_read = client_page(path->ami, RVR_READ_INDEX_RX);
	state->rx_write = client_page(path->ami, RVR_WRITE_INDEX_RX);
}

static void
restore_ring(struct client *c, struct client_ring *ring,
	     const struct rvr_f_ams_ring_save_rsp *saved, uint64_t read, uint64_t write)
{
	MUST(c, f_ams_ring_configure, .ami_sw_id = ring->ami->id, .ams_id = ring->ams,
	     .ams_type = ring->type, .rx_mode = saved->rx_mode, .log2_size = saved->log2_size,
	     .threshold = saved->threshold, .ring_base = saved->ring_base);
	client_index_restore(c, ring, read, write);
}

static void
restore(struct client *c, struct client_path *path, const struct state *state)
{
	struct client_ami *ami = path->ami;

	ami->conf = (struct rvr_f_ami_sw_configure_req){
		.ami_sw_id = ami->id,
		.tx_vector = state->ami.tx_vector,
		.tx_irq_enable = state->ami.tx_irq_enable,
		.rx_vector = state->ami.rx_vector,
		.rx_irq_enable = state->ami.rx_irq_enable,
		.typeb_tbl_base = ami->conf.typeb_tbl_base,
	};
	client_equal(c, "F-AMI-SW-CONFIGURE STATUS",
		     client_f_ami_sw_configure(c, &ami->conf, NULL), 0);
	restore_ring(c, path->tx, &state->tx, state->tx_read, state->tx_write);
	restore_ring(c, path->rx, &state->rx, state->rx_read, state->rx_write);
	client_ami_enable(c, ami);
}

/** A loopback with messages waiting in both rings. */
static struct client_path
half_way(struct client *c)
{
	struct client_path path = client_loopback(c, 4, 2, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 9, 0);
	client_push(c, path.tx, 14);
	client_index_wait(c, path.rx, 13);
	return path;
}

/** The same AMI-SW after a RESET. */
static void
same_ami(struct client *c)
{
	struct client_path path = half_way(c);
	struct state state;

	save(c, &path, &state);
	MUST(c, f_ami_sw_reset, .ami_sw_id = path.ami->id);
	restore(c, &path, &state);
	client_pop_all(c, path.rx, 14, 0);
	client_exchange(c, path.tx, path.rx, 30, 0);
	client_no_exception(c);
}

/** Another AMI-SW with sessions of its own takes over the rings. */
static void
other_ami(struct client *c)
{
	struct client_path path = half_way(c);
	struct client_ami *other = client_ami_new(c);
	struct state state;

	save(c, &path, &state);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	MUST(c, f_ami_sw_reset, .ami_sw_id = path.ami->id);
	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = path.ami->phy);
	other->tx[0] = *path.tx;
	other->rx[0] = *path.rx;
	other->tx[0].ami = other->rx[0].ami = other;
	path.ami = other;
	path.tx = &other->tx[0];
	path.rx = &other->rx[0];
	client_asn_new(c, client_end_sw(other, 0), client_end_sw(other, 0), c->lim.min_log2_len);
	restore(c, &path, &state);
	client_pop_all(c, path.rx, 14, 0);
	client_exchange(c, path.tx, path.rx, 30, 0);
	client_no_exception(c);
}

/** 50 times, in the middle of traffic. */
static void
often(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);
	struct state state;
	unsigned int round;

	for (round = 0; round < 50; round++) {
		client_push(c, path.tx, 1 + round % 8);
		save(c, &path, &state);
		MUST(c, f_ami_sw_reset, .ami_sw_id = path.ami->id);
		restore(c, &path, &state);
		client_pop(c, path.rx, 8, path.flip);
	}
	client_pop_all(c, path.rx, (unsigned int)(path.tx->count - path.rx->count), path.flip);
}

/** PF-AMI-SW-CONFIGURE and PF-AMS-RING-CONFIGURE before the mapping: what F-*-SAVE finds. */
static void
by_physical_id(struct client *c)
{
	struct rvr_f_ams_ring_save_req req = { .ami_sw_id = 0, .ams_type = RVR_AMS_TX };
	struct rvr_f_ams_ring_save_rsp ring;
	struct rvr_f_ami_sw_save_req ami_req = { .ami_sw_id = 0 };
	struct rvr_f_ami_sw_save_rsp ami;

	MUST(c, pf_ami_sw_configure, .phy_ami_sw_id = 1, .tx_vector = 5, .rx_vector = 6);
	MUST(c, pf_ams_ring_configure, .phy_ami_sw_id = 1, .ams_type = RVR_AMS_TX, .log2_size = 3,
	     .ring_base = 0x123450);
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = 1, .ami_sw_id = 0);
	client_equal(c, "F-AMI-SW-SAVE STATUS", client_f_ami_sw_save(c, &ami_req, &ami), 0);
	client_equal(c, "TX_VECTOR", ami.tx_vector, 5);
	client_equal(c, "RX_VECTOR", ami.rx_vector, 6);
	client_equal(c, "F-AMS-RING-SAVE STATUS", client_f_ams_ring_save(c, &req, &ring), 0);
	client_equal(c, "LOG2_SIZE", ring.log2_size, 3);
	client_equal(c, "RING_BASE", ring.ring_base, 0x123450);
}

/** What F-*-SAVE says of a path, whatever state it is in. */
static void
same(struct client *c, const struct client_path *path, const char *state)
{
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = path->ami->id };
	const struct client_ring *rings[] = { path->tx, path->rx };
	struct rvr_f_ams_ring_save_rsp ring;
	struct rvr_f_ami_sw_save_rsp ami;
	unsigned int i;
	char what[64];

	snprintf(what, sizeof(what), "saved %s: STATUS", state);
	client_equal(c, what, client_f_ami_sw_save(c, &req, &ami), 0);
	snprintf(what, sizeof(what), "saved %s: vectors", state);
	client_equal(c, what, ami.tx_vector << 16 | ami.rx_vector,
		     path->ami->conf.tx_vector << 16 | path->ami->conf.rx_vector);
	for (i = 0; i < RTE_DIM(rings); i++) {
		save_ring(c, rings[i], &ring);
		snprintf(what, sizeof(what), "saved %s: LOG2_SIZE", state);
		client_equal(c, what, ring.log2_size, rings[i]->log2_size);
		snprintf(what, sizeof(what), "saved %s: RING_BASE", state);
		client_equal(c, what, ring.ring_base, rings[i]->iova);
	}
}

/** Saving tells in each state what was configured, and changes nothing. */
static void
every_state(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);
	struct client_path path = half_way(c);
	struct rvr_f_ami_sw_save_rsp rsp;
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = ami->id };

	client_equal(c, "saved mapped only: STATUS", client_f_ami_sw_save(c, &req, &rsp), 0);
	same(c, &path, "enabled, with messages in its rings");
	client_ami_disable(c, path.ami);
	same(c, &path, "disabled");
	client_ami_enable(c, path.ami);
	same(c, &path, "enabled again");
	client_pop_all(c, path.rx, 14, 0);
	client_exchange(c, path.tx, path.rx, 30, 0);
	same(c, &path, "with empty rings");
	client_ami_disable(c, path.ami);
	MUST(c, f_ami_sw_reset, .ami_sw_id = path.ami->id);
	MUST(c, f_ami_sw_save, .ami_sw_id = path.ami->id);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = path.ami->phy);
	client_equal(c, "saved unmapped: STATUS",
		     STATUS(c, f_ami_sw_save, .ami_sw_id = path.ami->id), 1);
	client_equal(c, "ring saved unmapped: STATUS",
		     STATUS(c, f_ams_ring_save, .ami_sw_id = path.ami->id), 1);
	client_no_exception(c);
}

/** The same of an AMI-HW, with requests of its agent's on their way. */
static void
every_hw_state(struct client *c)
{
	struct client_path path = client_inversion(c, 6, c->lim.min_log2_len);
	unsigned int round;

	for (round = 0; round < 50; round++) {
		client_push(c, path.tx, 1 + round % 8);
		MUST(c, f_ami_hw_save, .ami_hw_id = path.hw.id);
		client_pop(c, path.rx, 8, path.flip);
	}
	MUST(c, f_ami_hw_disable, .ami_hw_id = path.hw.id);
	client_push(c, path.tx, 8);
	MUST(c, f_ami_hw_save, .ami_hw_id = path.hw.id);
	MUST(c, f_ami_hw_enable, .ami_hw_id = path.hw.id);
	client_pop_all(c, path.rx, (unsigned int)(path.tx->count - path.rx->count), path.flip);
	MUST(c, f_ami_hw_disable, .ami_hw_id = path.hw.id);
	MUST(c, f_ami_hw_reset, .ami_hw_id = path.hw.id);
	MUST(c, f_ami_hw_save, .ami_hw_id = path.hw.id);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[1]);
	MUST(c, pf_ami_hw_unmap, .phy_ami_hw_id = path.hw.phy, .aha_id = path.hw.aha_id);
	client_equal(c, "saved unmapped: STATUS",
		     STATUS(c, f_ami_hw_save, .ami_hw_id = path.hw.id), 1);
	client_no_exception(c);
}

/** Without DISABLE, while messages move: none is lost, doubled or changed. */
static void
under_load(struct client *c)
{
	struct client_path path = client_inversion(c, 6, c->lim.min_log2_len);
	unsigned int round;

	for (round = 0; round < 200; round++) {
		client_push(c, path.tx, 1 + round % 16);
		same(c, &path, "in the middle of traffic");
		client_pop(c, path.rx, 16, path.flip);
	}
	client_pop_all(c, path.rx, (unsigned int)(path.tx->count - path.rx->count), path.flip);
	client_no_exception(c);
}

static const struct conf_test tests[] = {
	{ .name = "into the same AMI-SW", .run = same_ami },
	{ .name = "into another AMI-SW", .run = other_ami },
	{ .name = "50 times in the middle of traffic", .run = often },
	{ .name = "configured by physical ID, then mapped", .run = by_physical_id },
	{ .name = "an AMI-SW in every state", .run = every_state },
	{ .name = "an AMI-HW in every state", .run = every_hw_state },
	{ .name = "200 times in the middle of traffic, enabled", .run = under_load },
};

CONF_TOPIC(save, "save and restore");
