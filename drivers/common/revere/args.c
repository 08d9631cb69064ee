/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Devargs: what may be given, numbers, and the backend of a network port. */

#include <stdio.h>

#include "common_private.h"

bool
args_in_list(const char *const *list, const char *key)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, key) == 0)
			return true;
	return false;
}

void
args_append_list(char *text, size_t size, const char *const *list)
{
	size_t used = strlen(text);

	for (; list != NULL && *list != NULL && used < size; list++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
			*list);
}

int
args_check(const char *name, const struct rte_kvargs *args, key_known_fn known,
	const void *arg, const char *keys)
{
	const struct rte_kvargs_pair *pair;
	unsigned int i;

	for (i = 0; i < args->count; i++) {
		pair = &args->pairs[i];
		if (!known(pair->key, arg)) {
			COMMON_LOG(ERR, name, "unknown devarg %s%s%s, known are: %s", pair->key,
				pair->value == NULL ? "" : "=",
				pair->value == NULL ? "" : pair->value, keys);
			return -EINVAL;
		}
		/* Empty values are NULL or "", releases differ. */
		if (pair->value == NULL || pair->value[0] == '\0') {
			COMMON_LOG(ERR, name, "devarg %s has no value", pair->key);
			return -EINVAL;
		}
		if (rte_kvargs_count(args, pair->key) > 1) {
			COMMON_LOG(ERR, name, "devarg %s=%s: given more than once", pair->key,
				pair->value);
			return -EINVAL;
		}
	}
	return 0;
}

static const char *
get(const struct rte_kvargs *args, const char *key)
{
	return rte_kvargs_count(args, key) == 0 ? NULL : rte_kvargs_get(args, key);
}

int
revere_arg_uint(const struct rte_kvargs *args, const char *key, uint64_t min, uint64_t max,
	uint64_t *value)
{
	const char *text = get(args, key);
	unsigned long long number;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	number = strtoull(text, &end, 0);
	/* strtoull() takes signs and spaces, too. */
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
		number > max) {
		COMMON_LOG(ERR, "devargs", "%s=%s: a number from %" PRIu64 " to %" PRIu64
			" is needed", key, text, min, max);
		return -EINVAL;
	}
	*value = number;
	return 0;
}

int
args_dev_conf(const struct rte_kvargs *args, struct revere_dev_conf *conf)
{
	uint64_t timeout_ms = 0; /* the library's preset */
	int ret = revere_arg_uint(args, ARG_COMMAND_TIMEOUT, 1, 60000, &timeout_ms);

	conf->timeout_ms = (uint32_t)timeout_ms;
	return ret;
}

/* ---- Network ports -------------------------------------------------------------------------- */

#define PCAP "pcap"

/* Keys that name a backend of the port, and what it needs. */
static const char *const port_wires[] = { "pair", "tap", "af_packet", "virtual" };
static const char *const port_pcap[] = { "pcap_in", "pcap_out", "pcap_rate" };

const char *const args_port_keys[] = { "backend", "pair", "tap", "af_packet", "pcap_in", "pcap_out",
	"pcap_rate", "pcap_infinite", "virtual", "mac", NULL };

static int
port_mac(const char *name, const char *text, struct port_args *port)
{
	if (text == NULL)
		return 0;
	if (rte_ether_unformat_addr(text, &port->mac) != 0 ||
		!rte_is_valid_assigned_ether_addr(&port->mac)) {
		COMMON_LOG(ERR, name, "mac=%s: a unicast address like 02:00:00:00:00:01 is needed",
			text);
		return -EINVAL;
	}
	port->has_mac = true;
	return 0;
}

/** Adds "key=value" to the port's backend, or "key" alone. */
static int
backend_add(const char *name, struct port_args *port, const char *key, const char *value,
	const char *end)
{
	size_t have = strlen(port->backend);
	int length = snprintf(port->backend + have, sizeof(port->backend) - have, "%s%s%s%s", key,
		value == NULL ? "" : "=", value == NULL ? "" : value, end);

	if (length >= 0 && (size_t)length < sizeof(port->backend) - have)
		return 0;
	COMMON_LOG(ERR, name, "%.40s... is longer than %d characters", port->backend,
		BACKEND_MAX - 1);
	return -EINVAL;
}

/* "backend=pair,pair=NAME" says it twice, "backend=loop,pair=NAME" contradicts itself. */
static int
backend_choose(const char *name, const char *backend, const char **chosen, const char *key,
	const char *value)
{
	if (backend != NULL && strcmp(backend, key) != 0) {
		COMMON_LOG(ERR, name, "%s=%s contradicts backend=%s", key, value, backend);
		return -EINVAL;
	}
	if (*chosen != NULL && strcmp(*chosen, key) != 0) {
		COMMON_LOG(ERR, name, "%s and %s=%s: only one is possible", *chosen, key, value);
		return -EINVAL;
	}
	*chosen = key;
	return 0;
}

/** A backend that files make: its parts in one argument. */
static int
backend_pcap(const char *name, const struct rte_kvargs *args, struct port_args *port)
{
	uint64_t infinite = 0;
	unsigned int i;
	int ret = revere_arg_uint(args, "pcap_infinite", 0, 1, &infinite);

	if (ret == 0)
		ret = backend_add(name, port, PCAP, infinite ? "infinite" : "", ";");
	for (i = 0; i < RTE_DIM(port_pcap) && ret == 0; i++) {
		const char *value = get(args, port_pcap[i]);

		if (value != NULL && strchr(value, ';') != NULL) {
			COMMON_LOG(ERR, name, "%s=%s: there must be no ; in it", port_pcap[i],
				value);
			return -EINVAL;
		}
		if (value != NULL)
			ret = backend_add(name, port, port_pcap[i] + strlen(PCAP "_"), value, ";");
	}
	return ret;
}

static int
backend_plain(const char *name, const char *backend, struct port_args *port)
{
	if (backend == NULL)
		backend = "loop";
	if (strcmp(backend, "loop") == 0 || strcmp(backend, "null") == 0)
		return backend_add(name, port, backend, NULL, "");
	COMMON_LOG(ERR, name, "backend=%s: loop, null, pair (with pair=NAME), tap (with "
		"tap=INTERFACE), af_packet (with af_packet=INTERFACE), virtual (with "
		"virtual=NUMBER) or pcap (with pcap_in=FILE, pcap_out=FILE) is needed", backend);
	return -EINVAL;
}

int
args_port(const char *name, const struct rte_kvargs *args, struct port_args *port)
{
	const char *backend = get(args, "backend"), *chosen = NULL, *value = NULL;
	unsigned int i;
	int ret;

	port->pair = get(args, "pair");
	port->backend[0] = '\0';
	ret = port_mac(name, get(args, "mac"), port);
	for (i = 0; i < RTE_DIM(port_wires) && ret == 0; i++) {
		if (get(args, port_wires[i]) == NULL)
			continue;
		value = get(args, port_wires[i]);
		ret = backend_choose(name, backend, &chosen, port_wires[i], value);
	}
	for (i = 0; i < RTE_DIM(port_pcap) && ret == 0; i++)
		if (get(args, port_pcap[i]) != NULL)
			ret = backend_choose(name, backend, &chosen, PCAP,
				get(args, port_pcap[i]));
	if (ret < 0)
		return ret;
	if (chosen == NULL)
		return backend_plain(name, backend, port);
	if (strcmp(chosen, PCAP) == 0)
		return backend_pcap(name, args, port);
	return backend_add(name, port, chosen, value, "");
}

int
args_port_number(const struct rte_kvargs *args, int *port)
{
	uint64_t number;
	int ret;

	if (get(args, ARG_PORT) == NULL)
		return 0;
	ret = revere_arg_uint(args, ARG_PORT, 0, UINT16_MAX, &number);
	if (ret == 0)
		*port = (int)number;
	return ret;
}
