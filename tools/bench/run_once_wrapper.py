"""Runs a program with asyncio's `_run_once` wrapped in a clock: how a program watches its own loop. Yardstick only."""
import asyncio.base_events
import runpy
import sys
import time

original = asyncio.base_events.BaseEventLoop._run_once


def timed_run_once(self):
    start = time.perf_counter()
    original(self)
    if time.perf_counter() - start > 0.05:
        sys.stderr.write("loop was held up\n")


asyncio.base_events.BaseEventLoop._run_once = timed_run_once
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
