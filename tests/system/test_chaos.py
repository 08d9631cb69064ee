# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A PF and 64 VFs with 512 contexts in 65 processes, and everything that can happen to them.

REVERE_CHAOS_SECONDS and REVERE_CHAOS_SEED ask for longer, and for something else.
"""

import json
import os
import re
import subprocess
import sys

import chaos

VFS, CONTEXTS = 64, 8
SECONDS = int(os.environ.get("REVERE_CHAOS_SECONDS", "8"))
SEED = os.environ.get("REVERE_CHAOS_SEED", "1")


def run(emu, folder, vfs, contexts, seconds, *args):
    """The program, on a device of its own."""
    device = emu("--vfs", str(vfs), "--vf-socket", str(folder), "--num-ami-sw",
                 str(vfs * contexts + 8))
    os.symlink(device.path, folder / "pf.sock")
    return subprocess.run(
        [sys.executable, chaos.__file__, str(folder), str(vfs), str(contexts), str(seconds),
         SEED, *args], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=seconds + 600)


def test_would_be_seen(emu, tmp_path):
    """A message that comes to another than its VF ends it: what is looked for would be found."""
    result = run(emu, tmp_path, 2, 1, 60, "cross")
    assert result.returncode != 0
    assert re.search(r"AssertionError: b'   1  0 .*came as b'   2  0 ", result.stderr), \
        result.stderr[-5000:]


def test_chaos(emu, tmp_path):
    """Nothing goes elsewhere, and who isn't concerned loses nothing."""
    result = run(emu, tmp_path, VFS, CONTEXTS, SECONDS)
    assert result.returncode == 0, result.stderr[-5000:]
    print(result.stdout)
    report = json.loads(result.stdout)
    assert report["least"] > 0
    for what in ("reset", "flr", "replace", "kill", "pause"):
        assert report[what] > 0, report
