"""Tasks of a healthy service that wait, tasks that nobody can wake, and tasks for which an observer cannot decide
it. When all wait, writes to --ready one line of JSON: how many of each there are, by their coroutines. Ends with
--go."""
import argparse
import asyncio
import collections
import ctypes
import json
import os
import signal
import socket
import threading

from records import add_handshake_options, wait_go

held = []


# ---- Somebody can wake them.


class Line(asyncio.Protocol):
    """Waits for what its peer sends, as a library's own protocol does: with a future of an object of its own."""

    def connection_made(self, transport):
        self.mailbox = Mailbox()

    def data_received(self, data):
        self.mailbox.came.set_result(data)


class Mailbox:
    def __init__(self):
        self.came = asyncio.get_running_loop().create_future()


async def hears(line):
    await line.mailbox.came


async def reads(stream):
    await stream.readline()


class Client:
    """Asks its peer, one task reads all answers."""

    def __init__(self, stream):
        self.stream = stream
        self.asked = {}

    async def answers(self):
        while True:
            number = await self.stream.readline()
            self.asked.pop(int(number)).set_result(None)

    async def ask(self, number):
        self.asked[number] = asyncio.get_running_loop().create_future()
        await self.asked[number]


class Slotted:
    """A reader without an instance dict: a callback of the loop leads to a deque of futures."""
    __slots__ = ("waiting",)

    def __init__(self):
        self.waiting = collections.deque()

    def ready(self):
        self.waiting.popleft().set_result(None)


async def polls(slotted):
    future = asyncio.get_running_loop().create_future()
    slotted.waiting.append(future)
    await future


def work(loop, future, go):
    go.wait()
    loop.call_soon_threadsafe(future.set_result, None)


async def of_thread():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    threading.Thread(target=work, args=(loop, future, threading.Event()), daemon=True).start()
    await future


class Service:
    def __init__(self):
        self.stopped = asyncio.Event()
        self.changed = asyncio.Condition()


async def until_stopped(service):
    await service.stopped.wait()


async def until_signal(stopped):
    await stopped.wait()


async def until_set(set_later):
    await set_later.wait()


async def sets_later(set_later):
    """Has the event in a variable of its frame."""
    await asyncio.sleep(3600)
    set_later.set()


async def until_changed(service):
    async with service.changed:
        await service.changed.wait()


async def without_deadline(service):
    await asyncio.wait_for(service.stopped.wait(), None)


async def after_chain(first, second):
    """What wakes it is itself woken by an event that somebody has."""
    await first.wait()
    second.set()


async def chained(second):
    await second.wait()


class OwnQueue:
    """As libraries write them: futures of those who wait, in lists of the queue's own."""

    def __init__(self):
        self._getters = collections.deque()
        self._putters = collections.deque()
        self._closed_waiter = None

    def get(self):
        self._getters.append(asyncio.get_running_loop().create_future())
        return self._getters[-1]

    def put(self, item):
        self._putters.append((item, asyncio.get_running_loop().create_future()))
        return self._putters[-1][1]

    def closed(self):
        self._closed_waiter = asyncio.get_running_loop().create_future()
        return self._closed_waiter


class Part:
    """Further from every callback of the loop than what is one of its."""

    def __init__(self, depth, queue):
        self.part = Part(depth - 1, queue) if depth else queue


async def gets(queue):
    await queue.get()


async def puts(queue):
    await queue.put("item")


async def closes(queue):
    await queue.closed()


async def works(lock):
    async with lock:
        while True:
            await asyncio.sleep(0.05)


async def behind_work(lock):
    async with lock:
        pass


async def takes(lock):
    await lock.acquire()


async def behind_ended(lock):
    async with lock:
        pass


async def holds_and_waits(lock):
    async with lock:
        await SERVICE[0].stopped.wait()


async def behind_idle(lock):
    async with lock:
        pass


async def leads(lock):
    """Took it by a call, which is written down nowhere."""
    await lock.acquire()
    while True:
        await asyncio.sleep(0.05)


async def behind_leader(lock):
    async with lock:
        pass


class Calls:
    """Answers that never came: whoever has the object need not give them."""

    def __init__(self):
        self._waiters = {}

    def call(self, number):
        self._waiters[number] = asyncio.get_running_loop().create_future()
        return self._waiters[number]


async def unanswered(calls, number):
    await calls.call(number)


async def after_future(future):
    await future


def by_callback(loop):
    """Set by what is called when another future is done, which a timer does."""
    first, second = loop.create_future(), loop.create_future()
    first.add_done_callback(lambda _: second.set_result(None))
    loop.call_later(3600, first.set_result, None)
    return second


SERVICE = []


# ---- Whether somebody can wake them is not visible.


async def of_extension(event):
    await event.wait()


# ---- Nobody can.


async def nobody_sets():
    await asyncio.Event().wait()


async def own_service():
    await Service().stopped.wait()


async def own_variables():
    service = Service()
    listed = [service]
    await listed[0].stopped.wait()


async def own_queue():
    queue = OwnQueue()
    await queue.get()


async def own_condition():
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


async def nobody_in_time():
    await asyncio.wait_for(asyncio.Event().wait(), None)


async def listed_future(future):
    await future


async def in_vain(future):
    await asyncio.wait_for(future, None)


def start(count, make):
    tasks = [asyncio.ensure_future(make()) for _ in range(count)]
    held.extend(tasks)


async def pair():
    ours, peer = socket.socketpair()
    held.append(peer)
    return ours


async def main(options):
    loop = asyncio.get_running_loop()
    for _ in range(options.connections):
        stream, writer = await asyncio.open_connection(sock=await pair())
        held.append(writer)
        start(1, lambda: reads(stream))
        _, line = await loop.create_connection(Line, sock=await pair())
        start(1, lambda: hears(line))
    stream, writer = await asyncio.open_connection(sock=await pair())
    held.append(writer)
    client = Client(stream)
    start(1, client.answers)
    for number in range(4):
        start(1, lambda: client.ask(number))
        await asyncio.sleep(0)
    slotted = Slotted()
    readable = await pair()
    loop.add_reader(readable, slotted.ready)
    start(3, lambda: polls(slotted))
    start(2, of_thread)
    SERVICE.append(Service())
    start(5, lambda: until_stopped(SERVICE[0]))
    start(2, lambda: without_deadline(SERVICE[0]))
    start(2, lambda: until_changed(SERVICE[0]))
    set_later = asyncio.Event()
    start(2, lambda: until_set(set_later))
    start(1, lambda: sets_later(set_later))
    second = asyncio.Event()
    start(1, lambda: after_chain(SERVICE[0].stopped, second))
    start(1, lambda: chained(second))
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR2, stopped.set)
    start(1, lambda: until_signal(stopped))
    queue = OwnQueue()
    SERVICE.append(Part(8, queue))
    start(3, lambda: gets(queue))
    start(2, lambda: puts(queue))
    start(1, lambda: closes(queue))
    set_by_callback = by_callback(loop)
    start(1, lambda: after_future(set_by_callback))
    for lock in (asyncio.Lock(), asyncio.Semaphore(1)):
        SERVICE.append(lock)
        start(1, lambda: works(lock))
        await asyncio.sleep(0)
        start(2, lambda: behind_work(lock))
        await asyncio.sleep(0)
    for lock in (asyncio.Lock(), asyncio.Semaphore(1)):
        SERVICE.append(lock)
        await asyncio.ensure_future(takes(lock))
        start(2, lambda: behind_ended(lock))
        await asyncio.sleep(0)
    lock = asyncio.Lock()
    start(1, lambda: holds_and_waits(lock))
    await asyncio.sleep(0)
    start(2, lambda: behind_idle(lock))
    await asyncio.sleep(0)
    lock = asyncio.Lock()
    start(1, lambda: leads(lock))
    await asyncio.sleep(0)
    start(2, lambda: behind_leader(lock))
    await asyncio.sleep(0)
    calls = Calls()
    SERVICE.append(Part(8, calls))
    for number in range(2):
        start(1, lambda: unanswered(calls, number))
        await asyncio.sleep(0)
    futures = [loop.create_future() for _ in range(3)]
    for future in futures:
        start(1, lambda: listed_future(future))
        start(1, lambda: in_vain(future))
        await asyncio.sleep(0)
    for make in (nobody_sets, own_service, own_variables, own_queue, own_condition, nobody_in_time):
        start(2, make)
    for _ in range(2):
        event = asyncio.Event()
        start(1, lambda: of_extension(event))
        await asyncio.sleep(0)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(event))  # like C code that keeps an object in its own memory
    await asyncio.sleep(0.1)
    del set_later, event, second, stopped, future, queue, set_by_callback, lock, calls, line, client, stream, writer, slotted
    count = options.connections
    said = {"idle": {"reads": count, "hears": count, "Client.answers": 1, "Client.ask": 4, "polls": 3, "of_thread": 2,
                     "until_stopped": 5, "without_deadline": 2, "until_changed": 2, "until_set": 2, "after_chain": 1,
                     "chained": 1, "until_signal": 1, "gets": 3, "puts": 2, "behind_work": 4, "holds_and_waits": 1, "behind_idle": 2, "closes": 1, "after_future": 1},
            "stuck": {"nobody_sets": 2, "own_service": 2, "own_variables": 2, "own_queue": 2, "own_condition": 2, "behind_ended": 4, "unanswered": 2, "nobody_in_time": 2,
                      "listed_future": 3, "in_vain": 3},
            "not judged": 4}
    with open(options.ready, "w") as ready:
        ready.write(json.dumps(said) + "\n")
    await wait_go(options.go)
    os._exit(0)


def run():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main(options))


run()
