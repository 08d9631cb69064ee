/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Tests of net/revere through the ethdev API; programs differ in how the device runs. */

#ifndef NET_REVERE_CASES_H
#define NET_REVERE_CASES_H

/** Runs all cases on devices with these devargs ("mode=inline"). @p scale: how much of each */
int net_revere_cases_run(const char *program, const char *device_args, unsigned int scale);

#endif /* NET_REVERE_CASES_H */
