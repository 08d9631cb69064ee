# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Sphinx directives that print what the C headers declare: registers, messages, settings.

The headers are where a register, a field or a setting is declared, once; pages only name them.
What isn't found there, or isn't understood, is an error of the documentation build.
"""

import ast
import glob
import json
import os
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.util.nodes import nested_parse_with_titles

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
SIZES = {"rvr_le16": 2, "rvr_le32": 4, "rvr_le64": 8, "uint8_t": 1, "uint32_t": 4, "uint64_t": 8,
         "char": 1}
TYPES = {"rvr_le16": "u16", "rvr_le32": "u32", "rvr_le64": "u64", "uint8_t": "u8",
         "uint32_t": "u32", "uint64_t": "u64", "char": "char"}
ACCESS = {"RO": "read only", "RW": "read, write", "RWD": "read, write; the device writes too",
          "IDX_SW": "software's index", "IDX_DEV": "device's index"}


def arguments(text):
    """Arguments of a macro call: strings without their quotes."""
    return [part.strip().strip('"')
            for part in re.findall(r'(?:[^,"]|"[^"]*")+', text.replace("\\\n", " "))]


def sentence(comment):
    """A comment on one line, Doxygen's marks as literals."""
    text = " ".join(re.sub(r"\n\s*\*", " ", comment or "").split())
    text = re.sub(r"@[pc]\s+(\w+)", r"``\1``", text)
    text = re.sub(r"(?<![`\w])(RVR_\w+\*?|rvr_\w+(?:\(\))?)", r"``\1``", text)
    return re.sub(r"(?<!`)\*(?!`)", r"\\*", text)


class Header:
    """One header file, or all that match a pattern, as if they were one."""

    def __init__(self, path):
        self.path = os.path.join(TOP, path)
        self.paths = sorted(glob.glob(self.path))
        self.text = ""
        for name in self.paths:
            with open(name, encoding="utf-8") as file:
                self.text += file.read()

    def rows(self, macro):
        """Arguments of each X() in an X-macro; each row is a list."""
        match = re.search(rf"#define {macro}\(X\)((?:[^\n]*\\\n)*[^\n]*)", self.text)
        if match is None:
            raise KeyError(f"no {macro}(X) in {self.path}")
        return [arguments(row)
                for row in re.findall(r'X\(((?:[^()"]|"[^"]*")*)\)', match.group(1))]

    def defines(self, prefix):
        """(name, value, comment) of #defines that start with a prefix."""
        found = re.findall(rf"^#define ({prefix}\w*)[ \t]+([^/\n]+?)[ \t]*(?:/\*\*<(.*?)\*/)?$",
                           self.text, re.M)
        if not found:
            raise KeyError(f"no #define {prefix}* in {self.path}")
        return [(name, value.rstrip("u"), sentence(comment)) for name, value, comment in found]

    def enum(self, name):
        """(name, value, comment) of an enumeration's members."""
        match = re.search(rf"enum {name} \{{(.*?)\}};", self.text, re.S)
        if match is None:
            raise KeyError(f"no enum {name} in {self.path}")
        found, value = [], -1
        body = re.sub(r"/\*(?!\*<).*?\*/", "", match.group(1), flags=re.S)
        for member, number, comment in re.findall(
                r"(\w+)(?:\s*=\s*(\w+))?\s*(?:,|$|(?=/))\s*(?:/\*\*<(.*?)\*/)?", body, re.S):
            value = int(number, 0) if number else value + 1
            found.append((member, str(value) if value < 10 else hex(value), sentence(comment)))
        return found

    def number(self, text):
        """Value of a constant expression with names of #defines, here or in rvr_regs.h."""
        def value(match):
            try:
                return self.defines(match.group(0))[0][1]
            except KeyError:
                return Header(Registers.header).defines(match.group(0))[0][1]
        text = re.sub(r"[A-Z]\w+", value, text)
        return eval(compile(ast.parse(text, mode="eval"), "header", "eval"), {}, {})

    def struct(self, name):
        """(comment, size, [(offset, type, name, comment)]) of a struct."""
        match = re.search(
            rf"(?:/\*\*((?:(?!\*/).)*)\*/\s*)?^(?:__extension__ )?struct {name} \{{(.*?)^\}}",
            self.text, re.S | re.M)
        if match is None:
            raise KeyError(f"no struct {name} in {self.path}")
        members, offset = [], 0
        for kind, names, comment in re.findall(
                r"^\s*((?:struct\s+)?\w+)\s+(\w(?:[^;/]|/(?!\*))*);[ \t]*(?:/\*\*<(.*?)\*/)?",
                match.group(2), re.M | re.S):
            for declarator in names.split(","):
                member, counts = re.match(r"\s*(\w+)((?:\[[^\]]*\])*)", declarator).groups()
                if kind.startswith("struct"):
                    size, shown = self.struct(kind.split()[1])[1], f"``{kind}``"
                else:
                    size, shown = SIZES[kind], TYPES[kind]
                for count in map(self.number, re.findall(r"\[([^\]]*)\]", counts)):
                    shown, size = f"{shown}[{count}]", size * count
                members.append((offset, shown, member, sentence(comment)))
                offset += size
        stated = re.search(rf"sizeof\(struct {name}\) == (\w+)", self.text)
        if stated and self.number(stated.group(1)) != offset:
            raise ValueError(f"struct {name} in {self.path}: {offset} bytes were understood, "
                             f"{stated.group(1)} are stated")
        return sentence(match.group(1)), offset, members


def table(head, rows, widths):
    """A list-table."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}",
             ""]
    for row in [head] + rows:
        for i, cell in enumerate(row):
            lines.append(f"   {'*' if i == 0 else ' '} -" + (f" {cell}" if cell else ""))
    return lines + [""]


class Generated(Directive):
    """A directive whose content is reStructuredText that lines() makes."""

    optional_arguments = 100
    header = "lib/revere_ami/rvr_[mprsv][fsnti]*.h"  # of messages: all but rvr_regs.h

    def run(self):
        """Reads the header, parses what lines() made."""
        header = Header(self.header)
        for path in header.paths:
            self.state.document.settings.env.note_dependency(path)
        node = nodes.section()
        node.document = self.state.document
        try:
            lines = self.lines(header)
        except (KeyError, ValueError) as error:
            raise self.error(str(error)) from error
        nested_parse_with_titles(self.state, StringList(lines, self.header), node)
        return node.children


class Registers(Generated):
    """rvr-registers:: REGISTER-MACRO [FIELD-MACRO]"""

    header = "lib/revere_ami/rvr_regs.h"

    def lines(self, header):
        """A table of the registers, then one of their fields."""
        rows = []
        for name, offset, count, stride, access, reset, writable, text in \
                header.rows(self.arguments[0]):
            where = f"``{offset}``"
            if int(count) > 1:
                where += f" + {int(stride, 0):#x}·n, n = 0..{int(count) - 1}"
            bits = {"0": "", "UINT64_MAX": "all"}.get(writable, f"``{writable}``")
            rows.append([where, name, ACCESS[access], f"{int(reset, 0):#x}", bits, text])
        lines = table(["Offset", "Register", "Access", "Reset", "Writable bits", "What it is"],
                      rows, [20, 20, 14, 6, 14, 26])
        if len(self.arguments) > 1:
            lines += table(["Register", "Field", "Bits", "What it is"],
                           [[reg, f"``{field}``", bits_of(high, low), text] for
                            reg, field, high, low, text in header.rows(self.arguments[1])],
                           [20, 25, 10, 45])
        return lines


def bits_of(high, low):
    """[high:low], one number where they are the same."""
    return f"[{high}]" if high == low else f"[{high}:{low}]"


class ErrorStates(Generated):
    """rvr-error-states::"""

    header = "lib/revere_ami/rvr_regs.h"

    def lines(self, header):
        """A table of values of AMU_SR.ERROR_STATE."""
        return table(["Value", "Name", "Meaning"],
                     [[value, f"``{name}``", text]
                      for name, value, text in header.rows("RVR_ERROR_STATES")], [10, 30, 60])


def fields(header, title, macro):
    """A table of a message's fields, or nothing."""
    rows = [[offset, bits_of(high, low), f"``{name}``"]
            for name, _, offset, high, low in header.rows(macro)]
    if not rows:
        return []
    return [f"{title}:", ""] + table(["Byte offset", "Bits", "Field"], rows, [20, 20, 60])


class Commands(Generated):
    """rvr-commands::"""

    def lines(self, header):
        """A section for each command."""
        lines = []
        for name, _, opcode, published in header.rows("RVR_COMMANDS"):
            title = f"{opcode}: {published}"
            lines += [title, "~" * len(title), ""]
            request = fields(header, "Request", f"RVR_{name}_REQ")
            response = fields(header, "Response", f"RVR_{name}_RSP")
            lines += request + response
            if not request and not response:
                lines += ["No fields.", ""]
            statuses = [f"{value} {text}" for _, _, value, text in
                        header.rows(f"RVR_{name}_STATUS")]
            lines += [f"Statuses: {'; '.join(['0 success'] + statuses)}.", ""]
        return lines


class Exceptions(Generated):
    """rvr-exceptions::"""

    def lines(self, header):
        """A section for each exception."""
        lines = []
        for name, _, opcode, published in header.rows("RVR_EXCEPTIONS"):
            title = f"{opcode}: {published}"
            lines += [title, "~" * len(title), ""]
            lines += fields(header, "Fields", f"RVR_{name}_FIELDS")
        return lines


class Structs(Generated):
    """rvr-struct:: NAME..."""

    def lines(self, header):
        """A table for each struct."""
        lines = []
        for name in self.arguments:
            comment, size, members = header.struct(name)
            lines += [f"``struct {name}``, {size} bytes. {comment}", ""]
            lines += table(["Offset", "Type", "Field", "What it is"],
                           [[str(offset), kind, f"``{member}``",
                             text or ("0" if member.startswith("zero") else "")]
                            for offset, kind, member, text in members], [10, 20, 20, 50])
        return lines


class Enums(Generated):
    """rvr-enum:: NAME..."""

    def lines(self, header):
        """A table for each enumeration."""
        lines = []
        for name in self.arguments:
            lines += table(["Value", "Name", "Meaning"],
                           [[value, f"``{member}``", text]
                            for member, value, text in header.enum(name)], [10, 45, 45])
        return lines


class Defines(Generated):
    """rvr-defines:: PREFIX..."""

    def lines(self, header):
        """One table for all constants that start so."""
        rows = [[f"``{value}``", f"``{name}``", text] for prefix in self.arguments
                for name, value, text in header.defines(prefix)]
        return table(["Value", "Name", "Meaning"], rows, [10, 45, 45])


class Settings(Generated):
    """emu-settings:: STRUCT [PREFIX]"""

    header = "emu/revere_emu.h"

    def lines(self, header):
        """A table of the members of a configuration struct that have a text."""
        prefix = self.arguments[1] if len(self.arguments) > 1 else ""
        match = re.search(rf"^struct {self.arguments[0]} \{{(.*?)^\}}", header.text, re.S | re.M)
        if match is None:
            raise KeyError(f"no struct {self.arguments[0]} in {header.path}")
        rows = []
        for member, comment in re.findall(r"(\w+)(?:\[\w+\])?;[ \t]*/\*\*<(.*?)\*/",
                                          match.group(1), re.S):
            text, _, default = sentence(comment).rpartition(";")
            if prefix:  # faults: all start at 0
                text, default = sentence(comment), "0"
            if text:
                rows.append([f"``{prefix}{member}``", text, default.strip()])
        return table(["Key", "What it sets", "Default"], rows, [25, 55, 20])


class BenchResults(Generated):
    """bench-results::, out of doc/guides/performance.json"""

    header = "doc/guides/performance.json"

    def lines(self, header):
        """A table for each benchmark that has peers, a sentence for the others."""
        results = json.loads(header.text)["results"]
        lines = [] if results else ["None have been recorded yet.", ""]
        for bench in dict.fromkeys(row["bench"] for row in results):
            rows = [row for row in results if row["bench"] == bench]
            lines += [bench, "~" * len(bench), ""]
            lines += peers_table(rows) if "peers" in rows[0] else plain_table(rows)
        return lines


class VhostAccount(Generated):
    """bench-vhost-account::, out of doc/guides/performance.json"""

    header = "doc/guides/performance.json"
    sizes = (64, 512, 1518, 9000)

    def lines(self, header):
        """What a packet costs, and what of that is what, for all rings and both directions."""
        results = json.loads(header.text)["results"]
        lines = []
        for kind in ("split-mergeable", "packed-mergeable", "split-single", "packed-single"):
            for direction, way in (("enqueue", "To the guest"), ("dequeue", "From the guest")):
                bench = f"vhost-{direction}-{kind}"
                rows = [row for row in results
                        if row["bench"] == bench and row["size"] in self.sizes]
                if rows:
                    lines += account_table(f"{way}, {kind}", rows)
        return lines or ["Nothing has been recorded yet.", ""]


def account_table(way, rows):
    """Nanoseconds of a packet, by size; the first size is the one that others are compared to."""
    def cost(row, name):
        return 1000 / (row["project"] if name == "auto" else row["peers"][name])

    parts = [("vhost copies itself (``sync``)", lambda row: cost(row, "sync")),
             ("the same copies behind dmadev (``cpu``)", lambda row: cost(row, "cpu")),
             ("so vhost's path for dmadevs costs", lambda row: cost(row, "cpu") - cost(row, "sync")),
             (f"and copying, above that of {rows[0]['size']} bytes, is worth",
              lambda row: cost(row, "cpu") - cost(rows[0], "cpu")),
             ("the AMU copies (``0``)", lambda row: cost(row, "0")),
             ("who does it best (``auto``)", lambda row: cost(row, "auto"))]
    head = [way] + [f"{row['size']} bytes" for row in rows]
    cells = [[text] + [f"{part(row):.0f}" for row in rows] for text, part in parts]
    cells.append(["that is, times as fast as ``sync``"] +
                 [f"{row['ratio']['sync']:.2f}" for row in rows])
    return table(head, cells, [46] + [11] * len(rows))


def peers_table(rows):
    """Project and peers, with ratios."""
    peers = list(rows[0]["peers"])
    head = ["Bytes", f"project, {rows[0]['unit']}"]
    for peer in peers:
        head += [peer, f"project / {peer}"]
    cells = []
    for row in rows:
        cells.append([str(row["size"]), str(row["project"])])
        for peer in peers:
            cells[-1] += [str(row["peers"][peer] or "-"), str(row["ratio"][peer] or "-")]
    return table(head, cells, [10] * len(head))


def plain_table(rows):
    """Rows as they are."""
    head = [name for name in rows[0] if name != "bench"]
    return table(head, [[str(row[name]) for name in head] for row in rows], [10] * len(head))


def setup(app):
    """Registers the directives."""
    for name, directive in (("rvr-registers", Registers), ("rvr-error-states", ErrorStates),
                            ("rvr-commands", Commands), ("rvr-exceptions", Exceptions),
                            ("rvr-struct", Structs), ("rvr-enum", Enums),
                            ("rvr-defines", Defines), ("emu-settings", Settings),
                            ("bench-results", BenchResults),
                            ("bench-vhost-account", VhostAccount)):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
