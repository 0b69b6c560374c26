"""What a process that has nothing to do with any loop pays for each of its system calls while aiotrace runs."""
import subprocess

import common
from common import Missing, Tracer, table, verdict
from stats import median, median_interval

WINDOWS, WINDOW_MS = 9, 50
BOUNDS = {"auto": 60, "fentry": 60, "tracepoint": 60, "uprobe": 0}


def ns_per_call(binary):
    """Of its own process each time; the first window warms up."""
    process = common.spawn([binary, str(WINDOWS), str(WINDOW_MS)], common.TARGET_CPU, stdout=subprocess.PIPE)
    try:
        return min(map(float, process.communicate(timeout=20)[0].split()[1:]))
    finally:
        common.end(process)


def more_per_call(probes, count, python):
    """({probe: [ns more…]}, {probe: why not}, [ns of an untraced call…]), interleaved."""
    binary = common.compiled("syscalls")
    more, missing, base = {probe: [] for probe in probes}, {}, []
    with common.program("idle.py", "--ready", "1", "--tick", "10", python=python, cpu=common.OTHER_CPU) as (process, _):
        for _ in range(count):
            for probe in probes:
                if probe in missing:
                    continue
                before = ns_per_call(binary)
                try:
                    tracer = Tracer([process.pid], "--poll-probe", probe)
                    during = ns_per_call(binary)
                    tracer.stop()
                except Missing as error:
                    missing[probe] = str(error)
                    continue
                after = ns_per_call(binary)
                more[probe].append(during - (before + after) / 2)
                base += [before, after]
    return more, missing, base


def run(quick, python):
    more, missing, base = more_per_call(BOUNDS, 5 if quick else 15, python)
    rows = []
    for probe, bound in BOUNDS.items():
        if not more[probe]:
            rows.append([probe, "missing: " + missing[probe], "", ""])
            continue
        low, high = median_interval(more[probe])
        good = median(more[probe]) <= bound or (bound == 0 and low <= 0)
        rows.append([probe, "%+.1f ns [%+.1f, %+.1f]" % (median(more[probe]), low, high), "<= %d ns" % bound,
                     verdict(good)])
    table(rows, ["--poll-probe", "more per call (untraced: %s)" % (
        "%.0f ns" % median(base) if base else "not measured"), "must", ""])
