/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Backend `af_packet`: an interface of the kernel that is there already. The port sends and
 * receives by it, beside the kernel itself; over a veth that leads into another network namespace,
 * that is a cable. The kernel takes VLAN tags out and leaves checksums open between interfaces of
 * one machine: both are put right here, so that packets are what a wire would carry.
 */

#include <errno.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rx.h"
#include "steer.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define PACKET_BURST 32		/**< packets a poll */
#define PACKET_IDLE_NS 20000	/**< between looks at an interface without traffic */
#define PACKET_RECEIVE_BYTES (4 << 20) /**< that the kernel keeps until they are taken */
#define VLAN_LEN 4

struct packet_wire {
	int fd;
	uint64_t quiet_until; /**< ns */
	/** Room for a tag, a packet, a byte more to see what is too long. */
	uint8_t buffer[VLAN_LEN + RNA_FRAME_MAX + 1];
};

/* ---- Coming and going --------------------------------------------------------------------- */

/** Sets the socket up before it is bound: until then nothing is received. */
static int
socket_options(int fd)
{
	static const struct {
		int level, name, value;
		bool needed;
	} options[] = {
		{ SOL_PACKET, PACKET_VNET_HDR, 1, true },
		{ SOL_PACKET, PACKET_AUXDATA, 1, true },
		{ SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, false }, /* Linux 4.20 */
		{ SOL_SOCKET, SO_RCVBUF, PACKET_RECEIVE_BYTES, false },
	};
	unsigned int i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			    sizeof(options[i].value)) != 0 && options[i].needed)
			return -errno;
	return 0;
}

static int
socket_bind(int fd, const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };

	if (address.sll_ifindex == 0)
		return -ENODEV;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	/* Filters are the port's. */
	all.mr_ifindex = address.sll_ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0)
		return -errno;
	return 0;
}

static int
packet_open(const char *name)
{
	int ret, fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	ret = socket_options(fd);
	if (ret == 0)
		ret = socket_bind(fd, name);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static int
packet_add(struct rna_port *port, const char *arg, char *error, size_t error_size)
{
	struct packet_wire *wire = calloc(1, sizeof(*wire));

	if (wire == NULL) {
		snprintf(error, error_size, "no memory for interface \"%s\"", arg);
		return -ENOMEM;
	}
	wire->fd = packet_open(arg);
	if (wire->fd < 0) {
		int ret = wire->fd;

		snprintf(error, error_size, "interface \"%s\": %s", arg, strerror(-ret));
		free(wire);
		return ret;
	}
	port->wire = wire;
	return 0;
}

static void
packet_del(struct rna_port *port)
{
	struct packet_wire *wire = port->wire;

	close(wire->fd);
	free(wire);
}

/* ---- Packets ------------------------------------------------------------------------------ */

static bool
packet_send(struct rna_port *port, const uint8_t *data, uint32_t len)
{
	struct packet_wire *wire = port->wire;
	struct virtio_net_hdr head = { 0 };
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};

	if (writev(wire->fd, parts, 2) == (ssize_t)(sizeof(head) + len))
		return true;
	port->steer->stats.wire_errors++;
	return false;
}

/** Completes a checksum that the kernel has left to the adapter; false: it can't be. */
static bool
checksum_complete(uint8_t *packet, uint32_t len, const struct virtio_net_hdr *head)
{
	uint32_t start = head->csum_start, to = start + head->csum_offset, at;
	uint64_t sum = 0;

	if (!(head->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (to + 2 > len || start >= len)
		return false;
	for (at = start; at + 1 < len; at += 2)
		sum += (uint32_t)packet[at] << 8 | packet[at + 1];
	if (at < len)
		sum += (uint32_t)packet[at] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	/* 0 says that there is none, in UDP; the same number else. */
	if (sum == 0)
		sum = 0xffff;
	packet[to] = (uint8_t)(sum >> 8);
	packet[to + 1] = (uint8_t)sum;
	return true;
}

/** What the kernel tells about a packet apart from it; NULL: nothing. */
static const struct tpacket_auxdata *
packet_auxdata(struct msghdr *message)
{
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(message); control != NULL;
		control = CMSG_NXTHDR(message, control))
		if (control->cmsg_level == SOL_PACKET && control->cmsg_type == PACKET_AUXDATA)
			return (const void *)CMSG_DATA(control);
	return NULL;
}

/** Puts the tag in that the kernel has taken out; the addresses move to make room for it. */
static uint8_t *
tag_insert(struct packet_wire *wire, const struct tpacket_auxdata *aux)
{
	uint16_t type = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid :
								     ETH_P_8021Q;
	uint8_t *packet = wire->buffer;

	memmove(packet, packet + VLAN_LEN, 12);
	packet[12] = (uint8_t)(type >> 8);
	packet[13] = (uint8_t)type;
	packet[14] = (uint8_t)(aux->tp_vlan_tci >> 8);
	packet[15] = (uint8_t)aux->tp_vlan_tci;
	return packet;
}

/** A packet as a wire would have brought it. */
static void
packet_deliver(struct rna_port *port, uint32_t len, const struct virtio_net_hdr *head,
	const struct tpacket_auxdata *aux)
{
	struct packet_wire *wire = port->wire;
	uint8_t *packet = wire->buffer + VLAN_LEN;

	if (len <= RNA_FRAME_MAX && !checksum_complete(packet, len, head)) {
		port->steer->stats.wire_bad_length++;
		return;
	}
	if (aux != NULL && (aux->tp_status & TP_STATUS_VLAN_VALID) && len >= RNA_FRAME_MIN) {
		packet = tag_insert(wire, aux);
		len += VLAN_LEN;
	}
	if (len < RNA_FRAME_MIN || len > RNA_FRAME_MAX)
		rna_deliver_slow(port, packet, len);
	else
		rna_deliver(port, packet, len);
}

/** Takes one packet; false: there is none. */
static bool
packet_receive(struct rna_port *port)
{
	struct packet_wire *wire = port->wire;
	struct virtio_net_hdr head = { 0 };
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = wire->buffer + VLAN_LEN, .iov_len = RNA_FRAME_MAX + 1 },
	};
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(wire->fd, &message, MSG_TRUNC);

	if (len < 0) {
		/* The interface went down, or away: it may come again. */
		if (errno != EAGAIN && errno != EINTR)
			port->steer->stats.wire_errors++;
		return false;
	}
	if (len < (ssize_t)sizeof(head))
		port->steer->stats.wire_truncated++;
	else
		packet_deliver(port, (uint32_t)((size_t)len - sizeof(head)), &head,
			packet_auxdata(&message));
	return true;
}

static bool
packet_poll(struct rna_port *port)
{
	struct packet_wire *wire = port->wire;
	unsigned int i;

	/* Each look is a system call: one without traffic waits a little. */
	if (wire->quiet_until != 0 && amu_now_ns() < wire->quiet_until)
		return false;
	for (i = 0; i < PACKET_BURST && packet_receive(port); i++)
		;
	wire->quiet_until = i == PACKET_BURST ? 0 : amu_now_ns() + PACKET_IDLE_NS;
	return i > 0;
}

const struct rna_backend rna_backend_af_packet = {
	.name = "af_packet",
	.wants_arg = true,
	.add = packet_add,
	.del = packet_del,
	.send = packet_send,
	.poll = packet_poll,
};
