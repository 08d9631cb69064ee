# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Devices are reset behind their drivers' backs, under traffic: ports recover by themselves."""

import signal

import pytest

from conftest import leave, wait_until, xstats

RECOVERS = "error recovering event"
RECOVERED = "error recovery successful event"
FLOWGEN = ["--forward-mode=flowgen", "--no-flush-rx"]


@pytest.fixture
def start(several):
    """start(vdev, app=()): a dpdk-testpmd that is one of several at a time."""
    return lambda vdev, app=(): several("recovery", [vdev], FLOWGEN + list(app))


def goes_on(pmd, least=2000):
    """Packets go round from now on, and counters did not go back."""
    before = pmd.port_stats(0)["RX-packets"]
    assert wait_until(lambda: pmd.port_stats(0)["RX-packets"] >= before + least)


def test_reset(emu, start):
    """Settings and rules stay, events tell, no mbuf is lost."""
    device = emu("--port", "loop")
    pmd = start(f"net_revere0,socket={device.path}", ["--rxq=2", "--txq=2"])
    assert "created" in pmd.command("flow create 0 ingress pattern eth / ipv4 / udp / end actions "
                                    "queue index 1 / end")
    pmd.command("set promisc 0 off")
    pmd.command("mac_addr add 0 02:00:00:00:00:99")
    pmd.command("start")
    goes_on(pmd)
    for count in range(1, 4):
        at = len(pmd.output)
        device.process.send_signal(signal.SIGUSR2)
        at = pmd.expect(RECOVERS, at, seconds=30).end()
        pmd.expect(RECOVERED, at, seconds=30)
        goes_on(pmd)
        assert xstats(pmd)["recoveries"] == count
    assert "disabled" in pmd.command("show port info 0").split("Promiscuous mode:")[1]
    pmd.command("stop")
    # The rule leads all to queue 1, and did so after each reset.
    assert xstats(pmd)["rx_q0_packets"] == 0
    leave(pmd)


def test_reset_vf(emu, start, tmp_path):
    """A reset of the PF takes its VF along; both come back, the VF after the PF."""
    device = emu("--vfs", "1", "--vf-socket", str(tmp_path), "--num-ami-sw", "32", "--port",
                 "loop", "--port", "loop")
    pf = start(f"net_revere0,socket={device.path},port=1,give=1:net:1")
    vf = start(f"net_revere0,socket={tmp_path}/vf1.sock,port=0")
    for pmd in (pf, vf):
        pmd.command("start")
        goes_on(pmd)
    device.process.send_signal(signal.SIGUSR2)
    for pmd in (pf, vf):
        pmd.expect(RECOVERED, seconds=60)
        goes_on(pmd)
    for pmd in (vf, pf):
        leave(pmd)


def test_application_resets(emu, start):
    """With recover_ms=0 the port waits for the application, which is told."""
    device = emu("--port", "loop")
    pmd = start(f"net_revere0,socket={device.path},recover_ms=0")
    pmd.command("start")
    goes_on(pmd)
    device.process.send_signal(signal.SIGUSR2)
    pmd.expect("reset event", seconds=30)
    pmd.command("stop")
    pmd.command("port stop 0")
    pmd.command("port reset 0")
    pmd.command("port start 0")
    pmd.command("start")
    goes_on(pmd)
    leave(pmd)
