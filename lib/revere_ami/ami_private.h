/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * What the files of librevere_ami share and nobody else sees.
 *
 * One recursive mutex a device serialises its control path; exceptions have another, so that
 * their receivers may send commands. Order: exceptions, then control.
 */

#ifndef AMI_PRIVATE_H
#define AMI_PRIVATE_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <rte_log.h>

#include "revere_ami.h"

extern int revere_ami_logtype;

/** A log line of device @p dev. */
#define AMI_LOG(level, dev, ...)                                                               \
	ami_log(RTE_LOG_##level, (dev)->name, __VA_ARGS__)

/* A function and no macro around rte_log(), whose checks of formats differ between releases. */
void ami_log(uint32_t level, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- Memory that the device reaches (mem.c) ------------------------------------------------- */

struct rte_memzone;

struct ami_mem {
	void *va; /* NULL: none */
	uint64_t iova;
	size_t size;
	const struct rte_memzone *zone; /* NULL: of the heap */
	struct revere_dev *dev;		/* mapped in the space of a PASID of it; NULL: in none */
	uint32_t pasid;
};

/* Zeroed, contiguous for the device; @p node is a wish. */
int ami_mem_alloc(struct ami_mem *mem, size_t size, size_t align, int node);
void ami_mem_free(struct ami_mem *mem);
/* The same for a context with a PASID: whole pages, mapped in its address space. */
int ami_mem_alloc_pasid(struct ami_mem *mem, struct revere_dev *dev, uint32_t pasid, size_t size,
	int node);

/* ---- Sets of ids (idset.c) ------------------------------------------------------------------ */

struct ami_idset {
	uint64_t *used;
	uint32_t size;
	uint32_t lowest; /* no id below it is free */
};

int ami_idset_init(struct ami_idset *set, uint32_t size);
void ami_idset_fini(struct ami_idset *set);
int ami_idset_get(struct ami_idset *set, uint32_t *id); /* the lowest free one, or -ENOSPC */
void ami_idset_put(struct ami_idset *set, uint32_t id);

/* ---- Management rings (mgt.c) --------------------------------------------------------------- */

/*
 * Responses that were given up and may still come, in order of their commands: one command, and
 * a marker of each kind (see mgt.c).
 */
#define MGT_OWED_MAX 4

struct mgt_ring {
	struct ami_mem mem;
	uint64_t mask;			/* slots - 1 */
	uint64_t own;			/* software's index */
	uint32_t own_reg, device_reg;	/* registers of both indices */
	const volatile uint64_t *table; /* Type B: where the device writes its index, else NULL */
};

struct mgt {
	struct mgt_ring command, response, exception, trace;
	struct ami_mem table; /* Type B */
	uint32_t timeout_ms;
	uint16_t owed[MGT_OWED_MAX];
	unsigned int owed_num;
	bool dirty;	     /* what became of some command is not known */
	bool broken;	     /* no marker came back: refuse until what is owed has come */
	uint16_t error_seen; /* ERROR_STATE that was reported already */
};

int ami_mgt_init(struct revere_dev *dev, const struct revere_dev_conf *conf);
void ami_mgt_fini(struct revere_dev *dev); /* after AMU_CR = 0 */

/* Whether sending another command makes sense. */
bool ami_mgt_usable(struct revere_dev *dev);

/* Whether a response was waited for in vain, to a command that the device hasn't even taken. */
bool ami_mgt_stuck(struct revere_dev *dev);

/* A command whose STATUS the caller judges itself. Positive: STATUS. */
int ami_mgt_status(struct revere_dev *dev, const void *request, void *response);

/* ---- Restart (restart.c) -------------------------------------------------------------------- */

struct asn;
/* Sets AMU_EN, management rings and interrupts up, as at bring-up. (dev.c) */
int ami_dev_enable(struct revere_dev *dev);
/* Sends a session that is listed again. (asn.c) */
int ami_asn_restore(struct revere_dev *dev, const struct asn *asn);
/* Maps the contexts of all gifts again; of one, into a VF that is enabled. (gift.c) */
int ami_gifts_map(struct revere_dev *dev);
int ami_gift_map(struct revere_dev *dev, uint16_t vf, const struct revere_ami_sw *ami_sw,
	const struct revere_ami_hw *ami_hw);

/* ---- Device (dev.c) ------------------------------------------------------------------------- */

struct exception_user {
	TAILQ_ENTRY(exception_user) next;
	revere_exception_fn fn;
	void *arg;
};

/* A session, as dumps show it. Copies, because its ends may be gone. */
struct asn {
	uint32_t id;
	struct asn_point {
		uint8_t type; /* enum rvr_asn_end */
		uint8_t ams;
		uint16_t id, phy_id, aha_id;
	} src, dst;
	struct revere_asn_conf conf;
	TAILQ_ENTRY(asn) next;
};

/* Memory that a context left which the device did not confirm to be done with. */
struct limbo {
	struct ami_mem mem;
	SLIST_ENTRY(limbo) next;
};

/* A session that a VF was given, as the device lists it (given.c). */
struct given {
	uint32_t asn_id;
	uint8_t log2_msg_length, prio;
	struct given_end {
		uint16_t id, phy_id, aha_id, kind;
		uint8_t ams;
	} src, dst;
};

/* AMI_HW_ID is 16 bits wide; nothing says how many of them a Function has. */
#define AMI_HW_IDS 0x10000u

struct revere_dev {
	char name[REVERE_NAME_MAX];
	struct revere_transport *transport;
	struct revere_dev_info info;
	bool vf;
	bool enabled; /* AMU_EN was set */
	struct revere_dev_conf conf;
	uint32_t irq_vector;
	bool irq_enabled; /* of exceptions and errors */
	atomic_uint restarts;
	bool unfinished; /* the last restart got no further than management */

	pthread_mutex_t lock;
	struct mgt mgt;

	pthread_mutex_t exception_lock;
	TAILQ_HEAD(, exception_user) exception_users;

	uint64_t *aha_iidr; /* of agents, as far as probed */
	uint16_t aha_probed;

	struct ami_idset ami_sw_ids, ami_hw_ids, asn_ids;
	TAILQ_HEAD(, revere_ami_sw) ami_sws;
	TAILQ_HEAD(, revere_ami_hw) ami_hws;
	TAILQ_HEAD(, asn) asns;
	struct asn **asn_by_id;
	SLIST_HEAD(, limbo) limbo;
	TAILQ_HEAD(gift_list, revere_vf_gift) gifts; /* the PF's */
	struct given *given;		    /* a VF's */
	uint32_t num_given;
};

static inline uint64_t
dev_read(struct revere_dev *dev, uint32_t offset)
{
	return dev->transport->ops->mgt_read64(dev->transport, offset);
}

static inline void
dev_write(struct revere_dev *dev, uint32_t offset, uint64_t value)
{
	dev->transport->ops->mgt_write64(dev->transport, offset, value);
}

static inline void
dev_kick(struct revere_dev *dev)
{
	if (dev->transport->ops->kick != NULL)
		dev->transport->ops->kick(dev->transport);
}

/* Whether a PASID can be had; one log line about @p what if not: -ENOTSUP, -ERANGE. */
int ami_dev_pasid_check(struct revere_dev *dev, const char *what, uint32_t pasid);

/* Takes memory over until the device is known to be done with it. */
void ami_dev_limbo(struct revere_dev *dev, struct ami_mem *mem);

/* ---- What a VF was given (given.c) ----------------------------------------------------------- */

/* AHA_ID of the nth agent of a kind, or -ENOENT; the kind of an agent, 0 none. */
int ami_given_aha(struct revere_dev *dev, unsigned int kind, unsigned int nth);
unsigned int ami_given_kind(struct revere_dev *dev, uint16_t aha_id);
/* Reads the list again, for ami_given_connected(). */
int ami_given_refresh(struct revere_dev *dev);
/* Whether a session goes from an AMI-SW to the socket of the agent. */
bool ami_given_connected(struct revere_dev *dev, uint16_t ami_sw_id,
	const struct revere_agent_socket *agent);
/* AMI-HW of an agent that isn't in use, rather one of a context in use; -ENOSPC none. */
int ami_given_ami_hw(struct revere_dev *dev, uint16_t aha_id, struct given_end *end);
/* ASN_ID of the session between two ends; one log line if there is none. */
int ami_given_asn(struct revere_dev *dev, const struct revere_asn_end *src,
	const struct revere_asn_end *dst, const struct revere_asn_conf *conf, uint32_t *id);
void ami_given_fini(struct revere_dev *dev);

/* ---- Contexts ------------------------------------------------------------------------------- */

/* A ring and what it was made of. */
struct socket {
	struct revere_ring ring;
	struct ami_mem mem;
	struct revere_ring_conf conf;
};

struct revere_ami_sw {
	TAILQ_ENTRY(revere_ami_sw) next;
	struct revere_dev *dev;
	struct revere_ami_sw_conf conf;
	uint16_t id, phy_id;
	bool enabled;
	volatile uint8_t *page;
	struct ami_mem table;	   /* Type B */
	struct socket **sockets[2]; /* by enum rvr_ams_type, then AMS_ID; NULL: no ring */
	pthread_mutex_t mask_lock;
	uint64_t masks[2]; /* digest masks, by enum rvr_ams_type */
};

/* Both digest masks of a context that is configured. */
void ami_sw_masks_set(struct revere_ami_sw *ami_sw, uint64_t tx, uint64_t rx);
/* Whether the device has disabled a context that isn't to be, as it does after a fault. */
bool ami_sw_was_stopped(struct revere_ami_sw *ami_sw);
/* A disabled context as after revere_ami_sw_create(): without rings. */
void ami_sw_rings_drop(struct revere_ami_sw *ami_sw);

struct revere_ami_hw {
	TAILQ_ENTRY(revere_ami_hw) next;
	struct revere_dev *dev;
	uint16_t id, phy_id, aha_id;
	struct revere_ami_hw_conf conf;
};

/* ---- Contexts with all that belongs to them (context.c) -------------------------------------- */

bool ami_point_is_sw(const struct asn_point *point, const struct revere_ami_sw *ami_sw);
/* Whether a session ends there. */
bool ami_asn_is_of(const struct asn *asn, const struct revere_ami_sw *ami_sw);
bool ami_asn_is_of_hw(const struct asn *asn, const struct revere_ami_hw *ami_hw);
/* Destroys the sessions of an AMI-SW, and AMI-HWs that have none then. */
void ami_context_disconnect(struct revere_ami_sw *ami_sw);

static inline unsigned int
dev_num_ams(const struct revere_dev *dev, enum rvr_ams_type type)
{
	return type == RVR_AMS_TX ? dev->info.num_tx_ams : dev->info.num_rx_ams;
}

#endif /* AMI_PRIVATE_H */
