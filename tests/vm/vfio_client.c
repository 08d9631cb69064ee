/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A client that uses nothing but Linux's VFIO interface and the programming model: container,
 * group, TYPE1 (or no-IOMMU), BAR0 mapped, configuration space. It brings the device up, exchanges
 * messages with the inversion agent, through a loopback session and with the DMA agent, tears all
 * down, and again, with 64-bit or with 32-bit register accesses.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "rvr_msg.h"
#include "rvr_regs.h"

#define AREA (256u << 10)
#define MSG_DW_LOG2 3u
#define MSG_BYTES (8u << MSG_DW_LOG2)
#define RING_LOG2 3u
#define COPY_BYTES 5000u

/* Places in the area that is shared with the device. */
enum {
	AT_COMMAND = 0x0000,
	AT_RESPONSE = 0x1000,
	AT_EXCEPTION = 0x2000,
	AT_TX = 0x4000, /* one 4 KiB page a socket */
	AT_RX = 0x8000,
	AT_SRC = 0x10000,
	AT_DST = 0x20000,
};

/* Sockets of the AMI-SW. */
enum { AMS_AGENT, AMS_LOOP };

static uint8_t *bar;
static uint8_t *area;
static uint64_t iova;
static bool halves;
static bool endless;
static uint64_t commands;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- Registers ---------------------------------------------------------------------------- */

static uint64_t
reg_read(uint32_t offset)
{
	volatile uint32_t *half = (volatile uint32_t *)(bar + offset);

	if (halves)
		return half[0] | (uint64_t)half[1] << 32;
	return *(volatile uint64_t *)(bar + offset);
}

static void
reg_write(uint32_t offset, uint64_t value)
{
	volatile uint32_t *half = (volatile uint32_t *)(bar + offset);

	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (halves) {
		half[0] = (uint32_t)value;
		half[1] = (uint32_t)(value >> 32);
	} else {
		*(volatile uint64_t *)(bar + offset) = value;
	}
}

/* Waits until a register of the device has a value. */
static void
reg_wait(uint32_t offset, uint64_t value, const char *what)
{
	double end = now() + 10;

	while (reg_read(offset) != value)
		if (now() > end)
			fail("%s: register 0x%x is %llu, not %llu, after 10 s; ERROR_STATE %llu",
				what, offset, (unsigned long long)reg_read(offset),
				(unsigned long long)value,
				(unsigned long long)reg_read(RVR_AMU_SR));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* ---- Management, rings of one slot ---------------------------------------------------------- */

static void
execute(const char *name, const void *request, void *response)
{
	memcpy(area + AT_COMMAND, request, RVR_MGT_MSG_SIZE);
	reg_write(RVR_MGT_WRITE_INDEX_TX, ++commands);
	reg_wait(RVR_MGT_WRITE_INDEX_RX + 8 * RVR_MGT_RX_RESPONSE, commands, name);
	memcpy(response, area + AT_RESPONSE, RVR_MGT_MSG_SIZE);
	reg_write(RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_RESPONSE, commands);
	errno = 0;
	if (rvr_msg_opcode(response) != rvr_msg_opcode(request) || rvr_msg_status(response) != 0)
		fail("%s: opcode %u, status %u", name, rvr_msg_opcode(response),
		     rvr_msg_status(response));
}

/* Sends a command built from designated fields; its response is left in `response`. */
#define COMMAND(cmd, ...)                                                                      \
	do {                                                                                   \
		struct rvr_##cmd##_req req_ = {__VA_ARGS__};                                   \
		uint8_t request_[RVR_MGT_MSG_SIZE];                                            \
		rvr_##cmd##_req_encode(request_, &req_, 0);                                    \
		execute(#cmd, request_, response);                                             \
	} while (0)

/* The same for a command without fields. */
#define QUERY(cmd)                                                                             \
	do {                                                                                   \
		uint8_t request_[RVR_MGT_MSG_SIZE];                                            \
		rvr_##cmd##_req_encode(request_, NULL, 0);                                     \
		execute(#cmd, request_, response);                                             \
	} while (0)

static void
bring_up(void)
{
	unsigned int i;

	if (rvr_get(reg_read(RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV) != RVR_ARCH_MAJOR)
		fail("AMU_AIDR is 0x%llx", (unsigned long long)reg_read(RVR_AMU_AIDR));
	reg_write(RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1));
	for (i = 0; i < 3; i++) {
		reg_write(RVR_MSK_BASE_PTR + 0x10 * i, iova + AT_COMMAND + 0x1000 * i);
		reg_write(RVR_MSK_CTRL + 0x10 * i, 0);
	}
	commands = 0;
}

static uint16_t
find_aha(enum rvr_aha_kind kind, unsigned int count)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_probe_aha_rsp rsp;
	unsigned int id;

	for (id = 0; id < count; id++) {
		COMMAND(pf_probe_aha, .aha_id = id);
		rvr_pf_probe_aha_rsp_decode(response, &rsp);
		if (rvr_get(rsp.aha_iidr, RVR_AMU_IIDR_PRODUCT) == kind)
			return (uint16_t)id;
	}
	fail("no agent of kind %d", kind);
}

/* ---- One context and its sessions ------------------------------------------------------------ */

static void
ring(uint64_t type, uint64_t ams, uint64_t at)
{
	uint8_t response[RVR_MGT_MSG_SIZE];

	COMMAND(f_ams_ring_configure, .ams_id = ams, .ams_type = type, .log2_size = RING_LOG2,
		.ring_base = iova + at);
}

/* Sessions first, then the AMI-SW: the order is free. */
static void
connect_all(uint16_t aha, uint16_t sw, uint16_t hw)
{
	uint8_t response[RVR_MGT_MSG_SIZE];

	COMMAND(pf_asn_create, .asn_id = 0, .src_ami_type = RVR_END_AMI_SW, .src_phy_ami_id = sw,
		.src_ams = AMS_AGENT, .dst_ami_type = RVR_END_AMI_HW, .dst_phy_ami_id = hw,
		.dst_aha_id = aha, .log2_msg_length = MSG_DW_LOG2);
	COMMAND(pf_asn_create, .asn_id = 1, .src_ami_type = RVR_END_AMI_HW, .src_phy_ami_id = hw,
		.src_aha_id = aha, .dst_ami_type = RVR_END_AMI_SW, .dst_phy_ami_id = sw,
		.dst_ams = AMS_AGENT, .log2_msg_length = MSG_DW_LOG2);
	COMMAND(pf_asn_create, .asn_id = 2, .src_ami_type = RVR_END_AMI_SW, .src_phy_ami_id = sw,
		.src_ams = AMS_LOOP, .dst_ami_type = RVR_END_AMI_SW, .dst_phy_ami_id = sw,
		.dst_ams = AMS_LOOP, .log2_msg_length = MSG_DW_LOG2);
}

static void
enable_all(void)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	unsigned int ams;

	COMMAND(f_ami_sw_disable, .ami_sw_id = 0);
	COMMAND(f_ami_sw_reset, .ami_sw_id = 0);
	COMMAND(f_ami_sw_configure, .ami_sw_id = 0);
	for (ams = 0; ams < 2; ams++) {
		ring(RVR_AMS_TX, ams, AT_TX + 0x1000 * ams);
		ring(RVR_AMS_RX, ams, AT_RX + 0x1000 * ams);
	}
	COMMAND(f_ami_sw_enable, .ami_sw_id = 0);
	COMMAND(f_ami_hw_disable, .ami_hw_id = 0);
	COMMAND(f_ami_hw_reset, .ami_hw_id = 0);
	COMMAND(f_ami_hw_enable, .ami_hw_id = 0);
}

static void
tear_down(uint16_t aha, uint16_t sw, uint16_t hw)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	uint64_t asn;

	COMMAND(f_ami_hw_disable, .ami_hw_id = 0);
	COMMAND(f_ami_sw_disable, .ami_sw_id = 0);
	COMMAND(f_ami_sw_reset, .ami_sw_id = 0);
	for (asn = 0; asn < 3; asn++)
		COMMAND(pf_asn_destroy, .asn_id = asn);
	COMMAND(pf_ami_hw_unmap, .phy_ami_hw_id = hw, .aha_id = aha);
	COMMAND(pf_ami_sw_unmap, .phy_ami_sw_id = sw);
}

/* Sends one message and waits for one; the ring index is the same for both. */
static void
exchange(unsigned int ams, uint64_t index, const void *out, void *in, const char *what)
{
	size_t slot = (index & ((1u << RING_LOG2) - 1)) * MSG_BYTES;
	uint32_t page = RVR_AMI_SW_PAGE_OFFSET;

	memcpy(area + AT_TX + 0x1000 * ams + slot, out, MSG_BYTES);
	reg_write(page + RVR_WRITE_INDEX_TX + 8 * ams, index + 1);
	reg_wait(page + RVR_WRITE_INDEX_RX + 8 * ams, index + 1, what);
	memcpy(in, area + AT_RX + 0x1000 * ams + slot, MSG_BYTES);
	reg_write(page + RVR_READ_INDEX_RX + 8 * ams, index + 1);
	reg_wait(page + RVR_READ_INDEX_TX + 8 * ams, index + 1, what);
}

static void
try_inversion(uint64_t index)
{
	uint8_t out[MSG_BYTES], in[MSG_BYTES];
	unsigned int i;

	for (i = 0; i < MSG_BYTES; i++)
		out[i] = (uint8_t)(i * 7 + index);
	exchange(AMS_AGENT, index, out, in, "inversion");
	for (i = 0; i < MSG_BYTES; i++)
		if ((in[i] ^ out[i]) != 0xff)
			fail("inversion: byte %u is 0x%x of 0x%x", i, in[i], out[i]);
}

static void
try_loopback(uint64_t index)
{
	uint8_t out[MSG_BYTES], in[MSG_BYTES];

	memset(out, (int)index, sizeof(out));
	exchange(AMS_LOOP, index, out, in, "loopback");
	if (memcmp(out, in, sizeof(out)) != 0)
		fail("loopback: message %llu came back changed", (unsigned long long)index);
}

static void
try_dma(uint64_t index)
{
	uint8_t out[MSG_BYTES] = {0}, in[MSG_BYTES];
	struct rvr_dma_first request = {
		.src = rvr_cpu_le64(iova + AT_SRC),
		.dst = rvr_cpu_le64(iova + AT_DST),
		.len = rvr_cpu_le32(COPY_BYTES),
		.invert = rvr_cpu_le32(index & 1),
	};
	unsigned int i;

	for (i = 0; i < COPY_BYTES; i++)
		area[AT_SRC + i] = (uint8_t)(i + index);
	memset(area + AT_DST, 0x55, COPY_BYTES);
	memcpy(out, &request, sizeof(request));
	exchange(AMS_AGENT, index, out, in, "DMA");
	memcpy(&request, in, sizeof(request));
	if (request.rsvd0 != 0)
		fail("DMA: status %u", rvr_le32_cpu(request.rsvd0));
	for (i = 0; i < COPY_BYTES; i++)
		if ((area[AT_DST + i] ^ area[AT_SRC + i]) != (index & 1 ? 0xff : 0))
			fail("DMA: byte %u is wrong", i);
}

/* A whole life with one agent. */
static void
life(enum rvr_aha_kind kind, void (*try)(uint64_t index), unsigned int exchanges)
{
	uint8_t response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_ami_sw_map_rsp sw;
	struct rvr_pf_ami_hw_map_rsp hw;
	struct rvr_pf_probe_rsp probe;
	uint16_t aha;
	unsigned int i;

	bring_up();
	QUERY(pf_probe);
	rvr_pf_probe_rsp_decode(response, &probe);
	aha = find_aha(kind, (unsigned int)probe.num_aha);
	QUERY(f_probe);
	COMMAND(pf_ami_sw_map, .any_phy_ami_sw = 1);
	rvr_pf_ami_sw_map_rsp_decode(response, &sw);
	COMMAND(pf_ami_hw_map, .aha_id = aha, .any_phy_ami_hw = 1);
	rvr_pf_ami_hw_map_rsp_decode(response, &hw);
	connect_all(aha, (uint16_t)sw.phy_ami_sw_id, (uint16_t)hw.phy_ami_hw_id);
	enable_all();
	if (endless) {
		printf("busy\n");
		fflush(stdout);
	}
	for (i = 0; i < exchanges; i++) {
		try(i);
		try_loopback(i);
	}
	tear_down(aha, (uint16_t)sw.phy_ami_sw_id, (uint16_t)hw.phy_ami_hw_id);
	reg_write(RVR_AMU_CR, 0);
}

/* ---- VFIO -------------------------------------------------------------------------------- */

static int
open_group(const char *bdf, bool *noiommu)
{
	char path[256], link[256], node[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		fail("%s", path);
	link[len] = '\0';
	snprintf(node, sizeof(node), "/dev/vfio/%s", strrchr(link, '/') + 1);
	fd = open(node, O_RDWR);
	*noiommu = fd < 0 && errno == ENOENT;
	if (*noiommu) {
		snprintf(node, sizeof(node), "/dev/vfio/noiommu-%s", strrchr(link, '/') + 1);
		fd = open(node, O_RDWR);
	}
	if (fd < 0)
		fail("%s", node);
	return fd;
}

/* Physical address of a resident page, for the mode without IOMMU. */
static uint64_t
physical(const void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)va / 4096 * 8)) != 8 ||
	    (entry & (1ull << 63)) == 0)
		fail("pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * 4096;
}

static void
map_area(int container, bool noiommu)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = 0x40000000,
		.size = AREA,
	};

	/* Pages of 4 KiB that lie anywhere, where an IOMMU makes them contiguous. */
	area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | (noiommu ? MAP_HUGETLB : 0), -1, 0);
	if (area == MAP_FAILED)
		fail("mmap of %u bytes", AREA);
	memset(area, 0, AREA);
	if (noiommu) {
		iova = physical(area);
		return;
	}
	map.vaddr = (uintptr_t)area;
	iova = map.iova;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		fail("VFIO_IOMMU_MAP_DMA");
}

static void
open_device(const char *bdf)
{
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	struct vfio_region_info bar0 = {.argsz = sizeof(bar0), .index = VFIO_PCI_BAR0_REGION_INDEX};
	int container = open("/dev/vfio/vfio", O_RDWR);
	uint16_t command;
	bool noiommu;
	int group, device;

	if (container < 0)
		fail("/dev/vfio/vfio");
	group = open_group(bdf, &noiommu);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1_IOMMU) < 0)
		fail("VFIO_SET_IOMMU");
	map_area(container, noiommu);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		fail("VFIO_GROUP_GET_DEVICE_FD %s", bdf);
	if (ioctl(device, VFIO_DEVICE_RESET) < 0)
		fail("VFIO_DEVICE_RESET");
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0 ||
	    ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar0) < 0)
		fail("VFIO_DEVICE_GET_REGION_INFO");
	if (pread(device, &command, 2, (off_t)config.offset + PCI_COMMAND) != 2)
		fail("configuration space");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(device, &command, 2, (off_t)config.offset + PCI_COMMAND) != 2)
		fail("configuration space");
	bar = mmap(NULL, bar0.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar0.offset);
	if (bar == MAP_FAILED)
		fail("mmap of BAR0");
	printf("%s: %s, BAR0 %llu bytes\n", bdf, noiommu ? "no IOMMU" : "TYPE1",
	       (unsigned long long)bar0.size);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"halves", no_argument, NULL, 'h'},
		{"busy", no_argument, NULL, 'b'},
		{0},
	};
	unsigned int rounds = 3, round;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == 'r')
			rounds = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 'h')
			halves = true;
		else if (option == 'b')
			endless = true;
		else
			return 2;
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: vfio_client [--rounds N] [--halves] [--busy] BDF\n");
		return 2;
	}
	open_device(argv[optind]);
	for (round = 0; endless || round < rounds; round++) {
		life(RVR_AHA_INVERSION, try_inversion, 40);
		life(RVR_AHA_DMA, try_dma, 40);
	}
	printf("%u rounds of inversion, loopback and DMA with %d-bit accesses\n", rounds,
	       halves ? 32 : 64);
	return 0;
}
