# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A process with the PF and one with each VF of a revere-emu, and what can happen to them.

    chaos.py FOLDER VFS CONTEXTS SECONDS [SEED [cross]]

FOLDER has pf.sock and vfN.sock. Each VF has CONTEXTS contexts of the inversion agent's, given by
the PF, and moves messages that no other context ever has: they tell the VF, the context, how often
it has begun anew, and their number. All have their memory at the same addresses. VFs are reset,
stopped for a moment, killed and replaced; contexts are reset by their user, and taken away and
given again as other ones of the device, all that while they move messages. Each answer has to be
the next one that its context waits for; in the end all are there, and memory holds nothing else.
With `cross` a message of VF 1 is another VF's, once: to see that this is noticed.
"""

import collections
import ctypes
import json
import mmap
import os
import random
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "scripts", "pylib"))

import vfio_user as vu  # noqa: E402
from revere_client import (IOVA, MSG, READ_RX, SLOTS_LOG2, WRITE_RX, WRITE_TX,  # noqa: E402
                           Revere)

INVERT = bytes(range(255, -1, -1))
SLOTS = 1 << SLOTS_LOG2
PAGE = 4096
RINGS = 64 * PAGE  # where rings are in a VF's memory; before are those of management
(WHAT, WHICH, DONE, STOP, ENDED, TOTAL, BEGUN, TAKEN) = range(8)  # words that are shared
WORDS = 64
RESET, FLR, BEGIN = 1, 2, 3


class Shared:
    """What the PF's process and a VF's tell each other; it outlives the VF's."""

    def __init__(self):
        self.memory = mmap.mmap(-1, WORDS * 8)
        self.words = (ctypes.c_uint64 * WORDS).from_buffer(self.memory)


# ---- A VF

class Context:
    """A context of a VF: its page's indices, and its rings."""

    def __init__(self, function, number):
        self.function, self.number = function, number
        self.tx, self.rx = (RINGS + (2 * number + i) * PAGE for i in range(2))
        page = number * 0x10000
        self.doorbell, self.written, self.read = (
            ctypes.c_uint64.from_buffer(function.revere.pages, page + offset)
            for offset in (WRITE_TX, WRITE_RX, READ_RX))
        self.sent = self.received = 0

    def begin(self):
        """From nothing, whatever it was before: other messages than ever."""
        revere, own = self.function.revere, (0x4, 15, 0, self.number)
        self.function.shared.words[BEGUN] += 1
        self.life = self.function.shared.words[BEGUN]
        revere.command(15, own)
        revere.command(13, own)
        revere.memory[self.tx:self.tx + 2 * PAGE] = bytes(2 * PAGE)
        revere.command(11, own)
        for kind, ring in ((1, self.tx), (0, self.rx)):
            revere.command(20, own, (0x8, 6, 6, kind), (0xc, 5, 1, SLOTS_LOG2),
                           (0x10, 63, 3, IOVA + ring))
        revere.command(14, own)
        for opcode in (34, 32, 33):
            revere.command(opcode, own)
        self.sent = self.received = 0

    def message(self, index, crossed=False):
        """The message of an index; crossed: as the next VF has it."""
        text = b"%4d %2d %8d %10d " % (self.function.number + crossed, self.number, self.life,
                                       index)
        return text.ljust(MSG, b"%d" % (index % 10))

    def crosses(self):
        """Whether the message to be sent is the one that is to be another's."""
        return self.function.cross and (self.function.number, self.number, self.sent) == (1, 0, 9)

    def taken_away(self):
        """Whether the PF has taken it, or is about to."""
        return self.function.shared.words[TAKEN] == self.number + 1

    def receive(self, memory):
        """Takes answers; how many."""
        count = self.written.value - self.received
        if not 0 <= count <= self.sent - self.received:
            assert self.taken_away(), f"{count} answers, {self.sent - self.received} are due"
            return 0
        for index in range(self.received, self.received + count):
            at = self.rx + (index & (SLOTS - 1)) * MSG
            answer = memory[at:at + MSG].translate(INVERT)
            assert answer == self.message(index), f"{self.message(index)} came as {answer}"
        self.received += count
        if count and not self.taken_away():
            self.read.value = self.received
        return count

    def send(self, memory):
        """As many as there is room for."""
        if self.taken_away():
            return
        while self.sent - self.received < SLOTS:
            at = self.tx + (self.sent & (SLOTS - 1)) * MSG
            memory[at:at + MSG] = self.message(self.sent, self.crosses())
            self.sent += 1
        self.doorbell.value = self.sent

    def check_memory(self, memory):
        """Rings hold their own messages of this life, and there is nothing around them."""
        for ring, table in ((self.tx, None), (self.rx, INVERT)):
            mine = {self.message(index) for index in range(max(self.sent - SLOTS, 0), self.sent)}
            for at in range(ring, ring + SLOTS * MSG, MSG):
                slot = memory[at:at + MSG]
                assert not any(slot) or (slot.translate(table) if table else slot) in mine, slot
            assert not any(memory[ring + SLOTS * MSG:ring + PAGE])


class Function:
    """A VF, in a process of its own."""

    def __init__(self, path, number, contexts, shared, cross):
        self.number, self.shared, self.cross = number, shared, cross
        self.client = self.connect(path)
        self.revere = Revere(self.client)
        self.contexts = [Context(self, i) for i in range(contexts)]
        self.begin()

    @staticmethod
    def connect(path):
        """A connection, once the server has noticed that the last one is gone."""
        end = time.monotonic() + 60
        while True:
            try:
                return vu.Client(path, seconds=60)
            except OSError:
                assert time.monotonic() < end, f"{path} isn't served"
                time.sleep(0.02)

    def begin(self):
        """Management and all contexts, from nothing."""
        self.revere.used = 0
        self.client.set_config(4, 2, 0x6)
        self.revere.open()
        for context in self.contexts:
            context.begin()

    def obey(self):
        """What the PF's process asks for."""
        what, words = self.shared.words[WHAT], self.shared.words
        if what == FLR:
            self.client.reset()
            self.begin()
        elif what in (RESET, BEGIN):
            words[TAKEN] = 0 if what == BEGIN else words[TAKEN]
            self.contexts[words[WHICH]].begin()
        words[WHAT] = 0
        words[DONE] += 1

    def run(self):
        """Until the end; then all answers have to come."""
        memory, words = self.revere.memory, self.shared.words
        words[DONE] += 1
        while not words[STOP]:
            if words[WHAT]:
                self.obey()
            count = 0
            for context in self.contexts:
                count += context.receive(memory)
                context.send(memory)
            words[TOTAL] += count
            time.sleep(0.004 if count else 0.008)
        end = time.monotonic() + 60
        while any(context.sent != context.received for context in self.contexts):
            assert time.monotonic() < end, "answers are missing"
            words[TOTAL] += sum(context.receive(memory) for context in self.contexts)
            time.sleep(0.005)
        for context in self.contexts:
            context.check_memory(memory)
        words[ENDED] = 1


# ---- The PF

class Vf:
    """A VF as the PF sees it, with its process."""

    def __init__(self, pf, number):
        self.pf, self.number = pf, number
        self.shared = Shared()
        self.words = self.shared.words
        self.given = {}
        self.pid = 0
        self.due = 0  # how often it has to have said that something is done

    def give(self, which):
        """Maps a context and connects it: any that is free."""
        command, number = self.pf.revere.command, self.number
        phy = self.pf.free.pop(self.pf.random.randrange(len(self.pf.free)))
        command(6, (0x4, 15, 0, phy), (0x8, 15, 0, which), (0x8, 31, 16, number))
        command(23, (0x4, 16, 0, 0), (0x8, 15, 0, phy), (0xc, 15, 0, which), (0xc, 31, 16, number))
        asn = 2 * phy
        command(16, (0x4, 4, 4, 1), (0x8, 15, 0, phy), (0xc, 15, 0, phy), (0x14, 27, 0, asn),
                (0x38, 13, 10, 3))
        command(16, (0x4, 5, 5, 1), (0x8, 15, 0, phy), (0xc, 15, 0, phy), (0x14, 27, 0, asn + 1),
                (0x38, 13, 10, 3))
        self.given[which] = phy

    def take(self, which):
        """The opposite, whatever it is doing."""
        command, phy = self.pf.revere.command, self.given.pop(which)
        command(7, (0x4, 15, 0, phy))
        command(17, (0x4, 27, 0, 2 * phy))
        command(17, (0x4, 27, 0, 2 * phy + 1))
        command(24, (0x4, 15, 0, phy), (0x4, 31, 16, 0))
        self.pf.free.append(phy)

    def start(self):
        """Its process."""
        self.words[WHAT] = self.words[TAKEN] = 0
        self.due = self.words[DONE] + 1
        self.pid = os.fork()
        if self.pid:
            return
        try:
            path = os.path.join(self.pf.folder, f"vf{self.number}.sock")
            Function(path, self.number, self.pf.contexts, self.shared, self.pf.cross).run()
            os._exit(0)
        except BaseException:  # pylint: disable=W0718
            print(f"VF {self.number}:", file=sys.stderr)
            traceback.print_exc()
            os._exit(1)

    def ready(self):
        """Whether it has done what it was told last."""
        return self.words[DONE] >= self.due

    def tell(self, what, which=0):
        """Tells it what to do."""
        self.due = self.words[DONE] + 1
        self.words[WHICH] = which
        self.words[WHAT] = what


class Pf:
    """The PF, its VFs, and what happens to them."""

    def __init__(self, folder, vfs, contexts, seed, cross):
        self.folder, self.contexts, self.cross = folder, contexts, cross
        self.random = random.Random(seed)
        self.revere = Revere(vu.Client(os.path.join(folder, "pf.sock")))
        self.revere.open()
        self.free = list(range(vfs * contexts + 8))
        self.done = collections.Counter()
        self.vfs = [Vf(self, i + 1) for i in range(vfs)]
        for vf in self.vfs:
            self.revere.command(3, (0x4, 15, 0, vf.number))
            for which in range(contexts):
                vf.give(which)
            vf.start()

    def reset(self, vf):
        """Its user resets a context."""
        vf.tell(RESET, self.random.randrange(self.contexts))

    def flr(self, vf):
        """Its user resets the function."""
        vf.tell(FLR)

    def replace(self, vf):
        """A context is taken and another one given for it."""
        which = self.random.randrange(self.contexts)
        vf.words[TAKEN] = which + 1
        vf.take(which)
        vf.give(which)
        vf.tell(BEGIN, which)

    def kill(self, vf):
        """Its process dies; another one has the VF."""
        os.kill(vf.pid, signal.SIGKILL)
        os.waitpid(vf.pid, 0)
        vf.start()

    def pause(self, vf):
        """It stands still for a moment, and nobody tells it."""
        self.revere.command(4, (0x4, 15, 0, vf.number))
        time.sleep(0.005)
        self.revere.command(3, (0x4, 15, 0, vf.number))

    def alive(self):
        """Processes of VFs only end when they are told to."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        assert pid == 0, f"process {pid} ended: {status:#x}"

    def wait(self, condition):
        """Until it holds for all VFs."""
        end = time.monotonic() + 120
        while not all(map(condition, self.vfs)):
            assert time.monotonic() < end, [vf.number for vf in self.vfs if not condition(vf)]
            self.alive()
            time.sleep(0.02)

    def run(self, seconds):
        """Something happens to one of them, again and again."""
        self.wait(Vf.ready)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            vf = self.random.choice(self.vfs)
            if vf.ready():
                what = self.random.choice((self.reset, self.flr, self.replace, self.kill,
                                           self.pause))
                what(vf)
                self.done[what.__name__] += 1
            self.alive()
            time.sleep(0.01)
        self.wait(Vf.ready)
        self.end()

    def end(self):
        """All of them stop; whether all is as it has to be."""
        for vf in self.vfs:
            vf.words[STOP] = 1
        for vf in self.vfs:
            status = os.waitpid(vf.pid, 0)[1]
            assert status == 0 and vf.words[ENDED], f"VF {vf.number} ended with {status:#x}"

    def kill_all(self):
        """Nobody stays."""
        for vf in self.vfs:
            try:
                os.kill(vf.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def main():
    """Lets it happen; says what."""
    folder, vfs, contexts, seconds = sys.argv[1], *map(int, sys.argv[2:5])
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    pf = Pf(folder, vfs, contexts, seed, sys.argv[6:] == ["cross"])
    try:
        pf.run(seconds)
    except BaseException:
        pf.kill_all()
        raise
    print(json.dumps({"messages": sum(vf.words[TOTAL] for vf in pf.vfs),
                      "least": min(vf.words[TOTAL] for vf in pf.vfs),
                      "lives": sum(vf.words[BEGUN] for vf in pf.vfs), **pf.done}))


if __name__ == "__main__":
    main()
