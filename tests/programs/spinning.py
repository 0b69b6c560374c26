"""A loop that never waits: --kind pipe (its own wake-up socket is at end of file), task (a task that yields and
continues) or callback (a callback that asks to be called again); --kind work: it always has work, each time for
another one of many sockets. The `ready` line is followed by one of JSON with what it calls."""
import argparse
import asyncio
import json
import os
import socket

from records import add_handshake_options, open_channel, say_ready


async def busy():
    while True:
        await asyncio.sleep(0)  # line: task


def again(loop):
    loop.call_soon(again, loop)


def work(loop):
    """A byte goes round: the receiver passes it on."""
    pairs = [socket.socketpair() for _ in range(16)]

    def hand_on(at):
        pairs[at][1].recv(1)
        pairs[(at + 1) % len(pairs)][0].send(b"x")

    for at, (_, end) in enumerate(pairs):
        loop.add_reader(end, hand_on, at)
    pairs[0][0].send(b"x")


def line_of(mark):
    with open(__file__) as source:
        return next(number for number, text in enumerate(source, 1) if text.rstrip().endswith("# line: " + mark))


async def main(options):
    loop = asyncio.get_running_loop()
    said = {"fd": None, "task": None, "callback": None, "line": None}
    if options.kind == "pipe":
        said.update(fd=loop._ssock.fileno(), callback="_read_from_self")
        loop._csock.shutdown(1)
    elif options.kind == "task":
        said.update(task="spinner", line=line_of("task"))
        spinner = loop.create_task(busy())
        spinner.set_name("spinner")
    elif options.kind == "work":
        work(loop)
    else:
        said.update(callback="again", line=again.__code__.co_firstlineno)
        loop.call_soon(again, loop)
    say_ready(options.ready)
    os.write(open_channel(options.ready), (json.dumps(said) + "\n").encode())
    await loop.create_future()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--kind", choices=("pipe", "task", "callback", "work"), required=True)
    asyncio.run(main(parser.parse_args()))
