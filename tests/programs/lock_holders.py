"""The loop's thread waits for a lock that another thread holds, in one way after the other. Each is held until one more byte comes
from --go.

A record of each: way, name (of the lock, as the module has it), holder (the thread's name), function (that it is in), how, start_ns, end_ns.
"""
import argparse
import asyncio
import os
import threading
import time

from records import Writer, add_handshake_options, open_channel, say_ready, wait_go

PLAIN = threading.Lock()
RECURSIVE = threading.RLock()
LOCKS = {"PLAIN": PLAIN, "RECURSIVE": RECURSIVE}


def holds_in_with(lock, taken, go):
    with lock:
        taken.set()
        os.read(go, 1)


def holds_by_call(lock, taken, go):
    lock.acquire()
    taken.set()
    os.read(go, 1)
    lock.release()


def waits_in_with(lock):
    with lock:
        pass


def waits_by_call(lock):
    lock.acquire()
    lock.release()


async def stall(name, holds, waits, how, writer, go):
    taken = threading.Event()
    thread = threading.Thread(target=holds, args=(LOCKS[name], taken, go), name="holder-of-" + name)
    thread.start()
    taken.wait()
    start = time.monotonic_ns()
    waits(LOCKS[name])
    end = time.monotonic_ns()
    thread.join()
    writer.write({"name": "__main__." + name, "holder": thread.name if how else None, "function": holds.__name__, "how": how,
                  "waits": waits.__name__, "start_ns": start, "end_ns": end})
    await asyncio.sleep(0.05)


async def main(options):
    say_ready(options.ready)
    await wait_go(options.go)
    writer, go = Writer(options.record), open_channel(options.go, os.O_RDWR)
    # The holder of a plain lock by acquire() is recorded nowhere, but its frame refers to the lock.
    for holds, waits, name, how in ((holds_in_with, waits_in_with, "PLAIN", "with"), (holds_in_with, waits_by_call, "PLAIN", "with"),
                                    (holds_in_with, waits_in_with, "RECURSIVE", "owner"),
                                    (holds_by_call, waits_by_call, "RECURSIVE", "owner"),
                                    (holds_by_call, waits_in_with, "PLAIN", "refers")):
        await stall(name, holds, waits, how, writer, go)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
