#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Extract the uncompressed kernel (ELF) out of a bzImage: extract_vmlinux.py VMLINUZ VMLINUX"""

import lzma
import subprocess
import sys
import zlib


def unzstd(data):
    return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False).stdout


FORMATS = (
    (b"\xfd7zXZ\x00", lambda data: lzma.LZMADecompressor().decompress(data)),
    (b"\x28\xb5\x2f\xfd", unzstd),
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
)


def extract(image):
    """The ELF file that some compressed piece of the image unpacks to."""
    for magic, unpack in FORMATS:
        at = image.find(magic)
        while at >= 0:
            try:
                elf = unpack(image[at:])
            except (lzma.LZMAError, zlib.error):
                elf = b""
            if elf.startswith(b"\x7fELF"):
                return elf
            at = image.find(magic, at + 1)
    return None


def main():
    with open(sys.argv[1], "rb") as image:
        elf = extract(image.read())
    if elf is None:
        sys.exit(f"{sys.argv[1]}: no compressed kernel found")
    with open(sys.argv[2], "wb") as out:
        out.write(elf)


if __name__ == "__main__":
    main()
