"""Functions, files and tasks with unusual names that a tracer must handle. Each name stalls once."""
import argparse
import asyncio
import time
import types

from records import Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations

NAMES = {
    "latin1": "z\u00e4hler_\u00df",
    "bmp": "\u51e6\u7406_\u0434\u0430\u043d\u043d\u044b\u0435",
    "astral": "snake_\U0001f40d_\U0001d518",
    "semicolon": "a;b (c:1);d",
    "escape": "\x1b[31mred\x1b[0m\x07",
    "newline": "one\ntwo\rthree",
    "quote": "say \"hi\"\\ and 'so'\t",
    "c1": "csi\u009b31mred",
    "bidi": "abc\u202edef",
    "surrogate": "lone\udc80half",
    "nul": "before\x00after",
    "long": "long_" + "x" * 3000,
    "empty": "",
}

SOURCE = """
def placeholder_block(record, seconds):
    begin(record, 1)
    sleep(seconds)
    end(record)

async def placeholder_root(block, record, seconds):
    block(record, seconds)
"""


def renamed(function, name):
    """The function with that name in its code object (qualified, too, where it has one) and of its coroutines."""
    changes = {"co_name": name}
    if hasattr(function.__code__, "co_qualname"):
        changes["co_qualname"] = name
    new = types.FunctionType(function.__code__.replace(**changes), function.__globals__, name)
    new.__qualname__ = name
    return new


def make(key, name):
    """(blocking function, coroutine function) of a file with the same name."""
    # A file name cannot hold NUL; compile() wants one that the file system's encoding can take.
    file = "/nowhere/%s.py" % name.replace("\x00", "0")
    scope = {"begin": begin, "end": end, "sleep": time.sleep}
    exec(compile(SOURCE, file, "exec"), scope)
    return renamed(scope["placeholder_block"], name), renamed(scope["placeholder_root"], name)


async def run(options):
    writer = Writer(options.record)
    cases = [(key, NAMES[key]) + make(key, NAMES[key]) for key in (options.only or ",".join(NAMES)).split(",")]
    say_ready(options.ready)
    await wait_go(options.go)
    for key, name, block, root in cases:
        record = {"kind": "name", "label": key, "name": name, "expected_cause": "sleep", "single": True}
        await asyncio.create_task(root(block, record, options.ms / 1000.0), name=name)
        await asyncio.sleep(0.002)
        writer.write(record)


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--only", help="of " + ",".join(NAMES))
    parser.add_argument("--ms", type=float, default=60.0)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
