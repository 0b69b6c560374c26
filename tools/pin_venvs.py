#!/usr/bin/env python3
"""Writes tools/venvs/NAME.txt: what get_venvs.sh installs, with the version and the hash of each wheel, as the package index has them
now. The hashes are those of this machine's processor: on another one there are no environments, and their tests are skipped.

    tools/pin_venvs.py PYTHON NAME PACKAGE…     PYTHON: an interpreter with pip 22.2 or newer, of the version that NAME is for
"""
import json
import pathlib
import subprocess
import sys


def pinned(python, packages):
    """`name==version --hash=…` of all that an installation of the packages takes, by name."""
    command = [python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--no-input", "--disable-pip-version-check",
               "--only-binary", ":all:", "--report", "-", *packages]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    lines = []
    for item in report["install"]:
        digest = item["download_info"]["archive_info"]["hash"].replace("=", ":", 1)
        lines.append("%s==%s --hash=%s" % (item["metadata"]["name"].lower(), item["metadata"]["version"], digest))
    return sorted(lines)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    python, name, *packages = sys.argv[1:]
    path = pathlib.Path(__file__).parent / "venvs" / (name + ".txt")
    path.write_text("".join(line + "\n" for line in ["# %s; written by tools/pin_venvs.py" % " ".join(packages)] + pinned(python, packages)))


if __name__ == "__main__":
    main()
