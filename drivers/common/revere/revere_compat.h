/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Differences between DPDK releases, 22.11 to 26.07, by feature. No other file asks for
 * RTE_VERSION.
 */

#ifndef REVERE_COMPAT_H
#define REVERE_COMPAT_H

#include <pthread.h>

#include <bus_driver.h>
#include <rte_lcore.h>
#include <rte_thread.h>
#include <rte_version.h>

/* ---- Bus device of a device (26.07: one macro for all buses) -------------------------------- */

#if RTE_VERSION >= RTE_VERSION_NUM(26, 7, 0, 0)
#define REVERE_BUS_DEVICE(dev, type) RTE_BUS_DEVICE(dev, type)
#else
#define REVERE_BUS_DEVICE(dev, type) container_of(dev, type, device)
#endif

/* ---- Hooks of a bus (26.07: they get the bus) ----------------------------------------------- */

#if RTE_VERSION >= RTE_VERSION_NUM(26, 7, 0, 0)
#define REVERE_BUS_PROBE(name) int name(__rte_unused struct rte_bus *bus)
#define REVERE_BUS_FIND_DEVICE(name)                                                           \
	struct rte_device *name(__rte_unused const struct rte_bus *bus,                        \
		__rte_unused const struct rte_device *start, __rte_unused rte_dev_cmp_t cmp,   \
		__rte_unused const void *data)
#else
#define REVERE_BUS_PROBE(name) int name(void)
#define REVERE_BUS_FIND_DEVICE(name)                                                           \
	struct rte_device *name(__rte_unused const struct rte_device *start,                   \
		__rte_unused rte_dev_cmp_t cmp, __rte_unused const void *data)
#endif

/* ---- Control threads (23.11: rte_thread_create_control) ------------------------------------- */

/** Body of a control thread; ends with REVERE_THREAD_RETURN. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)

typedef rte_thread_t revere_thread_t;
#define REVERE_THREAD_FUNC(name, arg) uint32_t name(void *arg)
#define REVERE_THREAD_RETURN return 0

static inline int
revere_thread_create_control(revere_thread_t *thread, const char *name,
	uint32_t (*func)(void *arg), void *arg)
{
	return -rte_thread_create_control(thread, name, func, arg);
}

static inline void
revere_thread_join(revere_thread_t thread)
{
	rte_thread_join(thread, NULL);
}

#else

typedef pthread_t revere_thread_t;
#define REVERE_THREAD_FUNC(name, arg) void *name(void *arg)
#define REVERE_THREAD_RETURN return NULL

static inline int
revere_thread_create_control(revere_thread_t *thread, const char *name,
	void *(*func)(void *arg), void *arg)
{
	return rte_ctrl_thread_create(thread, name, NULL, func, arg);
}

static inline void
revere_thread_join(revere_thread_t thread)
{
	pthread_join(thread, NULL);
}

#endif

/* ---- ethdev --------------------------------------------------------------------------------- */

/** 23.11: the hash function is part of the RSS configuration. */
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define REVERE_RSS_ALGORITHM 1
#else
#define REVERE_RSS_ALGORITHM 0
#endif

/** 24.03: supported_ptypes_get() tells how many there are, lists don't end with UNKNOWN. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define REVERE_PTYPES_COUNTED 1
#else
#define REVERE_PTYPES_COUNTED 0
#endif

/** 24.03: ops for the number of used Tx descriptors. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define REVERE_TX_QUEUE_COUNT 1
#else
#define REVERE_TX_QUEUE_COUNT 0
#endif

/** 24.03: rte_eth_devargs_parse() takes several devargs, and tells how many there were. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define revere_eth_devargs_parse(text, args) (rte_eth_devargs_parse(text, args, 1) == 1 ? 0 : -1)
#else
#define revere_eth_devargs_parse(text, args) rte_eth_devargs_parse(text, args)
#endif

/** 24.03: functions of asynchronous flow operations are apart from other ones. */
#if RTE_VERSION >= RTE_VERSION_NUM(24, 3, 0, 0)
#define REVERE_FLOW_FP_OPS 1
#else
#define REVERE_FLOW_FP_OPS 0
#endif

/** 25.11: counters of queues come in a struct of their own. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
#define REVERE_QUEUE_STATS 1
#else
#define REVERE_QUEUE_STATS 0
#endif

/** 25.11: rx_queue_count() returns int. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
typedef int revere_queue_count_t;
#else
typedef uint32_t revere_queue_count_t;
#endif

/* ---- Telemetry (23.03: unsigned numbers are called uint) ------------------------------------ */

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define revere_tel_dict_uint rte_tel_data_add_dict_uint
#else
#define revere_tel_dict_uint rte_tel_data_add_dict_u64
#endif

#endif /* REVERE_COMPAT_H */
