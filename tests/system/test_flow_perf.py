# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Stock dpdk-test-flow-perf makes and destroys 64 Ki rules through the PMD."""

import re
import subprocess

import pytest
import testpmd as programs
from conftest import need_driver

RULES = 1 << 16
# A floor for loaded machines, on which one rule a round trip would be below 1. What a quiet one
# does, which has to be above 100, is row net-rules-change of scripts/bench.
K_RULES_MIN = 4


@pytest.mark.parametrize("what", [["--ipv4", "--queue"], ["--ipv4", "--udp", "--mark", "--count",
                                                          "--queue"],
                                  ["--ipv4", "--rss"]], ids=["queue", "count", "rss"])
def test_rules(what):
    """Insertion and deletion come to an end, at a rate that isn't that of waiting for each."""
    need_driver("net")
    path = programs.dpdk_app("dpdk-test-flow-perf")
    if path is None:
        pytest.skip("no dpdk-test-flow-perf")
    argv = programs.sanitizer_env() + [path] + programs.two_lcores()
    argv += programs.memory_args(256, programs.free_hugepages() >= 128)
    argv += ["--no-pci", "-d", programs.DRIVERS, "--vdev=net_revere0", "--", "--ingress",
             "--ether", *what, f"--rules-count={RULES}", "--rules-batch=16384", "--deletion-rate"]
    result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=110)
    text = result.stdout + result.stderr
    assert result.returncode == 0, text
    for kind in ("insertion", "deletion"):
        rate = re.search(rf"Rules {kind} rate -> ([\d.]+) K", text)
        assert rate and float(rate.group(1)) >= K_RULES_MIN, text
    assert "failed" not in text, text
