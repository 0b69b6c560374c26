"""Stalls inside greenlets, as SQLAlchemy's AsyncSession runs the calls of its drivers: new ones, deep ones, nested
ones, and one that was suspended and continued at another depth of the C stack.

--kinds names them, --rounds says how often. Each line of --record is a stall, its stack with the frames of the parents.
"""
import argparse
import asyncio
import sys
import time

import greenlet

from records import Writer, add_handshake_options, begin, end, say_ready, stack_of, wait_go, watch_iterations

OUTPUT = None
DEEP = 12
SECONDS = 0.1


def block(below):
    """`below`: the stack of the greenlets that wait for this one."""
    record = {"kind": "greenlet", "expected_cause": "sleep", "single": True}
    begin(record, 2)
    record["stack"] += below
    time.sleep(SECONDS)
    end(record)
    OUTPUT.write(record)


def fresh(below):
    block(below)


def deep(below, depth=DEEP):
    if depth:
        deep(below, depth - 1)
    else:
        block(below)


def nested(below):
    whole = stack_of(sys._getframe()) + below
    whole[0][2] += 2
    greenlet.greenlet(fresh).switch(whole)


def resumed(below, depth=DEEP):
    if depth:
        resumed(below, depth - 1)
        return
    for _ in range(3):
        below = greenlet.getcurrent().parent.switch(asyncio.sleep(0.01))
    block(below)


KINDS = {"fresh": fresh, "deep": deep, "nested": nested, "resumed": resumed}


def below_switch(frame):
    """The stack during the switch on the next line."""
    stack = stack_of(frame)
    stack[0][2] += 1
    return stack


async def spawn(function):
    glet = greenlet.greenlet(function)
    below = below_switch(sys._getframe())
    awaitable = glet.switch(below)
    while not glet.dead:
        await awaitable
        below = below_switch(sys._getframe())
        awaitable = glet.switch(below)


async def deeper(function, depth):
    if depth:
        await deeper(function, depth - 1)
    else:
        await spawn(function)


async def beside():
    """Other greenlets of the same thread take turns during that time."""
    while True:
        await spawn(lambda below: greenlet.getcurrent().parent.switch(asyncio.sleep(0.003)))


async def run(options):
    tasks = [asyncio.get_running_loop().create_task(beside())]
    say_ready(options.ready)
    await wait_go(options.go)
    for round in range(options.rounds):
        for kind in options.kinds.split(","):
            await asyncio.create_task(deeper(KINDS[kind], 3 * round), name="%s-%d" % (kind, round))
            await asyncio.sleep(0.03)
    for task in tasks:
        task.cancel()


def main():
    global OUTPUT
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    OUTPUT = Writer(options.record)
    if options.loop == "uvloop":
        import uvloop

        uvloop.install()
    else:
        watch_iterations()
    asyncio.run(run(options))


main()
