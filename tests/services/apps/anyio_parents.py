"""anyio (third party): parents that wait for children of their groups, which wait for streams, locks and threads."""
import sys

import anyio


async def child(stream):
    async for _ in stream:
        pass


async def watch(event):
    await event.wait()


async def parent(stop):
    async with anyio.create_task_group() as group:
        for _ in range(3):
            send, receive = anyio.create_memory_object_stream(1)
            group.start_soon(child, receive)
            group.start_soon(watch, stop)
            group.start_soon(feed, send)


async def feed(send):
    async with send:
        while True:
            await send.send(1)
            await anyio.sleep(0.5)


async def answer(stream):
    async with stream:
        async for data in stream:
            await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n42")


async def main():
    stop = anyio.Event()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=int(sys.argv[1]))
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(parent, stop)
        await listener.serve(answer)


anyio.run(main)
