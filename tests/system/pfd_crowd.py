# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A process with many clients of revere-pfd, one context of the inversion agent's each.

    pfd_crowd.py PATH NUMBER COUNT

NUMBER is that of its first client. It says "ready" and takes lines: "busy SECONDS" exchanges
messages with all of them, "some SECONDS" with its first, "asking SECONDS" with its first, which has
a request about its context on the way all the time. All of these answer how many messages of each
came back as they had to; "end" ends it.
"""

import contextlib
import json
import os
import sys
import threading
import time

import pfd_client as pfd
from revere_client import MSG, READ_RX, SLOTS_LOG2, WRITE_RX

INVERT = bytes(range(255, -1, -1))


class Client:
    """One of them: as many messages at a time as a ring has room for, each another one."""

    def __init__(self, path, number):
        service = pfd.Service(path)
        service.first = 2 * number
        self.number = number
        self.context = pfd.Context(service)

    def message(self, index):
        """The message of an index: nobody else has one like it."""
        return (b"%8d %8d " % (self.number, index)).ljust(MSG, b"%d" % (index % 10))

    def step(self, send):
        """Takes answers, and sends as many as there is room for; how many were taken."""
        context = self.context
        taken = context.page_get(WRITE_RX) - context.received
        assert 0 <= taken <= context.sent - context.received, f"{self.number}: {taken} answers"
        for index in range(context.received, context.received + taken):
            at = context.rx + context.slot(index)
            answer = context.memory[at:at + MSG].translate(INVERT)
            assert answer == self.message(index), f"{self.number}: {index} came as {answer}"
        context.received += taken
        if taken:
            context.page_set(READ_RX, context.received)
        if send:
            while context.sent - context.received < 1 << SLOTS_LOG2:
                context.send(self.message(context.sent))
        return taken

    def waiting(self):
        """Whether answers are to come."""
        return self.context.sent != self.context.received


def exchange(clients, seconds):
    """Messages of all; how many came back within that time, of each."""
    counts = [0] * len(clients)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        taken = [client.step(True) for client in clients]
        counts = [sum(pair) for pair in zip(counts, taken)]
        time.sleep(0.001 if any(taken) else 0.005)
    late = time.monotonic() + 60
    while any(client.waiting() for client in clients):
        assert time.monotonic() < late, "answers are missing"
        for client in clients:
            client.step(False)
        time.sleep(0.005)
    return counts


@contextlib.contextmanager
def asking(context):
    """Meanwhile there always is a request about the context: F-AMI-SW-SAVE."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            context.command(12, (0x4, 15, 0, context.id))
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def main():
    """Does what it is told."""
    path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    clients = [Client(path, first + i) for i in range(count)]
    print("ready", flush=True)
    for line in sys.stdin:
        what, *args = line.split()
        if what == "end":
            break
        some = clients if what == "busy" else clients[:1]
        with asking(some[0].context) if what == "asking" else contextlib.nullcontext():
            counts = exchange(some, float(args[0]))
        print(json.dumps(counts), flush=True)
    os._exit(0)  # as one that is killed: all is revere-pfd's to clean up


if __name__ == "__main__":
    main()
