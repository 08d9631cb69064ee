# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""The features matrix: which test shows each feature; and those that no other file tests."""

import configparser
import os
import re
import struct
import subprocess

import pytest
from conftest import leave, need_driver, programs, wait_until

import dpdksource  # noqa: E402  pylint: disable=C0411

TESTS = os.path.join(programs.TOP, "tests")
INI = os.path.join(programs.TOP, "doc", "guides", "nics", "features", "revere.ini")
# Where each feature is seen to work. Names without a file are cases of tests/unit.
SHOWN_BY = {
    "Speed capabilities": "test_features.py::test_port_info",
    "Link status": "test_testpmd.py::test_link_down_up",
    "Link status event": "test_socket.py::test_link_interrupt",
    "Removal event": "test_socket.py::test_killed",
    "Rx interrupt": "test_socket.py::test_rx_interrupts",
    "Fast mbuf free": "test_features.py::test_burst_modes",
    "Free Tx mbuf on demand": "test_features.py::test_cleanup",
    "Queue start/stop": "test_steer.py::test_queues_stop_and_start",
    "Runtime Rx queue setup": "test_steer.py::test_queues_stop_and_start",
    "Runtime Tx queue setup": "test_steer.py::test_queues_stop_and_start",
    "Burst mode info": "test_features.py::test_burst_modes",
    "Power mgmt address monitor": "insides_are_shown",
    "MTU update": "test_testpmd.py::test_mtu",
    "Buffer split on Rx": "test_receive.py::test_split",
    "Scattered Rx": "test_testpmd.py::test_payloads_jumbo",
    "LRO": "test_receive.py::test_lro",
    "TSO": "test_offload.py::test_tso",
    "Promiscuous mode": "test_testpmd.py::test_filter",
    "Allmulticast mode": "test_testpmd.py::test_filter",
    "Unicast MAC filter": "test_steer.py::test_mac_addresses",
    "Multicast MAC filter": "test_steer.py::test_multicast_list",
    "RSS hash": "test_receive.py::test_rss_types",
    "RSS key update": "test_receive.py::test_rss_symmetric",
    "RSS reta update": "test_features.py::test_reta",
    "Inner RSS": "test_receive.py::test_rss_level",
    "VMDq": "test_vhost.py::test_vm_to_nic_to_vm",
    "VLAN filter": "test_steer.py::test_vlan_filter",
    "Flow control": "test_steer.py::test_pause",
    "Rate limitation": "test_steer.py::test_queue_rate",
    "Traffic manager": "test_steer.py::test_weights",
    "CRC offload": "test_offload.py::test_keep_crc",
    "VLAN offload": "test_offload.py::test_rx_vlan",
    "QinQ offload": "test_offload.py::test_tx_vlan",
    "L3 checksum offload": "test_offload.py::test_rx_checksums",
    "L4 checksum offload": "test_offload.py::test_tx_checksums",
    "Timestamp offload": "test_offload.py::test_timestamps",
    "Inner L3 checksum": "test_offload.py::test_rx_checksums",
    "Inner L4 checksum": "test_offload.py::test_tx_tunnels",
    "Packet type parsing": "test_offload.py::test_rx_checksums",
    "Timesync": "test_offload.py::test_ieee1588",
    "Rx descriptor status": "test_steer.py::test_queues_stop_and_start",
    "Tx descriptor status": "test_steer.py::test_queues_stop_and_start",
    "Basic stats": "test_testpmd.py::test_stats_clear",
    "Extended stats": "test_features.py::test_queue_counters",
    "Stats per queue": "test_features.py::test_queue_counters",
    "FW version": "test_features.py::test_port_info",
    "Registers dump": "test_features.py::test_ethtool",
    "Multiprocess aware": "test_processes.py::test_net",
}
# What no test here shows: systems (ARMv8: layer arm64) and documents.
ELSE = {"Linux", "ARMv8", "x86-64", "Usage doc", "Design doc", "Perf doc"}


def output(*argv):
    """What a program prints."""
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def marked():
    """Features of the matrix."""
    ini = configparser.ConfigParser(comment_prefixes=(";",))
    ini.optionxform = str
    ini.read(INI)
    assert set(ini["Features"].values()) == {"Y"}
    return list(ini["Features"])


def test_matrix():
    """Each feature that is marked has a test, and each test here a feature."""
    features = set(marked())
    assert features - set(SHOWN_BY) - ELSE == set()
    assert set(SHOWN_BY) | ELSE == features
    with open(os.path.join(TESTS, "unit", "net_revere_cases.c"), encoding="utf-8") as file:
        cases = set(re.findall(r"CASE\((\w+)\)", file.read()))
    for feature, where in SHOWN_BY.items():
        if "::" not in where:
            assert where in cases, feature
            continue
        name, test = where.split("::")
        with open(os.path.join(TESTS, "system", name), encoding="utf-8") as file:
            assert re.search(rf"^def {test}\(", file.read(), re.M), (feature, where)


def test_matrix_names():
    """Names and their order are those of DPDK's own list."""
    version = output("pkg-config", "--modversion", "libdpdk")
    source = output(os.path.join(programs.TOP, "buildtools", "find-dpdk-source"), version)
    path = os.path.join(source, "doc", "guides", "nics", "features", "default.ini")
    if not os.path.isfile(path):
        pytest.skip("no source of DPDK here")
    with open(path, encoding="utf-8") as file:
        known = re.findall(r"^(\w.*?)\s*=", file.read().split("[rte_flow")[0], re.M)
    features = marked()
    assert [name for name in known if name in features] == features


@pytest.mark.parametrize("kind", ["item", "action"])
def test_flow_matrix(kind):
    """Items and actions that are marked are those of the driver, and each is in a test."""
    ini = configparser.ConfigParser(comment_prefixes=(";",))
    ini.read(INI)
    listed = set(ini[f"rte_flow {kind}s"])
    driver = os.path.join(programs.TOP, "drivers", "net", "revere", f"revere_flow_{kind}.c")
    with open(driver, encoding="utf-8") as file:
        names = re.findall(rf"RTE_FLOW_{kind.upper()}_TYPE_(\w+)", file.read())
    assert {name.lower() for name in names} - {"void", "end", "indirect"} == listed
    tested = ""
    for name in ("test_flow.py", "test_representor.py", "test_overlay.py"):
        with open(os.path.join(TESTS, "system", name), encoding="utf-8") as file:
            tested += file.read()
    assert {name for name in listed if not re.search(rf"\b{name}\b", tested)} == set()


def test_port_info(testpmd):
    """What the port tells of itself."""
    pmd = testpmd(["net_revere0"])
    text = pmd.command("show port info 0")
    assert "Link speed: 100 Gbps" in text and "Firmware-version: revere-emu" in text
    assert "Maximum configurable length of RX queue descriptors" in text or "Max possible" in text
    leave(pmd)


def test_ethtool(processes, tmp_path):
    """DPDK's ethtool: registers, rings, pause frames, MTU and address of a port."""
    need_driver("net")
    path = dpdksource.ethtool()
    if path is None:
        pytest.skip("no source of examples/ethtool here: run scripts/setup")
    # It has mbufs for rings of the largest size.
    eal = programs.two_lcores() + programs.memory_args(512, programs.free_hugepages() >= 300)
    tool = processes.enter_context(programs.Program(
        [path, *eal, "--no-pci", "--no-telemetry", "-d", programs.DRIVERS, "--vdev=net_revere0"],
        120))
    tool.expect("EthApp> ")

    def ask(line):
        start = len(tool.output)
        tool.send(line)
        end = tool.expect(r"EthApp> (?=\Z)", tool.expect(re.escape(line), start).end()).start()
        return tool.output[start:end]
    assert "driver: net_revere" in ask("drvinfo")
    assert "256 bytes" in ask(f"regs 0 {tmp_path}/regs")
    registers = struct.unpack("<32Q", (tmp_path / "regs").read_bytes())
    assert registers[2] != 0 and len(set(registers)) > 8  # the third one tells who made it
    ask("ringparam 0 512 256")  # Tx, Rx
    assert re.search(r"Rx Pending: 256 \(16384 max\)\s+Tx Pending: 512 \(16384 max\)",
                     ask("ringparam 0"))
    ask("pause 0 full autoneg off")
    assert re.search(r"Rx pause: on\s+Tx pause: on\s+Autoneg: off", ask("pause 0"))
    assert "MTU set to 1400" in ask("mtu 0 1400")
    assert "set to 9579" not in ask("mtu 0 9579")
    ask("macaddr 0 02:00:00:00:00:08")
    assert "02:00:00:00:00:08" in ask("macaddr 0")
    tool.send("quit")
    assert tool.wait(20) == 0, tool.tail()


@pytest.mark.parametrize("args, app, rx, tx", [
    ("", [], "whole packets", "one segment, fast free"),
    ("", ["--tx-offloads=0x8000", "--rx-offloads=0x2000"], "scattered", "segments"),
    ("", ["--tx-offloads=0x4", "--rx-offloads=0x1"], "whole packets, offloads",
     "segments, offloads"),
    (",tx_inline=64", [], "whole packets", "segments, short ones inline"),
], ids=["plain", "segments", "offloads", "short"])
def test_burst_modes(testpmd, args, app, rx, tx):
    """How packets travel is told, and they do."""
    pmd = testpmd([f"net_revere0{args}"], app)
    assert f"Scalar, {rx}\n" in pmd.command("show rxq info 0 0")
    assert f"Scalar, {tx}\n" in pmd.command("show txq info 0 0")
    pmd.command("start tx_first 2")
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] > 5000)
    pmd.command("stop")
    leave(pmd)


def test_cleanup(testpmd):
    """mbufs that were sent come back when they are asked for."""
    pmd = testpmd(["net_revere0,backend=null"], ["--txd=1024", "--tx-offloads=0x8000"])
    pmd.command("set fwd txonly")
    pmd.command("set nbcore 1")
    pmd.command("start")
    assert wait_until(lambda: pmd.port_stats()["TX-packets"] > 1000)
    pmd.command("stop")
    sent = pmd.port_stats()["TX-packets"]
    assert wait_until(lambda: pmd.port_stats()["TX-packets"] == sent)
    text = pmd.command("port cleanup 0 txq 0 2")
    assert "rror" not in text and "annot" not in text, text
    assert "rror" not in pmd.command("port cleanup 0 txq 0 0")
    free = pmd.free_mbufs()[0]
    pmd.command("port stop 0")  # which frees what is left
    posted = 512  # of the receive queue
    assert pmd.free_mbufs()[0] - free == posted
    assert pmd.quit() == 0


def test_reta(testpmd, tap, tap_name):
    """The redirection table says where packets go, from the next one on."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], ["--rxq=4", "--txq=4", "--rss-ip"])
    port = tap(tap_name)
    pmd.command("set fwd rxonly")
    pmd.command("start")
    frame = bytes.fromhex("02000000000102000000000208004500002e000000004011000000000000"
                          "0a0000010a000002") + bytes(26)
    for queue in (3, 1):
        for first in range(0, 128, 8):  # a word of a command line is 128 characters at most
            entries = ",".join(f"({i},{queue})" for i in range(first, first + 8))
            text = pmd.command(f"port config 0 rss reta {entries}")
            assert "rror" not in text and "ad arg" not in text, text
        pmd.command("clear port xstats 0")
        for _ in range(10):
            port.send(frame)
        assert wait_until(lambda: f"rx_q{queue}_packets: 10" in pmd.command("show port xstats 0"))
    leave(pmd)


def test_queue_counters(testpmd, tap, tap_name):
    """Counters of queues and of the port agree, and go back to 0."""
    pmd = testpmd([f"net_revere0,tap={tap_name}"], ["--rxq=4", "--txq=4", "--rss-ip"])
    port = tap(tap_name)
    pmd.command("set fwd io")
    pmd.command("start")
    for i in range(40):
        ip = bytes.fromhex("4500002e00000000401100000a0000010a0000") + bytes([i]) + bytes(26)
        frame = bytes.fromhex("0200000000010200000000020800") + ip
        assert port.exchange(frame) == frame

    def sums(kind):
        text = pmd.command("show port xstats 0")
        return {what: sum(int(value) for value in
                          re.findall(rf"^{kind}_q\d+_{what}: (\d+)", text, re.M))
                for what in ("packets", "bytes")}
    for kind in ("rx", "tx"):
        assert sums(kind) == {"packets": 40, "bytes": 40 * 60}
    stats = pmd.port_stats()
    assert (stats["RX-packets"], stats["TX-bytes"]) == (40, 2400)
    pmd.command("clear port xstats 0")
    assert sums("rx") == sums("tx") == {"packets": 0, "bytes": 0}
    leave(pmd)


def test_reset(testpmd):
    """A port that is reset works again."""
    pmd = testpmd(["net_revere0"])
    pmd.command("start tx_first")
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] > 1000)
    for line in ("stop", "port stop 0", "port reset 0", "port start 0"):
        text = pmd.command(line)
        assert "rror" not in text and "ail" not in text, (line, text)
    assert pmd.port_stats()["RX-packets"] == 0
    pmd.command("start tx_first")
    assert wait_until(lambda: pmd.port_stats()["RX-packets"] > 1000)
    leave(pmd)
