# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Clients of revere-pfd that have a port of the network agent each, written from its messages.

Ports come in pairs with a cable between: one sends numbered packets, the other one sends them
back. What is lost, doubled or reordered on the way, in either direction, is noticed.
"""

import mmap
import os
import struct
import time

import pfd_client as pfd
from revere_client import IOVA, MEMORY, READ_RX, WRITE_RX, WRITE_TX

AHA = 1
SLOTS_LOG2 = 3
LONG = 256  # bytes of messages but the shortest
BUFFERS, BUFFER = 16, 256
WINDOW = 8  # packets on their way from one side to the other
FRAME = struct.Struct("<6s6sHQ")
PORT_SET, QUEUE_SETUP, QUEUE_START, QUEUE_STATS = 2, 3, 4, 10
ENABLED_PROMISC = 0xa


class Ring:
    """A ring of a context, at one socket."""

    def __init__(self, context, sent, socket, size):
        self.context = context
        self.size = size
        self.base = context.port.alloc(size << SLOTS_LOG2)
        self.index = 0
        self.own = (WRITE_TX if sent else READ_RX) + 8 * socket
        self.device = WRITE_RX + 8 * socket
        context.command(20, (0x4, 15, 0, context.id), (0x8, 5, 0, socket), (0x8, 6, 6, int(sent)),
                        (0xc, 5, 1, SLOTS_LOG2), (0x10, 63, 3, IOVA + self.base))

    def at(self):
        """Where the slot of the index is."""
        return self.base + (self.index & (1 << SLOTS_LOG2) - 1) * self.size

    def step(self):
        """Sends the message, or gives the slot back."""
        self.index += 1
        self.context.page[self.own:self.own + 8] = self.index.to_bytes(8, "little")

    def send(self, data):
        """A message."""
        self.context.port.memory[self.at():self.at() + len(data)] = data
        self.step()

    def take(self):
        """The next message, or None."""
        written = int.from_bytes(self.context.page[self.device:self.device + 8], "little")
        assert 0 <= written - self.index <= 1 << SLOTS_LOG2
        if written == self.index:
            return None
        data = self.context.port.memory[self.at():self.at() + self.size]
        self.step()
        return data


class Context:
    """An AMI-SW and an AMI-HW, with the sessions that are named by (sent, socket, agent's, log2)."""

    def __init__(self, port, ways):
        self.port = port
        service = port.service
        self.id, _ = service.map_ami_sw()
        self.hw, self.hw_phy = service.map_ami_hw(AHA)
        self.page = service.page(self.id)
        self.command(11, (0x4, 15, 0, self.id))
        self.rings = [Ring(self, sent, socket, 8 << log2) for sent, socket, _, log2 in ways]
        for way in ways:
            self.create(*way)
        self.command(33, (0x4, 15, 0, self.hw))
        self.command(14, (0x4, 15, 0, self.id))

    def command(self, opcode, *fields):
        """A management command that has to succeed."""
        status, reason = self.port.service.status(opcode, *fields)
        assert status == 0, f"command {opcode}: status {status} {reason}"

    def create(self, sent, socket, agents, log2):
        """A session."""
        ends = ((0x4, 4, 4, 1), (0x8, 15, 0, self.id), (0xc, 15, 0, self.hw_phy),
                (0xc, 31, 16, AHA), (0x10, 11, 6, socket), (0x10, 5, 0, agents)) if sent else (
                    (0x4, 5, 5, 1), (0x8, 15, 0, self.hw_phy), (0x8, 31, 16, AHA),
                    (0xc, 15, 0, self.id), (0x10, 11, 6, agents), (0x10, 5, 0, socket))
        for number in range(self.port.service.first, 0x10000):
            status, reason = self.port.service.status(
                16, *ends, (0x14, 27, 0, number), (0x38, 13, 10, log2))
            if status == 0:
                return
            assert status == 1, reason


class Port:
    """A client with a port of one queue pair."""

    def __init__(self, path, number, port):
        self.service = pfd.Service(path)
        self.service.first = 8 * number
        fd = os.memfd_create("port")
        os.truncate(fd, MEMORY)
        self.memory = mmap.mmap(fd, MEMORY)
        self.service.dma_map(IOVA, MEMORY, fd)
        os.close(fd)
        self.used = 0
        self.number = port
        self.tag = 0
        self.control = Context(self, [(True, 0, 2, 5), (False, 0, 2, 5), (False, 1, 3, 3)])
        self.queue = Context(self, [(True, 0, 0, 5), (True, 1, 1, 5), (False, 0, 0, 3),
                                    (False, 1, 1, 5)])
        self.buffers = self.alloc(BUFFERS * BUFFER)
        self.packets = self.alloc(2 * WINDOW * BUFFER)
        self.sent = self.done = self.received = 0
        self.request(QUEUE_SETUP, struct.pack("<HHIII", 0, self.queue.hw_phy, BUFFERS, BUFFER, 0))
        self.request(QUEUE_START, struct.pack("<HH", 0, 3))
        self.request(PORT_SET, struct.pack("<II8x", ENABLED_PROMISC, ENABLED_PROMISC))
        self.give(0, BUFFERS)

    def alloc(self, size):
        """Offset of zeroed memory, page-aligned."""
        at = self.used
        self.used += (size + 4095) & ~4095
        assert self.used <= MEMORY
        return at

    def request(self, opcode, payload):
        """A request that has to succeed; its payload."""
        self.tag += 1
        self.control.rings[0].send(struct.pack("<HHHHII", opcode, 0, self.number, self.tag, 0, 0)
                                   + payload.ljust(LONG - 16, b"\0"))
        end = time.monotonic() + 60
        while True:
            answer = self.control.rings[1].take()
            if answer is not None:
                break
            assert time.monotonic() < end, "the agent doesn't answer"
            time.sleep(0.001)
        assert struct.unpack_from("<HHHH", answer) == (opcode, 0, self.number, self.tag)
        return answer[16:]

    def give(self, first, count):
        """Gives the agent empty buffers, from the one with this number on."""
        addresses = [IOVA + self.buffers + (first + i) % BUFFERS * BUFFER for i in range(count)]
        self.queue.rings[1].send(struct.pack(f"<HHI{count}Q", 3, count, 0, *addresses))

    def room(self):
        """How many packets may be sent now."""
        while True:
            message = self.queue.rings[2].take()
            if message is None:
                return WINDOW - (self.sent - self.done)
            self.done = int.from_bytes(message[8:16], "little")

    def send(self, packet):
        """Sends one, in a message of its own."""
        at = self.packets + self.sent % WINDOW * BUFFER
        self.memory[at:at + len(packet)] = packet
        self.queue.rings[0].send(struct.pack("<HHIQQHHI", 1, 1, 0, 0, IOVA + at, len(packet), 0, 0))
        self.sent += 1

    def receive(self):
        """Packets that have come."""
        packets = []
        message = self.queue.rings[3].take()
        while message is not None:
            opcode, count, _, first = struct.unpack_from("<HHIQ", message)
            assert (opcode, first) == (4, self.received)
            for i in range(count):
                length = int.from_bytes(message[20 + 16 * i:22 + 16 * i], "little")
                at = self.buffers + self.received % BUFFERS * BUFFER
                packets.append(self.memory[at:at + length])
                self.received += 1
            self.give(self.received - count, count)
            message = self.queue.rings[3].take()
        return packets

    def close(self):
        """Ends it."""
        self.service.close()


class Cable:
    """Two ports, with numbered packets there and back."""

    def __init__(self, path, number, ports):
        self.number = number
        self.ends = [Port(path, 2 * number + i, port) for i, port in enumerate(ports)]
        self.there = self.back = 0  # packets that have come
        self.sent = 0
        self.waiting = []  # to be sent back

    def frame(self, number):
        """The packet of a number: no other one of any cable is like it."""
        return FRAME.pack(b"\2" * 6, bytes([2, 0, 0, 0, 0, self.number]), 0xb588,
                          number).ljust(60, bytes([number % 251]))

    def step(self, send):
        """Takes what has come, answers it, and sends new ones; how many came back."""
        one, other = self.ends
        for packet in other.receive():
            assert packet == self.frame(self.there), f"cable {self.number}: packet {self.there}"
            self.there += 1
            self.waiting.append(packet)
        while self.waiting and other.room() > 0:
            other.send(self.waiting.pop(0))
        before = self.back
        for packet in one.receive():
            assert packet == self.frame(self.back), f"cable {self.number}: answer {self.back}"
            self.back += 1
        while send and self.sent - self.back < WINDOW and one.room() > 0:
            one.send(self.frame(self.sent))
            self.sent += 1
        return self.back - before

    def close(self):
        """Ends it."""
        for port in self.ends:
            port.close()


def exchange(cables, seconds):
    """Packets on all of them; how many came back of each, and none is on its way any more."""
    counts = [0] * len(cables)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        back = [cable.step(True) for cable in cables]
        counts = [sum(pair) for pair in zip(counts, back)]
        time.sleep(0.001)
    late = time.monotonic() + 60
    while any(cable.sent != cable.back for cable in cables):
        assert time.monotonic() < late, "packets are missing"
        for cable in cables:
            cable.step(False)
        time.sleep(0.002)
    return counts
