/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backend `pcap`: packets come from a file and go to another one, both in the classic format of
 * libpcap. "pcap=in=FILE;out=FILE;rate=PPS;infinite", each part but one of the files optional.
 *
 * Without a rate packets come as fast as queues have buffers for them, none is lost; with one they
 * come when it is their time, as from a wire. Files are anybody's: what a record says is checked.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "rx.h"
#include "steer.h"

#define PCAP_BURST 32
#define PCAP_MAGIC_US 0xa1b2c3d4u
#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_ETHERNET 1
#define PCAP_SNAPLEN 262144u
#define PCAP_RATE_MAX UINT64_C(1000000000)
#define PCAP_LATE_NS 100000000u /* of what is late by more, the rest is not made up for */

struct pcap_file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct pcap_record {
	uint32_t seconds, fraction;
	uint32_t included; /**< bytes that follow */
	uint32_t length;   /**< of the packet */
};

struct pcap {
	FILE *in, *out;
	bool swapped;	/**< the input was written in the other byte order */
	bool infinite;
	bool ended;
	bool written;	/**< since the last flush */
	bool have;	/**< packet[] waits */
	uint32_t len;	/**< of packet[]; beyond RNA_FRAME_MAX only the length is there */
	uint64_t interval; /**< ns between packets; 0: as fast as they are taken */
	uint64_t due;	   /**< when the next one is, ns */
	uint8_t packet[RNA_FRAME_MAX];
};

/* ---- Coming and going --------------------------------------------------------------------- */

static uint32_t
pcap_number(const struct pcap *pcap, uint32_t number)
{
	return pcap->swapped ? __builtin_bswap32(number) : number;
}

/** Reads the head of the input; NULL, or what is wrong with it. */
static const char *
input_check(struct pcap *pcap)
{
	struct pcap_file_header head;

	if (fread(&head, sizeof(head), 1, pcap->in) != 1)
		return "it is shorter than a header";
	pcap->swapped = __builtin_bswap32(head.magic) == PCAP_MAGIC_US ||
			__builtin_bswap32(head.magic) == PCAP_MAGIC_NS;
	if (!pcap->swapped && head.magic != PCAP_MAGIC_US && head.magic != PCAP_MAGIC_NS)
		return "it is no pcap file (pcapng is none)";
	if ((pcap_number(pcap, head.link) & 0xffff) != PCAP_ETHERNET)
		return "its packets have no Ethernet header";
	return NULL;
}

static int
input_open(struct pcap *pcap, const char *name, char *error, size_t error_size)
{
	const char *wrong;

	pcap->in = fopen(name, "rbe");
	if (pcap->in == NULL) {
		int err = errno;

		snprintf(error, error_size, "pcap input %s: %s", name, strerror(err));
		return -err;
	}
	wrong = input_check(pcap);
	if (wrong == NULL)
		return 0;
	snprintf(error, error_size, "pcap input %s: %s", name, wrong);
	return -EINVAL;
}

static int
output_open(struct pcap *pcap, const char *name, char *error, size_t error_size)
{
	const struct pcap_file_header head = {
		.magic = PCAP_MAGIC_US,
		.major = 2,
		.minor = 4,
		.snaplen = PCAP_SNAPLEN,
		.link = PCAP_ETHERNET,
	};
	int err;

	pcap->out = fopen(name, "wbe");
	if (pcap->out != NULL && fwrite(&head, sizeof(head), 1, pcap->out) == 1 &&
		fflush(pcap->out) == 0)
		return 0;
	err = errno;
	snprintf(error, error_size, "pcap output %s: %s", name, strerror(err));
	return -err;
}

static int
rate_set(struct pcap *pcap, const char *text, char *error, size_t error_size)
{
	char *end;
	uint64_t rate = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || rate == 0 || rate > PCAP_RATE_MAX) {
		snprintf(error, error_size, "pcap rate \"%s\" is not within 1 and %llu packets/s",
			text, (unsigned long long)PCAP_RATE_MAX);
		return -EINVAL;
	}
	pcap->interval = PCAP_RATE_MAX / rate;
	return 0;
}

static int
part_set(struct pcap *pcap, const char *part, char *error, size_t error_size)
{
	if (strncmp(part, "in=", 3) == 0 && pcap->in == NULL)
		return input_open(pcap, part + 3, error, error_size);
	if (strncmp(part, "out=", 4) == 0 && pcap->out == NULL)
		return output_open(pcap, part + 4, error, error_size);
	if (strncmp(part, "rate=", 5) == 0)
		return rate_set(pcap, part + 5, error, error_size);
	if (strcmp(part, "infinite") == 0) {
		pcap->infinite = true;
		return 0;
	}
	snprintf(error, error_size,
		"\"%s\" is none of in=FILE, out=FILE, rate=PACKETS and infinite, or is there twice",
		part);
	return -EINVAL;
}

static void
pcap_free(struct pcap *pcap)
{
	if (pcap->in != NULL)
		fclose(pcap->in);
	if (pcap->out != NULL)
		fclose(pcap->out);
	free(pcap);
}

static int
pcap_add(struct rna_port *port, const char *arg, char *error, size_t error_size)
{
	struct pcap *pcap = calloc(1, sizeof(*pcap));
	char *parts = strdup(arg), *part, *rest = NULL;
	int ret = 0;

	if (pcap == NULL || parts == NULL) {
		free(pcap);
		free(parts);
		snprintf(error, error_size, "no memory for pcap files");
		return -ENOMEM;
	}
	for (part = strtok_r(parts, ";", &rest); part != NULL && ret == 0;
		part = strtok_r(NULL, ";", &rest))
		ret = part_set(pcap, part, error, error_size);
	free(parts);
	if (ret == 0 && pcap->in == NULL && pcap->out == NULL) {
		snprintf(error, error_size, "pcap needs an input or an output");
		ret = -EINVAL;
	}
	if (ret != 0) {
		pcap_free(pcap);
		return ret;
	}
	port->wire = pcap;
	return 0;
}

static void
pcap_del(struct rna_port *port)
{
	pcap_free(port->wire);
}

/* ---- Output ------------------------------------------------------------------------------- */

static bool
pcap_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct pcap *pcap = port->wire;
	struct pcap_record record = { .included = len, .length = len };
	struct timespec now;

	if (pcap->out == NULL)
		return true; /* as if nobody listened */
	clock_gettime(CLOCK_REALTIME, &now);
	record.seconds = (uint32_t)now.tv_sec;
	record.fraction = (uint32_t)(now.tv_nsec / 1000);
	pcap->written = true;
	if (fwrite(&record, sizeof(record), 1, pcap->out) == 1 &&
		fwrite(data, len, 1, pcap->out) == 1)
		return true;
	port->steer->stats.wire_errors++;
	return false;
}

/* ---- Input -------------------------------------------------------------------------------- */

/** The input can't be read on; counts why. */
static bool
input_ends(struct pcap *pcap, uint64_t *counter)
{
	(*counter)++;
	pcap->ended = true;
	return false;
}

/** At the end of the file: from its start again, if that is wanted and there is something. */
static void
input_rewind(struct pcap *pcap)
{
	if (!pcap->infinite || ftell(pcap->in) <= (long)sizeof(struct pcap_file_header) ||
		fseek(pcap->in, sizeof(struct pcap_file_header), SEEK_SET) != 0)
		pcap->ended = true;
}

/** Takes a record's bytes; packets that are too long are only counted, by their length. */
static bool
input_take(struct pcap *pcap, uint32_t included)
{
	if (included <= RNA_FRAME_MAX)
		return included == 0 || fread(pcap->packet, included, 1, pcap->in) == 1;
	/* fseek() goes beyond the end without a word. */
	return fseek(pcap->in, (long)included - 1, SEEK_CUR) == 0 && fgetc(pcap->in) != EOF;
}

/** Reads the next packet. false: this is none, the next one may be, unless the input has ended. */
static bool
input_next(struct rna_port *port, struct pcap *pcap)
{
	struct pcap_record record;
	uint32_t included, length;
	size_t got = fread(&record, 1, sizeof(record), pcap->in);

	if (got == 0 && !ferror(pcap->in)) {
		input_rewind(pcap);
		return false;
	}
	if (got != sizeof(record))
		return input_ends(pcap, ferror(pcap->in) ? &port->steer->stats.wire_errors :
							    &port->steer->stats.wire_truncated);
	included = pcap_number(pcap, record.included);
	length = pcap_number(pcap, record.length);
	if (included > PCAP_SNAPLEN || included > length)
		return input_ends(pcap, &port->steer->stats.wire_bad_length);
	if (!input_take(pcap, included))
		return input_ends(pcap, &port->steer->stats.wire_truncated);
	if (included < length) { /* it was cut when it was recorded */
		port->steer->stats.wire_truncated++;
		return false;
	}
	pcap->len = length;
	pcap->have = true;
	return true;
}

/** Whether every queue that runs has buffers for a packet of this length. */
static bool
queues_have_room(const struct rna_port *port, uint32_t len)
{
	unsigned int i, running = 0;

	for (i = 0; i < port->rna->max_queues; i++) {
		const struct rna_queue *q = port->queue[i];

		if (q == NULL || !q->rx_started)
			continue;
		running++;
		if (q->posted - q->filled < len / q->buffer_size + 1)
			return false;
	}
	return running > 0;
}

/** Whether it is time for the packet that waits. */
static bool
input_is_due(struct rna_port *port, struct pcap *pcap)
{
	uint64_t now;

	if (pcap->interval == 0)
		return pcap->len > RNA_FRAME_MAX || queues_have_room(port, pcap->len);
	now = amu_now_ns();
	if (pcap->due + PCAP_LATE_NS < now)
		pcap->due = now;
	if (now < pcap->due)
		return false;
	pcap->due += pcap->interval;
	return true;
}

static bool
input_poll(struct rna_port *port, struct pcap *pcap)
{
	unsigned int i;

	for (i = 0; i < PCAP_BURST && !pcap->ended; i++) {
		if (!pcap->have && !input_next(port, pcap))
			continue;
		if (!input_is_due(port, pcap))
			break;
		pcap->have = false;
		if (pcap->len < RNA_FRAME_MIN)
			rna_deliver_slow(port, pcap->packet, pcap->len);
		else
			rna_deliver(port, pcap->packet, pcap->len);
	}
	return i > 0;
}

static bool
pcap_poll(struct rna_port *port)
{
	struct pcap *pcap = port->wire;

	/* Files are as far as the device is, for whoever reads them while it runs. */
	if (pcap->written && fflush(pcap->out) != 0)
		port->steer->stats.wire_errors++;
	pcap->written = false;
	if (pcap->in == NULL || port->rx_max == 0 || pcap->ended)
		return false;
	if (pcap->interval != 0)
		aha_poll_soon(port->poller->hw); /* there is a time to be kept */
	return input_poll(port, pcap);
}

const struct rna_backend rna_backend_pcap = {
	.name = "pcap",
	.wants_arg = true,
	.add = pcap_add,
	.del = pcap_del,
	.send = pcap_send,
	.poll = pcap_poll,
};
