"""The results as text, as Markdown for user/doc/measurements.md, and as data."""
from culprits import Culprits
from matrix import BESIDE, COLUMNS, CULPRITS_LIMIT, LIMITS, NOTHING, ROWS, Matrix
from suite import CAUSES, WAYS


class Result:
    def __init__(self, outcomes, skipped, complaints, unseen=0):
        self.outcomes, self.skipped, self.complaints = outcomes, skipped, complaints
        self.unseen = unseen  # switches that the kernel did not report, as aiotrace counted them
        self.matrix, self.culprits = Matrix(), Culprits()
        for outcome in outcomes:
            self.matrix.merge(outcome.matrix)
            self.culprits.add(outcome)

    def not_testable(self):
        """{cause: reason} of the causes that could not be injected on any interpreter."""
        reasons = {}
        for record in self.skipped:
            for way_cause in record["causes"]:
                if not self.matrix.total(way_cause):
                    reasons[way_cause] = record["skipped"]
        return reasons

    def causes(self):
        return [cause for cause in CAUSES if self.matrix.total(cause)]

    def verdicts(self):
        """[(what, measured, limit, good)…]."""
        rows = []
        for cause in self.causes():
            share = self.matrix.share(cause, cause)
            rows.append(("time of " + cause, share, LIMITS[cause], share >= LIMITS[cause]))
        for cause in CAUSES:
            share = self.culprits.share([cause])
            if share is not None:
                rows.append(("culprit of " + cause, share, CULPRITS_LIMIT, self.enough([cause], share, 1)))
        share = self.culprits.share(CAUSES)
        if share is not None:
            rows.append(("culprits, all", share, CULPRITS_LIMIT, self.enough(CAUSES, share, 2)))
        # In a long wait for a CPU only the process that ran last is known, which is often an unrelated process on a
        # busy machine.
        others = [cause for cause in CAUSES if cause != "cpu-wait"]
        share = self.culprits.share(others)
        if share is not None:
            rows.append(("culprits, but for cpu-wait", share, CULPRITS_LIMIT, self.enough(others, share, 2)))
        return rows

    def enough(self, causes, share, spared):
        """With few stalls, 1 % of them is less than one stall: so `spared` of them may be missed."""
        few = self.culprits.number(causes) < 100 * spared
        missed = round((1 - share) * self.culprits.number(causes))
        return share >= CULPRITS_LIMIT or (few and missed <= spared)

    def good(self):
        return bool(self.outcomes) and not self.complaints and all(row[3] for row in self.verdicts())

    def data(self):
        return {
            "matrix_ns": self.matrix.ns,
            "verdicts": [{"what": what, "measured": share, "limit": limit, "good": good}
                         for what, share, limit, good in self.verdicts()],
            "culprits": {"asked": self.culprits.asked, "right": self.culprits.right, "wrong": self.culprits.wrong},
            "not_testable": self.not_testable(), "complaints": self.complaints,
            "stalls": [{"python": o.python, "label": o.stall["label"], "start_ns": o.stall["start_ns"],
                        "injected": o.injected, "reported": o.reported, "parts": o.stall["parts"],
                        "seen": o.seen} for o in self.outcomes],
        }


def cells(matrix):
    """Header and rows of text: percent of the time injected."""
    used = [c for c in COLUMNS if any(matrix.ns[row][c] for row in ROWS)]
    rows = [["injected \\ reported", "seconds", *used]]
    for row in ROWS:
        total = matrix.total(row)
        if total:
            values = ["·" if matrix.share(row, c) < 0.00005 else "%.2f" % (100 * matrix.share(row, c)) for c in used]
            rows.append([row, "%.2f" % (total / 1e9), *values])
    return rows


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  " + row[0].ljust(widths[0]) + "  " + "  ".join(c.rjust(w) for c, w in zip(row[1:], widths[1:])))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def worst(result, number):
    """The stalls with most time off the diagonal."""
    def off(outcome):
        lack = {cause: ns - outcome.reported.get(cause, 0) for cause, ns in outcome.injected.items() if cause != BESIDE}
        return sum(ns for ns in lack.values() if ns > 0)

    return sorted(result.outcomes, key=off, reverse=True)[:number]


def in_ms(causes):
    return " ".join("%s %.1f" % (cause, ns / 1e6) for cause, ns in sorted(causes.items(), key=lambda i: -i[1]))


def print_text(result, verbose):
    matrix = result.matrix
    print("\nInjected cause x reported cause, percent of the injected time (%d stalls)\n" % len(result.outcomes))
    print_table(cells(matrix))
    print("\n  %s: needed by a way but not its purpose; %s: not reported, or not injected\n" % (BESIDE, NOTHING))
    rows = [["", "measured", "must", ""]]
    for what, share, limit, good in result.verdicts():
        count = ""
        if what.startswith("culprit of "):
            cause = what.split()[-1]
            count = " (%d of %d)" % (result.culprits.right.get(cause, 0), result.culprits.asked[cause])
        rows.append([what, "%.2f %%%s" % (100 * share, count), ">= %g %%" % (100 * limit),
                     "ok" if good else "NOT REACHED"])
    print_table(rows)
    for cause, reason in result.not_testable().items():
        print("  not testable here: %s: %s" % (cause, reason))
    for text in result.complaints:
        print("  FAILED: " + text)
    for record in result.skipped:
        print("  skipped: %s: %s" % (record["label"], record["skipped"]))
    if result.culprits.wrong:
        print("\n  culprits not named right:")
        for wrong in result.culprits.wrong[:None if verbose else 12]:
            print("    %(python)s %(way)s: expected %(expected)s, reported %(reported)s" % wrong)
    if verbose or not result.good():
        print("\n  most time under a wrong cause, in ms:")
        for outcome in worst(result, 40 if verbose else 12):
            print("    %s %s: injected %s; reported %s" % (
                outcome.python, outcome.stall["label"], in_ms(outcome.injected), in_ms(outcome.reported) or "nothing"))


def markdown(result):
    """The matrix without empty rows and columns, and the culprits."""
    rows = cells(result.matrix)
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" + "---:|" * (len(rows[0]) - 1)]
    for row in rows[1:]:
        bold = [("**%s**" % c if name == row[0] else c) for name, c in zip(rows[0], row)]
        lines.append("| " + " | ".join(bold) + " |")
    lines += ["", "| culprit of | ways | named right |", "|---|---|---:|"]
    for cause in CAUSES:
        if result.culprits.asked.get(cause):
            lines.append("| %s | %s | %d of %d |" % (cause, ", ".join(WAYS[cause]), result.culprits.right.get(cause, 0),
                                                     result.culprits.asked[cause]))
    return "\n".join(lines) + "\n"
