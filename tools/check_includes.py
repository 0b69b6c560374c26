#!/usr/bin/env python3
"""Checks that the folders include each other only in the allowed directions, that names of bpf/abi/ are only used where
it may be included, that there are no circular calls between the files of bpf/ and that files which use fixed-width
types include <cstdint>. Every line that does not is named.

The table is the architecture: a folder may include itself and what stands behind it. An exception belongs here, with its
reason, or nowhere.
"""
import os
import re
import sys

OUTPUT = ["output", "output/json", "output/page", "output/screen", "output/text", "output/trace"]

# user/FOLDER -> the folders of user/ (and "abi" of bpf/) that it may include.
USER = {
    "util": [],
    "machine": [],
    "proc": ["machine", "util"],
    "python": ["machine", "proc", "util", "abi"],  # abi: it fills in struct py_layout
    "probe": ["abi", "machine", "model", "util"],  # it returns the contents of maps as values of the model
    "decode": ["abi", "model", "util"],
    "model": ["abi/causes.def", "util/glob.h", "util/hash.h"],  # a table, which BPF, pages and tools have too; pure functions
    "symbolize": ["machine", "proc", "util"],
    "output": ["model", "util"],
    "output/text": ["model", "output", "util"],
    "output/json": ["model", "output", "util"],
    # All three show sentences of the text output.
    "output/screen": ["model", "output", "output/text", "util"],
    "output/page": ["model", "output", "output/text", "util"],
    "output/trace": ["model", "output", "output/text", "util"],
    "recording": ["model", "util"],
    # The daemon's counters and their text formats. Pure, like model.
    "fleet": ["model", "proc/service.h", "util"],
    "app": [*OUTPUT, "decode", "fleet", "machine", "model", "probe", "proc", "python", "recording", "symbolize", "util"],
    # The daemon: the only code that includes libevent. What it sends of stalls has names and sentences of the text.
    "app/daemon": ["app", "fleet", "model", "output", "output/text", "output/trace", "probe", "proc", "recording", "util"],
    # What all commands have in common. Engines take configurations of their own and know nothing of it.
    "app/cli": ["app", "output", "util"],
    "app/commands": [*OUTPUT, "app", "app/cli", "app/daemon", "fleet", "model", "probe", "proc", "python", "recording", "util"],
    ".": ["app/commands"],  # main.cpp
}

# bpf/FOLDER -> the folders of bpf/ that it may include.
BPF = {"abi": [], "lib": ["abi"], ".": ["abi", "lib"]}

# Only these may use the kernel side: libbpf and the generated skeletons.
LIBBPF = re.compile(r"^(bpf/|linux/bpf\.h$|linux/perf_event\.h$)|\.skel\.h$")
LIBBPF_FOLDERS = {"probe"}
# No descriptor, clock, thread or printing: their results depend only on their input.
IMPURE = re.compile(
    r"^(sys/.*|unistd\.h|fcntl\.h|time\.h|stdio\.h|poll\.h|signal\.h|chrono|ctime|cstdio|iostream|fstream|thread|mutex"
    r"|filesystem|fmt/(ostream|os|chrono|std)\.h)$"
)
PURE_FOLDERS = {"model", "decode", "fleet"}

# GCC 12's headers include it with <string>; GCC 13's headers do not any more.
FIXED_WIDTH = re.compile(r"\bstd::u?int(8|16|32|64|ptr)_t\b")

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# Names that depend on the processor.
ARCHITECTURE = ("bpf/lib/arch.bpf.h", "user/machine/here.cpp")
CONDITION = re.compile(r"^\s*#\s*(if\b|ifdef\b(?! __cplusplus$)|ifndef\b(?! AIOTRACE_))")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(top):
    for directory, _, names in os.walk(top):
        for name in sorted(names):
            if name.endswith((".h", ".cpp", ".c", ".inc")):
                yield os.path.join(directory, name)


def folder_of(path, top, table):
    """The innermost folder above the file that has a row of its own; the outermost one if none has."""
    parts = os.path.relpath(path, top).split(os.sep)[:-1]
    folders = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((folder for folder in folders if folder in table), folders[-1] if folders else ".")


def includes(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) == '"', match.group(2)


def target(path, name, table):
    """The folder that a quoted include leads to, or None for a generated file or one next to the including file."""
    if "/" in name and (folder := folder_of(name, ".", table)) in table:
        return folder
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return None if os.path.exists(beside) or name.endswith((".skel.h", ".gen.h")) else "?"


def has_cstdint(path, seen):
    """True if the file includes <cstdint>, itself or through a header of the project."""
    seen.add(path)
    for _, quoted, name in includes(path):
        if not quoted:
            if name in ("cstdint", "stdint.h"):
                return True
            continue
        for top in (os.path.dirname(path), "user", "bpf", "."):
            header = os.path.normpath(os.path.join(top, name))
            if os.path.exists(header):
                if header not in seen and has_cstdint(header, seen):
                    return True
                break
    return False


def check_standard(path):
    with open(path, encoding="utf-8") as file:
        used = FIXED_WIDTH.search(file.read())
    if used and not has_cstdint(path, set()):
        yield 0, f"{used.group()} without <cstdint>"


def check_user(path):
    folder = folder_of(path, "user", USER)
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
            elif to not in (None, folder, *USER[folder]) and name not in USER[folder]:
                allowed = ", ".join(USER[folder]) or "nothing else of ours"
                yield number, f'"{name}": user/{folder} may include {allowed}'


# The names that a header of bpf/abi/ declares: macros, constants of enums, and structures whose names have two words (a
# `wait` or a `text` may be anything).
ABI_NAME = re.compile(r"^\s*#\s*define (\w+)|^\t([A-Z][A-Z0-9_]+)\b[^;(\n]*$|^struct (\w+_\w+) \{", re.M)


def abi_names():
    names = set()
    for path in sources("bpf/abi"):
        with open(path, encoding="utf-8") as file:
            names.update("".join(found) for found in ABI_NAME.findall(COMMENT.sub("", file.read())))
    with open("bpf/abi/causes.def", encoding="utf-8") as file:
        names.update("CAUSE_" + name for name in re.findall(r"^CAUSE\((\w+)", file.read(), re.M))
    return names


def check_abi_names(path, names):
    """A header that includes bpf/abi/ makes its names visible: files that may not include bpf/abi/ must not use them
    either."""
    if "abi" in USER.get(folder_of(path, "user", USER), ["abi"]):
        return
    with open(path, encoding="utf-8") as file:
        text = COMMENT.sub(lambda found: "\n" * found.group().count("\n"), file.read())
        text = re.sub(r"^\s*#.*", "", text, flags=re.M)
    for number, line in enumerate(text.split("\n"), 1):
        for name in names.intersection(re.findall(r"\b\w+\b(?!\()", line)):
            yield number, f"{name} is of bpf/abi/: only probe, decode and python know it"


def check_conditions(path):
    """Code that depends on the processor is in one file; the guards of headers and the two languages of bpf/abi/
    aside."""
    if path in ARCHITECTURE:
        return
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if CONDITION.match(line):
                yield number, f"{line.strip()}: only {' and '.join(ARCHITECTURE)} have conditions"


def check_bpf(path):
    folder = folder_of(path, "bpf", BPF)
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


BPF_FUNCTION = re.compile(r"^__noinline [a-z_0-9 ]+?(\w+)\(", re.M)


def bpf_text(path, seen):
    """The code of a BPF file with the headers of bpf/lib/ that it includes, without declarations of functions."""
    seen.add(path)
    with open(path, encoding="utf-8") as file:
        text = COMMENT.sub("", file.read())
    texts = [re.sub(r"^[a-z_0-9]+ \w+\([^{;]*\);", "", text, flags=re.M)]
    for _, quoted, name in includes(path):
        header = os.path.join("bpf", name)
        if quoted and name.startswith("lib/") and header not in seen and os.path.exists(header):
            texts.append(bpf_text(header, seen))
    return "\n".join(texts)


def circle(graph):
    """Files that call each other in a ring; empty without one."""
    done = set()

    def visit(file, path):
        if file in path:
            return [*path[path.index(file):], file]
        if file in done:
            return []
        found = next((ring for ring in (visit(each, [*path, file]) for each in sorted(graph[file])) if ring), [])
        done.add(file)
        return found

    return next((ring for ring in (visit(file, []) for file in sorted(graph)) if ring), [])


def check_bpf_calls():
    """The files of bpf/ call each other's functions in one direction only."""
    files = [path for path in sources("bpf") if path.endswith(".bpf.c")]
    texts = {path: bpf_text(path, set()) for path in files}
    owner = {}
    for path in files:
        with open(path, encoding="utf-8") as file:
            owner.update({name: path for name in BPF_FUNCTION.findall(file.read())})
    called = {path: set(re.findall(r"\b(\w+)\(", text)) for path, text in texts.items()}
    graph = {path: {owner[name] for name in called[path] & owner.keys()} - {path} for path in files}
    ring = circle(graph)
    return [" calls ".join(ring)] if ring else []


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    wrong = 0
    for top, check in (("user", check_user), ("bpf", check_bpf), ("bpf", check_conditions), ("user", check_conditions), ("user", check_standard), ("tests", check_standard)):
        for path in sources(top):
            for number, text in check(path):
                print(f"{path}:{number}: {text}", file=sys.stderr)
                wrong += 1
    names = abi_names()
    for path in sources("user"):
        for number, text in check_abi_names(path, names):
            print(f"{path}:{number}: {text}", file=sys.stderr)
            wrong += 1
    for ring in check_bpf_calls():
        print(f"bpf/: in a circle: {ring}", file=sys.stderr)
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
