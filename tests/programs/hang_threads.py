"""Threads and tasks that hang, each group in a way that is known. Behind the `ready` line comes one JSON object:

    rings        [[names in the order in which each waits for the next]…], the least name first
    self_wait    name of the thread of a loop that waits for itself
    exhausted    {"capacity", "waiting"} of an executor
    unresolvable names of tasks that wait for what nobody can set
    held         {holder: waiter}
"""
import argparse
import asyncio
import concurrent.futures
import json
import os
import threading

from records import add_handshake_options, open_channel, say_ready

LOCK_A, LOCK_B = threading.Lock(), threading.Lock()
RLOCKS = [threading.RLock() for _ in range(3)]
HELD_BY_TASK = threading.Lock()
NEVER = threading.Event()
SMALL = concurrent.futures.ThreadPoolExecutor(2, "small")
BUSY = concurrent.futures.ThreadPoolExecutor(3, "busy")
THREADS = []


def start(name, function, *arguments):
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
    THREADS.append(thread)
    thread.start()


def takes_both(first, second, met):
    with first:
        met.wait()
        with second:
            pass


def acquires_second(first, second, met):
    with first:
        met.wait()
        second.acquire()


def runs_own_loop():
    async def answer():
        return 42

    async def main():
        loop = asyncio.get_running_loop()
        asyncio.run_coroutine_threadsafe(answer(), loop).result()
    asyncio.run(main())


def submits_again(met):
    met.wait()
    return SMALL.submit(os.getpid).result()


async def holds(lock, held):
    with lock:
        held.set()
        await asyncio.sleep(3600)


async def waits_for_lost():
    future = asyncio.get_running_loop().create_future()
    await future


async def waits_for_lost_event():
    event = asyncio.Event()
    await event.wait()


async def uses(pool, function, *arguments):
    await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)


def takes(lock):
    with lock:
        pass


def asleep(thread):
    with open(f"/proc/self/task/{thread}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "S"


async def settle(tids):
    """Until every other thread sleeps, some times in a row."""
    rest = 0
    while rest < 5:
        rest = rest + 1 if all(asleep(tid) for tid in tids()) else 0
        await asyncio.sleep(0.02)


def spawn(name, coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    return task


async def main(arguments):
    kept = []
    met = threading.Barrier(2)
    start("lock-a", takes_both, LOCK_A, LOCK_B, met)
    start("lock-b", acquires_second, LOCK_B, LOCK_A, met)
    met = threading.Barrier(3)
    for i in range(3):
        start(f"rlock-{i}", takes_both, RLOCKS[i], RLOCKS[(i + 1) % 3], met)
    start("own-loop", runs_own_loop)
    met = threading.Barrier(2)
    kept += [spawn(f"small-{i}", uses(SMALL, submits_again, met)) for i in range(2)]
    kept += [spawn(f"busy-{i}", uses(BUSY, NEVER.wait)) for i in range(8)]
    held = asyncio.Event()
    kept.append(spawn("holds", holds(HELD_BY_TASK, held)))
    await held.wait()
    start("waits-for-task", takes, HELD_BY_TASK)
    kept += [spawn("lost", waits_for_lost()), spawn("lost-event", waits_for_lost_event())]
    me = os.getpid()
    await settle(lambda: [int(tid) for tid in os.listdir("/proc/self/task") if int(tid) != me])
    say_ready(arguments.ready)
    os.write(open_channel(arguments.ready), json.dumps({
        "rings": [["lock-a", "lock-b"], ["rlock-0", "rlock-1", "rlock-2"]],
        "self_wait": "own-loop",
        "exhausted": {"capacity": 3, "waiting": 5},
        "unresolvable": ["lost", "lost-event"],
        "held": {"holds": "waits-for-task"},
        "executor": {"threads": 2, "capacity": 2},
    }).encode() + b"\n")
    await asyncio.sleep(3600)
    del kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    asyncio.run(main(parser.parse_args()))
