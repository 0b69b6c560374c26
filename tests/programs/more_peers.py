"""The other side of more_kinds.py: locks files, stops and freezes its parent, answers page faults late.

`more_peers.py FD`: commands come as datagrams on the socket FD, descriptors with them; each is answered `ok` when it is
set up. `more_peers.py --spin CPU`: keeps that CPU busy for the milliseconds that each line of its input names.
"""
import array
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading
import time

UFFDIO_COPY = 0xC028AA03
PAGE = 4096
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def spin(cpu):
    os.sched_setaffinity(0, {cpu})
    os.write(1, b"ready\n")
    while True:
        line = os.read(0, 64)
        if not line:
            return
        deadline = time.monotonic_ns() + int(float(line.split()[0]) * 1e6)
        while time.monotonic_ns() < deadline:
            pass


def pause(milliseconds):
    time.sleep(float(milliseconds) / 1000.0)


def stop(pid, before, milliseconds):
    pause(before)
    os.kill(pid, signal.SIGSTOP)
    pause(milliseconds)
    os.kill(pid, signal.SIGCONT)


def trace(pid, before, milliseconds):
    """Stops its first thread as a debugger does."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.waitpid.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    pause(before)
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, pid, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
    libc.waitpid(pid, None, WALL)
    pause(milliseconds)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def freeze(state, words, before, milliseconds):
    """`words`: what to write to freeze and to thaw."""
    pause(before)
    os.pwrite(state, words[0].encode(), 0)
    pause(milliseconds)
    os.pwrite(state, words[1].encode(), 0)


def answer_fault(uffd, milliseconds):
    """One page of zeros, for the first access to a range, after the milliseconds."""
    message = os.read(uffd, 32)
    address = struct.unpack_from("Q", message, 16)[0] & ~(PAGE - 1)
    pause(milliseconds)
    source = ctypes.create_string_buffer(2 * PAGE)
    aligned = (ctypes.addressof(source) + PAGE - 1) & ~(PAGE - 1)
    fcntl.ioctl(uffd, UFFDIO_COPY, bytearray(struct.pack("QQQQq", address, aligned, PAGE, 0, 0)))
    os.close(uffd)


def start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def receive(channel):
    data, extra, _, _ = channel.recvmsg(512, socket.CMSG_SPACE(4))
    files = array.array("i")
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(content[:4])
    return data.decode().split(), list(files)


def main(channel):
    parent, locked = os.getppid(), None
    while True:
        words, files = receive(channel)
        if not words:
            return
        if words[0] in ("flock", "lockf"):
            locked = os.open(words[1], os.O_RDWR | os.O_CREAT)
            getattr(fcntl, words[0])(locked, fcntl.LOCK_EX)
        elif words[0] == "unlock":
            pause(words[1])
            os.close(locked)
            continue
        elif words[0] == "stop":
            start(stop, parent, words[1], words[2])
        elif words[0] == "trace":
            start(trace, parent, words[1], words[2])
        elif words[0] == "freeze":
            start(freeze, files[0], words[3:5], words[1], words[2])
        elif words[0] == "uffd":
            start(answer_fault, files[0], words[1])
        channel.send(b"ok")


if __name__ == "__main__":
    if sys.argv[1] == "--spin":
        spin(int(sys.argv[2]))
    else:
        main(socket.socket(fileno=int(sys.argv[1])))
