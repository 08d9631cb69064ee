/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Settings of a device: one table of keys for defaults, text values, ranges and the sentences
 * that tell what is wrong.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"

enum config_kind {
	CONFIG_UINT, /* unsigned int */
	CONFIG_BOOL,
	CONFIG_MODE,
	CONFIG_AMI_TYPE,
	CONFIG_CPUS,
	CONFIG_AGENTS,
};

/* Bound of a value, and what a value of 0 stands for where the range starts above it. */
struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset;
	uint64_t min, max;
	uint64_t preset;
	bool automatic; /* 0: derived from others when the device is made */
};

#define CONFIG_AT(member) offsetof(struct revere_emu_config, member)
#define CONFIG_NUMBER(member, min, max, preset)                                                    \
	{#member, CONFIG_UINT, CONFIG_AT(member), min, max, preset, false}
#define CONFIG_AUTOMATIC(member, min, max)                                                         \
	{#member, CONFIG_UINT, CONFIG_AT(member), min, max, 0, true}
#define CONFIG_FAULT(member) CONFIG_NUMBER(faults.member, 0, UINT32_MAX, 0)

static const struct config_key config_keys[] = {
	{"mode", CONFIG_MODE, CONFIG_AT(mode), REVERE_EMU_THREADED, REVERE_EMU_INLINE,
	 REVERE_EMU_THREADED, false},
	{"ami_type", CONFIG_AMI_TYPE, CONFIG_AT(ami_type), RVR_AMI_TYPE_A1, RVR_AMI_TYPE_B,
	 RVR_AMI_TYPE_A1, false},
	CONFIG_NUMBER(num_ami_sw, 1, CONFIG_AMI_MAX, 64),
	CONFIG_AUTOMATIC(num_ami_hw, CONFIG_AMI_HW_MIN, CONFIG_AMI_MAX),
	{"agents", CONFIG_AGENTS, CONFIG_AT(agents), 0, 0, 0, false},
	CONFIG_NUMBER(num_ams, 1, RVR_AMS_MAX, 8),
	CONFIG_AUTOMATIC(num_asn, 1, CONFIG_ASN_MAX),
	CONFIG_NUMBER(min_log2_msg_length, 3, 8, 3),
	CONFIG_NUMBER(max_log2_msg_length, 3, 8, 8),
	CONFIG_NUMBER(max_log2_size, 0, 16, 16),
	CONFIG_NUMBER(num_vf, 0, 255, 0),
	CONFIG_NUMBER(msix_vectors, 1, RVR_VECTORS, RVR_VECTORS),
	CONFIG_NUMBER(workers, 1, REVERE_EMU_WORKERS_MAX, 1),
	{"worker_cpus", CONFIG_CPUS, CONFIG_AT(worker_cpus), 0, INT_MAX, 0, false},
	CONFIG_NUMBER(idle_us, 0, UINT32_MAX, 1000),
	{"asn_prof", CONFIG_BOOL, CONFIG_AT(asn_prof), 0, 1, 1, false},
	{"tracing", CONFIG_BOOL, CONFIG_AT(tracing), 0, 1, 1, false},
	CONFIG_NUMBER(arch_major, 0, 15, RVR_ARCH_MAJOR),
	CONFIG_FAULT(response_late_us),
	CONFIG_FAULT(response_lost),
	CONFIG_FAULT(response_wrong_op),
	CONFIG_FAULT(command_stuck),
	CONFIG_FAULT(answer_late_us),
	CONFIG_FAULT(answer_corrupt),
	CONFIG_FAULT(answer_lost),
	CONFIG_FAULT(index_wild),
	CONFIG_FAULT(dma_fault),
	CONFIG_FAULT(seed),
};

#define CONFIG_KEYS (sizeof(config_keys) / sizeof(config_keys[0]))

_Static_assert(sizeof(uint32_t) == sizeof(unsigned int), "faults are read as unsigned int");
_Static_assert(sizeof(enum revere_emu_mode) == sizeof(unsigned int), "mode is, too");

static const char *const config_ami_types[] = {
	[RVR_AMI_TYPE_A1] = "A1", [RVR_AMI_TYPE_A2] = "A2", [RVR_AMI_TYPE_B] = "B"};

static const char *const config_modes[] = {
	[REVERE_EMU_THREADED] = "threaded", [REVERE_EMU_INLINE] = "inline"};

static const char *const config_agents[] = {
	[REVERE_EMU_AGENT_NONE] = "none", [REVERE_EMU_AGENT_INVERSION] = "inversion",
	[REVERE_EMU_AGENT_RNA] = "rna", [REVERE_EMU_AGENT_DMA] = "dma"};

#define CONFIG_AGENT_KINDS (sizeof(config_agents) / sizeof(config_agents[0]))

/* Has several values. */
static bool
config_is_list(const struct config_key *key)
{
	return key->kind == CONFIG_CPUS || key->kind == CONFIG_AGENTS;
}

static void
config_store(struct revere_emu_config *config, const struct config_key *key, uint64_t value)
{
	uint8_t *at = (uint8_t *)config + key->offset;
	unsigned int number = (unsigned int)value;
	bool flag = value != 0;

	if (key->kind == CONFIG_BOOL)
		memcpy(at, &flag, sizeof(flag));
	else
		memcpy(at, &number, sizeof(number));
}

static uint64_t
config_load(const struct revere_emu_config *config, const struct config_key *key)
{
	const uint8_t *at = (const uint8_t *)config + key->offset;
	unsigned int number;
	bool flag;

	if (key->kind == CONFIG_BOOL) {
		memcpy(&flag, at, sizeof(flag));
		return flag;
	}
	memcpy(&number, at, sizeof(number));
	return number;
}

/* What a key takes, for a sentence. */
static void
config_allowed(const struct config_key *key, char *text, size_t size)
{
	switch (key->kind) {
	case CONFIG_BOOL:
		snprintf(text, size, "on or off");
		break;
	case CONFIG_MODE:
		snprintf(text, size, "threaded or inline");
		break;
	case CONFIG_AMI_TYPE:
		snprintf(text, size, "A1, A2 or B");
		break;
	case CONFIG_CPUS:
		snprintf(text, size, "up to %u CPU numbers, -1 for any, with : between them",
			 REVERE_EMU_WORKERS_MAX);
		break;
	case CONFIG_AGENTS:
		snprintf(text, size, "up to %u of inversion, rna, dma, each once, and none, with : "
			 "between them", REVERE_EMU_AGENTS_MAX);
		break;
	case CONFIG_UINT:
		snprintf(text, size, "%s%llu to %llu", key->automatic ? "0 (automatic) or " : "",
			 (unsigned long long)key->min, (unsigned long long)key->max);
		break;
	}
}

static int
config_refuse(const struct config_key *key, const char *value, char *error, size_t error_size)
{
	char allowed[96];

	config_allowed(key, allowed, sizeof(allowed));
	if (error != NULL)
		snprintf(error, error_size, "%s=%s: allowed is %s", key->name, value, allowed);
	return -EINVAL;
}

static bool
config_in_range(const struct config_key *key, uint64_t value)
{
	return (key->automatic && value == 0) || (value >= key->min && value <= key->max);
}

/* A number without sign, blanks or rest, decimal or 0x; strtoull() alone takes more. */
static bool
config_number(const char *text, uint64_t *value)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	return errno == 0 && *end == '\0';
}

/* Place of a word in a list, or a number. */
static bool
config_word(const char *text, const char *const *words, unsigned int count, uint64_t *value)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = i;
			return true;
		}
	}
	return false;
}

static bool
config_bool(const char *text, uint64_t *value)
{
	static const char *const words[] = {"0", "1",  "off",	"on",
					    "no", "yes", "false", "true"};

	if (!config_word(text, words, sizeof(words) / sizeof(words[0]), value))
		return false;
	*value &= 1;
	return true;
}

static bool
config_parse(const struct config_key *key, const char *text, uint64_t *value)
{
	switch (key->kind) {
	case CONFIG_BOOL:
		return config_bool(text, value);
	case CONFIG_MODE:
		return config_word(text, config_modes, 2, value);
	case CONFIG_AMI_TYPE:
		return config_word(text, config_ami_types, 3, value) || config_number(text, value);
	default:
		return config_number(text, value);
	}
}

static bool
config_cpus(struct revere_emu_config *config, const char *text)
{
	int cpus[REVERE_EMU_WORKERS_MAX];
	unsigned int count = 0;
	char *end;
	long cpu;

	do {
		if (count == REVERE_EMU_WORKERS_MAX ||
		    ((*text < '0' || *text > '9') && *text != '-'))
			return false;
		errno = 0;
		cpu = strtol(text, &end, 10);
		if (errno != 0 || end == text || cpu < -1 || cpu > INT_MAX ||
		    (*end != ':' && *end != '\0'))
			return false;
		cpus[count++] = (int)cpu;
		text = end + 1;
	} while (*end == ':');
	memcpy(config->worker_cpus, cpus, count * sizeof(cpus[0]));
	return true;
}

/* At least one agent, and no kind twice. */
static bool
config_agents_valid(const enum revere_emu_agent *agents)
{
	unsigned int i, count[CONFIG_AGENT_KINDS] = {0};

	for (i = 0; i < REVERE_EMU_AGENTS_MAX; i++) {
		if ((unsigned int)agents[i] >= CONFIG_AGENT_KINDS)
			return false;
		if (++count[agents[i]] > 1 && agents[i] != REVERE_EMU_AGENT_NONE)
			return false;
	}
	return count[REVERE_EMU_AGENT_NONE] < REVERE_EMU_AGENTS_MAX;
}

static bool
config_agents_set(struct revere_emu_config *config, const char *text)
{
	enum revere_emu_agent agents[REVERE_EMU_AGENTS_MAX] = {REVERE_EMU_AGENT_NONE};
	unsigned int count;
	uint64_t kind;
	char word[16];
	size_t length;

	for (count = 0; count < REVERE_EMU_AGENTS_MAX; count++) {
		length = strcspn(text, ":");
		if (length >= sizeof(word))
			return false;
		memcpy(word, text, length);
		word[length] = '\0';
		if (!config_word(word, config_agents, CONFIG_AGENT_KINDS, &kind))
			return false;
		agents[count] = (enum revere_emu_agent)kind;
		text += length;
		if (*text == '\0')
			break;
		text++;
	}
	if (count == REVERE_EMU_AGENTS_MAX || !config_agents_valid(agents))
		return false;
	memcpy(config->agents, agents, sizeof(agents));
	return true;
}

void
revere_emu_config_init(struct revere_emu_config *config)
{
	unsigned int i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < CONFIG_KEYS; i++) {
		if (!config_is_list(&config_keys[i]))
			config_store(config, &config_keys[i], config_keys[i].preset);
	}
	for (i = 0; i < REVERE_EMU_WORKERS_MAX; i++)
		config->worker_cpus[i] = -1;
	config_agents_set(config, "inversion:rna:none:dma");
	config->log_level = REVERE_EMU_LOG_DEBUG;
}

static const struct config_key *
config_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

/* "no such key", with all there are. */
static int
config_unknown(const char *name, char *error, size_t error_size)
{
	unsigned int i;
	size_t used;

	if (error == NULL || error_size == 0)
		return -ENOENT;
	used = (size_t)snprintf(error, error_size, "%s: no such setting; there are ", name);
	for (i = 0; i < CONFIG_KEYS && used < error_size; i++)
		used += (size_t)snprintf(error + used, error_size - used, "%s%s",
					 i == 0 ? "" : ", ", config_keys[i].name);
	return -ENOENT;
}

int
revere_emu_config_set(struct revere_emu_config *config, const char *key, const char *value,
		      char *error, size_t error_size)
{
	const struct config_key *k = config_find(key);
	uint64_t number;

	if (k == NULL)
		return config_unknown(key, error, error_size);
	if (config_is_list(k)) {
		if (k->kind == CONFIG_CPUS ? config_cpus(config, value) :
					     config_agents_set(config, value))
			return 0;
		return config_refuse(k, value, error, error_size);
	}
	if (!config_parse(k, value, &number) || !config_in_range(k, number))
		return config_refuse(k, value, error, error_size);
	config_store(config, k, number);
	return 0;
}

int
config_check(const struct revere_emu_config *config, char *error, size_t error_size)
{
	char value[24];
	unsigned int i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		if (config_is_list(&config_keys[i]) ||
		    config_in_range(&config_keys[i], config_load(config, &config_keys[i])))
			continue;
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)config_load(config, &config_keys[i]));
		return config_refuse(&config_keys[i], value, error, error_size);
	}
	if (!config_agents_valid(config->agents))
		return config_refuse(config_find("agents"), "numbers", error, error_size);
	if (config->min_log2_msg_length <= config->max_log2_msg_length)
		return 0;
	if (error != NULL)
		snprintf(error, error_size,
			 "min_log2_msg_length=%u: allowed is 3 to max_log2_msg_length, %u",
			 config->min_log2_msg_length, config->max_log2_msg_length);
	return -EINVAL;
}

void
config_resolve(struct revere_emu_config *config)
{
	if (config->num_ami_hw == 0)
		config->num_ami_hw = config->num_ami_sw > CONFIG_AMI_HW_MIN ? config->num_ami_sw :
									      CONFIG_AMI_HW_MIN;
	if (config->num_asn == 0)
		config->num_asn = 16 * config->num_ami_sw;
}

unsigned int
config_num_aha(const struct revere_emu_config *config)
{
	unsigned int count = REVERE_EMU_AGENTS_MAX;

	while (count > 0 && config->agents[count - 1] == REVERE_EMU_AGENT_NONE)
		count--;
	return count;
}

static void
config_agents_dump(const struct revere_emu_config *config, FILE *out)
{
	unsigned int i;

	for (i = 0; i < config_num_aha(config); i++)
		fprintf(out, "%s%s", i == 0 ? "agents=" : ":", config_agents[config->agents[i]]);
	fputc('\n', out);
}

void
config_dump(const struct revere_emu_config *config, FILE *out)
{
	unsigned int i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *key = &config_keys[i];
		uint64_t value = config_is_list(key) ? 0 : config_load(config, key);

		if (key->kind == CONFIG_MODE)
			fprintf(out, "%s=%s\n", key->name, config_modes[value]);
		else if (key->kind == CONFIG_AMI_TYPE)
			fprintf(out, "%s=%s\n", key->name, config_ami_types[value]);
		else if (key->kind == CONFIG_AGENTS)
			config_agents_dump(config, out);
		else if (key->kind != CONFIG_CPUS)
			fprintf(out, "%s=%llu\n", key->name, (unsigned long long)value);
	}
}
