"""An aiohttp or FastAPI application (third party) with correct handlers, and handlers that leak on request.

--ready FILE: one line of JSON, {"pid", "port"}. GET /said answers with what leaks, as leaky.py says it.
The sound ones: / (tasks, locks, gather), /stream (an asynchronous generator), /client (the server calls itself),
/pool (a thread), /slow (0.3 s). Those that leak, once for each request: /leak/KIND, see LEAKS. Those that stall the
loop for 60 ms and more: /stall/KIND, see STALLS; their functions are in the file web_stalls.py.
"""
import argparse
import asyncio
import contextlib
import json
import os
import socket
import warnings

from web_stalls import STALLS

held = []  # what leaks, on purpose
tasks = []
counts = {}  # (class, coroutine): how many


def leaked(kind, name):
    counts[kind, name] = counts.get((kind, name), 0) + 1


async def write_audit(entry):
    await asyncio.sleep(entry)


async def inner_wait(future):
    await future


async def poll_upstream(future):
    await inner_wait(future)


async def wait_forever(future):
    await inner_wait(future)


async def refresh_cache():
    raise ValueError("nobody asks")


async def read_rows():
    for i in range(10):
        yield i


async def notify():
    pass


async def leak_never():
    held.append(write_audit(1))
    leaked("never-awaited", "write_audit")


async def leak_orphan():
    coroutine = poll_upstream(asyncio.get_running_loop().create_future())
    coroutine.send(None)
    held.append(coroutine)
    leaked("orphaned", "poll_upstream")


async def leak_stuck():
    tasks.append(asyncio.ensure_future(wait_forever(asyncio.get_running_loop().create_future())))
    leaked("stuck", "wait_forever")


async def leak_unread():
    tasks.append(asyncio.ensure_future(refresh_cache()))
    leaked("unread-exception", "refresh_cache")


async def leak_generator():
    rows = read_rows()
    await rows.__anext__()
    held.append(rows)
    leaked("async-generator", "read_rows")


async def leak_dropped():
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        notify()
    counts["dropped", "notify"] = None


LEAKS = {"never": leak_never, "orphan": leak_orphan, "stuck": leak_stuck, "unread": leak_unread,
         "generator": leak_generator, "dropped": leak_dropped}


def said():
    answer = {}
    for (kind, name), count in counts.items():
        answer.setdefault(kind, {})[name] = count
    return answer


# ---- What is no leak.

locks = {}


@contextlib.asynccontextmanager
async def transaction(table):
    async with locks[table]:
        yield
        await asyncio.sleep(0)


async def query(i):
    await asyncio.sleep(0.001 * i)
    return i


async def sound():
    async with transaction("rows"):
        rows = await asyncio.gather(*[query(i) for i in range(3)])
    task = asyncio.ensure_future(query(1))
    await asyncio.wait_for(asyncio.shield(task), 5)
    done, _ = await asyncio.wait([asyncio.ensure_future(query(0)), asyncio.ensure_future(query(1))])
    for each in asyncio.as_completed([query(0), query(1)]):
        await each
    return len(rows) + len(done)


async def chunks():
    for i in range(5):
        yield b"%d\n" % i
        await asyncio.sleep(0.002)


async def call_itself(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return len(answer)


def blocking(seconds):
    import time
    time.sleep(seconds)
    return "done"


async def serve_aiohttp(options, listener):
    from aiohttp import web

    async def root(request):
        return web.Response(text=str(await sound()))

    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in chunks():
            await response.write(chunk)
        return response

    async def client(request):
        return web.Response(text=str(await call_itself(options.port)))

    async def pool(request):
        loop = asyncio.get_running_loop()
        return web.Response(text=await loop.run_in_executor(None, blocking, 0.003))

    async def slow(request):
        await asyncio.sleep(0.3)
        return web.Response(text="slow")

    async def leak(request):
        await LEAKS[request.match_info["kind"]]()
        return web.Response(text="leaked")

    async def stall(request):
        STALLS[request.match_info["kind"]]()
        return web.Response(text="stalled")

    async def say_leaks(request):
        return web.Response(text=json.dumps(said()))

    app = web.Application()
    for path, handler in (("/", root), ("/stream", stream), ("/client", client), ("/pool", pool), ("/slow", slow),
                          ("/leak/{kind}", leak), ("/stall/{kind}", stall), ("/said", say_leaks)):
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    announce(options)
    await asyncio.sleep(3600)


def fastapi_app(options):
    from fastapi import Depends, FastAPI, Response
    from fastapi.responses import StreamingResponse

    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield

    app = FastAPI(lifespan=lifespan)

    async def session():  # a dependency with an end: an asynchronous generator behind a context manager
        # Held while root() runs, which takes the other one.
        async with transaction("sessions"):
            yield 1

    @app.middleware("http")
    async def timing(request, call_next):
        return await call_next(request)

    @app.get("/")
    async def root(number: int = Depends(session)):
        return await sound() + number

    @app.get("/stream")
    async def stream():
        return StreamingResponse(chunks())

    @app.get("/client")
    async def client():
        return await call_itself(options.port)

    @app.get("/pool")
    def pool():  # not async: FastAPI runs it in a thread
        return blocking(0.003)

    @app.get("/slow")
    async def slow():
        await asyncio.sleep(0.3)
        return "slow"

    @app.get("/leak/{kind}")
    async def leak(kind: str):
        await LEAKS[kind]()
        return "leaked"

    @app.get("/stall/{kind}")
    async def stall(kind: str):
        STALLS[kind]()
        return "stalled"

    @app.get("/said")
    async def say_leaks():
        return Response(json.dumps(said()))

    return app


async def serve_fastapi(options, listener):
    import uvicorn
    config = uvicorn.Config(fastapi_app(options), loop="none", access_log=False, log_level="warning")
    server = uvicorn.Server(config)

    async def when_started():
        while not server.started:
            await asyncio.sleep(0.01)
        announce(options)

    starting = asyncio.ensure_future(when_started())
    await server.serve(sockets=[listener])
    await starting


def announce(options):
    with open(options.ready, "w") as ready:
        ready.write(json.dumps({"pid": os.getpid(), "port": options.port}) + "\n")


async def main(options, listener):
    locks.update({table: asyncio.Lock() for table in ("rows", "sessions")})
    serve = {"aiohttp": serve_aiohttp, "fastapi": serve_fastapi}[options.framework]
    await serve(options, listener)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--ready", "--go", "--record"):
        parser.add_argument(name)
    parser.add_argument("--framework", choices=("aiohttp", "fastapi"), required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    given = parser.parse_args()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen(256)
    given.port = bound.getsockname()[1]
    if given.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main(given, bound))
