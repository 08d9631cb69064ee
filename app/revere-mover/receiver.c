/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The receiving process. It knows nothing of DPDK, nor of how packets get into its memory, and
 * doesn't trust what it finds there.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mover.h"

#define IDLE_US 20

static bool
packet_take(struct mover_shared *shared, uint64_t number)
{
	const struct mover_head head = shared->heads[number % MOVER_PLACES];
	const uint8_t *body = shared->bodies[number % MOVER_PLACES];

	if (head.number == number && head.length <= MOVER_BODY_MAX &&
	    head.sum == mover_sum(body, head.length))
		return true;
	fprintf(stderr, "receiver: packet %" PRIu64 " is due, what came has number %" PRIu64
		" and %u bytes%s\n", number, head.number, head.length,
		head.number == number ? ", and isn't what was sent" : "");
	return false;
}

/** Whether the last packet was taken, or none will come any more. */
static bool
all_taken(const struct mover_shared *shared, uint64_t taken)
{
	uint64_t total = __atomic_load_n(&shared->total, __ATOMIC_ACQUIRE);

	return (total != 0 && taken == total) ||
	       __atomic_load_n(&shared->failed, __ATOMIC_ACQUIRE);
}

int
receiver_run(struct mover_shared *shared)
{
	pid_t mover = getppid();
	uint64_t taken = 0, used;

	__atomic_store_n(&shared->free, MOVER_PLACES, __ATOMIC_RELEASE);
	while (!all_taken(shared, taken)) {
		used = __atomic_load_n(&shared->used, __ATOMIC_ACQUIRE);
		if (used == taken) {
			/* The mover has died, and this process belongs to another one now. */
			if (getppid() != mover)
				return EXIT_FAILURE;
			usleep(IDLE_US);
		}
		for (; taken < used; taken++) {
			if (!packet_take(shared, taken))
				return EXIT_FAILURE;
		}
		__atomic_store_n(&shared->free, taken + MOVER_PLACES, __ATOMIC_RELEASE);
	}
	return shared->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
