/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_user_device.h"

/* Writing lines that nobody reads would be a third of a fuzzer's work; replays write them. */
#ifndef FUZZ_LOG_LEVEL
#define FUZZ_LOG_LEVEL REVERE_EMU_LOG_DEBUG
#endif

static void
quiet(void *arg, enum revere_emu_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

void
fuzz_need(bool ok)
{
	if (!ok)
		abort();
}

void
fuzz_device_init(struct fuzz_device *device)
{
	struct revere_emu_config config;
	char path[32];
	int memory;

	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	config.num_ami_sw = 4;
	config.num_ams = 2;
	config.num_vf = 1;
	config.msix_vectors = 8;
	config.max_log2_size = 8;
	config.log = quiet;
	config.log_level = FUZZ_LOG_LEVEL;
	device->emu = revere_emu_create("fuzz", &config, NULL, 0);
	fuzz_need(device->emu != NULL);
	/* The device makes a VF's pages when the PF first maps one: no descriptor left open. */
	fuzz_need(revere_emu_pages(device->emu, 1) != NULL);
	memory = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_need(ftruncate(memory, FUZZ_MEMORY) == 0);
	device->memory = mmap(NULL, FUZZ_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	fuzz_need(device->memory != MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	device->fds[FUZZ_FD_MEMORY] = memory;
	device->fds[FUZZ_FD_READ_ONLY] = open(path, O_RDONLY | O_CLOEXEC);
	device->fds[FUZZ_FD_EVENT] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	device->fds[FUZZ_FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

bool
fuzz_reaches_nothing(const struct fuzz_device *device)
{
	const struct amu_function *function = &device->emu->amu.functions[0];

	return function->space.num_regions == 0 && function->num_pasids == 0;
}

int
fuzz_free_fd(const struct fuzz_device *device)
{
	int fd = dup(device->fds[FUZZ_FD_NULL]);

	close(fd);
	return fd;
}
