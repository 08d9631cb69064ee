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

/* ---- Network ports -------------------------------------------------------------------------- */

const char *const args_port_keys[] = { "backend", "pair", "tap", "mac", NULL };

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

/* "backend=pair,pair=NAME" says it twice, "backend=loop,pair=NAME" contradicts itself. */
static int
port_fits(const char *name, const char *backend, const char *key, const char *value)
{
	if (backend == NULL || strcmp(backend, key) == 0)
		return 0;
	COMMON_LOG(ERR, name, "%s=%s contradicts backend=%s", key, value, backend);
	return -EINVAL;
}

static int
port_backend(const char *name, const char *backend, const char *tap, struct port_args *port)
{
	int length;

	if (port->pair != NULL && tap != NULL) {
		COMMON_LOG(ERR, name, "pair=%s and tap=%s: only one is possible", port->pair, tap);
		return -EINVAL;
	}
	if (port->pair != NULL) {
		length = snprintf(port->backend, sizeof(port->backend), "pair=%s", port->pair);
	} else if (tap != NULL) {
		length = snprintf(port->backend, sizeof(port->backend), "tap=%s", tap);
	} else if (backend == NULL || strcmp(backend, "loop") == 0 ||
		strcmp(backend, "null") == 0) {
		length = snprintf(port->backend, sizeof(port->backend), "%s",
			backend == NULL ? "loop" : backend);
	} else {
		COMMON_LOG(ERR, name, "backend=%s: loop, null, pair (with pair=NAME) or tap "
			"(with tap=INTERFACE) is needed", backend);
		return -EINVAL;
	}
	if (length < (int)sizeof(port->backend))
		return 0;
	COMMON_LOG(ERR, name, "%s... is longer than %d characters", port->backend, BACKEND_MAX - 1);
	return -EINVAL;
}

int
args_port(const char *name, const struct rte_kvargs *args, struct port_args *port)
{
	const char *backend = get(args, "backend");
	const char *tap = get(args, "tap");
	int ret;

	port->pair = get(args, "pair");
	ret = port_mac(name, get(args, "mac"), port);
	if (ret == 0 && port->pair != NULL)
		ret = port_fits(name, backend, "pair", port->pair);
	if (ret == 0 && tap != NULL)
		ret = port_fits(name, backend, "tap", tap);
	return ret < 0 ? ret : port_backend(name, backend, tap, port);
}
