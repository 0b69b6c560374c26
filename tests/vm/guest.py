"""The guest's init: runs aiotrace on small programs, writes the results to the second serial line and powers off.

Lines of JSON: {"kernel", "python"}; {"case", "state", "reason", "ms"}; {"program", "instructions", "load_us"}; {"end"}.
"""
import ctypes
import fcntl
import json
import os
import platform
import re
import select
import signal
import struct
import subprocess
import sys
import time
import traceback

import verdict

LIBC = ctypes.CDLL(None, use_errno=True)
FAULTS = ("sleep:80,python:150,native:150,kernel:150,file:80,network:80,unix:80,poll:80,process:80,lock:80,gil-regex:150,gc:150,"
          "other:80,stop:80,json:150,udp:80")
WAYS = ("fentry", "tracepoint", "uprobe")
LOSSES = ("ring-full", "threads-full", "stack-unreadable", "name-unreadable", "task-unreadable", "bad-record",
          "iteration-incomplete", "stack-missing")
START_S = 180  # until a program is there, on an emulated processor that others have too
ONLY_LOADS = "aiotrace.only_loads"  # on the kernel's command line: see tests/vm/run --loads
LAYOUTS = "2"  # of the Python versions: on the running kernel all of them serve
GAP_MS = "400"  # three aiotraces resolve the stall before on the one processor: not while the next is under way


def mount(source, target, kind):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount " + target)


def loopback_up():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0x41)  # IFF_UP | IFF_RUNNING, include/uapi/linux/if.h
        fcntl.ioctl(sock, 0x8914, request)  # SIOCSIFFLAGS


def program(name):
    """The command, with its own libraries if the program is not static: see initramfs.py."""
    dynamic = os.path.exists("/built-with/needed-by-" + name)
    return [*(["/built-with/loader", "--library-path", "/built-with"] if dynamic else []), "/usr/bin/" + name]


AIOTRACE = program("aiotrace")


class Output:
    def __init__(self):
        self.file = open("/dev/ttyS1", "w", buffering=1)

    def write(self, **fields):
        self.file.write(json.dumps(fields) + "\n")


class Tracer:
    """aiotrace on a pid, from its `watching` line on."""

    def __init__(self, pid, way):
        self.error = open("/tmp/stderr-" + way, "w+")
        self.begin = time.monotonic()
        self.process = subprocess.Popen([*AIOTRACE, "-v", "--json", "-", "-p", str(pid), "--poll-probe", way],
                                        stdout=subprocess.PIPE, stderr=self.error, bufsize=0)
        self.lines = []
        first = self.line(START_S)
        self.attach_s = time.monotonic() - self.begin
        if not first:
            self.process.wait(10)
            raise RuntimeError("aiotrace did not begin: " + self.messages()[-600:])
        self.lines.append(json.loads(first))

    def line(self, timeout):
        data = b""
        while not data.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], timeout)[0]:
                break
            one = os.read(self.process.stdout.fileno(), 1)
            if not one:
                break
            data += one
        return data.decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=120)
        self.lines += [json.loads(line) for line in out.decode().splitlines()]
        if self.process.returncode != 0:
            raise RuntimeError("aiotrace ended with %d: %s" % (self.process.returncode, self.messages()[-600:]))

    def messages(self):
        self.error.seek(0)
        return self.error.read()

    def of_type(self, kind):
        return [line for line in self.lines if line["type"] == kind]


class Target:
    def __init__(self, *arguments):
        for name in ("ready", "go"):
            if not os.path.exists("/tmp/" + name):
                os.mkfifo("/tmp/" + name)
        ready = os.open("/tmp/ready", os.O_RDWR)
        self.go = os.open("/tmp/go", os.O_RDWR)
        self.process = subprocess.Popen([sys.executable, "/programs/faults.py", "--ready", "/tmp/ready", "--go",
                                         "/tmp/go", "--record", "/tmp/record", "--own-clock", "--styles", "nested",
                                         "--gap", GAP_MS, *arguments])
        if not select.select([ready], [], [], START_S)[0]:
            raise RuntimeError("the target did not start")
        os.close(ready)

    def run(self):
        os.write(self.go, b"g")
        os.close(self.go)
        if self.process.wait(120) != 0:
            raise RuntimeError("the target ended with %d" % self.process.returncode)
        with open("/tmp/record") as file:
            return [json.loads(line) for line in file]


def lines_of(*arguments):
    """The JSON of another command, by type."""
    done = subprocess.run([*AIOTRACE, *arguments, "--json", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode != 0:
        raise RuntimeError("ended with %d: %s" % (done.returncode, done.stderr.decode(errors="replace")[-600:]))
    lines = {}
    for text in done.stdout.decode().splitlines():
        line = json.loads(text)
        lines.setdefault(line["type"], []).append(line)
    return lines


class Idle:
    """A loop that ticks: one task, no leaks."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "/programs/idle.py", "--ready", "1", "--tick", "20"],
                                        stdout=subprocess.PIPE)
        if not self.process.stdout.readline().startswith(b"ready"):
            raise RuntimeError("the idle target did not start")
        with open("/programs/idle.py") as source:
            self.line = next(number for number, text in enumerate(source, 1) if "asyncio.sleep(options.tick" in text)
        self.pid = str(self.process.pid)

    def waits(self):
        with open("/proc/%s/status" % self.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))

    def tick(self, times):
        """Returns when it has waited so often."""
        end = self.waits() + times
        while self.waits() < end:
            time.sleep(0.005)

    def at_line(self, rows):
        return [row for row in rows if row["site"]["line"] == self.line and row["coroutine"] == "run"]


def wrong_tasks(idle):
    tasks = lines_of("tasks", "-p", idle.pid)["task"]
    lines = [frame["line"] for task in tasks for frame in task["stack"]]
    return [] if len(tasks) == 1 and tasks[0]["coroutine"] == "run" and idle.line in lines else ["tasks: %s" % tasks]


def wrong_leaks(idle):
    summary = lines_of("leaks", "-p", idle.pid)["summary"][0]
    return [] if summary["scans"] == 1 and not any(summary["leaks"].values()) else ["leaks: %s" % summary]


def wrong_origin(idle):
    try:
        summary = lines_of("leaks", "--origin", "--watch=500ms", "-p", idle.pid, "-d", "2s")["summary"][0]
    except RuntimeError as why:
        # Debian's 3.11 says so before anything is loaded.
        return [] if "does not export" in str(why) and sys.version_info[:2] == (3, 11) else ["leaks --origin: %s" % why]
    return [] if summary["cost"]["runs"] >= 3 and not any(summary["leaks"].values()) else ["leaks --origin: %s" % summary]


def wrong_exact(idle):
    # The price of a trap under an emulator is not the real price.
    lines = lines_of("awaits", "--exact", "-p", idle.pid, "-d", "3s", "--max-cost", "100")
    rows = idle.at_line(lines.get("await", []))
    return [] if rows and rows[0]["exact"] and rows[0]["count"] >= 10 else ["awaits: %s" % lines]


def wrong_profile(idle):
    lines = lines_of("profile", "--mode", "wall", "-p", idle.pid, "-d", "1s")
    summary = lines["summary"][0]
    return [] if summary["idle_ns"] > 0.3 * summary["elapsed_ns"] else ["profile: %s" % lines]


QUOTA_US, PERIOD_US = 20000, 100000
BUSY = """
import asyncio, sys, time
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.sleep(0.01)
    until = time.thread_time() + 0.2
    while time.thread_time() < until:
        pass
    await asyncio.sleep(0.01)
asyncio.run(main())
"""


def wrong_quota():
    """A stall in a control group of version 2 that may use a fifth of the processor: throttled, by that group."""
    os.makedirs("/tmp/cgroup", exist_ok=True)
    mount("cgroup2", "/tmp/cgroup", "cgroup2")
    os.makedirs("/tmp/cgroup/limited/inner")
    for group in ("", "/limited"):
        write("/tmp/cgroup%s/cgroup.subtree_control" % group, "+cpu")
    write("/tmp/cgroup/limited/cpu.max", "%d %d" % (QUOTA_US, PERIOD_US))
    target = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        target.stdout.readline()
        write("/tmp/cgroup/limited/inner/cgroup.procs", str(target.pid))
        tracer = Tracer(target.pid, "tracepoint")
        target.stdin.write(b"go\n")
        target.wait(120)
        tracer.stop()
    finally:
        target.kill()
        target.wait()
    # Another segment is the wait for the go signal.
    stall = max(tracer.of_type("stall"), key=lambda one: one["causes"].get("throttled", 0), default=None)
    if not stall:
        return ["no stall"]
    found = [one["culprit"] for one in stall["segments"] if one["cause"] == "throttled"]
    named = [(who or {}).get("cgroup") for who in found], [((who or {}).get("quota_us"), (who or {}).get("period_us")) for who in found]
    good = (stall["causes"].get("throttled", 0) > 0.5 * stall["duration_ns"] and any(one and one.endswith("/limited") for one in named[0])
            and (QUOTA_US, PERIOD_US) in named[1])
    return [] if good else ["%s %s" % (stall["causes"], found)]


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


COMMANDS = {"tasks": wrong_tasks, "leaks": wrong_leaks, "leaks --origin": wrong_origin, "awaits --exact": wrong_exact, "profile": wrong_profile}


class Cases:
    def __init__(self, output):
        self.output = output
        self.begin = time.monotonic()
        self.known = set()

    def report(self, name, wrong, skipped=False):
        now = time.monotonic()
        self.output.write(case=name, state="skipped" if skipped else "failed" if wrong else "passed",
                          reason="; ".join(wrong), ms=round(1000 * (now - self.begin)))
        for line in wrong:
            print("%s: %s" % (name, line), flush=True)
        self.begin = now

    def programs(self, messages):
        """Each tracer loads the programs that its way needs: the first report of a program is kept."""
        for name, instructions, load_us in re.findall(r"program (\S+): (\d+) instructions verified in (\d+) µs", messages):
            if name not in self.known:
                self.known.add(name)
                self.output.write(program=name, instructions=int(instructions), load_us=int(load_us))

    def attach(self, target, way):
        try:
            tracer = Tracer(target.process.pid, way)
        except (RuntimeError, OSError) as why:
            self.report(way + ": attaches", [str(why)])
            for what in ("stalls", "causes", "stacks", "losses"):
                self.report("%s: %s" % (way, what), ["did not get so far"])
            return None
        seen_by = re.findall(r"polls are seen by (\S+)", tracer.messages())
        self.report(way + ": attaches", [] if seen_by == [way] else ["polls are seen by " + " ".join(seen_by)])
        print("%s: attached in %.2f s" % (way, tracer.attach_s), flush=True)
        return tracer

    def judge(self, way, tracer, records):
        print(tracer.messages(), flush=True)
        found = verdict.pairs(records, tracer.of_type("stall"))
        for record, seen in found:
            print("%s: %s: %s" % (way, record["label"], json.dumps(seen and {key: value for key, value in seen.items()
                                                                            if key != "segments"})))
        self.report(way + ": stalls", verdict.missed(found) + verdict.wrong_lengths(found) + ([] if found else ["no record"]))
        self.report(way + ": causes", verdict.wrong_causes(found))
        self.report(way + ": stacks", verdict.wrong_stacks(found))
        losses = tracer.of_type("summary")[0]["losses"]
        self.report(way + ": losses", ["%s %d" % (name, count) for name, count in losses.items() if count and name in LOSSES])

    def trace(self):
        """All ways to see a poll at once, on one target: each must report the stalls in the target's record."""
        target = Target("--faults", FAULTS)
        self.report("target", [])
        tracers = [(way, self.attach(target, way)) for way in WAYS]
        tracers = [(way, tracer) for way, tracer in tracers if tracer]
        for _, tracer in tracers:
            self.programs(tracer.messages())
        records = target.run()
        for _, tracer in tracers:
            tracer.stop()
        for way, tracer in tracers:
            self.judge(way, tracer, records)

    def commands(self):
        """The others load programs of their own, or read the target from outside."""
        idle = Idle()
        for name, judge in COMMANDS.items():
            try:
                self.report(name, judge(idle))
            except (RuntimeError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as why:
                self.report(name, ["%s: %s" % (type(why).__name__, why)])
        idle.process.kill()
        idle.process.wait()
        try:
            self.report("quota", wrong_quota())
        except (RuntimeError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as why:
            self.report("quota", ["%s: %s" % (type(why).__name__, why)])

    def loads(self):
        """What each clang made, one at a time: see tests/vm/loader.cpp."""
        for version in sorted(os.listdir("/objects"), key=int) if os.path.exists("/objects") else []:
            done = subprocess.run([*program("loader"), "--layouts", LAYOUTS, "/objects/" + version], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            print(done.stdout, flush=True)
            self.report("loads what clang %s made" % version, [done.stdout[-600:] or "no output"] if done.returncode else [])

    def falls_back(self):
        """No room for another program: it loads and does not attach. The next way has to be used."""
        self.fall_back("fentry does not attach", "fentry not available; using the tracepoint",
                       ["--occupy", "__x64_sys_epoll_wait"])
        self.fall_back("the tracepoint does not attach", "fentry not available; using the uprobe",
                       ["--occupy", "__x64_sys_epoll_wait"], ["--occupy-tracepoint", "syscalls/sys_enter_epoll_wait"])

    def fall_back(self, case, message, *occupied):
        occupants = [subprocess.Popen([*program("loader"), *each], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for each in occupied]
        idle = Idle()
        try:
            counts = [occupant.stdout.readline().strip() for occupant in occupants]
            tracer = Tracer(idle.process.pid, "auto")
            idle.tick(3)
            tracer.stop()
            iterations = sum(loop["iterations"] for loop in tracer.of_type("summary")[0]["loops"])
            self.report(case, [] if all(counts) and message in tracer.messages() and iterations else
                        ["%s programs attached, %d iterations: %s" % (counts, iterations, tracer.messages()[-600:])])
        except (RuntimeError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as why:
            self.report(case, ["%s: %s" % (type(why).__name__, why)])
        finally:
            for process in (*occupants, idle.process):
                process.kill()
                process.wait()

    def kernel_log(self):
        """Neither the probes nor the verifier made the kernel complain."""
        size = LIBC.klogctl(10, None, 0)  # SYSLOG_ACTION_SIZE_BUFFER
        text = ctypes.create_string_buffer(size)
        got = LIBC.klogctl(3, text, size)  # SYSLOG_ACTION_READ_ALL
        lines = text.raw[:max(got, 0)].decode(errors="replace").splitlines()
        self.report("kernel log", [line for line in lines if re.search(r"WARNING:|BUG:|Oops|rcu.*stall|lockup|general prot", line)])


def run(output):
    for kind, target in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp")):
        mount(kind, target, kind)
    os.environ.update(PATH="/usr/bin", HOME="/root", LANG="C.UTF-8", PYTHONPYCACHEPREFIX="/pycache")
    loopback_up()
    out = Output()
    output.append(out)
    out.write(kernel=platform.release(), python=platform.python_version())
    cases = Cases(out)
    cases.report("boots", [])
    cases.loads()
    with open("/proc/cmdline") as line:
        if ONLY_LOADS not in line.read().split():
            cases.falls_back()
            cases.trace()
            cases.commands()
    cases.kernel_log()


def main():
    output = []
    try:
        run(output)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    if output:
        output[0].write(end=True)
        output[0].file.close()
    sys.stdout.flush()
    os.sync()
    LIBC.reboot(0x4321FEDC)  # LINUX_REBOOT_CMD_POWER_OFF
