/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The vfio-user server from inside: framing on a socket pair, the handshake's JSON, bookkeeping
 * of DMA maps against a model, configuration space's hooks. Inline mode, no threads.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/pci_regs.h>

#include "amu.h"
#include "emu_mgt.h"
#include "event.h"
#include "rvr_regs.h"
#include "vfio_user/vu.h"

#define PAGE 4096u
#define IOVA UINT64_C(0x100000000)
#define REPLY_MAX (VU_MAX_DATA + 16)

struct peer {
	struct revere_emu *emu;
	struct revere_emu_vfio_user *server;
	int fd; /* the client's end */
	uint16_t id;
	uint32_t reply_size; /* of the payload */
	int reply_fd;
	_Alignas(8) uint8_t reply[REPLY_MAX];
};

static struct peer peer;

static void
quiet(void *arg, enum revere_emu_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static struct revere_emu *
emu_make(void)
{
	struct revere_emu_config config;
	struct revere_emu *emu;

	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	config.num_ami_sw = 4;
	config.num_vf = 2;
	config.msix_vectors = 16;
	config.log = quiet;
	emu = revere_emu_create("test", &config, NULL, 0);
	assert_non_null(emu);
	return emu;
}

static void
peer_connect(struct peer *p)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(revere_emu_vfio_user_adopt(p->server, fds[1]), 0);
	p->fd = fds[0];
}

/* Sends bytes with descriptors; nothing is answered before the server's next turn. */
static void
peer_bytes(struct peer *p, const void *data, size_t size, const int *fds, unsigned int num)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	_Alignas(8) char control[CMSG_SPACE(64 * sizeof(int))];
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;

	if (num > 0) {
		memset(control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(num * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, num * sizeof(int));
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(num * sizeof(int));
	}
	assert_int_equal(sendmsg(p->fd, &msg, MSG_NOSIGNAL), size);
}

static void
peer_read(struct peer *p, void *to, size_t size)
{
	_Alignas(8) char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec iov = { .iov_base = to, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	ssize_t got;

	while (iov.iov_len > 0) {
		assert_int_equal(revere_emu_vfio_user_process(p->server), 0);
		got = recvmsg(p->fd, &msg, MSG_DONTWAIT);
		assert_true(got > 0);
		cmsg = CMSG_FIRSTHDR(&msg);
		if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS)
			memcpy(&p->reply_fd, CMSG_DATA(cmsg), sizeof(int));
		iov.iov_base = (uint8_t *)iov.iov_base + got;
		iov.iov_len -= (size_t)got;
		msg.msg_controllen = sizeof(control);
	}
}

/* The error of the next reply, 0 none. */
static int
peer_reply(struct peer *p, uint16_t command)
{
	struct vu_header header;

	p->reply_fd = -1;
	peer_read(p, &header, sizeof(header));
	assert_int_equal(header.id, p->id);
	assert_int_equal(header.command, command);
	assert_int_equal(header.flags & VU_F_TYPE_MASK, VU_F_REPLY);
	assert_int_equal((header.flags & VU_F_ERROR) != 0, header.error != 0);
	p->reply_size = header.size - (uint32_t)sizeof(header);
	assert_true(p->reply_size <= REPLY_MAX);
	peer_read(p, p->reply, p->reply_size);
	return (int)header.error;
}

static void
peer_send(struct peer *p, uint16_t command, const void *data, uint32_t size, const int *fds,
	unsigned int num)
{
	uint8_t bytes[256];
	struct vu_header header = { .id = ++p->id, .command = command,
		.size = (uint32_t)sizeof(header) + size };

	assert_true(header.size <= sizeof(bytes));
	memcpy(bytes, &header, sizeof(header));
	if (size > 0)
		memcpy(bytes + sizeof(header), data, size);
	peer_bytes(p, bytes, header.size, fds, num);
}

static int
peer_request(struct peer *p, uint16_t command, const void *data, uint32_t size, const int *fds,
	unsigned int num)
{
	peer_send(p, command, data, size, fds, num);
	return peer_reply(p, command);
}

static int
peer_version(struct peer *p, uint16_t major, uint16_t minor, const char *json, size_t json_size)
{
	struct vu_version version = { major, minor };
	uint8_t data[200];

	memcpy(data, &version, sizeof(version));
	memcpy(data + sizeof(version), json, json_size);
	return peer_request(p, VU_VERSION, data, (uint32_t)(sizeof(version) + json_size), NULL, 0);
}

static bool
peer_closed(struct peer *p)
{
	char byte;
	ssize_t got;

	assert_int_equal(revere_emu_vfio_user_process(p->server), 0);
	got = recv(p->fd, &byte, 1, MSG_DONTWAIT);
	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static int
setup(void **state)
{
	memset(&peer, 0, sizeof(peer));
	peer.emu = emu_make();
	peer.server = revere_emu_vfio_user_create(peer.emu, 0, NULL, NULL, 0);
	assert_non_null(peer.server);
	peer_connect(&peer);
	*state = &peer;
	return 0;
}

static int
setup_negotiated(void **state)
{
	setup(state);
	assert_int_equal(peer_version(&peer, 0, 1, "{}", 3), 0);
	return 0;
}

static int
teardown(void **state)
{
	struct peer *p = *state;

	close(p->fd);
	revere_emu_vfio_user_destroy(p->server);
	revere_emu_destroy(p->emu);
	return 0;
}

/* ---- Handshake ------------------------------------------------------------------------------ */

static void
test_version(void **state)
{
	struct peer *p = *state;
	uint16_t version[2];

	assert_false(revere_emu_vfio_user_connected(p->server));
	assert_int_equal(peer_version(p, 0, 7, "", 0), 0);
	memcpy(version, p->reply, sizeof(version));
	assert_int_equal(version[0], 0);
	assert_int_equal(version[1], 1);
	assert_int_equal(p->reply[p->reply_size - 1], 0);
	assert_memory_equal(p->reply + 4, "{\"capabilities\":{", 17);
	assert_true(revere_emu_vfio_user_connected(p->server));
	assert_int_equal(peer_version(p, 0, 1, "", 0), EINVAL);
	assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, NULL, 0), 0);
}

#define JSON(text) { text, sizeof(text) }

static void
test_json(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} good[] = {
		JSON(""), JSON("{}"), JSON(" {\n\t} "), JSON("{\"capabilities\":{}}"),
		JSON("{\"capabilities\":{\"max_msg_fds\":8,\"other\":[{},[],\"x\\\"y\"]}}"),
		JSON("{\"a\":-1.5e+3,\"b\":true,\"c\":false,\"d\":null,\"max_msg_fds\":\"x\"}"),
		JSON("{\"capabilities\":{\"x\":{\"max_msg_fds\":\"x\"}}}"),
	}, bad[] = {
		JSON("{"), JSON("}"), JSON("[]"), JSON("1"), JSON("{} x"), JSON("{}\0{}"),
		JSON("{\"a\"}"), JSON("{\"a\":}"), JSON("{\"a\":1,}"), JSON("{a:1}"),
		JSON("{\"a\":1 \"b\":2}"), JSON("{\"a"), JSON("{\"a\\"), JSON("{\"a\\\""),
		JSON("{\"a\":tru}"), JSON("{\"a\":+-1}"), JSON("{\"a\":[1,2}"), JSON("{\"a\n\":1}"),
		JSON("{\"capabilities\":{\"max_msg_fds\":-1}}"),
		JSON("{\"capabilities\":{\"max_msg_fds\":\"8\"}}"),
		JSON("{\"capabilities\":{\"max_msg_fds\":[8]}}"),
		JSON("{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"),
		{ "{}", 2 }, { "{\"a\":1}x", 8 },
	};
	struct peer *p = *state;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(peer_version(p, 0, 1, good[i].text, good[i].size), 0);
		close(p->fd);
		assert_int_equal(revere_emu_vfio_user_process(p->server), 0);
		assert_false(revere_emu_vfio_user_connected(p->server));
		peer_connect(p);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(peer_version(p, 0, 1, bad[i].text, bad[i].size), EINVAL);
		assert_true(peer_closed(p));
		close(p->fd);
		peer_connect(p);
	}
}

static void
test_who_may_enter(void **state)
{
	struct peer *p = *state, other = *p;

	assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, NULL, 0), EPROTO);
	assert_true(peer_closed(p));
	close(p->fd);
	peer_connect(p);
	assert_int_equal(peer_version(p, 1, 0, "", 0), EPROTONOSUPPORT);
	assert_true(peer_closed(p));
	close(p->fd);
	peer_connect(p);
	assert_int_equal(peer_version(p, 0, 0, "", 0), 0);
	peer_connect(&other);
	assert_int_equal(peer_version(&other, 0, 0, "", 0), EBUSY);
	assert_true(peer_closed(&other));
	close(other.fd);
	assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, NULL, 0), 0);
}

/* ---- Framing --------------------------------------------------------------------------------- */

/* However a message is cut, and whichever piece its descriptor comes with. */
static void
test_pieces(void **state)
{
	struct peer *p = *state;
	struct vu_dma_map map = { .argsz = sizeof(map), .flags = 3, .addr = IOVA, .size = PAGE };
	struct vu_dma_unmap unmap = { .argsz = sizeof(unmap), .addr = IOVA, .size = PAGE };
	struct vu_header header = { .command = VU_DMA_MAP, .size = sizeof(header) + sizeof(map) };
	uint8_t bytes[sizeof(header) + sizeof(map)];
	int fd = memfd_create("memory", MFD_CLOEXEC);
	size_t cut;

	assert_int_equal(ftruncate(fd, PAGE), 0);
	for (cut = 1; cut < sizeof(bytes); cut++) {
		header.id = ++p->id;
		memcpy(bytes, &header, sizeof(header));
		memcpy(bytes + sizeof(header), &map, sizeof(map));
		peer_bytes(p, bytes, cut, &fd, cut % 2);
		assert_int_equal(revere_emu_vfio_user_process(p->server), 0);
		peer_bytes(p, bytes + cut, sizeof(bytes) - cut, &fd, 1 - cut % 2);
		assert_int_equal(peer_reply(p, VU_DMA_MAP), 0);
		assert_int_equal(peer_request(p, VU_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0), 0);
	}
	close(fd);
}

static void
test_headers(void **state)
{
	static const struct vu_header bad[] = {
		{ .command = VU_REGION_READ, .size = 0 },
		{ .command = VU_REGION_READ, .size = 15 },
		{ .command = VU_REGION_WRITE, .size = sizeof(struct vu_header) + VU_MAX_DATA + 1 },
		{ .command = VU_REGION_READ, .size = UINT32_MAX },
		{ .command = VU_REGION_READ, .size = 16, .flags = VU_F_REPLY },
		{ .command = VU_REGION_READ, .size = 16, .flags = 7 },
	};
	struct peer *p = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p->id = 0;
		peer_bytes(p, &bad[i], sizeof(bad[i]), NULL, 0);
		assert_int_not_equal(peer_reply(p, bad[i].command), 0);
		assert_true(peer_closed(p));
		close(p->fd);
		peer_connect(p);
		assert_int_equal(peer_version(p, 0, 1, "", 0), 0);
	}
}

static int
lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void
test_descriptors(void **state)
{
	struct peer *p = *state;
	int before = lowest_fd(), fds[64], i;

	for (i = 0; i < 64; i++)
		fds[i] = 0;
	for (i = 1; i <= VU_MAX_FDS; i++) {
		assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, fds, (unsigned int)i),
			EINVAL);
		assert_int_equal(lowest_fd(), before);
	}
	assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, fds, 64), EINVAL);
	assert_true(peer_closed(p));
	assert_int_equal(lowest_fd(), before - 1); /* the server's end */
}

static void
test_no_reply(void **state)
{
	struct peer *p = *state;
	struct vu_header header = { .id = 1, .command = 99, .size = sizeof(header),
		.flags = VU_F_NO_REPLY };

	peer_bytes(p, &header, sizeof(header), NULL, 0);
	header.command = VU_DEVICE_RESET;
	peer_bytes(p, &header, sizeof(header), NULL, 0);
	assert_int_equal(peer_request(p, VU_DEVICE_RESET, NULL, 0, NULL, 0), 0);
}

/* ---- DMA maps ---------------------------------------------------------------------------- */

#define MODEL_PAGES 64

static int
map_pages(struct peer *p, unsigned int page, unsigned int count, int fd)
{
	struct vu_dma_map map = { .argsz = sizeof(map), .flags = 3, .addr = IOVA + page * PAGE,
		.size = (uint64_t)count * PAGE, .offset = (uint64_t)page * PAGE };

	return peer_request(p, VU_DMA_MAP, &map, sizeof(map), &fd, fd >= 0);
}

static int
unmap_pages(struct peer *p, unsigned int page, unsigned int count)
{
	struct vu_dma_unmap unmap = { .argsz = sizeof(unmap), .addr = IOVA + page * PAGE,
		.size = (uint64_t)count * PAGE };

	return peer_request(p, VU_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0);
}

/* Which pages are mapped, found by trying to map each. */
static uint64_t
mapped_pages(struct peer *p)
{
	uint64_t mapped = 0;
	unsigned int page;
	int ret;

	for (page = 0; page < MODEL_PAGES; page++) {
		ret = map_pages(p, page, 1, -1);
		assert_true(ret == 0 || ret == EEXIST);
		if (ret == EEXIST)
			mapped |= UINT64_C(1) << page;
		else
			assert_int_equal(unmap_pages(p, page, 1), 0);
	}
	return mapped;
}

/* Maps and unmaps of any size and place, also of parts, against a bit for each page. */
static void
test_dma_model(void **state)
{
	struct peer *p = *state;
	int fds[2] = { memfd_create("a", MFD_CLOEXEC), memfd_create("b", MFD_CLOEXEC) };
	unsigned int page, count, turn, seed = 1;
	uint64_t model = 0, bits;

	assert_int_equal(ftruncate(fds[0], MODEL_PAGES * PAGE), 0);
	assert_int_equal(ftruncate(fds[1], MODEL_PAGES * PAGE), 0);
	for (turn = 0; turn < 2000; turn++) {
		page = (unsigned int)rand_r(&seed) % MODEL_PAGES;
		count = 1 + (unsigned int)rand_r(&seed) % (MODEL_PAGES - page) % 12;
		bits = ((UINT64_C(1) << count) - 1) << page;
		if (rand_r(&seed) % 2 == 0) {
			assert_int_equal(map_pages(p, page, count,
				turn % 3 == 2 ? -1 : fds[turn % 3]), model & bits ? EEXIST : 0);
			model |= model & bits ? 0 : bits;
		} else {
			assert_int_equal(unmap_pages(p, page, count), 0);
			model &= ~bits;
		}
		if (turn % 100 == 0)
			assert_true(mapped_pages(p) == model);
	}
	assert_int_equal(unmap_pages(p, 0, MODEL_PAGES), 0);
	assert_true(mapped_pages(p) == 0);
	close(fds[0]);
	close(fds[1]);
}

static int
map_pasid(struct peer *p, uint32_t pasid, uint64_t iova, uint64_t size, const int *fd)
{
	const struct rvr_vfio_user_dma_map_pasid map = { .argsz = sizeof(map), .flags = 3,
		.addr = iova, .size = size, .pasid = pasid };

	return peer_request(p, RVR_VFIO_USER_DMA_MAP_PASID, &map, sizeof(map), fd, fd != NULL);
}

static int
unmap_pasid(struct peer *p, uint32_t pasid, uint32_t flags, uint64_t iova, uint64_t size)
{
	const struct rvr_vfio_user_dma_unmap_pasid unmap = { .argsz = sizeof(unmap),
		.flags = flags, .addr = iova, .size = size, .pasid = pasid };

	return peer_request(p, RVR_VFIO_USER_DMA_UNMAP_PASID, &unmap, sizeof(unmap), NULL, 0);
}

/* What the reply to an unmap says that is left. */
static void
assert_left(const struct peer *p, uint64_t size, uint32_t maps)
{
	struct rvr_vfio_user_dma_unmap_pasid left;

	assert_int_equal(p->reply_size, sizeof(left));
	memcpy(&left, p->reply, sizeof(left));
	assert_int_equal(left.size, size);
	assert_int_equal(left.maps, maps);
}

/* Each PASID has maps of its own, and their end is the end of its space. */
static void
test_pasid_maps(void **state)
{
	struct peer *p = *state;
	int fd = memfd_create("pasid", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(map_pasid(p, 1, IOVA, 4 * PAGE, &fd), 0);
	assert_int_equal(map_pasid(p, 2, IOVA, 4 * PAGE, &fd), 0);
	assert_int_equal(map_pasid(p, 1, IOVA + PAGE, PAGE, &fd), EEXIST);
	assert_int_equal(map_pasid(p, 1, IOVA + 4 * PAGE, PAGE, NULL), EINVAL);
	assert_int_equal(map_pasid(p, 1, IOVA + 4 * PAGE, 5 * PAGE, &fd), EINVAL);
	assert_int_equal(map_pasid(p, 1u << 20, IOVA, PAGE, &fd), EINVAL);
	assert_int_equal(unmap_pasid(p, 1, 0, IOVA + 64 * PAGE, 64 * PAGE), 0);
	assert_left(p, 4 * PAGE, 1);
	assert_int_equal(unmap_pasid(p, 1, 0, IOVA + PAGE, PAGE), 0);
	assert_left(p, 3 * PAGE, 2);
	assert_int_equal(map_pasid(p, 1, IOVA + PAGE, PAGE, &fd), 0);
	assert_int_equal(map_pasid(p, 2, IOVA + PAGE, PAGE, &fd), EEXIST);
	assert_int_equal(unmap_pasid(p, 1, VU_DMA_UNMAP_F_ALL, 0, 0), 0);
	assert_left(p, 0, 0);
	assert_int_equal(map_pasid(p, 1, IOVA, 4 * PAGE, &fd), 0);
	assert_int_equal(unmap_pasid(p, 7, VU_DMA_UNMAP_F_ALL, 0, 0), 0);
	/* What takes nothing away is a question. */
	assert_int_equal(unmap_pasid(p, 1, 0, 0, 0), 0);
	assert_left(p, 4 * PAGE, 1);
	assert_int_equal(unmap_pasid(p, 7, 0, 0, 0), 0);
	assert_left(p, 0, 0);
	assert_int_equal(unmap_pasid(p, 1, 0, IOVA, 0), EINVAL);
	close(fd);
}

/* Regions that the device has, with PASID and without. */
static unsigned int
device_regions(const struct peer *p)
{
	const struct amu_function *function = &p->emu->amu.functions[0];

	return function->space.num_regions + function->num_pasids;
}

/* Bytes from 0 to 2^64 - 1 are more than a size can say. */
static void
test_dma_ends(void **state)
{
	const uint64_t top = UINT64_MAX - PAGE + 1;
	struct vu_dma_map map = { .argsz = sizeof(map), .flags = 3, .size = PAGE };
	struct vu_dma_unmap all = { .argsz = sizeof(all), .flags = VU_DMA_UNMAP_F_ALL };
	int fd = memfd_create("ends", MFD_CLOEXEC), turn;
	struct peer *p = *state;

	assert_int_equal(ftruncate(fd, PAGE), 0);
	for (turn = 0; turn < 2; turn++) {
		map.addr = 0;
		assert_int_equal(peer_request(p, VU_DMA_MAP, &map, sizeof(map), &fd, 1), 0);
		map.addr = top;
		assert_int_equal(peer_request(p, VU_DMA_MAP, &map, sizeof(map), &fd, 1), 0);
		assert_int_equal(map_pasid(p, 5, 0, PAGE, &fd), 0);
		assert_int_equal(map_pasid(p, 5, top, PAGE, &fd), 0);
		assert_int_equal(device_regions(p), 3);
		if (turn == 1)
			break;
		assert_int_equal(unmap_pasid(p, 5, VU_DMA_UNMAP_F_ALL, 0, 0), 0);
		assert_int_equal(device_regions(p), 2);
		assert_int_equal(peer_request(p, VU_DMA_UNMAP, &all, sizeof(all), NULL, 0), 0);
		assert_int_equal(device_regions(p), 0);
	}
	close(p->fd);
	assert_int_equal(revere_emu_vfio_user_process(p->server), 0);
	assert_int_equal(device_regions(p), 0);
	peer_connect(p);
	close(fd);
}

/* Files with much more in them than what is mapped cost no more address space than that. */
static void
test_pasid_sparse(void **state)
{
	struct peer *p = *state;
	unsigned int i;
	int fd;

	for (i = 0; i < 64; i++) {
		fd = memfd_create("sparse", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, (off_t)1 << 44), 0);
		assert_int_equal(map_pasid(p, 1, IOVA + (uint64_t)i * PAGE, PAGE, &fd), 0);
		close(fd);
	}
	assert_int_equal(unmap_pasid(p, 1, VU_DMA_UNMAP_F_ALL, 0, 0), 0);
}

/* A page of its own is for devices with threads, as is mapping any. */
static void
test_page_inline(void **state)
{
	const struct rvr_vfio_user_page page = { .argsz = sizeof(page) };
	struct rvr_vfio_user_page_kept kept = { .argsz = sizeof(kept) };
	struct peer *p = *state;

	assert_int_equal(peer_request(p, RVR_VFIO_USER_PAGE, &page, sizeof(page), NULL, 0),
		ENOTSUP);
	assert_int_equal(peer_request(p, RVR_VFIO_USER_PAGE_KEPT, &kept, sizeof(kept), NULL, 0),
		ENOTSUP);
	kept.key = UINT16_MAX + 1;
	assert_int_equal(peer_request(p, RVR_VFIO_USER_PAGE_KEPT, &kept, sizeof(kept), NULL, 0),
		EINVAL);
}

/* ---- AMI-SW pages of a VF ------------------------------------------------------------------ */

static uint8_t *
page_at(int fd, uint64_t offset)
{
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	assert_true(page != MAP_FAILED);
	return page;
}

/* Answers a client that isn't behind a socket; the descriptor of the reply, or -1. */
static int
ask(struct vu_device *dev, struct vu_client *client, uint16_t command, void *data, uint32_t size)
{
	static _Alignas(8) uint8_t reply[256];
	struct vu_msg msg = { .header = { .command = command }, .data = data, .size = size,
		.reply = reply };

	vu_handle(dev, client, &msg);
	assert_int_equal(msg.header.error, 0);
	return msg.reply_fd;
}

/* Memory of the page of AMI-SW 1 as a new client gets it. */
static uint8_t *
client_new(struct vu_device *dev, struct vu_client *client)
{
	struct vu_version version = { .minor = 1 };
	struct vfio_region_info info = { .argsz = 256, .index = RVR_PCI_BAR_REGS };

	ask(dev, client, VU_VERSION, &version, sizeof(version));
	dev->client_max_fds = 8;
	return page_at(ask(dev, client, VU_DEVICE_GET_REGION_INFO, &info, sizeof(info)),
		REVERE_EMU_PAGES_OFFSET + RVR_AMI_SW_PAGE_STRIDE);
}

/*
 * A VF's AMI-SW stays mapped when its client goes; the next client has its page, whatever the one
 * before had made of it, and the one before has nothing.
 */
static void
test_page_next(void **state)
{
	struct rvr_vfio_user_page page = { .argsz = sizeof(page), .ami_sw_id = 1 };
	struct rvr_vfio_user_page_kept kept = { .argsz = sizeof(kept), .key = 7,
		.flags = RVR_VFIO_USER_PAGE_BIND, .ami_sw_id = 1 };
	struct revere_emu_config config;
	struct vu_client client = { .owner = false };
	uint8_t *old[3], *next, *seen;
	static struct vu_device dev;
	struct mc m;
	unsigned int turn, i;

	(void)state;
	mc_config(&config);
	mc_open(&m, &config);
	MC_OK(&m, 0, pf_f_enable, .f_owner = 1);
	MC_OK(&m, 0, pf_ami_sw_map, .phy_ami_sw_id = 4, .ami_sw_id = 1, .f_owner = 1);
	assert_int_equal(vu_device_init(&dev, m.emu, 1), 0);
	dev.direct = true;
	seen = (uint8_t *)revere_emu_pages(m.emu, 1) + RVR_AMI_SW_PAGE_STRIDE;
	for (turn = 0; turn < 2; turn++) {
		old[0] = client_new(&dev, &client);
		old[1] = page_at(ask(&dev, &client, RVR_VFIO_USER_PAGE, &page, sizeof(page)), 0);
		old[2] = page_at(ask(&dev, &client, RVR_VFIO_USER_PAGE_KEPT, &kept, sizeof(kept)),
			0);
		old[2][8] = 3;
		assert_int_equal(seen[8], 3);
		vu_client_gone(&dev, &client);
		assert_int_equal(seen[8], 0);
		next = client_new(&dev, &client);
		for (i = 0; i < 3; i++)
			old[i][8] = 5;
		assert_int_equal(seen[8], 0);
		next[8] = 9;
		assert_int_equal(seen[8], 9);
		vu_client_gone(&dev, &client);
		for (i = 0; i < 3; i++)
			munmap(old[i], PAGE);
		munmap(next, PAGE);
	}
	vu_device_fini(&dev);
	mc_close(&m);
}

/* What a signal handler is to put right: memory whose file has become shorter. */
static void
test_sigbus_guard(void **state)
{
	struct vu_device dev;
	struct vu_dma_map map = { .argsz = sizeof(map), .flags = 3, .addr = IOVA,
		.size = 2 * PAGE };
	_Alignas(8) uint8_t reply[64];
	struct vu_msg msg = { .data = (const uint8_t *)&map, .size = sizeof(map), .num_fds = 1,
		.reply = reply };
	struct peer *p = *state;
	uint8_t *base;

	assert_int_equal(vu_device_init(&dev, p->emu, 1), 0);
	msg.fds[0] = memfd_create("shrinks", MFD_CLOEXEC);
	assert_int_equal(ftruncate(msg.fds[0], 2 * PAGE), 0);
	assert_int_equal(vu_dma_map(&dev, &msg), 0);
	base = TAILQ_FIRST(&dev.dma.files)->base;
	base[PAGE] = 1;
	assert_false(revere_emu_vfio_user_sigbus(&base[2 * PAGE]));
	assert_false(revere_emu_vfio_user_sigbus(&dev));
	assert_int_equal(ftruncate(msg.fds[0], PAGE), 0);
	assert_true(revere_emu_vfio_user_sigbus(&base[PAGE + 100]));
	base[PAGE + 100] = 1;
	/* What isn't the file any more is not used for its next map. */
	assert_int_equal(ftruncate(msg.fds[0], 4 * PAGE), 0);
	map.addr += 4 * PAGE;
	assert_int_equal(vu_dma_map(&dev, &msg), 0);
	assert_int_equal(dev.dma.num_files, 2);
	close(msg.fds[0]);
	vu_device_fini(&dev);
	assert_false(revere_emu_vfio_user_sigbus(&base[0]));
}

#define SHARERS 1000

/* One more file for a Function's memory, of a page. */
static int
map_file_more(struct vu_device *dev, unsigned int number)
{
	struct vu_dma_map map = { .argsz = sizeof(map), .flags = 3, .addr = IOVA + number * PAGE,
		.size = PAGE };
	struct vu_msg msg = { .data = (const uint8_t *)&map, .size = sizeof(map), .num_fds = 1 };
	int ret;

	msg.fds[0] = memfd_create("share", MFD_CLOEXEC);
	assert_int_equal(ftruncate(msg.fds[0], PAGE), 0);
	ret = vu_dma_map(dev, &msg);
	close(msg.fds[0]);
	return ret;
}

/* One Function's client can't take all there is for files: others get their share. */
static void
test_files_share(void **state)
{
	struct vu_device *devs = calloc(SHARERS, sizeof(*devs));
	struct peer *p = *state;
	unsigned int i, files;
	int ret = 0;

	assert_non_null(devs);
	for (i = 0; i < SHARERS; i++)
		assert_int_equal(vu_device_init(&devs[i], p->emu, 1 + i % 2), 0);
	for (files = 0; files < 1000 && ret == 0; files++)
		ret = map_file_more(&devs[0], files);
	assert_int_equal(ret, -ENOSPC);
	assert_in_range(devs[0].dma.num_files, 32, 100);
	assert_int_equal(map_file_more(&devs[1], 0), 0);
	for (i = 1; i < SHARERS; i++)
		vu_device_fini(&devs[i]);
	for (; files < 1000; files++)
		assert_int_equal(map_file_more(&devs[0], files), 0);
	vu_device_fini(&devs[0]);
	free(devs);
}

/* ---- Configuration space ----------------------------------------------------------------- */

static uint32_t
config_get(struct pci_config *config, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;

	pci_config_read(config, offset, &value, size);
	return value;
}

static void
config_set(struct pci_config *config, uint32_t offset, uint32_t size, uint32_t value)
{
	pci_config_write(config, offset, &value, size);
}

static void
test_bus_master_and_power(void **state)
{
	struct peer *p = *state;
	static struct pci_config config;

	pci_config_init(&config, p->emu, 0);
	config_set(&config, PCI_COMMAND, 1, PCI_COMMAND_MASTER);
	assert_true(config.bus_master);
	config_set(&config, PCI_CONFIG_PM + PCI_PM_CTRL, 2, 3);
	assert_false(config.bus_master);
	config_set(&config, PCI_COMMAND, 4, 0xffff0000 | PCI_COMMAND_MASTER);
	assert_false(config.bus_master);
	config_set(&config, PCI_CONFIG_PM + PCI_PM_CTRL, 4, 0);
	assert_true(config.bus_master);
	config_set(&config, PCI_CONFIG_EXP + PCI_EXP_DEVCTL + 1, 1, 0x80);
	assert_false(config.bus_master);
	assert_int_equal(config.resets, 1);
	assert_int_equal(config_get(&config, PCI_COMMAND, 2), 0);
	assert_int_equal(config_get(&config, PCI_CONFIG_EXP + PCI_EXP_DEVCTL, 2) & 0x8000, 0);
}

/* The PF's reset is VFs' too, whoever serves them. */
static void
test_pf_reset(void **state)
{
	static struct pci_config pf, vf;
	struct peer *p = *state;

	pci_config_init(&pf, p->emu, 0);
	pci_config_init(&vf, p->emu, 1);
	config_set(&vf, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	config_set(&pf, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	config_set(&pf, PCI_CONFIG_EXP + PCI_EXP_DEVCTL + 1, 1, 0x80);
	assert_int_equal(config_get(&pf, PCI_COMMAND, 2), 0);
	assert_int_equal(config_get(&vf, PCI_COMMAND, 2), 0);
	assert_false(vf.bus_master);
	/* Setting it again is told to the device again. */
	config_set(&vf, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_true(vf.bus_master);
	/* A VF's own reset is nobody else's. */
	config_set(&pf, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	config_set(&vf, PCI_CONFIG_EXP + PCI_EXP_DEVCTL + 1, 1, 0x80);
	assert_int_equal(config_get(&vf, PCI_COMMAND, 2), 0);
	assert_int_equal(config_get(&pf, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
}

/* Writing everywhere, in every size, changes only what is writable, and nothing runs into FLR. */
static void
test_write_masks(void **state)
{
	struct peer *p = *state;
	static struct pci_config config;
	static uint8_t before[PCI_CONFIG_SIZE];
	uint32_t offset, i;

	pci_config_init(&config, p->emu, 1);
	for (offset = 0; offset < PCI_CONFIG_SIZE; offset++) {
		memcpy(before, config.value, sizeof(before));
		config_set(&config, offset, 1, offset == PCI_CONFIG_EXP + PCI_EXP_DEVCTL + 1 ?
			0x7f : 0xff);
		for (i = 0; i < PCI_CONFIG_SIZE; i++)
			assert_int_equal(config.value[i] & ~config.writable[i],
				before[i] & ~config.writable[i]);
	}
	assert_int_equal(config.resets, 0);
	assert_int_equal(config_get(&config, PCI_DEVICE_ID, 2), RVR_PCI_DEVICE_ID_VF);
	assert_int_equal(config_get(&config, PCI_CONFIG_MSIX + PCI_MSIX_FLAGS, 2) & 0x7ff, 15);
}

/* ---- Registers and interrupts
 * --------------------------------------------------------------------- */

static int
region_write(struct peer *p, uint32_t region, uint64_t offset, const void *data, uint32_t size)
{
	struct vu_region_access access = { .offset = offset, .region = region, .count = size };
	uint8_t bytes[sizeof(access) + 64];

	memcpy(bytes, &access, sizeof(access));
	memcpy(bytes + sizeof(access), data, size);
	return peer_request(p, VU_REGION_WRITE, bytes, (uint32_t)sizeof(access) + size, NULL, 0);
}

static uint64_t
region_read(struct peer *p, uint32_t region, uint64_t offset, uint32_t size)
{
	struct vu_region_access access = { .offset = offset, .region = region, .count = size };
	uint64_t value = 0;

	assert_int_equal(peer_request(p, VU_REGION_READ, &access, sizeof(access), NULL, 0), 0);
	assert_int_equal(p->reply_size, sizeof(access) + size);
	memcpy(&value, p->reply + sizeof(access), size);
	return value;
}

static void
test_registers(void **state)
{
	struct peer *p = *state;
	uint64_t value = UINT64_C(0x1122334455667788);
	uint32_t half = 0xaabbccdd;
	uint16_t quarter = 0x0102;

	assert_int_equal(region_read(p, 0, RVR_AMU_AIDR, 8) >> 4, RVR_ARCH_MAJOR);
	assert_int_equal(region_write(p, 0, RVR_MSK_BASE_PTR, &value, 8), 0);
	assert_int_equal(region_write(p, 0, RVR_MSK_BASE_PTR + 4, &half, 4), 0);
	assert_int_equal(region_write(p, 0, RVR_MSK_BASE_PTR + 2, &quarter, 2), 0);
	assert_true(region_read(p, 0, RVR_MSK_BASE_PTR, 8) == UINT64_C(0xaabbccdd01027788));
	assert_int_equal(region_read(p, 0, RVR_MSK_BASE_PTR + 3, 1), 0x01);
	/* AMI-SW pages are the memory that others map; what follows them is nothing. */
	assert_int_equal(region_write(p, 0, RVR_AMI_SW_PAGE_OFFSET + 0x600, &value, 8), 0);
	assert_memory_equal((uint8_t *)revere_emu_pages(p->emu, 0) + 0x600, &value, 8);
	assert_int_equal(region_write(p, 0, 0x70000, &value, 8), 0);
	assert_int_equal(region_read(p, 0, 0x70000, 8), 0);
	assert_int_equal(region_write(p, 0, 0x80000, &value, 8), EINVAL);
	assert_int_equal(region_write(p, 8, 0, &value, 8), EINVAL);
}

static void
test_irq(void **state)
{
	struct peer *p = *state;
	struct vfio_irq_set set = { .argsz = sizeof(set), .index = VFIO_PCI_MSIX_IRQ_INDEX,
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, .start = 14,
		.count = 2 };
	int fds[2] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	eventfd_t value;

	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), fds, 2), 0);
	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), fds, 2), 0);
	set.count = 3;
	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), fds, 2), EINVAL);
	set.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
	set.count = 2;
	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), NULL, 0), 0);
	assert_int_equal(eventfd_read(fds[0], &value), 0);
	assert_int_equal(eventfd_read(fds[1], &value), 0);
	assert_int_equal(revere_emu_vfio_user_request_release(p->server), -ENOTSUP);
	set = (struct vfio_irq_set){ .argsz = sizeof(set), .index = VFIO_PCI_REQ_IRQ_INDEX,
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, .count = 1 };
	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), fds, 1), 0);
	assert_int_equal(revere_emu_vfio_user_request_release(p->server), 0);
	assert_int_equal(eventfd_read(fds[0], &value), 0);
	close(fds[0]);
	close(fds[1]);
}

/* A client's eventfd may block who writes to it: the device never waits for it. */
static void
test_irq_full(void **state)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
	};
	const eventfd_t most = UINT64_MAX - 1;
	int fd = eventfd(0, 0), i;
	struct peer *p = *state;
	eventfd_t value;

	assert_int_equal(eventfd_write(fd, most), 0);
	assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1), 0);
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	alarm(60); /* ends a test that waits */
	for (i = 0; i < 300; i++)
		assert_int_equal(peer_request(p, VU_DEVICE_SET_IRQS, &set, sizeof(set), NULL, 0),
			0);
	alarm(0);
	/* Nothing is left of that once the client has read it. */
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_true(value >= most);
	for (i = 0; i < 3; i++)
		assert_int_equal(event_signal(fd), 0);
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_int_equal(value, 3);
	close(fd);
}

#define NEW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define NEGOTIATED(test) cmocka_unit_test_setup_teardown(test, setup_negotiated, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		NEW(test_version),
		NEW(test_json),
		NEW(test_who_may_enter),
		NEGOTIATED(test_pieces),
		NEGOTIATED(test_headers),
		NEGOTIATED(test_descriptors),
		NEGOTIATED(test_no_reply),
		NEGOTIATED(test_dma_model),
		NEGOTIATED(test_pasid_maps),
		NEGOTIATED(test_dma_ends),
		cmocka_unit_test(test_page_next),
		NEGOTIATED(test_pasid_sparse),
		NEGOTIATED(test_page_inline),
		NEW(test_sigbus_guard),
		NEW(test_files_share),
		NEW(test_bus_master_and_power),
		NEW(test_pf_reset),
		NEW(test_write_masks),
		NEGOTIATED(test_registers),
		NEGOTIATED(test_irq),
		NEGOTIATED(test_irq_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
