# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Packets through dpdk-testpmd on net_revere and copies through dma_revere, shown and checked."""

import argparse
import os
import random
import struct
import sys
import tempfile
import time

import perfdma
import testpmd
from testpmd import ProgramError, Testpmd

PACKET_SIZES = [64, 1500]
COPY_SIZES = [64, 1024, 16384]
FRAMES = 500  # fewer than a ring holds: whatever is missing at the end was lost
PCAP_HEADER = struct.Struct("<IHHiIII")
PCAP_RECORD = struct.Struct("<IIII")


def start_testpmd(options, vdevs, app=()):
    """testpmd on our driver: main lcore 0, where the device's worker runs too, forwarding on 1."""
    eal = testpmd.two_lcores() + testpmd.memory_args(256, options.huge)
    eal += ["-d", testpmd.DRIVERS, f"--file-prefix=demo-{os.getpid()}"]
    return Testpmd(eal + [f"--vdev={vdev}" for vdev in vdevs],
                   ["--total-num-mbufs=16384", "--rxd=1024", "--txd=1024"] + list(app), 60)


# ---- Packets ---------------------------------------------------------------------------------


def packet_rates(options):
    """Packets going round in the device's loop, counted by testpmd."""
    with start_testpmd(options, ["net_revere0,backend=loop" + options.device]) as pmd:
        for size in PACKET_SIZES:
            pmd.command(f"set txpkts {size}")
            pmd.command("start tx_first 8")
            time.sleep(0.3)
            rate = pmd.rate(2)
            counters = pmd.command("show port xstats 0")
            pmd.command("stop")
            if rate == 0:
                raise ProgramError(f"no packet of {size} bytes came back:\n{counters}"
                                   + pmd.tail())
            print(f"  {size:5} B  {rate / 1e6:8.2f} Mpps  {rate * size * 8 / 1e9:8.2f} Gbit/s")
        free, size = stop(pmd)
        if free != size:
            raise ProgramError(f"{size - free} of {size} packet buffers are missing at the end")


def stop(pmd):
    """Stops all; (free, all) mbufs."""
    pmd.command("stop")
    pmd.command("port stop all")
    mbufs = pmd.free_mbufs()
    if pmd.quit() != 0:
        raise ProgramError(f"dpdk-testpmd ended with exit code {pmd.process.returncode}")
    return mbufs


def packet_contents(options):
    """Random frames: pcap file -> testpmd -> Revere's rings and back -> pcap file."""
    numbers = random.Random(1)
    frames = [bytes(6) + bytes(6) + b"\x88\xb5" + numbers.randbytes(numbers.randint(46, 1500))
              for _ in range(FRAMES - 2)]
    frames += [bytes(12) + b"\x88\xb5" + numbers.randbytes(size) for size in (46, 1500)]
    with tempfile.TemporaryDirectory(prefix="revere-demo.") as folder:
        sent, received = f"{folder}/sent.pcap", f"{folder}/received.pcap"
        write_pcap(sent, frames)
        with start_testpmd(options, [f"net_pcap0,rx_pcap={sent},tx_pcap={received}",
                                     "net_revere0,backend=loop" + options.device],
                           ["--no-flush-rx"]) as pmd:
            pmd.command("start")  # with a flush, what is read from the file would be gone
            end = time.monotonic() + 10
            while pmd.port_stats(0)["TX-packets"] < FRAMES and time.monotonic() < end:
                time.sleep(0.1)
            stop(pmd)
        if read_pcap(received) != frames:
            raise ProgramError("frames that came back differ from those that were sent")
    print(f"  contents  {FRAMES} frames of {min(map(len, frames))} to {max(map(len, frames))}"
          " random bytes, there and back: all equal, in order")


def write_pcap(path, frames):
    """Frames as a pcap file."""
    with open(path, "wb") as file:
        file.write(PCAP_HEADER.pack(0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(PCAP_RECORD.pack(0, 0, len(frame), len(frame)) + frame)


def read_pcap(path):
    """Frames of a pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], PCAP_HEADER.size
    while at < len(data):
        length = PCAP_RECORD.unpack_from(data, at)[2]
        at += PCAP_RECORD.size
        frames.append(data[at:at + length])
        at += length
    return frames


# ---- Copies ----------------------------------------------------------------------------------


def copies(options):
    """Copies through dma_revere; dpdk-test-revere compares the bytes."""
    figures = perfdma.copies(["dma_revere0,threshold=off" + options.device], COPY_SIZES, 1000,
                             options.huge)
    for size in COPY_SIZES:
        mops = figures["dma_revere0", size]
        print(f"  {size:5} B  {mops:8.2f} Mops  {mops * size * 8 / 1e3:8.2f} Gbit/s")
    print("  contents  every destination compared with its source: all equal")


def machine(options):
    """What it runs on."""
    count = len(testpmd.cpus())
    print(f"machine    {count} core{'' if count == 1 else 's'}, "
          + (f"{testpmd.free_hugepages()} free hugepages" if options.huge else
             "without hugepages (--no-huge): rates are lower"))
    if count < 2:
        print("           one core: the device does its work inside the doorbell (mode=inline)")


def main():
    """Runs it all."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--no-huge", action="store_true")
    options = parser.parse_args()
    options.device = "" if len(testpmd.cpus()) > 1 else ",mode=inline"
    options.huge = not options.no_huge and testpmd.free_hugepages() >= 256
    machine(options)
    try:
        print("packets    stock dpdk-testpmd forwards on net_revere, the device loops them back")
        packet_rates(options)
        packet_contents(options)
        print("copies     dpdk-test-revere on dma_revere, batches of 32")
        copies(options)
    except ProgramError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("all is well; scripts/test runs the tests, README.md tells more")
    return 0


if __name__ == "__main__":
    sys.exit(main())
