/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Tests of dma/revere through the dmadev API; programs differ in how the device runs. */

#ifndef DMA_REVERE_CASES_H
#define DMA_REVERE_CASES_H

/**
 * Runs the cases on devices with these devargs ("mode=inline"). Argument 1 of the program is how
 * much of each to do, for a long run, argument 2 a pattern of names.
 */
int dma_revere_cases_run(int argc, char **argv, const char *device_args);

#endif /* DMA_REVERE_CASES_H */
