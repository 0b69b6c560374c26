"""The injections: ways by cause, and mixtures. Pure."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import causes  # noqa: E402

CAUSES = causes.SEEN
SAMPLED = causes.ON_CPU

WAYS = {
    "python": ("python", "sort", "recursion", "regex"),
    "native": ("native", "pbkdf2", "json", "bz2", "sqlite", "memmove"),
    "gc": ("gc", "gc-cycles", "gc-finalizers", "gc-automatic"),
    "kernel": ("kernel", "kernel-zero", "memfd-write", "mmap-populate"),
    "gil": ("gil", "gil-spinner", "gil-sort", "gil-sleeper", "gil-in-poll"),
    "lock": ("lock", "event", "join", "queue"),
    "sleep": ("sleep", "select-sleep", "usleep"),
    "file": ("file", "fifo-open", "fsync", "flock", "lockf"),
    "network": ("network", "unix", "udp", "http", "poll", "epoll", "select", "tcp6"),
    "process": ("process", "child-pipe", "waitid", "popen"),
    "fault": ("fault-anonymous", "fault-shared", "fault-cold-file"),
    "other": ("other", "pause", "semtimedop"),
    "stopped": ("stop", "stop-running", "ptrace", "freezer"),
    "cpu-wait": ("cpu-wait", "cpu-share", "cpu-share-native", "cpu-wakeups"),
    "throttled": ("quota", "quota-native", "quota-kernel", "quota-of-parent"),
}
MIXTURES = (
    ("python", "sleep"),
    ("file", "python"),
    ("gil-sort", "network"),
    ("gc-cycles", "native"),
    ("kernel", "lock"),
    ("process", "recursion"),
    ("sleep", "udp", "flock"),
    ("bz2", "usleep"),
    ("stop-running", "unix"),
    ("other", "gc-finalizers"),
    ("cpu-share", "select-sleep"),
    ("fault-anonymous", "json", "queue"),
    ("gil-spinner", "fifo-open", "kernel-zero"),
    ("quota", "child-pipe"),
)
CAUSE_OF = {way: cause for cause, ways in WAYS.items() for way in ways}

LENGTH_MS = {"short": 80.0, "full": 150.0}
# A quota of 10 ms in each 50 ms: some periods are needed. The time of the regular expression is an estimate.
SLOWER = {"throttled": 3.0, "cpu-wait": 1.5, "gil-in-poll": 1.7}


def stalls(form, only=None, rounds=1):
    """[(label, [(way, ms)…])…]; `only`: a cause, and the mixtures that have it."""
    recipes = []
    for cause in CAUSES:
        if only in (None, cause):
            recipes += [(way,) for way in WAYS[cause]]
    recipes += [ways for ways in MIXTURES if only is None or only in [CAUSE_OF[way] for way in ways]]
    base, result = LENGTH_MS[form], []
    for number in range(rounds):
        for ways in recipes:
            length = base if len(ways) == 1 else 0.8 * base
            result.append(("%s-%d" % ("+".join(ways), number),
                           [(way, length * SLOWER.get(way, SLOWER.get(CAUSE_OF[way], 1.0))) for way in ways]))
    return result


def as_option(items):
    """As stalls.py takes them; it keeps labels with a + in them, since its separator comes first."""
    return ",".join("%s=%s" % (label, "+".join("%s:%g" % part for part in parts)) for label, parts in items)
