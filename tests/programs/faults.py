"""An asyncio program that blocks its loop in known ways and records what it did.

Each line of --record is one fault: kind, label, start_ns and end_ns (time.monotonic_ns around the blocking part), task,
coroutine, function, file, line, stack (innermost first), thread, tid, expected_cause, `single` (one cause should have
95 % of the stall), cpu_ns and wait_ns (the thread's time on a CPU, and ready but waiting for one, by the kernel's count). With --own-clock also the iteration's limits as the selector saw them, and lines of kind
`incidental` for any other iteration of 10 ms and more.
"""
import argparse
import asyncio
import atexit
import os
import random
import re
import socket
import sys
import threading
import time

import fault_kinds
from fault_env import Environment, Fault
from fault_kinds import KINDS
from records import ClockedSelector, Writer, add_handshake_options, function_name, say_ready, stack_of, wait_go

STYLES = ("nested", "wakeup", "callback", "default-name")


class Injector:
    def __init__(self, loop, env, options):
        self.loop = loop
        self.env = env
        self.options = options
        self.output = Writer(options.record)
        self.clock = None

    # -- one fault

    def block(self, fault):
        KINDS[fault.kind].block(fault)

    async def middle(self, fault):
        if fault.record["style"] == "wakeup":
            await asyncio.sleep(0.001)
        KINDS[fault.kind].block(fault)

    async def run_fault(self, fault):
        await self.middle(fault)

    async def run_gil_regex(self, fault):
        """A regular expression in an executor's thread holds the GIL, so that the loop's own poll cannot return."""
        size = regex_size(fault.milliseconds + 3)
        holder = {}
        future = self.loop.run_in_executor(None, hold_gil_with_regex, size, holder)
        due = time.monotonic_ns() + 5000000
        woken = self.loop.create_future()
        self.loop.call_later(0.005, lambda: woken.set_result(time.monotonic_ns()))
        fault.mark(0)
        end_ns = await woken
        await future
        fault.record.update(start_ns=max(due, holder.pop("start_ns")), end_ns=end_ns, holder=holder, task=None,
                            coroutine=None, function=None, file=None, line=None, stack=None, cpu_ns=None,
                            wait_ns=None, in_poll=True)

    async def inject(self, fault, style):
        kind = KINDS.get(fault.kind)
        fault.record.update(style=style, stdlib=bool(kind and kind.stdlib))
        if fault.kind == "gil-regex":
            fault.record.update(expected_cause="gil", single=True)
            await self.run_gil_regex(fault)
            return
        if kind.prepare:
            kind.prepare(fault)
            if kind.ready:
                await kind.ready(fault)
            await asyncio.sleep(0.001)
        fault.record.update(expected_cause=kind.cause, single=kind.single(fault))
        if kind.library:
            fault.record["library"] = kind.library
            if fault_kinds.native_is_built_in(kind.library):
                fault.record.update(expected_cause="python", library=None)
        if style == "callback":
            ended = self.loop.create_future()
            self.loop.call_soon(lambda: (self.block(fault), ended.set_result(None)))
            await ended
        elif style == "default-name":
            await asyncio.create_task(self.run_fault(fault))
        else:
            await asyncio.create_task(self.run_fault(fault), name=fault.label)
        await asyncio.sleep(0)  # the iteration of the stall is over: later time does not belong to it
        if kind.finish:
            kind.finish(fault)

    # -- all of them

    def write_fault(self, fault):
        """Iterations that belong to no fault are recorded too: they were stalls, although not requested."""
        record = fault.record
        if self.clock:
            for start, end in self.clock.long:
                if start <= record["end_ns"] and end >= record["start_ns"]:
                    record.update(iteration_start_ns=start, iteration_end_ns=end)
                else:
                    self.output.write({"kind": "incidental", "label": None, "start_ns": start, "end_ns": end})
            self.clock.long.clear()
        self.output.write(record)

    async def run(self, faults):
        styles = self.options.styles.split(",")
        background = [self.loop.create_task(coro) for coro in (healthy_tasks(self.loop) if self.options.load else [])]
        say_ready(self.options.ready)
        await wait_go(self.options.go)
        for index, (kind, milliseconds) in enumerate(faults):
            fault = Fault(kind, milliseconds, "fault-%s-%d" % (kind, index), self.env)
            await self.inject(fault, styles[index % len(styles)])
            await asyncio.sleep(self.options.gap / 1000.0)
            self.write_fault(fault)
        if self.options.exit_in_stall:
            await asyncio.create_task(self.exit_in_stall(), name="exit-in-stall")
        while self.options.stay:
            await asyncio.sleep(0.1)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    async def exit_in_stall(self):
        """The process ends while its loop sleeps; the thread that ends it writes the record."""
        fault = Fault("sleep", 60000, "exit-in-stall", self.env)
        fault.record.update(style="exit", single=True, expected_cause="sleep", exits=True, stdlib=False)

        def leave():
            time.sleep(0.3)
            fault.done()
            self.write_fault(fault)
            self.env.peer.stdin.close()
            os._exit(0)

        thread = threading.Thread(target=leave, name="leaver")
        thread.start()
        KINDS["sleep"].block(fault)


def regex_search(size):
    return re.search("a*a*b", "a" * size)


def hold_gil_with_regex(size, holder):
    time.sleep(0.002)  # let the loop reach its poll first
    frame = sys._getframe()
    holder.update(start_ns=time.monotonic_ns(), thread=threading.current_thread().name, tid=threading.get_native_id(),
                  function=function_name(regex_search.__code__), file=frame.f_code.co_filename,
                  line=regex_search.__code__.co_firstlineno + 1, stack=stack_of(frame))
    regex_search(size)


def regex_size(milliseconds, cache={}):  # noqa: B006 (the cache is meant)
    """The time of the search grows with the third power of the size; it is measured once."""
    if not cache:
        regex_search(10)
        start = time.thread_time_ns()  # without the time of other programs
        regex_search(300)
        cache["ms"] = (time.thread_time_ns() - start) / 1e6
    return int(300 * (milliseconds / cache["ms"]) ** (1.0 / 3.0))


def healthy_tasks(loop):
    """Timers, sockets and a little work, none of which blocks the loop."""
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)

    async def echo():
        while True:
            await loop.sock_sendall(right, await loop.sock_recv(right, 100))

    async def talk():
        while True:
            await loop.sock_sendall(left, b"ping")
            await loop.sock_recv(left, 100)
            await asyncio.sleep(0.002)

    async def work():
        while True:
            sum(range(500))
            await asyncio.sleep(0.003)

    return [echo(), talk()] + [work() for _ in range(3)]


def parse_faults(options):
    """[(kind, ms)…]; `kind:ms*count` repeats."""
    faults = []
    for text in filter(None, options.faults.split(",")):
        kind, _, rest = text.partition(":")
        length, _, count = rest.partition("*")
        faults += [(kind, float(length or 100))] * int(count or 1)
    if options.count:
        kinds = options.kinds.split(",")
        mixed = [(kinds[i % len(kinds)], float(length)) for length in options.lengths.split(",")
                 for i in range(options.count)]
        if options.mix:
            random.Random(options.seed).shuffle(mixed)
        faults += mixed
    unknown = {kind for kind, _ in faults} - set(KINDS) - {"gil-regex"}
    if unknown:
        raise SystemExit("unknown kind of fault: " + ", ".join(sorted(unknown)))
    return faults


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_handshake_options(parser)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--faults", default="", help="kind:ms[*count],…; kinds: " + " ".join(KINDS) + " gil-regex")
    parser.add_argument("--count", type=int, default=0, help="faults of each length")
    parser.add_argument("--lengths", default="20,50,51,100,250,1000", help="in ms, for --count")
    parser.add_argument("--kinds", default="sleep,python,sort,native,kernel,file,network,udp,poll,process,lock,other",
                        help="for --count")
    parser.add_argument("--mix", action="store_true", help="shuffle them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--styles", default=",".join(STYLES), help="taken in turn")
    parser.add_argument("--gap", type=float, default=2.0, help="ms between faults")
    parser.add_argument("--load", action="store_true", help="healthy tasks beside the faults")
    parser.add_argument("--own-clock", action="store_true", help="note the iterations' limits (asyncio only)")
    parser.add_argument("--exit-in-stall", action="store_true")
    parser.add_argument("--stay", action="store_true", help="idle after the last fault until killed")
    return parser.parse_args()


def main():
    options = parse_options()
    faults = parse_faults(options)
    env = Environment({kind for kind, _ in faults})
    atexit.register(env.close)
    clock = None
    if options.loop == "uvloop":
        import uvloop
        loop = uvloop.new_event_loop()
    elif options.own_clock:
        clock = ClockedSelector()
        loop = asyncio.SelectorEventLoop(clock)
    else:
        loop = asyncio.SelectorEventLoop()
    if any(kind == "gil-regex" for kind, _ in faults):
        regex_size(1)
    injector = Injector(loop, env, options)
    injector.clock = clock
    loop.run_until_complete(injector.run(faults))
    loop.run_until_complete(loop.shutdown_default_executor() if sys.version_info >= (3, 9) else asyncio.sleep(0))
    loop.close()


if __name__ == "__main__":
    main()
