"""python3 tools/bench/match_test.py"""
import unittest

from match import match

MS = 1000000
WARN = 50 * MS


def fault(start, length, cause="sleep", kind="sleep", around=0.05):
    return {"kind": kind, "label": kind, "start_ns": start * MS, "end_ns": (start + length) * MS,
            "iteration_start_ns": int((start - around) * MS), "iteration_end_ns": int((start + length + around) * MS),
            "expected_cause": cause, "single": True, "task": "t", "coroutine": "main", "function": "block", "line": 7,
            "last_line": 7}


def stall(start, length, causes=None, line=7):
    causes = causes or {"sleep": int(length * MS)}
    segments = [{"cause": c, "ns": ns, "stack": [{"kind": "python", "function": "block", "line": line}]}
                for c, ns in causes.items()]
    return {"id": start, "start_ns": int(start * MS), "duration_ns": int(length * MS), "causes": causes,
            "segments": segments, "task": {"name": "t", "coroutine": "main"}}


class MatchTest(unittest.TestCase):
    def test_found_and_right(self):
        result = match([fault(0, 100)], [stall(0, 100.1)], WARN)
        self.assertEqual((result.due, len(result.matches), result.missed, result.invented), (1, 1, [], []))
        found = result.matches[0]
        self.assertTrue(found.duration_is_right and found.cause_is_right and found.sums_up)
        self.assertTrue(found.place_is_right and found.task_is_right)

    def test_a_target_held_up_between_its_clock_and_its_poll(self):
        for outer, length, expected in (({}, 103, False), ({"outer_end_ns": 104 * MS}, 103, True),
                                        ({"outer_start_ns": -4 * MS}, 103, True), ({"outer_end_ns": 104 * MS}, 105, False),
                                        ({"outer_end_ns": 104 * MS}, 99, False)):
            found = match([dict(fault(0, 100), **outer)], [stall(0, length)], WARN).matches[0]
            self.assertEqual((found.duration_is_right, found.is_held_up), (expected, expected))

    def test_wrong_in_each_way(self):
        wrong = stall(0, 101, {"sleep": 90 * MS, "lock": 5 * MS}, line=8)
        wrong["task"] = None
        found = match([fault(0, 100)], [wrong], WARN).matches[0]
        self.assertFalse(found.duration_is_right or found.cause_is_right or found.sums_up)
        self.assertFalse(found.place_is_right or found.task_is_right)

    def test_a_stall_with_a_neighbour_on_its_cpu_has_two_causes(self):
        for waited, expected in ((2 * MS, True), (4 * MS, False), (None, True)):
            disturbed = dict(fault(0, 100), wait_ns=waited)
            self.assertEqual(match([disturbed], [stall(0, 100)], WARN).matches[0].is_single, expected)

    def test_the_wait_for_a_cpu_is_compared_with_the_kernels_count(self):
        reported = stall(0, 100, {"python": 60 * MS, "cpu-wait": 40 * MS})
        for waited, expected in ((40.5 * MS, True), (38 * MS, False), (None, None)):
            disturbed = dict(fault(0, 100, "python"), wait_ns=waited)
            self.assertEqual(match([disturbed], [reported], WARN).matches[0].cpu_wait_agrees, expected)

    def test_missed_and_short(self):
        result = match([fault(0, 100), fault(200, 20)], [], WARN)
        self.assertEqual((result.due, len(result.missed)), (1, 1))

    def test_a_stall_over_a_short_fault_is_invented(self):
        result = match([fault(0, 20)], [stall(0, 60)], WARN)
        self.assertEqual((len(result.matches), len(result.invented)), (0, 1))

    def test_one_stall_reported_as_two(self):
        result = match([fault(0, 100)], [stall(0, 90), stall(90, 55)], WARN)
        self.assertEqual((len(result.matches), len(result.invented)), (1, 1))

    def test_neighbours_keep_apart(self):
        result = match([fault(0, 100), fault(102, 100)], [stall(102, 100), stall(0, 100)], WARN)
        self.assertEqual([m.stall["id"] for m in result.matches], [0, 102])

    def test_what_the_target_saw_itself_is_not_invented(self):
        incidental = {"kind": "incidental", "start_ns": 500 * MS, "end_ns": 560 * MS}
        self.assertEqual(match([incidental], [stall(500, 60)], WARN).invented, [])
        self.assertEqual(len(match([incidental], [stall(700, 60)], WARN).invented), 1)

    def test_at_the_threshold_may_but_need_not(self):
        near = fault(0, 49.98)
        self.assertEqual(match([near], [stall(0, 50.08)], WARN).invented, [])
        self.assertEqual(match([near], [], WARN).missed, [])


if __name__ == "__main__":
    unittest.main()
