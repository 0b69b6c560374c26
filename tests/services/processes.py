"""Services and those who call them: started here, ended here by their own pid."""
import glob
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "apps")
OUTSIDE = os.path.join(HERE, "outside")


class Missing(Exception):
    """What a case needs is not here: it is skipped."""


class Wrong(Exception):
    """The service itself did not do what it should."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Process:
    """A program with its output in a file; a group of its own, so that its children end with it."""

    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.path = os.path.join(folder, name + ".out")
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
                                            env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid

    def text(self):
        with open(self.path, errors="replace") as file:
            return file.read()

    def last_line(self):
        return (self.text().strip().splitlines() or ["no message"])[-1][-300:]

    def wait_for(self, what, seconds=90):
        """Until what() is true; the program must not end before."""
        until = time.monotonic() + seconds
        while not what():
            if self.process.poll() is not None:
                raise Wrong("%s ended with %d: %s" % (self.name, self.process.returncode, self.last_line()))
            if time.monotonic() > until:
                raise Wrong("%s was not ready within %d s: %s" % (self.name, seconds, self.last_line()))
            time.sleep(0.05)

    def end(self):
        for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass


def children(pid):
    """All processes below it."""
    found = []
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        try:
            with open(path) as file:
                below = [int(word) for word in file.read().split()]
        except OSError:
            below = []
        for each in below:
            found += [each, *children(each)]
    return found


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read()
    except OSError:  # it has ended
        return b""


def answers(port, path="/", headers=None):
    """(status, body) of one request; None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return None
    finally:
        connection.close()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class HttpLoad:
    """Light: a request on a connection that stays, some times a second, and one that is idle."""

    def __init__(self, port, paths=("/",), every_s=0.1):
        self.port, self.paths, self.every_s = port, paths, every_s
        self.count, self.failures, self.ends = 0, [], threading.Event()
        self.idle = socket.create_connection(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.ends.is_set():
            try:
                connection.request("GET", self.paths[self.count % len(self.paths)])
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append("status %d" % answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            self.count += 1
            self.ends.wait(self.every_s)
        connection.close()

    def end(self):
        self.ends.set()
        self.idle.close()


class Outside:
    """The plugin that was put into a service: asks it for faults, reads what it did."""

    def __init__(self, folder, pid):
        self.ask_path, self.said_path = (os.path.join(folder, "%d.%s" % (pid, end)) for end in ("ask", "said"))
        self.taken = 0

    def ready(self):
        return os.path.exists(self.said_path)

    def ask(self, line):
        file = os.open(self.ask_path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(file, line.encode() + b"\n")
        os.close(file)

    def said(self):
        with open(self.said_path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def do(self, line, seconds=30):
        """Asks, and waits for the record."""
        self.ask(line)
        return self.next(line, seconds)

    def next(self, line, seconds=30):
        until = time.monotonic() + seconds
        while len(self.said()) <= self.taken:
            if time.monotonic() > until:
                raise Wrong("no answer to `%s` within %d s" % (line, seconds))
            time.sleep(0.02)
        self.taken += 1
        return self.said()[self.taken - 1]


def environment(folder):
    """With which a service takes the plugin in."""
    return {"PYTHONPATH": OUTSIDE + ":" + APPS, "AIOTRACE_FAULTS": folder, "PYTHONDONTWRITEBYTECODE": "1"}
