# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A client of revere-pfd, written from the protocol's description alone.

As a program it has a context of the inversion agent's and exchanges messages until it is told to
stop, or killed: pfd_client.py PATH PATTERN
"""

import contextlib
import mmap
import os
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "scripts", "pylib"))

from revere_client import IOVA, MEMORY, MSG, Revere, put  # noqa: E402

(HELLO, REG_READ, REG_WRITE, COMMAND, EXCEPTION, PAGE, DMA_MAP, DMA_UNMAP, IRQ_SET,
 RESET) = range(1, 11)
HEADER = struct.Struct("<HHIII")
REASON = 112


class Refused(OSError):
    """revere-pfd's errno, and why."""


class Service:
    """A connection."""

    def __init__(self, path, hello=True, uid=None, groups=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.id = 0
        self.first = 0  # ID that is tried first
        before = os.getgroups()
        if groups is not None:
            os.setgroups(groups)
        if uid is not None:
            os.seteuid(uid)
        try:
            self.socket.connect(path)
        finally:
            if uid is not None:
                os.seteuid(0)
            if groups is not None:
                os.setgroups(before)
        if hello:
            self.welcome = self.hello()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it, and with it all that it had."""
        self.socket.close()

    def hello(self, major=1):
        """(major, minor, vectors, contexts, sessions)"""
        return struct.unpack("<HHIII", self.request(HELLO, struct.pack("<HHI", major, 0, 0))[0])

    def send(self, packet, fds=()):
        """Sends a packet as it is."""
        socket.send_fds(self.socket, [packet], list(fds))

    def receive(self):
        """The next packet: (type, id, payload, descriptors)."""
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, 4096, 8)
        except ConnectionResetError:  # once; what was said before is still there
            data, fds, _, _ = socket.recv_fds(self.socket, 4096, 8)
        if not data:
            raise ConnectionResetError("revere-pfd has closed the connection")
        kind, zero, size, number, error = HEADER.unpack(data[:HEADER.size])
        assert (zero, size) == (0, len(data))
        if error:
            assert size == HEADER.size + REASON and not fds
            raise Refused(error, data[HEADER.size:].split(b"\0")[0].decode())
        return kind, number, data[HEADER.size:], fds

    def request(self, kind, payload=b"", fds=()):
        """A request and its reply: (payload, descriptors)."""
        self.id += 1
        packet = HEADER.pack(kind, 0, HEADER.size + len(payload), self.id, 0) + payload
        with contextlib.suppress(BrokenPipeError):  # who isn't wanted may read why
            self.send(packet, fds)
        while True:
            reply = self.receive()
            if reply[1] == self.id:  # after a restart an earlier one may come twice
                assert reply[0] == kind
                return reply[2:]

    def command(self, opcode, *fields):
        """(response, reason) of a management command of (offset, high, low, value)s."""
        msg = bytearray(MSG)
        put(msg, 0, 15, 0, opcode)
        for field in fields:
            put(msg, *field)
        response = self.request(COMMAND, bytes(msg))[0]
        return response[:MSG], response[MSG:].split(b"\0")[0].decode()

    def status(self, opcode, *fields):
        """STATUS of a command, and the reason if revere-pfd has refused it."""
        response, reason = self.command(opcode, *fields)
        return int.from_bytes(response[2:4], "little"), reason

    def page(self, ami_sw_id):
        """The page of an AMI-SW, mapped."""
        payload, fds = self.request(PAGE, struct.pack("<IIQ", ami_sw_id, 0, 0))
        offset = struct.unpack("<IIQ", payload)[2]
        page = mmap.mmap(fds[0], 4096, offset=offset)
        os.close(fds[0])
        return page

    def dma_map(self, iova, size, fd, offset=0):
        """Maps memory of a file."""
        self.request(DMA_MAP, struct.pack("<QQQ", iova, size, offset), [fd])

    def dma_unmap(self, iova, size):
        """Takes it away."""
        self.request(DMA_UNMAP, struct.pack("<QQQ", iova, size, 0))

    def map_ami_sw(self):
        """(AMI_SW_ID, physical ID) of a new AMI-SW; the reason if there is none."""
        for number in range(self.first, 0x10000):
            response, reason = self.command(6, (0x4, 16, 16, 1), (0x8, 15, 0, number))
            status = int.from_bytes(response[2:4], "little")
            if status == 0:
                return number, int.from_bytes(response[4:6], "little")
            if status != 3:  # the ID is somebody else's
                return reason
        return "no ID"

    def map_ami_hw(self, aha):
        """(AMI_HW_ID, physical ID) of a new AMI-HW; the reason if there is none."""
        for number in range(self.first, 0x10000):
            response, reason = self.command(23, (0x4, 16, 0, aha), (0x8, 16, 16, 1),
                                            (0xc, 15, 0, number))
            status = int.from_bytes(response[2:4], "little")
            if status == 0:
                return number, int.from_bytes(response[4:6], "little")
            if status != 3:
                return reason
        return "no ID"

    def create(self, sw, hw, aha, to_agent, prio=0):
        """ASN_ID of a session between AMI-SW and AMI-HW, sockets 0; the reason if refused."""
        ends = ((0x4, 4, 4, 1), (0x8, 15, 0, sw), (0xc, 15, 0, hw), (0xc, 31, 16, aha)) \
            if to_agent else ((0x4, 5, 5, 1), (0x8, 15, 0, hw), (0x8, 31, 16, aha),
                              (0xc, 15, 0, sw))
        for number in range(self.first, 0x10000):
            status, reason = self.status(16, *ends, (0x4, 3, 0, prio), (0x14, 27, 0, number),
                                         (0x38, 13, 10, 3))
            if status == 0:
                return number
            if status != 1:
                return reason or f"status {status}"
        return "no ID"


class Context(Revere):
    """A context with an agent's and sessions to and from it."""

    def __init__(self, service, aha=0):  # pylint: disable=W0231
        self.client = service
        self.bytes = 8
        self.aha = aha
        self.fd = os.memfd_create("client")
        os.truncate(self.fd, MEMORY)
        self.memory = mmap.mmap(self.fd, MEMORY)
        self.used = 0
        self.indices = {}
        service.dma_map(IOVA, MEMORY, self.fd)
        self.connect(aha)

    def command(self, opcode, *fields, status=0):
        """Executes a command; its response."""
        response, reason = self.client.command(opcode, *fields)
        assert int.from_bytes(response[2:4], "little") == status, f"command {opcode}: {reason}"
        return response

    def connect(self, aha=0, rx_vector=None):
        service = self.client
        self.id, self.phy = service.map_ami_sw()
        self.hw, self.hw_phy = service.map_ami_hw(aha)
        self.asns = [service.create(self.phy, self.hw_phy, aha, to) for to in (True, False)]
        self.pages = service.page(self.id)
        vector = [] if rx_vector is None else [(0x10, 10, 0, rx_vector), (0x10, 31, 31, 1)]
        self.command(11, (0x4, 15, 0, self.id), *vector)
        self.tx, self.rx = (self.alloc(MSG << 2) for _ in range(2))
        for kind, ring in ((1, self.tx), (0, self.rx)):
            self.command(20, (0x4, 15, 0, self.id), (0x8, 6, 6, kind), (0xc, 5, 1, 2),
                         (0x10, 63, 3, IOVA + ring))
        self.command(14, (0x4, 15, 0, self.id))
        self.command(33, (0x4, 15, 0, self.hw))
        self.sent = self.received = 0

    def release(self):
        """Gives everything back."""
        for asn in self.asns:
            self.command(17, (0x4, 27, 0, asn))
        self.command(24, (0x4, 15, 0, self.hw_phy), (0x4, 31, 16, self.aha))
        self.command(7, (0x4, 15, 0, self.phy))
        self.client.dma_unmap(IOVA, MEMORY)


def main():
    """Exchanges messages; tells when it begins, and how many there were in the end."""
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    context = Context(Service(sys.argv[1]))
    pattern = sys.argv[2].encode()
    count = 0
    print("ready", flush=True)
    while not stop:
        context.invert(pattern + count.to_bytes(8, "little"))
        count += 1
    print(count, flush=True)


if __name__ == "__main__":
    main()
