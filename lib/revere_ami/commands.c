/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management commands one by one, made of the tables in rvr_msg.h: a function each, names,
 * texts of statuses, and the errno that each status becomes.
 */

#include <rte_common.h>

#include "ami_private.h"

#define STATUS_TABLE(CMD, cmd, opcode, text)                                                   \
	static const struct rvr_msg_status cmd##_statuses[] = {                                \
		RVR_##CMD##_STATUS(RVR_MSG_STATUS_ROW_) { 0, NULL } };
RVR_COMMANDS(STATUS_TABLE)

struct command {
	uint16_t opcode;
	const char *name;
	const struct rvr_msg_status *statuses; /* up to one without text */
};

#define COMMAND_ROW(CMD, cmd, opcode, text) { opcode, text, cmd##_statuses },
static const struct command commands[] = { RVR_COMMANDS(COMMAND_ROW) };

static const struct command *
command_find(uint16_t opcode)
{
	size_t i;

	for (i = 0; i < RTE_DIM(commands); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

const char *
revere_command_name(uint16_t opcode)
{
	const struct command *command = command_find(opcode);

	return command == NULL ? "?" : command->name;
}

const char *
revere_status_text(uint16_t opcode, uint16_t status)
{
	const struct command *command = command_find(opcode);
	const struct rvr_msg_status *row;

	if (status == RVR_STATUS_OK)
		return "success";
	if (status == RVR_STATUS_OTHER)
		return "refused";
	if (command == NULL)
		return "status of an unknown command";
	for (row = command->statuses; row->text != NULL; row++)
		if (row->value == status)
			return row->text;
	return "unknown status";
}

#define STATUS_KEY(opcode, status) ((uint32_t)(opcode) << 16 | (status))
#define STATUS(CMD, NAME) STATUS_KEY(RVR_##CMD, RVR_ST_##CMD##_##NAME)

int
revere_status_errno(uint16_t opcode, uint16_t status)
{
	if (status == RVR_STATUS_OK)
		return 0;

	switch (STATUS_KEY(opcode, status)) {
	/* What is asked for is somebody's already. */
	case STATUS(PF_AMI_SW_MAP, PHY_AMI_SW_MAPPED):
	case STATUS(PF_AMI_SW_MAP, AMI_SW_ASSIGNED):
	case STATUS(PF_AMI_HW_MAP, PHY_AMI_HW_MAPPED):
	case STATUS(PF_AMI_HW_MAP, AMI_HW_ASSIGNED):
	case STATUS(PF_ASN_CREATE, ASN_IN_USE):
		return -EEXIST;
	/* It is in use, and can't be changed so. */
	case STATUS(PF_AMI_SW_CONFIGURE, AMI_SW_MAPPED):
	case STATUS(PF_AMI_SW_SAVE, F_ENABLED):
	case STATUS(PF_AMI_SW_RESET, AMI_SW_MAPPED):
	case STATUS(F_AMI_SW_CONFIGURE, AMI_SW_NOT_DISABLED):
	case STATUS(PF_ASN_CREATE, AMS_CONNECTED):
	case STATUS(PF_AMS_RING_CONFIGURE, AMI_SW_MAPPED):
	case STATUS(PF_AMS_RING_SAVE, F_ENABLED):
	case STATUS(F_AMS_RING_CONFIGURE, AMI_SW_NOT_DISABLED):
	case STATUS(PF_AMI_HW_CONFIGURE, PHY_AMI_HW_MAPPED):
	case STATUS(PF_AMI_HW_SAVE, F_ENABLED):
	case STATUS(PF_AMI_HW_RESET, AMI_HW_MAPPED):
	case STATUS(F_AMI_HW_CONFIGURE, AMI_HW_NOT_DISABLED):
	case STATUS(PF_F_TRAP_CONFIGURE, F_OWNER_ENABLED):
		return -EBUSY;
	/* It isn't there. */
	case STATUS(F_AMI_SW_CONFIGURE, AMI_SW_NOT_MAPPED):
	case STATUS(F_AMI_SW_ENABLE, AMI_SW_NOT_MAPPED):
	case STATUS(F_AMI_SW_DISABLE, AMI_SW_NOT_MAPPED):
	case STATUS(PF_ASN_DESTROY, ASN_ABSENT):
	case STATUS(F_AMS_RING_CONFIGURE, AMI_SW_NOT_MAPPED):
	case STATUS(F_AMI_HW_CONFIGURE, AMI_HW_NOT_MAPPED):
	case STATUS(F_AMI_HW_ENABLE, AMI_HW_NOT_MAPPED):
	case STATUS(F_AMI_HW_DISABLE, AMI_HW_NOT_MAPPED):
		return -ENOENT;
	case STATUS(PF_ASN_CREATE, LOG2_MSG_LENGTH_RANGE):
	case STATUS(PF_AMS_RING_CONFIGURE, LOG2_SIZE_RANGE):
	case STATUS(F_AMS_RING_CONFIGURE, LOG2_SIZE_RANGE):
		return -ERANGE;
	case STATUS(F_AMS_PROF_CONFIGURE, NOT_MON_OWNER):
	case STATUS(F_AMS_TRACE_CONFIGURE, NOT_MON_OWNER):
		return -EPERM;
	case STATUS(F_PROF_TABLE_FLUSH, FAILURE):
		return -EIO;
	case STATUS(F_GET_AMI_MAP, MAP_BUFFER_FAULT):
		return -EFAULT;
	case STATUS(PF_F_TRAP_RESP, NOT_DELIVERED):
		return -EHOSTUNREACH;
	/* ANY_PHY_*: none is free */
	case STATUS_KEY(RVR_PF_AMI_SW_MAP, RVR_STATUS_OTHER):
	case STATUS_KEY(RVR_PF_AMI_HW_MAP, RVR_STATUS_OTHER):
		return -ENOSPC;
	/* What is left are invalid ids and values. */
	default:
		return -EINVAL;
	}
}

static int
command_exec(struct revere_dev *dev, const void *request, void *response)
{
	uint16_t opcode = rvr_msg_opcode(request);
	int status = ami_mgt_status(dev, request, response);

	if (status <= 0)
		return status;
	AMI_LOG(ERR, dev, "%s was refused: %s (status %d)", revere_command_name(opcode),
		revere_status_text(opcode, (uint16_t)status), status);
	return revere_status_errno(opcode, (uint16_t)status);
}

#define COMMAND_FUNCTION(CMD, cmd, opcode, text)                                               \
	int revere_##cmd(struct revere_dev *dev, const struct rvr_##cmd##_req *req,            \
			 struct rvr_##cmd##_rsp *rsp)                                          \
	{                                                                                      \
		struct rvr_##cmd##_req none;                                                   \
		uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];                 \
		int ret;                                                                       \
											       \
		memset(&none, 0, sizeof(none));                                                \
		rvr_##cmd##_req_encode(request, req == NULL ? &none : req, RVR_STATUS_OK);     \
		ret = command_exec(dev, request, response);                                    \
		if (ret == 0 && rsp != NULL)                                                   \
			rvr_##cmd##_rsp_decode(response, rsp);                                 \
		return ret;                                                                    \
	}
RVR_COMMANDS(COMMAND_FUNCTION)
