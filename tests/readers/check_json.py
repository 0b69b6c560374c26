#!/usr/bin/env python3
"""Validates aiotrace's JSON against user/doc/aiotrace.schema.json, more strictly than the schema is for users: a field
that it does not describe is an error, and 1.0 is no integer.

usage: check_json.py [FILE]

FILE (default: standard input) has one object a line. Prints one line for each error, exit status 1. Exit status 77: the
validator (Debian's python3-jsonschema) is not there.
"""
import json
import os
import sys

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../user/doc/aiotrace.schema.json")


def load():
    with open(SCHEMA, encoding="utf-8") as file:
        return json.load(file)


def close(schema):
    """Every object that names its properties has no others."""
    if isinstance(schema, dict):
        types = schema.get("type")
        if "properties" in schema and (types == "object" or isinstance(types, list) and "object" in types):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)
    return schema


def is_integer(_, value):
    return isinstance(value, int) and not isinstance(value, bool)


class Checker:
    def __init__(self):
        self.schema = close(load())
        validator = jsonschema.Draft202012Validator
        validator.check_schema(self.schema)
        strict = jsonschema.validators.extend(
            validator, type_checker=validator.TYPE_CHECKER.redefine("integer", is_integer))
        # One validator for each type of line: its errors name the field; errors of the whole schema only name `oneOf`.
        self.by_type = {}
        for branch in self.schema["oneOf"]:
            name = branch["$ref"].rsplit("/", 1)[1]
            self.by_type[name] = strict({"$ref": branch["$ref"], "$defs": self.schema["$defs"]})

    def errors(self, line):
        """Messages, each with the path of the error."""
        name = line.get("type") if isinstance(line, dict) else None
        if name not in self.by_type:
            return ["type is %s" % json.dumps(name)]
        return ["%s%s: %s" % (name, path_of(error), shorten(error.message))
                for each in self.by_type[name].iter_errors(line) for error in inner(each)]


def inner(error):
    """For alternatives, the errors of the best match."""
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        yield error
        return
    by_alternative = {}
    for each in error.context:
        by_alternative.setdefault(each.schema_path[0], []).append(each)
    for each in min(by_alternative.values(), key=misfit):
        yield from inner(each)


def misfit(errors):
    """The wrong type is worse than any number of wrong fields."""
    return any(error.validator == "type" and not error.relative_path for error in errors), len(errors)


def path_of(error):
    return "".join("[%d]" % part if isinstance(part, int) else "." + part for part in error.absolute_path)


def shorten(text, most=300):
    return text if len(text) <= most else text[:most] + "…"


def main(arguments):
    if jsonschema is None:
        print("no python3-jsonschema on this machine: tools/setup.sh test")
        return 77
    checker = Checker()
    found = 0
    with open(arguments[0], encoding="utf-8") if arguments else sys.stdin as file:
        for number, text in enumerate(file, 1):
            for error in checker.errors(json.loads(text)):
                print("line %d: %s" % (number, error))
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
