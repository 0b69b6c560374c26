"""A self-written epoll loop in a program that also has asyncio, like Twisted. After a byte of --go it sleeps in
--count iterations; the first is the one that the byte begins: a tracer has seen none before."""
import argparse
import os
import selectors
import time

from records import Writer, add_handshake_options, begin, end, open_channel, say_ready


def block(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--ms", type=float, default=80.0)
    options = parser.parse_args()
    writer = Writer(options.record)
    selector = selectors.EpollSelector()
    go = open_channel(options.go, os.O_RDWR | os.O_NONBLOCK)
    selector.register(go, selectors.EVENT_READ)
    say_ready(options.ready)
    selector.select()
    os.read(go, 1)
    for number in range(options.count):
        record = {"kind": "sleep", "label": "stall-%d" % number, "expected_cause": "sleep", "single": True}
        block(record, options.ms / 1000.0)
        writer.write(record)
        selector.select(0.01)


if __name__ == "__main__":
    main()
