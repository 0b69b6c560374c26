"""aiotrace -a on a machine with 1,000 processes that each have a loop, and the cost of switches for all other
processes."""
import common
from common import Tracer, cpu_ns, table, verdict
from meter import meter
from stats import median, median_interval

PROCESSES = 1000
WINDOWS = 25


def cost_of_switch(switches):
    """([a round trip, the same calls without a switch] in rounds of arithmetic, ns of a round trip)."""
    windows = switches.windows(WINDOWS)
    return [median([window[i] / window[2] for window in windows]) for i in (0, 1)], median([w[0] for w in windows])


def more_per_switch(count, settle_s, *arguments):
    """(additional time as a share of a round trip, the same without the additional cost of its four calls, ns of a
    trip)."""
    whole, switched, trips = [], [], []
    with meter("switches", *arguments) as switches:
        after, _ = cost_of_switch(switches)
        for _ in range(count):
            before = after
            tracer = Tracer(None, "-a")
            common.time.sleep(settle_s)
            during, _ = cost_of_switch(switches)
            tracer.stop()
            after, ns = cost_of_switch(switches)
            bare = [(before[i] + after[i]) / 2 for i in (0, 1)]
            whole.append(during[0] / bare[0] - 1)
            switched.append((during[0] - during[1] - bare[0] + bare[1]) / bare[0])
            trips.append(ns)
    return whole, switched, median(trips)


def percent(shares):
    low, high = median_interval(shares)
    return "%+.1f %% [%+.1f, %+.1f]" % (100 * median(shares), 100 * low, 100 * high)


def run(quick, python):
    attach, memory, own, found, losses = [], [], [], [], {}
    with common.program("many_processes.py", "--ready", "1", "--count", str(PROCESSES), "--tick", "5000", python=python,
                        ready_s=120) as (process, _):
        for _ in range(2 if quick else 5):
            tracer = Tracer(None, "-a")
            common.time.sleep(4)
            settled_ns, since = cpu_ns(tracer.process.pid), common.time.monotonic()
            common.time.sleep(2)
            own.append(100 * (cpu_ns(tracer.process.pid) - settled_ns) / 1e9 / (common.time.monotonic() - since))
            summary = tracer.stop()
            attach.append(tracer.attach_ms / 1000)
            memory.append(tracer.memory / 1e6)
            found.append(len(summary["loops"]))
            for name, number in (summary.get("losses") or {}).items():
                losses[name] = losses.get(name, 0) + number
        rounds = 3 if quick else 12
        apart, _, apart_ns = more_per_switch(rounds, 4, str(common.OTHER_CPU))
        whole, switches, trip_ns = more_per_switch(rounds, 4)
    table([
        ["loops found of %d" % PROCESSES, "%d" % min(found), "all", verdict(min(found) >= PROCESSES)],
        ["start to `watching`", "%.2f s, at most %.2f" % (median(attach), max(attach)), "<= 2 s", verdict(median(attach) <= 2)],
        ["memory", "%.0f MB" % max(memory), "<= 200 MB", verdict(max(memory) <= 200)],
        ["aiotrace's CPU after 4 s, of a core", "%.1f %%" % median(own), "", ""],
        ["losses", {name: number for name, number in losses.items() if number} or "none", "", ""],
        ["others' round trip of %.1f us between two CPUs" % (apart_ns / 1000), percent(apart), "<= 2 %",
         verdict(median(apart) <= 0.02)],
        ["the same on one CPU, of %.1f us" % (trip_ns / 1000), percent(whole), "", ""],
        ["  of it the two switches", percent(switches), "", ""],
    ], ["1,000 processes, aiotrace -a", "measured", "must", ""])
