/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* Telemetry: /revere/dma/list, and /revere/dma/vchan with what a vchan has counted. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>

#include "revere_compat.h"
#include "revere_dma.h"

static void
add(struct rte_tel_data *data, const char *name, uint64_t value)
{
	revere_tel_dict_uint(data, name, value);
}

static int
tell_list(const char *cmd, const char *params, struct rte_tel_data *data)
{
	int16_t id;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
	for (id = rte_dma_next_dev(0); id >= 0; id = rte_dma_next_dev(id + 1)) {
		if (revere_dma_is_ours(rte_dma_fp_objs[id].dev_private))
			rte_tel_data_add_array_int(data, id);
	}
	return 0;
}

static void
tell_threshold(struct rte_tel_data *data, const struct rte_pmd_revere_dma_threshold *threshold)
{
	static const char *const modes[] = {"off", "fixed", "auto"};

	rte_tel_data_add_dict_string(data, "mode", modes[threshold->mode]);
	add(data, "threshold", threshold->bytes);
	if (threshold->mode != RTE_PMD_REVERE_DMA_AUTO)
		return;
	rte_tel_data_add_dict_string(data, "way", revere_dma_way_name(threshold->way));
	add(data, "threshold_idle", threshold->idle_bytes);
	/* There are no fractions in telemetry. */
	add(data, "launch_millicycles", (uint64_t)(threshold->launch_cycles * 1000));
	add(data, "cpu_millicycles", (uint64_t)(threshold->cpu_cycles * 1000));
	add(data, "cpu_millicycles_kib", (uint64_t)(threshold->cpu_cycles_byte * 1024000));
	add(data, "amu_millicycles", (uint64_t)(threshold->amu_cycles * 1000));
	add(data, "amu_millicycles_kib", (uint64_t)(threshold->amu_cycles_byte * 1024000));
	add(data, "decisions", threshold->decisions);
	add(data, "overloads", threshold->overloads);
}

static void
tell_counters(struct rte_tel_data *data, const struct revere_dma_vchan *vchan)
{
	struct revere_dma_counters count = revere_dma_counters(vchan);

	add(data, "cpu_copies", count.cpu_copies);
	add(data, "cpu_bytes", count.cpu_bytes);
	add(data, "amu_copies", count.amu_copies);
	add(data, "amu_bytes", count.amu_bytes);
	add(data, "retries", count.retries);
	add(data, "out_of_reach", count.far);
	add(data, "descriptors", vchan->nb_desc);
	add(data, "occupancy", vchan->head - vchan->tail);
	add(data, "occupancy_max", vchan->occupancy_max);
	add(data, "resets", vchan->faults.recovers);
}

/** Messages by their latency; names are the nanoseconds that they took less than. */
static void
tell_latency(struct rte_tel_data *data, const struct revere_dma_vchan *vchan)
{
	struct rte_tel_data *histogram = rte_tel_data_alloc();
	char name[32];
	uint64_t ns;
	uint32_t i;

	if (histogram == NULL)
		return;
	rte_tel_data_start_dict(histogram);
	for (i = 0; i < REVERE_DMA_LATENCIES - 1; i++) {
		ns = (uint64_t)((double)(UINT64_C(2) << (REVERE_DMA_LATENCY_MIN + i)) * 1e9 /
				(double)rte_get_tsc_hz());
		snprintf(name, sizeof(name), "below_%" PRIu64 "_ns", ns);
		add(histogram, name, vchan->latency[i]);
	}
	add(histogram, "longer", vchan->latency[i]);
	rte_tel_data_add_dict_container(data, "latency", histogram, 0);
}

/** "DEV" or "DEV,VCHAN". */
static bool
parse(const char *params, int16_t *dev_id, uint16_t *vchan_id)
{
	unsigned long dev, vchan = 0;
	char *end;

	if (params == NULL || params[0] < '0' || params[0] > '9')
		return false;
	dev = strtoul(params, &end, 10);
	if (*end == ',' && end[1] >= '0' && end[1] <= '9')
		vchan = strtoul(end + 1, &end, 10);
	*dev_id = (int16_t)dev;
	*vchan_id = (uint16_t)vchan;
	return *end == '\0' && dev <= INT16_MAX && vchan <= UINT16_MAX;
}

static int
tell_vchan(const char *cmd, const char *params, struct rte_tel_data *data)
{
	struct rte_pmd_revere_dma_threshold threshold;
	struct revere_dma_vchan *vchan;
	uint16_t vchan_id;
	int16_t dev_id;
	int ret;

	RTE_SET_USED(cmd);
	if (!parse(params, &dev_id, &vchan_id))
		return -EINVAL;
	ret = revere_dma_vchan_find(dev_id, vchan_id, &vchan);
	if (ret == 0)
		ret = rte_pmd_revere_dma_threshold_get(dev_id, vchan_id, &threshold);
	if (ret < 0)
		return ret;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "state", revere_dma_state_name(vchan->state));
	tell_threshold(data, &threshold);
	tell_counters(data, vchan);
	tell_latency(data, vchan);
	return 0;
}

RTE_INIT(revere_dma_telemetry)
{
	rte_telemetry_register_cmd("/revere/dma/list", tell_list,
				   "Returns the IDs of Revere dmadevs. No parameters");
	rte_telemetry_register_cmd("/revere/dma/vchan", tell_vchan,
				   "Returns threshold, counters and latencies of a vchan. "
				   "Parameters: int dev_id, int vchan_id (0 if left out)");
}
