"""A plain epoll loop that any Python from 2.7 on can run; it sleeps --count times for --ms.

The iteration that sleeps lies between two polls that do not wait, and these between outer_start_ns and outer_end_ns."""
import argparse
import ctypes
import json
import os
import select
import time


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


LIBC = ctypes.CDLL(None)


def monotonic_ns():
    now = Timespec()
    LIBC.clock_gettime(1, ctypes.byref(now))
    return now.seconds * 1000000000 + now.nanoseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready")
    parser.add_argument("--go")
    parser.add_argument("--record")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--ms", type=float, default=100.0)
    options = parser.parse_args()
    poll = select.epoll()
    go = os.open(options.go, os.O_RDWR | os.O_NONBLOCK)
    poll.register(go, select.EPOLLIN)
    poll.poll(0.001)
    ready = os.open(options.ready, os.O_RDWR)
    os.write(ready, ("ready %d\n" % os.getpid()).encode())
    poll.poll()
    os.read(go, 1)
    with open(options.record, "w") as record:
        for number in range(options.count):
            poll.poll(0.005)
            outer_start = monotonic_ns()
            poll.poll(0)
            start = monotonic_ns()
            time.sleep(options.ms / 1000.0)
            end = monotonic_ns()
            poll.poll(0)
            outer_end = monotonic_ns()
            poll.poll(0.005)
            record.write(json.dumps({"kind": "sleep", "label": "stall-%d" % number, "expected_cause": "sleep",
                                     "single": True, "tid": os.getpid(), "start_ns": start, "end_ns": end,
                                     "outer_start_ns": outer_start, "outer_end_ns": outer_end}) + "\n")


if __name__ == "__main__":
    main()
