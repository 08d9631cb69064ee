/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command info: what a device is.
 */

#include <getopt.h>
#include <stdlib.h>

#include "test_revere.h"

static const char *
device_option(int argc, char **argv, bool *bad)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *device = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'd')
			device = optarg;
		else
			*bad = true;
	}
	*bad = *bad || optind != argc;
	return device;
}

int
cmd_info(int argc, char **argv)
{
	struct test_device device;
	bool bad = false;
	const char *name = device_option(argc, argv, &bad);
	int ret;

	if (bad) {
		printf("info [--device NAME]\n"
		       "  Registers, limits, agents, contexts and sessions of a device; without\n"
		       "  NAME of the first that there is.\n");
		return EXIT_FAILURE;
	}
	if (test_device_find(name, &device) != 0)
		return EXIT_FAILURE;
	printf("%s: transport '%s', %u interrupt vectors, NUMA node %d\n", device.name,
	       device.transport->ops->name, device.transport->vectors,
	       device.transport->numa_node);
	ret = revere_dev_dump(device.dev, stdout);
	test_device_give_back(&device);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
