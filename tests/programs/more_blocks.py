"""Ways to wait: file locks, sockets, page faults, semaphores, being halted from outside."""
import array
import ctypes
import fcntl
import mmap
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

from more_cpu import MORE_PEERS

LIBC = ctypes.CDLL(None, use_errno=True)
PAGE = 4096
COLD_BYTES = 48 << 20
SYS_USERFAULTFD = 323
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00
TMPFS_MAGIC = 0x01021994


class Peer:
    """The process of more_peers.py; one command at a time."""

    def __init__(self):
        self.channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([sys.executable, "-S", MORE_PEERS, str(far.fileno())], pass_fds=[far.fileno()])
        far.close()

    def send(self, text, *files):
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        self.channel.sendmsg([text.encode()], extra)

    def ask(self, text, *files):
        self.send(text, *files)
        if self.channel.recv(16) != b"ok":
            raise RuntimeError("the peer ended")

    def close(self):
        self.channel.close()
        self.process.wait()


def in_folder(name):
    return lambda fault: {"path": os.path.join(fault.env.folder, name)}


def tcp_peer(port, protocol="tcp"):
    return lambda fault: {"protocol": protocol, "peer": "127.0.0.1:%d" % getattr(fault.env, port)}


# -- locks of files


def prepare_locked(fault, way):
    path = os.path.join(fault.env.folder, "locked")
    fault.env.more.ask(way + " " + path)
    fault.file = os.open(path, os.O_RDWR)


def prepare_flock(fault):
    prepare_locked(fault, "flock")


def prepare_lockf(fault):
    prepare_locked(fault, "lockf")


def block_flock(fault):
    fault.env.more.send("unlock %f" % fault.milliseconds)
    fault.mark(1)
    fcntl.flock(fault.file, fcntl.LOCK_EX)
    fault.done()


def block_lockf(fault):
    fault.env.more.send("unlock %f" % fault.milliseconds)
    fault.mark(1)
    fcntl.lockf(fault.file, fcntl.LOCK_EX)
    fault.done()


def finish_file(fault):
    os.close(fault.file)


# -- IPv6


def needs_ipv6(env):
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        return "no IPv6: %s" % error
    return None


def prepare_tcp6(fault):
    listener = socket.socket(socket.AF_INET6)
    listener.bind(("::1", 0))
    listener.listen(1)
    fault.peer = "[::1]:%d" % listener.getsockname()[1]
    fault.socket = socket.create_connection(listener.getsockname()[:2])
    connection = listener.accept()[0]
    listener.close()

    def answer():
        connection.recv(1)
        time.sleep(fault.seconds)
        connection.sendall(b"x")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()


def block_tcp6(fault):
    fault.socket.sendall(b"x")
    fault.mark(1)
    fault.socket.recv(1)
    fault.done()


def finish_socket(fault):
    fault.socket.close()


# -- page faults


def open_userfaultfd():
    file = LIBC.syscall(SYS_USERFAULTFD, os.O_CLOEXEC)
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    fcntl.ioctl(file, UFFDIO_API, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
    return file


def needs_userfaultfd(env):
    try:
        os.close(open_userfaultfd())
    except OSError as error:
        return "userfaultfd: %s" % error
    return None


def prepare_fault(fault):
    """The first access to the page is answered by the peer, late."""
    fault.page = ctypes.addressof(ctypes.c_char.from_buffer(fault.map))
    file = open_userfaultfd()
    fcntl.ioctl(file, UFFDIO_REGISTER, bytearray(struct.pack("QQQQ", fault.page, PAGE, 1, 0)))
    fault.env.more.ask("uffd %f" % fault.milliseconds, file)
    os.close(file)


def prepare_fault_anonymous(fault):
    fault.map = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    prepare_fault(fault)


def prepare_fault_shared(fault):
    fault.file = os.memfd_create("acc-fault")
    os.ftruncate(fault.file, PAGE)
    fault.map = mmap.mmap(fault.file, PAGE, flags=mmap.MAP_SHARED)
    os.close(fault.file)
    prepare_fault(fault)


def block_fault(fault):
    fault.mark(1)
    ctypes.string_at(fault.page, 1)
    fault.done()


def finish_fault(fault):
    fault.map = None


def needs_disk_waits(env):
    return env.disk_waits.why


def needs_disk(env):
    stat = ctypes.create_string_buffer(256)
    LIBC.statfs(env.folder.encode(), stat)
    kind = struct.unpack_from("q", stat, 0)[0]
    if kind == TMPFS_MAGIC:
        return "the folder for temporary files has no disk below it"
    return env.disk_waits.why


def prepare_fault_cold(fault):
    """A file whose pages are not in memory, mapped, and read in an order that prevents read-ahead by the kernel."""
    file = os.open(os.path.join(fault.env.folder, "cold"), os.O_RDWR | os.O_CREAT)
    block = os.urandom(1 << 20)
    for offset in range(0, COLD_BYTES, len(block)):
        os.pwrite(file, block, offset)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    LIBC.madvise.argtypes = LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    fault.start = LIBC.mmap(None, COLD_BYTES, mmap.PROT_READ, mmap.MAP_SHARED, file, 0)
    LIBC.madvise(fault.start, COLD_BYTES, 1)  # MADV_RANDOM
    os.close(file)
    fault.pages = list(range(COLD_BYTES // PAGE))
    random.Random(1).shuffle(fault.pages)


def block_fault_cold(fault):
    start, pages, read = fault.start, fault.pages, ctypes.string_at
    deadline = fault.mark(2)
    while time.monotonic_ns() < deadline and pages:
        read(start + pages.pop() * PAGE, 1)
    fault.done()


def finish_fault_cold(fault):
    LIBC.munmap(fault.start, COLD_BYTES, 0)
    os.unlink(os.path.join(fault.env.folder, "cold"))


# -- System V semaphores


def prepare_semaphore(fault):
    fault.semaphore = LIBC.semget(0, 1, 0o600)
    if fault.semaphore < 0:
        raise OSError(ctypes.get_errno(), "semget")


def block_semaphore(fault):
    operation = struct.pack("HhH", 0, -1, 0)
    limit = struct.pack("qq", int(fault.seconds), int(fault.seconds % 1 * 1e9))
    fault.mark(1)
    LIBC.semtimedop(fault.semaphore, operation, 1, limit)
    fault.done()


def finish_semaphore(fault):
    LIBC.semctl(fault.semaphore, 0, 0)  # IPC_RMID


# -- halted


HALT_AFTER_MS = 10.0


def prepare_halt(way):
    def prepare(fault):
        fault.halt = way

    return prepare


def block_halted(fault):
    """Computes for some milliseconds, is halted during that, and computes a little more."""
    text = "%s %f %f" % (fault.halt, HALT_AFTER_MS, fault.milliseconds)
    if fault.halt == "freeze":
        freezer = fault.env.groups["freezer"]
        fault.env.more.ask(text + " " + " ".join(freezer["words"]), freezer["state"])
    else:
        fault.env.more.ask(text)
    deadline = fault.mark(1, lines=2) + int(2 * HALT_AFTER_MS * 1e6)
    while time.monotonic_ns() < deadline:
        pass
    fault.done()
