"""Tasks that sleep at many sites, each site for another time, for `make bench` of `aiotrace awaits`. With --go ends, and writes
to --record a line of JSON for each site: its line, and the begins and ends of its awaits (CLOCK_MONOTONIC, ns)."""
import argparse
import asyncio
import json
import os
import random
import time

from records import add_handshake_options, say_ready, wait_go

FILE = "/srv/sites.py"
SITE = """
async def site_%d(seconds, begins, ends):
    while True:
        begins.append(now())
        await sleep(uniform(0.5, 1.5) * seconds)
        ends.append(now())
"""
SITE_LINES, LINE_OF_AWAIT = SITE.count("\n"), 5


async def main(options):
    loop = asyncio.get_running_loop()
    names = {"now": time.monotonic_ns, "sleep": asyncio.sleep, "uniform": random.uniform}
    exec(compile("".join(SITE % number for number in range(options.sites)), FILE, "exec"), names)  # noqa: S102
    awaits = [[] for _ in range(options.sites)]  # of each task the begins and the ends
    for number in range(options.tasks):
        site = number % options.sites
        begins, ends = [], []
        awaits[site].append((begins, ends))
        seconds = options.shortest * (options.longest / options.shortest) ** (site / max(1, options.sites - 1))
        loop.create_task(names["site_%d" % site](seconds, begins, ends))
    await asyncio.sleep(0.1)
    say_ready(options.ready)
    await wait_go(options.go)
    now = time.monotonic_ns()
    with open(options.record, "w") as file:
        for site, tasks in enumerate(awaits):
            spans = [span for begins, ends in tasks for span in zip(begins, ends + [now])]
            file.write(json.dumps({"line": SITE_LINES * site + LINE_OF_AWAIT, "spans": spans}) + "\n")
    os._exit(0)  # to end so many tasks takes long


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--shortest", type=float, default=0.05, help="mean of an await at the first site, in seconds")
    parser.add_argument("--longest", type=float, default=3, help="at the last site")
    asyncio.run(main(parser.parse_args()))
