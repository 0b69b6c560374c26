"""A Starlette application (third party) without FastAPI's validation."""
import asyncio

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def index(request):
    await asyncio.sleep(0.01)
    return PlainTextResponse("42")


app = Starlette(routes=[Route("/", index)])
