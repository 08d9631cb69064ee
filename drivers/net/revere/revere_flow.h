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
	uint32_t counter;  /**< that COUNT uses, or NONE */
	bool own_counter;  /**< it goes with the flow */
	bool age;
	void *age_context; /**< NULL: the flow itself */
	bool marks;
};

/** A flow: one rule of the agent, or several where there are ranges. */
struct rte_flow {
	TAILQ_ENTRY(rte_flow) next, next_aged;
	uint32_t counter;
	bool own_counter, age, aged;
	void *age_context;
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

/** A shared (indirect) action. */
struct rte_flow_action_handle {
	LIST_ENTRY(rte_flow_action_handle) next;
	uint32_t counter;
	uint32_t users;
};

/** State of a port's flows: net->flow, from the first one on. */
struct revere_flow_state {
	struct rvr_rna_flow_info info; /**< in the CPU's byte order */
	struct revere_flow_ids rule_ids, counter_ids;
	struct revere_flow_matcher *matchers;
	uint32_t matchers_end, matcher_last;
	struct rte_flow **flows; /**< by rule */
	struct revere_flow_list list, aged;
	uint32_t aging; /**< flows with AGE */
	LIST_HEAD(, rte_flow_action_handle) handles;
	bool isolated;
};

/* ---- Items and actions -------------------------------------------------------------------- */

/** Translates a pattern; a negative errno with *error set. */
int revere_flow_items(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct rte_flow_item *items, struct revere_flow_pattern *pattern,
	struct rte_flow_error *error);
/** Translates actions; takes no counter yet. */
int revere_flow_actions(struct revere_net *net, const struct rte_flow_attr *attr,
	const struct rte_flow_action *actions, struct revere_flow_actions *out,
	struct rte_flow_error *error);
/** Says which counter the COUNT actions of a list use. */
void revere_flow_actions_count(struct revere_flow_actions *actions, uint32_t counter);
/** Port of the agent behind an ethdev of the same device, or a negative errno. */
int revere_flow_port(const struct revere_net *net, uint32_t port_id);
/** Port of the agent that an ethdev stands for, and *side: RVR_RNA_FLOW_WIRE or _HOST. */
int revere_flow_represented(const struct revere_net *net, uint32_t port_id, uint8_t *side);

/* ---- State -------------------------------------------------------------------------------- */

/** The port's state, made if there is none; NULL with *error set. */
struct revere_flow_state *revere_flow_get(struct revere_net *net, struct rte_flow_error *error);
bool revere_flow_id_get(struct revere_flow_ids *ids, uint32_t *id);
void revere_flow_id_put(struct revere_flow_ids *ids, uint32_t id);


#endif /* REVERE_FLOW_H */
