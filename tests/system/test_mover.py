# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""dpdk-revere-mover, the example of a back end with callbacks: packets between two processes."""

import os
import subprocess

import pytest

from conftest import programs

MOVER = os.path.join(programs.BUILD, "app", "dpdk-revere-mover")


def move(vdev, *args):
    """Runs it; the CompletedProcess."""
    if not os.path.exists(MOVER):
        pytest.skip("no " + os.path.relpath(MOVER, programs.TOP))
    memory = programs.memory_args(64, programs.free_hugepages() >= 64)
    return subprocess.run(
        [MOVER, "-l", str(programs.cpus()[0]), "--no-pci", "--no-telemetry", "--log-level=4",
         f"--file-prefix=mover{os.getpid()}", *memory, *vdev, "--", *args],
        check=False, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("devargs", [
    "", ",threshold=0", ",threshold=1000,mode=inline", ",threshold=0,faults.dma_fault=50",
    ",threshold=0,faults.answer_lost=100,answer_timeout_ms=20", "socket"])
def test_moves(emu, devargs):
    """All packets arrive, in order and unharmed, whoever copies and whatever fails."""
    if devargs == "socket":
        devargs = ",threshold=0,socket=" + emu().path
    result = move([f"--vdev=dma_revere0{devargs}"], "--packets", "10000")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "10000 packets moved" in result.stdout
    assert "receiver: got all, in order and unharmed" in result.stdout


@pytest.mark.parametrize("vdev, args, why", [
    ([], [], "there is no such dmadev"),
    (["--vdev=dma_revere0"], ["--dev", "dma_revere7"], "there is no such dmadev"),
    (["--vdev=dma_skeleton"], [], "can't be used"),
    (["--vdev=dma_revere0"], ["--packets", "1k"], "--packets N"),
    (["--vdev=dma_revere0,threshold=5x"], [], "auto, off or a number from 0 to 4294967295")])
def test_refuses(vdev, args, why):
    """A clear word, and both processes end."""
    result = move(vdev, *args)
    assert result.returncode != 0
    assert why in result.stdout + result.stderr
