/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Ports: they come and go, their settings, link and events.
 */

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "rx.h"
#include "steer.h"

#define PORT_MAX_FRAME_DEFAULT 1518

static const struct rna_backend *const backends[] = {
	&rna_backend_loop,
	&rna_backend_null,
	&rna_backend_pair,
	&rna_backend_pcap,
	&rna_backend_af_packet,
	&rna_backend_tap,
	&rna_backend_virtual,
	&rna_backend_representor,
};

/* ---- State -------------------------------------------------------------------------------- */

static struct rna_port *
port_faces(struct rna_port *port)
{
	return port->backend->faces != NULL ? port->backend->faces(port) : NULL;
}

/** Whether neither address nor rule can keep a unicast packet from the queue that RSS names. */
static bool
port_parses_all(const struct rna_port *port)
{
	return port->promisc && !port->steer->vlan_filter && port->steer->vmdq.pools == 0 &&
	       !port->flow_rx;
}

/** The queue that gets every unicast packet, if there is no need to look into packets. */
static struct rna_queue *
port_only_queue(const struct rna_port *port)
{
	struct rna_queue *q = port->queue[0];

	if (!port->parses_all || port->ptypes || port->rx_offloads || port->rss->types != 0)
		return NULL;
	return q != NULL && q->rx_started ? q : NULL;
}

/** Whether what queues send may stay in the port, or meets rules. */
static bool
port_looks_inside(const struct rna_port *port)
{
	return port->flow_tx || (port->steer->vmdq.accept & RVR_RNA_POOL_LOOPBACK);
}

static bool
port_has_rx_offloads(const struct rna_port *port)
{
	unsigned int i;

	for (i = 0; i < port->rna->max_queues; i++)
		if (port->queue[i] != NULL && port->queue[i]->offloads != 0)
			return true;
	return false;
}

static void
port_refresh_one(struct rna_port *port)
{
	bool carrier = port->backend->carrier == NULL || port->backend->carrier(port);
	bool link_up = port->admin_up && carrier;

	if (link_up != port->link_up && port->owner != NULL) {
		port->event_pending = true;
		port->rna->events_pending = true;
		aha_poll_soon(port->owner);
	}
	port->link_up = link_up;
	port->rx_max = port->enabled && link_up ? port->max_frame : 0;
	port->rx_offloads = port_has_rx_offloads(port);
	rna_flow_paths(port, &port->flow_rx, &port->flow_tx);
	port->parses_all = port_parses_all(port);
	port->only = port_only_queue(port);
	port->to = port->enabled && link_up && !port_looks_inside(port) ? port_faces(port) : NULL;
}

void
rna_port_refresh(struct rna_port *port)
{
	struct rna_port *peer = port_faces(port);

	port_refresh_one(port);
	if (peer != NULL && peer != port)
		port_refresh_one(peer);
}

uint32_t
rna_port_flags(const struct rna_port *port)
{
	return (port->link_up ? RVR_RNA_PORT_LINK_UP : 0) |
	       (port->promisc ? RVR_RNA_PORT_PROMISC : 0) |
	       (port->allmulti ? RVR_RNA_PORT_ALLMULTI : 0) |
	       (port->enabled ? RVR_RNA_PORT_ENABLED : 0) |
	       (port->ptypes ? RVR_RNA_PORT_PTYPES : 0);
}

unsigned int
rna_port_of_function(const struct rna *rna, unsigned int function, bool *only)
{
	unsigned int i;

	*only = false;
	for (i = 0; i < rna->num_ports && function > 0; i++) {
		const struct rna_port *port = rna->port[i];

		*only = port != NULL && rna_port_kind(port) == RVR_RNA_KIND_VIRTUAL &&
			port->virtual_number == function - 1;
		if (*only)
			return i;
	}
	return 0;
}

bool
rna_port_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct rna_port *faces = port_faces(port);

	if (!port->enabled || !port->link_up)
		return false;
	if (faces != NULL) {
		rna_deliver(faces, data, len);
		return true;
	}
	return port->backend->send != NULL && port->backend->send(port, data, len);
}

bool
rna_port_send_slow(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	if (rna_vmdq_loopback(port, data, len))
		return true;
	if (port->flow_tx ? rna_flow_send(port, data, len) : rna_port_send(port, data, len))
		return true;
	port->stats.tx_dropped++;
	return false;
}

static void
port_release_queues(struct rna_port *port)
{
	unsigned int i;

	for (i = 0; i < port->rna->max_queues; i++)
		if (port->queue[i] != NULL)
			rna_queue_release(port->queue[i]);
}

void
rna_port_reset(struct rna_port *port)
{
	port_release_queues(port);
	port->promisc = false;
	port->allmulti = false;
	port->ptypes = true;
	port->enabled = false;
	port->admin_up = true;
	port->max_frame = PORT_MAX_FRAME_DEFAULT;
	memcpy(port->mac, port->mac_permanent, sizeof(port->mac));
	rna_rss_init(port->rss);
	rna_steer_reset(port);
	rna_flow_port_free(port);
	rna_stats_reset(port);
	port->clock_offset = 0;
	port->tx_timestamp_valid = false;
	port->owner = NULL;
	port->event_pending = false;
	rna_port_refresh(port);
}

/* ---- Events ------------------------------------------------------------------------------- */

static bool
event_send(struct rna_port *port)
{
	struct asn *asn = port->owner == NULL ? NULL : port->owner->tx[RVR_RNA_TX_EVENTS];
	struct rvr_rna_event event = {
		.opcode = rvr_cpu_le16(RVR_RNA_OP_EVENT),
		.port = rvr_cpu_le16(port->id),
		.flags = rvr_cpu_le32(rna_port_flags(port)),
	};
	uint8_t *msg = asn == NULL ? NULL : asn_slot(asn);

	/* A channel that comes and goes: it listens later. */
	if (port->owner != NULL && port->owner->keeps &&
	    port->owner->tx[RVR_RNA_TX_CONTROL] == NULL) {
		aha_call(port->owner);
		return false;
	}
	if (msg == NULL)
		return asn == NULL; /* nobody listens: it is done with */
	memcpy(msg, &event, sizeof(event));
	asn_commit(asn);
	return true;
}

bool
rna_events_send(struct rna *rna)
{
	bool sent = false;
	unsigned int i;

	rna->events_pending = false;
	for (i = 0; i < rna->num_ports; i++) {
		struct rna_port *port = rna->port[i];

		if (port == NULL || !port->event_pending)
			continue;
		port->event_pending = !event_send(port);
		if (port->event_pending)
			rna->events_pending = true;
		else
			sent = true;
	}
	return sent;
}

/* ---- Coming and going: within a pause ----------------------------------------------------- */

/** Backend of a description "name" or "name=ARG"; *arg is set to ARG or NULL. */
static const struct rna_backend *
backend_find(const char *text, const char **arg)
{
	size_t len = strcspn(text, "=");
	unsigned int i;

	*arg = text[len] == '=' ? text + len + 1 : NULL;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		const struct rna_backend *backend = backends[i];

		if (strlen(backend->name) != len || strncmp(backend->name, text, len) != 0)
			continue;
		if (backend->wants_arg != (*arg != NULL) || (*arg != NULL && **arg == '\0'))
			return NULL;
		return backend;
	}
	return NULL;
}

static int
port_set_mac(struct rna_port *port, const uint8_t *mac)
{
	if (mac != NULL) {
		memcpy(port->mac_permanent, mac, 6);
		return 0;
	}
	if (getrandom(port->mac_permanent, 6, 0) != 6)
		return -EIO;
	port->mac_permanent[0] = (uint8_t)((port->mac_permanent[0] & 0xfc) | 0x02);
	return 0;
}

static void
port_free(struct rna_port *port)
{
	free(port->queue);
	free(port->past);
	free(port->rss);
	rna_steer_free(port->steer);
	free(port);
}

static struct rna_port *
port_alloc(struct rna *rna, unsigned int id)
{
	struct rna_port *port = rna_zalloc(sizeof(*port));

	if (port == NULL)
		return NULL;
	port->rna = rna;
	port->id = (uint16_t)id;
	port->queue = calloc(rna->max_queues, sizeof(port->queue[0]));
	port->past = calloc(rna->max_queues, sizeof(port->past[0]));
	port->rss = malloc(sizeof(*port->rss));
	port->steer = rna_steer_new(rna->max_queues);
	if (port->queue == NULL || port->past == NULL || port->rss == NULL ||
	    port->steer == NULL) {
		port_free(port);
		return NULL;
	}
	return port;
}

static int
port_add(struct rna *rna, unsigned int id, const char *text, const uint8_t *mac, char *error,
	size_t error_size)
{
	const struct rna_backend *backend;
	struct rna_port *port;
	const char *arg;
	int ret;

	backend = backend_find(text, &arg);
	if (backend == NULL) {
		snprintf(error, error_size,
			"backend \"%s\" is none of loop, null, pair=NAME, "
			"tap=INTERFACE, af_packet=INTERFACE, pcap=PARTS, virtual=NUMBER, "
			"representor=NUMBER", text);
		return -EINVAL;
	}
	if (mac != NULL && (mac[0] & 1) != 0) {
		snprintf(error, error_size, "a port's MAC address can't be a multicast one");
		return -EINVAL;
	}
	port = port_alloc(rna, id);
	if (port == NULL) {
		snprintf(error, error_size, "no memory for a port");
		return -ENOMEM;
	}
	port->backend = backend;
	snprintf(port->backend_name, sizeof(port->backend_name), "%s", text);
	ret = port_set_mac(port, mac);
	if (ret != 0)
		snprintf(error, error_size, "no random number for a MAC address");
	if (ret == 0 && backend->add != NULL)
		ret = backend->add(port, arg, error, error_size);
	if (ret != 0) {
		port_free(port);
		return ret;
	}
	rna->port[id] = port;
	if (id >= rna->num_ports)
		rna->num_ports = id + 1;
	rna_port_reset(port);
	return (int)id;
}

int
rna_port_add(struct aha *aha, const char *backend, const uint8_t mac[6], char *error,
	size_t error_size)
{
	struct rna *rna = aha->priv;
	char unused[1];
	unsigned int i;

	if (error == NULL) {
		error = unused;
		error_size = sizeof(unused);
	}
	for (i = 0; i < RNA_PORTS_MAX; i++)
		if (rna->port[i] == NULL)
			return port_add(rna, i, backend, mac, error, error_size);
	snprintf(error, error_size, "all %d ports of the adapter are there already",
		RNA_PORTS_MAX);
	return -ENOSPC;
}

int
rna_port_remove(struct aha *aha, unsigned int id)
{
	struct rna *rna = aha->priv;
	struct rna_port *port, *peer;

	if (id >= RNA_PORTS_MAX || rna->port[id] == NULL)
		return -ENOENT;
	port = rna->port[id];
	port_release_queues(port);
	peer = port_faces(port);
	rna->port[id] = NULL;
	if (port->backend->del != NULL)
		port->backend->del(port);
	rna_flow_port_free(port);
	if (peer != NULL && peer != port)
		rna_port_refresh(peer);
	port_free(port);
	return 0;
}
