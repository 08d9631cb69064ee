# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Receive-side scaling, LRO and buffer split, against computations of their own."""

import ipaddress
import re
import struct
import time

import pytest
from conftest import leave, settles, wait_until
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import rdpcap, wrpcap

OWN = "02:00:00:00:00:01"
PEER = "02:00:00:00:00:02"
ETHER = Ether(src=PEER, dst=OWN)
KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                    "6a42b73bbeac01fa")
RX_LRO, RX_SPLIT, RX_RSS_HASH, RX_VLAN_STRIP = 1 << 4, 1 << 20, 1 << 19, 1 << 0
TX_SEGMENTS = 1 << 15


def shown(pmd, port, packet):
    """What testpmd's verbose mode tells of one packet that is sent to it."""
    start = len(pmd.output)
    port.send(bytes(packet).ljust(60, b"\0"))
    end = pmd.expect(r"ol_flags: [^\n]*\n", start).end()
    return pmd.output[start:end]


# ---- RSS ---------------------------------------------------------------------------------------


def toeplitz(data, key=KEY):
    """The hash as Microsoft defined it, bit by bit."""
    bits = int.from_bytes(key, "big")
    size = len(key) * 8
    result = 0
    for i in range(len(data) * 8):
        if data[i // 8] & (0x80 >> (i % 8)):
            result ^= (bits >> (size - 32 - i)) & 0xffffffff
    return result


def addresses(packet):
    """Source and destination address of an IP header, as bytes."""
    return (ipaddress.ip_address(packet.src).packed + ipaddress.ip_address(packet.dst).packed)


def ports(packet):
    return struct.pack(">HH", packet.sport, packet.dport)


V4 = IP(src="66.9.149.187", dst="161.142.100.80")
V6 = IPv6(src="3ffe:2501:200:1fff::7", dst="3ffe:2501:200:3::1")
L4 = {"tcp": TCP(sport=2794, dport=1766), "udp": UDP(sport=2794, dport=1766),
      "sctp": SCTP(sport=2794, dport=1766)}
DATA = Raw(b"r" * 41)
HASHED = {
    "ipv4": [(V4 / L4["tcp"], addresses(V4)), (V4 / ICMP(), addresses(V4)), (V6 / L4["tcp"], None)],
    "ipv4-frag": [(IP(src=V4.src, dst=V4.dst, flags="MF") / L4["udp"], addresses(V4)),
                  (IP(src=V4.src, dst=V4.dst, frag=7) / DATA, addresses(V4)),
                  (V4 / L4["udp"], None)],
    "ipv4-other": [(V4 / ICMP(), addresses(V4)), (V4 / L4["udp"], None)],
    "ipv6": [(V6 / L4["udp"], addresses(V6)), (V6 / IPv6ExtHdrDestOpt() / L4["udp"], addresses(V6))],
    "l2-payload": [(Raw(b"\x88\xb5" + b"p" * 60), None)],
}
for _name, _l4 in L4.items():
    HASHED["ipv4-" + _name] = [(V4 / _l4, addresses(V4) + ports(_l4)), (V6 / _l4, None)]
    HASHED["ipv6-" + _name] = [(V6 / _l4, addresses(V6) + ports(_l4)), (V4 / ICMP(), None)]


def hash_up(testpmd, tap, tap_name, *app):
    """A port of 8 queues that shows packets, and the tap's other end."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], [
        "--rxq=8", "--txq=8", f"--rx-offloads={RX_RSS_HASH:#x}", *app])
    port = tap(tap_name)
    for line in ("set fwd rxonly", "set verbose 1", "start"):
        pmd.command(line)
    return pmd, port


@pytest.fixture
def hashing(testpmd, tap, tap_name):
    return hash_up(testpmd, tap, tap_name)


def hash_of(text):
    """The hash that was told and the queue, or None."""
    told = re.search(r"RSS hash=0x([0-9a-f]+)", text)
    queue = int(re.search(r"RSS queue=0x([0-9a-f]+)|Receive queue=0x([0-9a-f]+)",
                          text).group(1 if "RSS queue" in text else 2), 16)
    if not told:
        assert "RX_RSS_HASH" not in text and queue == 0, text
        return None
    assert "RX_RSS_HASH" in text
    value = int(told.group(1), 16)
    assert queue == value % 128 % 8, text
    return value


def test_rss_types(hashing):
    """Every type: its packets have the right hash, others none."""
    pmd, port = hashing
    for kind, cases in HASHED.items():
        text = pmd.command(f"port config all rss {kind}")
        assert "rror" not in text and "annot" not in text, (kind, text)
        for packet, data in cases:
            frame = (Ether(src=PEER, dst=OWN, type=0x88b5) / packet if isinstance(packet, Raw)
                     else ETHER / packet / DATA)
            if kind == "l2-payload":
                data = bytes(frame)[:14]
                data = data[:12] + data[12:14]
            got = hash_of(shown(pmd, port, frame))
            assert got == (None if data is None else toeplitz(data)), (kind, packet)
    leave(pmd)


@pytest.mark.parametrize("level", ["outer", "inner"])
def test_rss_level(testpmd, tap, tap_name, level):
    """The level says which packet of a tunnel is hashed; without a tunnel there is but one."""
    pmd, port = hash_up(testpmd, tap, tap_name, "--rss-udp", f"--rss-level-{level}")
    inner = IP(src="1.2.3.4", dst="5.6.7.8") / UDP(sport=7, dport=9)
    tunnel = ETHER / V4 / UDP(sport=1, dport=4789) / VXLAN(vni=3) / Ether() / inner / DATA
    wanted = inner if level == "inner" else tunnel
    assert hash_of(shown(pmd, port, tunnel)) == toeplitz(
        addresses(wanted[IP]) + ports(wanted[UDP]))
    plain = ETHER / V4 / L4["udp"] / DATA
    assert hash_of(shown(pmd, port, plain)) == toeplitz(addresses(V4) + ports(L4["udp"]))
    leave(pmd)


def test_rss_symmetric(hashing):
    """With a key of one repeated word both directions of a flow are on one queue."""
    pmd, port = hashing
    key = bytes.fromhex("6d5a") * 20
    pmd.command("port config all rss udp")
    assert "rror" not in pmd.command(f"port config 0 rss-hash-key ipv4-udp {key.hex()}")
    queues = set()
    for i in range(24):
        there = IP(src=f"10.0.{i}.1", dst=f"10.1.0.{i}") / UDP(sport=1000 + i * 37, dport=53)
        back = (IP(src=there.dst, dst=there.src) / UDP(sport=there.dport, dport=there.sport))
        hashes = {hash_of(shown(pmd, port, ETHER / packet / DATA)) for packet in (there, back)}
        assert hashes == {toeplitz(addresses(there) + ports(there[UDP]), key)}
        queues.add(hashes.pop() % 8)
    assert len(queues) > 3
    leave(pmd)


# ---- LRO ---------------------------------------------------------------------------------------


def stream(ip, sizes, seq=1000, tag=None, **fields):
    """Segments of a TCP stream with payloads of these sizes."""
    packets = []
    for i, size in enumerate(sizes):
        data = bytes((seq + k) * 7 & 0xff for k in range(size))
        head = Ether(src=PEER, dst=OWN) / tag if tag else Ether(src=PEER, dst=OWN)
        ip = ip.copy()
        if isinstance(ip, IP):
            ip.id = 50 + i
        tcp = TCP(sport=5, dport=6, seq=seq, ack=77 + i, flags="A", window=1000 + i,
                  options=[("NOP", None), ("NOP", None), ("Timestamp", (3, 4))], **fields)
        packets.append(head / ip / tcp / Raw(data))
        seq += size
    return packets


def payload(frame):
    """The TCP payload of a frame, without padding, with checksums that are right."""
    packet = Ether(bytes(frame))
    again = Ether(bytes(frame))
    tcp = again[TCP]
    wanted = tcp.chksum
    del tcp.chksum
    if IP in again:
        del again[IP].chksum
        assert Ether(bytes(again))[IP].chksum == packet[IP].chksum
        assert packet[IP].len == len(bytes(packet)) - 14 - (4 if Dot1Q in packet else 0)
    assert Ether(bytes(again))[TCP].chksum == wanted
    return bytes(packet[TCP].payload)


def through(testpmd, tmp_path, frames, *app):
    """Sends frames through a port by files; what came out, and what testpmd told."""
    wrpcap(str(tmp_path / "in.pcap"), [Ether(bytes(frame)) for frame in frames])
    pmd = testpmd([f"net_revere0,mac={OWN},pcap_in={tmp_path}/in.pcap,"
                   f"pcap_out={tmp_path}/out.pcap"],
                  ["--no-flush-rx", f"--tx-offloads={TX_SEGMENTS:#x}", *app])
    pmd.command("set fwd io")
    pmd.command("set verbose 1")
    pmd.send("start")  # its answer and what is told of packets mix
    return pmd


A = IP(src="10.0.0.1", dst="10.0.0.2", ttl=9)
B = IPv6(src="fc00::1", dst="fc00::2")
LAST = ETHER / IP(dst="10.9.9.9") / UDP(sport=1, dport=2) / Raw(b"the end" * 9)


def collected(pmd, tmp_path):
    """What came out, but for the last packet; LRO may give that before what it held back."""
    def done():
        pmd.read(0)
        data = (tmp_path / "out.pcap").read_bytes()
        return bytes(LAST) in data
    assert wait_until(done, 30)
    pmd.expect(rf"length={len(LAST)} ")
    pmd.command("stop")
    return [bytes(p) for p in rdpcap(str(tmp_path / "out.pcap")) if bytes(p) != bytes(LAST)]


@pytest.mark.parametrize("ip", [A, B], ids=["v4", "v6"])
def test_lro(testpmd, tmp_path, ip):
    """A stream becomes few packets, of which nothing is missing and all headers are right."""
    frames = stream(ip, [1400] * 200 + [333])
    pmd = through(testpmd, tmp_path, frames + [LAST], f"--rx-offloads={RX_LRO:#x}",
                  "--max-lro-pkt-size=9000")
    out = collected(pmd, tmp_path)
    assert len(out) < 80 and max(map(len, out)) <= 9000
    data = b"".join(map(payload, out))
    assert data == b"".join(bytes(p[TCP].payload) for p in frames)
    seq = 1000
    for frame in out:
        packet = Ether(frame)
        assert packet[TCP].seq == seq
        seq += len(payload(frame))
    assert Ether(out[-1])[TCP].ack == 277 and Ether(out[-1])[TCP].window == 1200
    assert "RX_LRO" in pmd.output and re.search(r"nb_segs=5", pmd.output)
    leave(pmd)


def test_lro_leaves_alone(testpmd, tmp_path):
    """What isn't plain data that goes on is as it came, and in its stream's order."""
    one, two = stream(A, [500] * 4), stream(IP(src="10.0.0.7", dst="10.0.0.8"), [400] * 4)
    odd = stream(IP(src="10.0.1.1", dst="10.0.0.2"), [100] * 9)
    odd[1][TCP].flags = "FA"
    odd[3][TCP].flags = "UA"
    odd[5][IP].ttl = 44
    odd[7][TCP].seq += 1
    odd[8] = Ether(bytes(odd[8]))
    odd[8][TCP].chksum ^= 1
    syn = stream(IP(src="10.0.2.1", dst="10.0.0.2"), [0, 0])
    for streams in (one, two):  # so that nothing is left when the last packet is seen
        streams[-1][TCP].flags = "PA"
    mixed = [frame for pair in zip(one, two) for frame in pair]
    frames = [Ether(bytes(f)) for f in mixed + odd + syn]
    pmd = through(testpmd, tmp_path, frames + [LAST], f"--rx-offloads={RX_LRO:#x}")
    out = collected(pmd, tmp_path)

    def of(address, packets):
        return [bytes(p) for p in packets if Ether(bytes(p))[IP].src == address]
    for which, size in ((one, 2000), (two, 1600)):
        joined = [payload(f) for f in of(which[0][IP].src, out)]
        assert b"".join(joined) == b"".join(bytes(p[TCP].payload) for p in which)
        assert len(joined) < 4 and sum(map(len, joined)) == size
    assert of("10.0.1.1", out) == of("10.0.1.1", frames)
    assert of("10.0.2.1", out) == of("10.0.2.1", frames)
    leave(pmd)


def payloads(pmd, start, total):
    """Bytes of TCP's data in the packets that testpmd tells of, until there are so many."""
    head = len(stream(A, [0])[0])

    def got():
        pmd.read(0.01)
        return [int(n) - head for n in re.findall(r"- length=(\d+) ", pmd.output[start:])]
    assert wait_until(lambda: sum(got()) >= total)
    return got()


def receiving(testpmd, tap, tap_name, timeout):
    """testpmd that tells what LRO makes of packets of a tap."""
    pmd = testpmd([f"net_revere0,tap={tap_name},mac={OWN},lro_timeout_us={timeout}"],
                  [f"--rx-offloads={RX_LRO:#x}", "--max-lro-pkt-size=4500"])
    pmd.command("set fwd rxonly")
    pmd.command("set verbose 1")
    pmd.command("start")
    return pmd, tap(tap_name)


def test_lro_holds(testpmd, tap, tap_name):
    """Segments that come one by one are put together as long as the time for it isn't over."""
    pmd, port = receiving(testpmd, tap, tap_name, 1000000)

    def joined(sizes, last):
        start = len(pmd.output)
        packets = stream(A, sizes)
        packets[-1][TCP].flags = last
        for packet in packets:
            port.send(bytes(packet))
            time.sleep(0.002)  # so that each has a turn of its own, which nothing relies on
        return payloads(pmd, start, sum(sizes))
    # Other work may take longer than a second, then a packet leaves too early.
    for sizes, last, wanted in (
            ([1000, 1000, 500], "A", [2500]),  # a shorter one ends it
            ([1000] * 4, "PA", [4000]),  # as PSH does
            ([1000] * 6, "PA", [4000, 2000]),  # no longer than it may be
            ([1000] * 3, "FA", [2000, 1000]),  # which can't be put to it
            ([1000] * 3, "A", [3000])):  # when its time is over
        got = settles(lambda s=sizes, f=last: joined(s, f), lambda got, w=wanted: got == w)
        assert got == wanted, (sizes, last)
    port.send(bytes(stream(A, [1000])[0]))
    pmd.command("stop")
    leave(pmd)


@pytest.mark.parametrize("timeout", [0, 32])
def test_lro_lets_go(testpmd, tap, tap_name, timeout):
    """A packet that nothing follows comes all the same."""
    pmd, port = receiving(testpmd, tap, tap_name, timeout)
    for packet in stream(A, [1000] * 5):
        start = len(pmd.output)
        port.send(bytes(packet))
        assert payloads(pmd, start, 1000) == [1000]
    leave(pmd)


def test_lro_and_crc(testpmd):
    """They exclude each other."""
    pmd = testpmd(["net_revere0"])
    for line in ("port stop 0", "port config 0 rx_offload tcp_lro on",
                 "port config 0 rx_offload keep_crc on"):
        pmd.command(line)
    assert "TCP_LRO and KEEP_CRC" in pmd.command("port start 0")
    assert pmd.quit() == 0


# ---- Buffer split ------------------------------------------------------------------------------


def tags(packet):
    """Bytes of VLAN tags."""
    return 4 if Dot1Q in packet else 0


SPLIT = {
    "length": (["--rxpkts=50,0"], lambda p: 50),
    "offset": (["--rxpkts=32,600", "--rxoffs=64,8"], lambda p: 32),
    "eth": (["--rxhdrs=eth"], lambda p: 14 + tags(p)),
    "ipv4": (["--rxhdrs=ipv4"], lambda p: 14 + tags(p) + p[IP].ihl * 4 if IP in p else 0),
    "ipv4-tcp": (["--rxhdrs=ipv4-tcp"], lambda p: 34 + tags(p) + p[TCP].dataofs * 4
                 if TCP in p and IP in p else 0),
    "ipv6-udp": (["--rxhdrs=ipv6-udp"], lambda p: 62 if IPv6 in p and UDP in p else 0),
}


def splitting():
    """Packets of all kinds, with and without the headers that are asked for."""
    rest = Raw(bytes(range(256)) * 3)
    return [ETHER / p for p in (
        V4 / TCP() / rest, V4 / TCP(options=[("MSS", 1460)]) / rest, V4 / UDP() / rest,
        V4 / TCP(), V6 / UDP() / rest, V6 / TCP() / rest, V4 / ICMP() / rest,
        IP(dst="10.0.0.2", options=b"\x01" * 8) / UDP() / rest, Dot1Q(vlan=5) / V4 / TCP() / rest,
        V4 / UDP() / Raw(b"s" * 18), V4 / UDP() / Raw(bytes(1472)))]


@pytest.mark.parametrize("kind", list(SPLIT))
def test_split(testpmd, tmp_path, kind):
    """Where packets are cut, in which mbufs the pieces are; and nothing else changes."""
    args, cut = SPLIT[kind]
    if "rxhdrs" in args[0]:
        args = args + ["--rxpkts=0,0"]
    frames = splitting()
    pmd = through(testpmd, tmp_path, frames * 6 + [LAST], "--mbuf-size=2048,700",
                  f"--rx-offloads={RX_SPLIT:#x}", "--txd=4096", *args)
    out = collected(pmd, tmp_path)
    assert out == [bytes(f) for f in frames * 6]
    assert "Scalar, split" in pmd.command("show rxq info 0 0")
    shows = re.findall(r"length=(\d+).*?nb_segs=(\d+)", pmd.output)
    assert len(shows) == len(frames) * 6 + 1
    for frame, (length, segments) in zip(frames * 6, shows):
        packet = Ether(bytes(frame))
        at = min(cut(packet), len(bytes(frame)))
        rest = len(bytes(frame)) - at
        room = 700 - (8 if kind == "offset" else 0)  # a headroom has the first one only
        assert int(length) == len(bytes(frame))
        assert int(segments) == (at > 0) + (rest + room - 1) // room, (kind, packet)
    pmd.command("port stop all")
    for pool in ("mb_pool_0", "mb_pool_0_1"):
        free, size = pmd.free_mbufs(pool)
        assert free == size
    assert pmd.quit() == 0
