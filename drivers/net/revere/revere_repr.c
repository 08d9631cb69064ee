/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Representors: ports of the PF, one for each virtual port that devarg representor= names. What a
 * virtual port's host sends and no transfer rule takes is received from its representor, and what
 * is sent by the representor arrives at the virtual port.
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_string_fns.h>

#include "revere_net.h"
#include "rvr_rna_flow.h"

/* ---- Devarg ------------------------------------------------------------------------------- */

static bool
repr_in_range(const struct rte_eth_devargs *args)
{
	uint16_t i;

	for (i = 0; i < args->nb_representor_ports; i++)
		if (args->representor_ports[i] >= REVERE_NET_VIRTUAL_MAX)
			return false;
	return true;
}

static int
repr_parse(const struct revere_net *net, const char *text, struct rte_eth_devargs *args)
{
	char devargs[256];
	int ret;

	snprintf(devargs, sizeof(devargs), REVERE_NET_ARG_REPRESENTOR "=%s", text);
	memset(args, 0, sizeof(*args));
	ret = revere_eth_devargs_parse(devargs, args);
	if (ret == 0 && args->type == RTE_ETH_REPRESENTOR_VF && args->nb_mh_controllers == 0 &&
	    args->nb_ports == 0 && args->nb_representor_ports > 0 && repr_in_range(args))
		return 0;
	REVERE_NET_LOG(ERR, net, REVERE_NET_ARG_REPRESENTOR
		"=%s: numbers of virtual ports are needed, like 0, [0-3] or vf[0,2], below %u",
		text, REVERE_NET_VIRTUAL_MAX);
	return -EINVAL;
}

/* ---- Ports of the agent ------------------------------------------------------------------- */

/** The port that represents a virtual one, among those that the agent has. */
static int
port_find(struct revere_net *net, uint16_t number)
{
	struct rvr_rna_port_info info;
	uint16_t port, left = net->limits.ports;

	for (port = 0; left > 0 && port < UINT8_MAX; port++) {
		if (revere_net_port_info_of(net, port, &info) < 0)
			continue;
		left--;
		if (info.kind == RVR_RNA_KIND_REPRESENTOR && info.number == number)
			return port;
	}
	REVERE_NET_LOG(ERR, net, "the agent has no port that represents virtual port %u", number);
	return -ENODEV;
}

/** A device of this process's own gets its ports from here. */
static int
port_get(struct revere_net *net, uint16_t number, bool *made)
{
	char backend[32];
	int ret;

	snprintf(backend, sizeof(backend), "representor=%u", number);
	ret = revere_device_port_add(net->device, net->name, backend);
	*made = ret >= 0;
	return ret == -ENOTSUP ? port_find(net, number) : ret;
}

static int
repr_make(struct rte_eth_dev *pf, const struct revere_probe *probe, uint16_t number)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct revere_net *net = pf->data->dev_private;
	struct revere_net_repr repr = {
		.number = number,
		.backer = pf->data->port_id,
		.domain = net->repr.domain,
	};
	struct revere_probe own = *probe;
	int ret;

	rte_strscpy(repr.switch_name, net->repr.switch_name, sizeof(repr.switch_name));
	snprintf(name, sizeof(name), REVERE_NET_REPR_NAME "%u", net->name, number);
	ret = port_get(net, number, &repr.made);
	if (ret < 0)
		return ret;
	own.name = name;
	own.rna_port = ret;
	revere_device_ref(probe->device);
	ret = revere_net_port_make(&own, &repr);
	if (ret == 0) {
		net->repr.numbers[number / 64] |= UINT64_C(1) << number % 64;
		return 0;
	}
	if (repr.made)
		revere_device_port_remove(net->device, (unsigned int)own.rna_port);
	revere_device_put(probe->device);
	return ret;
}

int
revere_net_representors_make(struct rte_eth_dev *pf, const struct revere_probe *probe)
{
	struct revere_net *net = pf->data->dev_private;
	struct rte_eth_devargs args;
	const char *text;
	uint16_t i;
	int ret;

	if (rte_kvargs_count(probe->args, REVERE_NET_ARG_REPRESENTOR) == 0)
		return 0;
	text = rte_kvargs_get(probe->args, REVERE_NET_ARG_REPRESENTOR);
	ret = repr_parse(net, text, &args);
	if (ret == 0 && net->limits.kind != RVR_RNA_KIND_UPLINK) {
		REVERE_NET_LOG(ERR, net, REVERE_NET_ARG_REPRESENTOR
			"=%s: only of a port with a wire", text);
		ret = -EINVAL;
	}
	if (ret == 0)
		ret = rte_eth_switch_domain_alloc(&net->repr.domain);
	rte_strscpy(net->repr.switch_name, revere_dev_name(net->dev),
		sizeof(net->repr.switch_name));
	for (i = 0; i < args.nb_representor_ports && ret == 0; i++)
		ret = repr_make(pf, probe, args.representor_ports[i]);
	return ret;
}

void
revere_net_representors_close(const struct rte_device *rte_dev)
{
	uint16_t port_id;

	RTE_ETH_FOREACH_DEV_OF(port_id, rte_dev)
		if (rte_eth_devices[port_id].data->dev_flags & RTE_ETH_DEV_REPRESENTOR)
			rte_eth_dev_close(port_id);
}

void
revere_net_repr_info(const struct revere_net *net, struct rte_eth_dev_info *info)
{
	if (net->repr.domain == RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		return;
	info->switch_info.name = net->repr.switch_name;
	info->switch_info.domain_id = net->repr.domain;
	info->switch_info.port_id = net->port;
}

/* ---- What is represented ------------------------------------------------------------------ */

int
revere_net_represented(struct revere_net *net, uint8_t *side)
{
	struct rvr_rna_port_info info;
	int ret;

	*side = RVR_RNA_FLOW_WIRE;
	if (net->limits.kind != RVR_RNA_KIND_REPRESENTOR)
		return net->port;
	ret = revere_net_port_info_of(net, net->port, &info);
	if (ret < 0)
		return ret;
	*side = RVR_RNA_FLOW_HOST;
	return rvr_le16_cpu(info.faces) == RVR_RNA_NO_PORT ? -ENODEV : rvr_le16_cpu(info.faces);
}
