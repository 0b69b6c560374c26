"""Resources of the faults: peers, threads, data; everything exists before the program reports that it is ready."""
import gc
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import records

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fault_peers.py")


class Fault:
    """`mark` just before the blocking line, `done` after it; the record is the program's own account."""

    def __init__(self, kind, milliseconds, label, env):
        self.kind = kind
        self.milliseconds = milliseconds
        self.label = label
        self.env = env
        self.resource = None
        self.handover_ns = 0
        self.record = {"kind": kind, "label": label, "asked_ms": milliseconds, "task": None, "coroutine": None}

    @property
    def seconds(self):
        return self.milliseconds / 1000.0

    def mark(self, offset, lines=1):
        """Notes where the caller blocks; returns the deadline of the fault, in ns."""
        return records.begin(self.record, offset, lines, depth=2) + int(self.milliseconds * 1e6)

    def mark_running(self, offset, lines=1):
        """The same for a fault that computes; returns its deadline on the thread's own CPU clock: so the fault has
        its full CPU time, and the tracer its samples, even on a busy machine."""
        records.begin(self.record, offset, lines, depth=2)
        return time.thread_time_ns() + int(self.milliseconds * 1e6)

    def done(self):
        records.end(self.record)

    def waits_for_holder(self, asleep, sleep_s, held_ns):
        """Between mark and done it waited for the interpreter's lock, but not at first: the helper had it at `held_ns`,
        and its own last sleep of `sleep_s`, if any, began at `asleep`: (time.monotonic_ns(), time.thread_time_ns())."""
        start_ns, cpu_ns = self.record["start_ns"], records.SCHEDULER.at_start[0]
        slept_ns, asleep_cpu_ns = (asleep[0] + int(sleep_s * 1e9), asleep[1]) if asleep else (start_ns, cpu_ns)
        self.handover_ns = max(0, max(held_ns, slept_ns) - start_ns - (asleep_cpu_ns - cpu_ns))


class Environment:
    """Peers and data; each kind takes what it needs."""

    def __init__(self, kinds):
        self.folder = tempfile.mkdtemp(prefix="faults-")
        self.peer = subprocess.Popen([sys.executable, "-S", PEERS, self.folder], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, bufsize=0)
        self.tcp_port, self.http_port, self.udp_port = map(int, self.peer.stdout.readline().split())
        self.tcp = socket.create_connection(("127.0.0.1", self.tcp_port))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.connect(os.path.join(self.folder, "peer.sock"))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.udp_port))
        self.fifo = os.open(os.path.join(self.folder, "data.fifo"), os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.fifo, True)
        self.scratch = os.open(os.path.join(self.folder, "scratch"), os.O_RDWR | os.O_CREAT)
        urllib.request.install_opener(urllib.request.build_opener())  # makes a TLS context before the fault's time
        self.urandom = os.open("/dev/urandom", os.O_RDONLY)
        self.zero = os.open("/dev/zero", os.O_RDONLY)
        self.buffer = bytearray(256 * 1024)
        rng = random.Random(1)
        self.text = "".join(map(chr, rng.choices(range(32, 127), k=400000)))
        self.blob = bytes(rng.choices(range(97, 123), k=300000)) * 30
        self.numbers = rng.sample(range(1 << 30), 60000)
        self.lock = threading.Lock()
        self.event = threading.Event()
        self.hogs = []
        self.hog_is_exact = False
        self.cpus = os.sched_getaffinity(0)
        if "cpu-wait" in kinds:
            self.start_hogs()
        self.garbage = [[i] for i in range(60000)] if "gc" in kinds else None
        # Only requested collections, because any other one would be a stall that is not one of the faults.
        gc.disable()
        gc.collect()
        gc.freeze()

    def start_hogs(self):
        self.cpu = max(self.cpus)
        self.add_hog()
        if not self.hog_is_exact:  # share the CPU with several instead
            self.add_hog()
            self.add_hog()

    def add_hog(self):
        process = subprocess.Popen([sys.executable, "-S", PEERS, "--hog", str(self.cpu)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, bufsize=0)
        self.hog_is_exact = process.stdout.readline() == b"fifo\n"
        self.hogs.append(process)

    def ask(self, text):
        os.write(self.peer.stdin.fileno(), text.encode() + b"\n")

    def close(self):
        for process in self.hogs + [self.peer]:
            process.stdin.close()
            process.wait()


class Helper(threading.Thread):
    """Runs `begin`, says so, waits in a read (without the GIL) for the fault, then runs `work`."""

    def __init__(self, begin, work):
        super().__init__(name="fault-helper", daemon=True)
        self.begin, self.work = begin, work
        self.reader, self.writer = os.pipe()
        self.ready = threading.Event()
        self.held_ns = None  # since when it has held the interpreter's lock for long
        self.where = None

    def run(self):
        self.begin()
        self.ready.set()
        os.read(self.reader, 1)
        self.work()

    def go(self):
        os.write(self.writer, b"x")
