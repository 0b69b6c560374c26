"""Tasks that differ in their name, their function and its file, and time each await themselves. With --go ends, and writes to
--record a line of JSON for each await: its function, file and task, begin and end (CLOCK_MONOTONIC, ns)."""
import argparse
import asyncio
import json
import time

from records import add_handshake_options, say_ready, wait_go

done = []  # (function, file, task, begin_ns, end_ns)


def note(function, task, begin):
    done.append((function.__name__, function.__code__.co_filename, task, begin, time.monotonic_ns()))


async def fetches(task, seconds):
    while True:
        begin = time.monotonic_ns()
        await asyncio.sleep(seconds)
        note(fetches, task, begin)


async def stores(task, seconds):
    while True:
        begin = time.monotonic_ns()
        await asyncio.sleep(seconds)
        note(stores, task, begin)

LEDGER = """
async def books(task, seconds):
    while True:
        begin = time.monotonic_ns()
        await asyncio.sleep(seconds)
        note(books, task, begin)
"""
exec(compile(LEDGER, "/srv/payments/ledger.py", "exec"))  # noqa: S102 (a function of another file)


async def main(options):
    loop = asyncio.get_running_loop()
    tasks = []
    for number, function in enumerate((fetches, fetches, stores, stores, books)):  # noqa: F821
        name = "worker-%d" % number
        tasks.append(loop.create_task(function(name, 0.011 + 0.001 * number)))
        tasks[-1].set_name(name)
    await asyncio.sleep(0.05)
    say_ready(options.ready)
    await wait_go(options.go)
    for task in tasks:
        task.cancel()
    with open(options.record, "w") as file:
        for function, path, task, begin, end in done:
            file.write(json.dumps({"function": function, "file": path, "task": task, "begin_ns": begin,
                                   "end_ns": end}) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
