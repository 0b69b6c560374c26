"""Tasks and threads that wait for locks, each in a known way: the program itself records who holds what when a lock is
taken.

Behind the `ready` line comes one JSON object when nothing moves any more:
    locks   {name: {"holder": task or thread, "waiters": [names]}}
    stuck   names of all that can never go on
    rings   [names in the order in which each waits for the next], each ring once
"""
import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import threading

from records import add_handshake_options, open_channel, say_ready, wait_go

HOLDER = {}
WANTS = {}
WITH_TIMEOUT = set()


def new_lock(name, make=asyncio.Lock):
    globals()[name] = make()
    return globals()[name]


def me():
    return asyncio.current_task().get_name()


class Noted:
    """Records the holder of a lock; it is no lock itself."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        HOLDER[self.name] = me()

    def __exit__(self, *error):
        del HOLDER[self.name]


async def want(name):
    WANTS[me()] = name


async def nothing():
    pass


async def take_plainly(names, then):
    if not names:
        return await then()
    lock = globals()[names[0]]
    await want(names[0])
    async with lock:
        with Noted(names[0]):
            await take(names[1:], then)


async def take_in_a_loop(names, then):
    if not names:
        return await then()
    for name in [names[0]]:
        for _ in range(1):
            try:
                await want(name)
                async with globals()[name] as nobody, asyncio.Lock():
                    try:
                        with Noted(name):
                            await take(names[1:], then)
                    except ZeroDivisionError:
                        await nothing()
            finally:
                await nothing()


async def take_in_a_handler(names, then):
    if not names:
        return await then()
    try:
        raise KeyError(names[0])
    except KeyError as error:
        await want(names[0])
        async with globals()[names[0]]:
            with Noted(names[0]):
                try:
                    raise ValueError(error)
                except ValueError:
                    await take(names[1:], then)


async def take_among_values(names, then):
    if not names:
        return await then()

    async def inner():
        await want(names[0])
        async with globals()[names[0]]:
            with Noted(names[0]):
                return [1, [await take(names[1:], then)], {2: 3}]
    return (1, 2, await inner())


@contextlib.asynccontextmanager
async def taken(name):
    await want(name)
    async with globals()[name]:
        with Noted(name):
            yield


async def take_by_generator(names, then):
    if not names:
        return await then()
    async with taken(names[0]):
        await take(names[1:], then)


async def take_by_stack(names, then):
    if not names:
        return await then()
    async with contextlib.AsyncExitStack() as stack:
        await want(names[0])
        await stack.enter_async_context(globals()[names[0]])
        stack.enter_context(Noted(names[0]))
        await take(names[1:], then)


WAYS = [take_plainly, take_in_a_loop, take_in_a_handler, take_among_values, take_by_generator, take_by_stack]


async def take(names, then):
    await random.choice(WAYS)(names, then)


async def sleep_for_ever():
    WANTS.pop(me(), None)
    await asyncio.sleep(3600)


async def wait_for_ever():
    WANTS.pop(me(), None)
    await asyncio.get_running_loop().create_future()


class Leaves:
    """Its __aexit__ never ends: a task that waits in it only holds the outer locks."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await asyncio.sleep(3600)


async def leaves(name):
    """Has had the lock, and waits in another manager's __aexit__."""
    async with globals()[name]:
        pass
    async with Leaves():
        pass


async def waits_in_condition(condition):
    async with condition:
        await condition.wait()


async def gives_up(names):
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(spawn("timed", take(names, sleep_for_ever)), 3000)


def spawn(name, coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    return task


async def settle():
    """Until nothing is ready any more: everybody waits for a lock or for ever."""
    before = None
    while before != (before := (dict(HOLDER), dict(WANTS))):
        for _ in range(50):
            await asyncio.sleep(0)


def account():
    waits = {name: lock for name, lock in WANTS.items() if lock in HOLDER and name not in WITH_TIMEOUT}
    rings, stuck = [], set()
    for start in sorted(waits):
        path, at = [], start
        while at in waits and at not in path:
            path.append(at)
            at = HOLDER[waits[at]]
        if at in path:
            stuck.add(start)
            ring = path[path.index(at):]
            least = ring.index(min(ring))
            ring = ring[least:] + ring[:least]
            if ring not in rings:
                rings.append(ring)
    locks = {}
    for name, lock in WANTS.items():
        if lock in HOLDER:
            locks.setdefault(lock, {"holder": HOLDER[lock], "waiters": []})["waiters"].append(name)
    return {"locks": locks, "stuck": sorted(stuck), "rings": rings}


async def random_graph(seed):
    """Tasks that take some of the locks in an order of their own, two at a time; later ones meet those that are taken."""
    random.seed(seed)
    locks = [f"LOCK_{i}" for i in range(random.randint(6, 24))]
    for name in locks:
        new_lock(name)
    tasks = []
    length = random.randint(2, min(20, len(locks)))
    # One certain ring, of tasks that each have one lock before any takes its second lock.
    gate = asyncio.Event()
    ring = random.sample(locks, length)

    async def member(mine, next_one):
        async def second():
            await gate.wait()
            await take([next_one], sleep_for_ever)
        await take([mine], second)
    for i, mine in enumerate(ring):
        tasks.append(spawn(f"ring-{i}", member(mine, ring[(i + 1) % length])))
    await settle()
    gate.set()
    await settle()
    others = [name for name in locks if name not in ring]
    for i in range(random.randint(5, 40)):
        mine = random.sample(locks, random.randint(1, 2)) if random.random() < 0.5 else random.sample(others or locks, 1)
        then = random.choice([sleep_for_ever, wait_for_ever])
        tasks.append(spawn(f"other-{i}", take(mine, then)))
        if random.random() < 0.3:
            await settle()
    WITH_TIMEOUT.add("timed")
    tasks.append(spawn("gives-up", gives_up([ring[0]])))
    new_lock("FREE_LOCK")
    tasks.append(spawn("leaves", leaves("FREE_LOCK")))
    condition = asyncio.Condition()
    tasks += [spawn(f"condition-{i}", waits_in_condition(condition)) for i in range(2)]
    await settle()
    return tasks


BY_HAND = None
THREADS_HAND = threading.Lock()


async def takes_by_hand():
    while True:
        await BY_HAND.acquire()
        try:
            await asyncio.sleep(random.choice([0, 0.0005]))
        finally:
            BY_HAND.release()


def takes_in_thread():
    THREADS_HAND.acquire()
    os.getpid()
    THREADS_HAND.release()


async def cleans_up():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.0005)


async def cancels():
    while True:
        task = asyncio.get_running_loop().create_task(cleans_up())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def healthy(count):
    """Many tasks that contend for few locks, always in the same order; never two that wait for each other, no lock that is
    not given back, no cancellation that is ignored."""
    global BY_HAND
    BY_HAND = asyncio.Lock()
    locks = [new_lock(f"LOCK_{i}") for i in range(4)]
    semaphore = asyncio.BoundedSemaphore(3)
    queue = asyncio.Queue(2)

    async def works():
        while True:
            some = sorted(random.sample(range(4), 2))
            async with locks[some[0]]:
                await asyncio.sleep(0)
                async with locks[some[1]]:
                    await asyncio.sleep(random.choice([0, 0, 0.0005]))
            async with semaphore:
                await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(None, takes_in_thread)

    async def puts():
        while True:
            await queue.put(1)

    async def gets():
        while True:
            await queue.get()
            await asyncio.sleep(0.0002)
    coroutines = [works() for _ in range(count)] + [puts(), puts(), gets(), gets()]
    coroutines += [takes_by_hand() for _ in range(8)] + [cancels() for _ in range(4)]
    return [spawn(f"works-{i}", each) for i, each in enumerate(coroutines)], locks


async def main(arguments):
    if arguments.exec_first:
        say_ready(arguments.ready)
        await wait_go(arguments.go)
        os.execv(sys.executable, [sys.executable] + [each for each in sys.argv if each != "--exec-first"])
    if arguments.healthy:
        kept = await healthy(arguments.healthy)
        say_ready(arguments.ready)
        await asyncio.sleep(3600)
    kept = await random_graph(arguments.seed)
    say_ready(arguments.ready)
    os.write(open_channel(arguments.ready), json.dumps(account()).encode() + b"\n")
    await asyncio.sleep(3600)
    del kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exec-first", action="store_true", help="hang only when started anew, by exec at go")
    parser.add_argument("--healthy", type=int, default=0, help="this many tasks that contend, and never hang")
    asyncio.run(main(parser.parse_args()))
