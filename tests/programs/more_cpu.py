"""Ways to use or need a CPU: in different code, waiting for the interpreter's lock, waiting for a CPU."""
import bz2
import ctypes
import gc
import mmap
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import zlib

from fault_kinds import HANDOVER_S

MORE_PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "more_peers.py")
MAP_POPULATE = 0x8000


# -- python


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def block_recursion(fault):
    deadline = fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        fibonacci(17)
    fault.done()


def block_regex(fault):
    search, text = re.compile("a*a*b").search, "a" * 60
    deadline = fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        search(text)
    fault.done()


# -- native


def block_bz2(fault):
    deadline, blob = fault.mark_running(2), fault.env.blob[:60000]
    while time.thread_time_ns() < deadline:
        bz2.compress(blob, 1)
    fault.done()


QUERY = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select sum(i * i) from n"


def prepare_sqlite(fault):
    fault.cursor = sqlite3.connect(":memory:").cursor()
    fault.cursor.execute(QUERY).fetchall()


def block_sqlite(fault):
    execute, deadline = fault.cursor.execute, fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        execute(QUERY).fetchall()
    fault.done()


def prepare_memmove(fault):
    fault.buffers = [ctypes.create_string_buffer(b"x" * (4 << 20)) for _ in range(2)]


def block_memmove(fault):
    (left, right), move, deadline = fault.buffers, ctypes.memmove, fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        move(left, right, 4 << 20)
    fault.done()


# -- garbage collector; its own callbacks measure how long it took


class Collections:
    """Adds up the time of collections."""

    ns = 0
    began = None

    def __call__(self, phase, info):
        if phase == "start":
            self.began = time.monotonic_ns()
        elif self.began is not None:
            Collections.ns += time.monotonic_ns() - self.began
            self.began = None


def watch_collections():
    gc.callbacks.append(Collections())


def gc_share(fault):
    total = fault.record["end_ns"] - fault.record["start_ns"]
    share = min(1.0, fault.collected_ns / total)
    return {"gc": share, "beside": 1.0 - share}  # as more_kinds.BESIDE: calls, and the kernel's part in allocations


class Cycle:
    def __init__(self):
        self.me = self


class Finalized(Cycle):
    def __del__(self):
        self.count = sum(range(20))


def prepare_gc_batches(fault, kind, size):
    fault.batches = [[kind() for _ in range(size)] for _ in range(4 + int(fault.milliseconds / 4))]


def prepare_gc_cycles(fault):
    prepare_gc_batches(fault, Cycle, 6000)


def prepare_gc_finalizers(fault):
    prepare_gc_batches(fault, Finalized, 4000)


def block_gc_cycles(fault):
    batches, deadline = fault.batches, fault.mark_running(2, lines=4)
    while time.thread_time_ns() < deadline:
        if batches:
            batches[-1].clear()
            batches.pop()
        gc.collect()
    fault.done()


def prepare_gc_automatic(fault):
    fault.kept = [[i] for i in range(300000)]
    fault.thresholds = gc.get_threshold()
    gc.set_threshold(5000, 2, 2)


def block_gc_automatic(fault):
    kept = []
    deadline = fault.mark_running(3)
    gc.enable()
    while time.thread_time_ns() < deadline:
        kept.append([[] for _ in range(100)])
    fault.done()
    gc.disable()
    fault.kept.append(kept)


def finish_gc_automatic(fault):
    gc.set_threshold(*fault.thresholds)
    fault.kept = None
    gc.collect()
    gc.freeze()


# -- kernel


def prepare_memfd(fault):
    fault.file = os.memfd_create("accuracy")
    fault.bytes = bytes(8 << 20)
    os.pwrite(fault.file, fault.bytes, 0)


def block_memfd(fault):
    deadline, file, data = fault.mark_running(2), fault.file, fault.bytes
    while time.thread_time_ns() < deadline:
        os.pwrite(file, data, 0)
    fault.done()


def finish_memfd(fault):
    os.close(fault.file)


def block_populate(fault):
    flags, deadline = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_POPULATE, fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        mmap.mmap(-1, 8 << 20, flags=flags).close()
    fault.done()


# -- the interpreter's lock


class Worker(threading.Thread):
    """A named thread that waits without the lock, does `work` once, and stays alive until `finish_worker`."""

    def __init__(self, name, work):
        super().__init__(name=name, daemon=True)
        self.work = work
        self.reader, self.writer = os.pipe()
        self.held_ns = None  # since when it has held the lock for long
        self.start()

    def run(self):
        os.read(self.reader, 1)
        self.work()
        os.read(self.reader, 1)

    def go(self):
        os.write(self.writer, b"x")


def finish_worker(fault):
    fault.resource.go()
    fault.resource.join()
    os.close(fault.resource.reader)
    os.close(fault.resource.writer)


def prepare_gil_spinner(fault):
    fault.stop = False

    def spin():
        while not fault.stop:
            pass

    fault.resource = Worker("acc-spinner", spin)


def block_gil_spinner(fault):
    deadline = fault.mark(1, lines=3)
    fault.resource.go()
    while time.monotonic_ns() < deadline:
        pass
    fault.stop = True
    fault.done()


def without_switching(fault, work):
    """Other threads get the lock back only when `work` is done."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    fault.resource.held_ns = time.monotonic_ns()
    work()
    sys.setswitchinterval(interval)


def prepare_gil_sort(fault):
    def hold():
        deadline = time.monotonic_ns() + int(fault.milliseconds * 1e6)
        while time.monotonic_ns() < deadline:
            sorted(fault.env.numbers)

    fault.resource = Worker("acc-sorter", lambda: without_switching(fault, hold))


def prepare_gil_sleeper(fault):
    """Like a C extension that forgets to release the lock before it waits."""
    usleep = ctypes.PyDLL(None).usleep
    fault.resource = Worker("acc-sleeper",
                            lambda: without_switching(fault, lambda: usleep(int(fault.milliseconds * 1000))))


def block_gil_held(fault):
    worker, asleep = fault.resource, None
    fault.mark(1, lines=4)
    worker.go()
    while not worker.held_ns:
        asleep = time.monotonic_ns(), time.thread_time_ns()
        time.sleep(HANDOVER_S)
    fault.done()
    fault.waits_for_holder(asleep, HANDOVER_S, worker.held_ns)


# -- no CPU


def pin(fault):
    env = fault.env
    if not hasattr(env, "cpu"):
        env.cpu = max(env.cpus)
    os.sched_setaffinity(0, {env.cpu})


def unpin(fault):
    os.sched_setaffinity(0, fault.env.cpus)


def prepare_neighbours(fault):
    """Ordinary programs on the same CPU."""
    pin(fault)
    env = fault.env
    if hasattr(env, "neighbours"):
        return
    env.neighbours = [subprocess.Popen([sys.executable, "-S", MORE_PEERS, "--spin", str(env.cpu)], bufsize=0,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for process in env.neighbours:
        process.stdout.readline()


def run_ns(pids):
    """Time of other processes on a CPU so far."""
    total = 0
    for pid in pids:
        with open("/proc/%d/schedstat" % pid) as file:
            total += int(file.read().split()[0])
    return total


def wake_neighbours(fault):
    """Each is busy for the length of the fault."""
    for process in fault.env.neighbours:
        os.write(process.stdin.fileno(), b"%f\n" % fault.milliseconds)


def block_share(fault):
    deadline = fault.mark(1, lines=3)
    wake_neighbours(fault)
    while time.monotonic_ns() < deadline:
        pass
    fault.done()


def block_share_native(fault):
    blob = fault.env.blob[:30000]
    deadline = fault.mark(1, lines=3)
    wake_neighbours(fault)
    while time.monotonic_ns() < deadline:
        zlib.compress(blob, 9)
    fault.done()


def block_wakeups(fault):
    deadline = fault.mark(1, lines=3)
    wake_neighbours(fault)
    while time.monotonic_ns() < deadline:
        time.sleep(0.0005)
    fault.done()
