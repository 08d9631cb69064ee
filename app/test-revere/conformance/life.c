/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Life of AMI-SWs and AMI-HWs, teardown and second bring-up.
 */

#include <inttypes.h>

#include "conf.h"

/** Nothing moves before ENABLE; the doorbells written before it count then. */
static void
not_enabled(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);

	client_ami_disable(c, path.ami);
	client_push(c, path.tx, 5);
	client_settle(c);
	client_equal(c, "WRITE_INDEX_RX0 while disabled", client_page(path.ami, RVR_WRITE_INDEX_RX),
		     0);
	client_ami_enable(c, path.ami);
	client_pop_all(c, path.rx, 5, 0);
}

/** DISABLE is the quiesce: nothing is written after its response; ENABLE goes on from there. */
static void
quiesce(struct client *c)
{
	struct client_path path = client_inversion(c, 6, c->lim.min_log2_len);
	uint64_t read, write;
	uint8_t *before;
	size_t bytes = (size_t)path.rx->size * path.rx->bytes;
	int round;

	before = client_alloc(c, bytes, 64, NULL);
	for (round = 0; round < 20; round++) {
		client_push(c, path.tx, 64);
		client_ami_disable(c, path.ami);
		read = client_device_index(path.tx);
		write = client_device_index(path.rx);
		memcpy(before, path.rx->slots, bytes);
		client_settle(c);
		client_equal(c, "READ_INDEX_TX0 while disabled", client_device_index(path.tx),
			     read);
		client_equal(c, "WRITE_INDEX_RX0 while disabled", client_device_index(path.rx),
			     write);
		if (memcmp(before, path.rx->slots, bytes) != 0)
			client_fail(c, "the RX ring was written after DISABLE");
		client_ami_enable(c, path.ami);
		client_pop(c, path.rx, 64, path.flip);
	}
	client_pop_all(c, path.rx, (unsigned int)(path.tx->count - path.rx->count), path.flip);
}

/** RESET discards what is queued, zeroes indices and digests, keeps mapping and sessions. */
static void
reset(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 2, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 7, 0);
	client_push(c, path.tx, 8);
	client_index_wait(c, path.rx, path.rx->own + 4);
	client_ami_configure(c, path.ami);
	client_equal(c, "READ_INDEX_TX0", client_page(path.ami, RVR_READ_INDEX_TX), 0);
	client_equal(c, "WRITE_INDEX_TX0", client_page(path.ami, RVR_WRITE_INDEX_TX), 0);
	client_equal(c, "READ_INDEX_RX0", client_page(path.ami, RVR_READ_INDEX_RX), 0);
	client_equal(c, "WRITE_INDEX_RX0", client_page(path.ami, RVR_WRITE_INDEX_RX), 0);
	client_equal(c, "RX_DIGEST", client_page(path.ami, RVR_RX_DIGEST), 0);
	path.tx->own = path.rx->own = 0;
	path.rx->count = path.tx->count;
	client_ring_configure(c, path.tx);
	client_ring_configure(c, path.rx);
	client_ami_enable(c, path.ami);
	client_settle(c);
	client_equal(c, "messages after RESET", client_device_index(path.rx), 0);
	client_exchange(c, path.tx, path.rx, 20, 0);
}

/** What was configured in one life isn't there in the next. */
static void
remap_is_new(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	struct rvr_f_ams_ring_save_req req = { .ami_sw_id = path.ami->id, .ams_type = RVR_AMS_TX };
	struct rvr_f_ams_ring_save_rsp rsp;

	client_exchange(c, path.tx, path.rx, 5, 0);
	client_ami_disable(c, path.ami);
	MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
	MUST(c, f_ami_sw_reset, .ami_sw_id = path.ami->id);
	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = path.ami->phy);
	MUST(c, pf_ami_sw_map, .phy_ami_sw_id = path.ami->phy, .ami_sw_id = path.ami->id);
	client_equal(c, "WRITE_INDEX_TX0", client_page(path.ami, RVR_WRITE_INDEX_TX), 0);
	client_equal(c, "READ_INDEX_TX0", client_page(path.ami, RVR_READ_INDEX_TX), 0);
	client_equal(c, "F-AMS-RING-SAVE STATUS", client_f_ams_ring_save(c, &req, &rsp), 0);
	client_equal(c, "LOG2_SIZE", rsp.log2_size, 0);
}

/** A request to an AMI-HW that isn't enabled waits. */
static void
hw_disabled(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	MUST(c, f_ami_hw_disable, .ami_hw_id = path.hw.id);
	client_push(c, path.tx, 3);
	client_settle(c);
	client_equal(c, "answers of a disabled AMI-HW", client_device_index(path.rx), 0);
	MUST(c, f_ami_hw_enable, .ami_hw_id = path.hw.id);
	client_pop_all(c, path.rx, 3, path.flip);
}

/** Sessions of an AMI-HW survive its RESET. */
static void
hw_reset(struct client *c)
{
	struct client_path path = client_inversion(c, 3, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 20, path.flip);
	MUST(c, f_ami_hw_disable, .ami_hw_id = path.hw.id);
	MUST(c, f_ami_hw_reset, .ami_hw_id = path.hw.id);
	MUST(c, f_ami_hw_enable, .ami_hw_id = path.hw.id);
	client_exchange(c, path.tx, path.rx, 20, path.flip);
}

/** All AMI-SWs of the Function work at once. */
static void
many(struct client *c)
{
	unsigned int i, n = RTE_MIN(RTE_MIN(c->lim.ami_per_f, c->lim.max_ami_sw), 32u);
	struct client_path path[32];

	for (i = 0; i < n; i++)
		path[i] = client_loopback(c, 2, 2, c->lim.min_log2_len);
	for (i = 0; i < n; i++)
		client_push_all(c, path[i].tx, i % 4 + 1);
	for (i = 0; i < n; i++)
		client_pop_all(c, path[i].rx, i % 4 + 1, 0);
}

static void
teardown(struct client *c, const struct client_path *path)
{
	MUST(c, f_ami_sw_disable, .ami_sw_id = path->ami->id);
	MUST(c, f_ami_hw_disable, .ami_hw_id = path->hw.id);
	MUST(c, pf_asn_destroy, .asn_id = path->asn[0]);
	MUST(c, pf_asn_destroy, .asn_id = path->asn[1]);
	MUST(c, pf_ami_hw_unmap, .aha_id = path->hw.aha_id, .phy_ami_hw_id = path->hw.phy);
	MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = path->ami->phy);
	client_reg_write(c, RVR_AMU_CR, 0);
}

/** Without a Function Level Reset. */
static void
second_bring_up(struct client *c)
{
	struct client_path path;
	int round;

	for (round = 0; round < 3; round++) {
		c->next_hw = 0;
		c->next_asn = 0;
		path = client_inversion(c, 3, c->lim.min_log2_len);
		client_exchange(c, path.tx, path.rx, 30, path.flip);
		teardown(c, &path);
		client_start(c, NULL);
	}
	client_equal(c, "ERROR_STATE", client_error_state(c), 0);
	client_no_exception(c);
}

/** Mappings, sessions and state of AMIs are gone; what was in flight touches no memory. */
static void
function_reset(struct client *c)
{
	struct client_path path = client_inversion(c, 6, c->lim.min_log2_len);
	uint32_t asn = path.asn[0];

	client_push(c, path.tx, 64);
	client_reset(c);
	client_start(c, NULL);
	client_equal(c, "STATUS of F-AMI-SW-ENABLE", STATUS(c, f_ami_sw_enable, .ami_sw_id = 0), 1);
	client_equal(c, "STATUS of PF-ASN-DESTROY", STATUS(c, pf_asn_destroy, .asn_id = asn), 1);
	path = client_inversion(c, 3, c->lim.min_log2_len);
	client_exchange(c, path.tx, path.rx, 30, path.flip);
}

/** Enabled and disabled often while messages fly: none is lost, none comes twice. */
static void
enable_often(struct client *c)
{
	struct client_path path = client_loopback(c, 5, 4, c->lim.min_log2_len);
	int round;

	for (round = 0; round < 200; round++) {
		client_push(c, path.tx, 11);
		client_ami_disable(c, path.ami);
		client_ami_enable(c, path.ami);
		client_pop(c, path.rx, 13, 0);
	}
	client_pop_all(c, path.rx, (unsigned int)(path.tx->count - path.rx->count), 0);
}

/**
 * Session and mapping are taken away while messages fly, and given anew: what was on its way is
 * gone, and a neighbour notices nothing.
 */
static void
taken_away_busy(struct client *c)
{
	struct client_path busy = client_inversion(c, 6, c->lim.min_log2_len);
	struct client_path path = client_loopback(c, 4, 4, c->lim.min_log2_len);
	int round;

	for (round = 0; round < 200; round++) {
		client_push(c, busy.tx, 9);
		client_push(c, path.tx, 1 + (unsigned int)round % 16);
		if (round % 2 == 0)
			MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
		MUST(c, pf_ami_sw_unmap, .phy_ami_sw_id = path.ami->phy);
		if (round % 2 == 1)
			MUST(c, pf_asn_destroy, .asn_id = path.asn[0]);
		client_equal(c, "F-AMI-SW-ENABLE of what is unmapped",
			     STATUS(c, f_ami_sw_enable, .ami_sw_id = path.ami->id), 1);
		client_pop(c, busy.rx, 11, busy.flip);
		MUST(c, pf_ami_sw_map, .phy_ami_sw_id = path.ami->phy, .ami_sw_id = path.ami->id);
		client_ami_configure(c, path.ami);
		path.tx->own = path.rx->own = 0;
		path.tx->count = path.rx->count = 0;
		client_ring_configure(c, path.tx);
		client_ring_configure(c, path.rx);
		c->next_asn = path.asn[0];
		client_asn_new(c, client_end_sw(path.ami, 0), client_end_sw(path.ami, 0),
			       c->lim.min_log2_len);
		client_ami_enable(c, path.ami);
		client_exchange(c, path.tx, path.rx, 5, 0);
	}
	client_pop_all(c, busy.rx, (unsigned int)(busy.tx->count - busy.rx->count), busy.flip);
	client_no_exception(c);
}

static const struct conf_test tests[] = {
	{ .name = "nothing moves before ENABLE", .run = not_enabled },
	{ .name = "DISABLE quiesces, ENABLE goes on", .run = quiesce },
	{ .name = "RESET of an AMI-SW", .run = reset },
	{ .name = "an AMI-SW mapped again is new", .run = remap_is_new },
	{ .name = "a disabled AMI-HW takes nothing", .run = hw_disabled },
	{ .name = "RESET of an AMI-HW keeps its sessions", .run = hw_reset },
	{ .name = "many AMI-SWs at once", .run = many },
	{ .name = "teardown and second bring-up", .run = second_bring_up },
	{ .name = "Function Level Reset takes all away", .run = function_reset },
	{ .name = "DISABLE and ENABLE 200 times under load", .run = enable_often },
	{ .name = "unmapped and mapped 200 times under load", .run = taken_away_busy },
};

CONF_TOPIC(life, "life of AMIs");
