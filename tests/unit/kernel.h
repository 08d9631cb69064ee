/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What a kernel may lack that unit tests run on: QEMU's user mode has no process_vm_readv(), by
 * which memory is copied that may not be there.
 */

#ifndef KERNEL_H
#define KERNEL_H

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/** Skips the test that calls it on a kernel that doesn't copy for processes. */
static inline void
need_kernel_copies(void)
{
	char from = 1, to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 && errno == ENOSYS)
		skip();
}

#endif /* KERNEL_H */
