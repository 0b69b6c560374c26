"""Opens idle connections to ws_server.py, says `ready`, and keeps one of them busy."""
import asyncio
import sys

import websockets


async def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    wires = []
    for _ in range(count):
        wires.append(await websockets.connect("ws://127.0.0.1:%d" % port, open_timeout=60))
    print("ready", flush=True)
    while True:
        await wires[0].send("x")
        await wires[0].recv()
        await asyncio.sleep(0.1)


asyncio.run(main())
