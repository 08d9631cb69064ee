# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Which packets a port takes, to which queues they go, how fast they leave; by stock testpmd."""

import re
import time

import pytest
from conftest import forwards, leave, settles, wait_until, xstats
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

OWN = "02:00:00:00:00:01"
PEER = "02:00:00:00:00:02"


def frame(destination, vlan=None, port=1):
    """A frame for an address, perhaps with a VLAN tag."""
    tag = Dot1Q(vlan=vlan) if vlan is not None else None
    ether = Ether(src=PEER, dst=destination)
    rest = IP(dst="192.0.2.1") / UDP(sport=port) / Raw(b"x" * 20)
    return bytes(ether / tag / rest if tag else ether / rest)


@pytest.fixture
def filtering(testpmd, tap_name, tap):
    """A port that forwards what it takes to where it came from: (pmd, takes(frame))."""
    pmd = testpmd([f"net_revere0,tap={tap_name},mac={OWN}"])
    port = tap(tap_name)
    for line in ("set promisc 0 off", "set allmulti 0 off", "set fwd io", "start"):
        pmd.command(line)
    marks = 0

    def takes(data):
        """Whether a frame comes back; a mark that follows it certainly does."""
        nonlocal marks
        marks += 1
        mark = frame(OWN, port=10000 + marks)
        port.send(data)
        port.send(mark)
        back = port.receive()
        if back == data:
            assert port.receive() == mark
            return True
        assert back == mark
        return False
    assert takes(frame(OWN))
    return pmd, takes


# ---- Addresses ---------------------------------------------------------------------------------


def test_mac_addresses(filtering):
    pmd, takes = filtering
    others = [f"02:00:00:00:01:{i:02x}" for i in range(80)]
    assert not takes(frame(others[0]))
    for mac in others:
        assert "rror" not in pmd.command(f"mac_addr add 0 {mac}")
    assert all(takes(frame(mac)) for mac in others)
    assert not takes(frame("02:00:00:00:01:ff"))
    for mac in others[::2]:
        pmd.command(f"mac_addr remove 0 {mac}")
    assert [takes(frame(mac)) for mac in others[:8]] == [False, True] * 4
    # addresses survive a stop
    for line in ("stop", "port stop 0", "port start 0", "start"):
        pmd.command(line)
    assert [takes(frame(mac)) for mac in others[:4]] == [False, True] * 2
    pmd.command("mac_addr set 0 02:00:00:00:00:77")
    assert xstats(pmd)["rx_filtered"] > 5
    leave(pmd)


def test_multicast_list(filtering):
    pmd, takes = filtering
    groups = [f"01:00:5e:00:01:{i:02x}" for i in range(40)]  # more than a message holds
    assert not takes(frame(groups[0]))
    for mac in groups:
        pmd.command(f"mcast_addr add 0 {mac}")
    assert all(takes(frame(mac)) for mac in groups)
    assert not takes(frame("01:00:5e:00:02:00"))
    pmd.command(f"mcast_addr remove 0 {groups[7]}")
    assert not takes(frame(groups[7]))
    assert takes(frame(groups[8]))
    leave(pmd)


def test_vlan_filter(filtering):
    pmd, takes = filtering
    assert takes(frame(OWN, 5))
    pmd.command("stop")
    pmd.command("vlan set filter on 0")
    pmd.command("start")
    assert not takes(frame(OWN, 5))
    assert takes(frame(OWN, 0))
    for vlan in (1, 5, 1023, 1024, 4094):
        assert "rror" not in pmd.command(f"rx_vlan add {vlan} 0")
    for vlan in (1, 5, 1023, 1024, 4094):
        assert takes(frame(OWN, vlan))
        assert not takes(frame(OWN, (vlan + 6) % 4096))
    pmd.command("rx_vlan rm 5 0")
    assert not takes(frame(OWN, 5))
    # promiscuous or not, and after a new start
    for line in ("stop", "port stop 0", "port start 0", "set promisc 0 on", "start"):
        pmd.command(line)
    assert takes(frame(OWN, 1024))
    assert not takes(frame(OWN, 5))
    assert xstats(pmd)["rx_vlan_filtered"] >= 7
    pmd.command("stop")
    pmd.command("vlan set filter off 0")
    pmd.command("start")
    assert takes(frame(OWN, 5))
    leave(pmd)


# ---- Rates -------------------------------------------------------------------------------------


def sent(pmd, queues):
    """Bytes a second that queues transmit while txonly runs."""
    def counters():
        stats = xstats(pmd)
        return time.monotonic(), [stats.get(f"tx_q{q}_bytes", 0) for q in range(queues)]

    pmd.command("start")
    time.sleep(0.3)  # buckets are full at first
    before, first = counters()
    time.sleep(1)
    after, last = counters()
    pmd.command("stop")
    return [(b - a) / (after - before) for a, b in zip(first, last)]


def approx(rate, part):
    """Rates that differ from @p rate by no more than this part of it."""
    return pytest.approx(rate, rel=part)


def rates_become(pmd, queues, holds):
    """Rates of transmission that are as they should be."""
    rates = settles(lambda: sent(pmd, queues), holds)
    assert holds(rates), rates


@pytest.fixture
def txonly(testpmd):
    """start(queues): testpmd that transmits all it can, of 1,000 bytes, on all queues."""
    def start(queues):
        pmd = testpmd(["net_revere0,backend=null"], [f"--rxq={queues}", f"--txq={queues}"])
        pmd.command("set fwd txonly")
        pmd.command("set txpkts 1000")
        return pmd
    return start


def test_queue_rate(txonly):
    pmd = txonly(2)
    pmd.command("set port 0 queue 0 rate 40")  # Mbit/s
    rates_become(pmd, 2, lambda rates: rates[0] == approx(5e6, 0.1) and rates[1] > 5 * rates[0])
    pmd.command("set port 0 queue 0 rate 160")
    rates_become(pmd, 2, lambda rates: rates[0] == approx(20e6, 0.1))
    pmd.command("set port 0 queue 0 rate 0")
    rates_become(pmd, 2, lambda rates: rates[0] > 25e6)
    leave(pmd)


def tm(pmd, line):
    """A command of traffic management that has to succeed."""
    text = pmd.command(line)
    assert "rror" not in text and "Bad" not in text, line + "\n" + text


def hierarchy(pmd, rate, queues):
    """A port that is limited, with queues of (priority, weight); rate in bytes a second."""
    tm(pmd, f"add port tm node shaper profile 0 1 0 0 {rate} 20000 0 0")
    tm(pmd, f"add port tm nonleaf node 0 1000 -1 0 1 0 1 8 0 0")
    for queue, (priority, weight) in enumerate(queues):
        tm(pmd, f"add port tm leaf node 0 {queue} 1000 {priority} {weight} 1 -1 0 0 0 0")
    tm(pmd, "port tm hierarchy commit 0 no")


def test_weights(txonly):
    pmd = txonly(3)
    hierarchy(pmd, 20000000, [(0, 1), (0, 2), (0, 4)])
    rates_become(pmd, 3, lambda rates: sum(rates) == approx(20e6, 0.1) and all(
        rates[queue] == approx(sum(rates) * weight / 7, 0.2)
        for queue, weight in enumerate((1, 2, 4))))
    leave(pmd)


def test_priorities(txonly):
    pmd = txonly(3)
    hierarchy(pmd, 20000000, [(0, 1), (1, 1), (2, 1)])
    tm(pmd, "add port tm node shaper profile 0 2 0 0 12500000 20000 0 0")
    tm(pmd, "set port tm node shaper profile 0 0 2")
    # the first has its own limit, the second the rest, the third nothing
    rates_become(pmd, 3, lambda rates: rates[0] == approx(12.5e6, 0.1) and
                 rates[1] == approx(7.5e6, 0.1) and rates[2] < 0.02 * sum(rates))
    tm(pmd, "set port tm node parent 0 2 1000 0 1")
    rates_become(pmd, 3, lambda rates: rates[2] == approx(20e6 - min(rates[0], 12.5e6), 0.1))
    leave(pmd)


@pytest.mark.parametrize("line, words", [
    ("add port tm node shaper profile 0 1 1000000 2000 1000000 2000 0 0", "committed"),
    ("add port tm node shaper profile 0 1 0 0 10 2000 0 0", "peak rate"),
    ("add port tm node shaper profile 0 1 0 0 1000000 1 0 0", "peak size"),
    ("add port tm leaf node 0 0 1000 0 1 1 -1 0 0 0 0", "parent"),
    ("add port tm nonleaf node 0 1000 -1 0 1 0 7 8 0 0", "shaper profile"),
    ("add port tm nonleaf node 0 0 -1 0 1 0 -1 8 0 0", "parent"),
])
def test_tm_refuses(txonly, line, words):
    pmd = txonly(1)
    tm(pmd, "add port tm node shaper profile 0 5 0 0 1000000 2000 0 0")
    assert words in pmd.command(line)
    leave(pmd)


# ---- Flow control ------------------------------------------------------------------------------


def test_pause(testpmd, tap_name, tap):
    """Frames that tell to stop are honoured, for their time or until one says go on."""
    pmd = testpmd([f"net_revere0,tap={tap_name},mac={OWN}"])
    port = tap(tap_name)
    pmd.command("set flow_ctrl rx on tx on 0 0 65535 0 mac_ctrl_frame_fwd off autoneg off 0")
    assert "Rx pause: on" in pmd.command("show port 0 flow_ctrl")
    pmd.command("start")

    def pause(quanta):
        data = bytes.fromhex("0180c2000001" + "020000000002" + "88080001")
        port.send(data + quanta.to_bytes(2, "big") + bytes(42))
    for _ in range(20):
        pause(65535)  # 0.3 ms each, at 100 Gbit/s
    pause(0)
    data = frame(OWN)
    assert port.exchange(data) == data  # and none of the pause frames
    assert xstats(pmd)["rx_pause_frames"] == 21
    pmd.command("stop")
    # nobody takes packets: the other end is told
    full = frame(OWN)
    end = time.monotonic() + 10
    got = None
    while got is None and time.monotonic() < end:
        for _ in range(200):
            port.send(full)
        got = port.receive(0.05)
    assert got is not None and got[:6].hex() == "0180c2000001" and got[12:16].hex() == "88080001"
    assert "bad flow control" in pmd.command(
        "set flow_ctrl rx on tx on 0 0 65535 0 mac_ctrl_frame_fwd off autoneg on 0")
    leave(pmd)


# ---- Queues ------------------------------------------------------------------------------------


def test_rss_even(testpmd, tap_name, tap):
    """Random flows spread evenly over 8 queues, each flow is on one."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], ["--rxq=8", "--txq=8", "--rss-ip"])
    port = tap(tap_name)
    pmd.command("port config all rss udp")
    pmd.command("start")

    def per_queue(ports):
        pmd.command("clear port xstats 0")
        for value in ports:
            port.send(frame(OWN, port=value))
        total = len(ports)
        wait_until(lambda: pmd.port_stats()["RX-packets"] >= total)
        stats = xstats(pmd)
        counts = [stats.get(f"rx_q{q}_packets", 0) for q in range(8)]
        assert sum(counts) == total
        return counts
    counts = per_queue([(i * 7919) % 64512 + 1024 for i in range(4000)])
    assert all(abs(count - 500) <= 100 for count in counts), counts
    for value in (2000, 3000, 4000):
        assert sorted(per_queue([value] * 50))[-2:] == [0, 50]
    leave(pmd)


def test_queues_stop_and_start(testpmd):
    """Queues stop, are set up anew with other sizes and start again, while others run."""
    pmd = testpmd(["net_revere0,backend=loop"], ["--rxq=2", "--txq=2", "--rss-ip"])
    for _ in range(3):
        for queue in (0, 1):
            for line in (f"port 0 rxq {queue} stop", f"port 0 txq {queue} stop",
                         f"port config 0 rxq {queue} ring_size {256 << queue}",
                         f"port config 0 txq {queue} ring_size {1024 >> queue}",
                         f"port 0 rxq {queue} setup", f"port 0 txq {queue} setup",
                         f"port 0 rxq {queue} start", f"port 0 txq {queue} start"):
                assert "rror" not in pmd.command(line), line
    for size in (2048, 64):  # a Tx queue alone, its Rx queue runs
        for line in ("port 0 txq 1 stop", f"port config 0 txq 1 ring_size {size}",
                     "port 0 txq 1 setup", "port 0 txq 1 start"):
            assert "rror" not in pmd.command(line), line
        assert f"Number of TXDs: {size}\n" in pmd.command("show txq info 0 1")
        forwards(pmd, least=5000)
    assert re.search(r"descriptor (status )?is|AVAIL|DONE|available",
                     pmd.command("show port 0 rxq 0 desc 0 status"), re.I)
    assert "desc" in pmd.command("show port 0 txq 0 desc 0 status").lower()
    leave(pmd)


def test_link(testpmd):
    """Down and up by the application, seen by the other side."""
    pmd = testpmd(["net_revere0,emu=steer,pair=p", "net_revere1,emu=steer,pair=p"])
    pmd.wait_link(1)
    pmd.command("set link-down port 0")
    assert wait_until(lambda: "Link status: down" in pmd.command("show port info 1"))
    pmd.command("set link-up port 0")
    pmd.wait_link(1)
    leave(pmd)


def test_xstats_have_own_names(testpmd):
    """No name is there twice, ethdev's own included."""
    pmd = testpmd(["net_revere0,backend=loop"], ["--rxq=2", "--txq=2"])
    names = re.findall(r"^(\w+): \d+", pmd.command("show port xstats 0"), re.M)
    assert len(names) == len(set(names)) and "rx_good_packets" in names
    leave(pmd)
