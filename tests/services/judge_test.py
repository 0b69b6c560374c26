#!/usr/bin/env python3
"""Tests of judge.py: what is right passes, and each kind of wrong report is complained of."""
import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge  # noqa: E402

MS = 1_000_000
FILE = "/x/outside/faults.py"
RECORD = {"pid": 7, "tid": 7, "cause": "sleep", "function": "block_sleep", "file": FILE, "line": 40, "lines": 1, "start_ns": 1000 * MS, "end_ns": 1200 * MS,
          "cpu_ns": MS, "delay_ns": 9 * MS, "coroutine": "nightly_job", "task": "Task-3"}
STALL = {"id": 1, "pid": 7, "tid": 7, "start_ns": 999 * MS, "duration_ns": 202 * MS, "loop": {"epfd": 5}, "causes": {"sleep": 190 * MS, "cpu-wait": 9 * MS, "python": 3 * MS},
         "task": {"name": "Task-3", "coroutine": "nightly_job"},
         "segments": [{"cause": "sleep", "syscall": "clock_nanosleep", "ns": 190 * MS, "stack": [{"function": "block_sleep", "file": FILE, "line": 40}], "culprit": None}]}
LEAK = {"class": "stuck", "status": "leak", "coroutine": "wait", "count": 4, "line": 3, "file": FILE, "age_ns": 1, "stack": [], "scan": 2, "idle": False}
LEFT = {"class": "stuck", "leaks": "wait", "count": 4}
HANG = {"id": 1, "verdict": "deadlock", "exact": True, "resource": {"kind": "lock", "name": "x"}, "holders": [],
        "waiters": [{"name": "a", "count": 2, "stack": [{"function": "cross"}]}]}
TIED = {"verdict": ["deadlock"], "waiters": "cross", "count": 2, "resource": "lock"}


class FakeWitness:
    def __init__(self, polls, bounds):
        self.polls, self.limits = polls, bounds

    def in_poll(self, *_):
        return self.polls

    def bounds(self, *_):
        return self.limits


def changed(row, **fields):
    return {**copy.deepcopy(row), **fields}


class JudgeTest(unittest.TestCase):
    def test_stall_right(self):
        self.assertEqual(judge.stall(RECORD, [STALL]), [])

    def test_stall_wrong(self):
        segment = STALL["segments"][0]
        for wrong in ({"causes": {"sleep": 150 * MS}}, {"causes": {"lock": 190 * MS}}, {"tid": 8}, {"start_ns": 1100 * MS}, {"task": None},
                      {"segments": [changed(segment, stack=[{"function": "block_sleep", "file": FILE, "line": 41}])]},
                      {"segments": [changed(segment, stack=[{"function": "other", "file": FILE, "line": 40}])]}):
            self.assertEqual(len(judge.stall(RECORD, [changed(STALL, **wrong)])), 1, wrong)

    def test_culprit(self):
        self.assertEqual(judge.culprit({"culprit": {"path": "/x"}}, {"path": "/x"}), [])
        self.assertEqual(len(judge.culprit({"culprit": {"path": "/x"}}, {"path": "/y"})), 1)
        self.assertEqual(len(judge.culprit({"holder_function": "keep"}, {"stack": []})), 1)

    def test_invented(self):
        self.assertEqual(judge.invented([STALL], FakeWitness(0, (100 * MS, 100 * MS))), [])
        self.assertEqual(len(judge.invented([STALL], FakeWitness(2, None))), 1)
        busy = changed(STALL, causes={"python": 202 * MS})
        self.assertEqual(len(judge.invented([busy], FakeWitness(0, (100 * MS, 0)))), 1)

    def test_our_doing(self):
        self.assertEqual(judge.our_doing([STALL]), [])
        waits = {"cause": "other", "syscall": "munmap", "ns": 150 * MS}
        self.assertEqual(len(judge.our_doing([changed(STALL, segments=[waits])])), 1)

    def test_sums(self):
        self.assertEqual(judge.sums([STALL]), [])
        self.assertEqual(len(judge.sums([changed(STALL, duration_ns=250 * MS)])), 1)

    def test_held_up(self):
        self.assertEqual(judge.held_up([changed(STALL, at_least=False, held_up={"timers_late_ns": 200 * MS})]), [])
        self.assertEqual(len(judge.held_up([changed(STALL, at_least=False, held_up={"timers_late_ns": 2000 * MS})])), 1)

    def test_leaks(self):
        self.assertEqual(len(judge.leaks([LEAK])), 1)
        self.assertEqual(judge.leaks([LEAK], [LEFT]), [])
        self.assertEqual(judge.leaks([changed(LEAK, status="candidate")]), [])

    def test_leak(self):
        self.assertEqual(judge.leak(LEFT, [LEAK]), [])
        for wrong in ({"count": 3}, {"class": "orphaned"}, {"status": "candidate"}, {"coroutine": "other"}):
            self.assertEqual(len(judge.leak(LEFT, [changed(LEAK, **wrong)])), 1, wrong)

    def test_hang(self):
        self.assertEqual(judge.hang(TIED, [HANG]), [])
        for wrong in ({"verdict": "held"}, {"resource": None}, {"waiters": []}):
            self.assertEqual(len(judge.hang(TIED, [changed(HANG, **wrong)])), 1, wrong)

    def test_hangs(self):
        self.assertEqual(len(judge.hangs([HANG])), 1)
        self.assertEqual(judge.hangs([HANG], ("cross",)), [])
        self.assertEqual(judge.hangs([changed(HANG, verdict="waiting")]), [])


if __name__ == "__main__":
    unittest.main()
