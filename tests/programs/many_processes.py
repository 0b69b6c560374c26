"""--count processes, each with a loop that ticks each --tick ms. One line when all of them run; they end with their parent."""
import argparse
import asyncio
import ctypes
import os
import signal
import time

from records import add_handshake_options, say_ready


async def tick(seconds, running):
    os.write(running, b".")
    os.close(running)
    while True:
        await asyncio.sleep(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--tick", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    libc, parent = ctypes.CDLL(None), os.getpid()
    running, of_child = os.pipe()
    for _ in range(options.count):
        if os.fork() == 0:
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            os.close(running)
            if os.getppid() == parent:
                asyncio.run(tick(options.tick / 1000, of_child))
            os._exit(0)
    os.close(of_child)
    while os.read(running, 4096):
        continue
    say_ready(options.ready)
    time.sleep(options.seconds)


if __name__ == "__main__":
    main()
