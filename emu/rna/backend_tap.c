/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backend `tap`: a TAP interface of the kernel. What the port sends arrives at the interface, what
 * the interface sends arrives at the port. Each packet is a system call, so an interface without
 * traffic is looked at now and then only, lest it slow down other ports.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rx.h"

#define TAP_BURST 32		 /**< packets a poll */
#define TAP_IDLE_NS 20000	 /**< between looks at an interface without traffic */
#define TAP_CLOCK_POLLS 16	 /**< polls between looks at the clock */

struct tap {
	int fd;
	unsigned int skip;     /**< polls until the clock is looked at */
	uint64_t quiet_until;  /**< ns */
	uint8_t packet[RNA_FRAME_MAX + 1]; /**< a byte more, to see what is too long */
};

/** An interface that isn't up takes nothing; bringing it up may need more rights than we have. */
static void
tap_up(const struct rna_port *port, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = false;

	if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, ifr) == 0) {
		ifr->ifr_flags |= IFF_UP;
		up = ioctl(fd, SIOCSIFFLAGS, ifr) == 0;
	}
	if (!up)
		amu_log(port->rna->aha->amu, REVERE_EMU_LOG_WARNING,
			"rna port %u: interface %.16s can't be set up: %s", port->id, ifr->ifr_name,
			strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int
tap_open(struct rna_port *port, const char *name, char *error, size_t error_size)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	if (strlen(name) >= IFNAMSIZ) {
		snprintf(error, error_size, "interface name \"%s\" is longer than %d characters",
			name, IFNAMSIZ - 1);
		return -EINVAL;
	}
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int err = errno;

		snprintf(error, error_size, "/dev/net/tun for \"tap=%s\": %s", name, strerror(err));
		return -err;
	}
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		int err = errno;

		snprintf(error, error_size, "TAP interface \"%s\": %s", name, strerror(err));
		close(fd);
		return -err;
	}
	tap_up(port, &ifr);
	return fd;
}

static int
tap_add(struct rna_port *port, const char *arg, char *error, size_t error_size)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (tap == NULL) {
		snprintf(error, error_size, "no memory for a TAP interface");
		return -ENOMEM;
	}
	tap->fd = tap_open(port, arg, error, error_size);
	if (tap->fd < 0) {
		int ret = tap->fd;

		free(tap);
		return ret;
	}
	port->wire = tap;
	return 0;
}

static void
tap_del(struct rna_port *port)
{
	struct tap *tap = port->wire;

	close(tap->fd);
	free(tap);
}

static bool
tap_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct tap *tap = port->wire;

	return write(tap->fd, data, len) == (ssize_t)len;
}

/** Whether an interface that had nothing is still left alone. */
static bool
tap_quiet(struct tap *tap)
{
	if (tap->quiet_until == 0)
		return false;
	if (tap->skip > 0) {
		tap->skip--;
		return true;
	}
	tap->skip = TAP_CLOCK_POLLS;
	return amu_now_ns() < tap->quiet_until;
}

static bool
tap_poll(struct rna_port *port)
{
	struct tap *tap = port->wire;
	unsigned int i;

	if (tap_quiet(tap))
		return false;
	for (i = 0; i < TAP_BURST; i++) {
		ssize_t len = read(tap->fd, tap->packet, sizeof(tap->packet));

		if (len <= 0)
			break;
		if (len < RNA_FRAME_MIN)
			rna_deliver_slow(port, tap->packet, (uint32_t)len);
		else
			rna_deliver(port, tap->packet, (uint32_t)len);
	}
	tap->quiet_until = i == TAP_BURST ? 0 : amu_now_ns() + TAP_IDLE_NS;
	return i > 0;
}

const struct rna_backend rna_backend_tap = {
	.name = "tap",
	.wants_arg = true,
	.add = tap_add,
	.del = tap_del,
	.send = tap_send,
	.poll = tap_poll,
};
