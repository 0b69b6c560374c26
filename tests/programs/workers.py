"""A master process without a loop, like that of a forking server: --workers processes with a loop each run before it
is ready, --later more are forked after go. Each stalls --count times in a function of its own number's; its records
are in RECORD.N."""
import argparse
import asyncio
import os
import time

from records import Writer, add_handshake_options, begin, end, open_channel, say_ready, watch_iterations


def block_in_worker(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


async def stall(number, options, writer):
    record = {"kind": "sleep", "label": "stall-%d" % number, "expected_cause": "sleep", "single": True,
              "pid": os.getpid()}
    block_in_worker(record, options.ms / 1000.0)
    await asyncio.sleep(0)  # the iteration is over, and its limits known
    writer.write(record)


async def work(options, writer, running, go):
    loop = asyncio.get_running_loop()
    started = loop.create_future()
    loop.add_reader(go, lambda: started.done() or started.set_result(os.read(go, 1)))
    os.write(running, b".")
    await started
    loop.remove_reader(go)
    await asyncio.sleep(0.05)
    for number in range(options.count):
        await asyncio.create_task(stall(number, options, writer), name="task-%d" % number)
        await asyncio.sleep(0.02)


def fork_worker(index, options, running, go):
    pid = os.fork()
    if pid:
        return pid
    writer = Writer("%s.%d" % (options.record, index) if options.record else None)
    asyncio.run(work(options, writer, running, go))
    os._exit(0)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--later", type=int, default=0)
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--ms", type=float, default=80.0)
    options = parser.parse_args()
    running, of_worker = os.pipe()
    of_go, go = os.pipe()
    pids = [fork_worker(index, options, of_worker, of_go) for index in range(options.workers)]
    for _ in pids:
        os.read(running, 1)
    Writer(options.record)  # it has nothing to report itself
    say_ready(options.ready)
    os.read(open_channel(options.go, os.O_RDWR), 1)
    for _ in pids:
        os.write(go, b".")
    for index in range(options.later):
        pids.append(fork_worker(options.workers + index, options, of_worker, of_go))
        os.read(running, 1)
        os.write(go, b".")
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
