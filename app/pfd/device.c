/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The Physical Function: management commands and exceptions by rings in a file of ours. A process
 * that dies leaves the rings to the next, which tells what was done by the device's indices.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "rvr_regs.h"

#define COMMAND_LOG2 6 /* at most; of responses too */
#define EXCEPTION_LOG2 8
#define COMMAND_AT 0x0u
#define RESPONSE_AT 0x1000u
#define EXCEPTION_AT 0x4000u

_Static_assert(COMMAND_AT + (RVR_MGT_MSG_SIZE << COMMAND_LOG2) <= RESPONSE_AT, "rings");
_Static_assert(RESPONSE_AT + (RVR_MGT_MSG_SIZE << COMMAND_LOG2) <= EXCEPTION_AT, "rings");
_Static_assert(EXCEPTION_AT + (RVR_MGT_MSG_SIZE << EXCEPTION_LOG2) <= DEVICE_RINGS_SIZE, "rings");

void
device_lose(struct pfd_device *device)
{
	device->lost = true;
	device->ops->lose(device);
}

static uint64_t
read64(struct pfd_device *device, uint32_t offset)
{
	return device->ops->read64(device, offset);
}

static int
write64(struct pfd_device *device, uint32_t offset, uint64_t value)
{
	return device->ops->write64(device, offset, value);
}

/* ---- Management commands -------------------------------------------------------------------- */

static uint8_t *
slot(const struct pfd_device *device, uint32_t ring, uint64_t index, unsigned int log2_size)
{
	uint64_t mask = (UINT64_C(1) << log2_size) - 1;

	return device->rings + ring + (index & mask) * RVR_MGT_MSG_SIZE;
}

/* Waits for a register of the device's index to be as it will be. */
static int
wait_index(struct pfd_device *device, uint32_t offset, uint64_t wanted)
{
	uint64_t deadline = pfd_now_us() + DEVICE_TIMEOUT_S * UINT64_C(1000000);
	struct timespec pause = { 0, 20000 };
	uint64_t value;

	for (;;) {
		value = read64(device, offset);
		if (device->lost)
			return -ENODEV;
		if (value == wanted)
			return 0;
		if (pfd_now_us() > deadline)
			break;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
	pfd_log(PFD_ERR, "the device's index at %#x is %" PRIu64 " and not %" PRIu64, offset,
		value, wanted);
	device_lose(device);
	return -ENODEV;
}

/* All that was posted is done: each command has one response. */
static int
device_flush(void *arg)
{
	struct pfd_device *device = arg;
	const uint64_t size = UINT64_C(1) << device->log2_commands;
	int ret;

	if (device->response == device->command)
		return 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ret = write64(device, RVR_MGT_WRITE_INDEX_TX, device->command);
	if (ret == 0)
		ret = wait_index(device, RVR_MGT_WRITE_INDEX_RX, device->command);
	if (ret < 0)
		return ret;
	device->response = device->command;
	/* Room for as many responses as commands is enough. */
	if (device->response - device->acknowledged < size / 2)
		return 0;
	device->acknowledged = device->response;
	return write64(device, RVR_MGT_READ_INDEX_RX, device->response);
}

/* A register costs a message to the server and one back: commands share these. */
static int
device_post(void *arg, const void *request)
{
	struct pfd_device *device = arg;
	int ret = 0;

	if (device->command - device->acknowledged == UINT64_C(1) << device->log2_commands)
		ret = device_flush(device);
	if (ret < 0)
		return ret;
	memcpy(slot(device, COMMAND_AT, device->command, device->log2_commands), request,
		RVR_MGT_MSG_SIZE);
	device->command++;
	return 0;
}

static int
device_command(void *arg, const void *request, void *response)
{
	struct pfd_device *device = arg;
	int ret = device_post(device, request);

	if (ret == 0)
		ret = device_flush(device);
	if (ret == 0)
		memcpy(response, slot(device, RESPONSE_AT, device->response - 1,
			device->log2_commands), RVR_MGT_MSG_SIZE);
	return ret;
}

static int
device_exceptions(void *arg)
{
	struct pfd_device *device = arg;
	uint64_t written = read64(device, RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (device->lost || written - device->exception > UINT64_C(1) << EXCEPTION_LOG2)
		return 0;
	return (int)(written - device->exception);
}

static void
device_exception(void *arg, void *msg)
{
	const struct pfd_device *device = arg;

	memcpy(msg, slot(device, EXCEPTION_AT, device->exception, EXCEPTION_LOG2),
		RVR_MGT_MSG_SIZE);
}

static void
device_exception_done(void *arg)
{
	struct pfd_device *device = arg;

	device->exception++;
	write64(device, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION, device->exception);
}

void
pfd_device_again(struct pfd_device *device)
{
	if (device_exceptions(device) > 0)
		eventfd_write(device->event_fd, 1);
}

static uint64_t
device_reg_read(void *arg, uint32_t offset)
{
	return read64(arg, offset);
}

static int
device_reg_write(void *arg, uint32_t offset, uint64_t value)
{
	return write64(arg, offset, value);
}

void
device_init(struct pfd_device *device, const struct device_ops *ops)
{
	unsigned int i;

	device->ops = ops;
	device->backend = *ops->backend;
	device->backend.command = device_command;
	device->backend.post = device_post;
	device->backend.flush = device_flush;
	device->backend.reg_read = device_reg_read;
	device->backend.reg_write = device_reg_write;
	device->backend.exceptions = device_exceptions;
	device->backend.exception = device_exception;
	device->backend.exception_done = device_exception_done;
	for (i = 0; i < PFD_KEPT_MAX; i++)
		device->kept[i] = -1;
	device->gone_fd = -1;
	device->event_fd = -1;
}

/* ---- Bring-up ------------------------------------------------------------------------------- */

/* The 0 to 1 edge of AMU_EN zeroes management indices. */
static int
bring_up(struct pfd_device *device)
{
	uint64_t most = rvr_get(read64(device, RVR_AMU_IDR), RVR_AMU_IDR_MAX_LOG2_SIZE);
	const uint64_t log2 = most < COMMAND_LOG2 ? most : COMMAND_LOG2;
	const struct {
		uint32_t offset;
		uint64_t value;
	} writes[] = {
		{ RVR_AMU_CR, 0 },
		{ RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1) },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_COMMAND, DEVICE_RINGS_IOVA + COMMAND_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_COMMAND, log2 },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_RESPONSE, DEVICE_RINGS_IOVA + RESPONSE_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_RESPONSE, log2 },
		{ RVR_MSK_BASE_PTR + 0x10 * RVR_MSK_EXCEPTION, DEVICE_RINGS_IOVA + EXCEPTION_AT },
		{ RVR_MSK_CTRL + 0x10 * RVR_MSK_EXCEPTION, EXCEPTION_LOG2 },
		{ RVR_MGT_RX_VECTOR, 0 },
		{ RVR_MGT_RX_DIGEST_MASK,
			UINT64_C(1) << RVR_MGT_RX_RESPONSE | UINT64_C(1) << RVR_MGT_RX_TRACE },
		{ RVR_MGT_RX_IRQ_CTRL, 1 },
	};
	size_t i;
	int ret = 0;

	if (rvr_get(read64(device, RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV) != RVR_ARCH_MAJOR) {
		pfd_log(PFD_ERR, "the device's architecture revision isn't %d", RVR_ARCH_MAJOR);
		return -ENOTSUP;
	}
	device->log2_commands = (unsigned int)log2;
	for (i = 0; i < sizeof(writes) / sizeof(writes[0]) && ret == 0; i++)
		ret = write64(device, writes[i].offset, writes[i].value);
	return ret;
}

/* A command on its way is done before its response is of no interest to anyone. */
static int
catch_up(struct pfd_device *device)
{
	int ret;

	device->command = read64(device, RVR_MGT_WRITE_INDEX_TX);
	device->log2_commands = (unsigned int)rvr_get(read64(device,
		RVR_MSK_CTRL + 0x10 * RVR_MSK_COMMAND), RVR_MSK_CTRL_LOG2_SIZE);
	if (device->lost)
		return -ENODEV;
	ret = wait_index(device, RVR_MGT_READ_INDEX_TX, device->command);
	/* Each command has one response: as many as commands. */
	if (ret == 0)
		ret = wait_index(device, RVR_MGT_WRITE_INDEX_RX, device->command);
	device->response = device->command;
	device->acknowledged = device->command;
	if (ret == 0)
		ret = write64(device, RVR_MGT_READ_INDEX_RX, device->response);
	device->exception = read64(device, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION);
	return ret;
}

/* ---- Life ----------------------------------------------------------------------------------- */

static size_t
rings_bytes(const struct pfd_device *device)
{
	return DEVICE_RINGS_SIZE + device->ops->notes;
}

static int
rings_map(struct pfd_device *device)
{
	void *at = mmap(NULL, rings_bytes(device), PROT_READ | PROT_WRITE, MAP_SHARED,
		device->kept[PFD_KEPT_RINGS], 0);

	if (at == MAP_FAILED)
		return -errno;
	device->rings = at;
	device->notes = device->rings + DEVICE_RINGS_SIZE;
	return 0;
}

static int
rings_make(struct pfd_device *device)
{
	int fd = memfd_create("revere-pfd-rings", MFD_CLOEXEC), ret;

	device->kept[PFD_KEPT_RINGS] = fd;
	if (fd < 0 || ftruncate(fd, (off_t)rings_bytes(device)) < 0)
		return -errno;
	ret = rings_map(device);
	return ret < 0 ? ret : device->ops->rings_share(device);
}

/* Interrupts of our own. */
static int
events_start(struct pfd_device *device)
{
	int ret = device->ops->start(device);

	if (ret < 0)
		return ret;
	device->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (device->event_fd < 0)
		return -errno;
	return device->backend.irq_set(device, 0, device->event_fd);
}

struct pfd_device *
pfd_device_open(const char *name, const char *vf_token)
{
	struct pfd_device *device = device_is_address(name) ? device_vfio_open(name, vf_token) :
		device_user_open(name);
	int ret;

	if (device == NULL)
		return NULL;
	ret = rings_make(device);
	if (ret == 0)
		ret = bring_up(device);
	if (ret == 0)
		ret = events_start(device);
	if (ret == 0)
		return device;
	pfd_log(PFD_ERR, "device %s: %s", name, strerror(-ret));
	pfd_device_close(device);
	return NULL;
}

struct pfd_device *
pfd_device_adopt(const int kept[PFD_KEPT_MAX])
{
	struct pfd_device *device = kept[PFD_KEPT_CONTAINER] >= 0 ? device_vfio_adopt(kept) :
		device_user_adopt(kept);
	int ret;

	if (device == NULL)
		return NULL;
	memcpy(device->kept, kept, sizeof(device->kept));
	ret = rings_map(device);
	if (ret == 0)
		ret = catch_up(device);
	if (ret == 0)
		ret = events_start(device);
	if (ret == 0)
		return device;
	pfd_log(PFD_ERR, "the device that was kept is of no use: %s", strerror(-ret));
	pfd_device_close(device);
	return NULL;
}

void
pfd_device_close(struct pfd_device *device)
{
	unsigned int i;

	if (device == NULL)
		return;
	device->ops->close(device);
	if (device->rings != NULL)
		munmap(device->rings, rings_bytes(device));
	if (device->event_fd >= 0)
		close(device->event_fd);
	for (i = 0; i < PFD_KEPT_MAX; i++)
		if (device->kept[i] >= 0)
			close(device->kept[i]);
	free(device);
}

const struct pfd_backend *
pfd_device_backend(const struct pfd_device *device)
{
	return &device->backend;
}

int
pfd_device_kept(const struct pfd_device *device, enum pfd_kept_fd which)
{
	return device->kept[which];
}

int
pfd_device_gone_fd(const struct pfd_device *device, uint32_t *events)
{
	*events = device->gone_events;
	return device->gone_fd;
}

int
pfd_device_event_fd(const struct pfd_device *device)
{
	return device->event_fd;
}

uint32_t
pfd_device_vectors(const struct pfd_device *device)
{
	return device->vectors;
}
