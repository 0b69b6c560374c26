"""Computes without end in functions of known shares, for `make bench`: what a profiler finds, and what it costs.

Prints a line for each interval: `work nanoseconds cpu_nanoseconds longest_pause heavy middle light`; the pause is the longest
time in which the program could not go on, the last three are the CPU time of its functions in ns.
"""
import argparse
import random
import sys
import time

from records import add_handshake_options, say_ready

cpu_ns = {"heavy": 0, "middle": 0, "light": 0}
work = 0
longest_ns = 0


def burn(turns):
    """Some microseconds a turn."""
    global work, longest_ns
    before = time.monotonic_ns()
    number = 0
    for _ in range(turns):
        for each in range(100):
            number = number * 31 + each & 0xffff
        now = time.monotonic_ns()
        if now - before > longest_ns:
            longest_ns = now - before
        before = now
    work += turns


def heavy():
    burn(random.randrange(300, 900))


def middle():
    burn(random.randrange(200, 400))


def light():
    burn(random.randrange(50, 150))


def main():
    global longest_ns, work
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--interval", type=float, default=0.2, help="seconds")
    options = parser.parse_args()
    interval = int(options.interval * 1e9)
    say_ready(options.ready)
    start, cpu = time.monotonic_ns(), time.thread_time_ns()
    while True:
        function = random.choice((heavy, middle, light))
        begin = time.thread_time_ns()
        function()
        cpu_ns[function.__name__] += time.thread_time_ns() - begin
        now = time.monotonic_ns()
        if now - start < interval:
            continue
        used = time.thread_time_ns()
        sys.stdout.write("%d %d %d %d %d %d %d\n" % (work, now - start, used - cpu, longest_ns, *cpu_ns.values()))
        sys.stdout.flush()
        for name in cpu_ns:
            cpu_ns[name] = 0
        work = longest_ns = 0
        start, cpu = time.monotonic_ns(), time.thread_time_ns()


if __name__ == "__main__":
    main()
