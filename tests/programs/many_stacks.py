"""Iterations of many short sleeps, each sleep in a stack that was not there before."""
import argparse
import asyncio
import time

from records import add_handshake_options, say_ready, wait_go

FUNCTIONS, LINES = 100, 120
FUNCTION = "async def step_%d():\n" + LINES * "    sleep(seconds)\n"


async def main(options):
    names = {"sleep": time.sleep, "seconds": 2e-4}
    exec(compile("".join(FUNCTION % number for number in range(FUNCTIONS)), "/srv/steps.py", "exec"), names)  # noqa: S102
    say_ready(options.ready)
    await wait_go(options.go)
    for number in range(FUNCTIONS):
        await names["step_%d" % number]()
        await asyncio.sleep(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
