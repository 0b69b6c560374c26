"""Injected time against reported time. Pure; everything in ns.

aiotrace reports the causes of a stall as sums. So, for each stall: time that was injected and reported under one cause
is on the diagonal. The missing time of a cause is distributed over the causes that have too much, in proportion; this
never makes the diagonal too large. Time of a stall that is not the purpose of a way (to start the next part, a system
call that a way needs) has a row of its own, `beside`. The column `nothing` is injected time that was not reported, the
row `nothing` is reported time that was not injected.
"""
from suite import CAUSES, SAMPLED, causes

BESIDE, NOTHING = "beside", "nothing"
ROWS = CAUSES + (BESIDE, NOTHING)
COLUMNS = causes.NAMES + (NOTHING,)
LIMITS = {cause: 0.97 if cause in SAMPLED else 0.99 for cause in CAUSES}
CULPRITS_LIMIT = 0.99
WARN_NS = 50 * 1000 * 1000


class Matrix:
    def __init__(self):
        self.ns = {row: dict.fromkeys(COLUMNS, 0.0) for row in ROWS}

    def add(self, injected, reported):
        """Two {cause: ns} of one stall."""
        lack = dict(injected)
        extra = dict(reported)
        for cause in CAUSES:
            same = min(lack.get(cause, 0), extra.get(cause, 0))
            if same > 0:
                self.ns[cause][cause] += same
                lack[cause] -= same
                extra[cause] -= same
        lacking, too_much = sum(lack.values()), sum(extra.values())
        whole = max(lacking, too_much)
        if whole <= 0:
            return
        for row, missing in lack.items():
            for column, surplus in extra.items():
                self.ns[row][column] += missing * surplus / whole
            self.ns[row][NOTHING] += missing * (whole - too_much) / whole
        for column, surplus in extra.items():
            self.ns[NOTHING][column] += surplus * (whole - lacking) / whole

    def merge(self, other):
        for row in ROWS:
            for column in COLUMNS:
                self.ns[row][column] += other.ns[row][column]

    def total(self, row):
        return sum(self.ns[row].values())

    def share(self, row, column):
        """Of the time injected as `row`, the part reported as `column`; None without any."""
        total = self.total(row)
        return self.ns[row][column] / total if total else None

    def diagonal(self, causes=CAUSES):
        total = sum(self.total(cause) for cause in causes)
        return sum(self.ns[cause][cause] for cause in causes) / total if total else None


def limits_of(stall):
    if stall.get("iteration_end_ns"):
        return stall["iteration_start_ns"], stall["iteration_end_ns"]
    return stall["start_ns"], stall["end_ns"]


def injected_of(stall):
    """{cause: ns} of the whole iteration."""
    sums = {}
    for part in stall["parts"]:
        for cause, ns in part["injected"].items():
            sums[cause] = sums.get(cause, 0) + ns
    start, end = limits_of(stall)
    rest = end - start - sum(sums.values())
    sums[BESIDE] = sums.get(BESIDE, 0) + max(0, rest)
    return sums


def find(stall, seen):
    """The reported stall that shares most time with it, if that is at least half of it."""
    start, end = limits_of(stall)

    def common(one):
        return min(end, one["start_ns"] + one["duration_ns"]) - max(start, one["start_ns"])

    best = max(seen, key=common, default=None)
    return best if best and 2 * common(best) > end - start else None


class Outcome:
    """One labelled stall and the stall that aiotrace reported for it (None: none)."""

    def __init__(self, stall, seen, python):
        self.stall, self.seen, self.python = stall, seen, python
        self.injected = injected_of(stall)
        self.reported = seen["causes"] if seen else {}

    @property
    def matrix(self):
        matrix = Matrix()
        matrix.add(self.injected, self.reported)
        return matrix


def outcomes(records, seen, python):
    """Records of stalls that are long enough, each with the reported stall; each reported stall is used once."""
    result, left = [], list(seen)
    due = [r for r in records if "parts" in r and r["end_ns"] - r["start_ns"] >= WARN_NS]
    for stall in sorted(due, key=lambda r: r["start_ns"]):
        best = find(stall, left)
        if best:
            left.remove(best)
        result.append(Outcome(stall, best, python))
    return result
