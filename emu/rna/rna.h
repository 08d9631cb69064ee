/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of the RNA agent: what its parts know of each other. Nobody else includes it.
 *
 * A port has queues, filters, RSS and a backend, the wire. A queue is one AMI-HW. A packet goes
 *
 *   tx.c: descriptor -> translated data -> backend (port_path) -> rx.c: filter, queue, buffers
 *
 * and the receive descriptors leave with the end of the turn (rx.c). All AMI-HWs of the agent are
 * one worker's (aha_ops.affinity), ports come and go within a pause: there are no locks here.
 */

#ifndef RNA_H
#define RNA_H

#include <stdlib.h>

#include "aha.h"
#include "amu.h"
#include "offload.h"
#include "parse.h"
#include "rvr_rna.h"
#include "rvr_rna_state.h"

#define RNA_PORTS_MAX 256
#define RNA_QUEUES_MAX 256
#define RNA_BUFFERS_MAX 16384
#define RNA_FRAME_MAX 9600 /**< bytes, Ethernet header with, CRC without */
#define RNA_FRAME_MIN 14   /**< an Ethernet header */
#define RNA_BUFFER_MIN 64
#define RNA_SEGMENTS_MAX 64
#define RNA_RETA_SIZE 128
#define RNA_KEY_SIZE 40
#define RNA_RSS_INPUT_MAX 36 /**< bytes: two IPv6 addresses and two ports */
#define RNA_RSS_HOW                                                                            \
	(RVR_RNA_RSS_L3_SRC | RVR_RNA_RSS_L3_DST | RVR_RNA_RSS_L4_SRC | RVR_RNA_RSS_L4_DST |   \
		RVR_RNA_RSS_INNER | RVR_RNA_RSS_SYMMETRIC | RVR_RNA_RSS_SORTED)
#define RNA_RSS_TYPES (RVR_RNA_RSS_KINDS | RNA_RSS_HOW | RVR_RNA_RSS_XOR)
#define RNA_FIRMWARE "revere-emu rna 1.0"

struct rna;
struct rna_port;
struct rna_queue;
struct rna_steer;
struct rna_flow;
struct flow_port;

/** What a wire is. Called by the agent's worker, add() and del() within a pause. */
struct rna_backend {
	const char *name;
	uint8_t kind;	/**< enum rvr_rna_port_kind */
	bool wants_arg; /**< "name=ARG" rather than "name" */
	int (*add)(struct rna_port *port, const char *arg, char *error, size_t error_size);
	void (*del)(struct rna_port *port);
	/** Whether there is a carrier; NULL: always. */
	bool (*carrier)(const struct rna_port *port);
	/** Where packets arrive that this port sends; NULL: they go to send(). */
	struct rna_port *(*faces)(struct rna_port *port);
	/** Takes a packet of a port whose link is up; false: it could not. */
	bool (*send)(struct rna_port *port, const uint8_t *data, uint32_t len);
	/** Receives what came by the wire; NULL: nothing comes so. true: something did. */
	bool (*poll)(struct rna_port *port);
};

extern const struct rna_backend rna_backend_af_packet;
extern const struct rna_backend rna_backend_loop;
extern const struct rna_backend rna_backend_null;
extern const struct rna_backend rna_backend_pair;
extern const struct rna_backend rna_backend_pcap;
extern const struct rna_backend rna_backend_representor;
extern const struct rna_backend rna_backend_tap;
extern const struct rna_backend rna_backend_virtual;

/** Counters of a queue, as struct rvr_rna_queue_stats. */
struct rna_queue_stats {
	uint64_t rx_packets, rx_bytes, rx_no_buffer;
	uint64_t tx_packets, tx_bytes, tx_errors;
	uint64_t rx_errors;
};

/** Counters of what no queue saw, as struct rvr_rna_stats, and of rules, as rvr_rna_steer_stats. */
struct rna_port_stats {
	uint64_t rx_filtered, rx_oversize, rx_undersize, rx_stopped;
	uint64_t tx_dropped;
	uint64_t rx_multicast, rx_broadcast;
	uint64_t flow_dropped, flow_failed;
};

/** An empty receive buffer; va is NULL where it isn't contiguous here or not mapped. */
struct rna_buffer {
	uint8_t *va;
	uint64_t iova;
};

/**
 * A queue pair. Buffers and the descriptors of filled ones share indices, which run freely:
 *
 *   returned          filled            posted       (posted - returned <= buffers)
 *      | descs[] wait    | bufs[] empty    |
 */
struct rna_queue {
	/* Receive, what each packet touches. */
	struct rna_buffer *bufs;
	struct rvr_rna_rx_desc *descs;
	uint32_t mask; /**< of bufs and descs */
	uint32_t posted;
	uint32_t filled;
	uint32_t returned;
	uint32_t buffer_size;
	uint32_t buffers; /**< how many may be outstanding; 0: the queue doesn't receive */
	unsigned int generation; /**< of the address space when bufs[].va were found */
	bool rx_started;
	bool tx_started;
	bool rx_stopped; /**< it would be started, if its Function were enabled */
	bool dirty;   /**< in rna->dirty */
	bool starved; /**< in this turn the driver had posted nothing more */
	bool tx_bad; /**< the packet that is being gathered is refused */
	struct ami_hw *hw;
	struct rna_port *port;
	struct rna_queue *next_dirty;
	struct rna_rx_info *infos; /**< of descs; NULL: without extensions */
	struct rna_lro *lro; /**< packets that are being put together; NULL: none ever were */
	uint32_t offloads; /**< RVR_RNA_RXO_* of reception */
	uint32_t sizes[2]; /**< bytes of buffers of even and odd numbers */
	struct {
		uint32_t ptype; /**< cut behind these headers; 0: behind len bytes */
		uint16_t len, buffer; /**< bytes of buffers of even numbers */
	} split;
	uint64_t returned_total; /**< since the queue's start: rvr_rna_rx.first */

	/* Transmit. */
	uint64_t tx_done;	 /**< descriptors since the queue's start */
	uint64_t tx_done_told;	 /**< of which the driver knows */
	uint8_t *gather;	 /**< packet in pieces, room for RNA_FRAME_MAX */
	uint32_t gather_len;
	struct rna_tx_offload offload; /**< of the packet that is being gathered */
	uint8_t *segment;	 /**< for offloads; NULL until there are some */
	uint32_t gather_segments; /**< 0: no packet is being gathered */

	struct rna_queue_stats stats;
	struct rvr_rna_rx_offloads offloads_set; /**< as the driver set them */
	unsigned int held; /**< RVR_RNA_DIR_*: directions that QUEUE_SAVE stopped */
	uint16_t id;
};

/** What is told of a received packet beside its length; see struct rvr_rna_rx_desc, _ext. */
struct rna_rx_info {
	uint64_t type; /**< ptype, and flags: RNA_RX_TYPE() */
	uint32_t hash;
	uint32_t mark;
	uint16_t vlan_tci, outer_vlan_tci, lro_mss;
	uint16_t split; /**< bytes for the first buffer of a pair */
	uint64_t timestamp;
};

/** Receive-side scaling of a port. */
struct rna_rss {
	uint32_t types;
	uint8_t key[RNA_KEY_SIZE];
	uint16_t reta[RNA_RETA_SIZE];
	/** Hash of each value of each byte of the input: hashing is lookups and XOR. */
	uint32_t table[RNA_RSS_INPUT_MAX][256];
};

struct rna_port {
	/* What each packet touches. */
	struct rna_port *to; /**< where what is sent arrives; NULL: rna_port_send_slow() */
	struct rna_queue *only; /**< gets all unicast, nothing is to be parsed; NULL: not so */
	uint32_t rx_max;     /**< longest frame that is received now; 0: the port is stopped */
	bool promisc;
	bool allmulti;
	bool ptypes; /**< the driver wants packet types */
	bool flow_rx; /**< there are rules for what arrives (flow/) */
	bool flow_tx; /**< ... and for what the host sends */
	bool gated;  /**< what queues send waits until tm.c grants it */
	bool rx_offloads; /**< some queue has offloads: packets are parsed */
	bool parses_all; /**< all unicast is taken, and goes by parser and RSS alone */
	struct rna_queue **queue; /**< RNA_QUEUES_MAX */
	struct rna_port_stats stats;

	struct rna *rna;
	uint16_t id;
	struct rna_rss *rss;
	struct flow_port *flow; /**< its rules; NULL: it never had any */
	struct rna_steer *steer; /**< addresses, VLANs, pools, shapers */
	const struct rna_backend *backend;
	void *wire; /**< the backend's own state */
	char backend_name[32];
	uint16_t virtual_number; /**< of a virtual port, or of that which it represents */
	struct ami_hw *owner; /**< control channel that has the port, or NULL */
	bool enabled;
	bool admin_up;
	bool link_up;
	bool event_pending;
	uint16_t max_frame;
	uint8_t mac[6];
	uint8_t mac_permanent[6];
	unsigned int num_queues;  /**< that are set up */
	struct rna_queue *poller; /**< whose AMI-HW polls the wire */
	struct rna_queue_stats gone; /**< counters of queues that were reset since */
	struct rna_queue_stats *past; /**< by number: of queues that aren't set up */
	uint64_t clock_offset;	/**< ns, of the port's clock to the raw one */
	uint64_t tx_timestamp;	/**< of the last packet that was to be timed */
	bool tx_timestamp_valid;
};

/** The agent: aha->priv. A queue is hw->priv of its AMI-HW. */
struct rna {
	struct aha *aha;
	struct rna_port *port[RNA_PORTS_MAX];
	unsigned int num_ports; /**< highest number in use, plus 1 */
	unsigned int max_queues;
	struct rna_flow *flow; /**< NULL: there never were rules */
	bool events_pending; /**< of some port */
	uint8_t scratch[RNA_FRAME_MAX + RNA_TAGS_SIZE]; /**< for a packet that changes on its way */
	struct rna_queue *dirty; /**< queues with descriptors or completions to be sent */
};

/** Reads 8 bytes of a message once, whatever the host does to them meanwhile. */
static inline uint64_t
rna_load64(const uint8_t *at)
{
	typedef uint64_t __attribute__((may_alias)) word;

	return rvr_le64_cpu(__atomic_load_n((const word *)(const void *)at, __ATOMIC_RELAXED));
}

/** A message that is to be read soon: its lines are another core's, which takes long. */
static inline void
rna_prefetch_message(const uint8_t *msg)
{
	unsigned int line;

	for (line = 0; line < 4; line++)
		__builtin_prefetch(msg + (size_t)line * AMU_CACHE_LINE);
}

/** Takes ownership of a cache line. Without -mprfchw compilers make a prefetch to read of it. */
static inline void
rna_prefetch_write(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const volatile char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/** Zeroed memory that begins with a cache line, for free(); NULL: there is none. */
static inline void *
rna_zalloc(size_t size)
{
	void *memory;

	size = (size + AMU_CACHE_LINE - 1) & ~(size_t)(AMU_CACHE_LINE - 1);
	memory = aligned_alloc(AMU_CACHE_LINE, size);
	return memory == NULL ? NULL : memset(memory, 0, size);
}

/** Something is to be sent to the driver at the end of the turn. */
static inline void
rna_queue_dirty(struct rna_queue *q)
{
	struct rna *rna = q->port->rna;

	if (q->dirty)
		return;
	q->dirty = true;
	q->next_dirty = rna->dirty;
	rna->dirty = q;
}

/* ---- port.c ------------------------------------------------------------------------------- */

/** Works out what depends on settings: link, events, where packets go. */
void rna_port_refresh(struct rna_port *port);
/** A port as it was when it was made. */
void rna_port_reset(struct rna_port *port);
uint32_t rna_port_flags(const struct rna_port *port);
/** Uplink, virtual port or representor: enum rvr_rna_port_kind */
static inline unsigned int
rna_port_kind(const struct rna_port *port)
{
	return port->backend->kind;
}
/** Number of the port that is meant for a Function; *only: it can't use another one. */
unsigned int rna_port_of_function(const struct rna *rna, unsigned int function, bool *only);
/** Sends a packet by the backend, past all rules, whatever `to` is; false: it was dropped. */
bool rna_port_send(struct rna_port *port, const uint8_t *data, uint32_t len);
/** Sends where `to` is NULL: by the backend; false: the packet was dropped. */
bool rna_port_send_slow(struct rna_port *port, const uint8_t *data, uint32_t len);
/** Sends events that wait. true: some left. */
bool rna_events_send(struct rna *rna);

/* ---- queue.c ------------------------------------------------------------------------------ */

/** Gives a port's queue an AMI-HW, or a set-up, stopped one new buffers. rvr_rna_control_status */
unsigned int rna_queue_setup(struct rna_port *port, struct ami_hw *hw, unsigned int id,
	uint32_t buffers, uint32_t buffer_size);
void rna_queue_release(struct rna_queue *q);
void rna_queue_start(struct rna_queue *q, unsigned int direction);
void rna_queue_stop(struct rna_queue *q, unsigned int direction);

/* ---- save.c ------------------------------------------------------------------------------- */

/** Stops a queue and writes its state. *size: bytes of it. enum rvr_rna_control_status */
unsigned int rna_queue_save(struct rna_queue *q, struct dma_view *view,
	const struct rvr_rna_queue_state *to, uint32_t *size);
/** Sets a queue up as it was saved; its number is below max_queues. */
unsigned int rna_queue_restore(struct rna_port *port, struct ami_hw *hw, struct dma_view *view,
	const struct rvr_rna_queue_state *from);

/* ---- control.c ---------------------------------------------------------------------------- */

uint32_t rna_control_receive(struct ami_hw *hw, struct asn *asn, const uint8_t *msgs,
	uint32_t count);

/* ---- tx.c --------------------------------------------------------------------------------- */

uint32_t rna_tx_receive(struct rna_queue *q, struct asn *asn, const uint8_t *msgs,
	uint32_t count);
/** Tells how far transmission got, if there is room. */
void rna_tx_flush(struct rna_queue *q);

/* ---- rx.c, rx.h --------------------------------------------------------------------------- */

uint32_t rna_buffers_receive(struct rna_queue *q, struct asn *asn, const uint8_t *msgs,
	uint32_t count);
/** Packs waiting descriptors into messages, as far as there is room. */
void rna_rx_flush(struct rna_queue *q);
/** Finds the buffers' memory again after a change of the address space. */
void rna_rx_remap(struct rna_queue *q);

/* ---- rx_offload.c ------------------------------------------------------------------------- */

/** Whether offloads are such as there are. */
bool rna_rx_offloads_valid(const struct rvr_rna_rx_offloads *set);
/** Sets what a queue does with received packets. */
unsigned int rna_rx_offloads_set(struct rna_queue *q, const struct rvr_rna_rx_offloads *set);
/** Receives a packet on a running queue with offloads. */
void rna_rx_offload(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed, struct rna_rx_info *info);
/** Puts a packet into a running queue's next buffers, with all that is known of it. */
void rna_rx_put_info(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_rx_info *info);
/** Sends descriptors, with extensions. */
void rna_rx_flush_ext(struct rna_queue *q);

/* ---- rx_split.c --------------------------------------------------------------------------- */

/** How many of a packet's bytes belong into the first buffer of a pair. */
uint32_t rna_split_at(const struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed);
/** rna_rx_put() for a queue with pairs of buffers. */
void rna_rx_put_split(struct rna_queue *q, const uint8_t *data, uint32_t len, uint32_t at,
	uint64_t type, uint32_t hash);

/* ---- lro.c -------------------------------------------------------------------------------- */

/** Starts anew, for packets of up to so many bytes, held for so long; false: no memory. */
bool rna_lro_set(struct rna_queue *q, uint32_t max, uint32_t microseconds);
void rna_lro_free(struct rna_queue *q);
/**
 * Takes a packet, of which `stripped` bytes of tags have been taken off since it was parsed.
 * @param sums  what rna_verify() says
 * @return false: it is none to be put together
 */
bool rna_lro_receive(struct rna_queue *q, const uint8_t *data, uint32_t len,
	const struct rna_parsed *parsed, uint32_t stripped, uint32_t sums,
	const struct rna_rx_info *info);
/** Nothing is held back any longer. */
void rna_lro_flush(struct rna_queue *q);
/** Nothing whose time is over is; at the end of a turn and between turns. */
void rna_lro_expire(struct rna_queue *q);
/** Whether something is held back, so that rna_lro_expire() is due some time. */
bool rna_lro_holds(const struct rna_queue *q);

/* ---- time.c ------------------------------------------------------------------------------- */

/** Time by a clock that is never set, ns. */
uint64_t rna_time_raw(void);
uint64_t rna_time(const struct rna_port *port);

/* ---- rss.c -------------------------------------------------------------------------------- */

void rna_rss_init(struct rna_rss *rss);
/** Sets RVR_RNA_RSS_* and the key; NULL leaves it */
void rna_rss_set(struct rna_rss *rss, uint32_t types, const uint8_t *key);
/** @return true and the hash, or false: none of the types that are asked for */
bool rna_rss_hash(const struct rna_rss *rss, const uint8_t *data,
	const struct rna_parsed *parsed, uint32_t *hash);

/** Hash of so many bytes that stand in the input from byte `at` on. */
static inline uint32_t
rna_rss_hash_bytes(const struct rna_rss *rss, unsigned int at, const uint8_t *data,
	unsigned int len)
{
	uint32_t hash = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		hash ^= rss->table[at + i][data[i]];
	return hash;
}

/** rna_rss_hash() of what rna_parse_plain() found, unless rss->types has one of RNA_RSS_HOW. */
static inline bool
rna_rss_hash_plain(const struct rna_rss *rss, const uint8_t *data, uint8_t proto, uint32_t *hash)
{
	const uint8_t *addresses = data + RNA_PLAIN_L3 + 12; /* ports follow */

	if (rss->types & (proto == PROTO_TCP ? RVR_RNA_RSS_IPV4_TCP : RVR_RNA_RSS_IPV4_UDP))
		*hash = rna_rss_hash_bytes(rss, 0, addresses, 12);
	else if (rss->types & RVR_RNA_RSS_IPV4)
		*hash = rna_rss_hash_bytes(rss, 0, addresses, 8);
	else
		return false;
	return true;
}

/* ---- flow/ -------------------------------------------------------------------------------- */

/** What the host gets with a packet that a rule marked. */
struct rna_rx_mark {
	enum { RNA_RX_UNMARKED, RNA_RX_FLAGGED, RNA_RX_MARKED } kind;
	uint32_t value; /**< with RNA_RX_MARKED */
};

/** A packet of a length that the port takes arrived, and the port has flow_rx. */
void rna_flow_receive(struct rna_port *port, const uint8_t *data, uint32_t len);
/** The host sends a packet, and the port has flow_tx; false: it could not be sent. */
bool rna_flow_send(struct rna_port *port, const uint8_t *data, uint32_t len);
/** Whether a port has rules now. */
void rna_flow_paths(const struct rna_port *port, bool *receive, bool *send);
/** Whether a control opcode is one of rules, and whether it changes the port. */
bool rna_flow_knows(unsigned int opcode);
bool rna_flow_changes(unsigned int opcode);
/** Executes a request; payload of `size` bytes. enum rvr_rna_control_status */
unsigned int rna_flow_control(struct rna_port *port, unsigned int opcode, bool pf,
	const uint8_t *in, uint32_t size, uint8_t *out, uint32_t *detail);
/** A port's rules go; the adapter's part goes. */
void rna_flow_port_free(struct rna_port *port);
void rna_flow_fini(struct rna *rna);

/* ---- stats.c ------------------------------------------------------------------------------ */

void rna_stats_get(const struct rna_port *port, struct rvr_rna_stats *stats);
void rna_queue_stats_get(const struct rna_queue *q, struct rvr_rna_queue_stats *stats);
/** Counters of the queue of that number, whether it is set up or not. */
const struct rna_queue_stats *rna_queue_stats_of(const struct rna_port *port, unsigned int id);
void rna_queue_stats_set(struct rna_queue *q, const struct rvr_rna_queue_stats *stats);
void rna_stats_reset(struct rna_port *port);
void rna_queue_stats_add(struct rna_queue_stats *sum, const struct rna_queue_stats *more);

#endif /* RNA_H */
