# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Network namespaces in which the kernel's own stack uses what is tested."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import wait_until


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


def namespaces(processes, *names):
    """Makes network namespaces that go with the test; skips where there can't be any."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("namespaces need root and ip")
    for name in names:
        processes.callback(subprocess.run, ["ip", "netns", "del", name], check=False,
                           capture_output=True, timeout=10)
        # The second one fails below a root that is no mount point.
        for argv in (["ip", "netns", "add", name], ["ip", "netns", "exec", name, "true"]):
            result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=10)
            if result.returncode != 0:
                pytest.skip(f"no network namespaces here: {result.stderr.strip()}")
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")


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


def talk(processes, namespace, other, address):
    """UDP and TCP between two namespaces, whose checksums the kernel looks at."""
    server = subprocess.Popen(  # pylint: disable=R1732
        ["ip", "netns", "exec", other, sys.executable, "-c", ECHO, address],
        stdout=subprocess.PIPE, text=True)
    processes.callback(server.wait)
    processes.callback(server.kill)
    assert server.stdout.readline() == "ready\n"
    run("ip", "netns", "exec", namespace, sys.executable, "-c", ASK, address)
