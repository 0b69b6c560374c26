"""Stalls, becomes noloop.py by exec (with the arguments behind --record's), and so stalls again as another program."""
import argparse
import asyncio
import os
import sys
import time

from records import Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations


def block_sleep(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


async def run(options):
    say_ready(options.ready)
    await wait_go(options.go)
    record = {"kind": "sleep", "label": "before", "expected_cause": "sleep", "single": True}
    block_sleep(record, 0.1)
    await asyncio.sleep(0)
    Writer(options.record).write(record)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "noloop.py")
    os.execv(sys.executable, [sys.executable, script, "--record", options.record + ".after"])


def main():
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
