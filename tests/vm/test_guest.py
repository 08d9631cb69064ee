# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""The device in a guest: its kernel, its vfio-pci, DPDK's stock programs."""

import re
import signal
import subprocess
import time

import pytest

from conftest import BDF, DRIVERS, Machine, vm

CLIENT = "/revere/tests/vm/vfio_client"
EAL = f"--in-memory -d {DRIVERS} -a {BDF}"


def status(machine):
    """The state that revere-emu writes when it gets SIGUSR1."""
    before = len(machine.emulator.text())
    machine.emulator.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        text = machine.emulator.text()[before:]
        if text.endswith("\n"):
            time.sleep(0.1)
            return machine.emulator.text()[before:]
        time.sleep(0.02)
    raise AssertionError("no status from revere-emu")


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


def conformance(machine):
    """dpdk-test-revere conformance on the PCI device; gives its output."""
    code, text = machine.run(f"dpdk-test-revere {EAL},class=raw -m 64 -- conformance 2>&1",
                             170)
    bad = re.findall(r"not ok .*\n(?:#.*\n)*", text)
    assert code == 0 and not bad, f"exit status {code}: {''.join(bad)}{text[-1000:]}"
    return text


def test_conformance(machine):
    """Every management command and ring rule holds on the PCI device."""
    conformance(machine)


def test_conformance_noiommu(machine_noiommu):
    """And with physical addresses."""
    conformance(machine_noiommu)


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


class Forwarding:
    """A dpdk-testpmd in the guest whose packets go round."""

    def __init__(self, machine, options="", eal=EAL):
        self.machine = machine
        machine.check("rm -f /tmp/in /tmp/out /tmp/code; mkfifo /tmp/in; "
                      "sleep 100000 >/tmp/in & echo $! >/tmp/sleep")
        machine.check(f"(stdbuf -oL dpdk-testpmd -l 0-1 {eal},class=net -m 128 -- -i {options} "
                      "--total-num-mbufs=4096 </tmp/in >/tmp/out 2>&1 & echo $! >/tmp/pid; "
                      "wait $!; echo $? >/tmp/code) & true")

    def __enter__(self):
        self.says("Done")
        self.command("start tx_first")
        self.says("packets/burst")
        return self

    def __exit__(self, *_):
        self.machine.run("kill -9 $(cat /tmp/pid); kill $(cat /tmp/sleep)")

    def command(self, text):
        """Types a line."""
        self.machine.check(f"echo {text} >/tmp/in")

    def says(self, pattern, seconds=60):
        """Waits for a text in its output."""
        deadline = time.monotonic() + seconds
        while self.machine.run(f"grep -q '{pattern}' /tmp/out")[0] != 0:
            assert time.monotonic() < deadline, \
                f"no '{pattern}' in\n" + self.machine.run("tail -n 60 /tmp/out")[1]
            time.sleep(0.2)

    def quit(self):
        """It ends in order."""
        self.command("quit")
        self.machine.check("n=0; until test -s /tmp/code; do n=$((n+1)); "
                           "test $n -lt 300 || break; usleep 100000; done; "
                           "grep -q '^0$' /tmp/code", 90)


def forward(machine):
    """Stock testpmd on net_revere: packets go round the loop."""
    with Forwarding(machine) as pmd:
        time.sleep(2)
        pmd.command("show port stats 0")
        pmd.says("RX-packets: [0-9]*[1-9][0-9][0-9][0-9]")
        pmd.quit()


def test_testpmd(machine):
    """Stock dpdk-testpmd forwards."""
    forward(machine)


def test_testpmd_noiommu(machine_noiommu):
    """Stock dpdk-testpmd forwards, IOVA as PA."""
    forward(machine_noiommu)


def test_secondary(machine):
    """A secondary process finds the port of the primary on the PCI device, and its counters."""
    eal = EAL.replace("--in-memory", "--file-prefix=rvr")
    with Forwarding(machine, eal=eal) as pmd:
        text = machine.check(f"dpdk-proc-info {eal} -- --xstats 2>&1", 120)
        assert re.search(r"rx_good_packets: [1-9]", text), text
        pmd.quit()


def autotest(machine):
    """Stock dpdk-test's dmadev_autotest; gives its output."""
    text = machine.check(
        f"DPDK_TEST=dmadev_autotest dpdk-test -l 0-1 {EAL},class=dma -m 128 2>&1", 170)
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


def test_killed_client(machine):
    """SIGKILL in mid-transfer 100 times: the next client finds a clean device."""
    loop = (f"i=0; while [ $i -lt 100 ]; do {CLIENT} --busy {BDF} >/tmp/busy 2>&1 & pid=$!; "
            "n=0; while ! grep -q busy /tmp/busy; do usleep 10000; n=$((n+1)); "
            "if [ $n -gt 1000 ]; then cat /tmp/busy; break 2; fi; done; "
            "usleep $((i * 500)); kill -9 $pid; wait $pid; i=$((i+1)); done; test $i = 100")
    machine.check(loop, 170)
    machine.check(f"{CLIENT} --rounds 2 {BDF} 2>&1")


def test_killed_client_leaves_no_maps(machine):
    """What a dead process had mapped is out of the device's reach."""
    machine.check(f"{CLIENT} --busy {BDF} >/tmp/busy 2>&1 & pid=$!; "
                  "while ! grep -q busy /tmp/busy; do usleep 10000; done; "
                  "kill -9 $pid; wait $pid; true")
    state = status(machine)
    assert not re.search(r"enabled AMI-SW|AMI-SW \d+.*enabled", state), state


def test_flr(machine):
    """A Function Level Reset, asked for by the kernel, leaves the device as new."""
    machine.check(f"{CLIENT} --rounds 1 {BDF} 2>&1")
    machine.check(f"echo 1 > /sys/bus/pci/devices/{BDF}/reset")
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


def test_server_killed(archive, tmp_path):
    """The device's process dies under load: a removal event in the guest, and a way out."""
    machine = Machine(tmp_path, True)
    try:
        with Forwarding(machine) as pmd:
            machine.emulator.process.kill()
            pmd.says("device removal event")
            # the kernel waits a minute for the device to come back from its last reset
            pmd.says("Now total ports is 0", 150)
            pmd.quit()
    finally:
        machine.close()
