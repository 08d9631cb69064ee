# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""VFs whose management commands revere-pfd decides on; the VFs' side is a client of its own."""

import os
import random
import re
import signal
import threading
import time

import pytest

import pfd_client as pfd
import vfio_user as vu
from conftest import wait_until
from pfd_daemon import refuses_policy, starter
from revere_client import AMU_SR, IOVA, MSG, RESPONSE, SLOTS_LOG2, Revere, put

RESTARTS = int(os.environ.get("REVERE_PFD_RESTARTS", "3"))
CLIENTS = "allow user=* contexts=8\n"
F_COMMANDS = (2, 11, 12, 13, 14, 15, 20, 21, 29, 30, 31, 32, 33, 34, 35, 36, 40)


class Vf(Revere):
    """A VF's driver with the context of the inversion agent's that it was given."""

    def __init__(self, path):
        super().__init__(vu.Client(path))
        self.open()

    def connect(self, aha=0, rx_vector=None):
        self.enable(rx_vector)

    def post(self, opcode, *fields):
        """Sends a command and doesn't wait."""
        msg = bytearray(MSG)
        put(msg, 0, 15, 0, opcode)
        for field in fields:
            put(msg, *field)
        self.post_raw(msg)

    def post_raw(self, msg):
        """Sends 64 bytes as a command."""
        at = self.rings[0] + (self.commands & ((1 << SLOTS_LOG2) - 1)) * MSG
        self.memory[at:at + MSG] = bytes(msg)
        self.commands += 1
        self.set(0x1600, self.commands)

    def take(self):
        """(OPCODE, STATUS) of the next response, None: there is none."""
        index = self.get(0x1c00)
        if self.get(0x1e00) == index:
            return None
        at = self.rings[RESPONSE] + (index & ((1 << SLOTS_LOG2) - 1)) * MSG
        msg = self.memory[at:at + MSG]
        self.set(0x1c00, index + 1)
        return int.from_bytes(msg[0:2], "little"), int.from_bytes(msg[2:4], "little")

    def take_soon(self, seconds=30):
        """The next response, which comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            response = self.take()
            if response is not None:
                return response
            time.sleep(0.001)
        raise AssertionError("no response")


@pytest.fixture(name="mediate")
def fixture_mediate(emu, processes, tmp_path):
    """mediate(policy, *args, vfs=2): (revere-pfd, function that makes VF n's driver)."""
    start = starter(emu, processes)

    def run(policy, *args, vfs=2):
        daemon = start(CLIENTS + policy, *args,
                       device=("--vfs", str(vfs), "--vf-socket", str(tmp_path)))

        def vf(number):
            driver = Vf(f"{tmp_path}/vf{number}.sock")
            processes.callback(driver.close)
            return driver
        return daemon, vf
    return run


def counts(daemon, number=1):
    """(contexts, trapped, altered, refused, resets) of a VF."""
    daemon.usage()
    return tuple(int(value) for value in re.findall(
        rf"VF {number}: enabled, (\d+) contexts, (\d+) commands trapped, (\d+) altered, "
        r"(\d+) refused, (\d+) resets", daemon.text())[-1])


def test_allow_alter_refuse(mediate):
    """Each command is carried out, changed or refused as the policy says; the data path runs."""
    daemon, vf = mediate("vf number=1 raw=1 trap=all vectors=2 pasid=no "
                         "refuse=F-AMS-TRACE-CONFIGURE:F-PROF-TABLE-FLUSH\n")
    driver = vf(1)
    probe = driver.command(2)
    assert int.from_bytes(probe[8:12], "little") == 0  # one AMI, no PASIDs
    driver.connect()
    driver.invert(b"through a mediated VF")
    # a command that has the device write to the VF's memory
    at = driver.alloc(4096)
    driver.command(40, (0x8, 63, 12, IOVA + at))
    assert int.from_bytes(driver.memory[at:at + 4], "little") == 2
    for vector, enabled in ((1, 1), (2, 0)):
        driver.command(15, (0x4, 15, 0, 0))
        driver.command(11, (0x4, 15, 0, 0), (0x10, 10, 0, vector), (0x10, 31, 31, 1))
        saved = int.from_bytes(driver.command(12, (0x4, 15, 0, 0))[0xc:0x10], "little")
        assert (saved & 0x7ff, saved >> 31) == (vector, enabled)
    for opcode in (11, 30):
        driver.command(opcode, (0x4, 15, 0, 0), (0x8, 20, 20, 1), status=0xffff)
    for opcode in (29, 36):
        driver.command(opcode, status=0xffff)
    # what the device itself refuses
    driver.command(14, (0x4, 15, 0, 5), status=1)
    assert counts(daemon) == (1, driver.commands, 2, 4, 0)


def test_set(mediate):
    """Commands that aren't to be decided on don't come to revere-pfd, and need none."""
    daemon, vf = mediate("vf number=1 raw=1 trap=F-AMI-SW-ENABLE\nvf number=2 raw=1 trap=none\n")
    for number in (1, 2):
        driver = vf(number)
        driver.connect()
        driver.invert(b"sets")
        assert counts(daemon, number)[1] == 2 - number
    daemon.process.send_signal(signal.SIGSTOP)
    driver.command(2)
    daemon.process.send_signal(signal.SIGCONT)


def test_malformed(mediate):
    """Commands with anything in them: an answer each, and nobody else is concerned."""
    daemon, vf = mediate("vf number=1-2 raw=1\n")
    chance = random.Random(6)
    driver, other = vf(1), vf(2)
    other.connect()
    with pfd.Service(daemon.path) as client:
        context = pfd.Context(client)
        for i in range(300):
            msg = bytearray(chance.randbytes(MSG))
            put(msg, 0, 15, 0, chance.choice(F_COMMANDS))
            driver.post_raw(msg)
            assert driver.take_soon()[0] == int.from_bytes(msg[0:2], "little")
            if i % 50 == 0:
                other.invert(b"%d" % i)
                context.invert(b"%d" % i)
        # What a VF has no right to isn't trapped, but an error of its own.
        trapped = counts(daemon)[1]
        for opcode in (0, 1, 3, 6, 16, 38, 39, 41, 0xffff):
            driver.post(opcode)
            assert wait_until(lambda: driver.get(AMU_SR) & 0xffff == 7)
            driver.set(AMU_SR, 0)
        driver.post(2)
        assert driver.take_soon() == (2, 0)
        assert counts(daemon)[1] == trapped + 1
        other.invert(b"still there")
        context.invert(b"still there")


def test_reset_while_waiting(mediate):
    """A command that waits for revere-pfd ends with FLR; its answer isn't the next one's."""
    daemon, vf = mediate("vf number=1 raw=1\n")
    driver = vf(1)
    for _ in range(5):
        daemon.process.send_signal(signal.SIGSTOP)
        driver.post(12, (0x4, 15, 0, 9))
        driver.client.reset()
        driver.client.set_config(4, 2, 0x6)
        driver.open()
        driver.post(14, (0x4, 15, 0, 9))
        assert driver.take() is None
        daemon.process.send_signal(signal.SIGCONT)
        assert driver.take_soon() == (14, 1)
        driver.post(2)
        assert driver.take_soon() == (2, 0)
        assert driver.take() is None
    driver.connect()
    driver.invert(b"after resets")
    assert counts(daemon)[4] == 5


def test_service_killed(mediate):
    """The service dies with commands that wait: the next one answers, each once, in order."""
    daemon, vf = mediate("vf number=1 raw=1\n", "--keeper")
    driver = vf(1)
    driver.connect()
    for _ in range(RESTARTS):
        count = daemon.text().count("serving on")
        service = daemon.service()
        os.kill(service, signal.SIGSTOP)
        for opcode in (2, 12, 14):
            driver.post(opcode, (0x4, 15, 0, 0))
        os.kill(service, signal.SIGKILL)
        driver.invert(b"nobody there")
        assert [driver.take_soon() for _ in range(3)] == [(2, 0), (12, 0), (14, 0)]
        daemon.expect("serving on", count + 1)
    assert daemon.usage()[1:4] == (1, 1, counts_sessions(driver))


def counts_sessions(driver):
    """Sessions that the device lists of a VF."""
    at = driver.alloc(4096)
    driver.command(40, (0x8, 63, 12, IOVA + at), (0x10, 31, 0, 0x4e534152))
    return int.from_bytes(driver.memory[at:at + 4], "little")


def test_killed_within_commands(mediate):
    """The service killed amid commands of two VFs: none is lost, none has two responses."""
    daemon, vf = mediate("vf number=1-2 raw=1\n", "--keeper")
    stop, errors, done = threading.Event(), [], [0, 0]

    def commands(driver, place):
        try:
            while not stop.is_set():
                opcode = random.choice((2, 12, 21, 31))
                driver.post(opcode)
                assert driver.take_soon() == (opcode, 0)
                assert driver.take() is None
                done[place] += 1
        except Exception as error:  # pylint: disable=W0718
            errors.append(error)

    threads = [threading.Thread(target=commands, args=(vf(i + 1), i)) for i in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(2 * RESTARTS):
        before = list(done)
        assert wait_until(lambda: errors or all(now > then for now, then in zip(done, before)))
        daemon.kill_service()
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not errors


def test_service_ends(mediate):
    """Without a keeper the end of the service is that of its VFs: no answers, and no hang."""
    daemon, vf = mediate("vf number=1 raw=1\n")
    driver = vf(1)
    driver.connect()
    daemon.process.kill()
    daemon.process.wait(20)
    assert wait_until(lambda: "function 0: client gone" in daemon.device.text())
    driver.post(2)
    time.sleep(0.1)
    assert driver.take() is None
    # The PF's end was the VF's reset: it is set up anew, as with the next service.
    daemon.__init__(daemon.device.path, daemon.path, CLIENTS + "vf number=1 raw=1\n")
    driver.client.reset()
    driver.client.set_config(4, 2, 0x6)
    driver.open()
    driver.connect()
    driver.invert(b"again")


def test_flood(mediate):
    """A VF that sends commands without a pause has its share; others, and clients, have theirs."""
    daemon, vf = mediate("vf number=1-2 raw=1\n")
    flooder, other = vf(1), vf(2)
    stop, sent = threading.Event(), [0]

    def flood():
        while not stop.is_set():
            while flooder.commands - flooder.get(0x1400) < 1 << SLOTS_LOG2:
                flooder.post(2)
            while flooder.take() is not None:
                sent[0] += 1

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        with pfd.Service(daemon.path) as client:
            assert wait_until(lambda: sent[0] > 50)
            before = sent[0]
            for i in range(20):
                other.post(2)
                assert other.take_soon() == (2, 0)
                context = pfd.Context(client)
                context.invert(b"%d" % i)
                context.release()
                context.memory.close()
                os.close(context.fd)
            # One round of the service has one command of a VF and one request of a client; here
            # 21 commands and some 30 requests.
            print(f"{sent[0] - before} of the flood in 20 rounds")
            assert sent[0] > before
    finally:
        stop.set()
        thread.join(60)
    assert other.command(2)


def test_policy_again(mediate):
    """SIGHUP: decisions change at once, contexts come and go, others' are untouched."""
    daemon, vf = mediate("vf number=1-2 raw=1\n")

    def policy(text):
        count = daemon.text().count("policy read again")
        daemon.write(CLIENTS + text)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.expect("policy read again", count + 1)

    first, second = vf(1), vf(2)
    for driver in (first, second):
        driver.connect()
    policy("vf number=1 raw=1 refuse=F-AMI-SW-SAVE trap=none\nvf number=2 raw=1\n")
    first.command(12, (0x4, 15, 0, 0), status=0xffff)
    second.command(12, (0x4, 15, 0, 0))
    first.invert(b"goes on where it was")
    policy("vf number=2 raw=1\n")
    first.post(2)
    second.invert(b"the second alone")
    assert first.take() is None
    assert daemon.usage()[1] == 1
    # Enabled again, its command is carried out, with other contexts.
    policy("vf number=1 raw=2\nvf number=2 raw=1\n")
    assert first.take_soon() == (2, 0)
    assert daemon.usage()[1] == 3
    first.commands = first.get(0x1600)
    first.client.reset()
    first.client.set_config(4, 2, 0x6)
    first.open()
    first.connect()
    first.invert(b"anew")
    second.invert(b"still")


@pytest.mark.parametrize("policy, says, left", [
    ("total contexts=1\nvf number=1 raw=2\n", "VF 1: quota: total of contexts", 0),
    ("total sessions=3\nvf number=1 dma=2\n", "VF 1: quota: total of sessions", 0),
    ("vf number=2-3 raw=1\n", "VF 3: the device has none of this number", 1),
])
def test_too_much(mediate, policy, says, left):
    """A VF that can't have what it's to have has nothing; clients and other VFs are served."""
    daemon, _ = mediate(policy)
    assert says in daemon.text()
    assert daemon.usage()[1:3] == (left, left)
    with pfd.Service(daemon.path) as client:
        assert left or isinstance(client.map_ami_sw(), tuple)


@pytest.mark.parametrize("policy, says", [
    ("vf net=1", "p:1: number= is missing"),
    ("vf", "p:1: number= is missing"),
    ("vf number=0", "number=0: a VF from 1 to 255, or two of them with '-' between"),
    ("vf number=3-2", "number=3-2: a VF from 1 to 255"),
    ("vf number=1-256", "number=1-256: a VF from 1 to 255"),
    ("vf number=1 net=64", "net=64: 0 to 63 are possible"),
    ("vf number=1 net=63 dma=1", "65 contexts of a VF, 64 are possible"),
    ("vf number=1 trap=F-AMI-SW-ENABLE:what", "trap=what: all, none, or commands of a VF"),
    ("vf number=1 refuse=PF-PROBE", "refuse=PF-PROBE: all, none, or commands of a VF"),
    ("vf number=1 pasid=maybe", "pasid=maybe: yes or no"),
    ("vf number=1-4\nvf number=4", "p:2: VF 4 has a line already"),
    ("vf number=1 colour=red", "colour: there is no such key of a VF"),
    ("vf number=1 net", "'net' is no key=value"),
])
def test_bad_policy(tmp_path, policy, says):
    """What is wrong in a VF's line has one message."""
    refuses_policy(tmp_path, policy, says)
