"""`aiotrace profile --mode cpu` beside other profilers at the same rate: their cost for the target, and their
results."""
import concurrent.futures
import math

import common
import profilers
import rounds
from common import Missing, table, verdict
from figure_spin import newest
from stats import Ratio, median

INTERVALS = 15  # of 0.2 s


class Window:
    """The target's own measurements in this many intervals."""

    def __init__(self, process, intervals):
        newest(process)
        common.read_line(process.stdout, 10)  # the present interval
        lines = [list(map(int, common.read_line(process.stdout, 20).split())) for _ in range(intervals)]
        work, wall_ns, self.cpu_ns, _, *functions = [sum(column) for column in zip(*lines)]
        self.pause_ms = max(line[3] for line in lines) / 1e6
        self.by_cpu, self.by_wall, self.cpu_share = work / self.cpu_ns, work / wall_ns, self.cpu_ns / wall_ns
        self.shares = dict(zip(profilers.FUNCTIONS, (ns / sum(functions) for ns in functions)))


class Found:
    """Of one profiler, over the rounds."""

    def __init__(self, tool):
        self.tool, self.by_cpu = tool, None
        self.by_wall, self.pauses, self.own, self.in_bpf = [], [], [], []
        self.counts = dict.fromkeys(profilers.FUNCTIONS, 0)
        self.shares = {name: [] for name in profilers.FUNCTIONS}
        self.samples = self.expected = 0

    def add(self, before, during, after, result):
        self.by_wall.append(2 * during.by_wall / (before.by_wall + after.by_wall))
        self.pauses.append(during.pause_ms)
        self.own.append(result.own_share)
        self.in_bpf.append(result.bpf_share)
        self.samples += result.samples
        self.expected += profilers.RATE * result.seconds * (during.cpu_share if self.tool.by_cpu_clock else 1)
        for name in profilers.FUNCTIONS:
            self.counts[name] += result.counts[name]
            self.shares[name].append(during.shares[name])

    def error(self):
        """(largest difference of a function's share, its random error of two deviations, whether it is within that
        error)."""
        counted = sum(self.counts.values())
        worst = (0.0, 0.0)
        within = True
        for name in profilers.FUNCTIONS:
            own = sum(self.shares[name]) / len(self.shares[name])
            off, chance = abs(self.counts[name] / counted - own), 2 * math.sqrt(own * (1 - own) / counted)
            within = within and off <= 1.5 * chance  # three deviations: three functions are looked at
            worst = max(worst, (off, chance))
        return worst + (within,)


def measure(python, tools, rounds_count, own_rounds):
    """(tool's name → Found, → why not, longest pauses without any)."""
    found = {tool.name: Found(tool) for tool in tools}
    missing, pauses = {}, []
    with common.program("functions.py", "--ready", "1", cpu=common.TARGET_CPU, prefix=python) as (process, words):
        pid = int(words[1])
        bare = Window(process, INTERVALS)
        for _ in range(rounds_count):
            for tool in tools:
                if tool.name in missing:
                    continue
                try:
                    running = tool(pid)
                    during = Window(process, INTERVALS)
                    result = running.stop()
                except Missing as error:
                    missing[tool.name] = str(error)
                    continue
                before, bare = bare, Window(process, INTERVALS)
                pauses.append(bare.pause_ms)
                found[tool.name].add(before, during, bare, result)
    for tool in tools:
        if tool.name in missing:
            continue
        try:
            found[tool.name].by_cpu = beside(
                python, tool, own_rounds if tool is profilers.Aiotrace else 2 * rounds_count)
        except Missing as error:
            found[tool.name].by_cpu = "missing: %s" % error
    return found, missing, pauses


class Way:
    def __init__(self, tool):
        self.tool = tool

    def window(self, pid, measure):
        running = self.tool(pid)
        try:
            return measure()
        finally:
            running.stop()


def beside(python, tool, rounds_count):
    """The Ratio of the work for each CPU second of two at once on one CPU."""
    with common.program("functions.py", "--ready", "1", cpu=common.TARGET_CPU, prefix=python) as (first, _), \
            common.program("functions.py", "--ready", "1", cpu=common.TARGET_CPU, prefix=python) as (second, _), \
            concurrent.futures.ThreadPoolExecutor() as pool:
        def both():
            return [window.by_cpu for window in pool.map(lambda each: Window(each, 5), (first, second))]

        return rounds.side_by_side([first.pid, second.pid], both, Way(tool), rounds_count)


def interval_of(values):
    return Ratio(values, [1] * len(values))


def rows_of(version, tool, found):
    wall, cpu = interval_of(found.by_wall), found.by_cpu
    off, chance, within = found.error()
    ours = tool.name == profilers.Aiotrace.name
    return [version, tool.name, wall, cpu, "%.1f %%" % (100 * (1 - found.samples / found.expected)),
            "%.1f %% (chance: %.1f)" % (100 * off, 100 * chance), "%.2f ms" % median(found.pauses),
            "%.2f %%" % (100 * median(found.own)), "%.2f %%" % (100 * median(found.in_bpf)) if ours else "",
            verdict(isinstance(cpu, Ratio) and cpu.reaches(0.99) and within) if ours else ""]


def run(quick, python):
    rounds_count, own_rounds = (3, 6) if quick else (5, 30)
    targets = [("", [python or common.sys.executable], [profilers.Aiotrace, profilers.PySpy])]
    try:
        targets.append(("3.15", profilers.python_3_15(), [profilers.Aiotrace, profilers.PySpy, profilers.Sampling]))
    except Missing as error:
        print("  missing: profiling.sampling: %s" % error)
    rows = []
    for version, command, tools in targets:
        found, missing, pauses = measure(command, tools, rounds_count, own_rounds)
        version = "Python " + (version or "here")
        rows += [rows_of(version, tool, found[tool.name]) for tool in tools if tool.name not in missing]
        rows += [[version, name, "missing: " + why] + 7 * [""] for name, why in missing.items()]
        rows.append([version, "(none)", "", "", "", "", "%.2f ms" % median(pauses), "", "", ""])
    table(rows, ["target", "%d Hz" % profilers.RATE, "work per second, with / without", "per CPU second, beside one without", "samples missed",
                 "worst share off by", "longest pause", "own CPU, of a core", "BPF, of the target's CPU", "must: 0.99, error by chance"])
