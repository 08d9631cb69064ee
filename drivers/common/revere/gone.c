/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Devices that are gone: unplugged, or served by a process that died. Who uses them is told in
 * EAL's interrupt thread, by an alarm, with no lock held: users may close ports from there, or
 * wait for who does.
 */

#include <rte_alarm.h>

#include "common_private.h"

#define RETRY_US 10000

static void
tell_users(void *arg)
{
	const struct revere_transport *transport = arg; /* closed meanwhile, maybe */
	struct device_user user;
	bool found;

	do {
		/*
		 * Whoever closes the device has the lock and waits for this function: so it never
		 * waits for the lock.
		 */
		if (!device_trylock()) {
			rte_eal_alarm_set(RETRY_US, tell_users, arg);
			return;
		}
		found = device_user_untold(transport, &user);
		device_unlock();
		if (found && user.class->gone != NULL)
			user.class->gone(user.name);
		else if (found)
			rte_dev_event_callback_process(user.rte_dev_name, RTE_DEV_EVENT_REMOVE);
	} while (found);
}

void
device_gone(struct revere_transport *transport)
{
	if (__atomic_exchange_n(&transport->gone, true, __ATOMIC_ACQ_REL))
		return;
	rte_eal_alarm_set(1, tell_users, transport);
}
