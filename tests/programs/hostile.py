"""A program that attacks its observer. All at once, until --seconds are over:

  scribble   random words in its own debug offsets, task, code, coroutine, frame, type and str objects
  threads    1,000 short threads a second
  forks      a child that calls exec every 5 ms
  names      its comm, its thread's and its tasks' names change all the time, with terminal escapes
  unlink     it runs from a copy of its interpreter that is gone
  root       its root is a folder where its own libraries are FIFOs, links that lead out, files of a terabyte

It also stalls, so that there is something to report. With --record it writes at its end `{"opened": [path…]}`: what a
stranger has opened of the traps. Some attacks may end it: then there is no record.
"""
import argparse
import asyncio
import ctypes
import errno
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from records import add_handshake_options, open_channel, say_ready

ESCAPES = ["\x1b]2;owned\x07", "\x1b[2J", "a;b\nc", "\u202egnp.exe", "\x9b31m", "\udcff".encode("utf-8", "surrogateescape")]
MODES = ("scribble", "threads", "forks", "names", "unlink", "root")
ESCAPE_TEXTS = ESCAPES[:5]


def run_from_a_copy(folder):
    """Calls exec on a copy of the interpreter, which is unlinked then."""
    if os.environ.get("HOSTILE_COPY"):
        os.unlink(os.environ.pop("HOSTILE_COPY"))
        return
    copy = os.path.join(folder, "python")
    shutil.copy(os.path.realpath(sys.executable), copy)
    environment = dict(os.environ, HOSTILE_COPY=copy, PYTHONHOME=sys.base_prefix, PYTHONPATH=os.path.dirname(os.path.abspath(__file__)))
    os.execve(copy, [copy] + sys.argv, environment)


class Traps:
    """A folder with the paths of the process's own files, each replaced by something else."""

    def __init__(self, folder):
        self.folder, self.opened, self.fifos = tempfile.mkdtemp(dir=folder), [], []
        self.outside = os.path.join(os.path.abspath(folder), "outside")
        with open(self.outside, "w"):
            pass
        with open("/proc/self/maps") as maps:
            paths = sorted({line.split(None, 5)[5].strip() for line in maps if len(line.split(None, 5)) > 5})
        for number, path in enumerate(path for path in paths if path.startswith("/") and not path.endswith("(deleted)")):
            trap = self.folder + path
            os.makedirs(os.path.dirname(trap), exist_ok=True)
            if number % 3 == 0:
                os.mkfifo(trap)
                self.fifos.append(trap)
            elif number % 3 == 1:
                os.symlink("../" * 20 + self.outside.lstrip("/"), trap)
            else:
                with open(trap, "wb") as file:
                    file.truncate(1 << 40)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.inotify = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.libc.inotify_add_watch(self.inotify, self.outside.encode(), 0x20)  # IN_OPEN

    def look(self):
        """A FIFO can be opened for writing only while somebody has it open for reading."""
        for fifo in self.fifos:
            try:
                os.close(os.open(fifo[len(self.folder):] if self.inside else fifo, os.O_WRONLY | os.O_NONBLOCK))
                self.opened.append(fifo)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    self.opened.append("%s: %s" % (fifo, error))
        try:
            if os.read(self.inotify, 4096):
                self.opened.append(self.outside)
        except BlockingIOError:
            pass

    inside = False

    def enter(self):
        os.chroot(self.folder)
        self.inside = True


class Scribbler:
    """Overwrites objects that only an outside reader still uses."""

    def __init__(self):
        gc.disable()

        async def victim(depth):
            await (victim(depth - 1) if depth else asyncio.sleep(3600))

        self.victim = victim
        self.coroutines = [victim(3) for _ in range(50)]
        self.tasks = [asyncio.get_running_loop().create_task(victim(4), name="victim-%d" % i) for i in range(50)]
        self.types = [type("Victim%d" % i, (), {"__slots__": ("a",)}) for i in range(20)]
        self.places = []

    def find(self):
        """After they have begun."""
        for task in self.tasks:
            coroutine = task.get_coro()
            while coroutine is not None and hasattr(coroutine, "cr_frame"):
                self.places.append((id(coroutine), 200))
                coroutine = coroutine.cr_await
        self.places += [(id(one), 120) for one in self.coroutines]
        self.places += [(id(one), sys.getsizeof(one)) for one in self.types]
        self.places += [(id(task), 160) for task in self.tasks[:25]]
        for text in ["victim " + "x" * 50 + str(i) for i in range(20)]:
            self.places.append((id(text), 40))
            self.tasks[-1].set_name(text)
            self.keep = getattr(self, "keep", []) + [text]
        if sys.version_info >= (3, 13):
            runtime = ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")
            self.places.append((ctypes.addressof(runtime) - 16, 600))

    def scribble(self):
        for _ in range(200):
            address, size = random.choice(self.places)
            offset = random.randrange(16, max(24, size), 8)
            word = random.choice([0, 1, -1, 8, 1 << 62, address, address + 16, address + offset, random.getrandbits(47) & ~7,
                                  random.choice(self.places)[0], random.getrandbits(64) - (1 << 63)])
            ctypes.c_int64.from_address(address + offset).value = word


async def attack(options):
    modes = options.modes.split(",")
    libc = ctypes.CDLL(None)
    traps = Traps(options.folder) if "root" in modes else None
    scribbler = Scribbler() if "scribble" in modes else None
    await asyncio.sleep(0.01)
    if scribbler:
        scribbler.find()
    if traps:
        traps.enter()
    say_ready(options.ready)
    until, turn = time.monotonic() + options.seconds, 0
    while time.monotonic() < until:
        turn += 1
        if scribbler:
            scribbler.scribble()
        if "threads" in modes:
            for _ in range(5):
                threading.Thread(target=time.sleep, args=(0.001,), name=random.choice(ESCAPE_TEXTS)).start()
        if "forks" in modes:
            child = os.fork()
            if child == 0:
                try:
                    os.execv("/proc/self/exe", ["python", "-c", "0"])
                finally:
                    os._exit(1)
            os.waitpid(child, 0)
        if "names" in modes:
            name = random.choice(ESCAPES)
            libc.prctl(15, name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass"))
            asyncio.current_task().set_name(random.choice(ESCAPE_TEXTS) * random.choice([1, 1, 1000, 100000]))
        if traps and turn % 10 == 0:
            traps.look()
        if turn % 20 == 0:
            time.sleep(0.06)
        await asyncio.sleep(0.005)
    if options.record:
        os.write(options.record_file, json.dumps({"opened": traps.opened if traps else []}).encode() + b"\n")
    os._exit(0)  # its objects are too damaged for a normal shutdown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--modes", default=",".join(MODES))
    options = parser.parse_args()
    options.folder = os.path.dirname(options.record) if options.record else tempfile.mkdtemp()
    if "unlink" in options.modes:
        run_from_a_copy(options.folder)
    if options.ready:
        options.ready = str(open_channel(options.ready))  # before the root is another
    ctypes.CDLL("libgcc_s.so.1")  # which ending a thread needs, and the new root has not
    if options.record:
        options.record_file = os.open(options.record, os.O_WRONLY | os.O_CREAT, 0o644)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(attack(options))


if __name__ == "__main__":
    main()
