# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A client of the programming model over vfio-user: bring-up, and messages to an agent.

Written from the specification's text, without this project's headers or libraries: what it can
do, any client can.
"""

import ctypes
import mmap
import os
import time

import vfio_user as vu

IOVA = 0x40_0000_0000
MEMORY = 2 << 20
SLOTS_LOG2 = 2  # of every ring here
MSG = 64        # bytes of a message

AMU_IDR, AMU_AIDR, AMU_IIDR, AMU_CR, AMU_SR = 0x0, 0x8, 0x10, 0x18, 0x20
READ_TX, WRITE_TX, READ_RX, WRITE_RX = 0x400, 0x600, 0xc00, 0xe00
COMMAND, RESPONSE, EXCEPTION = 0, 1, 2


def put(msg, offset, high, low, value):
    """Sets bits [high:low] of the little-endian word at @offset."""
    size = 4 if high < 32 else 8
    word = int.from_bytes(msg[offset:offset + size], "little")
    mask = ((1 << (high - low + 1)) - 1) << low
    # an address [63:low] keeps its bits where they are
    value = value if high == 63 else value << low
    msg[offset:offset + size] = (word & ~mask | value & mask).to_bytes(size, "little")


class Revere:
    """A Function with management rings and one AMI-SW.

    @width: bits of register accesses; @fd: file of MEMORY bytes that is the client's memory.
    """

    def __init__(self, client, width=64, direct=True, fd=None):
        self.client = client
        self.bytes = width // 8
        self.fd = os.memfd_create("client") if fd is None else fd
        os.truncate(self.fd, MEMORY)
        self.memory = mmap.mmap(self.fd, MEMORY)
        self.used = 0
        self.pages = client.map_region(vu.BAR0)[0][1] if direct else None
        client.dma_map(IOVA, MEMORY, self.fd)
        client.set_config(4, 2, 0x6)  # memory space, bus master
        self.indices = {}

    def close(self):
        """Leaves without a word to the device."""
        self.client.close()
        os.close(self.fd)

    def alloc(self, size):
        """Offset of zeroed memory, page-aligned."""
        at = self.used
        self.used += (size + 4095) & ~4095
        assert self.used <= MEMORY
        return at

    # Registers

    def get(self, offset):
        """A 64-bit register of the management page, in accesses of the width."""
        return int.from_bytes(b"".join(self.client.read(vu.BAR0, offset + i, self.bytes)
                                       for i in range(0, 8, self.bytes)), "little")

    def set(self, offset, value):
        """Writes one."""
        data = value.to_bytes(8, "little")
        for i in range(0, 8, self.bytes):
            self.client.write(vu.BAR0, offset + i, data[i:i + self.bytes])

    def page_get(self, offset):
        """A register of AMI-SW page 0: a load, or a message where nothing is mapped."""
        if self.pages is None:
            return self.get(0x10000 + offset)
        return ctypes.c_uint64.from_buffer(self.pages, offset).value

    def page_set(self, offset, value):
        """Writes one: a store is the doorbell."""
        if self.pages is None:
            self.set(0x10000 + offset, value)
        elif self.bytes == 8:
            ctypes.c_uint64.from_buffer(self.pages, offset).value = value
        else:
            ctypes.c_uint32.from_buffer(self.pages, offset).value = value & 0xffffffff
            ctypes.c_uint32.from_buffer(self.pages, offset + 4).value = value >> 32

    @staticmethod
    def wait(what, seconds=10):
        """Until what() is true."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "the device doesn't answer"

    # Management

    def open(self):
        """Enables the AMU and its management rings."""
        assert self.get(AMU_AIDR) >> 4 & 0xf == 3
        self.set(AMU_CR, 1)
        self.rings = [self.alloc(MSG << SLOTS_LOG2) for _ in range(3)]
        for k, ring in enumerate(self.rings):
            self.set(0x60 + 0x10 * k, IOVA + ring)
            self.set(0x68 + 0x10 * k, SLOTS_LOG2)
        self.commands = 0

    def command(self, opcode, *fields, status=0):
        """Executes a command of (offset, high, low, value)s; its response."""
        msg = bytearray(MSG)
        put(msg, 0, 15, 0, opcode)
        for field in fields:
            put(msg, *field)
        slot = (self.commands & ((1 << SLOTS_LOG2) - 1)) * MSG
        at = self.rings[COMMAND] + slot
        self.memory[at:at + MSG] = bytes(msg)
        self.commands += 1
        self.set(0x1600, self.commands)
        self.wait(lambda: self.get(0x1e00) == self.commands)
        at = self.rings[RESPONSE] + slot
        response = self.memory[at:at + MSG]
        self.set(0x1c00, self.commands)
        assert int.from_bytes(response[0:2], "little") == opcode
        assert int.from_bytes(response[2:4], "little") == status, f"command {opcode}"
        return response

    def connect(self, aha=0, rx_vector=None):
        """AMI-SW 0 and an agent's AMI-HW 0, with a session each way."""
        self.command(6, (0x4, 15, 0, 0), (0x8, 15, 0, 0), (0x8, 31, 16, 0))
        self.command(23, (0x4, 16, 0, aha), (0x8, 15, 0, 0), (0xc, 15, 0, 0))
        # ASN 1: from AMI-SW 0, AMS 0 to the agent; ASN 2: back
        self.command(16, (0x4, 4, 4, 1), (0xc, 31, 16, aha), (0x14, 27, 0, 1), (0x38, 13, 10, 3))
        self.command(16, (0x4, 5, 5, 1), (0x8, 31, 16, aha), (0x14, 27, 0, 2), (0x38, 13, 10, 3))
        self.enable(rx_vector)

    def enable(self, rx_vector=None):
        """AMI-SW 0 and AMI-HW 0, which are mapped and have their sessions, begin anew."""
        self.command(15, (0x4, 15, 0, 0))
        self.command(13, (0x4, 15, 0, 0))
        vector = [] if rx_vector is None else [(0x10, 10, 0, rx_vector), (0x10, 31, 31, 1)]
        self.command(11, (0x4, 15, 0, 0), *vector)
        self.tx, self.rx = (self.alloc(MSG << SLOTS_LOG2) for _ in range(2))
        for kind, ring in ((1, self.tx), (0, self.rx)):
            self.command(20, (0x4, 15, 0, 0), (0x8, 6, 6, kind), (0xc, 5, 1, SLOTS_LOG2),
                         (0x10, 63, 3, IOVA + ring))
        self.command(14, (0x4, 15, 0, 0))
        for opcode in (34, 32, 33):
            self.command(opcode, (0x4, 15, 0, 0))
        self.sent = self.received = 0

    # Messages

    def slot(self, index):
        """Offset of an index's slot in a ring."""
        return (index & ((1 << SLOTS_LOG2) - 1)) * MSG

    def send(self, data):
        """Sends a message: slot, then doorbell."""
        at = self.tx + self.slot(self.sent)
        self.memory[at:at + MSG] = data.ljust(MSG, b"\0")
        self.sent += 1
        self.page_set(WRITE_TX, self.sent)

    def receive(self):
        """The next message."""
        self.wait(lambda: self.page_get(WRITE_RX) > self.received)
        at = self.rx + self.slot(self.received)
        data = self.memory[at:at + MSG]
        self.received += 1
        self.page_set(READ_RX, self.received)
        return data

    def invert(self, data):
        """One exchange with the inversion agent, checked."""
        self.send(data)
        assert self.receive() == bytes(b ^ 0xff for b in data.ljust(MSG, b"\0"))
