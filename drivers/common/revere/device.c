/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Devices in use, and who uses them: class drivers register here, share brought-up devices by
 * name, and give them back.
 */

#include <stdio.h>

#include "common_private.h"

/* A class driver's use of a device. */
struct attachment {
	TAILQ_ENTRY(attachment) next;
	struct rte_device *rte_dev;
	struct revere_class *class;
	struct revere_device *device;
	int rna_port; /* to remove in the end, or -1 */
	bool told_gone;
	char name[DEVICE_NAME_MAX];
};

static struct revere_class *classes;
static TAILQ_HEAD(, revere_device) devices = TAILQ_HEAD_INITIALIZER(devices);
static TAILQ_HEAD(, attachment) attachments = TAILQ_HEAD_INITIALIZER(attachments);
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void
device_lock(void)
{
	pthread_mutex_lock(&lock);
}

bool
device_trylock(void)
{
	return pthread_mutex_trylock(&lock) == 0;
}

void
device_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* ---- Classes -------------------------------------------------------------------------------- */

void
revere_class_register(struct revere_class *class)
{
	class->next = classes;
	classes = class;
}

struct revere_class *
class_first(void)
{
	return classes;
}

/* ---- Devices -------------------------------------------------------------------------------- */

struct revere_device *
device_find(const char *name)
{
	struct revere_device *device;

	TAILQ_FOREACH(device, &devices, next) {
		if (strcmp(device->name, name) == 0)
			break;
	}
	return device;
}

int
device_new(const char *name, const struct transport_kind *kind,
	struct revere_transport *transport, const struct revere_dev_conf *conf,
	struct revere_device **device)
{
	struct revere_device *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (new != NULL)
		ret = revere_dev_open(name, transport, conf, &new->dev);
	if (ret < 0) {
		kind->close(transport);
		free(new);
		return ret;
	}
	snprintf(new->name, sizeof(new->name), "%s", name);
	new->kind = kind;
	new->transport = transport;
	new->refs = 1;
	events_start(new);
	share_start();
	TAILQ_INSERT_TAIL(&devices, new, next);
	*device = new;
	return 0;
}

void
device_get(struct revere_device *device)
{
	device_lock();
	device->refs++;
	device_unlock();
}

void
revere_device_put(struct revere_device *device)
{
	if (device == NULL)
		return;
	device_lock();
	if (--device->refs == 0) {
		TAILQ_REMOVE(&devices, device, next);
		if (device->dev != NULL)
			events_stop(device);
		revere_dev_close(device->dev);
		device->kind->close(device->transport);
		free(device);
	}
	device_unlock();
}

void
revere_device_ref(struct revere_device *device)
{
	device_get(device);
}

int
revere_device_port_add(struct revere_device *device, const char *name, const char *backend)
{
	if (device->kind->port_add == NULL)
		return -ENOTSUP;
	return device->kind->port_add(name, device->transport, backend, NULL);
}

void
revere_device_port_remove(struct revere_device *device, unsigned int port)
{
	if (device->kind->port_remove != NULL)
		device->kind->port_remove(device->transport, port);
}

int
revere_device_vector_get(struct revere_device *device)
{
	uint32_t vector, most = RTE_MIN(device->transport->vectors, (uint32_t)DEVICE_VECTORS);
	int ret = -ENOSPC;

	device_lock();
	/* Vector 0 is for exceptions and errors. */
	for (vector = 1; vector < most; vector++) {
		if ((device->vectors[vector / 64] >> (vector % 64) & 1) != 0)
			continue;
		device->vectors[vector / 64] |= UINT64_C(1) << (vector % 64);
		ret = (int)vector;
		break;
	}
	device_unlock();
	return ret;
}

void
revere_device_vector_put(struct revere_device *device, unsigned int vector)
{
	if (vector >= DEVICE_VECTORS)
		return;
	device_lock();
	device->vectors[vector / 64] &= ~(UINT64_C(1) << (vector % 64));
	device_unlock();
}

/* ---- Attachments ---------------------------------------------------------------------------- */

static struct attachment *
attachment_find(const struct rte_device *rte_dev, const struct revere_class *class)
{
	struct attachment *attachment;

	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->rte_dev == rte_dev && attachment->class == class)
			break;
	}
	return attachment;
}

bool
attached(const struct rte_device *rte_dev, const struct revere_class *class)
{
	bool found;

	device_lock();
	found = attachment_find(rte_dev, class) != NULL;
	device_unlock();
	return found;
}

struct revere_device *
attached_as(const char *name, const char *class)
{
	struct attachment *attachment;

	TAILQ_FOREACH(attachment, &attachments, next)
		if (strcmp(attachment->name, name) == 0 &&
			strcmp(attachment->class->name, class) == 0)
			return attachment->device;
	return NULL;
}

struct revere_device *
attached_device(const struct rte_device *rte_dev)
{
	struct revere_device *device = NULL;
	struct attachment *attachment;

	device_lock();
	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->rte_dev == rte_dev)
			device = attachment->device;
	}
	device_unlock();
	return device;
}

void
attached_iova(const struct rte_device *rte_dev, const void *va, uint64_t iova)
{
	struct attachment *attachment;
	struct revere_device *device;

	if (iova == (uintptr_t)va)
		return;
	device_lock();
	device = attached_device(rte_dev);
	if (device != NULL)
		device->iova_differs = true;
	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->device == device && attachment->class->iova_differs != NULL)
			attachment->class->iova_differs(attachment->name);
	}
	device_unlock();
}

bool
revere_device_iova_differs(const struct revere_device *device)
{
	return device->iova_differs;
}

int
attach(const struct revere_probe *probe, struct revere_class *class)
{
	struct attachment *attachment = calloc(1, sizeof(*attachment));
	int ret;

	if (attachment == NULL)
		return -ENOMEM;
	device_get(probe->device); /* the class driver's own */
	ret = class->probe(probe);
	if (ret < 0) {
		revere_device_put(probe->device);
		free(attachment);
		return ret;
	}
	device_get(probe->device);
	attachment->rte_dev = probe->rte_dev;
	attachment->class = class;
	attachment->device = probe->device;
	attachment->rna_port = probe->rna_port;
	snprintf(attachment->name, sizeof(attachment->name), "%s", probe->name);
	device_lock();
	TAILQ_INSERT_TAIL(&attachments, attachment, next);
	device_unlock();
	return 0;
}

int
detach(struct rte_device *rte_dev, struct revere_class *class)
{
	struct attachment *attachment;
	struct revere_device *device;
	int ret;

	device_lock();
	attachment = attachment_find(rte_dev, class);
	ret = attachment == NULL ? -ENODEV : class->remove(rte_dev, attachment->name);
	if (ret < 0) {
		device_unlock();
		return ret;
	}
	device = attachment->device;
	if (attachment->rna_port >= 0 && device->kind->port_remove != NULL)
		device->kind->port_remove(device->transport, (unsigned int)attachment->rna_port);
	TAILQ_REMOVE(&attachments, attachment, next);
	free(attachment);
	revere_device_put(device);
	device_unlock();
	return 0;
}

int
revere_target_take(struct rte_device *rte_dev, const struct revere_class *class,
	const struct revere_probe *target)
{
	struct attachment *attachment;
	struct revere_probe from = { 0 };

	device_lock();
	attachment = attachment_find(rte_dev, class);
	if (attachment == NULL) {
		device_unlock();
		return -ENODEV;
	}
	from.device = attachment->device;
	from.rna_port = attachment->rna_port;
	attachment->device = target->device;
	attachment->rna_port = target->rna_port;
	attachment->told_gone = false;
	/* One more reference, for the class driver. */
	device_get(target->device);
	revere_target_close(&from);
	device_unlock();
	return 0;
}

bool
device_user_untold(const struct revere_transport *transport, struct device_user *user)
{
	struct attachment *attachment;

	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->device->transport != transport || attachment->told_gone ||
			!revere_transport_gone(attachment->device->transport))
			continue;
		attachment->told_gone = true;
		user->class = attachment->class;
		snprintf(user->name, sizeof(user->name), "%s", attachment->name);
		snprintf(user->rte_dev_name, sizeof(user->rte_dev_name), "%s",
			rte_dev_name(attachment->rte_dev));
		return true;
	}
	return false;
}

bool
device_port_used(const struct revere_device *device, int port)
{
	struct attachment *attachment;

	TAILQ_FOREACH(attachment, &attachments, next)
		if (attachment->device == device && attachment->rna_port == port)
			return true;
	return false;
}

int
device_port_free(const struct revere_device *device)
{
	int port = 0;

	while (device_port_used(device, port))
		port++;
	return port;
}

/* ---- Devices for tests, by the name of a user ----------------------------------------------- */

struct revere_device *
revere_device_find(const char *name)
{
	struct revere_device *device = NULL;
	struct attachment *attachment;

	device_lock();
	TAILQ_FOREACH(attachment, &attachments, next) {
		if (name != NULL && strcmp(attachment->name, name) != 0)
			continue;
		device = attachment->device;
		device->refs++;
		break;
	}
	device_unlock();
	return device;
}

struct revere_dev *
revere_device_dev(const struct revere_device *device)
{
	return device->dev;
}

const char *
revere_device_user(const struct revere_device *device)
{
	struct attachment *attachment;
	const char *name = device->name;

	device_lock();
	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->device != device)
			continue;
		name = attachment->name;
		break;
	}
	device_unlock();
	return name;
}

int
revere_device_take(struct revere_device *device, struct revere_transport **transport)
{
	struct attachment *attachment;
	int ret = 0;

	device_lock();
	TAILQ_FOREACH(attachment, &attachments, next) {
		if (attachment->device != device || strcmp(attachment->class->name, "raw") == 0)
			continue;
		COMMON_LOG(ERR, attachment->name, "a device of class %s can't be taken from its "
			"driver, use class raw", attachment->class->name);
		ret = -EBUSY;
	}
	if (ret == 0 && device->dev != NULL) {
		events_stop(device);
		revere_dev_close(device->dev);
		device->dev = NULL;
	}
	*transport = device->transport;
	device_unlock();
	return ret;
}
