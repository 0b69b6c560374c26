"""Stalls with known parts, each of one or more ways of more_kinds.py one after the other in one iteration.

Each line of --record is a stall: label, start_ns, end_ns, the iteration's limits where the loop's clock saw them, and
its parts: way, cause, start_ns, end_ns, `injected` {cause: ns}, `culprit`. {"skipped": reason} for what this machine
lacks.
"""
import argparse
import asyncio
import atexit
import gc
import json
import os
import sys

import faults
import more_blocks
import more_cpu
from delays import DiskWaits
from fault_env import Environment, Fault
from more_kinds import BESIDE, WAYS, injected, native_cause, running
from records import SCHEDULER, ClockedSelector, Writer, add_handshake_options, say_ready, wait_go

IN_POLL = "gil-in-poll"  # cannot run in a callback: the loop's own poll cannot return


def throttled_ns(group):
    """Time for which the group had used up its quota so far, by the kernel's count."""
    for line in os.pread(group["stat"], 1000, 0).decode().splitlines():
        name, _, value = line.partition(" ")
        if name == "throttled_time":
            return int(value)
        if name == "throttled_usec":
            return 1000 * int(value)
    return 0


class Runner:
    def __init__(self, env, output, clock):
        self.env, self.output, self.clock = env, output, clock

    def block(self, parts, stall):
        for fault in parts:
            way = WAYS[fault.kind]
            group = self.env.groups.get(way.group) if way.cause == "throttled" else None
            others = running(fault)
            ran = more_cpu.run_ns(others)
            waited = self.env.disk_waits.read() if way.disk else 0
            before, collected = throttled_ns(group) if group else 0, more_cpu.Collections.ns
            way.block(fault)
            fault.disk_ns = self.env.disk_waits.read() - waited if way.disk else 0
            fault.others_ns = more_cpu.run_ns(others) - ran
            fault.collected_ns = more_cpu.Collections.ns - collected
            fault.throttled_ns = throttled_ns(group) - before if group else 0
            if group:
                self.move(fault, "leave")
        stall.update(start_ns=parts[0].record["start_ns"], end_ns=parts[-1].record["end_ns"])

    def move(self, fault, where):
        """Into the control group of the fault's way, if it has one, or out of it."""
        group = WAYS[fault.kind].group
        if group:
            os.write(self.env.groups[group][where], b"%d\n" % os.getpid())

    async def callback(self, parts, stall):
        self.block(parts, stall)

    async def run_stall(self, label, recipe):
        parts = [Fault(kind, ms, label, self.env) for kind, ms in recipe]
        reasons = [WAYS[f.kind].needs(self.env) for f in parts if WAYS[f.kind].needs]
        if any(reasons):
            self.output.write({"label": label, "ways": [f.kind for f in parts],
                               "causes": [WAYS[f.kind].cause for f in parts],
                               "skipped": next(filter(None, reasons))})
            return
        for fault in parts:
            way = WAYS[fault.kind]
            if way.prepare:
                way.prepare(fault)
                if way.ready:
                    await way.ready(fault)
        for fault in parts:
            self.move(fault, "enter")
        await asyncio.sleep(0.005)
        stall = {"label": label}
        if self.clock:
            self.clock.long.clear()
        await asyncio.create_task(self.callback(parts, stall), name=label)
        await asyncio.sleep(0)
        for fault in parts:
            self.move(fault, "leave")
        await asyncio.sleep(0.03)  # the names of the culprits must still be readable
        self.limits(stall)
        stall["parts"] = [self.part(fault) for fault in parts]
        self.output.write(stall)
        for fault in parts:
            if WAYS[fault.kind].finish:
                WAYS[fault.kind].finish(fault)

    def limits(self, stall):
        for start, end in self.clock.long if self.clock else ():
            if start <= stall["end_ns"] and end >= stall["start_ns"]:
                stall.update(iteration_start_ns=start, iteration_end_ns=end)

    def part(self, fault):
        way = WAYS[fault.kind]
        cause = native_cause(fault.kind) if way.cause == "native" else way.cause
        return {"way": fault.kind, "cause": cause, "start_ns": fault.record["start_ns"],
                "end_ns": fault.record["end_ns"], "cpu_ns": fault.record["cpu_ns"], "wait_ns": fault.record["wait_ns"],
                "injected": injected(fault, way, fault.throttled_ns),
                "culprit": way.culprit(fault) if way.culprit else None}

    async def run_in_poll(self, label, milliseconds):
        """A regular expression in an executor's thread keeps the interpreter's lock; see faults.py."""
        fault = Fault(IN_POLL, milliseconds, label, self.env)
        injector = faults.Injector(asyncio.get_running_loop(), self.env, argparse.Namespace(record=None))
        before = SCHEDULER.read()
        await injector.run_gil_regex(fault)
        after, record = SCHEDULER.read(), fault.record
        await asyncio.sleep(0.03)
        total, cpu, wait = record["end_ns"] - record["start_ns"], after[0] - before[0], after[1] - before[1]
        holder = record["holder"]
        self.output.write({
            "label": label, "start_ns": record["start_ns"], "end_ns": record["end_ns"],
            "parts": [{"way": IN_POLL, "cause": "gil", "start_ns": record["start_ns"], "end_ns": record["end_ns"],
                       "injected": {"gil": total - cpu - wait, "cpu-wait": wait, BESIDE: cpu},
                       "culprit": {"thread": holder["thread"], "tid": holder["tid"], "function": "regex_search"}}]})


async def run(options, env, clock):
    runner = Runner(env, Writer(options.record), clock)
    say_ready(options.ready)
    await wait_go(options.go)
    for label, recipe in parse_stalls(options.stalls):
        if recipe[0][0] == IN_POLL:
            await runner.run_in_poll(label, recipe[0][1])
        else:
            await runner.run_stall(label, recipe)


def parse_stalls(text):
    """`label=way:ms+way:ms,…` → [(label, [(way, ms)…])…]."""
    stalls = []
    for item in filter(None, text.split(",")):
        label, _, recipe = item.partition("=")
        parts = [part.partition(":") for part in recipe.split("+")]
        stalls.append((label, [(way, float(ms)) for way, _, ms in parts]))
    unknown = {way for _, recipe in stalls for way, _ in recipe} - set(WAYS) - {IN_POLL}
    if unknown:
        raise SystemExit("unknown ways: " + ", ".join(sorted(unknown)))
    return stalls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--stalls", required=True, help="label=way:ms[+way:ms…],…; ways: " + " ".join(WAYS))
    parser.add_argument("--groups", default="{}", help="JSON: control groups as descriptors, see tools/accuracy")
    options = parser.parse_args()
    ways = {way for _, recipe in parse_stalls(options.stalls) for way, _ in recipe}
    env = Environment(ways)
    atexit.register(env.close)
    env.groups = json.loads(options.groups)
    env.disk_waits = DiskWaits()
    env.more = more_blocks.Peer()
    atexit.register(env.more.close)
    if IN_POLL in ways:
        faults.regex_size(1)
    more_cpu.watch_collections()
    clock = None
    if options.loop == "uvloop":
        import uvloop
        loop = uvloop.new_event_loop()
    else:
        clock = ClockedSelector()
        loop = asyncio.SelectorEventLoop(clock)
    gc.freeze()
    loop.run_until_complete(run(options, env, clock))
    if hasattr(env, "neighbours"):
        for process in env.neighbours:
            process.stdin.close()
            process.wait()
    loop.run_until_complete(loop.shutdown_default_executor() if sys.version_info >= (3, 9) else asyncio.sleep(0))
    loop.close()


if __name__ == "__main__":
    main()
