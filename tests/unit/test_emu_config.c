/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Settings of the emulated device: each key, its range, the sentences about what is wrong; and
 * what becomes of a device made with them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "emu_mgt.h"

static int
set(struct revere_emu_config *config, const char *key, const char *value, char *error)
{
	error[0] = '\0';
	return revere_emu_config_set(config, key, value, error, 256);
}

static void
test_defaults(void **state)
{
	struct revere_emu_config config;

	(void)state;
	revere_emu_config_init(&config);
	assert_int_equal(config.mode, REVERE_EMU_THREADED);
	assert_int_equal(config.num_ami_sw, 64);
	assert_int_equal(config.num_ams, 8);
	assert_int_equal(config.max_log2_msg_length, 8);
	assert_int_equal(config.max_log2_size, 16);
	assert_int_equal(config.msix_vectors, 2048);
	assert_int_equal(config.arch_major, 3);
	assert_int_equal(config.worker_cpus[0], -1);
	assert_int_equal(config.worker_cpus[REVERE_EMU_WORKERS_MAX - 1], -1);
	assert_true(config.asn_prof);
	assert_true(config.tracing);
	assert_null(config.log);
	assert_int_equal(config.log_level, REVERE_EMU_LOG_DEBUG);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *key;
		uint32_t min, max;
		size_t offset;
		bool automatic;
	} keys[] = {
#define KEY(member, min, max, automatic)                                                           \
	{#member, min, max, offsetof(struct revere_emu_config, member), automatic}
		KEY(num_ami_sw, 1, 4096, false),
		KEY(num_ami_hw, 16, 4096, true),
		KEY(num_ams, 1, 64, false),
		KEY(num_asn, 1, 1u << 20, true),
		KEY(min_log2_msg_length, 3, 8, false),
		KEY(max_log2_msg_length, 3, 8, false),
		KEY(max_log2_size, 0, 16, false),
		KEY(num_vf, 0, 255, false),
		KEY(msix_vectors, 1, 2048, false),
		KEY(workers, 1, REVERE_EMU_WORKERS_MAX, false),
		KEY(idle_us, 0, UINT32_MAX, false),
		KEY(arch_major, 0, 15, false),
		KEY(faults.response_late_us, 0, UINT32_MAX, false),
		KEY(faults.response_lost, 0, UINT32_MAX, false),
		KEY(faults.response_wrong_op, 0, UINT32_MAX, false),
		KEY(faults.command_stuck, 0, UINT32_MAX, false),
		KEY(faults.answer_late_us, 0, UINT32_MAX, false),
		KEY(faults.answer_corrupt, 0, UINT32_MAX, false),
		KEY(faults.answer_lost, 0, UINT32_MAX, false),
		KEY(faults.index_wild, 0, UINT32_MAX, false),
		KEY(faults.dma_fault, 0, UINT32_MAX, false),
		KEY(faults.seed, 0, UINT32_MAX, false),
	};
	struct revere_emu_config config;
	char value[32], error[256];
	uint32_t got;

	(void)state;
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		revere_emu_config_init(&config);
		for (unsigned int k = 0; k < 2; k++) {
			snprintf(value, sizeof(value), "%u", k == 0 ? keys[i].min : keys[i].max);
			assert_int_equal(set(&config, keys[i].key, value, error), 0);
			memcpy(&got, (uint8_t *)&config + keys[i].offset, sizeof(got));
			assert_int_equal(got, k == 0 ? keys[i].min : keys[i].max);
		}
		snprintf(value, sizeof(value), "%llu", keys[i].max + 1ull);
		assert_int_equal(set(&config, keys[i].key, value, error), -EINVAL);
		assert_non_null(strstr(error, keys[i].key));
		assert_non_null(strstr(error, value));
		snprintf(value, sizeof(value), "%u", keys[i].max);
		assert_non_null(strstr(error, value));
		if (keys[i].min == 0)
			continue;
		snprintf(value, sizeof(value), "%u", keys[i].min - 1);
		if (!keys[i].automatic || keys[i].min > 1)
			assert_int_equal(set(&config, keys[i].key, value, error), -EINVAL);
		/* Refused values change nothing. */
		memcpy(&got, (uint8_t *)&config + keys[i].offset, sizeof(got));
		assert_int_equal(got, keys[i].max);
		assert_int_equal(set(&config, keys[i].key, "0", error),
				 keys[i].automatic ? 0 : -EINVAL);
	}
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "1x", "0x", "0xg", "one",
					  "99999999999999999999999", "1.5", "-0"};
	struct revere_emu_config config;
	char error[256];

	(void)state;
	revere_emu_config_init(&config);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set(&config, "num_ami_sw", bad[i], error), -EINVAL);
	assert_int_equal(config.num_ami_sw, 64);
	assert_int_equal(set(&config, "num_ami_sw", "0x100", error), 0);
	assert_int_equal(config.num_ami_sw, 256);
	assert_int_equal(set(&config, "num_amis", "1", error), -ENOENT);
	assert_non_null(strstr(error, "num_amis"));
	assert_non_null(strstr(error, "num_ami_sw"));
	assert_int_equal(revere_emu_config_set(&config, "num_amis", "1", NULL, 0), -ENOENT);
	assert_int_equal(revere_emu_config_set(&config, "num_ams", "0", NULL, 0), -EINVAL);
	assert_int_equal(set(&config, "log", "1", error), -ENOENT);
	/* A short buffer gets the sentence's start. */
	assert_int_equal(revere_emu_config_set(&config, "x", "1", error, 8), -ENOENT);
	assert_string_equal(error, "x: no s");
}

static void
test_words(void **state)
{
	static const char *const on[] = {"1", "on", "yes", "true", "ON"};
	static const char *const off[] = {"0", "off", "no", "false"};
	struct revere_emu_config config;
	char error[256];

	(void)state;
	revere_emu_config_init(&config);
	assert_int_equal(set(&config, "mode", "inline", error), 0);
	assert_int_equal(config.mode, REVERE_EMU_INLINE);
	assert_int_equal(set(&config, "mode", "threaded", error), 0);
	assert_int_equal(config.mode, REVERE_EMU_THREADED);
	assert_int_equal(set(&config, "mode", "fast", error), -EINVAL);
	assert_string_equal(error, "mode=fast: allowed is threaded or inline");
	assert_int_equal(set(&config, "ami_type", "B", error), 0);
	assert_int_equal(config.ami_type, RVR_AMI_TYPE_B);
	assert_int_equal(set(&config, "ami_type", "a2", error), 0);
	assert_int_equal(config.ami_type, RVR_AMI_TYPE_A2);
	assert_int_equal(set(&config, "ami_type", "0", error), 0);
	assert_int_equal(config.ami_type, RVR_AMI_TYPE_A1);
	assert_int_equal(set(&config, "ami_type", "3", error), -EINVAL);
	assert_int_equal(set(&config, "ami_type", "C", error), -EINVAL);
	for (unsigned int i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		config.tracing = false;
		assert_int_equal(set(&config, "tracing", on[i], error), 0);
		assert_true(config.tracing);
	}
	for (unsigned int i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		config.asn_prof = true;
		assert_int_equal(set(&config, "asn_prof", off[i], error), 0);
		assert_false(config.asn_prof);
	}
	assert_int_equal(set(&config, "asn_prof", "2", error), -EINVAL);
	assert_non_null(strstr(error, "on or off"));
}

static void
test_cpus(void **state)
{
	static const char *const bad[] = {
		"",   ":",   "1:",   ":1", "a",		  "1:a",
		"-2", "1,2", "1 :2", "+1", "99999999999",
		"0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16",
	};
	struct revere_emu_config config;
	char error[256];

	(void)state;
	revere_emu_config_init(&config);
	assert_int_equal(set(&config, "worker_cpus", "1:-1:3", error), 0);
	assert_int_equal(config.worker_cpus[0], 1);
	assert_int_equal(config.worker_cpus[1], -1);
	assert_int_equal(config.worker_cpus[2], 3);
	assert_int_equal(config.worker_cpus[3], -1);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(set(&config, "worker_cpus", bad[i], error), -EINVAL);
		assert_non_null(strstr(error, "worker_cpus"));
	}
	assert_int_equal(config.worker_cpus[0], 1);
	assert_int_equal(
		set(&config, "worker_cpus", "0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15", error), 0);
	assert_int_equal(config.worker_cpus[15], 15);
}

/** AHA_IDs and what answers there, for PF-PROBE and PROBE-AHA. */
static void
test_agents(void **state)
{
	static const char *const good[] = {
		"inversion:rna:none:dma", "dma", "none:dma:inversion",
		"rna:none:none:none:none:none:none:none",
	};
	static const char *const bad[] = {
		"", ":", "none", "none:none", "dma:", ":dma", "dma:dma", "rna:dma:rna", "nic",
		"inversion:rna:dma:none:none:none:none:none:none", "a-name-that-is-far-too-long",
	};
	struct revere_emu_config config;
	struct revere_emu *emu;
	char error[256];
	unsigned int i;

	(void)state;
	revere_emu_config_init(&config);
	assert_int_equal(config.agents[3], REVERE_EMU_AGENT_DMA);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(set(&config, "agents", bad[i], error), -EINVAL);
		assert_non_null(strstr(error, "agents"));
	}
	assert_int_equal(config.agents[1], REVERE_EMU_AGENT_RNA);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(set(&config, "agents", good[i], error), 0);
	assert_int_equal(config.agents[0], REVERE_EMU_AGENT_RNA);
	assert_int_equal(config.agents[1], REVERE_EMU_AGENT_NONE);

	assert_int_equal(set(&config, "agents", "none:dma", error), 0);
	assert_int_equal(set(&config, "mode", "inline", error), 0);
	emu = revere_emu_create("agents", &config, error, sizeof(error));
	assert_non_null(emu);
	assert_int_equal(revere_emu_port_add(emu, "loop", NULL, error, sizeof(error)), -ENODEV);
	revere_emu_destroy(emu);
	config.agents[0] = REVERE_EMU_AGENT_DMA;
	assert_null(revere_emu_create("agents", &config, error, sizeof(error)));
	assert_non_null(strstr(error, "agents"));
}

static void
refused(const struct revere_emu_config *config, const char *name, const char *what)
{
	char error[256] = "";

	assert_null(revere_emu_create(name, config, error, sizeof(error)));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(error, what));
	assert_null(revere_emu_create(name, config, NULL, 0));
}

static void
test_create_refuses(void **state)
{
	struct revere_emu_config config;
	char name[REVERE_EMU_NAME_MAX + 1];

	(void)state;
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refused(&config, name, "name");
	refused(&config, "", "name");
	config.num_ami_sw = 4097;
	refused(&config, "x", "num_ami_sw=4097");
	config.num_ami_sw = 1;
	config.min_log2_msg_length = 6;
	config.max_log2_msg_length = 5;
	refused(&config, "x", "min_log2_msg_length=6");
	config.max_log2_msg_length = 8;
	config.faults.dma_fault = 1;
	config.mode = (enum revere_emu_mode)2;
	refused(&config, "x", "mode=2");
}

/* Automatic sizes, and largest ones: 4,096 contexts, 64 sockets, 255 VFs whose pages are lazy. */
static void
test_create_sizes(void **state)
{
	struct revere_emu_config config;
	struct revere_emu *emu;
	uint64_t size = 0;
	char error[256] = "";

	(void)state;
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	config.num_ami_sw = 1;
	emu = revere_emu_create("small", &config, NULL, 0);
	assert_non_null(emu);
	assert_int_equal(revere_emu_config_get(emu)->num_ami_hw, 16);
	assert_int_equal(revere_emu_config_get(emu)->num_asn, 16);
	assert_true(revere_emu_pages_fd(emu, 0, &size) >= 0);
	assert_int_equal(size, 0x10000);
	assert_true(revere_emu_pages_fd(emu, 1, NULL) < 0);
	assert_null(revere_emu_pages(emu, 1));
	revere_emu_destroy(emu);
	config.num_ami_sw = 4096;
	config.num_vf = 255;
	emu = revere_emu_create("large", &config, error, sizeof(error));
	assert_string_equal(error, "");
	assert_int_equal(revere_emu_config_get(emu)->num_ami_hw, 4096);
	assert_int_equal(revere_emu_config_get(emu)->num_asn, 65536);
	assert_non_null(revere_emu_pages(emu, 255));
	revere_emu_destroy(emu);
	revere_emu_destroy(NULL);
}

/* What a user of the file sees is what the device sees, where BAR0 has it. */
static void
test_pages(void **state)
{
	struct revere_emu_config config;
	struct mc m;
	uint8_t byte = 0;
	uint8_t *pages;
	int fd;

	(void)state;
	mc_config(&config);
	mc_open(&m, &config);
	pages = revere_emu_pages(m.emu, 2);
	assert_non_null(pages);
	assert_ptr_equal(pages, revere_emu_pages(m.emu, 2));
	assert_ptr_not_equal(pages, revere_emu_pages(m.emu, 1));
	fd = revere_emu_pages_fd(m.emu, 2, NULL);
	pages[3 * 0x10000 + 0x600] = 0x5a;
	assert_int_equal(pread(fd, &byte, 1, REVERE_EMU_PAGES_OFFSET + 3 * 0x10000 + 0x600), 1);
	assert_int_equal(byte, 0x5a);
	assert_int_equal(ftruncate(fd, 0), -1);
	/* Unmapping an AMI takes away what its user left. */
	MC_OK(&m, 0, pf_ami_sw_map, .phy_ami_sw_id = 0, .ami_sw_id = 3, .f_owner = 2);
	assert_int_equal(pages[3 * 0x10000 + 0x600], 0x5a);
	pages[4 * 0x10000] = 1;
	MC_OK(&m, 0, pf_ami_sw_unmap, .phy_ami_sw_id = 0);
	assert_int_equal(pages[3 * 0x10000 + 0x600], 0);
	assert_int_equal(pages[4 * 0x10000], 1);
	mc_close(&m);
}

struct log {
	unsigned int lines;
	enum revere_emu_log_level level;
	char line[512];
};

static void
log_keep(void *arg, enum revere_emu_log_level level, const char *line)
{
	struct log *log = arg;

	log->lines++;
	log->level = level;
	snprintf(log->line, sizeof(log->line), "%s", line);
}

static void
test_log(void **state)
{
	struct revere_emu_config config;
	struct log log = {0};
	struct mc m;

	(void)state;
	mc_config(&config);
	config.log = log_keep;
	config.log_arg = &log;
	mc_open(&m, &config);
	log.lines = 0;
	revere_emu_bus_master(m.emu, 9, true);
	assert_int_equal(log.lines, 1);
	assert_int_equal(log.level, REVERE_EMU_LOG_WARNING);
	assert_non_null(strstr(log.line, "function 9"));
	assert_int_equal(revere_emu_reset(m.emu, 9), -EINVAL);
	assert_int_equal(revere_emu_dma_map(m.emu, 9, 0, m.mem, 1, 3), -EINVAL);
	assert_int_equal(revere_emu_dma_unmap(m.emu, 9, 0, 1), 0);
	assert_int_equal(revere_emu_sva(m.emu, 9, true), -EINVAL);
	assert_int_equal(revere_emu_irq_set(m.emu, 0, 16, 0), -EINVAL);
	assert_int_equal(revere_emu_irq_set(m.emu, 0, 15, -1), 0);
	mc_close(&m);

	/* Less weight than asked for: not even written. */
	config.log_level = REVERE_EMU_LOG_ERR;
	mc_open(&m, &config);
	log.lines = 0;
	revere_emu_bus_master(m.emu, 9, true);
	assert_int_equal(log.lines, 0);
	mc_close(&m);
}

static void
test_dump(void **state)
{
	struct revere_emu_config config;
	char text[16384];
	int pipe_fds[2];
	struct mc m;
	ssize_t size;

	(void)state;
	mc_config(&config);
	mc_open(&m, &config);
	MC_OK(&m, 0, pf_ami_sw_map, .phy_ami_sw_id = 5, .ami_sw_id = 2, .f_owner = 0);
	MC_OK(&m, 0, f_ams_ring_configure, .ami_sw_id = 2, .ams_id = 1, .ams_type = RVR_AMS_TX,
	      .ring_base = 0x123000, .log2_size = 4);
	MC_OK(&m, 0, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = 7, .ami_hw_id = 1);
	MC_OK(&m, 0, pf_asn_create, .asn_id = 9, .src_phy_ami_id = 5, .src_ams = 1,
	      .dst_ami_type = RVR_END_AMI_HW, .dst_aha_id = 3, .dst_phy_ami_id = 7,
	      .log2_msg_length = 3);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(revere_emu_dump(m.emu, pipe_fds[1]), 0);
	size = read(pipe_fds[0], text, sizeof(text) - 1);
	assert_true(size > 0);
	text[size] = '\0';
	assert_non_null(strstr(text, "device test: running"));
	assert_non_null(strstr(text, "num_ami_sw=8"));
	assert_non_null(strstr(text, "AMU_CR"));
	assert_non_null(strstr(text, "AMI-SW 5: 2 of function 0, disabled"));
	assert_non_null(strstr(text, "TX 1: ring 0x123000, 2^4 slots"));
	assert_non_null(strstr(text, "AMI-HW 7: 1 of function 0"));
	assert_non_null(strstr(text, "ASN 9: AMI 5 TX 1 -> AHA 3 AMI 7 RX 0"));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_int_equal(revere_emu_dump(m.emu, -1), -EBADF);
	mc_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_agents),
		cmocka_unit_test(test_create_refuses),
		cmocka_unit_test(test_create_sizes),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
