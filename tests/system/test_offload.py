# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Offloads of net_revere, with scapy's own computation on the other side of a tap."""

import re
import zlib

import pytest
from conftest import leave
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import dpdksource  # noqa: E402  pylint: disable=C0411

PEER = "02:00:00:00:00:01"
HERE = "02:00:00:00:00:02"
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fc00::1", dst="fc00::2")
ETHER = Ether(src=HERE, dst=PEER)
RX_VLAN_STRIP, RX_CHECKSUM, RX_OUTER_IP, RX_QINQ, RX_OUTER_UDP, RX_TIMESTAMP, RX_SCTP, RX_CRC = (
    1 << 0, 0xe, 1 << 6, 1 << 5, 1 << 18, 1 << 14, 1 << 17, 1 << 16)


def build(packet):
    """A frame, as long as Ethernet asks."""
    return bytes(packet).ljust(60, b"\0")


def spoil(packet, layer):
    """The same packet with a wrong checksum."""
    packet = Ether(bytes(packet))
    where = packet[layer]
    where.chksum = (where.chksum or 0) ^ 0x5555
    return packet


def up(testpmd, tap, tap_name, *app, mtu=1500):
    """testpmd on a tap, and the tap's other end."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"], list(app))
    return pmd, tap(tap_name, mtu)


def dumped(pmd, port, packet):
    """What testpmd's verbose mode tells of one packet that is sent to it."""
    start = len(pmd.output)
    port.send(build(packet))
    end = pmd.expect(r"ol_flags: [^\n]*\n", start).end()
    return pmd.output[start:end]


CHECKED = {
    "tcp": (ETHER / V4 / TCP() / Raw(b"x" * 31), TCP, True),
    "tcp-options": (ETHER / V4 / TCP(options=[("MSS", 1460), ("NOP", None)]) / Raw(b"x"), TCP, True),
    "tcp-empty": (ETHER / V4 / TCP(), TCP, True),
    "udp": (ETHER / V4 / UDP(sport=1, dport=2) / Raw(b"x" * 100), UDP, True),
    "udp-odd": (ETHER / V4 / UDP(sport=1, dport=2) / Raw(b"x" * 101), UDP, True),
    "udp-empty": (ETHER / V4 / UDP(sport=1, dport=2), UDP, True),
    "udp-large": (ETHER / V4 / UDP(sport=1, dport=2) / Raw(bytes(range(250)) * 5), UDP, True),
    "ip-options": (ETHER / IP(dst="10.0.0.2", options=b"\x01" * 8) / UDP(dport=2) / Raw(b"o"),
                   UDP, True),
    "sctp": (ETHER / V4 / SCTP() / Raw(b"s" * 64), SCTP, True),
    "tcp6": (ETHER / V6 / TCP() / Raw(b"x" * 77), TCP, False),
    "udp6": (ETHER / V6 / UDP(sport=1, dport=2) / Raw(b"x" * 9), UDP, False),
    "udp6-extension": (ETHER / V6 / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"x" * 9),
                       UDP, False),
    "vlan": (ETHER / Dot1Q(vlan=5) / V4 / TCP() / Raw(b"x" * 31), TCP, True),
}


def test_rx_checksums(testpmd, tap, tap_name):
    """States of checksums, right and wrong, of all protocols."""
    pmd, port = up(testpmd, tap, tap_name,
                   f"--rx-offloads={RX_CHECKSUM | RX_SCTP | RX_OUTER_IP | RX_OUTER_UDP:#x}")
    pmd.command("set port 0 ptype_mask 0xfffffff")  # testpmd takes no packet types by itself
    pmd.command("set fwd rxonly")
    pmd.command("set verbose 1")
    pmd.command("start")
    for name, (packet, layer, v4) in CHECKED.items():
        text = dumped(pmd, port, packet)
        assert "RX_L4_CKSUM_GOOD" in text, (name, text)
        assert ("RX_IP_CKSUM_GOOD" in text) == v4, (name, text)
        text = dumped(pmd, port, spoil(packet, layer))
        assert "RX_L4_CKSUM_BAD" in text, (name, text)
        if v4:
            text = dumped(pmd, port, spoil(packet, IP))
            assert "RX_IP_CKSUM_BAD" in text, (name, text)
    text = dumped(pmd, port, ETHER / IP(dst="10.0.0.2", flags="MF") / UDP() / Raw(b"x" * 80))
    assert "L4_FRAG" in text and "RX_L4_CKSUM_UNKNOWN" in text
    inner = Ether() / IP() / TCP() / Raw(b"i" * 33)
    tunnel = ETHER / V4 / UDP(dport=4789) / VXLAN(vni=7) / inner
    text = dumped(pmd, port, tunnel)
    assert "RX_OUTER_L4_CKSUM_GOOD" in text and "RX_L4_CKSUM_GOOD" in text, text
    assert "TUNNEL_VXLAN" in text and "INNER_L4_TCP" in text, text
    assert "RX_OUTER_L4_CKSUM_BAD" in dumped(pmd, port, spoil(tunnel, UDP))
    assert "RX_OUTER_IP_CKSUM_BAD" in dumped(pmd, port, spoil(tunnel, IP))
    leave(pmd)


def test_rx_vlan(testpmd, tap, tap_name):
    """Tags are taken off and told, and the setting changes while the port runs."""
    pmd, port = up(testpmd, tap, tap_name)
    pmd.command("set fwd rxonly")
    pmd.command("set verbose 1")
    pmd.command("start")
    packet = ETHER / Dot1Q(vlan=100, prio=3) / V4 / UDP() / Raw(b"v" * 90)
    double = ETHER / Dot1Q(vlan=10, type=0x8100) / Dot1Q(vlan=20) / V4 / UDP() / Raw(b"q" * 90)
    assert "VLAN_STRIPPED" not in dumped(pmd, port, packet)
    pmd.command("vlan set strip on 0")
    text = dumped(pmd, port, packet)
    assert "RX_VLAN_STRIPPED" in text and "VLAN tci=0x6064" in text, text
    assert re.search(rf"length={len(packet) - 4}\b", text), text
    pmd.command("vlan set qinq_strip on 0")
    text = dumped(pmd, port, double)
    assert "RX_QINQ_STRIPPED" in text, text
    assert re.search("VLAN tci=0x14, (VLAN tci outer|outer VLAN tci)=0xa ", text), text
    pmd.command("vlan set qinq_strip off 0")
    pmd.command("vlan set strip off 0")
    assert "VLAN_STRIPPED" not in dumped(pmd, port, packet)
    leave(pmd)


TUNNELS = {
    "vxlan": UDP(sport=9, dport=4789) / VXLAN(vni=7) / Ether(src=HERE, dst=PEER),
    "geneve": UDP(sport=9, dport=6081) / GENEVE(vni=7) / Ether(src=HERE, dst=PEER),
    "gre": GRE(proto=0x6558) / Ether(src=HERE, dst=PEER),
    "ipip": None,
}


def csum(pmd, *commands):
    """Configures the checksum engine, all by hardware."""
    pmd.command("port stop 0")
    for what in ("ip", "udp", "tcp", "sctp", "outer-ip", "outer-udp"):
        pmd.command(f"csum set {what} hw 0")
    for command in commands:
        pmd.command(command)
    pmd.command("port start 0")
    pmd.command("set fwd csum")
    pmd.command("start")


def right(frame):
    """Whether all checksums of a frame are as scapy computes them."""
    again = Ether(frame)
    layer = again
    while layer:
        if "chksum" in layer.fields and not isinstance(layer, GRE):
            layer.fields.pop("chksum")
        layer = layer.payload
    return bytes(again) == frame


def test_tx_checksums(testpmd, tap, tap_name):
    """The device repairs what arrives spoilt."""
    pmd, port = up(testpmd, tap, tap_name)
    csum(pmd)
    for name, (packet, layer, v4) in CHECKED.items():
        if name in ("udp6-extension", "sctp"):
            continue  # testpmd's csum engine doesn't look behind extensions; scapy has no CRC32c
        frame = Ether(port.exchange(build(spoil(packet, layer)))[:len(packet)])
        assert frame[layer].chksum == Ether(bytes(packet))[layer].chksum, name
        if v4:
            frame = Ether(port.exchange(build(spoil(packet, IP)))[:len(packet)])
            assert frame[IP].chksum == Ether(bytes(packet))[IP].chksum, name
    sctp = CHECKED["sctp"][0]
    frame = port.exchange(build(spoil(sctp, SCTP)))
    assert bytes(Ether(frame)[SCTP]) == bytes(Ether(bytes(sctp))[SCTP])
    leave(pmd)


@pytest.mark.parametrize("kind", list(TUNNELS))
def test_tx_tunnels(testpmd, tap, tap_name, kind):
    """Inner and outer checksums of tunnels, and their segmentation."""
    pmd, port = up(testpmd, tap, tap_name, "--max-pkt-len=9600", "--mbuf-size=9800", mtu=9000)
    csum(pmd, "csum parse-tunnel on 0", "tunnel_tso set 200 0")
    data = bytes(i * 7 & 0xff for i in range(1234))
    inner = IP(src="1.1.1.1", dst="2.2.2.2", id=7) / TCP(seq=1000, flags="PA")
    head = ETHER / V4 if TUNNELS[kind] is None else ETHER / V4 / TUNNELS[kind]
    small = spoil(head / inner / Raw(data[:50]), TCP)
    frame = port.exchange(build(small))
    assert right(frame) and bytes(Ether(frame)[TCP].payload) == data[:50]
    port.send(build(head / inner / Raw(data)))
    got = [port.receive() for _ in range(7)]
    check_segments(got, data, 200, 1000, 7)
    leave(pmd)


def check_segments(frames, data, mss, seq, ident):
    """Segments of TCP's data, with all that their headers need."""
    at = 0
    for i, frame in enumerate(frames):
        assert frame is not None and right(frame), i
        packet = Ether(frame)
        tcp = packet[TCP]
        ip = tcp.underlayer
        payload = bytes(tcp.payload)
        assert payload == data[at:at + mss], i
        assert tcp.seq == seq + at
        if isinstance(ip, IP):
            assert ip.id == ident + i and ip.len == len(ip)
        last = i == len(frames) - 1
        assert ("P" in tcp.flags) == last
        at += len(payload)
    assert at == len(data)


@pytest.mark.parametrize("ip", [IP(src="10.0.0.1", dst="10.0.0.2", id=7), V6], ids=["v4", "v6"])
def test_tso(testpmd, tap, tap_name, ip):
    """Segmentation, at sizes round the segments'."""
    pmd, port = up(testpmd, tap, tap_name, "--max-pkt-len=9600", "--mbuf-size=9800", mtu=9000)
    csum(pmd, "tso set 512 0")
    for size in (513, 1023, 1024, 1025, 5000, 8900):
        data = bytes(i * 13 & 0xff for i in range(size))
        port.send(build(ETHER / ip / TCP(seq=1000, flags="PA",
                                         options=[("Timestamp", (1, 2))]) / Raw(data)))
        frames = [port.receive() for _ in range((size + 511) // 512)]
        check_segments(frames, data, 512, 1000, 7)
    assert port.receive(0.2) is None
    leave(pmd)


def test_tx_vlan(testpmd, tap, tap_name):
    """Tags are inserted."""
    pmd, port = up(testpmd, tap, tap_name)
    pmd.command("set fwd macswap")
    frame = build(ETHER / V4 / UDP() / Raw(b"v" * 77))
    for command, tags in (("tx_vlan set 0 100", [(0x8100, 100)]),
                          ("tx_vlan set 0 10 20", [(0x88a8, 20), (0x8100, 10)])):
        pmd.command("port stop 0")
        pmd.command("tx_vlan reset 0")
        pmd.command("vlan set extend on 0")
        assert "rror" not in pmd.command(command)
        pmd.command("port start 0")
        pmd.command("start")
        want = b"".join(kind.to_bytes(2, "big") + tci.to_bytes(2, "big") for kind, tci in tags)
        assert port.exchange(frame) == (
            frame[6:12] + frame[:6] + want + frame[12:]), command
        pmd.command("stop")
    leave(pmd)


def test_keep_crc(testpmd, tap, tap_name):
    """The CRC follows the packet."""
    pmd, port = up(testpmd, tap, tap_name, f"--rx-offloads={RX_CRC:#x}")
    pmd.command("set fwd io")
    pmd.command("set verbose 1")
    pmd.command("start")
    frame = build(ETHER / V4 / UDP() / Raw(b"c" * 101))
    start = len(pmd.output)
    assert port.exchange(frame) == frame + zlib.crc32(frame).to_bytes(4, "little")
    pmd.expect(f"length={len(frame) + 4} ", start)
    leave(pmd)


def test_timestamps(testpmd, tap, tap_name):
    """Each packet tells when it came."""
    pmd, port = up(testpmd, tap, tap_name, f"--rx-offloads={RX_TIMESTAMP:#x}")
    pmd.command("set fwd rxonly")
    pmd.command("set verbose 1")
    pmd.command("start")
    times = [int(re.search(r"timestamp (\d+)", dumped(pmd, port, ETHER / V4 / UDP())).group(1))
             for _ in range(3)]
    assert 0 < times[0] < times[1] < times[2]
    leave(pmd)


def ptp(message, version=2):
    """A packet of IEEE 1588 on Ethernet."""
    return build(Ether(src=HERE, dst=PEER, type=0x88f7) / Raw(bytes([message, version]) + b"p" * 60))


def nanoseconds(text, direction):
    """A time that testpmd has printed."""
    found = re.search(rf"Port 0 {direction} timestamp value (\d+) s (\d+) ns", text)
    return int(found.group(1)) * 10**9 + int(found.group(2))


def test_ieee1588(testpmd, tap, tap_name):
    """testpmd's own mode for it, which checks each packet: both times of a packet are there."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], path=dpdksource.testpmd_ieee1588())
    text = pmd.command("set fwd ieee1588")
    if "Bad arguments" in text or "Invalid" in text:
        pytest.skip("no source of app/test-pmd, and this one has no ieee1588 mode: run scripts/setup")
    port = tap(tap_name)
    assert "failed" not in pmd.command("start")
    times = []
    for _ in range(5):
        start = len(pmd.output)
        frame = ptp(0)
        assert port.exchange(frame) == frame[6:12] + frame[:6] + frame[12:]
        end = pmd.expect(r"TX timestamp value [^\n]*\n", start).end()
        assert "SYNC Message filtered by hardware" in pmd.output[start:end]
        times += [nanoseconds(pmd.output[start:end], way) for way in ("RX", "TX")]
    assert times == sorted(times) and len(set(times)) == len(times) and times[0] > 0
    for frame, answer in ((ptp(0, 1), "wrong PTP protocol version 0x1"),
                          (ptp(8), "unexpected message ID 0x8"),
                          (build(ETHER / V4 / UDP(dport=320)), "non PTP packet type=0x 800")):
        start = len(pmd.output)
        port.send(frame)
        pmd.expect(re.escape(answer), start)
    pmd.command("stop")  # which turns it off
    pmd.command("set fwd rxonly")
    pmd.command("set verbose 1")
    pmd.command("start")
    assert "IEEE1588" not in dumped(pmd, port, Ether(ptp(0)))
    leave(pmd)


def test_5tswap(testpmd, tap, tap_name):
    """Addresses of both layers and ports are swapped, nothing else changes."""
    pmd, port = up(testpmd, tap, tap_name)
    pmd.command("set fwd 5tswap")
    pmd.command("start")
    for sport, dport, l4 in ((7, 9, UDP), (70, 90, TCP)):
        for ip in (V4, V6):
            there = ETHER / ip / l4(sport=sport, dport=dport) / Raw(b"5t" * 41)
            back = (Ether(src=PEER, dst=HERE) / type(ip)(src=ip.dst, dst=ip.src)
                    / l4(sport=dport, dport=sport) / Raw(b"5t" * 41))
            assert port.exchange(build(there)) == build(back), (l4, ip)
    leave(pmd)


@pytest.mark.parametrize("app", [
    [], ["--noisy-tx-sw-buffer-size=64", "--noisy-tx-sw-buffer-flushtime=10",
         "--noisy-lkup-memory=1", "--noisy-lkup-num-reads=8", "--noisy-lkup-num-writes=2"],
], ids=["plain", "buffer"])
def test_noisy(testpmd, tap, tap_name, app):
    """Packets come through, held back in between or not."""
    pmd, port = up(testpmd, tap, tap_name, *app)
    pmd.command("set fwd noisy")
    pmd.command("start")
    frames = [build(ETHER / V4 / UDP(sport=i) / Raw(b"n" * (10 * i))) for i in range(80)]
    for frame in frames:
        port.send(frame)
    got = [port.receive() for _ in range(64)]
    assert got == frames[:64]
    leave(pmd)


@pytest.mark.parametrize("app", [[], ["--tx-offloads=0x2"]], ids=["software", "offload"])
def test_flowgen(testpmd, tap, tap_name, app):
    """Packets of many flows, with the checksum of IPv4 that testpmd or the device makes."""
    pmd, port = up(testpmd, tap, tap_name, *app)
    pmd.command("set fwd flowgen")
    pmd.command("start")
    flows = set()
    for _ in range(200):
        frame = port.receive()
        sent = Ether(frame)
        del sent[IP].chksum
        assert bytes(sent) == frame
        flows.add(sent[IP].dst)
    assert len(flows) > 100
    leave(pmd)
