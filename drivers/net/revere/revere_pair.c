/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts of queue pairs: an AMI-SW and an AMI-HW each, with the sessions between them.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "revere_net.h"

#define SESSIONS 4 /* of a pair */

void
revere_net_kick(struct revere_net *net)
{
	struct revere_transport *transport = revere_dev_transport(net->dev);

	if (transport->ops->kick != NULL)
		transport->ops->kick(transport);
}

/** Length of completions: as short as the device has them. */
static uint8_t
done_log2_length(const struct revere_net *net)
{
	return revere_dev_info(net->dev)->min_log2_msg_length;
}

unsigned int
revere_net_pair_plan(const struct revere_dev_info *info, uint8_t log2_msg_length,
	struct revere_vf_session *sessions)
{
	return rvr_plan_net_pair(info->min_log2_msg_length, log2_msg_length, sessions);
}

static int
pair_rings(struct revere_net *net, struct revere_net_pair *pair)
{
	const struct revere_ring_conf confs[] = {
		{ REVERE_NET_TX_PACKETS, RVR_AMS_TX, net->log2_slots, net->log2_msg_length, 0,
			RVR_RX_BACK_PRESSURE },
		{ REVERE_NET_TX_BUFFERS, RVR_AMS_TX, net->log2_slots, net->log2_msg_length, 0,
			RVR_RX_BACK_PRESSURE },
		{ REVERE_NET_RX_DONE, RVR_AMS_RX, net->log2_slots, done_log2_length(net), 0,
			RVR_RX_BACK_PRESSURE },
		{ REVERE_NET_RX_PACKETS, RVR_AMS_RX, net->log2_slots, net->log2_msg_length, 0,
			RVR_RX_BACK_PRESSURE },
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; i < RTE_DIM(confs) && ret == 0; i++)
		ret = revere_ami_sw_ring_setup(pair->ami_sw, &confs[i]);
	return ret;
}

int
revere_net_session(struct revere_net *net, struct revere_ami_sw *ami_sw,
	struct revere_ami_hw *ami_hw, const struct revere_vf_session *session)
{
	const struct revere_asn_end sw = { ami_sw, NULL, session->sw_ams };
	const struct revere_asn_end hw = { NULL, ami_hw, session->hw_ams };
	const struct revere_asn_conf conf = {
		.log2_msg_length = session->log2_msg_length,
		.prio = session->prio,
	};

	return session->to_agent ? revere_asn_create(net->dev, &sw, &hw, &conf) :
		revere_asn_create(net->dev, &hw, &sw, &conf);
}

static int
pair_sessions(struct revere_net *net, struct revere_net_pair *pair)
{
	struct revere_vf_session sessions[SESSIONS];
	unsigned int i, num;
	int ret = 0;

	num = revere_net_pair_plan(revere_dev_info(net->dev), net->log2_msg_length, sessions);
	for (i = 0; i < num && ret >= 0; i++) {
		ret = revere_net_session(net, pair->ami_sw, pair->ami_hw, &sessions[i]);
		pair->connected |= ret >= 0;
	}
	return RTE_MIN(ret, 0);
}

static void
pair_close(struct revere_net *net, struct revere_net_pair *pair)
{
	if (pair->ami_hw != NULL && !pair->connected)
		revere_ami_hw_destroy(pair->ami_hw);
	revere_context_release(pair->ami_sw);
	revere_net_irq_close(net, &pair->irq);
	memset(pair, 0, sizeof(*pair));
}

/** A pair's AMI-SW, bare. Who calls closes the pair if this fails. */
static int
pair_begin(struct revere_net *net, struct revere_net_pair *pair)
{
	struct revere_ami_sw_conf conf = {
		.numa_node = net->data->numa_node,
		.agent_known = true,
		.agent = { net->aha_id, RVR_RNA_RX_PACKETS },
	};
	int ret;

	memset(pair, 0, sizeof(*pair));
	ret = revere_net_pair_irq_open(net, pair, &conf);
	return ret == 0 ? revere_ami_sw_create(net->dev, &conf, &pair->ami_sw) : ret;
}

/** Whole; as pair_begin(). */
static int
pair_open(struct revere_net *net, struct revere_net_pair *pair)
{
	int ret = pair_begin(net, pair);

	if (ret == 0) {
		revere_net_pair_irq_mask(pair);
		ret = pair_rings(net, pair);
	}
	if (ret == 0)
		ret = revere_ami_hw_create(net->dev, net->aha_id, &pair->ami_hw);
	if (ret == 0)
		ret = pair_sessions(net, pair);
	if (ret == 0)
		ret = revere_ami_sw_enable(pair->ami_sw);
	return ret;
}

/** Slots of a Tx queue's ring of packets, so that its descriptors fit in bursts of this length. */
#define TX_BURST 32

static uint8_t
tx_log2_slots(const struct revere_net *net, uint16_t id)
{
	const struct rte_eth_dev_data *data = net->data;
	const struct revere_net_txq *txq = id < data->nb_tx_queues ? data->tx_queues[id] : NULL;
	uint32_t descs, msgs, log2;

	if (txq == NULL)
		return net->log2_slots;
	descs = ((RVR_DW << net->log2_msg_length) - sizeof(struct rvr_rna_tx)) /
		sizeof(struct rvr_rna_tx_desc) / RVR_RNA_TX_PIECES(revere_net_tx_inline_max(net));
	msgs = RTE_ALIGN_MUL_CEIL(txq->nb_desc, TX_BURST) / TX_BURST *
	       ((TX_BURST + descs - 1) / descs);
	log2 = RTE_MIN(rte_log2_u32(msgs), (uint32_t)revere_dev_info(net->dev)->max_log2_size);
	return (uint8_t)RTE_MAX(log2, (uint32_t)net->log2_slots);
}

static uint32_t
tx_slots(const struct revere_net_pair *pair)
{
	return revere_ami_sw_ring(pair->ami_sw, RVR_AMS_TX, REVERE_NET_TX_PACKETS)->mask + 1;
}

bool
revere_net_pair_is_short(const struct revere_net *net, uint16_t id)
{
	return tx_slots(&net->pairs[id]) < 1u << tx_log2_slots(net, id);
}

/** Makes the ring longer, if the queue has more descriptors than it had; it is reset. */
static int
pair_lengthen(struct revere_net *net, uint16_t id)
{
	const struct revere_ring_conf conf = { REVERE_NET_TX_PACKETS, RVR_AMS_TX,
		tx_log2_slots(net, id), net->log2_msg_length, 0, RVR_RX_BACK_PRESSURE };

	return revere_net_pair_is_short(net, id) ?
		revere_ami_sw_ring_setup(net->pairs[id].ami_sw, &conf) : 0;
}

/** The context is restored as it was when it was made, but for these messages in a ring. */
static int
pair_restore(struct revere_net_pair *pair, uint32_t unread)
{
	struct revere_ami_sw_state state;
	int ret;

	if (unread == 0)
		return 0;
	ret = revere_ami_sw_save(pair->ami_sw, &state);
	state.rx[REVERE_NET_RX_PACKETS].write = unread;
	return ret == 0 ? revere_ami_sw_restore(pair->ami_sw, &state) : ret;
}

int
revere_net_pair_reset(struct revere_net *net, uint16_t id, uint32_t unread)
{
	struct revere_net_pair *pair = &net->pairs[id];
	int ret;

	revere_net_pair_set_failed(pair, true);
	pair->announced = false;
	/* It has forgotten more than that. */
	if (revere_net_gone(net))
		return 0;
	/* Who stops a port may be the first to see that. */
	ret = revere_dev_is_lost(net->dev) ? revere_dev_restart(net->dev) : 0;
	if (ret == 0)
		ret = revere_ami_sw_reset(pair->ami_sw);
	if (ret == 0)
		ret = pair_lengthen(net, id);
	if (ret == 0)
		ret = pair_restore(pair, unread);
	if (ret == 0)
		revere_net_pair_irq_mask(pair);
	if (ret == 0)
		ret = revere_ami_hw_reset(pair->ami_hw);
	if (ret == 0)
		ret = revere_ami_sw_enable(pair->ami_sw);
	if (ret == 0)
		revere_net_pair_set_failed(pair, false);
	return ret;
}

int
revere_net_pairs_resize(struct revere_net *net, uint16_t count)
{
	struct revere_net_pair *pairs, *pair;
	uint16_t had = net->num_pairs;
	int ret;

	while (net->num_pairs > count)
		pair_close(net, &net->pairs[--net->num_pairs]);
	if (count == 0) {
		rte_free(net->pairs);
		net->pairs = NULL;
		return 0;
	}
	pairs = rte_realloc(net->pairs, count * sizeof(*pairs), 0);
	if (pairs == NULL) {
		REVERE_NET_LOG(ERR, net, "no memory for %u queue pairs", count);
		return -ENOMEM;
	}
	net->pairs = pairs;
	for (; net->num_pairs < count; net->num_pairs++) {
		pair = &net->pairs[net->num_pairs];
		ret = pair_open(net, pair);
		if (ret == 0)
			continue;
		pair_close(net, pair);
		/* What is missing has a line in the log. */
		while (net->num_pairs > had)
			pair_close(net, &net->pairs[--net->num_pairs]);
		return ret;
	}
	return 0;
}

int
revere_net_pairs_prepare(struct revere_net *net, const struct revere_net_pair *like,
	uint16_t count)
{
	int ret = 0;

	net->num_pairs = 0;
	net->pairs = rte_zmalloc("revere_pairs", RTE_MAX(count, 1) * sizeof(*net->pairs), 0);
	if (net->pairs == NULL)
		return -ENOMEM;
	while (net->num_pairs < count && ret == 0) {
		struct revere_net_pair *pair = &net->pairs[net->num_pairs];

		if (!like[net->num_pairs].announced) {
			ret = pair_open(net, pair);
		} else {
			ret = pair_begin(net, pair);
		}
		if (ret < 0)
			pair_close(net, pair);
		net->num_pairs += ret == 0;
	}
	return ret;
}
