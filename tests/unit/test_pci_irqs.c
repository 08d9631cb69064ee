/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* MSI-X vectors on vfio-pci; this program is the kernel, as far as its ioctls on vectors go. */

#include <errno.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "pci_irqs.h"

#define VFIO_FD 12345
#define VECTORS 16

/* The device has VECTORS, of which the machine gives so many. */
static struct {
	int left;
	uint32_t enabled;
	int fds[VECTORS];
	int failure; /* errno of each set-up, or 0 */
} kernel;

int __wrap_ioctl(int fd, unsigned long request, void *arg);

static int
refuse(int error)
{
	errno = error;
	return -1;
}

/* As vfio-pci does it, without dynamic MSI-X. */
static int
kernel_set_irqs(const struct vfio_irq_set *set)
{
	if (set->flags == (VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE)) {
		kernel.enabled = 0;
		return 0;
	}
	assert_int_equal(set->flags, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD);
	if (set->start + set->count > VECTORS)
		return refuse(EINVAL);
	if (kernel.enabled == 0) {
		if (kernel.failure != 0)
			return refuse(kernel.failure);
		if ((int)(set->start + set->count) > kernel.left)
			return kernel.left;
		kernel.enabled = set->start + set->count;
	} else if (set->start + set->count > kernel.enabled) {
		return refuse(EINVAL);
	}
	memcpy(&kernel.fds[set->start], set->data, set->count * sizeof(int));
	return 0;
}

int
__wrap_ioctl(int fd, unsigned long request, void *arg)
{
	struct vfio_irq_info *info = arg;

	assert_int_equal(fd, VFIO_FD);
	if (request == VFIO_DEVICE_SET_IRQS)
		return kernel_set_irqs(arg);
	assert_int_equal(request, VFIO_DEVICE_GET_IRQ_INFO);
	info->count = VECTORS;
	return 0;
}

static struct pci_irqs irqs;
static int fds[VECTORS];

static int
setup(void **state)
{
	unsigned int i;

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.left = VECTORS;
	pci_irqs_init(&irqs, "test", VFIO_FD);
	assert_int_equal(irqs.most, VECTORS);
	for (i = 0; i < VECTORS; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

static int
teardown(void **state)
{
	unsigned int i;

	(void)state;
	pci_irqs_fini(&irqs);
	assert_int_equal(kernel.enabled, 0);
	for (i = 0; i < VECTORS; i++)
		close(fds[i]);
	return 0;
}

static bool
woken(unsigned int vector)
{
	eventfd_t count;

	return eventfd_read(fds[vector], &count) == 0;
}

/* Those that were there are signalled, once, as what came meanwhile is lost. */
static void
test_add(void **state)
{
	(void)state;
	assert_int_equal(pci_irqs_set(&irqs, 0, fds[0]), 0);
	assert_false(woken(0));
	assert_int_equal(pci_irqs_set(&irqs, 3, fds[3]), 0);
	assert_true(woken(0));
	assert_int_equal(pci_irqs_set(&irqs, 4, fds[4]), 0);
	assert_true(woken(0));
	assert_true(woken(3));
	assert_false(woken(4));
	assert_int_equal(kernel.enabled, 5);
	assert_int_equal(kernel.fds[0], fds[0]);
	assert_int_equal(kernel.fds[1], -1);
	assert_int_equal(kernel.fds[3], fds[3]);
	assert_int_equal(kernel.fds[4], fds[4]);
	/* What needs no new vectors loses nothing. */
	assert_int_equal(pci_irqs_set(&irqs, 1, fds[1]), 0);
	assert_int_equal(pci_irqs_set(&irqs, 3, -1), 0);
	assert_int_equal(kernel.fds[1], fds[1]);
	assert_int_equal(kernel.fds[3], -1);
	assert_false(woken(0));
	assert_int_equal(pci_irqs_set(&irqs, 9, -1), 0);
	assert_int_equal(kernel.enabled, 5);
	assert_int_equal(pci_irqs_set(&irqs, VECTORS, fds[0]), -EINVAL);
}

/* Too few: said so, and what worked goes on. */
static void
test_too_few(void **state)
{
	(void)state;
	kernel.left = 4;
	assert_int_equal(pci_irqs_set(&irqs, 0, fds[0]), 0);
	assert_int_equal(pci_irqs_set(&irqs, 2, fds[2]), 0);
	assert_true(woken(0));
	assert_int_equal(pci_irqs_set(&irqs, 7, fds[7]), -ENOSPC);
	assert_int_equal(irqs.most, 4);
	assert_int_equal(kernel.enabled, 3);
	assert_int_equal(kernel.fds[0], fds[0]);
	assert_int_equal(kernel.fds[2], fds[2]);
	assert_true(woken(0));
	assert_true(woken(2));
	assert_int_equal(pci_irqs_set(&irqs, 3, fds[3]), 0);
	assert_int_equal(kernel.enabled, 4);
	assert_int_equal(kernel.fds[3], fds[3]);
}

/* None at all, the first time and later. */
static void
test_failure(void **state)
{
	(void)state;
	kernel.failure = EIO;
	assert_int_equal(pci_irqs_set(&irqs, 0, fds[0]), -EIO);
	kernel.failure = 0;
	assert_int_equal(pci_irqs_set(&irqs, 0, fds[0]), 0);
	kernel.failure = EIO;
	assert_int_equal(pci_irqs_set(&irqs, 1, fds[1]), -EIO);
	assert_int_equal(kernel.enabled, 0);
	assert_false(woken(0));
	kernel.failure = 0;
	assert_int_equal(pci_irqs_set(&irqs, 2, fds[2]), 0);
	assert_int_equal(kernel.fds[0], fds[0]);
	assert_int_equal(kernel.fds[1], -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
