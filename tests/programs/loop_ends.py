"""A loop in a thread that ends with --go; the process goes on until a byte comes in at its standard input."""
import argparse
import asyncio
import os
import threading

from records import add_handshake_options, say_ready, wait_go


async def run_loop(options):
    say_ready(options.ready)
    await wait_go(options.go)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    thread = threading.Thread(target=lambda options: asyncio.run(run_loop(options)), args=(parser.parse_args(),))
    thread.start()
    thread.join()
    os.read(0, 1)
