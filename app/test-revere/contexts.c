/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Command contexts: what idle contexts, mapped, enabled and with a session, cost a busy one.
 *
 * The busy context sends messages to itself, or through the inversion agent. Its rate is taken
 * without and with the idle ones, several times in turn, and the medians are compared: so a
 * machine that slows down for a while doesn't count as the contexts' cost.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_memory.h>

#include "perf.h"
#include "test_revere.h"

#define ROUNDS 5
#define BURST 32

struct options {
	const char *device;
	uint64_t count, ms, max_create_ms, max_cost;
	bool agent;
	const char *json;
};

/** A context with one ring each way. */
struct context {
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw; /**< NULL: loopback */
	int asn[2];
};

/* ---- Contexts ------------------------------------------------------------------------------ */

static void
context_close(struct revere_dev *dev, struct context *context)
{
	int i;

	if (context->ami_sw != NULL)
		revere_ami_sw_disable(context->ami_sw);
	for (i = 0; i < 2; i++)
		if (context->asn[i] >= 0)
			revere_asn_destroy(dev, (uint32_t)context->asn[i]);
	if (context->ami_hw != NULL)
		revere_ami_hw_destroy(context->ami_hw);
	if (context->ami_sw != NULL)
		revere_ami_sw_destroy(context->ami_sw);
	*context = (struct context){ .asn = { -1, -1 } };
}

static int
context_rings(struct context *context, uint8_t log2_size, uint8_t log2_len)
{
	struct revere_ring_conf conf = {
		.type = RVR_AMS_TX, .log2_size = log2_size, .log2_msg_length = log2_len,
	};
	int ret;

	ret = revere_ami_sw_ring_setup(context->ami_sw, &conf);
	conf.type = RVR_AMS_RX;
	return ret != 0 ? ret : revere_ami_sw_ring_setup(context->ami_sw, &conf);
}

static int
context_sessions(struct revere_dev *dev, struct context *context, uint8_t log2_len)
{
	struct revere_asn_end software = { .ami_sw = context->ami_sw };
	struct revere_asn_end agent = { .ami_hw = context->ami_hw };
	struct revere_asn_conf conf = { .log2_msg_length = log2_len };
	bool loop = context->ami_hw == NULL;

	context->asn[0] = revere_asn_create(dev, &software, loop ? &software : &agent, &conf);
	if (context->asn[0] < 0 || loop)
		return RTE_MIN(context->asn[0], 0);
	context->asn[1] = revere_asn_create(dev, &agent, &software, &conf);
	return RTE_MIN(context->asn[1], 0);
}

/** @param aha_id  agent that answers, or -1: loopback */
static int
context_open(struct revere_dev *dev, struct context *context, uint8_t log2_size, int aha_id)
{
	uint8_t log2_len = revere_dev_info(dev)->min_log2_msg_length;
	struct revere_ami_sw_conf conf = { .numa_node = SOCKET_ID_ANY };
	int ret;

	*context = (struct context){ .asn = { -1, -1 } };
	ret = revere_ami_sw_create(dev, &conf, &context->ami_sw);
	if (ret == 0 && aha_id >= 0)
		ret = revere_ami_hw_create(dev, (uint16_t)aha_id, &context->ami_hw);
	if (ret == 0)
		ret = context_rings(context, log2_size, log2_len);
	if (ret == 0)
		ret = context_sessions(dev, context, log2_len);
	if (ret == 0)
		ret = revere_ami_sw_enable(context->ami_sw);
	if (ret != 0)
		context_close(dev, context);
	return ret;
}

/* ---- The busy one -------------------------------------------------------------------------- */

/** Messages per second of one context, sent and received. */
static double
busy_rate(struct context *context, uint64_t ms)
{
	struct revere_ring *tx = revere_ami_sw_ring(context->ami_sw, RVR_AMS_TX, 0);
	struct revere_ring *rx = revere_ami_sw_ring(context->ami_sw, RVR_AMS_RX, 0);
	uint64_t start = rte_rdtsc(), end = perf_end(ms), now, done = 0;
	uint32_t i, n;

	do {
		n = RTE_MIN(revere_tx_room(tx, BURST), (uint32_t)BURST);
		for (i = 0; i < n; i++)
			memset(revere_tx_slot(tx, i), (int)i, tx->msg_size);
		if (n > 0)
			revere_tx_publish(tx, n);
		n = RTE_MIN(revere_rx_ready(rx, BURST), (uint32_t)BURST);
		if (n > 0)
			revere_rx_release(rx, n);
		done += n;
		now = rte_rdtsc();
	} while (now < end);
	return (double)done / perf_seconds(now - start);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

/* ---- The idle ones ------------------------------------------------------------------------- */

static void
idle_close(struct revere_dev *dev, struct context *idle, uint64_t count)
{
	while (count > 0)
		context_close(dev, &idle[--count]);
}

/** @return seconds that it took, negative errno */
static double
idle_open(struct revere_dev *dev, struct context *idle, uint64_t count)
{
	uint64_t start = rte_rdtsc(), i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = context_open(dev, &idle[i], 2, -1);
		if (ret == 0)
			continue;
		fprintf(stderr, "context %" PRIu64 " of %" PRIu64 ": %s\n", i, count,
			strerror(-ret));
		idle_close(dev, idle, i);
		return ret;
	}
	return perf_seconds(rte_rdtsc() - start);
}

struct result {
	double alone, beside;
	double create_s, destroy_s; /**< medians */
};

static int
measure(struct revere_dev *dev, const struct options *options, struct context *busy,
	struct context *idle, struct result *result)
{
	double alone[ROUNDS], beside[ROUNDS], create[ROUNDS], destroy[ROUNDS];
	uint64_t start;
	int i;

	busy_rate(busy, options->ms);
	for (i = 0; i < ROUNDS; i++) {
		alone[i] = busy_rate(busy, options->ms);
		create[i] = idle_open(dev, idle, options->count);
		if (create[i] < 0)
			return (int)create[i];
		beside[i] = busy_rate(busy, options->ms);
		start = rte_rdtsc();
		idle_close(dev, idle, options->count);
		destroy[i] = perf_seconds(rte_rdtsc() - start);
	}
	result->create_s = median(create);
	result->destroy_s = median(destroy);
	result->alone = median(alone);
	result->beside = median(beside);
	return 0;
}

static int
report(const struct options *options, const struct result *result)
{
	double cost = 100 * (1 - result->beside / result->alone);
	bool good = true;

	printf("%" PRIu64 " idle contexts created in %.3f s, destroyed in %.3f s\n",
	       options->count, result->create_s, result->destroy_s);
	printf("busy context: %.3f M messages/s alone, %.3f beside them: cost %.1f %%\n",
	       result->alone / 1e6, result->beside / 1e6, cost);
	test_json_row("\"bench\": \"scale\", \"idle\": %" PRIu64 ", \"create_s\": %.4f, "
		      "\"destroy_s\": %.4f, \"unit\": \"Mmsg/s\", \"alone\": %.4f, "
		      "\"beside\": %.4f, \"cost_percent\": %.2f", options->count,
		      result->create_s, result->destroy_s, result->alone / 1e6,
		      result->beside / 1e6, cost);
	if (options->max_create_ms != 0 &&
	    result->create_s * 1e3 > (double)options->max_create_ms) {
		fprintf(stderr, "creating took more than %" PRIu64 " ms\n", options->max_create_ms);
		good = false;
	}
	if (options->max_cost != 0 && cost > (double)options->max_cost) {
		fprintf(stderr, "the cost is more than %" PRIu64 " %%\n", options->max_cost);
		good = false;
	}
	return good ? 0 : -1;
}

static int
run(struct revere_dev *dev, const struct options *options)
{
	int aha_id = options->agent ? revere_aha_find(dev, RVR_AHA_INVERSION, 0) : -1;
	struct context busy, *idle;
	struct result result = { 0 };
	int ret;

	if (options->agent && aha_id < 0) {
		fprintf(stderr, "--agent: the device has no inversion agent\n");
		return aha_id;
	}
	idle = calloc(options->count + 1, sizeof(*idle));
	if (idle == NULL)
		return -ENOMEM;
	ret = context_open(dev, &busy, 8, aha_id);
	if (ret == 0) {
		ret = measure(dev, options, &busy, idle, &result);
		context_close(dev, &busy);
	}
	free(idle);
	return ret == 0 ? report(options, &result) : ret;
}

/* ---- Options ------------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("contexts N [--device NAME] [--agent] [--ms N] [--max-create-ms N] [--max-cost N]\n"
	       "         [--json FILE]\n"
	       "  Creates N idle contexts (mapped, enabled, with a session) beside a busy one.\n"
	       "  --agent          the busy one talks to the inversion agent, not to itself\n"
	       "  --ms             milliseconds of each measurement; 200\n"
	       "  --max-create-ms  fail if creating the N takes longer\n"
	       "  --max-cost       fail if the busy one loses more than so many percent\n");
}

static int
option_take(struct options *options, int option)
{
	switch (option) {
	case 'd':
		options->device = optarg;
		return 0;
	case 'a':
		options->agent = true;
		return 0;
	case 'm':
		return test_number("--ms", optarg, 1, 60000, &options->ms);
	case 'c':
		return test_number("--max-create-ms", optarg, 1, 600000, &options->max_create_ms);
	case 'p':
		return test_number("--max-cost", optarg, 1, 100, &options->max_cost);
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
		{ "device", required_argument, NULL, 'd' },
		{ "agent", no_argument, NULL, 'a' },
		{ "ms", required_argument, NULL, 'm' },
		{ "max-create-ms", required_argument, NULL, 'c' },
		{ "max-cost", required_argument, NULL, 'p' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1)
		if (option_take(options, option) != 0)
			return -1;
	if (optind != argc - 1)
		return -1;
	return test_number("contexts", argv[optind], 0, 65535, &options->count);
}

int
cmd_contexts(int argc, char **argv)
{
	struct options options = { .ms = 200 };
	struct test_device device;
	int ret;

	if (parse(argc, argv, &options) != 0) {
		usage();
		return EXIT_FAILURE;
	}
	if (test_device_find(options.device, &device) != 0)
		return EXIT_FAILURE;
	ret = test_json_open(options.json);
	if (ret == 0)
		ret = run(device.dev, &options);
	test_json_close();
	test_device_give_back(&device);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
