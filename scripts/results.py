#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) The Revere for DPDK authors
"""Turn the results of meson or pytest into the lines that scripts/test counts.

results.py meson PREFIX TESTLOG.json
results.py junit PREFIX RESULTS.xml
"""

import json
import os
import sys
import xml.etree.ElementTree


def report(result, name, why=""):
    why = " ".join(why.split())[:200]
    print(f"{result} {name}: {why}" if why else f"{result} {name}")


def show(text, lines=25):
    """The end of a failed test's output, as comments, which scripts/test shows."""
    for line in (text or "").rstrip().splitlines()[-lines:]:
        print(f"#   {line[:200]}")


def from_meson(prefix, path):
    """One JSON object a line, as `meson test` logs them."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            name = f"{prefix}/{test['name'].split(' / ')[-1]}"
            if test["result"] in ("OK", "EXPECTEDFAIL"):
                report("ok", name)
            elif test["result"] == "SKIP":
                report("skip", name, "the test says so")
            else:
                log = os.path.splitext(path)[0] + ".txt"
                report("not ok", name, f"{test['result'].lower()}, see {log}")
                show(test.get("stdout"))
                show(test.get("stderr"))


def from_junit(prefix, path):
    """JUnit's XML, as pytest writes it."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{prefix}/{case.get('classname', '').split('.')[-1]}.{case.get('name')}"
        failure = next((e for e in case if e.tag in ("failure", "error")), None)
        skipped = case.find("skipped")
        if failure is not None:
            report("not ok", name, failure.get("message") or failure.tag)
            show(failure.text)
            show(case.findtext("system-err"))
        elif skipped is not None:
            report("skip", name, skipped.get("message") or "no reason given")
        else:
            report("ok", name)


def main():
    form, prefix, path = sys.argv[1:]
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        report("skip", prefix, "no tests")
        return
    {"meson": from_meson, "junit": from_junit}[form](prefix, path)


if __name__ == "__main__":
    main()
