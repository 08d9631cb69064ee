/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Tests of the emulator's data path, for the program that runs the device inline and the one that
 * runs it with threads.
 */

#ifndef EMU_SWITCH_CASES_H
#define EMU_SWITCH_CASES_H

#include "revere_emu.h"

/** Runs all cases. @return how many failed */
int emu_switch_cases(enum revere_emu_mode mode, unsigned int workers, const char *name);

#endif /* EMU_SWITCH_CASES_H */
