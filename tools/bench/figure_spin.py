"""The bare spin loop: endless polls, so that only the cost of a poll's probe counts."""
import concurrent.futures
import os
import select

import common
import figure_syscalls
import rounds
import yardsticks
from common import Missing, table, verdict
from stats import Ratio, median


def rates(process, windows):
    """Iterations per CPU second over this many intervals; the present interval is not counted."""
    common.read_line(process.stdout, 10)
    lines = [list(map(int, common.read_line(process.stdout, 10).split())) for _ in range(windows)]
    return sum(line[0] for line in lines) / (sum(line[2] for line in lines) / 1e9)


def newest(process):
    """Drops the lines from before the measurement."""
    while select.select([process.stdout], [], [], 0)[0]:
        os.read(process.stdout.fileno(), 65536)


def both_rates(processes, windows):
    """The same of several that run at once."""
    for process in processes:
        newest(process)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda process: rates(process, windows), processes))


def run(quick, python):
    count = 5 if quick else 20
    python = python or common.sys.executable
    args = ("--ready", "1", "--seconds", "600", "--interval", "0.2")
    ways = {"aiotrace": (rounds.Aiotrace(), count)}
    for probe in ("fentry", "tracepoint", "uprobe"):
        ways["aiotrace --poll-probe " + probe] = rounds.Aiotrace("--poll-probe", probe), 3 if quick else 8
    if not quick:
        for tool, attach in yardsticks.ATTACHED.items():
            ways[tool] = rounds.Yardstick(attach), 4
    ratios, missing = {}, {}
    with common.program("spin.py", *args, python=python, cpu=common.TARGET_CPU) as (first, _), \
            common.program("spin.py", *args, python=python, cpu=common.TARGET_CPU) as (second, _):
        pair = [first, second]
        for name, (way, number) in ways.items():
            try:
                ratios[name] = rounds.side_by_side([p.pid for p in pair], lambda: both_rates(pair, 3), way, number)
            except Missing as error:
                missing[name] = str(error)
    rows = [[name, ratios.get(name) or "missing: " + missing[name], "", ""] for name in ways]
    if "aiotrace" in ratios:
        rows.insert(1, whole_cost(ratios["aiotrace"].median, args, quick, python))
    rows += [[name, ratio, "", ""] for name, ratio in ({} if quick else inside_ratios(args, python)).items()]
    table(rows, ["spin loop", "iterations per CPU second, with / without it", "must", ""])


def whole_cost(ratio, args, quick, python):
    """The decisive row. Each iteration has one system call. The cost that all programs pay for their system calls is
    not in a ratio of two programs that run at once, so it is measured separately."""
    more, _, _ = figure_syscalls.more_per_call(["auto"], 5 if quick else 15, python)
    with common.program("spin.py", *args, python=python, cpu=common.TARGET_CPU) as (process, _):
        iteration_ns = 1e9 / rates(process, 3)
    call_ns = max(0.0, median(more["auto"]))
    whole = 1 / (1 / ratio + call_ns / iteration_ns)
    return ["  with %.0f ns for each system call" % call_ns, "%.3f" % whole, ">= 0.85", verdict(whole >= 0.85)]


def inside_ratios(args, python):
    """Two programs that take turns on one CPU would slow each other down, so they run one after the other, and each
    is compared with its neighbours."""
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
