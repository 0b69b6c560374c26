"""The rows of bpf/abi/causes.def, which explains the columns, for code written in Python."""
import collections
import os
import re

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bpf/abi/causes.def")
ROW = re.compile(r'^CAUSE\((\w+), +(\w+), +(\d+), +"([\w-]+)", +(\w+), +([01]), +([01]), +"(#[0-9a-f]{6})"\)$', re.M)
Row = collections.namedtuple("Row", "id name number group own_wait advice colour")


def read(path=TABLE):
    with open(path, encoding="utf-8") as file:
        found = ROW.findall(file.read())
    return tuple(Row(id, name, int(number), group, own_wait == "1", advice == "1", colour)
                 for _, id, number, name, group, own_wait, advice, colour in found)


ROWS = read()
NAMES = tuple(row.name for row in ROWS)
ON_CPU = tuple(row.name for row in ROWS if row.group == "on_cpu")
# The causes that a program can be made to have.
SEEN = tuple(row.name for row in ROWS if row.group != "not_seen")
WITH_ADVICE = tuple(row.name for row in ROWS if row.advice)
