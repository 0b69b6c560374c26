"""Pools of libraries at their limit, each of them made up of the library's names and attributes (tests/programs/pools).

Behind the `ready` line comes one JSON object, {class: {"pool", "capacity", "holders", "waiters", "ring"}}: with --ring each holder
waits for one more, with --moves the holders give back what they have at once, and take it again.
"""
import argparse
import asyncio
import json
import os
import sys

from records import add_handshake_options, open_channel, say_ready

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pools", "site-packages"))
import aiohttp.connector  # noqa: E402
import asyncpg.pool  # noqa: E402
import httpcore._async.connection_pool  # noqa: E402
import psycopg_pool.pool_async  # noqa: E402
import redis.asyncio.connection  # noqa: E402

CLASSES = [asyncpg.pool.Pool, redis.asyncio.connection.BlockingConnectionPool, psycopg_pool.pool_async.AsyncConnectionPool,
           httpcore._async.connection_pool.AsyncConnectionPool, aiohttp.connector.BaseConnector]
SIZE = 3


def spawn(name, coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    return task


async def holds(pool):
    async with pool.acquire():
        await asyncio.sleep(3600)


async def holds_without_block(pool):
    taken = pool.acquire()
    keeps = await taken.__aenter__()
    await asyncio.sleep(3600)
    del taken, keeps


async def takes_one_more(pool, met):
    async with pool.acquire():
        met.append(1)
        while len(met) < SIZE:
            await asyncio.sleep(0)
        async with pool.acquire():
            pass


async def moves(pool):
    while True:
        async with pool.acquire():
            await asyncio.sleep(0.0005)


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


async def main(arguments):
    said, kept = {}, []
    for each in CLASSES:
        name = each.__module__.split(".")[0]
        pool = globals()[name.upper()] = each(SIZE)
        met = []
        if arguments.moves:
            kept += [spawn(f"{name}-{i}", moves(pool)) for i in range(5 * SIZE)]
            continue
        holders = [spawn(f"{name}-holder-{i}", takes_one_more(pool, met) if arguments.ring
                         else (holds_without_block if i == 0 else holds)(pool)) for i in range(SIZE)]
        await settle()
        waiters = [spawn(f"{name}-waiter-{i}", holds(pool)) for i in range(2)]
        kept += holders + waiters
        said[name.upper()] = {"class": each.__name__, "capacity": SIZE,
                              "holders": [task.get_name() for task in holders],
                              "waiters": [task.get_name() for task in waiters], "ring": arguments.ring}
    await settle()
    say_ready(arguments.ready)
    os.write(open_channel(arguments.ready), json.dumps(said).encode() + b"\n")
    await asyncio.sleep(3600)
    del kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--ring", action="store_true")
    parser.add_argument("--moves", action="store_true")
    asyncio.run(main(parser.parse_args()))
