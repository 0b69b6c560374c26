"""Creates coroutines that it keeps, at known places, and others that it does not keep.

--ready FILE: a line; then, after a byte from --go, it makes them, writes --record FILE and another line. The record has a line of
JSON for each place: coroutine, class, count, made_ns (of the first, right after it), stack: [[function, line], ...] of who made them,
innermost first. Ends with its standard input.
"""
import argparse
import asyncio
import inspect
import json
import sys
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("--ready", required=True)
arguments.add_argument("--go", required=True)
arguments.add_argument("--record", required=True)
given = arguments.parse_args()

held = []
records = {}


async def never(value):
    return value


async def leaf(future):
    await future


async def orphan(future):
    await leaf(future)


async def ticks():
    yield 1
    yield 2


def name_of(frame):
    code = frame.f_code
    return getattr(code, "co_qualname", code.co_name)


def note(kind, coroutine, made_ns):
    """From the calling line on: the caller creates the coroutine on that line."""
    stack = [[name_of(each.frame) if hasattr(each, "frame") else each.function, each.lineno] for each in inspect.stack(0)[1:]]
    record = records.setdefault((kind, coroutine, str(stack)),
                                {"class": kind, "coroutine": coroutine, "count": 0, "made_ns": made_ns, "stack": stack})
    record["count"] += 1


def make_here(value):
    held.append((time.monotonic_ns(), never(value), note("never-awaited", "never", time.monotonic_ns())))


def make_deep(value, depth):
    if depth:
        return make_deep(value, depth - 1)
    held.append((never(value), note("never-awaited", "never", time.monotonic_ns())))


class Service:
    async def start(self, loop):
        for _ in range(3):
            coroutine = orphan(loop.create_future()), note("orphaned", "orphan", time.monotonic_ns())
            coroutine[0].send(None)
            held.append(coroutine)


async def churn():
    for i in range(2000):
        await never(i)


async def main():
    loop = asyncio.get_running_loop()
    held.append(never(0))  # before any observer attaches
    ready = open(given.ready, "w")
    print("ready", file=ready, flush=True)
    with open(given.go) as go:
        go.read(1)
    for i in range(4):
        make_here(i)
    for i in range(5):
        make_deep(i, 3)
    make_one = lambda: held.append((never(9), note("never-awaited", "never", time.monotonic_ns())))
    make_one()
    await Service().start(loop)
    generator = ticks(), note("async-generator", "ticks", time.monotonic_ns())
    await generator[0].__anext__()
    held.append(generator)
    await churn()
    with open(given.record, "w") as record:
        for each in records.values():
            record.write(json.dumps(each) + "\n")
    print("done", file=ready, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
