"""aiohttp (third party): a server that also calls itself through a pool of connections."""
import asyncio
import sys

from aiohttp import ClientSession, web

SESSION = web.AppKey("session", ClientSession)


async def index(request):
    async with asyncio.timeout(5):
        await asyncio.sleep(0.01)
    return web.json_response({"answer": 42})


async def relay(request):
    async with request.app[SESSION].get("http://127.0.0.1:%s/" % sys.argv[1]) as answer:
        return web.Response(body=await answer.read())


async def socket(request):
    wire = web.WebSocketResponse(heartbeat=2)
    await wire.prepare(request)
    async for message in wire:
        await wire.send_str(message.data)
    return wire


async def with_session(app):
    app[SESSION] = ClientSession()
    yield
    await app[SESSION].close()


app = web.Application()
app.add_routes([web.get("/", index), web.get("/relay", relay), web.get("/socket", socket)])
app.cleanup_ctx.append(with_session)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
