/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * dpdk-test-revere: what its commands share.
 */

#ifndef TEST_REVERE_H
#define TEST_REVERE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "revere_ami.h"

/* Commands: arguments behind EAL's, argv[0] is the command; they return an exit code. */
int cmd_info(int argc, char **argv);
int cmd_conformance(int argc, char **argv);
int cmd_perf(int argc, char **argv);
int cmd_perf_dma(int argc, char **argv);
int cmd_perf_net(int argc, char **argv);
int cmd_perf_vhost(int argc, char **argv);
int cmd_contexts(int argc, char **argv);
int cmd_processes(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_rx_intr(int argc, char **argv);
int cmd_traffic(int argc, char **argv);

/** A Revere device that a driver of this process has found. */
struct test_device {
	const char *name;		    /**< of the DPDK device */
	struct revere_dev *dev;		    /**< brought up; NULL once taken */
	struct revere_transport *transport; /**< of the Function */
	struct revere_device *handle;
};

/** The device named so, or with NULL the first; one error line if there is none. */
int test_device_find(const char *name, struct test_device *device);

/** As test_device_find(), and takes the Function from its drivers to drive it by hand. */
int test_device_take(const char *name, struct test_device *device);
void test_device_give_back(struct test_device *device);

/** An unsigned number as an option's value; one error line if it is none or out of range. */
int test_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *value);

/** A list of numbers, separated by commas. @return how many, -1 after an error line */
int test_numbers(const char *option, const char *text, uint64_t min, uint64_t max,
		 uint64_t *values, unsigned int size);

/* ---- Results as JSON ----------------------------------------------------------------------- */

/** Opens FILE ("-" is stdout) and starts {"results": [ ; NULL file: does nothing. */
int test_json_open(const char *file);
/** One object: its members as text without braces. */
void test_json_row(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_json_close(void);

#endif /* TEST_REVERE_H */
