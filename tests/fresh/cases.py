"""Cases, a line for each on the terminal and, as a tier, in the log of tools/run_tests.py."""
import os
import subprocess
import time

from program import Failed
from roots import Unavailable


class TestLog:
    """What tools/run_tests.py reads; nothing without it."""

    def __init__(self):
        path = os.environ.get("AIOTRACE_TEST_LOG")
        self.file = open(path, "a", encoding="utf-8") if path else None

    def write(self, *fields):
        if self.file:
            print(*fields, sep="\t", file=self.file, flush=True)


class Cases:
    """Runs them, one line for each."""

    def __init__(self):
        self.log, self.failed = TestLog(), False

    def only_planned(self):
        """True where run_tests.py only asks what there would be: how many depends on what can be had."""
        return "AIOTRACE_TEST_PLAN" in os.environ

    def run(self, name, function, *arguments):
        """Whether it passed. A text that the function returns is shown next to it."""
        self.log.write("start", name)
        begin = time.monotonic()
        try:
            detail = function(*arguments)
            result, reason = "passed", ""
        except Unavailable as why:
            detail, result, reason = None, "skipped", str(why)
        except (Failed, ValueError, KeyError, OSError, subprocess.SubprocessError) as why:
            detail, result, reason = None, "failed", "%s%s" % ("" if isinstance(why, Failed) else type(why).__name__ + ": ", why)
            self.failed = True
        milliseconds = round(1000 * (time.monotonic() - begin))
        reason = reason.replace("\n", " | ").replace("\t", " ")
        self.log.write(result, milliseconds, 1, name, reason)
        shown = reason or (detail if isinstance(detail, str) else "")
        print("  %s %s: %s%s" % (result.upper() if result == "failed" else result, name, duration(milliseconds / 1000),
                                 "; " + shown if shown else ""), flush=True)
        return result == "passed"


def duration(seconds):
    return "%d min %02d s" % divmod(round(seconds), 60) if seconds >= 60 else "%.1f s" % seconds
