"""Healthy waits as programs and libraries make them: something alive can end each, though it does not soon. COUNT tasks for each kind."""
import asyncio
import atexit
import collections
import functools
import heapq
import itertools
import queue
import signal
import socket
import threading

COUNT = 4
KEPT = set()  # tasks


def go(coroutine):
    task = asyncio.ensure_future(coroutine)
    KEPT.add(task)
    return task


def future():
    return asyncio.get_running_loop().create_future()


# ---- Events and futures that somebody has outside of the loop's tasks ---------------------------------------------------


async def until_signal(event):
    await event.wait()


async def until_exit(event):
    await event.wait()


async def until_timer(one):
    await one


async def until_chained(one):
    await one


async def until_partial(one):
    await one


def closure(function, one):
    return lambda source: function(one, source)


def chained(bind):
    """A future that another one's callback sets, which a timer sets."""
    source, one = future(), future()
    source.add_done_callback(bind(lambda to, _: to.set_result(1), one))
    asyncio.get_running_loop().call_later(3600, source.set_result, 1)
    return one


async def until_reader(one):
    await one


async def until_thread(one):
    await one


async def until_fed(waiting):
    await waiting.get()


def by_thread(feed, one):
    """A thread that waits, and has what it will set."""
    feed.get()
    one.get_loop().call_soon_threadsafe(one.set_result, 1)


def events(loop):
    event = asyncio.Event()
    signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(event.set))
    yield from (until_signal(event) for _ in range(COUNT))
    last = asyncio.Event()
    atexit.register(last.set)
    yield from (until_exit(last) for _ in range(COUNT))
    due = future()
    loop.call_later(3600, due.set_result, 1)
    yield from (until_timer(due) for _ in range(COUNT))
    yield from (until_partial(one) for one in [chained(functools.partial)] for _ in range(COUNT))
    yield from (until_chained(one) for one in [chained(closure)] for _ in range(COUNT))
    readable = future()
    ours, theirs = socket.socketpair()
    KEPT.update((ours, theirs))
    loop.add_reader(ours, readable.set_result, 1)
    yield from (until_reader(readable) for _ in range(COUNT))
    set_by_thread = future()
    threading.Thread(target=by_thread, args=(queue.Queue(), set_by_thread), daemon=True).start()
    yield from (until_thread(set_by_thread) for _ in range(COUNT))
    waiting = asyncio.Queue()
    yield from (until_fed(waiting) for _ in range(COUNT))
    yield feed_later(waiting)


async def feed_later(waiting):
    await asyncio.sleep(3600)
    waiting.put_nowait(1)


# ---- Containers of futures in objects -----------------------------------------------------------------------------------


class Calls(asyncio.Protocol):
    """Answers come by number."""

    def __init__(self):
        self.pending = {}

    def data_received(self, data):
        self.pending.pop(int(data)).set_result(data)

    async def call(self, number):
        self.pending[number] = future()
        return await self.pending[number]


class Listeners:
    """As clients of chats have them: who waits for which event, with a check."""

    def __init__(self):
        self.listeners = {}

    async def wait_for(self, event):
        one = future()
        self.listeners.setdefault(event, []).append((one, None))
        return await one

    async def gateway(self, address):
        reader, _writer = await asyncio.open_connection(*address)
        while line := await reader.readline():
            for one, _ in self.listeners.pop(line, ()):
                one.set_result(line)


class OwnQueue:
    """Fed by a task that sleeps."""

    def __init__(self):
        self.getters = collections.deque()

    async def get(self):
        one = future()
        self.getters.append(one)
        return await one

    async def feed(self):
        while True:
            await asyncio.sleep(3600)
            self.getters.popleft().set_result(1)


class Pool:
    """Its connections are out, with tasks that work."""

    def __init__(self):
        self.waiters = collections.OrderedDict()

    async def acquire(self):
        one = future()
        self.waiters[id(one)] = one
        return await one

    async def use(self):
        await asyncio.sleep(3600)
        self.waiters.popitem()[1].set_result(1)


class Scheduler:
    def __init__(self):
        self.heap, self.numbers = [], itertools.count()

    def begin(self):
        asyncio.get_running_loop().call_later(3600, self.tick)

    def tick(self):
        heapq.heappop(self.heap)[2].set_result(1)

    async def until(self, when):
        one = future()
        heapq.heappush(self.heap, (when, next(self.numbers), one))
        return await one


async def containers(loop, address):
    _, calls = await loop.create_connection(Calls, *address)
    listeners, own, pool, scheduler = Listeners(), OwnQueue(), Pool(), Scheduler()
    scheduler.begin()
    for coroutine in (listeners.gateway(address), own.feed(), pool.use()):
        go(coroutine)
    for number in range(COUNT):
        for coroutine in (calls.call(number), listeners.wait_for("message"), own.get(), pool.acquire(), scheduler.until(number)):
            go(coroutine)


# ---- Turns ----------------------------------------------------------------------------------------------------------------


async def download(slots):
    """Long, in steps; two at a time."""
    async with slots:
        while True:
            await asyncio.sleep(0.2)


async def read_index(lock):
    async with lock:
        pass


async def write_index(lock):
    async with lock:
        while True:
            await asyncio.sleep(0.2)


async def reset_connection(server):
    """The peer has reset it; its writer is still there."""
    reader, writer = await asyncio.open_connection(*server.getsockname())
    peer, _ = server.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    try:
        await reader.read(1)
    except ConnectionResetError:
        pass
    KEPT.add(writer)


async def main():
    loop, server = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
    await reset_connection(server)
    for coroutine in events(loop):
        go(coroutine)
    await containers(loop, server.getsockname())
    for slots in (asyncio.Semaphore(2), asyncio.BoundedSemaphore(2)):
        for _ in range(2 + COUNT):
            go(download(slots))
    lock = asyncio.Lock()
    go(write_index(lock))
    await asyncio.sleep(0)
    for _ in range(COUNT):
        go(read_index(lock))
    await asyncio.sleep(0.1)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
