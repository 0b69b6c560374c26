"""The bare spin loop: polls without end, so that what a poll's probe costs is all that counts."""
import os
import select

import common
import rounds
import yardsticks
from common import Missing, table, verdict
from stats import Ratio


def rates(process, windows):
    """Iterations per CPU second over so many intervals; the one under way is not counted."""
    common.read_line(process.stdout, 10)
    lines = [list(map(int, common.read_line(process.stdout, 10).split())) for _ in range(windows)]
    return sum(line[0] for line in lines) / (sum(line[2] for line in lines) / 1e9)


def newest(process):
    """Drops the lines that came while nobody measured."""
    while select.select([process.stdout], [], [], 0)[0]:
        os.read(process.stdout.fileno(), 65536)


def run(quick, python):
    count = 6 if quick else 60  # neighbours on the machine change its speed by a fifth from one window to the next
    python = python or common.sys.executable
    args = ("--ready", "1", "--seconds", "600", "--interval", "0.2")
    with common.program("spin.py", *args, python=python, cpu=common.TARGET_CPU) as (process, _):
        def measure_in(pid, words=None, of=process):
            newest(of)
            return rates(of, 2)

        ways = {"aiotrace": rounds.Aiotrace()}
        every = {}
        for probe in ("fentry", "tracepoint", "uprobe"):
            ways["aiotrace --poll-probe " + probe] = rounds.Aiotrace("--poll-probe", probe)
            every["aiotrace --poll-probe " + probe] = 2 if quick else 6
        if not quick:
            for tool, attach in yardsticks.ATTACHED.items():
                ways[tool] = rounds.Yardstick(attach)
                every[tool] = 15
        ratios, missing = rounds.interleave(process.pid, lambda: measure_in(process.pid), ways, count, every)
    inside = {} if quick else inside_ratios(args, python)
    rows = []
    for name in list(ways) + list(inside):
        ratio = ratios.get(name) or inside.get(name) or "missing: " + missing[name]
        bound = ">= 0.85" if name == "aiotrace" else ""
        rows.append([name, ratio, bound, verdict(ratio.median >= 0.85) if bound and name in ratios else ""])
    table(rows, ["spin loop", "iterations per CPU second, with / without it", "must", ""])


def inside_ratios(args, python):
    """Two programs in turn on the same CPU would slow each other: one after the other, and each against its neighbours."""
    results = {}
    for name, (prefix, env) in yardsticks.inside(python).items():
        changed, bare = [], []
        try:
            for _ in range(3):
                for values, how in ((bare, {"python": python}), (changed, {"prefix": prefix, "env": env})):
                    with common.program("spin.py", *args, cpu=common.TARGET_CPU, **how) as (process, _words):
                        values.append(rates(process, 2))
            results[name] = Ratio(changed, bare)
        except Missing as error:
            results[name] = "missing: %s" % error
    return results
