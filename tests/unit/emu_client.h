/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * A small client of the Revere programming model, for tests of the emulator: it knows registers,
 * management commands and rings, and nothing of what is behind them. It shares no code with
 * lib/revere_ami, so that a mistake there can't hide one in the emulator.
 *
 * Calls that can't fail in a correct device abort with a line that says what went wrong.
 */

#ifndef EMU_CLIENT_H
#define EMU_CLIENT_H

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "revere_emu.h"
#include "rvr_msg.h"
#include "rvr_regs.h"

#define EC_IOVA UINT64_C(0x4000000000) /**< where the device sees the client's memory */
#define EC_MSK_LOG2 4		       /**< slots of the management rings */
#define EC_TIMEOUT_NS UINT64_C(20000000000)

/** A device and its client. */
struct ec {
	struct revere_emu *emu;
	unsigned int function; /**< 0: the PF */
	bool is_inline;
	uint8_t *mem; /**< memory that the device reaches, from EC_IOVA on */
	size_t size, used;
	uint8_t *pages; /**< AMI-SW pages of the Function */
	uint8_t *cmd, *rsp, *exc;
	uint64_t cmd_write, rsp_read, exc_read;
};

/** A ring of an AMI-SW. */
struct ec_ring {
	struct ec *c;
	unsigned int ami, ams;
	bool tx;
	uint8_t *base;
	uint64_t mask;
	uint32_t bytes; /**< of a message */
	_Atomic uint64_t *read, *write;
	uint64_t index; /**< software's own */
};

#define EC_CHECK(condition, ...)                                                                   \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline uint64_t
ec_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/** Lets the device work. */
static inline void
ec_kick(struct ec *c)
{
	if (c->is_inline)
		revere_emu_kick(c->emu);
	else
		sched_yield();
}

/** Memory for the device, cleared; never given back. */
static inline uint8_t *
ec_alloc(struct ec *c, size_t size, size_t align)
{
	size_t at = (c->used + align - 1) & ~(align - 1);

	EC_CHECK(at + size <= c->size, "memory of %zu bytes is used up", c->size);
	c->used = at + size;
	memset(c->mem + at, 0, size);
	return c->mem + at;
}

static inline uint64_t
ec_iova(const struct ec *c, const void *at)
{
	return EC_IOVA + (uint64_t)((const uint8_t *)at - c->mem);
}

/* ---- Management ---------------------------------------------------------------------------- */

static inline void
ec_mgt_write(struct ec *c, uint32_t offset, uint64_t value)
{
	revere_emu_mgt_write(c->emu, c->function, offset, 8, value);
}

static inline uint64_t
ec_mgt_read(struct ec *c, uint32_t offset)
{
	return revere_emu_mgt_read(c->emu, c->function, offset, 8);
}

static inline uint8_t *
ec_mgt_ring(struct ec *c, enum rvr_msk ring)
{
	uint8_t *base = ec_alloc(c, (size_t)RVR_MGT_MSG_SIZE << EC_MSK_LOG2, 64);

	ec_mgt_write(c, (uint32_t)(RVR_MSK_BASE_PTR + 0x10 * ring), ec_iova(c, base));
	ec_mgt_write(c, (uint32_t)(RVR_MSK_CTRL + 0x10 * ring),
		     rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, EC_MSK_LOG2));
	return base;
}

/** Brings management of c->function of c->emu up, with `size` bytes of memory mapped. */
static inline void
ec_bring_up(struct ec *c, size_t size)
{
	c->size = size;
	c->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EC_CHECK(c->mem != MAP_FAILED, "%zu bytes", size);
	EC_CHECK(revere_emu_dma_map(c->emu, c->function, EC_IOVA, c->mem, size, 3) == 0, "dma_map");
	c->pages = revere_emu_pages(c->emu, c->function);
	EC_CHECK(c->pages != NULL, "pages");
	revere_emu_bus_master(c->emu, c->function, true);
	ec_mgt_write(c, RVR_AMU_CR, 1);
	c->cmd = ec_mgt_ring(c, RVR_MSK_COMMAND);
	c->rsp = ec_mgt_ring(c, RVR_MSK_RESPONSE);
	c->exc = ec_mgt_ring(c, RVR_MSK_EXCEPTION);
}

/** Makes a device and brings its PF up. */
static inline void
ec_open(struct ec *c, const struct revere_emu_config *config, size_t size)
{
	char error[256] = "";

	memset(c, 0, sizeof(*c));
	c->is_inline = config->mode == REVERE_EMU_INLINE;
	c->emu = revere_emu_create("test", config, error, sizeof(error));
	EC_CHECK(c->emu != NULL, "%s", error);
	ec_bring_up(c, size);
}

/** Closes the PF, and the device; Functions that were opened besides are closed before. */
static inline void
ec_close(struct ec *c)
{
	if (c->function == 0)
		revere_emu_destroy(c->emu);
	else
		revere_emu_dma_unmap(c->emu, c->function, EC_IOVA, c->size);
	munmap(c->mem, c->size);
}

/** Waits until a management receive ring holds a message; false: not within `ns`. */
static inline bool
ec_mgt_wait(struct ec *c, enum rvr_mgt_rx ring, uint64_t read, uint64_t ns)
{
	uint64_t end = ec_now() + ns;

	while (ec_mgt_read(c, RVR_MGT_WRITE_INDEX_RX + 8u * ring) == read) {
		if (ec_now() > end)
			return false;
		ec_kick(c);
	}
	return true;
}

/** Executes a command; `msg` becomes the response. @return its status */
static inline uint16_t
ec_command(struct ec *c, uint8_t msg[RVR_MGT_MSG_SIZE])
{
	uint64_t mask = (1u << EC_MSK_LOG2) - 1;

	memcpy(c->cmd + (c->cmd_write & mask) * RVR_MGT_MSG_SIZE, msg, RVR_MGT_MSG_SIZE);
	ec_mgt_write(c, RVR_MGT_WRITE_INDEX_TX, ++c->cmd_write);
	EC_CHECK(ec_mgt_wait(c, RVR_MGT_RX_RESPONSE, c->rsp_read, EC_TIMEOUT_NS),
		 "no response to command %u", rvr_msg_opcode(msg));
	memcpy(msg, c->rsp + (c->rsp_read & mask) * RVR_MGT_MSG_SIZE, RVR_MGT_MSG_SIZE);
	ec_mgt_write(c, RVR_MGT_READ_INDEX_RX, ++c->rsp_read);
	return rvr_msg_status(msg);
}

/** Takes the next exception; false: none within `ns`. */
static inline bool
ec_exception(struct ec *c, uint8_t msg[RVR_MGT_MSG_SIZE], uint64_t ns)
{
	uint64_t mask = (1u << EC_MSK_LOG2) - 1;

	if (!ec_mgt_wait(c, RVR_MGT_RX_EXCEPTION, c->exc_read, ns))
		return false;
	memcpy(msg, c->exc + (c->exc_read & mask) * RVR_MGT_MSG_SIZE, RVR_MGT_MSG_SIZE);
	ec_mgt_write(c, RVR_MGT_READ_INDEX_RX + 8 * RVR_MGT_RX_EXCEPTION, ++c->exc_read);
	return true;
}

/**
 * EC(c, f_ami_sw_enable, .ami_sw_id = 3): a command with its fields.
 * @return status
 */
#define EC(c, cmd, ...)                                                                            \
	__extension__({                                                                            \
		struct rvr_##cmd##_req ec_fields = {__VA_ARGS__};                                  \
		uint8_t ec_msg[RVR_MGT_MSG_SIZE];                                                  \
		rvr_##cmd##_req_encode(ec_msg, &ec_fields, 0);                                     \
		ec_command(c, ec_msg);                                                             \
	})

/** The same for commands that have to succeed. */
#define EC_OK(c, cmd, ...)                                                                         \
	do {                                                                                       \
		uint16_t ec_status = EC(c, cmd, __VA_ARGS__);                                      \
		EC_CHECK(ec_status == 0, #cmd " status %u", ec_status);                            \
	} while (0)

/** Enables a VF of the device and brings it up. */
static inline void
ec_open_vf(struct ec *vf, struct ec *pf, unsigned int function, size_t size)
{
	memset(vf, 0, sizeof(*vf));
	vf->emu = pf->emu;
	vf->is_inline = pf->is_inline;
	vf->function = function;
	EC_OK(pf, pf_f_enable, .f_owner = function);
	ec_bring_up(vf, size);
}

/* ---- AMIs and sessions --------------------------------------------------------------------- */

/** Maps an AMI-SW (physical and Function's ID are `id`), without interrupts. */
static inline void
ec_sw_map(struct ec *c, unsigned int id)
{
	EC_OK(c, pf_ami_sw_map, .phy_ami_sw_id = id, .ami_sw_id = id);
	EC_OK(c, f_ami_sw_disable, .ami_sw_id = id);
	EC_OK(c, f_ami_sw_reset, .ami_sw_id = id);
	EC_OK(c, f_ami_sw_configure, .ami_sw_id = id);
}

static inline void
ec_sw_enable(struct ec *c, unsigned int id)
{
	EC_OK(c, f_ami_sw_enable, .ami_sw_id = id);
}

/** Maps and enables an AMI-HW; its ID in the Function is `id`. */
static inline void
ec_hw_up(struct ec *c, unsigned int aha, unsigned int phy_id, unsigned int id)
{
	EC_OK(c, pf_ami_hw_map, .aha_id = aha, .phy_ami_hw_id = phy_id, .ami_hw_id = id);
	EC_OK(c, f_ami_hw_disable, .ami_hw_id = id);
	EC_OK(c, f_ami_hw_reset, .ami_hw_id = id);
	EC_OK(c, f_ami_hw_enable, .ami_hw_id = id);
}

/** An AMI's socket as an end of a session. */
struct ec_end {
	bool hw;
	unsigned int aha, phy_id, ams;
};
#define EC_SW(id, socket) ((struct ec_end){.phy_id = (id), .ams = (socket)})
#define EC_HW(agent, id, socket)                                                                   \
	((struct ec_end){.hw = true, .aha = (agent), .phy_id = (id), .ams = (socket)})

static inline void
ec_session(struct ec *c, unsigned int asn, struct ec_end from, struct ec_end to, uint32_t bytes,
	   unsigned int prio)
{
	EC_OK(c, pf_asn_create, .asn_id = asn, .prio = prio, .src_ami_type = from.hw,
	      .src_aha_id = from.aha, .src_phy_ami_id = from.phy_id, .src_ams = from.ams,
	      .dst_ami_type = to.hw, .dst_aha_id = to.aha, .dst_phy_ami_id = to.phy_id,
	      .dst_ams = to.ams,
	      .log2_msg_length = (unsigned int)__builtin_ctz(bytes / RVR_DW));
}

/* ---- Rings --------------------------------------------------------------------------------- */

static inline _Atomic uint64_t *
ec_word(const struct ec *c, unsigned int ami, uint32_t offset)
{
	return (_Atomic uint64_t *)(void *)(c->pages + (size_t)ami * RVR_AMI_SW_PAGE_STRIDE +
					    offset);
}

/** Describes a ring at `base` without telling the device. */
static inline struct ec_ring
ec_ring_at(struct ec *c, unsigned int ami, unsigned int ams, bool tx, unsigned int log2_size,
	   uint32_t bytes, uint8_t *base)
{
	return (struct ec_ring){
		.c = c, .ami = ami, .ams = ams, .tx = tx, .base = base, .bytes = bytes,
		.mask = (UINT64_C(1) << log2_size) - 1,
		.read = ec_word(c, ami, (tx ? RVR_READ_INDEX_TX : RVR_READ_INDEX_RX) + 8 * ams),
		.write = ec_word(c, ami, (tx ? RVR_WRITE_INDEX_TX : RVR_WRITE_INDEX_RX) + 8 * ams),
	};
}

/** Configures a ring in fresh memory. `start`: what its indices begin with. */
static inline struct ec_ring
ec_ring(struct ec *c, unsigned int ami, unsigned int ams, bool tx, unsigned int log2_size,
	uint32_t bytes, uint64_t start)
{
	struct ec_ring ring = ec_ring_at(c, ami, ams, tx, log2_size, bytes,
					 ec_alloc(c, (size_t)bytes << log2_size, 64));

	ring.index = start;
	atomic_store(ring.read, start);
	atomic_store(ring.write, start);
	EC_OK(c, f_ams_ring_configure, .ami_sw_id = ami, .ams_id = ams, .ams_type = tx,
	      .log2_size = log2_size, .ring_base = ec_iova(c, ring.base));
	return ring;
}

static inline uint8_t *
ec_slot(const struct ec_ring *ring, uint64_t index)
{
	return ring->base + (index & ring->mask) * ring->bytes;
}

/** Whether a TX ring has room. */
static inline bool
ec_room(const struct ec_ring *ring)
{
	return ring->index - atomic_load_explicit(ring->read, memory_order_acquire) <= ring->mask;
}

/** Rings the doorbell for all that was written up to ring->index. */
static inline void
ec_doorbell(const struct ec_ring *ring)
{
	atomic_store_explicit(ring->write, ring->index, memory_order_release);
}

/** Messages that wait in a RX ring. */
static inline uint64_t
ec_waiting(const struct ec_ring *ring)
{
	return atomic_load_explicit(ring->write, memory_order_acquire) - ring->index;
}

/** Gives the slots before ring->index of a RX ring back. */
static inline void
ec_release(const struct ec_ring *ring)
{
	atomic_store_explicit(ring->read, ring->index, memory_order_release);
}

/** Sends one message whose DWs count up from `value`; false: no room in time. */
static inline bool
ec_send(struct ec_ring *ring, uint64_t value)
{
	uint64_t end = ec_now() + EC_TIMEOUT_NS;
	uint8_t *slot = ec_slot(ring, ring->index);

	while (!ec_room(ring)) {
		if (ec_now() > end)
			return false;
		ec_kick(ring->c);
	}
	for (uint32_t at = 0; at < ring->bytes; at += RVR_DW) {
		uint64_t dw = value + at;

		memcpy(slot + at, &dw, sizeof(dw));
	}
	ring->index++;
	ec_doorbell(ring);
	return true;
}

/** Waits for a message; NULL: none within `ns`. ec_taken() gives the slot back. */
static inline uint8_t *
ec_receive(struct ec_ring *ring, uint64_t ns)
{
	uint64_t end = ec_now() + ns;

	while (ec_waiting(ring) == 0) {
		if (ec_now() > end)
			return NULL;
		ec_kick(ring->c);
	}
	return ec_slot(ring, ring->index);
}

static inline void
ec_taken(struct ec_ring *ring)
{
	ring->index++;
	ec_release(ring);
}

#endif /* EMU_CLIENT_H */
