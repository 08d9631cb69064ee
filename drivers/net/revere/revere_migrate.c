/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A port moves to another device. What belongs to a device, the port's home, is exchanged as a
 * whole, so that the rest of the driver knows one home at a time: first the new one is furnished
 * while packets flow through the old one, then contexts of queue pairs stop, are saved, restored
 * in the new one and go on. Until then all can be undone.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_malloc.h>

#include "revere_net.h"
#include "rte_pmd_revere_net.h"
#include "rvr_rna_state.h"

#define STATE_ROOM 65536 /* bytes for a queue pair's state, beside its buffers */
#define STATE_DESC 40	 /* bytes for each of these, at most */

/** What a port has of a device. */
struct home {
	struct revere_dev *dev;
	struct revere_device *device;
	uint16_t aha_id, port, num_pairs;
	struct revere_net_control control;
	struct revere_net_limits limits;
	struct rvr_rna_steer_info steer_info;
	struct rte_ether_addr mac;
	struct revere_net_pair *pairs;
};

/** Room for the state of a queue pair, and what of it is one. */
struct pair_state {
	void *bytes;
	size_t room, size; /**< 0: the agent knows no such pair */
};

struct migration {
	struct rte_eth_dev *dev;
	struct revere_net *net;
	struct revere_probe target;
	struct home other; /**< the new home, in the end the old one */
	struct pair_state *states; /**< num_pairs */
	uint16_t num_pairs;
	uint64_t clock, read; /**< of the old port, and when it was read, ns */
	uint64_t downtime; /**< ns */
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- Homes -------------------------------------------------------------------------------- */

#define SWAP(a, b)                                                                             \
	do {                                                                                   \
		__typeof__(a) swap_ = (a);                                                     \
		(a) = (b);                                                                     \
		(b) = swap_;                                                                   \
	} while (0)

static void
home_swap(struct revere_net *net, struct home *other)
{
	/* Nobody has the lock of the control channel, and it stays where it is. */
	const pthread_mutex_t lock = net->control.lock;

	SWAP(net->dev, other->dev);
	SWAP(net->device, other->device);
	SWAP(net->aha_id, other->aha_id);
	SWAP(net->port, other->port);
	SWAP(net->num_pairs, other->num_pairs);
	SWAP(net->control, other->control);
	SWAP(net->limits, other->limits);
	SWAP(net->steer.info, other->steer_info);
	SWAP(net->mac, other->mac);
	SWAP(net->pairs, other->pairs);
	net->control.lock = lock;
}

/** Gives up the home that the port lives in, down to the control channel. */
static void
home_leave(struct revere_net *net)
{
	revere_net_pairs_resize(net, 0);
	revere_net_request(net, RVR_RNA_CTL_PORT_RELEASE, NULL, 0, NULL, 0);
	revere_net_control_close(net);
}

/** Whether a new home has all that the port had in the old one. */
static bool
home_suffices(const struct revere_net *net, const struct home *old)
{
	const struct revere_net_limits *has = &net->limits, *had = &old->limits;

	return has->max_queues >= old->num_pairs && has->max_buffers >= had->max_buffers &&
	       has->max_frame >= had->max_frame && has->min_buffer <= had->min_buffer &&
	       has->max_segments >= had->max_segments && has->max_inline >= net->tx_inline &&
	       has->reta_size == had->reta_size &&
	       has->rss_key_size == had->rss_key_size &&
	       (had->rss_types & ~has->rss_types) == 0 &&
	       memcmp(&net->steer.info, &old->steer_info, sizeof(old->steer_info)) == 0;
}

/** The port's clock, read in the old home. */
static void
clock_read(struct migration *migration)
{
	const struct rvr_rna_time req = { .operation = rvr_cpu_le32(RVR_RNA_TIME_GET) };
	struct rvr_rna_time rsp = { 0 };

	revere_net_request_quiet(migration->net, RVR_RNA_CTL_TIME, &req, sizeof(req), &rsp,
		sizeof(rsp));
	migration->clock = rvr_le64_cpu(rsp.time);
	migration->read = now_ns();
}

/** ... and set in the new one. */
static void
clock_set(const struct migration *migration)
{
	const struct rvr_rna_time req = {
		.operation = rvr_cpu_le32(RVR_RNA_TIME_SET),
		.time = rvr_cpu_le64(migration->clock + (now_ns() - migration->read)),
	};
	struct rvr_rna_time rsp;

	revere_net_request_quiet(migration->net, RVR_RNA_CTL_TIME, &req, sizeof(req), &rsp,
		sizeof(rsp));
}

/** The control channel and the port of the new home, which is the present one. */
static int
home_enter(struct migration *migration)
{
	struct revere_net *net = migration->net;
	const struct rte_eth_fc_conf pause = net->steer.pause;
	int ret = revere_net_attach(net, migration->target.rna_port >= 0);

	net->steer.pause = pause;
	if (ret < 0)
		return ret;
	if (!home_suffices(net, &migration->other)) {
		REVERE_NET_LOG(ERR, net, "port %u of device %s has less of something than this "
			"port", net->port, revere_dev_name(net->dev));
		ret = -ENOTSUP;
	}
	if (ret == 0)
		ret = revere_net_settings_restore(migration->dev);
	/* Its queues aren't there yet: what comes by the new wire is dropped till then. */
	if (ret == 0 && migration->dev->data->dev_started)
		ret = revere_net_port_flags(net, RVR_RNA_PORT_ENABLED, RVR_RNA_PORT_ENABLED);
	if (ret == 0)
		clock_set(migration);
	if (ret == 0)
		ret = revere_net_pairs_prepare(net, migration->other.pairs,
			migration->other.num_pairs);
	if (ret < 0)
		home_leave(net);
	return ret;
}

/* ---- Queue pairs -------------------------------------------------------------------------- */

/** What is said to the agent about a queue pair's state. */
struct ask {
	struct revere_net *net;
	uint16_t id;
};

static int
agent_save(void *arg, struct revere_ami_hw *ami_hw, uint64_t iova, size_t size)
{
	const struct ask *ask = arg;
	const struct rvr_rna_queue_state to = {
		.queue = rvr_cpu_le16(ask->id),
		.size = rvr_cpu_le32((uint32_t)size),
		.addr = rvr_cpu_le64(iova),
	};
	struct rvr_rna_queue_saved saved;
	int ret;

	RTE_SET_USED(ami_hw);
	ret = revere_net_request(ask->net, RVR_RNA_CTL_QUEUE_SAVE, &to, sizeof(to), &saved,
		sizeof(saved));
	if (ret < 0)
		return ret;
	return rvr_le32_cpu(saved.size) > INT32_MAX ? -EIO : (int)rvr_le32_cpu(saved.size);
}

static int
agent_restore(void *arg, struct revere_ami_hw *ami_hw, uint64_t iova, size_t size)
{
	const struct ask *ask = arg;
	const struct rvr_rna_queue_state from = {
		.queue = rvr_cpu_le16(ask->id),
		.phy_ami_hw_id = rvr_cpu_le16(revere_ami_hw_phy_id(ami_hw)),
		.size = rvr_cpu_le32((uint32_t)size),
		.addr = rvr_cpu_le64(iova),
	};

	return revere_net_request(ask->net, RVR_RNA_CTL_QUEUE_RESTORE, &from, sizeof(from), NULL,
		0);
}

/** In the old home. */
static int
pair_save(struct migration *migration, uint16_t id)
{
	struct pair_state *state = &migration->states[id];
	struct ask ask = { migration->net, id };
	const struct revere_agent_state agent = { agent_save, agent_restore, &ask };
	const struct revere_net_pair *pair = &migration->net->pairs[id];
	int size;

	if (!pair->announced)
		return 0;
	size = revere_context_save_agent(pair->ami_sw, &agent, state->bytes, state->room);
	if (size >= 0 && (size_t)size > state->room) {
		rte_free(state->bytes);
		state->room = (size_t)size;
		state->bytes = rte_malloc("revere_net_state", state->room, 0);
		size = state->bytes == NULL ? -ENOMEM : revere_context_save_agent(pair->ami_sw,
			&agent, state->bytes, state->room);
	}
	state->size = (size_t)RTE_MAX(size, 0);
	return RTE_MIN(size, 0);
}

/** In the new home. */
static int
pair_restore(struct migration *migration, uint16_t id)
{
	const struct pair_state *state = &migration->states[id];
	struct ask ask = { migration->net, id };
	const struct revere_agent_state agent = { agent_save, agent_restore, &ask };
	struct revere_net_pair *pair = &migration->net->pairs[id];
	int ret;

	if (state->size == 0)
		return 0;
	ret = revere_context_restore_agent(pair->ami_sw, &agent, state->bytes, state->size);
	if (ret < 0)
		return ret;
	revere_context_agents(pair->ami_sw, &pair->ami_hw, 1);
	pair->connected = true;
	pair->announced = true;
	return 0;
}

/** In the old home: the pair's queues go on where they are. */
static void
pair_undo(struct revere_net *net, uint16_t id)
{
	const struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	const struct revere_net_txq *txq = revere_net_txq_get(net, id);
	const struct rvr_rna_queue queue = {
		.queue = rvr_cpu_le16(id),
		.direction = rvr_cpu_le16(
			(rxq != NULL && rxq->running ? RVR_RNA_DIR_RX : 0) |
			(txq != NULL && txq->running ? RVR_RNA_DIR_TX : 0)),
	};

	if (net->pairs[id].announced && queue.direction != 0)
		revere_net_request(net, RVR_RNA_CTL_QUEUE_START, &queue, sizeof(queue), NULL, 0);
	revere_ami_sw_enable(net->pairs[id].ami_sw);
}

/** From the old home to the new one, where pairs aren't enabled yet; or all goes on in the old. */
static int
pairs_move(struct migration *migration)
{
	struct revere_net *net = migration->net;
	uint16_t i, disabled;
	int ret = 0;

	for (disabled = 0; disabled < net->num_pairs && ret == 0; disabled++)
		ret = revere_ami_sw_disable(net->pairs[disabled].ami_sw);
	for (i = 0; i < net->num_pairs && ret == 0; i++)
		ret = pair_save(migration, i);
	home_swap(net, &migration->other);
	for (i = 0; i < net->num_pairs && ret == 0; i++)
		ret = pair_restore(migration, i);
	if (ret == 0)
		return 0;
	home_swap(net, &migration->other);
	for (i = 0; i < disabled; i++)
		pair_undo(net, i);
	return ret;
}

/** Queues take the rings of the new home; a message that is open lies at the same place. */
static void
queues_switch(struct revere_net *net, uint16_t id)
{
	struct revere_net_rxq *rxq = revere_net_rxq_get(net, id);
	struct revere_net_txq *txq = revere_net_txq_get(net, id);
	const struct revere_ring *old;

	if (rxq != NULL && rxq->ring != NULL) {
		old = rxq->ring;
		revere_net_rxq_set_rings(rxq);
		if (rxq->left > 0)
			rxq->desc = (const void *)(rxq->ring->base +
				((const uint8_t *)rxq->desc - old->base));
	}
	if (txq != NULL && txq->ring != NULL)
		revere_net_txq_set_rings(txq);
}

/** In the new home: from now on there is no way back. */
static void
pairs_go_on(struct migration *migration)
{
	struct revere_net *net = migration->net;
	uint16_t i;

	for (i = 0; i < net->num_pairs; i++) {
		queues_switch(net, i);
		if (revere_ami_sw_enable(net->pairs[i].ami_sw) == 0)
			continue;
		REVERE_NET_LOG(ERR, net, "queue pair %u doesn't go on: start it again", i);
		revere_net_pair_set_failed(&net->pairs[i], true);
	}
	revere_net_kick(net);
}

/* ---- Moving ------------------------------------------------------------------------------- */

/** Called in the old home; the port lives in the new one if it succeeds. */
static int
move(struct migration *migration)
{
	uint64_t start = now_ns();
	int ret = pairs_move(migration);

	if (ret < 0)
		return ret;
	pairs_go_on(migration);
	migration->downtime = now_ns() - start;
	return 0;
}

/** The other home is given up. */
static void
other_leave(struct migration *migration)
{
	home_swap(migration->net, &migration->other);
	home_leave(migration->net);
	home_swap(migration->net, &migration->other);
}

/** Furnishes the new home, and moves. */
static int
migrate(struct migration *migration)
{
	struct revere_net *net = migration->net;
	int ret;

	clock_read(migration);
	home_swap(net, &migration->other);
	ret = home_enter(migration);
	home_swap(net, &migration->other);
	if (ret < 0)
		return ret;
	ret = move(migration);
	other_leave(migration);
	return ret;
}

static int
check(const struct revere_net *net)
{
	const char *why = NULL;
	int ret = -ENOTSUP;
	uint16_t i;

	if (net->rx_intr)
		why = "it has Rx interrupts";
	if (net->repr.domain != RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		why = "it is, or has, a representor";
	if (net->flow != NULL || net->mtr != NULL) {
		why = "it has, or had, flow rules or meters";
		ret = -EBUSY;
	}
	for (i = 0; i < net->num_pairs && why == NULL; i++)
		if (revere_net_pair_failed(&net->pairs[i])) {
			why = "a queue pair has failed";
			ret = -EIO;
		}
	if (why == NULL)
		return 0;
	REVERE_NET_LOG(ERR, net, "the port can't be moved: %s", why);
	return ret;
}

static void
states_free(struct migration *migration)
{
	uint16_t i;

	for (i = 0; migration->states != NULL && i < migration->num_pairs; i++)
		rte_free(migration->states[i].bytes);
	free(migration->states);
}

/** Room, so that nothing is to be allocated later. */
static int
states_alloc(struct migration *migration)
{
	struct revere_net *net = migration->net;
	uint16_t i;

	migration->num_pairs = net->num_pairs;
	migration->states = calloc(RTE_MAX(net->num_pairs, 1u), sizeof(*migration->states));
	if (migration->states == NULL)
		return -ENOMEM;
	for (i = 0; i < net->num_pairs; i++) {
		struct pair_state *state = &migration->states[i];
		const struct revere_net_rxq *rxq = revere_net_rxq_get(net, i);

		state->room = STATE_ROOM + (rxq == NULL ? 0 : (size_t)rxq->nb_desc * STATE_DESC);
		state->bytes = rte_malloc("revere_net_state", state->room, 0);
		if (state->bytes == NULL)
			return -ENOMEM;
	}
	return 0;
}

/** What is needed beside the target. */
static int
migration_init(struct migration *migration)
{
	struct revere_net *net = migration->net;
	int ret;

	ret = revere_aha_find(migration->target.dev, RVR_AHA_RNA, 0);
	if (ret < 0) {
		REVERE_NET_LOG(ERR, net, "device %s has no network agent",
			revere_dev_name(migration->target.dev));
		return -ENODEV;
	}
	migration->other.aha_id = (uint16_t)ret;
	migration->other.dev = migration->target.dev;
	migration->other.device = migration->target.device;
	migration->other.port = (uint16_t)RTE_MAX(migration->target.rna_port, 0);
	return states_alloc(migration);
}

static int
port_migrate(struct migration *migration, const char *devargs)
{
	struct rte_eth_dev *dev = migration->dev;
	struct revere_net *net = migration->net;
	struct revere_device *old = net->device;
	int ret;

	ret = revere_net_target_open(dev, devargs, &migration->target);
	if (ret < 0)
		return ret;
	revere_net_watch_stop(dev);
	revere_net_events_stop(dev);
	ret = migration_init(migration);
	if (ret == 0)
		ret = migrate(migration);
	if (ret == 0) {
		revere_net_target_take(dev, &migration->target);
		revere_device_put(old);
	} else {
		revere_target_close(&migration->target);
	}
	if (dev->data->dev_started) {
		revere_net_link_update(dev, 0);
		revere_net_events_start(dev);
		revere_net_watch_start(dev);
	}
	return ret;
}

static void
report_fill(const struct migration *migration, struct rte_pmd_revere_net_migration *report)
{
	uint16_t i;

	report->downtime_ns = migration->downtime;
	report->state_bytes = 0;
	for (i = 0; i < migration->num_pairs; i++)
		report->state_bytes += migration->states[i].size;
}

int
rte_pmd_revere_net_migrate(uint16_t port_id, const char *devargs,
	struct rte_pmd_revere_net_migration *report)
{
	struct migration *migration;
	int ret;

	if (!rte_eth_dev_is_valid_port(port_id) || devargs == NULL)
		return -EINVAL;
	if (!revere_net_is_ours(&rte_eth_devices[port_id]))
		return -ENODEV;
	migration = calloc(1, sizeof(*migration));
	if (migration == NULL)
		return -ENOMEM;
	migration->dev = &rte_eth_devices[port_id];
	migration->net = migration->dev->data->dev_private;
	ret = check(migration->net);
	if (ret == 0)
		ret = port_migrate(migration, devargs);
	if (ret == 0 && report != NULL)
		report_fill(migration, report);
	if (ret < 0)
		REVERE_NET_LOG(ERR, migration->net, "the port stays where it is, a move to %s "
			"failed: %s", devargs, strerror(-ret));
	states_free(migration);
	free(migration);
	return ret;
}
