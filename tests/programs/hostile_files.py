"""A stranger's program (user 1001) with mapped libraries that each cost a reader gigabytes or minutes.

  sections   8 KB on disk that claim 40 million sections, with the name of an interpreter
  names      65,536 symbols that share one name of 4,000 bytes, ten times
  dynamic    500 MB of SHT_DYNAMIC, a hole for the most part, ten times
  rules      3 GB of .eh_frame, a hole
  debug      a debug link to a hole of 1 GiB, thirty times
  maps       60,000 mappings of a file whose path has 4,000 characters

It runs 120 ms of each library's code in a callback of its loop, again and again, until it is ended.
"""
import argparse
import asyncio
import ctypes
import os
import struct
import time

import stranger
from records import add_handshake_options, open_channel

CODE_AT, CODE = 0x1000, bytes.fromhex("48ffcf75fbc3")  # 1: dec %rdi; jnz 1b; ret
NULL, PROGBITS, SYMTAB, STRTAB, DYNAMIC, NOTE, DYNSYM = 0, 1, 2, 3, 6, 7, 11


def library(path, sections, claimed=None, big=0):
    """An ELF file: its code at 0x1000, then the sections (name, type, size or content, link). A size is a hole."""
    names, at, rows, parts = b"\0", 0x3000, [struct.pack("<IIQQQQIIQQ", *[0] * 10)], []
    rows.append(struct.pack("<IIQQQQIIQQ", 0, PROGBITS, 6, CODE_AT, CODE_AT, 0x1000, 0, 0, 16, 0))
    for name, kind, content, link in sections:
        size = content if isinstance(content, int) else len(content)
        rows.append(struct.pack("<IIQQQQIIQQ", len(names), kind, 2, at, at, size, link, 0, 8, 24 if kind == DYNSYM else 0))
        names += name.encode() + b"\0"
        if not isinstance(content, int):
            parts.append((at, content))
        at += (size + 4095) & ~4095
    rows.append(struct.pack("<IIQQQQIIQQ", 0, STRTAB, 0, 0, at, len(names), 0, 0, 1, 0))
    parts.append((at, names))
    table = (at + len(names) + 63) & ~63
    count = claimed or len(rows)
    if count > 0xffff:  # the real count is in the first section
        rows[0] = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, count, len(rows) - 1, 0, 0, 0)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, table, 0, 64, 56, 1, 64,
                                                      0 if count > 0xffff else count, 0xffff if count > 0xffff else len(rows) - 1)
    segment = struct.pack("<IIQQQQQQ", 1, 5, CODE_AT, CODE_AT, CODE_AT, 0x1000, 0x1000, 4096)
    with open(path, "wb") as file:
        for offset, content in [(0, header + segment), (CODE_AT, CODE), (table, b"".join(rows))] + parts:
            file.seek(offset)
            file.write(content)
        file.truncate(max(table + count * 64, big))


def symbols(count, names):
    return b"".join(struct.pack("<IBBHQQ", 1, 18, 0, 1, CODE_AT, 6) for _ in range(count)), names


def make(folder, attack):
    paths = []
    for number in range({"names": 10, "dynamic": 10, "debug": 30}.get(attack, 1)):
        path = os.path.join(folder, "libattack%d.so" % number)
        if attack == "sections":
            path = os.path.join(folder, "libpython-x.so")
            library(path, [], claimed=40_000_000)
        elif attack == "names":
            table, text = symbols(65536, b"\0" + b"n" * 4000 + b"\0")
            library(path, [(".dynsym", DYNSYM, table, 3), (".dynstr", STRTAB, text, 0)])
        elif attack == "dynamic":
            library(path, [(".dynamic", DYNAMIC, 500 << 20, 3), (".dynstr", STRTAB, b"\0x\0", 0)])
        elif attack == "rules":
            library(path, [(".eh_frame", PROGBITS, 3 << 30, 0)])
        elif attack == "debug":
            link = b"debug%d\0" % number
            link += bytes(-len(link) % 4) + struct.pack("<I", 1234)
            library(path, [(".gnu_debuglink", PROGBITS, link, 0)])
            library(os.path.join(folder, "debug%d" % number), [], big=1 << 30)
        elif attack == "maps":
            library(path, [])
        paths.append(path)
    return paths


def map_code(path):
    """A function of the file's code."""
    with open(path, "rb") as file:
        stranger.LIBC.mmap.restype = ctypes.c_void_p
        at = stranger.LIBC.mmap(None, ctypes.c_size_t(0x1000), 5, 2, file.fileno(), ctypes.c_long(CODE_AT))
    if at in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap " + path)
    return ctypes.PYFUNCTYPE(None, ctypes.c_uint64)(at)


def map_often(folder, times):
    """The text of /proc/PID/maps becomes 4,000 characters for each."""
    os.chdir(folder)
    while len(os.getcwd()) < 3_750:
        os.mkdir("d" * 245)
        os.chdir("d" * 245)
    with open("file", "wb+") as file:
        file.truncate(4096)
        for _ in range(times):  # all of offset 0: the kernel merges none of them
            if stranger.LIBC.mmap(None, ctypes.c_size_t(4096), 1, 2, file.fileno(), ctypes.c_long(0)) == -1:
                raise OSError(ctypes.get_errno(), "mmap")


def run_for(function, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        function(2_000_000)


async def run(functions, ready):
    os.write(ready, b"ready %d\n" % os.getpid())
    while True:
        for function in functions:
            run_for(function, 0.12 / len(functions) if len(functions) < 30 else 0.008)
        await asyncio.sleep(0.01)


def main():
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--attack", required=True)
    options = parser.parse_args()
    ready = open_channel(options.ready)
    folder = stranger.folder_beside(options.record)
    stranger.become()
    functions = [map_code(path) for path in make(folder, options.attack)]
    if options.attack == "maps":
        map_often(folder, 60_000)
    asyncio.run(run(functions, ready))


main()
