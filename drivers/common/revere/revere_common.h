/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * What class drivers (net, dma, raw) share: finding a device and handing it to them.
 *
 * A class driver registers itself here. When a vdev or a PCI device with its class appears, its
 * probe gets a reference to a brought-up device; several class drivers, and several vdevs that
 * name the same emulated device, share one struct revere_dev.
 */

#ifndef REVERE_COMMON_H
#define REVERE_COMMON_H

#include <pthread.h>

#include <rte_dev.h>
#include <rte_kvargs.h>

#include "revere_ami.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How the device was found. */
enum revere_bus { REVERE_BUS_VDEV, REVERE_BUS_PCI };

/** A device in use, shared and counted. */
struct revere_device;

/** What a class driver's probe gets. */
struct revere_probe {
	const char *name;	    /**< name for the port, dmadev or rawdev */
	struct rte_device *rte_dev; /**< its DPDK device */
	enum revere_bus bus;
	struct revere_dev *dev;	    /**< brought up */
	struct revere_device *device; /**< keep it, revere_device_put() it at remove */
	struct rte_kvargs *args;    /**< all devargs; checked: no unknown key */
	int rna_port;		    /**< net: port of the RNA agent, -1: not said */
	bool iova_as_va;	    /**< the device reaches every address of this process (SVA) */
};

/** A context for a VF, see revere_vf_give(). */
struct revere_plan {
	enum rvr_aha_kind kind; /**< of the agent */
	unsigned int num_sessions;
	struct revere_vf_session sessions[2 * RVR_AMS_MAX];
};

/** A class driver; one static instance each, registered by a constructor. */
struct revere_class {
	const char *name; /**< "net", "dma", "raw": the value of devarg class= */
	const char *const *args; /**< its own devarg keys, NULL-terminated */
	/** Makes the port, dmadev or rawdev. On failure it leaves nothing behind. */
	int (*probe)(const struct revere_probe *probe);
	/** Takes away what probe() made for this DPDK device. */
	int (*remove)(struct rte_device *rte_dev, const char *name);
	/**
	 * In a secondary process: uses what probe() made in the primary, under the same name. Only
	 * DPDK's memory and AMI-SW pages are there. NULL: only the primary can use devices of
	 * this class.
	 */
	int (*attach)(const char *name, struct rte_device *rte_dev);
	/** In a secondary process: undoes attach(), for this process alone. */
	int (*detach)(const char *name);
	/**
	 * The device is gone, see struct revere_transport: tell the application. In EAL's
	 * interrupt thread, while others may remove what probe() made. NULL: it gets the event
	 * RTE_DEV_EVENT_REMOVE of the DPDK device.
	 */
	void (*gone)(const char *name);
	/**
	 * The device gets memory of the application's own at IOVAs that are not the process'
	 * addresses, though others are; told before that is so, with the devices' lock held.
	 */
	void (*iova_differs)(const char *name);
	/**
	 * What a VF needs for @p count units (queue pairs, vchans, queues' worth of contexts) with
	 * default devargs: context @p index of it.
	 * @return 1; 0 there are no more. NULL: VFs can't have the class
	 */
	int (*plan)(const struct revere_dev_info *info, uint32_t count, uint32_t index,
		struct revere_plan *plan);
	struct revere_class *next;
};

void revere_class_register(struct revere_class *class);
#define REVERE_REGISTER_CLASS(class)                                                           \
	RTE_INIT(revere_class_register_##class)                                                \
	{                                                                                      \
		revere_class_register(&(class));                                               \
	}

struct rte_vdev_device;

/** Bodies of the class drivers' vdev drivers: devargs -> device -> class->probe(). */
int revere_vdev_probe(struct rte_vdev_device *vdev, struct revere_class *class);
int revere_vdev_remove(struct rte_vdev_device *vdev, struct revere_class *class);

/**
 * For rte_vdev_driver::dma_map and ::dma_unmap: memory of the application's own, which
 * rte_dev_dma_map() announces. @return 0; -1 with rte_errno
 */
int revere_vdev_dma_map(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t size);
int revere_vdev_dma_unmap(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t size);

/**
 * Another device for what a class driver's probe() made, for a while beside that which it has:
 * found or made as for a vdev with these devargs, and for class net with a port of its own.
 *
 * @param devargs  which device (emu=, socket=, ...), and backend and address of a port
 * @param target   what it is, without args
 * @return 0; -EINVAL, -EBUSY devargs are refused; -EEXIST it is the same device; -ENODEV; one log
 *         line each
 */
int revere_target_open(const struct rte_device *rte_dev, const char *name,
		       const struct revere_class *class, const char *devargs,
		       struct revere_probe *target);
/** It isn't wanted: the port goes, and the device if it has no other user. */
void revere_target_close(const struct revere_probe *target);
/**
 * From now on it is the one that is used; the other one's port goes. The class driver has a
 * reference to the new one and gives back, after this, the one to the old.
 */
int revere_target_take(struct rte_device *rte_dev, const struct revere_class *class,
		       const struct revere_probe *target);

/**
 * Gives a reference back; the last one closes the device. Class drivers own one from a probe()
 * that succeeded on.
 */
void revere_device_put(struct revere_device *device);

/** One more reference, for one more port. */
void revere_device_ref(struct revere_device *device);

/**
 * Makes a port of a device that is this process's own, and takes it away.
 *
 * @return its number; -ENOTSUP: ports of this device aren't made here
 */
int revere_device_port_add(struct revere_device *device, const char *name, const char *backend);
void revere_device_port_remove(struct revere_device *device, unsigned int port);

/**
 * The device behind the DPDK device called @p name, or NULL: behind the first that there is. The
 * caller owns a reference.
 *
 * @return NULL if there is none
 */
struct revere_device *revere_device_find(const char *name);

/** The brought-up device, NULL once taken; name of the first DPDK device that uses it. */
struct revere_dev *revere_device_dev(const struct revere_device *device);
const char *revere_device_user(const struct revere_device *device);

/**
 * Takes a device from the library, to drive its Function by hand: the struct revere_dev is closed
 * for good. Its raw devices can't be used any more, only removed; there may be no other classes.
 *
 * @return 0; -EBUSY another class than raw uses the device
 */
int revere_device_take(struct revere_device *device, struct revere_transport **transport);

/** Takes a free interrupt vector of the device, for irq_set(). @return vector, or -ENOSPC */
int revere_device_vector_get(struct revere_device *device);
void revere_device_vector_put(struct revere_device *device, unsigned int vector);

/** A range of IOVAs. */
struct revere_range {
	uint64_t start, size;
};

/** The ranges that a device can reach. What was found holds until the generation changes. */
struct revere_reach {
	uint32_t generation; /**< read it with acquire semantics, before revere_reach_find() */
	uint32_t count;
	struct revere_range *ranges;
	pthread_mutex_t lock;
};

/** What a device can reach, for as long as the device is there; NULL: there is no need to ask. */
struct revere_reach *revere_device_reach(const struct revere_device *device);
/** Whether the device has, or had, memory at IOVAs that its user chose; see iova_differs(). */
bool revere_device_iova_differs(const struct revere_device *device);
/** The range that has @p iova; of size 0 if there is none. */
struct revere_range revere_reach_find(struct revere_reach *reach, uint64_t iova);

/** Parses an unsigned number devarg into *value; one error line names key, value and range. */
int revere_arg_uint(const struct rte_kvargs *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif /* REVERE_COMMON_H */
