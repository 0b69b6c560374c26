"""From the start of aiotrace to its line `watching`, on an idle loop and on a busy one."""
import common
from common import Missing, Tracer, table, verdict
from stats import median, quantile


def times(pid, count):
    values = []
    for _ in range(count):
        tracer = Tracer([pid])
        values.append(tracer.attach_ms)
        tracer.stop()
    return values


def run(quick, python):
    count = 10 if quick else 30
    python = python or common.sys.executable
    rows = []
    for name, program, args in (("idle loop", "idle.py", ("--ready", "1")),
                                ("busy loop", "spin.py", ("--ready", "1", "--seconds", "600", "--interval", "600"))):
        try:
            with common.program(program, *args, python=python, cpu=common.TARGET_CPU) as (process, _):
                values = times(process.pid, count)
            rows.append([name, "%.0f ms" % median(values), "%.0f ms" % quantile(values, 0.95),
                         "%.0f ms" % max(values), "<= 150 ms", verdict(median(values) <= 150)])
        except Missing as error:
            rows.append([name, "missing: %s" % error, "", "", "", ""])
    table(rows, ["start to `watching`", "median", "p95", "max", "must", ""])
