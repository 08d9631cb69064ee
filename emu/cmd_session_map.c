/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The list of a Function's sessions, which F-GET-AMI-MAP writes page by page: how a VF learns
 * what it was given. Of an end that is another Function's it tells no more than the socket.
 */

#include "mgt.h"

static bool
end_is_of(const struct amu_function *function, const struct ams *ams, const struct ami_hw *hw)
{
	return (ams != NULL ? ams->ami_sw->function : hw->function) == function;
}

static struct rvr_session_map_end
map_end(const struct amu_function *function, const struct ams *ams, const struct ami_hw *hw,
	uint64_t socket)
{
	uint16_t id = ams != NULL ? ams->ami_sw->id : hw->id;
	uint16_t phy_id = ams != NULL ? ams->ami_sw->phy_id : hw->phy_id;

	if (!end_is_of(function, ams, hw))
		id = phy_id = RVR_SESSION_MAP_FOREIGN;
	return (struct rvr_session_map_end){
		.id = rvr_cpu_le16(id),
		.phy_id = rvr_cpu_le16(phy_id),
		.aha_id = rvr_cpu_le16(ams != NULL ? RVR_AMI_MAP_AMI_SW : hw->aha->id),
		.kind = rvr_cpu_le16(ams != NULL ? 0 : (uint16_t)hw->aha->ops->kind),
		.ams = (uint8_t)socket,
	};
}

uint16_t
cmd_session_map(struct amu_function *function, uint64_t base, uint64_t page)
{
	const uint64_t first = page * RVR_SESSION_MAP_ENTRIES;
	union {
		struct {
			struct rvr_session_map_header header;
			struct rvr_session_map_entry entry[RVR_SESSION_MAP_ENTRIES];
		} map;
		uint8_t bytes[RVR_SESSION_MAP_SIZE];
	} out = {0};
	struct amu *amu = function->amu;
	uint32_t total = 0, count = 0;

	for (unsigned int n = 0; n < amu->config.num_asn; n++) {
		const struct asn *asn = amu->asn[n];

		if (asn == NULL || (!end_is_of(function, asn->src_ams, asn->src_hw) &&
				    !end_is_of(function, asn->dst_ams, asn->dst_hw)))
			continue;
		if (total >= first && count < RVR_SESSION_MAP_ENTRIES)
			out.map.entry[count++] = (struct rvr_session_map_entry){
				.asn_id = rvr_cpu_le32(asn->id),
				.prio = (uint8_t)asn->attr.prio,
				.log2_msg_length = (uint8_t)asn->attr.log2_msg_length,
				.src = map_end(function, asn->src_ams, asn->src_hw,
					       asn->attr.src_ams),
				.dst = map_end(function, asn->dst_ams, asn->dst_hw,
					       asn->attr.dst_ams),
			};
		total++;
	}
	out.map.header = (struct rvr_session_map_header){
		.total = rvr_cpu_le32(total),
		.magic = rvr_cpu_le32(RVR_SESSION_MAP_MAGIC),
		.count = rvr_cpu_le32(count),
	};
	return dma_write(&function->view, base, out.bytes, sizeof(out.bytes)) == 0 ?
		       RVR_STATUS_OK : RVR_ST_F_GET_AMI_MAP_MAP_BUFFER_FAULT;
}
