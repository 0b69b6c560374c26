"""A program of many tasks, waits, threads and leaks, that prints "ready" and then does not run any more: the target
that live_fuzz.cpp reads."""
import asyncio
import os
import sys
import threading
import warnings


async def deep(depth, end):
    if depth:
        await deep(depth - 1, end)
    else:
        await end


async def generator(end):
    yield 1
    await end
    yield 2


async def iterate(end):
    async for _ in generator(end):
        pass


async def fail():
    raise ValueError("unread")


class Plain(asyncio.Future):
    """A class of its own below Future."""


async def main():
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    lock, event, queue, condition = asyncio.Lock(), asyncio.Event(), asyncio.Queue(), asyncio.Condition()
    await lock.acquire()
    await condition.acquire()

    async def wait_condition():
        async with condition:
            await condition.wait()

    kept = [asyncio.ensure_future(one) for one in (
        deep(40, end), iterate(end), lock.acquire(), event.wait(), queue.get(), wait_condition(), asyncio.sleep(10000),
        asyncio.gather(deep(1, end), deep(2, end)), asyncio.wait([asyncio.ensure_future(deep(3, end))]),
        asyncio.shield(asyncio.ensure_future(deep(1, end))), asyncio.wait_for(deep(2, end), 5000),
        loop.run_in_executor(None, threading.Event().wait, 10000), fail(), deep(0, Plain(loop=loop)))]
    kept.append(loop.create_task(deep(1, end)))
    kept[-1].name = "näme コ"
    kept.append(deep(0, end))  # never awaited
    deep(0, end)  # dropped
    await asyncio.sleep(0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return kept


warnings.simplefilter("default")
sys.stderr = open(os.devnull, "w")  # dropped objects are recorded in the registry anyway
threading.Thread(target=threading.Event().wait, name="thr\x1b[31mead", daemon=True).start()
asyncio.new_event_loop().run_until_complete(main())
