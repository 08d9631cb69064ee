/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "guard.h"

/* Uses between two looks of a thread of this library's own. */
#define USES_TRUSTED 32u

static const int signals[] = { SIGSEGV, SIGBUS };
#define NUM_SIGNALS (sizeof(signals) / sizeof(signals[0]))

guard_copy_fn guard_copy;

/* ---- Where copies may fail --------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__aarch64__)

#define EITHER_FAULT 3u /* an instruction that loads and stores */

/** An instruction that may fault, and what that means. */
struct fault {
	int32_t insn; /**< from here */
	uint32_t result; /**< enum guard_result or EITHER_FAULT */
};

/* The linker's names for begin and end of the section. */
extern const struct fault __start_guard_faults[] __attribute__((visibility("hidden")));
extern const struct fault __stop_guard_faults[] __attribute__((visibility("hidden")));
extern const char guard_failed[] __attribute__((visibility("hidden")));

/** Valgrind doesn't always know the instruction at fault: there the kernel copies. */
static bool
in_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#if defined(__x86_64__)

/** "Enhanced rep movsb", which the compiler's functions don't know. */
static bool
has_erms(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 9)) != 0;
}

guard_copy_fn
guard_copy_best(void)
{
	if (!__builtin_cpu_supports("avx"))
		return guard_copy_sse2;
	return has_erms() ? guard_copy_erms : guard_copy_avx;
}

static uintptr_t
context_insn(const ucontext_t *context)
{
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

/**
 * Which side of a rep movsb was at fault: registers say what it had still to do. An address that
 * no address can be isn't reported.
 */
static enum guard_result
either_result(const ucontext_t *context, const siginfo_t *info)
{
	const greg_t *regs = context->uc_mcontext.gregs;
	uint64_t to = (uint64_t)regs[REG_RDI], at = (uint64_t)(uintptr_t)info->si_addr;
	bool is_to = info->si_code == SI_KERNEL ? (to >> 47) != 0 :
						  at - to < (uint64_t)regs[REG_RCX];

	return is_to ? GUARD_DST_FAULT : GUARD_SRC_FAULT;
}

/** Goes on at guard_failed, with the result in the register that a function returns it in. */
static void
context_fail(ucontext_t *context, uint32_t result)
{
	context->uc_mcontext.gregs[REG_RAX] = (greg_t)result;
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)guard_failed;
}

#else

guard_copy_fn
guard_copy_best(void)
{
	return guard_copy_neon;
}

static uintptr_t
context_insn(const ucontext_t *context)
{
	return context->uc_mcontext.pc;
}

/** No instruction of the routine loads and stores. */
static enum guard_result
either_result(const ucontext_t *context, const siginfo_t *info)
{
	(void)context;
	(void)info;
	return GUARD_SRC_FAULT;
}

static void
context_fail(ucontext_t *context, uint32_t result)
{
	context->uc_mcontext.regs[0] = result;
	context->uc_mcontext.pc = (uintptr_t)guard_failed;
}

#endif

static void
copy_choose(void)
{
	if (!in_valgrind())
		guard_copy = guard_copy_best();
}

/** Makes a guarded copy that has failed return an error. false: the fault is someone else's. */
static bool
copy_fail(const siginfo_t *info, void *context)
{
	uintptr_t at = context_insn(context);
	size_t count = ((uintptr_t)__stop_guard_faults - (uintptr_t)__start_guard_faults) /
		       sizeof(struct fault);

	for (const struct fault *f = __start_guard_faults; count-- > 0; f++) {
		if ((uintptr_t)&f->insn + (uintptr_t)(intptr_t)f->insn != at)
			continue;
		context_fail(context, f->result == EITHER_FAULT ? either_result(context, info) :
								  f->result);
		return true;
	}
	return false;
}

#else /* no routine for this processor: the kernel copies */

static void
copy_choose(void)
{
}

guard_copy_fn
guard_copy_best(void)
{
	return NULL;
}

static bool
copy_fail(const siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	return false;
}

#endif

/* ---- Handlers ------------------------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int users;
static bool installed;
static struct sigaction before[NUM_SIGNALS];

static void guard_handler(int sig, siginfo_t *info, void *context);

/** As if there were no handler: the fault happens again, a signal that was sent is sent again. */
static void
act_by_default(int sig, const siginfo_t *info)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };

	sigaction(sig, &by_default, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

/** What would have happened without this library. */
static void
hand_on(const struct sigaction *to, int sig, siginfo_t *info, void *context)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };

	if ((to->sa_flags & (int)SA_RESETHAND) != 0)
		sigaction(sig, &by_default, NULL);
	if ((to->sa_flags & SA_SIGINFO) != 0)
		to->sa_sigaction(sig, info, context);
	else if (to->sa_handler != SIG_DFL && to->sa_handler != SIG_IGN)
		to->sa_handler(sig);
	else if (to->sa_handler == SIG_DFL || info->si_code > 0)
		act_by_default(sig, info); /* faults can't be ignored */
}

static void
guard_handler(int sig, siginfo_t *info, void *context)
{
	int error = errno;

	/* A signal that was sent says nothing of the instruction that it met. */
	if (info->si_code <= 0 || !copy_fail(info, context))
		hand_on(&before[sig == SIGSEGV ? 0 : 1], sig, info, context);
	errno = error;
}

static bool
is_ours(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
	       now.sa_sigaction == guard_handler;
}

/** In front of the handler that is there, and by its rules. */
static void
handler_install(int sig, struct sigaction *old)
{
	struct sigaction action = { .sa_sigaction = guard_handler }, now;

	sigaction(sig, NULL, &now);
	/*
	 * One that came later may hand on to this library's, which must not hand on to it then.
	 * One that was there before and has been put back can't.
	 */
	if (installed && now.sa_handler != old->sa_handler)
		return;
	*old = now;
	action.sa_mask = old->sa_mask;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | (old->sa_flags & SA_NODEFER);
	sigaction(sig, &action, NULL);
}

static void
install(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned int n = 0; n < NUM_SIGNALS && users > 0; n++)
		if (!is_ours(signals[n]))
			handler_install(signals[n], &before[n]);
	installed |= users > 0;
	pthread_mutex_unlock(&lock);
}

/** Handlers go unless one has come in front of them that may call them. */
static void
uninstall(void)
{
	for (unsigned int n = 0; n < NUM_SIGNALS; n++)
		if (!is_ours(signals[n]))
			return;
	for (unsigned int n = 0; n < NUM_SIGNALS; n++)
		sigaction(signals[n], &before[n], NULL);
	installed = false;
}

void
guard_get(void)
{
	pthread_mutex_lock(&lock);
	if (users++ == 0)
		copy_choose();
	pthread_mutex_unlock(&lock);
}

void
guard_put(void)
{
	pthread_mutex_lock(&lock);
	if (--users == 0 && installed)
		uninstall();
	pthread_mutex_unlock(&lock);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static _Thread_local struct {
	bool own;
	bool usable;
	unsigned int uses; /**< left for which `usable` holds */
} self;

void
guard_own_thread(void)
{
	self.own = true;
}

static bool
thread_takes(void)
{
	sigset_t mask;

	if (pthread_sigmask(SIG_SETMASK, NULL, &mask) != 0)
		return false;
	for (unsigned int n = 0; n < NUM_SIGNALS; n++)
		if (sigismember(&mask, signals[n]) || !is_ours(signals[n]))
			return false;
	return true;
}

bool
guard_usable(void)
{
	if (self.uses > 0) {
		self.uses--;
		return self.usable;
	}
	if (guard_copy == NULL)
		return false;
	self.usable = thread_takes();
	if (!self.usable) {
		install();
		self.usable = thread_takes();
	}
	self.uses = self.own ? USES_TRUSTED : 0;
	return self.usable;
}

/* ---- Copies -------------------------------------------------------------------------------- */

int
guard_copy_any(void *to, const void *from, size_t len, bool write)
{
	struct iovec iov_to = { .iov_base = to, .iov_len = len };
	union {
		const void *from;
		void *base; /* which isn't written to */
	} cast = { .from = from };
	struct iovec iov_from = { .iov_base = cast.base, .iov_len = len };
	ssize_t done;

	/* Of a thread that isn't known, asking about signals costs more than it saves. */
	if (self.own && guard_usable())
		return guard_copy(to, from, len) == GUARD_OK ? 0 : -EFAULT;
	if (write)
		done = process_vm_writev(getpid(), &iov_from, 1, &iov_to, 1, 0);
	else
		done = process_vm_readv(getpid(), &iov_to, 1, &iov_from, 1, 0);
	return done == (ssize_t)len ? 0 : -EFAULT;
}
