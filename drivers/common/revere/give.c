/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Devarg give=VF:CLASS:COUNT[+VF:CLASS:COUNT...] of a PF: contexts for its VFs, as the class
 * drivers there will look for them. They are the VF's until the PF is closed.
 */

#include <stdio.h>

#include "common_private.h"

struct gift {
	uint16_t vf;
	uint32_t count;
	const struct revere_class *class;
};

static const struct revere_class *
class_find(const char *name, size_t length)
{
	const struct revere_class *class;

	for (class = class_first(); class != NULL; class = class->next)
		if (class->plan != NULL && strlen(class->name) == length &&
			strncmp(class->name, name, length) == 0)
			break;
	return class;
}

/* A number from 1 to @p max, up to @p end; 0: there is none. */
static uint32_t
number(const char *text, char end, uint32_t max, const char **next)
{
	unsigned long value;
	char *stop;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	value = strtoul(text, &stop, 10);
	*next = stop;
	if (*stop == end)
		(*next)++;
	/* Something has to follow. */
	if ((*stop == end && **next == '\0') || (*stop != end && *stop != '\0'))
		return 0;
	return value <= max ? (uint32_t)value : 0;
}

/* VF:CLASS:COUNT. @return what comes after it, NULL: it is malformed */
static const char *
gift_parse(const char *text, struct gift *gift)
{
	size_t length;

	gift->vf = (uint16_t)number(text, ':', UINT8_MAX, &text);
	if (gift->vf == 0)
		return NULL;
	length = strcspn(text, ":");
	gift->class = class_find(text, length);
	if (gift->class == NULL || text[length] != ':')
		return NULL;
	gift->count = number(text + length + 1, '+', UINT16_MAX, &text);
	return gift->count == 0 ? NULL : text;
}

/* What one devarg has given so far: all of it, or nothing. */
struct gifts {
	struct revere_vf_gift **given;
	unsigned int num;
};

static int
context_give(struct revere_dev *dev, uint16_t vf, const struct revere_plan *plan,
	struct gifts *gifts)
{
	struct revere_vf_gift **grown;
	int aha_id = revere_aha_find(dev, plan->kind, 0), ret;

	if (aha_id < 0)
		return aha_id;
	grown = realloc(gifts->given, (gifts->num + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	gifts->given = grown;
	ret = revere_vf_give(dev, vf, (uint16_t)aha_id, plan->sessions, plan->num_sessions,
		&grown[gifts->num]);
	gifts->num += ret == 0;
	return ret;
}

static int
gift_make(const char *name, struct revere_dev *dev, const struct gift *gift, struct gifts *gifts)
{
	struct revere_plan plan;
	int ret = revere_vf_enable(dev, gift->vf, true);
	uint32_t i;

	for (i = 0; ret == 0; i++) {
		if (gift->class->plan(revere_dev_info(dev), gift->count, i, &plan) == 0)
			return 0;
		ret = context_give(dev, gift->vf, &plan, gifts);
	}
	COMMON_LOG(ERR, name, ARG_GIVE "=%u:%s:%u: nothing is given: %s", gift->vf,
		gift->class->name, gift->count, strerror(-ret));
	return ret;
}

static int
give_all(const char *name, const char *all, struct revere_dev *dev, struct gifts *gifts)
{
	const char *text = all;
	struct gift gift;
	int ret = 0;

	while (*text != '\0' && ret == 0) {
		text = gift_parse(text, &gift);
		if (text == NULL) {
			COMMON_LOG(ERR, name, ARG_GIVE "=%s: VF:CLASS:COUNT[+VF:CLASS:COUNT...] is "
				"needed, with CLASS net, dma or raw whose driver is loaded", all);
			return -EINVAL;
		}
		ret = gift_make(name, dev, &gift, gifts);
	}
	return ret;
}

int
give(const char *name, const struct rte_kvargs *args, struct revere_device *device)
{
	struct gifts gifts = { 0 };
	const char *all;
	int ret;

	if (rte_kvargs_count(args, ARG_GIVE) == 0)
		return 0;
	all = rte_kvargs_get(args, ARG_GIVE);
	if (device->transport->vf) {
		COMMON_LOG(ERR, name, ARG_GIVE "=%s: a VF has nothing to give, its PF has", all);
		return -ENOTSUP;
	}
	ret = give_all(name, all, device->dev, &gifts);
	while (ret < 0 && gifts.num > 0)
		revere_vf_take(gifts.given[--gifts.num]);
	free(gifts.given);
	return ret;
}
