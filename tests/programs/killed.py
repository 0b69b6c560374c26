"""Stalls for a very long time, in its sleep or on its CPU: to be killed there, or to be seen as a stall that goes on.

The record has no end_ns: it is written before the stall. `--ready` gets a second line just before it: `stalling`.
"""
import argparse
import asyncio
import os
import time

from records import SOME, Writer, add_handshake_options, begin, open_channel, say_ready, wait_go


def hang_in_sleep(record, writer, seconds):
    begin(record, 2)
    writer.write(record)
    time.sleep(seconds)


def hang_on_cpu(record, writer, seconds):
    deadline = time.thread_time_ns() + int(seconds * 1e9)
    begin(record, 2)
    writer.write(record)
    while time.thread_time_ns() < deadline: sum(SOME)  # noqa: E701 (one line, so that its number is known)


async def hang(options):
    block = {"sleep": hang_in_sleep, "python": hang_on_cpu}[options.kind]
    record = {"kind": options.kind, "expected_cause": options.kind, "single": True, "end_ns": None}
    if options.ready:
        os.write(open_channel(options.ready), b"stalling\n")
    block(record, Writer(options.record), options.seconds)


async def run(options):
    say_ready(options.ready)
    await wait_go(options.go)
    await asyncio.create_task(hang(options), name="hanging")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--kind", choices=("sleep", "python"), default="sleep")
    parser.add_argument("--seconds", type=float, default=3600.0)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
