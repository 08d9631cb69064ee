/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * VERSION: what both ends can do, as JSON. A small parser: it checks the text as a whole and
 * picks the numbers that matter out of it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vu.h"

#define JSON_MAX_DEPTH 16
#define JSON_MAX_NUMBER 64 /* digits and all */

/* Where in the document: names of the members that lead here. */
struct json_path {
	const char *name;
	size_t len;
	const struct json_path *up;
};

struct json {
	const char *at;
	const char *end;
	unsigned int depth;
	unsigned int max_fds; /* found */
};

static bool json_value(struct json *json, const struct json_path *path);

static void
json_space(struct json *json)
{
	while (json->at < json->end && strchr(" \t\r\n", *json->at) != NULL && *json->at != '\0')
		json->at++;
}

/* The next character that isn't white space, 0 at the end. */
static char
json_peek(struct json *json)
{
	json_space(json);
	return json->at < json->end ? *json->at : '\0';
}

static bool
json_accept(struct json *json, char c)
{
	if (json_peek(json) != c)
		return false;
	json->at++;
	return true;
}

/* A string; escapes stay as they are, no name that matters has one. */
static bool
json_string(struct json *json, const char **start, size_t *len)
{
	if (!json_accept(json, '"'))
		return false;
	*start = json->at;
	for (; json->at < json->end && *json->at != '"'; json->at++) {
		if ((unsigned char)*json->at < 0x20)
			return false;
		if (*json->at == '\\' && ++json->at == json->end)
			return false;
	}
	*len = (size_t)(json->at - *start);
	return json_accept(json, '"');
}

static bool
json_word(struct json *json, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
		return false;
	json->at += len;
	return true;
}

static bool
path_is(const struct json_path *path, const char *name)
{
	return path->len == strlen(name) && memcmp(path->name, name, path->len) == 0;
}

static bool
is_max_fds(const struct json_path *path)
{
	return path != NULL && path->up != NULL && path->up->up == NULL &&
	       path_is(path, "max_msg_fds") && path_is(path->up, "capabilities");
}

static bool
json_number(struct json *json, const struct json_path *path)
{
	char text[JSON_MAX_NUMBER], *end;
	size_t len = 0;
	double value;

	while (json->at + len < json->end && len < sizeof(text) - 1 && json->at[len] != '\0' &&
	       strchr("+-.0123456789eE", json->at[len]) != NULL)
		len++;
	memcpy(text, json->at, len);
	text[len] = '\0';
	value = strtod(text, &end);
	if (len == 0 || *end != '\0')
		return false;
	json->at += len;
	if (is_max_fds(path)) {
		if (!(value >= 0 && value <= UINT16_MAX))
			return false;
		json->max_fds = (unsigned int)value;
	}
	return true;
}

static bool
json_object(struct json *json, const struct json_path *up)
{
	struct json_path path = { .up = up };

	json->at++;
	if (json_accept(json, '}'))
		return true;
	do {
		if (!json_string(json, &path.name, &path.len) || !json_accept(json, ':') ||
		    !json_value(json, &path))
			return false;
	} while (json_accept(json, ','));
	return json_accept(json, '}');
}

static bool
json_array(struct json *json)
{
	const struct json_path nowhere = { .name = "", .up = NULL };

	json->at++;
	if (json_accept(json, ']'))
		return true;
	do {
		if (!json_value(json, &nowhere))
			return false;
	} while (json_accept(json, ','));
	return json_accept(json, ']');
}

static bool
json_nested(struct json *json, const struct json_path *path, char c)
{
	bool ok;

	if (json->depth == JSON_MAX_DEPTH)
		return false;
	json->depth++;
	ok = c == '{' ? json_object(json, path) : json_array(json);
	json->depth--;
	return ok;
}

static bool
json_value(struct json *json, const struct json_path *path)
{
	const char *start;
	size_t len;
	char c = json_peek(json);

	/* A capability that isn't the number that it should be. */
	if (is_max_fds(path) && (c == '\0' || strchr("{[\"tfn", c) != NULL))
		return false;
	switch (c) {
	case '{':
	case '[':
		return json_nested(json, path, c);
	case '"':
		return json_string(json, &start, &len);
	case 't':
		return json_word(json, "true");
	case 'f':
		return json_word(json, "false");
	case 'n':
		return json_word(json, "null");
	default:
		return json_number(json, path);
	}
}

/* Text after the version: none at all, or JSON with a terminating 0. */
static int
capabilities_parse(const char *text, size_t size, unsigned int *max_fds)
{
	struct json json = { .at = text, .max_fds = 1 };

	*max_fds = 1; /* the protocol's default */
	if (size == 0)
		return 0;
	if (text[size - 1] != '\0')
		return -EINVAL;
	json.end = text + size - 1;
	if (json_peek(&json) == '\0' && json.at == json.end)
		return 0;
	if (json_peek(&json) != '{' || !json_value(&json, NULL))
		return -EINVAL;
	json_space(&json);
	*max_fds = json.max_fds;
	return json.at == json.end ? 0 : -EINVAL;
}

int
vu_version(struct vu_device *dev, struct vu_msg *msg)
{
	const char *text = (const char *)msg->data + sizeof(struct vu_version);
	struct vu_version version;
	char *reply;
	int len, ret;

	memcpy(&version, msg->data, sizeof(version));
	if (version.major != VU_MAJOR) {
		vu_log(dev, REVERE_EMU_LOG_WARNING,
			"client speaks vfio-user %u.%u, this is %u.%u: update the older one",
			version.major, version.minor, VU_MAJOR, VU_MINOR);
		return -EPROTONOSUPPORT;
	}
	ret = capabilities_parse(text, msg->size - sizeof(version), &dev->client_max_fds);
	if (ret < 0)
		return ret;
	if (version.minor > VU_MINOR)
		version.minor = VU_MINOR;
	reply = vu_reply(msg, 256);
	memcpy(reply, &version, sizeof(version));
	len = snprintf(reply + sizeof(version), 256 - sizeof(version),
		"{\"capabilities\":{\"max_msg_fds\":%d,\"max_data_xfer_size\":%d}}", VU_MAX_FDS,
		VU_MAX_XFER);
	msg->reply_size = (uint32_t)(sizeof(version) + (size_t)len + 1);
	return 0;
}
