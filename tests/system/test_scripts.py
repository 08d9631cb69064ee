# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""scripts/demo and scripts/bench: they run, say what they should, and refuse nonsense."""

import json
import os
import subprocess
import xml.etree.ElementTree

import pytest
from conftest import need_driver, programs, settles


def script(name, *args, seconds=240):
    """Runs a script; the CompletedProcess."""
    return subprocess.run([os.path.join(programs.TOP, "scripts", name), *args], check=False,
                          capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("args", [[], ["--no-huge"]])
def test_demo(args):
    need_driver("net")
    need_driver("dma")
    result = script("demo", "--no-setup", *args)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("Mpps") == 2
    assert result.stdout.count("Mops") == 3
    assert result.stdout.count("all equal") == 2


def test_demo_unknown_argument():
    result = script("demo", "--nonsense")
    assert result.returncode != 0
    assert "--nonsense" in result.stderr


@pytest.mark.parametrize("bench, peers, unit", [
    ("net", {"memif", "vhost"}, "Mpps"), ("dma", {"skeleton", "memcpy"}, "Mops")])
def test_bench(tmp_path, bench, peers, unit):
    need_driver(bench)
    path = tmp_path / "figures.json"

    def rows_of():
        result = script("bench", bench, "--quick", "--json", str(path))
        assert result.returncode == 0, result.stdout + result.stderr
        return json.loads(path.read_text())["results"]

    # on a busy machine a thread may get nothing done in so short a time
    rows = settles(rows_of, lambda rows: all(
        figure > 0 for row in rows if "peers" in row
        for figure in [row["project"], *row["peers"].values()]), 3)
    if bench == "net":
        change = rows.pop()
        assert change["bench"] == "net-rules-change" and change["rules"] == 1024
        assert change["inserted_k_per_s"] > 0 and change["deleted_k_per_s"] > 0
    if bench == "dma":
        launch = rows.pop()
        assert (launch["bench"], launch["size"], launch["unit"]) == ("dma-launch", 64, "cycles")
        assert set(launch["peers"]) == {"skeleton"}
    features = {"net-rss": "plain", "net-checksum": "plain", "net-vxlan": "plain",
                "net-rules": "one-rule"} if bench == "net" else {}
    assert len(rows) == 4 + len(features)
    assert {row["bench"] for row in rows} - {"net-loop", "net-loop-socket", "dma-copy",
                                             "dma-copy-socket"} == set(features)
    for row in rows:
        loop = row["bench"].removesuffix("-socket")
        assert row["unit"] == unit
        assert row["project"] > 0
        assert set(row["peers"]) == set(row["ratio"]) == \
            ({features[loop]} if loop in features else
             {"in-process"} if row["bench"].endswith("-socket") else peers)
        for peer, figure in row["peers"].items():
            assert row["ratio"][peer] == pytest.approx(row["project"] / figure, rel=0.02,
                                                             abs=0.001)


def test_bench_vhost(tmp_path):
    """All ways to copy have figures, and the drawing has a line for each."""
    need_driver("dma")
    path, drawing = tmp_path / "figures.json", tmp_path / "figures.svg"
    result = script("bench", "vhost", "--quick", "--json", str(path), "--svg", str(drawing))
    assert result.returncode == 0, result.stdout + result.stderr
    rows = json.loads(path.read_text())["results"]
    if "no figures without" in result.stderr:
        pytest.skip("no 512 free hugepages of 2 MB")
    assert {row["bench"] for row in rows} == {
        f"vhost-{direction}-split-mergeable" for direction in ("enqueue", "dequeue")}
    assert {row["size"] for row in rows} == {64, 1518, 9000}
    for row in rows:
        assert row["project"] > 0
        assert set(row["peers"]) == {"sync", "off", "0", "cpu", "skeleton"}
        assert min(row["peers"].values()) > 0
    shapes = xml.etree.ElementTree.parse(drawing).getroot()
    assert len(shapes.findall("{http://www.w3.org/2000/svg}polyline")) == 2 * 6


def test_bench_unknown_name():
    result = script("bench", "nonsense")
    assert result.returncode != 0
    assert "nonsense" in result.stderr
    assert "net" in result.stderr
