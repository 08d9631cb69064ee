/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * rte_flow on the agent's match/action pipeline: what the files revere_flow*.c and revere_mtr.c
 * share. A pattern becomes mask and value over the flow key, actions become the agent's list;
 * flows whose masks are the same share a matcher, so the agent finds them in one step.
 */

#ifndef REVERE_FLOW_H
#define REVERE_FLOW_H

#include <sys/queue.h>

#include <rte_flow.h>
#include <rte_flow_driver.h>
#include <rte_mtr.h>
#include <rte_mtr_driver.h>

#include "revere_net.h"
#include "rvr_rna_flow.h"

#define REVERE_FLOW_ACTIONS_SIZE 1024
#define REVERE_FLOW_ACTIONS_MAX 64
#define REVERE_FLOW_RANGES_MAX 4
#define REVERE_FLOW_RULES_MAX 256 /* of the agent, that one flow with ranges may become */
#define REVERE_FLOW_NONE UINT32_MAX
#define REVERE_FLOW_PRINT_BUCKETS (1u << 17)

/** A field of the key that is to lie between two values. */
struct revere_flow_range {
	uint8_t offset, size;
	uint32_t first, last;
};

/** A translated pattern. */
struct revere_flow_pattern {
	struct rvr_rna_flow_key mask, value;
	struct revere_flow_range range[REVERE_FLOW_RANGES_MAX];
	unsigned int ranges;
};

/** Translated actions. */
struct revere_flow_actions {
	uint8_t list[REVERE_FLOW_ACTIONS_SIZE];
	uint32_t size;
	const struct rte_flow_action *origin[REVERE_FLOW_ACTIONS_MAX]; /**< by index in the list */
	unsigned int count;
	bool counts;	   /**< there is a COUNT: there can't be another */
	bool own_counter;  /**< that goes with the flow */
	struct rte_flow_action_handle *handle; /**< whose counter it is otherwise */
	bool age;
	void *age_context; /**< NULL: the flow itself */
	bool marks;
};

/** A translated flow. */
struct revere_flow_translated {
	uint32_t domain;
	const struct rte_flow_attr *attr;
	struct revere_flow_pattern pattern;
	struct revere_flow_actions actions;
	uint32_t rules; /**< of the agent, that it takes */
};

/** A flow: one rule of the agent, or several where there are ranges. */
struct rte_flow {
	TAILQ_ENTRY(rte_flow) next, next_aged;
	uint32_t counter; /**< that COUNT uses, or NONE */
	bool own_counter, age, aged;
	struct rte_flow_action_handle *handle; /**< whose counter it is, or NULL */
	void *age_context;
	uint32_t young; /**< of the rules below the one that hadn't aged when they were looked at */
	uint32_t count;
	struct {
		uint32_t rule;
		uint32_t matcher;
	} rules[];
};
TAILQ_HEAD(revere_flow_list, rte_flow);

/** A matcher that the agent has. */
struct revere_flow_matcher {
	uint32_t users;
	uint32_t domain, group, priority;
	struct rvr_rna_flow_key mask;
};

/** Numbers that the driver picks. */
struct revere_flow_ids {
	uint32_t *free;
	uint32_t free_count;
	uint32_t next, max;
};

/** What tells rules apart; two rules may have the same, by chance. */
struct revere_flow_print {
	uint64_t value;
	uint32_t next; /**< rule of the bucket, plus 1 */
	bool used;
};

/** Posted requests of one change: numbers from first on, below end. */
struct revere_flow_posted {
	uint64_t first, end;
};

/** A shared (indirect) action. */
struct rte_flow_action_handle {
	LIST_ENTRY(rte_flow_action_handle) next;
	const struct revere_net *net;
	uint32_t counter;
	uint32_t users; /**< flows */
};

/** State of a port's flows: net->flow, from the first one on. */
struct revere_flow_state {
	struct rvr_rna_flow_info info; /**< in the CPU's byte order */
	struct revere_flow_ids rule_ids, counter_ids;
	struct revere_flow_matcher *matchers;
	uint32_t matchers_end, matcher_last;
	struct rte_flow **flows; /**< by rule */
	struct revere_flow_list list, aged;
	struct revere_flow_print *prints; /**< by rule: what it matches */
	uint32_t *print_bucket;		  /**< first rule, plus 1 */
	uint64_t seed;
	uint64_t last_change; /**< timer cycles */
	bool burst;	      /**< changes follow one another: nobody waits for the agent */
	struct revere_flow_posted posted; /**< by the change that is being made */
	struct revere_flow_async *async; /**< NULL: not configured */
	LIST_HEAD(, rte_flow_action_handle) handles;
	bool isolated;
};

/* ---- Items and actions -------------------------------------------------------------------- */

/** Translates a pattern; a negative errno with *error set. */
int revere_flow_items(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, struct revere_flow_pattern *pattern,
	struct rte_flow_error *error);
/** Translates actions of packets that match a pattern; takes no counter yet. */
int revere_flow_actions(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct revere_flow_pattern *pattern, const struct rte_flow_action *actions,
	struct revere_flow_actions *out, struct rte_flow_error *error);
/** Says which counter the COUNT actions of a list use. */
void revere_flow_actions_count(struct revere_flow_actions *actions, uint32_t counter);
/** Port of the agent behind an ethdev of the same device, or a negative errno. */
int revere_flow_port(const struct revere_net *net, uint32_t port_id);
/** Port of the agent that an ethdev stands for, and *side: RVR_RNA_FLOW_WIRE or _HOST. */
int revere_flow_represented(const struct revere_net *net, uint32_t port_id, uint8_t *side);

/* ---- State -------------------------------------------------------------------------------- */

/** The port's state, made if there is none; NULL with *error set. */
struct revere_flow_state *revere_flow_get(struct revere_net *net, struct rte_flow_error *error);
void revere_flow_state_free(struct revere_flow_state *state);
bool revere_flow_id_get(struct revere_flow_ids *ids, uint32_t *id);
void revere_flow_id_put(struct revere_flow_ids *ids, uint32_t id);
/** Whether group and direction are possible; *domain is set. */
int revere_flow_attr(const struct revere_flow_state *state, const struct rte_flow_attr *attr,
	uint32_t *domain, struct rte_flow_error *error);
/**
 * Makes a flow, without waiting for the agent if @p quick or in a burst of changes, and if it is
 * sure that the agent won't refuse it.
 */
struct rte_flow *revere_flow_new(struct revere_net *net, bool quick,
	const struct rte_flow_attr *attr, const struct rte_flow_item *items,
	const struct rte_flow_action *actions, struct rte_flow_error *error);
void revere_flow_delete(struct revere_net *net, bool quick, struct rte_flow *flow);

/* ---- revere_flow_rule.c: the agent's rules of a flow -------------------------------------- */

/** Before and after rules are added or deleted; @p quick: nobody waits for the agent. */
void revere_flow_change_begin(struct revere_flow_state *state, bool quick);
void revere_flow_change_end(struct revere_flow_state *state);
/** Rules that a pattern takes; beyond REVERE_FLOW_RULES_MAX they aren't all counted. */
uint32_t revere_flow_pattern_rules(const struct revere_flow_pattern *pattern);
/** All rules of a flow, or none and a negative errno with *error set. */
int revere_flow_rules_add(struct revere_net *net, struct rte_flow *flow,
	const struct revere_flow_translated *translated, struct rte_flow_error *error);
/** Takes back the rules of a flow; its counter and the flow itself stay. */
void revere_flow_rules_del(struct revere_net *net, struct rte_flow *flow);

/* ---- revere_flow_query.c: what flows did -------------------------------------------------- */

int revere_flow_query_count(struct revere_net *net, uint32_t counter,
	struct rte_flow_query_count *count, struct rte_flow_error *error);
int revere_flow_query(struct rte_eth_dev *dev, struct rte_flow *flow,
	const struct rte_flow_action *actions, void *data, struct rte_flow_error *error);
int revere_flow_dump(struct rte_eth_dev *dev, struct rte_flow *one, FILE *file,
	struct rte_flow_error *error);
int revere_flow_aged(struct rte_eth_dev *dev, void **contexts, uint32_t room,
	struct rte_flow_error *error);
/** One flow with AGE more, one less: while there are some, their news are looked for. */
void revere_flow_age_begin(struct revere_net *net);
void revere_flow_age_end(struct revere_net *net);
/** Waits for a look, and so for the application's callback: not under a lock. */
void revere_flow_age_stop(struct revere_net *net);

/* ---- revere_flow_async.c: templates and queues of operations ------------------------------ */

/** What rte_flow_configure() and templates made goes. */
void revere_flow_async_free(struct revere_flow_state *state);
int revere_flow_info(struct rte_eth_dev *dev, struct rte_flow_port_info *port,
	struct rte_flow_queue_info *queue, struct rte_flow_error *error);
int revere_flow_configure(struct rte_eth_dev *dev, const struct rte_flow_port_attr *attr,
	uint16_t count, const struct rte_flow_queue_attr *queues[], struct rte_flow_error *error);
struct rte_flow_pattern_template *revere_flow_pattern_new(struct rte_eth_dev *dev,
	const struct rte_flow_pattern_template_attr *attr, const struct rte_flow_item *items,
	struct rte_flow_error *error);
int revere_flow_pattern_delete(struct rte_eth_dev *dev,
	struct rte_flow_pattern_template *pattern, struct rte_flow_error *error);
struct rte_flow_actions_template *revere_flow_actions_new(struct rte_eth_dev *dev,
	const struct rte_flow_actions_template_attr *attr, const struct rte_flow_action *actions,
	const struct rte_flow_action *masks, struct rte_flow_error *error);
int revere_flow_actions_delete(struct rte_eth_dev *dev,
	struct rte_flow_actions_template *actions, struct rte_flow_error *error);
struct rte_flow_template_table *revere_flow_table_new(struct rte_eth_dev *dev,
	const struct rte_flow_template_table_attr *attr,
	struct rte_flow_pattern_template *patterns[], uint8_t num_patterns,
	struct rte_flow_actions_template *actions[], uint8_t num_actions,
	struct rte_flow_error *error);
int revere_flow_table_delete(struct rte_eth_dev *dev, struct rte_flow_template_table *table,
	struct rte_flow_error *error);
struct rte_flow *revere_flow_async_create(struct rte_eth_dev *dev, uint32_t queue,
	const struct rte_flow_op_attr *attr, struct rte_flow_template_table *table,
	const struct rte_flow_item *items, uint8_t pattern, const struct rte_flow_action *actions,
	uint8_t action, void *user_data, struct rte_flow_error *error);
int revere_flow_async_destroy(struct rte_eth_dev *dev, uint32_t queue,
	const struct rte_flow_op_attr *attr, struct rte_flow *flow, void *user_data,
	struct rte_flow_error *error);
int revere_flow_push(struct rte_eth_dev *dev, uint32_t queue, struct rte_flow_error *error);
int revere_flow_pull(struct rte_eth_dev *dev, uint32_t queue, struct rte_flow_op_result *results,
	uint16_t room, struct rte_flow_error *error);

#endif /* REVERE_FLOW_H */
