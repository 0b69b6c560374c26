"""A task blocks its loop while callbacks are ready and timers come due; it records the number of each.

A record of each stall: way, tasks, timers (of asyncio's loop; null of uvloop's, which are not read), timers_late_ns, start_ns, end_ns.
"""
import argparse
import asyncio
import math
import time

from records import Writer, add_handshake_options, say_ready, wait_go

LENGTH_S = 0.12
DUE_S = 0.02


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


WAYS = {"sleeps": time.sleep, "spins": spin}


async def stall(way, ready, timers, writer, uvloop):
    """The callbacks are behind this task's step in the loop's queue; the timers come due during the step."""
    loop = asyncio.get_running_loop()
    due = loop.time() + DUE_S
    for i in range(timers):
        loop.call_at(due + 0.0001 * (i % 100), int)
        # Cancelled timers stay in the heap until they are due; later timers are not due.
        loop.call_at(due, int).cancel()
        loop.call_at(due + 60, int)
    # Of whole seconds, as aiohttp's timeouts are: a number of another type.
    loop.call_at(math.ceil(due) + 3600, int)
    for _ in range(ready):
        loop.call_soon(int)
    start = time.monotonic_ns()
    WAYS[way](LENGTH_S)
    end = time.monotonic_ns()
    # The loop may still need time for the callbacks before it polls.
    writer.write({"way": way, "tasks": ready, "timers": None if uvloop else timers,
                  "timers_late_ns": end - int(due * 1e9) if timers else 0, "start_ns": start, "end_ns": end})
    await asyncio.sleep(0.05)


async def main(options):
    say_ready(options.ready)
    await wait_go(options.go)
    writer = Writer(options.record)
    # Enough time for aiotrace to find the loop's queues.
    await asyncio.sleep(0.2)
    for way, ready, timers in (("sleeps", 0, 0), ("sleeps", 10, 0), ("spins", 100, 20), ("sleeps", 1000, 5), ("spins", 10000, 200)):
        await stall(way, ready, timers, writer, options.loop == "uvloop")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    given = parser.parse_args()
    if given.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main(given))
