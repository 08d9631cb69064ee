/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The control channel of a port: requests to the network agent and its events.
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "revere_net.h"
#include "rvr_rna_state.h"

#define CONTROL_LOG2_SLOTS 6 /* REVERE_NET_POSTS_MAX */
#define EVENT_LOG2_SLOTS 3
#define CONTROL_LOG2_MSG_LENGTH RVR_PLAN_CONTROL_LOG2_LENGTH
#define CONTROL_LOG2_LENGTH_MAX RVR_PLAN_CONTROL_LOG2_LENGTH_MAX /* REVERE_NET_MESSAGE_MAX */
#define WAIT_SPINS 1000
#define WAIT_SLEEP_US 20

/* Sockets of the AMI-SW. */
enum {
	CONTROL_TX = RVR_PLAN_CONTROL_TX,
	CONTROL_RX = RVR_PLAN_CONTROL_RX,
	EVENT_RX = RVR_PLAN_EVENT_RX,
};

static const struct {
	uint16_t opcode;
	const char *name;
} request_names[] = {
	{ RVR_RNA_CTL_PORT_INFO, "PORT_INFO" },
	{ RVR_RNA_CTL_PORT_SET, "PORT_SET" },
	{ RVR_RNA_CTL_QUEUE_SETUP, "QUEUE_SETUP" },
	{ RVR_RNA_CTL_QUEUE_START, "QUEUE_START" },
	{ RVR_RNA_CTL_QUEUE_STOP, "QUEUE_STOP" },
	{ RVR_RNA_CTL_QUEUE_RELEASE, "QUEUE_RELEASE" },
	{ RVR_RNA_CTL_RSS_SET, "RSS_SET" },
	{ RVR_RNA_CTL_RETA_SET, "RETA_SET" },
	{ RVR_RNA_CTL_STATS_GET, "STATS_GET" },
	{ RVR_RNA_CTL_QUEUE_STATS_GET, "QUEUE_STATS_GET" },
	{ RVR_RNA_CTL_STATS_RESET, "STATS_RESET" },
	{ RVR_RNA_CTL_PORT_RELEASE, "PORT_RELEASE" },
	{ RVR_RNA_CTL_QUEUE_STATS_RESET, "QUEUE_STATS_RESET" },
	{ RVR_RNA_CTL_STEER_INFO, "STEER_INFO" },
	{ RVR_RNA_CTL_MAC_SET, "MAC_SET" },
	{ RVR_RNA_CTL_MULTICAST_SET, "MULTICAST_SET" },
	{ RVR_RNA_CTL_VLAN_SET, "VLAN_SET" },
	{ RVR_RNA_CTL_VMDQ_SET, "VMDQ_SET" },
	{ RVR_RNA_CTL_VMDQ_VLAN, "VMDQ_VLAN" },
	{ RVR_RNA_CTL_PAUSE_SET, "PAUSE_SET" },
	{ RVR_RNA_CTL_TM_PORT, "TM_PORT" },
	{ RVR_RNA_CTL_TM_QUEUE, "TM_QUEUE" },
	{ RVR_RNA_CTL_STEER_STATS, "STEER_STATS" },
	{ RVR_RNA_CTL_QUEUE_SAVE, "QUEUE_SAVE" },
	{ RVR_RNA_CTL_QUEUE_RESTORE, "QUEUE_RESTORE" },
};

static const char *
request_name(uint16_t opcode)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(request_names); i++)
		if (request_names[i].opcode == opcode)
			return request_names[i].name;
	return "?";
}

static const struct {
	int error;
	const char *text;
} statuses[] = {
	[RVR_RNA_OK] = { 0, "success" },
	[RVR_RNA_BAD_OPCODE] = { ENOTSUP, "the agent doesn't know this request" },
	[RVR_RNA_BAD_PORT] = { ENODEV, "the agent has no such port" },
	[RVR_RNA_BAD_QUEUE] = { EINVAL, "the port has no such queue" },
	[RVR_RNA_BAD_VALUE] = { EINVAL, "a value is out of range" },
	[RVR_RNA_BUSY] = { EBUSY, "the port or queue is in use" },
	[RVR_RNA_BAD_AMI_HW] = { EINVAL, "the AMI-HW can't be used" },
	[RVR_RNA_NO_MEMORY] = { ENOMEM, "the agent has no memory left" },
};

/** A status as negative errno: the one place where that is decided. */
static int
status_errno(uint16_t status)
{
	return status < RTE_DIM(statuses) ? -statuses[status].error : -EIO;
}

/* ---- Requests ----------------------------------------------------------------------------- */

/**
 * One turn of waiting for the device; after a while with sleep, as what it waits for may need this
 * core.
 */
void
revere_net_wait_turn(struct revere_net *net, unsigned int turn)
{
	revere_net_kick(net);
	if (turn < WAIT_SPINS)
		rte_pause();
	else
		rte_delay_us_sleep(WAIT_SLEEP_US);
}

static struct revere_ring *
control_ring(const struct revere_net *net, enum rvr_ams_type type, unsigned int ams)
{
	return revere_ami_sw_ring(net->control.ami_sw, type, ams);
}

static void
post_finish(struct revere_net *net, bool fine)
{
	struct revere_net_control *control = &net->control;
	uint64_t number = control->posts_done++;

	if (fine)
		return;
	control->post_failed[number % REVERE_NET_POSTS_FAILED] = number + 1;
	REVERE_NET_LOG(ERR, net, "posted request %" PRIu64 " failed", number);
}

/** Whether an answer is that to the oldest post. */
static bool
post_answered(struct revere_net *net, const struct rvr_rna_control *answer)
{
	const struct revere_net_control *control = &net->control;

	if (control->posts_done == control->posts_sent ||
	    answer->tag != control->post_tag[control->posts_done % REVERE_NET_POSTS_MAX])
		return false;
	post_finish(net, answer->status == rvr_cpu_le16(RVR_RNA_OK));
	return true;
}

/** Posts before a request that was answered, or before silence, are lost. */
static void
posts_lose(struct revere_net *net)
{
	while (net->control.posts_done != net->control.posts_sent)
		post_finish(net, false);
}

/**
 * A request has failed: whether the channel is out of step, so that none will be answered. Who
 * looks for errors of the port sets it up anew. A VF's may be so when its PF has been reset, and a
 * recovery met that.
 */
static bool
channel_lost(struct revere_net *net, int error)
{
	uint8_t state = __atomic_load_n(&net->recover.state, __ATOMIC_RELAXED);
	bool broken = control_ring(net, RVR_AMS_TX, CONTROL_TX)->broken ||
		      control_ring(net, RVR_AMS_RX, CONTROL_RX)->broken;

	if (broken || (error == -ETIMEDOUT && state == REVERE_NET_RECOVERING))
		__atomic_store_n(&net->control.failed, true, __ATOMIC_RELAXED);
	return broken;
}

/** Takes answers to posts until at most `left` of these are on their way. */
static int
posts_poll(struct revere_net *net, uint64_t left)
{
	struct revere_net_control *control = &net->control;
	struct revere_ring *ring = control_ring(net, RVR_AMS_RX, CONTROL_RX);
	uint64_t start = rte_get_timer_cycles();
	struct rvr_rna_control answer;
	unsigned int turns = 0;
	int ret;

	while (true) {
		while (control->posts_done != control->posts_sent &&
			revere_rx_pop(ring, &answer, 1) == 1)
			post_answered(net, &answer);
		if (control->posts_sent - control->posts_done <= left)
			return 0;
		ret = revere_net_gone(net) ? -ENODEV : revere_net_may_request(net);
		if (ret < 0 || ring->broken || rte_get_timer_cycles() - start > net->timeout)
			break;
		revere_net_wait_turn(net, turns++);
	}
	posts_lose(net);
	ret = ret < 0 ? ret : -ETIMEDOUT;
	channel_lost(net, ret);
	return ret;
}

/** Waits for the answer to the request with this tag; older ones are late and dropped. */
static int
answer_wait(struct revere_net *net, const struct rvr_rna_control *request,
	struct rvr_rna_control *answer)
{
	struct revere_ring *ring = control_ring(net, RVR_AMS_RX, CONTROL_RX);
	uint64_t start = rte_get_timer_cycles();
	unsigned int turns = 0;
	int ret;

	do {
		while (revere_rx_pop(ring, answer, 1) == 1) {
			if (post_answered(net, answer) || answer->tag != request->tag)
				continue;
			posts_lose(net);
			return answer->opcode == request->opcode && answer->port == request->port ?
				0 : -EIO;
		}
		if (ring->broken)
			return -EIO;
		ret = revere_net_gone(net) ? -ENODEV : revere_net_may_request(net);
		if (ret < 0)
			return ret;
		revere_net_wait_turn(net, turns++);
	} while (rte_get_timer_cycles() - start < net->timeout);
	return -ETIMEDOUT;
}

static int
request_send(struct revere_net *net, const struct rvr_rna_control *request,
	struct rvr_rna_control *answer)
{
	struct revere_ring *ring = control_ring(net, RVR_AMS_TX, CONTROL_TX);
	uint16_t opcode = rvr_le16_cpu(request->opcode);
	int ret;

	/* That was told once, by who found it out. */
	if (revere_net_gone(net))
		return -ENODEV;
	ret = revere_net_may_request(net);
	if (ret < 0)
		return ret;
	ret = -ETIMEDOUT; /* no room: it hasn't taken earlier ones */
	if (revere_tx_push(ring, request, 1) == 1)
		ret = answer_wait(net, request, answer);
	if (ret < 0 && channel_lost(net, ret)) {
		REVERE_NET_LOG(ERR, net, "%s isn't answered: the device wrote an index that can't "
			"be; the control channel is to be reset", request_name(opcode));
		return -EIO;
	}
	if (ret == -ETIMEDOUT)
		REVERE_NET_LOG(ERR, net, "the agent doesn't answer %s within %" PRIu64 " ms",
			request_name(opcode), net->timeout * MS_PER_S / rte_get_timer_hz());
	else if (ret < 0 && ret != -ENODEV && revere_net_may_request(net) == 0)
		REVERE_NET_LOG(ERR, net, "the agent answers %s with opcode %u for port %u",
			request_name(opcode), rvr_le16_cpu(answer->opcode),
			rvr_le16_cpu(answer->port));
	return ret;
}

/** Logs and translates the status of an answer. */
static int
answer_status(struct revere_net *net, const struct rvr_rna_control *answer)
{
	uint16_t status = rvr_le16_cpu(answer->status);
	const char *text = status < RTE_DIM(statuses) ? statuses[status].text : "?";

	if (status == RVR_RNA_BAD_VALUE)
		REVERE_NET_LOG(ERR, net, "%s refused: status %u (%s at offset %u)",
			request_name(rvr_le16_cpu(answer->opcode)), status, text,
			rvr_le32_cpu(answer->detail));
	else if (status != RVR_RNA_OK)
		REVERE_NET_LOG(ERR, net, "%s refused: status %u (%s), port %u of the agent",
			request_name(rvr_le16_cpu(answer->opcode)), status, text, net->port);
	return status_errno(status);
}

/** The request to be sent next, with the lock held. */
static struct rvr_rna_control *
request_fill(struct revere_net *net, uint16_t port, uint16_t opcode, const void *req,
	size_t req_size)
{
	struct revere_net_control *control = &net->control;
	struct rvr_rna_control *request = (void *)control->message;

	memset(request, 0, sizeof(*request));
	request->opcode = rvr_cpu_le16(opcode);
	request->port = rvr_cpu_le16(port);
	request->tag = rvr_cpu_le16(control->tag++);
	if (req != NULL)
		memcpy(request->payload, req, req_size);
	return request;
}

/** One request and its answer, whatever the status is. */
static int
request_exchange(struct revere_net *net, uint16_t port, uint16_t opcode, const void *req,
	size_t req_size, struct rvr_rna_control *answer)
{
	int ret;

	if (req_size > revere_net_request_room(net))
		return -E2BIG;
	pthread_mutex_lock(&net->control.lock);
	ret = posts_poll(net, net->control.room);
	if (ret == 0)
		ret = request_send(net, request_fill(net, port, opcode, req, req_size), answer);
	pthread_mutex_unlock(&net->control.lock);
	return ret;
}

int
revere_net_post(struct revere_net *net, uint16_t opcode, const void *req, size_t req_size,
	uint64_t *number)
{
	struct revere_net_control *control = &net->control;
	const struct rvr_rna_control *request;
	int ret;

	if (req_size > revere_net_request_room(net))
		return -E2BIG;
	pthread_mutex_lock(&control->lock);
	ret = revere_net_may_request(net);
	if (ret == 0)
		ret = posts_poll(net, control->room);
	if (ret == 0) {
		request = request_fill(net, net->port, opcode, req, req_size);
		*number = control->posts_sent++;
		control->post_tag[*number % REVERE_NET_POSTS_MAX] = request->tag;
		/* There is room, see above. */
		revere_tx_push(control_ring(net, RVR_AMS_TX, CONTROL_TX), request, 1);
	}
	pthread_mutex_unlock(&control->lock);
	return ret;
}

uint64_t
revere_net_posts_poll(struct revere_net *net, bool wait)
{
	uint64_t done;

	pthread_mutex_lock(&net->control.lock);
	posts_poll(net, wait ? 0 : UINT32_MAX);
	done = net->control.posts_done;
	pthread_mutex_unlock(&net->control.lock);
	return done;
}

bool
revere_net_post_failed(const struct revere_net *net, uint64_t number)
{
	return net->control.post_failed[number % REVERE_NET_POSTS_FAILED] == number + 1;
}

size_t
revere_net_request_room(const struct revere_net *net)
{
	return ((size_t)RVR_DW << net->control.log2_length) -
	       offsetof(struct rvr_rna_control, payload);
}

int
revere_net_request_quiet(struct revere_net *net, uint16_t opcode, const void *req,
	size_t req_size, void *rsp, size_t rsp_size)
{
	struct rvr_rna_control answer = { 0 };
	int ret;

	ret = request_exchange(net, net->port, opcode, req, req_size, &answer);
	if (ret < 0)
		return ret;
	if (rsp != NULL)
		memcpy(rsp, answer.payload, rsp_size);
	return status_errno(rvr_le16_cpu(answer.status));
}

int
revere_net_request(struct revere_net *net, uint16_t opcode, const void *req, size_t req_size,
	void *rsp, size_t rsp_size)
{
	struct rvr_rna_control answer = { 0 };
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return revere_net_secondary_request(net, opcode, req, req_size, rsp, rsp_size);
	ret = request_exchange(net, net->port, opcode, req, req_size, &answer);
	if (ret == 0)
		ret = answer_status(net, &answer);
	if (ret == 0 && rsp != NULL)
		memcpy(rsp, answer.payload, rsp_size);
	return ret;
}

int
revere_net_port_info(struct revere_net *net, struct rvr_rna_port_info *info)
{
	return revere_net_request(net, RVR_RNA_CTL_PORT_INFO, NULL, 0, info, sizeof(*info));
}

int
revere_net_port_info_of(struct revere_net *net, uint16_t port, struct rvr_rna_port_info *info)
{
	struct rvr_rna_control answer = { 0 };
	int ret;

	ret = request_exchange(net, port, RVR_RNA_CTL_PORT_INFO, NULL, 0, &answer);
	if (ret < 0)
		return ret;
	memcpy(info, answer.payload, sizeof(*info));
	return status_errno(rvr_le16_cpu(answer.status));
}

int
revere_net_port_set(struct revere_net *net, const struct rvr_rna_port_set *set)
{
	return revere_net_request(net, RVR_RNA_CTL_PORT_SET, set, sizeof(*set), NULL, 0);
}

int
revere_net_port_flags(struct revere_net *net, uint32_t mask, uint32_t flags)
{
	struct rvr_rna_port_set set = {
		.mask = rvr_cpu_le32(mask),
		.flags = rvr_cpu_le32(flags),
	};

	return revere_net_port_set(net, &set);
}

bool
revere_net_events_poll(struct revere_net *net)
{
	struct revere_ring *ring;
	struct rvr_rna_event event;
	bool any = false;
	unsigned int i;

	pthread_mutex_lock(&net->control.lock);
	ring = revere_ami_sw_ring(net->control.ami_sw, RVR_AMS_RX, EVENT_RX);
	for (i = 0; i <= ring->mask && revere_rx_pop(ring, &event, 1) == 1; i++)
		any |= rvr_le16_cpu(event.opcode) == RVR_RNA_OP_EVENT &&
		       rvr_le16_cpu(event.port) == net->port;
	pthread_mutex_unlock(&net->control.lock);
	return any;
}

/* ---- Contexts ----------------------------------------------------------------------------- */

static int
control_rings(struct revere_net *net, uint8_t event_log2_length)
{
	const uint8_t log2_slots = (uint8_t)RTE_MIN(CONTROL_LOG2_SLOTS,
		revere_dev_info(net->dev)->max_log2_size);
	const struct revere_ring_conf confs[] = {
		{ CONTROL_TX, RVR_AMS_TX, log2_slots, net->control.log2_length, 0,
			RVR_RX_BACK_PRESSURE },
		{ CONTROL_RX, RVR_AMS_RX, log2_slots, CONTROL_LOG2_MSG_LENGTH, 0,
			RVR_RX_BACK_PRESSURE },
		{ EVENT_RX, RVR_AMS_RX, EVENT_LOG2_SLOTS, event_log2_length, 0,
			RVR_RX_BACK_PRESSURE },
	};
	unsigned int i;
	int ret = 0;

	net->control.room = (1u << log2_slots) - 1;
	for (i = 0; i < RTE_DIM(confs) && ret == 0; i++)
		ret = revere_ami_sw_ring_setup(net->control.ami_sw, &confs[i]);
	return ret;
}

/** As long as can be: lists of rules go with fewer of them. */
static uint8_t
request_log2_length(const struct revere_dev_info *info)
{
	return RTE_MIN(info->max_log2_msg_length, CONTROL_LOG2_LENGTH_MAX);
}

unsigned int
revere_net_control_plan(const struct revere_dev_info *info, struct revere_vf_session *sessions)
{
	return rvr_plan_net_control(info->min_log2_msg_length, info->max_log2_msg_length,
		sessions);
}

static int
control_sessions(struct revere_net *net)
{
	struct revere_net_control *control = &net->control;
	struct revere_vf_session sessions[RTE_DIM(control->asn)];
	unsigned int i, num;

	num = revere_net_control_plan(revere_dev_info(net->dev), sessions);
	for (i = 0; i < num; i++) {
		control->asn[i] = revere_net_session(net, control->ami_sw, control->ami_hw,
			&sessions[i]);
		if (control->asn[i] < 0)
			return control->asn[i];
	}
	return 0;
}

static int
control_check(const struct revere_net *net)
{
	const struct revere_dev_info *info = revere_dev_info(net->dev);

	if (info->max_log2_msg_length < CONTROL_LOG2_MSG_LENGTH ||
	    info->min_log2_msg_length > CONTROL_LOG2_MSG_LENGTH) {
		REVERE_NET_LOG(ERR, net,
			"control messages are %d bytes, the device's are %u to %u bytes",
			RVR_RNA_CONTROL_SIZE, RVR_DW << info->min_log2_msg_length,
			RVR_DW << info->max_log2_msg_length);
		return -ENOTSUP;
	}
	if (info->num_tx_ams < RVR_RNA_AMS_NUM || info->num_rx_ams < RVR_RNA_AMS_NUM) {
		REVERE_NET_LOG(ERR, net,
			"the network agent takes %d sockets of each direction, contexts have %u "
			"and %u", RVR_RNA_AMS_NUM, info->num_tx_ams, info->num_rx_ams);
		return -ENOTSUP;
	}
	if (info->max_log2_size < EVENT_LOG2_SLOTS) {
		REVERE_NET_LOG(ERR, net, "rings of the device have 2^%u slots, too few: 2^%d",
			info->max_log2_size, EVENT_LOG2_SLOTS);
		return -ENOTSUP;
	}
	return 0;
}

static int
control_connect(struct revere_net *net)
{
	struct revere_ami_sw_conf conf = {
		.numa_node = net->data->numa_node,
		.agent_known = true,
		.agent = { net->aha_id, RVR_RNA_RX_CONTROL },
	};
	uint8_t event_log2_length = revere_dev_info(net->dev)->min_log2_msg_length;
	struct revere_net_control *control = &net->control;
	int ret;

	/* Without interrupts events are looked for. */
	if (revere_net_irq_open(net, &control->irq) == 0) {
		conf.rx_irq = true;
		conf.rx_vector = (uint16_t)control->irq.vector;
	}
	ret = revere_ami_sw_create(net->dev, &conf, &control->ami_sw);
	if (ret == 0) {
		/* Answers are waited for anyway. */
		revere_ami_sw_irq_mask(control->ami_sw, RVR_AMS_RX, CONTROL_RX, false);
		ret = control_rings(net, event_log2_length);
	}
	if (ret == 0)
		ret = revere_ami_hw_create(net->dev, net->aha_id, &control->ami_hw);
	if (ret == 0)
		ret = control_sessions(net);
	if (ret == 0)
		ret = revere_ami_sw_enable(control->ami_sw);
	return ret;
}

int
revere_net_control_open(struct revere_net *net)
{
	unsigned int i;
	int ret;

	net->control.irq = (struct revere_net_irq){ -1, -1 };
	net->control.posts_sent = 0;
	net->control.posts_done = 0;
	net->control.restarts = revere_dev_restarts(net->dev);
	__atomic_store_n(&net->control.failed, false, __ATOMIC_RELAXED);
	memset(net->control.post_failed, 0, sizeof(net->control.post_failed));
	for (i = 0; i < RTE_DIM(net->control.asn); i++)
		net->control.asn[i] = -1;
	net->control.log2_length = request_log2_length(revere_dev_info(net->dev));
	ret = control_check(net);
	if (ret == 0)
		ret = control_connect(net);
	if (ret < 0)
		revere_net_control_close(net);
	return ret;
}

int
revere_net_control_restart(struct revere_net *net)
{
	struct revere_net_control *control = &net->control;
	/* Should the device be restarted meanwhile, this is to be done again. */
	uint32_t restarts = revere_dev_restarts(net->dev);
	int ret;

	pthread_mutex_lock(&control->lock);
	posts_lose(net);
	ret = revere_ami_sw_reset(control->ami_sw);
	if (ret == 0) {
		revere_ami_sw_irq_mask(control->ami_sw, RVR_AMS_RX, CONTROL_RX, false);
		ret = revere_ami_hw_reset(control->ami_hw);
	}
	if (ret == 0)
		ret = revere_ami_sw_enable(control->ami_sw);
	if (ret == 0) {
		control->restarts = restarts;
		__atomic_store_n(&control->failed, false, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&control->lock);
	return ret;
}

void
revere_net_control_close(struct revere_net *net)
{
	struct revere_net_control *control = &net->control;
	unsigned int i;

	for (i = 0; i < RTE_DIM(control->asn); i++)
		if (control->asn[i] >= 0)
			revere_asn_destroy(net->dev, (uint32_t)control->asn[i]);
	if (control->ami_hw != NULL)
		revere_ami_hw_destroy(control->ami_hw);
	revere_ami_sw_destroy(control->ami_sw);
	revere_net_irq_close(net, &control->irq);
	control->ami_hw = NULL;
	control->ami_sw = NULL;
}
