/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Queues: set-up, start and stop. The fast path is in revere_rx.c and revere_tx.c.
 *
 * A queue that stops waits until the device has taken all that its rings hold, tells the agent to
 * forget the rest, and then owns all its mbufs again. If the device doesn't play along, both
 * contexts of the pair are reset, which has the same effect for both directions.
 */

#include <errno.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_pause.h>

#include "revere_net.h"

#define RX_REFILL_MAX 31 /* addresses of a full message of 256 bytes */
#define TX_LOOK_EVERY 128 /* descriptors between looks at completions, by default */

/* ---- Requests ----------------------------------------------------------------------------- */

static int
queue_request(struct revere_net *net, uint16_t opcode, uint16_t id, uint16_t direction)
{
	const struct rvr_rna_queue queue = {
		.queue = rvr_cpu_le16(id),
		.direction = rvr_cpu_le16(direction),
	};

	return revere_net_request(net, opcode, &queue, sizeof(queue), NULL, 0);
}

/** Tells the agent about a pair: its AMI-HW, its buffers. */
static int
queue_announce(struct revere_net *net, uint16_t id)
{
	const struct revere_net_rxq *rxq =
		id < net->data->nb_rx_queues ? net->data->rx_queues[id] : NULL;
	const struct rvr_rna_queue_setup setup = {
		.queue = rvr_cpu_le16(id),
		.phy_ami_hw_id = rvr_cpu_le16(revere_ami_hw_phy_id(net->pairs[id].ami_hw)),
		.buffers = rvr_cpu_le32(rxq == NULL ? 0 : rxq->nb_desc),
		.buffer_size = rvr_cpu_le32(rxq == NULL ? 0 : rxq->room),
	};
	int ret;

	ret = revere_net_request(net, RVR_RNA_CTL_QUEUE_SETUP, &setup, sizeof(setup), NULL, 0);
	net->pairs[id].announced |= ret == 0;
	return ret;
}

/** Waits until the device has taken all messages of a ring. */
static int
ring_drain(struct revere_net *net, struct revere_ring *ring)
{
	uint64_t start = rte_get_timer_cycles();
	unsigned int turns = 0;

	while (revere_ring_device_index(ring) != ring->own) {
		int ret = revere_net_gone(net) ? -ENODEV : revere_net_may_request(net);

		if (ret < 0)
			return ret;
		if (rte_get_timer_cycles() - start > net->timeout)
			return -ETIMEDOUT;
		revere_net_wait_turn(net, turns++);
	}
	return 0;
}

/** Gives back all messages of a ring unread. */
static int
ring_discard(struct revere_ring *ring)
{
	uint32_t ready = revere_rx_refresh(ring);

	if (ring->broken)
		return -EIO;
	if (ready > 0)
		revere_rx_release(ring, ready);
	return 0;
}

/* ---- mbufs -------------------------------------------------------------------------------- */

static void
rxq_free_mbufs(struct revere_net_rxq *rxq)
{
	rte_pktmbuf_free(rxq->first);
	rxq->first = NULL;
	rxq->last = NULL;
	rxq->have = 0;
	for (; rxq->used != rxq->posted; rxq->used++)
		rte_mbuf_raw_free(rxq->sw[rxq->used & rxq->mask]);
	rxq->used = 0;
	rxq->posted = 0;
	rxq->left = 0;
}

static void
txq_free_mbufs(struct revere_net_txq *txq)
{
	for (; txq->tail != txq->head; txq->tail++)
		revere_net_tx_free(txq->sw[txq->tail & txq->mask]);
	txq->head = 0;
	txq->tail = 0;
	txq->completed = 0;
	txq->look_at = 0;
}

/** Forgets mbufs that the device may still write to: lost, but nobody else's memory is harmed. */
static void
rxq_lose_mbufs(struct revere_net_rxq *rxq)
{
	REVERE_NET_LOG(ERR, rxq->net,
		"Rx queue %u: %" PRIu64 " mbufs stay with a device that can't be reset", rxq->id,
		rxq->posted - rxq->used);
	rte_pktmbuf_free(rxq->first);
	rxq->first = NULL;
	rxq->last = NULL;
	rxq->have = 0;
	rxq->used = 0;
	rxq->posted = 0;
	rxq->left = 0;
}

/* ---- Start and stop ----------------------------------------------------------------------- */

/**
 * Resets contexts of a pair; both its queues are stopped and own their mbufs again, or the Rx queue
 * has those that are unread. The agent is told about the pair anew.
 */
static int
pair_recover(struct revere_net *net, uint16_t id, struct revere_net_unread *unread)
{
	struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	struct revere_net_txq *txq = revere_net_txq_get(net, id);
	int ret = revere_net_pair_reset(net, id, unread->num_messages);

	if (rxq != NULL) {
		__atomic_store_n(&rxq->running, false, __ATOMIC_RELAXED);
		net->data->rx_queue_state[id] = RTE_ETH_QUEUE_STATE_STOPPED;
		if (ret == 0)
			rxq_free_mbufs(rxq);
		else
			rxq_lose_mbufs(rxq);
		if (ret == 0 && unread->num > 0)
			revere_net_unread_put(rxq, unread);
	}
	if (txq != NULL) {
		__atomic_store_n(&txq->running, false, __ATOMIC_RELAXED);
		net->data->tx_queue_state[id] = RTE_ETH_QUEUE_STATE_STOPPED;
		txq_free_mbufs(txq); /* which the device only reads */
	}
	if (ret < 0)
		REVERE_NET_LOG(ERR, net, "queue pair %u can't be reset: %s", id,
			rte_strerror(-ret));
	return ret;
}

static bool
pair_is_running(const struct revere_net *net, uint16_t id)
{
	const struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	const struct revere_net_txq *txq = revere_net_txq_get(net, id);

	return (rxq != NULL && rxq->running) || (txq != NULL && txq->running);
}

/** Pairs may be missing, after a configuration that failed. */
static bool
pair_has_failed(const struct revere_net *net, uint16_t id)
{
	return id < net->num_pairs && revere_net_pair_failed(&net->pairs[id]);
}

/**
 * A pair has to be reset. Its other queue may be in use by another thread: then that one is to be
 * stopped first, and mbufs of this one wait.
 */
static int
pair_fail(struct revere_net *net, uint16_t id)
{
	struct revere_net_unread none = { .num = 0 };

	revere_net_pair_set_failed(&net->pairs[id], true);
	if (!pair_is_running(net, id))
		return pair_recover(net, id, &none);
	REVERE_NET_LOG(ERR, net, "queue pair %u has to be reset: stop its other queue too", id);
	return -EBUSY;
}

/** Before a queue starts: its pair works and the agent knows it. */
static int
pair_prepare(struct revere_net *net, uint16_t id)
{
	bool is_short = !pair_is_running(net, id) && revere_net_pair_is_short(net, id);
	int ret = revere_net_pair_failed(&net->pairs[id]) || is_short ? pair_fail(net, id) : 0;

	return ret == 0 ? queue_announce(net, id) : ret;
}

void
revere_net_rxq_set_rings(struct revere_net_rxq *rxq)
{
	struct revere_ami_sw *ami_sw = rxq->net->pairs[rxq->id].ami_sw;

	rxq->ring = revere_ami_sw_ring(ami_sw, RVR_AMS_RX, REVERE_NET_RX_PACKETS);
	rxq->bufs = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, REVERE_NET_TX_BUFFERS);
	rxq->max_descs = (rxq->ring->msg_size - sizeof(struct rvr_rna_rx)) /
			 sizeof(struct rvr_rna_rx_desc);
	rxq->descs_shift = (uint8_t)(rxq->ring->msg_shift - 4);
	rxq->max_addrs = (rxq->bufs->msg_size - sizeof(struct rvr_rna_buffers)) /
			 sizeof(rvr_le64);
}

int
revere_net_rxq_start(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_rxq *rxq = dev->data->rx_queues[id];
	struct revere_net *net = dev->data->dev_private;
	int ret;

	if (rxq->running)
		return 0;
	ret = pair_prepare(net, id);
	if (ret < 0)
		return ret;
	ret = revere_net_rxq_offloads_send(rxq);
	if (ret < 0)
		return ret;
	revere_net_rxq_set_rings(rxq);
	revere_net_rx_post(rxq, 1);
	if (rxq->posted == rxq->used) {
		REVERE_NET_LOG(ERR, net, "Rx queue %u: mempool %s has no mbuf for it", id,
			rxq->pool->name);
		return -ENOMEM;
	}
	ret = queue_request(net, RVR_RNA_CTL_QUEUE_START, id, RVR_RNA_DIR_RX);
	if (ret < 0 || revere_net_pair_failed(&net->pairs[id])) {
		pair_fail(net, id);
		return ret < 0 ? ret : -EIO;
	}
	rxq->wanted = true;
	__atomic_store_n(&rxq->running, true, __ATOMIC_RELEASE);
	dev->data->rx_queue_state[id] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

void
revere_net_txq_set_rings(struct revere_net_txq *txq)
{
	struct revere_ami_sw *ami_sw = txq->net->pairs[txq->id].ami_sw;

	txq->ring = revere_ami_sw_ring(ami_sw, RVR_AMS_TX, REVERE_NET_TX_PACKETS);
	txq->done = revere_ami_sw_ring(ami_sw, RVR_AMS_RX, REVERE_NET_RX_DONE);
	txq->max_descs = (txq->ring->msg_size - sizeof(struct rvr_rna_tx)) /
			 sizeof(struct rvr_rna_tx_desc);
	txq->descs_shift = (uint8_t)(txq->ring->msg_shift - 4);
	txq->inline_max = revere_net_tx_inline_max(txq->net);
	txq->msg_packets = txq->max_descs / RVR_RNA_TX_PIECES(txq->inline_max);
}

int
revere_net_txq_start(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_txq *txq = dev->data->tx_queues[id];
	struct revere_net_rxq *rxq;
	struct revere_net *net = dev->data->dev_private;
	int ret = 0;

	if (txq->running)
		return 0;
	/* With reception on, the agent knows the pair, and a reset would stop that. */
	rxq = revere_net_rxq_get(net, id);
	if (revere_net_pair_failed(&net->pairs[id]) || rxq == NULL || !rxq->running)
		ret = pair_prepare(net, id);
	if (ret < 0)
		return ret;
	revere_net_txq_set_rings(txq);
	ret = queue_request(net, RVR_RNA_CTL_QUEUE_START, id, RVR_RNA_DIR_TX);
	if (ret < 0)
		return ret;
	txq->wanted = true;
	__atomic_store_n(&txq->running, true, __ATOMIC_RELEASE);
	dev->data->tx_queue_state[id] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

static int
rxq_stop_clean(struct revere_net_rxq *rxq)
{
	struct revere_net *net = rxq->net;
	int ret;

	if (revere_net_pair_failed(&net->pairs[rxq->id]))
		return -EIO;
	ret = ring_drain(net, rxq->bufs);
	if (ret == 0)
		ret = queue_request(net, RVR_RNA_CTL_QUEUE_STOP, rxq->id, RVR_RNA_DIR_RX);
	if (ret == 0)
		ret = ring_discard(rxq->ring);
	return ret;
}

int
revere_net_rxq_stop(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_rxq *rxq = dev->data->rx_queues[id];
	struct revere_net *net = dev->data->dev_private;

	rxq->wanted = false;
	rxq->running = false;
	dev->data->rx_queue_state[id] = RTE_ETH_QUEUE_STATE_STOPPED;
	if ((rxq->posted | rxq->used) == 0 && !pair_has_failed(net, id))
		return 0;
	if (rxq_stop_clean(rxq) < 0)
		return pair_fail(net, id);
	rxq_free_mbufs(rxq);
	return 0;
}

static int
txq_stop_clean(struct revere_net_txq *txq)
{
	struct revere_net *net = txq->net;
	int ret;

	if (revere_net_pair_failed(&net->pairs[txq->id]))
		return -EIO;
	ret = ring_drain(net, txq->ring);
	if (ret == 0)
		ret = queue_request(net, RVR_RNA_CTL_QUEUE_STOP, txq->id, RVR_RNA_DIR_TX);
	if (ret == 0)
		ret = ring_discard(txq->done);
	return ret;
}

static int
txq_stop(struct revere_net_txq *txq, bool was_running)
{
	struct revere_net *net = txq->net;

	txq->wanted = false;
	txq->running = false;
	net->data->tx_queue_state[txq->id] = RTE_ETH_QUEUE_STATE_STOPPED;
	if (!was_running && !pair_has_failed(net, txq->id))
		return 0;
	if (txq_stop_clean(txq) < 0)
		return pair_fail(net, txq->id);
	txq_free_mbufs(txq);
	return 0;
}

int
revere_net_txq_stop(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_txq *txq = dev->data->tx_queues[id];

	return txq_stop(txq, txq->running);
}

void
revere_net_queues_stop(struct rte_eth_dev *dev)
{
	struct revere_net *net = dev->data->dev_private;
	bool tx_ran[RTE_MAX_QUEUES_PER_PORT];
	uint16_t i;

	/* The application is done with all of them: a pair that fails can be reset at once. */
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		if (revere_net_rxq_get(net, i) != NULL)
			revere_net_rxq_get(net, i)->running = false;
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct revere_net_txq *txq = revere_net_txq_get(net, i);

		tx_ran[i] = txq != NULL && txq->running;
		if (tx_ran[i])
			txq->running = false;
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		if (revere_net_txq_get(net, i) != NULL)
			txq_stop(revere_net_txq_get(net, i), tx_ran[i]);
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		if (revere_net_rxq_get(net, i) != NULL)
			revere_net_rxq_stop(dev, i);
}

int
revere_net_queues_start(struct rte_eth_dev *dev)
{
	struct rte_eth_dev_data *data = dev->data;
	int ret = 0;
	uint16_t i;

	for (i = 0; i < data->nb_rx_queues && ret == 0; i++)
		if (!((struct revere_net_rxq *)data->rx_queues[i])->deferred)
			ret = revere_net_rxq_start(dev, i);
	for (i = 0; i < data->nb_tx_queues && ret == 0; i++)
		if (!((struct revere_net_txq *)data->tx_queues[i])->deferred)
			ret = revere_net_txq_start(dev, i);
	if (ret < 0)
		revere_net_queues_stop(dev);
	return ret;
}

/* ---- Recovery ----------------------------------------------------------------------------- */

#define BURST_US 1000000 /* a burst may take: its thread may have to wait for a CPU */

void
revere_net_pair_hold(struct revere_net *net, uint16_t id)
{
	struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	struct revere_net_txq *txq = revere_net_txq_get(net, id);

	if (rxq != NULL)
		__atomic_store_n(&rxq->running, false, __ATOMIC_RELAXED);
	if (txq != NULL)
		__atomic_store_n(&txq->running, false, __ATOMIC_RELAXED);
}

/** A burst that goes on may have begun before the queue was stopped. */
static int
burst_wait(const bool *running, const bool *busy, uint64_t end)
{
	if (__atomic_load_n(running, __ATOMIC_RELAXED))
		return 0;
	while (__atomic_load_n(busy, __ATOMIC_ACQUIRE)) {
		if (rte_get_timer_cycles() > end)
			return -ETIMEDOUT;
		rte_delay_us_sleep(BURST_US / 10000);
	}
	return 0;
}

int
revere_net_queues_wait(struct revere_net *net)
{
	uint64_t end = rte_get_timer_cycles() + BURST_US * rte_get_timer_hz() / US_PER_S;
	int ret = 0;
	uint16_t i;

	/* From here on all threads see that queues don't run, and what they did before is seen. */
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		rte_delay_us_sleep(BURST_US / 100);
	for (i = 0; i < net->data->nb_rx_queues && ret == 0; i++) {
		const struct revere_net_rxq *rxq = net->data->rx_queues[i];

		ret = rxq == NULL ? 0 : burst_wait(&rxq->running, &rxq->busy, end);
	}
	for (i = 0; i < net->data->nb_tx_queues && ret == 0; i++) {
		const struct revere_net_txq *txq = net->data->tx_queues[i];

		ret = txq == NULL ? 0 : burst_wait(&txq->running, &txq->busy, end);
	}
	return ret;
}

int
revere_net_pair_mend(struct rte_eth_dev *dev, uint16_t id, bool fresh)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	const struct revere_net_txq *txq = revere_net_txq_get(net, id);
	struct revere_net_unread unread = { .num = 0 };
	int ret;

	if (rxq != NULL && rxq->wanted)
		revere_net_unread_take(rxq, fresh, &unread);
	ret = pair_recover(net, id, &unread);
	revere_net_unread_end(&unread);
	if (ret == 0 && rxq != NULL && rxq->wanted)
		ret = revere_net_rxq_start(dev, id);
	if (ret == 0 && txq != NULL && txq->wanted)
		ret = revere_net_txq_start(dev, id);
	/* Who sleeps till packets come has to ask for their interrupt again. */
	if (net->pairs[id].irq.fd >= 0 && net->rx_intr)
		eventfd_write(net->pairs[id].irq.fd, 1);
	return ret;
}

/* ---- Set-up ------------------------------------------------------------------------------- */

/** Fields of a fresh mbuf. */
static uint64_t
rearm_word(uint16_t port)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = port,
	};
	uint64_t word;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&word, RTE_PTR_ADD(&m, offsetof(struct rte_mbuf, data_off)), sizeof(word));
	return word;
}

static void
rxq_set_flags(struct revere_net_rxq *rxq, uint64_t offloads)
{
	uint64_t base = 0;
	unsigned int flags;

	/* What a pool of external buffers says about its mbufs must not be lost. */
	if (rte_pktmbuf_priv_flags(rxq->pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)
		base = RTE_MBUF_F_EXTERNAL;
	for (flags = 0; flags < RTE_DIM(rxq->ol_flags); flags++) {
		rxq->ol_flags[flags] = base;
		if ((flags & RVR_RNA_RX_HASH) && (offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH))
			rxq->ol_flags[flags] |= RTE_MBUF_F_RX_RSS_HASH;
		if (flags & RVR_RNA_RX_VLAN)
			rxq->ol_flags[flags] |= RTE_MBUF_F_RX_VLAN |
				RTE_MBUF_F_RX_VLAN_STRIPPED;
	}
}

static int
rxq_check_pool(const struct revere_net *net, uint16_t id, struct rte_mempool *pool)
{
	uint32_t size = rte_pktmbuf_data_room_size(pool);

	if (size >= RTE_PKTMBUF_HEADROOM + (uint32_t)net->limits.min_buffer)
		return 0;
	REVERE_NET_LOG(ERR, net, "Rx queue %u: mbufs of pool %s have room for %u bytes, headroom "
		"with them; at least %u are needed", id, pool->name, size,
		RTE_PKTMBUF_HEADROOM + net->limits.min_buffer);
	return -EINVAL;
}

/** A threshold that is never reached would be the end of a queue. 0: the preset */
static int
thresh_check(const struct revere_net *net, const char *what, const char *prefix, uint16_t id,
	uint16_t thresh, uint16_t nb_desc)
{
	if (thresh == 0 || thresh < nb_desc)
		return 0;
	REVERE_NET_LOG(ERR, net, "%s queue %u: %s_free_thresh %u is not below its %u descriptors",
		what, id, prefix, thresh, nb_desc);
	return -EINVAL;
}

/** Queue and its table of mbufs in one piece. */
static void *
queue_alloc(const struct revere_net *net, const char *what, uint16_t id, size_t size,
	uint16_t nb_desc, unsigned int socket_id)
{
	size_t entries = rte_align32pow2(nb_desc);
	void *queue = rte_zmalloc_socket(what, size + entries * sizeof(struct rte_mbuf *),
		RTE_CACHE_LINE_SIZE, (int)socket_id);

	if (queue == NULL)
		REVERE_NET_LOG(ERR, net, "no memory for %s queue %u of %u descriptors", what, id,
			nb_desc);
	return queue;
}

/** Buffers, of one pool or of two. */
static int
rxq_set_pool(struct revere_net_rxq *rxq, const struct rte_eth_rxconf *conf,
	struct rte_mempool *pool)
{
	if (pool == NULL)
		return revere_net_split_setup(rxq, conf);
	rxq->room = RTE_MIN(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM, UINT16_MAX);
	rxq->pool = pool;
	return 0;
}

static int
rxq_set_offloads(struct revere_net_rxq *rxq, uint64_t offloads)
{
	rxq->scatter = offloads & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO)
		rxq->lro_max = RTE_MIN(rxq->net->data->dev_conf.rxmode.max_lro_pkt_size,
			(uint32_t)UINT16_MAX);
	rxq_set_flags(rxq, offloads);
	return revere_net_rxq_offloads(rxq, offloads);
}

/**
 * When buffers are posted: before there are fewer than the longest packet takes, or that would
 * be missed for good. Of a split either kind may stay empty.
 */
static void
rxq_set_thresh(struct revere_net_rxq *rxq, uint16_t wanted)
{
	uint32_t len = RTE_MAX((uint32_t)rxq->net->limits.max_frame, rxq->lro_max);
	uint32_t room = RTE_MAX(rxq->room, 1u);
	uint32_t segs = (len + room - 1) / room * (rxq->split != NULL ? 2 : 1);
	uint32_t most = rxq->nb_desc > segs ? rxq->nb_desc - segs : 1;

	if (wanted == 0)
		wanted = (uint16_t)RTE_MIN(RX_REFILL_MAX, RTE_MAX(rxq->nb_desc / 2, 1u));
	rxq->refill_thresh = RTE_MIN(wanted, most);
}

static void
rxq_free(struct revere_net_rxq *rxq)
{
	rte_free(rxq->split);
	rte_free(rxq);
}

int
revere_net_rxq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct revere_net *net = dev->data->dev_private;
	struct revere_net_rxq *rxq;
	int ret;

	ret = thresh_check(net, "Rx", "rx", id, conf->rx_free_thresh, nb_desc);
	if (ret < 0)
		return ret;
	revere_net_rxq_release(dev, id);
	ret = pool == NULL ? 0 : rxq_check_pool(net, id, pool);
	if (ret < 0)
		return ret;
	rxq = queue_alloc(net, "Rx", id, sizeof(*rxq), nb_desc, socket_id);
	if (rxq == NULL)
		return -ENOMEM;
	rxq->sw = RTE_PTR_ADD(rxq, sizeof(*rxq));
	rxq->mask = rte_align32pow2(nb_desc) - 1;
	rxq->nb_desc = nb_desc;
	rxq->id = id;
	rxq->net = net;
	rxq->deferred = conf->rx_deferred_start;
	rxq->conf = *conf;
	rxq->conf.rx_seg = NULL; /* the application's, for the time of this call */
	rxq->conf.rx_nseg = 0;
	rxq->rearm = rearm_word(dev->data->port_id);
	ret = rxq_set_pool(rxq, conf, pool);
	if (ret == 0)
		ret = rxq_set_offloads(rxq, conf->offloads | dev->data->dev_conf.rxmode.offloads);
	if (ret < 0) {
		rxq_free(rxq);
		return ret;
	}
	rxq_set_thresh(rxq, conf->rx_free_thresh);
	dev->data->rx_queues[id] = rxq;
	return 0;
}

int
revere_net_txq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_txconf *conf)
{
	struct revere_net *net = dev->data->dev_private;
	uint64_t offloads = conf->offloads | dev->data->dev_conf.txmode.offloads;
	struct revere_net_txq *txq;
	int ret;

	ret = thresh_check(net, "Tx", "tx", id, conf->tx_free_thresh, nb_desc);
	if (ret < 0)
		return ret;
	revere_net_txq_release(dev, id);
	txq = queue_alloc(net, "Tx", id, sizeof(*txq), nb_desc, socket_id);
	if (txq == NULL)
		return -ENOMEM;
	txq->sw = RTE_PTR_ADD(txq, sizeof(*txq));
	txq->mask = rte_align32pow2(nb_desc) - 1;
	txq->nb_desc = nb_desc;
	txq->look_every = conf->tx_free_thresh != 0 ? (uint32_t)nb_desc - conf->tx_free_thresh :
						      RTE_MIN(TX_LOOK_EVERY, nb_desc / 4u);
	/* Packets of several segments and fast free exclude each other in mbufs, not in flags. */
	txq->fast_free = (offloads & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE) &&
			 !(offloads & (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | REVERE_NET_TX_OFFLOADS)) &&
			 net->tx_inline == 0 && !net->timesync;
	txq->max_segs = RTE_MIN(net->limits.max_segments, nb_desc);
	txq->id = id;
	txq->net = net;
	txq->deferred = conf->tx_deferred_start;
	txq->conf = *conf;
	dev->data->tx_queues[id] = txq;
	return 0;
}

void
revere_net_rxq_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_rxq *rxq = dev->data->rx_queues[id];

	if (rxq == NULL)
		return;
	revere_net_rxq_stop(dev, id);
	if (rxq->posted != rxq->used)
		rxq_lose_mbufs(rxq);
	rxq_free(rxq);
	dev->data->rx_queues[id] = NULL;
}

void
revere_net_txq_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct revere_net_txq *txq = dev->data->tx_queues[id];

	if (txq == NULL)
		return;
	revere_net_txq_stop(dev, id);
	txq_free_mbufs(txq);
	rte_free(txq);
	dev->data->tx_queues[id] = NULL;
}

/* ---- Information -------------------------------------------------------------------------- */

void
revere_net_rxq_info(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info)
{
	const struct revere_net_rxq *rxq = dev->data->rx_queues[id];

	info->mp = rxq->pool;
	info->conf = rxq->conf;
	info->conf.rx_free_thresh = (uint16_t)rxq->refill_thresh;
	info->scattered_rx = rxq->scatter;
	info->nb_desc = (uint16_t)rxq->nb_desc;
	info->rx_buf_size = (uint16_t)rxq->room;
}

void
revere_net_txq_info(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info)
{
	const struct revere_net_txq *txq = dev->data->tx_queues[id];

	info->conf = txq->conf;
	info->conf.tx_free_thresh = (uint16_t)(txq->nb_desc - txq->look_every);
	info->nb_desc = (uint16_t)txq->nb_desc;
}

int
revere_net_rx_burst_mode(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode)
{
	const struct revere_net_rxq *rxq = dev->data->rx_queues[id];

	snprintf(mode->info, sizeof(mode->info), "Scalar, %s%s",
		rxq->split != NULL ? "split" : rxq->scatter ? "scattered" : "whole packets",
		rxq->descs != REVERE_NET_RX_PLAIN ? ", offloads" : "");
	return 0;
}

int
revere_net_tx_burst_mode(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode)
{
	const struct revere_net_txq *txq = dev->data->tx_queues[id];

	snprintf(mode->info, sizeof(mode->info), "Scalar, %s%s%s%s",
		dev->tx_pkt_burst == revere_net_tx_burst ? "one segment" : "segments",
		dev->tx_pkt_burst == revere_net_tx_burst_offloads ? ", offloads" : "",
		dev->tx_pkt_burst == revere_net_tx_burst_inline ? ", short ones inline" : "",
		txq->fast_free ? ", fast free" : "");
	return 0;
}
