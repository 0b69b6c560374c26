"""One iteration in two parts: aiotrace attaches during the second part, which SIGUSR1 ends.

`--ready` gets the line `second` when the second part begins. The record: `poll_returned_ns` when the iteration began,
`second_ns` when its second part did, `end_ns` when that was over.
"""
import argparse
import asyncio
import os
import signal
import time

from records import ClockedSelector, Writer, add_handshake_options, open_channel, say_ready, wait_go, watch_iterations

FIRST_S = 0.3


class Over(Exception):
    pass


def stop(*_):
    raise Over


def compute(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(5000))


PARTS = {"sleep": time.sleep, "python": compute}


async def two_parts(options):
    record = {"poll_returned_ns": ClockedSelector.here.clock.returned_ns}
    PARTS[options.first](FIRST_S)
    record["second_ns"] = time.monotonic_ns()
    os.write(open_channel(options.ready), b"second\n")
    try:
        PARTS[options.second](3600)
    except Over:
        record["end_ns"] = time.monotonic_ns()
    Writer(options.record).write(record)


async def run(options):
    signal.signal(signal.SIGUSR1, stop)
    say_ready(options.ready)
    await wait_go(options.go)
    await asyncio.get_running_loop().create_task(two_parts(options))
    await asyncio.sleep(0)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--first", choices=sorted(PARTS), default="sleep")
    parser.add_argument("--second", choices=sorted(PARTS), default="python")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
