/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Address spaces and views of the emulator: against a plain model, byte by byte.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "amu.h"
#include "kernel.h"

#define PAGE 4096u
#define PAGES 64u

struct fixture {
	struct dma_space space;
	struct dma_view view;
	uint8_t memory[PAGES * PAGE];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->space.bus_master = true;
	dma_view_init(&f->view, &f->space);
	for (size_t n = 0; n < sizeof(f->memory); n++)
		f->memory[n] = (uint8_t)(n * 7 + n / PAGE);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dma_space_fini(&f->space);
	free(f);
	return 0;
}

static void
test_map_rules(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dma_space_map(&f->space, 0x1000, f->memory, 0, 3), -EINVAL);
	assert_int_equal(dma_space_map(&f->space, UINT64_MAX - 1, f->memory, 4, 3), -EINVAL);
	assert_int_equal(dma_space_map(&f->space, 0x2000, f->memory, 0x2000, 3), 0);
	assert_int_equal(dma_space_map(&f->space, 0x3fff, f->memory, 1, 3), -EEXIST);
	assert_int_equal(dma_space_map(&f->space, 0x1000, f->memory, 0x1001, 3), -EEXIST);
	assert_int_equal(dma_space_map(&f->space, 0x1000, f->memory, 0x9000, 3), -EEXIST);
	/* Touching is fine; up to the last byte there is. */
	assert_int_equal(dma_space_map(&f->space, 0x4000, f->memory + 0x2000, 0x1000, 3), 0);
	assert_int_equal(f->space.num_regions, 1);
	assert_int_equal(dma_space_map(&f->space, 0x1000, f->memory, 0x1000, 1), 0);
	assert_int_equal(f->space.num_regions, 2);
	assert_int_equal(
		dma_space_map(&f->space, UINT64_MAX - 0xfff, f->memory + 0x3000, 0x1000, 3), 0);
	assert_ptr_equal(dma_translate(&f->view, UINT64_MAX, 1, 3), f->memory + 0x3fff);
	assert_null(dma_translate(&f->view, UINT64_MAX, 2, 3));
}

static void
test_unmap_parts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dma_space_map(&f->space, 0x10000, f->memory, 0x8000, 3), 0);
	assert_non_null(dma_translate(&f->view, 0x12000, 0x1000, 3));
	assert_int_equal(dma_space_unmap(&f->space, 0x12000, 0x1000), 0x1000); /* the middle */
	assert_null(dma_translate(&f->view, 0x12000, 1, 3));
	assert_null(dma_translate(&f->view, 0x11fff, 2, 3));
	assert_ptr_equal(dma_translate(&f->view, 0x13000, 0x5000, 3), f->memory + 0x3000);
	assert_int_equal(dma_space_unmap(&f->space, 0xf000, 0x2000), 0x1000); /* the start */
	assert_int_equal(dma_space_unmap(&f->space, 0x17000, 0x9000), 0x1000); /* the end */
	assert_int_equal(dma_space_unmap(&f->space, 0x80000, 0x1000), 0);
	assert_true(dma_covered(&f->space, 0x13000, 0x4000, 3));
	assert_false(dma_covered(&f->space, 0x13000, 0x4001, 3));
	assert_int_equal(dma_space_unmap(&f->space, 0, UINT64_MAX), 0x1000 + 0x4000);
	assert_int_equal(f->space.num_regions, 0);
}

static void
test_protection(void **state)
{
	struct fixture *f = *state;
	uint64_t word = 1;

	assert_int_equal(dma_space_map(&f->space, 0x1000, f->memory, 0x1000, 1), 0);
	assert_int_equal(dma_read(&f->view, &word, 0x1000, 8), 0);
	assert_int_equal(dma_write(&f->view, 0x1000, &word, 8), -EFAULT);
	assert_non_null(dma_translate(&f->view, 0x1000, 8, REVERE_EMU_PROT_READ));
	assert_null(dma_translate(&f->view, 0x1000, 8, REVERE_EMU_PROT_WRITE));
	f->space.bus_master = false;
	dma_space_changed(&f->space);
	assert_null(dma_translate(&f->view, 0x1000, 8, REVERE_EMU_PROT_READ));
	assert_int_equal(dma_read(&f->view, &word, 0x1000, 8), -EFAULT);
}

static void
test_across_regions(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[3 * PAGE];

	/* Pages one behind the other, their memory in reverse. */
	for (unsigned int n = 0; n < 8; n++)
		assert_int_equal(dma_space_map(&f->space, 0x1000 + n * PAGE,
					       f->memory + (7 - n) * PAGE, PAGE, 3), 0);
	assert_int_equal(f->space.num_regions, 8);
	assert_int_equal(dma_read(&f->view, bytes, 0x1000 + PAGE / 2, 2 * PAGE), 0);
	for (unsigned int n = 0; n < 2 * PAGE; n++) {
		unsigned int at = n + PAGE / 2;

		assert_int_equal(bytes[n], f->memory[(7 - at / PAGE) * PAGE + at % PAGE]);
	}
	memset(bytes, 0xa5, sizeof(bytes));
	assert_int_equal(dma_write(&f->view, 0x1000 + 6 * PAGE, bytes, 2 * PAGE), 0);
	assert_int_equal(f->memory[0], 0xa5);
	assert_int_equal(f->memory[2 * PAGE - 1], 0xa5);
	assert_int_equal(dma_write(&f->view, 0x1000 + 7 * PAGE, bytes, 2 * PAGE), -EFAULT);
}

static void
test_sva(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64], own[64];
	uint64_t va = (uint64_t)(uintptr_t)own;

	need_kernel_copies();
	memset(own, 0x5a, sizeof(own));
	assert_int_equal(dma_read(&f->view, bytes, va, sizeof(bytes)), -EFAULT);
	f->space.sva = true;
	dma_space_changed(&f->space);
	assert_int_equal(dma_read(&f->view, bytes, va, sizeof(bytes)), 0);
	assert_memory_equal(bytes, own, sizeof(own));
	memset(bytes, 1, sizeof(bytes));
	assert_int_equal(dma_write(&f->view, va, bytes, sizeof(bytes)), 0);
	assert_memory_equal(bytes, own, sizeof(own));
	assert_int_equal(dma_read(&f->view, bytes, 16, sizeof(bytes)), -EFAULT);
	assert_int_equal(dma_read(&f->view, bytes, UINT64_MAX - 10, sizeof(bytes)), -EFAULT);
}

/** Random maps, unmaps and accesses, page by page, against an array of pages. */
static void
test_against_model(void **state)
{
	struct fixture *f = *state;
	uint8_t *model[PAGES] = {0};
	unsigned int seed = 1;

	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int first = (unsigned int)rand_r(&seed) % PAGES;
		unsigned int count = 1 + (unsigned int)rand_r(&seed) % 8;
		uint64_t expected = 0;
		bool any = false, all = true;

		if (first + count > PAGES)
			count = PAGES - first;
		for (unsigned int n = first; n < first + count; n++) {
			any |= model[n] != NULL;
			all &= model[n] != NULL &&
			       (n == first || model[n] == model[n - 1] + PAGE);
			expected += model[n] != NULL ? PAGE : 0;
		}
		switch (rand_r(&seed) % 3) {
		case 0:
			assert_int_equal(dma_space_map(&f->space, first * PAGE,
						       f->memory + first * PAGE, count * PAGE, 3),
					 any ? -EEXIST : 0);
			for (unsigned int n = first; !any && n < first + count; n++)
				model[n] = f->memory + n * PAGE;
			break;
		case 1:
			assert_int_equal(dma_space_unmap(&f->space, first * PAGE, count * PAGE),
					 expected);
			memset(&model[first], 0, count * sizeof(model[0]));
			break;
		default:
			assert_ptr_equal(dma_translate(&f->view, first * PAGE, count * PAGE, 3),
					 all ? model[first] : NULL);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_map_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmap_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_across_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sva, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
	};

	return cmocka_run_group_tests_name("emu_dma", tests, NULL, NULL);
}
