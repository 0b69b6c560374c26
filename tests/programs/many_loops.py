"""An idle loop in each of --count threads."""
import argparse
import asyncio
import threading

from records import add_handshake_options, say_ready


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=30)
    options = parser.parse_args()
    everybody = threading.Barrier(options.count + 1)

    async def run():
        everybody.wait()
        await asyncio.sleep(3600)

    threads = [threading.Thread(target=lambda: asyncio.run(run())) for _ in range(options.count)]
    for thread in threads:
        thread.start()
    everybody.wait()
    say_ready(options.ready)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
