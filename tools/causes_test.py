"""python3 tools/causes_test.py"""
import json
import os
import re
import sys
import unittest

import causes

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "tests/vm"))
import verdict  # noqa: E402

GROUPS = {"On a CPU": "on_cpu", "Blocked": "blocked", "Not seen": "not_seen", "Runnable": "runnable"}


def text(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


class CausesTest(unittest.TestCase):
    def test_every_row_is_read(self):
        self.assertEqual(len(causes.ROWS), text("bpf/abi/causes.def").count("\nCAUSE("))
        self.assertGreaterEqual(len(causes.ROWS), 16)
        self.assertEqual(sorted(row.number for row in causes.ROWS), list(range(len(causes.ROWS))))
        self.assertEqual(len({row.colour for row in causes.ROWS}), len(causes.ROWS))

    def test_what_nobody_saw(self):
        self.assertEqual([row.name for row in causes.ROWS if row.group == "not_seen"], ["unknown"])
        self.assertNotIn("unknown", causes.WITH_ADVICE + causes.SEEN)

    def test_the_schema_has_them_in_the_same_order(self):
        schema = json.loads(text("user/doc/aiotrace.schema.json"))["$defs"]
        self.assertEqual(schema["cause"]["enum"], list(causes.NAMES))
        # Each has a culprit of its own or none, once.
        rules = [rule["if"]["properties"]["cause"] for rule in schema["culprit-of-cause"]["allOf"]]
        ruled = [name for rule in rules for name in rule.get("enum", [rule.get("const")])]
        self.assertEqual(sorted(ruled), sorted([*causes.NAMES, "idle"]))

    def test_the_man_page_has_them_in_the_same_order(self):
        page = text("user/doc/aiotrace.8.md")
        section = page[page.index("\n# CAUSES\n"):page.index("\n# OUTPUT\n")]
        found, group = [], None
        for line in section.splitlines():
            if line.startswith("## "):
                group = GROUPS[line[3:]]
            elif re.fullmatch(r"\*[a-z-]+\*", line):
                found.append((line.strip("*"), group))
        self.assertEqual(found, [(row.name, row.group) for row in causes.ROWS])

    def test_the_guest_that_cannot_read_the_table(self):
        self.assertEqual(verdict.SAMPLED, causes.ON_CPU)


if __name__ == "__main__":
    unittest.main()
