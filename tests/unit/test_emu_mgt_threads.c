/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Management of the emulated device from several threads at once, while its workers move and
 * trace messages: the PF's and a VF's commands, changes of memory, resets, dumps.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "emu_mgt.h"

#define ROUNDS 100u
#define TIMEOUT_S 30

static atomic_bool stop;

/* Executes a command, waiting for the response as a polling client does. */
static uint16_t
command_wait(struct mc *m, unsigned int f, uint8_t msg[RVR_MGT_MSG_SIZE])
{
	time_t end = time(NULL) + TIMEOUT_S;

	mc_put(m, f, msg);
	mc_doorbell(m, f);
	while (!mc_take(m, f, RVR_MGT_RX_RESPONSE, msg)) {
		/* cmocka's assertions belong to its own thread. */
		if (time(NULL) > end)
			abort();
		sched_yield();
	}
	return rvr_msg_status(msg);
}

#define WAIT(m, f, cmd, ...)                                                                       \
	__extension__({                                                                            \
		uint8_t msg_[RVR_MGT_MSG_SIZE];                                                    \
		MC_REQ(cmd, msg_, __VA_ARGS__);                                                    \
		command_wait(m, f, msg_);                                                          \
	})

static _Atomic uint64_t *
page_reg(struct mc *m, unsigned int ami, uint32_t offset)
{
	uint8_t *pages = revere_emu_pages(m->emu, 0);

	return (_Atomic uint64_t *)(void *)(pages + ami * 0x10000u + offset);
}

/* A loopback on AMI-SW `ami`, from mapping to unmapping; every other one ends with a wild index. */
static void
pf_round(struct mc *m, unsigned int ami, bool wild)
{
	uint64_t base = MC_IOVA + MC_FREE + ami * 0x2000u;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	assert_int_equal(WAIT(m, 0, pf_ami_sw_map, .phy_ami_sw_id = ami, .ami_sw_id = ami), 0);
	assert_int_equal(WAIT(m, 0, pf_asn_create, .asn_id = ami, .src_phy_ami_id = ami,
			      .dst_phy_ami_id = ami, .log2_msg_length = 3, .prof_mask = 15,
			      .prof_tbl_base = base + 0x1800, .trace_ctl = 1), 0);
	assert_int_equal(WAIT(m, 0, f_ami_sw_reset, .ami_sw_id = ami), 0);
	assert_int_equal(WAIT(m, 0, f_ams_ring_configure, .ami_sw_id = ami,
			      .ams_type = RVR_AMS_TX, .log2_size = 4, .ring_base = base), 0);
	assert_int_equal(WAIT(m, 0, f_ams_ring_configure, .ami_sw_id = ami,
			      .ams_type = RVR_AMS_RX, .log2_size = 4, .rx_mode = 1,
			      .ring_base = base + 0x1000), 0);
	assert_int_equal(WAIT(m, 0, f_ami_sw_enable, .ami_sw_id = ami), 0);
	atomic_store(page_reg(m, ami, RVR_WRITE_INDEX_TX), wild ? 1000 : 16);
	for (unsigned int i = 0; i < 100; i++) {
		if (atomic_load(page_reg(m, ami, RVR_READ_INDEX_TX)) == 16)
			break;
		sched_yield();
	}
	rvr_f_prof_table_flush_req_encode(msg, NULL, 0);
	assert_int_equal(command_wait(m, 0, msg), 0);
	assert_int_equal(WAIT(m, 0, f_ami_sw_disable, .ami_sw_id = ami), 0);
	assert_int_equal(WAIT(m, 0, pf_asn_destroy, .asn_id = ami), 0);
	assert_int_equal(WAIT(m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = ami), 0);
}

static void *
vf_thread(void *arg)
{
	struct mc *m = arg;

	for (unsigned int n = 0; !atomic_load(&stop); n++) {
		if (WAIT(m, 1, f_ami_sw_configure, .ami_sw_id = 0, .pasid = n & 0xfffff) != 0 ||
		    WAIT(m, 1, f_ami_sw_enable, .ami_sw_id = 0) != 0 ||
		    WAIT(m, 1, f_ami_sw_reset, .ami_sw_id = 0) != 0)
			abort();
	}
	return NULL;
}

/* What the machine around the device does to VF 2 meanwhile. */
static void *
bus_thread(void *arg)
{
	struct mc *m = arg;
	int null = open("/dev/null", O_WRONLY);
	static uint8_t extra[4096];

	while (!atomic_load(&stop)) {
		if (revere_emu_dma_map(m->emu, 2, 0x1000, extra, sizeof(extra), 3) != 0)
			abort();
		revere_emu_bus_master(m->emu, 2, true);
		revere_emu_mgt_write(m->emu, 2, RVR_MGT_WRITE_INDEX_TX, 8, 1);
		revere_emu_reset(m->emu, 2);
		revere_emu_dma_unmap(m->emu, 2, 0x1000, sizeof(extra));
		revere_emu_dump(m->emu, null);
	}
	close(null);
	return NULL;
}

static void
run(const char *key, const char *value)
{
	struct revere_emu_config config;
	pthread_t vf, bus;
	struct mc m;

	mc_config(&config);
	config.mode = REVERE_EMU_THREADED;
	config.workers = 2;
	config.num_ami_hw = 16;
	config.idle_us = 100;
	if (key != NULL)
		assert_int_equal(revere_emu_config_set(&config, key, value, NULL, 0), 0);
	mc_open(&m, &config);
	mc_set(&m, 0, RVR_MGT_TRACE_RX_CTRL, RVR_RX_OVERWRITE);
	mc_set(&m, 0, RVR_AMU_CR, 0x60003);
	mc_bring_up(&m, 1, 3);
	assert_int_equal(WAIT(&m, 0, pf_f_enable, .f_owner = 1), 0);
	assert_int_equal(WAIT(&m, 0, pf_f_enable, .f_owner = 2), 0);
	assert_int_equal(WAIT(&m, 0, pf_ami_sw_map, .phy_ami_sw_id = 7, .f_owner = 1), 0);
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&vf, NULL, vf_thread, &m), 0);
	assert_int_equal(pthread_create(&bus, NULL, bus_thread, &m), 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		pf_round(&m, i % 4, i % 2 == 1);
	atomic_store(&stop, true);
	pthread_join(vf, NULL);
	pthread_join(bus, NULL);
	mc_close(&m);
}

static void
test_threads(void **state)
{
	(void)state;
	run(NULL, NULL);
}

static void
test_threads_late(void **state)
{
	(void)state;
	run("faults.response_late_us", "20");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_threads_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
