#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Writes corpus_X/seed-*: inputs to start from; see fuzz_X.c.

For vfio_user one for each thing clients do, for vfio_stream one for each way to cut that, for
rna_parse one for each kind of packet, each with some offloads and actions.
"""

import os
import struct
import sys

ARGSZ, MEMORY, EVENT = 1, 0 << 3, 1 << 3
IOVA = 0x10000


def request(command, payload=b"", fds=0, kind=0, flags=0):
    """One request."""
    return bytes([fds | kind, command, flags, len(payload)]) + payload


def write(region, offset, value, size=8):
    """REGION_WRITE."""
    return request(10, struct.pack("=QII", offset, region, size) + value.to_bytes(size, "little"))


def read(region, offset, size):
    """REGION_READ."""
    return request(9, struct.pack("=QII", offset, region, size))


def dma_map(iova, size, fds=1, offset=0, flags=3):
    """DMA_MAP."""
    return request(2, struct.pack("=IQQQ", flags, offset, iova, size), fds, MEMORY, ARGSZ)


def dma_unmap(iova, size, flags=0):
    """DMA_UNMAP."""
    return request(3, struct.pack("=IQQ", flags, iova, size), 0, 0, ARGSZ)


def store(at, data):
    """The client's own store into its memory."""
    return request(255, struct.pack("=H", at) + data)


class Script:
    """Management commands, each with its doorbell."""

    def __init__(self):
        self.data, self.count = ON + AMU, 0

    def command(self, opcode, **words):
        """A command whose 32-bit words are given by offset: w4=..."""
        msg = bytearray(struct.pack("<16I", opcode, *[0] * 15))
        for name, value in words.items():
            struct.pack_into("<I", msg, int(name[1:]), value)
        self.data += store(self.count % 4 * 64, bytes(msg))
        self.count += 1
        self.data += write(0, 0x1600, self.count) + write(0, 0x1c00, self.count)
        return self

    def connect(self, aha):
        """AMI-SW 0 with sessions to an agent and back."""
        self.command(6).command(23, w4=aha)
        self.command(16, w4=0x10, w12=aha << 16, w20=1, w56=3 << 10)
        self.command(16, w4=0x20, w8=aha << 16, w20=2, w56=3 << 10)
        self.command(15).command(13).command(11)
        for tx, base in ((0x40, IOVA + 0x3000), (0, IOVA + 0x4000)):
            self.command(20, w8=tx, w12=2 << 1, w16=base)
        return self.command(14).command(34).command(32).command(33)

    def message(self, data):
        """A message to the agent."""
        self.data += store(0x3000, data.ljust(64, b"\0")) + write(0, 0x10600, 1)
        self.data += read(0, 0x10e00, 8) + write(0, 0x10c00, 1)
        return self


def set_irqs(flags, start, count, fds=0, data=b"", index=2):
    """SET_IRQS."""
    return request(8, struct.pack("=IIII", flags, index, start, count) + data, fds, EVENT, ARGSZ)


VERSION = request(1, struct.pack("=HH", 0, 1) +
                  b'{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576,'
                  b'"migration":{"pgsize":4096},"x":[1,-2.5e3,true,null,"\\"\\u0041"]}}\0')
ON = dma_map(IOVA, 0x8000) + write(7, 4, 6, 2)
AMU = (write(0, 0x18, 1) + write(0, 0x60, IOVA) + write(0, 0x68, 2) + write(0, 0x70, IOVA + 0x1000)
       + write(0, 0x78, 2) + write(0, 0x80, IOVA + 0x2000) + write(0, 0x88, 2))

SEEDS = {
    "pasid": request(248, struct.pack("=IQQQII", 3, 0, IOVA, 0x2000, 5, 0), 1, MEMORY, ARGSZ) +
    request(248, struct.pack("=IQQQII", 3, 0, IOVA, 0x2000, 6, 0), 1, MEMORY, ARGSZ) +
    request(249, struct.pack("=IQQII", 0, IOVA + 0x1000, 0x1000, 5, 0), 0, 0, ARGSZ) +
    request(249, struct.pack("=IQQII", 2, 0, 0, 6, 0), 0, 0, ARGSZ) +
    request(250, struct.pack("=IQ", 0, 0), 0, 0, ARGSZ),
    "version": VERSION,
    "info": request(4, bytes(12), flags=ARGSZ) + b"".join(
        request(5, struct.pack("=IIIQQ", 0, i, 0, 0, 0) + bytes(32 * (i == 0)), flags=ARGSZ)
        for i in range(9)) + b"".join(
        request(7, struct.pack("=III", 0, i, 0), flags=ARGSZ) for i in range(5)),
    "config": b"".join(read(7, i, 64) for i in range(0, 0x188, 64)) + write(7, 0x10, 2**64 - 1)
    + write(7, 0x44, 3, 2) + write(7, 0x58, 0x8000, 2) + write(7, 0x92, 0xffff, 2),
    "dma": b"".join(dma_map(IOVA + i * 4096, 4096, 1, (7 - i) * 4096) for i in range(8))
    + dma_unmap(IOVA + 4096, 100) + dma_unmap(0, 1 << 63) + dma_map(0, 0xa0000, 0)
    + dma_unmap(0, 0, 2),
    "ends": (dma_map(0, 4096) + dma_map(2**64 - 4096, 4096) + dma_unmap(0, 0, 2)) * 2
    + dma_map(0, 4096) + dma_map(2**64 - 4096, 4096) + b"".join(
        request(248, struct.pack("=IQQQII", 3, 0, at, 4096, 5, 0), 1, MEMORY, ARGSZ)
        for at in (0, 2**64 - 4096)),
    "irqs": set_irqs(0x24, 0, 3, 3) + set_irqs(0x21, 0, 3) + set_irqs(0x22, 0, 2, data=b"\0\1")
    + set_irqs(0x24, 1, 1) + set_irqs(0x21, 0, 0) + set_irqs(0x24, 0, 1, 1, index=4),
    "registers": read(0, 0, 64) + write(0, 0x60, 0x12345678, 4) + write(0, 0x64, 1, 1)
    + write(0, 0x10600, 5) + read(0, 0x10000, 128) + write(2, 0, 2**128 - 1, 16) + read(2, 0, 160),
    "commands": ON + AMU + write(0, 0x1600, 1) + read(0, 0x20, 8) + write(0, 0x1600, 3),
    "probe": Script().command(1).command(2).command(37, w4=3).command(99).data,
    "inversion": Script().connect(0).message(b"abc").data,
    "network": Script().connect(1).message(b"\1").data,
    "copy": Script().connect(3).message(struct.pack(
        "<QQQIII", 0, IOVA + 0x5000, IOVA + 0x6000, 100, 0, 1)).data,
    "reset": ON + AMU + request(13) + ON + read(0, 0x18, 8),
    "unknown": request(6, bytes(16)) + request(16, bytes(8)) + request(200) + request(0)
    + request(13, b"", 3, EVENT),
}


# ---- vfio_stream: fuzz_vfio_stream.c


def send(data, client=0, fds=0, kind=0, later=0):
    """A client's bytes, in steps of at most 255."""
    return b"".join(
        bytes([client | later, (fds if at == 0 else 0) | kind << 4, len(data[at:at + 255])])
        + data[at:at + 255] for at in range(0, len(data), 255))


def act(what, client=0, count=0, later=0):
    """What a client does besides: hang up, shut down, zeroes, read."""
    return bytes([client | 0x10 | later, what, count])


def message(command, payload=b"", size=None, flags=0, number=1):
    """A request as it is on the wire, with its length or another one."""
    size = 16 + len(payload) if size is None else size
    return struct.pack("=HHIII", number, command, size, flags, 0) + payload


LATER = 0x20
HELLO = message(1, struct.pack("=HH", 0, 1) + b"{}\0")
INFO = message(4, struct.pack("=IIII", 16, 0, 0, 0))
MAP = message(2, struct.pack("=IIQQQ", 32, 3, 0, IOVA, 4096))
WRITE = message(10, struct.pack("=QII", 0, 9, 0x100000), 16 + 16 + 0x100000)

STREAMS = {
    "whole": send(HELLO) + send(INFO) + act(4) + act(0),
    "bytes": b"".join(send(bytes([byte])) for byte in HELLO + INFO),
    "merged": send(HELLO + INFO * 9, later=LATER) + act(4),
    "cut": send(HELLO + INFO[:10]) + send(INFO[10:] + INFO[:16]) + send(INFO[16:]),
    "spread": send(HELLO) + send(MAP[:3], fds=1) + send(MAP[3:20]) + send(MAP[20:], fds=1),
    "tail": send(HELLO) + send(INFO[:5]) + send(INFO[5:] + MAP, fds=1) + send(MAP, fds=1),
    "many": send(HELLO) + send(INFO, fds=8) + send(INFO[:9], fds=8) + send(INFO[9:], fds=8),
    "most": send(HELLO, fds=15),
    "short": send(HELLO) + send(message(4, b"", 15)),
    "long": send(HELLO) + send(message(4, b"", 0x100000 + 33)),
    "lies": send(HELLO) + send(message(4, b"", 0x100)) + send(INFO) + act(4),
    "large": send(HELLO) + send(WRITE) + act(3, count=255) + act(3, count=1) + send(INFO),
    "reply": send(HELLO) + send(message(4, b"", None, 1)) + send(INFO),
    "silent": send(HELLO) + send(message(4, bytes(16), None, 0x10)) + send(INFO),
    "first": send(INFO) + act(4) + send(HELLO),
    "hang-up": send(HELLO + INFO[:7]) + act(0) + send(HELLO) + act(1) + send(HELLO, 1) + act(2, 1)
    + send(INFO, 1) + send(INFO[:20], 2, 3) + act(0, 2),
    "two": send(HELLO) + send(HELLO, 1) + act(4, 1) + send(HELLO[:9], 1) + act(0)
    + send(HELLO[9:], 1),
    "crowd": send(HELLO, 3) + b"".join(send(HELLO[:i + 1], i) for i in range(12)) + send(INFO, 3),
    "unread": send(HELLO) + send(message(9, struct.pack("=QII", 0, 0, 0x1000)) * 7) * 8 + act(4),
}


# ---- rna_parse --------------------------------------------------------------------------------

PAYLOAD = bytes(range(64))
TCP_SUM, UDP_SUM, SCTP_SUM, TSO, UFO, TAGS = 0x3, 0x5, 0x7, 0x21, 0x41, 0x180


def eth(ethertype, *tags):
    """Ethernet header, with VLAN tags."""
    return bytes(range(12)) + b"".join(
        struct.pack(">HH", tag, 0x2064) for tag in tags) + struct.pack(">H", ethertype)


def ip4(proto, data, fragment=0, options=b""):
    """IPv4 packet."""
    return struct.pack(">BBHHHBBHII", 0x45 + len(options) // 4, 0, 20 + len(options) + len(data), 1,
                       fragment, 64, proto, 0, 0x0a000001, 0x0a000002) + options + data


def ip6(proto, data, *extensions):
    """IPv6 packet; extensions are (proto, bytes)."""
    for number, body in reversed(extensions):
        data, proto = bytes([proto]) + body + data, number
    return struct.pack(">IHBB", 6 << 28, len(data), proto, 64) + bytes(15) + b"\1" + bytes(
        15) + b"\2" + data


def udp(port, data):
    """UDP datagram."""
    return struct.pack(">HHHH", 1234, port, 8 + len(data), 0) + data


TCP = struct.pack(">HHIIHHHH", 1234, 80, 1, 2, 0x5018, 512, 0, 0) + PAYLOAD
SCTP = struct.pack(">HHII", 1, 2, 3, 0) + PAYLOAD
INNER = eth(0x800) + ip4(6, TCP)


def txo(request, l2, l3, l4=0, outer_l2=0, outer_l3=0, mss=20):
    """struct rvr_rna_tx_offload."""
    return struct.pack("<HHHHBBHBBBB", request, 5, 6, mss, outer_l2, l2, 2, outer_l3 // 4, l3 // 4,
                       l4, 0)


def acts(*actions):
    """Actions (type, argument); types count from VLAN_POP on."""
    return b"".join(struct.pack("<BBH", t, 0, a) for t, a in actions).ljust(16, b"\2")


PACKETS = {
    "tcp4": txo(TCP_SUM, 14, 20) + eth(0x800) + ip4(6, TCP),
    "tcp6": txo(TCP_SUM | TAGS, 14, 40) + eth(0x86dd) + ip6(6, TCP),
    "udp4": txo(UDP_SUM, 14, 20) + eth(0x800) + ip4(17, udp(53, PAYLOAD)),
    "sctp": txo(SCTP_SUM, 18, 20) + eth(0x800, 0x8100) + ip4(132, SCTP),
    "tso4": txo(TSO, 14, 20, 20) + eth(0x800) + ip4(6, TCP),
    "tso6": txo(TSO, 18, 40, 20) + eth(0x86dd, 0x8100) + ip6(6, TCP),
    "ufo": txo(UFO, 14, 20) + eth(0x800) + ip4(17, udp(9, PAYLOAD)),
    "tso-vxlan": txo(TSO | 0x18, 30, 20, 20, 14, 20) + eth(0x800) + ip4(
        17, udp(4789, bytes.fromhex("0800000000000100") + INNER)),
    "qinq": acts((0, 0), (0, 0), (1, 0x88a8), (2, 7)) + eth(0x800, 0x88a8, 0x8100) + ip4(6, TCP),
    "options": acts((6, 0), (10, 99), (13, 0), (14, 9)) + eth(0x800) + ip4(
        6, TCP, options=b"\1" * 8),
    "fragment": acts((7, 0), (11, 7)) + eth(0x800) + ip4(17, udp(9, PAYLOAD), 0x2000),
    "fragment6": acts((8, 0), (12, 9)) + eth(0x86dd) + ip6(
        17, PAYLOAD, (0, bytes(7)), (43, bytes(7)), (44, b"\0\0\x09" + bytes(4)), (60, bytes(7))),
    "icmp": acts((4, 0), (5, 0)) + eth(0x800) + ip4(1, b"\x08\0" + PAYLOAD),
    "icmp6": acts((8, 0), (9, 0)) + eth(0x86dd) + ip6(58, b"\x80\0" + PAYLOAD),
    "igmp": acts((15, 34)) + eth(0x800) + ip4(2, b"\x16" + bytes(7)),
    "arp": acts((15, 14), (16, 14)) + eth(0x806) + bytes.fromhex("0001080006040001") + bytes(20),
    "mpls": acts((0, 0), (2, 5)) + eth(0x8847) + b"\0\1\0\x40" + b"\0\2\1\x40" + ip4(6, TCP),
    "mpls-udp": acts((10, 4)) + eth(0x800) + ip4(17, udp(6635, b"\0\1\1\x40" + ip4(6, TCP))),
    "vxlan": acts((16, 0), (15, 50)) + eth(0x800) + ip4(
        17, udp(4789, bytes.fromhex("0800000000000100") + INNER)),
    "geneve": acts((16, 0)) + eth(0x86dd) + ip6(
        17, udp(6081, bytes.fromhex("0200655800000100") + bytes(8) + INNER)),
    "gre": acts((14, 3)) + eth(0x800) + ip4(47, bytes.fromhex("b0006558") + bytes(12) + INNER),
    "ipip": acts((6, 0)) + eth(0x800) + ip4(41, ip6(17, udp(9, PAYLOAD))),
}


# ---- revere-pfd: fuzz_pfd.c


def packet(kind, payload=b"", client=0, fds=0, raw=0):
    """One packet of a client's."""
    return bytes([client | raw, fds, kind, len(payload)]) + payload


def pfd_command(opcode, client=0, again=0, **words):
    """COMMAND with 32-bit words by offset."""
    msg = bytearray(struct.pack("<16I", opcode, *[0] * 15))
    for name, value in words.items():
        struct.pack_into("<I", msg, int(name[1:]), value)
    return packet(4, bytes(msg), client | again)


def pfd_context(client, number, aha):
    """Contexts of software and of an agent, with sessions between them."""
    return (pfd_command(6, client, w4=1 << 16, w8=number) +
            pfd_command(23, client, w4=aha, w8=1 << 16, w12=number) +
            pfd_command(16, client, w4=1 << 4, w8=number, w12=aha << 16 | number,
                        w20=2 * number, w56=3 << 10) +
            pfd_command(16, client, w4=1 << 5, w8=aha << 16 | number, w12=number,
                        w20=2 * number + 1, w56=3 << 10) +
            packet(6, struct.pack("<IIQ", number, 0, 0), client) +
            pfd_command(11, client, w4=number, w12=1 << 31 | 3, w16=1 << 31 | 4) +
            pfd_command(20, client, w4=number, w8=1 << 6, w12=4, w16=0x1000) +
            pfd_command(14, client, w4=number) + pfd_command(33, client, w4=number))


PFD = {
    "hello": packet(1, struct.pack("<HHI", 1, 0, 0)) + packet(1, struct.pack("<HHI", 2, 0, 0), 1),
    "registers": b"".join(packet(2, struct.pack("<IIQ", i, 0, 0)) for i in (0, 8, 16, 0x20)) +
    b"".join(packet(3, struct.pack("<IIQ", i, 0, 5)) for i in (0x28, 0x40)),
    "memory": packet(7, struct.pack("<QQQ", 4096, 1 << 19, 0), 2, 1) +
    packet(7, struct.pack("<QQQ", 1 << 30, 1 << 20, 0), 2, 1) +
    packet(8, struct.pack("<QQQ", 4096, 1 << 19, 0), 2),
    "memory-twice": packet(7, struct.pack("<QQQ", 4096, 1 << 19, 0), 2, 1) + b"".join(
        packet(7, struct.pack("<QQQ", 4096, 1 << 19, 0), 2 | 16, 1 | i << 3) for i in range(8)),
    "interrupts": b"".join(packet(9, struct.pack("<II", i, 0), 2, i % 2) for i in range(6)),
    "contexts": pfd_context(0, 0, 0) + pfd_context(1, 1, 1) + packet(5) + packet(10),
    "strangers": pfd_context(0, 0, 0) + b"".join(
        pfd_command(i, 1, w4=0) for i in range(6, 41)) + pfd_command(17, 1, w4=0),
    "quota": b"".join(pfd_command(6, 0, w4=1 << 16, w8=i) for i in range(6)),
    "release": pfd_context(0, 0, 0) + pfd_command(17, w4=0) + pfd_command(24, w4=0) +
    pfd_command(7, w4=0) + pfd_command(14, w4=0),
    "again": pfd_command(6, 0, 0x20, w4=1 << 16) + pfd_command(7, 0, 0x20, w4=0),
    "dies": pfd_context(0, 0, 0) + packet(5, b"", 8) + packet(5, b"", 16),
    "killed": pfd_context(0, 0, 0) + b"".join(
        packet(4, struct.pack("<16I", 6, 1 << 16, i + 1, *[0] * 13), 1 | 16, i << 3) +
        packet(4, struct.pack("<16I", 7, i + 1, *[0] * 14), 1 | 16, i << 3) for i in range(9)),
    "share": b"".join(pfd_context(i, i, 0) for i in range(4)) +
    b"".join(packet(5, b"", i % 4, i % 4) for i in range(64)) + pfd_command(13, 2, w4=2) +
    pfd_command(34, 1, w4=1) + pfd_command(17, 1, w4=2) + pfd_command(17, 1, w4=3) +
    pfd_command(23, 3, w4=0, w8=1 << 16, w12=4) + pfd_command(33, 1, w4=1) +
    b"".join(packet(5, b"", i % 4, i % 4) for i in range(16)),
    "share-dies": b"".join(pfd_context(i, i, 0) for i in range(4)) +
    b"".join(packet(5, b"", 16 | j % 4, j % 4 | i << 3) for i in range(32) for j in range(4)),
    "malformed": packet(0, b"", raw=4) + packet(0, b"\1", raw=4) +
    packet(0, struct.pack("<HHIII", 4, 0, 80, 1, 0), raw=4) + packet(77) + packet(4, b"123"),
}


def main():
    """Writes them into the folder given, or the corpora."""
    here = os.path.dirname(os.path.abspath(__file__))
    for target, seeds in (("vfio_user", SEEDS), ("vfio_stream", STREAMS), ("rna_parse", PACKETS),
                          ("pfd", PFD)):
        folder = os.path.join(sys.argv[1] if len(sys.argv) > 1 else here, "corpus_" + target)
        os.makedirs(folder, exist_ok=True)
        for name, data in seeds.items():
            with open(os.path.join(folder, "seed-" + name), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
