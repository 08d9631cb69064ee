/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backend `pair`: two ports of one device with the same NAME face each other, as if a cable were
 * between them. The link is down until the second one is there.
 */

#include <errno.h>
#include <stdio.h>

#include "rna.h"

/** port->wire is the peer, or NULL. */
static struct rna_port *
pair_faces(struct rna_port *port)
{
	return port->wire;
}

static bool
pair_carrier(const struct rna_port *port)
{
	const struct rna_port *peer = port->wire;

	return peer != NULL && peer->admin_up;
}

static int
pair_add(struct rna_port *port, const char *arg, char *error, size_t error_size)
{
	unsigned int i;

	if (strlen(port->backend->name) + 1 + strlen(arg) >= sizeof(port->backend_name)) {
		snprintf(error, error_size, "name of pair \"%s\" is longer than %zu characters",
			arg, sizeof(port->backend_name) - sizeof("pair="));
		return -EINVAL;
	}
	for (i = 0; i < port->rna->num_ports; i++) {
		struct rna_port *other = port->rna->port[i];

		if (other == NULL || strcmp(other->backend_name, port->backend_name) != 0)
			continue;
		if (other->wire != NULL) {
			snprintf(error, error_size, "pair \"%s\" has both its ports already", arg);
			return -EEXIST;
		}
		other->wire = port;
		port->wire = other;
		return 0;
	}
	return 0;
}

static void
pair_del(struct rna_port *port)
{
	struct rna_port *peer = port->wire;

	if (peer != NULL)
		peer->wire = NULL;
}

const struct rna_backend rna_backend_pair = {
	.name = "pair",
	.wants_arg = true,
	.add = pair_add,
	.del = pair_del,
	.carrier = pair_carrier,
	.faces = pair_faces,
};
