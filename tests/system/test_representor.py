# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Virtual ports and representors: first packets come to the switch, rules take the rest away."""

import pytest
from conftest import leave, wait_until, xstats
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

UPLINK, REPR0, REPR1, VIRTUAL0, VIRTUAL1 = range(5)
FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.0.0.2")
PAYLOAD = Raw(bytes(range(64)))


@pytest.fixture
def switch(testpmd, tap_name, tap):
    """An uplink on a tap, two virtual ports, and their representors."""
    def start():
        pmd = testpmd([f"net_revere0,emu=sw,tap={tap_name},representor=[0-1]",
                       "net_revere1,emu=sw,virtual=0", "net_revere2,emu=sw,virtual=1"],
                      ["--total-num-mbufs=16384", "--rxd=256", "--txd=256"])
        for port in range(5):
            pmd.wait_link(port)
        return pmd, tap(tap_name)
    return start


def received(pmd, port):
    """Packets that a port received."""
    return pmd.port_stats(port)["RX-packets"]


def arrives(pmd, port, count):
    """Whether a port has received so many packets, and no more, after a while."""
    return wait_until(lambda: received(pmd, port) >= count, 10) and received(pmd, port) == count


def rule(pmd, text):
    """A transfer rule of the uplink's port."""
    answer = pmd.command(f"flow create 0 transfer {text}")
    assert "created" in answer, answer


def test_names(switch):
    """Representors are ports like others, of the uplink's switch."""
    pmd, _ = switch()
    info = pmd.command(f"show port info {REPR1}")
    assert "net_revere0_representor_vf1" in info
    domain = [line for line in info.splitlines() if "domain" in line]
    assert domain and domain[0] in pmd.command(f"show port info {UPLINK}")
    leave(pmd)


def test_first_packets(switch):
    """What no rule takes goes between a virtual port and its representor, both ways."""
    pmd, tap = switch()
    pmd.command("set fwd rxonly")
    pmd.command("start")
    # testpmd sends by one port: a burst of 32
    for source, target in ((VIRTUAL0, REPR0), (REPR1, VIRTUAL1)):
        before = received(pmd, target)
        pmd.command("stop")
        pmd.command("set fwd txonly")
        pmd.command(f"set portlist {source}")
        pmd.command("start tx_first 1")
        assert wait_until(lambda: received(pmd, target) > before), (source, target)
        pmd.command("stop")
    pmd.command("set fwd rxonly")
    pmd.command("set portlist 0,1,2,3,4")
    pmd.command("start")
    virtual = received(pmd, VIRTUAL0)
    uplink = received(pmd, UPLINK)
    tap.send(FRAME / UDP(dport=1) / PAYLOAD)
    assert wait_until(lambda: received(pmd, UPLINK) > uplink)
    assert received(pmd, VIRTUAL0) == virtual
    leave(pmd)


def test_offload(switch):
    """Rules send between uplink and virtual ports, past the host."""
    pmd, tap = switch()
    pmd.command("set fwd rxonly")
    pmd.command("start")
    rule(pmd, "pattern represented_port ethdev_port_id is 0 / eth / ipv4 / udp dst is 5 / end "
              f"actions count / represented_port ethdev_port_id {REPR0} / end")
    rule(pmd, "pattern represented_port ethdev_port_id is 0 / eth / ipv4 / udp dst is 6 / end "
              f"actions port_representor port_id {REPR1} / end")
    rule(pmd, "pattern port_id id is 0 / eth / ipv4 / udp dst is 7 / end "
              f"actions port_id id {REPR1} / end")
    uplink = received(pmd, UPLINK)
    for dport in (5, 6, 7, 5):
        tap.send(FRAME / UDP(dport=dport) / PAYLOAD)
    assert arrives(pmd, VIRTUAL0, 2)
    assert arrives(pmd, REPR1, 1) and arrives(pmd, VIRTUAL1, 1)
    assert received(pmd, UPLINK) == uplink
    assert "hits: 2" in pmd.command("flow query 0 0 count")
    leave(pmd)


def test_mirror(switch):
    """What goes to one virtual port is seen by another one, too."""
    pmd, tap = switch()
    pmd.command("set fwd rxonly")
    pmd.command("start")
    pmd.command(f"set sample_actions 0 port_id id {REPR1} / end")
    rule(pmd, "pattern represented_port ethdev_port_id is 0 / eth / ipv4 / udp dst is 5 / end "
              f"actions sample ratio 1 index 0 / represented_port ethdev_port_id {REPR0} / end")
    for _ in range(3):
        tap.send(FRAME / UDP(dport=5) / PAYLOAD)
    assert arrives(pmd, VIRTUAL0, 3) and arrives(pmd, VIRTUAL1, 3)
    leave(pmd)


def test_out(switch):
    """Of what a virtual port sends, a rule sends one kind on; the rest comes to the switch."""
    pmd, tap = switch()
    rule(pmd, f"pattern represented_port ethdev_port_id is {REPR0} / eth / ipv4 / "
              "udp dst is 5 / end actions represented_port ethdev_port_id 0 / end")
    rule(pmd, "pattern represented_port ethdev_port_id is 0 / eth / ipv4 / end "
              f"actions represented_port ethdev_port_id {REPR0} / end")
    pmd.command("set fwd io")
    pmd.command(f"set portlist {VIRTUAL0}")
    pmd.command("start")
    five = FRAME / UDP(dport=5) / PAYLOAD
    tap.send(FRAME / UDP(dport=9) / PAYLOAD)
    assert tap.exchange(five, 15) == bytes(five)
    assert arrives(pmd, VIRTUAL0, 2)
    # The other one came back to the representor, where nobody forwards.
    assert wait_until(lambda: xstats(pmd, REPR0)["rx_good_packets"] == 1)
    leave(pmd)


def test_refusals(testpmd, tap_name):
    """Each with its reason."""
    pmd = testpmd(["net_revere0,emu=sw,representor=0", f"net_revere1,tap={tap_name}"])
    for text, why in (
            ("0 transfer pattern represented_port ethdev_port_id is 2 / end actions drop / end",
             "isn't a port of the same adapter"),
            ("0 transfer pattern eth / end actions represented_port ethdev_port_id 1 / end",
             "isn't a port of the same adapter"),
            ("0 ingress pattern represented_port ethdev_port_id is 0 / end actions drop / end",
             "only in transfer")):
        answer = pmd.command("flow create " + text)
        assert "Caught PMD error" in answer and why in answer, answer
    for devargs in ("representor=[0-1", "representor=pf0vf1", "representor=sf0",
                    "representor=999", "virtual=1,representor=2", "virtual=256", "virtual=x"):
        assert "Failed" in pmd.command(f"port attach net_revere9,emu=sw,{devargs}"), devargs
    assert pmd.quit() == 0
