#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) The Revere for DPDK authors
"""Write the C file that makes dpdk-pmdinfo.py know a driver.

pmdinfo.py OUTPUT.c OBJECT...

DPDK's registration macros leave strings in a driver's objects: its name, the name of its
table of PCI ids, its parameters, the kernel modules it needs. One line of JSON per driver
tells them to dpdk-pmdinfo.py.
"""

import json
import struct
import sys

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

# struct rte_pci_id: class, vendor, device, subsystem vendor, subsystem device
PCI_ID = "IHHHH"
NAME_PREFIX = "this_pmd_name"


class Object:
    """An ELF object file, as the data its symbols name."""

    def __init__(self, path):
        with open(path, "rb") as file:
            elf = ELFFile(file)
            self.order = "<" if elf.little_endian else ">"
            self.data = {}
            for table in elf.iter_sections():
                if isinstance(table, SymbolTableSection):
                    self._read(elf, table)

    def _read(self, elf, table):
        for symbol in table.iter_symbols():
            index = symbol["st_shndx"]
            if symbol["st_info"]["type"] != "STT_OBJECT" or not isinstance(index, int):
                continue
            section = elf.get_section(index)
            if section["sh_type"] != "SHT_PROGBITS":
                continue
            start = symbol["st_value"]
            self.data[symbol.name] = section.data()[start : start + symbol["st_size"]]

    def string(self, symbol):
        return self.data[symbol].split(b"\0")[0].decode()

    def pci_ids(self, table):
        form = self.order + PCI_ID
        data = self.data[table]
        data = data[: len(data) - len(data) % struct.calcsize(form)]
        for _, *ids in struct.iter_unpack(form, data):
            if ids[1] == 0:
                break
            yield ids

    def driver_names(self):
        for symbol in self.data:
            if symbol.startswith(NAME_PREFIX):
                yield self.string(symbol)


def describe(name, objects):
    """What the objects say about the driver NAME, as dpdk-pmdinfo.py wants it."""
    info = {"name": name}
    pci_ids = []
    for obj in objects:
        for key, suffix in (("params", "param_string"), ("kmod", "kmod_dep")):
            symbol = f"__{name}_{suffix}_export"
            if symbol in obj.data:
                info[key] = obj.string(symbol)
        symbol = f"__{name}_pci_tbl_export"
        if symbol not in obj.data:
            continue
        table = obj.string(symbol)
        holder = next((o for o in objects if table in o.data), None)
        if holder is None:
            sys.exit(f"pmdinfo: driver {name}: its table of PCI ids, {table}, is nowhere")
        pci_ids += holder.pci_ids(table)
    info["pci_ids"] = pci_ids
    return info


def main():
    output, *paths = sys.argv[1:]
    try:
        objects = [Object(path) for path in paths]
    except (ELFError, OSError) as error:
        sys.exit(f"pmdinfo: {error}")
    names = sorted({name for obj in objects for name in obj.driver_names()})
    with open(output, "w", encoding="ascii") as file:
        print("/* Made by pmdinfo.py for dpdk-pmdinfo.py. */", file=file)
        print("typedef int revere_no_empty_unit;", file=file)
        for name in names:
            text = json.dumps("PMD_INFO_STRING= " + json.dumps(describe(name, objects)))
            print(f"extern const char {name}_pmd_info[];", file=file)
            print(
                f"const char {name}_pmd_info[] __attribute__((used)) =\n\t{text};",
                file=file,
            )


if __name__ == "__main__":
    main()
