"""A client as those of chats are, and a scheduler as those of homes are: a gateway that never says anything, heartbeats, a queue of events,
timers by call_later, handlers in an executor."""
import asyncio
import socket


class Bus:
    def __init__(self):
        self.queue, self.listeners, self.stopped = asyncio.Queue(), [], None

    async def dispatch(self):
        while True:
            event = await self.queue.get()
            for each in self.listeners:
                await each(event)

    async def run(self):
        self.stopped = asyncio.get_running_loop().create_future()
        await self.stopped

    def tick(self):
        self.queue.put_nowait("tick")
        asyncio.get_running_loop().call_later(0.25, self.tick)


async def gateway(address):
    reader, writer = await asyncio.open_connection(*address)
    beat = asyncio.create_task(heartbeat(writer))
    try:
        while await reader.readexactly(4):
            pass
    finally:
        beat.cancel()


async def heartbeat(writer):
    while True:
        writer.write(b"beat")
        await writer.drain()
        await asyncio.sleep(0.5)


async def to_disk(event):
    await asyncio.to_thread(len, event)


async def main():
    server = socket.create_server(("127.0.0.1", 0))
    bus = Bus()
    bus.listeners.append(to_disk)
    tasks = [asyncio.create_task(gateway(server.getsockname())), asyncio.create_task(bus.dispatch())]
    bus.tick()
    print("ready", flush=True)
    await bus.run()
    await asyncio.gather(*tasks)


asyncio.run(main())
