/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Ports in secondary processes. State of a port and its queues is DPDK's memory, which all
 * processes have at the same addresses; functions are not, so each process has its own. Packets
 * need nothing else. Requests to the network agent are the primary's, which sends those of others
 * for them; what needs contexts (configuration, start, queues, interrupts) is the primary's alone.
 */

#include <errno.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "revere_net.h"

#define MP_NAME "revere_net_request"
#define TIMEOUT_S 5 /* beyond what the agent may take */

/** A request, in memory of all processes. */
struct shared_request {
	struct revere_net *net;
	uint16_t opcode;
	size_t req_size, rsp_size;
	bool has_req, has_rsp;
	int ret;
	uint8_t req[RVR_RNA_CONTROL_SIZE], rsp[RVR_RNA_CONTROL_SIZE];
};

struct mp_request {
	struct shared_request *request;
};

/* ---- The primary's side ------------------------------------------------------------------- */

static bool
is_port(const struct revere_net *net)
{
	uint16_t port_id;

	RTE_ETH_FOREACH_DEV(port_id)
		if (rte_eth_devices[port_id].data->dev_private == net)
			return true;
	return false;
}

static int
handle(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = { .len_param = 0 };
	struct mp_request mp;

	if (msg->len_param != sizeof(mp))
		return -1;
	memcpy(&mp, msg->param, sizeof(mp));
	/* Closed meanwhile, maybe. */
	if (is_port(mp.request->net))
		mp.request->ret = revere_net_request(mp.request->net, mp.request->opcode,
			mp.request->has_req ? mp.request->req : NULL, mp.request->req_size,
			mp.request->has_rsp ? mp.request->rsp : NULL, mp.request->rsp_size);
	snprintf(reply.name, sizeof(reply.name), "%s", MP_NAME);
	return rte_mp_reply(&reply, peer);
}

void
revere_net_secondary_init(const struct revere_net *net)
{
	/* Without shared configuration (--in-memory) there are no secondaries. */
	if (rte_mp_action_register(MP_NAME, handle) < 0 && rte_errno != EEXIST &&
		rte_errno != ENOTSUP)
		REVERE_NET_LOG(WARNING, net, "secondary processes can't send requests: %s",
			rte_strerror(rte_errno));
}

/* ---- Requests of a secondary -------------------------------------------------------------- */

static int
pass_on(const struct revere_net *net, struct shared_request *request)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(net->timeout / rte_get_timer_hz()) + TIMEOUT_S,
	};
	struct rte_mp_msg msg = { .len_param = sizeof(struct mp_request) };
	const struct mp_request mp = { .request = request };
	struct rte_mp_reply replies;

	snprintf(msg.name, sizeof(msg.name), "%s", MP_NAME);
	memcpy(msg.param, &mp, sizeof(mp));
	if (rte_mp_request_sync(&msg, &replies, &timeout) < 0)
		return -rte_errno;
	free(replies.msgs);
	return replies.nb_received == 1 ? request->ret : -ETIMEDOUT;
}

int
revere_net_secondary_request(struct revere_net *net, uint16_t opcode, const void *req,
	size_t req_size, void *rsp, size_t rsp_size)
{
	struct shared_request *request;
	int ret;

	request = rte_zmalloc("revere_request", sizeof(*request), 0);
	if (request == NULL)
		return -ENOMEM;
	request->net = net;
	request->opcode = opcode;
	request->has_req = req != NULL;
	request->req_size = req_size;
	request->has_rsp = rsp != NULL;
	request->rsp_size = rsp_size;
	request->ret = -ENODEV;
	if (req != NULL)
		memcpy(request->req, req, req_size);
	ret = pass_on(net, request);
	if (ret == 0 && rsp != NULL)
		memcpy(rsp, request->rsp, rsp_size);
	if (ret == -ETIMEDOUT) {
		/* The primary may still write to it: better lost than another's. */
		REVERE_NET_LOG(ERR, net, "the primary process doesn't answer request %u", opcode);
		return ret;
	}
	rte_free(request);
	return ret;
}

/* ---- Bursts ------------------------------------------------------------------------------- */

/* The primary may configure the port anew at any time: each burst looks how. */
static uint16_t
rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	const struct revere_net_rxq *rxq = rx_queue;

	return revere_net_rx_select(rxq->net->data)(rx_queue, pkts, count);
}

static uint16_t
tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t count)
{
	const struct revere_net_txq *txq = tx_queue;

	return revere_net_tx_select(txq->net->data)(tx_queue, pkts, count);
}

/* ---- Operations --------------------------------------------------------------------------- */

static int
refuse(const struct rte_eth_dev *dev, const char *what)
{
	REVERE_NET_LOG(ERR, (const struct revere_net *)dev->data->dev_private,
		"only the primary process can %s", what);
	return -ENOTSUP;
}

static int
refuse_configure(struct rte_eth_dev *dev)
{
	return refuse(dev, "configure the port");
}

static int
refuse_start(struct rte_eth_dev *dev)
{
	return refuse(dev, "start the port");
}

static int
refuse_stop(struct rte_eth_dev *dev)
{
	return refuse(dev, "stop the port");
}

static int
refuse_rxq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	RTE_SET_USED(id);
	RTE_SET_USED(nb_desc);
	RTE_SET_USED(socket_id);
	RTE_SET_USED(conf);
	RTE_SET_USED(pool);
	return refuse(dev, "set up queues");
}

static int
refuse_txq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
	const struct rte_eth_txconf *conf)
{
	RTE_SET_USED(id);
	RTE_SET_USED(nb_desc);
	RTE_SET_USED(socket_id);
	RTE_SET_USED(conf);
	return refuse(dev, "set up queues");
}

/* For this process alone. */
static int
secondary_close(struct rte_eth_dev *dev)
{
	RTE_SET_USED(dev);
	return 0;
}

static const struct eth_dev_ops secondary_ops = {
	.dev_configure = refuse_configure,
	.dev_start = refuse_start,
	.dev_stop = refuse_stop,
	.dev_close = secondary_close,
	.rx_queue_setup = refuse_rxq_setup,
	.tx_queue_setup = refuse_txq_setup,
	.dev_infos_get = revere_net_info_get,
	.dev_supported_ptypes_get = revere_net_ptypes_get,
	.fw_version_get = revere_net_fw_version_get,
	.dev_set_link_up = revere_net_link_up,
	.dev_set_link_down = revere_net_link_down,
	.link_update = revere_net_link_update,
	.promiscuous_enable = revere_net_promiscuous_enable,
	.promiscuous_disable = revere_net_promiscuous_disable,
	.allmulticast_enable = revere_net_allmulticast_enable,
	.allmulticast_disable = revere_net_allmulticast_disable,
	.mac_addr_set = revere_net_mac_set,
	.stats_get = revere_net_stats_get,
	.stats_reset = revere_net_stats_reset,
	.xstats_get = revere_net_xstats_get,
	.xstats_reset = revere_net_stats_reset,
	.xstats_get_names = revere_net_xstats_get_names,
	.xstats_get_by_id = revere_net_xstats_get_by_id,
	.xstats_get_names_by_id = revere_net_xstats_get_names_by_id,
	.get_monitor_addr = revere_net_monitor_addr_get,
	.tx_done_cleanup = revere_net_tx_done_cleanup,
	.rxq_info_get = revere_net_rxq_info,
	.txq_info_get = revere_net_txq_info,
	.rx_burst_mode_get = revere_net_rx_burst_mode,
	.tx_burst_mode_get = revere_net_tx_burst_mode,
	.rss_hash_conf_get = revere_net_rss_hash_get,
	.reta_query = revere_net_reta_query,
};

static struct rte_eth_dev *
attach(const char *name, struct rte_device *rte_dev)
{
	struct rte_eth_dev *dev = rte_eth_dev_attach_secondary(name);

	if (dev == NULL)
		return NULL;
	dev->device = rte_dev;
	dev->dev_ops = &secondary_ops;
	dev->rx_pkt_burst = rx_burst;
	dev->tx_pkt_burst = tx_burst;
	dev->tx_pkt_prepare = revere_net_tx_prepare;
	revere_net_queue_ops(dev);
	rte_eth_dev_probing_finish(dev);
	return dev;
}

int
revere_net_secondary_attach(const char *name, struct rte_device *rte_dev)
{
	struct rte_eth_dev *dev = attach(name, rte_dev);
	char representor[RTE_ETH_NAME_MAX_LEN];
	const struct revere_net *net;
	unsigned int i;

	if (dev == NULL)
		return -ENODEV;
	net = dev->data->dev_private;
	for (i = 0; i < REVERE_NET_VIRTUAL_MAX; i++) {
		if (((net->repr.numbers[i / 64] >> i % 64) & 1) == 0)
			continue;
		snprintf(representor, sizeof(representor), REVERE_NET_REPR_NAME "%u", name, i);
		attach(representor, rte_dev); /* it may be closed in the primary */
	}
	return 0;
}

int
revere_net_secondary_detach(const char *name)
{
	char representor[RTE_ETH_NAME_MAX_LEN];
	uint16_t port_id;
	int ret = 0;

	snprintf(representor, sizeof(representor), REVERE_NET_REPR_NAME, name);
	RTE_ETH_FOREACH_DEV(port_id) {
		struct rte_eth_dev *dev = &rte_eth_devices[port_id];

		if (strcmp(dev->data->name, name) == 0 ||
		    strncmp(dev->data->name, representor, strlen(representor)) == 0)
			ret = rte_eth_dev_release_port(dev);
	}
	return ret;
}
