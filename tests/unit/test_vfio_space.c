/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * revere-pfd's notes of what clients have mapped on vfio-pci; this program is the kernel, as far as
 * its ioctls on memory go, and says how large the pages of a file are.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device.h"
#include "vfio_space.h"

#define CONTAINER 12345
#define PAGE UINT64_C(0x1000)
#define LARGE UINT64_C(0x200000)
#define BASE UINT64_C(0x100000000)
#define LAST UINT64_C(0x7fffffffff) /* of 39 bits */
#define MSI_FIRST UINT64_C(0xfee00000)
#define MSI_LAST UINT64_C(0xfeefffff)
#define MAPS 64

static struct {
	unsigned int num, most;
	struct vfio_iova_range maps[MAPS];
	uint64_t block; /* bytes of a file's pages */
} kernel;

static struct space_notes notes; /* as in memory that is kept */
static struct space space;
static int file;

int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);

static int
refuse(int error)
{
	errno = error;
	return -1;
}

static int
kernel_info(void *arg)
{
	const struct vfio_iova_range ranges[] = { { 0, MSI_FIRST - 1 }, { MSI_LAST + 1, LAST } };
	struct vfio_iommu_type1_info info = { .flags = VFIO_IOMMU_INFO_CAPS };
	struct vfio_iommu_type1_info_cap_iova_range cap = { .nr_iovas = 2 };
	uint8_t *to = arg;

	info.cap_offset = sizeof(info);
	cap.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	memcpy(to, &info, sizeof(info));
	memcpy(to + sizeof(info), &cap, sizeof(cap));
	memcpy(to + sizeof(info) + sizeof(cap), ranges, sizeof(ranges));
	return 0;
}

static int
kernel_map(const struct vfio_iommu_type1_dma_map *map)
{
	unsigned int i;

	assert_int_equal(map->flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	for (i = 0; i < kernel.num; i++)
		if (map->iova <= kernel.maps[i].end &&
			kernel.maps[i].start <= map->iova + map->size - 1)
			return refuse(EEXIST);
	if (kernel.num == kernel.most)
		return refuse(ENOSPC);
	kernel.maps[kernel.num++] = (struct vfio_iova_range){ map->iova,
		map->iova + map->size - 1 };
	return 0;
}

/* What is mapped at once is unmapped at once. */
static int
kernel_unmap(const struct vfio_iommu_type1_dma_unmap *unmap)
{
	uint64_t last = unmap->iova + unmap->size - 1;
	unsigned int i, left = 0;

	for (i = 0; i < kernel.num; i++) {
		const struct vfio_iova_range map = kernel.maps[i];

		if (map.end < unmap->iova || map.start > last)
			kernel.maps[left++] = map;
		else if (map.start < unmap->iova || map.end > last)
			return refuse(EINVAL);
	}
	kernel.num = left;
	return 0;
}

int
__wrap_ioctl(int fd, unsigned long request, void *arg)
{
	assert_int_equal(fd, CONTAINER);
	if (request == VFIO_IOMMU_GET_INFO)
		return kernel_info(arg);
	if (request == VFIO_IOMMU_MAP_DMA)
		return kernel_map(arg);
	assert_int_equal(request, VFIO_IOMMU_UNMAP_DMA);
	return kernel_unmap(arg);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	assert_int_equal(fd, file);
	memset(st, 0, sizeof(*st));
	st->st_blksize = (blksize_t)kernel.block;
	return 0;
}

/* Its other name, where files may be large. */
int
__wrap_fstat64(int fd, struct stat *st)
{
	return __wrap_fstat(fd, st);
}

static int
setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(&notes, 0, sizeof(notes));
	kernel.most = MAPS;
	kernel.block = PAGE;
	space_open(&space, CONTAINER);
	space.notes = &notes;
	file = memfd_create("memory", MFD_CLOEXEC);
	return file < 0 ? -1 : ftruncate(file, (off_t)(8 * LARGE));
}

static int
teardown(void **state)
{
	(void)state;
	close(file);
	return 0;
}

static void
left_is(uint32_t owner, uint64_t iova, uint64_t size, int ret, uint64_t bytes, uint32_t maps)
{
	struct pfd_mapped left;

	assert_int_equal(space_unmap(&space, owner, iova, size, &left), ret);
	assert_int_equal(left.bytes, bytes);
	assert_int_equal(left.maps, maps);
}

static void
test_owners(void **state)
{
	(void)state;
	assert_int_equal(space_map(&space, 1, BASE, 4 * PAGE, file, 0), 0);
	assert_int_equal(space_map(&space, 2, BASE + 4 * PAGE, PAGE, file, PAGE), 0);
	assert_int_equal(space_map(&space, 1, BASE + 5 * PAGE, PAGE, file, PAGE), 0);
	/* Nobody's memory is unmapped by another, however large the range. */
	left_is(2, 0, UINT64_MAX, 0, 0, 0);
	assert_int_equal(kernel.num, 2);
	left_is(1, BASE, 4 * PAGE, 0, PAGE, 1);
	left_is(1, 0, 0, 0, 0, 0);
	assert_int_equal(kernel.num, 0);
	left_is(1, 0, 0, 0, 0, 0);
}

static void
test_refused(void **state)
{
	int reader;

	(void)state;
	assert_int_equal(space_map(&space, 1, BASE, 4 * PAGE, file, 0), 0);
	assert_int_equal(space_map(&space, 2, BASE + 3 * PAGE, 2 * PAGE, file, 0), -EEXIST);
	assert_int_equal(space_map(&space, 1, BASE - PAGE, 8 * PAGE, file, 0), -EEXIST);
	assert_int_equal(space_map(&space, 1, DEVICE_RINGS_IOVA, PAGE, file, 0), -EEXIST);
	assert_int_equal(space_map(&space, 1, LAST + 1, PAGE, file, 0), -ERANGE);
	assert_int_equal(space_map(&space, 1, LAST + 1 - PAGE, 2 * PAGE, file, 0), -ERANGE);
	assert_int_equal(space_map(&space, 1, MSI_FIRST - PAGE, 2 * PAGE, file, 0), -ERANGE);
	assert_int_equal(space_map(&space, 1, 0, UINT64_MAX & ~(PAGE - 1), file, 0), -ERANGE);
	assert_int_equal(space_map(&space, 1, 8, PAGE, file, 0), -EINVAL);
	assert_int_equal(space_map(&space, 1, 0, PAGE - 8, file, 0), -EINVAL);
	assert_int_equal(space_map(&space, 1, 0, PAGE, file, 8), -EINVAL);
	assert_int_equal(space_map(&space, 1, 0, 0, file, 0), -EINVAL);
	assert_int_equal(kernel.num, 1);
	close(file);
	/* Who may only read must not have the device write. */
	file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	reader = file;
	assert_int_equal(space_map(&space, 1, 0, PAGE, reader, 0), -EACCES);
	left_is(1, 0, 0, 0, 0, 0);
	assert_int_equal(kernel.num, 0);
}

static void
test_parts(void **state)
{
	(void)state;
	/* Small pages are mapped at once. */
	assert_int_equal(space_map(&space, 1, BASE, 4 * PAGE, file, 0), 0);
	left_is(1, BASE + PAGE, PAGE, -EINVAL, 4 * PAGE, 1);
	left_is(1, BASE, 8 * PAGE, 0, 0, 0);
	/* Large ones can go one by one, from the middle too. */
	kernel.block = LARGE;
	assert_int_equal(space_map(&space, 1, BASE, 8 * LARGE, file, 0), 0);
	assert_int_equal(kernel.num, 8);
	left_is(1, BASE + 2 * LARGE, LARGE, 0, 7 * LARGE, 2);
	left_is(1, BASE + 3 * LARGE + PAGE, LARGE, -EINVAL, 7 * LARGE, 2);
	assert_int_equal(space_map(&space, 2, BASE + 2 * LARGE, LARGE, file, 0), 0);
	assert_int_equal(space_map(&space, 2, BASE + LARGE, LARGE, file, 0), -EEXIST);
	left_is(1, BASE, LARGE, 0, 6 * LARGE, 2);
	left_is(1, BASE + 7 * LARGE, LARGE, 0, 5 * LARGE, 2);
	left_is(1, 0, 0, 0, 0, 0);
	assert_int_equal(kernel.num, 1);
	/* Part of a large page is mapped at once. */
	assert_int_equal(space_map(&space, 1, BASE, PAGE, file, 0), 0);
	left_is(1, 0, 0, 0, 0, 0);
	left_is(2, 0, 0, 0, 0, 0);
}

static void
test_failure(void **state)
{
	(void)state;
	kernel.block = LARGE;
	kernel.most = 5;
	assert_int_equal(space_map(&space, 1, BASE, 8 * LARGE, file, 0), -ENOSPC);
	assert_int_equal(kernel.num, 0);
	left_is(1, 0, 0, 0, 0, 0);
	assert_int_equal(space_map(&space, 1, BASE, 4 * LARGE, file, 0), 0);
	left_is(1, 0, 0, 0, 0, 0);
}

static void
test_kept(void **state)
{
	uint32_t i;

	(void)state;
	assert_int_equal(space_map(&space, 1, BASE, PAGE, file, 0), 0);
	/* The next process. */
	space_open(&space, CONTAINER);
	space.notes = &notes;
	assert_int_equal(space_map(&space, 2, BASE, PAGE, file, 0), -EEXIST);
	left_is(1, 0, 0, 0, 0, 0);
	assert_int_equal(kernel.num, 0);
	/* One is noted, but not mapped, as a process died in between. */
	notes.maps[7] = (struct space_map){ .iova = BASE, .size = PAGE, .step = PAGE, .owner = 3 };
	left_is(3, BASE, PAGE, 0, 0, 0);
	for (i = 0; i < SPACE_MAPS; i++)
		notes.maps[i] = (struct space_map){ BASE + i * PAGE, PAGE, PAGE, 1 };
	assert_int_equal(space_map(&space, 2, 0, PAGE, file, 0), -ENOSPC);
	left_is(1, 0, 0, 0, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	};

	return cmocka_run_group_tests_name("vfio_space", tests, NULL, NULL);
}
