"""grpc.aio (third party): unary calls that take a while, a stream of answers, a stream both ways. Bytes, so without a compiler of messages."""
import asyncio
import sys

import grpc


async def slow(request, context):
    await asyncio.sleep(3)
    return request


async def ticks(request, context):
    while True:
        await asyncio.sleep(0.3)
        yield b"tick"


async def quiet(request, context):
    """A stream that says something only when somebody asks."""
    await context.write(b"hello")
    await asyncio.Event().wait() if request == b"never" else await asyncio.sleep(300)


async def echo(requests, context):
    async for request in requests:
        yield request


class Handlers(grpc.GenericRpcHandler):
    ways = {"/x/slow": grpc.unary_unary_rpc_method_handler(slow), "/x/ticks": grpc.unary_stream_rpc_method_handler(ticks),
            "/x/quiet": grpc.unary_stream_rpc_method_handler(quiet), "/x/echo": grpc.stream_stream_rpc_method_handler(echo)}

    def service(self, details):
        return self.ways.get(details.method)


async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_insecure_port("127.0.0.1:" + sys.argv[1])
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
