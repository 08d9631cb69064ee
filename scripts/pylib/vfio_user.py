# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A vfio-user client: the protocol, and nothing of the device behind it."""

import array
import errno
import json
import mmap
import os
import socket
import struct

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS = 1, 2, 3, 4, 5, 6
GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, RESET, FEATURE = 7, 8, 9, 10, 13, 16

REPLY, NO_REPLY, ERROR = 0x1, 0x10, 0x20
BAR0, BAR2, CONFIG = 0, 2, 7
REGION_F_READ, REGION_F_WRITE, REGION_F_MMAP, REGION_F_CAPS = 1, 2, 4, 8
IRQ_MSIX, IRQ_ERR, IRQ_REQ = 2, 3, 4
IRQ_NONE, IRQ_BOOL, IRQ_EVENTFD, IRQ_MASK, IRQ_UNMASK, IRQ_TRIGGER = 1, 2, 4, 8, 16, 32

HEADER = struct.Struct("=HHIII")


class Refused(OSError):
    """The server answered with an error."""


class Client:
    """A connection. With negotiate=False nothing has been said yet."""

    def __init__(self, path, negotiate=True, seconds=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.id = 0
        if negotiate:
            self.version()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection."""
        self.socket.close()

    def send(self, command, payload=b"", fds=(), flags=0, size=None):
        """Sends a request; @size: what its header says of its length, right or wrong."""
        self.id = (self.id + 1) & 0xffff
        size = HEADER.size + len(payload) if size is None else size
        data = HEADER.pack(self.id, command, size, flags, 0) + payload
        control = []
        if fds:
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        try:
            sent = self.socket.sendmsg([data], control)
            self.socket.sendall(data[sent:])
        except BrokenPipeError:
            pass  # a server that refuses answers first and closes: the answer is still there

    def _exactly(self, size, fds):
        data = b""
        while len(data) < size:
            piece, control, _, _ = self.socket.recvmsg(size - len(data), socket.CMSG_SPACE(64))
            for level, kind, value in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.extend(array.array("i", value[:len(value) // 4 * 4]))
            if not piece:
                raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
            data += piece
        return data

    def receive(self):
        """The next reply: command, error, payload, descriptors."""
        fds = []
        ident, command, size, flags, error = HEADER.unpack(self._exactly(HEADER.size, fds))
        payload = self._exactly(size - HEADER.size, fds)
        assert flags & 0xf == REPLY, f"flags {flags:#x} are not a reply's"
        assert ident == self.id, f"reply {ident} to request {self.id}"
        assert (flags & ERROR != 0) == (error != 0)
        return command, error, payload, fds

    def request(self, command, payload=b"", fds=()):
        """Payload and descriptors of the reply; Refused if it is an error."""
        self.send(command, payload, fds)
        replied, error, data, got = self.receive()
        assert replied == command
        if error:
            raise Refused(error, os.strerror(error))
        return data, got

    def version(self, major=0, minor=1, capabilities=None):
        """Negotiates; the server's capabilities."""
        if capabilities is None:
            capabilities = {"capabilities": {"max_msg_fds": 8, "max_data_xfer_size": 1048576}}
        text = json.dumps(capabilities).encode() + b"\0"
        data, _ = self.request(VERSION, struct.pack("=HH", major, minor) + text)
        assert data[-1] == 0
        return struct.unpack("=HH", data[:4]), json.loads(data[4:-1])["capabilities"]

    def info(self):
        """flags, number of regions, number of interrupt kinds."""
        data, _ = self.request(GET_INFO, struct.pack("=IIII", 16, 0, 0, 0))
        return struct.unpack("=IIII", data)[1:]

    def region_info(self, index, argsz=32):
        """(argsz, flags, cap_offset, size, offset), capabilities as bytes, descriptors."""
        data, fds = self.request(GET_REGION_INFO,
                                 struct.pack("=IIIIQQ", argsz, 0, index, 0, 0, 0))
        argsz, flags, got, cap, size, offset = struct.unpack("=IIIIQQ", data[:32])
        assert got == index
        return (argsz, flags, cap, size, offset), data[32:], fds

    def irq_info(self, index):
        """flags, number of vectors."""
        data, _ = self.request(GET_IRQ_INFO, struct.pack("=IIII", 16, 0, index, 0))
        _, flags, got, count = struct.unpack("=IIII", data)
        assert got == index
        return flags, count

    def set_irqs(self, flags, start, count, fds=(), index=IRQ_MSIX, data=b""):
        """Connects, disconnects or triggers interrupts."""
        self.request(SET_IRQS,
                     struct.pack("=IIIII", 20 + len(data), flags, index, start, count) + data, fds)

    def read(self, region, offset, count):
        """Bytes of a region."""
        data, _ = self.request(REGION_READ, struct.pack("=QII", offset, region, count))
        assert struct.unpack("=QII", data[:16]) == (offset, region, count)
        assert len(data) == 16 + count
        return data[16:]

    def write(self, region, offset, data):
        """Writes bytes of a region."""
        self.request(REGION_WRITE, struct.pack("=QII", offset, region, len(data)) + data)

    def dma_map(self, iova, size, fd=None, offset=0, flags=3):
        """Shares memory with the device."""
        self.request(DMA_MAP, struct.pack("=IIQQQ", 32, flags, offset, iova, size),
                     () if fd is None else (fd,))

    def dma_unmap(self, iova, size, flags=0):
        """Takes it away."""
        self.request(DMA_UNMAP, struct.pack("=IIQQ", 24, flags, iova, size))

    def reset(self):
        """Resets the Function."""
        self.request(RESET)

    # Configuration space

    def config(self, offset, size):
        """A register of configuration space."""
        return int.from_bytes(self.read(CONFIG, offset, size), "little")

    def set_config(self, offset, size, value):
        """Writes one."""
        self.write(CONFIG, offset, value.to_bytes(size, "little"))

    def capabilities(self):
        """{id: offset} of the PCI capabilities."""
        found, at = {}, self.config(0x34, 1)
        while at:
            found[self.config(at, 1)] = at
            at = self.config(at + 1, 1)
        return found

    def extended_capabilities(self):
        """{id: offset} of the PCI Express extended capabilities."""
        found, at = {}, 0x100
        while at:
            header = self.config(at, 4)
            assert header >> 16 & 0xf == 1
            found[header & 0xffff] = at
            at = header >> 20
        return found

    def map_region(self, index):
        """Maps what can be mapped: a list of (offset in the region, mmap)."""
        (argsz, flags, _, _, offset), _, _ = self.region_info(index)
        assert flags & REGION_F_MMAP
        (_, flags, cap, _, offset), data, fds = self.region_info(index, argsz)
        assert flags & REGION_F_CAPS and cap == 32 and len(fds) == 1
        ident, version, following, areas = struct.unpack("=HHII", data[:12])
        assert (ident, version, following) == (1, 1, 0)
        result = []
        for i in range(areas):
            at, size = struct.unpack_from("=QQ", data, 16 + 16 * i)
            result.append((at, mmap.mmap(fds[0], size, offset=offset + at)))
        os.close(fds[0])
        return result
