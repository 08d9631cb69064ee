/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands of VFs that the PF decides on (mediation).
 *
 * What the published model leaves open (P):
 * - A trapped command goes to the PF as it is from its OPCODE on, at 0x4 of E-PF-TRAPPED-CMD; the
 *   response comes back at 0x4 of PF-F-TRAP-RESP in the same way. The last four bytes, which no
 *   F-* command or response uses, are cut.
 * - A Function has one trapped command at a time, its others wait in its ring; so VFs can't fill
 *   the PF's exception ring. While there is no room in it the command waits too.
 * - A PF that starts anew, by AMU_EN, is told again of all commands that wait for it. A VF's reset
 *   forgets its command.
 * - Commands have numbers, and the PF can have them executed by the device: see rvr_msg.h. A
 *   device that could but pass responses on would leave the PF no way to answer a command that has
 *   it write to the VF's memory, as F-GET-AMI-MAP does.
 */

#include <errno.h>

#include "mgt.h"

#define TRAP_OPCODES 64 /* that a set of them can name */

bool
trap_wanted(const struct amu_function *function, uint16_t opcode)
{
	return function->trapped &&
	       (opcode >= TRAP_OPCODES || (function->mgt->trap_set >> opcode & 1) != 0);
}

/* ---- Telling the PF ---------------------------------------------------------------------- */

static void
trap_tell(struct amu_function *function)
{
	struct mgt_function *mgt = function->mgt;
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};

	/* Another number each time: an answer to what was told before is too late. */
	mgt->trap_number = mgt->trap_number == UINT16_MAX ? 1 : mgt->trap_number + 1;
	mgt->trap = MGT_TRAP_TOLD;
	memcpy(msg + 4, mgt->trapped, sizeof(msg) - 4);
	rvr_msg_put(msg, 0, 15, 0, RVR_E_PF_TRAPPED_CMD);
	rvr_msg_put(msg, 0, 31, 16, function->id);
	rvr_msg_put(msg, RVR_TRAP_NUMBER_OFFSET, 31, 16, mgt->trap_number);
	mgt_exception(&function->amu->functions[0], msg);
}

bool
trap_begin(struct amu_function *function, const uint8_t *cmd)
{
	struct amu_function *pf = &function->amu->functions[0];
	int room = mgt_exception_room(pf);

	if (room == -EFAULT)
		mgt_error(pf, RVR_ERROR_STATE_EXCEPTION_FAULT);
	if (room != 0)
		return false;
	memcpy(function->mgt->trapped, cmd, sizeof(function->mgt->trapped));
	trap_tell(function);
	return true;
}

void
trap_again(struct amu_function *function)
{
	if (function->mgt->trap != MGT_TRAP_UNTOLD)
		return;
	/* A PF that has no ring yet is no fault. */
	if (mgt_exception_room(&function->amu->functions[0]) == 0)
		trap_tell(function);
	else
		function->amu->mgt->trap_untold = true;
}

void
trap_forgotten(struct amu *amu)
{
	unsigned int i;

	for (i = 1; i < amu->num_functions; i++) {
		if (amu->functions[i].mgt->trap == MGT_TRAP_TOLD)
			amu->functions[i].mgt->trap = MGT_TRAP_UNTOLD;
	}
	amu->mgt->trap_untold = true;
}

void
trap_retry(struct amu *amu)
{
	unsigned int i;

	if (!amu->mgt->trap_untold)
		return;
	amu->mgt->trap_untold = false;
	for (i = 1; i < amu->num_functions; i++)
		mgt_ready(&amu->functions[i]);
}

/* ---- PF-F-TRAP-RESP ---------------------------------------------------------------------- */

/* What the PF wants executed: the command, or another one of the same OPCODE. */
static int
trap_execute(struct amu_function *function, const uint8_t *msg)
{
	if (rvr_msg_opcode(msg) != rvr_msg_opcode(function->mgt->trapped))
		return -EINVAL;
	function->mgt->trap = MGT_TRAP_NONE;
	mgt_execute(function, msg);
	return 0;
}

static int
trap_respond(struct amu_function *function, uint8_t *msg)
{
	function->mgt->trap = MGT_TRAP_NONE;
	mgt_response(function, msg);
	return 0;
}

/* With the extension: about which command, and what is done with it. */
static int
trap_answer_number(struct amu_function *function, const uint8_t *cmd, uint8_t *msg)
{
	if (rvr_msg_get(cmd, RVR_TRAP_RESP_ACTION_OFFSET, 15, 0) != function->mgt->trap_number)
		return -ESTALE;
	memset(msg + RVR_TRAP_RESP_MAGIC_OFFSET - 4, 0, 8);
	switch (rvr_msg_get(cmd, RVR_TRAP_RESP_ACTION_OFFSET, 23, 16)) {
	case RVR_TRAP_RESPOND:
		return trap_respond(function, msg);
	case RVR_TRAP_EXECUTE:
		return trap_execute(function, function->mgt->trapped);
	case RVR_TRAP_EXECUTE_THIS:
		return trap_execute(function, msg);
	default:
		return -EINVAL;
	}
}

int
trap_answer(struct amu_function *function, const uint8_t *cmd)
{
	uint8_t msg[RVR_MGT_MSG_SIZE] = {0};
	int ret;

	if (!function->enabled || !function->bus_master || function->mgt->trap != MGT_TRAP_TOLD)
		return -ENOENT;
	ret = mgt_response_room(function);
	if (ret != 0)
		return ret;
	memcpy(msg, cmd + 4, sizeof(msg) - 4);
	if (rvr_msg_get(cmd, RVR_TRAP_RESP_MAGIC_OFFSET, 31, 0) == RVR_TRAP_MAGIC)
		ret = trap_answer_number(function, cmd, msg);
	else
		ret = trap_respond(function, msg);
	if (ret == 0)
		mgt_ready(function);
	return ret;
}
