/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * A Revere-AMU device in software: what the machine around a device can do with it.
 *
 * These calls are the slot that the device is plugged into (power, configuration space, register
 * access, memory, interrupt wires), not a way to drive it: driving happens through registers and
 * rings, as with any Revere device. Servers (vfio-user) and local transports stand on this header;
 * it includes no DPDK header.
 *
 * Unless said otherwise functions return 0 or a negative errno, and may be called from any
 * thread, several at once.
 */

#ifndef REVERE_EMU_H
#define REVERE_EMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REVERE_EMU_WORKERS_MAX 16
#define REVERE_EMU_AGENTS_MAX 8
#define REVERE_EMU_NAME_MAX 64

/** How the device runs. */
enum revere_emu_mode {
	REVERE_EMU_THREADED, /**< worker threads poll the rings */
	REVERE_EMU_INLINE,   /**< no thread: revere_emu_kick() does all there is to do */
};

/** What may be at an AHA_ID. */
enum revere_emu_agent {
	REVERE_EMU_AGENT_NONE,
	REVERE_EMU_AGENT_INVERSION,
	REVERE_EMU_AGENT_RNA,
	REVERE_EMU_AGENT_DMA,
};

/** Severity of a log line, as in syslog(3). */
enum revere_emu_log_level {
	REVERE_EMU_LOG_ERR = 3,
	REVERE_EMU_LOG_WARNING = 4,
	REVERE_EMU_LOG_NOTICE = 5,
	REVERE_EMU_LOG_INFO = 6,
	REVERE_EMU_LOG_DEBUG = 7,
};

/** Receives a finished line without a newline. */
typedef void (*revere_emu_log_fn)(void *arg, enum revere_emu_log_level level, const char *line);

/** Faults that tests inject; probabilities as one in n, 0 never. */
struct revere_emu_faults {
	uint32_t response_late_us;    /**< management responses are held back this long */
	uint32_t response_lost;	      /**< one in n management responses is never written */
	uint32_t response_wrong_op;   /**< one in n management responses carries another OPCODE */
	uint32_t command_stuck;	      /**< from the n-th command on, none is executed */
	uint32_t answer_late_us;      /**< agents' answers are held back this long */
	uint32_t answer_corrupt;      /**< one in n agents' answers has random bytes */
	uint32_t answer_lost;	      /**< one in n agents' answers is dropped */
	uint32_t index_wild;	      /**< one in n RX index updates is wild */
	uint32_t dma_fault;	      /**< one in n DMA copies fails */
	uint32_t seed;		      /**< of the random numbers behind all these */
};

/** Sizes and behaviour; fill in with revere_emu_config_init(), then change. */
struct revere_emu_config {
	enum revere_emu_mode mode;
	unsigned int ami_type;		  /**< enum rvr_ami_type: 0 A1, 1 A2, 2 B; 0 */
	unsigned int num_ami_sw;	  /**< AMI-SWs of the device, 1..4096; 64 */
	unsigned int num_ami_hw;	  /**< AMI-HWs of each agent, 16..4096; 0: num_ami_sw */
	enum revere_emu_agent agents[REVERE_EMU_AGENTS_MAX]; /**< kinds by AHA_ID: inversion, rna,
		dma, each once at the most, or none; inversion:rna:none:dma */
	unsigned int num_ams;		  /**< sockets of each direction of an AMI, 1..64; 8 */
	unsigned int num_asn;		  /**< sessions, 1..2^20; 0: 16 * num_ami_sw */
	unsigned int min_log2_msg_length; /**< DW, 3.. ; 3 */
	unsigned int max_log2_msg_length; /**< DW, ..8; 8 */
	unsigned int max_log2_size;	  /**< slots, 0..16; 16 */
	unsigned int num_vf;		  /**< Virtual Functions, 0..255; 0 */
	unsigned int msix_vectors;	  /**< of each Function, 1..2048; 2048 */
	unsigned int workers;		  /**< threads, 1..REVERE_EMU_WORKERS_MAX; 1 */
	int worker_cpus[REVERE_EMU_WORKERS_MAX]; /**< CPU of each worker, -1 any; -1 */
	unsigned int idle_us; /**< a worker without work naps after this long, 0 never; 1000 */
	bool asn_prof;	      /**< sessions can be profiled; true */
	bool tracing;	      /**< sessions can be traced; true */
	unsigned int arch_major; /**< AMU_AIDR.ArchMajorRev, for tests; 3 */
	/** Address, as a wish, for so many bytes of AMI-SW pages; NULL: anywhere */
	void *(*pages_place)(size_t size);
	struct revere_emu_faults faults;
	revere_emu_log_fn log; /**< NULL: standard error, warnings and errors alone */
	enum revere_emu_log_level log_level; /**< lines of less weight aren't written; DEBUG */
	void *log_arg;
};

/** One device. */
struct revere_emu;

/** Defaults. */
void revere_emu_config_init(struct revere_emu_config *config);

/**
 * Changes one setting of @p config by its name and value as text, as options, devargs and files
 * give them ("mode=inline", "ami_type=B", "num_ami_sw=4096", "worker_cpus=1:2",
 * "agents=inversion:dma", "faults.dma_fault=100", ...).
 *
 * @param error  where to put one sentence that names key, value and what is allowed; may be NULL
 * @return 0; -ENOENT no such key; -EINVAL the value is malformed or out of range
 */
int revere_emu_config_set(struct revere_emu_config *config, const char *key, const char *value,
			  char *error, size_t error_size);

/**
 * Makes a device. Worker threads start here.
 *
 * @param name   for logs and thread names
 * @param error  where to put one sentence about what is wrong; may be NULL
 */
struct revere_emu *revere_emu_create(const char *name, const struct revere_emu_config *config,
				     char *error, size_t error_size);

/** Stops the workers and frees all. No other call may be running. NULL is allowed. */
void revere_emu_destroy(struct revere_emu *emu);

/** The configuration in force. */
const struct revere_emu_config *revere_emu_config_get(const struct revere_emu *emu);

/* ---- Register pages. `function`: 0 the PF, 1.. VFs -------------------------------------- */

/**
 * Reads from the management page: the intercepted path. @p size is 4 or 8 and @p offset a
 * multiple of it. What is no register reads as 0.
 */
uint64_t revere_emu_mgt_read(struct revere_emu *emu, unsigned int function, uint32_t offset,
			     unsigned int size);

/** Writes to the management page; commands that it makes ready are executed (or queued). */
void revere_emu_mgt_write(struct revere_emu *emu, unsigned int function, uint32_t offset,
			  unsigned int size, uint64_t value);

/** Where AMI-SW page 0 lies in the file of revere_emu_pages_fd(): as in BAR0. */
#define REVERE_EMU_PAGES_OFFSET 0x10000u

/**
 * The memory behind a Function's AMI-SW pages, for sharing (sparse mmap) or mapping: page n is
 * at REVERE_EMU_PAGES_OFFSET + n * 64 KiB of the file, where BAR0 has it; before page 0 there is
 * a hole. Loads and stores to it are the direct path; the device polls it.
 *
 * The file can neither shrink nor grow (F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL): whom it is
 * handed to can't take pages away under the device.
 *
 * @param size  set to the bytes of all pages, without the hole; may be NULL
 * @return a file descriptor that stays the device's
 */
int revere_emu_pages_fd(struct revere_emu *emu, unsigned int function, uint64_t *size);

/**
 * Makes the page of a mapped AMI-SW, at offset 0, a file of its own until the AMI-SW is unmapped,
 * for those that are to see no other page. Its part of revere_emu_pages_fd() is of no effect
 * meanwhile; the memory of revere_emu_pages() shows the new one.
 *
 * @return a file descriptor that stays the device's; -EINVAL no such AMI-SW, or not mapped; -ENOMEM
 */
int revere_emu_page_fd(struct revere_emu *emu, unsigned int function, unsigned int ami_sw_id);

#define REVERE_EMU_PAGES_KEPT 0x10000u /**< numbers of pages that are kept */

/**
 * A page that is there, under a number, until it is dropped, whichever AMI-SWs are mapped.
 *
 * @param key  below REVERE_EMU_PAGES_KEPT; made with zeroes when it is used first
 * @param ami_sw_id  becomes that of this AMI-SW, which must be mapped and disabled, until it is
 *   unmapped; -1 of none
 * @return a file descriptor that stays the device's, the page is at offset 0; -EINVAL no such
 *   number, or AMI-SW; -EBUSY the AMI-SW is enabled; -ENOMEM
 */
int revere_emu_page_kept(struct revere_emu *emu, unsigned int function, unsigned int key,
			 int ami_sw_id);

/** Forgets a page; REVERE_EMU_PAGES_KEPT: all of them. */
void revere_emu_page_drop(struct revere_emu *emu, unsigned int function, unsigned int key);

/**
 * Another file of zeroes for all AMI-SW pages of a Function, those of their own included: whoever
 * has been given the former ones has memory that nobody looks at any more. The descriptor and the
 * address stay. For a Function that changes hands, after revere_emu_reset().
 */
void revere_emu_pages_renew(struct revere_emu *emu, unsigned int function);

/** The same memory in this process, or NULL. */
void *revere_emu_pages(struct revere_emu *emu, unsigned int function);

/**
 * Inline mode: does all that the doorbells written so far ask for, until nothing moves. Several
 * threads may call it at once. Threaded mode: wakes napping workers.
 */
void revere_emu_kick(struct revere_emu *emu);

/* ---- What the bus does -------------------------------------------------------------------- */

/** Sets Bus Master Enable of a Function; clear at reset. */
void revere_emu_bus_master(struct revere_emu *emu, unsigned int function, bool enable);

/** Function Level Reset; the PF's is one of all VFs too. */
int revere_emu_reset(struct revere_emu *emu, unsigned int function);

/** How often a Function was reset, be it with the PF: its configuration space is to follow. */
uint32_t revere_emu_resets(struct revere_emu *emu, unsigned int function);

#define REVERE_EMU_PROT_READ 0x1u  /**< the device may read */
#define REVERE_EMU_PROT_WRITE 0x2u /**< the device may write */

/**
 * Lets a Function reach memory. Ranges may touch, not overlap.
 *
 * @param va  where this process sees it; stays valid until the unmap has returned
 * @return 0; -EEXIST overlaps a mapping; -EINVAL size 0 or wraps; -ENOMEM
 */
int revere_emu_dma_map(struct revere_emu *emu, unsigned int function, uint64_t iova, void *va,
		       uint64_t size, unsigned int prot);

/**
 * Takes memory away: every map or part of a map inside the range. When it returns the device
 * neither reads nor writes it any more.
 *
 * @return bytes that were mapped there, 0 if none
 */
uint64_t revere_emu_dma_unmap(struct revere_emu *emu, unsigned int function, uint64_t iova,
			      uint64_t size);

/**
 * The same in the address space of one of the Function's PASIDs, which AMIs with PASID_ENABLED use:
 * it is another one than the Function's own and than each other PASID's.
 *
 * @param pasid  20 bits
 */
int revere_emu_dma_map_pasid(struct revere_emu *emu, unsigned int function, uint32_t pasid,
			     uint64_t iova, void *va, uint64_t size, unsigned int prot);
uint64_t revere_emu_dma_unmap_pasid(struct revere_emu *emu, unsigned int function,
				    uint32_t pasid, uint64_t iova, uint64_t size);

/**
 * Shared virtual addressing: IOVAs of the Function, not of its PASIDs, are addresses of this
 * process. What is not mapped with revere_emu_dma_map() is reached too, more slowly; an address
 * that this process does not have is a fault, not a signal.
 */
int revere_emu_sva(struct revere_emu *emu, unsigned int function, bool enable);

/**
 * Connects an interrupt vector to an eventfd, which the caller keeps open until the call that
 * disconnects it (fd -1) has returned.
 */
int revere_emu_irq_set(struct revere_emu *emu, unsigned int function, unsigned int vector, int fd);

/* ---- What stands behind the network agent -------------------------------------------------- */

/**
 * Adds a port to the RNA agent.
 *
 * @param backend  "loop", "null", "pair=NAME" (two ports with the same NAME face each other),
 *                 "tap=INTERFACE" (which is made), "af_packet=INTERFACE" (which is there) or
 *                 "pcap=PARTS": in=FILE, out=FILE, rate=PACKETS a second, infinite; with ; between
 * @param mac      permanent address, NULL for a random, locally administered one
 * @return number of the port; -EINVAL, -EEXIST (NAME has both ports), -ENOSPC or the error of
 *         the backend; @p error gets one sentence
 */
int revere_emu_port_add(struct revere_emu *emu, const char *backend, const uint8_t mac[6],
			char *error, size_t error_size);

/** Removes a port; its queues are stopped, what it held is dropped. */
int revere_emu_port_remove(struct revere_emu *emu, unsigned int port);

/** Writes what the device is and does at the moment as text to @p fd. */
int revere_emu_dump(struct revere_emu *emu, int fd);

#ifdef __cplusplus
}
#endif

#endif /* REVERE_EMU_H */
