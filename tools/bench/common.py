"""Programs that the figures start, watch and end; each ends only programs that it started itself."""
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(ROOT, "tests", "programs")
BUILD = os.path.join(ROOT, "build", "bench")
VENVS = os.environ.get("AIOTRACE_VENVS") or os.path.join(ROOT, ".cache", "venvs")
CPUS = sorted(os.sched_getaffinity(0))
TARGET_CPU, OTHER_CPU = CPUS[0], CPUS[-1]


class Missing(Exception):
    """A requirement of a figure is missing; the text names it, short enough for a table."""

    def __init__(self, text):
        text = text.replace(ROOT + "/", "")
        super().__init__(text if len(text) <= 110 else text[:109] + "…")


def cpu_ns(pid):
    """CPU time of a process so far, in ns: its CPU clock, finer than the ticks of /proc/PID/stat."""
    return time.clock_gettime_ns(((~pid) << 3) | 2)


def memory_bytes(pid):
    """The most that was resident."""
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def read_line(file, seconds):
    """A line from an unbuffered pipe, or b"" at its end; Missing when none comes in time."""
    deadline, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([file], [], [], left)[0]:
            raise Missing("no line within %g s" % seconds)
        byte = os.read(file.fileno(), 1)
        if not byte:
            break
        line += byte
    return line


def end(process, number=signal.SIGTERM, seconds=10):
    """Signals one process and waits; kills that one if it does not end."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def spawn(command, cpu=None, **options):
    def pin():
        if cpu is not None and len(CPUS) > 1:
            os.sched_setaffinity(0, {cpu})

    return subprocess.Popen(command, preexec_fn=pin, **options)


@contextlib.contextmanager
def program(name, *args, python=None, cpu=None, prefix=(), env=None, ready_s=20):
    """A target of tests/programs that prints on standard output that it is ready; returns (process, first line's
    words)."""
    command = list(prefix) or [python or sys.executable]
    process = spawn(command + [os.path.join(PROGRAMS, name)] + list(args), cpu, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0, env=env)
    try:
        words = read_line(process.stdout, ready_s).split()
        if not words:
            error = process.stderr.read().decode(errors="replace").strip().splitlines()
            raise Missing("%s did not start: %s" % (name, error[-1] if error else "no message"))
        yield process, words
    finally:
        end(process)
        process.stdout.close()
        process.stderr.close()


def compiled(name):
    """The path of a C program of tests/programs, compiled if need be."""
    source, binary = os.path.join(PROGRAMS, name + ".c"), os.path.join(BUILD, name)
    newest = max(map(os.path.getmtime, [source] + glob.glob(os.path.join(PROGRAMS, "*.h"))))
    if not os.path.exists(binary) or os.path.getmtime(binary) < newest:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Missing("no C compiler")
        os.makedirs(BUILD, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", binary, source], check=True)
    return binary


def python_with(*modules):
    """An interpreter that can import the modules: this one, or one of the environments of tools/get_venvs.sh."""
    venvs = sorted(glob.glob(os.path.join(VENVS, "*", "bin", "python")))
    preferred = [path for path in venvs if "/3.11" in path]
    for path in preferred + [sys.executable] + venvs:
        if subprocess.run([path, "-c", "import " + ",".join(modules)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return path
    raise Missing("no interpreter with %s (tools/get_venvs.sh makes some)" % ", ".join(modules))


def find_tool(name):
    """Of the system, or of one of the environments."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(os.path.join(VENVS, "*", "bin", name)))),
                                       None)
    if not found:
        raise Missing("%s is not installed" % name)
    return found


class Tracer:
    """aiotrace (or a command of it) on some processes, or with None on the targets of the arguments. `objects` holds
    its JSON; the times are measured here."""

    binary = os.path.join(ROOT, "build", "aiotrace")

    def __init__(self, pids, *args, command=None):
        self.objects = []
        self.error = tempfile.TemporaryFile()
        self.start = time.monotonic()
        self.process = spawn([self.binary] + ([command] if command else []) + (["-p", ",".join(map(str, pids))] if pids else []) + ["--json", "-"] + list(args),
                             OTHER_CPU,
                             stdout=subprocess.PIPE, stderr=self.error, stdin=subprocess.DEVNULL)
        self.watching = threading.Event()
        self.attach_ms = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        if not self.watching.wait(15) or self.attach_ms is None:
            end(self.process)
            raise Missing(self._last_error() or "aiotrace wrote no `watching` line")
        self.cpu_at_start, self.watching_since = cpu_ns(self.process.pid), time.monotonic()
        self.own_share = self.memory = None

    def _read(self):
        for line in self.process.stdout:
            try:
                self.objects.append(json.loads(line))
            except ValueError:
                self.objects.append({"type": "not JSON", "text": line.decode(errors="replace")})
            if self.attach_ms is None and self.objects[-1].get("type") == "watching":
                self.attach_ms = 1000 * (time.monotonic() - self.start)
                self.watching.set()
        self.watching.set()

    def _last_error(self):
        self.error.seek(0)
        lines = self.error.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def stop(self):
        """Ends it as a user does, with Ctrl-C; returns the summary. Also when the targets ended before."""
        if self.process.poll() is None:
            elapsed = time.monotonic() - self.watching_since
            with contextlib.suppress(OSError):  # it may end just now
                self.own_share = (cpu_ns(self.process.pid) - self.cpu_at_start) / 1e9 / elapsed
                self.memory = memory_bytes(self.process.pid)
        status = end(self.process, signal.SIGINT)
        self.thread.join(5)
        self.process.stdout.close()
        if status != 0:
            raise Missing("aiotrace ended with status %d: %s" % (status, self._last_error()))
        return self.summary()

    def summary(self):
        found = [o for o in self.objects if o.get("type") == "summary"]
        if not found:
            raise Missing("aiotrace wrote no summary")
        return found[-1]

    def stalls(self):
        """Each stall once: the last line of each id."""
        return list({o["id"]: o for o in self.objects if o.get("type") == "stall"}.values())


def table(rows, header):
    """Columns as wide as they must be."""
    rows = [[str(cell) for cell in row] for row in [header] + rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    for number, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


def verdict(good):
    return "ok" if good else "NOT REACHED"
