# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Starts DPDK programs and talks to testpmd's prompt; for demo, bench and the system tests."""

import collections
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import tty

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("REVERE_BUILD") or os.path.join(TOP, "build")
DRIVERS = os.path.join(BUILD, "drivers")
TEST_REVERE = os.path.join(BUILD, "app", "dpdk-test-revere")
PROMPT = "testpmd> "


def broken(text):
    """A pattern for text in whose midst lines of other threads may stand, such as log lines."""
    return r"(?:[^\n]*\n){0,3}?".join(map(re.escape, text))
# What rdline sends to a terminal beside text: cursor movements and bells.
CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x1bE?|\x07|\x00|\r")


class ProgramError(Exception):
    """A program ended, or didn't answer in time, or answered with what isn't understood."""


def dpdk_app(name):
    """Path of a program of the DPDK that pkg-config finds, None if absent."""
    result = subprocess.run(["pkg-config", "--variable=prefix", "libdpdk"], check=False,
                            capture_output=True, text=True)
    path = os.path.join(result.stdout.strip() or "/usr", "bin", name)
    return path if os.access(path, os.X_OK) else shutil.which(name)


def free_hugepages():
    """2 MB pages that EAL can use here."""
    try:
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
                  encoding="ascii") as file:
            free = int(file.read())
        with open("/proc/mounts", encoding="ascii", errors="replace") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return 0
    usable = any(m[2] == "hugetlbfs" and not re.search(r"pagesize=\d+G", m[3])
                 and os.access(m[1], os.W_OK) for m in mounts)
    return free if usable else 0


def cpus():
    """CPUs that this process may run on."""
    return sorted(os.sched_getaffinity(0))


def memory_args(megabytes, huge):
    """EAL arguments for memory, with or without hugepages."""
    if huge:
        return ["--in-memory", "-m", str(megabytes)]
    return ["--no-huge", "-m", str(megabytes)]


def two_lcores(forwarding=None):
    """EAL arguments for main lcore 0 and lcore 1, on two CPUs if there are.

    forwarding: CPU of lcore 1; lcore 0, which waits for commands, may then run on any.
    """
    have = cpus()
    if forwarding is not None:
        return ["--lcores", f"0@({','.join(map(str, have))}),1@{forwarding}"]
    if len(have) < 2:
        return ["--lcores", f"0@{have[0]},1@{have[0]}"]
    return ["--lcores", f"0@{have[0]},1@{have[1]}"]


def sanitizer_env():
    """env(1) arguments for stock programs that load drivers which were built with ASan."""
    try:
        with open(os.path.join(DRIVERS, "librte_common_revere.so"), "rb") as file:
            needs = re.findall(rb"lib(?:asan|ubsan)\.so\.\d+", file.read())
    except OSError:
        needs = []
    if not needs:
        return []
    # What leaks is seen in our own tests; DPDK's programs free little at their end.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return ["env", "LD_PRELOAD=" + " ".join(sorted({need.decode() for need in needs})),
            "ASAN_OPTIONS=" + options.lstrip(":")]


class Program:
    """A program on a terminal of its own; ended, at the latest, by close() or after its time."""

    def __init__(self, argv, seconds=300):
        self.argv = argv
        self.output = ""
        self.deadline = time.monotonic() + seconds
        master, slave = pty.openpty()
        tty.setraw(slave)  # no echo of what is written before the program sets its terminal up
        self.terminal = master
        # A second line of defence: timeout(1) ends it even if this process is killed.
        self.process = subprocess.Popen(
            ["timeout", "--foreground", "-k", "5", str(seconds)] + sanitizer_env() + argv,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def alive(self):
        """Whether it still runs."""
        return self.process.poll() is None

    def pid(self):
        """Its own process id; self.process is timeout(1)."""
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)], check=True,
                                  capture_output=True, text=True).stdout.split()[0])

    def read(self, seconds):
        """Takes what it has written, waiting up to so long for some. False: it has ended."""
        if not select.select([self.terminal], [], [], max(seconds, 0))[0]:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other end is closed
            return False
        self.output += CONTROLS.sub("", data.decode("utf-8", "replace"))
        return bool(data)

    def expect(self, pattern, start=0, seconds=60):
        """Waits for a regular expression in the output from `start` on; its match."""
        end = min(time.monotonic() + seconds, self.deadline)
        while True:
            match = re.compile(pattern, re.M).search(self.output, start)
            if match:
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise ProgramError(f"no '{pattern}' from {self.name()} in {seconds} s:\n"
                                   + self.tail())
            if not self.read(min(left, 1)):
                raise ProgramError(f"{self.name()} ended ({self.wait()}):\n" + self.tail())

    def send(self, text):
        """Types a line."""
        os.write(self.terminal, text.encode() + b"\n")

    def wait(self, seconds=30):
        """Waits for its end, reading on; the exit code."""
        end = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end:
            if not self.read(0.2):
                time.sleep(0.01)
        while self.read(0) and select.select([self.terminal], [], [], 0)[0]:
            pass
        return self.process.poll()

    def name(self):
        """Name for messages."""
        return os.path.basename(self.argv[0])

    def tail(self, lines=30):
        """The last lines of its output."""
        return "\n".join(self.output.strip().splitlines()[-lines:])

    def close(self):
        """Ends it if it still runs: asked, then made to. The exit code."""
        if self.terminal is None:
            return self.process.returncode
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self.wait(0) is not None:
                break
            # timeout(1) hands the signal on; after SIGKILL it can't, so the group gets it.
            if sign == signal.SIGKILL:
                os.killpg(self.process.pid, sign)
            else:
                self.process.send_signal(sign)
            self.wait(5)
        self.process.wait()
        os.close(self.terminal)
        self.terminal = None
        return self.process.returncode


class Testpmd(Program):
    """dpdk-testpmd with its prompt; the installed one without a path."""

    def __init__(self, eal, app=(), seconds=300, start_seconds=120, path=None):
        path = path or dpdk_app("dpdk-testpmd")
        if path is None:
            raise ProgramError("no dpdk-testpmd here: run scripts/setup")
        argv = [path, "--no-pci", "--no-telemetry", "--log-level=5"] + list(eal)
        argv += ["--", "-i"] + list(app)
        super().__init__(argv, seconds)
        try:
            self.expect(broken(PROMPT), seconds=start_seconds)
        except ProgramError:
            self.close()
            raise

    def command(self, text, seconds=60):
        """Types a command; what it printed."""
        while self.read(0) and select.select([self.terminal], [], [], 0)[0]:
            pass
        start = len(self.output)
        self.send(text)
        # The line comes back with the prompt before it redrawn; the next prompt ends the answer.
        echo = self.expect(broken(text) + r"\n", start, seconds)
        end = self.expect(broken(PROMPT), echo.end(), seconds)
        return self.output[echo.end():end.start()]

    def quit(self, seconds=30):
        """The orderly way out; the exit code."""
        if self.alive():
            self.send("quit")
            self.wait(seconds)
        return self.close()

    def port_stats(self, port=0):
        """Numbers of `show port stats` by their names: RX-packets, Rx-pps, ..."""
        return numbers(self.command(f"show port stats {port}"))

    def rate(self, seconds, port=0):
        """Received packets a second of a port over so long."""
        self.port_stats(port)
        time.sleep(seconds)
        return self.port_stats(port)["Rx-pps"]

    def wait_link(self, port=0, seconds=20):
        """Waits until the link is up."""
        end = time.monotonic() + seconds
        while "Link status: up" not in self.command(f"show port info {port}"):
            if time.monotonic() > end:
                raise ProgramError(f"no link at port {port} after {seconds} s")
            time.sleep(0.05)

    def free_mbufs(self, pool="mb_pool_0"):
        """(free, all) mbufs of a pool."""
        text = self.command(f"dump_mempool {pool}")
        size = int(re.search(r"^\s*size=(\d+)", text, re.M).group(1))
        common = int(re.search(r"common_pool_count=(\d+)", text).group(1))
        cached = re.search(r"total_cache_count=(\d+)", text)
        return common + int(cached.group(1) if cached else 0), size


def numbers(text):
    """"NAME: number" and "NAME = number" anywhere in a text, as a dictionary."""
    found = collections.OrderedDict()
    for name, value in re.findall(r"([A-Za-z][\w-]*)\s*[:=]\s+(\d+)\b", text):
        found[name] = int(value)
    return found
