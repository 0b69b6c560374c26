"""A C program of tests/programs that measures itself, a line for each short window, as long as it is asked to."""
import contextlib
import os
import select
import subprocess

import common


class Meter:
    """The same process with and without tracing: so the position of its memory in the caches is the same for both."""

    WINDOW_MS = 20

    def __init__(self, process):
        self.process = process

    def windows(self, count):
        """The numbers of the next windows that begin from now on."""
        while select.select([self.process.stdout], [], [], 0)[0]:
            os.read(self.process.stdout.fileno(), 65536)
        common.read_line(self.process.stdout, 10)  # the present window
        return [list(map(float, common.read_line(self.process.stdout, 10).split())) for _ in range(count)]


@contextlib.contextmanager
def meter(name, *arguments):
    process = common.spawn([common.compiled(name), "1000000", str(Meter.WINDOW_MS), *arguments], common.TARGET_CPU,
                           stdout=subprocess.PIPE, bufsize=0)
    try:
        yield Meter(process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
