/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Fuzzes what a vfio-user client can send: requests with descriptors, from VERSION to doorbells,
 * to a device in inline mode, which then executes commands and moves messages in memory that the
 * same client has shared. For libFuzzer; replay.c runs single inputs with any compiler.
 *
 * An input is a sequence of requests, each
 *	u8 descriptors: [2:0] how many, [4:3] kind (memory, eventfd, memory read-only, /dev/null)
 *	u8 command
 *	u8 flags: [0] the payload is preceded by an argsz that fits, [1] no reply is wanted
 *	u8 size of the payload, then the payload
 * Commands from 248 on are this project's own, from RVR_VFIO_USER_FIRST on. Command 255 is no
 * request: the client stores into its memory, u16 where, then what.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "amu.h"
#include "vfio_user/vu.h"

#define MEMORY 0x8000
#define REQUEST_HEADER 4
#define STORE 255
#define OWN 248

/* Writing lines that nobody reads would be a third of a fuzzer's work; replays write them. */
#ifndef FUZZ_LOG_LEVEL
#define FUZZ_LOG_LEVEL REVERE_EMU_LOG_DEBUG
#endif

enum fd_kind { FD_MEMORY, FD_EVENT, FD_READ_ONLY, FD_NULL, FD_KINDS };

static struct vu_device dev;
static int kinds[FD_KINDS];
static uint8_t *memory;
static _Alignas(8) uint8_t reply[VU_MAX_DATA];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
quiet(void *arg, enum revere_emu_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
need(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct revere_emu_config config;
	struct revere_emu *emu;
	char path[32];

	(void)argc;
	(void)argv;
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	config.num_ami_sw = 4;
	config.num_ams = 2;
	config.num_vf = 1;
	config.msix_vectors = 8;
	config.max_log2_size = 8;
	config.log = quiet;
	config.log_level = FUZZ_LOG_LEVEL;
	emu = revere_emu_create("fuzz", &config, NULL, 0);
	need(emu != NULL && vu_device_init(&dev, emu, 0) == 0);
	/* The device makes a VF's pages when the PF first maps one: no descriptor left open. */
	need(revere_emu_pages(emu, 1) != NULL);
	dev.direct = true; /* its description is to be read too */
	kinds[FD_MEMORY] = memfd_create("fuzz", MFD_CLOEXEC);
	need(ftruncate(kinds[FD_MEMORY], MEMORY) == 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, kinds[FD_MEMORY], 0);
	need(memory != MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", kinds[FD_MEMORY]);
	kinds[FD_READ_ONLY] = open(path, O_RDONLY | O_CLOEXEC);
	kinds[FD_EVENT] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	kinds[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

/* Requests of this project's own have numbers that no byte holds. */
static uint16_t
command_of(uint8_t byte)
{
	return byte >= OWN ? (uint16_t)(RVR_VFIO_USER_FIRST + (byte - OWN)) : byte;
}

static void
request(struct vu_client *client, const uint8_t *head, const uint8_t *payload, uint32_t size)
{
	_Alignas(8) uint8_t data[sizeof(uint32_t) + UINT8_MAX];
	uint32_t argsz = 0;
	struct vu_msg msg = {
		.header = { .id = 7, .command = command_of(head[1]) },
		.data = data,
		.num_fds = head[0] & 7,
		.reply = reply,
	};
	unsigned int i;

	if (head[2] & 1) {
		argsz = sizeof(argsz) + size;
		memcpy(data, &argsz, sizeof(argsz));
		argsz = sizeof(argsz);
	}
	memcpy(data + argsz, payload, size);
	msg.size = argsz + size;
	msg.header.size = sizeof(msg.header) + msg.size;
	msg.header.flags = head[2] & 2 ? VU_F_NO_REPLY : 0;
	for (i = 0; i < msg.num_fds; i++)
		msg.fds[i] = dup(kinds[head[0] >> 3 & 3]);
	need(vu_handle(&dev, client, &msg) == !(head[2] & 2));
	need(msg.header.size == sizeof(msg.header) + msg.reply_size);
	need(msg.reply_size <= VU_MAX_DATA && (msg.header.error == 0 || msg.reply_size == 0));
}

static void
store(const uint8_t *payload, uint32_t size)
{
	uint16_t at;

	if (size <= sizeof(at))
		return;
	memcpy(&at, payload, sizeof(at));
	size -= sizeof(at);
	at %= MEMORY - UINT8_MAX;
	memcpy(memory + at, payload + sizeof(at), size);
}

/* The device reaches nothing: neither without PASID nor with one. */
static bool
reaches_nothing(void)
{
	const struct amu_function *function = &dev.emu->amu.functions[0];

	return function->space.num_regions == 0 && function->num_pasids == 0;
}

/* The lowest free descriptor: tells whether any was left open. */
static int
free_fd(void)
{
	int fd = dup(kinds[FD_NULL]);

	close(fd);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t version[REQUEST_HEADER] = { 0, VU_VERSION, 0, 4 };
	static const uint8_t zeroes[4];
	struct vu_client client = { .owner = false };
	int before = free_fd();
	uint32_t len;

	/* An input whose first request is no VERSION gets one. */
	if (size < REQUEST_HEADER || data[1] != VU_VERSION)
		request(&client, version, zeroes, sizeof(zeroes));
	while (size >= REQUEST_HEADER && !client.close) {
		len = data[3];
		if (len > size - REQUEST_HEADER)
			len = (uint32_t)(size - REQUEST_HEADER);
		if (data[1] == STORE)
			store(data + REQUEST_HEADER, len);
		else
			request(&client, data, data + REQUEST_HEADER, len);
		data += REQUEST_HEADER + len;
		size -= REQUEST_HEADER + len;
	}
	vu_client_gone(&dev, &client);
	need(dev.owner == NULL && dev.dma.own.num == 0 && dev.dma.num_files == 0 &&
		dev.dma.num_pasids == 0 && reaches_nothing());
	need(free_fd() == before);
	memset(memory, 0, MEMORY);
	return 0;
}
