# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Devices in several processes: a primary, and secondaries that use queues of its devices."""

import os
import re
import zlib

import pytest

from conftest import need_driver, programs, wait_until

EAL = ["--no-pci", "--no-telemetry", "-d", programs.DRIVERS]


@pytest.fixture
def prefix(request):
    """EAL arguments that processes share."""
    if programs.free_hugepages() < 128:
        pytest.skip("no 128 free hugepages of 2 MB")
    return EAL + [f"--file-prefix=rvr{os.getpid()}x{zlib.crc32(request.node.name.encode()) % 1000}"]


@pytest.fixture(params=["local", "socket"])
def devargs(request):
    """What is behind a name of a device, with a device to it."""
    if request.param == "local":
        return ""
    return ",socket=" + request.getfixturevalue("emu")("--port", "loop").path


def one_of_two(processes, prefix, number, args=(), more=()):
    """One of two testpmds, which share a port's queues among them."""
    app = ["--rxq=4", "--txq=4", "--num-procs=2", f"--proc-id={number}",
           "--total-num-mbufs=8192", *more]
    eal = programs.two_lcores() + prefix + list(args)
    return processes.enter_context(programs.Testpmd(eal, app, 120))


def queues(text):
    """Packets that came, by queue, of what a testpmd tells when it stops."""
    found = re.findall(r"RX Port= *0/Queue= *(\d+) .*?RX-packets: *(\d+)", text, re.S)
    return {int(queue): int(packets) for queue, packets in found}


def test_net(processes, prefix, devargs):
    """Primary and secondary use different queues of one port, and both see their packets."""
    need_driver("net")
    first = one_of_two(processes, prefix, 0, ["-m", "128", "--vdev=net_revere0" + devargs])
    second = one_of_two(processes, prefix, 1, ["--proc-type=secondary"])
    first.wait_link()
    for pmd in (first, second):
        pmd.command("set fwd flowgen")  # many flows, so that all queues have some
        pmd.command("start")
    assert wait_until(lambda: first.port_stats()["RX-packets"] > 20000)
    assert second.port_stats()["RX-packets"] > 20000
    received = [queues(pmd.command("stop")) for pmd in (first, second)]
    assert [sorted(each) for each in received] == [[0, 1], [2, 3]]
    assert min(min(each.values()) for each in received) > 0, received
    stats = second.port_stats()
    assert stats["RX-errors"] == stats["TX-errors"] == 0
    assert "rx_good_packets" in second.command("show port xstats 0")
    second.command("set promisc 0 off")
    assert "Promiscuous mode: disabled" in first.command("show port info 0")
    second.command("set promisc 0 on")
    assert second.quit() == 0
    # The primary goes on.
    first.command("clear port stats all")
    first.command("start")
    assert wait_until(lambda: first.port_stats()["RX-packets"] > 1000)
    first.command("stop")
    assert first.quit() == 0


def test_representors(processes, prefix):
    """Representors and the virtual port are the secondary's too: it is the switch of the pair."""
    need_driver("net")
    first = one_of_two(processes, prefix, 0, [
        "-m", "128", "--vdev=net_revere0,emu=sw,representor=[0-1]",
        "--vdev=net_revere1,emu=sw,virtual=1"], ["--rxd=256"])
    second = one_of_two(processes, prefix, 1, ["--proc-type=secondary"], ["--rxd=256"])
    virtual, representor = 3, 2
    info = second.command(f"show port info {representor}")
    assert "net_revere0_representor_vf1" in info and "Switch domain Id" in info, info
    for pmd, port in ((first, virtual), (second, representor)):
        pmd.wait_link(port)
        pmd.command("set fwd flowgen")
        pmd.command(f"set portlist {port}")
        pmd.command("start")
    for port in (virtual, representor):
        assert wait_until(lambda p=port: second.port_stats(p)["RX-packets"] > 20000)
    for pmd, port, queue in ((first, virtual, (0, 1)), (second, representor, (2, 3))):
        found = re.findall(rf"RX Port= *{port}/Queue= *(\d+) .*?RX-packets: *(\d+)",
                           pmd.command("stop"), re.S)
        assert [int(number) for number, _ in found] == list(queue)
        assert min(int(packets) for _, packets in found) > 0
    assert "rror" in second.command(f"flow create {representor} ingress pattern eth / end "
                                    "actions drop / end")  # flows are the primary's
    assert second.quit() == 0
    assert first.quit() == 0


def test_proc_info(processes, prefix, devargs):
    """dpdk-proc-info reads a port of a running program."""
    need_driver("net")
    path = programs.dpdk_app("dpdk-proc-info")
    if path is None:
        pytest.skip("no dpdk-proc-info")
    first = one_of_two(processes, prefix, 0, ["-m", "128", "--vdev=net_revere0" + devargs])
    first.command("start tx_first")
    info = processes.enter_context(programs.Program(
        [path] + prefix + ["--", "--xstats"], 60))
    assert info.wait(40) == 0, info.tail()
    assert int(re.search(r"rx_good_packets: (\d+)", info.output).group(1)) > 0, info.tail()
    first.command("stop")
    assert first.quit() == 0


@pytest.mark.parametrize("threshold", ["auto", "off"])
def test_dma(processes, prefix, devargs, threshold):
    """Primary and secondary copy on different vchans of one dmadev, each in its own memory, too."""
    need_driver("dma")
    argv = [programs.TEST_REVERE, "-l", "0"] + prefix
    first = processes.enter_context(programs.Program(
        argv + ["-m", "64", f"--vdev=dma_revere0{devargs},threshold={threshold}", "--",
                "processes"], 120))
    first.expect("ready")
    for _ in range(2):
        second = processes.enter_context(programs.Program(
            argv + ["--proc-type=secondary", "--", "processes"], 60))
        assert second.wait(60) == 0, second.tail()
        assert "secondary: 1000 batches of 32 copies: passed" in second.output
    first.send("")
    assert first.wait(20) == 0, first.tail()
    assert re.search(r"primary: \d+ batches of 32 copies: passed", first.output), first.tail()
    if threshold == "off":  # what else than all of that would have been the CPU's
        far = [int(n) for n in re.findall(r"out of the device's reach (\d+)", first.output)]
        assert far == [0, 2 * 100 * 2 * 32], first.output


def test_nothing_there(processes, prefix):
    """A device that the primary doesn't have is said in one message."""
    need_driver("net")
    first = one_of_two(processes, prefix, 0, ["-m", "128", "--vdev=net_revere0"])
    second = processes.enter_context(programs.Program(
        [programs.TEST_REVERE, "-l", "0"] + prefix +
        ["--proc-type=secondary", "--vdev=net_revere7", "--", "info"], 60))
    second.wait(30)
    assert second.output.count("net_revere7: the primary process has no such device") == 1, \
        second.tail()
    assert first.quit() == 0


@pytest.mark.parametrize("vdev,message", [
    ("net_revere0,mode=inline", "a device without threads (mode=inline) is called, not shared"),
    ("raw_revere0", "devices of class raw are the primary process' alone"),
], ids=["inline", "raw"])
def test_refused(processes, prefix, vdev, message):
    """What can't be shared is said in one message."""
    need_driver("raw")
    argv = [programs.TEST_REVERE, "-l", "0"] + prefix
    first = processes.enter_context(programs.Testpmd(
        ["-l", "0,1", "-m", "128", f"--vdev={vdev}", "--vdev=net_revere9"] + prefix,
        ["--total-num-mbufs=4096"], 60))
    second = processes.enter_context(programs.Program(
        argv + ["--proc-type=secondary", "--", "info"], 60))
    second.wait(30)
    assert second.output.count(message) == 1, second.tail()
    assert first.quit() == 0
