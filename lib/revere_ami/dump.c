/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* A device as text. Addresses are left out: dumps are made to be sent to others. */


#include <rte_common.h>

#include "ami_private.h"

static const struct rvr_reg registers[] = { RVR_MGT_REGS(RVR_REG_ROW_) };
static const struct rvr_reg_field fields[] = { RVR_MGT_FIELDS(RVR_REG_FIELD_ROW_) };
static const char *const type_names[] = { "A1", "A2", "B" };

static bool
is_address(const struct rvr_reg *reg)
{
	return reg->offset == RVR_MSK_BASE_PTR || reg->offset == RVR_MGT_TYPEB_BASE;
}

static void
dump_fields(const struct rvr_reg *reg, uint64_t value, FILE *file)
{
	size_t i;

	for (i = 0; i < RTE_DIM(fields); i++)
		if (strcmp(fields[i].reg, reg->name) == 0)
			fprintf(file, "    %-22s %#" PRIx64 "\n", fields[i].name,
				rvr_get(value, RVR_BITS(fields[i].high, fields[i].low)));
}

static void
dump_registers(struct revere_dev *dev, FILE *file)
{
	const struct rvr_reg *reg;
	uint64_t value;
	unsigned int i;

	for (reg = registers; reg < registers + RTE_DIM(registers); reg++) {
		for (i = 0; i < reg->count; i++) {
			value = dev_read(dev, reg->offset + i * reg->stride);
			fprintf(file, "  %#06x %s", reg->offset + i * reg->stride, reg->name);
			if (reg->count > 1)
				fprintf(file, "[%u]", i);
			if (is_address(reg))
				fprintf(file, " %s\n", value == 0 ? "0" : "(an address)");
			else
				fprintf(file, " %#" PRIx64 "\n", value);
			dump_fields(reg, value, file);
		}
	}
}

static void
dump_info(struct revere_dev *dev, FILE *file)
{
	const struct revere_dev_info *info = &dev->info;
	uint16_t state = revere_error_state(dev);

	fprintf(file, "%s: Revere-AMU %s, architecture %u.%u, IIDR %#" PRIx64 ", type %s\n",
		dev->name, dev->vf ? "VF" : "PF", info->arch_major, info->arch_minor, info->iidr,
		type_names[info->ami_type]);
	fprintf(file, "  messages of 2^%u to 2^%u DW, rings of up to 2^%u slots, "
		"%u TX and %u RX sockets a context\n",
		info->min_log2_msg_length, info->max_log2_msg_length, info->max_log2_size,
		info->num_tx_ams, info->num_rx_ams);
	fprintf(file, "  AMI-SW: %u here, %u in all; sessions: %u; agents: %u\n",
		info->ami_per_function, info->max_ami_sw, info->max_asn, info->num_aha);
	fprintf(file, "  profiling: %s, %u counters; tracing: %s; PASID: %s, %u bits\n",
		info->asn_prof ? "yes" : "no", info->asn_prof_counters,
		info->tracing ? "yes" : "no", info->pasid_supported ? "yes" : "no",
		info->pasid_width);
	fprintf(file, "  ERROR_STATE %#x: %s\n", state, revere_error_state_text(state));
}

static void
dump_agents(struct revere_dev *dev, FILE *file)
{
	uint32_t aha_id;
	uint64_t iidr;
	unsigned int kind;

	for (aha_id = 0; aha_id < dev->info.num_aha; aha_id++) {
		if (revere_aha_iidr(dev, (uint16_t)aha_id, &iidr) < 0)
			return;
		kind = (unsigned int)rvr_get(iidr, RVR_AMU_IIDR_PRODUCT);
		fprintf(file, "  %u: %s, IIDR %#" PRIx64 "\n", aha_id, revere_aha_kind_name(kind),
			iidr);
	}
}

static void
dump_ring(const struct socket *socket, FILE *file)
{
	const struct revere_ring *ring = &socket->ring;

	fprintf(file,
		"    %s %u: %" PRIu64 " slots of %u bytes, software %" PRIu64 ", device %" PRIu64
		"%s%s\n",
		socket->conf.type == RVR_AMS_TX ? "TX" : "RX", socket->conf.ams,
		(uint64_t)ring->mask + 1, ring->msg_size, ring->own,
		revere_ring_device_index(ring), ring->overwriting ? ", overwriting" : "",
		ring->broken ? ", broken" : "");
}

static void
dump_ami_sw(struct revere_ami_sw *ami_sw, FILE *file)
{
	unsigned int type, ams;

	fprintf(file,
		"  %u (physical %u): %s, digests TX %#" PRIx64 " RX %#" PRIx64 "\n", ami_sw->id,
		ami_sw->phy_id, ami_sw->enabled ? "enabled" : "disabled",
		revere_ami_sw_digest(ami_sw, RVR_AMS_TX), revere_ami_sw_digest(ami_sw, RVR_AMS_RX));
	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		for (ams = 0; ams < dev_num_ams(ami_sw->dev, type); ams++)
			if (ami_sw->sockets[type][ams] != NULL)
				dump_ring(ami_sw->sockets[type][ams], file);
}

static void
dump_point(const struct asn_point *point, FILE *file)
{
	if (point->type == RVR_END_AMI_SW)
		fprintf(file, "AMI-SW %u socket %u", point->phy_id, point->ams);
	else
		fprintf(file, "AMI-HW %u of agent %u socket %u", point->phy_id, point->aha_id,
			point->ams);
}

static void
dump_asn(const struct asn *asn, FILE *file)
{
	fprintf(file, "  %u: ", asn->id);
	dump_point(&asn->src, file);
	fputs(" -> ", file);
	dump_point(&asn->dst, file);
	fprintf(file, ", 2^%u DW, priority %u\n", asn->conf.log2_msg_length, asn->conf.prio);
}

int
revere_dev_dump(struct revere_dev *dev, FILE *file)
{
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	struct asn *asn;

	pthread_mutex_lock(&dev->lock);
	dump_info(dev, file);
	fprintf(file, "registers:\n");
	dump_registers(dev, file);
	fprintf(file, "agents:\n");
	dump_agents(dev, file);
	fprintf(file, "AMI-SW:\n");
	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		dump_ami_sw(ami_sw, file);
	fprintf(file, "AMI-HW:\n");
	TAILQ_FOREACH(ami_hw, &dev->ami_hws, next)
		fprintf(file, "  %u: %u of agent %u\n", ami_hw->id, ami_hw->phy_id, ami_hw->aha_id);
	fprintf(file, "sessions:\n");
	TAILQ_FOREACH(asn, &dev->asns, next)
		dump_asn(asn, file);
	pthread_mutex_unlock(&dev->lock);
	return ferror(file) ? -EIO : 0;
}
