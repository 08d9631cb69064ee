# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Virtual Functions: drivers use what the PF's process gives, in one process and in several."""

import functools
import os
import signal

import pytest

from conftest import forwards, leave

CONTEXTS = "num_vf=2,num_ami_sw=32"


@pytest.fixture
def start(several):
    """start(vdevs, app=()): a dpdk-testpmd that is one of several at a time."""
    return functools.partial(several, "vf")


def kill(pmd):
    """Ends a program without a chance to do anything."""
    os.killpg(pmd.process.pid, signal.SIGKILL)
    pmd.close()


def test_one_process(start):
    """A port of the PF and one of a VF face each other."""
    pmd = start([f"net_revere0,emu=a,{CONTEXTS},pair=p,give=1:net:2", "net_revere1,emu=a,vf=1,"
                 "pair=p"], ["--rxq=2", "--txq=2"])
    forwards(pmd, 0)
    forwards(pmd, 1)
    leave(pmd)


def test_processes(emu, start, tmp_path):
    """A process has the PF and gives; two others have a VF each; one is killed, one goes on."""
    device = emu("--vfs", "2", "--vf-socket", str(tmp_path), "--num-ami-sw", "32",
                 "--port", "pair=p", "--port", "pair=p", "--port", "loop")
    pf = start([f"net_revere0,socket={device.path},port=2,give=1:net:1+2:net:1"])
    first = start([f"net_revere0,socket={tmp_path}/vf1.sock,port=0"])
    second = start([f"net_revere0,socket={tmp_path}/vf2.sock,port=1"])
    first.command("start")
    forwards(second)
    second.command("start tx_first")
    forwards(pf)
    kill(first)
    pf.expect("VF 1 was reset")
    forwards(pf)
    second.command("stop")
    # Who comes next finds what was given.
    first = start([f"net_revere0,socket={tmp_path}/vf1.sock,port=0"])
    first.command("start")
    forwards(second)
    for pmd in (first, second, pf):
        leave(pmd)


def test_pf_dies(emu, start, tmp_path):
    """What a PF gave ends with it; its VFs' users are told, nobody hangs."""
    device = emu("--vfs", "1", "--vf-socket", str(tmp_path), "--port", "loop")
    pf = start([f"raw_revere0,socket={device.path},give=1:net:1"], ["--auto-start"])
    vf = start([f"net_revere0,socket={tmp_path}/vf1.sock"])
    forwards(vf)
    kill(pf)
    vf.command("port stop 0", seconds=60)
    vf.command("port close 0", seconds=60)
    assert vf.quit() == 0
