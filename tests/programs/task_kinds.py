"""Tasks that wait in every known way. When all wait, writes to --ready one line of JSON: what asyncio itself says of
each (asyncio.all_tasks(), the cr_await chain), and with --go ends. For the tests of `aiotrace tasks`."""
import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import threading

import pure_asyncio
from records import add_handshake_options


def chain_of(coroutine):
    """[qualified name, line] of each link, innermost last, as inspect would walk it."""
    links = []
    while coroutine is not None:
        for kind in ("cr", "gi", "ag"):
            if hasattr(coroutine, kind + "_code"):
                break
        else:
            break
        frame = getattr(coroutine, kind + "_frame")
        code = getattr(coroutine, kind + "_code")
        links.append([getattr(code, "co_qualname", code.co_name), code.co_filename,
                      frame.f_lineno if frame is not None else 0])
        coroutine = getattr(coroutine, kind + "_await" if kind != "gi" else "gi_yieldfrom")
        if type(coroutine).__name__ in ("async_generator_asend", "coroutine_wrapper"):
            return links, False  # Python cannot look behind these
    return links, True


def described(task, running):
    coroutine = task.get_coro()
    links, whole = chain_of(coroutine)
    waiter = getattr(task, "_fut_waiter", None)
    return {
        "id": id(task), "name": task.get_name(), "coroutine": coroutine.__qualname__,
        "file": coroutine.cr_code.co_filename, "line": coroutine.cr_code.co_firstlineno,
        "chain": links, "whole": whole, "running": task is running, "started": coroutine.cr_frame.f_lasti >= 0,
        "waits": waiter is not None, "expected": EXPECTED.get(task.get_name(), None),
        "awaited_by": AWAITED.get(task.get_name(), None), "thread": threading.get_native_id(),
    }


EXPECTED = {}  # name: kind of wait
AWAITED = {}  # name: names of the tasks that wait for it


def make(name, kind, coroutine, by=None):
    EXPECTED[name] = kind
    AWAITED[name] = by or []
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    kept.append(task)  # a task that waits for a future without other references would be collected
    return task


class Service:
    async def sleeps(self, seconds):
        await self.inner(seconds)

    async def inner(self, seconds):
        await asyncio.sleep(seconds)


async def takes(awaitable):
    return await awaitable


async def enters(lock):
    async with lock:
        pass


async def waits_in(condition):
    async with condition:
        await condition.wait()


async def numbers(future):
    yield 1
    await future
    yield 2


async def iterates(future):
    async for _ in numbers(future):
        pass


async def gathers(*children):
    await asyncio.gather(*children)


async def waits(children):
    await asyncio.wait(children)


async def completes(children):
    for each in asyncio.as_completed(children):
        await each


async def limited(awaitable):
    await asyncio.wait_for(awaitable, 5000)


async def shielded(task):
    await asyncio.shield(task)


async def pool(loop, event):
    await loop.run_in_executor(None, event.wait)


async def receives(loop, sock):
    await loop.sock_recv(sock, 10)


async def reads(reader):
    await reader.readexactly(10)


async def own_future():
    class Own:
        def __await__(self):
            return (yield from asyncio.get_running_loop().create_future().__await__())
    await Own()


async def ring(others, ready):
    ready.append(1)
    await others[0]


async def raises():
    raise ValueError("kept")


async def grouped(make_child):
    async with asyncio.TaskGroup() as group:
        make_child(group)


async def setup(loop, stop):
    lock = asyncio.Lock()
    await lock.acquire()
    semaphore = asyncio.Semaphore(1)
    await semaphore.acquire()
    condition = asyncio.Condition()
    event = asyncio.Event()
    empty, full = asyncio.Queue(), asyncio.Queue(2)
    full.put_nowait(1)
    full.put_nowait(2)
    service = Service()
    for i, seconds in enumerate((1000, 2000.5)):
        make("sleep-%d" % i, "sleep", service.sleeps(seconds))
    make("lock", "lock", enters(lock))
    make("event", "event", event.wait())
    make("semaphore", "semaphore", semaphore.acquire())
    make("condition", "condition", waits_in(condition))
    make("get", "queue", empty.get())
    make("put", "queue", full.put(3))
    make("future", "future", takes(loop.create_future()))
    make("generator", "future", iterates(loop.create_future()))
    make("own", "future", own_future())
    leaf = make("leaf", "sleep", asyncio.sleep(3000), ["parent"])
    make("parent", "task", takes(leaf))
    make("gather", "gather", gathers(*[make("child-%d" % i, "sleep", asyncio.sleep(4000 + i), ["gather"])
                                       for i in range(3)]))
    make("wait", "wait", waits({make("waited-%d" % i, "event", event.wait(), ["wait"]) for i in range(3)}))
    make("completed", "wait", completes([make("part", "event", event.wait(), None)]))
    AWAITED["part"] = None  # where as_completed() keeps it differs from version to version
    make("limited", "future", limited(loop.create_future()))
    make("limited-queue", "queue", limited(empty.get()) if sys.version_info >= (3, 12) else takes(empty.get()))
    make("shield", "shield", shielded(make("inner", "event", event.wait(), ["shield"])))
    make("pool", "executor", pool(loop, stop))
    left, right = socket.socketpair()
    left.setblocking(False)
    kept.append((left, right))
    if hasattr(loop, "_selector"):
        make("socket", "socket", receives(loop, left))
    one, other = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=one)
    kept.append((other, writer))
    make("stream", "socket", reads(reader))
    others, ready = [], []
    ring_a = make("ring-a", "task", ring(others, ready), ["ring-b"])
    make("ring-b", "task", takes(ring_a), ["ring-a"])
    others.append([t for t in asyncio.all_tasks() if t.get_name() == "ring-b"][0])
    if sys.version_info >= (3, 11):
        def child(group):
            task = group.create_task(asyncio.sleep(5000), name="grouped")
            EXPECTED["grouped"] = "sleep"
            AWAITED["grouped"] = ["group"]
            kept.append(task)
        make("group", "task-group", grouped(child))
    make("\x1b[31mödd \u202e", "sleep", asyncio.sleep(6000))
    make("failed", None, raises())


kept = []


def describe_all(options, loop, running):
    tasks = [described(task, running) for task in asyncio.all_tasks(loop)]
    return {"pid": os.getpid(), "thread": threading.get_native_id(), "tasks": tasks, "loop": type(loop).__module__,
            "ready": len(loop._ready) if hasattr(loop, "_ready") else None,
            "scheduled": len(loop._scheduled) if hasattr(loop, "_scheduled") else None}


async def run(options):
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    await setup(loop, stop)
    for _ in range(10):
        await asyncio.sleep(0)
    # Nothing runs in between: the tasks stand as described here while the test looks.
    if options.mode == "running":
        EXPECTED[asyncio.current_task().get_name()] = None
        make("start", "start", takes(loop.create_future()))
        blocks(options, line_of(describe_all(options, loop, asyncio.current_task())))
        finish(stop)
    done = loop.create_future()
    go = os.open(options.go, os.O_RDONLY | os.O_NONBLOCK)
    loop.add_reader(go, lambda: done.set_result(None))
    asyncio.current_task().set_name("main")
    EXPECTED["main"], AWAITED["main"] = "future", []
    loop.call_later(0.1, lambda: say(options, describe_all(options, loop, None)))
    await done
    finish(stop)


def blocks(options, line):
    # A reader of the line finds the task here.
    ready, go = os.open(options.ready, os.O_WRONLY), os.open(options.go, os.O_RDONLY)
    os.write(ready, line)
    os.close(ready)
    os.read(go, 1)


def line_of(facts):
    return json.dumps(facts).encode() + b"\n"


def say(options, facts):
    with open(options.ready, "wb") as ready:
        ready.write(line_of(facts))


def finish(stop):
    stop.set()
    sys.stdout.flush()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--mode", choices=("idle", "running"), default="idle")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--python-tasks", action="store_true")
    options = parser.parse_args()
    if options.python_tasks:
        pure_asyncio.use_python_classes()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
