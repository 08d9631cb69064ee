# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""What stands behind a port: pcap files, an interface that is there."""

import os
import struct
import subprocess
import time

import pytest
from conftest import Tap, leave, programs, settles, wait_until, xstats
from netns import inside, namespaces
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import rdpcap, wrpcap

OWN = "02:00:00:00:00:01"
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def packets(count):
    """Frames of all lengths from 60 on."""
    return [Ether(src="02:00:00:00:00:02", dst=OWN) / IP(dst="192.0.2.1")
            / UDP(sport=i % 60000) / Raw(bytes([i & 255]) * (18 + i % 1400)) for i in range(count)]


def record(data, included=None, length=None):
    """A record of a pcap file, perhaps with lengths that lie."""
    return struct.pack("<IIII", 1, 2, len(data) if included is None else included,
                       len(data) if length is None else length) + data


# ---- pcap --------------------------------------------------------------------------------------


def test_pcap(testpmd, tmp_path):
    """What is in one file is in the other one, in order, nothing lost."""
    frames = packets(3000)
    wrpcap(str(tmp_path / "in.pcap"), frames)
    pmd = testpmd([f"net_revere0,mac={OWN},pcap_in={tmp_path}/in.pcap,"
                   f"pcap_out={tmp_path}/out.pcap"], ["--no-flush-rx", "--txd=4096"])
    # testpmd gives up what a busy device doesn't take at once, if it isn't told otherwise
    pmd.command("set burst tx delay 100 retry 10000")
    pmd.command("set fwd io retry")
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["TX-packets"] >= 3000), \
        pmd.command("show fwd stats all") + pmd.command("show port xstats 0")
    leave(pmd)
    assert [bytes(p) for p in rdpcap(str(tmp_path / "out.pcap"))] == [bytes(p) for p in frames]


def test_pcap_other_order(testpmd, tmp_path):
    """A file of a machine of the other byte order, with nanoseconds."""
    data = bytes(packets(1)[0])
    (tmp_path / "in.pcap").write_bytes(
        struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
        + struct.pack(">IIII", 1, 999999999, len(data), len(data)) + data)
    pmd = testpmd([f"net_revere0,mac={OWN},pcap_in={tmp_path}/in.pcap"])
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] == 1)
    leave(pmd)


def test_pcap_infinite_at_a_rate(testpmd, tmp_path):
    wrpcap(str(tmp_path / "in.pcap"), packets(7))
    pmd = testpmd([f"net_revere0,mac={OWN},pcap_in={tmp_path}/in.pcap,pcap_infinite=1,"
                   "pcap_rate=5000"], ["--rxd=4096"])
    pmd.command("set promisc 0 off")
    pmd.command("set fwd rxonly")
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] > 100)

    def rate():
        before, first = time.monotonic(), pmd.port_stats()["RX-packets"]
        time.sleep(1)
        return (pmd.port_stats()["RX-packets"] - first) / (time.monotonic() - before)

    due = pytest.approx(5000, rel=0.2)
    assert settles(rate, lambda figure: figure == due) == due
    leave(pmd)


GOOD = bytes.fromhex("020000000001") + bytes(54)
BAD = {
    "record_ends": ([record(GOOD), record(GOOD)[:40]], 1, {"wire_truncated": 1}),
    "head_ends": ([record(GOOD), record(GOOD)[:9]], 1, {"wire_truncated": 1}),
    "huge": ([record(GOOD), record(GOOD, included=1 << 31, length=1 << 31)], 1,
             {"wire_bad_length": 1}),
    "more_than_all": ([record(GOOD, length=10), record(GOOD)], 0, {"wire_bad_length": 1}),
    "was_cut": ([record(GOOD, length=100), record(GOOD)], 1, {"wire_truncated": 1}),
    "too_long": ([record(bytes(9601)), record(GOOD)], 1, {"rx_oversize": 1}),
    "empty": ([record(b""), record(GOOD)], 1, {"rx_undersize": 1}),
    "13_bytes": ([record(bytes(13)), record(GOOD)], 1, {"rx_undersize": 1}),
}
# Frames with headers that contradict them, and what is counted.
WRONG = {
    "rx_short_header": [
        Ether(type=0x0800) / Raw(b"\x45" + bytes(9)), Ether(type=0x0800) / Raw(b"\x4f" + bytes(40)),
        Ether(type=0x0800) / Raw(b"\x61" + bytes(40)), Ether(type=0x86dd) / Raw(b"\x60" + bytes(30)),
        Ether(type=0x0806) / Raw(bytes(20)), Ether(type=0x8100) / Raw(b"\0"),
        Ether() / IP(proto=6, len=30) / Raw(bytes(10)),
        Ether() / IP(proto=6, len=20) / Raw(bytes(26)),  # its ports would be padding
        Ether() / IPv6(nh=0, plen=8) / Raw(b"\x11\x05" + bytes(6))],
    "rx_bad_length": [Ether() / IP(len=9000) / UDP() / Raw(bytes(20)),
                      Ether() / IP(len=19) / UDP(), Ether() / IPv6(plen=3000) / UDP(),
                      Ether() / IP() / UDP(dport=4789) / VXLAN() / Ether() / IP(len=900) / UDP()],
    "rx_extensions": [Ether() / IPv6(nh=60) / Raw((b"\x3c\0" + bytes(6)) * 9)],
}


@pytest.mark.parametrize("what", BAD)
def test_pcap_bad_records(testpmd, tmp_path, what):
    """What can't be is counted by its reason; what comes before and after is received."""
    records, good, counted = BAD[what]
    (tmp_path / "in.pcap").write_bytes(HEADER + b"".join(records))
    pmd = testpmd([f"net_revere0,mac={OWN},pcap_in={tmp_path}/in.pcap"])
    pmd.command("start")
    wait_until(lambda: all(xstats(pmd)[name] == value for name, value in counted.items())
               and pmd.port_stats()["RX-packets"] == good)
    stats = xstats(pmd)
    assert {name: stats[name] for name in counted} == counted
    assert pmd.port_stats()["RX-packets"] == good
    leave(pmd)


def test_wrong_headers(testpmd, tap, tap_name):
    """Packets that contradict themselves arrive, each counted by its reason."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], ["--rxq=2", "--txq=2", "--rss-ip"])
    port = tap(tap_name)
    pmd.command("start")
    sent = {}
    for name, frames in WRONG.items():
        for frame in frames:
            port.send(bytes(frame))
        sent[name] = len(frames)
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] == sum(sent.values()))
    stats = xstats(pmd)
    assert {name: stats[name] for name in sent} == sent
    pmd.command("clear port xstats 0")
    assert xstats(pmd)["rx_short_header"] == 0
    leave(pmd)


@pytest.mark.parametrize("args, words", [
    ("pcap_in=/nowhere/at.pcap", "No such file"),
    ("pcap_out=/nowhere/at.pcap", "No such file"),
    ("pcap_in=/dev/null", "shorter than a header"),
    ("pcap_in=/etc/services", "no pcap file"),
    ("pcap_in=/etc/services,tap=x", "only one is possible"),
    ("pcap_in=/dev/null,pcap_rate=0", "rate"),
    ("backend=pcap", "is needed"),
    ("af_packet=no-such-one", "No such device"),
])
def test_bad_backends(testpmd, args, words):
    pmd = testpmd(["net_revere0,backend=null"])
    assert words in pmd.command(f"port attach net_revere1,{args}")
    leave(pmd)


# ---- af_packet ---------------------------------------------------------------------------------


def ip(*args):
    """ip(8); its success."""
    return subprocess.run(["ip", *args], check=False, capture_output=True,
                          timeout=20).returncode == 0


@pytest.fixture
def cable(tap_name, processes):
    """Two ends of a veth, by their names; the second is in a network namespace of this name."""
    near, far = tap_name[:13] + "a", tap_name[:13] + "b"
    if not ip("link", "add", near, "type", "veth", "peer", "name", far):
        pytest.skip("no veth interfaces here")
    processes.callback(ip, "link", "del", near)
    return near, far


def test_af_packet(testpmd, cable, processes):
    """Frames pass both ways, VLAN tags with them."""
    near, far = cable
    other = Tap(far)
    processes.callback(other.close)
    Tap(near).close()  # up, without IPv6
    pmd = testpmd([f"net_revere0,af_packet={near}"])
    pmd.command("set fwd io")
    pmd.command("start")
    for data in [bytes(p) for p in packets(50)]:
        assert other.exchange(data) == data
    tagged = bytes(Ether(dst=OWN) / Dot1Q(vlan=77, prio=3) / Raw(bytes(60)))
    assert other.exchange(tagged) == tagged
    assert pmd.port_stats()["RX-packets"] >= 51
    leave(pmd)


def test_af_packet_namespaces(testpmd, cable, processes):
    """The kernel of another network namespace answers pings, with checksums complete."""
    near, far = cable
    space = near
    namespaces(processes, space)
    Tap(near).close()
    inside(space, far, "198.51.100.2/24")
    pmd = testpmd([f"net_revere0,af_packet={near},mac={OWN}"])
    pmd.command("set fwd icmpecho")
    pmd.command("start")
    ping = subprocess.run(
        ["ip", "netns", "exec", space, "python3", "-c",
         "import socket\n"
         "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
         "[s.sendto(b'x' * 101, ('198.51.100.9', 9)) for _ in range(3)]\n"],
        check=False, timeout=30, capture_output=True)
    assert ping.returncode == 0, ping.stderr
    # testpmd answers ARP requests, so that UDP follows
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] >= 2)
    leave(pmd)


def test_revere_emu_serves_files(emu, testpmd, tmp_path):
    wrpcap(str(tmp_path / "in.pcap"), packets(20))
    daemon = emu("--port", f"pcap=in={tmp_path}/in.pcap;out={tmp_path}/out.pcap,mac={OWN}")
    pmd = testpmd([f"net_revere0,socket={daemon.path}"], ["--no-flush-rx"])
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["TX-packets"] == 20)
    leave(pmd)
    assert wait_until(lambda: os.path.getsize(tmp_path / "out.pcap")
                      == os.path.getsize(tmp_path / "in.pcap"))
    assert programs.BUILD
