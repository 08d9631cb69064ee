/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The inversion agent (AHA 0): answers each message with every byte inverted.
 */

#include "aha.h"

static void
invert(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
	for (uint32_t n = 0; n < bytes; n++)
		to[n] = (uint8_t)~from[n];
}

static uint32_t
inversion_receive(struct ami_hw *hw, unsigned int ams, struct asn *asn, const uint8_t *msgs,
		  uint32_t count)
{
	struct asn *answer = aha_answer_session(hw, ams, asn);
	uint32_t bytes = asn->msg_bytes, n;

	if (answer == NULL)
		return 0;
	if (bytes > answer->msg_bytes)
		bytes = answer->msg_bytes;
	for (n = 0; n < count; n++) {
		uint8_t *slot = asn_slot(answer);

		if (slot == NULL)
			break;
		invert(slot, msgs + (size_t)n * asn->msg_bytes, bytes);
		memset(slot + bytes, 0, answer->msg_bytes - bytes);
		asn_commit(answer);
	}
	return n;
}

const struct aha_ops aha_inversion_ops = {
	.name = "inversion",
	.kind = RVR_AHA_INVERSION,
	.receive = inversion_receive,
};
