/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Life of AMI-SWs and AMI-HWs, and where the memory of rings is.
 *
 * All but the ring_*() functions, which workers call too, runs within a pause.
 */

#include <errno.h>
#include <stdlib.h>

#include "worker.h"

/* ---- Rings --------------------------------------------------------------------------------- */

void
ring_forget(struct ams *ams)
{
	ams->base = NULL;
	free(ams->slots);
	ams->slots = NULL;
	free(ams->staging);
	ams->staging = NULL;
}

uint64_t
ring_slot_iova(const struct ams *ams, uint64_t index)
{
	return ams->ring_base + ((index & ams->mask) << ams->slot_shift);
}

/** The address of each slot of a ring that lies in pieces. */
static enum ring_state
ring_resolve_slots(struct ams *ams, uint32_t prot)
{
	struct dma_view *view = &ams->ami_sw->view;
	size_t slots = (size_t)ams->mask + 1;

	ams->slots = calloc(slots, sizeof(*ams->slots));
	ams->staging = calloc(1, ams->slot_bytes);
	if (ams->slots == NULL || ams->staging == NULL) {
		ring_forget(ams);
		return RING_WAIT;
	}
	for (size_t n = 0; n < slots; n++)
		ams->slots[n] =
			dma_translate(view, ring_slot_iova(ams, n), ams->slot_bytes, prot);
	return RING_OK;
}

enum ring_state
ring_resolve(struct ams *ams)
{
	uint32_t prot = ams->tx ? REVERE_EMU_PROT_READ : REVERE_EMU_PROT_WRITE;
	struct ami_sw *ami = ams->ami_sw;
	struct asn *asn = ams->asn;
	uint64_t bytes;

	if (ams->running && (ams->base != NULL || ams->slots != NULL))
		return RING_OK;
	if (!ams->running || asn == NULL || !ami->function->bus_master)
		return RING_WAIT;
	ams->slot_bytes = asn->msg_bytes;
	ams->slot_shift = (uint8_t)__builtin_ctz(asn->msg_bytes);
	bytes = ((uint64_t)ams->mask + 1) << ams->slot_shift;
	if (ams->ring_base + (bytes - 1) < ams->ring_base)
		return RING_FAULT;
	ams->base = dma_translate(&ami->view, ams->ring_base, bytes, prot);
	if (ams->base != NULL)
		return RING_OK;
	/* With SVA a hole may be memory of this process: the first copy tells. */
	if (!ami->view.space->sva && !dma_covered(ami->view.space, ams->ring_base, bytes, prot))
		return RING_FAULT;
	return ring_resolve_slots(ams, prot);
}

void
ring_fault(struct ams *ams)
{
	struct ami_sw *ami = ams->ami_sw;
	struct amu_worker *worker = partition_worker(&ami->node);

	ams->faulted = true;
	if (ami->halted)
		return;
	ami->halted = true;
	ami->halted_ams = ams->id;
	ami->enabled = false;
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		ami->tx[n].running = false;
		ami->rx[n].running = false;
		ami->tx[n].base = NULL;
		ami->rx[n].base = NULL;
	}
	/*
	 * Lists are being walked, and an agent may be reading a message of this ring: the AMI
	 * leaves the lists, and its memory goes, at the end of the turn.
	 */
	ami->next_halted = worker->halted;
	worker->halted = ami;
}

/* ---- AMI-SW -------------------------------------------------------------------------------- */

int
ami_sw_init(struct ami_sw *ami)
{
	ami->node.ami_sw = ami;
	ami->mask_watch[RVR_AMS_RX] = WATCH_NONE;
	ami->mask_watch[RVR_AMS_TX] = WATCH_NONE;
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		ami->tx[n].watch = WATCH_NONE;
		ami->rx[n].watch = WATCH_NONE;
	}
	return 0;
}

void
ami_sw_fini(struct ami_sw *ami)
{
	if (ami->tx == NULL || ami->rx == NULL)
		return;
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		ring_forget(&ami->tx[n]);
		ring_forget(&ami->rx[n]);
	}
}

static _Atomic uint64_t *
page_word(const struct ami_sw *ami, uint32_t offset)
{
	return (_Atomic uint64_t *)(void *)(ami->page + offset);
}

/** Finds the Type B table; ERROR_STATE tells when it isn't there. */
static void
typeb_resolve(struct ami_sw *ami)
{
	uint64_t base = ami->typeb_tbl_base;

	ami->typeb = NULL;
	/* (P) A base of 0 means that software reads the AMI-SW page, whatever AMI_TYPE says. */
	if (ami->amu->config.ami_type == RVR_AMI_TYPE_B && base != 0 &&
	    ami->function->bus_master) {
		ami->typeb = dma_translate(&ami->view, base, RVR_AMI_SW_PAGE_SIZE,
					   REVERE_EMU_PROT_WRITE);
		if (ami->typeb == NULL)
			mgt_error(ami->function, RVR_ERROR_STATE_AMI_SW_TYPEB_FAULT);
	}
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		uint8_t *tx, *rx;

		ami->tx[n].typeb_index = NULL;
		ami->rx[n].typeb_index = NULL;
		if (ami->typeb == NULL)
			continue;
		tx = ami->typeb + RVR_READ_INDEX_TX + n * 8;
		rx = ami->typeb + RVR_WRITE_INDEX_RX + n * 8;
		ami->tx[n].typeb_index = (_Atomic uint64_t *)(void *)tx;
		ami->rx[n].typeb_index = (_Atomic uint64_t *)(void *)rx;
		atomic_store_explicit(ami->tx[n].typeb_index, ami->tx[n].read,
				      memory_order_release);
		atomic_store_explicit(ami->rx[n].typeb_index, ami->rx[n].write,
				      memory_order_release);
	}
	if (ami->typeb == NULL)
		return;
	atomic_store_explicit((_Atomic uint64_t *)(void *)(ami->typeb + RVR_TX_DIGEST),
			      ami->tx_digest, memory_order_release);
	atomic_store_explicit((_Atomic uint64_t *)(void *)(ami->typeb + RVR_RX_DIGEST),
			      ami->rx_digest, memory_order_release);
}

/** Whether a direction's interrupt can be raised; an exception tells of a wrong vector. */
static bool
irq_usable(struct ami_sw *ami, bool enable, unsigned int vector, unsigned int vector_type)
{
	struct rvr_e_f_ami_ring_invalid_vector exc = { .ami_id = ami->id,
						       .vector_type = vector_type };
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (!enable || vector < ami->amu->config.msix_vectors)
		return enable;
	rvr_e_f_ami_ring_invalid_vector_encode(msg, &exc, 0);
	mgt_exception(ami->function, msg);
	return false;
}

/** Takes a ring's indices from the page, watches software's. */
static void
ring_start(struct ams *ams, struct amu_worker *worker, bool irq)
{
	struct ami_sw *ami = ams->ami_sw;
	uint32_t at = ams->id * 8u;

	ring_forget(ams);
	ams->digest = false;
	ams->irq = irq;
	ams->running = ams->configured && !ams->faulted;
	if (!ams->running)
		return;
	ams->read_index = page_word(ami, (ams->tx ? RVR_READ_INDEX_TX : RVR_READ_INDEX_RX) + at);
	ams->write_index =
		page_word(ami, (ams->tx ? RVR_WRITE_INDEX_TX : RVR_WRITE_INDEX_RX) + at);
	ams->read = atomic_load_explicit(ams->read_index, memory_order_acquire);
	ams->write = atomic_load_explicit(ams->write_index, memory_order_acquire);
	ams->mask = (UINT32_C(1) << ams->log2_size) - 1;
	if (watch_add(worker, ams->tx ? WATCH_TX : WATCH_RX, ams->tx ? RVR_AMS_TX : RVR_AMS_RX,
		      ams, ams->tx ? ams->write_index : ams->read_index) != 0)
		amu_log(ami->amu, REVERE_EMU_LOG_ERR,
			"AMI-SW %u: no memory to watch a ring of it", ami->phy_id);
}

/** All sessions of an AMI-SW look again whether they can run. */
static void
ami_sw_refresh(struct ami_sw *ami)
{
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		if (ami->tx[n].asn != NULL)
			asn_refresh(ami->tx[n].asn);
		if (ami->rx[n].asn != NULL)
			asn_refresh(ami->rx[n].asn);
	}
}

static void
masks_watch(struct ami_sw *ami, struct amu_worker *worker)
{
	if (ami->rx[0].irq)
		watch_add(worker, WATCH_MASK, RVR_AMS_RX, ami,
			  page_word(ami, RVR_RX_DIGEST_MASK));
	if (ami->tx[0].irq)
		watch_add(worker, WATCH_MASK, RVR_AMS_TX, ami,
			  page_word(ami, RVR_TX_DIGEST_MASK));
}

int
ami_sw_enable(struct ami_sw *ami)
{
	unsigned int num_ams = ami->amu->config.num_ams;
	struct amu_worker *worker;
	struct dma_space *space;
	bool tx_irq, rx_irq;

	if (ami->active && !ami->halted)
		return 0;
	if (ami->halted)
		return -EIO;
	space = pasid_space_get(ami->function, ami->pasid_enabled, ami->pasid);
	if (space == NULL)
		return -ENOMEM;
	worker = partition_use(ami->amu, &ami->node);
	if (worker == NULL) {
		pasid_space_put(ami->function, space);
		return -ENOMEM;
	}
	dma_view_init(&ami->view, space);
	tx_irq = irq_usable(ami, ami->tx_irq_enable, ami->tx_vector, 1);
	rx_irq = irq_usable(ami, ami->rx_irq_enable, ami->rx_vector, 0);
	ami->active = true;
	ami->enabled = true;
	ami->tx_digest = ami->rx_digest = 0;
	ami->tx_digest_seen = ami->rx_digest_seen = 0;
	for (unsigned int n = 0; n < num_ams; n++) {
		ring_start(&ami->tx[n], worker, tx_irq);
		ring_start(&ami->rx[n], worker, rx_irq);
	}
	typeb_resolve(ami);
	digest_poll(ami);
	masks_watch(ami, worker);
	ami_sw_refresh(ami);
	switch_report(worker);
	return ami->halted ? -EFAULT : 0;
}

void
ami_sw_leave(struct ami_sw *ami)
{
	struct amu_worker *worker = partition_worker(&ami->node);

	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		struct ams *rings[] = { &ami->tx[n], &ami->rx[n] };

		for (unsigned int r = 0; r < 2; r++) {
			rings[r]->running = false;
			ring_forget(rings[r]);
			watch_remove(worker, &rings[r]->watch);
		}
		if (rings[1]->asn != NULL)
			rings[1]->asn->pending = 0;
	}
	watch_remove(worker, &ami->mask_watch[RVR_AMS_RX]);
	watch_remove(worker, &ami->mask_watch[RVR_AMS_TX]);
	ami_sw_refresh(ami);
}

void
ami_sw_disable(struct ami_sw *ami)
{
	ami->enabled = false;
	if (!ami->active)
		return;
	ami_sw_leave(ami);
	ami->active = false;
	ami->typeb = NULL;
	partition_unuse(ami->amu, &ami->node);
	pasid_space_put(ami->function, ami->view.space);
	dma_view_init(&ami->view, &ami->function->space);
}

static void
ring_reset(struct ams *ams)
{
	ams->faulted = false;
	ams->configured = false;
	ams->ring_base = 0;
	ams->log2_size = 0;
	ams->threshold = 0;
	ams->rx_mode = 0;
	ams->read = 0;
	ams->write = 0;
	ams->digest = false;
}

void
ami_sw_reset(struct ami_sw *ami)
{
	ami_sw_disable(ami);
	ami->halted = false;
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		ring_reset(&ami->tx[n]);
		ring_reset(&ami->rx[n]);
	}
	ami->tx_digest = ami->rx_digest = 0;
	ami->pasid = 0;
	ami->pasid_enabled = false;
	ami->tx_irq_enable = ami->rx_irq_enable = false;
	ami->tx_vector = ami->rx_vector = 0;
	ami->typeb_tbl_base = 0;
	for (uint32_t at = 0; ami->page != NULL && at < RVR_AMI_SW_PAGE_SIZE; at += 8)
		atomic_store_explicit(page_word(ami, at), 0, memory_order_relaxed);
}

void
ami_sw_move(struct ami_sw *ami, struct amu_worker *from, struct amu_worker *to)
{
	if (!ami->active || from == to)
		return;
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		struct ams *tx = &ami->tx[n], *rx = &ami->rx[n];

		watch_remove(from, &tx->watch);
		watch_remove(from, &rx->watch);
		if (tx->running)
			watch_add(to, WATCH_TX, RVR_AMS_TX, tx, tx->write_index);
		if (rx->running)
			watch_add(to, WATCH_RX, RVR_AMS_RX, rx, rx->read_index);
	}
	watch_remove(from, &ami->mask_watch[RVR_AMS_RX]);
	watch_remove(from, &ami->mask_watch[RVR_AMS_TX]);
	masks_watch(ami, to);
}

/* ---- AMI-HW -------------------------------------------------------------------------------- */

int
ami_hw_init(struct ami_hw *hw)
{
	hw->node.ami_hw = hw;
	return 0;
}

void
ami_hw_fini(struct ami_hw *hw)
{
	(void)hw;
}

static void
ami_hw_refresh(struct ami_hw *hw)
{
	for (unsigned int n = 0; n < hw->aha->amu->config.num_ams; n++) {
		if (hw->tx[n] != NULL)
			asn_refresh(hw->tx[n]);
		if (hw->rx[n] != NULL)
			asn_refresh(hw->rx[n]);
	}
	hw->aha->amu->answer_epoch++;
}

/** Starts or stops an AMI-HW as Bus Master Enable says. */
static void
ami_hw_activate(struct ami_hw *hw)
{
	struct amu_worker *worker = partition_worker(&hw->node);
	bool active = hw->function->bus_master;

	if (hw->active == active)
		return;
	hw->active = active;
	if (hw->aha->ops->poll != NULL) {
		if (!active)
			hw_list_remove(worker, hw);
		else if (hw_list_add(worker, hw, false) != 0)
			amu_log(hw->aha->amu, REVERE_EMU_LOG_ERR,
				"AMI-HW %u of agent %u: no memory to poll it", hw->phy_id,
				hw->aha->id);
	}
	ami_hw_refresh(hw);
	switch_report(worker);
}

static void
ami_hw_space_put(struct ami_hw *hw)
{
	pasid_space_put(hw->function, hw->view.space);
	dma_view_init(&hw->view, &hw->function->space);
}

int
ami_hw_enable(struct ami_hw *hw)
{
	struct dma_space *space;
	int ret;

	if (hw->node.group != NULL && hw->joined)
		return 0;
	space = pasid_space_get(hw->function, hw->pasid_enabled, hw->pasid);
	if (space == NULL)
		return -ENOMEM;
	if (partition_use(hw->aha->amu, &hw->node) == NULL) {
		pasid_space_put(hw->function, space);
		return -ENOMEM;
	}
	dma_view_init(&hw->view, space);
	ret = hw->aha->ops->enable != NULL ? hw->aha->ops->enable(hw) : 0;
	if (ret != 0) {
		ami_hw_space_put(hw);
		partition_unuse(hw->aha->amu, &hw->node);
		return ret;
	}
	hw->joined = true;
	hw->enabled = true;
	ami_hw_activate(hw);
	return 0;
}

void
ami_hw_disable(struct ami_hw *hw)
{
	ami_hw_stop(hw);
	if (hw->aha->ops->disable != NULL)
		hw->aha->ops->disable(hw);
}

void
ami_hw_stop(struct ami_hw *hw)
{
	hw->enabled = false;
	if (!hw->joined)
		return;
	if (hw->active) {
		hw->active = false;
		if (hw->aha->ops->poll != NULL)
			hw_list_remove(partition_worker(&hw->node), hw);
	}
	hw->joined = false;
	if (hw->aha->ops->stop != NULL)
		hw->aha->ops->stop(hw);
	ami_hw_refresh(hw);
	partition_unuse(hw->aha->amu, &hw->node);
	ami_hw_space_put(hw);
}

void
ami_hw_reset(struct ami_hw *hw)
{
	ami_hw_disable(hw);
	for (unsigned int n = 0; n < hw->aha->amu->config.num_ams; n++)
		if (hw->rx[n] != NULL)
			hw->rx[n]->queue.read = hw->rx[n]->queue.write;
	hw->pasid = 0;
	hw->pasid_enabled = false;
	if (hw->aha->ops->reset != NULL)
		hw->aha->ops->reset(hw);
}

void
ami_hw_move(struct ami_hw *hw, struct amu_worker *from, struct amu_worker *to)
{
	if (!hw->active || hw->aha->ops->poll == NULL || from == to)
		return;
	hw_list_remove(from, hw);
	hw_list_add(to, hw, false);
}

/* ---- Memory map ---------------------------------------------------------------------------- */

/** Rings are looked for again when they are used. */
static void
ami_sw_remap(struct ami_sw *ami)
{
	for (unsigned int n = 0; n < ami->amu->config.num_ams; n++) {
		ring_forget(&ami->tx[n]);
		ring_forget(&ami->rx[n]);
	}
	typeb_resolve(ami);
	ami_sw_refresh(ami);
	switch_report(partition_worker(&ami->node));
}

static void
ami_hw_remap(struct ami_hw *hw, const struct amu_function *function,
	     const struct dma_space *space)
{
	if (hw->joined && hw->function == function &&
	    (space == NULL || hw->view.space == space))
		ami_hw_activate(hw);
}

void
ami_remap(struct amu_function *function, const struct dma_space *space)
{
	struct amu *amu = function->amu;
	struct ami_hw *hw;

	for (unsigned int n = 0; n < amu->config.num_ami_sw; n++) {
		struct ami_sw *ami = &amu->ami_sw[n];

		if (ami->active && !ami->halted && ami->function == function &&
		    (space == NULL || ami->view.space == space))
			ami_sw_remap(ami);
	}
	for (unsigned int a = 0; a < amu->num_aha; a++) {
		for (unsigned int n = 0; amu->aha[a] != NULL && n < amu->config.num_ami_hw; n++) {
			hw = &amu->aha[a]->ami_hw[n];
			ami_hw_remap(hw, function, space);
		}
		for (hw = amu->aha[a] != NULL ? amu->aha[a]->kept : NULL; hw != NULL;
		     hw = hw->next_kept)
			ami_hw_remap(hw, function, space);
	}
}
