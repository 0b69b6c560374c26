"""A task that steps without end, by turns with bare yields and through futures, and knows the CPU time of its steps. With --go
ends, and writes to --record a line of JSON for each window of steps: its kind, their number, begin and end (CLOCK_MONOTONIC,
ns) and the CPU time of its thread. For the tests of what `aiotrace awaits --exact` says of its own cost."""
import argparse
import asyncio
import json
import time

from records import add_handshake_options, say_ready, wait_go

records = []


async def yields(loop, steps):
    for _ in range(steps):
        await asyncio.sleep(0)


async def futures(loop, steps):
    for _ in range(steps):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def timed(kind, loop, steps):
    begin, cpu = time.monotonic_ns(), time.thread_time_ns()
    await kind(loop, steps)
    cpu = time.thread_time_ns() - cpu
    records.append({"kind": kind.__name__, "steps": steps, "begin_ns": begin, "end_ns": time.monotonic_ns(),
                    "cpu_ns": cpu})


async def main(options):
    loop = asyncio.get_running_loop()
    going = loop.create_task(wait_go(options.go))
    said = False
    while not going.done():
        for kind in (yields, futures):
            if options.kind in (None, kind.__name__):
                await timed(kind, loop, options.steps)
        if not said and len(records) > options.windows:
            said = True
            say_ready(options.ready)
    # As many without the tracer afterwards: the machine's speed may have changed.
    for _ in range(options.windows // 2):
        for kind in (yields, futures):
            await timed(kind, loop, options.steps)
    with open(options.record, "w") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--kind", choices=["yields", "futures"])
    parser.add_argument("--steps", type=int, default=200, help="of a window")
    parser.add_argument("--windows", type=int, default=100, help="before it is ready, and after --go")
    asyncio.run(main(parser.parse_args()))
