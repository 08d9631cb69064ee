/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * The protocol of revere-pfd (P), which owns a Physical Function and gives contexts of it to other
 * processes.
 *
 * A client connects to a UNIX socket of type SOCK_SEQPACKET. Each packet is one message, a request
 * or its reply: a header, then the struct of its type, little-endian, with file descriptors beside
 * it. A client sends its next request after the reply to the last one; HELLO comes first. The
 * client drives the Function's programming model as if it had the PF alone: its management
 * commands come as COMMAND, and are executed as far as the contexts are its own and the policy
 * allows. IDs are the service's. Whatever a context reaches by DMA is what its client has mapped
 * with DMA_MAP, nothing else.
 *
 * A context may be parked, so that another one has its place on the device, and go on later: its
 * page stays, its IDs stay, and its client notices nothing but time.
 *
 * When the connection ends all that the client had is taken back. A restart of revere-pfd doesn't
 * end it: a request is then answered later, or, if its reply was on the way, twice. So a client
 * skips replies to other requests than its last one, by their `id`.
 */

#ifndef RVR_PFD_H
#define RVR_PFD_H

#include "rvr_msg.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RVR_PFD_MAJOR 1 /**< version of the protocol; another one can't be understood */
#define RVR_PFD_MINOR 0 /**< with another one some requests may be refused */

#define RVR_PFD_REASON 112 /**< bytes of a text that says why, with its terminating 0 */

/** What a message is. */
enum rvr_pfd_type {
	RVR_PFD_HELLO = 1,     /**< first request: version, and what the client may have */
	RVR_PFD_REG_READ = 2,  /**< reads a register of the management page */
	RVR_PFD_REG_WRITE = 3, /**< writes one; what concerns others is ignored */
	RVR_PFD_COMMAND = 4,   /**< a management command and its response */
	RVR_PFD_EXCEPTION = 5, /**< takes the next exception about the client's contexts */
	RVR_PFD_PAGE = 6,      /**< AMI-SW page of a context; its file comes with the reply */
	RVR_PFD_DMA_MAP = 7,   /**< memory of the client's; its file comes along */
	RVR_PFD_DMA_UNMAP = 8, /**< takes memory away; when the reply comes it is out of use */
	RVR_PFD_IRQ_SET = 9,   /**< an interrupt's eventfd comes along; without one: no more */
	RVR_PFD_RESET = 10,    /**< gives contexts and sessions back; memory stays mapped */
};

/** Before every message. */
struct rvr_pfd_header {
	rvr_le16 type; /**< enum rvr_pfd_type; of a reply, the request's */
	rvr_le16 zero;
	rvr_le32 size;	/**< bytes of the message, this header included */
	rvr_le32 id;	/**< chosen by the client, not 0, another one in each request; echoed */
	rvr_le32 error; /**< request: 0. Reply: an errno, then struct rvr_pfd_refused follows */
};
_Static_assert(sizeof(struct rvr_pfd_header) == 16, "wire");
_Static_assert(offsetof(struct rvr_pfd_header, error) == 12, "wire");

/** Reply to a request that was refused. Nothing has changed. */
struct rvr_pfd_refused {
	char reason[RVR_PFD_REASON];
};
_Static_assert(sizeof(struct rvr_pfd_refused) == 112, "wire");

/** HELLO's request. */
struct rvr_pfd_hello {
	rvr_le16 major; /**< RVR_PFD_MAJOR */
	rvr_le16 minor; /**< RVR_PFD_MINOR */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_pfd_hello) == 8, "wire");
_Static_assert(offsetof(struct rvr_pfd_hello, zero) == 4, "wire");

/** HELLO's reply. */
struct rvr_pfd_welcome {
	rvr_le16 major;	   /**< RVR_PFD_MAJOR of the service */
	rvr_le16 minor;	   /**< RVR_PFD_MINOR of the service */
	rvr_le32 vectors;  /**< interrupts that IRQ_SET takes: 0 to this - 1 */
	rvr_le32 contexts; /**< AMI-SWs that the client's user may have */
	rvr_le32 sessions; /**< sessions that the client's user may have */
};
_Static_assert(sizeof(struct rvr_pfd_welcome) == 16, "wire");
_Static_assert(offsetof(struct rvr_pfd_welcome, sessions) == 12, "wire");

/** REG_READ, REG_WRITE and the reply to REG_READ; REG_WRITE's reply is a header. */
struct rvr_pfd_reg {
	rvr_le32 offset; /**< in the management page */
	rvr_le32 zero;
	rvr_le64 value; /**< REG_READ's request: 0 */
};
_Static_assert(sizeof(struct rvr_pfd_reg) == 16, "wire");
_Static_assert(offsetof(struct rvr_pfd_reg, value) == 8, "wire");

/** COMMAND's request; EXCEPTION's reply. EXCEPTION's request is a header. */
struct rvr_pfd_mgt {
	uint8_t msg[RVR_MGT_MSG_SIZE]; /**< EXCEPTION's reply: all 0 if there is none */
};
_Static_assert(sizeof(struct rvr_pfd_mgt) == 64, "wire");

/** COMMAND's reply. */
struct rvr_pfd_response {
	uint8_t msg[RVR_MGT_MSG_SIZE]; /**< the response */
	char reason[RVR_PFD_REASON]; /**< why revere-pfd refused it; "" if the device answered */
};
_Static_assert(sizeof(struct rvr_pfd_response) == 176, "wire");
_Static_assert(offsetof(struct rvr_pfd_response, reason) == 64, "wire");

/** PAGE and its reply, with the page's file. The file is of use until the AMI-SW is unmapped. */
struct rvr_pfd_page {
	rvr_le32 ami_sw_id;
	rvr_le32 zero;
	rvr_le64 offset; /**< reply: of the page in its file */
};
_Static_assert(sizeof(struct rvr_pfd_page) == 16, "wire");
_Static_assert(offsetof(struct rvr_pfd_page, offset) == 8, "wire");

/** DMA_MAP, with a file of memory, and DMA_UNMAP, where offset is 0. Replies are headers. */
struct rvr_pfd_dma {
	rvr_le64 iova;	 /**< where the client's contexts see it */
	rvr_le64 size;	 /**< bytes */
	rvr_le64 offset; /**< in the file */
};
_Static_assert(sizeof(struct rvr_pfd_dma) == 24, "wire");
_Static_assert(offsetof(struct rvr_pfd_dma, offset) == 16, "wire");

/** IRQ_SET, with an eventfd or without. The reply is a header. */
struct rvr_pfd_irq {
	rvr_le32 vector; /**< as the client's contexts name it */
	rvr_le32 zero;
};
_Static_assert(sizeof(struct rvr_pfd_irq) == 8, "wire");
_Static_assert(offsetof(struct rvr_pfd_irq, zero) == 4, "wire");

#define RVR_PFD_MESSAGE_MAX 192 /**< bytes of the longest message */
_Static_assert(sizeof(struct rvr_pfd_header) + sizeof(struct rvr_pfd_response) ==
	RVR_PFD_MESSAGE_MAX, "wire");

#ifdef __cplusplus
}
#endif

#endif /* RVR_PFD_H */
