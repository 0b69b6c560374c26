#!/usr/bin/env python3
"""Checks that the folders include each other only in the allowed directions, and names every line that does not.

The table is the architecture: a folder may include itself and what stands behind it. An exception belongs here, with its
reason, or nowhere.
"""
import os
import re
import sys

# user/FOLDER -> what of user/ (and "abi" of bpf/) it may include.
USER = {
    "util": [],
    "proc": ["util"],
    "python": ["proc", "util", "abi"],  # abi: it fills in struct py_layout
    "probe": ["util", "abi"],
    "decode": ["abi", "model", "util"],
    "model": [],
    "symbolize": ["proc", "util"],
    "output": ["model", "util"],
    "app": ["abi", "decode", "model", "output", "probe", "proc", "python", "symbolize", "util"],
}
USER["."] = [*USER["app"], "app"]  # main.cpp

# bpf/FOLDER -> what of bpf/ it may include.
BPF = {"abi": [], "lib": ["abi"], ".": ["abi", "lib"]}

# Only here may the kernel's side be touched: libbpf and the generated skeletons.
LIBBPF = re.compile(r"^(bpf/|linux/bpf\.h$|linux/perf_event\.h$)|\.skel\.h$")
LIBBPF_FOLDERS = {"probe"}
# No descriptor, clock, thread or printing: what they do depends on their input alone.
IMPURE = re.compile(
    r"^(sys/.*|unistd\.h|fcntl\.h|time\.h|stdio\.h|poll\.h|signal\.h|chrono|ctime|cstdio|iostream|fstream|thread|mutex"
    r"|filesystem|fmt/(ostream|os|chrono|std)\.h)$"
)
PURE_FOLDERS = {"model", "decode"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(top):
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith((".h", ".cpp", ".c", ".inc")):
                yield os.path.join(directory, name)


def folder_of(path, top):
    parts = os.path.relpath(path, top).split(os.sep)
    return parts[0] if len(parts) > 1 else "."


def includes(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) == '"', match.group(2)


def target(path, name, table):
    """The folder that a quoted include leads to, or None for a generated file or one beside the including file."""
    first = name.split("/")[0]
    if "/" in name and first in table:
        return first
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return None if os.path.exists(beside) or name.endswith((".skel.h", ".gen.h")) else "?"


def check_user(path):
    folder = folder_of(path, "user")
    if folder not in USER:
        yield 0, f"user/{folder}/ is not in the table of tools/check_includes.py"
        return
    for number, quoted, name in includes(path):
        if LIBBPF.search(name) and folder not in LIBBPF_FOLDERS:
            yield number, f"{name}: only user/probe may include libbpf, the kernel's BPF headers and skeletons"
        elif folder in PURE_FOLDERS and not quoted and IMPURE.search(name):
            yield number, f"<{name}>: user/{folder} is pure (no descriptor, clock, thread or printing)"
        elif quoted:
            if ".." in name.split("/"):
                yield number, f'"{name}": write the path from user/'
                continue
            to = target(path, name, {**USER, "abi": []})
            if to == "?":
                yield number, f'"{name}": write the path from user/ (or "abi/…")'
            elif to not in (None, folder, *USER[folder]):
                allowed = ", ".join(USER[folder]) or "nothing else of ours"
                yield number, f'"{name}": user/{folder} may include {allowed}'


def check_bpf(path):
    folder = folder_of(path, "bpf")
    if folder not in BPF:
        yield 0, f"bpf/{folder}/ is not in the table of tools/check_includes.py"
        return
    for number, quoted, name in includes(path):
        if not quoted:
            continue
        to = target(path, name, BPF)
        if to == "?":
            yield number, f'"{name}": write the path from bpf/'
        elif to not in (None, folder, *BPF[folder]):
            yield number, f'"{name}": bpf/{folder} may include {", ".join(BPF[folder]) or "nothing else of ours"}'


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    wrong = 0
    for top, check in (("user", check_user), ("bpf", check_bpf)):
        for path in sources(top):
            for number, text in check(path):
                print(f"{path}:{number}: {text}", file=sys.stderr)
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
