"""Injected time against reported time. Pure; everything in ns.

aiotrace tells the causes of a stall as sums. So, for each stall: what was injected and reported under one cause is on
the diagonal; what a cause lacks is spread over the causes that have too much, in proportion. That never makes the
diagonal larger than it is. Time that is part of a stall but of no way's purpose (starting the next part, a system call
that a way needs) has a row of its own, `beside`; what no stall told, or told too much, is `nothing`.
"""
from suite import CAUSES, SAMPLED

BESIDE, NOTHING = "beside", "nothing"
ROWS = CAUSES + (BESIDE, NOTHING)
COLUMNS = CAUSES + (NOTHING,)
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


def find(stall, told):
    """The told stall that shares most time with it, if that is half of it at least."""
    start, end = limits_of(stall)

    def common(one):
        return min(end, one["start_ns"] + one["duration_ns"]) - max(start, one["start_ns"])

    best = max(told, key=common, default=None)
    return best if best and 2 * common(best) > end - start else None


class Outcome:
    """One labelled stall and what was told of it (None: nothing)."""

    def __init__(self, stall, told, python):
        self.stall, self.told, self.python = stall, told, python
        self.injected = injected_of(stall)
        self.reported = told["causes"] if told else {}

    @property
    def matrix(self):
        matrix = Matrix()
        matrix.add(self.injected, self.reported)
        return matrix


def outcomes(records, told, python):
    """Records that are stalls long enough, each with what was told; each told stall serves once."""
    result, left = [], list(told)
    due = [r for r in records if "parts" in r and r["end_ns"] - r["start_ns"] >= WARN_NS]
    for stall in sorted(due, key=lambda r: r["start_ns"]):
        best = find(stall, left)
        if best:
            left.remove(best)
        result.append(Outcome(stall, best, python))
    return result
