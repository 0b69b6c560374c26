"""What a process that has nothing to do with any loop pays for each of its system calls while aiotrace runs."""
import subprocess

import common
from common import Missing, Tracer, table, verdict
from stats import median, median_interval

WINDOWS, WINDOW_MS = 11, 30
BOUNDS = {"auto": 60, "fentry": 60, "tracepoint": 60, "uprobe": 0}


def cost_of_call(binary):
    """(ns of a call, the same in rounds of arithmetic): of its own process each time; the first window warms up.

    The clock of this core runs at another speed now and then, and other machines share it: arithmetic feels both.
    """
    process = common.spawn([binary, str(WINDOWS), str(WINDOW_MS)], common.TARGET_CPU, stdout=subprocess.PIPE)
    try:
        windows = [list(map(float, line.split())) for line in process.communicate(timeout=20)[0].splitlines()[1:]]
    finally:
        common.end(process)
    return median([call for call, _ in windows]), median([call / round_ for call, round_ in windows])


def more_per_call(probes, count, python):
    """({probe: [ns more…]}, {probe: why not}, [ns of an untraced call…]), interleaved."""
    binary = common.compiled("syscalls")
    more, missing, base = {probe: [] for probe in probes}, {}, []
    with common.program("idle.py", "--ready", "1", "--tick", "10", python=python, cpu=common.OTHER_CPU) as (process, _):
        for _ in range(count):
            for probe in probes:
                if probe in missing:
                    continue
                before_ns, before = cost_of_call(binary)
                try:
                    tracer = Tracer([process.pid], "--poll-probe", probe)
                    _, during = cost_of_call(binary)
                    tracer.stop()
                except Missing as error:
                    missing[probe] = str(error)
                    continue
                after_ns, after = cost_of_call(binary)
                untraced_ns = (before_ns + after_ns) / 2
                more[probe].append((during / ((before + after) / 2) - 1) * untraced_ns)
                base += [before_ns, after_ns]
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
