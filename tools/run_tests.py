#!/usr/bin/env python3
"""Runs the test programs of the tiers and counts test cases.

usage: run_tests.py TIER=BINARY… [-- CATCH2-ARGUMENTS]

Exit status 1 if a test case failed, a binary crashed, ran too long or ran nothing, or if a tier that must run did not:
one whose binary is missing, or one named in AIOTRACE_REQUIRE_TIERS (comma separated) that was skipped as a whole.
A tier whose test cases mostly wait (root) runs as AIOTRACE_TEST_JOBS processes at a time (2, or 1 on one CPU), its cases with the
tag [alone] behind them, alone.
AIOTRACE_TIER_TIMEOUT (seconds) replaces the tiers' own limits. V=1 shows every test case. AIOTRACE_TEST_ALL=1: each tier
runs everything on every interpreter, not its short form. AIOTRACE_TEST_BEGAN: when the set-up began (seconds since 1970).
"""
import ctypes
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

# For a tier that hangs: several times what it takes, so that a slow machine does not meet it.
TIMEOUT_S = {"unit": 900, "native": 900, "fuzz": 1800, "libfuzzer": 3600, "root": 6000, "accuracy": 1200, "soak": 900, "services": 1800, "vm": 2400,
             "fresh": 14400, "wheel": 2400}
ALL_FACTOR = 3  # AIOTRACE_TEST_ALL=1
AS_ROOT = ("root", "accuracy", "soak", "services", "fresh", "wheel")
PASSED_ON = ("AIOTRACE_BINARY", "AIOTRACE_PYTHONS", "AIOTRACE_VENVS", "AIOTRACE_ROOTS", "AIOTRACE_TEST_ALL", "PYENV_ROOT", "PATH")
# Two of their processes take less than one of two CPUs.
MOSTLY_WAIT = ("root",)
# In the names of test cases, for Catch2's parser.
SPECIAL = re.compile(r'[\\,"\[\]]')
SLOWEST = 10


class Tier:
    """The results of the test cases of one binary."""

    def __init__(self, name, binary):
        self.name = name
        self.binary = binary
        self.passed = 0
        self.failures = []  # text
        self.skips = []  # (test case, reason)
        self.skipped_whole = 0  # test cases of a tier that could not run
        self.plan = None
        self.seconds = 0.0
        self.times = []  # (milliseconds, test case)


def privileged_prefix():
    """The command that gives root rights, or None and the reason."""
    if os.geteuid() == 0:
        return [], None
    try:
        done = subprocess.run(["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None, "needs root, and there is no sudo"
    if done.returncode != 0:
        return None, "needs root: run `make test` as root, or `sudo -v` before it"
    return ["sudo", "-n"], None


def bpf_refused(prefix):
    """Why this kernel or container does not let root load BPF programs; None if it does."""
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "needs a kernel with BTF (/sys/kernel/btf/vmlinux is missing)"
    if prefix:  # the probe below would test our own rights, not sudo's
        return None
    # bpf(BPF_MAP_CREATE, {array, key 4, value 8, 1 entry}) on x86-64
    attr = (ctypes.c_uint32 * 18)(2, 4, 8, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(321, 0, attr, ctypes.sizeof(attr))
    if fd < 0:
        return "needs the bpf system call: " + os.strerror(ctypes.get_errno())
    os.close(fd)
    return None


def read_log(path, tier):
    """Adds the log's test cases to the tier; returns the name of one that began and did not end."""
    running = None
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                fields = line.rstrip("\n").split("\t")
                if fields[0] == "plan":
                    tier.plan = int(fields[1])
                elif fields[0] == "start":
                    running = fields[1]
                else:
                    result, ms, _assertions, name, reason = fields[:5]
                    running = None
                    tier.times.append((int(ms), name))
                    if result == "passed":
                        tier.passed += 1
                    elif result == "skipped":
                        tier.skips.append((name, reason))
                    else:
                        tier.failures.append(f"{name}: {reason}" if reason else name)
    except FileNotFoundError:
        pass
    return running


def stop(child):
    """Ends our own child and the process group that it leads."""
    for sig, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, sig)
        except ProcessLookupError:
            pass
        except PermissionError:  # it runs under sudo, which passes SIGTERM on
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(patience)
            if sig == signal.SIGTERM:
                continue  # the leader has gone; programs that it started may not have
        except subprocess.TimeoutExpired:
            pass


def command_of(tier, prefix, arguments, extra):
    """The command and its environment."""
    variables = dict(extra)
    for name in PASSED_ON:
        if name in os.environ:
            variables[name] = os.environ[name]
    command = [os.path.abspath(tier.binary), *arguments]
    if prefix:  # sudo clears the environment
        command = [*prefix, "env", *(f"{name}={value}" for name, value in variables.items()), *command]
    return command, {**os.environ, **variables}


def start(tier, prefix, log, arguments, extra):
    command, environment = command_of(tier, prefix, arguments, {"AIOTRACE_TEST_LOG": log, **extra})
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)


def run(tier, arguments, scratch, verbose):
    if not os.access(tier.binary, os.X_OK):
        tier.failures.append(f"{tier.binary} was not built")
        return
    prefix, why_not = [], None
    if tier.name in AS_ROOT:
        prefix, why_not = privileged_prefix()
        why_not = why_not or bpf_refused(prefix)
    log = os.path.join(scratch, tier.name)
    if why_not:
        child = start(tier, [], log, arguments, {"AIOTRACE_TEST_PLAN": "1"})
        child.wait()
        read_log(log, tier)
        tier.skipped_whole = max(tier.plan or 0, 1)
        tier.skips.append((f"all {tier.skipped_whole} test cases", why_not))
        print(f"  skipped all {tier.skipped_whole} test cases: {why_not}", flush=True)
        if tier.name in os.environ.get("AIOTRACE_REQUIRE_TIERS", "").split(","):
            tier.failures.append(f"the tier must run here: {why_not}")
        return

    factor = ALL_FACTOR if os.environ.get("AIOTRACE_TEST_ALL") == "1" else 1
    limit = float(os.environ.get("AIOTRACE_TIER_TIMEOUT") or factor * TIMEOUT_S.get(tier.name, 600))
    deadline = time.monotonic() + limit
    for group in groups_of(tier, prefix, arguments, scratch):
        run_together(tier, prefix, group, deadline, limit, verbose)
    if not tier.times and not tier.failures and not arguments:
        tier.failures.append("no test case ran")


def listed(tier, prefix, arguments):
    """Names of the test cases that these arguments select."""
    command, environment = command_of(tier, prefix, ["--list-test-names-only", *arguments], {})
    # Catch2 2 gives their number as the exit status.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line]


def groups_of(tier, prefix, arguments, scratch):
    """Lists of (log, arguments, number of cases if it is known), the processes of each list at the same time."""
    log = os.path.join(scratch, tier.name)
    jobs = int(os.environ.get("AIOTRACE_TEST_JOBS") or min(2, len(os.sched_getaffinity(0))))
    # Options of Catch2 are for a run as a whole. Without a list of names (Catch2 3 has another option) it is one process.
    split = tier.name in MOSTLY_WAIT and jobs > 1 and not any(each.startswith("-") for each in arguments)
    names = listed(tier, prefix, arguments) if split else []
    alone = set(listed(tier, prefix, ["[alone]"])) if len(names) > 1 else set()
    others = [name for name in names if name not in alone]
    if len(others) < 2:
        return [[(log, arguments, None)]]
    jobs = min(jobs, len(others))  # an empty list of names would be all of them

    def part(number, chosen):
        path = "%s-%d" % (log, number)
        with open(path + ".names", "w", encoding="utf-8") as file:
            file.writelines(SPECIAL.sub(r"\\\g<0>", name) + "\n" for name in chosen)
        os.chmod(path + ".names", 0o644)
        return path, ["--input-file", path + ".names"], len(chosen)

    last = [name for name in names if name in alone]
    return [[part(i, others[i::jobs]) for i in range(jobs)], *([[part(jobs, last)]] if last else [])]


def run_together(tier, prefix, group, deadline, limit, verbose):
    progress = "all" if verbose or tier.name in AS_ROOT else "skips"
    children = []
    try:
        for log, arguments, _ in group:
            children.append(start(tier, prefix, log, arguments, {"AIOTRACE_TEST_PROGRESS": progress}))
        for child, (log, arguments, expected) in zip(children, group):
            ended = None
            try:
                status = child.wait(max(0, deadline - time.monotonic()))
                if status < 0:
                    ended = f"killed by {signal.Signals(-status).name}"
                elif status != 0:
                    ended = f"exit status {status}"
            except subprocess.TimeoutExpired:
                stop(child)
                ended = f"stopped after {limit:.0f} s"
            add_log(tier, log, arguments, expected, ended)
    except BaseException:
        for child in children:
            if child.poll() is None:
                stop(child)
        raise


def add_log(tier, log, arguments, expected, ended):
    """The output of one process, and how it ended (None: well). It must have had as many test cases as expected."""
    before = tier.passed + len(tier.failures) + len(tier.skips)
    failures, skips = len(tier.failures), len(tier.skips)
    tier.plan = None
    running = read_log(log, tier)
    finished = tier.passed + len(tier.failures) + len(tier.skips) - before
    # v3 calls it an error when all were skipped, or when none fits the arguments.
    only_skips = finished == len(tier.skips) - skips and (finished > 0 or (arguments and tier.plan == 0))
    failed = len(tier.failures) > failures
    if running is not None:
        tier.failures.append(f"{running}: {ended or 'it ended the test binary'}")
        finished += 1
    elif ended and not failed and not (ended.startswith("exit status") and only_skips):
        tier.failures.append(f"{tier.binary}: {ended}")
    elif ended and finished and not ended.startswith("exit status") and failed:
        tier.failures[-1] += f" ({ended})"  # Catch2's own signal handler has written the failure
    planned = expected if expected is not None else tier.plan
    if planned is not None and finished < planned:
        tier.failures.append(f"{planned - finished} test cases did not run ({ended})")
    elif expected is not None and finished > expected:
        tier.failures.append(f"{finished - expected} test cases too many ran")


def print_times(tiers):
    began = os.environ.get("AIOTRACE_TEST_BEGAN")
    if began:
        setup = time.time() - float(began) - sum(tier.seconds for tier in tiers)
        print("TIME %6.0f s  set-up and build" % setup)
    for tier in tiers:
        print("TIME %6.0f s  %s: %d test cases" % (tier.seconds, tier.name, len(tier.times)))
    times = sorted(((ms, tier.name, name) for tier in tiers for ms, name in tier.times), reverse=True)
    for ms, tier_name, name in times[:SLOWEST]:
        print("SLOW %6.1f s  %s: %s" % (ms / 1000, tier_name, name))


def main(argv):
    arguments = []
    if "--" in argv:
        split = argv.index("--")
        argv, arguments = argv[:split], argv[split + 1 :]
    if not argv or any("=" not in item for item in argv):
        print(__doc__, file=sys.stderr)
        return 2
    verbose = os.environ.get("V") == "1"
    # Shared with the root tier's process under sudo, and so not in a directory that only we may enter.
    tiers = []
    with tempfile.TemporaryDirectory(prefix="aiotrace-tests-") as scratch:
        for item in argv:
            tier = Tier(*item.split("=", 1))
            tiers.append(tier)
            print(f"== {tier.name}: {shlex.join([tier.binary, *arguments])}", flush=True)
            begin = time.monotonic()
            run(tier, arguments, scratch, verbose)
            tier.seconds = time.monotonic() - begin

    print_times(tiers)
    for tier in tiers:
        for name, reason in tier.skips:
            print(f"SKIPPED {tier.name}: {name}: {reason}")
    for tier in tiers:
        for text in tier.failures:
            print(f"FAILED {tier.name}: {text}")
    passed = sum(tier.passed for tier in tiers)
    failed = sum(len(tier.failures) for tier in tiers)
    skipped = sum(tier.skipped_whole or len(tier.skips) for tier in tiers)
    if passed + failed + skipped == 0:
        print("FAILED: no test case ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("run_tests: interrupted", file=sys.stderr)
        sys.exit(130)
