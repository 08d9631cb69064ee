# SPDX-License-Identifier: BSD-3-Clause
"""The guest's root file system: busybox, DPDK's stock programs, this project's build."""

import os
import pathlib
import re
import shutil
import subprocess

INIT = """#!/bin/sh
export PATH=/bin:/usr/bin:/revere/app
# plug-ins need each other
export LD_LIBRARY_PATH=$(echo /usr/lib/*/dpdk/pmds-*)
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/hugepages /dev/shm /tmp /run /var/run
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t hugetlbfs -o pagesize=2M none /dev/hugepages
ip link set lo up
for module in $(cat /modules/order); do
	case $module in
	vfio.ko) grep -q revere.noiommu /proc/cmdline && module=vfio-noiommu.ko ;;
	esac
	insmod /modules/$module || echo "insmod $module failed"
done
if grep -q revere.noiommu /proc/cmdline; then
	echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode
fi
pages=$(sed -n 's/.*revere.hugepages=\\([0-9]*\\).*/\\1/p' /proc/cmdline)
echo ${pages:-128} > /proc/sys/vm/nr_hugepages
stty -F /dev/ttyS1 raw -echo
# One line, one command behind its length, in a shell of its own: a wrong one mustn't end init. They
# get no input. A line of which the serial port lost a part is asked for again.
exec setsid sh -c 'while read -r size line; do
	if test "$size" = ${#line}; then (eval "$line") </dev/null
	elif test -n "$size"; then echo @again@
	fi
done' </dev/ttyS1 >/dev/ttyS1 2>&1
"""


def libraries(files):
    """Shared libraries that these files load at start, with the loader."""
    found = set()
    for file in files:
        out = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False)
        found.update(re.findall(r"(?:=> )?(/\S+) \(0x", out.stdout))
    return found


def copy(root, file, target=None):
    """Copy a file into the tree, at its own path unless said otherwise.

    A symbolic link stays one: EAL would take two copies of a plug-in for two plug-ins.
    """
    to = root / (target or str(file)).lstrip("/")
    if to.exists() or to.is_symlink():
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    real = os.path.realpath(file)
    if target is None and real != str(file):
        copy(root, real)
        to.symlink_to(real)
    else:
        shutil.copy2(real, to)


def plugins(name):
    """DPDK's plug-in libraries that the programs need and nothing else."""
    folder = next(pathlib.Path("/usr/lib").glob("*/dpdk/pmds-*"))
    return sorted(folder.glob(f"librte_{name}.so.*"))


def stock_files():
    """DPDK's programs and plug-ins, tools to look at the device."""
    files = [shutil.which(name) for name in ("dpdk-testpmd", "dpdk-test", "dpdk-proc-info",
                                           "lspci", "setpci", "stdbuf")]
    files.append("/usr/libexec/coreutils/libstdbuf.so")
    # the C library loads it when a thread is cancelled
    files.append(next(pathlib.Path("/").glob("lib/*/libgcc_s.so.1")))
    for name in ("bus_pci", "bus_vdev", "mempool_ring", "dma_skeleton"):
        files += plugins(name)
    return [file for file in files if file]


def project_files(build):
    """What was built: path -> place in the guest; folders as in the build, for rpath."""
    files = {}
    for pattern in ("drivers/*.so", "lib/*/*.so*", "emu/*.so*", "app/dpdk-test-revere",
                    "app/revere-pfd",
                    "tests/vm/*"):
        for file in sorted(build.glob(pattern)):
            if file.is_file():
                files[file] = f"/revere/{file.relative_to(build)}"
    return files


def make(build, vm, out):
    """Write the cpio archive `out`."""
    root = build / "vm" / "root"
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("bin", "proc", "sys", "dev", "usr/share/misc"):
        (root / folder).mkdir(parents=True)
    copy(root, "/bin/busybox")
    ours = project_files(build)
    stock = stock_files()
    for file in stock:
        copy(root, file)
    for file, target in ours.items():
        copy(root, file, target)
    for library in libraries(list(stock) + list(ours)):
        if not library.startswith(str(build)):
            copy(root, library)
    shutil.copytree(vm / "modules", root / "modules")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s", "/bin"], check=True)
    subprocess.run(f"cd '{root}' && find . | cpio --quiet -o -H newc > '{out}'", shell=True,
                   check=True)
    shutil.rmtree(root)
