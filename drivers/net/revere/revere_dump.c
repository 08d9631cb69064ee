/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What a port looks like inside: registers and descriptors.
 */

#include <errno.h>
#include <inttypes.h>

#include "revere_net.h"

/* ---- Registers ---------------------------------------------------------------------------- */

/** Registers of the management page, each of its copies; reading one changes nothing. */
static const struct {
	uint32_t offset, count, stride;
} reg_table[] = {
#define REG(name, offset, count, stride, access, reset, writable, text) { offset, count, stride },
	RVR_MGT_REGS(REG)
#undef REG
};

static uint32_t
regs_count(void)
{
	uint32_t i, count = 0;

	for (i = 0; i < RTE_DIM(reg_table); i++)
		count += reg_table[i].count;
	return count;
}

int
revere_net_regs_get(struct rte_eth_dev *dev, struct rte_dev_reg_info *info)
{
	const struct revere_net *net = dev->data->dev_private;
	struct revere_transport *transport = revere_dev_transport(net->dev);
	uint64_t *to = info->data;
	uint32_t i, copy;

	info->width = sizeof(*to);
	info->version = (uint32_t)transport->ops->mgt_read64(transport, RVR_AMU_IIDR);
	if (to == NULL || info->length == 0) {
		info->length = regs_count();
		return 0;
	}
	/* The whole table, as others do: its order is what gives values their names. */
	if (info->length != regs_count())
		return -ENOTSUP;
	for (i = 0; i < RTE_DIM(reg_table); i++)
		for (copy = 0; copy < reg_table[i].count; copy++)
			*to++ = transport->ops->mgt_read64(transport,
				reg_table[i].offset + copy * reg_table[i].stride);
	return 0;
}

/* ---- Descriptors -------------------------------------------------------------------------- */

int
revere_net_rx_desc_dump(const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t count,
	FILE *file)
{
	const struct revere_net_rxq *rxq = dev->data->rx_queues[id];
	uint32_t i, out = (uint32_t)(rxq->posted - rxq->used);

	if (offset >= rxq->nb_desc)
		return -EINVAL;
	fprintf(file, "Rx queue %u: used %" PRIu64 ", posted %" PRIu64 ", %u descriptors\n", id,
		rxq->used, rxq->posted, rxq->nb_desc);
	for (i = offset; i < rxq->nb_desc && i - offset < count; i++) {
		const struct rte_mbuf *m = rxq->sw[(rxq->used + i) & rxq->mask];

		if (i < out)
			fprintf(file, "%u: buffer %" PRIx64 ", %u bytes\n", i,
				(uint64_t)rte_mbuf_data_iova_default(m), rxq->room);
		else
			fprintf(file, "%u: empty\n", i);
	}
	return 0;
}

int
revere_net_tx_desc_dump(const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t count,
	FILE *file)
{
	const struct revere_net_txq *txq = dev->data->tx_queues[id];
	uint32_t i, out = (uint32_t)(txq->head - txq->tail);

	if (offset >= txq->nb_desc)
		return -EINVAL;
	fprintf(file, "Tx queue %u: freed %" PRIu64 ", completed %" PRIu64 ", sent %" PRIu64
		", %u descriptors\n", id, txq->tail, txq->completed, txq->head, txq->nb_desc);
	for (i = offset; i < txq->nb_desc && i - offset < count; i++) {
		uint64_t at = txq->tail + i;
		const struct rte_mbuf *m = i < out ? txq->sw[at & txq->mask] : NULL;

		if (m == NULL)
			fprintf(file, "%u: free\n", i);
		else
			fprintf(file, "%u: %s, data %" PRIx64 ", %u bytes\n", i,
				at < txq->completed ? "sent" : "with the device",
				(uint64_t)rte_mbuf_data_iova(m), m->data_len);
	}
	return 0;
}
