"""Profilers on a running process: when they are active, and their results for its functions."""
import glob
import math
import os
import re
import signal
import subprocess
import tempfile

import common
from common import Missing, Tracer, cpu_ns, find_tool

RATE = 99
FUNCTIONS = ("heavy", "middle", "light")


class Result:
    """`stacks`: (frames from the outermost on, number of samples); `seconds` that it sampled; `bpf_share` of the target's
    time on the CPU."""

    def __init__(self, stacks, seconds, own_share, bpf_share=0.0):
        self.counts, self.seconds, self.own_share = counts_of_stacks(stacks), seconds, own_share
        self.bpf_share = bpf_share
        self.samples = sum(number for _, number in stacks)


def counts_of_stacks(stacks):
    """{function: samples}, by the innermost frame that is one of them."""
    counts = dict.fromkeys(FUNCTIONS, 0)
    for frames, number in stacks:
        for frame in reversed(frames):
            # `name (file:line)` of py-spy, `file:name:line` of CPython's own.
            words = set(frame.replace("(", ":").replace(" ", "").split(":"))
            found = words.intersection(FUNCTIONS)
            if found:
                counts[found.pop()] += number
                break
    return counts


class Aiotrace:
    name = "aiotrace profile"
    by_cpu_clock = True  # the others also sample threads that are ready to run

    def __init__(self, pid):
        self.tracer = Tracer([pid], "--mode", "cpu", "-F", str(RATE), command="profile")

    def stop(self):
        summary = self.tracer.stop()
        stacks = [([frame["function"] for frame in reversed(row["stack"] or [])], row["count"])
                  for row in self.tracer.objects if row.get("type") == "profile"]
        return Result(stacks, summary["elapsed_ns"] / 1e9, self.tracer.own_share,
                      (summary["cost"]["bpf_ns"] or 0) / (summary["process_cpu_ns"] or math.inf))


class Other:
    """Writes folded stacks to a file when it is interrupted. `ready` is part of what it prints once it profiles; one
    that prints nothing reports at its end how long it profiled."""

    def __init__(self, command, path, ready=None, env=None):
        self.path = path
        self.process = common.spawn(command, common.OTHER_CPU, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, bufsize=0, env=env)
        line = last = b""
        while ready and ready not in line:
            line = common.read_line(self.process.stdout, 20)
            if not line:
                self.process.wait()
                self.process.stdout.close()
                raise Missing(last.decode(errors="replace").strip() or "it ended at once")
            last = line
        self.since = common.time.monotonic()

    def end(self):
        """(stacks, seconds, own share of a core)."""
        gone = self.process.poll() is not None
        seconds = common.time.monotonic() - self.since
        used = 0 if gone else cpu_ns(self.process.pid)
        common.end(self.process, signal.SIGINT, 30)
        output = self.process.stdout.read().decode(errors="replace").strip()
        self.process.stdout.close()
        if gone or not os.path.exists(self.path):
            raise Missing(output.splitlines()[-1] if output else "it wrote nothing")
        length = re.search(r"samples in ([\d.]+) seconds", output)
        stacks = []
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                frames, _, number = line.rpartition(" ")
                stacks.append((frames.split(";"), int(number)))
        return stacks, float(length.group(1)) if length else seconds, used / 1e9 / seconds


class PySpy:
    name = "py-spy record"
    by_cpu_clock = False

    def __init__(self, pid):
        self.scratch = tempfile.TemporaryDirectory()
        path = os.path.join(self.scratch.name, "stacks")
        self.tool = Other([find_tool("py-spy"), "record", "-p", str(pid), "-r", str(RATE), "-d", "600", "-f", "raw",
                           "-o", path], path, b"Sampling")

    def stop(self):
        with self.scratch:
            return Result(*self.tool.end())


class Sampling:
    """CPython's own, from 3.15 on: reads processes of its own version only, in their mount namespace."""
    name = "profiling.sampling"
    by_cpu_clock = False

    def __init__(self, pid):
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            python = file.read().split(b"\0")[0].decode()
        self.scratch = tempfile.TemporaryDirectory()
        path = os.path.join(self.scratch.name, "stacks")
        self.tool = Other(["nsenter", "-t", str(pid), "-m", "-r", "-w", python, "-u", "-m", "profiling.sampling", "attach",
                           "-r", str(RATE), "--mode", "cpu", "-d", "600", "--collapsed", "-o", path, str(pid)], path,
                          env=dict(os.environ, LC_ALL="C"))

    def stop(self):
        with self.scratch:
            return Result(*self.tool.end())


def python_3_15():
    """The command of an interpreter with `profiling.sampling`."""
    roots = sorted(glob.glob(os.path.join(common.ROOT, ".cache", "pythons", "*-3.15")))
    if not roots:
        raise Missing("no Python 3.15 (tools/get_pythons.sh makes one)")
    return [os.path.join(common.ROOT, "tools", "in_root.sh"), roots[0], "/usr/bin/python3.15"]
