"""Hangs for good in a callback, in one of several ways, until it is killed.

The record is written just before: `start_ns` when it began to hang, `poll_returned_ns` when the loop's poll had
returned, `culprit` as the program knows it, `others` {thread name: function} where other threads matter. `--ready` gets
a second line then: `hanging`.
"""
import argparse
import asyncio
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

from records import ClockedSelector, Writer, add_handshake_options, begin, open_channel, say_ready, wait_go, watch_iterations


class Hang:
    def __init__(self, options):
        self.options = options
        self.kept = []  # objects that must not be collected
        self.record = {"kind": options.kind, "expected_cause": CAUSES.get(options.kind, options.kind), "single": True,
                       "culprit": None, "others": {}, "end_ns": None}

    def mark(self, offset, depth=2):
        """The line `offset` below the call hangs."""
        begin(self.record, offset, depth=depth)
        self.record["poll_returned_ns"] = ClockedSelector.here.clock.returned_ns
        Writer(self.options.record).write(self.record)
        os.write(open_channel(self.options.ready), b"hanging\n")

    def in_sleep(self):
        self.mark(1)
        time.sleep(3600)

    def in_python(self):
        self.mark(1)
        while True: pass  # noqa: E701 (one line, so that its number is known)

    def on_lock(self):
        """Two locks, taken in opposite order by two threads."""
        first, second, taken = threading.Lock(), threading.Lock(), threading.Event()

        def take_in_other_order():
            second.acquire()
            taken.set()
            first.acquire()

        first.acquire()
        threading.Thread(target=take_in_other_order, name="other-order", daemon=True).start()
        taken.wait()
        self.record["others"] = {"other-order": "take_in_other_order"}
        self.mark(1)
        second.acquire()

    def silent_peer(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        self.record["culprit"] = {"protocol": "tcp", "local": "%s:%d" % client.getsockname(),
                                  "peer": "%s:%d" % client.getpeername()}
        self.kept.append(listener)
        return client

    def in_network(self):
        client = self.silent_peer()
        self.mark(1)
        client.recv(1)

    def in_poll(self):
        client, poller = self.silent_peer(), select.poll()
        poller.register(client, select.POLLIN)
        self.mark(1)
        poller.poll()

    def in_select(self):
        client = self.silent_peer()
        self.mark(1)
        select.select([client], [], [])

    def in_epoll(self):
        client, poller = self.silent_peer(), select.epoll()
        poller.register(client, select.EPOLLIN)
        self.mark(1)
        poller.poll()

    def in_connect(self):
        """Connects to a listener whose backlog is full: the socket itself has no peer yet."""
        path = os.path.join(tempfile.mkdtemp(dir=os.path.dirname(self.options.record)), "full.sock")
        self.connect(path, path)

    def in_connect_abstract(self):
        name = "full-%d" % os.getpid()
        self.connect("\0" + name, "@" + name)

    def connect(self, address, shown):
        listener, waiting, client = (socket.socket(socket.AF_UNIX) for _ in range(3))
        listener.bind(address)
        listener.listen(0)
        waiting.connect(address)
        self.kept += [listener, waiting]
        self.record["culprit"] = {"protocol": "unix", "peer": shown}
        self.mark(1)
        client.connect(address)

    def in_open(self):
        path = os.path.join(tempfile.mkdtemp(dir=os.path.dirname(self.options.record)), "nobody-writes.fifo")
        os.mkfifo(path)
        self.record["culprit"] = {"path": path, "op": "open"}
        self.mark(1)
        os.open(path, os.O_RDONLY)

    def in_read(self):
        path = os.path.join(tempfile.mkdtemp(dir=os.path.dirname(self.options.record)), "nobody-writes.fifo")
        os.mkfifo(path)
        file = os.open(path, os.O_RDWR)
        self.record["culprit"] = {"path": path, "op": "read"}
        self.mark(1)
        os.read(file, 1)

    def on_process(self):
        child = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        self.record["culprit"] = {"pid": child.pid}
        self.mark(1)
        os.waitpid(child.pid, 0)

    def on_gil(self):
        """Another thread's regular expression never releases it."""
        ready = threading.Event()

        def search_for_ever():
            ready.wait()
            re.match(r"(a+)+$", "a" * 60 + "b")

        holder = threading.Thread(target=search_for_ever, name="regex", daemon=True)
        holder.start()
        while holder.native_id is None:
            time.sleep(0.001)
        self.record["culprit"] = {"thread": "regex", "tid": holder.native_id}
        self.record["holder"] = search_for_ever.__qualname__ if hasattr(self.mark.__code__, "co_qualname") \
            else search_for_ever.__name__
        self.mark(2)
        ready.set()
        while True: time.sleep(0.01)  # noqa: E701 (one line; the holder may get a CPU later than this one wakes up)


WAYS = {"sleep": Hang.in_sleep, "python": Hang.in_python, "lock": Hang.on_lock, "network": Hang.in_network,
        "poll": Hang.in_poll, "select": Hang.in_select, "epoll": Hang.in_epoll,
        "connect": Hang.in_connect,
        "connect-abstract": Hang.in_connect_abstract, "open": Hang.in_open, "read": Hang.in_read, "process": Hang.on_process, "gil": Hang.on_gil}
CAUSES = {"connect": "network", "connect-abstract": "network",
          "open": "file", "read": "file", "poll": "network", "select": "network", "epoll": "network"}


async def hang(options):
    WAYS[options.kind](Hang(options))


async def run(options):
    say_ready(options.ready)
    await wait_go(options.go)
    await asyncio.get_running_loop().create_task(hang(options))


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--kind", choices=sorted(WAYS), default="sleep")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
