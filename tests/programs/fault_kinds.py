"""The faults: one function for each way to block a loop, and its preparation.

`Fault.mark(offset)` notes the stack and the start; the line that blocks is `offset` lines below the call of `mark`.
`prepare_*` runs in an earlier iteration of the loop, so that the stall itself has one cause.
"""
import asyncio
import gc
import hashlib
import json.encoder
import os
import select
import selectors
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import zlib

from fault_env import Helper
from records import SOME, function_name


# -- sleep


def block_sleep(fault):
    fault.mark(1)
    time.sleep(fault.seconds)
    fault.done()


def block_select_sleep(fault):
    fault.mark(1)
    select.select([], [], [], fault.seconds)
    fault.done()


# -- on a CPU


def block_python(fault):
    deadline, total = fault.mark_running(1, lines=2), 0
    while time.thread_time_ns() < deadline:
        total += sum(SOME)
    fault.done()


def block_sort(fault):
    deadline, numbers = fault.mark_running(2), fault.env.numbers
    while time.thread_time_ns() < deadline:
        sorted(numbers)
    fault.done()


def block_zlib(fault):
    """Not compress(): its output is newly mapped each time, and page faults count for the kernel."""
    deadline, blob = fault.mark_running(2), fault.env.blob
    while time.thread_time_ns() < deadline:
        zlib.crc32(blob)
    fault.done()


def block_pbkdf2(fault):
    deadline = fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4000)
    fault.done()


def block_json(fault):
    deadline, text, encode = fault.mark_running(2), fault.env.text, json.encoder.c_encode_basestring_ascii
    while time.thread_time_ns() < deadline:
        encode(text)
    fault.done()


def block_kernel(fault):
    deadline, file, buffers = fault.mark_running(2), fault.env.urandom, [fault.env.buffer]
    while time.thread_time_ns() < deadline:
        os.readv(file, buffers)
    fault.done()


def block_kernel_zero(fault):
    deadline, file, buffers = fault.mark_running(2), fault.env.zero, [fault.env.buffer] * 64
    while time.thread_time_ns() < deadline:
        os.readv(file, buffers)
    fault.done()


def prepare_gc(fault):
    gc.unfreeze()


def block_gc(fault):
    deadline = fault.mark_running(2)
    while time.thread_time_ns() < deadline:
        gc.collect()
    fault.done()


def finish_gc(fault):
    gc.freeze()


# -- files


def block_fifo(fault):
    fault.env.ask("fifo %f" % fault.milliseconds)
    fault.mark(1)
    os.read(fault.env.fifo, 1)
    fault.done()


def block_fifo_open(fault):
    path = os.path.join(fault.env.folder, "open.fifo")
    fault.env.ask("open %f" % fault.milliseconds)
    fault.mark(1)
    file = os.open(path, os.O_RDONLY)
    fault.done()
    os.close(file)


def block_fsync(fault):
    deadline, file = fault.mark(3), fault.env.scratch
    while time.monotonic_ns() < deadline:
        os.pwrite(file, b"x" * 65536, 0)
        os.fsync(file)
    fault.done()


# -- network


def block_tcp(fault):
    fault.env.tcp.sendall(b"%f" % fault.milliseconds)
    fault.mark(1)
    fault.env.tcp.recv(64)
    fault.done()


def block_unix(fault):
    fault.env.unix.sendall(b"%f" % fault.milliseconds)
    fault.mark(1)
    fault.env.unix.recv(64)
    fault.done()


def block_udp(fault):
    fault.env.udp.send(b"%f" % fault.milliseconds)
    fault.mark(1)
    fault.env.udp.recv(64)
    fault.done()


def block_http(fault):
    url = "http://127.0.0.1:%d/%f" % (fault.env.http_port, fault.milliseconds)
    fault.mark(1)
    urllib.request.urlopen(url).read()
    fault.done()


def block_poll(fault):
    poll = select.poll()
    poll.register(fault.env.tcp, select.POLLIN)
    fault.env.tcp.sendall(b"%f" % fault.milliseconds)
    fault.mark(1)
    poll.poll()
    fault.done()
    fault.env.tcp.recv(64)


def block_epoll(fault):
    """Like a synchronous client with its own selector: a nested poll, which is no poll of the loop."""
    with selectors.EpollSelector() as selector:
        selector.register(fault.env.tcp, selectors.EVENT_READ)
        fault.env.tcp.sendall(b"%f" % fault.milliseconds)
        fault.mark(1)
        selector.select()
        fault.done()
    fault.env.tcp.recv(64)


def block_select(fault):
    fault.env.tcp.sendall(b"%f" % fault.milliseconds)
    fault.mark(1)
    select.select([fault.env.tcp], [], [])
    fault.done()
    fault.env.tcp.recv(64)


# -- processes


def python(first, seconds):
    """Not `sh` and `sleep`: a root that contains only an interpreter has neither."""
    return [sys.executable, "-S", "-E", "-c", first + "; import time; time.sleep(%f)" % seconds]


def prepare_child(fault):
    fault.resource = subprocess.Popen(python("import os; os.write(1, b'r'); os.read(0, 1)", fault.seconds),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


async def ready_child(fault):
    """The interpreter has started: only the child's sleep follows."""
    await asyncio.get_running_loop().run_in_executor(None, os.read, fault.resource.stdout.fileno(), 1)


def block_waitpid(fault):
    os.write(fault.resource.stdin.fileno(), b"\n")
    fault.mark(1)
    os.waitpid(fault.resource.pid, 0)
    fault.done()
    fault.resource.returncode = 0


def block_child_pipe(fault):
    os.write(fault.resource.stdin.fileno(), b"\n")
    fault.mark(1)
    os.read(fault.resource.stdout.fileno(), 1)
    fault.done()


def finish_child(fault):
    fault.resource.stdin.close()
    fault.resource.stdout.close()
    fault.resource.wait()


def block_subprocess(fault):
    fault.mark(1)
    subprocess.run(python("pass", fault.seconds))
    fault.done()


# -- threads


def prepare_lock(fault):
    def release_later():
        time.sleep(fault.seconds)
        fault.env.lock.release()

    start_helper(fault, fault.env.lock.acquire, release_later)


def prepare_event(fault):
    def set_later():
        time.sleep(fault.seconds)
        fault.env.event.set()

    start_helper(fault, fault.env.event.clear, set_later)


def prepare_join(fault):
    start_helper(fault, int, lambda: time.sleep(fault.seconds))


def start_helper(fault, begin, work):
    fault.resource = Helper(begin, work)
    fault.resource.start()
    fault.resource.ready.wait()


def finish_helper(fault):
    fault.resource.join()
    os.close(fault.resource.reader)
    os.close(fault.resource.writer)


def block_lock(fault):
    fault.resource.go()
    fault.mark(1)
    fault.env.lock.acquire()
    fault.done()
    fault.env.lock.release()


def block_event(fault):
    fault.resource.go()
    fault.mark(1)
    fault.env.event.wait()
    fault.done()


def block_join(fault):
    fault.resource.go()
    fault.mark(1)
    fault.resource.join()
    fault.done()


HANDOVER_S = 0.0002  # interval of the checks whether the helper holds the interpreter's lock


def spin_holding_gil(helper, milliseconds):
    """No other thread gets the GIL during that time: the switch interval is longer than the spin."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    frame = sys._getframe()
    helper.where = {"function": function_name(frame.f_code), "file": frame.f_code.co_filename,
                    "line": frame.f_lineno + 5, "thread": helper.name, "tid": threading.get_native_id()}
    deadline = time.monotonic_ns() + int(milliseconds * 1e6)
    helper.held_ns = time.monotonic_ns()
    while time.monotonic_ns() < deadline:
        pass
    sys.setswitchinterval(interval)


def prepare_gil(fault):
    start_helper(fault, int, lambda: spin_holding_gil(fault.resource, fault.milliseconds))


def block_gil(fault):
    helper, asleep, interval = fault.resource, None, sys.getswitchinterval()
    # a thread that has waited for the lock since before the helper's own call would request it back in 5 ms
    sys.setswitchinterval(60.0)
    fault.mark(1, lines=4)
    while not helper.held_ns:  # the helper may take the lock in each of these calls
        asleep = time.monotonic_ns(), time.thread_time_ns()
        os.write(helper.writer, b"x")
        time.sleep(HANDOVER_S)
    fault.done()
    sys.setswitchinterval(interval)
    fault.record["holder"] = helper.where
    fault.waits_for_holder(asleep, HANDOVER_S, helper.held_ns)


# -- the rest


def block_sigtimedwait(fault):
    fault.mark(1)
    signal.sigtimedwait([signal.SIGRTMAX], fault.seconds)
    fault.done()


def prepare_stop(fault):
    fault.env.ask("cont %d %f" % (os.getpid(), fault.milliseconds))


def block_stop(fault):
    fault.mark(1)
    os.kill(os.getpid(), signal.SIGSTOP)
    fault.done()


def prepare_cpu_wait(fault):
    os.sched_setaffinity(0, {fault.env.cpu})


def block_cpu_wait(fault):
    deadline, hogs, text = fault.mark(2, lines=3), fault.env.hogs, b"%f\n" % fault.milliseconds
    for hog in hogs:
        os.write(hog.stdin.fileno(), text)
    while time.monotonic_ns() < deadline:
        pass
    fault.done()


def finish_cpu_wait(fault):
    os.sched_setaffinity(0, fault.env.cpus)


class Kind:
    def __init__(self, block, cause, prepare=None, finish=None, single=lambda fault: True, library=None, stdlib=False,
                 ready=None):
        self.block, self.cause, self.prepare, self.finish = block, cause, prepare, finish
        self.ready = ready  # awaited after `prepare`
        self.single = single  # whether one cause should have 95 % of the stall
        self.library = library  # library of the native leaf
        self.stdlib = stdlib  # the innermost Python frames are the standard library's


def from_100_ms(fault):
    return fault.milliseconds >= 100


KINDS = {
    "sleep": Kind(block_sleep, "sleep"),
    "select-sleep": Kind(block_select_sleep, "sleep"),
    "python": Kind(block_python, "python"),
    "sort": Kind(block_sort, "python"),
    "native": Kind(block_zlib, "native", library="libz.so"),
    "pbkdf2": Kind(block_pbkdf2, "native", library="libcrypto.so"),
    "json": Kind(block_json, "native", library="_json."),
    "kernel": Kind(block_kernel, "kernel"),
    "kernel-zero": Kind(block_kernel_zero, "kernel"),
    "gc": Kind(block_gc, "gc", prepare_gc, finish_gc),
    "file": Kind(block_fifo, "file"),
    "fifo-open": Kind(block_fifo_open, "file"),
    # fsync and write also run on the CPU, in a share that depends on the disk.
    "fsync": Kind(block_fsync, "file", single=lambda fault: False),
    "network": Kind(block_tcp, "network"),
    "unix": Kind(block_unix, "network"),
    "udp": Kind(block_udp, "network"),
    "http": Kind(block_http, "network", single=from_100_ms, stdlib=True),
    "poll": Kind(block_poll, "network"),
    "epoll": Kind(block_epoll, "network", stdlib=True),
    "select": Kind(block_select, "network"),
    "process": Kind(block_waitpid, "process", prepare_child, finish_child, ready=ready_child),
    "child-pipe": Kind(block_child_pipe, "process", prepare_child, finish_child, ready=ready_child),
    # Starting a child takes some milliseconds on the CPU.
    "subprocess": Kind(block_subprocess, "process", single=from_100_ms, stdlib=True),
    "lock": Kind(block_lock, "lock", prepare_lock, finish_helper),
    "event": Kind(block_event, "lock", prepare_event, finish_helper, stdlib=True),
    "join": Kind(block_join, "lock", prepare_join, finish_helper, stdlib=True),
    "gil": Kind(block_gil, "gil", prepare_gil, finish_helper),
    "other": Kind(block_sigtimedwait, "other"),
    "stop": Kind(block_stop, "stopped", prepare_stop),
    # A real-time hog leaves no CPU time until the kernel throttles it (after 950 ms of each second); without real-time
    # priority the CPU is shared.
    "cpu-wait": Kind(block_cpu_wait, "cpu-wait", prepare_cpu_wait, finish_cpu_wait,
                     single=lambda fault: fault.env.hog_is_exact and fault.milliseconds < 900),
}


def native_is_built_in(library):
    """Whether that library is part of the interpreter here: then its time counts for the interpreter."""
    with open("/proc/self/maps") as maps:
        return library not in maps.read()
