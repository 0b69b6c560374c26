"""Tasks of classes that are not asyncio.Task itself. When all wait, writes to --ready one line of JSON: the names of
the tasks that asyncio knows, and those of them that wait for what nobody has. Ends with --go."""
import argparse
import asyncio
import json

import pure_asyncio
from records import add_handshake_options, open_channel, wait_go

kept = []


async def inner(future):
    await future


async def waits(future):
    await inner(future)


async def sleeps():
    while True:
        await asyncio.sleep(1000)


def names(tasks):
    return sorted(task.get_name() for task in tasks)


def make(loop, mode, coroutine, name):
    classes = {"custom": pure_asyncio.PythonTask, "mixin": pure_asyncio.MixedTask, "slots": pure_asyncio.SlottedTask}
    if mode in classes:
        kept.append(classes[mode](coroutine, loop=loop))
    else:
        kept.append(loop.create_task(coroutine))
    kept[-1].set_name(name)
    return kept[-1]


async def main(options):
    loop = asyncio.get_running_loop()
    if options.mode == "factory":
        loop.set_task_factory(pure_asyncio.python_factory)
    stuck = [make(loop, options.mode, waits(loop.create_future()), "stuck-%d" % i) for i in range(3)]
    make(loop, options.mode, sleeps(), "sleeps")
    parent = make(loop, options.mode, asyncio.wait(stuck[:2]), "parent")
    await asyncio.sleep(0.05)
    # Since 3.14 asyncio's own list lacks those that are written in Python.
    everything = asyncio.all_tasks() | set(kept)
    said = {"tasks": names(everything), "stuck": names(stuck), "class": type(parent).__name__,
            "parent": names(stuck[:2])}
    loop.call_later(0.05, lambda: write_ready(options, said))
    await wait_go(options.go)


def write_ready(options, said):
    with open(options.ready, "w") as ready:
        ready.write(json.dumps(said) + "\n")


def run():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--mode", required=True,
                        choices=("custom", "mixin", "slots", "factory", "patched", "loop"))
    options = parser.parse_args()
    if options.mode == "patched":
        pure_asyncio.patch_like_nested_loops()
    loop = pure_asyncio.OwnLoop() if options.mode == "loop" else asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main(options))
    task.set_name("main")
    kept.append(task)
    loop.run_until_complete(task)


run()
