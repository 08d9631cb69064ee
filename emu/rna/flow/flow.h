/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of the match/action pipeline. rvr_rna_flow.h says what it does; a packet goes
 *
 *   pipeline.c: key.c -> table.c (lookup) -> action.c (edit.c, meter.c) -> queue, port, default
 *
 * and requests control.c -> rule.c -> table.c. All on the agent's worker: there are no locks, and
 * nothing is allocated for a packet.
 */

#ifndef RNA_FLOW_H
#define RNA_FLOW_H

#include "../rna.h"
#include "rvr_rna_flow.h"

#define FLOW_MATCHERS_MAX 1024u	  /**< of a port */
#define FLOW_RULES_MAX (1u << 18) /**< of a port */
#define FLOW_COUNTERS_MAX (1u << 18)
#define FLOW_METERS_MAX 4096u
#define FLOW_GROUPS_MAX 65536u
#define FLOW_HASHES_MAX 256u /**< of a port; one takes 37 KiB */
#define FLOW_ACTIONS_SIZE 1024u
#define FLOW_JUMPS_MAX 16
#define FLOW_DEPTH_MAX 4 /**< pipelines that a packet goes through one out of another */
#define FLOW_HEADROOM 256
#define FLOW_SCRATCH_SIZE (FLOW_HEADROOM + RNA_FRAME_MAX)

/* ---- Tables ------------------------------------------------------------------------------- */

/** A rule; words of the key and then its actions, in the CPU's byte order, follow. */
struct flow_rule {
	struct flow_rule *next; /**< of the bucket */
	uint64_t *words;
	uint8_t *actions;
	uint32_t hash;
	uint32_t actions_size;
	struct flow_port *owner;
	struct flow_matcher *matcher;
	uint32_t id;
	uint32_t age;	     /**< seconds, 0: it doesn't */
	uint64_t last_hit;   /**< ns; with age */
	bool aged_told;
	uint32_t sample_count;
};

struct flow_matcher {
	/* Lookup. */
	uint32_t num_words;
	uint32_t bucket_mask;
	struct flow_rule **buckets;
	uint64_t seed;
	uint64_t mask[RVR_RNA_FLOW_WORDS]; /**< of the words below */
	uint8_t word[RVR_RNA_FLOW_WORDS];  /**< their numbers */

	uint32_t rules;
	uint32_t priority;
	struct flow_group *group;
};

/** Matchers of a group in the order in which they are looked at. */
struct flow_group {
	struct flow_domain *domain;
	struct flow_group *next; /**< of the domain */
	uint32_t id;
	uint32_t num_matchers;
	uint32_t room;
	struct flow_matcher **matcher;
};

struct flow_domain {
	struct flow_group *root; /**< group 0, NULL: no rules */
	struct flow_group *groups;
	uint32_t num_matchers;
};

/** Makes a matcher, of which mask and priority are to be known. NULL: no memory */
struct flow_matcher *flow_matcher_new(struct flow_domain *domain, uint32_t group,
	uint32_t priority, const struct rvr_rna_flow_key *mask);
/** It has no rules any more. */
void flow_matcher_delete(struct flow_matcher *matcher);
/** Hash of a rule's words. */
uint32_t flow_matcher_hash(const struct flow_matcher *matcher, const uint64_t *words);
/** The rule with these words, NULL: none. */
struct flow_rule *flow_matcher_find(const struct flow_matcher *matcher, const uint64_t *words);
/** Enters or takes out a rule; false: no memory */
bool flow_matcher_add(struct flow_matcher *matcher, struct flow_rule *rule);
void flow_matcher_remove(struct flow_matcher *matcher, struct flow_rule *rule);
struct flow_group *flow_group_find(const struct flow_domain *domain, uint32_t id);
/** The rule of a group for a packet, NULL: none. */
struct flow_rule *flow_lookup(const struct flow_group *group, const struct rvr_rna_flow_key *key);

/* ---- A port's part ------------------------------------------------------------------------ */

struct flow_counter {
	uint64_t packets, bytes;
	uint32_t users; /**< rules */
};

struct flow_meter {
	bool present;
	uint32_t flags, users;
	uint64_t cir, cbs, pir, ebs;
	uint64_t committed, excess; /**< tokens, in 1/2^16 */
	uint64_t time;		    /**< ns, when they were counted */
	struct {
		uint64_t packets, bytes;
	} color[3], dropped;
};

/** A hash function that RSS actions share; of rss no types but RVR_RNA_RSS_XOR, and no reta. */
struct flow_hash {
	struct flow_hash *next;
	uint32_t users;
	struct rna_rss rss;
};

/** Data of an RSS action, as it is kept. */
struct flow_rss {
	uint32_t types;
	uint16_t count;
	uint16_t key_size; /**< bytes; FLOW_RSS_HASHED: of the key's bytes the first are hash */
	struct flow_hash *hash;
};
#define FLOW_RSS_HASHED 0x8000u
_Static_assert(offsetof(struct flow_rss, hash) == sizeof(struct rvr_rna_flow_rss), "the same");

/** Queues of an RSS action. */
static inline const uint16_t *
flow_rss_queues(const struct flow_rss *rss)
{
	return (const void *)((const uint8_t *)rss + sizeof(struct rvr_rna_flow_rss) +
		(rss->key_size & ~FLOW_RSS_HASHED));
}

/** Rules of a port: port->flow. */
struct flow_port {
	struct rna_port *port;
	struct flow_domain domain[2]; /**< ingress, egress */
	struct flow_matcher **matchers;
	struct flow_rule **rules;
	struct flow_counter *counters;
	struct flow_meter *meters;
	struct flow_hash *hashes;
	uint32_t num_hashes;
	uint32_t num_rules;
	uint32_t rules_end; /**< highest number in use, plus 1 */
	bool isolated;
};

/** The adapter's part: rna->flow. */
struct rna_flow {
	struct flow_domain transfer;
	uint8_t *scratch; /**< FLOW_DEPTH_MAX * 2 packets that are changed */
	unsigned int scratch_used;
	unsigned int depth;
};

/* ---- A packet on its way ------------------------------------------------------------------ */

struct flow_packet {
	struct rna_port *port;
	const uint8_t *data;
	uint8_t *own; /**< the same, where it may be changed; else NULL */
	uint8_t *room; /**< begin of the memory that own lies in */
	uint32_t len;
	bool marked, flagged;
	bool stale; /**< key and parsed are of what the packet was before */
	uint8_t origin;
	uint32_t mark;
	struct rna_parsed parsed;
	struct rvr_rna_flow_key key;
};

/** Parses a packet: fills key and parsed. */
void flow_key(struct flow_packet *packet);
void flow_key_refresh(struct flow_packet *packet);

enum flow_verdict {
	FLOW_NEXT, /**< goes on as if there were no rules */
	FLOW_DONE, /**< went somewhere */
	FLOW_DROPPED, /**< a rule says so */
	FLOW_FAILED, /**< dropped, as what a rule says can't be done */
	FLOW_JUMPED,
};

/** Executes a rule's actions; with FLOW_JUMPED *group is set. */
enum flow_verdict flow_execute(struct flow_packet *packet, struct flow_rule *rule,
	const uint8_t *actions, uint32_t size, uint32_t *group);
/**
 * Makes the packet one that may be changed; false: there is no memory for that now. What is taken
 * is given back at the end of the pipeline.
 */
bool flow_own(struct flow_packet *packet);
/** One of the actions that change a packet; false: it can't be done. */
bool flow_edit(struct flow_packet *packet, uint32_t type, uint32_t arg, const uint8_t *data);
/** Whether a packet passes a meter. */
bool flow_meter_pass(struct flow_meter *meter, uint32_t len);
/** Adds the tokens of the time that passed; none is more than its bucket holds. */
void flow_meter_fill(struct flow_meter *meter);
/** Fills the buckets, as a new meter's are. */
void flow_meter_full(struct flow_meter *meter);
uint64_t flow_now(void);
/** Sends to a port of the adapter: WIRE or HOST. */
void flow_to_port(struct flow_packet *packet, struct rna_port *port, uint32_t where);
/** Delivers to a queue of the port; hash: valid with hashed. */
void flow_to_queue(struct flow_packet *packet, uint32_t queue, bool hashed, uint32_t hash);

/* ---- Requests ----------------------------------------------------------------------------- */

/** flow_port of a port, made if there is none; NULL: no memory */
struct flow_port *flow_port_get(struct rna_port *port);
/** Adds or takes away a rule. @return enum rvr_rna_flow_cause; *action: index of a refused one */
unsigned int flow_rule_add(struct flow_port *flow, uint32_t id, uint32_t matcher,
	const uint8_t *body, uint32_t size, uint32_t *action);
unsigned int flow_rule_del(struct flow_port *flow, uint32_t id);
/** A hash function by RVR_RNA_RSS_XOR in types, and by its key; NULL: no memory, or too many. */
struct flow_hash *flow_hash_get(struct flow_port *flow, uint32_t types, const uint8_t *key);
void flow_hash_put(struct flow_port *flow, struct flow_hash *hash);
/** Everything of a port goes. */
void flow_port_flush(struct flow_port *flow);

#endif /* RNA_FLOW_H */
