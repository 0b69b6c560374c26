#!/usr/bin/env python3
"""Compiles user/output/page/page.{html,css,js} into one header: the report of --html, split where its data goes.

usage: gen_page.py FOLDER PAGE.gen.h

What would load something, or make markup of a traced program's names, stops it: `FILE:LINE: what is wrong`, status 1.
"""
import os
import re
import sys

FORBIDDEN = {
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function": "makes markup or code of text",
    r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(": "loads something",
    r"\)aiotrace\"": "ends the C++ literal",
}
DATA = "@@data@@"


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        text = file.read()
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, why in FORBIDDEN.items():
            if re.search(pattern, line):
                sys.exit(f"{os.path.join(folder, name)}:{number}: {why}")
    return text


def literal(text):
    # Lines of their own, so that an error of the compiler names a short one; raw, since the page is full of quotes.
    return 'R"aiotrace(' + text + ')aiotrace"'


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, header = sys.argv[1:]
    page = read(folder, "page.html")
    for name in ("page.css", "page.js"):
        place = f"@@{name}@@"
        if page.count(place) != 1:
            sys.exit(f"{folder}/page.html: must have {place} once")
        text = read(folder, name).rstrip("\n")
        if re.search(r"</(script|style)", text, re.IGNORECASE):
            sys.exit(f"{folder}/{name}: ends its own element")
        page = page.replace(place, text)
    if page.count(DATA) != 1:
        sys.exit(f"{folder}/page.html: must have {DATA} once")
    before, after = page.split(DATA)
    with open(header, "w", encoding="utf-8") as file:
        file.write(
            f"// Made by tools/gen_page.py from {folder}.\n#pragma once\n\n#include <string_view>\n\n"
            f"namespace aiotrace::output {{\n\ninline constexpr std::string_view kPageBeforeData = {literal(before)};\n\n"
            f"inline constexpr std::string_view kPageAfterData = {literal(after)};\n\n}}  // namespace aiotrace::output\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
