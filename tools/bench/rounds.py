"""Short interleaved rounds: in each, every way of observation is measured once next to the bare target, in rotating
order.

A *measurement* is work per CPU second of the target, so that a neighbour on the machine disturbs it less.
"""
import math

import common
import yardsticks
from common import Missing, Tracer, cpu_ns
from stats import Ratio


class Aiotrace:
    """Collects, over the rounds, aiotrace's own measurements and the outside ones."""

    def __init__(self, *args):
        self.args = args
        self.shares, self.own_cpu, self.memory, self.losses, self.runs = [], [], [], {}, 0

    def window(self, pid, measure):
        tracer = Tracer([pid], *self.args)
        before = cpu_ns(pid)
        try:
            value = measure()
            used = cpu_ns(pid) - before
        finally:
            summary = tracer.stop()
        cost = summary.get("cost") or {}
        if cost.get("bpf_ns") is not None:
            self.shares.append(cost["bpf_ns"] / used)
        if tracer.own_share is not None:
            self.own_cpu.append(tracer.own_share)
            self.memory.append(tracer.memory)
        for name, count in (summary.get("losses") or {}).items():
            self.losses[name] = self.losses.get(name, 0) + count
        self.runs += 1
        return value


class Yardstick:
    def __init__(self, attach):
        self.attach = attach

    def window(self, pid, measure):
        tool = self.attach(pid)
        try:
            value = measure()
        except BaseException:
            tool.stop()
            raise
        tool.stop()
        return value


def interleave(pid, measure, ways, rounds, every=None):
    """`ways`: name → object with `window`. Gives (name → Ratio, name → why not).

    `every`: name → measure it only in each n-th round; for yardsticks.
    """
    values = {name: ([], []) for name in ways}
    missing = {}
    for number in range(rounds):
        for name, way in ways.items():
            if name in missing or number % (every or {}).get(name, 1):
                continue
            try:
                # Alternately before and after, so that a drift of the machine's speed cancels out.
                if number % 2:
                    traced = way.window(pid, measure)
                    bare = measure()
                else:
                    bare = measure()
                    traced = way.window(pid, measure)
            except Missing as error:
                missing[name] = str(error)
                continue
            values[name][0].append(traced)
            values[name][1].append(bare)
    return {name: Ratio(*pair) for name, pair in values.items() if pair[0]}, missing


def side_by_side(pids, measure_both, way, rounds):
    """Two equal programs share a CPU, in each round first one is traced and then the other; the Ratio is of the two.

    A change of the machine's speed affects both, and a constant difference between the programs cancels out. This is
    much more precise than windows one after the other. The cost that every process of the machine pays for the tracing
    is not included, because both pay it.
    """
    changed, bare = [], []
    for _ in range(rounds):
        first = way.window(pids[0], measure_both)
        second = way.window(pids[1], measure_both)
        changed.append(math.sqrt(first[0] * second[1]))
        bare.append(math.sqrt(first[1] * second[0]))
    return Ratio(changed, bare)


def compare_programs(measure_in, bare_pid, start, rounds):
    """The same for a way that needs a program of its own; `start` returns a context with (process, words)."""
    changed, bare = [], []
    with start() as (process, words):
        for number in range(rounds):
            pair = [lambda: bare.append(measure_in(bare_pid)), lambda: changed.append(measure_in(process.pid, words))]
            for step in (pair if number % 2 else reversed(pair)):
                step()
    return Ratio(changed, bare)


def inside_ratios(program, args, python, cpu, measure_in, bare_pid, rounds, has_run_once=True):
    """name → Ratio or why not, of the yardsticks that need a restart."""
    results = {}
    for name, (prefix, env) in yardsticks.inside(python).items():
        if name == "_run_once wrapper" and not has_run_once:
            results[name] = "no such method in this loop"
            continue
        try:
            results[name] = compare_programs(
                measure_in, bare_pid,
                lambda: common.program(program, *args, prefix=prefix, env=env, cpu=cpu), rounds)  # noqa: B023
        except Missing as error:
            results[name] = str(error)
    return results
