"""Tasks that start eagerly (3.12): each blocks in its eager part, inside its creator's step, and once more in an
ordinary step. Each line of --record is a time in which one blocked."""
import argparse
import asyncio
import time

from records import Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations


def block(writer):
    record = {"label": "eager", "expected_cause": "sleep", "single": False, "culprit": None}
    begin(record, 1, depth=2)
    time.sleep(0.06)
    end(record)
    writer.write(record)


def eager(coroutine, name):
    return asyncio.Task(coroutine, loop=asyncio.get_running_loop(), name=name, eager_start=True)


async def inner(writer):
    block(writer)
    await asyncio.sleep(0.001)
    block(writer)


async def outer(writer):
    block(writer)
    await asyncio.sleep(0.001)
    task = eager(inner(writer), "inner")
    await asyncio.sleep(0.001)
    await task
    await asyncio.sleep(0.001)
    block(writer)


async def main(options):
    say_ready(options.ready)
    await wait_go(options.go)
    writer = Writer(options.record)
    task = eager(outer(writer), "outer")
    await asyncio.sleep(0.001)
    await task


if __name__ == "__main__":
    watch_iterations()
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
