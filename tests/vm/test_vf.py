# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Two guests with a Virtual Function each of one device, whose PF and switch the host has."""

import contextlib
import os
import pathlib
import sys

import pytest

from conftest import BDF, Forwarding, Machine, vm

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "pylib"))

import testpmd  # noqa: E402

VF_ID = "13b5:ff82"
PORTS = ("null", "virtual=0", "representor=0", "virtual=1", "representor=1")
VIRTUAL0 = 1
UPLINK, REPR0, REPR1 = range(3)  # of the switch


def host_testpmd(stack, name, vdev):
    """A dpdk-testpmd on the host."""
    args = testpmd.two_lcores() + testpmd.memory_args(128, testpmd.free_hugepages() >= 64)
    args += ["--no-pci", "-d", testpmd.DRIVERS, f"--file-prefix=vm-{name}-{os.getpid()}",
             "--log-level=6", f"--vdev={vdev}"]
    return stack.enter_context(testpmd.Testpmd(args, ["--total-num-mbufs=8192"], 600))


@pytest.fixture
def device(tmp_path):
    """(folder of sockets, switch, ExitStack): a device whose VFs have what a port needs, and whose
    switch sends from one virtual port to the other."""
    with contextlib.ExitStack() as stack:
        ports = [word for port in PORTS for word in ("--port", port)]
        emulator = vm.Emulator(tmp_path, "--vfs", "2", "--vf-socket", str(tmp_path), *ports,
                               name="pf")
        stack.callback(emulator.close)
        switch = host_testpmd(stack, "pf", f"net_revere0,socket={emulator.socket},port=0,"
                              "representor=[0-1],give=1:net:1+2:net:1")
        for here, there in ((REPR0, REPR1), (REPR1, REPR0)):
            answer = switch.command(
                f"flow create {UPLINK} transfer pattern represented_port ethdev_port_id is {here} "
                f"/ eth / end actions count / represented_port ethdev_port_id {there} / end")
            assert "created" in answer, answer
        yield tmp_path, switch, stack


@pytest.fixture
def guests(archive, device):
    """Both guests, booting at the same time."""
    folder, _, stack = device
    pair = []
    for number in (1, 2):
        home = folder / f"guest{number}"
        home.mkdir()
        pair.append(Machine(home, True, [BDF], [folder / f"vf{number}.sock"]))
        stack.callback(pair[-1].close)
    for machine in pair:
        assert VF_ID in machine.check(f"lspci -n -s {BDF}")
        machine.bind_all()
    return pair


def test_two_guests(device, guests):
    """They talk through RNA, each by the port that is its Function's, named or not; one is killed,
    the other goes on with who comes next."""
    folder, switch, stack = device
    first, second = guests
    with Forwarding(first, devargs=f"class=net,port={VIRTUAL0}", start="start") as pmd:
        with Forwarding(second) as killed:
            killed.forwards()
            pmd.forwards()
            second.guest.process.kill()
            second.guest.process.wait()
        switch.expect("VF 2 was reset")
        pmd.command("clear port stats 0")
        other = host_testpmd(stack, "vf", f"net_revere0,socket={folder}/vf2.sock")
        other.wait_link(0)
        other.command("start tx_first")
        pmd.forwards()
        assert first.run("grep -E 'REVERE|removal event' /tmp/pmd.out")[0] != 0
        assert other.quit() == 0
        pmd.quit()
    assert switch.quit() == 0
