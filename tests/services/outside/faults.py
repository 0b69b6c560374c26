"""The faults. Each stall notes where it blocks and what the kernel counts for the thread meanwhile; each leak and hang what it left."""
import asyncio
import concurrent.futures
import ctypes
import fcntl
import gc
import hashlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HELD = []  # what leaks, on purpose
CACHE_LOCK = asyncio.Lock()
INDEX_LOCK = asyncio.Lock()
TABLE_LOCK = asyncio.Lock()
BLOB = os.urandom(1 << 16)


def run_delay_ns():
    """Time that the thread has waited for a CPU so far."""
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1])


class Block:
    """What one stall did: its line is `offset` lines below the one that calls `at`."""

    def at(self, offset, lines=1):
        frame = sys._getframe(1)
        self.where = {"function": frame.f_code.co_name, "file": frame.f_code.co_filename, "line": frame.f_lineno + offset, "lines": lines}
        self.delay_ns, self.cpu_ns, self.start_ns = run_delay_ns(), time.thread_time_ns(), time.monotonic_ns()

    def done(self):
        end_ns, cpu_ns, delay_ns = time.monotonic_ns(), time.thread_time_ns(), run_delay_ns()
        return {**self.where, "start_ns": self.start_ns, "end_ns": end_ns, "cpu_ns": cpu_ns - self.cpu_ns, "delay_ns": delay_ns - self.delay_ns,
                "tid": threading.get_native_id()}


def block_sleep(seconds, block):
    block.at(1)
    time.sleep(seconds)
    return {"cause": "sleep"}


def block_network(seconds, block):
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    timer = threading.Timer(seconds, peer.send, (b"x",))
    timer.start()
    block.at(1)
    client.recv(1)
    culprit = {"peer": "%s:%d" % server.getsockname()}
    return {"cause": "network", "culprit": culprit, "after": [timer.join, client.close, peer.close, server.close]}


def block_file_lock(seconds, block):
    path = tempfile.mkstemp(prefix="aiotrace-services-")[1]
    script = "import fcntl,sys,time\nf=open(sys.argv[1],'w')\nfcntl.flock(f,2)\nprint('x',flush=True)\nsys.stdin.readline()\ntime.sleep(float(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", script, path, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with open(path, "w") as file:
            other.stdin.write(b"\n")
            other.stdin.flush()
            block.at(1)
            fcntl.flock(file, fcntl.LOCK_EX)
            done = block.done()
    os.unlink(path)
    return {"cause": "file", "culprit": {"path": path, "op": "lock"}, "done": done}


def block_hash(seconds, block):
    until = time.thread_time() + seconds
    block.at(2)
    while time.thread_time() < until:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4000)
    return {"cause": "native"}


def block_zlib(seconds, block):
    until = time.thread_time() + seconds
    block.at(2)
    while time.thread_time() < until:
        zlib.crc32(BLOB)
    return {"cause": "native"}


def block_python(seconds, block):
    until, total = time.thread_time() + seconds, 0
    block.at(1, 2)
    while time.thread_time() < until:
        total += sum(range(20000))
    return {"cause": "python"}


def block_process(seconds, block):
    process = subprocess.Popen(["sleep", str(seconds)])
    block.at(1)
    os.waitpid(process.pid, 0)
    process.returncode = 0
    return {"cause": "process", "culprit": {"pid": process.pid, "comm": "sleep"}}


def hold_gil(seconds, begun):
    begun.set()
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def block_gil(seconds, block):
    begun = threading.Event()
    holder = threading.Thread(target=hold_gil, args=(seconds, begun), name="holder")
    block.at(1, 4)
    holder.start()
    begun.wait()
    while holder.is_alive():
        time.sleep(0)
    return {"cause": "gil", "culprit": {"thread": "holder"}, "holder_function": "hold_gil"}


LEDGER = threading.Lock()


def keep_ledger(seconds, begun):
    with LEDGER:
        begun.set()
        time.sleep(seconds)


def block_lock(seconds, block):
    begun = threading.Event()
    threading.Thread(target=keep_ledger, args=(seconds, begun), name="keeper").start()
    begun.wait()
    block.at(1)
    with LEDGER:
        done = block.done()
    return {"cause": "lock", "done": done, "holder_function": "keep_ledger"}


def block_gc(seconds, block):
    until = time.thread_time() + seconds
    block.at(2)
    while time.thread_time() < until:
        gc.collect()
    return {"cause": "gc"}


def block_regex(seconds, block):
    until = time.thread_time() + seconds
    block.at(2)
    while time.thread_time() < until:
        re.match(r"(a+)+$", "a" * 16 + "b")
    return {"cause": "python"}


def block_sqlite(seconds, block):
    """SQLite's busy handler: it sleeps and asks again."""
    path = tempfile.mkstemp(prefix="aiotrace-services-")[1]
    first, second = (sqlite3.connect(path, timeout=seconds, isolation_level=None) for _ in range(2))
    first.execute("BEGIN EXCLUSIVE")
    try:
        block.at(1)
        second.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        done = block.done()
    first.close()
    second.close()
    os.unlink(path)
    return {"cause": "sleep", "done": done}


def block_join(seconds, block):
    thread = threading.Thread(target=time.sleep, args=(seconds,), name="joined")
    thread.start()
    block.at(1)
    thread.join()
    return {"cause": "lock"}


STALLS = {name[len("block_"):]: function for name, function in list(globals().items()) if name.startswith("block_")}


def run(kind, seconds, say, coroutine):
    block = Block()
    what = STALLS[kind](seconds, block)
    done = what.pop("done", None) or block.done()
    for each in what.pop("after", ()):
        each()
    say(kind=kind, **done, **what, coroutine=coroutine, task=asyncio.current_task().get_name() if coroutine else None)


def vendored():
    """The same functions, as those of an installed package: no line of theirs is the program's own."""
    path = os.path.join(os.environ["AIOTRACE_FAULTS"], "site-packages", "vendored.py")
    with open(__file__) as source:
        code = compile(source.read(), path, "exec")
    names = {"__name__": "vendored", "__file__": path}
    exec(code, names)
    return names


async def nightly_job(kind, seconds, say):
    run(kind, seconds, say, "nightly_job")


def in_greenlet(kind, seconds, say):
    """Before the next statement that SQLAlchemy executes, which AsyncSession does in a greenlet."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "before_cursor_execute", once=True)
    def audit(*_):
        run(kind, seconds, say, asyncio.current_task().get_coro().__qualname__)


# ---- Leaks -----------------------------------------------------------------------------------------------------------


async def write_audit(entry):
    await asyncio.sleep(entry)


async def poll_upstream(future):
    await future


async def wait_for_answer(future):
    await future


async def read_rows():
    for each in range(10):
        yield each


async def refresh_cache():
    raise ValueError("nobody asks")


async def leak_never(count):
    HELD.extend(write_audit(1) for _ in range(count))
    return {"class": "never-awaited", "leaks": "write_audit"}


async def leak_orphan(count):
    for _ in range(count):
        coroutine = poll_upstream(asyncio.get_running_loop().create_future())
        coroutine.send(None)
        HELD.append(coroutine)
    return {"class": "orphaned", "leaks": "poll_upstream"}


async def leak_stuck(count):
    for _ in range(count):
        future = asyncio.get_running_loop().create_future()
        HELD.append((future, asyncio.ensure_future(wait_for_answer(future))))
    return {"class": "stuck", "leaks": "wait_for_answer"}


async def leak_generator(count):
    for _ in range(count):
        rows = read_rows()
        await rows.__anext__()
        HELD.append(rows)
    return {"class": "async-generator", "leaks": "read_rows"}


async def leak_exception(count):
    HELD.extend(asyncio.ensure_future(refresh_cache()) for _ in range(count))
    await asyncio.sleep(0)
    return {"class": "unread-exception", "leaks": "refresh_cache"}


async def send_mail():
    pass


def forget():
    send_mail()


async def leak_dropped(count):
    for _ in range(count):
        forget()
    return {"class": "dropped", "leaks": "send_mail", "count": None, "line": forget.__code__.co_firstlineno + 1}


# ---- Hangs -----------------------------------------------------------------------------------------------------------


async def cross(first, second, met):
    async with first:
        met.append(1)
        while len(met) < 2:
            await asyncio.sleep(0)
        async with second:
            pass


async def hang_deadlock():
    met = []
    HELD.extend(asyncio.ensure_future(cross(*pair, met)) for pair in ((CACHE_LOCK, INDEX_LOCK), (INDEX_LOCK, CACHE_LOCK)))
    return {"verdict": ["deadlock"], "waiters": "cross", "count": 2, "resource": "lock"}


async def take_and_end():
    await TABLE_LOCK.acquire()


async def use_table():
    async with TABLE_LOCK:
        pass


async def hang_ended():
    await asyncio.ensure_future(take_and_end())
    HELD.extend(asyncio.ensure_future(use_table()) for _ in range(6))
    return {"verdict": ["abandoned", "waiting"], "waiters": "use_table", "count": 6, "resource": "lock"}


async def make_thumbnail(pool):
    await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 120)


async def hang_executor():
    pool = concurrent.futures.ThreadPoolExecutor(3, "thumbnails")
    HELD.append(pool)
    HELD.extend(asyncio.ensure_future(make_thumbnail(pool)) for _ in range(20))
    return {"verdict": ["exhausted"], "waiters": "make_thumbnail", "count": 17, "resource": "executor"}


SLOTS = asyncio.BoundedSemaphore(2)


async def upload(slots):
    async with slots:
        await asyncio.sleep(600)


async def hang_slots():
    HELD.extend(asyncio.ensure_future(upload(SLOTS)) for _ in range(8))
    return {"verdict": ["exhausted"], "waiters": "upload", "count": 6, "resource": "semaphore"}


async def wait_lost(event):
    await event.wait()


async def hang_lost():
    event = asyncio.Event()
    tasks = [asyncio.ensure_future(wait_lost(event)) for _ in range(6)]
    HELD.extend(tasks)
    return {"verdict": ["unresolvable"], "waiters": "wait_lost", "count": 6, "resource": "event"}


async def answer():
    return 1


async def hang_self(say):
    say(kind="self", verdict=["self-wait"], waiters="hang_self", count=1, resource="future")
    asyncio.run_coroutine_threadsafe(answer(), asyncio.get_running_loop()).result()


LEAKS = {name[len("leak_"):]: function for name, function in list(globals().items()) if name.startswith("leak_")}
HANGS = {name[len("hang_"):]: function for name, function in list(globals().items()) if name.startswith("hang_") and name != "hang_self"}


async def leave(kind, say):
    what = await LEAKS[kind](COUNT)
    say(**{"kind": kind, "count": COUNT, **what})


async def entangle(kind, say):
    say(kind=kind, **await HANGS[kind]())


COUNT = 4
VENDORED = vendored() if __name__ == "faults" else None


def begin(loop, kind, seconds, say):
    if kind.startswith("callback-"):
        loop.call_soon(run, kind.partition("-")[2], seconds, say, None)
    elif kind.startswith("vendored-"):
        HELD.append(asyncio.ensure_future(VENDORED["nightly_job"](kind.partition("-")[2], seconds, say), loop=loop))
    elif kind.startswith("sql-"):
        in_greenlet(kind.partition("-")[2], seconds, say)
    elif kind in STALLS:
        HELD.append(asyncio.ensure_future(nightly_job(kind, seconds, say), loop=loop))
    elif kind in LEAKS:
        asyncio.ensure_future(leave(kind, say), loop=loop).add_done_callback(lambda task: task.result())
    elif kind == "self":
        HELD.append(asyncio.ensure_future(hang_self(say), loop=loop))
    else:
        asyncio.ensure_future(entangle(kind, say), loop=loop).add_done_callback(lambda task: task.result())
