# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Two guests with the kernel's virtio-net driver on DPDK's vhost switch, whose copies are
dma_revere's: ping, and a file with its checksum. One with a split ring, one with a packed one."""

import contextlib
import os
import pathlib
import re
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "vm"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "pylib"))

import dpdksource  # noqa: E402
import guest as vm  # noqa: E402
import testpmd  # noqa: E402
import vhost  # noqa: E402

MEGABYTES = 4
PORT = 5001


def mac(number):
    """Of a guest."""
    return f"52:54:00:00:00:{number + 1:02x}"


class VirtioGuest(vm.Guest):
    """A guest with one virtio-net port on a socket of the switch; without ARP and IPv6, as the
    switch copies broadcasts itself into rings that a dmadev is filling."""

    def __init__(self, folder, number, path, packed):
        folder.mkdir()
        super().__init__(folder, [], iommu=False, memory=512, cpus=1, hugepages=0, options=[
            "-chardev", f"socket,id=c0,path={path}", "-netdev", "vhost-user,id=n0,chardev=c0",
            "-device", f"virtio-net-pci,netdev=n0,mac={mac(number)},packed={packed},romfile="])
        self.number = number

    def address(self, number=None):
        """Of this guest, or another one."""
        return f"10.9.0.{(self.number if number is None else number) + 1}"

    def configure(self):
        """Once it has booted."""
        self.check("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; "
                   f"ip addr add {self.address()}/24 dev eth0 && ip link set eth0 up && "
                   f"arp -s {self.address(1 - self.number)} {mac(1 - self.number)}")

    def ping(self, count):
        """Echoes that came back from the other one."""
        text = self.run(f"ping -c {count} -W 15 {self.address(1 - self.number)}", 120)[1]
        return int(re.search(r"(\d+) packets received", text).group(1))


@pytest.fixture
def guests(archive, tmp_path):
    """The switch and both guests, booted."""
    path = dpdksource.vhost_switch()
    if path is None:
        pytest.skip("no source of examples/vhost here: run scripts/setup")
    if testpmd.free_hugepages() < 350:
        pytest.skip("no 350 free hugepages of 2 MB")
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(vhost.Switch(
            path, f"vm-vhost{os.getpid()}", str(tmp_path), ",threshold=300", (), 900))
        pair = []
        for number, packed in enumerate(("off", "on")):
            pair.append(VirtioGuest(tmp_path / f"guest{number}", number, switch.sockets[number],
                                    packed))
            stack.callback(pair[-1].close)
        for one in pair:
            one.wait()
            one.configure()
        yield switch, pair


def test_virtio_net(guests):
    """Each learns of the other by its first packets; then nothing is lost."""
    switch, (first, second) = guests
    deadline = time.monotonic() + 120
    while first.ping(1) + second.ping(1) < 2:
        assert time.monotonic() < deadline, switch.text()[-3000:]
    assert first.ping(5) == 5 and second.ping(5) == 5
    # Each nc ends when the other one has nothing more to say.
    second.check(f"(tail -f /dev/null | nc -l -p {PORT} > /tmp/got) & true")
    first.check(f"head -c {MEGABYTES << 20} /dev/urandom > /tmp/sent")
    first.check(f"for i in 1 2 3 4 5; do nc {second.address()} {PORT} < /tmp/sent && break; "
                "sleep 1; done", 300)
    digest = first.check("sha256sum < /tmp/sent")
    deadline = time.monotonic() + 60
    while second.check("sha256sum < /tmp/got") != digest:
        assert time.monotonic() < deadline, second.check("ls -l /tmp/got")
        time.sleep(0.5)
    counters = switch.copies()
    assert counters["amu_bytes"] > MEGABYTES << 20, counters
    assert counters["resets"] == 0 and counters["out_of_reach"] == 0, counters
