"""A program that leaks in every known way, and reports its leaks.

--ready FILE: a line of JSON with what leaks, then one `done` line. Ends when its standard input ends or after --seconds.
"""
import argparse
import asyncio
import gc
import inspect
import json
import sys
import threading
import types
import warnings

import pure_asyncio

arguments = argparse.ArgumentParser()
arguments.add_argument("--ready", required=True)
arguments.add_argument("--go")
arguments.add_argument("--record")
arguments.add_argument("--loop", default="asyncio")
arguments.add_argument("--python-tasks", action="store_true", help="tasks and futures written in Python")
arguments.add_argument("--churn", type=int, default=0, help="tasks that make and await coroutines all the time")
arguments.add_argument("--never", type=int, default=50)
arguments.add_argument("--objects", type=int, default=0, help="other objects on the heap")
given = arguments.parse_args()

held = []


async def never_awaited(i):
    await asyncio.sleep(i)


class Service:
    async def never_method(self, a, b, *rest, key=None):
        x = [a, b, rest, key]
        await asyncio.sleep(1)
        return x


async def leaf(future):
    await future


async def middle(future):
    await leaf(future)


async def orphan(future):
    try:
        await middle(future)
    finally:
        pass


@types.coroutine
def give_way():
    yield


async def yielding_orphan():
    await give_way()


async def generator_left():
    try:
        for i in range(10):
            yield i
    finally:
        pass


async def stream_left():
    """Cleans up at its end, which never comes."""
    try:
        while True:
            yield b""
    except GeneratorExit:
        held.clear()


async def stuck(future):
    await leaf(future)


class Iterates:
    __slots__ = ()

    def __await__(self):
        return self

    def __iter__(self):
        return self


class PassesOn(Iterates):
    """An awaitable of its own class, like those of C extensions: what it awaits is unknown."""
    __slots__ = ("future", "unused")

    def __init__(self, future):
        self.future = future

    def __next__(self):
        self.future._asyncio_future_blocking = True
        return self.future


class Sends(Iterates):
    """Resumes a coroutine that only it knows."""

    def __init__(self, coroutine):
        self.under_any_name = coroutine

    def __next__(self):
        return self.send(None)

    def send(self, value):
        return self.under_any_name.send(value)


class Keeps:
    """As large as a PassesOn, so that it is next to one in memory."""
    __slots__ = ("coroutine", "unused")

    def __init__(self, coroutine):
        self.coroutine = coroutine


async def passed_on(awaitable):
    await awaitable


async def fails():
    raise ValueError("nobody asks")


async def dropped():
    pass


# ---- What is no leak.


async def periodic():
    while True:
        await asyncio.sleep(0.02)


async def consumer(queue):
    while True:
        await queue.get()


async def quick(i):
    return i


async def half(i):
    await asyncio.sleep(0)
    return await quick(i)


async def churn():
    while True:
        for i in range(20):
            await half(i)
        await asyncio.gather(*[half(i) for i in range(10)])
        tasks = [asyncio.ensure_future(half(i)) for i in range(10)]
        await asyncio.wait(tasks)
        await asyncio.wait_for(half(1), 1)
        for each in asyncio.as_completed([half(i) for i in range(3)]):
            await each
        async for _ in ticks(3):
            await half(2)


async def ticks(count):
    for i in range(count):
        await asyncio.sleep(0)
        yield i


async def long_work(lock):
    async with lock:
        while True:
            await asyncio.sleep(0.05)


async def waits_for_lock(lock):
    async with lock:
        pass


async def slow_values():
    while True:
        yield 1
        await asyncio.sleep(0.01)


async def iterates():
    async for _ in slow_values():
        while True:
            await asyncio.sleep(0.05)


async def managed():
    import contextlib

    @contextlib.asynccontextmanager
    async def lifespan():
        yield 1

    async with lifespan():
        while True:
            await asyncio.sleep(0.05)


async def shielded(inner):
    await asyncio.shield(inner)


async def gathers(tasks):
    await asyncio.gather(*tasks)


async def waits(tasks):
    await asyncio.wait(tasks)


async def with_timeout(future):
    try:
        await asyncio.wait_for(future, 3600)
    except asyncio.CancelledError:
        raise


def drop():
    dropped()


async def main():
    loop = asyncio.get_running_loop()
    for i in range(given.never):
        held.append(never_awaited(i))
    service = Service()
    for i in range(7):
        held.append(service.never_method(i, 2, 3, 4, key=5))
    for _ in range(5):
        coroutine = orphan(loop.create_future())
        coroutine.send(None)
        held.append(coroutine)
    for _ in range(3):
        coroutine = yielding_orphan()
        coroutine.send(None)
        held.append(coroutine)
    for _ in range(4):
        generator = generator_left()
        await generator.__anext__()
        held.append(generator)
    for _ in range(2):
        generator = stream_left()
        await generator.__anext__()
        held.append(generator)
    generator = None
    futures = [loop.create_future() for _ in range(20)]
    beside = []
    for future, coroutine in zip(futures, list(held)):
        beside += [PassesOn(future), Keeps(coroutine)]
    background = [asyncio.ensure_future(passed_on(each)) for each in beside[::2]]
    background.append(asyncio.ensure_future(passed_on(Sends(leaf(loop.create_future())))))
    background.append(asyncio.ensure_future(passed_on(Sends(Sends(Sends(Sends(Sends(leaf(loop.create_future())))))))))
    futures = [loop.create_future() for _ in range(6)]
    stucks = [asyncio.ensure_future(stuck(future)) for future in futures]
    failed = [asyncio.ensure_future(fails()) for _ in range(8)]
    await asyncio.wait(failed)
    warnings.simplefilter("default")
    drop()
    gc.collect()

    lock = asyncio.Lock()
    queue = asyncio.Queue()
    background.append(asyncio.ensure_future(long_work(lock)))
    await asyncio.sleep(0)
    workers = [asyncio.ensure_future(periodic()) for _ in range(3)]
    background += workers
    background += [asyncio.ensure_future(consumer(queue)) for _ in range(3)]
    background += [asyncio.ensure_future(iterates()), asyncio.ensure_future(managed())]
    background += [asyncio.ensure_future(shielded(workers[0])), asyncio.ensure_future(gathers(workers)),
                   asyncio.ensure_future(waits(workers)), asyncio.ensure_future(with_timeout(loop.create_future()))]
    background += [asyncio.ensure_future(churn()) for _ in range(given.churn)]
    if sys.version_info >= (3, 11):
        async def group():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(periodic())

        async def timed():
            async with asyncio.timeout(3600):
                await loop.create_future()

        background += [asyncio.ensure_future(group()), asyncio.ensure_future(timed())]
    await asyncio.sleep(0.1)

    ours = {each.cr_code.co_name for each in held if inspect.iscoroutine(each)}
    said = {"never-awaited": {}, "orphaned": {}, "async-generator": {}, "stuck": {"stuck": len(stucks)},
            "unread-exception": {"fails": len(failed)}, "dropped": {"dropped": None}}
    for each in held:
        if inspect.isasyncgen(each):
            kind = "async-generator"
        else:
            state = inspect.getcoroutinestate(each)
            kind = {"CORO_CREATED": "never-awaited", "CORO_SUSPENDED": "orphaned"}[state]
        name = each.__qualname__
        said[kind][name] = said[kind].get(name, 0) + 1
    assert ours
    with open(given.ready, "w") as ready:
        ready.write(json.dumps(said) + "\n")
    lines = asyncio.Event()
    loop.run_in_executor(None, lambda: (sys.stdin.readline(), loop.call_soon_threadsafe(lines.set)))
    await lines.wait()


heap = [[] for _ in range(given.objects)]
if given.python_tasks:
    pure_asyncio.use_python_classes()
if given.loop == "uvloop":
    import uvloop
    policy = getattr(uvloop, "install", None)
    policy()
threading.Thread(target=threading.Event().wait, daemon=True).start()
asyncio.run(main())
