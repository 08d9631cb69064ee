# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""revere-pfd in a guest: it owns a Physical Function on vfio-pci."""

import re
import time

import pytest

from conftest import BDF_SHARED, BDF_VF, CLIENT, DRIVERS, Forwarding

SOCKET = "/tmp/pfd.sock"
# As many contexts as both clients have together.
TRUSTED = "allow user=* contexts=4 trusted=yes"
VF = "vf number=1 dma=2 trap=all"


class Service:
    """A revere-pfd."""

    def __init__(self, machine, option="--keeper"):
        self.machine = machine
        self.policy(TRUSTED, VF)
        machine.check("rm -f /tmp/pfd.out")
        machine.start("pfd", f"revere-pfd --device {BDF_SHARED} --socket {SOCKET} --policy "
                      f"/tmp/policy {option} --log-level info & echo $! >/tmp/pfd.pid; wait $!")
        self.says("serving on")

    def policy(self, *lines):
        """Writes its policy."""
        words = " ".join(f"'{line}'" for line in lines)
        self.machine.check(f"printf '%s\\n' {words} >/tmp/policy")

    def says(self, pattern, count=1, seconds=60):
        """Waits for lines of its log. Gives the last one."""
        deadline = time.monotonic() + seconds
        while True:
            lines = re.findall(f".*{pattern}.*", self.machine.run("cat /tmp/pfd.out")[1])
            if len(lines) >= count:
                return lines[-1]
            assert time.monotonic() < deadline, self.machine.run("tail -n 50 /tmp/pfd.out")[1]
            time.sleep(0.2)

    def signal(self, name):
        """A signal to the keeper, which hands it on."""
        self.machine.check(f"kill -{name} $(cat /tmp/pfd.pid)")

    def kill(self):
        """SIGKILL to the service itself; another one takes over."""
        count = self.machine.check("cat /tmp/pfd.out").count("took over")
        self.machine.check("pid=$(cat /tmp/pfd.pid); kill -9 $(cat /proc/$pid/task/$pid/children)")
        self.says("took over", count + 1)


@pytest.fixture(name="service")
def fixture_service(machine):
    """A service, ended in order."""
    service = Service(machine)
    yield service
    service.signal("TERM")
    code, text = machine.result("pfd", 60)
    assert code == 0, text


def packets(machine):
    """A testpmd on the service's network agent, in memory of its own."""
    return Forwarding(machine, eal="--in-memory --no-pci --base-virtaddr=0x400000000",
                      device=f"--vdev=net_revere0,pfd={SOCKET}")


def copies(machine, device):
    """Copies that are looked at, in the background."""
    machine.check("rm -f /tmp/enough /tmp/copies.out")
    machine.start("copies", "until test -e /tmp/enough; do usleep 100000; done | dpdk-test-revere "
                  f"-l 0 --in-memory -d {DRIVERS} -m 64 {device} -- processes")
    machine.check("n=0; until grep -q ready /tmp/copies.out; do n=$((n+1)); "
                  "test $n -lt 600 || { cat /tmp/copies.out; false; break; }; usleep 100000; done",
                  90)


def copied(machine):
    """Ends them: all were right."""
    machine.check("usleep 200000; touch /tmp/enough")
    code, text = machine.result("copies", 60)
    assert code == 0 and re.search(r"primary: [1-9]\d* batches of 32 copies: passed", text), text


def selftest(machine):
    """A raw device on the service, in memory at EAL's usual addresses. Gives (status, output)."""
    return machine.run(f"dpdk-test-revere -l 0 --in-memory -d {DRIVERS} -m 64 --no-pci "
                       f"--vdev=raw_revere0,pfd={SOCKET} -- selftest 2>&1")


def killed(service, pmd):
    """SIGKILL to a client: all that it had is taken back."""
    count = service.machine.check("cat /tmp/pfd.out").count("is gone: 2 contexts")
    pmd.machine.check("kill -9 $(cat /tmp/pmd.pid)")
    service.says("is gone: 2 contexts", count + 1)


def refused(machine, device, says):
    """One message, and exit code 1."""
    machine.check("echo 'allow user=*' >/tmp/policy")
    code, text = machine.run(f"revere-pfd --device {device} --socket {SOCKET} "
                             "--policy /tmp/policy 2>&1")
    assert code == 1 and re.fullmatch(rf".*err: device .*{says}.*\n", text), text


def test_clients(machine, service):
    """Two clients; one is killed, its contexts are had again; the service is killed, and then a
    client that it knows from the one before; the other client copies all the time."""
    copies(machine, f"--no-pci --vdev=dma_revere0,pfd={SOCKET}")
    code, text = selftest(machine)
    assert code != 0 and "some is there already, see EAL's --base-virtaddr" in text, text
    with packets(machine) as pmd:
        pmd.forwards()
        killed(service, pmd)
    with packets(machine) as pmd:
        pmd.forwards()
        service.kill()
        pmd.command("clear port stats 0")
        pmd.forwards()
        killed(service, pmd)
    with packets(machine) as pmd:
        pmd.forwards()
        pmd.quit()
    copied(machine)
    service.signal("USR1")
    service.says(r"0 clients, 2 contexts, 2 of agents, \d+ sessions, 0 vectors, 0 MiB")


def test_interrupts(machine, service):
    """A client that sleeps is woken by the service's vectors; by the next service's, too."""
    service.kill()
    text = machine.check("dpdk-test-revere -l 0-1 --in-memory --no-pci -m 64 "
                         f"-d {DRIVERS} --vdev=net_revere0,pfd={SOCKET} "
                         "-- rx-intr --packets 300 --pause 1000 --queues 2 2>&1", 120)
    assert "300 received, 0 strange, 0 forgotten" in text, text[-3000:]


def test_not_trusted(machine, service):
    """Who isn't trusted is told so, and has nothing."""
    service.policy("allow user=* contexts=4", VF)
    service.signal("HUP")
    service.says("policy read again")
    code, text = selftest(machine)
    assert code != 0 and "doesn't trust user 0" in text, text


def test_vf(machine, service):
    """A VF has contexts by the policy, in an address space of its own; all its commands are
    decided on."""
    copies(machine, f"-a {BDF_VF},class=dma")
    copied(machine)
    service.signal("USR1")
    line = service.says("VF 1: enabled, 2 contexts")
    assert int(re.search(r"(\d+) commands trapped", line).group(1)) > 10, line


@pytest.mark.parametrize("device, says", [
    ("0000:00:00.0", r"it is 8086:\w+, and no Physical Function of a Revere device, 13b5:ff81"),
    ("0000:77:00.0", "there is no PCI device of this address"),
    (BDF_VF, "it is a Virtual Function, give its Physical one"),
    (BDF_SHARED + " --vf-token 00112233-4455-6677-8899-aabbccddeeff", "doesn't give it away"),
])
def test_refused(machine, device, says):
    """Devices that can't be had."""
    refused(machine, device, says)


def test_taken_away(machine):
    """The kernel has the device back: it is the service's end; the next one is told why it can't
    be had."""
    Service(machine, "")
    machine.start("unbind", f"echo {BDF_SHARED} > /sys/bus/pci/drivers/vfio-pci/unbind")
    code, text = machine.result("pfd", 60)
    assert code == 1 and "gone: an error, or the kernel takes it away" in text, text
    assert machine.result("unbind", 60)[0] == 0
    refused(machine, BDF_SHARED, "it is bound to no driver, not to vfio-pci: dpdk-devbind.py")
    machine.bind(BDF_SHARED)


def test_free_again(machine):
    """What the service had is anybody's."""
    assert "1 rounds" in machine.check(f"{CLIENT} --rounds 1 {BDF_SHARED} 2>&1")
