/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* PCI devices on vfio-pci: the driver, and the transport over BAR0. */

#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <bus_pci_driver.h>
#include <rte_alarm.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_io.h>
#include <rte_vfio.h>

#include "common_private.h"
#include "pci_irqs.h"
#include "revere_compat.h"

#define ARG_CLASS "class"
#define WATCH_US 500000

struct pci {
	struct revere_transport transport;
	struct rte_pci_device *pci_dev;
	uint8_t *bar;
	uint64_t bar_size;
	int vfio_fd;
	struct pci_irqs irqs;
};

static struct pci *
pci_of(struct revere_transport *transport)
{
	return container_of(transport, struct pci, transport);
}

/* ---- Hooks of the library ------------------------------------------------------------------- */

static uint64_t
pci_mgt_read64(struct revere_transport *transport, uint32_t offset)
{
	return rvr_le64_cpu(rte_read64(pci_of(transport)->bar + offset));
}

static void
pci_mgt_write64(struct revere_transport *transport, uint32_t offset, uint64_t value)
{
	rte_write64(rvr_cpu_le64(value), pci_of(transport)->bar + offset);
}

static volatile void *
pci_ami_sw_page(struct revere_transport *transport, uint16_t ami_sw_id)
{
	struct pci *pci = pci_of(transport);
	uint64_t at = RVR_AMI_SW_PAGE_OFFSET + (uint64_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;

	return at + RVR_AMI_SW_PAGE_SIZE > pci->bar_size ? NULL : pci->bar + at;
}

static int
pci_dma_map(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	RTE_SET_USED(transport);
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va, iova,
		size) < 0 ? -EIO : 0;
}

static int
pci_dma_unmap(struct revere_transport *transport, void *va, uint64_t iova, size_t size)
{
	RTE_SET_USED(transport);
	return rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va, iova,
		size) < 0 ? -EIO : 0;
}

static int
pci_irq_set(struct revere_transport *transport, uint32_t vector, int eventfd)
{
	struct pci *pci = pci_of(transport);
	int ret = pci_irqs_set(&pci->irqs, vector, eventfd);

	/* Fewer than the device has, if the kernel says so. */
	transport->vectors = pci->irqs.most;
	return ret;
}

static int
pci_reset(struct revere_transport *transport)
{
	struct pci *pci = pci_of(transport);

	if (ioctl(pci->vfio_fd, VFIO_DEVICE_RESET) < 0)
		return -errno;
	return rte_pci_set_bus_master(pci->pci_dev, true) < 0 ? -EIO : 0;
}

static const struct revere_transport_ops pci_ops = {
	.name = "pci",
	.mgt_read64 = pci_mgt_read64,
	.mgt_write64 = pci_mgt_write64,
	.ami_sw_page = pci_ami_sw_page,
	.dma_map = pci_dma_map,
	.dma_unmap = pci_dma_unmap,
	.irq_set = pci_irq_set,
	.reset = pci_reset,
};

/* ---- Transport ------------------------------------------------------------------------------ */

/*
 * Who takes a device away in order is told by EAL, as of any device. One that was pulled out, or
 * broke, is noticed by its registers alone, which read as ones.
 */
static void
watch(void *arg)
{
	struct pci *pci = arg;

	if (pci_mgt_read64(&pci->transport, RVR_AMU_AIDR) != UINT64_MAX) {
		rte_eal_alarm_set(WATCH_US, watch, pci);
		return;
	}
	COMMON_LOG(ERR, pci->pci_dev->device.name, "the device is gone: its registers read as "
		"ones; detach it");
	device_gone(&pci->transport);
}

static void
pci_close(struct revere_transport *transport)
{
	struct pci *pci = pci_of(transport);

	rte_eal_alarm_cancel(watch, pci);
	pci_irqs_fini(&pci->irqs);
	rte_pci_set_bus_master(pci->pci_dev, false);
	free(pci);
}

/* IOVAs are the process' addresses only as far as memory is mapped for VFIO. */
static bool
pci_sva(const struct revere_transport *transport)
{
	RTE_SET_USED(transport);
	return false;
}

static const struct transport_kind transport_pci = {
	.close = pci_close,
	.sva = pci_sva,
};

static int
pci_open(struct rte_pci_device *pci_dev, struct revere_transport **transport)
{
	const struct rte_mem_resource *bar = &pci_dev->mem_resource[RVR_PCI_BAR_REGS];
	const char *name = pci_dev->device.name;
	struct pci *pci;

	if (pci_dev->kdrv != RTE_PCI_KDRV_VFIO) {
		COMMON_LOG(ERR, name, "not bound to vfio-pci: use dpdk-devbind.py");
		return -ENODEV;
	}
	if (bar->addr == NULL || bar->len < RVR_AMI_SW_PAGE_OFFSET + RVR_AMI_SW_PAGE_STRIDE) {
		COMMON_LOG(ERR, name, "BAR0 of %" PRIu64 " bytes isn't mapped or too small",
			bar->len);
		return -ENODEV;
	}
	pci = calloc(1, sizeof(*pci));
	if (pci == NULL)
		return -ENOMEM;
	pci->pci_dev = pci_dev;
	pci->bar = bar->addr;
	pci->bar_size = bar->len;
	pci->vfio_fd = rte_intr_dev_fd_get(pci_dev->intr_handle);
	pci_irqs_init(&pci->irqs, name, pci->vfio_fd);
	pci->transport = (struct revere_transport){
		.ops = &pci_ops,
		.numa_node = pci_dev->device.numa_node,
		.vectors = pci->irqs.most,
	};
	*transport = &pci->transport;
	if (rte_pci_set_bus_master(pci_dev, true) == 0) {
		rte_eal_alarm_set(WATCH_US, watch, pci);
		return 0;
	}
	COMMON_LOG(ERR, name, "Bus Master Enable can't be set");
	free(pci);
	return -EIO;
}

/* ---- Which classes -------------------------------------------------------------------------- */

/* "net:dma" has "dma"; nothing given has all. */
static bool
class_wanted(const struct rte_kvargs *args, const char *class)
{
	const char *at;
	size_t length;

	if (rte_kvargs_count(args, ARG_CLASS) == 0)
		return true;
	for (at = rte_kvargs_get(args, ARG_CLASS); at != NULL; at = strchr(at, ':')) {
		at += *at == ':';
		length = strcspn(at, ":");
		if (length == strlen(class) && strncmp(at, class, length) == 0)
			return true;
	}
	return false;
}

static bool
class_loaded(const char *name, size_t length)
{
	const struct revere_class *class;

	for (class = class_first(); class != NULL; class = class->next)
		if (strlen(class->name) == length && strncmp(class->name, name, length) == 0)
			return true;
	return false;
}

static int
check_classes(const char *name, const struct rte_kvargs *args)
{
	const char *list, *at;
	size_t length;

	if (rte_kvargs_count(args, ARG_CLASS) == 0)
		return 0;
	list = rte_kvargs_get(args, ARG_CLASS);
	for (at = list;; at += length + 1) {
		length = strcspn(at, ":");
		if (!class_loaded(at, length)) {
			COMMON_LOG(ERR, name, "class=%s: net, dma and raw, separated by colons, "
				"are possible where their drivers are loaded", list);
			return -EINVAL;
		}
		if (at[length] == '\0')
			return 0;
	}
}

static void
list_keys(char *text, size_t size, const struct rte_kvargs *args)
{
	const struct revere_class *class;

	for (class = class_first(); class != NULL; class = class->next)
		if (class_wanted(args, class->name))
			args_append_list(text, size, class->args);
}

static bool
key_known(const char *key, const void *arg)
{
	const struct rte_kvargs *args = arg;
	const struct revere_class *class;

	for (class = class_first(); class != NULL; class = class->next)
		if (class_wanted(args, class->name) && args_in_list(class->args, key))
			return true;
	return strcmp(key, ARG_CLASS) == 0 || strcmp(key, ARG_GIVE) == 0 ||
		strcmp(key, ARG_COMMAND_TIMEOUT) == 0 ||
		(strcmp(key, ARG_PORT) == 0 && class_wanted(args, "net"));
}

/* ---- Driver --------------------------------------------------------------------------------- */

static int
detach_all(struct rte_pci_device *pci_dev)
{
	struct revere_class *class;
	int ret = 0;

	for (class = class_first(); class != NULL && ret == 0; class = class->next)
		if (attached(&pci_dev->device, class))
			ret = detach(&pci_dev->device, class);
	return ret;
}

static int
attach_classes(struct rte_pci_device *pci_dev, struct rte_kvargs *args,
	struct revere_device *device)
{
	struct revere_probe probe = {
		.name = pci_dev->device.name,
		.rte_dev = &pci_dev->device,
		.bus = REVERE_BUS_PCI,
		.dev = device->dev,
		.device = device,
		.args = args,
		.rna_port = -1,
	};
	struct revere_class *class;
	int ret = args_port_number(args, &probe.rna_port);

	for (class = class_first(); class != NULL && ret == 0; class = class->next)
		if (class_wanted(args, class->name))
			ret = attach(&probe, class);
	if (ret < 0)
		detach_all(pci_dev);
	return ret;
}

static int
probe_with(struct rte_pci_device *pci_dev, struct rte_kvargs *args)
{
	struct revere_dev_conf conf = { .vf = pci_dev->id.device_id == RVR_PCI_DEVICE_ID_VF };
	const char *name = pci_dev->device.name;
	struct revere_transport *transport = NULL;
	struct revere_device *device;
	char keys[256] = ARG_CLASS ", " ARG_GIVE ", " ARG_COMMAND_TIMEOUT ", " ARG_PORT;
	int ret = check_classes(name, args);

	list_keys(keys, sizeof(keys), args);
	if (ret == 0)
		ret = args_check(name, args, key_known, args, keys);
	if (ret == 0)
		ret = args_dev_conf(args, &conf);
	if (ret == 0)
		ret = pci_open(pci_dev, &transport);
	if (ret < 0)
		return ret;
	device_lock();
	ret = device_new(name, &transport_pci, transport, &conf, &device);
	if (ret == 0) {
		ret = give(name, args, device);
		if (ret == 0)
			ret = attach_classes(pci_dev, args, device);
		/* Attachments have their own. */
		revere_device_put(device);
	}
	device_unlock();
	return ret;
}

static int
pci_detach(struct rte_pci_device *pci_dev)
{
	struct revere_class *class;
	int ret = 0;

	for (class = class_first(); class != NULL && ret == 0; class = class->next)
		ret = secondary_detach(pci_dev->device.name, &pci_dev->device, class);
	return ret;
}

/* A secondary process has what the primary has, as far as that can be shared. */
static int
pci_attach(struct rte_pci_device *pci_dev)
{
	struct revere_class *class;
	int ret, num = 0;

	for (class = class_first(); class != NULL; class = class->next) {
		if (class->attach == NULL)
			continue;
		ret = secondary_attach(pci_dev->device.name, &pci_dev->device, class);
		if (ret < 0 && ret != -ENODEV) {
			pci_detach(pci_dev);
			return ret;
		}
		num += ret == 0;
	}
	if (num > 0)
		return 0;
	COMMON_LOG(ERR, pci_dev->device.name, "the primary process has no such device of a class "
		"that secondary processes can use");
	return -ENODEV;
}

static int
pci_probe(struct rte_pci_driver *driver, struct rte_pci_device *pci_dev)
{
	const struct rte_devargs *devargs = pci_dev->device.devargs;
	struct rte_kvargs *args;
	int ret;

	RTE_SET_USED(driver);
	if (secondary())
		return pci_attach(pci_dev);
	args = rte_kvargs_parse(devargs == NULL || devargs->args == NULL ? "" : devargs->args,
		NULL);
	if (args == NULL) {
		COMMON_LOG(ERR, pci_dev->device.name,
			"devargs %s are malformed: key=value,... is needed", devargs->args);
		return -EINVAL;
	}
	ret = probe_with(pci_dev, args);
	rte_kvargs_free(args);
	return ret;
}

static int
pci_remove(struct rte_pci_device *pci_dev)
{
	return secondary() ? pci_detach(pci_dev) : detach_all(pci_dev);
}

/* What EAL does for drivers that don't ask, but that users of the device learn of IOVAs. */
static int
pci_map(struct rte_pci_device *pci_dev, void *va, uint64_t iova, size_t size)
{
	attached_iova(&pci_dev->device, va, iova);
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va, iova,
		size);
}

static const struct rte_pci_id pci_ids[] = {
	{ RTE_PCI_DEVICE(RVR_PCI_VENDOR_ID, RVR_PCI_DEVICE_ID_PF) },
	{ RTE_PCI_DEVICE(RVR_PCI_VENDOR_ID, RVR_PCI_DEVICE_ID_VF) },
	{ .vendor_id = 0 },
};

static struct rte_pci_driver revere_pci_driver = {
	.id_table = pci_ids,
	.drv_flags = RTE_PCI_DRV_NEED_MAPPING,
	.probe = pci_probe,
	.remove = pci_remove,
	.dma_map = pci_map,
};

RTE_PMD_REGISTER_PCI(common_revere, revere_pci_driver);
RTE_PMD_REGISTER_PCI_TABLE(common_revere, pci_ids);
RTE_PMD_REGISTER_KMOD_DEP(common_revere, "* vfio-pci");
RTE_PMD_REGISTER_PARAM_STRING(common_revere, ARG_CLASS "=<net|dma|raw>[:...] "
	ARG_PORT "=<number> " ARG_GIVE "=<vf>:<class>:<count>[+...] "
	ARG_COMMAND_TIMEOUT "=<1-60000>");
