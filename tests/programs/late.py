"""Tasks that are ready while the loop is kept busy, for a time that the program knows: their future is set
(`set-N`), they are made (`made-N`), the task that they await ends (`joins-N`), or their sleep is due (`due-N`), and
then the loop is blocked. With --go ends, and writes to --record a line of JSON for each: the task's name, when it
could have run and when it ran (CLOCK_MONOTONIC, ns)."""
import argparse
import asyncio
import itertools
import json
import time

from records import add_handshake_options, say_ready, wait_go

records = []
BUSY_MS = (4, 8, 8, 16, 30)


def note(name, ready, ran):
    records.append({"task": name, "ready_ns": ready, "ran_ns": ran})


def named(loop, coroutine, name):
    task = loop.create_task(coroutine)
    task.set_name(name)
    return task


async def waits_for(name, future):
    ready = await future
    note(name, ready, time.monotonic_ns())


async def starts(name, ready):
    note(name, ready, time.monotonic_ns())


async def ends():
    await asyncio.sleep(0)
    return time.monotonic_ns()


async def joins(name, task):
    ready = await task
    note(name, ready, time.monotonic_ns())


async def sleeps(name, seconds):
    due = time.monotonic() + seconds
    await asyncio.sleep(seconds)
    note(name, int(1e9 * due), time.monotonic_ns())


async def makes_late(loop, round_number):
    """One of each kind, and the loop is blocked as soon as it could run."""
    busy = itertools.cycle(BUSY_MS)
    for _ in range(round_number % len(BUSY_MS)):
        next(busy)
    future = loop.create_future()
    waiter = named(loop, waits_for("set-%d" % round_number, future), "set-%d" % round_number)
    await asyncio.sleep(0.001)
    future.set_result(time.monotonic_ns())
    time.sleep(next(busy) / 1000)
    await waiter

    name = "made-%d" % round_number
    task = loop.create_task(starts(name, time.monotonic_ns()))
    task.set_name(name)
    time.sleep(next(busy) / 1000)
    await task

    name = "due-%d" % round_number
    task = named(loop, sleeps(name, 0.002), name)
    await asyncio.sleep(0.001)
    time.sleep(next(busy) / 1000)
    await task

    # The first callback at the task's end blocks, so the task that awaits it is late.
    ended = named(loop, ends(), "ended-%d" % round_number)
    name = "joins-%d" % round_number
    joined = named(loop, joins(name, ended), name)
    pause = next(busy) / 1000
    ended.add_done_callback(lambda _: time.sleep(pause))
    await joined


async def main(options):
    loop = asyncio.get_running_loop()
    going = loop.create_task(wait_go(options.go))
    for number in itertools.count():
        await makes_late(loop, number)
        if number == 2:
            say_ready(options.ready)
        if going.done():
            break
    with open(options.record, "w") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
