"""Stalls in the very first iterations of its loop, before a tracer can know that there is a loop."""
import argparse
import asyncio
import time

from records import SOME, Writer, begin, end, watch_iterations


def load_configuration(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


def build_index(record, seconds):
    deadline = time.thread_time_ns() + int(seconds * 1e9)
    begin(record, 1)
    while time.thread_time_ns() < deadline: sum(SOME)  # noqa: E701 (one line, so that its number is known)
    end(record)


async def start_up(options):
    first = {"kind": "first", "expected_cause": "sleep", "single": True}
    second = {"kind": "second", "expected_cause": "python", "single": True}
    load_configuration(first, options.ms / 1000.0)
    await asyncio.sleep(0)
    build_index(second, options.ms / 1000.0)
    await asyncio.sleep(0)
    writer = Writer(options.record)
    writer.write(first)
    writer.write(second)
    await asyncio.sleep(0.01)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record")
    parser.add_argument("--ms", type=float, default=120.0)
    parser.add_argument("--status", type=int, default=0, help="exit status")
    options = parser.parse_args()
    asyncio.run(start_up(options))
    raise SystemExit(options.status)


if __name__ == "__main__":
    main()
