# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""VXLAN overlays by transfer rules, between network namespaces and with the kernel's vxlan."""

import re
import subprocess

import pytest
from conftest import leave
from netns import inside, namespaces, run, talk

MAC = {1: "02:00:00:00:09:01", 2: "02:00:00:00:09:02"}  # of the underlay
VNI = 42


def tunnel(pmd, guest, uplink, here, there):
    """Rules of one adapter: what the guest's port gets leaves in VXLAN, and the other way round."""
    pmd.command(f"set vxlan ip-version ipv4 vni {VNI} udp-src 0 udp-dst 4789 "
                f"ip-src 10.9.0.{here} ip-dst 10.9.0.{there} "
                f"eth-src {MAC[here]} eth-dst {MAC[there]}")
    for text in (
            f"represented_port ethdev_port_id is {guest} / eth / end "
            f"actions count / vxlan_encap / represented_port ethdev_port_id {uplink} / end",
            f"represented_port ethdev_port_id is {uplink} / eth / ipv4 dst is 10.9.0.{here} / "
            f"udp / vxlan vni is {VNI} / end "
            f"actions count / vxlan_decap / represented_port ethdev_port_id {guest} / end"):
        answer = pmd.command(f"flow create {uplink} transfer pattern {text}")
        assert "created" in answer, answer


def hits(pmd, port, flow):
    """Packets that a flow counted."""
    return int(re.search(r"hits: (\d+)", pmd.command(f"flow query {port} {flow} count")).group(1))


def test_kernel(testpmd, processes, tap_name):
    """The other end of the tunnel is the kernel's vxlan device."""
    guest, far = tap_name + "g", tap_name + "f"
    namespaces(processes, guest, far)
    pmd = testpmd([f"net_revere0,emu=overlay,tap={guest}", f"net_revere1,emu=overlay,tap={far}"])
    inside(guest, guest, "192.168.77.1/24")
    inside(far, far, "10.9.0.2/24", MAC[2])
    ip = ("ip", "-n", far)
    run(*ip, "neigh", "add", "10.9.0.1", "lladdr", MAC[1], "dev", far)
    made = subprocess.run([*ip, "link", "add", "vx", "type", "vxlan", "id", str(VNI), "local",
                           "10.9.0.2", "remote", "10.9.0.1", "dstport", "4789", "dev", far],
                          check=False, capture_output=True, text=True, timeout=10)
    if made.returncode != 0:
        pytest.skip(f"the kernel has no vxlan: {made.stderr.strip()}")
    run(*ip, "addr", "add", "192.168.77.2/24", "dev", "vx")
    run(*ip, "link", "set", "vx", "mtu", "1450", "up")
    tunnel(pmd, 0, 1, 1, 2)
    run("ip", "-n", guest, "link", "set", guest, "mtu", "1450")
    talk(processes, guest, far, "192.168.77.2")
    assert hits(pmd, 1, 0) > 100 and hits(pmd, 1, 1) > 100
    # Nothing came to the host.
    assert pmd.port_stats(0)["RX-packets"] == 0
    leave(pmd)


def test_two_devices(testpmd, processes, tap_name):
    """Two adapters, the link between them a tap at one, af_packet at the other."""
    one, two = tap_name + "a", tap_name + "b"
    namespaces(processes, one, two)
    wire = tap_name + "w"
    pmd = testpmd([f"net_revere0,emu=one,tap={one}", f"net_revere1,emu=one,tap={wire}"])
    with open(f"/proc/sys/net/ipv6/conf/{wire}/disable_ipv6", "w", encoding="ascii") as file:
        file.write("1")
    run("ip", "link", "set", wire, "mtu", "1600", "up")
    other = testpmd([f"net_revere0,emu=two,tap={two}", f"net_revere1,emu=two,af_packet={wire}"])
    inside(one, one, "192.168.78.1/24")
    inside(two, two, "192.168.78.2/24")
    for name in (one, two):
        run("ip", "-n", name, "link", "set", name, "mtu", "1450")
    tunnel(pmd, 0, 1, 1, 2)
    tunnel(other, 0, 1, 2, 1)
    talk(processes, one, two, "192.168.78.2")
    assert hits(pmd, 1, 0) > 100 and hits(other, 1, 1) > 100
    leave(other)
    leave(pmd)
