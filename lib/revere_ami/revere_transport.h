/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * How the library reaches one Function of a Revere-AMU device.
 *
 * The management page is the intercepted path: calls, which may trap and be slow. AMI-SW pages
 * are the direct path: memory, plain loads and stores. A transport (PCI BAR, vfio-user socket,
 * local emulator) fills in a struct revere_transport and hands it to revere_dev_open().
 */

#ifndef REVERE_TRANSPORT_H
#define REVERE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct revere_transport;

/** Hooks of a transport; those that return int give 0 or a negative errno. */
struct revere_transport_ops {
	const char *name;
	/** Reads the 64-bit register at @p offset of the management page. */
	uint64_t (*mgt_read64)(struct revere_transport *transport, uint32_t offset);
	void (*mgt_write64)(struct revere_transport *transport, uint32_t offset, uint64_t value);
	/** Address of AMI-SW page @p ami_sw_id (4 KiB of registers), or NULL if there is none. */
	volatile void *(*ami_sw_page)(struct revere_transport *transport, uint16_t ami_sw_id);
	/** Makes memory reachable for the device; DPDK's own memory is, without asking. */
	int (*dma_map)(struct revere_transport *transport, void *va, uint64_t iova, size_t size);
	int (*dma_unmap)(struct revere_transport *transport, void *va, uint64_t iova, size_t size);
	/**
	 * The same in the address space of a PASID of the Function, which has nothing of itself.
	 * Both NULL: this transport has no such spaces.
	 */
	int (*dma_map_pasid)(struct revere_transport *transport, uint32_t pasid, void *va,
		uint64_t iova, size_t size);
	int (*dma_unmap_pasid)(struct revere_transport *transport, uint32_t pasid, void *va,
		uint64_t iova, size_t size);
	/** Connects interrupt @p vector to an eventfd; -1 disconnects. -ENOTSUP: no interrupts. */
	int (*irq_set)(struct revere_transport *transport, uint32_t vector, int eventfd);
	/** Function Level Reset. */
	int (*reset)(struct revere_transport *transport);
	/**
	 * Executes one management command, 64 bytes, where somebody stands between the library
	 * and the device; 0 also if it is refused, by the response's STATUS. NULL: by the rings of
	 * the management page, which are not set up otherwise.
	 */
	int (*mgt_exec)(struct revere_transport *transport, const void *request, void *response);
	/** With mgt_exec: takes the next exception. @return 1; 0 there is none */
	int (*mgt_exception)(struct revere_transport *transport, void *msg);
	/**
	 * NULL where a store to an AMI-SW page reaches the device by itself. Else called after
	 * indices were written: pages that can't be mapped, devices that have no thread.
	 */
	void (*kick)(struct revere_transport *transport);
};

/** One Function, as one process sees it; transports embed it in their own struct. */
struct revere_transport {
	const struct revere_transport_ops *ops;
	int numa_node;	/**< of the device, -1 unknown */
	uint32_t vectors; /**< interrupt vectors that irq_set() takes, 0 none */
	bool vf;	  /**< to a Virtual Function */
	/**
	 * The device is gone, for good: it was unplugged, or its process died. The transport sets
	 * this, from any thread; then registers read as ones, and pages stay where they are.
	 */
	bool gone;
};

static inline bool
revere_transport_gone(const struct revere_transport *transport)
{
	return __atomic_load_n(&transport->gone, __ATOMIC_ACQUIRE);
}

#ifdef __cplusplus
}
#endif

#endif /* REVERE_TRANSPORT_H */
