"""A stall below many frames: time.sleep, then a spin, each at the bottom of --depth nested calls."""
import argparse
import asyncio
import sys
import time

from records import SOME, Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations


def descend(depth, bottom, record, seconds):
    if depth > 1:
        return descend(depth - 1, bottom, record, seconds)
    return bottom(record, seconds)


def bottom_sleep(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


def bottom_spin(record, seconds):
    deadline = time.thread_time_ns() + int(seconds * 1e9)
    begin(record, 1)
    while time.thread_time_ns() < deadline: sum(SOME)  # noqa: E701 (one line, so that its number is known)
    end(record)


async def stall(options, writer, bottom, cause):
    record = {"kind": bottom.__name__, "expected_cause": cause, "single": True, "depth": options.depth}
    descend(options.depth, bottom, record, options.ms / 1000.0)
    await asyncio.sleep(0.002)
    writer.write(record)


async def run(options):
    writer = Writer(options.record)
    say_ready(options.ready)
    await wait_go(options.go)
    await asyncio.create_task(stall(options, writer, bottom_sleep, "sleep"), name="deep-sleep")
    await asyncio.create_task(stall(options, writer, bottom_spin, "python"), name="deep-spin")


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--depth", type=int, default=200, help="nested calls of one function above the blocking one")
    parser.add_argument("--ms", type=float, default=100.0)
    options = parser.parse_args()
    sys.setrecursionlimit(max(1000, options.depth + 200))
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
