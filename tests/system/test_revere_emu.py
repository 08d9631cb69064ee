# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""revere-emu: the device over vfio-user, as a guest, another process or an enemy uses it."""

import contextlib
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import time

import pytest

import testpmd as programs
import vfio_user as vu
from conftest import PROGRAM, Daemon, wait_until
from revere_client import AMU_CR, AMU_IDR, IOVA, MEMORY, MSG, READ_TX, Revere

@pytest.fixture
def client(emu):
    """A client of a device with four VFs."""
    with vu.Client(emu("--num-vf", "4").path) as result:
        yield result


def run(*args):
    """revere-emu that is expected to end by itself: exit code, standard output and error."""
    if not os.path.exists(PROGRAM):
        pytest.skip("no " + os.path.relpath(PROGRAM, programs.TOP))
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=20,
                          check=False)
    return done.returncode, done.stdout, done.stderr


# ---- Configuration space

def test_identity(client):
    """Vendor, device, class; what is read only stays."""
    assert client.config(0, 4) == 0xff8113b5
    assert client.config(8, 4) >> 8 == 0x120000
    assert client.config(0xe, 1) == 0
    client.write(vu.CONFIG, 0, b"\xff" * 4)
    client.write(vu.CONFIG, 8, b"\xff" * 4)
    assert client.config(0, 4) == 0xff8113b5
    assert client.config(8, 4) >> 8 == 0x120000
    assert client.config(6, 2) & 0x10


def test_bars(client):
    """Types, and sizing by writing ones, agree with the regions' sizes."""
    assert client.config(0x10, 4) & 0xf == 0xc
    assert client.config(0x18, 4) & 0xf == 0
    for at in range(0x10, 0x28, 4):
        client.set_config(at, 4, 0xffffffff)
    bar0 = client.config(0x10, 8) & ~0xf
    bar2 = client.config(0x18, 4) & ~0xf
    assert (1 << 64) - bar0 == client.region_info(vu.BAR0)[0][3] == 8 << 20
    assert (1 << 32) - bar2 == client.region_info(vu.BAR2)[0][3]
    assert client.read(vu.CONFIG, 0x1c, 12) == bytes(12)
    assert client.config(0x30, 4) == 0


def test_pci_capabilities(client):
    """PM, PCI Express with FLR, MSI-X."""
    caps = client.capabilities()
    assert sorted(caps) == [0x01, 0x10, 0x11]
    exp, msix = caps[0x10], caps[0x11]
    assert client.config(exp + 2, 2) & 0xff == 0x02  # version 2, endpoint
    assert client.config(exp + 4, 4) & 1 << 28       # FLR
    assert client.config(msix + 2, 2) & 0x7ff == 2047
    table, pba = client.config(msix + 4, 4), client.config(msix + 8, 4)
    assert table & 7 == pba & 7 == 2
    size = client.region_info(vu.BAR2)[0][3]
    assert (table & ~7) + 2048 * 16 <= (pba & ~7) and (pba & ~7) + 256 <= size
    client.set_config(msix + 2, 2, 0xffff)
    assert client.config(msix + 2, 2) == 0xc7ff


def test_extended_capabilities(client):
    """ATS, PASID, SR-IOV that fits num_vf, and Scalable IOV as its specification, 7.8."""
    caps = client.extended_capabilities()
    assert sorted(caps) == [0x0e, 0x0f, 0x10, 0x1b, 0x23]
    assert client.config(caps[0x1b] + 4, 2) >> 8 & 0x1f == 20
    sriov = caps[0x10]
    assert client.config(sriov + 0xc, 2) == client.config(sriov + 0xe, 2) == 4
    assert client.config(sriov + 0x1a, 2) == 0xff82
    assert client.config(sriov + 0x1c, 4) & 0x553 == 0x553
    assert client.config(sriov + 0x24, 4) & 0xf == 0xc
    siov = caps[0x23]
    assert client.config(siov + 4, 4) == 0x18 << 20 | 0x8086
    assert client.config(siov + 8, 2) == 5
    assert client.config(siov + 0xa, 1) == client.config(siov + 0xb, 1) == 0
    assert client.config(siov + 0xc, 4) & 1
    assert client.config(siov + 0x10, 4) == 1
    client.set_config(siov + 0x10, 4, 0x10)
    assert client.config(siov + 0x10, 4) == 0x10
    assert client.config(siov + 0x14, 4) == 0


def test_no_vf(emu):
    """Without VFs the SR-IOV capability offers none."""
    with vu.Client(emu().path) as client:
        sriov = client.extended_capabilities()[0x10]
        assert client.config(sriov + 0xc, 4) == 0


def test_vf(emu, tmp_path):
    """A VF on a socket of its own."""
    path = str(tmp_path / "vf")
    emu("--num-vf", "2", "--vf", "2=" + path)
    with vu.Client(path) as client:
        assert client.config(0, 4) == 0xff8213b5
        assert 0x10 not in client.extended_capabilities()
        assert client.read(vu.BAR0, 8, 8)[0] >> 4 == 3


def test_access_sizes(client):
    """Registers as 1, 2, 4 and 8 bytes; both halves of a 64-bit one by themselves."""
    whole = client.read(vu.BAR0, AMU_IDR, 8)
    for size in (1, 2, 4):
        assert b"".join(client.read(vu.BAR0, i, size) for i in range(0, 8, size)) == whole
    base = 0x60
    client.write(vu.BAR0, base + 4, b"\x78\x56\x34\x12")
    client.write(vu.BAR0, base, b"\x00\xf0\xde\xbc")
    assert client.read(vu.BAR0, base, 8) == b"\x00\xf0\xde\xbc\x78\x56\x34\x12"
    client.write(vu.BAR0, base + 1, b"\x10")
    client.write(vu.BAR0, base + 6, b"\x77\x66")
    assert client.read(vu.BAR0, base, 8) == b"\x00\x10\xde\xbc\x78\x56\x77\x66"
    assert client.read(vu.BAR0, 0, 64) == b"".join(
        client.read(vu.BAR0, i, 8) for i in range(0, 64, 8))


def test_reset(client):
    """FLR clears itself and all else; so does DEVICE_RESET. D3hot keeps state."""
    exp, power = client.capabilities()[0x10], client.capabilities()[0x01] + 4
    for reset in (lambda: client.set_config(exp + 8, 2, 0x8000), client.reset):
        client.set_config(4, 2, 0x6)
        client.set_config(0x10, 4, 0xe0000000)
        client.write(vu.BAR0, AMU_CR, struct.pack("<Q", 1))
        client.write(vu.BAR2, 0, b"\xff" * 16)
        assert client.read(vu.BAR2, 0, 16) == b"\xfc" + b"\xff" * 11 + b"\x01" + bytes(3)
        client.set_config(power, 2, 3)
        assert client.config(power, 2) & 3 == 3
        client.set_config(power, 2, 1)  # D1 isn't there
        assert client.config(power, 2) & 3 == 3
        client.set_config(power, 2, 0)
        assert client.config(4, 2) == 0x6 and client.config(0x10, 4) == 0xe000000c
        reset()
        assert client.config(exp + 8, 2) & 0x8000 == 0
        assert client.config(4, 2) == 0 and client.config(0x10, 4) == 0xc
        assert client.read(vu.BAR0, AMU_CR, 8) == bytes(8)
        assert client.read(vu.BAR2, 0, 16) == bytes(12) + b"\x01" + bytes(3)


# ---- Regions and interrupts

def test_regions(client):
    """Which there are, and what can be mapped: AMI-SW pages, not the management page."""
    flags, regions, irqs = client.info()
    assert flags == 3 and regions == 9 and irqs == 5
    sizes = [client.region_info(i)[0][3] for i in range(regions)]
    assert [i for i, size in enumerate(sizes) if size] == [0, 2, 7]
    (argsz, flags, _, _, _), data, fds = client.region_info(0)
    assert argsz == 64 and not flags & vu.REGION_F_CAPS and not data and not fds
    [(offset, pages)] = client.map_region(0)
    assert offset == 0x10000 and len(pages) == 64 * 0x10000
    client.write(vu.BAR0, 0x10000 + 0x600, struct.pack("<Q", 0x1122334455667788))
    assert pages[0x600:0x608] == struct.pack("<Q", 0x1122334455667788)
    pages[0x10000 + 8] = 0x5a
    assert client.read(vu.BAR0, 0x20008, 1) == b"\x5a"
    for bad in ((0, 8 << 20, 1), (0, (8 << 20) - 1, 2), (7, 4096, 4), (1, 0, 4), (9, 0, 4)):
        with pytest.raises(vu.Refused):
            client.read(*bad)
        with pytest.raises(vu.Refused):
            client.write(bad[0], bad[1], bytes(bad[2]))
    with pytest.raises(vu.Refused):
        client.region_info(9)


def test_file_of_pages_is_sealed(client):
    """A client can't take the pages away under the device."""
    _, _, [fd] = client.region_info(0, 64)
    with pytest.raises(PermissionError):
        os.truncate(fd, 0)
    os.close(fd)


def test_no_descriptor_for_who_takes_none(emu):
    """A client that can receive no descriptors gets all by messages."""
    with vu.Client(emu().path, negotiate=False) as client:
        client.version(capabilities={"capabilities": {"max_msg_fds": 0}})
        assert client.region_info(0)[0][1] == vu.REGION_F_READ | vu.REGION_F_WRITE


def test_irqs(client):
    """Assign, trigger, take away, disable; what is wrong is refused."""
    assert client.irq_info(vu.IRQ_MSIX) == (1, 2048)
    assert client.irq_info(0) == (0, 0)
    fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(8)]
    trigger, connect = vu.IRQ_TRIGGER | vu.IRQ_NONE, vu.IRQ_TRIGGER | vu.IRQ_EVENTFD
    client.set_irqs(connect, 2040, 8, fds)
    client.set_irqs(trigger, 2041, 2)
    client.set_irqs(vu.IRQ_TRIGGER | vu.IRQ_BOOL, 2046, 2, data=b"\0\1")
    assert [bool(select.select([fd], [], [], 0)[0]) for fd in fds] == [
        False, True, True, False, False, False, False, True]
    client.set_irqs(connect, 2041, 1)
    os.eventfd_read(fds[1])
    client.set_irqs(trigger, 2041, 1)
    client.set_irqs(trigger, 0, 0)
    os.eventfd_read(fds[2])
    client.set_irqs(trigger, 2042, 1)
    for fd in fds[1:3]:
        with pytest.raises(BlockingIOError):
            os.eventfd_read(fd)
    file = os.memfd_create("no eventfd")
    for flags, start, count, given in (
            (connect, 2047, 2, fds[:2]), (connect, 0, 2, fds[:1]), (connect, 0, 1, [file]),
            (connect, 2**32 - 1, 2, []), (trigger, 1, 0, []), (trigger, 0, 1, fds[:1]),
            (vu.IRQ_TRIGGER | 7, 0, 1, []), (vu.IRQ_MASK | vu.IRQ_NONE, 0, 1, []),
            (vu.IRQ_TRIGGER, 0, 1, []), (0x44, 0, 1, []), (vu.IRQ_TRIGGER | vu.IRQ_BOOL, 0, 9, [])):
        with pytest.raises(vu.Refused):
            client.set_irqs(flags, start, count, given)
    for fd in fds + [file]:
        os.close(fd)


def test_shutdown_asks_the_client(emu):
    """Before it ends, revere-emu asks who listens to it to let go, and waits a moment."""
    daemon = emu()
    with vu.Client(daemon.path) as client:
        fd = os.eventfd(0)
        client.set_irqs(vu.IRQ_TRIGGER | vu.IRQ_EVENTFD, 0, 1, [fd], index=vu.IRQ_REQ)
        other = Daemon(daemon.path + "2")
        try:
            with vu.Client(other.path) as leaver:
                leaver.set_irqs(vu.IRQ_TRIGGER | vu.IRQ_EVENTFD, 0, 1, [fd], index=vu.IRQ_REQ)
                other.process.terminate()
                assert select.select([fd], [], [], 5)[0]
                assert other.process.poll() is None
        finally:
            assert other.stop() == 0
        os.close(fd)


# ---- The device

@pytest.mark.parametrize("direct", [True, False], ids=["mapped", "messages"])
@pytest.mark.parametrize("width", [64, 32])
def test_inversion(emu, width, direct):
    """Bring-up and exchanges, with both access widths and both ways to a doorbell."""
    with vu.Client(emu().path) as client:
        device = Revere(client, width, direct)
        device.open()
        assert int.from_bytes(device.command(1)[0xc:0xe], "little") > 0
        device.connect()
        for i in range(50):
            device.invert(bytes([i]) * MSG)


def test_inline_mode(emu):
    """Without threads nothing is offered for mapping, and doorbells are messages."""
    with vu.Client(emu("--mode", "inline").path) as client:
        assert not client.region_info(0)[0][1] & vu.REGION_F_MMAP
        device = Revere(client, direct=False)
        device.open()
        device.connect()
        device.invert(b"inline")


def test_interrupt(emu):
    """The vector of an AMI-SW's receive ring arrives as an eventfd."""
    with vu.Client(emu().path) as client:
        device = Revere(client)
        device.open()
        device.connect(rx_vector=77)
        fd = os.eventfd(0)
        client.set_irqs(vu.IRQ_TRIGGER | vu.IRQ_EVENTFD, 77, 1, [fd])
        device.send(b"wake")
        assert select.select([fd], [], [], 5)[0]
        assert device.receive()[:4] == bytes(b ^ 0xff for b in b"wake")
        os.close(fd)


def test_bus_master(emu):
    """Without Bus Master Enable doorbells wait; D3hot is as without."""
    with vu.Client(emu().path) as client:
        device = Revere(client)
        device.open()
        device.connect()
        power = client.capabilities()[0x01] + 4
        for off, on in ((lambda: client.set_config(4, 2, 2), lambda: client.set_config(4, 2, 6)),
                        (lambda: client.set_config(power, 2, 3),
                         lambda: client.set_config(power, 2, 0))):
            off()
            device.send(b"late")
            time.sleep(0.1)
            assert device.page_get(READ_TX) == device.sent - 1
            on()
            assert device.receive()[:4] == bytes(b ^ 0xff for b in b"late")


def test_memory_taken_away(emu):
    """After DMA_UNMAP the device raises a fault and doesn't touch the memory any more."""
    with vu.Client(emu().path) as client:
        device = Revere(client)
        device.open()
        device.connect()
        device.invert(b"before")
        page = device.rx & ~4095
        client.dma_unmap(IOVA + page, 4096)
        before = device.memory[page:page + 4096]
        device.send(b"after")
        device.wait(lambda: device.get(0x1e08) == 1)  # E-F-AMI-RING-FAULT
        at = device.rings[2]
        assert int.from_bytes(device.memory[at:at + 2], "little") == 4
        assert device.memory[page:page + 4096] == before


def test_dma_maps(client):
    """Maps with and without a file, parts of one, huge ranges; what is wrong is refused."""
    fd = os.memfd_create("memory")
    os.truncate(fd, MEMORY)
    for i in range(16):
        client.dma_map(IOVA + i * 4096, 4096, fd, (15 - i) * 4096)
    client.dma_map(0, 0xa0000)
    client.dma_map(1 << 63, 1 << 30, flags=1)
    for iova, size, given, offset, flags in (
            (IOVA, 4096, fd, 0, 3), (IOVA - 4096, 8192, fd, 0, 3), (0x9f000, 1 << 20, None, 0, 3),
            (IOVA + (1 << 30), MEMORY, fd, 4096, 3), (IOVA + (1 << 30), 1 << 62, fd, 0, 3),
            (2**64 - 4096, 8192, None, 0, 3), (IOVA + (1 << 30), 0, None, 0, 3),
            (IOVA + (1 << 30), 4096, None, 0, 0), (IOVA + (1 << 30), 4096, None, 0, 7),
            (IOVA + (1 << 30), 4096, fd, 2**64 - 4096, 3), (IOVA + (1 << 30), 4096, fd, 0, 0x13),
            (0x1000000, 2**64 - 0x1000000, None, 0, 3)):
        with pytest.raises(vu.Refused):
            client.dma_map(iova, size, given, offset, flags)
    null = os.open("/dev/null", os.O_RDWR)
    with pytest.raises(vu.Refused):
        client.dma_map(IOVA + (1 << 30), 4096, null)
    client.dma_unmap(IOVA + 4096, 4096)
    client.dma_map(IOVA + 4096, 4096, fd)
    client.dma_unmap(0, 1 << 63)
    client.dma_unmap(1 << 63, 1 << 63)
    client.dma_unmap(0, 1 << 63)
    client.dma_map(IOVA, MEMORY, fd)
    client.dma_unmap(IOVA + 8192, 4096)
    client.dma_map(IOVA + 8192, 4096, fd)
    client.dma_unmap(0, 0, flags=2)
    client.dma_map(IOVA, MEMORY, fd)
    for iova, size, flags in ((0, 0, 0), (IOVA, MEMORY, 1), (1, 0, 2), (4096, 2**64 - 4095, 0)):
        with pytest.raises(vu.Refused):
            client.dma_unmap(iova, size, flags)
    os.close(null)
    os.close(fd)


def test_unshared_memory(emu):
    """Memory without a file, as of a guest that doesn't share it, is told of once."""
    daemon = emu()
    with vu.Client(daemon.path) as client:
        client.dma_map(0, 0xa0000)
        client.dma_map(1 << 32, 64 << 20, flags=1)
        assert "without a file" not in daemon.text()
        client.dma_map(2 << 32, 64 << 20)
        client.dma_map(3 << 32, 64 << 20)
        client.dma_unmap(0, 0, flags=2)
        assert daemon.text().count("67108864 bytes at IOVA 0x200000000 come without a file") == 1
        assert daemon.text().count("memory-backend-memfd,id=ram,size=...,share=on") == 1


def test_read_only_memory(emu):
    """A file that can only be read is mapped for reading, not for writing."""
    with vu.Client(emu().path) as client:
        fd = os.memfd_create("memory")
        os.truncate(fd, MEMORY)
        read_only = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
        with pytest.raises(vu.Refused):
            client.dma_map(IOVA, MEMORY, read_only)
        client.dma_map(IOVA, MEMORY, read_only, flags=1)
        os.close(fd)
        os.close(read_only)


def test_truncated_memory(emu):
    """A client that makes its memory smaller loses data; the daemon lives on."""
    daemon = emu()
    with vu.Client(daemon.path) as client:
        device = Revere(client)
        device.open()
        device.connect()
        device.invert(b"before")
        writes = device.page_get(0xe00)
        os.truncate(device.fd, 0)
        device.page_set(0x600, device.sent + 1)
        device.wait(lambda: device.page_get(0xe00) > writes)
    with vu.Client(daemon.path) as client:
        device = Revere(client)
        device.open()
        device.connect()
        device.invert(b"after")


# ---- Clients come and go

def test_reconnect(emu):
    """100 clients, one after the other, each gone in mid-transfer: the device is new each time."""
    daemon = emu()
    descriptors = daemon.descriptors()
    for i in range(100):
        device = Revere(vu.Client(daemon.path), 64 if i % 2 else 32)
        assert device.get(AMU_CR) == 0 and device.get(0x1600) == 0
        device.open()
        device.connect(aha=0)
        device.invert(bytes([i]) * MSG)
        for _ in range(3):
            device.send(b"unanswered")
        device.close()
    assert wait_until(lambda: daemon.descriptors() == descriptors)


def send_forever(path, ready, fd):
    """A process that never stops sending; its memory is that file."""
    device = Revere(vu.Client(path), fd=fd)
    device.open()
    device.connect()
    os.write(ready, b"1")
    while True:
        device.invert(b"again and again")


def busy_client(path):
    """A client process that is sending, and the file of its memory, which is ours too."""
    fd = os.memfd_create("killed")
    done, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            send_forever(path, ready, fd)
        os._exit(1)
    os.close(ready)
    assert os.read(done, 1) == b"1"
    os.close(done)
    return pid, fd


def kill(pid):
    """Kills a child."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def contents(fd):
    """All bytes of a file."""
    return os.pread(fd, MEMORY, 0)


def test_killed_clients(emu):
    """100 client processes killed under load; no DMA reaches a dead one's memory.

    From the next one's first answer on the memory of the one before doesn't change.
    """
    daemon = emu()
    before, left = None, None
    for _ in range(100):
        pid, fd = busy_client(daemon.path)
        if before is not None:
            left = contents(before)
        kill(pid)
        if before is not None:
            assert contents(before) == left
            os.close(before)
        before = fd
    with vu.Client(daemon.path) as client:
        device = Revere(client)
        device.open()
        device.connect()
        left = contents(before)
        device.invert(b"the next one")
        assert contents(before) == left
    os.close(before)


def test_dead_client_gets_no_dma(emu):
    """What a dead client had shared isn't written any more, when the next one works."""
    daemon = emu()
    first = Revere(vu.Client(daemon.path))
    first.open()
    first.connect()
    first.send(b"a")
    first.client.close()
    with vu.Client(daemon.path) as client:
        before = first.memory[:]
        device = Revere(client)
        device.open()
        device.connect()
        device.invert(b"b")
        assert first.memory[:] == before
    os.close(first.fd)


def test_second_client(emu):
    """A second client is told that the device is in use; it comes in when the first has left."""
    daemon = emu()
    with vu.Client(daemon.path) as first:
        for _ in range(20):
            with pytest.raises(vu.Refused) as refused, vu.Client(daemon.path):
                pass
            assert refused.value.errno == 16
        assert first.config(0, 2) == 0x13b5
        silent = [vu.Client(daemon.path, negotiate=False) for _ in range(12)]
        assert first.config(0, 2) == 0x13b5
        for one in silent:
            one.close()
    with vu.Client(daemon.path) as second:
        assert second.config(0, 2) == 0x13b5


def test_two_daemons(emu):
    """Two devices, two clients: what happens to one doesn't reach the other."""
    one, two = emu(), emu()
    with vu.Client(one.path) as first, vu.Client(two.path) as second:
        devices = [Revere(first), Revere(second)]
        for device in devices:
            device.open()
            device.connect()
        devices[0].invert(b"x")
        first.reset()
        devices[1].invert(b"y")
        assert devices[0].get(AMU_CR) == 0 and devices[1].get(AMU_CR) == 1


# ---- Malformed messages

def ended(client):
    """Whether the server has closed the connection."""
    try:
        return client.socket.recv(1) == b""
    except ConnectionResetError:  # with bytes that it hasn't read
        return True


def header(command=vu.GET_INFO, size=32, flags=0):
    """Of a message, as wrong as it is asked for."""
    return vu.HEADER.pack(1, command, size, flags, 0)


# (bytes to send before VERSION or None, bytes after it, whether the connection goes on)
MALFORMED = {
    "size 0": (None, header(size=0), False),
    "size 15": (None, header(size=15), False),
    "oversized": (None, header(size=1 << 31), False),
    "just too long": (None, header(size=16 + 16 + (1 << 20) + 1), False),
    "a reply": (None, header(flags=1) + bytes(16), False),
    "unknown command": (None, header(command=99, size=16), True),
    "command 0": (None, header(command=0, size=16), True),
    "command 65535": (None, header(command=65535, size=16), True),
    "no payload": (None, header(size=16), True),
    "short payload": (None, header(size=24) + bytes(8), True),
    "argsz too small": (None, header() + bytes(16), True),
    "second version": (None, header(command=1, size=20) + bytes(4), True),
    "DMA_READ": (None, header(command=11, size=32) + bytes(16), True),
    "count too large": (None, header(command=9) + struct.pack("=QII", 0, 0, 1 << 31), True),
    "offset wraps": (None, header(command=9) + struct.pack("=QII", 2**64 - 4, 0, 8), True),
    "write is shorter": (None, header(command=10, size=36) +
                         struct.pack("=QIII", 0, 0, 8, 0), True),
    "write is longer": (None, header(command=10, size=40) +
                        struct.pack("=QIIQ", 0, 0, 4, 0), True),
    "not negotiated": (header() + bytes(16), b"", False),
    "wrong major": (header(command=1, size=20) + struct.pack("=HH", 1, 0), b"", False),
    "JSON without end": (header(command=1, size=22) + bytes(4) + b"{}", b"", False),
    "no JSON": (header(command=1, size=22) + bytes(4) + b"x\0", b"", False),
    "JSON of the wrong type": (header(command=1, size=63) + bytes(4) +
                               b'{"capabilities":{"max_msg_fds":"many"}}'.ljust(42) + b"\0",
                               b"", False),
    "deep JSON": (header(command=1, size=1020) + bytes(4) + b"[" * 999 + b"\0", b"", False),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(emu, name):
    """Answered with an error; costs the connection at the most, never the daemon."""
    first, then, goes_on = MALFORMED[name]
    daemon = emu()
    descriptors = daemon.descriptors()
    with vu.Client(daemon.path, negotiate=False) as client:
        if first is None:
            client.version()
        client.socket.sendall(first or then)
        client.id = 1
        assert client.receive()[1] != 0
        if goes_on:
            assert client.config(0, 2) == 0x13b5
        else:
            assert ended(client)
    assert wait_until(lambda: daemon.descriptors() == descriptors)
    with vu.Client(daemon.path) as client:
        assert client.config(0, 2) == 0x13b5


def test_descriptors_are_closed(emu):
    """Missing, surplus and far too many descriptors: refused, and none stays open."""
    daemon = emu()
    fd = os.memfd_create("memory")
    os.truncate(fd, MEMORY)
    with vu.Client(daemon.path) as client:
        descriptors = daemon.descriptors()
        for _ in range(10):
            with pytest.raises(vu.Refused):
                client.request(vu.REGION_READ, struct.pack("=QII", 0, 0, 4), [fd])
            with pytest.raises(vu.Refused):
                client.request(vu.DMA_MAP, struct.pack("=IIQQQ", 32, 3, 0, IOVA, 4096), [fd, fd])
            with pytest.raises(vu.Refused):
                client.request(vu.RESET, b"", [fd] * 8)
            with pytest.raises(vu.Refused):
                client.request(99, b"", [fd])
        client.dma_map(IOVA, MEMORY, fd)
        assert daemon.descriptors() == descriptors
        with pytest.raises(vu.Refused):
            client.request(vu.RESET, b"", [fd] * 100)
        assert ended(client)
    assert wait_until(lambda: daemon.descriptors() == descriptors - 1)
    os.close(fd)


def test_truncated_stream(emu):
    """Connections that end in the middle of a message, with and without descriptors."""
    daemon = emu()
    descriptors = daemon.descriptors()
    fd = os.memfd_create("memory")
    for cut in (1, 15, 16, 17, 40):
        with vu.Client(daemon.path) as client:
            client.socket.sendmsg(
                [(header(command=vu.DMA_MAP, size=48) + bytes(32))[:cut]],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("=i", fd))])
    assert wait_until(lambda: daemon.descriptors() == descriptors)
    os.close(fd)


def test_slow_sender_and_no_reply(emu):
    """A message byte by byte is a message; who wants no reply gets none."""
    with vu.Client(emu().path) as client:
        for byte in header() + struct.pack("=IIII", 16, 0, 0, 0):
            client.socket.send(bytes([byte]))
        client.id = 1
        assert client.receive()[1] == 0
        client.send(vu.REGION_WRITE, struct.pack("=QIIQ", AMU_CR, 0, 8, 1), flags=vu.NO_REPLY)
        client.send(99, flags=vu.NO_REPLY)
        assert client.read(vu.BAR0, AMU_CR, 8) == struct.pack("<Q", 1)


def test_client_that_does_not_read(emu, tmp_path):
    """Replies that nobody takes: the daemon waits for room and serves others meanwhile."""
    path = str(tmp_path / "vf")
    daemon = emu("--num-vf", "1", "--vf", "1=" + path)
    with vu.Client(daemon.path) as lazy, vu.Client(path) as other:
        request = header(command=vu.REGION_READ) + struct.pack("=QII", 0, 0, 1 << 20)
        for _ in range(8):
            lazy.socket.sendall(request)
        assert other.config(0, 4) == 0xff8213b5
        lazy.id = 1
        for _ in range(8):
            assert len(lazy.receive()[2]) == 16 + (1 << 20)


# ---- The program

def test_help_and_version():
    """--help names every setting, --version the project's."""
    code, out, err = run("--help")
    assert code == 0 and not err
    for word in ("--socket", "--port", "--config", "num_ami_sw", "faults.dma_fault", "SIGUSR1"):
        assert word in out
    with open(os.path.join(programs.TOP, "VERSION"), encoding="utf-8") as file:
        assert run("--version") == (0, f"revere-emu {file.read().strip()}\n", "")


def test_bad_options(tmp_path):
    """Each mistake is one message that says what to write."""
    config = tmp_path / "bad.conf"
    config.write_text("num_ami_sw = 16\n\n# comment\nworkers = many\n")
    sock = ("--socket", str(tmp_path / "s"))
    for args, words in (
            ((), "--socket"),
            (("socket",), "no option"),
            (("--socket",), "needs a value"),
            ((*sock, "--num-ami-sw", "0"), "num_ami_sw"),
            ((*sock, "--set", "mode=fast"), "threaded or inline"),
            ((*sock, "--set", "mode"), "name = value"),
            ((*sock, "--nonsense", "1"), "nonsense"),
            ((*sock, "--log-level", "loud"), "debug"),
            ((*sock, "--vf", "0=/x"), "N=PATH"),
            ((*sock, "--port", "loop,mac=1"), "MAC"),
            ((*sock, "--config", str(tmp_path / "none")), "none"),
            ((*sock, "--config", str(config)), f"{config}:4: workers")):
        code, out, err = run(*args)
        assert code == 2 and not out and err.count("\n") == 1 and words in err, (args, err)


def test_bad_sockets(emu, tmp_path):
    """A path in use, a missing folder, not a socket, too long: one message each."""
    file = tmp_path / "file"
    file.write_text("precious")
    for path, words in ((emu().path, "another process serves"),
                        (str(tmp_path / "none" / "s"), "no such folder"),
                        (str(file), "no socket"), (str(file / "s"), "no folder"),
                        (str(tmp_path), "no socket"), ("x" * 108, "bytes"), ("", "bytes")):
        code, _, err = run("--socket", path)
        assert code == 1 and err.count("\n") == 1 and words in err, (path, err)
    assert file.read_text() == "precious"
    code, _, err = run("--socket", str(tmp_path / "s"), "--vf", f"1={tmp_path / 'v'}")
    assert code == 1 and "num_vf" in err
    assert not os.path.exists(tmp_path / "s")
    code, _, err = run("--socket", str(tmp_path / "s"), "--port", "bridge")
    assert code == 1 and "bridge" in err


def test_stale_socket(emu):
    """What a killed revere-emu left is replaced; what another has made meanwhile stays."""
    daemon = Daemon(emu().path + ".stale")
    daemon.process.kill()
    daemon.process.wait()
    assert stat.S_ISSOCK(os.stat(daemon.path).st_mode)
    second = Daemon(daemon.path)
    with vu.Client(second.path) as client:
        assert client.config(0, 2) == 0x13b5
    os.unlink(second.path)
    third = Daemon(daemon.path)
    assert second.stop() == 0
    with vu.Client(third.path) as client:
        assert client.config(0, 2) == 0x13b5
    assert third.stop() == 0
    assert not os.path.exists(third.path)
    daemon.log.close()


def test_config_file(emu, tmp_path):
    """Settings from a file; later ones win."""
    config = tmp_path / "emu.conf"
    config.write_text("# a device\nnum_ami_sw = 16\nami-type=B # type B\nport = loop\n"
                      "log_level = debug\n")
    daemon = emu("--num-ami-sw", "8", "--config", str(config), "--set", "num_ams=4",
                 "--port", "null,mac=02:00:00:00:00:07")
    with vu.Client(daemon.path) as client:
        idr = int.from_bytes(client.read(vu.BAR0, AMU_IDR, 8), "little")
        assert idr >> 12 & 0x1f == 2 and idr & 0x3f == 3
        assert client.region_info(0)[0][3] == 2 << 20
        daemon.process.send_signal(signal.SIGUSR1)
        assert wait_until(lambda: "client connected, bus master" in daemon.text())
        assert "num_ami_sw=16" in daemon.text()
