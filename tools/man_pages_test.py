#!/usr/bin/env python3
"""The man pages must agree with --help, with the JSON Schema and with each other."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import gen_docs
import man_pages

BINARY = os.path.join(man_pages.ROOT, os.environ.get("AIOTRACE_BINARY") or "build/aiotrace")


def pages():
    return {name: man_pages.Page(name, section) for name, section in man_pages.names().items()}


def page_of(command):
    return "aiotrace-" + command if command else "aiotrace"


def default_of(text):
    found = re.search(r"\[default: ([^\]]*)\]", text)
    return found[1] if found else None


def possible_of(text):
    found = re.search(r"\[possible values: ([^\]]*)\]", text)
    return found[1].split(", ") if found else []


@unittest.skipUnless(os.access(BINARY, os.X_OK), "no %s: make" % BINARY)
class HelpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = pages()
        main = gen_docs.Help(gen_docs.ask(BINARY, "--help"))
        commands = [name for name in main.commands if name != "help"]
        cls.helps = {"": main, **{name: gen_docs.Help(gen_docs.ask(BINARY, name, "--help")) for name in commands}}

    def test_each_command_has_a_page(self):
        with_section_8 = {name for name, section in man_pages.names().items() if section == "8"}
        self.assertEqual(with_section_8, {page_of(command) for command in self.helps})

    def test_options_are_those_of_help(self):
        for command, text in self.helps.items():
            with self.subTest(command):
                shown = {tuple(names): value for names, value, _ in text.options()}
                described = {tuple(names): value for names, value, _ in self.pages[page_of(command)].options()}
                self.assertEqual(described, shown)

    def test_values_and_defaults_are_those_of_help(self):
        for command, text in self.helps.items():
            described = {tuple(names): text for names, _, text in self.pages[page_of(command)].options()}
            for names, _, shown in text.options():
                with self.subTest(command=command, option=names[0]):
                    words = man_pages.words([described[tuple(names)]])
                    self.assertLessEqual(set(possible_of(shown)), words)
                    default = default_of(shown)
                    if default is not None:
                        self.assertRegex(man_pages.plain(described[tuple(names)]), r"Default: %s\b" % re.escape(default))

    def test_usage_is_that_of_help(self):
        for command, text in self.helps.items():
            with self.subTest(command):
                synopsis = [man_pages.plain(line) for line in self.pages[page_of(command)].section("SYNOPSIS") if line]
                self.assertEqual(synopsis, text.usage)

    def test_no_page_names_an_option_that_does_not_exist(self):
        known = {name for text in self.helps.values() for names, _, _ in text.options() for name in names}
        other_programs = {"--perf-basic-prof", "--interpreted-frames-native-stack"}
        for name, page in self.pages.items():
            with self.subTest(name):
                used = {word for bold in page.bold() for word in re.findall(r"(?<!\S)--[a-z][a-z-]*", bold)}
                self.assertLessEqual(used, known | other_programs)


class ContentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = pages()
        with open(os.path.join(man_pages.FOLDER, "aiotrace.schema.json"), encoding="utf-8") as file:
            cls.schema = json.load(file)["$defs"]

    def losses(self, *definitions):
        return {name for each in definitions for name in self.properties(each, "losses")["properties"]}

    def properties(self, definition, name):
        value = self.schema[definition]["properties"][name]
        return self.schema[value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else value

    def test_apropos_finds_each(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                line = "\n".join(page.section("NAME")).strip()
                self.assertRegex(line, r"^%s - .*\basyncio\b" % name)

    def test_every_loss_is_explained(self):
        for name, definitions in (("aiotrace", ["summary-of-stalls"]), ("aiotrace-leaks", ["scan"]),
                                  ("aiotrace-tasks", ["summary-of-tasks"]), ("aiotrace-hang", ["look"]),
                                  ("aiotrace-awaits", ["summary-of-awaits", "summary-of-exact-awaits"])):
            with self.subTest(name):
                explained = man_pages.terms(self.pages[name].section("LOSSES"))
                self.assertEqual(explained, self.losses(*definitions))

    def test_every_cause_is_explained(self):
        self.assertEqual(man_pages.terms(self.pages["aiotrace"].section("CAUSES")), set(self.schema["cause"]["enum"]))

    def test_every_class_of_leak_is_explained(self):
        self.assertEqual(man_pages.terms(self.pages["aiotrace-leaks"].section("CLASSES")),
                         set(self.schema["leak-class"]["enum"]))

    def test_every_verdict_on_a_hang_is_explained(self):
        self.assertEqual(man_pages.terms(self.pages["aiotrace-hang"].section("VERDICTS")),
                         set(self.schema["hang-verdict"]["enum"]))

    def test_every_kind_of_wait_is_explained(self):
        self.assertEqual(man_pages.terms(self.pages["aiotrace-tasks"].section("OUTPUT")),
                         set(self.schema["wait-kind"]["enum"]))

    def test_every_field_is_described(self):
        """Each name that the schema has for a type is in the section of that type."""
        sections = self.pages["aiotrace-json"].subsections()
        types = [name for name in self.schema if "const" in self.schema[name].get("properties", {}).get("type", {})
                 and not name.startswith("summary-of-")]
        for name in [*types, "segment"]:
            with self.subTest(name):
                described = man_pages.words(sections["stall" if name == "segment" else name])
                self.assertLessEqual(field_names(self.schema[name]) - {"type", "stack_cut"}, described)

    def test_every_field_of_a_summary_is_described(self):
        described = self.pages["aiotrace-json"].bold()
        for name in self.schema:
            if name.startswith("summary-of-"):
                with self.subTest(name):
                    self.assertLessEqual(field_names(self.schema[name]) - self.losses(name), described)


def field_names(schema):
    """Of an object and of what lies in it."""
    found = set()
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            found |= {name} | field_names(value)
        found |= field_names(schema.get("items"))
    return found


class LinksTest(unittest.TestCase):
    """Paths that the pages for readers of the source name exist."""

    def test_paths_exist(self):
        made = re.compile(r"build/|\.cache/|.*(NAME|[*…])")
        for page in ("README.md", "user/README.md", "bpf/README.md", "tests/README.md", "user/doc/measurements.md"):
            with open(os.path.join(man_pages.ROOT, page), encoding="utf-8") as file:
                text = file.read()
            paths = re.findall(r"`((?:bpf|user|tests|tools)/[\w./*…-]+)`", text) + re.findall(r"\]\(([\w./-]+)\)", text)
            with self.subTest(page):
                missing = [path for path in paths if not made.match(path)
                           and not os.path.exists(os.path.join(man_pages.ROOT, path))]
                self.assertEqual(missing, [])


@unittest.skipUnless(shutil.which("scdoc"), "no scdoc: tools/setup.sh test installs it")
class RenderedTest(unittest.TestCase):
    def test_scdoc_accepts_each(self):
        for name, page in pages().items():
            with self.subTest(name):
                man_pages.rendered(page)

    @unittest.skipUnless(shutil.which("man"), "no man on this machine")
    def test_man_has_no_warning(self):
        for name, page in pages().items():
            with self.subTest(name):
                shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-"], input=man_pages.rendered(page),
                                       capture_output=True, check=True, env={**os.environ, "MANWIDTH": "80"})
                self.assertEqual(shown.stderr.decode(), "")


if __name__ == "__main__":
    sys.exit(unittest.main())
