# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Runs what dpdk-test-revere measures, and gives its figures."""

import contextlib
import json
import os
import subprocess
import tempfile
import time

import testpmd
from testpmd import ProgramError


def test_revere(vdevs, command, huge, seconds, megabytes=256):
    """Rows of the JSON that a command of dpdk-test-revere writes.

    It runs on the second CPU, so that the threads of devices get the first.
    """
    cpu = testpmd.cpus()[:2][-1]
    with tempfile.TemporaryDirectory(prefix="revere-perf.") as folder:
        path = os.path.join(folder, "figures.json")
        argv = ["timeout", "-k", "5", str(seconds), testpmd.TEST_REVERE, "--lcores", f"0@{cpu}"]
        argv += testpmd.memory_args(megabytes, huge) + ["--no-pci", "--no-telemetry"]
        argv += [f"--file-prefix=perf-{os.getpid()}", "--log-level=5"]
        argv += ["--single-file-segments"] if huge else []
        argv += ["-d", testpmd.DRIVERS] + [f"--vdev={vdev}" for vdev in vdevs]
        argv += ["--"] + command + ["--json", path]
        result = subprocess.run(argv, check=False, capture_output=True, text=True,
                                errors="replace", stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise ProgramError(f"dpdk-test-revere {' '.join(command)} on {' '.join(vdevs)} failed "
                               f"({result.returncode}):\n{result.stdout}{result.stderr}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)["results"]


@contextlib.contextmanager
def served(folder, *options):
    """A revere-emu on the first CPU; path of its socket."""
    path = os.path.join(folder, "emu")
    process = subprocess.Popen(
        [os.path.join(testpmd.BUILD, "emu", "revere-emu"), "--socket", path, "--worker-cpus",
         str(testpmd.cpus()[0]), *options], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while not os.path.exists(path):
            if process.poll() is not None or time.monotonic() > end:
                raise ProgramError("revere-emu doesn't serve")
            time.sleep(0.01)
        yield path
    finally:
        process.terminate()
        process.wait()


def copies(vdevs, sizes, milliseconds, huge):
    """{(device, size): Mops} of dmadevs and of the CPU's memcpy; contents are compared there."""
    rows = test_revere(vdevs, ["perf", "dma", "--batch", "32", "--ms", str(milliseconds), "--size",
                              ",".join(map(str, sizes))], huge,
                       30 + len(vdevs) * len(sizes) * milliseconds // 100)
    return {(row["device"], row["size"]): row["value"] for row in rows}


def launches(vdevs, sizes, huge):
    """{(device, size): cycles of a copy for who has it done}, in batches of 32."""
    rows = test_revere(vdevs, ["perf", "dma", "--batch", "32", "--launch", "--size",
                              ",".join(map(str, sizes))], huge, 60 + 10 * len(sizes))
    return {(row["device"], row["size"]): row["value"] for row in rows}


def vhost(ways, sizes, direction, packed, mergeable, turns, milliseconds):
    """{(name, size): [Mpps of each turn]} of vhost's core, {name: devargs of who copies}.

    "": vhost itself. They take turns in one process, and those of one device share it.
    """
    command = ["perf", "vhost", "--packed", str(packed), "--mergeable", str(mergeable), "--ms",
               str(milliseconds), "--turns", str(turns), "--direction", direction,
               "--size", ",".join(map(str, sizes))]
    names = {vdev.split(",")[0] or "none": name for name, vdev in ways.items()}
    for device in names:
        command += ["--dma", device] + (["--pause", device] if "skeleton" in device else [])
    rows = test_revere([vdev for vdev in ways.values() if vdev], command, True,
                       60 + len(ways) * len(sizes) * (turns + 5) * milliseconds // 100)
    return {(names[row["dma"]], row["size"]): row["turns"] for row in rows}


def idle_contexts(count, milliseconds, huge):
    """The row about idle contexts beside a busy one."""
    return test_revere([f"raw_revere0,num_ami_sw={min(count + 1, 4096)}"],
                       ["contexts", str(count), "--ms", str(milliseconds)], huge, 120, 512)[0]
