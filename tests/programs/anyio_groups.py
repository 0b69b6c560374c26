"""Task groups of anyio, one inside of another, whose tasks sleep. When all wait, writes to --ready one line of JSON: the
tasks that each parent waits for, by their names. Ends with --go."""
import argparse
import asyncio
import json
import os

import anyio
from records import add_handshake_options, wait_go


async def child():
    await anyio.sleep(3600)


async def inner():
    async with anyio.create_task_group() as group:
        for i in range(3):
            group.start_soon(child, name="child-%d" % i)


async def outer():
    async with anyio.create_task_group() as group:
        group.start_soon(inner, name="inner")


async def main(options):
    parent = asyncio.ensure_future(outer())
    parent.set_name("outer")
    await anyio.wait_all_tasks_blocked()
    said = {"outer": ["inner"], "inner": ["child-%d" % i for i in range(3)]}
    with open(options.ready, "w") as ready:
        ready.write(json.dumps(said) + "\n")
    await wait_go(options.go)
    os._exit(0)


def run():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    anyio.run(main, parser.parse_args())


run()
