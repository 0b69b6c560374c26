"""A loop with nothing to do, or with a timer that ticks. Ends after --seconds."""
import argparse
import asyncio

from records import add_handshake_options, say_ready


async def run(options):
    say_ready(options.ready)
    if options.tick:
        for _ in range(int(options.seconds * 1000 / options.tick)):
            await asyncio.sleep(options.tick / 1000.0)
    else:
        await asyncio.sleep(options.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--tick", type=float, default=0.0, help="ms between two wake-ups; 0: none")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
