"""A thread that collects garbage all the time, with finalizers that release the GIL to other threads; the loop
computes at the same time. Each line of --record is a time in which it did."""
import argparse
import asyncio
import gc
import threading

from records import Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations

STALLS = 4


class Node:
    def __del__(self):
        total = 0
        for number in range(3000):
            total += number


def churn():
    while True:
        for _ in range(300):
            node = Node()
            node.me = node
        gc.collect()


def compute():
    total = 0
    for number in range(1_500_000):
        total += number
    return total


def step(writer):
    record = {"label": "beside a collection", "expected_cause": "python"}
    begin(record, 1)
    compute()
    end(record)
    writer.write(record)


async def main(options):
    gc.disable()  # the loop's thread never collects
    say_ready(options.ready)
    await wait_go(options.go)
    writer = Writer(options.record)
    threading.Thread(target=churn, name="churn", daemon=True).start()
    for _ in range(STALLS):
        await asyncio.sleep(0.02)
        step(writer)


if __name__ == "__main__":
    watch_iterations()
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
