"""Compares the faults that a target recorded with the stalls that aiotrace reported. Pure.

A fault is *due* when its blocking part alone reaches the threshold. A stall is *invented* when neither a fault nor an
iteration that the target itself saw to be long lies under it, or when its fault has been matched already (one stall
reported as two). Everything in ns of CLOCK_MONOTONIC.
"""

SLACK_NS = 1000 * 1000  # the target's own clock stops before the poll's entry
TOLERANCE_NS = 200 * 1000
TOLERANCE_SHARE = 0.005
RIGHT_CAUSE_SHARE = 0.95
# Another program takes the CPU: then the stall has a second cause, which the target sees in the kernel's count.
DISTURBED_SHARE = 0.03


class Match:
    def __init__(self, fault, stall):
        self.fault, self.stall = fault, stall

    @property
    def own_ns(self):
        """The iteration as the target saw it, where it looked; else the blocking part, which is a little less."""
        if self.fault.get("iteration_end_ns"):
            return self.fault["iteration_end_ns"] - self.fault["iteration_start_ns"]
        return self.fault["end_ns"] - self.fault["start_ns"]

    @property
    def error_ns(self):
        return self.stall["duration_ns"] - self.own_ns

    @property
    def longest_ns(self):
        """Upper bound of the iteration. own_ns is what the target's clock read inside of the two polls, this is what it read
        outside of them (see ClockedSelector). A delay between its clock and a poll belongs to the iteration."""
        start, end = limits(self.fault)
        return self.fault.get("outer_end_ns", end) - self.fault.get("outer_start_ns", start)

    @property
    def is_held_up(self):
        """Whether the duration is right only together with a delay between the target's clock and a poll."""
        return self.duration_is_right and self.error_ns > self.slack_ns

    @property
    def slack_ns(self):
        return max(TOLERANCE_NS, TOLERANCE_SHARE * self.own_ns)

    @property
    def duration_is_right(self):
        slack = self.slack_ns
        return self.own_ns - slack <= self.stall["duration_ns"] <= self.longest_ns + slack

    @property
    def cause_share(self):
        """The expected cause's share of the stall."""
        return self.stall["causes"].get(self.fault["expected_cause"], 0) / self.stall["duration_ns"]

    @property
    def cause_is_right(self):
        return self.cause_share >= RIGHT_CAUSE_SHARE

    @property
    def is_single(self):
        """Whether the stall had one cause: the fault has one, and no other process took the target's CPU."""
        waited = self.fault.get("wait_ns") or 0
        disturbed = self.fault["expected_cause"] != "cpu-wait" and waited > DISTURBED_SHARE * self.own_ns
        return self.fault["single"] and not disturbed

    @property
    def cpu_wait_agrees(self):
        """Whether the wait for a CPU equals the kernel's count, within 1 % of the stall; None: not counted."""
        if self.fault.get("wait_ns") is None:
            return None
        reported = self.stall["causes"].get("cpu-wait", 0) + self.stall["causes"].get("throttled", 0)
        return abs(reported - self.fault["wait_ns"]) <= max(TOLERANCE_NS, 0.01 * self.stall["duration_ns"])

    @property
    def sums_up(self):
        """Whether causes and segments add up to the duration within 1 %."""
        duration = self.stall["duration_ns"]
        sums = (sum(self.stall["causes"].values()), sum(s["ns"] for s in self.stall["segments"]))
        return all(abs(total - duration) <= 0.01 * duration for total in sums)

    @property
    def place_is_right(self):
        """Whether the largest segment of the expected cause has the function and line that blocked in its stack."""
        segments = [s for s in self.stall["segments"] if s["cause"] == self.fault["expected_cause"]]
        if not segments:
            return False
        for frame in segments[0].get("stack") or []:
            if frame["function"] == self.fault["function"]:
                return self.fault["line"] <= (frame["line"] or 0) <= self.fault["last_line"]
        return False

    @property
    def task_is_right(self):
        task = self.stall.get("task")
        if self.fault["task"] is None:
            return task is None
        return bool(task) and (task["name"], task["coroutine"]) == (self.fault["task"], self.fault["coroutine"])


class Result:
    def __init__(self):
        self.matches = []  # every fault with a stall
        self.missed = []  # due, not found
        self.invented = []  # stalls
        self.due = 0


def overlap(start, end, other_start, other_end):
    return min(end, other_end) - max(start, other_start)


def limits(fault):
    if fault.get("iteration_end_ns"):
        return fault["iteration_start_ns"], fault["iteration_end_ns"]
    return fault["start_ns"], fault["end_ns"]


def match(records, stalls, warn_ns):
    """`records` and `stalls` of one process."""
    result = Result()
    unused = sorted(stalls, key=lambda s: s["start_ns"])
    faults = sorted((r for r in records if r["kind"] != "incidental"), key=lambda r: r["start_ns"])
    long = [r for r in records if r["kind"] == "incidental" and r["end_ns"] - r["start_ns"] >= warn_ns - SLACK_NS]
    for fault in faults:
        start, end = limits(fault)
        best = max(unused, default=None,
                   key=lambda s: overlap(start, end, s["start_ns"], s["start_ns"] + s["duration_ns"]))
        is_due = fault["end_ns"] - fault["start_ns"] >= warn_ns
        result.due += is_due
        can_be = end - start >= warn_ns - SLACK_NS
        # Half of the fault at least: a stall that only overlaps its end is a different one.
        if best and can_be and 2 * overlap(start, end, best["start_ns"],
                                           best["start_ns"] + best["duration_ns"]) > end - start:
            unused.remove(best)
            result.matches.append(Match(fault, best))
        elif is_due:
            result.missed.append(fault)
    for stall in unused:
        if not any(overlap(r["start_ns"], r["end_ns"], stall["start_ns"], stall["start_ns"] + stall["duration_ns"]) > 0
                   for r in long):
            result.invented.append(stall)
    return result
