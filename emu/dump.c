/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What the device is and does at the moment, as text for people.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "mgt.h"

static void
dump_function(const struct amu_function *function, FILE *out)
{
	const struct rvr_reg *row;
	unsigned int i, k;
	uint64_t value;

	fprintf(out, "function %u: %s%s%s\n", function->id,
		function->enabled ? "enabled" : "disabled", function->trapped ? ", trapped" : "",
		function->bus_master ? ", bus master" : "");
	for (i = 0; (row = regs_row(i)) != NULL; i++) {
		for (k = 0; k < row->count; k++) {
			value = mgt_reg(function, row->offset + k * row->stride);
			if (value != 0)
				fprintf(out, "  0x%04x %s[%u] 0x%" PRIx64 "\n",
					row->offset + k * row->stride, row->name, k, value);
		}
	}
}

static void
dump_ams(const struct ams *ams, FILE *out)
{
	if (!ams->configured)
		return;
	fprintf(out, "  %s %u: ring 0x%" PRIx64 ", 2^%u slots, threshold 2^%u%s%s",
		ams->tx ? "TX" : "RX", ams->id, ams->ring_base, ams->log2_size, ams->threshold,
		ams->rx_mode == RVR_RX_OVERWRITE ? ", overwriting" : "",
		ams->faulted ? ", faulted" : "");
	if (ams->asn != NULL)
		fprintf(out, ", session %u", ams->asn->id);
	fprintf(out, ", read %" PRIu64 ", write %" PRIu64 "\n", ams->read, ams->write);
}

static void
dump_ami_sw(const struct ami_sw *ami, FILE *out)
{
	unsigned int i;

	if (!ami->mapped)
		return;
	fprintf(out, "AMI-SW %u: %u of function %u, %s%s\n", ami->phy_id, ami->id,
		ami->function->id, ami->enable ? "enabled" : "disabled",
		ami->faulted ? ", faulted" : "");
	for (i = 0; i < ami->amu->config.num_ams; i++) {
		dump_ams(&ami->tx[i], out);
		dump_ams(&ami->rx[i], out);
	}
}

static void
dump_aha(const struct aha *aha, FILE *out)
{
	unsigned int i;

	fprintf(out, "AHA %u: %s\n", aha->id, aha->ops->name);
	for (i = 0; i < aha->amu->config.num_ami_hw; i++) {
		const struct ami_hw *hw = &aha->ami_hw[i];

		if (hw->mapped)
			fprintf(out, "  AMI-HW %u: %u of function %u, %s\n", hw->phy_id, hw->id,
				hw->function->id, hw->enable ? "enabled" : "disabled");
	}
	for (const struct ami_hw *hw = aha->kept; hw != NULL; hw = hw->next_kept)
		fprintf(out, "  kept: %u of function %u, %s\n", hw->id, hw->function->id,
			hw->enable ? "enabled" : "disabled");
}

static void
dump_asn(const struct asn *asn, FILE *out)
{
	const struct rvr_pf_asn_create_req *attr = &asn->attr;

	fprintf(out, "ASN %u:", asn->id);
	if (attr->src_ami_type == RVR_END_AMI_HW)
		fprintf(out, " AHA %u", (unsigned int)attr->src_aha_id);
	fprintf(out, " AMI %u TX %u ->", (unsigned int)attr->src_phy_ami_id,
		(unsigned int)attr->src_ams);
	if (attr->dst_ami_type == RVR_END_AMI_HW)
		fprintf(out, " AHA %u", (unsigned int)attr->dst_aha_id);
	fprintf(out, " AMI %u RX %u, %u bytes, priority %u, %" PRIu64 " messages%s%s%s\n",
		(unsigned int)attr->dst_phy_ami_id, (unsigned int)attr->dst_ams, asn->msg_bytes,
		(unsigned int)attr->prio, asn->index, asn->stalled ? ", stalled" : "",
		asn->profiled ? ", profiled" : "", asn->traced ? ", traced" : "");
}

static void
dump_device(struct amu *amu, FILE *out)
{
	uint32_t i;

	fprintf(out, "device %s: %s\n", amu->name, amu->running ? "running" : "off");
	config_dump(&amu->config, out);
	for (i = 0; i < amu->num_functions; i++)
		dump_function(&amu->functions[i], out);
	for (i = 0; i < amu->config.num_ami_sw; i++)
		dump_ami_sw(&amu->ami_sw[i], out);
	for (i = 0; i < amu->num_aha; i++) {
		if (amu->aha[i] != NULL)
			dump_aha(amu->aha[i], out);
	}
	for (i = 0; i < amu->config.num_asn; i++) {
		if (amu->asn[i] != NULL)
			dump_asn(amu->asn[i], out);
	}
}

static int
dump_write(int fd, const char *text, size_t size)
{
	ssize_t written;

	while (size > 0) {
		written = write(fd, text, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		size -= (size_t)written;
	}
	return 0;
}

int
revere_emu_dump(struct revere_emu *emu, int fd)
{
	struct amu *amu = &emu->amu;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int ret;

	if (out == NULL)
		return -ENOMEM;
	/* Written out later: a reader that is slow must not hold up the device. */
	mgt_lock(amu);
	amu_pause(amu);
	dump_device(amu, out);
	amu_resume(amu);
	mgt_unlock(amu);
	ret = fclose(out) == 0 ? dump_write(fd, text, size) : -ENOMEM;
	free(text);
	return ret;
}
