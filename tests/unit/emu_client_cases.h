/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * A client that was written from the programming model alone, against the emulated device: run
 * by test_emu_client.c without and by test_emu_client_threads.c with threads.
 */

#ifndef EMU_CLIENT_CASES_H
#define EMU_CLIENT_CASES_H

#include "revere_emu.h"

/** Runs all cases. @return exit code */
int client_cases_run(enum revere_emu_mode mode);

#endif /* EMU_CLIENT_CASES_H */
