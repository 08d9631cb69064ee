/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* What the files of librte_common_revere share and nobody else sees. */

#ifndef COMMON_PRIVATE_H
#define COMMON_PRIVATE_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <rte_ether.h>
#include <rte_interrupts.h>
#include <rte_log.h>

#include "revere_common.h"

extern int revere_common_logtype;

/** A log line about the device called @p name. */
#define COMMON_LOG(level, name, ...) common_log(RTE_LOG_##level, name, __VA_ARGS__)

/* A function and no macro around rte_log(), whose checks of formats differ between releases. */
void common_log(uint32_t level, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- Secondary processes (secondary.c) ------------------------------------------------------ */

#define SHARE_AREAS_MAX 8

/* Memory that a secondary process maps at the same address. */
struct share_area {
	void *va;
	uint64_t size;
	uint64_t offset; /* in the file */
	int fd; /* stays the transport's */
};

struct revere_class;

bool secondary(void);
/* An address, as a wish, at which secondaries may map so many bytes too. */
void *share_place(size_t size);
/* Lets secondary processes ask for devices. */
void share_start(void);
/*
 * Uses a device of the primary process, which knows it by the same name. -ENODEV without a log
 * line: it has none of this class.
 */
int secondary_attach(const char *name, struct rte_device *rte_dev, struct revere_class *class);
/* Undoes it; a class that wasn't attached is none of the secondary's business, and 0. */
int secondary_detach(const char *name, const struct rte_device *rte_dev,
	const struct revere_class *class);

/* ---- Transports ----------------------------------------------------------------------------- */

/* A place where devices come from. One row in a table (device.c) for each that vdevs can name. */
struct transport_kind {
	const char *selector; /* devarg that picks this kind; NULL: what is left */
	/* Whether @p key is one of its settings; all of them, for an error line. */
	bool (*has_key)(const char *key);
	void (*list_keys)(char *text, size_t size);
	/*
	 * Opens a device; settings are in @p args. One log line if it fails. The transport is a
	 * member of what it makes.
	 */
	int (*open)(const char *name, const struct rte_kvargs *args,
		struct revere_transport **transport);
	/* Another vdev shares the device: are its settings those of the device? */
	int (*check)(const char *name, const struct rte_kvargs *args,
		struct revere_transport *transport);
	void (*close)(struct revere_transport *transport);
	/* Whether the device reaches every address of this process. */
	bool (*sva)(const struct revere_transport *transport);
	/* What the device can reach; NULL: no need to ask, it is everything or isn't known. */
	struct revere_reach *(*reach)(struct revere_transport *transport);
	/* NULL: ports of this kind of devices are not ours to make. */
	int (*port_add)(const char *name, struct revere_transport *transport, const char *backend,
		const uint8_t *mac);
	void (*port_remove)(struct revere_transport *transport, unsigned int port);
	/*
	 * Lists AMI-SW pages for secondary processes: how many areas, or a negative errno. NULL:
	 * EAL sees to it.
	 */
	int (*share)(struct revere_transport *transport, struct share_area *areas);
};

/* Devarg that picks a VF of an emulated device in this process. */
#define ARG_VF "vf"

extern const struct transport_kind transport_local;
extern const struct transport_kind transport_vfio_user;
extern const struct transport_kind transport_pfd;

/*
 * Told by a transport that has lost its device, in any thread. The device's users learn it in
 * EAL's interrupt thread. (gone.c)
 */
void device_gone(struct revere_transport *transport);

/* The end of a connection that a device depends on (hangup.c). */
struct hangup {
	const char *name; /* for log lines */
	struct revere_transport *transport;
	int fd;	      /* of the connection */
	int epoll_fd; /* readable once the other side has hung up; -1: isn't watched */
	struct rte_intr_handle *intr;
};

/* From now on the end of the connection is the end of the device. One log line if that fails. */
int hangup_watch(struct hangup *hangup, const char *name, int fd,
	struct revere_transport *transport);
void hangup_unwatch(struct hangup *hangup);

/* ---- Memory of DPDK, for a device that translates addresses itself (local_memory.c) --------- */

struct revere_emu;

/* A Function's address space. */
struct local_space {
	struct revere_emu *emu;
	unsigned int function;
};

int local_memory_map(const char *name, struct local_space *space);
/* No more changes are followed; what is mapped stays so. */
void local_memory_unmap(struct local_space *space);

/* ---- Memory of DPDK, shared with another process by descriptor (shared_memory.c) ------------- */

/* Who is told of memory; maps and unmaps give 0 or a negative errno, -ENODEV it is gone. */
struct memory_target {
	const char *name; /* for log lines */
	int (*map)(struct memory_target *target, uint64_t iova, uint64_t size, int fd,
		uint64_t offset);
	int (*unmap)(struct memory_target *target, uint64_t iova, uint64_t size);
};

/* Maps DPDK's memory, and whatever comes later; one log line if that fails. */
int memory_share(struct memory_target *target);
/* Stops following changes. */
void memory_unshare(struct memory_target *target);
/* Maps other memory of this process; -ENOTSUP: it is in no file that can be shared. */
int memory_share_also(struct memory_target *target, void *va, uint64_t iova, size_t size);

/* ---- Memory that a device has been told of (reach.c) ---------------------------------------- */

void reach_init(struct revere_reach *reach);
void reach_fini(struct revere_reach *reach);
void reach_add(struct revere_reach *reach, uint64_t start, uint64_t size);
void reach_remove(struct revere_reach *reach, uint64_t start, uint64_t size);

/* ---- CPUs for the emulator's workers (local_cpus.c) ----------------------------------------- */

struct revere_emu_config;

/* Gives each worker that has none a CPU; -EINVAL if one shall have a CPU that isn't there. */
int local_cpus_choose(const char *name, struct revere_emu_config *config);

/* ---- Devargs (args.c) ----------------------------------------------------------------------- */

#define BACKEND_MAX 1024

/* Network port that a vdev wants. */
struct port_args {
	char backend[BACKEND_MAX]; /* as revere_emu_port_add() takes it */
	const char *pair; /* NULL: none */
	bool has_mac;
	struct rte_ether_addr mac;
};

/* Whether a key may be given to this class on this kind of device. */
typedef bool (*key_known_fn)(const char *key, const void *arg);

/* Every key once, known (else @p keys are told), and with a value. */
int args_check(const char *name, const struct rte_kvargs *args, key_known_fn known,
	const void *arg, const char *keys);
bool args_in_list(const char *const *list, const char *key);
/* Appends the keys of @p list to @p text, a comma before each but the first. */
void args_append_list(char *text, size_t size, const char *const *list);

/* Keys of a network port; NULL-terminated. */
extern const char *const args_port_keys[];
int args_port(const char *name, const struct rte_kvargs *args, struct port_args *port);

#define ARG_PORT "port"
/** Which of the network agent's ports is to be used; *port stays as it is if nothing is said. */
int args_port_number(const struct rte_kvargs *args, int *port);

#define ARG_COMMAND_TIMEOUT "command_timeout_ms"
/** Settings of the bring-up of a device that is made with these devargs. */
int args_dev_conf(const struct rte_kvargs *args, struct revere_dev_conf *conf);

/* ---- What VFs are given (give.c) ------------------------------------------------------------ */

#define ARG_GIVE "give"

/* Does what devarg give= of a PF says, if there is one. One log line if it fails. */
int give(const char *name, const struct rte_kvargs *args, struct revere_device *device);

/* ---- Devices in use (device.c) -------------------------------------------------------------- */

#define DEVICE_NAME_MAX 128
#define DEVICE_VECTORS 2048

struct revere_device {
	TAILQ_ENTRY(revere_device) next;
	char name[DEVICE_NAME_MAX]; /* unique; private devices have their vdev's */
	unsigned int refs;
	struct revere_dev *dev;
	struct revere_transport *transport;
	const struct transport_kind *kind;
	struct rte_intr_handle *intr; /* of exceptions and errors; NULL: none */
	uint64_t vectors[DEVICE_VECTORS / 64]; /* used ones */
	bool iova_differs; /* from addresses of this process, for memory of the application's */
};

/*
 * The device called @p name with one more reference, or a new one on @p transport.
 * device_new() takes the transport over, also when it fails.
 */
struct revere_device *device_find(const char *name);
int device_new(const char *name, const struct transport_kind *kind,
	struct revere_transport *transport, const struct revere_dev_conf *conf,
	struct revere_device **device);
void device_get(struct revere_device *device);

/* What devices and their users are found by; recursive. */
void device_lock(void);
bool device_trylock(void);
void device_unlock(void);

/*
 * A class driver's use of a device. The attachment has a reference of its own, so that the
 * port is removed while the device is still there.
 */
int attach(const struct revere_probe *probe, struct revere_class *class);
int detach(struct rte_device *rte_dev, struct revere_class *class);
struct revere_class *class_first(void);
struct revere_device *attached_device(const struct rte_device *rte_dev); /* or NULL */
/* Memory is to be mapped for a DPDK device: who uses the same device learns of its IOVAs. */
void attached_iova(const struct rte_device *rte_dev, const void *va, uint64_t iova);
bool attached(const struct rte_device *rte_dev, const struct revere_class *class);
/* The device that a class uses under a name, or NULL. With the lock held. */
struct revere_device *attached_as(const char *name, const char *class);

/* A user of a device, as far as it is told that the device is gone. */
struct device_user {
	struct revere_class *class;
	char name[DEVICE_NAME_MAX];
	char rte_dev_name[DEVICE_NAME_MAX];
};

/* A user of the device behind a transport that is gone who isn't told yet; now it counts as told.
 */
bool device_user_untold(const struct revere_transport *transport, struct device_user *user);
/* Whether a user of the device has this port of its network agent; the lowest that nobody has. */
bool device_port_used(const struct revere_device *device, int port);
int device_port_free(const struct revere_device *device);

/* Handle with which EAL's interrupt thread waits for a descriptor to be readable, or NULL. */
struct rte_intr_handle *intr_make(int fd);

/* Exceptions and errors, told by interrupt (events.c). */
void events_start(struct revere_device *device);
void events_stop(struct revere_device *device);

#endif /* COMMON_PRIVATE_H */
