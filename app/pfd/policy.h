/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What reading a policy's lines shares: policy.c, policy_vf.c.
 */

#ifndef POLICY_H
#define POLICY_H

#include "pfd.h"

/* Where a text is read, for messages. */
struct policy_reader {
	const char *path;
	unsigned int line;
	char *error;
	size_t error_size;
};

struct policy_vfs {
	bool named[PFD_VFS];
	struct pfd_vf_rule rules[PFD_VFS];
};

/* Says what is wrong. @return -EINVAL */
int policy_wrong(const struct policy_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* yes or no. */
int policy_yes(const struct policy_reader *reader, const char *key, const char *text, bool *value);
/* A decimal number up to @p most; nothing else. */
bool policy_number(const char *text, uint64_t most, uint64_t *value);
/* A line of a VF's, without its first word. */
int policy_vf_read(const struct policy_reader *reader, char *line, struct policy_vfs *vfs);

#endif /* POLICY_H */
