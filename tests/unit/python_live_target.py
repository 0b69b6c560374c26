"""A program that describes itself, for python_live_test.cpp: one JSON object a line, then waits for a line."""
import json
import sys
import threading


def say(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def wait():
    sys.stdin.readline()


say(version=sys.version.split()[0].rstrip("+"), asyncio="asyncio" in sys.modules)
wait()

import asyncio  # noqa: E402  (the first report is about a program without it)
import asyncio.tasks  # noqa: E402


class Named(threading.Thread):
    """A class of its own: its instances have their own attribute table."""

    def __init__(self, name, ready, stop):
        super().__init__(daemon=True)
        self.name = name
        self.ready, self.stop = ready, stop

    def run(self):
        self.ready.put(threading.get_native_id())
        self.stop.wait()


async def waits(future):
    await future


class Täsk:
    async def rööt_コ(self):
        task = asyncio.current_task()
        future = asyncio.get_running_loop().create_future()
        waiter = asyncio.ensure_future(waits(future))
        await asyncio.sleep(0)
        coroutine = task.get_coro()
        code = coroutine.cr_code
        say(
            current_tasks=id(asyncio.tasks._current_tasks),
            task=id(task), task_name=task.get_name(), task_size=type(task).__basicsize__,
            coroutine=id(coroutine), name=coroutine.__name__, qualname=coroutine.__qualname__,
            code=id(code), code_name=code.co_name, code_qualname=getattr(code, "co_qualname", ""),
            filename=code.co_filename, firstlineno=code.co_firstlineno, flags=code.co_flags,
            linetable=(code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab).hex(),
            bytecode_size=len(code.co_code), future=id(future), waiter=id(waiter),
            threads=threads, texts=[[id(text), text.encode("utf-8", "replace").decode()] for text in TEXTS],
        )
        wait()


# The one with a surrogate is compared separately, because JSON cannot represent it.
TEXTS = ["", "plain", "é", "a" * 300, "é" * 300, "コルーチン" * 50, "\U0001f40d mixed é", "x" * 100 + "\U0001f40d"]

import queue  # noqa: E402

ready, stop = queue.Queue(), threading.Event()
threads = {threading.get_native_id(): "MainThread"}
for given in ("loop-1", "wörker コ", "a;b\x1b[31m", "n" * 200):
    Named(given, ready, stop).start()
    threads[ready.get()] = given

loop = asyncio.new_event_loop()
if sys.version_info >= (3, 14) or sys.version_info < (3, 10):
    job = Täsk().rööt_コ()
    loop.run_until_complete(loop.create_task(job))
else:
    loop.run_until_complete(Täsk().rööt_コ())
stop.set()
