#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A QEMU guest with a Revere device in it, served by revere-emu over vfio-user.

As a program: boots one and gives a prompt in it (scripts/test --shell does this).
"""

import argparse
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

import initramfs

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REVERE_BUILD", TOP / "build"))
VM = pathlib.Path(os.environ.get("REVERE_CACHE", TOP / ".cache")) / "vm"
PROMPT = "@revere@"
AGAIN = "@again@"  # instead of a prompt: a line came in part


class GuestError(Exception):
    """The guest or the emulator did not do as told; the text says what."""


def qemu_command():
    """Words that start a QEMU with vfio-user."""
    out = subprocess.run([TOP / "scripts/vm/prepare", "--qemu-command"], capture_output=True,
                         text=True, check=True)
    words = out.stdout.split()
    if not words:
        raise GuestError("no QEMU with vfio-user-pci (10.1 or newer, built with it) here: run "
                         "scripts/vm/prepare, which fetches one")
    return words


def end(process, seconds=10):
    """End a process, by its id."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Emulator:
    """A revere-emu on a socket."""

    def __init__(self, folder, *options, name="emu"):
        self.socket = pathlib.Path(folder) / f"{name}.sock"
        self.log = open(pathlib.Path(folder) / f"{name}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BUILD / "emu/revere-emu", "--socket", self.socket, *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise GuestError(f"revere-emu did not start: {self.text()}")
            time.sleep(0.02)

    def text(self):
        """What it has logged."""
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def close(self):
        """End it."""
        end(self.process)
        self.log.close()


class Guest:
    """A guest; commands run in it through a serial line. It boots until the first one."""

    def __init__(self, folder, sockets, iommu=True, memory=1024, cpus=2, hugepages=192,
                 options=()):
        self.folder = pathlib.Path(folder)
        self.console = self.folder / "console.log"
        self.line = self.folder / "line.sock"
        self.monitor = self.folder / "monitor.sock"
        self.buffer = ""
        self.count = 0
        self.serial = None
        archive = BUILD / "vm" / "initramfs.cpio"
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            initramfs.make(BUILD, VM, archive)
        # On a busy machine the timer may tick too late for the kernel's check of it.
        append = "console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check"
        append += f" revere.hugepages={hugepages}"
        append += " intel_iommu=on" if iommu else " revere.noiommu"
        machine = "q35,kernel-irqchip=split" if iommu else "q35"
        command = qemu_command() + [
            "-M", machine, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus),
            "-m", str(memory), "-object",
            f"memory-backend-memfd,id=ram,size={memory}M,share=on",
            "-numa", "node,memdev=ram", "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-kernel", str(VM / "vmlinux"), "-initrd", str(archive),
            "-append", append, "-serial", f"file:{self.console}",
            "-serial", f"unix:{self.line},server=on,wait=off",
            "-qmp", f"unix:{self.monitor},server=on,wait=off"]
        if iommu:
            command += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
        for path in sockets:
            command += ["-device", '{"driver":"vfio-user-pci","socket":{"type":"unix",'
                        f'"path":"{path}"}}}}']
        self.log = open(self.folder / "qemu.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(command + list(options), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def what(self):
        """QEMU's and the kernel's last words, for error messages."""
        text = (self.folder / "qemu.log").read_text(encoding="utf-8", errors="replace")
        if self.console.exists():
            text += self.console.read_text(encoding="utf-8", errors="replace")
        return text[-3000:]

    def dial(self, path, seconds=60):
        """A connection with one of QEMU's sockets, which it makes when it starts."""
        deadline = time.monotonic() + seconds
        connection = socket.socket(socket.AF_UNIX)
        while True:
            try:
                connection.connect(str(path))
                return connection
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    connection.close()
                    raise GuestError(f"QEMU did not start: {self.what()}") from error
                time.sleep(0.05)

    def wait(self, seconds=180):
        """Wait for the shell in the guest."""
        deadline = time.monotonic() + seconds
        if self.serial is None:
            self.serial = self.dial(self.line)
        while time.monotonic() < deadline:
            try:
                self.type("\n")
                self.run_here("true", 3)
                return
            except GuestError:
                if self.process.poll() is not None:
                    break
        raise GuestError(f"the guest did not boot: {self.what()}")

    def reset(self):
        """Push the guest's reset button; the next command waits until it has booted again."""
        with self.dial(self.monitor) as monitor, monitor.makefile("rw") as lines:
            for command in ('{"execute": "qmp_capabilities"}',
                            '{"execute": "set-action", "arguments": {"reboot": "reset"}}',
                            '{"execute": "system_reset"}'):
                lines.write(command + "\n")
                lines.flush()
                # what isn't the answer is a greeting or an event
                while '"return"' not in (answer := lines.readline()):
                    if not answer or '"error"' in answer:
                        raise GuestError(f"{command}: {answer or self.what()}")
        self.serial.close()
        self.serial = None

    def read(self, pattern, seconds):
        """Read until pattern matches; what was read before it is returned with the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.buffer)
            if match:
                before, self.buffer = self.buffer[:match.start()], self.buffer[match.end():]
                return before, match
            left = deadline - time.monotonic()
            if left <= 0:
                raise GuestError(f"no /{pattern}/ within {seconds} s; have {self.buffer[-2000:]!r}")
            if select.select([self.serial], [], [], left)[0]:
                data = self.serial.recv(65536)
                if not data:
                    raise GuestError(f"the guest is gone: {self.buffer[-500:]!r} {self.what()}")
                self.buffer += data.decode("utf-8", "replace").replace("\r", "")

    def send(self, line):
        """Type a line with its length, which tells the guest whether it is whole."""
        self.type(f"{len(line)} {line}\n")

    def type(self, text):
        """Type."""
        try:
            self.serial.sendall(text.encode())
        except OSError as error:
            raise GuestError(f"the guest is gone: {self.what()}") from error

    def run(self, command, seconds=60):
        """Run a shell command. Gives (exit status, output)."""
        if self.serial is None:
            self.wait()
        return self.run_here(command, seconds)

    def run_here(self, command, seconds):
        """The same in a guest that has booted."""
        self.count += 1
        try:
            for _ in range(5):
                self.send(f"{command.strip()}; echo {PROMPT}{self.count}:$?")
                output, match = self.read(rf"{PROMPT}{self.count}:(\d+)\n|{AGAIN}\n", seconds)
                if match.group(1) is not None:
                    return int(match.group(1)), output
            raise GuestError("the serial port loses what is typed")
        except GuestError as error:
            raise GuestError(f"{command}: {error}") from error

    def check(self, command, seconds=60):
        """Run a shell command that must succeed. Gives its output."""
        status, output = self.run(command, seconds)
        if status != 0:
            raise GuestError(f"{command}: exit status {status}: {output[-3000:]}")
        return output

    def close(self):
        """Power off, hard."""
        end(self.process)
        if self.serial is not None:
            self.serial.close()
        self.log.close()


def prompt(guest):
    """Connect this terminal with the guest until it is gone or Ctrl-] is typed."""
    print("a shell in the guest; our programs are below /revere; Ctrl-] ends it")
    guest.wait()
    saved = subprocess.run(["stty", "-g"], capture_output=True, text=True, check=True).stdout
    subprocess.run(["stty", "raw", "-echo"], check=True)
    try:
        guest.send("stty -F /dev/ttyS1 sane; setsid sh -i </dev/ttyS1 >/dev/ttyS1 2>&1")
        while True:
            for ready in select.select([sys.stdin, guest.serial], [], [])[0]:
                data = os.read(ready.fileno(), 4096)
                if not data or (ready is sys.stdin and b"\x1d" in data):
                    return
                if ready is sys.stdin:
                    guest.serial.sendall(data)
                else:
                    os.write(1, data)
    finally:
        subprocess.run(["stty", saved.strip()], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noiommu", action="store_true", help="a guest without IOMMU")
    parser.add_argument("--command", help="run this and end, instead of a prompt")
    parser.add_argument("--emu", action="append", default=[], metavar="OPTION",
                        help="option for revere-emu")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(folder, *args.emu)
        guest = None
        try:
            guest = Guest(folder, [emulator.socket], iommu=not args.noiommu)
            if args.command:
                status, output = guest.run(args.command, 300)
                print(output, end="")
                return status
            prompt(guest)
        except GuestError as error:
            sys.exit(str(error))
        finally:
            if guest:
                guest.close()
            emulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
