"""A FastAPI application (third party): quick answers, a stream, a pool's thread, background work."""
import asyncio

import fastapi
import fastapi.responses

app = fastapi.FastAPI()


async def housekeeping():
    while True:
        await asyncio.sleep(0.5)


@app.on_event("startup")
async def begin():
    app.state.housekeeping = asyncio.create_task(housekeeping())


@app.get("/")
async def index():
    await asyncio.gather(asyncio.sleep(0.01), asyncio.sleep(0.02))
    return {"answer": 42}


@app.get("/thread")
def in_a_thread():
    return {"answer": 42}


@app.get("/stream")
async def stream():
    async def rows():
        for each in range(50):
            yield b"row %d\n" % each
            await asyncio.sleep(0.1)

    return fastapi.responses.StreamingResponse(rows())
