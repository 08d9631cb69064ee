/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Conformance tests: how they are written down.
 *
 * A test is a function that returns if the device does what the specification says and leaves by
 * client_fail() or client_skip() if not. Before each the Function is reset and, unless the test
 * wants it raw, brought up with management rings of one slot, as clients do it.
 */

#ifndef CONF_H
#define CONF_H

#include "client.h"

/** One test. A test of a command's status says which, and the status that it gets is compared. */
struct conf_test {
	const char *name;
	void (*run)(struct client *c);
	unsigned int arg;  /**< c->arg */
	bool raw;	   /**< only reset before, not brought up */
	uint16_t opcode;   /**< command whose status is tested, 0 none */
	uint16_t status;   /**< expected, */
	uint16_t status2;  /**< or this one (P: what nothing is published for) */
	uint16_t (*exec)(struct client *c); /**< instead of run: STATUS */
};

/** Tests of one topic. */
struct conf_topic {
	const char *name;
	const struct conf_test *tests;
	unsigned int count;
};

#define CONF_TOPIC(topic, text)                                                                \
	const struct conf_topic conf_##topic = { text, tests, RTE_DIM(tests) }

/** A row for a command's status, and one where (P) another status would do as well. */
#define CONF_STATUS(CMD, want, text, fn)                                                       \
	{ .name = text, .opcode = RVR_##CMD, .status = want, .exec = fn }
#define CONF_STATUS2(CMD, want, other, text, fn)                                               \
	{ .name = text, .opcode = RVR_##CMD, .status = want, .status2 = other, .exec = fn }

extern const struct conf_topic conf_registers;
extern const struct conf_topic conf_management;
extern const struct conf_topic conf_cmd_function;
extern const struct conf_topic conf_cmd_ami_sw;
extern const struct conf_topic conf_cmd_ring;
extern const struct conf_topic conf_cmd_ami_hw;
extern const struct conf_topic conf_cmd_asn;
extern const struct conf_topic conf_life;
extern const struct conf_topic conf_ring;
extern const struct conf_topic conf_fault;
extern const struct conf_topic conf_session;
extern const struct conf_topic conf_agent;
extern const struct conf_topic conf_irq;
extern const struct conf_topic conf_monitor;
extern const struct conf_topic conf_save;
extern const struct conf_topic conf_typeb;
extern const struct conf_topic conf_vf;

/** Skips the test unless the device has VF 1; leaves it disabled. */
void conf_need_vf(struct client *c);

#endif /* CONF_H */
