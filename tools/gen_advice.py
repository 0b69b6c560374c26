#!/usr/bin/env python3
"""Compiles user/model/advice.table, whose first lines say how it is written, into two headers.

usage: gen_advice.py TABLE RULES.gen.h EXAMPLES.gen.h

A line that is wrong stops it: `TABLE:LINE: what is wrong`, exit status 1.
"""
import re
import sys

from causes import WITH_ADVICE as CAUSES

LOOPS = ("python", "other", "any")
OPERATIONS = "read write sync open stat lock other".split()
# Of a rule, with the causes that can have such a fact; and of an example, in whose struct they have the same names.
PATTERNS = {
    "syscall": None,
    "module": None,
    "function": None,
    "library": None,
    "native": None,
    "path": ("file", "fault"),
    "op": ("file",),
    "peer": ("network",),
    "cgroup": ("throttled",),
}
FACTS = ("syscall", "library", "native", "path", "op", "peer", "cgroup")
MOST_COLUMNS = 90
MOST_PATTERN = 64
PATTERN = re.compile(r"[A-Za-z0-9_.*?/:<>\[\]+@-]+")
FRAME = re.compile(r"([A-Za-z0-9_/]+):([A-Za-z0-9_]+)")


class Wrong(Exception):
    pass


class Rule:
    def __init__(self, number):
        self.number = number
        self.causes = []
        self.loop = "python"
        self.dns = False
        self.patterns = {}
        self.advice = ""
        self.examples = []

    def conditions(self):
        return (frozenset(self.causes), self.loop, self.dns, tuple(sorted(self.patterns.items())))

    def is_causes_own(self):
        return not self.patterns and not self.dns


class Example:
    def __init__(self, number):
        self.number = number
        self.cause = ""
        self.loop = "python"
        self.dns = False
        self.facts = {}
        self.frames = []


def known_cause(word):
    if word not in CAUSES:
        raise Wrong(f"there is no cause '{word}' (there are {', '.join(CAUSES)})")
    return word


def loop_of(value, allowed):
    if value not in allowed:
        raise Wrong(f"loop= is {' or '.join(allowed)}, not '{value}'")
    return value


def patterns_of(key, value):
    for pattern in value.split(","):
        if not PATTERN.fullmatch(pattern):
            raise Wrong(f"'{pattern}' in {key}= is no pattern")
        if len(pattern) > MOST_PATTERN:
            raise Wrong(f"a pattern in {key}= is longer than {MOST_PATTERN} characters")
        if key == "module" and not pattern.strip("*?"):
            raise Wrong("a module of stars matches every library")
        if key == "op" and pattern not in OPERATIONS:
            raise Wrong(f"there is no file operation '{pattern}' (there are {', '.join(OPERATIONS)})")
        if key == "module" and pattern.endswith((".py", "/")):
            raise Wrong(f"'{pattern}': a module has no .py or / at its end")
        if key == "function" and "." in pattern:
            raise Wrong(f"'{pattern}': a function stands without its class (Python below 3.11 does not know it)")
    return value


def parse_rule(line, number):
    rule = Rule(number)
    left, arrow, rule.advice = line.partition(" -> ")
    if not arrow:
        raise Wrong("' -> ' and the advice are missing")
    words = left.split()
    rule.causes = [known_cause(word) for word in words[0].split(",")]
    if len(set(rule.causes)) != len(rule.causes):
        raise Wrong("a cause stands here twice")
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if word == "dns":
            rule.dns = True
        elif key == "loop" and equals:
            rule.loop = loop_of(value, ("other", "any"))
        elif key not in PATTERNS or not equals:
            raise Wrong(f"there is no condition '{word}'")
        elif key in rule.patterns:
            raise Wrong(f"{key}= stands here twice")
        else:
            only = PATTERNS[key]
            if only and not set(rule.causes) <= set(only):
                raise Wrong(f"{key}= is for the cause {' or '.join(only)} alone")
            rule.patterns[key] = patterns_of(key, value)
    if rule.dns and rule.causes != ["network"]:
        raise Wrong("dns is for the cause network alone")
    if "function" in rule.patterns and "module" not in rule.patterns:
        raise Wrong("function= needs a module=")
    check_advice(rule.advice)
    return rule


def check_advice(text):
    if text != text.strip() or "  " in text or not text:
        raise Wrong("the advice is empty or has blanks that nobody needs")
    if not text.isascii() or not text.isprintable():
        raise Wrong("the advice is not plain ASCII")
    if len(text) > MOST_COLUMNS:
        raise Wrong(f"the advice has {len(text)} columns, {MOST_COLUMNS} is the most")
    if text.endswith("."):
        raise Wrong("the advice ends with a full stop")


def parse_example(words, number):
    example = Example(number)
    if not words:
        raise Wrong("the example is empty")
    example.cause = known_cause(words[0])
    for word in words[1:]:
        key, equals, value = word.partition("=")
        frame = FRAME.fullmatch(word)
        if word == "dns":
            example.dns = True
        elif frame:
            example.frames.append(frame.groups())
        elif key == "loop" and equals:
            example.loop = loop_of(value, ("other",))
        elif key in FACTS and value:
            if key in example.facts:
                raise Wrong(f"{key}= stands here twice")
            example.facts[key] = value
        else:
            raise Wrong(f"'{word}' is no fact of an example")
    return example


def parse(lines):
    """The rules of the table; raises Wrong with .number set."""
    rules = []
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line.isprintable():
                raise Wrong("a tab or control character")
            if not line.strip() or line.startswith("#"):
                continue
            if line[0] != " ":
                rules.append(parse_rule(line, number))
                continue
            words = line.split()
            if words[0] != "e.g.":
                raise Wrong("an indented line is an example and begins with 'e.g.'")
            if not rules:
                raise Wrong("an example without a rule above it")
            example = parse_example(words[1:], number)
            if example.cause not in rules[-1].causes:
                raise Wrong(f"the rule above is not for the cause '{example.cause}'")
            rules[-1].examples.append(example)
        check_all(rules)
    except Wrong as wrong:
        wrong.number = getattr(wrong, "number", number)
        raise
    return rules


def check_all(rules):
    seen = {}
    for rule in rules:
        wrong = None
        if not rule.examples:
            wrong = Wrong("the rule has no example below it")
        elif rule.conditions() in seen:
            wrong = Wrong(f"the same conditions as in line {seen[rule.conditions()]}")
        if wrong:
            wrong.number = rule.number
            raise wrong
        seen[rule.conditions()] = rule.number
    for loop in ("python", "other"):
        own = {cause for rule in rules if rule.is_causes_own() and rule.loop in (loop, "any") for cause in rule.causes}
        missing = [cause for cause in CAUSES if cause not in own]
        if missing:
            raise Wrong(f"no rule without conditions for {', '.join(missing)} (loop={loop})")


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cause_name(cause):
    return "Cause::" + cause.replace("-", "_")


def header(table, body):
    return (
        f'// Made by tools/gen_advice.py from {table}.\n#pragma once\n\n#include <array>\n#include <string_view>\n'
        f'#include <utility>\n#include <vector>\n\n#include "model/advice.h"\n\n'
        f"namespace aiotrace::model {{\n\n{body}\n}}  // namespace aiotrace::model\n"
    )


def rules_header(rules, table):
    lines = [f"inline constexpr std::array<AdviceRule, {len(rules)}> kAdviceRules{{{{"]
    for rule in rules:
        causes = " | ".join(f"cause_bit({cause_name(cause)})" for cause in rule.causes)
        fields = [f".line = {rule.number}", f".causes = {causes}", f".loop = AdviceRule::Loop::{rule.loop}"]
        fields += [f".{key} = {literal(rule.patterns.get(key, ''))}" for key in PATTERNS]
        fields += [f".dns = {'true' if rule.dns else 'false'}", f".advice = {literal(rule.advice)}"]
        lines.append("    {" + ", ".join(fields) + "},")
    lines.append("}};\n")
    return header(table, "\n".join(lines))


def examples_header(rules, table):
    lines = ["struct AdviceExample {", "  std::uint32_t line;", "  std::uint32_t rule_line;", "  Cause cause;"]
    lines += ["  bool other_loop;", *(f"  std::string_view {key};" for key in FACTS), "  bool dns;"]
    lines += ["  std::vector<std::pair<std::string_view, std::string_view>> frames;  // module, function; innermost first"]
    lines += ["};", "", "inline const std::vector<AdviceExample> kAdviceExamples{"]
    for rule in rules:
        for example in rule.examples:
            frames = ", ".join(f"{{{literal(module)}, {literal(function)}}}" for module, function in example.frames)
            fields = [f".line = {example.number}", f".rule_line = {rule.number}", f".cause = {cause_name(example.cause)}"]
            fields += [f".other_loop = {'true' if example.loop == 'other' else 'false'}"]
            fields += [f".{key} = {literal(example.facts.get(key, ''))}" for key in FACTS]
            fields += [f".dns = {'true' if example.dns else 'false'}", f".frames = {{{frames}}}"]
            lines.append("    {" + ", ".join(fields) + "},")
    lines.append("};\n")
    return header(table, "\n".join(lines))


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    table, rules_path, examples_path = sys.argv[1:]
    try:
        with open(table, encoding="utf-8") as file:
            rules = parse(file.read().split("\n"))
    except UnicodeDecodeError as error:
        print(f"{table}: not UTF-8: {error}", file=sys.stderr)
        return 1
    except Wrong as wrong:
        print(f"{table}:{wrong.number}: {wrong}", file=sys.stderr)
        return 1
    for path, text in ((rules_path, rules_header(rules, table)), (examples_path, examples_header(rules, table))):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
