/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Messages of a Revere-AMU device (ALP 03), declared once.
 *
 * Management commands, responses and exceptions stand in tables (X-macros), one row a field.
 * From the rows come a struct for each message, its encoder and decoder, the tables that dumps
 * and documentation print, and the names of statuses. Formats of the DMA agent's messages follow
 * as little-endian structs; those of the RNA are in rvr_rna.h.
 *
 * Shared by the library and by the emulator, and by nothing else that crosses the line between
 * host and device.
 */

#ifndef RVR_MSG_H
#define RVR_MSG_H

#include <stddef.h>

#include "rvr_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Little-endian words ---------------------------------------------------------------- */

typedef uint16_t rvr_le16; /**< 16 bits as they lie on the wire; 0 is 0 in either order */
typedef uint32_t rvr_le32; /**< 32 bits as they lie on the wire */
typedef uint64_t rvr_le64; /**< 64 bits as they lie on the wire */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define rvr_cpu_le16(v) __builtin_bswap16(v)
#define rvr_cpu_le32(v) __builtin_bswap32(v)
#define rvr_cpu_le64(v) __builtin_bswap64(v)
#else
#define rvr_cpu_le16(v) ((uint16_t)(v))
#define rvr_cpu_le32(v) ((uint32_t)(v))
#define rvr_cpu_le64(v) ((uint64_t)(v))
#endif
#define rvr_le16_cpu(v) rvr_cpu_le16(v)
#define rvr_le32_cpu(v) rvr_cpu_le32(v)
#define rvr_le64_cpu(v) rvr_cpu_le64(v)

/* ---- Fields of management messages ------------------------------------------------------ */

/*
 * A field is bits [high:low] of the little-endian word at a byte offset: a 32-bit word where
 * high is below 32, else a 64-bit one. A field [63:low] with low above 0 is an address whose
 * bits stay in place: its value is the address, the low bits are cut.
 */

/** Value of a field of message @p msg (at least RVR_MGT_MSG_SIZE bytes, any alignment). */
static inline uint64_t
rvr_msg_get(const void *msg, unsigned int offset, unsigned int high, unsigned int low)
{
	const uint8_t *at = (const uint8_t *)msg + offset;
	uint64_t word;
	uint32_t half;

	if (high < 32) {
		memcpy(&half, at, sizeof(half));
		word = rvr_le32_cpu(half);
	} else {
		memcpy(&word, at, sizeof(word));
		word = rvr_le64_cpu(word);
	}
	if (high == 63)
		return word & (UINT64_MAX << low);
	return (word >> low) & rvr_width_mask(high, low);
}

/** Sets a field of message @p msg; bits of @p value that don't fit are cut. */
static inline void
rvr_msg_put(void *msg, unsigned int offset, unsigned int high, unsigned int low, uint64_t value)
{
	uint8_t *at = (uint8_t *)msg + offset;
	uint64_t mask = rvr_width_mask(high, low) << low;
	uint64_t word;
	uint32_t half;

	if (high != 63)
		value <<= low;
	if (high < 32) {
		memcpy(&half, at, sizeof(half));
		half = rvr_cpu_le32((rvr_le32_cpu(half) & ~(uint32_t)mask) |
				    (uint32_t)(value & mask));
		memcpy(at, &half, sizeof(half));
	} else {
		memcpy(&word, at, sizeof(word));
		word = rvr_cpu_le64((rvr_le64_cpu(word) & ~mask) | (value & mask));
		memcpy(at, &word, sizeof(word));
	}
}

/* OPCODE and STATUS stand at the same place in every management message. */
static inline uint16_t
rvr_msg_opcode(const void *msg)
{
	return (uint16_t)rvr_msg_get(msg, 0, 15, 0);
}

static inline uint16_t
rvr_msg_status(const void *msg)
{
	return (uint16_t)rvr_msg_get(msg, 0, 31, 16);
}

#define RVR_STATUS_OK 0	      /**< success */
#define RVR_STATUS_OTHER 0xffff /**< refused, and the command has no fitting status (P) */

/* Values of fields. */
enum rvr_ams_type { RVR_AMS_RX, RVR_AMS_TX };
enum rvr_asn_end { RVR_END_AMI_SW, RVR_END_AMI_HW }; /**< *_AMI_TYPE */
enum rvr_rx_mode { RVR_RX_BACK_PRESSURE, RVR_RX_OVERWRITE };

/* ---- Management commands (A) ------------------------------------------------------------ */

/*
 * RVR_COMMANDS: X(COMMAND, command, opcode, published name)
 * RVR_<COMMAND>_REQ and _RSP: X(FIELD, field, offset, high, low)
 * RVR_<COMMAND>_STATUS: X(COMMAND, NAME, value, published text)
 */
#define RVR_COMMANDS(X) \
	X(PF_PROBE, pf_probe, 1, "PF-PROBE") \
	X(F_PROBE, f_probe, 2, "F-PROBE") \
	X(PF_F_ENABLE, pf_f_enable, 3, "PF-F-ENABLE") \
	X(PF_F_DISABLE, pf_f_disable, 4, "PF-F-DISABLE") \
	X(PF_AMI_SW_MAP, pf_ami_sw_map, 6, "PF-AMI-SW-MAP") \
	X(PF_AMI_SW_UNMAP, pf_ami_sw_unmap, 7, "PF-AMI-SW-UNMAP") \
	X(PF_AMI_SW_CONFIGURE, pf_ami_sw_configure, 8, "PF-AMI-SW-CONFIGURE") \
	X(PF_AMI_SW_SAVE, pf_ami_sw_save, 9, "PF-AMI-SW-SAVE") \
	X(PF_AMI_SW_RESET, pf_ami_sw_reset, 10, "PF-AMI-SW-RESET") \
	X(F_AMI_SW_CONFIGURE, f_ami_sw_configure, 11, "F-AMI-SW-CONFIGURE") \
	X(F_AMI_SW_SAVE, f_ami_sw_save, 12, "F-AMI-SW-SAVE") \
	X(F_AMI_SW_RESET, f_ami_sw_reset, 13, "F-AMI-SW-RESET") \
	X(F_AMI_SW_ENABLE, f_ami_sw_enable, 14, "F-AMI-SW-ENABLE") \
	X(F_AMI_SW_DISABLE, f_ami_sw_disable, 15, "F-AMI-SW-DISABLE") \
	X(PF_ASN_CREATE, pf_asn_create, 16, "PF-ASN-CREATE") \
	X(PF_ASN_DESTROY, pf_asn_destroy, 17, "PF-ASN-DESTROY") \
	X(PF_AMS_RING_CONFIGURE, pf_ams_ring_configure, 18, "PF-AMS-RING-CONFIGURE") \
	X(PF_AMS_RING_SAVE, pf_ams_ring_save, 19, "PF-AMS-RING-SAVE") \
	X(F_AMS_RING_CONFIGURE, f_ams_ring_configure, 20, "F-AMS-RING-CONFIGURE") \
	X(F_AMS_RING_SAVE, f_ams_ring_save, 21, "F-AMS-RING-SAVE") \
	X(PF_AMI_HW_MAP, pf_ami_hw_map, 23, "PF-AMI-HW-MAP") \
	X(PF_AMI_HW_UNMAP, pf_ami_hw_unmap, 24, "PF-AMI-HW-UNMAP") \
	X(PF_AMI_HW_CONFIGURE, pf_ami_hw_configure, 25, "PF-AMI-HW-CONFIGURE") \
	X(PF_AMI_HW_SAVE, pf_ami_hw_save, 26, "PF-AMI-HW-SAVE") \
	X(PF_AMI_HW_RESET, pf_ami_hw_reset, 27, "PF-AMI-HW-RESET") \
	X(F_PROF_TABLE_FLUSH, f_prof_table_flush, 29, "F-PROF-TABLE-FLUSH") \
	X(F_AMI_HW_CONFIGURE, f_ami_hw_configure, 30, "F-AMI-HW-CONFIGURE") \
	X(F_AMI_HW_SAVE, f_ami_hw_save, 31, "F-AMI-HW-SAVE") \
	X(F_AMI_HW_RESET, f_ami_hw_reset, 32, "F-AMI-HW-RESET") \
	X(F_AMI_HW_ENABLE, f_ami_hw_enable, 33, "F-AMI-HW-ENABLE") \
	X(F_AMI_HW_DISABLE, f_ami_hw_disable, 34, "F-AMI-HW-DISABLE") \
	X(F_AMS_PROF_CONFIGURE, f_ams_prof_configure, 35, "F-AMS-PROF-CONFIGURE") \
	X(F_AMS_TRACE_CONFIGURE, f_ams_trace_configure, 36, "F-AMS-TRACE-CONFIGURE") \
	X(PF_PROBE_AHA, pf_probe_aha, 37, "PF-PROBE-AHA") \
	X(PF_F_TRAP_CONFIGURE, pf_f_trap_configure, 38, "PF-F-TRAP-CONFIGURE") \
	X(PF_F_TRAP_RESP, pf_f_trap_resp, 39, "PF-F-TRAP-RESP") \
	X(F_GET_AMI_MAP, f_get_ami_map, 40, "F-GET-AMI-MAP")

/* 1 PF-PROBE */
#define RVR_PF_PROBE_REQ(X)
#define RVR_PF_PROBE_RSP(X) \
	X(MAX_AMI_SW, max_ami_sw, 0x04, 15, 0) \
	X(MAX_ASN, max_asn, 0x08, 20, 0) \
	X(NUM_AHA, num_aha, 0x0c, 15, 0)
#define RVR_PF_PROBE_STATUS(X)

/* 2 F-PROBE */
#define RVR_F_PROBE_REQ(X)
#define RVR_F_PROBE_RSP(X) \
	X(ASN_PROF_N_COUNTERS, asn_prof_n_counters, 0x04, 31, 0) \
	X(AMI_PER_F_M1, ami_per_f_m1, 0x08, 15, 0) \
	X(PASID_WIDTH, pasid_width, 0x08, 20, 16) \
	X(PASID_SUPPORTED, pasid_supported, 0x08, 21, 21)
#define RVR_F_PROBE_STATUS(X)

/* 3 PF-F-ENABLE */
#define RVR_PF_F_ENABLE_REQ(X) \
	X(F_OWNER, f_owner, 0x04, 15, 0)
#define RVR_PF_F_ENABLE_RSP(X)
#define RVR_PF_F_ENABLE_STATUS(X) \
	X(PF_F_ENABLE, F_OWNER_INVALID, 1, "F_OWNER is invalid")

/* 4 PF-F-DISABLE */
#define RVR_PF_F_DISABLE_REQ(X) \
	X(F_OWNER, f_owner, 0x04, 15, 0)
#define RVR_PF_F_DISABLE_RSP(X) \
	X(TRAP_CONFIG, trap_config, 0x04, 0, 0)
#define RVR_PF_F_DISABLE_STATUS(X) \
	X(PF_F_DISABLE, F_OWNER_INVALID, 1, "F_OWNER is invalid")

/* 6 PF-AMI-SW-MAP */
#define RVR_PF_AMI_SW_MAP_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0) \
	X(ANY_PHY_AMI_SW, any_phy_ami_sw, 0x04, 16, 16) \
	X(AMI_SW_ID, ami_sw_id, 0x08, 15, 0) \
	X(F_OWNER, f_owner, 0x08, 31, 16)
#define RVR_PF_AMI_SW_MAP_RSP(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0)
#define RVR_PF_AMI_SW_MAP_STATUS(X) \
	X(PF_AMI_SW_MAP, F_OWNER_INVALID, 1, "F_OWNER is invalid") \
	X(PF_AMI_SW_MAP, PHY_AMI_SW_MAPPED, 2, "PHY_AMI_SW_ID already mapped") \
	X(PF_AMI_SW_MAP, AMI_SW_ASSIGNED, 3, "AMI_SW_ID already assigned in F_OWNER")

/* 7 PF-AMI-SW-UNMAP */
#define RVR_PF_AMI_SW_UNMAP_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0)
#define RVR_PF_AMI_SW_UNMAP_RSP(X)
#define RVR_PF_AMI_SW_UNMAP_STATUS(X)

/* 8 PF-AMI-SW-CONFIGURE */
#define RVR_PF_AMI_SW_CONFIGURE_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0) \
	X(PASID, pasid, 0x08, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x08, 20, 20) \
	X(TX_VECTOR, tx_vector, 0x0c, 10, 0) \
	X(TX_IRQ_ENABLE, tx_irq_enable, 0x0c, 31, 31) \
	X(RX_VECTOR, rx_vector, 0x10, 10, 0) \
	X(RX_IRQ_ENABLE, rx_irq_enable, 0x10, 31, 31) \
	X(ENABLE, enable, 0x18, 0, 0) \
	X(TYPEB_TBL_BASE, typeb_tbl_base, 0x18, 63, 12)
#define RVR_PF_AMI_SW_CONFIGURE_RSP(X)
#define RVR_PF_AMI_SW_CONFIGURE_STATUS(X) \
	X(PF_AMI_SW_CONFIGURE, AMI_SW_MAPPED, 1, "AMI-SW is mapped")

/* 9 PF-AMI-SW-SAVE */
#define RVR_PF_AMI_SW_SAVE_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0)
#define RVR_PF_AMI_SW_SAVE_RSP(X) \
	X(PASID, pasid, 0x04, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x04, 20, 20) \
	X(TX_VECTOR, tx_vector, 0x08, 10, 0) \
	X(TX_IRQ_ENABLE, tx_irq_enable, 0x08, 31, 31) \
	X(RX_VECTOR, rx_vector, 0x0c, 10, 0) \
	X(RX_IRQ_ENABLE, rx_irq_enable, 0x0c, 31, 31) \
	X(ENABLE, enable, 0x10, 0, 0) \
	X(MAPPED, mapped, 0x10, 1, 1) \
	X(TYPEB_TBL_BASE, typeb_tbl_base, 0x10, 63, 12) \
	X(AMI_SW_ID, ami_sw_id, 0x18, 15, 0) \
	X(F_OWNER, f_owner, 0x18, 31, 16)
#define RVR_PF_AMI_SW_SAVE_STATUS(X) \
	X(PF_AMI_SW_SAVE, PHY_AMI_SW_INVALID, 1, "Invalid PHY_AMI_SW_ID") \
	X(PF_AMI_SW_SAVE, F_ENABLED, 2, "Owning Function is enabled")

/* 10 PF-AMI-SW-RESET */
#define RVR_PF_AMI_SW_RESET_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0)
#define RVR_PF_AMI_SW_RESET_RSP(X)
#define RVR_PF_AMI_SW_RESET_STATUS(X) \
	X(PF_AMI_SW_RESET, AMI_SW_MAPPED, 1, "AMI-SW is mapped")

/* 11 F-AMI-SW-CONFIGURE */
#define RVR_F_AMI_SW_CONFIGURE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0) \
	X(PASID, pasid, 0x08, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x08, 20, 20) \
	X(TX_VECTOR, tx_vector, 0x0c, 10, 0) \
	X(TX_IRQ_ENABLE, tx_irq_enable, 0x0c, 31, 31) \
	X(RX_VECTOR, rx_vector, 0x10, 10, 0) \
	X(RX_IRQ_ENABLE, rx_irq_enable, 0x10, 31, 31) \
	X(TYPEB_TBL_BASE, typeb_tbl_base, 0x18, 63, 12)
#define RVR_F_AMI_SW_CONFIGURE_RSP(X)
#define RVR_F_AMI_SW_CONFIGURE_STATUS(X) \
	X(F_AMI_SW_CONFIGURE, AMI_SW_NOT_MAPPED, 1, "AMI_SW_ID is not mapped in Function") \
	X(F_AMI_SW_CONFIGURE, AMI_SW_NOT_DISABLED, 2, "AMI-SW is not disabled")

/* 12 F-AMI-SW-SAVE */
#define RVR_F_AMI_SW_SAVE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0)
#define RVR_F_AMI_SW_SAVE_RSP(X) \
	X(PASID, pasid, 0x04, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x04, 20, 20) \
	X(TX_VECTOR, tx_vector, 0x08, 10, 0) \
	X(TX_IRQ_ENABLE, tx_irq_enable, 0x08, 31, 31) \
	X(RX_VECTOR, rx_vector, 0x0c, 10, 0) \
	X(RX_IRQ_ENABLE, rx_irq_enable, 0x0c, 31, 31) \
	X(TYPEB_TBL_BASE, typeb_tbl_base, 0x10, 63, 12)
#define RVR_F_AMI_SW_SAVE_STATUS(X) \
	X(F_AMI_SW_SAVE, AMI_SW_INVALID, 1, "invalid AMI_SW_ID")

/* 13 F-AMI-SW-RESET */
#define RVR_F_AMI_SW_RESET_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0)
#define RVR_F_AMI_SW_RESET_RSP(X)
#define RVR_F_AMI_SW_RESET_STATUS(X) \
	X(F_AMI_SW_RESET, AMI_SW_INVALID, 1, "Invalid AMI_SW_ID")

/* 14 F-AMI-SW-ENABLE */
#define RVR_F_AMI_SW_ENABLE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0)
#define RVR_F_AMI_SW_ENABLE_RSP(X)
#define RVR_F_AMI_SW_ENABLE_STATUS(X) \
	X(F_AMI_SW_ENABLE, AMI_SW_NOT_MAPPED, 1, "AMI-SW is not mapped in Function")

/* 15 F-AMI-SW-DISABLE */
#define RVR_F_AMI_SW_DISABLE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0)
#define RVR_F_AMI_SW_DISABLE_RSP(X)
#define RVR_F_AMI_SW_DISABLE_STATUS(X) \
	X(F_AMI_SW_DISABLE, AMI_SW_NOT_MAPPED, 1, "AMI-SW is not mapped in Function")

/* 16 PF-ASN-CREATE */
#define RVR_PF_ASN_CREATE_REQ(X) \
	X(PRIO, prio, 0x04, 3, 0) \
	X(DST_AMI_TYPE, dst_ami_type, 0x04, 4, 4) \
	X(SRC_AMI_TYPE, src_ami_type, 0x04, 5, 5) \
	X(MON_OWNER, mon_owner, 0x04, 21, 6) \
	X(SRC_PHY_AMI_ID, src_phy_ami_id, 0x08, 15, 0) \
	X(SRC_AHA_ID, src_aha_id, 0x08, 31, 16) \
	X(DST_PHY_AMI_ID, dst_phy_ami_id, 0x0c, 15, 0) \
	X(DST_AHA_ID, dst_aha_id, 0x0c, 31, 16) \
	X(DST_AMS, dst_ams, 0x10, 5, 0) \
	X(SRC_AMS, src_ams, 0x10, 11, 6) \
	X(STASH_ENABLE, stash_enable, 0x10, 12, 12) \
	X(ASN_ID, asn_id, 0x14, 27, 0) \
	X(STASH_CTL, stash_ctl, 0x18, 63, 0) \
	X(PROF_MASK, prof_mask, 0x20, 63, 0) \
	X(PROF_TBL_BASE, prof_tbl_base, 0x28, 63, 3) \
	X(PROF_CTL, prof_ctl, 0x30, 15, 0) \
	X(TRACE_CTL, trace_ctl, 0x30, 31, 16) \
	X(STASH_DEST, stash_dest, 0x34, 31, 0) \
	X(MFO, mfo, 0x38, 2, 0) \
	X(MF_OB_BUF_NUM, mf_ob_buf_num, 0x38, 9, 3) \
	X(LOG2_MSG_LENGTH, log2_msg_length, 0x38, 13, 10)
#define RVR_PF_ASN_CREATE_RSP(X)
#define RVR_PF_ASN_CREATE_STATUS(X) \
	X(PF_ASN_CREATE, ASN_IN_USE, 1, "Requested ASN ID already in use") \
	X(PF_ASN_CREATE, LOG2_MSG_LENGTH_RANGE, 2, "LOG2_MSG_LENGTH out of range") \
	X(PF_ASN_CREATE, AMS_CONNECTED, 3, "AMS already connected to an ASN")

/* 17 PF-ASN-DESTROY */
#define RVR_PF_ASN_DESTROY_REQ(X) \
	X(ASN_ID, asn_id, 0x04, 27, 0)
#define RVR_PF_ASN_DESTROY_RSP(X) \
	X(PRIO, prio, 0x04, 3, 0) \
	X(DST_AMI_TYPE, dst_ami_type, 0x04, 4, 4) \
	X(SRC_AMI_TYPE, src_ami_type, 0x04, 5, 5) \
	X(MON_OWNER, mon_owner, 0x04, 21, 6) \
	X(SRC_PHY_AMI_ID, src_phy_ami_id, 0x08, 15, 0) \
	X(SRC_AHA_ID, src_aha_id, 0x08, 31, 16) \
	X(DST_PHY_AMI_ID, dst_phy_ami_id, 0x0c, 15, 0) \
	X(DST_AHA_ID, dst_aha_id, 0x0c, 31, 16) \
	X(DST_AMS, dst_ams, 0x10, 5, 0) \
	X(SRC_AMS, src_ams, 0x10, 11, 6) \
	X(STASH_ENABLE, stash_enable, 0x10, 12, 12) \
	X(PROF_CTL, prof_ctl, 0x14, 15, 0) \
	X(TRACE_CTL, trace_ctl, 0x14, 31, 16) \
	X(STASH_CTL, stash_ctl, 0x18, 63, 0) \
	X(PROF_MASK, prof_mask, 0x20, 63, 0) \
	X(PROF_TBL_BASE, prof_tbl_base, 0x28, 63, 3) \
	X(STASH_DEST, stash_dest, 0x30, 31, 0) \
	X(MFO, mfo, 0x34, 2, 0) \
	X(MF_OB_BUF_NUM, mf_ob_buf_num, 0x34, 9, 3) \
	X(LOG2_MSG_LENGTH, log2_msg_length, 0x34, 13, 10)
#define RVR_PF_ASN_DESTROY_STATUS(X) \
	X(PF_ASN_DESTROY, ASN_ABSENT, 1, "ASN does not exist")

/* 18 PF-AMS-RING-CONFIGURE */
#define RVR_PF_AMS_RING_CONFIGURE_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0) \
	X(AMS_ID, ams_id, 0x08, 5, 0) \
	X(AMS_TYPE, ams_type, 0x08, 6, 6) \
	X(RX_MODE, rx_mode, 0x0c, 0, 0) \
	X(LOG2_SIZE, log2_size, 0x0c, 5, 1) \
	X(THRESHOLD, threshold, 0x0c, 9, 6) \
	X(RING_BASE, ring_base, 0x10, 63, 3)
#define RVR_PF_AMS_RING_CONFIGURE_RSP(X)
#define RVR_PF_AMS_RING_CONFIGURE_STATUS(X) \
	X(PF_AMS_RING_CONFIGURE, AMI_SW_MAPPED, 1, "AMI-SW is mapped") \
	X(PF_AMS_RING_CONFIGURE, LOG2_SIZE_RANGE, 2, "LOG2_SIZE out of range")

/* 19 PF-AMS-RING-SAVE */
#define RVR_PF_AMS_RING_SAVE_REQ(X) \
	X(PHY_AMI_SW_ID, phy_ami_sw_id, 0x04, 15, 0) \
	X(AMS_ID, ams_id, 0x08, 5, 0) \
	X(AMS_TYPE, ams_type, 0x08, 6, 6)
#define RVR_PF_AMS_RING_SAVE_RSP(X) \
	X(RX_MODE, rx_mode, 0x04, 0, 0) \
	X(LOG2_SIZE, log2_size, 0x04, 5, 1) \
	X(THRESHOLD, threshold, 0x04, 9, 6) \
	X(RING_BASE, ring_base, 0x08, 63, 3)
#define RVR_PF_AMS_RING_SAVE_STATUS(X) \
	X(PF_AMS_RING_SAVE, F_ENABLED, 1, "Owning Function is enabled")

/* 20 F-AMS-RING-CONFIGURE */
#define RVR_F_AMS_RING_CONFIGURE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0) \
	X(AMS_ID, ams_id, 0x08, 5, 0) \
	X(AMS_TYPE, ams_type, 0x08, 6, 6) \
	X(RX_MODE, rx_mode, 0x0c, 0, 0) \
	X(LOG2_SIZE, log2_size, 0x0c, 5, 1) \
	X(THRESHOLD, threshold, 0x0c, 9, 6) \
	X(RING_BASE, ring_base, 0x10, 63, 3)
#define RVR_F_AMS_RING_CONFIGURE_RSP(X)
#define RVR_F_AMS_RING_CONFIGURE_STATUS(X) \
	X(F_AMS_RING_CONFIGURE, AMI_SW_NOT_MAPPED, 1, "AMI-SW is not mapped in Function") \
	X(F_AMS_RING_CONFIGURE, LOG2_SIZE_RANGE, 2, "LOG2_SIZE out of range") \
	X(F_AMS_RING_CONFIGURE, AMI_SW_NOT_DISABLED, 3, "AMI-SW is not disabled")

/* 21 F-AMS-RING-SAVE */
#define RVR_F_AMS_RING_SAVE_REQ(X) \
	X(AMI_SW_ID, ami_sw_id, 0x04, 15, 0) \
	X(AMS_ID, ams_id, 0x04, 21, 16) \
	X(AMS_TYPE, ams_type, 0x04, 22, 22)
#define RVR_F_AMS_RING_SAVE_RSP(X) \
	X(RX_MODE, rx_mode, 0x04, 1, 1) \
	X(LOG2_SIZE, log2_size, 0x04, 6, 2) \
	X(THRESHOLD, threshold, 0x04, 10, 7) \
	X(RING_BASE, ring_base, 0x08, 63, 3)
#define RVR_F_AMS_RING_SAVE_STATUS(X) \
	X(F_AMS_RING_SAVE, AMI_SW_INVALID, 1, "Invalid AMI_SW_ID") \
	X(F_AMS_RING_SAVE, AMS_INVALID, 2, "Invalid AMS_ID")

/* 23 PF-AMI-HW-MAP */
#define RVR_PF_AMI_HW_MAP_REQ(X) \
	X(AHA_ID, aha_id, 0x04, 16, 0) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x08, 15, 0) \
	X(ANY_PHY_AMI_HW, any_phy_ami_hw, 0x08, 16, 16) \
	X(AMI_HW_ID, ami_hw_id, 0x0c, 15, 0) \
	X(F_OWNER, f_owner, 0x0c, 31, 16)
#define RVR_PF_AMI_HW_MAP_RSP(X) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x04, 15, 0)
#define RVR_PF_AMI_HW_MAP_STATUS(X) \
	X(PF_AMI_HW_MAP, F_OWNER_INVALID, 1, "F_OWNER is invalid") \
	X(PF_AMI_HW_MAP, PHY_AMI_HW_MAPPED, 2, "PHY_AMI_HW_ID in AHA_ID already mapped") \
	X(PF_AMI_HW_MAP, AMI_HW_ASSIGNED, 3, "AMI_HW_ID already assigned in F_OWNER")

/* 24 PF-AMI-HW-UNMAP */
#define RVR_PF_AMI_HW_UNMAP_REQ(X) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x04, 15, 0) \
	X(AHA_ID, aha_id, 0x04, 31, 16)
#define RVR_PF_AMI_HW_UNMAP_RSP(X)
#define RVR_PF_AMI_HW_UNMAP_STATUS(X)

/* 25 PF-AMI-HW-CONFIGURE */
#define RVR_PF_AMI_HW_CONFIGURE_REQ(X) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x04, 15, 0) \
	X(AHA_ID, aha_id, 0x04, 31, 16) \
	X(PASID, pasid, 0x08, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x08, 20, 20) \
	X(LOG2_HW_CRED_SIZE, log2_hw_cred_size, 0x08, 24, 21) \
	X(ENABLE, enable, 0x08, 25, 25)
#define RVR_PF_AMI_HW_CONFIGURE_RSP(X)
#define RVR_PF_AMI_HW_CONFIGURE_STATUS(X) \
	X(PF_AMI_HW_CONFIGURE, LOG2_HW_CRED_SIZE_INVALID, 1, "Invalid LOG2_HW_CRED_SIZE value") \
	X(PF_AMI_HW_CONFIGURE, PHY_AMI_HW_MAPPED, 2, "PHY_AMI_HW_ID within AHA_ID is mapped")

/* 26 PF-AMI-HW-SAVE */
#define RVR_PF_AMI_HW_SAVE_REQ(X) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x04, 15, 0) \
	X(AHA_ID, aha_id, 0x04, 31, 16)
#define RVR_PF_AMI_HW_SAVE_RSP(X) \
	X(PASID, pasid, 0x04, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x04, 20, 20) \
	X(LOG2_HW_CRED_SIZE, log2_hw_cred_size, 0x04, 24, 21) \
	X(ENABLE, enable, 0x04, 25, 25)
#define RVR_PF_AMI_HW_SAVE_STATUS(X) \
	X(PF_AMI_HW_SAVE, PHY_AMI_HW_INVALID, 1, "Invalid PHY_AMI_HW_ID") \
	X(PF_AMI_HW_SAVE, F_ENABLED, 2, "Owning Function is enabled")

/* 27 PF-AMI-HW-RESET */
#define RVR_PF_AMI_HW_RESET_REQ(X) \
	X(PHY_AMI_HW_ID, phy_ami_hw_id, 0x04, 15, 0) \
	X(AHA_ID, aha_id, 0x04, 31, 16)
#define RVR_PF_AMI_HW_RESET_RSP(X)
#define RVR_PF_AMI_HW_RESET_STATUS(X) \
	X(PF_AMI_HW_RESET, AMI_HW_MAPPED, 1, "AMI-HW is mapped")

/* 29 F-PROF-TABLE-FLUSH */
#define RVR_F_PROF_TABLE_FLUSH_REQ(X)
#define RVR_F_PROF_TABLE_FLUSH_RSP(X)
#define RVR_F_PROF_TABLE_FLUSH_STATUS(X) \
	X(F_PROF_TABLE_FLUSH, FAILURE, 1, "Failure")

/* 30 F-AMI-HW-CONFIGURE */
#define RVR_F_AMI_HW_CONFIGURE_REQ(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0) \
	X(PASID, pasid, 0x08, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x08, 20, 20)
#define RVR_F_AMI_HW_CONFIGURE_RSP(X)
#define RVR_F_AMI_HW_CONFIGURE_STATUS(X) \
	X(F_AMI_HW_CONFIGURE, AMI_HW_NOT_MAPPED, 1, "AMI-HW is not mapped in Function") \
	X(F_AMI_HW_CONFIGURE, AMI_HW_NOT_DISABLED, 2, "AMI-HW is not disabled")

/* 31 F-AMI-HW-SAVE */
#define RVR_F_AMI_HW_SAVE_REQ(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0)
#define RVR_F_AMI_HW_SAVE_RSP(X) \
	X(PASID, pasid, 0x04, 19, 0) \
	X(PASID_ENABLED, pasid_enabled, 0x04, 20, 20)
#define RVR_F_AMI_HW_SAVE_STATUS(X) \
	X(F_AMI_HW_SAVE, AMI_HW_INVALID, 1, "Invalid AMI_HW_ID")

/* 32 F-AMI-HW-RESET */
#define RVR_F_AMI_HW_RESET_REQ(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0)
#define RVR_F_AMI_HW_RESET_RSP(X)
#define RVR_F_AMI_HW_RESET_STATUS(X) \
	X(F_AMI_HW_RESET, AMI_HW_INVALID, 1, "Invalid AMI_HW_ID")

/* 33 F-AMI-HW-ENABLE */
#define RVR_F_AMI_HW_ENABLE_REQ(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0)
#define RVR_F_AMI_HW_ENABLE_RSP(X)
#define RVR_F_AMI_HW_ENABLE_STATUS(X) \
	X(F_AMI_HW_ENABLE, AMI_HW_NOT_MAPPED, 1, "AMI-HW is not mapped in Function")

/* 34 F-AMI-HW-DISABLE */
#define RVR_F_AMI_HW_DISABLE_REQ(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0)
#define RVR_F_AMI_HW_DISABLE_RSP(X)
#define RVR_F_AMI_HW_DISABLE_STATUS(X) \
	X(F_AMI_HW_DISABLE, AMI_HW_NOT_MAPPED, 1, "AMI-HW is not mapped in Function")

/* 35 F-AMS-PROF-CONFIGURE */
#define RVR_F_AMS_PROF_CONFIGURE_REQ(X) \
	X(AMI_ID, ami_id, 0x04, 15, 0) \
	X(AMI_TYPE, ami_type, 0x04, 16, 16) \
	X(AMS_ID, ams_id, 0x04, 22, 17) \
	X(AMS_TYPE, ams_type, 0x04, 23, 23) \
	X(PROF_MASK, prof_mask, 0x08, 63, 0) \
	X(PROF_TBL_BASE, prof_tbl_base, 0x10, 63, 3) \
	X(PROF_CTL, prof_ctl, 0x18, 15, 0)
#define RVR_F_AMS_PROF_CONFIGURE_RSP(X)
#define RVR_F_AMS_PROF_CONFIGURE_STATUS(X) \
	X(F_AMS_PROF_CONFIGURE, AMI_INVALID, 1, "Invalid AMI_ID") \
	X(F_AMS_PROF_CONFIGURE, AMS_INVALID, 2, "Invalid AMS_ID") \
	X(F_AMS_PROF_CONFIGURE, NOT_MON_OWNER, 3, "Function is not the monitoring owner")

/* 36 F-AMS-TRACE-CONFIGURE */
#define RVR_F_AMS_TRACE_CONFIGURE_REQ(X) \
	X(AMI_ID, ami_id, 0x04, 15, 0) \
	X(AMI_TYPE, ami_type, 0x04, 16, 16) \
	X(AMS_ID, ams_id, 0x04, 22, 17) \
	X(AMS_TYPE, ams_type, 0x04, 23, 23) \
	X(TRACE_CTL, trace_ctl, 0x08, 15, 0)
#define RVR_F_AMS_TRACE_CONFIGURE_RSP(X)
#define RVR_F_AMS_TRACE_CONFIGURE_STATUS(X) \
	X(F_AMS_TRACE_CONFIGURE, AMI_INVALID, 1, "Invalid AMI_ID") \
	X(F_AMS_TRACE_CONFIGURE, AMS_INVALID, 2, "Invalid AMS_ID") \
	X(F_AMS_TRACE_CONFIGURE, NOT_MON_OWNER, 3, "Function is not the monitoring owner")

/* 37 PF-PROBE-AHA */
#define RVR_PF_PROBE_AHA_REQ(X) \
	X(AHA_ID, aha_id, 0x04, 15, 0)
#define RVR_PF_PROBE_AHA_RSP(X) \
	X(AHA_IIDR, aha_iidr, 0x08, 63, 0)
#define RVR_PF_PROBE_AHA_STATUS(X) \
	X(PF_PROBE_AHA, AHA_INVALID, 1, "Invalid AHA_ID")

/* 38 PF-F-TRAP-CONFIGURE */
#define RVR_PF_F_TRAP_CONFIGURE_REQ(X) \
	X(F_OWNER, f_owner, 0x04, 15, 0) \
	X(ENABLE, enable, 0x04, 16, 16)
#define RVR_PF_F_TRAP_CONFIGURE_RSP(X)
#define RVR_PF_F_TRAP_CONFIGURE_STATUS(X) \
	X(PF_F_TRAP_CONFIGURE, F_OWNER_INVALID, 1, "F_OWNER is invalid") \
	X(PF_F_TRAP_CONFIGURE, F_OWNER_ENABLED, 2, "F_OWNER is enabled")

/* 39 PF-F-TRAP-RESP */
#define RVR_PF_F_TRAP_RESP_REQ(X) \
	X(F_TARGET, f_target, 0x00, 31, 16) \
	X(RESP_OPCODE, resp_opcode, 0x04, 15, 0) \
	X(STATUS, status, 0x04, 31, 16)
#define RVR_PF_F_TRAP_RESP_RSP(X)
#define RVR_PF_F_TRAP_RESP_STATUS(X) \
	X(PF_F_TRAP_RESP, NOT_DELIVERED, 1, "Message could not be delivered")

/* 40 F-GET-AMI-MAP */
#define RVR_F_GET_AMI_MAP_REQ(X) \
	X(AMI_MAP_BASE, ami_map_base, 0x08, 63, 12)
#define RVR_F_GET_AMI_MAP_RSP(X)
#define RVR_F_GET_AMI_MAP_STATUS(X) \
	X(F_GET_AMI_MAP, MAP_BUFFER_FAULT, 1, "Fault when accessing AMI map buffer")

/* ---- Exceptions (A) --------------------------------------------------------------------- */

/* RVR_EXCEPTIONS: X(EXCEPTION, exception, opcode, published name); fields as in commands. */
#define RVR_EXCEPTIONS(X)                                                        \
	X(E_PF_VF_RESET, e_pf_vf_reset, 2, "E-PF-VF-RESET")                      \
	X(E_F_COUNTER_OVERFLOW, e_f_counter_overflow, 3, "E-F-COUNTER-OVERFLOW") \
	X(E_F_AMI_RING_FAULT, e_f_ami_ring_fault, 4, "E-F-AMI-RING-FAULT")       \
	X(E_F_AMI_RING_INVALID_VECTOR, e_f_ami_ring_invalid_vector, 5,           \
		"E-F-AMI-RING-INVALID-VECTOR")                                   \
	X(E_PF_TRAPPED_CMD, e_pf_trapped_cmd, 6, "E-PF-TRAPPED-CMD")

/* 2 E-PF-VF-RESET */
#define RVR_E_PF_VF_RESET_FIELDS(X) \
	X(SOURCE, source, 0x04, 15, 0)

/* 3 E-F-COUNTER-OVERFLOW */
#define RVR_E_F_COUNTER_OVERFLOW_FIELDS(X) \
	X(AMI_ID, ami_id, 0x04, 15, 0) \
	X(F_OWNER, f_owner, 0x04, 31, 16) \
	X(AMS_ID, ams_id, 0x08, 5, 0) \
	X(AMI_TYPE, ami_type, 0x08, 6, 6) \
	X(AMS_TYPE, ams_type, 0x08, 7, 7) \
	X(COUNTER_ID, counter_id, 0x0c, 15, 0)

/* 4 E-F-AMI-RING-FAULT */
#define RVR_E_F_AMI_RING_FAULT_FIELDS(X) \
	X(AMI_ID, ami_id, 0x04, 15, 0) \
	X(AMS_ID, ams_id, 0x04, 21, 16)

/* 5 E-F-AMI-RING-INVALID-VECTOR */
#define RVR_E_F_AMI_RING_INVALID_VECTOR_FIELDS(X) \
	X(AMI_ID, ami_id, 0x04, 15, 0) \
	X(VECTOR_TYPE, vector_type, 0x04, 16, 16)

/* 6 E-PF-TRAPPED-CMD */
#define RVR_E_PF_TRAPPED_CMD_FIELDS(X) \
	X(F_SOURCE_ID, f_source_id, 0x00, 31, 16) \
	X(TRAPPED_OPCODE, trapped_opcode, 0x04, 15, 0)

/* ---- What the tables generate ----------------------------------------------------------- */

#define RVR_OPCODE_(CMD, cmd, opcode, text) RVR_##CMD = (opcode),
enum rvr_command { RVR_COMMANDS(RVR_OPCODE_) };
enum rvr_exception { RVR_EXCEPTIONS(RVR_OPCODE_) };

#define RVR_MEMBER_(FIELD, field, offset, high, low) uint64_t field;
#define RVR_ENCODE_(FIELD, field, offset, high, low)                                           \
	rvr_msg_put(msg, offset, high, low, fields->field);
#define RVR_DECODE_(FIELD, field, offset, high, low)                                           \
	fields->field = rvr_msg_get(msg, offset, high, low);

/*
 * struct rvr_<message>, rvr_<message>_encode() and rvr_<message>_decode(). Encoders clear the
 * 64 bytes of msg first and set OPCODE and STATUS; decoders look at the fields alone.
 */
#define RVR_FORMAT_(name, LIST, opcode)                                                        \
	__extension__ struct rvr_##name {                                                      \
		LIST(RVR_MEMBER_)                                                              \
	};                                                                                     \
	static inline void rvr_##name##_encode(void *msg, const struct rvr_##name *fields,     \
					       uint16_t status)                                \
	{                                                                                      \
		memset(msg, 0, RVR_MGT_MSG_SIZE);                                              \
		rvr_msg_put(msg, 0, 15, 0, opcode);                                            \
		rvr_msg_put(msg, 0, 31, 16, status);                                           \
		(void)fields;                                                                  \
		LIST(RVR_ENCODE_)                                                              \
	}                                                                                      \
	static inline void rvr_##name##_decode(const void *msg, struct rvr_##name *fields)     \
	{                                                                                      \
		(void)msg;                                                                     \
		(void)fields;                                                                  \
		LIST(RVR_DECODE_)                                                              \
	}
#define RVR_COMMAND_FORMATS_(CMD, cmd, opcode, text)                                           \
	RVR_FORMAT_(cmd##_req, RVR_##CMD##_REQ, opcode)                                        \
	RVR_FORMAT_(cmd##_rsp, RVR_##CMD##_RSP, opcode)
#define RVR_EXCEPTION_FORMAT_(EXC, exc, opcode, text)                                          \
	RVR_FORMAT_(exc, RVR_##EXC##_FIELDS, opcode)

RVR_COMMANDS(RVR_COMMAND_FORMATS_)
RVR_EXCEPTIONS(RVR_EXCEPTION_FORMAT_)

/* RVR_ST_<COMMAND>_<NAME>: statuses of responses. */
#define RVR_STATUS_VALUE_(CMD, NAME, value, text) RVR_ST_##CMD##_##NAME = (value),
#define RVR_STATUS_VALUES_(CMD, cmd, opcode, text) RVR_##CMD##_STATUS(RVR_STATUS_VALUE_)
enum rvr_status { RVR_STATUS_SUCCESS = RVR_STATUS_OK, RVR_COMMANDS(RVR_STATUS_VALUES_) };

/**
 * Where PF-F-TRAP-RESP and E-PF-TRAPPED-CMD carry the response or command, from its byte 4 on; its
 * last four bytes, which none uses, are cut (P).
 */
#define RVR_TRAP_PAYLOAD_OFFSET 0x8

/** A field as data: initialise an array with RVR_MSG_FIELD_ROW_ as a field list's X. */
struct rvr_msg_field {
	const char *name;
	uint8_t offset, high, low;
};

/** A status as data: initialise an array with RVR_MSG_STATUS_ROW_ as a status list's X. */
struct rvr_msg_status {
	uint16_t value;
	const char *text;
};

#define RVR_MSG_FIELD_ROW_(FIELD, field, offset, high, low) {#FIELD, offset, high, low},
#define RVR_MSG_STATUS_ROW_(CMD, NAME, value, text) {value, text},

/* ---- F-GET-AMI-MAP's buffer (P) --------------------------------------------------------- */

struct rvr_ami_map_header {
	rvr_le32 count; /**< entries that follow */
	rvr_le32 zero;
};

struct rvr_ami_map_entry {
	rvr_le16 id;	 /**< AMI_SW_ID or AMI_HW_ID */
	rvr_le16 phy_id; /**< physical AMI-SW ID, or AMI-HW ID within the agent */
	rvr_le16 aha_id; /**< 0xffff for an AMI-SW */
	rvr_le16 flags;	 /**< RVR_AMI_MAP_* */
};
_Static_assert(sizeof(struct rvr_ami_map_entry) == 8, "wire");

#define RVR_AMI_MAP_MAPPED 0x1u
#define RVR_AMI_MAP_ENABLED 0x2u
#define RVR_AMI_MAP_AMI_SW 0xffffu /**< aha_id of an AMI-SW */

/* ---- F-GET-AMI-MAP's list of sessions (P, an extension) ---------------------------------- */

/*
 * A request with RVR_SESSION_MAP_MAGIC at 0x10 asks for a page, whose number is at 0x14, of the
 * list of sessions that end at an AMI of the Function, in order of ASN_ID, instead of the map: at
 * AMI_MAP_BASE 4 KiB are written, a header and the entries of this page. A VF so learns what its
 * PF gave it. A device without this extension writes the map, which has 0 where the header has
 * its magic.
 */
#define RVR_SESSION_MAP_MAGIC_OFFSET 0x10
#define RVR_SESSION_MAP_PAGE_OFFSET 0x14
#define RVR_SESSION_MAP_SIZE 4096u
#define RVR_SESSION_MAP_MAGIC 0x4e534152u

struct rvr_session_map_header {
	rvr_le32 total; /**< sessions of the Function */
	rvr_le32 magic; /**< RVR_SESSION_MAP_MAGIC */
	rvr_le32 count; /**< entries in this page */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_session_map_header) == 16, "wire");
_Static_assert(offsetof(struct rvr_session_map_header, zero) == 12, "wire");

struct rvr_session_map_end {
	rvr_le16 id;	 /**< AMI_SW_ID or AMI_HW_ID in the Function, 0xffff: not the Function's */
	rvr_le16 phy_id; /**< physical ID, 0xffff: not the Function's */
	rvr_le16 aha_id; /**< 0xffff for an AMI-SW */
	uint8_t ams;	 /**< AMS_ID */
	uint8_t zero;
	rvr_le16 kind;	 /**< enum rvr_aha_kind, 0 for an AMI-SW */
	rvr_le16 zero2;
};
_Static_assert(sizeof(struct rvr_session_map_end) == 12, "wire");
_Static_assert(offsetof(struct rvr_session_map_end, zero2) == 10, "wire");

struct rvr_session_map_entry {
	rvr_le32 asn_id;
	uint8_t prio;
	uint8_t log2_msg_length;
	rvr_le16 zero;
	struct rvr_session_map_end src, dst;
};
_Static_assert(sizeof(struct rvr_session_map_entry) == 32, "wire");
_Static_assert(offsetof(struct rvr_session_map_entry, dst) == 20, "wire");

#define RVR_SESSION_MAP_ENTRIES                                                                \
	((RVR_SESSION_MAP_SIZE - sizeof(struct rvr_session_map_header)) /                      \
	 sizeof(struct rvr_session_map_entry))
#define RVR_SESSION_MAP_FOREIGN 0xffffu

/* ---- Mediation beyond what is published (P, an extension) ------------------------------- */

/*
 * E-PF-TRAPPED-CMD has at 0x4[31:16] the command's number: never 0, and another one than those of
 * the Function's commands before it. A device without this extension has 0 there.
 *
 * PF-F-TRAP-CONFIGURE with RVR_TRAP_MAGIC at 0x10 has at 0x8[63:0] which commands are trapped, bit
 * n for OPCODE n; others are executed as if there was no trap. Without the magic it is all.
 *
 * PF-F-TRAP-RESP with RVR_TRAP_MAGIC at 0x38 has at 0x3c[15:0] the number of the command that it is
 * about, and isn't delivered if another or none waits; at 0x3c[23:16] what is done, one of enum
 * rvr_trap_action. The response then has zeroes where these words are.
 */
#define RVR_TRAP_MAGIC 0x50415254u
#define RVR_TRAP_NUMBER_OFFSET 0x04 /* [31:16], of E-PF-TRAPPED-CMD */
#define RVR_TRAP_SET_OFFSET 0x08
#define RVR_TRAP_SET_MAGIC_OFFSET 0x10
#define RVR_TRAP_RESP_MAGIC_OFFSET 0x38
#define RVR_TRAP_RESP_ACTION_OFFSET 0x3c

enum rvr_trap_action {
	RVR_TRAP_RESPOND,      /**< the payload is the response */
	RVR_TRAP_EXECUTE,      /**< the device executes the command as the VF has sent it */
	RVR_TRAP_EXECUTE_THIS, /**< the device executes the payload instead, of the same OPCODE */
};

/* ---- Contexts of agents that are kept (P, an extension) ---------------------------------- */

/*
 * An agent may know more of a context than rings hold. So that a PF can have it serve more contexts
 * than it has AMI-HWs, the agent keeps some of them without one: they have no sessions meanwhile,
 * and lose nothing.
 *
 * PF-AMI-HW-MAP with RVR_KEEP_MAGIC at 0x10 asks for an AMI-HW whose context can be kept. If it can
 * be, the response has the magic at 0x08; a device without this extension has 0 there. Messages
 * from such AMI-HWs' contexts name AMI-HWs by AMI_HW_ID, not by physical ID, which changes. If
 * AMI_HW_ID is that of a context that is kept, the AMI-HW is that one's from now on.
 *
 * PF-AMI-HW-UNMAP with RVR_KEEP_MAGIC at 0x08 has the agent keep the context, under its AMI_HW_ID,
 * by which F-AMI-HW-* commands find it still; the AMI-HW is free. At 0x0c[15:0] is that AMI_HW_ID,
 * at 0x0c[31:16] the Function that has it, at 0x10[7:0] one of enum rvr_keep_action.
 *
 * E-PF-AMI-HW-CALLS tells that the agent has something to send for a context that is kept: once,
 * until that has an AMI-HW again. It waits for room in the exception ring.
 */
#define RVR_KEEP_MAGIC 0x5045454bu
#define RVR_KEEP_MAP_OFFSET 0x10
#define RVR_KEEP_MAPPED_OFFSET 0x08
#define RVR_KEEP_UNMAP_OFFSET 0x08
#define RVR_KEEP_ID_OFFSET 0x0c
#define RVR_KEEP_ACTION_OFFSET 0x10

enum rvr_keep_action {
	RVR_KEEP,      /**< the context at AHA_ID, PHY_AMI_HW_ID is kept */
	RVR_KEEP_DROP, /**< one that is kept is forgotten; PHY_AMI_HW_ID doesn't matter */
};

#define RVR_E_PF_AMI_HW_CALLS 0x100

#define RVR_E_PF_AMI_HW_CALLS_FIELDS(X) \
	X(AMI_HW_ID, ami_hw_id, 0x04, 15, 0) \
	X(F_OWNER, f_owner, 0x04, 31, 16) \
	X(AHA_ID, aha_id, 0x08, 15, 0)

RVR_FORMAT_(e_pf_ami_hw_calls, RVR_E_PF_AMI_HW_CALLS_FIELDS, RVR_E_PF_AMI_HW_CALLS)

/* ---- Profiling and tracing (P) ---------------------------------------------------------- */

/** Counters of a session, one 64-bit word each at PROF_TBL_BASE where PROF_MASK has the bit. */
enum rvr_prof_counter {
	RVR_PROF_MESSAGES,
	RVR_PROF_DW,
	RVR_PROF_STALLS,
	RVR_PROF_STALL_NS,
	RVR_PROF_COUNTERS
};

#define RVR_TRACE_OPCODE 1 /**< opcode of a trace message */
#define RVR_TRACE_CTL_MESSAGES 0x1u /**< TRACE_CTL: a trace message for each message moved */

/** Message of the trace ring. */
struct rvr_trace {
	rvr_le16 opcode; /**< RVR_TRACE_OPCODE */
	rvr_le16 zero;
	rvr_le32 asn_id;
	rvr_le64 timestamp; /**< ns, monotonic */
	rvr_le64 index;	    /**< index of the message in its session */
	rvr_le32 length;    /**< DW */
	uint8_t zero2[36];
};
_Static_assert(sizeof(struct rvr_trace) == RVR_MGT_MSG_SIZE, "wire");

/* ---- Agents ------------------------------------------------------------------------------ */

/** Kinds of agents: AHA_IIDR.product[31:20]. */
enum rvr_aha_kind {
	RVR_AHA_NONE = 0x000,
	RVR_AHA_INVERSION = 0x001,
	RVR_AHA_RNA = 0x002,
	RVR_AHA_CRYPTO = 0x003,
	RVR_AHA_DMA = 0x004,
};

/* ---- DMA agent: first form (A: fixed, clients expect it) --------------------------------- */

/** Request, and with rsvd0 as the status, answer. Bytes after 36 are ignored. */
struct rvr_dma_first {
	rvr_le64 of_buf_stash_ctl;
	rvr_le64 src;
	rvr_le64 dst;
	rvr_le32 len;
	rvr_le32 rsvd0; /**< request: 0; answer: enum rvr_dma_status */
	rvr_le32 invert; /**< non-zero: every byte of the copy is inverted */
} __attribute__((packed));
_Static_assert(sizeof(struct rvr_dma_first) == 36, "wire");
_Static_assert(offsetof(struct rvr_dma_first, invert) == 32, "wire");

enum rvr_dma_status {
	RVR_DMA_OK,
	RVR_DMA_SRC_FAULT,
	RVR_DMA_DST_FAULT,
	RVR_DMA_BAD_LENGTH,
	RVR_DMA_BAD_OP, /**< batch form alone: unknown operation */
};

/* ---- DMA agent: batch form (P) ------------------------------------------------------------ */

/*
 * One message carries up to RVR_DMA_BATCH_MAX operations, done in order, each complete and
 * visible before the next starts, so that a fence costs nothing. One answer a message. The
 * form stands where the first form has rsvd0.
 */
#define RVR_DMA_FORM_BATCH 0x1u
#define RVR_DMA_BATCH_MAX 64

struct rvr_dma_batch {
	rvr_le64 cookie; /**< the answer carries it back */
	rvr_le16 count;	 /**< operations that follow, 1..RVR_DMA_BATCH_MAX */
	rvr_le16 zero;
	rvr_le32 zero2;
	rvr_le64 zero3;
	rvr_le32 zero4;
	rvr_le32 form; /**< RVR_DMA_FORM_BATCH */
	/* struct rvr_dma_op follows */
};
_Static_assert(sizeof(struct rvr_dma_batch) == 32, "wire");
_Static_assert(offsetof(struct rvr_dma_batch, form) == offsetof(struct rvr_dma_first, rsvd0),
	       "the form stands where the first form has rsvd0");

enum rvr_dma_opcode {
	RVR_DMA_COPY,
	RVR_DMA_COPY_INVERTED,
	RVR_DMA_FILL, /**< src is a pattern of 8 bytes, repeated from dst on */
};

struct rvr_dma_op {
	rvr_le64 src;
	rvr_le64 dst;
	rvr_le32 len; /**< bytes, 1.. */
	rvr_le16 opcode;
	rvr_le16 zero;
};
_Static_assert(sizeof(struct rvr_dma_op) == 24, "wire");

struct rvr_dma_batch_answer {
	rvr_le64 cookie;
	rvr_le64 failed; /**< bit n: operation n failed */
	rvr_le16 count;	 /**< of the request; 0: the request itself was malformed */
	rvr_le16 zero;
	rvr_le32 zero2;
	rvr_le32 zero3;
	rvr_le32 form;	    /**< RVR_DMA_FORM_BATCH */
	uint8_t status[32]; /**< enum rvr_dma_status, 4 bits each, low half first */
};
_Static_assert(sizeof(struct rvr_dma_batch_answer) == 64, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_MSG_H */
