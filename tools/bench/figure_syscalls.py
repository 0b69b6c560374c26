"""The cost of each system call of a process without any loop while aiotrace runs."""
import ctypes
import os
import struct
import subprocess

import common
from common import Missing, Tracer, table, verdict
from meter import meter
from stats import median, median_interval

WINDOWS = 15
FLOOR = "a tracepoint with no program"
SCRIPT = 'd=$(mktemp -d) && mount -t tracefs none $d && cat $d/events/syscalls/sys_enter_epoll_wait/id; umount $d; rmdir $d' 
BOUNDS = {"auto": 60, "fentry": 60, "tracepoint": 60, "uprobe": 0}


def cost_of_call(calls):
    """(ns of a call, the same in rounds of arithmetic).

    The clock of this core changes its speed at times, and other machines share the core: arithmetic is affected by
    both.
    """
    windows = calls.windows(WINDOWS)
    return median([call for call, _ in windows]), median([call / round_ for call, round_ in windows])


class BareTracepoint:
    """The tracepoint of epoll_wait, only counted: the kernel's own cost of it for every system call."""

    def __init__(self):
        mounted = subprocess.run(["unshare", "-m", "sh", "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not mounted.stdout.strip().isdigit():
            raise Missing("no tracefs")
        attr = ctypes.create_string_buffer(128)  # struct perf_event_attr: type, size, config, sample_period
        struct.pack_into("<IIQQ", attr, 0, 2, 128, int(mounted.stdout), 1)
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.syscall(298, attr, -1, common.TARGET_CPU, -1, 8)  # perf_event_open on x86-64
        if self.fd < 0:
            raise Missing("perf_event_open: " + os.strerror(ctypes.get_errno()))

    def stop(self):
        os.close(self.fd)


def started(probe, pid):
    return BareTracepoint() if probe == FLOOR else Tracer([pid], "--poll-probe", probe)


def more_per_call(probes, count, python):
    """({probe: [ns more…]}, {probe: why not}, [ns of an untraced call…]), interleaved."""
    more, missing, base = {probe: [] for probe in probes}, {}, []
    with common.program("idle.py", "--ready", "1", "--tick", "10", python=python, cpu=common.OTHER_CPU) as (process, _), \
            meter("syscalls") as calls:
        after_ns, after = cost_of_call(calls)
        for _ in range(count):
            for probe in probes:
                if probe in missing:
                    continue
                before_ns, before = after_ns, after
                try:
                    tracer = started(probe, process.pid)
                    _, during = cost_of_call(calls)
                    tracer.stop()
                except Missing as error:
                    missing[probe] = str(error)
                    continue
                after_ns, after = cost_of_call(calls)
                untraced_ns = (before_ns + after_ns) / 2
                more[probe].append((during / ((before + after) / 2) - 1) * untraced_ns)
                base += [before_ns, after_ns]
    return more, missing, base


def run(quick, python):
    more, missing, base = more_per_call([*BOUNDS, FLOOR], 5 if quick else 15, python)
    floor = median(more[FLOOR]) if more[FLOOR] else 0
    rows = []
    for probe in more:
        if not more[probe]:
            rows.append([probe, "missing: " + missing[probe], "", ""])
            continue
        low, high = median_interval(more[probe])
        measured, bound = median(more[probe]), BOUNDS.get(probe)
        row = [probe, "%+.1f ns [%+.1f, %+.1f]" % (measured, low, high)]
        if bound is None:
            row += ["", "the kernel's own"]
        elif bound and measured > bound and measured - floor <= 10:
            row += ["<= %d ns" % bound, "NOT REACHED, by the kernel's own %.0f ns" % floor]
        else:
            row += ["<= %d ns" % bound, verdict(measured <= bound or (bound == 0 and low <= 0))]
        rows.append(row)
    table(rows, ["--poll-probe", "more per call (untraced: %s)" % (
        "%.0f ns" % median(base) if base else "not measured"), "must", ""])
