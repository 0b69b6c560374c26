"""Objects that look like leaks and are none, each in a coroutine with its own name, and one coroutine that does leak.

--ready FILE: a line of JSON, {"traps": [names], "leaks": {class: {name: count}}, "idle": [names that wait by nature]}.
Ends after a byte from --go.
"""
import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
import traceback

kept = []  # references that a program would have
traps, idle = [], []


def trap(function, since=(3, 8)):
    """Notes its name; to be called by the test's program only where the version has it."""
    if sys.version_info >= since:
        traps.append(function.__name__)
    return function


def start(coroutine):
    task = asyncio.ensure_future(coroutine)
    kept.append(task)
    return task


async def tick():
    while True:
        await asyncio.sleep(0.01)


async def soon(value=None):
    await asyncio.sleep(0)
    return value


@trap
async def trap_sleep():
    await asyncio.sleep(3600)


@trap
async def trap_periodic():
    while True:
        await soon()
        await asyncio.sleep(0.01)


@trap
async def trap_gather():
    await asyncio.gather(tick(), asyncio.gather(tick(), soon()))


@trap
async def trap_wait():
    await asyncio.wait([asyncio.ensure_future(tick())])


@trap
async def trap_wait_first():
    while True:
        await asyncio.wait([asyncio.ensure_future(soon()), start(trap_sleep_short())],
                           return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.01)


async def trap_sleep_short():
    await asyncio.sleep(0.02)


@trap
async def trap_as_completed():
    for each in asyncio.as_completed([soon(), tick()]):
        await each


@trap
async def trap_shield():
    await asyncio.shield(kept[0])


@trap
async def trap_wait_for():
    await asyncio.wait_for(asyncio.get_running_loop().create_future(), 3600)


async def trap_timeout():
    async with asyncio.timeout(3600):
        await asyncio.get_running_loop().create_future()


async def trap_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(tick())
        group.create_task(soon())


@trap
async def trap_queue_get(queue):
    while True:
        await queue.get()


@trap
async def trap_queue_put(queue):
    while True:
        await queue.put(1)


@trap
async def trap_lock(lock):
    while True:
        async with lock:
            await asyncio.sleep(0.01)


@trap
async def trap_semaphore(semaphore):
    while True:
        async with semaphore:
            await asyncio.sleep(0.01)


@trap
async def trap_condition(condition):
    while True:
        async with condition:
            await condition.wait()


@trap
async def trap_event(event):
    while True:
        await event.wait()


async def notifies(condition, event):
    while True:
        event.set()
        event.clear()
        async with condition:
            condition.notify_all()
        await asyncio.sleep(0.01)


@trap
async def trap_executor(finished):
    await asyncio.get_running_loop().run_in_executor(None, finished.wait)


@trap
async def trap_threadsafe():
    await tick()


@trap
async def trap_threadsafe_waiter(future):
    await asyncio.wrap_future(future)


@trap
async def trap_task_of_task():
    await start(tick())


@trap
async def trap_generator():
    while True:
        yield 1
        await asyncio.sleep(0.01)


@trap
async def trap_iterates():
    async for _ in trap_generator():
        await asyncio.sleep(0.01)


@trap
async def trap_asend():
    generator = trap_generator()
    while True:
        await generator.asend(None)


@trap
async def trap_comprehension():
    while True:
        await asyncio.sleep(0.01)
        [x async for x in trap_few()]


@trap
async def trap_few():
    for i in range(3):
        yield i
        await asyncio.sleep(0)


@trap
async def trap_cleanup():
    """Kept until the loop ends, which closes it: how libraries clean up after their loop."""
    try:
        yield
    except GeneratorExit:
        kept.clear()


at_the_end = {}  # the generator of each loop


@contextlib.asynccontextmanager
async def trap_manager():
    yield 1


trap(trap_manager.__wrapped__)


@trap
async def trap_exit_stack():
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(trap_manager())
        await tick()


@trap
async def trap_closed():
    pass


@trap
async def trap_returned():
    pass


@trap
async def trap_read_exception():
    raise ValueError("read")


@trap
async def trap_cancelled():
    await asyncio.get_running_loop().create_future()


class Own:
    """An awaitable of the program's own, which drives a coroutine."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return (yield from self.coroutine.__await__())


@trap
async def trap_own_awaitable():
    await Own(tick())


async def trap_eager():
    await tick()


async def trap_eager_done():
    return 1


async def trap_pinned():
    return 1


@trap
async def trap_submitted_to_blocked():
    pass


@trap
async def trap_handed_to_blocked():
    pass


def blocked_loop(blocked):
    """A loop in this thread that is blocked permanently."""
    async def blocks():
        blocked.append(asyncio.get_running_loop())
        blocked[0].set()
        threading.Event().wait()

    asyncio.run(blocks())


async def held_on_purpose(i):
    await asyncio.sleep(i)


async def with_eager_tasks(loop, make):
    loop.set_task_factory(asyncio.eager_task_factory)
    try:
        make()
    finally:
        loop.set_task_factory(None)


async def setup(loop):
    finished = threading.Event()
    start(tick())
    start(trap_sleep())
    start(trap_periodic())
    for function in (trap_gather, trap_wait, trap_wait_first, trap_as_completed, trap_shield, trap_wait_for,
                     trap_iterates, trap_asend, trap_comprehension, trap_exit_stack, trap_task_of_task,
                     trap_own_awaitable):
        start(function())
    if sys.version_info >= (3, 11):
        for function in (trap_timeout, trap_group):
            start(trap(function)())
    queue = asyncio.Queue(1)
    start(trap_queue_get(queue))
    full = asyncio.Queue(1)
    full.put_nowait(1)
    start(trap_queue_put(full))
    lock, semaphore = asyncio.Lock(), asyncio.Semaphore(1)
    condition, event = asyncio.Condition(), asyncio.Event()
    kept.append((queue, full, lock, semaphore, condition, event))
    for _ in range(3):
        start(trap_lock(lock))
        start(trap_semaphore(semaphore))
        start(trap_condition(condition))
        start(trap_event(event))
    start(notifies(condition, event))
    start(trap_executor(finished))
    at_the_end[loop] = trap_cleanup()
    await at_the_end[loop].asend(None)
    idle.extend(["trap_cleanup", "trap_lock", "trap_semaphore", "trap_queue_get", "trap_queue_put", "trap_executor", "trap_threadsafe_waiter"])

    submitted = []
    thread = threading.Thread(
        target=lambda: submitted.append(asyncio.run_coroutine_threadsafe(trap_threadsafe(), loop)))
    thread.start()
    thread.join()
    kept.extend(submitted)
    start(trap_threadsafe_waiter(submitted[0]))

    blocked = [threading.Event()]
    threading.Thread(target=blocked_loop, args=(blocked,), daemon=True).start()
    blocked[0].wait()
    kept.append(asyncio.run_coroutine_threadsafe(trap_submitted_to_blocked(), blocked[1]))
    blocked[1].call_soon_threadsafe(blocked[1].create_task, trap_handed_to_blocked())

    closed = trap_closed()
    closed.close()
    returned = trap_returned()
    with contextlib.suppress(StopIteration):
        returned.send(None)
    kept.extend([closed, returned])
    read = start(trap_read_exception())
    cancelled = start(trap_cancelled())
    await asyncio.wait([read])
    read.exception()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    # uvloop 0.23 hands the factory an argument that 3.13.0's does not take.
    if sys.version_info >= (3, 12) and (given.loop == "asyncio" or sys.version_info < (3, 13)):
        for function in (trap_eager, trap_eager_done):
            trap(function)
        await with_eager_tasks(loop, lambda: (start(trap_eager()), start(trap_eager_done())))
    if sys.version_info >= (3, 14):
        trap(trap_pinned)
        done = start(trap_pinned())
        await done
        pinning = loop.create_future()
        asyncio.future_add_to_awaited_by(pinning, done)
        kept.append(pinning)

    kept.append([held_on_purpose(i) for i in range(3)])
    return finished


async def main(options):
    loop = asyncio.get_running_loop()
    finished = await setup(loop)
    await asyncio.sleep(0.1)
    say = {"traps": traps, "idle": idle, "leaks": {"never-awaited": {"held_on_purpose": 3}}}
    go = os.open(options.go, os.O_RDWR | os.O_NONBLOCK)
    came = loop.create_future()
    loop.add_reader(go, lambda: came.done() or came.set_result(None))
    say_ready(options, say)
    await came
    finished.set()
    os._exit(0)


async def main_or_say_why(options):
    try:
        await main(options)
    except BaseException:
        traceback.print_exc()  # the loop's end would wait for the thread of trap_executor
        os._exit(1)


def say_ready(options, say):
    with open(options.ready, "w") as ready:
        ready.write(json.dumps(say) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--ready", "--go", "--record"):
        parser.add_argument(name)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    given = parser.parse_args()
    if given.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main_or_say_why(given))
