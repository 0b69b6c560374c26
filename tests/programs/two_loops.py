"""Two loops in two threads, loop-1 and loop-2, that stall in turn and at the same time; the main thread has none."""
import argparse
import asyncio
import concurrent.futures.thread  # noqa: F401 (two threads would import it at the same time)
import threading
import time

from records import SOME, Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations


def sleep_in_first(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


def spin_in_second(record, seconds):
    deadline = time.thread_time_ns() + int(seconds * 1e9)
    begin(record, 1)
    while time.thread_time_ns() < deadline: sum(SOME)  # noqa: E701 (one line, so that its number is known)
    end(record)


async def stall(block, cause, number, options, writer):
    # Both at once: the sleeper also waits for the spinner's GIL.
    record = {"kind": block.__name__, "label": "stall-%d" % number, "expected_cause": cause,
              "single": not options.overlap}
    block(record, options.ms / 1000.0)
    await asyncio.sleep(0)  # the iteration is over, and its limits known
    writer.write(record)


async def meet(barrier):
    await asyncio.get_running_loop().run_in_executor(None, barrier.wait)


async def run_loop(index, options, writer, barrier):
    # loop-2 spins holding the GIL: its stalls are separate from loop-1's unless --overlap requests both at once. It
    # begins when loop-1 says that its own stall is over, not after a time: either may get its CPU late.
    block, cause = ((sleep_in_first, "sleep"), (spin_in_second, "python"))[index]
    await meet(barrier)
    if index == 0:
        say_ready(options.ready)
        await wait_go(options.go)
    await meet(barrier)
    for number in range(options.count):
        if not options.overlap:
            if index == 1:
                await meet(barrier)
            await asyncio.sleep(0.02)  # the other thread has left the barrier too
        await asyncio.create_task(stall(block, cause, number, options, writer),
                                  name="loop-%d-task-%d" % (index + 1, number))
        if not options.overlap and index == 0:
            await meet(barrier)
        await meet(barrier)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=5, help="stalls in each loop")
    parser.add_argument("--ms", type=float, default=80.0)
    parser.add_argument("--overlap", action="store_true", help="both loops stall at the same time")
    options = parser.parse_args()
    writer = Writer(options.record)
    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=lambda i=i: asyncio.run(run_loop(i, options, writer, barrier)),
                                name="loop-%d" % (i + 1)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
