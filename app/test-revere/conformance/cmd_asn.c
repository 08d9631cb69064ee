/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands about sessions and their monitoring: each status.
 */

#include "conf.h"

/** Request of a session from TX socket `src_ams` to RX socket `dst_ams` of an AMI-SW. */
static struct rvr_pf_asn_create_req
loop_req(struct client *c, const struct client_ami *ami, unsigned int src_ams,
	 unsigned int dst_ams)
{
	return client_asn_req(c, client_end_sw(ami, src_ams), client_end_sw(ami, dst_ams),
			      c->lim.min_log2_len);
}

static uint16_t
create_one(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_last_id(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	req.asn_id = c->lim.max_asn - 1;
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_in_use(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	struct rvr_pf_asn_create_req req = loop_req(c, ami, 0, 0);

	client_equal(c, "STATUS", client_pf_asn_create(c, &req, NULL), 0);
	req = loop_req(c, client_ami_new(c), 0, 0);
	req.asn_id = 0;
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_length(struct client *c, unsigned int log2_len)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	req.log2_msg_length = log2_len;
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_shortest(struct client *c)
{
	return create_length(c, c->lim.min_log2_len);
}

static uint16_t
create_longest(struct client *c)
{
	return create_length(c, c->lim.max_log2_len);
}

static uint16_t
create_too_short(struct client *c)
{
	return create_length(c, c->lim.min_log2_len - 1);
}

static uint16_t
create_too_long(struct client *c)
{
	if (c->lim.max_log2_len == 15)
		client_skip(c, "no longer message can be written down");
	return create_length(c, c->lim.max_log2_len + 1);
}

static uint16_t
create_src_connected(struct client *c)
{
	struct client_ami *ami = client_ami_new(c), *other = client_ami_new(c);
	struct rvr_pf_asn_create_req req = loop_req(c, ami, 0, 0);

	client_equal(c, "STATUS", client_pf_asn_create(c, &req, NULL), 0);
	req = client_asn_req(c, client_end_sw(ami, 0), client_end_sw(other, 0),
			     c->lim.min_log2_len);
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_dst_connected(struct client *c)
{
	struct client_ami *ami = client_ami_new(c), *other = client_ami_new(c);
	struct rvr_pf_asn_create_req req = loop_req(c, ami, 0, 0);

	client_equal(c, "STATUS", client_pf_asn_create(c, &req, NULL), 0);
	req = client_asn_req(c, client_end_sw(other, 0), client_end_sw(ami, 0),
			     c->lim.min_log2_len);
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_hw_connected(struct client *c)
{
	struct client_ami *ami = client_ami_new(c), *other = client_ami_new(c);
	struct client_hw hw = client_hw_new(c, 0);
	struct rvr_pf_asn_create_req req;

	client_asn_new(c, client_end_sw(ami, 0), client_end_hw(&hw, 0), c->lim.min_log2_len);
	req = client_asn_req(c, client_end_sw(other, 0), client_end_hw(&hw, 0),
			     c->lim.min_log2_len);
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_id_beyond(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	req.asn_id = c->lim.max_asn;
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_ams_beyond(struct client *c)
{
	struct rvr_pf_asn_create_req req;

	if (c->lim.num_tx == RVR_AMS_MAX)
		client_skip(c, "every AMS is in range");
	req = loop_req(c, client_ami_new(c), c->lim.num_tx, 0);
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_ami_beyond(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	req.dst_phy_ami_id = c->lim.max_ami_sw;
	return client_pf_asn_create(c, &req, NULL);
}

static uint16_t
create_aha_beyond(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	req.dst_ami_type = RVR_END_AMI_HW;
	req.dst_aha_id = c->lim.num_aha;
	return client_pf_asn_create(c, &req, NULL);
}

/* ---- PF-ASN-DESTROY ------------------------------------------------------------------------ */

#define SAME(field) client_equal(c, #field, rsp.field, req.field)

/** The response tells what the session was. */
static uint16_t
destroy(struct client *c)
{
	struct client_ami *ami = client_ami_new(c);
	struct client_hw hw = client_hw_new(c, 0);
	struct rvr_pf_asn_create_req req = client_asn_req(c, client_end_sw(ami, 1),
							  client_end_hw(&hw, 2),
							  c->lim.max_log2_len);
	struct rvr_pf_asn_destroy_req destroy_req;
	struct rvr_pf_asn_destroy_rsp rsp;
	uint16_t status;

	req.prio = 9;
	req.mon_owner = 0;
	req.stash_enable = 1;
	req.stash_ctl = 0x1122334455667788;
	req.stash_dest = 0x99aabbcc;
	req.mfo = 1;
	req.mf_ob_buf_num = 3;
	client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	destroy_req.asn_id = req.asn_id;
	status = client_pf_asn_destroy(c, &destroy_req, &rsp);
	SAME(prio);
	SAME(src_ami_type);
	SAME(dst_ami_type);
	SAME(mon_owner);
	SAME(src_phy_ami_id);
	SAME(dst_phy_ami_id);
	SAME(dst_aha_id);
	SAME(src_ams);
	SAME(dst_ams);
	SAME(stash_enable);
	SAME(stash_ctl);
	SAME(stash_dest);
	SAME(mfo);
	SAME(mf_ob_buf_num);
	SAME(log2_msg_length);
	return status;
}

/** ID and sockets are free again. */
static uint16_t
destroy_frees(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
		MUST(c, pf_asn_destroy, .asn_id = req.asn_id);
	}
	return 0;
}

static uint16_t
destroy_absent(struct client *c)
{
	return STATUS(c, pf_asn_destroy, .asn_id = 0);
}

static uint16_t
destroy_twice(struct client *c)
{
	struct rvr_pf_asn_create_req req = loop_req(c, client_ami_new(c), 0, 0);

	client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	MUST(c, pf_asn_destroy, .asn_id = req.asn_id);
	return STATUS(c, pf_asn_destroy, .asn_id = req.asn_id);
}

static uint16_t
destroy_beyond(struct client *c)
{
	return STATUS(c, pf_asn_destroy, .asn_id = 0xfffffff);
}

/* ---- F-AMS-PROF-CONFIGURE, F-AMS-TRACE-CONFIGURE ------------------------------------------- */

/** An AMI-SW with a loopback session whose monitoring owner is `owner`. */
static struct client_ami *
monitored(struct client *c, uint16_t owner)
{
	struct client_ami *ami = client_ami_new(c);
	struct rvr_pf_asn_create_req req = loop_req(c, ami, 0, 0);

	req.mon_owner = owner;
	client_equal(c, "PF-ASN-CREATE STATUS", client_pf_asn_create(c, &req, NULL), 0);
	return ami;
}

static uint16_t
prof(struct client *c, uint64_t ami_id, uint64_t ams_id)
{
	if (!c->lim.asn_prof)
		client_skip(c, "the device doesn't profile");
	return STATUS(c, f_ams_prof_configure, .ami_id = ami_id, .ams_id = ams_id,
		      .ams_type = RVR_AMS_TX);
}

static uint16_t
prof_ok(struct client *c)
{
	return prof(c, monitored(c, 0)->id, 0);
}

static uint16_t
prof_ami(struct client *c)
{
	return prof(c, 0, 0);
}

static uint16_t
prof_ams(struct client *c)
{
	if (c->lim.num_tx == RVR_AMS_MAX)
		client_skip(c, "every AMS_ID is in range");
	return prof(c, monitored(c, 0)->id, c->lim.num_tx);
}

static uint16_t
prof_owner(struct client *c)
{
	conf_need_vf(c);
	return prof(c, monitored(c, 1)->id, 0);
}

static uint16_t
trace(struct client *c, uint64_t ami_id, uint64_t ams_id)
{
	if (!c->lim.tracing)
		client_skip(c, "the device doesn't trace");
	return STATUS(c, f_ams_trace_configure, .ami_id = ami_id, .ams_id = ams_id,
		      .ams_type = RVR_AMS_TX);
}

static uint16_t
trace_ok(struct client *c)
{
	return trace(c, monitored(c, 0)->id, 0);
}

static uint16_t
trace_ami(struct client *c)
{
	return trace(c, 0, 0);
}

static uint16_t
trace_ams(struct client *c)
{
	if (c->lim.num_tx == RVR_AMS_MAX)
		client_skip(c, "every AMS_ID is in range");
	return trace(c, monitored(c, 0)->id, c->lim.num_tx);
}

static uint16_t
trace_owner(struct client *c)
{
	conf_need_vf(c);
	return trace(c, monitored(c, 1)->id, 0);
}

#define T CONF_STATUS
#define T2 CONF_STATUS2

static const struct conf_test tests[] = {
	T(PF_ASN_CREATE, 0, "software to software", create_one),
	T(PF_ASN_CREATE, 0, "ASN_ID MAX_ASN - 1", create_last_id),
	T(PF_ASN_CREATE, 0, "shortest messages", create_shortest),
	T(PF_ASN_CREATE, 0, "longest messages", create_longest),
	T(PF_ASN_CREATE, 1, "Requested ASN ID already in use", create_in_use),
	T(PF_ASN_CREATE, 2, "shorter than MIN_LOG2_MSG_LENGTH", create_too_short),
	T(PF_ASN_CREATE, 2, "longer than MAX_LOG2_MSG_LENGTH", create_too_long),
	T(PF_ASN_CREATE, 3, "source AMS already connected", create_src_connected),
	T(PF_ASN_CREATE, 3, "destination AMS already connected", create_dst_connected),
	T(PF_ASN_CREATE, 3, "AMI-HW's AMS already connected", create_hw_connected),
	T2(PF_ASN_CREATE, RVR_STATUS_OTHER, 1, "ASN_ID out of range", create_id_beyond),
	T2(PF_ASN_CREATE, RVR_STATUS_OTHER, 3, "AMS out of range", create_ams_beyond),
	T2(PF_ASN_CREATE, RVR_STATUS_OTHER, 3, "AMI-SW out of range", create_ami_beyond),
	T2(PF_ASN_CREATE, RVR_STATUS_OTHER, 3, "AHA_ID out of range", create_aha_beyond),
	T(PF_ASN_DESTROY, 0, "all attributes come back", destroy),
	T(PF_ASN_DESTROY, 0, "ID and sockets are free again", destroy_frees),
	T(PF_ASN_DESTROY, 1, "ASN does not exist", destroy_absent),
	T(PF_ASN_DESTROY, 1, "destroyed before", destroy_twice),
	T(PF_ASN_DESTROY, 1, "ASN_ID out of range", destroy_beyond),
	T(F_AMS_PROF_CONFIGURE, 0, "own session", prof_ok),
	T(F_AMS_PROF_CONFIGURE, 1, "Invalid AMI_ID", prof_ami),
	T(F_AMS_PROF_CONFIGURE, 2, "Invalid AMS_ID", prof_ams),
	T(F_AMS_PROF_CONFIGURE, 3, "Function is not the monitoring owner", prof_owner),
	T(F_AMS_TRACE_CONFIGURE, 0, "own session", trace_ok),
	T(F_AMS_TRACE_CONFIGURE, 1, "Invalid AMI_ID", trace_ami),
	T(F_AMS_TRACE_CONFIGURE, 2, "Invalid AMS_ID", trace_ams),
	T(F_AMS_TRACE_CONFIGURE, 3, "Function is not the monitoring owner", trace_owner),
};

CONF_TOPIC(cmd_asn, "session commands");
