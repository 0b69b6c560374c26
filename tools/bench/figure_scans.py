"""Scans for leaks and lists of tasks: their time and their effect on the target, compared with the program's own
functions."""
import collections
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

import common
from common import PROGRAMS, Missing, Tracer, read_line, spawn, table, verdict
from stats import median

SCANS = 1000


class Heap:
    """tests/programs/heap.py."""

    def __init__(self, process):
        self.process, self.pid = process, str(process.pid)

    def ask(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        return list(map(float, read_line(self.process.stdout, 60).split()))


@contextlib.contextmanager
def heap(python, *arguments):
    process = spawn([python, os.path.join(PROGRAMS, "heap.py"), *arguments], common.TARGET_CPU, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    try:
        if not read_line(process.stdout, 120).startswith(b"ready"):
            raise Missing("heap.py did not start")
        yield Heap(process)
    finally:
        process.kill()
        process.wait()


def run_aiotrace(*arguments, into=os.devnull):
    """(seconds, bytes of memory at most) of one command whose JSON goes into a file."""
    begin = time.monotonic()
    process = spawn([Tracer.binary, *arguments, "--json", into], common.OTHER_CPU, stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        raise Missing(error.decode(errors="replace").strip()[:100])
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def aiotrace(*arguments):
    """(objects of JSON, seconds, bytes of memory at most) of one command."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "json")
        seconds, memory = run_aiotrace(*arguments, into=path)
        with open(path) as file:
            return list(map(json.loads, file)), seconds, memory


def scan(pid):
    """(ms of the scan, bytes of memory, coroutines never awaited)."""
    lines, _, memory = aiotrace("leaks", "-p", pid)
    leaks = [line for line in lines if line["type"] == "leak" and line["class"] == "never-awaited"]
    return [line for line in lines if line["type"] == "scan"][0]["duration_ns"] / 1e6, memory, sum(one["count"] for one in leaks)


def longer_iterations(target, rounds, action):
    """ms by which the target's longest iteration is longer with the action than in equal time without it."""
    more = []
    for _ in range(rounds):
        target.ask("longest")
        begin = time.monotonic()
        action()
        took = time.monotonic() - begin
        during, = target.ask("longest")
        time.sleep(took)
        without, = target.ask("longest")
        more.append(during - without)
    return more


def scans_of_heap(python, rounds, objects, coroutines, tasks=0):
    with heap(python, "--objects", str(objects), "--coroutines", str(coroutines), "--tasks", str(tasks)) as target:
        scans = [scan(target.pid) for _ in range(rounds)]
        walks = [target.ask("walk") for _ in range(rounds)]
        more = longer_iterations(target, rounds, lambda: run_aiotrace("leaks", "-p", target.pid))
    wrong = sum(1 for _, _, found in scans if found != coroutines)
    return median([ms for ms, _, _ in scans]), max(memory for _, memory, _ in scans), wrong, median([ms for ms, _ in walks]), more


def row_of_heap(python, rounds, objects, coroutines, most_ms, most_bytes):
    ms, memory, wrong, walk_ms, more = scans_of_heap(python, rounds, objects, coroutines)
    name = "%s objects, %s coroutines" % (format(objects, ","), format(coroutines, ","))
    return [
        [name, "%.0f ms" % ms, "<= %.0f ms" % most_ms if most_ms else "", verdict(ms <= most_ms) if most_ms else ""],
        ["  all of them found", "%d of %d scans" % (rounds - wrong, rounds), "all", verdict(wrong == 0)],
        ["  memory", "%.0f MB" % (memory / 1e6), "<= 200 MB" if most_bytes else "",
         verdict(memory <= most_bytes) if most_bytes else ""],
        ["  the target's longest iteration is longer by", "%+.2f ms" % median(more), "<= 2 ms", verdict(median(more) <= 2)],
        ["  a walk of gc.get_objects() inside: a pause of", "%.0f ms" % walk_ms, "", ""],
    ]


def rows_of_tasks(python, rounds, count):
    with heap(python, "--tasks", str(count)) as target:
        runs = [aiotrace("tasks", "-p", target.pid) for _ in range(rounds)]
        more = longer_iterations(target, rounds, lambda: run_aiotrace("tasks", "-p", target.pid))
        found = min(sum(1 for line in lines if line["type"] == "task") for lines, _, _ in runs)
        seconds = median([seconds for _, seconds, _ in runs])
        rows = [["%s tasks listed" % format(count, ","), "%.2f s" % seconds, "<= 2 s", verdict(seconds <= 2)],
                ["  all of them", "%d" % found, "all", verdict(found >= count)],
                ["  the target's longest iteration is longer by", "%+.2f ms" % median(more), "<= 2 ms", verdict(median(more) <= 2)]]
    asked = subprocess.run([python, "-m", "asyncio", "ps", "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if asked.returncode != 0:
        return rows + [["  python -m asyncio ps", "this Python has none (3.14)", "", ""]]
    return rows + asyncio_ps(python, min(count, 1000))


def asyncio_ps(python, count):
    with heap(python, "--tasks", str(count)) as target:
        begin = time.monotonic()
        done = subprocess.run([python, "-m", "asyncio", "ps", target.pid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        seconds = time.monotonic() - begin
        if done.returncode != 0:
            return [["  python -m asyncio ps", done.stderr.decode(errors="replace").strip().splitlines()[-1][:60], "", ""]]
        _, ours, _ = aiotrace("tasks", "-p", target.pid)
        return [["  python -m asyncio ps of %s tasks" % format(count, ","), "%.2f s (aiotrace %.2f s)" % (seconds, ours), "", ""]]


def said_by(fifo):
    with open(fifo) as file:
        said = json.loads(file.readline())
    return {(kind, name): count or 0 for kind, names in said.items() for name, count in names.items()}


def churn(python, scans):
    """(scans, wrong ones, ms from one to the next) of a program that makes and ends thousands of coroutines a second."""
    with tempfile.TemporaryDirectory() as folder:
        fifo = os.path.join(folder, "ready")
        os.mkfifo(fifo)
        target = spawn([python, os.path.join(PROGRAMS, "leaky.py"), "--ready", fifo, "--churn", "4"], common.TARGET_CPU,
                       stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            known = said_by(fifo)
            process = spawn([Tracer.binary, "leaks", "-p", str(target.pid), "--watch=20ms", "--age", "200ms", "--json", "-"],
                            common.OTHER_CPU, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            found, begin = collections.defaultdict(collections.Counter), time.monotonic()
            numbers = set()
            for text in process.stdout:
                line = json.loads(text)
                if line["type"] == "scan":
                    numbers.add(line["number"])
                    if len(numbers) == scans:
                        break
                if line["type"] == "leak" and not line["idle"]:
                    found[line["scan"]][line["class"], line["coroutine"]] += line["count"] or 0
            seconds = time.monotonic() - begin
            process.kill()
            process.wait()
            process.stdout.close()
        finally:
            target.kill()
            target.wait()
    wrong = sum(1 for number in numbers if dict(found[number]) != known)
    return len(numbers), wrong, 1000 * seconds / max(1, len(numbers))


def run(quick, python):
    python = python or sys.executable
    rounds = 3 if quick else 10
    rows = row_of_heap(python, rounds, 1_000_000, 1_000, 150, None)
    rows += row_of_heap(python, rounds, 1_000_000, 100_000, None, None)
    rows += row_of_heap(python, 2 if quick else 4, 10_000_000, 1_000, 1000, 200e6)
    rows += rows_of_tasks(python, rounds, 100_000)
    scans, wrong, ms = churn(python, SCANS // 10 if quick else SCANS)
    rows += [["scans of a program that churns", "%d, %.0f ms each" % (scans, ms), "", ""],
             ["  with a leak missed or invented", "%d" % wrong, "0", verdict(wrong == 0)]]
    table(rows, ["scans from outside", "measured", "must", ""])
