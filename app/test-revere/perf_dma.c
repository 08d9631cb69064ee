/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command perf dma: copies per second of dmadevs, and of the CPU's memcpy in the same run.
 *
 * One lcore submits and polls. Buffers are used round robin out of a region that is as large for
 * each contender, and every byte that a run copied is compared at its end.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_dmadev.h>
#include <rte_memzone.h>

#include "perf.h"
#include "test_revere.h"

#define RING 1024
#define VCHANS_MAX 16

struct options {
	const char *devices[PERF_LIST_MAX];
	unsigned int num_devices;
	uint64_t sizes[PERF_LIST_MAX], batches[PERF_LIST_MAX];
	unsigned int num_sizes, num_batches;
	uint64_t vchans, ms, region;
	bool cpu, dump, private, launch;
	const char *json;
};

/** Memory of a run: `count` pairs of buffers of `size` bytes. */
struct buffers {
	const struct rte_memzone *mem;
	uint8_t *src, *dst;
	rte_iova_t src_iova, dst_iova;
	uint32_t size;
	uint32_t count;
	uint32_t next;
};

/** A dmadev in use. */
struct contender {
	const char *name;
	int16_t id;
	uint16_t vchans;
	uint16_t most; /**< in flight on one vchan */
	uint16_t flying[VCHANS_MAX];
	uint64_t errors;
};

/* ---- Buffers ------------------------------------------------------------------------------- */

static void
buffers_fill(struct buffers *buffers, uint64_t seed)
{
	uint64_t *word = (uint64_t *)(void *)buffers->src;
	size_t i, words = (size_t)buffers->size * buffers->count / 8;

	for (i = 0; i < words; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		word[i] = seed;
	}
	memset(buffers->dst, 0, (size_t)buffers->size * buffers->count);
	buffers->next = 0;
}

/** Memory that a device in another process doesn't see; IOVA has to be VA. */
static int
buffers_alloc_private(struct buffers *buffers, size_t bytes)
{
	buffers->mem = NULL;
	buffers->src = aligned_alloc(4096, RTE_ALIGN_CEIL(2 * bytes, 4096));
	if (buffers->src == NULL)
		return -ENOMEM;
	buffers->dst = buffers->src + bytes;
	buffers->src_iova = (rte_iova_t)(uintptr_t)buffers->src;
	buffers->dst_iova = (rte_iova_t)(uintptr_t)buffers->dst;
	return 0;
}

static void
buffers_free(struct buffers *buffers)
{
	if (buffers->mem != NULL)
		rte_memzone_free(buffers->mem);
	else
		free(buffers->src);
}

static int
buffers_alloc(struct buffers *buffers, const struct options *options, uint64_t size)
{
	size_t bytes;

	buffers->size = (uint32_t)size;
	buffers->count = (uint32_t)RTE_MAX(options->region / size, (uint64_t)64);
	bytes = (size_t)size * buffers->count;
	if (options->private)
		return buffers_alloc_private(buffers, bytes);
	buffers->mem = rte_memzone_reserve_aligned("perf_dma", 2 * bytes, SOCKET_ID_ANY,
						   RTE_MEMZONE_IOVA_CONTIG, 4096);
	if (buffers->mem == NULL) {
		fprintf(stderr, "no memory for %u buffers of %u bytes\n", 2 * buffers->count,
			buffers->size);
		return -ENOMEM;
	}
	buffers->src = buffers->mem->addr;
	buffers->dst = buffers->src + bytes;
	buffers->src_iova = buffers->mem->iova;
	buffers->dst_iova = buffers->src_iova + bytes;
	return 0;
}

/** Compares the buffers that `copies` copies touched. */
static bool
buffers_same(const struct buffers *buffers, uint64_t copies)
{
	uint64_t n = RTE_MIN(copies, (uint64_t)buffers->count);

	return memcmp(buffers->src, buffers->dst, n * buffers->size) == 0;
}

static inline uint32_t
buffers_next(struct buffers *buffers)
{
	uint32_t i = buffers->next;

	buffers->next = i + 1 == buffers->count ? 0 : i + 1;
	return i;
}

/* ---- Dmadevs ------------------------------------------------------------------------------- */

static int
vchans_setup(const struct contender *dev, const struct rte_dma_info *info)
{
	struct rte_dma_vchan_conf conf = {
		.direction = RTE_DMA_DIR_MEM_TO_MEM,
		.nb_desc = (uint16_t)RTE_MIN(RTE_MAX(RING, info->min_desc), info->max_desc),
	};
	uint16_t vchan;
	int ret = 0;

	for (vchan = 0; ret == 0 && vchan < dev->vchans; vchan++)
		ret = rte_dma_vchan_setup(dev->id, vchan, &conf);
	return ret;
}

static int
contender_open(struct contender *dev, const char *name, const struct options *options)
{
	struct rte_dma_conf conf = { .nb_vchans = 1 };
	struct rte_dma_info info;
	int ret;

	*dev = (struct contender){ .name = name };
	ret = rte_dma_get_dev_id_by_name(name);
	if (ret < 0) {
		fprintf(stderr, "--dev %s: no such dmadev\n", name);
		return ret;
	}
	dev->id = (int16_t)ret;
	rte_dma_info_get(dev->id, &info);
	dev->vchans = (uint16_t)RTE_MIN(options->vchans, info.max_vchans);
	conf.nb_vchans = dev->vchans;
	ret = rte_dma_configure(dev->id, &conf);
	if (ret == 0)
		ret = vchans_setup(dev, &info);
	if (ret == 0)
		ret = rte_dma_start(dev->id);
	if (ret != 0)
		fprintf(stderr, "%s: can't be started with %u vchans: %s\n", name, dev->vchans,
			strerror(-ret));
	else
		dev->most = rte_dma_burst_capacity(dev->id, 0);
	return ret;
}

static inline uint64_t
contender_poll(struct contender *dev, uint16_t vchan)
{
	uint16_t last, n;
	bool error = false;

	n = rte_dma_completed(dev->id, vchan, 256, &last, &error);
	if (unlikely(error)) {
		enum rte_dma_status_code status[256];

		n += rte_dma_completed_status(dev->id, vchan, 256, &last, status);
		dev->errors++;
	}
	dev->flying[vchan] -= n;
	return n;
}

/** One batch, if there is room for it. */
static inline void
contender_submit(struct contender *dev, uint16_t vchan, struct buffers *buffers, uint32_t batch)
{
	uint32_t i, at;
	size_t offset;

	if (dev->flying[vchan] + batch > dev->most ||
	    rte_dma_burst_capacity(dev->id, vchan) < batch)
		return;
	for (i = 0; i < batch; i++) {
		at = buffers_next(buffers);
		offset = (size_t)at * buffers->size;
		if (unlikely(rte_dma_copy(dev->id, vchan, buffers->src_iova + offset,
					  buffers->dst_iova + offset, buffers->size, 0) < 0)) {
			dev->errors++;
			break;
		}
		dev->flying[vchan]++;
	}
	rte_dma_submit(dev->id, vchan);
}

static uint64_t
contender_drain(struct contender *dev)
{
	uint64_t done = 0, end = perf_end(2000);
	uint16_t vchan;

	for (vchan = 0; vchan < dev->vchans; vchan++)
		while (dev->flying[vchan] > 0 && rte_rdtsc() < end)
			done += contender_poll(dev, vchan);
	return done;
}

/** @return copies per second, negative after an error */
static double
contender_run(struct contender *dev, struct buffers *buffers, uint32_t batch, uint64_t ms)
{
	uint64_t start, end, now, done = 0;
	uint16_t vchan;
	double rate;

	buffers_fill(buffers, batch + buffers->size);
	start = rte_rdtsc();
	end = perf_end(ms);
	do {
		for (vchan = 0; vchan < dev->vchans; vchan++) {
			contender_submit(dev, vchan, buffers, batch);
			done += contender_poll(dev, vchan);
		}
		now = rte_rdtsc();
	} while (now < end);
	rate = (double)done / perf_seconds(now - start);
	done += contender_drain(dev);
	if (dev->errors == 0 && done > 0 && buffers_same(buffers, done))
		return rate;
	fprintf(stderr, "%s: size %u, batch %u: %" PRIu64 " copies, %" PRIu64 " errors, data %s\n",
		dev->name, buffers->size, batch, done, dev->errors,
		buffers_same(buffers, done) ? "right" : "WRONG");
	return -1;
}

static double
cpu_run(struct buffers *buffers, uint64_t ms)
{
	uint64_t start, end, now, done = 0;
	size_t offset;
	int i;

	buffers_fill(buffers, buffers->size);
	start = rte_rdtsc();
	end = perf_end(ms);
	do {
		for (i = 0; i < 32; i++) {
			offset = (size_t)buffers_next(buffers) * buffers->size;
			memcpy(buffers->dst + offset, buffers->src + offset, buffers->size);
			rte_compiler_barrier();
		}
		done += 32;
		now = rte_rdtsc();
	} while (now < end);
	if (!buffers_same(buffers, done))
		return -1;
	return (double)done / perf_seconds(now - start);
}

/* ---- The table ----------------------------------------------------------------------------- */

static void
report(const char *name, unsigned int vchans, uint64_t size, uint64_t batch, double rate)
{
	printf("%-20s %6u %8" PRIu64 " %6" PRIu64 " %12.3f %12.3f\n", name, vchans, size, batch,
	       rate / 1e6, rate * (double)size * 8 / 1e9);
	fflush(stdout);
	test_json_row("\"bench\": \"dma-copy\", \"device\": \"%s\", \"vchans\": %u, "
		      "\"size\": %" PRIu64 ", \"batch\": %" PRIu64 ", \"unit\": \"Mops\", "
		      "\"value\": %.4f, \"gbps\": %.4f", name, vchans, size, batch, rate / 1e6,
		      rate * (double)size * 8 / 1e9);
}

/** What a copy costs who has it done. */
static int
launch_run(const struct contender *dev, const struct buffers *buffers, uint64_t batch)
{
	const struct perf_launch launch = { .dev = dev->id, .src = buffers->src_iova,
		.dst = buffers->dst_iova, .size = buffers->size, .batch = (uint32_t)batch };
	double cost[PERF_LAUNCH_PARTS], sum;

	if (batch > RTE_MIN(buffers->count, (uint32_t)dev->most)) {
		fprintf(stderr, "--launch: batches of %u copies at most\n",
			RTE_MIN(buffers->count, (uint32_t)dev->most));
		return -1;
	}
	if (!perf_launch_run(&launch, cost)) {
		fprintf(stderr, "%s: no copy of %u bytes was done in time\n", dev->name,
			buffers->size);
		return -1;
	}
	sum = cost[0] + cost[1] + cost[2];
	printf("%-20s %6s %8u %6" PRIu64 " %12.1f cycles: enqueue %.1f, submit %.1f, "
	       "completed %.1f\n", dev->name, "", buffers->size, batch, sum, cost[0], cost[1],
	       cost[2]);
	test_json_row("\"bench\": \"dma-launch\", \"device\": \"%s\", \"size\": %u, "
		      "\"batch\": %" PRIu64 ", \"unit\": \"cycles\", \"value\": %.1f, "
		      "\"enqueue\": %.1f, \"submit\": %.1f, \"completed\": %.1f",
		      dev->name, buffers->size, batch, sum, cost[0], cost[1], cost[2]);
	return 0;
}

static int
device_run(struct contender *dev, const struct options *options, struct buffers *buffers,
	   uint64_t batch)
{
	double rate;

	if (options->launch)
		return launch_run(dev, buffers, batch);
	rate = contender_run(dev, buffers, (uint32_t)batch, options->ms);
	if (rate >= 0)
		report(dev->name, dev->vchans, buffers->size, batch, rate);
	return rate < 0 ? -1 : 0;
}

static int
size_run(struct contender *devs, const struct options *options, uint64_t size)
{
	struct buffers buffers;
	unsigned int d, b;
	double rate;
	int ret = 0;

	if (buffers_alloc(&buffers, options, size) != 0)
		return -1;
	for (b = 0; b < options->num_batches; b++) {
		for (d = 0; d < options->num_devices; d++) {
			if (device_run(&devs[d], options, &buffers, options->batches[b]) != 0)
				ret = -1;
			if (options->dump)
				rte_dma_dump(devs[d].id, stdout);
		}
	}
	if (options->cpu && !options->launch) {
		rate = cpu_run(&buffers, options->ms);
		report("memcpy", 0, size, 0, rate);
	}
	buffers_free(&buffers);
	return ret;
}

static int
run(const struct options *options)
{
	struct contender devs[PERF_LIST_MAX];
	unsigned int i, opened = 0;
	int ret = 0;

	while (ret == 0 && opened < options->num_devices) {
		ret = contender_open(&devs[opened], options->devices[opened], options);
		if (ret == 0)
			opened++;
	}
	if (ret == 0) {
		printf("%-20s %6s %8s %6s %12s %12s\n", "device", "vchans", "size", "batch",
		       "Mops", "Gbps");
		for (i = 0; i < options->num_sizes; i++)
			if (size_run(devs, options, options->sizes[i]) != 0)
				ret = -1;
	}
	for (i = 0; i < opened; i++) {
		rte_dma_stop(devs[i].id);
		rte_dma_close(devs[i].id);
	}
	return ret;
}

/* ---- Options ------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("perf dma [--dev NAME]... [--size N,N..] [--batch N,N..] [--vchans N] [--ms N]\n"
	       "         [--region BYTES] [--no-cpu] [--dump] [--private] [--launch]\n"
	       "         [--json FILE]\n"
	       "  Copies per second. Without --dev all dmadevs. memcpy on the CPU runs too.\n"
	       "  --size    bytes of a copy; 64,256,1024,4096,16384,65536\n"
	       "  --batch   copies of one submit; 32\n"
	       "  --vchans  virtual channels, used in turn; 1\n"
	       "  --ms      milliseconds of each measurement; 300\n"
	       "  --launch  cycles to enqueue, submit and take a completion, instead of rates\n"
	       "  --dump    what each device has to say after each measurement\n"
	       "  --private memory that isn't DPDK's and no other process sees; IOVA has to be VA\n"
	       "  --region  bytes that sources use in turn, and destinations; 1 MiB\n");
}

static int
list(const char *option, uint64_t max, uint64_t *values, unsigned int *count)
{
	int n = test_numbers(option, optarg, 1, max, values, PERF_LIST_MAX);

	*count = n < 0 ? 0 : (unsigned int)n;
	return n < 0 ? -1 : 0;
}

static int
option_take(struct options *options, int option)
{
	switch (option) {
	case 'd':
		if (options->num_devices == PERF_LIST_MAX)
			return -1;
		options->devices[options->num_devices++] = optarg;
		return 0;
	case 's':
		return list("--size", 16 << 20, options->sizes, &options->num_sizes);
	case 'b':
		return list("--batch", RING, options->batches, &options->num_batches);
	case 'v':
		return test_number("--vchans", optarg, 1, VCHANS_MAX, &options->vchans);
	case 'm':
		return test_number("--ms", optarg, 1, 600000, &options->ms);
	case 'r':
		return test_number("--region", optarg, 4096, UINT32_MAX, &options->region);
	case 'c':
		options->cpu = false;
		return 0;
	case 'p':
		options->private = true;
		return 0;
	case 'l':
		options->launch = true;
		return 0;
	case 'D':
		options->dump = true;
		return 0;
	case 'j':
		options->json = optarg;
		return 0;
	default:
		return -1;
	}
}

static int
parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "dev", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ "batch", required_argument, NULL, 'b' },
		{ "vchans", required_argument, NULL, 'v' },
		{ "ms", required_argument, NULL, 'm' },
		{ "region", required_argument, NULL, 'r' },
		{ "no-cpu", no_argument, NULL, 'c' },
		{ "private", no_argument, NULL, 'p' },
		{ "launch", no_argument, NULL, 'l' },
		{ "dump", no_argument, NULL, 'D' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
		if (option_take(options, option) != 0)
			return -1;
	return optind == argc ? 0 : -1;
}

/** Names of all dmadevs; kept by the device library. */
static void
all_devices(struct options *options)
{
	struct rte_dma_info info;
	int16_t id;

	for (id = rte_dma_next_dev(0); id >= 0 && options->num_devices < PERF_LIST_MAX;
	     id = rte_dma_next_dev(id + 1))
		if (rte_dma_info_get(id, &info) == 0)
			options->devices[options->num_devices++] = info.dev_name;
}

int
cmd_perf_dma(int argc, char **argv)
{
	struct options options = {
		.sizes = { 64, 256, 1024, 4096, 16384, 65536 },
		.num_sizes = 6,
		.batches = { 32 },
		.num_batches = 1,
		.vchans = 1,
		.ms = 300,
		.region = 1 << 20,
		.cpu = true,
	};
	int ret;

	if (parse(argc, argv, &options) != 0) {
		usage();
		return EXIT_FAILURE;
	}
	if (options.num_devices == 0)
		all_devices(&options);
	if (test_json_open(options.json) != 0)
		return EXIT_FAILURE;
	ret = run(&options);
	test_json_close();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
