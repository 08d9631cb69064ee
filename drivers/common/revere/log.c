/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Log lines of the common code: type pmd.common.revere, and the device's name in front. */

#include <stdarg.h>
#include <stdio.h>

#include "common_private.h"

RTE_LOG_REGISTER(revere_common_logtype, pmd.common.revere, NOTICE)

void
common_log(uint32_t level, const char *name, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	rte_log(level, (uint32_t)revere_common_logtype, "REVERE: %s: %s\n", name, line);
}
