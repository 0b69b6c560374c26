"""Common code of the targets: handshakes with the tracer, and records of what they did."""
import asyncio
import json
import os
import selectors
import sys
import threading
import time


def open_channel(text, flags=os.O_RDWR | os.O_CREAT):
    """A descriptor's number, or a path; a FIFO is opened for both ways: no end of file, no waiting for the peer."""
    if text.isdigit():
        return int(text)
    return os.open(text, flags)


def say_ready(text):
    """Writes the line `ready PID`."""
    if text:
        os.write(open_channel(text), b"ready %d\n" % os.getpid())


async def wait_go(text):
    """Returns when a byte has come, in an iteration of its own."""
    if not text:
        return
    file = open_channel(text, os.O_RDWR | os.O_NONBLOCK)
    os.set_blocking(file, False)
    loop = asyncio.get_running_loop()
    go = loop.create_future()
    loop.add_reader(file, lambda: go.done() or go.set_result(os.read(file, 1)))
    await go
    loop.remove_reader(file)
    await asyncio.sleep(0.001)


def add_handshake_options(parser):
    parser.add_argument("--ready", help="descriptor or path: one line is written when the loop runs")
    parser.add_argument("--go", help="descriptor or FIFO: the first fault comes after a byte from it")
    parser.add_argument("--record", help="file for the faults, one JSON object a line")


def function_name(code):
    """The name that a tracer can know: qualified where the code object has it (3.11), else plain."""
    return getattr(code, "co_qualname", code.co_name)


def stack_of(frame):
    """[[function, file, line]…], innermost first."""
    stack = []
    while frame is not None:
        stack.append([function_name(frame.f_code), frame.f_code.co_filename, frame.f_lineno])
        frame = frame.f_back
    return stack


def current_names():
    """(task name, qualified name of its coroutine) of the running task; (None, None) in a plain callback."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None, None
    return (task.get_name(), task.get_coro().__qualname__) if task else (None, None)


# The work of sum() for half a millisecond: code that computes until its thread clock reaches a time uses such steps.
# That clock is a system call, of 0.3 us on one machine and more than 8 us on another, so its share must be small.
SOME = range(30000)


class SchedulerTimes(threading.local):
    """(ns on a CPU, ns ready but waiting for one) of the calling thread, as the kernel counts them."""

    def __init__(self):
        try:
            self.file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self.file = None

    def read(self):
        if self.file is None:
            return None, None
        text = os.pread(self.file, 100, 0).split()
        return time.thread_time_ns(), int(text[1])

    def not_blocked_ns(self):
        """Both together; where the second is not counted, the first."""
        cpu, wait = self.read()
        return time.thread_time_ns() if cpu is None else cpu + wait


SCHEDULER = SchedulerTimes()


INCIDENTAL_NS = 10 * 1000 * 1000


class ClockedSelector(selectors.EpollSelector):
    """Knows when each poll returned and when the next one began: the limits of an iteration as the loop's own clock saw
    them. They go into the records that were begun in it; the long ones are kept.

    A thread that is held up between its clock and its poll (preempted, interrupted, its virtual CPU not run) has an
    iteration that is longer than its clock shows. It is not longer than from `outer_start_ns` to `outer_end_ns`: the
    clock's readings on the far sides of the two polls or, where those waited, its own with what the kernel counted on
    both ways, as the thread's time on a CPU and as ready for one.
    """

    here = threading.local()

    def __init__(self):
        super().__init__()
        self.returned_ns = self.outer_ns = None
        self.long = []
        self.begun = []

    def select(self, timeout=None):
        before = SCHEDULER.not_blocked_ns()
        now = time.monotonic_ns()
        begun, self.begun = self.begun, []
        if self.returned_ns is not None and now - self.returned_ns >= INCIDENTAL_NS:
            self.long.append((self.returned_ns, now))
        for record in begun:
            if self.returned_ns is not None:
                record.update(iteration_start_ns=self.returned_ns, iteration_end_ns=now, outer_start_ns=self.outer_ns)
        self.here.clock = self
        try:
            return super().select(timeout)
        finally:
            self.returned_ns = time.monotonic_ns()
            most = min(SCHEDULER.not_blocked_ns() - before, self.returned_ns - now)
            self.outer_ns = self.returned_ns - most
            for record in begun:
                record["outer_end_ns"] = now + most


def watch_iterations():
    """Gives such a clock to every loop that asyncio creates from now on."""
    selectors.DefaultSelector = ClockedSelector


def begin(record, offset, lines=1, depth=1):
    """Notes in the record where the caller blocks, `offset` lines below the call; records the start, and returns it."""
    frame = sys._getframe(depth)
    task, coroutine = current_names()
    stack = stack_of(frame)
    stack[0][2] += offset
    record.update(task=task, coroutine=coroutine, function=stack[0][0], file=stack[0][1], line=stack[0][2],
                  last_line=stack[0][2] + lines - 1, stack=stack, thread=threading.current_thread().name,
                  tid=threading.get_native_id())
    clock = getattr(ClockedSelector.here, "clock", None)
    if clock is not None:
        clock.begun.append(record)
    record["cpu_ns"] = record["wait_ns"] = None
    SCHEDULER.at_start = SCHEDULER.read()
    record["start_ns"] = time.monotonic_ns()
    return record["start_ns"]


def end(record):
    """Records the end; cpu_ns and wait_ns become the thread's time on a CPU and its wait for one since the start."""
    record["end_ns"] = time.monotonic_ns()
    cpu_ns, wait_ns = SCHEDULER.read()
    if wait_ns is not None and record["tid"] == threading.get_native_id():  # another thread may end a fault
        record["cpu_ns"], record["wait_ns"] = cpu_ns - SCHEDULER.at_start[0], wait_ns - SCHEDULER.at_start[1]


class Writer:
    """NDJSON, flushed line by line; from any thread."""

    def __init__(self, path):
        self.file = open(path, "w", buffering=1) if path else None

    def write(self, record):
        if self.file:
            self.file.write(json.dumps(record) + "\n")
