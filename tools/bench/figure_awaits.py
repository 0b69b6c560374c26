"""`aiotrace awaits` by snapshots: its cost for 10,000 tasks, and the accuracy of its totals."""
import json
import os
import subprocess
import tempfile

import common
from common import Missing, table, verdict


def watch(python, seconds, *arguments):
    """(aiotrace's rows by line, its summary, the target's spans by line)."""
    with tempfile.TemporaryDirectory() as scratch:
        record, go = os.path.join(scratch, "record"), os.path.join(scratch, "go")
        os.mkfifo(go)
        with common.program("many_sites.py", "--ready", "1", "--go", go, "--record", record, *arguments, python=python,
                            cpu=common.TARGET_CPU, ready_s=60) as (process, _):
            run = subprocess.run([common.Tracer.binary, "awaits", "-p", str(process.pid), "-d", "%ds" % seconds, "--json",
                                  "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if run.returncode != 0:
                raise Missing(run.stderr.decode(errors="replace").strip())
            with open(go, "wb") as file:
                file.write(b"x")
            process.wait(60)
        objects = [json.loads(line) for line in run.stdout.splitlines()]
        with open(record, encoding="utf-8") as file:
            spans = {entry["line"]: entry["spans"] for entry in map(json.loads, file)}
    return {o["site"]["line"]: o for o in objects if o["type"] == "await"}, objects[-1], spans


def compare(rows, summary, spans):
    """Of each site that both know: (reported total / true total, inside the printed error, snapshots)."""
    begin = summary["first_ns"]
    end = begin + summary["watched_ns"]
    compared = []
    for line, each in spans.items():
        true = sum(max(0, min(last, end) - max(first, begin)) for first, last in each)
        row = rows.get(line)
        if row is None:
            compared.append((0, False, 0))
        else:
            compared.append((row["total_ns"] / true, abs(row["total_ns"] - true) <= row["error_ns"], row["snapshots"]))
    return compared


def share(values):
    return "%.1f %% of %d" % (100 * sum(values) / len(values), len(values))


def run(quick, python):
    rows = []
    found, summary, spans = watch(python, 20 if quick else 60, "--tasks", "10000", "--shortest", "1", "--longest", "30")
    own = summary["cost"]["cpu_ns"] / summary["elapsed_ns"]
    inside = [each for _, each, _ in compare(found, summary, spans)]
    rows += [["10,000 tasks", "aiotrace's CPU, of a core", "%.2f %%" % (100 * own), "<= 1 %", verdict(own <= 0.01)],
             ["", "snapshots", summary["snapshots"], "", ""],
             ["", "sites whose true total is within the printed error", share(inside), ">= 95 %",
              verdict(sum(inside) >= 0.95 * len(inside))]]
    inside, off, seen = [], [], 0
    for _ in range(1 if quick else 4):
        found, summary, spans = watch(python, 15)
        compared = compare(found, summary, spans)
        inside += [each for _, each, _ in compared]
        off += [abs(ratio - 1) for ratio, _, snapshots in compared if snapshots >= 200]
        seen = summary["snapshots"]
    rows += [["100 tasks", "snapshots", seen, "", ""],
             ["", "sites whose true total is within the printed error", share(inside), ">= 95 %",
              verdict(sum(inside) >= 0.95 * len(inside))],
             ["", "worst total of a site with 200 snapshots or more",
              "off by %.2f %% (of %d)" % (100 * max(off), len(off)) if off else "none had so many",
              "<= 3 %", verdict(max(off) <= 0.03) if off else ""]]
    table(rows, ["target", "figure", "measured", "must", ""])
