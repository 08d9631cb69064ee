/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The switch: moves messages along sessions.
 *
 * A session whose source is a ring is served by its worker: what software has announced is
 * handed to the agent where it lies, or copied to the receiving ring. A session whose source is
 * an agent is filled by that agent, with asn_slot() and asn_commit(). In both cases the end of
 * the turn publishes what a receiving ring got.
 */

#include <stdlib.h>

#include "worker.h"

/* What one session may move in one turn, so that equals share the worker. */
#define ASN_BUDGET_BYTES 16384u
#define ASN_BUDGET_MIN 8u
/* Turns without effect after which a session isn't looked at each turn any more. */
#define ASN_COLD_TURNS 512u
/* Messages of which the switch asks the cache for all lines before an agent takes them. */
#define PREFETCH_BYTES 1024u

/* ---- Hot and cold -------------------------------------------------------------------------- */

void
asn_heat(struct asn *asn)
{
	struct amu_worker *worker = asn->worker;
	unsigned int prio = (unsigned int)asn->attr.prio;

	if (asn->hot || !asn->ready)
		return;
	asn->hot = true;
	asn->idle_turns = 0;
	TAILQ_INSERT_TAIL(&worker->hot[prio], asn, link);
	worker->hot_prios |= UINT32_C(1) << prio;
}

/** The next slice of the watch list that comes by looks at the ring, changed or not. */
static void
ring_mark(const struct ams *ams, struct amu_worker *worker)
{
	struct watch *watch;

	if (ams == NULL || ams->watch == WATCH_NONE)
		return;
	watch = &worker->watches.entries[ams->watch];
	watch->seen = ~atomic_load_explicit(watch->word, memory_order_relaxed);
}

void
asn_cool(struct asn *asn)
{
	struct amu_worker *worker = asn->worker;
	unsigned int prio = (unsigned int)asn->attr.prio;

	if (!asn->hot)
		return;
	asn->hot = false;
	TAILQ_REMOVE(&worker->hot[prio], asn, link);
	if (TAILQ_EMPTY(&worker->hot[prio]))
		worker->hot_prios &= ~(UINT32_C(1) << prio);
	if (asn->src_ams == NULL || asn->src_ams->watch == WATCH_NONE)
		return;
	if (asn->stalled)
		ring_mark(asn->src_ams, worker);
	else
		worker->watches.entries[asn->src_ams->watch].seen = asn->src_ams->read;
}

/* ---- Profiling, tracing, injected faults: what `observed` sessions pay for ------------------- */

static void
prof_add(struct asn *asn, enum rvr_prof_counter counter, uint64_t value)
{
	if ((asn->attr.prof_mask & (UINT64_C(1) << counter)) != 0)
		atomic_fetch_add_explicit(&asn->prof.counter[counter], value,
					  memory_order_relaxed);
}

/** The session has a message and can't move it (or can again). */
static void
asn_stall(struct asn *asn, bool stalled)
{
	asn->stalled = stalled;
	if (amu_likely(!asn->profiled))
		return;
	if (stalled && asn->prof.stalled_since == 0) {
		asn->prof.stalled_since = amu_now_ns();
		prof_add(asn, RVR_PROF_STALLS, 1);
	} else if (!stalled && asn->prof.stalled_since != 0) {
		prof_add(asn, RVR_PROF_STALL_NS, amu_now_ns() - asn->prof.stalled_since);
		asn->prof.stalled_since = 0;
	}
}

/** Sends the trace message of the message that is about to move; false: no room, wait. */
static bool
trace_next(struct asn *asn)
{
	struct rvr_trace trace = {
		.opcode = rvr_cpu_le16(RVR_TRACE_OPCODE),
		.asn_id = rvr_cpu_le32(asn->id),
		.timestamp = rvr_cpu_le64(amu_now_ns()),
		.index = rvr_cpu_le64(asn->index + asn->pending),
		.length = rvr_cpu_le32(asn->msg_bytes / RVR_DW),
	};
	unsigned int owner = (unsigned int)asn->attr.mon_owner;

	if (!asn->traced || asn->trace_posted || owner >= asn->amu->num_functions)
		return true;
	asn->trace_posted = mgt_trace(&asn->amu->functions[owner], &trace);
	return asn->trace_posted;
}

/** A message of an observed session has moved. */
static void
observe_moved(struct asn *asn)
{
	asn->trace_posted = false;
	if (!asn->profiled)
		return;
	prof_add(asn, RVR_PROF_MESSAGES, 1);
	prof_add(asn, RVR_PROF_DW, asn->msg_bytes / RVR_DW);
}

bool
amu_chance(struct amu_worker *worker, uint32_t n)
{
	uint64_t x = worker->random;

	if (amu_likely(n == 0))
		return false;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return (x >> 16) % n == 0;
}

struct amu_worker *
aha_worker(const struct ami_hw *hw)
{
	return partition_worker(&hw->node);
}

/** Faults of an agent's answer; true: the answer is lost. */
static bool
inject_answer(struct asn *asn, uint8_t *slot)
{
	const struct revere_emu_faults *faults = &asn->amu->config.faults;
	struct amu_worker *worker = asn->worker;

	if (amu_chance(worker, faults->answer_corrupt))
		for (uint32_t n = 0; n < asn->msg_bytes; n++) {
			amu_chance(worker, 2);
			slot[n] = (uint8_t)worker->random;
		}
	if (asn->pending == 0 && faults->answer_late_us != 0)
		asn->late_since = amu_now_ns();
	return amu_chance(worker, faults->answer_lost);
}

/* ---- Sending: slots of the receiver ---------------------------------------------------------- */

void
asn_mark_dirty(struct asn *asn)
{
	asn->dirty = true;
	asn->next_dirty = asn->worker->dirty;
	asn->worker->dirty = asn;
}

/** The ring can be used now; a ring that can't at all stops its AMI. */
static bool
ring_usable(struct ams *ams)
{
	enum ring_state state;

	if (amu_likely(ams->base != NULL))
		return true;
	state = ring_resolve(ams);
	if (state == RING_FAULT)
		ring_fault(ams);
	return state == RING_OK;
}

/** Free slots of a receiving ring, at least `want` if there are; software's index is read again. */
static uint64_t
ring_room(struct ams *ams, uint64_t want)
{
	uint64_t size = (uint64_t)ams->mask + 1;
	uint64_t used = ams->write - ams->read;

	if (ams->rx_mode == RVR_RX_OVERWRITE)
		return size;
	if (amu_likely(used <= size && size - used >= want))
		return size - used;
	ams->read = atomic_load_explicit(ams->read_index, memory_order_acquire);
	used = ams->write - ams->read;
	if (amu_likely(used <= size))
		return size - used;
	if ((int64_t)used < 0)
		ring_fault(ams); /* read what was never written */
	return 0;
}

/** Room of the queue between two agents. */
static uint8_t *
queue_slot(struct asn *asn)
{
	struct hw_queue *queue = &asn->queue;

	if (queue->slots == NULL || queue->write - queue->read > queue->mask)
		return NULL;
	return queue->slots + (size_t)(queue->write & queue->mask) * asn->msg_bytes;
}

/** Where the next message of the session goes, tracing aside. */
static uint8_t *
asn_next(struct asn *asn)
{
	struct ams *ams = asn->dst_ams;
	uint8_t *slot;

	if (!asn->ready)
		return NULL;
	if (ams == NULL)
		return queue_slot(asn);
	if (!ring_usable(ams) || ring_room(ams, 1) == 0)
		return NULL;
	slot = ring_slot(ams, ams->write);
	return slot != NULL ? slot : ams->staging;
}

void *
asn_slot_slow(struct asn *asn)
{
	uint8_t *slot = asn_next(asn);

	if (slot != NULL && asn->observed && !trace_next(asn))
		slot = NULL;
	if (amu_unlikely(asn->profiled) && asn->src_hw != NULL)
		asn_stall(asn, slot == NULL);
	return slot;
}

void
asn_commit_slow(struct asn *asn)
{
	struct ams *ams = asn->dst_ams;
	uint8_t *slot = asn_next(asn);

	if (slot == NULL)
		return; /* the receiver has stopped in this turn: its messages go with it */
	if (asn->observed) {
		observe_moved(asn);
		if (asn->injected && inject_answer(asn, slot))
			return;
	}
	if (ams == NULL) {
		asn->queue.write++;
		asn->index++;
		asn_heat(asn);
		return;
	}
	if (slot == ams->staging && dma_write(&ams->ami_sw->view, ring_slot_iova(ams, ams->write),
					      slot, asn->msg_bytes) != 0) {
		ring_fault(ams);
		return;
	}
	ams->write++;
	asn->pending++;
	if (!asn->dirty)
		asn_mark_dirty(asn);
}

/** Whether injection holds the session's answers back. */
static bool
asn_held(const struct asn *asn)
{
	uint64_t late_us = asn->amu->config.faults.answer_late_us;

	return late_us != 0 && amu_now_ns() - asn->late_since < late_us * 1000;
}

void
asn_flush(struct asn *asn)
{
	struct ams *ams = asn->dst_ams;
	uint32_t count = asn->pending;
	uint64_t value;

	if (count == 0)
		return;
	if (amu_unlikely(asn->injected) && asn_held(asn))
		return;
	asn->pending = 0;
	if (amu_unlikely(!ams->running))
		return;
	asn->index += count;
	value = ams->write;
	if (amu_unlikely(asn->injected) &&
	    amu_chance(asn->worker, asn->amu->config.faults.index_wild))
		value += asn->worker->random;
	atomic_store_explicit(ams->write_index, value, memory_order_release);
	if (ams->typeb_index != NULL)
		atomic_store_explicit(ams->typeb_index, value, memory_order_release);
	if (ams->irq || !ams->digest)
		digest_published(ams, count);
}

/* ---- Serving sessions that leave from a ring ------------------------------------------------- */

/** Messages that software has announced. */
static uint64_t
ring_available(struct ams *ams)
{
	uint64_t write = atomic_load_explicit(ams->write_index, memory_order_acquire);
	uint64_t count = write - ams->read;

	if (amu_likely(count == 0))
		return 0;
	if (amu_unlikely(count > (uint64_t)ams->mask + 1)) {
		ring_fault(ams);
		return 0;
	}
	ams->write = write;
	return ring_usable(ams) ? count : 0;
}

/** The device has a copy of `count` messages: their slots are software's again. */
static void
ring_consumed(struct ams *ams, uint64_t count)
{
	atomic_store_explicit(ams->read_index, ams->read, memory_order_release);
	if (amu_unlikely(ams->typeb_index != NULL))
		atomic_store_explicit(ams->typeb_index, ams->read, memory_order_release);
	if (ams->irq || !ams->digest)
		digest_published(ams, count);
}

/**
 * The next messages of a ring that lie one behind the other.
 *
 * @param count  how many are wanted; set to how many there are
 * @return NULL: the ring is at fault
 */
static const uint8_t *
ring_messages(struct ams *ams, uint64_t *count)
{
	uint64_t to_end = (uint64_t)ams->mask + 1 - (ams->read & ams->mask);
	const uint8_t *slot;

	if (amu_likely(ams->base != NULL)) {
		if (*count > to_end)
			*count = to_end;
		return ring_slot(ams, ams->read);
	}
	*count = 1;
	if (amu_unlikely(!ams->running))
		return NULL; /* at fault since this turn began */
	slot = ring_slot(ams, ams->read);
	if (slot != NULL)
		return slot;
	if (dma_read(&ams->ami_sw->view, ams->staging, ring_slot_iova(ams, ams->read),
		     ams->slot_bytes) == 0)
		return ams->staging;
	ring_fault(ams);
	return NULL;
}

static uint64_t
serve_to_hw(struct asn *asn, uint64_t count)
{
	struct ams *ams = asn->src_ams;
	struct ami_hw *hw = asn->dst_hw;
	unsigned int socket = (unsigned int)asn->attr.dst_ams;
	uint64_t moved = 0;

	while (moved < count) {
		uint64_t run = asn->observed ? 1 : count - moved;
		const uint8_t *msgs = ring_messages(ams, &run);
		uint64_t lines = run << ams->slot_shift;
		uint32_t taken;

		if (msgs == NULL || (asn->observed && !trace_next(asn)))
			break;
		for (uint64_t at = 0; at < lines && at < PREFETCH_BYTES; at += AMU_CACHE_LINE)
			__builtin_prefetch(msgs + at);
		taken = hw->aha->ops->receive(hw, socket, asn, msgs, (uint32_t)run);
		ams->read += taken;
		asn->index += taken;
		moved += taken;
		if (amu_unlikely(asn->observed) && taken > 0)
			observe_moved(asn);
		if (taken < run)
			break;
	}
	if (moved > 0)
		hw_touch(asn->worker, hw);
	return moved;
}

/** Ring to ring, where both are contiguous and nobody watches. */
static uint64_t
serve_to_ring_fast(struct asn *asn, uint64_t count)
{
	struct ams *src = asn->src_ams, *dst = asn->dst_ams;
	uint64_t room = ring_room(dst, count);
	uint64_t moved = 0;

	if (count > room)
		count = room;
	while (moved < count) {
		uint64_t run = count - moved;
		uint64_t to_end = (uint64_t)dst->mask + 1 - (dst->write & dst->mask);
		const uint8_t *msgs = ring_messages(src, &run);

		if (run > to_end)
			run = to_end;
		memcpy(ring_slot(dst, dst->write), msgs, run << src->slot_shift);
		src->read += run;
		dst->write += run;
		moved += run;
	}
	asn->pending += (uint32_t)moved;
	if (moved > 0 && !asn->dirty)
		asn_mark_dirty(asn);
	return moved;
}

static uint64_t
serve_to_ring(struct asn *asn, uint64_t count)
{
	struct ams *src = asn->src_ams, *dst = asn->dst_ams;
	uint64_t moved = 0;

	if (!ring_usable(dst))
		return 0;
	if (amu_likely(src->base != NULL && dst->base != NULL && !asn->observed))
		return serve_to_ring_fast(asn, count);
	while (moved < count) {
		uint8_t *slot = asn_slot_slow(asn);
		uint64_t one = 1;
		const uint8_t *msg = slot != NULL ? ring_messages(src, &one) : NULL;

		if (msg == NULL)
			break;
		memcpy(slot, msg, asn->msg_bytes);
		asn_commit_slow(asn);
		src->read++;
		moved++;
	}
	return moved;
}

/** Agent to agent. */
static uint64_t
serve_queue(struct asn *asn, uint64_t budget)
{
	struct hw_queue *queue = &asn->queue;
	struct ami_hw *hw = asn->dst_hw;
	uint64_t moved = 0;

	while (queue->read != queue->write && moved < budget) {
		uint64_t run = queue->write - queue->read;
		uint64_t to_end = (uint64_t)queue->mask + 1 - (queue->read & queue->mask);
		uint32_t taken;

		if (run > to_end)
			run = to_end;
		taken = hw->aha->ops->receive(
			hw, (unsigned int)asn->attr.dst_ams, asn,
			queue->slots + (size_t)(queue->read & queue->mask) * asn->msg_bytes,
			(uint32_t)run);
		queue->read += taken;
		moved += taken;
		if (taken < run)
			break;
	}
	asn_stall(asn, queue->read != queue->write && moved == 0);
	if (moved > 0)
		hw_touch(asn->worker, hw);
	return moved;
}

static uint64_t
asn_budget(const struct asn *asn)
{
	uint64_t budget = ASN_BUDGET_BYTES / asn->msg_bytes;

	return budget < ASN_BUDGET_MIN ? ASN_BUDGET_MIN : budget;
}

/** Moves what the session has, up to its budget. */
static uint64_t
asn_serve(struct asn *asn, uint64_t budget)
{
	struct ams *ams = asn->src_ams;
	uint64_t count, moved;

	if (ams == NULL)
		return asn->kind == ASN_HW_TO_HW ? serve_queue(asn, budget) : 0;
	if (amu_unlikely(!ams->running))
		return 0;
	count = ring_available(ams);
	if (count == 0)
		return 0;
	if (count > budget)
		count = budget;
	moved = asn->kind == ASN_RING_TO_HW ? serve_to_hw(asn, count) : serve_to_ring(asn, count);
	if (asn->stalled || moved < count)
		asn_stall(asn, moved < count);
	if (moved > 0 && ams->running)
		ring_consumed(ams, moved);
	return moved;
}

bool
asn_pull(struct asn *asn)
{
	return asn->ready && asn_serve(asn, asn_budget(asn)) > 0;
}

/* ---- A turn ---------------------------------------------------------------------------------- */

bool
switch_turn(struct amu_worker *worker)
{
	uint32_t prios = worker->hot_prios;
	bool moved = false, more = false;

	/* A lower priority has its turn when none of a higher one has left something to move. */
	while (prios != 0 && !more) {
		unsigned int prio = 31 - (unsigned int)__builtin_clz(prios);
		struct asn *asn, *next;

		prios &= ~(UINT32_C(1) << prio);
		for (asn = TAILQ_FIRST(&worker->hot[prio]); asn != NULL; asn = next) {
			uint64_t budget = asn_budget(asn);
			uint64_t count = asn_serve(asn, budget);

			next = TAILQ_NEXT(asn, link);
			if (count > 0) {
				asn->idle_turns = 0;
				moved = true;
				/* Or the agent has had enough for a turn, as of large copies. */
				more |= count >= budget || asn->stalled;
			} else if (++asn->idle_turns > ASN_COLD_TURNS &&
				   (asn->kind != ASN_HW_TO_HW || !asn->stalled)) {
				asn_cool(asn);
			}
		}
	}
	return moved;
}

bool
switch_tx_changed(struct ams *ams, struct watch *watch, uint64_t value)
{
	struct asn *asn = ams->asn;

	watch->seen = value;
	if (!ams->running)
		return false;
	if (asn == NULL || !asn->ready) {
		if (value - ams->read > (uint64_t)ams->mask + 1)
			ring_fault(ams);
		else
			digest_update(ams);
		return false;
	}
	if (asn->hot)
		return false;
	if (asn_serve(asn, asn_budget(asn)) > 0) {
		asn_heat(asn);
		return true;
	}
	if (asn->stalled) /* not hot for that, but looked at again without a doorbell */
		watch->seen = ~value;
	if (ams->running)
		digest_update(ams);
	return false;
}

void
switch_rx_changed(struct ams *ams, uint64_t value)
{
	if (!ams->running)
		return;
	ams->read = value;
	if ((int64_t)(ams->write - value) < 0) {
		ring_fault(ams);
		return;
	}
	digest_update(ams);
}

void
switch_report(struct amu_worker *worker)
{
	struct ami_sw *ami;

	while ((ami = worker->halted) != NULL) {
		worker->halted = ami->next_halted;
		ami->next_halted = NULL;
		ami_sw_leave(ami);
		mgt_ring_fault(ami, ami->halted_ams);
	}
}

/** Publishes; true: something is out that wasn't. */
static bool
switch_flush(struct amu_worker *worker)
{
	struct asn *asn = worker->dirty, *next;
	bool out = false;

	worker->dirty = NULL;
	for (; asn != NULL; asn = next) {
		next = asn->next_dirty;
		asn->dirty = false;
		asn_flush(asn);
		if (amu_unlikely(asn->pending > 0))
			asn_mark_dirty(asn); /* held back by injection */
		else
			out = true;
	}
	return out;
}

bool
switch_turn_end(struct amu_worker *worker)
{
	struct ami_hw *hw;
	bool out = false;

	while ((hw = worker->touched) != NULL) {
		worker->touched = hw->next_touched;
		hw->touched = false;
		if (hw->aha->ops->flush != NULL)
			hw->aha->ops->flush(hw);
		if (hw->aha->ops->poll != NULL)
			aha_poll_soon(hw);
	}
	if (worker->dirty != NULL)
		out = switch_flush(worker);
	if (amu_unlikely(worker->halted != NULL))
		switch_report(worker);
	return out;
}

/* ---- Sessions come and go, within a pause ---------------------------------------------------- */

static bool
ams_ready(const struct ams *ams)
{
	return ams->running && ams->ami_sw->function->bus_master;
}

static bool
asn_can_run(const struct asn *asn)
{
	return asn->worker != NULL &&
	       (asn->src_ams != NULL ? ams_ready(asn->src_ams) : asn->src_hw->active) &&
	       (asn->dst_ams != NULL ? ams_ready(asn->dst_ams) : asn->dst_hw->active);
}

void
asn_refresh(struct asn *asn)
{
	bool ready = asn_can_run(asn);

	asn->observed = asn->profiled || asn->traced || asn->injected;
	if (asn->ready == ready)
		return;
	asn->amu->answer_epoch++;
	asn->ready = ready;
	if (!ready) {
		asn_cool(asn);
		asn->stalled = false;
		return;
	}
	/* A ring that isn't mapped is reported now, not with the first message. */
	if (asn->src_ams != NULL)
		ring_usable(asn->src_ams);
	if (asn->dst_ams != NULL)
		ring_usable(asn->dst_ams);
	ring_mark(asn->src_ams, asn->worker);
	if (asn->queue.read != asn->queue.write)
		asn_heat(asn);
	/* The agent may have waited for it. */
	if (asn->src_hw != NULL)
		aha_poll_soon(asn->src_hw);
}

/** Room for what an agent sends to another: as many messages as the receiver has credits. */
static void
queue_init(struct asn *asn)
{
	/* (P) 0, the reset value, stands for 64. */
	unsigned int log2_size = asn->dst_hw->log2_hw_cred_size;

	if (log2_size == 0)
		log2_size = 6;
	asn->queue.mask = (UINT32_C(1) << log2_size) - 1;
	asn->queue.slots = calloc((size_t)asn->queue.mask + 1, asn->msg_bytes);
	if (asn->queue.slots == NULL)
		amu_log(asn->amu, REVERE_EMU_LOG_ERR,
			"session %u: no memory for its queue, it doesn't move", asn->id);
}

void
asn_connect(struct asn *asn)
{
	const struct revere_emu_faults *faults = &asn->amu->config.faults;

	if (asn->src_ams != NULL)
		asn->kind = asn->dst_ams != NULL ? ASN_RING_TO_RING : ASN_RING_TO_HW;
	else
		asn->kind = asn->dst_ams != NULL ? ASN_HW_TO_RING : ASN_HW_TO_HW;
	if (asn->kind == ASN_HW_TO_HW)
		queue_init(asn);
	asn->injected = asn->src_hw != NULL &&
			(faults->answer_late_us != 0 || faults->answer_corrupt != 0 ||
			 faults->answer_lost != 0 || faults->index_wild != 0);
	if (asn->src_ams != NULL)
		ring_forget(asn->src_ams);
	if (asn->dst_ams != NULL)
		ring_forget(asn->dst_ams);
	asn->worker = partition_join(asn->amu, asn);
	asn->amu->answer_epoch++;
	if (asn->worker == NULL) {
		amu_log(asn->amu, REVERE_EMU_LOG_ERR, "session %u: no memory, it doesn't move",
			asn->id);
		return;
	}
	asn_refresh(asn);
	switch_report(asn->worker);
}

/** Takes a session out of the list of what is to be published. */
static void
asn_undirty(struct asn *asn)
{
	struct asn **at = &asn->worker->dirty;

	if (!asn->dirty)
		return;
	while (*at != asn)
		at = &(*at)->next_dirty;
	*at = asn->next_dirty;
	asn->dirty = false;
}

void
asn_disconnect(struct asn *asn)
{
	asn->amu->answer_epoch++;
	if (asn->worker != NULL) {
		asn_cool(asn);
		asn->ready = false;
		asn_undirty(asn);
		partition_leave(asn->amu, asn);
		asn->worker = NULL;
	}
	if (asn->src_ams != NULL)
		ring_forget(asn->src_ams);
	if (asn->dst_ams != NULL)
		ring_forget(asn->dst_ams);
	free(asn->queue.slots);
	memset(&asn->queue, 0, sizeof(asn->queue));
}

void
asn_move(struct asn *asn, struct amu_worker *worker)
{
	bool hot = asn->hot, dirty = asn->dirty;

	if (asn->worker == NULL || asn->worker == worker)
		return;
	asn_undirty(asn);
	if (hot) {
		asn->hot = false;
		TAILQ_REMOVE(&asn->worker->hot[asn->attr.prio], asn, link);
		if (TAILQ_EMPTY(&asn->worker->hot[asn->attr.prio]))
			asn->worker->hot_prios &= ~(UINT32_C(1) << asn->attr.prio);
	}
	asn->worker = worker;
	if (hot)
		asn_heat(asn);
	else
		ring_mark(asn->src_ams, worker);
	if (dirty)
		asn_mark_dirty(asn);
}

/* ---- Where answers leave --------------------------------------------------------------------- */

/** Whether a session ends at the AMI from which session `in` comes. */
static bool
asn_returns(const struct asn *asn, const struct asn *in)
{
	if (in->src_ams != NULL)
		return asn->dst_ams != NULL && asn->dst_ams->ami_sw == in->src_ams->ami_sw;
	return asn->dst_hw == in->src_hw;
}

static struct asn *
answer_find(struct ami_hw *hw, unsigned int ams, struct asn *in)
{
	const struct amu *amu = hw->aha->amu;

	if (hw->tx[ams] != NULL)
		return hw->tx[ams];
	for (unsigned int n = 0; n < amu->config.num_ami_hw; n++) {
		struct ami_hw *other = &hw->aha->ami_hw[n];

		for (unsigned int s = 0; other->enabled && s < amu->config.num_ams; s++)
			if (other->tx[s] != NULL && asn_returns(other->tx[s], in))
				return other->tx[s];
	}
	return NULL;
}

struct asn *
aha_answer_session(struct ami_hw *hw, unsigned int ams, struct asn *in)
{
	uint64_t epoch =
		atomic_load_explicit(&hw->aha->amu->answer_epoch, memory_order_relaxed);

	if (amu_unlikely(in->answer_epoch != epoch)) {
		in->answer = answer_find(hw, ams, in);
		in->answer_epoch = epoch;
	}
	return in->answer;
}
