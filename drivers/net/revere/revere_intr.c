/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Interrupts: an eventfd for each Rx queue, on which applications sleep, and one for events of
 * the port, on which EAL's interrupt thread does. Which interrupt of the device signals an
 * eventfd is the transport's affair: MSI-X, or a message to the device's process.
 *
 * Nothing gets lost on the way to sleep: a socket's interrupt is masked until the application asks
 * for it; unmasking it raises it if there are messages, and what this driver has seen of the ring
 * is looked at after that.
 */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_atomic.h>
#include <rte_interrupts.h>
#include <rte_power_intrinsics.h>

#include "revere_net.h"

/* ---- Eventfds of vectors ------------------------------------------------------------------ */

static int
irq_connect(struct revere_net *net, struct revere_net_irq *irq)
{
	struct revere_transport *transport = revere_dev_transport(net->dev);

	irq->vector = revere_device_vector_get(net->device);
	if (irq->vector < 0)
		return transport->vectors == 0 ? -ENOTSUP : irq->vector;
	irq->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (irq->fd < 0)
		return -errno;
	return transport->ops->irq_set(transport, (uint32_t)irq->vector, irq->fd);
}

int
revere_net_irq_open(struct revere_net *net, struct revere_net_irq *irq)
{
	int ret;

	*irq = (struct revere_net_irq){ -1, -1 };
	ret = irq_connect(net, irq);
	if (ret < 0)
		revere_net_irq_close(net, irq);
	return ret;
}

void
revere_net_irq_close(struct revere_net *net, struct revere_net_irq *irq)
{
	struct revere_transport *transport = revere_dev_transport(net->dev);

	if (irq->fd >= 0) {
		transport->ops->irq_set(transport, (uint32_t)irq->vector, -1);
		close(irq->fd);
	}
	if (irq->vector >= 0)
		revere_device_vector_put(net->device, (unsigned int)irq->vector);
	*irq = (struct revere_net_irq){ -1, -1 };
}

/* ---- Rx queues ---------------------------------------------------------------------------- */

int
revere_net_pair_irq_open(struct revere_net *net, struct revere_net_pair *pair,
	struct revere_ami_sw_conf *conf)
{
	int ret;

	pair->irq = (struct revere_net_irq){ -1, -1 };
	if (!net->rx_intr)
		return 0;
	ret = revere_net_irq_open(net, &pair->irq);
	if (ret < 0) {
		REVERE_NET_LOG(ERR, net, "no interrupt for one more Rx queue: %s; there are %u "
			"vectors, of which each Rx queue takes one, each port one, the device "
			"one: use fewer queues, or a device with more (msix_vectors)",
			strerror(-ret), revere_dev_transport(net->dev)->vectors);
		return ret;
	}
	conf->rx_irq = true;
	conf->rx_vector = (uint16_t)pair->irq.vector;
	return 0;
}

void
revere_net_pair_irq_mask(struct revere_net_pair *pair)
{
	if (pair->irq.fd < 0)
		return;
	/* Completions of transmission wake nobody. */
	revere_ami_sw_irq_mask(pair->ami_sw, RVR_AMS_RX, REVERE_NET_RX_DONE, false);
	revere_ami_sw_irq_mask(pair->ami_sw, RVR_AMS_RX, REVERE_NET_RX_PACKETS, false);
}

int
revere_net_rxq_intr_enable(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_rxq *rxq = dev->data->rx_queues[id];
	struct revere_net_pair *pair = &net->pairs[id];

	if (!net->rx_intr || !rxq->running)
		return -ENOTSUP;
	revere_ami_sw_irq_mask(pair->ami_sw, RVR_AMS_RX, REVERE_NET_RX_PACKETS, true);
	/* What came before is no news to the device: READ_INDEX is written, then this is read. */
	rte_mb();
	if (rxq->left > 0 || revere_ring_device_index(rxq->ring) != rxq->ring->own)
		eventfd_write(pair->irq.fd, 1);
	return 0;
}

int
revere_net_rxq_intr_disable(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net *net = dev->data->dev_private;

	if (!net->rx_intr)
		return -ENOTSUP;
	revere_ami_sw_irq_mask(net->pairs[id].ami_sw, RVR_AMS_RX, REVERE_NET_RX_PACKETS, false);
	return 0;
}

/** The device's index has moved since the core began to think about sleep. */
static int
monitor_changed(const uint64_t value, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ])
{
	return value != opaque[0] ? -1 : 0;
}

int
revere_net_monitor_addr_get(void *rx_queue, struct rte_power_monitor_cond *condition)
{
	const struct revere_net_rxq *rxq = rx_queue;

	if (!rxq->running)
		return -ENOTSUP;
	condition->addr = (volatile void *)(uintptr_t)rxq->ring->seen_src;
	condition->size = sizeof(*rxq->ring->seen_src);
	condition->opaque[0] = rvr_cpu_le64(rxq->ring->own);
	/* What was seen but not taken yet must not be slept over. */
	if (rxq->left > 0)
		condition->opaque[0] = ~condition->opaque[0];
	condition->fn = monitor_changed;
	return 0;
}

static int
handle_fill(const struct revere_net *net, struct rte_intr_handle *handle, uint16_t queues)
{
	uint16_t i;
	int ret;

	/* EAL reads the counter of such a handle's descriptors after each wake-up. */
	ret = rte_intr_type_set(handle, RTE_INTR_HANDLE_VDEV);
	if (ret == 0)
		ret = rte_intr_efd_counter_size_set(handle, sizeof(uint64_t));
	if (ret == 0)
		ret = rte_intr_vec_list_alloc(handle, NULL, queues);
	if (ret == 0)
		ret = rte_intr_nb_efd_set(handle, queues);
	if (ret == 0)
		ret = rte_intr_max_intr_set(handle, queues + 1);
	for (i = 0; i < queues && ret == 0; i++) {
		ret = rte_intr_vec_list_index_set(handle, i, RTE_INTR_VEC_RXTX_OFFSET + i);
		if (ret == 0)
			ret = rte_intr_efds_index_set(handle, i, net->pairs[i].irq.fd);
	}
	return ret;
}

void
revere_net_rx_intr_fini(struct rte_eth_dev *dev)
{
	if (dev->intr_handle == NULL)
		return;
	rte_intr_vec_list_free(dev->intr_handle);
	rte_intr_instance_free(dev->intr_handle);
	dev->intr_handle = NULL;
}

int
revere_net_rx_intr_init(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	int ret = -ENOMEM;

	revere_net_rx_intr_fini(dev);
	if (!net->rx_intr || dev->data->nb_rx_queues == 0)
		return 0;
	dev->intr_handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (dev->intr_handle != NULL)
		ret = handle_fill(net, dev->intr_handle, dev->data->nb_rx_queues);
	if (ret == 0)
		return 0;
	REVERE_NET_LOG(ERR, net, "Rx interrupts of %u queues can't be set up: %s",
		dev->data->nb_rx_queues, strerror(-ret));
	revere_net_rx_intr_fini(dev);
	return ret;
}

/* ---- Events of the port ------------------------------------------------------------------- */

static void
handle_events(struct rte_eth_dev *dev)
{
	if (revere_net_events_poll(dev->data->dev_private) &&
	    revere_net_link_update(dev, 0) == 0)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

static void
events_interrupt(void *arg)
{
	struct rte_eth_dev *dev = arg;
	struct revere_net *net = dev->data->dev_private;
	eventfd_t count;

	if (eventfd_read(net->control.irq.fd, &count) == 0)
		handle_events(dev);
}

static void
events_alarm(void *arg)
{
	handle_events(arg);
	rte_eal_alarm_set(REVERE_NET_EVENT_US, events_alarm, arg);
}

static int
events_register(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	struct rte_intr_handle *intr;
	int ret;

	if (net->control.irq.fd < 0)
		return -ENOTSUP;
	intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (intr == NULL)
		return -ENOMEM;
	ret = rte_intr_fd_set(intr, net->control.irq.fd);
	if (ret == 0)
		ret = rte_intr_type_set(intr, RTE_INTR_HANDLE_EXT);
	if (ret == 0)
		ret = rte_intr_callback_register(intr, events_interrupt, dev);
	if (ret == 0)
		net->control.intr = intr;
	else
		rte_intr_instance_free(intr);
	return ret;
}

void
revere_net_events_start(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	if (dev->data->dev_conf.intr_conf.lsc == 0)
		return;
	/* Without interrupts somebody has to look now and then. */
	if (events_register(dev) < 0 &&
	    rte_eal_alarm_set(REVERE_NET_EVENT_US, events_alarm, dev) < 0)
		REVERE_NET_LOG(WARNING, net, "no alarm: there will be no link events");
}

void
revere_net_events_stop(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;

	rte_eal_alarm_cancel(events_alarm, dev);
	if (net->control.intr == NULL)
		return;
	rte_intr_callback_unregister_sync(net->control.intr, events_interrupt, dev);
	rte_intr_instance_free(net->control.intr);
	net->control.intr = NULL;
}
