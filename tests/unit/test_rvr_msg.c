/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Messages: every field of every command and exception, and some against the published places. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rvr_msg.h"

#define FIELDS_MAX 32

/* A message's fields as uint64_t one behind the other, as the structs have them. */
struct format {
	const char *name;
	uint16_t opcode;
	const struct rvr_msg_field *fields;
	size_t num_fields;
	size_t size;
	void (*encode)(void *msg, const void *fields);
	void (*decode)(const void *msg, void *fields);
};

#define ADAPTERS(name, LIST)                                                                   \
	static const struct rvr_msg_field name##_fields[] = {                                  \
		LIST(RVR_MSG_FIELD_ROW_) { NULL, 0, 0, 0 } };                                  \
	static void name##_enc(void *msg, const void *fields)                                  \
	{                                                                                      \
		rvr_##name##_encode(msg, fields, 0);                                           \
	}                                                                                      \
	static void name##_dec(const void *msg, void *fields)                                  \
	{                                                                                      \
		rvr_##name##_decode(msg, fields);                                              \
	}
#define COMMAND_ADAPTERS(CMD, cmd, opcode, text)                                               \
	ADAPTERS(cmd##_req, RVR_##CMD##_REQ)                                                   \
	ADAPTERS(cmd##_rsp, RVR_##CMD##_RSP)
#define EXCEPTION_ADAPTERS(EXC, exc, opcode, text) ADAPTERS(exc, RVR_##EXC##_FIELDS)
RVR_COMMANDS(COMMAND_ADAPTERS)
RVR_EXCEPTIONS(EXCEPTION_ADAPTERS)

#define FORMAT(name, opcode)                                                                   \
	{ #name, opcode, name##_fields, sizeof(name##_fields) / sizeof(name##_fields[0]) - 1,  \
		sizeof(struct rvr_##name), name##_enc, name##_dec },
#define COMMAND_FORMAT(CMD, cmd, opcode, text) FORMAT(cmd##_req, opcode) FORMAT(cmd##_rsp, opcode)
#define EXCEPTION_FORMAT(EXC, exc, opcode, text) FORMAT(exc, opcode)
static const struct format formats[] = {
	RVR_COMMANDS(COMMAND_FORMAT) RVR_EXCEPTIONS(EXCEPTION_FORMAT)
};
#define NUM_FORMATS (sizeof(formats) / sizeof(formats[0]))

/* What of a value a field keeps. */
static uint64_t
kept(const struct rvr_msg_field *field, uint64_t value)
{
	uint64_t mask = rvr_width_mask(field->high, field->low);

	return field->high == 63 ? value & mask << field->low : value & mask;
}

static void
check_round_trip(const struct format *format, const uint64_t in[FIELDS_MAX])
{
	uint64_t out[FIELDS_MAX];
	uint8_t msg[RVR_MGT_MSG_SIZE];
	size_t i;

	memset(out, 0xee, sizeof(out));
	memset(msg, 0xee, sizeof(msg));
	format->encode(msg, in);
	format->decode(msg, out);
	assert_int_equal(rvr_msg_opcode(msg), format->opcode);
	for (i = 0; i < format->num_fields; i++)
		if (out[i] != kept(&format->fields[i], in[i]))
			fail_msg("%s.%s: 0x%llx came back as 0x%llx", format->name,
				format->fields[i].name, (unsigned long long)in[i],
				(unsigned long long)out[i]);
}

static void
test_sizes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NUM_FORMATS; i++) {
		assert_in_range(formats[i].num_fields, 0, FIELDS_MAX);
		assert_int_equal(formats[i].size, formats[i].num_fields * sizeof(uint64_t));
	}
}

static void
test_all_ones(void **state)
{
	uint64_t in[FIELDS_MAX];
	size_t i;

	(void)state;
	memset(in, 0xff, sizeof(in));
	for (i = 0; i < NUM_FORMATS; i++)
		check_round_trip(&formats[i], in);
}

/* One bit of one field at a time, the others 0 and then all ones: fields don't overlap. */
static void
test_walking_bits(void **state)
{
	uint64_t in[FIELDS_MAX];
	unsigned int bit, rest;
	size_t i, f;

	(void)state;
	for (i = 0; i < NUM_FORMATS; i++)
		for (f = 0; f < formats[i].num_fields; f++)
			for (bit = 0; bit < 64; bit++)
				for (rest = 0; rest <= 0xff; rest += 0xff) {
					memset(in, (int)rest, sizeof(in));
					in[f] = UINT64_C(1) << bit;
					check_round_trip(&formats[i], in);
				}
}

/* Typed from the published tables, not from rvr_msg.h. */
static void
test_ami_sw_map(void **state)
{
	const struct rvr_pf_ami_sw_map_req req = {
		.phy_ami_sw_id = 0x1234,
		.any_phy_ami_sw = 1,
		.ami_sw_id = 0x5678,
		.f_owner = 0x9abc,
	};
	static const uint8_t wire[16] = { 6, 0, 0, 0, 0x34, 0x12, 0x01, 0, 0x78, 0x56, 0xbc, 0x9a };
	uint8_t msg[RVR_MGT_MSG_SIZE];

	(void)state;
	rvr_pf_ami_sw_map_req_encode(msg, &req, 0);
	assert_memory_equal(msg, wire, sizeof(wire));
}

static void
test_asn_create(void **state)
{
	const struct rvr_pf_asn_create_req req = {
		.prio = 0xf,
		.dst_ami_type = 1,
		.src_ami_type = 0,
		.mon_owner = 0x0001,
		.src_phy_ami_id = 0x0203,
		.src_aha_id = 0x0405,
		.dst_phy_ami_id = 0x0607,
		.dst_aha_id = 0x0809,
		.dst_ams = 0x3f,
		.src_ams = 0x01,
		.stash_enable = 1,
		.asn_id = 0x0abcdef,
		.stash_ctl = 0x1112131415161718,
		.prof_mask = 0x2122232425262728,
		.prof_tbl_base = 0x3132333435363738,
		.prof_ctl = 0x4142,
		.trace_ctl = 0x5152,
		.stash_dest = 0x61626364,
		.mfo = 1,
		.mf_ob_buf_num = 2,
		.log2_msg_length = 5,
	};
	static const uint8_t wire[64] = {
		16, 0, 0, 0, 0x5f, 0, 0, 0,		/* 0xf, bit 4, 1 << 6 */
		0x03, 0x02, 0x05, 0x04, 0x07, 0x06, 0x09, 0x08,
		0x7f, 0x10, 0, 0, 0xef, 0xcd, 0xab, 0,	/* 0x3f | 1 << 6, bit 12 */
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21,
		0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
		0x42, 0x41, 0x52, 0x51, 0x64, 0x63, 0x62, 0x61,
		0x11, 0x14, 0, 0, 0, 0, 0, 0,		/* 1 | 2 << 3, 5 << 10 */
	};
	uint8_t msg[RVR_MGT_MSG_SIZE];

	(void)state;
	rvr_pf_asn_create_req_encode(msg, &req, 0);
	assert_memory_equal(msg, wire, sizeof(wire));
}

/* F- and PF-AMS-RING-SAVE have the same fields in different places. */
static void
test_ring_save(void **state)
{
	static const uint8_t f_rsp[64] = { 21, 0, 0, 0, 0x42, 0x01, 0, 0, 0xf8, 0xff, 0, 0, 1 };
	static const uint8_t pf_rsp[64] = { 19, 0, 0, 0, 0xa1, 0, 0, 0, 0xf8, 0xff, 0, 0, 1 };
	const struct rvr_f_ams_ring_save_req req = { .ami_sw_id = 2, .ams_id = 3, .ams_type = 1 };
	struct rvr_f_ams_ring_save_rsp f;
	struct rvr_pf_ams_ring_save_rsp pf;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	(void)state;
	rvr_f_ams_ring_save_rsp_decode(f_rsp, &f);
	assert_int_equal(f.rx_mode, 1);
	assert_int_equal(f.log2_size, 16);
	assert_int_equal(f.threshold, 2);
	assert_int_equal(f.ring_base, 0x10000fff8);
	rvr_pf_ams_ring_save_rsp_decode(pf_rsp, &pf);
	assert_int_equal(pf.rx_mode, 1);
	assert_int_equal(pf.log2_size, 16);
	assert_int_equal(pf.threshold, 2);
	rvr_f_ams_ring_save_req_encode(msg, &req, 0);
	assert_int_equal(msg[4], 2);
	assert_int_equal(msg[6], 3 | 1 << 6);
}

static void
test_status(void **state)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	(void)state;
	rvr_pf_probe_rsp_encode(msg, &(struct rvr_pf_probe_rsp){ .max_asn = 0x1fffff }, 0xfffe);
	assert_int_equal(msg[0], 1);
	assert_int_equal(rvr_msg_status(msg), 0xfffe);
	assert_int_equal(msg[2], 0xfe);
	assert_int_equal(msg[3], 0xff);
	assert_int_equal(msg[10], 0x1f);
}

static void
test_counts(void **state)
{
#define COUNT(...) +1
	(void)state;
	assert_int_equal(0 RVR_COMMANDS(COUNT), 37);
	assert_int_equal(0 RVR_EXCEPTIONS(COUNT), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_all_ones),
		cmocka_unit_test(test_walking_bits),
		cmocka_unit_test(test_ami_sw_map),
		cmocka_unit_test(test_asn_create),
		cmocka_unit_test(test_ring_save),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
