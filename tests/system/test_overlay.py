# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""VXLAN overlays by transfer rules, between network namespaces and with the kernel's vxlan."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import leave, wait_until

MAC = {1: "02:00:00:00:09:01", 2: "02:00:00:00:09:02"}  # of the underlay
VNI = 42


def run(*argv):
    """A command that has to succeed."""
    result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, f"{' '.join(argv)}: {result.stderr or result.stdout}"
    return result.stdout


# Each datagram comes back, then all bytes of a connection; for "ip netns exec".
ECHO = """
import socket, sys, threading
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((sys.argv[1], 7))
tcp = socket.create_server((sys.argv[1], 7))
def datagrams():
    while True:
        data, peer = udp.recvfrom(65536)
        udp.sendto(data, peer)
threading.Thread(target=datagrams, daemon=True).start()
print("ready", flush=True)
peer = tcp.accept()[0]
while data := peer.recv(65536):
    peer.sendall(data)
"""
ASK = """
import socket, sys, threading
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect((sys.argv[1], 7))
udp.settimeout(5)
for size in (1, 0, 56, 1001, 1422):
    for _ in range(6):  # the first may be lost while addresses are resolved
        udp.send(bytes(size))
        try:
            assert len(udp.recv(65536)) == size
            break
        except TimeoutError:
            assert size == 1, "lost"
tcp = socket.create_connection((sys.argv[1], 7), 60)
tcp.settimeout(60)
data = bytes(range(256)) * 1024
threading.Thread(target=tcp.sendall, args=[data]).start()
back = b""
while len(back) < len(data):
    back += tcp.recv(65536)
assert back == data
"""


@pytest.fixture
def namespaces(processes):
    """make(NAME...): network namespaces that go with the test; skips where there can't be any."""
    def make(*names):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            pytest.skip("namespaces need root and ip")
        for name in names:
            result = subprocess.run(["ip", "netns", "add", name], check=False,
                                    capture_output=True, text=True, timeout=10)
            if result.returncode != 0:
                pytest.skip(f"no network namespaces here: {result.stderr.strip()}")
            processes.callback(subprocess.run, ["ip", "netns", "del", name], check=False,
                               timeout=10)
            run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    return make


def inside(namespace, interface, address=None, mac=None):
    """Moves an interface that a port made into a namespace, and brings it up."""
    assert wait_until(lambda: os.path.exists(f"/sys/class/net/{interface}"))
    run("ip", "link", "set", interface, "netns", namespace)
    ip = ("ip", "-n", namespace)
    if mac is not None:
        run(*ip, "link", "set", interface, "address", mac)
    if address is not None:
        run(*ip, "addr", "add", address, "dev", interface)
    run(*ip, "link", "set", interface, "up")


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


def talk(processes, namespace, other, address):
    """UDP and TCP between two namespaces, whose checksums the kernel looks at."""
    server = subprocess.Popen(  # pylint: disable=R1732
        ["ip", "netns", "exec", other, sys.executable, "-c", ECHO, address],
        stdout=subprocess.PIPE, text=True)
    processes.callback(server.wait)
    processes.callback(server.kill)
    assert server.stdout.readline() == "ready\n"
    run("ip", "netns", "exec", namespace, sys.executable, "-c", ASK, address)


def hits(pmd, port, flow):
    """Packets that a flow counted."""
    return int(re.search(r"hits: (\d+)", pmd.command(f"flow query {port} {flow} count")).group(1))


def test_kernel(testpmd, processes, tap_name, namespaces):
    """The other end of the tunnel is the kernel's vxlan device."""
    guest, far = tap_name + "g", tap_name + "f"
    namespaces(guest, far)
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


def test_two_devices(testpmd, processes, tap_name, namespaces):
    """Two adapters, the link between them a tap at one, af_packet at the other."""
    one, two = tap_name + "a", tap_name + "b"
    namespaces(one, two)
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
