# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Guests for the tests: one with an IOMMU and one without, each booted once."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "vm"))

import guest as vm  # noqa: E402

BDF = "0000:00:01.0"
DRIVERS = "/revere/drivers"


class Machine:
    """A guest with its emulator and the device bound to vfio-pci."""

    def __init__(self, folder, iommu, *options):
        self.emulator = vm.Emulator(folder, "--port", "loop", *options)
        try:
            self.guest = vm.Guest(folder, [self.emulator.socket], iommu=iommu)
        except Exception:
            self.emulator.close()
            raise
        self.run = self.guest.run
        self.check = self.guest.check
        self.bind(BDF)

    def bind(self, bdf):
        """Give a device to vfio-pci."""
        self.check(f"echo vfio-pci > /sys/bus/pci/devices/{bdf}/driver_override && "
                   f"echo {bdf} > /sys/bus/pci/drivers_probe && "
                   f"test -e /sys/bus/pci/drivers/vfio-pci/{bdf}")

    def close(self):
        """End both."""
        self.guest.close()
        self.emulator.close()


@pytest.fixture(scope="session")
def archive():
    """A new initramfs, as the build may have changed."""
    file = vm.BUILD / "vm" / "initramfs.cpio"
    file.unlink(missing_ok=True)
    return file


@pytest.fixture(scope="session")
def machine(archive, tmp_path_factory):
    """A guest with an emulated intel-iommu."""
    made = Machine(tmp_path_factory.mktemp("iommu"), True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def machine_noiommu(archive, tmp_path_factory):
    """A guest without IOMMU, VFIO in no-IOMMU mode."""
    made = Machine(tmp_path_factory.mktemp("noiommu"), False)
    yield made
    made.close()


