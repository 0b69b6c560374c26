#!/usr/bin/env python3
"""user/doc/aiotrace.schema.json is a valid schema, fits what aiotrace writes, and rejects what it does not write."""
import copy
import json
import os
import re
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "tests/readers"))
import check_json  # noqa: E402  (its folder is not a package)

if check_json.jsonschema is None:
    raise unittest.SkipTest("no python3-jsonschema: tools/setup.sh test installs it")


def golden():
    """{type: object} of a recorded run."""
    with open(os.path.join(ROOT, "tests/golden/run.json"), encoding="utf-8") as file:
        return {line["type"]: line for line in map(json.loads, file)}


class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.checker = check_json.Checker()
        cls.schema = check_json.load()
        cls.lines = golden()

    def refused(self, line, change, expected):
        line = copy.deepcopy(line)
        change(line)
        errors = self.checker.errors(line)
        self.assertTrue(any(re.search(expected, error) for error in errors), "%s not in %s" % (expected, errors))

    def test_golden_run_fits(self):
        for line in self.lines.values():
            self.assertEqual(self.checker.errors(line), [])

    def test_users_may_meet_unknown_fields(self):
        validator = check_json.jsonschema.Draft202012Validator(self.schema)
        for line in self.lines.values():
            self.assertTrue(validator.is_valid({**line, "field_of_a_later_version": 1}))

    def test_every_type_is_in_the_list(self):
        listed = {branch["$ref"].rsplit("/", 1)[1] for branch in self.schema["oneOf"]}
        named = {definition["properties"]["type"]["const"] for definition in self.schema["$defs"].values()
                 if "const" in definition.get("properties", {}).get("type", {})}
        self.assertEqual(listed, named)

    def test_refused(self):
        stall, summary, watching = self.lines["stall"], self.lines["summary"], self.lines["watching"]
        cases = [
            (stall, lambda line: line.pop("id"), "'id' is a required property"),
            (stall, lambda line: line.update(id=-1), r"stall\.id: -1 is less than"),
            (stall, lambda line: line.update(duration_ns=1.0), r"stall\.duration_ns: 1\.0 is not of type"),
            (stall, lambda line: line.update(ongoing=None), r"stall\.ongoing: None is not of type"),
            (stall, lambda line: line.update(level="fatal"), r"stall\.level: 'fatal' is not one of"),
            (stall, lambda line: line.update(more=1), r"stall: .*'more' was unexpected"),
            (stall, lambda line: line.update(time="2026-11-05 12:00"), r"stall\.time: .* does not match"),
            (stall, lambda line: line["task"].update(line=0), r"stall\.task\.line: 0 is less than"),
            (stall, lambda line: line["causes"].update(lunch=1), "'lunch' is not one of"),
            (stall, lambda line: line["segments"][0].update(cause="lunch"), r"segments\[0\]\.cause: 'lunch'"),
            (stall, lambda line: line["segments"][0].update(culprit={"path": "/x", "op": None}),
             r"segments\[0\]\.culprit: 'protocol' is a required property"),
            (stall, lambda line: line["segments"][1].update(culprit={}), r"segments\[1\]\.culprit: .*'null'"),
            (stall, lambda line: line["segments"][0]["stack"][0].update(kind="java"), r"stack\[0\]\.kind: 'java'"),
            (summary, lambda line: line["losses"].pop("ring-full"), r"losses: 'ring-full' is a required"),
            (summary, lambda line: line["losses"].update(new=0), r"losses: .*'new' was unexpected"),
            (summary, lambda line: line["cost"].update(runs="many"), r"cost\.runs: 'many' is not of type"),
            (watching, lambda line: line.update(schema=2), r"watching\.schema: 1 was expected"),
            (watching, lambda line: line.update(mode="cpu"), "'frequency_hz' is a dependency of 'mode'"),
            (watching, lambda line: line.update(type="looking"), 'type is "looking"'),
        ]
        for line, change, expected in cases:
            with self.subTest(expected):
                self.refused(line, change, expected)


if __name__ == "__main__":
    sys.exit(unittest.main())
