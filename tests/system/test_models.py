# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""The ways in which software can have a share of a device: doc/guides/howto/models.rst."""

import os
import re
import subprocess

import pytest

from conftest import forwards, leave, programs
from netns import inside, namespaces, talk
from pfd_daemon import starter


def start(processes, name, vdevs, app=()):
    """A dpdk-testpmd that is one of several at a time."""
    args = programs.two_lcores() + programs.memory_args(128, programs.free_hugepages() >= 256)
    args += ["-d", programs.DRIVERS, f"--file-prefix=models{os.getpid()}_{name}", "--log-level=6"]
    args += [f"--vdev={vdev}" for vdev in vdevs]
    return processes.enter_context(
        programs.Testpmd(args, ["--total-num-mbufs=8192"] + list(app), 120))


def test_traditional(emu, processes, tmp_path, tap_name):
    """A privileged process has the VF; programs use it by system calls, through the kernel."""
    here, far = tap_name + "a", tap_name + "b"
    namespaces(processes, here, far)
    device = emu("--vfs", "1", "--vf-socket", str(tmp_path), "--port", f"tap={far}")
    pf = start(processes, "pf", [f"raw_revere0,socket={device.path},give=1:net:1"])
    driver = start(processes, "vf", [f"net_revere0,socket={tmp_path}/vf1.sock",
                                     f"net_tap0,iface={here}"])
    inside(here, here, "10.8.0.1/24")
    inside(far, far, "10.8.0.2/24")
    driver.command("start")
    talk(processes, here, far, "10.8.0.2")
    assert driver.quit() == 0  # net_tap keeps its mbufs when it is stopped
    assert pf.quit() == 0


def trapped(daemon, vf):
    """How many commands of a VF revere-pfd has decided on."""
    daemon.usage()
    return int(re.findall(rf"VF {vf}: enabled, \d+ contexts, (\d+) commands trapped",
                          daemon.text())[-1])


def test_control_mediated(emu, processes, tmp_path):
    """Each user has a VF; what its driver configures and enables a privileged process decides."""
    daemon = starter(emu, processes)(
        "vf number=1-2 net=2 trap=F-AMI-SW-CONFIGURE:F-AMI-HW-CONFIGURE:F-AMI-SW-ENABLE\n",
        device=("--vfs", "2", "--vf-socket", str(tmp_path)))
    users = [start(processes, f"mediated{vf}", [f"net_revere0,socket={tmp_path}/vf{vf}.sock,"
                                                f"port={vf - 1}"], ["--rxq=2", "--txq=2"])
             for vf in (1, 2)]
    for vf, user in enumerate(users, 1):
        forwards(user)
        assert trapped(daemon, vf) >= 6  # three contexts
    leave(users[0])
    # The driver of the one that is left is told no from now on, and says so.
    daemon.write("vf number=1-2 net=2 trap=none refuse=F-AMI-SW-ENABLE\n")
    daemon.process.send_signal(1)
    daemon.expect("policy read again")
    forwards(users[1])
    for command in ("port stop 0", "port detach 0"):
        users[1].command(command)
    again = f"port attach net_revere1,socket={tmp_path}/vf2.sock,port=1"
    said = users[1].command(again)
    assert "F-AMI-SW-ENABLE was refused: refused (status 65535)" in said, said
    daemon.write("vf number=1-2 net=2\n")
    daemon.process.send_signal(1)
    daemon.expect("policy read again", 2)
    users[1].command(again)
    users[1].command("port start all")
    forwards(users[1])
    leave(users[1])


def test_lightweight(emu, processes, tmp_path):
    """VFs whose management does nothing by itself: drivers, and DPDK's own tests, don't notice."""
    daemon = starter(emu, processes)(
        "vf number=1 net=1 trap=all vectors=0 pasid=no\nvf number=2 dma=8 trap=all\n",
        device=("--vfs", "2", "--vf-socket", str(tmp_path)))
    port = start(processes, "light", [f"net_revere0,socket={tmp_path}/vf1.sock"])
    forwards(port)
    path = programs.dpdk_app("dpdk-test")
    if path is None:
        pytest.skip("no dpdk-test")
    argv = programs.sanitizer_env() + [path] + programs.two_lcores()
    argv += programs.memory_args(256, programs.free_hugepages() >= 256)
    argv += ["--no-pci", "--no-telemetry", f"--file-prefix=models{os.getpid()}", "-d",
             programs.DRIVERS, f"--vdev=dma_revere0,socket={tmp_path}/vf2.sock"]
    result = subprocess.run(["timeout", "120"] + argv, check=False, text=True, errors="replace",
                            input="dmadev_autotest\nquit\n", stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert "Test OK" in result.stdout, result.stdout[-3000:]
    assert trapped(daemon, 2) > 40
    forwards(port)
    leave(port)
