/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Profiling and tracing of sessions, and what tracing shows: the order by priority.
 */

#include "conf.h"

/** Bits of AMU_CR beside AMU_EN. */
static void
control(struct client *c, uint32_t field)
{
	client_reg_write(c, RVR_AMU_CR, client_reg(c, RVR_AMU_CR) | rvr_prep(field, 1));
}

static uint64_t *
prof_configure(struct client *c, const struct client_path *path, uint64_t mask)
{
	uint64_t iova, *table;

	if (!c->lim.asn_prof)
		client_skip(c, "the device doesn't profile");
	table = client_alloc(c, 4096, 4096, &iova);
	MUST(c, f_ams_prof_configure, .ami_id = path->ami->id, .ami_type = RVR_END_AMI_SW,
	     .ams_id = 0, .ams_type = RVR_AMS_TX, .prof_mask = mask, .prof_tbl_base = iova,
	     .prof_ctl = 1);
	return table;
}

/** Messages and doublewords. */
static void
prof_counts(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.max_log2_len);
	uint64_t *table;

	control(c, RVR_AMU_CR_ASN_PROF_EN);
	table = prof_configure(c, &path, 0x3);
	client_exchange(c, path.tx, path.rx, 37, 0);
	client_equal(c, "F-PROF-TABLE-FLUSH STATUS", client_f_prof_table_flush(c, NULL, NULL), 0);
	client_equal(c, "messages", rvr_le64_cpu(table[RVR_PROF_MESSAGES]), 37);
	client_equal(c, "doublewords", rvr_le64_cpu(table[RVR_PROF_DW]),
		     37ull << c->lim.max_log2_len);
}

static void
prof_stalls(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 1, c->lim.min_log2_len);
	uint64_t *table;

	control(c, RVR_AMU_CR_ASN_PROF_EN);
	table = prof_configure(c, &path, 0xf);
	client_push(c, path.tx, 8);
	client_index_wait(c, path.rx, 2);
	client_settle(c);
	client_pop_all(c, path.rx, 8, 0);
	client_settle(c);
	client_equal(c, "F-PROF-TABLE-FLUSH STATUS", client_f_prof_table_flush(c, NULL, NULL), 0);
	client_equal(c, "messages", rvr_le64_cpu(table[RVR_PROF_MESSAGES]), 8);
	if (table[RVR_PROF_STALLS] == 0 || rvr_le64_cpu(table[RVR_PROF_STALL_NS]) < 1000)
		client_fail(c, "%u stalls of %u ns for a reader that was late",
			    (unsigned int)rvr_le64_cpu(table[RVR_PROF_STALLS]),
			    (unsigned int)rvr_le64_cpu(table[RVR_PROF_STALL_NS]));
}

static void
prof_off(struct client *c)
{
	struct client_path path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	uint64_t *table = prof_configure(c, &path, 0x3);

	client_exchange(c, path.tx, path.rx, 37, 0);
	client_f_prof_table_flush(c, NULL, NULL);
	client_equal(c, "messages with ASN_PROF_EN = 0", rvr_le64_cpu(table[0]), 0);
}

/* ---- Tracing ------------------------------------------------------------------------------- */

static void
trace_start(struct client *c, int log2_size)
{
	struct client_mgt mgt = { 0, 0, 4, log2_size };

	if (!c->lim.tracing)
		client_skip(c, "the device doesn't trace");
	client_reset(c);
	client_start(c, &mgt);
	control(c, RVR_AMU_CR_TRACE_EN);
}

static void
trace_take(struct client *c, struct rvr_trace *trace)
{
	if (!client_take(c, RVR_MGT_RX_TRACE, trace, c->timeout_ms))
		client_fail(c, "no trace message within %u ms", c->timeout_ms);
	client_equal(c, "opcode of the trace message", rvr_le16_cpu(trace->opcode),
		     RVR_TRACE_OPCODE);
}

static void
trace_messages(struct client *c)
{
	struct rvr_trace trace;
	struct client_path path;
	uint64_t last = 0;
	unsigned int i;

	trace_start(c, 5);
	path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	MUST(c, f_ams_trace_configure, .ami_id = path.ami->id, .ami_type = RVR_END_AMI_SW,
	     .ams_id = 0, .ams_type = RVR_AMS_TX, .trace_ctl = RVR_TRACE_CTL_MESSAGES);
	client_exchange(c, path.tx, path.rx, 10, 0);
	for (i = 0; i < 10; i++) {
		trace_take(c, &trace);
		client_equal(c, "ASN_ID", rvr_le32_cpu(trace.asn_id), path.asn[0]);
		client_equal(c, "index", rvr_le64_cpu(trace.index), i);
		client_equal(c, "length", rvr_le32_cpu(trace.length), 1u << c->lim.min_log2_len);
		if (rvr_le64_cpu(trace.timestamp) < last)
			client_fail(c, "time goes back between trace messages");
		last = rvr_le64_cpu(trace.timestamp);
	}
	/* And off again. */
	MUST(c, f_ams_trace_configure, .ami_id = path.ami->id, .ams_type = RVR_AMS_TX);
	client_exchange(c, path.tx, path.rx, 10, 0);
	client_settle(c);
	if (client_take(c, RVR_MGT_RX_TRACE, &trace, 0))
		client_fail(c, "a trace message after tracing was switched off");
}

/** RX_MODE 0: a full trace ring holds messages back; RX_MODE 1: it loses the oldest. */
static void
trace_full(struct client *c)
{
	struct rvr_trace trace;
	struct client_path path;
	unsigned int i;

	trace_start(c, 1);
	path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	MUST(c, f_ams_trace_configure, .ami_id = path.ami->id, .ams_type = RVR_AMS_TX,
	     .trace_ctl = RVR_TRACE_CTL_MESSAGES);
	client_push(c, path.tx, 8);
	client_settle(c);
	client_equal(c, "trace messages in a ring of 2",
		     client_reg(c, RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_TRACE), 2);
	for (i = 0; i < 8; i++) {
		trace_take(c, &trace);
		client_equal(c, "index", rvr_le64_cpu(trace.index), i);
	}
	client_pop_all(c, path.rx, 8, 0);
}

static void
trace_overwriting(struct client *c)
{
	struct client_path path;

	trace_start(c, 1);
	client_reg_write(c, RVR_MGT_TRACE_RX_CTRL, rvr_prep(RVR_MGT_TRACE_RX_CTRL_RX_MODE, 1));
	path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	MUST(c, f_ams_trace_configure, .ami_id = path.ami->id, .ams_type = RVR_AMS_TX,
	     .trace_ctl = RVR_TRACE_CTL_MESSAGES);
	client_exchange(c, path.tx, path.rx, 20, 0);
	client_equal(c, "trace messages that were written",
		     client_reg(c, RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_TRACE), 20);
}

static void
trace_unmapped(struct client *c)
{
	struct client_path path;

	trace_start(c, 1);
	path = client_loopback(c, 3, 3, c->lim.min_log2_len);
	MUST(c, f_ams_trace_configure, .ami_id = path.ami->id, .ams_type = RVR_AMS_TX,
	     .trace_ctl = RVR_TRACE_CTL_MESSAGES);
	client_reg_write(c, RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_TRACE, CLIENT_BAD_IOVA);
	client_push(c, path.tx, 1);
	client_error_wait(c, RVR_ERROR_STATE_TRACE_FAULT);
}

/** What waited while AMU_EN was 0 leaves by priority: the last of 15 before the last of 0. */
static void
priority(struct client *c)
{
	static const unsigned int prio[2] = { 0, 15 };
	struct rvr_pf_asn_create_req req;
	struct client_mgt mgt = { 0, 0, 4, 8 };
	unsigned int i, first = 2, last[2] = { 0, 0 };
	struct rvr_trace trace;
	struct client_ami *ami;

	trace_start(c, 8);
	ami = client_ami_new(c);
	for (i = 0; i < 2; i++) {
		client_ring_new(c, ami, RVR_AMS_TX, (uint8_t)i, 6, c->lim.min_log2_len);
		client_ring_new(c, ami, RVR_AMS_RX, (uint8_t)i, 6, c->lim.min_log2_len);
		req = client_asn_req(c, client_end_sw(ami, i), client_end_sw(ami, i),
				     c->lim.min_log2_len);
		req.prio = prio[i];
		req.trace_ctl = RVR_TRACE_CTL_MESSAGES;
		client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	}
	client_ami_enable(c, ami);
	client_reg_write(c, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_TRACE_EN, 1));
	client_mgt_rings(c, &mgt);
	for (i = 0; i < 2; i++)
		client_push(c, &ami->tx[i], 64);
	client_reg_write(c, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_TRACE_EN, 1) | 1);
	for (i = 0; i < 128; i++) {
		trace_take(c, &trace);
		if (first == 2)
			first = rvr_le32_cpu(trace.asn_id);
		last[rvr_le32_cpu(trace.asn_id) & 1] = i;
	}
	client_equal(c, "session that is served first", first, 1);
	if (last[1] > last[0])
		client_fail(c, "priority 0 was done before priority 15");
}

static const struct conf_test tests[] = {
	{ .name = "messages and doublewords are counted", .run = prof_counts },
	{ .name = "stalls are counted", .run = prof_stalls },
	{ .name = "nothing is counted with ASN_PROF_EN = 0", .run = prof_off },
	{ .name = "a trace message for each message", .run = trace_messages },
	{ .name = "trace ring is full, back-pressure", .run = trace_full },
	{ .name = "trace ring is full, overwriting", .run = trace_overwriting },
	{ .name = "trace ring is not mapped", .run = trace_unmapped },
	{ .name = "priority 15 is served first", .run = priority },
};

CONF_TOPIC(monitor, "monitoring");
