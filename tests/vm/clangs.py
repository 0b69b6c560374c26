"""The BPF programs as each clang compiles them: which clangs there are, and their objects.

A clang is a clang-VERSION of this machine or one that tools/get_clangs.sh has brought to AIOTRACE_CLANGS (.cache/clangs).
"""
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.path.join(ROOT, os.environ.get("AIOTRACE_CLANGS") or ".cache/clangs")
LOADER = os.path.join(ROOT, "build", "tests", "loader")
OLDEST = 14  # that tools/packages.txt asks for
BUILD_S = 600
LOAD_S = 120


def machines_own():
    """The version of the clang that `make` uses; None without one."""
    try:
        printed = subprocess.run([os.environ.get("BPF_CLANG") or "clang", "--version"], stdout=subprocess.PIPE, text=True).stdout
    except OSError:
        return None
    found = re.search(r"clang version (\d+)", printed)
    return int(found.group(1)) if found else None


def path_of(version):
    """Of an executable; None if this clang is not here."""
    fetched = os.path.join(STORE, str(version), "bin", "clang")
    return shutil.which("clang-%d" % version) or (fetched if os.access(fetched, os.X_OK) else None)


def newest():
    folders = [os.path.join(STORE, name) for name in os.listdir(STORE)] if os.path.isdir(STORE) else []
    names = [os.path.basename(folder) for folder in folders]
    for folder in os.get_exec_path():
        if os.path.isdir(folder):
            names += [name[len("clang-"):] for name in os.listdir(folder) if name.startswith("clang-")]
    versions = [int(name) for name in names if name.isdigit() and path_of(int(name))]
    return max([OLDEST, *versions])


def wanted():
    """Versions to test, ascending: the machine's own, the oldest and the newest; with AIOTRACE_TEST_ALL=1 those between too."""
    if os.environ.get("AIOTRACE_TEST_ALL") == "1":
        return list(range(OLDEST, newest() + 1))
    return sorted({OLDEST, newest(), machines_own() or OLDEST})


def build(version):
    """(folder with the objects, None) or (None, what clang or make says)."""
    folder = os.path.join("build", "clangs", str(version))
    try:
        done = subprocess.run(["make", "-s", "BUILD=" + folder, "BPF_CLANG=" + path_of(version), "bpf"], cwd=ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BUILD_S)
    except subprocess.TimeoutExpired:
        return None, "does not compile within %d s" % BUILD_S
    if done.returncode != 0:
        return None, "does not compile: " + " | ".join(re.findall(r".*error.*", done.stdout)[:3])
    return os.path.join(ROOT, folder, "bpf"), None


def loads_here(folder):
    """(state, reason) of a load into the running kernel."""
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        done = subprocess.run([*prefix, LOADER, folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LOAD_S)
    except (OSError, subprocess.TimeoutExpired) as why:
        return "failed", str(why)
    return "passed" if done.returncode == 0 else "failed", "" if done.returncode == 0 else done.stdout[-600:]
