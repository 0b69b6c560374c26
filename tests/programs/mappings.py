"""Before each stall the loop's thread has a page fault while another thread holds the lock of the process's
mappings: it waits for the lock, and no address is reported for such a fault. All this happens in the iteration
before the stall's."""
import argparse
import asyncio
import ctypes
import mmap
import threading
import time

from records import Writer, add_handshake_options, begin, end, say_ready, wait_go, watch_iterations

LIBC = ctypes.CDLL(None)
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
BIG, TOUCHED = 256 << 20, 16
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def holds_lock(stopped):
    """mprotect of many resident pages holds the lock for about a millisecond."""
    pages = mmap.mmap(-1, BIG, flags=PRIVATE)
    for at in range(0, BIG, mmap.PAGESIZE):
        pages[at] = 1
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    while not stopped.is_set():
        for protection in (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE):
            LIBC.mprotect(address, BIG, protection)


def new_mappings():
    """The first fault of each needs the lock (kernel: vmf_anon_prepare); neighbours that differ are not merged."""
    return [mmap.mmap(-1, mmap.PAGESIZE, flags=PRIVATE, prot=mmap.PROT_READ | (mmap.PROT_WRITE if i % 2 else 0))
            for i in range(2 * TOUCHED)]


async def touch(pages):
    for page in pages[1::2]:
        page[0] = 1


async def stall(record, seconds):
    begin(record, 1)
    time.sleep(seconds)
    end(record)


async def main(options):
    writer, stopped = Writer(options.record), threading.Event()
    mappings = [new_mappings() for _ in range(options.count)]
    threading.Thread(target=holds_lock, args=(stopped,), daemon=True).start()
    say_ready(options.ready)
    await wait_go(options.go)
    for number in range(options.count):
        record = {"kind": "sleep", "label": "stall-%d" % number, "expected_cause": "sleep", "single": False}
        await asyncio.create_task(touch(mappings[number]))
        await asyncio.create_task(stall(record, options.ms / 1000), name="stall-%d" % number)
        await asyncio.sleep(0)
        writer.write(record)
    stopped.set()


if __name__ == "__main__":
    watch_iterations()
    parser = argparse.ArgumentParser(description=__doc__)
    add_handshake_options(parser)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--ms", type=float, default=60)
    asyncio.run(main(parser.parse_args()))
