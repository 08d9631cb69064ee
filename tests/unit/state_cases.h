/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

#ifndef STATE_CASES_H
#define STATE_CASES_H

/**
 * Runs the cases of saved, restored and moved contexts on devices with these settings; argv[1]:
 * migrations of each kind instead of @p migrations. @return for main()
 */
int state_cases_run(int argc, char **argv, const char *settings, unsigned int migrations);

#endif /* STATE_CASES_H */
