#!/usr/bin/env python3
"""Finds the CPython interpreters on this machine that can serve as targets of the tests.

--list prints one line for each, fields separated by tabs:
    version    command (shell words, from the project's directory)    origin
and for each of 3.8 to 3.15 (and 3.13t: without the GIL) that is not there a line with an empty command and, as origin, what to do about it.
--venvs prints the same for the virtual environments of tools/get_venvs.sh.
--all lists unsupported versions too.
Interpreters of other roots (tools/get_pythons.sh) need root to be started; as another user they are listed as missing.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys

FIRST, LAST = 8, 15
FREE_THREADED = "3.13t"  # as tools/get_free_threaded.sh builds it
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Works on every version from 2.7 on.
PROBE = (
    "import sys,sysconfig as s;"
    "print('%d.%d.%d%s%s|%s|%s' % (tuple(sys.version_info[:3])"
    " + ('' if sys.version_info[3]=='final' else sys.version_info[3][0]+str(sys.version_info[4]),"
    " 't' if s.get_config_var('Py_GIL_DISABLED') else '', getattr(getattr(sys,'implementation',None),'name','cpython'),"
    " sys.executable)))"
)


def candidates():
    """(command words, origin), the same interpreter perhaps several times."""
    found = []
    for path in ["/usr/bin/python3", *sorted(glob.glob("/usr/bin/python3.*[0-9]"))]:
        found.append(([path], "system"))
    for path in sorted(glob.glob("/usr/local/bin/python3*[0-9]")):
        found.append(([path], "local"))
    for directory in pyenv_roots():
        for path in sorted(glob.glob(os.path.join(directory, "versions", "*", "bin", "python"))):
            # A name that is a link leads to an alias or an environment of a version listed anyway.
            if not os.path.islink(os.path.dirname(os.path.dirname(path))):
                found.append(([path], "pyenv"))
    in_root = os.path.join(PROJECT, "tools", "in_root.sh")
    for root in sorted(glob.glob(os.path.join(store("AIOTRACE_PYTHONS", "pythons"), "*-3.*"))):
        version = root.rsplit("-", 1)[1]
        if version.endswith("t") and os.path.exists(os.path.join(root, ".complete")):
            found.append(([os.path.join(root, "bin", f"python{version}")], "built"))
        elif os.path.exists(os.path.join(root, ".complete")):
            suite = os.path.basename(root).rsplit("-", 1)[0]
            found.append(([in_root, root, f"/usr/bin/python{version}"], f"debian-{suite}"))
    for directory in os.environ.get("PATH", "").split(":"):
        if os.sep + "shims" not in directory:
            for path in sorted(glob.glob(os.path.join(directory, "python3*"))):
                if re.fullmatch(r"python3(\.\d+)?", os.path.basename(path)):
                    found.append(([path], "PATH"))
    return found


def store(variable, name):
    return os.path.join(PROJECT, os.environ.get(variable) or os.path.join(".cache", name))


def pyenv_roots():
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    try:
        roots.append(subprocess.run(["pyenv", "root"], capture_output=True, text=True, timeout=10).stdout.strip())
    except (OSError, subprocess.TimeoutExpired):
        pass
    return sorted({os.path.realpath(root) for root in roots if root and os.path.isdir(root)})


def probe(item):
    """(version, command, origin, identity), or None if it does not run or is no CPython."""
    command, origin = item
    try:
        done = subprocess.run(
            [*command, "-I" if origin != "pyenv" else "-E", "-c", PROBE],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = done.stdout.strip().split("|")
    if done.returncode != 0 or len(fields) != 3 or fields[1] != "cpython":
        return None
    in_other_root = len(command) > 1
    identity = command[1] if in_other_root else os.path.realpath(fields[2])
    return fields[0], command, origin, identity


def minor(version):
    return tuple(int(part) for part in version.split(".")[:2])


def is_supported(version):
    return (3, FIRST) <= minor(version) <= (3, LAST) and (
        not version.endswith("t") or minor(version) == minor(FREE_THREADED[:-1]))


def interpreters(everything):
    rows, seen = [], set()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for row in pool.map(probe, candidates()):
            if row is None or row[3] in seen:
                continue
            seen.add(row[3])
            if everything or is_supported(row[0]):
                rows.append(row[:3])
    return sorted(rows, key=lambda row: (minor(row[0]), int(re.match(r"\d+", row[0].split(".")[2])[0]), row[2]))


def environments():
    paths = sorted(glob.glob(os.path.join(store("AIOTRACE_VENVS", "venvs"), "3.*", ".complete")))
    items = [([os.path.join(os.path.dirname(path), "bin", "python")], "venv") for path in paths]
    rows = [row[:3] for row in map(probe, items) if row]
    return sorted(rows, key=lambda row: minor(row[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--list", action="store_true")
    group.add_argument("--venvs", action="store_true")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    if options.venvs:
        rows, remedy = environments(), "tools/get_venvs.sh brings the usual ones"
        wanted = VENV_MINORS
    else:
        rows, remedy = interpreters(options.all), "tools/get_pythons.sh or pyenv brings it"
        wanted = range(FIRST, LAST + 1)
    for version, command, origin in rows:
        print(version, shlex.join(command), origin, sep="\t")
    present = {minor(version) for version, _, _ in rows if not version.endswith("t")}
    for number in wanted:
        if (3, number) not in present:
            unpacked = glob.glob(os.path.join(store("AIOTRACE_PYTHONS", "pythons"), f"*-3.{number}"))
            why = "its root can be entered by root only" if unpacked and os.geteuid() else f"not on this machine: {remedy}"
            print(f"3.{number}", "", why, sep="\t")
    if not options.venvs and not any(version.endswith("t") for version, _, _ in rows):
        print(FREE_THREADED, "", "not on this machine: tools/get_free_threaded.sh builds it", sep="\t")


# Kept in step with tools/get_venvs.sh.
VENV_MINORS = (8, 11, 12, 13)

if __name__ == "__main__":
    sys.exit(main())
