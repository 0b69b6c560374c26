"""The services: how each is started, when it is ready, who calls it, which of its processes are watched."""
import glob
import http.client
import json
import os
import shutil
import sys
import tempfile

from processes import APPS, HttpLoad, Missing, Process, answers, children, command_line, free_port, listens

IDLE_CONNECTIONS = 500


class Service:
    """One instance on one interpreter. Subclasses start what they consist of in begin()."""

    name, store, paths = "", "services", ("/",)
    short = False  # in `make test`
    only = None  # versions of Python
    groups = ("well", "sick")  # of cases.py
    verdicts = ("waiting",)  # of `aiotrace hang` while it is healthy
    options = ()  # of aiotrace
    more_stalls = ()  # that only this one can have
    one_worker = True
    app = None  # of an ASGI server: module:name

    def __init__(self, venv, folder, env):
        self.venv, self.folder, self.env = venv, folder, env
        self.running, self.load, self.port = [], None, free_port()
        self.outside = self.stalled = None  # of cases.py

    def tool(self, name):
        path = os.path.join(self.venv, "bin", name)
        if not os.path.exists(path):
            raise Missing("%s is not in %s" % (name, self.venv))
        return path

    def asgi(self):
        """The application, behind the middleware where that is to be there."""
        if not self.env.get("AIOTRACE_FAULTS"):
            self.env = {**self.env, "PYTHONPATH": APPS}
            return self.app
        self.env = {**self.env, "AIOTRACE_APP": self.app}
        return "middleware:app"

    def python(self, app, *arguments):
        return [self.tool("python"), os.path.join(APPS, app), *map(str, arguments)]

    def spawn(self, name, command, env=None, outside=True):
        self.running.append(Process(name, command, self.folder, {**(self.env if outside else {}), **(env or {})}))
        return self.running[-1]

    def caller(self, name, command):
        """A program that calls the service; it says `ready`."""
        process = self.spawn(name, command, outside=False)
        process.wait_for(lambda: "ready" in process.text())

    def start(self):
        self.begin()
        self.call()

    def call(self):
        self.running[0].wait_for(lambda: answers(self.port, self.paths[0]))
        self.load = HttpLoad(self.port, self.paths)

    def pids(self):
        """Those that are watched; the first takes the faults in."""
        return [self.running[0].pid]

    def faulty_pid(self):
        return self.pids()[0]

    def readable_pids(self):
        """Those with tasks."""
        return self.pids()

    def failures(self):
        return ["the service: " + text for text in self.load.failures[:3]] if self.load else []

    def end(self):
        if self.load:
            self.load.end()
        for process in reversed(self.running):
            process.end()


class Uvicorn(Service):
    name, loop, short, paths, app = "uvicorn", "asyncio", True, ("/", "/thread", "/", "/stream"), "web:app"
    more = ()

    def begin(self):
        app = self.asgi()
        self.spawn("uvicorn", [self.tool("uvicorn"), "--port", str(self.port), "--loop", self.loop, "--no-access-log", *self.more, app])


class UvicornUvloop(Uvicorn):
    name, loop = "uvicorn-uvloop", "uvloop"


class UvicornWorkers(Uvicorn):
    """A master that only waits for its workers, which are watched by --follow."""

    name, short, options = "uvicorn-workers", False, ("--follow",)
    more, one_worker = ("--workers", "2"), False

    def readable_pids(self):
        return [pid for pid in children(self.running[0].pid) if b"spawn_main" in command_line(pid)]

    def faulty_pid(self):
        return self.readable_pids()[0]


class Aiohttp(Service):
    name, short, paths = "aiohttp", True, ("/", "/relay")

    def begin(self):
        self.spawn("aiohttp", self.python("aio.py", self.port))


class Hypercorn(Service):
    name, app = "hypercorn", "web:app"

    def begin(self):
        app = self.asgi()
        self.spawn("hypercorn", [self.tool("hypercorn"), "-b", "127.0.0.1:%d" % self.port, "--workers", "0", app])


class Websockets(Service):
    name = "websockets"

    def begin(self):
        self.spawn("websockets", self.python("ws_server.py", self.port))

    def call(self):
        self.running[0].wait_for(lambda: listens(self.port))
        self.caller("clients", self.python("ws_clients.py", self.port, IDLE_CONNECTIONS))

    def pids(self):
        return [process.pid for process in self.running]


class Grpc(Service):
    name = "grpc"

    def begin(self):
        self.spawn("grpc", self.python("grpc_server.py", self.port))

    def call(self):
        self.running[0].wait_for(lambda: listens(self.port))
        self.caller("clients", self.python("grpc_clients.py", self.port))

    def pids(self):
        return [process.pid for process in self.running]


class Dask(Service):
    name = "dask"

    def begin(self):
        address = "tcp://127.0.0.1:%d" % self.port
        where = ["--host", "127.0.0.1", "--no-dashboard"]
        self.spawn("scheduler", [self.tool("dask"), "scheduler", "--port", str(self.port), *where])
        self.running[0].wait_for(lambda: listens(self.port))
        self.spawn("worker", [self.tool("dask"), "worker", address, *where, "--nworkers", "1", "--nthreads", "2", "--no-nanny"])

    def call(self):
        self.caller("client", self.python("dask_load.py", "tcp://127.0.0.1:%d" % self.port))

    def pids(self):
        return [process.pid for process in self.running[:2]]


class Jupyter(Service):
    name, paths = "jupyter", ("/api/status", "/api/kernels")

    def begin(self):
        home = {name: self.folder for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
        self.spawn("jupyter", [self.tool("python"), "-m", "jupyter_server", "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=%d" % self.port,
                               "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--ServerApp.root_dir=" + self.folder], home)

    def call(self):
        super().call()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/api/kernels", body="{}", headers={"content-type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 201:
            raise Missing("no kernel: %s" % body[:200])
        self.running[0].wait_for(self.kernel_listens)

    def kernel_listens(self):
        for path in glob.glob(os.path.join(self.folder, "kernel-*.json")):
            with open(path) as file:
                return listens(json.load(file)["shell_port"])

    def kernels(self):
        return [pid for pid in children(self.running[0].pid) if b"ipykernel" in command_line(pid)]

    def pids(self):
        return [self.running[0].pid, *self.kernels()]


class Kernel(Jupyter):
    """The same; the faults are in the kernel."""

    name = "ipykernel"

    def pids(self):
        return self.kernels()


class Mitmproxy(Service):
    name, store, only = "mitmproxy", "services-mitmproxy", ("3.13",)

    def begin(self):
        self.behind = free_port()
        self.spawn("behind", [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.behind)], outside=False)
        self.running.insert(0, self.spawn("mitmdump", [self.tool("mitmdump"), "-q", "--listen-host", "127.0.0.1", "--listen-port", str(self.port), "--mode",
                                                       "reverse:http://127.0.0.1:%d" % self.behind, "--set", "confdir=" + self.folder]))
        self.running.pop()


class Prefect(Service):
    name, store, only, paths = "prefect", "services-prefect", ("3.11",), ("/api/health", "/api/admin/version")

    def begin(self):
        home = {"PREFECT_HOME": self.folder, "HOME": self.folder, "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_API_URL": "http://127.0.0.1:%d/api" % self.port}
        self.spawn("prefect", [self.tool("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"], home)

    def pids(self):
        return [pid for pid in children(self.running[0].pid)][-1:] or [self.running[0].pid]


class Anyio(Service):
    name = "anyio"

    def begin(self):
        self.spawn("anyio", self.python("anyio_parents.py", self.port))

    def call(self):
        self.running[0].wait_for(lambda: listens(self.port))


class Sanic(Service):
    name = "sanic"

    def begin(self):
        self.spawn("sanic", self.python("sanic_app.py", self.port))


class Granian(Service):
    """A master in Rust's hands, its worker is watched by --follow."""

    name, options, app = "granian", ("--follow",), "plain_asgi:app"

    def begin(self):
        app = self.asgi()
        self.spawn("granian", [self.tool("granian"), "--interface", "asgi", "--port", str(self.port), app])

    def faulty_pid(self):
        return children(self.running[0].pid)[-1]

    def readable_pids(self):
        return [self.faulty_pid()]


class Database(Service):
    name, more_stalls = "sqlalchemy", ("sql-sleep", "sql-hash", "sql-file_lock")

    def begin(self):
        self.spawn("sqlalchemy", self.python("database.py", self.port, os.path.join(self.folder, "rows.sqlite")))


class LongClient(Service):
    name = "long-client"

    def begin(self):
        self.spawn("client", self.python("long_client.py"))

    def call(self):
        self.running[0].wait_for(lambda: "ready" in self.running[0].text())


class Waits(LongClient):
    """Not a service: the waits that are in services, each of which somebody can end."""

    name, groups, verdicts = "waits", ("healthy",), ("waiting", "held", "exhausted")

    def begin(self):
        self.spawn("waits", self.python("waits.py"))


class LostWaits(LongClient):
    """And those that nobody will end."""

    name, groups = "lost-waits", ("lost",)

    def begin(self):
        self.spawn("lost", self.python("lost_waits.py"))

    def lost(self):
        """[(coroutine, number of tasks, whether it can be proved)…]."""
        rows = [line.split() for line in self.running[0].text().splitlines() if line != "ready"]
        return [(name, int(count), proved == "1") for name, count, proved in rows]


class Redis(Service):
    name = "redis"

    def begin(self):
        if not shutil.which("redis-server"):
            raise Missing("no redis-server (Debian's package redis-server)")
        path = os.path.join(tempfile.mkdtemp(dir=self.folder), "socket")
        server = self.spawn("redis-server", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--unixsocket", path], outside=False)
        server.wait_for(lambda: listens(self.port))
        self.running.insert(0, self.spawn("client", self.python("redis_client.py", self.port)))
        self.running.pop()

    def call(self):
        self.running[0].wait_for(lambda: "ready" in self.running[0].text())


class Foreign(LongClient):
    """A loop of another library than asyncio."""

    groups, said = ("foreign",), None

    def begin(self):
        self.spawn(self.name, self.python(self.name + "_app.py"))


class Trio(Foreign):
    name, said = "trio", "trio"


class Gevent(Foreign):
    name, said = "gevent", "gevent"


class Twisted(Foreign):
    name, said = "twisted", "Twisted"


class Celery(Foreign):
    """No event loop of any kind."""

    name = "celery"

    def begin(self):
        self.spawn("celery", [self.tool("celery"), "-A", "celery_app", "worker", "--pool", "solo", "--concurrency", "1", "-l", "info"], {"PYTHONPATH": APPS})

    def call(self):
        self.running[0].wait_for(lambda: " ready." in self.running[0].text())


ALL = (Uvicorn, UvicornUvloop, UvicornWorkers, Aiohttp, Hypercorn, Websockets, Grpc, Dask, Jupyter, Kernel, Mitmproxy, Prefect, Anyio, Sanic, Granian, Database, LongClient, Waits, LostWaits, Redis,
       Trio, Gevent, Twisted, Celery)
