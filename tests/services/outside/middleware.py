"""An ASGI middleware that a server loads in front of an application (AIOTRACE_APP, as module:name): a request's header x-fault is a fault in it."""
import asyncio
import importlib
import os

import faults
import plugin


def load(text):
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)


INNER = load(os.environ["AIOTRACE_APP"])


async def app(scope, receive, send):
    for name, value in scope.get("headers", ()):
        if name == b"x-fault":
            kind, _, milliseconds = value.decode().partition(" ")
            task = asyncio.current_task()
            faults.run(kind, float(milliseconds) / 1000, plugin.SAY, task.get_coro().__qualname__)
    await INNER(scope, receive, send)
