"""A small HTTP/1.1 server with keep-alive on a bare asyncio protocol: what the standard library alone can do."""
import argparse
import asyncio
import os

from records import open_channel

BODY = b"hello, world\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Http(asyncio.Protocol):
    def __init__(self):
        self.pending = b""
        self.tasks = set()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.pending += data
        *requests, self.pending = self.pending.split(b"\r\n\r\n")
        for _ in requests:
            task = asyncio.get_running_loop().create_task(self.answer())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self):
        if not self.transport.is_closing():
            self.transport.write(RESPONSE)


async def serve(options):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Http, "127.0.0.1", options.port)
    line = "%d %d\n" % (server.sockets[0].getsockname()[1], os.getpid())
    os.write(open_channel(options.ready), line.encode())
    await asyncio.sleep(options.seconds)
    server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", default="1", help="descriptor or path for the line `PORT PID`")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
