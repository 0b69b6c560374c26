"""A loop and interpreters with a GIL of their own (3.12+); a thread keeps a GIL while the loop wants it.

--where main: the loop and the holder are in the main interpreter, a subinterpreter spins at the same time (its thread
needs the main interpreter's GIL only at its start and end) and is not the culprit. --where sub: the loop and the holder
are in a subinterpreter, which a thread runs that did not create it.
"""
import argparse
import os
import sys
import threading

import records

HOLDER = "gil-holder"
SPINNER = """
import posix
def spin_in_sub():
    posix.write(%d, b"spins")
    while True: pass
spin_in_sub()
"""
LOOP = """
import sys
sys.path[:] = %r
import subinterpreters
subinterpreters.run_loop(%d, %r, %r)
"""


def interpreter():
    """(create, run a text in it)."""
    if sys.version_info >= (3, 14):
        from concurrent import interpreters
        return interpreters.create, lambda one, text: one.exec(text)
    if sys.version_info >= (3, 13):
        import _interpreters
        return _interpreters.create, _interpreters.exec
    import _xxsubinterpreters
    return _xxsubinterpreters.create, _xxsubinterpreters.run_string


def hold_gil():
    """A sort in C never releases it."""
    import random
    numbers = list(range(400000))
    random.Random(1).shuffle(numbers)
    numbers.sort()


def run_loop(count, ready, go):
    import asyncio

    async def main():
        records.say_ready(ready)
        await records.wait_go(go)
        for _ in range(count):
            await asyncio.sleep(0.02)
            holder = threading.Thread(target=hold_gil, name=HOLDER)
            holder.start()
            join_holder(holder)

    asyncio.new_event_loop().run_until_complete(main())


def join_holder(holder):
    while holder.is_alive():
        sum(range(1000))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    records.add_handshake_options(parser)
    parser.add_argument("--where", choices=("main", "sub"), required=True)
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args()
    create, run = interpreter()
    one = create()
    if options.where == "main":
        spins, says = os.pipe()
        threading.Thread(target=run, args=(one, SPINNER % says), name="spinner").start()
        os.read(spins, 5)
        run_loop(options.count, options.ready, options.go)
    else:
        beside = threading.Thread(target=run, args=(one, LOOP % (sys.path, options.count, options.ready, options.go)),
                                  name="loop-thread")
        beside.start()
        beside.join()
    sys.stdout.flush()
    os._exit(0)  # 3.12 does not come to its end with a subinterpreter that has had threads


if __name__ == "__main__":
    main()
