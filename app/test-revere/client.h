/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * A minimal client of a Revere-AMU device: what conformance tests drive it with.
 *
 * It knows the programming model (rvr_regs.h, rvr_msg.h) and a transport, and nothing of
 * librevere_ami's management, contexts and rings: a misunderstanding there would otherwise be
 * tested against itself. It takes one Function for itself. Helpers that can't do what they are
 * asked to end the test by client_fail(), so callers check nothing that must work.
 */

#ifndef CLIENT_H
#define CLIENT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_memzone.h>

#include "revere_transport.h"
#include "rvr_msg.h"
#include "rvr_regs.h"

#define CLIENT_MEM_MAX 1024  /**< allocations of one test */
#define CLIENT_AMI_MAX 64    /**< AMI-SWs of one test */
#define CLIENT_GUARD 4096    /**< bytes before and behind a ring that nobody may write */
#define CLIENT_BAD_IOVA 0x0dead00000000000ull /**< where no address space has anything */
#define CLIENT_NO_FUNCTION 0xfffe /**< F_OWNER that no device has */

struct client_ami;

/** Ring of an AMI-SW's socket. */
struct client_ring {
	struct client_ami *ami;
	enum rvr_ams_type type;
	uint8_t ams, log2_size, log2_len, threshold;
	enum rvr_rx_mode rx_mode;
	uint32_t size;	/**< slots */
	uint32_t bytes; /**< of a slot */
	uint8_t *slots; /**< guards lie before and behind */
	uint64_t iova;
	uint64_t own;	/**< software's index */
	uint64_t count; /**< messages of the test pattern pushed or popped so far */
};

/** An AMI-SW. */
struct client_ami {
	uint16_t id, phy;
	volatile uint8_t *page;
	uint8_t *typeb; /**< Type B table, NULL with Type A */
	struct rvr_f_ami_sw_configure_req conf;
	struct client_ring tx[RVR_AMS_MAX], rx[RVR_AMS_MAX];
};

/** An AMI-HW. */
struct client_hw {
	uint16_t id, phy, aha_id;
};

/** One end of a session. */
struct client_end {
	enum rvr_asn_end type;
	uint16_t aha_id, phy;
	uint8_t ams;
};

/** Sizes of the management rings, log2 of slots; trace < 0: none. */
struct client_mgt {
	int command, response, exception, trace;
};

/** What registers and PROBE commands say. */
struct client_limits {
	enum rvr_ami_type ami_type;
	unsigned int min_log2_len, max_log2_len, max_log2_size, num_tx, num_rx;
	bool asn_prof, tracing;
	unsigned int max_ami_sw, max_asn, num_aha, ami_per_f, prof_counters;
};

struct client_msk {
	uint8_t *slots;
	uint64_t iova;
	uint32_t size;
	uint64_t own;
};

struct client {
	const char *name; /**< of the device */
	struct revere_transport *transport;
	unsigned int timeout_ms;
	struct client_limits lim;
	struct client_msk msk[RVR_MSK_NUM];

	const struct rte_memzone *mem[CLIENT_MEM_MAX];
	unsigned int num_mem;
	struct client_ami *ami[CLIENT_AMI_MAX];
	unsigned int num_ami;
	uint16_t next_hw;
	uint32_t next_asn;
	unsigned int late_irqs; /**< where none was due, in this test */

	struct client *vf;     /**< VF 1 of the same device, or NULL */
	struct client *tester; /**< of VF 1: whose tests fail with it; else NULL */

	unsigned int arg; /**< parameter of the test */
	jmp_buf out;	  /**< where failing and skipping leads */
	char why[256];	  /**< why it failed or was skipped */
};

enum client_outcome { CLIENT_PASSED, CLIENT_FAILED, CLIENT_SKIPPED };

/** Ends the test. */
void client_fail(struct client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void client_skip(struct client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/** Fails with the values if they differ. */
void client_equal(struct client *c, const char *what, uint64_t have, uint64_t want);

/* ---- Time ---------------------------------------------------------------------------------- */

struct client_timer {
	uint64_t end;
	unsigned int turns;
};

struct client_timer client_timer(const struct client *c, unsigned int ms);

/** Lets the device work a little. false: time is up. while (!done && client_turn(c, &t)) ; */
bool client_turn(struct client *c, struct client_timer *timer);

/** Gives the device time to do what it must not do. */
void client_settle(struct client *c);

/* ---- The Function -------------------------------------------------------------------------- */

/** Function Level Reset; forgets and frees everything. */
void client_reset(struct client *c);

/** Bring-up: AMU_EN, management rings, PROBE. NULL: one slot each, 16 exceptions, no trace. */
void client_start(struct client *c, const struct client_mgt *mgt);

/** Sets management rings up (AMU_EN is set and their indices are zero). */
void client_mgt_rings(struct client *c, const struct client_mgt *mgt);

uint64_t client_reg(struct client *c, uint32_t offset);
void client_reg_write(struct client *c, uint32_t offset, uint64_t value);

/** Zeroed memory that the device reaches; freed by client_reset(). */
void *client_alloc(struct client *c, size_t size, size_t align, uint64_t *iova);

/** An eventfd on interrupt @p vector; skips the test if there are no interrupts. */
int client_irq(struct client *c, uint32_t vector);
void client_irq_close(struct client *c, uint32_t vector, int fd);
/** Interrupts since the last call; waits up to @p ms for the first. */
uint64_t client_irq_count(struct client *c, int fd, unsigned int ms);

/* ---- Management ---------------------------------------------------------------------------- */

/** Writes a command and rings the doorbell; waits for room only. */
void client_send(struct client *c, const void *request);
/** Takes a message off a management ring within @p ms. */
bool client_take(struct client *c, enum rvr_mgt_rx ring, void *msg, unsigned int ms);
/** Sends, waits for the response, checks its OPCODE. @return STATUS */
uint16_t client_exec(struct client *c, const void *request, void *response);

/** Takes an E-F-AMI-RING-FAULT; fails if another or none comes. */
void client_ring_fault(struct client *c, const struct client_ami *ami, uint8_t ams);
/** Fails if an exception is there. */
void client_no_exception(struct client *c);
uint16_t client_error_state(struct client *c);
/** Waits for an ERROR_STATE. */
void client_error_wait(struct client *c, enum rvr_error_state state);

/* uint16_t client_<command>(c, request, response): STATUS. Either may be NULL. */
#define CLIENT_PROTO_(CMD, cmd, opcode, text)                                                  \
	uint16_t client_##cmd(struct client *c, const struct rvr_##cmd##_req *req,             \
			      struct rvr_##cmd##_rsp *rsp);
RVR_COMMANDS(CLIENT_PROTO_)

/** STATUS of a command without interest in the response: STATUS(c, pf_f_enable, .f_owner = 1) */
#define STATUS(c, cmd, ...)                                                                    \
	client_##cmd(c, &(const struct rvr_##cmd##_req){ __VA_ARGS__ }, NULL)
/** The same for a command that must succeed. */
#define MUST(c, cmd, ...) client_equal(c, #cmd " STATUS", STATUS(c, cmd, __VA_ARGS__), 0)

/* ---- AMI-SW, AMI-HW, sessions -------------------------------------------------------------- */

/** Maps any AMI-SW. */
struct client_ami *client_ami_map(struct client *c);
/** Disables, resets and configures it. */
void client_ami_configure(struct client *c, struct client_ami *ami);
/** Both. */
struct client_ami *client_ami_new(struct client *c);
void client_ami_enable(struct client *c, struct client_ami *ami);
void client_ami_disable(struct client *c, struct client_ami *ami);

/** Gives a socket a ring in new memory. */
struct client_ring *client_ring_new(struct client *c, struct client_ami *ami,
				    enum rvr_ams_type type, uint8_t ams, unsigned int log2_size,
				    unsigned int log2_len);
/** F-AMS-RING-CONFIGURE again, with what the struct says. */
void client_ring_configure(struct client *c, const struct client_ring *ring);
/** Fails if something was written around the ring. */
void client_ring_guards(struct client *c, const struct client_ring *ring);

/** AHA_ID of an agent of a kind; skips the test if there is none. */
uint16_t client_aha(struct client *c, enum rvr_aha_kind kind);
/** Maps any AMI-HW of an agent and enables it. */
struct client_hw client_hw_new(struct client *c, uint16_t aha_id);

struct client_end client_end_sw(const struct client_ami *ami, unsigned int ams);
struct client_end client_end_hw(const struct client_hw *hw, unsigned int ams);
/** Request of PF-ASN-CREATE with the next ASN_ID. */
struct rvr_pf_asn_create_req client_asn_req(struct client *c, struct client_end src,
					    struct client_end dst, unsigned int log2_len);
/** @return ASN_ID */
uint32_t client_asn_new(struct client *c, struct client_end src, struct client_end dst,
			unsigned int log2_len);

/* ---- Rings --------------------------------------------------------------------------------- */

/** A register of an AMI-SW page. */
uint64_t client_page(const struct client_ami *ami, uint32_t offset);
void client_page_write(struct client *c, struct client_ami *ami, uint32_t offset, uint64_t value);
/** The device's index: READ_INDEX_TX or WRITE_INDEX_RX, from page or Type B table. */
uint64_t client_device_index(const struct client_ring *ring);
/** A digest, from page or Type B table. */
uint64_t client_digest(const struct client_ami *ami, enum rvr_ams_type type);
/** Writes software's index of a ring: the doorbell. */
void client_own_write(struct client *c, struct client_ring *ring, uint64_t index);
/** Start value of both indices of a ring, while the AMI-SW is disabled. */
void client_index_restore(struct client *c, struct client_ring *ring, uint64_t read,
			  uint64_t write);

/** Slot of an index. */
uint8_t *client_slot(const struct client_ring *ring, uint64_t index);

/** Pushes up to @p count messages of the test pattern, as many as there is room. */
unsigned int client_push(struct client *c, struct client_ring *ring, unsigned int count);
/** Pops up to @p count and checks them; @p flip: 0xff if they come inverted. */
unsigned int client_pop(struct client *c, struct client_ring *ring, unsigned int count,
			uint8_t flip);
/** Pushes @p count in all, waiting for room. */
void client_push_all(struct client *c, struct client_ring *ring, unsigned int count);
/** Pops @p count in all, waiting for them. */
void client_pop_all(struct client *c, struct client_ring *ring, unsigned int count, uint8_t flip);
/** Waits until the device's index of a ring has a value. */
void client_index_wait(struct client *c, const struct client_ring *ring, uint64_t index);
/** Sends @p count messages and receives them all. */
void client_exchange(struct client *c, struct client_ring *tx, struct client_ring *rx,
		     unsigned int count, uint8_t flip);

/** Sends one message (length of the TX ring) and receives one. */
void client_call(struct client *c, struct client_ring *tx, struct client_ring *rx,
		 const void *request, void *answer);

/** The byte at @p at of message @p number of the test pattern. */
uint8_t client_pattern(uint64_t number, uint32_t at);

/* ---- Paths: what most tests stand on ------------------------------------------------------- */

/** A TX and an RX ring with something between them. */
struct client_path {
	struct client_ami *ami;
	struct client_ring *tx, *rx;
	uint32_t asn[2];     /**< out, and with an agent back */
	struct client_hw hw; /**< inversion alone */
	uint8_t flip;	 /**< for client_pop() */
};

/** AMI-SW -> inversion agent -> the same AMI-SW; sockets 0; enabled. */
struct client_path client_inversion(struct client *c, unsigned int log2_size,
				    unsigned int log2_len);
/** TX socket 0 to RX socket 0 of one AMI-SW; enabled. Different ring sizes. */
struct client_path client_loopback(struct client *c, unsigned int tx_log2_size,
				   unsigned int rx_log2_size, unsigned int log2_len);

#endif /* CLIENT_H */
