"""The most expensive loop: `await asyncio.sleep(0)` and nothing else.

Prints a line for each interval: `iterations nanoseconds cpu_nanoseconds`.
"""
import argparse
import asyncio
import sys
import time

from records import add_handshake_options, say_ready


async def spin(options):
    say_ready(options.ready)
    until = time.monotonic() + options.seconds
    interval = int(options.interval * 1e9)
    start, cpu = time.monotonic_ns(), time.process_time_ns()
    count = 0
    while True:
        for _ in range(200):
            await asyncio.sleep(0)
        count += 200
        now = time.monotonic_ns()
        if now - start >= interval:
            used = time.process_time_ns()
            sys.stdout.write("%d %d %d\n" % (count, now - start, used - cpu))
            sys.stdout.flush()
            if time.monotonic() >= until:
                return
            start, cpu, count = time.monotonic_ns(), time.process_time_ns(), 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--interval", type=float, default=0.5, help="seconds")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.SelectorEventLoop()
    loop.run_until_complete(spin(options))
    loop.close()


if __name__ == "__main__":
    main()
