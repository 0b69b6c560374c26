"""The short form as a tier of tools/run_tests.py: writes the log that it counts, as tests/catch_main.cpp does."""
import os
import sys
import time

import report
import suite

# Each with the cause that it is about; None: all.
CASES = ([("accuracy: every target ran", None)] + [("accuracy: time of " + cause, cause) for cause in suite.CAUSES] +
         [("accuracy: culprits, but for cpu-wait", None)])

SHORT_LIMIT = 0.9  # of the sampled causes
# Some guest kernels have switches without a tracepoint event; aiotrace counts those that it notices. A cause has half a
# second here, and one such wait is more than 1 % of it.
UNSEEN_NS = 8 * 1000 * 1000


def is_one():
    return bool(os.environ.get("AIOTRACE_TEST_LOG"))


def log(*fields):
    with open(os.environ["AIOTRACE_TEST_LOG"], "a") as file:
        file.write("\t".join(str(field).replace("\t", " ").replace("\n", " ") for field in fields) + "\n")


def wanted(arguments):
    """Names or tags as Catch2 takes them; only the simplest forms are supported."""
    return not arguments or any(text.strip('"*').startswith(("[accuracy]", "accuracy")) for text in arguments)


def reported_as(matrix, cause):
    """The cause under which most of the missing time was reported."""
    if not cause:
        return ""
    other = max((column for column in matrix.ns[cause] if column != cause), key=matrix.ns[cause].get)
    return "; %.2f %% was reported as %s" % (100 * matrix.share(cause, other), other)


def run(arguments, measure):
    if not wanted(arguments):
        log("plan", 0)
        return 0
    log("plan", len(CASES))
    if os.environ.get("AIOTRACE_TEST_PLAN"):
        return 0
    log("start", CASES[0][0])
    begin = time.monotonic()
    result = measure()
    elapsed = round(1000 * (time.monotonic() - begin))
    verdicts = {"accuracy: " + what: (share, limit, good) for what, share, limit, good in result.verdicts()}
    missing = result.not_testable()
    failed = False
    for number, (name, cause) in enumerate(CASES):
        if number:
            log("start", name)
        if number == 0:
            state, reason = ("failed", "; ".join(result.complaints)) if result.complaints else ("passed", "")
        elif name in verdicts:
            share, limit, good = verdicts[name]
            # A few short stalls have too few samples for the bound of the whole suite: one of ten milliseconds is 3 %.
            if cause in suite.SAMPLED:
                limit, good = SHORT_LIMIT, share >= SHORT_LIMIT
            elif cause:
                lacking = (limit - share) * result.matrix.total(cause)
                good = good or lacking <= UNSEEN_NS * min(result.unseen, 1)
            state = "passed" if good else "failed"
            reason = "" if good else "%.2f %%, must be %g %%%s" % (100 * share, 100 * limit, reported_as(result.matrix, cause))
        else:
            state, reason = ("skipped", missing[cause]) if cause in missing else ("failed", "nothing was injected")
        failed = failed or state == "failed"
        log(state, elapsed if number == 0 else 0, 1, name, reason)
    if not result.good():
        report.print_text(result, False)
    sys.stdout.flush()
    return 1 if failed else 0
