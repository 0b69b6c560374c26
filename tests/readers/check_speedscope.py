#!/usr/bin/env python3
"""Reads a speedscope file as its schema (file-format-schema.json, type `sampled`) says.

usage: check_speedscope.py FILE TOTAL

Prints what is wrong, exit status 1. TOTAL is what the weights must add up to.
"""
import json
import sys

wrong = []


def check(true, what):
    if not true:
        wrong.append(what)


def main():
    with open(sys.argv[1], "rb") as file:
        data = json.loads(file.read().decode("utf-8", "strict"))
    check(data["$schema"] == "https://www.speedscope.app/file-format-schema.json", "$schema")
    check(set(data) <= {"$schema", "shared", "profiles", "name", "activeProfileIndex", "exporter"}, f"fields {list(data)}")
    frames = data["shared"]["frames"]
    for frame in frames:
        check(set(frame) <= {"name", "file", "line", "col"}, f"frame {list(frame)}")
        check(isinstance(frame["name"], str), "name is no string")
        check(isinstance(frame.get("line", 1), int), "line is no number")
    check(len(data["profiles"]) == 1, "profiles")
    profile = data["profiles"][0]
    check(set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}, f"{list(profile)}")
    check(profile["type"] == "sampled", "type")
    check(profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"), "unit")
    check(len(profile["samples"]) == len(profile["weights"]), "a sample without a weight")
    check(all(0 <= at < len(frames) for sample in profile["samples"] for at in sample), "a frame that is not there")
    check(sum(profile["weights"]) == int(sys.argv[2]) == profile["endValue"], f"weights: {sum(profile['weights'])}")
    print("\n".join(wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
