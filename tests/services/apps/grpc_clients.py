"""Keeps calls and streams of grpc_server.py open."""
import asyncio
import sys

import grpc


async def again(call):
    while True:
        await call(b"x")


async def read(stream, first):
    async for _ in stream:
        first.set()


async def talk(stream):
    while True:
        await stream.write(b"x")
        await stream.read()
        await asyncio.sleep(0.2)


async def main():
    async with grpc.aio.insecure_channel("127.0.0.1:" + sys.argv[1]) as channel:
        first = [asyncio.Event() for _ in range(4)]
        tasks = [asyncio.create_task(again(channel.unary_unary("/x/slow"))) for _ in range(5)]
        tasks += [asyncio.create_task(read(channel.unary_stream("/x/ticks")(b"x"), each)) for each in first[:2]]
        tasks += [asyncio.create_task(read(channel.unary_stream("/x/quiet")(b"x"), each)) for each in first[2:]]
        tasks.append(asyncio.create_task(talk(channel.stream_stream("/x/echo")())))
        tasks.append(asyncio.create_task(read(channel.stream_stream("/x/echo")(), first[0])))
        for each in first:
            await each.wait()
        print("ready", flush=True)
        await asyncio.gather(*tasks)


asyncio.run(main())
