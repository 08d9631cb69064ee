/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Commands of VFs that the device asks about: each is allowed, and executed by the device as it
 * is, altered, answered from here, or refused. Nothing of it is in the state but numbers: a
 * command waits in the exception ring until it is answered, and is found there by the process
 * after this one.
 */

#include <string.h>

#include "pfd.h"

/* A command that waits. */
struct trapped {
	struct pfd *pfd;
	unsigned int vf;
	const struct pfd_vf_rule *rule;
	uint16_t number;
	uint8_t command[RVR_MGT_MSG_SIZE]; /* what is to be executed, or the response */
};

/* ---- Answers -------------------------------------------------------------------------------- */

static int
answer(const struct trapped *trapped, enum rvr_trap_action action)
{
	uint8_t request[RVR_MGT_MSG_SIZE] = { 0 };
	int ret;

	rvr_msg_put(request, 0, 15, 0, RVR_PF_F_TRAP_RESP);
	rvr_msg_put(request, 0, 31, 16, trapped->vf);
	memcpy(request + 4, trapped->command, sizeof(request) - 4);
	if (trapped->number != 0) {
		rvr_msg_put(request, RVR_TRAP_RESP_MAGIC_OFFSET, 31, 0, RVR_TRAP_MAGIC);
		rvr_msg_put(request, RVR_TRAP_RESP_ACTION_OFFSET, 31, 0,
			(uint64_t)action << 16 | trapped->number);
	}
	ret = pfd_execute(trapped->pfd, request);
	/* It was reset meanwhile, or a process before this one has answered. */
	if (ret > 0)
		pfd_log(PFD_DEBUG, "VF %u: the answer to command %u isn't delivered", trapped->vf,
			rvr_msg_opcode(trapped->command));
	return ret < 0 ? ret : 0;
}

static int
refuse(struct trapped *trapped, const char *why)
{
	uint16_t opcode = rvr_msg_opcode(trapped->command);

	trapped->pfd->state->vfs[trapped->vf].refused++;
	pfd_log(PFD_INFO, "VF %u: command %u is refused: %s", trapped->vf, opcode, why);
	memset(trapped->command, 0, sizeof(trapped->command));
	rvr_msg_put(trapped->command, 0, 15, 0, opcode);
	rvr_msg_put(trapped->command, 0, 31, 16, RVR_STATUS_OTHER);
	return answer(trapped, RVR_TRAP_RESPOND);
}

static int
allow(struct trapped *trapped)
{
	if (trapped->number == 0)
		return refuse(trapped, "the device executes no trapped commands");
	return answer(trapped, RVR_TRAP_EXECUTE);
}

static int
alter(struct trapped *trapped, const char *what)
{
	if (trapped->number == 0)
		return refuse(trapped, "the device executes no trapped commands");
	trapped->pfd->state->vfs[trapped->vf].altered++;
	pfd_log(PFD_INFO, "VF %u: command %u is altered: %s", trapped->vf,
		rvr_msg_opcode(trapped->command), what);
	return answer(trapped, RVR_TRAP_EXECUTE_THIS);
}

/* ---- Commands ------------------------------------------------------------------------------- */

/* A device that is as large as what the VF was given. */
static int
f_probe(struct trapped *trapped)
{
	const struct pfd_vf *vf = &trapped->pfd->state->vfs[trapped->vf];
	uint8_t request[RVR_MGT_MSG_SIZE];
	struct rvr_f_probe_rsp rsp;
	int ret;

	rvr_f_probe_req_encode(request, NULL, RVR_STATUS_OK);
	ret = trapped->pfd->backend->command(trapped->pfd->arg, request, trapped->command);
	if (ret < 0)
		return ret;
	rvr_f_probe_rsp_decode(trapped->command, &rsp);
	rsp.ami_per_f_m1 = vf->num == 0 ? 0 : vf->num - 1;
	if (!trapped->rule->pasid) {
		rsp.pasid_supported = 0;
		rsp.pasid_width = 0;
	}
	rvr_f_probe_rsp_encode(trapped->command, &rsp, rvr_msg_status(trapped->command));
	trapped->pfd->state->vfs[trapped->vf].altered++;
	return answer(trapped, RVR_TRAP_RESPOND);
}

/* Interrupts that the policy doesn't give are off: contexts can still be polled. */
static int
f_ami_sw_configure(struct trapped *trapped)
{
	struct rvr_f_ami_sw_configure_req req;
	bool tx, rx;

	rvr_f_ami_sw_configure_req_decode(trapped->command, &req);
	if (req.pasid_enabled && !trapped->rule->pasid)
		return refuse(trapped, "PASIDs aren't the VF's to choose");
	tx = req.tx_irq_enable && req.tx_vector >= trapped->rule->vectors;
	rx = req.rx_irq_enable && req.rx_vector >= trapped->rule->vectors;
	if (!tx && !rx)
		return allow(trapped);
	req.tx_irq_enable = req.tx_irq_enable && !tx;
	req.rx_irq_enable = req.rx_irq_enable && !rx;
	rvr_f_ami_sw_configure_req_encode(trapped->command, &req, RVR_STATUS_OK);
	return alter(trapped, "no interrupt of that number");
}

static int
f_ami_hw_configure(struct trapped *trapped)
{
	struct rvr_f_ami_hw_configure_req req;

	rvr_f_ami_hw_configure_req_decode(trapped->command, &req);
	if (req.pasid_enabled && !trapped->rule->pasid)
		return refuse(trapped, "PASIDs aren't the VF's to choose");
	return allow(trapped);
}

int
pfd_trapped(struct pfd *pfd, const void *msg)
{
	struct trapped trapped = {
		.pfd = pfd,
		.vf = rvr_msg_status(msg),
		.rule = pfd_policy_vf(pfd->policy, rvr_msg_status(msg)),
		.number = (uint16_t)rvr_msg_get(msg, RVR_TRAP_NUMBER_OFFSET, 31, 16),
	};
	uint16_t opcode;

	if (trapped.vf == 0 || trapped.vf >= PFD_VFS)
		return 0;
	memcpy(trapped.command, (const uint8_t *)msg + 4, sizeof(trapped.command) - 4);
	rvr_msg_put(trapped.command, 0, 31, 16, 0);
	opcode = rvr_msg_opcode(trapped.command);
	pfd->state->vfs[trapped.vf].trapped++;
	if (trapped.rule == NULL)
		return refuse(&trapped, "the policy has no line of the VF");
	if (opcode < 64 && (trapped.rule->refuse >> opcode & 1) != 0)
		return refuse(&trapped, "the policy says so");
	switch (opcode) {
	case RVR_F_PROBE:
		return f_probe(&trapped);
	case RVR_F_AMI_SW_CONFIGURE:
		return f_ami_sw_configure(&trapped);
	case RVR_F_AMI_HW_CONFIGURE:
		return f_ami_hw_configure(&trapped);
	default:
		return allow(&trapped);
	}
}
