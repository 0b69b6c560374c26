"""Locks that are taken by acquire(), without a block, some of them never given back; tasks that are cancelled, some of which go
on; a child that waits for its pipe to be read. At random, all of it known.

Behind the `ready` line comes one JSON object:
    abandoned  {lock: [names of those that wait]}, taken by a task that has ended
    held       {lock: {"holder": task, "waiters": [names]}}, taken by a task that sleeps
    apart      [locks] that are taken in one function and given back in another, by a task that sleeps
    ignored    {task: [names of those that wait for its end]}, which went on after it was cancelled
    ends       [names of those that wait for a cancelled task that cleans up]
"""
import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import threading

from records import add_handshake_options, open_channel, say_ready

# A function for each lock: what it mentions is what is looked for.
GATE = """
async def use_{0}(loses, then):
    await {0}.acquire()
    if loses:
        raise ValueError("not given back")
    try:
        await then()
    finally:
        {0}.release()
"""
THREAD_GATE = """
def use_{0}(loses, then):
    {0}.acquire()
    if loses:
        return
    then()
    {0}.release()
"""
ASLEEP = threading.Event()


class Apart:
    def __init__(self):
        self.apart_gate = asyncio.Lock()

    async def take(self):
        await self.apart_gate.acquire()

    def give(self):
        self.apart_gate.release()


APART = None


def spawn(name, coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    return task


async def sleeps():
    await asyncio.sleep(3600)


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


def define(name, lock, source):
    globals()[name] = lock
    exec(compile(source.format(name), __file__, "exec"), globals())
    return globals()[f"use_{name}"]


async def locks(said, kept):
    for i in range(random.randint(2, 6)):
        name = f"GATE_{i}"
        use = define(name, random.choice([asyncio.Lock, lambda: asyncio.Semaphore(1)])(), GATE)
        loses = i == 0 or (i != 1 and random.random() < 0.5)
        first = spawn(f"first-{name}", use(loses, sleeps))
        await settle()
        if loses:
            first.exception()
        kept.append(first)
        waiters = [spawn(f"waits-{name}-{j}", use(False, sleeps)) for j in range(random.randint(1, 4))]
        kept += waiters
        names = [each.get_name() for each in waiters]
        if loses:
            said["abandoned"][name] = names
        else:
            said["held"][name] = {"holder": first.get_name(), "waiters": names}


async def uses_apart():
    await APART.take()
    await sleeps()
    APART.give()


def thread_locks(said):
    name = "THREAD_GATE"
    use = define(name, threading.Lock(), THREAD_GATE)
    first = threading.Thread(target=use, args=(True, None))
    first.start()
    first.join()
    names = [f"waits-{name}-{i}" for i in range(2)]
    for each in names:
        threading.Thread(target=use, args=(False, None), name=each, daemon=True).start()
    said["abandoned"][name] = names


async def ignores():
    while True:
        try:
            await sleeps()
        except asyncio.CancelledError:
            pass


async def cleans_up(way):
    if way == "finally":
        try:
            await sleeps()
        finally:
            await sleeps()
    elif way == "except":
        try:
            await sleeps()
        except asyncio.CancelledError:
            await sleeps()
            raise
    else:
        class Manager:
            async def __aenter__(self):
                pass

            async def __aexit__(self, *error):
                await sleeps()
        async with Manager():
            await sleeps()


async def passes_on(task):
    await task


async def waits_for(task, way):
    if way == "gather":
        await asyncio.gather(task, return_exceptions=True)
    elif way == "wait":
        await asyncio.wait([task])
    else:
        await task


async def cancelled(said, kept):
    for i in range(random.randint(2, 5)):
        ignored = i == 0 or random.random() < 0.5
        name = f"cancelled-{i}"
        task = spawn(name, ignores() if ignored else cleans_up(random.choice(["finally", "except", "manager"])))
        outer = spawn(f"passes-on-{i}", passes_on(task)) if not ignored and random.random() < 0.5 else task
        kept += [task, outer]
        await settle()
        outer.cancel()
        await settle()
        waiters = [spawn(f"waits-{name}-{j}", waits_for(outer, random.choice(["gather", "wait", "await"])))
                   for j in range(random.randint(1, 2))]
        kept += waiters
        names = [each.get_name() for each in waiters]
        if ignored:
            said["ignored"][name] = names
        else:
            said["ends"] += names


async def main(arguments):
    random.seed(arguments.seed)
    global APART
    APART = Apart()
    said = {"abandoned": {}, "held": {}, "apart": ["Apart.apart_gate"], "ignored": {}, "ends": []}
    kept = [spawn(f"apart-{i}", uses_apart()) for i in range(2)]
    await locks(said, kept)
    thread_locks(said)
    await cancelled(said, kept)
    await settle()
    say_ready(arguments.ready)
    os.write(open_channel(arguments.ready), json.dumps(said).encode() + b"\n")
    await sleeps()
    del kept


def asleep(pid, call):
    """Whether a process sleeps in this system call."""
    with open(f"/proc/{pid}/syscall") as file:
        return file.read().split()[0] == str(call)


async def waits_for_child(arguments):
    """A child that fills its pipe; who waits for its end, and in one case somebody who reads now and then."""
    write = "import os\ntry:\n while True: os.write(1, b'x' * 4096)\nexcept OSError: pass"
    child = [sys.executable, "-S", "-c", write]
    if arguments.pipe == "shell":
        child = ["sh", "-c", '"$@"; true', "sh"] + child
    if arguments.pipe == "task":
        process = await asyncio.create_subprocess_exec(*child, stdout=asyncio.subprocess.PIPE)
        kept = spawn("waits", process.wait())
    else:
        process = subprocess.Popen(child, stdout=subprocess.PIPE)
    if arguments.pipe == "read":
        def reads():
            while True:
                ASLEEP.wait(3600)
                process.stdout.read(1)
        threading.Thread(target=reads, daemon=True).start()
    writer = process.pid
    if arguments.pipe == "shell":
        while not (below := open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()):
            await asyncio.sleep(0)
        writer = int(below[0])
    while not asleep(writer, arguments.write_call):
        await asyncio.sleep(0)
    say_ready(arguments.ready)
    os.write(open_channel(arguments.ready), json.dumps({"writer": writer}).encode() + b"\n")
    if arguments.pipe == "task":
        await kept
    process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pipe", choices=["child", "shell", "task", "read"])
    parser.add_argument("--write-call", type=int, default=1, help="the number of write()")
    arguments = parser.parse_args()
    asyncio.run(waits_for_child(arguments) if arguments.pipe else main(arguments))
