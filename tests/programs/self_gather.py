"""A task that waits for a gather() whose children are itself, many times over. Writes a line to --ready and ends with --go.
For the tests of what walks along futures."""
import argparse
import asyncio
import os

from records import add_handshake_options, say_ready, wait_go


async def waits_for(future):
    await future


async def main(options):
    future = asyncio.gather(asyncio.get_running_loop().create_future())
    future._children = [future] * 2000
    task = asyncio.get_running_loop().create_task(waits_for(future))
    await asyncio.sleep(0)
    say_ready(options.ready)
    await wait_go(options.go)
    return task


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    options = parser.parse_args()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main(options))
    os._exit(0)  # to cancel the task would walk the children as well
