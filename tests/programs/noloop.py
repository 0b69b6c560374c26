"""No event loop until a byte comes on standard input; then a loop with --count stalls. End of input: ends without one."""
import argparse
import asyncio
import os
import time

from records import Writer, add_handshake_options, begin, end, say_ready, watch_iterations


def block_sleep(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


async def run(options, writer):
    # The loop polls a few times before its first stall, so that a waiting tracer can see it.
    for number in range(options.count):
        await asyncio.sleep(options.gap / 1000.0)
        record = {"kind": "sleep", "label": "stall-%d" % number, "expected_cause": "sleep", "single": True}
        block_sleep(record, options.ms / 1000.0)
        await asyncio.sleep(0)
        writer.write(record)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--ms", type=float, default=100.0)
    parser.add_argument("--gap", type=float, default=100.0, help="ms before each stall")
    options = parser.parse_args()
    writer = Writer(options.record)
    say_ready(options.ready)
    if os.read(0, 1):
        asyncio.run(run(options, writer))


if __name__ == "__main__":
    main()
