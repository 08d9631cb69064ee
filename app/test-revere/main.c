/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * dpdk-test-revere: EAL's arguments, --, a command and its arguments.
 */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "revere_common.h"
#include "test_revere.h"

/** A command. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
};

static const struct command commands[] = {
	{ "info", cmd_info, "what the device is: registers, limits, agents, contexts, sessions" },
	{ "conformance", cmd_conformance, "does the device what the specification says?" },
	{ "perf", cmd_perf, "perf dma, perf net, perf vhost: rates" },
	{ "contexts", cmd_contexts, "many idle contexts beside a busy one" },
	{ "processes", cmd_processes, "one dmadev in two processes" },
	{ "rx-intr", cmd_rx_intr, "sleep until packets come" },
	{ "selftest", cmd_selftest, "the raw driver, by rawdev's functions" },
	{ "traffic", cmd_traffic, "packets with numbers and checksums between two ports" },
};

/* ---- Devices ------------------------------------------------------------------------------- */

int
test_device_find(const char *name, struct test_device *device)
{
	device->handle = revere_device_find(name);
	if (device->handle == NULL) {
		fprintf(stderr, "%s%s: no such Revere device; try --vdev=raw_revere0\n",
			name == NULL ? "" : "--device ", name == NULL ? "dpdk-test-revere" : name);
		return -ENODEV;
	}
	device->name = revere_device_user(device->handle);
	device->dev = revere_device_dev(device->handle);
	device->transport = revere_dev_transport(device->dev);
	return 0;
}

int
test_device_take(const char *name, struct test_device *device)
{
	int ret = test_device_find(name, device);

	if (ret != 0)
		return ret;
	device->dev = NULL;
	ret = revere_device_take(device->handle, &device->transport);
	if (ret != 0)
		revere_device_put(device->handle);
	return ret;
}

void
test_device_give_back(struct test_device *device)
{
	revere_device_put(device->handle);
	device->handle = NULL;
}

/* ---- Options ------------------------------------------------------------------------------- */

static int
number_parse(const char *option, const char *text, char **end, uint64_t min, uint64_t max,
	     uint64_t *value)
{
	errno = 0;
	*value = strtoull(text, end, 0);
	if (*end != text && text[0] != '-' && errno == 0 && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "%s %s: a number from %llu to %llu is needed\n", option, text,
		(unsigned long long)min, (unsigned long long)max);
	return -EINVAL;
}

int
test_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;
	int ret = number_parse(option, text, &end, min, max, value);

	if (ret == 0 && *end != '\0') {
		fprintf(stderr, "%s %s: '%s' is no number\n", option, text, end);
		ret = -EINVAL;
	}
	return ret;
}

int
test_numbers(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *values,
	     unsigned int size)
{
	unsigned int n = 0;
	char *end;

	do {
		if (n == size) {
			fprintf(stderr, "%s: at most %u values\n", option, size);
			return -1;
		}
		if (number_parse(option, text, &end, min, max, &values[n++]) != 0)
			return -1;
		text = end + 1;
	} while (*end == ',');
	if (*end == '\0')
		return (int)n;
	fprintf(stderr, "%s: '%s' is no number\n", option, end);
	return -1;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static FILE *json;
static bool json_first;

/** Stdout for JSON alone: what else is printed goes to stderr from now on. */
static FILE *
json_stdout(void)
{
	int fd = dup(STDOUT_FILENO);

	fflush(stdout);
	return fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? NULL : fdopen(fd, "w");
}

int
test_json_open(const char *file)
{
	if (file == NULL)
		return 0;
	json = strcmp(file, "-") == 0 ? json_stdout() : fopen(file, "w");
	if (json == NULL) {
		fprintf(stderr, "--json %s: %s\n", file, strerror(errno));
		return -errno;
	}
	json_first = true;
	fprintf(json, "{\"results\": [");
	return 0;
}

void
test_json_row(const char *format, ...)
{
	char members[2048];
	va_list ap;

	if (json == NULL)
		return;
	va_start(ap, format);
	vsnprintf(members, sizeof(members), format, ap);
	va_end(ap);
	fprintf(json, "%s\n\t{%s}", json_first ? "" : ",", members);
	json_first = false;
}

void
test_json_close(void)
{
	if (json == NULL)
		return;
	fprintf(json, "\n]}\n");
	fclose(json);
	json = NULL;
}

/* ---- Commands ------------------------------------------------------------------------------ */

int
cmd_perf(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "dma") == 0)
		return cmd_perf_dma(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "net") == 0)
		return cmd_perf_net(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "vhost") == 0)
		return cmd_perf_vhost(argc - 1, argv + 1);
	fprintf(stderr, "perf: dma, net or vhost is needed\n");
	return EXIT_FAILURE;
}

static void
usage(void)
{
	unsigned int i;

	printf("usage: dpdk-test-revere [EAL OPTIONS] -- COMMAND [OPTIONS]\n");
	for (i = 0; i < RTE_DIM(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].text);
	printf("COMMAND --help tells its options.\n");
}

static int
command_run(int argc, char **argv)
{
	unsigned int i;

	/* EAL leaves "--" in front, or its own argv[0] if nothing was given. */
	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argc--;
		argv++;
	}
	for (i = 0; argc > 1 && i < RTE_DIM(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		optind = 0; /* EAL has parsed its own */
		return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
		fprintf(stderr, "unknown command '%s'\n", argv[1]);
	usage();
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) ?
		       EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	int ret, args = rte_eal_init(argc, argv);

	if (args < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	ret = command_run(argc - args, argv + args);
	rte_eal_cleanup();
	return ret;
}
