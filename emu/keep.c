/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts that agents keep without an AMI-HW, an extension (rvr_msg.h). Such a context is a struct
 * ami_hw as others are, but in its agent's list instead of the table of physical IDs: it is polled,
 * and packets may arrive at it, yet no session ends there. Its memory is had when the AMI-HW is
 * mapped, so that keeping doesn't fail for want of it.
 */

#include <errno.h>
#include <stdlib.h>

#include "mgt.h"

/* ---- Life -------------------------------------------------------------------------------- */

static void
spare_free(struct ami_hw *spare)
{
	if (spare == NULL)
		return;
	free(spare->tx);
	free(spare->rx);
	free(spare);
}

int
keep_prepare(struct ami_hw *hw)
{
	const unsigned int num_ams = hw->aha->amu->config.num_ams;
	struct ami_hw *spare = calloc(1, sizeof(*spare));

	if (spare == NULL)
		return -ENOMEM;
	spare->aha = hw->aha;
	spare->tx = calloc(num_ams, sizeof(*spare->tx));
	spare->rx = calloc(num_ams, sizeof(*spare->rx));
	if (spare->tx == NULL || spare->rx == NULL) {
		spare_free(spare);
		return -ENOMEM;
	}
	ami_hw_init(spare);
	hw->spare = spare;
	hw->keeps = true;
	return 0;
}

void
keep_not(struct ami_hw *hw)
{
	spare_free(hw->spare);
	hw->spare = NULL;
	hw->keeps = false;
}

static void
list_remove(struct ami_hw *kept)
{
	struct ami_hw **at = &kept->aha->kept;

	while (*at != kept)
		at = &(*at)->next_kept;
	*at = kept->next_kept;
	kept->kept = false;
}

void
keep_drop(struct ami_hw *kept)
{
	ami_hw_disable(kept);
	kept->function->ami_hw[kept->id] = NULL;
	list_remove(kept);
	spare_free(kept);
}

/* ---- From one to the other --------------------------------------------------------------- */

/* All that makes a context, but for what the agent knows of it and what is physical. */
static void
configuration_move(struct ami_hw *from, struct ami_hw *to)
{
	to->function = from->function;
	to->id = from->id;
	to->pasid = from->pasid;
	to->pasid_enabled = from->pasid_enabled;
	to->enable = from->enable;
	to->mapped = true;
	to->keeps = true;
	to->function->ami_hw[to->id] = to;
	dma_view_init(&to->view, &to->function->space);
	from->function = NULL;
	from->mapped = false;
	from->keeps = false;
	from->enable = false;
}

static int
context_move(struct ami_hw *from, struct ami_hw *to)
{
	bool ran = from->enabled;
	int ret;

	ami_hw_stop(from);
	configuration_move(from, to);
	to->aha->ops->move(from, to);
	ret = ran ? ami_hw_enable(to) : 0;
	if (ret == 0) {
		/* What waits leaves, or is a reason to call. */
		aha_poll_soon(to);
		return 0;
	}
	configuration_move(to, from);
	to->aha->ops->move(to, from);
	if (ami_hw_enable(from) != 0)
		from->enable = false;
	return ret;
}

int
keep_begin(struct ami_hw *hw)
{
	struct ami_hw *kept = hw->spare;
	int ret;

	kept->call = AMI_HW_QUIET;
	kept->kept = true;
	kept->next_kept = hw->aha->kept;
	hw->aha->kept = kept;
	ret = context_move(hw, kept);
	if (ret != 0) {
		list_remove(kept);
		return ret;
	}
	hw->spare = NULL;
	mgt_bit_set(hw->aha->amu->mgt->ami_hw_free[hw->aha->id], hw->phy_id, true);
	return 0;
}

int
keep_end(struct ami_hw *kept, struct ami_hw *hw)
{
	int ret = context_move(kept, hw);

	if (ret != 0)
		return ret;
	list_remove(kept);
	hw->spare = kept;
	mgt_bit_set(hw->aha->amu->mgt->ami_hw_free[hw->aha->id], hw->phy_id, false);
	return 0;
}

/* ---- Calls ------------------------------------------------------------------------------- */

void
aha_call(struct ami_hw *hw)
{
	struct amu *amu = hw->aha->amu;
	uint8_t quiet = AMI_HW_QUIET;

	if (!hw->kept || !atomic_compare_exchange_strong(&hw->call, &quiet, AMI_HW_CALLS))
		return;
	atomic_store(&amu->mgt->calls, true);
	atomic_store(&amu->mgt->fault_new, true);
	atomic_store(&amu->mgt_pending, true);
}

/* false: there is no room for it now. */
static bool
call_tell(struct ami_hw *kept)
{
	const struct rvr_e_pf_ami_hw_calls fields = {
		.ami_hw_id = kept->id,
		.f_owner = kept->function->id,
		.aha_id = kept->aha->id,
	};
	struct amu_function *pf = &kept->aha->amu->functions[0];
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (mgt_exception_room(pf) != 0)
		return false;
	kept->call = AMI_HW_CALLED;
	rvr_e_pf_ami_hw_calls_encode(msg, &fields, 0);
	mgt_exception(pf, msg);
	return true;
}

void
keep_tell(struct amu *amu)
{
	bool left = false;
	unsigned int i;

	if (!atomic_exchange(&amu->mgt->calls, false))
		return;
	for (i = 0; i < amu->num_aha; i++) {
		struct ami_hw *kept = amu->aha[i] != NULL ? amu->aha[i]->kept : NULL;

		for (; kept != NULL; kept = kept->next_kept)
			if (kept->call == AMI_HW_CALLS)
				left |= !call_tell(kept);
	}
	if (!left)
		return;
	atomic_store(&amu->mgt->calls, true);
	atomic_store(&amu->mgt_pending, true);
}
