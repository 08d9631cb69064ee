/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Guarded copies: every length against memcpy(), faults wherever a page ends, memory that goes
 * while it is copied, and the handlers of others before, behind and instead of the guard's.
 */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard.h"
#include "kernel.h"

#define PAGE 4096u
#define ROOM (4 * PAGE)
#define LONGEST 700u
#define EDGE 0xa5

static guard_copy_fn forms[4];
static unsigned int num_forms;

/* Two pages, then two that can't be touched; the same for what is written. */
struct fixture {
	uint8_t *src, *dst;
};

static uint8_t *
pages_map(void)
{
	uint8_t *pages = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);

	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + 2 * PAGE, 2 * PAGE, PROT_NONE), 0);
	return pages;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->src = pages_map();
	f->dst = pages_map();
	for (unsigned int n = 0; n < 2 * PAGE; n++)
		f->src[n] = (uint8_t)(n * 13 + n / 251);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	munmap(f->src, ROOM);
	munmap(f->dst, ROOM);
	free(f);
	return 0;
}

/* Within a test, because cmocka's own handlers come and go with it. */
static void
begin(void)
{
	guard_get();
	assert_true(guard_usable());
}

static void
test_lengths(void **state)
{
	struct fixture *f = *state;

	begin();
	for (unsigned int form = 0; form < num_forms; form++)
		for (unsigned int len = 0; len <= LONGEST; len++) {
			/* Every offset to the vectors of 32 bytes comes up, on both sides. */
			uint8_t *src = f->src + len * 7 % 61, *dst = f->dst + 1 + len * 5 % 67;

			memset(f->dst, EDGE, PAGE);
			assert_int_equal(forms[form](dst, src, len), GUARD_OK);
			assert_memory_equal(dst, src, len);
			assert_int_equal(dst[-1], EDGE);
			assert_int_equal(dst[len], EDGE);
		}
	guard_put();
}

/** Both sides reach `beyond` bytes beyond what is there, of each length. */
static void
copy_beyond(const struct fixture *f, guard_copy_fn copy, unsigned int len, unsigned int beyond)
{
	uint8_t *src_end = f->src + 2 * PAGE, *dst_end = f->dst + 2 * PAGE;

	assert_int_equal(copy(f->dst, src_end - len + beyond, len), GUARD_SRC_FAULT);
	assert_int_equal(copy(dst_end - len + beyond, f->src, len), GUARD_DST_FAULT);
}

/* Longer ones, of which rep movsb does some. */
static void
test_long(void **state)
{
	static const unsigned int lengths[] = { 2047, 2048, 2049, 2500, 4096, 5001, 2 * PAGE - 64 };
	struct fixture *f = *state;

	begin();
	for (unsigned int form = 0; form < num_forms; form++)
		for (unsigned int n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
			unsigned int len = lengths[n];

			memset(f->dst, EDGE, 2 * PAGE);
			assert_int_equal(forms[form](f->dst + 3, f->src + 5, len), GUARD_OK);
			assert_memory_equal(f->dst + 3, f->src + 5, len);
			assert_int_equal(f->dst[2], EDGE);
			assert_int_equal(f->dst[3 + len], EDGE);
			copy_beyond(f, forms[form], len, 1);
			copy_beyond(f, forms[form], len, 65);
			copy_beyond(f, forms[form], len, len / 2);
			copy_beyond(f, forms[form], len, len);
		}
	guard_put();
}

static void
test_page_ends(void **state)
{
	struct fixture *f = *state;

	begin();
	for (unsigned int form = 0; form < num_forms; form++)
		for (unsigned int len = 1; len <= LONGEST; len++) {
			uint8_t *end = f->src + 2 * PAGE - len;

			/* Up to the last byte is fine. */
			assert_int_equal(forms[form](f->dst + 2 * PAGE - len, end, len), GUARD_OK);
			assert_memory_equal(f->dst + 2 * PAGE - len, end, len);
			copy_beyond(f, forms[form], len, 1);
			copy_beyond(f, forms[form], len, len);
			copy_beyond(f, forms[form], len, 1 + len / 2);
		}
	guard_put();
}

/* Addresses that nobody has, or may have. */
static void
test_no_address(void **state)
{
	static const uint64_t nowhere[] = { 0, 8, UINT64_C(0xdeadbeefcafe0000),
					    UINT64_C(1) << 47, UINT64_MAX - 4095 };
	struct fixture *f = *state;

	begin();
	for (unsigned int n = 0; n < sizeof(nowhere) / sizeof(nowhere[0]); n++) {
		void *at = (void *)(uintptr_t)nowhere[n];

		for (unsigned int form = 0; form < num_forms; form++)
			for (unsigned int len = 100; len <= 3100; len += 1500) {
				assert_int_equal(forms[form](f->dst, at, len), GUARD_SRC_FAULT);
				assert_int_equal(forms[form](at, f->src, len), GUARD_DST_FAULT);
			}
		assert_int_equal(guard_copy_any(f->dst, at, 100, false), -EFAULT);
		assert_int_equal(guard_copy_any(at, f->src, 100, true), -EFAULT);
	}
	guard_put();
}

static void
test_read_only(void **state)
{
	struct fixture *f = *state;

	begin();
	assert_int_equal(mprotect(f->dst, PAGE, PROT_READ), 0);
	assert_int_equal(guard_copy(f->dst, f->src, 1000), GUARD_DST_FAULT);
	assert_int_equal(guard_copy(f->dst + PAGE, f->dst, 1000), GUARD_OK);
	assert_int_equal(mprotect(f->dst, PAGE, PROT_NONE), 0);
	assert_int_equal(guard_copy(f->dst + PAGE, f->dst, 1000), GUARD_SRC_FAULT);
	guard_put();
}

/* A file that became shorter than what is mapped of it: SIGBUS. */
static void
test_short_file(void **state)
{
	struct fixture *f = *state;
	int fd = memfd_create("guard", 0);
	uint8_t *file;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(file, MAP_FAILED);
	begin();
	assert_int_equal(guard_copy(file, f->src, 2 * PAGE), GUARD_OK);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(guard_copy(file, f->src, 2 * PAGE), GUARD_DST_FAULT);
	assert_int_equal(guard_copy(f->dst, file, 2 * PAGE), GUARD_SRC_FAULT);
	munmap(file, 2 * PAGE);
	close(fd);
	guard_put();
}

/* ---- Memory that goes meanwhile ------------------------------------------------------------ */

struct flicker {
	uint8_t *page;
	_Atomic bool stop;
};

static void *
flicker_main(void *arg)
{
	struct flicker *flicker = arg;

	while (!atomic_load(&flicker->stop)) {
		mprotect(flicker->page, PAGE, PROT_NONE);
		mprotect(flicker->page, PAGE, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void
test_goes_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct flicker flicker = { .page = f->dst + PAGE };
	unsigned int seen[3] = { 0 };
	pthread_t thread;

	begin();
	guard_own_thread();
	assert_int_equal(pthread_create(&thread, NULL, flicker_main, &flicker), 0);
	for (unsigned int n = 0; n < 200000 && (n < 2000 || seen[0] == 0 || seen[2] == 0); n++) {
		assert_true(guard_usable());
		seen[guard_copy(f->dst, f->src, 2 * PAGE)]++;
	}
	atomic_store(&flicker.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(seen[GUARD_SRC_FAULT], 0);
	assert_true(seen[GUARD_OK] > 0 && seen[GUARD_DST_FAULT] > 0);
	guard_put();
}

/* ---- Others' handlers ---------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int caught;
static void *volatile caught_at;

static void
other_handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	caught = sig;
	caught_at = info->si_addr;
	siglongjmp(back, 1);
}

static void
other_install(int sig)
{
	struct sigaction action = { .sa_sigaction = other_handler, .sa_flags = SA_SIGINFO };

	caught = 0;
	assert_int_equal(sigaction(sig, &action, NULL), 0);
}

/* A fault that is none of the guard's. */
static void
touch(volatile uint8_t *at)
{
	if (sigsetjmp(back, 1) == 0)
		*at = 1;
}

/* An application's handler that was there first gets what isn't the guard's. */
static void
test_others_before(void **state)
{
	struct fixture *f = *state;
	struct sigaction now;

	other_install(SIGSEGV);
	begin();
	assert_int_equal(guard_copy(f->dst + 2 * PAGE, f->src, 10), GUARD_DST_FAULT);
	assert_int_equal(caught, 0);
	touch(f->src + 2 * PAGE);
	assert_int_equal(caught, SIGSEGV);
	assert_ptr_equal(caught_at, f->src + 2 * PAGE);
	caught = 0;
	if (sigsetjmp(back, 1) == 0)
		raise(SIGSEGV);
	assert_int_equal(caught, SIGSEGV);
	assert_int_equal(guard_copy(f->dst, f->src + 2 * PAGE, 10), GUARD_SRC_FAULT);
	/* It is the application's again with the last user. */
	guard_put();
	sigaction(SIGSEGV, NULL, &now);
	assert_ptr_equal(now.sa_sigaction, other_handler);
}

/* One that came later has it: the guard isn't used, and nothing is lost but speed. */
static void
test_others_later(void **state)
{
	struct fixture *f = *state;
	struct sigaction guards, first;

	need_kernel_copies();
	sigaction(SIGSEGV, NULL, &first);
	begin();
	sigaction(SIGSEGV, NULL, &guards);
	other_install(SIGSEGV);
	assert_false(guard_usable());
	assert_int_equal(guard_copy_any(f->dst, f->src, 100, true), 0);
	assert_memory_equal(f->dst, f->src, 100);
	assert_int_equal(guard_copy_any(f->dst + 2 * PAGE, f->src, 100, true), -EFAULT);
	assert_int_equal(caught, 0);
	/* Put back, or what was before it: in use again. */
	sigaction(SIGSEGV, &guards, NULL);
	assert_true(guard_usable());
	sigaction(SIGSEGV, &first, NULL);
	assert_true(guard_usable());
	assert_int_equal(guard_copy(f->dst + 2 * PAGE, f->src, 10), GUARD_DST_FAULT);
	guard_put();
}

static void *
blocked_main(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	*(bool *)arg = guard_usable();
	return NULL;
}

/* Where signals are blocked a fault would end the process. */
static void
test_blocked(void **state)
{
	bool usable = true;
	pthread_t thread;

	(void)state;
	begin();
	assert_int_equal(pthread_create(&thread, NULL, blocked_main, &usable), 0);
	pthread_join(thread, NULL);
	assert_false(usable);
	guard_put();
}

/* Runs `fn` in a child of default handlers. @return the signal that ended it */
static int
child_signal(void (*fn)(struct fixture *f), struct fixture *f)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		guard_get();
		if (guard_usable())
			fn(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
child_touches(struct fixture *f)
{
	*(volatile uint8_t *)(f->src + 2 * PAGE) = 1;
}

static void
child_is_sent(struct fixture *f)
{
	(void)f;
	raise(SIGBUS);
}

static void
child_copies(struct fixture *f)
{
	if (guard_copy(f->dst, f->src + 2 * PAGE, 100) != GUARD_SRC_FAULT)
		abort();
}

/* Without a handler before, faults and signals end the process as they always did. */
static void
test_by_default(void **state)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGSEGV, &by_default, NULL);
	sigaction(SIGBUS, &by_default, NULL);
	assert_int_equal(child_signal(child_touches, *state), SIGSEGV);
	assert_int_equal(child_signal(child_is_sent, *state), SIGBUS);
	assert_int_equal(child_signal(child_copies, *state), 0);
	/* What is ignored stays ignored if it is sent; faults can't be. */
	sigaction(SIGSEGV, &ignore, NULL);
	sigaction(SIGBUS, &ignore, NULL);
	assert_int_equal(child_signal(child_touches, *state), SIGSEGV);
	assert_int_equal(child_signal(child_is_sent, *state), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_default, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_meanwhile, setup, teardown),
	};

#if defined(__x86_64__)
	forms[num_forms++] = guard_copy_sse2;
	if (__builtin_cpu_supports("avx"))
		forms[num_forms++] = guard_copy_avx;
	if (guard_copy_best() == guard_copy_erms)
		forms[num_forms++] = guard_copy_erms;
#elif defined(__aarch64__)
	forms[num_forms++] = guard_copy_neon;
#endif
	guard_get();
	if (guard_copy == NULL)
		return 77; /* the kernel copies: nothing to test, in meson's words */
	guard_put();
	return cmocka_run_group_tests_name("emu_guard", tests, NULL, NULL);
}
