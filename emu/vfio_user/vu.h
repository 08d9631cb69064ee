/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of the vfio-user server: what its parts know of each other.
 *
 * server.c has the sockets, message.c cuts their streams into messages, device.c hands each to
 * the part that answers it (version.c, dma.c, region.c, irq.c). Everything below vu_handle() is
 * free of sockets, so tests and fuzzers feed it directly. Handlers return 0 or a negative errno,
 * which becomes the error reply.
 *
 * Nothing here asks the client for anything (no DMA_READ, no DMA_WRITE): a client that waits for
 * the reply of its own request would not answer.
 */

#ifndef VU_H
#define VU_H

#include <sys/queue.h>
#include <sys/types.h>

#include "pci_config.h"
#include "proto.h"
#include "rvr_fds.h"
#include "rvr_vfio_user.h"
#include "vfio_user.h"

#define VU_MAX_FDS RVR_FDS_MAX	  /**< file descriptors with a message */
#define VU_MAX_XFER (1024 * 1024) /**< bytes of one region access */
#define VU_MAX_DATA (sizeof(struct vu_region_access) + VU_MAX_XFER) /**< after the header */
#define VU_MAX_DMA_MAPS 65535	  /**< the protocol's default */
#define VU_MAX_FILES 16384	  /**< distinct files behind DMA maps; each huge page may be one;
				       fewer where many Functions are served */
#define VU_MAX_IDLE_FILES 4	  /**< files that stay mapped here without a DMA map */
#define VU_MAX_PASIDS 4096	  /**< address spaces with DMA maps */

#define VU_MEMORY_MIN (16u << 20) /**< bytes of what is taken for a guest's memory */

#define VU_NUM_REGIONS VFIO_PCI_NUM_REGIONS
#define VU_NUM_IRQS VFIO_PCI_NUM_IRQS

/** Who sends requests. */
struct vu_client {
	bool owner; /**< has the Function: has negotiated the version */
	bool close; /**< set here: connection is over once the reply is out */
};

/** A request, and room for its reply. */
struct vu_msg {
	struct vu_header header;
	const uint8_t *data; /**< after the header, 8-byte aligned */
	uint32_t size;	     /**< of data */
	unsigned int num_fds;
	int fds[VU_MAX_FDS]; /**< closed after the request, except those set to -1 */
	uint8_t *reply;	     /**< VU_MAX_DATA bytes, 8-byte aligned */
	uint32_t reply_size;
	int reply_fd; /**< goes with the reply and stays the device's; -1 none */
};

/** A file that clients' memory is in, mapped here once as a whole; of a PASID's what it needs. */
struct vu_file {
	TAILQ_ENTRY(vu_file) link; /**< least recently used first */
	dev_t dev;
	ino_t ino;
	bool writable;
	uint8_t *base;
	uint64_t start;	   /**< first byte of the file that is mapped */
	uint64_t length;   /**< bytes that are */
	unsigned int refs; /**< DMA maps in it */
	int guard;	   /**< of SIGBUS */
};

/** A DMA map. */
struct vu_dma_range {
	uint64_t iova;
	uint64_t size;
	struct vu_file *file; /**< NULL: came without a file, the device can't reach it */
};

/** DMA maps of an address space. */
struct vu_dma_space {
	TAILQ_ENTRY(vu_dma_space) link;
	bool has_pasid;
	uint32_t pasid;
	struct vu_dma_range *ranges; /**< sorted, without overlap */
	unsigned int num;
	unsigned int max;
};

struct vu_dma {
	struct vu_dma_space own; /**< without PASID */
	TAILQ_HEAD(vu_dma_spaces, vu_dma_space) pasids;
	unsigned int num_pasids;
	unsigned int num_files;
	bool noted_unshared; /**< the client was told of memory that can't be reached */
	bool noted_full;     /**< and that it has too many files */
	TAILQ_HEAD(vu_files, vu_file) files;
};

/** eventfds, -1 where there is none. */
struct vu_irqs {
	int *msix;
	unsigned int num_msix;
	int req;
};

/** A Function, as clients see it. */
struct vu_device {
	struct revere_emu *emu;
	unsigned int function;
	struct vu_client *owner;
	unsigned int client_max_fds;
	bool direct; /**< AMI-SW pages can be mapped; else each access is a message */
	uint8_t *pages;
	int pages_fd;
	bool pages_given; /**< the client was given a file of pages */
	uint64_t pages_size;
	uint8_t *msix_table;
	uint32_t msix_table_size;
	struct pci_config config;
	struct vu_dma dma;
	struct vu_irqs irqs;
};

/* ---- device.c ----------------------------------------------------------------------------- */

int vu_device_init(struct vu_device *dev, struct revere_emu *emu, unsigned int function);
void vu_device_fini(struct vu_device *dev);

/** As found in a stream: 0, or why no message can follow this header. */
int vu_header_check(const struct vu_header *header);

/**
 * Answers a request whose header was checked: fills in reply, reply_size and reply_fd, turns
 * `header` into the reply's, closes descriptors.
 *
 * @return whether a reply is to be sent
 */
bool vu_handle(struct vu_device *dev, struct vu_client *client, struct vu_msg *msg);

/** Turns the header of a request into that of its reply, @p error a positive errno or 0. */
void vu_reply_header(struct vu_header *header, uint32_t data_size, int error);

/** A client is gone: the Function and everything that was the client's is reset. */
void vu_client_gone(struct vu_device *dev, struct vu_client *client);

/** Writes a line where the device's log goes. */
void vu_log(const struct vu_device *dev, enum revere_emu_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Room for a reply of @p size bytes, zeroed. */
void *vu_reply(struct vu_msg *msg, uint32_t size);

/** The descriptor at @p index, which is the caller's now. */
int vu_take_fd(struct vu_msg *msg, unsigned int index);

/* ---- version.c ------------------------------------------------------------------------------ */

int vu_version(struct vu_device *dev, struct vu_msg *msg);

/* ---- dma.c ---------------------------------------------------------------------------------- */

void vu_dma_init(struct vu_device *dev);
void vu_dma_fini(struct vu_device *dev);
void vu_dma_drop_all(struct vu_device *dev); /**< every map and file */
int vu_dma_map(struct vu_device *dev, struct vu_msg *msg);
int vu_dma_unmap(struct vu_device *dev, struct vu_msg *msg);
int vu_dma_map_pasid(struct vu_device *dev, struct vu_msg *msg);
int vu_dma_unmap_pasid(struct vu_device *dev, struct vu_msg *msg);

/* ---- region.c ------------------------------------------------------------------------------- */

void vu_region_reset(struct vu_device *dev); /**< the MSI-X table */
int vu_region_info(struct vu_device *dev, struct vu_msg *msg);
int vu_region_page(struct vu_device *dev, struct vu_msg *msg);
int vu_region_page_kept(struct vu_device *dev, struct vu_msg *msg);
int vu_region_read(struct vu_device *dev, struct vu_msg *msg);
int vu_region_write(struct vu_device *dev, struct vu_msg *msg);

/* ---- irq.c ---------------------------------------------------------------------------------- */

int vu_irq_init(struct vu_device *dev);
void vu_irq_fini(struct vu_device *dev);
void vu_irq_drop_all(struct vu_device *dev);
int vu_irq_info(struct vu_device *dev, struct vu_msg *msg);
int vu_irq_set(struct vu_device *dev, struct vu_msg *msg);
int vu_irq_request(struct vu_device *dev); /**< signals REQ */

/* ---- message.c ------------------------------------------------------------------------------ */

/** A stream: one request at a time comes in, then its reply goes out. */
struct vu_stream {
	int fd;
	int fds[VU_MAX_FDS];
	unsigned int num_fds;
	bool fds_lost; /**< more descriptors came than a message may have */
	union {
		struct vu_header header;
		uint8_t header_bytes[sizeof(struct vu_header)];
	};
	uint32_t received; /**< bytes of the request, header included */
	uint8_t *in;	   /**< VU_MAX_DATA, after the header */
	uint8_t *out;	   /**< a header, then VU_MAX_DATA */
	uint32_t out_size; /**< 0: no reply is on its way */
	uint32_t out_sent;
	int out_fd;
};

int vu_stream_init(struct vu_stream *stream, int fd);
void vu_stream_fini(struct vu_stream *stream);

/**
 * Reads on.
 * @return 1 a message is complete (or its header can't be one's: see vu_header_check()); 0 not
 *         yet; -ECONNRESET the peer is gone; or another errno of the socket
 */
int vu_stream_receive(struct vu_stream *stream);

/** Sends what is left of the reply. 1 done; 0 the socket is full; or a negative errno. */
int vu_stream_send(struct vu_stream *stream);

/** Ready for the next request. */
void vu_stream_next(struct vu_stream *stream);

#endif /* VU_H */
