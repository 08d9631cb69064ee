# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""What DPDK has since 22.11: hash functions of a port, descriptors in use. Layer dpdk runs this too,
with the releases that it is given."""

import re
import struct

import pytest
from conftest import wait_until
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

KEY = bytes((11 * i + 5) % 256 for i in range(40))
SOURCE, TARGET = bytes([10, 0, 0, 9]), bytes([10, 0, 0, 2])
SPORT, DPORT = 1000, 77
FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(
    src="10.0.0.9", dst="10.0.0.2") / UDP(sport=SPORT, dport=DPORT) / Raw(b"payload")


def toeplitz(data):
    """Toeplitz hash of bytes."""
    window, result = int.from_bytes(KEY, "big"), 0
    for i in range(len(data) * 8):
        if data[i // 8] >> (7 - i % 8) & 1:
            result ^= window >> (len(KEY) * 8 - 32 - i) & 0xffffffff
    return result


def ports(first, second):
    """Two ports as they are hashed."""
    return struct.pack(">HH", first, second)


def xor(first, second):
    """Bytes by bytes."""
    return bytes(a ^ b for a, b in zip(first, second))


def hashes():
    """What each function makes of FRAME."""
    address = xor(SOURCE, TARGET)
    number = SPORT ^ DPORT
    words = struct.unpack(">3I", SOURCE + TARGET + ports(SPORT, DPORT))
    return {"toeplitz": toeplitz(SOURCE + TARGET + ports(SPORT, DPORT)),
            "simple_xor": words[0] ^ words[1] ^ words[2],
            "symmetric_toeplitz": toeplitz(address * 2 + ports(number, number)),
            "symmetric_toeplitz_sort": toeplitz(TARGET + SOURCE + ports(DPORT, SPORT))}


def since(pmd, command):
    """Skips the test if testpmd doesn't know a command."""
    text = pmd.command(command)
    if "Bad arguments" in text or "Command not found" in text or "Ambiguous" in text:
        pytest.skip(f"this dpdk-testpmd has no '{command}'")
    return text


def test_hash_functions(testpmd, tap, tap_name):
    """Packets come with the hash of the function that is set, and it is told."""
    pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"],
                  ["--rxq=2", "--txq=2", "--rx-offloads=0x80000", "--rss-udp"])
    since(pmd, "port config 0 rss-hash-algo default")
    pmd.command(f"port config 0 rss-hash-key ipv4-udp {KEY.hex()}")
    pmd.command("set promisc 0 on")
    pmd.command("set verbose 1")
    pmd.command("set fwd rxonly")
    pmd.command("start")
    port = tap(tap_name)
    for name, value in hashes().items():
        pmd.command(f"port config 0 rss-hash-algo {name}")
        assert name in pmd.command("show port 0 rss-hash algorithm").replace("\r", "").lower()
        start = len(pmd.output)
        port.send(FRAME)
        text = pmd.expect(r"length=49 .*RSS hash=0x([0-9a-f]+)", start)
        assert int(text.group(1), 16) == value, name
    pmd.quit()


def test_used_descriptors(testpmd):
    """Behind a slow wire as many descriptors of transmission are in use as there are, then none."""
    pmd = testpmd(["net_revere0,backend=null"], ["--txd=1024"])

    def used(text):
        return int(re.search(r"[Uu]sed desc\w* count = (\d+)", text).group(1))
    if "count = " not in since(pmd, "show port 0 txq 0 desc used count"):
        pytest.skip("this DPDK doesn't count descriptors of transmission")
    pmd.command("set port 0 queue 0 rate 1")
    pmd.command("set fwd txonly")
    pmd.command("set txpkts 1000")
    pmd.command("start")
    count = "show port 0 txq 0 desc used count"
    assert wait_until(lambda: used(pmd.command(count)) >= 1024 - 32)
    pmd.command("stop")
    pmd.command("set port 0 queue 0 rate 0")
    assert wait_until(lambda: used(pmd.command(count)) == 0)
    pmd.quit()
