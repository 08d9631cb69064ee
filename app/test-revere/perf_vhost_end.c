/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bus_vdev_driver.h>
#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <rte_vhost.h>
#include <rte_vhost_async.h>

#include "perf.h"
#include "perf_vhost_end.h"

#define ENDS_MAX 2

/** vhost's callbacks know nothing but the socket's path. */
static struct vhost_end *ends[ENDS_MAX];

static struct vhost_end *
end_of(int vid)
{
	char path[PATH_MAX] = "";
	unsigned int i;

	rte_vhost_get_ifname(vid, path, sizeof(path));
	for (i = 0; i < ENDS_MAX; i++) {
		if (ends[i] != NULL && strcmp(ends[i]->path, path) == 0)
			return ends[i];
	}
	return NULL;
}

static int
device_new(int vid)
{
	struct vhost_end *end = end_of(vid);

	if (end == NULL)
		return -1;
	if (end->async && (rte_vhost_async_channel_register(vid, VHOST_RXQ) != 0 ||
			   rte_vhost_async_channel_register(vid, VHOST_TXQ) != 0))
		return -1;
	/* As vhost's users do that poll: a guest that had to write to a file would be slow. */
	rte_vhost_enable_guest_notification(vid, VHOST_RXQ, 0);
	rte_vhost_enable_guest_notification(vid, VHOST_TXQ, 0);
	__atomic_store_n(&end->vid, vid, __ATOMIC_SEQ_CST);
	return 0;
}

/** Nothing is under way: the guest leaves after the last round. */
static void
device_destroy(int vid)
{
	struct vhost_end *end = end_of(vid);

	if (end == NULL)
		return;
	if (end->async) {
		rte_vhost_async_channel_unregister_thread_unsafe(vid, VHOST_RXQ);
		rte_vhost_async_channel_unregister_thread_unsafe(vid, VHOST_TXQ);
	}
	__atomic_store_n(&end->vid, -1, __ATOMIC_SEQ_CST);
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = device_new,
	.destroy_device = device_destroy,
};

static int
socket_start(struct vhost_end *end)
{
	int ret;

	unlink(end->path);
	ret = rte_vhost_driver_register(end->path, end->async ? RTE_VHOST_USER_ASYNC_COPY : 0);
	if (ret == 0)
		ret = rte_vhost_driver_callback_register(end->path, &device_ops);
	if (ret == 0)
		ret = rte_vhost_driver_start(end->path);
	if (ret != 0)
		fprintf(stderr, "%s: vhost can't be started\n", end->path);
	return ret != 0 ? -EIO : 0;
}

static int
guest_plug(struct vhost_end *end, const struct vhost_kind *kind)
{
	char args[256];

	snprintf(args, sizeof(args), "path=%s,queue_size=%u,packed_vq=%u,mrg_rxbuf=%u",
		 end->path, VHOST_RING, kind->packed, kind->mergeable);
	if (rte_vdev_init(end->name, args) != 0 ||
	    rte_eth_dev_get_port_by_name(end->name, &end->port) != 0) {
		fprintf(stderr, "no virtio-user port: run with --single-file-segments\n");
		return -ENODEV;
	}
	end->there = true;
	return 0;
}

static int
guest_start(const struct vhost_end *end, bool mergeable, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {
		.rxmode = {
			.mtu = VHOST_LENGTH_MAX,
			.offloads = mergeable ? RTE_ETH_RX_OFFLOAD_SCATTER : 0,
		},
	};
	int ret = rte_eth_dev_configure(end->port, 1, 1, &conf);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(end->port, 0, VHOST_RING, SOCKET_ID_ANY, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(end->port, 0, VHOST_RING, SOCKET_ID_ANY, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(end->port);
	return ret;
}

static int
guest_wait(const struct vhost_end *end)
{
	uint64_t late = perf_end(VHOST_PATIENCE_MS);

	while (__atomic_load_n(&end->vid, __ATOMIC_SEQ_CST) < 0) {
		if (rte_rdtsc() > late)
			return -ETIMEDOUT;
		rte_delay_us_sleep(1000);
	}
	return 0;
}

int
vhost_end_start(struct vhost_end *end, bool async, const struct vhost_kind *kind,
		struct rte_mempool *pool)
{
	int ret;

	*end = (struct vhost_end){ .async = async, .vid = -1 };
	snprintf(end->path, sizeof(end->path), "/tmp/perf-vhost.%d.%d", getpid(), async);
	snprintf(end->name, sizeof(end->name), "net_virtio_user_perf%d", async);
	ends[async] = end;
	ret = socket_start(end);
	if (ret == 0)
		ret = guest_plug(end, kind);
	if (ret != 0)
		return ret;
	ret = guest_start(end, kind->mergeable, pool);
	if (ret == 0)
		ret = guest_wait(end);
	if (ret != 0)
		fprintf(stderr, "the guest can't be started: %s\n", strerror(-ret));
	return ret;
}

void
vhost_end_stop(struct vhost_end *end)
{
	if (end->path[0] == '\0')
		return;
	if (end->there)
		rte_vdev_uninit(end->name);
	rte_vhost_driver_unregister(end->path);
	unlink(end->path);
	ends[end->async] = NULL;
}
