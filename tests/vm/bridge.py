# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""bridge.py WIRE NAME: connects an interface whose frames have VLAN tags with a new tap interface
whose frames have none. Who has sent with a tag gets this tag; frames for others are dropped.

For kernels that are built without VLANs.
"""

import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL, ETH_P_8021Q = 3, 0x8100
SOL_PACKET, PACKET_AUXDATA = 263, 8
AUXDATA = struct.Struct("IIIHHHH")  # status, lengths, offsets, TCI, TPID
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000


def tap(name):
    """A descriptor of a new interface."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return file


def from_wire(wire, file, tags):
    """The kernel has taken the tag out of the frame."""
    frame, control, _, address = wire.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
    if address[2] == socket.PACKET_OUTGOING or not control:
        return
    tags[frame[6:12]] = struct.pack("!HH", ETH_P_8021Q, AUXDATA.unpack(control[0][2])[5])
    try:
        os.write(file, frame)
    except OSError:
        pass  # it is down


def to_wire(file, wire, tags):
    """Puts it in."""
    frame = os.read(file, 65536)
    if (tag := tags.get(frame[:6])) is not None:
        wire.send(frame[:12] + tag + frame[12:])


def main():
    """Until it is ended."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((sys.argv[1], ETH_P_ALL))
    file = tap(sys.argv[2])
    tags = {}
    print("ready", flush=True)
    while True:
        for ready in select.select([wire, file], [], [])[0]:
            if ready is wire:
                from_wire(wire, file, tags)
            else:
                to_wire(file, wire, tags)


if __name__ == "__main__":
    main()
