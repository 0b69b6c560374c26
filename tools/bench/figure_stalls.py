"""Stalls of known length and cause, mixed, under load: found, invented, duration, cause, place, task."""
import json
import os
import tempfile

import common
from common import Missing, Tracer, table, verdict
from match import match
from stats import median, quantile

WARN_NS = 50 * 1000 * 1000
LENGTHS = "20,50,51,100,250,1000"
# They run in parallel, to save time. Faults that need a CPU are alone in their program, because there may be only two
# CPUs.
GROUPS = ("sleep,select-sleep,file,network,udp,lock", "poll,epoll,unix,process,child-pipe,other",
          "python,sort,native,pbkdf2,kernel")


def inject(per_group, python, folder):
    """Runs the programs under aiotrace; returns (records by pid, tracer)."""
    targets, records = [], {}
    try:
        for index, kinds in enumerate(GROUPS):
            go_reader, go_writer = os.pipe()
            path = os.path.join(folder, "%d.ndjson" % index)
            targets.append((common.spawn(
                [python, os.path.join(common.PROGRAMS, "faults.py"), "--ready", "1", "--go", str(go_reader), "--record",
                 path, "--count", str(per_group), "--lengths", LENGTHS, "--kinds", kinds, "--mix", "--load",
                 "--own-clock", "--seed", str(index)], stdout=-1, pass_fds=[go_reader], bufsize=0), go_writer, path))
            os.close(go_reader)
            if not common.read_line(targets[-1][0].stdout, 20):
                raise Missing("faults.py did not start")
        tracer = Tracer([process.pid for process, _, _ in targets])
        for _, go_writer, _ in targets:
            os.write(go_writer, b"g")
        limit = 60 + 2 * per_group * sum(map(float, LENGTHS.split(","))) / 1000
        for process, _, path in targets:
            process.wait(limit)
            with open(path) as file:
                records[process.pid] = [json.loads(line) for line in file]
        tracer.stop()
        return records, tracer
    finally:
        for process, go_writer, _ in targets:
            common.end(process)
            process.stdout.close()
            os.close(go_writer)


def share(part, whole):
    return "%d of %d" % (part, whole)


def lengths_table(results):
    rows = []
    for length in map(float, LENGTHS.split(",")):
        matches = [m for r in results for m in r.matches if m.fault["asked_ms"] == length]
        missed = [f for r in results for f in r.missed if f["asked_ms"] == length]
        errors = [m.error_ns / 1e6 for m in matches]
        rows.append(["%g ms" % length, len(matches), len(missed)] + (
            ["%.3f" % median(errors), "%.3f" % quantile(list(map(abs, errors)), 0.95),
             "%.3f" % max(map(abs, errors)), share(sum(m.duration_is_right for m in matches), len(matches))]
            if matches else ["", "", "", ""]))
    table(rows, ["asked for", "found", "missed", "error ms: median", "|error| p95", "max",
                 "within 0.2 ms or 0.5 %"])


def kinds_table(matches):
    rows = []
    for kind in sorted({m.fault["kind"] for m in matches}):
        of_kind = [m for m in matches if m.fault["kind"] == kind]
        shares = [m.cause_share for m in of_kind]
        rows.append([kind, of_kind[0].fault["expected_cause"], len(of_kind), "%.3f" % median(shares),
                     "%.3f" % min(shares), share(sum(m.cause_is_right for m in of_kind), len(of_kind)),
                     share(sum(m.place_is_right for m in of_kind), len(of_kind)),
                     share(sum(m.task_is_right for m in of_kind), len(of_kind))])
    table(rows, ["kind", "cause", "stalls", "its share: median", "least", ">= 95 %", "line right", "task right"])


def run(quick, python):
    per_group = 8 if quick else 67  # of each length in each of three programs: 24 and 201
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        records, tracer = inject(per_group, python or common.sys.executable, folder)
    stalls = tracer.stalls()
    results = [match(records[pid], [s for s in stalls if s["pid"] == pid], WARN_NS) for pid in records]
    matches = [m for r in results for m in r.matches]
    missed, invented = [f for r in results for f in r.missed], [s for r in results for s in r.invented]
    invented += [s for s in stalls if s["pid"] not in records]
    lengths_table(results)
    kinds_table(matches)
    meant = [m for m in matches if m.fault["single"]]
    single = [m for m in meant if m.is_single]
    right = sum(m.cause_is_right for m in single)
    agrees = [m.cpu_wait_agrees for m in matches if m.cpu_wait_agrees is not None]
    exact = sum(m.duration_is_right for m in matches)
    incidental = sum(r["kind"] == "incidental" for one in records.values() for r in one)
    losses = {name: count for name, count in tracer.summary().get("losses", {}).items() if count}
    table([
        ["stalls due and found", share(sum(r.due for r in results) - len(missed), sum(r.due for r in results)),
         "all", verdict(not missed)],
        ["invented", len(invented), "0", verdict(not invented)],
        ["duration within 0.2 ms or 0.5 %", share(exact, len(matches)), "all", verdict(exact == len(matches))],
        ["of them held up between their clock and a poll", share(sum(m.is_held_up for m in matches), len(matches)), "", ""],
        ["right cause has >= 95 %, of all injected", share(sum(m.cause_is_right for m in meant), len(meant)), "", ""],
        ["of those that did not wait for a CPU (> 3 %)", share(right, len(single)), ">= 99 %",
         verdict(single and right >= 0.99 * len(single))],
        ["cpu-wait as the kernel counted it, within 1 %", share(sum(agrees), len(agrees)), "", ""],
        ["causes and segments add up within 1 %", share(sum(m.sums_up for m in matches), len(matches)), "all",
         verdict(all(m.sums_up for m in matches))],
        ["losses", losses or "none", "", ""],
        ["iterations >= 10 ms that were no fault", incidental, "", ""],
    ], ["injected stalls", "measured", "must", ""])
    for m in [m for m in matches if not m.duration_is_right][:5]:
        print("  duration: %s reported as %.3f ms, by its own clock %.3f to %.3f ms" % (
            m.fault["label"], m.stall["duration_ns"] / 1e6, m.own_ns / 1e6, m.longest_ns / 1e6))
    for stall in invented[:5]:
        print("  invented: %.3f ms %s %s" % (stall["duration_ns"] / 1e6, stall["causes"], stall.get("task")))
    for fault in missed[:5]:
        print("  missed: %s %.3f ms" % (fault["label"], (fault["end_ns"] - fault["start_ns"]) / 1e6))
