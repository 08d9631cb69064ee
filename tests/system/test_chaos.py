# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""A PF and 64 VFs with 512 contexts in 65 processes, and everything that can happen to them.

REVERE_CHAOS_SECONDS and REVERE_CHAOS_SEED ask for longer, and for something else.
"""

import json
import os
import subprocess
import sys

import chaos

VFS, CONTEXTS = 64, 8
SECONDS = int(os.environ.get("REVERE_CHAOS_SECONDS", "8"))
SEED = os.environ.get("REVERE_CHAOS_SEED", "1")


def test_chaos(emu, tmp_path):
    """Nothing goes elsewhere, and who isn't concerned loses nothing."""
    device = emu("--vfs", str(VFS), "--vf-socket", str(tmp_path), "--num-ami-sw",
                 str(VFS * CONTEXTS + 8))
    os.symlink(device.path, tmp_path / "pf.sock")
    result = subprocess.run(
        [sys.executable, chaos.__file__, str(tmp_path), str(VFS), str(CONTEXTS), str(SECONDS),
         SEED], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=SECONDS + 600)
    assert result.returncode == 0, result.stderr[-5000:]
    print(result.stdout)
    report = json.loads(result.stdout)
    assert report["least"] > 0
    for what in ("reset", "flr", "replace", "kill", "pause"):
        assert report[what] > 0, report
