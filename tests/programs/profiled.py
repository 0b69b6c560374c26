"""The target for tests of `aiotrace profile`. `--kind busy`: tasks and a thread that compute in known functions, and
count the CPU time of each; `--kind waits`: tasks and a thread that wait at known lines. With --go ends, and writes
to --record a line of JSON for each call: its function or site, begin and end (CLOCK_MONOTONIC, ns) and its time on a
CPU."""
import argparse
import asyncio
import json
import os
import random
import socket
import sys
import threading
import time

from records import add_handshake_options, open_channel, say_ready, wait_go

LONG_S = 1.5
records = []
stopped = threading.Event()


def burn(seconds):
    end = time.thread_time_ns() + int(1e9 * seconds)
    number = 0
    while time.thread_time_ns() < end:
        for each in range(200):
            number = number * 31 + each & 0xffff


def heavy():
    burn(random.uniform(0.004, 0.008))


def middle():
    burn(random.uniform(0.002, 0.004))


def light():
    burn(random.uniform(0.0005, 0.0015))


def threaded():
    burn(random.uniform(0.002, 0.004))


def timed(function):
    begin, cpu = time.monotonic_ns(), time.thread_time_ns()
    function()
    records.append({"function": function.__name__, "begin_ns": begin, "end_ns": time.monotonic_ns(),
                    "cpu_ns": time.thread_time_ns() - cpu})


async def computes(function):
    while not stopped.is_set():
        timed(function)
        await asyncio.sleep(0)


def computes_in_thread():
    while not stopped.is_set():
        timed(threaded)


def waited(site, wait):
    cpu, begin = time.thread_time_ns(), time.monotonic_ns()
    wait()
    end, cpu = time.monotonic_ns(), time.thread_time_ns() - cpu
    records.append({"site": site, "begin_ns": begin, "end_ns": end, "cpu_ns": cpu})


def sleeps():
    waited("sleep", lambda: time.sleep(0.012))


class Peer(threading.Thread):
    """Provides the results that others wait for, some milliseconds late."""

    def __init__(self):
        super().__init__(name="peer", daemon=True)
        self.here, self.there = socket.socketpair()
        self.out, self.into = os.pipe()
        self.lock = threading.Lock()
        self.lock.acquire()

    def run(self):
        while not stopped.is_set():
            time.sleep(0.007)
            self.there.send(b"x")
            time.sleep(0.005)
            os.write(self.into, b"x")
            time.sleep(0.006)
            if self.lock.locked():  # without a GIL the other may not have taken it again
                self.lock.release()


def receives(peer):
    waited("network", lambda: peer.here.recv(1))


def reads(peer):
    waited("pipe", lambda: os.read(peer.out, 1))


def locks(peer):
    waited("lock", lambda: peer.lock.acquire(True, 1))


def waits_in_thread(peer):
    while not stopped.is_set():
        receives(peer)
        reads(peer)
        locks(peer)


async def waits():
    while not stopped.is_set():
        sleeps()
        await asyncio.sleep(0.01)


def say(channel, line):
    if channel:
        os.write(open_channel(channel), line)


async def main(options):
    loop = asyncio.get_running_loop()
    if options.kind == "busy":
        tasks = [loop.create_task(computes(function)) for function in (heavy, middle, light)]
        for task in tasks:
            task.set_name("task-" + str(tasks.index(task)))
        threads = [threading.Thread(target=computes_in_thread, name="computer")]
    else:
        peer = Peer()
        tasks = [loop.create_task(waits())]
        threads = [peer, threading.Thread(target=waits_in_thread, args=(peer,), name="waiter")]
    for thread in threads:
        thread.start()
    await asyncio.sleep(0.02)
    say_ready(options.ready)
    # Writes one more line each time it has run for this long.
    def say_long():
        say(options.ready, b"long\n")
        loop.call_later(LONG_S, say_long)

    loop.call_later(LONG_S, say_long)
    await wait_go(options.go)
    stopped.set()
    for thread in threads:
        thread.join()
    await asyncio.gather(*tasks)
    with open(options.record, "w") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--kind", choices=["busy", "waits"], default="busy")
    parser.add_argument("--comm", help="the process's name")
    parser.add_argument("--status", type=int, default=0, help="of its end")
    arguments = parser.parse_args()
    if arguments.comm:
        with open("/proc/self/comm", "w") as file:
            file.write(arguments.comm)
    asyncio.run(main(arguments))
    sys.exit(arguments.status)
