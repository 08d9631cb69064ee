/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The Physical Function that the kernel's vfio-pci has. The kernel gives its registers away as a
 * whole, and there is one address space for all of the Function: what contexts of it reach isn't
 * limited to their client's. The container and the device are kept for the next process, and with
 * them all that is mapped, and interrupts.
 */

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "device.h"
#include "rvr_regs.h"
#include "vfio_space.h"

#define ADDRESS_MAX 32
#define PATH_MAX_ 128
#define HEX "0123456789abcdefABCDEF"

/* What the next process has to know. */
struct notes {
	uint32_t vectors;
	struct space_notes space;
};

struct vfio {
	struct pfd_device device;
	struct space space;
	int fd; /* of the device */
	uint64_t bar, bar_size; /* of the registers, in its file */
	uint8_t *regs; /* the management page */
};

static struct vfio *
vfio_of(struct pfd_device *device)
{
	return (struct vfio *)device;
}

static struct notes *
notes_of(const struct vfio *vfio)
{
	return (struct notes *)(void *)vfio->device.notes;
}

/* ---- Registers, interrupts ------------------------------------------------------------------- */

/* Between memory and registers, as a device sees them. */
static void
io_barrier(void)
{
#ifdef __aarch64__
	__asm__ volatile("dmb osh" : : : "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static uint64_t
vfio_read64(struct pfd_device *device, uint32_t offset)
{
	uint64_t value = rvr_le64_cpu(*(volatile rvr_le64 *)(vfio_of(device)->regs + offset));

	io_barrier();
	/* No register is like that. */
	if (value == UINT64_MAX && !device->lost) {
		pfd_log(PFD_ERR, "the device's registers read as ones: it was removed, or is off");
		device_lose(device);
	}
	return value;
}

static int
vfio_write64(struct pfd_device *device, uint32_t offset, uint64_t value)
{
	if (device->lost)
		return -ENODEV;
	io_barrier();
	*(volatile rvr_le64 *)(vfio_of(device)->regs + offset) = rvr_cpu_le64(value);
	return 0;
}

/* The kernel's answer; positive: how many vectors there could have been. */
static int
irqs_set(const struct vfio *vfio, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(*fds);
	struct vfio_irq_set *set = calloc(1, size);
	int ret;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		(fds == NULL ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD);
	set->index = index;
	set->start = start;
	set->count = count;
	if (fds != NULL)
		memcpy(set->data, fds, count * sizeof(*fds));
	ret = ioctl(vfio->fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret < 0)
		ret = -errno;
	free(set);
	return ret;
}

/* All at once, as older kernels can't add any later. */
static int
vectors_enable(const struct vfio *vfio, uint32_t count)
{
	static int none[PFD_DEVICE_VECTORS];
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++)
		none[i] = -1;
	ret = irqs_set(vfio, VFIO_PCI_MSIX_IRQ_INDEX, 0, count, none);
	/* There are fewer. */
	if (ret > 0 && (uint32_t)ret < count)
		return vectors_enable(vfio, (uint32_t)ret);
	return ret < 0 ? ret : (int)count;
}

static int
vfio_irq_set(void *arg, uint32_t vector, int fd)
{
	return irqs_set(arg, VFIO_PCI_MSIX_IRQ_INDEX, vector, 1, &fd);
}

static int
vfio_irq_trigger(void *arg, uint32_t vector)
{
	return irqs_set(arg, VFIO_PCI_MSIX_IRQ_INDEX, vector, 1, NULL);
}

/* ---- Pages, memory --------------------------------------------------------------------------- */

static int
vfio_page(void *arg, uint32_t id, uint32_t ami_sw_id, int *fd, uint64_t *offset)
{
	const struct vfio *vfio = arg;
	uint64_t at = RVR_AMI_SW_PAGE_OFFSET + (uint64_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;

	(void)id;
	if (at + RVR_AMI_SW_PAGE_SIZE > vfio->bar_size)
		return -ERANGE;
	*offset = vfio->bar + at;
	*fd = fcntl(vfio->fd, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

/* An AMI-SW has the page of its number, and nothing else. */
static int
vfio_page_bind(void *arg, uint32_t id, uint32_t ami_sw_id)
{
	(void)arg;
	(void)id;
	(void)ami_sw_id;
	return 0;
}

static void
vfio_page_drop(void *arg, uint32_t id)
{
	(void)arg;
	(void)id;
}

static int
vfio_dma_map(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, int fd, uint64_t offset)
{
	struct vfio *vfio = arg;

	return space_map(&vfio->space, pasid, iova, size, fd, offset);
}

static int
vfio_dma_unmap(void *arg, uint32_t pasid, uint64_t iova, uint64_t size, struct pfd_mapped *left)
{
	struct vfio *vfio = arg;

	return space_unmap(&vfio->space, pasid, iova, size, left);
}

static int
vfio_dma_mapped(void *arg, uint32_t pasid, struct pfd_mapped *mapped)
{
	const struct vfio *vfio = arg;

	*mapped = space_mapped(&vfio->space, pasid);
	return 0;
}

static int
vfio_rings_share(struct pfd_device *device)
{
	struct vfio *vfio = vfio_of(device);

	return space_map_own(&vfio->space, device->rings, DEVICE_RINGS_IOVA, DEVICE_RINGS_SIZE);
}

static const struct pfd_backend backend = {
	.page = vfio_page,
	.page_bind = vfio_page_bind,
	.page_drop = vfio_page_drop,
	.dma_map = vfio_dma_map,
	.dma_unmap = vfio_dma_unmap,
	.dma_mapped = vfio_dma_mapped,
	.irq_set = vfio_irq_set,
	.irq_trigger = vfio_irq_trigger,
};

/* ---- The device in sysfs --------------------------------------------------------------------- */

bool
device_is_address(const char *name)
{
	size_t domain = strspn(name, HEX);
	const char *rest = name + domain;

	return domain >= 4 && domain <= 8 && strlen(rest) == 8 && rest[0] == ':' &&
		strspn(rest + 1, HEX) == 2 && rest[3] == ':' && strspn(rest + 4, HEX) == 2 &&
		rest[6] == '.' && rest[7] >= '0' && rest[7] <= '7';
}

static int
read_id(const char *address, const char *name, unsigned int *id)
{
	char path[PATH_MAX_];
	FILE *file;
	int num;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	file = fopen(path, "re");
	if (file == NULL)
		return -ENODEV;
	num = fscanf(file, "%x", id);
	fclose(file);
	return num == 1 ? 0 : -ENODEV;
}

static int
check_id(const char *address)
{
	unsigned int vendor, device;

	if (read_id(address, "vendor", &vendor) < 0 || read_id(address, "device", &device) < 0) {
		pfd_log(PFD_ERR, "device %s: there is no PCI device of this address", address);
		return -ENODEV;
	}
	if (vendor == RVR_PCI_VENDOR_ID && device == RVR_PCI_DEVICE_ID_PF)
		return 0;
	if (vendor == RVR_PCI_VENDOR_ID && device == RVR_PCI_DEVICE_ID_VF)
		pfd_log(PFD_ERR, "device %s: it is a Virtual Function, give its Physical one",
			address);
	else
		pfd_log(PFD_ERR, "device %s: it is %04x:%04x, and no Physical Function of a Revere "
			"device, %04x:%04x", address, vendor, device, RVR_PCI_VENDOR_ID,
			RVR_PCI_DEVICE_ID_PF);
	return -ENODEV;
}

/* The last part of what a link in the device's folder says; "": there is no link. */
static void
read_link(const char *address, const char *name, char *text, size_t size)
{
	char path[PATH_MAX_], target[512];
	const char *last;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = '\0';
	last = strrchr(target, '/');
	snprintf(text, size, "%s", last == NULL ? "" : last + 1);
}

static int
check_driver(const char *address)
{
	char driver[64];

	read_link(address, "driver", driver, sizeof(driver));
	if (strcmp(driver, "vfio-pci") == 0)
		return 0;
	pfd_log(PFD_ERR, "device %s: it is bound to %s, not to vfio-pci: dpdk-devbind.py -b "
		"vfio-pci %s", address, driver[0] == '\0' ? "no driver" : driver, address);
	return -ENODEV;
}

/* ---- Group and container --------------------------------------------------------------------- */

/* Clients of a service that has ended may have the device still, for a moment. */
static int
open_free(const char *path)
{
	const struct timespec pause = { 0, 20000000 };
	uint64_t deadline = pfd_now_us() + DEVICE_TIMEOUT_S * UINT64_C(1000000);
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 || errno != EBUSY || pfd_now_us() > deadline)
			return fd < 0 ? -errno : fd;
		nanosleep(&pause, NULL);
	}
}

static int
group_open(const char *address)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char group[16], path[PATH_MAX_];
	int fd;

	read_link(address, "iommu_group", group, sizeof(group));
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = group[0] == '\0' ? -ENOENT : open_free(path);
	if (fd == -ENOENT)
		pfd_log(PFD_ERR, "device %s: there is no IOMMU for it: processes would reach all "
			"memory", address);
	else if (fd == -EBUSY)
		pfd_log(PFD_ERR, "device %s: another process has it, or one of its IOMMU group %s",
			address, group);
	else if (fd < 0)
		pfd_log(PFD_ERR, "device %s: %s: %s", address, path, strerror(-fd));
	if (fd < 0)
		return fd;
	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) == 0 &&
		(status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0)
		return fd;
	pfd_log(PFD_ERR, "device %s: others of its IOMMU group %s are bound to another driver than "
		"vfio-pci", address, group);
	close(fd);
	return -EPERM;
}

static int
container_open(const char *address, int group)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), ret = 0;

	if (fd < 0 || ioctl(fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
		ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		ret = fd < 0 ? -errno : -ENOTSUP;
	else if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &fd) < 0 ||
		ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		ret = -errno;
	if (ret == 0)
		return fd;
	pfd_log(PFD_ERR, "device %s: /dev/vfio/vfio: %s%s", address, strerror(-ret),
		ret == -EPERM ? ": the IOMMU has no interrupt remapping" : "");
	if (fd >= 0)
		close(fd);
	return ret;
}

/* ---- Bring-up -------------------------------------------------------------------------------- */

static int
bus_master(const struct vfio *vfio)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;
	off_t at;

	if (ioctl(vfio->fd, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		return -errno;
	at = (off_t)config.offset + PCI_COMMAND;
	if (pread(vfio->fd, &command, sizeof(command), at) != sizeof(command))
		return -EIO;
	command = rvr_cpu_le16(command) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	command = rvr_cpu_le16(command);
	return pwrite(vfio->fd, &command, sizeof(command), at) == sizeof(command) ? 0 : -EIO;
}

static int
regs_map(struct vfio *vfio)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = RVR_PCI_BAR_REGS };
	void *at;

	if (ioctl(vfio->fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return -errno;
	if ((info.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0 || info.size < RVR_MGT_PAGE_SIZE)
		return -ENOTSUP;
	at = mmap(NULL, RVR_MGT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->fd,
		(off_t)info.offset);
	if (at == MAP_FAILED)
		return -errno;
	vfio->regs = at;
	vfio->bar = info.offset;
	vfio->bar_size = info.size;
	return 0;
}

/* The kernel tells of errors, and of its wish to have the device back. */
static int
gone_watch(struct vfio *vfio)
{
	struct pfd_device *device = &vfio->device;

	device->gone_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	device->gone_events = EPOLLIN;
	if (device->gone_fd < 0)
		return -errno;
	/* A device without such events is as well. */
	irqs_set(vfio, VFIO_PCI_ERR_IRQ_INDEX, 0, 1, &device->gone_fd);
	irqs_set(vfio, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &device->gone_fd);
	return 0;
}

static int
vectors_start(struct vfio *vfio)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int ret;

	if (ioctl(vfio->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
		return -errno;
	ret = vectors_enable(vfio, info.count < PFD_DEVICE_VECTORS ? info.count :
		PFD_DEVICE_VECTORS);
	if (ret > 0)
		notes_of(vfio)->vectors = (uint32_t)ret;
	return ret < 0 ? ret : 0;
}

static int
vfio_start(struct pfd_device *device)
{
	struct vfio *vfio = vfio_of(device);
	int ret = gone_watch(vfio);

	vfio->space.notes = &notes_of(vfio)->space;
	/* Those that a process before has enabled are there, with who waits for them. */
	if (ret == 0 && notes_of(vfio)->vectors == 0)
		ret = vectors_start(vfio);
	device->vectors = notes_of(vfio)->vectors;
	return ret;
}

static void
vfio_lose(struct pfd_device *device)
{
	eventfd_write(device->gone_fd, 1);
}

static void
vfio_close(struct pfd_device *device)
{
	struct vfio *vfio = vfio_of(device);

	if (vfio->regs != NULL)
		munmap(vfio->regs, RVR_MGT_PAGE_SIZE);
	if (device->gone_fd >= 0)
		close(device->gone_fd);
}

static const struct device_ops vfio_ops = {
	.backend = &backend,
	.notes = sizeof(struct notes),
	.read64 = vfio_read64,
	.write64 = vfio_write64,
	.rings_share = vfio_rings_share,
	.start = vfio_start,
	.lose = vfio_lose,
	.close = vfio_close,
};

/* With a container and a device, which are its own then. */
static struct pfd_device *
vfio_make(int container, int fd)
{
	struct vfio *vfio = calloc(1, sizeof(*vfio));
	int ret = vfio == NULL ? -ENOMEM : 0;

	if (ret == 0) {
		device_init(&vfio->device, &vfio_ops);
		vfio->device.kept[PFD_KEPT_DEVICE] = fd;
		vfio->device.kept[PFD_KEPT_CONTAINER] = container;
		vfio->fd = fd;
		space_open(&vfio->space, container);
		ret = regs_map(vfio);
	}
	if (ret == 0)
		return &vfio->device;
	pfd_log(PFD_ERR, "the device's registers can't be mapped: %s", strerror(-ret));
	if (vfio != NULL)
		pfd_device_close(&vfio->device);
	return NULL;
}

/* The group is the device's: it needs no descriptor as long as that has one. */
static int
device_fd(const char *address, const char *vf_token, int *container)
{
	int group = group_open(address), fd = -ENODEV;
	char name[ADDRESS_MAX + 64];

	if (group < 0)
		return group;
	*container = container_open(address, group);
	if (*container >= 0) {
		snprintf(name, sizeof(name), "%s%s%s", address,
			vf_token == NULL ? "" : " vf_token=", vf_token == NULL ? "" : vf_token);
		fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
		if (fd < 0)
			fd = -errno;
		if (fd < 0)
			pfd_log(PFD_ERR, "device %s: the kernel doesn't give it away: %s", name,
				strerror(-fd));
		if (fd < 0)
			close(*container);
	}
	close(group);
	return fd;
}

struct pfd_device *
device_vfio_open(const char *name, const char *vf_token)
{
	struct pfd_device *device = NULL;
	char address[ADDRESS_MAX] = "";
	int container, fd;
	size_t i;

	for (i = 0; i < sizeof(address) - 1 && name[i] != '\0'; i++)
		address[i] = (char)tolower((unsigned char)name[i]);
	if (check_id(address) < 0 || check_driver(address) < 0)
		return NULL;
	fd = device_fd(address, vf_token, &container);
	if (fd < 0)
		return NULL;
	device = vfio_make(container, fd);
	if (device != NULL && bus_master(vfio_of(device)) < 0) {
		pfd_log(PFD_ERR, "device %s: its configuration space can't be written", address);
		pfd_device_close(device);
		device = NULL;
	}
	return device;
}

struct pfd_device *
device_vfio_adopt(const int kept[PFD_KEPT_MAX])
{
	return vfio_make(kept[PFD_KEPT_CONTAINER], kept[PFD_KEPT_DEVICE]);
}
