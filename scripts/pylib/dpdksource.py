# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Programs of DPDK that no package has, built unmodified out of its source in the build folder."""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import testpmd
from testpmd import ProgramError


def pkg_config(option):
    """What pkg-config says about the DPDK we build against, nothing if there is none."""
    return subprocess.run(["pkg-config", option, "libdpdk"], check=False, capture_output=True,
                          text=True).stdout.strip()


def source(*path):
    """Folder of a program's source, of the DPDK we build against; None if it isn't here.

    It may be installed with DPDK; else it is where scripts/setup puts the source of a release.
    """
    fetched = subprocess.run([os.path.join(testpmd.TOP, "buildtools", "find-dpdk-source"),
                              pkg_config("--modversion")],
                             check=False, capture_output=True, text=True).stdout.strip()
    for folder in (os.path.join(pkg_config("--variable=prefix"), "share", "dpdk"), fetched,
                   os.environ.get("REVERE_DPDK_SOURCE", "")):
        folder = os.path.join(folder, *path)
        if glob.glob(os.path.join(folder, "main.c")) or glob.glob(os.path.join(folder, "*fwd.c")):
            return folder
    return None


def run(argv):
    """Runs a compiler."""
    result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        raise ProgramError(f"{argv[-1]} can't be built:\n" + result.stderr)


def compiled(path, files, options):
    """Compiles and links a program, unless it is there; its path."""
    if os.path.exists(path):
        return path
    argv = ["cc", "-w", "-DALLOW_EXPERIMENTAL_API"] + shlex.split(pkg_config("--cflags")) + options
    os.makedirs(os.path.dirname(path), exist_ok=True)
    folder = tempfile.mkdtemp(dir=os.path.dirname(path))
    try:
        objects = [os.path.join(folder, os.path.basename(name) + ".o") for name in files]
        with concurrent.futures.ThreadPoolExecutor(len(testpmd.cpus())) as pool:
            list(pool.map(lambda pair: run(argv + ["-c", pair[0], "-o", pair[1]]),
                          zip(files, objects)))
        done = os.path.join(folder, os.path.basename(path))
        run(["cc"] + objects + shlex.split(pkg_config("--libs")) + ["-o", done])
        os.rename(done, path)
    finally:
        shutil.rmtree(folder)
    return path


def vhost_switch():
    """Path of examples/vhost; None without its source."""
    path = os.path.join(testpmd.BUILD, "examples", "dpdk-vhost")
    folder = source("examples", "vhost")
    if folder is None:
        return path if os.path.exists(path) else None
    return compiled(path, [os.path.join(folder, name) for name in ("main.c", "virtio_net.c")],
                    ["-O2"])


def without_drivers(path, folder, files, options):
    """Compiles a program without what it has for some drivers: that would need their sources."""
    switches = set()
    for name in files + glob.glob(os.path.join(folder, "*.h")):
        with open(name, encoding="utf-8") as file:
            switches.update(re.findall(r"\b(?:RTE_NET_[A-Z0-9]+|RTE_HAS_JANSSON)\b", file.read()))
    with tempfile.NamedTemporaryFile("w", suffix=".h") as header:
        header.write("#include <rte_config.h>\n")
        header.writelines(f"#undef {switch}\n" for switch in sorted(switches))
        header.flush()
        return compiled(path, files, ["-O0", "-include", header.name] + options)


def testpmd_ieee1588():
    """Path of a dpdk-testpmd with forward mode ieee1588; None without its source."""
    path = os.path.join(testpmd.BUILD, "examples", "dpdk-testpmd-ieee1588")
    folder = source("app", "test-pmd")
    if folder is None:
        return path if os.path.exists(path) else None
    include = os.path.join(folder, "..", "..", "lib", "eal", "linux", "include")
    return without_drivers(path, folder, glob.glob(os.path.join(folder, "*.c")),
                           ["-DRTE_LIBRTE_IEEE1588", "-idirafter", include])


def ethtool():
    """Path of examples/ethtool; None without its source."""
    path = os.path.join(testpmd.BUILD, "examples", "dpdk-ethtool")
    folder = source("examples", "ethtool", "ethtool-app")
    if folder is None:
        return path if os.path.exists(path) else None
    lib = os.path.join(folder, "..", "lib")
    files = [os.path.join(folder, name) for name in ("main.c", "ethapp.c")]
    return without_drivers(path, folder, files + [os.path.join(lib, "rte_ethtool.c")],
                           ["-I", lib])
