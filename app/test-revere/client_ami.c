/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The minimal client: AMI-SWs, AMI-HWs, sessions and rings.
 */

#include <inttypes.h>
#include <stdlib.h>

#include <rte_io.h>

#include "client.h"

#define GUARD_BYTE 0xa5

/* ---- Contexts ------------------------------------------------------------------------------ */

struct client_ami *
client_ami_map(struct client *c)
{
	struct rvr_pf_ami_sw_map_req req = { .any_phy_ami_sw = 1, .ami_sw_id = c->num_ami };
	struct rvr_pf_ami_sw_map_rsp rsp;
	struct client_ami *ami;

	if (c->num_ami == CLIENT_AMI_MAX || c->num_ami == c->lim.ami_per_f)
		client_skip(c, "the test needs more than %u AMI-SWs", c->num_ami);
	client_equal(c, "PF-AMI-SW-MAP STATUS", client_pf_ami_sw_map(c, &req, &rsp), 0);
	ami = calloc(1, sizeof(*ami));
	if (ami == NULL)
		client_fail(c, "no memory");
	c->ami[c->num_ami++] = ami;
	ami->id = (uint16_t)req.ami_sw_id;
	ami->phy = (uint16_t)rsp.phy_ami_sw_id;
	ami->conf.ami_sw_id = ami->id;
	ami->page = c->transport->ops->ami_sw_page(c->transport, ami->id);
	if (ami->page == NULL)
		client_fail(c, "there is no AMI-SW page %u", ami->id);
	if (c->lim.ami_type == RVR_AMI_TYPE_B)
		ami->typeb = client_alloc(c, RVR_AMI_SW_PAGE_SIZE, RVR_AMI_SW_PAGE_SIZE,
					  &ami->conf.typeb_tbl_base);
	return ami;
}

void
client_ami_configure(struct client *c, struct client_ami *ami)
{
	MUST(c, f_ami_sw_disable, .ami_sw_id = ami->id);
	MUST(c, f_ami_sw_reset, .ami_sw_id = ami->id);
	client_equal(c, "F-AMI-SW-CONFIGURE STATUS",
		     client_f_ami_sw_configure(c, &ami->conf, NULL), 0);
}

struct client_ami *
client_ami_new(struct client *c)
{
	struct client_ami *ami = client_ami_map(c);

	client_ami_configure(c, ami);
	return ami;
}

void
client_ami_enable(struct client *c, struct client_ami *ami)
{
	MUST(c, f_ami_sw_enable, .ami_sw_id = ami->id);
}

void
client_ami_disable(struct client *c, struct client_ami *ami)
{
	MUST(c, f_ami_sw_disable, .ami_sw_id = ami->id);
}

uint16_t
client_aha(struct client *c, enum rvr_aha_kind kind)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 0 };
	struct rvr_pf_probe_aha_rsp rsp;

	for (; req.aha_id < c->lim.num_aha; req.aha_id++)
		if (client_pf_probe_aha(c, &req, &rsp) == 0 &&
		    rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT) == (uint64_t)kind)
			return (uint16_t)req.aha_id;
	client_skip(c, "the device has no agent of kind %d", kind);
}

struct client_hw
client_hw_new(struct client *c, uint16_t aha_id)
{
	struct rvr_pf_ami_hw_map_req req = {
		.aha_id = aha_id, .any_phy_ami_hw = 1, .ami_hw_id = c->next_hw,
	};
	struct rvr_pf_ami_hw_map_rsp rsp;
	struct client_hw hw = { .id = c->next_hw++, .aha_id = aha_id };

	client_equal(c, "PF-AMI-HW-MAP STATUS", client_pf_ami_hw_map(c, &req, &rsp), 0);
	hw.phy = (uint16_t)rsp.phy_ami_hw_id;
	MUST(c, f_ami_hw_disable, .ami_hw_id = hw.id);
	MUST(c, f_ami_hw_reset, .ami_hw_id = hw.id);
	MUST(c, f_ami_hw_enable, .ami_hw_id = hw.id);
	return hw;
}

/* ---- Sessions ------------------------------------------------------------------------------ */

struct client_end
client_end_sw(const struct client_ami *ami, unsigned int ams)
{
	return (struct client_end){ RVR_END_AMI_SW, 0, ami->phy, (uint8_t)ams };
}

struct client_end
client_end_hw(const struct client_hw *hw, unsigned int ams)
{
	return (struct client_end){ RVR_END_AMI_HW, hw->aha_id, hw->phy, (uint8_t)ams };
}

struct rvr_pf_asn_create_req
client_asn_req(struct client *c, struct client_end src, struct client_end dst,
	       unsigned int log2_len)
{
	return (struct rvr_pf_asn_create_req){
		.src_ami_type = src.type,
		.src_aha_id = src.aha_id,
		.src_phy_ami_id = src.phy,
		.src_ams = src.ams,
		.dst_ami_type = dst.type,
		.dst_aha_id = dst.aha_id,
		.dst_phy_ami_id = dst.phy,
		.dst_ams = dst.ams,
		.asn_id = c->next_asn++,
		.log2_msg_length = log2_len,
	};
}

uint32_t
client_asn_new(struct client *c, struct client_end src, struct client_end dst,
	       unsigned int log2_len)
{
	struct rvr_pf_asn_create_req req = client_asn_req(c, src, dst, log2_len);

	client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	return (uint32_t)req.asn_id;
}

/* ---- Rings --------------------------------------------------------------------------------- */

void
client_ring_configure(struct client *c, const struct client_ring *ring)
{
	MUST(c, f_ams_ring_configure, .ami_sw_id = ring->ami->id, .ams_id = ring->ams,
	     .ams_type = ring->type, .rx_mode = ring->rx_mode, .log2_size = ring->log2_size,
	     .threshold = ring->threshold, .ring_base = ring->iova);
}

struct client_ring *
client_ring_new(struct client *c, struct client_ami *ami, enum rvr_ams_type type, uint8_t ams,
		unsigned int log2_size, unsigned int log2_len)
{
	struct client_ring *ring = type == RVR_AMS_TX ? &ami->tx[ams] : &ami->rx[ams];
	size_t bytes = ((size_t)RVR_DW << log2_len) << log2_size;
	uint8_t *mem;
	uint64_t iova;

	mem = client_alloc(c, bytes + 2 * CLIENT_GUARD, CLIENT_GUARD, &iova);
	memset(mem, GUARD_BYTE, CLIENT_GUARD);
	memset(mem + CLIENT_GUARD + bytes, GUARD_BYTE, CLIENT_GUARD);
	*ring = (struct client_ring){
		.ami = ami,
		.type = type,
		.ams = ams,
		.log2_size = (uint8_t)log2_size,
		.log2_len = (uint8_t)log2_len,
		.size = 1u << log2_size,
		.bytes = RVR_DW << log2_len,
		.slots = mem + CLIENT_GUARD,
		.iova = iova + CLIENT_GUARD,
	};
	client_ring_configure(c, ring);
	return ring;
}

void
client_ring_guards(struct client *c, const struct client_ring *ring)
{
	const uint8_t *before = ring->slots - CLIENT_GUARD;
	const uint8_t *behind = ring->slots + (size_t)ring->size * ring->bytes;
	int i;

	for (i = 0; i < CLIENT_GUARD; i++)
		if (before[i] != GUARD_BYTE || behind[i] != GUARD_BYTE)
			client_fail(c, "memory %s the ring was written",
				    before[i] != GUARD_BYTE ? "before" : "behind");
}

static uint64_t
load64(const volatile void *at)
{
	uint64_t value = __atomic_load_n((const volatile uint64_t *)at, __ATOMIC_ACQUIRE);

	rte_io_rmb();
	return rvr_le64_cpu(value);
}

uint64_t
client_page(const struct client_ami *ami, uint32_t offset)
{
	return load64(ami->page + offset);
}

void
client_page_write(struct client *c, struct client_ami *ami, uint32_t offset, uint64_t value)
{
	volatile uint64_t *reg = (volatile uint64_t *)(uintptr_t)(ami->page + offset);

	rte_io_wmb();
	__atomic_store_n(reg, rvr_cpu_le64(value), __ATOMIC_RELEASE);
	if (c->transport->ops->kick != NULL)
		c->transport->ops->kick(c->transport);
}

static uint32_t
ring_own_offset(const struct client_ring *ring)
{
	return (ring->type == RVR_AMS_TX ? RVR_WRITE_INDEX_TX : RVR_READ_INDEX_RX) + 8u * ring->ams;
}

static uint32_t
ring_device_offset(const struct client_ring *ring)
{
	return (ring->type == RVR_AMS_TX ? RVR_READ_INDEX_TX : RVR_WRITE_INDEX_RX) + 8u * ring->ams;
}

uint64_t
client_device_index(const struct client_ring *ring)
{
	uint32_t offset = ring_device_offset(ring);

	if (ring->ami->typeb != NULL)
		return load64(ring->ami->typeb + offset);
	return client_page(ring->ami, offset);
}

uint64_t
client_digest(const struct client_ami *ami, enum rvr_ams_type type)
{
	uint32_t offset = type == RVR_AMS_TX ? RVR_TX_DIGEST : RVR_RX_DIGEST;

	return ami->typeb != NULL ? load64(ami->typeb + offset) : client_page(ami, offset);
}

void
client_own_write(struct client *c, struct client_ring *ring, uint64_t index)
{
	ring->own = index;
	client_page_write(c, ring->ami, ring_own_offset(ring), index);
}

void
client_index_restore(struct client *c, struct client_ring *ring, uint64_t read, uint64_t write)
{
	uint64_t own = ring->type == RVR_AMS_TX ? write : read;
	uint64_t device = ring->type == RVR_AMS_TX ? read : write;

	client_page_write(c, ring->ami, ring_device_offset(ring), device);
	client_own_write(c, ring, own);
	/* With Type B the device owns the table, but software must not see an old index there. */
	if (ring->ami->typeb != NULL)
		*(uint64_t *)(void *)(ring->ami->typeb + ring_device_offset(ring)) =
			rvr_cpu_le64(device);
}

uint8_t *
client_slot(const struct client_ring *ring, uint64_t index)
{
	return ring->slots + (index & (ring->size - 1)) * ring->bytes;
}

/* ---- Messages ------------------------------------------------------------------------------ */

uint8_t
client_pattern(uint64_t number, uint32_t at)
{
	return (uint8_t)(number * 41 + (number >> 8) * 7 + at * 3 + (at >> 8) * 5 + 1);
}

unsigned int
client_push(struct client *c, struct client_ring *ring, unsigned int count)
{
	uint64_t used = ring->own - client_device_index(ring);
	unsigned int n;
	uint32_t at;
	uint8_t *slot;

	if (used > ring->size)
		client_fail(c, "READ_INDEX_TX%u is 0x%" PRIx64 ", WRITE_INDEX 0x%" PRIx64,
			    ring->ams, client_device_index(ring), ring->own);
	for (n = 0; n < count && used + n < ring->size; n++) {
		slot = client_slot(ring, ring->own + n);
		for (at = 0; at < ring->bytes; at++)
			slot[at] = client_pattern(ring->count, at);
		ring->count++;
	}
	if (n > 0)
		client_own_write(c, ring, ring->own + n);
	return n;
}

static void
check_message(struct client *c, const struct client_ring *ring, const uint8_t *msg, uint8_t flip)
{
	uint32_t at;

	for (at = 0; at < ring->bytes; at++)
		if (msg[at] != (client_pattern(ring->count, at) ^ flip))
			client_fail(c, "RX%u: byte %u of message %" PRIu64 " is 0x%02x, not 0x%02x",
				    ring->ams, at, ring->count, msg[at],
				    client_pattern(ring->count, at) ^ flip);
}

unsigned int
client_pop(struct client *c, struct client_ring *ring, unsigned int count, uint8_t flip)
{
	uint64_t ready = client_device_index(ring) - ring->own;
	unsigned int n;

	if (ready > ring->size)
		client_fail(c, "WRITE_INDEX_RX%u is 0x%" PRIx64 ", READ_INDEX 0x%" PRIx64,
			    ring->ams, client_device_index(ring), ring->own);
	for (n = 0; n < count && n < ready; n++) {
		check_message(c, ring, client_slot(ring, ring->own + n), flip);
		ring->count++;
	}
	if (n > 0)
		client_own_write(c, ring, ring->own + n);
	return n;
}

void
client_push_all(struct client *c, struct client_ring *ring, unsigned int count)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);
	unsigned int n = 0;

	while (n < count) {
		n += client_push(c, ring, count - n);
		if (n < count && !client_turn(c, &timer))
			client_fail(c, "TX%u takes %u messages of %u within %u ms", ring->ams, n,
				    count, c->timeout_ms);
	}
}

void
client_pop_all(struct client *c, struct client_ring *ring, unsigned int count, uint8_t flip)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);
	unsigned int n = 0;

	while (n < count) {
		n += client_pop(c, ring, count - n, flip);
		if (n < count && !client_turn(c, &timer))
			client_fail(c, "RX%u gives %u messages of %u within %u ms", ring->ams, n,
				    count, c->timeout_ms);
	}
}

void
client_index_wait(struct client *c, const struct client_ring *ring, uint64_t index)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);

	while (client_device_index(ring) != index && client_turn(c, &timer))
		;
	client_equal(c, ring->type == RVR_AMS_TX ? "READ_INDEX_TX" : "WRITE_INDEX_RX",
		     client_device_index(ring), index);
}

void
client_exchange(struct client *c, struct client_ring *tx, struct client_ring *rx,
		unsigned int count, uint8_t flip)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);
	unsigned int sent = 0, got = 0, n;

	while (got < count) {
		sent += client_push(c, tx, count - sent);
		n = client_pop(c, rx, count - got, flip);
		got += n;
		if (n > 0)
			timer = client_timer(c, c->timeout_ms);
		else if (!client_turn(c, &timer))
			client_fail(c, "%u messages sent, %u received, then none within %u ms",
				    sent, got, c->timeout_ms);
	}
}

void
client_call(struct client *c, struct client_ring *tx, struct client_ring *rx, const void *request,
	    void *answer)
{
	memcpy(client_slot(tx, tx->own), request, tx->bytes);
	client_own_write(c, tx, tx->own + 1);
	client_index_wait(c, rx, rx->own + 1);
	memcpy(answer, client_slot(rx, rx->own), rx->bytes);
	client_own_write(c, rx, rx->own + 1);
}

/* ---- Paths --------------------------------------------------------------------------------- */

struct client_path
client_inversion(struct client *c, unsigned int log2_size, unsigned int log2_len)
{
	struct client_path path = { .flip = 0xff };

	path.hw = client_hw_new(c, client_aha(c, RVR_AHA_INVERSION));
	path.ami = client_ami_new(c);
	path.tx = client_ring_new(c, path.ami, RVR_AMS_TX, 0, log2_size, log2_len);
	path.rx = client_ring_new(c, path.ami, RVR_AMS_RX, 0, log2_size, log2_len);
	path.asn[0] = client_asn_new(c, client_end_sw(path.ami, 0), client_end_hw(&path.hw, 0),
				     log2_len);
	path.asn[1] = client_asn_new(c, client_end_hw(&path.hw, 0), client_end_sw(path.ami, 0),
				     log2_len);
	client_ami_enable(c, path.ami);
	return path;
}

struct client_path
client_loopback(struct client *c, unsigned int tx_log2_size, unsigned int rx_log2_size,
		unsigned int log2_len)
{
	struct client_path path = { .ami = client_ami_new(c) };

	path.tx = client_ring_new(c, path.ami, RVR_AMS_TX, 0, tx_log2_size, log2_len);
	path.rx = client_ring_new(c, path.ami, RVR_AMS_RX, 0, rx_log2_size, log2_len);
	path.asn[0] = client_asn_new(c, client_end_sw(path.ami, 0), client_end_sw(path.ami, 0),
				     log2_len);
	client_ami_enable(c, path.ami);
	return path;
}
