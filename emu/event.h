/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

#ifndef EVENT_H
#define EVENT_H

/**
 * Adds 1 to the counter of an eventfd that another process may own; never waits, whatever state
 * it is in. Any thread.
 *
 * @return 0; -EAGAIN its counter is full and this kernel can't signal it all the same
 */
int event_signal(int fd);

#endif /* EVENT_H */
