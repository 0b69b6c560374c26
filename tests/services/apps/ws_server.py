"""websockets (third party): connections that stay, most of them idle."""
import asyncio
import sys

import websockets


async def handle(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with websockets.serve(handle, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
