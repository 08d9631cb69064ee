# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""DPDK's vhost switch (examples/vhost), front ends for it, and telemetry of either."""

import json
import os
import signal
import socket
import time

import testpmd
from testpmd import ProgramError

SWITCH_MBUFS_MB = 512  # the switch has at least 147456 mbufs
FRONT_END_MB = 64


def telemetry(prefix, command):
    """What a process with this file prefix says to a command of telemetry."""
    folders = [os.environ.get("RUNTIME_DIRECTORY"), "/var/run", os.environ.get("XDG_RUNTIME_DIR"),
               "/tmp"]
    paths = [os.path.join(folder, "dpdk", prefix, "dpdk_telemetry.v2") for folder in folders
             if folder]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(20)
        connection.connect(next(path for path in paths if os.path.exists(path)))
        connection.recv(65536)  # who it is
        connection.send(command.encode())
        return json.loads(connection.recv(65536))[command.split(",")[0]]


def eal(prefix, megabytes, lcores):
    """EAL arguments; memory that can be shared in few pieces."""
    return ["--lcores", lcores, "--in-memory", "--single-file-segments", "-m", str(megabytes),
            "--no-pci", f"--file-prefix={prefix}"]


class Switch(testpmd.Program):
    """examples/vhost with net_revere0 as its NIC, whose wire gives everything back by default.

    dma: devargs of dma_revere0, which copies for all queues; None: the CPU does.
    """

    def __init__(self, path, prefix, folder, dma=None, app=(), seconds=300, *, sockets=2,
                 backend="loop"):
        self.prefix = prefix
        self.log = os.path.join(folder, "switch.log")  # nobody has to read it, or it would wait
        self.sockets = [os.path.join(folder, f"vhost{i}") for i in range(sockets)]
        have = testpmd.cpus()
        argv = ["sh", "-c", 'exec "$@" >"$0" 2>&1', self.log, path] + eal(prefix, SWITCH_MBUFS_MB,
                            f"0@({','.join(map(str, have))}),1@{have[:2][-1]}")
        argv += ["-d", testpmd.DRIVERS, f"--vdev=net_revere0,backend={backend}"]
        argv += [f"--vdev=dma_revere0{dma}"] if dma is not None else []
        argv += ["--", "-p", "1", "--mergeable", "1", "--stats", "0"]
        for socket_path in self.sockets:
            argv += ["--socket-file", socket_path]
        if dma is not None:
            argv += ["--dmas", "[" + ",".join(f"{queue}{i}@dma_revere0" for i in range(sockets)
                                              for queue in ("txd", "rxd")) + "]"]
        super().__init__(argv + list(app), seconds)
        end = time.monotonic() + 60
        while self.text().count("binding succeeded") < len(self.sockets):
            if not self.alive() or time.monotonic() > end:
                self.close()
                raise ProgramError("the switch doesn't start:\n" + self.text()[-2000:])
            time.sleep(0.05)
        # Its main lcore only waits for the other one to end, but spins: it takes what is left over.
        os.sched_setscheduler(self.pid(), os.SCHED_IDLE, os.sched_param(0))

    def text(self):
        """What it has logged."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def descriptors(self):
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    def copies(self):
        """Telemetry of dma_revere0."""
        return telemetry(self.prefix, "/revere/dma/vchan,0,0")


def mac(number):
    """The address of a front end."""
    return f"02:00:00:00:00:{number + 1:02x}"


class FrontEnd(testpmd.Program):
    """dpdk-test-revere traffic on a virtio-user port of a switch."""

    def __init__(self, switch, number, peer, app=(), devargs="", seconds=300):
        vdev = f"net_virtio_user0,path={switch.sockets[number]},mac={mac(number)},queue_size=256"
        have = ",".join(map(str, testpmd.cpus()))
        argv = [testpmd.TEST_REVERE] + eal(f"{switch.prefix}-{number}", FRONT_END_MB,
                                           f"0@({have})")
        argv += ["--no-telemetry", "--log-level=4", f"--vdev={vdev}{devargs}", "--", "traffic",
                 "--peer", mac(peer)]
        super().__init__(argv + list(app), seconds)
        self.expect(r"^ready", seconds=60)

    def finish(self, seconds):
        """Waits for its end; what it reported."""
        assert self.wait(seconds) is not None, f"{seconds} s were not enough:\n" + self.tail()
        return self.output

    def kill(self):
        """Ends it without a chance to say anything."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends one that echoes; what it reported."""
        self.process.terminate()
        return self.finish(30)
