"""One of many short-lived processes: stalls about every second, leaks now and then, and writes each stall to
--record (`{"pid", "start_ns", "end_ns"}`, CLOCK_MONOTONIC) as soon as it is over. Ends after --seconds."""
import argparse
import asyncio
import ctypes
import json
import os
import random
import time

from records import add_handshake_options, say_ready

LEAKED = []


async def never_awaited():
    pass


async def main(options):
    say_ready(options.ready)
    file = os.open(options.record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        await asyncio.sleep(random.uniform(0.3, 1.0))
        start = time.monotonic_ns()
        time.sleep(random.uniform(0.08, 0.15))
        end = time.monotonic_ns()
        os.write(file, json.dumps({"pid": os.getpid(), "start_ns": start, "end_ns": end}).encode() + b"\n")
        LEAKED.append(never_awaited())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(15, b"aiotrace-soak")  # PR_SET_NAME
    asyncio.run(main(arguments))
    os._exit(0)  # without a warning for each of LEAKED
