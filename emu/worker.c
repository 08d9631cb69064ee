/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Workers: the threads that run the switch and the agents, or in inline mode revere_emu_kick().
 *
 * Doorbells are plain stores to memory, so nothing tells a worker of them: it polls. What was
 * active lately it polls each turn. Of the rest it looks at a slice now and then, such that this
 * takes about 2 % of its time, or at all of it while there is nothing else to do. Then it naps,
 * longer and longer.
 */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <numa.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "worker.h"

#define SLICE_BUSY 32u	/* watched words that a busy worker looks at in one go */
#define SLICE_IDLE 256u /* ... and an idle one */
#define SLICE_HW_BUSY 4u /* the same for AMI-HWs to poll */
#define SLICE_HW_IDLE 32u
#define SLICE_SHARE 50u /* a busy worker gives 1/50 of its time to cold lists */
#define SLICE_TURNS_MAX 4096u
#define PATIENCE 256u /* turns in vain after which a thread's hot rings don't count as busy */
#define WATCH_AHEAD 16u /* words that are asked of the cache in advance */
#define POLL_COLD 1024u /* polls of an AMI-HW without effect until it is cold */
#define TURNS_LOCKED 16u /* turns between looks at whether someone wants a pause */
#define TURNS_YIELD 32u /* idle turns until another thread may have the CPU, such as our client */
#define NAP_MIN_NS 50000u
#define NAP_MAX_NS 1000000u
#define SPIN 64u

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- Watch list ------------------------------------------------------------------------------ */

/** Where the owner of an entry keeps the entry's place. */
static uint32_t *
watch_place(const struct watch *watch)
{
	if (watch->kind == WATCH_MASK)
		return &((struct ami_sw *)watch->owner)->mask_watch[watch->direction];
	return &((struct ams *)watch->owner)->watch;
}

/** Doubles the room of a list. */
static int
list_grow(void **entries, uint32_t *max, uint32_t num, size_t size)
{
	uint32_t more = *max == 0 ? 64 : *max * 2;
	void *grown;

	if (num < *max)
		return 0;
	grown = realloc(*entries, more * size);
	if (grown == NULL)
		return -ENOMEM;
	*entries = grown;
	*max = more;
	return 0;
}

int
watch_add(struct amu_worker *worker, enum watch_kind kind, enum rvr_ams_type direction,
	  void *owner, _Atomic uint64_t *word)
{
	struct watch_list *list = &worker->watches;
	void *entries = list->entries;
	struct watch *watch;

	if (list_grow(&entries, &list->max, list->num, sizeof(*watch)) != 0)
		return -ENOMEM;
	list->entries = entries;
	watch = &list->entries[list->num];
	watch->word = word;
	/* Differs: the first look takes place whatever was written before. */
	watch->seen = ~atomic_load_explicit(word, memory_order_relaxed);
	watch->owner = owner;
	watch->kind = (uint8_t)kind;
	watch->direction = (uint8_t)direction;
	*watch_place(watch) = list->num++;
	return 0;
}

void
watch_remove(struct amu_worker *worker, uint32_t *place)
{
	struct watch_list *list = &worker->watches;
	struct watch *last;

	if (*place == WATCH_NONE)
		return;
	last = &list->entries[--list->num];
	if (*place != list->num) {
		list->entries[*place] = *last;
		*watch_place(last) = *place;
	}
	*place = WATCH_NONE;
}

/** A watched word has changed. */
static bool
watch_changed(struct watch *watch, uint64_t value)
{
	switch ((enum watch_kind)watch->kind) {
	case WATCH_TX:
		return switch_tx_changed(watch->owner, watch, value);
	case WATCH_RX:
		watch->seen = value;
		switch_rx_changed(watch->owner, value);
		break;
	case WATCH_MASK:
		watch->seen = value;
		digest_masked(watch->owner, (enum rvr_ams_type)watch->direction);
		break;
	}
	return false;
}

/** Looks at the next entries of the watch list. true: something moved. */
static bool
watch_slice(struct watch_list *list, uint32_t count)
{
	bool moved = false;

	if (count > list->num)
		count = list->num;
	for (uint32_t n = 0; n < count; n++) {
		struct watch *watch;
		uint64_t value;

		if (list->next >= list->num)
			list->next = 0;
		watch = &list->entries[list->next++];
		if (list->next + WATCH_AHEAD < list->num)
			__builtin_prefetch(list->entries[list->next + WATCH_AHEAD].word);
		value = atomic_load_explicit(watch->word, memory_order_acquire);
		if (amu_unlikely(value != watch->seen))
			moved |= watch_changed(watch, value);
	}
	return moved;
}

/* ---- AMI-HWs to be polled -------------------------------------------------------------------- */

int
hw_list_add(struct amu_worker *worker, struct ami_hw *hw, bool hot)
{
	struct hw_list *list = hot ? &worker->polled : &worker->unpolled;
	void *entries = list->entries;

	if (list_grow(&entries, &list->max, list->num, sizeof(hw)) != 0)
		return -ENOMEM;
	list->entries = entries;
	hw->poll_hot = hot;
	hw->poll_idle = 0;
	hw->poll_place = list->num;
	list->entries[list->num++] = hw;
	hw->poll_listed = true;
	return 0;
}

void
hw_list_remove(struct amu_worker *worker, struct ami_hw *hw)
{
	struct hw_list *list = hw->poll_hot ? &worker->polled : &worker->unpolled;
	struct ami_hw *last;

	if (!hw->poll_listed)
		return;
	hw->poll_listed = false;
	last = list->entries[--list->num];
	list->entries[hw->poll_place] = last;
	last->poll_place = hw->poll_place;
}

void
aha_poll_soon(struct ami_hw *hw)
{
	struct amu_worker *worker;

	if (!hw->poll_listed || hw->poll_hot) {
		hw->poll_idle = 0;
		return;
	}
	worker = partition_worker(&hw->node);
	hw_list_remove(worker, hw);
	if (hw_list_add(worker, hw, true) != 0)
		hw_list_add(worker, hw, false); /* has room: it just left */
}

/** Polls all hot AMI-HWs. */
static bool
poll_hot(struct amu_worker *worker)
{
	struct hw_list *list = &worker->polled;
	bool moved = false;

	for (uint32_t n = list->num; n-- > 0;) {
		struct ami_hw *hw = list->entries[n];

		if (hw->aha->ops->poll(hw)) {
			hw->poll_idle = 0;
			hw_touch(worker, hw);
			moved = true;
		} else if (++hw->poll_idle > POLL_COLD) {
			hw_list_remove(worker, hw);
			if (hw_list_add(worker, hw, false) != 0)
				hw_list_add(worker, hw, true);
		}
	}
	return moved;
}

/** Polls some of the cold ones. */
static bool
poll_slice(struct amu_worker *worker, uint32_t count)
{
	struct hw_list *list = &worker->unpolled;
	bool moved = false;

	if (count > list->num)
		count = list->num;
	/* A poll may take others from the list, by aha_poll_soon(). */
	for (uint32_t n = 0; n < count && list->num > 0; n++) {
		struct ami_hw *hw;

		if (list->next >= list->num)
			list->next = 0;
		hw = list->entries[list->next++];
		if (hw->aha->ops->poll(hw)) {
			hw_touch(worker, hw); /* and so hot, from the end of the turn on */
			moved = true;
		}
	}
	return moved;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

/** A busy worker's slice, when due; sets when the next is due by what this one took. */
static bool
slice_busy(struct amu_worker *worker)
{
	uint64_t start, end, between, turns = ++worker->turns;
	bool moved;

	if (amu_likely(turns < worker->slice_due))
		return false;
	start = amu_now_ns();
	moved = watch_slice(&worker->watches, SLICE_BUSY);
	moved |= poll_slice(worker, SLICE_HW_BUSY);
	end = amu_now_ns();
	between = start - worker->slice_end;
	worker->slice_due = SLICE_TURNS_MAX;
	if (between * SLICE_TURNS_MAX > (end - start) * SLICE_SHARE * turns)
		worker->slice_due = (uint32_t)((end - start) * SLICE_SHARE * turns / between) + 1;
	worker->slice_end = end;
	worker->turns = 0;
	return moved;
}

/** A slice of a worker that has nothing else to do. */
static bool
slice_idle(struct amu_worker *worker)
{
	uint32_t watched = worker->watches.num, cold = worker->unpolled.num;
	bool moved = watch_slice(&worker->watches, SLICE_IDLE);

	moved |= poll_slice(worker, SLICE_HW_IDLE);
	worker->unseen -= worker->unseen < SLICE_IDLE ? worker->unseen : SLICE_IDLE;
	if (watched <= SLICE_IDLE && cold <= SLICE_HW_IDLE)
		worker->unseen = 0;
	return moved;
}

/** Entries of cold lists in the unit of slice_idle(): as if all were watched words. */
static uint32_t
cold_entries(const struct amu_worker *worker)
{
	uint32_t watched = worker->watches.num;
	uint32_t polled = worker->unpolled.num * (SLICE_IDLE / SLICE_HW_IDLE);

	return watched > polled ? watched : polled;
}

/** Hot rings are empty now and then while software fills them: no time yet for the cold ones. */
static bool
worker_is_busy(const struct amu_worker *worker)
{
	return worker->in_vain <= worker->patience &&
	       (worker->hot_prios != 0 || worker->polled.num > 0);
}

/** One turn. true: something moved. */
static bool
worker_turn(struct amu_worker *worker)
{
	bool moved = false;

	if (amu_unlikely(!worker->amu->running)) {
		worker->unseen = 0;
		return false;
	}
	if (worker->hot_prios != 0)
		moved = switch_turn(worker);
	if (worker->polled.num > 0)
		moved |= poll_hot(worker);
	worker->in_vain = moved ? 0 : worker->in_vain + 1;
	moved |= worker_is_busy(worker) ? slice_busy(worker) : slice_idle(worker);
	moved |= switch_turn_end(worker);
	if (moved)
		worker->unseen = cold_entries(worker);
	return moved;
}

/** Keeps others out: another turn or a pause. false: taken. */
static bool
worker_enter(struct amu_worker *worker)
{
	int is_free = 0;

	return atomic_load_explicit(&worker->lock, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&worker->lock, &is_free, 1,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static void
worker_leave(struct amu_worker *worker)
{
	atomic_store_explicit(&worker->lock, 0, memory_order_release);
}

/** Waits for the lock, the longer the less eagerly. */
static void
worker_enter_wait(struct amu_worker *worker)
{
	for (unsigned int n = 0; !worker_enter(worker); n++) {
		if (n < SPIN * 16)
			cpu_relax();
		else
			sched_yield();
	}
}

static bool
pause_wanted(struct amu_worker *worker)
{
	return atomic_load_explicit(&worker->pause_wanted, memory_order_relaxed) != 0;
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void
worker_nap(struct amu_worker *worker, int seen, long ns)
{
	struct timespec timeout = { .tv_nsec = ns };

	atomic_store(&worker->napping, true);
	if (atomic_load(&worker->nap) == seen && !atomic_load(&worker->stop))
		syscall(SYS_futex, &worker->nap, FUTEX_WAIT_PRIVATE, seen, &timeout, NULL, 0);
	atomic_store(&worker->napping, false);
}

static void
worker_wake(struct amu_worker *worker)
{
	atomic_fetch_add(&worker->nap, 1);
	if (atomic_load(&worker->napping))
		syscall(SYS_futex, &worker->nap, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/** What a worker's turns came to. */
enum worker_state {
	WORKER_MOVED,
	WORKER_LOOKING, /**< nothing moved, but there are cold entries that it hasn't seen since */
	WORKER_IDLE,
};

/**
 * Some turns in a row; the worker's lock is taken, and free on return.
 *
 * @param fresh  begins with all cold entries unseen
 */
static enum worker_state
worker_turns(struct amu_worker *worker, bool fresh)
{
	enum worker_state state;
	unsigned int n;

	if (fresh)
		worker->unseen = cold_entries(worker);
	for (n = 0; n < TURNS_LOCKED; n++)
		if (!worker_turn(worker) || pause_wanted(worker))
			break;
	if (n > 0)
		state = WORKER_MOVED;
	else
		state = worker->unseen > 0 ? WORKER_LOOKING : WORKER_IDLE;
	worker_leave(worker);
	if (atomic_load_explicit(&worker->amu->mgt_pending, memory_order_relaxed))
		mgt_pump(worker->amu);
	return state;
}

/** Someone has the worker pause: for microseconds as a rule. */
static void
worker_stand_by(unsigned int *waits)
{
	if (++*waits < SPIN) {
		cpu_relax();
	} else if (*waits < SPIN * 2) {
		sched_yield();
	} else {
		struct timespec while_ns = { .tv_nsec = NAP_MIN_NS };

		nanosleep(&while_ns, NULL);
	}
}

static void
worker_run(struct amu_worker *worker)
{
	uint64_t idle_ns = worker->amu->config.idle_us * UINT64_C(1000);
	uint64_t idle_since = 0;
	unsigned int waits = 0;
	long nap_ns = NAP_MIN_NS;
	bool fresh = false; /* has napped: looks at everything */
	unsigned int idle_turns = 0;

	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		int seen = atomic_load_explicit(&worker->nap, memory_order_acquire);

		if (pause_wanted(worker) || !worker_enter(worker)) {
			worker_stand_by(&waits);
			continue;
		}
		waits = 0;
		switch (worker_turns(worker, fresh)) {
		case WORKER_MOVED:
			idle_since = 0;
			nap_ns = NAP_MIN_NS;
			fresh = false;
			continue;
		case WORKER_LOOKING:
			fresh = false;
			continue;
		case WORKER_IDLE:
			break;
		}
		cpu_relax();
		if (idle_ns == 0)
			continue;
		if (idle_since == 0)
			idle_since = amu_now_ns();
		fresh = amu_now_ns() - idle_since >= idle_ns;
		if (fresh) {
			worker_nap(worker, seen, nap_ns);
			nap_ns = nap_ns * 2 < (long)NAP_MAX_NS ? nap_ns * 2 : (long)NAP_MAX_NS;
		} else if (++idle_turns % TURNS_YIELD == 0) {
			sched_yield();
		}
	}
}

/** Ties the thread to its CPU, and its memory to that CPU's node. */
static void
worker_place(const struct amu_worker *worker)
{
	int cpu = worker->amu->config.worker_cpus[worker->id];
	cpu_set_t set;
	int ret;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	if (cpu < CPU_SETSIZE)
		CPU_SET((unsigned int)cpu, &set);
	ret = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (ret != 0)
		amu_log(worker->amu, REVERE_EMU_LOG_WARNING,
			"worker %u can't run on CPU %d: %s; it runs on any", worker->id, cpu,
			strerror(ret));
	else if (numa_available() >= 0 && numa_node_of_cpu(cpu) >= 0)
		numa_set_preferred(numa_node_of_cpu(cpu));
}

static void *
worker_main(void *arg)
{
	struct amu_worker *worker = arg;
	char name[16];

	snprintf(name, sizeof(name), "rvr%u-%.9s", worker->id % 100, worker->amu->name);
	pthread_setname_np(pthread_self(), name);
	worker_place(worker);
	guard_own_thread();
	worker_run(worker);
	return NULL;
}

static int
worker_start(struct amu_worker *worker)
{
	sigset_t all, before;
	int ret;

	/* Signals are the application's, but what a thread does itself must reach its handler. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->started = ret == 0;
	return -ret;
}

static void
worker_init(struct amu *amu, struct amu_worker *worker, unsigned int id)
{
	worker->amu = amu;
	worker->id = id;
	worker->patience = amu->config.mode == REVERE_EMU_INLINE ? 0 : PATIENCE;
	worker->random = (amu->config.faults.seed + id) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (unsigned int prio = 0; prio < ASN_PRIOS; prio++)
		TAILQ_INIT(&worker->hot[prio]);
}

int
amu_workers_start(struct amu *amu, char *error, size_t error_size)
{
	unsigned int num = amu->config.mode == REVERE_EMU_INLINE ? 1 : amu->config.workers;
	int ret = -ENOMEM;

	amu->workers = aligned_alloc(AMU_CACHE_LINE, num * sizeof(*amu->workers));
	if (amu->workers != NULL && partition_init(amu) == 0) {
		memset(amu->workers, 0, num * sizeof(*amu->workers));
		amu->num_workers = num;
		for (unsigned int n = 0; n < num; n++)
			worker_init(amu, &amu->workers[n], n);
		ret = 0;
		for (unsigned int n = 0;
		     amu->config.mode == REVERE_EMU_THREADED && n < num && ret == 0; n++)
			ret = worker_start(&amu->workers[n]);
	}
	if (ret == 0)
		return 0;
	if (error != NULL)
		snprintf(error, error_size, "can't start %u workers: %s", num, strerror(-ret));
	amu_workers_stop(amu);
	return ret;
}

void
amu_workers_stop(struct amu *amu)
{
	for (unsigned int n = 0; n < amu->num_workers; n++) {
		struct amu_worker *worker = &amu->workers[n];

		if (!worker->started)
			continue;
		atomic_store(&worker->stop, true);
		worker_wake(worker);
		pthread_join(worker->thread, NULL);
		worker->started = false;
	}
}

void
amu_workers_free(struct amu *amu)
{
	for (unsigned int n = 0; n < amu->num_workers; n++) {
		free(amu->workers[n].watches.entries);
		free(amu->workers[n].polled.entries);
		free(amu->workers[n].unpolled.entries);
	}
	partition_fini(amu);
	free(amu->workers);
	amu->workers = NULL;
	amu->num_workers = 0;
}

/* ---- Pauses and wake-ups --------------------------------------------------------------------- */

void
amu_pause(struct amu *amu)
{
	if (amu->pause_depth++ > 0)
		return;
	for (unsigned int n = 0; n < amu->num_workers; n++)
		atomic_fetch_add_explicit(&amu->workers[n].pause_wanted, 1, memory_order_relaxed);
	for (unsigned int n = 0; n < amu->num_workers; n++)
		worker_enter_wait(&amu->workers[n]);
}

void
amu_resume(struct amu *amu)
{
	if (--amu->pause_depth > 0)
		return;
	for (unsigned int n = 0; n < amu->num_workers; n++) {
		struct amu_worker *worker = &amu->workers[n];

		worker->unseen = cold_entries(worker);
		worker_leave(worker);
		atomic_fetch_sub_explicit(&worker->pause_wanted, 1, memory_order_relaxed);
	}
}

void
amu_wake(struct amu *amu)
{
	for (unsigned int n = 0; n < amu->num_workers; n++)
		worker_wake(&amu->workers[n]);
}

/** Inline mode: turns until nothing moves, and no cold ring was left out. */
static void
worker_kick(struct amu_worker *worker)
{
	bool more = true;

	worker_enter_wait(worker);
	worker->unseen = cold_entries(worker);
	while (more) {
		more = worker_turn(worker) || worker->unseen > 0;
		if (pause_wanted(worker)) {
			worker_leave(worker);
			while (pause_wanted(worker))
				sched_yield();
			worker_enter_wait(worker);
			more = true;
		}
	}
	worker_leave(worker);
}

void
revere_emu_kick(struct revere_emu *emu)
{
	struct amu *amu = &emu->amu;

	if (amu->config.mode != REVERE_EMU_INLINE) {
		amu_wake(amu);
		return;
	}
	worker_kick(&amu->workers[0]);
	if (atomic_load_explicit(&amu->mgt_pending, memory_order_relaxed))
		mgt_pump(amu);
}
