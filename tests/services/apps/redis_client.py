"""redis.asyncio (third party): a subscriber that hears little, a pool, a blocking pop."""
import asyncio
import sys

import redis.asyncio


async def subscribe(client):
    async with client.pubsub() as channel:
        await channel.subscribe("news")
        async for _ in channel.listen():
            pass


async def pop(client):
    while True:
        await client.blpop("jobs", timeout=0)


async def main():
    client = redis.asyncio.Redis(host="127.0.0.1", port=int(sys.argv[1]))
    tasks = [asyncio.create_task(subscribe(client)), asyncio.create_task(pop(client))]
    await client.ping()
    print("ready", flush=True)
    while True:
        await client.incr("count")
        await client.publish("news", "x")
        await asyncio.sleep(0.2)


asyncio.run(main())
