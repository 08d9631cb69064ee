/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* The inside of revere-pfd on a device made for it: what no device does when it is asked to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pfd.h"
#include "rvr_regs.h"

#define CONTEXTS 4

static struct {
	bool enabled[CONTEXTS];
	int exceptions; /* that wait, all about AMI-SW 0 */
	uint64_t error_state;
	unsigned int looked; /* commands */
} device;

static struct pfd pfd;
static unsigned int warnings;

void
pfd_log(enum pfd_level level, const char *format, ...)
{
	(void)format;
	warnings += level == PFD_WARNING;
}

uint64_t
pfd_now_us(void)
{
	return 1;
}

static int
command(void *arg, const void *request, void *response)
{
	uint64_t id = rvr_msg_get(request, 0x04, 15, 0);

	(void)arg;
	memset(response, 0, RVR_MGT_MSG_SIZE);
	assert_int_equal(rvr_msg_opcode(request), RVR_F_AMI_SW_CONFIGURE);
	assert_true(id < CONTEXTS);
	rvr_msg_put(response, 0, 31, 16, device.enabled[id] ?
		RVR_ST_F_AMI_SW_CONFIGURE_AMI_SW_NOT_DISABLED : 0);
	device.looked++;
	return 0;
}

static uint64_t
reg_read(void *arg, uint32_t offset)
{
	(void)arg;
	assert_int_equal(offset, RVR_AMU_SR);
	return rvr_prep(RVR_AMU_SR_ERROR_STATE, device.error_state);
}

static int
reg_write(void *arg, uint32_t offset, uint64_t value)
{
	(void)arg;
	assert_int_equal(offset, RVR_AMU_SR);
	device.error_state = value;
	return 0;
}

static int
exceptions(void *arg)
{
	(void)arg;
	return device.exceptions;
}

static void
exception(void *arg, void *msg)
{
	const struct rvr_e_f_ami_ring_fault fault = { .ami_id = 0 };

	(void)arg;
	rvr_e_f_ami_ring_fault_encode(msg, &fault, RVR_STATUS_OK);
}

static void
exception_done(void *arg)
{
	(void)arg;
	device.exceptions--;
}

static const struct pfd_backend backend = {
	.isolates = true,
	.command = command,
	.reg_read = reg_read,
	.reg_write = reg_write,
	.exceptions = exceptions,
	.exception = exception,
	.exception_done = exception_done,
};

/* A client with all contexts, which are enabled but for the first: that one is at fault. */
static int
setup(void **state)
{
	unsigned int i;

	(void)state;
	pfd = (struct pfd){ .state = calloc(1, sizeof(*pfd.state)), .backend = &backend };
	assert_non_null(pfd.state);
	pfd_state_init(pfd.state);
	pfd.state->clients[0].used = true;
	pfd.state->ami_sws = CONTEXTS;
	for (i = 0; i < CONTEXTS; i++) {
		/* The device has them the other way round. */
		pfd.state->ami_sw[i] = (struct pfd_ami_sw){ .owner = 1, .taken = true,
			.configured = true, .enabled = true,
			.phy_id = (uint16_t)(CONTEXTS - 1 - i) };
		pfd.state->device_ami_sw[CONTEXTS - 1 - i] = (uint16_t)(i + 1);
		device.enabled[i] = i != 0;
	}
	device.exceptions = 1;
	device.error_state = 0;
	device.looked = 0;
	warnings = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(pfd.state);
	return 0;
}

/* AMI_IDs that the client was told of, a bit each. */
static uint64_t
told(void)
{
	const struct pfd_client *client = &pfd.state->clients[0];
	uint64_t ids = 0;
	uint32_t i;

	for (i = client->exceptions_read; i != client->exceptions_written; i++)
		ids |= UINT64_C(1) << rvr_msg_get(client->exceptions[i], 0x04, 15, 0);
	return ids;
}

static void
test_nothing_lost(void **state)
{
	(void)state;
	device.enabled[2] = false; /* whose exception is yet to come */
	pfd_exceptions(&pfd);
	assert_int_equal(told(), 1 << 3);
	assert_int_equal(device.looked, 0);
	device.error_state = RVR_ERROR_STATE_EXCEPTION_FULL;
	pfd_exceptions(&pfd); /* none waits: nothing to do */
	assert_int_equal(device.looked, 0);
}

/* The ring was full: who is at fault is told, once, and who isn't goes on. */
static void
test_lost(void **state)
{
	(void)state;
	device.enabled[2] = false;
	device.error_state = RVR_ERROR_STATE_EXCEPTION_FULL;
	pfd_exceptions(&pfd);
	assert_int_equal(told(), 1 << 3 | 1 << 1);
	assert_int_equal(pfd.state->clients[0].exceptions_written, 2);
	assert_true(pfd.state->ami_sw[1].faulted && pfd.state->ami_sw[3].faulted);
	assert_false(pfd.state->ami_sw[0].faulted || pfd.state->ami_sw[2].faulted);
	assert_int_equal(device.error_state, 0);
	assert_int_equal(warnings, 1);
	/* Again, and no second line for it. */
	device.exceptions = 1;
	device.enabled[1] = false;
	device.error_state = RVR_ERROR_STATE_EXCEPTION_FULL;
	pfd_exceptions(&pfd);
	assert_true(pfd.state->ami_sw[2].faulted);
	assert_int_equal(warnings, 1);
}

/* Contexts that are parked, or disabled, are nobody's business. */
static void
test_lost_others(void **state)
{
	(void)state;
	memset(device.enabled, 0, sizeof(device.enabled));
	pfd.state->ami_sw[0].taken = false;
	pfd.state->ami_sw[1].enabled = false;
	device.error_state = RVR_ERROR_STATE_INVALID_COMMAND;
	pfd_exceptions(&pfd);
	assert_int_equal(told(), 1 << 3 | 1 << 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
