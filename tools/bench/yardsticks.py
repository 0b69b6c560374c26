"""Other ways to look at a loop, measured in the same run: inside the target (another program) or attached to it."""
import os
import signal
import subprocess

import common
from common import Missing, find_tool

HERE = os.path.dirname(os.path.abspath(__file__))

POLLS = """
BEGIN { printf("ready\\n"); }
tracepoint:syscalls:sys_exit_epoll_wait /pid == PID/ { @start[tid] = nsecs; }
tracepoint:syscalls:sys_enter_epoll_wait /pid == PID && @start[tid]/ {
  $ns = nsecs - @start[tid]; @iterations = hist($ns); if ($ns > 50000000) { printf("stall %d\\n", $ns); } }
tracepoint:syscalls:sys_exit_epoll_pwait /pid == PID/ { @start[tid] = nsecs; }
tracepoint:syscalls:sys_enter_epoll_pwait /pid == PID && @start[tid]/ {
  $ns = nsecs - @start[tid]; @iterations = hist($ns); if ($ns > 50000000) { printf("stall %d\\n", $ns); } }
"""


def inside(python):
    """name → (command before the program's path, environment): ways that need a restart."""
    return {
        "asyncio debug mode": ([python], dict(os.environ, PYTHONASYNCIODEBUG="1")),
        "cProfile": ([python, "-m", "cProfile", "-o", os.devnull], None),
        "_run_once wrapper": ([python, os.path.join(HERE, "run_once_wrapper.py")], None),
    }


class Attached:
    """A tool on a running process: `start` returns when it is active."""

    def __init__(self, command, ready=None):
        self.process = common.spawn(command, common.OTHER_CPU, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, bufsize=0)
        line = last = b""
        while ready and ready not in line:
            line = common.read_line(self.process.stdout, 20)
            if not line:
                self.process.wait()
                raise Missing(last.decode(errors="replace").strip() or "it ended at once")
            last = line

    def stop(self):
        """Missing when it had ended already: then it was not measured."""
        gone = self.process.poll() is not None
        # py-spy and austin write what they have when interrupted.
        common.end(self.process, signal.SIGINT)
        output = self.process.stdout.read().decode(errors="replace").strip().splitlines()
        self.process.stdout.close()
        if gone:
            raise Missing(output[-1] if output else "it ended at once")


def py_spy(pid):
    return Attached([find_tool("py-spy"), "record", "-p", str(pid), "-r", "100", "-d", "60", "-f", "raw", "-o",
                     os.devnull], ready=b"Sampling")


def austin(pid):
    return Attached([find_tool("austin"), "-i", "1ms", "-p", str(pid), "-x", "60", "-o", os.devnull])


def bpftrace(pid):
    command = [find_tool("bpftrace"), "-e", POLLS.replace("PID", str(pid))]
    if not os.path.exists("/sys/kernel/tracing/events") and not os.path.exists("/sys/kernel/debug/tracing/events"):
        # Mounted in a namespace of its own: nothing is left behind.
        command = ["unshare", "-m", "sh", "-c", 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh"] + command
    return Attached(command, ready=b"ready")


ATTACHED = {"py-spy 100 Hz": py_spy, "austin 1 ms": austin, "bpftrace on the polls": bpftrace}
