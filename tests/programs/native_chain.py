"""Stalls through a library (tests/programs/lib/chain.c, given as --library) and back: Python and native frames are
mixed.

Each record has `chain`: the functions as they called each other, innermost first, the library's among Python's own."""
import argparse
import asyncio
import ctypes
import sys
import time

from records import SOME, Writer, add_handshake_options, begin, end, say_ready, stack_of, wait_go, watch_iterations

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_longlong)
record = {}


def note_chain(frame, leaf=()):
    """The library's functions stand inside of each call_out."""
    chain = []
    for function, _, _ in stack_of(frame):
        if function == "call_out":
            chain += [*leaf, "chain_middle", "chain_outer"]
            leaf = ()
        chain.append(function)
    record["chain"] = chain


def inside_sleep(ns):
    note_chain(sys._getframe())
    time.sleep(ns / 1e9)


def inside_spin(ns):
    note_chain(sys._getframe())
    deadline = time.thread_time_ns() + ns
    while time.thread_time_ns() < deadline:
        sum(SOME)


def inside_again(ns):
    call_out(inside_sleep, ns)


def call_out(function, ns):
    if function is None:
        note_chain(sys._getframe(), leaf=("chain_spin",))
    LIBRARY.chain_outer(CALLBACK(function) if function else CALLBACK(), ctypes.c_longlong(ns))


def plainly(function, ns):
    call_out(function, ns)


async def awaited(function, ns):
    plainly(function, ns)


async def stall(kind, options, writer):
    await asyncio.sleep(0.005)
    record.clear()
    record["kind"] = kind
    begin(record, 1)
    await awaited(KINDS[kind], int(options.ms * 1e6))
    end(record)
    await asyncio.sleep(0.005)
    writer.write(record)


# Without a function it is the library's own leaf.
KINDS = {"sleep": inside_sleep, "spin": inside_spin, "again": inside_again, "leaf": None}


async def run(options):
    writer = Writer(options.record)
    say_ready(options.ready)
    await wait_go(options.go)
    for kind in KINDS:
        await asyncio.create_task(stall(kind, options, writer))


watch_iterations()
parser = argparse.ArgumentParser(description=__doc__)
add_handshake_options(parser)
parser.add_argument("--library", required=True)
parser.add_argument("--ms", type=float, default=100.0)
parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
arguments = parser.parse_args()
if arguments.loop == "uvloop":
    import uvloop
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
LIBRARY = ctypes.CDLL(arguments.library)
LIBRARY.chain_outer.argtypes = [CALLBACK, ctypes.c_longlong]
LIBRARY.chain_outer.restype = None
asyncio.run(run(arguments))
