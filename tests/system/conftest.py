# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""What the system tests share: programs that are ended after each test, and tap interfaces."""

import collections
import contextlib
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "scripts", "pylib"))

import testpmd as programs  # noqa: E402

PROGRAM = os.path.join(programs.BUILD, "emu", "revere-emu")


def need_driver(name):
    """Skips the test if a driver isn't built."""
    path = os.path.join(programs.DRIVERS, f"librte_{name}_revere.so")
    if not os.path.exists(path):
        pytest.skip(f"no {os.path.relpath(path, programs.TOP)}")


@pytest.fixture(scope="session", autouse=True)
def no_ipv6_of_the_kernel():
    """New interfaces don't do IPv6: nobody but a test sends packets on a tap."""
    path = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
    if not os.access(path, os.W_OK):
        yield
        return
    with open(path, "r+", encoding="ascii") as file:
        before = file.read()
        file.seek(0)
        file.write("1")
    yield
    with open(path, "w", encoding="ascii") as file:
        file.write(before)


@pytest.fixture
def processes():
    """A contextlib.ExitStack for programs: what is entered there ends with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def testpmd(processes):
    """start(vdevs, app=(), eal=(), seconds=120, path=None): a dpdk-testpmd on virtual devices.

    Without free hugepages it runs without them.
    """
    def start(vdevs, app=(), eal=(), seconds=120, path=None):
        need_driver("net")
        args = programs.two_lcores() + programs.memory_args(256, programs.free_hugepages() >= 128)
        args += ["-d", programs.DRIVERS] + [f"--vdev={vdev}" for vdev in vdevs] + list(eal)
        app = ["--total-num-mbufs=8192"] + list(app)
        return processes.enter_context(programs.Testpmd(args, app, seconds, path=path))
    return start


class Daemon:
    """A revere-emu that serves."""

    def __init__(self, path, *args):
        self.path = path
        self.killed = False
        self.log = open(path + ".log", "w+", encoding="utf-8")  # pylint: disable=R1732
        self.process = subprocess.Popen(  # pylint: disable=R1732
            [PROGRAM, "--socket", path, *args], stdin=subprocess.DEVNULL, stderr=self.log)
        assert wait_until(lambda: "serving on " + path in self.text() or
                          self.process.poll() is not None)

    def text(self):
        """What it has logged."""
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def stop(self):
        """Ends it as systemd does; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.log.close()

    def kill(self):
        """Ends it without a chance to say anything."""
        self.killed = True
        self.process.kill()
        self.process.wait()

    def descriptors(self):
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture
def several(processes):
    """several(name, vdevs, app=()): a dpdk-testpmd that is one of some at a time."""
    number = 0

    def run(name, vdevs, app=()):
        nonlocal number
        number += 1
        args = programs.two_lcores() + programs.memory_args(128, programs.free_hugepages() >= 256)
        args += ["-d", programs.DRIVERS, f"--file-prefix={name}{os.getpid()}_{number}",
                 "--log-level=6"]
        args += [f"--vdev={vdev}" for vdev in vdevs]
        return processes.enter_context(
            programs.Testpmd(args, ["--total-num-mbufs=8192"] + list(app), 120))
    return run


@pytest.fixture
def emu(tmp_path, processes):
    """start(*args): a revere-emu, which has to be alive in the end."""
    if not os.path.exists(PROGRAM):
        pytest.skip("no " + os.path.relpath(PROGRAM, programs.TOP))
    count = 0

    def start(*args):
        nonlocal count
        count += 1
        daemon = Daemon(str(tmp_path / f"emu{count}.sock"), *args)
        processes.callback(check, daemon)
        return daemon

    def check(daemon):
        alive = daemon.killed or daemon.process.poll() is None
        code = daemon.stop()
        assert alive and code == (-9 if daemon.killed else 0), f"exit code {code}: {daemon.text()}"
    return start


def leave(pmd):
    """Stops everything: no mbuf may be missing, and the program ends in order."""
    pmd.command("stop")
    pmd.command("port stop all")
    free, size = pmd.free_mbufs()
    assert free == size, f"{size - free} of {size} mbufs are missing"
    assert pmd.quit() == 0


def xstats(pmd, port=0):
    """Extended statistics of a port by name; 0 for names that aren't there."""
    return collections.Counter({name: int(value) for name, value in re.findall(
        r"^(\w+): (\d+)", pmd.command(f"show port xstats {port}"), re.M)})


def wait_until(condition, seconds=30, step=0.05):
    """Waits for condition() to be true; what it gave last."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(step)
    return condition()


def forwards(pmd, port=0, least=2000):
    """Packets go round; the statistics of a port."""
    pmd.command("clear port stats all")
    pmd.command("start tx_first 4")
    assert wait_until(lambda: pmd.port_stats(port)["RX-packets"] >= least)
    pmd.command("stop")
    stats = pmd.port_stats(port)
    assert (stats["RX-errors"], stats["TX-errors"], stats["RX-nombuf"]) == (0, 0, 0)
    return stats


def settles(measure, holds, tries=10):
    """Measures until holds(figures): other work on the machine may spoil a measurement, not all.

    The figures that were measured last.
    """
    for _ in range(tries):
        figures = measure()
        if holds(figures):
            break
    return figures


SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10  # linux/if_packet.h
AUXDATA = struct.Struct("=IIIHHHH")


ETH_P_ALL = 3


class Tap:
    """The kernel's side of a tap interface: sends and receives whole frames."""

    def __init__(self, name, mtu=1500):
        self.name = name
        # Here too: another run of these tests that ends puts the default back.
        with contextlib.suppress(OSError), \
                open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        subprocess.run(["ip", "link", "set", name, "mtu", str(mtu), "up"], check=True, timeout=10)
        # protocol 0: nothing is received before bind() names the interface
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((name, ETH_P_ALL))

    def send(self, frame):
        """Sends one frame."""
        self.socket.send(bytes(frame))

    def receive(self, seconds=20):
        """The next frame that came from the port, None if there is none in time."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            frame, ancillary, _, address = self.socket.recvmsg(65536, 256)
            if address[2] != socket.PACKET_OUTGOING:
                return with_vlan(frame, ancillary)

    def exchange(self, frame, seconds=20):
        """Sends a frame and gives the next that comes back."""
        self.send(frame)
        return self.receive(seconds)

    def close(self):
        """Ends it; the interface goes with its port."""
        self.socket.close()


def with_vlan(frame, ancillary):
    """A frame as it was on the wire: the kernel takes the outer VLAN tag out, and tells so."""
    for _, kind, data in ancillary:
        if kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                tag = (tpid or 0x8100).to_bytes(2, "big") + tci.to_bytes(2, "big")
                return frame[:12] + tag + frame[12:]
    return frame


@pytest.fixture
def tap_name(request):
    """A name for a tap interface of this test; skips where there can't be one."""
    if os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("tap interfaces need root and /dev/net/tun")
    return f"rvr{os.getpid() % 100000}{zlib.crc32(request.node.name.encode()) % 1000}"


@pytest.fixture
def tap(processes):
    """start(name, mtu=1500): the kernel's side of a tap that a port has made."""
    def start(name, mtu=1500):
        wait_until(lambda: os.path.exists(f"/sys/class/net/{name}"))
        result = Tap(name, mtu)
        processes.callback(result.close)
        return result
    return start
