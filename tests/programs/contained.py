"""Stalls whose culprits have different names inside and outside of a container: files, sockets, children, threads, JIT
code.

The working directory is a new one below /tmp, which relative paths start from. Each record has `culprit` as the program
itself knows it. Before the first stall there are three tasks that wait and two coroutines that nobody awaits; it stays
after the last one until it is killed.
"""
import argparse
import asyncio
import ctypes
import mmap
import os
import re
import socket
import tempfile
import threading
import time

from records import Writer, add_handshake_options, begin, end, open_channel, say_ready, wait_go, watch_iterations


class Later(threading.Thread):
    """Acts `seconds` after go()."""

    def __init__(self, seconds, action):
        super().__init__(daemon=True)
        self.seconds, self.action, self.started = seconds, action, threading.Event()
        self.start()

    def go(self):
        self.started.set()

    def run(self):
        self.started.wait()
        time.sleep(self.seconds)
        self.action()


# Each kind is a generator: first its preparation, then its stall.
def stall_in_sleep(record, seconds):
    yield
    begin(record, 1)
    time.sleep(seconds)
    end(record)


def stall_in_open(record, seconds):
    os.mkfifo("open.fifo")
    later = Later(seconds, lambda: os.close(os.open("open.fifo", os.O_WRONLY)))
    record["culprit"] = {"path": os.path.realpath("open.fifo"), "op": "open"}
    yield
    later.go()
    begin(record, 1)
    file = os.open("open.fifo", os.O_RDONLY)
    end(record)
    os.close(file)


def stall_in_read(record, seconds):
    os.mkfifo("read.fifo")
    file = os.open("read.fifo", os.O_RDWR)
    later = Later(seconds, lambda: os.write(file, b"x"))
    record["culprit"] = {"path": os.path.realpath("read.fifo"), "op": "read"}
    yield
    later.go()
    begin(record, 1)
    os.read(file, 1)
    end(record)


def stall_in_network(record, seconds):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
    record["culprit"] = {"protocol": "tcp", "local": "%s:%d" % client.getsockname(),
                         "peer": "%s:%d" % client.getpeername(), "dns": False}
    later = Later(seconds, lambda: server.send(b"x"))
    yield
    later.go()
    begin(record, 1)
    client.recv(1)
    end(record)


def stall_in_process(record, seconds):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        time.sleep(seconds)
        os._exit(0)
    with open("/proc/self/comm") as file:
        record["culprit"] = {"comm": file.read().rstrip("\n")}
    yield
    os.write(writer, b"x")
    begin(record, 1)
    os.waitpid(child, 0)
    end(record)


JIT_NAME = "jit_compiled_loop"
PAGES = []  # that such code lies in


def compile_loop():
    """A function of one number that counts it down, named in /tmp/perf-PID.map."""
    code = bytes([0x48, 0x89, 0xF8,  # mov rax, rdi
                  0x48, 0xFF, 0xC8,  # dec rax
                  0x75, 0xFB,        # jnz to the dec
                  0xC3])             # ret
    page = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                     mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    PAGES.append(page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with open("/tmp/perf-%d.map" % os.getpid(), "w") as file:
        file.write("%x %x %s\n" % (address, len(code), JIT_NAME))
    return ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(address)


def stall_in_jit(record, seconds):
    run = compile_loop()
    run(1)
    record["culprit"] = {"function": JIT_NAME}
    yield
    deadline = time.thread_time_ns() + int(seconds * 1e9)
    begin(record, 1)
    while time.thread_time_ns() < deadline: run(20000000)  # noqa: E701 (one line)
    end(record)


def regex_size(seconds):
    """Each additional character doubles its time."""
    for size in range(12, 40):
        start = time.thread_time()
        re.match(r"(a+)+$", "a" * size + "b")
        if time.thread_time() - start > seconds:
            return size
    return 40


def stall_on_gil(record, seconds):
    size, ready, ident, over = regex_size(seconds), threading.Event(), [], []

    def hold_gil():
        ident.append(threading.get_native_id())
        known.set()
        ready.wait()
        re.match(r"(a+)+$", "a" * size + "b")
        over.append(True)
        threading.Event().wait()  # stays alive, so that it can be read

    known = threading.Event()
    threading.Thread(target=hold_gil, name="gil-holder", daemon=True).start()
    known.wait()
    record["culprit"] = {"thread": "gil-holder", "tid": ident[0]}
    yield
    begin(record, 2)
    ready.set()
    while not over: time.sleep(0.005)  # noqa: E701 (one line; the holder may get a CPU later than this one wakes up)
    end(record)


KINDS = {"sleep": stall_in_sleep, "open": stall_in_open, "read": stall_in_read, "network": stall_in_network,
         "process": stall_in_process, "jit": stall_in_jit, "gil": stall_on_gil}
CAUSES = {"open": "file", "read": "file", "jit": "native"}


async def never_awaited():
    pass


async def waits(event):
    await event.wait()


async def stall(steps):
    next(steps, None)


async def run(options):
    writer = Writer(options.record)
    os.chdir(tempfile.mkdtemp(prefix="contained-"))
    event = asyncio.Event()
    lost = [never_awaited() for _ in range(2)]
    tasks = [asyncio.get_running_loop().create_task(waits(event)) for _ in range(3)]
    await asyncio.sleep(0)  # all three wait
    say_ready(options.ready)
    await wait_go(options.go)
    for kind in options.kinds:
        record = {"kind": kind, "expected_cause": CAUSES.get(kind, kind), "single": False, "culprit": None}
        steps = KINDS[kind](record, options.seconds)
        next(steps)
        await asyncio.sleep(0.01)
        await asyncio.get_running_loop().create_task(stall(steps))
        await asyncio.sleep(0.02)
        writer.write(record)
    os.write(open_channel(options.ready), b"done\n")
    await event.wait()
    del lost, tasks


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--seconds", type=float, default=0.1)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
