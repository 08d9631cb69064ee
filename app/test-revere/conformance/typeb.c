/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Type B: the device writes its indices and digests to a table in host memory. All other tests
 * read them from there too, where the device is of Type B; these look at the table itself.
 */

#include "conf.h"

static void
need_typeb(struct client *c)
{
	if (c->lim.ami_type != RVR_AMI_TYPE_B)
		client_skip(c, "the device is of Type A");
}

static uint64_t
table(const struct client_ami *ami, uint32_t offset)
{
	return rvr_le64_cpu(__atomic_load_n((const uint64_t *)(const void *)(ami->typeb + offset),
					    __ATOMIC_ACQUIRE));
}

/** Table and page say the same once all is quiet. */
static void
same_as_page(struct client *c)
{
	struct client_path path;

	need_typeb(c);
	path = client_inversion(c, 3, c->lim.min_log2_len);
	client_exchange(c, path.tx, path.rx, 100, path.flip);
	client_push(c, path.tx, 2);
	client_index_wait(c, path.rx, 102);
	client_settle(c);
	client_equal(c, "READ_INDEX_TX0", table(path.ami, RVR_READ_INDEX_TX), 102);
	client_equal(c, "WRITE_INDEX_RX0", table(path.ami, RVR_WRITE_INDEX_RX), 102);
	client_equal(c, "RX_DIGEST", table(path.ami, RVR_RX_DIGEST), 1);
	client_equal(c, "READ_INDEX_TX0 of the page", client_page(path.ami, RVR_READ_INDEX_TX),
		     102);
	client_equal(c, "WRITE_INDEX_RX0 of the page", client_page(path.ami, RVR_WRITE_INDEX_RX),
		     102);
}

/** What isn't the device's in the table, the device doesn't write. */
static void
only_its_own(struct client *c)
{
	struct client_path path;
	uint32_t at;

	need_typeb(c);
	path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	client_exchange(c, path.tx, path.rx, 100, 0);
	for (at = 0; at < RVR_AMI_SW_PAGE_SIZE; at += 8)
		if ((at >= RVR_WRITE_INDEX_TX && at < RVR_RX_DIGEST) ||
		    (at >= RVR_READ_INDEX_RX && at < RVR_WRITE_INDEX_RX) ||
		    at == RVR_TX_DIGEST_MASK || at == RVR_RX_DIGEST_MASK)
			client_equal(c, "word of the table that is software's",
				     table(path.ami, at), 0);
}

static void
unmapped(struct client *c)
{
	struct client_ami *ami;

	need_typeb(c);
	ami = client_ami_map(c);
	ami->conf.typeb_tbl_base = CLIENT_BAD_IOVA & ~UINT64_C(0xfff);
	client_ami_configure(c, ami);
	client_ring_new(c, ami, RVR_AMS_TX, 0, 2, c->lim.min_log2_len);
	client_ring_new(c, ami, RVR_AMS_RX, 0, 2, c->lim.min_log2_len);
	client_asn_new(c, client_end_sw(ami, 0), client_end_sw(ami, 0), c->lim.min_log2_len);
	STATUS(c, f_ami_sw_enable, .ami_sw_id = ami->id);
	client_own_write(c, &ami->tx[0], 1);
	client_error_wait(c, RVR_ERROR_STATE_AMI_SW_TYPEB_FAULT);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
}

/** Indices of management rings, in a table as an AMI-SW's. */
static void
management(struct client *c)
{
	struct client_timer timer;
	uint64_t iova, *words;

	need_typeb(c);
	words = client_alloc(c, 4096, 4096, &iova);
	client_reg_write(c, RVR_MGT_TYPEB_BASE, iova);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, NULL), 0);
	timer = client_timer(c, c->timeout_ms);
	while (rvr_le64_cpu(words[RVR_WRITE_INDEX_RX / 8]) != c->msk[RVR_MSK_RESPONSE].own &&
	       client_turn(c, &timer))
		;
	client_equal(c, "WRITE_INDEX_RX0", rvr_le64_cpu(words[RVR_WRITE_INDEX_RX / 8]),
		     c->msk[RVR_MSK_RESPONSE].own);
	client_equal(c, "READ_INDEX_TX0", rvr_le64_cpu(words[RVR_READ_INDEX_TX / 8]),
		     c->msk[RVR_MSK_COMMAND].own);
}

static const struct conf_test tests[] = {
	{ .name = "table and page say the same", .run = same_as_page },
	{ .name = "the device writes its own words alone", .run = only_its_own },
	{ .name = "TYPEB_TBL_BASE is not mapped", .run = unmapped },
	{ .name = "table of the management rings", .run = management },
};

CONF_TOPIC(typeb, "Type B");
