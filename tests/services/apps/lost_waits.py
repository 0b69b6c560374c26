"""Sick waits: nobody will end them. Each line on standard output is a kind: coroutine, number of tasks, and whether it can be proved."""
import asyncio
import collections
import socket

COUNT = 4
KEPT = {}  # module's variable: what is in it could be ended by anybody


def future():
    return asyncio.get_running_loop().create_future()


class Calls:
    """Its reader has failed; nobody else takes answers."""

    def __init__(self):
        self.pending = {}

    async def begin(self, address):
        self.reader, self.writer = await asyncio.open_connection(*address)
        self.task = asyncio.ensure_future(self.read())

    async def read(self):
        int(await self.reader.readline())


async def call_dead(calls, number):
    calls.pending[number] = future()
    await calls.pending[number]


class OwnQueue:
    def __init__(self):
        self.getters = collections.deque()


async def get_own(own):
    one = future()
    own.getters.append(one)
    await one


async def get_lost(waiting):
    await waiting.get()


async def put_full(full):
    await full.put(1)


async def after_ended(lock):
    async with lock:
        pass


async def after_leaked(slots):
    async with slots:
        pass


async def take(lock):
    await lock.acquire()


async def wait_lost(event):
    await event.wait()


async def wait_condition(condition):
    async with condition:
        await condition.wait()


async def gathers(event):
    await asyncio.gather(inner_gathered(event), inner_gathered(event))


async def inner_gathered(event):
    await event.wait()


async def shields(event):
    await asyncio.shield(inner_shielded(event))


async def inner_shielded(event):
    await event.wait()


def begin(proved, count, make):
    tasks = [asyncio.ensure_future(make()) for _ in range(count)]
    KEPT.setdefault("tasks", []).extend(tasks)
    print(tasks[0].get_coro().__qualname__, count, int(proved), flush=True)


def begin_lost():
    """In frames of the tasks only."""
    for make, what in ((get_own, OwnQueue()), (get_lost, asyncio.Queue()), (wait_lost, asyncio.Event()), (wait_condition, asyncio.Condition())):
        begin(True, COUNT, lambda make=make, what=what: make(what))
    for outer, inner, each in ((gathers, "inner_gathered", 2), (shields, "inner_shielded", 1)):
        event = asyncio.Event()
        KEPT["tasks"] += [asyncio.ensure_future(outer(event)) for _ in range(COUNT)]
        print(inner, each * COUNT, 1, flush=True)


async def main():
    server = socket.create_server(("127.0.0.1", 0))
    calls = KEPT["calls"] = Calls()
    await calls.begin(server.getsockname())
    server.accept()[0].send(b"no number\n")
    await asyncio.wait([calls.task])
    numbers = iter(range(COUNT))
    begin(False, COUNT, lambda: call_dead(calls, next(numbers)))
    full, lock, slots = KEPT["full"], KEPT["lock"], KEPT["slots"] = asyncio.Queue(1), asyncio.Lock(), asyncio.Semaphore(1)
    full.put_nowait(1)
    await asyncio.ensure_future(take(lock))
    await asyncio.ensure_future(take(slots))
    begin(False, COUNT, lambda: put_full(full))
    begin(False, COUNT, lambda: after_ended(lock))
    begin(False, COUNT, lambda: after_leaked(slots))
    begin_lost()
    await asyncio.sleep(0.1)
    print("ready", flush=True)
    while True:
        await asyncio.sleep(0.1)


asyncio.run(main())
