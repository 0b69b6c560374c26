"""A uvicorn + uvloop server (third party: for the benchmark only). `--ready` as in http_server.py."""
import argparse
import asyncio
import os
import socket

import uvicorn

from records import open_channel


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")]})
    await send({"type": "http.response.body", "body": b"hello, world\n"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", default="1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(1024)  # connections wait here until uvicorn accepts them
    server = uvicorn.Server(uvicorn.Config(app, loop=options.loop, lifespan="off", access_log=False,
                                           log_level="warning"))

    async def announce():
        while not server.started:
            await asyncio.sleep(0.01)
        line = "%d %d\n" % (listener.getsockname()[1], os.getpid())
        os.write(open_channel(options.ready), line.encode())
        await asyncio.sleep(options.seconds)
        server.should_exit = True

    async def serve():
        watcher = asyncio.create_task(announce())
        await server.serve(sockets=[listener])
        watcher.cancel()

    if options.loop == "uvloop":
        import uvloop
        uvloop.new_event_loop().run_until_complete(serve())
    else:
        asyncio.run(serve())


if __name__ == "__main__":
    main()
