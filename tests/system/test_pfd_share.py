# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""revere-pfd: more clients than the device has contexts.

REVERE_PFD_SHARE=CLIENTS,CONTEXTS,SECONDS asks for more of them, and for longer.
"""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest

import pfd_client as pfd
import pfd_crowd
import pfd_port
from conftest import forwards, leave, programs, wait_until
from test_pfd import fixture_pmd, fixture_start  # noqa: F401  pylint: disable=W0611

CLIENTS, CONTEXTS, SECONDS = (
    int(number) for number in os.environ.get("REVERE_PFD_SHARE", "32,8,4").split(","))
PER_PROCESS = 8
ALL = "allow user=* contexts=4096 clients=256 vectors=256\n"


class Crowd:
    """A process with some clients."""

    def __init__(self, path, number, count=PER_PROCESS):
        self.process = subprocess.Popen(
            [sys.executable, pfd_crowd.__file__, path, str(number), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self):
        """What it says next."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line

    def tell(self, text):
        """Tells it what to do."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def counts(self):
        """What it answers."""
        return json.loads(self.line())

    def end(self):
        """Ends it, however it is."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(name="crowds")
def fixture_crowds(start, processes):
    """crowds(clients, contexts): (daemon, processes with that many clients on that many)."""
    def run(clients, contexts):
        daemon = start(ALL, device=("--num-ami-sw", str(contexts)))
        all_of_them = []
        for number in range(0, clients, PER_PROCESS):
            all_of_them.append(Crowd(daemon.path, number))
            processes.callback(all_of_them[-1].end)
        for crowd in all_of_them:
            assert crowd.line() == "ready\n"
        return daemon, all_of_them
    return run


def busy(crowds, seconds):
    """All exchange messages at once; how many each client did."""
    for crowd in crowds:
        crowd.tell(f"busy {seconds}")
    return [count for crowd in crowds for count in crowd.counts()]


def fair(counts):
    """Whether nobody has less than a third or more than thrice its share."""
    share = sum(counts) / len(counts)
    return share > 0 and share / 3 <= min(counts) and max(counts) <= 3 * share


def test_fair(crowds):
    """All are busy: all go on, each with its share; in the long run, as processes have theirs."""
    daemon, processes = crowds(CLIENTS, CONTEXTS)
    assert daemon.usage()[:2] == (CLIENTS, CLIENTS)
    counts = [0] * CLIENTS
    for _ in range(10):
        counts = [sum(pair) for pair in zip(counts, busy(processes, SECONDS))]
        if fair(counts):
            break
    share = sum(counts) / len(counts)
    print(f"{CLIENTS} clients, {CONTEXTS} contexts: {sum(counts)} messages, "
          f"{min(counts) / share:.2f} to {max(counts) / share:.2f} of the share")
    assert fair(counts), counts


def test_asking(start, processes):
    """Who asks for its parked context all the time has it in its turn, and no more than others."""
    daemon = start(ALL, device=("--num-ami-sw", "2"))
    crowds = [Crowd(daemon.path, 0, 11), Crowd(daemon.path, 11, 1)]
    for crowd in crowds:
        processes.callback(crowd.end)
        assert crowd.line() == "ready\n"
    counts = [0] * 12
    for _ in range(10):
        crowds[0].tell("busy 1.5")
        crowds[1].tell("asking 1.5")
        more = crowds[0].counts() + crowds[1].counts()
        counts = [sum(pair) for pair in zip(counts, more)]
        if fair(counts):
            break
    print(f"asking: {counts[-1] * 12 / sum(counts):.2f} of the share")
    assert fair(counts), counts


def test_asking_killed(start, processes):
    """The service dies while requests wait, and is asked again; a client that waits dies, too."""
    daemon = start(ALL, "--keeper", device=("--num-ami-sw", "1"))
    crowds = [Crowd(daemon.path, 2 * i, 2) for i in range(3)]
    for crowd in crowds:
        processes.callback(crowd.end)
        assert crowd.line() == "ready\n"
    for crowd in crowds:
        crowd.tell("asking 1.5")
    for _ in range(2):
        time.sleep(0.2)  # somewhere in between
        daemon.kill_service()
    crowds[0].end()
    for crowd in crowds[1:]:
        assert crowd.counts()[0] > 0
    assert wait_until(lambda: daemon.usage()[:4] == (4, 4, 4, 8))


def test_nobody_gives_way(start):
    """A request for a context that can't come back, as the device is full for good, says so."""
    daemon = start(ALL, device=("--num-ami-sw", "2"))
    client = pfd_crowd.Client(daemon.path, 0)
    with pfd.Service(daemon.path) as other:
        ends = [other.map_ami_sw()[0] for _ in range(2)]
        # a session between them: they stay
        assert other.status(16, (0x8, 15, 0, ends[0]), (0xc, 15, 0, ends[1]), (0x14, 27, 0, 99),
                            (0x38, 13, 10, 3)) == (0, "")
        context = client.context
        assert context.client.status(12, (0x4, 15, 0, context.id)) == \
            (0xffff, "it is parked, and nobody gives way: all that the device has is used by "
             "contexts that can't be parked")
    pfd_crowd.exchange([client], 0.1)
    context.command(12, (0x4, 15, 0, context.id))


def test_stopped(crowds):
    """Those who have contexts and don't do anything hold nobody up, and have lost nothing.

    Who answers has had an answer to each message, each client of it to four at least.
    """
    _, processes = crowds(16, 4)
    for crowd in processes:
        crowd.tell("busy 0.5")
    processes[0].process.send_signal(signal.SIGSTOP)
    try:
        processes[1].counts()
        for _ in range(3):
            busy([processes[1]], 0.1)
    finally:
        processes[0].process.send_signal(signal.SIGCONT)
    processes[0].counts()
    busy(processes, 0.1)


def test_one_of_many(crowds):
    """Most are idle: those who aren't have contexts for themselves, and others come back."""
    daemon, processes = crowds(16, 4)
    for crowd in processes:
        crowd.tell("some 0.5")
    assert all(crowd.counts()[0] > 0 for crowd in processes)
    busy(processes, 0.5)
    processes[0].end()
    assert wait_until(lambda: daemon.usage()[:4] == (8, 8, 8, 16))
    busy([processes[1]], 0.2)
    processes[1].end()
    assert wait_until(lambda: daemon.usage() == (0, 0, 0, 0, 0, 0))


def test_service_killed(start, processes):
    """The service dies while contexts come and go: nothing is lost."""
    daemon = start(ALL, "--keeper", device=("--num-ami-sw", "2"))
    crowd = Crowd(daemon.path, 0)
    processes.callback(crowd.end)
    assert crowd.line() == "ready\n"
    for _ in range(4):
        crowd.tell("busy 0.6")
        for _ in range(2):
            time.sleep(0.2)  # somewhere in between
            daemon.kill_service()
        crowd.counts()
    assert daemon.usage()[:4] == (8, 8, 8, 16)


def test_fault(start):
    """A client whose indices can't be is told; the others share what is left."""
    daemon = start(ALL, device=("--num-ami-sw", "1"))
    bad = pfd_crowd.Client(daemon.path, 0)
    good = [pfd_crowd.Client(daemon.path, 1 + i) for i in range(3)]
    bad.context.page_set(0x600, 1 << 40)
    pfd_crowd.exchange(good, 0.3)

    def told():
        return bad.context.client.request(pfd.EXCEPTION)[0]
    messages = []
    assert wait_until(lambda: messages.append(told()) or any(map(any, messages)))
    fault = next(filter(any, messages))
    assert int.from_bytes(fault[:2], "little") == 4
    assert int.from_bytes(fault[4:6], "little") == bad.context.id
    pfd_crowd.exchange(good, 0.1)
    # after its reset it goes on
    context = bad.context
    context.command(15, (0x4, 15, 0, context.id))
    context.command(13, (0x4, 15, 0, context.id))
    context.command(11, (0x4, 15, 0, context.id))
    for kind, ring in ((1, context.tx), (0, context.rx)):
        context.command(20, (0x4, 15, 0, context.id), (0x8, 6, 6, kind), (0xc, 5, 1, 2),
                        (0x10, 63, 3, pfd.IOVA + ring))
    context.command(14, (0x4, 15, 0, context.id))
    pfd_crowd.exchange([bad] + good, 0.3)


def test_total(start):
    """Who doesn't want it says how many contexts there are."""
    daemon = start("total contexts=2\n" + ALL, device=("--num-ami-sw", "2"))
    with pfd.Service(daemon.path) as service:
        assert [isinstance(service.map_ami_sw(), tuple) for _ in range(2)] == [True, True]
        assert re.match("quota: all users have 2 contexts, the policy allows 2",
                        service.map_ami_sw())


@pytest.mark.parametrize("ami_type", ["A1", "B"])
def test_dmadevs(start, processes, ami_type):
    """DPDK's own tests of dmadevs, in turns with another client on the only context there is.

    Type B keeps indices in the client's memory, too. Those tests wait for a copy for a second at
    the most: there is one other, so that its turn is over by then on a slow machine, too.
    """
    path = programs.dpdk_app("dpdk-test")
    if path is None:
        pytest.skip("no dpdk-test")
    daemon = start(ALL, device=("--num-ami-sw", "1", "--ami-type", ami_type))
    crowd = Crowd(daemon.path, 0, 1)
    processes.callback(crowd.end)
    assert crowd.line() == "ready\n"
    crowd.tell("busy 2")
    argv = programs.sanitizer_env() + [path] + programs.two_lcores()
    argv += programs.memory_args(256, programs.free_hugepages() >= 256)
    argv += ["--no-pci", "--no-telemetry", f"--file-prefix=share{os.getpid()}", "-d",
             programs.DRIVERS, f"--vdev=dma_revere0,pfd={daemon.path}"]
    result = subprocess.run(["timeout", "120"] + argv, check=False, text=True, errors="replace",
                            input="dmadev_autotest\nquit\n", stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert "Test OK" in result.stdout, result.stdout[-3000:]
    crowd.counts()


def test_drivers_ports(start, pmd, processes):
    """Ports of DPDK's drivers on contexts for one and a half of them, and others besides."""
    daemon = start(ALL, device=("--num-ami-sw", "3"))
    ports = [pmd([f"net_revere0,pfd={daemon.path},port={i}"]) for i in range(2)]
    crowd = Crowd(daemon.path, 100)
    processes.callback(crowd.end)
    assert crowd.line() == "ready\n"
    for port in ports:
        busy([crowd], 0.3)
        forwards(port)
    for port in ports:
        leave(port)
    busy([crowd], 0.3)


@pytest.fixture(name="cables")
def fixture_cables(start, processes):
    """cables(number, *args): (daemon, that many cables between ports), with AMI-SWs for 3."""
    def run(number, *args):
        ends = [arg for i in range(number) for arg in ("--port", f"pair=cable{i}") * 2]
        daemon = start(ALL, *args, device=("--num-ami-sw", "3", *ends))
        ports = iter(range(2, 2 + 2 * number))
        cables = []
        for i in range(number):
            cables.append(pfd_port.Cable(daemon.path, i, (next(ports), next(ports))))
            processes.callback(cables[-1].close)
        return daemon, cables
    return run


def test_ports(cables):
    """More ports than AMI-SWs and AMI-HWs: packets find them, none is lost, all have their share.

    An RNA has 16 AMI-HWs, these 10 ports want 20.
    """
    daemon, cables = cables(5)
    assert daemon.usage()[:3] == (10, 20, 20)
    # what each has while it is alone, after pauses in which it was parked
    for cable in cables:
        assert sum(pfd_port.exchange([cable], 0.1)) > 0
    counts = [0] * len(cables)
    for _ in range(10):
        counts = [sum(pair) for pair in zip(counts, pfd_port.exchange(cables, 1.5))]
        if fair(counts):
            break
    assert fair(counts), counts
    # channels and queues that were parked for long take requests, and are given back
    for cable in cables[:2]:
        for port in cable.ends:
            stats = struct.unpack_from("<3Q", port.request(pfd_port.QUEUE_STATS, bytes(4)))
            assert stats[0] == port.received and stats[2] == 0
        cable.close()
    assert wait_until(lambda: daemon.usage()[:3] == (6, 12, 12))
    assert sum(pfd_port.exchange(cables[2:], 0.3)) > 0


def test_ports_service_killed(cables):
    """The service dies while contexts of ports come and go: no packet is lost."""
    daemon, cables = cables(2, "--keeper")
    for _ in range(3):
        thread = threading.Thread(target=daemon.kill_service)
        thread.start()
        assert sum(pfd_port.exchange(cables, 0.7)) > 0
        thread.join()
    for cable in cables:
        assert sum(pfd_port.exchange([cable], 0.1)) > 0
