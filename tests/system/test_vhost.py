# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""DPDK's vhost switch, unmodified, with net_revere0 as its NIC and dma_revere0 for its copies.

Two front ends (virtio-user) send packets with sequence numbers and checksums through it. The
long form: REVERE_VHOST_PACKETS=10000000 REVERE_VHOST_RESTARTS=100.
"""

import os
import re
import signal
import time
import zlib

import pytest

from conftest import need_driver, programs, wait_until

import dpdksource  # noqa: E402  pylint: disable=C0411,C0413
import vhost  # noqa: E402  pylint: disable=C0411,C0413

PACKETS = int(os.environ.get("REVERE_VHOST_PACKETS", "4000"))
RESTARTS = int(os.environ.get("REVERE_VHOST_RESTARTS", "3"))
# Front ends, switch and device have two CPUs at best: a packet takes 1 ms and more then.
SECONDS = 120 + PACKETS // 200
PAGES = 350
REMOVED = "has been removed from data core"
MEM_TABLE = "VHOST_USER_SET_MEM_TABLE"


@pytest.fixture
def switch(processes, tmp_path, request):
    """start(dma=None, app=()): a switch with two sockets."""
    need_driver("net")
    need_driver("dma")
    if programs.free_hugepages() < PAGES:
        pytest.skip(f"no {PAGES} free hugepages of 2 MB")
    path = dpdksource.vhost_switch()
    if path is None:
        pytest.skip("no source of examples/vhost here: run scripts/setup")

    def start(dma=None, app=()):
        prefix = f"vhost{os.getpid()}x{zlib.crc32(request.node.name.encode()) % 1000}"
        return processes.enter_context(
            vhost.Switch(path, prefix, str(tmp_path), dma, app, 3 * SECONDS))
    return start


@pytest.fixture
def front_end(processes):
    """start(...): as vhost.FrontEnd()."""
    def start(*args, **kwargs):
        return processes.enter_context(vhost.FrontEnd(*args, seconds=3 * SECONDS, **kwargs))
    return start


def passed(text, name="traffic"):
    """Packets of a front end that found all of them right."""
    found = re.search(rf"^{name}: (\d+) packets, .* 0 wrong: passed", text, re.M)
    assert found, text
    return int(found.group(1))


def send(number):
    """Options of a front end that sends."""
    return ["--packets", str(number), "--patience", "60000"]


def check_copies(switched, dma):
    """Who has copied, and that nothing is left over."""
    assert wait_until(lambda: switched.copies()["occupancy"] == 0)
    counters = switched.copies()
    assert counters["resets"] == 0 and counters["retries"] == 0, counters
    assert counters["cpu_copies"] + counters["amu_copies"] > 2 * PACKETS, counters
    if dma.endswith("threshold=0"):
        assert counters["cpu_copies"] == 0, counters
    if dma.endswith("threshold=300"):
        assert counters["cpu_copies"] > PACKETS / 2 and counters["amu_copies"] > PACKETS / 2


@pytest.mark.parametrize("dma, ring", [
    (None, ""), (",threshold=auto", ""), (",threshold=300", ",packed_vq=1"),
    (",threshold=0", ",packed_vq=1,mrg_rxbuf=0"), (",threshold=off", "")])
def test_vm_to_vm(switch, front_end, dma, ring):
    """From one front end to the other and back: each packet enters and leaves both."""
    switched = switch(dma)
    echo = front_end(switched, 1, 0, ["--echo"], ring)
    sender = front_end(switched, 0, 1, send(PACKETS), ring)
    assert passed(sender.finish(SECONDS)) == PACKETS
    assert passed(echo.stop(), "echo") == PACKETS
    if dma is not None:
        check_copies(switched, dma)


def is_quiet(switched):
    """Whether nothing goes through the switch for a second."""
    before = switched.copies()
    time.sleep(1)
    after = switched.copies()
    return all(before[name] == after[name] for name in ("cpu_copies", "amu_copies"))


def test_switch_and_sender_stand(switch, front_end):
    """Nothing is lost by a machine that has no time for one of them for seconds."""
    switched = switch(",threshold=auto")
    echo = front_end(switched, 1, 0, ["--echo"])
    sender = front_end(switched, 0, 1, send(1 << 40))
    assert wait_until(lambda: switched.copies()["cpu_copies"] > 1000, 60)
    pids = switched.pid(), sender.pid()
    os.kill(pids[0], signal.SIGSTOP)
    time.sleep(0.1)  # then the window is full
    os.kill(pids[1], signal.SIGSTOP)
    time.sleep(7)  # what the other end sends meanwhile must not fill the sender's ring
    os.kill(pids[0], signal.SIGCONT)
    assert wait_until(lambda: is_quiet(switched), 30)
    start = switched.copies()["cpu_copies"]
    os.kill(pids[1], signal.SIGCONT)
    assert wait_until(lambda: switched.copies()["cpu_copies"] > start + 1000, 60)
    sender.process.terminate()
    text = sender.finish(30)
    assert " 1 epochs, 0 abandoned, 0 wrong" in text, text
    passed(echo.stop(), "echo")


@pytest.mark.parametrize("threshold", ["auto", "off"])
def test_device_elsewhere(switch, front_end, emu, threshold):
    """A device in another process doesn't see the memory of guests: the CPU does those copies."""
    switched = switch(f",socket={emu().path},threshold={threshold}")
    echo = front_end(switched, 1, 0, ["--echo"])
    sender = front_end(switched, 0, 1, send(PACKETS))
    assert passed(sender.finish(SECONDS)) == PACKETS
    assert passed(echo.stop(), "echo") == PACKETS
    check_copies(switched, threshold)
    counters = switched.copies()
    if threshold == "off":  # each packet enters and leaves both front ends
        assert counters["out_of_reach"] >= 4 * PACKETS and counters["amu_copies"] == 0, counters


@pytest.mark.parametrize("dma, ring", [(",threshold=auto", ",packed_vq=1"), (",threshold=0", "")])
def test_vm_to_nic_to_vm(switch, front_end, dma, ring):
    """Out of the NIC and, by VMDq, back to the front end that sent it; both at a time."""
    switched = switch(dma, ["--vm2vm", "0"])
    senders = [front_end(switched, i, i, send(PACKETS), ring) for i in range(2)]
    for sender in senders:
        assert passed(sender.finish(SECONDS)) == PACKETS
    assert wait_until(lambda: switched.copies()["occupancy"] == 0)


def test_front_ends_vanish(switch, front_end):
    """One is killed under traffic, again and again; the other one doesn't notice."""
    switched = switch(",threshold=300", ["--vm2vm", "0"])
    steady = front_end(switched, 0, 0, send(1 << 40))
    files = None
    for _ in range(RESTARTS):
        victim = front_end(switched, 1, 1, send(1 << 40))
        start = switched.copies()["cpu_copies"]
        assert wait_until(lambda begin=start: switched.copies()["cpu_copies"] > begin + 1000, 60)
        removed = switched.text().count(REMOVED)
        victim.kill()
        assert wait_until(lambda before=removed: switched.text().count(REMOVED) > before, 30)
        files = files or switched.descriptors()
        assert wait_until(lambda: switched.descriptors() <= files, 30)
    last = front_end(switched, 1, 1, send(PACKETS // 4))
    assert passed(last.finish(SECONDS)) == PACKETS // 4
    time.sleep(0.1)
    steady.process.terminate()
    text = steady.finish(30)
    assert " 1 epochs, 0 abandoned, 0 wrong" in text, text
    counters = switched.copies()
    assert counters["resets"] == 0, counters
    assert wait_until(lambda: switched.copies()["occupancy"] == 0)


@pytest.mark.parametrize("dma", [",threshold=0", ",threshold=auto"])
def test_memory_changes(switch, front_end, dma):
    """One front end's memory comes and goes under traffic; the other one doesn't notice."""
    switched = switch(dma, ["--vm2vm", "0"])
    steady = front_end(switched, 0, 0, send(1 << 40))
    for _ in range(RESTARTS):
        changes = switched.text().count(MEM_TABLE)
        # vhost keeps the buffers of packets that were under way when a queue stops: a front end
        # that relies on their order would take others for them, and has that many fewer each time.
        changing = front_end(switched, 1, 1, ["--packets", str(1 << 40), "--patience", "500",
                                              "--restarts", "1000000", "--breathe", "20"],
                             ",in_order=0,queue_size=1024")
        assert wait_until(lambda at=changes: switched.text().count(MEM_TABLE) > at + 5, 60), \
            f"{switched.text()[-3000:]}\n{changing.stop()}\n{switched.copies()}"
        removed = switched.text().count(REMOVED)
        changing.process.terminate()
        text = changing.finish(30)
        assert " 0 wrong" in text and int(re.search(r"(\d+) epochs", text).group(1)) > 1, text
        assert wait_until(lambda at=removed: switched.text().count(REMOVED) > at, 30)
    last = front_end(switched, 1, 1, send(PACKETS // 4))
    assert passed(last.finish(SECONDS)) == PACKETS // 4
    steady.process.terminate()
    text = steady.finish(30)
    assert " 1 epochs, 0 abandoned, 0 wrong" in text, text
    counters = switched.copies()
    assert counters["resets"] == 0, counters
    assert wait_until(lambda: switched.copies()["occupancy"] == 0)


def test_peer_vanishes(switch, front_end):
    """The other end is killed in mid-transfer; the sender goes on with the one that comes."""
    switched = switch(",threshold=300")
    sender = front_end(switched, 0, 1, ["--packets", "2000000000", "--patience", "500",
                                        "--restarts", "1000000"])
    for _ in range(RESTARTS):
        echo = front_end(switched, 1, 0, ["--echo"])
        start = switched.copies()["cpu_copies"]
        assert wait_until(lambda begin=start: switched.copies()["cpu_copies"] > begin + 1000, 60)
        echo.kill()
    echo = front_end(switched, 1, 0, ["--echo"])
    start = switched.copies()["cpu_copies"]
    assert wait_until(lambda: switched.copies()["cpu_copies"] > start + 1000, 60)
    sender.process.terminate()
    text = sender.finish(30)
    assert " 0 wrong" in text and int(re.search(r"(\d+) epochs", text).group(1)) > 1, text
    passed(echo.stop(), "echo")
