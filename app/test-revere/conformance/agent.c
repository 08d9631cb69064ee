/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Agents: identification, inversion, the DMA agent's first form.
 */

#include "conf.h"

/** Messages of 2^arg DW. */
static void
inversion(struct client *c)
{
	struct client_path path;

	if (c->arg < c->lim.min_log2_len || c->arg > c->lim.max_log2_len)
		client_skip(c, "lengths are 2^%u to 2^%u DW", c->lim.min_log2_len,
			    c->lim.max_log2_len);
	path = client_inversion(c, 3, c->arg);
	client_exchange(c, path.tx, path.rx, 100, path.flip);
	client_ring_guards(c, path.rx);
}

static void
inversion_long(struct client *c)
{
	struct client_path path = client_inversion(c, 8, c->lim.min_log2_len);

	client_exchange(c, path.tx, path.rx, 20000, path.flip);
}

/** Every socket of one AMI-HW. */
static void
inversion_sockets(struct client *c)
{
	struct client_hw hw = client_hw_new(c, client_aha(c, RVR_AHA_INVERSION));
	struct client_ami *ami = client_ami_new(c);
	unsigned int i, n = RTE_MIN(c->lim.num_tx, c->lim.num_rx), len = c->lim.min_log2_len;

	for (i = 0; i < n; i++) {
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 3, len);
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 3, len);
		client_asn_new(c, client_end_sw(ami, i), client_end_hw(&hw, i), len);
		client_asn_new(c, client_end_hw(&hw, i), client_end_sw(ami, i), len);
	}
	client_ami_enable(c, ami);
	for (i = 0; i < n; i++)
		client_push(c, &ami->tx[i], i % 8 + 1);
	for (i = 0; i < n; i++)
		client_pop_all(c, &ami->rx[i], i % 8 + 1, 0xff);
}

static void
sixteen_contexts(struct client *c)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 0 };
	struct rvr_pf_probe_aha_rsp rsp;
	uint16_t id = 0;

	for (; req.aha_id < c->lim.num_aha; req.aha_id++) {
		client_equal(c, "PF-PROBE-AHA STATUS", client_pf_probe_aha(c, &req, &rsp), 0);
		if (rsp.aha_iidr == 0)
			continue;
		MUST(c, pf_ami_hw_map, .aha_id = req.aha_id, .phy_ami_hw_id = 0, .ami_hw_id = id++);
		MUST(c, pf_ami_hw_map, .aha_id = req.aha_id, .phy_ami_hw_id = 15,
		     .ami_hw_id = id++);
	}
}

/** An ID without an agent can't be mapped. */
static void
no_agent(struct client *c)
{
	struct rvr_pf_probe_aha_req req = { .aha_id = 0 };
	struct rvr_pf_probe_aha_rsp rsp;

	for (; req.aha_id < c->lim.num_aha; req.aha_id++) {
		client_equal(c, "PF-PROBE-AHA STATUS", client_pf_probe_aha(c, &req, &rsp), 0);
		if (rsp.aha_iidr != 0)
			continue;
		if (STATUS(c, pf_ami_hw_map, .aha_id = req.aha_id, .any_phy_ami_hw = 1) == 0)
			client_fail(c, "AMI-HW of AHA_ID %u mapped, there is no agent",
				    (unsigned int)req.aha_id);
		return;
	}
	client_skip(c, "there is an agent behind every AHA_ID");
}

/* ---- DMA, first form ----------------------------------------------------------------------- */

/** A way to the DMA agent and memory to copy. */
struct dma {
	struct client_path path;
	uint8_t *src, *dst;
	uint64_t src_iova, dst_iova;
	uint32_t cookie; /**< distinguishes requests, in of_buf_stash_ctl */
};

#define DMA_BYTES (256 * 1024)

static void
dma_open(struct client *c, struct dma *dma, unsigned int log2_len)
{
	struct client_path *path = &dma->path;
	uint32_t i;

	path->hw = client_hw_new(c, client_aha(c, RVR_AHA_DMA));
	path->ami = client_ami_new(c);
	path->tx = client_ring_new(c, path->ami, RVR_AMS_TX, 0, 3, log2_len);
	path->rx = client_ring_new(c, path->ami, RVR_AMS_RX, 0, 3, log2_len);
	client_asn_new(c, client_end_sw(path->ami, 0), client_end_hw(&path->hw, 0), log2_len);
	client_asn_new(c, client_end_hw(&path->hw, 0), client_end_sw(path->ami, 0), log2_len);
	client_ami_enable(c, path->ami);
	dma->src = client_alloc(c, DMA_BYTES, 4096, &dma->src_iova);
	dma->dst = client_alloc(c, DMA_BYTES, 4096, &dma->dst_iova);
	for (i = 0; i < DMA_BYTES; i++)
		dma->src[i] = client_pattern(i / 4096, i);
}

/** One request; checks that the answer echoes it. @return status in the answer */
static uint32_t
dma_call(struct client *c, struct dma *dma, uint64_t src, uint64_t dst, uint32_t len,
	 uint32_t invert)
{
	struct rvr_dma_first *request = client_alloc(c, dma->path.tx->bytes, 64, NULL);
	struct rvr_dma_first *answer = client_alloc(c, dma->path.rx->bytes, 64, NULL);
	uint32_t status;

	/* Bytes after the request are ignored. */
	memset(request, 0xee, dma->path.tx->bytes);
	*request = (struct rvr_dma_first){
		.of_buf_stash_ctl = rvr_cpu_le64(0xc0ffee00 + dma->cookie++),
		.src = rvr_cpu_le64(src),
		.dst = rvr_cpu_le64(dst),
		.len = rvr_cpu_le32(len),
		.invert = rvr_cpu_le32(invert),
	};
	client_call(c, dma->path.tx, dma->path.rx, request, answer);
	status = rvr_le32_cpu(answer->rsvd0);
	answer->rsvd0 = 0;
	if (memcmp(request, answer, sizeof(*request)) != 0)
		client_fail(c, "the answer doesn't repeat the request");
	return status;
}

static void
dma_check(struct client *c, const struct dma *dma, uint32_t from, uint32_t to, uint32_t len,
	  uint8_t flip)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if (dma->dst[to + i] != (dma->src[from + i] ^ flip))
			client_fail(c, "byte %u of %u is 0x%02x, not 0x%02x", i, len,
				    dma->dst[to + i], dma->src[from + i] ^ flip);
	if (dma->dst[to + len] != 0 || (to > 0 && dma->dst[to - 1] != 0))
		client_fail(c, "bytes %s the copy were written",
			    dma->dst[to + len] != 0 ? "behind" : "before");
}

static void
dma_copies(struct client *c, uint32_t invert, uint8_t flip)
{
	static const uint32_t lengths[] = { 1, 7, 8, 63, 64, 65, 4096, 4097, 65536, 200000 };
	struct dma dma = { .cookie = 0 };
	unsigned int i;

	dma_open(c, &dma, c->lim.min_log2_len);
	for (i = 0; i < RTE_DIM(lengths); i++) {
		memset(dma.dst, 0, DMA_BYTES);
		client_equal(c, "status of the copy",
			     dma_call(c, &dma, dma.src_iova + i, dma.dst_iova + 3 * i + 1,
				      lengths[i], invert), RVR_DMA_OK);
		dma_check(c, &dma, i, 3 * i + 1, lengths[i], flip);
	}
}

static void
dma_copy(struct client *c)
{
	dma_copies(c, 0, 0);
}

static void
dma_invert(struct client *c)
{
	dma_copies(c, 1, 0xff);
}

static void
dma_invert_any(struct client *c)
{
	dma_copies(c, 0x80000000, 0xff);
}

/** Messages of 2^arg DW. */
static void
dma_length(struct client *c)
{
	struct dma dma = { .cookie = 0 };

	if (c->arg < c->lim.min_log2_len || c->arg > c->lim.max_log2_len)
		client_skip(c, "lengths are 2^%u to 2^%u DW", c->lim.min_log2_len,
			    c->lim.max_log2_len);
	dma_open(c, &dma, c->arg);
	client_equal(c, "status of the copy",
		     dma_call(c, &dma, dma.src_iova, dma.dst_iova, 1000, 0), RVR_DMA_OK);
	dma_check(c, &dma, 0, 0, 1000, 0);
}

static void
dma_faults(struct client *c)
{
	struct dma dma = { .cookie = 0 };

	dma_open(c, &dma, c->lim.min_log2_len);
	client_equal(c, "status with a bad source",
		     dma_call(c, &dma, CLIENT_BAD_IOVA, dma.dst_iova, 64, 0), RVR_DMA_SRC_FAULT);
	client_equal(c, "status with a bad destination",
		     dma_call(c, &dma, dma.src_iova, CLIENT_BAD_IOVA, 64, 0), RVR_DMA_DST_FAULT);
	client_equal(c, "status with a source that wraps",
		     dma_call(c, &dma, UINT64_MAX - 10, dma.dst_iova, 64, 0), RVR_DMA_SRC_FAULT);
	client_equal(c, "status with length 0",
		     dma_call(c, &dma, dma.src_iova, dma.dst_iova, 0, 0), RVR_DMA_BAD_LENGTH);
	client_equal(c, "status of a good copy after them",
		     dma_call(c, &dma, dma.src_iova, dma.dst_iova, 64, 0), RVR_DMA_OK);
	dma_check(c, &dma, 0, 0, 64, 0);
	client_no_exception(c);
	client_equal(c, "ERROR_STATE", client_error_state(c), 0);
}

/** Requests one behind the other, each on what the one before wrote. */
static void
dma_order(struct client *c)
{
	struct dma dma = { .cookie = 0 };
	struct client_ring *tx, *rx;
	struct rvr_dma_first request;
	unsigned int i, round;

	dma_open(c, &dma, c->lim.min_log2_len);
	tx = dma.path.tx;
	rx = dma.path.rx;
	for (round = 0; round < 50; round++) {
		memset(dma.dst, 0, 4096);
		for (i = 0; i < 8; i++) {
			/* src -> dst[0], dst[0] -> dst[1], ... */
			request = (struct rvr_dma_first){
				.src = rvr_cpu_le64(i == 0 ? dma.src_iova + round :
							     dma.dst_iova + (i - 1) * 256),
				.dst = rvr_cpu_le64(dma.dst_iova + i * 256),
				.len = rvr_cpu_le32(256),
			};
			memcpy(client_slot(tx, tx->own + i), &request, sizeof(request));
		}
		client_own_write(c, tx, tx->own + 8);
		client_index_wait(c, rx, rx->own + 8);
		client_own_write(c, rx, rx->own + 8);
		if (memcmp(dma.dst + 7 * 256, dma.src + round, 256) != 0)
			client_fail(c, "the eighth copy is not what the first one read");
	}
}

#define LENGTH(text, fn, log2, dw)                                                             \
	{ .name = text ", messages of " #dw " DW", .run = fn, .arg = (log2) }

static const struct conf_test tests[] = {
	LENGTH("inversion", inversion, 3, 8),
	LENGTH("inversion", inversion, 4, 16),
	LENGTH("inversion", inversion, 5, 32),
	LENGTH("inversion", inversion, 6, 64),
	LENGTH("inversion", inversion, 7, 128),
	LENGTH("inversion", inversion, 8, 256),
	{ .name = "inversion, 20000 messages", .run = inversion_long },
	{ .name = "inversion, every socket of an AMI-HW", .run = inversion_sockets },
	{ .name = "16 AMI-HWs at least", .run = sixteen_contexts },
	{ .name = "an ID without an agent", .run = no_agent },
	{ .name = "DMA, first form, copies", .run = dma_copy },
	{ .name = "DMA, first form, inverted copies", .run = dma_invert },
	{ .name = "DMA, first form, any non-zero invert", .run = dma_invert_any },
	LENGTH("DMA, first form", dma_length, 3, 8),
	LENGTH("DMA, first form", dma_length, 5, 32),
	LENGTH("DMA, first form", dma_length, 8, 256),
	{ .name = "DMA, first form, faults", .run = dma_faults },
	{ .name = "DMA, first form, in order", .run = dma_order },
};

CONF_TOPIC(agent, "agents");
