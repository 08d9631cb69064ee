/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backends `virtual` and `representor`: a virtual port is behind the adapter's switch, not behind
 * a wire. What its host sends, and no transfer rule takes, arrives at the host of its representor,
 * and the other way round. virtual=N and representor=N belong together; the link of both is down
 * until both are there.
 */

#include <errno.h>
#include <stdio.h>

#include "rna.h"

/** port->wire is the other one, or NULL. */
static struct rna_port *
virtual_faces(struct rna_port *port)
{
	return port->wire;
}

static bool
virtual_carrier(const struct rna_port *port)
{
	const struct rna_port *other = port->wire;

	return other != NULL && other->admin_up;
}

static int
parse_number(const char *arg, uint16_t *number, char *error, size_t error_size)
{
	unsigned long value;
	char *end;

	value = strtoul(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || value >= RNA_PORTS_MAX) {
		snprintf(error, error_size, "virtual port \"%.20s\": a number below %d is needed",
			arg, RNA_PORTS_MAX);
		return -EINVAL;
	}
	*number = (uint16_t)value;
	return 0;
}

static int
virtual_add(struct rna_port *port, const char *arg, char *error, size_t error_size)
{
	int ret = parse_number(arg, &port->virtual_number, error, error_size);
	unsigned int i;

	if (ret != 0)
		return ret;
	for (i = 0; i < port->rna->num_ports; i++) {
		struct rna_port *other = port->rna->port[i];

		if (other == NULL || rna_port_kind(other) == RVR_RNA_KIND_UPLINK ||
		    other->virtual_number != port->virtual_number)
			continue;
		if (other->backend == port->backend) {
			snprintf(error, error_size, "%s port %u is there already",
				port->backend->name, port->virtual_number);
			return -EEXIST;
		}
		other->wire = port;
		port->wire = other;
	}
	return 0;
}

static void
virtual_del(struct rna_port *port)
{
	struct rna_port *other = port->wire;

	if (other != NULL)
		other->wire = NULL;
}

const struct rna_backend rna_backend_virtual = {
	.name = "virtual",
	.kind = RVR_RNA_KIND_VIRTUAL,
	.wants_arg = true,
	.add = virtual_add,
	.del = virtual_del,
	.carrier = virtual_carrier,
	.faces = virtual_faces,
};

const struct rna_backend rna_backend_representor = {
	.name = "representor",
	.kind = RVR_RNA_KIND_REPRESENTOR,
	.wants_arg = true,
	.add = virtual_add,
	.del = virtual_del,
	.carrier = virtual_carrier,
	.faces = virtual_faces,
};
