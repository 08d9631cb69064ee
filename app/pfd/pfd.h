/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Inside of revere-pfd: what its parts know of each other.
 *
 * main.c has options, sockets and the loop. parse.c checks a packet, service.c does what it asks
 * for, mediate.c with management commands; context.c has contexts on the device and takes them
 * from it, share.c decides which and when; vf.c gives contexts to VFs, trap.c decides on their
 * commands; state.c says what a state can be. They touch no file or socket but through struct
 * pfd_backend, so that tests and fuzzers drive them. policy.c and policy_vf.c read who may have
 * what. device.c is the backend: a PF behind vfio-user (device_user.c), or on vfio-pci
 * (device_vfio.c, vfio_space.c). keep.c keeps descriptors over the end of a process.
 *
 * All that is to survive a restart is in struct pfd_state, which is memory of a file.
 */

#ifndef PFD_H
#define PFD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "rvr_pfd.h"
#include "rvr_plan.h"
#include "rvr_regs.h"

/* Fuzzers have smaller tables, as they look through all of them. */
#ifndef PFD_CLIENTS
#define PFD_CLIENTS 256
#define PFD_IDS 0x10000u /* AMI_SW_ID, AMI_HW_ID; sessions beyond it aren't given */
#define PFD_DEVICE_VECTORS RVR_VECTORS
#define PFD_VFS 256 /* Functions, with the PF */
#endif
#define PFD_VF_CONTEXTS 64 /* of one VF */
#define PFD_VECTORS 64	/* of one client */
#define PFD_AHAS 64
#define PFD_EXCEPTIONS 16 /* of one client that wait to be taken */
#define PFD_GROUPS 512 /* of one user, its own and further ones: who has more is nobody's */

/* ---- Log and clock (main.c) ----------------------------------------------------------------- */

enum pfd_level { PFD_ERR = 3, PFD_WARNING, PFD_NOTICE, PFD_INFO, PFD_DEBUG };

void pfd_log(enum pfd_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t pfd_now_us(void);

/* ---- Policy (policy.c) ---------------------------------------------------------------------- */

/* Who a client is, as the kernel tells. */
struct pfd_peer {
	pid_t pid;
	uid_t uid;
	gid_t gids[PFD_GROUPS]; /* its own and further ones */
	unsigned int num_gids;
};

/* What users may have. */
struct pfd_limits {
	uint32_t clients;  /* connections */
	uint32_t contexts; /* AMI-SWs */
	uint32_t agents_contexts; /* AMI-HWs */
	uint32_t sessions;
	uint32_t vectors;
	uint32_t prio;	   /* highest */
	uint64_t memory;   /* bytes mapped */
	uint32_t maps;	   /* in how many pieces */
	uint64_t kinds;	   /* bit n: agents of kind n; kinds are small */
	bool trusted;	   /* has contexts also where they aren't isolated */
};

/* What a VF has, and which of its commands are decided on. */
struct pfd_vf_rule {
	uint32_t net, dma, raw; /* queue pairs and a control channel; vchans; contexts */
	uint32_t prio;	  /* highest of its sessions */
	uint32_t vectors; /* it has no interrupts by others */
	bool pasid;	  /* whether it may choose address spaces */
	uint64_t trap, refuse; /* by OPCODE */
};

struct pfd_policy;

/* Reads a file. NULL: @p error says what is wrong, with file and line. */
struct pfd_policy *pfd_policy_read(const char *path, char *error, size_t size);
struct pfd_policy *pfd_policy_parse(const char *text, const char *path, char *error, size_t size);
void pfd_policy_free(struct pfd_policy *policy);

/* What @p peer's user may have; NULL: nothing. */
const struct pfd_limits *pfd_policy_find(const struct pfd_policy *policy,
	const struct pfd_peer *peer);
/* A VF's line, NULL if it has none. */
const struct pfd_vf_rule *pfd_policy_vf(const struct pfd_policy *policy, unsigned int vf);
/* What all may have together. */
const struct pfd_limits *pfd_policy_total(const struct pfd_policy *policy);

/* ---- State ---------------------------------------------------------------------------------- */

#define PFD_STATE_MAGIC UINT64_C(0x30646670727672)
#define PFD_STATE_VERSION 7u

struct pfd_usage {
	uint32_t clients, contexts, agents_contexts, sessions, vectors, maps;
	uint64_t memory;
};

/* A context that a request needs on the device, and an AMI-SW's parts. */
struct pfd_need {
	bool ami_hw; /* one that belongs to no AMI-SW */
	uint16_t id;
};

#define PFD_NEEDS 2 /* of one request: ends of a session */

/* What a client's request waits for, until pfd_tick() has brought it, or knows that it can't. */
struct pfd_asked {
	uint32_t num; /* of needs, 0: it doesn't wait */
	int32_t failed; /* STATUS */
	uint64_t since; /* ms */
	struct pfd_need needs[PFD_NEEDS];
};

/* A client, and what it has. Its PASID is its place + 1. */
struct pfd_client {
	bool used;
	bool greeted;
	uint32_t serial; /* of its connection */
	struct pfd_peer peer;
	struct pfd_usage usage;
	uint16_t vectors[PFD_VECTORS]; /* the device's, 0 none: that one is our own */
	uint16_t exception_vector;
	bool exception_irq;
	uint8_t exceptions[PFD_EXCEPTIONS][RVR_MGT_MSG_SIZE];
	uint32_t exceptions_read, exceptions_written;
	struct pfd_asked asked;
	/* What to answer if the last request comes again. */
	uint32_t last_id, reply_size;
	bool reply_page; /* with the page of this AMI-SW */
	uint32_t reply_ami_sw_id;
	uint8_t reply[RVR_PFD_MESSAGE_MAX];
};

/*
 * Contexts. What is owned and not taken is parked: the device doesn't have it, and it goes on from
 * what stands here. IDs are those that clients know; the device's ID of an AMI-SW that it has is
 * phy_id, and clients take the ID that they know for the physical one too.
 *
 * owner: place of the client + 1, 0 none
 */
struct pfd_ami_sw {
	uint16_t owner, phy_id;
	bool taken;	 /* phy_id is nobody else's: it is mapped, or was about to be */
	bool configured; /* has its PASID */
	bool enabled;
	bool faulted; /* since its last reset */
	bool untold;  /* its client is to be told of that, on this socket */
	uint8_t untold_ams;
	/* What is seen of it, times in ms: how its indices were, and when they changed last. */
	uint64_t tx_used, rx_used; /* sockets that have a ring, a bit each */
	uint64_t seen_own, seen_device, seen_masks;
	uint64_t changed, moved; /* any of them; those of the device */
	uint64_t since;	 /* taken or parked */
	uint64_t wanted; /* parked: since when it has something to do, 0 it hasn't */
	bool stuck;	 /* parked: it didn't get on with that before */
	bool called;	 /* an agent has something for it, and hasn't sent it yet */
};

/* How an AMI-SW was configured, to do it again. */
struct pfd_ring {
	uint64_t base;
	uint8_t log2_size, threshold, rx_mode;
	bool used;
};

struct pfd_conf {
	struct rvr_f_ami_sw_configure_req configure;
	struct pfd_ring rings[2][RVR_AMS_MAX]; /* by enum rvr_ams_type */
};

struct pfd_ami_hw {
	uint16_t owner, phy_id, aha_id;
	bool taken;
	bool configured;
	bool enabled;
	bool plain; /* its agent knows nothing but what is in rings: it can be parked */
	bool keeps; /* its agent knows more, and keeps that: it can be parked, too */
	bool kept;  /* the agent does so, or is about to; not `taken`: it has no AMI-HW */
};

/* A session, with the ends as clients know them. */
struct pfd_asn {
	uint16_t device; /* the device's ID + 1, 0: it isn't there */
	struct rvr_pf_asn_create_req create;
};

/* A context of a VF's, with an agent's and their sessions; both have its place as ID. */
struct pfd_vf_context {
	bool sw_taken, hw_taken; /* the physical IDs are nobody else's */
	uint16_t sw_phy_id, hw_phy_id, aha_id;
	uint32_t num_asns;
	uint32_t asn_ids[RVR_PLAN_MAX];
};

struct pfd_vf {
	bool used;  /* something may have been given */
	bool ready; /* all has */
	struct pfd_vf_rule rule; /* as given */
	uint32_t num;
	struct pfd_vf_context contexts[PFD_VF_CONTEXTS];
	uint64_t trapped, altered, refused; /* commands */
	uint64_t resets;
};

/* What a PASID has mapped. */
struct pfd_mapped {
	uint64_t bytes;
	uint32_t maps;
};

enum pfd_object { PFD_NONE, PFD_AMI_SW, PFD_AMI_HW, PFD_ASN, PFD_MAP };
#define PFD_OBJECTS (PFD_MAP + 1)

struct pfd_state {
	uint64_t magic;
	uint32_t version, size;
	uint32_t serial; /* of the last connection */
	struct pfd_usage usage;
	/*
	 * What is being made or taken away, and by which request, until its answer is kept: a
	 * process that dies before leaves it to the next one to undo, or to finish.
	 */
	struct {
		enum pfd_object object;
		bool taken; /* away: then it is finished */
		uint16_t id, client; /* place + 1 */
		uint32_t request;
		uint16_t opcode;
		uint64_t iova, size;
		struct pfd_mapped before; /* of the client */
	} pending;
	uint32_t switching; /* AMI-SW that is being parked or restored + 1: it is parked then */
	uint32_t switching_ami_hw; /* the same of an AMI-HW alone */
	uint32_t phy_ami_sws; /* AMI-SWs of the device, 0: not known yet */
	uint32_t ami_sws, ami_hws, asns; /* IDs in use are up to these - 1 */
	struct pfd_ami_sw ami_sw[PFD_IDS];
	struct pfd_conf conf[PFD_IDS]; /* large: of those that are owned alone */
	struct pfd_ami_hw ami_hw[PFD_IDS];
	uint16_t asn_owner[PFD_IDS];
	struct pfd_asn asn[PFD_IDS];
	uint16_t device_ami_sw[PFD_IDS]; /* by the device's ID: ours + 1 */
	uint8_t device_asn[PFD_IDS];	 /* 1: in use */
	uint8_t phy_ami_sw[PFD_IDS];	      /* 1: in use */
	uint8_t phy_ami_hw[PFD_AHAS][PFD_IDS]; /* 1: in use */
	uint16_t vector_owner[PFD_DEVICE_VECTORS];
	struct pfd_client clients[PFD_CLIENTS];
	struct pfd_vf vfs[PFD_VFS];
};

/* ---- Requests (parse.c) --------------------------------------------------------------------- */

/* A packet that was checked: sizes, zeroes, descriptors. */
struct pfd_request {
	enum rvr_pfd_type type;
	uint32_t id;
	int fd; /* that came along, -1 none; stays the caller's */
	union {
		struct rvr_pfd_hello hello;
		struct rvr_pfd_reg reg;
		struct rvr_pfd_mgt mgt;
		struct rvr_pfd_page page;
		struct rvr_pfd_dma dma;
		struct rvr_pfd_irq irq;
	};
};

/*
 * @return 0, or a negative errno with @p reason; then only type and id of @p request are filled
 * in, as far as they are known.
 */
int pfd_request_parse(const void *packet, size_t size, const int *fds, unsigned int num_fds,
	struct pfd_request *request, char reason[RVR_PFD_REASON]);

/* ---- Service (service.c, mediate.c, state.c) ----------------------------------------------- */

/* The device. Functions give 0 or a negative errno; -ENODEV: it is gone. */
struct pfd_backend {
	/*
	 * Each PASID has an address space of its own, and each page is a file of its own, which can
	 * move from one AMI-SW to another. Else there is one address space for all, without PASIDs,
	 * and who has a page has all of the device: contexts are for those who are trusted, and
	 * none is parked.
	 */
	bool isolates;
	int (*command)(void *arg, const void *request, void *response);
	/* A command whose response nobody wants: done, in its turn, by flush() at the latest. */
	int (*post)(void *arg, const void *request);
	int (*flush)(void *arg);
	uint64_t (*reg_read)(void *arg, uint32_t offset);
	int (*reg_write)(void *arg, uint32_t offset, uint64_t value);
	int (*exceptions)(void *arg); /* how many wait */
	void (*exception)(void *arg, void *msg); /* the oldest one, which waits on ... */
	void (*exception_done)(void *arg); /* ... until then */
	/* Pages by our IDs, until they are dropped; of an AMI-SW that the device has. */
	int (*page)(void *arg, uint32_t id, uint32_t ami_sw_id, int *fd, uint64_t *offset);
	int (*page_bind)(void *arg, uint32_t id, uint32_t ami_sw_id);
	void (*page_drop)(void *arg, uint32_t id);
	volatile uint64_t *(*page_words)(void *arg, uint32_t id); /* NULL: it can't be had */
	/* -EEXIST: memory is there already; -ERANGE: the device doesn't reach it */
	int (*dma_map)(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, int fd,
		uint64_t offset);
	/* 0, 0: all. Tells what is mapped then. */
	int (*dma_unmap)(void *arg, uint32_t pasid, uint64_t iova, uint64_t size,
		struct pfd_mapped *left);
	int (*dma_mapped)(void *arg, uint32_t pasid, struct pfd_mapped *mapped);
	int (*irq_set)(void *arg, uint32_t vector, int fd);
	int (*irq_trigger)(void *arg, uint32_t vector);
};

struct pfd {
	struct pfd_state *state;
	const struct pfd_policy *policy;
	const struct pfd_backend *backend;
	void *arg; /* of the backend */
	uint32_t vectors; /* of the device */
	/* What is being brought to the device together: not to be parked for the rest of it. */
	const struct pfd_need *pinned;
	uint32_t num_pinned;
	bool lacks; /* what failed last did as the device has none left */
	int lacking; /* of what: agent of AMI-HWs, -1 AMI-SWs */
	bool lost; /* exceptions, and it was said */
	uint64_t looked_us; /* at all of them last */
	uint64_t next_us; /* before, nobody who is busy is parked for others who are */
};

/* A reply, with its descriptor, which is closed by who sends it. */
struct pfd_reply {
	uint32_t size;
	int fd;
	_Alignas(8) uint8_t data[RVR_PFD_MESSAGE_MAX];
};

/* After a store that the next process goes by. Fuzzers have this one die there. */
#ifdef PFD_FUZZ
void pfd_stored(void);
#else
static inline void
pfd_stored(void)
{
}
#endif

void pfd_state_init(struct pfd_state *state);
/* Whether memory holds a state of this version, with numbers that can be. */
bool pfd_state_valid(const struct pfd_state *state, size_t size);
/* Lowers the marks below which IDs are in use, if they can be. */
void pfd_state_trim(struct pfd_state *state);
/* Undoes what a process left half done. */
void pfd_recover(struct pfd *pfd);

/* A place for a connection; negative errno with @p reason. */
int pfd_client_add(struct pfd *pfd, const struct pfd_peer *peer, char reason[RVR_PFD_REASON]);
/* Takes everything back from a client. */
void pfd_client_remove(struct pfd *pfd, unsigned int place);
/*
 * Does what a packet asks for, and has a reply to it. false: it needs contexts that are parked; it
 * is to come again when pfd_waits() says no.
 */
bool pfd_serve(struct pfd *pfd, unsigned int place, const void *packet, size_t size,
	const int *fds, unsigned int num_fds, struct pfd_reply *reply);
/* Says what is wrong with a request. @return @p ret */
int pfd_wrong(char reason[RVR_PFD_REASON], int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A reply that refuses, for who is no client. */
void pfd_refuse(struct pfd_reply *reply, unsigned int type, uint32_t id, int error,
	const char *reason);
/* Hands an exception of the device to whom it concerns. */
void pfd_exception(struct pfd *pfd, const void *msg);
/* Does what exceptions ask for that wait now; those that come meanwhile are for the next call. */
void pfd_exceptions(struct pfd *pfd);
/* An exception for the client at place @p owner - 1. */
void pfd_tell(struct pfd *pfd, uint16_t owner, const void *msg);
/* What a user may have of this device; NULL: nothing. */
const struct pfd_limits *pfd_limits_of(const struct pfd *pfd, const struct pfd_peer *peer);
/* Everything a user has, over all connections. */
struct pfd_usage pfd_usage_of(const struct pfd *pfd, uid_t uid);

/*
 * The device's number of a client's vector, which has one from then on; negative errno with
 * @p reason.
 */
int pfd_vector_get(struct pfd *pfd, unsigned int place, uint32_t vector,
	char reason[RVR_PFD_REASON]);

/* Management commands (mediate.c). */
int pfd_mediate(struct pfd *pfd, unsigned int place, uint32_t request_id, const void *request,
	void *response, char reason[RVR_PFD_REASON]);
/* Gives back one thing that a client has, whatever its state. */
void pfd_drop_ami_sw(struct pfd *pfd, uint16_t id);
void pfd_drop_ami_hw(struct pfd *pfd, uint16_t id);
void pfd_drop_asn(struct pfd *pfd, uint16_t id);
/* All contexts and sessions of a client. */
void pfd_drop_all(struct pfd *pfd, unsigned int place);

/* ---- Contexts on the device (context.c) ------------------------------------------------------ */

/* Executes a command of our own. Positive: its STATUS. */
int pfd_execute(struct pfd *pfd, const void *request);

#define PFD_EXECUTE(pfd, command, ...)                                                         \
	__extension__({                                                                        \
		const struct rvr_##command##_req req_ = { __VA_ARGS__ };                       \
		uint8_t request_[RVR_MGT_MSG_SIZE];                                            \
											       \
		rvr_##command##_req_encode(request_, &req_, RVR_STATUS_OK);                    \
		pfd_execute(pfd, request_);                                                    \
	})

/* With which PASID contexts of an owner's work; 0: without. */
uint16_t pfd_pasid_of(const struct pfd *pfd, uint16_t owner);
/*
 * The device gets an AMI-SW or AMI-HW that is owned: mapped, and configured as it was. 0, a
 * STATUS, or a negative errno; `lacks` tells whether there was none left.
 */
int pfd_attach_ami_sw(struct pfd *pfd, uint16_t id);
int pfd_attach_ami_hw(struct pfd *pfd, uint16_t id);
int pfd_attach_asn(struct pfd *pfd, uint16_t id);
/* Whether the device has an AMI-SW that isn't in use. */
bool pfd_ami_sw_free(struct pfd *pfd);
/* The opposite, whatever there is of them; AMI-SWs with what belongs to them. */
void pfd_detach_asn(struct pfd *pfd, uint16_t id);
void pfd_detach_ami_hw(struct pfd *pfd, uint16_t id);
/* An AMI-HW leaves the device so that it can come again. */
void pfd_park_ami_hw(struct pfd *pfd, uint16_t id);
void pfd_detach_ami_sw(struct pfd *pfd, uint16_t id);
/* All three, of all that is an owner's, with few messages to the device. */
void pfd_detach_all(struct pfd *pfd, uint16_t owner);
void pfd_park(struct pfd *pfd, uint16_t id);
/* An AMI-SW with its AMI-HWs and sessions; if that fails it is parked. As pfd_attach_ami_sw(). */
int pfd_restore(struct pfd *pfd, uint16_t id);
/* Whether it stays for what is being brought. */
bool pfd_pinned(const struct pfd *pfd, bool ami_hw, uint32_t id);
/* Whether all of an AMI-SW can be parked. */
bool pfd_can_park(const struct pfd *pfd, uint16_t id);
/* Whether an end of session @p id is this AMI-SW, or AMI-HW. */
bool pfd_asn_ends_at(const struct pfd *pfd, uint32_t id, uint64_t type, uint16_t end);
/* A message about an agent's context that is kept, E-PF-AMI-HW-CALLS; may come twice. */
void pfd_called(struct pfd *pfd, const void *msg);
/* Whether session @p id ends at an AMI-SW; the other end, an AMI-HW: -1 none */
bool pfd_asn_is_of(const struct pfd *pfd, uint32_t id, uint16_t ami_sw_id, int *ami_hw_id);
/* Whether an AMI-HW has a session; the AMI-SW of one: -1 none */
bool pfd_ami_hw_joined(const struct pfd *pfd, uint16_t id, int *ami_sw_id);

/* ---- More contexts than the device has (share.c) --------------------------------------------- */

/* Makes room on the device for a request of @p owner; @p aha_id: of AMI-HWs, -1 AMI-SWs. */
bool pfd_make_room(struct pfd *pfd, uint16_t owner, int aha_id);
/* That a request can't go on before pfd_tick() has brought what it needs. */
#define PFD_WAITS (-0x10000) /* no errno */
/* Whether all that a request of @p owner needs is on the device: 0, PFD_WAITS, or a STATUS. */
int pfd_have(struct pfd *pfd, uint16_t owner, const struct pfd_need *needs, uint32_t num);
/* What an AMI-HW needs to be on the device: itself, or its AMI-SW. */
struct pfd_need pfd_need_ami_hw(const struct pfd *pfd, uint16_t id);
/* Whether the request of the client at @p place has to wait still. */
bool pfd_waits(const struct pfd *pfd, unsigned int place);
/* Parks and restores by turns. @return ms until it is to be called again, -1: no need to */
int pfd_tick(struct pfd *pfd);

/* ---- VFs (vf.c, trap.c) ---------------------------------------------------------------------- */

/* Gives and takes until VFs have what the policy says. */
void pfd_vfs_apply(struct pfd *pfd);
/* Adds what VFs have. */
void pfd_vfs_count(const struct pfd_state *state, struct pfd_usage *usage);
/* Decides on a command of a VF's, E-PF-TRAPPED-CMD; < 0: the device is gone. */
int pfd_trapped(struct pfd *pfd, const void *msg);

/* ---- The device (device.c) ------------------------------------------------------------------ */

/* Descriptors of a device that the next process needs. */
enum pfd_kept_fd { PFD_KEPT_DEVICE, PFD_KEPT_RINGS, PFD_KEPT_CONTAINER, PFD_KEPT_MAX };

struct pfd_device;

/*
 * The PF behind the socket @p name, or at this PCI address, brought up; one line of the log if that
 * fails. @p vf_token: whoever opens a VF on vfio-pci has to know it; NULL: none.
 */
struct pfd_device *pfd_device_open(const char *name, const char *vf_token);
/* Goes on with what another process left; descriptors are the device's then. */
struct pfd_device *pfd_device_adopt(const int kept[PFD_KEPT_MAX]);
void pfd_device_close(struct pfd_device *device);
/* Its argument is the device. */
const struct pfd_backend *pfd_device_backend(const struct pfd_device *device);
int pfd_device_kept(const struct pfd_device *device, enum pfd_kept_fd which); /* -1 none */
/* @p events of epoll, which come when it is gone */
int pfd_device_gone_fd(const struct pfd_device *device, uint32_t *events);
int pfd_device_event_fd(const struct pfd_device *device); /* readable: exceptions */
uint32_t pfd_device_vectors(const struct pfd_device *device);
/* Exceptions that wait are to be seen at the event descriptor once more. */
void pfd_device_again(struct pfd_device *device);

/* ---- Descriptors of others (aside.c) --------------------------------------------------------- */

#define PFD_ASIDE_FDS 8

/* What is to be closed by somebody who has time. */
struct pfd_aside {
	int conn;
	bool take; /* the connection's next packet first, and then what came along with it */
	unsigned int num;
	int fds[PFD_ASIDE_FDS];
	int pipe; /* where `done` is written to in the end, -1 nowhere */
	struct pfd_aside_done {
		uint32_t place, serial; /* of a client; place PFD_CLIENTS: none */
	} done;
};

void pfd_aside(const struct pfd_aside *what);
/* Whether it is a file of memory, which can be closed at any time. */
bool pfd_is_memory(int fd);

/* ---- Descriptors that outlive a process (keep.c) --------------------------------------------- */

/* Tells who keeps descriptors, if there is anyone, and the service manager. */
void pfd_keep(const char *name, int fd);
void pfd_keep_no_more(const char *name);
void pfd_notify(const char *text);
/* Descriptors that were kept: fn(arg, name, fd) takes each over. */
void pfd_kept(void (*fn)(void *arg, const char *name, int fd), void *arg);
/* Runs @p argv again whenever it dies, and keeps its descriptors; gives its exit code. */
int pfd_keeper(char *const argv[]);

#endif /* PFD_H */
