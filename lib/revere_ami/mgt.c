/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management rings: commands and their responses, exceptions, trace messages.
 *
 * Commands go one at a time. Their responses come in order, but carry no number, so a late one
 * looks like that of a later command with the same OPCODE. Hence a command whose response was
 * given up is remembered as owed, and before the next command a marker is sent: a harmless
 * command with an OPCODE that is owed nowhere. Its response can't be mistaken, and when it is
 * there all earlier ones have come, or never will. If no marker comes back the device counts as
 * broken: commands fail at once, until what is owed has come after all.
 */

#include <time.h>

#include <rte_cycles.h>
#include <rte_io.h>
#include <rte_pause.h>

#include "ami_private.h"

#define SPIN_TURNS 200	  /* looks at an index before it sleeps */
#define TIMEOUT_MS 5000 /* default; a machine that is busy with other things is no defect */
#define SLEEP_MIN_NS 20000 /* doubles each time */
#define SLEEP_MAX_NS 1000000

#define EXCEPTIONS_MAX 64 /* by a transport, in one call */
#define FAULTS_MAX 1024	  /* of contexts, of which the exceptions were lost */

/* Commands that change nothing, for markers. */
static const uint16_t markers[] = { RVR_F_PROBE, RVR_F_AMI_SW_SAVE, RVR_F_AMI_HW_SAVE };

_Static_assert(RTE_DIM(markers) + 1 <= MGT_OWED_MAX, "a command and each marker can be owed");

/* ---- Rings ---------------------------------------------------------------------------------- */

static uint64_t
ring_device_index(struct revere_dev *dev, const struct mgt_ring *ring)
{
	uint64_t index;

	if (ring->table != NULL)
		index = rvr_le64_cpu(__atomic_load_n(ring->table, __ATOMIC_ACQUIRE));
	else
		index = dev_read(dev, ring->device_reg);
	rte_io_rmb();
	return index;
}

static uint8_t *
ring_slot(const struct mgt_ring *ring)
{
	return (uint8_t *)ring->mem.va + (ring->own & ring->mask) * RVR_MGT_MSG_SIZE;
}

static void
ring_advance(struct revere_dev *dev, struct mgt_ring *ring)
{
	ring->own++;
	rte_io_wmb();
	dev_write(dev, ring->own_reg, ring->own);
}

/* The device wrote what can't be, or reads as nothing at all. */
static int
wild_index(struct revere_dev *dev, const struct mgt_ring *ring, uint64_t index)
{
	if (ring == &dev->mgt.command || ring == &dev->mgt.response)
		dev->mgt.broken = true;
	/* The transport has told that already. */
	if (revere_transport_gone(dev->transport))
		return -ENODEV;
	if (dev_read(dev, RVR_AMU_AIDR) == UINT64_MAX) {
		AMI_LOG(ERR, dev, "device is gone: its registers read as ones");
		return -ENODEV;
	}
	AMI_LOG(ERR, dev,
		"index %#" PRIx64 " in management register %#x is impossible, own index is %#"
		PRIx64 " and the ring has %" PRIu64 " slots: reset the device",
		index, ring->device_reg, ring->own, ring->mask + 1);
	return -EIO;
}

/* Messages that wait in a receive ring, or a negative errno. */
static int64_t
ring_ready(struct revere_dev *dev, const struct mgt_ring *ring)
{
	uint64_t index = ring_device_index(dev, ring);

	if (index - ring->own > ring->mask + 1)
		return wild_index(dev, ring, index);
	return (int64_t)(index - ring->own);
}

/* Free slots of the command ring, or a negative errno. */
static int64_t
ring_room(struct revere_dev *dev, const struct mgt_ring *ring)
{
	uint64_t index = ring_device_index(dev, ring);

	if (ring->own - index > ring->mask + 1)
		return wild_index(dev, ring, index);
	return (int64_t)(ring->mask + 1 - (ring->own - index));
}

/* ---- ERROR_STATE ---------------------------------------------------------------------------- */

uint16_t
revere_error_state(struct revere_dev *dev)
{
	return (uint16_t)rvr_get(dev_read(dev, RVR_AMU_SR), RVR_AMU_SR_ERROR_STATE);
}

void
revere_error_clear(struct revere_dev *dev)
{
	pthread_mutex_lock(&dev->lock);
	dev_write(dev, RVR_AMU_SR, 0);
	dev->mgt.error_seen = RVR_ERROR_STATE_NONE;
	pthread_mutex_unlock(&dev->lock);
}

#define ERROR_STATE_CASE(name, value, text)                                                    \
	case value:                                                                            \
		return text;

const char *
revere_error_state_text(uint16_t state)
{
	switch (state) {
		RVR_ERROR_STATES(ERROR_STATE_CASE)
	default:
		return "implementation defined";
	}
}

/* Whether a command has no chance of a response in this state. */
static bool
error_stops_commands(uint16_t state)
{
	switch (state) {
	case RVR_ERROR_STATE_EXCEPTION_FAULT:
	case RVR_ERROR_STATE_TRACE_FAULT:
	case RVR_ERROR_STATE_EXCEPTION_FULL:
	case RVR_ERROR_STATE_AMI_SW_TYPEB_FAULT:
	case RVR_ERROR_STATE_PROF_TBL_FAULT:
		return false;
	default:
		return true;
	}
}

/*
 * Looks at ERROR_STATE while a response is missing. The state stays until software clears it,
 * and that is not ours to do: only a state that was not seen before concerns this command.
 */
static int
check_error_state(struct revere_dev *dev)
{
	uint64_t sr = dev_read(dev, RVR_AMU_SR);
	uint16_t state = (uint16_t)rvr_get(sr, RVR_AMU_SR_ERROR_STATE);

	if (sr == UINT64_MAX && dev_read(dev, RVR_AMU_AIDR) == UINT64_MAX) {
		if (!revere_transport_gone(dev->transport))
			AMI_LOG(ERR, dev, "device is gone: its registers read as ones");
		dev->mgt.broken = true;
		return -ENODEV;
	}
	if (state == dev->mgt.error_seen)
		return 0;
	dev->mgt.error_seen = state;
	if (state == RVR_ERROR_STATE_NONE)
		return 0;
	AMI_LOG(ERR, dev, "ERROR_STATE is %#x: %s", state, revere_error_state_text(state));
	return error_stops_commands(state) ? -EIO : 0;
}

/* ---- Waiting -------------------------------------------------------------------------------- */

struct wait {
	uint64_t deadline; /* timer cycles */
	long sleep_ns;
	unsigned int turns;
};

static void
wait_start(struct revere_dev *dev, struct wait *wait)
{
	*wait = (struct wait){
		.deadline = rte_get_timer_cycles() +
			rte_get_timer_hz() * dev->mgt.timeout_ms / 1000,
		.sleep_ns = SLEEP_MIN_NS,
	};
}

/* One turn of waiting: 0, or why there is no point in waiting longer. */
static int
wait_turn(struct revere_dev *dev, struct wait *wait)
{
	struct timespec sleep = { 0, wait->sleep_ns };
	int ret;

	if (revere_transport_gone(dev->transport))
		return -ENODEV;
	if (wait->turns++ < SPIN_TURNS) {
		rte_pause();
		return 0;
	}
	dev_kick(dev);
	ret = check_error_state(dev);
	if (ret < 0)
		return ret;
	if (rte_get_timer_cycles() > wait->deadline)
		return -ETIMEDOUT;
	nanosleep(&sleep, NULL);
	wait->sleep_ns = RTE_MIN(2 * wait->sleep_ns, SLEEP_MAX_NS);
	return 0;
}

/* Waits until @p count() of a ring isn't 0: that, or a negative errno. */
static int64_t
wait_ring(struct revere_dev *dev, const struct mgt_ring *ring,
	int64_t (*count)(struct revere_dev *dev, const struct mgt_ring *ring))
{
	struct wait wait;
	int64_t n;
	int ret = 0;

	wait_start(dev, &wait);
	for (;;) {
		/* Also once more after the last turn: the process may have slept long. */
		n = count(dev, ring);
		if (n != 0 || ret < 0)
			break;
		ret = wait_turn(dev, &wait);
	}
	return n != 0 ? n : ret;
}

/* ---- Commands ------------------------------------------------------------------------------- */

static bool
is_owed(const struct mgt *mgt, uint16_t opcode)
{
	unsigned int i;

	for (i = 0; i < mgt->owed_num; i++)
		if (mgt->owed[i] == opcode)
			return true;
	return false;
}

/* Responses come in order: with that of @p opcode, those owed before it won't come any more. */
static void
owed_came(struct mgt *mgt, uint16_t opcode)
{
	unsigned int i, kept = 0;

	for (i = 0; i < mgt->owed_num && mgt->owed[i] != opcode; i++)
		;
	if (i == mgt->owed_num)
		return;
	for (i++; i < mgt->owed_num; i++)
		mgt->owed[kept++] = mgt->owed[i];
	mgt->owed_num = kept;
}

static int
send_command(struct revere_dev *dev, const void *request)
{
	struct mgt *mgt = &dev->mgt;
	uint16_t opcode = rvr_msg_opcode(request);
	int64_t room = wait_ring(dev, &mgt->command, ring_room);

	if (room == -ETIMEDOUT)
		AMI_LOG(ERR, dev, "%s (%u) not sent: the device took no command for %u ms",
			revere_command_name(opcode), opcode, mgt->timeout_ms);
	if (room < 0)
		return (int)room;
	memcpy(ring_slot(&mgt->command), request, RVR_MGT_MSG_SIZE);
	mgt->owed[mgt->owed_num++] = opcode;
	ring_advance(dev, &mgt->command);
	return 0;
}

/* Takes the next response; 0 or a negative errno, without a log line for -ETIMEDOUT. */
static int
receive_response(struct revere_dev *dev, void *response)
{
	struct mgt_ring *ring = &dev->mgt.response;
	int64_t ready = wait_ring(dev, ring, ring_ready);

	if (ready < 0)
		return (int)ready;
	memcpy(response, ring_slot(ring), RVR_MGT_MSG_SIZE);
	ring_advance(dev, ring);
	return 0;
}

/* Takes responses that came too late, without waiting. */
static int
drain_responses(struct revere_dev *dev)
{
	struct mgt_ring *ring = &dev->mgt.response;
	uint16_t opcode;
	int64_t ready;

	while ((ready = ring_ready(dev, ring)) > 0) {
		opcode = rvr_msg_opcode(ring_slot(ring));
		AMI_LOG(INFO, dev, "dropped a late response to %s (%u)",
			revere_command_name(opcode), opcode);
		owed_came(&dev->mgt, opcode);
		ring_advance(dev, ring);
	}
	return (int)ready;
}

/* Sends one marker and waits for it: 0, or a negative errno. */
static int
send_marker(struct revere_dev *dev, uint16_t marker)
{
	uint8_t message[RVR_MGT_MSG_SIZE] = { 0 };
	uint16_t opcode;
	int ret;

	rvr_msg_put(message, 0, 15, 0, marker);
	ret = send_command(dev, message);
	if (ret < 0)
		return ret;
	do {
		ret = receive_response(dev, message);
		if (ret < 0)
			return ret;
		opcode = rvr_msg_opcode(message);
		owed_came(&dev->mgt, opcode);
	} while (opcode != marker);
	return 0;
}

bool
ami_mgt_stuck(struct revere_dev *dev)
{
	struct mgt *mgt = &dev->mgt;

	return mgt->owed_num > 0 && ring_room(dev, &mgt->command) <= (int64_t)mgt->command.mask;
}

/* Makes sure that no response is owed any more. */
static int
resync(struct revere_dev *dev)
{
	struct mgt *mgt = &dev->mgt;
	unsigned int i;
	int ret;

	ret = drain_responses(dev);
	if (ret < 0)
		return ret;
	if (mgt->owed_num == 0)
		mgt->broken = false;
	for (i = 0; i < RTE_DIM(markers) && mgt->owed_num > 0 && !mgt->broken; i++) {
		if (is_owed(mgt, markers[i]))
			continue;
		ret = send_marker(dev, markers[i]);
		/* A marker that was taken may have lost its response. */
		if (ret < 0 && ami_mgt_stuck(dev))
			break;
	}
	if (mgt->owed_num == 0)
		return 0;
	mgt->broken = true;
	AMI_LOG(ERR, dev, "device doesn't answer commands any more, it owes %u: reset it",
		mgt->owed_num);
	return ret < 0 ? ret : -EIO;
}

static int
exec(struct revere_dev *dev, const void *request, void *response)
{
	uint16_t opcode = rvr_msg_opcode(request), answered;
	struct mgt *mgt = &dev->mgt;
	int ret;

	if (revere_transport_gone(dev->transport))
		return -ENODEV;
	if (mgt->owed_num > 0 || mgt->broken) {
		ret = resync(dev);
		if (ret < 0)
			return ret;
	}
	ret = send_command(dev, request);
	if (ret < 0)
		return ret;
	ret = receive_response(dev, response);
	mgt->dirty = mgt->dirty || ret < 0;
	if (ret == -ETIMEDOUT)
		AMI_LOG(ERR, dev, "%s (%u): no response within %u ms",
			revere_command_name(opcode), opcode, mgt->timeout_ms);
	if (ret < 0)
		return ret;
	answered = rvr_msg_opcode(response);
	if (answered == opcode) {
		mgt->owed_num = 0;
		return 0;
	}
	mgt->dirty = true;
	AMI_LOG(ERR, dev, "%s (%u) was answered with the OPCODE of %s (%u)",
		revere_command_name(opcode), opcode, revere_command_name(answered), answered);
	return -EIO;
}

int
revere_mgt_exec(struct revere_dev *dev, const void *request, void *response)
{
	int ret;

	pthread_mutex_lock(&dev->lock);
	if (dev->transport->ops->mgt_exec != NULL)
		ret = dev->transport->ops->mgt_exec(dev->transport, request, response);
	else
		ret = exec(dev, request, response);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

int
ami_mgt_status(struct revere_dev *dev, const void *request, void *response)
{
	int ret = revere_mgt_exec(dev, request, response);

	return ret < 0 ? ret : rvr_msg_status(response);
}

bool
ami_mgt_usable(struct revere_dev *dev)
{
	bool usable;

	if (!dev->enabled || revere_transport_gone(dev->transport))
		return false;
	pthread_mutex_lock(&dev->lock);
	/* Who owes an answer would be waited for in vain once more. */
	usable = !dev->mgt.broken &&
		(dev->mgt.owed_num == 0 || (drain_responses(dev) == 0 && dev->mgt.owed_num == 0));
	pthread_mutex_unlock(&dev->lock);
	return usable;
}

/* ---- Exceptions ----------------------------------------------------------------------------- */

#define EXCEPTION_CASE(EXC, exc, opcode, text)                                                 \
	case opcode:                                                                           \
		return text;

static const char *
exception_name(uint16_t opcode)
{
	switch (opcode) {
		RVR_EXCEPTIONS(EXCEPTION_CASE)
	default:
		return "unknown exception";
	}
}

static void
log_exception(struct revere_dev *dev, const void *msg)
{
	uint16_t opcode = rvr_msg_opcode(msg);
	struct rvr_e_f_ami_ring_fault fault;
	struct rvr_e_pf_vf_reset vf_reset;

	if (opcode == RVR_E_PF_VF_RESET) {
		rvr_e_pf_vf_reset_decode(msg, &vf_reset);
		AMI_LOG(NOTICE, dev, "VF %" PRIu64 " was reset", vf_reset.source);
		return;
	}
	if (opcode == RVR_E_F_AMI_RING_FAULT) {
		rvr_e_f_ami_ring_fault_decode(msg, &fault);
		AMI_LOG(WARNING, dev,
			"E-F-AMI-RING-FAULT: AMI-SW %" PRIu64 " socket %" PRIu64
			": the device disabled it, reset it",
			fault.ami_id, fault.ams_id);
		return;
	}
	AMI_LOG(NOTICE, dev, "%s (%u)", exception_name(opcode), opcode);
}

int
revere_exception_register(struct revere_dev *dev, revere_exception_fn fn, void *arg)
{
	struct exception_user *user = calloc(1, sizeof(*user));

	if (user == NULL)
		return -ENOMEM;
	user->fn = fn;
	user->arg = arg;
	pthread_mutex_lock(&dev->exception_lock);
	TAILQ_INSERT_TAIL(&dev->exception_users, user, next);
	pthread_mutex_unlock(&dev->exception_lock);
	return 0;
}

int
revere_exception_unregister(struct revere_dev *dev, revere_exception_fn fn, void *arg)
{
	struct exception_user *user;

	pthread_mutex_lock(&dev->exception_lock);
	TAILQ_FOREACH(user, &dev->exception_users, next) {
		if (user->fn == fn && user->arg == arg)
			break;
	}
	if (user != NULL)
		TAILQ_REMOVE(&dev->exception_users, user, next);
	pthread_mutex_unlock(&dev->exception_lock);
	free(user);
	return user == NULL ? -ENOENT : 0;
}

static void
handle_exception(struct revere_dev *dev, const void *msg)
{
	struct exception_user *user, *next;

	log_exception(dev, msg);
	for (user = TAILQ_FIRST(&dev->exception_users); user != NULL; user = next) {
		next = TAILQ_NEXT(user, next); /* it may unregister itself */
		user->fn(user->arg, msg);
	}
}

/* Exceptions that come by the transport. */
static int
poll_transport(struct revere_dev *dev)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];
	int count, ret = 1;

	for (count = 0; count < EXCEPTIONS_MAX && ret > 0; count += ret) {
		ret = dev->transport->ops->mgt_exception(dev->transport, msg);
		if (ret > 0)
			handle_exception(dev, msg);
		if (ret < 0)
			return ret;
	}
	return count;
}

static int
poll_ring(struct revere_dev *dev)
{
	struct mgt_ring *ring = &dev->mgt.exception;
	uint8_t msg[RVR_MGT_MSG_SIZE];
	int64_t ready;
	int count = 0;

	/* Bounded: what was raised meanwhile is for the next call. */
	for (ready = ring_ready(dev, ring); ready > 0; ready--) {
		memcpy(msg, ring_slot(ring), sizeof(msg));
		ring_advance(dev, ring);
		count++;
		handle_exception(dev, msg);
	}
	return ready < 0 ? (int)ready : count;
}

/* IDs of contexts that are at fault, in @p ids if there is room; how many there are. */
static unsigned int
faults_find(struct revere_dev *dev, uint16_t *ids, unsigned int room)
{
	struct revere_ami_sw *ami_sw;
	unsigned int num = 0;

	pthread_mutex_lock(&dev->lock);
	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		if (num < room && ami_sw_was_stopped(ami_sw))
			ids[num++] = ami_sw->id;
	pthread_mutex_unlock(&dev->lock);
	return num;
}

/*
 * A full ring loses what comes: of VFs' resets and wrong vectors nothing else tells, contexts that
 * are at fault are disabled. Those that were told of are told of again.
 */
static int
make_up_for_lost(struct revere_dev *dev)
{
	struct rvr_e_f_ami_ring_fault fault = { .ami_id = 0 };
	uint8_t msg[RVR_MGT_MSG_SIZE];
	uint16_t ids[FAULTS_MAX];
	unsigned int i, num;

	if (revere_error_state(dev) != RVR_ERROR_STATE_EXCEPTION_FULL)
		return 0;
	/* First: what is lost from now on is noticed again. */
	revere_error_clear(dev);
	num = faults_find(dev, ids, RTE_DIM(ids));
	AMI_LOG(WARNING, dev, "the exception ring was full and exceptions are lost; %u contexts "
		"are at fault", num);
	for (i = 0; i < num; i++) {
		fault.ami_id = ids[i];
		rvr_e_f_ami_ring_fault_encode(msg, &fault, RVR_STATUS_OK);
		handle_exception(dev, msg);
	}
	return (int)num;
}

int
revere_exception_poll(struct revere_dev *dev)
{
	int ret;

	pthread_mutex_lock(&dev->exception_lock);
	ret = dev->transport->ops->mgt_exec != NULL ? poll_transport(dev) : poll_ring(dev);
	if (ret > 0 && dev->transport->ops->mgt_exec == NULL)
		ret += make_up_for_lost(dev);
	pthread_mutex_unlock(&dev->exception_lock);
	return ret;
}

/* ---- Trace ---------------------------------------------------------------------------------- */

int
revere_trace_poll(struct revere_dev *dev, struct rvr_trace *msgs, unsigned int count)
{
	struct mgt_ring *ring = &dev->mgt.trace;
	uint64_t write;
	unsigned int n = 0;

	if (ring->mem.va == NULL)
		return -ENOTSUP;
	pthread_mutex_lock(&dev->exception_lock);
	while (n < count) {
		write = ring_device_index(dev, ring);
		if ((int64_t)(write - ring->own) <= 0)
			break;
		/* Overwritten unread: go on with the oldest that is left. */
		if (write - ring->own > ring->mask + 1)
			ring->own = write - (ring->mask + 1);
		memcpy(&msgs[n], ring_slot(ring), sizeof(msgs[n]));
		rte_io_rmb();
		if (ring_device_index(dev, ring) - ring->own <= ring->mask + 1)
			n++;
		ring_advance(dev, ring);
	}
	pthread_mutex_unlock(&dev->exception_lock);
	return (int)n;
}

/* ---- Set-up --------------------------------------------------------------------------------- */

static int
ring_init(struct revere_dev *dev, struct mgt_ring *ring, enum rvr_msk msk, uint32_t log2_size)
{
	uint64_t control = rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, log2_size);
	uint32_t index = msk == RVR_MSK_COMMAND ? 0 : 8 * (msk - RVR_MSK_RESPONSE);
	bool tx = msk == RVR_MSK_COMMAND;
	int ret;

	ret = ami_mem_alloc(&ring->mem, (size_t)RVR_MGT_MSG_SIZE << log2_size,
		RTE_CACHE_LINE_SIZE, dev->transport->numa_node);
	if (ret < 0) {
		AMI_LOG(ERR, dev, "no memory for a management ring of %u slots", 1u << log2_size);
		return ret;
	}
	ring->mask = (UINT64_C(1) << log2_size) - 1;
	ring->own_reg = (tx ? RVR_MGT_WRITE_INDEX_TX : RVR_MGT_READ_INDEX_RX) + index;
	ring->device_reg = (tx ? RVR_MGT_READ_INDEX_TX : RVR_MGT_WRITE_INDEX_RX) + index;
	dev_write(dev, RVR_MSK_BASE_PTR + 0x10 * msk, ring->mem.iova);
	dev_write(dev, RVR_MSK_CTRL + 0x10 * msk, control);
	/* Zero in a PF, whose AMU_EN was just set; a VF's go on from where they are. */
	ring->own = dev_read(dev, ring->own_reg);
	return 0;
}

/* Type B: the device writes its indices to a table, laid out as an AMI-SW page. */
static int
table_init(struct revere_dev *dev)
{
	struct mgt *mgt = &dev->mgt;
	struct mgt_ring *rings[] = { &mgt->command, &mgt->response, &mgt->exception, &mgt->trace };
	uint64_t *at;
	unsigned int i;
	int ret;

	ret = ami_mem_alloc(&mgt->table, RVR_AMI_SW_PAGE_SIZE, RVR_AMI_SW_PAGE_SIZE,
		dev->transport->numa_node);
	if (ret < 0) {
		AMI_LOG(ERR, dev, "no memory for the management Type B table");
		return ret;
	}
	for (i = 0; i < RTE_DIM(rings); i++) {
		if (rings[i]->mem.va == NULL)
			continue;
		at = RTE_PTR_ADD(mgt->table.va, rings[i]->device_reg - RVR_MGT_TX_DIGEST);
		*at = rvr_cpu_le64(dev_read(dev, rings[i]->device_reg));
		rings[i]->table = at;
	}
	dev_write(dev, RVR_MGT_TYPEB_BASE, mgt->table.iova);
	return 0;
}

static uint32_t
ring_size(const struct revere_dev *dev, const struct revere_dev_conf *conf, uint32_t log2_size,
	uint32_t preset)
{
	if (conf->one_slot)
		return 0;
	return RTE_MIN(log2_size == 0 ? preset : log2_size, (uint32_t)dev->info.max_log2_size);
}

int
ami_mgt_init(struct revere_dev *dev, const struct revere_dev_conf *conf)
{
	uint32_t size = ring_size(dev, conf, conf->mgt_log2_size, 4);
	struct mgt *mgt = &dev->mgt;
	int ret;

	memset(mgt, 0, sizeof(*mgt));
	mgt->timeout_ms = conf->timeout_ms == 0 ? TIMEOUT_MS : conf->timeout_ms;
	if (dev->transport->ops->mgt_exec != NULL)
		return 0;
	ret = ring_init(dev, &mgt->command, RVR_MSK_COMMAND, size);
	if (ret == 0)
		ret = ring_init(dev, &mgt->response, RVR_MSK_RESPONSE, size);
	if (ret == 0)
		ret = ring_init(dev, &mgt->exception, RVR_MSK_EXCEPTION,
			ring_size(dev, conf, conf->exception_log2_size, 6));
	if (ret == 0 && conf->trace_log2_size != 0 && dev->info.tracing) {
		/* Nobody may be there to read traces: that mustn't stall sessions. */
		dev_write(dev, RVR_MGT_TRACE_RX_CTRL, RVR_RX_OVERWRITE);
		ret = ring_init(dev, &mgt->trace, RVR_MSK_TRACE,
			ring_size(dev, conf, conf->trace_log2_size, 0));
	}
	if (ret == 0 && dev->info.ami_type == RVR_AMI_TYPE_B)
		ret = table_init(dev);
	return ret;
}

void
ami_mgt_fini(struct revere_dev *dev)
{
	struct mgt *mgt = &dev->mgt;

	ami_mem_free(&mgt->command.mem);
	ami_mem_free(&mgt->response.mem);
	ami_mem_free(&mgt->exception.mem);
	ami_mem_free(&mgt->trace.mem);
	ami_mem_free(&mgt->table);
}
