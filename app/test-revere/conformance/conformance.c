/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Runs the conformance tests and says how they ended.
 */

#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "conf.h"
#include "test_revere.h"

static const struct conf_topic *const topics[] = {
	&conf_registers, &conf_management, &conf_cmd_function, &conf_cmd_ami_sw, &conf_cmd_ring,
	&conf_cmd_ami_hw, &conf_cmd_asn, &conf_life, &conf_ring, &conf_fault, &conf_session,
	&conf_agent, &conf_irq, &conf_monitor, &conf_save, &conf_typeb, &conf_vf,
};

/** State of a run. */
struct run {
	const char *only; /**< pattern, NULL: all */
	bool list;
	unsigned int count[3]; /**< by enum client_outcome */
	unsigned int number;
};

void
conf_need_vf(struct client *c)
{
	if (STATUS(c, pf_f_enable, .f_owner = 1) != 0)
		client_skip(c, "the device has no Virtual Functions");
	MUST(c, pf_f_disable, .f_owner = 1);
}

/* ---- Names --------------------------------------------------------------------------------- */

#define COMMAND_CASE_(CMD, cmd, opcode, text)                                                  \
	case RVR_##CMD:                                                                        \
		return text;

static const char *
command_name(uint16_t opcode)
{
	switch (opcode) {
		RVR_COMMANDS(COMMAND_CASE_)
	default:
		return "?";
	}
}

static void
test_name(const struct conf_topic *topic, const struct conf_test *test, char *name, size_t size)
{
	if (test->opcode == 0)
		snprintf(name, size, "%s: %s", topic->name, test->name);
	else
		snprintf(name, size, "%s: status %u: %s", command_name(test->opcode), test->status,
			 test->name);
}

static bool
wanted(const struct run *run, const char *name)
{
	return run->only == NULL || strstr(name, run->only) != NULL ||
	       fnmatch(run->only, name, 0) == 0;
}

/* ---- Running ------------------------------------------------------------------------------- */

static void
test_body(struct client *c, const struct conf_test *test)
{
	uint16_t status;

	client_reset(c);
	if (!test->raw)
		client_start(c, NULL);
	if (test->exec == NULL) {
		test->run(c);
		return;
	}
	status = test->exec(c);
	if (status != test->status && (test->status2 == 0 || status != test->status2))
		client_fail(c, "STATUS is %u", status);
}

static void
test_run(struct run *run, struct client *c, const char *name, const struct conf_test *test)
{
	int outcome = setjmp(c->out);

	if (outcome == CLIENT_PASSED) {
		c->arg = test->arg;
		c->why[0] = '\0';
		test_body(c, test);
	}
	run->count[outcome]++;
	run->number++;
	if (outcome == CLIENT_FAILED)
		printf("not ok %u - %s: %s\n", run->number, name, c->why);
	else if (outcome == CLIENT_SKIPPED)
		printf("ok %u - %s # SKIP %s\n", run->number, name, c->why);
	else
		printf("ok %u - %s\n", run->number, name);
	fflush(stdout);
}

static void
topic_run(struct run *run, struct client *c, const struct conf_topic *topic)
{
	const struct conf_test *test;
	char name[160];
	unsigned int i;

	for (i = 0; i < topic->count; i++) {
		test = &topic->tests[i];
		test_name(topic, test, name, sizeof(name));
		if (!wanted(run, name))
			continue;
		if (run->list)
			printf("%s\n", name);
		else
			test_run(run, c, name, test);
	}
}

/* ---- Are all statuses of the specification tested? ----------------------------------------- */

static bool
status_tested(uint16_t opcode, uint16_t status)
{
	const struct conf_topic *topic;
	unsigned int t, i;

	for (t = 0; t < RTE_DIM(topics); t++) {
		topic = topics[t];
		for (i = 0; i < topic->count; i++)
			if (topic->tests[i].opcode == opcode && topic->tests[i].status == status)
				return true;
	}
	return false;
}

static void
status_check(struct run *run, uint16_t opcode, uint16_t status, const char *text)
{
	if (status_tested(opcode, status))
		return;
	run->count[CLIENT_FAILED]++;
	printf("not ok %u - coverage: no test of %s with status %u: %s\n", ++run->number,
	       command_name(opcode), status, text);
}

#define STATUS_CHECK_(CMD, NAME, value, text) status_check(run, RVR_##CMD, value, text);
#define STATUS_CHECKS_(CMD, cmd, opcode, text)                                                 \
	status_check(run, opcode, 0, "success");                                               \
	RVR_##CMD##_STATUS(STATUS_CHECK_)

/** Fails for each row of the specification's tables that no test above stands for. */
static void
coverage_check(struct run *run)
{
	unsigned int before = run->count[CLIENT_FAILED];

	RVR_COMMANDS(STATUS_CHECKS_)
	if (run->count[CLIENT_FAILED] != before)
		return;
	run->count[CLIENT_PASSED]++;
	printf("ok %u - coverage: every command with every published status\n", ++run->number);
}

/* ---- The command --------------------------------------------------------------------------- */

static void
usage(void)
{
	printf("conformance [--list] [--only PATTERN] [--device NAME] [--vf NAME]\n"
	       "            [--timeout MS]\n"
	       "  Tests whether the device does what the specification says. Takes the Function\n"
	       "  for itself and resets it. One line a test: ok or not ok, number, name.\n"
	       "  --list          print the names alone\n"
	       "  --only PATTERN  run tests whose name has PATTERN in it or matches it (*, ?)\n"
	       "  --vf NAME       raw device of VF 1 of that device, for the tests of topic VF\n"
	       "  --timeout MS    for anything that the device must do; 2000\n");
}

static int
parse(int argc, char **argv, struct run *run, struct client *c, const char **device,
	const char **vf)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "device", required_argument, NULL, 'd' },
		{ "vf", required_argument, NULL, 'v' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t ms;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'l')
			run->list = true;
		else if (option == 'o')
			run->only = optarg;
		else if (option == 'd')
			*device = optarg;
		else if (option == 'v')
			*vf = optarg;
		else if (option == 't' && test_number("--timeout", optarg, 1, 60000, &ms) == 0)
			c->timeout_ms = (unsigned int)ms;
		else
			return -1;
	}
	return optind == argc ? 0 : -1;
}

static int
run_all(struct run *run, struct client *c)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(topics); i++)
		topic_run(run, c, topics[i]);
	if (run->list)
		return EXIT_SUCCESS;
	if (run->only == NULL)
		coverage_check(run);
	/* The device is left as after power-on. */
	if (setjmp(c->out) == CLIENT_PASSED)
		client_reset(c);
	printf("%u passed, %u failed, %u skipped\n", run->count[CLIENT_PASSED],
	       run->count[CLIENT_FAILED], run->count[CLIENT_SKIPPED]);
	return run->count[CLIENT_FAILED] == 0 && run->count[CLIENT_PASSED] > 0 ? EXIT_SUCCESS :
										  EXIT_FAILURE;
}

int
cmd_conformance(int argc, char **argv)
{
	static struct client client = { .timeout_ms = 2000 }, vf;
	struct test_device device, vf_device = { .handle = NULL };
	const char *name = NULL, *vf_name = NULL;
	struct run run = { .only = NULL };
	int ret;

	if (parse(argc, argv, &run, &client, &name, &vf_name) != 0) {
		usage();
		return EXIT_FAILURE;
	}
	if (run.list)
		return run_all(&run, &client);
	if (test_device_take(name, &device) != 0)
		return EXIT_FAILURE;
	client.name = device.name;
	client.transport = device.transport;
	ret = vf_name == NULL ? 0 : test_device_take(vf_name, &vf_device);
	if (ret == 0 && vf_name != NULL) {
		vf = (struct client){
			.name = vf_device.name,
			.transport = vf_device.transport,
			.timeout_ms = client.timeout_ms,
			.tester = &client,
		};
		client.vf = &vf;
	}
	ret = ret == 0 ? run_all(&run, &client) : EXIT_FAILURE;
	if (vf_device.handle != NULL)
		test_device_give_back(&vf_device);
	test_device_give_back(&device);
	return ret;
}
