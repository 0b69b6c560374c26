"""Listens at FOLDER/PID.ask for `KIND MS` and runs that fault in a task of the process's loop. What happened goes to FOLDER/PID.said,
a line of JSON each: function, line, coroutine, task, start and end (CLOCK_MONOTONIC), CPU time and time in a run queue in between.
"""
import asyncio
import gc
import json
import os
import threading

LOOP = None
SAY = None


def running_loops():
    return [each for each in gc.get_objects() if isinstance(each, asyncio.AbstractEventLoop) and each.is_running()]


def find_loop():
    """The loop of the main thread, else any that runs."""
    loops, threads = running_loops(), {}
    for loop in loops:
        answered = threading.Event()

        def answer(loop=loop, answered=answered):
            threads[loop] = threading.current_thread()
            answered.set()

        loop.call_soon_threadsafe(answer)
        answered.wait(5)
    mains = [loop for loop, thread in threads.items() if thread is threading.main_thread()]
    return (mains or list(threads) or [None])[0]


class Writer:
    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def __call__(self, **record):
        os.write(self.file, (json.dumps({"pid": os.getpid(), **record}) + "\n").encode())


def serve(path, say):
    global LOOP
    while True:
        with open(path) as asked:
            for line in asked:
                kind, _, milliseconds = line.strip().partition(" ")
                if kind == "hello":
                    LOOP = find_loop()
                    say(kind="hello", found=type(LOOP).__module__ if LOOP else None)
                    continue
                import faults

                LOOP.call_soon_threadsafe(faults.begin, LOOP, kind, float(milliseconds or 0) / 1000, say)


def listen(folder):
    global SAY
    path = os.path.join(folder, "%d.ask" % os.getpid())
    os.mkfifo(path)
    SAY = Writer(os.path.join(folder, "%d.said" % os.getpid()))
    threading.Thread(target=serve, args=(path, SAY), name="outside", daemon=True).start()
