/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* vdevs and the devices that they share; the test is the class driver. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bus_vdev_driver.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "common_private.h"

#define PORTS 4

/* What the class driver was given, by the digit at the end of the vdev's name. */
static struct {
	struct revere_device *device;
	struct revere_dev *dev;
	struct rte_device *rte_dev;
	int rna_port;
	bool there;
} ports[PORTS];
static int probe_result;
static unsigned int probes, removes;

static unsigned int
number_of(const char *name)
{
	return (unsigned int)(name[strlen(name) - 1] - '0') % PORTS;
}

static int
class_probe(const struct revere_probe *probe)
{
	unsigned int number = number_of(probe->name);
	uint64_t depth = 7;

	probes++;
	if (probe_result != 0)
		return probe_result;
	if (revere_arg_uint(probe->args, "depth", 1, 10, &depth) < 0)
		return -EINVAL;
	assert_int_equal(probe->bus, REVERE_BUS_VDEV);
	assert_true(probe->iova_as_va);
	ports[number].device = probe->device;
	ports[number].dev = probe->dev;
	ports[number].rte_dev = probe->rte_dev;
	ports[number].rna_port = probe->rna_port;
	ports[number].there = true;
	return 0;
}

static int
class_remove(struct rte_device *rte_dev, const char *name)
{
	unsigned int number = number_of(name);

	(void)rte_dev;
	removes++;
	revere_device_put(ports[number].device);
	ports[number].there = false;
	return 0;
}

static const char *const class_args[] = { "depth", NULL };
static struct revere_class class = {
	.name = "net",
	.args = class_args,
	.probe = class_probe,
	.remove = class_remove,
};
REVERE_REGISTER_CLASS(class)

static int
vdev_probe(struct rte_vdev_device *vdev)
{
	return revere_vdev_probe(vdev, &class);
}

static int
vdev_remove(struct rte_vdev_device *vdev)
{
	return revere_vdev_remove(vdev, &class);
}

static struct rte_vdev_driver driver = {
	.probe = vdev_probe,
	.remove = vdev_remove,
	.dma_map = revere_vdev_dma_map,
	.dma_unmap = revere_vdev_dma_unmap,
};
RTE_PMD_REGISTER_VDEV(net_revere, driver);

static size_t
heap(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.heap_allocsz_bytes;
}

static int
make(unsigned int number, const char *args)
{
	char name[32], all[256];

	snprintf(name, sizeof(name), "net_revere%u", number);
	snprintf(all, sizeof(all), "mode=inline%s%s", args[0] == '\0' ? "" : ",", args);
	return rte_vdev_init(name, all);
}

static void
take_away(unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "net_revere%u", number);
	assert_int_equal(rte_vdev_uninit(name), 0);
	assert_false(ports[number].there);
}

static void
test_private(void **state)
{
	size_t before = heap();

	(void)state;
	assert_int_equal(make(0, ""), 0);
	assert_int_equal(make(1, "depth=3"), 0);
	assert_ptr_not_equal(ports[0].dev, ports[1].dev);
	assert_int_equal(ports[0].rna_port, 0);
	assert_int_equal(ports[1].rna_port, 0);
	assert_int_equal(revere_dev_info(ports[0].dev)->max_ami_sw, 64);
	take_away(0);
	take_away(1);
	assert_int_equal(heap(), before);
}

static void
test_shared(void **state)
{
	size_t before = heap();

	(void)state;
	assert_int_equal(make(0, "emu=x,num_ami_sw=9"), 0);
	/* Whoever comes later says nothing, or the same. */
	assert_int_equal(make(1, "emu=x"), 0);
	assert_int_equal(make(2, "emu=x,num_ami_sw=9"), 0);
	assert_int_equal(make(3, "emu=x,num_ami_sw=10"), -EBUSY);
	assert_int_equal(make(3, "emu=y,num_ami_sw=10"), 0);
	assert_ptr_equal(ports[0].dev, ports[1].dev);
	assert_ptr_equal(ports[0].dev, ports[2].dev);
	assert_ptr_not_equal(ports[0].dev, ports[3].dev);
	assert_int_equal(ports[2].rna_port, 2);
	/* The one that made it may go first. */
	take_away(0);
	assert_int_equal(revere_dev_info(ports[1].dev)->max_ami_sw, 9);
	/* Its port is free. */
	assert_int_equal(make(0, "emu=x"), 0);
	assert_int_equal(ports[0].rna_port, 0);
	take_away(0);
	take_away(1);
	take_away(2);
	take_away(3);
	/* All gone: made anew, with other settings. */
	assert_int_equal(make(0, "emu=x,num_ami_sw=10"), 0);
	take_away(0);
	assert_int_equal(heap(), before);
}

static void
test_pair(void **state)
{
	size_t before = heap();

	(void)state;
	assert_int_equal(make(0, "pair=a"), 0);
	assert_int_equal(make(1, "backend=pair,pair=a,mac=02:00:00:00:00:01"), 0);
	assert_ptr_equal(ports[0].dev, ports[1].dev);
	assert_int_not_equal(make(2, "pair=a"), 0);
	assert_int_equal(make(2, "pair=b"), 0);
	assert_ptr_not_equal(ports[0].dev, ports[2].dev);
	take_away(0);
	take_away(1);
	take_away(2);
	assert_int_equal(heap(), before);
}

static void
test_bad_args(void **state)
{
	static const char *const bad[] = {
		"foo=1", "foo", "emu", "emu=", "mode=inline", "num_ami_sw=0", "num_ami_sw=5000",
		"num_ami_sw=-1", "num_ami_sw=1x", "ami_type=C", "backend=bar", "backend=pair",
		"backend=loop,pair=a", "pair=a,tap=b", "mac=1", "mac=01:00:00:00:00:00",
		"mac=00:00:00:00:00:00", "depth=0", "depth=11", "depth= 1", "depth=+1",
		"depth=", "depth=5,depth=5", "arch_major=2", "socket=x", "worker_cpus=1000000",
		"faults.nothing=1", "faults.response_wrong_op=1",
		"pair=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	size_t before = heap(), i;

	(void)state;
	for (i = 0; i < RTE_DIM(bad); i++) {
		if (make(0, bad[i]) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(heap(), before);
	}
}

/* A class driver that fails leaves no device and no port behind. */
static void
test_class_fails(void **state)
{
	size_t before = heap();

	(void)state;
	assert_int_equal(make(0, "emu=x"), 0);
	probe_result = -ENOSPC;
	assert_int_equal(make(1, "emu=x"), -ENOSPC);
	assert_int_equal(make(2, "emu=z"), -ENOSPC);
	probe_result = 0;
	assert_int_equal(make(1, "emu=x"), 0);
	assert_int_equal(ports[1].rna_port, 1);
	take_away(0);
	take_away(1);
	assert_int_equal(heap(), before);
}

/* Memory of the application's own, announced by each port that shares the device. */
static void
test_own_memory(void **state)
{
	static uint8_t memory[0x2000] __attribute__((aligned(0x1000)));
	uint64_t iova = UINT64_C(1) << 40;

	(void)state;
	assert_int_equal(make(0, "emu=x"), 0);
	assert_int_equal(make(1, "emu=x"), 0);
	assert_int_equal(rte_extmem_register(memory, sizeof(memory), NULL, 0, 0x1000), 0);
	assert_int_equal(rte_dev_dma_map(ports[0].rte_dev, memory, iova, sizeof(memory)), 0);
	assert_int_equal(rte_dev_dma_map(ports[1].rte_dev, memory, iova, sizeof(memory)), 0);
	assert_int_equal(rte_dev_dma_map(ports[0].rte_dev, memory, iova, 0), -1);
	assert_int_equal(rte_dev_dma_unmap(ports[0].rte_dev, memory, iova, sizeof(memory)), 0);
	assert_int_equal(rte_dev_dma_unmap(ports[1].rte_dev, memory, iova, sizeof(memory)), 0);
	assert_int_equal(rte_extmem_unregister(memory, sizeof(memory)), 0);
	take_away(0);
	take_away(1);
}

static void
test_vectors(void **state)
{
	(void)state;
	assert_int_equal(make(0, "msix_vectors=4"), 0);
	assert_int_equal(revere_device_vector_get(ports[0].device), 1);
	assert_int_equal(revere_device_vector_get(ports[0].device), 2);
	assert_int_equal(revere_device_vector_get(ports[0].device), 3);
	assert_int_equal(revere_device_vector_get(ports[0].device), -ENOSPC);
	revere_device_vector_put(ports[0].device, 2);
	assert_int_equal(revere_device_vector_get(ports[0].device), 2);
	take_away(0);
}

static void
test_many_times(void **state)
{
	size_t before = heap();
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_int_equal(make(i % PORTS, ""), 0);
		take_away(i % PORTS);
	}
	assert_int_equal(heap(), before);
}

/** Ranges come and go at random; a map of all units says what is right. */
static void
test_reach(void **state)
{
	struct revere_reach reach;
	bool there[256] = { false };
	struct revere_range range;
	unsigned int round, at, size, i, same;
	uint64_t seed = 1;

	(void)state;
	reach_init(&reach);
	for (round = 0; round < 20000; round++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		at = (unsigned int)(seed >> 33) % 250;
		size = 1 + (unsigned int)(seed >> 45) % RTE_MIN(256 - at, 40u);
		if (seed >> 63)
			reach_add(&reach, at * 16, size * 16);
		else
			reach_remove(&reach, at * 16, size * 16);
		for (i = at; i < at + size; i++)
			there[i] = seed >> 63;
		assert_int_equal(reach.generation, round + 1);
		at = (unsigned int)(seed >> 20) % 256;
		range = revere_reach_find(&reach, at * 16 + 5);
		assert_int_equal(range.size > 0, there[at]);
		if (!there[at])
			continue;
		/* Neighbours are one range. */
		for (i = at; i > 0 && there[i - 1]; i--)
			;
		for (same = at + 1; same < 256 && there[same]; same++)
			;
		assert_int_equal(range.start, i * 16);
		assert_int_equal(range.size, (same - i) * 16);
	}
	reach_remove(&reach, 0, UINT64_MAX);
	assert_int_equal(reach.count, 0);
	reach_fini(&reach);
}

int
main(void)
{
	static char args[][24] = { "test", "--no-huge", "--no-pci", "--no-shconf", "-m", "128",
		"--no-telemetry", "-l", "0" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_bad_args),
		cmocka_unit_test(test_class_fails),
		cmocka_unit_test(test_own_memory),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_many_times),
		cmocka_unit_test(test_reach),
	};
	char *argv[RTE_DIM(args) + 1] = { NULL };
	unsigned int i;

	for (i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
