#!/usr/bin/env python3
"""Prints a compile_commands.json for the given source files: what clang-tidy and editors read."""
import argparse
import json
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--directory", required=True, help="where the compiler is started")
parser.add_argument("--command", required=True, help="compiler and flags, without the file")
parser.add_argument("files", nargs="*")
options = parser.parse_args()
entries = [
    {"directory": options.directory, "file": name, "command": f"{options.command} -c {name}"} for name in options.files
]
json.dump(entries, sys.stdout, indent=1)
print()
