/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Copies of memory of this process that may not be there, or vanish while it is copied.
 *
 * The routines that copy are listed instruction by instruction in a table. Handlers of SIGSEGV and
 * SIGBUS look the instruction up that was at fault: one of the table makes its routine return an
 * error, all others are handed to the handlers that were there before. Nothing is saved before a
 * copy and nothing restored behind it, so a guarded copy costs what a copy costs.
 *
 * Handlers are the process's, not this library's: they are installed when the first copy needs
 * them and removed with the last device that may. Whoever installs others later has them: copies
 * are the kernel's then (process_vm_readv() and process_vm_writev()), slower and just as safe.
 */

#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum guard_result {
	GUARD_OK,
	GUARD_SRC_FAULT, /**< some of it may have been copied */
	GUARD_DST_FAULT,
};

typedef enum guard_result (*guard_copy_fn)(void *to, const void *from, size_t len);

/** Copies what doesn't overlap, while guard_usable(). NULL: there is none here. */
extern guard_copy_fn guard_copy;

/* Forms of it: guard_x86_64.S, guard_aarch64.S. */
enum guard_result guard_copy_sse2(void *to, const void *from, size_t len);
enum guard_result guard_copy_avx(void *to, const void *from, size_t len);
enum guard_result guard_copy_erms(void *to, const void *from, size_t len);
enum guard_result guard_copy_neon(void *to, const void *from, size_t len);

/** The best of them on this processor. */
guard_copy_fn guard_copy_best(void);

/** A device whose accesses may need guarding comes and goes. */
void guard_get(void);
void guard_put(void);

/** The calling thread's signals are this library's business: to be looked at now and then. */
void guard_own_thread(void);

/**
 * Whether guard_copy() is safe in this thread now: handlers are in place, and the thread doesn't
 * block their signals. To be asked anew for each handful of copies.
 */
bool guard_usable(void);

/** Copies by guard_copy() or the kernel. @return 0 or -EFAULT */
int guard_copy_any(void *to, const void *from, size_t len, bool write);

#endif /* GUARD_H */
