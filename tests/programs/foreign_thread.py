"""An asyncio program that a C library (tests/programs/lib/polls.c, given as --library) made a thread in, which has a loop
and never runs Python. Records how often that one stalls."""
import argparse
import asyncio
import ctypes

from records import Writer, add_handshake_options, say_ready, wait_go

TIMES, SPIN_MS = 3, 60


async def main(options):
    library = ctypes.CDLL(options.library)
    writer = Writer(options.record)
    say_ready(options.ready)
    await wait_go(options.go)
    if library.begin(SPIN_MS, TIMES) != 0:
        raise OSError("no thread")
    await asyncio.sleep(0.1)
    await asyncio.get_running_loop().run_in_executor(None, library.end)
    writer.write({"stalls": TIMES, "spin_ms": SPIN_MS})


def run():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--library", required=True)
    asyncio.run(main(parser.parse_args()))


run()
