"""aiotrace and what it wrote."""
import json
import os
import signal
import subprocess
import time

from processes import Wrong

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, os.environ.get("AIOTRACE_BINARY") or "build/aiotrace")


class Tracer:
    def __init__(self, folder, name, *arguments):
        self.name, self.path, self.said_path = name, os.path.join(folder, name + ".json"), os.path.join(folder, name + ".said")
        self.command = [BINARY, *arguments]
        if os.path.exists(self.path):  # of a case before on the same service
            os.unlink(self.path)
        self.said = open(self.said_path, "w+b")
        self.process = subprocess.Popen([*self.command, "--json", self.path], stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)

    def lines(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def of(self, kind):
        return [line for line in self.lines() if line["type"] == kind]

    def text(self):
        with open(self.said_path, errors="replace") as file:
            return file.read()

    def wait_for(self, what, seconds=60):
        """Whether it came to that."""
        until = time.monotonic() + seconds
        while not what() and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        return bool(what())

    def watching(self):
        if not self.wait_for(lambda: self.of("watching")):
            raise Wrong("aiotrace wrote no `watching`: " + self.text()[-400:])
        return self

    def stop(self, seconds=60):
        """As Ctrl-C does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "none within %d s" % seconds
            self.process.wait()
        self.said.close()
        return status

    def stalls(self):
        """Each once: its last line."""
        return list({line["id"]: line for line in self.of("stall")}.values())


def run(*arguments, seconds=90):
    """(exit status, standard output, standard error) of a command that ends by itself."""
    done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
                          env={**os.environ, "COLUMNS": "160", "LINES": "50", "TERM": "xterm"})
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
