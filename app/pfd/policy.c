/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Who may have what: a file of lines. The first line that fits a user decides.
 *
 *	total contexts=64 sessions=256
 *	deny user=mallory
 *	allow group=dpdk agents=rna:dma contexts=8 prio=7
 *	allow user=* agents=dma contexts=2
 *	vf number=1-4 net=1 trap=all
 */

#include <ctype.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy.h"

#define RULES_MAX 256
#define TEXT_MAX (64u * 1024)

struct rule {
	bool allow;
	bool any, by_group;
	uint32_t id; /* of the user or the group */
	struct pfd_limits limits;
};

struct pfd_policy {
	struct pfd_limits total;
	struct policy_vfs vfs;
	unsigned int num;
	struct rule rules[RULES_MAX];
};

#define MAPS_MAX 16384u /* files that revere-emu has mapped */
#define UNSAID UINT32_MAX /* follows from contexts */

static const struct pfd_limits limits_preset = {
	.clients = 16,
	.contexts = 4,
	.agents_contexts = UNSAID,
	.sessions = UNSAID,
	.vectors = 16,
	.prio = 15,
	.memory = UINT64_C(1) << 34,
	.maps = 4096,
	.kinds = UINT64_MAX,
};

static const struct pfd_limits limits_most = {
	.clients = PFD_CLIENTS,
	.contexts = PFD_IDS,
	.agents_contexts = PFD_IDS,
	.sessions = PFD_IDS,
	.vectors = PFD_DEVICE_VECTORS - 1,
	.prio = 15,
	.memory = UINT64_MAX,
	.maps = MAPS_MAX,
	.kinds = UINT64_MAX,
};

int
policy_wrong(const struct policy_reader *reader, const char *format, ...)
{
	int used = snprintf(reader->error, reader->error_size, "%s:%u: ", reader->path,
		reader->line);
	va_list args;

	va_start(args, format);
	if (used >= 0 && (size_t)used < reader->error_size)
		vsnprintf(reader->error + used, reader->error_size - (size_t)used, format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- Values --------------------------------------------------------------------------------- */

bool
policy_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && *value <= most;
}

int
policy_yes(const struct policy_reader *reader, const char *key, const char *text, bool *value)
{
	*value = strcmp(text, "yes") == 0;
	return *value || strcmp(text, "no") == 0 ? 0 :
		policy_wrong(reader, "%s=%s: yes or no", key, text);
}

static int
read_agents(const struct policy_reader *reader, char *text, struct pfd_limits *limits)
{
	static const struct {
		const char *name;
		unsigned int kind;
	} kinds[] = {
		{ "inversion", RVR_AHA_INVERSION },
		{ "rna", RVR_AHA_RNA },
		{ "crypto", RVR_AHA_CRYPTO },
		{ "dma", RVR_AHA_DMA },
	};
	char *name, *rest = text;
	uint64_t kind;
	size_t i;

	limits->kinds = 0;
	while ((name = strsep(&rest, ":")) != NULL) {
		kind = strcmp(name, "any") == 0 ? UINT64_MAX : 0;
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (strcmp(name, kinds[i].name) == 0)
				kind = UINT64_C(1) << kinds[i].kind;
		limits->kinds |= kind;
		if (kind == 0)
			return policy_wrong(reader, "agents=%s: inversion, rna, crypto, dma or "
				"any, with ':' between them", name);
	}
	return 0;
}

static int
read_limit(const struct policy_reader *reader, const char *key, const char *value,
	struct pfd_limits *limits)
{
	struct {
		const char *key;
		uint32_t *limit;
		uint32_t most;
	} keys[] = {
		{ "clients", &limits->clients, PFD_CLIENTS },
		{ "contexts", &limits->contexts, PFD_IDS },
		{ "agent_contexts", &limits->agents_contexts, PFD_IDS },
		{ "sessions", &limits->sessions, PFD_IDS },
		{ "vectors", &limits->vectors, PFD_DEVICE_VECTORS - 1 },
		{ "prio", &limits->prio, 15 },
		{ "maps", &limits->maps, MAPS_MAX },
	};
	uint64_t number;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) != 0)
			continue;
		if (!policy_number(value, keys[i].most, &number))
			return policy_wrong(reader, "%s=%s: 0 to %u are possible", key, value,
				keys[i].most);
		*keys[i].limit = (uint32_t)number;
		return 0;
	}
	if (strcmp(key, "memory") == 0) {
		if (!policy_number(value, UINT64_C(1) << 40, &number))
			return policy_wrong(reader, "memory=%s: MiB are needed", value);
		limits->memory = number << 20;
		return 0;
	}
	return policy_wrong(reader, "%s: there is no such key: clients, contexts, agent_contexts, "
		"sessions, vectors, prio, memory, maps; user, group, agents, trusted of allow",
		key);
}

static int
read_user(const struct policy_reader *reader, const char *value, struct rule *rule)
{
	const struct passwd *user;
	uint64_t number;

	if (strcmp(value, "*") == 0) {
		rule->any = true;
		return 0;
	}
	if (policy_number(value, UINT32_MAX, &number)) {
		rule->id = (uint32_t)number;
		return 0;
	}
	user = getpwnam(value);
	if (user == NULL)
		return policy_wrong(reader, "user=%s: there is no such user", value);
	rule->id = user->pw_uid;
	return 0;
}

static int
read_group(const struct policy_reader *reader, const char *value, struct rule *rule)
{
	const struct group *group;
	uint64_t number;

	rule->by_group = true;
	if (policy_number(value, UINT32_MAX, &number)) {
		rule->id = (uint32_t)number;
		return 0;
	}
	group = getgrnam(value);
	if (group == NULL)
		return policy_wrong(reader, "group=%s: there is no such group", value);
	rule->id = group->gr_gid;
	return 0;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static int
read_key(const struct policy_reader *reader, char *word, struct rule *rule, bool *named)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		return policy_wrong(reader, "'%s' is no key=value", word);
	*value++ = '\0';
	if (strcmp(word, "user") == 0 || strcmp(word, "group") == 0) {
		if (*named)
			return policy_wrong(reader, "%s=%s: a line has one user or group", word,
				value);
		*named = true;
		return word[0] == 'u' ? read_user(reader, value, rule) :
			read_group(reader, value, rule);
	}
	if (strcmp(word, "agents") == 0)
		return read_agents(reader, value, &rule->limits);
	if (strcmp(word, "trusted") == 0)
		return policy_yes(reader, word, value, &rule->limits.trusted);
	return read_limit(reader, word, value, &rule->limits);
}

/* What wasn't said follows from what was: enough for each class of drivers. */
static void
rule_complete(struct rule *rule)
{
	struct pfd_limits *limits = &rule->limits;

	if (limits->agents_contexts == UNSAID)
		limits->agents_contexts = 2 * limits->contexts;
	if (limits->sessions == UNSAID)
		limits->sessions = 8 * limits->contexts;
}

static int
read_line(const struct policy_reader *reader, char *line, struct pfd_policy *policy)
{
	struct rule rule = { .limits = limits_preset };
	char *word, *rest = line;
	bool total = false, named = false, first = true;
	int ret = 0;

	rest += strspn(rest, " \t\r");
	if (strncmp(rest, "vf", 2) == 0 && strchr(" \t\r", rest[2]) != NULL)
		return policy_vf_read(reader, rest + 2, &policy->vfs);
	while (ret == 0 && (word = strsep(&rest, " \t\r")) != NULL) {
		if (*word == '\0')
			continue;
		if (!first) {
			ret = read_key(reader, word, &rule, &named);
			continue;
		}
		first = false;
		total = strcmp(word, "total") == 0;
		rule.allow = strcmp(word, "allow") == 0;
		if (total)
			rule.limits = policy->total;
		else if (!rule.allow && strcmp(word, "deny") != 0)
			ret = policy_wrong(reader, "'%s': a line begins with allow, deny, total or "
				"vf", word);
	}
	if (ret < 0 || first)
		return ret;
	if (total == named)
		return policy_wrong(reader, total ? "total has no user or group" :
			"user= or group= is missing");
	if (total && rule.limits.trusted)
		return policy_wrong(reader, "total has no trusted, lines of allow do");
	if (total) {
		policy->total = rule.limits;
		return 0;
	}
	if (policy->num == RULES_MAX)
		return policy_wrong(reader, "more than %d lines", RULES_MAX);
	rule_complete(&rule);
	policy->rules[policy->num++] = rule;
	return 0;
}

struct pfd_policy *
pfd_policy_parse(const char *text, const char *path, char *error, size_t size)
{
	struct policy_reader reader = { .path = path, .error = error, .error_size = size };
	struct pfd_policy *policy = calloc(1, sizeof(*policy));
	char *copy = strdup(text), *rest = copy, *line;
	int ret = 0;

	if (policy == NULL || copy == NULL)
		ret = policy_wrong(&reader, "no memory");
	else
		policy->total = limits_most;
	while (ret == 0 && (line = strsep(&rest, "\n")) != NULL) {
		reader.line++;
		line[strcspn(line, "#")] = '\0';
		ret = read_line(&reader, line, policy);
	}
	free(copy);
	if (ret == 0)
		return policy;
	free(policy);
	return NULL;
}

struct pfd_policy *
pfd_policy_read(const char *path, char *error, size_t size)
{
	struct pfd_policy *policy = NULL;
	FILE *file = fopen(path, "re");
	char *text = malloc(TEXT_MAX);
	size_t used;

	if (file == NULL || text == NULL) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
	} else {
		used = fread(text, 1, TEXT_MAX, file);
		if (ferror(file) || used == TEXT_MAX) {
			snprintf(error, size, "%s: can't be read, or has %u bytes and more", path,
				TEXT_MAX);
		} else {
			text[used] = '\0';
			policy = pfd_policy_parse(text, path, error, size);
		}
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return policy;
}

void
pfd_policy_free(struct pfd_policy *policy)
{
	free(policy);
}

/* ---- Looking up ----------------------------------------------------------------------------- */

static bool
fits(const struct rule *rule, const struct pfd_peer *peer)
{
	unsigned int i;

	if (rule->any)
		return true;
	if (!rule->by_group)
		return peer->uid == rule->id;
	for (i = 0; i < peer->num_gids; i++)
		if (peer->gids[i] == rule->id)
			return true;
	return false;
}

const struct pfd_limits *
pfd_policy_find(const struct pfd_policy *policy, const struct pfd_peer *peer)
{
	unsigned int i;

	for (i = 0; i < policy->num; i++)
		if (fits(&policy->rules[i], peer))
			return policy->rules[i].allow ? &policy->rules[i].limits : NULL;
	return NULL;
}

const struct pfd_vf_rule *
pfd_policy_vf(const struct pfd_policy *policy, unsigned int vf)
{
	return vf < PFD_VFS && policy->vfs.named[vf] ? &policy->vfs.rules[vf] : NULL;
}

const struct pfd_limits *
pfd_policy_total(const struct pfd_policy *policy)
{
	return &policy->total;
}
