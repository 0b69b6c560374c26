"""What aiotrace wrote against what happened. Each function gives a list of complaints, empty if all is well."""
import os

ON_CPU = ("python", "native", "gc", "kernel")
WAITS_WRONG, CPU_WRONG = 0.10, 0.20  # of the time: waits are exact, the split of CPU time is sampled
TICK_NS = 12_000_000  # the kernel counts the CPU time of a thread that runs by ticks, three of them at either end


def brief(stall):
    frame = next((each for segment in stall["segments"] for each in segment.get("stack") or ()), None)
    where = "%s %s:%s" % (frame["function"], frame["file"], frame["line"]) if frame else "no stack"
    causes = ", ".join("%s %.1f ms" % (name, ns / 1e6) for name, ns in sorted(stall["causes"].items(), key=lambda row: -row[1]))
    return "stall %d of %.1f ms at %d, pid %d tid %d: %s; %s" % (stall["id"], stall["duration_ns"] / 1e6, stall["start_ns"], stall["pid"], stall["tid"], causes, where)


def invented(stalls, witness):
    """Stalls of healthy services that the kernel contradicts."""
    bad = []
    for stall in stalls:
        start, end = stall["start_ns"], stall["start_ns"] + stall["duration_ns"]
        polls = witness.in_poll(stall["tid"], stall["loop"]["epfd"], start, end)
        if polls:
            bad.append("it was seen %d times in its poll meanwhile: %s" % (polls, brief(stall)))
        bounds = witness.bounds(stall["tid"], start, end)
        if bounds:
            cpu = sum(stall["causes"].get(cause, 0) for cause in ON_CPU)
            if cpu > bounds[0] + TICK_NS + CPU_WRONG * cpu:
                bad.append("it has used the CPU for %.1f ms at most: %s" % (bounds[0] / 1e6, brief(stall)))
            if stall["causes"].get("cpu-wait", 0) > bounds[1] + TICK_NS + CPU_WRONG * bounds[1]:
                bad.append("it has waited for a CPU for %.1f ms at most: %s" % (bounds[1] / 1e6, brief(stall)))
    return bad


MAPS = ("mmap", "munmap", "mremap", "mprotect", "madvise", "brk")


def our_doing(stalls):
    """A service that nobody else looks at does not wait for its own memory map: who reads it from outside holds that lock."""
    bad = [stall for stall in stalls if sum(each["ns"] for each in stall["segments"] if each["cause"] == "other" and each["syscall"] in MAPS) > stall["duration_ns"] / 2]
    return ["%d stalls by who reads the service's memory, the longest: %s" % (len(bad), brief(max(bad, key=lambda stall: stall["duration_ns"])))] if bad else []


def sums(stalls):
    return ["the causes add up to %d: %s" % (sum(stall["causes"].values()), brief(stall)) for stall in stalls
            if abs(sum(stall["causes"].values()) - stall["duration_ns"]) > 0.01 * stall["duration_ns"] + 1000]


def held_up(stalls):
    """A timer that was due before an iteration would have run in it: none is later than the iteration is long, but for the poll before."""
    late = [stall for stall in stalls if stall["held_up"] and not stall["at_least"] and (stall["held_up"]["timers_late_ns"] or 0) > 2 * stall["duration_ns"]]
    return ["timers of %d stalls late by up to %.1f s: %s" % (len(late), late[0]["held_up"]["timers_late_ns"] / 1e9, brief(late[0]))] if late else []


def places(records, rows):
    """Each fault that waited has a row of its cause at its line; the place of what a library did is not the script that started the service."""
    bad = []
    for record in records:
        if record["cause"] in ON_CPU:
            continue
        here = [row for row in rows if row["function"] and row["function"].rpartition(".")[2] == record["function"] and row["file"] == record["file"] and
                row["cause"] == record["cause"] and record["line"] <= row["line"] < record["line"] + record["lines"]]
        if not here and not any(row["others"] for row in rows):
            like = ["%s %s:%s %.1f ms" % (row["function"], row["file"], row["line"], row["ns"] / 1e6) for row in rows if row["cause"] == record["cause"]]
            bad.append("no place %s %s:%d of %s; there are %s" % (record["function"], record["file"], record["line"], record["cause"], like[:4]))
    return bad


def place(row):
    frames = row.get("stack") or [{"function": None, "file": row.get("file"), "line": row.get("line")}]
    return "%s %s at %s:%s" % (row.get("coroutine"), frames[0]["function"], frames[0]["file"], frames[0]["line"])


def leaks(lines, known=()):
    """Leaks that are none: not left on purpose. `known`: the records of what was."""
    worst = {}
    for row in lines:
        if row["status"] == "leak" and not any(is_of(row, record) for record in known):
            worst[row["class"], row["coroutine"], row["line"]] = row
    return ["leak %s × %s, %.1f s: %s" % (row["class"], row["count"], (row["age_ns"] or 0) / 1e9, place(row)) for row in worst.values()]


def hangs(lines, known=(), allowed=("waiting",)):
    """Hangs that are none: of waits that were not made on purpose. `known`: ends of functions' names. `allowed`: verdicts that are right."""
    bad = {}
    for row in lines:
        names = {frame["function"] for party in row["waiters"] for frame in party["stack"]}
        # A thread of a pool that works for a task holds its future: true of each to_thread(), and no hang.
        works = row["verdict"] == "held" and (row["resource"] or {}).get("kind") == "future"
        if row["verdict"] not in allowed and not works and not any(name.endswith(known) for name in names):
            bad[row["id"]] = "hang %s%s: %s" % (row["verdict"], " (proved)" if row["exact"] else "", party_text(row))
    return list(bad.values())


def party_text(row):
    resource = row["resource"] or {}
    waiters = ", ".join("%s × %s in %s" % (each["name"], each["count"], (each["stack"] or [{"function": "?"}])[0]["function"]) for each in row["waiters"][:3])
    return "%s %s, waiters %s, holders %s" % (resource.get("kind"), resource.get("name"), waiters, [each["name"] for each in row["holders"]][:3])


def expected_ns(record):
    """(what the fault's cause must have, its tolerance)."""
    if record["cause"] in ON_CPU:
        return record["cpu_ns"], CPU_WRONG * record["cpu_ns"]
    waited = record["end_ns"] - record["start_ns"] - record["cpu_ns"] - record["delay_ns"]
    return waited, WAITS_WRONG * waited


def own_frame(stack, file):
    return next((frame for frame in stack or () if frame["file"].endswith(os.path.basename(file))), None)


def stall(record, stalls):
    """Whether a fault was reported as what it was."""
    slack = 1_000_000
    around = [each for each in stalls if each["pid"] == record["pid"] and each["tid"] == record["tid"] and
              each["start_ns"] <= record["start_ns"] + slack and each["start_ns"] + each["duration_ns"] >= record["end_ns"] - slack]
    what = "%s in %s line %d, %.1f ms" % (record["cause"], record["function"], record["line"], (record["end_ns"] - record["start_ns"]) / 1e6)
    if not around:
        near = [brief(each) for each in stalls if each["pid"] == record["pid"] and each["start_ns"] < record["end_ns"] and
                each["start_ns"] + each["duration_ns"] > record["start_ns"]]
        return ["missed: %s%s" % (what, "; there is " + "; ".join(near) if near else "")]
    found, bad = around[0], []
    expected, tolerance = expected_ns(record)
    got = found["causes"].get(record["cause"], 0)
    if abs(got - expected) > tolerance:
        bad.append("%s has %.1f ms, expected %.1f" % (record["cause"], got / 1e6, expected / 1e6))
    segment = next((each for each in found["segments"] if each["cause"] == record["cause"]), None)
    frame = own_frame(segment and segment.get("stack"), record["file"])
    if segment and (not frame or frame["function"].rpartition(".")[2] != record["function"]):
        bad.append("its frame is %s" % (frame or (segment.get("stack") or [None])[0]))
    elif segment and not record["line"] <= frame["line"] < record["line"] + record["lines"]:
        bad.append("its line is %s, not %d" % (frame["line"], record["line"]))
    task = found["task"] or {}
    if task.get("coroutine") != record["coroutine"] or task.get("name") != record["task"]:
        bad.append("its task is %s (%s), not %s (%s)" % (task.get("name"), task.get("coroutine"), record["task"], record["coroutine"]))
    bad += culprit(record, (segment or {}).get("culprit") or {})
    return ["%s: %s; %s" % (what, "; ".join(bad), brief(found))] if bad else []


def culprit(record, found):
    bad = ["its culprit's %s is %r, not %r" % (name, found.get(name), value) for name, value in record.get("culprit", {}).items() if found.get(name) != value]
    if record.get("holder_function"):
        stack = found.get("stack") or (found.get("holder") or {}).get("stack")
        if not any(frame["function"].endswith(record["holder_function"]) for frame in stack or ()):
            bad.append("its holder stands in %s" % [frame["function"] for frame in stack or ()])
    return bad


def is_of(row, record):
    """An eager task that has ended in its first step keeps no coroutine: none is known then."""
    if row["coroutine"] is None:
        return row["class"] == record["class"] == "unread-exception"
    return row["coroutine"].endswith(record["leaks"])


def leak(record, lines):
    """Whether a leak was found as such."""
    rows = [row for row in lines if is_of(row, record)]
    if not rows:
        return ["missed: %s × %s of %s" % (record["class"], record["count"], record["leaks"])]
    last = [row for row in rows if row["scan"] == rows[-1]["scan"]]
    right = [row for row in last if row["class"] == record["class"] and row["status"] == "leak"]
    if record["count"] is None:  # of what was dropped only the line is known
        right = [row for row in right if row["line"] == record["line"]]
    if right and sum(row["count"] or 0 for row in right) == (record["count"] or 0):
        return []
    return ["%s × %s of %s is %s" % (record["class"], record["count"], record["leaks"],
                                     ", ".join("%s %s × %s%s" % (row["status"], row["class"], row["count"], " (idle)" if row["idle"] else "") for row in last))]


def not_clean(records, counts):
    """A run that is too short to know an age does not call it clean: `counts` of its summary, by class."""
    if not counts:
        return ["there is no count of leaks"]
    bad = []
    for record in records:
        seen = sum((counts[kind] or {}).get(record["class"], 0) for kind in ("leaks", "candidates"))
        if seen < (record["count"] or 1):
            bad.append("a short run counts %d of class %s, there are %s" % (seen, record["class"], record["count"]))
    return bad


def counted(record, row):
    """How many of those that a fault has made wait are in a hang; others may wait behind them."""
    return sum(party["count"] for party in row["waiters"] if any(frame["function"].endswith(record["waiters"]) for frame in party["stack"]))


def hang(record, lines):
    rows = [row for row in lines if counted(record, row)]
    kind = record.get("resource")
    what = "%s of %d in %s%s" % (record["verdict"][0], record["count"], record["waiters"], " on " + kind if kind else "")
    if not rows:
        return ["missed: " + what]
    if any(row["verdict"] in record["verdict"] and counted(record, row) == record["count"] and kind in (None, (row["resource"] or {}).get("kind")) for row in rows):
        return []
    said = {"%s of %d on %s" % (row["verdict"], counted(record, row), (row["resource"] or {}).get("kind")) for row in rows}
    return ["%s is %s" % (what, "; ".join(sorted(said)))]
