#!/usr/bin/env python3
"""Compiles user/output/page/web/ into one header: the pages of --html, split where their data goes.

page.html is what they share; each NAME.html with a NAME.js beside it is a page, its body and its script. @@FILE@@ stands for
that file, @@causes@@ for the colours of bpf/abi/causes.def, @@data@@, @@body@@ and @@script@@ for what makes a page one of its own.

usage: gen_page.py FOLDER PAGE.gen.h

Code that would load anything, or turn a traced program's names into markup, is an error: `FILE:LINE: what is wrong`,
status 1.
"""
import os
import re
import sys

import causes

FORBIDDEN = {
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function": "makes markup or code of text",
    r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(": "loads something",
    r"\)aiotrace\"": "ends the C++ literal",
}
SHARED = "page.html"
COLOURS = "@@causes@@"  # a variable for each cause
SLOTS = ("body", "data", "script")  # in this order
INCLUDE = re.compile(r"@@([a-z]+\.(?:html|css|js))@@")


def read(folder, name):
    """The file with those that it includes."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        sys.exit(f"{folder}/{name}: is not there")
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, why in FORBIDDEN.items():
            if re.search(pattern, line):
                sys.exit(f"{os.path.join(folder, name)}:{number}: {why}")
    if not name.endswith(".html") and re.search(r"</(script|style)", text, re.IGNORECASE):
        sys.exit(f"{folder}/{name}: ends its own element")
    text = text.replace(COLOURS, " ".join(f"--{row.name}: {row.colour};" for row in causes.ROWS))
    return INCLUDE.sub(lambda found: read(folder, found[1]), text.rstrip("\n"))


def literal(text):
    # Lines of their own, so that an error of the compiler names a short one; raw, since the page is full of quotes.
    return 'R"aiotrace(' + text + ')aiotrace"'


def split(folder, page):
    """The parts of the shared page between its slots."""
    parts = []
    for slot in SLOTS:
        before, found, page = page.partition(f"@@{slot}@@")
        if not found or f"@@{slot}@@" in page:
            sys.exit(f"{folder}/{SHARED}: must have @@{slot}@@ once, in the order {', '.join(SLOTS)}")
        parts.append(before)
    return [*parts, page + "\n"]


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, header = sys.argv[1:]
    names = sorted(name[:-5] for name in os.listdir(folder)
                   if name.endswith(".html") and os.path.exists(os.path.join(folder, name[:-5] + ".js")))
    # A part that several pages use is no page.
    included = {found for name in os.listdir(folder) if name.endswith(".html")
                for found in INCLUDE.findall(open(os.path.join(folder, name), encoding="utf-8").read())}
    pages = [name for name in names if name + ".html" not in included]
    constants = dict(zip(("kPageStart", "kPageBeforeData", "kPageAfterData", "kPageEnd"), split(folder, read(folder, SHARED))))
    for name in pages:
        constants[f"k{name.capitalize()}Body"] = read(folder, name + ".html")
        constants[f"k{name.capitalize()}Script"] = read(folder, name + ".js")
    for name, text in constants.items():
        left = re.search(r"@@[^@\n]+@@", text)
        if left:
            sys.exit(f"{folder}: nothing stands for {left[0]}")
    with open(header, "w", encoding="utf-8") as file:
        file.write(f"// Made by tools/gen_page.py from {folder}.\n#pragma once\n\n#include <string_view>\n\n"
                   "namespace aiotrace::output {\n\n")
        for name, text in constants.items():
            file.write(f"inline constexpr std::string_view {name} = {literal(text)};\n\n")
        file.write("}  // namespace aiotrace::output\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
