#!/usr/bin/env python3
"""The tests of the tools themselves (*_test.py below tools/ and tests/) as a tier of tools/run_tests.py: writes the log that it counts.

usage: run_unittests.py [PART-OF-A-TEST'S-NAME…]
"""
import glob
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def log(*fields):
    path = os.environ.get("AIOTRACE_TEST_LOG")
    if path:
        with open(path, "a") as file:
            file.write("\t".join(str(field).replace("\t", " ").replace("\n", " ") for field in fields) + "\n")


class Logged(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        log("start", test.id())

    def log_end(self, test, state, reason=""):
        log(state, round(1000 * (time.monotonic() - self.began)), 1, test.id(), reason)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.log_end(test, "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.log_end(test, "skipped", reason)

    def fail(self, test, error):
        text = self._exc_info_to_string(error, test)
        print("%s: %s" % (test.id(), text), file=sys.stderr)
        self.log_end(test, "failed", text.strip().splitlines()[-1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(subtest, err)


def each(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from each(item)
        else:
            yield item


def main(wanted):
    suite = unittest.TestSuite()
    folders = (HERE, os.path.join(os.path.dirname(HERE), "tests"))
    for path in sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "**", "*_test.py"), recursive=True)):
        sys.path.insert(0, os.path.dirname(path))
        suite.addTests(unittest.defaultTestLoader.loadTestsFromName(os.path.basename(path)[: -len(".py")]))
    # Names or tags as Catch2 takes them are for the other tiers.
    chosen = [t for t in each(suite) if not wanted or any(text.strip('"*[]') in t.id() for text in wanted)]
    log("plan", len(chosen))
    if os.environ.get("AIOTRACE_TEST_PLAN"):
        return 0
    result = Logged()
    unittest.TestSuite(chosen).run(result)
    print("%d tests, %d failed" % (result.testsRun, len(result.failures) + len(result.errors)))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
