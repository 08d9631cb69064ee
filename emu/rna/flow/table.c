/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Tuple-space tables: rules of one shape (matcher) are in one hash table over the words of the key
 * that the shape looks at, so a lookup costs one probe a shape, not a rule.
 */

#include <sys/random.h>

#include "flow.h"

#define BUCKETS_MIN 16u
#define BUCKETS_MAX (1u << 17)

/* ---- Matchers ----------------------------------------------------------------------------- */

static inline uint64_t
hash_step(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static inline uint32_t
hash_end(uint64_t hash)
{
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

uint32_t
flow_matcher_hash(const struct flow_matcher *matcher, const uint64_t *words)
{
	uint64_t hash = matcher->seed;
	uint32_t i;

	for (i = 0; i < matcher->num_words; i++)
		hash = hash_step(hash, words[i]);
	return hash_end(hash);
}

static struct flow_rule *
bucket_find(const struct flow_matcher *matcher, uint32_t hash, const uint64_t *words)
{
	struct flow_rule *rule = matcher->buckets[hash & matcher->bucket_mask];

	for (; rule != NULL; rule = rule->next)
		if (rule->hash == hash &&
		    memcmp(rule->words, words, matcher->num_words * sizeof(words[0])) == 0)
			return rule;
	return NULL;
}

struct flow_rule *
flow_matcher_find(const struct flow_matcher *matcher, const uint64_t *words)
{
	return bucket_find(matcher, flow_matcher_hash(matcher, words), words);
}

/**
 * Few steps, so that moving the rules costs little each time: by far less than 100 us.
 */
static bool
matcher_grow(struct flow_matcher *matcher)
{
	uint32_t size = (matcher->bucket_mask + 1) * 16;
	struct flow_rule **buckets, *rule, *next;
	uint32_t i;

	if (size > BUCKETS_MAX || matcher->rules >= BUCKETS_MIN * 16 * 16)
		size = BUCKETS_MAX;
	buckets = calloc(size, sizeof(buckets[0]));
	if (buckets == NULL)
		return false;
	for (i = 0; i <= matcher->bucket_mask; i++) {
		for (rule = matcher->buckets[i]; rule != NULL; rule = next) {
			next = rule->next;
			rule->next = buckets[rule->hash & (size - 1)];
			buckets[rule->hash & (size - 1)] = rule;
		}
	}
	free(matcher->buckets);
	matcher->buckets = buckets;
	matcher->bucket_mask = size - 1;
	return true;
}

bool
flow_matcher_add(struct flow_matcher *matcher, struct flow_rule *rule)
{
	struct flow_rule **bucket;

	if (matcher->rules > matcher->bucket_mask && matcher->bucket_mask + 1 < BUCKETS_MAX &&
	    !matcher_grow(matcher))
		return false;
	rule->hash = flow_matcher_hash(matcher, rule->words);
	bucket = &matcher->buckets[rule->hash & matcher->bucket_mask];
	rule->matcher = matcher;
	rule->next = *bucket;
	*bucket = rule;
	matcher->rules++;
	return true;
}

void
flow_matcher_remove(struct flow_matcher *matcher, struct flow_rule *rule)
{
	struct flow_rule **at = &matcher->buckets[rule->hash & matcher->bucket_mask];

	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	matcher->rules--;
}

static void
matcher_words(struct flow_matcher *matcher, const struct rvr_rna_flow_key *mask)
{
	uint64_t words[RVR_RNA_FLOW_WORDS];
	uint32_t i;

	memcpy(words, mask, sizeof(words));
	for (i = 0; i < RVR_RNA_FLOW_WORDS; i++) {
		if (words[i] == 0)
			continue;
		matcher->word[matcher->num_words] = (uint8_t)i;
		matcher->mask[matcher->num_words++] = words[i];
	}
}

/* ---- Groups ------------------------------------------------------------------------------- */

struct flow_group *
flow_group_find(const struct flow_domain *domain, uint32_t id)
{
	struct flow_group *group = domain->groups;

	while (group != NULL && group->id != id)
		group = group->next;
	return group;
}

static struct flow_group *
group_get(struct flow_domain *domain, uint32_t id)
{
	struct flow_group *group = flow_group_find(domain, id);

	if (group != NULL)
		return group;
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->domain = domain;
	group->id = id;
	group->next = domain->groups;
	domain->groups = group;
	if (id == 0)
		domain->root = group;
	return group;
}

static void
group_put(struct flow_group *group)
{
	struct flow_group **at = &group->domain->groups;

	if (group->num_matchers > 0)
		return;
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	if (group->domain->root == group)
		group->domain->root = NULL;
	free(group->matcher);
	free(group);
}

/** Behind those of the same priority that are there. */
static bool
group_insert(struct flow_group *group, struct flow_matcher *matcher)
{
	uint32_t at = group->num_matchers;

	if (at == group->room) {
		uint32_t room = group->room == 0 ? 8 : group->room * 2;
		struct flow_matcher **more =
			realloc(group->matcher, room * sizeof(group->matcher[0]));

		if (more == NULL)
			return false;
		group->matcher = more;
		group->room = room;
	}
	for (; at > 0 && group->matcher[at - 1]->priority > matcher->priority; at--)
		group->matcher[at] = group->matcher[at - 1];
	group->matcher[at] = matcher;
	group->num_matchers++;
	group->domain->num_matchers++;
	matcher->group = group;
	return true;
}

static void
group_remove(struct flow_group *group, const struct flow_matcher *matcher)
{
	uint32_t i = 0;

	while (group->matcher[i] != matcher)
		i++;
	group->num_matchers--;
	group->domain->num_matchers--;
	for (; i < group->num_matchers; i++)
		group->matcher[i] = group->matcher[i + 1];
	group_put(group);
}

struct flow_matcher *
flow_matcher_new(struct flow_domain *domain, uint32_t group_id, uint32_t priority,
	const struct rvr_rna_flow_key *mask)
{
	struct flow_matcher *matcher = calloc(1, sizeof(*matcher));
	struct flow_group *group;

	if (matcher == NULL)
		return NULL;
	matcher->buckets = calloc(BUCKETS_MIN, sizeof(matcher->buckets[0]));
	matcher->bucket_mask = BUCKETS_MIN - 1;
	matcher->priority = priority;
	matcher_words(matcher, mask);
	/* Not to be foreseen by who sends packets. */
	if (getrandom(&matcher->seed, sizeof(matcher->seed), 0) < 0)
		matcher->seed = (uintptr_t)matcher;
	group = matcher->buckets == NULL ? NULL : group_get(domain, group_id);
	if (group != NULL && group_insert(group, matcher))
		return matcher;
	if (group != NULL)
		group_put(group);
	free(matcher->buckets);
	free(matcher);
	return NULL;
}

void
flow_matcher_delete(struct flow_matcher *matcher)
{
	group_remove(matcher->group, matcher);
	free(matcher->buckets);
	free(matcher);
}

/* ---- Lookup ------------------------------------------------------------------------------- */

struct flow_rule *
flow_lookup(const struct flow_group *group, const struct rvr_rna_flow_key *key)
{
	const uint8_t *all = (const uint8_t *)key;
	uint64_t words[RVR_RNA_FLOW_WORDS], word;
	uint32_t i, m;

	for (m = 0; m < group->num_matchers; m++) {
		const struct flow_matcher *matcher = group->matcher[m];
		uint64_t hash = matcher->seed;
		struct flow_rule *rule;

		for (i = 0; i < matcher->num_words; i++) {
			memcpy(&word, all + matcher->word[i] * sizeof(word), sizeof(word));
			words[i] = word & matcher->mask[i];
			hash = hash_step(hash, words[i]);
		}
		rule = bucket_find(matcher, hash_end(hash), words);
		if (rule != NULL)
			return rule;
	}
	return NULL;
}
