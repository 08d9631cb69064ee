# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""The ways in which software can have a share of a device: doc/guides/howto/models.rst."""

import os

from conftest import programs
from netns import inside, namespaces, talk


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
