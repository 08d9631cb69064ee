/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * From rte_flow items to mask and value over the agent's flow key. Items of protocols are the
 * headers themselves, so a table says which of their bytes are which of the key.
 */

#include <errno.h>

#include "revere_flow.h"

/** What an item adds to the walk through a pattern. */
enum layer { LAYER_NONE, LAYER_ETH, LAYER_VLAN, LAYER_L3, LAYER_EXT, LAYER_L4, LAYER_TUNNEL };

struct walk {
	struct revere_net *net;
	const struct rte_flow_attr *attr;
	struct revere_flow_pattern *pattern;
	struct rvr_rna_flow_level *mask, *value; /**< of the level that items belong to */
	enum layer layer; /**< last one of this level */
	unsigned int tags;
	const struct rte_flow_item *item;
	struct rte_flow_error *error;
};

struct field {
	uint8_t from, size; /**< bytes of the item */
	uint8_t to;	    /**< offset in the level, or in the key with HEAD */
};

#define HEAD 0x80u
#define FIELDS_MAX 6
#define L(name) offsetof(struct rvr_rna_flow_level, name)
#define K(name) (HEAD | offsetof(struct rvr_rna_flow_key, name))

/** Mask of an item that rte_flow has none for. */
static const uint8_t all_of_it[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/** Protocols: bits that say that the header is there, and its bytes. */
static const struct protocol {
	enum rte_flow_item_type type;
	uint8_t size; /**< bytes of the item that are the header */
	uint8_t l3, l4, tunnel;
	enum layer layer;
	const void *mask; /**< when the item has none */
	struct field fields[FIELDS_MAX];
} protocols[] = {
	{ RTE_FLOW_ITEM_TYPE_ETH, 14, RVR_RNA_FLOW_L3_ETH, 0, 0, LAYER_ETH,
		&rte_flow_item_eth_mask,
		{ { 0, 6, L(eth_dst) }, { 6, 6, L(eth_src) }, { 12, 2, L(eth_type) } } },
	{ RTE_FLOW_ITEM_TYPE_VLAN, 4, RVR_RNA_FLOW_L3_VLAN, 0, 0, LAYER_VLAN,
		&rte_flow_item_vlan_mask, { { 0, 2, L(vlan_tci) }, { 2, 2, L(eth_type) } } },
	{ RTE_FLOW_ITEM_TYPE_IPV4, 20, RVR_RNA_FLOW_L3_IPV4, 0, 0, LAYER_L3,
		&rte_flow_item_ipv4_mask,
		{ { 1, 1, L(tos) }, { 6, 2, L(label) }, { 8, 1, L(ttl) }, { 9, 1, L(proto) },
			{ 12, 4, L(ip_src) }, { 16, 4, L(ip_dst) } } },
	{ RTE_FLOW_ITEM_TYPE_IPV6, 40, RVR_RNA_FLOW_L3_IPV6, 0, 0, LAYER_L3,
		&rte_flow_item_ipv6_mask,
		{ { 6, 1, L(proto) }, { 7, 1, L(ttl) }, { 8, 16, L(ip_src) },
			{ 24, 16, L(ip_dst) } } },
	{ RTE_FLOW_ITEM_TYPE_IPV6_EXT, 1, RVR_RNA_FLOW_L3_EXT, 0, 0, LAYER_EXT,
		&rte_flow_item_ipv6_ext_mask, { { 0, 1, L(proto) } } },
	{ RTE_FLOW_ITEM_TYPE_IPV6_FRAG_EXT, 8, RVR_RNA_FLOW_L3_FRAG, 0, 0, LAYER_EXT,
		all_of_it, { { 0, 1, L(proto) } } },
	{ RTE_FLOW_ITEM_TYPE_TCP, 20, 0, RVR_RNA_FLOW_L4_TCP, 0, LAYER_L4,
		&rte_flow_item_tcp_mask,
		{ { 0, 2, L(src_port) }, { 2, 2, L(dst_port) }, { 13, 1, L(tcp_flags) } } },
	{ RTE_FLOW_ITEM_TYPE_UDP, 8, 0, RVR_RNA_FLOW_L4_UDP, 0, LAYER_L4,
		&rte_flow_item_udp_mask, { { 0, 2, L(src_port) }, { 2, 2, L(dst_port) } } },
	{ RTE_FLOW_ITEM_TYPE_SCTP, 12, 0, RVR_RNA_FLOW_L4_SCTP, 0, LAYER_L4,
		&rte_flow_item_sctp_mask, { { 0, 2, L(src_port) }, { 2, 2, L(dst_port) } } },
	{ RTE_FLOW_ITEM_TYPE_ICMP, 8, 0, RVR_RNA_FLOW_L4_ICMP, 0, LAYER_L4,
		&rte_flow_item_icmp_mask, { { 0, 2, L(src_port) }, { 4, 2, L(dst_port) } } },
	{ RTE_FLOW_ITEM_TYPE_ICMP6, 4, 0, RVR_RNA_FLOW_L4_ICMP6, 0, LAYER_L4,
		&rte_flow_item_icmp6_mask, { { 0, 2, L(src_port) } } },
	{ RTE_FLOW_ITEM_TYPE_VXLAN, 8, 0, 0, RVR_RNA_FLOW_VXLAN, LAYER_TUNNEL,
		&rte_flow_item_vxlan_mask, { { 0, 1, K(tunnel_flags) }, { 4, 3, K(tunnel_id) } } },
	{ RTE_FLOW_ITEM_TYPE_GENEVE, 8, 0, 0, RVR_RNA_FLOW_GENEVE, LAYER_TUNNEL,
		&rte_flow_item_geneve_mask,
		{ { 0, 1, K(tunnel_flags) }, { 2, 2, K(tunnel_proto) }, { 4, 3, K(tunnel_id) } } },
	{ RTE_FLOW_ITEM_TYPE_GRE, 4, 0, 0, RVR_RNA_FLOW_GRE, LAYER_TUNNEL,
		&rte_flow_item_gre_mask,
		{ { 0, 1, K(tunnel_flags) }, { 2, 2, K(tunnel_proto) } } },
	{ RTE_FLOW_ITEM_TYPE_MPLS, 4, 0, 0, RVR_RNA_FLOW_MPLS, LAYER_TUNNEL,
		&rte_flow_item_mpls_mask, { { 0, 4, K(tunnel_id) } } },
};

static int
refuse(const struct walk *walk, enum rte_flow_error_type type, const char *why)
{
	return rte_flow_error_set(walk->error, EINVAL, type, walk->item, why);
}

/* ---- Bytes -------------------------------------------------------------------------------- */

/** Where a field lies in the key, by mask and by value. */
static void
field_place(const struct walk *walk, const struct field *field, uint8_t **mask, uint8_t **value)
{
	if (field->to & HEAD) {
		*mask = (uint8_t *)&walk->pattern->mask + (field->to & ~HEAD);
		*value = (uint8_t *)&walk->pattern->value + (field->to & ~HEAD);
	} else {
		*mask = (uint8_t *)walk->mask + field->to;
		*value = (uint8_t *)walk->value + field->to;
	}
}

static uint32_t
number(const uint8_t *bytes, unsigned int size)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool
all_zeroes(const uint8_t *bytes, unsigned int size)
{
	while (size > 0 && bytes[size - 1] == 0)
		size--;
	return size == 0;
}

static bool
all_ones(const uint8_t *bytes, unsigned int size)
{
	while (size > 0 && bytes[size - 1] == 0xff)
		size--;
	return size == 0;
}

static int
range_add(struct walk *walk, const uint8_t *place, unsigned int size, uint32_t first,
	uint32_t last)
{
	struct revere_flow_pattern *pattern = walk->pattern;

	if (last < first)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST, "last is below spec");
	if (pattern->ranges == REVERE_FLOW_RANGES_MAX)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST, "more than 4 ranges");
	pattern->range[pattern->ranges++] = (struct revere_flow_range){
		.offset = (uint8_t)(place - (const uint8_t *)&pattern->mask),
		.size = (uint8_t)size,
		.first = first,
		.last = last,
	};
	return 0;
}

/** One field: mask and value, or a range. */
static int
field_set(struct walk *walk, const struct field *field, const uint8_t *spec, const uint8_t *last,
	const uint8_t *mask)
{
	uint8_t *to_mask, *to_value;
	unsigned int i;

	field_place(walk, field, &to_mask, &to_value);
	for (i = 0; i < field->size; i++) {
		uint8_t wanted = spec[field->from + i] & mask[field->from + i];
		uint8_t both = to_mask[i] & mask[field->from + i];

		if ((to_value[i] & both) != (wanted & both))
			return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
				"contradicts an item before");
		to_mask[i] |= mask[field->from + i];
		to_value[i] |= wanted;
	}
	if (last == NULL || memcmp(last + field->from, spec + field->from, field->size) == 0 ||
	    all_zeroes(last + field->from, field->size) ||
	    all_zeroes(mask + field->from, field->size))
		return 0;
	if (field->size > 4 || !all_ones(mask + field->from, field->size))
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST,
			"ranges are of whole fields up to 4 bytes");
	return range_add(walk, to_mask, field->size, number(spec + field->from, field->size),
		number(last + field->from, field->size));
}

/** No byte may be asked for that isn't in the table. */
static int
check_mask(const struct walk *walk, const struct protocol *protocol, const uint8_t *mask)
{
	const struct field *field = protocol->fields;
	uint64_t known = 0;
	unsigned int i;

	for (i = 0; i < FIELDS_MAX; i++, field++)
		known |= ((UINT64_C(1) << field->size) - 1) << field->from;
	if (protocol->type == RTE_FLOW_ITEM_TYPE_IPV6)
		known |= 0xf;
	for (i = 0; i < protocol->size; i++)
		if (mask[i] != 0 && (known & UINT64_C(1) << i) == 0)
			return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
				"a field that the adapter doesn't look at");
	return 0;
}

static void
set_bits(uint8_t *mask, uint8_t *value, uint8_t bits, bool there)
{
	*mask |= bits;
	if (there)
		*value |= bits;
}

/* ---- What is special about some ----------------------------------------------------------- */

static bool
is_tag_type(const uint8_t *type)
{
	uint32_t number_of = number(type, 2);

	return number_of == RTE_ETHER_TYPE_VLAN || number_of == RTE_ETHER_TYPE_QINQ;
}

/** Whether a mask or a range leaves open if an Ethernet type is a tag's. */
static bool
is_vague_type(const struct walk *walk)
{
	static const uint16_t tags[] = { RTE_ETHER_TYPE_VLAN, RTE_ETHER_TYPE_QINQ };
	const struct revere_flow_pattern *pattern = walk->pattern;
	uint32_t mask = number(walk->mask->eth_type, 2), value = number(walk->value->eth_type, 2);
	size_t at = (size_t)(walk->mask->eth_type - (const uint8_t *)&pattern->mask);
	const struct revere_flow_range *range;
	unsigned int i, j;

	for (i = 0; i < RTE_DIM(tags); i++) {
		if (mask != UINT16_MAX && (tags[i] & mask) == value)
			return true;
		for (j = 0; j < pattern->ranges; j++) {
			range = &pattern->range[j];
			if (range->offset == at && range->first <= tags[i] &&
			    range->last >= tags[i])
				return true;
		}
	}
	return false;
}

/**
 * The key's type is that behind the tags. One that names a tag says that there is one, of that
 * type; another says that there is none.
 */
static int
item_type(struct walk *walk, uint8_t there, uint8_t ad)
{
	if (number(walk->mask->eth_type, 2) == 0)
		return 0;
	if (is_vague_type(walk))
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
			"the Ethernet type of a tag is matched as a whole, or not at all");
	set_bits(&walk->mask->l3, &walk->value->l3, there, is_tag_type(walk->value->eth_type));
	if (!is_tag_type(walk->value->eth_type))
		return 0;
	set_bits(&walk->mask->l4, &walk->value->l4, ad,
		number(walk->value->eth_type, 2) == RTE_ETHER_TYPE_QINQ);
	memset(walk->mask->eth_type, 0, 2);
	memset(walk->value->eth_type, 0, 2);
	return 0;
}

/** What an item says of the tag behind it must not contradict its Ethernet type. */
static int
item_more(struct walk *walk, uint8_t there, bool more)
{
	if ((walk->mask->l3 & there) != 0 && ((walk->value->l3 & there) != 0) != more)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
			"the Ethernet type contradicts whether there is a tag");
	set_bits(&walk->mask->l3, &walk->value->l3, there, more);
	return 0;
}

static int
item_eth(struct walk *walk, const struct rte_flow_item_eth *spec,
	const struct rte_flow_item_eth *mask)
{
	int ret = item_type(walk, RVR_RNA_FLOW_L3_VLAN, RVR_RNA_FLOW_L2_AD);

	if (ret == 0 && spec != NULL && mask->has_vlan)
		ret = item_more(walk, RVR_RNA_FLOW_L3_VLAN, spec->has_vlan);
	return ret;
}

static int
item_vlan(struct walk *walk, const struct rte_flow_item_vlan *spec,
	const struct rte_flow_item_vlan *mask)
{
	int ret = 0;

	if (walk->tags > 1)
		set_bits(&walk->mask->l3, &walk->value->l3, RVR_RNA_FLOW_L3_QINQ, true);
	else
		ret = item_type(walk, RVR_RNA_FLOW_L3_QINQ, RVR_RNA_FLOW_L2_AD2);
	if (ret == 0 && spec != NULL && mask->has_more_vlan && walk->tags == 1)
		ret = item_more(walk, RVR_RNA_FLOW_L3_QINQ, spec->has_more_vlan);
	else if (ret == 0 && spec != NULL && mask->has_more_vlan)
		ret = refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
			"the adapter looks at two tags only");
	return ret;
}

static int
item_ipv6(struct walk *walk, const struct rte_flow_item_ipv6 *spec,
	const struct rte_flow_item_ipv6 *mask)
{
	uint32_t flow, flow_mask;

	if (spec == NULL)
		return 0;
	if (mask->has_hop_ext || mask->has_route_ext || mask->has_auth_ext || mask->has_esp_ext ||
	    mask->has_dest_ext || mask->has_mobil_ext || mask->has_hip_ext ||
	    mask->has_shim6_ext)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_MASK,
			"of extension headers only has_frag_ext is looked at");
	if (mask->has_frag_ext)
		set_bits(&walk->mask->l3, &walk->value->l3, RVR_RNA_FLOW_L3_FRAG,
			spec->has_frag_ext);
	if (walk->item->last != NULL &&
	    memcmp(walk->item->last, &spec->hdr.vtc_flow, sizeof(spec->hdr.vtc_flow)) != 0 &&
	    number(walk->item->last, sizeof(spec->hdr.vtc_flow)) != 0)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST,
			"traffic class and flow label have no ranges");
	flow = rte_be_to_cpu_32(spec->hdr.vtc_flow);
	flow_mask = rte_be_to_cpu_32(mask->hdr.vtc_flow);
	walk->mask->tos = (uint8_t)(flow_mask >> 20);
	walk->value->tos = (uint8_t)((flow & flow_mask) >> 20);
	flow_mask &= 0xfffff;
	flow = rte_cpu_to_be_32(flow & flow_mask);
	flow_mask = rte_cpu_to_be_32(flow_mask);
	memcpy(walk->mask->label, &flow_mask, 4);
	memcpy(walk->value->label, &flow, 4);
	return 0;
}

/** What the header before says must not contradict that this one is there. */
static int
check_next(struct walk *walk, const struct protocol *protocol)
{
	static const struct {
		enum rte_flow_item_type type;
		uint16_t number;
	} types[] = {
		{ RTE_FLOW_ITEM_TYPE_IPV4, RTE_ETHER_TYPE_IPV4 },
		{ RTE_FLOW_ITEM_TYPE_IPV6, RTE_ETHER_TYPE_IPV6 },
		{ RTE_FLOW_ITEM_TYPE_TCP, IPPROTO_TCP },
		{ RTE_FLOW_ITEM_TYPE_UDP, IPPROTO_UDP },
		{ RTE_FLOW_ITEM_TYPE_SCTP, IPPROTO_SCTP },
		{ RTE_FLOW_ITEM_TYPE_ICMP, IPPROTO_ICMP },
		{ RTE_FLOW_ITEM_TYPE_ICMP6, IPPROTO_ICMPV6 },
	};
	unsigned int i = 0;

	while (i < RTE_DIM(types) && types[i].type != protocol->type)
		i++;
	if (i == RTE_DIM(types))
		return 0;
	if (protocol->layer == LAYER_L3 && all_ones(walk->mask->eth_type, 2) &&
	    number(walk->value->eth_type, 2) != types[i].number)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM,
			"contradicts the Ethernet type before it");
	if (protocol->layer == LAYER_L4 && walk->mask->proto == 0xff &&
	    walk->value->proto != types[i].number)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM,
			"contradicts the IP protocol before it");
	return 0;
}

/* ---- Walk --------------------------------------------------------------------------------- */

static void
walk_inner(struct walk *walk, uint8_t tunnel)
{
	walk->pattern->mask.tunnel = 0xff;
	walk->pattern->value.tunnel = tunnel;
	walk->mask = &walk->pattern->mask.inner;
	walk->value = &walk->pattern->value.inner;
	walk->layer = LAYER_NONE;
	walk->tags = 0;
}

/** Whether an item may come here; IP behind IP is a tunnel. */
static int
walk_step(struct walk *walk, const struct protocol *protocol)
{
	bool inner = walk->mask == &walk->pattern->mask.inner;

	if (protocol->layer == LAYER_L3 && walk->layer == LAYER_L3 && !inner) {
		walk_inner(walk, RVR_RNA_FLOW_IPIP);
		inner = true;
	} else if (protocol->layer == LAYER_VLAN) {
		if (walk->layer > LAYER_VLAN || ++walk->tags > 2)
			return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "more than two VLAN tags");
	} else if (protocol->layer != LAYER_EXT && protocol->layer <= walk->layer) {
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "can't follow the items before it");
	}
	if (protocol->layer == LAYER_TUNNEL && inner)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "a tunnel in a tunnel");
	walk->layer = protocol->layer;
	return check_next(walk, protocol);
}

static int
walk_special(struct walk *walk, const struct protocol *protocol, const void *mask)
{
	const struct rte_flow_item *item = walk->item;

	if (protocol->type == RTE_FLOW_ITEM_TYPE_ETH)
		return item_eth(walk, item->spec, mask);
	else if (protocol->type == RTE_FLOW_ITEM_TYPE_VLAN)
		return item_vlan(walk, item->spec, mask);
	else if (protocol->type == RTE_FLOW_ITEM_TYPE_IPV6)
		return item_ipv6(walk, item->spec, mask);
	return 0;
}

static int
walk_fields(struct walk *walk, const struct protocol *protocol, const uint8_t *mask)
{
	const struct rte_flow_item *item = walk->item;
	unsigned int i;
	int ret;

	ret = check_mask(walk, protocol, mask);
	for (i = 0; i < FIELDS_MAX && protocol->fields[i].size > 0 && ret == 0; i++) {
		struct field field = protocol->fields[i];

		if (protocol->type == RTE_FLOW_ITEM_TYPE_VLAN && i == 0 && walk->tags > 1)
			field.to = L(vlan2_tci);
		ret = field_set(walk, &field, item->spec, item->last, mask);
	}
	return ret;
}

/** A tag must not be there, by the items before it. */
static int
check_tag(const struct walk *walk)
{
	uint8_t bit = walk->tags > 1 ? RVR_RNA_FLOW_L3_QINQ : RVR_RNA_FLOW_L3_VLAN;

	if ((walk->mask->l3 & bit & ~walk->value->l3) != 0)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "contradicts the item before it");
	return 0;
}

static int
walk_protocol(struct walk *walk, const struct protocol *protocol)
{
	const struct rte_flow_item *item = walk->item;
	const void *mask = item->mask != NULL ? item->mask : protocol->mask;
	int ret = walk_step(walk, protocol);

	if (ret == 0 && protocol->type == RTE_FLOW_ITEM_TYPE_VLAN)
		ret = check_tag(walk);
	set_bits(&walk->mask->l3, &walk->value->l3, protocol->l3, true);
	set_bits(&walk->mask->l4, &walk->value->l4, protocol->l4, true);
	if (ret == 0 && item->spec != NULL)
		ret = walk_fields(walk, protocol, mask);
	if (ret == 0)
		ret = walk_special(walk, protocol, mask);
	if (ret == 0 && protocol->layer == LAYER_TUNNEL)
		walk_inner(walk, protocol->tunnel);
	return ret;
}

/* ---- Items that aren't protocols ---------------------------------------------------------- */

static int
item_gre_key(struct walk *walk)
{
	const struct field field = { 0, 4, K(tunnel_id) };
	static const uint8_t full[4] = { 0xff, 0xff, 0xff, 0xff };

	if (walk->pattern->value.tunnel != RVR_RNA_FLOW_GRE)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "a GRE key without GRE");
	set_bits(&walk->pattern->mask.tunnel_flags, &walk->pattern->value.tunnel_flags, 0x20, true);
	if (walk->item->spec == NULL)
		return 0;
	return field_set(walk, &field, walk->item->spec, walk->item->last,
		walk->item->mask != NULL ? walk->item->mask : full);
}

static int
item_mark(struct walk *walk)
{
	const struct rte_flow_item_mark *spec = walk->item->spec;
	const struct rte_flow_item_mark *mask =
		walk->item->mask != NULL ? walk->item->mask : &rte_flow_item_mark_mask;

	walk->pattern->mask.marked = 0xff;
	walk->pattern->value.marked = 1;
	if (walk->item->last != NULL)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST, "marks have no ranges");
	if (spec != NULL) {
		walk->pattern->mask.mark = rvr_cpu_le32(mask->id);
		walk->pattern->value.mark = rvr_cpu_le32(spec->id & mask->id);
	}
	return 0;
}

/** All these items are a 32-bit or 16-bit ethdev number. */
static int
item_port(struct walk *walk, uint32_t port_id, bool represented)
{
	uint8_t origin = RVR_RNA_FLOW_HOST;
	int port;

	if (!walk->attr->transfer)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM, "only in transfer rules");
	if (walk->item->last != NULL)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_LAST, "ports have no ranges");
	port = represented ? revere_flow_represented(walk->net, port_id, &origin) :
			     revere_flow_port(walk->net, port_id);
	if (port < 0)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_SPEC,
			"isn't a port of the same adapter");
	walk->pattern->mask.port = rvr_cpu_le16(UINT16_MAX);
	walk->pattern->value.port = rvr_cpu_le16((uint16_t)port);
	walk->pattern->mask.origin = 0xff;
	walk->pattern->value.origin = origin;
	return 0;
}

static int
item_ethdev(struct walk *walk)
{
	const struct rte_flow_item_ethdev *ethdev = walk->item->spec;
	const struct rte_flow_item_port_id *id = walk->item->spec;

	if (walk->item->spec == NULL)
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, "a port is needed");
	if (walk->item->type == RTE_FLOW_ITEM_TYPE_PORT_ID)
		return item_port(walk, id->id, true);
	return item_port(walk, ethdev->port_id,
		walk->item->type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT);
}

static int
walk_item(struct walk *walk)
{
	const struct rte_flow_item *item = walk->item;
	unsigned int i;

	if (item->spec == NULL && (item->last != NULL || item->mask != NULL))
		return refuse(walk, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, "last or mask without spec");
	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_VOID:
		return 0;
	case RTE_FLOW_ITEM_TYPE_MARK:
		return item_mark(walk);
	case RTE_FLOW_ITEM_TYPE_GRE_KEY:
		return item_gre_key(walk);
	case RTE_FLOW_ITEM_TYPE_PORT_ID:
	case RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
		return item_ethdev(walk);
	default:
		break;
	}
	for (i = 0; i < RTE_DIM(protocols); i++)
		if (protocols[i].type == item->type)
			return walk_protocol(walk, &protocols[i]);
	return rte_flow_error_set(walk->error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, item,
		"the adapter can't match on this item");
}

int
revere_flow_items(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, struct revere_flow_pattern *pattern,
	struct rte_flow_error *error)
{
	struct walk walk = {
		.net = net,
		.attr = attr,
		.pattern = pattern,
		.mask = &pattern->mask.outer,
		.value = &pattern->value.outer,
		.error = error,
	};
	int ret = 0;

	memset(pattern, 0, sizeof(*pattern));
	if (items == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_NUM, NULL,
			"no pattern");
	for (; items->type != RTE_FLOW_ITEM_TYPE_END && ret == 0; items++) {
		walk.item = items;
		ret = walk_item(&walk);
	}
	return ret;
}
