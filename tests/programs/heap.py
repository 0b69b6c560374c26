"""A large heap with a loop that never waits and records its longest iteration.

--objects N lists, --coroutines N that were never awaited, --tasks N that wait for an event. Writes `ready`; then, for
each line on standard input: `longest` -> ms of the longest iteration since the last request; `walk` -> ms that
gc.get_objects() and a look at each object's type take, and the coroutines found. Ends with its standard input.
"""
import argparse
import asyncio
import gc
import sys
import time
import types

arguments = argparse.ArgumentParser()
arguments.add_argument("--objects", type=int, default=0)
arguments.add_argument("--coroutines", type=int, default=0)
arguments.add_argument("--tasks", type=int, default=0)
given = arguments.parse_args()


async def kept(i):
    await asyncio.sleep(i)


async def waits(event):
    await event.wait()


class Iterations:
    def __init__(self):
        self.longest_ns = 0
        self.since_ns = None

    async def run(self):
        while True:
            await asyncio.sleep(0)
            now = time.monotonic_ns()
            if self.since_ns:
                self.longest_ns = max(self.longest_ns, now - self.since_ns)
            self.since_ns = now

    def take_ms(self):
        taken, self.longest_ns, self.since_ns = self.longest_ns / 1e6, 0, None
        return taken


def walk():
    begin = time.monotonic_ns()
    found = sum(1 for each in gc.get_objects() if type(each) is types.CoroutineType)
    return (time.monotonic_ns() - begin) / 1e6, found


async def main():
    heap = [[] for _ in range(given.objects)]
    coroutines = [kept(i) for i in range(given.coroutines)]
    event = asyncio.Event()
    tasks = [asyncio.ensure_future(waits(event)) for _ in range(given.tasks)]
    await asyncio.sleep(0)
    gc.collect()
    iterations, ended = Iterations(), asyncio.Event()

    def answer():
        line = sys.stdin.readline().strip()
        if line == "longest":
            print("%.3f" % iterations.take_ms(), flush=True)
        elif line == "walk":
            print("%.3f %d" % walk(), flush=True)
        elif not line:
            ended.set()
        iterations.since_ns = None

    spinning = asyncio.ensure_future(iterations.run())
    asyncio.get_running_loop().add_reader(sys.stdin, answer)
    print("ready", flush=True)
    await ended.wait()
    spinning.cancel()
    for coroutine in coroutines:
        coroutine.close()
    return heap, tasks


asyncio.run(main())
