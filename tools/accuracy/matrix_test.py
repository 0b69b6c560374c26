"""python3 tools/accuracy/matrix_test.py"""
import unittest

import suite
from culprits import Culprits, is_named
from matrix import BESIDE, NOTHING, Matrix, outcomes
from report import Result

MS = 1000000


def record(start, parts, around=0):
    """`parts`: (cause, ms, culprit), one after the other."""
    made, at = [], start
    for cause, length, culprit in parts:
        made.append({"way": cause, "cause": cause, "start_ns": at * MS, "end_ns": (at + length) * MS,
                     "injected": {cause: length * MS}, "culprit": culprit})
        at += length
    return {"label": "x", "start_ns": start * MS, "end_ns": at * MS, "parts": made,
            "iteration_start_ns": (start - around) * MS, "iteration_end_ns": (at + around) * MS}


def reported(start, *segments):
    """`segments`: (cause, ms, culprit)."""
    causes = {}
    for cause, length, _ in segments:
        causes[cause] = causes.get(cause, 0) + length * MS
    return {"start_ns": start * MS, "duration_ns": sum(causes.values()), "causes": causes,
            "segments": [{"cause": c, "ns": ns * MS, "syscall": None, "culprit": who} for c, ns, who in segments]}


class MatrixTest(unittest.TestCase):
    def test_right_is_on_the_diagonal(self):
        matrix = Matrix()
        matrix.add({"sleep": 60, "python": 40}, {"sleep": 60, "python": 40})
        self.assertEqual((matrix.diagonal(), matrix.total("sleep"), matrix.total("python")), (1.0, 60, 40))

    def test_a_wrong_cause_is_where_it_was_reported(self):
        matrix = Matrix()
        matrix.add({"sleep": 100}, {"file": 75, "sleep": 25})
        self.assertEqual((matrix.share("sleep", "sleep"), matrix.share("sleep", "file")), (0.25, 0.75))

    def test_swapped_causes_of_a_mixture(self):
        matrix = Matrix()
        matrix.add({"sleep": 80, "python": 20}, {"sleep": 20, "python": 80})
        self.assertEqual((matrix.ns["sleep"]["python"], matrix.ns["python"]["sleep"]), (60, 0))

    def test_not_reported_and_reported_too_much(self):
        matrix = Matrix()
        matrix.add({"lock": 100}, {"lock": 90})
        matrix.add({"gc": 10}, {"gc": 10, "kernel": 5})
        self.assertEqual((matrix.ns["lock"][NOTHING], matrix.ns[NOTHING]["kernel"]), (10, 5))

    def test_surplus_is_shared_with_what_had_no_label(self):
        matrix = Matrix()
        matrix.add({"file": 90, BESIDE: 10}, {"file": 80, "other": 20})
        self.assertEqual((matrix.ns["file"]["file"], matrix.ns["file"]["other"]), (80, 10))
        self.assertEqual(matrix.ns[BESIDE]["other"], 10)


class OutcomesTest(unittest.TestCase):
    def test_missed_short_and_twice(self):
        records = [record(0, [("sleep", 100, None)]), record(200, [("sleep", 40, None)]),
                   record(300, [("sleep", 100, None)])]
        found = outcomes(records, [reported(0, ("sleep", 100, None))], "3.11")
        self.assertEqual([o.reported for o in found], [{"sleep": 100 * MS}, {}])

    def test_time_around_the_parts_is_beside(self):
        found = outcomes([record(10, [("sleep", 100, None)], around=2)], [reported(8, ("sleep", 104, None))], "3.11")
        self.assertEqual(found[0].injected, {"sleep": 100 * MS, BESIDE: 4 * MS})


class CulpritsTest(unittest.TestCase):
    def named(self, expected, cause, *segments):
        part = record(0, [(cause, 100, expected)])["parts"][0]
        return is_named(part, reported(0, *segments))

    def test_path(self):
        self.assertTrue(self.named({"path": "/a"}, "file", ("file", 100, {"path": "/a (deleted)", "op": "read"})))
        self.assertFalse(self.named({"path": "/a"}, "file", ("file", 100, {"path": "/ab", "op": "read"})))
        self.assertFalse(self.named({"path": "/a"}, "file", ("file", 100, None)))

    def test_all_that_is_expected(self):
        stack = [{"function": "Outer.<locals>.spin"}]
        expected = {"thread": "t", "tid": 5, "function": "spin"}
        self.assertTrue(self.named(expected, "gil", ("gil", 100, {"thread": "t", "tid": 5, "stack": stack})))
        self.assertFalse(self.named(expected, "gil", ("gil", 100, {"thread": "t", "tid": 5, "stack": None})))
        self.assertFalse(self.named(expected, "gil", ("gil", 100, {"thread": "u", "tid": 5, "stack": stack})))

    def test_library_is_not_another_with_the_same_beginning(self):
        for library, good in (("libc.so.6", True), ("libc-2.31.so", True), ("libcrypto.so.3", False)):
            self.assertEqual(self.named({"library": "libc"}, "native", ("native", 100, {"library": library})), good)

    def test_most_of_the_time_must_be_named(self):
        right, wrong = {"pid": 7}, {"pid": 8}
        self.assertTrue(self.named(right, "process", ("process", 51, right), ("process", 49, wrong)))
        self.assertFalse(self.named(right, "process", ("process", 49, right), ("process", 51, wrong)))

    def test_who_ran_instead(self):
        ran = {"running": [{"pid": 7, "ns": 60 * MS}, {"pid": 9, "ns": 40 * MS}]}
        self.assertTrue(self.named({"running": [7, 8]}, "cpu-wait", ("cpu-wait", 100, ran)))
        self.assertFalse(self.named({"running": [9]}, "cpu-wait", ("cpu-wait", 100, ran)))

    def test_a_stall_that_was_not_reported_has_no_culprit(self):
        culprits = Culprits()
        culprits.add(outcomes([record(0, [("file", 100, {"path": "/a"})])], [], "3.11")[0])
        self.assertEqual((culprits.share(["file"]), len(culprits.wrong)), (0, 1))

    def test_a_cause_that_did_not_come_has_no_culprit(self):
        culprits = Culprits()
        way = record(0, [("gil", 100, {"tid": 7})])
        way["parts"][0]["injected"] = {"gil": 400_000, "python": 99 * MS}
        culprits.add(outcomes([way], [reported(0, ("python", 100, None))], "3.13t")[0])
        self.assertEqual((culprits.number(["gil"]), culprits.wrong), (0, []))


class ResultTest(unittest.TestCase):
    def result(self, right):
        records = [record(0, [("sleep", 1000, None)])]
        stalls = [reported(0, ("sleep", right, None), ("lock", 1000 - right, None))]
        return Result(outcomes(records, stalls, "3.11"), [], [])

    def test_bounds(self):
        self.assertTrue(self.result(990).good())
        self.assertFalse(self.result(989).good())
        self.assertFalse(Result([], [], []).good())

    def test_a_cause_that_could_not_be_injected_is_named(self):
        skipped = [{"label": "x", "causes": ["throttled"], "skipped": "no quota"}]
        result = Result(self.result(1000).outcomes, skipped, [])
        self.assertEqual((result.not_testable(), result.good()), ({"throttled": "no quota"}, True))


class SuiteTest(unittest.TestCase):
    def test_as_many_as_promised(self):
        self.assertEqual(set(suite.WAYS), set(suite.CAUSES))
        self.assertTrue(all(len(set(ways)) >= 3 for ways in suite.WAYS.values()))
        mixed = [ways for ways in suite.MIXTURES if len({suite.CAUSE_OF[way] for way in ways}) >= 2]
        self.assertGreaterEqual(len(mixed), 10)


if __name__ == "__main__":
    unittest.main()
