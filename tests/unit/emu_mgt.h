/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What the tests of the emulator's management share: a device in inline mode, and for each of its
 * Functions the four management rings at fixed places of one piece of memory.
 */

#ifndef EMU_MGT_H
#define EMU_MGT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "revere_emu.h"
#include "rvr_msg.h"
#include "rvr_regs.h"

#define MC_FUNCTIONS 4
#define MC_IOVA UINT64_C(0x100000000)
#define MC_RING 0x4000u				/**< bytes apart: 256 slots */
#define MC_MGT (RVR_MSK_NUM * MC_RING)		/**< of a Function's rings */
#define MC_FREE (MC_FUNCTIONS * MC_MGT)		/**< memory from here on is the tests' */
#define MC_SIZE (MC_FREE + 0x100000u)

/** Software's side of a Function's management rings. */
struct mc_function {
	unsigned int log2_size;
	uint64_t write;		   /**< commands */
	uint64_t read[RVR_MGT_RX_NUM];
};

struct mc {
	struct revere_emu *emu;
	uint8_t *mem; /**< from MC_IOVA on, the same for all Functions */
	struct mc_function f[MC_FUNCTIONS];
};

static inline uint64_t
mc_get(struct mc *m, unsigned int f, uint32_t offset)
{
	return revere_emu_mgt_read(m->emu, f, offset, 8);
}

static inline void
mc_set(struct mc *m, unsigned int f, uint32_t offset, uint64_t value)
{
	revere_emu_mgt_write(m->emu, f, offset, 8, value);
}

static inline uint64_t
mc_ring_iova(unsigned int f, unsigned int ring)
{
	return MC_IOVA + f * MC_MGT + ring * MC_RING;
}

static inline uint8_t *
mc_slot(struct mc *m, unsigned int f, unsigned int ring, uint64_t index)
{
	uint64_t slot = index & ((UINT64_C(1) << m->f[f].log2_size) - 1);

	return m->mem + f * MC_MGT + ring * MC_RING + slot * RVR_MGT_MSG_SIZE;
}

/** Sets a Function's four rings to 2^log2_size slots; indices are as after a reset. */
static inline void
mc_rings(struct mc *m, unsigned int f, unsigned int log2_size)
{
	memset(&m->f[f], 0, sizeof(m->f[f]));
	m->f[f].log2_size = log2_size;
	for (unsigned int ring = 0; ring < RVR_MSK_NUM; ring++) {
		mc_set(m, f, RVR_MSK_BASE_PTR + 0x10 * ring, mc_ring_iova(f, ring));
		mc_set(m, f, RVR_MSK_CTRL + 0x10 * ring,
		       rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, log2_size));
	}
}

static inline void
mc_bring_up(struct mc *m, unsigned int f, unsigned int log2_size)
{
	revere_emu_bus_master(m->emu, f, true);
	if (f == 0)
		mc_set(m, 0, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1));
	mc_rings(m, f, log2_size);
}

/** Configuration of the tests: small, three VFs. */
static inline void
mc_config(struct revere_emu_config *config)
{
	revere_emu_config_init(config);
	config->mode = REVERE_EMU_INLINE;
	config->num_ami_sw = 8;
	config->num_ams = 4;
	config->num_asn = 32;
	config->num_vf = MC_FUNCTIONS - 1;
	config->max_log2_size = 8;
	config->msix_vectors = 16;
}

/** A device, memory mapped, the PF up with rings of 16 slots. */
static inline void
mc_open(struct mc *m, const struct revere_emu_config *config)
{
	char error[256] = "";

	memset(m, 0, sizeof(*m));
	m->emu = revere_emu_create("test", config, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(m->emu);
	m->mem = calloc(1, MC_SIZE);
	assert_non_null(m->mem);
	for (unsigned int f = 0; f <= config->num_vf && f < MC_FUNCTIONS; f++)
		assert_int_equal(revere_emu_dma_map(m->emu, f, MC_IOVA, m->mem, MC_SIZE,
						    REVERE_EMU_PROT_READ | REVERE_EMU_PROT_WRITE),
				 0);
	mc_bring_up(m, 0, 4);
}

static inline void
mc_close(struct mc *m)
{
	revere_emu_destroy(m->emu);
	free(m->mem);
}

/** Puts a command into the ring without a doorbell. */
static inline void
mc_put(struct mc *m, unsigned int f, const void *msg)
{
	memcpy(mc_slot(m, f, RVR_MSK_COMMAND, m->f[f].write++), msg, RVR_MGT_MSG_SIZE);
}

static inline void
mc_doorbell(struct mc *m, unsigned int f)
{
	mc_set(m, f, RVR_MGT_WRITE_INDEX_TX, m->f[f].write);
}

static inline uint64_t
mc_waiting(struct mc *m, unsigned int f, enum rvr_mgt_rx rx)
{
	return mc_get(m, f, RVR_MGT_WRITE_INDEX_RX + 8u * rx) - m->f[f].read[rx];
}

/** Looks at the next message of a receive ring; NULL if it is empty. */
static inline uint8_t *
mc_peek(struct mc *m, unsigned int f, enum rvr_mgt_rx rx)
{
	if (mc_waiting(m, f, rx) == 0)
		return NULL;
	return mc_slot(m, f, RVR_MSK_RESPONSE + rx, m->f[f].read[rx]);
}

/** Takes it; false if the ring is empty, then `msg` is zero. */
static inline bool
mc_take(struct mc *m, unsigned int f, enum rvr_mgt_rx rx, uint8_t msg[RVR_MGT_MSG_SIZE])
{
	const uint8_t *slot = mc_peek(m, f, rx);

	memset(msg, 0, RVR_MGT_MSG_SIZE);
	if (slot == NULL)
		return false;
	memcpy(msg, slot, RVR_MGT_MSG_SIZE);
	mc_set(m, f, RVR_MGT_READ_INDEX_RX + 8u * rx, ++m->f[f].read[rx]);
	return true;
}

/** Executes a command that is answered; `msg` becomes the response. @return its status */
static inline uint16_t
mc_command(struct mc *m, unsigned int f, uint8_t msg[RVR_MGT_MSG_SIZE])
{
	uint16_t opcode = rvr_msg_opcode(msg);

	mc_put(m, f, msg);
	mc_doorbell(m, f);
	assert_true(mc_take(m, f, RVR_MGT_RX_RESPONSE, msg));
	assert_int_equal(rvr_msg_opcode(msg), opcode);
	return rvr_msg_status(msg);
}

/** Status of MC(m, function, command, .field = ...). */
#define MC(m, f, cmd, ...)                                                                         \
	__extension__({                                                                            \
		uint8_t mc_msg_[RVR_MGT_MSG_SIZE];                                                 \
		MC_REQ(cmd, mc_msg_, __VA_ARGS__);                                                 \
		mc_command(m, f, mc_msg_);                                                         \
	})

/** The same for a command that succeeds; its response goes to `rsp`, a struct rvr_..._rsp. */
#define MC_RSP(m, f, cmd, rsp, ...)                                                                \
	do {                                                                                       \
		uint8_t mc_msg_[RVR_MGT_MSG_SIZE];                                                 \
		MC_REQ(cmd, mc_msg_, __VA_ARGS__);                                                 \
		assert_int_equal(mc_command(m, f, mc_msg_), RVR_STATUS_OK);                        \
		rvr_##cmd##_rsp_decode(mc_msg_, rsp);                                              \
	} while (0)

#define MC_OK(m, f, cmd, ...) assert_int_equal(MC(m, f, cmd, __VA_ARGS__), RVR_STATUS_OK)

/** A command without fields, to see that commands run. */
static inline void
mc_probe(struct mc *m, unsigned int f)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_probe_req_encode(msg, NULL, 0);
	assert_int_equal(mc_command(m, f, msg), RVR_STATUS_OK);
}

/** Encodes a request. */
#define MC_REQ(cmd, msg, ...)                                                                      \
	do {                                                                                       \
		const struct rvr_##cmd##_req mc_req_ = {__VA_ARGS__};                              \
		rvr_##cmd##_req_encode(msg, &mc_req_, 0);                                          \
	} while (0)

static inline unsigned int
mc_error(struct mc *m, unsigned int f)
{
	return (unsigned int)rvr_get(mc_get(m, f, RVR_AMU_SR), RVR_AMU_SR_ERROR_STATE);
}

#endif /* EMU_MGT_H */
