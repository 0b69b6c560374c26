"""An aiohttp server (third party: for the benchmark only). `--ready` as in http_server.py."""
import argparse
import asyncio
import os

from aiohttp import web

from records import open_channel


async def hello(request):
    return web.Response(text="hello, world\n")


async def serve(options):
    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port).start()
    line = "%d %d\n" % (runner.addresses[0][1], os.getpid())
    os.write(open_channel(options.ready), line.encode())
    await asyncio.sleep(options.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", default="1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
