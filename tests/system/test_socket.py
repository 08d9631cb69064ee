# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Our drivers on a device that revere-emu serves: socket=PATH."""

import contextlib
import os
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

import vfio_user as vu
from conftest import Daemon, forwards, leave, need_driver, programs, wait_until

HUGE = programs.free_hugepages() >= 128


def need_huge():
    """Skips the test without hugepages."""
    if not HUGE:
        pytest.skip("no 128 free hugepages of 2 MB")


# ---- Ways to have memory

MEMORY = {
    "no-huge": ["--no-huge", "-m", "256"],
    "in-memory": ["--in-memory", "-m", "128"],
    "single-file": ["--in-memory", "-m", "128", "--single-file-segments"],
    "files": ["-m", "128"],
    "legacy": ["--legacy-mem", "-m", "256"],
    "later": ["--in-memory"],
    "physical": ["--in-memory", "-m", "128", "--iova-mode=pa"],
    "physical-later": ["--in-memory", "--iova-mode=pa"],
}


@pytest.fixture
def start(processes):
    """start(vdevs, memory="no-huge" or "in-memory", app=(), eal=()): a dpdk-testpmd."""
    number = 0

    def run(vdevs, memory="in-memory" if HUGE else "no-huge", app=(), eal=()):
        nonlocal number
        need_driver("net")
        if memory != "no-huge":
            need_huge()
        number += 1
        args = programs.two_lcores() + MEMORY[memory] + ["-d", programs.DRIVERS]
        args += [f"--file-prefix=socket{os.getpid()}_{number}"]
        args += [f"--vdev={vdev}" for vdev in vdevs] + list(eal)
        return processes.enter_context(
            programs.Testpmd(args, ["--total-num-mbufs=8192"] + list(app), 120))
    return run


@pytest.mark.parametrize("memory", MEMORY)
def test_memory(emu, start, memory):
    """Packets go round whatever the memory is of and whenever it comes."""
    pmd = start([f"net_revere0,socket={emu('--port', 'loop').path}"], memory)
    stats = forwards(pmd)
    assert stats["RX-bytes"] == 64 * stats["RX-packets"]
    leave(pmd)


def test_memory_comes_and_goes(emu, start):
    """Pools made and freed while the device is there, again and again."""
    pmd = start([f"net_revere0,socket={emu('--port', 'loop').path}"], "later")
    for i in range(5):
        pmd.command("port stop 0")
        pmd.command("port config 0 rxq 2" if i % 2 else "port config 0 rxq 1")
        pmd.command("port config 0 txq 2" if i % 2 else "port config 0 txq 1")
        pmd.command("port start 0")
        forwards(pmd)
    leave(pmd)


def test_external_memory(emu, start):
    """Memory that can't be shared is named; packets in it are not the device's to take."""
    pmd = start([f"net_revere0,socket={emu('--port', 'loop').path}"], "later",
                ["--mp-alloc=xmem"])
    assert "in no file that could be shared" in pmd.output
    pmd.command("start tx_first")
    time.sleep(0.5)
    pmd.command("stop")
    assert pmd.quit() == 0


# ---- Several on one device, several devices

def test_ports(emu, start):
    """Two vdevs with one socket are two ports of one device; the agent's are taken in turn."""
    path = emu("--port", "pair=p", "--port", "pair=p").path
    pmd = start([f"net_revere0,socket={path}", f"net_revere1,socket={path}"])
    pmd.command("start tx_first")
    assert wait_until(lambda: pmd.port_stats(1)["RX-packets"] > 2000)
    pmd.command("stop")
    leave(pmd)


def test_port_argument(emu, start):
    """port=N takes that one, once."""
    path = emu("--port", "pair=p", "--port", "pair=p", "--port", "loop").path
    pmd = start([f"net_revere0,socket={path},port=2"])
    forwards(pmd)
    pmd.command(f"port attach net_revere1,socket={path},port=2")
    assert re.search(r"port=2: another vdev of this process has it", pmd.output)
    pmd.command(f"port attach net_revere1,socket={path},port=7")
    assert "no such port" in pmd.output
    assert pmd.quit() == 0


def test_one_process(emu, start):
    """A second process is told that the device is taken."""
    path = emu("--port", "loop").path
    pmd = start([f"net_revere0,socket={path}"])
    assert "another process uses this device" in refused(start, f"net_revere0,socket={path}")
    forwards(pmd)
    leave(pmd)


# ---- Death of the server

def removed(pmd, seconds=10):
    """testpmd has got the removal event and has detached the port."""
    pmd.expect(r"Port 0: device removal event", seconds=seconds)
    pmd.expect(r"Now total ports is 0", seconds=seconds)


def test_killed(emu, start):
    """revere-emu killed under load: a removal event, and the way out is open."""
    daemon = emu("--port", "loop")
    pmd = start([f"net_revere0,socket={daemon.path}"])
    pmd.command("start tx_first 4")
    time.sleep(0.5)
    daemon.kill()
    removed(pmd)
    assert "the device is gone" in pmd.output
    began = time.monotonic()
    assert pmd.quit() == 0
    assert time.monotonic() - began < 10


def test_killed_other(emu, start):
    """The death of one device doesn't touch another."""
    daemons = [emu("--port", "loop"), emu("--port", "loop")]
    pmds = [start([f"net_revere0,socket={daemon.path}"]) for daemon in daemons]
    for pmd in pmds:
        pmd.command("start tx_first 4")
    daemons[0].kill()
    removed(pmds[0])
    before = pmds[1].port_stats()["RX-packets"]
    assert wait_until(lambda: pmds[1].port_stats()["RX-packets"] > before + 10000)
    assert pmds[0].quit() == 0
    leave(pmds[1])


def test_reattach(emu, start, processes):
    """After a death, and after an orderly end, attaching brings the port back."""
    daemon = emu("--port", "loop")
    pmd = start([f"net_revere0,socket={daemon.path}"])
    for _ in range(2):
        pmd.command("start tx_first 4")
        daemon.kill()
        removed(pmd)
        pmd.output = ""
        daemon = Daemon(daemon.path, "--port", "loop")
        processes.callback(daemon.stop)
        pmd.command("stop")
        attach(pmd, daemon)
    for _ in range(3):
        pmd.command("port stop 0")
        pmd.command("port close 0")
        pmd.command("device detach net_revere0")
        attach(pmd, daemon)
    leave(pmd)


def attach(pmd, daemon):
    """A port on the device, which forwards."""
    assert "attached" in pmd.command(f"port attach net_revere0,socket={daemon.path}")
    assert "Done" in pmd.command("port start 0")
    pmd.wait_link()
    forwards(pmd)


def test_revere(*args, seconds=60):
    """dpdk-test-revere with these arguments: exit code and output."""
    memory = programs.memory_args(256, HUGE)
    done = subprocess.run(programs.sanitizer_env() + [
        programs.TEST_REVERE, *programs.two_lcores(), "-d", programs.DRIVERS, "--no-pci",
        "--no-telemetry", f"--file-prefix=socket{os.getpid()}", *memory, *args],
        capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout + done.stderr


test_revere.__test__ = False


@pytest.mark.parametrize("threshold", ["off", "0", "auto"])
def test_dma_killed(emu, threshold):
    """Copies under way when the server dies fail, or the CPU does them; nothing hangs."""
    need_driver("dma")
    daemon = emu()
    timer = threading.Timer(2, daemon.kill)
    timer.start()
    began = time.monotonic()
    code, text = test_revere(f"--vdev=dma_revere0,socket={daemon.path},threshold={threshold}",
                             "--", "perf", "dma", "--no-cpu", "--size", "4096", "--batch", "32",
                             "--ms", "4000", "--dump")
    timer.join()
    assert (code != 0) == (threshold == "off"), text
    assert time.monotonic() - began < 18, text
    if threshold != "auto":  # which may have left it to the CPU anyway
        assert "the device is gone" in text
    if threshold == "0":
        assert "vchan 0: on the CPU" in text


@pytest.mark.parametrize("threshold", ["0", "off"])
def test_dma_private_memory(emu, threshold):
    """Memory that the server doesn't see is the CPU's; what it would have been asked is right."""
    need_driver("dma")
    code, text = test_revere(f"--vdev=dma_revere0,socket={emu().path},threshold={threshold}",
                             "--", "perf", "dma", "--no-cpu", "--private", "--dump", "--size",
                             "64,4096", "--ms", "100")
    assert code == 0, text
    far = [int(n) for n in re.findall(r"out of the device's reach (\d+)", text)]
    assert len(far) == 2 and 0 < far[0] < far[1]
    assert "device 0 (0 bytes), done again 0" in text


# ---- Interrupts

@pytest.mark.parametrize("queues", [1, 4])
@pytest.mark.parametrize("device", ["socket", "", ",ami_type=B", ",mode=inline"])
def test_rx_interrupts(emu, device, queues):
    """An application that sleeps gets every packet, and sleeps most of the time.

    Where nothing comes it uses no CPU, unless the device is in the same process.
    """
    need_driver("net")
    idle = "0"
    if device == "socket":
        device = f",socket={emu('--port', 'loop').path}"
        idle = "1000"
    code, text = test_revere(f"--vdev=net_revere0{device}", "--", "rx-intr", "--queues",
                             str(queues), "--idle", idle)
    assert code == 0, text
    if idle != "0":
        assert float(re.search(r"^idle: .* process ([\d.]+) ms", text, re.M).group(1)) < 50, text
    assert "20000 received, 0 strange, 0 forgotten" in text
    assert float(re.search(r"\(([\d.]+) %\)", text).group(1)) < 50, text


def test_few_vectors(emu):
    """More Rx queues than interrupts are refused, in one message with the numbers."""
    need_driver("net")
    path = emu("--port", "loop", "--msix-vectors", "4").path
    code, text = test_revere(f"--vdev=net_revere0,socket={path}", "--", "rx-intr", "--queues",
                             "4")
    assert code != 0
    assert text.count("no interrupt for one more Rx queue") == 1, text
    assert "there are 4 vectors" in text and "msix_vectors" in text, text
    assert "no contexts" not in text, text


def test_link_interrupt(emu, start):
    """A link that goes down at the other end of a pair is told."""
    path = emu("--port", "pair=p", "--port", "pair=p").path
    pmd = start([f"net_revere0,socket={path}", f"net_revere1,socket={path}"])
    pmd.command("set link-down port 0")
    pmd.expect("Port 1: link state change event", seconds=5)
    assert pmd.quit() == 0


# ---- Other classes

def test_conformance(emu):
    """Every command and ring rule holds through the socket."""
    need_driver("raw")
    code, text = test_revere(f"--vdev=raw_revere0,socket={emu().path}", "--", "conformance",
                             seconds=300)
    assert code == 0, text[-3000:]


def test_dmadev_autotest(emu):
    """DPDK's own tests of dmadevs pass, those of errors too."""
    need_driver("dma")
    path = programs.dpdk_app("dpdk-test")
    if path is None:
        pytest.skip("no dpdk-test")
    done = subprocess.run(programs.sanitizer_env() + [
        path, *programs.two_lcores(), "-d", programs.DRIVERS, "--no-pci", "--no-telemetry",
        f"--file-prefix=socket{os.getpid()}", *programs.memory_args(256, HUGE),
        f"--vdev=dma_revere0,socket={emu().path}"], env=dict(os.environ,
        DPDK_TEST="dmadev_autotest"), capture_output=True, text=True, timeout=300, check=False,
        stdin=subprocess.DEVNULL)
    assert "Test OK" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]


# ---- Bad input

def refused(start, devargs):
    """What is said about a vdev that can't be."""
    pmd = start([devargs], "no-huge")
    lines = [line for line in pmd.output.splitlines() if line.startswith("REVERE")]
    assert len(lines) == 1, pmd.output
    assert pmd.quit() == 0
    return lines[0]


def test_bad_paths(start, tmp_path):
    """Each is named in one line, with what to do."""
    assert "No such file or directory: start revere-emu" in \
        refused(start, f"net_revere0,socket={tmp_path}/none")
    (tmp_path / "file").write_text("")
    assert "is no socket" in refused(start, f"net_revere0,socket={tmp_path}/file")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    assert "start revere-emu again" in refused(start, f"net_revere0,socket={tmp_path}/left")
    assert "longer than 107" in refused(start, f"net_revere0,socket=/{'x' * 120}")
    assert "unknown devarg tap=x" in refused(start, f"net_revere0,socket={tmp_path}/a,tap=x")
    assert "unknown devarg port=1" in refused(start, f"dma_revere0,socket={tmp_path}/a,port=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(tmp_path / "datagrams"))
        assert "no stream socket" in refused(start, f"net_revere0,socket={tmp_path}/datagrams")


class Impostor(threading.Thread):
    """Answers on a socket in the place of revere-emu. replies: {command: (error, payload)}."""

    def __init__(self, path, replies):
        super().__init__(daemon=True)
        self.replies = replies
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.serve(connection)

    def serve(self, connection):
        """Answers what there are answers for, and closes."""
        while True:
            data = connection.recv(vu.HEADER.size, socket.MSG_WAITALL)
            if len(data) < vu.HEADER.size:
                return
            ident, command, size, _, _ = vu.HEADER.unpack(data)
            connection.recv(size - vu.HEADER.size, socket.MSG_WAITALL)
            if command not in self.replies:
                return
            error, payload = self.replies[command]
            connection.sendall(vu.HEADER.pack(ident, command, vu.HEADER.size + len(payload),
                                              vu.REPLY | (vu.ERROR if error else 0), error)
                               + payload)

    def close(self):
        """Ends it."""
        self.listener.close()


VERSION = (0, struct.pack("=HH", 0, 1) + b"{}\0")
INFO = (0, struct.pack("=IIII", 16, 3, 9, 5))

IMPOSTORS = {
    "closes": ({}, "doesn't speak vfio-user"),
    "version": ({vu.VERSION: (0, struct.pack("=HH", 1, 0))}, "speaks vfio-user 1.0"),
    "short": ({vu.VERSION: (0, b"")}, "doesn't speak vfio-user"),
    "endless": ({vu.VERSION: (0, b"x" * 4096)}, "doesn't speak vfio-user"),
    "silent": ({vu.VERSION: VERSION}, "doesn't tell what device it has"),
    "platform": ({vu.VERSION: VERSION, vu.GET_INFO: (0, struct.pack("=IIII", 16, 4, 1, 1))},
                 "no PCI device"),
    "other": ({vu.VERSION: VERSION, vu.GET_INFO: INFO,
               vu.REGION_READ: (0, struct.pack("=QIIHH", 0, 7, 4, 0x8086, 0x1234))},
              "PCI device 8086:1234"),
    "no-bar": ({vu.VERSION: VERSION, vu.GET_INFO: INFO,
                vu.REGION_READ: (0, struct.pack("=QIIHH", 0, 7, 4, 0x13b5, 0xff81)),
                vu.GET_REGION_INFO: (0, struct.pack("=IIIIQQ", 32, 3, 0, 0, 4096, 0))},
               "too small for a Revere device"),
    "no-pages": ({vu.VERSION: VERSION, vu.GET_INFO: INFO,
                  vu.REGION_READ: (0, struct.pack("=QIIHH", 0, 7, 4, 0x13b5, 0xff81)),
                  vu.GET_REGION_INFO: (0, struct.pack("=IIIIQQ", 32, 3, 0, 0, 1 << 20, 0))},
                 "AMI-SW pages can't be mapped"),
}


@pytest.mark.parametrize("kind", IMPOSTORS)
def test_impostors(start, tmp_path, kind):
    """Who isn't a Revere device is named as what it is."""
    replies, text = IMPOSTORS[kind]
    impostor = Impostor(str(tmp_path / "socket"), replies)
    try:
        assert text in refused(start, f"net_revere0,socket={tmp_path}/socket")
    finally:
        impostor.close()
