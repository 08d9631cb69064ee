/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * MSI-X vectors of a device on vfio-pci.
 */

#ifndef PCI_IRQS_H
#define PCI_IRQS_H

#include <stdint.h>

#define PCI_VECTORS_MAX 2048

struct pci_irqs {
	const char *name; /**< for messages */
	int vfio_fd;
	uint32_t most;	  /**< vectors that can be had, 0 none */
	uint32_t enabled; /**< vectors that the kernel has set up */
	int eventfds[PCI_VECTORS_MAX]; /**< -1: none */
};

void pci_irqs_init(struct pci_irqs *irqs, const char *name, int vfio_fd);

/**
 * Connects a vector with an eventfd, or with none if that is negative. All other eventfds may be
 * signalled meanwhile: for interrupts that came while vectors were set up anew.
 *
 * @return 0; -ENOTSUP no vectors; -EINVAL no such one; -ENOSPC the kernel hasn't so many, `most` is
 *   how many there are now, those connected before still are; or an errno of the kernel
 */
int pci_irqs_set(struct pci_irqs *irqs, uint32_t vector, int eventfd);

/** Takes all vectors away. */
void pci_irqs_fini(struct pci_irqs *irqs);

#endif /* PCI_IRQS_H */
