/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backends without a wire: what is sent comes back, or vanishes.
 */

#include "rna.h"

static struct rna_port *
loop_faces(struct rna_port *port)
{
	return port;
}

const struct rna_backend rna_backend_loop = {
	.name = "loop",
	.faces = loop_faces,
};

static bool
null_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	(void)port;
	(void)data;
	(void)len;
	return true;
}

const struct rna_backend rna_backend_null = {
	.name = "null",
	.send = null_send,
};
