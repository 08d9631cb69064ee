/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * From rte_flow actions to the agent's list. rte_flow executes actions in their order where that
 * matters (those that change the packet), and what says where the packet goes comes last.
 */

#include <errno.h>

#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "revere_flow.h"

/** Outermost headers that a packet has for sure when an action comes to it. */
struct seen {
	uint8_t l3, l4, tunnel; /**< as in the flow key */
	bool vague;		/**< nobody knows any more */
};

struct build {
	struct revere_net *net;
	const struct rte_flow_attr *attr;
	const struct revere_flow_pattern *pattern;
	struct seen seen;
	struct revere_flow_actions *out;
	const struct rte_flow_action *fate; /**< that says where the packet goes */
	const struct rte_flow_action *action;
	const struct rte_flow_action *mark; /**< the last one that marks */
	bool nested;
	struct rte_flow_error *error;
};

static int
refuse(const struct build *build, int code, const char *why)
{
	return rte_flow_error_set(build->error, code, RTE_FLOW_ERROR_TYPE_ACTION,
		build->action, why);
}

static int
refuse_conf(const struct build *build, const char *why)
{
	return rte_flow_error_set(build->error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF,
		build->action, why);
}

/* ---- The list ----------------------------------------------------------------------------- */

/** Appends an action; data is padded to 8 bytes. */
static int
put(struct build *build, uint16_t type, uint32_t arg, const void *data, uint32_t data_size)
{
	struct revere_flow_actions *out = build->out;
	struct rvr_rna_flow_action *action = (void *)(out->list + out->size);
	uint32_t size = (uint32_t)sizeof(*action) + RTE_ALIGN_CEIL(data_size, 8);

	if (out->size + size > sizeof(out->list) || out->count == RTE_DIM(out->origin))
		return refuse(build, E2BIG, "the list of actions is too long");
	memset(action, 0, size);
	action->type = rvr_cpu_le16(type);
	action->size = rvr_cpu_le16((uint16_t)size);
	action->arg = rvr_cpu_le32(arg);
	if (data_size > 0)
		memcpy(action + 1, data, data_size);
	out->size += size;
	if (!build->nested)
		out->origin[out->count++] = build->action;
	return 0;
}

static int
put_arg(struct build *build, uint16_t type, uint32_t arg)
{
	return put(build, type, arg, NULL, 0);
}

/* ---- Where packets go --------------------------------------------------------------------- */

static int
fate_queue(struct build *build)
{
	const struct rte_flow_action_queue *queue = build->action->conf;

	if (queue->index >= build->net->data->nb_rx_queues)
		return refuse_conf(build, "there is no such Rx queue");
	return put_arg(build, RVR_RNA_FLOW_QUEUE, queue->index);
}

static int
rss_check(const struct build *build, const struct rte_flow_action_rss *rss)
{
	const struct revere_net *net = build->net;
	uint32_t i;

	if (rss->queue_num == 0 || rss->queue == NULL)
		return refuse_conf(build, "RSS without queues");
	if (rss->queue_num > RVR_RNA_FLOW_RSS_MAX)
		return refuse_conf(build, "RSS over more than 128 queues");
	for (i = 0; i < rss->queue_num; i++)
		if (rss->queue[i] >= net->data->nb_rx_queues)
			return refuse_conf(build, "there is no such Rx queue");
	if (rss->level > 2)
		return refuse_conf(build, "RSS levels are 1, outermost, and 2, innermost");
	if ((rss->types & ~revere_net_rss_offloads(net)) != 0)
		return refuse_conf(build, "RSS hash types that the device doesn't have");
	if (rss->key_len != 0 && rss->key != NULL && rss->key_len != net->limits.rss_key_size)
		return refuse_conf(build, "an RSS key has 40 bytes");
	return 0;
}

/** RVR_RNA_RSS_* of an action; without a function of its own it is the port's. */
static int
rss_types(const struct build *build, const struct rte_flow_action_rss *rss, uint32_t *types)
{
	const struct revere_net *net = build->net;
	uint32_t function = net->rss_algorithm;

	if (rss->func != RTE_ETH_HASH_FUNCTION_DEFAULT &&
	    revere_net_rss_function(net, rss->func, &function) < 0)
		return refuse_conf(build, "a hash function that the device doesn't have");
	*types = revere_net_rss_types(net,
		rss->types != 0 ? rss->types : revere_net_rss_offloads(net) &
						       ~RTE_ETH_RSS_LEVEL_MASK) | function;
	if (rss->level == 1)
		*types &= ~RVR_RNA_RSS_INNER;
	else if (rss->level == 2)
		*types |= RVR_RNA_RSS_INNER;
	return 0;
}

/** The key that is to go with an action; NULL: it hashes with what the port has. */
static const uint8_t *
rss_key(const struct build *build, const struct rte_flow_action_rss *rss, uint32_t types)
{
	const struct revere_net *net = build->net;

	if (rss->key_len != 0 && rss->key != NULL)
		return rss->key;
	return ((types | net->rss_algorithm) & RVR_RNA_RSS_XOR) ? net->rss_key : NULL;
}

static int
fate_rss(struct build *build)
{
	const struct rte_flow_action_rss *rss = build->action->conf;
	struct {
		struct rvr_rna_flow_rss head;
		uint8_t more[REVERE_NET_KEY_MAX + RVR_RNA_FLOW_RSS_MAX * sizeof(rvr_le16)];
	} data;
	int ret = rss_check(build, rss);
	const uint8_t *key;
	rvr_le16 *queues;
	uint16_t key_size;
	uint32_t i, types = 0;

	if (ret == 0)
		ret = rss_types(build, rss, &types);
	if (ret < 0)
		return ret;
	key = rss_key(build, rss, types);
	key_size = key == NULL ? 0 : build->net->limits.rss_key_size;
	data.head.types = rvr_cpu_le32(types);
	data.head.count = rvr_cpu_le16((uint16_t)rss->queue_num);
	data.head.key_size = rvr_cpu_le16(key_size);
	if (key != NULL)
		memcpy(data.more, key, key_size);
	queues = (void *)(data.more + key_size);
	for (i = 0; i < rss->queue_num; i++)
		queues[i] = rvr_cpu_le16(rss->queue[i]);
	return put(build, RVR_RNA_FLOW_RSS, 0, &data,
		(uint32_t)(sizeof(data.head) + key_size + rss->queue_num * sizeof(queues[0])));
}

static int
fate_port(struct build *build, uint32_t port_id, bool represented)
{
	uint8_t side = RVR_RNA_FLOW_HOST;
	int port = represented ? revere_flow_represented(build->net, port_id, &side) :
				 revere_flow_port(build->net, port_id);

	if (port < 0)
		return refuse_conf(build, "isn't a port of the same adapter");
	if (build->mark != NULL && (port != build->net->port || side != RVR_RNA_FLOW_HOST)) {
		build->action = build->mark;
		return refuse(build, ENOTSUP, "a mark doesn't come with a packet to another port");
	}
	return put_arg(build, RVR_RNA_FLOW_PORT, (uint32_t)port | (uint32_t)side << 16);
}

static bool
is_fate(const struct rte_flow_action *action)
{
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_DROP:
	case RTE_FLOW_ACTION_TYPE_QUEUE:
	case RTE_FLOW_ACTION_TYPE_RSS:
	case RTE_FLOW_ACTION_TYPE_JUMP:
	case RTE_FLOW_ACTION_TYPE_PORT_ID:
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
		return true;
	default:
		return false;
	}
}

static int
put_fate(struct build *build)
{
	const struct rte_flow_action_ethdev *ethdev = build->fate->conf;
	const struct rte_flow_action_port_id *id = build->fate->conf;
	const struct rte_flow_action_jump *jump = build->fate->conf;

	build->action = build->fate;
	if (build->fate->type == RTE_FLOW_ACTION_TYPE_DROP)
		return put_arg(build, RVR_RNA_FLOW_DROP, 0);
	if (build->fate->conf == NULL)
		return refuse_conf(build, "has no configuration");
	switch (build->fate->type) {
	case RTE_FLOW_ACTION_TYPE_QUEUE:
		return fate_queue(build);
	case RTE_FLOW_ACTION_TYPE_RSS:
		return fate_rss(build);
	case RTE_FLOW_ACTION_TYPE_JUMP:
		if (jump->group >= build->net->flow->info.groups)
			return refuse_conf(build, "the group is too high");
		return put_arg(build, RVR_RNA_FLOW_JUMP, jump->group);
	case RTE_FLOW_ACTION_TYPE_PORT_ID:
		return fate_port(build, id->original ? build->net->data->port_id : id->id, true);
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
		return fate_port(build, ethdev->port_id, false);
	default:
		return fate_port(build, ethdev->port_id, true);
	}
}

/** Notes where the packet goes: once, and what the kind of rule allows. */
static int
note_fate(struct build *build)
{
	enum rte_flow_action_type type = build->action->type;
	bool host = type == RTE_FLOW_ACTION_TYPE_QUEUE || type == RTE_FLOW_ACTION_TYPE_RSS;
	bool either = type == RTE_FLOW_ACTION_TYPE_DROP || type == RTE_FLOW_ACTION_TYPE_JUMP;

	if (build->fate != NULL)
		return refuse(build, EINVAL, "another action says already where packets go");
	if (host && (build->attr->transfer || build->attr->egress))
		return refuse(build, EINVAL, "only in ingress rules");
	if (!host && !either && !build->attr->transfer)
		return refuse(build, EINVAL, "only in transfer rules");
	if (build->nested && type == RTE_FLOW_ACTION_TYPE_JUMP)
		return refuse(build, EINVAL, "a sample can't jump");
	build->fate = build->action;
	return 0;
}

/* ---- Encapsulation ------------------------------------------------------------------------ */

/** An encapsulation's headers as bytes. */
struct headers {
	uint8_t bytes[256];
	uint32_t size;
	uint32_t type_at, proto_at; /**< where the next header's number belongs; 0: nowhere */
};

/** Appends a header, and tells the one before of it. */
static uint8_t *
header_add(struct headers *headers, const void *spec, uint32_t size, uint16_t type, uint8_t proto)
{
	uint8_t *at = headers->bytes + headers->size;

	memcpy(at, spec, size);
	if (type != 0 && headers->type_at != 0) {
		headers->bytes[headers->type_at] = (uint8_t)(type >> 8);
		headers->bytes[headers->type_at + 1] = (uint8_t)type;
	}
	if (proto != 0 && headers->proto_at != 0)
		headers->bytes[headers->proto_at] = proto;
	headers->size += size;
	return at;
}

static void
header_ip(struct headers *headers, const struct rte_flow_item *item)
{
	bool v4 = item->type == RTE_FLOW_ITEM_TYPE_IPV4;
	uint32_t at = headers->size;
	uint8_t *ip = header_add(headers, item->spec, v4 ? 20 : 40,
		v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6, 0);

	headers->proto_at = at + (v4 ? 9 : 6);
	ip[0] = v4 ? 0x45 : (uint8_t)(0x60 | (ip[0] & 0xf));
	if (ip[v4 ? 8 : 7] == 0)
		ip[v4 ? 8 : 7] = 64;
}

static void
header_udp(struct headers *headers, const struct rte_flow_item *item)
{
	uint8_t *udp = header_add(headers, item->spec, 8, 0, IPPROTO_UDP);

	if (udp[2] == 0 && udp[3] == 0) {
		udp[2] = RTE_VXLAN_DEFAULT_PORT >> 8;
		udp[3] = RTE_VXLAN_DEFAULT_PORT & 0xff;
	}
}

/** One item of an encapsulation's definition; false: it can't be part of it. */
static bool
header_item(struct headers *headers, const struct rte_flow_item *item)
{
	uint8_t *at;

	if (item->spec == NULL || headers->size > 128)
		return false;
	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_ETH:
		header_add(headers, item->spec, 14, 0, 0);
		headers->type_at = headers->size - 2;
		return true;
	case RTE_FLOW_ITEM_TYPE_VLAN:
		header_add(headers, item->spec, 4, RTE_ETHER_TYPE_VLAN, 0);
		headers->type_at = headers->size - 2;
		return true;
	case RTE_FLOW_ITEM_TYPE_IPV4:
	case RTE_FLOW_ITEM_TYPE_IPV6:
		header_ip(headers, item);
		return true;
	case RTE_FLOW_ITEM_TYPE_UDP:
		header_udp(headers, item);
		return true;
	case RTE_FLOW_ITEM_TYPE_VXLAN:
		at = header_add(headers, item->spec, 8, 0, 0);
		at[0] = 0x08;
		return true;
	default:
		return false;
	}
}

enum place { PLACE_NONE, PLACE_ETH, PLACE_VLAN, PLACE_IP, PLACE_UDP, PLACE_VXLAN };

/** Whether an item of an encapsulation's definition may come behind those before it. */
static bool
place_next(enum place *place, enum rte_flow_item_type type)
{
	enum place next = type == RTE_FLOW_ITEM_TYPE_ETH   ? PLACE_ETH :
			  type == RTE_FLOW_ITEM_TYPE_VLAN  ? PLACE_VLAN :
			  type == RTE_FLOW_ITEM_TYPE_IPV4  ? PLACE_IP :
			  type == RTE_FLOW_ITEM_TYPE_IPV6  ? PLACE_IP :
			  type == RTE_FLOW_ITEM_TYPE_UDP   ? PLACE_UDP :
			  type == RTE_FLOW_ITEM_TYPE_VXLAN ? PLACE_VXLAN :
							     PLACE_NONE;
	bool fits = next == *place + 1 || (next == PLACE_IP && *place == PLACE_ETH);

	*place = next;
	return fits;
}

static int
put_vxlan_encap(struct build *build)
{
	const struct rte_flow_action_vxlan_encap *encap = build->action->conf;
	const struct rte_flow_item *item = encap->definition;
	struct headers headers = { .size = 0 };
	enum place place = PLACE_NONE;

	for (; item != NULL && item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		if (item->type == RTE_FLOW_ITEM_TYPE_VOID)
			continue;
		if (!place_next(&place, item->type) || !header_item(&headers, item))
			return refuse_conf(build,
				"eth / [vlan] / ipv4 or ipv6 / udp / vxlan, with spec, are needed");
	}
	if (place != PLACE_VXLAN)
		return refuse_conf(build, "the definition ends before its vxlan");
	build->seen.vague = true;
	return put(build, RVR_RNA_FLOW_ENCAP, headers.size, headers.bytes, headers.size);
}

static int
put_raw_encap(struct build *build)
{
	const struct rte_flow_action_raw_encap *encap = build->action->conf;

	if (encap->data == NULL || encap->size == 0 || encap->size > 256)
		return refuse_conf(build, "1 to 256 bytes can be put in front");
	build->seen.vague = true;
	return put(build, RVR_RNA_FLOW_ENCAP, (uint32_t)encap->size, encap->data,
		(uint32_t)encap->size);
}

static int
put_raw_decap(struct build *build)
{
	const struct rte_flow_action_raw_decap *decap = build->action->conf;

	if (decap->size == 0 || decap->size > 256)
		return refuse_conf(build, "1 to 256 bytes can be taken off");
	build->seen.vague = true;
	return put_arg(build, RVR_RNA_FLOW_DECAP, (uint32_t)decap->size);
}

/* ---- What else is done -------------------------------------------------------------------- */

/** A flow has one counter: what a query would tell of two is anybody's guess. */
static int
note_count(struct build *build)
{
	if (build->out->counts)
		return refuse(build, EINVAL, "a flow counts once");
	build->out->counts = true;
	return 0;
}

static int
put_count(struct build *build)
{
	int ret = note_count(build);

	if (ret < 0)
		return ret;
	build->out->own_counter = true;
	return put_arg(build, RVR_RNA_FLOW_COUNT, REVERE_FLOW_NONE);
}

static int
put_indirect(struct build *build)
{
	struct rte_flow_action_handle *handle = (void *)(uintptr_t)build->action->conf;
	int ret;

	if (handle->net != build->net)
		return refuse_conf(build, "the shared action is another port's");
	ret = note_count(build);
	if (ret < 0)
		return ret;
	build->out->handle = handle;
	return put_arg(build, RVR_RNA_FLOW_COUNT_ON, handle->counter);
}

static int
put_age(struct build *build)
{
	const struct rte_flow_action_age *age = build->action->conf;

	if (age->timeout == 0)
		return refuse_conf(build, "a timeout of 0 s");
	if (build->nested || build->out->age)
		return refuse(build, EINVAL, "a flow ages once");
	build->out->age = true;
	build->out->age_context = age->context;
	return put_arg(build, RVR_RNA_FLOW_AGE, age->timeout);
}

static int
put_meter(struct build *build)
{
	const struct rte_flow_action_meter *meter = build->action->conf;
	int id = revere_net_meter_find(build->net, meter->mtr_id);

	if (id < 0)
		return refuse_conf(build, "there is no such meter");
	return put_arg(build, RVR_RNA_FLOW_METER, (uint32_t)id);
}

static int build_list(struct build *build, const struct rte_flow_action *actions);

/** The copy's actions lie in the data of the sample's. */
static int
put_sample(struct build *build)
{
	const struct rte_flow_action_sample *sample = build->action->conf;
	const struct build before = *build;
	struct rvr_rna_flow_action *head = (void *)(build->out->list + build->out->size);
	uint32_t start = build->out->size;
	int ret;

	if (build->nested)
		return refuse(build, EINVAL, "a sample of a sample");
	if (sample->ratio == 0 || sample->actions == NULL)
		return refuse_conf(build, "ratio and actions are needed");
	ret = put_arg(build, RVR_RNA_FLOW_SAMPLE, sample->ratio);
	if (ret < 0)
		return ret;
	build->nested = true;
	build->fate = NULL;
	build->mark = NULL;
	ret = build_list(build, sample->actions);
	*build = before;
	head->size = rvr_cpu_le16((uint16_t)(build->out->size - start));
	return ret;
}

static int
put_vlan_push(struct build *build)
{
	const struct rte_flow_action_of_push_vlan *push = build->action->conf;
	uint16_t type = rte_be_to_cpu_16(push->ethertype);

	if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
		return refuse_conf(build, "the Ethernet type of a tag is 0x8100 or 0x88a8");
	return put_arg(build, RVR_RNA_FLOW_VLAN_PUSH, type);
}

static int
put_vlan_set(struct build *build)
{
	const struct rte_flow_action_of_set_vlan_vid *vid = build->action->conf;
	const struct rte_flow_action_of_set_vlan_pcp *pcp = build->action->conf;

	if (build->action->type == RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP) {
		if (pcp->vlan_pcp > 7)
			return refuse_conf(build, "priorities are 0 to 7");
		return put_arg(build, RVR_RNA_FLOW_VLAN_PCP, pcp->vlan_pcp);
	}
	if (rte_be_to_cpu_16(vid->vlan_vid) > RTE_ETHER_MAX_VLAN_ID)
		return refuse_conf(build, "VLAN IDs are 0 to 4095");
	return put_arg(build, RVR_RNA_FLOW_VLAN_VID, rte_be_to_cpu_16(vid->vlan_vid));
}

/** Actions whose configuration is the data that is set. */
static const struct {
	enum rte_flow_action_type type;
	uint16_t to;
	uint8_t size;
} sets[] = {
	{ RTE_FLOW_ACTION_TYPE_SET_MAC_SRC, RVR_RNA_FLOW_ETH_SRC, 6 },
	{ RTE_FLOW_ACTION_TYPE_SET_MAC_DST, RVR_RNA_FLOW_ETH_DST, 6 },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC, RVR_RNA_FLOW_IPV4_SRC, 4 },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV4_DST, RVR_RNA_FLOW_IPV4_DST, 4 },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC, RVR_RNA_FLOW_IPV6_SRC, 16 },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV6_DST, RVR_RNA_FLOW_IPV6_DST, 16 },
};

static int
put_set(struct build *build)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(sets); i++)
		if (sets[i].type == build->action->type)
			return put(build, sets[i].to, 0, build->action->conf, sets[i].size);
	return refuse(build, ENOTSUP, "the adapter doesn't know this action");
}

/** Actions with a configuration. */
static int
put_configured(struct build *build)
{
	const struct rte_flow_action *action = build->action;
	const struct rte_flow_action_mark *mark = action->conf;
	const struct rte_flow_action_set_tp *port = action->conf;
	const struct rte_flow_action_set_ttl *ttl = action->conf;
	const struct rte_flow_action_set_dscp *dscp = action->conf;

	if (action->conf == NULL)
		return refuse_conf(build, "has no configuration");
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_MARK:
		build->out->marks = true;
		build->mark = action;
		return put_arg(build, RVR_RNA_FLOW_MARK, mark->id);
	case RTE_FLOW_ACTION_TYPE_AGE:
		return put_age(build);
	case RTE_FLOW_ACTION_TYPE_METER:
		return put_meter(build);
	case RTE_FLOW_ACTION_TYPE_SAMPLE:
		return put_sample(build);
	case RTE_FLOW_ACTION_TYPE_INDIRECT:
		return put_indirect(build);
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
		return put_vlan_push(build);
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP:
		return put_vlan_set(build);
	case RTE_FLOW_ACTION_TYPE_SET_TP_SRC:
		return put_arg(build, RVR_RNA_FLOW_PORT_SRC, rte_be_to_cpu_16(port->port));
	case RTE_FLOW_ACTION_TYPE_SET_TP_DST:
		return put_arg(build, RVR_RNA_FLOW_PORT_DST, rte_be_to_cpu_16(port->port));
	case RTE_FLOW_ACTION_TYPE_SET_TTL:
		return put_arg(build, RVR_RNA_FLOW_TTL_SET, ttl->ttl_value);
	case RTE_FLOW_ACTION_TYPE_SET_IPV4_DSCP:
	case RTE_FLOW_ACTION_TYPE_SET_IPV6_DSCP:
		return put_arg(build, RVR_RNA_FLOW_DSCP, dscp->dscp & 0x3f);
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
		return put_vxlan_encap(build);
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP:
		return put_raw_encap(build);
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
		return put_raw_decap(build);
	default:
		return put_set(build);
	}
}

#define IP (RVR_RNA_FLOW_L3_IPV4 | RVR_RNA_FLOW_L3_IPV6)
#define PORTS (RVR_RNA_FLOW_L4_TCP | RVR_RNA_FLOW_L4_UDP | RVR_RNA_FLOW_L4_SCTP)

/** Headers, of which the pattern has to say that one is there. */
static const struct {
	enum rte_flow_action_type type;
	uint8_t l3, l4;
	const char *why;
} needs[] = {
	{ RTE_FLOW_ACTION_TYPE_SET_MAC_SRC, RVR_RNA_FLOW_L3_ETH, 0, "the pattern has no eth" },
	{ RTE_FLOW_ACTION_TYPE_SET_MAC_DST, RVR_RNA_FLOW_L3_ETH, 0, "the pattern has no eth" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC, RVR_RNA_FLOW_L3_IPV4, 0, "the pattern has no ipv4" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV4_DST, RVR_RNA_FLOW_L3_IPV4, 0, "the pattern has no ipv4" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV4_DSCP, RVR_RNA_FLOW_L3_IPV4, 0, "the pattern has no ipv4" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC, RVR_RNA_FLOW_L3_IPV6, 0, "the pattern has no ipv6" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV6_DST, RVR_RNA_FLOW_L3_IPV6, 0, "the pattern has no ipv6" },
	{ RTE_FLOW_ACTION_TYPE_SET_IPV6_DSCP, RVR_RNA_FLOW_L3_IPV6, 0, "the pattern has no ipv6" },
	{ RTE_FLOW_ACTION_TYPE_SET_TTL, IP, 0, "the pattern has no ipv4 and no ipv6" },
	{ RTE_FLOW_ACTION_TYPE_DEC_TTL, IP, 0, "the pattern has no ipv4 and no ipv6" },
	{ RTE_FLOW_ACTION_TYPE_SET_TP_SRC, 0, PORTS, "the pattern has no tcp, udp or sctp" },
	{ RTE_FLOW_ACTION_TYPE_SET_TP_DST, 0, PORTS, "the pattern has no tcp, udp or sctp" },
};

/** What an action changes must be there, as rte_flow's guide demands. */
static int
check_needs(const struct build *build)
{
	const struct seen *seen = &build->seen;
	unsigned int i = 0;

	while (i < RTE_DIM(needs) && needs[i].type != build->action->type)
		i++;
	if (seen->vague || i == RTE_DIM(needs) ||
	    (seen->l3 & needs[i].l3) != 0 || (seen->l4 & needs[i].l4) != 0)
		return 0;
	return refuse(build, EINVAL, needs[i].why);
}

/** Behind it the inner headers are what actions change. */
static int
put_vxlan_decap(struct build *build)
{
	const struct rvr_rna_flow_level *inner = &build->pattern->value.inner;

	if (!build->seen.vague && build->seen.tunnel != RVR_RNA_FLOW_VXLAN)
		return refuse(build, EINVAL, "the pattern has no vxlan");
	build->seen = (struct seen){
		.l3 = inner->l3 | RVR_RNA_FLOW_L3_ETH,
		.l4 = inner->l4,
		.vague = build->seen.vague,
	};
	return put_arg(build, RVR_RNA_FLOW_DECAP, 0);
}

static int
put_action(struct build *build)
{
	int ret = check_needs(build);

	if (ret < 0)
		return ret;
	switch (build->action->type) {
	case RTE_FLOW_ACTION_TYPE_VOID:
	case RTE_FLOW_ACTION_TYPE_PASSTHRU:
		return 0;
	case RTE_FLOW_ACTION_TYPE_FLAG:
		build->out->marks = true;
		build->mark = build->action;
		return put_arg(build, RVR_RNA_FLOW_FLAG, 0);
	case RTE_FLOW_ACTION_TYPE_COUNT:
		return put_count(build);
	case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN:
		return put_arg(build, RVR_RNA_FLOW_VLAN_POP, 0);
	case RTE_FLOW_ACTION_TYPE_DEC_TTL:
		return put_arg(build, RVR_RNA_FLOW_TTL_DEC, 0);
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
		return put_vxlan_decap(build);
	default:
		return put_configured(build);
	}
}

static int
build_list(struct build *build, const struct rte_flow_action *actions)
{
	int ret = 0;

	for (; actions->type != RTE_FLOW_ACTION_TYPE_END && ret == 0; actions++) {
		build->action = actions;
		ret = is_fate(actions) ? note_fate(build) : put_action(build);
	}
	if (ret == 0 && build->fate != NULL)
		ret = put_fate(build);
	return ret;
}

int
revere_flow_actions(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct revere_flow_pattern *pattern, const struct rte_flow_action *actions,
	struct revere_flow_actions *out, struct rte_flow_error *error)
{
	struct build build = {
		.net = net,
		.attr = attr,
		.pattern = pattern,
		.seen = {
			.l3 = pattern->value.outer.l3,
			.l4 = pattern->value.outer.l4,
			.tunnel = pattern->value.tunnel,
		},
		.out = out,
		.error = error,
	};

	memset(out, 0, sizeof(*out));
	if (actions == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL,
			"no actions");
	return build_list(&build, actions);
}

static void
list_count(uint8_t *list, uint32_t size, uint32_t counter)
{
	uint32_t at = 0;

	while (at < size) {
		struct rvr_rna_flow_action *action = (void *)(list + at);
		uint32_t length = rvr_le16_cpu(action->size);

		if (rvr_le16_cpu(action->type) == RVR_RNA_FLOW_COUNT &&
		    rvr_le32_cpu(action->arg) == REVERE_FLOW_NONE)
			action->arg = rvr_cpu_le32(counter);
		else if (rvr_le16_cpu(action->type) == RVR_RNA_FLOW_SAMPLE)
			list_count((uint8_t *)(action + 1), length - (uint32_t)sizeof(*action),
				counter);
		at += length;
	}
}

void
revere_flow_actions_count(struct revere_flow_actions *actions, uint32_t counter)
{
	list_count(actions->list, actions->size, counter);
}
