"""An asyncio loop that waits in a read of a pipe: no system call that a loop is known by. With --seen it waits by a call that is known."""
import argparse
import asyncio
import os
import selectors

from records import add_handshake_options, open_channel, say_ready


class ReadSelector(selectors.SelectSelector):
    """Returns what is ready now; otherwise waits for a byte."""

    def __init__(self, channel):
        super().__init__()
        self.channel = channel

    def select(self, timeout=None):
        if timeout is None or timeout > 0:
            os.read(self.channel, 1)
        return []


class OwnSelector(selectors.SelectSelector):
    """Waits like its base class."""


async def main(options):
    say_ready(options.ready)
    await asyncio.get_running_loop().create_future()


def run(options):
    if options.seen:
        loop = asyncio.SelectorEventLoop((OwnSelector if options.seen == "OwnSelector" else getattr(selectors, options.seen))())
    else:
        loop = asyncio.SelectorEventLoop(ReadSelector(open_channel(options.go, os.O_RDWR)))
    loop.run_until_complete(main(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_handshake_options(parser)
    parser.add_argument("--seen", choices=("EpollSelector", "SelectSelector", "OwnSelector"), help="a selector that waits by a call that is known")
    run(parser.parse_args())
