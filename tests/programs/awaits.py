"""Tasks that wait at known lines and time each await themselves. With --go ends, and writes to --record a line of JSON for
each await: its site, the number of that line, begin and end (CLOCK_MONOTONIC, ns). For the tests of `aiotrace awaits`."""
import argparse
import asyncio
import json
import time

from records import add_handshake_options, say_ready, wait_go

done = []  # (site, begin_ns, end_ns)
going_on = {}  # (site, begin_ns)


class Timed:
    """`with Timed("site"):` around one await."""

    def __init__(self, site):
        self.site = site

    def __enter__(self):
        going_on[id(self)] = (self.site, time.monotonic_ns())

    def __exit__(self, *error):
        done.append(going_on.pop(id(self)) + (time.monotonic_ns(),))


async def sleeper(seconds, site):
    while True:
        with Timed(site):
            await asyncio.sleep(seconds)  # line: sleeper


async def taker(queue):
    while True:
        with Timed("queue"):
            await queue.get()  # line: queue


async def giver(queue):
    while True:
        with Timed("giver"):
            await asyncio.sleep(0.08)  # line: giver
        queue.put_nowait(1)


async def inner(event):
    await event.wait()  # line: event


async def outer(event):
    with Timed("event"):
        await inner(event)


async def locked(lock):
    while True:
        with Timed("lock"):
            await lock.acquire()  # line: lock
        with Timed("holder"):
            await asyncio.sleep(0.03)  # line: holder
        lock.release()


def lines():
    with open(__file__) as source:
        return {text.split("# line: ")[1].strip(): number for number, text in enumerate(source, 1)
                if "  # line: " in text}


async def main(options):
    loop = asyncio.get_running_loop()
    queue, event, lock = asyncio.Queue(), asyncio.Event(), asyncio.Lock()
    tasks = [loop.create_task(coroutine) for coroutine in (
        [sleeper(0.15 + 0.01 * i, "sleeper") for i in range(options.tasks)]
        + [taker(queue), giver(queue), outer(event), locked(lock), locked(lock), locked(lock)])]
    await asyncio.sleep(0.05)  # each task has come to its await
    say_ready(options.ready)
    await wait_go(options.go)
    now, line_of = time.monotonic_ns(), lines()
    with open(options.record, "w") as file:
        for site, begin, end in done + [one + (now,) for one in going_on.values()]:
            file.write(json.dumps({"site": site, "line": line_of[site], "begin_ns": begin, "end_ns": end}) + "\n")
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    if arguments.uvloop:
        import uvloop
        uvloop.install()
    asyncio.run(main(arguments))
