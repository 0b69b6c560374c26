"""More ways to block a loop than fault_kinds.py has, and for every way the causes of its time and its culprit.

`Way.cpu` and `Way.blocked` name the causes of the thread's time on a CPU and of its time neither running nor ready; the
kernel's own count of these (records.py) gives the parts. BESIDE: time that the way needs but that is not its purpose.
"""
import os
import queue
import signal
import subprocess
import time

import more_blocks
import more_cpu
from fault_kinds import KINDS, Kind, native_is_built_in, python
from more_blocks import in_folder, tcp_peer

BESIDE = "beside"
WAITS = ("cpu-share", "cpu-share-native", "cpu-wakeups")
ON_CPU = ("python", "native", "gc", "kernel")


class Way(Kind):
    """`culprit(fault)` returns the expected culprit, after the fault; `needs(env)` the reason why it is impossible
    here, or None; `share(fault)`, for causes that the scheduler does not know, {cause: part of the time on a CPU};
    `disk`: it waits for a disk, see delays.py."""

    def __init__(self, block, cause, culprit=None, cpu=None, blocked=None, needs=None, share=None, group=None, disk=False,
                 **rest):
        super().__init__(block, cause, **rest)
        self.disk = disk
        self.culprit, self.needs, self.share, self.group = culprit, needs, share, group
        on_cpu = cause in ON_CPU
        self.cpu = cpu or (cause if on_cpu else BESIDE)
        self.blocked = blocked or (self.cpu if on_cpu or cause in ("cpu-wait", "throttled") else cause)


def from_kind(name, culprit=None, **rest):
    """A way of fault_kinds.py."""
    kind = KINDS[name]
    return Way(kind.block, kind.cause, culprit, prepare=kind.prepare, finish=kind.finish, ready=kind.ready,
               library=kind.library, stdlib=kind.stdlib, **rest)


# -- sleep, locks, processes


def block_usleep(fault):
    sleep = more_blocks.LIBC.usleep
    fault.mark(1)
    sleep(int(fault.milliseconds * 1000))
    fault.done()


def prepare_queue(fault):
    fault.queue = queue.Queue()
    fault.resource = more_cpu.Worker("queue-filler", lambda: (time.sleep(fault.seconds), fault.queue.put(1)))


def block_queue(fault):
    fault.resource.go()
    fault.mark(1)
    fault.queue.get()
    fault.done()


def block_waitid(fault):
    os.write(fault.resource.stdin.fileno(), b"\n")
    fault.mark(1)
    os.waitid(os.P_PID, fault.resource.pid, os.WEXITED | os.WNOWAIT)
    fault.done()


def block_popen(fault):
    fault.resource = subprocess.Popen(python("pass", fault.seconds), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    fault.mark(1)
    fault.resource.wait()
    fault.done()


def child(fault):
    return {"pid": fault.resource.pid}


# -- other system calls


def prepare_pause(fault):
    signal.signal(signal.SIGALRM, lambda number, frame: None)


def block_pause(fault):
    signal.setitimer(signal.ITIMER_REAL, fault.seconds)
    fault.mark(1)
    signal.pause()
    fault.done()


def group_path(name):
    return lambda fault: {"cgroup": fault.env.groups[name]["path"]}


def needs_group(name):
    return lambda env: None if name in env.groups else env.groups.get("why", "no control groups were given")


def holder(name, function):
    return lambda fault: {"thread": name, "tid": fault.resource.native_id, "function": function}


def neighbours(fault):
    """None if processes of other programs had most of the CPU: then the expected name is unknown."""
    pids = running(fault)
    mostly = fault.others_ns >= 0.7 * (fault.record["wait_ns"] or 0)
    return {"running": pids} if mostly else None


def running(fault):
    """The processes that the fault lets run instead."""
    if fault.kind == "cpu-wait":
        return [process.pid for process in fault.env.hogs]
    return [process.pid for process in fault.env.neighbours] if fault.kind in WAITS else []


def with_quota(block, cpu, group, **rest):
    return Way(block, "throttled", group_path(group), cpu=cpu, group=group, needs=needs_group(group),
               prepare=more_cpu.pin, finish=more_cpu.unpin, **rest)


def library(name):
    return lambda fault: None if native_is_built_in(name) else {"library": name}


def syscall(name):
    return lambda fault: {"syscall": name}


WAYS = {
    "python": from_kind("python"),
    "sort": from_kind("sort"),
    "recursion": Way(more_cpu.block_recursion, "python"),
    "regex": Way(more_cpu.block_regex, "python"),
    "native": from_kind("native", library("libz.so")),
    "pbkdf2": from_kind("pbkdf2", library("libcrypto.so")),
    "json": from_kind("json", library("_json")),
    "bz2": Way(more_cpu.block_bz2, "native", library("libbz2.so"), library="libbz2.so"),
    "sqlite": Way(more_cpu.block_sqlite, "native", library("libsqlite3.so"), library="libsqlite3.so",
                  prepare=more_cpu.prepare_sqlite),
    "memmove": Way(more_cpu.block_memmove, "native", lambda fault: {"library": "libc"},
                   prepare=more_cpu.prepare_memmove),
    "gc": from_kind("gc", share=more_cpu.gc_share),
    "gc-cycles": Way(more_cpu.block_gc_cycles, "gc", prepare=more_cpu.prepare_gc_cycles, share=more_cpu.gc_share),
    "gc-finalizers": Way(more_cpu.block_gc_cycles, "gc", prepare=more_cpu.prepare_gc_finalizers,
                         share=more_cpu.gc_share),
    "gc-automatic": Way(more_cpu.block_gc_automatic, "gc", prepare=more_cpu.prepare_gc_automatic,
                        finish=more_cpu.finish_gc_automatic, share=more_cpu.gc_share),
    "kernel": from_kind("kernel"),
    "kernel-zero": from_kind("kernel-zero"),
    "memfd-write": Way(more_cpu.block_memfd, "kernel", prepare=more_cpu.prepare_memfd, finish=more_cpu.finish_memfd),
    "mmap-populate": Way(more_cpu.block_populate, "kernel"),
    "gil": from_kind("gil", lambda fault: {"tid": fault.resource.native_id, "function": "spin_holding_gil"}),
    "gil-spinner": Way(more_cpu.block_gil_spinner, "gil", holder("acc-spinner", "spin"), cpu="python",
                       prepare=more_cpu.prepare_gil_spinner, finish=more_cpu.finish_worker),
    "gil-sort": Way(more_cpu.block_gil_held, "gil", holder("acc-sorter", "hold"), prepare=more_cpu.prepare_gil_sort,
                    finish=more_cpu.finish_worker),
    "gil-sleeper": Way(more_cpu.block_gil_held, "gil", holder("acc-sleeper", "without_switching"),
                       prepare=more_cpu.prepare_gil_sleeper, finish=more_cpu.finish_worker),
    "lock": from_kind("lock"),
    "event": from_kind("event"),
    "join": from_kind("join"),
    "queue": Way(block_queue, "lock", prepare=prepare_queue, finish=more_cpu.finish_worker),
    "sleep": from_kind("sleep"),
    "select-sleep": from_kind("select-sleep"),
    "usleep": Way(block_usleep, "sleep"),
    "file": from_kind("file", in_folder("data.fifo")),
    "fifo-open": from_kind("fifo-open", in_folder("open.fifo")),
    "fsync": from_kind("fsync", in_folder("scratch"), disk=True, needs=more_blocks.needs_disk_waits),
    "flock": Way(more_blocks.block_flock, "file", in_folder("locked"), prepare=more_blocks.prepare_flock,
                 finish=more_blocks.finish_file),
    "lockf": Way(more_blocks.block_lockf, "file", in_folder("locked"), prepare=more_blocks.prepare_lockf,
                 finish=more_blocks.finish_file),
    "network": from_kind("network", tcp_peer("tcp_port")),
    "unix": from_kind("unix", lambda fault: {"protocol": "unix", "peer": os.path.join(fault.env.folder, "peer.sock")}),
    "udp": from_kind("udp", tcp_peer("udp_port", "udp")),
    "http": from_kind("http", tcp_peer("http_port")),
    "poll": from_kind("poll", tcp_peer("tcp_port")),
    "epoll": from_kind("epoll", tcp_peer("tcp_port")),
    "select": from_kind("select", tcp_peer("tcp_port")),
    "tcp6": Way(more_blocks.block_tcp6, "network", lambda fault: {"protocol": "tcp", "peer": fault.peer},
                prepare=more_blocks.prepare_tcp6, finish=more_blocks.finish_socket, needs=more_blocks.needs_ipv6),
    "process": from_kind("process", child),
    "child-pipe": from_kind("child-pipe", child),
    "waitid": Way(block_waitid, "process", child, prepare=KINDS["process"].prepare, ready=KINDS["process"].ready,
                  finish=KINDS["process"].finish),
    "popen": Way(block_popen, "process", child, finish=KINDS["process"].finish, stdlib=True),
    "fault-anonymous": Way(more_blocks.block_fault, "fault", prepare=more_blocks.prepare_fault_anonymous,
                           finish=more_blocks.finish_fault, needs=more_blocks.needs_userfaultfd),
    # The kernel does not count a fault that userfaultfd answered as a major one, so its address is not known.
    "fault-shared": Way(more_blocks.block_fault, "fault", prepare=more_blocks.prepare_fault_shared, finish=more_blocks.finish_fault,
                        needs=more_blocks.needs_userfaultfd),
    "fault-cold-file": Way(more_blocks.block_fault_cold, "fault", in_folder("cold"),
                           prepare=more_blocks.prepare_fault_cold, finish=more_blocks.finish_fault_cold,
                           needs=more_blocks.needs_disk, disk=True),
    "other": from_kind("other", syscall("rt_sigtimedwait")),
    "pause": Way(block_pause, "other", syscall("pause"), prepare=prepare_pause),
    "semtimedop": Way(more_blocks.block_semaphore, "other", syscall("semtimedop"),
                      prepare=more_blocks.prepare_semaphore, finish=more_blocks.finish_semaphore),
    "stop": from_kind("stop"),
    "stop-running": Way(more_blocks.block_halted, "stopped", cpu="python", prepare=more_blocks.prepare_halt("stop")),
    "ptrace": Way(more_blocks.block_halted, "stopped", cpu="python", prepare=more_blocks.prepare_halt("trace")),
    "freezer": Way(more_blocks.block_halted, "stopped", cpu="python", prepare=more_blocks.prepare_halt("freeze"),
                   group="freezer", needs=needs_group("freezer")),
    "cpu-wait": from_kind("cpu-wait", neighbours, cpu="python"),
    "cpu-share": Way(more_cpu.block_share, "cpu-wait", neighbours, cpu="python", prepare=more_cpu.prepare_neighbours,
                     finish=more_cpu.unpin),
    "cpu-share-native": Way(more_cpu.block_share_native, "cpu-wait", neighbours, cpu="native",
                            prepare=more_cpu.prepare_neighbours, finish=more_cpu.unpin),
    "cpu-wakeups": Way(more_cpu.block_wakeups, "cpu-wait", neighbours, blocked="sleep",
                       prepare=more_cpu.prepare_neighbours, finish=more_cpu.unpin),
    "quota": with_quota(KINDS["python"].block, "python", "quota"),
    "quota-native": with_quota(KINDS["native"].block, "native", "quota"),
    "quota-kernel": with_quota(KINDS["kernel"].block, "kernel", "quota"),
    "quota-of-parent": with_quota(KINDS["python"].block, "python", "parent"),
}


def native_cause(name):
    """`python` where the way's library is part of this interpreter: then its time counts as the interpreter's."""
    way = WAYS[name]
    return "python" if way.library and native_is_built_in(way.library) else "native"


def injected(fault, way, throttled_ns):
    """{cause: ns} of the fault, from the kernel's count of its thread's time."""
    record = fault.record
    total = record["end_ns"] - record["start_ns"]
    wait = min(record["wait_ns"] or 0, total)
    cpu = min(record["cpu_ns"] or 0, total - wait)
    throttled = min(throttled_ns, wait)
    parts = {}

    def add(cause, ns):
        if cause == "native":
            cause = native_cause(fault.kind)
        parts[cause] = parts.get(cause, 0) + int(ns)

    add("throttled", throttled)
    # Under a quota, a thread that waits with the quota used up, but has not been throttled yet, waits for both.
    add(BESIDE if way.cause == "throttled" else "cpu-wait", wait - throttled)
    if way.disk:
        # Both counts are sometimes too large: the disk's count by half on CPUs that others use too, and the scheduler's
        # remainder includes time of the hypervisor. The thread was blocked for at most the smaller one.
        cpu = total - wait - min(fault.disk_ns, total - wait - cpu)
    if way.cause in ON_CPU:  # time that the scheduler does not count as either belongs to the hypervisor
        cpu = total - wait
    shares = way.share(fault) if way.share else {way.cpu: 1.0}
    for cause, share in shares.items():
        add(cause, cpu * share)
    blocked = total - wait - cpu
    handover = min(fault.handover_ns, blocked)
    add(BESIDE, handover)
    add(way.blocked, blocked - handover)
    return {cause: ns for cause, ns in parts.items() if ns > 0}
