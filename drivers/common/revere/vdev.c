/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* vdevs: from devargs to a device, and to the class driver whose name the vdev has. */

#include <stdio.h>

#include <bus_vdev_driver.h>
#include <rte_errno.h>

#include "common_private.h"

/* Where devices come from; the last is for vdevs that select none of the others. */
static const struct transport_kind *const kinds[] = {
	&transport_vfio_user, &transport_pfd, &transport_local,
};

/* On devices whose ports are not made here. */
static const char *const given_port_keys[] = { ARG_PORT, NULL };

struct vdev_probe {
	const char *name;
	struct rte_vdev_device *vdev;
	struct revere_class *class;
	struct rte_kvargs *args;
	const struct transport_kind *kind;
	struct port_args port;
};

static const struct transport_kind *
kind_find(const struct rte_kvargs *args)
{
	const struct transport_kind *const *kind = kinds;

	while ((*kind)->selector != NULL && rte_kvargs_count(args, (*kind)->selector) == 0)
		kind++;
	return *kind;
}

static bool
is_net(const struct vdev_probe *probe)
{
	return strcmp(probe->class->name, "net") == 0;
}

static bool
makes_port(const struct vdev_probe *probe)
{
	return probe->kind->port_add != NULL && is_net(probe);
}

static const char *const *
port_keys(const struct vdev_probe *probe)
{
	if (!is_net(probe))
		return NULL;
	return makes_port(probe) ? args_port_keys : given_port_keys;
}

static bool
key_known(const char *key, const void *arg)
{
	const struct vdev_probe *probe = arg;

	return strcmp(key, ARG_GIVE) == 0 || strcmp(key, ARG_COMMAND_TIMEOUT) == 0 ||
		args_in_list(probe->class->args, key) ||
		probe->kind->has_key(key) ||
		args_in_list(port_keys(probe), key);
}

static int
check_args(const struct vdev_probe *probe)
{
	char keys[768] = "";
	size_t used;

	args_append_list(keys, sizeof(keys), probe->class->args);
	args_append_list(keys, sizeof(keys), port_keys(probe));
	used = strlen(keys);
	if (used > 0 && used < sizeof(keys) - 2)
		used += (size_t)snprintf(keys + used, sizeof(keys) - used, ", ");
	probe->kind->list_keys(keys + used, sizeof(keys) - used);
	return args_check(probe->name, probe->args, key_known, probe, keys);
}

/*
 * What a device is shared by: emu=NAME, or socket=PATH, or the name of a pair of ports, or nothing.
 * Names of vdevs can't be taken for any, they begin with net_, dma_ or raw_.
 */
static int
device_name(const struct vdev_probe *probe, char name[DEVICE_NAME_MAX])
{
	const char *selector = probe->kind->selector, *emu = NULL;
	int length;

	/* Paths may be longer than names in log lines, which are cut then. */
	if (selector != NULL) {
		snprintf(name, DEVICE_NAME_MAX, "%s=%s", selector,
			rte_kvargs_get(probe->args, selector));
		return 0;
	}
	if (rte_kvargs_count(probe->args, "emu") > 0)
		emu = rte_kvargs_get(probe->args, "emu");
	if (emu == NULL && rte_kvargs_count(probe->args, ARG_VF) > 0) {
		COMMON_LOG(ERR, probe->name, ARG_VF "=%s: of which device? emu=NAME tells",
			rte_kvargs_get(probe->args, ARG_VF));
		return -EINVAL;
	}
	if (emu != NULL && rte_kvargs_count(probe->args, ARG_VF) > 0)
		length = snprintf(name, DEVICE_NAME_MAX, "emu/%s/" ARG_VF "%s", emu,
			rte_kvargs_get(probe->args, ARG_VF));
	else if (emu != NULL)
		length = snprintf(name, DEVICE_NAME_MAX, "emu/%s", emu);
	else if (probe->port.pair != NULL)
		length = snprintf(name, DEVICE_NAME_MAX, "pair/%s", probe->port.pair);
	else
		length = snprintf(name, DEVICE_NAME_MAX, "%s", probe->name);
	if (length < REVERE_NAME_MAX)
		return 0;
	COMMON_LOG(ERR, probe->name, "%s: a device's name has at most %d characters", name,
		REVERE_NAME_MAX - 1);
	return -EINVAL;
}

/* One more reference to the device that is meant; made, if it isn't there. */
static int
device_for(const struct vdev_probe *probe, struct revere_device **device)
{
	struct revere_transport *transport;
	struct revere_dev_conf conf = { 0 };
	char name[DEVICE_NAME_MAX];
	int ret = device_name(probe, name);

	if (ret == 0)
		ret = args_dev_conf(probe->args, &conf);
	if (ret < 0)
		return ret;
	*device = device_find(name);
	if (*device != NULL && (*device)->dev == NULL) {
		COMMON_LOG(ERR, probe->name, "device %s was taken by a test", name);
		return -EBUSY;
	}
	if (*device != NULL) {
		ret = probe->kind->check(probe->name, probe->args, (*device)->transport);
		if (ret == 0)
			device_get(*device);
		return ret;
	}
	ret = probe->kind->open(name, probe->args, &transport);
	if (ret < 0)
		return ret;
	return device_new(name, probe->kind, transport, &conf, device);
}

/*
 * The port that was asked for, or the first that no other vdev here has. Which one a Virtual
 * Function has is the network agent's to say.
 */
static int
port_pick(const struct vdev_probe *probe, const struct revere_device *device, int *port)
{
	int ret;

	*port = device->transport->vf ? -1 : device_port_free(device);
	ret = args_port_number(probe->args, port);
	if (ret < 0 || *port < 0 || !device_port_used(device, *port))
		return ret;
	COMMON_LOG(ERR, probe->name, ARG_PORT "=%d: another vdev of this process has it", *port);
	return -EBUSY;
}

/* Port of the network agent, -1 none or the agent's choice. */
static int
port_get(const struct vdev_probe *probe, struct revere_device *device, int *port)
{
	*port = -1;
	if (!is_net(probe))
		return 0;
	if (!makes_port(probe))
		return port_pick(probe, device, port);
	*port = probe->kind->port_add(probe->name, device->transport, probe->port.backend,
		probe->port.has_mac ? probe->port.mac.addr_bytes : NULL);
	return *port < 0 ? *port : 0;
}

/* Port, then class driver; undone if the latter fails. */
static int
use_device(const struct vdev_probe *probe, struct revere_device *device)
{
	struct revere_probe out = {
		.name = probe->name,
		.rte_dev = &probe->vdev->device,
		.bus = REVERE_BUS_VDEV,
		.dev = device->dev,
		.device = device,
		.args = probe->args,
		.iova_as_va = device->kind->sva(device->transport),
	};
	int ret = port_get(probe, device, &out.rna_port);

	if (ret < 0)
		return ret;
	ret = attach(&out, probe->class);
	if (ret < 0 && out.rna_port >= 0 && device->kind->port_remove != NULL)
		device->kind->port_remove(device->transport, (unsigned int)out.rna_port);
	return ret;
}

static int
vdev_probe(struct vdev_probe *probe)
{
	struct revere_device *device;
	int ret;

	probe->kind = kind_find(probe->args);
	ret = check_args(probe);
	if (ret == 0 && makes_port(probe))
		ret = args_port(probe->name, probe->args, &probe->port);
	if (ret < 0)
		return ret;
	device_lock();
	ret = device_for(probe, &device);
	if (ret == 0) {
		ret = give(probe->name, probe->args, device);
		if (ret == 0)
			ret = use_device(probe, device);
		/* The attachment has its own. */
		revere_device_put(device);
	}
	device_unlock();
	return ret;
}

/* A device for a user of another one; only what says which is wanted, and a port's wire. */
static int
target_open(struct vdev_probe *probe, const struct revere_device *from,
	struct revere_probe *target)
{
	int ret;

	probe->kind = kind_find(probe->args);
	ret = check_args(probe);
	if (ret == 0 && makes_port(probe))
		ret = args_port(probe->name, probe->args, &probe->port);
	if (ret == 0)
		ret = device_for(probe, &target->device);
	if (ret < 0)
		return ret;
	if (target->device == from) {
		COMMON_LOG(ERR, probe->name, "it is on device %s already", from->name);
		ret = -EEXIST;
	} else {
		ret = port_get(probe, target->device, &target->rna_port);
	}
	if (ret < 0) {
		revere_device_put(target->device);
		return ret;
	}
	target->dev = target->device->dev;
	target->iova_as_va = target->device->kind->sva(target->device->transport);
	return 0;
}

int
revere_target_open(const struct rte_device *rte_dev, const char *name,
	const struct revere_class *class, const char *devargs, struct revere_probe *target)
{
	/* Settings of the user's own stay as they are. */
	struct revere_class bare = { .name = class->name };
	struct vdev_probe probe = { .name = name, .class = &bare };
	struct revere_device *from = attached_device(rte_dev);
	int ret;

	memset(target, 0, sizeof(*target));
	target->name = name;
	target->bus = REVERE_BUS_VDEV;
	target->rna_port = -1;
	if (from == NULL)
		return -ENODEV;
	probe.args = devargs == NULL ? NULL : rte_kvargs_parse(devargs, NULL);
	if (probe.args == NULL) {
		COMMON_LOG(ERR, name, "devargs %s are malformed: key=value,... is needed",
			devargs == NULL ? "NULL" : devargs);
		return -EINVAL;
	}
	device_lock();
	ret = target_open(&probe, from, target);
	device_unlock();
	rte_kvargs_free(probe.args);
	return ret;
}

void
revere_target_close(const struct revere_probe *target)
{
	if (target->rna_port >= 0 && target->device->kind->port_remove != NULL)
		target->device->kind->port_remove(target->device->transport,
			(unsigned int)target->rna_port);
	revere_device_put(target->device);
}

int
revere_vdev_probe(struct rte_vdev_device *vdev, struct revere_class *class)
{
	struct vdev_probe probe = {
		.name = rte_vdev_device_name(vdev),
		.vdev = vdev,
		.class = class,
	};
	int ret;

	if (secondary()) {
		ret = secondary_attach(probe.name, &vdev->device, class);
		if (ret == -ENODEV)
			COMMON_LOG(ERR, probe.name, "the primary process has no such device");
		return ret;
	}
	probe.args = rte_kvargs_parse(rte_vdev_device_args(vdev), NULL);
	if (probe.args == NULL) {
		COMMON_LOG(ERR, probe.name, "devargs %s are malformed: key=value,... is needed",
			rte_vdev_device_args(vdev));
		return -EINVAL;
	}
	ret = vdev_probe(&probe);
	rte_kvargs_free(probe.args);
	return ret;
}

int
revere_vdev_remove(struct rte_vdev_device *vdev, struct revere_class *class)
{
	if (secondary())
		return secondary_detach(rte_vdev_device_name(vdev), &vdev->device, class);
	return detach(&vdev->device, class);
}

int
revere_vdev_dma_map(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t size)
{
	struct revere_device *device = attached_device(&vdev->device);
	struct revere_transport *transport;
	int ret = -ENODEV;

	attached_iova(&vdev->device, va, iova);
	if (device != NULL) {
		transport = device->transport;
		ret = transport->ops->dma_map(transport, va, iova, size);
	}
	/* Vdevs that share a device are told one by one. */
	if (ret == 0 || ret == -EEXIST)
		return 0;
	COMMON_LOG(ERR, rte_vdev_device_name(vdev), "%zu bytes at IOVA %#" PRIx64
		" can't be mapped: %s", size, iova, strerror(-ret));
	rte_errno = -ret;
	return -1;
}

int
revere_vdev_dma_unmap(struct rte_vdev_device *vdev, void *va, uint64_t iova, size_t size)
{
	struct revere_device *device = attached_device(&vdev->device);
	struct revere_transport *transport;
	int ret = -ENODEV;

	if (device != NULL) {
		transport = device->transport;
		ret = transport->ops->dma_unmap(transport, va, iova, size);
	}
	if (ret == 0 || ret == -ENOENT)
		return 0;
	rte_errno = -ret;
	return -1;
}
