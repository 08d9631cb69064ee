# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""rte_flow with stock dpdk-testpmd: what each item matches and each action does, byte by byte."""

import re
import struct

import pytest
from conftest import leave, wait_until
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

SRC, DST, NEW = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:99"
ETH = Ether(src=SRC, dst=DST)
PAYLOAD = Raw(b"0123456789abcdefghijklmnopqrstuvwxyz")
V4 = IP(src="10.0.0.1", dst="10.0.0.2", ttl=60, tos=0x20)
V6 = IPv6(src="fd00::1", dst="fd00::2", hlim=60, tc=0x20, fl=0x12345)
INNER = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / IP(
    src="192.168.0.1", dst="192.168.0.2") / TCP(sport=5, dport=6)
TUNNEL = ETH / V4 / UDP(sport=50000, dport=4789)


@pytest.fixture
def flow_port(testpmd, tap_name, tap):
    """start(): testpmd that sends back what comes by its tap, and the tap."""
    def start(app=()):
        pmd = testpmd([f"net_revere0,backend=tap,tap={tap_name}"], app)
        pmd.command("set fwd io")
        pmd.command("start")
        return pmd, tap(tap_name)
    return start


def rule(pmd, text, port=0):
    """Creates a flow; its number."""
    answer = pmd.command(f"flow create {port} {text}")
    made = re.search(r"Flow rule #(\d+) created", answer)
    assert made, answer
    return int(made.group(1))


def destroy(pmd, number, port=0):
    """Ends a flow."""
    answer = pmd.command(f"flow destroy {port} rule {number}")
    assert f"Flow rule #{number} destroyed" in answer, answer


def receive(port, seconds=15):
    """The next frame that isn't the kernel's own neighbour discovery."""
    while (frame := port.receive(seconds)) is not None and frame[:2] == b"\x33\x33":
        pass
    return frame


def exchange(port, frame):
    """Sends a frame and gives what comes back."""
    port.send(frame)
    back = receive(port)
    assert back is not None, "nothing came back"
    return back


# ---- Items -------------------------------------------------------------------------------------

# pattern, a frame that it matches, one that it doesn't
ITEMS = {
    "eth_src": (f"eth src is {SRC}", ETH / V4 / PAYLOAD,
                Ether(src=NEW, dst=DST) / V4 / PAYLOAD),
    "eth_mask": (f"eth dst spec {DST} dst mask ff:ff:00:00:00:00", ETH / V4 / PAYLOAD,
                 Ether(src=SRC, dst="02:01:00:00:00:02") / V4 / PAYLOAD),
    "eth_type": ("eth type is 0x86dd", ETH / V6 / PAYLOAD, ETH / V4 / PAYLOAD),
    "vlan": ("eth / vlan vid is 5", ETH / Dot1Q(vlan=5) / V4 / PAYLOAD,
             ETH / Dot1Q(vlan=6) / V4 / PAYLOAD),
    "vlan_pcp": ("eth / vlan pcp is 3 / ipv4", ETH / Dot1Q(vlan=5, prio=3) / V4 / PAYLOAD,
                 ETH / Dot1Q(vlan=5, prio=2) / V4 / PAYLOAD),
    "qinq": ("eth / vlan vid is 7 / vlan vid is 8 / ipv4",
             ETH / Dot1AD(vlan=7) / Dot1Q(vlan=8) / V4 / PAYLOAD,
             ETH / Dot1AD(vlan=8) / Dot1Q(vlan=7) / V4 / PAYLOAD),
    "vlan_ad": ("eth type is 0x88a8 / vlan vid is 5", ETH / Dot1AD(vlan=5) / V4 / PAYLOAD,
                ETH / Dot1Q(vlan=5) / V4 / PAYLOAD),
    "vlan_q": ("eth type is 0x8100 / vlan vid is 5 / ipv4", ETH / Dot1Q(vlan=5) / V4 / PAYLOAD,
               ETH / Dot1AD(vlan=5) / V4 / PAYLOAD),
    "vlan_second": ("eth / vlan inner_type is 0x8100 / vlan vid is 8",
                    ETH / Dot1AD(vlan=7) / Dot1Q(vlan=8) / V4 / PAYLOAD,
                    ETH / Dot1AD(vlan=7) / Dot1AD(vlan=8) / V4 / PAYLOAD),
    "vlan_one": ("eth / vlan inner_type is 0x0800", ETH / Dot1Q(vlan=5) / V4 / PAYLOAD,
                 ETH / Dot1Q(vlan=5) / Dot1Q(vlan=6) / V4 / PAYLOAD),
    "vlan_any": ("eth / vlan / ipv4", ETH / Dot1Q(vlan=9) / V4 / PAYLOAD, ETH / V4 / PAYLOAD),
    "ipv4": ("eth / ipv4", ETH / V4 / PAYLOAD, ETH / V6 / PAYLOAD),
    "ipv4_src": ("eth / ipv4 src is 10.0.0.1", ETH / V4 / PAYLOAD,
                 ETH / IP(src="10.0.0.3", dst="10.0.0.2") / PAYLOAD),
    "ipv4_net": ("eth / ipv4 dst spec 10.0.0.0 dst mask 255.255.255.0", ETH / V4 / PAYLOAD,
                 ETH / IP(src="10.0.0.3", dst="10.0.1.2") / PAYLOAD),
    "ipv4_fields": ("eth / ipv4 tos is 0x20 ttl is 60 proto is 17",
                    ETH / V4 / UDP() / PAYLOAD, ETH / V4 / TCP() / PAYLOAD),
    "ipv4_options": ("eth / ipv4 / udp dst is 9",
                     ETH / IP(options=[b"\x01" * 8]) / UDP(dport=9) / PAYLOAD,
                     ETH / IP(options=[b"\x01" * 8]) / UDP(dport=10) / PAYLOAD),
    "ipv4_fragment": ("eth / ipv4 fragment_offset spec 0x2000 fragment_offset mask 0x2000",
                      ETH / IP(flags="MF", proto=17) / PAYLOAD, ETH / V4 / UDP() / PAYLOAD),
    "ipv6": ("eth / ipv6 src is fd00::1 dst is fd00::2", ETH / V6 / UDP() / PAYLOAD,
             ETH / IPv6(src="fd00::3", dst="fd00::2") / UDP() / PAYLOAD),
    "ipv6_fields": ("eth / ipv6 tc is 0x20 flow is 0x12345 hop is 60", ETH / V6 / PAYLOAD,
                    ETH / IPv6(hlim=60, tc=0x20, fl=0x12346) / PAYLOAD),
    "ipv6_behind": ("eth / ipv6 / udp src is 77",
                    ETH / V6 / IPv6ExtHdrDestOpt() / UDP(sport=77) / PAYLOAD,
                    ETH / V6 / IPv6ExtHdrDestOpt() / UDP(sport=78) / PAYLOAD),
    "ipv6_ext": ("eth / ipv6 / ipv6_ext", ETH / V6 / IPv6ExtHdrDestOpt() / UDP() / PAYLOAD,
                 ETH / V6 / UDP() / PAYLOAD),
    "ipv6_frag_ext": ("eth / ipv6 / ipv6_frag_ext",
                      ETH / V6 / IPv6ExtHdrFragment(m=1, nh=17) / PAYLOAD,
                      ETH / V6 / UDP() / PAYLOAD),
    "ipv6_frag_atomic": ("eth / ipv6 / ipv6_frag_ext",
                         ETH / V6 / IPv6ExtHdrFragment(nh=17) / UDP() / PAYLOAD,
                         ETH / V6 / IPv6ExtHdrDestOpt() / UDP() / PAYLOAD),
    "tcp": ("eth / ipv4 / tcp src is 1 dst is 2", ETH / V4 / TCP(sport=1, dport=2) / PAYLOAD,
            ETH / V4 / UDP(sport=1, dport=2) / PAYLOAD),
    "tcp_flags": ("eth / ipv4 / tcp flags spec 0x02 flags mask 0x02",
                  ETH / V4 / TCP(flags="SA") / PAYLOAD, ETH / V4 / TCP(flags="A") / PAYLOAD),
    "udp_range": ("eth / ipv4 / udp dst spec 1000 dst last 1999 dst mask 0xffff",
                  ETH / V4 / UDP(dport=1999) / PAYLOAD, ETH / V4 / UDP(dport=2000) / PAYLOAD),
    "udp_range_low": ("eth / ipv4 / udp dst spec 1001 dst last 1002 dst mask 0xffff",
                      ETH / V4 / UDP(dport=1001) / PAYLOAD, ETH / V4 / UDP(dport=1000) / PAYLOAD),
    "sctp": ("eth / ipv4 / sctp dst is 5", ETH / V4 / SCTP(dport=5) / PAYLOAD,
             ETH / V4 / SCTP(dport=6) / PAYLOAD),
    "icmp": ("eth / ipv4 / icmp type is 8 code is 0", ETH / V4 / ICMP(type=8) / PAYLOAD,
             ETH / V4 / ICMP(type=0) / PAYLOAD),
    "icmp6": ("eth / ipv6 / icmp6 type is 128", ETH / V6 / ICMPv6EchoRequest() / PAYLOAD,
              ETH / V6 / UDP() / PAYLOAD),
    "vxlan": ("eth / ipv4 / udp / vxlan vni is 42", TUNNEL / VXLAN(vni=42) / INNER,
              TUNNEL / VXLAN(vni=43) / INNER),
    "vxlan_inner": ("eth / ipv4 / udp / vxlan / eth / ipv4 dst is 192.168.0.2 / tcp dst is 6",
                    TUNNEL / VXLAN(vni=42) / INNER, INNER / PAYLOAD),
    "geneve": ("eth / ipv4 / udp / geneve vni is 3 / eth / ipv4",
               ETH / V4 / UDP(dport=6081) / GENEVE(vni=3) / INNER,
               ETH / V4 / UDP(dport=6081) / GENEVE(vni=4) / INNER),
    "gre": ("eth / ipv4 / gre protocol is 0x0800 / ipv4 src is 1.2.3.4",
            ETH / V4 / GRE() / IP(src="1.2.3.4") / PAYLOAD,
            ETH / V4 / GRE() / IP(src="1.2.3.5") / PAYLOAD),
    "gre_key": ("eth / ipv4 / gre / gre_key value is 99",
                ETH / V4 / GRE(key_present=1, key=99) / IP() / PAYLOAD,
                ETH / V4 / GRE() / IP() / PAYLOAD),
    "mpls": ("eth / mpls label is 1000 / ipv4 / udp dst is 3",
             ETH / MPLS(label=1000, s=1, ttl=9) / V4 / UDP(dport=3) / PAYLOAD,
             ETH / MPLS(label=1001, s=1, ttl=9) / V4 / UDP(dport=3) / PAYLOAD),
    "ip_in_ip": ("eth / ipv4 / ipv6 src is fd00::1", ETH / V4 / V6 / PAYLOAD, ETH / V6 / PAYLOAD),
}


def test_items(flow_port):
    """A matched frame gets another destination; one that isn't stays as it is."""
    pmd, port = flow_port()
    wrong = []
    for name, (pattern, hit, miss) in ITEMS.items():
        number = rule(pmd, f"ingress pattern {pattern} / end "
                           f"actions set_mac_dst mac_addr {NEW} / queue index 0 / end")
        marked = exchange(port, hit)
        if marked[:6] != bytes.fromhex(NEW.replace(":", "")) or marked[6:] != bytes(hit)[6:]:
            wrong.append(f"{name}: {bytes(hit).hex()} isn't matched: {marked.hex()}")
        if exchange(port, miss) != bytes(miss):
            wrong.append(f"{name}: {bytes(miss).hex()} is matched")
        destroy(pmd, number)
    assert not wrong, "\n".join(wrong)
    leave(pmd)


# ---- Actions -----------------------------------------------------------------------------------

UDP4 = ETH / V4 / UDP(sport=1, dport=2) / PAYLOAD
TCP4 = ETH / V4 / TCP(sport=1, dport=2) / PAYLOAD
UDP6 = ETH / V6 / UDP(sport=1, dport=2) / PAYLOAD


def changed(frame, **layers):
    """A frame with other fields, lengths and checksums made anew by scapy."""
    frame = frame.copy()
    for layer, fields in layers.items():
        part = frame.getlayer(layer)
        for name, value in fields.items():
            setattr(part, name, value)
    return frame


# actions, frame, what becomes of it
ACTIONS = {
    "set_mac": (f"set_mac_src mac_addr {NEW} / set_mac_dst mac_addr {NEW}", UDP4,
                changed(UDP4, Ether={"src": NEW, "dst": NEW})),
    "set_ipv4": ("set_ipv4_src ipv4_addr 1.2.3.4 / set_ipv4_dst ipv4_addr 5.6.7.8", UDP4,
                 changed(UDP4, IP={"src": "1.2.3.4", "dst": "5.6.7.8"})),
    "set_ipv4_tcp": ("set_ipv4_src ipv4_addr 255.255.255.255", TCP4,
                     changed(TCP4, IP={"src": "255.255.255.255"})),
    "set_ipv6": ("set_ipv6_src ipv6_addr fd01::9 / set_ipv6_dst ipv6_addr fd01::8", UDP6,
                 changed(UDP6, IPv6={"src": "fd01::9", "dst": "fd01::8"})),
    "set_tp": ("set_tp_src port 3333 / set_tp_dst port 4444", TCP4,
               changed(TCP4, TCP={"sport": 3333, "dport": 4444})),
    "set_tp_udp6": ("set_tp_src port 3333 / set_tp_dst port 4444", UDP6,
                    changed(UDP6, UDP={"sport": 3333, "dport": 4444})),
    "set_tp_sctp": ("set_tp_dst port 4444", ETH / V4 / SCTP(sport=1, dport=2) / PAYLOAD,
                    ETH / V4 / SCTP(sport=1, dport=4444) / PAYLOAD),
    "set_ttl": ("set_ttl ttl_value 9", UDP4, changed(UDP4, IP={"ttl": 9})),
    "set_hop": ("set_ttl ttl_value 9", UDP6, changed(UDP6, IPv6={"hlim": 9})),
    "dec_ttl": ("dec_ttl", UDP4, changed(UDP4, IP={"ttl": 59})),
    "dec_hop": ("dec_ttl", UDP6, changed(UDP6, IPv6={"hlim": 59})),
    "set_dscp": ("set_ipv4_dscp dscp_value 10", UDP4, changed(UDP4, IP={"tos": 40})),
    "set_dscp6": ("set_ipv6_dscp dscp_value 10", UDP6, changed(UDP6, IPv6={"tc": 40})),
    "vlan_push": ("of_push_vlan ethertype 0x8100 / of_set_vlan_vid vlan_vid 77 / "
                  "of_set_vlan_pcp vlan_pcp 5", UDP4,
                  ETH / Dot1Q(vlan=77, prio=5) / V4 / UDP(sport=1, dport=2) / PAYLOAD),
    "vlan_pop": ("of_pop_vlan", ETH / Dot1Q(vlan=77) / V4 / UDP(sport=1, dport=2) / PAYLOAD, UDP4),
    "vlan_set": ("of_set_vlan_vid vlan_vid 9", ETH / Dot1Q(vlan=77, prio=3) / V4 / PAYLOAD,
                 ETH / Dot1Q(vlan=9, prio=3) / V4 / PAYLOAD),
    "vxlan_decap": ("vxlan_decap", TUNNEL / VXLAN(vni=42) / INNER / PAYLOAD, INNER / PAYLOAD),
    "several": ("set_ipv4_dst ipv4_addr 9.9.9.9 / dec_ttl / set_tp_dst port 80 / "
                "of_push_vlan ethertype 0x8100 / of_set_vlan_vid vlan_vid 2", TCP4,
                ETH / Dot1Q(vlan=2, type=0x800) / IP(src="10.0.0.1", dst="9.9.9.9", ttl=59,
                                                     tos=0x20)
                / TCP(sport=1, dport=80) / PAYLOAD),
}


def pattern_of(frame):
    """The headers that a frame has, down to a tunnel's, as a pattern."""
    names = {"Ether": "eth", "Dot1Q": "vlan", "IP": "ipv4", "IPv6": "ipv6", "UDP": "udp",
             "TCP": "tcp", "SCTP": "sctp", "VXLAN": "vxlan"}
    layers = [names.get(layer.__name__) for layer in frame.layers()]
    if "vxlan" in layers:
        layers = layers[:layers.index("vxlan") + 1]
    return " / ".join(name for name in layers if name)


def test_actions(flow_port):
    """Bytes, with the checksums that scapy computes for the frame that is to come."""
    pmd, port = flow_port()
    wrong = []
    for name, (actions, frame, expected) in ACTIONS.items():
        number = rule(pmd, f"ingress pattern {pattern_of(frame)} / end actions {actions} / "
                           "queue index 0 / end")
        got = exchange(port, frame)
        if got != bytes(expected):
            wrong.append(f"{name}:\n{got.hex()} instead of\n{bytes(expected).hex()}")
        destroy(pmd, number)
    assert not wrong, "\n".join(wrong)
    leave(pmd)


def test_vxlan_encap(flow_port):
    """Lengths, checksum and a source port made of the flow; decapsulated it is as before."""
    pmd, port = flow_port()
    pmd.command("set vxlan ip-version ipv4 vni 42 udp-src 0 udp-dst 4789 ip-src 10.1.0.1 "
                f"ip-dst 10.1.0.2 eth-src {SRC} eth-dst {NEW}")
    number = rule(pmd, "egress pattern eth / end actions vxlan_encap / end")
    got = Ether(exchange(port, UDP4))
    assert got.dst == NEW and got[IP].dst == "10.1.0.2" and got[VXLAN].vni == 42
    assert got[UDP].sport >= 0xc000 and got[UDP].dport == 4789
    assert bytes(got[VXLAN].payload) == bytes(UDP4)
    assert got[IP].len == len(UDP4) + 36 and got[UDP].len == len(UDP4) + 16
    checksum = got[IP].chksum
    del got[IP].chksum
    assert Ether(bytes(got))[IP].chksum == checksum
    destroy(pmd, number)
    leave(pmd)


def test_raw_encap(flow_port):
    """Any header may come off and be put in front."""
    pmd, port = flow_port()
    pmd.command("set raw_decap 0 eth / end_set")
    pmd.command(f"set raw_encap 0 eth src is {NEW} dst is {NEW} type is 0x0800 / end_set")
    rule(pmd, "ingress pattern eth / end actions raw_decap index 0 / raw_encap index 0 / "
              "queue index 0 / end")
    assert exchange(port, UDP4) == bytes(changed(UDP4, Ether={"src": NEW, "dst": NEW}))
    leave(pmd)


def count_of(pmd, number):
    """Packets and bytes of a flow's counter."""
    text = pmd.command(f"flow query 0 {number} count")
    return tuple(int(re.search(rf"{what}: (\d+)", text).group(1)) for what in ("hits", "bytes"))


def test_drop_count(flow_port):
    """What is dropped is counted, priorities decide, and nothing else is lost."""
    pmd, port = flow_port()
    number = rule(pmd, "priority 1 ingress pattern eth / ipv4 / end actions count / drop / end")
    passing = rule(pmd, "priority 0 ingress pattern eth / ipv4 / udp dst is 7 / end "
                        "actions count / queue index 0 / end")
    seven = ETH / V4 / UDP(dport=7) / PAYLOAD
    for _ in range(3):
        port.send(UDP4)
        assert exchange(port, seven) == bytes(seven)
    assert count_of(pmd, number) == (3, 3 * len(UDP4))
    assert count_of(pmd, passing) == (3, 3 * len(seven))
    destroy(pmd, number)
    assert exchange(port, UDP4) == bytes(UDP4)
    leave(pmd)


def test_jump_mark_groups(flow_port):
    """A mark of one group is an item of the next."""
    pmd, port = flow_port()
    rule(pmd, "group 0 ingress pattern eth / ipv4 / udp dst is 5 / end "
              "actions mark id 55 / jump group 3 / end")
    rule(pmd, "group 0 ingress priority 1 pattern eth / ipv4 / end actions jump group 3 / end")
    rule(pmd, f"group 3 ingress pattern mark id is 55 / eth / end "
              f"actions set_mac_dst mac_addr {NEW} / queue index 0 / end")
    five = ETH / V4 / UDP(dport=5) / PAYLOAD
    assert exchange(port, five) == bytes(changed(five, Ether={"dst": NEW}))
    assert exchange(port, UDP4) == bytes(UDP4)
    leave(pmd)


def test_mark_flag(flow_port):
    """What a rule marks the application sees; one that goes on (passthru) comes as ever."""
    pmd, port = flow_port()
    for dport, action in ((5, "mark id 55 / queue index 0"), (6, "flag / passthru"),
                          (7, "mark id 0x1234 / passthru")):
        rule(pmd, f"ingress pattern eth / ipv4 / udp dst is {dport} / end actions {action} / end")
    pmd.command("set verbose 1")
    pmd.command("set fwd rxonly")
    pmd.command("stop")
    pmd.command("start")
    for dport, flags in ((5, "ID=0x37"), (6, "RTE_MBUF_F_RX_FDIR "), (7, "ID=0x1234")):
        start = len(pmd.output)
        port.send(ETH / V4 / UDP(dport=dport) / PAYLOAD)
        text = pmd.expect(r"^.*L2_ETHER.*\n(.*\n)*?.*ol_flags: .*$", start).group(0)
        assert "FDIR matched" in text and flags in text, text
    leave(pmd)


def test_queues(flow_port):
    """Queue and RSS choose queues; what is meant for another address comes too."""
    pmd, port = flow_port(["--rxq=4", "--txq=4"])
    rule(pmd, "ingress pattern eth / ipv4 / udp dst is 5 / end actions queue index 3 / end")
    rule(pmd, "ingress pattern eth / ipv4 / tcp / end actions rss types ipv4-tcp end "
              "queues 1 2 end / end")
    # The kernel may have something to say about its new interface.
    rule(pmd, "ingress pattern eth / ipv6 / end actions drop / end")
    pmd.command("clear port xstats 0")
    pmd.command("clear port stats 0")
    pmd.command("set fwd rxonly")
    pmd.command("stop")
    pmd.command("start")
    port.send(ETH / V4 / UDP(dport=5) / PAYLOAD)
    for source in range(40):
        port.send(ETH / V4 / TCP(sport=source) / PAYLOAD)
    wait_until(lambda: pmd.port_stats()["RX-packets"] >= 41)
    pmd.command("stop")
    text = pmd.command("show port xstats 0")
    packets = [int(re.search(rf"rx_q{q}_packets: (\d+)", text).group(1)) for q in range(4)]
    assert packets[0] == 0 and packets[3] == 1
    assert packets[1] + packets[2] == 40 and min(packets[1:3]) > 4
    leave(pmd)


RSS_KEY = bytes((7 * i + 3) % 256 for i in range(40))


def toeplitz(data, key=RSS_KEY):
    """Toeplitz hash of bytes."""
    window, result = int.from_bytes(key, "big"), 0
    for i in range(len(data) * 8):
        if data[i // 8] >> (7 - i % 8) & 1:
            result ^= window >> (len(key) * 8 - 32 - i) & 0xffffffff
    return result


def xor_words(data):
    """XOR of the words of 4 bytes."""
    result = 0
    for word in struct.unpack(f">{len(data) // 4}I", data):
        result ^= word
    return result


def symmetric(data):
    """What SYMMETRIC_TOEPLITZ hashes of two addresses and two ports: their XOR, twice."""
    address = bytes(a ^ b for a, b in zip(data[:4], data[4:8]))
    port = bytes(a ^ b for a, b in zip(data[8:10], data[10:12]))
    return toeplitz(address * 2 + port * 2)


def test_rss_functions(flow_port):
    """Rules hash by functions, keys and levels of their own, and choose the queue by that."""
    pmd, port = flow_port(["--rxq=4", "--txq=4", "--rx-offloads=0x80000"])  # RSS_HASH
    key = RSS_KEY.hex()
    actions = {5: f"func toeplitz key {key} key_len 40 types ipv4-udp end",
               6: "func simple_xor types ipv4-udp end",
               7: f"func symmetric_toeplitz key {key} key_len 40 types ipv4-udp end",
               4789: f"level 2 key {key} key_len 40 types ipv4-tcp end",
               8: f"level 1 key {key} key_len 40 types ipv4 end"}
    for dport, action in actions.items():
        rule(pmd, f"ingress pattern eth / ipv4 / udp dst is {dport} / end "
                  f"actions rss {action} queues 1 2 3 end / end")
    for wrong in ("level 3", "key 0102 key_len 2", "types esp end"):
        assert "Caught" in pmd.command("flow create 0 ingress pattern eth / ipv6 / end actions "
                                       f"rss {wrong} queues 1 end / end"), wrong
    pmd.command("set verbose 1")
    pmd.command("set fwd rxonly")
    pmd.command("stop")
    pmd.command("start")
    outer = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    expected = {5: toeplitz(outer + struct.pack(">HH", 99, 5)),
                6: xor_words(outer + struct.pack(">HH", 99, 6)),
                7: symmetric(outer + struct.pack(">HH", 99, 7)),
                4789: toeplitz(bytes([192, 168, 0, 1, 192, 168, 0, 2, 0, 5, 0, 6])),
                8: toeplitz(outer)}
    for dport, value in expected.items():
        start = len(pmd.output)
        inside = VXLAN(vni=1) / INNER if dport == 4789 else PAYLOAD
        port.send(ETH / V4 / UDP(sport=99, dport=dport) / inside)
        text = pmd.expect(r"RSS hash=0x([0-9a-f]+) - RSS queue=0x([0-9a-f]+)", start)
        assert int(text.group(1), 16) == value, dport
        assert int(text.group(2), 16) == 1 + value % 3, dport
    leave(pmd)


def test_isolate(flow_port):
    """Isolated, nothing comes but what a rule takes."""
    pmd, port = flow_port()
    assert "Ingress traffic on port 0 is now restricted" in pmd.command("flow isolate 0 1")
    rule(pmd, "ingress pattern eth / ipv4 / udp dst is 5 / end actions queue index 0 / end")
    five = ETH / V4 / UDP(dport=5) / PAYLOAD
    port.send(UDP4)
    assert exchange(port, five) == bytes(five)
    leave(pmd)


def test_shared_count_age_dump(flow_port):
    """A counter for two flows; a flow ages without packets."""
    pmd, port = flow_port()
    assert "created" in pmd.command(
        "flow indirect_action 0 create action_id 1 ingress action count / end")
    for dport in (5, 6):
        rule(pmd, f"ingress pattern eth / ipv4 / udp dst is {dport} / end "
                  "actions indirect 1 / queue index 0 / end")
    aging = rule(pmd, "ingress pattern eth / ipv4 / udp dst is 9 / end "
                      "actions age timeout 1 / queue index 0 / end")
    for dport in (5, 6, 5):
        exchange(port, ETH / V4 / UDP(dport=dport) / PAYLOAD)
    assert "hits: 3" in pmd.command("flow indirect_action 0 query 1")
    told = []

    def aged():
        told.append(pmd.command("flow aged 0"))  # who is told isn't told again
        return re.search(rf"^Flow\s+{aging}\b", "\n".join(told), re.M)
    assert wait_until(aged, 20)
    assert "matcher" in pmd.command("flow dump 0 all")
    leave(pmd)


def shared(pmd, number):
    """Hits of a shared counter."""
    text = pmd.command(f"flow indirect_action 0 query {number}")
    return int(re.search(r"hits: (\d+)", text).group(1))


def test_shared_count_stays(flow_port):
    """A shared counter is its handle's: flows come and go, and another handle begins at 0."""
    pmd, port = flow_port()
    for number in (1, 2):
        assert "created" in pmd.command(
            f"flow indirect_action 0 create action_id {number} ingress action count / end")
    assert "counts once" in pmd.command(
        "flow create 0 ingress pattern eth / ipv4 / udp dst is 5 / end "
        "actions indirect 1 / indirect 2 / queue index 0 / end")
    five = ETH / V4 / UDP(dport=5) / PAYLOAD
    for expected in (1, 2):
        number = rule(pmd, "ingress pattern eth / ipv4 / udp dst is 5 / end "
                           "actions indirect 1 / queue index 0 / end")
        assert exchange(port, five) == bytes(five)
        assert "uses the shared action" in pmd.command(
            "flow indirect_action 0 destroy action_id 1")
        destroy(pmd, number)
        assert (shared(pmd, 1), shared(pmd, 2)) == (expected, 0)
    assert "destroyed" in pmd.command("flow indirect_action 0 destroy action_id 1")
    assert "created" in pmd.command(
        "flow indirect_action 0 create action_id 3 ingress action count / end")
    assert shared(pmd, 3) == 0
    leave(pmd)


def test_meter(flow_port):
    """Of a burst no more passes than the bucket holds, however often its counts are cleared."""
    pmd, port = flow_port()
    pmd.command("add port meter profile srtcm_rfc2697 0 1 1 2000 0 0")
    pmd.command("add port meter policy 0 1 g_actions end y_actions end r_actions drop / end")
    pmd.command("create port meter 0 1 1 1 yes 0xffff 0 g 0")
    rule(pmd, "ingress pattern eth / ipv4 / udp dst is 5 / end "
              "actions meter mtr_id 1 / queue index 0 / end")
    frame = ETH / V4 / UDP(dport=5) / Raw(bytes(1000 - 42))
    red = []

    def refused(number):
        text = pmd.command("show port meter stats 0 1 yes")
        red.append(int(re.search(r"Pkts R: (\d+)", text).group(1)))
        return sum(red) == number
    for sent, number in ((6, 4), (9, 13)):
        for _ in range(sent):
            port.send(frame)
        assert wait_until(lambda number=number: refused(number)), red
    assert [receive(port), receive(port)] == [bytes(frame)] * 2
    assert receive(port, 1) is None
    leave(pmd)


def test_sample(flow_port):
    """A copy of each packet, as it is at that point, goes its own way."""
    pmd, port = flow_port()
    pmd.command("set sample_actions 0 mark id 3 / queue index 0 / end")
    rule(pmd, "ingress pattern eth / ipv4 / udp dst is 5 / end "
              f"actions set_mac_dst mac_addr {NEW} / sample ratio 1 index 0 / queue index 0 / end")
    five = ETH / V4 / UDP(dport=5) / PAYLOAD
    port.send(five)
    expected = bytes(changed(five, Ether={"dst": NEW}))
    assert [receive(port), receive(port)] == [expected, expected]
    leave(pmd)


REFUSED = {
    "queue": ("ingress pattern eth / end actions queue index 7 / end", "Rx queue"),
    "two fates": ("ingress pattern eth / end actions queue index 0 / drop / end", "already"),
    "egress queue": ("egress pattern eth / end actions queue index 0 / end", "only in ingress"),
    "contradiction": ("ingress pattern eth type is 0x86dd / ipv4 / end actions drop / end",
                      "contradicts"),
    "protocol": ("ingress pattern eth / ipv4 proto is 6 / udp / end actions drop / end",
                 "contradicts"),
    "item": ("ingress pattern eth / ipv4 / esp / end actions drop / end", "can't match"),
    "field": ("ingress pattern eth / ipv4 / tcp flags is 2 / vxlan vni is 1 / eth / ipv4 / udp / "
              "vxlan / end actions drop / end", "tunnel"),
    "range": ("ingress pattern eth src spec 02:00:00:00:00:01 src last 02:00:00:00:00:09 "
              "src mask ff:ff:ff:ff:ff:ff / end actions drop / end", "ranges"),
    "range low": ("ingress pattern eth src spec 00:00:00:00:00:01 src last 00:00:00:00:00:09 "
                  "src mask ff:ff:ff:ff:ff:ff / end actions drop / end", "ranges"),
    "fragment": ("ingress pattern eth / ipv6 / ipv6_frag_ext packet_id is 5 / end "
                 "actions drop / end", "doesn't look at"),
    "fragment offset": ("ingress pattern eth / ipv6 / ipv6_frag_ext frag_data is 8 / end "
                        "actions drop / end", "doesn't look at"),
    "tag type": ("ingress pattern eth type spec 0x8100 type mask 0xff00 / end actions drop / end",
                 "as a whole"),
    "no tag": ("ingress pattern eth has_vlan is 0 / vlan / end actions drop / end",
               "contradicts"),
    "one tag": ("ingress pattern eth / vlan inner_type is 0x0800 / vlan / end actions drop / end",
                "contradicts"),
    "set_mac": (f"ingress pattern ipv4 / end actions set_mac_src mac_addr {NEW} / drop / end",
                "has no eth"),
    "set_ipv4": ("ingress pattern eth / ipv6 / end actions set_ipv4_src ipv4_addr 1.2.3.4 / "
                 "drop / end", "has no ipv4"),
    "set_ipv6": ("ingress pattern eth / ipv4 / end actions set_ipv6_dst ipv6_addr ::1 / "
                 "drop / end", "has no ipv6"),
    "set_tp": ("ingress pattern eth / ipv4 / icmp / end actions set_tp_dst port 5 / drop / end",
               "has no tcp, udp or sctp"),
    "set_dscp": ("ingress pattern eth / end actions set_ipv4_dscp dscp_value 1 / drop / end",
                 "has no ipv4"),
    "dec_ttl": ("ingress pattern eth / vlan / end actions dec_ttl / drop / end",
                "has no ipv4 and no ipv6"),
    "decap": ("ingress pattern eth / ipv4 / udp / end actions vxlan_decap / drop / end",
              "has no vxlan"),
    "set inside": ("ingress pattern eth / ipv4 / udp / vxlan / end actions vxlan_decap / "
                   "set_tp_dst port 5 / drop / end", "has no tcp, udp or sctp"),
    "mark": ("transfer pattern eth / end actions mark id 5 / port_id id 0 / end",
             "a mark doesn't come"),
    "meter": ("ingress pattern eth / end actions meter mtr_id 5 / drop / end", "meter"),
    "transfer action": ("ingress pattern eth / end actions port_id id 0 / end",
                        "only in transfer"),
    "count": ("ingress pattern eth / end actions count / count / drop / end", "counts once"),
    "group": ("group 70000 ingress pattern eth / end actions drop / end", "group"),
}


def test_refusals(flow_port):
    """The error says what isn't possible."""
    pmd, _ = flow_port()
    for name, (text, why) in REFUSED.items():
        for verb in ("validate", "create"):
            answer = pmd.command(f"flow {verb} 0 {text}")
            assert "Caught PMD error" in answer and why in answer, f"{name}: {answer}"
    rule(pmd, "ingress pattern eth / ipv4 / end actions drop / end")
    answer = pmd.command("flow create 0 ingress pattern eth / ipv4 / end actions drop / end")
    assert "there is a flow with this pattern" in answer
    pmd.command("flow flush 0")
    rule(pmd, "ingress pattern eth / ipv4 / end actions drop / end")
    leave(pmd)


def test_templates(flow_port):
    """Flows of templates, by a queue of operations."""
    pmd, port = flow_port(["--rxq=2", "--txq=2"])
    pmd.command("stop")
    pmd.command("port stop 0")
    assert "with 2 elements" in pmd.command("flow configure 0 queues_number 1 queues_size 2 "
                                            "counters_number 8 aging_counters_number 0 "
                                            "meters_number 0")
    pmd.command("port start 0")
    pmd.wait_link()
    pmd.command("set fwd io")
    pmd.command("start")
    for text in (
            "flow pattern_template 0 create pattern_template_id 2 relaxed no ingress "
            "template eth / ipv4 src mask 255.255.255.255 / udp / end",
            "flow actions_template 0 create ingress actions_template_id 3 "
            f"template set_mac_dst mac_addr {NEW} / queue / end "
            "mask set_mac_dst mac_addr ff:ff:ff:ff:ff:ff / queue / end",
            "flow template_table 0 create table_id 6 group 0 priority 0 ingress rules_number 64 "
            "pattern_template 2 actions_template 3",
            "flow actions_template 0 create ingress actions_template_id 4 "
            "template set_tp_dst port 1000 / end mask set_tp_dst port 0 / end",
            "flow template_table 0 create table_id 7 group 0 priority 0 ingress rules_number 64 "
            "pattern_template 2 actions_template 4"):
        assert "created" in pmd.command(text), text
    assert "some of the address's bits" in pmd.command(
        "flow actions_template 0 create ingress actions_template_id 5 "
        f"template set_mac_dst mac_addr {NEW} / end mask set_mac_dst mac_addr ff:ff:ff:00:00:00 "
        "/ end")
    assert "a template has no ranges" in pmd.command(
        "flow pattern_template 0 create pattern_template_id 9 relaxed no ingress "
        "template eth / ipv4 / udp dst spec 5 dst last 9 dst mask 0xffff / end")
    create = ("flow queue 0 create 0 template_table 6 pattern_template 0 actions_template 0 "
              "postpone no pattern eth / ipv4 src is {} / udp / end "
              f"actions set_mac_dst mac_addr {SRC} / queue index 1 / end")
    results = []

    def pulled(count):
        results.append(pmd.command("flow pull 0 queue 0"))
        done = re.findall(r"pulled (\d+) operations \((\d+) failed", "\n".join(results))
        return sum(int(number) for number, _ in done) == count and all(
            failed == "0" for _, failed in done)
    for number, address in enumerate(("10.0.0.1", "10.0.0.7")):
        assert f"Flow rule #{number} creation enqueued" in pmd.command(create.format(address))
    assert "is full" in pmd.command(create.format("10.0.0.8"))
    assert "Queue #0 operations pushed" in pmd.command("flow push 0 queue 0")
    assert wait_until(lambda: pulled(2))
    assert "there is a flow with this pattern" in pmd.command(create.format("10.0.0.1"))
    assert "uses the" in pmd.command("flow pattern_template 0 destroy pattern_template 2")
    # The template's address, not that of the flow.
    assert exchange(port, UDP4) == bytes(changed(UDP4, Ether={"dst": NEW}))
    assert exchange(port, TCP4) == bytes(TCP4)
    assert "destruction enqueued" in pmd.command("flow queue 0 destroy 0 postpone no rule 0")
    assert wait_until(lambda: pulled(3))
    assert exchange(port, UDP4) == bytes(UDP4)
    # A mask of zeroes leaves the port to the flow.
    assert "enqueued" in pmd.command(
        "flow queue 0 create 0 template_table 7 pattern_template 0 actions_template 0 postpone no "
        "pattern eth / ipv4 src is 10.0.0.1 / udp / end actions set_tp_dst port 2000 / end")
    assert wait_until(lambda: pulled(4))
    assert exchange(port, UDP4) == bytes(changed(UDP4, UDP={"dport": 2000}))
    leave(pmd)
