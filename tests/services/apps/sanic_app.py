"""Sanic (third party), without workers of its own."""
import asyncio
import sys

from sanic import Sanic
from sanic.response import json

app = Sanic("services")


@app.get("/")
async def index(request):
    await asyncio.sleep(0.01)
    return json({"answer": 42})


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
