# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""The device in a guest: its kernel, its vfio-pci, DPDK's stock programs."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from conftest import BDF, CLIENT, DRIVERS, Forwarding, vm

EAL = f"--in-memory -d {DRIVERS} -a {BDF}"


def test_lspci(machine):
    """The kernel has enumerated the device with the capabilities that QEMU passes on."""
    text = machine.check(f"lspci -nn -vvv -s {BDF}")
    assert "[13b5:ff81]" in text
    assert re.search(r"Class \[1200\]", text)
    assert re.search(r"Region 0: Memory at \w+ \(64-bit, prefetchable\)", text)
    assert "FLReset+" in text
    assert "MSI-X: Enable- Count=2048" in text
    assert "Power Management version 3" in text
    assert "Designated Vendor-Specific: Vendor=8086 ID=0005 Rev=0 Len=24" in text


@pytest.fixture(scope="session")
def doomed(doomed_machines):
    """A testpmd that has noticed that its device's process was killed under load."""
    for machine in doomed_machines:
        with Forwarding(machine) as pmd:
            machine.emulators[BDF].process.kill()
            try:
                pmd.says("device removal event")
            except vm.GuestError:
                # QEMU 10.1 itself ends with an assertion if it sends just then.
                if "Assertion `*errp == NULL' failed" not in machine.guest.what():
                    raise
                continue
            yield pmd
            return
    pytest.fail("QEMU ended with its server again and again")


def test_server_killed(doomed):
    """The device's process dies under load: a removal event in the guest."""
    doomed.says("device removal event")


@pytest.mark.parametrize("width", ["", "--halves"])
def test_vfio_client(machine, width):
    """VFIO alone: inversion, loopback and DMA, again and again."""
    text = machine.check(f"{CLIENT} {width} --rounds 5 {BDF} 2>&1")
    assert "5 rounds" in text and "TYPE1" in text


@pytest.mark.parametrize("width", ["", "--halves"])
def test_vfio_client_noiommu(machine_noiommu, width):
    """The same without an IOMMU, with physical addresses."""
    text = machine_noiommu.check(f"{CLIENT} {width} --rounds 5 {BDF} 2>&1")
    assert "5 rounds" in text and "no IOMMU" in text


def test_qemu_without_vfio_user(monkeypatch, tmp_path):
    """A machine whose QEMU knows no vfio-user is told what to do."""
    monkeypatch.setenv("REVERE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path) + ":/usr/bin:/bin")
    (tmp_path / "qemu-system-x86_64").write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    (tmp_path / "qemu-system-x86_64").chmod(0o755)
    try:
        command = vm.qemu_command()
    except vm.GuestError as error:
        assert "no QEMU with vfio-user-pci" in str(error) and "scripts/vm/prepare" in str(error)
    else:
        pytest.skip("the system's own QEMU has vfio-user: " + " ".join(command))


def test_ram_not_shared(tmp_path):
    """A guest whose memory the device can't reach: revere-emu says so, and what to give QEMU."""
    emulator = vm.Emulator(tmp_path)
    # It needs no guest that runs: QEMU tells of its memory at once.
    qemu = subprocess.Popen(
        vm.qemu_command() + [
            "-M", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-no-user-config",
            "-display", "none", "-S", "-device", '{"driver":"vfio-user-pci","socket":'
            f'{{"type":"unix","path":"{emulator.socket}"}}}}'],
        stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while "come without a file" not in emulator.text():
            assert time.monotonic() < deadline and qemu.poll() is None, emulator.text()
            time.sleep(0.05)
        assert emulator.text().count("share=on -machine memory-backend=ram") == 1
    finally:
        vm.end(qemu)
        emulator.close()


def forward(machine):
    """Stock testpmd on net_revere: packets go round the loop."""
    with Forwarding(machine) as pmd:
        pmd.forwards()
        pmd.quit()


def test_testpmd(machine):
    """Stock dpdk-testpmd forwards."""
    forward(machine)


def test_testpmd_noiommu(machine_noiommu):
    """Stock dpdk-testpmd forwards, IOVA as PA."""
    forward(machine_noiommu)


def test_secondary(machine):
    """A secondary process finds the port of the primary on the PCI device, and its counters."""
    prefix = "--file-prefix=rvr"
    with Forwarding(machine, eal=prefix) as pmd:
        pmd.forwards()
        text = machine.check(f"dpdk-proc-info {prefix} -d {DRIVERS} -a {BDF} -- --xstats 2>&1", 120)
        assert re.search(r"rx_good_packets: [1-9]", text), text
        pmd.quit()


def test_processes(machine):
    """A primary and a secondary process copy on different channels of the PCI device."""
    command = f"dpdk-test-revere --file-prefix=rvr -d {DRIVERS} -a {BDF},class=dma "
    machine.check("rm -f /tmp/enough")
    machine.start("primary", "until test -e /tmp/enough; do usleep 100000; done | "
                  f"{command} -l 0 -m 64 -- processes")
    machine.check("n=0; until grep -q ready /tmp/primary.out; do n=$((n+1)); "
                  "test $n -lt 600 || { cat /tmp/primary.out; false; break; }; usleep 100000; done",
                  90)
    text = machine.check(f"{command} -l 1 --proc-type=secondary -- processes 2>&1", 120)
    assert "secondary: 1000 batches of 32 copies: passed" in text, text
    machine.check("touch /tmp/enough")
    code, text = machine.result("primary", 60)
    assert code == 0 and re.search(r"primary: \d+ batches of 32 copies: passed", text), text


def autotest(machine):
    """Stock dpdk-test's dmadev_autotest; gives its output."""
    text = machine.check(
        f"DPDK_TEST=dmadev_autotest dpdk-test -l 0-1 {EAL},class=dma -m 128 2>&1", 300)
    assert "Test OK" in text, text[-3000:]
    return text


def test_dmadev_autotest(machine):
    """dmadev_autotest with error and fill tests, none skipped."""
    text = autotest(machine)
    # dma_skeleton, which dpdk-test makes for itself, is tested too, and can do less
    ours = re.search(rf"Test dmadev instance \d+ \[{BDF}\].*?(?=### Test dmadev instance|RTE>>)",
                     text, re.S).group()
    assert "skip" not in ours.lower(), ours


def test_dmadev_autotest_noiommu(machine_noiommu):
    """dmadev_autotest with physical addresses, where DPDK runs no error tests."""
    autotest(machine_noiommu)


def busy(machine):
    """Starts a client in the first device that doesn't end; the device is seen to work for it."""
    machine.check(f"{CLIENT} --busy {BDF} >/tmp/busy1 2>&1 & echo $! >/tmp/busy1.pid; n=0; "
                  "until grep -q busy /tmp/busy1; do n=$((n+1)); test $n -lt 3000 || break; "
                  "usleep 10000; done; grep -q busy /tmp/busy1")
    deadline = time.monotonic() + 30
    while not re.search(r"^device \S+: running(.|\n)*bus master on", machine.status(), re.M):
        assert time.monotonic() < deadline, machine.status()


def is_as_new(machine):
    """Nothing of a user is left in the first device."""
    state = machine.status()
    assert re.search(r"^device \S+: off$(.|\n)*bus master off", state, re.M), state
    assert "\n  0 of 2048 interrupt vectors connected" in state, state


def test_killed_client_leaves_nothing(machine):
    """A process that is killed leaves a device as new, of which nothing is enabled."""
    busy(machine)
    # a zombie has closed its files
    machine.check("pid=$(cat /tmp/busy1.pid); kill -9 $pid; while test -e /proc/$pid && "
                  "! grep -q '^State:.Z' /proc/$pid/status; do usleep 10000; done")
    is_as_new(machine)


def test_flr(machine):
    """A Function Level Reset, asked for by the kernel, leaves the device as new."""
    machine.check(f"{CLIENT} --rounds 1 {BDF} 2>&1")
    machine.check(f"echo 1 > /sys/bus/pci/devices/{BDF}/reset")
    is_as_new(machine)
    machine.check(f"{CLIENT} --rounds 1 {BDF} 2>&1")


def rx_interrupts(machine, queues):
    """An application that sleeps in the guest gets every packet."""
    text = machine.check(f"dpdk-test-revere -l 0-1 {EAL},class=net -m 64 -- rx-intr "
                         f"--packets 3000 --pause 5000 --queues {queues} 2>&1", 120)
    assert "3000 received, 0 strange, 0 forgotten" in text, text[-3000:]


@pytest.mark.parametrize("queues", [1, 2])
def test_rx_interrupts(machine, queues):
    """Interrupts of Rx queues, by MSI-X."""
    rx_interrupts(machine, queues)


def test_rx_interrupts_noiommu(machine_noiommu):
    """And without an IOMMU."""
    rx_interrupts(machine_noiommu, 2)


def test_hot_removal(machine):
    """The kernel takes the device away: the application lets it go, and has it again later."""
    with Forwarding(machine, "--hot-plug") as pmd:
        machine.check(f"(echo 1 > /sys/bus/pci/devices/{BDF}/remove) & true")
        pmd.says("Now total ports is 0")
        pmd.quit()
    machine.check(f"n=0; while test -e /sys/bus/pci/devices/{BDF}; do n=$((n+1)); "
                  "test $n -lt 100 || break; usleep 100000; done; "
                  f"test ! -e /sys/bus/pci/devices/{BDF}", 30)
    machine.check("echo 1 > /sys/bus/pci/rescan")
    machine.bind(BDF)
    forward(machine)


def conformance(machine):
    """What dpdk-test-revere conformance said in the background."""
    code, text = machine.result("conformance", 300)
    bad = re.findall(r"not ok .*\n(?:#.*\n)*", text)
    assert code == 0 and not bad, f"exit status {code}: {''.join(bad)}{text[-1000:]}"


def test_conformance(machine):
    """Every management command and ring rule holds on the PCI device, with others at work."""
    conformance(machine)


def test_conformance_noiommu(machine_noiommu):
    """And with physical addresses."""
    conformance(machine_noiommu)


def test_killed_clients(machine):
    """SIGKILL in mid-transfer 100 times: the next client finds a clean device."""
    code, text = machine.result("kills", 300)
    assert code == 0 and "100 killed" in text and "2 rounds" in text, text


def test_guest_reset(machine_noiommu):
    """The guest is reset while its device works: a device as new for the kernel that boots."""
    busy(machine_noiommu)
    machine_noiommu.guest.reset()
    deadline = time.monotonic() + 60
    while re.search(r"^device \S+: running", machine_noiommu.status(), re.M):
        assert time.monotonic() < deadline, machine_noiommu.status()
        time.sleep(0.05)
    is_as_new(machine_noiommu)
    machine_noiommu.bind(BDF)
    machine_noiommu.check(f"{CLIENT} --rounds 1 {BDF} 2>&1")


def read_until(terminal, end, seconds):
    """What a program writes on a terminal until a text comes."""
    deadline = time.monotonic() + seconds
    text = b""
    while end not in text:
        assert time.monotonic() < deadline, text
        if select.select([terminal], [], [], 1)[0]:
            text += os.read(terminal, 4096)
    return text


def test_shell(archive):
    """scripts/test --shell: a prompt in a guest, at a terminal."""
    command = ["timeout", "280", vm.TOP / "scripts/test", "--no-setup", "--shell"]
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs,
                             start_new_session=True)
    os.close(theirs)
    try:
        read_until(ours, b"/ # ", 240)
        os.write(ours, b"lspci -n\r")
        assert b"13b5:ff81" in read_until(ours, b"/ # ", 60)
        os.write(ours, b"\x1d")
        assert shell.wait(60) == 0
    finally:
        vm.end(shell)
        os.close(ours)


def test_exit_without_server(doomed):
    """Where the device's process has died, the application gets out in order."""
    # the kernel waits a minute for the device to come back from its last reset
    doomed.says("Now total ports is 0", 150)
    doomed.quit()
