# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Stock dpdk-testpmd on net_revere: forwarding, payloads, life of ports, bad arguments."""

import os
import re
import time

import pytest
import scapy.utils
from conftest import leave, programs, wait_until
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

# Kinds of devices that every test of the datapath should pass on.
DEVICES = ["", ",ami_type=B", ",mode=inline", ",mode=inline,ami_type=B", ",ami_type=A2",
           ",workers=2"]


# ---- Forwarding --------------------------------------------------------------------------------


def forwards(pmd, bursts=4, port=0, least=1000):
    """Runs what is set for a moment; the statistics of the port. Nothing may be in error."""
    pmd.command("clear port stats all")
    pmd.command(f"start tx_first {bursts}")
    wait_until(lambda: pmd.port_stats(port)["RX-packets"] >= least)
    pmd.command("stop")
    stats = pmd.port_stats(port)
    if stats["RX-packets"] < least:
        pytest.fail(f"{stats['RX-packets']} packets instead of {least}; counters:\n"
                    + nonzero(pmd.command(f"show port xstats {port}")))
    assert stats["RX-errors"] == 0
    assert stats["TX-errors"] == 0
    assert stats["RX-nombuf"] == 0
    return stats


def nonzero(text):
    """Lines of a list of counters that aren't 0."""
    return "\n".join(line for line in text.splitlines() if not line.endswith(": 0"))


@pytest.mark.parametrize("device", DEVICES)
def test_io(testpmd, device):
    pmd = testpmd(["net_revere0,backend=loop" + device])
    stats = forwards(pmd)
    assert stats["RX-bytes"] == 64 * stats["RX-packets"]
    leave(pmd)


@pytest.mark.parametrize("mode", ["io", "mac", "macswap", "csum"])
@pytest.mark.parametrize("size", ["64", "1500", "60,700,740"])
def test_modes(testpmd, mode, size):
    pmd = testpmd(["net_revere0,backend=loop"], ["--tx-offloads=0x8000"] if "," in size else [])
    pmd.command(f"set txpkts {size}")
    pmd.command(f"set fwd {mode}")
    stats = forwards(pmd)
    assert stats["RX-bytes"] == sum(map(int, size.split(","))) * stats["RX-packets"]
    leave(pmd)


def test_txonly(testpmd):
    pmd = testpmd(["net_revere0,backend=null"])
    pmd.command("set fwd txonly")
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["TX-packets"] > 100000)
    pmd.command("stop")
    stats = pmd.port_stats()
    assert stats["RX-packets"] == 0
    assert stats["TX-bytes"] == 64 * stats["TX-packets"]
    leave(pmd)


def test_rxonly(testpmd, tap_name, tap):
    """Each frame that the kernel sends is received and counted, and nothing else."""
    pmd = testpmd([f"net_revere0,mac={PEER},backend=tap,tap={tap_name}"])
    pmd.command("set promisc all off")  # nor what the kernel tells all neighbours of a new link
    pmd.command("set fwd rxonly")
    pmd.command("start")
    port = tap(tap_name)
    before = pmd.port_stats()["RX-packets"]
    frame = frame_of(FRAMES["udp"])
    for _ in range(1000):
        port.send(frame)
        time.sleep(0.0002)  # the interface's queue holds 500
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] - before == 1000)
    stats = pmd.port_stats()
    assert stats["RX-bytes"] == len(frame) * 1000
    assert stats["TX-packets"] == 0
    leave(pmd)


def test_pair(testpmd):
    """What one of two ports that face each other sends, the other receives: all of it."""
    pmd = testpmd(["net_revere0,emu=a,pair=p", "net_revere1,emu=a,pair=p"])
    pmd.command("start tx_first 4")
    assert wait_until(lambda: pmd.port_stats(1)["RX-packets"] > 100000)
    pmd.command("stop")
    # What still flies arrives; after that both sides must agree.
    wait_until(lambda: pmd.port_stats(0)["TX-packets"] <= received(pmd, 1))
    for here, there in ((0, 1), (1, 0)):
        assert pmd.port_stats(here)["TX-packets"] == received(pmd, there)
    leave(pmd)


def received(pmd, port):
    """Packets that reached a port, taken or not."""
    stats = pmd.port_stats(port)
    return stats["RX-packets"] + stats["RX-missed"] + stats["RX-errors"]


def test_rss(testpmd):
    """Four queues share random flows evenly."""
    pmd = testpmd(["net_revere0,backend=loop"], ["--rxq=4", "--txq=4", "--rss-ip"])
    pmd.command("set fwd flowgen")
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] > 200000)
    pmd.command("stop")
    counts = [int(n) for n in re.findall(r"^rx_q\d+_packets: (\d+)",
                                         pmd.command("show port xstats 0"), re.M)]
    assert len(counts) == 4
    mean = sum(counts) / 4
    assert all(abs(count - mean) < 0.25 * mean for count in counts), counts
    leave(pmd)


def test_queues_each_work(testpmd):
    """io over several queue pairs: each stream's packets come back to some queue."""
    pmd = testpmd(["net_revere0,backend=loop"], ["--rxq=8", "--txq=8"])
    forwards(pmd, 1)
    leave(pmd)


# ---- Life of ports -----------------------------------------------------------------------------


def test_start_stop_1000(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"], ["--no-lsc-interrupt", "--disable-link-check"],
                  seconds=300)
    for i in range(1000):
        if i % 50 == 0:  # some of them under traffic
            pmd.command("start tx_first 2")
            pmd.command("stop")
        pmd.command("port stop 0")
        text = pmd.command("port start 0")
        assert "Fail" not in text and "rror" not in text, text
    forwards(pmd)
    leave(pmd)


def test_forwarding_start_stop(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"], ["--rxq=2", "--txq=2"])
    for _ in range(100):
        pmd.command("start tx_first 2")
        pmd.command("stop")
    forwards(pmd)
    leave(pmd)


def test_detach_attach(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    for i in range(10):
        forwards(pmd)
        pmd.command("port stop 0")
        assert "rror" not in pmd.command("port detach 0")
        text = pmd.command(f"port attach net_revere{i % 3},backend=loop")
        assert "is attached" in text, text
        pmd.command("port start 0")
    forwards(pmd)
    leave(pmd)


def test_detach_one_of_shared(testpmd):
    """Two ports on one emulated device: one goes, the other stays at work."""
    pmd = testpmd(["net_revere0,emu=a,backend=loop", "net_revere1,emu=a,backend=loop"])
    pmd.command("port stop 0")
    assert "rror" not in pmd.command("port detach 0")
    pmd.command("set portlist 1")
    forwards(pmd, port=1)
    assert "is attached" in pmd.command("port attach net_revere2,emu=a,backend=loop")
    pmd.command("port start all")
    leave(pmd)


@pytest.mark.parametrize("main", ["both", "first"])
def test_workers_beside_main_lcore(processes, main):
    """Workers of all devices stay off the CPU that an lcore is bound to, if they can."""
    if len(programs.cpus()) < 2:
        pytest.skip("one CPU only")
    first, second = programs.cpus()[:2]
    where = f"{first},{second}" if main == "both" else first
    pmd = processes.enter_context(programs.Testpmd(
        ["--lcores", f"0@({where}),1@{second}", "-d", programs.DRIVERS, "--vdev=net_revere0",
         "--vdev=net_revere1", "--vdev=dma_revere0"] + programs.memory_args(128, False),
        ["--total-num-mbufs=8192"], 120))
    found = {}
    for task in os.scandir(f"/proc/{pmd.pid()}/task"):
        with open(os.path.join(task, "comm"), encoding="ascii") as file:
            name = file.read().strip()
        if name.startswith("rvr0-"):
            found[int(task.name)] = os.sched_getaffinity(int(task.name))
    assert list(found.values()) == [{first}] * 3, found
    leave(pmd)


def test_reconfigure_queues(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    for queues in (4, 1, 8, 2):
        pmd.command("port stop 0")
        pmd.command(f"port config all rxq {queues}")
        pmd.command(f"port config all txq {queues}")
        text = pmd.command("port start 0")
        assert "Fail" not in text and "rror" not in text, text
        forwards(pmd, 1)  # all of one flow, so on one queue: fewer than its buffers
    leave(pmd)


def test_stop_with_traffic_pending(testpmd):
    """Packets that nobody takes lie in rings and backend: all come home at stop."""
    pmd = testpmd(["net_revere0,emu=a,pair=p", "net_revere1,emu=a,pair=p"])
    pmd.command("set fwd txonly")
    pmd.command("start")
    time.sleep(0.5)
    leave(pmd)


# ---- Control -----------------------------------------------------------------------------------


def test_mac_argument(testpmd):
    pmd = testpmd(["net_revere0,backend=loop,mac=02:11:22:33:44:55"])
    assert "02:11:22:33:44:55" in pmd.command("show port info 0")
    leave(pmd)


def test_info(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    text = pmd.command("show port info 0")
    assert "Link status: up" in text
    assert "Driver name: net_revere" in text
    assert "Promiscuous mode: enabled" in text
    pmd.command("set promisc 0 off")
    pmd.command("set allmulti 0 on")
    text = pmd.command("show port info 0")
    assert "Promiscuous mode: disabled" in text
    assert "Allmulticast mode: enabled" in text
    assert "Burst mode" in pmd.command("show rxq info 0 0")
    assert "Burst mode" in pmd.command("show txq info 0 0")
    assert re.search(r"AVAILABLE|DONE|UNAVAILABLE",
                     pmd.command("show port 0 rxq 0 desc 0 status").upper())
    leave(pmd)


def test_link_down_up(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    pmd.command("set link-down port 0")
    assert "Link status: down" in pmd.command("show port info 0")
    pmd.command("set link-up port 0")
    assert "Link status: up" in pmd.command("show port info 0")
    forwards(pmd)
    leave(pmd)


def test_stats_clear(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    forwards(pmd)
    pmd.command("clear port stats 0")
    assert pmd.port_stats()["RX-packets"] == 0
    leave(pmd)


def test_mtu(testpmd):
    pmd = testpmd(["net_revere0,backend=loop"])
    pmd.command("port stop 0")
    assert "rror" not in pmd.command("port config mtu 0 1000")
    pmd.command("port start 0")
    assert "MTU: 1000" in pmd.command("show port info 0")
    text = pmd.command("port config mtu 0 60000")
    assert "60000" in text, text
    leave(pmd)


# ---- Payloads, byte by byte --------------------------------------------------------------------


PEER = "02:00:00:00:00:01"
HERE = "02:00:00:00:00:02"
FRAMES = {
    "udp": IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(b"x" * 100),
    "udp-empty": IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2),
    "tcp-options": IP(src="10.0.0.1", dst="10.0.0.2") / TCP(
        sport=1, dport=2, options=[("MSS", 1460), ("Timestamp", (1, 2))]) / Raw(b"y" * 333),
    "sctp": IP(src="10.0.0.1", dst="10.0.0.2") / SCTP(sport=1, dport=2),
    "icmp": IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / Raw(b"z" * 57),
    "fragment": IP(src="10.0.0.1", dst="10.0.0.2", flags="MF", frag=10) / Raw(b"f" * 80),
    "ip-options": IP(src="10.0.0.1", dst="10.0.0.2", options=b"\x01" * 8) / UDP() / Raw(b"o"),
    "ipv6": IPv6(src="fc00::1", dst="fc00::2") / UDP(sport=1, dport=2) / Raw(b"6" * 99),
    "vlan": Dot1Q(vlan=100, prio=3) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / Raw(b"v" * 9),
    "qinq": Dot1Q(vlan=10) / Dot1Q(vlan=20) / IP(dst="10.0.0.2") / UDP() / Raw(b"q" * 50),
    "arp": ARP(op=1, psrc="10.0.0.1", pdst="10.0.0.2"),
    "vxlan": IP(dst="10.0.0.2") / UDP(dport=4789) / VXLAN(vni=7) / Ether() / IP() / UDP(),
    "dns": IP(dst="10.0.0.2") / UDP(dport=53) / DNS(qd=DNSQR(qname="example.org")),
    "unknown": Raw(bytes(range(256)) * 4),
}


def frame_of(payload):
    """A whole frame to the port, at least as long as Ethernet asks."""
    head = Ether(src=HERE, dst=PEER)
    if isinstance(payload, Raw):
        head.type = 0x88b5
    return bytes(head / payload).ljust(60, b"\0")


def swapped(frame):
    """What macswap makes of a frame."""
    return frame[6:12] + frame[0:6] + frame[12:]


def test_payloads(testpmd, tap_name, tap):
    """Whatever the kernel sends comes back, every byte, with the addresses swapped."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"])
    pmd.command("set fwd macswap")
    pmd.command("start")
    port = tap(tap_name)
    for name, payload in FRAMES.items():
        frame = frame_of(payload)
        assert port.exchange(frame) == swapped(frame), name
    for size in list(range(60, 130)) + [255, 256, 257, 511, 512, 1023, 1024, 1513, 1514]:
        frame = Ether(src=HERE, dst=PEER, type=0x88b5).build()
        frame += os.urandom(size - len(frame))
        assert port.exchange(frame) == swapped(frame), size
    leave(pmd)


def test_payloads_many(testpmd, tap_name, tap):
    """A flood with sequence numbers: order kept, contents right, none invented."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"])
    pmd.command("set fwd macswap")
    pmd.command("start")
    port = tap(tap_name)
    last = -1
    for burst in range(50):
        head = Ether(src=HERE, dst=PEER, type=0x88b5).build()
        for i in range(32):
            number = burst * 32 + i
            port.send(head + number.to_bytes(4, "big") + bytes([number & 0xff]) * (number % 1400))
        for _ in range(32):
            frame = port.receive()
            assert frame is not None, f"nothing after number {last}"
            number = int.from_bytes(frame[14:18], "big")
            assert number == last + 1
            assert frame[18:18 + number % 1400] == bytes([number & 0xff]) * (number % 1400)
            last = number
    leave(pmd)


def test_payloads_jumbo(testpmd, tap_name, tap):
    """Frames up to 9,600 bytes, in pieces of small mbufs both ways."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"],
                  ["--max-pkt-len=9600", "--enable-scatter", "--tx-offloads=0x8000",
                   "--mbuf-size=2176"])
    pmd.command("set fwd macswap")
    pmd.command("start")
    port = tap(tap_name, 9586)
    for size in (60, 1514, 2047, 2048, 2049, 4095, 4096, 4097, 6000, 9000, 9599, 9600):
        frame = Ether(src=HERE, dst=PEER, type=0x88b5).build()
        frame += os.urandom(size - len(frame))
        assert port.exchange(frame) == swapped(frame), size
    leave(pmd)


@pytest.mark.parametrize("device", DEVICES)
def test_payloads_loop(testpmd, tmp_path, device):
    """Frames out of a file go to the device's loop and back, and end in another file."""
    frames = [frame_of(payload) for payload in FRAMES.values()]
    frames += [frames[0][:14] + os.urandom(size - 14) for size in range(60, 460)]
    scapy.utils.wrpcap(str(tmp_path / "in.pcap"), frames)
    pmd = testpmd([f"net_pcap0,rx_pcap={tmp_path}/in.pcap,tx_pcap={tmp_path}/out.pcap",
                   "net_revere0,backend=loop" + device], ["--no-flush-rx"])
    pmd.command("start")
    wait_until(lambda: pmd.port_stats(0)["TX-packets"] == len(frames))
    leave(pmd)
    assert [bytes(f) for f in scapy.utils.rdpcap(str(tmp_path / "out.pcap"))] == frames


def test_icmp_echo(testpmd, tap_name, tap):
    """testpmd answers a ping: headers are parsed right in mbufs."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"])
    pmd.command("set fwd icmpecho")
    pmd.command("start")
    port = tap(tap_name)
    frame = frame_of(IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(id=7, seq=9) / Raw(b"ping" * 20))
    answer = Ether(port.exchange(frame))
    assert answer[ICMP].type == 0 and answer[ICMP].seq == 9
    assert answer[IP].src == "10.0.0.2"
    assert bytes(answer[Raw])[:80] == b"ping" * 20
    leave(pmd)


def test_csum(testpmd, tap_name, tap):
    """csum forwarding repairs wrong checksums in software."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"])
    pmd.command("set fwd csum")
    pmd.command("set promisc 0 on")
    pmd.command("start")
    port = tap(tap_name)
    for layer in (UDP(sport=1, dport=2), TCP(sport=1, dport=2)):
        good = IP(src="10.0.0.1", dst="10.0.0.2") / layer / Raw(b"c" * 101)
        bad = good.copy()
        bad[IP].chksum = 0x1234
        bad[type(layer)].chksum = 0x1234
        answer = Ether(port.exchange(frame_of(bad)))
        want = IP(bytes(good))
        assert answer[IP].chksum == want.chksum
        assert answer[type(layer)].chksum == want[type(layer)].chksum
    leave(pmd)


def test_filter(testpmd, tap_name, tap):
    """Without promiscuous mode only what is for the port arrives."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name},mac=02:11:22:33:44:55"],
                  ["--disable-link-check"])
    pmd.command("set promisc 0 off")
    pmd.command("set allmulti 0 off")
    pmd.command("set fwd macswap")
    pmd.command("start")
    port = tap(tap_name)

    def arrives(destination):
        frame = bytes(Ether(src=HERE, dst=destination, type=0x88b5) / Raw(b"m" * 50))
        return port.exchange(frame, 0.5) is not None

    assert arrives("02:11:22:33:44:55")
    assert arrives("ff:ff:ff:ff:ff:ff")
    assert not arrives("02:11:22:33:44:56")
    assert not arrives("01:00:5e:00:00:01")
    pmd.command("set allmulti 0 on")
    assert arrives("01:00:5e:00:00:01")
    pmd.command("set promisc 0 on")
    assert arrives("02:11:22:33:44:56")
    leave(pmd)


# ---- Bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("vdev, words", [
    ("net_revere0,backend=nonsense", ["nonsense"]),
    ("net_revere0,no_such_key=1", ["no_such_key"]),
    ("net_revere0,mac=12:34", ["12:34"]),
    ("net_revere0,num_ami_sw=5000", ["5000", "4096"]),
    ("net_revere0,num_ami_sw=x", ["num_ami_sw", "x", "4096"]),
    ("net_revere0,num_ams=65", ["65", "64"]),
    ("net_revere0,ami_type=C", ["ami_type", "C", "A1"]),
    ("net_revere0,mode=fast", ["fast", "inline"]),
    ("net_revere0,workers=17", ["17", "16"]),
    ("net_revere0,arch_major=4", ["4"]),
    ("net_revere0,tap=a-name-too-long-for-an-interface", ["a-name-too-long-for-an-interface"]),
    ("net_revere0,pair=", ["pair"]),
    ("net_revere0,faults.dma_fault=-1", ["faults.dma_fault", "-1"]),
])
def test_bad_devargs(testpmd, vdev, words):
    """One line of ours that names value and limit; no port; an orderly end."""
    pmd = testpmd([vdev])
    lines = [line for line in pmd.output.splitlines() if "revere" in line.lower()
             and not line.startswith(("EAL:", "vdev_probe", "  "))]
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0], lines
    assert "Driver name" not in pmd.command("show port info all")
    assert pmd.quit() == 0


def test_third_of_a_pair(testpmd):
    pmd = testpmd([f"net_revere{i},emu=a,pair=p" for i in range(3)])
    assert len(re.findall(r"Driver name", pmd.command("show port info all"))) == 2
    leave(pmd)


def test_too_many_queues(testpmd):
    """ethdev refuses what is beyond what the driver says, and that follows the device's size."""
    pmd = testpmd(["net_revere0,backend=loop,num_ami_sw=4"])
    limit = int(re.search(r"Max possible RX queues: (\d+)",
                          pmd.command("show port info 0")).group(1))
    assert 1 <= limit <= 4
    pmd.command("port stop 0")
    text = pmd.command(f"port config all rxq {limit + 1}")
    assert str(limit + 1) in text and str(limit) in text
    pmd.command(f"port config all rxq {limit}")
    pmd.command(f"port config all txq {limit}")
    pmd.command("port start 0")
    forwards(pmd, 1)
    leave(pmd)


@pytest.mark.parametrize("option", ["--rxd=65535", "--txd=65535"])
def test_too_many_descriptors(testpmd, option):
    pmd = testpmd(["net_revere0,backend=loop"], [option])
    line = next(line for line in pmd.output.splitlines() if "65535" in line)
    limit = int(re.search(r"<= (\d+)", line).group(1))
    assert limit >= 4096
    assert pmd.quit() == 0


@pytest.mark.parametrize("fault, line", [
    ("command_stuck=1", "PF-PROBE (1): no response within 50 ms"),
    ("command_stuck=3", "PF-PROBE-AHA (37): no response within 50 ms"),
    ("command_stuck=12", "PF-AMI-HW-MAP (23): no response within 50 ms"),
    ("command_stuck=16", "PF-ASN-CREATE (16): no response within 50 ms"),
    ("response_late_us=1000000", "PF-PROBE (1): no response within 50 ms"),
    ("response_wrong_op=1", "PF-PROBE (1) was answered with the OPCODE of ? (65)"),
])
def test_dead_device(testpmd, fault, line):
    """A device that doesn't answer when a port comes up: one message, no port, no hang."""
    pmd = testpmd([f"net_revere0,backend=loop,mode=inline,command_timeout_ms=50,faults.{fault}"])
    assert "Driver name" not in pmd.command("show port info all")
    assert pmd.quit() == 0
    assert [text for text in pmd.output.splitlines() if text.startswith("REVERE_")] == [
        f"REVERE_AMI: net_revere0: {line}"]


def test_no_context_left(testpmd):
    """Queues for which another port has left no contexts: one message with the limit."""
    pmd = testpmd(["net_revere0,backend=loop,emu=few,num_ami_sw=5",
                   "net_revere1,backend=loop,emu=few"], ["--rxq=2", "--txq=2"])
    assert pmd.quit() == 0
    assert [text for text in pmd.output.splitlines() if text.startswith("REVERE_")] == [
        "REVERE_AMI: emu/few: no AMI-SW is left: this Function can have 5, the device has 5"]


@pytest.mark.parametrize("fault", ["answer_corrupt=10", "index_wild=100", "answer_lost=10",
                                   "dma_fault=10", "answer_late_us=1000"])
def test_faulty_device(testpmd, fault):
    """Whatever the device does wrong, testpmd lives on and ends in order."""
    pmd = testpmd([f"net_revere0,backend=loop,faults.{fault},faults.seed=1"])
    pmd.command("start tx_first 4")
    time.sleep(0.5)
    pmd.command("stop")
    pmd.command("port stop all", seconds=60)
    assert pmd.quit() == 0
