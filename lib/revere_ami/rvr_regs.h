/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Registers of a Revere-AMU device (ALP 03), declared once.
 *
 * Shared by the library and by the emulator, and by nothing else that crosses the line between
 * host and device. Every register stands in one row of a table (an X-macro); constants, dumps,
 * the emulator's access rules and the documentation are generated from these rows.
 *
 * (A) architected: published by Arm for ALP 03. (P) project-defined, see the section "project
 * defined" at the end of this file.
 */

#ifndef RVR_REGS_H
#define RVR_REGS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A field of a 64-bit register or word: high and low bit in one constant. */
#define RVR_BITS(high, low) (((high) << 8) | (low))

/** Mask, right-aligned, of a field that is @p high - @p low + 1 bits wide. */
static inline uint64_t
rvr_width_mask(unsigned int high, unsigned int low)
{
	return UINT64_MAX >> (63 - (high - low));
}

/** Value of a field, as declared with RVR_BITS(), of register value @p reg. */
static inline uint64_t
rvr_get(uint64_t reg, unsigned int bits)
{
	return (reg >> (bits & 0xff)) & rvr_width_mask(bits >> 8, bits & 0xff);
}

/** A field's value moved to its place; bits that don't fit are cut. */
static inline uint64_t
rvr_prep(unsigned int bits, uint64_t value)
{
	return (value & rvr_width_mask(bits >> 8, bits & 0xff)) << (bits & 0xff);
}

/** Register value @p reg with the field replaced by @p value. */
static inline uint64_t
rvr_set(uint64_t reg, unsigned int bits, uint64_t value)
{
	uint64_t mask = rvr_width_mask(bits >> 8, bits & 0xff) << (bits & 0xff);

	return (reg & ~mask) | rvr_prep(bits, value);
}

/* ---- Memory map of BAR0 --------------------------------------------------------------- */

#define RVR_MGT_PAGE_OFFSET 0x0u	/**< management page of this Function */
#define RVR_AMI_SW_PAGE_OFFSET 0x10000u /**< AMI-SW page #0 (A) */
#define RVR_AMI_SW_PAGE_STRIDE 0x10000u /**< from one AMI-SW page to the next (P) */
#define RVR_AMI_SW_PAGE_SIZE 0x1000u	/**< bytes of an AMI-SW page that hold registers */
#define RVR_MGT_PAGE_SIZE 0x10000u	/**< bytes of the management page */

#define RVR_AMS_MAX 64	   /**< sockets of one direction in one AMI, at the most */
#define RVR_VECTORS 2048   /**< values of an interrupt vector field */
#define RVR_DW 8	   /**< bytes in a doubleword */
#define RVR_MGT_MSG_SIZE 64 /**< bytes of a management message: 8 DW */
#define RVR_ARCH_MAJOR 3   /**< AMU_AIDR.ArchMajorRev that this model describes */

/* ---- Management page ------------------------------------------------------------------ */

/*
 * X(NAME, offset, count, stride, access, reset, writable, description)
 * access: RO software reads only, RW software writes the bits of `writable`, RWD software
 * writes and the device changes it too, IDX_SW index that software owns, IDX_DEV index that
 * the device owns. Reset values of RO identification registers come from the device.
 */
#define RVR_MGT_REGS(X)                                                                        \
	X(AMU_IDR, 0x0000, 1, 0, RO, 0, 0, "features and limits")                              \
	X(AMU_AIDR, 0x0008, 1, 0, RO, 0, 0, "architecture revision")                           \
	X(AMU_IIDR, 0x0010, 1, 0, RO, 0, 0, "implementation")                                  \
	X(AMU_CR, 0x0018, 1, 0, RW, 0, 0x60003, "global enables")                              \
	X(AMU_SR, 0x0020, 1, 0, RWD, 0, 0xffff, "error state, cleared by writing 0")           \
	X(MGT_RX_VECTOR, 0x0028, 1, 0, RW, 0, 0x7fffffff, "vector, management receive rings")  \
	X(MGT_TX_VECTOR, 0x0030, 1, 0, RW, 0, 0x7ff, "vector, management command ring")        \
	X(MGT_TYPEB_BASE, 0x0038, 1, 0, RW, 0, 0xfffffffffffff000, "management Type B table")  \
	X(MGT_RX_IRQ_CTRL, 0x0040, 1, 0, RW, 0, 0x1, "interrupt enable, receive rings")        \
	X(MGT_TX_IRQ_CTRL, 0x0048, 1, 0, RW, 0, 0x1, "interrupt enable, command ring")         \
	X(MGT_TRACE_RX_CTRL, 0x0050, 1, 0, RW, 0, 0x1, "mode of the trace ring")               \
	X(ERR_IRQ_CTRL, 0x0058, 1, 0, RW, 0, 0x800000007fffffff, "error interrupt")            \
	X(MSK_BASE_PTR, 0x0060, 4, 0x10, RW, 0, 0xfffffffffffffff8, "base of management ring") \
	X(MSK_CTRL, 0x0068, 4, 0x10, RW, 0x60, 0x1e1f, "size of management ring")              \
	X(MGT_TX_DIGEST, 0x1000, 1, 0, RO, 0, 0, "command ring has room")                      \
	X(MGT_TX_DIGEST_MASK, 0x1008, 1, 0, RW, 0, 0x1, "masks MGT_TX_DIGEST")                 \
	X(MGT_READ_INDEX_TX, 0x1400, 1, 8, IDX_DEV, 0, 0, "command ring, device")              \
	X(MGT_WRITE_INDEX_TX, 0x1600, 1, 8, IDX_SW, 0, UINT64_MAX, "command ring, doorbell")   \
	X(MGT_RX_DIGEST, 0x1800, 1, 0, RO, 0, 0, "receive rings hold messages")                \
	X(MGT_RX_DIGEST_MASK, 0x1808, 1, 0, RW, 0, 0x7, "masks MGT_RX_DIGEST")                 \
	X(MGT_READ_INDEX_RX, 0x1c00, 3, 8, IDX_SW, 0, UINT64_MAX, "receive rings, software")   \
	X(MGT_WRITE_INDEX_RX, 0x1e00, 3, 8, IDX_DEV, 0, 0, "receive rings, device")

/*
 * X(REGISTER, FIELD, high, low, description)
 */
#define RVR_MGT_FIELDS(X)                                                                      \
	X(AMU_IDR, MIN_LOG2_MSG_LENGTH, 31, 28, "shortest message, log2 of DW, >= 3")          \
	X(AMU_IDR, MAX_LOG2_MSG_LENGTH, 27, 24, "longest message, log2 of DW")                 \
	X(AMU_IDR, MAX_LOG2_SIZE, 23, 19, "largest ring, log2 of slots")                       \
	X(AMU_IDR, ASN_PROF, 18, 18, "sessions can be profiled")                               \
	X(AMU_IDR, TRACING, 17, 17, "sessions can be traced")                                  \
	X(AMU_IDR, AMI_TYPE, 16, 12, "0 A1, 1 A2, 2 B")                                        \
	X(AMU_IDR, NUM_RX_AMS_M1, 11, 6, "receive sockets of an AMI, minus 1")                 \
	X(AMU_IDR, NUM_TX_AMS_M1, 5, 0, "transmit sockets of an AMI, minus 1")                 \
	X(AMU_AIDR, ARCH_MAJOR_REV, 7, 4, "3")                                                 \
	X(AMU_AIDR, ARCH_MINOR_REV, 3, 0, "minor revision")                                    \
	X(AMU_IIDR, PRODUCT, 31, 20, "product")                                                \
	X(AMU_IIDR, VARIANT, 19, 16, "variant")                                                \
	X(AMU_IIDR, REVISION, 15, 12, "revision")                                              \
	X(AMU_IIDR, IMPLEMENTER, 11, 0, "JEP106 code, 0 for the emulator")                     \
	X(AMU_CR, ASN_PROF_EN, 18, 18, "enables profiling")                                    \
	X(AMU_CR, TRACE_EN, 17, 17, "enables tracing")                                         \
	X(AMU_CR, VF_TRACE_EN, 1, 1, "enables tracing by VFs, RES0 in VFs")                    \
	X(AMU_CR, AMU_EN, 0, 0, "enables the AMU, RES0 in VFs")                                \
	X(AMU_SR, ERROR_STATE, 15, 0, "first error")                                           \
	X(MGT_RX_VECTOR, RX_VECTOR, 30, 0, "MSI-X vector")                                     \
	X(MGT_TX_VECTOR, TX_VECTOR, 10, 0, "MSI-X vector")                                     \
	X(MGT_RX_IRQ_CTRL, ENABLE, 0, 0, "raises interrupts")                                  \
	X(MGT_TX_IRQ_CTRL, ENABLE, 0, 0, "raises interrupts")                                  \
	X(MGT_TRACE_RX_CTRL, RX_MODE, 0, 0, "0 back-pressure, 1 overwriting")                  \
	X(ERR_IRQ_CTRL, ENABLE, 63, 63, "raises interrupts")                                   \
	X(ERR_IRQ_CTRL, VECTOR, 30, 0, "MSI-X vector")                                         \
	X(MSK_CTRL, THRESHOLD, 12, 9, "log2 of the digest's threshold")                        \
	X(MSK_CTRL, LOG2_MSG_LENGTH, 8, 5, "3: 8 DW, read only")                               \
	X(MSK_CTRL, LOG2_SIZE, 4, 0, "log2 of slots")

/* ---- AMI-SW page ---------------------------------------------------------------------- */

#define RVR_AMI_SW_REGS(X)                                                                     \
	X(TX_DIGEST, 0x000, 1, 0, RO, 0, 0, "transmit rings that have room")                   \
	X(TX_DIGEST_MASK, 0x008, 1, 0, RW, 0, UINT64_MAX, "masks TX_DIGEST for interrupts")    \
	X(READ_INDEX_TX, 0x400, 64, 8, IDX_DEV, 0, 0, "transmit ring, device")                 \
	X(WRITE_INDEX_TX, 0x600, 64, 8, IDX_SW, 0, UINT64_MAX, "transmit ring, doorbell")      \
	X(RX_DIGEST, 0x800, 1, 0, RO, 0, 0, "receive rings that hold messages")                \
	X(RX_DIGEST_MASK, 0x808, 1, 0, RW, 0, UINT64_MAX, "masks RX_DIGEST for interrupts")    \
	X(READ_INDEX_RX, 0xc00, 64, 8, IDX_SW, 0, UINT64_MAX, "receive ring, software")        \
	X(WRITE_INDEX_RX, 0xe00, 64, 8, IDX_DEV, 0, 0, "receive ring, device")

/* Constants out of the tables: RVR_<REGISTER> is an offset, RVR_<REGISTER>_<FIELD> are bits. */
#define RVR_REG_OFFSET_(name, offset, count, stride, access, reset, writable, text)            \
	RVR_##name = (offset),
#define RVR_REG_FIELD_(reg, field, high, low, text) RVR_##reg##_##field = RVR_BITS(high, low),

enum rvr_mgt_reg { RVR_MGT_REGS(RVR_REG_OFFSET_) };
enum rvr_mgt_field { RVR_MGT_FIELDS(RVR_REG_FIELD_) };
enum rvr_ami_sw_reg { RVR_AMI_SW_REGS(RVR_REG_OFFSET_) };

/** Index of a management ring in MSK_BASE_PTR and MSK_CTRL. */
enum rvr_msk { RVR_MSK_COMMAND, RVR_MSK_RESPONSE, RVR_MSK_EXCEPTION, RVR_MSK_TRACE, RVR_MSK_NUM };

/** Index of a management receive ring in MGT_READ_INDEX_RX, MGT_WRITE_INDEX_RX and digests. */
enum rvr_mgt_rx { RVR_MGT_RX_RESPONSE, RVR_MGT_RX_EXCEPTION, RVR_MGT_RX_TRACE, RVR_MGT_RX_NUM };

/** Values of AMU_IDR.AMI_TYPE. */
enum rvr_ami_type { RVR_AMI_TYPE_A1, RVR_AMI_TYPE_A2, RVR_AMI_TYPE_B };

/** Values of AMU_SR.ERROR_STATE. X(NAME, value, description) */
#define RVR_ERROR_STATES(X)                                                                    \
	X(NONE, 0x0, "none")                                                                   \
	X(COMMAND_FAULT, 0x1, "fault on the command ring")                                     \
	X(RESPONSE_FAULT, 0x2, "fault on the response ring")                                   \
	X(EXCEPTION_FAULT, 0x3, "fault on the exception ring")                                 \
	X(TRACE_FAULT, 0x4, "fault on the trace ring")                                         \
	X(RESPONSE_FULL, 0x5, "response ring full")                                            \
	X(EXCEPTION_FULL, 0x6, "exception ring full")                                          \
	X(INVALID_COMMAND, 0x7, "invalid command message")                                     \
	X(MGT_TYPEB_FAULT, 0x8, "fault on MGT_TYPEB_BASE")                                     \
	X(AMI_SW_TYPEB_FAULT, 0x9, "fault on an AMI-SW's Type B table")                        \
	X(PROF_TBL_FAULT, 0xa, "fault on PROF_TBL_BASE")

#define RVR_ERROR_STATE_(name, value, text) RVR_ERROR_STATE_##name = (value),
enum rvr_error_state { RVR_ERROR_STATES(RVR_ERROR_STATE_) };

/* ---- Table rows as data, for dumps, the emulator and documentation ---------------------- */

enum rvr_access { RVR_RO, RVR_RW, RVR_RWD, RVR_IDX_SW, RVR_IDX_DEV };

/** A register: initialise an array with RVR_REG_ROW_ as the tables' X. */
struct rvr_reg {
	const char *name;
	uint32_t offset; /**< bytes from the page's start */
	uint16_t count;	 /**< how many, @c stride bytes apart */
	uint16_t stride;
	enum rvr_access access;
	uint64_t reset;
	uint64_t writable; /**< bits that software can write */
	const char *text;
};

/** A field of a register: initialise an array with RVR_REG_FIELD_ROW_. */
struct rvr_reg_field {
	const char *reg;
	const char *name;
	uint8_t high, low;
	const char *text;
};

#define RVR_REG_ROW_(name, offset, count, stride, access, reset, writable, text)               \
	{#name, offset, count, stride, RVR_##access, reset, writable, text},
#define RVR_REG_FIELD_ROW_(reg, field, high, low, text) {#reg, #field, high, low, text},

/* ---- PCI identity ----------------------------------------------------------------------- */

#define RVR_PCI_VENDOR_ID 0x13b5	/**< (A) */
#define RVR_PCI_DEVICE_ID_PF 0xff81 /**< (A) */
#define RVR_PCI_DEVICE_ID_VF 0xff82 /**< (P) */
#define RVR_PCI_CLASS 0x120000	/**< processing accelerator (P) */
#define RVR_PCI_BAR_REGS 0		/**< BAR of the pages */
#define RVR_PCI_BAR_MSIX 2		/**< BAR of MSI-X table and PBA (P) */

#ifdef __cplusplus
}
#endif

#endif /* RVR_REGS_H */
