# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A revere-pfd for tests."""

import os
import re
import signal
import subprocess
import tempfile

import pytest

from conftest import programs, wait_until

PROGRAM = os.path.join(programs.BUILD, "app", "revere-pfd")
ALL = "allow user=* contexts=16 clients=32 vectors=256\n"


class Daemon:
    """A revere-pfd."""

    def __init__(self, device, path, policy, *args):
        self.path = path
        self.policy = path + ".policy"
        self.write(policy)
        self.log = open(path + ".log", "w+", encoding="utf-8")  # pylint: disable=R1732
        self.process = subprocess.Popen(  # pylint: disable=R1732
            programs.sanitizer_env() + [
                PROGRAM, "--device", device, "--socket", path, "--policy", self.policy,
                "--log-level", "info", *args], stdin=subprocess.DEVNULL, stderr=self.log)
        self.expect("serving on")

    def write(self, policy):
        """Changes the policy's file."""
        with open(self.policy, "w", encoding="ascii") as file:
            file.write(policy)

    def text(self):
        """What it has logged."""
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def expect(self, text, count=1):
        """Waits for a text in the log."""
        assert wait_until(lambda: self.text().count(text) >= count or
                          self.process.poll() is not None) and \
            self.text().count(text) >= count, self.text()

    def service(self):
        """Process of the service itself, if there is a keeper; None while there is none."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else None

    def kill_service(self):
        """SIGKILL to the service; waits until another one has taken over."""
        count = self.text().count("serving on")
        os.kill(self.service(), signal.SIGKILL)
        self.expect("serving on", count + 1)

    def usage(self):
        """(clients, contexts, of agents, sessions, vectors, MiB)"""
        lines = re.compile(r"notice: (\d+) clients, (\d+) contexts, (\d+) of agents, "
                           r"(\d+) sessions, (\d+) vectors, (\d+) MiB")
        count = len(lines.findall(self.text()))
        self.process.send_signal(signal.SIGUSR1)
        assert wait_until(lambda: len(lines.findall(self.text())) > count), self.text()
        return tuple(int(number) for number in lines.findall(self.text())[-1])

    def stop(self):
        """Ends it as systemd does; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.log.close()


def starter(emu, processes):
    """start(policy, *args, device=()): a revere-pfd on a device of its own, alive in the end."""
    if not os.path.exists(PROGRAM):
        pytest.skip("no " + os.path.relpath(PROGRAM, programs.TOP))

    def run(policy=ALL, *args, device=()):
        served = emu("--port", "loop", "--port", "loop", *device)
        # pytest's folders are root's alone, but there are clients of other users.
        folder = processes.enter_context(tempfile.TemporaryDirectory(prefix="revere-pfd."))
        os.chmod(folder, 0o711)
        daemon = Daemon(served.path, os.path.join(folder, "pfd.sock"), policy, *args)
        daemon.device = served
        processes.callback(check, daemon)
        return daemon

    def check(daemon):
        alive = daemon.process.poll() is None
        code = daemon.stop()
        assert alive and code == 0, f"exit code {code}: {open(daemon.log.name).read()}"
    return run


def refuses_policy(folder, policy, says):
    """Such a policy ends it at once, with a message that has this in it."""
    if not os.path.exists(PROGRAM):
        pytest.skip("no " + os.path.relpath(PROGRAM, programs.TOP))
    (folder / "p").write_text(policy)
    result = subprocess.run([PROGRAM, "--device", "x", "--socket", "y", "--policy", "p"],
                            check=False, capture_output=True, text=True, timeout=30, cwd=folder)
    assert (result.returncode, says in result.stderr) == (2, True), result.stderr
