/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management rings of the Functions: takes commands, answers them, posts exceptions and trace
 * messages, keeps ERROR_STATE and the digests.
 *
 * What the published model leaves open (P):
 * - A management ring that can't be used (not mapped, LOG2_SIZE beyond MAX_LOG2_SIZE, indices
 *   further apart than its size) is a fault on that AMS: ERROR_STATE 1 to 4. Nothing outside the
 *   ring is touched and no command is consumed; commands are tried again at the next write to an
 *   index, to AMU_CR or AMU_SR, so mending the cause and ringing the doorbell is enough.
 * - A command is executed only when its response has a slot that can be written.
 * - An exception or trace message that can't be written is lost.
 * - A VF's management runs while AMU_EN is set in the PF and the VF is enabled.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mgt.h"

/* A management ring as its registers describe it. */
struct mgt_ring {
	uint64_t base;
	uint64_t size; /* slots */
	uint64_t read, write;
};

#define MGT_RX(k) ((k) - RVR_MSK_RESPONSE) /* of an RVR_MSK_*: enum rvr_mgt_rx */

/* ---- Commands by opcode ------------------------------------------------------------------ */

struct mgt_cmd {
	const char *name;
	mgt_cmd_fn run;
};

#define MGT_CMD_ROW_(CMD, cmd, opcode, text) [opcode] = {text, cmd_##cmd},

static const struct mgt_cmd mgt_cmds[] = {RVR_COMMANDS(MGT_CMD_ROW_)};

static const struct mgt_cmd *
mgt_cmd_find(uint16_t opcode)
{
	if (opcode >= sizeof(mgt_cmds) / sizeof(mgt_cmds[0]) || mgt_cmds[opcode].run == NULL)
		return NULL;
	return &mgt_cmds[opcode];
}

const char *
mgt_cmd_name(uint16_t opcode)
{
	const struct mgt_cmd *cmd = mgt_cmd_find(opcode);

	return cmd != NULL ? cmd->name : NULL;
}

/* PF-* commands are the PF's alone. */
static bool
mgt_cmd_allowed(const struct amu_function *function, const struct mgt_cmd *cmd)
{
	return function->id == 0 || strncmp(cmd->name, "PF-", 3) != 0;
}

/* ---- Lock and what is pending ------------------------------------------------------------ */

int
mgt_bit_first(const uint64_t *map, unsigned int words)
{
	unsigned int i;

	for (i = 0; i < words; i++) {
		if (map[i] != 0)
			return (int)(i * 64) + __builtin_ctzll(map[i]);
	}
	return -1;
}

void
mgt_lock(struct amu *amu)
{
	/*
	 * A mutex goes to who is awake: a VF that sends command after command would keep all
	 * others out. The second one makes it wait behind whoever waits already.
	 */
	pthread_mutex_lock(&amu->mgt->turn);
	pthread_mutex_lock(&amu->mgt_lock);
	pthread_mutex_unlock(&amu->mgt->turn);
}

void
mgt_unlock(struct amu *amu)
{
	/*
	 * Who finds the lock taken in mgt_pump() leaves the work to its holder. Faults are looked
	 * at again after the unlock, lest one is left to nobody; responses that are held back
	 * have a time to come and a worker, or a reader of registers, that comes again.
	 */
	do {
		mgt_pump_locked(amu);
		pthread_mutex_unlock(&amu->mgt_lock);
	} while (atomic_load(&amu->mgt->fault_new) && pthread_mutex_trylock(&amu->mgt_lock) == 0);
}

/* One in n, of the device's own sequence of random numbers; the same for the same seed. */
static bool
mgt_inject(struct amu *amu, uint32_t n)
{
	uint64_t x = amu->mgt->random;

	if (n == 0)
		return false;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	amu->mgt->random = x;
	return x % n == 0;
}

/* ---- Digests, Type B table and interrupts ------------------------------------------------ */

static uint64_t
mgt_rx_offset(uint32_t first, unsigned int rx)
{
	return first + rx * RVR_DW;
}

/* Reads a ring's registers; false if it can't be used as they are. */
static bool
mgt_ring_get(const struct amu_function *function, unsigned int k, struct mgt_ring *ring)
{
	uint64_t ctrl = mgt_reg(function, RVR_MSK_CTRL + k * 0x10);
	unsigned int log2_size = (unsigned int)rvr_get(ctrl, RVR_MSK_CTRL_LOG2_SIZE);

	ring->base = mgt_reg(function, RVR_MSK_BASE_PTR + k * 0x10);
	ring->size = UINT64_C(1) << log2_size;
	if (k == RVR_MSK_COMMAND) {
		ring->read = mgt_reg(function, RVR_MGT_READ_INDEX_TX);
		ring->write = mgt_reg(function, RVR_MGT_WRITE_INDEX_TX);
	} else {
		ring->read = mgt_reg(function, mgt_rx_offset(RVR_MGT_READ_INDEX_RX, MGT_RX(k)));
		ring->write = mgt_reg(function, mgt_rx_offset(RVR_MGT_WRITE_INDEX_RX, MGT_RX(k)));
	}
	return log2_size <= function->amu->config.max_log2_size &&
	       ring->base <= UINT64_MAX - ring->size * RVR_MGT_MSG_SIZE;
}

static uint64_t
mgt_ring_used(const struct mgt_ring *ring)
{
	return ring->write - ring->read;
}

/* Free-running, so the only order there is: read is ahead of write if closer that way. */
static bool
mgt_ring_reversed(const struct mgt_ring *ring)
{
	return (int64_t)mgt_ring_used(ring) < 0;
}

static uint64_t
mgt_ring_slot(const struct mgt_ring *ring, uint64_t index)
{
	return ring->base + (index & (ring->size - 1)) * RVR_MGT_MSG_SIZE;
}

static bool
mgt_digest_bit(const struct amu_function *function, unsigned int k)
{
	uint64_t ctrl = mgt_reg(function, RVR_MSK_CTRL + k * 0x10);
	uint64_t threshold = UINT64_C(1) << rvr_get(ctrl, RVR_MSK_CTRL_THRESHOLD);
	struct mgt_ring ring;
	uint64_t used;

	if (!mgt_ring_get(function, k, &ring) || mgt_ring_reversed(&ring))
		return false;
	used = mgt_ring_used(&ring);
	if (k != RVR_MSK_COMMAND)
		return used >= threshold;
	return used <= ring.size && ring.size - used >= threshold;
}

static void
mgt_typeb_put(struct amu_function *function, uint32_t at, uint64_t value)
{
	uint64_t iova = mgt_reg(function, RVR_MGT_TYPEB_BASE) + at;
	rvr_le64 word = rvr_cpu_le64(value);
	uint64_t *to = dma_translate(&function->mgt->trace_view, iova, sizeof(word),
				     REVERE_EMU_PROT_WRITE);

	if (to != NULL)
		__atomic_store_n(to, word, __ATOMIC_RELEASE);
	else if (dma_write(&function->mgt->trace_view, iova, &word, sizeof(word)) != 0)
		mgt_error(function, RVR_ERROR_STATE_MGT_TYPEB_FAULT);
}

/*
 * With trace_lock. The management AMI's table lies as an AMI-SW's does; address 0 is none. Indices
 * go before digests: who sees a digest finds its messages.
 */
static void
mgt_typeb_locked(struct amu_function *function)
{
	unsigned int i;

	if (function->amu->config.ami_type != RVR_AMI_TYPE_B || !function->bus_master ||
	    mgt_reg(function, RVR_MGT_TYPEB_BASE) == 0)
		return;
	mgt_typeb_put(function, RVR_READ_INDEX_TX, mgt_reg(function, RVR_MGT_READ_INDEX_TX));
	for (i = 0; i < RVR_MGT_RX_NUM; i++)
		mgt_typeb_put(function, (uint32_t)mgt_rx_offset(RVR_WRITE_INDEX_RX, i),
			      mgt_reg(function, mgt_rx_offset(RVR_MGT_WRITE_INDEX_RX, i)));
	mgt_typeb_put(function, RVR_TX_DIGEST, mgt_reg(function, RVR_MGT_TX_DIGEST));
	mgt_typeb_put(function, RVR_RX_DIGEST, mgt_reg(function, RVR_MGT_RX_DIGEST));
}

/* Interrupts for what DIGEST AND NOT MASK has gained. */
static void
mgt_irq(struct amu_function *function, uint64_t pending, uint64_t *seen, uint32_t ctrl,
	uint32_t vector)
{
	uint64_t gained = pending & ~*seen;

	*seen = pending;
	if (gained == 0 || !rvr_get(mgt_reg(function, ctrl), RVR_MGT_RX_IRQ_CTRL_ENABLE))
		return;
	irq_raise(function, (unsigned int)mgt_reg(function, vector));
}

static void
mgt_digests_locked(struct amu_function *function)
{
	uint64_t tx, rx = 0;
	unsigned int i;

	tx = mgt_digest_bit(function, RVR_MSK_COMMAND);
	for (i = 0; i < RVR_MGT_RX_NUM; i++)
		rx |= (uint64_t)mgt_digest_bit(function, RVR_MSK_RESPONSE + i) << i;
	mgt_reg_set(function, RVR_MGT_TX_DIGEST, tx);
	mgt_reg_set(function, RVR_MGT_RX_DIGEST, rx);
	mgt_typeb_locked(function);
	mgt_irq(function, tx & ~mgt_reg(function, RVR_MGT_TX_DIGEST_MASK), &function->mgt->tx_seen,
		RVR_MGT_TX_IRQ_CTRL, RVR_MGT_TX_VECTOR);
	mgt_irq(function, rx & ~mgt_reg(function, RVR_MGT_RX_DIGEST_MASK), &function->mgt->rx_seen,
		RVR_MGT_RX_IRQ_CTRL, RVR_MGT_RX_VECTOR);
}

/* While a device or Function is off its digests stand still, and so do interrupts. */
void
mgt_digests(struct amu_function *function)
{
	if (!function->amu->running || !function->enabled)
		return;
	pthread_mutex_lock(&function->trace_lock);
	mgt_digests_locked(function);
	pthread_mutex_unlock(&function->trace_lock);
}

void
mgt_typeb(struct amu_function *function)
{
	pthread_mutex_lock(&function->trace_lock);
	mgt_typeb_locked(function);
	pthread_mutex_unlock(&function->trace_lock);
}

void
mgt_rings_reset(struct amu_function *function)
{
	struct mgt_function *mgt = function->mgt;
	unsigned int i;

	pthread_mutex_lock(&function->trace_lock);
	mgt_reg_set(function, RVR_MGT_READ_INDEX_TX, 0);
	mgt_reg_set(function, RVR_MGT_WRITE_INDEX_TX, 0);
	for (i = 0; i < RVR_MGT_RX_NUM; i++) {
		mgt_reg_set(function, mgt_rx_offset(RVR_MGT_READ_INDEX_RX, i), 0);
		mgt_reg_set(function, mgt_rx_offset(RVR_MGT_WRITE_INDEX_RX, i), 0);
	}
	mgt_reg_set(function, RVR_MGT_TX_DIGEST, 0);
	mgt_reg_set(function, RVR_MGT_RX_DIGEST, 0);
	mgt->rx_seen = 0;
	mgt->tx_seen = 0;
	mgt->held_count = 0;
	mgt->trap = MGT_TRAP_NONE;
	mgt_typeb_locked(function);
	pthread_mutex_unlock(&function->trace_lock);
}

void
mgt_error(struct amu_function *function, enum rvr_error_state state)
{
	uint64_t none = RVR_ERROR_STATE_NONE;
	uint64_t ctrl;

	if (!__atomic_compare_exchange_n(&function->regs[RVR_AMU_SR / 8], &none, (uint64_t)state,
					 false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	amu_log(function->amu, REVERE_EMU_LOG_NOTICE, "function %u: ERROR_STATE 0x%x", function->id,
		(unsigned int)state);
	ctrl = mgt_reg(function, RVR_ERR_IRQ_CTRL);
	if (rvr_get(ctrl, RVR_ERR_IRQ_CTRL_ENABLE))
		irq_raise(function, (unsigned int)rvr_get(ctrl, RVR_ERR_IRQ_CTRL_VECTOR));
}

/* ---- Receive rings: responses, exceptions, trace ----------------------------------------- */

/* Error of a fault on management ring k. */
static enum rvr_error_state
mgt_fault_of(unsigned int k)
{
	return (enum rvr_error_state)(RVR_ERROR_STATE_COMMAND_FAULT + k);
}

/* Whether a ring has a free slot that can be written: 0, -EAGAIN full, -EFAULT no such memory. */
static int
mgt_rx_room(struct amu_function *function, struct dma_view *view, unsigned int k,
	    unsigned int held, bool overwrite)
{
	static const uint8_t zero[RVR_MGT_MSG_SIZE];
	struct mgt_ring ring;
	uint64_t used, slot;

	if (!mgt_ring_get(function, k, &ring) || mgt_ring_reversed(&ring))
		return -EFAULT;
	used = mgt_ring_used(&ring);
	if (!overwrite) {
		if (used > ring.size)
			return -EFAULT;
		if (used + held >= ring.size)
			return -EAGAIN;
	}
	slot = mgt_ring_slot(&ring, ring.write + held);
	if (dma_translate(view, slot, sizeof(zero), REVERE_EMU_PROT_WRITE) != NULL)
		return 0;
	if (dma_covered(view->space, slot, sizeof(zero), REVERE_EMU_PROT_WRITE))
		return 0;
	/* With SVA a try tells; the slot is the device's. */
	return view->space->sva ? dma_write(view, slot, zero, sizeof(zero)) : -EFAULT;
}

/* Writes a message to a ring that has room, and then its index. */
static int
mgt_rx_put(struct amu_function *function, struct dma_view *view, unsigned int k, const void *msg)
{
	uint32_t index = (uint32_t)mgt_rx_offset(RVR_MGT_WRITE_INDEX_RX, MGT_RX(k));
	struct mgt_ring ring;

	if (!mgt_ring_get(function, k, &ring) ||
	    dma_write(view, mgt_ring_slot(&ring, ring.write), msg, RVR_MGT_MSG_SIZE) != 0) {
		mgt_error(function, mgt_fault_of(k));
		return -EFAULT;
	}
	mgt_reg_set(function, index, ring.write + 1);
	return 0;
}

static void
mgt_response_publish(struct amu_function *function, const void *msg)
{
	if (mgt_rx_put(function, &function->view, RVR_MSK_RESPONSE, msg) == 0)
		mgt_digests(function);
}

void
mgt_response(struct amu_function *function, uint8_t *msg)
{
	const struct revere_emu_faults *faults = &function->amu->config.faults;
	struct mgt_function *mgt = function->mgt;
	struct mgt_held *held;

	if (mgt_inject(function->amu, faults->response_lost))
		return;
	if (mgt_inject(function->amu, faults->response_wrong_op))
		rvr_msg_put(msg, 0, 15, 0, rvr_msg_opcode(msg) ^ 0x40u);
	if (faults->response_late_us == 0) {
		mgt_response_publish(function, msg);
		return;
	}
	held = &mgt->held[(mgt->held_first + mgt->held_count) % MGT_HELD_MAX];
	held->due = amu_now_ns() + faults->response_late_us * UINT64_C(1000);
	memcpy(held->msg, msg, sizeof(held->msg));
	mgt->held_count++;
	atomic_store(&function->amu->mgt_pending, true);
}

int
mgt_response_room(struct amu_function *function)
{
	struct mgt_function *mgt = function->mgt;

	if (mgt->held_count == MGT_HELD_MAX)
		return -EAGAIN;
	return mgt_rx_room(function, &function->view, RVR_MSK_RESPONSE, mgt->held_count, false);
}

int
mgt_exception_room(struct amu_function *function)
{
	if (!function->amu->running || !function->enabled || !function->bus_master)
		return -EAGAIN;
	return mgt_rx_room(function, &function->view, RVR_MSK_EXCEPTION, 0, false);
}

void
mgt_exception(struct amu_function *function, const void *msg)
{
	int ret;

	if (!function->amu->running || !function->enabled || !function->bus_master) {
		amu_log(function->amu, REVERE_EMU_LOG_NOTICE,
			"function %u: exception %u is lost, the Function is off", function->id,
			rvr_msg_opcode(msg));
		return;
	}
	ret = mgt_rx_room(function, &function->view, RVR_MSK_EXCEPTION, 0, false);
	if (ret == -EAGAIN)
		mgt_error(function, RVR_ERROR_STATE_EXCEPTION_FULL);
	else if (ret != 0)
		mgt_error(function, RVR_ERROR_STATE_EXCEPTION_FAULT);
	else if (mgt_rx_put(function, &function->view, RVR_MSK_EXCEPTION, msg) == 0)
		mgt_digests(function);
}

static bool
mgt_trace_locked(struct amu_function *function, const struct rvr_trace *trace)
{
	struct dma_view *view = &function->mgt->trace_view;
	bool overwrite = rvr_get(mgt_reg(function, RVR_MGT_TRACE_RX_CTRL),
				 RVR_MGT_TRACE_RX_CTRL_RX_MODE) == RVR_RX_OVERWRITE;
	int ret = mgt_rx_room(function, view, RVR_MSK_TRACE, 0, overwrite);

	if (ret == -EAGAIN)
		return false;
	if (ret != 0)
		mgt_error(function, RVR_ERROR_STATE_TRACE_FAULT);
	else if (mgt_rx_put(function, view, RVR_MSK_TRACE, trace) == 0)
		mgt_digests_locked(function);
	return true;
}

bool
mgt_trace(struct amu_function *function, const struct rvr_trace *trace)
{
	bool done;

	if (!function->enabled)
		return true;
	if (!function->bus_master)
		return false;
	pthread_mutex_lock(&function->trace_lock);
	done = mgt_trace_locked(function, trace);
	pthread_mutex_unlock(&function->trace_lock);
	return done;
}

/* ---- What workers leave ------------------------------------------------------------------ */

void
mgt_ring_fault(struct ami_sw *ami, unsigned int ams_id)
{
	struct mgt *mgt = ami->amu->mgt;

	/* The first fault is told; those behind it follow from the AMI being stopped. */
	if (atomic_exchange(&ami->fault_pending, UINT64_C(1) << 63 | ams_id) == 0)
		atomic_fetch_or(&mgt->faulted[ami->phy_id / 64], UINT64_C(1) << (ami->phy_id % 64));
	atomic_store(&mgt->fault_new, true);
	atomic_store(&ami->amu->mgt_pending, true);
}

static void
mgt_fault_post(struct ami_sw *ami)
{
	uint64_t fault = atomic_exchange(&ami->fault_pending, 0);
	struct rvr_e_f_ami_ring_fault fields = {.ami_id = ami->id, .ams_id = fault & 0x3f};
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (fault == 0)
		return;
	ami->faulted = true;
	ami->enable = false;
	if (ami->function == NULL)
		return;
	amu_log(ami->amu, REVERE_EMU_LOG_NOTICE, "function %u: fault on AMS %u of AMI-SW %u",
		ami->function->id, (unsigned int)fields.ams_id, ami->id);
	rvr_e_f_ami_ring_fault_encode(msg, &fields, 0);
	mgt_exception(ami->function, msg);
}

static void
mgt_faults_post(struct amu *amu)
{
	unsigned int i, bit;
	uint64_t word;

	for (i = 0; i < MGT_WORDS(MGT_AMI_SW_MAX); i++) {
		if (atomic_load_explicit(&amu->mgt->faulted[i], memory_order_relaxed) == 0)
			continue;
		word = atomic_exchange(&amu->mgt->faulted[i], 0);
		while (word != 0) {
			bit = (unsigned int)__builtin_ctzll(word);
			word &= word - 1;
			mgt_fault_post(&amu->ami_sw[i * 64 + bit]);
		}
	}
}

/* Responses whose time has come; whether some are left. */
static bool
mgt_held_publish(struct amu_function *function, uint64_t now)
{
	struct mgt_function *mgt = function->mgt;

	if (!function->amu->running || !function->enabled || !function->bus_master)
		return mgt->held_count > 0;
	while (mgt->held_count > 0 && mgt->held[mgt->held_first].due <= now) {
		mgt_response_publish(function, mgt->held[mgt->held_first].msg);
		mgt->held_first = (mgt->held_first + 1) % MGT_HELD_MAX;
		mgt->held_count--;
	}
	return mgt->held_count > 0;
}

void
mgt_pump_locked(struct amu *amu)
{
	bool held = false;
	uint64_t now;
	unsigned int i;

	if (!atomic_load(&amu->mgt_pending))
		return;
	atomic_store(&amu->mgt_pending, false);
	atomic_store(&amu->mgt->fault_new, false);
	mgt_faults_post(amu);
	keep_tell(amu);
	if (amu->config.faults.response_late_us == 0)
		return;
	now = amu_now_ns();
	for (i = 0; i < amu->num_functions; i++)
		held |= mgt_held_publish(&amu->functions[i], now);
	if (held)
		atomic_store(&amu->mgt_pending, true);
}

void
mgt_pump(struct amu *amu)
{
	if (pthread_mutex_trylock(&amu->mgt_lock) == 0)
		mgt_unlock(amu);
}

/* ---- Commands ---------------------------------------------------------------------------- */

void
mgt_execute(struct amu_function *function, const uint8_t *msg)
{
	const struct mgt_cmd *cmd = mgt_cmd_find(rvr_msg_opcode(msg));
	uint8_t rsp[RVR_MGT_MSG_SIZE] = {0};
	uint16_t status;

	status = cmd->run(function, msg, rsp);
	if (status != RVR_STATUS_OK)
		memset(rsp, 0, sizeof(rsp));
	rvr_msg_put(rsp, 0, 15, 0, rvr_msg_opcode(msg));
	rvr_msg_put(rsp, 0, 31, 16, status);
	amu_log(function->amu, REVERE_EMU_LOG_DEBUG, "function %u: %s: status %u", function->id,
		cmd->name, status);
	mgt_response(function, rsp);
}

/* The next command, if there is one and all that it needs is there. */
static bool
mgt_fetch(struct amu_function *function, uint8_t *msg)
{
	const struct revere_emu_faults *faults = &function->amu->config.faults;
	struct mgt_ring ring;
	bool usable;
	int room;

	usable = mgt_ring_get(function, RVR_MSK_COMMAND, &ring);
	if (ring.read == ring.write)
		return false;
	if (faults->command_stuck != 0 && function->amu->mgt->commands + 1 >= faults->command_stuck)
		return false;
	if (!usable || mgt_ring_used(&ring) > ring.size) {
		mgt_error(function, RVR_ERROR_STATE_COMMAND_FAULT);
		return false;
	}
	room = mgt_response_room(function);
	if (room == -EFAULT)
		mgt_error(function, RVR_ERROR_STATE_RESPONSE_FAULT);
	if (room != 0)
		return false;
	if (dma_read(&function->view, msg, mgt_ring_slot(&ring, ring.read), RVR_MGT_MSG_SIZE) !=
	    0) {
		mgt_error(function, RVR_ERROR_STATE_COMMAND_FAULT);
		return false;
	}
	return true;
}

static bool
mgt_may_run(const struct amu_function *function)
{
	return function->amu->running && function->enabled && function->bus_master &&
	       function->mgt->trap == MGT_TRAP_NONE;
}

/* One command; false: there is nothing to do now. */
static bool
mgt_step(struct amu_function *function)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];
	const struct mgt_cmd *cmd;
	bool allowed, trapped;

	/* What workers met before this command is told before its response. */
	mgt_pump_locked(function->amu);
	trap_again(function);
	if (!mgt_may_run(function) || !mgt_fetch(function, msg))
		return false;
	cmd = mgt_cmd_find(rvr_msg_opcode(msg));
	allowed = cmd != NULL && mgt_cmd_allowed(function, cmd);
	trapped = allowed && trap_wanted(function, rvr_msg_opcode(msg));
	if (trapped && !trap_begin(function, msg))
		return false;
	function->amu->mgt->commands++;
	/* The device owns a copy: the slot is software's again. */
	mgt_reg_set(function, RVR_MGT_READ_INDEX_TX, mgt_reg(function, RVR_MGT_READ_INDEX_TX) + 1);
	mgt_digests(function);
	if (!allowed) {
		amu_log(function->amu, REVERE_EMU_LOG_NOTICE, "function %u: invalid command %u",
			function->id, rvr_msg_opcode(msg));
		mgt_error(function, RVR_ERROR_STATE_INVALID_COMMAND);
	} else if (!trapped) {
		mgt_execute(function, msg);
	}
	if (function->id == 0)
		trap_retry(function->amu);
	return true;
}

void
mgt_ready(struct amu_function *function)
{
	function->mgt->ready = true;
	function->amu->mgt->ready = true;
}

void
mgt_run_ready(struct amu *amu)
{
	struct amu_function *function;
	unsigned int i;

	/* A command of one Function can make another's ready: until none is left. */
	while (amu->mgt->ready) {
		amu->mgt->ready = false;
		for (i = 0; i < amu->num_functions; i++) {
			function = &amu->functions[i];
			if (!function->mgt->ready)
				continue;
			function->mgt->ready = false;
			while (mgt_step(function))
				;
		}
	}
}

/* ---- Life -------------------------------------------------------------------------------- */

static void
mgt_free_all(struct amu *amu)
{
	struct mgt *mgt = amu->mgt;
	unsigned int i, a;

	for (i = 0; i < amu->config.num_ami_sw; i++)
		mgt_bit_set(mgt->ami_sw_free, i, true);
	for (a = 0; a < amu->num_aha; a++) {
		if (amu->aha[a] == NULL)
			continue;
		for (i = 0; i < amu->config.num_ami_hw; i++)
			mgt_bit_set(mgt->ami_hw_free[a], i, true);
	}
}

static int
mgt_function_init(struct amu_function *function)
{
	function->regs = calloc(MGT_REGS_SIZE / 8, sizeof(*function->regs));
	function->mgt = calloc(1, sizeof(*function->mgt));
	if (function->regs == NULL || function->mgt == NULL)
		return -ENOMEM;
	dma_view_init(&function->view, &function->space);
	dma_view_init(&function->mgt->trace_view, &function->space);
	regs_reset(function);
	return 0;
}

int
mgt_init(struct amu *amu, char *error, size_t error_size)
{
	int ret = -ENOMEM;
	unsigned int i;

	amu->mgt = calloc(1, sizeof(*amu->mgt));
	if (amu->mgt != NULL) {
		pthread_mutex_init(&amu->mgt->turn, NULL);
		/* xorshift has no way out of 0. */
		amu->mgt->random = amu->config.faults.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		mgt_free_all(amu);
		ret = 0;
	}
	for (i = 0; i < amu->num_functions && ret == 0; i++)
		ret = mgt_function_init(&amu->functions[i]);
	if (ret != 0 && error != NULL)
		snprintf(error, error_size, "no memory for %u functions", amu->num_functions);
	return ret;
}

void
mgt_fini(struct amu *amu)
{
	unsigned int i;

	for (i = 0; amu->functions != NULL && i < amu->num_functions; i++) {
		free(amu->functions[i].regs);
		free(amu->functions[i].mgt);
	}
	if (amu->mgt != NULL)
		pthread_mutex_destroy(&amu->mgt->turn);
	free(amu->mgt);
	amu->mgt = NULL;
}
