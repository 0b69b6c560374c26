"""A loop whose thread competes for the interpreter's lock with threads that compute: each of its wake-ups waits for it.

Prints a line for each interval: `work nanoseconds cpu_nanoseconds`; work is rounds of all threads and iterations of the loop.
"""
import argparse
import asyncio
import sys
import threading
import time

from records import add_handshake_options, say_ready

ROUND = 1000


def compute(work, number):
    while True:
        total = 0
        for i in range(ROUND):
            total += i
        work[number] += 1


async def tick(options, work):
    say_ready(options.ready)
    until = time.monotonic() + options.seconds
    interval = int(options.interval * 1e9)
    start, cpu, done = time.monotonic_ns(), time.process_time_ns(), sum(work)
    while True:
        await asyncio.sleep(0.0005)
        work[0] += 1
        now = time.monotonic_ns()
        if now - start >= interval:
            used, so_far = time.process_time_ns(), sum(work)
            sys.stdout.write("%d %d %d\n" % (so_far - done, now - start, used - cpu))
            sys.stdout.flush()
            if time.monotonic() >= until:
                return
            start, cpu, done = time.monotonic_ns(), time.process_time_ns(), sum(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--interval", type=float, default=0.5, help="seconds")
    parser.add_argument("--threads", type=int, default=3)
    options = parser.parse_args()
    work = [0] * (1 + options.threads)
    for number in range(1, len(work)):
        threading.Thread(target=compute, args=(work, number), daemon=True).start()
    asyncio.run(tick(options, work))


if __name__ == "__main__":
    main()
