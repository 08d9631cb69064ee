/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Errors and resets of the device. While a port is started, EAL's interrupt thread looks ten times
 * a second whether the device was reset behind the driver's back or takes no commands any more,
 * and whether contexts of the port have failed. Then bursts become empty, everything is set up
 * anew with the settings that there were, and bursts go on; applications get events of that:
 *
 *   WORKS -- ERR_RECOVERING --> RECOVERING -- RECOVERY_SUCCESS --> WORKS
 *                                    \------- RECOVERY_FAILED ---> LOST -- start, reset --> WORKS
 *   WORKS -- INTR_RESET, with recover_ms=0 --> LOST
 *
 * What the agent keeps (rules, meters, counters, clock) is not lost by resets, and is left alone.
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#include "revere_net.h"
#include "rvr_msg.h"

#define WATCH_US 100000
#define RETRY_US 250000
#define STREAK 8 /* recoveries in a row that don't wait for one another */
#define PAUSE_MIN_US 100000 /* from one to the next then; twice that for the next one, */
#define PAUSE_MAX_US 10000000 /* and so on; no row lasts over such a pause */
#define TRIES 3 /* at once: others may reset the device meanwhile */

static uint64_t
us_cycles(uint64_t us)
{
	return us * rte_get_timer_hz() / US_PER_S;
}

/* ---- State -------------------------------------------------------------------------------- */

int
revere_net_may_request(const struct revere_net *net)
{
	const struct revere_net_recover *recover = &net->recover;
	uint8_t state = __atomic_load_n(&recover->state, __ATOMIC_ACQUIRE);

	if (likely(state == REVERE_NET_WORKS))
		return 0;
	if (state == REVERE_NET_LOST)
		return -EIO;
	return __atomic_load_n(&recover->by, __ATOMIC_RELAXED) == rte_gettid() ? 0 : -EBUSY;
}

static void
state_set(struct revere_net *net, enum revere_net_state state)
{
	__atomic_store_n(&net->recover.by, rte_gettid(), __ATOMIC_RELAXED);
	__atomic_store_n(&net->recover.state, state, __ATOMIC_RELEASE);
}

static bool
is_lost(const struct revere_net *net)
{
	return __atomic_load_n(&net->recover.state, __ATOMIC_RELAXED) == REVERE_NET_LOST;
}

static bool
is_recovering(const struct revere_net *net)
{
	return __atomic_load_n(&net->recover.state, __ATOMIC_RELAXED) == REVERE_NET_RECOVERING;
}

void
revere_net_recover_init(struct revere_net *net)
{
	pthread_mutexattr_t attr;

	/* An application may stop the port or its queues when it is told of an error. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&net->recover.lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

void
revere_net_recover_fini(struct revere_net *net)
{
	pthread_mutex_destroy(&net->recover.lock);
}

/* ---- What is wrong ------------------------------------------------------------------------ */

static bool
was_restarted(const struct revere_net *net)
{
	return revere_dev_restarts(net->dev) != net->control.restarts;
}

static bool
control_failed(const struct revere_net *net)
{
	return __atomic_load_n(&net->control.failed, __ATOMIC_RELAXED);
}

/** A reported error may be that no commands are taken any more: one command tells. */
static void
look_into_error(struct revere_net *net)
{
	bool error;

	if (revere_dev_transport(net->dev)->ops->mgt_exec != NULL)
		return;
	error = revere_error_state(net->dev) != RVR_ERROR_STATE_NONE;
	if (error && !net->recover.error_known)
		revere_f_probe(net->dev, NULL, NULL);
	net->recover.error_known = error;
}

/** What is wrong, or NULL; *all: with the device, not with some contexts. */
static const char *
trouble(struct revere_net *net, bool *all)
{
	uint16_t i;

	*all = true;
	if (was_restarted(net))
		return "the device was restarted";
	if (revere_dev_is_lost(net->dev))
		return "the device was reset, or executes no commands";
	*all = false;
	if (control_failed(net))
		return "the control channel's context has failed";
	for (i = 0; i < net->num_pairs; i++)
		if (revere_net_pair_failed(&net->pairs[i]))
			return "a queue pair has failed";
	return NULL;
}

/** E-F-AMI-RING-FAULT: the device has stopped a context. */
static void
exception(void *arg, const void *msg)
{
	struct revere_net *net = arg;
	struct rvr_e_f_ami_ring_fault fault;
	uint16_t i;

	if (rvr_msg_opcode(msg) != RVR_E_F_AMI_RING_FAULT)
		return;
	rvr_e_f_ami_ring_fault_decode(msg, &fault);
	if (fault.ami_id == revere_ami_sw_id(net->control.ami_sw))
		__atomic_store_n(&net->control.failed, true, __ATOMIC_RELAXED);
	for (i = 0; i < net->num_pairs; i++)
		if (fault.ami_id == revere_ami_sw_id(net->pairs[i].ami_sw))
			revere_net_pair_set_failed(&net->pairs[i], true);
}

/* ---- Repair ------------------------------------------------------------------------------- */

/** Device and control channel; pairs are left as failed. */
static int
revive(struct revere_net *net)
{
	bool restarted;
	uint16_t i;
	int ret = revere_dev_is_lost(net->dev) ? revere_dev_restart(net->dev) : 0;

	if (ret < 0)
		return ret;
	restarted = was_restarted(net);
	for (i = 0; restarted && i < net->num_pairs; i++) {
		revere_net_pair_set_failed(&net->pairs[i], true);
		net->pairs[i].announced = false;
	}
	return restarted || control_failed(net) ? revere_net_control_restart(net) : 0;
}

int
revere_net_revive(struct revere_net *net)
{
	bool all;
	int ret;

	if (revere_net_gone(net))
		return -ENODEV;
	if (trouble(net, &all) == NULL || (!all && !control_failed(net) && !is_lost(net))) {
		state_set(net, REVERE_NET_WORKS);
		return 0;
	}
	state_set(net, REVERE_NET_RECOVERING);
	ret = revive(net);
	state_set(net, ret == 0 ? REVERE_NET_WORKS : REVERE_NET_LOST);
	if (ret < 0)
		REVERE_NET_LOG(ERR, net, "the device can't be used: %s", strerror(-ret));
	return ret;
}

void
revere_net_check_lost(struct revere_net *net)
{
	if (!revere_net_gone(net) && (was_restarted(net) || revere_dev_is_lost(net->dev)))
		state_set(net, REVERE_NET_LOST);
}

/** Bursts of pairs that are to be reset become empty, and have ended. */
static int
hold(struct revere_net *net, bool all)
{
	uint16_t i;

	for (i = 0; i < net->num_pairs; i++) {
		if (!all && !revere_net_pair_failed(&net->pairs[i]))
			continue;
		revere_net_pair_set_failed(&net->pairs[i], true);
		revere_net_pair_hold(net, i);
	}
	return revere_net_queues_wait(net);
}

static int
mend(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	bool fresh = was_restarted(net) || revere_dev_is_lost(net->dev);
	int ret = revive(net);
	uint16_t i;

	if (ret == 0 && fresh)
		ret = revere_net_settings_restore(dev);
	for (i = 0; i < net->num_pairs && ret == 0; i++)
		if (revere_net_pair_failed(&net->pairs[i]))
			ret = revere_net_pair_mend(dev, i, fresh);
	/* The port is this control channel's again, for events of its link too. */
	return ret == 0 ? revere_net_port_flags(net, RVR_RNA_PORT_ENABLED, RVR_RNA_PORT_ENABLED) :
		ret;
}

static int
repair(struct rte_eth_dev *dev, bool all)
{
	struct revere_net *net = dev->data->dev_private;
	unsigned int tries;
	int ret = -EIO;

	for (tries = 0; tries < TRIES && ret < 0; tries++) {
		ret = hold(net, all);
		if (ret == 0)
			ret = mend(dev);
		if (ret == 0 && trouble(net, &all) != NULL)
			ret = -EAGAIN;
		/* Only what changes meanwhile is a reason to try again at once. */
		if (ret < 0 && trouble(net, &all) == NULL)
			break;
	}
	return ret;
}

/* ---- Events of a recovery ----------------------------------------------------------------- */

/** A recovery that follows another one soon waits longer and longer: devices may be beyond help. */
static void
succeeded(struct revere_net *net)
{
	struct revere_net_recover *recover = &net->recover;
	uint64_t now = rte_get_timer_cycles(), pause = PAUSE_MIN_US;

	if (now > recover->quiet + us_cycles(PAUSE_MAX_US))
		recover->streak = 0;
	if (recover->streak < STREAK + 7)
		recover->streak++;
	if (recover->streak > STREAK)
		pause <<= recover->streak - STREAK;
	recover->quiet = now + (recover->streak < STREAK ? 0 :
		us_cycles(RTE_MIN(pause, (uint64_t)PAUSE_MAX_US)));
	state_set(net, REVERE_NET_WORKS);
	__atomic_fetch_add(&recover->recoveries, 1, __ATOMIC_RELAXED);
	REVERE_NET_LOG(NOTICE, net, "the port has recovered");
}

/** Nobody sends requests now, not even who is told of events. */
static void
state_set_quiet(struct revere_net *net)
{
	__atomic_store_n(&net->recover.by, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&net->recover.state, REVERE_NET_RECOVERING, __ATOMIC_RELEASE);
}

/** @return event of the result, or MAX if the recovery goes on with the next look. */
static enum rte_eth_event_type
recovery_turn(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_recover *recover = &net->recover;
	bool all = true;
	int ret;

	state_set(net, REVERE_NET_RECOVERING);
	trouble(net, &all);
	ret = repair(dev, all);
	if (ret == 0) {
		succeeded(net);
		revere_net_link_update(dev, 0);
		return RTE_ETH_EVENT_RECOVERY_SUCCESS;
	}
	state_set_quiet(net);
	if (rte_get_timer_cycles() < recover->give_up)
		return RTE_ETH_EVENT_MAX;
	REVERE_NET_LOG(ERR, net, "the port can't recover: %s; reset it or close it",
		strerror(-ret));
	recover->watching = false;
	state_set(net, REVERE_NET_LOST);
	return RTE_ETH_EVENT_RECOVERY_FAILED;
}

/** The application is to reset the port. */
static enum rte_eth_event_type
give_over(struct revere_net *net, bool all)
{
	hold(net, all);
	net->recover.watching = false;
	state_set(net, REVERE_NET_LOST);
	return RTE_ETH_EVENT_INTR_RESET;
}

/** What an application is to be told now, or MAX; under the lock. */
static enum rte_eth_event_type
look(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_recover *recover = &net->recover;
	const char *why;
	bool all;

	if (is_recovering(net))
		return recovery_turn(dev);
	why = trouble(net, &all);
	if (why == NULL) {
		revere_exception_poll(net->dev);
		look_into_error(net);
		why = trouble(net, &all);
	}
	if (why == NULL || rte_get_timer_cycles() < recover->quiet)
		return RTE_ETH_EVENT_MAX;
	if (recover->limit == 0) {
		REVERE_NET_LOG(ERR, net, "%s: the port is to be reset", why);
		return give_over(net, all);
	}
	REVERE_NET_LOG(WARNING, net, "%s: the port recovers", why);
	recover->give_up = rte_get_timer_cycles() + recover->limit;
	state_set_quiet(net);
	return RTE_ETH_EVENT_ERR_RECOVERING;
}

/** EAL's locks of alarms are unknown to checkers of threads: this hands ports over. */
static unsigned int watches;

static void
watch(void *arg)
{
	struct rte_eth_dev *dev = arg;
	struct revere_net *net;
	enum rte_eth_event_type event;

	if (__atomic_load_n(&watches, __ATOMIC_ACQUIRE) == 0)
		return;
	net = dev->data->dev_private;
	do {
		event = RTE_ETH_EVENT_MAX;
		pthread_mutex_lock(&net->recover.lock);
		if (net->recover.watching && !revere_net_gone(net))
			event = look(dev);
		pthread_mutex_unlock(&net->recover.lock);
		if (event != RTE_ETH_EVENT_MAX)
			rte_eth_dev_callback_process(dev, event, NULL);
		/* The application may have closed the port when it was told. */
		if (dev->state != RTE_ETH_DEV_ATTACHED || dev->data->dev_private != net)
			return;
	} while (event == RTE_ETH_EVENT_ERR_RECOVERING);
	pthread_mutex_lock(&net->recover.lock);
	if (net->recover.watching)
		rte_eal_alarm_set(is_recovering(net) ? RETRY_US : WATCH_US, watch, dev);
	pthread_mutex_unlock(&net->recover.lock);
}

void
revere_net_watch_start(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	pthread_mutex_lock(&net->recover.lock);
	net->recover.watching = true;
	net->recover.error_known = false;
	__atomic_fetch_add(&watches, 1, __ATOMIC_RELEASE);
	if (revere_exception_register(net->dev, exception, net) < 0 ||
	    rte_eal_alarm_set(WATCH_US, watch, dev) < 0)
		REVERE_NET_LOG(WARNING, net, "no memory to look for errors of the device");
	pthread_mutex_unlock(&net->recover.lock);
}

void
revere_net_watch_stop(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	pthread_mutex_lock(&net->recover.lock);
	net->recover.watching = false;
	pthread_mutex_unlock(&net->recover.lock);
	rte_eal_alarm_cancel(watch, dev);
	revere_exception_unregister(net->dev, exception, net);
	if (is_recovering(net))
		state_set(net, REVERE_NET_LOST);
}

/* ---- Queues' life ------------------------------------------------------------------------- */

static pthread_mutex_t *
lock_of(struct rte_eth_dev *dev)
{
	return &((struct revere_net *)dev->data->dev_private)->recover.lock;
}

int
revere_net_op_rxq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	int ret;

	pthread_mutex_lock(lock_of(dev));
	ret = revere_net_rxq_setup(dev, id, nb_desc, socket_id, conf, pool);
	pthread_mutex_unlock(lock_of(dev));
	return ret;
}

int
revere_net_op_txq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_txconf *conf)
{
	int ret;

	pthread_mutex_lock(lock_of(dev));
	ret = revere_net_txq_setup(dev, id, nb_desc, socket_id, conf);
	pthread_mutex_unlock(lock_of(dev));
	return ret;
}

void
revere_net_op_rxq_release(struct rte_eth_dev *dev, uint16_t id)
{
	pthread_mutex_lock(lock_of(dev));
	revere_net_rxq_release(dev, id);
	pthread_mutex_unlock(lock_of(dev));
}

void
revere_net_op_txq_release(struct rte_eth_dev *dev, uint16_t id)
{
	pthread_mutex_lock(lock_of(dev));
	revere_net_txq_release(dev, id);
	pthread_mutex_unlock(lock_of(dev));
}

/** A function of a queue, unless the port recovers, or waits to be reset. */
static int
queue_op(struct rte_eth_dev *dev, uint16_t id, int (*op)(struct rte_eth_dev *dev, uint16_t id))
{
	int ret;

	pthread_mutex_lock(lock_of(dev));
	ret = revere_net_may_request(dev->data->dev_private);
	if (ret == 0)
		ret = op(dev, id);
	pthread_mutex_unlock(lock_of(dev));
	return ret;
}

int
revere_net_op_rxq_start(struct rte_eth_dev *dev, uint16_t id)
{
	return queue_op(dev, id, revere_net_rxq_start);
}

int
revere_net_op_txq_start(struct rte_eth_dev *dev, uint16_t id)
{
	return queue_op(dev, id, revere_net_txq_start);
}

int
revere_net_op_rxq_stop(struct rte_eth_dev *dev, uint16_t id)
{
	return queue_op(dev, id, revere_net_rxq_stop);
}

int
revere_net_op_txq_stop(struct rte_eth_dev *dev, uint16_t id)
{
	return queue_op(dev, id, revere_net_txq_stop);
}
