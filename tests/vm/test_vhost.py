# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Two guests with the kernel's virtio-net driver on DPDK's vhost switch, whose copies are
dma_revere's, and the host's kernel on its wire: ping, and files with their checksums both ways.
Each guest has an interface with split rings and one with packed rings."""

import contextlib
import hashlib
import os
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "vm"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "pylib"))

import dpdksource  # noqa: E402
import guest as vm  # noqa: E402
import testpmd  # noqa: E402
import vhost  # noqa: E402

MEGABYTES = 2
PORT = 5001
RINGS = ("split", "packed")  # of a guest's eth0, eth1
HOST = 100  # number of the host in addresses
PATIENCE = 120

# Connects, sends what comes on stdin, and writes what comes back until it is as long.
EXCHANGE = """
import socket, sys, threading
data = sys.stdin.buffer.read()
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
peer.settimeout(60)
threading.Thread(target=peer.sendall, args=[data]).start()
left = len(data)
while left > 0:
    got = peer.recv(65536)
    assert got, f"{left} bytes are missing"
    sys.stdout.buffer.write(got)
    left -= len(got)
"""


def mac(number, ring):
    """Of a guest's interface, or the host's, which has one."""
    return f"52:54:00:00:{0 if number == HOST else ring:02x}:{number + 1:02x}"


def address(number, ring):
    """The same."""
    return f"10.9.{ring}.{number + 1}"


def host_run(*argv, **kwargs):
    """A command that has to succeed; its output."""
    result = subprocess.run(argv, check=False, capture_output=True, timeout=PATIENCE, **kwargs)
    assert result.returncode == 0, f"{' '.join(argv)}: {result.stderr}"
    return result.stdout


class VirtioGuest(vm.Guest):
    """A guest with two virtio-net interfaces, each on a socket of the switch; without ARP and
    IPv6, as the switch copies broadcasts itself into rings that a dmadev is filling."""

    def __init__(self, folder, number, sockets):
        folder.mkdir()
        options = []
        for ring, path in enumerate(sockets):
            packed = "on" if RINGS[ring] == "packed" else "off"
            options += ["-chardev", f"socket,id=c{ring},path={path}",
                        "-netdev", f"vhost-user,id=n{ring},chardev=c{ring}", "-device",
                        f"virtio-net-pci,netdev=n{ring},mac={mac(number, ring)},packed={packed},"
                        "romfile="]
        super().__init__(folder, [], iommu=False, memory=512, cpus=1, hugepages=0,
                         options=options)
        self.number = number

    def configure(self):
        """Once it has booted."""
        self.check("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        for ring in range(len(RINGS)):
            self.check(f"ip addr add {address(self.number, ring)}/24 dev eth{ring} && "
                       f"ip link set eth{ring} up")
            for other in (1 - self.number, HOST):
                self.check(f"arp -s {address(other, ring)} {mac(other, ring)}")
        self.check(f"head -c {MEGABYTES << 20} /dev/urandom > /tmp/sent")

    def ping(self, other, ring, count, patience):
        """Echoes that came back. One at a time: where some have come back, busybox's ping waits
        for the last one as long as for two of these, or a second, whatever it was told."""
        return int(self.check(f"n=0; i=0; while [ $i -lt {count} ]; do i=$((i+1)); "
                              f"ping -q -c 1 -W {patience} {address(other, ring)} >/dev/null && "
                              "n=$((n+1)); done; echo $n", 60 + count * patience))

    def talk(self, command):
        """Has nc send a file and keep what comes, in the background. Each end of nc ends when the
        other one has nothing more to say, so they go on."""
        self.check(f"rm -f /tmp/got; ((cat /tmp/sent; exec tail -f /dev/null) | {command} "
                   "> /tmp/got) & true")

    def end_talk(self):
        """The programs above."""
        self.check("kill $(pidof nc) $(pidof tail); while pidof nc tail; do usleep 50000; done; "
                   "true")

    def digest(self, name):
        """Of a file."""
        return self.check(f"sha256sum < /tmp/{name}").split()[0]

    def has_got(self, digest):
        """Waits until it has all of a file."""
        deadline = time.monotonic() + PATIENCE
        while self.digest("got") != digest:
            assert time.monotonic() < deadline, self.check("ls -l /tmp/got; ifconfig")
            time.sleep(0.2)

    def listens(self):
        """Waits for an nc -l."""
        self.check("n=0; until netstat -ltn | grep -q :" + str(PORT) + "; do n=$((n+1)); "
                   "test $n -lt 600 || break; usleep 100000; done; test $n -lt 600", 90)


class Host:
    """The host's kernel at the other end of the switch's wire, in a namespace: at a tap interface
    of bridge.py, which knows the VLANs by which the switch tells interfaces of guests apart."""

    def __init__(self, stack):
        self.name = f"vhost{os.getpid()}"
        self.stack = stack
        stack.callback(subprocess.run, ["ip", "netns", "del", self.name], check=False,
                       capture_output=True, timeout=10)
        host_run("ip", "netns", "add", self.name)
        # it fails below a root that is no mount point
        self.run("/bin/busybox", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")

    def run(self, *argv, **kwargs):
        """A command in the namespace."""
        return host_run("ip", "netns", "exec", self.name, *argv, **kwargs)

    def connect(self):
        """With the wire, which is a tap interface that the switch has made."""
        host_run("ip", "link", "set", self.name, "netns", self.name)
        ip = ("ip", "-n", self.name)
        host_run(*ip, "link", "set", self.name, "up", "promisc", "on")
        bridge = subprocess.Popen(  # pylint: disable=R1732
            ["ip", "netns", "exec", self.name, sys.executable,
             str(pathlib.Path(__file__).with_name("bridge.py")), self.name, "host"],
            stdout=subprocess.PIPE)
        self.stack.callback(vm.end, bridge)
        assert bridge.stdout.readline() == b"ready\n"
        host_run(*ip, "link", "set", "host", "address", mac(HOST, 0), "up")
        for ring in range(len(RINGS)):
            host_run(*ip, "addr", "add", f"{address(HOST, ring)}/24", "dev", "host")
            for number in range(2):
                host_run(*ip, "neigh", "add", address(number, ring), "lladdr", mac(number, ring),
                         "dev", "host")


def host_here(stack):
    """A host, None where there can't be one."""
    try:
        if os.geteuid() == 0 and os.path.exists("/dev/net/tun"):
            return Host(stack)
    except (AssertionError, FileNotFoundError):
        pass
    return None


@pytest.fixture(scope="module")
def network(archive, tmp_path_factory):
    """The switch, both guests, booted, and the host (None: not possible here)."""
    path = dpdksource.vhost_switch()
    if path is None:
        pytest.skip("no source of examples/vhost here: run scripts/setup")
    if testpmd.free_hugepages() < 350:
        pytest.skip("no 350 free hugepages of 2 MB")
    folder = tmp_path_factory.mktemp("vhost")
    with contextlib.ExitStack() as stack:
        host = host_here(stack)
        switch = stack.enter_context(vhost.Switch(
            path, f"vm-vhost{os.getpid()}", str(folder), ",threshold=300", (), 900, sockets=4,
            backend="loop" if host is None else f"tap,tap={host.name}"))
        pair = []
        for number in range(2):
            pair.append(VirtioGuest(folder / f"guest{number}", number,
                                    switch.sockets[number::2]))
            stack.callback(pair[-1].close)
        if host is not None:
            host.connect()
        for one in pair:
            one.wait()
            one.configure()
        yield switch, pair, host


def meet(ping):
    """The switch learns of who sends; until then a packet for it may be lost."""
    deadline = time.monotonic() + PATIENCE
    while not ping():
        assert time.monotonic() < deadline, "no echo"


def copied(switch, before):
    """What dma_revere0 has copied since."""
    now = switch.copies()
    assert now["resets"] == 0 and now["out_of_reach"] == 0, now
    return now["amu_bytes"] - before["amu_bytes"]


@pytest.mark.parametrize("ring", range(len(RINGS)), ids=RINGS)
def test_guest_to_guest(network, ring):
    """Each learns of the other by its first packets; then nothing is lost."""
    switch, (first, second), _ = network
    before = switch.copies()
    meet(lambda: first.ping(second.number, ring, 1, 2) + second.ping(first.number, ring, 1, 2) == 2)
    assert first.ping(second.number, ring, 5, 30) == 5
    assert second.ping(first.number, ring, 5, 30) == 5
    second.talk(f"nc -l -p {PORT}")
    second.listens()
    first.talk(f"nc {address(second.number, ring)} {PORT}")
    second.has_got(first.digest("sent"))
    first.has_got(second.digest("sent"))
    first.end_talk()
    second.end_talk()
    # both files, into the switch and out of it
    assert copied(switch, before) > 4 * (MEGABYTES << 20)


@pytest.mark.parametrize("number, ring", enumerate(range(len(RINGS))), ids=RINGS)
def test_guest_to_wire(network, number, ring):
    """The same through the switch's NIC."""
    switch, pair, host = network
    if host is None:
        pytest.skip("needs root, network namespaces and /dev/net/tun")
    one = pair[number]
    before = switch.copies()
    meet(lambda: one.ping(HOST, ring, 1, 2) == 1)
    assert one.ping(HOST, ring, 5, 30) == 5
    for _ in range(5):
        host.run("/bin/busybox", "ping", "-q", "-c", "1", "-W", "30", address(number, ring))
    one.talk(f"nc -l -p {PORT}")
    one.listens()
    sent = os.urandom(MEGABYTES << 20)
    got = host.run(sys.executable, "-c", EXCHANGE, address(number, ring), str(PORT), input=sent)
    assert hashlib.sha256(got).hexdigest() == one.digest("sent")
    one.has_got(hashlib.sha256(sent).hexdigest())
    one.end_talk()
    assert copied(switch, before) > 2 * (MEGABYTES << 20)
