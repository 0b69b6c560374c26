"""Managers that lead to themselves: stacks that contain each other, hundreds of times, and a generator inside a stack
that contains its own manager. A reader that follows every path never ends.

Behind the `ready` line comes one JSON object:
    holder, waiter  of a lock, each the name of a task
    in_time         names of two tasks that wait for what the other one holds, until a timeout behind all stacks ends it
"""
import argparse
import asyncio
import contextlib
import json
import os

from records import add_handshake_options, open_channel, say_ready

STACKS = 8
TIMES = 32


class EndsByTimeout:
    """Cancels the task that is inside of it."""

    def __init__(self, task):
        self.timer = asyncio.get_running_loop().call_later(3600, task.cancel)

    def __enter__(self):
        pass

    def __exit__(self, *error):
        self.timer.cancel()


def stacks_in_each_other():
    stacks = [contextlib.ExitStack() for _ in range(STACKS)]
    for stack in stacks:
        for _ in range(TIMES):
            for inner in stacks:
                stack.push(inner)
    return stacks


@contextlib.contextmanager
def inside(stack):
    with stack, stack:
        yield


def generator_in_itself():
    stack = contextlib.ExitStack()
    manager = inside(stack)
    for _ in range(TIMES):
        stack.push(manager)
    return manager


async def holds(lock):
    with generator_in_itself():
        with stacks_in_each_other()[0]:
            async with lock:
                await asyncio.sleep(3600)


async def wants(lock):
    async with lock:
        pass


async def holds_and_wants(own, other, met):
    stack, behind = contextlib.ExitStack(), contextlib.ExitStack()
    behind.push(EndsByTimeout(asyncio.current_task()))
    for inner in [*stacks_in_each_other(), behind]:
        stack.push(inner)
    with stack:
        async with own:
            await met.wait()
            async with other:
                pass


async def main(arguments):
    lock, first, second, met = asyncio.Lock(), asyncio.Lock(), asyncio.Lock(), asyncio.Event()
    kept = [asyncio.create_task(each, name=name) for name, each in {
        "holder": holds(lock), "waiter": wants(lock), "one": holds_and_wants(first, second, met),
        "other": holds_and_wants(second, first, met)}.items()]
    for _ in range(5):
        await asyncio.sleep(0)
    met.set()
    for _ in range(5):
        await asyncio.sleep(0)
    say_ready(arguments.ready)
    said = {"holder": "holder", "waiter": "waiter", "in_time": ["one", "other"]}
    os.write(open_channel(arguments.ready), json.dumps(said).encode() + b"\n")
    await asyncio.sleep(3600)
    del kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
