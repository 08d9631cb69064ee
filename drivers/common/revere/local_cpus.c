/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * CPUs for the workers of an emulated device. EAL pins the threads that make devices, and a
 * worker must not inherit that: it would share the CPU of an lcore that polls. EAL has already
 * chosen CPUs for its control threads, those without an lcore, or else the main lcore's; the
 * workers run there too, and not beside an lcore that is bound to its CPU if there is another.
 */

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <revere_emu.h>
#include <rte_lcore.h>

#include "common_private.h"
#include "revere_compat.h"

static REVERE_THREAD_FUNC(read_affinity, arg)
{
	cpu_set_t *cpus = arg;

	if (pthread_getaffinity_np(pthread_self(), sizeof(*cpus), cpus) != 0)
		CPU_ZERO(cpus);
	REVERE_THREAD_RETURN;
}

static void
control_cpus(cpu_set_t *cpus)
{
	revere_thread_t thread;

	CPU_ZERO(cpus);
	if (revere_thread_create_control(&thread, "revere-cpus", read_affinity, cpus) == 0)
		revere_thread_join(thread);
}

/* The @p nth CPU of a set that isn't empty, counted around. */
static int
nth_cpu(const cpu_set_t *cpus, unsigned int nth)
{
	int cpu;

	nth %= (unsigned int)CPU_COUNT(cpus);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((unsigned int)cpu, cpus) && nth-- == 0)
			return cpu;
	return -1;
}

/* How lcores use a CPU, 0 is best for a worker. */
enum use { UNUSED, USED, PINNED };

static enum use
lcores_use(int cpu)
{
	enum use use = UNUSED;
	unsigned int lcore;
	rte_cpuset_t set;

	RTE_LCORE_FOREACH(lcore) {
		set = rte_lcore_cpuset(lcore);
		if (!CPU_ISSET((unsigned int)cpu, &set))
			continue;
		if (CPU_COUNT(&set) == 1)
			return PINNED;
		use = USED;
	}
	return use;
}

/* Leaves those that lcores use least; an lcore that isn't bound to a CPU can make room there. */
static void
least_used_cpus(cpu_set_t *cpus)
{
	enum use use, least = PINNED;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((unsigned int)cpu, cpus))
			continue;
		use = lcores_use(cpu);
		least = RTE_MIN(least, use);
	}
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((unsigned int)cpu, cpus) && lcores_use(cpu) > least)
			CPU_CLR((unsigned int)cpu, cpus);
}

static int
check_cpus(const char *name, const struct revere_emu_config *config)
{
	long num = sysconf(_SC_NPROCESSORS_CONF);
	unsigned int i;

	for (i = 0; i < REVERE_EMU_WORKERS_MAX; i++) {
		if (config->worker_cpus[i] < num)
			continue;
		COMMON_LOG(ERR, name, "worker_cpus: there is no CPU %d, this machine has 0 to %ld",
			config->worker_cpus[i], num - 1);
		return -EINVAL;
	}
	return 0;
}

int
local_cpus_choose(const char *name, struct revere_emu_config *config)
{
	/* Several devices take turns. */
	static atomic_uint placed;
	cpu_set_t cpus;
	unsigned int i;
	int cpu;

	if (check_cpus(name, config) < 0)
		return -EINVAL;
	if (config->mode == REVERE_EMU_INLINE)
		return 0;
	control_cpus(&cpus);
	least_used_cpus(&cpus);
	for (i = 0; i < config->workers; i++) {
		if (config->worker_cpus[i] >= 0)
			continue;
		if (CPU_COUNT(&cpus) == 0) {
			COMMON_LOG(INFO, name, "worker %u of the emulated device isn't pinned", i);
			continue;
		}
		cpu = nth_cpu(&cpus, atomic_fetch_add(&placed, 1));
		config->worker_cpus[i] = cpu;
		COMMON_LOG(INFO, name, "worker %u of the emulated device runs on CPU %d, %s; "
			"worker_cpus= would change that", i, cpu,
			lcores_use(cpu) != UNUSED ? "shared with an lcore" : "without an lcore");
	}
	return 0;
}
