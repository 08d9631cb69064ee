/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * A policy's lines of VFs: what each has, and which of its commands are decided on.
 *
 *	vf number=1 net=2 trap=all
 *	vf number=2-9 dma=1 trap=F-AMI-SW-CONFIGURE vectors=4 refuse=F-AMS-TRACE-CONFIGURE
 */

#include <string.h>

#include "policy.h"

/* A line, and for which VFs it is. */
struct line {
	uint32_t first, last;
	struct pfd_vf_rule rule;
};

static const struct pfd_vf_rule rule_preset = {
	.prio = 15,
	.vectors = UINT32_MAX,
	.pasid = true,
	.trap = UINT64_MAX,
};

#define BIT(opcode) (UINT64_C(1) << (opcode))

/* ---- Values --------------------------------------------------------------------------------- */

static int
read_range(const struct policy_reader *reader, char *text, struct line *line)
{
	char *last = strchr(text, '-');
	uint64_t from, to;

	if (last != NULL)
		*last++ = '\0';
	if (!policy_number(text, PFD_VFS - 1, &from) ||
		!policy_number(last == NULL ? text : last, PFD_VFS - 1, &to) || from == 0 ||
		from > to)
		return policy_wrong(reader, "number=%s%s%s: a VF from 1 to %d, or two of them with "
			"'-' between", text, last == NULL ? "" : "-", last == NULL ? "" : last,
			PFD_VFS - 1);
	line->first = (uint32_t)from;
	line->last = (uint32_t)to;
	return 0;
}

/* The opcode of a VF's command, 0: there is none of this name. */
static unsigned int
command_find(const char *name)
{
#define COMMAND_ROW(CMD, cmd, opcode, text) { opcode, text },
	static const struct {
		unsigned int opcode;
		const char *name;
	} commands[] = { RVR_COMMANDS(COMMAND_ROW) };
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0 && strncmp(name, "F-", 2) == 0)
			return commands[i].opcode;
	return 0;
}

static int
read_commands(const struct policy_reader *reader, const char *key, char *text, uint64_t *set)
{
	unsigned int opcode;
	char *name;

	*set = strcmp(text, "all") == 0 ? UINT64_MAX : 0;
	if (*set != 0 || strcmp(text, "none") == 0)
		return 0;
	while ((name = strsep(&text, ":")) != NULL) {
		opcode = command_find(name);
		if (opcode == 0)
			return policy_wrong(reader, "%s=%s: all, none, or commands of a VF such as "
				"F-AMI-SW-ENABLE with ':' between", key, name);
		*set |= BIT(opcode);
	}
	return 0;
}

static int
read_key(const struct policy_reader *reader, char *word, struct line *line)
{
	struct pfd_vf_rule *rule = &line->rule;
	const struct {
		const char *key;
		uint32_t *value, most;
	} keys[] = {
		{ "net", &rule->net, PFD_VF_CONTEXTS - 1 },
		{ "dma", &rule->dma, PFD_VF_CONTEXTS },
		{ "raw", &rule->raw, PFD_VF_CONTEXTS },
		{ "prio", &rule->prio, 15 },
		{ "vectors", &rule->vectors, RVR_VECTORS },
	};
	char *value = strchr(word, '=');
	uint64_t number;
	size_t i;

	if (value == NULL)
		return policy_wrong(reader, "'%s' is no key=value", word);
	*value++ = '\0';
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(word, keys[i].key) != 0)
			continue;
		if (!policy_number(value, keys[i].most, &number))
			return policy_wrong(reader, "%s=%s: 0 to %u are possible", word, value,
				keys[i].most);
		*keys[i].value = (uint32_t)number;
		return 0;
	}
	if (strcmp(word, "number") == 0)
		return read_range(reader, value, line);
	if (strcmp(word, "trap") == 0)
		return read_commands(reader, word, value, &rule->trap);
	if (strcmp(word, "refuse") == 0)
		return read_commands(reader, word, value, &rule->refuse);
	if (strcmp(word, "pasid") == 0)
		return policy_yes(reader, word, value, &rule->pasid);
	return policy_wrong(reader, "%s: there is no such key of a VF: number, net, dma, raw, "
		"prio, vectors, pasid, trap, refuse", word);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* What is to be altered or refused has to be seen. */
static void
rule_complete(struct pfd_vf_rule *rule)
{
	rule->trap |= rule->refuse;
	if (rule->vectors != UINT32_MAX)
		rule->trap |= BIT(RVR_F_AMI_SW_CONFIGURE);
	if (!rule->pasid)
		rule->trap |= BIT(RVR_F_PROBE) | BIT(RVR_F_AMI_SW_CONFIGURE) |
			BIT(RVR_F_AMI_HW_CONFIGURE);
}

static int
line_check(const struct policy_reader *reader, const struct line *line,
	const struct policy_vfs *vfs)
{
	const struct pfd_vf_rule *rule = &line->rule;
	uint32_t vf, contexts = (rule->net > 0) + rule->net + rule->dma + rule->raw;

	if (line->first == 0)
		return policy_wrong(reader, "number= is missing");
	if (contexts > PFD_VF_CONTEXTS)
		return policy_wrong(reader, "%u contexts of a VF, %d are possible", contexts,
			PFD_VF_CONTEXTS);
	for (vf = line->first; vf <= line->last; vf++)
		if (vfs->named[vf])
			return policy_wrong(reader, "VF %u has a line already", vf);
	return 0;
}

int
policy_vf_read(const struct policy_reader *reader, char *text, struct policy_vfs *vfs)
{
	struct line line = { .rule = rule_preset };
	uint32_t vf;
	char *word;
	int ret = 0;

	while (ret == 0 && (word = strsep(&text, " \t\r")) != NULL)
		if (*word != '\0')
			ret = read_key(reader, word, &line);
	if (ret == 0)
		ret = line_check(reader, &line, vfs);
	if (ret < 0)
		return ret;
	rule_complete(&line.rule);
	for (vf = line.first; vf <= line.last; vf++) {
		vfs->named[vf] = true;
		vfs->rules[vf] = line.rule;
	}
	return 0;
}
