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

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_user/vu.h"
#include "vfio_user_device.h"

#define REQUEST_HEADER 4
#define STORE 255
#define OWN 248

static struct fuzz_device device;
static struct vu_device dev;
static _Alignas(8) uint8_t reply[VU_MAX_DATA];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_device_init(&device);
	fuzz_need(vu_device_init(&dev, device.emu, 0) == 0);
	dev.direct = true; /* its description is to be read too */
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
		msg.fds[i] = dup(device.fds[head[0] >> 3 & 3]);
	fuzz_need(vu_handle(&dev, client, &msg) == !(head[2] & 2));
	fuzz_need(msg.header.size == sizeof(msg.header) + msg.reply_size);
	fuzz_need(msg.reply_size <= VU_MAX_DATA && (msg.header.error == 0 || msg.reply_size == 0));
}

static void
store(const uint8_t *payload, uint32_t size)
{
	uint16_t at;

	if (size <= sizeof(at))
		return;
	memcpy(&at, payload, sizeof(at));
	size -= sizeof(at);
	at %= FUZZ_MEMORY - UINT8_MAX;
	memcpy(device.memory + at, payload + sizeof(at), size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t version[REQUEST_HEADER] = { 0, VU_VERSION, 0, 4 };
	static const uint8_t zeroes[4];
	struct vu_client client = { .owner = false };
	int before = fuzz_free_fd(&device);
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
	fuzz_need(dev.owner == NULL && dev.dma.own.num == 0 && dev.dma.num_files == 0 &&
		dev.dma.num_pasids == 0 && fuzz_reaches_nothing(&device));
	fuzz_need(fuzz_free_fd(&device) == before);
	memset(device.memory, 0, FUZZ_MEMORY);
	return 0;
}
