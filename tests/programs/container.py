"""Starts a program as a container runtime does: `container.py [OPTIONS] LOWER SCRATCH PROGRAM ARGUMENT…`.

It gets mount, pid, network, IPC, UTS, cgroup and user namespaces of its own, an overlay over the directory LOWER as its
root (by pivot_root), a /proc and /tmp of its own, and loopback. It is process 1 and root there, user 100000 outside.
SCRATCH and the project are at their usual places. Ends with the program's status, and takes it along when it is killed.
Needs root.
"""
import argparse
import ctypes
import fcntl
import os
import signal
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 4096, 16384, 1 << 18, 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
NR_PIVOT_ROOT = 155  # x86-64
OUTSIDE = 100000
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def check(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def unshare(flags):
    check(LIBC.unshare(flags))


def mount(source, target, kind=None, flags=0, options=None):
    encode = lambda text: text.encode() if text is not None else None  # noqa: E731
    check(LIBC.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(options)))


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        up, get, put = 1, 0x8913, 0x8914  # IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS
        name, flags = struct.unpack("16sh", fcntl.ioctl(sock, get, struct.pack("16sh", b"lo", 0)))
        fcntl.ioctl(sock, put, struct.pack("16sh", name, flags | up))


def enter_directory(root, path):
    """The path below the new root, which everybody can reach."""
    inside = root
    for part in path.strip("/").split("/"):
        inside = os.path.join(inside, part)
        if not os.path.isdir(inside):
            os.mkdir(inside, 0o755)
        elif not os.stat(inside).st_mode & 0o001:
            os.chmod(inside, 0o755)  # in the overlay alone
    return inside


def build_root(lower, shared, program):
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    base = "/mnt"
    mount("tmpfs", base, "tmpfs")
    upper, work, root = (os.path.join(base, name) for name in ("upper", "work", "root"))
    for directory in (upper, work, root):
        os.mkdir(directory, 0o755)
    mount("overlay", root, "overlay", options="lowerdir=%s,upperdir=%s,workdir=%s" % (lower, upper, work))
    for name in ("proc", "tmp", "dev", "old"):
        enter_directory(root, name)
    enter_directory(root, os.path.dirname(program))
    mount("proc", root + "/proc", "proc")
    mount("tmpfs", root + "/tmp", "tmpfs", options="mode=1777")
    mount("/dev", root + "/dev", flags=MS_BIND | MS_REC)
    for directory in shared:
        mount(directory, enter_directory(root, directory), flags=MS_BIND | MS_REC)
    os.chdir(root)
    check(LIBC.syscall(NR_PIVOT_ROOT, b".", b"old"))
    check(LIBC.umount2(b"/old", MNT_DETACH))
    os.chdir("/")


def become_user():
    os.setgroups([])
    os.setresgid(OUTSIDE, OUTSIDE, OUTSIDE)
    os.setresuid(OUTSIDE, OUTSIDE, OUTSIDE)
    check(LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))  # its files in /proc are its own again
    unshare(CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % OUTSIDE), ("gid_map", "0 %d 1" % OUTSIDE)):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroup", help="directory of a control group for it")
    parser.add_argument("--copy", action="store_true", help="runs a copy of the program, /tmp/program: to be deleted")
    parser.add_argument("lower")
    parser.add_argument("scratch")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.cgroup:
        with open(os.path.join(options.cgroup, "cgroup.procs"), "w") as file:
            file.write("%d" % os.getpid())
    unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    loopback_up()
    program = options.program[0]
    build_root(options.lower, [options.scratch, PROJECT], program)
    if options.copy:
        with open(program, "rb") as source, open("/tmp/program", "wb") as copy:
            copy.write(source.read())
        os.chmod("/tmp/program", 0o755)
        program = "/tmp/program"
    become_user()
    check(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    os.execve(program, [options.program[0]] + options.program[1:],
              {"PATH": "/usr/bin:/bin", "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"})


if __name__ == "__main__":
    main()
