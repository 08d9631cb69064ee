# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Guests for the tests: one with an IOMMU, one without, and one for a bad end, each booted once.

The first two have some devices, each served by a revere-emu of its own. Most tests use the first
one, while what takes long because it waits (a reset of a Function: 0.1 s) runs on the others.
"""

import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "vm"))

import guest as vm  # noqa: E402

DRIVERS = "/revere/drivers"
BDF = "0000:00:01.0"  # of tests, one after the other
BDF_CONFORMANCE = "0000:00:02.0"
BDF_KILLED = "0000:00:03.0"  # its users are
BDF_SHARED = "0000:00:04.0"  # by revere-pfd
BDF_VF = "0000:00:05.0"  # of that one
CLIENT = "/revere/tests/vm/vfio_client"

CONFORMANCE = (f"dpdk-test-revere -l 0 --in-memory -d {DRIVERS} -a {BDF_CONFORMANCE},class=raw "
               "-m 64 -- conformance")
# Process after process, each killed a little later in its work.
KILLS = (f"i=0; while [ $i -lt 100 ]; do {CLIENT} --busy {BDF_KILLED} >/tmp/busy 2>&1 & pid=$!; "
         "n=0; while ! grep -q busy /tmp/busy; do usleep 10000; n=$((n+1)); "
         "if [ $n -gt 3000 ]; then cat /tmp/busy; break 2; fi; done; "
         "usleep $((i * 500)); kill -9 $pid; wait $pid; i=$((i+1)); done; "
         f"echo $i killed; {CLIENT} --rounds 2 {BDF_KILLED} && test $i = 100")


class Machine:
    """A guest with its emulators. Its devices are bound to vfio-pci when it has booted.

    sockets: where others serve the last of its devices, instead of emulators of its own.
    """

    def __init__(self, folder, iommu, devices, sockets=()):
        self.emulators = {}
        self.devices = devices
        self.guest = None
        try:
            for bdf in devices[:len(devices) - len(sockets)]:
                self.emulators[bdf] = vm.Emulator(folder, "--port", "loop",
                                                  name="emu" + bdf[-4:-2])
            sockets = [*(e.socket for e in self.emulators.values()), *sockets]
            self.guest = vm.Guest(folder, sockets, iommu=iommu)
        except Exception:
            self.close()
            raise
        self.run = self.guest.run
        self.check = self.guest.check

    def bind(self, bdf):
        """Give a device to vfio-pci."""
        self.check(f"echo vfio-pci > /sys/bus/pci/devices/{bdf}/driver_override && "
                   f"echo {bdf} > /sys/bus/pci/drivers_probe && "
                   f"test -e /sys/bus/pci/drivers/vfio-pci/{bdf}")

    def bind_all(self):
        """After a boot."""
        for bdf in self.devices:
            self.bind(bdf)

    def start(self, name, command):
        """Run a command in the background."""
        self.check(f"rm -f /tmp/{name}.code; "
                   f"(({command}) >/tmp/{name}.out 2>&1; echo $? >/tmp/{name}.code) & true")

    def result(self, name, seconds):
        """Wait for a command in the background. Gives (exit status, output)."""
        deadline = time.monotonic() + seconds
        while self.run(f"test -s /tmp/{name}.code")[0] != 0:
            if time.monotonic() > deadline:
                raise vm.GuestError(f"{name}: no end within {seconds} s: "
                                    + self.run(f"tail -n 50 /tmp/{name}.out")[1])
            time.sleep(0.2)
        return int(self.check(f"cat /tmp/{name}.code")), self.check(f"cat /tmp/{name}.out")

    def status(self, bdf=BDF):
        """The state that revere-emu writes when it gets SIGUSR1."""
        emulator = self.emulators[bdf]
        before = len(emulator.text())
        emulator.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 30
        # the interrupts of its last socket come last
        while "interrupt vectors connected\n" not in emulator.text()[before:]:
            assert time.monotonic() < deadline, "no status from revere-emu"
            time.sleep(0.02)
        return emulator.text()[before:]

    def close(self):
        """End all."""
        if self.guest is not None:
            self.guest.close()
        for emulator in self.emulators.values():
            emulator.close()


class Forwarding:
    """A dpdk-testpmd in the guest whose packets go round."""

    def __init__(self, machine, options="", eal="--in-memory", devargs="class=net",
                 start="start tx_first", device=None):
        self.start = start
        device = device or f"-a {BDF},{devargs}"
        self.machine = machine
        machine.check("rm -f /tmp/pmd.*; mkfifo /tmp/pmd.in; "
                      "sleep 100000 >/tmp/pmd.in & echo $! >/tmp/pmd.sleep")
        machine.check(f"(stdbuf -oL dpdk-testpmd -l 0-1 {eal} -d {DRIVERS} {device} "
                      f"-m 96 -- -i {options} --total-num-mbufs=4096 "
                      "</tmp/pmd.in >/tmp/pmd.out 2>&1 & echo $! >/tmp/pmd.pid; "
                      "wait $!; echo $? >/tmp/pmd.code) & true")

    def __enter__(self):
        self.says("Done")
        self.command(self.start)
        self.says("packets/burst")
        return self

    def __exit__(self, *_):
        try:
            self.machine.run("kill -9 $(cat /tmp/pmd.pid); kill $(cat /tmp/pmd.sleep)")
        except vm.GuestError:
            # A guest that is gone took it along; its process may need a moment to end.
            self.machine.guest.process.wait(5)

    def command(self, text):
        """Types a line."""
        self.machine.check(f"echo {text} >/tmp/pmd.in")

    def says(self, pattern, seconds=60):
        """Waits for a text in its output."""
        deadline = time.monotonic() + seconds
        while self.machine.run(f"grep -q '{pattern}' /tmp/pmd.out")[0] != 0:
            assert time.monotonic() < deadline, \
                f"no '{pattern}' in\n" + self.machine.run("tail -n 60 /tmp/pmd.out")[1]
            time.sleep(0.2)

    def forwards(self, seconds=60):
        """Waits until thousands of packets have come."""
        deadline = time.monotonic() + seconds
        while True:
            self.command("show port stats 0")
            if self.machine.run("usleep 300000; grep -q 'RX-packets: [0-9]*[1-9][0-9][0-9][0-9]' "
                                "/tmp/pmd.out")[0] == 0:
                return
            assert time.monotonic() < deadline, \
                "no packets in\n" + self.machine.run("head -n 60 /tmp/pmd.out; "
                                                     "tail -n 60 /tmp/pmd.out")[1]

    def quit(self):
        """It ends in order."""
        self.command("quit")
        self.machine.check("n=0; until test -s /tmp/pmd.code; do n=$((n+1)); "
                           "test $n -lt 600 || break; usleep 100000; done; "
                           "grep -q '^0$' /tmp/pmd.code", 90)


@pytest.fixture(scope="session")
def archive():
    """A new initramfs, as the build may have changed."""
    file = vm.BUILD / "vm" / "initramfs.cpio"
    file.unlink(missing_ok=True)
    return file


@pytest.fixture(scope="session")
def machines(archive, tmp_path_factory):
    """All guests, booting at the same time."""
    made = []
    try:
        folder = tmp_path_factory.mktemp("shared")
        made.append(vm.Emulator(folder, "--vfs", "1", "--vf-socket", str(folder), "--port", "loop",
                                name="pf"))
        shared = [made[0].socket, folder / "vf1.sock"]
        for name, iommu, devices, sockets in (
                ("iommu", True, [BDF, BDF_CONFORMANCE, BDF_KILLED, BDF_SHARED, BDF_VF], shared),
                ("noiommu", False, [BDF, BDF_CONFORMANCE], ()),
                ("doomed", True, [BDF], ())):
            made.append(Machine(tmp_path_factory.mktemp(name), iommu, devices, sockets))
        yield made[1:]
    finally:
        for each in reversed(made):
            each.close()


@pytest.fixture(scope="session")
def machine(machines):
    """A guest with an emulated intel-iommu, and what runs in it in the background."""
    made = machines[0]
    made.bind_all()
    # A reset of its PF is the VF's, too, but QEMU takes it to be without power still if it was.
    made.check(f"echo on > /sys/bus/pci/devices/{BDF_VF}/power/control")
    made.start("conformance", CONFORMANCE)
    made.start("kills", KILLS)
    return made


@pytest.fixture(scope="session")
def machine_noiommu(machines):
    """A guest without IOMMU, VFIO in no-IOMMU mode."""
    made = machines[1]
    made.bind_all()
    made.start("conformance", CONFORMANCE)
    return made


@pytest.fixture(scope="session")
def doomed_machines(machines, archive, tmp_path_factory):
    """Guests one after the other, to be given up."""
    made = [machines[2]]

    def more():
        while len(made) <= 3:
            made[-1].bind_all()
            yield made[-1]
            made.append(Machine(tmp_path_factory.mktemp("doomed"), True, [BDF]))

    yield more()
    for machine in made[1:]:
        machine.close()
