/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Log lines of the library: one type, lib.revere_ami, and the device's name in front. */

#include <stdarg.h>
#include <stdio.h>

#include "ami_private.h"

RTE_LOG_REGISTER(revere_ami_logtype, lib.revere_ami, NOTICE)

void
ami_log(uint32_t level, const char *name, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	rte_log(level, (uint32_t)revere_ami_logtype, "REVERE_AMI: %s: %s\n", name, line);
}
