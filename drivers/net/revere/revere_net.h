/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * State of an ethdev port on Revere's network agent (RNA), shared by the files of this driver.
 *
 * A queue pair is one AMI-SW and one AMI-HW of the RNA with four sessions; Rx queue i and Tx
 * queue i share pair i. One more pair of contexts carries control messages and events.
 *
 *   socket of the AMI-SW    to/from AMI-HW      messages
 *   TX 0                    RVR_RNA_RX_PACKETS  packets to transmit
 *   TX 1                    RVR_RNA_RX_BUFFERS  empty buffers
 *   RX 0                    RVR_RNA_TX_DONE     transmitted descriptors
 *   RX 1                    RVR_RNA_TX_PACKETS  received packets
 *
 * Sizes of these rings have nothing to do with the numbers of descriptors: the agent takes what
 * is posted and keeps it, so short rings suffice, and they stay in the cache.
 */

#ifndef REVERE_NET_H
#define REVERE_NET_H

#include <pthread.h>

#include <ethdev_driver.h>
#include <rte_ether.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "revere_common.h"
#include "revere_compat.h"
#include "revere_steer.h"
#include "rvr_rna.h"

#define REVERE_NET_ARG_REPRESENTOR "representor"
#define REVERE_NET_MIN_DESC 1
#define REVERE_NET_DEFAULT_DESC 512
#define REVERE_NET_VLAN_OVERHEAD 8 /* bytes of a frame beside header and MTU: two tags */
#define REVERE_NET_RETA_MAX 512
#define REVERE_NET_KEY_MAX 52
#define REVERE_NET_MESSAGE_MAX 2048 /* bytes of a request */
#define REVERE_NET_EVENT_US 100000 /* between looks at events */
#define REVERE_NET_POSTS_MAX 64 /* requests on their way whose answers nobody waits for */
#define REVERE_NET_POSTS_FAILED 1024 /* failed ones that are remembered */

/* ---- Differences between DPDK releases in signatures of ops ------------------------------- */

#if REVERE_QUEUE_STATS
#define REVERE_NET_STATS_GET(name)                                                             \
	int name(struct rte_eth_dev *dev, struct rte_eth_stats *stats,                         \
		struct eth_queue_stats *queues)
#define REVERE_NET_QUEUE_COUNTERS(stats) ((void)(stats), queues)
typedef struct eth_queue_stats revere_net_queue_counters;
#else
#define REVERE_NET_STATS_GET(name)                                                             \
	int name(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
#define REVERE_NET_QUEUE_COUNTERS(stats) (stats)
typedef struct rte_eth_stats revere_net_queue_counters;
#endif

#if REVERE_PTYPES_COUNTED
#define REVERE_NET_PTYPES_GET(name)                                                            \
	const uint32_t *name(struct rte_eth_dev *dev, size_t *count)
#define REVERE_NET_PTYPES(list) (*count = RTE_DIM(list) - 1, (list))
#else
#define REVERE_NET_PTYPES_GET(name) const uint32_t *name(struct rte_eth_dev *dev)
#define REVERE_NET_PTYPES(list) (list)
#endif

/* ---- State -------------------------------------------------------------------------------- */

extern int revere_net_logtype;
#define REVERE_NET_LOG(level, net, ...)                                                        \
	rte_log(RTE_LOG_##level, (uint32_t)revere_net_logtype,                                 \
		RTE_FMT("NET_REVERE: %s: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", (net)->name,      \
			RTE_FMT_TAIL(__VA_ARGS__, )))

/** An integer that lies anywhere, of any type. */
typedef uint64_t __rte_may_alias revere_net_word;

/**
 * Buffer split: buffers are posted in pairs, for a packet's first piece and for the rest. Indexed
 * by the parity of a buffer's number.
 */
struct revere_net_split {
	struct rte_mempool *pool[2];
	uint16_t data_off[2]; /**< of mbufs: ethdev gives a headroom to the first piece alone */
	uint16_t room[2];   /**< bytes of a buffer that are used */
	uint64_t flags[2];  /**< of fresh mbufs */
	uint32_t ptype;	    /**< cut behind these headers; 0: behind len bytes */
	uint16_t len;
};

/** What the device did wrong, and what software met. */
struct revere_net_sw_stats {
	uint64_t device_errors; /**< messages and indices that can't be; the queue stops */
	uint64_t rx_no_mbuf;	/**< mbufs that the pool did not have */
	uint64_t tx_unfit;	/**< packets of more descriptors than their queue has */
	uint64_t recoveries;	/**< of the port */
};

/** What descriptors of received packets may say. */
enum revere_net_rx_descs {
	REVERE_NET_RX_PLAIN,
	REVERE_NET_RX_CHECKED, /**< states of checksums too, or a tag */
	REVERE_NET_RX_ANY,     /**< and have extensions, or come in pairs */
};

/**
 * An Rx queue. Indices of mbufs run freely from the queue's start:
 *
 *   sw[]  | with the application |   used .. posted: with the device   | empty |
 */
struct revere_net_rxq {
	struct revere_ring *ring;	/**< received packets */
	struct rte_mbuf **sw;		/**< mbufs of posted buffers */
	uint64_t used;			/**< next buffer that the device fills */
	uint64_t posted;		/**< next buffer to give */
	const struct rvr_rna_rx_desc *desc; /**< next one of the open message */
	uint32_t left;			/**< descriptors left in the open message */
	uint32_t mask;			/**< of sw */
	uint32_t room;			/**< bytes of a buffer */
	uint32_t max_descs;		/**< of a message */
	uint32_t nb_desc;
	uint32_t refill_thresh;		/**< missing buffers that are worth a message */
	uint8_t descs_shift;		/**< log2 of descriptors of a message, about */
	bool scatter;			/**< packets may span buffers */
	bool running;
	bool busy;			/**< a burst is going on, see revere_net_enter() */
	uint8_t descs;			/**< enum revere_net_rx_descs */
	uint32_t have;			/**< bytes of the packet that is coming in */
	uint32_t rxo;			/**< RVR_RNA_RXO_* that the device does */
	uint32_t lro_max;		/**< bytes of a packet that it puts together */
	int timestamp_offset;		/**< of the field of mbufs; valid with its offload */
	uint64_t timestamp_flag;
	uint64_t rearm;			/**< data_off, refcnt, nb_segs, port of a fresh mbuf */
	uint64_t ol_flags[8];		/**< by RVR_RNA_RX_* flags */

	struct revere_ring *bufs;	/**< empty buffers */
	struct rte_mempool *pool;	/**< with a split: of the packets' second pieces */
	struct revere_net_split *split;	/**< NULL: buffers are all of one kind */
	struct rte_mbuf *first, *last;	/**< packet whose end hasn't come yet */
	uint32_t max_addrs;		/**< of a message of empty buffers */
	uint16_t id;
	bool deferred;
	bool wanted; /**< it was started, whatever the device did then */
	struct revere_net_sw_stats stats;
	struct revere_net *net;
	struct rte_eth_rxconf conf;
} __rte_cache_aligned;

/**
 * A Tx queue. Descriptors are counted from the queue's start, each has an entry in sw:
 *
 *   | free |   tail .. completed: came back   | completed .. head: with the device | free |
 */
struct revere_net_txq {
	struct revere_ring *ring; /**< packets */
	struct rte_mbuf **sw;	  /**< mbuf (segment) of each descriptor */
	uint64_t head;		  /**< next descriptor */
	uint64_t tail;		  /**< oldest one whose mbuf isn't freed */
	uint64_t completed;	  /**< oldest one that the device may have */
	uint32_t mask;		  /**< of sw */
	uint32_t nb_desc;
	uint32_t look_every;  /**< descriptors between looks at completions */
	uint64_t look_at;     /**< head when it is time for the next one */
	uint32_t max_descs;   /**< of a message */
	uint8_t descs_shift;  /**< log2 of descriptors of a message, about */
	bool fast_free;
	bool running;
	bool busy;	      /**< a burst is going on, see revere_net_enter() */
	uint16_t max_segs;    /**< of a packet, and a descriptor of offloads */
	struct revere_ring *done;
	uint32_t inline_max;  /**< bytes of packets that travel in messages */
	uint32_t msg_packets; /**< packets of one segment that each message has room for */

	uint16_t id;
	bool deferred;
	bool wanted; /**< it was started, whatever the device did then */
	struct revere_net_sw_stats stats;
	struct revere_net *net;
	struct rte_eth_txconf conf;
} __rte_cache_aligned;

/** An interrupt of the device: its vector, and the eventfd that it signals; -1 none. */
struct revere_net_irq {
	int vector, fd;
};

/** Contexts of a queue pair. */
struct revere_net_pair {
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	bool connected; /**< a session at least joins the two */
	bool failed;	/**< to be reset before it is used again */
	bool announced; /**< the agent knows the pair */
	struct revere_net_irq irq; /**< of received packets, if the application wants that */
};

enum revere_net_tx_socket {
	REVERE_NET_TX_PACKETS = RVR_PLAN_NET_TX_PACKETS,
	REVERE_NET_TX_BUFFERS = RVR_PLAN_NET_TX_BUFFERS,
};
enum revere_net_rx_socket {
	REVERE_NET_RX_DONE = RVR_PLAN_NET_RX_DONE,
	REVERE_NET_RX_PACKETS = RVR_PLAN_NET_RX_PACKETS,
};

/** The control channel; `lock` makes one request at a time. */
struct revere_net_control {
	pthread_mutex_t lock;
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	int asn[3];
	uint32_t restarts; /**< of the device, when the channel was set up */
	bool failed; /**< its context is to be reset */
	uint16_t tag;
	uint8_t log2_length; /**< of requests, DW */
	uint32_t room;	     /**< requests that may be on their way when one is sent */
	uint64_t posts_sent, posts_done; /**< from the first one on */
	uint16_t post_tag[REVERE_NET_POSTS_MAX]; /**< of those on their way */
	uint64_t post_failed[REVERE_NET_POSTS_FAILED]; /**< number, plus 1 */
	uint64_t message[REVERE_NET_MESSAGE_MAX / sizeof(uint64_t)]; /**< request, under lock */
	struct revere_net_irq irq; /**< of events */
	struct rte_intr_handle *intr; /**< with which EAL waits for it, NULL: it doesn't */
};

/** What the agent says about the port, in the CPU's byte order. */
struct revere_net_limits {
	uint16_t max_queues;
	uint32_t max_buffers;
	uint16_t max_frame;
	uint16_t min_buffer;
	uint16_t reta_size;
	uint16_t rss_key_size;
	uint32_t rss_types;
	uint32_t speed;
	uint16_t max_segments;
	uint16_t max_inline;
	uint16_t ports; /**< of the adapter */
	uint8_t kind;	/**< enum rvr_rna_port_kind */
	char backend[33];
	char firmware[33];
};

#define REVERE_NET_VIRTUAL_MAX 256 /**< virtual ports of an adapter */

/** How a port belongs to others of its adapter. */
struct revere_net_repr {
	uint16_t number; /**< of a representor: virtual port */
	uint16_t backer; /**< of a representor: ethdev that it came with */
	uint16_t domain; /**< switch domain of both */
	bool made;	 /**< the agent's port is to be removed at close */
	/** Of a port with a wire: virtual ports that have representors, one bit each. */
	uint64_t numbers[REVERE_NET_VIRTUAL_MAX / 64];
	char switch_name[RTE_ETH_NAME_MAX_LEN]; /**< the device's, for all processes */
};

/** Whether requests are answered; see revere_recover.c. */
enum revere_net_state {
	REVERE_NET_WORKS,
	REVERE_NET_RECOVERING, /**< only who recovers the port may send any */
	REVERE_NET_LOST,       /**< to be started or reset by the application */
};

/** What finds errors of the device, and repairs. */
struct revere_net_recover {
	pthread_mutex_t lock; /**< recursive; of queues' life while the port is started */
	bool watching;
	bool error_known;  /**< ERROR_STATE was looked into */
	uint8_t state;	   /**< enum revere_net_state */
	int by;		   /**< thread that recovers */
	uint64_t limit;	   /**< timer cycles for a recovery; 0: the application resets the port */
	uint64_t give_up;  /**< timer cycles: end of the one that is going on */
	uint64_t quiet;	   /**< timer cycles: none before that */
	unsigned int streak; /**< recoveries in a row */
	uint64_t recoveries;
};

/** A port. */
struct revere_net {
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev_data *data;
	struct revere_dev *dev;
	struct revere_device *device;
	uint16_t aha_id;
	uint16_t port; /**< of the agent */
	uint8_t log2_msg_length; /**< of packet messages, DW */
	uint8_t log2_slots;	 /**< of rings */
	uint32_t lro_us;	 /**< that LRO may hold a segment back */
	uint32_t tx_inline;	 /**< bytes of packets that may travel in messages; 0: none do */
	uint64_t timeout;	 /**< for an answer, in timer cycles */
	bool ptypes;		 /**< the application wants packet types */
	bool marks;		 /**< flows mark packets: queues tell of it */
	bool link_set_down;
	bool timesync;	      /**< IEEE 1588 packets are timed */
	bool rx_timestamp_valid;
	uint64_t rx_timestamp; /**< of the last IEEE 1588 packet, ns */
	bool rx_intr; /**< pairs have interrupts for received packets */
	struct revere_net_control control;
	struct revere_net_recover recover;
	struct revere_net_limits limits;
	struct revere_net_repr repr;
	struct revere_net_steer steer;
	struct rte_ether_addr mac; /**< permanent */
	struct revere_net_pair *pairs;
	uint16_t num_pairs;
	uint64_t rss_hf; /**< RTE_ETH_RSS_*, as asked for */
	uint32_t rss_algorithm; /**< RVR_RNA_RSS_SYMMETRIC, _SORTED, _XOR; 0: plain Toeplitz */
	uint8_t rss_key[REVERE_NET_KEY_MAX];
	uint16_t reta[REVERE_NET_RETA_MAX];
	struct revere_mtr_state *mtr; /**< NULL: there never were meters */
	struct revere_flow_state *flow; /**< revere_flow.h; NULL: there never were flows */
	uint32_t aging; /**< flows with AGE */
	bool age_armed; /**< an alarm is set that looks for aged flows */
};

/* ---- revere_ethdev.c ---------------------------------------------------------------------- */

int revere_net_info_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info);
int revere_net_fw_version_get(struct rte_eth_dev *dev, char *version, size_t size);
/**
 * The functions for packets, by how the port is configured; of that only what lies in memory of
 * all processes counts.
 */
eth_rx_burst_t revere_net_rx_select(const struct rte_eth_dev_data *data);
eth_tx_burst_t revere_net_tx_select(const struct rte_eth_dev_data *data);
/** Functions of a process that look at queues. */
void revere_net_queue_ops(struct rte_eth_dev *dev);

/** Makes an ethdev. repr: NULL, or what it is that represents */
int revere_net_port_make(const struct revere_probe *probe, const struct revere_net_repr *repr);

/** Opens the control channel and takes hold of the port. chosen: or of the Function's own one */
int revere_net_attach(struct revere_net *net, bool chosen);
/** Whether an ethdev is of this driver, in the primary process. */
bool revere_net_is_ours(const struct rte_eth_dev *dev);
/** revere_target_open() and _take() for a port. */
int revere_net_target_open(const struct rte_eth_dev *dev, const char *devargs,
	struct revere_probe *target);
int revere_net_target_take(const struct rte_eth_dev *dev, const struct revere_probe *target);

/* ---- revere_repr.c: representors ---------------------------------------------------------- */

/** Those that a port's devargs name; what was made before an error stays. */
int revere_net_representors_make(struct rte_eth_dev *pf, const struct revere_probe *probe);
#define REVERE_NET_REPR_NAME "%.40s_representor_vf" /**< of the PF's name, and then a number */
/** Closes all of a device. */
void revere_net_representors_close(const struct rte_device *rte_dev);
void revere_net_repr_info(const struct revere_net *net, struct rte_eth_dev_info *info);
/**
 * Port of the agent that an ethdev stands for, and which of its sides: of a representor the host
 * of the virtual port, of others their own wire. @return the port or a negative errno
 */
int revere_net_represented(struct revere_net *net, uint8_t *side);

/* ---- revere_secondary.c: secondary processes ---------------------------------------------- */

/** Lets secondary processes send requests by this one, the primary. */
void revere_net_secondary_init(const struct revere_net *net);
/** revere_net_request() in a secondary process. */
int revere_net_secondary_request(struct revere_net *net, uint16_t opcode, const void *req,
	size_t req_size, void *rsp, size_t rsp_size);
/** What struct revere_class has for secondary processes. */
int revere_net_secondary_attach(const char *name, struct rte_device *rte_dev);
int revere_net_secondary_detach(const char *name);

/* ---- revere_control.c: the control channel ------------------------------------------------ */

int revere_net_control_open(struct revere_net *net);
/** The channel's sessions: how many they are. */
unsigned int revere_net_control_plan(const struct revere_dev_info *info,
	struct revere_vf_session *sessions);
void revere_net_control_close(struct revere_net *net);
/**
 * Sends a request and waits for its answer.
 *
 * @param req  payload of @p req_size bytes, or NULL
 * @param rsp  where to put @p rsp_size bytes of the answer's payload, or NULL
 * @return 0 or a negative errno, after one log line
 */
int revere_net_request(struct revere_net *net, uint16_t opcode, const void *req, size_t req_size,
	void *rsp, size_t rsp_size);
/** Largest payload of a request, bytes. */
size_t revere_net_request_room(const struct revere_net *net);
/** As revere_net_request(), but silent if refused; then too the answer's payload is given. */
int revere_net_request_quiet(struct revere_net *net, uint16_t opcode, const void *req,
	size_t req_size, void *rsp, size_t rsp_size);
/**
 * Sends a request without waiting for its answer. Requests are done in their order, those with
 * revere_net_request() too. *number: of the request among these
 */
int revere_net_post(struct revere_net *net, uint16_t opcode, const void *req, size_t req_size,
	uint64_t *number);
/**
 * Takes the answers that came; with @p wait all that are to come. @return how many were answered
 * since the first one: those with lower numbers
 */
uint64_t revere_net_posts_poll(struct revere_net *net, bool wait);
/** Whether a posted request that was answered failed. */
bool revere_net_post_failed(const struct revere_net *net, uint64_t number);
int revere_net_port_info(struct revere_net *net, struct rvr_rna_port_info *info);
/** Of any port of the adapter, silently. */
int revere_net_port_info_of(struct revere_net *net, uint16_t port, struct rvr_rna_port_info *info);
/** Sets flags RVR_RNA_PORT_* of the port, those in @p mask. */
int revere_net_port_flags(struct revere_net *net, uint32_t mask, uint32_t flags);
int revere_net_port_set(struct revere_net *net, const struct rvr_rna_port_set *set);
/** The channel works again after a reset of its contexts, or of the device. */
int revere_net_control_restart(struct revere_net *net);
/** @return whether there were events of the port: its link may have changed */
bool revere_net_events_poll(struct revere_net *net);

/* ---- revere_pair.c: contexts -------------------------------------------------------------- */

/** Makes the number of pairs @p count; NULL where there is nothing. */
int revere_net_pairs_resize(struct revere_net *net, uint16_t count);
/**
 * For a port without pairs: as many as there are elsewhere, bare AMI-SWs where the agent knows the
 * other one, to be restored. After an error there are some.
 */
int revere_net_pairs_prepare(struct revere_net *net, const struct revere_net_pair *like,
	uint16_t count);
/** Sessions of a pair with packet messages of 2^log2_msg_length DW: how many they are. */
unsigned int revere_net_pair_plan(const struct revere_dev_info *info, uint8_t log2_msg_length,
	struct revere_vf_session *sessions);
/** @return ASN_ID or a negative errno */
int revere_net_session(struct revere_net *net, struct revere_ami_sw *ami_sw,
	struct revere_ami_hw *ami_hw, const struct revere_vf_session *session);
/** Whether a pair's ring of packets has too few slots for its Tx queue: a reset changes that. */
bool revere_net_pair_is_short(const struct revere_net *net, uint16_t id);
/**
 * Back to the state after creation: the device has forgotten all that it was given. So many
 * messages wait in the ring of received packets then.
 */
int revere_net_pair_reset(struct revere_net *net, uint16_t id, uint32_t unread);
/** Wakes a device that has no thread of its own. */
void revere_net_kick(struct revere_net *net);
void revere_net_wait_turn(struct revere_net *net, unsigned int turn);
/** Whether the device is gone: it touches no memory any more, and answers nothing. */
static inline bool
revere_net_gone(const struct revere_net *net)
{
	return revere_transport_gone(revere_dev_transport(net->dev));
}

/* ---- revere_intr.c: interrupts ------------------------------------------------------------ */

/** Takes a vector and connects it with an eventfd. -ENOTSUP, -ENOSPC: there is none (left) */
int revere_net_irq_open(struct revere_net *net, struct revere_net_irq *irq);
void revere_net_irq_close(struct revere_net *net, struct revere_net_irq *irq);
/** Adds the interrupt of a pair, if it shall have one, to its context's configuration. */
int revere_net_pair_irq_open(struct revere_net *net, struct revere_net_pair *pair,
	struct revere_ami_sw_conf *conf);
/** Nobody sleeps yet: for a context that was reset. */
void revere_net_pair_irq_mask(struct revere_net_pair *pair);
/** Where a core may wait for packets with the CPU's monitor instruction. */
int revere_net_monitor_addr_get(void *rx_queue, struct rte_power_monitor_cond *condition);
/** What rte_eth_dev_rx_intr_ctl() and the like work on. */
int revere_net_rx_intr_init(struct rte_eth_dev *dev);
void revere_net_rx_intr_fini(struct rte_eth_dev *dev);
int revere_net_rxq_intr_enable(struct rte_eth_dev *dev, uint16_t id);
int revere_net_rxq_intr_disable(struct rte_eth_dev *dev, uint16_t id);
/** Link events, if the application wants them. */
void revere_net_events_start(struct rte_eth_dev *dev);
void revere_net_events_stop(struct rte_eth_dev *dev);

/* ---- revere_recover.c: errors and resets of the device ------------------------------------ */

void revere_net_recover_init(struct revere_net *net);
void revere_net_recover_fini(struct revere_net *net);
/** From now on errors are looked for. */
void revere_net_watch_start(struct rte_eth_dev *dev);
/** Not any more; waits for a recovery that is going on. */
void revere_net_watch_stop(struct rte_eth_dev *dev);
/** Before a stop: a device that answers no more isn't asked. */
void revere_net_check_lost(struct revere_net *net);
/** For a port whose bursts are stopped: device and control channel work, or a negative errno. */
int revere_net_revive(struct revere_net *net);
/** 0; -EBUSY, -EIO: this thread may send no request now. */
int revere_net_may_request(const struct revere_net *net);

/** ops of queues, which wait for a recovery that is going on. */
int revere_net_op_rxq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int revere_net_op_txq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_txconf *conf);
void revere_net_op_rxq_release(struct rte_eth_dev *dev, uint16_t id);
void revere_net_op_txq_release(struct rte_eth_dev *dev, uint16_t id);
int revere_net_op_rxq_start(struct rte_eth_dev *dev, uint16_t id);
int revere_net_op_txq_start(struct rte_eth_dev *dev, uint16_t id);
int revere_net_op_rxq_stop(struct rte_eth_dev *dev, uint16_t id);
int revere_net_op_txq_stop(struct rte_eth_dev *dev, uint16_t id);

/* ---- revere_queue.c: queues --------------------------------------------------------------- */

/** NULL: not set up. */
static inline struct revere_net_rxq *
revere_net_rxq_get(const struct revere_net *net, uint16_t id)
{
	return id < net->data->nb_rx_queues ? net->data->rx_queues[id] : NULL;
}

/** NULL: not set up. */
static inline struct revere_net_txq *
revere_net_txq_get(const struct revere_net *net, uint16_t id)
{
	return id < net->data->nb_tx_queues ? net->data->tx_queues[id] : NULL;
}

int revere_net_rxq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int revere_net_txq_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_txconf *conf);
void revere_net_rxq_release(struct rte_eth_dev *dev, uint16_t id);
void revere_net_txq_release(struct rte_eth_dev *dev, uint16_t id);
int revere_net_rxq_start(struct rte_eth_dev *dev, uint16_t id);
int revere_net_txq_start(struct rte_eth_dev *dev, uint16_t id);
int revere_net_rxq_stop(struct rte_eth_dev *dev, uint16_t id);
int revere_net_txq_stop(struct rte_eth_dev *dev, uint16_t id);
/** Starts all queues that are not deferred, or none. */
int revere_net_queues_start(struct rte_eth_dev *dev);
void revere_net_queues_stop(struct rte_eth_dev *dev);
/**
 * Stops the bursts of a pair's queues, which any threads may run: revere_net_queues_wait() tells
 * when none goes on any more.
 */
void revere_net_pair_hold(struct revere_net *net, uint16_t id);
/** @return 0; -ETIMEDOUT a burst hasn't ended for so long that its thread must be dead */
int revere_net_queues_wait(struct revere_net *net);
/**
 * For a pair on hold: its contexts are reset, and those of its queues go on that were started.
 * fresh: after a reset of the device.
 */
int revere_net_pair_mend(struct rte_eth_dev *dev, uint16_t id, bool fresh);

/** Packets that were delivered to a queue before its contexts were reset. */
struct revere_net_unread {
	uint8_t *messages;
	struct rte_mbuf **mbufs;
	uint32_t num_messages, num; /**< num: mbufs */
};

/** Takes them out of a queue on hold; fresh as in revere_net_pair_mend(). */
void revere_net_unread_take(struct revere_net_rxq *rxq, bool fresh,
	struct revere_net_unread *unread);
/** They are the first ones in the ring, and buffers of the queue, which has no other ones. */
void revere_net_unread_put(struct revere_net_rxq *rxq, struct revere_net_unread *unread);
void revere_net_unread_end(struct revere_net_unread *unread);
/** Finds the rings of a queue's pair. */
void revere_net_rxq_set_rings(struct revere_net_rxq *rxq);
void revere_net_txq_set_rings(struct revere_net_txq *txq);
void revere_net_rxq_info(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info);
void revere_net_txq_info(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info);
int revere_net_rx_burst_mode(struct rte_eth_dev *dev, uint16_t id,
	struct rte_eth_burst_mode *mode);
int revere_net_tx_burst_mode(struct rte_eth_dev *dev, uint16_t id,
	struct rte_eth_burst_mode *mode);

/* ---- revere_rx.c, revere_tx.c: the fast path ---------------------------------------------- */

/**
 * Begins a burst, or whatever a thread of the data path does with a queue. @return false: the queue
 * doesn't run. Stores of *busy and loads of *running are in this order, which costs nothing here:
 * who stops queues sees to it, with membarrier(2).
 */
static __rte_always_inline bool
revere_net_enter(bool *busy, const bool *running)
{
	__atomic_store_n(busy, true, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (likely(__atomic_load_n(running, __ATOMIC_ACQUIRE)))
		return true;
	__atomic_store_n(busy, false, __ATOMIC_RELEASE);
	return false;
}

static __rte_always_inline void
revere_net_leave(bool *busy)
{
	__atomic_store_n(busy, false, __ATOMIC_RELEASE);
}

/** A pair is to be reset; the data path tells, others look. */
static inline void
revere_net_pair_set_failed(struct revere_net_pair *pair, bool failed)
{
	__atomic_store_n(&pair->failed, failed, __ATOMIC_RELAXED);
}

static inline bool
revere_net_pair_failed(const struct revere_net_pair *pair)
{
	return __atomic_load_n(&pair->failed, __ATOMIC_RELAXED);
}

#define REVERE_NET_LINES_AHEAD 12 /* of slots, three messages of 256 bytes */

/** Takes ownership of a cache line. Without -mprfchw compilers make a prefetch to read of it. */
static __rte_always_inline void
revere_net_prefetch_write(const void *line)
{
#if defined(RTE_ARCH_X86)
	asm volatile("prefetchw %0" : : "m"(*(const volatile char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/**
 * Takes ownership of the lines of slots that will be written next: the device's core has read
 * them a round of the ring ago, and getting them back takes as long as some packets.
 */
static __rte_always_inline void
revere_net_prefetch_slots(const struct revere_ring *ring, unsigned int lines)
{
	const uint8_t *slot = revere_tx_slot(ring, 0);
	unsigned int line;

	for (line = 0; line < lines; line++)
		revere_net_prefetch_write(slot + line * RTE_CACHE_LINE_SIZE);
}

uint16_t revere_net_rx_burst(void *rx_queue, struct rte_mbuf **pkts, uint16_t count);
uint16_t revere_net_tx_burst(void *tx_queue, struct rte_mbuf **pkts, uint16_t count);
uint16_t revere_net_tx_burst_segments(void *tx_queue, struct rte_mbuf **pkts, uint16_t count);
uint16_t revere_net_tx_burst_offloads(void *tx_queue, struct rte_mbuf **pkts, uint16_t count);
uint16_t revere_net_tx_burst_inline(void *tx_queue, struct rte_mbuf **pkts, uint16_t count);
/** Bytes of packets that travel in messages, as the port is configured; 0: none do. */
uint32_t revere_net_tx_inline_max(const struct revere_net *net);
uint16_t revere_net_tx_prepare(void *tx_queue, struct rte_mbuf **pkts, uint16_t count);
/** Posts empty buffers if at least @p min are missing, as far as there is room. */
void revere_net_rx_post(struct revere_net_rxq *rxq, uint32_t min);
/** Stops a queue whose device has done what can't be. */
void revere_net_rx_fault(struct revere_net_rxq *rxq, const char *what, uint64_t value);
void revere_net_tx_fault(struct revere_net_txq *txq, const char *what, uint64_t value);
/** Frees the mbuf of a descriptor; one of offloads has none. */
static inline void
revere_net_tx_free(struct rte_mbuf *m)
{
	if (likely(m != NULL))
		rte_pktmbuf_free_seg(m);
}

/** Frees mbufs that were transmitted, of so many packets at the most. @return packets */
uint32_t revere_net_tx_reclaim(struct revere_net_txq *txq, uint32_t max_packets);
revere_queue_count_t revere_net_rx_queue_count(void *rx_queue);
#if REVERE_TX_QUEUE_COUNT
int revere_net_tx_queue_count(void *tx_queue);
#endif
int revere_net_rx_status(void *rx_queue, uint16_t offset);
int revere_net_tx_status(void *tx_queue, uint16_t offset);
int revere_net_tx_done_cleanup(void *tx_queue, uint32_t free_cnt);

/* ---- revere_offload.c: Rx offloads, and what both directions can ------------------------- */

#define REVERE_NET_RX_OFFLOADS                                                                 \
	(RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH |                            \
		RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCTP_CKSUM |                  \
		RTE_ETH_RX_OFFLOAD_OUTER_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM |     \
		RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP |                \
		RTE_ETH_RX_OFFLOAD_KEEP_CRC | RTE_ETH_RX_OFFLOAD_TIMESTAMP |                   \
		RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_BUFFER_SPLIT)
#define REVERE_NET_TX_OFFLOADS                                                                 \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |                        \
		RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_SCTP_CKSUM |                 \
		RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM |     \
		RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_QINQ_INSERT |              \
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_UDP_TSO |                      \
		RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO |         \
		RTE_ETH_TX_OFFLOAD_GRE_TNL_TSO | RTE_ETH_TX_OFFLOAD_IPIP_TNL_TSO |             \
		RTE_ETH_TX_OFFLOAD_IP_TNL_TSO | RTE_ETH_TX_OFFLOAD_UDP_TNL_TSO)

/** mbuf flags of the states of checksums, bits [14:8] of a descriptor's flags. */
extern uint64_t revere_net_rx_checksum_flags[128];
/** Takes what an extension says into a packet's first mbuf. */
void revere_net_rx_extend(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint32_t flags,
	const struct rvr_rna_rx_ext *ext);
/** Works out what the device shall do for a queue with these RTE_ETH_RX_OFFLOAD_*. */
int revere_net_rxq_offloads(struct revere_net_rxq *rxq, uint64_t offloads);
/** Tells the device, which has the queue set up. */
int revere_net_rxq_offloads_send(struct revere_net_rxq *rxq);
/** Changes RVR_RNA_RXO_* in @p mask, now if the queue runs, else when it starts. */
int revere_net_rxq_change(struct revere_net_rxq *rxq, uint32_t mask, uint32_t on);
/** Stripping as the configuration says now; @p mask: RTE_ETH_VLAN_*_MASK that changed. */
int revere_net_vlan_strip_set(struct rte_eth_dev *dev, int mask);
void revere_net_vlan_strip_queue_set(struct rte_eth_dev *dev, uint16_t id, int on);

/* ---- revere_split.c: buffer split --------------------------------------------------------- */

void revere_net_split_info(struct rte_eth_dev_info *info);
REVERE_NET_PTYPES_GET(revere_net_split_ptypes_get);
/** Takes the segments of a configuration: rxq->split, and pool and room of the rest. */
int revere_net_split_setup(struct revere_net_rxq *rxq, const struct rte_eth_rxconf *conf);
/** Takes pairs of mbufs for posting. @return mbufs */
uint32_t revere_net_split_get(struct revere_net_rxq *rxq, struct rte_mbuf **mbufs,
	revere_net_word *addrs, uint32_t count);
/** Whether a descriptor can be, of the buffer of that parity. */
bool revere_net_split_check(const struct revere_net_rxq *rxq, uint32_t flags, uint32_t pkt_len,
	uint32_t seg_len);

/* ---- revere_time.c: clocks and IEEE 1588 -------------------------------------------------- */

int revere_net_timesync_enable(struct rte_eth_dev *dev);
int revere_net_timesync_disable(struct rte_eth_dev *dev);
int revere_net_timesync_read_rx(struct rte_eth_dev *dev, struct timespec *when, uint32_t flags);
int revere_net_timesync_read_tx(struct rte_eth_dev *dev, struct timespec *when);
int revere_net_timesync_adjust(struct rte_eth_dev *dev, int64_t delta);
int revere_net_timesync_read(struct rte_eth_dev *dev, struct timespec *now);
int revere_net_timesync_write(struct rte_eth_dev *dev, const struct timespec *now);
int revere_net_read_clock(struct rte_eth_dev *dev, uint64_t *clock);
/** A packet with a time of arrival on a port that times IEEE 1588 packets. */
void revere_net_rx_ptp(struct revere_net_rxq *rxq, struct rte_mbuf *m, uint64_t timestamp);

/* ---- revere_rss.c ------------------------------------------------------------------------- */

/** The key until the application gives one. */
void revere_net_rss_init(struct revere_net *net);
uint64_t revere_net_rss_offloads(const struct revere_net *net);
#if REVERE_RSS_ALGORITHM
/** RTE_ETH_HASH_ALGO_CAPA_MASK() of what there is. */
uint32_t revere_net_rss_algorithms(const struct revere_net *net);
#endif
/** Settings of a configuration; they are sent at start. */
int revere_net_rss_configure(struct rte_eth_dev *dev);
/** Sends settings to the device. */
int revere_net_rss_apply(struct revere_net *net);
int revere_net_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int revere_net_rss_hash_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int revere_net_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf,
	uint16_t size);
int revere_net_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf,
	uint16_t size);

/** Hash types of the agent, RVR_RNA_RSS_*, for some of DPDK's. */
uint32_t revere_net_rss_types(const struct revere_net *net, uint64_t hf);
/** RVR_RNA_RSS_* of a hash function; -ENOTSUP: the device doesn't have it. */
int revere_net_rss_function(const struct revere_net *net, enum rte_eth_hash_function function,
	uint32_t *types);

/* ---- revere_flow.c ------------------------------------------------------------------------ */

int revere_net_flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops);
/** The agent has forgotten the port's rules: so does the driver. */
void revere_net_flow_forget(struct revere_net *net);

/* ---- revere_mtr.c ------------------------------------------------------------------------- */

int revere_net_mtr_ops_get(struct rte_eth_dev *dev, void *ops);
void revere_net_meters_forget(struct revere_net *net);
/** The agent's number of a meter, or a negative errno. */
int revere_net_meter_find(const struct revere_net *net, uint32_t meter_id);

/* ---- revere_stats.c ----------------------------------------------------------------------- */

REVERE_NET_STATS_GET(revere_net_stats_get);
int revere_net_stats_reset(struct rte_eth_dev *dev);
int revere_net_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n);
int revere_net_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
	unsigned int n);
int revere_net_xstats_get_by_id(struct rte_eth_dev *dev, const uint64_t *ids, uint64_t *values,
	unsigned int n);
int revere_net_xstats_get_names_by_id(struct rte_eth_dev *dev, const uint64_t *ids,
	struct rte_eth_xstat_name *names, unsigned int n);

/* ---- revere_port.c: settings of the port -------------------------------------------------- */

int revere_net_promiscuous_enable(struct rte_eth_dev *dev);
int revere_net_promiscuous_disable(struct rte_eth_dev *dev);
int revere_net_allmulticast_enable(struct rte_eth_dev *dev);
int revere_net_allmulticast_disable(struct rte_eth_dev *dev);
int revere_net_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
int revere_net_mtu_set(struct rte_eth_dev *dev, uint16_t mtu);
int revere_net_link_update(struct rte_eth_dev *dev, int wait);
int revere_net_link_up(struct rte_eth_dev *dev);
int revere_net_link_down(struct rte_eth_dev *dev);
REVERE_NET_PTYPES_GET(revere_net_ptypes_get);
int revere_net_ptypes_set(struct rte_eth_dev *dev, uint32_t mask);
/** Sends settings of the port itself; it stays disabled. */
int revere_net_settings_apply(struct rte_eth_dev *dev);
/** Sends all, also those that ethdev sends at each start. */
int revere_net_settings_restore(struct rte_eth_dev *dev);

#endif /* REVERE_NET_H */
