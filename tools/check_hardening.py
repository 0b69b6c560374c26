#!/usr/bin/env python3
"""Checks that a program has the compiler's and the linker's protections against exploits: position-independent, no lazy
binding, read-only relocations, no executable stack, stack protector, checked copies. Names what is missing.

usage: check_hardening.py PROGRAM…
"""
import subprocess
import sys


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], check=True, capture_output=True, text=True).stdout


def segments(path):
    """Type -> the rest of its row."""
    rows = (line.split(None, 1) for line in readelf("--program-headers", path).splitlines() if line.startswith("  "))
    return {row[0]: row[1] for row in rows if len(row) == 2}


def is_stripped(path):
    return ".symtab" not in readelf("--section-headers", path)


def missing(path):
    """The missing protections, in words."""
    lacks = []
    dynamic = readelf("--dynamic", path)
    parts = segments(path)
    if "DYN (" not in readelf("--file-header", path) or "PIE" not in dynamic:
        lacks.append("it is not position-independent (-pie, -static-pie)")
    if "GNU_RELRO" not in parts:
        lacks.append("no read-only relocations (-z relro)")
    if "NOW" not in dynamic:
        lacks.append("lazy binding (-z now)")
    if "E" in parts.get("GNU_STACK", "RWE").split()[-2]:
        lacks.append("an executable stack (-z noexecstack)")
    if is_stripped(path) and "INTERP" not in parts:
        return lacks  # a static file without names: the same objects as the other program's
    symbols = readelf("--symbols", path)
    if "__stack_chk_fail" not in symbols:
        lacks.append("no stack protector (-fstack-protector-strong)")
    if "_chk@" not in symbols and "_chk " not in symbols.replace("__stack_chk", ""):
        lacks.append("no checked copies (-D_FORTIFY_SOURCE)")
    return lacks


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n\n")[1])
    failed = False
    for path in sys.argv[1:]:
        for lack in missing(path):
            print(f"{path}: {lack}", file=sys.stderr)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
